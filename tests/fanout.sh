#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs fanout: output in one piece, exit statuses, stops, signals. Each run has a
# time limit and may leave no process behind.

# Conditions and jobs are evaluated later, hence:
# shellcheck disable=SC2016
. "${srcdir:-.}/tests/checks.sh"

built_program samples/fanout/fanout
sample=$program
cd "$tmp"

# run ARGUMENT...: sets status and left.
run() {
	status=0
	env "$mark" timeout -k 5 600 "$sample" "$@" || status=$?
	find_left
}

# is STATUS OUT ERR: just that.
is() {
	[ "$status" -eq "$1" ] && [ "$(cat out)" = "$2" ] &&
		[ "$(cat err)" = "$3" ]
}

# The line as an argument

# args WANTED ARGUMENT...: of jobs that print their arguments, one at a time.
args() {
	local wanted=$1
	shift
	run -j1 "$@" > out 2> err
	check "fanout $*" is 0 "$wanted" ''
}

args '' echo < /dev/null
args $'a\nb' echo < <(printf 'a\nb\n')
args $'a\nb' echo < <(printf 'a\nb')
args '[x][][x][  a b ]' printf '[%s]' x < <(printf '\n  a b \n')
args '[a{}][b]' printf '[%s]' 'a{}' b < <(echo '{}')
args '[-1--1][1]' printf '[%s]' '{}-{}' 1 < <(echo -1)
args -j echo < <(echo -j)

cat > nasty << 'END'
it's
"double" 'single' '' "
$HOME `id` $(id) \ \\ \n
* ? [a-z] {a,b} ~ ~root !! # ;exit 9 & | > out < in
	tab  and  blanks  
-n
END
printf 'Latin-1: \351, and a control: \001\n' >> nasty
while IFS= read -r line; do
	printf '[%s][%s]\n' 'a  b' "$line"
done < nasty > want
run -j1 printf '[%s][%s]\n' 'a  b' > out 2> err < nasty
check 'nasty lines' cmp out want

run cat > out 2> err < <(echo -)
check 'stdin is /dev/null' is 0 '' ''
run -j1 echo > out 2> err < <(printf 'a\nb\nc\0d\n')
check 'a NUL in a line' is 255 $'a\nb' 'fanout: stdin, line 3: Bad message'
(echo a; head -c 200000 /dev/zero | tr '\0' x) > long
run -j1 echo > out 2> err < long
check 'a line too long' is 255 a 'fanout: stdin, line 2: Argument list too long'
run -j1 --halt soon,fail=1 sh -c 'exit 3' > out 2> err < <(yes)
check 'an input without an end' is 3 '' ''

# Output

# A token goes round and round from job to job: they all print at once.
cat > ring << 'END'
#!/bin/sh
exec 3<> "ring.$1" 4<> "ring.$(($1 % 8 + 1))"
for round in 1 2 3 4 5; do
	[ "$1.$round" = 1.1 ] || read -r token <&3
	echo "$1 stdout $round"
	echo "$1 stderr $round" >&2
	echo token >&4
done
END
chmod +x ring
mkfifo ring.1 ring.2 ring.3 ring.4 ring.5 ring.6 ring.7 ring.8
# together FILE N: the jobs are whole, each with so many lines, in order.
together() {
	[ "$status" -eq 0 ] &&
		[ "$(cut -d' ' -f1 "$1" | uniq -c | sort -k2 | tr -s ' ')" = \
			"$(seq 8 | sed "s/^/ $2 /")" ] &&
		sort -s -k1,1 "$1" | diff - <(sort -k1,1 -k2,2r -k3,3 "$1")
}
run -j8 ./ring > out 2> err < <(seq 8)
check 'the output of a job is together' together out 5
check 'so is its stderr' together err 5
run -j8 ./ring > out 2>&1 < <(seq 8)
check 'stdout and stderr to one file' together out 10
(run -j8 ./ring 2>&1 < <(seq 8); echo "$status" > status) | cat > out
status=$(cat status)
check 'stdout and stderr to one pipe' together out 10

# More than a pipe takes, and more than is kept in memory.
cat > much << 'END'
#!/bin/sh
head -c 3000000 /dev/zero | tr '\0' "$1"
head -c 2000000 /dev/zero | tr '\0' "$1" >&2
END
chmod +x much
rm -f want
for i in 1 2 3; do
	./much $i >> want 2>> want_err
done
much_is_there() {
	[ "$status" -eq 0 ] && fold -w 100000 out | sort -s | tr -d '\n' |
		cmp - want && fold -w 100000 err | sort -s | tr -d '\n' |
		cmp - want_err
}
run -j3 ./much > out 2> err < <(seq 3)
check 'much output' much_is_there
: > out
TMPDIR=/nonexistent run ./much > out 2> err < <(echo 1)
no_room() {
	[ "$status" -eq 255 ] && grep -q '^fanout: /nonexistent/.*No such file' err
}
check 'no place for much output' no_room

broken_pipe() {
	[ "$(cat out)" = y ] && [ ! -s err ] && [ "$(cat status)" -eq 141 ]
}
(run echo 2> err < <(yes); echo "$status" > status) | head -n 1 > out
check 'the reader leaves' broken_pipe
: > out
run echo > /dev/full 2> err < <(yes)
check 'stdout > /dev/full' is 255 '' \
	'fanout: stdout: No space left on device'
run echo >&- 2> err < <(yes)
check 'stdout closed' is 255 '' 'fanout: stdout: Bad file descriptor'
run true >&- 2> err < <(seq 3)
check 'stdout closed, and nobody minds' is 0 '' ''
run echo <&- > out 2> err
check 'stdin closed' is 255 '' 'fanout: stdin: Bad file descriptor'
run echo < . > out 2> err
check 'stdin is a directory' is 255 '' 'fanout: stdin: Is a directory'
: > err
run -j1 sh -c 'echo $0; echo $0 >&2' > out 2>&- < <(seq 2)
check 'stderr closed' is 0 $'1\n2' ''
: > out
run true <&- >&- 2>&-
check 'all closed' is 255 '' ''

# Exit statuses

# status STATUS JOBS MESSAGE COMMAND...: after so many of three jobs.
status() {
	local wanted=$1 jobs=$2 message=$3
	shift 3
	run -j1 "$@" > out 2> err < <(seq 3)
	check "fanout $*" is "$wanted" "$(seq "$jobs")" "$message"
}
status 0 3 '' sh -c 'echo $0'
status 1 3 '' sh -c 'echo $0; [ $0 != 1 ]'
status 2 3 '' sh -c 'echo $0; [ $0 = 1 ]'
status 3 3 '' sh -c 'echo $0; exit 255'
status 1 3 'fanout: 2: Killed' sh -c 'echo $0; [ $0 != 2 ] || kill -KILL $$'
: > not_executable
status 3 0 "$(yes 'fanout: ./not_executable: Permission denied' | head -n 3)" \
	./not_executable
status 3 0 "$(yes 'fanout: ./nosuch: No such file or directory' | head -n 3)" \
	./nosuch
run false > out 2> err < <(seq 100)
check '100 jobs fail' is 100 '' ''
run false > out 2> err < <(seq 300)
check '300 jobs fail' is 101 '' ''

is_usage() {
	as_glibc
	[ "$status" -eq 255 ] && [ ! -s out ] &&
		grep -qxF "fanout: $1" err
}
run > out 2> err
check 'no command' is_usage 'expected a COMMAND'
for n in 0 -1 x 1x ''; do
	run -j "$n" true > out 2> err
	check "--jobs '$n'" is_usage '--jobs takes a number'
	run --timeout "$n" true > out 2> err
	check "--timeout '$n'" is_usage '--timeout takes seconds'
done
for ssh in '' ' ' $' \t'; do
	run --ssh "$ssh" -H here true > out 2> err < <(echo 1)
	check "--ssh '$ssh'" is_usage '--ssh takes a command'
done
run -H '' true > out 2> err < <(echo 1)
check 'a host without a name' is_usage '--host takes a name'
run --nonsense true > out 2> err
check 'a wrong option' is_usage "unrecognized option '--nonsense'"
run --help > out 2> err
check --help eval '[ $status -eq 0 ] && grep -q ^Usage: out && [ ! -s err ]'

# Time

# Those that have something to say first have time for it.
run -j2 --timeout 1 sh -c '
	[ $0 = 1 ] && { echo quick; exit; }
	echo said before; sleep 1000 & sleep 1000' \
	> out 2> err < <(seq 2)
check 'a job that is late, and its grandchild' is 1 $'quick\nsaid before' \
	'fanout: 2: timed out'
late='trap "" TERM; while :; do sleep 1000; done'
# At the same time, one without a place for output: with a mark of its own.
(
	mark=$mark.late
	TMPDIR=/nonexistent run --timeout 0.5 sh -c "$late" \
		> late_out 2> late_err < <(echo 1)
	echo "$status $left" > late_status
) &
without_room=$!
run --timeout 0.5 sh -c "$late" > out 2> err < <(echo 1)
check 'a job that is late and does not listen' is 1 '' \
	'fanout: 1: timed out'
wait $without_room
late_without_room() {
	[ "$(cat late_status)" = '1 ' ] && [ ! -s late_out ] &&
		grep -q '^fanout: 1: timed out' late_err
}
check 'a job that is late and there is no place for output' late_without_room
run --timeout 1 sh -c 'trap "echo bye; exit" TERM; sleep 1000 & wait' \
	> out 2> err < <(echo 1)
check 'a job that is late and says goodbye' is 1 bye \
	'fanout: 1: timed out'
run --timeout 1 sh -c 'echo gone; sleep 1000 &' > out 2> err < <(echo 1)
check 'a grandchild that is late' is 1 gone 'fanout: 1: timed out'

# One that left the group is waited for, but not for ever, and not killed.
if command -v setsid > /dev/null; then
	mkfifo leave gone
	cat gone > last_words &
	witness=$!
	# Not run: what is left is looked for when it may end.
	status=0
	env "$mark" timeout -k 5 600 "$sample" --timeout 1 sh -c 'setsid sh -c "
		exec 7> gone; echo \$0 left; read go < leave; echo bye >&7
		" $0 & wait' > out 2> err < <(echo 1) || status=$?
	echo go > leave
	wait $witness
	find_left
	escaped() {
		is 1 '1 left' 'fanout: 1: timed out' &&
			[ "$(cat last_words)" = bye ]
	}
	check 'a grandchild that is late and left the group' escaped
fi
run --timeout 100 echo > out 2> err < <(echo 1)
check 'a job that is not late' is 0 1 ''

run -j16 echo > out 2> err < <(seq 2000)
all_there() {
	[ "$status" -eq 0 ] && [ ! -s err ] && sort -n out | cmp - <(seq "$1")
}
check '2,000 jobs' all_there 2000

# As many at a time as there are descriptors for, and no job is lost.
cat > few << END
#!/bin/sh
ulimit -n "\$1" && shift && exec "$sample" "\$@"
END
chmod +x few
sample=./few run 32 -j200 sh -c 'sleep 0.2; echo $0' \
	> out 2> err < <(seq 36)
check 'more jobs than descriptors' all_there 36
# Not for one: that is an error at once.
few_or_none() {
	as_glibc
	is 0 $'1\n2' '' || is 255 '' 'fanout: stdin: Too many open files' ||
		is 255 '' 'fanout: stdout: Too many open files' ||
		is 255 '' 'fanout: echo: Too many open files' ||
		is 255 '' 'fanout: start: Too many open files'
}
for n in 8 10 12 14 16 18 20; do
	sample=./few run $n -j1 echo > out 2> err < <(seq 2)
	check "$n descriptors" few_or_none
done

# Each line is answered before the next is written.
mkfifo in answers
exec 4<> in 3<> answers
env "$mark" timeout -k 5 60 "$sample" -j4 echo < in > answers 2> err 4>&- 3>&- &
fanout=$!
exec 5> in 4>&-
echo > out
for i in 1 2 3; do
	echo "line $i" >&5
	IFS= read -r -t 30 -u 3 line || line=
	[ "$line" = "line $i" ] || echo "line $i: '$line'" >> out
done
exec 5>&-
status=0
wait $fanout || status=$?
exec 3<&-
find_left
check 'a slow stdin' is 0 '' ''

# ends: waits for $fanout, but not for ever. Sets status and left.
ends() {
	timeout 60 tail -s 0.1 --pid="$fanout" -f /dev/null || kill -KILL "$fanout"
	status=0
	# Of a hangup the shell tells.
	wait "$fanout" 2> /dev/null || status=$?
	find_left
}

# Signals: an asynchronous command of a script has SIGINT ignored, and under
# nohup SIGHUP is.
while read -r signal wanted; do
	rm -f started
	mkfifo started
	exec 3<> started
	env --default-signal=INT,HUP,TERM "$mark" "$sample" -j2 sh -c '
		echo $0; sleep 1000 & echo started > started; wait' \
		< <(yes) > out 2> err 3>&- &
	fanout=$!
	read -r -t 30 -u 3 _ || :
	read -r -t 30 -u 3 _ || :
	kill "-$signal" $fanout
	ends
	exec 3<&-
	check "SIG$signal" is "$wanted" '' ''
done << 'END'
INT 130
TERM 143
HUP 129
END

# Nobody reads what is being printed.
mkfifo stalled
exec 3<> stalled
env --default-signal=TERM "$mark" "$sample" ./much \
	< <(echo 1) > stalled 2> err 3>&- &
fanout=$!
: > out
head -c 1 <&3 > /dev/null
kill -TERM $fanout
ends
exec 3<&-
check 'SIGTERM while a reader does not read' is 143 '' ''

tally
