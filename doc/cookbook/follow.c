/* SPDX-License-Identifier: BSD-3-Clause */
/* Follows a log over rotation and truncation, until SIGTERM. */

#include <asyncfile.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static int on_line(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)arg;
	if (flags & AFIO_RESTARTED)
		fprintf(stderr, "another file, or truncated\n");
	if (fwrite(data, 1, len, stdout) != len)
		return -errno;
	if (flags & AFIO_EOF && putchar('\n') == EOF) /* its last line */
		return -errno;
	return fflush(stdout) == EOF ? -errno : 0;
}

static void on_sigterm(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	af_future_cancel(arg);
}

int main(int argc, char *argv[])
{
	const struct af_follow_options options = { .max_line = 65536 };
	struct af_loop *loop = af_loop_new(NULL);
	struct event *sigterm = NULL;
	struct af_future *all;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: follow PATH\n");
		return 2;
	}
	all = af_file_follow(loop, argv[1], &options, on_line, NULL);
	sigterm = evsignal_new(af_loop_base(loop), SIGTERM, on_sigterm, all);
	if (sigterm)
		event_add(sigterm, NULL);
	r = af_await(all);
	if (r == -ECANCELED)
		r = 0;
	else if (r < 0)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
	if (sigterm)
		event_free(sigterm);
	af_future_unref(all);
	af_loop_free(loop);
	return r != 0;
}
