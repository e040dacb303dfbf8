/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The runner: makes a task of each line, and runs several at a time, as an
 * af_map(). The steps of a task are
 *
 *   next_task() -> await_turn() -> print_out() -> print_err() -> finish()
 *
 * The first one awaits a line, and, if the task cannot be started now, for
 * example because no descriptor is left, the end of another task. A task counts
 * as running until it is printed, and a line is read only when another task may
 * run: this bounds the memory.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include <asyncfile.h>

#include "common.h"
#include "hosts.h"
#include "job.h"
#include "lines.h"
#include "runner.h"
#include "tally.h"
#include "words.h"

#define N_SIGNALS 3

/* Exit statuses of xargs; 1 is for all other errors. */
enum {
	SOME_FAILED = 123,
	WAS_255 = 124,
	WAS_KILLED = 125,
	CANNOT_RUN = 126,
	NOT_FOUND = 127,
};

/* A line and its job. */
struct task {
	LIST_ENTRY(task) link;
	struct run *run;
	struct host *host;
	struct job *job;
	char *line; /* without its newline */
	size_t bytes;
};

struct run {
	const struct plan *plan;
	struct hosts *hosts;
	struct af_loop *loop;
	struct lines *in;
	struct af_file *out, *err;
	struct event *signals[N_SIGNALS], *timer;
	struct af_future *reading; /* the next line */
	struct af_future *turn;	   /* done when all tasks so far are printed */
	struct af_future *room; /* done when the next task is over, or NULL */
	LIST_HEAD(, task) tasks;
	bool ended;  /* no more lines: the input has ended, or must stop */
	bool silent; /* nothing is printed any more */
	int status, signal;
	struct tally tally;
};

/* Starts no more tasks. Running tasks finish. */
static void end_input(struct run *run, int status)
{
	if (status != 0 && (run->status == 0 || run->status == SOME_FAILED))
		run->status = status;
	run->ended = true;
	af_future_cancel(run->reading);
}

/* Starts no more tasks, prints nothing more, and stops running tasks. */
static void stop_all(struct run *run)
{
	struct task *task;

	end_input(run, EXIT_FAILURE);
	run->silent = true;
	LIST_FOREACH (task, &run->tasks, link)
		job_stop(task->job);
	af_future_cancel(run->turn);
}

/* Tasks */

/* Sets the exit status after a task, and reports its error. */
static void judge(struct run *run, const struct task *task)
{
	int error = job_error(task->job), status = job_status(task->job);
	const char *name = task->line;

	if (run->silent || (error == 0 && status == 0))
		return;
	run->tally.failed++;
	if (run->status == 0)
		run->status = SOME_FAILED;
	if (error == -ETIMEDOUT) {
		complain(name, ETIME);
	} else if (error < 0) {
		complain(name, error);
		end_input(run, EXIT_FAILURE);
	} else if (WIFSIGNALED(status) || WEXITSTATUS(status) == 255) {
		complain_status(name, status);
		end_input(run, WIFSIGNALED(status) ? WAS_KILLED : WAS_255);
	}
}

static void free_task(struct task *task)
{
	if (task)
		free(task->line);
	free(task);
}

static struct af_future *finish(struct af_future *printed, void *arg)
{
	struct task *task = arg;
	struct run *run = task->run;

	(void)printed;
	judge(run, task);
	run->tally.done++;
	run->tally.running--;
	run->tally.bytes += task->bytes;
	task->host->running--;
	LIST_REMOVE(task, link);
	job_free(task->job);
	free_task(task);
	af_future_resolve(run->room, NULL, NULL);
	return NULL;
}

/* An error of writing to stderr cannot be reported anywhere. */
static struct af_future *print_err(struct af_future *printed, void *arg)
{
	struct task *task = arg;
	struct run *run = task->run;
	int error = af_future_error(printed);

	if (error < 0 && !run->silent) {
		if (error == -EPIPE)
			run->signal = SIGPIPE;
		else
			complain("stdout", error);
		stop_all(run);
	}
	return run->silent ? NULL : job_print_err(task->job, run->err);
}

static struct af_future *print_out(struct af_future *before, void *arg)
{
	struct task *task = arg;
	struct run *run = task->run;

	(void)before;
	if (run->silent)
		return NULL;
	tally_clear(&run->tally);
	return af_finally(job_print_out(task->job, run->out), print_err, task);
}

/* All output is collected. Prints it after the tasks before it. */
static struct af_future *await_turn(struct af_future *collected, void *arg)
{
	struct task *task = arg;
	struct run *run = task->run;

	(void)collected;
	run->turn = af_finally(run->turn, print_out, task);
	return af_future_ref(run->turn);
}

static struct af_future *follow(struct run *run, struct task *task)
{
	const struct timeval *timeout = &run->plan->timeout;
	struct af_future *f =
		job_collect(task->job, timerisset(timeout) ? timeout : NULL);

	task->host->running++;
	run->tally.running++;
	LIST_INSERT_HEAD(&run->tasks, task, link);
	return af_finally(af_finally(f, await_turn, task), finish, task);
}

/* Whether the error may go away when another job is over. */
static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == EAGAIN ||
	       error == ENOMEM;
}

static bool may_pass(const struct run *run, int error)
{
	return run->tally.running > 0 && is_shortage(error);
}

/* NULL with errno; after a complaint, unless it may be tried again. */
static struct job *start_job(struct run *run, const struct task *task)
{
	char **words = words_fill(run->plan->command, task->line);
	struct job *job = NULL;
	int error;

	if (words)
		job = host_start(task->host, run->loop, words);
	error = errno;
	if (!job && !may_pass(run, error))
		complain(words ? host_program(task->host, words) : "a job",
			 error);
	words_free(words);
	errno = error;
	return job;
}

static int status_of_start(int error)
{
	if (is_shortage(error))
		return EXIT_FAILURE;
	return error == ENOENT ? NOT_FOUND : CANNOT_RUN;
}

/* Waits until another task is over. */
static int await_room(struct run *run)
{
	int r;

	run->room = af_future_new(run->loop, NULL, NULL);
	r = af_await(run->room);
	af_future_unref(run->room);
	run->room = NULL;
	return r;
}

/* Starts a task: now, or when others are over. Else ends the input. */
static struct job *launch(struct run *run, struct task *task)
{
	while (!task->job && !run->ended) {
		task->host = hosts_choose(run->hosts);
		task->job = start_job(run, task);
		if (!task->job && !may_pass(run, errno))
			end_input(run, status_of_start(errno));
		else if (!task->job && await_room(run) < 0)
			end_input(run, EXIT_FAILURE);
	}
	return task->job;
}

/* Lines */

/* Reads a line into a task: false at the end, or after a complaint. */
static bool read_line(struct run *run, struct task *task)
{
	const char *data = NULL;
	size_t len = 0;

	run->reading = lines_next(run->in);
	af_await(run->reading);
	if (!run->ended)
		data = lines_take(run->in, run->reading, &len);
	if (len > 0)
		task->line = strndup(data, len - (data[len - 1] == '\n'));
	if (len > 0 && !task->line)
		complain("a job", ENOMEM);
	if (!task->line && !run->ended)
		end_input(run, data && len == 0 ? 0 : EXIT_FAILURE);
	af_future_unref(run->reading);
	run->reading = NULL;
	task->bytes = len;
	return task->line;
}

static struct af_future *next_task(void *arg)
{
	struct run *run = arg;
	struct task *task;

	if (run->ended)
		return NULL;
	task = calloc(1, sizeof(*task));
	if (task) {
		task->run = run;
		if (read_line(run, task) && launch(run, task))
			return follow(run, task);
	} else {
		complain("a job", ENOMEM);
		end_input(run, EXIT_FAILURE);
	}
	free_task(task);
	return NULL;
}

/* The run */

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct run *run = arg;
	size_t i;

	(void)what;
	run->signal = (int)sig;
	stop_all(run);
	/* A second signal has its default action. */
	for (i = 0; i < N_SIGNALS; i++)
		if (run->signals[i])
			event_del(run->signals[i]);
}

/* Does not draw while a task is being printed. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	const struct run *run = arg;

	(void)fd;
	(void)what;
	if (af_future_is_done(run->turn))
		tally_draw(&run->tally, lines_total(run->in));
}

/* A signal that is ignored, for example by nohup, stays ignored. */
static int add_events(struct run *run)
{
	static const int numbers[N_SIGNALS] = { SIGINT, SIGTERM, SIGHUP };
	static const struct timeval period = { .tv_usec = 100000 };
	struct event_base *base = af_loop_base(run->loop);
	struct sigaction old;
	size_t i;

	for (i = 0; i < N_SIGNALS; i++) {
		sigaction(numbers[i], NULL, &old);
		if (old.sa_handler == SIG_IGN)
			continue;
		run->signals[i] =
			evsignal_new(base, numbers[i], on_signal, run);
		if (!run->signals[i] || evsignal_add(run->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	if (!run->tally.is_shown)
		return 0;
	run->timer = event_new(base, -1, EV_PERSIST, on_tick, run);
	return run->timer ? event_add(run->timer, &period) : -ENOMEM;
}

static void free_events(struct run *run)
{
	size_t i;

	for (i = 0; i < N_SIGNALS; i++)
		if (run->signals[i])
			event_free(run->signals[i]);
	tally_clear(&run->tally);
	if (run->timer)
		event_free(run->timer);
}

static int open_files(struct run *run)
{
	run->in = lines_open(run->loop);
	if (!run->in)
		return -1;
	run->out = af_file_new(run->loop, STDOUT_FILENO, AFIO_KEEP_FD);
	if (!run->out) {
		complain("stdout", errno);
		return -1;
	}
	run->err = af_file_new(run->loop, STDERR_FILENO, AFIO_KEEP_FD);
	return 0;
}

static void close_files(struct run *run)
{
	lines_close(run->in);
	af_file_close(run->out);
	af_file_close(run->err);
}

static int run_all(struct run *run)
{
	struct af_future *tasks;
	int r;

	if (open_files(run) < 0)
		return EXIT_FAILURE;
	run->turn = af_succeeded(run->loop, NULL, NULL);
	tasks = af_map(run->loop, next_task, run,
		       hosts_count(run->hosts) * run->plan->jobs, AFIO_SETTLE);
	r = af_await(tasks);
	if (r < 0)
		complain("start", r);
	af_future_unref(tasks);
	af_future_unref(run->turn);
	return r < 0 ? EXIT_FAILURE : run->status;
}

int runner_run(const struct plan *plan, int *ret_signal)
{
	struct run run = { .plan = plan };
	int r = EXIT_FAILURE;

	tally_init(&run.tally);
	run.hosts = hosts_new(plan->hosts, plan->n_hosts, plan->ssh);
	run.loop = af_loop_new(NULL);
	if (run.hosts && run.loop && add_events(&run) == 0)
		r = run_all(&run);
	else
		complain("start", run.hosts && !run.loop ? errno : ENOMEM);
	if (run.loop)
		free_events(&run);
	close_files(&run);
	af_loop_free(run.loop);
	hosts_free(run.hosts);
	*ret_signal = run.signal;
	return r;
}
