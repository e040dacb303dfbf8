/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Futures that the program makes and resolves itself.
 */
#include "config.h"

#include <errno.h>

#include "future/future.h"

struct maker {
	struct af_future future;
	af_cancel_fn cancel;
	void *arg;
	void *value;
	void (*free_value)(void *);
};

static void maker_cancel(struct af_future *f)
{
	struct maker *maker = (struct maker *)f;
	af_cancel_fn cancel = maker->cancel;

	af_future_ref(f);
	maker->cancel = NULL; /* once */
	if (cancel)
		cancel(f, maker->arg);
	if (!f->done) /* it may have found a better end */
		afi_future_finish(f, -ECANCELED);
	af_future_unref(f);
}

static void maker_destroy(struct af_future *f)
{
	struct maker *maker = (struct maker *)f;

	if (maker->free_value)
		maker->free_value(maker->value);
}

static const struct afi_future_ops maker_ops = {
	.name = "program's future",
	.size = sizeof(struct maker),
	.cancel = maker_cancel,
	.destroy = maker_destroy,
};

struct af_future *af_future_new(struct af_loop *loop, af_cancel_fn cancel,
				void *arg)
{
	struct af_future *f;

	if (!loop)
		return afi_future_failed(NULL, -EINVAL);
	if (!afi_loop_alive(loop))
		return afi_future_failed(loop, -ECANCELED);
	f = afi_operation_new(loop, &maker_ops);
	if (!f)
		return afi_future_failed(loop, -ENOMEM);
	((struct maker *)f)->cancel = cancel;
	((struct maker *)f)->arg = arg;
	f->since = afi_now_coarse();
	return f;
}

/* Whether the program may end this future: 0 or -errno. */
static int check(const struct af_future *f)
{
	if (!f)
		return -EINVAL;
	if (f->done)
		return -EALREADY;
	return f->ops == &maker_ops ? 0 : -EINVAL;
}

int af_future_resolve(struct af_future *f, void *value,
		      void (*free_value)(void *))
{
	struct maker *maker = (struct maker *)f;
	int r = check(f);

	if (r < 0)
		return r;
	maker->value = value;
	maker->free_value = free_value;
	afi_future_finish(f, 0);
	return 0;
}

int af_future_fail(struct af_future *f, int error)
{
	int r = check(f);

	/* That one says that it is pending. */
	if (r == 0 && (error >= 0 || error == -EINPROGRESS))
		r = -EINVAL;
	if (r < 0)
		return r;
	afi_future_finish(f, error);
	return 0;
}

void *af_future_value(const struct af_future *f)
{
	if (!f || !f->done)
		return NULL;
	if (f->source)
		f = f->source;
	return f->ops == &maker_ops ? ((const struct maker *)f)->value : NULL;
}
