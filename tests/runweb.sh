#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs samples/runweb, starts pipelines by its page's requests, and follows them
# as a browser would, with curl(1): one that is slow, one that leaves, one that
# comes again. And with a browser, in tests/runweb.js, where there are Chromium,
# Node.js and its package playwright-core (where NODE_PATH finds it).

# Conditions are evaluated later, hence:
# shellcheck disable=SC2016
. "${srcdir:-.}/tests/checks.sh"

sample=$(cd "${top_builddir:-.}/samples/runweb" && pwd)/runweb
browser=$(cd "${srcdir:-.}/tests" && pwd)/runweb.js
server=
finish() {
	[ -z "$server" ] || kill -KILL "$server" 2> /dev/null || :
}
command -v curl > /dev/null || { echo 'skipped: no curl'; exit 77; }
cd "$tmp"
mkfifo lines

cat > pipelines.conf <<'END'
# a comment

count: seq 3 | sed 's/^/n /'
words: printf '%s,' "a b" 'c"d' | cat
both: sh -c 'echo out; echo err >&2'
bytes: printf 'a\377b\t\033\n'
fails: sh -c 'exit 3' | cat
waits: sh -c 'echo begun; exec sleep 1000'
deaf: sh -c 'trap "" TERM; echo begun; while :; do sleep 1; done'
much: seq 100000
endless: yes
missing: /nonexistent
quoted: echo '|' | cat
END

# start OPTION...: sets server, url and port.
start() {
	local line=
	env "$mark" "$sample" --port=0 "$@" pipelines.conf > lines 2> err &
	server=$!
	exec 3< lines
	read -r -t 30 -u 3 line || :
	[[ $line =~ ^listening\ on\ (http://127\.0\.0\.1:([0-9]+)/), ]] || {
		echo "FAILED  runweb $*: said '$line'"
		cat err
		exit 1
	}
	url=${BASH_REMATCH[1]}
	port=${BASH_REMATCH[2]}
}

# stops SIGNAL: quietly, and with all that it runs.
stops() {
	kill "-$1" "$server"
	status=0
	wait "$server" || status=$?
	find_left
	server=
	exec 3<&-
	[ "$status" -eq 0 ] && [ ! -s err ]
}

# get PATH [OPTION...]: "answer" is the body. Sets code.
get() {
	local path=$1
	shift
	code=$(curl -sN --max-time 120 -o answer -w '%{http_code}' "$@" \
		"$url$path")
}

# run NAME: starts it. Sets id.
run() {
	get "runs?name=$1" -X POST
	id=$(sed -n 's/^{"id":\([0-9]*\),.*/\1/p' answer)
}

# follow: all of the run.
follow() {
	get "runs/$id/events" "$@"
}

# texts: of the lines that were followed.
texts() {
	sed -n 's/.*"text":"\(.*\)"}$/\1/p' answer
}

# is CODE COMMAND...
is() {
	local want=$1
	shift
	"$@" && [ "$code" = "$want" ]
}

# says TEXT COMMAND...: the answer has the text.
says() {
	local text=$1
	shift
	"$@" && grep -qF -e "$text" answer
}

runs_whole() {
	run "$1" && follow && [ "$code" = 200 ] && [ "$(texts)" = "$2" ] &&
		grep -qxF "data: {\"status\":\"$3\",\"why\":null}" answer
}

start
check 'a pipeline runs' runs_whole count $'n 1\nn 2\nn 3' 'exit status 0'
check 'words are grouped by quotes' runs_whole words 'a b,c\u0022d,' \
	'exit status 0'
check 'a quoted | is a word' runs_whole quoted '|' 'exit status 0'
check 'what is not text is shown as such' runs_whole bytes \
	'a\ufffdb\u0009\u001b' 'exit status 0'
check 'a failure is that of the pipeline' runs_whole fails '' 'exit status 3'
both() {
	run both && follow && grep -q '"stream":1,.*"out"' answer &&
		grep -q '"stage":0,"stream":2,.*"err"' answer
}
check 'stderr is told apart' both
check 'a program that is missing' says 'No such file' is 500 run missing
check 'an unknown name' is 404 run nobody
check 'no name' is 400 get runs -X POST
check 'an unknown run' is 404 get runs/999/events
check 'an unknown path' is 404 get favicon.ico
check 'a stop is no GET' is 404 get runs/1/stop
check 'a body is too much' is 413 get 'runs?name=count' -d body
check 'the page' says '<title>runweb</title>' is 200 get ''
check 'the list of pipelines' says '{"name":"fails","stages":' is 200 \
	get pipelines
check 'the list of runs' says '"name":"count"' is 200 get runs

# Only for its own page

check 'another name of this host' is 403 get '' -H 'Host: example.com'
check 'another port' is 403 get '' -H 'Host: 127.0.0.1:1'
check 'a request of another page' is 403 get 'runs?name=count' -X POST \
	-H 'Origin: http://example.com'
check 'a request of no page' is 403 get 'runs?name=count' -X POST \
	-H 'Origin: null'
check 'a request of another site' is 403 get runs \
	-H 'Sec-Fetch-Site: cross-site'
check 'a request of its page' is 201 get 'runs?name=count' -X POST \
	-H "Origin: http://127.0.0.1:$port" -H 'Sec-Fetch-Site: same-origin'
check 'by the name localhost' is 200 get '' -H "Host: localhost:$port"

# Stopping

# begin NAME: runs it until it has said so, and leaves the connection open: a
# browser that left. Sets follower, whose answer goes to "followed".
begin() {
	run "$1" || return
	: > followed
	curl -sN --max-time 120 "${url}runs/$id/events" > followed &
	follower=$!
	until grep -q '"begun"' followed; do
		kill -0 $follower || return
	done
}

stop() {
	begin "$1" && get "runs/$id/stop" -X POST && [ "$code" = 202 ] &&
		wait $follower &&
		grep -qF "$2" followed && grep -qF 'it was stopped' followed
}
check 'a stop' stop waits 'killed by signal 15'
check 'a stop of one that is deaf to SIGTERM' stop deaf 'killed by signal 9'

leaves() {
	begin waits && kill $follower && { wait $follower || :; } &&
		get "runs/$id/stop" -X POST && follow && says begun true
}
check 'a browser that leaves ends nothing' leaves

# Coming again

again() {
	local from
	run count && follow && mv answer whole &&
		from=$(sed -n 's/^id: //p' whole | head -n 2 | tail -n 1) &&
		follow -H "Last-Event-ID: $from" &&
		tail -c "+$((from + 1))" whole | cmp - answer
}
check 'one that comes again goes on where it was' again
mangled() {
	run count && follow && mv answer whole &&
		follow -H "Last-Event-ID: $1" && cmp whole answer
}
for at in 1 17 99999999 -5 18446744073709551617 x; do
	check "one that was never at $at" mangled "$at"
done

# One takes nothing for as long as the other takes all.
slow() {
	run much || return
	exec 4<> "/dev/tcp/127.0.0.1/$port"
	printf 'GET /runs/%s/events HTTP/1.0\r\nHost: 127.0.0.1:%s\r\n\r\n' \
		"$id" "$port" >&4
	follow && [ "$(texts | tail -n 1)" = 100000 ] &&
		timeout 60 cat <&4 | grep -q '"text":"100000"'
}
check 'one that is slow' slow
check 'it ends by SIGTERM' stops TERM

# Limits

start --output=100000 --time=1 --runs=2
check 'a limit on output' says 'it wrote more than the limit' eval \
	'run endless && follow'
check 'a limit on time' says 'it took longer than the limit' eval \
	'run waits && follow'
many() {
	run waits && run waits && run waits
}
check 'a limit on the number' is 429 many
kept() {
	local i
	for i in {1..30}; do
		run count && follow || return
	done
	get runs
	[ "$(grep -o '"id":' answer | wc -l)" -le 23 ]
}
check 'runs that are over are forgotten' kept
check 'it ends by SIGINT' stops INT

start
begin deaf
check 'what still runs ends with it' stops TERM
wait $follower || :

# Lists that are refused

refuses() {
	printf "$1" > bad.conf
	status=0
	timeout 60 "$sample" --port=0 bad.conf > out 2> err || status=$?
	[ $status -eq 1 ] && grep -q "$2" err
}
check 'an empty list' refuses '# nothing\n' 'it is empty'
check 'a line without a name' refuses 'echo hello\n' 'no name'
check 'an open quote' refuses 'a: echo "b\n' 'not closed'
check 'an empty command' refuses 'a: echo | | cat\n' 'a command is empty'
check 'a name twice' refuses 'a: true\na: false\n' 'two of this name'
usage() {
	status=0
	timeout 60 "$sample" "$@" > out 2> err || status=$?
	[ $status -eq 2 ]
}
check 'no list' usage
check 'a port that is none' usage --port=70000 pipelines.conf
check 'a limit of nothing' usage --runs=0 pipelines.conf

# A browser

chromium=$(command -v chromium || command -v chromium-browser || :)
if [ -z "$chromium" ] || ! node -e 'require("playwright-core")' 2> /dev/null; then
	skip 'the browser' 'no Chromium, or no playwright-core for Node.js'
else
	start --time=60
	check 'a browser' env CHROMIUM="$chromium" timeout 300 \
		node "$browser" "$url" > out 2>&1
	check 'it ends after the browser' stops TERM
fi
tally
