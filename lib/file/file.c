/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files: their two queues, what they wait for, and closing them. Knows no
 * operation and leaves the moving of bytes to a transport.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "base/fd.h"
#include "file/buffer.h"
#include "file/file.h"
#include "file/hangup.h"
#include "transport/disk.h"

static void on_orphan(struct afi_member *member)
{
	struct af_file *file =
		(void *)((char *)member - offsetof(struct af_file, member));

	afi_loop_leave(&file->loop->members, member);
	afi_task_cancel(&file->loop->settle, &file->settle);
	file->transport->release(file);
	file->transport = NULL;
}

void afi_file_join(struct af_file *file)
{
	afi_loop_ref(file->loop);
	afi_loop_join(&file->loop->members, &file->member, on_orphan);
}

size_t afi_file_unread(const struct af_file *file)
{
	return file->len + (file->transport ? file->transport->held(file) : 0);
}

bool afi_file_is_unread(const struct af_file *file)
{
	return file->transport && afi_file_unread(file) == 0 &&
	       TAILQ_EMPTY(&file->ops[AFI_READ]);
}

/* Whether what it waits for is of no use at the moment. */
static bool is_idle(const struct af_file *file, enum afi_direction direction)
{
	return TAILQ_EMPTY(&file->ops[direction]) || !file->needed[direction];
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
	if (first)
		afi_file_step(file, op->direction);
}

size_t afi_file_commit(struct afi_op *op)
{
	const struct afi_transport *transport = op->file->transport;

	if (!transport || !transport->commit ||
	    TAILQ_FIRST(&op->file->ops[AFI_WRITE]) != op)
		return 0;
	return transport->commit(op->file);
}

void afi_file_remove(struct afi_op *op)
{
	/* What a worker has of it is not the next one's. */
	if (op->direction == AFI_WRITE)
		afi_file_commit(op);
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
	/*
	 * A copy that ends resumes two queues, in each of which there may be
	 * one that ends: they take turns here, and not on the stack.
	 */
	if (!file->transport || file->closing ||
	    file->resuming & 1 << direction || !afi_loop_alive(file->loop))
		return;
	file->resuming |= 1 << direction;
	afi_file_step(file, direction);
	file->resuming &= ~(1 << direction);
}

int afi_file_want(struct af_file *file, enum afi_direction direction)
{
	int r = 0;

	if (!file->wanted[direction])
		r = file->transport->want(file, direction);
	file->wanted[direction] = file->needed[direction] = r == 0;
	return r;
}

static void cancel_all(struct af_file *file)
{
	struct afi_op *op;

	file->closing = true;
	for (int i = AFI_READ; i <= AFI_WRITE; i++)
		while ((op = TAILQ_FIRST(&file->ops[i])))
			af_future_cancel(op->future);
}

/* Ends what is under way, and lets go of all but the descriptor. */
static void shut(struct af_file *file)
{
	cancel_all(file);
	afi_hangup_cancel(file);
	if (file->transport)
		on_orphan(&file->member);
}

static void file_free(struct af_file *file)
{
	afi_chunk_put(afi_loop_pool(file->loop), file->in);
	afi_loop_unref(file->loop);
	free(file);
}

/* Ends what is under way, and appends what was read by nobody. 0 or -ENOMEM. */
static int hand_over(struct af_file *file, struct evbuffer *unread)
{
	struct evbuffer_iovec room;

	/* All that can fail comes first. */
	if (unread && file->len > 0 &&
	    evbuffer_reserve_space(unread, (ev_ssize_t)file->len, &room, 1) < 1)
		return -ENOMEM;
	/* A copy may take along what is on its way already. */
	cancel_all(file);
	if (file->is_disk)
		afi_disk_put_back(file);
	if (!unread)
		return 0;
	if (file->len > 0) {
		room.iov_len = file->len;
		memcpy(room.iov_base, file->in->data + file->start, file->len);
		evbuffer_commit_space(unread, &room, 1);
	}
	return file->transport ? file->transport->unread(file, unread) : 0;
}

int af_file_detach(struct af_file *file, struct evbuffer *unread)
{
	int fd;

	if (!file || file->is_foreign)
		return -EINVAL;
	if (file->is_disk && afi_disk_is_busy(file))
		return -EBUSY;
	if (hand_over(file, unread) < 0) {
		file->closing = false;
		return -ENOMEM;
	}
	fd = file->user_fd;
	shut(file);
	if (file->is_disk)
		afi_disk_close(file, file->fd != fd);
	else if (file->fd != fd)
		close(file->fd);
	else if (file->made_nonblock || file->own_description)
		afi_fd_set_nonblock(fd, false);
	file_free(file);
	return fd;
}

int af_file_close(struct af_file *file)
{
	bool close_fd;
	int r = 0;

	if (!file)
		return 0;
	shut(file);
	/*
	 * Others may hold a description that could not be opened anew; nobody
	 * but us ever held one that was.
	 */
	if (file->made_nonblock)
		afi_fd_set_nonblock(file->fd, false);
	close_fd = !file->is_foreign &&
		   (!file->keep_fd || file->fd != file->user_fd);
	/* Linux closes the descriptor whatever it answers: never try again. */
	if (file->is_disk)
		r = afi_disk_close(file, close_fd);
	else if (close_fd)
		r = close(file->fd) < 0 ? -errno : 0;
	file_free(file);
	return r == -EINTR ? 0 : r;
}

int af_file_fd(const struct af_file *file)
{
	return file ? file->user_fd : -EINVAL;
}
