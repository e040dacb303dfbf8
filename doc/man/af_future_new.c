/* SPDX-License-Identifier: BSD-3-Clause */
/* af_future_new(3): a future that is done when a signal arrives. */

#include <asyncfile.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct watch {
	struct event *event;
	struct af_future *done;
};

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct watch *watch = arg;

	(void)sig;
	(void)what;
	event_del(watch->event);
	af_future_resolve(watch->done, NULL, NULL);
}

/* The future was cancelled: the signal is not watched any more. */
static void on_cancel(struct af_future *f, void *arg)
{
	struct watch *watch = arg;

	(void)f;
	event_del(watch->event);
}

static struct af_future *watch_signal(struct watch *watch, struct af_loop *loop,
				      int sig)
{
	watch->event = evsignal_new(af_loop_base(loop), sig, on_signal, watch);
	if (!watch->event || event_add(watch->event, NULL) < 0)
		return af_failed(loop, -ENOMEM);
	watch->done = af_future_new(loop, on_cancel, watch);
	return watch->done;
}

int main(void)
{
	const struct timeval limit = { .tv_sec = 60 };
	struct af_loop *loop = af_loop_new(NULL);
	struct watch watch = { NULL, NULL };
	struct af_future *f;
	int r;

	if (!loop) {
		perror("no loop");
		return 1;
	}
	f = af_with_timeout(watch_signal(&watch, loop, SIGUSR1), &limit);
	raise(SIGUSR1);
	r = af_await(f);
	printf("%s\n", r == 0 ? "the signal came" : strerror(-r));
	af_future_unref(f);
	if (watch.event)
		event_free(watch.event);
	af_loop_free(loop);
	return r != 0;
}
