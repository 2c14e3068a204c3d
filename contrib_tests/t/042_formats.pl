#
# 042_formats.pl
#	  What csv, text, fixed and jsonl objects look like in the wild: line ends, byte order marks, headers in each object,
#	  long lines, delimiters and line ends of several bytes, dates of any pattern, nested JSON; and what is not right says where.
#
use strict;
use warnings FATAL => 'all';
use Digest::MD5 qw(md5_hex);
use IPC::Run ();
use Test::More;
use OssRead;

my $t = OssRead->new;
my $store = $t->store;

# reads(what, bytes, columns, options, rows)
sub reads
{
	my ($what, $bytes, $columns, $options, $rows) = @_;
	$store->put('x/o', $bytes);
	$t->table('f', $columns, "filepath 'x/o'" . ($options ? ", $options" : ''));
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $t->rows_are($what, "SELECT * FROM f", $rows);
}

sub refuses
{
	my ($what, $bytes, $columns, $options, @errors) = @_;
	$store->put('x/o', $bytes);
	$t->table('f', $columns, "filepath 'x/o'" . ($options ? ", $options" : ''));
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $t->fails($what, 'SELECT * FROM f', qr{test-bucket/x/o}, @errors);
}

# ---- line ends, marks, headers

my $abc = 'a int, b text';
for my $eol ("\n", "\r\n", "\r")
{
	my $name = $eol eq "\n" ? 'LF' : $eol eq "\r" ? 'CR' : 'CRLF';
	reads("csv, $name", "1,x${eol}2,y${eol}", $abc, '', "1|x\n2|y");
	reads("csv, $name, no last one", "1,x${eol}2,y", $abc, '', "1|x\n2|y");
	reads("text, $name, no last one", "1\tx${eol}2\ty", $abc, "format 'text'", "1|x\n2|y");
	reads("csv, $name, mark and header", "\xef\xbb\xbfa,b${eol}1,x${eol}", $abc, "header 'match'", '1|x');
	reads("jsonl, $name", "{\"a\":1,\"b\":\"x\"}${eol}{\"a\":2,\"b\":\"y\"}", $abc, "format 'jsonl'", "1|x\n2|y") if $eol ne "\r";    # a blank of JSON
	reads("csv, $name in quotes", "1,\"x${eol}y\"${eol}2,z${eol}", 'a int, b text', '', "1|x${eol}y\n2|z");
}
reads('a mark and nothing else', "\xef\xbb\xbf", $abc, '', '');
reads('a mark before jsonl', "\xef\xbb\xbf{\"a\":1}", $abc, "format 'jsonl'", '1|');
reads('a mark before text', "\xef\xbb\xbf1\tx\n", $abc, "format 'text'", '1|x');
$store->put("h/$_", "a,b\n$_,o$_\n") for 1 .. 5;
$store->put('h/only_header', "a,b\n");
$t->table('h', "$abc, l bigint OPTIONS (metadata 'line')", "dir 'h/', header 'match'");
$t->rows_are('a header in each object', 'SELECT a, b, l FROM h ORDER BY a', join("\n", map { "$_|o$_|2" } 1 .. 5));
$store->put('h/other', "id,name\n7,x\n");
$t->fails('the header of another table', 'SELECT * FROM h', qr{test-bucket/h/other}, qr/column name mismatch.*"id".*"a"/, qr/line 1/);
reads('lines to skip before the header', "made by \"them\nof 2026\na,b\n1,x\n", $abc, "skip '2', header 'match'", '1|x');
reads('more to skip than there is', "1,x\n", $abc, "skip '5'", '');

# ---- several bytes

reads('a delimiter of several bytes', "1||x|y||\n2||\"p||q\"||r\n", 'a int, b text, c text', "delimiter '||'", "1|x|y|\n2|p||q|r");
reads('a delimiter that begins like itself', "1aaabaabaab2\n", 'a text, b text, c text, d text', "delimiter 'aab'", '1a|||2');
reads('a delimiter of ten bytes', "1<========>x\n", $abc, "delimiter '<========>'", '1|x');
reads('a line end of several bytes', "1\tx\n\@#\@2\ty\@#\@", $abc, "format 'text', eol '\@#\@'", "1|x\n\n2|y");
reads('an invisible quote', "1,\x07a,\"b\x07\n", $abc, "quote E'\\x07'", '1|a,"b');
reads('backslashes as they are', "1\tC:\\new\\table\n", $abc, "format 'text', noescaping 'true'", '1|C:\\new\\table');

# ---- dates of any pattern

reads('patterns', "31.12.2025,12h30,01/02/2026 03:04,2026-02-01T03:04:05+08\n", 'd date, t time, ts timestamp, tz text', "date_format 'DD.MM.YYYY', time_format 'HH24\"h\"MI', timestamp_format 'DD/MM/YYYY HH24:MI'",
	'2025-12-31|12:30:00|2026-02-01 03:04:00|2026-02-01T03:04:05+08');
refuses('a date of another pattern', "2025-12-31\n31.12.2025\n", 'd date', "date_format 'DD.MM.YYYY'", qr/line 1, column d/);
reads('two-digit years', "260131\n", 'd date', "date_format 'YYMMDD'", '2026-01-31');

# ---- fixed

my $fixed = "a int OPTIONS (position '0,4'), b text OPTIONS (position '4,5'), c numeric OPTIONS (position '9,6')";
my $positions = $t->answer("CREATE FOREIGN TABLE p ($fixed) SERVER store OPTIONS (dir 'p/', format 'fixed')");
is($positions, '', 'positions');
reads('fixed', "   1abcde  1.50\n  22x      -2.0\n", $fixed, "format 'fixed'", "1|abcde|1.50\n22|x|-2.0");
reads('fixed, a short line filled', "   1ab\n", $fixed, "format 'fixed', fill_missing_fields 'true'", '1|ab|');
refuses('fixed, a short line', "   1ab\n", $fixed, "format 'fixed'", qr/line 1/);

# ---- jsonl

my $json = q{id int, "Mixed" text OPTIONS (json_name 'mixed name'), tags text[], point jsonb, raw json, pair_ pair};
$t->sql('CREATE TYPE pair AS (x int, y text)');
reads('nested values', qq({"point": {"b": [1, {"c": null}]}, "id": 1, "mixed name": "a\\"\\u00e9\\n\\ud83d\\ude00", "unknown": {"deep": []}, "tags": ["x", null, "y,z"], "raw": {"k" :1}, "pair_": {"x": 5, "y": "six"}}\n\n{"id": null}\n),
	$json, "format 'jsonl'", qq(1|a"é\n😀|{x,NULL,"y,z"}|{"b": [1, {"c": null}]}|{"k" :1}|(5,six)\n|||||));
reads('numbers, booleans and texts as texts', qq({"a": 1e2, "b": true}\n{"a": 3, "b": [1, "x"]}\n), 'a numeric, b text', "format 'jsonl'", qq(100|true\n3|[1, "x"]));
refuses('broken json', qq({"a":1,"b":"x"}\n{"a":2,"b":"y"\n), $abc, "format 'jsonl'", qr/line 2/);
refuses('a value of another type', qq({"a":"one"}\n), $abc, "format 'jsonl'", qr/line 1, column a/);
refuses('no object', "[1,2]\n", $abc, "format 'jsonl'", qr/line 1/);
refuses('half a surrogate', qq({"b":"\\ud83d"}\n), $abc, "format 'jsonl'", qr/line 1/);
refuses('depth', '{"b":' . '[' x 100_000 . "\n", $abc, "format 'jsonl'", qr/line 1/);

# ---- what is wrong says where

refuses('a bad number', "1,x\n\"two\",y\n", $abc, '', qr/invalid input syntax for type integer: "two"/, qr/line 2, column a: "two"/);
refuses('behind a quoted line end', "1,\"x\ny\"\nz,z\n", $abc, '', qr/line 3, column a/);
refuses('too many fields', "1,x\n1,x,y\n", $abc, '', qr/extra data/, qr/line 2/);
refuses('too few fields', "1,x\n1\n", $abc, '', qr/missing data for column "b"/, qr/line 2/);
refuses('an open quote', "1,x\n2,\"y\n3,z\n", $abc, '', qr/unterminated/, qr/line 2/);
refuses('no UTF-8', "1,x\n2,\xff\n", $abc, '', qr/invalid byte sequence for encoding "UTF8": 0xff/, qr/line 2/);
refuses('no EUC_JP', "1,x\n2,\xa4\xa2\n3,\"a\nb\xff\"\n", $abc, "encoding 'EUC_JP'", qr/invalid byte sequence for encoding "EUC_JP": 0xff/, qr/line 4/);
refuses('no EUC_JP in the first line', "1,\xff\n", $abc, "encoding 'EUC_JP'", qr/invalid byte sequence for encoding "EUC_JP": 0xff/, qr/line 1/);
refuses('no GBK after a megabyte', join('', map { "$_,x\n" } 1 .. 100_000) . "1,\x80\xff\n", $abc, "encoding 'GBK'", qr/22P05: .* in encoding "GBK" has no equivalent/, qr/line 100001/);
refuses('a NUL', "1,x\n2,\0\n", $abc, '', qr/line 2/);
refuses('not even a header', "1,x\n", $abc, "header 'match'", qr/line 1/);
refuses('two million fields', '1,x' . ',' x 1_999_998 . "\n", $abc, '', qr/extra data/, qr/line 1/);
refuses('two million header fields', 'a,b' . ',' x 1_999_998 . "\n1,x\n", $abc, "header 'match'", qr/line 1/);
refuses('not text at all', "\x7fELF\x02\x01\x01" . "\0" x 9 . join('', map { chr($_ % 256) } 1 .. 5000), $abc, '', qr/line/);
refuses('binary that is none', "1,x\n", $abc, "format 'binary'", qr/signature|header|binary/i);
refuses('binary cut off', "PGCOPY\n\xff\r\n\0" . "\0" x 8 . "\0\2\0\0\0\4\0\0", $abc, "format 'binary'", qr/./);
refuses('binary of other columns', "PGCOPY\n\xff\r\n\0" . "\0" x 8 . "\0\1\0\0\0\4\0\0\0\1\xff\xff", $abc, "format 'binary'", qr/row 1|field|column/i);
refuses('binary with a length beyond all', "PGCOPY\n\xff\r\n\0" . "\0" x 8 . "\0\2\x7f\xff\xff\xff\0\0", $abc, "format 'binary'", qr/./);
refuses('csv read as binary by its bytes', "PGCOPY\n\xff\r\n\0" . "\0" x 8 . "\xff\xff", $abc, '', qr/line 1/);

# one of many objects is broken: named, and only that one
$store->put("many/$_", "$_,x\n" x 20) for 1 .. 200;
$store->put('many/77', "1,x\n" x 19 . "oops,y\n");
$t->table('many', $abc, "dir 'many/'");
$t->fails('the broken one of many', 'SELECT sum(a) FROM many', qr{test-bucket/many/77"?, line 20, column a: "oops"});
# an archived object says what to do
$store->fault({ op => 'GetObject', key => 'many/78', action => 'status', status => 403, code => 'InvalidObjectState', message => 'The operation is not valid for the state of the object.', count => undef });
$store->put('many/77', "77,x\n");
$t->fails('an archived object', 'SELECT sum(a) FROM many', qr{test-bucket/many/78}, qr/HINT:.*(?i:restore)/);
$store->clear_faults;

# ---- long lines: 100 MB in one field, in quotes with line ends, in one line of many fields, gzipped

my $long = join("\n", map { "line \"$_\" of the long field, " . 'x' x 70 } 1 .. 1_000_000);
my $quoted = $long =~ s/"/""/gr;
cmp_ok(length $long, '>', 95_000_000, 'a field of 100 MB');
$store->put('x/o', "1,short\n2,\"$quoted\"\n3,end\n");
$t->table('f', $abc, "filepath 'x/o'");
$t->rows_are('100 MB in one csv field', 'SELECT a, length(b), md5(b) FROM f', "1|5|" . md5_hex('short') . "\n2|" . length($long) . '|' . md5_hex($long) . "\n3|3|" . md5_hex('end'));
$t->rows_are('and passed over', 'SELECT sum(a) FROM f', 6);
my $flat = 'y' x 100_000_000;
$store->put('x/o', "1\tshort\n2\t$flat\n3\tend");
$t->table('f', $abc, "filepath 'x/o', format 'text'");
$t->rows_are('100 MB in one text field', 'SELECT a, length(b), md5(b) FROM f WHERE a = 2', '2|100000000|' . md5_hex($flat));
my $packed = '';
IPC::Run::run([ 'gzip', '-1c' ], '<', \"{\"a\": 2, \"b\": \"$flat\"}\n", '>', \$packed) or die 'gzip';
$store->put('x/o', $packed);
$t->table('f', $abc, "filepath 'x/o', format 'jsonl'");
$t->rows_are('100 MB in one jsonl value, gzipped', 'SELECT a, length(b), md5(b) FROM f', '2|100000000|' . md5_hex($flat));
undef $_ for $flat, $long, $quoted;
$store->put('x/o', join(',', map { "f$_" } 1 .. 1600) . "\n");
$t->table('f', join(', ', map { "c$_ text" } 1 .. 1600), "filepath 'x/o'");
$t->rows_are('1,600 columns', 'SELECT c1, c1600 FROM f', 'f1|f1600');

done_testing();
