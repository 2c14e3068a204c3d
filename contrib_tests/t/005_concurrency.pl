#
# 005_concurrency.pl
#	  Exporters that meet at one place: error_if_exists lets exactly one win, append keeps everything of both,
#	  overwrite leaves exactly one whole export.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use OssStore;
use OssSession;

my $rounds = $ENV{OSS_TEST_ROUNDS} // 10;
my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$store->setup($node);

my $multipart = "part_size '100kB', max_file_size '300kB', compression 'none'";
for my $mode ('append', 'error_if_exists', 'overwrite')
{
	$node->safe_psql('postgres', qq{
		CREATE FOREIGN TABLE ${mode}_small (who int, id int, body text) SERVER store
			OPTIONS (dir '$mode/small/', export_mode '$mode');
		CREATE FOREIGN TABLE ${mode}_multipart (who int, id int, body text) SERVER store
			OPTIONS (dir '$mode/multipart/', export_mode '$mode', $multipart);
	});
}
$node->safe_psql('postgres', qq{
	CREATE FOREIGN TABLE file_small (who int, id int, body text) SERVER store
		OPTIONS (filepath 'one/file.csv', export_mode 'error_if_exists');
	CREATE FOREIGN TABLE file_multipart (who int, id int, body text) SERVER store
		OPTIONS (filepath 'one/file.csv', export_mode 'error_if_exists', part_size '100kB', max_file_size '0');
});

my @sessions = map { OssSession->new($node, name => "exporter$_") } 1 .. 2;

sub insert_sql
{
	my ($table, $who) = @_;
	my $n = $table =~ /multipart/ ? 8000 : 5;
	return "INSERT INTO $table SELECT $who, i, repeat('x', 100) FROM generate_series(1, $n) i";
}

# Both sessions run the same statement at once; returns how many reported no error, and the errors.
sub at_once
{
	my ($table) = @_;
	$sessions[$_]->send(insert_sql($table, $_)) for 0 .. 1;
	my @errors = grep { $_ ne '' } map { $_->answer } @sessions;
	return (2 - @errors, @errors);
}

# One row per exporter whose rows are there.
sub per_exporter
{
	my ($table) = @_;
	return split /\n/, $node->safe_psql('postgres', "SELECT count(*), count(DISTINCT id) FROM $table GROUP BY who ORDER BY who");
}

for my $size ('small', 'multipart')
{
	my $n = $size eq 'multipart' ? 8000 : 5;

	# a race that is lost once in fifty times must be seen
	for my $round (1 .. ($size eq 'small' ? 5 * $rounds : $rounds))
	{
		for my $table ("error_if_exists_$size", "file_$size")
		{
			my ($won, @errors) = at_once($table);
			is($won, 1, "$table, round $round: exactly one wins") or diag(@errors);
			like($errors[0] // '', qr/ERROR: .*\bplace\b/s, "$table, round $round: the other one is told why");
			is_deeply([ per_exporter($table) ], ["$n|$n"], "$table, round $round: the winner's rows and no others");
			is_deeply([ $store->uploads ], [], "$table, round $round: no unfinished upload");
			$store->empty;
		}

		next if $round > $rounds;

		my ($won, @errors) = at_once("append_$size");
		is($won, 2, "append_$size, round $round: both succeed") or diag(@errors);
		is_deeply([ per_exporter("append_$size") ], [ "$n|$n", "$n|$n" ], "append_$size, round $round: all rows of both");

		($won, @errors) = at_once("overwrite_$size");
		cmp_ok($won, '>=', 1, "overwrite_$size, round $round: one succeeds") or diag(@errors);
		for my $seen (per_exporter("overwrite_$size"))
		{
			is($seen, "$n|$n", "overwrite_$size, round $round: an export is there as a whole");
		}
		is_deeply([ $store->uploads ], [], "round $round: no unfinished upload");
		$store->empty;
	}

	# the first transaction is still open: the second exporter waits for it, or is refused at once; what it is told then
	# depends on how the first one ends
	for my $end ('COMMIT', 'ROLLBACK')
	{
		my $table = "error_if_exists_$size";
		is($sessions[0]->query('BEGIN; ' . insert_sql($table, 0)), '', "$size, $end: the first one exports");
		$sessions[1]->send(insert_sql($table, 1));
		$node->poll_query_until('postgres',
			"SELECT wait_event_type = 'Lock' OR state = 'idle' FROM pg_stat_activity WHERE pid = " . $sessions[1]->pid)
		  or die 'the second exporter neither waits nor ends';
		is($sessions[0]->query($end), '', "$size, $end: the first one ends");
		my $answer = $sessions[1]->answer;
		if ($end eq 'COMMIT')
		{
			like($answer, qr/ERROR: .*\bplace\b/s, "$size, $end: the second one finds the place taken");
			is_deeply([ per_exporter($table) ], ["$n|$n"], "$size, $end: one whole export is there");
		}
		elsif ($answer eq '')
		{
			is_deeply([ per_exporter($table) ], ["$n|$n"], "$size, $end: the second export is there");
		}
		else
		{
			like($answer, qr/ERROR: .*\bplace\b/s, "$size, $end: the second one was told that the place is taken");
			is_deeply([ per_exporter($table) ], [], "$size, $end: nothing is there");
		}
		is_deeply([ $store->uploads ], [], "$size, $end: no unfinished upload");
		$store->empty;

		# whatever happened, an empty place is free
		is($sessions[1]->query(insert_sql($table, 1)), '', "$size, $end: the place is free again");
		$store->empty;
	}

	# waiting for each other's places is a deadlock, which the server finds
	is($sessions[0]->query('BEGIN; ' . insert_sql("error_if_exists_$size", 0)), '', "$size, deadlock: one place");
	is($sessions[1]->query('BEGIN; ' . insert_sql("file_$size", 1)), '', "$size, deadlock: the other place");
	$sessions[0]->send(insert_sql("file_$size", 0) . '; COMMIT');
	$sessions[1]->send(insert_sql("error_if_exists_$size", 1) . '; COMMIT');
	my @answers = map { $_->answer } @sessions;
	cmp_ok(scalar(grep { /ERROR/ } @answers), '>=', 1, "$size, deadlock: at least one is refused");
	is_deeply([ $store->uploads ], [], "$size, deadlock: no unfinished upload");
	$store->empty;
}

$_->finish for @sessions;
$node->stop;
$store->stop;
done_testing();
