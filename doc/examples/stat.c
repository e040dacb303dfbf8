/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The size of a file, although its file system may be slow: stat PATH.
 */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct query {
	const char *path;
	struct stat st;
	int error;
};

/* Called on another thread. */
static void *look(void *arg)
{
	struct query *query = arg;

	if (stat(query->path, &query->st) < 0)
		query->error = -errno;
	return query;
}

int main(int argc, char **argv)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct query query = { .path = argc > 1 ? argv[1] : "." };
	struct af_future *f = af_work(loop, look, &query, NULL);
	int r = af_await(f);

	if (r == 0)
		r = query.error;
	if (r == 0)
		printf("%lld bytes\n", (long long)query.st.st_size);
	else
		fprintf(stderr, "%s: %s\n", query.path, strerror(-r));
	af_future_unref(f);
	af_loop_free(loop);
	return r != 0;
}
