/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Batches. Jobs that arrive within a short time become one array, which one
 * sbatch(1) submits and waits for. Meanwhile the files of jobs that have ended
 * are read every second, a few at a time, as an af_map(). When sbatch has ended,
 * all others are read; a job that left no files is asked for with squeue(1).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <asyncfile.h>

#include "array.h"
#include "batch.h"
#include "entry.h"
#include "message.h"
#include "plan.h"
#include "sbatch.h"
#include "task.h"

/* How many outputs are read at a time. */
#define MAX_READS 8

struct array {
	struct array *next;
	struct batch *batch;
	char *folder;
	struct entry *entries;	  /* BATCH_MAX of them */
	size_t n, n_looked;	  /* n_looked: in this round */
	bool over;		  /* sbatch(1) has ended */
	int error;		  /* and nothing was submitted */
	bool last;		  /* the round is the last one */
	struct af_future *run;	  /* of sbatch(1) */
	struct af_future *round;  /* that reads; NULL: none */
	struct af_future *delay;  /* before it is submitted, or looked at */
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

static void drop(struct af_future **f)
{
	af_future_cancel(*f);
	af_future_forget(*f);
	*f = NULL;
}

static void free_array(struct array *array)
{
	drop(&array->run);
	drop(&array->delay);
	drop(&array->round);
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

static void fail_array(struct array *array, int error)
{
	size_t i;

	for (i = 0; i < array->n; i++)
		if (array->entries[i].over)
			entry_end(&array->entries[i], error);
	remove_array(array);
}

/* Rounds */

static int error_of(const struct array *array, const struct entry *entry)
{
	int error;

	if (array->batch->stopping)
		return -ECANCELED;
	error = sbatch_error(array->states, entry->index);
	return error < 0 ? error : 1;
}

/* The next entry that has ended; in the last round, any. */
static struct af_future *read_next(void *arg)
{
	struct array *array = arg;
	struct array_end end = { .place = ":" };
	struct entry *entry;
	bool done;

	while (array->n_looked < array->n) {
		entry = &array->entries[array->n_looked++];
		if (!entry->over)
			continue;
		done = array_read_end(array->folder, entry->index, &end) == 0;
		if (done || array->last)
			return entry_read(entry, array->batch->loop,
					  array->folder, &end,
					  done ? 0 : error_of(array, entry));
	}
	return NULL;
}

static void round_over(struct af_future *all, void *arg);

static void start_round(struct array *array)
{
	array->n_looked = 0;
	array->round = af_map(array->batch->loop, read_next, array, MAX_READS,
			      AFIO_SETTLE);
	af_on_done(af_future_ref(array->round), round_over, array);
}

static void start_last_round(struct array *array)
{
	array->last = true;
	start_round(array);
}

static void states_known(struct af_future *states, void *arg)
{
	struct array *array = arg;

	array->states = af_future_ref(states);
	start_last_round(array);
}

static bool all_read(const struct array *array)
{
	size_t i;

	for (i = 0; i < array->n; i++)
		if (array->entries[i].over)
			return false;
	return true;
}

static bool all_ended(const struct array *array)
{
	struct array_end end;
	size_t i;

	for (i = 0; i < array->n; i++)
		if (array->entries[i].over &&
		    array_read_end(array->folder, i + 1, &end) != 0)
			return false;
	return true;
}

/* sbatch has ended, and no round is under way. */
static void conclude(struct array *array)
{
	if (array->error < 0)
		fail_array(array, array->error);
	else if (all_ended(array))
		start_last_round(array);
	else
		af_on_done(sbatch_states(array->batch->loop, array->folder),
			   states_known, array);
}

static void look(struct af_future *slept, void *arg)
{
	struct array *array = arg;

	(void)slept;
	drop(&array->delay);
	start_round(array);
}

static void wait_to_look(struct array *array)
{
	static const struct timeval second = { .tv_sec = 1 };

	array->delay = af_sleep(array->batch->loop, &second);
	af_on_done(af_future_ref(array->delay), look, array);
}

static void round_over(struct af_future *all, void *arg)
{
	struct array *array = arg;

	(void)all;
	drop(&array->round);
	if (all_read(array))
		remove_array(array);
	else if (array->over)
		conclude(array);
	else
		wait_to_look(array);
}

/* Submitting */

/* With --wait, the exit status is that of a job. */
static void array_over(struct af_future *run, void *arg)
{
	struct array *array = arg;
	const struct af_output *output = af_future_output(run);

	array->over = true;
	if (af_future_error(run) < 0)
		message_error("sbatch", af_future_error(run));
	else if (output->out_len == 0)
		message_text("sbatch", sbatch_reason(output));
	if (af_future_error(run) < 0 || output->out_len == 0)
		array->error = -EIO;
	if (array->round)
		return;
	drop(&array->delay);
	conclude(array);
}

static void submit(struct array *array)
{
	struct batch *batch = array->batch;
	size_t limit = batch->plan->jobs_given ? batch->plan->jobs : 0;
	int r;

	batch->open = NULL;
	array->next = batch->arrays;
	batch->arrays = array;
	drop(&array->delay);
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
	array->run = sbatch_run(batch->loop, batch->options, array->folder,
				array->n, limit);
	af_on_done(af_future_ref(array->run), array_over, array);
	wait_to_look(array);
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
	*entry = (struct entry){ task, array->n, af_future_ref(over) };
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

/* An array whose jobs are over may remain. */
void batch_free(struct batch *batch)
{
	if (!batch)
		return;
	while (batch->arrays)
		remove_array(batch->arrays);
	free(batch->options);
	free(batch);
}
