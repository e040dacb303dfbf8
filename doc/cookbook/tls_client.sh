# SPDX-License-Identifier: BSD-3-Clause
#
# An answer, a name and a certificate that are wrong, a server that starts late,
# one that is cut off, and one that is none.

for tool in openssl socat; do
	command -v $tool >/dev/null && continue
	echo "$tool is missing: skipped"
	exit 0
done
server=
trap '[ -z "$server" ] || kill $server 2>/dev/null || :' EXIT

make_key() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
		-nodes -keyout "$1.key" -out "$1.pem" -days 2 -subj "/CN=$1" \
		-addext "subjectAltName=DNS:$1.example" 2>/dev/null
}
make_key good
make_key other

# serve COMMAND: TLS for many clients on a port that is free.
serve() {
	for try in 1 2 3 4 5 6 7 8 9; do
		port=$((20000 + ($$ * 7 + try * 997) % 12000))
		: >log
		socat -d -d -t 600 OPENSSL-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork,cert=good.pem,key=good.key,verify=0 \
			"$1" 2>log &
		server=$!
		until grep -q listening log; do
			kill -0 $server 2>/dev/null || break
			sleep 0.1
		done
		grep -q listening log && return
	done
	return 1
}
stop() {
	kill $server
	wait $server || :
	server=
}
client() {
	"$program" 127.0.0.1 $port "$@"
}

# The answer comes after the end of the input, and is long.
seq 100000 >numbers
serve SYSTEM:'sort; cat numbers'
client good.example good.pem 'b
a
' >answer
{ printf 'a\nb\n' && cat numbers; } | cmp - answer

# The name, or who signed it, is wrong: the server gets no text.
client bad.example good.pem text >answer 2>error && exit 1
grep -q 'hostname mismatch' error
client good.example other.pem text >answer 2>error && exit 1
grep -q 'self.signed certificate' error
[ ! -s answer ]
stop

# The server comes a little later.
client good.example good.pem 'late
' >answer 2>error &
client=$!
socat -t 600 OPENSSL-LISTEN:$port,bind=127.0.0.1,reuseaddr,cert=good.pem,key=good.key,verify=0 \
	SYSTEM:cat 2>log &
server=$!
wait $client
[ "$(cat answer)" = late ]
wait $server
server=

# It is never there.
client good.example good.pem text 2>error && exit 1
grep -q 'Connection refused' error

# Its end is not said, so the answer may not be whole.
echo 'echo part; kill -KILL $PPID' >cut.sh
serve EXEC:'sh cut.sh'
client good.example good.pem text 2>error >answer && exit 1
[ -s error ]
stop

# It speaks no TLS.
socat -d -d TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr SYSTEM:'echo hello' \
	2>log &
server=$!
until grep -q listening log; do sleep 0.1; done
client good.example good.pem text 2>error && exit 1
[ -s error ]
