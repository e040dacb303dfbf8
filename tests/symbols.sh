#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Three lists of names must be one: the functions that the public headers
# declare, the reviewed list lib/libasyncfile.sym, and what the shared library
# exports; and a fourth one, in debian/. Each exported name has the version
# SYMBOL_VERSION, unless that is empty. The same for libasyncfile-tls, with
# SYMBOL_VERSION_TLS. The first library must not need OpenSSL.
# A thread of the library may outlive dlclose(3), and a child that shares memory
# must not bind names: the library asks the dynamic linker for both.
# Compilers and flags are lists of words, hence:
# shellcheck disable=SC2086
set -u
LC_ALL=C
export LC_ALL

: "${srcdir:=.}" "${CC:=cc}" "${NM:=nm}" "${CPPFLAGS=-I$srcdir/include}" \
	"${SYMBOL_VERSION=ASYNCFILE_0}" "${SYMBOL_VERSION_TLS=ASYNCFILE_TLS_0}"
result=0

# same WHAT: standard input must be the list
same() {
	if diff -u "$list" -; then
		echo "ok: $1"
	else
		echo "FAILED: $1 (-: in $list only; +: not in there)"
		return 1
	fi
}

# functions HEADER...: those that the headers declare. Preprocessed, so that there are no comments. A name in
# parentheses is a type.
functions() {
	printf '#include <%s>\n' "$@" | $CC $CPPFLAGS -E -P -x c - |
		grep -o '\<af_[a-z0-9_]* *(' | tr -d ' (' | sort -u
}

# The names that a library exports, without their version. Those that have
# another version, or none, keep what nm says of it.
exported() {
	{
		$NM -D --defined-only --with-symbol-versions "$1" 2>/dev/null ||
			$NM -D --defined-only "$1"
	} | awk -v version="$2" '
		$NF == version || $NF == version "@@" version { next }
		version == "" || sub("@@" version "$", "") { print $NF; next }
		{ print $NF, "is not @@" version }' | sort -u
}

# libtool says what it built; nothing if there is no shared library.
shared() {
	sed -n "s/^dlname='\(.*\)'/\1/p" "lib/$1.la" 2>/dev/null
}

# library NAME VERSION PACKAGE HEADER...
library() {
	name=$1 version=$2 debian=$srcdir/debian/$3.symbols
	list=$srcdir/lib/$name.sym
	shift 3
	sort -u "$list" | same "the list of $name is sorted" || result=1
	# The distribution's list; a release has none.
	if [ -e "$debian" ]; then
		sed -n 's/^ \(af_[^@]*\)@.*/\1/p' "$debian" |
			same 'what the Debian package lists' || result=1
	fi
	functions "$@" | same 'what the headers declare' || result=1
	dlname=$(shared "$name")
	if [ -z "$dlname" ]; then
		echo "skipped: there is no shared $name"
		return
	fi
	exported "lib/.libs/$dlname" "$version" |
		same "what the shared library exports${version:+, \
with its version}" || result=1
	if readelf -d "lib/.libs/$dlname" 2>/dev/null |
		grep -q 'Flags:.*NOW.*NODELETE'; then
		echo 'ok: it stays loaded, and is bound at once'
	elif grep -qs -e '-z,nodelete' Makefile && readelf -v > /dev/null 2>&1; then
		echo 'FAILED: it can be unloaded, or is bound lazily'
		result=1
	else
		echo 'skipped: no linker flags, or no readelf'
	fi
}

library libasyncfile "$SYMBOL_VERSION" libasyncfile0 asyncfile.h
library libasyncfile-tls "$SYMBOL_VERSION_TLS" libasyncfile-tls0 \
	asyncfile/tls.h
dlname=$(shared libasyncfile)
if [ -n "$dlname" ] && readelf -d "lib/.libs/$dlname" 2>/dev/null |
	grep 'NEEDED.*lib\(ssl\|crypto\)'; then
	echo 'FAILED: libasyncfile needs OpenSSL'
	result=1
fi

exit $result
