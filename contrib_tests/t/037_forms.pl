#
# 037_forms.pl
#	  Exports of no rows, line ends and delimiters of several bytes, encodings that only clients have, lists of columns to
#	  quote: the bytes in the store are those that the options say, and the rows come back.
#
use strict;
use warnings FATAL => 'all';
use Encode ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use OssStore;

my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '-E', 'UTF8', '--locale=C.UTF-8' ]);
$node->start;
$store->setup($node);

sub make_table
{
	my ($options, $columns) = @_;
	$columns //= 'id int, k int, words text';
	$store->empty;
	$node->safe_psql('postgres', "SET client_min_messages = warning; DROP FOREIGN TABLE IF EXISTS t; CREATE FOREIGN TABLE t ($columns) SERVER store OPTIONS (dir 'f/', $options)");
	return;
}

# ---- no rows: auto = header only where there is a header; always; never

my $none = 'INSERT INTO t SELECT i, i, \'x\' FROM generate_series(1, 0) i';
for my $case ([ 'auto', '', undef ], [ 'auto', ", header 'true'", "id,k,words\n" ], [ 'always', '', '' ], [ 'always', ", header 'true'", "id,k,words\n" ],
	[ 'never', '', undef ], [ 'never', ", header 'true'", undef ], [ 'always', ", format 'jsonl'", '' ], [ 'auto', ", format 'binary'", undef ],
	[ 'always', ", format 'binary'", "PGCOPY\n\xff\r\n\0" . "\0" x 8 . "\xff\xff" ])
{
	my ($choice, $more, $bytes) = @$case;
	for my $manifest ('', ", manifest 'true'")
	{
		my $what = "no rows, $choice$more$manifest";
		make_table("write_empty '$choice'$more$manifest");
		$node->safe_psql('postgres', $none);
		my @data = grep { !/_manifest_/ } $store->objects;
		is(scalar @data, defined $bytes ? 1 : 0, "$what: objects");
		is($store->get($data[0]), $bytes, "$what: their bytes") if @data && defined $bytes;
		is(scalar(grep { /_manifest_/ } $store->objects), $manifest ? 1 : 0, "$what: manifest");
		is($node->safe_psql('postgres', 'SELECT count(*) FROM t'), '0', "$what: read back");
		is_deeply([ $store->uploads ], [], "$what: no unfinished upload");
	}
}
# in folders, no rows have no folder: nothing may lie where a reader would look for k
for my $choice ('auto', 'always', 'never')
{
	make_table("write_empty '$choice', partition_by 'k', header 'true'");
	$node->safe_psql('postgres', $none);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM t'), '0', "no rows in folders, $choice: read back");
	$node->safe_psql('postgres', 'INSERT INTO t VALUES (1, 2, \'x\')');
	is($node->safe_psql('postgres', 'SELECT * FROM t'), '1|2|x', "no rows in folders, $choice: later rows are read beside it");
}
# codecs make a whole file of nothing
for my $codec (qw(gzip zstd lz4 bzip2 xz deflate))
{
	make_table("write_empty 'always', compression '$codec'");
	$node->safe_psql('postgres', $none);
	my @data = $store->objects;
	is(scalar @data, 1, "no rows, $codec: one object");
	cmp_ok(length($store->get($data[0])), '>', 0, "no rows, $codec: a file of its format");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM t'), '0', "no rows, $codec: read back");
}

# ---- line ends and delimiters of several bytes

my $rows = q{(1, NULL, 'plain'), (2, 5, ''), (3, -7, 'a <=> b'), (4, 0, E'two\nlines'), (5, 1, E'cr\r'), (6, 2, '"quoted"'), (7, 3, NULL), (8, 4, E'a\x01\x02b'), (9, 9, '<EOL>'), (10, 1, 'x|#|y')};
my %expected_text = (
	"format 'csv', delimiter '<=>', eol '<EOL>'" => qq{1<=><=>plain<EOL>2<=>5<=>""<EOL>3<=>-7<=>"a <=> b"<EOL>4<=>0<=>"two\nlines"<EOL>},
	"format 'csv', delimiter '|#|', header 'true', eol E'\\r\\n'" => qq{id|#|k|#|words\r\n1|#||#|plain\r\n2|#|5|#|""\r\n});
for my $options ("format 'csv', delimiter '<=>', eol '<EOL>'", "format 'csv', delimiter '|#|', header 'true', eol E'\\r\\n'", "format 'csv', eol E'\\r'",
	"format 'csv', delimiter E'\\x01\\x02'", "format 'text', delimiter '|#|', eol '<EOL>'", "format 'text', delimiter E'\\x1f', eol E'\\r\\n'", "format 'text', delimiter '<=>'",
	"format 'text', delimiter '||||||||||', eol '~~~~~~~~~~', null 'NIL'", "format 'csv', delimiter '中', eol '。'", "format 'csv', delimiter ';', null 'nil', eol E'\\n\\n'")
{
	for my $more ('', ", max_file_size '1kB', compression 'gzip'")
	{
		make_table("$options$more");
		my ($status, undef, $err) = $node->psql('postgres', "INSERT INTO t VALUES $rows");
		is($status, 0, "$options$more: exported") or diag($err);
		is( $node->safe_psql('postgres', "WITH s(id, k, words) AS (VALUES $rows) SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM (TABLE s EXCEPT ALL TABLE t) x), (SELECT count(*) FROM (TABLE t EXCEPT ALL TABLE s) x)"),
			'10|0|0', "$options$more: the rows come back");
		next if $more || !$expected_text{$options};
		my $bytes = $store->get(($store->objects)[0]);
		is(substr($bytes, 0, length($expected_text{$options})), $expected_text{$options}, "$options: the bytes");
	}
}

# ---- encodings that only clients have, some with ASCII bytes inside characters

my %encodings = (GBK => [ 'gbk', '中文测试，"引号"|誠丂乗' ], SJIS => [ 'cp932', 'ソ表十、能力"ー|' ], BIG5 => [ 'big5-eten', '許功蓋"中|' ], GB18030 => [ undef, '中文𠀀"é|' ],
	LATIN1 => [ 'iso-8859-1', 'é"ü|' ], UHC => [ 'cp949', '한국어"|똠' ], EUC_JP => [ 'euc-jp', '日本語"|' ]);
for my $encoding (sort keys %encodings)
{
	my ($perl, $text) = @{ $encodings{$encoding} };
	for my $options ("format 'csv', delimiter '|'", "format 'csv', header 'true'", "format 'text', delimiter '|'", "format 'text', compression 'zstd'", "format 'jsonl'")
	{
		make_table("$options, encoding '$encoding'");
		my ($status, undef, $err) = $node->psql('postgres', "INSERT INTO t VALUES (1, 2, '$text'), (2, 3, E'$text\\\\n$text')");
		is($status, 0, "$encoding, $options: exported") or diag($err);
		is($node->safe_psql('postgres', "SELECT count(*), bool_and(words IN ('$text', E'$text\\\\n$text')) FROM t"), '2|t', "$encoding, $options: the rows come back");
		next if !$perl || $options =~ /zstd|jsonl/;
		my $bytes = Encode::encode($perl, Encode::decode('UTF-8', $text =~ s/["|].*//r), Encode::FB_CROAK);
		ok(index($store->get(($store->objects)[0]), $bytes) >= 0, "$encoding, $options: the bytes are of the encoding");
	}
}

# ---- force_quote: a list, all, or the columns' own option; NULL is never quoted

for my $case ([ q{force_quote 'words'}, undef, qq{1,2,"x"\n3,,\n} ], [ q{force_quote '"k", words'}, undef, qq{1,"2","x"\n3,,\n} ], [ q{force_quote '*'}, undef, qq{"1","2","x"\n"3",,\n} ],
	[ q{force_quote 'id'}, q{id int, k int OPTIONS (force_quote 'true'), words text}, qq{"1","2",x\n"3",,\n} ])
{
	my ($options, $columns, $bytes) = @$case;
	make_table($options, $columns);
	$node->safe_psql('postgres', q{INSERT INTO t VALUES (1, 2, 'x'), (3, NULL, NULL)});
	is($store->get(($store->objects)[0]), $bytes, $options . ($columns ? ' and a column\'s' : '') . ': the bytes');
	is($node->safe_psql('postgres', 'SELECT * FROM t ORDER BY id'), "1|2|x\n3||", "$options: read back");
}
make_table(q{force_quote '"Odd, ""name"""'}, q{"Odd, ""name""" int, k int});
$node->safe_psql('postgres', 'INSERT INTO t VALUES (1, 2)');
is($store->get(($store->objects)[0]), qq{"1",2\n}, 'a column whose name has commas and quotes');
like(($node->psql('postgres', "ALTER FOREIGN TABLE t OPTIONS (SET force_quote 'nope'); INSERT INTO t VALUES (1, 2)"))[2], qr/ERROR: .*"nope".*force_quote/, 'a column to quote that does not exist');

$node->stop;
$store->stop;
done_testing();
