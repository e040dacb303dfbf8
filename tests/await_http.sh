#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Asks samples/await_http over HTTP, and compares what it counts with grep. What
# it may keep of a request, of a client that left, of a pipeline that hung, is
# nothing: no descriptor, no memory, no process.

# Conditions are evaluated later, hence:
# shellcheck disable=SC2016
. "${srcdir:-.}/tests/checks.sh"

sample=$(cd "${top_builddir:-.}/samples" && pwd)/await_http
sources=$(cd "${srcdir:-.}" && pwd)
server=
finish() {
	[ -z "$server" ] || kill -KILL "$server" 2> /dev/null || :
}
cd "$tmp"

# The server

mkfifo lines
path=$PATH

# start ARGUMENT...: sets server, url and port. Programs are searched for in
# $path.
start() {
	local line=
	env "PATH=$path" "$mark" "$sample" "$@" > lines 2> err &
	server=$!
	exec 3< lines
	read -r -t 30 -u 3 line || :
	[[ $line =~ ^listening\ on\ (http://127\.0\.0\.1:([0-9]+)/)$ ]] || {
		echo "FAILED  await_http $*: said '$line'"
		cat err
		exit 1
	}
	url=${BASH_REMATCH[1]}
	port=${BASH_REMATCH[2]}
}

# Its stdout ends when it does. Sets status and left.
ends() {
	status=0
	timeout 30 cat <&3 || kill -KILL "$server"
	wait "$server" || status=$?
	find_left
	server=
	exec 3<&-
}

# stops SIGNAL: quietly.
stops() {
	kill "-$1" "$server"
	ends
	[ "$status" -eq 0 ] && [ ! -s err ]
}

# The clients: each writes the status to the first line of "answer", and the
# body below it.

ask_curl() {
	curl -s --max-time 60 -o body -w '%{http_code}\n' "$url$1" > answer
	cat body >> answer
}

ask_bash() {
	send "$1"
	receive > answer
}

send() {
	exec 4<> "/dev/tcp/127.0.0.1/$port"
	printf 'GET /%s HTTP/1.0\r\n\r\n' "$1" >&4
}

receive() {
	local code line
	read -r -t 60 -u 4 _ code _ && echo "$code"
	while IFS= read -r -t 60 -u 4 line && [ "$line" != $'\r' ]; do
		:
	done
	timeout 60 cat <&4
	exec 4<&-
}

# says CODE TEXT: the last answer.
says() {
	as_glibc answer
	[ "$(cat answer)" = "$1"$'\n'"$2" ]
}

# What it should count.
count() {
	find "$sources" -name '*.[ch]' -exec cat {} + | grep -ciF -e "$1" || :
}

start --dir="$sources"
clients=bash
if command -v curl > /dev/null; then
	clients='bash curl'
fi
for client in $clients; do
	while read -r query word; do
		"ask_$client" "count?word=$query"
		check "$client: $word" says 200 "$(count "$word")"
	done << 'END'
await await
Await%5F AWAIT_
%23include #include
%2Dint -int
return+r return r
a.c%28 a.c(
\bint\b \bint\b
END
	# Not to be found in here.
	ask_$client "count?word=sesqui%70edalian"
	check "$client: nothing" says 200 0

	for query in count 'count?' 'count?word' 'count?word=' 'count?x=await'; do
		ask_$client "$query"
		check "$client: /$query" says 400 'Ask for /count?word=WORD'
	done
	ask_$client 'nothing'
	check "$client: /nothing" grep -qx 404 answer
done

want=$(count await)
pids=
for i in 1 2 3 4 5 6 7 8; do
	(mkdir $i && cd $i && ask_bash 'count?word=await' && says 200 "$want") &
	pids="$pids $!"
done
for pid in $pids; do
	check 'one of eight at once' wait "$pid"
done

# measure: sets fds, and rss in KiB.
measure() {
	fds=$(find "/proc/$server/fd" -mindepth 1 | wc -l)
	rss=$(awk '/^VmRSS:/ { print $2 }' "/proc/$server/status")
}

ask_many() {
	for ((i = 0; i < 200; i++)); do
		ask_bash "count?word=await"
		says 200 "$want" || return
	done
}

check '200 requests' ask_many
measure
fds_before=$fds rss_before=$rss
check '200 more' ask_many
measure
check "no more descriptors than the $fds_before before" \
	test "$fds" -eq "$fds_before"
if grep -qE '__[at]san_init' "$sample"; then
	echo 'skipped memory: sanitizers keep it'
else
	check "no more memory than the $rss_before KiB before" \
		test "$rss" -le $((rss_before + 64))
fi

"$sample" --port="$port" > out 2> err || :
as_glibc
check 'a port in use' grep -qx \
	'await_http: 127.0.0.1: Address already in use' err
: > err
check 'SIGTERM' stops TERM
start
ask_bash 'count?word=await'
check 'a directory without sources' says 200 0
check 'SIGINT' stops INT

# Pipelines that fail, or do not end

mkdir nothing fake
fake() {
	printf '#!/bin/bash\n%s\n' "$1" > fake/grep
	chmod +x fake/grep
}

path=$tmp/nothing
start
ask_bash 'count?word=await'
check 'no grep' says 500 'grep: No such file or directory'
check 'no grep, SIGTERM' stops TERM

path=$tmp/fake:$PATH
start --timeout=1
fake 'echo grep: out of sorts >&2; exit 2'
ask_bash 'count?word=await'
check 'grep fails' says 500 $'grep failed\ngrep: out of sorts'
fake 'kill -KILL $$'
ask_bash 'count?word=await'
check 'grep is killed' says 500 'grep failed'

# It comes to "started", and waits at "gate" whatever happens.
mkfifo started gate
exec 5<> started 6<> gate

reaches_gate() {
	read -r -t 30 -u 5 || {
		echo 'FAILED  grep was not started'
		exit 1
	}
}

fake "trap '' TERM; echo > $tmp/started; read -r go < $tmp/gate; echo 7"
ask_bash 'count?word=await'
check 'grep does not end' says 500 'grep: Connection timed out'
find_left "$server"
check 'grep does not end: it is ended' test -z "$left"
reaches_gate
check 'grep does not end, SIGTERM' stops TERM

# Clients and signals that come meanwhile

start
send 'count?word=await'
reaches_gate
exec 4<&-
echo go >&6
send 'count?word=await'
reaches_gate
echo go >&6
receive > answer
check 'after a client that left' says 200 7

send 'count?word=await'
reaches_gate
kill -TERM "$server"
echo go >&6
receive > answer
check 'SIGTERM meanwhile: the answer' says 200 7
ends
check 'SIGTERM meanwhile: the end' \
	eval '[ "$status" -eq 0 ] && [ ! -s err ]'

# Wrong command lines, and help

# fails STATUS TEXT ARGUMENT...: with this message, and no output.
fails() {
	status=0
	timeout 60 "$sample" "${@:3}" > out 2> err || status=$?
	as_glibc
	[ "$status" -eq "$1" ] && grep -qxF -- "await_http: $2" err &&
		[ ! -s out ]
}

numbers='expected --port up to 65535, --timeout from 1 to 3600, and no more'
for arguments in --port=65536 --port=-1 --port=x --port= --timeout=0 more; do
	check "await_http $arguments" fails 2 "$numbers" $arguments
done
check 'await_http --nonsense' fails 2 "unrecognized option '--nonsense'" \
	--nonsense
check 'await_http --dir=missing' fails 1 \
	'missing: No such file or directory' --dir=missing
"$sample" --help > out 2> err
check 'await_http --help' eval 'grep -q "^Usage: " out && [ ! -s err ]'
while read -r where why; do
	status=0
	eval 'timeout 60 "$sample"' "$where" 2> err || status=$?
	# stdio of musl forgets the reason.
	sed -i "s,I/O error,$why," err
	check "await_http $where" eval '[ "$status" -eq 1 ] &&
		[ "$(cat err)" = "await_http: stdout: $why" ]'
done << 'END'
>/dev/full No space left on device
>&- Bad file descriptor
END

tally
