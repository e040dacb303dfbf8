# SPDX-License-Identifier: BSD-3-Clause
#
# A deadline in the middle of a line; the last line without its newline; a line
# that is too long.

mkfifo fifo
"$program" <fifo >lines &
exec 3>fifo
printf 'a\nb' >&3
until grep -q '^no whole line yet$' lines; do sleep 0.1; done
printf 'c\nd' >&3
exec 3>&-
wait $!
grep -v '^no whole line yet$' lines >whole
printf '2 bytes: a\n3 bytes: bc\n1 bytes: d (no newline)\n' | cmp - whole

seq -s, 10000 | "$program" 2>error && exit 1
grep -q 'Message too' error
