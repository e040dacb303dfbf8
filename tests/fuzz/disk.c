/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files on disk: any program of operations is done by the library on files of
 * one folder, and by plain system calls on those of another one. Both return
 * the same, and leave the same files. No file is larger than RLIMIT_FSIZE.
 */
#include "config.h"

#include <sys/resource.h>

#include "fuzz/handle.h"
#include "fuzz/opening.h"

static unsigned n_evicted;

static void begin(struct handle *h)
{
	struct pending *p = &h->pending[h->n];
	enum kind kind = (enum kind)take_below(program, WRITE_AT + 1);
	bool writes = kind >= WRITE, borrow;
	unsigned flags = take_byte(program);
	bool timed = (flags & 6) == 6;

	/* Reads with reads, or writes with writes. */
	if (h->n == MAX_PENDING || (h->n && writes != is_writing(h)))
		settle(h);
	if (other_of(h) &&
	    (writes || is_writing(other_of(h)) || other_of(h)->behind))
		calm(other_of(h));
	if (kind == WRITE_AT || h->behind_at ||
	    (h->behind && kind == READ_AT) ||
	    (writes && h->n && h->pending[0].kind != kind) ||
	    (writes && timed && h->n_unread > 0))
		calm(h);
	p = &h->pending[h->n];
	memset(p, 0, sizeof(*p));
	p->kind = kind;
	p->full = flags & 1;
	p->timed = timed;
	borrow = flags & 8;
	p->size = take_byte(program) * (flags & 16 ? 97u : 1u);
	if (kind == READ_AT || kind == WRITE_AT)
		p->offset = flags & 32 ? (int64_t)take_64(program)
				       : (int64_t)take_byte(program) * 257;
	flags = p->full ? AFIO_FULL : 0;
	if (writes) {
		take_data(p);
		flags |= borrow ? AFIO_BORROW : 0;
	}
	h->n++;
	p->f = call(h->file, p, flags);
	must(p->f);
	if (writes && !borrow)
		memset(p->given, '?', p->size);
}

static void cancel(struct handle *h)
{
	unsigned i = take_below(program, MAX_PENDING);

	/* Whether bytes put back are dropped would depend on how far it was. */
	if (i >= h->n || (is_writing(h) && h->n_unread > 0))
		return;
	af_future_cancel(h->pending[i].f);
	h->pending[i].cancelled = true;
}

static void seek(struct handle *h)
{
	static const int whences[] = { SEEK_SET, SEEK_CUR, SEEK_END, 77 };
	int whence = whences[take_below(program, 4)];
	int64_t offset = take_bool(program) ? (int64_t)take_64(program)
					    : take_int(program) % LARGEST;
	int64_t r;

	calm(h);
	calm(other_of(h));
	r = lseek(h->fd, offset, whence);
	must(af_file_seek(h->file, offset, whence) == (r < 0 ? -errno : r));
	h->n_unread = 0;
}

static void unread(struct handle *h)
{
	char data[MAX_UNREAD];
	size_t len = take_below(program, MAX_UNREAD - (unsigned)h->n_unread);
	int r;

	settle(h);
	memset(data, (int)take_byte(program), len);
	r = af_file_unread(h->file, data, len);
	if (r < 0) {
		must(r == -EBUSY ? h->early
				 : r == -EBADF || position(h) < (off_t)len);
		return;
	}
	must(lseek(h->fd, -(off_t)len, SEEK_CUR) >= 0);
	memmove(h->unread + len, h->unread, h->n_unread);
	memcpy(h->unread, data, len);
	h->n_unread += len;
	/* Any read may drop them then. */
	if (h->unbuffered)
		calm(h);
}

/* Another program cuts the files, or appends to them. */
static void disturb(struct handle *h)
{
	bool cut = take_bool(program);
	off_t size = (off_t)take_byte(program) * 101;
	int fd, r[2];

	for (int i = 0; i < 2; i++) {
		settle(&handles[i]);
		if (cut || handles[i].behind)
			calm(&handles[i]);
	}
	plain_writes = true;
	for (int i = 0; i < 2; i++) {
		const char *path = path_in(i ? "theirs/" : "ours/", h->path);

		if (cut) {
			r[i] = truncate(path, size);
			continue;
		}
		fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
		must(fd >= 0);
		r[i] = (int)write(fd, "disturbed\n", (size_t)size % 11);
		close(fd);
	}
	plain_writes = false;
	must(r[0] == r[1]);
}

static void copy(struct handle *from)
{
	struct handle *to = other_of(from) ? from : &handles[from == handles];
	int64_t count = take_bool(program) ? -1 : (int)take_byte(program) * 100;
	struct pending p = { .kind = WRITE, .data = rest };
	ssize_t n, done = 0, plain = 1;
	int r;

	if (!to->file)
		return;
	calm(from);
	calm(to);
	p.f = af_file_copy(from->file, to->file, count, NULL);
	r = await_soon(p.f);
	n = look_at(from, position(from), 0);
	n = n > count && count >= 0 ? count : n;
	if (from == to || n < 0 || !may_write(to)) {
		must(r == (n < 0 || !may_write(to) ? -EBADF : -EINVAL));
		must(af_future_count(p.f) == 0);
	} else if (n > 0 && to->late) {
		/* As any write, it is told first, and takes nothing. */
		must(r == to->late && af_future_count(p.f) == 0);
		to->late = 0;
	} else {
		while (done < n && plain > 0) {
			plain = plain_write(to, &p, (size_t)done, (size_t)n);
			done += plain > 0 ? plain : 0;
		}
		must(r == (plain < 0 ? (int)plain : 0));
		must(af_future_count(p.f) == (size_t)done);
		must(lseek(from->fd, done, SEEK_CUR) >= 0);
	}
	af_future_unref(p.f);
}

struct taken {
	size_t n, len; /* of rest, and taken */
	bool lines;
};

static int each(const char *data, size_t len, unsigned flags, void *arg)
{
	struct taken *t = arg;
	const char *end = memchr(data, '\n', len);

	must(len > 0 && len <= t->n - t->len);
	must(memcmp(data, rest + t->len, len) == 0);
	t->len += len;
	if (t->lines && end)
		must(end == data + len - 1);
	else if (t->lines)
		must(flags == AFIO_EOF && t->len == t->n);
	switch (take_below(program, 8)) {
	case 1:
		return 1;
	case 2:
		return -EPROTO;
	}
	return 0;
}

static void take_each(struct handle *h)
{
	struct taken t = { .lines = take_bool(program) };
	struct af_future *f;
	ssize_t n;
	int r;

	settle(h);
	if (h->behind_at)
		calm(h);
	calm(other_of(h));
	n = look_at(h, position(h), h->n_unread);
	t.n = n < 0 ? 0 : (size_t)n;
	f = t.lines ? af_file_each_line(h->file, each, &t)
		    : af_file_each_chunk(h->file, each, &t);
	r = await_soon(f);
	must(af_future_count(f) == t.len);
	if (r == 0 && af_future_flags(f) & AFIO_EOF)
		must(t.len == t.n);
	else if (r < 0 && r != -EPROTO)
		must(r == n || (r == -EMSGSIZE && h->limit && t.lines));
	af_future_unref(f);
	consume(h, t.len);
	h->early = true;
}

/* Waits for threads that write for what has ended. */
static void finish(struct handle *h)
{
	struct af_future *f = af_file_finish(h->file, NULL);
	int r = await_soon(f);

	must(r == h->late || (r == 0 && h->late == 0));
	must(af_file_fd(h->file) == -EBADF);
	af_future_unref(f);
}

static void close_one(struct handle *h)
{
	unsigned way = take_below(program, 4);
	int fd = -EBUSY;

	if (way == 0 && !is_writing(h) && !h->behind) {
		for (unsigned i = 0; i < h->n; i++)
			h->pending[i].cancelled = true;
		must(af_file_close(h->file) == 0);
		h->file = NULL;
		settle(h);
	}
	settle(h);
	if (way == 1 && !h->behind)
		fd = af_file_detach(h->file, NULL);
	if (fd >= 0)
		must(lseek(fd, 0, SEEK_CUR) == position(h));
	else if (h->file) {
		finish(h);
		must(af_file_close(h->file) == 0);
	}
	if (h->kept >= 0) {
		must(h->early || lseek(h->kept, 0, SEEK_CUR) == position(h));
		close(h->kept);
	} else if (fd >= 0) {
		close(fd);
	}
	close(h->fd);
	h->file = NULL;
}

static void other(struct handle *h)
{
	struct stat st;
	int fd;

	switch (take_below(program, 4)) {
	case 0: /* the next reads wait for the disk, and so for a thread */
		settle(h);
		fd = af_file_fd(h->file);
		if (n_evicted++ < 2 && fdatasync(fd) == 0)
			posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		break;
	case 1:
		must(af_file_set_read_ahead(h->file, 1 + take_byte(program)) ==
		     0);
		break;
	case 2:
		calm(h);
		calm(other_of(h));
		must(fstat(h->fd, &st) == 0);
		must(af_file_size(h->file) == st.st_size);
		break;
	default:
		turn();
	}
}

/* Two files, with the rest of the input at first. */
static void make_files(struct input *in)
{
	for (unsigned path = 0; path < 4; path++) {
		const char *name =
			path_in(path & 1 ? "theirs/" : "ours/", path / 2);
		int fd;

		unlink(name);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		must(fd >= 0);
		for (int i = 0; i < (path < 2 ? 1 : 9); i++)
			must(write(fd, in->data, in->left) ==
			     (ssize_t)in->left);
		close(fd);
	}
}

/* What the loop keeps for its threads is there before others count. */
static void begin_all(void)
{
	struct af_future *f;

	need_loop();
	need_scratch();
	signal(SIGXFSZ, on_xfsz);
	must(mkdir("ours", 0700) == 0 && mkdir("theirs", 0700) == 0);
	must(mkdir("ours/dir", 0700) == 0 && mkdir("theirs/dir", 0700) == 0);
	f = af_file_open_async(loop, "ours", "r");
	must(await_soon(f) == -EISDIR);
	af_future_unref(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const acts[])(struct handle *) = {
		begin,	begin, begin,	  begin, begin,	  cancel,    seek,
		unread, copy,  take_each, other, disturb, close_one,
	};
	struct input in = { data, size }, ops;
	struct rlimit old, limit = { LARGEST, LARGEST };
	int lowest;

	if (!scratch_owner)
		begin_all();
	ops.data = take_bytes(&in, 1 + 2 * take_byte(&in), &ops.left);
	make_files(&in);
	program = &ops;
	n_evicted = 0;
	must(getrlimit(RLIMIT_FSIZE, &old) == 0);
	limit.rlim_max = old.rlim_max;
	must(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	lowest = lowest_fd();
	while (ops.left > 0) {
		struct handle *h = &handles[take_bool(&ops)];

		if (h->file)
			acts[take_below(&ops, 13)](h);
		else
			open_one(h);
	}
	for (int i = 0; i < 2; i++)
		if (handles[i].file)
			close_one(&handles[i]);
	must(setrlimit(RLIMIT_FSIZE, &old) == 0);
	must(is_same(0) && is_same(1));
	/* A thread that reads for what has ended closes its descriptor late. */
	for (int tries = 0; lowest_fd() != lowest; tries++) {
		must(tries < 50000);
		turn_a_while();
	}
	return 0;
}
