#!/bin/bash
#
# check_wall.sh
#	  The wall between the two rooms: the core is a library of its own.
#
# Linking with -z defs (by make) already proved that it needs no symbol of the server.  Here: it exports only oc_
# names, calls nothing that a thread in a backend must not call, and headers are included where they may be.
#
# usage: check_wall.sh libcore.so
set -u

library=$1
passed=0
failed=0

# result NAME OFFENDERS: passed when there are none
result()
{
	if [ -z "$2" ]; then
		passed=$((passed + 1))
		echo "ok     $1"
	else
		failed=$((failed + 1))
		echo "FAILED $1:"
		echo "$2" | sed 's/^/    /' | head -n 20
	fi
}

# only_in HEADER FILE: no file of the project but FILE includes HEADER
only_in()
{
	grep -rlE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]$1" oss_fdw --include='*.[ch]' | grep -vE "^oss_fdw/($2)\$"
}

[ -f "$library" ] && unlinked="" || unlinked="see the linker's or compiler's output above"
result "the core links alone" "$unlinked"

if [ -f "$library" ]; then
	result "the core exports oc_ names only" \
		"$(nm -D --defined-only "$library" | awk '$2 ~ /[A-Z]/ && $3 !~ /^(oc_|_init$|_fini$)/ { print $3 }')"
	result "the core neither exits nor prints, and calls nothing that is not thread-safe" \
		"$(nm -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $2); print $2 }' |
			grep -xE 'exit|_exit|_Exit|abort|printf|vprintf|puts|putchar|perror|strerror|gmtime|localtime|asctime|ctime|strtok|setlocale|setenv|putenv|system|popen|fork|rand|srand|signal|sigaction|gethostbyname|longjmp|siglongjmp')"
fi

result "the server's headers stay in oss_fdw/pg" \
	"$(grep -rlE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"](postgres|fmgr|c\.h|utils/|nodes/|access/|executor/|catalog/|commands/|miscadmin|libpq)' oss_fdw/core oss_fdw/tools 2>/dev/null)"
result "oss_fdw/pg and oss_fdw/tools see no private header of the core" \
	"$(grep -rlE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]*oc_(int|[a-z]+_int)\.h"' oss_fdw/pg oss_fdw/tools 2>/dev/null)"
result "only oc_http.c includes curl" "$(only_in 'curl/' 'core/oc_http\.c')"
result "only oc_digest.c includes OpenSSL" "$(only_in 'openssl/' 'core/oc_digest\.c')"
result "only oc_codec_archive.c includes libarchive" "$(only_in 'archive(_entry)?\.h' 'core/oc_codec_archive\.c')"
result "only oc_xml.c includes expat" "$(only_in 'expat\.h' 'core/oc_xml\.c')"
result "only oc_manifest.c includes jansson" "$(only_in 'jansson\.h' 'core/oc_manifest\.c')"
result "only compat.h tests the server's version" \
	"$(grep -rl 'PG_VERSION_NUM' oss_fdw --include='*.[ch]' | grep -v '^oss_fdw/pg/compat\.h$')"

if [ -x contrib_tests/lint/check_style.sh ]; then
	result "house style" "$(contrib_tests/lint/check_style.sh --quiet 2>&1 || echo "exit status $?")"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
