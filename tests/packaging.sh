#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The scripts in packaging/ notice what they are there for: abicheck, changes of
# a copy of the headers; and pre-commit, what is wrong in a commit.
set -u
export LC_ALL=C

: "${srcdir:=.}" "${CC:=cc}" "${CPPFLAGS=-I$srcdir/include}"
srcdir=$(cd "$srcdir" && pwd)
# shellcheck disable=SC2086 # CC is a list of words
record=$($CC -dumpmachine | sed 's/-.*//').abi
result=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# says WHAT STATUS TEXT COMMAND...: the command ends so and prints the text.
says() {
	local what=$1 status=$2 text=$3

	shift 3
	"$@" >"$tmp/said" 2>&1
	if [ $? -eq "$status" ] &&
		{ [ -z "$text" ] || grep -Fq -e "$text" "$tmp/said"; }; then
		echo "ok: $what"
	else
		echo "FAILED: $what"
		cat "$tmp/said"
		result=1
	fi
}

abicheck() {
	CPPFLAGS="-I$tmp/copy/include $CPPFLAGS" abi=$tmp/copy/abi \
		makefile=$tmp/copy/Makefile.am \
		sh "$srcdir/packaging/abicheck" "$@"
}

# change FILE SED-SCRIPT [VERSION-INFO LINE...]: in a fresh copy, in which the
# last release was 5:2:5. The lines are announced.
change() {
	local file=$1 script=$2

	shift 2
	rm -rf "$tmp/copy"
	mkdir -p "$tmp/copy/abi"
	cp -R "$srcdir/include" "$tmp/copy"
	chmod -R u+w "$tmp/copy"
	sed -i "$script" "$tmp/copy/include/asyncfile/$file"
	! cmp -s "$tmp/copy/include/asyncfile/$file" \
		"$srcdir/include/asyncfile/$file" ||
		[ -z "$script" ] || { echo "FAILED: no change"; result=1; }
	[ ! -e "$tmp/record" ] ||
		cp "$tmp/record" "$tmp/copy/abi/$record"
	echo "-version-info ${1-5:2:5}" >"$tmp/copy/Makefile.am"
	printf '%s\n' 'since 5:2:5' "${@:2}" >"$tmp/copy/abi/announced"
}

abi() {
	local constant='s/AFIO_INPUT_MEMORY,/AFIO_INPUT_NEW, AFIO_INPUT_MEMORY,/'
	local member='s/^	size_t max_line;/	size_t max_line, added;/'
	local last='s/\(AFIO_OVERFLOW_TRUNCATE\)	/\1, AFIO_OVERFLOW_NEW/'
	local function='s/af_version(void)/af_version(int)/'
	local removed='s/const char \*af_version(void);//'
	local fails='the ABI is not that of' differs='-version-info is'

	change version.h ''
	abicheck --record >"$tmp/said" || cat "$tmp/said"
	mv "$tmp/copy/abi/$record" "$tmp/record"

	change version.h ''
	says 'no change' 0 'ok: the ABI is that of' abicheck
	change version.h '' 5:3:5
	says 'a new revision' 0 'ok: -version-info 5:3:5' abicheck
	change version.h '' 6:0:6
	says 'a new version for nothing' 1 "$differs" abicheck
	change pipe.h "$constant"
	says 'a changed constant' 1 "$fails" abicheck
	change file.h "$member"
	says 'a changed struct' 1 "$fails" abicheck
	change version.h "$function"
	says 'a changed function' 1 "$fails" abicheck
	change version.h "$removed"
	says 'a removed function' 1 "$fails" abicheck
	change pipe.h "$last"
	says 'a new constant' 1 "$fails" abicheck
	change pipe.h "$last" 6:0:6 'added af_overflow'
	says 'one that is announced' 0 'except for what is announced' abicheck
	change pipe.h "$last" 5:3:5 'added af_overflow'
	says 'one without a new version' 1 "$differs" abicheck
	change pipe.h "$last" 6:0:6 'new af_overflow'
	says 'one that is announced wrongly' 1 'lines that are none' abicheck
	change file.h "$member" 6:0:6 'changed af_follow_options'
	says 'a changed struct with the old soname' 1 "$differs" abicheck
	change file.h "$member" 6:0:0 'changed af_follow_options'
	says 'one with the version of the old symbols' 1 'symbols have the' \
		abicheck
	export SYMBOL_VERSION=ASYNCFILE_6
	says 'one with all that it needs' 0 'except for what is announced' \
		abicheck
	change version.h "$function" 6:0:0 'changed af_version'
	says 'a changed function, announced' 0 'except for what is announced' \
		abicheck
	change version.h "$removed" 6:0:0 'changed af_version'
	says 'a removed function, announced' 0 'except for what is announced' \
		abicheck
}

# commit FILE TEXT: into the index of a repository.
commit() {
	(
		cd "$tmp/repository" && git reset -q --hard &&
			printf '%b' "$2" >"$1" && git add "$1"
	)
}

hook() {
	(cd "$tmp/repository" && sh "$srcdir/packaging/pre-commit")
}

hooks() {
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	unset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE
	mkdir -p "$tmp/repository/packaging"
	cp "$srcdir/.clang-format" "$tmp/repository"
	cp "$srcdir/packaging/spelling" "$tmp/repository/packaging"
	(
		cd "$tmp/repository" && git init -q && git add -A &&
			printf 'int  old;\nint a;\n' >old.c && git add old.c &&
			git -c user.name=t -c user.email=t commit -qm start
	) || return
	commit fine.c 'int main(void)\n{\n\treturn 0;\n}\n'
	says 'a commit in order' 0 '' hook
	commit old.c 'int  old;\nint a;\nint b;\n'
	if command -v clang-format >/dev/null; then
		says 'a line beside an old one' 0 '' hook
		commit bad.c 'int main( void ) {\n  return 0; }\n'
		says 'a wrong format' 1 'would write bad.c so' hook
	else
		echo 'skipped: there is no clang-format'
	fi
	if command -v codespell >/dev/null; then
		commit bad.md 'It is re\0143ieved.\n'
		says 'a wrong word' 1 'spelling' hook
	else
		echo 'skipped: there is no codespell'
	fi
	commit bad.md 'White space. \n'
	says 'white space at the end of a line' 1 'white space' hook
}

if ! command -v abidw >/dev/null; then
	echo 'skipped: there is no abidw (Debian: abigail-tools)'
elif [ ! -e lib/libasyncfile.map ] || ! command -v readelf >/dev/null ||
	! grep -q "^dlname='." lib/libasyncfile.la; then
	echo 'skipped: there is no shared library with versions of symbols'
else
	abi
fi
if command -v git >/dev/null && [ -e "$srcdir/.clang-format" ]; then
	hooks
else
	echo 'skipped: pre-commit needs git'
fi
exit $result
