/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hosts: chooses one for each job, and starts the command there. Knows
 * nothing of what happens to the job.
 */
#include <stdlib.h>

#include "hosts.h"
#include "job.h"
#include "plan.h"
#include "step.h"
#include "words.h"

struct hosts {
	struct host *list;
	size_t n;
	char **ssh; /* with two free elements at its end */
	size_t n_ssh;
	char **srun; /* options of srun; NULL: there is no Slurm */
};

/* ssh must not ask a question, because nobody can answer. */
struct hosts *hosts_new(const struct plan *plan)
{
	static char *const fixed[] = { "-o", "BatchMode=yes", "--" };
	struct hosts *hosts = calloc(1, sizeof(*hosts));
	size_t n = plan->n_hosts, i;

	if (!hosts)
		return NULL;
	hosts->n = n ? n : 1;
	hosts->list = calloc(hosts->n, sizeof(*hosts->list));
	hosts->ssh = words_split(plan->ssh, 3 + 2);
	if (plan->slurm && !plan->batch)
		hosts->srun = words_split(plan->slurm_options, 0);
	if (!hosts->list || !hosts->ssh ||
	    (plan->slurm && !plan->batch && !hosts->srun)) {
		hosts_free(hosts);
		return NULL;
	}
	for (i = 0; i < hosts->n; i++) {
		hosts->list[i].all = hosts;
		hosts->list[i].name = n ? plan->hosts[i] : NULL;
	}
	while (hosts->ssh[hosts->n_ssh])
		hosts->n_ssh++;
	for (i = 0; i < 3; i++)
		hosts->ssh[hosts->n_ssh++] = fixed[i];
	return hosts;
}

size_t hosts_count(const struct hosts *hosts)
{
	return hosts->n;
}

struct host *hosts_choose(const struct hosts *hosts, const struct host *but)
{
	struct host *best = NULL, *host;

	for (host = hosts->list; host < hosts->list + hosts->n; host++)
		if ((host != but || hosts->n == 1) &&
		    (!best || host->running < best->running))
			best = host;
	return best;
}

static struct job *start_by_ssh(const struct host *host, struct af_loop *loop,
				char *const words[], const struct block *block)
{
	struct hosts *all = host->all;
	char *command = words_quote(words);
	struct job *job = NULL;

	all->ssh[all->n_ssh] = host->name;
	all->ssh[all->n_ssh + 1] = command;
	if (command)
		job = job_start(loop, all->ssh, block);
	free(command);
	return job;
}

static struct job *start_step(const struct host *host, struct af_loop *loop,
			      char *const words[], const struct block *block)
{
	char **argv = step_command(host->all->srun, words);
	struct job *job = argv ? job_start(loop, argv, block) : NULL;

	free(argv);
	if (job)
		job_set_step(job);
	return job;
}

struct job *host_start(const struct host *host, struct af_loop *loop,
		       char *const words[], const struct block *block)
{
	if (host->all->srun)
		return start_step(host, loop, words, block);
	return host->name ? start_by_ssh(host, loop, words, block)
			  : job_start(loop, words, block);
}

const char *host_program(const struct host *host, char *const words[])
{
	if (host->all->srun)
		return "srun";
	return host->name ? host->all->ssh[0] : words[0];
}

const char *host_name(const struct host *host)
{
	return host->name ? host->name : ":";
}

void hosts_free(struct hosts *hosts)
{
	if (!hosts)
		return;
	free(hosts->list);
	free(hosts->ssh);
	free(hosts->srun);
	free(hosts);
}
