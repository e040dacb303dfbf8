#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Programs of users, with the library as it is installed: make installcheck runs
# this. They are the programs of tests/consumer, one built by autotools, one in
# C++ by a makefile, one by CMake; and two by the command of the tutorial. Each
# is linked with -levent and with -levent_core, statically, too; and with copies
# of the installed files in a folder whose name has spaces. libtool installs into
# no such folder, as a prefix or as DESTDIR, so that configure refuses it.
# Flags are lists of words, and functions are called by name, hence:
# shellcheck disable=SC2086,SC2317
set -u
export LC_ALL=C

: "${srcdir:=.}" "${CC:=cc}" "${CXX=}" "${PKG_CONFIG:=pkg-config}" \
	"${MAKE:=make}" "${DESTDIR=}" "${EVENT_LIBRARY_DIR=}" \
	"${prefix:?}" "${libdir:?}" "${includedir:?}" "${pkgconfigdir:?}" \
	"${aclocaldir:?}"
srcdir=$(cd "$srcdir" && pwd)
unset MAKEFLAGS MFLAGS MAKELEVEL
result=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

skip() {
	echo "skipped: $*"
}

# succeeds WHAT COMMAND...: prints what the command does only if it fails.
succeeds() {
	local what=$1

	shift
	if "$@" >"$tmp/log" 2>&1; then
		echo "ok: $what"
		return
	fi
	echo "FAILED: $what"
	tail -n 40 "$tmp/log"
	result=1
	return 1
}

# refuses TEXT COMMAND...: the command fails, and says TEXT.
refuses() {
	local text=$1

	shift
	if "$@" >"$tmp/refused" 2>&1; then
		echo "it succeeded: $*"
		return 1
	fi
	grep -F "$text" "$tmp/refused" && return
	cat "$tmp/refused"
	return 1
}

# place ROOT: the library is there, in place of the prefix.
place() {
	root=$1
	moved=
	[ "$root" = "$prefix" ] || moved=--define-prefix
	cmake_dir=$root${libdir#"$prefix"}/cmake/asyncfile
	export PKG_CONFIG_PATH=$root${pkgconfigdir#"$prefix"}:$packages
	export LD_LIBRARY_PATH=$root${libdir#"$prefix"}:$libraries
}

# variant EVENT LINKED: sets the flags that a program is built with.
variant() {
	event=$1
	static=
	[ "$2" = shared ] || static=-static
	name="-l$event, $2${moved:+, in a folder with spaces}"
	pkg_config="$PKG_CONFIG $moved ${static:+--static}"
	# libevent_pthreads.pc of Debian requires libevent, so that it is no
	# use here with -levent_core.
	if [ "$event" = event ]; then
		from="libevent libevent_pthreads asyncfile"
		event_libs=
	else
		from=asyncfile
		event_libs="${EVENT_LIBRARY_DIR:+-L$EVENT_LIBRARY_DIR} \
-levent_pthreads -levent_core"
	fi
}

# All calls to libevent go to one copy of its code, whatever is loaded. Only the
# dynamic linker of glibc tells.
one_libevent() {
	local copies

	rm -f "$tmp"/bindings.*
	LD_BIND_NOW=1 LD_DEBUG=bindings LD_DEBUG_OUTPUT=$tmp/bindings \
		timeout 60 "$1" >/dev/null || return
	[ -e "$(echo "$tmp"/bindings.* | cut -d ' ' -f 1)" ] || return 0
	copies=$(sed -n "s/.* to \([^ ]*libevent\(_core\)\?[-.][^ ]*\) .*: normal \
symbol .ev.*/\1/p" "$tmp"/bindings.* | sort -u)
	echo "libevent is: $copies"
	case $copies in
	*"
"*) return 1 ;;
	*lib"$event"[-.]*) ;;
	*) return 1 ;;
	esac
}

# runs PROGRAM
runs() {
	timeout 60 "$1" >"$tmp/printed" &&
		diff "$srcdir/tests/consumer/consumer.out" "$tmp/printed" ||
		return
	[ -n "$static" ] || one_libevent "$1"
}

# How each program is built, into the folder $tmp/build, and run.

# A program that calls no libevent itself.
alone() {
	eval "$CC -o '$tmp/build/run' $static \
		'$srcdir/doc/examples/run.c' \
		$($pkg_config --cflags --libs asyncfile)" &&
		timeout 60 "$tmp/build/run" | diff - <(
			printf 'fig\npear\nexit status 0\n')
}

# With the second library.
tls() {
	eval "$CC -o '$tmp/build/tls' -pthread $static \
		'$srcdir/tests/consumer/tls.c' \
		$($pkg_config --cflags --libs asyncfile-tls)" &&
		timeout 60 "$tmp/build/tls" | diff - <(
			printf 'no.pem: No such file or directory\n')
}

tutorial() {
	eval "$CC -o '$tmp/build/consumer' -pthread $static \
		'$srcdir/tests/consumer/consumer.c' \
		$($pkg_config --cflags --libs $from) $event_libs" &&
		runs "$tmp/build/consumer"
}

cxx() {
	cp "$srcdir"/tests/consumer/cxx/* "$tmp/build" &&
		$MAKE -C "$tmp/build" consumer CXX="$CXX" LDFLAGS="$static" \
			PKG_CONFIG="$pkg_config" PACKAGES="$from" \
			EVENT_LIBS="$event_libs" &&
		runs "$tmp/build/consumer"
}

# Where the files are in their place, configure is told the prefix, and not what
# pkg-config reads.
autotools() (
	cd "$tmp/build" || exit
	[ "$event" = event ] || export EVENT_CFLAGS=' ' EVENT_LIBS="$event_libs"
	set -- CC="$CC" PKG_CONFIG="$pkg_config" LDFLAGS="$static"
	if [ -z "$moved" ]; then
		export PKG_CONFIG_PATH=$packages
		set -- "$@" --with-asyncfile="$root"
	fi
	"$tmp/autotools/configure" "$@" && $MAKE && runs ./consumer
)

cmake_project() {
	cmake -S "$tmp/cmake" -B "$tmp/build" -G 'Unix Makefiles' \
		-DCMAKE_C_COMPILER="${CC##* }" -DCMAKE_PREFIX_PATH="$root" \
		-DEVENT="$event" -DCMAKE_EXE_LINKER_FLAGS="$static" \
		${static:+-Dasyncfile_USE_STATIC=ON} &&
		cmake --build "$tmp/build" && runs "$tmp/build/consumer"
}

# every EVENT LINKED
every() {
	local how

	variant "$@"
	for how in "${ways[@]}"; do
		rm -rf "$tmp/build"
		mkdir "$tmp/build"
		succeeds "$how, $name" $how
	done
}

# asks_for VERSION ANSWER: what CMake is told of the version.
asks_for() {
	local part

	IFS=. read -ra part <<<"$1"
	cat >"$tmp/version.cmake" <<-end
		set(PACKAGE_FIND_VERSION "$1")
		set(PACKAGE_FIND_VERSION_COUNT ${#part[@]})
		set(PACKAGE_FIND_VERSION_MAJOR ${part[0]})
		set(PACKAGE_FIND_VERSION_MINOR ${part[1]-0})
		include("$cmake_dir/asyncfileConfigVersion.cmake")
		if(NOT PACKAGE_VERSION_COMPATIBLE STREQUAL $2)
		  message(FATAL_ERROR "$1: not $2")
		endif()
	end
	cmake -P "$tmp/version.cmake"
}

versions() {
	local version minor

	version=$($PKG_CONFIG --modversion asyncfile)
	minor=${version%.*}
	asks_for "$version" TRUE && asks_for "$minor" TRUE &&
		asks_for "${minor%.*}" TRUE &&
		asks_for "$minor.999" FALSE &&
		asks_for "${minor%.*}.999" FALSE && asks_for 999 FALSE
}

# The macro, if it does not find what it wants.
macro_fails() {
	local project=$tmp/later

	refuses 'libasyncfile 0.1 or later is needed: --without' \
		"$tmp/autotools/configure" --without-asyncfile || return
	cp -R "$tmp/autotools" "$project" || return
	sed 's/^AX_LIB.*/AX_LIB_ASYNCFILE([999], [], [AC_MSG_NOTICE([too old])])/
		/^PKG_CHECK/d' "$tmp/autotools/configure.ac" \
		>"$project/configure.ac"
	(cd "$project" && ACLOCAL_PATH=$DESTDIR$aclocaldir autoreconf &&
		./configure) >"$tmp/later.log" 2>&1
	grep 'too old' "$tmp/later.log" || {
		cat "$tmp/later.log"
		return 1
	}
}

prepare() {
	ways=(alone tutorial)
	if [ -e "$DESTDIR$pkgconfigdir/asyncfile-tls.pc" ]; then
		ways+=(tls)
	else
		skip 'no libasyncfile-tls'
	fi
	for way in autotools cmake; do
		cp -R "$srcdir/tests/consumer/$way" "$tmp/$way"
		cp "$srcdir/tests/consumer/consumer.c" "$tmp/$way"
	done
	chmod -R u+w "$tmp"
	if [ -n "$CXX" ]; then
		ways+=(cxx)
	else
		skip 'no C++ compiler'
	fi
	if ! command -v autoreconf >/dev/null ||
		! command -v automake >/dev/null; then
		skip 'no autoconf and automake'
	elif (cd "$tmp/autotools" && ACLOCAL_PATH=$DESTDIR$aclocaldir \
		autoreconf -i) >"$tmp/autoreconf.log" 2>&1; then
		ways+=(autotools)
		succeeds 'the macro without the library' macro_fails
	else
		cat "$tmp/autoreconf.log"
		echo 'FAILED: autoreconf'
		result=1
	fi
	if command -v cmake >/dev/null; then
		ways+=(cmake_project)
		succeeds "versions that CMake's packages ask for" versions
	else
		skip 'no cmake'
	fi
}

# Whether programs can be linked statically here.
can_be_static() {
	[ -e "$DESTDIR$libdir/libasyncfile.a" ] &&
		echo 'int main(void) { return evthread_use_pthreads(); }' |
		$CC -w -x c - -static -o "$tmp/static" -levent_pthreads \
			-levent -pthread 2>/dev/null
}

# move TO: copies the library's installed files.
move() {
	local file

	for file in "$includedir"/asyncfile.h "$includedir/asyncfile" \
		"$libdir"/libasyncfile[.-]* "$libdir/cmake/asyncfile" \
		"$pkgconfigdir"/asyncfile*.pc; do
		mkdir -p "$1$(dirname "${file#"$prefix"}")"
		cp -R "$DESTDIR$file" "$1${file#"$prefix"}"
	done
}

[ -n "${host-}" ] && [ "$host" != "${build-}" ] &&
	{ skip "programs for $host do not run here"; exit; }
case ${BUILD_LDFLAGS-} in
*-fsanitize*) skip 'a library with sanitizers needs programs with them'; exit ;;
esac

packages=${PKG_CONFIG_PATH-}
libraries=${LD_LIBRARY_PATH-}
place "$DESTDIR$prefix"
prepare
if [ -e "$DESTDIR$libdir/$SHARED_LIBRARY" ]; then
	every event shared
	every event_core shared
else
	skip 'there is no shared library'
fi
if can_be_static; then
	every event static
	every event_core static
else
	skip 'no static libraries: of this one, of libevent, or of the C library'
fi
if [ "$pkgconfigdir" != "$prefix/lib/pkgconfig" ]; then
	skip "pkg-config --define-prefix does not know $pkgconfigdir"
elif [ -e "$DESTDIR$libdir/$SHARED_LIBRARY" ]; then
	move "$tmp/a folder with spaces"
	place "$tmp/a folder with spaces"
	every event shared
	every event_core shared
fi
mkdir "$tmp/refused.d"
succeeds 'configure refuses a prefix with a space' \
	refuses 'a space in' env -C "$tmp/refused.d" \
	"$srcdir/configure" --prefix='/a folder'
exit $result
