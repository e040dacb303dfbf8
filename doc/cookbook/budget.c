/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs commands whose output, all together, is limited in bytes a second. */

#include <asyncfile.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_COMMANDS 64
#define BURST_US 100000 /* what is not used is kept for this long */

struct budget {
	struct af_loop *loop;
	struct af_file *out;
	uint64_t rate;	  /* bytes a second */
	uint64_t free_at; /* when what was sent is paid for, in us */
};

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Returns a future that is done when the bytes are paid for, in turn. */
static struct af_future *pay(struct budget *budget, size_t bytes)
{
	uint64_t now = now_us(), left;
	struct timeval pause;

	if (budget->free_at + BURST_US < now)
		budget->free_at = now - BURST_US;
	budget->free_at += bytes * UINT64_C(1000000) / budget->rate;
	left = budget->free_at > now ? budget->free_at - now : 0;
	pause.tv_sec = (time_t)(left / 1000000);
	pause.tv_usec = (suseconds_t)(left % 1000000);
	return af_sleep(budget->loop, &pause);
}

/* Nothing more is read from this command before both are done. */
static struct af_future *on_line(const char *data, size_t len, unsigned flags,
				 void *arg)
{
	struct budget *budget = arg;
	struct af_future *both[2];

	(void)flags;
	both[0] = af_file_write(budget->out, data, len, AFIO_FULL, NULL);
	both[1] = pay(budget, len);
	return af_all(budget->loop, both, 2);
}

int main(int argc, char *argv[])
{
	const struct af_spawn_options pipes = { .out.kind = AFIO_PIPE };
	struct budget budget = { .loop = af_loop_new(NULL) };
	struct af_process *commands[MAX_COMMANDS];
	struct af_future *ends[MAX_COMMANDS], *all;
	int n = 0, r;

	budget.rate = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	if (argc < 3 || argc - 2 > MAX_COMMANDS || budget.rate == 0) {
		fprintf(stderr, "usage: budget BYTES-A-SECOND COMMAND...\n");
		return 2;
	}
	budget.out = af_file_new(budget.loop, STDOUT_FILENO, AFIO_KEEP_FD);
	for (int i = 2; i < argc; i++, n++) {
		const char *const sh[] = { "sh", "-c", argv[i], NULL };

		commands[n] = af_spawn(budget.loop, sh, &pipes);
		if (!commands[n])
			fprintf(stderr, "%s\n", af_spawn_error(budget.loop));
		ends[n] = af_file_each_async(af_process_stdout(commands[n]),
					     AFIO_EACH_LINE, on_line, &budget);
	}
	all = af_all(budget.loop, ends, (size_t)n);
	r = af_await(all);
	if (r < 0)
		fprintf(stderr, "budget: %s\n", strerror(-r));
	af_future_unref(all);
	while (n > 0)
		af_process_free(commands[--n]);
	af_file_close(budget.out);
	af_loop_free(budget.loop);
	return r != 0;
}
