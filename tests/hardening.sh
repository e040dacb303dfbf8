#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# What the libraries are built to withstand can be seen in their files. In every
# build for ELF: relocations are read-only after they were made, all at once; no
# part is writable and executable, the stack included; the code is not
# relocated. With --enable-hardening also, where compiler and machine have it:
# control-flow protection, stack canaries, and checked calls of the C library;
# and a program is position-independent.
# Functions are called by is():
# shellcheck disable=SC2317
set -u
LC_ALL=C
export LC_ALL

result=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

skip() {
	echo "skipped: $*"
	exit 77
}

# is WHAT COMMAND...: the command must succeed.
is() {
	what=$1
	shift
	if "$@" >/dev/null 2>&1; then
		echo "ok: $file: $what"
	else
		echo "FAILED: $file: $what"
		result=1
	fi
}

no() {
	! "$@"
}

# given NAME: its value in the Makefile.
given() {
	sed -n "s/^$1 = *//p" Makefile
}

built_with() {
	given BUILD_CFLAGS | grep -q -e "$1"
}

every_build() {
	is 'relocations become read-only' grep GNU_RELRO "$tmp/segments"
	is 'they are made at once' grep -E 'BIND_NOW|FLAGS.*NOW' "$tmp/dynamic"
	is 'says that its stack is not executable' grep GNU_STACK \
		"$tmp/segments"
	is 'nothing is writable and executable' no grep -E ' RWE ' \
		"$tmp/segments"
	is 'its code is not relocated' no grep TEXTREL "$tmp/dynamic"
}

hardened_build() {
	if built_with -fstack-protector-strong; then
		is 'stacks have canaries' grep '__stack_chk_fail' "$tmp/names"
	fi
	# Only glibc has functions of these names.
	if built_with _FORTIFY_SOURCE && grep -q GLIBC_ "$tmp/names"; then
		is 'calls of the C library are checked' grep -E '__[a-z]*_chk' \
			"$tmp/names"
	fi
}

# Of the objects: the linker keeps the note only if the start files of the C
# library have it, too.
marked_objects() {
	file='each object'
	if built_with -fcf-protection=full; then
		is 'jumps go to marked places only' have_note IBT
		is 'returns are checked' have_note SHSTK
	elif built_with -mbranch-protection; then
		is 'jumps go to marked places only' have_note BTI
	fi
}

have_note() {
	for object in lib/*/.libs/*.o; do
		readelf -nW "$object" 2>/dev/null | grep -q "feature.*$1" ||
			return
	done
}

# look FILE KIND
look() {
	file=$1
	readelf -lW "$file" >"$tmp/segments" || return
	readelf -dW "$file" >"$tmp/dynamic"
	readelf -W --dyn-syms "$file" >"$tmp/names"
	if [ "$2" = program ]; then
		is 'is position-independent' grep 'FLAGS_1.*PIE' "$tmp/dynamic"
	fi
	every_build
	case $hardening in
	zero | pattern) hardened_build ;;
	esac
}

readelf -v >/dev/null 2>&1 || skip 'there is no readelf'
given LIBRARY_LDFLAGS | grep -q -e '-z,relro' ||
	skip 'the linker does not make what is looked for'
hardening=$(given HARDENING)
looked=0
for name in libasyncfile libasyncfile-tls; do
	# Nothing if there is no shared library.
	dlname=$(sed -n "s/^dlname='\(.*\)'/\1/p" "lib/$name.la" 2>/dev/null)
	if [ -n "$dlname" ]; then
		look "lib/.libs/$dlname" library || result=1
		looked=$((looked + 1))
	fi
done
case $hardening in
zero | pattern)
	# A small program may have neither arrays nor calls to check.
	[ $looked -eq 0 ] || marked_objects
	hardening=program
	look samples/pipe_grep program || result=1
	looked=$((looked + 1))
	;;
esac
[ $looked -gt 0 ] || skip 'there is no shared library'
exit $result
