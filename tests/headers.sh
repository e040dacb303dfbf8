#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# What a stranger compiles, without a warning, as C99 and, where there is a C++
# compiler, as C++11: each public header alone, and the code in README.md.
# Compilers and flags are lists of words, hence:
# shellcheck disable=SC2086
set -u

: "${srcdir:=.}" "${CC:=cc}" "${CXX=}" "${CPPFLAGS=-I$srcdir/include}"
readme=$srcdir/README.md
result=0

# compiles WHAT COMPILER...: the source is standard input
compiles() {
	what=$1
	shift
	if "$@" $CPPFLAGS -pedantic -Wall -Wextra -Werror -fsyntax-only -; then
		echo "ok: $what"
	else
		echo "FAILED: $what"
		result=1
	fi
}

# both WHAT SOURCE
both() {
	compiles "$1 as C99" $CC -std=c99 -x c <<-end
		$2
	end
	[ -n "$CXX" ] || return
	compiles "$1 as C++11" $CXX -std=c++11 -x c++ <<-end
		$2
	end
}

# The declaration is for the header that has none.
for file in "$srcdir"/include/asyncfile.h "$srcdir"/include/asyncfile/*.h; do
	header=${file#"$srcdir"/include/}
	both "$header" "#include <$header>
extern int declaration;"
done

both "the README's example" \
	"$(awk '/^```/ { inside = $0 == "```c"; next } inside' "$readme")"

both "the README's cast of argv" "#include <asyncfile.h>
struct af_process *run(struct af_loop *loop, char **argv);
struct af_process *run(struct af_loop *loop, char **argv)
{
	return $(grep -o 'af_spawn(loop, .*)' "$readme");
}"

exit $result
