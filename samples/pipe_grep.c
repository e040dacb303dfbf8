/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipe_grep: feeds a file line by line to "grep -i | wc"; or, with --follow,
 * prints the matching lines as the file grows. It shows af_await(): the code
 * reads like blocking code, while the loop runs signals and other events.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include <asyncfile.h>

#include "common.h"

#define BATCH_SIZE ((size_t)64 * 1024)
#define LINE_HINT 80

enum { MATCHED = 0, NOT_MATCHED = 1, TROUBLE = 2 };

char program_name[] = "pipe_grep";

struct grep {
	struct af_loop *loop;
	const char *pattern, *path;
	struct af_file *output;

	/* The future being awaited, which a signal cancels. */
	struct af_future *waiting;
	bool stopped;
};

/* Awaits f. From the first signal on, it returns -ECANCELED. */
static int await_unless_stopped(struct grep *g, struct af_future *f)
{
	int r;

	if (g->stopped)
		return -ECANCELED;
	g->waiting = f;
	r = af_await(f);
	g->waiting = NULL;
	return r;
}

static void stop(evutil_socket_t sig, short what, void *arg)
{
	struct grep *g = arg;

	(void)sig;
	(void)what;
	g->stopped = true;
	af_future_cancel(g->waiting);
}

/* Prints one line; len is 0 at the end of file. */
static int print_line(struct grep *g, const char *line, size_t len)
{
	struct af_future *written = af_file_write(
		g->output, line, len, AFIO_FULL | AFIO_BORROW, NULL);
	int r = await_unless_stopped(g, written);

	af_future_unref(written);
	if (r < 0 && !g->stopped)
		complain("stdout", r);
	return r;
}

/* Prints every line of the pipeline's output as soon as it arrives. */
static int print_lines(struct grep *g, struct af_pipe *pipe)
{
	struct af_future *line;
	const char *data;
	size_t len;
	int r;

	do {
		line = af_pipe_readline(pipe, 0, LINE_HINT, 0, NULL);
		r = await_unless_stopped(g, line);
		if (r == 0) {
			data = af_future_data(line, &len);
			r = print_line(g, data, len);
		} else if (!g->stopped) {
			complain("grep", r);
		}
		af_future_unref(line);
	} while (r == 0 && len > 0);
	return r;
}

/* Sends the batch. -EPIPE, without a message, if grep has exited. */
static int send_batch(struct af_pipe *pipe, struct evbuffer *batch)
{
	int r = await_once(af_file_write_buffer(af_pipe_stdin(pipe), batch,
						AFIO_FULL, NULL));

	if (r < 0 && r != -EPIPE)
		complain("grep", r);
	return r;
}

/* Sends every line of the input, in batches. */
static int feed_lines(struct grep *g, struct af_file *input,
		      struct af_pipe *pipe, struct evbuffer *batch)
{
	struct af_future *line;
	const char *data;
	size_t len;
	int r;

	do {
		line = af_file_readline(input, 0, LINE_HINT, 0, NULL);
		r = af_await(line);
		data = af_future_data(line, &len);
		if (r == 0 && evbuffer_add(batch, data, len) < 0)
			r = -ENOMEM;
		af_future_unref(line);
		if (r < 0) {
			complain(input_name(g->path), r);
			return r;
		}
		if (len == 0 || evbuffer_get_length(batch) >= BATCH_SIZE)
			r = send_batch(pipe, batch);
	} while (r == 0 && len > 0);
	return r == -EPIPE ? 0 : r;
}

/* Maps the stages' statuses to grep's exit status, or TROUBLE. */
static int judge(struct af_pipe *pipe, const char *const *const stages[])
{
	size_t i = af_pipe_stages(pipe);
	int status, r = MATCHED;

	/* From the right, as a stage dies of SIGPIPE if its reader has died. */
	while (i-- > 0) {
		status = af_pipe_status(pipe, i);
		if (status == 0)
			continue;
		r = NOT_MATCHED;
		if (strcmp(stages[i][0], "grep") != 0 || !WIFEXITED(status) ||
		    WEXITSTATUS(status) != NOT_MATCHED) {
			complain_status(stages[i][0], status);
			return TROUBLE;
		}
	}
	return r;
}

/* grep -i -e PATTERN < FILE | wc */
static int count(struct grep *g)
{
	const char *const grep[] = { "grep", "-i", "-e", g->pattern, NULL };
	const char *const wc[] = { "wc", NULL };
	const char *const *const stages[] = { grep, wc, NULL };
	const struct af_spawn_options options = {
		.in.kind = AFIO_PIPE,
		.out.kind = AFIO_PIPE,
	};
	struct af_file *input = open_input(g->loop, g->path);
	struct evbuffer *batch = evbuffer_new();
	struct af_pipe *pipe = NULL;
	int r = TROUBLE;

	if (!input || !batch)
		goto finish;
	pipe = af_pipe_spawn(g->loop, stages, &options);
	if (!pipe) {
		complain("grep | wc", errno);
		goto finish;
	}
	/* This cannot deadlock: wc prints nothing before its input ends. */
	if (feed_lines(g, input, pipe, batch) < 0)
		goto finish;
	af_pipe_close_stdin(pipe);
	if (print_lines(g, pipe) == 0 &&
	    await_once(af_pipe_wait(pipe, NULL)) == 0)
		r = judge(pipe, stages);
finish:
	end_pipe(pipe);
	if (batch)
		evbuffer_free(batch);
	af_file_close(input);
	return r;
}

/* tail opens the file; report the errors it would have as our own. */
static int check_file(const char *path)
{
	struct stat st;
	int r = 0;

	if (strcmp(path, "-") == 0)
		return 0;
	if (stat(path, &st) < 0 || access(path, R_OK) < 0)
		r = -errno;
	else if (S_ISDIR(st.st_mode))
		r = -EISDIR;
	if (r < 0)
		complain(path, r);
	return r;
}

/* tail -n+1 -f -- FILE | grep -i --line-buffered -e PATTERN */
static int tail_grep(struct grep *g)
{
	const char *const tail[] = {
		"tail", "-n+1", "-f", "--", g->path, NULL
	};
	const char *const grep[] = {
		"grep", "-i", "--line-buffered", "-e", g->pattern, NULL,
	};
	const char *const *const stages[] = { tail, grep, NULL };
	const struct af_spawn_options options = { .out.kind = AFIO_PIPE };
	const struct timeval soon = { .tv_sec = 1 };
	struct af_pipe *pipe;
	int r = TROUBLE;

	if (check_file(g->path) < 0)
		return TROUBLE;
	pipe = af_pipe_spawn(g->loop, stages, &options);
	if (!pipe) {
		complain("tail | grep", errno);
		return TROUBLE;
	}
	/* The output ends with grep. tail may take a while to notice. */
	if (print_lines(g, pipe) == 0) {
		await_once(af_pipe_wait(pipe, &soon));
		if (!g->stopped)
			r = judge(pipe, stages);
	}
	if (g->stopped)
		r = MATCHED;
	end_pipe(pipe);
	return r;
}

/* Follows the file until SIGINT or SIGTERM. */
static int follow(struct grep *g)
{
	struct event_base *base = af_loop_base(g->loop);
	struct event *sigint = evsignal_new(base, SIGINT, stop, g);
	struct event *sigterm = evsignal_new(base, SIGTERM, stop, g);
	int r = TROUBLE;

	if (sigint && sigterm && evsignal_add(sigint, NULL) == 0 &&
	    evsignal_add(sigterm, NULL) == 0)
		r = tail_grep(g);
	else
		complain("signals", ENOMEM);
	if (sigint)
		event_free(sigint);
	if (sigterm)
		event_free(sigterm);
	return r;
}

static const char help_text[] =
	"Usage: pipe_grep [--follow] [PATTERN] FILE\n"
	"Prints how many lines, words and bytes \"grep -i PATTERN | wc\"\n"
	"counts in FILE (\"-\" is stdin). The default PATTERN is \"error\".\n"
	"\n"
	"  -f, --follow  print the matching lines instead, and those that are\n"
	"                added later, until Ctrl-C or SIGTERM\n"
	"  -h, --help    print this text\n"
	"\n"
	"Exit status: 0 if a line matched, 1 if none did, 2 after an error or\n"
	"for a wrong command line. With --follow, also 0 after Ctrl-C or\n"
	"SIGTERM.\n";

static int run(bool is_follow, const char *pattern, const char *path)
{
	struct grep g = { .pattern = pattern, .path = path };
	int r = TROUBLE;

	g.loop = af_loop_new(NULL);
	if (!g.loop) {
		complain("loop", errno);
		return TROUBLE;
	}
	g.output = af_file_new(g.loop, STDOUT_FILENO, AFIO_KEEP_FD);
	if (g.output)
		r = is_follow ? follow(&g) : count(&g);
	else
		complain("stdout", errno);
	af_file_close(g.output);
	af_loop_free(g.loop);
	return r;
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "follow", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool is_follow = false;
	int c;

	hold_standard_streams();
	argv[0] = program_name;
	while ((c = getopt_long(argc, argv, "fh", options, NULL)) != -1) {
		if (c == 'h')
			return print_help(help_text) < 0 ? TROUBLE : 0;
		if (c != 'f')
			return usage_error(NULL);
		is_follow = true;
	}
	switch (argc - optind) {
	case 1:
		return run(is_follow, "error", argv[optind]);
	case 2:
		return run(is_follow, argv[optind], argv[optind + 1]);
	default:
		return usage_error("expected [PATTERN] FILE");
	}
}
