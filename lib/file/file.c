/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files: their two queues, their waits for the transport, and closing them.
 * Knows no single operation, and moves bytes only through the transport's
 * table.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/container.h"
#include "base/nonblock.h"
#include "file/file.h"

static void file_on_orphan(struct afi_member *member)
{
	struct af_file *file = AFI_CONTAINER(member, struct af_file, member);

	afi_loop_leave(&file->loop->members, member);
	afi_task_cancel(&file->loop->settle, &file->settle);
	afi_task_cancel(&file->loop->ready, &file->later);
	file->transport->release(file);
	file->attached = false;
}

struct af_file *afi_file_new(const struct af_file *like, size_t size)
{
	struct af_file *file = calloc(1, size);

	if (!file)
		return NULL;
	*file = *like;
	file->limit = like->loop->file_limit;
	TAILQ_INIT(&file->ops[AFI_READ]);
	TAILQ_INIT(&file->ops[AFI_WRITE]);
	return file;
}

void afi_file_attach(struct af_file *file)
{
	file->attached = true;
	afi_loop_ref(file->loop);
	afi_loop_join(&file->loop->members, &file->member, file_on_orphan);
}

size_t afi_file_buffered(const struct af_file *file)
{
	return file->in.len +
	       (file->attached ? file->transport->held(file) : 0);
}

bool afi_file_is_untouched(const struct af_file *file)
{
	return file->attached && afi_file_buffered(file) == 0 &&
	       TAILQ_EMPTY(&file->ops[AFI_READ]);
}

bool afi_file_is_busy(struct af_file *file)
{
	return file->transport->is_busy && file->transport->is_busy(file);
}

/* Whether no operation needs to be woken in a direction. */
static bool file_is_idle(const struct af_file *file,
			 enum afi_direction direction)
{
	return TAILQ_EMPTY(&file->ops[direction]) || !file->needed[direction];
}

static void file_on_settle(struct afi_task *task)
{
	struct af_file *file = AFI_CONTAINER(task, struct af_file, settle);

	for (int i = AFI_READ; i <= AFI_WRITE; i++)
		if (file->wanted[i] && file_is_idle(file, i))
			file->transport->unwant(file, i);
}

void afi_file_settle(struct af_file *file)
{
	if (file->wanted[AFI_READ] || file->wanted[AFI_WRITE])
		afi_loop_settle(file->loop, &file->settle, file_on_settle);
}

void afi_file_queue(struct af_file *file, struct afi_op *op)
{
	bool first = TAILQ_EMPTY(&file->ops[op->direction]);

	afi_file_append(file, op);
	if (first)
		afi_file_step(file, op->direction);
}

size_t afi_file_unqueue(struct afi_op *op)
{
	struct af_file *file = op->file;
	size_t n = 0;

	/* The transport's bytes must not count for the next operation. */
	if (op->direction == AFI_WRITE && file->attached &&
	    file->transport->commit && afi_file_is_first(op))
		n = file->transport->commit(file);
	afi_file_note(file, (ssize_t)n);
	TAILQ_REMOVE(&file->ops[op->direction], op, entry);
	file->reads_ended += op->direction == AFI_READ;
	op->file = NULL;
	return n;
}

static void file_on_later(struct afi_task *task)
{
	struct af_file *file = AFI_CONTAINER(task, struct af_file, later);

	if (afi_file_step(file, AFI_READ))
		afi_file_step(file, AFI_WRITE);
}

void afi_file_step_later(struct af_file *file)
{
	if (!file->later.run)
		afi_loop_ready(file->loop, &file->later, file_on_later);
}

/* Steps a queue whose operations may end, and the file, too, in a step. */
static void file_step_held(struct af_file *file, enum afi_direction direction)
{
	struct af_future *f;
	struct afi_op *op;
	int r;

	while (file->attached && (op = TAILQ_FIRST(&file->ops[direction]))) {
		f = af_future_ref(op->future);
		r = op->step(op);
		af_future_unref(f);
		if (r == -EAGAIN)
			return;
	}
	if (file->attached)
		afi_file_settle(file);
}

/* One step at a time: what is due inside of another one comes after it. */
static bool file_step_careful(struct af_file *file,
			      enum afi_direction direction)
{
	file->again |= 1 << direction;
	if (file->stepping)
		return !file->dead;
	afi_file_hold(file);
	file->stepping = true;
	while (file->again && file->attached && !file->closing) {
		direction = file->again & 1 << AFI_READ ? AFI_READ : AFI_WRITE;
		file->again &= ~(1 << direction);
		file_step_held(file, direction);
	}
	file->stepping = false;
	file->again = 0;
	return afi_file_let_go(file);
}

bool afi_file_step(struct af_file *file, enum afi_direction direction)
{
	struct afi_op *op;

	if (file->loop->held) {
		afi_file_step_later(file);
		return true;
	}
	if (file->careful)
		return file_step_careful(file, direction);
	while ((op = TAILQ_FIRST(&file->ops[direction])))
		if (op->step(op) == -EAGAIN)
			return true;
	/*
	 * A program that reads in a loop reads again at once, so stop waiting
	 * for data only when nothing else is left to do.
	 */
	afi_file_settle(file);
	return true;
}

void afi_file_ready(struct af_file *file, enum afi_direction direction)
{
	/* A child by fork(2) that took the base over: the bytes are not its. */
	if (!afi_loop_is_here(file->loop)) {
		file->transport->unwant(file, direction);
		return;
	}
	file->drained[direction] = false;
	file->needed[direction] = false;
	if (!afi_file_step(file, direction))
		return;
	/*
	 * It is still ready, and libevent would call back again and again: stop
	 * that after this turn, unless it is wanted again in it.
	 */
	if (!file->needed[direction])
		afi_file_settle(file);
}

void afi_file_resume(struct af_file *file, enum afi_direction direction)
{
	/*
	 * A copy that ends resumes two queues, each of which may have another
	 * copy that ends: do not recurse.
	 */
	if (!file->attached || file->closing ||
	    file->resuming & 1 << direction || !afi_loop_alive(file->loop))
		return;
	/*
	 * A cleanup function may run in the middle of a drain of the output of
	 * a bufferevent, and libevent then loses what is added to it.
	 */
	if (direction == AFI_WRITE && file->transport->borrows_fd &&
	    !TAILQ_EMPTY(&file->ops[AFI_WRITE])) {
		afi_file_step_later(file);
		return;
	}
	file->resuming |= 1 << direction;
	if (afi_file_step(file, direction))
		file->resuming &= ~(1 << direction);
}

int afi_file_want(struct af_file *file, enum afi_direction direction)
{
	int r = 0;

	if (!file->wanted[direction])
		r = file->transport->want(file, direction);
	file->wanted[direction] = file->needed[direction] = r == 0;
	/*
	 * An empty message was passed over, and others come after it; or a layer
	 * or libevent holds bytes, for which the descriptor will not be readable.
	 */
	if (direction == AFI_READ &&
	    (file->arrived ||
	     (!file->drained[AFI_READ] &&
	      (file->layer || file->transport->held(file) > 0))))
		afi_file_step_later(file);
	return r;
}

void afi_file_cancel_all(struct af_file *file)
{
	struct afi_op *op;

	file->closing = true;
	file->may = 0;
	for (int i = AFI_READ; i <= AFI_WRITE; i++)
		while ((op = TAILQ_FIRST(&file->ops[i])))
			af_future_cancel(op->future);
}

void afi_file_end(struct af_file *file)
{
	struct afi_other *other;

	afi_file_cancel_all(file);
	while ((other = LIST_FIRST(&file->others)))
		af_future_cancel(other->future);
	if (file->attached)
		file_on_orphan(&file->member);
}

void afi_file_free(struct af_file *file)
{
	if (file->transport->destroy)
		file->transport->destroy(file);
	afi_chunk_put(afi_loop_pool(file->loop), file->in.chunk);
	afi_loop_unref(file->loop);
	free(file);
}

bool afi_file_let_go(struct af_file *file)
{
	struct af_loop *loop = file->loop;
	bool open = !file->dead;

	afi_loop_ref(loop);
	if (--file->holds == 0 && !open)
		afi_file_free(file);
	afi_loop_called(loop);
	afi_loop_unref(loop);
	return open;
}

void afi_file_die(struct af_file *file)
{
	file->dead = true;
	afi_file_let_go(file);
}

static void file_tell_closed(struct af_file *file)
{
	struct afi_on_close *on_close = file->on_close;

	file->on_close = NULL;
	on_close->closed(on_close);
}

/*
 * Closes file->fd, and restores the other one's mode. Linux closes the
 * descriptor even after an error: do not retry.
 */
int afi_file_close_fd(struct af_file *file, bool close_fd)
{
	int r = 0;

	afi_nonblock_release(file->nonblock);
	if (file->transport->close)
		r = file->transport->close(file, close_fd);
	else if (close_fd)
		r = close(file->fd) < 0 ? -errno : 0;
	if (file->on_close)
		file_tell_closed(file);
	return r == -EINTR ? 0 : r;
}

int afi_file_shut(struct af_file *file)
{
	bool two = file->fd != file->user_fd;
	int r;

	afi_file_end(file);
	r = afi_file_close_fd(file, !file->transport->borrows_fd &&
					    (!file->keep_fd || two));
	if (two && !file->keep_fd && close(file->user_fd) < 0 && r == 0)
		r = errno == EINTR ? 0 : -errno;
	file->fd = file->user_fd = -EBADF;
	file->finished = true;
	return r;
}

int af_file_close(struct af_file *file)
{
	bool shut;
	int r = 0;

	if (!file)
		return 0;
	afi_loop_split(file->loop);
	shut = file->finished && file->fd < 0;
	/* What runs while it is being closed may close it again. */
	if (file->closing && !shut) {
		file->dead = true;
		return 0;
	}
	afi_file_hold(file);
	if (!shut)
		r = afi_file_shut(file);
	afi_file_die(file);
	return r;
}

int af_file_fd(const struct af_file *file)
{
	return file ? file->user_fd : -EINVAL;
}

struct af_loop *af_file_loop(const struct af_file *file)
{
	return file ? file->loop : NULL;
}

void af_file_set_data(struct af_file *file, void *data)
{
	if (file)
		file->data = data;
}

void *af_file_data(const struct af_file *file)
{
	return file ? file->data : NULL;
}
