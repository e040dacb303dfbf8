# SPDX-License-Identifier: BSD-3-Clause
#
# The files with which programs find the library, the record of its ABI, and the
# scripts for releases.

pkgconfig_DATA = asyncfile.pc
if WITH_TLS
pkgconfig_DATA += asyncfile-tls.pc
endif
aclocaldir = $(datadir)/aclocal
dist_aclocal_DATA = packaging/ax_lib_asyncfile.m4
cmakedir = $(libdir)/cmake/asyncfile
cmake_DATA = packaging/asyncfileConfig.cmake \
	packaging/asyncfileConfigVersion.cmake

EXTRA_DIST += packaging/abi/announced packaging/abi/values
EXTRA_DIST += packaging/abi/x86_64.abi
EXTRA_DIST += packaging/abicheck
EXTRA_DIST += packaging/alpine/APKBUILD packaging/rpm/libasyncfile.spec
EXTRA_DIST += packaging/pre-commit packaging/spelling
EXTRA_DIST += packaging/release tests/deb

# make abicheck: whether the ABI has changed, and make abirecord: what it is now.
# RELEASING.md has the rules.

abicheck: lib/libasyncfile.la
	@$(AM_TESTS_ENVIRONMENT) export srcdir='$(srcdir)'; \
	sh $(srcdir)/packaging/abicheck && sh $(srcdir)/tests/values.sh

abirecord: lib/libasyncfile.la
	@$(AM_TESTS_ENVIRONMENT) export srcdir='$(srcdir)'; \
	sh $(srcdir)/packaging/abicheck --record

# make installcheck: programs of users, against the installed library

EXTRA_DIST += tests/consumer.sh
EXTRA_DIST += tests/consumer/autotools/Makefile.am
EXTRA_DIST += tests/consumer/autotools/configure.ac
EXTRA_DIST += tests/consumer/cmake/CMakeLists.txt
EXTRA_DIST += tests/consumer/consumer.c tests/consumer/consumer.out
EXTRA_DIST += tests/consumer/tls.c
EXTRA_DIST += tests/consumer/cxx/Makefile tests/consumer/cxx/consumer.cc

installcheck-local:
	@$(AM_TESTS_ENVIRONMENT) \
	export srcdir='$(srcdir)' DESTDIR='$(DESTDIR)' prefix='$(prefix)' \
		libdir='$(libdir)' includedir='$(includedir)' \
		pkgconfigdir='$(pkgconfigdir)' aclocaldir='$(aclocaldir)' \
		PKG_CONFIG='$(PKG_CONFIG)' host='$(host)' build='$(build)' \
		BUILD_LDFLAGS='$(BUILD_LDFLAGS)' \
		SHARED_LIBRARY='$(SHARED_LIBRARY)' \
		EVENT_LIBRARY_DIR='$(EVENT_LIBRARY_DIR)' MAKE='$(MAKE)'; \
	bash $(srcdir)/tests/consumer.sh
