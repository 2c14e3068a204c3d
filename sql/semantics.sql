-- what core leaves out on foreign tables, and what must work as on any table
\set include `echo "${PG_ABS_SRCDIR:-$PWD}/sql/include/store.sql"`
\i :include
CREATE FOREIGN TABLE t (id int NOT NULL CHECK (id < 100), name text DEFAULT 'unnamed', twice int GENERATED ALWAYS AS (id * 2) STORED)
  SERVER store OPTIONS (dir 'semantics/', truncatable 'true');
INSERT INTO t VALUES (NULL, 'x');
INSERT INTO t VALUES (100, 'x');
INSERT INTO t VALUES (1, 'one') ON CONFLICT DO NOTHING;
INSERT INTO t (id) VALUES (2) RETURNING *;
INSERT INTO t (name, id) SELECT 'n' || i, i FROM generate_series(3, 5) i RETURNING id, twice;
COPY t (id) FROM stdin;
6
7
\.
COPY t (id, name) FROM stdin (FORMAT csv);
200,too large
\.
SELECT * FROM t ORDER BY id;
UPDATE t SET id = 1;
DELETE FROM t;

SELECT pg_relation_is_updatable('t', true) & 28 AS insert_only;

-- views with a check, triggers, dropped columns
CREATE VIEW small AS SELECT * FROM t WHERE id < 50 WITH CHECK OPTION;
INSERT INTO small (id) VALUES (60);
INSERT INTO small (id) VALUES (8);
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := upper(NEW.name); RETURN NEW; END $$;
CREATE TRIGGER stamp BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION stamp();
INSERT INTO t (id, name) VALUES (9, 'shout');
DROP VIEW small;
ALTER FOREIGN TABLE t DROP COLUMN twice;
TRUNCATE t;
INSERT INTO t (id, name) VALUES (10, 'after the drop');
SELECT * FROM t;

-- stored generated columns: as with COPY not in the objects, and made anew when rows are read
CREATE FOREIGN TABLE made (a int, twice int GENERATED ALWAYS AS (a * 2) STORED, b text, part text GENERATED ALWAYS AS (left(b, 1)) STORED)
  SERVER store OPTIONS (dir 'made/', header 'true', truncatable 'true');
INSERT INTO made (a, b) VALUES (1, 'xyz'), (2, NULL), (3, 'yz') RETURNING *;
COPY made (b, a) FROM stdin;
zz	4
\.
CREATE FOREIGN TABLE made_lines (line text) SERVER store OPTIONS (dir 'made/', delimiter E'\x01');
SELECT * FROM made_lines ORDER BY line;
SELECT * FROM made ORDER BY a;
SELECT part FROM made WHERE twice > 4 ORDER BY a;
SELECT count(*), sum(twice) FROM made;
SELECT twice FROM made WHERE a = 3;
ANALYZE made;
SELECT n_distinct FROM pg_stats WHERE tablename = 'made' AND attname = 'twice';
ALTER FOREIGN TABLE made OPTIONS (ADD reject_limit '1');
INSERT INTO made_lines VALUES ('a,b'), ('x,y');
SELECT * FROM made ORDER BY a;
DROP FOREIGN TABLE made_lines;
TRUNCATE made;
DROP FOREIGN TABLE made;
-- one that names a folder comes from there
CREATE FOREIGN TABLE made (a int, b text, part text GENERATED ALWAYS AS (left(b, 1)) STORED)
  SERVER store OPTIONS (dir 'made/', format 'binary', partition_by 'part', truncatable 'true');
INSERT INTO made (a, b) VALUES (1, 'xyz'), (3, 'yz');
SELECT * FROM made WHERE part = 'y';
SELECT regexp_replace(name, '/[^/]*$', '') FROM oss_fdw_list_file('made') ORDER BY 1;
TRUNCATE made;
DROP FOREIGN TABLE made;

-- truncate at commit, and not at all after a rollback
BEGIN; TRUNCATE t; INSERT INTO t VALUES (11, 'new'); ROLLBACK;
SELECT * FROM t;
BEGIN; TRUNCATE t; INSERT INTO t VALUES (11, 'new'); COMMIT;
SELECT * FROM t;
-- what the transaction wrote before a truncate goes, what it writes after stays
BEGIN; INSERT INTO t VALUES (12, 'before'); TRUNCATE t; INSERT INTO t VALUES (13, 'after'); COMMIT;
SELECT * FROM t;
BEGIN; INSERT INTO t VALUES (14, 'kept'); SAVEPOINT s; TRUNCATE t; ROLLBACK TO s; COMMIT;
SELECT * FROM t ORDER BY id;
CREATE FOREIGN TABLE exact (id int) SERVER store OPTIONS (filepath 'exact.csv', export_mode 'overwrite', truncatable 'true');
INSERT INTO exact VALUES (1);
BEGIN; TRUNCATE exact; INSERT INTO exact VALUES (2); COMMIT;
SELECT * FROM exact;
DROP FOREIGN TABLE exact;
ALTER FOREIGN TABLE t OPTIONS (SET truncatable 'false');
TRUNCATE t;
ALTER FOREIGN TABLE t OPTIONS (ADD updatable 'false');
INSERT INTO t VALUES (1, 'x');
DROP FOREIGN TABLE t;

-- no rows at all
CREATE FOREIGN TABLE empty (a int, b text) SERVER store OPTIONS (dir 'empty/', truncatable 'true');
INSERT INTO empty SELECT 1, 'x' WHERE false;
SELECT count(*) FROM oss_fdw_list_file('empty');
ALTER FOREIGN TABLE empty OPTIONS (ADD header 'true');
INSERT INTO empty SELECT 1, 'x' WHERE false;
SELECT size FROM oss_fdw_list_file('empty');
SELECT * FROM empty;
TRUNCATE empty;
ALTER FOREIGN TABLE empty OPTIONS (ADD write_empty 'never');
INSERT INTO empty SELECT 1, 'x' WHERE false;
SELECT count(*) FROM oss_fdw_list_file('empty');
DROP FOREIGN TABLE empty;

-- rows routed to several foreign partitions at once
CREATE TABLE parent (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE local_part PARTITION OF parent FOR VALUES FROM (0) TO (10);
CREATE FOREIGN TABLE far_part PARTITION OF parent FOR VALUES FROM (10) TO (20) SERVER store OPTIONS (dir 'far/');
CREATE FOREIGN TABLE farther_part PARTITION OF parent FOR VALUES FROM (20) TO (30) SERVER store OPTIONS (dir 'farther/', compression 'zstd');
INSERT INTO parent SELECT i, 'v' || i FROM generate_series(0, 29) i;
SELECT tableoid::regclass AS part, count(*), min(id), max(id) FROM parent GROUP BY 1 ORDER BY 1;
SELECT * FROM parent WHERE id = 25;
INSERT INTO far_part VALUES (5, 'out of bounds');
COPY parent FROM stdin (FORMAT csv);
1,local
11,far
21,farther
\.
SELECT count(*) FROM parent;
INSERT INTO parent VALUES (12, 'x') ON CONFLICT DO NOTHING;
DROP TABLE parent;

-- joins that rescan, cursors, early ends
CREATE FOREIGN TABLE numbers (n int) SERVER store OPTIONS (dir 'numbers/', max_file_size '1kB');
INSERT INTO numbers SELECT generate_series(1, 1000);
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;
SELECT count(*), sum(n) FROM (VALUES (1), (2), (3)) v(x) JOIN numbers ON n % 3 = x - 1;
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_material;
SELECT * FROM numbers ORDER BY n LIMIT 2;
SELECT count(*) FROM (SELECT * FROM numbers LIMIT 7) s;
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT n FROM numbers;
FETCH 2 FROM c;
COMMIT;
FETCH 1 FROM c;
CLOSE c;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT n FROM numbers;
FETCH 2 FROM c;
FETCH PRIOR FROM c;
ROLLBACK;
ANALYZE numbers;
SELECT reltuples FROM pg_class WHERE relname = 'numbers';
SELECT count(DISTINCT name) > 2 AS split, min(size) < 1100 AS whole_rows FROM oss_fdw_list_file('numbers');
SELECT DISTINCT state FROM oss_fdw_verify('numbers');
DROP FOREIGN TABLE numbers;

-- conditions that are tried before the other columns are converted
CREATE FOREIGN TABLE filtered (n int, t text, d date) SERVER store OPTIONS (dir 'filtered/');
INSERT INTO filtered SELECT i, 'row ' || i, DATE '2026-01-01' + i FROM generate_series(1, 2000) i;
SELECT tableoid::regclass, * FROM filtered WHERE tableoid = 'filtered'::regclass AND n = 5;
SELECT count(t) FROM filtered WHERE tableoid <> 'filtered'::regclass AND n = 5;
SELECT * FROM filtered WHERE n = 7 AND t LIKE '%7';
SELECT * FROM filtered WHERE n < 3 AND d > '2026-01-01' ORDER BY n;
SELECT n FROM filtered f WHERE f IS NOT NULL AND n = 8;
SELECT count(d), sum(n) FROM filtered WHERE n = ANY (ARRAY[1, 2, 3]) AND random() >= 0;
SELECT f.n, f.t FROM generate_series(10, 12) g JOIN LATERAL (SELECT * FROM filtered WHERE n = g) f ON true ORDER BY 1;
-- a value that no row of the result needs is not converted
CREATE FOREIGN TABLE filtered_text (n int, t text, d date) SERVER store OPTIONS (dir 'filtered_odd/');
CREATE FOREIGN TABLE filtered_odd (n int, t int, d date) SERVER store OPTIONS (dir 'filtered_odd/');
INSERT INTO filtered_text VALUES (1, 'one', '2026-01-01'), (2, '2', '2026-01-02');
SELECT * FROM filtered_odd WHERE n = 2;
SELECT * FROM filtered_odd WHERE n = 1;
