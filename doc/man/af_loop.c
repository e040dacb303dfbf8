/* SPDX-License-Identifier: BSD-3-Clause */
/* af_loop(3): a loop on a base that also has an event of the program. */

#include <asyncfile.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	printf("an event of the program\n");
}

static void on_wake(struct af_future *sleep, void *arg)
{
	(void)sleep;
	(void)arg;
	printf("an operation of the loop\n");
}

int main(void)
{
	const struct timeval now = { 0, 0 }, soon = { .tv_usec = 10000 };
	struct event_base *base = event_base_new();
	struct af_loop *loop = af_loop_new(base);
	int r;

	if (!base || !loop) {
		perror("no loop");
		return 1;
	}
	event_base_once(base, -1, EV_TIMEOUT, on_timer, NULL, &now);
	af_on_done(af_sleep(loop, &soon), on_wake, NULL);
	r = af_loop_run(loop); /* until nothing is left to happen */
	if (r < 0)
		fprintf(stderr, "the loop failed: %s\n", strerror(-r));
	af_loop_free(loop);
	event_base_free(base);
	return r != 0;
}
