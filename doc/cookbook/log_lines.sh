# SPDX-License-Identifier: BSD-3-Clause
#
# All lines of both streams are logged, each stream's in its order.

timeout 100 "$program" sh -c 'i=0
	while [ $i -lt 2000 ]; do
		echo $i; echo $i >&2; i=$((i + 1))
	done; printf end; exit 1' >log && exit 1
for stream in out err; do
	sed -n "s/^[0-9][0-9]:[0-9][0-9]:[0-9][0-9][.][0-9]\{6\} $stream: //p" \
		log >$stream
done
seq 0 1999 | cmp - err
(seq 0 1999; echo end) | cmp - out
[ "$(wc -l <log)" -eq 4001 ]
