/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens files for the fuzz target disk, in every way and mode, or not: the
 * library and open(2) must agree.
 */
#ifndef TESTS_FUZZ_OPENING_H
#define TESTS_FUZZ_OPENING_H

#include "fuzz/handle.h"

/* Only with the files for Linux are offsets and lengths of any kind taken. */
#ifdef AFI_LINUX
#define UNCACHED O_DIRECT
#else
#define UNCACHED 0
#endif

/* Of fopen(3); -1: no mode. */
static inline int flags_of(const char *mode)
{
	int flags = *mode == 'r'   ? 0
		    : *mode == 'w' ? O_CREAT | O_TRUNC
		    : *mode == 'a' ? O_CREAT | O_APPEND
				   : -1;
	bool both = strchr(mode, '+');

	if (flags < 0 || strspn(mode + 1, "+xbe") != strlen(mode + 1))
		return -1;
	for (const char *c = mode + 1; *c; c++)
		if (strchr(c + 1, *c) || (*c == 'x' && *mode == 'r'))
			return -1;
	return flags | (strchr(mode, 'x') ? O_EXCL : 0) |
	       (both	       ? O_RDWR
		: *mode == 'r' ? O_RDONLY
			       : O_WRONLY);
}

static inline int plain_open(const char *path, int flags)
{
	int fd = flags < 0 ? -1 : open(path, flags | O_CLOEXEC, 0666);
	struct stat st;

	if (fd < 0)
		return flags < 0 ? -EINVAL : -errno;
	must(fstat(fd, &st) == 0);
	if (!S_ISDIR(st.st_mode))
		return fd;
	close(fd);
	return -EISDIR;
}

static inline void take_mode(char mode[6])
{
	unsigned n = take_below(program, 5);

	mode[0] = "rwa?"[take_below(program, 16) * 3 / 16 + (n == 4)];
	for (unsigned i = 1; i < n; i++)
		mode[i] = "+bex+b+?"[take_below(program, 8)];
	mode[n ? n : 1] = '\0';
}

/* From a descriptor. The reference has one that does the same. */
static inline int make(struct handle *h, const char *path, int flags,
		       unsigned how)
{
	int direct = how & 2 && h->path < 2 && !flags ? UNCACHED : 0;
	int fd = plain_open(path, flags < 0 ? flags : flags | direct);

	if (fd < 0)
		return fd;
	h->kept = how & 4 ? fd : -1;
	h->unbuffered = how & 8;
	h->file = af_file_new(loop, fd,
			      (how & 8 ? AFIO_UNBUFFERED : 0) |
				      (how & 4 ? AFIO_KEEP_FD : 0));
	must(h->file);
	return 0;
}

static inline void open_one(struct handle *h)
{
	struct af_future *f;
	unsigned how = take_below(program, 16);
	int r = 0, flags;
	char mode[6];
	bool at_end;

	memset(h, 0, sizeof(*h));
	h->path = take_below(program, 16) * 2 / 13;
	h->path = h->path > 1 ? take_below(program, 5) : h->path;
	h->kept = -1;
	take_mode(mode);
	flags = flags_of(mode);
	at_end = flags >= 0 &&
		 (flags & (O_APPEND | O_ACCMODE)) == (O_APPEND | O_WRONLY);
	calm(&handles[h == handles]);
	if (how & 1) {
		r = make(h, path_in("ours/", h->path), flags, how);
		at_end = false;
	} else if (how & 2) {
		f = af_file_open_async(loop, path_in("ours/", h->path), mode);
		r = await_soon(f);
		h->file = af_future_take_file(f);
		must(!h->file == (r < 0));
		af_future_unref(f);
	} else {
		h->file = af_file_open(loop, path_in("ours/", h->path), mode);
		r = h->file ? 0 : -errno;
	}
	h->fd = plain_open(path_in("theirs/", h->path), flags);
	must(h->fd < 0 ? r == h->fd : r == 0);
	if (at_end && h->fd >= 0)
		must(lseek(h->fd, 0, SEEK_END) >= 0);
	if (h->file && how & 8) {
		h->limit = 1 + take_byte(program);
		must(af_file_set_limit(h->file, h->limit) == 0);
	}
}

#endif
