#!/bin/bash
#
# run_fuzz.sh
#	  Replays each fuzzer's corpus: contrib_tests/fuzz/corpus/<name>/ for the program fuzz_<name>.
#
# One test per corpus file; a sanitizer's report, a crash or a hang (20 s) is a failure, and the file is named.
#
# usage: run_fuzz.sh program...
set -u

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0
failed=0

for program in "$@"; do
	name=$(basename "$program")
	corpus=contrib_tests/fuzz/corpus/${name#fuzz_}
	if [ ! -x "$program" ] || [ ! -d "$corpus" ]; then
		echo "FAILED $name: not built, or no folder $corpus"
		failed=$((failed + 1))
		continue
	fi
	bad=0
	good=0
	while IFS= read -r -d '' file; do
		if timeout --kill-after=5 20 "$program" "$file" </dev/null >"$log" 2>&1; then
			good=$((good + 1))
		else
			bad=$((bad + 1))
			echo "FAILED $name $file:"
			tail -n 20 "$log" | sed 's/^/    /'
		fi
	done < <(find "$corpus" -type f -print0 | sort -z)
	[ $((good + bad)) -gt 0 ] || { echo "FAILED $name: empty corpus"; bad=1; }
	printf '%-6s %-40s %6d passed %4d failed\n' "$([ "$bad" = 0 ] && echo ok || echo FAILED)" "$name" "$good" "$bad"
	passed=$((passed + good))
	failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
