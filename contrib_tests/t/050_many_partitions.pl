#
# 050_many_partitions.pl
#	  However many foreign partitions one statement routes rows to, their exports together stay within oss_fdw.max_memory.
#
# OSS_TEST_FOREIGN_PARTITIONS (300) is their number.  All stay open until the statement ends.  Named objects, which must not end
# before that, are refused when there are too many of them for the memory.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use OssStore;
use OssSession;

plan skip_all => 'needs /proc' unless -r "/proc/$$/status";

my $partitions = $ENV{OSS_TEST_FOREIGN_PARTITIONS} // 300;
my $max_memory_kb = 64 * 1024;
my $rows = $partitions * 70;    # of 10 kB: 700 kB for each partition
my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_buffers = 64MB\noss_fdw.max_memory = '${max_memory_kb}kB'\nmax_locks_per_transaction = 256\n");
$node->start;
$store->setup($node);

# A table whose partitions are foreign tables of ours.
sub make_tables
{
	my ($parent, $place, $options) = @_;
	$node->safe_psql('postgres', qq{
		CREATE TABLE $parent (n int, id int, body text) PARTITION BY LIST (n);
		DO \$\$ BEGIN FOR i IN 0..$partitions - 1 LOOP
			EXECUTE format('CREATE FOREIGN TABLE ${parent}_%s PARTITION OF $parent FOR VALUES IN (%s) SERVER store'
				' OPTIONS ($place, $options)', i, i, i);
		END LOOP; END \$\$});
	return;
}

# 10 kB a row that compress by half
my $series = "SELECT i %% $partitions, i, (SELECT string_agg(md5((i * 1000 + k)::text) || repeat('x', 32), '') FROM generate_series(1, 156) k)"
  . ' FROM (SELECT generate_series(1, %d) AS i) s';

for my $compression ('none', 'gzip')
{
	make_tables("all_$compression", "dir ''all_$compression/%s/''", "compression ''$compression''");
	my $session = OssSession->new($node, timeout => 600);
	my $pid = $session->pid;

	# what the server remembers of the partitions is not the exports'; and small rows are kept in memory only
	is($session->query("INSERT INTO all_$compression SELECT i, -1, 'x' FROM generate_series(0, $partitions - 1) i"), '', "$compression: a row for each");
	my $idle = OssSession::status_kb($pid, 'RssAnon');
	my $start = time;
	is($session->query('INSERT INTO all_' . $compression . ' ' . sprintf($series, $rows)), '', "$compression: $rows rows routed to $partitions partitions");
	my $grew = OssSession::status_kb($pid, 'VmHWM') - OssSession::status_kb($pid, 'RssShmem') - OssSession::status_kb($pid, 'RssFile') - $idle;
	note(scalar($store->objects), ' objects; requests: ', join(' ', map { "$_ " . $store->requests($_) } qw(PutObject InitiateMultipartUpload UploadPart)));
	note("$compression: idle ", int($idle / 1024), ' MB, grew by ', int($grew / 1024), ' MB, ', time - $start, ' s');
	cmp_ok($grew, '<=', $max_memory_kb, "$compression: private memory grew by at most oss_fdw.max_memory");
	is($session->query("SELECT count(*), count(DISTINCT id), sum(length(body)), bool_and(n = (id % $partitions) OR id = -1) FROM all_$compression"),
		join('|', $rows + $partitions, $rows + 1, $rows * 156 * 64 + $partitions, 't'), "$compression: all rows are there");
	is_deeply([ $store->uploads ], [], "$compression: no unfinished upload");
	$session->finish;
	$store->empty;
}

# one object each: none may end before the statement does
make_tables('named', "filepath ''named/%s.csv''", "export_mode ''overwrite''");
my ($status, $out, $err) = $node->psql('postgres', 'INSERT INTO named ' . sprintf($series, $rows), on_error_stop => 1);
like($err, qr/ERROR:.*too many named objects/, 'named objects: refused when the memory does not suffice');
like($err, qr/DETAIL:.*oss_fdw\.max_memory/, 'named objects: what would help');
is_deeply([ $store->objects ], [], 'named objects: no object is left');
is_deeply([ $store->uploads ], [], 'named objects: no unfinished upload is left');
($status, $out, $err) = $node->psql('postgres', 'INSERT INTO named SELECT i, i, \'x\' FROM generate_series(0, ' . ($partitions - 1) . ') i', on_error_stop => 1);
is($err, '', 'named objects: as many small ones fit');
is(scalar($store->objects), $partitions, 'named objects: all are there');

$node->stop;
$store->stop;
done_testing();
