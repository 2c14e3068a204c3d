#
# 001_transactions.pl
#	  An export is part of the transaction: whatever ends it other than COMMIT leaves nothing in the store, and COMMIT
#	  makes exactly everything visible.
#
# Each way of ending runs with a small export (one PUT at commit) and with one of several multipart objects.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use OssStore;
use OssSession;

my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_prepared_transactions = 5\nclient_connection_check_interval = '100ms'\n");
$node->start;
$store->setup($node);

# name => rows: the big one has several objects of several parts each
my %size = (small => 10, multipart => 20000);
my $columns = '(id int, body text)';
my $multipart = "part_size '100kB', max_file_size '500kB', compression 'none'";

$node->safe_psql('postgres', qq{
	CREATE TABLE parent (id int PRIMARY KEY);
	CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
	CREATE TABLE doctors (id int PRIMARY KEY, on_call bool);
	INSERT INTO doctors VALUES (1, true), (2, true);
	CREATE FOREIGN TABLE small $columns SERVER store OPTIONS (dir 'small/', format 'csv');
	CREATE FOREIGN TABLE multipart $columns SERVER store OPTIONS (dir 'multipart/', format 'csv', $multipart);
	CREATE FOREIGN TABLE other $columns SERVER store OPTIONS (dir 'other/', format 'text', compression 'gzip');
});

sub rows_sql
{
	my ($table, $expression) = @_;
	my $n = $size{$table};
	$expression //= "repeat('x', 100)";
	return "INSERT INTO $table SELECT i, $expression FROM generate_series(1, $n) i";
}

# Nothing at all: no object, no unfinished upload, no request still open.
sub nothing_left
{
	my ($what) = @_;
	is_deeply([ $store->objects ], [], "$what: no object");
	is_deeply([ $store->uploads ], [], "$what: no unfinished upload");
	ok($store->wait_idle, "$what: no open request");
	$store->empty;
	return;
}

# The ids that a table shows, as "count min max".
sub summary
{
	my ($table) = @_;
	return $node->safe_psql('postgres', "SELECT count(*), min(id), max(id), count(DISTINCT id) FROM $table");
}

sub everything_there
{
	my ($what, $table) = @_;
	my $n = $size{$table};
	is(summary($table), "$n|1|$n|$n", "$what: all rows are there, once");
	is_deeply([ $store->uploads ], [], "$what: no unfinished upload");
	return;
}

sub wait_for_end
{
	my ($session) = @_;
	$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = ' . $session->pid)
	  or die 'the backend does not end';
	return;
}

# Waits until the session's statement sleeps in pg_sleep: all rows before that were handed over.
sub wait_for_sleep
{
	my ($session) = @_;
	$node->poll_query_until('postgres',
		"SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = " . $session->pid)
	  or die 'the statement does not come to its sleep';
	return;
}

# Runs statements in one session that are expected to fail with $error and then checks that nothing is left.
sub ends_badly
{
	my ($what, $sql, $error) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 0);
	if (defined $error)
	{
		like($err, $error, "$what: the error is told");
	}
	else
	{
		is($err, '', "$what: no error");
	}
	nothing_left($what);
	return;
}

for my $table (sort keys %size)
{
	my $n = $size{$table};
	my $insert = rows_sql($table);
	my $sleeping = rows_sql($table, "CASE WHEN i = $n THEN pg_sleep(600)::text ELSE repeat('x', 100) END");

	ends_badly("$table, ROLLBACK", "BEGIN; $insert; ROLLBACK");
	ends_badly("$table, ROLLBACK TO", "BEGIN; SAVEPOINT a; $insert; ROLLBACK TO a; COMMIT");
	ends_badly("$table, error in the statement", rows_sql($table, "(1 / ($n - i))::text"), qr/division by zero/);
	ends_badly("$table, error in a later statement", "BEGIN; $insert; SELECT 1/0; COMMIT", qr/division by zero/);
	ends_badly("$table, deferred constraint", "BEGIN; $insert; INSERT INTO child VALUES (99); COMMIT",
		qr/violates foreign key constraint/);
	ends_badly("$table, PREPARE TRANSACTION", "BEGIN; $insert; PREPARE TRANSACTION 'p'", qr/ERROR: .*(?i:prepare)/);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), '0', "$table: nothing was prepared");
	ends_badly("$table, statement_timeout", "SET statement_timeout = '1s'; $sleeping", qr/statement timeout/);
	ends_badly("$table, exception block",
		"DO \$\$ BEGIN BEGIN $insert; RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN NULL; END; END \$\$");
	ends_badly("$table, uncaught exception", "DO \$\$ BEGIN $insert; RAISE EXCEPTION 'no'; END \$\$", qr/no/);
	ends_badly("$table, procedure that rolls back", "DO \$\$ BEGIN $insert; ROLLBACK; END \$\$");

	# cancelled in the middle of the statement; the session lives on and can export
	my $session = OssSession->new($node);
	$session->send($sleeping);
	wait_for_sleep($session);
	$node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . $session->pid . ')');
	like($session->answer, qr/canceling statement due to user request/, "$table, cancel: the error is told");
	nothing_left("$table, cancel");
	is($session->query($insert), '', "$table, cancel: the session can export afterwards");
	everything_there("$table, after a cancel", $table);
	$store->empty;
	$session->finish;

	# terminated, in the statement and between two
	for my $where ('in the statement', 'idle in transaction')
	{
		$session = OssSession->new($node);
		if ($where eq 'in the statement')
		{
			$session->send($sleeping);
			wait_for_sleep($session);
		}
		else
		{
			is($session->query("BEGIN; $insert"), '', "$table, terminate $where: exported");
		}
		$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . $session->pid . ')');
		wait_for_end($session);
		nothing_left("$table, terminate $where");
		$session->kill;
	}

	# the client vanishes
	for my $where ('in the statement', 'idle in transaction')
	{
		$session = OssSession->new($node);
		if ($where eq 'in the statement')
		{
			$session->send($sleeping);
			wait_for_sleep($session);
		}
		else
		{
			is($session->query("BEGIN; $insert"), '', "$table, disconnect $where: exported");
		}
		$session->kill;
		wait_for_end($session);
		nothing_left("$table, disconnect $where");
	}

	# the server ends the idle transaction
	$session = OssSession->new($node);
	$session->send("SET idle_in_transaction_session_timeout = '500ms'; BEGIN; $insert");
	wait_for_end($session);
	nothing_left("$table, idle_in_transaction_session_timeout");
	$session->kill;

	# two transactions that each saw what the other changed: the second COMMIT fails, after the objects were completed
	my $one = OssSession->new($node);
	my $two = OssSession->new($node);
	$node->safe_psql('postgres', 'UPDATE doctors SET on_call = true');
	$_->query('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM doctors WHERE on_call') for ($one, $two);
	is($one->query("UPDATE doctors SET on_call = false WHERE id = 1; $insert"), '', "$table, serialization: exported");
	is($two->query('UPDATE doctors SET on_call = false WHERE id = 2'), '', "$table, serialization: the other one wrote");
	is($two->query('COMMIT'), '', "$table, serialization: the other one commits");
	like($one->query('COMMIT'), qr/40001.*could not serialize/s, "$table, serialization: this one fails");
	nothing_left("$table, serialization failure");
	$_->finish for ($one, $two);

	# and the other way round: nothing before COMMIT, everything after it
	$session = OssSession->new($node);
	is($session->query("BEGIN; $insert"), '', "$table: exported");
	is_deeply([ $store->objects ], [], "$table: nothing is visible before COMMIT");
	is($session->query("SELECT count(*) FROM $table"), '0', "$table: not even to the own transaction");
	is($session->query('COMMIT'), '', "$table: committed");
	everything_there("$table, COMMIT", $table);
	cmp_ok(scalar($store->objects), $table eq 'small' ? '==' : '>=', $table eq 'small' ? 1 : 4, "$table: number of objects");
	is($session->query($insert), '', "$table: a second export is added");
	is(summary($table), 2 * $n . "|1|$n|$n", "$table: both exports are there");
	$session->finish;
	$store->empty;
}

# several tables in one transaction
my $three = join('; ', rows_sql('small'), rows_sql('multipart'), "INSERT INTO other SELECT i, 'y' FROM generate_series(1, 5) i");
ends_badly('several tables, ROLLBACK', "BEGIN; $three; ROLLBACK");
$node->safe_psql('postgres', "BEGIN; $three; COMMIT");
everything_there('several tables', 'small');
everything_there('several tables', 'multipart');
is(summary('other'), '5|1|5|5', 'several tables: the third one');
$store->empty;

# the completion of one object is refused: none of the others may stay
$store->fault({ op => 'CompleteMultipartUpload', after => 1, count => undef, action => 'deny' });
ends_badly('a completion refused', rows_sql('multipart'), qr/AccessDenied/);
$store->clear_faults;

# savepoints, by level
sub ids
{
	my ($sql) = @_;
	$node->safe_psql('postgres', $sql);
	my $ids = $node->safe_psql('postgres', q{SELECT string_agg(id::text, ',' ORDER BY id) FROM small});
	is_deeply([ $store->uploads ], [], 'no unfinished upload');
	$store->empty;
	return $ids;
}

sub one
{
	return "INSERT INTO small VALUES ($_[0], 'z');";
}

is(ids('BEGIN; SAVEPOINT a;' . one(1) . 'RELEASE a; COMMIT'), '1', 'RELEASE, COMMIT');
is(ids('BEGIN;' . one(1) . 'SAVEPOINT a;' . one(2) . 'ROLLBACK TO a;' . one(3) . 'COMMIT'), '1,3', 'ROLLBACK TO takes only its level');
is(ids('BEGIN; SAVEPOINT a;' . one(1) . 'SAVEPOINT b;' . one(2) . 'ROLLBACK TO b;' . one(3) . 'RELEASE a; COMMIT'),
	'1,3', 'an inner ROLLBACK TO, the outer one released');
is(ids('BEGIN;' . one(1) . 'SAVEPOINT a;' . one(2) . 'SAVEPOINT b;' . one(3) . 'RELEASE b; ROLLBACK TO a;' . one(4) . 'COMMIT'),
	'1,4', 'a released level goes with its parent');
is(ids('BEGIN; SAVEPOINT a;' . one(1) . 'ROLLBACK TO a;' . one(2) . 'ROLLBACK TO a;' . one(3) . 'COMMIT'), '3', 'ROLLBACK TO twice');
is( ids('BEGIN;' . one(1) . 'DO $$ BEGIN FOR i IN 10..15 LOOP BEGIN INSERT INTO small VALUES (i, \'w\');'
		  . ' IF i % 2 = 1 THEN RAISE EXCEPTION \'odd\'; END IF; EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$; COMMIT'),
	'1,10,12,14', 'PL/pgSQL subtransactions in a loop');

# cursors, and scans that end early
$node->safe_psql('postgres', rows_sql('multipart'));
my $session = OssSession->new($node);
is( $session->query('BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT id FROM multipart; FETCH 2 FROM c; COMMIT; MOVE FORWARD 19997 FROM c; FETCH 5 FROM c'),
	join("\n", $session->query('SELECT id FROM multipart LIMIT 2'), $session->query('SELECT id FROM multipart OFFSET 19999')),
	'a cursor WITH HOLD outlives its transaction');
is($session->query('CLOSE c'), '', 'and can be closed');
like($session->query('BEGIN; DECLARE c CURSOR FOR SELECT id FROM multipart; FETCH 1 FROM c; ROLLBACK'), qr/^\d+$/, 'a cursor ends with its transaction');
ok($store->wait_idle, 'a cursor that was left leaves no open request');
for my $try (1 .. 5)
{
	like($session->query('SELECT id FROM multipart LIMIT 1'), qr/^\d+$/, 'LIMIT 1');
	ok($store->wait_idle, 'LIMIT leaves no open request');
}
is($session->query('SELECT count(*) FROM small WHERE false'), '0', 'a scan that is never run');
is($session->query('BEGIN; SELECT count(*) FROM multipart; PREPARE TRANSACTION \'readonly\''), '20000',
	'PREPARE TRANSACTION after a scan alone is allowed');
is($session->query("ROLLBACK PREPARED 'readonly'"), '', 'and can be rolled back');
$session->finish;

$node->stop;
$store->stop;
done_testing();
