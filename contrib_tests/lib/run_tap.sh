#!/bin/bash
#
# run_tap.sh
#	  The TAP tests, contrib_tests/t/*.pl, each with a server and a store of its own; two at a time.
#
# usage: run_tap.sh [file...]	(in the tree, under as_tester.sh)
set -u

pgxs=$(dirname "$("${PG_CONFIG:-pg_config}" --pgxs)")/../..
export PG_REGRESS=$pgxs/src/test/regress/pg_regress
export PATH=$("${PG_CONFIG:-pg_config}" --bindir):$PATH
export PERL5LIB=$pgxs/src/test/perl:$PWD/contrib_tests/lib${PERL5LIB:+:$PERL5LIB}
export TMPDIR=$OSS_TEST_TMP
export TESTDIR=$OSS_TEST_OUT TESTDATADIR=$OSS_TEST_TMP/tmp_check TESTLOGDIR=$OSS_TEST_OUT/log
export OSS_TREE=$PWD
mkdir -p "$TESTDATADIR" "$TESTLOGDIR"
[ $# -gt 0 ] || set -- contrib_tests/t/*.pl
exec perl contrib_tests/lib/run_tap.pl "${TEST_JOBS:-2}" "$@"
