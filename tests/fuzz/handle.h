/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file on disk that the library has open, and beside it another one, on which
 * plain system calls do the same: the reference. It does what was begun when
 * that is over, and then both must have returned the same.
 */
#ifndef TESTS_FUZZ_HANDLE_H
#define TESTS_FUZZ_HANDLE_H

#include <errno.h>

#include "fuzz/scratch.h"

#define LARGEST 65536
#define MAX_PENDING 6
#define MAX_UNREAD 64

enum kind { READ, LINE, PEEK, READ_AT, WRITE, WRITE_AT };

/* An operation that the reference has not done yet. */
struct pending {
	struct af_future *f;
	enum kind kind;
	size_t size;
	int64_t offset;
	bool full, timed, cancelled;
	char *data; /* of a write; given is what the library was passed */
	char *given;
};

struct handle {
	struct af_file *file;
	int fd, kept; /* the reference; and the library's, with AFIO_KEEP_FD */
	bool unbuffered, early; /* early: an operation has ended so */
	bool behind, behind_at; /* a thread may still write for it */
	size_t limit;
	int late; /* the error of a write that has ended */
	unsigned path, n;
	struct pending pending[MAX_PENDING]; /* all read, or all write */
	char unread[MAX_UNREAD];
	size_t n_unread;
};

static const char *const names[] = { "a", "b", "dir", "no/a", "" };
static struct handle handles[2];
static struct input *program;
static char rest[LARGEST + MAX_UNREAD];
static bool plain_writes; /* SIGXFSZ is the reference's */

static inline void on_xfsz(int sig)
{
	(void)sig;
	must(plain_writes);
}

static inline const char *path_in(const char *folder, unsigned path)
{
	static char text[2][32];
	char *to = text[*folder == 'o'];

	snprintf(to, sizeof(text[0]), "%s%s", *names[path] ? folder : "",
		 names[path]);
	return to;
}

static inline off_t position(const struct handle *h)
{
	return lseek(h->fd, 0, SEEK_CUR);
}

static inline bool may_read(const struct handle *h)
{
	return (fcntl(h->fd, F_GETFL) & O_ACCMODE) != O_WRONLY;
}

static inline bool may_write(const struct handle *h)
{
	return (fcntl(h->fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
}

/* What reads at this offset return, up to the end of file; or -errno. */
static inline ssize_t look_at(const struct handle *h, int64_t offset,
			      size_t n_unread)
{
	size_t most = LARGEST;
	ssize_t n;

	/* Not beyond the largest position, which pread(2) refuses. */
	if (offset > INT64_MAX - LARGEST)
		most = (size_t)(INT64_MAX - offset);
	memcpy(rest, h->unread, n_unread);
	n = pread(h->fd, rest + n_unread, most, offset + (off_t)n_unread);
	return n < 0 ? -errno : n + (ssize_t)n_unread;
}

static inline void consume(struct handle *h, size_t len)
{
	size_t n = len < h->n_unread ? len : h->n_unread;

	h->n_unread -= n;
	memmove(h->unread, h->unread + n, h->n_unread);
	must(lseek(h->fd, (off_t)len, SEEK_CUR) >= 0);
}

/* What an operation that nothing ends early takes of n bytes. */
static inline size_t whole(const struct pending *p, size_t n,
			   unsigned *ret_flags)
{
	size_t most = p->size && p->size < n ? p->size : n;
	const char *end = memchr(rest, '\n', most);

	*ret_flags = 0;
	if (p->kind == LINE && end)
		return (size_t)(end + 1 - rest);
	if (p->kind == LINE && p->size && n >= p->size)
		*ret_flags = AFIO_TRUNCATED;
	else if (!p->size || n == 0 ||
		 (n < p->size &&
		  (p->full || p->kind == LINE || p->kind == PEEK)))
		*ret_flags = AFIO_EOF;
	return most;
}

static inline void check_data(struct pending *p, size_t n, size_t *ret_len)
{
	unsigned flags = af_future_flags(p->f), expected_flags;
	size_t len = SIZE_MAX, expected = whole(p, n, &expected_flags);
	const char *data = af_future_data(p->f, &len);

	must(data && data[len] == '\0' && len <= expected);
	must(memcmp(data, rest, len) == 0);
	*ret_len = len;
	if (flags == AFIO_TIMEDOUT) {
		must(p->timed && len > 0 && !(p->kind == LINE && p->full));
		return;
	}
	must(flags == expected_flags);
	if (p->full || p->size == 0 || p->kind == LINE || p->kind == PEEK)
		must(len == expected);
	else
		must(len > 0 || expected == 0);
}

static inline void check_read(struct handle *h, struct pending *p)
{
	int r = af_future_error(p->f);
	bool placed = p->kind == READ_AT;
	ssize_t n = placed ? look_at(h, p->offset, 0)
			   : look_at(h, position(h), h->n_unread);
	unsigned flags;
	size_t len;

	if (r == 0) {
		must(n >= 0);
		check_data(p, (size_t)n, &len);
		if (p->kind != PEEK && !placed)
			consume(h, len);
	} else if (r == -ECANCELED) {
		must(p->cancelled);
	} else if (r == -ETIMEDOUT) {
		must(p->timed);
	} else if (r == -EMSGSIZE) {
		must(p->size == 0 && h->limit && n > 0);
		must(whole(p, (size_t)n, &flags) > h->limit);
	} else if (p->kind == PEEK && r != -EBADF) {
		must(r == (p->size ? -ENOTSUP : -EINVAL));
		must(!p->size || h->unbuffered);
	} else {
		must(r == n || (r == -EBADF && !may_read(h)));
	}
	h->early |= r == -ECANCELED || r == -ETIMEDOUT || r == -EMSGSIZE;
	h->early |= af_future_flags(p->f) & AFIO_TIMEDOUT;
}

/* As the reference does it: how many bytes, or -errno. */
static inline ssize_t plain_write(struct handle *h, const struct pending *p,
				  size_t from, size_t to)
{
	ssize_t r;

	plain_writes = true;
	r = p->kind == WRITE ? write(h->fd, p->data + from, to - from)
			     : pwrite(h->fd, p->data + from, to - from,
				      p->offset + (off_t)from);
	plain_writes = false;
	return r < 0 ? -errno : r;
}

static inline void check_write(struct handle *h, struct pending *p)
{
	int r = af_future_error(p->f);
	size_t count = af_future_count(p->f), done = 0;
	bool timed_out = af_future_flags(p->f) & AFIO_TIMEDOUT;
	/* At a deadline, what a thread is writing is counted. */
	bool early = r == -ECANCELED || r == -ETIMEDOUT || timed_out ||
		     (p->timed && r == 0);
	ssize_t n = 1;

	must(count <= p->size);
	/* Told by the next write, but for one at an offset. */
	if (h->late && r == h->late && count == 0 && p->kind == WRITE) {
		h->late = 0;
		return;
	}
	must(early || !h->late || p->kind == WRITE_AT || p->size == 0);
	while (done < count && n > 0) {
		n = plain_write(h, p, done, count);
		done += n > 0 ? (size_t)n : 0;
	}
	/* A thread was writing them for an operation that has ended. */
	if (done < count) {
		must(early);
		h->late = (int)n;
	}
	if (r == -ECANCELED)
		must(p->cancelled);
	else if (early)
		must(p->timed && (count == 0) == (r < 0 || p->size == 0) &&
		     (timed_out || r < 0 || !p->full || count == p->size));
	else if (r == 0)
		must(count == p->size || (!p->full && count > 0));
	else
		must((r == -EBADF && !may_write(h)) ||
		     (r == -EINVAL && p->offset < 0) ||
		     (r == -EFBIG && p->offset > LARGEST) ||
		     r == plain_write(h, p, count, p->size));
	h->early |= early;
	h->behind |= early;
	h->behind_at |= early && p->kind == WRITE_AT;
	if ((count > 0 || r == -EFBIG) && p->kind == WRITE)
		h->n_unread = 0;
}

/* The library is through with what was begun; the reference does the same. */
static inline void settle(struct handle *h)
{
	for (unsigned i = 0; i < h->n; i++) {
		struct pending *p = &h->pending[i];

		await_soon(p->f);
		if (p->kind >= WRITE)
			check_write(h, p);
		else
			check_read(h, p);
		af_future_unref(p->f);
		free(p->data);
		free(p->given);
	}
	h->n = 0;
}

/* Whether both have the same file there. */
static inline bool is_same(unsigned path)
{
	static char data[2][LARGEST + 1];
	ssize_t n[2];

	for (int i = 0; i < 2; i++) {
		int fd = open(path_in(i ? "theirs/" : "ours/", path),
			      O_RDONLY | O_CLOEXEC);

		must(fd >= 0);
		n[i] = read(fd, data[i], sizeof(data[i]));
		close(fd);
	}
	return n[0] == n[1] && n[0] >= 0 &&
	       memcmp(data[0], data[1], (size_t)n[0]) == 0;
}

/* A position does not wait for a thread that writes at an offset. */
static inline void await_thread(const struct handle *h)
{
	for (int tries = 0; !is_same(h->path); tries++) {
		must(tries < 50000);
		turn_a_while();
	}
}

/* And has read nothing ahead that may change. */
static inline void calm(struct handle *h)
{
	int64_t r = -EBUSY;

	if (!h || !h->file)
		return;
	settle(h);
	if (h->unbuffered && !h->early && !h->n_unread)
		return;
	/* A worker may still be busy with what has ended. */
	for (int tries = 0; r == -EBUSY; tries++) {
		must(tries < 50000);
		r = af_file_seek(h->file, 0, SEEK_CUR);
		if (r == -EBUSY)
			turn_a_while();
	}
	must(r == position(h));
	if (h->behind_at)
		await_thread(h);
	h->n_unread = 0;
	h->early = h->behind = h->behind_at = false;
}

static inline struct handle *other_of(struct handle *h)
{
	struct handle *other = &handles[h == handles];

	return other->file && other->path == h->path ? other : NULL;
}

static inline bool is_writing(const struct handle *h)
{
	return h && h->n > 0 && h->pending[0].kind >= WRITE;
}

static inline void take_data(struct pending *p)
{
	p->data = malloc(p->size + 1);
	p->given = malloc(p->size + 1);
	must(p->data && p->given);
	for (size_t i = 0, c = take_byte(program); i < p->size; i++)
		p->data[i] = (char)(i % 7 == 6 ? '\n' : c + i);
	memcpy(p->given, p->data, p->size);
}

/* Begins an operation of the library. */
static inline struct af_future *call(struct af_file *file,
				     const struct pending *p, unsigned flags)
{
	const struct timeval *time = p->timed ? &at_once : NULL;

	switch (p->kind) {
	case READ:
		return af_file_read(file, p->size, flags, time);
	case LINE:
		return af_file_readline(file, p->size, 0, flags, time);
	case PEEK:
		return af_file_peek(file, p->size, time);
	case READ_AT:
		return af_file_read_at(file, p->size, p->offset, flags, time);
	case WRITE:
		return af_file_write(file, p->given, p->size, flags, time);
	default:
		return af_file_write_at(file, p->given, p->size, p->offset,
					flags, time);
	}
}

#endif
