# SPDX-License-Identifier: BSD-3-Clause
#
# The same lines from every kind of file; and what cannot be read.

seq 1000 >file
expected='1000 lines, 3893 bytes'

[ "$("$program" <file)" = "$expected" ]
[ "$("$program" file)" = "$expected" ]
[ "$(seq 1000 | "$program")" = "$expected" ]
[ "$("$program" </dev/null)" = '0 lines, 0 bytes' ]
[ "$("$program" /dev/null)" = '0 lines, 0 bytes' ]

mkfifo fifo
cat file >fifo &
[ "$("$program" <fifo)" = "$expected" ]
wait

if command -v socat >/dev/null; then
	socat -u FILE:file SYSTEM:"exec '$program' >from-socket"
	until [ -s from-socket ]; do sleep 0.1; done
	[ "$(cat from-socket)" = "$expected" ]
else
	echo 'socat is missing: no socket was read'
fi

"$program" . 2>error && exit 1
grep -q 'Is a directory' error
"$program" <. 2>error && exit 1
grep -q 'Is a directory' error
"$program" missing 2>error && exit 1
grep -q 'No such file' error
