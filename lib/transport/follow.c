/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Following a path: reads each of its files to the end, and waits there. An
 * each passes the lines; a watch, or looking at the path, finds the next files.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/container.h"
#include "base/reserved.h"
#include "file/each.h"
#include "transport/follow.h"

/* What comes after the each, which has ended. */
enum follow_after {
	FOLLOW_SAME,	  /* more of the file */
	FOLLOW_BEGINNING, /* it was truncated */
	FOLLOW_NEXT,	  /* another file */
};

struct follow_op {
	struct af_future future;
	struct afi_gate gate;
	char *path;
	af_each_fn fn;
	void *arg;
	bool from_end; /* of the first file */
	bool parts, always_polls;
	bool busy; /* the path cannot be opened yet */
	struct timeval poll;
	struct afi_deadline deadline;	/* of the next look, if loop is set */
	struct afi_follow_watch *watch; /* NULL: look */
	struct af_file *file;		/* NULL: there was none yet */
	struct af_future *each;		/* on it */
	struct stat st;			/* which file it is */
	int next;			/* the file that comes after it; -1 */
	bool draining;	/* next was known before the present read began */
	bool restarted; /* nothing was passed on since */
	enum follow_after after;
};

static struct follow_op *follow_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct follow_op, future);
}

static void follow_close(struct follow_op *follow)
{
	struct af_file *file = follow->file;
	struct af_future *each = follow->each;

	follow->file = NULL;
	follow->each = NULL;
	af_file_close(file);
	af_future_unref(each);
}

static void follow_stop_looking(struct follow_op *follow)
{
	if (follow->deadline.loop)
		afi_deadline_stop(&follow->deadline);
	follow->deadline.loop = NULL;
}

static void follow_finish(struct follow_op *follow, int error)
{
	follow_stop_looking(follow);
	afi_follow_watch_free(follow->watch);
	follow->watch = NULL;
	if (follow->next >= 0)
		close(follow->next);
	follow->next = -1;
	follow_close(follow);
	afi_future_finish(&follow->future, error);
}

static int follow_on_line(const char *data, size_t len, unsigned flags,
			  void *arg)
{
	struct follow_op *follow = arg;
	int r;

	if (follow->restarted)
		flags |= AFIO_RESTARTED;
	follow->restarted = false;
	follow->future.count += len;
	af_future_ref(&follow->future);
	follow->future.running = true;
	r = follow->fn(data, len, flags, follow->arg);
	follow->future.running = false;
	if (r && !follow->future.done)
		follow_finish(follow, r < 0 ? r : 0);
	af_future_unref(&follow->future);
	return 0; /* the file is closed, if that was the end */
}

/* Which file is followed; NULL: none yet. */
static const struct stat *follow_known(const struct follow_op *follow)
{
	return follow->file ? &follow->st : NULL;
}

/* Finds the next file, if it is not known yet: 0, or -errno. */
static int follow_find_next(struct follow_op *follow)
{
	struct afi_follow_watch *watch = follow->watch;
	bool sure = false, again = follow->busy;
	struct stat st;
	int fd = -EAGAIN;

	follow->busy = false;
	while (follow->next < 0) {
		if (watch)
			fd = afi_follow_watch_next(watch);
		if (watch)
			sure = afi_follow_watch_is_sure(watch);
		if (watch && !sure)
			afi_follow_watch_retry(watch);
		if (fd == -EAGAIN && (!sure || follow->always_polls || again) &&
		    !(watch && afi_follow_watch_has_more(watch)))
			fd = afi_follow_look(follow->path,
					     follow_known(follow));
		if (fd >= 0)
			fd = afi_follow_check(fd, &st);
		follow->busy = fd == -EBUSY;
		if (fd < 0)
			return fd == -EAGAIN || follow->busy ? 0 : fd;
		if (afi_follow_is_same(follow_known(follow), &st))
			close(fd); /* both have seen it */
		else
			follow->next = fd;
	}
	return 0;
}

static void follow_watch_files(const struct follow_op *follow)
{
	if (follow->watch)
		afi_follow_watch_files(follow->watch,
				       follow->file ? af_file_fd(follow->file)
						    : -1,
				       follow->next);
}

/* Whether the path need not be looked at. */
static bool follow_is_notified(const struct follow_op *follow)
{
	return !follow->always_polls && !follow->busy && follow->watch &&
	       afi_follow_watch_is_sure(follow->watch);
}

/* Whether the writer has gone over to the next file, or to one after it. */
static bool follow_is_over(const struct follow_op *follow)
{
	struct stat next, st;

	if (follow->watch && afi_follow_watch_has_more(follow->watch))
		return true;
	if (fstat(follow->next, &next) < 0)
		return false;
	if (next.st_size > 0)
		return true;
	return !follow_is_notified(follow) && stat(follow->path, &st) == 0 &&
	       !afi_follow_is_same(&next, &st) &&
	       !afi_follow_is_same(follow_known(follow), &st);
}

static void follow_on_tick(struct afi_deadline *deadline);

/* Looks again after a while, unless it would be notified; 0 or -ENOMEM. */
static int follow_wait(struct follow_op *follow)
{
	if (follow->deadline.loop || follow_is_notified(follow))
		return 0;
	return afi_deadline_start(&follow->deadline, follow->future.loop,
				  &follow->poll, follow_on_tick);
}

static enum afi_each_end follow_end_each(struct follow_op *follow,
					 enum follow_after after)
{
	follow->after = after;
	return AFI_EACH_END;
}

static enum afi_each_end follow_fail_each(struct follow_op *follow, int error)
{
	follow_finish(follow, error);
	return AFI_EACH_WAIT;
}

/* A read has found the end. */
static enum afi_each_end follow_on_end(struct afi_gate *gate)
{
	struct follow_op *follow = AFI_CONTAINER(gate, struct follow_op, gate);
	bool known = follow->next >= 0;
	int r;

	if (afi_follow_is_truncated(af_file_fd(follow->file)))
		return follow_end_each(follow, FOLLOW_BEGINNING);
	r = follow_find_next(follow);
	if (r < 0)
		return follow_fail_each(follow, r);
	if (follow->next >= 0 && !known)
		follow_watch_files(follow);
	if (follow->watch && afi_follow_watch_has_news(follow->watch))
		return AFI_EACH_AGAIN;
	if (follow->next >= 0 && follow_is_over(follow)) {
		if (follow->draining)
			return follow_end_each(follow, FOLLOW_NEXT);
		follow->draining = true;
		return AFI_EACH_AGAIN;
	}
	if (follow->parts && follow->file->in.len > 0)
		return follow_end_each(follow, FOLLOW_SAME);
	r = follow_wait(follow);
	return r < 0 ? follow_fail_each(follow, r) : AFI_EACH_WAIT;
}

static void follow_on_each(struct afi_waiter *waiter, struct af_future *done);

static void follow_start_each(struct follow_op *follow)
{
	struct af_future *f = &follow->future;

	follow->each = afi_each_line(follow->file, &follow->gate,
				     follow_on_line, follow);
	if (!follow->each->loop) {
		follow_finish(follow, follow->each->error);
		return;
	}
	afi_future_wait(follow->each, follow_on_each, NULL, NULL,
			af_future_ref(f));
}

/* Goes over to the next file. */
static void follow_go_over(struct follow_op *follow)
{
	follow_close(follow);
	if (afi_follow_check(follow->next, &follow->st) < 0) {
		follow->next = -1;
		follow_finish(follow, -EIO);
		return;
	}
	if (follow->from_end)
		lseek(follow->next, 0, SEEK_END);
	follow->from_end = false;
	follow->file = af_file_new(follow->future.loop, follow->next, 0);
	if (!follow->file) {
		follow_finish(follow, -errno);
		return;
	}
	follow->next = -1;
	follow->draining = false;
	follow_watch_files(follow);
	follow_start_each(follow);
}

static void follow_on_each(struct afi_waiter *waiter, struct af_future *done)
{
	struct af_future *f = waiter->child;
	struct follow_op *follow = follow_of(f);
	int r = done->error;

	if (f->done)
		goto out;
	if (r == 0 && follow->after == FOLLOW_BEGINNING) {
		r = (int)af_file_seek(follow->file, 0, SEEK_SET);
		follow->draining = false;
	}
	if (r < 0) {
		follow_finish(follow, r);
		goto out;
	}
	follow->restarted |= follow->after != FOLLOW_SAME;
	if (follow->after == FOLLOW_NEXT) {
		follow_go_over(follow);
	} else {
		af_future_unref(follow->each);
		follow_start_each(follow);
	}
out:
	af_future_unref(f);
}

/* The first file has appeared, perhaps. */
static void follow_try_first(struct follow_op *follow)
{
	int r = follow_find_next(follow);

	if (r == 0 && follow->next >= 0) {
		follow_go_over(follow);
		return;
	}
	if (r == 0)
		r = follow_wait(follow);
	if (r < 0)
		follow_finish(follow, r);
}

/* In a libevent callback: only queues what has to be done. */
static void follow_on_change(void *arg)
{
	struct follow_op *follow = arg;

	if (follow->file)
		afi_each_resume(follow->each);
	else
		follow_try_first(follow);
}

/* Whether a look finds what a notification should have told; no read. */
static bool follow_has_changed(const struct follow_op *follow)
{
	int fd = af_file_fd(follow->file);
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_size != lseek(fd, 0, SEEK_CUR))
		return true;
	if (follow->next >= 0)
		return follow_is_over(follow);
	if (follow->watch && afi_follow_watch_has_more(follow->watch))
		return true;
	/* What keeps the path from being looked at ends the operation. */
	if (stat(follow->path, &st) < 0)
		return errno != ENOENT && errno != ENOTDIR;
	return !afi_follow_is_same(follow_known(follow), &st);
}

static void follow_on_tick(struct afi_deadline *deadline)
{
	struct follow_op *follow =
		AFI_CONTAINER(deadline, struct follow_op, deadline);
	struct af_future *f = af_future_ref(&follow->future);
	int r = 0;

	follow_stop_looking(follow);
	if (!follow->file || follow_has_changed(follow))
		follow_on_change(follow);
	else if (follow->watch)
		afi_follow_watch_retry(follow->watch);
	if (!f->done)
		r = follow_wait(follow);
	if (r < 0)
		follow_finish(follow, r);
	af_future_unref(f);
}

static void follow_cancel(struct af_future *f)
{
	follow_finish(follow_of(f), -ECANCELED);
}

static void follow_destroy(struct af_future *f)
{
	free(follow_of(f)->path);
}

static void follow_describe(const struct af_future *f, FILE *out)
{
	fprintf(out, " %s, %zu bytes so far",
		AFI_CONTAINER(f, struct follow_op, future)->path, f->count);
}

static int follow_check_options(const struct af_follow_options *options)
{
	const struct timeval *poll = options->poll;

	return AFI_RESERVED_CLEAR(options) && afi_timeout_valid(poll) &&
			       !afi_timeout_zero(poll)
		       ? 0
		       : -EINVAL;
}

static void follow_set_options(struct follow_op *follow,
			       const struct af_follow_options *options)
{
	follow->from_end = options->from_end;
	follow->parts = options->parts;
	follow->always_polls = options->poll;
	follow->poll.tv_sec = 1;
	if (options->poll)
		follow->poll = *options->poll;
	follow->gate.limit = options->max_line ? options->max_line : SIZE_MAX;
	follow->gate.on_end = follow_on_end;
	follow->next = -1;
}

/* Opens what is there now. The watch comes first, so that nothing is missed. */
static void follow_start(struct follow_op *follow, bool must_exist)
{
	int fd;

	follow->watch = afi_follow_watch_new(follow->future.loop, follow->path,
					     follow_on_change, follow);
	fd = afi_follow_look(follow->path, follow_known(follow));
	if (fd == -EAGAIN && must_exist)
		fd = -ENOENT;
	follow->busy = fd == -EBUSY;
	if (fd < 0 && fd != -EAGAIN && !follow->busy) {
		follow_finish(follow, fd);
		return;
	}
	if (fd < 0) {
		/* One that appears later is read from its beginning. */
		follow->from_end &= follow->busy;
		follow_watch_files(follow);
		follow_try_first(follow);
		return;
	}
	fd = afi_follow_check(fd, &follow->st);
	if (fd < 0) {
		follow_finish(follow, fd);
		return;
	}
	follow->next = fd;
	follow_go_over(follow);
}

struct af_future *af_file_follow(struct af_loop *loop, const char *path,
				 const struct af_follow_options *options,
				 af_each_fn fn, void *arg)
{
	static const struct af_follow_options defaults;
	static const struct afi_future_ops ops = {
		.name = "follow",
		.size = sizeof(struct follow_op),
		.cancel = follow_cancel,
		.destroy = follow_destroy,
		.progress = afi_op_progress,
		.describe = follow_describe,
	};
	struct follow_op *follow;
	struct af_future *f;

	if (!options)
		options = &defaults;
	f = afi_operation_begin(
		loop, path && fn && follow_check_options(options) == 0, &ops);
	if (f->done)
		return f;
	f->since = afi_now_coarse();
	follow = follow_of(f);
	follow->fn = fn;
	follow->arg = arg;
	follow_set_options(follow, options);
	follow->path = afi_follow_copy(path, strlen(path));
	if (follow->path)
		follow_start(follow, options->must_exist);
	else
		follow_finish(follow, -ENOMEM);
	return f;
}
