-- the usual rights of foreign tables; views act as their owner
\set include `echo "${PG_ABS_SRCDIR:-$PWD}/sql/include/store.sql"`
\i :include
CREATE FOREIGN TABLE guarded (a int, b text) SERVER store OPTIONS (dir 'guarded/');
INSERT INTO guarded VALUES (1, 'one');
CREATE VIEW window_view AS SELECT * FROM guarded;
CREATE ROLE oss_fdw_guest;
SET ROLE oss_fdw_guest;
SELECT * FROM guarded;
INSERT INTO guarded VALUES (2, 'two');
SELECT * FROM oss_fdw_list_file('guarded');
SELECT * FROM oss_fdw_check('store');
SELECT * FROM oss_fdw_uploads('store');
SELECT oss_fdw_abort_uploads('store', '', '0');
SELECT * FROM oss_fdw_verify('guarded');
SET oss_fdw.allowed_endpoints = '*';
RESET ROLE;
GRANT SELECT, INSERT ON guarded TO oss_fdw_guest;
GRANT SELECT, INSERT ON window_view TO oss_fdw_guest;
SET ROLE oss_fdw_guest;
-- no mapping: anonymous, and the bucket is private
SELECT * FROM guarded;
-- through the view it is the owner's key
SELECT * FROM window_view;
INSERT INTO window_view VALUES (2, 'two');
SELECT count(*) FROM window_view;
-- nor do options show a secret
SELECT umoptions FROM pg_user_mappings WHERE srvname = 'store';
RESET ROLE;
SET oss_fdw.allowed_endpoints = '*.aliyuncs.com, *.example.com';
SELECT * FROM guarded;
RESET oss_fdw.allowed_endpoints;
SELECT count(*) FROM guarded;
SET oss_fdw.read_one_file = 'guarded/none.csv';
SELECT count(*) FROM guarded;
RESET oss_fdw.read_one_file;
-- row security of a partitioned table: no function of the reader's sees the folders of hidden rows
CREATE TABLE secured (a int, k text) PARTITION BY LIST (a);
CREATE FOREIGN TABLE secured_1 PARTITION OF secured FOR VALUES IN (1, 2) SERVER store OPTIONS (dir 'secured', partition_by 'k');
INSERT INTO secured VALUES (1, 'shown'), (2, 'hidden');
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE POLICY ones ON secured USING (a = 1);
CREATE FUNCTION tell(text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'seen: %', $1; RETURN true; END $$;
GRANT SELECT ON secured TO oss_fdw_guest;
CREATE USER MAPPING FOR oss_fdw_guest SERVER store OPTIONS (access_key_id :'key_id', access_key_secret :'key_secret');
SET ROLE oss_fdw_guest;
SELECT * FROM secured WHERE tell(k);
RESET ROLE;
DROP USER MAPPING FOR oss_fdw_guest SERVER store;
DROP TABLE secured;
DROP FUNCTION tell;
-- the error_table is written as the owner of the foreign table, whose triggers gain nothing by a reader
GRANT USAGE ON FOREIGN SERVER store TO oss_fdw_guest;
CREATE SCHEMA guest AUTHORIZATION oss_fdw_guest;
SET ROLE oss_fdw_guest;
CREATE TABLE guest.rejected (object text, line bigint, byte_offset bigint, column_name text, message text, raw text, who name DEFAULT current_user);
CREATE FOREIGN TABLE guest.dirty (id int, v int) SERVER store
  OPTIONS (dir 'guarded', reject_limit 'unlimited', error_table 'rejected');
RESET ROLE;
SELECT count(*) FROM guest.dirty;
SELECT DISTINCT who FROM guest.rejected;
DROP SCHEMA guest CASCADE;
REVOKE USAGE ON FOREIGN SERVER store FROM oss_fdw_guest;
DROP VIEW window_view;
DROP FOREIGN TABLE guarded;
DROP ROLE oss_fdw_guest;
