#
# 032_bad_input.pl
#	  Bad input and bad stores: each is one clear error, or is waited for, and nothing is left in the store.
#
# Rows of more than 1 GB have a file of their own, 053_huge_row.pl.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();
use OssStore;
use OssSession;

my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '-E', 'UTF8', '--locale=C.UTF-8' ]);
$node->append_conf('postgresql.conf', "shared_buffers = 32MB\nmax_prepared_transactions = 5\n");
$node->start;
$store->setup($node);
# requests that fail are tried for a few seconds at most
$node->safe_psql('postgres', 'CREATE SERVER quick FOREIGN DATA WRAPPER oss_fdw OPTIONS (' . $store->server_options
	  . ", max_retries '2', retry_timeout '3s', low_speed_time '1s', connect_timeout '2s'); CREATE USER MAPPING FOR CURRENT_USER SERVER quick OPTIONS (" . $store->mapping_options . ')');

sub nothing_left
{
	my ($what) = @_;
	is_deeply([ $store->objects ], [], "$what: no object");
	is_deeply([ $store->uploads ], [], "$what: no unfinished upload");
	return;
}

# Fails with one ERROR; nothing is left.
sub fails
{
	my ($what, $sql, $error, %options) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 1, timeout => 120);
	my $count = () = $err =~ /\bERROR:/g;
	is($count, 1, "$what: one ERROR") or diag($err);
	like($err, $error, "$what: the error is clear") or diag($err);
	$store->clear_faults;
	nothing_left($what) unless $options{after};
	return;
}

my $table = 'CREATE FOREIGN TABLE bad (id int, body text) SERVER store OPTIONS';

# ---- options: at DDL time

fails('part_size below the minimum', "$table (dir 'b/', part_size '99kB')", qr/part_size/);
fails('part_size of nothing', "$table (dir 'b/', part_size '0')", qr/part_size/);
fails('part_size above the maximum', "$table (dir 'b/', part_size '6GB')", qr/part_size/);
fails('negative sizes', "$table (dir 'b/', part_size '-8MB')", qr/part_size/);
fails('negative file sizes', "$table (dir 'b/', max_file_size '-1')", qr/max_file_size/);
fails('tiny file sizes', "$table (dir 'b/', max_file_size '1')", qr/max_file_size/);
fails('an overflow', "$table (dir 'b/', max_file_size '99999999999999999999')", qr/max_file_size/);
fails('an overflow by its unit', "$table (dir 'b/', max_file_size '9999999999GB')", qr/max_file_size/);
fails('an overflow in another product\'s unit', "$table (dir 'b/', oss_file_max_size '9223372036854775807')", qr/oss_file_max_size/);
fails('no number', "$table (dir 'b/', max_file_size 'large')", qr/max_file_size/);
fails('an unknown unit', "$table (dir 'b/', max_file_size '5 cows')", qr/max_file_size/);
fails('batch_size of nothing', "$table (dir 'b/', batch_size '0')", qr/batch_size/);
fails('too many threads', "$table (dir 'b/', compression_threads '1000')", qr/compression_threads/);
fails('a negative number of threads', "$table (dir 'b/', compression_threads '-1')", qr/compression_threads/);
fails('a level that the codec lacks', "$table (dir 'b/', compression 'gzip', compression_level '30')", qr/level/);
fails('a level without a codec', "$table (dir 'b/', compression_level '3')", qr/compression_level/);
fails('a delimiter that equals the null string', "$table (dir 'b/', delimiter '|', null '|')", qr/delimiter.*NULL/i);
fails('a delimiter inside the null string', "$table (dir 'b/', format 'text', delimiter '|', null 'a|b')", qr/delimiter.*NULL/i);
fails('a delimiter that is the quote', "$table (dir 'b/', delimiter '\"')", qr/delimiter.*quote/);
fails('a delimiter of more than ten bytes', "$table (dir 'b/', delimiter '12345678901')", qr/delimiter/);
fails('an empty delimiter', "$table (dir 'b/', delimiter '')", qr/delimiter/);
fails('a line end as delimiter', "$table (dir 'b/', delimiter E'\\n')", qr/delimiter/);
fails('an eol inside the delimiter', "$table (dir 'b/', delimiter '<=>', eol '=')", qr/eol/);
fails('an eol of more than ten bytes', "$table (dir 'b/', eol '12345678901')", qr/eol/);
fails('an unknown encoding', "$table (dir 'b/', encoding 'KLINGON')", qr/encoding/);
fails('a partition column that does not exist', "$table (dir 'b/', partition_by 'nope'); INSERT INTO bad VALUES (1, 'x')", qr/column "nope".*partition_by/);
fails('a partition column twice', "DROP FOREIGN TABLE bad; $table (dir 'b/', partition_by 'id, id'); INSERT INTO bad VALUES (1, 'x')", qr/"id".*twice.*partition_by/);
fails('every column a partition column', "DROP FOREIGN TABLE bad; $table (dir 'b/', partition_by 'id, body'); INSERT INTO bad VALUES (1, 'x')", qr/no column besides/);
$node->safe_psql('postgres', 'DROP FOREIGN TABLE bad');
fails('an empty list of partition columns', "$table (dir 'b/', partition_by '')", qr/partition_by/);
fails('partition columns of one object', "$table (filepath 'b/x.csv', partition_by 'id', export_mode 'overwrite')", qr/partition_by/);
fails('a manifest of one object', "$table (filepath 'b/x.csv', manifest 'true', export_mode 'overwrite')", qr/manifest/);
fails('objects larger than a store takes', "$table (dir 'b/', max_file_size '48.83TB')", qr/max_file_size/);

# ---- rows that no format can carry, after rows that it can

$node->safe_psql('postgres', qq{
	CREATE FOREIGN TABLE raw (id int, body text) SERVER store OPTIONS (dir 'raw/', format 'text', noescaping 'true', part_size '100kB');
	CREATE FOREIGN TABLE raw_bytes (id int, body bytea) SERVER store OPTIONS (dir 'raw/', format 'text', noescaping 'true');
	CREATE FOREIGN TABLE latin (id int, body text) SERVER store OPTIONS (dir 'latin/', encoding 'LATIN1', part_size '100kB');
	CREATE FOREIGN TABLE gbk (id int, body text) SERVER store OPTIONS (dir 'gbk/', encoding 'GBK', compression 'gzip', partition_by 'id');
	CREATE FOREIGN TABLE fixed (id int OPTIONS (position '0,5'), body text OPTIONS (position '5,10')) SERVER store OPTIONS (dir 'fixed/', format 'fixed');
	CREATE FOREIGN TABLE long_folder (id int, body text) SERVER store OPTIONS (dir 'long/', partition_by 'body');
	CREATE FOREIGN TABLE checked (id int NOT NULL CHECK (id <> 4000), body text) SERVER store OPTIONS (dir 'checked/', part_size '100kB');
});
sub late { my ($t, $value) = @_; return "INSERT INTO $t SELECT i, CASE WHEN i = 4000 THEN $value ELSE repeat('x', 100) END FROM generate_series(1, 5000) i"; }

fails('a delimiter in noescaping text', late('raw', q{E'a\tb'}), qr/column "body".*noescaping/);
fails('a line end in noescaping text', late('raw', q{E'a\nb'}), qr/column "body".*noescaping/);
fails('the null string in noescaping text', late('raw', q{E'\\\\N'}), qr/column "body"/);
fails('a character that LATIN1 lacks', late('latin', q{'中'}), qr/character.*"UTF8".*"LATIN1"/);
fails('a character that GBK lacks', 'INSERT INTO gbk SELECT i % 3, CASE WHEN i = 99 THEN U&\'\\+01F600\' ELSE \'中文\' END FROM generate_series(1, 100) i', qr/character.*"UTF8".*"GBK"/);
fails('a field that is too long for its position', q{INSERT INTO fixed VALUES (1, 'x'), (2, 'more than ten')}, qr/column "body".*position/);
fails('a folder\'s name that is too long', "INSERT INTO long_folder VALUES (1, 'short'), (2, repeat('long', 300))", qr/name of an object.*long/);
fails('a CHECK that is violated late', 'INSERT INTO checked SELECT i, repeat(\'x\', 100) FROM generate_series(1, 5000) i', qr/check constraint/);
# bytes are written as hex, which noescaping can carry, NUL included
$node->safe_psql('postgres', q{INSERT INTO raw_bytes VALUES (1, '\x0061005c090a')});
is($node->safe_psql('postgres', 'SELECT body FROM raw_bytes'), '\x0061005c090a', 'bytea with NUL goes through noescaping text unchanged');
$store->empty;

# ---- stores that misbehave

my $n = 8000;
my $sizes = "part_size '100kB', max_file_size '300kB', compression 'none'";
$node->safe_psql('postgres', qq{
	CREATE FOREIGN TABLE plain (id int, body text) SERVER quick OPTIONS (dir 'plain/', $sizes);
	CREATE FOREIGN TABLE small (id int, body text) SERVER quick OPTIONS (dir 'small/');
	CREATE FOREIGN TABLE listed (id int, body text) SERVER quick OPTIONS (dir 'listed/', manifest 'true', $sizes);
	CREATE FOREIGN TABLE folders (id int, body text, k int) SERVER quick OPTIONS (dir 'folders/', partition_by 'k', part_size '100kB');
	CREATE FOREIGN TABLE patient (id int, body text) SERVER store OPTIONS (dir 'patient/', $sizes);
});
my %insert = map { $_ => "INSERT INTO $_ SELECT i, repeat('x', 100)" . ($_ eq 'folders' ? ', i % 50' : '') . ' FROM generate_series(1, ' . ($_ eq 'small' ? 5 : $n) . ') i' }
  qw(plain small listed folders patient);

for my $table ('plain', 'small', 'listed', 'folders')
{
	my $upload = $table eq 'small' || $table eq 'folders' ? 'PutObject' : 'UploadPart';
	fails("$table, the store is full (507)", $insert{$table}, qr/InsufficientStorage|quota|full|507/i)
	  if $store->fault({ op => $upload, after => $table eq 'small' ? 0 : 3, count => undef, action => 'status', status => 507, code => 'InsufficientStorage', message => 'The store is full.' });
	fails("$table, the quota is used up (403)", $insert{$table}, qr/QuotaExceeded|quota/i)
	  if $store->fault({ op => $upload, count => undef, action => 'status', status => 403, code => 'QuotaExceeded', message => 'The quota is used up.' });
	fails("$table, errors of the store for ever", $insert{$table}, qr/InternalError|500|internal/i)
	  if $store->fault({ op => $upload, after => $table eq 'small' ? 0 : 3, count => undef, action => 'status', status => 500, code => 'InternalError' });
	fails("$table, slow down for ever", $insert{$table}, qr/503|SlowDown|busy|requests/i)
	  if $store->fault({ op => $upload, count => undef, action => 'status', status => 503, code => 'SlowDown' });
	fails("$table, connections cut for ever", $insert{$table}, qr/connection|reset|network/i)
	  if $store->fault({ op => $upload, count => undef, action => 'reset', bytes => 10 });
}
# completion fails after some objects are there
fails('completion of the third object is refused', $insert{plain}, qr/AccessDenied|denied/)
  if $store->fault({ op => 'CompleteMultipartUpload', after => 2, count => undef, action => 'deny' });
fails('completion answers 200 with an error, for ever', $insert{plain}, qr/InternalError|internal/i)
  if $store->fault({ op => 'CompleteMultipartUpload', after => 1, count => undef, action => 'error_200', code => 'InternalError', stage => 'start' });
fails('the manifest is refused', $insert{listed}, qr/manifest.*|denied/) if $store->fault({ op => 'PutObject', key => '*_manifest_*', count => undef, action => 'deny' });
fails('the store\'s checksum of an object is wrong', $insert{plain}, qr/checksum|CRC/i)
  if $store->fault({ op => [ 'CompleteMultipartUpload', 'HeadObject' ], after => 1, count => undef, action => 'wrong_crc' });
fails('the store\'s checksum of a part is wrong', $insert{plain}, qr/checksum|CRC/i) if $store->fault({ op => 'UploadPart', after => 4, count => undef, action => 'wrong_crc' });
fails('the store\'s checksum of a small object is wrong', $insert{small}, qr/checksum|CRC/i) if $store->fault({ op => [ 'PutObject', 'HeadObject' ], count => undef, action => 'wrong_crc' });

# lost answers are no doubt: the object is looked at
for my $table ('plain', 'small', 'listed')
{
	$store->fault({ op => [ 'CompleteMultipartUpload', 'PutObject' ], action => 'lost_answer', count => 2 });
	is(($node->psql('postgres', $insert{$table}))[0], 0, "$table: lost answers of completion are resolved");
	is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT id) FROM $table"), $table eq 'small' ? '5|5' : "$n|$n", "$table: all rows are there, once");
	is_deeply([ $store->uploads ], [], "$table: no unfinished upload");
	$store->empty;
}

# 503 for a while is waited for, patiently and without an error
{
	my $session = OssSession->new($node);
	$node->safe_psql('postgres', "ALTER SERVER store OPTIONS (ADD max_retries '100')");
	my $rule = $store->fault({ op => '*', action => 'status', status => 503, code => 'SlowDown', count => undef });
	$session->send($insert{patient});
	sleep 8;
	my ($state) = grep { $_->{id} eq $rule } @{ $store->control('GET', 'faults')->{rules} };
	cmp_ok($state->{hits}, '>', 3, '503 for a while: the store was asked again');
	cmp_ok($state->{hits}, '<', 300, '503 for a while: but not hammered');
	$store->clear_faults;
	is($session->query, '', '503 for a while: the export waits');
	is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id) FROM patient'), "$n|$n", '503 for a while: all rows are there, once');
	is_deeply([ $store->uploads ], [], '503 for a while: no unfinished upload');
	$session->finish;
	$store->empty;
}

# the store goes away half-way, for good: an error in bounded time; when it is back, what it kept can be removed
{
	my $session = OssSession->new($node);
	my $rule = $store->fault({ action => 'block', op => 'UploadPart', after => 4, stage => 'start' });
	$session->send($insert{plain});
	ok($store->wait_blocked($rule), 'the store dies: an upload was under way');
	my $start = time;
	$store->kill;
	my $answer = $session->answer;
	like($answer, qr/ERROR:.*connect/s, 'the store dies: the error is told');
	cmp_ok(time - $start, '<=', 60, 'the store dies: in bounded time');
	like($session->query('SELECT 1'), qr/^1$/m, 'the store dies: the session lives on');
	$store->restart;
	$session->query("SELECT oss_fdw_abort_uploads('quick', '', interval '0')");
	nothing_left('the store dies');
	is($session->query($insert{plain}), '', 'the store is back: the session can export');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM plain'), $n, 'the store is back: all rows');
	$session->finish;
	$store->empty;
}

# a statement of the same transaction that failed at the store has undone the local part, too
$node->safe_psql('postgres', 'CREATE TABLE local (id int)');
$store->fault({ op => 'CompleteMultipartUpload', count => undef, action => 'deny' });
$node->psql('postgres', "BEGIN; INSERT INTO local VALUES (1); $insert{plain}; COMMIT", on_error_stop => 1);
$store->clear_faults;
is($node->safe_psql('postgres', 'SELECT count(*) FROM local'), '0', 'a refused completion undoes the local part');
nothing_left('a refused completion');

$node->stop;
$store->stop;
done_testing();
