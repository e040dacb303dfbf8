/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The outcome of a task. A job that could not be started has the exit status
 * that a shell would give it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "block.h"
#include "hosts.h"
#include "message.h"
#include "outcome.h"
#include "plan.h"
#include "report.h"
#include "run.h"
#include "task.h"

double outcome_seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

bool outcome_is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -EAGAIN ||
	       error == -ENOMEM;
}

bool outcome_failed(const struct task *task)
{
	return task->start_error < 0 || task->end.error < 0 ||
	       task->end.status != 0;
}

bool outcome_was_stopped(const struct task *task)
{
	return task->start_error == -ECANCELED || task->end.error == -ECANCELED;
}

bool outcome_is_fatal(const struct task *task)
{
	int error = task->end.error;

	return outcome_is_shortage(task->start_error) ||
	       (error < 0 && error != -ETIMEDOUT && error != -ECANCELED &&
		error != -EHOSTDOWN);
}

static int exit_of_start(int error)
{
	return error == -ENOENT ? 127 : 126;
}

int outcome_exit(const struct task *task)
{
	int status = task->end.status;

	if (task->start_error < 0)
		return exit_of_start(task->start_error);
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	if (task->end.error < 0 && status == 0)
		return 1;
	return WEXITSTATUS(status);
}

void outcome_complain(const struct task *task)
{
	const char *name = task->item.text;
	int error = task->end.error, status = task->end.status;

	if (task->run->silent || outcome_was_stopped(task))
		return;
	if (task->start_error < 0)
		message_error(task->words
				      ? host_program(task->host, task->words)
				      : "a job",
			      task->start_error);
	else if (error == -ETIMEDOUT)
		message_text(name, "timed out");
	else if (error == -EHOSTDOWN)
		message_text(name, "node failure");
	else if (error < 0)
		message_error(name, error);
	else if (WIFSIGNALED(status))
		message_text(name, strsignal(WTERMSIG(status)));
}

static const char *error_text(const struct task *task)
{
	if (outcome_was_stopped(task))
		return "stopped";
	if (task->start_error < 0)
		return strerror(-task->start_error);
	if (task->end.error == -ETIMEDOUT)
		return "timed out";
	if (task->end.error == -EHOSTDOWN)
		return "node failure";
	return task->end.error < 0 ? strerror(-task->end.error) : NULL;
}

static const char *place(const struct task *task)
{
	const char *step = task->job ? job_place(task->job) : NULL;

	return step ? step : host_name(task->host);
}

void outcome_report(const struct task *task, struct report *report)
{
	static char *const none[] = { NULL };
	int status = task->end.status;

	*report = (struct report){
		.number = task->number,
		.host = place(task),
		.item = task->item.text,
		.argv = task->words ? task->words : none,
		.start = task->start_time,
		.runtime = task->runtime,
		.sent = task->item.block ? block_size(task->item.block) : 0,
		.received = task->job ? job_out_size(task->job) : 0,
		.error = error_text(task),
	};
	if (task->start_error < 0)
		report->exit = exit_of_start(task->start_error);
	else if (task->end.error < 0)
		report->exit = -1;
	else
		report->exit = WEXITSTATUS(status);
	if (task->job && WIFSIGNALED(status))
		report->signal = WTERMSIG(status);
}
