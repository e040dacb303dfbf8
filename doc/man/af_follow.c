/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the lines of a log until one is "done". */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

static int print(const char *s, size_t n, unsigned flags, void *arg)
{
	(void)arg;
	if (flags & AFIO_RESTARTED)
		printf("a new log:\n");
	printf("%.*s", (int)n, s);
	fflush(stdout);
	return n == 5 && memcmp(s, "done\n", 5) == 0;
}

int main(int argc, char *argv[])
{
	struct af_follow_options options = { .max_line = 1000 };
	struct af_loop *loop = af_loop_new(NULL);
	const char *path = argc > 1 ? argv[1] : "log";
	struct af_future *log;
	int r;

	log = af_file_follow(loop, path, &options, print, NULL);
	r = af_await(log);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
	af_future_unref(log);
	af_loop_free(loop);
	return r != 0;
}
