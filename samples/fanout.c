/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fanout: a command for each line of stdin, N at a time, here or on other
 * hosts. This is the sample for continuations: a task goes
 *
 *   got_line() -> start() -> await_turn() -> print_out() -> print_err()
 *   -> finish()
 *
 * and nothing waits in between. It keeps its place until it is printed, and a
 * line is read when there is a place for it: that bounds the memory.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include <asyncfile.h>

#include "common.h"
#include "job.h"
#include "words.h"

/* More than the kernel lets an argument be: such a line is an error. */
#define MAX_LINE ((size_t)128 * 1024)
#define LINE_HINT 80
#define N_SIGNALS 3

/* As of xargs. */
enum {
	TROUBLE = 1,
	SOME_FAILED = 123,
	WAS_255 = 124,
	WAS_KILLED = 125,
	CANNOT_RUN = 126,
	NOT_FOUND = 127,
};

char program_name[] = "fanout";

struct host {
	char *name; /* NULL: here */
	size_t running;
};

/* A line, and what is done about it. */
struct task {
	LIST_ENTRY(task) link;
	struct fanout *fanout;
	struct host *host;
	struct job *job;
	char *line; /* without its newline */
	size_t bytes;
};

struct fanout {
	/* What was asked for. */
	char **command;
	char **ssh; /* with two free places at its end */
	size_t n_ssh;
	struct host *hosts;
	size_t n_hosts, jobs_per_host;
	struct timeval timeout;

	struct af_loop *loop;
	struct af_file *in, *out, *err;
	struct event *signals[N_SIGNALS], *timer;
	struct af_future *reading; /* the next line */
	struct af_future *turn;	   /* done when all is printed so far */
	LIST_HEAD(, task) tasks;
	bool ended;  /* no more lines: they are over, or it is time to stop */
	bool silent; /* nothing is printed any more */
	int status, signal;

	/* For the progress line. Bytes are of the input; total 0: unknown. */
	size_t running, done, failed;
	uint64_t bytes_read, bytes_done, bytes_total;
	time_t start;
};

static void go_on(struct fanout *f);

/* No more tasks. Those that run are waited for. */
static void end_input(struct fanout *f, int status)
{
	if (status != 0 && (f->status == 0 || f->status == SOME_FAILED))
		f->status = status;
	f->ended = true;
	af_future_cancel(f->reading);
}

/* No more tasks, no more output, and those that run are stopped. */
static void stop_all(struct fanout *f)
{
	struct task *task;

	end_input(f, TROUBLE);
	f->silent = true;
	LIST_FOREACH (task, &f->tasks, link)
		job_stop(task->job);
	af_future_cancel(f->turn);
}

/* The progress line */

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static void clear_progress(const struct fanout *f)
{
	if (f->timer)
		fputs("\r\033[K", stderr);
}

static void draw_progress(evutil_socket_t fd, short what, void *arg)
{
	const struct fanout *f = arg;
	uint64_t left;

	(void)fd;
	(void)what;
	if (!af_future_is_done(f->turn))
		return;
	clear_progress(f);
	fprintf(stderr, "%zu done, %zu running, %zu failed", f->done,
		f->running, f->failed);
	if (f->bytes_done == 0 || f->bytes_total < f->bytes_done)
		return;
	left = (uint64_t)((double)(now() - f->start) *
			  (double)(f->bytes_total - f->bytes_done) /
			  (double)f->bytes_done);
	fprintf(stderr, ", %d:%02d:%02d left", (int)(left / 3600),
		(int)(left / 60 % 60), (int)(left % 60));
}

/* Tasks */

/* What a task's end means for the whole. */
static void judge(struct fanout *f, const struct task *task)
{
	int error = job_error(task->job), status = job_status(task->job);
	const char *name = task->line;

	if (f->silent || (error == 0 && status == 0))
		return;
	f->failed++;
	if (f->status == 0)
		f->status = SOME_FAILED;
	if (error == -ETIMEDOUT) {
		complain(name, ETIME);
	} else if (error < 0) {
		complain(name, error);
		end_input(f, TROUBLE);
	} else if (WIFSIGNALED(status) || WEXITSTATUS(status) == 255) {
		complain_status(name, status);
		end_input(f, WIFSIGNALED(status) ? WAS_KILLED : WAS_255);
	}
}

static void free_task(struct task *task)
{
	if (task)
		free(task->line);
	free(task);
}

static void finish(struct af_future *printed, void *arg)
{
	struct task *task = arg;
	struct fanout *f = task->fanout;

	(void)printed;
	judge(f, task);
	f->done++;
	f->running--;
	f->bytes_done += task->bytes;
	task->host->running--;
	LIST_REMOVE(task, link);
	job_free(task->job);
	free_task(task);
	go_on(f);
}

/* That stderr cannot be written has nowhere to be said. */
static struct af_future *print_err(struct af_future *printed, void *arg)
{
	struct task *task = arg;
	struct fanout *f = task->fanout;
	int error = af_future_error(printed);

	if (error < 0 && !f->silent) {
		if (error == -EPIPE)
			f->signal = SIGPIPE;
		else
			complain("stdout", error);
		stop_all(f);
	}
	return f->silent ? NULL : job_print_err(task->job, f->err);
}

static struct af_future *print_out(struct af_future *before, void *arg)
{
	struct task *task = arg;
	struct fanout *f = task->fanout;

	(void)before;
	if (f->silent)
		return NULL;
	clear_progress(f);
	return af_finally(job_print_out(task->job, f->out), print_err, task);
}

/* It is all there, and is printed when what came before has been. */
static void await_turn(struct af_future *collected, void *arg)
{
	struct task *task = arg;
	struct fanout *f = task->fanout;

	(void)collected;
	f->turn = af_finally(f->turn, print_out, task);
	af_on_done(af_future_ref(f->turn), finish, task);
}

static void follow(struct fanout *f, struct task *task)
{
	bool is_bounded = timerisset(&f->timeout);

	task->host->running++;
	f->running++;
	LIST_INSERT_HEAD(&f->tasks, task, link);
	af_on_done(job_collect(task->job, is_bounded ? &f->timeout : NULL),
		   await_turn, task);
}

/* Here, or by ssh there. NULL after a complaint, with errno. */
static struct job *start_job(struct fanout *f, const struct host *host,
			     char **words)
{
	char **argv = words, *remote = NULL;
	struct job *job = NULL;
	int error;

	if (host->name) {
		remote = words_quote(words);
		argv = f->ssh;
		argv[f->n_ssh] = host->name;
		argv[f->n_ssh + 1] = remote;
	}
	if (remote || !host->name)
		job = job_start(f->loop, argv);
	error = errno;
	if (!job)
		complain(argv[0], error);
	free(remote);
	errno = error;
	return job;
}

/* The one with the least to do. */
static struct host *choose_host(struct fanout *f)
{
	struct host *host = f->hosts;
	size_t i;

	for (i = 1; i < f->n_hosts; i++)
		if (f->hosts[i].running < host->running)
			host = &f->hosts[i];
	return host;
}

static void start(struct fanout *f, const char *data, size_t len)
{
	struct task *task = calloc(1, sizeof(*task));
	char **words = NULL;

	if (task) {
		task->fanout = f;
		task->host = choose_host(f);
		task->bytes = len;
		task->line = strndup(data, len - (data[len - 1] == '\n'));
	}
	if (task && task->line)
		words = words_fill(f->command, task->line);
	if (!words) {
		complain("a job", ENOMEM);
		end_input(f, TROUBLE);
	} else if (!(task->job = start_job(f, task->host, words))) {
		end_input(f, errno == ENOENT ? NOT_FOUND : CANNOT_RUN);
	} else {
		follow(f, task);
		task = NULL;
	}
	words_free(words);
	free_task(task);
}

/* Lines */

/* What keeps a line from being an argument; 0: nothing. */
static int check_line(struct af_future *line, const char *data, size_t len)
{
	if (af_future_error(line) < 0)
		return af_future_error(line);
	if (af_future_flags(line) & AFIO_TRUNCATED)
		return -E2BIG;
	return memchr(data, '\0', len) ? -EBADMSG : 0;
}

static void got_line(struct af_future *line, void *arg)
{
	struct fanout *f = arg;
	size_t len = 0;
	const char *data = af_future_data(line, &len);
	int r = check_line(line, data, len);

	af_future_unref(f->reading);
	f->reading = NULL;
	f->bytes_read += len;
	if (f->ended) {
		;
	} else if (r < 0) {
		complain("stdin", r);
		end_input(f, TROUBLE);
	} else if (len == 0) {
		f->bytes_total = f->bytes_read;
		end_input(f, 0);
	} else {
		start(f, data, len);
	}
	go_on(f);
}

static void go_on(struct fanout *f)
{
	if (f->reading)
		return;
	if (f->ended && f->running == 0)
		af_loop_stop(f->loop);
	if (f->ended || f->running == f->n_hosts * f->jobs_per_host)
		return;
	f->reading = af_file_readline(f->in, MAX_LINE, LINE_HINT, 0, NULL);
	af_on_done(af_future_ref(f->reading), got_line, f);
}

/* The whole */

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct fanout *f = arg;
	size_t i;

	(void)what;
	f->signal = (int)sig;
	stop_all(f);
	/* A second one does not ask. */
	for (i = 0; i < N_SIGNALS; i++)
		if (f->signals[i])
			event_del(f->signals[i]);
}

/* A signal that is ignored, as under nohup, stays so. */
static int add_events(struct fanout *f)
{
	static const int numbers[N_SIGNALS] = { SIGINT, SIGTERM, SIGHUP };
	static const struct timeval period = { .tv_usec = 100000 };
	struct event_base *base = af_loop_base(f->loop);
	struct sigaction old;
	size_t i;

	for (i = 0; i < N_SIGNALS; i++) {
		sigaction(numbers[i], NULL, &old);
		if (old.sa_handler == SIG_IGN)
			continue;
		f->signals[i] = evsignal_new(base, numbers[i], on_signal, f);
		if (!f->signals[i] || evsignal_add(f->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	if (!isatty(STDERR_FILENO))
		return 0;
	f->start = now();
	f->timer = event_new(base, -1, EV_PERSIST, draw_progress, f);
	return f->timer ? event_add(f->timer, &period) : -ENOMEM;
}

static void free_events(struct fanout *f)
{
	size_t i;

	for (i = 0; i < N_SIGNALS; i++)
		if (f->signals[i])
			event_free(f->signals[i]);
	clear_progress(f);
	if (f->timer)
		event_free(f->timer);
}

/* Of a file it is known how much there is to come. */
static int open_files(struct fanout *f)
{
	off_t size;

	f->in = af_file_new(f->loop, STDIN_FILENO, AFIO_KEEP_FD);
	if (!f->in) {
		complain("stdin", errno);
		return -1;
	}
	f->out = af_file_new(f->loop, STDOUT_FILENO, AFIO_KEEP_FD);
	if (!f->out) {
		complain("stdout", errno);
		return -1;
	}
	f->err = af_file_new(f->loop, STDERR_FILENO, AFIO_KEEP_FD);
	size = af_file_size(f->in);
	if (size > 0)
		f->bytes_total =
			(uint64_t)(size - af_file_seek(f->in, 0, SEEK_CUR));
	return 0;
}

static int run(struct fanout *f)
{
	int r = TROUBLE;

	f->loop = af_loop_new(NULL);
	if (!f->loop) {
		complain("loop", errno);
		return TROUBLE;
	}
	if (add_events(f) < 0) {
		complain("events", ENOMEM);
	} else if (open_files(f) == 0) {
		f->turn = af_all(f->loop, NULL, 0);
		go_on(f);
		af_loop_run(f->loop);
		r = f->status;
	}
	free_events(f);
	af_future_unref(f->turn);
	af_file_close(f->in);
	af_file_close(f->out);
	af_file_close(f->err);
	af_loop_free(f->loop);
	return r;
}

static const char help_text[] =
	"Usage: fanout [OPTION]... COMMAND [ARG...]\n"
	"Runs COMMAND once for each line of stdin, several at a time. The "
	"line\n"
	"takes the place of every {} in COMMAND and ARGs, or is one more ARG "
	"if\n"
	"there is none. The output of a job is printed in one piece, when it "
	"has\n"
	"ended and nobody has its output open any more.\n"
	"\n"
	"  -j, --jobs N     how many at a time; with --host, on each host. As\n"
	"                   many as processors here if missing\n"
	"  -t, --timeout S  stop a job that takes longer than S seconds, with\n"
	"                   all of its process group: SIGTERM, and SIGKILL 2 "
	"s\n"
	"                   later. It has failed. On a host only ssh is "
	"stopped\n"
	"  -H, --host HOST  run \"ssh HOST\" with the command, quoted for a "
	"POSIX\n"
	"                   shell. May be given more than once, and the jobs "
	"are\n"
	"                   spread. Nothing is asked: BatchMode=yes\n"
	"  -s, --ssh SSH    the words to use instead of \"ssh\", for instance\n"
	"                   \"ssh -p 2222 -i key\"\n"
	"  -h, --help       this text\n"
	"\n"
	"The jobs read /dev/null. On a terminal, stderr shows how far it is, "
	"and\n"
	"how long it will take where stdin is a file or at its end. SIGINT, "
	"SIGTERM\n"
	"and SIGHUP stop all jobs.\n"
	"\n"
	"Exit status, as of xargs: 0; 123 if a job failed; 124 if one exited "
	"with\n"
	"255, as ssh does when it cannot reach its host; 125 if one was killed "
	"by a\n"
	"signal; 126 if COMMAND cannot be run, 127 if it is not found; 1 on "
	"other\n"
	"errors. But for 123 no more jobs are started then; those that run go "
	"on.\n";

/* The words of ssh, and two free places. Nothing is to be asked. */
static char **split_ssh(char *text, size_t *ret_n)
{
	static char *const fixed[] = { "-o", "BatchMode=yes", "--" };
	char **words = calloc(strlen(text) + 6, sizeof(*words));
	char *word, *state;
	size_t i, n = 0;

	if (!words)
		return NULL;
	for (word = strtok_r(text, " \t", &state); word;
	     word = strtok_r(NULL, " \t", &state))
		words[n++] = word;
	for (i = 0; n > 0 && i < 3; i++)
		words[n++] = fixed[i];
	*ret_n = n;
	return words;
}

/* A positive number of at most max; 0 if it is none. */
static double parse_number(const char *text, double max)
{
	char *end;
	double number = strtod(text, &end);

	return *text && !*end && number > 0 && number <= max ? number : 0;
}

static int parse(struct fanout *f, int argc, char *argv[], char **ssh)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "host", required_argument, NULL, 'H' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "ssh", required_argument, NULL, 's' },
		{ "timeout", required_argument, NULL, 't' },
		{ 0 },
	};
	double number;
	int c;

	while ((c = getopt_long(argc, argv, "+hH:j:s:t:", options, NULL)) !=
	       -1) {
		switch (c) {
		case 'h':
			exit(print_help(help_text) < 0 ? TROUBLE : 0);
		case 'H':
			f->hosts[f->n_hosts++].name = optarg;
			break;
		case 'j':
			f->jobs_per_host = (size_t)parse_number(optarg, 1e6);
			if (f->jobs_per_host == 0)
				return usage_error("--jobs takes a number");
			break;
		case 's':
			*ssh = optarg;
			break;
		case 't':
			number = parse_number(optarg, 1e9);
			f->timeout.tv_sec = (time_t)number;
			number -= (double)f->timeout.tv_sec;
			f->timeout.tv_usec = (suseconds_t)(number * 1e6);
			if (!timerisset(&f->timeout))
				return usage_error("--timeout takes seconds");
			break;
		default:
			return usage_error(NULL);
		}
	}
	return optind < argc ? 0 : usage_error("expected a COMMAND");
}

int main(int argc, char *argv[])
{
	char plain[] = "ssh", *ssh = plain;
	struct fanout f = { 0 };
	int r = TROUBLE;

	hold_standard_streams();
	f.hosts = calloc((size_t)argc, sizeof(*f.hosts));
	if (!f.hosts) {
		complain("hosts", ENOMEM);
		return TROUBLE;
	}
	f.jobs_per_host = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
	argv[0] = program_name;
	if (parse(&f, argc, argv, &ssh) != 0)
		return TROUBLE;
	f.command = argv + optind;
	f.n_hosts += f.n_hosts == 0;
	f.ssh = split_ssh(ssh, &f.n_ssh);
	/* A message must not kill us, and a child's status not be lost. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	if (!f.ssh)
		complain("ssh", ENOMEM);
	else
		r = run(&f);
	free(f.ssh);
	free(f.hosts);
	if (f.signal) {
		signal(f.signal, SIG_DFL);
		raise(f.signal);
	}
	return r;
}
