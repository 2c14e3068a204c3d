#
# 041_codecs.pl
#	  Compressed objects and archives that other programs made: found out by their content, checked to their last byte.
#
# What is truncated, bit-flipped, followed by rubbish or a bomb ends in an error that names the object; no row is wrong.
#
use strict;
use warnings FATAL => 'all';
use Compress::Zlib ();
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use OssRead;

my $t = OssRead->new;
my $store = $t->store;
my $folder = PostgreSQL::Test::Utils::tempdir();

# two halves of 20,000 lines
my @half = map { my $from = $_; join('', map { "$_,line number $_\n" } $from .. $from + 19_999) } (1, 20_001);
my $sum = 'SELECT count(*), sum(n), sum(length(w)) FROM c';
my $all = '40000|800020000|' . (length(join('', @half)) - 40_000 * 2 - length(join('', 1 .. 40_000)));

sub made_by
{
	my ($bytes, @command) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run(\@command, '<', \$bytes, '>', \$out, '2>', \$err) or die "@command: $err";
	return $out;
}

# Snappy's framing format with chunks that are not compressed
sub crc32c
{
	my ($data) = @_;
	state_table() unless defined $main::crc_table;
	my $crc = 0xFFFFFFFF;
	$crc = ($crc >> 8) ^ $main::crc_table->[ ($crc ^ $_) & 0xFF ] for unpack('C*', $data);
	$crc ^= 0xFFFFFFFF;
	return ((($crc >> 15) | ($crc << 17)) + 0xa282ead8) & 0xFFFFFFFF;
}

sub state_table
{
	our $crc_table = [ map { my $c = $_; $c = $c & 1 ? 0x82F63B78 ^ ($c >> 1) : $c >> 1 for 1 .. 8; $c } 0 .. 255 ];
	return;
}

sub snappy
{
	my ($data) = @_;
	my $out = "\xff\x06\x00\x00sNaPpY";
	while (length $data)
	{
		my $chunk = substr($data, 0, 65_536, '');
		$out .= "\x01" . substr(pack('V', length($chunk) + 4), 0, 3) . pack('V', crc32c($chunk)) . $chunk;
	}
	return $out;
}

my %makers = (
	gzip => sub { made_by($_[0], 'gzip', '-c') },
	zstd => sub { made_by($_[0], 'zstd', '-qc', '-T0') },
	lz4 => sub { made_by($_[0], 'lz4', '-qc') },
	bzip2 => sub { made_by($_[0], 'bzip2', '-c') },
	xz => sub { made_by($_[0], 'xz', '-c') },
	deflate => sub { Compress::Zlib::compress($_[0]) },
	snappy => \&snappy);
my $c_columns = 'n int, w text';

# ---- the content decides, whatever name and option say

for my $codec (sort keys %makers)
{
	my $whole = $makers{$codec}->(join('', @half));
	for my $name ('plain.csv', 'wrong.csv.bz2', 'wrong.gz')
	{
		$store->put("c/$name", $whole);
		$t->table('c', $c_columns, "filepath 'c/$name'" . ($name =~ /plain/ ? '' : ", compression 'gzip'"));
		$t->rows_are("$codec in an object named $name", $sum, $all);
	}
	next if $codec eq 'deflate';    # zlib streams do not follow each other
	$store->put('c/plain.csv', $makers{$codec}->($half[0]) . $makers{$codec}->('') . $makers{$codec}->($half[1]));
	$t->table('c', $c_columns, "filepath 'c/plain.csv'");
	$t->rows_are("$codec of several members", $sum, $all);
}
$store->put('c/plain.csv.gz', $half[0] . $half[1]);
$t->table('c', $c_columns, "filepath 'c/plain.csv.gz'");
$t->rows_are('plain text named .gz', $sum, $all);
# the end of one member's row is in the next member
$store->put('c/plain.csv.gz', join('', map { $makers{gzip}->($_) } unpack('(a100000)*', $half[0] . $half[1])));
$t->rows_are('members that end within rows', $sum, $all);

# ---- damaged ones: an error that names the object, and never a wrong row as the result

$t->table('c', $c_columns, "filepath 'bad/x.csv'");
srand(4711);
for my $codec (sort keys %makers)
{
	my $good = $makers{$codec}->($half[0]);
	my $size = length $good;
	for my $keep (1, 5, 20, int($size / 2), $size - 5, $size - 1)
	{
		next if $codec eq 'snappy' && $keep == 1;
		$store->put('bad/x.csv', substr($good, 0, $keep));
		$t->fails("$codec cut to $keep of $size bytes", $sum, qr{bad/x\.csv});
	}
	for my $garbage ("garbage\n", "\0" x 600, substr($good, 0, 7))
	{
		# xz allows padding of zeros, and gzip(1) reads past it too
		next if $codec =~ /^(?:xz|gzip)$/ && $garbage =~ /^\0/;
		$store->put('bad/x.csv', $good . $garbage);
		$t->fails("$codec followed by " . length($garbage) . ' bytes more', $sum, qr{bad/x\.csv});
	}
	my ($errors, $wrong) = (0, 0);
	for my $try (1 .. 12)
	{
		my $at = 12 + int(rand($size - 12));
		my $bad = $good;
		substr($bad, $at, 1) = chr(ord(substr($bad, $at, 1)) ^ (1 << int(rand(8))));
		$store->put('bad/x.csv', $bad);
		my $answer = $t->answer($sum);
		# a bit that means nothing (a flag, a time stamp) may pass, but then the rows are right
		if ($answer =~ /^ERROR/m) { $errors++; $wrong++ unless $answer =~ m{bad/x\.csv}; }
		elsif ($answer ne '20000|200010000|' . (length($half[0]) - 40_000 - length(join('', 1 .. 20_000)))) { $wrong++; diag("$codec, bit at $at: $answer"); }
	}
	is($wrong, 0, "$codec: flipped bits are errors that name the object");
	cmp_ok($errors, '>=', 10, "$codec: flipped bits are found");
}

# ---- bombs

my $bomb = 'a,b' . (' ' x 996) . "\n";
$bomb x= 50_000;    # 50 MB
for my $codec ('gzip', 'zstd', 'bzip2', 'xz', 'lz4')
{
	my $packed = $makers{$codec}->($bomb);
	$store->put('bomb/x.csv', $packed);
	$t->table('c', 'a text, b text', "dir 'bomb/', max_decompressed_bytes '10MB'");
	$t->fails("$codec, 1:" . int(length($bomb) / length($packed)) . ' is refused', 'SELECT count(*) FROM c', qr{bomb/x\.csv}, qr/decompress/);
	$t->table('c', 'a text, b text', "dir 'bomb/', max_decompressed_bytes '60MB'");
	$t->rows_are("$codec within the limit is read", 'SELECT count(*) FROM c', 50_000);
}
# one line of 200 MB of which a few kB are stored
$store->put('bomb/x.csv', $makers{gzip}->('x' x 200_000_000));
$t->table('c', 'a text', "dir 'bomb/', max_decompressed_bytes '10MB'");
$t->fails('a bomb without a line end is refused', 'SELECT count(*) FROM c', qr{bomb/x\.csv});

# ---- archives

mkdir "$folder/in";
mkdir "$folder/in/sub";
my %members = ('a.csv' => "1,a\n2,a\n", 'b.csv' => "3,b", 'c.txt' => "99,c\n", 'sub/d.csv' => "4,d\n5,d\n", 'empty.csv' => '', 'e.csv.gz' => $makers{gzip}->("6,e\n"),
	'f.csv' => $makers{zstd}->("7,f\n"));
for my $name (keys %members)
{
	open(my $file, '>:raw', "$folder/in/$name") or die $!;
	print $file $members{$name};
	close($file);
}
my @names = sort keys %members;
my $tar = made_by('', 'tar', '-C', "$folder/in", '-b', '1', '-cf', '-', @names);
made_by('', 'sh', '-c', "cd $folder/in && zip -q -r ../x.zip .");
my $zip = slurp_file("$folder/x.zip");
my %archives = ('x.tar' => $tar, 'x.tar.gz' => $makers{gzip}->($tar), 'x.tgz' => $makers{gzip}->($tar), 'x.tar.zst' => $makers{zstd}->($tar),
	'x.tar.bz2' => $makers{bzip2}->($tar), 'x.tar.xz' => $makers{xz}->($tar), 'x.zip' => $zip);
$store->put("arch/$_", $archives{$_}) for keys %archives;
$store->put('arch/y.tar', $archives{'x.tar.gz'});    # a codec that the name does not tell

for my $name (sort(keys %archives), 'y.tar')
{
	$t->table('c', 'n int, w text, f text OPTIONS (metadata $$file$$), p text OPTIONS (metadata $$path$$), l bigint OPTIONS (metadata $$line$$)' =~ s/\$\$/'/gr,
		"filepath 'arch/$name!*.csv'");
	$t->rows_are("$name: members by pattern, one codec inside", 'SELECT n, w, l FROM c ORDER BY n', "1|a|1\n2|a|2\n3|b|1\n7|f|1");
	like($t->sql('SELECT DISTINCT p FROM c WHERE n = 3'), qr{arch/\Q$name\E!b\.csv$}, "$name: the path names the member");
	$t->table('c', 'n int, w text', "filepath 'arch/$name!**'");
	$t->rows_are("$name: all members", 'SELECT count(*), sum(n) FROM c', '8|127');
	$t->table('c', 'n int, w text', "filepath 'arch/$name!e.csv.gz'");
	$t->rows_are("$name: one member", 'SELECT n, w FROM c', '6|e');
	$t->table('c', 'n int, w text', "filepath 'arch/$name!nothing*'");
	$t->rows_are("$name: no member", 'SELECT count(*) FROM c', '0');
	# damaged archives
	my $good = $archives{$name eq 'y.tar' ? 'x.tar.gz' : $name};
	$t->table('c', 'n int, w text', "filepath 'bad/$name!*.csv'");
	for my $part (0.1, 0.3, 0.6, 0.9)
	{
		$store->put("bad/$name", substr($good, 0, int(length($good) * $part)));
		$t->fails("$name, truncated to $part", 'SELECT count(*), sum(n) FROM c', qr{bad/\Q$name\E});
	}
}
$t->table('c', 'n int, w text', "filepath 'arch/x.{tar,zip}!a.csv'");
$t->rows_are('several archives', 'SELECT count(*), sum(n) FROM c', '4|6');

# an archive inside an archive stays what it is: never a second level
made_by('', 'sh', '-c', "cd $folder && cp x.zip in/inner.csv && tar -C in -cf outer.tar inner.csv");
$store->put('arch/outer.tar', slurp_file("$folder/outer.tar"));
$t->table('c', 'n int, w text', "filepath 'arch/outer.tar!*'");
$t->fails('an archive in an archive is no input', 'SELECT * FROM c', qr{arch/outer\.tar!inner\.csv});
# gzip twice: one level is decoded
$store->put('bad/twice.csv.gz', $makers{gzip}->($makers{gzip}->("1,x\n")));
$t->table('c', 'n int, w text', "filepath 'bad/twice.csv.gz'");
$t->fails('a codec in a codec is not decoded', 'SELECT * FROM c', qr{bad/twice\.csv\.gz});

# a bomb as a member; names that lead elsewhere are only names
made_by('', 'sh', '-c', "cd $folder && head -c 50000000 /dev/zero | tr '\\0' x >in/bomb.csv && tar -C in -czf bomb.tar.gz bomb.csv && cd in && zip -q ../bomb.zip bomb.csv");
for my $name ('bomb.tar.gz', 'bomb.zip')
{
	$store->put("bad/$name", slurp_file("$folder/$name"));
	$t->table('c', 'w text', "filepath 'bad/$name!*', max_decompressed_bytes '10MB'");
	$t->fails("$name is refused", 'SELECT count(*) FROM c', qr{bad/\Q$name\E});
}
made_by('', 'sh', '-c', "cd $folder/in/sub && tar -cPf ../../up.tar ../a.csv /etc/hostname");
$store->put('arch/up.tar', slurp_file("$folder/up.tar"));
$t->table('c', 'n int, w text', "filepath 'arch/up.tar!**a.csv'");
$t->rows_are('a member named ../a.csv is read as any other', 'SELECT count(*), sum(n) FROM c', '2|3');

# more members than anybody wants: refused, and soon
my $header = sub {
	my ($name) = @_;
	my $block = pack('a100 a8 a8 a8 a12 a12 a8 a1 a100 a6 a2 a32 a32 a8 a8 a155 a12', $name, '0000644', '0000000', '0000000', '00000000000', '00000000000',
		' ' x 8, '0', '', 'ustar', '00', '', '', '', '', '', '');
	substr($block, 148, 8) = sprintf("%06o\0 ", unpack('%32C*', $block));
	return $block;
};
my $crowd = join('', map { $header->("m$_.csv") } 1 .. 100_005) . "\0" x 1024;
$store->put('bad/crowd.tar.gz', $makers{gzip}->($crowd));
$t->table('c', 'n int, w text', "filepath 'bad/crowd.tar.gz!*.csv'");
$t->fails('an archive of 100,005 members', 'SELECT count(*) FROM c', qr{bad/crowd\.tar\.gz}, qr/member/);
# INSERT into members is refused
$t->fails('members cannot be written', "INSERT INTO c VALUES (1, 'x')", qr/does not allow inserts/);

done_testing();
