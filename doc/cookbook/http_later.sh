# SPDX-License-Identifier: BSD-3-Clause
#
# Requests are served together, a client that leaves ends its command, and one
# whose request is under way when the server ends still gets its answer.

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

# It does not listen any more, and has not ended, when the command goes on.
get / >left &
client=$!
started 1
kill $server
while curl -s -o /dev/null -X PUT "http://127.0.0.1:$port/"; do sleep 0.1; done
kill -0 $server
touch gate
wait $client
[ "$(cat left)" = done ]
wait $server
server=
rm gate
gone

serve false
get / && exit 1
ends
