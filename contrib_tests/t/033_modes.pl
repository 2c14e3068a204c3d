#
# 033_modes.pl
#	  export_mode in every combination with partitions, manifest and splitting; TRUNCATE; and exporters that race for one
#	  place, in one server and from two.
#
# OSS_TEST_RACES (50) is the number of races in one server.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use OssStore;
use OssSession;

my $races = $ENV{OSS_TEST_RACES} // 50;
my $store = OssStore->start;
my @nodes = map { PostgreSQL::Test::Cluster->new($_) } ('main', 'other');
for my $node (@nodes)
{
	$node->init;
	$node->append_conf('postgresql.conf', "shared_buffers = 32MB\n");
	$node->start;
	$store->setup($node);
}
my $node = $nodes[0];
my $n = 2000;

my %shapes = (
	plain => '', split => ", max_file_size '20kB', part_size '100kB'", manifest => ", manifest 'true'", folders => ", partition_by 'k'",
	'folders and manifest' => ", partition_by 'k', manifest 'true'", 'folders, split' => ", partition_by 'k', max_file_size '10kB'",
	'split, manifest' => ", max_file_size '20kB', manifest 'true', compression 'gzip'",
	'all of it' => ", partition_by 'k', manifest 'true', max_file_size '10kB', compression 'zstd'");

sub make_table
{
	my ($mode, $options) = @_;
	$node->safe_psql('postgres', qq{SET client_min_messages = warning; DROP FOREIGN TABLE IF EXISTS t;
		CREATE FOREIGN TABLE t (id int, k int, body text) SERVER store OPTIONS (dir 'place/', export_mode '$mode', truncatable 'true'$options)});
	return;
}

sub insert_sql
{
	my ($from, $count) = @_;
	return "INSERT INTO t SELECT i, i % 3, md5(i::text) FROM generate_series($from, " . ($from + ($count // $n) - 1) . ') i';
}

sub ids
{
	return $node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id), min(id), max(id) FROM t');
}

sub ids_from
{
	my ($from) = @_;
	return join('|', $n, $n, $from, $from + $n - 1);
}

# The names of the requests that changed the store, in order.
sub changes
{
	return grep { $_->{op} =~ /^(?:PutObject|CompleteMultipartUpload|DeleteObject|DeleteMultipleObjects)$/ } @{ $store->control('GET', 'log')->{requests} };
}

for my $shape (sort keys %shapes)
{
	my $options = $shapes{$shape};
	my $manifest = $options =~ /manifest/;
	$store->empty;

	# append adds
	make_table('append', $options);
	$node->safe_psql('postgres', insert_sql(1) . ';' . insert_sql(10001));
	is(ids(), join('|', 2 * $n, 2 * $n, 1, 10000 + $n), "$shape, append: both exports are there");

	# error_if_exists refuses a place that has anything, and takes an empty one
	make_table('error_if_exists', $options);
	my @before = $store->objects;
	like(($node->psql('postgres', insert_sql(1)))[2], qr/ERROR: .*place is not empty/, "$shape, error_if_exists: refused");
	is_deeply([ $store->objects ], \@before, "$shape, error_if_exists: nothing was changed");
	$store->empty;
	$node->safe_psql('postgres', insert_sql(1));
	is(ids(), ids_from(1), "$shape, error_if_exists: an empty place is taken");
	is_deeply([ grep { /_exporting/ } $store->objects ], [], "$shape, error_if_exists: no claim is left");

	# overwrite: only what was there when the statement began goes, and only at commit
	make_table('overwrite', $options);
	my $session = OssSession->new($node);
	@before = $store->objects;
	is($session->query('BEGIN; ' . insert_sql(20001)), '', "$shape, overwrite: exported");
	is_deeply([ $store->objects ], \@before, "$shape, overwrite: nothing happens before COMMIT");
	$store->put('place/late.csv', "7,0,late\n");
	$store->put('place-beside.csv', "1,1,beside\n");
	$store->reset_counters;
	is($session->query('COMMIT'), '', "$shape, overwrite: committed");
	my %now = map { $_ => 1 } $store->objects;
	is(scalar(grep { $now{$_} } @before), 0, "$shape, overwrite: what was there is gone");
	ok($now{'place/late.csv'}, "$shape, overwrite: what came later is still there");
	ok($now{'place-beside.csv'}, "$shape, overwrite: so is what lies beside the place");
	my @changes = changes();
	my ($first_delete) = grep { $changes[$_]{op} =~ /^Delete/ } 0 .. $#changes;
	my ($last_write) = grep { $changes[$_]{op} !~ /^Delete/ } reverse 0 .. $#changes;
	cmp_ok($last_write, '<', $first_delete, "$shape, overwrite: new objects are complete before the first is deleted");
	like($changes[$last_write]{key}, qr/_manifest_/, "$shape, overwrite: the manifest is written last") if $manifest;
	$store->control('POST', 'clear', { bucket => $store->bucket, prefix => 'place/late' });
	is(ids(), ids_from(20001), "$shape, overwrite: the new rows and no others");

	# a rollback keeps the old ones
	is($session->query('BEGIN; ' . insert_sql(30001) . '; ROLLBACK'), '', "$shape, overwrite: rolled back");
	is(ids(), ids_from(20001), "$shape, overwrite, rollback: the old rows are there");
	# so does a completion that fails
	$store->fault({ op => [ 'CompleteMultipartUpload', 'PutObject' ], after => $options ? 1 : 0, count => undef, action => 'deny' });
	if ($shape ne 'plain')
	{
		like($session->query(insert_sql(30001)), qr/ERROR/, "$shape, overwrite: a refused completion");
		$store->clear_faults;
		is(ids(), ids_from(20001), "$shape, overwrite, refused: the old rows are there");
	}
	$store->clear_faults;

	# an export of no rows replaces everything by nothing
	is($session->query('INSERT INTO t SELECT 1, 1, \'x\' WHERE false'), '', "$shape, overwrite by no rows");
	is(ids(), '0|0||', "$shape, overwrite by no rows: the place is empty");

	# TRUNCATE deletes at commit; what the same transaction exports afterwards stays
	make_table('append', $options);
	$node->safe_psql('postgres', insert_sql(1));
	@before = $store->objects;
	is($session->query('BEGIN; TRUNCATE t; ' . insert_sql(40001)), '', "$shape, TRUNCATE and INSERT");
	is_deeply([ $store->objects ], \@before, "$shape, TRUNCATE: nothing happens before COMMIT");
	is($session->query('ROLLBACK'), '', "$shape, TRUNCATE: rolled back");
	is(ids(), ids_from(1), "$shape, TRUNCATE, rollback: the rows are there");
	is($session->query('BEGIN; TRUNCATE t; ' . insert_sql(40001) . '; COMMIT'), '', "$shape, TRUNCATE, INSERT, COMMIT");
	is(ids(), ids_from(40001), "$shape, TRUNCATE: only the new rows");
	$node->safe_psql('postgres', 'BEGIN; SAVEPOINT a; TRUNCATE t; ROLLBACK TO a; COMMIT');
	is(ids(), ids_from(40001), "$shape, TRUNCATE in a savepoint that was rolled back");
	$node->safe_psql('postgres', 'TRUNCATE t');
	is(ids(), '0|0||', "$shape, TRUNCATE");
	is_deeply([ grep { m{^place/} } $store->objects ], [], "$shape, TRUNCATE: nothing is left, no manifest either");
	is_deeply([ $store->uploads ], [], "$shape: no unfinished upload");
	$session->finish;
}
$store->empty;

# more than 1,000 objects are deleted in several requests
$node->safe_psql('postgres', q{SET client_min_messages = warning; DROP FOREIGN TABLE IF EXISTS t;
	CREATE FOREIGN TABLE t (id int, k int, body text) SERVER store OPTIONS (dir 'place/', export_mode 'overwrite', partition_by 'k');
	INSERT INTO t SELECT i, i, 'x' FROM generate_series(1, 1100) i; INSERT INTO t VALUES (1, 1, 'only')});
is(scalar(() = $store->objects), 1, 'overwrite of 1,100 objects by one');
$store->empty;

# ---- races

my %race = (small => '', split => ", max_file_size '20kB', part_size '100kB'", manifest => ", manifest 'true'", folders => ", partition_by 'k'");
for my $any (@nodes)
{
	for my $shape (sort keys %race)
	{
		$any->safe_psql('postgres', qq{CREATE FOREIGN TABLE race_$shape (id int, k int, body text) SERVER store
			OPTIONS (dir 'race/', export_mode 'error_if_exists'$race{$shape})});
	}
}

# All sessions export at once; exactly one may win, its rows are there, and nothing of the others.
sub race
{
	my ($what, $shape, @sessions) = @_;
	for my $i (0 .. $#sessions)
	{
		$sessions[$i]->send("INSERT INTO race_$shape SELECT i, $i, md5(i::text) FROM generate_series(1, 1500) i");
	}
	my @answers = map { $_->query } @sessions;
	my @lost = grep { /ERROR/ } @answers;
	my $told = grep { /ERROR: +(?:42710|\w{5}): .*place/ } @answers;
	my $rows = $node->safe_psql('postgres', "SELECT count(*), count(DISTINCT k), count(DISTINCT id) FROM race_$shape");
	my @left = ((grep { /_exporting/ } $store->objects), $store->uploads);
	return (@sessions - @lost, $told, $rows, scalar @left, \@answers);
}

my %wins;
my @two = map { OssSession->new($node) } 1 .. 2;
for my $round (1 .. $races)
{
	my $shape = (sort keys %race)[ $round % keys %race ];
	my ($won, $told, $rows, $left, $answers) = race("race $round", $shape, @two);
	$wins{"$won won, $told told why, rows $rows, $left left"}++;
	diag(@$answers) if $won != 1;
	$store->empty;
}
is_deeply(\%wins, { '1 won, 1 told why, rows 1500|1|1500, 0 left' => $races }, "exactly one of two sessions wins, $races times");

# two servers have no lock in common: the claim decides.  Both may lose, because a loser looks before it leaves; never
# may both win, and the place must be free afterwards
my @apart = map { OssSession->new($_) } @nodes;
my %apart;
for my $round (1 .. 12)
{
	my $shape = (sort keys %race)[ $round % keys %race ];
	my ($won, $told, $rows, $left, $answers) = race("two servers, race $round", $shape, @apart);
	$apart{ $won > 1 ? 'both won' : 'at most one won' }++;
	is($rows, $won == 1 ? '1500|1|1500' : '0|0|0', "two servers, race $round, $shape: the winner's rows and no others") or diag(@$answers);
	is($left, 0, "two servers, race $round, $shape: nothing is left");
	$store->empty;
}
is_deeply(\%apart, { 'at most one won' => 12 }, 'two servers: never do both win');

# made to meet: the first one stands with its claim, and with its first object under way, while the other comes
for my $op ('PutObject', 'CompleteMultipartUpload')
{
	for my $stage ('start', 'answer')
	{
		my $shape = $op eq 'PutObject' ? 'small' : 'split';
		$shape = 'split' if $op eq 'CompleteMultipartUpload';
		my $sql = sub { "INSERT INTO race_$shape SELECT i, $_[0], repeat(md5(i::text), 10) FROM generate_series(1, 2000) i" };
		$nodes[$_]->safe_psql('postgres', "ALTER FOREIGN TABLE race_split OPTIONS (SET max_file_size '300kB')") for 0 .. 1;
		my $rule = $store->fault({ action => 'block', op => $op, stage => $stage, key => '*race_*', count => 1 });
		$apart[0]->send($sql->(0));
		ok($store->wait_blocked($rule), "two servers, $op, $stage: the first one is under way");
		my $second = $apart[1]->query($sql->(1));
		$store->clear_faults;
		my $first = $apart[0]->query;
		is(($first eq '') + ($second eq ''), 1, "two servers, $op, $stage: exactly one wins") or diag($first, $second);
		like($first . $second, qr/ERROR: .*place/, "two servers, $op, $stage: the other one is told why");
		is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT k) FROM race_$shape"), '2000|1', "two servers, $op, $stage: one export is there");
		is_deeply([ (grep { /_exporting/ } $store->objects), $store->uploads ], [], "two servers, $op, $stage: nothing is left");
		$store->empty;
	}
}
$_->finish for (@two, @apart);

$_->stop for @nodes;
$store->stop;
done_testing();
