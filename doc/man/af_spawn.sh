# SPDX-License-Identifier: BSD-3-Clause
! "$program" 2>error
grep '^open fruit: ' error
test ! -e sorted

printf 'pear\nfig\npear\n' >fruit
test "$("$program")" = "wait status 0"
printf 'fig\npear\n' | cmp - sorted
