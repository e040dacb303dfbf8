# SPDX-License-Identifier: BSD-3-Clause
#
# A copy is whole; one that is interrupted, or cannot be made, leaves nothing.

seq 3000000 >from
"$program" from to 2>progress
cmp from to
grep -q "$(wc -c <from) bytes" progress

# Interrupted while it waits for more.
mkfifo fifo
echo old >target
"$program" fifo target 2>progress &
copier=$!
exec 3>fifo
echo some >&3
until grep -q MB progress; do sleep 0.1; done
kill -INT $copier
wait $copier && exit 1
exec 3>&-
grep -q 'not copied: Operation canceled' progress
[ ! -e target.part ]
[ "$(cat target)" = old ]

"$program" missing to 2>error && exit 1
grep -q 'not copied: No such file' error
if [ -e /dev/full ]; then
	ln -s /dev/full full.part
	"$program" from full 2>error && exit 1
	grep -q 'not copied: No space left' error
fi
