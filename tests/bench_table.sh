#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The arithmetic of make bench: medians, intervals and verdicts of samples that
# were made up, which jobs need more rounds, and the tables for README.md.
set -u
LC_ALL=C
export LC_ALL

: "${srcdir:=.}"
bench=$(cd "$srcdir/bench" && pwd)
result=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

fail() {
	echo "FAILED: $*"
	result=1
}

# samples WORK CONTENDER UNIT VALUE...: one value a round
samples() {
	work=$1 contender=$2 unit=$3 round=0
	shift 3
	for value; do
		round=$((round + 1))
		printf 'pinned\t%d\t%s\t%s\t%s\t%s\n' $round "$work" \
			"$contender" "$value" "$unit" >>samples
	done
}

table() {
	awk -v order='raw uv ours' -v results=results -v width=0.03 "$@" \
		-f "$bench/table.awk" works samples
}

# expect WORK CONTENDER COLUMNS VALUES: the columns of that line, as cut counts
expect() {
	seen=$(awk -F '\t' -v work="$1" -v who="$2" \
		'$2 == work && $3 == who' results | cut -f "$3" | tr '\t' ' ')
	[ "$seen" = "$4" ] || fail "$1, $2: '$seen' instead of '$4'"
}

# The works of the bench itself: each is listed once, and so is what it names.
awk '
	/^#/ { next }
	NF != 3 { print "not three words: " $0 }
	$1 in seen { print "listed twice: " $1 }
	{
		seen[$1]
		for (i = 2; i <= 3; i++)
			if (split($i, part, ":") == 2)
				named[part[2]]
	}
	END {
		for (work in named)
			if (!(work in seen))
				print "not listed: " work
	}' "$bench/works" >wrong
[ ! -s wrong ] || fail "$(cat wrong)"

cat >works <<'end'
# a comment
drift     raw:drift    1.00
slow      raw:slow     1.00
noisy     raw:noisy    1.00
close     raw:close    1.00
rival     raw:rival    uv:rival
few       raw:few      1.00
nine      raw:nine     -
cost      -            40
cheap     -            40
thrice    same:drift   2.50
absent    raw:absent   uv:absent
end
printf 'where\tround\twork\tcontender\tvalue\tunit\n' >samples
# The machine becomes slower by 10 from round to round; the ratio is the same.
samples drift raw /s 1000 500 250 100 50 10
samples drift uv /s 500 250 125 50 25 5
samples drift ours /s 1100 550 275 110 55 11
samples slow raw /s 100 100 100 100 100 100
samples slow ours /s 90 99 98 97 96 95
samples noisy raw /s 100 100 100 100 100 100
samples noisy ours /s 150 101 99 102 98 97
samples close raw /s 100 100 100 100 100 100
samples close ours /s 99 101 99 101 99 101
samples rival raw /s 100 100 100 100 100 100
samples rival uv /s 70 70 70 70 70 70
samples rival ours /s 77 84 77 84 84 84
samples few raw /s 100 100 100 100 100
samples few ours /s 200 200 200 200 200
samples nine raw /s 100 100 100 100 100 100 100 100 100
samples nine ours /s 900 200 300 400 500 600 700 800 100
samples cost ours ns 50 45 41 42 43 44
samples cheap ours ns 40 30 39 38 37 36
samples thrice ours /s 3300 1650 825 330 165 33
samples absent raw /s 100 100 100 100 100 100
samples absent ours /s 90 90 90 90 90 90

table >printed || fail 'table.awk failed'
# rounds median low high unit; ratio low high; what decides low high verdict
expect drift raw 4-8 '6 175 10 1000 /s'
expect drift ours 10-12,14-17 '1.1 1.1 1.1 1.1 1.1 1.1 reached'
expect slow ours 10-12,17 '0.965 0.9 0.99 missed'
expect noisy ours 10-12,17 '1 0.97 1.5 uncertain'
expect close ours 10-12,17 '1 0.99 1.01 uncertain'
expect rival ours 10,14-17 '0.84 1.2 1.1 1.2 reached'
expect few ours 4,10-12,17 '5 2 2 2 uncertain'
# Of nine values the second and the eighth: 1 - 2 * (1 + 9) / 512 is 96 %.
expect nine ours 10-12,17 '5 2 8 '
expect cost ours 10-12,14-17 '   43.5 41 50 missed'
expect cheap ours 14-17 '37.5 30 40 reached'
expect thrice ours 10-12,17 '3 3 3 reached'
expect absent ours 10,17 '0.9 '
grep -q '^4 reached, 2 missed, 3 uncertain$' printed ||
	fail "the count of verdicts: $(tail -n 2 printed)"

# More rounds for what is uncertain, unless its interval is narrow: close.
jobs=$(table -v open=1 | sort | tr '\n' ',')
[ "$jobs" = 'few ours,few raw,noisy ours,noisy raw,' ] || fail "jobs: $jobs"

bash "$bench/report" results >tables || fail 'report failed'
for line in '| drift | 175 /s ±283 % | 0.50 | 1.10 | 1.00 | reached |' \
	'| rival | 100 /s | 0.70 | 0.84 ±4 % | uv:rival | reached, 1.20 ±4 % |' \
	'| cost | | | 43.5 ns ±10 % | 40 | missed |'; do
	grep -qxF "$line" tables || fail "no line in the tables: $line"
done
printf '%s\n' before '<!-- begin bench/report -->' old '<!-- end -->' after >page
bash "$bench/report" -w page results || fail 'report -w failed'
grep -v '^|\|^$\|Medians\|Figures' page | tr '\n' ' ' >rest
[ "$(cat rest)" = 'before <!-- begin bench/report --> <!-- end --> after ' ] ||
	fail "what is around the tables: $(cat rest)"
[ "$(grep -c '^|' tables)" = "$(grep -c '^|' page)" ] || fail 'no tables'

[ $result = 0 ] || cat printed tables
exit $result
