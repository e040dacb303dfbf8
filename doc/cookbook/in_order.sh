# SPDX-License-Identifier: BSD-3-Clause
#
# Two streams that are written in turn are printed in turn.

timeout 100 "$program" sh -c 'i=0
	while [ $i -lt 2000 ]; do
		echo $i; echo $i >&2; i=$((i + 1))
	done; printf end; exit 1' >log && exit 1
seq 0 1999 | sed 's/.*/out: &\nerr: &/' >wanted
printf 'out: end' >>wanted
cmp wanted log

# Parts of lines, and lines in one write.
printed=$(timeout 100 "$program" sh -c '
	printf a; printf b; echo c >&2; printf "d\ne\n"; echo f >&2')
[ "$printed" = 'out: ab
err: c
out: d
out: e
err: f' ]
