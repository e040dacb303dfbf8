#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs fanout with each of its options: where items come from and what becomes
# of them, retries, halts, logs and resumes, blocks, results, looks.

# Conditions and jobs are evaluated later, hence:
# shellcheck disable=SC2016
. "${srcdir:-.}/tests/checks.sh"

built_program samples/fanout/fanout
sample=$program
helper=$(cd "${top_builddir:-.}/tests/support" && pwd)/helper
cd "$tmp"
unset NO_COLOR

# run ARGUMENT...: sets status and left.
run() {
	status=0
	env "$mark" timeout -k 5 600 "$sample" "$@" > out 2> err \
		< "${input:-/dev/null}" || status=$?
	find_left
}

# is STATUS OUT ERR: just that.
is() {
	[ "$status" -eq "$1" ] && [ "$(cat out)" = "$2" ] &&
		[ "$(cat err)" = "$3" ]
}

# prints OUT ARGUMENT...: with success, and one job after the other.
prints() {
	local wanted=$1
	shift
	run -j1 "$@"
	check "fanout $*" is 0 "$wanted" ''
}

# Items

prints $'a\nb  c\n\n{}' echo ::: a 'b  c' '' '{}'
prints '' echo :::
printf 'a\nb\n' > one
printf 'c' > two
prints $'a\nb\nc\nd' -a one -a two echo ::: d
input=two prints $'c\na\nb' -a - -a one echo
printf 'a\nb\0c d\0\0{}' > nul
prints '[a'$'\n''b][c d][][{}]' -0 -a nul printf '[%s]'
run -a nosuch echo
check 'no such file' is 255 '' 'fanout: nosuch: No such file or directory'
run -j1 -a one -a nosuch echo
check 'no such second file' is 255 $'a\nb' \
	'fanout: nosuch: No such file or directory'
run echo ::: a ::: b
check 'two lists' [ "$status" -eq 255 ]
head -c 1048576 /dev/zero | tr '\0' x > long
run -a long echo
check 'a line of 1 MiB' is 255 '' \
	'fanout: long, line 1: Argument list too long'
run -0 -a long echo
check 'an item of 1 MiB' is 255 '' \
	'fanout: long, item 1: Argument list too long'

# Holes

prints $'d.x/f.tar.gz d.x/f.tar f.tar.gz f.tar d.x 1 1' \
	echo {} {.} {/} {/.} {//} {#} {%} ::: d.x/f.tar.gz
prints 'f f f f .' echo {} {.} {/} {/.} {//} ::: f
prints '/f /f f f /' echo {} {.} {/} {/.} {//} ::: /f
prints 'd.x/f d.x/f f f d.x' echo {} {.} {/} {/.} {//} ::: d.x/f
prints '1a2-a.' echo '{#}{}2-{}.' ::: a
prints '{ } {x {# x' echo '{' '}' '{x' '{#' {}x ::: ''
prints $'1\n2' echo {#} ::: a b
mkfifo t1 t2
run -j2 sh -c 'case {} in 1) exec 3> t1;; 2) cat t1;; esac; echo slot {%}' \
	::: 1 2
both_slots() {
	[ "$(sort out)" = $'slot 1\nslot 2' ]
}
check 'two slots' both_slots
prints "it's \$HOME" --shell echo ::: "it's \$HOME"
prints 4 --shell 'printf %s {} | wc -c | tr -d " "' ::: "a' b"
printf 'echo a | tr a b\nexit 3\n' > commands
run -j1 --shell -a commands
check 'a list of commands' is 1 b ''
prints $'echo $\'a\\012b\\\'\\\\\'' --dry-run echo ::: $'a\nb'\''\'
prints "sh -c 'echo '\\''it'\\''\\'\\'''\\''s'\\'''" --dry-run --shell echo ::: "it's"

# Order

mkfifo first last
# Each job but the first ends, and then the first.
run -k -j3 sh -c 'case $0 in 1) read -r x < first;; 3) echo > first;; esac
	echo $0' ::: 1 2 3
check 'in order' is 0 $'1\n2\n3' ''
# A job may wait for many after it: more than are run at a time.
run -k -j2 sh -c 'case $0 in 1) read -r x < first;; 50) echo > first;; esac
	echo $0' ::: $(seq 50)
check 'in order, after a slow one' is 0 "$(seq 50)" ''
# bounded SIZE: the first job is slow, and the others print so much: they do not
# all begin before it has ended.
bounded() {
	local fanout before=
	rm -f begun
	env "$mark" timeout -k 5 600 "$sample" -k -j2 sh -c '
		if [ $0 = 1 ]; then read -r x < last; exit; fi
		echo $0 >> begun; head -c '"$1"' /dev/zero' ::: $(seq 200) \
		> out 2> err &
	fanout=$!
	exec 3<> last
	until [ -e begun ] && [ "$(wc -l < begun)" -ge 60 ]; do
		sleep 0.1
	done
	# Nothing begins for a second.
	until [ "$(wc -l < begun)" = "$before" ]; do
		before=$(wc -l < begun)
		sleep 1
	done
	check "in order, and bounded: $1" [ "$before" -lt 100 ]
	echo >&3
	status=0
	wait $fanout || status=$?
	exec 3>&-
	find_left
	check "in order, and complete: $1" [ "$(wc -c < out)" -eq $((199 * $1)) ]
}
bounded 1000000 # in memory
bounded 1100000 # in files

# Retries

run -j1 --retries 3 sh -c 'echo $0 >> tried; echo $0
	[ "$(grep -c $0 tried)" -eq $0 ]' ::: 1 2 3 4
check 'retries' is 1 $'1\n2\n3\n4' ''
check 'as many as it takes' [ "$(sort tried | uniq -c | tr -s ' ' '\n' |
	paste -sd' ')" = ' 1 1 2 2 3 3 3 4' ]
run --retries 2 ./nosuch ::: 1
check 'retries of what does not start' is 1 '' \
	'fanout: ./nosuch: No such file or directory'

# Halts

# halts STATUS JOBS HALT: jobs exit with their item.
halts() {
	run -j1 --halt "$3" sh -c 'echo $0; exit $0' ::: 0 5 0 6 7 0
	check "--halt $3" is "$1" "$(printf '%s\n' $2)" ''
}
halts 3 '0 5 0 6 7 0' never
halts 5 '0 5' soon,fail=1
halts 5 '0 5' now,fail=1
halts 2 '0 5 0 6' soon,fail=2
halts 0 '0 5 0' now,success=2
halts 1 '0 5 0' soon,done=3
halts 0 '0' now,done=1
run -j2 --halt now,fail=1 sh -c 'case $0 in
	1) read -r x < first; exit 9;;
	2) trap "echo stopped; exit" TERM; exec 2>&-
		echo > first; while :; do sleep 0.1; done;;
	esac' ::: 1 2 3
check 'running jobs are stopped' is 9 stopped ''
run -j2 --halt soon,fail=1 sh -c 'case $0 in
	1) read -r x < first; exit 9;;
	2) echo > first; sleep 0.5; echo finished;;
	esac' ::: 1 2 3
check 'running jobs finish' is 9 finished ''
for rule in '' soon now,fail now,fail=0 now,fail=x soon,fail=1% fail=1; do
	run --halt "$rule" true ::: 1
	check "--halt '$rule'" [ $status -eq 255 ]
done

# The job log

# log_of FILE: numbers, exit statuses, signals and commands.
log_of() {
	sed 1d "$1" | cut -f1,2,7- | tr '\t' ' '
}
run -j1 --joblog log sh -c 'exit $0' ::: 0 3
check 'a job log' [ "$(log_of log)" = "1 : 0 0 sh -c 'exit \$0' 0
2 : 3 0 sh -c 'exit \$0' 3" ]
head -n 1 log > header
check 'its header' [ "$(cat header)" = "$(printf '%s\t' Seq Host Starttime \
	JobRuntime Send Receive Exitval Signal)Command" ]
run -j1 --joblog log --timeout 0.5 sh -c "$(printf '%s\n' \
	'case $0 in 1) kill -KILL $$;; 2) sleep 1000;; esac')" ::: 1 2 $'a\tb'
ends_are_logged() {
	[ "$(cut -f7,8 log | tail -n 3)" = $'0\t9\n-1\t15\n0\t0' ] &&
		[ "$(wc -l < log)" -eq 4 ]
}
check 'signals and timeouts in the log' ends_are_logged
run --joblog log ./nosuch ::: 1
check 'what does not start, in the log' [ "$(cut -f7,8 log | tail -n 1)" = \
	$'127\t0' ]
run --joblog /dev/full true ::: 1
check 'a log on a full disk' is 255 '' 'fanout: /dev/full: No space left on device'
run --joblog nosuch/log true ::: 1
check 'a log in no folder' [ $status -eq 255 ]
run --resume true ::: 1
check 'no log to resume' [ $status -eq 255 ]

run -j1 --joblog log sh -c 'echo $0; [ $0 != 2 ]' ::: 1 2 3
run -j1 --joblog log --resume echo ::: 1 2 3 4
check '--resume' is 0 4 ''
run -j1 --joblog log --resume echo ::: 1 2 3 4
check '--resume, with nothing to do' is 0 '' ''
run -j1 --joblog log --resume-failed echo ::: 1 2 3 4
check '--resume-failed' is 0 2 ''
run -j1 --joblog log --resume-failed echo ::: 1 2 3 4
check '--resume-failed, later' is 0 '' ''
check 'the log of all of them' [ "$(sed 1d log | cut -f1 | paste -sd' ')" = \
	'1 2 3 4 2' ]
printf '5\t:\t1.0\t1.0\t0\t0\t0\t0' >> log
run -j1 --joblog log --resume echo ::: 1 2 3 4 5
check 'a line that is cut off' is 0 5 ''
check 'it is gone' [ "$(tail -n 1 log | cut -f1,9)" = $'5\techo 5' ]
: > log
run -j1 --joblog log --resume echo ::: 1
check 'an empty log' is 0 1 ''
check 'its header' cmp <(head -n 1 log) header

# What was printed before a kill, and what is printed after it, is all of it; a
# job that was printed and not in the log yet is run again.
mkfifo held
env "$mark" "$sample" -j1 --joblog killed sh -c 'echo $0
	[ $0 -lt 20 ] || { echo > first; read -r x < held; }' ::: $(seq 30) \
	> out1 2> err &
fanout=$!
read -r _ < first
kill -KILL $fanout
wait $fanout 2> /dev/null || :
echo > held
find_left
run -j1 --joblog killed --resume echo ::: $(seq 30)
all_at_least_once() {
	cmp <(sort -nu out1 out) <(seq 30) && [ "$(cat out1 out | wc -l)" -le 31 ]
}
check 'a resume after a kill' all_at_least_once

# Blocks

seq 100000 > numbers
input=numbers
run -k --pipe --block 10k cat
check 'blocks' cmp out numbers
run -k --pipe --block 10k sh -c 'wc -l | tr -d " "; echo {}' x
whole_lines() {
	[ "$(paste -sd' \n' < out | awk '{ n += $1; if ($2 != NR) exit 1 }
		END { print n, (NR > 50) }')" = '100000 1' ]
}
check 'blocks of whole lines' whole_lines
seq 100 > lines
input=lines
run -k --pipe --block 1 sh -c 'wc -l | tr -d " "'
check 'a block for each line' is 0 "$(yes 1 | head -n 100)" ''
printf 'a--b--c' > records
input=records
run -k --pipe --block 1 --recend -- sh -c 'cat; echo'
check 'records' is 0 $'a--\nb--\nc' ''
printf 'a\0bb\0' > records
run -k --pipe --block 1 --recend '\0' sh -c 'wc -c | tr -d " "'
check 'records with a NUL' is 0 $'2\n3' ''
run -k --pipe --block 2 --recend '' sh -c 'wc -c | tr -d " "'
check 'blocks without records' is 0 $'2\n2\n1' ''
input=long
run --pipe --block 1k sh -c 'wc -c | tr -d " "'
check 'a block of a line of 1 MiB' is 0 1048576 ''
input=numbers
run -j2 --pipe --block 100k sh -c 'exec 0<&-; echo "$0"' x
check 'jobs that do not read their blocks' [ $status -eq 0 ]
run -k --pipe --block 100k --retries 2 sh -c 'cat; [ -e "again.$0" ] || {
	: > "again.$0"; exit 1; }' {}
check 'blocks again' cmp out numbers
input=/dev/null run --pipe cat
check 'no block of nothing' is 0 '' ''
run -0 --pipe cat
check '--pipe excludes --null' [ $status -eq 255 ]
for size in 0 -1 x 1x 1T ''; do
	run --pipe --block "$size" cat
	check "--block '$size'" is 255 '' "fanout: --block takes a size
Try 'fanout --help'."
done
input=

# Results

run -j1 --results dir sh -c 'echo "out $0"; echo "err $0" >&2' ::: a/b .. . '' \
	$'t\tn\n\\' "$(head -c 3000 long)" x
check 'results are printed, too' [ "$(grep -c ^out out)" -eq 7 ]
for name in 'a\_b' '\..' '\.' '\e' 't\tn\n\\' \
	"$(head -c 100 long)\\+6" x; do
	check "results of $name" [ "$(head -c 4 "dir/1/$name/stdout")" = 'out ' ]
	check "errors of $name" [ "$(head -c 4 "dir/1/$name/stderr")" = 'err ' ]
done
check 'nowhere else' [ "$(find . -name stdout | wc -l)" -eq 7 ]
check 'the number' [ "$(cat dir/1/x/seq)" = 7 ]
: > file
run --results file true ::: 1
check 'no folder for results' [ $status -eq 255 ]

# Looks

prints $'a\tx\na\ty' --tag sh -c 'echo x; echo y' ::: a
run -j1 --tag sh -c 'echo e >&2; printf o' ::: $'a\n\tb\033'
check 'tags' is 0 $'a^J^Ib^[\to' $'a^J^Ib^[\te'
run -j1 --color=always --tag echo ::: a
check 'a coloured tag' is 0 $'\033[36ma\033[m\ta' ''
# The first bytes of these characters are here, the rest comes later.
cat > odd << 'END'
#!/bin/sh
printf 'a\033[31mb\007\r\n\ttab \303\251 \342\200\256 \302\233 \377 \303'
END
chmod +x odd
run ./odd ::: 1
check 'output to a file is raw' cmp out <(./odd)

# on_terminal ARGUMENT...: sets shown_text.
on_terminal() {
	show sh -c '"$0" "$@"' "$sample" --no-progress "$@"
	shown_text=$(tr -d '\r' <&3)
	leave_terminal
}
on_terminal ./odd ::: 1
check 'output to a terminal is harmless' [ "$shown_text" = \
	$'a^[[31mb^G^M\n\ttab \303\251 \\u202e \\u009b \\xff \\xc3' ]
on_terminal --raw sh -c 'printf "a\033[1mb"' ::: 1
check 'or raw' [ "$shown_text" = $'a\033[1mb' ]
export TERM=xterm
on_terminal --tag echo ::: a
check 'a terminal has colours' [ "$shown_text" = $'\033[36ma\033[m\ta' ]
on_terminal --color=never --tag echo ::: a
check 'or not' [ "$shown_text" = $'a\ta' ]
export NO_COLOR=1
on_terminal --tag echo ::: a
check 'or not, by NO_COLOR' [ "$shown_text" = $'a\ta' ]
unset NO_COLOR
TERM=dumb on_terminal --tag echo ::: a
check 'or not, by TERM' [ "$shown_text" = $'a\ta' ]
run --progress sh -c 'sleep 0.5' ::: 1
check '--progress without a terminal' grep -q '1 running, 0 failed' err

# JSON

run -j1 --json sh -c 'printf "\033\"\\\\\303\251\377\n"; echo e >&2; exit 3' \
	::: $'a\tb'
without_times() {
	sed 's/"start":[0-9.]*,"runtime":[0-9.]*,//' out
}
check 'JSON' [ "$(without_times)" = '{"seq":1,"host":":","item":"a\tb","argv":["sh","-c","printf \"\\033\\\"\\\\\\\\\\303\\251\\377\\n\"; echo e >&2; exit 3","a\tb"],"exit":3,"stdout":"\u001b\"\\é�\n","stderr":"e\n"}' ]
run -j1 --json sh -c 'kill -KILL $$' ::: 1
check 'JSON of a signal' grep -q ',"signal":9,"stdout"' out
run -j1 --json ./nosuch ::: 1
check 'JSON of what does not start' grep -q \
	',"exit":127,"error":"No such file or directory","stdout":"","stderr":""}' out
if command -v python3 > /dev/null; then
	head -c 3000000 /dev/urandom > random
	run -j4 --json cat ::: random odd random
	check 'JSON of random bytes' python3 -c '
import json
def text(name):
    with open(name, "rb") as file:
        text = file.read().decode(errors="surrogateescape")
    return "".join("\ufffd" if "\udc80" <= c <= "\udcff" else c for c in text)
wanted = {name: text(name) for name in ("random", "odd")}
with open("out", "rb") as out:
    jobs = [json.loads(line) for line in out]
assert len(jobs) == 3
for job in jobs:
    assert job["stdout"] == wanted[job["item"]], job["item"]'
fi
(
	status=0
	env "$mark" "$sample" --json true ::: 1 > /dev/full 2> err || status=$?
	echo $status > status
)
: > out
status=$(cat status)
check 'JSON > /dev/full' is 255 '' 'fanout: stdout: No space left on device'

# Signals

# A job that does not listen is killed, at once by a second signal.
env --default-signal=INT,TERM "$mark" "$sample" --grace 1000 sh -c '
	trap "echo heard > last" TERM; echo > first
	while :; do sleep 0.1; done' ::: 1 > out 2> err &
fanout=$!
read -r _ < first
kill -TERM $fanout
read -r _ < last
kill -TERM $fanout
status=0
wait $fanout 2> /dev/null || status=$?
find_left
check 'a second SIGTERM' is 143 '' ''
env --default-signal=INT,TERM "$mark" "$sample" --grace 0.5 sh -c '
	trap "" TERM; echo > first; while :; do sleep 0.1; done' ::: 1 \
	> out 2> err &
fanout=$!
read -r _ < first
kill -INT $fanout
status=0
wait $fanout 2> /dev/null || status=$?
find_left
check 'SIGINT, and a job that ignores SIGTERM' is 130 '' ''

tally
