#!/bin/bash
#
# with_store.sh
#	  Runs a command with a local store of its own, on free ports of 127.0.0.1, in a temporary folder.
#
# The command finds
#	OSS_TEST_ENDPOINT, OSS_TEST_PORT			http
#	OSS_TEST_TLS_ENDPOINT, OSS_TEST_TLS_PORT	https, its authority's certificate in OSS_TEST_CA
#	OSS_TEST_CONTROL							control interface, see contrib_tests/store/README.md
#	OSS_TEST_BUCKET, OSS_TEST_PUBLIC_BUCKET, OSS_TEST_REGION, OSS_TEST_KEY_ID, OSS_TEST_KEY_SECRET
# (regression tests read them with \set name `echo "$OSS_TEST_..."`).  The store ends with the command, whatever happens.
#
# OSS_STORE_ARGUMENTS adds arguments to the store's.
#
# usage: with_store.sh command [argument...]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d "${OSS_TEST_TMP:-${TMPDIR:-/tmp}}/store.XXXXXX")
store_pid=""

stop_store()
{
	status=$?
	trap - EXIT
	if [ -n "$store_pid" ]; then
		kill "$store_pid" 2>/dev/null || true
		wait "$store_pid" 2>/dev/null || true
	fi
	rm -rf "$folder"
	exit $status
}
trap stop_store EXIT
trap 'exit 130' INT TERM HUP

export OSS_TEST_BUCKET=test-bucket OSS_TEST_PUBLIC_BUCKET=public-bucket OSS_TEST_REGION=cn-hangzhou
export OSS_TEST_KEY_ID=test-access-key OSS_TEST_KEY_SECRET=test-secret-key-of-the-local-store

/usr/bin/python3 -B "$here/../store/oss_store.py" --root "$folder/data" --control --parent $$ \
	--tls --make-certificates "$folder/tls" --port-file "$folder/ports" \
	--bucket "$OSS_TEST_BUCKET" --public-bucket "$OSS_TEST_PUBLIC_BUCKET" --region "$OSS_TEST_REGION" \
	--access-key "$OSS_TEST_KEY_ID" --secret "$OSS_TEST_KEY_SECRET" ${OSS_STORE_ARGUMENTS:-} >"$folder/log" 2>&1 </dev/null &
store_pid=$!
for _ in $(seq 1 300); do
	[ ! -s "$folder/ports" ] || break
	kill -0 "$store_pid" 2>/dev/null || break
	sleep 0.1
done
[ -s "$folder/ports" ] || { echo "the local store did not start:" >&2; cat "$folder/log" >&2; exit 1; }

port_of()
{
	sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$folder/ports"
}
OSS_TEST_PORT=$(port_of port)
OSS_TEST_TLS_PORT=$(port_of tls_port)
export OSS_TEST_PORT OSS_TEST_TLS_PORT
export OSS_TEST_ENDPOINT=http://127.0.0.1:$OSS_TEST_PORT OSS_TEST_TLS_ENDPOINT=https://127.0.0.1:$OSS_TEST_TLS_PORT
export OSS_TEST_CONTROL=http://127.0.0.1:$(port_of control_port)/__control__ OSS_TEST_CA=$folder/tls/ca.pem
"$@"
