#!/bin/bash
#
# with_cluster.sh
#	  Runs a command with a private PostgreSQL: new data folder, own port, 127.0.0.1 and a socket in $OSS_TEST_TMP.
#
# Sets PGHOST, PGPORT, PGUSER, PGDATABASE and PG_BINDIR for the command and stops the server whatever happens.
# CLUSTER_SETTINGS (lines for postgresql.conf) is added to the configuration.
#
# usage: with_cluster.sh command [argument...]
set -eu

bindir=$("${PG_CONFIG:-pg_config}" --bindir)
folder=$(mktemp -d "$OSS_TEST_TMP/pg.XXXXXX")
log=$OSS_TEST_OUT/server.log

stop_server()
{
	status=$?
	trap - EXIT
	if [ -f "$folder/data/postmaster.pid" ]; then
		"$bindir/pg_ctl" -D "$folder/data" -m fast -w -t 30 stop >/dev/null 2>&1 ||
			"$bindir/pg_ctl" -D "$folder/data" -m immediate -w -t 30 stop >/dev/null 2>&1 || true
	fi
	rm -rf "$folder"
	exit $status
}
trap stop_server EXIT
trap 'exit 130' INT TERM HUP

"$bindir/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$OSS_TEST_OUT/initdb.log" 2>&1 ||
	{ cat "$OSS_TEST_OUT/initdb.log" >&2; exit 1; }
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >>"$folder/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$folder'
shared_buffers = 256MB
max_wal_size = 4GB
max_prepared_transactions = 10
log_line_prefix = '%m [%p] %q%a '
timezone = 'UTC'
log_timezone = 'UTC'
${CLUSTER_SETTINGS:-}
CONF
"$bindir/pg_ctl" -D "$folder/data" -l "$log" -w -t 60 start >/dev/null || { tail -n 30 "$log" >&2; exit 1; }

export PGHOST=$folder PGPORT=$port PGUSER=postgres PGDATABASE=postgres PG_BINDIR=$bindir
PATH=$bindir:$PATH "$@"
