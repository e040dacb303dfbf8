# SPDX-License-Identifier: BSD-3-Clause
#
# Requests are served together, a client that leaves ends its command, and so
# does the end of the server.

. "$srcdir"/doc/cookbook/serve.sh

# Each command waits for the gate.
cat >command.sh <<-'END'
	echo $$ >pid.$$
	until [ -e gate ]; do sleep 0.1; done
	echo done
END
started() {
	until [ "$(cat pid.* 2>/dev/null | wc -l)" -eq "$1" ]; do
		kill -0 $server
		sleep 0.1
	done
}
gone() {
	for pid in $(cat pid.*); do
		while kill -0 $pid 2>/dev/null; do sleep 0.1; done
	done
	rm pid.*
}

serve sh command.sh
get / >one &
one=$!
get / >two &
two=$!
get / >three &
three=$!
started 3
touch gate
wait $one && wait $two && wait $three
[ "$(cat one two three | grep -cx done)" -eq 3 ]
rm gate pid.*

curl -sf "http://127.0.0.1:$port/" &
client=$!
started 1
kill $client
gone

curl -sf "http://127.0.0.1:$port/" >left &
client=$!
started 1
ends
gone
wait $client && exit 1

serve false
get / && exit 1
ends
