/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads of bytes with the descriptors that came with one of them. Both are
 * gathered in the file, and taken out once there are enough, so a read that ends
 * early leaves them there.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "file/fds.h"
#include "file/fill.h"
#include "file/op.h"
#include "transport/stream.h"

struct receive_fds {
	struct af_future future;
	struct afi_op op;
	size_t size; /* SIZE_MAX: all */
	size_t max;  /* descriptors */
	bool full;
	struct afi_fdset *set; /* the result; -1 is in place of taken ones */
};

static struct receive_fds *receive_fds_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct receive_fds, future);
}

/*
 * How many bytes may be taken together; SIZE_MAX: all that are there, and more.
 * 0: there is something in front of the next one.
 */
static size_t receive_fds_span(const struct af_file *file)
{
	struct afi_fdset *set = afi_fds_first(file);

	/* Bytes are not taken together with what is to be reported. */
	if (set && !set->error && !set->alone)
		set = TAILQ_NEXT(set, entry);
	return set ? afi_fds_before(file, set) : SIZE_MAX;
}

/* Whether a set came with the next n bytes, or with an empty message, n 0. */
static bool receive_fds_is_with(const struct af_file *file,
				const struct afi_fdset *set, size_t n)
{
	return set->alone ? n == 0 : afi_fds_before(file, set) < n;
}

/* Takes the set of the next n bytes, which are still in the file. */
static void receive_fds_take_set(struct receive_fds *receive,
				 struct af_file *file, size_t n)
{
	struct afi_fdset *set = afi_fds_first(file);

	if (!set || set->lost || !receive_fds_is_with(file, set, n))
		return;
	afi_fds_remove(file, set);
	receive->set = set;
	if (set->n <= receive->max)
		return;
	afi_fdset_close(set, (unsigned)receive->max);
	receive->future.flags |= AFIO_FDS_DROPPED;
}

/* Moves n bytes and their set from the file to the future; 0 or -ENOMEM. */
static int receive_fds_take(struct receive_fds *receive, struct af_file *file,
			    size_t n)
{
	struct af_future *f = &receive->future;
	bool gives = n > 0 && afi_buffer_is_worth_giving(&file->in, n);
	struct afi_chunk *chunk = NULL;

	if (!gives) {
		chunk = afi_chunk_get(&file->loop->pool, n);
		if (!chunk)
			return -ENOMEM;
		memcpy(chunk->data, afi_buffer_data(&file->in), n);
	}
	receive_fds_take_set(receive, file, n);
	f->data = gives ? afi_buffer_data(&file->in) : chunk->data;
	f->count = n;
	if (gives)
		chunk = afi_buffer_give(&file->in);
	else
		afi_file_consume(file, n);
	f->chunk = chunk;
	((char *)f->data)[n] = '\0';
	f->flags |= (uint8_t)afi_fds_drop(file, n == 0);
	return 0;
}

/* Ends it, with an error or n bytes. Does not step the queue. */
static void receive_fds_finish(struct receive_fds *receive, int error, size_t n,
			       unsigned flags)
{
	struct af_file *file = receive->op.file;

	if (error == 0) {
		receive->future.flags = (uint8_t)flags;
		error = receive_fds_take(receive, file, n);
	}
	if (error)
		receive->future.flags = 0;
	if (file->unbuffered)
		afi_fill_put_back(file);
	afi_op_finish(&receive->op, error);
}

/* How many bytes there are for one that does not get more. */
static size_t receive_fds_part(const struct receive_fds *receive)
{
	const struct af_file *file = receive->op.file;
	size_t span = receive_fds_span(file);
	size_t n = file->in.len < span ? file->in.len : span;

	return n < receive->size ? n : receive->size;
}

/* Ends it if there is enough. */
static bool receive_fds_try(struct receive_fds *receive, struct af_file *file)
{
	size_t span = receive_fds_span(file), n = receive_fds_part(receive);
	unsigned flags = file->read_error ? AFIO_ERROR : 0;
	struct afi_fdset *first;
	int error = 0;

	if (span == 0) {
		first = afi_fds_first(file);
		error = first->error;
		first->error = 0;
		flags = 0;
	} else if (n == receive->size) {
		/* The rest of a message stays for the next read. */
		flags = file->is_message && !receive->full &&
					file->in.len > n && n < span
				? AFIO_TRUNCATED
				: 0;
	} else if (n == span) {
		flags = receive->full ? AFIO_TRUNCATED : 0;
	} else if (n == 0 || receive->full) {
		return false;
	}
	receive_fds_finish(receive, error, n, flags);
	return true;
}

/* How much the buffer may hold when the next read is done. */
static size_t receive_fds_wanted(const struct receive_fds *receive,
				 const struct af_file *file)
{
	if (receive->size == SIZE_MAX && file->limit)
		return file->limit + 1; /* one more shows it is too much */
	return receive->size;
}

/* Reads more: as afi_fill(); -EAGAIN: it has asked to be woken. */
static ssize_t receive_fds_fill(const struct receive_fds *receive,
				struct af_file *file, int fills)
{
	ssize_t r = -EAGAIN;

	if (!file->drained[AFI_READ] && fills < AFI_FILLS_MAX)
		r = afi_fill(file, receive_fds_wanted(receive, file));
	/* One that brings a set is not skipped. */
	if (r == AFI_EMPTY && (!receive->full || file->fds->came))
		return r;
	if (r == AFI_EMPTY || r == -EAGAIN)
		r = afi_file_await(file, AFI_READ);
	return r;
}

/* Ends one that cannot get enough: r is 0 at the end, or an error. */
static void receive_fds_finish_short(struct receive_fds *receive, int r)
{
	struct af_file *file = receive->op.file;
	size_t n = receive_fds_part(receive);

	if (r == 0)
		file->eof = file->sticky_eof;
	/* One that is not full has nothing, else it would have ended. */
	if (r < 0)
		receive_fds_finish(receive, r, 0, 0);
	else
		receive_fds_finish(receive, 0, n, AFIO_EOF);
}

static int receive_fds_step(struct afi_op *queued)
{
	struct receive_fds *receive = receive_fds_of(queued->future);
	struct af_file *file = queued->file;
	ssize_t r;

	afi_fds_drop(file, false);
	for (int fills = 0;; fills++) {
		if (receive_fds_try(receive, file))
			return 0;
		r = afi_fill_error(file);
		if (r < 0 || file->eof)
			break;
		if (receive->size == SIZE_MAX && afi_fill_is_too_much(file)) {
			receive_fds_finish(receive, -EMSGSIZE, 0, 0);
			return 0;
		}
		r = receive_fds_fill(receive, file, fills);
		if (r == -EAGAIN)
			return -EAGAIN;
		if (r == AFI_EMPTY && !file->fds->came) {
			receive_fds_finish(receive, 0, 0, 0);
			return 0;
		}
		if (r <= 0 && r != AFI_EMPTY)
			break;
	}
	receive_fds_finish_short(receive, (int)r);
	return 0;
}

static void receive_fds_end(struct af_future *f, int error, size_t n,
			    unsigned flags)
{
	struct af_file *file = receive_fds_of(f)->op.file;

	receive_fds_finish(receive_fds_of(f), error, n, flags);
	afi_file_resume(file, AFI_READ);
}

static void receive_fds_cancel(struct af_future *f)
{
	receive_fds_end(f, -ECANCELED, 0, 0);
}

/* A busy program is late: takes what has arrived by now. */
static void receive_fds_rest(struct receive_fds *receive)
{
	struct af_file *file = receive->op.file;
	size_t before;
	int turns = 0;

	do {
		before = file->in.len;
		file->drained[AFI_READ] = false;
		afi_file_step(file, AFI_READ);
	} while (!receive->future.done && file->in.len > before &&
		 ++turns < AFI_FILLS_MAX);
}

static void receive_fds_expire(struct af_future *f)
{
	struct receive_fds *receive = receive_fds_of(f);
	bool first = afi_file_is_first(&receive->op);
	size_t n = 0;

	af_future_ref(f);
	if (first)
		receive_fds_rest(receive);
	if (!f->done && first)
		n = receive_fds_part(receive);
	if (!f->done && n > 0)
		receive_fds_end(f, 0, n, AFIO_TIMEDOUT);
	else if (!f->done)
		receive_fds_end(f, -ETIMEDOUT, 0, 0);
	af_future_unref(f);
}

static void receive_fds_destroy(struct af_future *f)
{
	afi_fdset_free(receive_fds_of(f)->set);
}

static void receive_fds_describe(const struct af_future *f, FILE *out)
{
	const struct receive_fds *receive =
		AFI_CONTAINER(f, const struct receive_fds, future);

	fprintf(out, " fd %d, %zu bytes there", receive->op.file->user_fd,
		receive->op.file->in.len);
}

static const struct afi_future_ops receive_fds_ops = {
	.name = "receive",
	.size = sizeof(struct receive_fds),
	.cancel = receive_fds_cancel,
	.expire = receive_fds_expire,
	.destroy = receive_fds_destroy,
	.describe = receive_fds_describe,
};

struct af_future *af_file_receive_fds(struct af_file *file, size_t size,
				      size_t max_fds, unsigned flags,
				      const struct timeval *timeout)
{
	int r = afi_op_check(file, AFI_READ, flags, AFIO_FULL, timeout);
	struct receive_fds *receive;
	struct af_future *f;

	if (r == 0 && max_fds == 0)
		r = -EINVAL;
	if (r == 0)
		r = afi_stream_keep_fds(file);
	f = afi_op_new(file, &receive_fds_ops, r);
	if (f->done)
		return f;
	receive = receive_fds_of(f);
	receive->size = size ? size : SIZE_MAX;
	receive->max = max_fds;
	receive->full = flags & AFIO_FULL || size == 0;
	afi_op_init(&receive->op, f, AFI_READ, receive_fds_step);
	afi_file_queue(file, &receive->op);
	afi_op_limit(&receive->op, timeout);
	return f;
}

/* The set of a future that is done; NULL: it has none. */
static struct afi_fdset *receive_fds_result(struct af_future *f)
{
	if (!f || !f->done)
		return NULL;
	f = afi_future_owner(f);
	return f->ops == &receive_fds_ops ? receive_fds_of(f)->set : NULL;
}

size_t af_future_fds(const struct af_future *f)
{
	const struct afi_fdset *set = receive_fds_result((struct af_future *)f);

	return set ? set->n : 0;
}

int af_future_take_fd(struct af_future *f, size_t i)
{
	struct afi_fdset *set = receive_fds_result(f);
	int fd;

	if (!set || i >= set->n)
		return -EINVAL;
	fd = set->fds[i];
	set->fds[i] = -1;
	return fd < 0 ? -EBADF : fd;
}
