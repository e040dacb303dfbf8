#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Has tests/support/peer talk to programs of others, over TCP and TLS: 1 MiB both ways,
# compared, and a half-close that must be respected. What is not
# here is skipped, with a word.

# Pids are a list of words, hence:
# shellcheck disable=SC2086
. "${srcdir:-.}/tests/checks.sh"

peer=$(cd "${top_builddir:-.}/tests/support" && pwd)/peer
pids=
finish() {
	kill $pids 2> /dev/null || :
}
cd "$tmp"
head -c 1048576 /dev/urandom > data

# All of data came back, and we printed no error.
whole() {
	cmp data out && [ ! -s err ]
}

have() {
	command -v "$1" > /dev/null && return
	echo "skipped $1: not here"
	return 1
}

# listen MODE...: starts the peer; sets port and pid.
listen() {
	mkfifo said
	"$peer" "$@" > said 2> err &
	pid=$!
	pids="$pids $pid"
	read -r _ port < said || port=
	rm said
}

# within COMMAND...: on data, to out.
within() {
	timeout -k 5 60 "$@" < data > out || :
}

# reach PORT: sends data there as soon as somebody listens, and has the answer.
reach() {
	for _ in $(seq 100); do
		"$peer" send "$1" < data > out 2> err && return
		grep -q 'Connection refused' err || return
		sleep 0.1
	done
}

if have socat; then
	listen echo
	within socat -t 30 - "TCP:127.0.0.1:$port"
	wait "$pid" || :
	check 'socat to echo' whole

	socat -d -d TCP-LISTEN:0,bind=127.0.0.1 EXEC:cat 2> log &
	pids="$pids $!"
	port=
	for _ in $(seq 100); do
		[ -z "$port" ] || break
		sleep 0.1
		port=$(sed -n 's/.*listening on.*:\([0-9]*\)$/\1/p' log)
	done
	reach "$port"
	check 'send to socat' whole
fi

if have nc; then
	listen echo
	within nc -N 127.0.0.1 "$port"
	wait "$pid" || :
	check 'nc to echo' whole
fi

if have openssl; then
	if ! "$peer" has-tls 2> err; then
		echo 'skipped openssl: built without TLS'
	else
		listen tls-echo 1048576
		within openssl s_client -quiet -nocommands \
			-connect "127.0.0.1:$port" 2> log
		wait "$pid" || :
		check 'openssl s_client to tls-echo' whole
	fi
fi

tally
