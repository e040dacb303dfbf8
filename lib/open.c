/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making files: of a descriptor, after finding out what kind it is and how it
 * can be used without blocking; or of a bufferevent. Here transports are chosen.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/bufferevent.h>

#include "disk.h"
#include "fd.h"
#include "file.h"
#include "foreign.h"
#include "message.h"
#include "nowait.h"
#include "stream.h"

/* A character device: terminals can be polled, /dev/null and others not. */
static bool can_poll(int fd, const struct stat *st)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ep, r;

	if (S_ISREG(st->st_mode) || S_ISBLK(st->st_mode))
		return false;
	if (!S_ISCHR(st->st_mode) || isatty(fd))
		return true;
	if (afi_nowait_always(st))
		return false;
	ep = epoll_create1(EPOLL_CLOEXEC);
	r = epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
	close(ep);
	return r == 0;
}

/*
 * Opens what fd is open on once more, for non-blocking use: then nobody who
 * shares the old description sees O_NONBLOCK on it. 0 or -errno.
 */
static int reopen(struct af_file *file, int fd, int mode)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	unsigned number;
	int copy, cloexec;

	/* The master of a pty would be another one's. */
	if (file->is_tty && ioctl(fd, TIOCGPTN, &number) == 0)
		return -ENXIO;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	copy = open(path, (mode & (O_ACCMODE | O_APPEND)) | O_NONBLOCK |
				  O_CLOEXEC | O_NOCTTY);
	if (copy < 0)
		return -errno;
	if (file->keep_fd) {
		file->fd = copy;
		return 0;
	}
	cloexec = fcntl(fd, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0;
	if (dup3(copy, fd, cloexec) < 0) {
		close(copy);
		return -EBADF;
	}
	close(copy);
	file->own_description = true;
	return 0;
}

/* What kind of descriptor it is, and how to use it without blocking. */
static int inspect(struct af_file *file, int fd)
{
	int mode = fcntl(fd, F_GETFL);
	struct stat st;

	if (mode < 0 || fstat(fd, &st) < 0 || mode & O_PATH)
		return -EBADF;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if ((mode & O_ACCMODE) != O_WRONLY)
		file->may |= 1 << AFI_READ;
	if ((mode & O_ACCMODE) != O_RDONLY)
		file->may |= 1 << AFI_WRITE;
	file->is_socket = S_ISSOCK(st.st_mode);
	file->is_fifo = S_ISFIFO(st.st_mode);
	file->is_tty = S_ISCHR(st.st_mode) && isatty(fd);
	file->sticky_eof = can_poll(fd, &st);
	if (file->is_socket && afi_message_inspect(file) < 0)
		return -EBADF;
	if (!file->sticky_eof)
		return afi_disk_attach(file, &st);
	/* Sockets are used with MSG_DONTWAIT. */
	if (!(mode & O_NONBLOCK) && !file->is_socket &&
	    reopen(file, fd, mode) < 0) {
		if (fcntl(fd, F_SETFL, mode | O_NONBLOCK) < 0)
			return -errno;
		file->made_nonblock = true;
	}
	return afi_stream_attach(file);
}

static struct af_file *file_alloc(struct af_loop *loop, int fd)
{
	struct af_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->loop = loop;
	file->fd = fd;
	file->user_fd = fd;
	TAILQ_INIT(&file->ops[AFI_READ]);
	TAILQ_INIT(&file->ops[AFI_WRITE]);
	return file;
}

static struct af_file *file_finish_new(struct af_file *file, int r)
{
	if (r < 0) {
		if (file->fd != file->user_fd)
			close(file->fd);
		else if (file->made_nonblock || file->own_description)
			afi_fd_set_nonblock(file->fd, false);
		free(file);
		errno = -r;
		return NULL;
	}
	afi_file_join(file);
	return file;
}

struct af_file *af_file_new(struct af_loop *loop, int fd, unsigned flags)
{
	struct af_file *file;

	if (!loop || flags & ~(AFIO_KEEP_FD | AFIO_UNBUFFERED)) {
		errno = EINVAL;
		return NULL;
	}
	if (!afi_loop_alive(loop)) {
		errno = ECANCELED;
		return NULL;
	}
	file = file_alloc(loop, fd);
	if (!file)
		return NULL;
	file->keep_fd = flags & AFIO_KEEP_FD;
	file->unbuffered = flags & AFIO_UNBUFFERED;
	return file_finish_new(file, inspect(file, fd));
}

/* Of a descriptor that nobody shares; the caller says which directions. */
static struct af_file *file_finish_own(struct af_file *file)
{
	if (fcntl(file->fd, F_SETFL, O_NONBLOCK) < 0)
		return file_finish_new(file, -errno);
	file->own_description = true;
	file->sticky_eof = true;
	return file_finish_new(file, afi_stream_attach(file));
}

struct af_file *afi_file_new_pipe(struct af_loop *loop, int fd,
				  enum afi_direction direction)
{
	struct af_file *file = file_alloc(loop, fd);

	if (!file)
		return NULL;
	file->may = 1 << direction;
	return file_finish_own(file);
}

struct af_file *afi_file_new_pty(struct af_loop *loop, int master)
{
	struct af_file *file = file_alloc(loop, master);

	if (!file)
		return NULL;
	file->may = 1 << AFI_READ | 1 << AFI_WRITE;
	file->is_tty = true;
	return file_finish_own(file);
}

struct af_file *af_file_from_bufferevent(struct af_loop *loop,
					 struct bufferevent *bev,
					 unsigned flags)
{
	struct af_file *file;

	if (!loop || !bev || flags & ~AFIO_KEEP_FD) {
		errno = EINVAL;
		return NULL;
	}
	if (!afi_loop_alive(loop)) {
		errno = ECANCELED;
		return NULL;
	}
	file = file_alloc(loop, bufferevent_getfd(bev));
	if (!file)
		return NULL;
	file->keep_fd = flags & AFIO_KEEP_FD;
	file->is_foreign = true;
	file->sticky_eof = true;
	file->may = 1 << AFI_READ | 1 << AFI_WRITE;
	return file_finish_new(file, afi_foreign_attach(file, bev));
}
