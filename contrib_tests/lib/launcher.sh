#!/bin/bash
#
# launcher.sh
#	  What pg_regress starts instead of psql: the same psql, its output without what differs from run to run.
#
# The store's ports become PORT1 (http) and PORT2 (https), its folder TMP; the time stamp and token in object names, and
# request ids, get fixed words as well.  psql's exit status is kept.
set -o pipefail

"$@" 2>&1 | sed -E \
	-e "s/127\.0\.0\.1:${OSS_TEST_PORT:-0}/127.0.0.1:PORT1/g" \
	-e "s/127\.0\.0\.1:${OSS_TEST_TLS_PORT:-0}/127.0.0.1:PORT2/g" \
	-e "s#${OSS_TEST_TMP:-/nonexistent}#TMP#g" \
	-e 's/_[0-9]{8}T[0-9]{6,12}Z?_[0-9a-f]{8,}/_TIME_TOKEN/g' \
	-e 's/(request id:? )[0-9A-Za-z-]+/\1ID/Ig'
