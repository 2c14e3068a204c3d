/* oss_fdw/oss_fdw--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION oss_fdw" to load this file. \quit

CREATE FUNCTION oss_fdw_handler()
RETURNS fdw_handler
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT;

CREATE FUNCTION oss_fdw_validator(text[], oid)
RETURNS void
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT;

CREATE FOREIGN DATA WRAPPER oss_fdw
  HANDLER oss_fdw_handler
  VALIDATOR oss_fdw_validator;
COMMENT ON FOREIGN DATA WRAPPER oss_fdw IS 'foreign tables over objects in Alibaba OSS, Huawei OBS and S3-compatible stores';

CREATE FUNCTION oss_fdw_version()
RETURNS text
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION oss_fdw_version() IS 'version of the installed oss_fdw library';

CREATE FUNCTION oss_fdw_list_file(relname text, schema text DEFAULT 'public',
  OUT name text, OUT size bigint, OUT last_modified timestamptz, OUT etag text)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT VOLATILE;
COMMENT ON FUNCTION oss_fdw_list_file(text, text) IS 'the objects that a foreign table reads';
REVOKE EXECUTE ON FUNCTION oss_fdw_list_file(text, text) FROM PUBLIC;

CREATE FUNCTION oss_fdw_uploads(server name, prefix text DEFAULT '',
  OUT bucket text, OUT object text, OUT upload_id text, OUT initiated timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT VOLATILE;
COMMENT ON FUNCTION oss_fdw_uploads(name, text) IS 'unfinished multipart uploads below a prefix of the server''s bucket';
REVOKE EXECUTE ON FUNCTION oss_fdw_uploads(name, text) FROM PUBLIC;

CREATE FUNCTION oss_fdw_abort_uploads(server name, prefix text, older_than interval)
RETURNS bigint
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT VOLATILE;
COMMENT ON FUNCTION oss_fdw_abort_uploads(name, text, interval) IS 'aborts unfinished multipart uploads below a prefix, returns how many';
REVOKE EXECUTE ON FUNCTION oss_fdw_abort_uploads(name, text, interval) FROM PUBLIC;

CREATE FUNCTION oss_fdw_verify(ft regclass,
  OUT name text, OUT size bigint, OUT checksum text, OUT state text)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT VOLATILE;
COMMENT ON FUNCTION oss_fdw_verify(regclass) IS 'reads every object of a foreign table and compares its CRC-64';
REVOKE EXECUTE ON FUNCTION oss_fdw_verify(regclass) FROM PUBLIC;

CREATE FUNCTION oss_fdw_check(server name, ft regclass DEFAULT NULL,
  OUT step text, OUT ok boolean, OUT ms double precision, OUT detail text, OUT hint text)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION oss_fdw_check(name, regclass) IS 'tries everything that exports and scans need, one row per step';
REVOKE EXECUTE ON FUNCTION oss_fdw_check(name, regclass) FROM PUBLIC;
