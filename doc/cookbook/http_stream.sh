# SPDX-License-Identifier: BSD-3-Clause
#
# Lines are sent as they come; the command waits for a slow client; the command ends
# with its client, and with the server.

. "$srcdir"/doc/cookbook/serve.sh

cat >command.sh <<-'END'
	echo $$ >pid.$$
	echo first
	until [ -e gate ]; do sleep 0.1; done
	echo last
END
# Waits for what was started to be gone.
gone() {
	until [ "$(cat pid.* 2>/dev/null | wc -l)" -ge 1 ]; do sleep 0.1; done
	for pid in $(cat pid.*); do
		while kill -0 $pid 2>/dev/null; do sleep 0.1; done
	done
	rm pid.* answer
}

serve sh command.sh
curl -sfN "http://127.0.0.1:$port/" >answer &
client=$!
until grep -qsx first answer; do
	kill -0 $client
	sleep 0.1
done
[ ! -e gate ]
touch gate
wait $client
grep -qx last answer
rm gate pid.* answer

# A client that leaves, and a server.
curl -sfN "http://127.0.0.1:$port/" >answer &
client=$!
until grep -qsx first answer; do sleep 0.1; done
kill $client
gone
curl -sfN "http://127.0.0.1:$port/" >answer &
client=$!
until grep -qsx first answer; do sleep 0.1; done
ends
gone
wait $client && exit 1

# A client that does not read: the command has to wait.
serve sh -c 'seq 10000000; touch over'
get / -N | { until [ -e gate ]; do sleep 0.1; done; cksum >sum; } &
client=$!
used() {
	cut -d' ' -f14,15 "/proc/$server/stat" 2>/dev/null || :
}
before=
until [ "$(used)" = "$before" ]; do
	before=$(used)
	sleep 0.5
done
[ ! -e over ]
touch gate
wait $client
seq 10000000 | cksum | cmp - sum
ends

serve ./missing
get / && exit 1
ends
