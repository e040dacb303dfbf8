/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waits until a file has moved no byte for some time. Reads and writes only set
 * a flag; timers look at it, four times in that time. Knows no transport.
 */
#include "config.h"

#include <errno.h>

#include "base/container.h"
#include "file/op.h"

/* How often in the time of one its timer looks. */
#define LOOKS 4

struct idle {
	struct af_future future;
	struct afi_other other; /* in the list of its file */
	struct af_file *file;
	struct afi_deadline timer; /* without a loop: it is not started */
	int64_t time;		   /* nanoseconds */
	int64_t moved_at;	   /* or later: when the last byte was moved */
};

static struct idle *idle_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct idle, future);
}

static void idle_cancel(struct af_future *f);

static void idle_describe(const struct af_future *f, FILE *out)
{
	fprintf(out, " fd %d",
		AFI_CONTAINER(f, const struct idle, future)->file->user_fd);
}

static const struct afi_future_ops idle_ops = {
	.name = "idle",
	.size = sizeof(struct idle),
	.cancel = idle_cancel,
	.describe = idle_describe,
};

static void idle_finish(struct idle *idle, int error)
{
	if (idle->timer.loop)
		afi_deadline_stop(&idle->timer);
	afi_file_drop_other(&idle->other);
	afi_future_finish(&idle->future, error);
}

static void idle_cancel(struct af_future *f)
{
	idle_finish(idle_of(f), -ECANCELED);
}

/* Whoever finds the flag set takes it down, and has all learn of it. */
static void idle_look(struct af_file *file, int64_t now)
{
	struct afi_other *other;

	if (!file->moved)
		return;
	file->moved = false;
	LIST_FOREACH (other, &file->others, entry)
		if (other->future->ops == &idle_ops)
			idle_of(other->future)->moved_at = now;
}

static int idle_start_timer(struct idle *idle, int64_t now);

static void idle_on_timer(struct afi_deadline *timer)
{
	struct idle *idle = AFI_CONTAINER(timer, struct idle, timer);
	int64_t now = afi_now();
	int r;

	timer->loop = NULL;
	idle_look(idle->file, now);
	r = now - idle->moved_at >= idle->time ? 0
					       : idle_start_timer(idle, now);
	if (r <= 0)
		idle_finish(idle, r);
}

/* 1: it has been started; -ENOMEM. */
static int idle_start_timer(struct idle *idle, int64_t now)
{
	int64_t left = idle->moved_at + idle->time - now;
	int64_t us =
		(idle->time / LOOKS < left ? idle->time / LOOKS : left) / 1000 +
		1;
	const struct timeval tv = { .tv_sec = us / 1000000,
				    .tv_usec = us % 1000000 };
	int r = afi_deadline_start(&idle->timer, idle->future.loop, &tv,
				   idle_on_timer);

	if (r == 0)
		return 1;
	idle->timer.loop = NULL;
	return r;
}

/* In nanoseconds; a time that is longer than all is for ever. */
static int64_t idle_nanoseconds(const struct timeval *time)
{
	const int64_t max = INT64_MAX / 1000000000 / 4;
	int64_t sec = time->tv_sec < max ? time->tv_sec : max;

	return sec * 1000000000 + time->tv_usec * INT64_C(1000);
}

struct af_future *af_file_idle(struct af_file *file, const struct timeval *time)
{
	int r = afi_file_check(file);
	struct af_future *f;
	struct idle *idle;
	int64_t now;

	if (file && (!time || !afi_timeout_valid(time)))
		r = -EINVAL;
	f = afi_op_new(file, &idle_ops, r);
	if (f->done)
		return f;
	idle = idle_of(f);
	idle->file = file;
	idle->time = idle_nanoseconds(time);
	now = afi_now();
	/* For the others: what was moved before this one does not count here. */
	idle_look(file, now);
	idle->moved_at = now;
	afi_file_add_other(file, &idle->other, f);
	r = idle->time == 0 ? 0 : idle_start_timer(idle, now);
	if (r <= 0)
		idle_finish(idle, r);
	return f;
}
