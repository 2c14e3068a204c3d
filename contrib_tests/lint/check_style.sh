#!/bin/bash
#
# check_style.sh
#	  House rules that a machine can check, over every C file of the project.
#
#	- no function over 100 lines, no file over 900
#	- who may include what: the server's headers only below pg/, each big library's in one file
#	- PG_VERSION_NUM only in pg/compat.h
#	- indented by tabs, no blanks at line ends, a head comment in every file
#	- nothing unfinished is left lying about, and no path of a developer's machine
#
# Prints the offenders of each rule that fails, then "N passed, N failed"; with --quiet only the offenders.
set -u

cd "$(dirname "$0")/../.." || exit 1
quiet=${1:-}
passed=0
failed=0

# rule NAME OFFENDERS: passed when there are none
rule()
{
	if [ -z "$2" ]; then
		passed=$((passed + 1))
		[ "$quiet" = --quiet ] || echo "ok     $1"
	else
		failed=$((failed + 1))
		echo "FAILED $1:"
		echo "$2" | sed 's/^/    /' | head -n 40
	fi
}

# includes REGEX [EXCEPT]: files of the project, but those that EXCEPT names, that include a header like REGEX
includes()
{
	grep -lE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($1)" "${product[@]}" | grep -vE "${2:-^$}"
}

mapfile -t product < <(find oss_fdw -name '*.[ch]' | sort)
mapfile -t tests < <(find contrib_tests -name '*.[ch]' ! -name vectors.h | sort)
all=("${product[@]}" "${tests[@]}")
if [ ${#product[@]} = 0 ]; then
	echo "no C file was found below oss_fdw"
	exit 1
fi

rule "no function over 100 lines" "$(awk '
	FNR == 1 { start = 0 }
	/^{/ { start = FNR }
	/^}/ && start {
		if (FNR - start + 1 > 100)
			print FILENAME ":" start ": " FNR - start + 1 " lines"
		start = 0
	}' "${product[@]}")"
rule "no file over 900 lines" "$(wc -l "${all[@]}" | awk '$2 != "total" && $1 > 900 { print $2 ": " $1 " lines" }')"
rule "every file begins with a comment that tells its duty" "$(for file in "${all[@]}"; do
	head -n 1 "$file" | grep -q '^/\*' || echo "$file"
done)"

rule "the server's headers stay below pg/" \
	"$(includes 'postgres|fmgr\.h|c\.h"|miscadmin|(access|catalog|commands|executor|foreign|nodes|optimizer|storage|utils)/' '^oss_fdw/pg/')"
rule "libcurl in one file" "$(includes 'curl/' '^oss_fdw/core/oc_http\.c$')"
rule "OpenSSL in one file" "$(includes 'openssl/' '^oss_fdw/core/oc_digest\.c$')"
rule "libarchive in one file" "$(includes 'archive(_entry)?\.h' '^oss_fdw/core/oc_codec_archive\.c$')"
rule "expat in one file" "$(includes 'expat' '^oss_fdw/core/oc_xml\.c$')"
rule "PG_VERSION_NUM only in pg/compat.h" "$(grep -lw PG_VERSION_NUM "${product[@]}" | grep -v '^oss_fdw/pg/compat\.h$')"

rule "indented by tabs" "$(grep -nE '^ {4} *[^ \\]' "${all[@]}" | cut -c 1-100)"
rule "no blanks at line ends" "$(grep -nE '[ 	]+$' "${all[@]}" | cut -c 1-100)"
rule "nothing is left unfinished" "$(grep -nwE 'TODO|FIXME|XXX' "${all[@]}" | cut -c 1-100)"
rule "no path of a developer's machine" "$(grep -nE '(^|[^A-Za-z])/(work|home|root)/' "${all[@]}" | cut -c 1-100)"

[ "$quiet" = --quiet ] || echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
