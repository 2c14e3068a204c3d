#
# 053_huge_row.pl
#	  A row that would take more than 1 GB is refused by every format, before memory is gone and with nothing left behind; one that
#	  just fits comes back as it was.
#
# Needs 4 GB of memory; where they are not available it is skipped, which is told.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use OssStore;
use OssSession;

my $needed_kb = 4 * 1024 * 1024;

# kB of one field of a file of /proc
sub proc_kb
{
	my ($path, $field) = @_;
	open(my $file, '<', $path) or return 0;
	while (my $line = <$file>)
	{
		return $1 if $line =~ /^$field:\s+(\d+) kB/;
	}
	return 0;
}

if (proc_kb('/proc/meminfo', 'MemAvailable') < $needed_kb)
{
	diag('053_huge_row.pl is skipped: less than 4 GB of memory are available');
	plan skip_all => 'less than 4 GB of memory are available';
}

my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '-E', 'UTF8', '--locale=C.UTF-8' ]);
$node->append_conf('postgresql.conf', "shared_buffers = 32MB\n");
$node->start;
$store->setup($node);

sub nothing_left
{
	my ($what) = @_;
	is_deeply([ $store->objects ], [], "$what: no object");
	is_deeply([ $store->uploads ], [], "$what: no unfinished upload");
	return;
}

# 200 rows that make parts, then one whose 900 MB fit into a tuple, but grow by what is escaped: half of the bytes are quotes, half
# backslashes; of binary, which has no escapes, one of four such columns, which the plan hands over without making a tuple of them.
my $value = q{repeat(E'"\\\\', 150 * 1024 * 1024)};
my $huge = "SELECT repeat('y', 1000), 'b', 'c', 'd' FROM generate_series(1, 200) UNION ALL SELECT v, v, v, 'd' FROM (SELECT $value AS v OFFSET 0) s";
my $ours = qr/ERROR:  54000: a row is too large to be exported\nDETAIL:  A row of an object may have at most 1073741823 bytes/;
my %formats = (csv => '', text => '', jsonl => '', binary => '', packed => "format 'csv', compression 'zstd', partition_by 'd'");

for my $name ('csv', 'text', 'jsonl', 'binary', 'packed')
{
	my $options = $formats{$name} || "format '$name'";
	my $values = $name eq 'binary' ? $huge =~ s/v, v, v, 'd'/v, v, v, v/r : $huge;
	$node->safe_psql('postgres', "CREATE FOREIGN TABLE huge_$name (a text, b text, c text, d text) SERVER store OPTIONS (dir '$name/', part_size '100kB', $options)");
	my $session = OssSession->new($node, timeout => 300);
	my $start = time;
	my $answer = $session->query("INSERT INTO huge_$name $values");
	my $errors = () = $answer =~ /ERROR:/g;
	is($errors, 1, "$name: a row over 1 GB is one ERROR") or diag(substr($answer, 0, 1000));
	like($answer, $ours, "$name: the error tells why");
	note("$name: " . substr($answer =~ s/\n.*//sr, 0, 300) . '; ' . (time - $start) . ' s, ' . int(proc_kb('/proc/' . $session->pid . '/status', 'VmHWM') / 1024) . ' MB');
	nothing_left($name);
	like($session->query("INSERT INTO huge_$name VALUES ('after', 'b', 'c', 'd'); SELECT a FROM huge_$name"), qr/^after$/m, "$name: the session can export again");
	$session->finish;
	$store->empty;
}

# 900 MB is a row like any other
my $plain = q{repeat('x', 300 * 1024 * 1024)};
$node->safe_psql('postgres', "ALTER FOREIGN TABLE huge_$_ OPTIONS (DROP part_size)") for ('csv', 'jsonl');
for my $name ('csv', 'jsonl')
{
	my $session = OssSession->new($node, timeout => 300);
	my $start = time;
	is($session->query("INSERT INTO huge_$name SELECT v, v, v, 'end' FROM (SELECT $plain AS v OFFSET 0) s; SELECT length(a), length(c), d, a = c FROM huge_$name"),
		'314572800|314572800|end|t', "$name: a row of 900 MB goes out and comes back");
	note("$name: " . (time - $start) . ' s, ' . int(proc_kb('/proc/' . $session->pid . '/status', 'VmHWM') / 1024) . ' MB');
	$session->finish;
	$store->empty;
}

$node->stop;
$store->stop;
done_testing();
