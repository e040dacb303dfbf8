# SPDX-License-Identifier: BSD-3-Clause
#
# Saves its input, and fails if it cannot.

printf 'some text\n' >text
[ "$("$program" <text)" = '10 bytes are on the disk' ]
cmp text saved
rm saved
mkdir saved
! "$program" <text
