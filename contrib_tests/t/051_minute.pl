#
# 051_minute.pl
#	  The store answers 503 for a whole minute: exports and scans whose server allows it wait and go on, others fail with one
#	  clear error; nothing is lost, doubled or left behind.
#
# All sessions meet the same minute.  It begins with the first part of the patient export.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();
use OssStore;
use OssSession;

my $minute = 60;
my $n = 20_000;
my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$store->setup($node);

# server => its options; retry_timeout is 120 s where nothing is said
my %servers = (patient => "max_retries '100'", hasty => "max_retries '100', retry_timeout '5s'", usual => '');
for my $name (sort keys %servers)
{
	my $options = join(', ', grep { $_ } $store->server_options, $servers{$name});
	$node->safe_psql('postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER oss_fdw OPTIONS ($options);
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (} . $store->mapping_options . qq{);
		CREATE FOREIGN TABLE $name (id int, body text) SERVER $name OPTIONS (dir '$name/', part_size '100kB', max_file_size '500kB', compression 'none');
		CREATE TABLE local_$name (id int)});
}
$node->safe_psql('postgres', q{
	CREATE FOREIGN TABLE readable (id int) SERVER patient OPTIONS (dir 'readable/');
	INSERT INTO readable SELECT generate_series(1, 1000)});

# A local change in the same transaction shows whether the statement's failure is the transaction's.
sub begin_export
{
	my ($name) = @_;
	my $session = OssSession->new($node, timeout => 300);
	$session->query("BEGIN; INSERT INTO local_$name VALUES (1)");
	$session->send("INSERT INTO $name SELECT i, repeat('x', 100) FROM generate_series(1, $n) i; COMMIT");
	return $session;
}

my $rule = $store->fault({ op => 'UploadPart', action => 'status', status => 503, code => 'SlowDown', count => undef });
my %session = (patient => begin_export('patient'));
$store->control('GET', "wait?id=$rule&hits=1&timeout=60");
my $begun = Time::HiRes::time();
$session{$_} = begin_export($_) for ('hasty', 'usual');
my $all = $store->fault({ op => [ 'GetObject', 'ListObjects*', 'CompleteMultipartUpload', 'PutObject' ], action => 'status', status => 503, code => 'SlowDown', count => undef });
$session{reader} = OssSession->new($node, timeout => 300);
$session{reader}->send('SELECT count(*), sum(id) FROM readable');

# who may try for five seconds only
my $answer = $session{hasty}->answer;
my $took = Time::HiRes::time() - $begun;
my $errors = () = $answer =~ /ERROR:/g;
is($errors, 1, 'retry_timeout of 5 s: one ERROR') or diag($answer);
like($answer, qr/DETAIL:.*HTTP status 503.*SlowDown/s, 'retry_timeout of 5 s: the error tells why');
cmp_ok($took, '<', 20, 'retry_timeout of 5 s: soon') or diag("$took s");
is_deeply([ $store->objects('hasty/') ], [], 'retry_timeout of 5 s: no object');
is_deeply([ grep { /^hasty/ } $store->uploads ], [], 'retry_timeout of 5 s: no unfinished upload');

# the rest of the minute
my $left = $begun + $minute - Time::HiRes::time();
Time::HiRes::sleep($left) if $left > 0;
my ($state) = grep { $_->{id} eq $rule } @{ $store->control('GET', 'faults')->{rules} };
cmp_ok($state->{hits}, '<', 3000, 'the store was not hammered') or diag($state->{hits});
note("$state->{hits} parts were refused");
cmp_ok(Time::HiRes::time() - $begun, '>=', $minute, 'the minute is over');
is_deeply([ $store->objects('patient/') ], [], 'patient: nothing was visible in the minute');
$store->clear_faults;

is($session{patient}->answer, '', 'patient: the export comes through');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id), sum(id::bigint) FROM patient'), join('|', $n, $n, $n * ($n + 1) / 2), 'patient: all rows are there, once');
is($node->safe_psql('postgres', 'SELECT count(*) FROM local_patient'), '1', 'patient: the transaction is committed');
is($session{reader}->answer, '1000|500500', 'a patient scan comes through');

# with the defaults it depends on the dice of the pauses: through, or one clear error
$answer = $session{usual}->answer;
if ($answer eq '')
{
	is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id) FROM usual'), "$n|$n", 'usual: all rows are there, once');
}
else
{
	like($answer, qr/ERROR:(?:(?!ERROR:).)*HTTP status 503(?:(?!ERROR:).)*\z/s, 'usual: one clear error');
	is_deeply([ $store->objects('usual/') ], [], 'usual: no object');
}
note('usual: ', $answer eq '' ? 'came through' : 'an error');
is($node->safe_psql('postgres', 'SELECT count(*) FROM local_usual'), $answer eq '' ? '1' : '0', 'usual: so went the local part');
is($node->safe_psql('postgres', 'SELECT count(*) FROM local_hasty'), '0', 'retry_timeout of 5 s: the local part is undone');
is_deeply([ $store->uploads ], [], 'no unfinished upload');

# the sessions go on
is($session{$_}->query("INSERT INTO $_ VALUES (-1, 'after')"), '', "$_: the session can export again") for ('hasty', 'patient', 'usual');

$_->finish for values %session;
$node->stop;
$store->stop;
done_testing();
