# SPDX-License-Identifier: BSD-3-Clause
#
# A server that answers, one that is slow in the middle of a line, one that does
# not take the text, none at all; and a name that does not exist.

for tool in nc socat; do
	command -v $tool >/dev/null && continue
	echo "$tool is missing: skipped"
	exit 0
done
server=
trap '[ -z "$server" ] || kill $server 2>/dev/null || :' EXIT

# listen OPTIONS COMMAND: a server for one client on a port that is free.
listen() {
	for try in 1 2 3 4 5 6 7 8 9; do
		port=$((20000 + ($$ * 7 + try * 997) % 12000))
		: >log
		socat -d -d TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr"$1" \
			SYSTEM:"$2" 2>log &
		server=$!
		until grep -q listening log; do
			kill -0 $server 2>/dev/null || break
			sleep 0.1
		done
		grep -q listening log && return
	done
	return 1
}

listen '' 'read text; echo "got $text"'
"$program" localhost $port 'hello
' >answer
printf '6 bytes were sent\nthe answer: got hello\n' | cmp - answer

# Half of the line has come at the first deadline.
listen '' 'read text; printf ha; read text; echo lf'
"$program" 127.0.0.1 $port 'hello
' >answer
cat >expected <<-'END'
	6 bytes were sent
	once more
	1 bytes were sent
	the answer: half
END
cmp expected answer

# No answer.
listen '' 'sleep 1000'
"$program" 127.0.0.1 $port text >answer 2>error && exit 1
grep -q 'timed out' error
[ "$(grep -c 'bytes were sent' answer)" -eq 2 ]
kill $server
wait $server || :

# A server that accepts nobody: its queue is full after a few clients.
if [ "$(uname)" = Linux ]; then
	listen ,backlog=1 cat
	kill -STOP $server
	clients=
	for i in 1 2 3 4; do
		nc 127.0.0.1 $port </dev/null &
		clients="$clients $!"
	done
	tries=0
	while "$program" 127.0.0.1 $port text >answer 2>error || [ -s answer ]
	do
		tries=$((tries + 1))
		[ $tries -lt 5 ]
	done
	grep -q "^127.0.0.1:$port: no answer\$" error
	kill $clients || :
	kill -KILL $server
	wait $server || :
fi

"$program" 127.0.0.1 $port text 2>error && exit 1
grep -q 'Connection refused' error
"$program" name.invalid $port text 2>error && exit 1
grep -q '^name.invalid: ' error
