# SPDX-License-Identifier: BSD-3-Clause
#
# make analyze: the sources, read by tools that look for mistakes. ANALYZERS are
# those of tests/tools/analyze, all of them by default.

EXTRA_DIST += .clang-tidy tests/tools/allowed tests/tools/analyze \
	tests/tools/habits.cocci
once_tests += tests/hardening.sh

ANALYZERS =

analyze: samples/runweb/page.h
	@top_builddir='$(abs_top_builddir)' srcdir='$(abs_srcdir)' \
		$(srcdir)/tests/tools/analyze $(ANALYZERS)

.PHONY: analyze
