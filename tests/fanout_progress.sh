#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs fanout on a terminal: its line of progress.

# Conditions and jobs are evaluated later, hence:
# shellcheck disable=SC2016
. "${srcdir:-.}/tests/checks.sh"

built_program samples/fanout/fanout
sample=$program
helper=$(cd "${top_builddir:-.}/tests/support" && pwd)/helper
cd "$tmp"

# The line of progress: the last job waits until it has been seen.

export NO_COLOR=1
mkfifo gate
exec 4<> gate
printf '1\n2\n3\n4\n' > four
show sh -c 'exec "$0" -j1 sh -c "$1" < four > out' "$sample" \
	'case $0 in 2) exit 1;; 4) read go < gate;; esac'
seen=yes
shows '3 done, 1 running, 1 failed, 0:00:[0-9][0-9] left' || seen=no
echo go >&4
leave_terminal
exec 4>&-
check 'the line of progress' test $seen = yes

# The end of a pipe is seen as soon as it is there, and not before.
mkfifo gate2
exec 4<> gate 5<> gate2
show sh -c '{ printf "1\n2\n3\n"; read go < gate2; } 5>&- |
	"$0" -j1 sh -c "$1" > out' "$sample" \
	'echo $0; case $0 in 2) read go < gate;; esac'
seen=no
if shows '1 done, 1 running, 0 failed$'; then
	echo go >&5
	if shows '1 done, 1 running, 0 failed, 0:00:[0-9][0-9] left'; then
		seen=yes
	fi
fi
echo go >&5
echo go >&4
leave_terminal
exec 4>&- 5>&-
check 'the line of progress, from a pipe' test $seen = yes
check 'what was looked at is not lost' test "$(cat out)" = $'1\n2\n3'

# Nor is it looked for further than a MiB: that would be seen in this time.
exec 4<> gate
for i in $(seq 13); do
	head -c 100000 /dev/zero | tr '\0' "$((i % 10))"
	echo
done > want
show sh -c 'cat want | "$0" -j1 sh -c "$1" > out' "$sample" \
	'echo $0; case $0 in 2*) read go < gate;; esac'
seen=yes
for _ in $(seq 25); do
	shows '1 done, 1 running, 0 failed' || seen=no
done
! grep -q left err || seen=no
printf 'go\ngo\n' >&4
leave_terminal
exec 4>&-
check 'the line of progress, from a long pipe' test $seen = yes
check 'of a long pipe nothing is lost' cmp out want

tally
