#!/bin/bash
#
# make_venv.sh
#	  A Python environment with the packages that the interop tests name; made once, kept in build/venv.
#
# Made anew when a requirements file has changed.  Nothing is downloaded otherwise.
#
# usage: make_venv.sh FOLDER REQUIREMENTS...
set -eu

folder=$1
shift
stamp=$(cat "$@" | sha256sum)
[ "$(cat "$folder/stamp" 2>/dev/null)" != "$stamp" ] || exit 0
rm -rf "$folder"
/usr/bin/python3 -m venv "$folder"
arguments=()
for file in "$@"; do
	arguments+=(-r "$file")
done
"$folder/bin/python3" -m pip install --quiet --disable-pip-version-check --no-input "${arguments[@]}" </dev/null
echo "$stamp" >"$folder/stamp"
