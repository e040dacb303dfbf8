# SPDX-License-Identifier: BSD-3-Clause
#
# Two commands share the budget: 194 kB at 50 kB/s take 3.88 s, less 0.1 s for
# the burst and one line of each.

yes one 1234567890123456789012345678901234567890123 | head -n 2000 >one
yes two 12345678901234567890123 | head -n 3500 >two
start=$(date +%s)
"$program" 50000 'cat one' 'cat two' >out
[ $(($(date +%s) - start)) -ge 3 ]

# Lines stay whole, and in order.
grep '^one' out | cmp - one
grep '^two' out | cmp - two
[ "$(wc -l <out)" -eq 5500 ]

# A reader that leaves ends it.
"$program" 1000000 yes 2>error | head -n 1 | grep -qx y
grep -q 'Broken pipe' error
