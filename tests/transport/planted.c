/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In a chroot, /proc/self/fd may be a directory that somebody has filled: what
 * the library opens again there must be what it has.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/harness.h"
#include "support/inside.h"
#include "support/scratch.h"

#define DESCRIPTORS 64

static void enter_root(int fd)
{
	ck_assert_int_eq(fchdir(fd), 0);
	ck_assert_int_eq(chroot("."), 0);
}

static void plant(const char *folder, bool fifo)
{
	char path[64];

	ck_assert_int_eq(mkdir(folder, 0755), 0);
	for (int i = 0; i < DESCRIPTORS; i++) {
		snprintf(path, sizeof path, "%s/%d", folder, i);
		if (fifo)
			ck_assert_int_eq(mkfifo(path, 0600), 0);
		else
			make_file(path, "wrong\n", 0600);
	}
}

/* Goes where each descriptor is a file, or a FIFO, of wrong contents. */
static void enter_planted_root(bool fifo)
{
	nftw("root", remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	ck_assert_int_eq(mkdir("root", 0755), 0);
	ck_assert_int_eq(mkdir("root/proc", 0755), 0);
	ck_assert_int_eq(mkdir("root/proc/self", 0755), 0);
	ck_assert_int_eq(mkdir("root/dev", 0755), 0);
	plant("root/proc/self/fd", fifo);
	plant("root/dev/fd", fifo);
	ck_assert_int_eq(chroot("root"), 0);
	ck_assert_int_eq(chdir("/"), 0);
}

static void expect_right(struct rig *rig, int fd)
{
	struct af_file *file = af_file_new(rig->loop, fd, 0);

	ck_assert_ptr_nonnull(file);
	expect_text(rig, af_file_read(file, 6, 0, NULL), "right\n", 0);
	af_file_close(file);
}

/* Index: whether FIFOs are planted. */
START_TEST(planted_descriptors_are_not_what_is_read)
{
	struct af_file *file;
	int fds[2], fd, root;
	char byte;
	struct rig rig;

	if (!is_root())
		return;
	rig_open(&rig, DRIVE_AWAIT);
	make_file("file", "right\n", 0600);
	(void)remove("fifo");
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = open("file", O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	fds[1] = open("fifo", O_RDWR | O_CLOEXEC);
	fds[0] = open("fifo", O_RDONLY | O_CLOEXEC);
	enter_planted_root(_i);

	expect_right(&rig, fd);
	put(fds[1], "right\n", 6);
	expect_right(&rig, fds[0]);
	close(fds[1]);
	make_pair(KIND_PIPE, fds);
	put(fds[1], "right\n", 6);
	expect_right(&rig, fds[0]);
	close(fds[1]);

	make_pair(KIND_PIPE, fds);
	file = af_file_new(rig.loop, fds[1], 0);
	expect_count(&rig, af_file_write(file, "x", 1, AFIO_FULL, NULL), 1, 0);
	get(fds[0], &byte, 1);
	ck_assert_int_eq(byte, 'x');
	af_file_close(file);
	close(fds[0]);
	enter_root(root);
	close(root);
	rig_close(&rig);
}
END_TEST

/* Index: whether FIFOs are planted. */
START_TEST(clear_eof_of_a_fifo_whose_place_another_has_is_enotsup)
{
	struct af_file *file;
	struct rig rig;
	int root, out;

	if (!is_root())
		return;
	rig_open(&rig, DRIVE_AWAIT);
	(void)remove("fifo");
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	out = open("fifo", O_RDWR | O_CLOEXEC);
	file = af_file_new(rig.loop, open("fifo", O_RDONLY | O_CLOEXEC), 0);
	ck_assert_ptr_nonnull(file);
	close(out);
	expect_text(&rig, af_file_read(file, 9, 0, NULL), "", AFIO_EOF);
	enter_planted_root(_i);
	ck_assert_int_eq(af_file_clear_eof(file), -ENOTSUP);
	expect_text(&rig, af_file_read(file, 9, 0, NULL), "", AFIO_EOF);
	enter_root(root);
	close(root);
	ck_assert_int_eq(af_file_clear_eof(file), 0);
	expect_error(&rig, af_file_read(file, 9, 0, MS(5)), -ETIMEDOUT);
	af_file_close(file);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/planted");
	TCase *tc = scratch_case(s, "planted");

	tcase_add_loop_test(tc, planted_descriptors_are_not_what_is_read, 0, 2);
	tcase_add_loop_test(
		tc, clear_eof_of_a_fifo_whose_place_another_has_is_enotsup, 0,
		2);
	return s;
}
