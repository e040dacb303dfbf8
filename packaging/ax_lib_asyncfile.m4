# SPDX-License-Identifier: BSD-3-Clause
#
# AX_LIB_ASYNCFILE([MINIMUM-VERSION], [ACTION-IF-FOUND], [ACTION-IF-NOT-FOUND])
#
# Looks for libasyncfile with pkg-config. If it is found, sets ASYNCFILE_CFLAGS
# and ASYNCFILE_LIBS, as output variables, too; defines HAVE_ASYNCFILE; and runs
# ACTION-IF-FOUND. Otherwise runs ACTION-IF-NOT-FOUND, or, without one, stops
# with an error.
#
# The user may say --with-asyncfile=PREFIX if the library is installed where
# pkg-config does not look, or --without-asyncfile. To link a static program:
# ./configure PKG_CONFIG='pkg-config --static' LDFLAGS=-static
AC_DEFUN([AX_LIB_ASYNCFILE], [
AC_REQUIRE([PKG_PROG_PKG_CONFIG])
AC_ARG_WITH([asyncfile], [AS_HELP_STRING([--with-asyncfile=PREFIX],
	[use the libasyncfile that is installed in PREFIX])],
	[], [with_asyncfile=yes])
ax_lib_asyncfile=no
ax_lib_asyncfile_why="--without-asyncfile was given"
ax_lib_asyncfile_path=$PKG_CONFIG_PATH
AS_CASE([$with_asyncfile],
	[yes | no], [],
	[for ax_dir in "$with_asyncfile"/lib*/pkgconfig \
			"$with_asyncfile"/lib/*/pkgconfig \
			"$with_asyncfile"/share/pkgconfig; do
		AS_IF([test -f "$ax_dir/asyncfile.pc"],
			[PKG_CONFIG_PATH="$ax_dir$PATH_SEPARATOR$PKG_CONFIG_PATH"])
	done
	export PKG_CONFIG_PATH])
AS_IF([test "x$with_asyncfile" != xno],
	[PKG_CHECK_MODULES([ASYNCFILE], [asyncfile]m4_ifnblank([$1], [ >= $1]),
		[ax_lib_asyncfile=yes],
		[ax_lib_asyncfile_why=$ASYNCFILE_PKG_ERRORS])])
PKG_CONFIG_PATH=$ax_lib_asyncfile_path
AS_IF([test $ax_lib_asyncfile = yes],
	[AC_DEFINE([HAVE_ASYNCFILE], [1],
		[Define to 1 if libasyncfile is there.])
	$2],
	[m4_default([$3], [AC_MSG_ERROR([libasyncfile]m4_ifnblank([$1],
		[ $1 or later])[ is needed: $ax_lib_asyncfile_why
See --with-asyncfile.])])])
])
