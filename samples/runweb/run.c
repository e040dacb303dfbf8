/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/util.h>

#include <asyncfile.h>

#include "allowed.h"
#include "follower.h"
#include "json.h"
#include "run.h"
#include "stages.h"

static const struct timeval run_grace = { .tv_sec = 2 };

/*
 * The last line of an event: its id is where the next one begins in the log, so
 * that a browser that connects again goes on from there.
 */
static int run_end_event(struct run *run)
{
	char id[32];
	size_t at = evbuffer_get_length(run->log);
	int len = snprintf(id, sizeof(id), "\nid: %zu\n\n", at);

	/* The id is longer by its own digits: twice is enough. */
	len = snprintf(id, sizeof(id), "\nid: %zu\n\n", at + (size_t)len);
	len = snprintf(id, sizeof(id), "\nid: %zu\n\n", at + (size_t)len);
	return evbuffer_add(run->log, id, (size_t)len);
}

/* Appends a line of a stage to the log. */
static int run_log_line(struct run *run, const struct af_line *line)
{
	struct timeval since;
	size_t len = line->len;
	int r;

	evutil_timersub(&line->time, &run->started, &since);
	if (len > 0 && line->data[len - 1] == '\n')
		len--;
	r = evbuffer_add_printf(run->log,
				"event: line\ndata: {\"stage\":%d,"
				"\"stream\":%d,\"time\":%.3f,\"text\":",
				line->stage, line->stream,
				(double)since.tv_sec +
					(double)since.tv_usec / 1e6);
	if (r >= 0)
		r = json_string(run->log, line->data, len);
	if (r >= 0)
		r = evbuffer_add(run->log, "}", 1);
	return r >= 0 ? run_end_event(run) : r;
}

/* The log stays whole: what does not fit in memory ends the run. */
static int run_line(const struct af_line *line, void *arg)
{
	struct run *run = arg;

	run->output += line->len;
	if (run->output > run->limits->output) {
		run->why = "it wrote more than the limit";
		return 1;
	}
	if (run_log_line(run, line) < 0)
		return -ENOMEM;
	follower_wake_all(run->followers);
	return 0;
}

/* The streams have ended, or the run must end. */
static struct af_future *run_stop_rest(struct af_future *done, void *arg)
{
	struct run *run = arg;

	if (af_future_error(done) == -ETIMEDOUT)
		run->why = "it took longer than the limit";
	else if (af_future_error(done) != 0 && !run->why)
		run->why = strerror(-af_future_error(done));
	return af_pipe_stop(run->pipe, &run_grace);
}

static int run_log_end(struct run *run, int status)
{
	char text[128];
	int r = run_state(run->log, run);

	stages_status_text(text, sizeof(text), status);
	if (r >= 0)
		r = evbuffer_add_printf(run->log,
					"event: end\ndata: {\"status\":");
	if (r >= 0)
		r = json_string(run->log, text, strlen(text));
	if (r >= 0)
		r = evbuffer_add_printf(run->log, ",\"why\":");
	if (r >= 0 && run->why)
		r = json_string(run->log, run->why, strlen(run->why));
	else if (r >= 0)
		r = evbuffer_add_printf(run->log, "null");
	if (r >= 0)
		r = evbuffer_add(run->log, "}", 1);
	return r >= 0 ? run_end_event(run) : r;
}

static void run_over(struct af_future *done, void *arg)
{
	struct run *run = arg;

	if (af_future_error(done) == -ECANCELED)
		return; /* the run is being freed */
	run->failed = run_log_end(run, af_future_status(done)) < 0;
	af_pipe_close(run->pipe);
	run->pipe = NULL;
	follower_wake_all(run->followers);
}

/* Stage by stage, so that each line says which one wrote it. */
static struct af_pipe *run_spawn(struct af_loop *loop,
				 const struct allowed *what)
{
	const struct af_spawn_options options = {
		.in.kind = AFIO_NULL,
		.out.kind = AFIO_PIPE,
		.err.kind = AFIO_PIPE_EACH,
		.new_group = true,
		.kill_on_free = true,
	};

	return af_pipe_spawn(loop, what->stages, &options);
}

struct run *run_start(struct af_loop *loop, const struct allowed *what,
		      const struct limits *limits, unsigned id)
{
	struct run *run = calloc(1, sizeof(*run));
	struct af_future *lines;

	if (!run)
		return NULL;
	run->id = id;
	run->what = what;
	run->limits = limits;
	run->log = evbuffer_new();
	if (run->log)
		run->pipe = run_spawn(loop, what);
	else
		errno = ENOMEM;
	if (!run->pipe) {
		run_free(run);
		return NULL;
	}
	evutil_gettimeofday(&run->started, NULL);
	lines = af_with_timeout(af_pipe_each_line(run->pipe, run_line, run),
				&limits->time);
	af_on_done(af_finally(lines, run_stop_rest, run), run_over, run);
	return run;
}

void run_stop(struct run *run)
{
	if (!run->pipe)
		return;
	run->why = "it was stopped";
	/* What the stages still write is read until they have ended. */
	af_future_unref(af_pipe_stop(run->pipe, &run_grace));
}

void run_free(struct run *run)
{
	int errno_before = errno;

	af_pipe_close(run->pipe);
	if (run->log)
		evbuffer_free(run->log);
	free(run);
	errno = errno_before;
}

int run_state(struct evbuffer *to, struct run *run)
{
	int r = evbuffer_add_printf(to,
				    "event: state\ndata: {\"output\":%zu,"
				    "\"stages\":",
				    run->output);

	if (r >= 0)
		r = stages_json(to, run->pipe);
	return r >= 0 ? evbuffer_add(to, "}\n\n", 3) : r;
}

int run_json(struct evbuffer *to, const struct run *run)
{
	int r = evbuffer_add_printf(to, "{\"id\":%u,\"name\":", run->id);

	if (r >= 0)
		r = json_string(to, run->what->name, strlen(run->what->name));
	if (r >= 0)
		r = evbuffer_add_printf(to,
					",\"started\":%jd,\"over\":%s,"
					"\"stages\":",
					(intmax_t)run->started.tv_sec,
					run->pipe ? "false" : "true");
	if (r >= 0)
		r = allowed_json(to, run->what);
	return r >= 0 ? evbuffer_add(to, "}", 1) : r;
}
