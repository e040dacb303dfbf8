/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dump: what is pending, and which future waits for which, to find out why
 * nothing happens. Reads everything, changes nothing.
 */
#include "config.h"

#include <errno.h>

#include "base/container.h"
#include "future/await.h"

/* Chains can be long; what is interesting is at their root. */
#define LEVELS_MAX 8

static void dump_future(FILE *out, int level, const struct af_future *f)
{
	int64_t left;

	fprintf(out, "%*s%s", 2 * level, "", f->ops->name);
	/* A wait below another one goes on only after that. */
	if (f->done)
		fputs(", done", out);
	else if (f->ops->describe)
		f->ops->describe(f, out);
	if (f->running)
		fputs(", running", out);
	if (f->deadline) {
		left = f->deadline->at - afi_now();
		fprintf(out, ", %.3f s left",
			left > 0 ? (double)left * 1e-9 : 0);
	}
	if (f->since)
		fprintf(out, ", for %.3f s",
			(double)(afi_now_coarse() - f->since) * 1e-9);
	fputc('\n', out);
}

static void dump_waiters(FILE *out, int level, const struct af_future *f)
{
	const struct afi_waiter *waiter;

	for (waiter = f->waiters; waiter; waiter = waiter->next) {
		if (!waiter->child) {
			fprintf(out, "%*sdone callback\n", 2 * level, "");
		} else if (level == LEVELS_MAX) {
			fprintf(out, "%*sand so on\n", 2 * level, "");
		} else {
			dump_future(out, level, waiter->child);
			dump_waiters(out, level + 1, waiter->child);
		}
	}
}

int af_loop_dump(struct af_loop *loop, FILE *out)
{
	struct afi_member *member;
	struct af_future *f;
	const struct afi_await *await;

	if (!loop || !out)
		return -EINVAL;
	if (!afi_loop_is_mine(loop))
		return -EPERM;
	if (loop->freed)
		return -EINVAL;
	TAILQ_FOREACH (member, &loop->pending, entry) {
		f = AFI_CONTAINER(member, struct af_future, pending);
		dump_future(out, 0, f);
		dump_waiters(out, 1, f);
	}
	for (await = loop->awaits; await; await = await->outer) {
		fputs(await == loop->awaits ? "waiting for " : "below it ",
		      out);
		dump_future(out, 0, await->future);
	}
	return ferror(out) ? -EIO : 0;
}
