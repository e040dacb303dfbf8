# SPDX-License-Identifier: BSD-3-Clause
#
# make coverage: which lines and branches of lib/ the tests run, see tests/cover.

EXTRA_DIST += tests/cover tests/coverage/report.py \
	tests/coverage/left/base tests/coverage/left/file \
	tests/coverage/left/future tests/coverage/left/loop \
	tests/coverage/left/net tests/coverage/left/pipeline \
	tests/coverage/left/process tests/coverage/left/tls \
	tests/coverage/left/transport

# Programs that have the library in them, changed. They are built with counters.
library_copies = tests/faults/faults tests/file/out_of_memory \
	tests/future/out_of_memory tests/future/work tests/loop/watch \
	tests/loop/workers tests/net/resolve tests/schedules/disk \
	tests/schedules/posts tests/schedules/starts tests/schedules/workers \
	tests/tls/out_of_memory tests/transport/disk_errors \
	tests/transport/disk_finish \
	tests/transport/disk_slow tests/transport/disk_stuck \
	tests/transport/disk_stuck_ends tests/transport/follow_slow \
	tests/transport/open_async tests/transport/read_at \
	tests/transport/read_at_stuck tests/whole/hostile \
	tests/whole/idle_memory tests/whole/out_of_memory

coverage:
	@MAKE='$(MAKE)' $(srcdir)/tests/cover

.PHONY: coverage
