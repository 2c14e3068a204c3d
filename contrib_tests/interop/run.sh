#!/bin/bash
#
# run.sh
#	  The local store against the official SDKs, and what it refuses: test_store*.py and test_sdk_*.py, added up.
#
# usage: run.sh [PYTHON]	PYTHON has the packages of requirements.txt; INTEROP_PYTHON, or python3, when not given
set -u

here=$(cd "$(dirname "$0")" && pwd)
python=${1:-${INTEROP_PYTHON:-python3}}
passed=0
failed=0
for program in "$here"/test_store*.py "$here"/test_sdk_*.py; do
	output=$("$python" -B "$program" 2>&1)
	counts=$(printf '%s\n' "$output" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' | tail -n 1)
	[ -n "$counts" ] || counts="0 1"
	[ "${counts#* }" = 0 ] || printf '%s\n' "$output"
	printf '%-24s %4d passed %4d failed\n' "$(basename "$program")" ${counts% *} ${counts#* }
	passed=$((passed + ${counts% *}))
	failed=$((failed + ${counts#* }))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
