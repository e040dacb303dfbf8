# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For scripts that try programs, which read this first: a directory of their
# own in $tmp, checks that are counted, and whom a program has left behind.
set -eu
export LC_ALL=C

tmp=$(mktemp -d)
# What else is to be done at the end: a script may have its own.
finish() {
	:
}
trap 'finish; rm -rf "$tmp"' EXIT

passed=0
failed=0
# Of the program that was last: its exit status, and the processes it left.
status=
left=

# check NAME COMMAND...: the command must succeed, with no process left.
check() {
	local name=$1 file pid
	shift
	if "$@" && [ -z "$left" ]; then
		passed=$((passed + 1))
		echo "ok      $name"
		return
	fi
	failed=$((failed + 1))
	echo "FAILED  $name"
	echo "        $*"
	echo "        status ${status:-unknown}, processes left: ${left:-none}"
	for file in out answer err; do
		[ ! -f $file ] || head -n 20 $file | cut -c -200 |
			sed "s/^/        $file: /"
	done
	for pid in $left; do
		tr '\0' ' ' < "/proc/$pid/cmdline" | sed 's/^/        left: /'
		grep '^State' "/proc/$pid/status"
		kill -KILL "$pid" # or the next check finds it, too
	done || :
}

skip() {
	echo "skipped $1: $2"
}

# For the environment: what children inherit, and nobody else has.
mark=CHECKS=$$.$RANDOM

marked() {
	grep -lzxF "$mark" /proc/[0-9]*/environ 2> /dev/null |
		sed 's,[^0-9],,g'
}

# The last line of a script: how it went.
tally() {
	echo "$passed passed, $failed failed"
	[ $failed -eq 0 ]
}
