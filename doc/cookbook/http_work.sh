# SPDX-License-Identifier: BSD-3-Clause
#
# A long computation does not hold up a short one, and every request gets an
# answer when the server ends.

. "$srcdir"/doc/cookbook/serve.sh

serve
[ "$(get /1000)" = 168 ]
[ "$(get /nothing)" = 0 ]

# Some seconds long; the short one is done before.
get /8000000 >long &
long=$!
[ "$(get /100)" = 25 ]
kill -0 $long
[ ! -s long ]
wait $long
[ "$(cat long)" = 539777 ]

# Four have a thread each, and the others wait for one when the server ends.
for i in 1 2 3 4 5 6; do
	curl -s -o /dev/null -w '%{http_code}' --max-time 300 \
		"http://127.0.0.1:$port/800000000000" >answer.$i &
	clients="${clients:-} $!"
done
while [ "$(get /100 --max-time 2)" = 25 ]; do :; done # until all are busy
kill -0 $server
ends
for client in $clients; do
	wait $client
done
[ "$(cat answer.*)" = 503503503503503503 ]
