# SPDX-License-Identifier: BSD-3-Clause
#
# Lines that come at once, after the command's end, and very many of them.

# The first line is there while the command waits. The command has ended, which
# the end of the FIFO alive shows, before its grandchild writes the last line.
mkfifo alive gate out
timeout 100 cat alive &
ended=$!
timeout 100 "$program" sh -c '
	exec 9>alive
	(read -r line <gate; echo "$line"; echo three >&2) 9>&- &
	echo one
	exit 3' >out &
lines=$!
exec 5<out
read -r line <&5
[ "$line" = 'out: one' ]
wait $ended
echo two >gate
rest=$(cat <&5)
case $rest in
'out: two
err: three
end: exit status 3') ;;
'err: three
out: two
end: exit status 3') ;;
*)
	echo "$rest"
	exit 1
	;;
esac
wait $lines

timeout 100 "$program" sh -c 'seq 100000; printf last' >all
[ "$(grep -c '^out: ' all)" -eq 100001 ]
[ "$(tail -n 1 all)" = 'out: lastend: exit status 0' ]
