#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The order of lib/: each folder is a floor, and uses only itself and the floors
# below it. Fails on an include or a call that goes up, on a circle of files, on
# a system header that a folder's contract excludes, and on a static function
# that is not named for its file or shares its name.
# Lists of files and objects are split into words, hence:
# shellcheck disable=SC2046,SC2086
set -u
LC_ALL=C
export LC_ALL

: "${srcdir:=.}" "${NM:=nm}"
: "${LIBRARY_OBJECTS=$(ls -- lib/*/libasyncfile_la-*.lo \
	lib/*/libasyncfile_tls_la-*.lo 2>/dev/null)}"
result=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# From the ground up.
floors='base loop future file transport net process pipeline tls'

# The floors of public headers that are not named for their folder.
public='attributes=base version=base pipe=pipeline'
public="$public listener=net datagram=net passfd=net layer=transport"

# System headers that are not for every folder: the prefix of the header's name,
# then the prefixes of the files that may include it.
contracts='
event2/			base/evbase loop/ future/ file/ transport/ net/ process/ tls/
event2/bufferevent	transport/ net/
netdb.h			net/
openssl/		tls/
pthread.h		base/ loop/ net/ process/ tls/
sched.h			process/
signal.h		base/ loop/ process/ pipeline/
sys/epoll.h		file/hangup_watch transport/device
sys/prctl.h		process/
sys/sendfile.h		file/splice
sys/socket.h		base/sigpipe file/ transport/ net/ tls/
sys/un.h		net/
sys/wait.h		process/ pipeline/
termios.h		transport/ process/'

# Functions of the C library that are not for every file, in the same form, and
# those for none: the library runs no shell, writes nowhere without a bound,
# reads no other variables of the environment, changes nothing that the whole
# program shares, prints nothing, and does not end the program.
functions='
chdir			process/child
fchdir			process/child
getenv			net/inherited process/search
setpriority		process/child
setrlimit		process/child
sigaction		process/child process/notice
umask			process/child'
banned='abort exit alarm atexit clearenv gets mktemp perror popen printf putenv
	putchar puts rand random setenv setitimer setlocale signal sprintf srand
	strcat strncat strtok syslog system tempnam tmpnam unsetenv vprintf
	vsprintf wordexp'

# none WHAT: standard input lists what is wrong, and must be empty
none() {
	if awk '{ print } END { exit NR > 0 }'; then
		echo "ok: $1"
	else
		echo "FAILED: $1"
		return 1
	fi
}

# some WHAT: standard input must not be empty, or this test has seen nothing
some() {
	if read -r _; then
		return
	fi
	echo "FAILED: there are no $1"
	return 1
}

# includes FILE...: lines of FILE INCLUDED DELIMITER
includes() {
	awk '
		/^[ \t]*#[ \t]*include[ \t]*["<]/ {
			match($0, /["<][^">]*/)
			print FILENAME, substr($0, RSTART + 1, RLENGTH - 1),
				substr($0, RSTART, 1)
		}' "$@"
}

# The includes of our own headers.
own_includes() {
	awk '
		$3 == "\"" && $2 != "config.h" || $2 ~ /^asyncfile\// {
			print $1, $2, "included"
		}' "$tmp/includes" "$tmp/public"
}

# The objects of the shared library or, if none is built, of the static one.
objects() {
	awk -F "'" '
		/^(non_)?pic_object=/ && NF == 3 && last != FILENAME {
			last = dir = FILENAME
			sub("[^/]*$", "", dir)
			print dir $2
		}' $LIBRARY_OBJECTS
}

# Their symbols, in lines of FILE SYMBOL TYPE.
symbols() {
	$NM -A -P $(objects) | awk '
		{
			sub("^lib/", "")
			sub("/[.]libs/", "/")
			sub("/libasyncfile(_tls)?_la-", "/")
			sub("[.]o:$", "", $1)
			print $1, $2, $3
		}'
}

# Lines of CALLER CALLED SYMBOL, variables included.
calls() {
	awk '
		NR == FNR { if ($3 ~ /^[A-TX-Z]$/) home[$2] = $1; next }
		$3 == "U" && $2 in home { print $1, home[$2], $2 }
		' "$tmp/symbols" "$tmp/symbols"
}

# up: of lines FROM TO WHY, those that go up, or to no floor at all
up() {
	awk -v floors="$floors" -v public="$public" '
		function floor(file,	part) {
			split(file, part, "/")
			if (part[1] != "asyncfile")
				return level[part[1]]
			sub("[.]h$", "", part[2])
			return level[part[2] in at ? at[part[2]] : part[2]]
		}
		BEGIN {
			for (n = split(floors, name, " "); n > 0; n--)
				level[name[n]] = n
			for (n = split(public, name, " "); n > 0; n--) {
				split(name[n], pair, "=")
				at[pair[1]] = pair[2]
			}
		}
		!floor($1) || !floor($2) || floor($1) < floor($2)'
}

# circles: of lines FROM TO WHY, those that are part of a circle
circles() {
	awk '
		function add(node) {
			if (!(node in known))
				name[++n] = node
			known[node]
		}
		$1 != $2 { line[NR] = $0; way[$1, $2]; add($1); add($2) }
		END {
			for (k = 1; k <= n; k++)
				for (i = 1; i <= n; i++)
					if ((name[i], name[k]) in way)
						join(name[i], name[k])
			for (i = 1; i <= n; i++)
				if ((name[i], name[i]) in way)
					show(name[i])
		}
		function join(from, over,	j) {
			for (j = 1; j <= n; j++)
				if ((over, name[j]) in way)
					way[from, name[j]]
		}
		function show(first,	j, l, part, list) {
			for (j = 1; j <= n; j++)
				if ((first, name[j]) in way &&
				    (name[j], first) in way) {
					list[name[j]]
					delete way[name[j], name[j]]
				}
			print "a circle:"
			for (l = 1; l <= NR; l++) {
				split(line[l], part, " ")
				if (part[1] in list && part[2] in list)
					print "  " line[l]
			}
		}'
}

# Includes that break a contract.
excluded() {
	contracts=$contracts awk '
		BEGIN { n = split(ENVIRON["contracts"], contract, "\n") }
		function allowed(file, words,	i, word) {
			i = split(words, word, " ")
			while (i > 1 && index(file, word[i]) != 1)
				i--
			return i > 1
		}
		$3 == "<" {
			for (i = 1; i <= n; i++) {
				split(contract[i], word, " ")
				if (word[1] != "" && index($2, word[1]) == 1 &&
				    !allowed($1, contract[i]))
					print $1, "includes", $2
			}
		}' "$tmp/includes"
}

# Calls of such functions. With FORTIFY, printf is __printf_chk.
forbidden() {
	{
		printf '%s\n' "$functions" | awk 'NF'
		printf '%s\n' $banned
	} | awk '
		NR == FNR { allowed[$1] = $0; next }
		{ sub("@.*", "", $2); sub("^__", "", $2); sub("_chk$", "", $2) }
		$3 == "U" && $2 in allowed {
			i = split(allowed[$2], word, " ")
			while (i > 1 && index($1, word[i]) != 1)
				i--
			if (i == 1)
				print $1, "calls", $2
		}' - "$tmp/symbols"
}

# What the library for TLS uses of the other one that is not public.
trespasses() {
	awk '
		$1 ~ /^tls\// && $3 == "\"" && $2 !~ /^(tls\/|config[.]h$)/ {
			print $1, "includes", $2
		}' "$tmp/includes"
	calls | awk '
		$1 ~ /^tls\// && $2 !~ /^tls\// && $3 !~ /^af_/ {
			print $1, "calls", $3
		}'
}

# The static functions in lines of NAME FILE. They are looked for in the sources
# because nm does not show a function that the compiler inlined.
statics() {
	awk '
		FNR == 1 { text = "" }
		/^[A-Za-z_]/ || text != "" { text = text " " $0 }
		text == "" { next }
		{ gsub(/__attribute__ *\(\(([^()]|\([^()]*\))*\)\)/, "", text) }
		text !~ /[(=;{}]/ { next }
		text ~ /^[^(=;]* static [^(=;]*[A-Za-z0-9_]\(/ {
			sub(/\(.*/, "", text)
			sub(/.*[^A-Za-z0-9_]/, "", text)
			print text, FILENAME
		}
		{ text = "" }' "$@" | sort -u
}

# A file's noun is its name without the suffix that says for which platform it
# is; where two folders have a file of that name, FOLDER_name.
nouns='
	function base(file) {
		sub("[.][ch]$", "", file)
		sub("_(linux|posix|direct|plain)$", "", file)
		return file
	}
	function noun(file) {
		sub(".*/", "", file)
		return base(file)
	}'

# Statics that do not begin with their file's noun; those of headers may.
misnamed() {
	awk "$nouns"'
		NR == FNR {
			if ((noun($1), base($1)) in seen || $1 !~ /c$/)
				next
			seen[noun($1), base($1)]
			homes[noun($1)]++
			next
		}
		$2 ~ /c$/ {
			want = homes[noun($2)] > 1 ? base($2) : noun($2)
			sub("/", "_", want)
			if (index($1, want "_") != 1)
				print $2 ": " $1 "() is not " want "_..."
		}' "$tmp/files" "$tmp/statics"
}

# Names that two files have, unless only one of the two is ever built.
shared() {
	awk "$nouns"'
		function varies(file) {
			sub("[.][ch]$", "", file)
			return file != base(file)
		}
		$1 == name && !(base($2) == base(file) && varies($2) &&
				varies(file)) {
			print $1 "() is in " file " and in " $2
		}
		{ name = $1; file = $2 }' "$tmp/statics"
}

(cd "$srcdir/lib" && find -- * -name '*.[ch]') | sort >"$tmp/files"
(cd "$srcdir/lib" && includes $(cat "$tmp/files")) >"$tmp/includes"
(cd "$srcdir/lib" && statics $(cat "$tmp/files")) >"$tmp/statics"
(cd "$srcdir/include" && includes asyncfile/*.h) >"$tmp/public"
symbols >"$tmp/symbols"

own_includes | some 'includes' || result=1
own_includes | up | none 'includes go down, by folder' || result=1
own_includes | circles | none 'includes have no circle' || result=1
calls | some 'calls' || result=1
calls | up | none 'calls go down' || result=1
calls | circles | none 'calls have no circle' || result=1
excluded | none 'folders keep their contracts' || result=1
forbidden | none 'functions of the C library are for their files' || result=1
trespasses | none 'tls/ uses only public headers' || result=1
some 'static functions' <"$tmp/statics" || result=1
misnamed | none 'static functions are named for their file' || result=1
shared | none 'static functions share no name' || result=1

exit $result
