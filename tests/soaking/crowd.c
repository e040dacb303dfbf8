/* SPDX-License-Identifier: BSD-3-Clause */
#include "soaking/crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soaking/soak.h"
#include "soaking/usage.h"

struct member {
	struct af_process *process;
	struct af_future *line, *end;
};

/* Starts up to n; how many there are. */
static size_t crowd_start(struct member *members, size_t n)
{
	const char *const argv[] = { soak.helper, "cat", NULL };
	const struct af_spawn_options options = { .in.kind = AFIO_PIPE,
						  .out.kind = AFIO_PIPE };
	size_t i;

	for (i = 0; i < n; i++) {
		members[i].process = af_spawn(soak.loop, argv, &options);
		if (!members[i].process)
			break;
	}
	if (i < n) {
		int error = errno;
		const char *why = af_spawn_error(soak.loop);

		if ((error != EMFILE && error != ENFILE && error != EAGAIN &&
		     error != ENOMEM) ||
		    !*why)
			soak_fail("child %zu: errno %d, text \"%s\"", i, error,
				  why);
		printf("crowd: child %zu cannot be started: errno %d, \"%s\"\n",
		       i, error, why);
	}
	return i;
}

/* Each says its number, and gets its end. */
static void crowd_talk(struct member *members, size_t n)
{
	static const struct timeval patience = { 300, 0 };

	for (size_t i = 0; i < n; i++) {
		char line[32];
		int len = snprintf(line, sizeof line, "%zu\n", i);

		af_future_unref(
			af_file_write(af_process_stdin(members[i].process),
				      line, (size_t)len, AFIO_FULL, NULL));
		members[i].line =
			af_file_readline(af_process_stdout(members[i].process),
					 0, 0, 0, &patience);
	}
	for (size_t i = 0; i < n; i++) {
		int r = af_await(members[i].line);

		if (r < 0 || strtoul(af_future_data(members[i].line, NULL),
				     NULL, 10) != i)
			soak_fail("child %zu gave another line: %s", i,
				  strerror(-r));
		af_future_unref(members[i].line);
	}
}

static void crowd_end(struct member *members, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		members[i].end = af_process_wait(members[i].process, NULL);
		af_process_close_stdin(members[i].process);
	}
	for (size_t i = 0; i < n; i++) {
		int r = af_await(members[i].end);

		if (r < 0 || af_future_status(members[i].end) != 0)
			soak_fail("child %zu ended with %d, %#x", i, r,
				  (unsigned)af_future_status(members[i].end));
		af_future_unref(members[i].end);
		af_process_free(members[i].process);
	}
}

int crowd_run(unsigned long n)
{
	struct member *members = soak_alloc(n * sizeof *members);
	struct usage first = usage_now(), last;
	int64_t began = soak_now_us(), started, talked;
	size_t there;

	soak.loop = af_loop_new(NULL);
	if (!soak.loop)
		soak_fail("no loop: %s", strerror(errno));
	there = crowd_start(members, n);
	started = soak_now_us();
	crowd_talk(members, there);
	talked = soak_now_us();
	last = usage_now();
	printf("crowd: %zu of %lu children at once (%ld counted), %ld "
	       "descriptors, %ld KiB rss, started in %.1f s, talked in %.1f "
	       "s\n",
	       there, n, last.children, last.fds, last.rss_kib,
	       (double)(started - began) / 1e6,
	       (double)(talked - started) / 1e6);
	if (last.children >= 0 && last.children != (long)there)
		soak_fail("%ld children of %zu", last.children, there);
	crowd_end(members, there);
	af_loop_free(soak.loop);
	soak.loop = NULL;
	free(members);
	last = usage_now();
	if (last.fds != first.fds || last.children > 0)
		soak_fail("%ld descriptors, %ld children are left",
			  last.fds - first.fds, last.children);
	printf("crowd: all ended, nothing is left\n");
	return 0;
}
