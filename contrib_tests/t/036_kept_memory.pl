#
# 036_kept_memory.pl
#	  Many exports in one transaction share oss_fdw.max_memory: what waits for COMMIT stays bounded, and all of it is there
#	  after COMMIT, and nothing after ROLLBACK.
#
# OSS_TEST_STATEMENTS (500) is the number of INSERTs of about 1 MB in one transaction.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use OssStore;
use OssSession;

plan skip_all => 'needs /proc' unless -r "/proc/$$/status";

my $statements = $ENV{OSS_TEST_STATEMENTS} // 500;
my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_buffers = 64MB\noss_fdw.max_memory = '64MB'\n");
$node->start;
$store->setup($node);
$node->safe_psql('postgres', q{
	CREATE FOREIGN TABLE t (n int, id int, body text) SERVER store OPTIONS (dir 't/');
	CREATE FOREIGN TABLE packed (n int, id int, body text) SERVER store OPTIONS (dir 'packed/', compression 'zstd', manifest 'true');
	CREATE TABLE parent (n int, body text) PARTITION BY LIST (n);
	DO $$ BEGIN FOR i IN 0..9 LOOP
		EXECUTE format('CREATE FOREIGN TABLE part%s PARTITION OF parent FOR VALUES IN (%s) SERVER store OPTIONS (dir ''part%s/'')', i, i, i);
	END LOOP; END $$;
});

# Growth of private memory, in kB, since the session was warm, by the kernel's high-water mark.
sub growth
{
	my ($session) = @_;
	my $pid = $session->pid;
	return OssSession::status_kb($pid, 'VmHWM') - OssSession::status_kb($pid, 'RssShmem') - OssSession::status_kb($pid, 'RssFile') - $session->{idle};
}

sub warm_session
{
	my $session = OssSession->new($node, timeout => 300);
	$session->query('SELECT count(*) FROM t');
	$session->{idle} = OssSession::status_kb($session->pid, 'RssAnon');
	return $session;
}

# 1 MB that does not compress to nothing
sub insert_sql
{
	my ($table, $n) = @_;
	return "INSERT INTO $table SELECT $n, i, md5((i * $n)::text) || repeat('0123456789', 97) FROM (SELECT generate_series(1, 1000) AS i) s";
}

for my $end ('ROLLBACK', 'COMMIT')
{
	my $session = warm_session();
	my $loop = "DO \$\$ BEGIN FOR n IN 1..$statements LOOP " . insert_sql('t', 'n') . '; END LOOP; END $$';
	is($session->query("BEGIN; $loop"), '', "$end: $statements INSERTs of 1 MB in one transaction");
	is_deeply([ $store->objects ], [], "$end: nothing is visible");
	is($session->query($end), '', "$end: done");
	cmp_ok(growth($session), '<=', 96 * 1024, "$end: private memory grew by less than one and a half oss_fdw.max_memory");
	note('grew by ', int(growth($session) / 1024), ' MB');
	is_deeply([ $store->uploads ], [], "$end: no unfinished upload");
	if ($end eq 'COMMIT')
	{
		is(scalar($store->objects), $statements, "$end: one object for each statement");
		is($session->query('SELECT count(*), count(DISTINCT (n, id)), sum(length(body)) FROM t'),
			join('|', $statements * 1000, $statements * 1000, $statements * 1002000), "$end: all rows are there, once");
	}
	else
	{
		is_deeply([ $store->objects ], [], "$end: no object");
	}
	$session->finish;
	$store->empty;
}

# tiny exports stay small in memory, whatever their number, and are one PUT each
my $session = warm_session();
$store->reset_counters;
is($session->query('BEGIN; DO $$ BEGIN FOR n IN 1..400 LOOP INSERT INTO t VALUES (n, n, \'x\'); END LOOP; END $$; COMMIT'), '', 'tiny exports');
cmp_ok(growth($session), '<=', 16 * 1024, 'tiny exports: little memory');
is($store->requests('PutObject'), 400, 'tiny exports: one PUT each');
is($store->requests('InitiateMultipartUpload'), 0, 'tiny exports: no upload');
is($session->query('SELECT count(*), sum(n) FROM t'), '400|80200', 'tiny exports: all rows');
$session->finish;
$store->empty;

# a savepoint's exports go with it, kept in memory or not
$session = warm_session();
my $loop = 'DO $$ BEGIN FOR n IN 1..40 LOOP ' . insert_sql('packed', 'n') . '; ' . insert_sql('t', 'n') . '; END LOOP; END $$';
is($session->query("BEGIN; SAVEPOINT a; $loop; ROLLBACK TO a; " . insert_sql('packed', 41) . '; ' . insert_sql('t', 41) . '; COMMIT'), '', 'savepoint');
is($session->query('SELECT count(*), min(n) FROM packed'), '1000|41', 'savepoint: only what came after it');
is($session->query('SELECT count(*), min(n) FROM t'), '1000|41', 'savepoint: so without a manifest');
is_deeply([ $store->uploads ], [], 'savepoint: no unfinished upload');
$session->finish;
$store->empty;

# ten partitions that get rows in turn share the memory, too
$session = warm_session();
is($session->query("INSERT INTO parent SELECT i % 10, repeat('x', 10000) FROM (SELECT generate_series(1, 20000) AS i) s"), '', 'ten partitions at once');
cmp_ok(growth($session), '<=', 96 * 1024, 'ten partitions: private memory stays bounded');
note('grew by ', int(growth($session) / 1024), ' MB');
is($session->query('SELECT count(*), count(DISTINCT n), sum(length(body)) FROM parent'), '20000|10|200000000', 'ten partitions: all rows');
is_deeply([ $store->uploads ], [], 'ten partitions: no unfinished upload');
$session->finish;

$node->stop;
$store->stop;
done_testing();
