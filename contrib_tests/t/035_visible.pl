#
# 035_visible.pl
#	  What a person can see of an export and a scan: EXPLAIN (ANALYZE), pg_stat_progress_copy, wait events, the summary, and
#	  the names of objects.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use POSIX qw(strftime);
use OssStore;
use OssSession;

my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$store->setup($node);
my $sizes = "part_size '100kB', max_file_size '300kB'";
$node->safe_psql('postgres', qq{
	CREATE FOREIGN TABLE plain (id int, body text) SERVER store OPTIONS (dir 'plain/', $sizes, compression 'none');
	CREATE FOREIGN TABLE packed (id int, body text) SERVER store OPTIONS (dir 'packed/', $sizes, compression 'gzip');
	CREATE FOREIGN TABLE folders (id int, k int, body text) SERVER store OPTIONS (dir 'folders/', partition_by 'k', compression 'zstd', manifest 'true');
	CREATE TABLE parent (id int, body text) PARTITION BY RANGE (id);
	CREATE FOREIGN TABLE low PARTITION OF parent FOR VALUES FROM (0) TO (10) SERVER store OPTIONS (dir 'low/');
	CREATE FOREIGN TABLE high PARTITION OF parent FOR VALUES FROM (10) TO (20) SERVER store OPTIONS (dir 'high/');
});

sub rows_sql
{
	my ($table, $n) = @_;
	return "INSERT INTO $table SELECT i, repeat('x', 100) FROM generate_series(1, $n) i";
}

# the number behind a label
sub figure
{
	my ($text, $label) = @_;
	return $text =~ /^\s*\Q$label\E: ([\d.]+)/m ? $1 : undef;
}

sub stored_bytes
{
	my ($prefix) = @_;
	my $sum = 0;
	$sum += $_->{size} for grep { $_->{key} !~ /_manifest_/ } @{ $store->control('GET', "objects?prefix=$prefix")->{objects} };
	return $sum;
}

# ---- EXPLAIN of inserts

my $plan = $node->safe_psql('postgres', 'EXPLAIN (VERBOSE) ' . rows_sql('packed', 10));
like($plan, qr{Export Place: oss://test-bucket/packed/}, 'EXPLAIN: the place');
like($plan, qr/Export Format: csv, gzip/, 'EXPLAIN: format and codec');
is_deeply([ $store->objects ], [], 'EXPLAIN writes nothing');

# the csv text of 10,000 rows: the numbers' digits, and 102 bytes more
my $raw = length(join('', 1 .. 10000)) + 102 * 10000;
for my $table ('plain', 'packed')
{
	$store->empty;
	$store->reset_counters;
	$plan = $node->safe_psql('postgres', 'EXPLAIN (ANALYZE, VERBOSE) ' . rows_sql($table, 10000));
	my @keys = $store->objects;
	is(figure($plan, 'Exported Objects'), scalar @keys, "$table: objects");
	is(figure($plan, 'Exported Rows'), 10000, "$table: rows");
	is(figure($plan, 'Stored Bytes'), stored_bytes("$table/"), "$table: stored bytes");
	is(figure($plan, 'Raw Bytes'), $raw, "$table: raw bytes") or diag($plan);
	# completion comes after EXPLAIN: at most one request of each object is missing
	my $total = $store->control('GET', 'counters')->{total}{requests};
	cmp_ok(figure($plan, 'Requests') // -1, '<=', $total, "$table: requests are told");
	cmp_ok(figure($plan, 'Requests') // -1, '>=', $total - @keys, "$table: all those until then");
	is(figure($plan, 'Retries'), 0, "$table: no retry");
	like($plan, qr/Store Wait: \d+\.\d+ ms/, "$table: waiting");
	cmp_ok(figure($plan, 'Bytes Sent') // 0, '>', $table eq 'plain' ? 300000 : 0, "$table: bytes sent") if $table eq 'plain';
	like($plan, qr/Export Format: csv(?:, none)?$/m, "$table: codec") if $table eq 'plain';
	like($plan, qr/Export Format: csv, gzip$/m, "$table: codec") if $table eq 'packed';
}

# retries are counted
$store->empty;
$store->fault({ op => 'UploadPart', action => 'status', status => 503, count => 3 });
$plan = $node->safe_psql('postgres', 'EXPLAIN (ANALYZE) ' . rows_sql('plain', 10000));
is(figure($plan, 'Retries'), 3, 'retries are told');
$store->empty;

# machine-readable, and several foreign partitions at once
$plan = $node->safe_psql('postgres', 'EXPLAIN (ANALYZE, FORMAT json) ' . rows_sql('plain', 100));
like($plan, qr/"Exported Rows": 100\b/, 'EXPLAIN in JSON');
$plan = $node->safe_psql('postgres', 'EXPLAIN (ANALYZE) INSERT INTO folders SELECT i, i % 7, md5(i::text) FROM generate_series(1, 1000) i');
is(figure($plan, 'Exported Objects'), 7, 'folders: objects');
is(figure($plan, 'Exported Rows'), 1000, 'folders: rows');
is(figure($plan, 'Stored Bytes'), stored_bytes('folders/'), 'folders: stored bytes');
$node->safe_psql('postgres', "EXPLAIN (ANALYZE) INSERT INTO parent SELECT i, 'x' FROM generate_series(0, 19) i");
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT tableoid) FROM parent'), '20|2', 'EXPLAIN ANALYZE of routed rows exports them');

# and scans
$plan = $node->safe_psql('postgres', 'EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM folders');
for my $label ('Requests', 'Retries', 'Bytes Received')
{
	ok(defined figure($plan, $label), "scan: $label") or diag($plan);
}
like($plan, qr/Store Wait: \d+\.\d+ ms/, 'scan: waiting');
$store->empty;

# ---- pg_stat_progress_copy and wait events, seen from another session while the store holds a request

my $progress = q{SELECT command, type, relid::regclass, tuples_processed, bytes_processed FROM pg_stat_progress_copy WHERE pid = %d};
my $session = OssSession->new($node);
my $rule = $store->fault({ action => 'block', op => 'UploadPart', after => 2, stage => 'start', count => undef });
$session->send(rows_sql('plain', 50000));
ok($store->wait_blocked($rule), 'a running export stands at the store');
# the backend fills its window and then waits
ok($node->poll_query_until('postgres', 'SELECT wait_event_type = \'Extension\' FROM pg_stat_activity WHERE pid = ' . $session->pid), 'it waits by an extension\'s wait event');
my $seen = $node->safe_psql('postgres', sprintf($progress, $session->pid));
like($seen, qr/^COPY TO\|[A-Z]+\|plain\|\d+\|\d+$/, 'pg_stat_progress_copy shows the export');
my (undef, undef, undef, $tuples, $bytes) = split /\|/, $seen . '||||';
cmp_ok($tuples || 0, '>', 1000, 'with rows');
cmp_ok($bytes || 0, '>', 100000, 'and bytes');
$store->clear_faults;
is($session->query, '', 'and then it goes on');
is($node->safe_psql('postgres', sprintf($progress, $session->pid)), '', 'and shows no more');
is($node->safe_psql('postgres', 'SELECT count(*) FROM plain'), '50000', 'with all rows');

my $read = $store->fault({ action => 'block', op => 'GetObject', after => 3, stage => 'start', count => undef });
$session->send("SET max_parallel_workers_per_gather = 0; SELECT count(*) FROM (SELECT id FROM plain OFFSET 0) s");
ok($store->wait_blocked($read), 'a running scan stands at the store');
ok( $node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM pg_stat_progress_copy WHERE relid = \'plain\'::regclass AND command = \'COPY FROM\' AND bytes_processed > 0 AND pid = ' . $session->pid),
	'pg_stat_progress_copy shows the scan');
$store->clear_faults;
is($session->query, '50000', 'the scan goes on');
is($node->safe_psql('postgres', sprintf($progress, $session->pid)), '', 'and shows no more');

# after an error, too, nothing is shown
is($session->query('INSERT INTO plain SELECT i, (1 / (40000 - i))::text FROM generate_series(1, 50000) i') =~ /division by zero/ ? 1 : 0, 1, 'an export that fails');
is($node->safe_psql('postgres', sprintf($progress, $session->pid)), '', 'shows no more');

# COPY FROM into the table shows the server's own line, once
$rule = $store->fault({ action => 'block', op => 'UploadPart', after => 2, stage => 'start', count => undef });
$session->send(q{COPY plain FROM PROGRAM 'seq 1 400000 | sed s/$/,abcdefghijklmnop/' (FORMAT csv)});
ok($store->wait_blocked($rule), 'a running COPY stands at the store');
like($node->safe_psql('postgres', sprintf($progress, $session->pid)), qr/^COPY FROM\|PROGRAM\|plain\|\d+\|\d+$/, 'COPY shows one line of its own');
$store->clear_faults;
$session->query;
$session->finish;
$store->empty;

# ---- the summary

my (undef, undef, $notice) = $node->psql('postgres', 'SET oss_fdw.export_summary = on; ' . rows_sql('plain', 10000));
my ($objects, $stored) = (scalar $store->objects, stored_bytes('plain/'));
like($notice, qr{NOTICE:  exported 10000 rows, $stored bytes .* in $objects objects to "oss://test-bucket/plain/"}, 'the summary');
(undef, undef, $notice) = $node->psql('postgres', rows_sql('plain', 10));
is($notice, '', 'off by default');
$store->empty;

# ---- names: <place><relation>_<UTC timestamp>_<token>_<n>.<ext>[.codec]

$node->safe_psql('postgres', q{CREATE FOREIGN TABLE "odd/Name ü" (id int) SERVER store OPTIONS (prefix 'pre/fix-', format 'text', compression 'xz', manifest 'true')});
my @before = gmtime(time - 1);
$node->safe_psql('postgres', 'BEGIN; ' . join('; ', rows_sql('plain', 10000), rows_sql('packed', 10), rows_sql('plain', 10),
		'INSERT INTO "odd/Name ü" VALUES (1)', 'INSERT INTO folders VALUES (1, 1, \'x\')') . '; COMMIT');
my $pattern = qr/(\d{8}T\d{6}(?:\d*)Z?)_([0-9a-f]{16,64})/;
my (%tokens, %numbers);
my @keys = $store->objects;
for my $key (@keys)
{
	my ($name, $stamp, $token, $number) = $key =~ m{^(?|(plain/plain)_${pattern}_(\d+)\.csv|(packed/packed)_${pattern}_(\d+)\.csv\.gz
		|(pre/fix-odd_Name\ \S+)_${pattern}_(\d+)\.txt\.xz|(folders/k=1/folders)_${pattern}_(\d+)\.csv\.zst
		|((?:folders/|pre/fix-)_manifest)_${pattern}()\.json)\z}x;
	ok(defined $name, 'an object\'s name has the pattern') or diag($key);
	next unless defined $name;
	$tokens{$token}++;
	$numbers{"$name $stamp"}{$number}++ if $number ne '';
	ok((grep { strftime('%Y%m%d', @$_) eq substr($stamp, 0, 8) } \@before, [gmtime]), "today's date, UTC") or diag($stamp);
}
is(scalar keys %tokens, 1, 'one token in all names of a transaction');
for my $export (sort keys %numbers)
{
	my $count = keys %{ $numbers{$export} };
	is_deeply([ sort { $a <=> $b } keys %{ $numbers{$export} } ], [ 1 .. $count ], "$export: numbers from 1 without a gap");
}
$node->safe_psql('postgres', rows_sql('plain', 10)) for 1 .. 5;
$tokens{$_}++ for map { /_([0-9a-f]{16,64})_\d+\.csv\z/ ? $1 : () } $store->objects('plain/');
is(scalar keys %tokens, 6, 'another token in each transaction');

$node->stop;
$store->stop;
done_testing();
