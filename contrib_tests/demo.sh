#!/bin/bash
#
# demo.sh
#	  From a clone to rows in an object store and back, in one command; nothing is left running.
#
# Installs what is missing, builds, installs, starts a private PostgreSQL and the local store (both on 127.0.0.1, own
# ports, temporary folders), loads pgbench's accounts and the IEEE's registry of hardware addresses, exports, reads
# back, compares and prints each statement with its time.
#
# usage: demo.sh			OSS_DEMO_SCALE: pgbench scale, 10 = one million accounts
set -eu

cd "$(dirname "$0")/.."
unset MAKEFLAGS MAKELEVEL MFLAGS
lib=contrib_tests/lib
build=${BUILD_DIR:-build}

# quietly COMMAND...: its output is shown only when it fails
quietly()
{
	local log status=0

	log=$(mktemp)
	"$@" </dev/null >"$log" 2>&1 || status=$?
	[ "$status" = 0 ] || { tail -n 40 "$log" >&2; echo "demo.sh: \"$*\" failed" >&2; }
	rm -f "$log"
	return $status
}

echo "oss_fdw: installing what is missing, building, installing"
contrib_tests/install_deps.sh
quietly make --no-print-directory -j2 all
sudo=""
[ "$(id -u)" = 0 ] || [ -w "$(pg_config --pkglibdir)" ] || sudo="sudo -n"
quietly $sudo make --no-print-directory install

mkdir -p "$build"
export OSS_DEMO_SCALE=${OSS_DEMO_SCALE:-10}
exec $lib/as_tester.sh demo $lib/with_cluster.sh $lib/with_store.sh $lib/demo_session.sh
