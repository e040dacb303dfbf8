#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Every trap in TRAPS.md must name a test, and every test that it or SECURITY.md
# names must be in the file that is named.
set -u

: "${srcdir:=.}"
tests=$srcdir/tests
result=0

# The list as lines "FILE NAME"; "none TRAP" for a trap without a test.
named() {
	awk -F '`' '
		/^\*\*/ {
			if (trap) print "none", trap
			trap = $0
		}
		/^- `/ { item = 1; file = $2; trap = "" }
		/^$/ { item = 0 }
		item {
			for (i = 2; i <= NF; i += 2)
				if ($i != file) print file, $i
		}
		END { if (trap) print "none", trap }' "$tests/TRAPS.md"
}

# The same of the tables of SECURITY.md. "none ROW" for a promise without a test.
measured() {
	awk -F '`' '
		/^## / { promises = /promises/ }
		promises && /^\| [A-Z]/ && !/\.c`/ { print "none", $0 }
		/^\|/ {
			for (i = file = ""; ++i <= NF; )
				if ($i ~ /^[a-z_]+\/[a-z_]+\.c$/)
					file = $i
				else if (file != "" && $(i - 1) ~ /^[:,] $/)
					print file, $i
		}' "$srcdir/SECURITY.md"
}

list=$(named && measured)
checked=0
while read -r file name; do
	if [ "$file" != none ] &&
		grep -Eq "^(START_TEST|ROW)\($name\)" "$tests/$file"; then
		checked=$((checked + 1))
	else
		echo "FAILED: $file $name"
		result=1
	fi
done << EOF
$list
EOF

echo "$checked tests of traps exist"
[ "$checked" -gt 0 ] || result=1
exit $result
