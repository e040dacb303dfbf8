/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files as results of futures: how a maker puts one in, and how a caller takes
 * it out.
 */
#include "config.h"

#include <errno.h>

#include "file/file.h"

static void hand_over_close(void *file)
{
	af_file_close(file);
}

int af_future_resolve_file(struct af_future *f, struct af_file *file)
{
	return file ? afi_promise_resolve_file(f, file, hand_over_close)
		    : -EINVAL;
}

struct af_file *af_future_take_file(struct af_future *f)
{
	if (!f || !f->done || f->error)
		return NULL;
	f = afi_future_owner(f);
	return f->ops->take_file ? f->ops->take_file(f) : NULL;
}
