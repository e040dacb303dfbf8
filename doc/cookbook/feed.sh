# SPDX-License-Identifier: BSD-3-Clause
#
# Commands that take or write more than a pipe holds, in any order.

# writes TAKEN OUT ERR COMMAND...
writes() {
	wanted="it took $1 bytes, and wrote $2 to stdout, $3 to stderr"
	shift 3
	printed=$(timeout 100 "$program" "$@")
	[ "$printed" = "$wanted" ] && return
	echo "$printed, not $wanted: $*"
	exit 1
}

all=4194304
writes $all $all 0 cat
writes $all $all $all tee /dev/stderr
writes $all 1000000 $all sh -c 'head -c 1000000 /dev/zero; cat >&2'
writes $all 1000000 1000000 sh -c 'head -c 1000000 /dev/zero >&2
	head -c 1000000 /dev/zero; cat >/dev/null'
writes $all 4 0 sh -c 'cat >/dev/null; echo end'

# It leaves early: the rest is not taken, and that is no error.
printed=$(timeout 100 "$program" head -c 1)
[ "${printed#*, }" = 'and wrote 1 to stdout, 0 to stderr' ]
taken=${printed#it took }
[ "${taken%% *}" -lt $all ]

# Its output has a limit.
! timeout 100 "$program" cat /dev/zero 2>err || exit 1
grep -q '^cat: ' err
