#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# faults.sh [OPTION...]: has the calls of the library fail in turn, see
# tests/faults/main.c: each fault at each call of every act, and some pairs. With
# sanitizers it is fewer. Options are passed on: make faults has --all and
# --pairs=100. The acts mostly wait, so FAULTS_JOBS processes, or 4, share them.
set -eu -o pipefail

program=tests/faults/faults
jobs=${FAULTS_JOBS-4}
[ $# -gt 0 ] || set -- --check

mapfile -t acts < <("$program" --list)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# share K: plays every jobs-th act, from the K-th on.
share() {
	local -a mine=()
	local i

	for ((i = $1; i < ${#acts[@]}; i += jobs)); do
		mine+=("${acts[i]}")
	done
	[ ${#mine[@]} -eq 0 ] || "$program" "${@:2}" "${mine[@]}"
}

pids=()
for ((k = 0; k < jobs; k++)); do
	share "$k" "$@" > "$tmp/$k" 2>&1 &
	pids+=($!)
done
result=0
for pid in "${pids[@]}"; do
	wait "$pid" || result=1
done
# What an act skips it says again in each run.
awk '!/^skipped, as/ || !said[$0]++' "$tmp"/*
# What all of them have done.
awk '/^faults: / { acts += $2; runs += $4; faults += $6; skipped += $13; failures += $15 }
	END { printf "all: %d acts, %d runs, %d faults, %d skipped, %d failures\n",
		acts, runs, faults, skipped, failures
		exit acts == 0 || runs == 0 }' "$tmp"/* || result=1
exit $result
