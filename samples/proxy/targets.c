/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#include <asyncfile.h>

#include "targets.h"

/* Milliseconds between two attempts of all targets. */
#define PAUSE_MIN 50
#define PAUSE_MAX 1000

int targets_parse(struct targets *targets, char *const texts[], size_t n)
{
	int r = 0;

	targets->list = calloc(n, sizeof(*targets->list));
	if (!targets->list)
		return -ENOMEM;
	for (; r == 0 && targets->n < n; targets->n += r == 0)
		r = address_parse(&targets->list[targets->n],
				  texts[targets->n]);
	return r;
}

void targets_clear(struct targets *targets)
{
	while (targets->n > 0)
		address_clear(&targets->list[--targets->n]);
	free(targets->list);
}

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct timeval milliseconds(long long ms)
{
	return (struct timeval){
		.tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000),
	};
}

static struct af_future *attempt_next(struct af_future *before, void *arg);

/* NULL: there is no time for another one. */
static struct af_future *attempt_pause(struct attempt *attempt)
{
	const struct timeval pause = milliseconds(attempt->pause);

	if (now() + attempt->pause >= attempt->end)
		return NULL;
	attempt->left = attempt->targets->n;
	attempt->pause *= 2;
	if (attempt->pause > PAUSE_MAX)
		attempt->pause = PAUSE_MAX;
	return af_then(af_sleep(attempt->loop, &pause), attempt_next, attempt);
}

static struct af_future *attempt_failed(struct af_future *failed, void *arg)
{
	struct attempt *attempt = arg;

	if (af_future_error(failed) == -ECANCELED)
		return NULL;
	return attempt->left > 0 ? attempt_next(failed, attempt)
				 : attempt_pause(attempt);
}

/* Each gets its share of the time, or one that hangs would take all of it. */
static struct af_future *attempt_next(struct af_future *before, void *arg)
{
	struct attempt *attempt = arg;
	const struct targets *targets = attempt->targets;
	const struct address *target = &targets->list[attempt->at];
	long long share = targets->timeout * 1000LL / (long long)targets->n;
	long long left = attempt->end - now();
	const struct timeval limit = milliseconds(left < 1	 ? 1
						  : left < share ? left
								 : share);

	(void)before;
	attempt->at = (attempt->at + 1) % targets->n;
	attempt->left--;
	return af_catch(af_connect(attempt->loop, target->host, target->service,
				   NULL, &limit),
			attempt_failed, attempt);
}

struct af_future *targets_connect(struct targets *targets, struct af_loop *loop,
				  struct attempt *attempt)
{
	*attempt = (struct attempt){
		.loop = loop,
		.targets = targets,
		.at = targets->turn,
		.left = targets->n,
		.pause = PAUSE_MIN,
		.end = now() + targets->timeout * 1000LL,
	};
	targets->turn = (targets->turn + 1) % targets->n;
	return attempt_next(NULL, attempt);
}
