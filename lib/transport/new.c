/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making files: from a descriptor, after finding out its kind and how to use it
 * without blocking; or from a bufferevent. This is where transports are chosen.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/bufferevent.h>

#include "base/fd.h"
#include "transport/bev.h"
#include "transport/disk.h"
#include "transport/new.h"
#include "transport/nowait.h"
#include "transport/stream.h"

/*
 * Whether it can be polled: 1, 0 or -errno. Of character devices, terminals can
 * and /dev/null cannot.
 */
static int new_can_poll(int fd, const struct stat *st)
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
 * Whether opening it again gives the same file. Some devices, such as the
 * master of a pty, are a new one each time they are opened.
 */
static bool new_is_same(const struct af_file *file, int fd)
{
	unsigned number;

	return file->is_fifo ||
	       (file->is_tty && ioctl(fd, TIOCGPTN, &number) < 0);
}

/*
 * Opens the file of fd again, non-blocking, so that the old description, which
 * others may share, has no O_NONBLOCK. False: not possible.
 */
static bool new_reopen(struct af_file *file, int fd, int mode)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	int copy, cloexec;

	if (!new_is_same(file, fd))
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	copy = open(path, (mode & (O_ACCMODE | O_APPEND)) | O_NONBLOCK |
				  O_CLOEXEC | O_NOCTTY);
	copy = afi_fd_above_stdio(copy);
	if (copy < 0)
		return false;
	/* The new one does not know that a FIFO's writers have left. */
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

/* The fields of a file that are known before its transport is chosen. */
static struct af_file new_like(struct af_loop *loop, int fd)
{
	return (struct af_file){
		.loop = loop,
		.fd = fd,
		.user_fd = fd,
		.read_ahead = AFI_READ_SIZE,
	};
}

/* The last step: attaches a file to its loop. NULL is passed through. */
static struct af_file *new_attach(struct af_file *file)
{
	if (file)
		afi_file_attach(file);
	return file;
}

/* Makes a file from a descriptor that can be polled; NULL and errno. */
static struct af_file *new_stream(struct af_file *like, int mode)
{
	int type;
	socklen_t len = sizeof(type);
	struct af_file *file;

	if (like->is_socket) {
		/* Its calls use MSG_DONTWAIT. */
		if (getsockopt(like->fd, SOL_SOCKET, SO_TYPE, &type, &len) <
		    0) {
			errno = EBADF;
			return NULL;
		}
		like->is_message = type != SOCK_STREAM;
		if (like->is_message)
			return afi_stream_new_messages(like, type);
		return afi_stream_new(like);
	}
	if (!(mode & O_NONBLOCK) && !new_reopen(like, like->fd, mode)) {
		if (fcntl(like->fd, F_SETFL, mode | O_NONBLOCK) < 0)
			return NULL;
		like->made_nonblock = true;
	}
	file = afi_stream_new(like);
	if (file)
		return file;
	if (like->fd != like->user_fd)
		close(like->fd);
	else if (like->made_nonblock || like->own_description)
		afi_fd_set_nonblock(like->fd, false);
	errno = ENOMEM;
	return NULL;
}

/* Finds out the descriptor's kind; returns its file, or NULL and errno. */
static struct af_file *new_inspect(struct af_file *like)
{
	int fd = like->fd, mode = fcntl(fd, F_GETFL);
	struct stat st;
	int r = 0;

	if (mode < 0 || fstat(fd, &st) < 0 || mode & O_PATH)
		r = -EBADF;
	else if (S_ISDIR(st.st_mode))
		r = -EISDIR;
	if (r == 0)
		r = new_can_poll(fd, &st);
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	if ((mode & O_ACCMODE) != O_WRONLY)
		like->may |= 1 << AFI_READ;
	if ((mode & O_ACCMODE) != O_RDONLY)
		like->may |= 1 << AFI_WRITE;
	like->is_socket = S_ISSOCK(st.st_mode);
	like->is_fifo = S_ISFIFO(st.st_mode);
	like->is_tty = S_ISCHR(st.st_mode) && isatty(fd);
	like->sticky_eof = r;
	return r ? new_stream(like, mode) : afi_disk_new(like, &st);
}

/* Whether a file can be made with that loop, here: 0; or -1 and errno. */
static int new_check_loop(const struct af_loop *loop)
{
	if (!afi_loop_is_mine(loop))
		errno = EPERM;
	else if (!afi_loop_alive(loop))
		errno = ECANCELED;
	else
		return 0;
	return -1;
}

struct af_file *af_file_new(struct af_loop *loop, int fd, unsigned flags)
{
	struct af_file like = new_like(loop, fd);

	if (!loop || flags & ~(AFIO_KEEP_FD | AFIO_UNBUFFERED)) {
		errno = EINVAL;
		return NULL;
	}
	if (new_check_loop(loop) < 0)
		return NULL;
	like.keep_fd = flags & AFIO_KEEP_FD;
	like.unbuffered = flags & AFIO_UNBUFFERED;
	return new_attach(new_inspect(&like));
}

/* Makes a file from a descriptor that is not shared. */
static struct af_file *new_own(struct af_file *like)
{
	if (fcntl(like->fd, F_SETFL, O_NONBLOCK) < 0)
		return NULL;
	like->own_description = true;
	like->sticky_eof = true;
	return new_attach(afi_stream_new(like));
}

struct af_file *afi_file_new_pipe(struct af_loop *loop, int fd,
				  enum afi_direction direction)
{
	struct af_file like = new_like(loop, fd);

	like.may = 1 << direction;
	return new_own(&like);
}

struct af_file *afi_file_new_pty(struct af_loop *loop, int master)
{
	struct af_file like = new_like(loop, master);

	like.may = 1 << AFI_READ | 1 << AFI_WRITE;
	like.is_tty = true;
	return new_own(&like);
}

struct af_file *af_file_from_bufferevent(struct af_loop *loop,
					 struct bufferevent *bev,
					 unsigned flags)
{
	struct af_file like = new_like(loop, -1);

	if (!loop || !bev || flags & ~AFIO_KEEP_FD) {
		errno = EINVAL;
		return NULL;
	}
	if (new_check_loop(loop) < 0)
		return NULL;
	like.fd = like.user_fd = bufferevent_getfd(bev);
	like.keep_fd = flags & AFIO_KEEP_FD;
	like.sticky_eof = true;
	like.may = 1 << AFI_READ | 1 << AFI_WRITE;
	return new_attach(afi_bev_new(&like, bev));
}
