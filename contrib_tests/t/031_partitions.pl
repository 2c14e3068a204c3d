#
# 031_partitions.pl
#	  Thousands of folders in one INSERT: under oss_fdw.max_memory, with every row in its folder, once.
#
# The rows come in an order that visits all folders again and again, which is the worst case.  OSS_TEST_ROWS (2000000) is
# the number of rows of the large export, into 5,000 folders.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use OssStore;
use OssSession;

my $rows = $ENV{OSS_TEST_ROWS} // 2000000;
my $folders = 5000;
my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_buffers = 64MB\nmax_parallel_workers_per_gather = 0\nwork_mem = '64MB'\n");
$node->start;
$store->setup($node);

# Exports into folders in a session of its own; returns the growth of its private memory in kB.
sub export_into_folders
{
	my ($table, $options, $settings, $sql) = @_;
	$node->safe_psql('postgres', "CREATE FOREIGN TABLE $table (k int, id int, body text) SERVER store OPTIONS (dir '$table/', $options)");
	my $session = OssSession->new($node, timeout => 300);
	$session->query($settings);
	$session->query("SELECT count(*) FROM $table");
	my $idle = OssSession::status_kb($session->pid, 'RssAnon');
	is($session->query($sql), '', "$table: exported");
	my $growth = OssSession::status_kb($session->pid, 'VmHWM') - OssSession::status_kb($session->pid, 'RssShmem') - OssSession::status_kb($session->pid, 'RssFile') - $idle;
	note("$table: private memory grew by ", int($growth / 1024), ' MB, ', scalar(() = $store->objects("$table/")), ' objects');
	$session->finish;
	is_deeply([ $store->uploads ], [], "$table: no unfinished upload");
	return $growth;
}

# Each folder has rows of its own key only, and the keys are all there: read without the partition column's help.
sub folders_are_right
{
	my ($table, $count) = @_;
	my %seen;
	$seen{$_}++ for map { m{^$table/k=(\d+)/[^/]+\z} ? $1 : 'elsewhere' } grep { !/_manifest_/ } $store->objects("$table/");
	is(scalar keys %seen, $count, "$table: number of folders");
	ok(!exists $seen{elsewhere}, "$table: no object lies elsewhere");
	return \%seen;
}

# ---- 5,000 folders, 2 million rows, 256 MB

my $growth = export_into_folders('large', 'partition_by \'k\', format \'csv\'', "SET oss_fdw.max_memory = '256MB'",
	"INSERT INTO large SELECT i % $folders, i, md5(i::text) FROM (SELECT generate_series(0, $rows - 1) AS i) s");
cmp_ok($growth, '<=', 288 * 1024, 'large: private memory stays within oss_fdw.max_memory and a bit');
folders_are_right('large', $folders);
is( $node->safe_psql('postgres', "SELECT count(*), count(DISTINCT id), sum(id), count(DISTINCT k), count(*) FILTER (WHERE k <> id % $folders OR body <> md5(id::text)) FROM large"),
	join('|', $rows, $rows, $rows * ($rows - 1) / 2, $folders, 0), 'large: the rows read back are equal');
is($node->safe_psql('postgres', "SELECT count(*), min(id % $folders), max(id % $folders) FROM large WHERE k = 4711"), int(($rows - 4711 + $folders - 1) / $folders) . '|4711|4711',
	'large: one folder by itself');
$store->empty;

# ---- little memory: writers are ended and go on in new objects

for my $case ([ 'tight', "partition_by 'k', part_size '100kB'" ], [ 'tight_gzip', "partition_by 'k', part_size '100kB', compression 'gzip', header 'true'" ],
	[ 'tight_listed', "partition_by 'k', part_size '100kB', compression 'zstd', manifest 'true'" ],
	[ 'tight_jsonl', "partition_by 'k', part_size '100kB', format 'jsonl', keep_partition_columns 'true'" ])
{
	my ($table, $options) = @$case;
	my $count = $table eq 'tight' ? 2000 : 400;
	my $n = $count * 20;
	$growth = export_into_folders($table, $options, "SET oss_fdw.max_memory = '" . ($table eq 'tight' ? 16 : 4) . "MB'",
		"INSERT INTO $table SELECT i % $count, i, md5(i::text) || repeat('x', 970) FROM (SELECT generate_series(0, $n - 1) AS i) s");
	cmp_ok($growth, '<=', 48 * 1024, "$table: private memory stays small");
	my $seen = folders_are_right($table, $count);
	cmp_ok(scalar(grep { $_ > 1 } values %$seen), '>', 0, "$table: some folders went on in a new object") if $table eq 'tight';
	is( $node->safe_psql('postgres', "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE k <> id % $count OR body <> md5(id::text) || repeat('x', 970)) FROM $table"),
		"$n|$n|0", "$table: the rows read back are equal");
	is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT state, ',') FROM oss_fdw_verify('$table')"), 'ok', "$table: all objects verify") if $table eq 'tight_listed';
	$store->empty;
}

# ---- a rollback of thousands of folders leaves nothing

$node->safe_psql('postgres', q{
	SET oss_fdw.max_memory = '16MB';
	CREATE FOREIGN TABLE undone (k int, id int, body text) SERVER store OPTIONS (dir 'undone/', partition_by 'k', part_size '100kB');
	BEGIN; INSERT INTO undone SELECT i % 2000, i, repeat('x', 1000) FROM (SELECT generate_series(1, 30000) AS i) s; ROLLBACK});
is_deeply([ $store->objects ], [], 'rollback: no object');
is_deeply([ $store->uploads ], [], 'rollback: no unfinished upload');

# ---- several columns, values that would escape their folder, NULL, and types whose text depends on settings

$node->safe_psql('postgres', q{
	CREATE TABLE odd (a text, d date, ts timestamptz, v int);
	INSERT INTO odd SELECT a, d, ts, row_number() OVER () FROM
		unnest(ARRAY['..', '.', '', 'a/b', '/', '../../up', E'new\nline', '%41', 'a=b', 'blank ', ' ', '中文', '__HIVE_DEFAULT_PARTITION__', '#?&', NULL, E'\\\\', '"''']) a,
		unnest(ARRAY[date '2026-02-01', 'infinity', '0044-03-15 BC', NULL]) d, unnest(ARRAY[timestamptz '2026-07-01 12:00:00.5+00', NULL]) ts;
	CREATE FOREIGN TABLE odd_out (a text, d date, ts timestamptz, v int) SERVER store OPTIONS (dir 'odd/in/', partition_by 'd, a, ts');
	SET DateStyle = 'German, DMY';
	INSERT INTO odd_out SELECT * FROM odd;
});
is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM odd_out), (SELECT count(*) FROM (TABLE odd EXCEPT ALL TABLE odd_out) x), (SELECT count(*) FROM (TABLE odd_out EXCEPT ALL TABLE odd) x)'),
	'136|0|0', 'odd values: the rows read back are equal');
my @keys = $store->objects;
is(scalar @keys, 136, 'odd values: each has a folder of its own');
is_deeply([ grep { !m{^odd/in/d=[^/]+/a=[^/]*/ts=[^/]+/odd_out_[^/]+\.csv\z} } @keys ], [], 'odd values: nothing escapes its folder');
is_deeply([ grep { m{/\.\.?(?:/|\z)} || m{[\x00-\x1f]} } @keys ], [], 'odd values: no name climbs or has control characters');
is(scalar(grep { m{/d=__HIVE_DEFAULT_PARTITION__/} } @keys), 34, 'odd values: NULL has the name that Hive gives it');
is(scalar(grep { m{/d=2026-02-01/} } @keys), 34, 'odd values: dates are written as ISO');

$node->stop;
$store->stop;
done_testing();
