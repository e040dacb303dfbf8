#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs tests/soak for three seconds, or for SOAK_SECONDS, and checks its report:
# lines that come each second, operations of all outcomes, and nothing that is left.
# Then a small crowd of children, and one that is larger than the limit of
# descriptors.
set -eu -o pipefail

seconds=${SOAK_SECONDS:-3}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

fail() {
	echo "FAIL: $*" >&2
	cat "$tmp/report" >&2
	exit 1
}

# Whether the report has a line that matches
has() {
	grep -Eq "$1" "$tmp/report" || fail "no line matches: $1"
}

soak() {
	tests/soak "$@" >"$tmp/report" 2>&1
}

[[ -x tests/soak ]] || { echo 'skipped: tests/soak is not built' >&2; exit 77; }

soak "$seconds" || fail "tests/soak $seconds"
has '^soak: passed \(--seed [0-9]+\)$'
has '^end .* [1-9][0-9]* ok, [1-9][0-9]* canceled, [1-9][0-9]* timed out'
has '^end .* [1-9][0-9]* waits, [1-9][0-9]* posts, .* [1-9][0-9]* children;'
has '^end .* 0 ops, 0 tasks$'
has '^descriptors: ([0-9]+) at the start, \1 at the end$'
((seconds < 3)) ||
	has '^at [0-9]+ s: .* fds, .* threads, .* zombies, .* rss, .* heap, [0-9]+ ops'
tail -n 1 "$tmp/report"

soak --children 20 || fail 'tests/soak --children 20'
has '^crowd: 20 of 20 children at once'
has '^crowd: all ended, nothing is left$'

if [[ $(uname) = Linux ]]; then
	(ulimit -n 50 && soak --children 40) || fail 'too many children'
	has '^crowd: child [0-9]+ cannot be started: errno 24, "[a-z]+: .*"$'
	has '^crowd: all ended, nothing is left$'
fi
