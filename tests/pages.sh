#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs the programs of the manual (doc/man), of the cookbook (doc/cookbook) and
# of the pages for whoever comes from elsewhere (doc/from), and compares the
# pages with them. NAME.c is run with NAME.in as its standard input, or nothing,
# and prints NAME.out; or NAME.sh runs it, as "$program", in a folder of its own,
# and succeeds. A page shows it whole, from below its first comment: in Markdown
# below a link to it, in a manual page below the line .\" NAME.c
set -u

: "${srcdir:=.}"
srcdir=$(cd "$srcdir" && pwd)
build=$PWD
result=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

fail() {
	echo "FAILED: $*"
	result=1
}

# runs SOURCE: its program does what is said of it.
runs() {
	program=$build/${1#"$srcdir"/}
	program=${program%.c}
	expected=${1%.c}.out
	if [ ! -x "$program" ]; then
		echo "skipped: $program was not built"
		return
	fi
	rm -rf "$tmp/run"
	mkdir "$tmp/run"
	if [ -e "${1%.c}.sh" ]; then
		(
			export program srcdir
			cd "$tmp/run" && exec sh -eu "${1%.c}.sh"
		) </dev/null >"$tmp/printed" 2>&1
	else
		input=/dev/null
		[ ! -e "${1%.c}.in" ] || input=${1%.c}.in
		(cd "$tmp/run" && exec "$program") \
			<"$input" >"$tmp/printed" 2>&1 &&
			cmp "$expected" "$tmp/printed"
	fi && echo "ok: $program" && return
	fail "$program"
	cat "$tmp/printed"
}

# shown SOURCE PAGE: the code there.
shown() {
	case $2 in
	*.md) awk -v link="($(basename "$(dirname "$1")")/$(basename "$1"))" \
		-v near="($(basename "$1"))" '
		/^```/ { code = !code; if (!code) found = 0; next }
		code && found
		!code && (index($0, link) || index($0, near)) { found = 1 }' "$2" ;;
	*) awk -v name="$(basename "$1")" '
		$0 == ".\\\" " name { found = 1 }
		/^\.Ed/ { found = code = 0 }
		found && code { gsub(/\\&/, ""); gsub(/\\e/, "\\"); print }
		/^\.Bd/ { code = 1 }' "$2" ;;
	esac
}

# is_shown SOURCE PAGE...: one of the pages shows it.
is_shown() {
	source=$1
	shift
	sed '1,/^$/d' "$source" >"$tmp/code"
	for page; do
		shown "$source" "$page" | cmp -s - "$tmp/code" && return
	done
	fail "no page shows ${source#"$srcdir"/}"
}

for source in "$srcdir"/doc/man/*.c; do
	[ -e "$source" ] || continue
	runs "$source"
	is_shown "$source" "$srcdir"/doc/man/*.[1-9]
done
for folder in cookbook from; do
	for source in "$srcdir/doc/$folder"/*.c; do
		[ -e "$source" ] || continue
		runs "$source"
		is_shown "$source" "$srcdir/doc/$folder"/*.md \
			"$srcdir"/doc/cookbook.md
	done
done
exit $result
