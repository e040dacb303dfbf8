# SPDX-License-Identifier: BSD-3-Clause
#
# Prints the first line of a file, and why another one cannot be opened.

printf 'first\nsecond\n' >notes
[ "$("$program" notes)" = first ]
! "$program" missing 2>error
grep '^missing: No such file' error
