# SPDX-License-Identifier: BSD-3-Clause
#
# Tests of all schedules of small scenarios, see schedule.h; and the chaos, which
# runs other tests under bad conditions.

EXTRA_DIST += tests/schedules/chaos
EXTRA_DIST += tests/schedules/unruly.c

# The library again, with a scheduler instead of the system's threads.
tests_schedules_libturns_a_SOURCES = \
	tests/schedules/names.h \
	tests/schedules/turns.h \
	$(lib_libasyncfile_la_SOURCES)
tests_schedules_libturns_a_CPPFLAGS = $(lib_libasyncfile_la_CPPFLAGS) \
	-include schedules/names.h
# The scheduler.
tests_schedules_libschedule_a_SOURCES = \
	tests/schedules/heap.c \
	tests/schedules/heap.h \
	tests/schedules/path.c \
	tests/schedules/path.h \
	tests/schedules/schedule.c \
	tests/schedules/schedule.h \
	tests/schedules/sync.c \
	tests/schedules/sync.h \
	tests/schedules/threads.c \
	tests/schedules/threads.h \
	tests/schedules/trace.c \
	tests/schedules/trace.h
schedule_libraries = tests/schedules/libschedule.a tests/schedules/libturns.a
with_schedules = tests/support/libharness.la tests/schedules/libturns.a \
	tests/schedules/libschedule.a $(EVENT_LIBS) $(CHECK_LIBS)

schedule_tests =
schedule_tests += tests/schedules/disk
tests_schedules_disk_LDADD = $(with_schedules)
schedule_tests += tests/schedules/posts
tests_schedules_posts_LDADD = $(with_schedules)
schedule_tests += tests/schedules/starts
tests_schedules_starts_LDADD = $(with_schedules)
schedule_tests += tests/schedules/workers
tests_schedules_workers_LDADD = $(with_schedules)
