#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs fanout on hosts: with a program that stands for ssh, and over ssh, with an
# sshd that is this test's own.

# Conditions and jobs are evaluated later, hence:
# shellcheck disable=SC2016
. "${srcdir:-.}/tests/checks.sh"

built_program samples/fanout/fanout
sample=$program
sshd=
made=
finish() {
	[ -z "$sshd" ] || kill "$sshd" 2> /dev/null || :
	[ -z "$made" ] || rmdir "$made" || :
}
cd "$tmp"

# run ARGUMENT...: sets status and left.
run() {
	status=0
	env "$mark" timeout -k 5 600 "$sample" "$@" || status=$?
	find_left
}

# is STATUS OUT ERR: just that.
is() {
	[ "$status" -eq "$1" ] && [ "$(cat out)" = "$2" ] &&
		[ "$(cat err)" = "$3" ]
}

cat > nasty << 'END'
it's
"double" 'single' '' "
$HOME `id` $(id) \ \\ \n
* ? [a-z] {a,b} ~ ~root !! # ;exit 9 & | > out < in
	tab  and  blanks  
-n
END
printf 'Latin-1: \351, and a control: \001\n' >> nasty

# What stands for ssh tells what it was asked, and runs it.
cat > fake_ssh << 'END'
#!/bin/sh
printf '%s\n' "$*" >> asked
for command; do :; done
exec sh -c "$command"
END
chmod +x fake_ssh
mkfifo first
run -j1 --ssh './fake_ssh -x  y' --host one --host two \
	sh -c 'case $0 in 1) exec 3> first;; 2) cat first;; esac' \
	> out 2> err < <(seq 2)
spread() {
	is 0 '' '' && [ "$(cut -d' ' -f1-6 asked | sort)" = \
		"$(printf -- '-x y -o BatchMode=yes -- %s\n' one two)" ]
}
check 'two hosts, a job on each' spread
run -j1 --ssh ./fake_ssh --host one printf '[%s][%s]\n' 'a  b' \
	> out 2> err < nasty
while IFS= read -r line; do
	printf '[%s][%s]\n' 'a  b' "$line"
done < nasty > want
check 'nasty lines, quoted' cmp out want
run --ssh ./nosuch --host one true > out 2> err < <(echo 1)
check 'no ssh' is 1 '' 'fanout: ./nosuch: No such file or directory'

# start_sshd: sets sshd and port; or fails, and $why says why.
start_sshd() {
	local program line try
	program=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v sshd) &&
		command -v ssh ssh-keygen > /dev/null || {
		why='no OpenSSH here'
		return 1
	}
	why='sshd does not start'
	if [ "$(id -u)" -eq 0 ] && mkdir /run/sshd 2> /dev/null; then
		made=/run/sshd
	fi
	ssh-keygen -q -t ed25519 -N '' -f host_key < /dev/null || return 1
	ssh-keygen -q -t ed25519 -N '' -f key < /dev/null || return 1
	for try in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 12000 + try))
		cat > sshd_config <<-END
			Port $port
			ListenAddress 127.0.0.1
			HostKey $tmp/host_key
			AuthorizedKeysFile $tmp/key.pub
			StrictModes no
			UsePAM no
			PermitRootLogin yes
			MaxStartups 100
			PidFile none
		END
		exec 3< <(exec "$program" -D -e -f "$tmp/sshd_config" 2>&1)
		sshd=$!
		while read -r -t 30 -u 3 line; do
			case $line in
			'Server listening'*)
				cat <&3 > sshd_log &
				exec 3<&-
				return 0
				;;
			esac
			why="sshd: $line"
		done
		exec 3<&-
		sshd=
	done
	return 1
}

# log_in HOST: the user's login shell may take long to start, and every job has
# one. Then there would be too many.
log_in() {
	local r=0
	timeout -k 5 5 $ssh -o BatchMode=yes "$1" true < /dev/null \
		>> out 2> err || r=$?
	case $r in
	124 | 137) why='a login takes longer than 5 s' ;;
	esac
	return $r
}

over_ssh() {
	ssh="ssh -F none -p $port -i $tmp/key -o IdentitiesOnly=yes"
	ssh="$ssh -o UserKnownHostsFile=$tmp/known -o LogLevel=ERROR"
	ssh="$ssh -o StrictHostKeyChecking=accept-new"
	why='no login over ssh'
	: > out
	log_in 127.0.0.1 && log_in localhost && [ ! -s out ]
}

# What a login says on stderr by itself is not ours.
if start_sshd && over_ssh; then
	run -j2 --ssh "$ssh" --host 127.0.0.1 --host localhost \
		sh -c 'echo $0; echo $0 >&2' > out 2> err < <(seq 10)
	both() {
		[ "$status" -eq 0 ] && sort -n out | cmp - <(seq 10) &&
			grep -x '[0-9]*' err | sort -n | cmp - <(seq 10)
	}
	check 'ssh to two hosts' both
	run -j1 --ssh "$ssh" --host 127.0.0.1 printf '[%s][%s]\n' 'a  b' \
		> out 2> err < nasty
	check 'nasty lines by ssh' cmp out want
	run -j1 --ssh "$ssh" -H localhost sh -c 'echo $0; exit 3' \
		> out 2> err < <(seq 2)
	: > err
	check 'jobs fail by ssh' is 2 $'1\n2' ''
	run -j1 --ssh "$ssh" -H localhost cat > out 2> err < <(echo -)
	: > err
	check 'stdin is /dev/null by ssh' is 0 '' ''
	kill "$sshd"
	wait "$sshd" || :
	sshd=
	run -j1 --ssh "$ssh" --host 127.0.0.1 echo > out 2> err < <(seq 3)
	refused() {
		[ "$status" -eq 3 ] && [ ! -s out ] &&
			grep -q 'Connection refused' err
	}
	check 'a host that does not answer' refused
else
	skip 'jobs by ssh' "$why"
fi


tally
