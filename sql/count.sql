-- SELECT count(*): the rows are counted where they are split
\set include `echo "${PG_ABS_SRCDIR:-$PWD}/sql/include/store.sql"`
\i :include
SET max_parallel_workers_per_gather = 0;

CREATE FOREIGN TABLE counted (n int, t text) SERVER store OPTIONS (dir 'count/', max_file_size '4kB');
INSERT INTO counted SELECT i, 'line' || chr(10) || i FROM generate_series(1, 2000) i;

CREATE FUNCTION count_plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
		IF line ~ '(Scan|Aggregate|Relations)' THEN
			RETURN NEXT line;
		END IF;
	END LOOP;
END $$;

SELECT count_plan('SELECT count(*) FROM counted');
SELECT count(*) FROM counted;
SELECT count(*) AS a, count(*) + 1 AS b, count(1) AS c, 'x' AS d, (SELECT count(*) FROM counted) AS e FROM counted;
SELECT count_plan('SELECT count(*) + count(7) FROM counted c');

-- everything else keeps the ordinary plan
SELECT count_plan('SELECT count(n) FROM counted');
SELECT count_plan('SELECT count(NULL) FROM counted');
SELECT count_plan('SELECT count(*) FROM counted WHERE n > 5');
SELECT count_plan('SELECT count(*) FILTER (WHERE n > 5) FROM counted');
SELECT count_plan('SELECT count(DISTINCT 1) FROM counted');
SELECT count_plan('SELECT count(*) FROM counted HAVING count(*) > 5');
SELECT count(n), count(NULL), count(*) FILTER (WHERE n > 5), count(DISTINCT 1), sum(n) FROM counted;
SELECT count(*) FROM counted HAVING count(*) > 5;
SELECT n % 2 AS half, count(*) FROM counted GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM counted WHERE false;
SELECT count(*) FROM counted WHERE n > 1990;

-- where it is part of something larger
SELECT x, (SELECT count(*) + x FROM counted) FROM generate_series(1, 3) x;
SELECT count(*) OVER (), count(*) FROM counted;
SELECT count(*) FROM counted LIMIT 0;
WITH c AS (SELECT count(*) AS k FROM counted) SELECT a.k = b.k FROM c a, c b;
CREATE VIEW counted_view AS SELECT count(*) AS k FROM counted;
SELECT k FROM counted_view;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT count(*) FROM counted;
FETCH c;
FETCH c;
FETCH BACKWARD c;
COMMIT;
PREPARE q AS SELECT count(*) FROM counted;
EXECUTE q;
INSERT INTO counted VALUES (0, 'one more');
EXECUTE q;
DEALLOCATE q;

-- rows that may be rejected are looked at in full
CREATE FOREIGN TABLE count_dirty_text (t text) SERVER store OPTIONS (dir 'count_dirty/', format 'text');
INSERT INTO count_dirty_text VALUES ('1'), ('two'), ('3');
CREATE FOREIGN TABLE count_dirty (n int) SERVER store OPTIONS (dir 'count_dirty/', format 'text', reject_limit '1');
SELECT count_plan('SELECT count(*) FROM count_dirty');
SELECT count(*) FROM count_dirty;
-- a row that is no row is an error
CREATE FOREIGN TABLE count_two (a text, b text) SERVER store OPTIONS (dir 'count_dirty/', format 'text');
\set VERBOSITY terse
SELECT count(*) FROM count_two;
\set VERBOSITY default

-- nothing there; no privilege; jsonl, binary and compressed objects; partition columns
CREATE FOREIGN TABLE count_nothing (n int) SERVER store OPTIONS (dir 'count_nothing/');
SELECT count(*) FROM count_nothing;
CREATE ROLE count_nobody;
SET ROLE count_nobody;
SELECT count(*) FROM counted;
RESET ROLE;
DROP ROLE count_nobody;
CREATE FOREIGN TABLE count_json (n int, t text) SERVER store OPTIONS (dir 'count_json/', format 'jsonl', compression 'zstd');
INSERT INTO count_json SELECT n, t FROM counted WHERE n < 100;
CREATE FOREIGN TABLE count_binary (n int, t text) SERVER store OPTIONS (dir 'count_binary/', format 'binary', compression 'gzip');
INSERT INTO count_binary SELECT n, t FROM counted WHERE n < 100;
CREATE FOREIGN TABLE count_folders (n int, t text OPTIONS (partition 'true')) SERVER store OPTIONS (dir 'count_folders/', partition_by 't', header 'true');
INSERT INTO count_folders SELECT n, n % 3 FROM counted WHERE n < 100;
SELECT (SELECT count(*) FROM count_json), (SELECT count(*) FROM count_binary), (SELECT count(*) FROM count_folders);
SELECT count_plan('SELECT count(*) FROM count_folders');
-- children of a foreign table count, too
CREATE FOREIGN TABLE count_parent (n int) SERVER store OPTIONS (dir 'count_parent/');
INSERT INTO count_parent VALUES (1), (2);
CREATE TABLE count_child () INHERITS (count_parent);
INSERT INTO count_child VALUES (3);
SELECT count(*) FROM count_parent;
SELECT count(*) FROM ONLY count_parent;

-- without threads
\c
SET oss_fdw.use_threads = off;
SELECT count(*) FROM counted;
