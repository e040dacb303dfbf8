# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# For scripts that try programs, which read this first: a directory of their
# own in $tmp, checks that are counted, and whom a program has left behind.
set -eu
export LC_ALL=C

# A script that hangs is to fail with its log.
if [ -z "${CHECKS_LIMITED-}" ] && command -v timeout > /dev/null; then
	CHECKS_LIMITED=yes exec timeout -k 30 "${CHECKS_SECONDS-1200}" \
		bash "$0" "$@" < /dev/null
fi
unset CHECKS_LIMITED

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

# check NAME COMMAND...: the command must succeed, with no process left. What is
# printed is of those that fail only: it is to be read.
check() {
	local name=$1 file pid
	shift
	if "$@" && [ -z "$left" ]; then
		passed=$((passed + 1))
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
		tr '\0' ' ' < "/proc/$pid/cmdline" | sed 's/^/        left: /;s/$/\n/'
		grep '^State' "/proc/$pid/status"
		kill -KILL "$pid" # or the next check finds it, too
	done || :
}

# built_program PATH: sets program to that of the build directory. Where libtool
# has made a script that runs it, the script is not what is tried.
built_program() {
	local folder
	folder=$(cd "${top_builddir:-.}" && pwd)
	program=$folder/$1
	if [ -x "$folder/${1%/*}/.libs/${1##*/}" ]; then
		program=$folder/${1%/*}/.libs/${1##*/}
		export LD_LIBRARY_PATH="$folder/lib/.libs"
	fi
}

# Makes what is in err, or the file, as glibc says it: musl has words of its own.
as_glibc() {
	sed -i -e "s/unrecognized option: \(.*\)/unrecognized option '--\1'/" \
		-e 's/No file descriptors available/Too many open files/' \
		-e 's/Address in use/Address already in use/' \
		-e 's/Operation timed out/Connection timed out/' "${1-err}"
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

# find_left [PID]: sets left, but for that one. A process may close what it has
# some time before it is gone.
find_left() {
	local pid
	for pid in $(marked | grep -vx "${1-}"); do
		timeout 10 tail -s 0.1 --pid="$pid" -f /dev/null || :
	done
	left=$(marked | grep -vx "${1-}" || :)
}

# On a terminal

# show COMMAND...: on a terminal that $helper makes. What it prints is descriptor
# 3, and 4 is not its own.
show() {
	mkfifo screen
	env "$mark" timeout -k 5 60 "$helper" terminal "$@" \
		> screen < /dev/null 4>&- &
	shown=$!
	exec 3< screen
	rm screen
	: > err
}

# shows REGEX: whether a line that does comes, before another takes its place.
shows() {
	local line
	while IFS= read -r -t 30 -d $'\r' -u 3 line; do
		printf '%q\n' "$line" >> err
		[[ ! $line =~ $1 ]] || return 0
	done
	return 1
}

# Sets status and left.
leave_terminal() {
	cat <&3 >> err
	exec 3<&-
	status=0
	wait "$shown" || status=$?
	find_left
}

# The last line of a script: how it went.
tally() {
	echo "$passed passed, $failed failed"
	[ $failed -eq 0 ]
}
