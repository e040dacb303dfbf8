/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads a request from each of two peers, of which one says too little. */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct af_future *give_up(struct af_future *idle, void *arg)
{
	(void)arg;
	return af_failed(af_future_loop(idle), -ETIMEDOUT);
}

/* Up to an empty line: in 5 s, and without a pause of 100 ms. */
static struct af_future *read_request(struct af_file *file)
{
	const struct timeval whole = { .tv_sec = 5 };
	const struct timeval pause = { .tv_usec = 100000 };
	struct af_future *either[2];

	either[0] = af_with_timeout(
		af_file_read_until(file, "\n\n", 2, 4096, 0, NULL), &whole);
	either[1] = af_then(af_file_idle(file, &pause), give_up, NULL);
	return af_race(af_file_loop(file), either, 2);
}

int main(void)
{
	const char *const sent[] = { "GET /\n\n", "GET /slow" };
	struct af_loop *loop = af_loop_new(NULL);

	for (int i = 0; i < 2; i++) {
		struct af_future *request;
		struct af_file *file;
		int fds[2], r;

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ||
		    write(fds[1], sent[i], strlen(sent[i])) < 0)
			return 1;
		file = af_file_new(loop, fds[0], 0);
		request = read_request(file);
		r = af_await(request);
		if (r == 0)
			printf("request: %.5s\n", af_future_data(request, NULL));
		else
			printf("closed: %s\n", strerror(-r));
		af_future_unref(request);
		af_file_close(file);
		close(fds[1]);
	}
	af_loop_free(loop);
	return 0;
}
