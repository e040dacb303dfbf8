#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs the programs of the manual (doc/man), of the cookbook (doc/cookbook) and
# of the pages for whoever comes from elsewhere (doc/from), and compares the
# pages with them. NAME.c is run with NAME.in as its standard input, or nothing,
# and prints NAME.out; or NAME.sh runs it, as "$program", in a folder of its own,
# and succeeds. A page shows it whole, from below its first comment: in Markdown
# below a link to it, in a manual page below the line .\" NAME.c
#
# In doc/from, NAME_LIBRARY.c, NAME.py and NAME.go are the other half of a pair:
# they have the same input and output as NAME.c.
set -u

: "${srcdir:=.}"
srcdir=$(cd "$srcdir" && pwd)
build=$PWD
result=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# What hangs is to fail, with what it has printed.
# Unquoted below: words.
# shellcheck disable=SC2086
limited=
! command -v timeout >/dev/null || limited='timeout -k 10 600'

fail() {
	echo "FAILED: $*"
	result=1
}

# made SOURCE: whether there is a program of it, which it sets.
made() {
	case $1 in
	*.c)
		program=$build/${1#"$srcdir"/}
		program=${program%.c}
		[ -x "$program" ] && return
		echo "skipped: $program was not built"
		;;
	*.py)
		program=$tmp/program
		command -v python3 >/dev/null &&
			{ echo '#!/usr/bin/env python3' && cat "$1"; } \
				>"$program" && chmod +x "$program" && return
		echo "skipped: $1: there is no python3"
		;;
	*.go)
		program=$tmp/program
		command -v go >/dev/null && go vet "$1" &&
			go build -o "$program" "$1" && return
		! command -v go >/dev/null || fail "$1"
		echo "skipped: $1: there is no go"
		;;
	esac
	return 1
}

# runs SOURCE: its program does what is said of it.
runs() {
	made "$1" || return
	stem=${1%.*}
	case ${1#"$srcdir"/doc/} in
	from/*_*) stem=${stem%_*} ;;
	esac
	rm -rf "$tmp/run"
	mkdir "$tmp/run"
	if [ -e "$stem.sh" ]; then
		(
			export program srcdir
			cd "$tmp/run" && exec $limited sh -eu "$stem.sh"
		) </dev/null >"$tmp/printed" 2>&1
	else
		input=/dev/null
		[ ! -e "$stem.in" ] || input=$stem.in
		(
			case $1 in
			*_glib.c) # its threads are not built for the sanitizer
				TSAN_OPTIONS=ignore_noninstrumented_modules=1
				export TSAN_OPTIONS
				;;
			esac
			cd "$tmp/run" && exec $limited "$program"
		) <"$input" >"$tmp/printed" 2>&1 &&
			cmp "$stem.out" "$tmp/printed"
	fi && echo "ok: $1" && return
	fail "$1"
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
for source in "$srcdir"/doc/cookbook/*.c "$srcdir"/doc/from/*.c \
	"$srcdir"/doc/from/*.py "$srcdir"/doc/from/*.go; do
	[ -e "$source" ] || continue
	runs "$source"
	is_shown "$source" "$(dirname "$source")"/*.md "$srcdir"/doc/cookbook.md
done

# Several pages of doc/from show the same program. Each pair has two programs.
for page in "$srcdir"/doc/from/*.md; do
	[ -e "$page" ] || continue
	for source in "$srcdir"/doc/from/*.c; do
		! grep -qF "]($(basename "$source"))" "$page" ||
			is_shown "$source" "$page"
	done
	awk '/^```./ { programs++ }
		/^<!-- pair -->$/ { if (pair++ || programs) exit 1 }
		/^<!-- \/pair -->$/ { if (!pair--) exit 1 }
		/^<!-- \/pair -->$/ { if (programs != 2) exit 1; programs = 0 }
		END { if (pair || programs) exit 1 }' "$page" ||
		fail "the pairs of $page"
done
exit $result
