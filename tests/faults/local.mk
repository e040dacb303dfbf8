# SPDX-License-Identifier: BSD-3-Clause
#
# Acts that use almost every operation, and the program that has the calls of the
# library and of libevent fail while they are played.

tests_acts_libacts_a_SOURCES = \
	tests/acts/acts.c \
	tests/acts/acts.h \
	tests/acts/file.c \
	tests/acts/future.c \
	tests/acts/loop.c \
	tests/acts/message.c \
	tests/acts/net.c \
	tests/acts/option.c \
	tests/acts/pipeline.c \
	tests/acts/process.c \
	tests/acts/stream.c \
	tests/acts/transport.c \
	tests/support/framed.c \
	tests/support/framed.h

# The layer may run between fork and exec, in memory that is shared. It must see
# calls as they are.
tests_faults_liblayer_a_SOURCES = \
	tests/faults/allocations.c \
	tests/faults/child.c \
	tests/faults/descriptors.c \
	tests/faults/events.c \
	tests/faults/layer.c \
	tests/faults/layer.h \
	tests/faults/processes.c \
	tests/faults/sockets.c \
	tests/faults/syscalls.c \
	tests/faults/transfers.c \
	tests/faults/wrap.h
tests_faults_liblayer_a_CPPFLAGS = $(AM_CPPFLAGS) -U_FORTIFY_SOURCE
tests_faults_liblayer_a_CFLAGS = $(AM_CFLAGS) -fno-sanitize=all

tests_faults_faults_SOURCES = \
	tests/faults/main.c \
	tests/faults/run.c \
	tests/faults/run.h \
	tests/faults/series.c \
	tests/faults/series.h \
	tests/faults/tls.h
if WITH_TLS
faults_library = tests/support/libscarcetls.a tests/support/libscarce.a
tests_faults_faults_SOURCES += tests/faults/tls.c
tests_faults_faults_CPPFLAGS = $(tls_CPPFLAGS)
faults_libs = $(OPENSSL_LIBS)
else
faults_library = tests/support/libscarce.a
tests_faults_faults_SOURCES += tests/faults/tls_none.c
faults_libs =
endif
tests_faults_faults_LDADD = tests/faults/library.o tests/faults/liblayer.a \
	tests/acts/libacts.a tests/support/libharness.la $(CHECK_LIBS) \
	$(EVENT_LIBS) $(faults_libs)
# The libevent that library.o may have is the only one then.
tests_faults_faults_LDFLAGS = $(AM_LDFLAGS) -Wl,--as-needed

# Without -r, ld would have the tests' own calls go through the layer, too. Every
# name that layer.h lists is an option. Where libevent is not there as an archive,
# its calls are its own.
tests/faults/library.o: $(faults_library) $(srcdir)/tests/faults/layer.h \
	$(srcdir)/tests/faults/local.mk
	$(AM_V_GEN)wraps=`sed -n 's/^	X(\([a-z][a-z_0-9]*\)).*/\1/p' \
		$(srcdir)/tests/faults/layer.h | \
		sed '/^sys_/d; /alloc$$/d; s/^/-Wl,--wrap=/'`; \
	libs=; for lib in $(EVENT_LIBS); do \
		case $$lib in -[lL]*) libs="$$libs $$lib";; esac; \
	done; \
	link="$(CC) -r -nostdlib -o $@ $$wraps -Wl,--wrap=syscall"; \
	link="$$link -Wl,--whole-archive $(faults_library)"; \
	$$link $$libs -Wl,--no-whole-archive 2>/dev/null || \
		$$link -Wl,--no-whole-archive
CLEANFILES += tests/faults/library.o

if HAVE_CHECK
if ON_LINUX
check_LIBRARIES += tests/acts/libacts.a tests/faults/liblayer.a
check_PROGRAMS += tests/faults/faults
TESTS += tests/faults.sh tests/faults_calls.sh
endif
endif
EXTRA_DIST += tests/faults.sh tests/faults_calls.sh

# make faults: each fault at each call, alone, and so many pairs for each act.

FAULTS_PAIRS = 100

faults: tests/faults/faults tests/support/helper
	$(srcdir)/tests/faults.sh --all --pairs=$(FAULTS_PAIRS) --verbose
.PHONY: faults
