# SPDX-License-Identifier: BSD-3-Clause
#
# Pipelines of which some commands fail, or are killed when their reader leaves.

# ends STATUS LINES COMMAND...
ends() {
	wanted=$1 lines=$2
	shift 2
	status=0
	timeout 100 "$program" "$@" >out 2>err || status=$?
	[ "$status" -eq "$wanted" ] && [ "$(cat err)" = "$lines" ] && return
	echo "exit status $status: $*"
	cat err
	exit 1
}

ends 0 'yes: Broken pipe
head: exit status 0
pipeline: exit status 0' yes '|' head -n 1
[ "$(cat out)" = y ]
ends 1 'false: exit status 1
true: exit status 0
pipeline: exit status 1' false '|' true
ends 1 'sh: exit status 3
sh: exit status 4
cat: exit status 0
pipeline: exit status 4' sh -c 'exit 3' '|' sh -c 'exit 4' '|' cat

# Nobody has left the reader of the last one.
ends 1 'sh: Broken pipe
pipeline: Broken pipe' sh -c 'kill -PIPE $$'
# One that was killed by another signal is not excused.
ends 1 'sh: Terminated
cat: exit status 0
pipeline: Terminated' sh -c 'kill -TERM $$' '|' cat
ends 2 'stage 1: exec nosuch: No such file or directory' true '|' nosuch
