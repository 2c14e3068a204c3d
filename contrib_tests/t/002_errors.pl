#
# 002_errors.pl
#	  Every mistake a user can make ends in one clear ERROR with DETAIL or HINT, in bounded time, without a secret in the
#	  message or the server's log, and with nothing left in the store.
#
use strict;
use warnings FATAL => 'all';
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use OssStore;

my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
# statements that set secrets fail here on purpose; the server itself would log their text
$node->append_conf('postgresql.conf', "log_statement = none\nlog_min_error_statement = panic\n");
$node->start;
$store->setup($node);

my $wrong_secret = 'SecretThatIsWrong0123456789';
my $wrong_token = 'TokenThatIsWrong0123456789';
my @secrets = ($store->secrets, $wrong_secret, $wrong_token);
my $endpoint = $store->endpoint;
my $bucket = $store->bucket;
my $quick = "max_retries '1', retry_timeout '5s', connect_timeout '2s', low_speed_time '1s'";

sub no_secret
{
	my ($text, $what) = @_;
	my @found = grep { index($text, $_) >= 0 } @secrets;
	is_deeply(\@found, [], "$what: no secret is told");
	return;
}

# Runs one statement that must fail with exactly one ERROR.
sub fails
{
	my ($what, $sql, $error, $more) = @_;
	my $timed_out = 0;
	my ($status, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 0, timeout => 60, timed_out => \$timed_out);
	ok(!$timed_out, "$what: ends in time");
	my $count = () = $err =~ /\bERROR:/g;
	is($count, 1, "$what: one ERROR") or diag($err);
	like($err, $error, "$what: the error is clear");
	like($err, qr/^(?:DETAIL|HINT):\s+\S| is expected$/m, "$what: with DETAIL or HINT, or what is expected") or diag($err);
	like($err, $more, "$what: that help") if defined $more;
	no_secret($err, $what);
	return;
}

# ---- options

my $server = 'CREATE SERVER bad FOREIGN DATA WRAPPER oss_fdw OPTIONS';
my $table = 'CREATE FOREIGN TABLE bad (a int, b text) SERVER store OPTIONS';

fails('unknown server option', "$server (endpont '$endpoint')", qr/invalid option "endpont"/, qr/endpoint/);
fails('unknown table option', "$table (dir 'x', delimitr ',')", qr/invalid option "delimitr"/, qr/delimiter/);
fails('unknown mapping option', "CREATE USER MAPPING FOR PUBLIC SERVER store OPTIONS (access_key_idd 'x')",
	qr/invalid option "access_key_idd"/, qr/access_key_id/);
fails('unknown column option', "CREATE FOREIGN TABLE bad (a int OPTIONS (forcenull 'true')) SERVER store OPTIONS (dir 'x')",
	qr/invalid option "forcenull"/, qr/force_null/);
fails('two places', "$table (dir 'x', prefix 'y')", qr/dir.*prefix|prefix.*dir/s);
fails('two other places', "$table (filepath 'x', dir 'y')", qr/filepath.*dir|dir.*filepath/s);
fails('no place', "$table (format 'csv')", qr/filepath|dir|prefix/);
fails('one option by two names', "$table (dir 'x', max_file_size '1MB', oss_file_max_size '1')", qr/max_file_size/);
fails('a secret on a server', "$server (endpoint '$endpoint', access_key_secret '$wrong_secret')", qr/access_key_secret/, qr/user mapping/);
fails('a secret by its other name', "$server (endpoint '$endpoint', secretkey '$wrong_secret')", qr/secretkey/, qr/user mapping/);
fails('a secret on a table', "$table (dir 'x', access_key_secret '$wrong_secret')", qr/access_key_secret/, qr/user mapping/);
fails('a token on a table', "$table (dir 'x', security_token '$wrong_token')", qr/security_token/, qr/user mapping/);
fails('no endpoint', "$server (bucket '$bucket')", qr/endpoint/);
fails('half a key', "CREATE USER MAPPING FOR PUBLIC SERVER store OPTIONS (access_key_id 'only')", qr/access_key_secret/);
fails('a bad size', "$table (dir 'x', part_size '8 parsecs')", qr/part_size/);
fails('a bad choice', "$table (dir 'x', format 'parquetish')", qr/format/, qr/csv/);
fails('a bad boolean', "$table (dir 'x', manifest 'perhaps')", qr/manifest/);
fails('an endpoint with a path', "$server (endpoint 'http://127.0.0.1/bucket/key')", qr/endpoint/);

# ---- places that do not answer as they should

# A server with its own mapping and two tables; returns the statements that use them.
my $number = 0;
sub store_like
{
	my ($options, $mapping) = @_;
	my $name = 'case' . ++$number;
	my $user = defined $mapping ? "CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS ($mapping);" : '';
	$node->safe_psql('postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER oss_fdw OPTIONS ($options); $user
		CREATE FOREIGN TABLE ${name}_t (a int, b text) SERVER $name OPTIONS (dir '$name/');
		CREATE FOREIGN TABLE ${name}_big (a int, b text) SERVER $name
			OPTIONS (dir '$name/', part_size '100kB', compression 'none');
	});
	return {
		select => "SELECT * FROM ${name}_t",
		insert => "INSERT INTO ${name}_t VALUES (1, 'x')",
		export => "INSERT INTO ${name}_big SELECT i, repeat('x', 100) FROM generate_series(1, 5000) i",
	};
}

sub fails_everywhere
{
	my ($what, $statements, $error, $more) = @_;
	fails("$what, $_", $statements->{$_}, $error, $more) for sort keys %$statements;
	is_deeply([ $store->uploads ], [], "$what: no unfinished upload");
	is_deeply([ $store->objects ], [], "$what: no object");
	return;
}

my $right = $store->server_options;
my $good_key = $store->mapping_options;
my $key_id = $store->key_id;
my $region = $store->region;
my $free = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;    # closed again at once
my $silent = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1');            # accepts, says nothing
my $silent_port = $silent->sockport;

fails_everywhere('no bucket', store_like("endpoint '$endpoint', region '$region'", $good_key), qr/bucket/);
fails_everywhere('anonymous', store_like("$right, $quick"), qr/denied|anonymous|permission|Forbidden/i, qr/AccessDenied/);
fails_everywhere('a wrong key id', store_like("$right, $quick", "access_key_id 'NoSuchKeyId', access_key_secret '$wrong_secret'"),
	qr/key/i, qr/InvalidAccessKeyId/);
fails_everywhere('a wrong secret', store_like("$right, $quick", "access_key_id '$key_id', access_key_secret '$wrong_secret'"),
	qr/secret|signature/i, qr/SignatureDoesNotMatch/);
fails_everywhere('a wrong token',
	store_like("$right, $quick", $store->mapping_options . ", security_token '$wrong_token'"), qr/token/i);
fails_everywhere('a wrong region', store_like("endpoint '$endpoint', bucket '$bucket', region 'cn-nowhere', $quick", $good_key), qr/region/i);
fails_everywhere('no such bucket', store_like("endpoint '$endpoint', region '$region', bucket 'no-such-bucket', $quick", $good_key),
	qr/bucket/, qr/NoSuchBucket/);
fails_everywhere('no permission', store_like("$right, $quick", $store->denied_mapping_options), qr/denied|permission/i, qr/AccessDenied/);
fails_everywhere('an expired token', store_like("$right, $quick", $store->expired_mapping_options), qr/expired/i, qr/token/i);
fails_everywhere('a closed port', store_like("endpoint 'http://127.0.0.1:$free', region '$region', bucket '$bucket', $quick", $good_key),
	qr/connect/i);
fails_everywhere('an unknown host', store_like("endpoint 'http://no-such-host.invalid', region '$region', bucket '$bucket', $quick", $good_key),
	qr/resolve|host/i, qr/no-such-host\.invalid/);
fails_everywhere('a server that is silent',
	store_like("endpoint 'http://127.0.0.1:$silent_port', region '$region', bucket '$bucket', $quick", $good_key), qr/time|answer|respon/i);
fails_everywhere('http spoken to a TLS port',
	store_like('endpoint \'' . ($store->tls_endpoint =~ s/^https/http/r) . "', region '$region', bucket '$bucket', $quick", $good_key), qr/\S/);
fails_everywhere('a certificate of an unknown authority',
	store_like('endpoint \'' . $store->tls_endpoint . "', region '$region', bucket '$bucket', $quick", $good_key), qr/certificate|TLS/i);

# the same with the authority's certificate works, and so does refusing to look
for my $trust ('ca_file \'' . $store->ca_file . '\'', q{ssl_verify 'false'})
{
	my $tls = store_like('endpoint \'' . $store->tls_endpoint . "', region '$region', bucket '$bucket', $quick, $trust", $good_key);
	$node->safe_psql('postgres', $tls->{insert});
	is($node->safe_psql('postgres', $tls->{select}), '1|x', "TLS with $trust");
	$store->empty;
}

# a clock that is 20 minutes off: our signature is too old for the store, which says so, with its own time; over TLS the
# time is trusted and the request repeated, over plain http the error says what is wrong
$store->set_clock_offset(1200);
my $plain = store_like("$right, $quick", $good_key);
my ($status, $out, $err) = $node->psql('postgres', "$plain->{insert}; $plain->{select}", timeout => 60);
if ($status == 0)
{
	is($out, '1|x', 'clock 20 minutes off: corrected');
	no_secret($err, 'clock 20 minutes off');
}
else
{
	fails('clock 20 minutes off', $plain->{insert}, qr/clock|time/i, qr/clock/i);
}
$store->set_clock_offset(0);
$store->empty;

# ---- data that somebody else wrote

$node->safe_psql('postgres', q{
	CREATE FOREIGN TABLE people (id int, name text, height float8) SERVER store OPTIONS (filepath 'bad/people.csv', format 'csv');
	CREATE FOREIGN TABLE people_header (id int, name text, height float8) SERVER store OPTIONS (filepath 'bad/people.csv', format 'csv', header 'match');
	CREATE FOREIGN TABLE people_text (id int, name text, height float8) SERVER store OPTIONS (filepath 'bad/people.csv', format 'text', delimiter ',');
	CREATE FOREIGN TABLE people_jsonl (id int, name text, height float8) SERVER store OPTIONS (filepath 'bad/people.csv', format 'jsonl');
});

# The error names the object and the line, and the column where one can be named.
sub bad_data
{
	my ($what, $relation, $bytes, $error, $line, $column) = @_;
	$store->put('bad/people.csv', $bytes);
	my ($status, $out, $err) = $node->psql('postgres', "SELECT * FROM $relation", timeout => 60);
	my $count = () = $err =~ /\bERROR:/g;
	is($count, 1, "$what: one ERROR") or diag($err);
	like($err, $error, "$what: the error is clear");
	like($err, qr{bad/people\.csv}, "$what: the object is named");
	like($err, qr/line $line\b/, "$what: the line is named");
	like($err, qr/\b$column\b/, "$what: the column is named") if defined $column;
	unlike($err, qr/[\x00-\x08\x0e-\x1f]/, "$what: nothing unprintable is printed");
	no_secret($err, $what);
	return;
}

my $good = "1,Ann,1.5\n2,Bob,1.25\n";
bad_data('a missing column', 'people', "${good}3,Cid\n4,Dan,1\n", qr/missing data/, 3, 'height');
bad_data('an extra column', 'people', "${good}3,Cid,1,more\n", qr/extra data/, 3);
bad_data('a bad number', 'people', "${good}3,Cid,tall\n", qr/"tall"/, 3, 'height');
bad_data('a number out of range', 'people', "${good}99999999999,Cid,1\n", qr/"99999999999"/, 3, 'id');
bad_data('a bad number behind a quoted line feed', 'people', qq{1,"An\nn",1\n2,Bob,1\nx,Cid,1\n}, qr/"x"/, 4, 'id');
bad_data('an unterminated quote', 'people', qq{${good}3,"Cid,1\n4,Dan,1\n}, qr/quote/, '[345]');
bad_data('a NUL byte', 'people', "${good}3,Ci\0d,1\n", qr/NUL|null|0x00/i, 3);
bad_data('bad UTF-8', 'people', "${good}3,Ci\xff\xfed,1\n", qr/UTF8|UTF-8|encoding/, 3);
bad_data('half a character at the end', 'people', "${good}3,Ci\xe4\xb8,1\n", qr/UTF8|UTF-8|encoding/, 3);
bad_data('a header that does not match', 'people_header', "id,nom,height\n$good", qr/header|column name/i, 1, 'nom');
bad_data('text: a missing column', 'people_text', "${good}3,Cid\n", qr/missing data/, 3, 'height');
bad_data('text: an extra column', 'people_text', "${good}3,Cid,1,2\n", qr/extra data/, 3);
bad_data('text: a bad number', 'people_text', "${good}3,Cid,tall\n", qr/"tall"/, 3, 'height');
bad_data('text: bad UTF-8', 'people_text', "${good}3,\xc0\x80,1\n", qr/UTF8|UTF-8|encoding/, 3);
bad_data('jsonl: not json', 'people_jsonl', qq|{"id": 1}\n{"id": 2\n{"id": 3}\n|, qr/json/i, 2);
bad_data('jsonl: a bad number', 'people_jsonl', qq|{"id": 1}\n{"id": "two"}\n|, qr/"two"/, 2, 'id');

# the right data through the same tables
$store->put('bad/people.csv', $good);
is($node->safe_psql('postgres', 'SELECT sum(height) FROM people'), '2.75', 'good data are read');

# ---- secrets, everywhere

my $log = slurp_file($node->logfile);
no_secret($log, 'server log');
no_secret($node->safe_psql('postgres', "EXPLAIN (VERBOSE) $plain->{select}"), 'EXPLAIN');
cmp_ok(length($log), '>', 1000, 'the server log was read');

$node->stop;
$store->stop;
done_testing();
