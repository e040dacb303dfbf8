#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs programs behind samples/cgi, and asks for them with curl(1), and over bare
# connections: clients that are slow, or leave; programs that write too much, or
# no header, that stay, or leave others behind; names that are none. Of what is
# over, nothing may be left: no program, no descriptor, no memory.

# Conditions are evaluated later, hence:
# shellcheck disable=SC2016,SC2034
. "${srcdir:-.}/tests/checks.sh"

sample=$(cd "${top_builddir:-.}/samples/cgi" && pwd)/cgi
server=
finish() {
	[ -z "$server" ] || kill -KILL "$server" 2> /dev/null || :
}
command -v curl > /dev/null || { echo 'skipped: no curl'; exit 77; }
cd "$tmp"
mkfifo lines
mkdir bin
touch out

# The programs. They get no environment, so that each is known by its folder.

# program NAME: a script from stdin, for sh(1).
program() {
	{ echo '#!/bin/sh'; cat; } > "bin/$1"
	chmod +x "bin/$1"
}

# plain NAME: the same, after a header.
plain() {
	{ echo "printf 'Content-Type: text/plain\\n\\n'"; cat; } | program "$1"
}

# programs: the pids of those that run.
programs() {
	local cwd
	for cwd in /proc/[0-9]*/cwd; do
		[ "$(readlink "$cwd" 2> /dev/null)" != "$tmp/bin" ] ||
			echo "${cwd//[^0-9]/}"
	done
}

# until_true COMMAND...: within 30 s.
until_true() {
	local end=$((SECONDS + 30))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		read -r -t 0.05 <> lines || :
	done
}

alone() {
	until_true eval '[ -z "$(programs)" ]'
}

# The server

# start OPTION...: sets server, url and port.
start() {
	local line=
	env "$mark" "$sample" --listen=127.0.0.1:0 "$@" bin > lines 2> err &
	server=$!
	exec 3< lines
	read -r -t 30 -u 3 line || :
	[[ $line =~ ^listening\ on\ (http://127\.0\.0\.1:([0-9]+)/)$ ]] || {
		echo "FAILED  cgi $*: said '$line'"
		cat err
		exit 1
	}
	url=${BASH_REMATCH[1]}
	port=${BASH_REMATCH[2]}
}

# ends: sets status and left.
ends() {
	status=0
	timeout 30 cat <&3 || kill -KILL "$server"
	wait "$server" || status=$?
	find_left
	server=
	exec 3<&-
	[ "$status" -eq 0 ] && alone
}

# stops SIGNAL: quietly.
stops() {
	kill "-$1" "$server"
	ends && [ ! -s err ]
}

descriptors() {
	find "/proc/$server/fd" -mindepth 1 2> /dev/null | wc -l
}

memory() {
	awk '/^VmRSS:/ { print $2 }' "/proc/$server/status"
}

# Clients

# get PATH [OPTION...]: sets code, and result, which is curl's; "answer" is the
# body, "fields" the header.
get() {
	local path=$1
	shift
	result=0
	: > answer
	code=$(curl -sN --path-as-is --max-time 60 -o answer -D fields \
		-w '%{http_code}' "$@" "$url$path") || result=$?
}

# is CODE COMMAND...
is() {
	local want=$1
	shift
	"$@" && [ "$code" = "$want" ] && [ "$result" -eq 0 ]
}

# says TEXT COMMAND...: the whole answer.
says() {
	local text=$1
	shift
	"$@" && [ "$(cat answer)" = "$text" ]
}

# has FIELD COMMAND...
has() {
	local field=$1
	shift
	"$@" && tr -d '\r' < fields | grep -qxF -e "$field"
}

# cut COMMAND...: the client has seen that the answer is not whole.
cut_off() {
	"$@" && { [ "$result" -eq 18 ] || [ "$result" -eq 56 ]; }
}

# told TEXT COMMAND...: the server's stderr.
told() {
	local text=$1
	shift
	: > err
	"$@" && until_true grep -qxF -e "$text" err && : > err
}

# send TEXT: by a connection of its own, 4.
send() {
	exec 4<> "/dev/tcp/127.0.0.1/$port"
	printf "$1" >&4
}

receive() {
	timeout 60 cat <&4 > answer || :
	exec 4<&- 4>&-
}

# The variables, and nothing else

plain env <<'END'
env | grep -v '^_=\|^PWD=\|^OLDPWD=\|^SHLVL=' | sort
END
plain input <<'END'
exec cat
END
plain hello <<'END'
echo hello
END

start
descriptors_before=$(descriptors)

variables() {
	get 'env/a%20b/c?x=1&y=%41' -H 'User-Agent:' -H 'Accept:' &&
		sort > want <<-END &&
			GATEWAY_INTERFACE=CGI/1.1
			HTTP_HOST=127.0.0.1:$port
			PATH=/usr/local/bin:/usr/bin:/bin
			PATH_INFO=/a b/c
			QUERY_STRING=x=1&y=%41
			REMOTE_ADDR=127.0.0.1
			REMOTE_HOST=127.0.0.1
			REQUEST_METHOD=GET
			SCRIPT_NAME=/env
			SERVER_NAME=127.0.0.1
			SERVER_PORT=$port
			SERVER_PROTOCOL=HTTP/1.1
		END
		grep -v '^SERVER_SOFTWARE=libasyncfile/' answer |
		diff want - > out
}
check 'the variables of a GET' variables
: > out

# variable LINE...: each is one.
variable() {
	local line
	for line; do
		grep -qxF -e "$line" answer || return
	done
}
fields() {
	get env -X PATCH -H 'X-One: 1' -H 'x-one: 2' -H 'Cookie: a=b' \
		-H 'Cookie: c=d' -H 'Content-Type: text/x' -d body &&
		variable 'HTTP_X_ONE=1, 2' 'HTTP_COOKIE=a=b; c=d' \
			'CONTENT_TYPE=text/x' 'CONTENT_LENGTH=4' \
			'REQUEST_METHOD=PATCH'
}
check 'the fields of a request' fields
hidden() {
	get env -H 'Proxy: evil' -H 'X_Under: evil' -H 'Authorization: evil' \
		-H 'Proxy-Authorization: evil' -H 'TE: evil' \
		-H 'Connection: evil' -H 'Content-Length: 0' -H 'X.Dot: evil' &&
		[ "$code" = 200 ] && ! grep -q 'evil\|^HTTP_PROXY' answer
}
check 'fields that are not passed on' hidden
host() {
	get env -H "Host: $1" && variable "SERVER_NAME=$2"
}
check 'the name of the server' host example.com:8080 example.com
check 'a name that is none' host 'a b;c' 127.0.0.1
many_fields() {
	local options=() i
	for i in {1..101}; do options+=(-H "X-$i: $i"); done
	get env "${options[@]}"
}
check 'too many fields' is 431 many_fields

# Bodies

head -c 10485760 /dev/urandom > large
same() {
	get input "$@" && [ "$code" = 200 ] && cmp answer large
}
check 'a body' says body is 200 get input -d body
check 'no body' says '' is 200 get input
check 'an empty body' says '' is 200 get input -d ''
check 'a large body' same --data-binary @large
check 'a large body by PUT' same -T large
check 'a body in chunks' same --data-binary @large \
	-H 'Transfer-Encoding: chunked'
check 'a body in chunks, Expect' same --data-binary @large \
	-H 'Transfer-Encoding: chunked' -H 'Expect: 100-continue'
check 'a body that is not read' says hello is 200 get hello \
	--data-binary @large
rm large
head -c 16777217 /dev/zero > larger
too_large() {
	get input --data-binary @larger "$@"
	[ "$code" = 413 ]
}
check 'a body that is too large' too_large
check 'a body that is too large, in chunks' too_large \
	-H 'Transfer-Encoding: chunked'
rm larger

# Names

touch bin/data bin/.hidden
mkdir bin/folder
printf '#!/bin/sh\n' > bin/folder/inner
chmod +x bin/.hidden bin/folder/inner
ln -s /bin/true bin/link
ln -s hello bin/link-inside
printf 'echo hello\n' > bin/noexec
chmod +x bin/noexec
while read -r want path; do
	check "$want /$path" is "$want" get "$path"
done <<'END'
404
404 nothing
404 nothing/hello
404 .
404 ..
404 ../hello
404 ../bin/hello
404 hello/..
404 hello/../hello
404 hello/a/%2e%2e/b
404 hello/%2E.
404 %2e%2e/bin/hello
404 %2e/hello
404 .hidden
404 %2ehidden
404 hello%00
404 hello%00.txt
404 hello/%00
404 bin%2fhello
404 bin%2Fhello
404 folder%2finner
404 hello/%2f
404 /hello
404 hello%0a
404 hello%20
403 folder
403 folder/inner
403 data
403 link
403 link-inside
500 noexec
200 hello
200 %68ello
200 hello/
200 hello//a
200 hello/...
200 hello/..a
200 hello?../..
END
long_name() {
	get "$(printf 'a%.0s' {1..300})"
}
check 'a name that is too long' is 404 long_name
check 'a program that cannot be started is told' told \
	"cgi: noexec: exec $tmp/bin/noexec: Exec format error" get noexec
target() {
	send "$1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" && receive &&
		grep -q "^HTTP/1.[01] $2 " answer
}
check 'an absolute URI' target 'GET http://example.com/hello' 200
check 'no slash' target 'GET hello' 404
check 'an asterisk' target 'OPTIONS *' 404
check 'a method that is not served' target 'TRACE /hello' 501
check 'a method that is none' target 'FETCH /hello' 501
: > err

# Headers

program header <<'END'
case $PATH_INFO in
/status) printf 'Status: 404 Not here\n\nbody';;
/number) printf 'Status: 299\nContent-Type: a/b\n\nbody';;
/crlf) printf 'Content-Type: text/plain\r\nX-A: b\r\n\r\nbody';;
/mixed) printf 'Content-Type: text/plain\nX-A: \t b \t\n\r\nbody';;
/redirect) printf 'Location: http://example.com/\n\n';;
/path) printf 'Location: /hello?x\n\n';;
/created) printf 'Status: 201 Created\nLocation: /hello\n\n';;
/length) printf 'Content-Type: a/b\nContent-Length: 2\n\nbody';;
/chunked) printf 'Content-Type: a/b\nTransfer-Encoding: chunked\n\nbody';;
/keep) printf 'Content-Type: a/b\nConnection: upgrade\n\nbody';;
/nocontent) printf 'Status: 204 No Content\n\nbody';;
/notmodified) printf 'Status: 304 Not Modified\n\nbody';;
/empty) printf 'Content-Type: a/b\n\n';;
/cookies) printf 'Content-Type: a/b\nSet-Cookie: a\nSet-Cookie: b\n\n';;
/none) echo hello;;
/nothing) ;;
/silent) exit 1;;
/first) printf '\nContent-Type: a/b\n\nbody';;
/half) printf 'Content-Type: a/b\n';;
/useless) printf 'X-A: b\n\nbody';;
/colon) printf 'Content-Type: a/b\nX-A\n\nbody';;
/space) printf 'Content-Type : a/b\n\nbody';;
/fold) printf 'Content-Type: a/b\n c\n\nbody';;
/return) printf 'Content-Type: a/b\nX-A: b\rSet-Cookie: evil\n\nbody';;
/reason) printf 'Status: 200 a\rSet-Cookie: evil\n\nbody';;
/nul) printf 'Content-Type: a/b\nX-A: b\0c\n\nbody';;
/escape) printf 'Content-Type: a/b\nX-A: \033[1m\n\nbody';;
/name) printf 'Content-Type: a/b\nX A: b\n\nbody';;
/noname) printf 'Content-Type: a/b\n: b\n\nbody';;
/twice) printf 'Content-Type: a/b\nContent-Type: a/b\n\nbody';;
/statuses) printf 'Status: 200\nStatus: 200\n\nbody';;
/continue) printf 'Status: 100 Continue\n\nbody';;
/switch) printf 'Status: 101 Switching\n\nbody';;
/big) printf 'Status: 600 Big\n\nbody';;
/word) printf 'Status: OK\n\nbody';;
/digits) printf 'Status: 2000\n\nbody';;
/long) printf 'Content-Type: a/b\nX-A: %20000d\n\nbody' 1;;
/endless) printf 'Content-Type: a/b\nX-A: '; exec yes;;
/killed) kill -KILL $$;;
esac
END
check 'a status' says body is 404 get header/status
check 'its reason' has 'HTTP/1.1 404 Not here' get header/status
check 'a status without a reason' says body is 299 get header/number
check 'lines that end in CRLF' says body is 200 get header/crlf
check 'a field' has 'X-A: b' get header/crlf
check 'lines of both kinds' says body has 'X-A: b' get header/mixed
check 'a redirect' has 'Location: http://example.com/' is 302 \
	get header/redirect
check 'a redirect to a path' has 'Location: /hello?x' is 302 get header/path
check 'a status with a location' is 201 get header/created
check 'a length that is wrong' says body is 200 get header/length
check 'an encoding that is wrong' says body is 200 get header/chunked
check 'Connection' says body is 200 get header/keep
check 'no content' says '' is 204 get header/nocontent
check 'not modified' says '' is 304 get header/notmodified
check 'an empty body' says '' is 200 get header/empty
check 'a field twice' has 'Set-Cookie: a' has 'Set-Cookie: b' \
	get header/cookies
for case in none nothing silent half; do
	check "no header: $case" says 'the program wrote no header' is 502 \
		get header/$case
done
for case in first useless colon space fold return reason nul escape name \
	noname twice statuses continue switch big word digits; do
	check "a wrong header: $case" says 'the program wrote a wrong header' \
		is 502 get header/$case
done
check 'a header that is too long' is 502 get header/long
check 'a header without an end' is 502 get header/endless
check 'a program that is killed before its header' says \
	'the program was killed by a signal' is 502 get header/killed
check 'what is wrong is told' told \
	'cgi: header: the program wrote a wrong header' get header/name
check 'an exit status is told' told 'cgi: header: exit status 1' \
	get header/silent
check 'after all that, no program is left' alone
: > err

# HEAD, and connections that are kept

nothing_but_fields() {
	get "$1" -I && [ "$code" = "$2" ] && cmp answer fields
}
check 'HEAD' nothing_but_fields hello 200
check 'HEAD, a missing program' nothing_but_fields nothing 404
check 'HEAD, an error' nothing_but_fields header/none 502
kept() {
	[ "$(curl -s --max-time 60 "$@" -o answer -w '%{num_connects} %{http_code} ' \
		"$url$first" --next -s -o answer \
		-w '%{num_connects} %{http_code}' "${url}hello")" = \
		"1 $want 0 200" ] && [ "$(cat answer)" = hello ]
}
for first in hello header/nocontent header/length; do
	want=200
	[ $first != header/nocontent ] || want=204
	check "a connection is kept after $first" kept
done
first=hello want=200
check 'a connection is kept after HEAD' kept -I
first=nothing want=404
check 'a connection is kept after an error' kept
check 'a connection is kept after the error of HEAD' kept -I
first=input want=200
check 'a connection is kept after a body' kept -d body
old() {
	send "GET /hello HTTP/1.0\r\n$1\r\n" && receive &&
		[ "$(tail -n 1 answer)" = hello ] &&
		! grep -qi '^content-length\|^transfer-encoding' answer
}
check 'HTTP/1.0' old ''
check 'HTTP/1.0, keep-alive' old 'Connection: keep-alive\r\n'
pipelined() {
	send 'GET /hello HTTP/1.1\r\nHost: x\r\n\r\nPOST /input HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody'
	receive
	[ "$(grep -c '^HTTP/1.1 200' answer)" -eq 2 ] &&
		grep -qx hello answer && grep -qa body answer
}
check 'two requests at once on one connection' pipelined

# stderr

plain errors <<'END'
printf 'one\ntwo \033[1m\n' >&2
printf '%3000d\n' 1 >&2
printf last >&2
END
errors() {
	get errors && until_true grep -q 'errors: last$' err &&
		grep -qx 'cgi: errors: one' err &&
		grep -qx 'cgi: errors: two ?\[1m' err &&
		[ "$(grep -c '^cgi: errors: ' err)" -eq 6 ] && : > err
}
check 'stderr' errors
plain noisy <<'END'
yes >&2 &
echo $! > noisy.pid
head -c 10000000 /dev/zero
kill $!
END
noisy() {
	get noisy && [ "$(wc -c < answer)" -eq 10000000 ] && alone && : > err
}
check 'much on both' noisy

# How programs end

plain fails <<'END'
echo whole
exit 3
END
check 'an exit status is no failure of the reply' says whole is 200 get fails
check 'but it is told' told 'cgi: fails: exit status 3' get fails
plain dies <<'END'
echo part
kill -SEGV $$
END
check 'a program that is killed' cut_off get dies
check 'which is told' told 'cgi: dies: the program was killed by a signal' \
	get dies
check 'HTTP/1.0: a program that is killed' cut_off get dies -0
plain closes <<'END'
echo whole
exec >&-
exec sleep 1000
END
check 'one that closes its output, and stays' says whole is 200 get closes
check 'it is ended' alone
plain deaf <<'END'
trap '' TERM
echo whole
exec >&-
while :; do sleep 1; done
END
check 'one that is deaf to SIGTERM' says whole is 200 get deaf
check 'it is killed' alone
plain background <<'END'
sleep 1000 &
echo whole
END
check 'one that leaves a child, which holds its output' says whole is 200 \
	get background
check 'the child is ended' alone
plain quiet <<'END'
sleep 1000 > /dev/null 2>&1 &
echo whole
END
check 'one that leaves a child, which holds nothing' says whole is 200 \
	get quiet
check 'that child is ended' alone
plain later <<'END'
(for i in 1 2 3 4 5 6; do sleep 0.5; echo $i; done) &
echo 0
END
check 'a child that still writes' says $'0\n1\n2\n3\n4\n5\n6' get later
program unsaid <<'END'
sleep 1000 &
END
check 'no header, and a child holds the output' is 502 get unsaid
check 'it is ended, too' alone
if command -v setsid > /dev/null; then
	plain daemon <<-'END'
		setsid sh -c 'echo $$ > daemon.pid; exec sleep 1000' &
		until [ -s daemon.pid ]; do :; done
		echo whole
	END
	check 'a daemon that holds the output' says whole is 200 get daemon
	check 'goes on' kill "$(cat bin/daemon.pid)"
	check 'until it ends itself' alone
else
	skip 'a daemon' 'no setsid'
fi
: > err

# Clients that are slow, or leave

plain much <<'END'
echo $$ > much.pid
exec head -c 268435456 /dev/zero
END
plain waits <<'END'
echo $$ > waits.pid
echo begun
exec sleep 1000
END
program mute <<'END'
echo $$ > mute.pid
exec sleep 1000
END

# begin NAME [OPTION...]: a client that runs, and whose program is known. Sets
# client and child.
begin() {
	local name=$1
	shift
	rm -f "bin/$name.pid"
	curl -sN --max-time 300 -o taken "$@" "$url$name" &
	client=$!
	until_true test -s "bin/$name.pid"
	child=$(cat "bin/$name.pid")
}

leave() {
	kill "$client"
	wait "$client" || :
}

gone() {
	until_true eval '! kill -0 "$child" 2> /dev/null' && alone
}

written() {
	awk '/^wchar:/ { print $2 }' "/proc/$child/io"
}

# Whether it has written nothing for half a second, and not all.
is_blocked() {
	local before
	before=$(written)
	read -r -t 0.5 <> lines || :
	[ "$before" = "$(written)" ] && [ "$before" -gt 0 ] &&
		[ "$before" -lt 134217728 ]
}

is_sanitized() {
	grep -qE '__[at]san_init' "$sample"
}

rss_before=$(memory)
begin much --limit-rate 1000
check 'a slow client blocks the program' until_true is_blocked
if is_sanitized; then
	skip memory 'sanitizers keep it'
else
	check "in no more memory than the $rss_before KiB before" \
		test "$(memory)" -le $((rss_before + 1024))
fi
check 'others are served meanwhile' says hello is 200 get hello
leave
check 'it ends with its client' gone

whole() {
	get much && [ "$(wc -c < answer)" -eq 268435456 ]
}
check 'a quick one gets all' whole
if ! is_sanitized; then
	check "also in no more memory than the $rss_before KiB" \
		test "$(memory)" -le $((rss_before + 1024))
fi

for name in waits mute; do
	begin $name
	leave
	check "$name: it ends with its client" gone
	begin $name -X POST -d body
	leave
	check "$name, with a body: it ends with its client" gone
done
begin waits -0
leave
check 'HTTP/1.0: it ends with its client' gone
if command -v nc > /dev/null; then
	rm -f bin/mute.pid
	printf 'GET /mute HTTP/1.1\r\nHost: x\r\n\r\n' |
		timeout 30 nc -N 127.0.0.1 "$port" > answer || :
	check 'a client that shuts its half' alone
fi
# It sends on and on during the reply: the server does not take all of that.
rm -f bin/waits.pid
send 'GET /waits HTTP/1.1\r\nHost: x\r\n\r\n'
until_true test -s bin/waits.pid
cat /dev/zero >&4 &
client=$!
child=$client
check 'a client that floods is blocked' until_true is_blocked
if ! is_sanitized; then
	check "in no more memory than the $rss_before KiB, either" \
		test "$(memory)" -le $((rss_before + 1024))
fi
leave 2> /dev/null
exec 4<&- 4>&-
check 'it ends with its client' alone

check 'as many descriptors as before' until_true eval \
	'[ "$(descriptors)" -eq "$descriptors_before" ]'
is_sanitized || : > err
check 'SIGTERM, with nothing to do' stops TERM

# Limits

start --timeout=1 --max-output=100000 --max-programs=2 --max-body=1000
descriptors_before=$(descriptors)
check 'time, before a header' says 'the program took longer than the limit' \
	is 504 get mute
check 'it is ended' alone
check 'which is told' told 'cgi: mute: the program took longer than the limit' \
	get mute
check 'time, in the reply' cut_off get waits
check 'what came before is there' grep -qx begun answer
check 'time, in the reply, HTTP/1.0' cut_off get waits -0
check 'it is ended' alone
check 'output' cut_off get much
check 'not more than that' test "$(wc -c < answer)" -le 100000
check 'output, HTTP/1.0' cut_off get much -0
check 'it is ended' alone
check 'the body' is 413 get input -d "$(printf '%2000d' 1)"
plain exact <<'END'
head -c 99974 /dev/zero
END
check 'just the limit' is 200 get exact
: > err

# Deaf to SIGTERM, so that they run for longer than the limit.
program stubborn <<'END'
trap '' TERM
echo $$ > stubborn.pid
while :; do sleep 0.1; done
END
turnless() {
	begin stubborn
	first=$client
	begin stubborn
	get hello
	wait "$first" || :
	wait "$client" || :
}
check 'one that never has its turn' has 'Retry-After: 5' is 503 turnless
check 'the others are killed' alone
check 'then there is a turn' says hello is 200 get hello
check 'as many descriptors as before, again' until_true eval \
	'[ "$(descriptors)" -eq "$descriptors_before" ]'
: > err
check 'SIGINT' stops INT

# Turns

start --max-programs=2
plain counts <<'END'
: > run.$$
set -- run.*
echo $#
sleep 0.1
rm run.$$
END
at_once() {
	local i pids=
	mkdir -p many
	for i in {1..30}; do
		curl -s --max-time 60 -o "many/$i" "${url}counts" &
		pids="$pids $!"
	done
	for i in $pids; do wait $i || return; done
	[ "$(cat many/* | wc -l)" -eq 30 ] &&
		[ "$(sort -n many/* | tail -n 1)" -le 2 ]
}
check 'many at once: two at a time' at_once
check 'SIGTERM after that' stops TERM

# They are in order, and a client that left has none.
start --max-programs=1
plain turn <<'END'
echo "$QUERY_STRING" >> turns
END
in_order() {
	local i before pids=
	: > bin/turns
	begin waits
	first=$client
	for i in 1 2 3 4 5; do
		before=$(descriptors)
		curl -s --max-time 60 "${url}turn?$i" > out &
		[ $i -ne 3 ] || third=$!
		pids="$pids $!"
		until_true eval '[ "$(descriptors)" -gt "$before" ]' || return
	done
	before=$(descriptors)
	kill "$third"
	until_true eval '[ "$(descriptors)" -lt "$before" ]' || return
	kill "$first"
	for i in $pids; do wait "$i" || :; done
	wait "$first" || :
	[ "$(tr '\n' ' ' < bin/turns)" = '1 2 4 5 ' ]
}
check 'turns in order' in_order
: > out

# Signals with work to do

begin waits
before=$(descriptors)
curl -s --max-time 60 -o answer -w '%{http_code}' "${url}hello" > code &
waiting=$!
until_true eval '[ "$(descriptors)" -gt "$before" ]'
kill -TERM "$server"
result=0
wait "$client" || result=$?
wait "$waiting" || :
check 'SIGTERM: a reply that has begun is cut' test "$result" -eq 18
check 'SIGTERM: one that has not is an error' grep -qx '503' code
check 'SIGTERM: it ends' ends
check 'SIGTERM: no program is left' gone

start
begin mute
kill -INT "$server"
wait "$client" || :
check 'SIGINT: an error' grep -q 'the server stops' taken
check 'SIGINT: it ends' ends

start
begin stubborn
kill -TERM "$server"
wait "$client" || :
kill -TERM "$server"
check 'a second signal does not wait' ends
check 'what is deaf is killed' gone

# Few descriptors: errors for some, and then all is well again.
if (ulimit -n 40) 2> /dev/null; then
	ulimit_before=$(ulimit -Sn)
	ulimit -Sn 40
	start --max-programs=4
	ulimit -Sn "$ulimit_before"
	short() {
		local i pids=
		for i in {1..60}; do
			curl -s --max-time 60 -o /dev/null "${url}counts" &
			pids="$pids $!"
		done
		for i in $pids; do wait $i || return; done
		get hello && [ "$(cat answer)" = hello ]
	}
	check 'few descriptors' short
	: > err
	check 'SIGTERM after that' stops TERM
fi

# Nobody reads stderr: programs go on.
mkfifo stuck
exec 5<> stuck
env "$mark" "$sample" --listen=127.0.0.1:0 bin > lines 2> stuck &
server=$!
exec 3< lines
read -r -t 30 -u 3 line
url=${line#listening on }
dd if=/dev/zero of=stuck bs=4096 count=1000 oflag=nonblock 2> out || :
check 'a stderr that is full' says hello is 200 get hello
check 'a stderr that is full, and one who writes there' is 200 get errors
kill -TERM "$server"
check 'a stderr that is full: it ends' ends
exec 5<&-

# Wrong command lines, and help

# fails STATUS TEXT ARGUMENT...: with this message, and no output.
fails() {
	status=0
	timeout 60 "$sample" "${@:3}" > out 2> err || status=$?
	as_glibc
	[ "$status" -eq "$1" ] && grep -qxF -- "cgi: $2" err && [ ! -s out ]
}
start
check 'a port in use' fails 1 "127.0.0.1:$port: Address already in use" \
	--listen="127.0.0.1:$port" bin
: > err
check 'after that, SIGTERM' stops TERM
check 'no folder' fails 2 'expected one FOLDER'
check 'a folder that is missing' fails 1 'missing: No such file or directory' \
	missing
check 'a folder that is none' fails 1 'code: Not a directory' code
for option in --timeout=0 --max-programs=x --max-body=-1 --max-output=; do
	check "cgi $option" fails 2 'expected a number above 0' $option bin
done
for address in 127.0.0.1 127.0.0.1: nonsense; do
	check "cgi --listen=$address" fails 1 "$address: Invalid argument" \
		--listen=$address bin
done
check 'cgi --nonsense' fails 2 "unrecognized option '--nonsense'" --nonsense
"$sample" --help > out 2> err
check 'cgi --help' eval 'grep -q "^Usage: " out && [ ! -s err ]'
if [ -e /proc/net/if_inet6 ] && [ -s /proc/net/if_inet6 ]; then
	env "$mark" "$sample" --listen='[::1]:0' bin > lines 2> err &
	server=$!
	exec 3< lines
	read -r -t 30 -u 3 line
	url=${line#listening on }
	check 'IPv6' says hello is 200 get hello -g
	check 'IPv6, SIGTERM' stops TERM
else
	skip IPv6 'none here'
fi
check 'at the end, no program is left' alone
tally
