/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flags: an operation that is given one that it does not know fails at once, so
 * that programs do not rely on what a later version may mean by it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/harness.h"
#include "support/scratch.h"

enum file_of { STREAM, DATAGRAMS, ON_DISK };

static struct rig rig;

static struct af_future *plain(struct af_file *file, unsigned flags)
{
	return af_file_read(file, 1, flags, NULL);
}

static struct af_future *line(struct af_file *file, unsigned flags)
{
	return af_file_readline(file, 0, 0, flags, NULL);
}

static struct af_future *until(struct af_file *file, unsigned flags)
{
	return af_file_read_until(file, "ab", 2, 0, flags, NULL);
}

static struct af_future *until_any(struct af_file *file, unsigned flags)
{
	const struct af_text texts[] = { { "ab", 2 }, { "c", 1 } };

	return af_file_read_until_any(file, texts, 2, 0, flags, NULL);
}

static struct af_future *text(struct af_file *file, unsigned flags)
{
	return af_file_write(file, "x", 1, flags, NULL);
}

static struct af_future *buffer(struct af_file *file, unsigned flags)
{
	struct evbuffer *buf = evbuffer_new();
	struct af_future *f;

	evbuffer_add(buf, "x", 1);
	f = af_file_write_buffer(file, buf, flags, NULL);
	evbuffer_free(buf);
	return f;
}

static struct af_future *fds_out(struct af_file *file, unsigned flags)
{
	return af_file_send_fds(file, "x", 1, &(int){ STDIN_FILENO }, 1, flags,
				NULL);
}

static struct af_future *fds_in(struct af_file *file, unsigned flags)
{
	return af_file_receive_fds(file, 1, 1, flags, NULL);
}

static struct af_future *message_out(struct af_file *file, unsigned flags)
{
	return af_file_send_to(file, "x", 1, NULL, 0, flags, NULL);
}

static struct af_future *message_in(struct af_file *file, unsigned flags)
{
	return af_file_receive_from(file, 1, flags, NULL);
}

static struct af_future *text_at(struct af_file *file, unsigned flags)
{
	return af_file_write_at(file, "x", 1, 0, flags, NULL);
}

static struct af_future *plain_at(struct af_file *file, unsigned flags)
{
	return af_file_read_at(file, 1, 0, flags, NULL);
}

static struct af_future *nap(void *loop)
{
	return af_sleep(loop, NULL);
}

static struct af_future *map(struct af_file *file, unsigned flags)
{
	struct af_loop *loop = af_file_loop(file);

	return af_map(loop, nap, loop, 1, flags);
}

static const struct {
	enum file_of file;
	struct af_future *(*start)(struct af_file *file, unsigned flags);
	unsigned known;
} operations[] = {
	{ STREAM, plain, AFIO_FULL },
	{ STREAM, line, AFIO_FULL },
	{ STREAM, until, AFIO_FULL },
	{ STREAM, until_any, AFIO_FULL },
	{ STREAM, text, AFIO_FULL | AFIO_BORROW | AFIO_MORE },
	{ STREAM, buffer, AFIO_FULL | AFIO_MORE },
	{ STREAM, fds_out, AFIO_BORROW },
	{ STREAM, fds_in, AFIO_FULL },
	{ STREAM, map, AFIO_SETTLE },
	{ DATAGRAMS, message_out, AFIO_BORROW },
	{ DATAGRAMS, message_in, 0 },
	{ ON_DISK, text_at, AFIO_FULL | AFIO_BORROW },
	{ ON_DISK, plain_at, AFIO_FULL },
};
#define N_OPERATIONS ((int)(sizeof operations / sizeof *operations))

static struct af_file *file_for(enum file_of of, int *ret_other)
{
	struct af_file *file;
	int fds[2] = { -1, -1 };

	if (of == ON_DISK)
		fds[0] = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	else
		ck_assert_int_eq(
			socketpair(AF_UNIX,
				   of == STREAM ? SOCK_STREAM : SOCK_DGRAM, 0,
				   fds),
			0);
	file = af_file_new(rig.loop, fds[0], 0);
	ck_assert_ptr_nonnull(file);
	*ret_other = fds[1];
	return file;
}

/* Index: the operation. */
START_TEST(flag_that_an_operation_does_not_know_fails_einval)
{
	int other;
	struct af_file *file;

	rig_open(&rig, 0);
	file = file_for(operations[_i].file, &other);
	for (int bit = 0; bit < 32; bit++) {
		struct af_future *f = operations[_i].start(file, 1u << bit);
		bool refused =
			af_future_is_done(f) && af_future_error(f) == -EINVAL;

		ck_assert_msg(refused == !(operations[_i].known >> bit & 1),
			      "bit %d", bit);
		af_future_cancel(f);
		af_future_unref(f);
	}
	ck_assert_int_eq(af_file_close(file), 0);
	if (other >= 0)
		close(other);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(flag_that_a_new_file_does_not_know_fails_einval)
{
	const unsigned known =
		AFIO_KEEP_FD | AFIO_UNBUFFERED | AFIO_RECEIVE_FDS;

	rig_open(&rig, 0);
	for (int bit = 0; bit < 32; bit++) {
		struct af_file *file;
		int fds[2];

		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		file = af_file_new(rig.loop, fds[0], 1u << bit);
		ck_assert_msg(!file == !(known >> bit & 1), "bit %d", bit);
		ck_assert(file || errno == EINVAL);
		if (file)
			ck_assert_int_eq(af_file_close(file), 0);
		if (!file || 1u << bit == AFIO_KEEP_FD)
			close(fds[0]);
		close(fds[1]);
	}
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("whole/flags");
	TCase *tc = scratch_case(s, "flags");

	tcase_add_loop_test(tc,
			    flag_that_an_operation_does_not_know_fails_einval,
			    0, N_OPERATIONS);
	tcase_add_test(tc, flag_that_a_new_file_does_not_know_fails_einval);
	return s;
}
