# SPDX-License-Identifier: BSD-3-Clause
#
# A script stands for ssh. Hosts work, fail, hang, and read stdin.

cat >shell <<'EOF'
#!/bin/sh
[ "$1" = -- ] || exit 99
cat # as ssh does
case $2 in
fail) echo refused >&2; exit 255 ;;
hang) trap '' TERM; exec 9>alive; echo begun; sleep 1000 & wait ;;
esac
host=$2 exec sh -c "$3"
EOF
chmod +x shell

# prints STATUS LINES ARGUMENT...
prints() {
	wanted=$1 lines=$2
	shift 2
	status=0
	echo nothing | timeout 100 "$program" ./shell "$@" >out || status=$?
	# musl says "Operation timed out".
	[ "$(sed "s/Operation timed/Connection timed/" out)" = "$lines" ] &&
		[ "$status" -eq "$wanted" ] && return
	echo "exit status $status"
	cat out
	exit 1
}

prints 0 'a: on a
a: exit status 0
b: on b
b: exit status 0
-x: on -x
-x: exit status 0' 60 'echo on $host' a b -x
mkfifo alive
timeout 100 cat alive &
prints 1 'hang: begun
hang: failed: Connection timed out
fail: refused
fail: exit status 255
a: on a
a: exit status 0
b: on b
b: exit status 0' 5 'echo on $host' hang fail a b
wait $! # what the hanging one has started is gone, too

# It goes on in the background and holds the output, as a master of ssh does.
cat >master <<'EOF'
#!/bin/sh
sleep 1000 &
echo $! >pid
echo out
EOF
chmod +x master
timeout 100 "$program" ./master 60 true a >out
kill "$(cat pid)"
[ "$(cat out)" = 'a: out
a: exit status 0' ]
