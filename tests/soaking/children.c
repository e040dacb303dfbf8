/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Children that are talked to: started in both ways, alone and in a row, behind
 * pipes and terminals; some are killed, some stop and go on.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "soaking/flow.h"
#include "soaking/loads.h"

struct child {
	struct task task;
	struct flow flow;
	struct af_process *process;
	struct af_pipe *pipe; /* has the processes of a pipeline */
	bool is_terminal, is_killed, is_paused;
};

static void child_end(struct task *task)
{
	struct child *child = (struct child *)task;

	if (child->pipe)
		af_pipe_close(child->pipe);
	else
		af_process_free(child->process);
	free(child);
}

static struct child *child_new(const char *name)
{
	struct child *child = soak_alloc(sizeof *child);

	task_begin(&child->task, name, child_end);
	return child;
}

/* The end of a child that was stopped, or not. */
static void child_ended(struct af_future *done, void *arg)
{
	struct child *child = arg;
	int error = af_future_error(done), status = af_future_status(done);

	if (error == -ECANCELED || error == -ETIMEDOUT) {
		op_watch(&child->task, "wait",
			 child->pipe
				 ? af_pipe_wait(child->pipe, deadline())
				 : af_process_wait(child->process, deadline()),
			 0, child_ended, child);
		return;
	}
	if (!child->is_killed && status != 0)
		soak_fail("%s: status %#x", child->task.name, (unsigned)status);
}

static void child_wait(struct child *child)
{
	static const struct timeval at_once = { 0, 0 };
	struct af_future *f;

	if (!child->is_killed)
		f = child->pipe ? af_pipe_wait(child->pipe, deadline())
				: af_process_wait(child->process, deadline());
	else
		f = child->pipe ? af_pipe_stop(child->pipe, &at_once)
				: af_process_stop(child->process, &at_once);
	op_watch(&child->task, child->is_killed ? "stop" : "wait", f, 0,
		 child_ended, child);
}

static void child_sent(struct flow *flow)
{
	struct child *child = flow->arg;
	int r;

	if (child->is_terminal)
		return;
	r = child->pipe ? af_pipe_close_stdin(child->pipe)
			: af_process_close_stdin(child->process);
	if (r < 0)
		soak_fail("close of stdin: %s", strerror(-r));
}

static void child_got(struct flow *flow)
{
	struct child *child = flow->arg;

	if (child->is_terminal)
		child->is_killed = true;
	child_wait(child);
}

/* Some time later: kills it; or lets one that was stopped go on. */
static void child_later(struct af_future *done, void *arg)
{
	struct child *child = arg;

	(void)done;
	if (!child->is_paused)
		child->is_killed = true;
	if (child->pipe)
		af_pipe_signal(child->pipe,
			       child->is_paused ? SIGCONT : SIGKILL);
	else
		af_process_signal(child->process,
				  child->is_paused ? SIGCONT : SIGKILL);
}

static void child_talk(struct child *child)
{
	const struct timeval soon = { 0, 1 + (int)pick(20000) };
	struct flow *flow = &child->flow;

	tally.children++;
	flow->task = &child->task;
	flow->in = child->pipe ? af_pipe_stdin(child->pipe)
			       : af_process_stdin(child->process);
	flow->out = child->pipe ? af_pipe_stdout(child->pipe)
				: af_process_stdout(child->process);
	flow->total = 1 + pick(chance(4) ? 300000 : 5000);
	flow->has_no_end = child->is_terminal;
	flow->sent_all = child_sent;
	flow->got_all = child_got;
	flow->arg = child;
	if (!child->is_terminal && chance(4)) {
		child->is_paused = chance(2);
		flow->is_lossy = !child->is_paused;
		flow->may = flow->is_lossy ? MAY_BREAK : 0;
		if (child->is_paused)
			af_process_signal(
				child->pipe ? af_pipe_process(child->pipe, 0)
					    : child->process,
				SIGSTOP);
		op_watch(&child->task, "moment", af_sleep(soak.loop, &soon), 0,
			 child_later, child);
	}
	flow_begin(flow);
}

static void child_started(struct af_future *done, void *arg)
{
	struct child *child = arg;

	if (af_future_error(done) < 0)
		return;
	if (!child->process && !child->pipe) {
		child->process = af_future_take_process(done);
		child->pipe = child->process ? NULL : af_future_take_pipe(done);
	}
	if (!child->process && !child->pipe)
		soak_fail("%s: a start without a child", child->task.name);
	child_talk(child);
}

static void child_failed(const char *what)
{
	if (errno == EMFILE && !*af_spawn_error(soak.loop))
		soak_fail("%s failed without a text", what);
	op_lacked(what, errno);
}

static void child_start(struct child *child,
			const struct af_spawn_options *options)
{
	const char *const argv[] = { soak.helper, "cat", NULL };

	if (chance(2)) {
		op_watch(&child->task, "start",
			 af_spawn_async(soak.loop, argv, options), MAY_LACK,
			 child_started, child);
	} else {
		child->process = af_spawn(soak.loop, argv, options);
		if (child->process)
			child_talk(child);
		else
			child_failed("af_spawn");
	}
	task_drop(&child->task);
}

void load_child(void)
{
	const struct af_spawn_options options = {
		.in.kind = AFIO_PIPE,
		.out.kind = AFIO_PIPE,
		.new_group = chance(2),
#ifdef AFI_LINUX
		.die_with_parent = chance(8),
#endif
	};

	child_start(child_new("child"), &options);
}

void load_terminal(void)
{
	const struct af_spawn_options options = {
		.in.kind = AFIO_PTY,
		.out.kind = AFIO_PTY,
		.pty_flags = AFIO_PTY_RAW,
	};
	struct child *child = child_new("terminal");

	child->is_terminal = true;
	child_start(child, &options);
}

void load_pipeline(void)
{
	const char *const cat[] = { soak.helper, "cat", NULL };
	const char *const *const stages[] = { cat, cat, chance(2) ? cat : NULL,
					      NULL };
	const struct af_spawn_options options = {
		.in.kind = AFIO_PIPE,
		.out.kind = AFIO_PIPE,
	};
	struct child *child = child_new("pipeline");

	if (chance(2)) {
		op_watch(&child->task, "start",
			 af_pipe_spawn_async(soak.loop, stages, &options),
			 MAY_LACK, child_started, child);
	} else {
		child->pipe = af_pipe_spawn(soak.loop, stages, &options);
		if (child->pipe)
			child_talk(child);
		else
			child_failed("af_pipe_spawn");
	}
	task_drop(&child->task);
}
