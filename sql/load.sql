-- INSERT INTO local_table SELECT ... FROM foreign_table: many rows at a time where that makes no difference
\set include `echo "${PG_ABS_SRCDIR:-$PWD}/sql/include/store.sql"`
\i :include
CREATE FOREIGN TABLE load_source (id int, name text, amount numeric(10,2)) SERVER store OPTIONS (dir 'load/', max_file_size '200kB');
INSERT INTO load_source SELECT i, CASE WHEN i % 7 = 0 THEN NULL ELSE 'name ' || i END, i * 1.25 FROM generate_series(1, 20000) i;

CREATE TABLE load_plain (id int, name text, amount numeric(10,2));
INSERT INTO load_plain SELECT * FROM load_source;
SELECT count(*), count(name), sum(id), sum(amount) FROM load_plain;
SELECT count(*) FROM (SELECT * FROM load_plain EXCEPT SELECT * FROM load_source) d;
TRUNCATE load_plain;

-- it writes less WAL than row by row
CREATE FUNCTION load_wal(fast boolean) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	before pg_lsn;
BEGIN
	PERFORM set_config('oss_fdw.fast_paths', fast::text, true);
	before := pg_current_wal_insert_lsn();
	INSERT INTO load_plain SELECT * FROM load_source;
	RETURN pg_wal_lsn_diff(pg_current_wal_insert_lsn(), before);
END $$;
SELECT load_wal(true) < load_wal(false) * 0.9 AS less_wal;
SELECT count(*), count(DISTINCT id), sum(amount) FROM load_plain;

-- indexes, constraints, what a failed row leaves
CREATE TABLE load_keyed (id int PRIMARY KEY, name text NOT NULL DEFAULT 'none', amount numeric(10,2) CHECK (amount < 25000), EXCLUDE USING btree (amount WITH =));
CREATE INDEX ON load_keyed (lower(name)) WHERE id % 2 = 0;
INSERT INTO load_keyed SELECT id, coalesce(name, 'nobody'), amount FROM load_source WHERE id < 15000;
SELECT count(*), min(id), max(id) FROM load_keyed;
SET enable_seqscan = off;
SELECT id, amount FROM load_keyed WHERE id = 14999;
SELECT id FROM load_keyed WHERE lower(name) = 'name 4244' AND id % 2 = 0;
SELECT id FROM load_keyed WHERE amount = 12.5;
RESET enable_seqscan;
INSERT INTO load_keyed SELECT id + 10000, name, amount + 0.01 FROM load_source WHERE id % 7 > 0;
INSERT INTO load_keyed SELECT id + 20000, name, amount + 0.01 FROM load_source WHERE id < 100;
INSERT INTO load_keyed SELECT id + 30000, name, 25000 FROM load_source WHERE id = 1;
INSERT INTO load_keyed SELECT id + 40000, name, 1.25 FROM load_source WHERE id = 2;
SELECT count(*) FROM load_keyed;

-- what stays with the executor
INSERT INTO load_keyed SELECT id + 50000, 'x', amount + 0.02 FROM load_source WHERE id < 4 RETURNING id;
INSERT INTO load_keyed SELECT id, 'x', amount FROM load_source WHERE id < 4 ON CONFLICT DO NOTHING;
CREATE TABLE load_log (id int, old_count bigint);
CREATE FUNCTION load_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO load_log VALUES (NEW.id, NULL); NEW.name := upper(NEW.name); RETURN NEW; END $$;
CREATE TABLE load_triggered (id int, name text, amount numeric(10,2), twice int GENERATED ALWAYS AS (id * 2) STORED);
CREATE TRIGGER note BEFORE INSERT ON load_triggered FOR EACH ROW EXECUTE FUNCTION load_note();
INSERT INTO load_triggered SELECT id, name, amount FROM load_source WHERE id < 4;
SELECT * FROM load_triggered ORDER BY id;
SELECT id FROM load_log ORDER BY id;
CREATE TABLE load_generated (id int, name text, twice int GENERATED ALWAYS AS (id * 2) STORED, at int GENERATED ALWAYS AS IDENTITY);
INSERT INTO load_generated (id, name) SELECT id, name FROM load_source WHERE id < 4 ORDER BY id;
SELECT * FROM load_generated ORDER BY id;
CREATE TABLE load_parent (id int, name text, amount numeric(10,2)) PARTITION BY RANGE (id);
CREATE TABLE load_low PARTITION OF load_parent FOR VALUES FROM (0) TO (10000);
CREATE TABLE load_high PARTITION OF load_parent FOR VALUES FROM (10000) TO (15000);
INSERT INTO load_parent SELECT * FROM load_source WHERE id < 15000;
SELECT (SELECT count(*) FROM load_low), (SELECT count(*) FROM load_high);
INSERT INTO load_low SELECT * FROM load_source WHERE id >= 15000;
CREATE VIEW load_view AS SELECT * FROM load_plain WHERE id < 10 WITH CHECK OPTION;
INSERT INTO load_view SELECT * FROM load_source WHERE id = 10;
INSERT INTO load_view SELECT * FROM load_source WHERE id = 9;
-- a function that looks at the table sees each row before it
CREATE TABLE load_seen (id int, seen bigint);
CREATE FUNCTION load_count() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$ BEGIN RETURN (SELECT count(*) FROM load_seen); END $$;
INSERT INTO load_seen SELECT id, load_count() FROM load_source WHERE id <= 3;
SELECT count(DISTINCT seen) FROM load_seen;
CREATE TABLE load_checked (id int, name text, amount numeric(10,2));
CREATE FUNCTION load_is_new(int) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$ BEGIN RETURN NOT EXISTS (SELECT FROM load_checked WHERE id = $1); END $$;
ALTER TABLE load_checked ADD CHECK (load_is_new(id));
INSERT INTO load_checked SELECT 1, name, amount FROM load_source WHERE id < 3;
CREATE TABLE load_child (id int REFERENCES load_keyed, name text, amount numeric(10,2));
INSERT INTO load_child SELECT * FROM load_source WHERE id IN (1, 99999);
INSERT INTO load_child SELECT id + 99999, name, amount FROM load_source WHERE id = 1;

-- columns that were dropped, other types, long values, several tables, a rollback in the middle
CREATE TABLE load_dropped (gone text, id bigint, name varchar(12), also_gone int, amount float8);
ALTER TABLE load_dropped DROP COLUMN gone, DROP COLUMN also_gone;
INSERT INTO load_dropped SELECT * FROM load_source WHERE id < 3;
INSERT INTO load_dropped (amount, id) SELECT amount, id FROM load_source WHERE id = 3;
ALTER TABLE load_dropped ADD COLUMN late int DEFAULT 5;
INSERT INTO load_dropped SELECT id, name, amount FROM load_source WHERE id = 4;
SELECT * FROM load_dropped ORDER BY id;
CREATE FOREIGN TABLE load_long_source (id int, long text) SERVER store OPTIONS (dir 'load_long/', compression 'zstd');
INSERT INTO load_long_source SELECT i, (SELECT string_agg(md5(i::text || k), '') FROM generate_series(1, 3000) k) FROM generate_series(1, 40) i;
CREATE TABLE load_long (id int, long text);
INSERT INTO load_long SELECT * FROM load_long_source;
SELECT count(*), sum(length(long)) FROM load_long;
SELECT count(*) FROM load_long l JOIN load_long_source s USING (id) WHERE l.long <> s.long;
BEGIN;
TRUNCATE load_plain;
SAVEPOINT s;
INSERT INTO load_plain SELECT * FROM load_source;
ROLLBACK TO s;
INSERT INTO load_plain SELECT * FROM load_source WHERE id <= 5;
COMMIT;
SELECT count(*) FROM load_plain;
CREATE TEMP TABLE load_temp AS SELECT * FROM load_source WHERE id <= 5;
INSERT INTO load_temp SELECT * FROM load_source WHERE id <= 5;
CREATE UNLOGGED TABLE load_unlogged (LIKE load_plain);
INSERT INTO load_unlogged SELECT * FROM load_source WHERE id <= 5;
SELECT (SELECT count(*) FROM load_temp), (SELECT count(*) FROM load_unlogged);
WITH moved AS (INSERT INTO load_unlogged SELECT * FROM load_source WHERE id <= 5 RETURNING id) SELECT count(*) FROM moved;
WITH moved AS (INSERT INTO load_unlogged SELECT * FROM load_source WHERE id <= 5) INSERT INTO load_temp SELECT * FROM load_source WHERE id = 6;
SELECT (SELECT count(*) FROM load_temp), (SELECT count(*) FROM load_unlogged);
PREPARE load_some(int) AS INSERT INTO load_unlogged SELECT * FROM load_source WHERE id <= $1;
EXECUTE load_some(3);
EXECUTE load_some(0);
SELECT count(*) FROM load_unlogged;
