/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A job: it is started and fed, its output is collected, it may be stopped, and
 * its output is printed. Each step is a continuation of the one before; nothing
 * blocks.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <asyncfile.h>

#include "block.h"
#include "job.h"
#include "step.h"
#include "stream.h"

struct job {
	struct af_loop *loop;
	struct af_pipe *pipe;
	const struct block *block;
	struct stream out, err;
	struct timeval grace;
	bool is_step;
	char *step;		  /* its name; NULL: unknown */
	struct af_file *err_copy; /* of a step: its stderr goes there, too */
	struct af_future *work;	  /* cancelled to stop the job */
	struct job_end end;
};

struct job *job_start(struct af_loop *loop, char *const argv[],
		      const struct block *block)
{
	const struct af_spawn_options options = {
		.in.kind = block ? AFIO_PIPE : AFIO_NULL,
		.out.kind = AFIO_PIPE,
		.err.kind = AFIO_PIPE,
		.new_group = true,
	};
	const char *const *const stages[] = { (const char *const *)argv, NULL };
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->loop = job->out.loop = job->err.loop = loop;
	job->pipe = af_pipe_spawn(loop, stages, &options);
	if (!job->pipe) {
		free(job);
		return NULL;
	}
	job->block = block;
	job->out.from = af_pipe_stdout(job->pipe);
	job->err.from = af_pipe_stderr(job->pipe);
	return job;
}

void job_set_step(struct job *job)
{
	job->is_step = true;
}

const char *job_place(const struct job *job)
{
	return job->step;
}

/* The stderr of a step must be in memory, see step_node_failed(). */
void job_set_files(struct job *job, struct af_file *out, struct af_file *err)
{
	job->out.rest = out;
	if (job->is_step)
		job->err_copy = err;
	else
		job->err.rest = err;
}

/* Stopping */

static struct af_future *stop_srun(struct af_future *signalled, void *arg)
{
	struct job *job = arg;

	(void)signalled;
	return af_pipe_stop(job->pipe, &job->grace);
}

static struct af_future *kill_step(struct af_future *ended, void *arg)
{
	struct job *job = arg;

	if (af_future_error(ended) != -ETIMEDOUT)
		return NULL;
	return af_finally(step_signal(job->loop, job->step, "KILL"), stop_srun,
			  job);
}

static struct af_future *give_grace(struct af_future *signalled, void *arg)
{
	struct job *job = arg;

	(void)signalled;
	return af_finally(af_pipe_wait(job->pipe, &job->grace), kill_step, job);
}

/* srun(1) itself would kill the step without grace. */
static struct af_future *stop_process(struct job *job)
{
	if (!job->step)
		return af_pipe_stop(job->pipe, &job->grace);
	return af_finally(step_signal(job->loop, job->step, "TERM"), give_grace,
			  job);
}

/*
 * The timeout is for a grandchild that has left the group and keeps the output
 * open, and for a cluster that does not answer.
 */
static struct af_future *stop(struct af_future *done, void *arg)
{
	struct job *job = arg;
	struct timeval enough = job->grace;
	struct af_future *parts[] = {
		stream_keep_rest(&job->out),
		stream_keep_rest(&job->err),
		stop_process(job),
	};

	job->end.error = af_future_error(done);
	enough.tv_sec += job->is_step ? enough.tv_sec + 30 : 2;
	return af_with_timeout(af_all(job->loop, parts, 3), &enough);
}

void job_stop(struct job *job)
{
	af_future_cancel(job->work);
}

void job_kill(struct job *job)
{
	if (job->step)
		af_on_done(step_signal(job->loop, job->step, "KILL"), NULL,
			   NULL);
	else if (job->pipe)
		af_pipe_signal_group(job->pipe, SIGKILL);
	job_stop(job);
}

/* Running */

static struct af_future *fed(struct af_future *written, void *arg)
{
	struct job *job = arg;

	(void)written;
	return af_pipe_finish_stdin(job->pipe, NULL);
}

/* A job that does not read all of its block has not failed. */
static struct af_future *feed(struct job *job)
{
	struct af_future *parts[2];
	const char *data;
	size_t len = 0, n = 0, i;

	for (i = 0; i < 2; i++) {
		data = af_future_data(job->block->parts[i], &len);
		if (data && len > 0)
			parts[n++] =
				af_pipe_write(job->pipe, data, len,
					      AFIO_FULL | AFIO_BORROW, NULL);
	}
	return af_finally(af_all_settled(job->loop, parts, n), fed, job);
}

static struct af_future *keep_err(struct af_future *read, void *arg)
{
	struct job *job = arg;

	(void)read;
	return stream_keep(&job->err);
}

static struct af_future *copy_err(struct af_future *kept, void *arg)
{
	static const struct filter plain = { 0 };
	struct job *job = arg;

	(void)kept;
	return stream_print(&job->err, job->err_copy, &plain);
}

static struct af_future *keep_err_of_step(struct job *job)
{
	struct af_future *f =
		af_then(step_read(job->err.from, &job->step), keep_err, job);

	return job->err_copy ? af_then(f, copy_err, job) : f;
}

struct af_future *job_collect(struct job *job, const struct timeval *timeout,
			      const struct timeval *grace)
{
	struct af_future *parts[4] = {
		stream_keep(&job->out),
		job->is_step ? keep_err_of_step(job) : stream_keep(&job->err),
		af_pipe_wait(job->pipe, NULL),
	};
	size_t n = 3;

	if (job->block)
		parts[n++] = feed(job);
	job->grace = *grace;
	job->work = af_with_timeout(af_all(job->loop, parts, n), timeout);
	return af_catch(af_future_ref(job->work), stop, job);
}

struct job_end job_finish(struct job *job)
{
	if (job->pipe)
		job->end.status = af_pipe_status(job->pipe, 0);
	if (job->is_step && job->end.error == 0 &&
	    (step_node_failed(&job->err) ||
	     (!job->step && job->end.status == 0)))
		job->end.error = -EHOSTDOWN;
	af_pipe_close(job->pipe);
	job->pipe = NULL;
	return job->end;
}

/* Jobs that ran elsewhere */

struct job *job_from_files(struct af_loop *loop, struct af_file *out,
			   struct af_file *err, const char *place)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job)
		job->step = strdup(place);
	if (!job || !job->step) {
		free(job);
		af_file_close(out);
		af_file_close(err);
		return NULL;
	}
	job->loop = job->out.loop = job->err.loop = loop;
	job->out.from = out;
	job->err.from = err;
	return job;
}

static struct af_future *loaded(struct af_future *kept, void *arg)
{
	struct job *job = arg;

	(void)kept;
	af_file_close(job->out.from);
	af_file_close(job->err.from);
	job->out.from = job->err.from = NULL;
	return NULL;
}

struct af_future *job_load(struct job *job)
{
	struct af_future *parts[2];
	size_t n = 0;

	if (job->out.from)
		parts[n++] = stream_keep(&job->out);
	if (job->err.from)
		parts[n++] = stream_keep(&job->err);
	return af_finally(af_all(job->loop, parts, n), loaded, job);
}

/* Output */

struct af_future *job_print_out(struct job *job, struct af_file *to,
				const struct filter *filter)
{
	return stream_print(&job->out, to, filter);
}

struct af_future *job_print_err(struct job *job, struct af_file *to,
				const struct filter *filter)
{
	return stream_print(&job->err, to, filter);
}

uint64_t job_out_size(const struct job *job)
{
	return stream_size(&job->out);
}

size_t job_in_memory(const struct job *job)
{
	return stream_in_memory(&job->out) + stream_in_memory(&job->err);
}

size_t job_n_files(const struct job *job)
{
	return (size_t)(job->out.rest != NULL) +
	       (size_t)(job->err.rest != NULL);
}

void job_free(struct job *job)
{
	if (!job)
		return;
	af_pipe_close(job->pipe);
	stream_clear(&job->out);
	stream_clear(&job->err);
	af_file_close(job->err_copy);
	free(job->step);
	af_future_unref(job->work);
	free(job);
}
