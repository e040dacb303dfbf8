/* SPDX-License-Identifier: BSD-3-Clause */
/* Waits for a command inside a libevent callback. */

#include <asyncfile.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

/* What the program's own events do meanwhile: nothing. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	int *ticks = arg;

	(void)fd;
	(void)what;
	++*ticks;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	const char *const argv[] = { "sh", "-c", "sleep 0.1; echo done", NULL };
	const struct timeval limit = { .tv_sec = 60 };
	const struct timeval often = { .tv_usec = 1000 };
	struct af_loop *loop = arg;
	struct event *tick;
	struct af_future *run;
	int r, ticks = 0;

	(void)fd;
	(void)what;
	tick = event_new(af_loop_base(loop), -1, EV_PERSIST, on_tick, &ticks);
	if (tick)
		event_add(tick, &often);
	run = af_run(loop, argv, NULL);
	r = af_await_for(run, &limit);
	if (r == -ETIMEDOUT)
		af_future_cancel(run); /* this kills the command */
	if (r == 0)
		printf("%s", af_future_output(run)->out);
	else
		fprintf(stderr, "no result: %s\n", strerror(-r));
	printf("%d ticks meanwhile\n", ticks);
	af_future_unref(run);
	if (tick)
		event_free(tick);
}

int main(void)
{
	const struct timeval soon = { 0 };
	struct event_base *base = event_base_new();
	struct af_loop *loop = base ? af_loop_new(base) : NULL;
	int r = -1;

	if (loop &&
	    event_base_once(base, -1, EV_TIMEOUT, on_timer, loop, &soon) == 0)
		r = event_base_dispatch(base);
	if (r < 0)
		fprintf(stderr, "the event base does not run\n");
	af_loop_free(loop);
	if (base)
		event_base_free(base);
	return r < 0;
}
