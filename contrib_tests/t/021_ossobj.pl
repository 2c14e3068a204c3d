#
# 021_ossobj.pl
#	  ossobj: each command, globs, formats, exit codes, JSON; COPY FROM PROGRAM loads through it.
#
use strict;
use warnings FATAL => 'all';
use HTTP::Tiny;
use IO::Compress::Gzip qw(gzip);
use IO::Socket::INET;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use OssStore;
use OssTool;

my $store = OssStore->start;
my $tool = OssTool->new($store);
my ($secret) = $store->secrets;
my $folder = PostgreSQL::Test::Utils::tempdir();
my $base = 'oss://test-bucket';

sub ossobj
{
	my (@words) = @_;
	return input('', @words);
}

sub input
{
	my ($input, @words) = @_;
	my @result = $tool->with_keys(sub { $tool->run($input, 'ossobj', @words) });
	unlike($result[2], qr/\Q$secret\E/, "$words[0]: no secret in a message");
	return @result;
}

# What the command prints; it must succeed without a message.
sub good
{
	my (@words) = @_;
	my ($code, $out, $err) = ossobj(@words);
	is("$code$err", '0', "@words: succeeds");
	return $out;
}

# It must fail with this code and one line.
sub bad
{
	my ($what, $expected, $line, @words) = @_;
	my ($code, $out, $err) = ossobj(@words);
	is($code, $expected, "$what: exit code $expected");
	like($err, qr/^ossobj: [^\n]+\n$/, "$what: one line");
	like($err, $line, "$what: that tells");
	return;
}

sub urls
{
	my ($out) = @_;
	return join(' ', map { (split)[-1] } split(/\n/, $out));
}

sub json
{
	my ($out) = @_;
	return map { decode_json($_) } split(/\n/, $out);
}

my $big = join('', map { "$_," . ('y' x ($_ % 100)) . "\n" } 1 .. 400000);    # about 22 MB: several ranges, a multipart upload

# ---------------------------------------------------------------- ls, du, globs

$store->put($_, "content of $_\n") for ('a.csv', 'b.txt', 'dir/1.csv', 'dir/2.csv', 'dir/10.csv', 'dir/sub/3.csv', 'dir/[x].csv', "dir/\xc3\xbc.csv");
$store->put('dir/', '');
is(urls(good('ls', $base)), "$base/a.csv $base/b.txt $base/dir/", 'ls of the bucket');
is(urls(good('ls', "$base/dir")), urls(good('ls', "$base/dir/")), 'ls of a folder with or without a slash');
is(urls(good('ls', '-r', "$base/dir/sub")), "$base/dir/sub/3.csv", 'ls -r');
is(urls(good('ls', "$base/a.csv")), "$base/a.csv", 'ls of an object');
for my $case ([ 'dir/*.csv', 'dir/1.csv dir/10.csv dir/2.csv dir/[x].csv dir/%' ], [ 'dir/?.csv', 'dir/1.csv dir/2.csv dir/%' ], [ 'dir/[0-1]*.csv', 'dir/1.csv dir/10.csv' ],
	[ 'dir/[!0-9]*.csv', 'dir/[x].csv dir/%' ], [ '**/*.csv', 'a.csv dir/1.csv dir/10.csv dir/2.csv dir/[x].csv dir/sub/3.csv dir/%' ], [ '{a,b}.*', 'a.csv b.txt' ],
	[ 'dir/\[x].csv', 'dir/[x].csv' ], [ 'dir/{1,sub/{2,3}}.csv', 'dir/1.csv dir/sub/3.csv' ])
{
	my ($glob, $expected) = @$case;
	(my $found = urls(good('ls', "$base/$glob"))) =~ s/\xc3\xbc\.csv/%/;
	is($found, join(' ', map { "$base/$_" } split(/ /, $expected)), "ls $glob");
}
my @listed = json(good('ls', '--json', "$base/dir/1.csv", "$base/dir"));
is("$listed[0]{url} $listed[0]{size}", "$base/dir/1.csv 21", 'ls --json');
ok((grep { $_->{folder} && $_->{url} eq "$base/dir/sub/" } @listed), 'ls --json: a folder');
my ($du) = json(good('du', '--json', "$base/dir"));
is("$du->{objects}", '7', 'du counts');
is($du->{bytes}, 21 + 21 + 22 + 25 + 23 + 22, 'du adds up');
is(urls(good('ls', '-r', 'oss://test-bucket/dir/sub/')), "$base/dir/sub/3.csv", 'ls of a folder below');

# ---------------------------------------------------------------- cat

is(good('cat', "$base/dir/2.csv", "$base/a.csv"), "content of dir/2.csv\ncontent of a.csv\n", 'cat in the order of the words');
is(good('cat', "$base/dir/[12]*.csv"), join('', map { "content of dir/$_.csv\n" } 1, 10, 2), 'cat of a glob');
is(good('cat', '-r', "$base/dir/sub/"), "content of dir/sub/3.csv\n", 'cat -r');
gzip(\"one\n" => \my $gz);
$store->put('z/1', $gz . $gz);
$store->put('z/2.gz', "plain\n");
$store->put('z/3', '');
is(good('cat', '-z', "$base/z/*"), "one\none\nplain\n", 'cat -z goes by the content');
is(good('cat', "$base/z/1"), $gz . $gz, 'cat without -z changes nothing');
$store->put('cut', substr($gz, 0, -3));
bad('cat -z of a cut object', 6, qr/cut/, 'cat', '-z', "$base/cut");
$store->put('big', $big);
ok(good('cat', "$base/big") eq $big, 'cat of many ranges');
ok(good('cat', '--jobs', '1', "$base/big", "$base/a.csv") eq $big . "content of a.csv\n", 'cat with one job');
$store->fault({ op => 'GetObject', action => 'reset', bytes => 1000, count => 3 });
ok(good('cat', "$base/big") eq $big, 'cat while connections break');
$store->clear_faults;
$store->fault({ op => 'GetObject', action => 'wrong_crc', count => undef });
bad('wrong checksum', 6, qr/CRC-64/, 'cat', "$base/a.csv");
$store->clear_faults;

# ---------------------------------------------------------------- put, get

mkdir("$folder/$_") for ('in', 'in/sub', 'out', 'in/empty');
append_to_file("$folder/in/small", "small\n");
append_to_file("$folder/in/none", '');
append_to_file("$folder/in/sub/big", $big);
append_to_file("$folder/in/sub/m$_", "number $_\n") for 1 .. 30;
good('put', '-r', "$folder/in", "$base/up/");
is(scalar($store->objects('up/in/')), 33, 'put -r');
ok($store->get('up/in/sub/big') eq $big, 'put: a large file');
is($store->get('up/in/none'), '', 'put: an empty file');
good('put', "$folder/in/small", "$folder/in/none", "$base/up/flat/");
is(join(' ', $store->objects('up/flat/')), 'up/flat/none up/flat/small', 'put: several files into a folder');
good('put', "$folder/in/small", "$base/up/named");
is($store->get('up/named'), "small\n", 'put: under another name');
my ($code, $out, $err) = input($big, 'put', '-', "$base/up/stdin");
is("$code$err", '0', 'put of standard input');
ok($store->get('up/stdin') eq $big, 'put: standard input');
bad('put --no-overwrite', 7, qr/exists/, 'put', '--no-overwrite', "$folder/in/small", "$base/up/named");
bad('put --no-overwrite, large', 7, qr/exists/, 'put', '--no-overwrite', "$folder/in/sub/big", "$base/up/named");
is($store->get('up/named'), "small\n", 'put --no-overwrite: not replaced');
bad('put of a folder without -r', 2, qr/-r/, 'put', "$folder/in", "$base/up/");
bad('put of what is not there', 1, qr/No such file/, 'put', "$folder/nothing", "$base/up/");
bad('put of several into one name', 2, qr{'/'}, 'put', "$folder/in/small", "$folder/in/none", "$base/up/x");
like(good('put', '-n', "$folder/in/small", "$base/dry/"), qr{in/small -> \Q$base\E/dry/small}, 'put -n shows');
is(scalar($store->objects('dry/')), 0, 'put -n puts nothing');
$store->fault({ op => 'UploadPart', action => 'deny', after => 1, count => undef });
bad('put that is refused in the middle', 4, qr/AccessDenied/, 'put', "$folder/in/sub/big", "$base/refused");
$store->clear_faults;
is(join(' ', $store->objects('refused'), $store->uploads), '', 'put that is refused leaves nothing');

good('get', '-r', "$base/up/in/", "$folder/out/");
is(system('diff', '-r', '-x', 'empty', "$folder/in", "$folder/out"), 0, 'get -r brings back what put -r took');
good('get', "$base/a.csv", "$folder/one");
is(slurp_file("$folder/one"), "content of a.csv\n", 'get into a file');
my ($got) = json(good('get', '--json', "$base/b.txt", "$folder/out/"));
is("$got->{file} $got->{size}", "$folder/out/b.txt 17", 'get --json');
bad('get of several into one file', 2, qr/folder/, 'get', "$base/dir/*.csv", "$folder/one");
$store->put('evil/../../escaped', 'x');
bad('get of a name that leaves the folder', 1, qr/leave/, 'get', '-r', "$base/evil/", "$folder/out/deep/");
ok(!-e "$folder/escaped" && !-e "$folder/out/escaped", 'and nothing was written there');
$store->fault({ op => 'GetObject', action => 'deny', after => 2, count => undef });
bad('get that fails in the middle', 4, qr/AccessDenied/, 'get', "$base/big", "$folder/partial");
$store->clear_faults;
is(join(' ', glob("$folder/partial*")), '', 'get that fails leaves no file');

# ---------------------------------------------------------------- rm, uploads

bad('rm of a folder without -r', 2, qr/-r/, 'rm', "$base/up/");
like(good('rm', '-n', '-r', "$base/up/"), qr{\Q$base\E/up/named}, 'rm -n shows');
ok(scalar($store->objects('up/')) > 30, 'rm -n deletes nothing');
good('rm', "$base/up/in/sub/m1*", "$base/up/named");
is(scalar(grep { m{/m1} } $store->objects('up/')), 0, 'rm of a glob');
is(scalar(json(good('rm', '-r', '--json', "$base/up/in"))), 22, 'rm -r --json tells each');
bad('rm of nothing', 3, qr/nothing/, 'rm', "$base/up/in/none");
good('rm', '-f', "$base/up/in/none");

# SIGKILL leaves an upload
my $program = $tool->with_keys(sub { $tool->start('ossobj', 'put', '-', "$base/killed/one") });
my $blocked = $store->fault({ op => 'UploadPart', action => 'block', count => undef });
$tool->feed($program, $big, 1);
ok($store->wait_blocked($blocked), 'a part is under way');
kill 'KILL', $program->{pid};
$tool->finish($program);
$store->clear_faults;
$store->wait_idle;
my @uploads = json(good('uploads', '--json', "$base/killed/"));
is(scalar(@uploads) . " $uploads[0]{url}", "1 $base/killed/one", 'uploads shows what SIGKILL left');
is(good('uploads', '--older-than', '1h', $base), '', 'uploads --older-than');
like(good('abort-uploads', '--older-than', '1h', $base), qr/^0 /, 'abort-uploads --older-than spares the new ones');
like(good('abort-uploads', '-n', "$base/k*/*"), qr{killed/one}, 'abort-uploads -n shows');
is(scalar($store->uploads), 1, 'abort-uploads -n aborts nothing');
like(good('abort-uploads', $base), qr/^1 /, 'abort-uploads');
is(join(' ', $store->uploads, $store->objects('killed/')), '', 'nothing is left');

# SIGTERM does not
$program = $tool->with_keys(sub { $tool->start('ossobj', 'put', '-', "$base/killed/two") });
$tool->feed($program, $big, 1);
kill 'TERM', $program->{pid};
($code) = $tool->finish($program);
is($code, 143, 'put ends by SIGTERM');
is(join(' ', $store->uploads, $store->objects('killed/')), '', 'and leaves nothing');

# ---------------------------------------------------------------- check, sign

my @steps = json(good('check', '--json', "$base/checked/"));
is(join(' ', map { $_->{step} } @steps), 'resolve connect tls clock signature list put get delete upload abort', 'check: its steps');
ok(!(grep { !$_->{ok} } @steps), 'check: all good');
is(join(' ', $store->uploads, $store->objects('checked/')), '', 'check leaves nothing');
($code, $out, $err) = $tool->with_keys(sub { local $ENV{OSS_ACCESS_KEY_SECRET} = 'wrong'; $tool->run('', 'ossobj', 'check', '--json', $base) });
@steps = json($out);
is("$code $steps[-1]{step} $steps[-1]{code}", '4 signature SignatureDoesNotMatch', 'check: a wrong secret');
($code, $out, $err) = $tool->with_keys(sub { local $ENV{OSS_ENDPOINT} = 'http://127.0.0.1:1'; $tool->run('', 'ossobj', 'check', $base) });
like("$code $out", qr/^5 .*FAILED  connect/s, 'check: nobody listens');

my $http = HTTP::Tiny->new(timeout => 60);

# A PUT without Content-Type, which HTTP::Tiny always sends and which would have to be signed.  Returns the status.
sub put_bare
{
	my ($url, $body) = @_;
	my ($host, $path) = $url =~ m{^http://([^/]+)(/.*)$} or return 'no URL';
	my $socket = IO::Socket::INET->new(PeerAddr => $host, Timeout => 60) or return "connect: $!";
	print {$socket} "PUT $path HTTP/1.1\r\nHost: $host\r\nContent-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body";
	my ($status) = (scalar(<$socket>) // '') =~ m{^HTTP/1\.1 (\d+)};
	close($socket);
	return $status;
}

for my $case ([ 'oss', 'v4' ], [ 'oss', 'v1' ], [ 's3', 'v4' ], [ 'obs', 'v4' ])
{
	my ($scheme, $version) = @$case;
	local @ENV{qw(AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_ENDPOINT_URL AWS_REGION)} = ($store->key_id, $secret, $store->endpoint, $store->region);
	local @ENV{qw(OBS_ACCESS_KEY_ID OBS_SECRET_ACCESS_KEY OBS_ENDPOINT)} = ($store->key_id, $secret, $store->endpoint);
	my @version = $scheme eq 'oss' ? ('--signature-version', $version) : ();
	chomp(my $url = good('sign', @version, "$scheme://test-bucket/dir/\xc3\xbc.csv"));
	is($http->get($url)->{content}, "content of dir/\xc3\xbc.csv\n", "sign $scheme $version: GET");
	is($http->get($url . '0')->{status}, 403, "sign $scheme $version: not with another signature");
	chomp($url = good('sign', '--method', 'PUT', '--expires', '5min', @version, "$scheme://test-bucket/by url"));
	is(put_bare($url, 'by URL'), 200, "sign $scheme $version: PUT");
	is($store->get('by url'), 'by URL', "sign $scheme $version: it is there");
	is(good('cat', "$scheme://test-bucket/a.csv"), "content of a.csv\n", "cat $scheme");
}
bad('sign for too long', 2, qr/7 days/, 'sign', '--expires', '8d', "$base/a.csv");

# ---------------------------------------------------------------- exit codes

bad('no such object', 3, qr/nothing/, 'cat', "$base/no-such-object");
bad('no match', 3, qr/nothing/, 'cat', "$base/*.none");
bad('no such bucket', 3, qr/NoSuchBucket/, 'ls', 'oss://no-such-bucket/');
bad('unknown key', 4, qr/InvalidAccessKeyId/, 'ls', '--access-key-id', 'LTAIother', '--access-key-secret', 'x', $base);
bad('nobody listens', 5, qr/connect/i, 'ls', '--endpoint', 'http://127.0.0.1:1', $base);
bad('no command', 2, qr/help/, 'frobnicate', $base);
bad('an option of another command', 2, qr/-z/, 'ls', '-z', $base);
bad('no URL', 2, qr/oss:/, 'ls', 'test-bucket/a.csv');
bad('two stores', 2, qr/one store/, 'ls', $base, 's3://test-bucket/');
($code, $out, $err) = $tool->run('', 'ossobj', 'ls', '--endpoint', $store->endpoint, $base);
is($code, 4, 'no keys anywhere');
($code, $out, $err) = $tool->run('', 'ossobj', '--help');
like("$code $out", qr/^0 .*abort-uploads.*exit codes/s, '--help');
($code, $out, $err) = $tool->run('', 'ossobj', '--version');
like("$code $out", qr/^0 ossobj /, '--version');

# ---------------------------------------------------------------- COPY FROM PROGRAM

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$tool->with_keys(sub { $node->start });    # the server's environment has the keys
$node->safe_psql('postgres', 'CREATE TABLE t (i int, s text); INSERT INTO t SELECT i, repeat(md5(i::text), 5) FROM generate_series(1, 100000) i');
$node->safe_psql('postgres', q{COPY t TO PROGRAM 'hg_dump_to_oss --BucketName test-bucket --DirName load --Compression gzip --Format csv --MaxFileSize 1MB' (FORMAT csv)});
cmp_ok(scalar($store->objects('load/')), '>', 2, 'dumped into several objects, keys from the server\'s environment');
$node->safe_psql('postgres', q{CREATE TABLE u (LIKE t); COPY u FROM PROGRAM 'ossobj cat -z oss://test-bucket/load/*.csv.gz' (FORMAT csv)});
is($node->safe_psql('postgres', 'SELECT count(*) FROM u'), '100000', 'COPY FROM PROGRAM loads');
is($node->safe_psql('postgres', 'SELECT count(*) FROM (TABLE t EXCEPT ALL TABLE u) d'), '0', 'the same rows');
($code, $out, $err) = $node->psql('postgres', q{COPY u FROM PROGRAM 'ossobj cat -z oss://test-bucket/nothing/*.gz'});
like($err, qr/exit code 3/, 'COPY FROM PROGRAM of nothing is an error');

$node->stop;
$store->stop;
done_testing();
