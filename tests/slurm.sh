#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs fanout --slurm on a cluster of one node, which is this test's own: munged,
# slurmctld and slurmd on loopback, with all of their files in one folder. Where
# they are not installed or do not come up, it is skipped; and where nobody asked
# for it by RUN_EXPENSIVE_TESTS=yes, as daemons depend on more of a host than a
# make check should.

# Jobs are evaluated later, hence:
# shellcheck disable=SC2016
. "${srcdir:-.}/tests/checks.sh"

built_program samples/fanout/fanout
sample=$program
if [ "${RUN_EXPENSIVE_TESTS-}" != yes ]; then
	skip 'jobs by Slurm' 'set RUN_EXPENSIVE_TESTS=yes'
	exit 77
fi
cd "$tmp"
PATH=$PATH:/usr/sbin:/sbin

# ends_daemon NAME: by its pid file.
ends_daemon() {
	local pid
	pid=$(cat "run/$1.pid" 2> /dev/null) && kill "$pid" 2> /dev/null &&
		timeout 20 tail -s 0.1 --pid="$pid" -f /dev/null ||
		kill -KILL "$pid" 2> /dev/null || :
}

# What it started has this variable, and nothing else has. After a node that was
# said to have failed, a step may still wait to be collected.
finish() {
	local pid
	ends_daemon slurmctld
	ends_daemon slurmd
	ends_daemon munged
	mark=SLURM_CONF=$tmp/slurm.conf
	for pid in $(marked | grep -vx $$ || :); do
		kill -KILL "$pid" 2> /dev/null || :
	done
}

# configure PORT: writes what the daemons read.
configure() {
	cat > slurm.conf <<-END
		ClusterName=one
		SlurmctldHost=$node(127.0.0.1)
		AuthType=auth/munge
		AuthInfo=socket=$tmp/run/munge.sock
		CredType=cred/munge
		SlurmUser=root
		SlurmdUser=root
		StateSaveLocation=$tmp/state
		SlurmdSpoolDir=$tmp/spool
		SlurmctldPidFile=$tmp/run/slurmctld.pid
		SlurmdPidFile=$tmp/run/slurmd.pid
		SlurmctldLogFile=$tmp/slurmctld.log
		SlurmdLogFile=$tmp/slurmd.log
		SlurmctldPort=$1
		SlurmdPort=$(($1 + 1))
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_Core
		SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
		MailProg=/bin/true
		MpiDefault=none
		ReturnToService=2
		NodeName=$node NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
		PartitionName=all Nodes=$node Default=YES MaxTime=INFINITE State=UP
	END
}

is_idle() {
	[ "$(timeout 10 sinfo -h -o %T 2> /dev/null)" = idle ]
}

# start_cluster: or fails, and $why says why.
start_cluster() {
	local program
	for program in munged slurmctld slurmd srun sbatch salloc; do
		command -v $program > /dev/null || {
			why="no $program here"
			return 1
		}
	done
	why='it needs root'
	[ "$(id -u)" -eq 0 ] || return 1
	why='the cluster does not come up'
	node=$(uname -n)
	node=${node%%.*}
	mkdir run state spool
	chmod 755 "$tmp" run
	head -c 1024 /dev/urandom > munge.key
	chmod 600 munge.key
	configure $((20000 + RANDOM % 12000))
	export SLURM_CONF=$tmp/slurm.conf
	timeout 60 munged --force --key-file="$tmp/munge.key" \
		--socket="$tmp/run/munge.sock" --pid-file="$tmp/run/munged.pid" \
		--log-file="$tmp/munged.log" --seed-file="$tmp/munge.seed" \
		> daemons 2>&1 < /dev/null &&
		timeout 60 slurmctld -i >> daemons 2>&1 < /dev/null &&
		timeout 60 slurmd -N "$node" >> daemons 2>&1 < /dev/null || return 1
	for _ in $(seq 60); do
		! is_idle || return 0
		sleep 1
	done
	return 1
}

if ! start_cluster; then
	skip 'jobs by Slurm' "$why"
	tail -n 3 daemons slurmctld.log slurmd.log 2> /dev/null || :
	exit 77
fi

# inside ARGUMENT...: runs the program in an allocation.
inside() {
	status=0
	timeout -k 5 300 salloc --quiet -N1 -n2 "$sample" --slurm "$@" \
		> out 2> err < "${input:-/dev/null}" || status=$?
}

# outside ARGUMENT...: in none.
outside() {
	status=0
	timeout -k 5 300 "$sample" --slurm "$@" > out 2> err \
		< "${input:-/dev/null}" || status=$?
}

# is STATUS OUT
is() {
	[ "$status" -eq "$1" ] && [ "$(cat out)" = "$2" ]
}

# is_logged REGEX LINE: the host and the exit status of a line of the job log.
is_logged() {
	sed -n "$2p" log | cut -f2,7,8 | grep -qx "$1"
}

no_folder_left() {
	! ls -d fanout-* > /dev/null 2>&1
}

# Steps

inside -k --joblog log sh -c 'echo "$0"; exit "$0"' ::: 0 7 0
check 'steps' is 1 $'0\n7\n0'
check 'the identifier of a step' is_logged \
	"[0-9]*[.][0-9]*@$node"$'\t0\t0' 2
check 'the exit status of a step' is_logged \
	"[0-9]*[.][0-9]*@$node"$'\t7\t0' 3
inside -k sh -c 'printf "[%s]" "$@"' '' "it's" ::: 'a  b' '$HOME' ''
check 'steps with nasty items' is 0 "[it's][a  b][it's][\$HOME][it's][]"
inside sh -c 'echo out; echo err >&2; echo again >&2' ::: 1
err_is_there() {
	is 0 out && [ "$(cat err)" = $'err\nagain' ]
}
check 'the stderr of a step' err_is_there
inside --results results sh -c 'echo out; echo err >&2' ::: 1
results_are_there() {
	[ "$(cat results/1/1/stdout)" = out ] &&
		[ "$(cat results/1/1/stderr)" = err ]
}
check 'the results of a step' results_are_there
seq 1000 > numbers
input=numbers inside -k --pipe --block 1k cat
check 'blocks to steps' cmp out numbers
inside ./nosuch ::: 1
check 'a step without its program' is 1 ''
inside --retries 2 sh -c 'echo x >> tried; exit 1' ::: 1
check 'a step is tried again' [ "$(wc -l < tried)" -eq 2 ]
inside --timeout 1 sh -c 'trap "echo bye; exit 4" TERM
	while :; do sleep 0.1; done' ::: 1
check 'a step that is late says goodbye' is 1 bye
inside --timeout 1 --grace 1 sh -c 'trap "" TERM
	while :; do sleep 0.1; done' ::: 1
check 'a step that is late and does not listen' is 1 ''
# An allocation ends some time after its last process.
no_step() {
	for _ in $(seq 60); do
		[ -n "$(timeout 20 squeue -s -h)$(timeout 20 squeue -h)" ] || return 0
		sleep 0.5
	done
	return 1
}
check 'no step is left' no_step

# ended: sets status to that of what was started last, or kills it.
ended() {
	timeout 120 tail -s 0.1 --pid=$! -f /dev/null || kill -KILL $!
	status=0
	wait $! || status=$?
}

# started FILE...: they are there.
started() {
	local file
	for file; do
		timeout 60 sh -c 'until [ -e "$1" ]; do sleep 0.1; done' sh "$file"
	done
}

# signalled SIGNAL: the program gets it when its jobs have begun.
signalled() {
	started begun.1 begun.2
	kill "-$1" "$(cat pid)"
	[ -z "${2-}" ] || {
		started "$2"
		kill "-$1" "$(cat pid)"
	}
	ended
	[ ! -e status ] || status=$(cat status)
	rm -f begun.* pid status
}
# salloc does not pass on that a signal killed the program.
allocated() {
	exec env --default-signal=INT,TERM salloc --quiet -N1 -n2 \
		sh -c '"$@"; echo $? > status' sh "$@" < /dev/null
}
cat > interrupted << END
#!/bin/sh
echo \$\$ > pid
exec "$sample" --slurm "\$@"
END
chmod +x interrupted

allocated ./interrupted \
	sh -c 'echo > begun.$0; sleep 1000' ::: 1 2 > out 2> err &
signalled INT
check 'SIGINT stops steps' [ $status -eq 130 ]
check 'no step is left after SIGINT' no_step
# The first one is ignored by the jobs, the second one kills them.
allocated ./interrupted --grace 600 \
	sh -c 'trap "echo > heard" TERM
	echo > begun.$0; while :; do sleep 0.1; done' ::: 1 2 > out 2> err &
signalled INT heard
check 'a second SIGINT kills steps' [ $status -eq 130 ]
check 'no step is left after a second SIGINT' no_step

# Arrays

outside -k --joblog log sh -c 'echo "$0"; exit "$0"' ::: 0 7 0
check 'an array' is 1 $'0\n7\n0'
check 'the identifier of an array task' is_logged \
	"[0-9]*_1@$node"$'\t0\t0' 2
check 'the exit status of an array task' is_logged \
	"[0-9]*_2@$node"$'\t7\t0' 3
outside -k sh -c 'printf "[%s]" "$@"' '' "it's" ::: 'a  b' '$HOME' ''
check 'an array with nasty items' is 0 "[it's][a  b][it's][\$HOME][it's][]"
rm tried
outside --retries 2 sh -c 'echo x >> tried; exit 1' ::: 1
check 'an array task is tried again' [ "$(wc -l < tried)" -eq 2 ]
# The second one ends only when the output of the first one was printed.
mkfifo printed
exec 3<> printed
status=0
timeout -k 5 120 "$sample" --slurm sh -c 'echo $0
	[ "$0" = 1 ] || read -r x < printed' ::: 1 2 < /dev/null 2> err |
	while read -r line; do
		[ "$line" != 1 ] || echo > printed
		echo "$line"
	done > out || status=$?
exec 3>&-
check 'an array is looked at while it runs' is 0 $'1\n2'
outside --halt now,fail=1 sh -c 'case $0 in 1) exit 5;; esac; exec sleep 1000' \
	::: 1 2
check 'a halt stops an array' is 5 ''
outside --slurm-options '--partition nosuch' true ::: 1
check 'an array that is refused' [ $status -eq 255 ]
check 'its reason' grep -q '^fanout: sbatch: .*partition' err
outside --pipe cat
check 'no blocks to arrays' grep -q 'only inside an allocation' err
env --default-signal=INT,TERM ./interrupted \
	sh -c 'echo > begun.$0; sleep 1000' ::: 1 2 > out 2> err &
signalled INT
check 'SIGINT cancels an array' [ $status -eq 130 ]
check 'no array is left' no_step
check 'no folder is left' no_folder_left

# A node that fails: at the end, as it takes a while to come back.

fail_node() {
	started begun.1
	timeout 20 scontrol update nodename="$node" state=down reason=test
	ended
	rm -f begun.*
	timeout 20 scontrol update nodename="$node" state=idle
}
"$sample" --slurm --joblog log sh -c 'echo > begun.$0; sleep 1000' ::: 1 \
	> out 2> err &
fail_node
check 'a node of an array fails' [ $status -eq 1 ]
check 'its message' grep -qx 'fanout: 1: node failure' err
check 'its line in the log' is_logged ".*"$'\t-1\t.*' 2
for _ in $(seq 60); do
	! is_idle || break
	sleep 1
done
allocated "$sample" --slurm sh -c 'echo > begun.$0; sleep 1000' ::: 1 \
	> out 2> err &
fail_node
check 'a node of a step fails' [ "$(cat status)" -eq 1 ]
check 'its message, for a step' grep -qx 'fanout: 1: node failure' err

tally
