/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operations on the bytes of pipes and sockets.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/pattern.h"
#include "support/system.h"
#include "acts/acts.h"

/* Longer than what an operation holds without an allocation. */
#define DELIM "--a delimiter of some length--"

void act_reads(struct scene *s)
{
	static const char text[] =
		"abcdefa line\nuntil" DELIM "any" DELIM "the rest";
	static const struct af_text texts[] = { { DELIM, sizeof DELIM - 1 },
						{ DELIM "x", sizeof DELIM } };
	const size_t len = sizeof text - 1;

	put(s->source, text, len);
	end(s, af_file_read(s->in, 3, 0, NULL), 0);
	end(s, af_file_read(s->in, 3, AFIO_FULL, MS(10000)), 0);
	end(s, af_file_readline(s->in, 0, 0, 0, MS(10000)), 0);
	end(s, af_file_read_until(s->in, DELIM, sizeof DELIM - 1, 0, 0, NULL),
	    0);
	end(s, af_file_read_until_any(s->in, texts, 2, 0, 0, NULL), 0);
	/* Whatever failed, not a byte is lost. */
	while (s->n_got < len)
		end(s, af_file_read(s->in, len - s->n_got, 0, NULL), 0);
	ck_assert_mem_eq(s->got, text, len);
	end(s, af_file_read(s->in, 1, 0, MS(1)), -ETIMEDOUT);
	end(s, af_file_read(s->in, 1, 0, MS(0)), -ETIMEDOUT);
}

void act_writes(struct scene *s)
{
	struct evbuffer *buffer = evbuffer_new();
	unsigned char data[300];
	size_t total = 0;
	int r;

	pattern_fill(data, sizeof data, 0);
	end_write(s, af_file_write(s->out, data, 100, 0, NULL), &total);
	if (buffer && evbuffer_add(buffer, data + total, 100) == 0)
		end_write(s,
			  af_file_write_buffer(s->out, buffer, AFIO_FULL,
					       MS(10000)),
			  &total);
	end_write(s, af_file_write(s->out, data + total, 50, AFIO_FULL, NULL),
		  &total);
	if (buffer)
		evbuffer_free(buffer);
	expect_sunk(s, total);
	/* It closes the file, or leaves it open. */
	r = end(s, af_file_finish(s->out, MS(10000)), 0);
	ck_assert_int_eq(af_file_fd(s->out) == -EBADF, r == 0);
}

void act_copy(struct scene *s)
{
	size_t total = 0;

	put_pattern(s->source, 300, 0);
	end_write(s, af_file_copy(s->in, s->out, 100, MS(10000)), &total);
	/* A line takes bytes into memory, from where the rest is copied. */
	end_write(s, af_file_copy(s->in, s->out, 50, NULL), &total);
	expect_sunk(s, total);
	end(s, af_file_copy(s->in, s->out, 0, NULL), 0);
}

static struct af_future *wait_a_little(struct af_future *done, void *arg)
{
	struct scene *s = arg;

	(void)done;
	return af_sleep(s->loop, MS(1));
}

/* Each line is written, from where it was read, before the next. */
static struct af_future *write_piece(const char *data, size_t len,
				     unsigned flags, void *arg)
{
	struct scene *s = arg;

	(void)flags;
	return af_then(
		af_file_write(s->out, data, len, AFIO_FULL | AFIO_BORROW, NULL),
		wait_a_little, s);
}

void act_each_async(struct scene *s)
{
	int left;

	put_text(s->source, "one\ntwo\nthree\n");
	close(s->source);
	s->source = -1;
	s->follows = -ECANCELED;
	end(s, af_file_each_async(s->in, AFIO_EACH_LINE, write_piece, s), 0);
	ck_assert_int_eq(ioctl(s->sink, FIONREAD, &left), 0);
	ck_assert(left == 14 || disturbed());
}

static struct af_future *count_piece(const char *data, size_t len,
				     unsigned flags, void *arg)
{
	(void)data;
	(void)flags;
	*(size_t *)arg += len;
	return NULL;
}

/* Limits of what an operation may hold; what it holds, as a buffer. */
void act_bounds(struct scene *s)
{
	struct af_file *file;
	struct evbuffer *buf;
	struct af_future *f;
	size_t got = 0;
	int fds[2];

	make_pair(KIND_PIPE, fds);
	ck_assert_int_eq(af_loop_set_file_limit(s->loop, 4), 0);
	file = made(af_file_new(s->loop, fds[0], 0));
	put_text(fds[1], "abcdefgh\nij");
	close(fds[1]);
	if (!file) {
		close(fds[0]);
		return;
	}
	ck_assert_int_eq(af_file_set_read_ahead(file, 100), 0);
	end(s, af_file_readline(file, 0, 0, 0, MS(20000)), -EMSGSIZE);
	ck_assert_int_eq(af_file_set_limit(file, 9), 0);
	do
		f = af_file_readline(file, 0, 0, 0, NULL);
	while (end(s, af_future_ref(f), 0) < 0 && (af_future_unref(f), true));
	while (!(buf = af_future_buffer(f)))
		ck_assert(disturbed());
	ck_assert_uint_eq(evbuffer_get_length(buf), 9);
	af_future_unref(f);
	while (end(s,
		   af_file_each_async(file, AFIO_EACH_CHUNK, count_piece, &got),
		   0) < 0)
		;
	ck_assert_uint_eq(got, 2);
	ck_assert_int_eq(af_file_close(file), 0);
}

void act_copy_both(struct scene *s)
{
	struct af_file *side;
	int fds[2];

	make_pair(KIND_SOCKETPAIR, fds);
	side = made(af_file_new(s->loop, fds[0], 0));
	if (!side) {
		close(fds[0]);
		close(fds[1]);
		return;
	}
	put_text(fds[1], "question");
	put_text(s->sink, "answer");
	shutdown(fds[1], SHUT_WR);
	shutdown(s->sink, SHUT_WR);
	end(s, af_file_copy_both(side, s->out, MS(10000)), 0);
	if (!disturbed())
		end(s, af_file_copy_both(side, s->out, MS(0)), 0);
	ck_assert_int_eq(af_file_close(side), 0);
	close(fds[1]);
}

static void cancel_other(struct af_future *done, void *arg)
{
	if (af_future_error(done) || af_future_count(done) < BULK)
		af_future_cancel(arg);
	af_future_unref(arg);
}

/* Two operations that need each other, and more than fits. */

void act_bulk(struct scene *s)
{
	static unsigned char data[BULK];
	struct af_future *parts[2], *all;
	struct af_file *peer = made(af_file_new(s->loop, s->sink, 0));
	size_t len;

	if (!peer)
		return;
	s->sink = -1;
	pattern_fill(data, BULK, 0);
	parts[0] = af_file_write(s->out, data, BULK, AFIO_FULL, MS(20000));
	parts[1] = af_file_read(peer, BULK, AFIO_FULL, MS(20000));
	for (int i = 0; i < 2; i++)
		watch_end(s, af_future_ref(af_future_ref(parts[i])));
	for (int i = 0; i < 2; i++)
		af_on_done(af_future_ref(parts[i]), cancel_other,
			   af_future_ref(parts[1 - i]));
	s->follows = -ECANCELED;
	all = af_all(s->loop, parts, 2);
	if (end(s, all, 0) == 0) {
		const char *read = af_future_data(parts[1], &len);

		ck_assert_uint_eq(pattern_match(read, len, 0), len);
		/* A failure after some bytes is for the next read to say. */
		ck_assert(len == BULK || disturbed());
	}
	ck_assert_int_eq(af_file_close(peer), 0);
	for (int i = 0; i < 2; i++) {
		af_future_cancel(parts[i]);
		end(s, parts[i], 0);
	}
}

/* Bytes that are looked at, put back, and read as messages. */
void act_front(struct scene *s)
{
	struct af_file *file;
	int fds[2];

	put_text(s->source, "def");
	end(s, af_file_peek(s->in, 3, NULL), 0);
	end(s, af_file_peek(s->in, 2, MS(10000)), 0);
	while (af_file_unread(s->in, "abc", 3) == -ENOMEM)
		ck_assert(disturbed());
	s->n_got = 0;
	while (s->n_got < 6)
		end(s, af_file_read(s->in, 6 - s->n_got, 0, NULL), 0);
	ck_assert_mem_eq(s->got, "abcdef", 6);
	end(s, af_file_peek(s->in, 1, MS(1)), -ETIMEDOUT);

	ck_assert_int_eq(cloexec_socketpair(SOCK_SEQPACKET, fds), 0);
	file = made(af_file_new(s->loop, fds[0], AFIO_UNBUFFERED));
	put_text(fds[1], "abc");
	s->n_got = 0;
	while (file && s->n_got == 0)
		end(s, af_file_read(file, 9, 0, NULL), 0);
	ck_assert_uint_eq(s->n_got, file ? 3 : 0);
	if (file)
		ck_assert_int_eq(af_file_close(file), 0);
	else
		close(fds[0]);
	close(fds[1]);
}

/* The other side leaves; half a connection is shut behind a write. */
void act_leave(struct scene *s)
{
	static unsigned char data[BULK];
	struct af_future *f = af_file_hangup(s->in);
	struct pollfd sink = { .fd = s->sink, .events = POLLRDHUP };
	size_t total;
	int r;

	close(s->source);
	s->source = -1;
	while (end(s, f, 0) < 0)
		f = af_file_hangup(s->in);

	pattern_fill(data, BULK, 0);
	f = af_file_write(s->out, data, BULK, AFIO_FULL, NULL);
	r = af_file_shutdown(s->out, SHUT_WR);
	ck_assert(r == 0 || excused(r));
	af_future_cancel(f);
	total = af_future_count(f);
	end(s, f, -ECANCELED);
	ck_assert(poll(&sink, 1, 0) == (r == 0) || disturbed());
	expect_sunk(s, total);
}

static int take_piece(const char *data, size_t len, unsigned flags, void *arg)
{
	struct scene *s = arg;

	(void)flags;
	ck_assert_uint_le(s->n_got + len, sizeof s->got);
	memcpy(s->got + s->n_got, data, len);
	s->n_got += len;
	return 0;
}

/* By lines, then by what comes; each byte is taken once. */
void act_each(struct scene *s)
{
	put_text(s->source, "one\ntwo\n");
	put_text(s->sink, "abcdef");
	close(s->source);
	s->source = -1;
	shutdown(s->sink, SHUT_WR);
	while (end(s, af_file_each_line(s->in, take_piece, s), 0) < 0)
		;
	while (end(s, af_file_each_chunk(s->out, take_piece, s), 0) < 0)
		;
	ck_assert_uint_eq(s->n_got, 14);
	ck_assert_mem_eq(s->got, "one\ntwo\nabcdef", 14);
}

/* Both ways through a terminal, until it is hung up. */
void act_terminal(struct scene *s)
{
	struct af_file *file;
	size_t total = 0;
	int fds[2];

	make_pty(fds);
	file = made(af_file_new(s->loop, fds[0], 0));
	put_text(fds[1], "abcdef");
	while (file && s->n_got < 6)
		end(s, af_file_read(file, 6 - s->n_got, 0, MS(20000)), 0);
	if (file) {
		ck_assert_mem_eq(s->got, "abcdef", 6);
		end_write(s, af_file_write(file, "abc", 3, AFIO_FULL, NULL),
			  &total);
		get(fds[1], s->got, total);
		ck_assert_mem_eq(s->got, "abc", total);
	}
	close(fds[1]);
	if (file)
		end(s, af_file_read(file, 1, 0, MS(20000)), 0);
	if (file)
		ck_assert_int_eq(af_file_close(file), 0);
	else
		close(fds[0]);
}
