#
# 046_many.pl
#	  10,000 small objects: many GETs in flight, little for a LIMIT, nothing for planning; one broken object is named; ANALYZE.
#
# MANY_OBJECTS (10000) is the number of objects.
#
use strict;
use warnings FATAL => 'all';
use Test::More;
use OssRead;

my $count = $ENV{MANY_OBJECTS} // 10_000;
my $t = OssRead->new;
my $store = $t->store;

$t->put_many(map { sprintf('many/%05d.csv', $_) => "$_,name of $_\n" } 1 .. $count);
$t->table('many', 'id int, w text', "dir 'many/'");

# requests since the last reset: (LISTs, GETs and HEADs, most GETs at once)
sub requests
{
	my $counters = $store->control('GET', 'counters');
	my $of = sub { my ($field, @ops) = @_; my $sum = 0; $sum += $counters->{$_} ? $counters->{$_}{$field} : 0 for @ops; return $sum; };
	return ($of->('requests', 'ListObjects', 'ListObjectsV2'), $of->('requests', 'GetObject', 'HeadObject', 'GetObjectMeta'), $of->('peak', 'GetObject'));
}

# ---- planning asks nothing

$store->reset_counters;
$t->sql('PREPARE p AS SELECT * FROM many WHERE id = 1; SELECT 1 FROM (SELECT count(*) FROM many WHERE false) q; DEALLOCATE p');
my $plan = $t->sql("SET plan_cache_mode = force_generic_plan; PREPARE p(int) AS SELECT count(*) FROM many a JOIN many b USING (id) WHERE id = \$1; SELECT 1; DEALLOCATE p; RESET plan_cache_mode");
my ($lists, $gets) = requests();
is($gets, 0, 'no object is asked for while planning');

# ---- LIMIT

$store->reset_counters;
$t->rows_are('LIMIT 1', 'SELECT count(*) FROM (SELECT * FROM many LIMIT 1) q', 1);
($lists, $gets) = requests();
is($lists, 1, 'LIMIT 1 looks at one page of the list');
cmp_ok($gets, '<=', 16, 'and at a few objects');

# ---- all of them

$store->reset_counters;
$store->fault({ op => 'GetObject', action => 'stall', seconds => 0.02, count => undef });
$t->rows_are('all objects', 'SELECT count(*), sum(id) FROM many WHERE id <= 1000000', "$count|" . $count * ($count + 1) / 2);
$store->clear_faults;
my $peak;
($lists, $gets, $peak) = requests();
cmp_ok($peak, '>=', 8, 'at least 8 GETs at once');
is($gets, $count, 'each object is asked for once');
is($lists, int(($count + 999) / 1000), 'each page of the list, too');

# ---- one of them is broken

my $broken = sprintf('many/%05d.csv', int($count * 0.7));
$store->put($broken, "1,x\noops,y\n");
$t->fails('one broken object of many is named', 'SELECT sum(id) FROM many', qr{test-bucket/\Q$broken\E", line 2, column id: "oops"});
$store->put($broken, int($count * 0.7) . ",x\n");

# ---- ANALYZE and estimates

$t->sql('ANALYZE many');
my $estimate = $t->sql("SELECT reltuples FROM pg_class WHERE relname = 'many'");
cmp_ok(abs($estimate - $count), '<', $count * 0.1, "ANALYZE finds about as many rows as there are: $estimate");
is($t->sql("SELECT n_distinct FROM pg_stats WHERE tablename = 'many' AND attname = 'id'"), '-1', 'and that id is unique');
sub planned_rows
{
	my ($query) = @_;
	my ($rows) = $t->sql("EXPLAIN $query") =~ /Foreign Scan.*? rows=(\d+)/;
	return $rows;
}
cmp_ok(abs(planned_rows('SELECT * FROM many') - $count), '<', $count * 0.1, 'the planner uses it');
cmp_ok(planned_rows('SELECT * FROM many WHERE id = 5'), '<=', 2, 'with its statistics');
$t->sql("ALTER SERVER store OPTIONS (ADD use_remote_estimate 'true')");
$store->control('POST', 'clear', { bucket => $store->bucket, prefix => 'many/0' });
my $left = grep { !m{^many/0} } $store->objects;
$store->reset_counters;
my $now = planned_rows('SELECT * FROM many');
cmp_ok(abs($now - $left), '<=', 2 + $left * 0.2, "use_remote_estimate sees what is there now: $left, estimated $now");
($lists, $gets) = requests();
cmp_ok($lists, '>=', 1, 'by listing');
is($gets, 0, 'not by reading');

done_testing();
