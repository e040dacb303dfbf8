/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * af_loop_post(): the one way into a loop that the program's other threads
 * have. Knows no future.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/container.h"
#include "loop/loop.h"

struct post_call {
	struct afi_post post;
	af_post_fn fn;
	void *arg;
};

static void post_run(struct afi_task *task)
{
	struct post_call *call =
		AFI_CONTAINER(task, struct post_call, post.task);
	af_post_fn fn = call->fn;
	void *arg = call->arg;

	/* Before the call: fn may end this thread. */
	free(call);
	fn(arg);
}

int af_loop_post(struct af_loop *loop, af_post_fn fn, void *arg)
{
	struct post_call *call;

	if (!loop || !fn)
		return -EINVAL;
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	call->post.run = post_run;
	call->fn = fn;
	call->arg = arg;
	/* The loop's own thread needs nobody to wake it. */
	if (afi_loop_check(loop) == 0)
		afi_loop_ready(loop, &call->post.task, post_run);
	else
		afi_mailbox_put(&loop->mailbox, &call->post);
	return 0;
}
