# SPDX-License-Identifier: BSD-3-Clause
#
# make coverage: which lines and branches of lib/ the tests run, see tests/cover.

EXTRA_DIST += tests/cover tests/coverage/report.py \
	tests/coverage/left/base tests/coverage/left/file \
	tests/coverage/left/future tests/coverage/left/loop \
	tests/coverage/left/net tests/coverage/left/pipeline \
	tests/coverage/left/process tests/coverage/left/tls \
	tests/coverage/left/transport

coverage:
	@MAKE='$(MAKE)' $(srcdir)/tests/cover

.PHONY: coverage
