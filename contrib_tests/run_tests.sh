#!/bin/bash
#
# run_tests.sh
#	  Everything that "make test" does: install what is missing, build, install, run all layers, add up.
#
# Each layer is a command that ends with a line "N passed, N failed".  A layer that dies, exceeds its time or prints no
# such line counts as one failure, and the end of its log is shown.  Logs stay in build/logs.
#
# usage: run_tests.sh all | layer...	layers: wall unit fuzz regress tap interop demo
set -u

cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS
build=${BUILD_DIR:-build}
logs=$build/logs
jobs=${TEST_JOBS:-2}
lib=contrib_tests/lib
total_passed=0
total_failed=0
begun=$SECONDS

sudo=""
[ "$(id -u)" = 0 ] || [ -w "$(pg_config --pkglibdir 2>/dev/null)" ] || sudo="sudo -n"

# layer NAME SECONDS COMMAND...: runs it, prints one line
layer()
{
	local name=$1 limit=$2 log=$logs/$1.log start=$SECONDS status good bad line

	shift 2
	timeout --kill-after=30 "$limit" "$@" </dev/null >"$log" 2>&1
	status=$?
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
	good=${line%% passed*}
	bad=${line##*passed, }
	bad=${bad% failed}
	[ -n "$line" ] || { good=0; bad=1; }
	[ "$status" = 0 ] || [ "$bad" -gt 0 ] || bad=1
	total_passed=$((total_passed + good))
	total_failed=$((total_failed + bad))
	printf '%-8s %6d passed %5d failed %5d s\n' "$name" "$good" "$bad" $((SECONDS - start))
	[ "$bad" = 0 ] || show_failure "$log" "$status"
}

# step NAME COMMAND...: a preparation; without it nothing else makes sense
step()
{
	local name=$1 log=$logs/$1.log start=$SECONDS

	shift
	if ! "$@" </dev/null >"$log" 2>&1; then
		printf '%-8s failed after %d s\n' "$name" $((SECONDS - start))
		tail -n 60 "$log" | sed 's/^/    /'
		echo "0 passed, 1 failed"
		exit 1
	fi
	printf '%-8s done, %s%5d s\n' "$name" "$(grep -c 'warning:' "$log" | sed '/^0$/d; s/$/ warnings, /')" $((SECONDS - start))
	grep 'warning:' "$log" | sort -u | head -n 20 | sed 's/^/    /'
}

show_failure()
{
	[ "$2" != 124 ] || echo "    the layer exceeded its time"
	grep -nE 'FAILED|not ok|^#   |failed: |Error [0-9]|ERROR: Address|runtime error|WARNING: ThreadSan' "$1" | head -n 60 | sed 's/^/    /'
	echo "    --- the end of $1:"
	tail -n 40 "$1" | sed 's/^/    /'
}

run_layer()
{
	case $1 in
		wall) layer wall 600 make --no-print-directory check-wall ;;
		unit) layer unit 1200 make --no-print-directory check-unit ;;
		fuzz) layer fuzz 600 make --no-print-directory check-fuzz ;;
		regress) layer regress 600 $lib/as_tester.sh regress $lib/with_cluster.sh $lib/run_regress.sh ;;
		tap) layer tap 1500 $lib/as_tester.sh tap $lib/run_tap.sh ;;
		interop) layer interop 1200 $lib/run_interop.sh ;;
		demo) layer demo 600 env OSS_DEMO_SCALE=1 contrib_tests/demo.sh ;;
		*) echo "run_tests.sh: no layer \"$1\"" >&2; exit 2 ;;
	esac
}

mkdir -p "$logs"
if [ "${1:-all}" = all ]; then
	step deps contrib_tests/install_deps.sh
	step build make --no-print-directory -j"$jobs" all
	step install $sudo make --no-print-directory install
	set -- wall unit fuzz regress tap interop demo
fi
for name in "$@"; do
	run_layer "$name"
done
[ $# = 1 ] || echo "all layers together took $((SECONDS - begun)) s"
echo "$total_passed passed, $total_failed failed"
[ "$total_failed" = 0 ]
