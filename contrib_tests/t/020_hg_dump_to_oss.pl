#
# 020_hg_dump_to_oss.pl
#	  hg_dump_to_oss through a real server: the documented command lines, each exit code from its real cause, formats,
#	  splitting, modes, and that nothing is left when it is cancelled or killed.
#
# OSS_TEST_DUMP_MB (300) is the size of the dump whose memory is watched.
#
use strict;
use warnings FATAL => 'all';
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use OssStore;
use OssSession;
use OssTool;

my $store = OssStore->start;
my $tool = OssTool->new($store);
my ($secret) = $store->secrets;
my $id = $store->key_id;
my $endpoint = $store->endpoint;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$store->setup($node);
$store->control('POST', 'configure', { buckets => { map { $_ => {} } qw(holo-ingestion hologres-demo hologres-demo-oss) } });

$node->safe_psql('postgres', q{
	CREATE TABLE test (id int, name text);
	INSERT INTO test VALUES (1, 'one'), (2, 'two'), (3, 'three');
	CREATE TABLE bank_data AS SELECT i AS account, i * 1.5 AS balance FROM generate_series(1, 50) i;
	CREATE TABLE holo_test AS SELECT * FROM test;
	CREATE TABLE foreign_holo_test AS SELECT * FROM bank_data;
	CREATE TABLE holo_test_1 AS SELECT * FROM bank_data;
	CREATE TABLE odd (id int, body text);
	INSERT INTO odd SELECT i, E'line "' || i || E'",\n\\ and\ttab ' || repeat('x', i % 50) FROM generate_series(1, 5000) i;
	INSERT INTO odd VALUES (0, NULL), (-1, ''), (-2, '\.');
	CREATE ROLE dumper LOGIN;
	CREATE ROLE nobody_special LOGIN;
	GRANT pg_execute_server_program TO dumper;
	GRANT SELECT ON ALL TABLES IN SCHEMA public TO dumper, nobody_special;
});

my @as_dumper = (extra_params => [ '-U', 'dumper' ]);
my $dump = "hg_dump_to_oss --AccessKeyId $id --AccessKeySecret $secret --Endpoint $endpoint --BucketName test-bucket";

# The bytes of all objects below a prefix, one after the other, in the order of their numbers.
sub content
{
	my ($prefix) = @_;
	my @keys = sort { ($a =~ /_(\d+)\./)[0] <=> ($b =~ /_(\d+)\./)[0] } grep { !/_manifest_/ } $store->objects($prefix);
	return join('', map { $store->get($_) } @keys);
}

sub in_bucket
{
	my ($bucket, $do) = @_;
	local $store->{bucket} = $bucket;
	return $do->();
}

sub nothing_left
{
	my ($what) = @_;
	is_deeply([ $store->objects ], [], "$what: no object");
	is_deeply([ $store->uploads ], [], "$what: no unfinished upload");
	return;
}

# ---------------------------------------------------------------- the documented examples, as a role that may just run programs

my @examples = (
	[ q{COPY (select * from test LIMIT 2) TO PROGRAM 'hg_dump_to_oss --AccessKeyId <access id> --AccessKeySecret <access key> --Endpoint oss-cn-hangzhou-internal.aliyuncs.com --BucketName holo-ingestion --DirName holotest/ --BatchSize 3000' DELIMITER ',';},
		'holo-ingestion', 'holotest/', "1,one\n2,two\n" ],
	[ q{COPY (select * from bank_data LIMIT 20) TO PROGRAM 'hg_dump_to_oss --AccessKeyId <access id> --AccessKeySecret <access key> --Endpoint oss-cn-beijing-internal.aliyuncs.com --BucketName hologres-demo-oss --DirName demotest/ --BatchSize 3000' DELIMITER ',';},
		'hologres-demo-oss', 'demotest/', join('', map { $_ . ',' . sprintf('%.1f', $_ * 1.5) . "\n" } 1 .. 20) ],
	[ q{COPY (select * from holo_test LIMIT 2) TO PROGRAM 'hg_dump_to_oss --AccessKeyId <access id> --AccessKeySecret <access key> --Endpoint oss-cn-hangzhou-internal.aliyuncs.com --BucketName hologres-demo --DirName holotest/ --BatchSize 3000' DELIMITER ',';},
		'hologres-demo', 'holotest/', "1,one\n2,two\n" ],
	[ q{COPY (select * from holo_test_1 LIMIT 20) TO PROGRAM 'hg_dump_to_oss --AccessKeyId <access id> --AccessKeySecret <access key> --Endpoint oss-cn-beijing-internal.aliyuncs.com --BucketName hologres-demo --DirName holotest/ --BatchSize 3000' (DELIMITER ',', HEADER true, FORMAT CSV);},
		'hologres-demo', 'holotest/', "account,balance\n" . join('', map { $_ . ',' . sprintf('%.1f', $_ * 1.5) . "\n" } 1 .. 20) ],
);
# HEADER of the text format is known since version 15
push @examples,
  [ q{COPY (select * from foreign_holo_test LIMIT 20) TO PROGRAM 'hg_dump_to_oss --AccessKeyId <access id> --AccessKeySecret <access key> --Endpoint oss-cn-hangzhou-internal.aliyuncs.com --BucketName hologres-demo --DirName holotest/ --BatchSize 3000' (DELIMITER ',', HEADER true);},
	'hologres-demo', 'holotest/', "account,balance\n" . join('', map { $_ . ',' . sprintf('%.1f', $_ * 1.5) . "\n" } 1 .. 20) ]
  if $node->safe_psql('postgres', 'SHOW server_version_num') >= 150000;

for my $example (@examples)
{
	my ($sql, $bucket, $dir, $expected) = @$example;
	$sql =~ s/<access id>/$id/;
	$sql =~ s/<access key>/$secret/;
	$sql =~ s/oss-cn-[a-z]+-internal\.aliyuncs\.com/$endpoint/;
	my ($status, $out, $err) = $node->psql('postgres', $sql, @as_dumper);
	is("$status $out $err", '0  ', "$bucket: the example runs, without a word");
	my @keys = $store->objects;
	is(scalar(@keys), 1, "$bucket: one object");
	like($keys[0], qr{^\Q$dir\Edump_\d{8}T\d{12}Z_[0-9a-f]{16}_1\.txt$}, "$bucket: its name");
	is(in_bucket($bucket, sub { $store->get($keys[0]) }), $expected, "$bucket: its content");
	is_deeply([ $store->uploads ], [], "$bucket: no unfinished upload");
	$store->empty;
}

my ($status, $out, $err) = $node->psql('postgres', "COPY test TO PROGRAM '$dump --DirName x/'", extra_params => [ '-U', 'nobody_special' ]);
like($err, qr/pg_execute_server_program/, 'a role without the right may not');
nothing_left('a role without the right');

# ---------------------------------------------------------------- exit codes

# Runs COPY with a command; checks the exit code that the server shows, and the one line in its log.
sub exits_with
{
	my ($what, $code, $line, $command, $query) = @_;
	my $log_size = -s $node->logfile;
	my ($status, $out, $err) = $node->psql('postgres', 'COPY (' . ($query // 'SELECT * FROM test') . ") TO PROGRAM '$command'", @as_dumper);
	like($err, qr/ERROR:  program "hg_dump_to_oss .*" failed\nDETAIL:  child process exited with exit code $code$/, "$what: exit code $code");
	my @lines = grep { /^hg_dump_to_oss: / } split(/\n/, slurp_file($node->logfile, $log_size));
	is(scalar(@lines), 1, "$what: one line in the log") or diag(@lines);
	like($lines[0] // '', $line, "$what: which tells what is wrong");
	unlike($lines[0] // '', qr/\Q$secret\E/, "$what: and no secret");
	nothing_left($what);
	return;
}

sub command
{
	my (%changes) = @_;
	my %options = (AccessKeyId => $id, AccessKeySecret => $secret, Endpoint => $endpoint, BucketName => 'test-bucket',
		DirName => 'codes/', %changes);
	return join(' ', 'hg_dump_to_oss', map { defined $options{$_} ? "--$_ $options{$_}" : () } sort keys %options);
}

exits_with('unknown key id', 101, qr/InvalidAccessKeyId.*request id/, command(AccessKeyId => 'LTAIunknown'));
exits_with('impossible key id', 101, qr/access_key_id/, command(AccessKeyId => '"a b"'));
exits_with('empty key id', 101, qr/AccessKeyId/, command(AccessKeyId => '""'));
exits_with('wrong secret', 102, qr/SignatureDoesNotMatch.*request id/, command(AccessKeySecret => 'wrong'));
exits_with('empty secret', 102, qr/AccessKeySecret/, command(AccessKeySecret => '""'));
exits_with('unknown host', 103, qr/no-such-host\.invalid/, command(Endpoint => 'http://no-such-host.invalid'));
exits_with('impossible endpoint', 103, qr/endpoint/, command(Endpoint => '"http://a b"'));
exits_with('another scheme', 103, qr/endpoint/, command(Endpoint => 'ftp://127.0.0.1'));
exits_with('unknown bucket', 104, qr/NoSuchBucket/, command(BucketName => 'no-such-bucket'));
exits_with('impossible bucket', 104, qr/dummy_bucket/, command(BucketName => 'dummy_bucket'));
exits_with('no key id', 105, qr/AccessKeyId/, command(AccessKeyId => undef));
exits_with('no secret', 105, qr/AccessKeySecret/, command(AccessKeySecret => undef));
exits_with('no endpoint', 105, qr/Endpoint/, command(Endpoint => undef));
exits_with('no bucket', 105, qr/BucketName/, command(BucketName => undef));
exits_with('no dir', 105, qr/DirName/, command(DirName => undef));
exits_with('a value is missing', 105, qr/BatchSize/, command() . ' --BatchSize');
exits_with('nobody listens', 255, qr/connect/i, command(Endpoint => 'http://127.0.0.1:1'));
exits_with('a certificate that nobody trusts', 255, qr/certificate/, command(Endpoint => $store->tls_endpoint));
exits_with('unknown option', 2, qr/--NoSuchOption/, command() . ' --NoSuchOption 1');
exits_with('impossible size of batches', 2, qr/BatchSize/, command(BatchSize => '0'));
exits_with('unknown compression', 2, qr/Compression/, command(Compression => 'rar'));
exits_with('FileName cannot be split', 2, qr/MaxFileSize/, command(FileName => 'f', MaxFileSize => '1MB'));
$store->fault({ op => 'PutObject', action => 'deny', count => undef });
exits_with('no permission', 1, qr/AccessDenied/, command());
$store->clear_faults;
$store->fault({ op => 'PutObject', action => 'reset', count => undef, bytes => 1 });
exits_with('the connection breaks', 255, qr/./, command());
$store->clear_faults;
($status, $out, $err) = $node->psql('postgres', "COPY test TO PROGRAM 'hg_dump_to_oss2 --AccessKeyId x'");
like($err, qr/command not found/, 'another name is no program');

# a store that refuses is told while the query still runs
exits_with('an error in the middle', 1, qr/AccessDenied/, do {
	$store->fault({ op => 'UploadPart', action => 'deny', count => undef });
	command();
}, 'SELECT repeat(md5(i::text), 30) FROM (SELECT generate_series(1, 100000000) AS i) s');
$store->clear_faults;

# ---------------------------------------------------------------- formats

my $folder = PostgreSQL::Test::Utils::tempdir();
my $serial = 0;
for my $options ("(FORMAT text)", "(FORMAT text, DELIMITER '|', NULL 'nil')", "(FORMAT csv)", "(FORMAT csv, HEADER true, DELIMITER ';', QUOTE '''')",
	"(FORMAT csv, ENCODING 'LATIN1', FORCE_QUOTE *)", "(FORMAT binary)")
{
	my $dir = 'format' . ++$serial;
	my $file = "$folder/$serial";
	$node->safe_psql('postgres', "COPY odd TO '$file' $options");
	for my $compression ('', ' --Compression gzip', ' --Compression zstd')
	{
		$node->safe_psql('postgres', "COPY odd TO PROGRAM '$dump --DirName $dir$compression --BatchSize 7' $options");
		my ($key) = $store->objects("$dir/");
		like($key, $options =~ /binary/ ? qr/\.bin/ : qr/\.txt/, "$options$compression: named by what is known of the format");
		my ($code, $bytes) = $tool->with_keys(sub { $tool->run('', 'ossobj', 'cat', '-z', "oss://test-bucket/$key") });
		ok($code == 0 && $bytes eq slurp_file($file), "$options$compression: byte for byte what the server writes to a file");
		$store->empty;
	}
}

# splitting: no row is cut, the header is everywhere
for my $case ([ 'csv', '(FORMAT csv, HEADER true)', '--Header --Format csv', '.csv' ], [ 'text', '', '', '.txt' ],
	[ 'binary', '(FORMAT binary)', '--Format binary', '.bin' ],
	[ 'csv, other quotes', "(FORMAT csv, HEADER true, QUOTE '~', ESCAPE '!')", '--Header --Format csv --Quote "~" --Escape "!"', '.csv' ])
{
	my ($what, $copy, $options, $suffix) = @$case;
	for my $compression ('', ' --Compression gzip')
	{
		$node->safe_psql('postgres', "COPY odd TO PROGRAM '$dump --DirName split $options$compression --MaxFileSize 20kB --BatchSize 100' $copy");
		my @keys = $store->objects('split/');
		cmp_ok(scalar(@keys), '>', $compression ? 1 : 5, "split $what$compression: several objects");
		ok(!(grep { !/_\d+\Q$suffix\E(\.gz)?$/ } @keys), "split $what$compression: their names");
		$node->safe_psql('postgres', 'CREATE TABLE back (LIKE odd)');
		for my $key (@keys)
		{
			$tool->with_keys(sub {
				$node->safe_psql('postgres', "COPY back FROM PROGRAM 'env OSS_ACCESS_KEY_ID=$id OSS_ACCESS_KEY_SECRET=$secret"
					  . " OSS_ENDPOINT=$endpoint ossobj cat -z oss://test-bucket/$key' $copy");
			});
		}
		is($node->safe_psql('postgres', 'SELECT count(*) FROM (TABLE odd EXCEPT ALL TABLE back) a'), '0', "split $what$compression: all rows are back");
		is($node->safe_psql('postgres', 'SELECT count(*) = (SELECT count(*) FROM odd) FROM back'), 't', "split $what$compression: once");
		$node->safe_psql('postgres', 'DROP TABLE back');
		$store->empty;
	}
}

# no rows
$node->safe_psql('postgres', "COPY (SELECT * FROM test WHERE false) TO PROGRAM '$dump --DirName empty'");
nothing_left('no rows');
$node->safe_psql('postgres', "COPY (SELECT * FROM test WHERE false) TO PROGRAM '$dump --DirName empty --Format csv --Header' (FORMAT csv, HEADER true)");
is(content('empty/'), "id,name\n", 'no rows but a header');
$store->empty;

# ---------------------------------------------------------------- names, modes, manifest

$node->safe_psql('postgres', "COPY test TO PROGRAM '$dump --DirName m --FileName exact.csv' (FORMAT csv)");
is($store->get('m/exact.csv'), "1,one\n2,two\n3,three\n", 'FileName');
my $one_row = '(SELECT * FROM test LIMIT 1)';
($status, $out, $err) = $node->psql('postgres', "COPY $one_row TO PROGRAM '$dump --DirName m --FileName exact.csv'");
like($err, qr/exit code 4$/, 'FileName: not replaced without being asked');
is($store->get('m/exact.csv'), "1,one\n2,two\n3,three\n", 'FileName: nor changed');
$node->safe_psql('postgres', "COPY $one_row TO PROGRAM '$dump --DirName m --FileName exact.csv --Mode overwrite'");
is($store->get('m/exact.csv'), "1\tone\n", 'FileName: replaced when asked');
($status, $out, $err) = $node->psql('postgres', "COPY $one_row TO PROGRAM '$dump --DirName m --Mode error_if_exists'");
like($err, qr/exit code 4$/, 'error_if_exists: something is there');
is_deeply([ $store->objects ], ['m/exact.csv'], 'error_if_exists: nothing was added');
$node->safe_psql('postgres', "COPY test TO PROGRAM '$dump --DirName m/ --Mode append'");
is(scalar($store->objects), 2, 'append adds');
$store->put('other/object', 'x');
$node->safe_psql('postgres', "COPY test TO PROGRAM '$dump --DirName m/ --Mode overwrite --Manifest'");
is(content('m/'), "1\tone\n2\ttwo\n3\tthree\n", 'overwrite replaces all that was there');
my ($manifest) = grep { /_manifest_/ } $store->objects('m/');
my $told = decode_json($store->get($manifest));
is("$told->{version} $told->{rows} " . scalar(@{ $told->{entries} }), '1 3 1', 'the manifest');
$node->safe_psql('postgres', "CREATE FOREIGN TABLE listed (id int, name text) SERVER store OPTIONS (dir 'm/', format 'text', manifest 'true')");
is($node->safe_psql('postgres', 'SELECT * FROM listed ORDER BY id'), "1|one\n2|two\n3|three", 'a foreign table reads by it');
is($store->get('other/object'), 'x', 'overwrite leaves other folders alone');
$node->safe_psql('postgres', "COPY test TO PROGRAM '$dump --DirName fresh --Mode error_if_exists'");
is(scalar($store->objects('fresh/')), 1, 'error_if_exists into an empty place, no claim is left');
# overwrite that fails leaves what was there
$store->fault({ op => 'PutObject', action => 'deny', count => undef });
($status, $out, $err) = $node->psql('postgres', "COPY $one_row TO PROGRAM '$dump --DirName fresh --Mode overwrite'");
like($err, qr/exit code 1$/, 'overwrite that fails');
is(content('fresh/'), "1\tone\n2\ttwo\n3\tthree\n", 'overwrite that fails leaves what was there');
$store->empty;

# ---------------------------------------------------------------- keys from elsewhere

my @place = ('--BucketName', 'test-bucket', '--DirName', 'keys/');
my ($code, undef, $line) = $tool->with_keys(sub { $tool->run("1\n", 'hg_dump_to_oss', @place) });
is("$code$line", '0', 'keys and endpoint from the environment');
($code, undef, $line) = $tool->with_keys(sub { $tool->run("1\n", 'hg_dump_to_oss', @place, '--AccessKeyId', 'LTAIother', '--AccessKeySecret', 'x') });
is($code, 101, 'the command line comes first');
($code, undef, $line) = $tool->with_keys(sub { local $ENV{OSS_ACCESS_KEY_SECRET} = 'wrong'; $tool->run("1\n", 'hg_dump_to_oss', @place) });
is($code, 102, 'a wrong secret in the environment');
for my $file ([ 'ossutil', "[Credentials]\nlanguage=EN\nendpoint=$endpoint\naccessKeyID=$id\naccessKeySecret=$secret\n" ],
	[ 'alibaba', "# mine\n[other]\naccess_key_id = x\naccess_key_secret = y\n[default]\ntype = access_key\naccess_key_id = $id\naccess_key_secret = $secret\n" ])
{
	my ($what, $text) = @$file;
	my $path = "$folder/$what";
	append_to_file($path, $text);
	($code, undef, $line) = $tool->run("1\n", 'hg_dump_to_oss', @place, '--CredentialsFile', $path, '--Endpoint', $endpoint);
	is("$code$line", '0', "keys from a file of $what");
}
($code, undef, $line) = $tool->run("1\n", 'hg_dump_to_oss', @place, '--CredentialsFile', "$folder/alibaba", '--Profile', 'other', '--Endpoint', $endpoint);
is($code, 101, 'keys of another profile');
mkdir("$ENV{HOME}/.alibabacloud") or die $!;
append_to_file("$ENV{HOME}/.alibabacloud/credentials", slurp_file("$folder/alibaba"));
($code, undef, $line) = $tool->run("1\n", 'hg_dump_to_oss', @place, '--Endpoint', $endpoint);
is("$code$line", '0', 'keys from the usual file');
unlink("$ENV{HOME}/.alibabacloud/credentials");
($code, undef, $line) = $tool->run("1\n", 'hg_dump_to_oss', @place, '--CredentialsFile', "$folder/none", '--Endpoint', $endpoint);
is($code, 105, 'a file that is not there');
is(scalar($store->objects('keys/')), 4, 'each of the good ones has written');
$store->empty;

for my $provider (qw(obs s3))
{
	my $command = join(' ', "hg_dump_to_oss --AccessKeyId $id --AccessKeySecret $secret --Endpoint $endpoint --Provider $provider",
		'--Region ' . $store->region, '--BucketName test-bucket --DirName p --Compression zstd');
	$node->safe_psql('postgres', "COPY test TO PROGRAM '$command'");
	is(scalar($store->objects('p/')), 1, "provider $provider");
	$store->empty;
}

my $over_tls = command(Endpoint => $store->tls_endpoint, CaFile => $store->ca_file);
$node->safe_psql('postgres', "COPY test TO PROGRAM '$over_tls'");
is(content('codes/'), "1\tone\n2\ttwo\n3\tthree\n", 'TLS with the right authority');
$store->empty;

# the secret is not to be seen in the list of processes
$store->reset_counters;
my $program = $tool->start('hg_dump_to_oss', '--AccessKeyId', $id, '--AccessKeySecret', $secret, '--Endpoint', $endpoint, @place);
for my $try (1 .. 600)
{
	last if $store->requests('ListObjectsV2') > 0;
	usleep(50_000);
}
SKIP:
{
	skip 'needs /proc', 1 unless -r "/proc/$program->{pid}/cmdline";
	unlike(slurp_file("/proc/$program->{pid}/cmdline"), qr/\Q$secret\E/, 'the secret is hidden from ps');
}
$tool->finish($program);
$store->empty;

# ---------------------------------------------------------------- input that does not end as it should

my @with_keys = ('hg_dump_to_oss', '--AccessKeyId', $id, '--AccessKeySecret', $secret, '--Endpoint', $endpoint, @place);
my $binary = slurp_file("$folder/6");
for my $case ([ 'binary, cut before its trailer', substr($binary, 0, -2) ], [ 'binary, cut in a row', substr($binary, 0, 5000) ],
	[ 'binary, cut in its header', substr($binary, 0, 15) ], [ 'binary, more behind the trailer', $binary . 'x' ],
	[ 'text, cut in a row', "1\ta\n2\t" ], [ 'text, the last newline is escaped', "1\ta\\\n" ],
	[ 'csv, cut in quotes', "1,\"a\n", '--Format', 'csv' ], [ 'csv as binary', "1,a\n", '--Format', 'binary' ])
{
	my ($what, $input, @options) = @$case;
	my ($code, undef, $line) = $tool->run($input, @with_keys, @options);
	is($code, 3, "$what: exit code 3");
	like($line, qr/^hg_dump_to_oss: [^\n]+\n$/, "$what: one line");
	nothing_left($what);
}
my $failing = 'SELECT i, 1 / (2000000 - i), repeat(md5(i::text), 3) FROM (SELECT generate_series(1, 3000000) AS i) s';
($status, $out, $err) = $node->psql('postgres', "COPY ($failing) TO PROGRAM '$dump --DirName failing' (FORMAT binary)");
like($err, qr/division by zero/, 'a query that fails, binary: its error');
$store->wait_idle;
for my $try (1 .. 600)
{
	last if !$store->objects && !$store->uploads;
	usleep(100_000);
}
nothing_left('a query that fails, binary');

# ---------------------------------------------------------------- ended from outside

# in FROM, generate_series() would keep all its rows before the first one comes
my $endless = 'SELECT i, repeat(md5(i::text), 3) FROM (SELECT generate_series(1, 2000000000) AS i) s';
for my $way ('pg_cancel_backend', 'pg_terminate_backend', 'statement_timeout')
{
	my $session = OssSession->new($node);
	$store->reset_counters;
	$session->send(($way eq 'statement_timeout' ? "SET statement_timeout = '3s'; " : '') . "COPY ($endless) TO PROGRAM '$dump --DirName $way'");
	for my $try (1 .. 600)
	{
		last if $store->requests('UploadPart') > 0;
		usleep(50_000);
	}
	cmp_ok($store->requests('UploadPart'), '>', 0, "$way: parts are under way") unless $way eq 'statement_timeout';
	$node->safe_psql('postgres', "SELECT $way(" . $session->pid . ')') unless $way eq 'statement_timeout';
	$session->answer unless $way eq 'pg_terminate_backend';
	for my $try (1 .. 600)
	{
		last if $store->open_requests == 0 && !$store->uploads && $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY (%' AND state = 'active' AND pid <> pg_backend_pid()}) == 0;
		usleep(100_000);
	}
	nothing_left($way);
	$session->kill;
}

my $rows = join('', map { $_ . ',' . ('x' x 90) . "\n" } 1 .. 3000);
my @signals = (qw(TERM INT HUP) x 4)[ 0 .. 9 ];
for my $number (0 .. $#signals)
{
	my $seconds = rand(1.5);
	my $what = sprintf('SIG%s after %.2f s', $signals[$number], $seconds);
	my $program = $tool->start(@with_keys, $number % 2 ? ('--Compression', 'gzip', '--MaxFileSize', '3MB') : ());
	$tool->feed($program, $rows, $seconds);
	kill $signals[$number], $program->{pid};
	my ($code, $line) = $tool->finish($program);
	# a signal before the handlers are set ends it as well, without a word
	is($code, 128 + { TERM => 15, INT => 2, HUP => 1 }->{ $signals[$number] }, "$what: it dies of the signal");
	nothing_left($what);
}

# at chosen steps of the protocol
for my $step ([ 'the upload is begun', { op => 'InitiateMultipartUpload', stage => 'answer' } ], [ 'a part is under way', { op => 'UploadPart', bytes => 50000 } ],
	[ 'the completion is asked for', { op => 'CompleteMultipartUpload', stage => 'start' } ], [ 'the completion is not answered', { op => 'CompleteMultipartUpload', stage => 'answer' } ],
	[ 'the put is not answered', { op => 'PutObject', stage => 'answer' } ])
{
	my ($what, $rule) = @$step;
	my $fault = $store->fault({ %$rule, action => 'block' });
	my $program = $tool->start(@with_keys);
	# whole rows, since their end is looked at; parts begin at 8 MB
	print { $program->{in} } $rows x ($rule->{op} eq 'PutObject' ? 1 : 40) or die "write: $!";
	close($program->{in});
	ok($store->wait_blocked($fault), "SIGTERM when $what: it came there");
	kill 'TERM', $program->{pid};
	my ($code) = $tool->finish($program);
	$store->clear_faults;
	$store->wait_idle;
	is($code, 143, "SIGTERM when $what: it dies of it");
	nothing_left("SIGTERM when $what");
}

for my $number (1 .. 10)
{
	my $seconds = rand(1.5);
	my $program = $tool->start(@with_keys);
	$tool->feed($program, $rows, $seconds);
	kill 'KILL', $program->{pid};
	$tool->finish($program);
	$store->wait_idle;
	is_deeply([ $store->objects ], [], sprintf('SIGKILL after %.2f s: nothing is visible', $seconds));
}
($code, $out, $err) = $tool->with_keys(sub { $tool->run('', 'ossobj', 'abort-uploads', 'oss://test-bucket/keys/') });
is("$code$err", '0', 'ossobj abort-uploads after SIGKILL');
nothing_left('after SIGKILL and ossobj abort-uploads');

# ---------------------------------------------------------------- memory

SKIP:
{
	skip 'needs /proc', 2 unless -r "/proc/$$/status";
	my $megabytes = $ENV{OSS_TEST_DUMP_MB} // 300;
	my $chunk = $rows x 4;
	my $program = $tool->start(@with_keys);
	my $peak = 0;
	for (my $written = 0; $written < $megabytes * 1024 * 1024; $written += length($chunk))
	{
		print { $program->{in} } $chunk or die "write: $!";
		my ($kb) = slurp_file("/proc/$program->{pid}/status") =~ /^VmHWM:\s+(\d+) kB/m;
		$peak = $kb if defined $kb && $kb > $peak;
	}
	my ($code, $line) = $tool->finish($program);
	is("$code$line", '0', "a dump of $megabytes MB, without a word");
	cmp_ok($peak, '<=', 128 * 1024, "a dump of $megabytes MB takes at most 128 MB of memory");
	note(sprintf('%.1f MB', $peak / 1024));
}

# ---------------------------------------------------------------- help

($code, $out, $err) = $tool->run('', 'hg_dump_to_oss', '--help');
like("$code $out", qr/^0 .*--AccessKeyId.*--MaxFileSize.*exit codes/s, '--help');
($code, $out, $err) = $tool->run('', 'hg_dump_to_oss', '--version');
like("$code $out", qr/^0 hg_dump_to_oss .*\d+\.\d+/, '--version');

$node->stop;
$store->stop;
done_testing();
