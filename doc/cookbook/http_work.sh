# SPDX-License-Identifier: BSD-3-Clause
#
# A long computation does not hold up a short one, its client may leave, and so
# may the server.

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
	get /800000000000 &
	clients="${clients:-} $!"
done
while [ "$(get /100 --max-time 2)" = 25 ]; do :; done # until all are busy
kill -0 $server
ends
for client in $clients; do
	wait $client && exit 1
done
:
