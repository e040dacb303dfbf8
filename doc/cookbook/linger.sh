# SPDX-License-Identifier: BSD-3-Clause
#
# A command whose grandchild holds its output, and one that has none.

mkfifo gate late
timeout 100 "$program" sh -c '
	(read -r line <gate; echo "$line" >late) &
	seq 100000' >out 2>err
seq 100000 | cmp - out
[ "$(cat err)" = 'another process has the output open' ]

# The grandchild has not ended.
timeout 100 cat late >said &
echo late >gate
wait $!
[ "$(cat said)" = late ]

timeout 100 "$program" echo alone >out 2>err
[ "$(cat out)$(cat err)" = alone ]
! timeout 100 "$program" false || exit 1
