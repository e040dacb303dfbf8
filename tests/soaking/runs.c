/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Children that run by themselves: af_run() with input and output, and one that
 * stops and goes on, which is watched.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "soaking/loads.h"
#include "support/pattern.h"

struct run {
	struct task task;
	struct af_process *process;
	size_t len;
	bool is_continued;
	char input[20000];
};

static void run_end(struct task *task)
{
	struct run *run = (struct run *)task;

	af_process_free(run->process);
	free(run);
}

static void run_done(struct af_future *done, void *arg)
{
	struct run *run = arg;
	const struct af_output *output = af_future_output(done);

	if (!output)
		soak_fail("af_run() without an output");
	if (pattern_match(output->out, output->out_len, 0) != output->out_len)
		soak_fail("af_run(): another output");
	if (af_future_error(done) == 0 &&
	    (output->status != 0 || output->out_len != run->len))
		soak_fail("af_run(): status %#x, %zu of %zu bytes",
			  (unsigned)output->status, output->out_len, run->len);
	tally.bytes += output->out_len;
}

void load_run(void)
{
	static const struct timeval grace = { 0, 1000 };
	const char *const argv[] = { soak.helper, chance(2) ? "cat" : "slurp",
				     NULL };
	struct run *run = soak_alloc(sizeof *run);
	struct af_run_options options = { .grace = &grace };

	task_begin(&run->task, "run", run_end);
	run->len = 1 + pick(sizeof run->input);
	pattern_fill(run->input, run->len, 0);
	options.communicate.input_kind = AFIO_INPUT_MEMORY;
	options.communicate.input = run->input;
	options.communicate.input_len = run->len;
	options.communicate.timeout = deadline();
	tally.children++;
	op_watch(&run->task, "af_run", af_run(soak.loop, argv, &options),
		 MAY_LACK, run_done, run);
	task_drop(&run->task);
}

static void run_changed(struct af_future *done, void *arg);

static void run_watch(struct run *run)
{
	op_watch(&run->task, "wait for a change",
		 af_process_wait_change(run->process, deadline()), 0,
		 run_changed, run);
}

/* Stopped: goes on. Continued: is killed. Ended: that was it. */
static void run_changed(struct af_future *done, void *arg)
{
	struct run *run = arg;
	int status = af_future_status(done);

	if (af_future_error(done) == 0 && WIFSIGNALED(status)) {
		if (WTERMSIG(status) != SIGKILL || !run->is_continued)
			soak_fail("a stopped child ended by itself");
		return;
	}
	if (af_future_error(done) == 0 && WIFSTOPPED(status))
		af_process_signal(run->process, SIGCONT);
	if (af_future_error(done) == 0 && WIFCONTINUED(status)) {
		run->is_continued = true;
		af_process_signal(run->process, SIGKILL);
	}
	run_watch(run);
}

void load_stopped_child(void)
{
	const char *const argv[] = { soak.helper, "pause", NULL };
	struct run *run = soak_alloc(sizeof *run);

	task_begin(&run->task, "stopped child", run_end);
	run->process = af_spawn(soak.loop, argv, NULL);
	if (run->process) {
		tally.children++;
		af_process_signal(run->process, SIGSTOP);
		run_watch(run);
	} else {
		op_lacked("af_spawn", errno);
	}
	task_drop(&run->task);
}
