/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes the records of a file all at once, and then reads them all at once. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

#define SIZE 6 /* of a record */
#define N 3

static struct af_future *write_all(struct af_loop *loop, struct af_file *file)
{
	static const char *const records[N] = { "red  \n", "green\n",
						"blue \n" };
	struct af_future *all[N];

	for (int i = 0; i < N; i++)
		all[i] = af_file_write_at(file, records[i], SIZE, i * SIZE,
					  AFIO_FULL, NULL);
	return af_all(loop, all, N); /* consumes the references */
}

static struct af_future *read_all(struct af_loop *loop, struct af_file *file)
{
	struct af_future *all[N];

	for (int i = 0; i < N; i++)
		all[i] = af_file_read_at(file, SIZE, i * SIZE, AFIO_FULL, NULL);
	return af_all(loop, all, N);
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *file = af_file_open(loop, "records", "w+");
	struct af_future *f;
	int r;

	f = write_all(loop, file);
	r = af_await(f);
	af_future_unref(f);
	f = read_all(loop, file);
	if (r == 0)
		r = af_await(f);
	for (int i = N - 1; r == 0 && i >= 0; i--)
		printf("%d %s", i, af_future_data(af_future_part(f, i), NULL));
	if (r < 0)
		fprintf(stderr, "records: %s\n", strerror(-r));
	af_future_unref(f);
	af_file_close(file);
	af_loop_free(loop);
	return r != 0;
}
