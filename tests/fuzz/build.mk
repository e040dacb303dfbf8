# SPDX-License-Identifier: BSD-3-Clause
#
# For tests/fuzz/run, which calls it in the build directory: builds the library
# and the fuzz targets with clang, in a folder of their own.
#
#   make -f tests/fuzz/build.mk FUZZ_MODE=fuzz FUZZ_CC=clang TARGETS=...
#
# FUZZ_MODE is fuzz (libFuzzer and sanitizers) or coverage (no libFuzzer; counts
# the lines that run).

include Makefile
.DEFAULT_GOAL = fuzz-targets

out = fuzz-build/$(FUZZ_MODE)
fuzz_flags = -g -O1 -fno-omit-frame-pointer -pthread
ifeq ($(FUZZ_MODE),fuzz)
checked = -fsanitize=address,undefined -fno-sanitize-recover=all
fuzz_flags += $(checked) -fsanitize=fuzzer-no-link
fuzz_link = $(checked) -fsanitize=fuzzer
else
fuzz_flags += -fprofile-instr-generate -fcoverage-mapping
fuzz_link = -fprofile-instr-generate $(out)/tests/fuzz/replay.o
endif
objects_of = $(patsubst %.c,$(out)/%.o,$(filter %.c,$(1)))
library = $(call objects_of,$(lib_libasyncfile_la_SOURCES) \
	$(if $(filter yes,$(WITH_TLS)),$(tls_sources)))
# Those that a target has beside replay.c, which libFuzzer takes the place of.
sources_of = $(filter-out tests/fuzz/replay.c,$($(subst /,_,$(1))_SOURCES))

fuzz-targets: $(TARGETS:%=$(out)/%) $(out)/tests/support/helper

# What children run. Started many times, so without a linker at run time.
$(out)/tests/support/helper: $(srcdir)/tests/support/helper.c
	@mkdir -p $(@D)
	$(FUZZ_CC) -O1 $(DEFS) -I. $(AM_CPPFLAGS) -static -o $@ $<

$(out)/%.o: $(srcdir)/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(fuzz_flags) $(DEFS) -I. -Isamples/runweb $(LIBRARY_CPPFLAGS) \
		$(include_CPPFLAGS) $(OPENSSL_CFLAGS) $(ZLIB_CFLAGS) \
		$(if $(filter yes,$(WITH_TLS)),-DWITH_TLS) \
		-MMD -MP -c -o $@ $<

$(out)/samples/runweb/site.o: samples/runweb/page.h

$(out)/library.a: $(library)
	rm -f $@; $(AR) cr $@ $^

.SECONDEXPANSION:
$(TARGETS:%=$(out)/%): $(out)/%: $$(call objects_of,$$(call sources_of,%)) \
		$(out)/library.a $(out)/tests/fuzz/replay.o
	$(FUZZ_CC) $(fuzz_flags) -o $@ \
		$(filter-out %/replay.o,$(filter %.o,$^)) $(out)/library.a \
		$(fuzz_link) $(OPENSSL_LIBS) $(ZLIB_LIBS) $(EVENT_EXTRA_LIBS) \
		$(EVENT_LIBS)

-include $(library:.o=.d) $(wildcard $(out)/tests/*/*.d $(out)/samples/*/*.d)
