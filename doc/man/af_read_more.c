/* SPDX-License-Identifier: BSD-3-Clause */
/* Waits for the first of several prompts. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOGIN, PASSWORD, N };

int main(void)
{
	const struct af_text prompts[N] = {
		[LOGIN] = { "login: ", 7 },
		[PASSWORD] = { "assword: ", 9 },
	};
	const struct timeval limit = { .tv_sec = 5 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *in;
	struct af_future *f;
	int r;

	in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	f = af_file_read_until_any(in, prompts, N, 4096, 0, &limit);
	r = af_await(f);
	if (r < 0)
		fprintf(stderr, "no prompt: %s\n", strerror(-r));
	else if (af_future_match(f) == LOGIN)
		printf("it asks for a name\n");
	else if (af_future_match(f) == PASSWORD)
		printf("it asks for a password\n");
	else
		printf("no prompt: %s\n", af_future_data(f, NULL));
	af_future_unref(f);
	af_file_close(in);
	af_loop_free(loop);
	return r != 0;
}
