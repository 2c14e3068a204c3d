#!/bin/bash
#
# run_interop.sh
#	  Other people's programs against ours: official SDKs, decoders, and the server's own COPY.
#
# Runs each contrib_tests/interop/test_*.py (run.sh there is for running the SDKs by hand), with a server (PGHOST, PGPORT), a store
# (OSS_TEST_*) and INTEROP_PYTHON at hand.  Each ends with "N passed, N failed".
#
# usage: run_interop.sh			(in the tree; becomes the tester by itself)
set -eu

cd "$(dirname "$0")/../.."
lib=contrib_tests/lib
if [ "${1:-}" != inside ]; then
	requirements=$(ls contrib_tests/interop/requirements*.txt 2>/dev/null || true)
	[ -z "$requirements" ] || $lib/make_venv.sh "${BUILD_DIR:-build}/venv" $requirements
	exec $lib/as_tester.sh interop $lib/with_cluster.sh $lib/with_store.sh $lib/run_interop.sh inside
fi
programs=$(ls contrib_tests/interop/test_*.py 2>/dev/null || true)
[ -n "$programs" ] || { echo "no interop test"; echo "0 passed, 1 failed"; exit 1; }
UNIT_TIMEOUT=900 $lib/run_programs.sh $programs
