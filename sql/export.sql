-- names, modes, manifests, folders, EXPLAIN
\set include `echo "${PG_ABS_SRCDIR:-$PWD}/sql/include/store.sql"`
\i :include
CREATE FOREIGN TABLE e (id int, v text) SERVER store OPTIONS (dir 'export/a', max_file_size '2kB', header 'true');
INSERT INTO e SELECT i, 'value ' || i FROM generate_series(1, 300) i;
SELECT name, size FROM oss_fdw_list_file('e') ORDER BY name;
SELECT count(*), sum(id) FROM e;

-- error_if_exists, overwrite
ALTER FOREIGN TABLE e OPTIONS (ADD export_mode 'error_if_exists');
INSERT INTO e VALUES (1, 'x');
ALTER FOREIGN TABLE e OPTIONS (SET export_mode 'overwrite');
BEGIN; INSERT INTO e VALUES (0, 'rolled back'); ROLLBACK;
SELECT count(*) FROM e;
INSERT INTO e VALUES (0, 'only one');
SELECT * FROM e;
ALTER FOREIGN TABLE e OPTIONS (SET dir 'export/b', SET export_mode 'error_if_exists');
INSERT INTO e VALUES (1, 'first');
INSERT INTO e VALUES (2, 'second');
SELECT name FROM oss_fdw_list_file('e');

-- overwrite replaces what the table reads, not the folders below it; a claim is no data
CREATE FOREIGN TABLE below (id int) SERVER store OPTIONS (dir 'export/c/below');
INSERT INTO below VALUES (1);
CREATE FOREIGN TABLE claim (id int) SERVER store OPTIONS (filepath 'export/c/_exporting', export_mode 'overwrite');
INSERT INTO claim VALUES (1);
ALTER FOREIGN TABLE e OPTIONS (SET dir 'export/c', SET export_mode 'append');
INSERT INTO e VALUES (1, 'first');
SELECT * FROM e;
ALTER FOREIGN TABLE e OPTIONS (SET export_mode 'overwrite');
INSERT INTO e VALUES (2, 'second');
SELECT * FROM e;
SELECT * FROM below;

-- one exact object
CREATE FOREIGN TABLE one (id int, v text) SERVER store OPTIONS (filepath 'export/one.csv');
INSERT INTO one VALUES (1, 'x');
ALTER FOREIGN TABLE one OPTIONS (ADD export_mode 'error_if_exists');
INSERT INTO one VALUES (1, 'x');
INSERT INTO one VALUES (2, 'x');
ALTER FOREIGN TABLE one OPTIONS (SET export_mode 'overwrite');
INSERT INTO one VALUES (3, 'y');
SELECT * FROM one;
SELECT name, size FROM oss_fdw_list_file('one');

-- prefix, url
CREATE FOREIGN TABLE pre (id int) SERVER store OPTIONS (prefix 'export/pre-');
INSERT INTO pre VALUES (1);
SELECT name FROM oss_fdw_list_file('pre');
CREATE FOREIGN TABLE url (id int) SERVER store OPTIONS (location 'oss://test-bucket/export/url/');
INSERT INTO url VALUES (1);
SELECT name FROM oss_fdw_list_file('url');

-- manifest: what lies beside it is not read
CREATE FOREIGN TABLE m (id int, v text) SERVER store OPTIONS (dir 'export/m', manifest 'true', max_file_size '1kB');
SELECT count(*) FROM m;
INSERT INTO m SELECT i, 'value ' || i FROM generate_series(1, 200) i;
CREATE FOREIGN TABLE beside (id int, v text) SERVER store OPTIONS (dir 'export/m');
INSERT INTO beside VALUES (1000, 'stray');
SELECT count(*), max(id) FROM m;
SELECT count(*), max(id) FROM beside;
SELECT DISTINCT state FROM oss_fdw_verify('m');
-- it does not tell when an object was written
CREATE FOREIGN TABLE m_when (id int, v text, written timestamptz OPTIONS (metadata 'mtime')) SERVER store OPTIONS (dir 'export/m', manifest 'true');
SELECT count(*) FROM m_when WHERE written > now() - interval '1 hour';
SELECT count(*) FROM m_when WHERE written < now() - interval '1 day';
DROP FOREIGN TABLE m_when;

-- folders: nothing escapes its own
CREATE FOREIGN TABLE f (k text, d date, v int) SERVER store OPTIONS (dir 'export/f', partition_by 'k, d');
INSERT INTO f VALUES ('a', '2026-01-01', 1), ('b/../c', NULL, 2), (NULL, '2026-01-01', 3), ('', 'infinity', 4), ('..', '2026-01-02', 5),
  ('__HIVE_DEFAULT_PARTITION__', '2026-01-01', 6), ('=%', '2026-01-01', 7), ('ä ö', '2026-01-01', 8);
SELECT name FROM oss_fdw_list_file('f') ORDER BY name COLLATE "C";
SELECT * FROM f ORDER BY v;
SELECT * FROM f WHERE k = '..';
CREATE DOMAIN folder AS text NOT NULL;
CREATE FOREIGN TABLE f_domain (k folder, d date, v int) SERVER store OPTIONS (dir 'export/f', partition_by 'k, d');
SELECT k FROM f_domain;
DROP FOREIGN TABLE f_domain;
DROP DOMAIN folder;
CREATE FOREIGN TABLE odd (v int) SERVER store OPTIONS (filepath 'export/odd/k=%FF/odd.csv', export_mode 'overwrite');
INSERT INTO odd VALUES (1);
CREATE FOREIGN TABLE odd_folder (k text OPTIONS (partition 'true'), v int) SERVER store OPTIONS (dir 'export/odd');
SELECT * FROM odd_folder;
SELECT v FROM odd_folder;
DROP FOREIGN TABLE odd, odd_folder;
CREATE FOREIGN TABLE bad (k text) SERVER store OPTIONS (dir 'export/bad', partition_by 'k');
INSERT INTO bad VALUES ('x');
CREATE FOREIGN TABLE bad2 (k text) SERVER store OPTIONS (dir 'export/bad', partition_by 'nope');
INSERT INTO bad2 VALUES ('x');

-- attributes are the dialect's or refused
CREATE FOREIGN TABLE attr (id int) SERVER store OPTIONS (dir 'export/attr', storage_class 'IA', acl 'private', sse 'AES256',
  tagging 'team=data&kind=export', metadata 'origin=pg, owner=team', content_type 'text/csv; charset=utf-8');
INSERT INTO attr VALUES (1);
ALTER FOREIGN TABLE attr OPTIONS (SET storage_class 'GLACIER');
INSERT INTO attr VALUES (1);

-- EXPLAIN of an insert, and the summary
EXPLAIN (COSTS OFF) INSERT INTO e SELECT 1, 'x';
SET oss_fdw.export_summary = on;
INSERT INTO pre SELECT generate_series(1, 10);
RESET oss_fdw.export_summary;

-- nothing is left behind by what was rolled back
BEGIN;
SAVEPOINT s1;
INSERT INTO pre SELECT generate_series(1, 100);
SAVEPOINT s2;
INSERT INTO url SELECT generate_series(1, 100);
ROLLBACK TO s2;
INSERT INTO one VALUES (4, 'z');
RELEASE s1;
COMMIT;
SELECT (SELECT count(*) FROM pre) AS pre, (SELECT count(*) FROM url) AS url, (SELECT v FROM one) AS one;
DO $$ BEGIN
  BEGIN INSERT INTO pre VALUES (7); RAISE EXCEPTION 'undo'; EXCEPTION WHEN raise_exception THEN NULL; END;
END $$;
SELECT count(*) FROM pre;
SELECT count(*) FROM oss_fdw_uploads('store');
SELECT oss_fdw_abort_uploads('store', '', '0 seconds');
DROP FOREIGN TABLE e, one, pre, url, m, beside, f, bad, bad2, attr;
