#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# What a stranger compiles, without a warning: each public header alone, as C99
# and, where there is a C++ compiler, as C++11; and the README's example.
# Compilers and flags are lists of words, hence:
# shellcheck disable=SC2086
set -u

: "${srcdir:=.}" "${CC:=cc}" "${CXX=}" "${CPPFLAGS=-I$srcdir/include}"
result=0

# compiles WHAT COMPILER...: the source is standard input
compiles() {
	what=$1
	shift
	if "$@" $CPPFLAGS -pedantic -Wall -Wextra -Werror -fsyntax-only -; then
		echo "ok: $what"
	else
		echo "FAILED: $what"
		return 1
	fi
}

# include HEADER: with a declaration, which a header of macros does not have
include() {
	printf '#include <%s>\nextern int declaration;\n' "$1"
}

for file in "$srcdir"/include/asyncfile.h "$srcdir"/include/asyncfile/*.h; do
	header=${file#"$srcdir"/include/}
	include "$header" |
		compiles "$header as C99" $CC -std=c99 -x c || result=1
	[ -n "$CXX" ] || continue
	include "$header" |
		compiles "$header as C++11" $CXX -std=c++11 -x c++ || result=1
done

awk '/^```/ { inside = $0 == "```c"; next } inside' "$srcdir/README.md" |
	compiles "the README's example" $CC -std=c99 -x c || result=1

exit $result
