/* SPDX-License-Identifier: BSD-3-Clause */
/* An entry of an array. Knows nothing of the other entries. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include <asyncfile.h>

#include "array.h"
#include "entry.h"
#include "job.h"
#include "plan.h"
#include "results.h"
#include "run.h"
#include "task.h"

void entry_end(struct entry *entry, int error)
{
	struct af_future *over = entry->over;

	entry->over = NULL;
	if (error < 0)
		af_future_fail(over, error);
	else
		af_future_resolve(over, NULL, NULL);
	af_future_unref(over);
}

static struct af_future *read_over(struct af_future *loaded, void *arg)
{
	struct entry *entry = arg;

	if (af_future_error(loaded) < 0)
		entry->task->end.error = af_future_error(loaded);
	entry_end(entry, 0);
	return NULL;
}

static void set_end(struct task *task, const struct array_end *end, int error)
{
	task->start_time = end->start;
	task->runtime = end->runtime;
	task->end = (struct job_end){
		.error = error < 0 ? error : 0,
		.status = error ? SIGKILL : (end->exit & 0xff) << 8,
	};
}

static struct af_file *open_output(struct af_loop *loop, const char *folder,
				   size_t index, const char *name)
{
	char *path = array_path(folder, index, name);
	struct af_file *file = path ? af_file_open(loop, path, "r") : NULL;

	free(path);
	return file;
}

/* Returns 0; or -EIO after a complaint. */
static int open_results(struct af_loop *loop, const struct task *task)
{
	const char *results = task->run->plan->results;
	struct af_file *files[2];

	if (!results)
		return 0;
	if (results_open(loop, results, task->item.text, task->number, files) <
	    0)
		return -EIO;
	job_set_files(task->job, files[0], files[1]);
	return 0;
}

struct af_future *entry_read(struct entry *entry, struct af_loop *loop,
			     const char *folder, const struct array_end *end,
			     int error)
{
	struct task *task = entry->task;
	struct af_file *out = open_output(loop, folder, entry->index, "out");
	struct af_file *err = open_output(loop, folder, entry->index, "err");
	struct af_future *f;

	set_end(task, end, error);
	task->job = job_from_files(loop, out, err, end->place);
	if (!task->job)
		f = af_failed(loop, -ENOMEM);
	else if (open_results(loop, task) < 0)
		f = af_failed(loop, -EIO);
	else
		f = job_load(task->job);
	return af_finally(f, read_over, entry);
}
