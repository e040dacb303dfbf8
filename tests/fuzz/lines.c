/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines and delimiters, in bytes that arrive in any pieces. After each read the
 * rest of the bytes is known, so what it may return is, too.
 */
#include <errno.h>
#include <sys/socket.h>

#include "fuzz/loop.h"

#define MAX_TEXTS 4
#define MAX_TEXT 12
#define MAX_TURNS 100000

static struct af_file *file;
static bool unbuffered;
static int out; /* the other end; -1: closed */
static const uint8_t *all;
static size_t all_len;
static size_t sent, pos; /* bytes that were sent, and that were taken */
static uint8_t chunks[8];
static unsigned n_chunks;

static struct af_text texts[MAX_TEXTS];
static uint8_t bytes[MAX_TEXTS][MAX_TEXT];
static size_t n_texts;

/* The next chunk; then the end. */
static void feed(void)
{
	size_t n = 1 + chunks[n_chunks++ % sizeof(chunks)];

	if (n > all_len - sent)
		n = all_len - sent;
	if (n > 0) {
		must(write(out, all + sent, n) == (ssize_t)n);
		sent += n;
	} else if (out >= 0) {
		close(out);
		out = -1;
	}
}

/* Drives a future to its end, feeding it. */
static void drive(struct af_future *f)
{
	int turns = 0;

	while (!af_future_is_done(f)) {
		must(turns++ < MAX_TURNS);
		feed();
		turn();
	}
}

static bool ends_at(const struct af_text *text, size_t from, size_t end)
{
	return end - from >= text->len &&
	       memcmp(all + end - text->len, text->data, text->len) == 0;
}

/* Where the first of the delimiters ends, and which it is; 0: none does. */
static size_t find(size_t from, size_t to, size_t *ret_which)
{
	size_t which = MAX_TEXTS;

	for (size_t end = from + 1; end <= to; end++) {
		for (size_t i = 0; i < n_texts; i++)
			if (ends_at(&texts[i], from, end) &&
			    (which == MAX_TEXTS ||
			     texts[i].len > texts[which].len))
				which = i;
		if (which < MAX_TEXTS) {
			*ret_which = which;
			return end;
		}
	}
	return 0;
}

/* Whether the bytes from there to there begin a delimiter, or are more. */
static bool begins(size_t from, size_t to)
{
	for (size_t i = 0; i < n_texts; i++) {
		size_t n = to - from < texts[i].len ? to - from : texts[i].len;

		if (memcmp(all + from, texts[i].data, n) == 0)
			return true;
	}
	return false;
}

/* A piece without a delimiter at its end. */
static void check_part(size_t len, size_t size, unsigned flags, bool full,
		       bool timed)
{
	size_t which, end;

	must(!find(pos, pos + len, &which));
	/* Nor does it split the next one. */
	end = find(pos, all_len, &which);
	must(!end || pos + len <= end - texts[which].len || pos + len >= end);
	must(size == 0 || len <= size);
	switch (flags) {
	case AFIO_EOF:
		must(pos + len == all_len && out < 0);
		break;
	case AFIO_TIMEDOUT:
		must(timed && !full && len > 0);
		must(pos + len == sent || begins(pos + len, sent));
		break;
	default:
		must(flags == AFIO_TRUNCATED && size > 0 && len > 0);
		must(len == size || begins(pos + len, pos + size));
	}
}

/* A read up to a delimiter has ended. */
static void check(struct af_future *f, size_t size, bool full, bool timed,
		  bool any)
{
	unsigned flags = af_future_flags(f);
	size_t len = SIZE_MAX, which = 0, end;
	const char *data = af_future_data(f, &len);

	if (af_future_error(f) < 0) {
		must(timed && af_future_error(f) == -ETIMEDOUT);
		must(full || sent == pos || begins(pos, sent));
		return;
	}
	must(data && len == af_future_count(f) && data[len] == '\0');
	must(len <= sent - pos && memcmp(data, all + pos, len) == 0);
	if (flags) {
		check_part(len, size, flags, full, timed);
		pos += len;
		return;
	}
	end = find(pos, all_len, &which);
	must(end == pos + len);
	must(size == 0 || len <= size || len == texts[which].len);
	if (any)
		must(af_future_match(f) == (int)which);
	pos = end;
}

static void use_newline(void)
{
	texts[0] = (struct af_text){ "\n", 1 };
	n_texts = 1;
}

static void take_delimiters(struct input *in, size_t n)
{
	n_texts = n;
	for (size_t i = 0; i < n; i++) {
		size_t len = 1 + take_below(in, MAX_TEXT);

		for (size_t k = 0; k < len; k++)
			bytes[i][k] = "ab\n\0"[take_byte(in) & 3];
		texts[i] = (struct af_text){ bytes[i], len };
	}
}

/* Sends some more, so that there is something at a deadline, too. */
static const struct timeval *take_time(struct input *in)
{
	unsigned choice = take_byte(in);

	if (choice & 1)
		feed();
	return choice & 2 ? &at_once : NULL;
}

static void read_one(struct input *in)
{
	unsigned way = take_below(in, 3);
	const struct timeval *time = take_time(in);
	bool full = take_bool(in), cancel = take_below(in, 8) == 7;
	size_t size = take_byte(in);
	struct af_future *f;

	if (way == 0) {
		use_newline();
		f = af_file_readline(file, size, take_byte(in),
				     full ? AFIO_FULL : 0, time);
	} else if (way == 1) {
		take_delimiters(in, 1);
		f = af_file_read_until(file, texts[0].data, texts[0].len, size,
				       full ? AFIO_FULL : 0, time);
	} else {
		take_delimiters(in, 1 + take_below(in, MAX_TEXTS));
		f = af_file_read_until_any(file, texts, n_texts, size,
					   full ? AFIO_FULL : 0, time);
		/* They were copied. */
		must(f);
	}
	if (cancel && !af_future_is_done(f)) {
		feed();
		turn();
		af_future_cancel(f);
	}
	drive(f);
	if (!(cancel && af_future_error(f) == -ECANCELED))
		check(f, size, full, time, way == 2);
	af_future_unref(f);
}

/* Looks ahead, or puts back what was taken. */
static void look(struct input *in)
{
	size_t n = 1 + take_byte(in), len = SIZE_MAX;
	struct af_future *f;
	const char *data;

	if (take_bool(in)) {
		n = n < pos ? n : pos;
		must(af_file_unread(file, all + pos - n, n) == 0);
		pos -= n;
		return;
	}
	f = af_file_peek(file, n, take_time(in));
	drive(f);
	if (af_future_error(f) == 0) {
		data = af_future_data(f, &len);
		must(len <= n && memcmp(data, all + pos, len) == 0);
		must(af_future_flags(f) ? af_future_flags(f) != AFIO_EOF ||
						  pos + len == all_len
					: len == n);
	}
	af_future_unref(f);
}

struct each {
	size_t before_stop; /* calls */
	size_t count;	    /* bytes */
	bool async, chunks, failed;
};

static void each_check(struct each *each, const char *data, size_t len,
		       unsigned flags)
{
	size_t which, end = find(pos, all_len, &which);

	must(len > 0 && len <= sent - pos);
	must(memcmp(data, all + pos, len) == 0);
	if (each->chunks)
		must(flags == 0);
	else if (flags)
		must(flags == AFIO_EOF && !end && pos + len == all_len);
	else
		must(end == pos + len);
	pos += len;
	each->count += len;
}

static int each_piece(const char *data, size_t len, unsigned flags, void *arg)
{
	struct each *each = arg;

	each_check(each, data, len, flags);
	return each->before_stop-- == 0;
}

static struct af_future *each_piece_async(const char *data, size_t len,
					  unsigned flags, void *arg)
{
	struct each *each = arg;

	each_check(each, data, len, flags);
	if (each->before_stop-- == 0) {
		each->failed = true;
		return af_failed(loop, -EPROTO);
	}
	return len & 1 ? af_sleep(loop, &at_once) : NULL;
}

static void pass_all(struct input *in)
{
	struct each each = { .before_stop = take_byte(in) };
	struct af_future *f;
	int error;

	each.chunks = take_bool(in);
	each.async = take_bool(in);
	use_newline();
	if (each.async)
		f = af_file_each_async(
			file, each.chunks ? AFIO_EACH_CHUNK : AFIO_EACH_LINE,
			each_piece_async, &each);
	else if (each.chunks)
		f = af_file_each_chunk(file, each_piece, &each);
	else
		f = af_file_each_line(file, each_piece, &each);
	drive(f);
	error = af_future_error(f);
	must(error == (each.failed ? -EPROTO : 0));
	must(af_future_count(f) == each.count);
	if (error == 0 && af_future_flags(f) == AFIO_EOF)
		must(pos == all_len);
	else
		must(each.before_stop == SIZE_MAX);
	af_future_unref(f);
}

static void begin(struct input *in)
{
	unsigned flags = take_byte(in);
	int fds[2];

	if (flags & 1)
		must(pipe(fds) == 0);
	else
		must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	unbuffered = flags & 2;
	file = af_file_new(loop, fds[0], unbuffered ? AFIO_UNBUFFERED : 0);
	must(file);
	out = fds[1];
	if (flags & 4)
		must(af_file_set_read_ahead(file, 1 + take_byte(in)) == 0);
	for (size_t i = 0; i < sizeof(chunks); i++)
		chunks[i] = (uint8_t)take_byte(in);
	sent = pos = 0;
	n_chunks = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size }, ops;
	size_t n_ops;
	int lowest;

	if (size > 4096)
		return -1;
	need_loop();
	lowest = lowest_fd();
	begin(&in);
	n_ops = take_byte(&in) + 1u;
	ops.data = take_bytes(&in, n_ops, &ops.left);
	all = take_bytes(&in, in.left, &all_len);
	while (ops.left > 0) {
		unsigned op = take_below(&ops, 8);

		if (op == 0)
			pass_all(&ops);
		else if (op == 1 && !unbuffered)
			look(&ops);
		else
			read_one(&ops);
	}
	must(af_file_close(file) == 0);
	if (out >= 0)
		close(out);
	turn();
	must(lowest_fd() == lowest);
	return 0;
}
