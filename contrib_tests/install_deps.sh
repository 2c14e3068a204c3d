#!/bin/bash
#
# install_deps.sh
#	  Installs what is missing to build, test and demonstrate oss_fdw on Debian.
#
# Nothing is asked and nothing is contacted when nothing is missing.  Otherwise apt-get is run as root, or through
# sudo.  A PostgreSQL that is not Debian's is respected: when PG_CONFIG points to one, no server package is installed.
#
# usage: install_deps.sh [--list]		--list: only print the missing packages
set -eu

here=$(cd "$(dirname "$0")" && pwd)
makefile=$here/../Makefile
pg_config=${PG_CONFIG:-pg_config}

# what "make" needs, beside the server's headers
build_packages="gcc make pkg-config libc6-dev libcurl4-openssl-dev libssl-dev libarchive-dev libisal-dev libdeflate-dev
	libzstd-dev liblz4-dev liblzma-dev libbz2-dev libsnappy-dev zlib1g-dev libexpat1-dev
	libjansson-dev"
# what the tests, the demonstration and the measurements need
test_packages="perl libipc-run-perl python3 python3-venv openssl binutils util-linux procps ieee-data
	pigz zstd lz4 bzip2 xz-utils zip p7zip-full"

# sudo may ask for a password only where somebody can type it
sudo="sudo -n"
[ ! -t 0 ] || sudo=sudo

die()
{
	echo "install_deps.sh: $*" >&2
	exit 1
}

# The major version to use: that of pg_config when it is a server's, else the distribution's.
pg_major()
{
	local major

	major=$("$pg_config" --version 2>/dev/null | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p')
	[ -n "$major" ] || major=$(apt-cache show postgresql 2>/dev/null | sed -n 's/^Version: \([0-9]*\)[+].*/\1/p' | head -n 1)
	echo "${major:-15}"
}

# True when pg_config belongs to a server that no Debian package brought.
has_foreign_server()
{
	local pgxs

	pgxs=$("$pg_config" --pgxs 2>/dev/null) || return 1
	[ -f "$pgxs" ] && [ -x "$("$pg_config" --bindir)/postgres" ] && ! dpkg -S "$pgxs" >/dev/null 2>&1
}

wanted_packages()
{
	local major

	echo $build_packages $test_packages
	if ! has_foreign_server; then
		major=$(pg_major)
		echo "postgresql-$major postgresql-client-$major postgresql-server-dev-$major"
	fi
}

missing_packages()
{
	local installed name

	installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p' | tr '\n' ' ') "
	for name in $(wanted_packages); do
		case $installed in
			*" $name "*) ;;
			*) echo "$name" ;;
		esac
	done
}

# Runs a command as root.
as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		$sudo "$@" || die "sudo did not work; as root run: apt-get install $missing"
	else
		die "not root, and there is no sudo; as root run: apt-get install $missing"
	fi
}

run_apt()
{
	as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
		apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# The libraries are looked up by the names that the Makefile links.
check_libraries()
{
	local library absent=""

	for library in $(sed -n 's/^CORE_PKGS *= *//p' "$makefile"); do
		pkg-config --exists "$library" || absent="$absent $library"
	done
	[ -z "$absent" ] || die "pkg-config does not find:$absent"
}

command -v dpkg-query >/dev/null ||
	die "this is not Debian; install the counterparts of: $(echo $build_packages $test_packages) and a PostgreSQL server with its headers"

missing=$(missing_packages | tr '\n' ' ')
if [ "${1:-}" = --list ]; then
	echo $missing
	exit 0
fi
if [ -n "$missing" ]; then
	echo "installing: $missing"
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	if ! { run_apt update && missing=$(missing_packages | tr '\n' ' ') &&
		run_apt install --no-install-recommends $missing; } >"$log" 2>&1; then
		tail -n 30 "$log" >&2
		die "apt-get failed"
	fi
fi
check_libraries
