# SPDX-License-Identifier: BSD-3-Clause
#
# The caller learns that the command runs, or why it does not; SIGTERM ends the
# daemon and its command.

cat >command.sh <<-'END'
	trap 'echo ended >ended; exit' TERM
	cd "$1"
	echo $PPID >daemon
	echo $$ >command
	while :; do sleep 0.1; done
END
"$program" sh "$PWD/command.sh" "$PWD"
until [ -s command ]; do sleep 0.1; done
daemon=$(cat daemon)
kill -0 "$daemon"
if [ -e "/proc/$daemon/stat" ]; then
	# It leads a session, its descriptors are not ours.
	[ "$(cut -d' ' -f6 "/proc/$daemon/stat")" = "$daemon" ]
	[ "$(readlink "/proc/$daemon/cwd")" = / ]
	[ "$(readlink "/proc/$daemon/fd/1")" = /dev/null ]
fi
kill "$daemon"
while kill -0 "$daemon" 2>/dev/null; do sleep 0.1; done
[ "$(cat ended)" = ended ]
kill -0 "$(cat command)" 2>/dev/null && exit 1

"$program" ./missing 2>error && exit 1
grep -q 'exec ./missing: No such file' error
