#!/bin/bash
#
# demo_session.sh
#	  The demonstration itself; demo.sh starts it with a server and a store at hand.
#
# Every comparison is a test: the last line is "N passed, N failed".
set -eu
export LC_ALL=C.UTF-8 PGOPTIONS='-c client_min_messages=warning'

scale=${OSS_DEMO_SCALE:-10}
registry=/usr/share/ieee-data/oui.csv
passed=0
failed=0
rows=0

say()
{
	printf '\n\033[1m%s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9;]*m//g'; fi
}

# one value
ask()
{
	psql -XAtq -v ON_ERROR_STOP=1 -c "$1"
}

# run SQL: prints the statement, runs it, prints its result and sets seconds
run()
{
	local begun=$EPOCHREALTIME

	printf '%s;\n' "$1"
	psql -Xq -v ON_ERROR_STOP=1 -P pager=off -c "$1"
	seconds=$(awk "BEGIN { printf \"%.2f\", $EPOCHREALTIME - $begun }")
}

# rate ROWS BYTES: how fast the last statement was
rate()
{
	awk "BEGIN { s = $seconds > 0 ? $seconds : 0.01; printf \"  -> %d rows, %.1f MB of csv, %.2f s: %.0f MB/s, %.0f rows/s\n\",
		$1, $2 / 1e6, $seconds, $2 / 1e6 / s, $1 / s }"
}

# check WHAT ACTUAL EXPECTED
check()
{
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
		printf '  ok      %s: %s\n' "$1" "$2"
	else
		failed=$((failed + 1))
		printf '  FAILED  %s: %s, expected %s\n' "$1" "$2" "$3"
	fi
}

# same TABLE TABLE: equal as multisets, and by a checksum over all rows
same()
{
	local sum="SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM"

	check "rows of $1 that $2 lacks" "$(ask "SELECT count(*) FROM (TABLE $1 EXCEPT ALL TABLE $2) d")" 0
	check "rows of $2 that $1 lacks" "$(ask "SELECT count(*) FROM (TABLE $2 EXCEPT ALL TABLE $1) d")" 0
	check "rows and checksum of $2" "$(ask "$sum $2 t")" "$(ask "$sum $1 t")"
}

prepare()
{
	say "1. A private PostgreSQL $(ask 'SHOW server_version_num') on 127.0.0.1:$PGPORT, a local store at $OSS_TEST_ENDPOINT"
	run "CREATE EXTENSION oss_fdw"
	run "CREATE SERVER demo FOREIGN DATA WRAPPER oss_fdw
	OPTIONS (endpoint '$OSS_TEST_ENDPOINT', provider 'oss', region 'cn-hangzhou', bucket '$OSS_TEST_BUCKET')"
	run "CREATE USER MAPPING FOR CURRENT_USER SERVER demo
	OPTIONS (access_key_id '$OSS_TEST_KEY_ID', access_key_secret '$OSS_TEST_KEY_SECRET')"
}

export_accounts()
{
	local csv_bytes

	say "2. pgbench's accounts, scale $scale, into the store"
	pgbench -i -q -s "$scale" >/dev/null 2>&1
	rows=$(ask 'SELECT count(*) FROM pgbench_accounts')
	csv_bytes=$(psql -XAtq -c 'COPY pgbench_accounts TO STDOUT (FORMAT csv)' | wc -c)
	run "CREATE FOREIGN TABLE accounts (aid int, bid int, abalance int, filler character(84)) SERVER demo
	OPTIONS (dir 'accounts/', format 'csv', compression 'gzip', max_file_size '64MB')"
	run "INSERT INTO accounts SELECT * FROM pgbench_accounts"
	rate "$rows" "$csv_bytes"
	run "SELECT count(*) AS objects, pg_size_pretty(sum(size)) AS stored, min(name) AS first_object FROM oss_fdw_list_file('accounts')"

	say "3. And back"
	run "CREATE TABLE accounts_back (LIKE pgbench_accounts)"
	run "INSERT INTO accounts_back SELECT * FROM accounts"
	rate "$rows" "$csv_bytes"
	same pgbench_accounts accounts_back
}

# An export is part of the transaction
roll_back()
{
	local before after

	say "4. An export that is rolled back leaves nothing"
	before=$(ask "SELECT count(*) FROM oss_fdw_list_file('accounts')")
	printf 'BEGIN;\nINSERT INTO accounts SELECT * FROM pgbench_accounts;\nROLLBACK;\n'
	psql -Xq -v ON_ERROR_STOP=1 -c 'BEGIN' -c 'INSERT INTO accounts SELECT * FROM pgbench_accounts' -c 'ROLLBACK'
	after=$(ask "SELECT count(*) FROM oss_fdw_list_file('accounts')")
	check "objects afterwards" "$after" "$before"
	check "unfinished uploads" "$(ask "SELECT count(*) FROM oss_fdw_uploads('demo')")" 0
}

read_registry()
{
	say "5. A csv that somebody else wrote: the IEEE's registry, put into the store as it is"
	if [ ! -r "$registry" ]; then
		failed=$((failed + 1))
		echo "  FAILED  no $registry: install Debian's package ieee-data"
		return
	fi
	python3 contrib_tests/lib/put_object.py registry/oui.csv "$registry"
	run "CREATE FOREIGN TABLE registry (registry text, assignment text, organization text, address text) SERVER demo
	OPTIONS (filepath 'registry/oui.csv', format 'csv', header 'true')"
	run "SELECT organization, count(*) FROM registry GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5"
	run "SELECT assignment, organization, left(address, 60) AS address FROM registry
	WHERE organization ~ '[^ -~]' AND address LIKE '%,%' ORDER BY 1 LIMIT 3"
	psql -Xq -v ON_ERROR_STOP=1 -c 'CREATE TABLE registry_local (registry text, assignment text, organization text, address text)' \
		-c "\\copy registry_local FROM '$registry' (FORMAT csv, HEADER)"
	same registry_local registry
}

what_next()
{
	say "What you would type next, with a bucket of your own"
	cat <<'SQL'
CREATE SERVER oss FOREIGN DATA WRAPPER oss_fdw
	OPTIONS (endpoint 'oss-cn-hangzhou.aliyuncs.com', bucket 'my-bucket');
CREATE USER MAPPING FOR CURRENT_USER SERVER oss
	OPTIONS (access_key_id '...', access_key_secret '...');
SELECT * FROM oss_fdw_check('oss');
CREATE FOREIGN TABLE my_export (id int, name text) SERVER oss OPTIONS (dir 'exports/', compression 'zstd');
INSERT INTO my_export SELECT id, name FROM my_table;
SQL
}

prepare
export_accounts
roll_back
read_registry
what_next
echo
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
