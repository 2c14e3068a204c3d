#
# 054_large_parts.pl
#	  Parts larger than oss_fdw.max_memory may hold: they have the size that was asked for, memory stays bounded, and neither the
#	  temporary folder nor the store keeps anything that it should not.
#
# OSS_TEST_LARGE_MB (150) is the size of an export.
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

my $mb = 1024 * 1024;
my $part = 32 * $mb;
my $limit_kb = 64 * 1024;    # a quarter of max_memory, its half again in blocks, and what threads and libraries take
my $megabytes = $ENV{OSS_TEST_LARGE_MB} // 150;
my $rows = $megabytes * 1000;
my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_buffers = 64MB\nmax_parallel_workers_per_gather = 0\noss_fdw.max_memory = '16MB'\n");
$node->start;
$store->setup($node);
my ($bucket, $region, $endpoint, $mapping) = ($store->bucket, $store->region, $store->endpoint, $store->mapping_options);

for my $provider ('oss', 'obs', 's3')
{
	$node->safe_psql('postgres', "CREATE SERVER s_$provider FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint '$endpoint', provider '$provider', region '$region', bucket '$bucket');"
		  . " CREATE USER MAPPING FOR CURRENT_USER SERVER s_$provider OPTIONS ($mapping)");
}

sub table
{
	my ($name, $provider, $options) = @_;
	$node->safe_psql('postgres', "CREATE FOREIGN TABLE $name (id int, body text) SERVER s_$provider OPTIONS ($options)");
	return;
}

# rows of about 1050 bytes of which half are random, in the target list, where they need no temporary file
my $body = "(SELECT string_agg(md5((i * 16 + k)::text), '' ORDER BY k) || repeat('0123456789', 51) FROM generate_series(1, 16) k)";
my $series = "SELECT i, $body FROM (SELECT generate_series(1, %d) AS i) s";

# Names in the server's temporary folder, and its open files there.
sub temporary_files
{
	my ($pid) = @_;
	my $folder = $node->data_dir . '/base/pgsql_tmp';
	my @left = -d $folder ? grep { !/^\./ } slurp_dir($folder) : ();
	if ($pid)
	{
		push @left, grep { /pgsql_tmp/ } map { readlink($_) // '' } glob("/proc/$pid/fd/*");
	}
	return @left;
}

# Sizes of the parts that the store has taken since the last reset, by object.
sub parts
{
	my %parts;
	for my $request (@{ $store->control('GET', 'log')->{requests} })
	{
		next unless $request->{op} eq 'UploadPart' && $request->{status} == 200;
		$parts{ $request->{key} }[ $request->{part} - 1 ] = $request->{in};
	}
	return %parts;
}

sub summary { return "SELECT count(*), sum(id::bigint), sum(hashtext(body)::bigint) FROM $_[0]"; }

my $expected = $node->safe_psql('postgres', summary('(' . sprintf($series, $rows) . ') AS s (id, body)'));

# ---- content, sizes, memory

my $session = OssSession->new($node, timeout => 900);
my $pid = $session->pid;

# Exports, and looks at memory and temporary files meanwhile.
sub export
{
	my ($what, $sql) = @_;
	my ($most_files, $peak) = (0, 0);

	$store->reset_counters;
	my $idle = OssSession::status_kb($pid, 'RssAnon');
	$session->send("$sql; SELECT 'finished'");
	while ($session->{out} !~ /finished/ && $session->{out} !~ /ERROR/)
	{
		my $now = OssSession::status_kb($pid, 'RssAnon');
		my $files = grep { /pgsql_tmp/ } map { readlink($_) // '' } glob("/proc/$pid/fd/*");
		$peak = $now if $now > $peak;
		$most_files = $files if $files > $most_files;
		$session->{run}->pump_nb;
		usleep(10_000);
		last unless $session->{run}->pumpable;
	}
	my $out = $session->answer;
	like($out, qr/finished/, "$what: done") or diag($out);
	cmp_ok($peak - $idle, '<=', $limit_kb, "$what: memory stays bounded");
	cmp_ok($most_files, '<=', 4, "$what: few temporary files at a time");
	cmp_ok($most_files, '>=', 1, "$what: but there are some");
	is_deeply([ temporary_files($pid) ], [], "$what: none is left");
	note(sprintf('%s: %.1f MB, %d files', $what, ($peak - $idle) / 1024, $most_files));
	return;
}

# All parts but the last of each object are of one size.
sub parts_are_equal
{
	my ($what, $size) = @_;
	my %parts = parts();
	my $odd = 0;
	my $count = 0;

	for my $key (sort keys %parts)
	{
		my @sizes = @{ $parts{$key} };
		my $last = pop @sizes;
		$odd += grep { $_ != $size } @sizes;
		$odd++ if $last > $size;
		$count += @sizes;
	}
	is($odd, 0, "$what: parts of one size");
	cmp_ok($count, '>=', 1, "$what: and some of them are whole");
	return;
}

$session->query('SELECT count(*) FROM pg_class');
for my $case ([ 'plain', '', '45MB' ], [ 'gzip', "compression 'gzip',", '34MB' ])
{
	my ($name, $options, $most) = @$case;
	table("exact_$name", 'oss', "filepath 'exact/$name', export_mode 'overwrite', $options part_size '32MB'");
	export("$name, one object", "INSERT INTO exact_$name " . sprintf($series, $rows));
	parts_are_equal("$name, one object", $part);
	is($node->safe_psql('postgres', summary("exact_$name")), $expected, "$name, one object: reads back equal");

	table("split_$name", 'oss', "dir 'split/$name/', $options part_size '32MB', max_file_size '$most'");
	export("$name, several objects", "INSERT INTO split_$name " . sprintf($series, $rows));
	parts_are_equal("$name, several objects", $part);
	cmp_ok(scalar($store->objects("split/$name/")), '>=', 2, "$name, several objects: there are");
	is($node->safe_psql('postgres', summary("split_$name")), $expected, "$name, several objects: read back equal");
	$store->empty;
}
$session->finish;

# the other dialects, the binary format with its trailer, and parts that are more than a whole object
my $less = int($rows / 2);
my $expected_less = $node->safe_psql('postgres', summary('(' . sprintf($series, $less) . ') AS s (id, body)'));
for my $provider ('obs', 's3')
{
	table("other_$provider", $provider, "dir 'other/$provider/', format 'binary', part_size '32MB', max_file_size '0', manifest 'true'");
	$store->reset_counters;
	$node->safe_psql('postgres', "INSERT INTO other_$provider " . sprintf($series, $less));
	parts_are_equal($provider, $part);
	is($node->safe_psql('postgres', summary("other_$provider")), $expected_less, "$provider: reads back equal");
	table("put_$provider", $provider, "dir 'put/$provider/', part_size '5GB'");
	$store->reset_counters;
	$node->safe_psql('postgres', "INSERT INTO put_$provider " . sprintf($series, 20000));
	is($store->requests('UploadPart'), 0, "$provider: less than a part goes out in one request");
	is($store->requests('PutObject'), 1, "$provider: from its file");
	is($node->safe_psql('postgres', "SELECT count(*) FROM put_$provider"), '20000', "$provider: reads back");
}
$store->empty;

# ---- nothing is left

table('undone', 'oss', "dir 'undone/', part_size '32MB', max_file_size '0'");
my $undone = 'INSERT INTO undone ' . sprintf($series, 70_000);

$session = OssSession->new($node, timeout => 900);
$pid = $session->pid;
$session->query('BEGIN');
unlike($session->query($undone), qr/ERROR/, 'an export is made');
$session->query('ROLLBACK');
is_deeply([ temporary_files($pid) ], [], 'ROLLBACK leaves no temporary file');
is_deeply([ $store->objects, $store->uploads ], [], 'and nothing in the store');

# an object that waits for commit as a file
$session->query('BEGIN');
$session->query('INSERT INTO undone ' . sprintf($series, 20_000));
is(scalar(temporary_files($pid)), 1, 'a file waits for commit');
$session->query('ROLLBACK');
is_deeply([ temporary_files($pid), $store->objects, $store->uploads ], [], 'ROLLBACK frees it');

like($session->query("INSERT INTO undone SELECT i, repeat('x', 1000) || 1 / (60000 - i) FROM generate_series(1, 70000) i"), qr/division by zero/, 'a row fails');
is_deeply([ temporary_files($pid), $store->objects, $store->uploads ], [], 'and leaves nothing');

$session->query("SET temp_file_limit = '20MB'");
my $answer = $session->query($undone);
like($answer, qr/53400.*temporary file size exceeds/s, 'temp_file_limit is heeded');
like($answer, qr/temp_file_limit.*part_size/s, 'with a hint');
is_deeply([ temporary_files($pid), $store->objects, $store->uploads ], [], 'and leaves nothing');
$session->query("SET temp_file_limit = 0");
like($session->query($undone), qr/53400.*temporary file size exceeds/s, 'a limit of nothing');
$session->query("SET temp_file_limit = '110MB'");
unlike($session->query('INSERT INTO undone ' . sprintf($series, $rows)), qr/ERROR/, 'three parts are enough room');
$session->query('RESET temp_file_limit');
$store->empty;

$session->query("SET statement_timeout = '2s'");
my $id = $store->fault({ op => 'UploadPart', action => 'block', stage => 'start', count => 1000 });
like($session->query('INSERT INTO undone ' . sprintf($series, 150_000)), qr/statement timeout/, 'a store that does not answer');
$store->clear_faults;
$store->wait_idle;
is_deeply([ temporary_files($pid), $store->objects, $store->uploads ], [], 'the timeout leaves nothing');
$session->query('RESET statement_timeout');

# a fault in the middle of a part is not seen
$store->fault({ op => 'UploadPart', action => 'reset', bytes => 20_000_000, count => 1 });
$store->fault({ op => 'UploadPart', action => 'status', status => 500, after => 2, count => 1 });
unlike($session->query($undone), qr/ERROR/, 'parts are sent again');
$store->clear_faults;
is($node->safe_psql('postgres', 'SELECT count(*) FROM undone'), '70000', 'and all is there');
$session->finish;
is_deeply([ temporary_files() ], [], 'no temporary file has a name');
$store->empty;

# ---- where the files are

my $place = PostgreSQL::Test::Utils::tempdir_short();
$node->safe_psql('postgres', "CREATE TABLESPACE elsewhere LOCATION '$place'");
$session = OssSession->new($node, timeout => 900);
$session->query("SET temp_tablespaces = 'elsewhere'");
$session->query('BEGIN');
$session->query('INSERT INTO undone ' . sprintf($series, 20_000));
like(join(' ', map { readlink($_) // '' } glob('/proc/' . $session->pid . '/fd/*')), qr/\Q$place\E\S*pgsql_tmp/, 'temp_tablespaces says where');
unlike($session->query('COMMIT'), qr/ERROR/, 'and the object is made from there');
is(scalar($store->objects('undone/')), 1, 'as one object');
$session->finish;

# ---- what cannot be honoured is refused

for my $bad ([ 'part_size', '5121MB' ], [ 'max_file_size', '48.83TB' ])
{
	my ($status, $out, $error) = $node->psql('postgres', "CREATE FOREIGN TABLE bad (id int) SERVER s_oss OPTIONS (dir 'bad/', $bad->[0] '$bad->[1]')");
	like($error, qr/$bad->[0]/, "$bad->[0] '$bad->[1]' is refused");
}
table('largest', 'oss', "dir 'largest/', part_size '5GB', max_file_size '48.8TB'");
$node->safe_psql('postgres', "INSERT INTO largest VALUES (1, 'one')");
is($node->safe_psql('postgres', 'SELECT body FROM largest'), 'one', 'the largest sizes');

$node->stop;
$store->stop;
done_testing();
