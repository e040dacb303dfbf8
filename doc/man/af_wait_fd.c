/* SPDX-License-Identifier: BSD-3-Clause */
/* af_wait_fd(3): wait for a descriptor that other code reads. */

#include <asyncfile.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	const struct timeval limit = { .tv_sec = 60 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *ready;
	char buf[8];
	int fds[2], r;

	if (pipe(fds) < 0) {
		perror("pipe");
		return 1;
	}
	ready = af_wait_fd(loop, fds[0], EV_READ, &limit);
	if (write(fds[1], "hello", 5) != 5)
		perror("write");
	r = af_await(ready);
	af_future_cancel(ready); /* before the descriptor is closed */
	af_future_unref(ready);
	if (r == 0)
		printf("ready: %zd bytes\n", read(fds[0], buf, sizeof(buf)));
	else
		fprintf(stderr, "not ready: %s\n", strerror(-r));
	close(fds[0]);
	close(fds[1]);
	af_loop_free(loop);
	return r != 0;
}
