-- the local store as server "store"; every test begins with this
\set QUIET on
SET client_min_messages = warning;
\set VERBOSITY terse
\set endpoint `echo "$OSS_TEST_ENDPOINT"`
\set bucket `echo "$OSS_TEST_BUCKET"`
\set key_id `echo "$OSS_TEST_KEY_ID"`
\set key_secret `echo "$OSS_TEST_KEY_SECRET"`
CREATE EXTENSION IF NOT EXISTS oss_fdw;
CREATE SERVER IF NOT EXISTS store FOREIGN DATA WRAPPER oss_fdw
  OPTIONS (endpoint :'endpoint', bucket :'bucket', region 'cn-hangzhou');
CREATE USER MAPPING IF NOT EXISTS FOR CURRENT_USER SERVER store
  OPTIONS (access_key_id :'key_id', access_key_secret :'key_secret');
RESET client_min_messages;
\set VERBOSITY default
\set QUIET off
