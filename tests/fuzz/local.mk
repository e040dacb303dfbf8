# SPDX-License-Identifier: BSD-3-Clause
#
# Fuzz targets: a function for each tests/fuzz/NAME.c that takes any bytes. make
# check runs each on its corpus, tests/fuzz/corpus/NAME; make fuzz lets
# libFuzzer look for more. To add a target, add it to fuzz_targets, with its
# sources and libraries as the others have them, and a folder in the corpus.

fuzz_targets = \
	tests/fuzz/addresses \
	tests/fuzz/datagrams \
	tests/fuzz/environment \
	tests/fuzz/fanout \
	tests/fuzz/inherited \
	tests/fuzz/lines \
	tests/fuzz/options \
	tests/fuzz/passing \
	tests/fuzz/programs
if HAVE_EVENT_EXTRA
fuzz_targets += \
	tests/fuzz/cgi \
	tests/fuzz/runweb
endif
if HAVE_ZLIB
fuzz_targets += \
	tests/fuzz/layers
endif
if ON_LINUX
fuzz_targets += \
	tests/fuzz/disk \
	tests/fuzz/pipelines \
	tests/fuzz/spawn \
	tests/fuzz/stops \
	tests/fuzz/terminals
endif
if WITH_TLS
fuzz_targets += \
	tests/fuzz/tls
endif

fuzz_common = tests/fuzz/input.h tests/fuzz/loop.h tests/fuzz/replay.c \
	tests/fuzz/scratch.h tests/fuzz/http.h
tests_fuzz_addresses_SOURCES = tests/fuzz/addresses.c $(fuzz_common) \
	samples/proxy/address.c
tests_fuzz_addresses_LDADD = $(example_libs)
tests_fuzz_cgi_SOURCES = tests/fuzz/cgi.c $(fuzz_common) \
	samples/cgi/env.c \
	samples/cgi/head.c \
	samples/cgi/path.c
tests_fuzz_cgi_LDADD = $(example_libs) $(EVENT_EXTRA_LIBS)
tests_fuzz_datagrams_SOURCES = tests/fuzz/datagrams.c $(fuzz_common)
tests_fuzz_datagrams_LDADD = $(example_libs)
tests_fuzz_disk_SOURCES = tests/fuzz/disk.c tests/fuzz/handle.h \
	tests/fuzz/opening.h $(fuzz_common)
tests_fuzz_disk_LDADD = $(example_libs)
tests_fuzz_environment_SOURCES = tests/fuzz/environment.c $(fuzz_common) \
	lib/process/environ.c
tests_fuzz_environment_LDADD = $(example_libs)
tests_fuzz_fanout_SOURCES = tests/fuzz/fanout.c $(fuzz_common) \
	samples/fanout/array.c \
	samples/fanout/filter.c \
	samples/fanout/halt.c \
	samples/fanout/holes.c \
	samples/fanout/joblog.c \
	samples/fanout/number.c \
	samples/fanout/options.c \
	samples/fanout/step.c \
	samples/fanout/utf8.c \
	samples/fanout/words.c
tests_fuzz_fanout_LDADD = $(example_libs)
tests_fuzz_inherited_SOURCES = tests/fuzz/inherited.c $(fuzz_common)
tests_fuzz_inherited_LDADD = $(example_libs)
tests_fuzz_layers_SOURCES = tests/fuzz/layers.c $(fuzz_common) \
	tests/support/framed.c
tests_fuzz_layers_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS)
tests_fuzz_layers_LDADD = $(example_libs) $(ZLIB_LIBS)
tests_fuzz_lines_SOURCES = tests/fuzz/lines.c $(fuzz_common)
tests_fuzz_lines_LDADD = $(example_libs)
tests_fuzz_options_SOURCES = tests/fuzz/options.c $(fuzz_common)
tests_fuzz_options_LDADD =
if WITH_TLS
tests_fuzz_options_CPPFLAGS = $(AM_CPPFLAGS) -DWITH_TLS
tests_fuzz_options_LDADD += lib/libasyncfile-tls.la
endif
tests_fuzz_options_LDADD += $(example_libs)
tests_fuzz_passing_SOURCES = tests/fuzz/passing.c $(fuzz_common)
tests_fuzz_passing_LDADD = $(example_libs)
tests_fuzz_pipelines_SOURCES = tests/fuzz/pipelines.c tests/fuzz/children.h \
	tests/fuzz/stages.h tests/support/pattern.h $(fuzz_common)
tests_fuzz_pipelines_LDADD = $(example_libs)
tests_fuzz_programs_SOURCES = tests/fuzz/programs.c tests/fuzz/programs.h \
	tests/fuzz/streams.c $(fuzz_common)
tests_fuzz_programs_LDADD = $(example_libs)
tests_fuzz_runweb_SOURCES = tests/fuzz/runweb.c $(fuzz_common) \
	samples/runweb/allowed.c \
	samples/runweb/follower.c \
	samples/runweb/json.c \
	samples/runweb/run.c \
	samples/runweb/site.c \
	samples/runweb/stages.c
nodist_tests_fuzz_runweb_SOURCES = samples/runweb/page.h
tests_fuzz_runweb_CPPFLAGS = -Isamples/runweb $(AM_CPPFLAGS)
samples/runweb/tests_fuzz_runweb-site.$(OBJEXT): samples/runweb/page.h
tests_fuzz_runweb_LDADD = $(example_libs) $(EVENT_EXTRA_LIBS)
tests_fuzz_spawn_SOURCES = tests/fuzz/spawn.c $(fuzz_common)
tests_fuzz_spawn_LDADD = $(example_libs)
tests_fuzz_stops_SOURCES = tests/fuzz/stops.c tests/fuzz/children.h \
	$(fuzz_common)
tests_fuzz_stops_LDADD = $(example_libs)
tests_fuzz_terminals_SOURCES = tests/fuzz/terminals.c tests/fuzz/children.h \
	tests/fuzz/discipline.h $(fuzz_common)
tests_fuzz_terminals_LDADD = $(example_libs)
tests_fuzz_tls_SOURCES = tests/fuzz/tls.c $(fuzz_common)
tests_fuzz_tls_CPPFLAGS = $(tls_CPPFLAGS)
tests_fuzz_tls_LDADD = lib/libasyncfile-tls.la $(example_libs) $(OPENSSL_LIBS)

check_PROGRAMS += $(fuzz_targets)
TESTS += tests/fuzz.sh
EXTRA_DIST += tests/fuzz.sh tests/fuzz/build.mk tests/fuzz/run

# The folders of the corpus, with all of their files.
EXTRA_DIST += tests/fuzz/corpus

# make fuzz: each target for FUZZ_SECONDS, or those of FUZZ_TARGETS. make
# fuzz-coverage: which lines of lib/ the corpus reaches. make fuzz-merge: keeps
# what make fuzz has found in the corpus, if it reaches more.

fuzz fuzz-coverage fuzz-merge:
	@$(AM_TESTS_ENVIRONMENT) export srcdir='$(srcdir)' MAKE='$(MAKE)' \
		FUZZ_ALL='$(fuzz_targets)'; \
	bash $(srcdir)/tests/fuzz/run $@
.PHONY: fuzz fuzz-coverage fuzz-merge

mostlyclean-local:
	rm -rf fuzz-build
