-- rows that are not right: an error that says where, or as the options say
\set include `echo "${PG_ABS_SRCDIR:-$PWD}/sql/include/store.sql"`
\i :include
\pset null NULL
CREATE FOREIGN TABLE raw (line text) SERVER store
  OPTIONS (filepath 'dirty/in.csv', export_mode 'overwrite', format 'text', noescaping 'true', delimiter E'\x01');
CREATE FOREIGN TABLE dirty (a int, b text, c numeric) SERVER store OPTIONS (filepath 'dirty/in.csv');

INSERT INTO raw VALUES ('1,one,1.5'), ('2,two');
SELECT * FROM dirty;
INSERT INTO raw VALUES ('1,one,1.5,extra');
SELECT * FROM dirty;
INSERT INTO raw VALUES ('1,one,1.5'), ('x,two,2'), ('3,three,3');
SELECT * FROM dirty;
SELECT b FROM dirty;
INSERT INTO raw VALUES ('1,one,1.5'), ('2,"unterminated,3');
SELECT * FROM dirty;
INSERT INTO raw VALUES ('1,"two'), ('lines",1'), ('oops,two,2');
SELECT * FROM dirty;

-- tolerated
INSERT INTO raw VALUES ('1,one,1.5'), ('x,two,2'), ('3'), ('4,four,4,5'), ('5,five,5');
CREATE TABLE errors (object text, line bigint, byte_offset bigint, column_name text, message text, raw text);
ALTER FOREIGN TABLE dirty OPTIONS (ADD reject_limit '2');
SELECT * FROM dirty;
ALTER FOREIGN TABLE dirty OPTIONS (SET reject_limit '3', ADD error_table 'errors');
SELECT * FROM dirty;
SELECT * FROM errors ORDER BY line;
BEGIN; SELECT count(a) FROM dirty; ROLLBACK;
SELECT count(*) FROM errors;
ALTER FOREIGN TABLE dirty OPTIONS (SET reject_limit '50%', DROP error_table);
SELECT * FROM dirty;
ALTER FOREIGN TABLE dirty OPTIONS (SET reject_limit 'unlimited');
SELECT count(a) FROM dirty;
SELECT count(*) FROM dirty;
-- what is no bad value ends the statement, and only that
CREATE FUNCTION refuse(int) RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN IF $1 = 5 THEN RAISE 'not about the value'; END IF; RETURN true; END $$;
CREATE DOMAIN refused AS int CHECK (refuse(VALUE));
CREATE FOREIGN TABLE dirty_domain (a refused, b text, c numeric) SERVER store OPTIONS (filepath 'dirty/in.csv', reject_limit 'unlimited');
SELECT * FROM dirty_domain;
SELECT count(*) FROM errors;
DROP FOREIGN TABLE dirty_domain;
DROP DOMAIN refused;
DROP FUNCTION refuse;
-- nothing beside it runs in parallel
CREATE TABLE side AS SELECT generate_series(1, 20000) AS a;
ANALYZE side;
SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
SELECT count(*) FROM side JOIN dirty USING (a);
RESET min_parallel_table_scan_size; RESET parallel_setup_cost; RESET parallel_tuple_cost;
DROP TABLE side;
ALTER FOREIGN TABLE dirty OPTIONS (DROP reject_limit, ADD fill_missing_fields 'true', ADD ignore_extra_data 'true');
SELECT b, c FROM dirty;

-- headers
INSERT INTO raw VALUES ('a,b,c'), ('1,one,1');
ALTER FOREIGN TABLE dirty OPTIONS (DROP fill_missing_fields, DROP ignore_extra_data, ADD header 'match');
SELECT * FROM dirty;
INSERT INTO raw VALUES ('a,x,c'), ('1,one,1');
SELECT * FROM dirty;
ALTER FOREIGN TABLE dirty OPTIONS (SET header 'true');
SELECT * FROM dirty;
ALTER FOREIGN TABLE dirty OPTIONS (DROP header, ADD skip '1');
SELECT * FROM dirty;

-- dates as they come
INSERT INTO raw VALUES ('31.12.2025,12h30,01/02/2026 03:04');
CREATE FOREIGN TABLE dated (d date, t time, ts timestamp) SERVER store
  OPTIONS (filepath 'dirty/in.csv', date_format 'DD.MM.YYYY', time_format 'HH24"h"MI', timestamp_format 'DD/MM/YYYY HH24:MI');
SELECT * FROM dated;

-- bytes that are not UTF-8
CREATE FOREIGN TABLE bytes (t text) SERVER store OPTIONS (filepath 'dirty/bytes.csv', export_mode 'overwrite', encoding 'LATIN1');
INSERT INTO bytes VALUES ('good'), ('b' || chr(233) || 'd');
CREATE FOREIGN TABLE utf8 (t text) SERVER store OPTIONS (filepath 'dirty/bytes.csv');
SELECT * FROM utf8;
ALTER FOREIGN TABLE utf8 OPTIONS (ADD compatible_illegal_chars 'true');
SELECT * FROM utf8;

-- facts of the object, and conditions on them
CREATE FOREIGN TABLE facts (path text OPTIONS (metadata 'path'), file text OPTIONS (metadata 'file'), size bigint OPTIONS (metadata 'size'),
  line bigint OPTIONS (metadata 'line'), t text) SERVER store OPTIONS (dir 'dirty/', format 'text', noescaping 'true');
SELECT file, size, line, t FROM facts WHERE file = 'in.csv';
SELECT count(*) FROM facts WHERE file LIKE 'nothing%';
-- since PostgreSQL 18 a plan tells rows with two decimals
CREATE FUNCTION analyzed(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) ' || query LOOP
    RETURN NEXT replace(line, '.00 loops', ' loops');
  END LOOP;
END $$;
SELECT analyzed('SELECT t FROM facts WHERE size > 1000000');

-- places that hold nothing
CREATE FOREIGN TABLE nothing (a int) SERVER store OPTIONS (dir 'nothing/');
SELECT * FROM nothing;
CREATE FOREIGN TABLE missing (a int) SERVER store OPTIONS (filepath 'nothing.csv');
SELECT * FROM missing;
CREATE FOREIGN TABLE globbed (a text) SERVER store OPTIONS (filepath 'dirty/{in,by*}.c[rs]v');
SELECT count(*) FROM globbed;
ALTER FOREIGN TABLE globbed OPTIONS (ADD compatible_illegal_chars 'true', ADD delimiter ';');
SELECT count(*) FROM globbed;
INSERT INTO globbed VALUES ('x');
DROP FOREIGN TABLE raw, dirty, dated, bytes, utf8, facts, nothing, missing, globbed;
DROP TABLE errors;
