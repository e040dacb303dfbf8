#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs the tutorial's examples, compares what they print, and compares the
# tutorial with them: it shows each whole, from below its first comments.
# Functions are called by check, texts are formats for printf(1), hence:
# shellcheck disable=SC2317,SC2059
set -u

: "${srcdir:=.}"
page=$srcdir/doc/tutorial.md
result=0

check() {
	what=$1
	shift
	if "$@"; then
		echo "ok: $what"
	else
		echo "FAILED: $what"
		result=1
	fi
}

# prints EXAMPLE INPUT OUTPUT: it succeeds, and says just that.
prints() {
	printed=$(printf "$2" | "doc/examples/$1" 2>&1)
	status=$?
	[ "$status" -eq 0 ] && [ "$printed" = "$(printf "$3")" ] && return
	echo "$printed"
	return 1
}

check 'line' prints line 'a\nb\n' 'you said: a\n'
check 'line, at the end' prints line '' 'you said: '
check 'chain' prints chain 'a\n\nb\n' '1: a\n2: \n3: b\n3 lines, no error\n'
check 'chain, at the end' prints chain '' '0 lines, no error\n'
check 'child' prints child '' 'hello, world\nexit status 3\n'
check 'together' prints together '' 'wc -l: 2\nwc -w: 6\nwc -c: 20\n'
check 'thread' prints thread '' 'the sum is 500500\n'
check 'race' prints race '' 'FIRST\n'

# Which of the two streams comes first may differ.
logs() {
	printed=$(doc/examples/log 2>&1 < /dev/null | sort)
	[ "$printed" = "$(printf "$1")" ] && return
	echo "$printed"
	return 1
}

check 'log' logs 'exit status 0\nfetch, stderr: 2 found
sort, stdout: fig\nsort, stdout: pear\n'

# The code below the link to examples/$1.c.
shown() {
	awk -v "link=(examples/$1.c)" '
		/^```/ { code = !code; if (!code) found = 0; next }
		code && found
		!code && index($0, link) { found = 1 }' "$page"
}

is_shown() {
	shown "$1" | cmp - "$2" && [ "$(wc -l < "$3")" -lt 60 ]
}

files=0
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
for file in "$srcdir"/doc/examples/*.c; do
	name=$(basename "$file" .c)
	sed '1,/^$/d' "$file" > "$tmp"
	check "the page shows $name" is_shown "$name" "$tmp" "$file"
	files=$((files + 1))
done
check 'the page shows nothing else' \
	[ "$(grep -c '^```c$' "$page")" -eq $files ]

exit $result
