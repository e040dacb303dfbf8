# SPDX-License-Identifier: BSD-3-Clause
#
# tests/soak SECONDS: a server under mixed load, see its --help. It needs
# tests/support/helper beside it. tests/soak.sh, a part of make check, runs it for
# some seconds.

tests_soak_SOURCES = \
	tests/soaking/children.c \
	tests/soaking/connections.c \
	tests/soaking/connections.h \
	tests/soaking/crowd.c \
	tests/soaking/crowd.h \
	tests/soaking/disk.c \
	tests/soaking/flow.c \
	tests/soaking/flow.h \
	tests/soaking/loads.h \
	tests/soaking/main.c \
	tests/soaking/memory.c \
	tests/soaking/memory.h \
	tests/soaking/messages.c \
	tests/soaking/ops.c \
	tests/soaking/place.c \
	tests/soaking/place.h \
	tests/soaking/runs.c \
	tests/soaking/server.c \
	tests/soaking/server.h \
	tests/soaking/soak.h \
	tests/soaking/streams.c \
	tests/soaking/threads.c \
	tests/soaking/tls.c \
	tests/soaking/usage.c \
	tests/soaking/usage.h \
	tests/soaking/waits.c \
	tests/soaking/watcher.c \
	tests/soaking/watcher.h
tests_soak_CPPFLAGS = $(AM_CPPFLAGS)
tests_soak_LDADD = lib/libasyncfile.la $(EVENT_LIBS)
if WITH_TLS
tests_soak_CPPFLAGS += -DWITH_TLS $(OPENSSL_CFLAGS)
tests_soak_LDADD += lib/libasyncfile-tls.la $(OPENSSL_LIBS)
endif
if HAVE_CHECK
check_PROGRAMS += tests/soak
TESTS += tests/soak.sh
endif
EXTRA_DIST += tests/soak.sh
