# SPDX-License-Identifier: BSD-3-Clause
#
# Commands that leave at once, after a while, and not at all. SIGPIPE has its
# default action, if env can see to it: it would kill the program.

default=
! env --default-signal=PIPE true 2>&- || default=--default-signal=PIPE

# says TEXT COMMAND...: with N for the number of bytes, which it sets.
says() {
	wanted=$1
	shift
	env $default timeout 100 "$program" "$@" >out
	bytes=$(sed -n '1s/ .*//p' out)
	[ "$(sed '1s/^[0-9]*/N/' out)" = "$wanted" ] && return
	cat out
	exit 1
}

says 'N bytes: Broken pipe
wait status 0' true
says 'N bytes: Broken pipe
wait status 0' sh -c 'exec head -c 200000 >/dev/null'
[ "$bytes" -ge 200000 ]
[ "$bytes" -lt 1048576 ]
says 'N bytes: written
wait status 0' sh -c 'cat >/dev/null'
[ "$bytes" -eq 1048576 ]

# It closes its stdin and lives on.
says 'N bytes: Broken pipe
wait status 768' sh -c 'exec 0</dev/null; exit 3'
