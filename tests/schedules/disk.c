/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All schedules of files on disk, whose bytes and descriptors pass between the
 * loop and its workers; and of the list of descriptions that loops share.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schedules/schedule.h"
#include "support/harness.h"
#include "support/scratch.h"

static struct af_loop *loop;
static struct af_file *file;

static void open_disk(const char *mode)
{
	loop = af_loop_new(NULL);
	schedule_expect(loop);
	file = af_file_open(loop, "file", mode);
	schedule_expect(file);
}

static void expect_data(struct af_future *f, const char *text)
{
	schedule_expect(af_await(f) == 0);
	schedule_expect(strcmp(af_future_data(f, NULL), text) == 0);
	af_future_unref(f);
}

static void end_loop(void)
{
	af_loop_free(loop);
	schedule_join(0);
}

static void reads_at_offsets(void)
{
	struct af_future *fs[2];

	open_disk("r");
	fs[0] = af_file_read_at(file, 3, 0, 0, NULL);
	fs[1] = af_file_read_at(file, 3, 3, 0, NULL);
	expect_data(fs[1], "def");
	expect_data(fs[0], "abc");
	schedule_expect(af_file_close(file) == 0);
	end_loop();
}

START_TEST(reads_at_offsets_each_get_their_bytes)
{
	make_file("file", "abcdef", 0600);
	schedule_explore("reads_at_offsets_each_get_their_bytes",
			 reads_at_offsets, 1);
}
END_TEST

/* The one that is cancelled may be out: its chunk is then the worker's. */
static void read_cancelled_and_file_closed(void)
{
	struct af_future *fs[2];

	open_disk("r");
	fs[0] = af_file_read_at(file, 3, 0, 0, NULL);
	fs[1] = af_file_read_at(file, 3, 3, 0, NULL);
	af_future_cancel(fs[0]);
	schedule_expect(af_file_close(file) == 0);
	for (int i = 0; i < 2; i++) {
		schedule_expect(af_await(fs[i]) == -ECANCELED);
		af_future_unref(fs[i]);
	}
	end_loop();
}

START_TEST(read_cancelled_and_file_closed_leave_nothing)
{
	make_file("file", "abcdef", 0600);
	schedule_explore("read_cancelled_and_file_closed_leave_nothing",
			 read_cancelled_and_file_closed, 2);
}
END_TEST

/* What was read for nobody goes back: the position is shared. */
static void read_for_nobody(void)
{
	int fd;

	fd = open("file", O_RDONLY | O_CLOEXEC);
	loop = af_loop_new(NULL);
	file = af_file_new(loop, fd, AFIO_KEEP_FD);
	af_future_unref(af_file_read(file, 3, 0, NULL));
	schedule_expect(af_file_close(file) == 0);
	end_loop();
	schedule_expect(lseek(fd, 0, SEEK_CUR) == 0);
	close(fd);
}

START_TEST(read_for_nobody_moves_the_position_back)
{
	make_file("file", "abcdef", 0600);
	schedule_explore("read_for_nobody_moves_the_position_back",
			 read_for_nobody, 3);
}
END_TEST

static void write_and_free_the_loop(void)
{
	char text[8] = "";
	int fd;

	open_disk("r+");
	af_future_unref(af_file_write(file, "ABC", 3, AFIO_FULL, NULL));
	af_future_unref(af_file_write_at(file, "DEF", 3, 3, AFIO_FULL, NULL));
	af_loop_free(loop);
	schedule_expect(af_file_close(file) == 0);
	schedule_join(0);
	fd = open("file", O_RDONLY | O_CLOEXEC);
	schedule_expect(read(fd, text, 7) == 6);
	close(fd);
	fd = open("file", O_WRONLY | O_CLOEXEC);
	schedule_expect(write(fd, "abcdef", 6) == 6);
	close(fd);
	/* A write is done as a whole, or not at all. */
	schedule_expect(memcmp(text, "ABC", 3) == 0 ||
			memcmp(text, "abc", 3) == 0);
	schedule_expect(memcmp(text + 3, "DEF", 3) == 0 ||
			memcmp(text + 3, "def", 3) == 0);
}

START_TEST(write_while_the_loop_is_freed_is_whole)
{
	make_file("file", "abcdef", 0600);
	schedule_explore("write_while_the_loop_is_freed_is_whole",
			 write_and_free_the_loop, 1);
}
END_TEST

static void paths_opened_off_the_loop(void)
{
	struct af_future *fs[2];
	struct af_file *opened;

	loop = af_loop_new(NULL);
	fs[0] = af_file_open_async(loop, "file", "r");
	fs[1] = af_file_open_async(loop, "file", "r");
	af_future_cancel(fs[0]);
	schedule_expect(af_await(fs[1]) == 0);
	opened = af_future_take_file(fs[1]);
	schedule_expect(opened);
	schedule_expect(af_file_close(opened) == 0);
	af_future_unref(fs[0]);
	af_future_unref(fs[1]);
	af_future_unref(af_file_open_async(loop, "file", "r"));
	end_loop();
}

START_TEST(open_abandoned_leaves_no_descriptor)
{
	make_file("file", "abcdef", 0600);
	schedule_explore("open_abandoned_leaves_no_descriptor",
			 paths_opened_off_the_loop, 1);
}
END_TEST

/* The flag goes with the last file on the description, in whatever thread. */
static int shared;

static void use_description(void *arg)
{
	struct af_loop *mine = af_loop_new(NULL);
	int fd = dup(shared);
	struct af_file *held;

	(void)arg;
	held = af_file_new(mine, fd, 0);
	schedule_expect(held);
	schedule_expect(af_file_close(held) == 0);
	af_loop_free(mine);
}

static void description_of_two_loops(void)
{
	int mode;

	/* A terminal's master cannot be opened anew. */
	shared = posix_openpt(O_RDWR | O_NOCTTY);
	mode = fcntl(shared, F_GETFL);
	schedule_expect(mode >= 0 && !(mode & O_NONBLOCK));
	schedule_start(use_description, NULL);
	use_description(NULL);
	schedule_join(0);
	schedule_expect(fcntl(shared, F_GETFL) == mode);
	close(shared);
}

START_TEST(description_of_two_loops_blocks_again_in_the_end)
{
	schedule_explore("description_of_two_loops_blocks_again_in_the_end",
			 description_of_two_loops, 3);
}
END_TEST

#define ADD(test)                                                              \
	tc = scratch_case(s, #test);                                           \
	tcase_add_test(tc, test)

Suite *suite(void)
{
	Suite *s = suite_create("schedules/disk");
	TCase *tc;

	ADD(reads_at_offsets_each_get_their_bytes);
	ADD(read_cancelled_and_file_closed_leave_nothing);
	ADD(read_for_nobody_moves_the_position_back);
	ADD(write_while_the_loop_is_freed_is_whole);
	ADD(open_abandoned_leaves_no_descriptor);
	ADD(description_of_two_loops_blocks_again_in_the_end);
	return s;
}
