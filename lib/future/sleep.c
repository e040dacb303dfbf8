/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A future that is done after some time.
 */
#include "config.h"

#include <errno.h>

#include "future/future.h"

static void sleep_cancel(struct af_future *f)
{
	afi_future_finish(f, -ECANCELED);
}

static void sleep_expire(struct af_future *f)
{
	afi_future_finish(f, 0);
}

struct af_future *af_sleep(struct af_loop *loop, const struct timeval *time)
{
	static const struct afi_future_ops sleep_ops = {
		.name = "sleep",
		.size = sizeof(struct af_future),
		.cancel = sleep_cancel,
		.expire = sleep_expire,
	};
	struct af_future *f;

	f = afi_operation_begin(loop, time && afi_timeout_valid(time),
				&sleep_ops);
	if (afi_future_limit(f, time) < 0)
		afi_future_finish(f, -ENOMEM);
	return f;
}
