-- what one table writes, the same table reads back, for every format and codec
\set include `echo "${PG_ABS_SRCDIR:-$PWD}/sql/include/store.sql"`
\i :include
CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s "fine", really');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE TABLE every (
  id int, b bool, i2 int2, i8 int8, f4 float4, f8 float8, n numeric, n2 numeric(12,2), t text, v varchar(20), c char(6),
  d date, tm time, tz timetz, ts timestamp, tstz timestamptz, iv interval, u uuid, by bytea, j json, jb jsonb, ip inet,
  m mood, arr int[], tarr text[], p pair, dom positive, r int4range, bt bit(5), x xml, o oid, nm name, pt point);
INSERT INTO every VALUES
  (1, true, -32768, -9223372036854775808, 'NaN', 'Infinity', 'NaN', 0.10, 'plain', 'v', 'c', 'infinity', '24:00', '12:00+05:30',
   '-infinity', '2026-01-01 00:00+00', '1 year -2 mons 3 days -04:05:06.789', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\x00ff5c27',
   '{"a": [1, "x"]}', '{"k": null}', '10.0.0.1/8', 'it''s "fine", really', '{1,NULL,3}', '{a,"b,c",NULL,"d\"e\\f"}', '(7,"x,""y""")', 5,
   '[1,10)', '10101', '<a>b</a>', 4294967295, 'name', '(1.5,-2)'),
  (2, false, 32767, 9223372036854775807, 1e-45, -1.7976931348623157e308, 'Infinity', -99999999.99, '', '', '', '0044-03-15 BC', '00:00:00.000001',
   '23:59:59.999999-12', '294276-12-31 23:59:59.999999', '4713-01-01 00:00:00+00 BC', '0', '00000000-0000-0000-0000-000000000000', '',
   'null', '"s"', '::1', 'sad', '{}', '{}', '(,)', 1, 'empty', '00000', '', 0, '', '(0,0)'),
  (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
   null, null, null, null, null, null, null, null, null),
  (4, true, 0, 0, 0.1, 0.1, 12345678901234567890.123456789012345678900, 1.5, E'tab\there, "quote", back\\slash, comma\nnew\r\nline', E'\\N', '  x',
   '2000-02-29', '13:14:15.5', '00:00:00+00', '1999-12-31 23:59:59.5', '2026-07-01 12:34:56.789012+02', '-1 mons', '12345678-1234-1234-1234-123456789012',
   '\x5c78', '"a\u00e9\n"', '[1.50, {"x": "y"}]', '2001:db8::/32', 'ok', '{{1,2},{3,4}}', '{"",NULL,"null"}', '(,"")', 2147483647, '(,5]', '11111',
   '<x/>', 1, 'ü', '(1e-300,1e300)'),
  (5, false, -1, 1000000, -0.0, 1e15, 1e-20, 0, '\.', 'NULL', 'ÄÖÜ', 'infinity', '01:02:03', '04:05:06+07', 'infinity', 'infinity', '1 day', null, '\xdeadbeef',
   '[]', '{}', '0.0.0.0/0', 'ok', '[0:1]={5,6}', E'{"a\nb"}', '(1,2)', 42, '(1,2)', '01010', '&lt;', 7, '中文', '(3,4)');

-- jsonl cannot tell a JSON null from NULL, nor an array's lower bounds; text cannot tell a value that reads like its null string
-- %s = options; one foreign table per case, the differences are counted
CREATE FUNCTION check_case(options text, except_columns text[] DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  columns text;
  differences bigint;
  written bigint;
BEGIN
  EXECUTE 'DROP FOREIGN TABLE IF EXISTS case_table';
  SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum) INTO columns
    FROM pg_attribute WHERE attrelid = 'every'::regclass AND attnum > 0 AND attname <> ALL (except_columns);
  EXECUTE format('CREATE FOREIGN TABLE case_table (%s) SERVER store OPTIONS (dir %L, export_mode ''overwrite'', %s)', columns, 'roundtrip/', options);
  SELECT string_agg(format('%I', attname), ', ' ORDER BY attnum) INTO columns
    FROM pg_attribute WHERE attrelid = 'case_table'::regclass AND attnum > 0;
  EXECUTE format('INSERT INTO case_table SELECT %s FROM every', columns);
  RETURN options;
END $$;
CREATE FUNCTION suffixes() RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(DISTINCT regexp_replace(name, '.*[0-9a-f]_[0-9]+', ''), ' ') FROM oss_fdw_list_file('case_table') $$;
CREATE FUNCTION compare_case(except_columns text[] DEFAULT '{}') RETURNS TABLE (id int, name text, written text, read text) LANGUAGE plpgsql AS $$
DECLARE
  parts text;
BEGIN
  SELECT string_agg(format('(%L, w.%2$I::text, r.%2$I::text)', attname, attname), ', ' ORDER BY attnum) INTO parts
    FROM pg_attribute WHERE attrelid = 'every'::regclass AND attnum > 0 AND attname <> ALL (except_columns);
  RETURN QUERY EXECUTE format('SELECT w.id, x.n, x.a, x.b FROM every w FULL JOIN case_table r USING (id), LATERAL (VALUES %s) x(n, a, b)
    WHERE x.a IS DISTINCT FROM x.b ORDER BY 1, 2', parts);
END $$;

SELECT check_case($$format 'csv'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'csv', header 'true', delimiter '|', quote '''', escape '\', null 'nil'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'csv', header 'match', force_quote '*', delimiter '<=>'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'csv', eol '<EOL>'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'text'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'text', delimiter '|', null 'NULL', header 'true'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'binary'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'jsonl'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'csv', compression 'gzip'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'csv', compression 'gzip', compression_level '9'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'text', compression 'zstd'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'jsonl', compression 'lz4'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'binary', compression 'bzip2'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'csv', compression 'xz'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'csv', compression 'deflate'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'csv', compression_threads '0', max_file_size '1kB'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'csv', manifest 'true', max_file_size '1kB'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'csv', partition_by 'm, b'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'text', partition_by 't', compression 'gzip'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'csv', partition_by 'id', keep_partition_columns 'true'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SET oss_fdw.fast_paths = off;
SELECT check_case($$format 'csv'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'text'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
SELECT check_case($$format 'jsonl'$$); SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;
RESET oss_fdw.fast_paths;

-- the session's settings do not reach the objects
SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard'; SET extra_float_digits = -5; SET bytea_output = 'escape';
SELECT check_case($$format 'csv'$$);
RESET DateStyle; RESET IntervalStyle; RESET extra_float_digits; RESET bytea_output;
SELECT suffixes(), c.* FROM (SELECT 1) one LEFT JOIN compare_case() c ON true;

-- fixed width: what it can carry, and a clear error for what it cannot
CREATE FOREIGN TABLE fixed (id int OPTIONS (position '0,5'), price numeric(8,2) OPTIONS (position '5,10'), name text OPTIONS (position '15,12'))
  SERVER store OPTIONS (dir 'fixed/', format 'fixed', export_mode 'overwrite');
INSERT INTO fixed VALUES (1, 1.50, 'one'), (22222, -12345.67, 'twelve bytes'), (3, NULL, NULL);
SELECT * FROM fixed;
INSERT INTO fixed VALUES (123456, 1, 'x');
INSERT INTO fixed VALUES (1, 1, 'more than twelve');
INSERT INTO fixed VALUES (1, 1, ' blank');
INSERT INTO fixed VALUES (1, 1, '');

-- client-only encodings, and a character that they do not have
CREATE FOREIGN TABLE gbk (id int, t text) SERVER store OPTIONS (filepath 'gbk.csv', export_mode 'overwrite', encoding 'GBK', delimiter '|');
INSERT INTO gbk VALUES (1, '中文|"测试"'), (2, 'plain');
SELECT * FROM gbk;
CREATE FOREIGN TABLE sjis (id int, t text) SERVER store OPTIONS (filepath 'sjis.txt', export_mode 'overwrite', encoding 'SJIS', format 'text', compression 'gzip');
INSERT INTO sjis VALUES (1, E'ソ表\\十'), (2, 'plain');
SELECT * FROM sjis;
CREATE FOREIGN TABLE latin (t text) SERVER store OPTIONS (filepath 'latin.csv', export_mode 'overwrite', encoding 'LATIN1');
INSERT INTO latin VALUES ('é'), ('中');

DROP FOREIGN TABLE case_table, fixed, gbk, sjis, latin;
DROP FUNCTION check_case, compare_case, suffixes;
DROP TABLE every;
DROP TYPE mood, pair;
DROP DOMAIN positive;
