# SPDX-License-Identifier: BSD-3-Clause
#
# Several files of different kinds arrive at once, open where they were; what is
# sent has been opened before it was passed.

sender=${program%/*}/send_fds
listens() {
	until [ -S socket ]; do
		kill -0 $!
		sleep 0.1
	done
}

"$program" "$PWD/socket" >printed 2>error &
receiver=$!
listens
echo 'first
second' >file
echo third >other
mkfifo fifo
{ until [ -e gate ]; do sleep 0.1; done; echo pipe; } >fifo &
writer=$!
# The first line of the file is read before. read(1) takes no more.
{ read line && "$sender" "$PWD/socket" fifo other; } <file
rm file other
touch gate
wait $writer
wait $receiver
[ "$(tail -n 1 printed)" = third ]
grep -qx second printed
grep -qx pipe printed
[ "$(wc -l <printed)" -eq 3 ]
[ ! -s error ]

# Nobody is there, or no longer.
"$sender" "$PWD/socket" </dev/null 2>error && exit 1
grep -q "^$PWD/socket: No such file" error
"$sender" "$PWD/nowhere" </dev/null 2>error && exit 1
grep -q 'No such file' error
"$sender" "$PWD/socket" missing </dev/null 2>error && exit 1
grep -q 'No such file' error
"$program" "$PWD/printed" 2>error && exit 1
grep -q 'Address.*in use' error
[ -s printed ]

# What is not a descriptor is nothing.
if command -v socat >/dev/null; then
	"$program" "$PWD/socket" >printed &
	receiver=$!
	listens
	echo text | socat -u - UNIX-CONNECT:socket
	wait $receiver
	[ ! -s printed ]
fi
