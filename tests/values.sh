#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# What programs have compiled into them: the values of the constants in the
# public headers, and the sizes of their structs. They must be those of
# packaging/abi/values, for this compiler and for those for 32 bits that are
# there. RELEASING.md says when they may change. Nothing is run: the compiler
# writes them into an object file.
# Compilers and flags are lists of words, hence:
# shellcheck disable=SC2086
set -u
LC_ALL=C
export LC_ALL

: "${srcdir:=.}" "${CC:=cc}" "${CPPFLAGS=-I$srcdir/include}"
record=$srcdir/packaging/abi/values
result=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

preprocessed() {
	printf '#include <%s>\n' asyncfile.h asyncfile/tls.h | $CC $CPPFLAGS -E "$@" -x c -
}

# The names of all constants: macros with a number, and those of enums, as no
# macro is left in what is preprocessed. The version changes with each release.
constants() {
	preprocessed -dM |
		sed -n 's/^#define \(AFIO_[A-Z0-9_]*\) [^_ ].*/\1/p' |
		grep -v '^AFIO_VERSION'
	preprocessed -P | grep -o '\<AFIO_[A-Z0-9_]*'
}

structs() {
	preprocessed -P | grep -o '^struct af_[a-z_]* {' | cut -d ' ' -f 2
}

# Strings in an object file: "->NAME HEXADECIMAL;", "->NAME DECIMAL;".
program() {
	cat <<-end
		#include <asyncfile.h>
		#include <asyncfile/tls.h>
		#include <time.h>
		#define DIGIT(n) (char)((n) < 10 ? '0' + (n) : 'a' + (n) - 10)
		#define HEX(v, n) DIGIT((int)((((v) + 0ull) >> (n)) & 15))
		#define HEX4(v, n) HEX(v, n + 12), HEX(v, n + 8), \\
			HEX(v, n + 4), HEX(v, n)
		#define DEC(v, n) DIGIT((int)((v) / (n) % 10))
		#define TEXT(id, text, ...) const struct { \\
			char name[sizeof(text) - 1], digits[17]; \\
		} id = { text, { __VA_ARGS__, ';' } };
		#define VALUE(name) TEXT(value_##name, "->" #name " ", \\
			HEX4(name, 48), HEX4(name, 32), HEX4(name, 16), \\
			HEX4(name, 0))
		#define SIZE(name, v) TEXT(size_##name, "->" #name " ", \\
			DEC(v, 1000), DEC(v, 100), DEC(v, 10), DEC(v, 1))
		struct aligned { char c; uint64_t n; };
		SIZE(pointer, sizeof(void *))
		SIZE(alignment, offsetof(struct aligned, n))
		SIZE(time, sizeof(time_t))
	end
	constants | sort -u | sed 's/.*/VALUE(&)/'
	structs | sort -u | sed 's/.*/SIZE(&, sizeof(struct &))/'
}

# What the compiler says, in lines "NAME VALUE"; first "class POINTER-INT64-TIME".
actual() {
	$CC $CPPFLAGS $* -c -o "$tmp/values.o" "$tmp/values.c" || return
	tr -c '[:graph:] ' '\n' <"$tmp/values.o" | tr ';' '\n' | sed -n '
		s/.*->\([a-zA-Z0-9_]*\) 0*\(.\)/\1 \2/p' | awk '
		/^AFIO/ { print $1, "0x" $2; next }
		/^af_/ { print; next }
		{ size[$1] = $2 }
		END {
			print "class", size["pointer"] "-" \
				size["alignment"] "-" size["time"]
		}' | sort
}

# The record's lines for a class, in the same form; nothing if it has no such.
recorded() {
	awk -v class="$1" '
		/^#/ { next }
		$1 == "class" {
			for (i = 2; i <= NF; i++)
				if ($i == class)
					column = i
			if (!column)
				exit
		}
		NF { print $1, (NF > 2 ? $column : $2) }' "$record"
}

# agrees COMPILER FLAG...
agrees() {
	CC=$1
	shift
	if ! actual "$@" >"$tmp/actual"; then
		echo "FAILED: $CC $* does not compile it"
		result=1
		return
	fi
	class=$(sed -n 's/^class //p' "$tmp/actual")
	recorded "$class" | sort >"$tmp/recorded"
	if [ ! -s "$tmp/recorded" ]; then
		echo "skipped: there is no record for $class"
	elif diff -u "$tmp/recorded" "$tmp/actual"; then
		echo "ok: $class, with $CC${1:+ $*}"
	else
		echo "FAILED: $class, with $CC $* (-: $record; +: the headers)"
		result=1
	fi
}

program >"$tmp/values.c"
agrees "$CC"
for cross in i686-linux-gnu-gcc arm-linux-gnueabihf-gcc; do
	command -v $cross >/dev/null || continue
	agrees $cross -I"$srcdir/include"
	agrees $cross -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
done
exit $result
