# SPDX-License-Identifier: BSD-3-Clause
#
# A half that ends leaves the other one open; a slow reader makes its writer
# wait; a server that is not there costs its client only; SIGTERM ends nothing
# that is going on.

for tool in nc socat; do
	command -v $tool >/dev/null && continue
	echo "$tool is missing: skipped"
	exit 0
done
proxy='' server=''
trap 'kill $proxy $server 2>/dev/null || :' EXIT

free_ports() {
	for try in 1 2 3 4 5 6 7 8 9; do
		port=$((20000 + ($$ * 7 + try * 997) % 12000))
		back=$((port + 1))
		nc -z 127.0.0.1 $port || nc -z 127.0.0.1 $back || return 0
	done
	return 1
}

free_ports
"$program" 127.0.0.1 $port localhost $back 2>errors &
proxy=$!

# No server yet. This is how the test learns that the proxy listens.
until nc -z 127.0.0.1 $port; do
	kill -0 $proxy
	sleep 0.1
done
until grep -q "^a connection failed:.*:$back: Connection refused" errors; do sleep 0.1; done

# sort(1) answers after the end of its input.
socat -t 600 TCP-LISTEN:$back,bind=127.0.0.1,reuseaddr,fork EXEC:sort &
server=$!
until nc -z 127.0.0.1 $back; do
	kill -0 $server
	sleep 0.1
done
seq 30000 | socat -t 600 - TCP:127.0.0.1:$port >sorted
seq 30000 | sort | cmp - sorted
kill $server
wait $server || :

# The server does not read before it is let, so the client has to wait.
mkfifo gate
cat >slow.sh <<-'END'
	read line <gate
	cksum
END
socat -d -d -t 600 TCP-LISTEN:$back,bind=127.0.0.1,reuseaddr \
	EXEC:'sh slow.sh' 2>log &
server=$!
until grep -q listening log; do
	kill -0 $server
	sleep 0.1
done
{ head -c 200000000 /dev/zero; touch over; } |
	socat -t 600 - TCP:127.0.0.1:$port >answer &
client=$!
used() {
	cut -d' ' -f14,15 "/proc/$proxy/stat" 2>/dev/null || :
}
before=
until [ "$(used)" = "$before" ]; do
	before=$(used)
	sleep 0.5
done
[ ! -e over ]
echo go >gate
wait $client
head -c 200000000 /dev/zero | cksum | cmp - answer

# A client that is there at the end is served first; no other is accepted.
socat -d -d TCP-LISTEN:$back,bind=127.0.0.1,reuseaddr EXEC:sort \
	2>last.log &
server=$!
until grep -q listening last.log; do
	kill -0 $server
	sleep 0.1
done
mkfifo last
socat -t 600 - TCP:127.0.0.1:$port <last >answer &
client=$!
exec 3>last
until grep -q 'starting data transfer' last.log; do sleep 0.1; done
kill $proxy
while nc -z 127.0.0.1 $port; do sleep 0.1; done
printf 'b\na\n' >&3
exec 3>&-
wait $client
[ "$(cat answer)" = 'a
b' ]
wait $proxy
proxy=
