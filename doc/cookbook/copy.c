/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies a file, shows how far it is, and can be interrupted. */

#include <asyncfile.h>
#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct copy {
	struct af_future *done;
	int64_t size; /* negative: not known */
};

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	const struct copy *copy = arg;
	double n = (double)af_future_count(copy->done);

	(void)fd;
	(void)what;
	if (copy->size > 0)
		fprintf(stderr, "\r%3.0f %%", 100 * n / (double)copy->size);
	else
		fprintf(stderr, "\r%.1f MB", n / 1e6);
}

static void on_sigint(evutil_socket_t sig, short what, void *arg)
{
	struct copy *copy = arg;

	(void)sig;
	(void)what;
	af_future_cancel(copy->done);
}

/* Returns 0 once the kernel has everything, or a negative errno. */
static int copy_file(struct af_loop *loop, struct af_file *from,
		     struct af_file *to)
{
	const struct timeval second = { .tv_sec = 1 };
	struct event_base *base = af_loop_base(loop);
	struct copy copy = { .size = af_file_size(from) };
	struct af_future *end;
	struct event *tick, *sigint;
	int r = -ENOMEM;

	copy.done = af_file_copy(from, to, -1, NULL);
	tick = event_new(base, -1, EV_PERSIST, on_tick, &copy);
	sigint = evsignal_new(base, SIGINT, on_sigint, &copy);
	if (tick && sigint && event_add(tick, &second) == 0 &&
	    event_add(sigint, NULL) == 0)
		r = af_await(copy.done);
	if (r == 0) {
		end = af_file_finish(to, NULL); /* a late error, too */
		r = af_await(end);
		af_future_unref(end);
	}
	fprintf(stderr, "\r%zu bytes\n", af_future_count(copy.done));
	if (tick)
		event_free(tick);
	if (sigint)
		event_free(sigint);
	af_future_unref(copy.done);
	return r;
}

int main(int argc, char *argv[])
{
	struct af_file *from = NULL, *to = NULL;
	struct af_loop *loop = af_loop_new(NULL);
	char part[PATH_MAX];
	int r = -EINVAL;

	if (argc != 3 || snprintf(part, sizeof(part), "%s.part", argv[2]) >=
				 (int)sizeof(part)) {
		fprintf(stderr, "usage: copy FROM TO\n");
		goto out;
	}
	from = af_file_open(loop, argv[1], "r");
	to = from ? af_file_open(loop, part, "w") : NULL;
	r = to ? copy_file(loop, from, to) : -errno;
	if (r == 0 && rename(part, argv[2]) < 0)
		r = -errno;
	if (r < 0)
		fprintf(stderr, "not copied: %s\n", strerror(-r));
	if (r < 0 && to)
		remove(part);
out:
	af_file_close(from);
	af_file_close(to);
	af_loop_free(loop);
	return r != 0;
}
