# SPDX-License-Identifier: BSD-3-Clause
#
# Messages in one piece and in several, and from a file, which is always ready.

printf 'message: one\nmessage: two\n' >expected
printf 'one\ntwo\n' | "$program" | cmp - expected
printf 'one\ntwo\n' >file
"$program" <file | cmp - expected
"$program" </dev/null

mkfifo fifo
"$program" <fifo >printed &
exec 3>fifo
printf 'one\nt' >&3
# It has read this before the rest comes, or will read both at once.
printf 'wo\n' >&3
exec 3>&-
wait $!
cmp printed expected

"$program" <. 2>error && exit 1
grep -q 'Is a directory' error
seq -s, 10000 | "$program" 2>error && exit 1
grep -q 'Message too' error
