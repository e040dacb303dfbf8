/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Futures that the program makes and resolves itself.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "future/future.h"

struct promise {
	struct af_future future;
	af_cancel_fn cancel;
	void *arg;
	void *value;
	af_free_fn free_value;
	bool is_file; /* the value, which one caller may take */
	char *text;   /* of its failure, or NULL */
};

static struct promise *promise_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct promise, future);
}

static void promise_cancel(struct af_future *f)
{
	struct promise *promise = promise_of(f);
	af_cancel_fn cancel = promise->cancel;

	af_future_ref(f);
	promise->cancel = NULL; /* once */
	if (cancel)
		cancel(f, promise->arg);
	if (!f->done) /* it may have found a better end */
		afi_future_finish(f, -ECANCELED);
	af_future_unref(f);
}

static void promise_destroy(struct af_future *f)
{
	struct promise *promise = promise_of(f);

	free(promise->text);
	if (promise->free_value)
		promise->free_value(promise->value);
}

static void *promise_value(const struct af_future *f)
{
	const struct promise *promise =
		AFI_CONTAINER(f, const struct promise, future);

	return promise->is_file ? NULL : promise->value;
}

static struct af_file *promise_take_file(struct af_future *f)
{
	struct promise *promise = promise_of(f);
	struct af_file *file = promise->value;

	if (!promise->is_file)
		return NULL;
	promise->value = NULL;
	promise->free_value = NULL;
	return file;
}

static const char *promise_text(const struct af_future *f)
{
	return AFI_CONTAINER(f, const struct promise, future)->text;
}

static const struct afi_future_ops promise_ops = {
	.name = "program's future",
	.size = sizeof(struct promise),
	.cancel = promise_cancel,
	.destroy = promise_destroy,
	.value = promise_value,
	.take_file = promise_take_file,
	.error_text = promise_text,
};

/* A pending one that nobody knows; or another, failed one. */
static struct af_future *promise_new(struct af_loop *loop)
{
	struct af_future *f = afi_operation_take(loop, true, &promise_ops);

	if (f->done)
		return f;
	promise_of(f)->cancel = NULL;
	promise_of(f)->value = NULL;
	promise_of(f)->free_value = NULL;
	promise_of(f)->is_file = false;
	promise_of(f)->text = NULL;
	return f;
}

struct af_future *af_future_new(struct af_loop *loop, af_cancel_fn cancel,
				void *arg)
{
	struct af_future *f = promise_new(loop);

	if (f->done)
		return f;
	promise_of(f)->cancel = cancel;
	promise_of(f)->arg = arg;
	/* Without a deadline this cannot fail. */
	afi_operation_wait(f, NULL);
	return f;
}

/* One that is done already, with a value to come; or another, failed one. */
static struct af_future *promise_done(struct af_loop *loop, int error)
{
	struct af_future *f = promise_new(loop);

	if (!f->done)
		afi_future_finish_new(f, error);
	return f;
}

/* Whether a future can fail with it; -EINPROGRESS says that it is pending. */
static bool promise_is_error(int error)
{
	return error < 0 && error != -EINPROGRESS;
}

struct af_future *af_succeeded(struct af_loop *loop, void *value,
			       af_free_fn free_value)
{
	struct af_future *f = promise_done(loop, 0);

	if (f->ops == &promise_ops) {
		promise_of(f)->value = value;
		promise_of(f)->free_value = free_value;
	} else if (free_value) {
		free_value(value);
	}
	return f;
}

struct af_future *af_failed(struct af_loop *loop, int error)
{
	return promise_done(loop, promise_is_error(error) ? error : -EINVAL);
}

/* Whether the program may end this future: 0 or -errno. */
static int promise_check(const struct af_future *f)
{
	if (!f)
		return -EINVAL;
	if (f->done)
		return -EALREADY;
	return f->ops == &promise_ops ? 0 : -EINVAL;
}

static int promise_resolve(struct af_future *f, void *value,
			   af_free_fn free_value, bool is_file)
{
	struct promise *promise;
	int r = promise_check(f);

	if (r < 0)
		return r;
	promise = promise_of(f);
	promise->value = value;
	promise->free_value = free_value;
	promise->is_file = is_file;
	afi_future_finish(f, 0);
	return 0;
}

int af_future_resolve(struct af_future *f, void *value, af_free_fn free_value)
{
	return promise_resolve(f, value, free_value, false);
}

int afi_promise_resolve_file(struct af_future *f, struct af_file *file,
			     af_free_fn close_file)
{
	return promise_resolve(f, file, close_file, true);
}

int af_future_fail_text(struct af_future *f, int error, const char *text)
{
	size_t size = text ? strlen(text) + 1 : 0;
	char *copy;
	int r = promise_check(f);

	if (r == 0 && !promise_is_error(error))
		r = -EINVAL;
	if (r < 0)
		return r;
	/* Without memory, the error alone must do. */
	copy = size > 0 ? malloc(size) : NULL;
	promise_of(f)->text = copy ? memcpy(copy, text, size) : NULL;
	afi_future_finish(f, error);
	return 0;
}

int af_future_fail(struct af_future *f, int error)
{
	return af_future_fail_text(f, error, NULL);
}
