# SPDX-License-Identifier: BSD-3-Clause
#
# For the scripts that run an HTTP server of the cookbook.

if ! command -v curl >/dev/null; then
	echo 'curl is missing: skipped'
	exit 0
fi
server=
trap '[ -z "$server" ] || kill $server 2>/dev/null || :' EXIT

# serve ARG...: runs the program on a port that is free, which it sets. A method
# that the program does not know is answered at once.
serve() {
	for try in 1 2 3 4 5 6 7 8 9; do
		port=$((20000 + ($$ * 7 + try * 997) % 12000))
		"$program" $port "$@" 2>errors &
		server=$!
		until curl -s -o /dev/null --max-time 60 -X PUT \
			"http://127.0.0.1:$port/"; do
			kill -0 $server 2>/dev/null || break
			sleep 0.1
		done
		kill -0 $server 2>/dev/null && [ ! -s errors ] && return
		wait $server || :
	done
	cat errors
	return 1
}

# ends: by SIGTERM, with success.
ends() {
	kill $server
	wait $server
	server=
}

# get PATH [OPTION]...
get() {
	path=$1
	shift
	curl -sf --max-time 300 "$@" "http://127.0.0.1:$port$path"
}
