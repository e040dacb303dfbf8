#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Has samples/proxy between programs of others: TCP and Unix sockets in any
# direction, commands, TLS; targets that refuse, or are down for a while; peers
# that are slow, silent, or end in one direction. What is not here is skipped,
# with a word. Of what is over, nothing may be left: no command, no descriptor,
# no path, no memory.

# Conditions are evaluated later, hence:
# shellcheck disable=SC2016,SC2034
. "${srcdir:-.}/tests/checks.sh"

sample=$(cd "${top_builddir:-.}/samples/proxy" && pwd)/proxy
# Of checks.sh: all that is left of the servers and their commands.
finish() {
	marked | xargs -r kill -KILL 2> /dev/null || :
}
cd "$tmp"
mkfifo lines never
touch out err answer

have() {
	command -v "$1" > /dev/null
}

# until_true COMMAND...: within 30 s.
until_true() {
	local end=$((SECONDS + 30))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		pause 0.05
	done
}

pause() {
	read -r -t "$1" <> never || :
}

# The server

# start OPTION... LISTEN TARGET...: sets server, address and port. Its stderr is
# in "err", or in $err.
start() {
	local line=
	env "$mark" "$sample" "$@" > lines 2> "${err-err}" &
	server=$!
	exec 3< lines
	read -r -t 30 -u 3 line || :
	[[ $line == 'listening on '* ]] || {
		echo "FAILED  proxy $*: said '$line'"
		cat "${err-err}"
		exit 1
	}
	address=${line#listening on }
	port=${address##*:}
}

# behind OPTION... LISTEN TARGET...: another one, for the one to come. Sets
# target.
behind() {
	err=err.behind start "$@"
	exec 3<&-
	target=$address
	behind=$server
}

# ends: sets status. find_left would find those behind it.
ends() {
	status=0
	timeout 60 tail -s 0.1 --pid="$server" -f /dev/null ||
		kill -KILL "$server"
	wait "$server" || status=$?
	exec 3<&-
	[ "$status" -eq 0 ]
}

# stops SIGNAL: quietly.
stops() {
	kill "-$1" "$server"
	ends && [ ! -s err ]
}

# away: ends the one behind.
away() {
	kill -TERM "$behind"
	wait "$behind"
}

descriptors() {
	find "/proc/$server/fd" -mindepth 1 2> /dev/null | wc -l
}

memory() {
	awk '/^VmRSS:/ { print $2 }' "/proc/$server/status"
}

is_sanitized() {
	grep -qE '__[at]san_init' "$sample"
}

# commands: how many children there are.
commands() {
	grep -l "^PPid:[[:space:]]$server\$" /proc/[0-9]*/status 2> /dev/null |
		wc -l
}

# counts PATTERN: what it says after SIGUSR1.
counts() {
	: > err
	kill -USR1 "$server"
	until_true grep -q '^proxy: connections: ' err &&
		grep -qE "^proxy: connections: $1" err && : > err
}

# complains TEXT COMMAND...
complains() {
	local text=$1
	shift
	: > err
	"$@" && until_true grep -qF -e "$text" err && : > err
}

# Clients: each sends stdin to $address, and says that it is done; the answer is
# on stdout.

by_socat() {
	case $address in
	/*) timeout -k 5 60 socat -t 60 - "UNIX-CONNECT:$address" ;;
	@*) timeout -k 5 60 socat -t 60 - "ABSTRACT-CONNECT:${address#@}" ;;
	*) timeout -k 5 60 socat -t 60 - "TCP:$address" ;;
	esac
}

by_nc() {
	case $address in
	/*) timeout -k 5 60 nc -N -U "$address" ;;
	*) timeout -k 5 60 nc -N "${address%:*}" "$port" ;;
	esac
}

# dial: descriptor 4, and says no end.
dial() {
	exec 4<> "/dev/tcp/${address%:*}/$port"
}

hang_up() {
	exec 4<&- 4>&-
}

clients=
for client in socat nc; do
	if have $client; then
		clients="$clients by_$client"
	else
		skip $client 'not here'
	fi
done

head -c 20971520 /dev/urandom > large

echoes() {
	"$1" < large | cmp - large
}

# answers TEXT QUESTION: by every client.
answers() {
	local client
	for client in $clients; do
		[ "$client $address" != "by_nc $address" ] ||
			[[ $address != @* ]] || continue
		[ "$(printf %s "$2" | $client)" = "$1" ] || return
	done
}

# Commands

start 127.0.0.1:0 --exec cat
descriptors_before=$(descriptors)
for client in $clients; do
	check "$client: cat" echoes "$client"
done
check 'cat, nothing' answers '' ''
dials() {
	local line
	dial && echo hello >&4 && read -r -t 30 -u 4 line &&
		[ "$line" = hello ] && hang_up
}
check 'cat, one that says no end' dials
check 'each has a command of its own, which ends' until_true eval \
	'[ "$(commands)" -eq 0 ]'
check 'as many descriptors as before' until_true eval \
	'[ "$(descriptors)" -eq "$descriptors_before" ]'
check 'the counts' counts '0 open, [0-9]+ so far, 0 failed, [0-9]+ bytes there, [0-9]+ bytes back$'
check 'SIGTERM' stops TERM

for command in true false 'echo hi' 'sh -c exit'; do
	# Words:
	# shellcheck disable=SC2086
	start 127.0.0.1:0 --exec $command
	want=
	[ "$command" != 'echo hi' ] || want=hi
	check "$command: it ends at once" answers "$want" ''
	check "$command, and the client has sent something" answers "$want" \
		'hello'
	ended() {
		dial && [ "$(timeout 30 cat <&4)" = "$want" ] && hang_up
	}
	check "$command, and the client says no end" ended
	check "$command, SIGINT" stops INT
done
start 127.0.0.1:0 --exec sort
check 'an end is passed on' answers $'1\n2\n3' $'3\n1\n2\n'
check 'SIGTERM' stops TERM
start 127.0.0.1:0 --exec sh -c 'echo hi; exec >&-; cat > there'
half() {
	local answer
	dial && answer=$(timeout 30 cat <&4) && [ "$answer" = hi ] &&
		echo later >&4 && hang_up && until_true grep -qsx later there
}
check 'the other direction goes on' half
check 'SIGTERM' stops TERM
start 127.0.0.1:0 --exec ./missing
check 'a command that is missing' complains \
	'exec ./missing: No such file or directory' answers '' ''
check 'is a failure' counts '0 open, [0-9]+ so far, [1-9][0-9]* failed'
check 'SIGTERM' stops TERM
start 127.0.0.1:0 --exec sh -c 'sleep 1000 & echo hi; exec sleep 1000'
reads_hi() {
	local line
	dial && read -r -t 30 -u 4 line && [ "$line" = hi ]
}
check 'a command that goes on' reads_hi
kill -TERM "$server"
kill -TERM "$server"
check 'a second signal ends it' ends
hang_up
check 'and what it has started' until_true eval '[ -z "$(marked)" ]'
start 127.0.0.1:0 --exec sh -c 'cat > /dev/null; sleep 1; echo over > there'
rm -f there
after() {
	dial && hang_up && kill -TERM "$server" && ends && grep -qx over there
}
check 'what a command does after the connection' after

# Sockets of all kinds

behind "$tmp/cat.socket" --exec cat
check 'a path, and what is said of it' test "$target" = "$tmp/cat.socket"
start 127.0.0.1:0 "$tmp/cat.socket"
descriptors_before=$(descriptors)
for client in $clients; do
	check "$client: TCP to a Unix socket" echoes "$client"
done
kept_tcp=$server kept_address=$address
front=$address
start "$tmp/front.socket" "$front"
for client in $clients; do
	check "$client: Unix socket to TCP to Unix socket" echoes "$client"
done
check 'SIGTERM' stops TERM
check 'its path is gone' test ! -e front.socket
if [ "$(uname)" = Linux ]; then
	start "@$tmp/front" "$front"
	if have socat; then
		check 'an abstract name' echoes by_socat
	fi
	check 'SIGTERM' stops TERM
fi
server=$kept_tcp address=$kept_address port=${kept_address##*:}
check 'as many descriptors as before' until_true eval \
	'[ "$(descriptors)" -eq "$descriptors_before" ]'

# 500 at once, each with a question and an answer.
at_once() {
	local fds=() fd i line
	for ((i = 0; i < $1; i++)); do
		exec {fd}<> "/dev/tcp/${address%:*}/$port" || return
		fds+=("$fd")
		echo "$i" >&"$fd"
	done
	for ((i = 0; i < $1; i++)); do
		read -r -t 60 -u "${fds[i]}" line && [ "$line" = "$i" ] ||
			return
	done
	counts "$1 open" || return
	for fd in "${fds[@]}"; do exec {fd}<&-; done
}
if ulimit -n 2000 2> /dev/null || [ "$(ulimit -n)" -ge 2000 ]; then
	check '500 connections at once' at_once 500
	check 'as many descriptors as before them' until_true eval \
		'[ "$(descriptors)" -eq "$descriptors_before" ]'
	check 'the counts, after that' counts '0 open, 5[0-9][0-9] so far, 0 failed'
else
	skip '500 connections' 'too few descriptors'
fi
kill -TERM "$server"
wait "$server" || :
check 'the one behind' away
check 'its path is gone, too' test ! -e cat.socket

# HTTP, by curl

if have curl; then
	behind 127.0.0.1:0 --exec sh -c 'while read -r line; do
		[ "$line" != "$(printf "\r")" ] || break
	done
	printf "HTTP/1.0 200 OK\r\n\r\n"; head -c 1000000 /dev/zero'
	start 127.0.0.1:0 "$target"
	fetches() {
		[ "$(curl -s --max-time 60 "http://$address/" | wc -c)" -eq \
			1000000 ]
	}
	check 'curl' fetches
	curl_many() {
		local i pids=
		for i in {1..20}; do
			fetches &
			pids="$pids $!"
		done
		for i in $pids; do wait "$i" || return; done
	}
	check '20 at once' curl_many
	check 'SIGTERM' stops TERM
	check 'the one behind, too' away
else
	skip curl 'not here'
fi

# Slow readers

behind 127.0.0.1:0 --exec head -c 268435456 /dev/zero
start 127.0.0.1:0 "$target"
used() {
	cut -d' ' -f14,15 "/proc/$server/stat"
}
is_quiet() {
	local before
	before=$(used)
	pause 0.5
	[ "$(used)" = "$before" ]
}
rss_before=$(memory)
dial
check 'a reader that does not read' until_true is_quiet
if is_sanitized; then
	skip memory 'sanitizers keep it'
else
	check "in no more memory than the $rss_before KiB before" \
		test "$(memory)" -le $((rss_before + 1024))
fi
check 'gets all when it reads' test "$(timeout 60 cat <&4 | wc -c)" -eq \
	268435456
hang_up
left_early() {
	dial && head -c 1000 <&4 > /dev/null && hang_up &&
		until_true counts '0 open'
}
check 'one that leaves' left_early
check 'what is left of it' until_true eval '[ "$(descriptors)" -lt 20 ]'
: > err
check 'SIGTERM' stops TERM
check 'the one behind does not hang' away

# Targets that cannot be reached

behind 127.0.0.1:0 --exec cat
closed=$target
away
start --connect-timeout=1 127.0.0.1:0 "$closed"
check 'a target that refuses' complains "$closed: Connection refused" \
	answers '' ''
check 'SIGTERM' stops TERM
start --connect-timeout=1 127.0.0.1:0 "$tmp/nothing"
check 'a path that is missing' complains \
	"$tmp/nothing: No such file or directory" answers '' ''
check 'SIGTERM' stops TERM
start --connect-timeout=1 127.0.0.1:0 name.invalid:80
check 'a name that is none' complains 'name.invalid: ' answers '' ''
check 'SIGTERM' stops TERM

start --connect-timeout=60 127.0.0.1:0 "$tmp/late.socket"
front=$server
exec 5<&3 3<&-
late() {
	local line
	dial && echo hello >&4
	counts '1 open' || return
	behind "$tmp/late.socket" --exec cat
	read -r -t 60 -u 4 line && [ "$line" = hello ]
}
check 'a target that is down for a while' late
hang_up
away
server=$front
exec 3<&5 5<&-
check 'SIGTERM' stops TERM

behind "$tmp/up.socket" --exec cat
start --connect-timeout=60 127.0.0.1:0 "$closed" "$tmp/up.socket" "$closed"
for i in 1 2 3; do
	check "one target of three is up, $i" answers hello hello
done
check 'SIGTERM' stops TERM
away

# Limits

start --idle=1 127.0.0.1:0 --exec cat
silent() {
	dial && ! timeout 30 cat <&4 | grep -q . && hang_up
}
check 'a client that sends nothing' complains 'idle' silent
talks() {
	local i line
	dial || return
	for i in 1 2 3 4 5 6; do
		pause 0.4
		echo $i >&4
		read -r -t 30 -u 4 line && [ "$line" = $i ] || return
	done
	hang_up
}
check 'one that sends something now and then' talks
check 'SIGTERM' stops TERM

start --max=2 127.0.0.1:0 --exec cat
max() {
	local line
	exec {one}<> "/dev/tcp/127.0.0.1/$port"
	exec {two}<> "/dev/tcp/127.0.0.1/$port"
	echo 1 >&"$one" && read -r -t 30 -u "$one" line || return
	echo 2 >&"$two" && read -r -t 30 -u "$two" line || return
	dial && echo 3 >&4
	counts '2 open, 2 so far' || return
	exec {one}<&-
	read -r -t 30 -u 4 line && [ "$line" = 3 ] && exec {two}<&- && hang_up
}
check 'one more than the most waits' max
check 'SIGTERM' stops TERM

# Stopping

start 127.0.0.1:0 --exec cat
stopping() {
	local line
	dials && dial && echo 1 >&4 && read -r -t 30 -u 4 line &&
		kill -TERM "$server" &&
		until_true eval \
			'! (exec 5<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null' &&
		echo 2 >&4 && read -r -t 30 -u 4 line && [ "$line" = 2 ] &&
		kill -0 "$server" && hang_up
}
check 'SIGTERM: no new ones, and the old one goes on' stopping
check 'it ends with the last one' eval 'ends && [ ! -s err ]'
start --grace=1 127.0.0.1:0 --exec cat
dial
check 'one that does not end' dial
kill -TERM "$server"
check 'it ends at the deadline' ends
check 'and says so' grep -qx 'proxy: stop: [12] connections are cut' err
hang_up
check 'no command is left' until_true eval '[ -z "$(marked)" ]'

# Paths and ports that are in use

start "$tmp/a.socket" --exec cat
check 'a path in use' eval \
	'! "$sample" "$tmp/a.socket" --exec cat > out 2> err'
as_glibc
check 'says so' grep -qF "$tmp/a.socket: Address already in use" err
kill -KILL "$server"
wait "$server" 2> /dev/null || :
exec 3<&-
check 'a path that is left' test -S a.socket
start "$tmp/a.socket" --exec cat
check 'is replaced' answers hello hello
check 'SIGTERM' stops TERM
touch file
check 'another file is not' eval \
	'! "$sample" "$tmp/file" --exec cat > out 2> err'
check 'it is still there' test -f file

start 127.0.0.1:0 --exec cat
check 'a port in use' eval \
	'! "$sample" "127.0.0.1:$port" --exec cat > out 2> err.other'
as_glibc err.other
check 'says so, too' grep -q \
	"^proxy: .*127.0.0.1:$port: Address already in use" err.other
: > err
check 'SIGTERM' stops TERM
start :0 --exec cat
address=127.0.0.1:$port
check 'all addresses' answers hello hello
: > err
check 'SIGTERM' stops TERM

# TLS

certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem \
		-out cert.pem -days 2 -subj /CN=localhost 2> out
}
if ! have openssl || ! certificate; then
	skip TLS 'no openssl'
elif "$sample" --tls-cert=cert.pem --tls-key=key.pem nonsense:-1 /a 2>&1 |
	grep -q 'built without TLS'; then
	skip TLS 'built without it'
else
	start --tls-cert=cert.pem --tls-key=key.pem 127.0.0.1:0 --exec cat
	descriptors_before=$(descriptors)
	tls() {
		timeout 60 openssl s_client -quiet -no_ign_eof \
			-connect "$address" < "$1" 2> out > answer
		cmp "$1" answer
	}
	tls_line() {
		local line
		mkfifo in
		timeout 60 openssl s_client -quiet -connect "$address" \
			< in 2> out > >(read -r line; echo "$line" > answer) &
		exec 5> in
		rm in
		echo hello >&5
		until_true grep -qx hello answer
		exec 5>&-
		wait $! || :
	}
	check 'openssl s_client' tls_line
	if have socat; then
		tls_socat() {
			timeout 60 socat -t 60 - \
				"OPENSSL:$address,verify=0" < large |
				cmp - large
		}
		check 'socat with TLS' tls_socat
	fi
	if have curl; then
		check 'a client without TLS' complains ': handshake: ' eval \
			'! curl -s --max-time 60 "http://$address/"'
	fi
	check 'as many descriptors as before' until_true eval \
		'[ "$(descriptors)" -eq "$descriptors_before" ]'
	check 'SIGTERM' stops TERM
	check 'a certificate that is missing' eval \
		'! "$sample" --tls-cert=missing :0 /a > out 2> err'
	check 'says so' grep -q '^proxy: missing: No such file' err
fi

# Wrong command lines, and help

# fails STATUS TEXT ARGUMENT...: with this message, and no output.
fails() {
	status=0
	timeout 60 "$sample" "${@:3}" > out 2> err || status=$?
	as_glibc
	[ "$status" -eq "$1" ] && grep -qxF -- "proxy: $2" err && [ ! -s out ]
}
check 'no target' fails 2 'expected LISTEN and a TARGET' :0
check 'no command' fails 2 'expected a COMMAND' :0 --exec
for option in --idle=0 --max=x --grace= --connect-timeout=-1; do
	check "proxy $option" fails 2 'expected a number from 1 to 1000000' \
		$option :0 /a
done
for text in 127.0.0.1 127.0.0.1: / @ nonsense ''; do
	check "proxy '$text'" fails 2 \
		'expected addresses: HOST:PORT, /PATH or @NAME' "$text" /a
	check "proxy :0 '$text'" fails 2 \
		'expected addresses: HOST:PORT, /PATH or @NAME' :0 "$text"
done
check '--tls-key alone' fails 2 '--tls-key needs --tls-cert' --tls-key=x :0 /a
check 'proxy --nonsense' fails 2 "unrecognized option '--nonsense'" \
	--nonsense :0 /a
"$sample" --help > out 2> err
check 'proxy --help' eval 'grep -q "^Usage: " out && [ ! -s err ]'
check 'at the end, nothing is left' until_true eval '[ -z "$(marked)" ]'
tally
