#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs the examples of the tutorial and of doc/children.md, compares what they
# print, and compares these pages with them: each is shown whole, from below its
# first comments.
# Functions are called by check, texts are formats for printf(1), hence:
# shellcheck disable=SC2317,SC2059
set -u

: "${srcdir:=.}"
pages="$srcdir/doc/tutorial.md $srcdir/doc/children.md"
result=0
folder=$(mktemp -d)
tmp=$folder/printed
trap 'rm -rf "$folder"' EXIT

check() {
	what=$1
	shift
	if "$@"; then
		echo "ok: $what"
	else
		echo "FAILED: $what"
		result=1
	fi
}

# prints EXAMPLE INPUT OUTPUT: it succeeds, and says just that.
prints() {
	printed=$(printf "$2" | "doc/examples/$1" 2>&1)
	status=$?
	[ "$status" -eq 0 ] && [ "$printed" = "$(printf "$3")" ] && return
	echo "$printed"
	return 1
}

check 'run' prints run '' 'fig\npear\nexit status 0\n'
check 'line' prints line 'a\nb\n' 'you said: a\n'
check 'line, at the end' prints line '' 'you said: '
check 'chain' prints chain 'a\n\nb\n' '1: a\n2: \n3: b\n3 lines, no error\n'
check 'chain, at the end' prints chain '' '0 lines, no error\n'
check 'child' prints child '' 'hello, world\nexit status 3\n'
check 'together' prints together '' 'wc -l: 2\nwc -w: 6\nwc -c: 20\n'
check 'thread' prints thread '' 'the sum is 500500\n'
check 'cancel' prints cancel '' \
	'the read: Operation canceled\nstill there: one\n'
check 'race' prints race '' 'FIRST\n'
check 'tee' prints tee 'a\nb\n' 'a\nb\na\nb\n'
check 'limit' prints limit 'abc' 'abc'
check 'bufferevent' prints bufferevent '' \
	'read: 1\nread: 2\nread: 3\nend of file\n'
check 'forget' prints forget '' 'quick: early\n'

# The size of a file, and the error of one that is not there.
sizes() {
	printf 12345 > "$folder/file"
	[ "$(doc/examples/stat "$folder/file")" = '5 bytes' ] &&
		! printed=$(doc/examples/stat "$folder/none" 2>&1) &&
		[ "$printed" = "$folder/none: No such file or directory" ]
}
check 'stat' sizes

# The first two commands cannot end one after the other.
runs_together() {
	mkfifo "$folder/fifo"
	printed=$(printf "echo met > $folder/fifo\ncat $folder/fifo\n" |
		timeout 60 doc/examples/parallel 2)
	[ "$printed" = met ]
}

stops_at_failure() {
	printed=$(printf 'echo a\nexit 3\necho b\n' |
		doc/examples/parallel 1 2> "$tmp")
	[ $? -eq 1 ] && [ "$printed" = a ] && grep -qx 'failed: exit 3' "$tmp"
}

check 'parallel' prints parallel '' ''
check 'parallel, two at a time' runs_together
check 'parallel, a failure' stops_at_failure

compresses() {
	seq 100000 | doc/examples/compress | gzip -dc | cksum > "$tmp"
	seq 100000 | cksum | cmp - "$tmp"
}

# serve EXAMPLE: on a port that is free, which it sets. A method that it does not
# know is answered at once.
serve() {
	for try in 1 2 3 4 5 6 7 8 9; do
		port=$((20000 + ($$ * 7 + try * 997) % 12000))
		"doc/examples/$1" $port 2> "$tmp" &
		server=$!
		until curl -s -o /dev/null --max-time 60 -X PUT \
			"http://127.0.0.1:$port/"; do
			kill -0 $server 2>&- || break
		done
		kill -0 $server 2>&- && [ ! -s "$tmp" ] && return
		wait $server
	done
	return 1
}

# ends EXAMPLE: by SIGTERM, with success.
ends() {
	kill $server && wait $server
}

# One client leaves early.
serves() {
	serve server || return 1
	curl -s --max-time 0.1 "http://127.0.0.1:$port/"
	answer=$(curl -s --max-time 60 "http://127.0.0.1:$port/")
	echo "the answer is '$answer'"
	[ -n "$answer" ] && ends
}

# One client leaves early.
streams() {
	serve stream || return 1
	curl -s "http://127.0.0.1:$port/" | head -n 1 > "$tmp"
	curl -s --max-time 120 "http://127.0.0.1:$port/" | cksum > "$tmp"
	kill $server
	wait $server
	seq 1000000 | cksum | cmp - "$tmp"
}

# listens: the echo server, on a port that is free, which it sets.
listens() {
	for try in 1 2 3 4 5 6 7 8 9; do
		port=$((20000 + ($$ * 7 + try * 997) % 12000))
		timeout 120 doc/examples/echo $port 2> "$tmp" &
		server=$!
		until doc/examples/dial localhost $port ready \
			> /dev/null 2>&1; do
			kill -0 $server 2>&- || break
			sleep 0.1
		done
		kill -0 $server 2>&- && return
		wait $server
	done
	return 1
}

# A client gets its lines back, one of them after the server was told to stop; a
# line that is too long gets none.
echoes() {
	answer=$(doc/examples/dial localhost $port hello)
	long=$(doc/examples/dial localhost $port \
		"$(head -c 10000 /dev/zero | tr '\0' a)" 2> "$tmp")
	[ "$answer" = hello ] && [ -z "$long" ] && [ -s "$tmp" ] || return 1
	mkfifo "$folder/said" "$folder/heard"
	timeout 60 socat -t 600 - TCP:localhost:$port < "$folder/said" \
		> "$folder/heard" &
	client=$!
	exec 3> "$folder/said" 4< "$folder/heard"
	echo one >&3
	read -r first <&4
	kill $server
	while doc/examples/dial localhost $port again > "$tmp" 2>&1; do
		sleep 0.1
	done
	echo two >&3
	exec 3>&-
	read -r second <&4
	exec 4<&-
	wait $client && wait $server && [ "$first $second" = 'one two' ] &&
		grep -q 'Connection refused' "$tmp"
}

listens_and_echoes() {
	listens || return 1
	echoes && return
	kill $server
	return 1
}

# The program's timer waits, the loop's chain does not.
waits() {
	serve callback || return 1
	answer=$(curl -s --max-time 60 "http://127.0.0.1:$port/")
	kill $server
	wait $server
	echo "the answer is '$answer'"
	echo "$answer" | grep -qx 'ticks: 0, beats: [1-9][0-9]*'
}

# certify NAME: a certificate and its key.
certify() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$folder/$1.key" -out "$folder/$1.crt" -days 2 \
		-subj "/CN=$1" -addext "subjectAltName=DNS:$1" 2> "$tmp"
}

# serve_tls NAME: with its certificate, on a port that is free, which it sets.
serve_tls() {
	rm -f "$folder/log"
	mkfifo "$folder/log"
	openssl s_server -accept localhost:0 -cert "$folder/$1.crt" \
		-key "$folder/$1.key" -www > "$folder/log" 2>&1 &
	server=$!
	exec 3< "$folder/log"
	while read -r line <&3; do
		port=${line##*:}
		case $line in
		ACCEPT*) return ;;
		esac
	done
	return 1
}

# refuses WHY CA: the server, without having said anything to it.
refuses() {
	doc/examples/tls localhost "$port" "$folder/$2.crt" > "$tmp" 2>&1 &&
		return 1
	cat "$tmp"
	grep -q "$1" "$tmp" && [ "$(wc -l < "$tmp")" -eq 1 ]
}

# The name is wrong, the signer, or all is well.
talks_tls() {
	certify localhost && certify other && serve_tls other || return 1
	refuses 'hostname mismatch' other
	refused=$?
	kill $server
	wait $server
	[ $refused -eq 0 ] && serve_tls localhost || return 1
	refuses 'self.signed certificate' other &&
		doc/examples/tls localhost "$port" "$folder/localhost.crt" > "$tmp"
	talked=$?
	kill $server
	wait $server
	[ $talked -eq 0 ] && grep -q '^HTTP/1.0 200 ok' "$tmp" &&
		refuses 'Connection refused' localhost
}

# What is behind each door, or why it does not open.
opens() {
	doc/examples/doors > "$tmp" 2>&1 || return 1
	[ ! -e scratch.dir ] && [ ! -e scratch.file ] &&
		[ "$(wc -l < "$tmp")" -eq 7 ] &&
		! grep -vE ': (1|1000|idle|CapBnd:.0+|before_exec: .*|.*: (Operation not permitted|Permission denied))$' "$tmp"
}

if [ -x doc/examples/doors ]; then
	check 'doors' opens
fi
if [ -x doc/examples/compress ]; then
	check 'compress' compresses
fi
if [ -x doc/examples/server ] && command -v curl > /dev/null; then
	check 'server' serves
	check 'stream' streams
	check 'callback' waits
fi
if [ -x doc/examples/tls ] && command -v openssl > /dev/null; then
	check 'tls' talks_tls
fi

if command -v socat > /dev/null; then
	check 'echo and dial' listens_and_echoes
fi

# Which of the two streams comes first may differ.
logs() {
	printed=$(doc/examples/log 2>&1 < /dev/null | sort)
	[ "$printed" = "$(printf "$1")" ] && return
	echo "$printed"
	return 1
}

check 'log' logs 'exit status 0\nfetch, stderr: 2 found
sort, stdout: fig\nsort, stdout: pear\n'

# The code below the link to examples/$1.c.
shown() {
	awk -v "link=(examples/$1.c)" '
		/^```/ { code = !code; if (!code) found = 0; next }
		code && found
		!code && index($0, link) { found = 1 }' $pages
}

is_shown() {
	shown "$1" | cmp - "$2" && [ "$(wc -l < "$3")" -lt 170 ]
}

files=0
for file in "$srcdir"/doc/examples/*.c; do
	name=$(basename "$file" .c)
	sed '1,/^$/d' "$file" > "$tmp"
	check "a page shows $name" is_shown "$name" "$tmp" "$file"
	files=$((files + 1))
done
check 'the pages show nothing else' \
	[ "$(cat $pages | grep -c '^```c$')" -eq $files ]

exit $result
