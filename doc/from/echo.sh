# SPDX-License-Identifier: BSD-3-Clause
#
# All bytes come back, also to a client that is there when the server is
# stopped.

for tool in nc socat; do
	command -v $tool >/dev/null && continue
	echo "$tool is missing: skipped"
	exit 0
done
server=
trap '[ -z "$server" ] || kill $server 2>/dev/null || :' EXIT

for try in 1 2 3 4 5 6 7 8 9; do
	port=$((20000 + ($$ * 7 + try * 997) % 12000))
	! nc -z 127.0.0.1 $port || continue
	"$program" $port 2>errors &
	server=$!
	until nc -z 127.0.0.1 $port; do
		kill -0 $server 2>/dev/null || break
		sleep 0.1
	done
	! kill -0 $server 2>/dev/null || break
done
kill -0 $server

seq 300000 >numbers
socat -t 600 - TCP:127.0.0.1:$port <numbers | cmp - numbers

mkfifo text
socat -t 600 - TCP:127.0.0.1:$port <text >answer &
client=$!
exec 3>text
echo one >&3
until [ -s answer ]; do sleep 0.1; done
kill $server
while nc -z 127.0.0.1 $port; do sleep 0.1; done
echo two >&3
exec 3>&-
wait $client
printf 'one\ntwo\n' | cmp - answer
wait $server
server=
[ ! -s errors ]
