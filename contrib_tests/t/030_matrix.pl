#
# 030_matrix.pl
#	  Every format with every codec, in one object and split, plain, in folders and with a manifest: rows read back are
#	  equal, and other people's decompressors make the same bytes of the objects as the server's COPY writes.
#
# Decoders: gzip(1), zstd(1), lz4(1), bzip2(1), xz(1), and zlib by way of Python for deflate.  None of them may be missing.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use OssStore;

my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '-E', 'UTF8', '--locale=C.UTF-8' ]);
$node->start;
$store->setup($node);
my $folder = PostgreSQL::Test::Utils::tempdir();

# 600 rows of about 80 bytes: NULL beside '', special characters, and three folders, one of them NULL's
$node->safe_psql('postgres', q{
	CREATE TABLE source AS SELECT i AS id, CASE i % 3 WHEN 0 THEN 'even' WHEN 1 THEN 'odd, "very"' END AS kind,
		CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'line\none, "two"' WHEN 3 THEN E'tab\t, back\\\\slash, 中文' ELSE md5(i::text) END AS words,
		(i * 1.25)::numeric AS amount, timestamptz '2026-01-01 00:00:00+00' + i * interval '1 minute' AS at
	FROM generate_series(1, 600) i;
});

my %codecs = (none => '', gzip => '.gz', zstd => '.zst', lz4 => '.lz4', bzip2 => '.bz2', xz => '.xz', deflate => '.deflate');
my %decoders = (
	gzip => [ 'gzip', '-dc' ], zstd => [ 'zstd', '-q', '-dc' ], lz4 => [ 'lz4', '-q', '-dc' ], bzip2 => [ 'bzip2', '-dc' ], xz => [ 'xz', '-dc' ],
	deflate => [ '/usr/bin/python3', '-c', 'import sys, zlib; sys.stdout.buffer.write(zlib.decompress(open(sys.argv[1], "rb").read()))' ]);
my %extensions = (csv => 'csv', text => 'txt', jsonl => 'jsonl', binary => 'bin');

sub slurp
{
	my ($path) = @_;
	open(my $file, '<:raw', $path) or die "$path: $!";
	local $/ = undef;
	return scalar <$file>;
}

# What the decoder of a codec makes of bytes.  A decoder that complains has failed.
sub decoded
{
	my ($codec, $bytes, $name) = @_;
	return $bytes if $codec eq 'none';
	open(my $file, '>:raw', "$folder/packed$codecs{$codec}") or die $!;
	print $file $bytes;
	close($file);
	my ($out, $err) = ('', '');
	my $good = IPC::Run::run([ @{ $decoders{$codec} }, "$folder/packed$codecs{$codec}" ], '<', \undef, '>', \$out, '2>', \$err);
	return $out if $good && $err eq '';
	diag("$codec of $name: $err");
	return 'the decoder failed';
}

# The server's own bytes of a query: (header, rows, trailer)
sub expected_bytes
{
	my ($format, $query) = @_;
	my $path = "$folder/copy";
	if ($format eq 'jsonl')
	{
		return ('', $node->safe_psql('postgres', "SET TimeZone = 'UTC'; SELECT row_to_json(q) FROM ($query) q") . "\n", '');
	}
	my $options = $format eq 'binary' ? 'FORMAT binary' : "FORMAT $format, HEADER";
	my $names = '';
	if ($format eq 'text' && $node->safe_psql('postgres', 'SHOW server_version_num') < 150000)
	{
		# COPY has a header in text format since PostgreSQL 15; these names need no quotes
		$node->safe_psql('postgres', "COPY (SELECT * FROM ($query) q LIMIT 0) TO '$path' WITH (FORMAT csv, HEADER, DELIMITER E'\\t')");
		$names = slurp($path);
		$options = 'FORMAT text';
	}
	$node->safe_psql('postgres', "SET TimeZone = 'UTC'; COPY ($query) TO '$path' WITH ($options)");
	my $bytes = $names . slurp($path);
	return (substr($bytes, 0, 19), substr($bytes, 19, -2), substr($bytes, -2)) if $format eq 'binary';
	my ($header, $rows) = $bytes =~ /\A([^\n]*\n)(.*)\z/s;
	return ($header, $rows, '');
}

# The objects of one folder ("" = all), in the order of their numbers, without what each of them carries; undef when an
# object lacks its header or trailer
sub rows_of
{
	my ($codec, $header, $trailer, @keys) = @_;
	my $all = '';
	my @ordered = sort { ($a =~ /_(\d+)\.[a-z]+/)[0] <=> ($b =~ /_(\d+)\.[a-z]+/)[0] } @keys;
	for my $key (@ordered)
	{
		my $bytes = decoded($codec, $store->get($key), $key);
		my $size = length($header) + length($trailer);
		return "$key lacks its header" if substr($bytes, 0, length($header)) ne $header;
		return "$key lacks its trailer" if length($trailer) && substr($bytes, -length($trailer)) ne $trailer;
		$all .= substr($bytes, length($header), length($bytes) - $size);
	}
	return $all;
}

my %folders = ('kind=even/' => "kind = 'even'", 'kind=odd, %22very%22/' => q{kind = 'odd, "very"'},
	'kind=__HIVE_DEFAULT_PARTITION__/' => 'kind IS NULL');
my $equal = q{SELECT (SELECT count(*) FROM target), (SELECT count(*) FROM (TABLE target EXCEPT ALL TABLE source) a),
	(SELECT count(*) FROM (TABLE source EXCEPT ALL TABLE target) b)};

sub try_case
{
	my ($format, $codec, $size, $kind, $prepared) = @_;
	my $what = "$format, $codec, $size, $kind";
	my $options = "dir 'm/', format '$format', compression '$codec'";

	$options .= $size eq 'split' ? ", max_file_size '1kB'" : ", max_file_size '0'";
	$options .= ", header 'true'" if $format eq 'csv' || $format eq 'text';
	$options .= ", manifest 'true'" if $kind eq 'manifest';
	$options .= ", partition_by 'kind'" if $kind eq 'partitioned';
	$store->empty;
	my $seen = $node->safe_psql('postgres', qq{
		SET client_min_messages = warning; SET TimeZone = 'UTC';
		DROP FOREIGN TABLE IF EXISTS target;
		CREATE FOREIGN TABLE target (id int, kind text, words text, amount numeric, at timestamptz) SERVER store OPTIONS ($options);
		INSERT INTO target SELECT * FROM source ORDER BY id;
		$equal});
	is($seen, '600|0|0', "$what: the rows read back are equal");

	my @keys = $store->objects;
	my @manifests = grep { /_manifest_/ } @keys;
	@keys = grep { !/_manifest_/ } @keys;
	is(scalar @manifests, $kind eq 'manifest' ? 1 : 0, "$what: manifests");
	my $suffix = quotemeta($extensions{$format} . $codecs{$codec});
	is_deeply([ grep { !/\.$suffix\z/ } @keys ], [], "$what: the names end as the format and the codec want");
	my $at_least = ($kind eq 'partitioned' ? 3 : 1) * ($size eq 'split' ? 2 : 1);
	if ($size eq 'split')
	{
		cmp_ok(scalar @keys, '>=', $at_least, "$what: several objects");
	}
	else
	{
		is(scalar @keys, $at_least, "$what: one object for each folder");
	}
	for my $part (sort keys %$prepared)
	{
		my ($header, $rows, $trailer) = @{ $prepared->{$part} };
		my $got = rows_of($codec, $header, $trailer, grep { index($_, "m/$part") == 0 } @keys);
		ok($got eq $rows, "$what: others decode what COPY writes" . ($part ? " in $part" : ''))
		  or diag(sprintf("%d bytes, expected %d: %s", length($got), length($rows), substr($got, 0, 100)));
	}
	is_deeply([ $store->uploads ], [], "$what: no unfinished upload");
	return;
}

for my $format ('csv', 'text', 'jsonl', 'binary')
{
	my %whole = ('' => [ expected_bytes($format, 'SELECT * FROM source ORDER BY id') ]);
	my %split = map {
		$_ => [ expected_bytes($format, "SELECT id, words, amount, at FROM source WHERE $folders{$_} ORDER BY id") ] } keys %folders;
	for my $codec (sort keys %codecs)
	{
		for my $size ('one object', 'split')
		{
			try_case($format, $codec, $size, $_, $_ eq 'partitioned' ? \%split : \%whole) for ('plain', 'partitioned', 'manifest');
		}
	}
}

$node->stop;
$store->stop;
done_testing();
