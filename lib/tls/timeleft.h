/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A deadline for several operations one after the other.
 */
#ifndef AFI_TLS_TIMELEFT_H
#define AFI_TLS_TIMELEFT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>

struct afi_timeleft {
	bool set;
	int64_t at; /* in microseconds of the monotonic clock */
};

/* Whether a timeout is neither negative nor not normalised. */
bool afi_timeleft_valid(const struct timeval *timeout);
/* From now; NULL: there is none. */
void afi_timeleft_set(struct afi_timeleft *timeleft,
		      const struct timeval *timeout);
/* What is left of it, in *left, which is returned; NULL: there is none. */
const struct timeval *afi_timeleft_get(const struct afi_timeleft *timeleft,
				       struct timeval *left);

#endif
