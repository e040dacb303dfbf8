/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON. The report and the short texts are written whole, and the output of the
 * job streams through a filter, so that it may be of any length.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include <asyncfile.h>

#include "filter.h"
#include "job.h"
#include "json.h"
#include "report.h"

struct printing {
	struct job *job;
	struct af_file *to;
};

static const struct filter inside = { .json = true };

static void add_string(struct evbuffer *out, const char *text)
{
	evbuffer_add(out, "\"", 1);
	filter_json(text, out);
	evbuffer_add(out, "\"", 1);
}

static void add_report(struct evbuffer *out, const struct report *report)
{
	char *const *word;

	evbuffer_add_printf(out, "{\"seq\":%zu,\"host\":", report->number);
	add_string(out, report->host);
	evbuffer_add_printf(out, ",\"item\":");
	add_string(out, report->item);
	evbuffer_add_printf(out, ",\"argv\":[");
	for (word = report->argv; *word; word++) {
		if (word > report->argv)
			evbuffer_add(out, ",", 1);
		add_string(out, *word);
	}
	evbuffer_add_printf(out, "],\"start\":%.3f,\"runtime\":%.3f",
			    report->start, report->runtime);
	if (report->exit >= 0 && report->signal == 0)
		evbuffer_add_printf(out, ",\"exit\":%d", report->exit);
	if (report->signal > 0)
		evbuffer_add_printf(out, ",\"signal\":%d", report->signal);
	if (report->error) {
		evbuffer_add_printf(out, ",\"error\":");
		add_string(out, report->error);
	}
	evbuffer_add_printf(out, ",\"stdout\":\"");
}

static struct af_future *print_text(const struct printing *printing,
				    const char *text)
{
	return af_file_write(printing->to, text, strlen(text), AFIO_FULL, NULL);
}

static struct af_future *print_out(struct af_future *printed, void *arg)
{
	const struct printing *printing = arg;

	(void)printed;
	if (!printing->job)
		return NULL;
	return job_print_out(printing->job, printing->to, &inside);
}

static struct af_future *print_middle(struct af_future *printed, void *arg)
{
	(void)printed;
	return print_text(arg, "\",\"stderr\":\"");
}

static struct af_future *print_err(struct af_future *printed, void *arg)
{
	const struct printing *printing = arg;

	(void)printed;
	if (!printing->job)
		return NULL;
	return job_print_err(printing->job, printing->to, &inside);
}

static struct af_future *print_end(struct af_future *printed, void *arg)
{
	(void)printed;
	return print_text(arg, "\"}\n");
}

static struct af_future *over(struct af_future *printed, void *arg)
{
	(void)printed;
	free(arg);
	return NULL;
}

struct af_future *json_print(const struct report *report, struct job *job,
			     struct af_file *to)
{
	struct printing *printing = calloc(1, sizeof(*printing));
	struct evbuffer *text = evbuffer_new();
	struct af_future *f;

	if (!printing || !text) {
		free(printing);
		if (text)
			evbuffer_free(text);
		return af_failed(af_file_loop(to), -ENOMEM);
	}
	*printing = (struct printing){ job, to };
	add_report(text, report);
	f = af_file_write_buffer(to, text, AFIO_FULL, NULL);
	evbuffer_free(text);
	f = af_then(af_then(f, print_out, printing), print_middle, printing);
	f = af_then(af_then(f, print_err, printing), print_end, printing);
	return af_finally(f, over, printing);
}
