/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is left of a deadline.
 */
#include "config.h"

#include <stddef.h>
#include <time.h>

#include "tls/timeleft.h"

static int64_t timeleft_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool afi_timeleft_valid(const struct timeval *timeout)
{
	return !timeout || (timeout->tv_sec >= 0 && timeout->tv_usec >= 0 &&
			    timeout->tv_usec < 1000000);
}

void afi_timeleft_set(struct afi_timeleft *timeleft,
		      const struct timeval *timeout)
{
	const int64_t forever = INT64_MAX / 2000000;

	/* So long is for ever, and must not overflow. */
	timeleft->set = timeout && timeout->tv_sec < forever;
	if (timeleft->set)
		timeleft->at = timeleft_now() +
			       (int64_t)timeout->tv_sec * 1000000 +
			       timeout->tv_usec;
}

const struct timeval *afi_timeleft_get(const struct afi_timeleft *timeleft,
				       struct timeval *left)
{
	int64_t us;

	if (!timeleft->set)
		return NULL;
	us = timeleft->at - timeleft_now();
	us = us > 0 ? us : 0;
	left->tv_sec = us / 1000000;
	left->tv_usec = us % 1000000;
	return left;
}
