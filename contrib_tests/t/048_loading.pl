#
# 048_loading.pl
#	  Rows on their way into the database: partition and metadata columns that skip objects, dirty rows and their table,
#	  loads of every kind, the README's recipe run twice, imported schemas, partitions.
#
use strict;
use warnings FATAL => 'all';
use Test::More;
use OssRead;

my $t = OssRead->new;
my $store = $t->store;

# ---- facts: objects that conditions leave out are not asked for

for my $day ('2026-01-01', '2026-01-02', '__HIVE_DEFAULT_PARTITION__')
{
	for my $region ('north', 'a%2Fb', 'x%20y')
	{
		$store->put("sales/day=$day/region=$region/part.csv", "1,$region\n2,$region\n");
	}
}
$t->table('sales', "id int, r text, day date OPTIONS (partition 'true'), region text OPTIONS (partition 'true'), path text OPTIONS (metadata 'path'), size bigint OPTIONS (metadata 'size'),"
	  . " etag text OPTIONS (metadata 'etag'), mtime timestamptz OPTIONS (metadata 'mtime'), line bigint OPTIONS (metadata 'line')", "dir 'sales/'");
$t->rows_are('values of folders', 'SELECT count(*), count(day), count(DISTINCT day), string_agg(DISTINCT region, $$;$$ ORDER BY region) FROM sales', '18|12|2|a/b;north;x y');
sub pruned
{
	my ($what, $where, $rows, $gets) = @_;
	$store->reset_counters;
	$t->rows_are("$what: rows", "SELECT count(*) FROM sales WHERE $where", $rows);
	is($store->requests('GetObject'), $gets, "$what: objects asked for");
	my $plan = $t->sql("EXPLAIN SELECT count(*) FROM sales WHERE $where");
	like($plan, qr/Objects Pruned: @{[ 9 - $gets ]}\b/, "$what: EXPLAIN tells");
	is($store->requests('GetObject'), $gets, "$what: EXPLAIN reads nothing");
	return;
}
pruned('equality', q{day = '2026-01-02'}, 6, 3);
pruned('range and IN', q{day < '2026-01-02' AND region IN ('north', 'a/b')}, 4, 2);
pruned('NULL partition', 'day IS NULL', 6, 3);
pruned('not NULL', 'day IS NOT NULL', 12, 6);
pruned('nothing', q{region = 'none'}, 0, 0);
pruned('OR over facts', q{day IS NULL OR region LIKE 'x%'}, 10, 5);
pruned('size', 'size > 1000', 0, 0);
pruned('with a data column', q{id = 1 AND region = 'north'}, 3, 3);
pruned('an expression', q{upper(region) || extract(year FROM day) = 'NORTH2026'}, 4, 2);
$t->rows_are('a parameter', q{SET plan_cache_mode = force_generic_plan; PREPARE q(text) AS SELECT count(*) FROM sales WHERE region = $1; EXECUTE q('north'); RESET plan_cache_mode}, 6);
$t->rows_are('facts of the object', q{SELECT count(*) FROM sales WHERE path LIKE '%/sales/%' AND size > 0 AND etag <> '' AND mtime > now() - interval '1 day' AND line IN (1, 2)}, 18);

# ---- dirty rows

my $dirty = "1,one\nx,two\n3\n4,four,4\n5,five\n6,\xff\n99999999999,big\n8,eight\n";
$store->put('dirty/o.csv', $dirty);
$t->sql('CREATE TABLE bad (object text, line bigint, byte_offset bigint, column_name text, message text, raw text)');
sub dirty
{
	my ($options) = @_;
	return $t->table('d', 'a int, b text', "dir 'dirty/'" . ($options ? ", $options" : ''));
}
my $good = "1|one\n5|five\n8|eight";
dirty("reject_limit '5', error_table 'bad'");
$t->rows_are('as many bad rows as the limit', 'SELECT * FROM d', $good);
$t->rows_are('are all kept', q{SELECT line, byte_offset, column_name, raw FROM bad WHERE object LIKE '%dirty/o.csv' ORDER BY line},
	"2|6|a|x,two\n3|12|b|3\n4|14||4,four,4\n6|30||6,?\n7|34|a|99999999999,big");
$t->rows_are('with a message each', q{SELECT count(*) FROM bad WHERE message ~ 'invalid input syntax|missing data|extra data|invalid byte|out of range'}, 5);
$t->sql('TRUNCATE bad');
dirty("reject_limit '4', error_table 'bad'");
$t->fails('one more than the limit', 'SELECT * FROM d', qr/rejected/, qr{dirty/o\.csv}, qr/line 7/);
$t->rows_are('rolls its rows back', 'SELECT count(*) FROM bad', 0);
dirty("reject_limit 'unlimited', error_table 'bad'");
$t->rows_are('a rolled back transaction', 'BEGIN; SELECT count(*) FROM d; ROLLBACK; SELECT count(*) FROM bad', "3\n0");
$t->rows_are('a savepoint', 'BEGIN; SAVEPOINT s; SELECT count(*) FROM d; ROLLBACK TO s; SELECT count(*) FROM d; COMMIT; SELECT count(*) FROM bad', "3\n3\n5");
dirty("reject_limit '62%'");
$t->fails('too many in a hundred', 'SELECT * FROM d', qr/5 of 8 rows/);
dirty("reject_limit '63%'");
$t->rows_are('few enough in a hundred', 'SELECT * FROM d', $good);
dirty("reject_limit 'unlimited', log_errors 'true'");
my $log = -s $t->node->logfile;
$t->rows_are('logged', 'SELECT count(*) FROM d', 3);
like(PostgreSQL::Test::Utils::slurp_file($t->node->logfile, $log), qr/line 7/, 'the log has the last one, too');
dirty("fill_missing_fields 'true', ignore_extra_data 'true', compatible_illegal_chars 'true', reject_limit '2'");
$t->rows_are('what options tolerate is no bad row', 'SELECT * FROM d', "1|one\n3|\n4|four\n5|five\n6|?\n8|eight");
# what stays an error
dirty("reject_limit 'unlimited', header 'match'");
$t->fails('a wrong header', 'SELECT * FROM d', qr/column name mismatch|header/);
$store->put('dirty/o.csv', "\x1f\x8b\x08\0garbage");
dirty("reject_limit 'unlimited'");
$t->fails('a corrupt codec', 'SELECT * FROM d', qr{dirty/o\.csv});
$store->put('dirty/o.csv', "1,a\0b\n");
dirty("compatible_illegal_chars 'true'");
$t->rows_are('NUL becomes a blank', 'SELECT * FROM d', '1|a b');

# ---- loads

$store->put("load/$_.csv", join('', map { "$_,v$_\n" } ($_ - 1) * 100 + 1 .. $_ * 100)) for 1 .. 5;
$t->table('src', 'id int, v text', "dir 'load/'");
$t->rows_are('INSERT SELECT', 'CREATE TABLE l (id int PRIMARY KEY, v text); INSERT INTO l SELECT * FROM src; SELECT count(*), sum(id) FROM l', '500|125250');
$t->rows_are('CREATE TABLE AS', 'CREATE TABLE l2 AS SELECT * FROM src; SELECT count(*), sum(id) FROM l2', '500|125250');
$t->rows_are('COPY (SELECT) TO', "COPY (SELECT * FROM src WHERE id < 3 ORDER BY id) TO STDOUT (FORMAT csv)", "1,v1\n2,v2");
$t->rows_are('MERGE', q{DELETE FROM l WHERE id > 400; UPDATE l SET v = 'old'; MERGE INTO l USING src s ON l.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v);
	SELECT count(*), count(*) FILTER (WHERE v = 'v' || id) FROM l}, '500|500');
$t->rows_are('one object only', "SET oss_fdw.read_one_file = 'load/2.csv'; SELECT count(*), min(id), max(id) FROM src; RESET oss_fdw.read_one_file", '100|101|200');
$t->rows_are('UPDATE FROM, DELETE USING', q{UPDATE l SET v = 'new' FROM src s WHERE s.id = l.id AND s.id <= 10; DELETE FROM l USING src s WHERE s.id = l.id AND s.id > 490; SELECT count(*), count(*) FILTER (WHERE v = 'new') FROM l}, '490|10');
$t->rows_are('foreign partitions', q{CREATE TABLE parts (id int, v text) PARTITION BY RANGE (id);
	CREATE FOREIGN TABLE parts1 PARTITION OF parts FOR VALUES FROM (1) TO (101) SERVER store OPTIONS (filepath 'load/1.csv');
	CREATE FOREIGN TABLE parts2 PARTITION OF parts FOR VALUES FROM (101) TO (201) SERVER store OPTIONS (filepath 'load/2.csv');
	SELECT count(*), sum(id) FROM parts}, '200|20100');
$store->reset_counters;
$t->rows_are('pruned by the planner', 'SELECT count(*) FROM parts WHERE id = 150', 1);
is_deeply([ map { $_->{key} } $t->logged('GetObject') ], ['load/2.csv'], 'only one of them is read');

# ---- the recipe of the README, twice

$t->table('incoming', "id bigint, amount numeric, path text OPTIONS (metadata 'path'), etag text OPTIONS (metadata 'etag')", "dir 'incoming/', recursive 'true', format 'csv', header 'match'");
$store->put("incoming/$_.csv", "id,amount\n$_,$_.5\n") for 1 .. 3;
my $recipe = q{BEGIN; CREATE TEMP TABLE batch ON COMMIT DROP AS SELECT * FROM incoming WHERE NOT (path || etag) = ANY (ARRAY(SELECT path || etag FROM loaded));
	INSERT INTO amounts SELECT id, amount FROM batch; INSERT INTO loaded SELECT DISTINCT path, etag FROM batch; COMMIT};
$t->sql('CREATE TABLE loaded (path text, etag text, PRIMARY KEY (path, etag)); CREATE TABLE amounts (id bigint, amount numeric)');
$t->rows_are('the first load', "$recipe; SELECT count(*), sum(amount) FROM amounts", '3|7.5');
$store->reset_counters;
$t->rows_are('the second load takes nothing', "$recipe; SELECT count(*), sum(amount) FROM amounts", '3|7.5');
is($store->requests('GetObject'), 0, 'and reads nothing');
$store->put('incoming/new/4.csv', "id,amount\n4,4.5\n");
$t->rows_are('a new object is loaded once', "$recipe; $recipe; SELECT count(*), sum(amount) FROM amounts", '4|12.0');

# ---- imported schemas: odd names, columns that collide, no header, many of them

$store->put('imp/Odd Name (2).csv', "id,ID,id,,na me,select," . 'x' x 80 . "\n1,2,3,4,5,6,7\n");
$store->put('imp/noheader.csv', "1,2.5,2026-01-01\n2,3.5,2026-01-02\n");
$store->put('imp/hive/k=1/j=a%20b/x.csv', "a,b\n1,true\n");
$store->put('imp/hive/k=2/j=c/y.csv', "a,b\n2,false\n");
$store->put('imp/events.jsonl', qq({"id": 1, "tags": ["a"], "o": {"p": 1}}\n{"id": 2, "extra": "x"}\n));
$store->put("imp/" . sprintf('t%04d.csv', $_), "n,s\n$_,x\n") for 1 .. 60;
$t->sql('CREATE SCHEMA imp; IMPORT FOREIGN SCHEMA "imp/" FROM SERVER store INTO imp');
is($t->sql(q{SELECT count(*) FROM pg_class WHERE relnamespace = 'imp'::regnamespace AND relkind = 'f'}), 64, 'a table for each file and folder');
my @unread = grep { $t->answer("SELECT count(*) FROM imp.$_") =~ /ERROR|^0$/ } split /\n/, $t->sql(q{SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'imp'::regnamespace});
is_deeply(\@unread, [], 'each of them is read');
is($t->sql(q{SELECT count(*), count(DISTINCT attname) FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'imp'::regnamespace AND relname ILIKE 'odd%' AND attnum > 0}), '7|7', 'columns that collide get names of their own');
is($t->sql('SELECT sum(a), count(*) FILTER (WHERE b), count(DISTINCT k), count(DISTINCT j) FROM imp.hive'), '3|1|2|2', 'folders of values become columns');

done_testing();
