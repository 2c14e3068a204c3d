#
# 006_equality.pl
#	  What an export writes is byte for byte what the server's COPY writes for the same rows and options, and reading it
#	  back gives the same rows: for all built-in types, odd values, and options.
#
# A property test.  Each round makes a table of random columns and rows, exports it, compares the object's bytes with
# COPY (SELECT ...) TO, and the rows with those read back; then again with oss_fdw.fast_paths = off.  The seed of a
# round is printed; OSS_TEST_SEED repeats one, OSS_TEST_ROUNDS (12) says how many.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use OssStore;

no warnings 'qw';    # commas in value lists are meant
my $rounds = $ENV{OSS_TEST_ROUNDS} // 12;
my $first_seed = $ENV{OSS_TEST_SEED} // 20260101;
my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '-E', 'UTF8', '--locale=C.UTF-8' ]);
$node->start;
$store->setup($node);
my $folder = PostgreSQL::Test::Utils::tempdir();

$node->safe_psql('postgres', q{
	CREATE TYPE mood AS ENUM ('sad', 'ok', 'so, so', 'qu"ote', 'back\slash', '');
	CREATE TYPE pair AS (number int, words text);
	CREATE TYPE nested AS (inside pair, list text[]);
	CREATE DOMAIN positive AS int CHECK (VALUE > 0);
	CREATE DOMAIN words AS text;
	CREATE DOMAIN pairs AS pair[];
});

# Text that meets every special case of either format.
my @texts = (
	q{''}, q{' '}, q{'  both  '}, q{'plain'}, q{'comma, and ; and |'}, q{'"'}, q{'""'}, q{'a "quoted" word'}, q{''''},
	q{E'\\\\'}, q{E'\\\\.'}, q{E'\\\\N'}, q{'NULL'}, q{'null'}, q{E'tab\there'}, q{E'line\nfeed'}, q{E'carriage\rreturn'}, q{E'\r\n'},
	q{E'\x01\x02\x08\x0b\x0c\x1f\x7f'}, q{E'\n'}, q{E'\\\\n'}, q{'#'}, q{'~'}, q{'@'}, q{'^'}, q{'x'}, q{E'trailing \\\\'}, q{'中文,"引号"'},
	q{E'\U0001F600 \u00e9\u0301'}, q{E'\u2028\u00a0\ufeff'}, q{repeat('long, "very" ', 500)}, q{repeat('x', 70000)}, q{E'\t'}, q{'{}'}, q{'(,)'}, q{'\x41'});
my @floats = qw('0' '-0' '1' '-1' '0.1' '-0.5' '1e10' '1e15' '1e16' '123456789012345680' '1e-5' '1e-4' '0.0001234'
  '3.4028235e38' '1.17549435e-38' '16777216' 'NaN' 'Infinity' '-Infinity' '1e-10' '99999.99' '2.5e-8' '314159.26');
my @numerics = (
	qw('0' '-0' '1' '-1' '0.1' '-0.10' '1.00' '1000000' '10000' '9999.9999' '12345678901234567890.123456789' '-0.0000000001' 'NaN'
	  '1e100' '1e-100' '99999999999999999999999999999999999999' '100000000' '0.00001000' '1234567.8901'), q{('9' || repeat('0', 3000))},
	q{('0.' || repeat('0', 900) || '7')}, q{'Infinity'}, q{'-Infinity'});
my @dates = qw('2000-01-01' '1999-12-31' '1970-01-01' '2024-02-29' '0001-01-01' '9999-12-31' '10000-01-01' '294276-12-31' 'infinity' '-infinity');
my @times = qw('00:00:00' '23:59:59.999999' '24:00:00' '12:34:56' '12:34:56.7' '01:02:03.000001' '00:00:00.1');

# type => SQL expressions of its odd values (literals are cast to the type)
my %types = (
	boolean => [qw('t' 'f')],
	smallint => [qw('0' '1' '-1' '32767' '-32768' '100' '-99')],
	integer => [qw('0' '1' '-1' '2147483647' '-2147483648' '10' '-999999')],
	bigint => [qw('0' '1' '-1' '9223372036854775807' '-9223372036854775808' '4294967296' '999999999999')],
	real => \@floats,
	'double precision' => [ @floats, qw('1.7976931348623157e308' '5e-324' '2.2250738585072014e-308' '0.30000000000000004' '9007199254740993') ],
	numeric => \@numerics,
	'numeric(12,3)' => [qw('0' '1.5' '-123456789.125' '999999999.999' 'NaN' '0.0004')],
	'numeric(5,0)' => [qw('0' '-7' '99999' '10000')],
	money => [qw('0' '1.5' '-1234567.89' '92233720368547758.07')],
	text => \@texts,
	'character varying(80)' => [ grep { !/repeat/ } @texts ],
	'character(9)' => [ q{''}, q{'a'}, q{' a b'}, q{'nine wide'}, q{'中文'}, q{'"q"'}, q{E'\n'}, q{'x,y'} ],
	'"char"' => [ q{''}, q{'a'}, q{','}, q{'"'}, q{E'\\\\'}, q{E'\n'} ],
	name => [ q{''}, q{'a name'}, q{'a, "b"'}, q{repeat('n', 63)} ],
	bytea => [ q{''}, q{'\x'}, q{'\x00'}, q{'\xdeadbeef'}, q{decode(repeat('00ff', 3000), 'hex')}, q{'\x5c2c22'} ],
	date => [ @dates, q{'4713-01-01 BC'}, q{'0044-03-15 BC'}, q{'5874897-12-31'} ],
	time => \@times,
	'time(3)' => \@times,
	timetz => [qw('00:00:00+00' '23:59:59.999999-12' '12:34:56.7+05:30' '01:02:03+15:59:59' '24:00:00-15')],
	timestamp => [ @dates, q{'2024-02-29 12:34:56.789'}, q{'1999-12-31 23:59:59.999999'}, q{'0044-03-15 01:02:03 BC'}, q{'2000-01-01 00:00:00.00001'} ],
	'timestamp(2)' => [ q{'2024-02-29 12:34:56.789'}, q{'1999-12-31 23:59:59.999999'}, q{'infinity'} ],
	timestamptz => [ @dates, q{'2024-07-01 12:34:56.789+00'}, q{'2024-01-01 00:30:00+00'}, q{'1883-11-18 12:00:00+00'}, q{'0044-03-15 01:02:03+00 BC'}, q{'1945-08-14 23:00:00+00'} ],
	interval => [ q{'0'}, q{'1 day'}, q{'-1 mons +2 days -03:04:05.678'}, q{'178000000 years'}, q{'1 year 2 mons'}, q{'00:00:00.000001'}, q{'-00:00:01'}, q{'24:00:00'} ],
	uuid => [ q{'00000000-0000-0000-0000-000000000000'}, q{'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'}, q{'ffffffff-ffff-ffff-ffff-ffffffffffff'} ],
	json => [ q{'{}'}, q{'{"a": [1, 2.50, null],  "b": "x,\"y\""}'}, q{'"\u4e2d"'}, q{E'[1,\n 2]'}, q{'null'} ],
	jsonb => [ q{'{}'}, q{'{"b": 1, "a": [1, 2.50, null, "x,\"y\""]}'}, q{'"中"'}, q{'null'} ],
	jsonpath => [ q{'$.a[*] ? (@ > 1)'}, q{'strict $."b c"'} ],
	inet => [qw('127.0.0.1' '10.1.2.3/8' '::1' '2001:db8::/32' '0.0.0.0/0')],
	cidr => [qw('10.0.0.0/8' '::/0' '192.168.1.0/24')],
	macaddr => [qw('08:00:2b:01:02:03')],
	macaddr8 => [qw('08:00:2b:01:02:03:04:05')],
	'bit(9)' => [qw(B'000000000' B'101010101')],
	'bit varying' => [qw(B'' B'1' B'0110'), q{repeat('10', 50)::bit varying} ],
	point => [qw('(0,0)' '(1.5,-2.25e-7)' '(NaN,Infinity)')],
	line => [qw('{1,2,3}' '{0,-1,0.5}')],
	lseg => [qw('[(0,0),(1,1)]')],
	box => [qw('(1,1),(0,0)')],
	path => [qw('((0,0),(1,1),(2,0))' '[(0,0),(1,1)]')],
	polygon => [qw('((0,0),(1,1),(2,0))')],
	circle => [qw('<(1,2),3>')],
	tsvector => [ q{''}, q{'a:1 fat:2 cat:3A'}, q{$$'it''s' 'x\y'$$} ],
	tsquery => [ q{'fat & (rat | cat)'}, q{'!a <-> b:*'} ],
	oid => [qw('0' '1' '4294967295')],
	xid => [qw('0' '3' '4294967295')],
	xid8 => [qw('0' '18446744073709551615')],
	tid => [qw('(0,1)' '(4294967295,65535)')],
	pg_lsn => [qw('0/0' 'FFFFFFFF/FFFFFFFF')],
	pg_snapshot => [qw('10:20:10,14,15')],
	regclass => [qw('pg_class' 'pg_type')],
	regtype => [ q{'integer'}, q{'timestamp with time zone'} ],
	regproc => [qw('now')],
	oidvector => [ q{''}, q{'1 2 3'} ],
	int2vector => [ q{'1 -2 3'} ],
	int4range => [qw~'empty' '[1,5)' '(,)' '(,7)'~],
	numrange => [qw~'[1.50,2.5]' '(,0)'~],
	daterange => [ q{'[2000-01-01,2001-01-01)'}, q{'[,infinity)'} ],
	tsrange => [ q{'["2000-01-01 00:00:00","2001-01-01 12:34:56")'} ],
	tstzrange => [ q{'["2000-01-01 00:00:00+00",)'} ],
	int4multirange => [qw~'{}' '{[1,3),[5,8)}'~],
	'integer[]' => [qw('{}' '{1,NULL,-3}' '{{1,2},{3,4}}' '[0:1]={5,6}')],
	'text[]' => [ q{'{}'}, q{ARRAY['a,b', 'c"d', NULL, 'NULL', '', E'e\\\\f', E'g\nh', ' ']}, q{ARRAY[['中','{'],['}','x']]} ],
	'double precision[]' => [qw('{NaN,-0,1e300,NULL}')],
	'timestamptz[]' => [ q{'{"2024-07-01 12:34:56+00",infinity,NULL}'} ],
	'bytea[]' => [ q{ARRAY['\x00'::bytea, '\xff']} ],
	mood => [ q{'sad'}, q{'so, so'}, q{'qu"ote'}, q{E'back\\\\slash'}, q{''} ],
	pair => [ q{ROW(1, 'a')}, q{ROW(NULL, NULL)}, q{ROW(-1, '')}, q{ROW(2, E'x,"y"\\\\ \n(z)')} ],
	nested => [ q{ROW(ROW(1, 'a,"b'), ARRAY['c"d', NULL])}, q{ROW(NULL, '{}')} ],
	positive => [qw('1' '2147483647')],
	words => \@texts,
	pairs => [ q{ARRAY[ROW(1, 'x,"y"')::pair, NULL]}, q{'{}'} ],
	xml => [ q{'<a b="c,d">e</a>'}, q{'text &amp; more'}, q{E'<x>\n</x>'} ],
);
# Not every server was built with libxml
delete $types{xml} if ($node->psql('postgres', q{SELECT '<a/>'::xml}))[0] != 0;
my @names = sort keys %types;

# Options of the foreign table and of COPY; null strings are such that no value of ours equals them in text format.
my @variants = (
	{ format => 'csv' },
	{ format => 'csv', header => 'true' },
	{ format => 'csv', delimiter => ';', null => 'NULL', quote => q{'}, escape => q{'} },
	{ format => 'csv', delimiter => "\t", null => '\\N', escape => '\\', header => 'true' },
	{ format => 'csv', delimiter => '|', quote => '~', escape => '^', null => '' },
	{ format => 'csv', force_quote => '*' },
	{ format => 'csv', force_quote => 'columns', delimiter => ':', null => 'x' },
	{ format => 'text' },
	{ format => 'text', delimiter => '|', null => '~~' },
	{ format => 'text', delimiter => ',', null => '@NULL@' },
	{ format => 'text', header => 'true' },
);
# COPY has a header in text format since PostgreSQL 15
pop @variants if $node->safe_psql('postgres', 'SHOW server_version_num') < 150000;

sub pick
{
	return $_[ int(rand(@_)) ];
}

sub literal
{
	my ($text) = @_;
	$text =~ s/'/''/g;
	return "'$text'";
}

# A random table: ([name, type]..., statements that fill it)
sub random_table
{
	my ($round) = @_;
	my @columns;
	# every type gets its turn: a rotating choice plus random ones
	my $count = 1 + int(rand(9));
	push @columns, $names[ ($round * 9 + $_) % @names ] for 0 .. 8;
	push @columns, pick(@names) for 1 .. $count;
	@columns = (pick('text', 'integer')) if $round % 6 == 5;    # a single column has rules of its own in csv
	my $i = 0;
	@columns = map { [ sprintf('%s%d', pick('c', 'Col ', 'a,b"', 'spalte_ü'), $i++), $_ ] } @columns;

	my @rows;
	for my $row (1 .. 40)
	{
		push @rows, '(' . join(', ', "$row",
			map { (rand() < 0.2 ? 'NULL' : pick(@{ $types{ $_->[1] } })) . '::' . $_->[1] } @columns) . ')';
	}
	return (\@columns, \@rows);
}

sub quoted
{
	my ($name) = @_;
	$name =~ s/"/""/g;
	return qq{"$name"};
}

# The options as CREATE FOREIGN TABLE and as COPY want them.
sub option_lists
{
	my ($variant, @columns) = @_;
	my (@table, @copy);
	my @forced = map { quoted($_->[0]) } grep { length($_->[0]) % 2 == 0 } @columns;
	for my $name (sort keys %$variant)
	{
		my $value = $variant->{$name};
		if ($name eq 'force_quote' && $value eq 'columns')
		{
			next if !@forced;
			push @table, 'force_quote ' . literal(join(', ', @forced));
			push @copy, 'FORCE_QUOTE (' . join(', ', @forced) . ')';
			next;
		}
		push @table, "$name " . literal($value);
		push @copy, $name eq 'force_quote' ? 'FORCE_QUOTE *' : $name eq 'format' ? "FORMAT $value" : uc($name) . ' ' . literal($value);
	}
	return (join(', ', @table), join(', ', @copy));
}

sub slurp
{
	my ($path) = @_;
	open(my $file, '<:raw', $path) or die "$path: $!";
	local $/ = undef;
	return scalar <$file>;
}

# Says where two byte strings part, so that a failure can be understood.
sub same_bytes
{
	my ($got, $expected, $what) = @_;
	return pass($what) if $got eq $expected;
	my $at = 0;
	$at++ while $at < length($got) && $at < length($expected) && substr($got, $at, 1) eq substr($expected, $at, 1);
	my $from = $at > 40 ? $at - 40 : 0;
	fail($what);
	diag(sprintf("%d bytes, expected %d; they part at byte %d:\n  ...%s\nexpected\n  ...%s",
			length($got), length($expected), $at, substr($got, $from, 120), substr($expected, $from, 120)));
	return 0;
}

# one-column tables have no id in the file; the session's own styles must not reach it
my $session_settings = q{
	SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'sql_standard'; SET extra_float_digits = 0; SET bytea_output = 'escape';
	SET TimeZone = 'America/New_York'; SET xmloption = content;};
my $copy_settings = q{
	SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 1; SET bytea_output = 'hex';
	SET TimeZone = 'America/New_York'; SET xmloption = content;};

for my $round (0 .. $rounds - 1)
{
	my $seed = $first_seed + $round;
	srand($seed);
	my ($columns, $rows) = random_table($round);
	my $variant = $variants[ $round % @variants ];
	my ($table_options, $copy_options) = option_lists($variant, @$columns);
	my $definition = join(', ', map { quoted($_->[0]) . " $_->[1]" } @$columns);
	my $list = join(', ', map { quoted($_->[0]) } @$columns);

	note("round $round, seed $seed: $table_options; " . join(', ', map { $_->[1] } @$columns));
	$node->safe_psql('postgres', "DROP TABLE IF EXISTS source; CREATE TABLE source (row_number int, $definition);"
		  . 'SET TimeZone = \'UTC\'; INSERT INTO source VALUES ' . join(",\n", @$rows));
	$node->safe_psql('postgres', "$copy_settings COPY (SELECT $list FROM source ORDER BY row_number) TO '$folder/copy' WITH ($copy_options)");
	my $expected = slurp("$folder/copy");

	for my $fast_paths ('on', 'off')
	{
		my $what = "seed $seed, $variant->{format}, fast paths $fast_paths";
		$store->empty;
		my ($status, undef, $error) = $node->psql('postgres', qq{
			SET client_min_messages = warning;
			DROP FOREIGN TABLE IF EXISTS target;
			CREATE FOREIGN TABLE target ($definition) SERVER store OPTIONS (dir 'target/', max_file_size '0', $table_options);
			$session_settings
			SET oss_fdw.fast_paths = $fast_paths;
			INSERT INTO target SELECT $list FROM source ORDER BY row_number;
		}, on_error_stop => 1);
		is($status, 0, "$what: exported") or diag($error);
		my @objects = $store->objects;
		is(scalar @objects, 1, "$what: one object");
		same_bytes(@objects ? $store->get($objects[0]) : '', $expected, "$what: the same bytes as COPY's");

		# read back; rows are compared by their text, and as a multiset: NULL and '' differ, NaN equals NaN
		my $both = sub { my ($a, $b) = @_; return "SELECT count(*) FROM (SELECT ROW($list)::text FROM $a EXCEPT ALL SELECT ROW($list)::text FROM $b) d"; };
		my $back;
		($status, $back, $error) = $node->psql('postgres',
			"$session_settings SET extra_float_digits = 1; SET oss_fdw.fast_paths = $fast_paths; SELECT count(*) FROM target; "
			  . $both->('source', 'target') . '; ' . $both->('target', 'source'), on_error_stop => 1);
		is($back, "40\n0\n0", "$what: the same rows come back") or diag($error);
	}
}

$node->stop;
$store->stop;
done_testing();
