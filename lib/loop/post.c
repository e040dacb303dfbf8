/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Posts: functions that other threads of the program have a loop call, and the
 * handle, which outlives the loop. Knows no future.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
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

static struct post_call *post_new(af_post_fn fn, void *arg)
{
	struct post_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->post.run = post_run;
	call->fn = fn;
	call->arg = arg;
	return call;
}

static void post_send(struct af_loop *loop, struct post_call *call)
{
	/* The loop's own thread needs nobody to wake it. */
	if (afi_loop_check(loop) == 0)
		afi_loop_ready(loop, &call->post.task, post_run);
	else
		afi_mailbox_put(&loop->mailbox, &call->post);
}

int af_loop_post(struct af_loop *loop, af_post_fn fn, void *arg)
{
	struct post_call *call;

	if (!loop || !fn)
		return -EINVAL;
	call = post_new(fn, arg);
	if (!call)
		return -ENOMEM;
	post_send(loop, call);
	return 0;
}

/* One for each loop is enough; the loop has a reference of its own. */
struct af_post_handle {
	struct afi_member member; /* of the loop; its thread only */
	atomic_uint refs;
	pthread_mutex_t lock;
	struct af_loop *loop; /* under the lock; NULL: freed */
};

/* The loop ends: posts are refused from now on. */
static void post_handle_orphan(struct afi_member *member)
{
	struct af_post_handle *handle =
		AFI_CONTAINER(member, struct af_post_handle, member);

	afi_loop_leave(&handle->loop->first, member);
	handle->loop->post_handle = NULL;
	pthread_mutex_lock(&handle->lock);
	handle->loop = NULL;
	pthread_mutex_unlock(&handle->lock);
	af_post_handle_unref(handle);
}

struct af_post_handle *af_post_handle_new(struct af_loop *loop)
{
	struct af_post_handle *handle;
	int r = afi_loop_usable(loop);

	if (r < 0) {
		errno = -r;
		return NULL;
	}
	if (loop->post_handle)
		return af_post_handle_ref(loop->post_handle);
	handle = calloc(1, sizeof(*handle));
	if (!handle)
		return NULL;
	atomic_init(&handle->refs, 2);
	pthread_mutex_init(&handle->lock, NULL);
	handle->loop = loop;
	loop->post_handle = handle;
	afi_loop_join(&loop->first, &handle->member, post_handle_orphan);
	return handle;
}

int af_post_handle_post(struct af_post_handle *handle, af_post_fn fn, void *arg)
{
	struct post_call *call;
	bool sent;

	if (!handle || !fn)
		return -EINVAL;
	call = post_new(fn, arg);
	if (!call)
		return -ENOMEM;
	pthread_mutex_lock(&handle->lock);
	sent = handle->loop;
	if (sent)
		post_send(handle->loop, call);
	pthread_mutex_unlock(&handle->lock);
	if (sent)
		return 0;
	free(call);
	return -ECANCELED;
}

struct af_post_handle *af_post_handle_ref(struct af_post_handle *handle)
{
	if (handle)
		atomic_fetch_add_explicit(&handle->refs, 1,
					  memory_order_relaxed);
	return handle;
}

void af_post_handle_unref(struct af_post_handle *handle)
{
	if (!handle || atomic_fetch_sub_explicit(&handle->refs, 1,
						 memory_order_acq_rel) > 1)
		return;
	pthread_mutex_destroy(&handle->lock);
	free(handle);
}
