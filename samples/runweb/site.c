/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <asyncfile.h>

#include "allowed.h"
#include "follower.h"
#include "json.h"
#include "page.h"
#include "site.h"

/* How many runs that are over are kept. */
#define SITE_KEPT 20

static void site_headers(struct evhttp_request *req, const char *type)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);

	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(headers, "Cross-Origin-Resource-Policy",
			  "same-origin");
}

static void site_text(struct evhttp_request *req, int code, const char *text)
{
	site_headers(req, "text/plain; charset=utf-8");
	evbuffer_add_printf(evhttp_request_get_output_buffer(req), "%s\n",
			    text);
	evhttp_send_reply(req, code, NULL, NULL);
}

/* Ends an answer in JSON, whose text is in the output buffer. */
static void site_json(struct evhttp_request *req, int code, int r)
{
	struct evbuffer *out = evhttp_request_get_output_buffer(req);

	if (r < 0) {
		evbuffer_drain(out, evbuffer_get_length(out));
		site_text(req, 503, strerror(ENOMEM));
		return;
	}
	site_headers(req, "application/json");
	evhttp_send_reply(req, code, NULL, NULL);
}

static void site_page(struct evhttp_request *req)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);

	evhttp_add_header(headers, "Content-Security-Policy",
			  "default-src 'none'; connect-src 'self'; "
			  "style-src 'unsafe-inline'; "
			  "script-src 'unsafe-inline'; base-uri 'none'; "
			  "form-action 'none'; frame-ancestors 'none'");
	site_headers(req, "text/html; charset=utf-8");
	evbuffer_add_reference(evhttp_request_get_output_buffer(req), page,
			       sizeof(page) - 1, NULL, NULL);
	evhttp_send_reply(req, HTTP_OK, NULL, NULL);
}

static void site_pipelines(const struct site *site, struct evhttp_request *req)
{
	struct evbuffer *out = evhttp_request_get_output_buffer(req);
	const struct allowed *one;
	int r = evbuffer_add(out, "[", 1);

	for (one = site->allowed; one && r >= 0; one = one->next) {
		r = evbuffer_add_printf(
			out, "%s{\"name\":", one == site->allowed ? "" : ",");
		if (r >= 0)
			r = json_string(out, one->name, strlen(one->name));
		if (r >= 0)
			r = evbuffer_add_printf(out, ",\"stages\":");
		if (r >= 0)
			r = allowed_json(out, one);
		if (r >= 0)
			r = evbuffer_add(out, "}", 1);
	}
	if (r >= 0)
		r = evbuffer_add(out, "]", 1);
	site_json(req, HTTP_OK, r);
}

static void site_runs(const struct site *site, struct evhttp_request *req)
{
	struct evbuffer *out = evhttp_request_get_output_buffer(req);
	int r = evbuffer_add(out, "[", 1);
	const struct run *run;

	for (run = site->runs; run && r >= 0; run = run->next) {
		if (run != site->runs)
			r = evbuffer_add(out, ",", 1);
		if (r >= 0)
			r = run_json(out, run);
	}
	if (r >= 0)
		r = evbuffer_add(out, "]", 1);
	site_json(req, HTTP_OK, r);
}

static unsigned site_running(const struct site *site)
{
	const struct run *run;
	unsigned n = 0;

	for (run = site->runs; run; run = run->next)
		n += run->pipe != NULL;
	return n;
}

/* Forgets the oldest runs that are over and that nobody follows. */
static void site_forget(struct site *site)
{
	struct run **at = &site->runs, *run;
	unsigned n = 0;

	while ((run = *at) != NULL) {
		if (run->pipe || run->followers || n++ < SITE_KEPT) {
			at = &run->next;
			continue;
		}
		*at = run->next;
		run_free(run);
	}
}

static void site_start(struct site *site, struct evhttp_request *req,
		       const char *name)
{
	const struct allowed *what = allowed_find(site->allowed, name);
	struct run *run;

	if (!what) {
		site_text(req, HTTP_NOTFOUND, "There is no such pipeline.");
		return;
	}
	if (site_running(site) >= site->limits.runs) {
		site_text(req, 429, "Too many runs at the same time.");
		return;
	}
	run = run_start(site->loop, what, &site->limits, ++site->last_id);
	if (!run) {
		site_text(req, HTTP_INTERNAL, strerror(errno));
		return;
	}
	run->next = site->runs;
	site->runs = run;
	site_forget(site);
	site_json(req, 201,
		  run_json(evhttp_request_get_output_buffer(req), run));
}

/* Where a browser that was here before goes on: after a whole event only. */
static size_t site_resume(const struct run *run, struct evhttp_request *req)
{
	const char *id = evhttp_find_header(
		evhttp_request_get_input_headers(req), "Last-Event-ID");
	unsigned long long at = id ? strtoull(id, NULL, 10) : 0;
	struct evbuffer_ptr from;
	char end[2];

	if (at < 2 || at > evbuffer_get_length(run->log) ||
	    evbuffer_ptr_set(run->log, &from, (size_t)at - 2,
			     EVBUFFER_PTR_SET) < 0 ||
	    evbuffer_copyout_from(run->log, &from, end, 2) != 2 ||
	    memcmp(end, "\n\n", 2) != 0)
		return 0;
	return (size_t)at;
}

/* /runs/N/events and /runs/N/stop */
static void site_run(struct site *site, struct evhttp_request *req,
		     const char *path, bool post)
{
	struct run *run = site->runs;
	unsigned id;
	int end = 0;

	if (sscanf(path, "/runs/%9u/%n", &id, &end) != 1 || end == 0)
		run = NULL;
	while (run && run->id != id)
		run = run->next;
	if (run && !post && strcmp(path + end, "events") == 0) {
		if (follower_new(run, req, site_resume(run, req)) < 0)
			site_text(req, 503, strerror(ENOMEM));
	} else if (run && post && strcmp(path + end, "stop") == 0) {
		run_stop(run);
		site_text(req, 202, "It is asked to end.");
	} else {
		site_text(req, HTTP_NOTFOUND, "There is nothing here.");
	}
}

/* Whether text is "127.0.0.1:PORT" or "localhost:PORT". */
static bool site_is_here(const struct site *site, const char *text)
{
	char host[32];

	if (!text)
		return false;
	snprintf(host, sizeof(host), "127.0.0.1:%u", site->port);
	if (strcmp(text, host) == 0)
		return true;
	snprintf(host, sizeof(host), "localhost:%u", site->port);
	return strcmp(text, host) == 0;
}

/* A browser sends Origin with what another page asks for. */
static bool site_may(const struct site *site, struct evhttp_request *req)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(req);
	const char *origin = evhttp_find_header(headers, "Origin");
	const char *from = evhttp_find_header(headers, "Sec-Fetch-Site");

	if (!site_is_here(site, evhttp_find_header(headers, "Host")))
		return false;
	if (from && strcmp(from, "same-origin") != 0 &&
	    strcmp(from, "none") != 0)
		return false;
	return !origin || (strncmp(origin, "http://", 7) == 0 &&
			   site_is_here(site, origin + 7));
}

static void site_post(struct site *site, struct evhttp_request *req,
		      const char *path)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *query = evhttp_uri_get_query(uri), *name = NULL;
	struct evkeyvalq fields;

	if (strcmp(path, "/runs") != 0) {
		site_run(site, req, path, true);
		return;
	}
	if (!query || evhttp_parse_query_str(query, &fields) < 0) {
		site_text(req, HTTP_BADREQUEST, "Ask for /runs?name=NAME.");
		return;
	}
	name = evhttp_find_header(&fields, "name");
	site_start(site, req, name ? name : "");
	evhttp_clear_headers(&fields);
}

static void site_request(struct evhttp_request *req, void *arg)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = evhttp_uri_get_path(uri);
	struct site *site = arg;

	if (!path || !*path)
		path = "/";
	if (!site_may(site, req))
		site_text(req, 403, "This server is for its own page only.");
	else if (evhttp_request_get_command(req) == EVHTTP_REQ_POST)
		site_post(site, req, path);
	else if (strcmp(path, "/") == 0)
		site_page(req);
	else if (strcmp(path, "/pipelines") == 0)
		site_pipelines(site, req);
	else if (strcmp(path, "/runs") == 0)
		site_runs(site, req);
	else
		site_run(site, req, path, false);
}

void site_serve(struct site *site, struct evhttp *http)
{
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
	evhttp_set_max_headers_size(http, 16384);
	evhttp_set_max_body_size(http, 0);
	evhttp_set_gencb(http, site_request, site);
}

void site_tick(struct site *site)
{
	struct run *run;

	for (run = site->runs; run; run = run->next)
		follower_tell_all(run);
}

void site_end(struct site *site)
{
	struct run *next;

	for (; site->runs; site->runs = next) {
		next = site->runs->next;
		run_free(site->runs);
	}
}
