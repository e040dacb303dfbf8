# SPDX-License-Identifier: BSD-3-Clause
#
# Two at a time, in order, and what a failure ends.

# The first ends when the third runs, which is in the place of the second.
mkfifo gate
timeout 100 "$program" 2 'echo 1a; read -r x <gate; echo 1b' 'echo 2' \
	'echo 3; echo go >gate' 'echo 4' >out
[ "$(cat out)" = '1a
1b
2
3
4' ]

# Never more than two.
job='echo b >>log; seq 50000; echo e >>log'
timeout 100 "$program" 2 "$job" "$job" "$job" "$job" "$job" "$job" >out
for _ in 1 2 3 4 5 6; do
	seq 50000
done | cmp - out
awk '/b/ { n++ } /e/ { n-- } n > 2 { exit 1 } END { if (NR != 12) exit 1 }' log

# A failure: what runs goes on, what comes after it is not started.
mkfifo ended
status=0
timeout 100 "$program" 2 'cat ended; echo 1' 'exec 9>ended; echo 2; exit 3' \
	>out 2>err || status=$?
[ $status -eq 1 ]
[ "$(cat out)" = '1
2' ]
grep -q 'exit 3: wait status 768' err
! timeout 100 "$program" 1 'kill -KILL $$' 'touch third' 2>err || exit 1
[ ! -e third ]
