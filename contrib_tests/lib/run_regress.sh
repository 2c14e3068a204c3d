#!/bin/bash
#
# run_regress.sh
#	  "make installcheck" against the server that PGHOST and PGPORT name, counted.
#
# The differences of a failed test are printed.  usage: run_regress.sh (in the tree, under with_cluster.sh)
set -u

out=$OSS_TEST_OUT
make --no-print-directory installcheck EXTRA_REGRESS_OPTS="--outputdir=$out" 2>&1 | tee "$out/pg_regress.log"
# PostgreSQL 15 writes "test name ... ok", 16 and later "ok 1 - name"
passed=$(grep -cE '^(test .*|.*\.\.\.) +ok +[0-9]+ ms|^ok [0-9]+ ' "$out/pg_regress.log")
failed=$(grep -cE '\.\.\. FAILED|^not ok [0-9]+ ' "$out/pg_regress.log")
[ ! -s "$out/regression.diffs" ] || head -n 400 "$out/regression.diffs"
if [ $((passed + failed)) = 0 ]; then
	echo "no regression test ran" >&2
	failed=1
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
