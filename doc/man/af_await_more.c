/* SPDX-License-Identifier: BSD-3-Clause */
/* af_await(3): a wait inside a libevent callback. */

#include <asyncfile.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	const char *const argv[] = { "echo", "from a child", NULL };
	struct af_loop *loop = arg;
	struct af_future *run = af_run(loop, argv, NULL);
	int r = af_await(run); /* event_base_loop() would fail here */

	(void)fd;
	(void)what;
	if (r == 0)
		printf("%s", af_future_output(run)->out);
	else
		fprintf(stderr, "echo: %s\n", strerror(-r));
	af_future_unref(run);
}

int main(void)
{
	const struct timeval now = { 0, 0 };
	struct event_base *base = event_base_new();
	struct af_loop *loop = af_loop_new(base);
	int r;

	if (!base || !loop) {
		perror("no loop");
		return 1;
	}
	event_base_once(base, -1, EV_TIMEOUT, on_event, loop, &now);
	r = event_base_dispatch(base);
	af_loop_free(loop);
	event_base_free(base);
	return r < 0;
}
