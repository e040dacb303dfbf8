# SPDX-License-Identifier: BSD-3-Clause
#
# More descriptors than the receiver has room for are refused there; here, more
# than 16. What receive_fds.sh does needs this program, too.

"$program" 2>error && exit 1
grep -q usage error
touch a
"$program" "$PWD/socket" a a a a a a a a a a a a a a a a 2>error && exit 1
grep -q usage error

receiver=${program%/*}/receive_fds
"$receiver" "$PWD/socket" >printed &
until [ -S socket ]; do
	kill -0 $!
	sleep 0.1
done
echo b >b
"$program" "$PWD/socket" a b a a a a a a a a a a a a b </dev/null
wait $!
[ "$(cat printed)" = 'b
b' ]

# Here it has too few descriptors left for all of them.
[ ! -e socket ]
(
	ulimit -n 12
	exec "$receiver" "$PWD/socket"
) 2>error &
until [ -S socket ]; do
	kill -0 $!
	sleep 0.1
done
"$program" "$PWD/socket" a b a a a a a a a a a a a a b </dev/null
wait $! && exit 1
grep -q 'Too many open files' error
