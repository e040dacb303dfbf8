/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The start of a task's job: its slot, its command, its host, its files.
 */
#include <errno.h>

#include <asyncfile.h>

#include "hosts.h"
#include "plan.h"
#include "results.h"
#include "run.h"
#include "start.h"
#include "task.h"
#include "words.h"

/* The slot may be another one in each try. */
static int fill(struct task *task)
{
	struct run *run = task->run;
	const struct plan *plan = run->plan;
	const struct filling filling = {
		.item = task->item.text,
		.number = task->number,
		.slot = task->slot,
	};
	bool append = !run->has_hole && !plan->pipe;

	words_free(task->words);
	task->words =
		plan->shell ? words_fill_script(plan->command, &filling, append)
			    : words_fill(plan->command, &filling, append);
	return task->words ? 0 : -ENOMEM;
}

static int open_results(const struct task *task, struct af_file *ret_files[2])
{
	struct run *run = task->run;

	if (!run->plan->results ||
	    results_open(run->loop, run->plan->results, task->item.text,
			 task->number, ret_files) == 0)
		return 0;
	run_break(run);
	return -ECANCELED;
}

int start_job(struct task *task)
{
	struct run *run = task->run;
	struct af_file *files[2] = { NULL, NULL };
	int r;

	task->slot = slots_take(&run->slots);
	task->host = hosts_choose(run->hosts, task->host);
	r = task->slot ? fill(task) : -ENOMEM;
	if (r < 0 || run->plan->dry_run || run->batch)
		return r;
	r = open_results(task, files);
	if (r < 0)
		return r;
	clock_gettime(CLOCK_REALTIME, &task->start);
	task->start_time =
		(double)task->start.tv_sec + (double)task->start.tv_nsec / 1e9;
	clock_gettime(CLOCK_MONOTONIC, &task->start);
	task->job = host_start(task->host, run->loop, task->words,
			       task->item.block);
	if (task->job) {
		job_set_files(task->job, files[0], files[1]);
		return 0;
	}
	r = -errno;
	af_file_close(files[0]);
	af_file_close(files[1]);
	return r;
}
