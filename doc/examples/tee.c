/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies stdin to stdout and to stderr: doc/tutorial.md explains it. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SINKS 2

struct tee {
	struct af_loop *loop;
	struct af_file *sinks[SINKS];
};

/* The next chunk is read when the slower sink has taken this one. */
static struct af_future *on_chunk(const char *data, size_t len, unsigned flags,
				  void *arg)
{
	struct tee *tee = arg;
	struct af_future *writes[SINKS];

	(void)flags;
	for (int i = 0; i < SINKS; i++)
		writes[i] = af_file_write(tee->sinks[i], data, len, AFIO_FULL,
					  NULL);
	return af_all(tee->loop, writes, SINKS);
}

int main(void)
{
	struct tee tee = { .loop = af_loop_new(NULL) };
	struct af_file *in = af_file_new(tee.loop, 0, AFIO_KEEP_FD);
	struct af_future *all;
	int r;

	for (int i = 0; i < SINKS; i++)
		tee.sinks[i] = af_file_new(tee.loop, i + 1, AFIO_KEEP_FD);
	all = af_file_each_async(in, AFIO_EACH_CHUNK, on_chunk, &tee);
	r = af_await(all);
	if (r < 0)
		fprintf(stderr, "tee: %s\n", strerror(-r));
	af_future_unref(all);
	for (int i = 0; i < SINKS; i++)
		af_file_close(tee.sinks[i]);
	af_file_close(in);
	af_loop_free(tee.loop);
	return r != 0;
}
