/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <event2/http.h>

#include <asyncfile.h>

#include "../messages.h"
#include "env.h"
#include "head.h"
#include "look.h"
#include "request.h"
#include "server.h"

#define REQUEST_HEAD_MAX 16384

/* How long to wait for what should come at once. */
static const struct timeval request_second = { .tv_sec = 1 };
static const struct timeval request_grace = { .tv_sec = 2 };

/* The steps, in the order in which they run. */
static struct af_future *request_look(struct af_future *turn, void *arg);
static struct af_future *request_start(struct af_future *looked, void *arg);
static struct af_future *request_feed(struct af_future *started, void *arg);
static struct af_future *request_head(struct af_future *block, void *arg);
static struct af_future *request_chunk(const char *data, size_t len,
				       unsigned flags, void *arg);
static struct af_future *request_wait(struct af_future *ended, void *arg);
static struct af_future *request_reply(struct af_future *work, void *arg);
static void request_free(struct af_future *stopped, void *arg);

static void request_write(const struct request *r, const char *text)
{
	messages_write(r->server->messages, r->path.name, text);
}

/* The outcome of a step that ends the request. */
static struct af_future *request_fail(struct request *r, enum why why)
{
	if (!r->why)
		r->why = why;
	return af_failed(r->server->loop, -ECANCELED);
}

void request_end(struct request *r, enum why why)
{
	if (r->why)
		return;
	r->why = why;
	af_future_cancel(r->work);
}

static void request_left(int error, void *arg)
{
	if (error < 0)
		request_write(arg, strerror(-error));
	request_end(arg, error < 0 ? WHY_TROUBLE : WHY_LEFT);
}

static void request_begin(struct request *r, struct evhttp_request *req)
{
	struct af_loop *loop = r->server->loop;
	struct af_future *work;

	r->turn = af_future_new(loop, NULL, NULL);
	work = af_then(af_future_ref(r->turn), request_look, r);
	r->work = af_with_timeout(work, &r->server->limits.time);
	client_open(&r->client, loop, req, request_left, r);
	server_add(r->server, r);
	work = af_finally(af_future_ref(r->work), request_reply, r);
	af_on_done(work, request_free, r);
}

void request_new(struct server *server, struct evhttp_request *req)
{
	const char *path =
		evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
	struct request *r = calloc(1, sizeof(*r));
	int error = r ? path_parse(&r->path, path) : -ENOMEM;

	if (error == 0) {
		r->server = server;
		request_begin(r, req);
		return;
	}
	free(r);
	client_refuse(req, error == -ENOENT ? WHY_NOT_FOUND : WHY_TROUBLE);
}

static struct af_future *request_look(struct af_future *turn, void *arg)
{
	struct request *r = arg;
	struct af_future *looked;

	(void)turn;
	if (r->why)
		return request_fail(r, r->why);
	looked = look_for(r->server->loop, r->server->folder, r->path.name);
	return af_then(looked, request_start, r);
}

static struct af_future *request_start(struct af_future *looked, void *arg)
{
	const struct look *look = af_future_value(looked);
	const char *const argv[] = { look->path, NULL };
	struct request *r = arg;
	struct af_spawn_options options = {
		.in.kind = AFIO_PIPE,
		.out.kind = AFIO_PIPE,
		.err.kind = AFIO_PIPE,
		.cwd = r->server->folder,
		.new_group = true,
		.kill_on_free = true,
	};
	struct af_future *started;

	if (r->why || look->error)
		return request_fail(r, look->error == ENOENT ? WHY_NOT_FOUND
							     : WHY_FORBIDDEN);
	options.env = env_new(r->client.req, &r->path, &r->server->address);
	if (!options.env && errno == E2BIG)
		return request_fail(r, WHY_MANY_FIELDS);
	if (!options.env)
		return af_failed(r->server->loop, -errno);
	started = af_spawn_async(r->server->loop, argv, &options);
	env_free(options.env);
	return af_then(started, request_feed, r);
}

/* A program need not read its input; but what it reads must be whole. */
static void request_fed(struct af_future *fed, void *arg)
{
	if (af_future_error(fed) < 0 && af_future_error(fed) != -EPIPE)
		request_end(arg, WHY_TROUBLE);
}

/*
 * The program has exited, and its output has not ended: another process holds
 * it open. Once nothing comes for some time, and the client has all that came,
 * that is taken for the end.
 */
static struct af_future *request_linger(struct af_future *waited, void *arg)
{
	struct request *r = arg;

	(void)waited;
	if (r->is_quiet) {
		r->is_silent = true;
		af_future_cancel(r->reading);
		return NULL;
	}
	r->is_quiet = client_has_all(&r->client);
	return af_then(af_sleep(r->server->loop, &request_second),
		       request_linger, r);
}

static struct af_future *request_feed(struct af_future *started, void *arg)
{
	static const struct af_text ends[] = { { "\n\n", 2 }, { "\n\r\n", 3 } };
	struct request *r = arg;

	if (r->why) /* the program is killed with the future */
		return request_fail(r, r->why);
	r->child = af_future_take_process(started);
	r->errors.from = af_process_stderr(r->child);
	r->errors.to = r->server->messages;
	r->errors.name = r->path.name;
	r->told = errors_pass_on(&r->errors);
	r->fed = af_file_write_buffer(
		af_process_stdin(r->child),
		evhttp_request_get_input_buffer(r->client.req), AFIO_FULL,
		NULL);
	af_on_done(af_future_ref(r->fed), request_fed, r);
	af_future_unref(af_process_finish_stdin(r->child, NULL));
	r->exit =
		af_finally(af_process_wait(r->child, NULL), request_linger, r);
	r->reading = af_file_read_until_any(af_process_stdout(r->child), ends,
					    2, REQUEST_HEAD_MAX, 0, NULL);
	return af_then(af_future_ref(r->reading), request_head, r);
}

/* The output has ended without a header. Its exit may say why. */
static struct af_future *request_headless(struct af_future *exited, void *arg)
{
	(void)exited;
	return request_fail(arg, WHY_NO_HEAD);
}

/* The end of the output, or what is taken for it. */
static struct af_future *request_ended(struct af_future *read, void *arg)
{
	struct request *r = arg;

	return r->is_silent ? af_succeeded(r->server->loop, NULL, NULL) : read;
}

static struct af_future *request_head(struct af_future *block, void *arg)
{
	struct request *r = arg;
	struct evkeyvalq *fields;
	struct head head;
	const char *text;
	int error;

	if (r->why)
		return request_fail(r, r->why);
	if (af_future_flags(block) & AFIO_TRUNCATED)
		return request_fail(r, WHY_LONG_HEAD);
	if (af_future_match(block) < 0)
		return af_finally(request_wait(block, r), request_headless, r);
	text = af_future_data(block, &r->output);
	if (r->output > r->server->limits.output)
		return request_fail(r, WHY_MUCH);
	fields = evhttp_request_get_output_headers(r->client.req);
	error = head_parse(text, r->output, fields, &head);
	if (error == -EBADMSG)
		return request_fail(r, WHY_BAD_HEAD);
	if (error < 0)
		return af_failed(r->server->loop, error);
	client_begin(&r->client, &head);
	r->is_quiet = false;
	af_future_unref(r->reading);
	r->reading = af_file_each_async(af_process_stdout(r->child),
					AFIO_EACH_CHUNK, request_chunk, r);
	return af_then(af_finally(af_future_ref(r->reading), request_ended, r),
		       request_wait, r);
}

static struct af_future *request_chunk(const char *data, size_t len,
				       unsigned flags, void *arg)
{
	struct request *r = arg;

	(void)flags;
	r->is_quiet = false;
	r->output += len;
	if (r->output > r->server->limits.output)
		return request_fail(r, WHY_MUCH);
	return client_send(&r->client, data, len);
}

static struct af_future *request_exited(struct af_future *exited, void *arg)
{
	int status = af_future_status(exited);
	struct request *r = arg;
	char text[64];

	if (af_future_error(exited) == -ECANCELED)
		return NULL;
	if (af_future_error(exited) == 0 && WIFSIGNALED(status))
		return request_fail(r, WHY_KILLED);
	if (af_future_error(exited) == 0 && WEXITSTATUS(status) != 0) {
		snprintf(text, sizeof(text), "exit status %d",
			 WEXITSTATUS(status));
		request_write(r, text);
	}
	return af_succeeded(r->server->loop, NULL, NULL);
}

/* The exit should come at once, but need not. */
static struct af_future *request_wait(struct af_future *ended, void *arg)
{
	struct request *r = arg;

	(void)ended;
	return af_finally(af_process_wait(r->child, &request_second),
			  request_exited, r);
}

/* Finds out why the work has failed, if that is not known yet. */
static void request_find_why(struct request *r, const struct af_future *work)
{
	const char *text = af_future_spawn_error(work);
	int error = af_future_error(work);

	if (error == 0 || r->why)
		return;
	if (error == -ETIMEDOUT) {
		r->why = r->has_turn ? WHY_LATE : WHY_NO_TURN;
	} else if (error == -ECANCELED && r->is_silent) {
		r->why = WHY_NO_HEAD;
	} else if (*text) {
		r->why = WHY_NOT_STARTED;
		request_write(r, text);
	} else {
		r->why = WHY_TROUBLE;
		request_write(r, strerror(-error));
	}
}

/* What the program still has to say on stderr. */
static struct af_future *request_stopped(struct af_future *exited, void *arg)
{
	struct request *r = arg;

	(void)exited;
	return af_with_timeout(af_future_ref(r->told), &request_second);
}

static struct af_future *request_reply(struct af_future *work, void *arg)
{
	struct request *r = arg;
	struct af_future *ends[2];

	request_find_why(r, work);
	if (why_is_of_program(r->why))
		request_write(r, why_text(r->why));
	client_end(&r->client, r->why);
	ends[0] = af_future_ref(r->client.gone);
	if (r->child)
		ends[1] = af_finally(af_process_stop(r->child, &request_grace),
				     request_stopped, r);
	else
		ends[1] = af_succeeded(r->server->loop, NULL, NULL);
	return af_all_settled(r->server->loop, ends, 2);
}

/* Forgets what need not end, and what would follow. */
static void request_drop(struct af_future *f)
{
	af_future_cancel(f);
	af_future_forget(f);
}

static void request_free(struct af_future *stopped, void *arg)
{
	struct request *r = arg;

	(void)stopped;
	request_drop(r->told);
	request_drop(r->exit);
	request_drop(r->fed);
	request_drop(r->reading);
	request_drop(r->turn);
	request_drop(r->work);
	af_process_free(r->child);
	client_close(&r->client);
	server_remove(r->server, r);
	path_clear(&r->path);
	free(r);
}
