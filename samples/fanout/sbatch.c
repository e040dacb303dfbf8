/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of Slurm for arrays. An array is found by its name, which is
 * known before it has a number.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <asyncfile.h>

#include "sbatch.h"
#include "words.h"

/* For a command that only asks or tells the controller. */
static const struct timeval limit_of_talk = { .tv_sec = 30 };

static const char *name_of(const char *folder)
{
	return strrchr(folder, '/') + 1;
}

char **sbatch_options(char *text)
{
	return words_split(text, 0);
}

struct af_future *sbatch_run(struct af_loop *loop, char *const options[],
			     const char *folder, size_t n, size_t limit)
{
	static const struct af_run_options own_group = {
		.spawn.new_group = true,
	};
	size_t n_options = words_count(options), i, last = 0;
	const char **argv = calloc(12 + n_options, sizeof(*argv));
	char range[48], script[4096 + 16];
	struct af_future *f;

	if (!argv)
		return af_failed(loop, -ENOMEM);
	snprintf(range, sizeof(range), limit ? "1-%zu%%%zu" : "1-%zu", n,
		 limit);
	snprintf(script, sizeof(script), "%s/script", folder);
	argv[last++] = "sbatch";
	argv[last++] = "--wait";
	argv[last++] = "--parsable";
	argv[last++] = "--no-requeue";
	argv[last++] = "--output=/dev/null";
	argv[last++] = "--job-name";
	argv[last++] = name_of(folder);
	argv[last++] = "--array";
	argv[last++] = range;
	for (i = 0; i < n_options; i++)
		argv[last++] = options[i];
	argv[last++] = script;
	f = af_run(loop, argv, &own_group);
	free(argv);
	return f;
}

const char *sbatch_reason(const struct af_output *output)
{
	static char line[200];

	if (sscanf(output->err, "sbatch: error: %199[^\n]", line) == 1 ||
	    sscanf(output->err, "%199[^\n]", line) == 1)
		return line;
	return "the array was not submitted";
}

struct af_future *sbatch_states(struct af_loop *loop, const char *folder)
{
	const char *const argv[] = { "squeue",	 "--noheader", "--states=all",
				     "--array",	 "--name",     name_of(folder),
				     "--format", "%K %T",      NULL };
	const struct af_run_options options = {
		.communicate.timeout = &limit_of_talk,
	};

	return af_run(loop, argv, &options);
}

int sbatch_error(const struct af_future *states, size_t index)
{
	const struct af_output *output = af_future_output(states);
	const char *line = output ? output->out : "";
	char state[32];
	size_t n;

	for (; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%zu %31s", &n, state) != 2 || n != index)
			continue;
		if (strcmp(state, "NODE_FAIL") == 0 ||
		    strcmp(state, "BOOT_FAIL") == 0)
			return -EHOSTDOWN;
		return strcmp(state, "TIMEOUT") == 0 ? -ETIMEDOUT : 0;
	}
	return -EHOSTDOWN;
}

struct af_future *sbatch_cancel(struct af_loop *loop, const char *folder)
{
	const char *const argv[] = { "scancel", "--quiet", "--name",
				     name_of(folder), NULL };
	const struct af_run_options options = {
		.communicate.timeout = &limit_of_talk,
	};

	return af_run(loop, argv, &options);
}
