#!/bin/bash
#
# as_tester.sh
#	  Runs a command as a user that PostgreSQL accepts, in a tree that this user can read and write.
#
# A server refuses to run as root, and the tree may lie where nobody else may look.  So root copies the sources into a
# temporary folder, gives it to the user "postgres" (else to "oss_fdw_test", created if need be) and goes on as that
# user.  Anybody else works in place.  Either way the command starts in the tree, with
#	OSS_TEST_TMP	a private folder with a short path, removed at the end
#	OSS_TEST_OUT	a folder for logs; what is in it afterwards is kept in build/logs/<name>
#	BUILD_DIR		a folder for programs that a test compiles
#	INTEROP_PYTHON	a Python with the packages of interop/requirements.txt, when build/venv has one (make_venv.sh)
# Processes that the command left behind in its session are not searched for: every helper stops what it started.
#
# usage: as_tester.sh name command [argument...]
set -eu

name=$1
shift
tree=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD_DIR:-build}
case $build in
	/*) ;;
	*) build=$tree/$build ;;
esac

tmp=$(mktemp -d /tmp/oss_fdw.XXXXXX)
kept=$build/logs/$name
cleanup()
{
	rm -rf "$kept"
	# a test that died leaves its server's data; only logs are worth keeping
	rm -rf "$tmp"/out/tmp_check/t_*_data "$tmp"/out/tmp_check/tmp_test_* "$tmp"/out/tmp_check/portlock
	mkdir -p "$kept" 2>/dev/null && cp -r "$tmp/out/." "$kept/" 2>/dev/null || true
	rm -rf "$tmp"
}
trap cleanup EXIT
# a signal ends the child first (it is in our process group and gets it too), then the trap above runs
trap 'exit 130' INT TERM HUP

mkdir "$tmp/out" "$tmp/tmp"
unset MAKEFLAGS MAKELEVEL MFLAGS PGHOST PGPORT PGUSER PGDATABASE PGOPTIONS PGSERVICE PGDATA
export OSS_TEST_TMP=$tmp/tmp OSS_TEST_OUT=$tmp/out
# PostgreSQL's test modules take LC_ALL away; then LANG decides the encoding of new clusters
export LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=UTC BUILD_DIR=$tmp/build
mkdir "$BUILD_DIR"
[ ! -x "$build/venv/bin/python3" ] || export INTEROP_PYTHON=$build/venv/bin/python3

if [ "$(id -u)" != 0 ]; then
	cd "$tree"
	"$@"
	exit
fi

if getent passwd postgres >/dev/null; then
	user=postgres
else
	user=oss_fdw_test
	getent passwd "$user" >/dev/null || useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin "$user"
fi
mkdir "$tmp/tree"
tar -C "$tree" -cf - --exclude=./.git --exclude=./build --exclude='*.o' --exclude='*.bc' --exclude='__pycache__' . |
	tar -C "$tmp/tree" -xf - --no-same-owner
if [ -n "${INTEROP_PYTHON:-}" ]; then
	# a virtual environment finds its packages beside its interpreter, wherever that is
	cp -r "$build/venv" "$tmp/venv"
	INTEROP_PYTHON=$tmp/venv/bin/python3
fi
chown -R "$user:" "$tmp"
cd "$tmp/tree"
export HOME=$tmp/tmp USER=$user LOGNAME=$user
runuser -u "$user" -- env HOME="$HOME" "$@"
