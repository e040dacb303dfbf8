/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steps N SRUN COMMAND...: runs shell commands as steps of a Slurm job, N at a
 * time, and prints the output and the exit code of each.
 */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct steps {
	struct af_loop *loop;
	const char *srun;
	char **commands; /* those left, up to a NULL */
	int failed;
};

struct step {
	struct steps *steps;
	const char *command;
};

static struct af_future *on_end(struct af_future *run, void *arg)
{
	struct step *step = arg;
	const struct af_output *output = af_future_output(run);
	int r = af_future_error(run), status = af_future_status(run);

	if (output) {
		fwrite(output->out, 1, output->out_len, stdout);
		fwrite(output->err, 1, output->err_len, stderr);
	}
	if (r < 0)
		printf("%s: %s\n", step->command, strerror(-r));
	else if (WIFSIGNALED(status))
		printf("%s: srun: signal %d\n", step->command,
		       WTERMSIG(status));
	else
		printf("%s: exit code %d\n", step->command,
		       WEXITSTATUS(status));
	step->steps->failed += r < 0 || status != 0;
	free(step);
	return NULL;
}

static struct af_future *start_next(void *arg)
{
	struct steps *steps = arg;
	const char *const argv[] = { steps->srun, "--exact",
				     "--nodes=1", "--ntasks=1",
				     "--mem=1G",  "sh",
				     "-c",	  *steps->commands,
				     NULL };
	struct step *step;

	if (!*steps->commands)
		return NULL;
	step = malloc(sizeof(*step));
	if (!step)
		return af_failed(steps->loop, -ENOMEM);
	step->steps = steps;
	step->command = *steps->commands++;
	return af_finally(af_run(steps->loop, argv, NULL), on_end, step);
}

int main(int argc, char *argv[])
{
	size_t at_once = argc > 2 ? (size_t)atoi(argv[1]) : 0;
	struct steps steps = { .commands = argv + 3 };
	struct af_future *all;
	int r;

	if (at_once == 0) {
		fprintf(stderr, "usage: steps N SRUN COMMAND...\n");
		return 2;
	}
	steps.loop = af_loop_new(NULL);
	steps.srun = argv[2];
	all = af_map(steps.loop, start_next, &steps, at_once, AFIO_SETTLE);
	r = af_await(all);
	if (r < 0)
		fprintf(stderr, "steps: %s\n", strerror(-r));
	af_future_unref(all);
	af_loop_free(steps.loop);
	return r < 0 || steps.failed > 0;
}
