/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Batches. Jobs that arrive within a short time become one array, which one
 * sbatch(1) submits and waits for. Then the files of its jobs are read, a few at
 * a time, as an af_map(). A job that left no files is asked for with squeue(1).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <asyncfile.h>

#include "array.h"
#include "batch.h"
#include "job.h"
#include "message.h"
#include "plan.h"
#include "results.h"
#include "run.h"
#include "sbatch.h"
#include "task.h"

/* How many outputs are read at a time. */
#define MAX_READS 8

struct entry {
	struct array *array;
	struct task *task;
	size_t index;
	struct af_future *over;
};

struct array {
	struct array *next;
	struct batch *batch;
	char *folder;
	struct entry *entries; /* BATCH_MAX of them */
	size_t n, n_read;
	struct af_future *delay;  /* before it is submitted */
	struct af_future *states; /* of squeue(1), or NULL */
};

struct batch {
	struct af_loop *loop;
	const struct plan *plan;
	char **options;
	struct array *arrays; /* that are submitted */
	struct array *open;   /* that still grows, or NULL */
	bool stopping;
};

struct batch *batch_new(struct af_loop *loop, const struct plan *plan)
{
	struct batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->loop = loop;
	batch->plan = plan;
	batch->options = sbatch_options(plan->slurm_options);
	if (batch->options)
		return batch;
	free(batch);
	return NULL;
}

/* Ends */

static void free_array(struct array *array)
{
	array_remove(array->folder, array->n);
	free(array->folder);
	free(array->entries);
	af_future_unref(array->states);
	free(array);
}

static void remove_array(struct array *array)
{
	struct array **link = &array->batch->arrays;

	while (*link != array)
		link = &(*link)->next;
	*link = array->next;
	free_array(array);
}

static void end_entry(struct entry *entry, int error)
{
	if (error < 0)
		af_future_fail(entry->over, error);
	else
		af_future_resolve(entry->over, NULL, NULL);
	af_future_unref(entry->over);
}

static void fail_array(struct array *array, int error)
{
	size_t i;

	for (i = 0; i < array->n; i++)
		end_entry(&array->entries[i], error);
	remove_array(array);
}

/* Reading what the jobs left */

static struct af_future *entry_read(struct af_future *loaded, void *arg)
{
	struct entry *entry = arg;

	if (af_future_error(loaded) < 0)
		entry->task->end.error = af_future_error(loaded);
	end_entry(entry, 0);
	return NULL;
}

static void set_end(struct entry *entry, const struct array_end *end, bool done)
{
	const struct array *array = entry->array;
	struct job_end *ret = &entry->task->end;

	entry->task->start_time = end->start;
	entry->task->runtime = end->runtime;
	*ret = (struct job_end){ .status = (end->exit & 0xff) << 8 };
	if (done)
		return;
	ret->error = array->batch->stopping
			     ? -ECANCELED
			     : sbatch_error(array->states, entry->index);
	ret->status = SIGKILL;
}

static struct af_file *open_output(const struct entry *entry, const char *name)
{
	const struct array *array = entry->array;
	char *path = array_path(array->folder, entry->index, name);
	struct af_file *file =
		path ? af_file_open(array->batch->loop, path, "r") : NULL;

	free(path);
	return file;
}

static int open_results(const struct entry *entry, struct job *job)
{
	const struct batch *batch = entry->array->batch;
	const struct task *task = entry->task;
	struct af_file *files[2];

	if (!batch->plan->results)
		return 0;
	if (results_open(batch->loop, batch->plan->results, task->item.text,
			 task->number, files) < 0)
		return -EIO;
	job_set_files(job, files[0], files[1]);
	return 0;
}

static struct af_future *read_next(void *arg)
{
	struct array *array = arg;
	struct array_end end = { .place = ":" };
	struct af_file *out, *err;
	struct entry *entry;
	struct task *task;
	int r;

	if (array->n_read == array->n)
		return NULL;
	entry = &array->entries[array->n_read++];
	task = entry->task;
	r = array_read_end(array->folder, entry->index, &end);
	set_end(entry, &end, r == 0);
	out = open_output(entry, "out");
	err = open_output(entry, "err");
	task->job = job_from_files(array->batch->loop, out, err, end.place);
	if (!task->job || open_results(entry, task->job) < 0)
		return af_finally(af_failed(array->batch->loop,
					    task->job ? -EIO : -ENOMEM),
				  entry_read, entry);
	return af_finally(job_load(task->job), entry_read, entry);
}

static void array_read(struct af_future *all, void *arg)
{
	(void)all;
	remove_array(arg);
}

static void read_array(struct array *array)
{
	af_on_done(af_map(array->batch->loop, read_next, array, MAX_READS,
			  AFIO_SETTLE),
		   array_read, array);
}

/* Submitting */

static void states_known(struct af_future *states, void *arg)
{
	struct array *array = arg;

	array->states = af_future_ref(states);
	read_array(array);
}

static bool all_ended(const struct array *array)
{
	struct array_end end;
	size_t i;

	for (i = 1; i <= array->n; i++)
		if (array_read_end(array->folder, i, &end) != 0)
			return false;
	return true;
}

/* With --wait, the exit status is that of a job. */
static void array_over(struct af_future *run, void *arg)
{
	struct array *array = arg;
	const struct af_output *output = af_future_output(run);

	if (af_future_error(run) < 0) {
		message_error("sbatch", af_future_error(run));
		fail_array(array, -EIO);
	} else if (output->out_len == 0) {
		message_text("sbatch", sbatch_reason(output));
		fail_array(array, -EIO);
	} else if (all_ended(array)) {
		read_array(array);
	} else {
		af_on_done(sbatch_states(array->batch->loop, array->folder),
			   states_known, array);
	}
}

static void submit(struct array *array)
{
	struct batch *batch = array->batch;
	size_t limit = batch->plan->jobs_given ? batch->plan->jobs : 0;
	int r;

	batch->open = NULL;
	array->next = batch->arrays;
	batch->arrays = array;
	af_future_forget(array->delay);
	if (batch->stopping) {
		fail_array(array, -ECANCELED);
		return;
	}
	r = array_write_script(array->folder);
	if (r < 0) {
		message_error(array->folder, r);
		fail_array(array, r);
		return;
	}
	af_on_done(sbatch_run(batch->loop, batch->options, array->folder,
			      array->n, limit),
		   array_over, array);
}

static void delay_over(struct af_future *slept, void *arg)
{
	(void)slept;
	submit(arg);
}

/* Adding */

static struct array *open_array(struct batch *batch)
{
	static const struct timeval moment = { .tv_usec = 200000 };
	struct array *array = calloc(1, sizeof(*array));

	if (!array)
		return NULL;
	array->entries = calloc(BATCH_MAX, sizeof(*array->entries));
	array->folder = array->entries ? array_make() : NULL;
	if (!array->folder) {
		free(array->entries);
		free(array);
		return NULL;
	}
	array->batch = batch;
	array->delay = af_sleep(batch->loop, &moment);
	af_on_done(af_future_ref(array->delay), delay_over, array);
	return array;
}

struct af_future *batch_run(struct batch *batch, struct task *task)
{
	struct array *array;
	struct entry *entry;
	struct af_future *over;
	int r = 0;

	if (!batch->open)
		batch->open = open_array(batch);
	array = batch->open;
	if (!array)
		r = -errno;
	else
		r = array_write_command(array->folder, array->n + 1,
					task->words);
	if (r < 0) {
		message_error("a job", r);
		return af_failed(batch->loop, r);
	}
	entry = &array->entries[array->n++];
	over = af_future_new(batch->loop, NULL, NULL);
	*entry = (struct entry){ array, task, array->n, af_future_ref(over) };
	if (array->n == BATCH_MAX)
		submit(array);
	return over;
}

void batch_stop(struct batch *batch)
{
	const struct array *array;

	batch->stopping = true;
	for (array = batch->arrays; array; array = array->next)
		af_on_done(sbatch_cancel(batch->loop, array->folder), NULL,
			   NULL);
}

void batch_free(struct batch *batch)
{
	if (batch)
		free(batch->options);
	free(batch);
}
