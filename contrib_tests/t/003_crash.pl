#
# 003_crash.pl
#	  A backend that is killed, and a server that is stopped at once, at each step of the protocol.
#
# The store blocks a chosen request; then the backend gets SIGKILL, or the whole server an immediate stop.  Afterwards
# nothing but unfinished uploads (and, without a manifest, objects that were completed before the crash) may be there:
# oss_fdw_uploads shows them, oss_fdw_abort_uploads removes them, and with a manifest readers see all rows or none.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use OssStore;
use OssSession;

my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\n");
$node->start;
$store->setup($node);

my $rows = 8000;    # about 900 kB: three objects of several parts
my $sizes = "part_size '100kB', max_file_size '300kB', compression 'none'";
$node->safe_psql('postgres', qq{
	CREATE FOREIGN TABLE plain (id int, body text) SERVER store OPTIONS (dir 'plain/', $sizes);
	CREATE FOREIGN TABLE listed (id int, body text) SERVER store OPTIONS (dir 'listed/', manifest 'true', $sizes);
	CREATE FOREIGN TABLE tiny (id int, body text) SERVER store OPTIONS (dir 'tiny/');
	CREATE TABLE local (id int, body text);
});

# What is blocked: the rule for the store, and what readers see of the crashed export: nothing, or (all) everything, or (sent)
# either, because the request that makes it visible had left the backend and the store may still carry it out.
my @steps = (
	{ name => 'initiate is asked for', table => 'plain', rule => { op => 'InitiateMultipartUpload', stage => 'start' } },
	{ name => 'initiate is not answered', table => 'plain', rule => { op => 'InitiateMultipartUpload', stage => 'answer' } },
	{ name => 'a part is under way', table => 'plain', rule => { op => 'UploadPart', part => 1, after => 1, bytes => 50000 } },
	{ name => 'a part is not answered', table => 'plain', rule => { op => 'UploadPart', after => 3, stage => 'answer' } },
	{ name => 'the first completion is asked for', table => 'listed', rule => { op => 'CompleteMultipartUpload', stage => 'start', count => undef } },
	{ name => 'one completion of three is not answered', table => 'listed', rule => { op => 'CompleteMultipartUpload', stage => 'answer', after => 1 } },
	{ name => 'the manifest is asked for', table => 'listed', rule => { op => 'PutObject', key => '*_manifest_*', stage => 'start' }, sent => 1 },
	{ name => 'the manifest is not answered', table => 'listed', rule => { op => 'PutObject', key => '*_manifest_*', stage => 'answer' }, all => 1 },
	{ name => 'the single PUT is asked for', table => 'tiny', rule => { op => 'PutObject', stage => 'start' }, sent => 1 },
	{ name => 'the single PUT is not answered', table => 'tiny', rule => { op => 'PutObject', stage => 'answer' }, all => 1 },
);

# After a backend's SIGKILL the postmaster restarts everything: waits until it has begun to, and until it is done.
sub wait_for_restart
{
	my ($log_size) = @_;
	for my $try (1 .. 1800)
	{
		return
		  if slurp_file($node->logfile, $log_size) =~ /reinitializing.*database system is ready to accept connections/s
		  && system('pg_isready', '-q', '-h', $node->host, '-p', $node->port) == 0;
		select(undef, undef, undef, 0.1);
	}
	die 'the server does not come back';
}

sub insert_sql
{
	my ($table, $from, $to) = @_;
	return "INSERT INTO $table SELECT i, repeat('x', 100) FROM generate_series($from, $to) i";
}

for my $step (@steps)
{
	for my $way ('SIGKILL', 'immediate stop')
	{
		my $what = "$way while $step->{name}";
		my $table = $step->{table};
		my $n = $table eq 'tiny' ? 5 : $rows;

		# an earlier export that nothing of this may touch
		$node->safe_psql('postgres', insert_sql($table, 1, 10));
		my $before = () = $store->objects;

		my $rule = $store->fault({ action => 'block', count => 1, %{ $step->{rule} } });
		my $session = OssSession->new($node);
		$session->query("BEGIN; INSERT INTO local VALUES (1, 'in the same transaction')");
		$session->send(insert_sql($table, 11, 10 + $n) . '; COMMIT');
		ok($store->wait_blocked($rule), "$what: the request stands at the store");

		if ($way eq 'SIGKILL')
		{
			my $log_size = -s $node->logfile;
			kill 'KILL', $session->pid;
			$store->clear_faults;
			wait_for_restart($log_size);
		}
		else
		{
			$node->stop('immediate');
			$store->clear_faults;
			$node->start;
		}
		$session->kill;
		ok($store->wait_idle, "$what: no request stays open");

		is($node->safe_psql('postgres', 'SELECT count(*) FROM local'), '0', "$what: the local part is gone");
		my $seen = $node->safe_psql('postgres', "SELECT count(*) FROM $table");
		my @right = $step->{sent} ? (10, 10 + $n) : $step->{all} ? (10 + $n) : (10);
		ok((grep { $_ == $seen } @right), "$what: readers see all rows or none of the crashed export")
		  or diag("$seen rows, expected " . join(' or ', @right));

		# what is left can be found and removed
		my @uploads = $store->uploads;
		is($node->safe_psql('postgres', "SELECT count(*) FROM oss_fdw_uploads('store')"), scalar @uploads,
			"$what: oss_fdw_uploads shows all unfinished uploads");
		is($node->safe_psql('postgres', "SELECT oss_fdw_abort_uploads('store', '', interval '1 day')"), '0',
			"$what: uploads younger than asked for are spared");
		is(scalar($store->uploads), scalar @uploads, "$what: and still there");
		is($node->safe_psql('postgres', "SELECT oss_fdw_abort_uploads('store', 'elsewhere/', interval '0')"), '0',
			"$what: so are those of another prefix");
		is($node->safe_psql('postgres', "SELECT oss_fdw_abort_uploads('store', '', interval '0')"), scalar @uploads,
			"$what: oss_fdw_abort_uploads removes them");
		is_deeply([ $store->uploads ], [], "$what: nothing is left behind");
		is($node->safe_psql('postgres', "SELECT count(*) FROM oss_fdw_uploads('store')"), '0', "$what: and none is shown");

		# the place works as before
		$node->safe_psql('postgres', insert_sql($table, 100001, 100010));
		is($node->safe_psql('postgres', "SELECT count(*) FROM $table WHERE id <= 10 OR id > 100000"), '20', "$what: export and scan work again");
		cmp_ok(scalar(() = $store->objects), '>', $before, "$what: the new export is there");
		$store->empty;
		$node->safe_psql('postgres', 'TRUNCATE local');
	}
}

# the store dies under an export and comes back: an error, and nothing is left but what the uploads show
my $session = OssSession->new($node);
my $rule = $store->fault({ action => 'block', op => 'UploadPart', after => 2, stage => 'start' });
$session->send("SET statement_timeout = '100s'; " . insert_sql('plain', 1, $rows));
ok($store->wait_blocked($rule), 'the store dies: an upload was under way');
$store->kill;
$store->restart;
my $answer = $session->answer;
if ($answer eq '')
{
	# the retries reached the new store, which kept the parts
	is($node->safe_psql('postgres', 'SELECT count(*) FROM plain'), $rows, 'the store dies: the export survived it');
}
else
{
	like($answer, qr/ERROR/, 'the store dies: the error is told');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM plain'), '0', 'the store dies: nothing is visible');
}
$node->safe_psql('postgres', "SELECT oss_fdw_abort_uploads('store', '', interval '0')");
is_deeply([ $store->uploads ], [], 'the store dies: nothing is left behind');
$session->finish;

$node->stop;
$store->stop;
done_testing();
