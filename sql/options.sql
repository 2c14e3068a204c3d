-- every option is checked when it is set
\set include `echo "${PG_ABS_SRCDIR:-$PWD}/sql/include/store.sql"`
\i :include
\a\t
SELECT oss_fdw_version();
\a\t

-- servers
CREATE SERVER bad FOREIGN DATA WRAPPER oss_fdw OPTIONS (bucket 'x');
CREATE SERVER bad FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'ftp://example.com');
CREATE SERVER bad FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'http://user:pass@example.com');
CREATE SERVER bad FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'a.example.com', endpont 'x');
CREATE SERVER bad FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'a.example.com', host 'b.example.com');
CREATE SERVER bad FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'a.example.com', provider 'azure');
CREATE SERVER bad FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'a.example.com', bucket 'UPPER');
CREATE SERVER bad FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'a.example.com', connect_timeout 'soon');
CREATE SERVER bad FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'a.example.com', connect_timeout '5 parsecs');
CREATE SERVER bad FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'a.example.com', max_connections '0');
CREATE SERVER bad FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'a.example.com', ssl_verify 'maybe');
CREATE SERVER bad FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'a.example.com', provider 's3', signature_version 'v1');
CREATE SERVER bad FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'a.example.com', access_key_secret 'hidden');
CREATE SERVER bad FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'a.example.com', key 'hidden');

-- the same by other products' names and with units
CREATE SERVER ported FOREIGN DATA WRAPPER oss_fdw
  OPTIONS (host 'oss-cn-beijing.aliyuncs.com', bucket 'abc', oss_connect_timeout '5', oss_speed_limit '2kB', oss_speed_time '15s', ishttps 'true');
ALTER SERVER ported OPTIONS (ADD region 'cn-beijing', ADD isvirtual 'true', ADD max_retries '0');
ALTER SERVER ported OPTIONS (ADD addressing 'path');

-- user mappings
CREATE USER MAPPING FOR CURRENT_USER SERVER ported OPTIONS (access_key_id 'only');
CREATE USER MAPPING FOR CURRENT_USER SERVER ported OPTIONS (id 'a', access_key_id 'b', key 'c');
CREATE USER MAPPING FOR CURRENT_USER SERVER ported OPTIONS (id 'a', key 'b', token 'c');
CREATE USER MAPPING FOR CURRENT_USER SERVER ported OPTIONS (user 'a', password 'b', session_token 'c');

-- places
CREATE FOREIGN TABLE bad (a int) SERVER store;
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', prefix 'b');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (filepath 'a', location 'oss://bucket/b');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (location 'gs://bucket/b');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (location 'oss:///b');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir '/a/');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (prefix 'a', recursive 'true');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', access_key_id 'x');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir E'a\nb');

-- formats: COPY's rules
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', format 'parquet');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', delimiter '');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', delimiter '12345678901');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', delimiter E'\n');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', delimiter '"');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', delimiter ';', null 'a;b');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', format 'text', delimiter 'a');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', format 'text', quote '"');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', quote 'ab');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', null '"');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', format 'jsonl', delimiter ',');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', format 'binary', header 'true');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', header 'perhaps');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', encoding 'klingon');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', eol ',');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', format 'text', multi_line 'false');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', format 'jsonl', multi_line 'true');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', multi_line 'perhaps');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', multi_line 'false', multiline 'true');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', multi_line 'false', eol '|\', escape '\');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', reject_limit '-1');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', reject_limit '101%');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', error_table 'e');

-- writing
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', max_file_size '-5MB');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', max_file_size '99999999999TB');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', part_size '1kB');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', batch_size '1.5');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', compression 'rar');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', compression 'gzip', compression_level '12');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', compression_level '1');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', export_mode 'maybe');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (filepath 'a', manifest 'true');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (filepath 'a', partition_by 'a');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', sse_kms_key_id 'x');
CREATE FOREIGN TABLE bad (a int) SERVER store OPTIONS (dir 'a/', content_type E'a\r\nx-oss-acl: public');

-- columns
CREATE FOREIGN TABLE bad (a int OPTIONS (metadata 'weight')) SERVER store OPTIONS (dir 'a/');
CREATE FOREIGN TABLE bad (a int OPTIONS (position '5')) SERVER store OPTIONS (dir 'a/', format 'fixed');
CREATE FOREIGN TABLE bad (a int OPTIONS (force_null 'x')) SERVER store OPTIONS (dir 'a/');
CREATE FOREIGN TABLE bad (a int OPTIONS (dir 'x')) SERVER store OPTIONS (dir 'a/');

-- other products' names of table options
CREATE FOREIGN TABLE ported_table (a int) SERVER ported
  OPTIONS (foldername 'a', compressiontype 'gzip', compressionlevel '6', oss_file_max_size '1024', num_parallel_worker '3', parse_errors '10');
ALTER FOREIGN TABLE ported_table OPTIONS (ADD max_file_size '1GB');
\d+ ported_table

-- superuser only
CREATE ROLE oss_fdw_plain;
GRANT USAGE ON FOREIGN DATA WRAPPER oss_fdw TO oss_fdw_plain;
SET ROLE oss_fdw_plain;
CREATE SERVER mine FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'a.example.com', ssl_verify 'false');
CREATE SERVER mine FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'a.example.com', ca_file '/etc/passwd');
CREATE SERVER mine FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'a.example.com', proxy 'http://p:1');
CREATE SERVER mine FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint 'a.example.com');
DROP SERVER mine;
RESET ROLE;
REVOKE USAGE ON FOREIGN DATA WRAPPER oss_fdw FROM oss_fdw_plain;
DROP ROLE oss_fdw_plain;
DROP SERVER ported CASCADE;
