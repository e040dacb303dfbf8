#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs the samples on all kinds of input and failure, and compares them with
# the system's own tools. Each run has a time limit and may leave no process
# behind. What the machine cannot do is skipped, with a word.

# Samples come with arguments, conditions are evaluated later, hence:
# shellcheck disable=SC2086,SC2016
. "${srcdir:-.}/tests/checks.sh"

samples=$(cd "${top_builddir:-.}/samples" && pwd)
helper=$(cd "${top_builddir:-.}/tests/support" && pwd)/helper
timeout=$(command -v timeout)
sha1sum=$(command -v sha1sum)
cd "$tmp"

# run SAMPLE ARGUMENT...: sets status and left. Programs are searched for in
# $path.
path=$PATH
run() {
	status=0
	env "PATH=$path" "$mark" "$timeout" -k 5 120 "$samples/$1" "${@:2}" ||
		status=$?
	find_left
}

# Right output

# same STATUS: and the output wanted, on stdout and stderr.
same() {
	[ "$status" -eq "$1" ] && cmp out want >&2 && cmp err want_err >&2
}

want_csum() {
	local sum
	sum=$(sha1sum < "$1" | cut -c1-40)
	printf '%s  %s\n' "$sum" communicate "$sum" feeder > want
	: > want_err
}

want_grep() {
	grep -i -e "$1" < "$2" 2> want_err | wc > want
	want_status=${PIPESTATUS[0]}
}

want_socket() {
	local sum end
	sum=$(sha1sum < "$1" | cut -c1-40)
	for end in client server; do
		echo "$sum  $end: $(wc -l < "$1") lines, $(wc -c < "$1") bytes"
	done > want
	: > want_err
}

have_zcat() {
	[ -x "$samples/zcat_line" ]
}

printf '' > empty
printf '\n' > newline
printf 'no error\nan Error' > unterminated
printf 'an error\0in\nERROR\0\n\0' > nul
head -c 65536 /dev/urandom > random
{ head -c 8388608 /dev/zero | tr '\0' x; echo ' error'; } > long
awk 'BEGIN {
	for (i = 0; i < 400000; i++) {
		if (i % 7)
			print "line", i, "of a text that goes on and on"
		else
			print "line", i, "that speaks of an Error"
	}
}' > text

for file in empty newline unterminated nul random long text; do
	want_csum $file
	run pipe_csum $file > out 2> err
	check "pipe_csum $file" same 0
	run pipe_csum > out 2> err < $file
	check "pipe_csum < $file" same 0
	run pipe_csum - > out 2> err < <(cat $file)
	check "cat $file | pipe_csum -" same 0

	want_grep error $file
	run pipe_grep $file > out 2> err
	check "pipe_grep $file" same $want_status
	run pipe_grep - > out 2> err < <(cat $file)
	check "cat $file | pipe_grep -" same $want_status
	want_grep '^.*1.*$' $file
	run pipe_grep '^.*1.*$' $file > out 2> err
	check "pipe_grep '^.*1.*$' $file" same $want_status

	want_socket $file
	run socket_afile $file > out 2> err
	check "socket_afile $file" same 0
	run socket_afile - > out 2> err < <(cat $file)
	check "cat $file | socket_afile -" same 0

	have_zcat || continue
	gzip -c $file > $file.gz
	cp $file want
	: > want_err
	run zcat_line $file.gz > out 2> err
	check "zcat_line $file.gz" same 0
	run zcat_line > out 2> err < <(cat $file.gz)
	check "cat $file.gz | zcat_line" same 0
done

printf -- '--x error\n' > ./--x
want_grep -error --x
run pipe_grep -- -error --x > out 2> err
check 'pipe_grep -- -error --x' same $want_status

# Wrong command lines, and help

# fails STATUS TEXT: with just this message, and no output.
fails() {
	[ "$status" -eq "$1" ] && grep -qxF -- "$2" err && [ ! -s out ]
}

# The same for what cannot be printed: stdio of musl forgets the reason.
loses() {
	fails "$1" "$2" || fails "$1" "${2%: *}: I/O error"
}

is_help() {
	[ "$status" -eq 0 ] && grep -q '^Usage: ' out && [ ! -s err ]
}

# What is cut short or broken is said to be, and what was good is printed.
cut_off() {
	[ "$status" -eq 1 ] && grep -q "^zcat_line: $1: $2" err &&
		cmp <(head -c $(stat -c %s out) text) out >&2
}

if have_zcat; then
	head -c 100000 text.gz > short.gz
	run zcat_line short.gz > out 2> err
	check 'zcat_line short.gz' cut_off short.gz 'No data available'
	{ head -c -8 text.gz; printf 12345678; } > broken.gz
	run zcat_line broken.gz > out 2> err
	check 'zcat_line broken.gz' cut_off broken.gz 'Bad message'
	run zcat_line text > out 2> err
	check 'zcat_line text' cut_off text 'Bad message'
	cat newline.gz text.gz empty.gz unterminated.gz > several.gz
	cat newline text empty unterminated > want
	: > want_err
	run zcat_line several.gz > out 2> err
	check 'zcat_line several.gz' same 0
	run zcat_line one two > out 2> err
	check 'zcat_line one two' fails 2 'zcat_line: expected one FILE'
	samples_here='zcat_line'
else
	skip zcat_line 'built without zlib'
	samples_here=
fi

for sample in pipe_csum pipe_grep socket_afile $samples_here; do
	run $sample --help > out 2> err
	check "$sample --help" is_help
	run $sample --nonsense > out 2> err
	as_glibc
	check "$sample --nonsense" fails 2 \
		"$sample: unrecognized option '--nonsense'"
	run $sample text text text > out 2> err
	check "$sample with three files" fails 2 "Try '$sample --help'."
done
run pipe_grep > out 2> err
check 'pipe_grep without a file' fails 2 \
	'pipe_grep: expected [PATTERN] FILE'
run socket_afile > out 2> err
check 'socket_afile without a file' fails 2 'socket_afile: expected one FILE'

# Bad input, missing programs, no room for the output

mkdir directory nothing broken
: > broken/sha1sum
: > broken/grep
: > out
: > unreadable
chmod 0 unreadable

while read -r trouble sample; do
	run $sample missing > out 2> err
	check "$sample missing" fails $trouble \
		"${sample%% *}: missing: No such file or directory"
	run $sample directory > out 2> err
	check "$sample directory" fails $trouble \
		"${sample%% *}: directory: Is a directory"
	if [ -r unreadable ]; then
		skip "$sample unreadable" 'root reads everything'
	else
		run $sample unreadable > out 2> err
		check "$sample unreadable" fails $trouble \
			"${sample%% *}: unreadable: Permission denied"
	fi
done << 'END'
1 pipe_csum
2 pipe_grep
2 pipe_grep --follow
1 socket_afile
END

while read -r trouble children sample; do
	children=${children//_/ }
	path=$tmp/nothing
	run $sample text > out 2> err
	check "$sample without $children" fails $trouble \
		"${sample%% *}: $children: No such file or directory"
	path=$tmp/broken
	run $sample text > out 2> err
	check "$sample, $children not executable" fails $trouble \
		"${sample%% *}: $children: Permission denied"
	path=$PATH
done << 'END'
1 sha1sum pipe_csum
2 grep_|_wc pipe_grep
1 sha1sum socket_afile
END

while read -r trouble sample; do
	: > out
	run $sample text > /dev/full 2> err
	check "$sample text > /dev/full" loses $trouble \
		"${sample%% *}: stdout: No space left on device"
	run $sample text >&- 2> err
	check "$sample text >&-" loses $trouble \
		"${sample%% *}: stdout: Bad file descriptor"
	: > err
	run $sample text <&- >&- 2>&-
	check "$sample text <&- >&- 2>&-" test $status -eq $trouble
	run $sample - <&- > out 2> err
	check "$sample - <&-" fails $trouble \
		"${sample%% *}: stdin: Bad file descriptor"
done << 'END'
1 pipe_csum
2 pipe_grep
1 socket_afile
END
: > out
run pipe_csum --help > /dev/full 2> err
check 'pipe_csum --help > /dev/full' loses 1 \
	'pipe_csum: stdout: No space left on device'

want_csum text
run pipe_csum text <&- > out 2> err
check 'pipe_csum text <&-' same 0
: > err
run pipe_csum text > out 2>&-
check 'pipe_csum text 2>&-' same 0
want_grep error text
run pipe_grep text <&- > out 2> err
check 'pipe_grep text <&-' same 0
: > err
run pipe_grep text > out 2>&-
check 'pipe_grep text 2>&-' same 0
want_socket text
run socket_afile text <&- > out 2> err
check 'socket_afile text <&-' same 0
: > err
run socket_afile text > out 2>&-
check 'socket_afile text 2>&-' same 0

run pipe_grep '[' text > out 2> err
says_so() {
	[ "$status" -eq 2 ] && grep -q '^grep: ' err &&
		grep -qxF 'pipe_grep: grep: exit status 2' err
}
check "pipe_grep '[' text" says_so

# Children that fail

fake() {
	mkdir -p fake
	printf '#!/bin/sh\n%s\n' "$2" > "fake/$1"
	chmod +x "fake/$1"
}

path=$tmp/fake:$PATH
for sample in pipe_csum socket_afile; do
	# Deaf to its input, too: the sample must not wait for it to listen.
	fake sha1sum 'exit 3'
	run $sample text > out 2> err
	check "$sample, sha1sum exits" fails 1 \
		"$sample: sha1sum: exit status 3"
	run $sample - > out 2> err < <(cat text)
	check "$sample -, sha1sum exits" test $status -eq 1
	fake sha1sum 'kill -KILL $$'
	run $sample text > out 2> err
	check "$sample, sha1sum is killed" fails 1 "$sample: sha1sum: Killed"
	fake sha1sum 'cat > /dev/null; echo what?'
	run $sample text > out 2> err
	check "$sample, sha1sum speaks nonsense" fails 1 \
		"$sample: sha1sum: Bad message"
	fake sha1sum "{ echo \$\$; cat; } | $sha1sum"
	run $sample text > out 2> err
	check "$sample, the sums differ" \
		eval '[ $status -eq 1 ] && [ -s out ] && [ -s err ]'
done
fake grep 'exit 3'
run pipe_grep text > out 2> err
check 'pipe_grep, grep exits' test $status -eq 2
fake grep 'kill -KILL $$'
run pipe_grep text > out 2> err
check 'pipe_grep, grep is killed' test $status -eq 2
path=$PATH

# Following: lines come while the file grows, and nobody stays behind.

mkfifo lines

# follow [TIMEOUT-OPTION]: starts pipe_grep on log; its lines come at 3.
follow() {
	printf 'an error\nfine\n' > log
	exec 3<> lines
	env "$mark" "$timeout" "$@" -k 5 60 "$samples/pipe_grep" --follow log \
		> lines 2> err 3>&- &
	follower=$!
	exec 3< lines
}

# comes LINE: is the next one.
comes() {
	local line
	IFS= read -r -t 30 -u 3 line && [ "$line" = "$1" ]
}

grows() {
	comes 'an error' &&
		echo 'second eRRor' >> log && comes 'second eRRor' &&
		printf 'fine\n  third ' >> log && echo error >> log &&
		comes '  third error'
}

ends() {
	status=0
	wait $follower || status=$?
	find_left
	exec 3<&-
}

# kill_stage PROGRAM, of the follower's.
kill_stage() {
	local pid
	for pid in $(marked); do
		if [ "$(cat /proc/$pid/comm)" = "$1" ]; then
			kill -KILL $pid
		fi
	done
}

# The whole group, as a terminal does it; or the sample alone.
while read -r signal whom; do
	follow $whom
	seen=no
	grows && seen=yes
	kill -"$signal" $follower
	ends
	check "pipe_grep --follow, SIG$signal $whom" \
		eval '[ $seen = yes ] && [ $status -eq 0 ] && [ ! -s err ]'
done << 'END'
INT
INT --foreground
TERM --foreground
END

: > out
for stage in tail grep; do
	follow --foreground
	comes 'an error' || :
	kill_stage $stage
	ends
	check "pipe_grep --follow, $stage is killed" fails 2 \
		"pipe_grep: $stage: Killed"
done

follow --foreground
comes 'an error' || :
exec 3<&-
echo 'error 2' >> log
ends
check 'pipe_grep --follow, the reader leaves' fails 2 \
	'pipe_grep: stdout: Broken pipe'

# The bar: a sha1sum that stops half way keeps it on the terminal.

mkfifo gate
fake sha1sum "head -c 8388608 > part.\$\$; read go < gate
	cat part.\$\$ - | $sha1sum"
head -c 16777216 /dev/zero > half
want_csum half
exec 4<> gate
show env "PATH=$tmp/fake:$PATH" sh -c 'exec "$0" half > out' \
	"$samples/pipe_csum"
# How fast, and how long still, is the machine's business.
seen=yes
shows '([89]|10)\.[0-9] MiB +[0-9.]+ [KM]?i?B/s +\[=+> +\] +[56][0-9]%  [0-9:]+ left' ||
	seen=no
printf 'go\ngo\n' >&4
leave_terminal
exec 4>&-
check 'pipe_csum shows its progress' \
	eval '[ $seen = yes ] && [ $status = 0 ] && cmp out want >&2'

tally
