# SPDX-License-Identifier: BSD-3-Clause
#
# The log is rotated by rename many times and truncated once, and no line is
# lost, nor one that its writer adds after the rename.

has() {
	until [ "$(wc -l <seen)" -ge "$1" ]; do
		kill -0 $follower
		sleep 0.1
	done
}

"$program" log >seen 2>notes &
follower=$!

echo first >>log
has 1
i=0
while [ $i -lt 400 ]; do
	i=$((i + 1))
	echo "line $i" >>log
	if [ $((i % 50)) -eq 0 ]; then
		exec 3>>log
		mv log log.$i
		printf 'late ' >&3
		echo "line $i" >&3
		exec 3>&-
	fi
done
has 409
[ "$(grep -c '^line' seen)" -eq 400 ]
[ "$(grep -c '^late line' seen)" -eq 8 ]
[ "$(sort -u seen | wc -l)" -eq 409 ]

# Truncated, as logrotate's copytruncate does it.
echo 'before the truncation' >>log
has 410
cp log copy
: >log
echo 'after' >>log
has 411
[ "$(tail -n 1 seen)" = after ]
grep -q truncated notes

kill $follower
wait $follower
"$program" . 2>error && exit 1
grep -q 'Is a directory' error
