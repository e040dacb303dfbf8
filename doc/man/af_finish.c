/* SPDX-License-Identifier: BSD-3-Clause */
/* Saves standard input to a file, and says whether that is on the disk. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH "saved"

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *in, *out;
	struct af_future *steps[3], *saved;
	int r;

	in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	out = af_file_open(loop, PATH, "w");
	if (!out)
		perror(PATH);
	steps[0] = af_file_copy(in, out, -1, NULL);
	steps[1] = af_file_sync(out, NULL);
	steps[2] = af_file_finish(out, NULL);
	saved = af_all(loop, steps, 3); /* consumes the references */
	r = af_await(saved);
	if (r == 0)
		printf("%zu bytes are on the disk\n",
		       af_future_count(af_future_part(saved, 0)));
	else
		fprintf(stderr, "not saved: %s\n", strerror(-r));
	af_future_unref(saved);
	af_file_close(out);
	af_file_close(in);
	af_loop_free(loop);
	return r != 0;
}
