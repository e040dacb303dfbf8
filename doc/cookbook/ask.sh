# SPDX-License-Identifier: BSD-3-Clause
#
# One line is read, the rest is for the next program, and at no time is the
# descriptor in non-blocking mode.

# The rest of a pipe and of a file is there for the next one.
rest=$(printf 'Ann\nBob\n' | { "$program" >&2 && cat; } 2>answer)
[ "$rest" = Bob ]
[ "$(cat answer)" = 'Your name? Hello, Ann' ]
printf 'Ann\nBob\n' >names
rest=$({ "$program" >&2 && cat; } <names 2>answer)
[ "$rest" = Bob ]

# is_blocking PID: its standard input is, while it waits.
is_blocking() {
	[ -e "/proc/$1/fdinfo/0" ] || return 0
	flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$1/fdinfo/0")
	[ $((flags & 04000)) -eq 0 ]
}

mkfifo fifo
"$program" 600 <fifo >answer &
exec 3>fifo
until grep -q 'name?' answer; do sleep 0.1; done
is_blocking $!
echo Ann >&3
wait $!
grep -q 'Hello, Ann' answer
exec 3>&-

# Also on a terminal, and when the program is killed there.
if command -v script >/dev/null && command -v timeout >/dev/null; then
	cat >on-tty <<-'END'
		"$program" 600 <&0 &
		while kill -0 $!; do
			grep -q 'name?' answer && kill -KILL $!
			sleep 0.1
		done
		sed -n 's/^flags:[[:space:]]*/flags: /p' /proc/$$/fdinfo/0 >flags
	END
	timeout 300 script -qfec 'sh on-tty' answer </dev/null >script 2>&1 ||
		{ cat script; exit 1; }
	if [ -s flags ]; then
		flags=$(sed 's/flags: //' flags)
		[ $((flags & 04000)) -eq 0 ]
	fi
else
	echo 'script is missing: no terminal was tried'
fi

# The time is over.
"$program" 0 <fifo >answer &
exec 3>fifo
wait $! && exit 1
grep -q 'Never mind' answer
