# SPDX-License-Identifier: BSD-3-Clause
#
# The outcomes of timeout, and children that do not want to end.

# is STATUS ARGUMENT...: that is its exit status.
is() {
	wanted=$1
	shift
	status=0
	"$program" "$@" >out 2>err || status=$?
	[ "$status" -eq "$wanted" ] && return
	echo "exit status $status, not $wanted: $*"
	exit 1
}

is 3 60 sh -c 'echo out; echo err >&2; exit 3'
[ "$(cat out) $(cat err)" = 'out err' ]
is 143 60 sh -c 'kill -TERM $$'
is 125 60 ./nosuch
grep -q nosuch err

# Both ignore SIGTERM. The grandchild has the pipes, and alive.
mkfifo alive
timeout 100 cat alive &
is 124 5 sh -c 'trap "" TERM; exec 9>alive; echo begun; sleep 1000 & wait'
[ "$(cat out)" = begun ]
grep -q stopped err
wait $! # it reads the end when the grandchild is gone
