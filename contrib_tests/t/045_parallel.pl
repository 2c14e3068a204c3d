#
# 045_parallel.pl
#	  Parallel scans: every row exactly once, on plain, compressed and split objects, with rescans, limits, cursors and
#	  joins; a worker's error and a cancel end all; EXPLAIN ANALYZE adds up what the workers did.
#
# PARALLEL_ROUNDS (100) is the number of random repetitions; the seed is fixed.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Utils;
use Test::More;
use OssRead;

my $rounds = $ENV{PARALLEL_ROUNDS} // 100;
my $t = OssRead->new(conf => "max_parallel_workers = 8\nmax_worker_processes = 12\n");
my $store = $t->store;
my $force = q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
	SET oss_fdw.split_size = '64kB'};
$t->sql($force);

# What the tables hold: id once each, and a text with backslashes and line ends where the format allows them.
my $rows = 12_000;
my $facts = 'count(*), sum(id), count(DISTINCT id), sum(hashtextextended(w, 0)::numeric)';
$t->sql("CREATE TABLE source AS SELECT i AS id, CASE i % 7 WHEN 0 THEN repeat(E'\\\\', i % 9) || 'b' WHEN 1 THEN 'line' || repeat(E'\\n', i % 4) || i
	WHEN 2 THEN E'\\\\' || E'\\n' || repeat(E'\\\\\\n', i % 5) WHEN 3 THEN '' ELSE md5(i::text) || ' \"quoted\", ' END AS w FROM generate_series(1, $rows) i");
my $expected = $t->sql("SELECT $facts FROM source");

my %tables = (
	plain => "format 'csv', max_file_size '20kB'",
	gzip => "format 'csv', compression 'gzip', max_file_size '10kB'",
	zstd => "format 'text', compression 'zstd', max_file_size '10kB'",
	one_gzip => "format 'text', compression 'gzip', max_file_size '0'",
	jsonl => "format 'jsonl', max_file_size '0'",
	split => "format 'text', max_file_size '0'",
	split_eol => "format 'text', noescaping 'true', max_file_size '0', eol '\$#', delimiter '@|', null 'no'",
	halves => "format 'text', max_file_size '400kB'");
for my $name (sort keys %tables)
{
	$t->table($name, 'id int, w text', "dir '$name/', $tables{$name}");
	# without escapes no line end can be in a field of a text
	$t->sql($name eq 'split_eol' ? "INSERT INTO split_eol SELECT id, replace(w, E'\\n', '#') FROM source" : "INSERT INTO $name SELECT * FROM source");
	$t->sql("ANALYZE $name");
}
# what others write into text files: a backslash and a real line end
my $text = '';
for my $i (1 .. $rows)
{
	my $w = $i % 3 == 0 ? ('x' x ($i % 11)) . ("\\\\" x ($i % 4)) . "\\\n$i" : $i % 3 == 1 ? "\\\n\\\n" . ("\\\\" x ($i % 5)) : "plain $i" . ("\\\\" x ($i % 3));
	$text .= "$i\t$w\n";
}
$store->put('raw/x.txt', $text);
$store->put('raw/y.txt', $text =~ s/^(\d+)\t/($1 + $rows) . "\t"/gmer =~ s/\n/\n/gr);
$t->table('raw', 'id int, w text', "dir 'raw/', format 'text'");
$t->sql('SET max_parallel_workers_per_gather = 0');
my $raw_expected = $t->sql("SELECT $facts FROM raw");
like($raw_expected, qr/^@{[ 2 * $rows ]}\|/, 'escaped line ends: the serial scan reads them');
$t->sql('SET max_parallel_workers_per_gather = 2; ANALYZE raw');
my %expected = (map({ $_ => $expected } keys %tables), raw => $raw_expected);
$expected{split_eol} = $t->sql("SELECT $facts FROM (SELECT id, replace(w, E'\\n', '#') AS w FROM source) q");

# ---- every row once

for my $name (sort keys %expected)
{
	my $plan = $t->sql("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT $facts FROM $name");
	like($plan, qr/Workers Planned: 2/, "$name: planned with 2 workers") or diag($plan);
	like($plan, qr/Parallel Foreign Scan/, "$name: in parallel");
	$t->rows_are("$name: each row once", "SELECT $facts FROM $name", $expected{$name});
}

# ---- generated columns are made in workers, unless their functions must not run there

$t->sql('CREATE FUNCTION leader_only(int) RETURNS int LANGUAGE plpgsql IMMUTABLE PARALLEL RESTRICTED AS $$ BEGIN RETURN $1 * 2; END $$');
for my $case (['id * 2', 1], ['leader_only(id)', 0])
{
	my ($value, $in_parallel) = @$case;
	my $name = "made_$in_parallel";

	$t->table($name, "id int, twice int GENERATED ALWAYS AS ($value) STORED, w text", "dir 'plain/'");
	$t->sql("ANALYZE $name");
	is($t->sql("EXPLAIN (COSTS OFF) SELECT sum(twice) FROM $name") =~ /Parallel Foreign Scan/ ? 1 : 0, $in_parallel, "generated as $value: in parallel?");
	$t->rows_are("generated as $value", "SELECT sum(twice), count(*) FROM $name WHERE twice > 2", ($rows * ($rows + 1) - 2) . '|' . ($rows - 1));
}

# in how many pieces an object is read: GETs of the split ones begin at many places
$store->reset_counters;
$t->sql("SELECT $facts FROM split");
cmp_ok(scalar(grep { ($_->{range} // '') =~ /bytes=[1-9]/ } $t->logged('GetObject')), '>=', 5, 'a plain text object is read in pieces');

# ---- random repetitions

srand(20260101);
my $wrong = 0;
my @names = sort keys %expected;
for my $round (1 .. $rounds)
{
	my $name = $names[ rand @names ];
	my $size = (16, 17, 31, 64, 100, 333)[ rand 6 ];
	my $workers = 1 + int(rand 3);
	my $leader = rand() < 0.7 ? 'on' : 'off';
	my $threads = rand() < 0.8 ? 2 : 0;
	my $cut = int(rand $rows);
	my $got = $t->answer("SET oss_fdw.split_size = '${size}kB'; SET max_parallel_workers_per_gather = $workers; SET parallel_leader_participation = $leader;"
		  . "SELECT $facts FROM $name; SELECT count(*) FROM (SELECT id FROM $name WHERE id <= $cut) q");
	next if $got eq "$expected{$name}\n$cut";
	$wrong++;
	diag("round $round, $name, split at $size kB, $workers workers, leader $leader: $got, expected $expected{$name} and $cut");
}
is($wrong, 0, "$rounds random repetitions read each row once");
$t->sql('RESET parallel_leader_participation; SET max_parallel_workers_per_gather = 2; SET oss_fdw.split_size = \'64kB\'');

# ---- rescans, limits, cursors, joins

for my $name ('split', 'gzip', 'plain')
{
	$t->rows_are("$name: rescans of a correlated subquery", "SELECT sum(n) FROM (SELECT (SELECT count(*) FROM $name f WHERE f.id <= s.id) AS n FROM (VALUES (1), (10), (100), (12000)) s(id)) q", 12111);
	$t->rows_are("$name: in nested loops",
		"SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; SELECT count(*), sum(f.id) FROM (VALUES (5), (50), (500)) s(id) JOIN $name f ON f.id = s.id;"
		  . ' RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_material', '3|555');
	$t->rows_are("$name: joined with itself", "SELECT count(*), sum(a.id) FROM $name a JOIN $name b USING (id)", "$rows|" . $rows * ($rows + 1) / 2);
	for my $limit (1, 10, 5000)
	{
		$t->rows_are("$name: LIMIT $limit", "SELECT count(DISTINCT id), count(*) FROM (SELECT id FROM $name LIMIT $limit) q", "$limit|$limit");
	}
	$t->rows_are("$name: through a cursor", "BEGIN; DECLARE c CURSOR FOR SELECT id FROM $name; MOVE 100 FROM c; MOVE ALL FROM c; FETCH 1 FROM c; COMMIT", '');
	$t->rows_are("$name: count in a DO block through a cursor",
		"DO \$\$ DECLARE n bigint := 0; s bigint := 0; r record; BEGIN FOR r IN SELECT id FROM $name LOOP n := n + 1; s := s + r.id; END LOOP;"
		  . " IF n <> $rows OR s <> ${rows}::bigint * ($rows + 1) / 2 THEN RAISE EXCEPTION 'read %, sum %', n, s; END IF; END \$\$", '');
	$t->rows_are("$name: PL/pgSQL leaves a loop early", "DO \$\$ DECLARE r record; BEGIN FOR r IN SELECT id FROM $name LOOP EXIT; END LOOP; END \$\$; SELECT $facts FROM $name", $expected);
}
$t->rows_are('Gather Merge', "SELECT count(*), min(id), max(id) FROM (SELECT id, row_number() OVER () AS n FROM (SELECT id FROM split ORDER BY id) a) q WHERE id = n", "$rows|1|$rows");
$t->rows_are('UNION ALL of parallel scans', "SELECT count(*), sum(id) FROM (SELECT id FROM split UNION ALL SELECT id FROM gzip) q", 2 * $rows . '|' . $rows * ($rows + 1));

# ---- EXPLAIN ANALYZE tells what all processes did

sub explained
{
	my ($query) = @_;
	my $plan = $t->sql("EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF) $query");
	my %value = $plan =~ /^\s*(Objects|Objects Pruned|Object Bytes|Requests|Bytes Received): (\d+)$/mg;
	return \%value;
}
for my $name ('gzip', 'plain')
{
	my $objects = $t->sql("SELECT count(*) FROM oss_fdw_list_file('$name')");
	my $bytes = $t->sql("SELECT sum(size) FROM oss_fdw_list_file('$name')");
	for my $leader ('on', 'off')
	{
		$t->sql("SET parallel_leader_participation = $leader");
		$store->reset_counters;
		my $value = explained("SELECT $facts FROM $name");
		my $total = $store->control('GET', 'counters')->{total};
		is($value->{Objects}, $objects, "$name, leader $leader: all objects are counted");
		is($value->{'Object Bytes'}, $bytes, "$name, leader $leader: all bytes of objects");
		is($value->{Requests}, $total->{requests}, "$name, leader $leader: all requests");
		cmp_ok($value->{'Bytes Received'}, '>=', $bytes, "$name, leader $leader: all bytes received");
	}
}
$t->sql('RESET parallel_leader_participation');
my $again = explained("SELECT (SELECT count(*) FROM gzip f WHERE f.id <= s.id) FROM (VALUES (1), (2)) s(id)");
is($again->{Objects}, 2 * $t->sql("SELECT count(*) FROM oss_fdw_list_file('gzip')"), 'rescans add up');

# pruned objects are not even looked at
$t->table('pruned', "id int, w text, file text OPTIONS (metadata 'file')", "dir 'split/', format 'text'");
$t->sql('ANALYZE pruned');
$store->reset_counters;
my $value = explained("SELECT count(*) FROM pruned WHERE file = 'none'");
is(join(' ', $value->{Objects}, $value->{'Objects Pruned'}), '0 1', 'a pruned object is counted once');
is($store->requests('GetObject'), 0, 'and costs no GET');
$t->rows_are('objects that only a run can prune', "SELECT count(*) FROM (SELECT f.id FROM (SELECT DISTINCT file FROM pruned) d JOIN pruned f ON f.file = d.file) q", $rows);

# ---- large archives are never split

$t->sql("COPY source TO PROGRAM 'cat >/dev/null'");
{
	my $folder = PostgreSQL::Test::Utils::tempdir();
	open(my $file, '>:raw', "$folder/m.jsonl") or die $!;
	print $file "{\"id\": $_, \"w\": \"text of $_\"}\n" for 1 .. $rows;
	close($file);
	system('tar', '-C', $folder, '-cf', "$folder/m.tar", 'm.jsonl') == 0 or die 'tar';
	$store->put('members/m.tar', slurp_file("$folder/m.tar"));
}
$t->table('members', 'id int, w text', "filepath 'members/m.tar!*.jsonl', format 'jsonl'");
$t->sql('ANALYZE members');
$t->rows_are('members of an archive, in parallel', 'SELECT count(*), sum(id), count(DISTINCT id) FROM members', "$rows|" . $rows * ($rows + 1) / 2 . "|$rows");

# ---- errors

my $bad = $text;
$bad =~ s/^11900\t/oops\t/m or die 'no such row';
$store->put('bad/x.txt', $bad);
$t->table('bad', 'id int, w text', "dir 'bad/', format 'text'");
for my $leader ('on', 'off')
{
	$t->sql("SET parallel_leader_participation = $leader; SET max_parallel_workers_per_gather = 0; SET max_parallel_workers_per_gather = 2; SET min_parallel_table_scan_size = 0");
	$t->fails("a bad row in a piece, leader $leader", 'SELECT sum(id) FROM bad', qr/invalid input syntax.*"oops"/, qr{bad/x\.txt}, qr/column id/);
	# a piece does not know its line numbers: it tells the byte
	my ($told) = $t->answer('SELECT sum(id) FROM bad') =~ /byte (\d+)/;
	is($told, index($bad, "\noops") + 1, "leader $leader: where the row begins");
}
$t->sql('RESET parallel_leader_participation');
# at the start of a row: a marker inside one ends only that row
$store->put('bad/x.txt', substr($text, 0, length($text) / 2) =~ s/\n\d+\t(?:(?!\n\d+\t).)*\z/\n/sr . "\\.\n" . $text);
$t->fails('rows behind an end-of-copy marker in a split object', 'SELECT count(*) FROM bad', qr/end-of-copy/, qr{bad/x\.txt});
$store->put('bad/x.txt', "$text\\.\n");
$t->rows_are('a marker at the very end is none', 'SELECT count(*), sum(id) FROM bad', "$rows|" . $rows * ($rows + 1) / 2);

# ---- cancel: leader and workers end, and nothing stays in flight

my $block = $store->fault({ op => 'GetObject', key => 'plain/*', action => 'block', count => undef });
my $session = OssSession->new($t->node);
$session->query($force);
$session->send("SELECT $facts FROM plain");
ok($store->wait_blocked($block), 'a parallel scan waits for the store');
$t->node->poll_query_until('postgres', q{SELECT count(*) >= 1 FROM pg_stat_activity WHERE backend_type = 'parallel worker'}) or die 'no worker';
$t->sql('SELECT pg_cancel_backend(' . $session->pid . ')');
like($session->answer, qr/canceling statement due to user request/, 'cancel is told');
ok($t->node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'parallel worker'}), 'the workers end too');
$store->clear_faults;
is($session->query("SELECT $facts FROM plain"), $expected, 'and the session reads on');
$session->finish;

done_testing();
