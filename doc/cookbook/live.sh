# SPDX-License-Identifier: BSD-3-Clause
#
# tr holds its output back, except on a terminal. All of the output arrives.

mkfifo in out
timeout 100 "$program" tr a-z A-Z <in >out &
exec 3>in 4<out
echo one >&3
read -r line <&4
[ "$line" = ONE ]
exec 3>&-
wait $!
exec 4<&-

timeout 100 "$program" seq 200000 >out1
seq 200000 | cmp - out1
timeout 100 "$program" sh -c 'seq 20000 >&2; printf last; exit 3' >out2 ||
	[ $? -eq 3 ]
(seq 20000; printf last) | cmp - out2
