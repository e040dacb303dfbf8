/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files: their kinds, their two queues, making and closing them. Knows no
 * operation and leaves the moving of bytes to a transport.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "disk.h"
#include "file.h"
#include "foreign.h"
#include "read.h"
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
	if (major(st->st_rdev) == 1) /* null, zero, full, random */
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
	file->may[AFI_READ] = (mode & O_ACCMODE) != O_WRONLY;
	file->may[AFI_WRITE] = (mode & O_ACCMODE) != O_RDONLY;
	file->is_socket = S_ISSOCK(st.st_mode);
	file->is_tty = S_ISCHR(st.st_mode) && isatty(fd);
	file->sticky_eof = can_poll(fd, &st);
	if (!file->sticky_eof) {
		afi_disk_attach(file);
		return 0;
	}
	/* Sockets are used with MSG_DONTWAIT. */
	if (!(mode & O_NONBLOCK) && !file->is_socket &&
	    reopen(file, fd, mode) < 0) {
		if (fcntl(fd, F_SETFL, mode | O_NONBLOCK) < 0)
			return -errno;
		file->made_nonblock = true;
	}
	return afi_stream_attach(file);
}

/* Undoes what inspect() did to a descriptor that lives on. */
static void make_blocking(int fd)
{
	int mode = fcntl(fd, F_GETFL);

	if (mode >= 0)
		fcntl(fd, F_SETFL, mode & ~O_NONBLOCK);
}

static void on_orphan(struct afi_member *member)
{
	struct af_file *file =
		(void *)((char *)member - offsetof(struct af_file, member));

	afi_loop_leave(&file->loop->members, member);
	afi_task_cancel(&file->loop->settle, &file->settle);
	file->transport->release(file);
	file->transport = NULL;
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
			make_blocking(file->fd);
		free(file);
		errno = -r;
		return NULL;
	}
	afi_loop_ref(file->loop);
	afi_loop_join(&file->loop->members, &file->member, on_orphan);
	return file;
}

struct af_file *af_file_new(struct af_loop *loop, int fd, unsigned flags)
{
	struct af_file *file;

	if (!loop || flags & ~AFIO_KEEP_FD) {
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
	return file_finish_new(file, inspect(file, fd));
}

struct af_file *afi_file_new_pipe(struct af_loop *loop, int fd,
				  enum afi_direction direction)
{
	struct af_file *file = file_alloc(loop, fd);

	if (!file)
		return NULL;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return file_finish_new(file, -errno);
	file->may[direction] = true;
	file->own_description = true;
	file->sticky_eof = true;
	return file_finish_new(file, afi_stream_attach(file));
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
	file->may[AFI_READ] = file->may[AFI_WRITE] = true;
	afi_foreign_attach(file, bev);
	return file_finish_new(file, 0);
}

int afi_file_check(const struct af_file *file, enum afi_direction direction,
		   unsigned flags, unsigned known,
		   const struct timeval *timeout)
{
	if (!file || flags & ~known || !afi_timeout_valid(timeout))
		return -EINVAL;
	if (!afi_loop_alive(file->loop))
		return -ECANCELED;
	return file->may[direction] ? 0 : -EBADF;
}

bool afi_file_is_unread(const struct af_file *file)
{
	return file->transport && file->len == 0 &&
	       file->transport->held(file) == 0 &&
	       TAILQ_EMPTY(&file->ops[AFI_READ]);
}

/* Whether what it waits for is of no use at the moment. */
static bool is_idle(const struct af_file *file, enum afi_direction direction)
{
	return TAILQ_EMPTY(&file->ops[direction]) ||
	       (direction == AFI_READ && file->transport->held(file) > 0);
}

static void on_settle(struct afi_task *task)
{
	struct af_file *file =
		(void *)((char *)task - offsetof(struct af_file, settle));

	for (int i = AFI_READ; i <= AFI_WRITE; i++)
		if (file->wanted[i] && is_idle(file, i))
			file->transport->unwant(file, i);
}

void afi_file_settle(struct af_file *file)
{
	if (file->wanted[AFI_READ] || file->wanted[AFI_WRITE])
		afi_loop_settle(file->loop, &file->settle, on_settle);
}

void afi_file_start(struct af_file *file, struct afi_op *op)
{
	bool first = TAILQ_EMPTY(&file->ops[op->direction]);

	op->file = file;
	TAILQ_INSERT_TAIL(&file->ops[op->direction], op, entry);
	afi_task_cancel(&file->loop->settle, &file->settle);
	if (first)
		afi_file_step(file, op->direction);
}

void afi_file_remove(struct afi_op *op)
{
	TAILQ_REMOVE(&op->file->ops[op->direction], op, entry);
	op->file = NULL;
}

void afi_file_step(struct af_file *file, enum afi_direction direction)
{
	struct afi_op *op;

	while ((op = TAILQ_FIRST(&file->ops[direction])))
		if (op->step(op) == -EAGAIN)
			return;
	/*
	 * Whoever reads in a loop asks again at once, so to stop waiting for
	 * more data is put off until nothing else is left to do.
	 */
	afi_file_settle(file);
}

void afi_file_resume(struct af_file *file, enum afi_direction direction)
{
	if (file->transport && !file->closing)
		afi_file_step(file, direction);
}

int afi_file_want(struct af_file *file, enum afi_direction direction)
{
	int r;

	if (file->wanted[direction])
		return 0;
	r = file->transport->want(file, direction);
	file->wanted[direction] = r == 0;
	return r;
}

/* Ends what is under way, and lets go of all but the descriptor. */
static void shut(struct af_file *file)
{
	struct afi_op *op;

	file->closing = true;
	for (int i = AFI_READ; i <= AFI_WRITE; i++)
		while ((op = TAILQ_FIRST(&file->ops[i])))
			af_future_cancel(op->future);
	if (file->transport)
		on_orphan(&file->member);
}

static void file_free(struct af_file *file)
{
	afi_chunk_put(afi_loop_pool(file->loop), file->in);
	afi_loop_unref(file->loop);
	free(file);
}

int af_file_detach(struct af_file *file, struct evbuffer *unread)
{
	int fd;

	if (!file || file->is_foreign)
		return -EINVAL;
	if (unread) {
		if (file->len &&
		    evbuffer_add(unread, file->in->data + file->start,
				 file->len) < 0)
			return -ENOMEM;
		if (file->transport && file->transport->unread(file, unread))
			return -ENOMEM;
	}
	fd = file->user_fd;
	shut(file);
	if (file->fd != fd)
		close(file->fd);
	else if (file->made_nonblock || file->own_description)
		make_blocking(fd);
	file_free(file);
	return fd;
}

int af_file_close(struct af_file *file)
{
	int r = 0;

	if (!file)
		return 0;
	shut(file);
	/*
	 * Others may hold a description that could not be opened anew; nobody
	 * but us ever held one that was.
	 */
	if (file->made_nonblock)
		make_blocking(file->fd);
	/* Linux closes the descriptor whatever it answers: never try again. */
	if (!file->is_foreign && (!file->keep_fd || file->fd != file->user_fd))
		r = close(file->fd) < 0 ? -errno : 0;
	file_free(file);
	return r == -EINTR ? 0 : r;
}

int af_file_fd(const struct af_file *file)
{
	return file ? file->user_fd : -EINVAL;
}
