/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making files: from a descriptor, after finding out its kind and how to use it
 * without blocking; or from a bufferevent. This is where transports are chosen.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/bufferevent.h>

#include "base/fd.h"
#include "base/flags.h"
#include "base/nonblock.h"
#include "base/sigpipe.h"
#include "base/tty.h"
#include "transport/bev.h"
#include "transport/descriptor.h"
#include "transport/device.h"
#include "transport/disk.h"
#include "transport/new.h"
#include "transport/reopen.h"
#include "transport/scm.h"
#include "transport/stream.h"

/*
 * Whether reading a regular file that can be polled may wait for data, as
 * /proc/kmsg does. Most such files are ready for everything, or always readable
 * and made by the kernel's seq_file, which has no SEEK_END.
 */
static bool new_may_wait(int fd)
{
	short ready = afi_fd_poll(fd, POLLIN | POLLOUT);
	off_t at, end;

	if (!(ready & POLLIN))
		return true;
	if (ready & POLLOUT)
		return false;
	at = lseek(fd, 0, SEEK_CUR);
	if (at < 0)
		return true;
	end = lseek(fd, 0, SEEK_END);
	lseek(fd, at, SEEK_SET);
	return end >= 0;
}

/* One that is hung up says only that. */
static bool new_is_tty(int fd)
{
	return isatty(fd) || (errno == EIO && afi_fd_is_hung_up(fd));
}

/*
 * Whether it can be polled: 1, 0 or -errno. Of character devices, terminals can
 * and /dev/null cannot. Regular files cannot, with a few exceptions in /proc
 * and the like, whose size is 0.
 */
static int new_can_poll(int fd, const struct stat *st)
{
	int r;

	if (S_ISBLK(st->st_mode) || (S_ISREG(st->st_mode) && st->st_size > 0))
		return 0;
	if (!S_ISREG(st->st_mode) && (!S_ISCHR(st->st_mode) || new_is_tty(fd)))
		return 1;
	if (afi_device_never_waits(st))
		return 0;
	r = afi_device_can_poll(fd, st);
	return r > 0 && S_ISREG(st->st_mode) ? new_may_wait(fd) : r;
}

/* Whether opening it again may give the same file, and changes nothing. */
static bool new_may_reopen(const struct af_file *like, const struct stat *st)
{
	return like->is_fifo || S_ISREG(st->st_mode) ||
	       (like->is_tty && !afi_tty_is_master(like->fd));
}

/*
 * Gives the file a description of its own, under another number. 0; -ENOTSUP:
 * not possible; another -errno.
 */
static int new_reopen(struct af_file *like, const struct stat *st, int mode)
{
	int copy;

	if (!new_may_reopen(like, st))
		return -ENOTSUP;
	copy = afi_reopen(like->fd, mode);
	if (copy == -EMFILE || copy == -ENFILE || copy == -ENOMEM)
		return copy;
	if (copy < 0)
		return -ENOTSUP;
	/* The new one does not know that a FIFO's writers have left. */
	if (afi_fd_is_hung_up(like->fd) && !afi_fd_is_hung_up(copy)) {
		close(copy);
		return -ENOTSUP;
	}
	like->fd = copy;
	return 0;
}

/*
 * Sees to it that reads and writes do not block, in one of the ways that
 * file.h describes; 0 or -errno.
 */
static int new_unblock(struct af_file *like, const struct stat *st, int mode)
{
	int r = mode & O_NONBLOCK ? -ENOTSUP : new_reopen(like, st, mode);

	if (r != -ENOTSUP)
		return r;
	/* A pipe at its end, or one that may not be opened. */
	if (like->is_fifo && !(mode & O_NONBLOCK) && afi_descriptor_by_call()) {
		like->by_call = true;
		return 0;
	}
	/* Calls on a pipe are many, and hardly anybody clears the flag of one. */
	like->shares_mode = !like->is_fifo;
	return afi_nonblock_hold(like->fd, &like->nonblock);
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

static struct af_file *new_socket_of(struct af_file *like, int type)
{
	afi_sigpipe_quiet_socket(like->fd);
	like->is_message = type != SOCK_STREAM;
	like->is_datagram = like->is_message && type != SOCK_SEQPACKET;
	if (like->keeps_fds)
		like->keeps_fds = afi_scm_is_unix(like->fd);
	if (like->is_message)
		return afi_stream_new_messages(like);
	return afi_stream_new(like);
}

static struct af_file *new_socket(struct af_file *like)
{
	int type;
	socklen_t len = sizeof(type);

	/* Its calls use MSG_DONTWAIT. */
	if (getsockopt(like->fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return NULL;
	return new_socket_of(like, type);
}

/*
 * Whether what does not fit into a read is lost, or the read refused: a packet
 * pipe, inotify, eventfd and the like, a device such as TUN.
 */
static bool new_has_records(const struct af_file *like, const struct stat *st,
			    int mode)
{
	if (like->is_fifo)
		return mode & O_DIRECT;
	if (afi_device_is_random(st))
		return false;
	return !like->is_tty && !S_ISREG(st->st_mode);
}

/* Makes a file from a descriptor that can be polled; NULL and errno. */
static struct af_file *new_stream(struct af_file *like, const struct stat *st,
				  int mode)
{
	struct af_file *file;
	int r;

	if (like->is_socket)
		return new_socket(like);
	like->is_record = new_has_records(like, st, mode);
	r = new_unblock(like, st, mode);
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	file = like->is_record ? afi_stream_new_records(like)
			       : afi_stream_new(like);
	if (file)
		return file;
	afi_nonblock_release(like->nonblock);
	if (like->fd != like->user_fd)
		close(like->fd);
	errno = ENOMEM;
	return NULL;
}

int afi_look_at(struct afi_look *look, int fd)
{
	int r;

	look->mode = fcntl(fd, F_GETFL);
	if (look->mode < 0 || fstat(fd, &look->st) < 0)
		return -errno;
	if (look->mode & O_PATH)
		return -EBADF;
	if (S_ISDIR(look->st.st_mode))
		return -EISDIR;
	r = new_can_poll(fd, &look->st);
	look->can_poll = r > 0;
	return r < 0 ? r : 0;
}

/* Makes a file of what was found out; NULL and errno. */
static struct af_file *new_of_kind(struct af_file *like,
				   const struct afi_look *look)
{
	const struct stat *st = &look->st;
	int mode = look->mode;

	if ((mode & O_ACCMODE) != O_WRONLY)
		like->may |= 1 << AFI_READ;
	if ((mode & O_ACCMODE) != O_RDONLY)
		like->may |= 1 << AFI_WRITE;
	like->is_socket = S_ISSOCK(st->st_mode);
	like->is_fifo = S_ISFIFO(st->st_mode);
	like->is_tty = S_ISCHR(st->st_mode) && new_is_tty(like->fd);
	like->sticky_eof = look->can_poll;
	like->is_aligned = !look->can_poll && mode & O_DIRECT;
	if (!like->is_socket)
		like->keeps_fds = false;
	return look->can_poll ? new_stream(like, st, mode)
			      : afi_disk_new(like, st);
}

bool afi_file_new_takes(unsigned flags)
{
	return (flags & ~(AFIO_KEEP_FD | AFIO_UNBUFFERED | AFIO_RECEIVE_FDS)) ==
	       0;
}

static void new_set_flags(struct af_file *like, unsigned flags)
{
	like->keep_fd = flags & AFIO_KEEP_FD;
	like->unbuffered = flags & AFIO_UNBUFFERED;
	like->keeps_fds = flags & AFIO_RECEIVE_FDS;
}

struct af_file *af_file_new(struct af_loop *loop, int fd, unsigned flags)
{
	struct af_file like = new_like(loop, fd);
	struct afi_look look;
	int r = afi_loop_usable(loop);

	if (!afi_file_new_takes(flags))
		r = -EINVAL;
	if (r == 0)
		r = afi_look_at(&look, fd);
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	new_set_flags(&like, flags);
	return new_attach(new_of_kind(&like, &look));
}

struct af_file *afi_file_new_looked(struct af_loop *loop, int fd,
				    const struct afi_look *look)
{
	struct af_file like = new_like(loop, fd);

	return new_attach(new_of_kind(&like, look));
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

struct af_file *afi_file_new_socket(struct af_loop *loop, int fd, int type,
				    unsigned flags)
{
	struct af_file like = new_like(loop, fd);

	like.may = 1 << AFI_READ | 1 << AFI_WRITE;
	like.own_description = true;
	like.is_socket = true;
	like.sticky_eof = true;
	new_set_flags(&like, flags);
	return new_attach(new_socket_of(&like, type));
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
	int r = afi_loop_usable(loop);

	if (!bev || flags & ~AFIO_KEEP_FD)
		r = -EINVAL;
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	like.fd = like.user_fd = bufferevent_getfd(bev);
	like.keep_fd = flags & AFIO_KEEP_FD;
	like.sticky_eof = true;
	like.may = 1 << AFI_READ | 1 << AFI_WRITE;
	return new_attach(afi_bev_new(&like, bev));
}
