/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * jobs N COMMAND...: runs shell commands, N at a time, and prints the output of
 * each in one piece, in the order of the arguments. After a failure it starts
 * no more.
 */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct jobs {
	struct af_loop *loop;
	char **commands;	 /* up to a NULL */
	struct af_future **runs; /* of each that was started */
	size_t n_started, n_printed;
};

static void print_run(const char *command, const struct af_future *run)
{
	const struct af_output *output = af_future_output(run);
	int r = af_future_error(run), status = af_future_status(run);

	if (output) {
		fwrite(output->out, 1, output->out_len, stdout);
		fwrite(output->err, 1, output->err_len, stderr);
	}
	if (r < 0)
		fprintf(stderr, "%s: %s\n", command, strerror(-r));
	else if (status != 0)
		fprintf(stderr, "%s: wait status %d\n", command, status);
}

/* Prints all whose turn has come: those before them are printed. */
static struct af_future *on_end(struct af_future *run, void *arg)
{
	struct jobs *jobs = arg;

	while (jobs->n_printed < jobs->n_started &&
	       af_future_is_done(jobs->runs[jobs->n_printed])) {
		print_run(jobs->commands[jobs->n_printed],
			  jobs->runs[jobs->n_printed]);
		af_future_unref(jobs->runs[jobs->n_printed++]);
	}
	if (af_future_error(run) == 0 && af_future_status(run) != 0)
		return af_failed(jobs->loop, -ECANCELED); /* ends the map */
	return NULL;
}

static struct af_future *start_next(void *arg)
{
	struct jobs *jobs = arg;
	const char *argv[] = { "sh", "-c", jobs->commands[jobs->n_started],
			       NULL };
	struct af_future *run;

	if (!argv[2])
		return NULL;
	run = af_run(jobs->loop, argv, NULL);
	jobs->runs[jobs->n_started++] = af_future_ref(run);
	return af_finally(run, on_end, jobs);
}

int main(int argc, char *argv[])
{
	size_t at_once = argc > 1 ? (size_t)atoi(argv[1]) : 0;
	struct jobs jobs = { .commands = argv + 2 };
	struct af_future *all;
	int r = -1;

	if (argc < 2 || at_once == 0) {
		fprintf(stderr, "usage: jobs N COMMAND...\n");
		return 2;
	}
	jobs.loop = af_loop_new(NULL);
	jobs.runs = calloc((size_t)argc, sizeof(struct af_future *));
	if (jobs.runs) {
		all = af_map(jobs.loop, start_next, &jobs, at_once, 0);
		r = af_await(all);
		af_future_unref(all);
	}
	free(jobs.runs);
	af_loop_free(jobs.loop);
	return r != 0;
}
