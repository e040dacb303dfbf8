/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Printing a task. An error of writing to stdout or to the job log ends the
 * run. One of writing to stderr cannot be reported anywhere.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <asyncfile.h>

#include "joblog.h"
#include "json.h"
#include "message.h"
#include "outcome.h"
#include "plan.h"
#include "printing.h"
#include "report.h"
#include "run.h"
#include "task.h"
#include "words.h"

/* Checks what was printed on stdout. */
static void check(struct run *run, struct af_future *printed)
{
	int error = af_future_error(printed);

	if (error == 0 || run->silent)
		return;
	if (error == -EPIPE) {
		run->signal = SIGPIPE;
	} else {
		message_error("stdout", error);
		run->broken = true;
	}
	run_abandon(run);
}

static struct filter filter_of(const struct task *task,
			       const struct filter *base)
{
	struct filter filter = *base;

	if (task->run->plan->tag)
		filter.tag = task->item.text;
	return filter;
}

static struct af_future *out_over(struct af_future *printed, void *arg)
{
	struct task *task = arg;
	struct run *run = task->run;
	struct filter filter = filter_of(task, &run->err_filter);

	check(run, printed);
	if (run->silent)
		return NULL;
	return job_print_err(task->job, run->err, &filter);
}

static struct af_future *all_over(struct af_future *printed, void *arg)
{
	const struct task *task = arg;

	check(task->run, printed);
	return NULL;
}

static struct af_future *print_command(struct task *task)
{
	struct af_file *out = task->run->out;
	char *text = task->words ? words_show(task->words) : NULL;
	struct af_future *parts[2];

	if (!text)
		return af_failed(task->run->loop, -ENOMEM);
	parts[0] = af_file_write(out, text, strlen(text), AFIO_FULL, NULL);
	parts[1] = af_file_write(out, "\n", 1, AFIO_FULL, NULL);
	free(text);
	return af_all(task->run->loop, parts, 2);
}

static struct af_future *print_report(struct task *task)
{
	struct report report;

	outcome_report(task, &report);
	return json_print(&report, task->job, task->run->out);
}

struct af_future *printing_output(struct task *task)
{
	struct run *run = task->run;
	struct filter filter = filter_of(task, &run->out_filter);

	run->printing = true;
	if (run->silent)
		return NULL;
	tally_clear(&run->tally);
	if (run->plan->dry_run && task->start_error == 0)
		return af_finally(print_command(task), all_over, task);
	if (run->plan->json && task->start_error != -ECANCELED)
		return af_finally(print_report(task), all_over, task);
	if (!task->job)
		return NULL;
	return af_finally(job_print_out(task->job, run->out, &filter), out_over,
			  task);
}

static struct af_future *log_failed(struct af_future *written, void *arg)
{
	struct task *task = arg;

	message_error(task->run->plan->joblog, af_future_error(written));
	run_break(task->run);
	run_stop(task->run);
	return NULL;
}

/* What was not printed is not in the log, so that it can be printed later. */
struct af_future *printing_log(struct task *task)
{
	struct run *run = task->run;
	struct report report;

	if (run->silent || run->plan->dry_run || outcome_was_stopped(task))
		return NULL;
	outcome_report(task, &report);
	return af_catch(joblog_write(run->log, run->loop, &report), log_failed,
			task);
}
