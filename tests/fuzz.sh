#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs each fuzz target on its corpus: what fuzzing has found stays mended. See
# tests/fuzz/run for the search itself.
set -eu -o pipefail

: "${srcdir:=.}" "${top_builddir:=.}"
result=0
for corpus in "$srcdir"/tests/fuzz/corpus/*; do
	name=${corpus##*/}
	target=$top_builddir/tests/fuzz/$name
	# Not every target is built everywhere.
	[ -x "$target" ] || { echo "$name: skipped"; continue; }
	if said=$("$target" "$corpus" 2>&1); then
		echo "$name: $said"
	else
		echo "$name: FAILED: $said"
		result=1
	fi
done
exit $result
