#!/bin/bash
#
# run_programs.sh
#	  Runs test programs that print "N passed, N failed" last, TEST_JOBS (2) at a time, and adds the numbers up.
#
# A program that dies, hangs (UNIT_TIMEOUT seconds, 300) or prints no such line counts as one failure; the end of its
# output is shown.  A missing program (it did not compile) is a failure too.
#
# usage: run_programs.sh program...
set -u

timeout=${UNIT_TIMEOUT:-300}
jobs=${TEST_JOBS:-2}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=0:exitcode=66}

# ThreadSanitizer needs the address layout that it expects; not everywhere may a process ask for it
fixed_layout=""
! setarch "$(uname -m)" -R true 2>/dev/null || fixed_layout="setarch $(uname -m) -R"

# run_one PROGRAM LOG: its line of the report, and in LOG.counts the two numbers
run_one()
{
	local program=$1 log=$2 start=$SECONDS status=127 good bad

	if [ -x "$program" ]; then
		# --kill-after: a program that ignores TERM must not hold the run
		timeout --kill-after=10 "$timeout" $fixed_layout "$program" </dev/null >"$log" 2>&1
		status=$?
	else
		echo "$program was not built" >"$log"
	fi
	good=$(sed -n 's/^\([0-9]*\) passed, [0-9]* failed$/\1/p' "$log" | tail -n 1)
	bad=$(sed -n 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p' "$log" | tail -n 1)
	[ -n "$bad" ] || bad=0
	[ "$status" = 0 ] || [ "$bad" -gt 0 ] || bad=1
	[ -n "$good" ] || { good=0; [ "$bad" -gt 0 ] || bad=1; }
	echo "$good $bad" >"$log.counts"
	{
		printf '%-6s %-40s %8d passed %4d failed %4d s\n' "$([ "$bad" = 0 ] && echo ok || echo FAILED)" \
			"${program#*build/}" "$good" "$bad" $((SECONDS - start))
		# what was not tried must not look as if it had passed
		grep '^skipped: ' "$log" | sort -u | sed 's/^/       /'
		if [ "$bad" -gt 0 ]; then
			echo "exit status $status; the end of its output:"
			tail -n 40 "$log" | sed 's/^/    /'
		fi
	} >"$log.report"
	cat "$log.report"
}

number=0
for program in "$@"; do
	while [ "$(jobs -pr | wc -l)" -ge "$jobs" ]; do
		wait -n
	done
	number=$((number + 1))
	run_one "$program" "$logs/$number" &
done
wait

passed=0
failed=0
for counts in "$logs"/*.counts; do
	[ -e "$counts" ] || continue
	read -r good bad <"$counts"
	passed=$((passed + good))
	failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
