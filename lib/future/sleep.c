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

	if (!loop || !time || !afi_timeout_valid(time))
		return afi_future_failed(loop, -EINVAL);
	if (!afi_loop_is_mine(loop))
		return afi_future_failed(loop, -EPERM);
	if (!afi_loop_alive(loop))
		return afi_future_failed(loop, -ECANCELED);
	f = afi_operation_new(loop, &sleep_ops);
	if (!f)
		return afi_future_failed(loop, -ENOMEM);
	if (afi_future_limit(f, time) < 0)
		afi_future_finish(f, -ENOMEM);
	return f;
}
