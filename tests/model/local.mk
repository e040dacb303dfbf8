# SPDX-License-Identifier: BSD-3-Clause
#
# Random programs against a model of futures and of streams of bytes.

model_sources = \
	tests/model/act_beside.c \
	tests/model/act_copy.c \
	tests/model/act_file.c \
	tests/model/act_future.c \
	tests/model/act_loop.c \
	tests/model/act_read.c \
	tests/model/disk.c \
	tests/model/ending.c \
	tests/model/forget.c \
	tests/model/model.c \
	tests/model/model.h \
	tests/model/model_stream.c \
	tests/model/program.c \
	tests/model/program.h \
	tests/model/runner.c \
	tests/model/runner.h \
	tests/model/shrink.c \
	tests/model/shrink.h \
	tests/model/stream.c \
	tests/model/stream.h \
	tests/model/streams.c \
	tests/model/work.c \
	tests/model/world.c \
	tests/model/world.h

tests_whole_random_programs_SOURCES = $(model_sources) \
	tests/whole/random_programs.c
tests_whole_random_programs_LDADD = $(with_kinds)
