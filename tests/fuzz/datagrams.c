/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of a socket that keeps them apart, read by any operations: which
 * bytes each gets is known.
 */
#include <errno.h>
#include <sys/socket.h>

#include "fuzz/loop.h"

#define MAX_MESSAGES 64

static struct af_file *file;
static int out;
static bool datagrams; /* not seqpacket */
static const uint8_t *all;
static size_t ends[MAX_MESSAGES]; /* of each message in all */
static size_t n_sent, n_messages; /* in all */
static size_t at, pos;		  /* the message that is read; the byte */

static bool is_left(void)
{
	return at < n_messages;
}

static size_t begin_of(size_t i)
{
	return i > 0 ? ends[i - 1] : 0;
}

static void feed(void)
{
	size_t from = begin_of(n_sent), n;

	if (n_sent == n_messages)
		return;
	n = ends[n_sent++] - from;
	must(send(out, all + from, n, 0) == (ssize_t)n);
}

static void drive(struct af_future *f)
{
	for (int i = 0; !af_future_is_done(f) && i < 2 * MAX_MESSAGES; i++) {
		feed();
		turn();
	}
}

static void cut(struct input *in)
{
	size_t len = 0, size;

	n_messages = 0;
	all = in->data;
	size = in->left;
	/* The length of each is its first byte, which is a part of it. */
	while (n_messages < MAX_MESSAGES && len < size) {
		size_t n = all[len] % 48;

		/* An empty message of seqpacket looks like the end. */
		if (n == 0 && !datagrams)
			n = 1;
		len += n < size - len ? n : size - len;
		ends[n_messages++] = len;
		if (n == 0)
			break;
	}
	in->left = 0;
}

/* The operation has taken so many bytes of the message. */
static void took(const char *data, size_t len)
{
	must(is_left() && len <= ends[at] - pos);
	must(memcmp(data, all + pos, len) == 0);
	pos += len;
	if (pos == ends[at])
		at++;
}

/* What reads of bytes pass over. */
static void skip_empty(void)
{
	while (is_left() && pos == ends[at])
		at++;
}

static void receive(struct input *in)
{
	size_t size = take_below(in, 64), len = SIZE_MAX;
	struct af_future *f = af_file_receive_from(file, size, 0, NULL);
	size_t had = pos, rest;
	const char *data;

	drive(f);
	if (!af_future_is_done(f)) {
		must(n_sent == n_messages && !is_left());
		af_future_cancel(f);
	} else if (!datagrams) {
		must(af_future_error(f) == -ENOTSUP);
	} else {
		must(af_future_error(f) == 0 && is_left());
		rest = ends[at] - had;
		data = af_future_data(f, &len);
		must(len == (size && size < rest ? size : rest));
		must(af_future_flags(f) == (len < rest ? AFIO_TRUNCATED : 0));
		must(!af_future_address(f, 0, NULL) == (had != begin_of(at)));
		if (len == 0)
			at++;
		else
			took(data, len);
	}
	af_future_unref(f);
}

static void read_some(struct input *in)
{
	size_t size = 1 + take_below(in, 64), len = SIZE_MAX;
	struct af_future *f = af_file_read(file, size, 0, NULL);
	const char *data;

	drive(f);
	if (!af_future_is_done(f))
		af_future_cancel(f);
	if (af_future_error(f) < 0) {
		skip_empty();
		must(af_future_error(f) == -ECANCELED && !is_left());
	} else {
		data = af_future_data(f, &len);
		if (len == 0)
			must(at < n_messages && pos == ends[at++]);
		else
			took(data, len);
	}
	af_future_unref(f);
}

static size_t before_stop;

static int each(const char *data, size_t len, const struct sockaddr *from,
		socklen_t from_len, unsigned flags, void *arg)
{
	(void)arg;
	(void)from_len;
	must(flags == 0 && is_left() && len == ends[at] - pos);
	must(!from == (pos != begin_of(at)));
	if (len == 0)
		at++;
	else
		took(data, len);
	return before_stop-- == 0;
}

static void pass_all(struct input *in)
{
	struct af_future *f;

	before_stop = take_below(in, 8);
	f = af_file_each_datagram(file, each, NULL);
	drive(f);
	if (!datagrams)
		must(af_future_error(f) == -ENOTSUP);
	else if (!af_future_is_done(f))
		must(!is_left());
	else
		must(af_future_error(f) == 0 && before_stop == SIZE_MAX);
	af_future_cancel(f);
	af_future_unref(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size }, ops;
	unsigned flags = take_byte(&in);
	int fds[2], lowest;

	if (size > 4096)
		return -1;
	need_loop();
	lowest = lowest_fd();
	datagrams = flags & 1;
	if (socketpair(AF_UNIX, datagrams ? SOCK_DGRAM : SOCK_SEQPACKET, 0,
		       fds) < 0) {
		/* Not every system has the latter. */
		must(!datagrams && errno != EMFILE);
		return 0;
	}
	file = af_file_new(loop, fds[0], flags & 2 ? AFIO_UNBUFFERED : 0);
	must(file);
	out = fds[1];
	ops.data = take_bytes(&in, take_byte(&in), &ops.left);
	cut(&in);
	n_sent = at = pos = 0;
	while (ops.left > 0) {
		unsigned op = take_below(&ops, 4);

		if (op == 0)
			feed();
		else if (op == 1)
			receive(&ops);
		else if (op == 2)
			pass_all(&ops);
		else
			read_some(&ops);
	}
	must(af_file_close(file) == 0);
	close(out);
	turn();
	must(lowest_fd() == lowest);
	return 0;
}
