#!/bin/bash
#
# run.sh
#	  make bench: every measurement against its rival, in turn, on one machine.
#
# Installs what is missing, builds, installs, starts a private PostgreSQL and the local store, and hands over to bench.py.
# The table goes to standard output, numbers and plot to build/bench; with KEEP=1 also into contrib_tests/bench, where
# README.md shows them.  The exit status tells whether everything ran, not how fast it was.
#
#	ROWS=3000000	rows of the table
#	ROUNDS=5		rounds; medians are printed
#	SCALE=			1: growth of time and memory over 0.3 and 3 million rows as well; 30: and 30 million
#	ONLY=			names of measurements that contain one of these words, e.g. "export load"
#	BARS=			1: only the measurements that have a floor to pass
#	RIVALS=1		0: leave out what is not there after install_deps.sh (DuckDB, rclone)
set -eu

cd "$(dirname "$0")/../.."
unset MAKEFLAGS MAKELEVEL MFLAGS
lib=contrib_tests/lib
build=${BUILD_DIR:-build}
pg_config=${PG_CONFIG:-pg_config}

contrib_tests/install_deps.sh
make --no-print-directory -j2 all >/dev/null
sudo=""
[ "$(id -u)" = 0 ] || [ -w "$("$pg_config" --pkglibdir)" ] || sudo="sudo -n"
$sudo make --no-print-directory install >/dev/null

# the core alone, compiled as the extension is, where the unprivileged user can run it
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
chmod 755 "$tools"
gcc -std=gnu11 -O2 -Wall -Wextra -Ioss_fdw/core -o "$tools/put_one" contrib_tests/bench/put_one.c $(printf '%s\n' oss_fdw/core/*.c | sed 's/c$/o/') \
	$(pkg-config --libs $(sed -n 's/^CORE_PKGS *= *//p' Makefile)) -lbz2 -lpthread -lm
export OSS_BENCH_PUT_ONE=$tools/put_one

if [ "${RIVALS:-1}" != 0 ] && ! command -v rclone >/dev/null; then
	root=""
	[ "$(id -u)" = 0 ] || root="sudo -n"
	{ $root apt-get -qq update && $root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends rclone; } \
		>/dev/null 2>&1 </dev/null || echo "rclone could not be installed: its rows are left out"
fi

export CLUSTER_SETTINGS="
shared_buffers = ${SHARED_BUFFERS:-2GB}
max_wal_size = 32GB
min_wal_size = 8GB
checkpoint_timeout = 1h
autovacuum = off
max_connections = 60
jit = off
max_parallel_workers_per_gather = 0
min_parallel_table_scan_size = 0
"
mkdir -p "$build"
status=0
$lib/as_tester.sh bench $lib/with_cluster.sh $lib/with_store.sh \
	contrib_tests/bench/bench.py || status=$?
mkdir -p "$build/bench"
for file in results.json results.svg; do
	if [ -f "$build/logs/bench/$file" ]; then
		cp "$build/logs/bench/$file" "$build/bench/$file"
		[ -z "${KEEP:-}" ] || cp "$build/logs/bench/$file" "contrib_tests/bench/$file"
	fi
done
exit $status
