# SPDX-License-Identifier: BSD-3-Clause
#
# Prompts that come in pieces and in any order, and one that is not known.

# says TEXT COMMAND: without the terminal's carriage returns. Of a time limit
# musl says "Operation timed out".
says() {
	status=0
	timeout 100 "$program" "$1" sh -c "$3" >out || status=$?
	printed=$(tr -d '\r' <out | sed 's/Operation timed/Connection timed/')
	[ "$printed" = "$2" ] && return
	echo "$printed"
	exit 1
}

says 60 'Are you sure (yes/no)? <yes>
Password: <secret>
yes, secret' 'printf "Are you sure (yes/no)"; printf "? "; read -r a
	printf Pass; printf "word: "; read -r b; echo "$a, $b"'
[ $status -eq 0 ]

# As ssh and su do, it asks at /dev/tty, and drops what was typed before that.
says 60 'Password: <secret>
secret' 'exec >/dev/tty; printf "Password: "; read -r a </dev/tty; echo "$a"'
[ $status -eq 0 ]

# It asks something else, and does not want to end.
says 5 'Password: <secret>
Your name?
no prompt: Connection timed out' 'trap "" HUP TERM
	printf "Password: "; read -r a; printf "Your name?"
	while :; do read -r b </dev/tty || :; done'
[ $status -eq 1 ]

# It writes without end, and asks nothing.
status=0
timeout 100 "$program" 60 sh -c 'while :; do echo nothing; done' >out ||
	status=$?
[ $status -eq 1 ]
tail -n 1 out | grep -qxE 'no prompt: Message (too long|too large)'
[ "$(wc -c <out)" -lt 200000 ]
