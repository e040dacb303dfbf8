# SPDX-License-Identifier: BSD-3-Clause
#
# Grandchildren that ignore SIGTERM, that leave the group, and that outlive the
# command. The FIFO alive has its end when all are gone.

if [ ! -e /proc/thread-self/children ]; then
	echo 'skipped: the kernel does not list the children of a process'
	exit 0
fi
mkfifo alive ready

# stops SECONDS CGROUP SENTENCE COMMAND: then, or when it has ended.
stops() {
	timeout 100 cat alive &
	timeout 200 "$program" "$1" "$2" sh -c "exec 9>alive; $4" >out
	wait $!
	# musl says "Operation timed out".
	[ "$(sed "s/Operation timed/Connection timed/" out)" = "$3" ] && return
	cat out
	exit 1
}

late='Connection timed out'
ended='it has ended'
stops 2 '' "$late" 'trap "" TERM; sleep 1000 & sleep 1000'
stops 60 '' "$ended" 'sleep 1000 &'

# The one that has left tells that it has: then the command may end.
left='setsid sh -c "echo >ready; sleep 1000" & read -r line <ready'
stops 60 '' "$ended" "$left"
stops 2 '' "$late" "$left; sleep 1000"
stops 60 '' "$ended" "$left; $left; (trap '' HUP TERM; $left)"

# In a cgroup, the library kills those, too.
cgroup=
for mount in $(sed -n 's/^[^ ]* \([^ ]*\) cgroup2 .*/\1/p' /proc/mounts); do
	cgroup=$mount/stop_all.$$
	mkdir "$cgroup" 2>/dev/null && [ -w "$cgroup/cgroup.kill" ] && break
	rmdir "$cgroup" 2>/dev/null || :
	cgroup=
done
if [ -z "$cgroup" ]; then
	echo 'skipped: no cgroup can be made'
	exit 0
fi
trap 'rmdir "$cgroup"' EXIT
stops 2 "$cgroup" "$late" "trap '' TERM; $left; sleep 1000"
