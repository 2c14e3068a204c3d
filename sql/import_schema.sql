-- IMPORT FOREIGN SCHEMA: what it makes reads without an edit
\set include `echo "${PG_ABS_SRCDIR:-$PWD}/sql/include/store.sql"`
\i :include
CREATE FOREIGN TABLE w1 (id bigint, name text, price numeric, day date, at timestamp, zone timestamptz, flag bool, ratio float8, code text)
  SERVER store OPTIONS (dir 'imp/orders/', header 'true', compression 'gzip');
INSERT INTO w1 VALUES (1, 'a, b', 1.50, '2026-01-01', '2026-01-01 10:00', '2026-01-01 10:00+00', true, 1e-20, '007'),
  (2, NULL, 20, NULL, NULL, NULL, false, 2e30, '123');
CREATE FOREIGN TABLE w2 (k text, v int) SERVER store OPTIONS (dir 'imp/hive/', partition_by 'k');
INSERT INTO w2 VALUES ('x', 1), ('y/z', 2), (NULL, 3);
CREATE FOREIGN TABLE w3 (id int, "Mixed Name" text, tags text[], nested jsonb) SERVER store
  OPTIONS (filepath 'imp/Events.jsonl', format 'jsonl', export_mode 'overwrite');
INSERT INTO w3 VALUES (1, 'n', '{a,b}', '{"x": 1}'), (2, NULL, NULL, NULL);
CREATE FOREIGN TABLE w4 (a int, b text) SERVER store OPTIONS (filepath 'imp/tabbed.tsv', format 'text', export_mode 'overwrite', header 'true');
INSERT INTO w4 VALUES (1, E'x\ty');
CREATE FOREIGN TABLE w5 (a text) SERVER store OPTIONS (filepath 'imp/_hidden.csv', export_mode 'overwrite');
INSERT INTO w5 VALUES ('no');
CREATE SCHEMA imported;
IMPORT FOREIGN SCHEMA "imp/" FROM SERVER store INTO imported;
\d imported.orders
\d imported.hive
\d imported."Events"
\d imported.tabbed
SELECT * FROM imported.orders ORDER BY id;
SELECT * FROM imported.hive ORDER BY column1;
SELECT id, mixed_name, tags, nested FROM imported."Events" ORDER BY id;
SELECT * FROM imported.tabbed;
SELECT relname FROM pg_class WHERE relnamespace = 'imported'::regnamespace ORDER BY 1;
CREATE SCHEMA imported2;
IMPORT FOREIGN SCHEMA "imp/" LIMIT TO (tabbed) FROM SERVER store INTO imported2 OPTIONS (header 'false');
SELECT * FROM imported2.tabbed;
IMPORT FOREIGN SCHEMA "imp/" EXCEPT (tabbed, hive, "Events") FROM SERVER store INTO imported2;
SELECT relname FROM pg_class WHERE relnamespace = 'imported2'::regnamespace ORDER BY 1;
SET client_min_messages = warning;
DROP SCHEMA imported, imported2 CASCADE;
RESET client_min_messages;
DROP FOREIGN TABLE w1, w2, w3, w4, w5;
