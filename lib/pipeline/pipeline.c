/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pipelines: the stages that they own, and the operations that they pass on to
 * the files at their ends. Knows neither how stages are started nor the
 * operations on whole pipelines.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "process/process.h"
#include "pipeline/pipeline.h"

struct af_pipe *afi_pipeline_new(struct af_loop *loop, size_t n)
{
	struct af_pipe *pipeline = calloc(1, sizeof(*pipeline));

	if (!pipeline)
		return NULL;
	pipeline->stages = calloc(n, sizeof(*pipeline->stages));
	if (!pipeline->stages) {
		free(pipeline);
		return NULL;
	}
	pipeline->n_stages = n;
	pipeline->loop = loop;
	afi_loop_ref(loop);
	LIST_INIT(&pipeline->ops);
	return pipeline;
}

void afi_pipeline_free(struct af_pipe *pipeline,
		       void (*free_process)(struct af_process *))
{
	af_file_close(pipeline->err);
	for (size_t i = 0; i < pipeline->n_stages; i++)
		free_process(pipeline->stages[i]);
	afi_loop_unref(pipeline->loop);
	free(pipeline->stages);
	free(pipeline);
}

/* Whether they are different processes of one loop. */
static bool pipeline_is_valid(struct af_process *const processes[], size_t n)
{
	size_t i;
	bool valid = true;

	for (i = 0; valid && i < n; i++) {
		valid = processes[i] &&
			processes[i]->loop == processes[0]->loop &&
			!processes[i]->listed;
		if (valid)
			processes[i]->listed = true;
	}
	/* The last one that was looked at may be listed at another place. */
	for (n = valid ? n : i - 1; n > 0; n--)
		processes[n - 1]->listed = false;
	return valid;
}

/* 0, -EINVAL or -EPERM. */
static int pipeline_check(struct af_process *const processes[], size_t n)
{
	if (!processes || n == 0 || !processes[0])
		return -EINVAL;
	/* Nothing of another thread's processes may be written. */
	if (!afi_loop_is_mine(processes[0]->loop))
		return -EPERM;
	return pipeline_is_valid(processes, n) ? 0 : -EINVAL;
}

struct af_pipe *af_pipe_from(struct af_process *const processes[], size_t n)
{
	struct af_pipe *pipeline;
	int r = pipeline_check(processes, n);

	if (r < 0) {
		errno = -r;
		return NULL;
	}
	pipeline = afi_pipeline_new(processes[0]->loop, n);
	for (size_t i = 0; pipeline && i < n; i++)
		pipeline->stages[i] = processes[i];
	return pipeline;
}

struct af_pipe *af_pipe_new(struct af_process *first, struct af_process *last)
{
	struct af_process *const processes[] = { first, last };

	return af_pipe_from(processes, last && last != first ? 2 : 1);
}

static struct af_process *pipeline_last(const struct af_pipe *pipeline)
{
	return pipeline->stages[pipeline->n_stages - 1];
}

struct af_file *const *afi_pipeline_stream(const struct af_pipe *pipeline,
					   size_t i)
{
	if (i == AFI_STREAM_OUT)
		return &pipeline_last(pipeline)->files[1];
	if (i == AFI_STREAM_ERR)
		return &pipeline->err;
	return &pipeline->stages[i - AFI_STREAM_STAGE_ERR]->files[2];
}

void afi_pipeline_add(struct af_pipe *pipeline, struct afi_pipeline_op *op,
		      struct af_future *f)
{
	op->future = f;
	LIST_INSERT_HEAD(&pipeline->ops, op, entry);
}

void afi_pipeline_add_user(struct af_pipe *pipeline, struct afi_pipeline_op *op,
			   struct af_future *f)
{
	afi_pipeline_add(pipeline, op, f);
	op->uses = pipeline;
	for (size_t i = 0; i < pipeline->n_stages; i++)
		pipeline->stages[i]->users++;
}

void afi_pipeline_remove(struct afi_pipeline_op *op)
{
	LIST_REMOVE(op, entry);
	for (size_t i = 0; op->uses && i < op->uses->n_stages; i++)
		op->uses->stages[i]->users--;
}

void af_pipe_close(struct af_pipe *pipeline)
{
	struct afi_pipeline_op *op;

	if (!pipeline)
		return;
	afi_loop_split(pipeline->loop);
	while ((op = LIST_FIRST(&pipeline->ops)))
		af_future_cancel(op->future);
	afi_pipeline_free(pipeline, af_process_free);
}

struct af_loop *af_pipe_loop(const struct af_pipe *pipeline)
{
	return pipeline ? pipeline->loop : NULL;
}

void af_pipe_set_data(struct af_pipe *pipeline, void *data)
{
	if (pipeline)
		pipeline->data = data;
}

void *af_pipe_data(const struct af_pipe *pipeline)
{
	return pipeline ? pipeline->data : NULL;
}

struct af_file *af_pipe_stdin(struct af_pipe *pipeline)
{
	return pipeline ? af_process_stdin(pipeline->stages[0]) : NULL;
}

struct af_file *af_pipe_stdout(struct af_pipe *pipeline)
{
	return pipeline ? af_process_stdout(pipeline_last(pipeline)) : NULL;
}

struct af_file *af_pipe_stderr(struct af_pipe *pipeline)
{
	if (!pipeline)
		return NULL;
	return pipeline->err ? pipeline->err
			     : af_process_stderr(pipeline_last(pipeline));
}

/* What an operation returns that has no file. */
static struct af_future *pipeline_no_file(struct af_pipe *pipeline)
{
	return afi_future_failed(pipeline ? pipeline->loop : NULL, -EBADF);
}

struct af_future *af_pipe_write(struct af_pipe *pipeline, const void *buf,
				size_t len, unsigned flags,
				const struct timeval *timeout)
{
	struct af_file *file = af_pipe_stdin(pipeline);

	return file ? af_file_write(file, buf, len, flags, timeout)
		    : pipeline_no_file(pipeline);
}

struct af_future *af_pipe_read(struct af_pipe *pipeline, size_t size,
			       unsigned flags, const struct timeval *timeout)
{
	struct af_file *file = af_pipe_stdout(pipeline);

	return file ? af_file_read(file, size, flags, timeout)
		    : pipeline_no_file(pipeline);
}

struct af_future *af_pipe_readline(struct af_pipe *pipeline, size_t size,
				   size_t sizehint, unsigned flags,
				   const struct timeval *timeout)
{
	struct af_file *file = af_pipe_stdout(pipeline);

	return file ? af_file_readline(file, size, sizehint, flags, timeout)
		    : pipeline_no_file(pipeline);
}

struct af_future *af_pipe_read_stderr(struct af_pipe *pipeline, size_t size,
				      unsigned flags,
				      const struct timeval *timeout)
{
	struct af_file *file = af_pipe_stderr(pipeline);

	return file ? af_file_read(file, size, flags, timeout)
		    : pipeline_no_file(pipeline);
}

struct af_future *af_pipe_readline_stderr(struct af_pipe *pipeline, size_t size,
					  size_t sizehint, unsigned flags,
					  const struct timeval *timeout)
{
	struct af_file *file = af_pipe_stderr(pipeline);

	return file ? af_file_readline(file, size, sizehint, flags, timeout)
		    : pipeline_no_file(pipeline);
}

int af_pipe_close_stdin(struct af_pipe *pipeline)
{
	return pipeline ? af_process_close_stdin(pipeline->stages[0]) : -EINVAL;
}

struct af_future *af_pipe_finish_stdin(struct af_pipe *pipeline,
				       const struct timeval *timeout)
{
	return af_process_finish_stdin(pipeline ? pipeline->stages[0] : NULL,
				       timeout);
}

/* By send to every stage. 0, or the first error other than -ESRCH, if any. */
static int pipeline_signal(struct af_pipe *pipeline, int sig,
			   int (*send)(struct af_process *, int))
{
	int result = -ESRCH, r;

	for (size_t i = 0; pipeline && i < pipeline->n_stages; i++) {
		r = send(pipeline->stages[i], sig);
		if (result == -ESRCH || (result == 0 && r != -ESRCH))
			result = r;
	}
	return pipeline ? result : -EINVAL;
}

int af_pipe_signal(struct af_pipe *pipeline, int sig)
{
	return pipeline_signal(pipeline, sig, af_process_signal);
}

int af_pipe_signal_group(struct af_pipe *pipeline, int sig)
{
	return pipeline_signal(pipeline, sig, af_process_signal_group);
}

size_t af_pipe_stages(const struct af_pipe *pipeline)
{
	return pipeline ? pipeline->n_stages : 0;
}

struct af_process *af_pipe_process(struct af_pipe *pipeline, size_t stage)
{
	return pipeline && stage < pipeline->n_stages ? pipeline->stages[stage]
						      : NULL;
}

int af_pipe_status(const struct af_pipe *pipeline, size_t stage)
{
	int status = -1;

	if (pipeline && stage < pipeline->n_stages)
		af_process_poll(pipeline->stages[stage], &status);
	return status;
}
