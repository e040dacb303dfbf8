/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A child in one call: start, communicate and, if that fails, stop. Uses only
 * these operations. What it adds is their order, and that no child is left.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/container.h"
#include "base/reserved.h"
#include "process/failure.h"
#include "process/process.h"
#include "pipeline/communicate.h"
#include "pipeline/input.h"
#include "pipeline/pipeline.h"

/*
 *  starting --(started)--> communicating;  --(failure, timeout)--> done
 *
 *  communicating --(success)----------------------------------> done
 *    |    |                                                       ^
 *    |    +--(failure)----> stopping --(the child has ended)------+
 *    |                                                            |
 *    +--(timeout)--> stopping, --(ended)--> reading what --(end)--+
 *                    and reading on         is left
 */
struct run {
	struct af_future future;
	struct af_future *start;  /* of the child */
	struct af_pipe *pipeline; /* NULL: not started, or done */
	struct af_future *communicate;
	struct af_communicate_options how;
	struct timeval linger;	/* for how */
	struct af_future *stop; /* NULL: not stopping */
	int error;		/* to fail with, when stopping */
	af_input_fn input_fn;	/* the program's */
	void *input_arg;
	struct timeval grace;
	struct afi_deadline last; /* for what is left */
	struct afi_spawn_error *spawn_error;
};

static struct run *run_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct run, future);
}

static struct af_process *run_process(const struct run *run)
{
	return run->pipeline->stages[0];
}

/* A child that is still alive is killed; its loop reaps it. */
static void run_finish(struct run *run, int error)
{
	struct af_pipe *pipeline = run->pipeline;

	if (run->last.loop)
		afi_deadline_stop(&run->last);
	if (!af_process_poll(run_process(run), &run->future.status))
		afi_process_kill(run_process(run));
	run->pipeline = NULL;
	af_pipe_close(pipeline);
	afi_communicate_know_status(run->communicate, run->future.status);
	run->future.flags = (uint8_t)af_future_flags(run->communicate);
	run->future.count = af_future_count(run->communicate);
	afi_future_finish(&run->future, error);
}

static void run_on_last(struct afi_deadline *deadline)
{
	struct run *run = deadline->arg;

	if (!run->communicate->done)
		run->communicate->ops->expire(run->communicate);
}

/* What the child wrote before its end may still be on its way. */
static void run_read_rest(struct run *run)
{
	static const struct timeval moment = { .tv_usec = 1000 };

	run->last.arg = run;
	if (afi_deadline_start(&run->last, run->future.loop, &moment,
			       run_on_last) < 0)
		run_on_last(&run->last);
}

static void run_on_stopped(struct af_future *done, void *arg)
{
	struct run *run = arg;

	(void)done;
	if (run->future.done)
		;
	else if (run->communicate->done)
		run_finish(run, run->error);
	else
		run_read_rest(run);
	af_future_unref(&run->future);
}

static void run_stop(struct run *run, int error)
{
	run->error = error;
	run->stop = af_process_stop(run_process(run), &run->grace);
	/* Nobody reads any more: a child that writes must not wait for that. */
	if (run->communicate->done)
		afi_process_close_files(run_process(run));
	afi_pipeline_expect(&run->future, run->stop, run_on_stopped, run);
}

static void run_on_communicated(struct af_future *done, void *arg)
{
	struct run *run = arg;
	int error = af_future_error(done);

	if (run->future.done)
		;
	else if (run->stop && run->stop->done)
		run_finish(run, run->error);
	else if (!run->stop && error)
		run_stop(run, error);
	else if (!run->stop)
		run_finish(run, 0);
	af_future_unref(&run->future);
}

/* There is no pipeline yet: leaves no child. */
static void run_fail_start(struct run *run, int error)
{
	af_future_cancel(run->start);
	afi_process_drop(af_future_take_process(run->start));
	afi_future_finish(&run->future, error);
}

static void run_cancel(struct af_future *f)
{
	struct run *run = run_of(f);

	if (run->pipeline)
		run_finish(run, -ECANCELED);
	else
		run_fail_start(run, -ECANCELED);
}

static void run_expire(struct af_future *f)
{
	struct run *run = run_of(f);

	if (!run->pipeline)
		run_fail_start(run, -ETIMEDOUT);
	else if (run->stop || run->communicate->done)
		return; /* it ends already */
	else if (af_pipe_poll(run->pipeline, NULL))
		run->communicate->ops->expire(run->communicate);
	else
		run_stop(run, -ETIMEDOUT);
}

static void run_destroy(struct af_future *f)
{
	struct run *run = run_of(f);

	af_future_unref(run->start);
	af_future_unref(run->communicate);
	af_future_unref(run->stop);
	free(run->spawn_error);
}

static const struct af_output *run_output(const struct af_future *f)
{
	static const struct af_output run_no_output = {
		.out = "",
		.err = "",
		.status = -1,
	};
	const struct af_output *output = af_future_output(
		AFI_CONTAINER(f, const struct run, future)->communicate);

	return output ? output : &run_no_output;
}

static const struct afi_spawn_error *run_spawn_error(const struct af_future *f)
{
	const struct run *run = AFI_CONTAINER(f, const struct run, future);

	return run->spawn_error ? run->spawn_error : afi_failure_of(run->start);
}

static size_t run_progress(const struct af_future *f)
{
	return af_future_count(
		AFI_CONTAINER(f, const struct run, future)->communicate);
}

static void run_describe(const struct af_future *f, FILE *out)
{
	const struct run *run = AFI_CONTAINER(f, const struct run, future);

	if (run->pipeline)
		fprintf(out, " of process %d%s",
			(int)af_process_pid(run_process(run)),
			run->stop ? ", stopping it" : "");
}

static const struct afi_future_ops run_ops = {
	.name = "run",
	.size = sizeof(struct run),
	.cancel = run_cancel,
	.expire = run_expire,
	.destroy = run_destroy,
	.output = run_output,
	.spawn_error = run_spawn_error,
	.progress = run_progress,
	.describe = run_describe,
};

/* The name of an option that makes no sense, or NULL. */
static const char *run_find_nonsense(const struct af_run_options *options)
{
	enum af_stdio_kind in = options->spawn.in.kind;

	if (!AFI_RESERVED_CLEAR(options))
		return "reserved";
	if (!afi_communicate_valid(&options->communicate))
		return "communicate";
	if (!afi_timeout_valid(options->grace))
		return "grace";
	if (!afi_input_is_none(&options->communicate) && in != AFIO_DEFAULT &&
	    in != AFIO_PIPE && in != AFIO_PTY)
		return "in";
	return NULL;
}

/* Of the run itself, and not of its start. */
static void run_refuse(struct run *run, enum af_spawn_step step,
		       const char *name, int error)
{
	struct af_loop *loop = run->future.loop;
	struct afi_failure failure;

	afi_fail(&failure, step, name, error);
	afi_failure_keep(loop, &failure);
	run->spawn_error = afi_failure_copy(loop);
	afi_future_finish(&run->future, -error);
}

/* The run waits for the program's function while that runs: see -EDEADLK. */
static ssize_t run_input(void *buf, size_t len, void *arg)
{
	struct run *run = arg;
	ssize_t n;

	af_future_ref(&run->future);
	run->future.running = true;
	n = run->input_fn(buf, len, run->input_arg);
	run->future.running = false;
	af_future_unref(&run->future);
	return n;
}

static void run_communicate(struct run *run)
{
	struct af_communicate_options *how = &run->how;

	if (how->input_kind == AFIO_INPUT_CALLBACK) {
		run->input_fn = how->input_fn;
		run->input_arg = how->input_arg;
		how->input_fn = run_input;
		how->input_arg = run;
	}
	run->communicate = af_pipe_communicate(run->pipeline, how);
	afi_pipeline_expect(&run->future, run->communicate, run_on_communicated,
			    run);
}

static void run_started(struct run *run)
{
	struct af_process *process;

	if (run->start->error) {
		afi_future_finish(&run->future, run->start->error);
		return;
	}
	process = af_future_take_process(run->start);
	run->pipeline = af_pipe_new(process, NULL);
	if (run->pipeline) {
		run_communicate(run);
		return;
	}
	afi_process_drop(process);
	run_refuse(run, AFIO_STEP_MEMORY, NULL, ENOMEM);
}

static void run_on_started(struct af_future *done, void *arg)
{
	struct run *run = arg;

	(void)done;
	if (!run->future.done)
		run_started(run);
	af_future_unref(&run->future);
}

/* What is still needed once the call has returned. */
static void run_keep_options(struct run *run,
			     const struct af_run_options *options)
{
	static const struct timeval run_default_grace = { .tv_sec = 1 };
	const struct timeval *linger = options->communicate.linger;

	run->grace = options->grace ? *options->grace : run_default_grace;
	run->how = options->communicate;
	run->how.timeout = NULL; /* it is the run's: communicate would end */
	if (linger) {
		run->linger = *linger;
		run->how.linger = &run->linger;
	}
}

/* Starts the child, between pipes unless the options want something else. */
static void run_start(struct run *run, const char *const argv[],
		      const struct af_run_options *options)
{
	struct af_spawn_options spawn = options->spawn;

	run_keep_options(run, options);
	if (spawn.in.kind == AFIO_DEFAULT)
		spawn.in.kind = afi_input_is_none(&options->communicate)
					? AFIO_NULL
					: AFIO_PIPE;
	if (spawn.out.kind == AFIO_DEFAULT)
		spawn.out.kind = AFIO_PIPE;
	if (spawn.err.kind == AFIO_DEFAULT)
		spawn.err.kind = AFIO_PIPE;
	run->start = af_spawn_async(run->future.loop, argv, &spawn);
	if (run->start->done) {
		run_started(run);
		return;
	}
	afi_pipeline_expect(&run->future, run->start, run_on_started, run);
	if (afi_future_limit(&run->future, options->communicate.timeout) < 0)
		run_fail_start(run, -ENOMEM);
}

struct af_future *af_run(struct af_loop *loop, const char *const argv[],
			 const struct af_run_options *options)
{
	static const struct af_run_options run_defaults;
	struct af_future *f = afi_operation_begin(loop, true, &run_ops);
	const char *nonsense;

	if (f->done)
		return f;
	if (!options)
		options = &run_defaults;
	nonsense = run_find_nonsense(options);
	if (nonsense)
		run_refuse(run_of(f), AFIO_STEP_OPTION, nonsense, EINVAL);
	else
		run_start(run_of(f), argv, options);
	return f;
}
