#
# 047_parallel_pieces.pl
#	  Parallel scans inside objects: csv whose fields hold no line ends is cut at line ends, anything at the places that manifests
#	  record.  Every row exactly once, in 1,000 random repetitions, too; what a serial scan refuses, a parallel one refuses.
#
# PARALLEL_ROUNDS (1000) is the number of random repetitions; the seed is fixed.
#
use strict;
use warnings FATAL => 'all';
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use OssRead;

my $rounds = $ENV{PARALLEL_ROUNDS} // 1000;
my $t = OssRead->new(conf => "max_parallel_workers = 8\nmax_worker_processes = 12\n");
my $store = $t->store;
my $parallel = q{SET max_parallel_workers_per_gather = 2;};
my $serial = q{SET max_parallel_workers_per_gather = 0;};
$t->sql(qq{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; $parallel
	SET oss_fdw.split_size = '16kB'});

# Texts with everything that csv quotes; line ends in every third.
my $rows = 6_000;
my $facts = 'count(*), sum(id), count(DISTINCT id), sum(hashtextextended(w, 0)::numeric)';
my $noise = "(SELECT string_agg(md5(k || '-' || i), '') FROM generate_series(0, i % 11) k)";    # hard to compress
$t->sql("CREATE TABLE source AS SELECT i AS id, CASE i % 6 WHEN 0 THEN $noise || E'\\n' || repeat('\"', i % 4) || E'\\r\\n,' || i
	WHEN 1 THEN $noise || ', \"quoted\" \\. \\' WHEN 2 THEN '' WHEN 3 THEN E'\\n\\n' || $noise || E'\\n'
	WHEN 4 THEN NULL ELSE repeat('long ', i % 20) || $noise END AS w FROM generate_series(1, $rows) i");
$t->sql("CREATE VIEW lines AS SELECT id, replace(replace(w, E'\\n', '|'), E'\\r', '') AS w FROM source");
my $expected = $t->sql("SELECT $facts FROM source");
my $expected_lines = $t->sql("SELECT $facts FROM lines");

# The table is read in parallel and in pieces, and both scans give the rows.
sub reads_once
{
	my ($name, $facts_expected, $pieces) = @_;
	$t->sql("ANALYZE $name");
	my $plan = $t->sql("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT $facts FROM $name");
	like($plan, qr/Workers Planned: 2.*Parallel Foreign Scan on $name.*Objects: \d+/s, "$name: in parallel, objects shown");
	$t->rows_are("$name: serial", "$serial SELECT $facts FROM $name; $parallel", $facts_expected);
	$store->reset_counters;
	$t->rows_are("$name: each row once", "SELECT $facts FROM $name", $facts_expected);
	my $inside = grep { ($_->{range} // '') =~ /bytes=[1-9]/ } $t->logged('GetObject');
	# ranges of a whole object grow quickly
	$pieces ? cmp_ok($inside, '>=', $pieces, "$name: in pieces") : cmp_ok($inside, '<=', 3, "$name: whole");
	return;
}

# ---- csv whose fields hold no line ends

my %plain = (
	lines => '',
	lines_header => "header 'true'",
	lines_eol => "eol '\$#'",
	lines_crlf => "eol E'\\r\\n'",
	lines_cr => "eol E'\\r'",
	lines_escape => "escape '\\', header 'match'",
	lines_gbk => "encoding 'GBK'",
	lines_bars => "delimiter '|', quote '~', force_quote '*'");
my %expected;
for my $name (sort keys %plain)
{
	my $options = "dir '$name/', max_file_size '0', multi_line 'false'" . ($plain{$name} ? ", $plain{$name}" : '');
	$t->table("t_$name", 'id int, w text', $options);
	$t->sql("INSERT INTO t_$name SELECT * FROM lines");
	$expected{"t_$name"} = $expected_lines;
	reads_once("t_$name", $expected_lines, 20);
	# who does not say how lines end learns it from the first one
	next if $name eq 'lines_eol';
	$t->table("l_$name", 'id int, w text', $options =~ s/, eol E'[^']*'//r);
	$expected{"l_$name"} = $expected_lines;
	reads_once("l_$name", $expected_lines, 20);
}
# a line end whose end is its begin cannot be found from anywhere
$t->table('t_double', 'id int, w text', "dir 'double/', max_file_size '0', multi_line 'false', eol '\$\$'");
$t->sql('INSERT INTO t_double SELECT * FROM lines');
reads_once('t_double', $expected_lines, 0);
$t->table('t_default', 'id int, w text', "dir 'lines/'");
reads_once('t_default', $expected_lines, 0);
$t->table('t_skip', 'id int, w text', "dir 'lines/', multi_line 'false', skip '1'");
reads_once('t_skip', $t->sql("SELECT $facts FROM lines WHERE id > 1"), 0);
$t->table('t_limited', 'id int, w text', "dir 'lines/', multi_line 'false', max_decompressed_bytes '100kB'");
$t->fails("$_ scan: the limit counts", ($_ eq 'serial' ? $serial : $parallel) . 'ANALYZE t_default; SELECT count(*) FROM t_limited', qr/more than 102400 bytes/)
  for 'serial', 'parallel';
$t->sql($parallel);

# ---- a file that holds line ends all the same: both scans refuse it, wherever the pieces begin

my $text = join('', map { "$_,\"text of $_\"\n" } 1 .. 4000);
my @cuts = ('16kB', '17kB', '19kB', '32kB', '48kB');
$t->table('wrong', 'id int, w text', "dir 'wrong/', multi_line 'false'");
sub refused
{
	my ($what, $pattern) = @_;
	for my $setting ($serial, map { "$parallel SET oss_fdw.split_size = '$_';" } @cuts)
	{
		$t->fails("$what ($setting)", "$setting SELECT $facts FROM wrong", $pattern, qr{wrong/x\.csv});
		$t->fails("$what, counted ($setting)", "$setting SELECT count(*) FROM wrong", $pattern, qr{wrong/x\.csv});
	}
	$t->sql("$parallel SET oss_fdw.split_size = '16kB'");
	return;
}
for my $row (7, 1500, 4000)
{
	for my $end ("\n", "\r", "\r\n", "\n$row,\"")
	{
		$store->put('wrong/x.csv', $text =~ s/text of $row"/text${end}of $row"/r);
		refused(sprintf('row %d with %vd in quotes', $row, $end), qr/unterminated CSV quoted field/);
	}
	$store->put('wrong/x.csv', $text =~ s/"text of $row"/text\rof $row/r);
	refused("row $row with a lone CR", qr/unquoted carriage return|unquoted newline/);
}
$store->put('wrong/x.csv', $text =~ s/\n/\r\n/gr =~ s/\r\n2000,/\n2000,/r);
refused('a lone LF among CR LF', qr/unquoted newline/);
$store->put('wrong/x.csv', $text . "\\.\n" . $text);
$t->fails('rows behind an end-of-copy marker', 'SELECT count(*) FROM wrong', qr/end-of-copy/, qr{wrong/x\.csv}) if $t->sql('SHOW server_version_num') < 180_000;
$store->put('wrong/x.csv', $text =~ s/text of 1500"/text\nof 1500"/r);
$t->table('tolerant', 'id int, w text', "dir 'wrong/', multi_line 'false', reject_limit '2'");
$t->rows_are('under a reject_limit both halves are bad rows', 'SELECT count(*), count(DISTINCT id) FROM tolerant', '3999|3999');
my ($place) = $t->answer("$serial SELECT count(*) FROM wrong; $parallel") =~ /line (\d+)/;
is($place, 1500, 'a serial scan tells the line');
for my $leader ('on', 'off')
{
	my $answer = $t->answer("SET parallel_leader_participation = $leader; SELECT count(*) FROM wrong");
	my ($byte) = $answer =~ /byte (\d+)/;
	is($byte, index($text, "\n1500,") + 1, "a piece tells the byte, leader $leader");
	like($answer, qr/parallel worker/, 'it is a worker that fails') if $leader eq 'off';
}
$t->sql('RESET parallel_leader_participation');

# ---- nor is such a file written

for my $end ("\\n", "\\r", "x\\r\\ny")
{
	for my $type ('text', 'varchar(50)', 'char(9)', 'json')
	{
		my $value = $type eq 'json' ? "E'{\"a\":$end 1}'" : "E'a${end}b'";
		next if $type eq 'json' && $end =~ /x/;
		$t->table('strict', "id int, w $type", "dir 'strict/', multi_line 'false'");
		$t->fails("$type with $end", "INSERT INTO strict VALUES (1, $value)", qr/value of column "w" holds a line end/, qr/multi_line/);
	}
}
$t->table('strict', 'id int, w text[]', "dir 'strict/', multi_line 'false'");
$t->fails('an array with a line end', "INSERT INTO strict VALUES (1, ARRAY[E'a\\nb'])", qr/value of column "w" holds a line end/);
$t->table('strict', 'id int, w text', "dir 'strict/', multi_line 'false', eol '\$#'");
$t->fails('a line end of its own', "INSERT INTO strict VALUES (1, 'a\$#b')", qr/value of column "w" holds a line end/);
$t->sql("INSERT INTO strict VALUES (1, E'a\\nb'), (2, 'a\$'), (3, '#')");
$t->rows_are('others are data then', 'SELECT * FROM strict ORDER BY id', "1|a\nb\n2|a\$\n3|#");
$t->table('strict', "id int, \"w\nx\" text", "dir 'strict_header/', multi_line 'false', header 'true'");
$t->fails('a name in the header', "INSERT INTO strict VALUES (1, 'a')", qr/holds a line end/);

# ---- what manifests record

my @codecs = ('none', 'gzip', 'zstd', 'lz4', 'bzip2', 'xz', 'deflate');
sub manifest_of
{
	my ($folder) = @_;
	my ($key) = grep { m{^$folder/_manifest_} } $store->objects;
	return ($key, decode_json($store->get($key)));
}
for my $format ('csv', 'text', 'jsonl', 'binary')
{
	for my $codec (@codecs)
	{
		next if $codec ne 'none' && $codec ne 'gzip' && $format !~ /csv|text/;
		my $name = "m_${format}_$codec";
		my $header = $format =~ /csv|text/ ? ", header 'true'" : '';
		my $size = $codec eq 'none' ? '0' : '400kB';
		$t->table($name, 'id int, w text', "dir '$name/', format '$format', compression '$codec', manifest 'true', max_file_size '$size', part_size '100kB'$header");
		$t->sql("INSERT INTO $name SELECT * FROM source");
		my ($key, $manifest) = manifest_of($name);
		my $splits = grep { @{ $_->{splits} // [] } } @{ $manifest->{entries} };
		$codec eq 'deflate' ? is($splits, 0, "$name: one stream has no splits") : cmp_ok($splits, '>', 0, "$name: splits are recorded");
		$expected{$name} = $expected;
		reads_once($name, $expected, $codec eq 'deflate' ? 0 : 6);
		$t->rows_are("$name: verified", "SELECT DISTINCT state FROM oss_fdw_verify('$name')", 'ok');
		# lines are known to whole objects only
		$t->table("lined", "id int, w text, line bigint OPTIONS (metadata 'line')", "dir '$name/', format '$format', manifest 'true'$header");
		$t->rows_are("$name: lines", 'ANALYZE lined; SELECT count(*), min(line) < 5 FROM lined', "$rows|t");
	}
}

# rows that end in their own way
my %odd = (
	m_eol => "format 'csv', eol '\$\$'",
	m_crlf => "format 'csv', eol E'\\r\\n', compression 'zstd'",
	m_cr => "format 'text', eol E'\\r'",
	m_gbk => "format 'csv', encoding 'GBK', escape '\\', compression 'gzip'",
	m_strict => "format 'csv', multi_line 'false'",
	m_fixed => "format 'fixed', compression 'gzip'");
for my $name (sort keys %odd)
{
	my $size = $odd{$name} =~ /compression/ ? '400kB' : '0';
	my $columns = $name eq 'm_fixed' ? "id int OPTIONS (position '0,10'), w text OPTIONS (position '10,65')" : 'id int, w text';
	my $from = $name eq 'm_fixed' ? "(SELECT id, 'x' || md5(coalesce(w, '')) || md5(id::text) AS w FROM source)" : $name eq 'm_strict' ? 'lines' : 'source';
	$t->table($name, $columns, "dir '$name/', manifest 'true', max_file_size '$size', part_size '100kB', $odd{$name}");
	$t->sql("INSERT INTO $name SELECT * FROM $from q");
	$expected{$name} = $t->sql("SELECT $facts FROM $from q");
	reads_once($name, $expected{$name}, $name eq 'm_fixed' ? 3 : 6);
}

# ---- a manifest that lies

sub with_splits
{
	my ($name, $change) = @_;
	my ($key, $manifest) = manifest_of($name);
	my $was = $store->get($key);
	my ($entry) = grep { @{ $_->{splits} // [] } > 2 } @{ $manifest->{entries} };
	$change->($entry);
	$store->put($key, encode_json($manifest));
	return sub { $store->put($key, $was); };
}
for my $codec (grep { $_ ne 'deflate' } @codecs)
{
	my $name = "m_csv_$codec";
	for my $off (-3, -1, 1, 2)
	{
		my $undo = with_splits($name, sub { $_[0]{splits}[1][0] += $off; });
		$t->fails("$name: a place that is $off bytes off", "SELECT $facts FROM $name", qr/could not read/, qr{$name/});
		$t->rows_are("$name: a serial scan does not look at it", "$serial SELECT $facts FROM $name; $parallel", $expected);
		$undo->();
	}
	my $undo = with_splits($name, sub { $_[0]{codec} = $codec eq 'gzip' ? 'zstd' : 'gzip'; });
	$t->fails("$name: another codec", "SELECT $facts FROM $name", qr/could not read/, qr{$name/});
	$undo->();
	$undo = with_splits($name, sub { $_[0]{splits}[1][0] = $_[0]{bytes} + 5; });
	$t->fails("$name: a place outside", "SELECT $facts FROM $name", qr/could not read the manifest/, qr/"splits"/);
	$undo->();
	$t->rows_are("$name: as it was", "SELECT $facts FROM $name", $expected);
}

# ---- a bad value in a piece of a compressed object: where it is

$t->table('typed', 'id int, w int', "dir 'm_csv_gzip/', format 'csv', manifest 'true', header 'true'");
$t->fails('a bad value in a packed piece', 'ANALYZE m_csv_gzip; SELECT sum(w) FROM (SELECT w FROM typed OFFSET 0) q', qr/invalid input syntax for type integer/, qr{object "[^"]*m_csv_gzip/[^"]*", (?:line|byte) \d+});

# ---- random repetitions

$t->table('whole_gzip', 'id int, w text', "dir 'whole_gzip/', compression 'gzip', max_file_size '40kB'");
$t->table('whole_plain', 'id int, w text', "dir 'whole_plain/', max_file_size '60kB'");
$t->table('split_text', 'id int, w text', "dir 'split_text/', format 'text', max_file_size '0'");
for my $name ('whole_gzip', 'whole_plain', 'split_text')
{
	$t->sql("INSERT INTO $name SELECT * FROM source; ANALYZE $name");
	$expected{$name} = $expected;
}
srand(20260102);
my $wrong = 0;
my %seen;
# a third each: plain, gzip (whole and in pieces), split
my @kinds = ([ grep { /none|whole_plain/ } sort keys %expected ], [ grep { /gzip/ } sort keys %expected ], [ grep { !/whole/ } sort keys %expected ]);
for my $round (1 .. $rounds)
{
	my $names = $kinds[ $round % 3 ];
	my $name = $names->[ rand @$names ];
	my $size = (16, 17, 31, 64, 100, 333)[ rand 6 ];
	my $leader = rand() < 0.7 ? 'on' : 'off';
	my $got = $t->answer("SET oss_fdw.split_size = '${size}kB'; SET parallel_leader_participation = $leader; SELECT $facts FROM $name");
	$seen{$name}++;
	next if $got eq $expected{$name};
	$wrong++;
	diag("round $round, $name, pieces of $size kB, leader $leader: $got, expected $expected{$name}");
}
is($wrong, 0, "$rounds random repetitions on " . keys(%seen) . ' tables read each row once');

done_testing();
