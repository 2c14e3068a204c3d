#
# 004_memory.pl
#	  Resident memory of an export and of a scan stays within 128 MB above the idle backend, whatever their size.
#
# The backend's private memory (RssAnon) is sampled while the statement runs; at the end VmHWM, the kernel's own
# high-water mark, is checked as well, without the shared memory that the backend touched.
#
# OSS_TEST_MEMORY_MB (2048) is the size of the export.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use OssStore;
use OssSession;

plan skip_all => 'needs /proc' unless -r "/proc/$$/status";

my $limit_kb = 128 * 1024;
my $megabytes = $ENV{OSS_TEST_MEMORY_MB} // 2048;
my $rows = $megabytes * 1000;    # of about 1050 bytes each
my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_buffers = 64MB\nmax_parallel_workers_per_gather = 0\n");
$node->start;
$store->setup($node);
$node->safe_psql('postgres', q{
	CREATE FOREIGN TABLE plain (id int, body text) SERVER store OPTIONS (dir 'plain/', compression 'none');
	CREATE FOREIGN TABLE packed (id int, body text) SERVER store OPTIONS (dir 'packed/', compression 'gzip', compression_threads '4');
	CREATE FOREIGN TABLE single (id int, body text) SERVER store OPTIONS (dir 'single/', compression 'none', max_file_size '0');
});

# Runs a statement in a new session; returns (its output, growth of private memory in kB by sampling, by high-water mark).
sub growth_of
{
	my ($sql) = @_;
	my $session = OssSession->new($node, timeout => 900);
	my $pid = $session->pid;

	# a warm backend: library loaded, catalogs cached, threads and connections made
	$session->query('SELECT count(*) FROM (SELECT * FROM single LIMIT 1) s');
	my $idle = OssSession::status_kb($pid, 'RssAnon');
	my $peak = $idle;
	$session->send("$sql; SELECT pg_sleep(0), 'finished'");
	while ($session->{out} !~ /finished/ && $session->{out} !~ /ERROR/)
	{
		my $now = OssSession::status_kb($pid, 'RssAnon');
		$peak = $now if $now > $peak;
		$session->{run}->pump_nb;
		usleep(20_000);
		last unless $session->{run}->pumpable;
	}
	my $high = OssSession::status_kb($pid, 'VmHWM') - OssSession::status_kb($pid, 'RssShmem') - OssSession::status_kb($pid, 'RssFile');
	my $out = $session->answer;
	$session->finish;
	return ($out, $peak - $idle, $high - $idle);
}

sub stays_flat
{
	my ($what, $sql, $expected) = @_;
	my ($out, $sampled, $high) = growth_of($sql);
	like($out, $expected, "$what: done") or diag($out);
	cmp_ok($sampled, '<=', $limit_kb, "$what: private memory grew by at most 128 MB");
	cmp_ok($high, '<=', $limit_kb, "$what: so says the kernel's high-water mark");
	note(sprintf('%s: %.1f MB sampled, %.1f MB high-water mark', $what, $sampled / 1024, $high / 1024));
	return;
}

# generate_series() in FROM keeps its rows in a temporary file of work_mem; in the target list it keeps none
my $series = "SELECT i, md5(i::text) || repeat('0123456789', 101) FROM (SELECT generate_series(1, %d) AS i) s";

stays_flat("export of $megabytes MB", sprintf("INSERT INTO plain $series", $rows), qr/finished/);
stays_flat("scan of $megabytes MB", 'SELECT count(*), sum(length(body)) FROM plain', qr/^$rows\|/m);
$store->empty;
my $less = int($rows / 4);
stays_flat('export in one object', sprintf("INSERT INTO single $series", $less), qr/finished/);
stays_flat('scan of one object', 'SELECT count(*), sum(length(body)) FROM single', qr/^$less\|/m);
$store->empty;
stays_flat('export with gzip and four workers', sprintf("INSERT INTO packed $series", $less), qr/finished/);
stays_flat('scan with gzip', 'SELECT count(*), sum(length(body)) FROM packed', qr/^$less\|/m);

$node->stop;
$store->stop;
done_testing();
