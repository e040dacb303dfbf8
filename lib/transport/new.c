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

#include "base/fd.h"
#include "file/file.h"
#include "transport/bufferevent.h"
#include "transport/disk.h"
#include "transport/message.h"
#include "transport/nowait.h"
#include "transport/stream.h"

/*
 * Whether it can be polled: of character devices terminals can, /dev/null and
 * others not. 1, 0 or -errno.
 */
static int can_poll(int fd, const struct stat *st)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ep, r = 1;

	if (S_ISREG(st->st_mode) || S_ISBLK(st->st_mode))
		return 0;
	if (!S_ISCHR(st->st_mode) || isatty(fd))
		return 1;
	if (afi_nowait_always(st))
		return 0;
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (ep < 0)
		return -errno;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) < 0)
		r = errno == EPERM ? 0 : -errno;
	close(ep);
	return r;
}

/*
 * Whether who opens it once more has the same. A device may be another one for
 * everybody who opens it, as the master of a pty is.
 */
static bool is_same_anew(const struct af_file *file, int fd)
{
	unsigned number;

	return file->is_fifo ||
	       (file->is_tty && ioctl(fd, TIOCGPTN, &number) < 0);
}

/*
 * Opens what fd is open on once more, for non-blocking use: then nobody who
 * shares the old description sees O_NONBLOCK on it. False: it cannot be.
 */
static bool reopen(struct af_file *file, int fd, int mode)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	int copy, cloexec;

	if (!is_same_anew(file, fd))
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	copy = open(path, (mode & (O_ACCMODE | O_APPEND)) | O_NONBLOCK |
				  O_CLOEXEC | O_NOCTTY);
	copy = afi_fd_above_stdio(copy);
	if (copy < 0)
		return false;
	/* Of a FIFO's writers who came and went before this one is not told. */
	if (afi_fd_is_hung_up(fd) && !afi_fd_is_hung_up(copy)) {
		close(copy);
		return false;
	}
	if (file->keep_fd) {
		file->fd = copy;
		return true;
	}
	cloexec = fcntl(fd, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0;
	file->own_description = dup3(copy, fd, cloexec) >= 0;
	close(copy);
	return file->own_description;
}

/* What kind of descriptor it is, and how to use it without blocking. */
static int inspect(struct af_file *file, int fd)
{
	int mode = fcntl(fd, F_GETFL);
	struct stat st;
	int r;

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
	r = can_poll(fd, &st);
	if (r < 0)
		return r;
	file->sticky_eof = r;
	if (file->is_socket && afi_message_inspect(file) < 0)
		return -EBADF;
	if (!file->sticky_eof)
		return afi_disk_attach(file, &st);
	/* Sockets are used with MSG_DONTWAIT. */
	if (!(mode & O_NONBLOCK) && !file->is_socket &&
	    !reopen(file, fd, mode)) {
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
	file->read_ahead = AFI_READ_SIZE;
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
