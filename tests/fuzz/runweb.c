/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * samples/runweb: the file with the pipelines that may be run, its JSON, and
 * requests. Nothing is run for an input; there is one run, which is over.
 */
#include "../../samples/common.h"
#include "../../samples/runweb/allowed.h"
#include "../../samples/runweb/json.h"
#include "../../samples/runweb/site.h"
#include "fuzz/http.h"
#include "fuzz/scratch.h"

static struct site site = { .port = 8080, .limits = { .output = 1000 } };
static unsigned complaints;

void complain(const char *subject, int error)
{
	must(subject && error);
	complaints++;
}

void complain_text(const char *subject, const char *reason)
{
	must(subject && reason);
	complaints++;
}

#define START                                                                  \
	"POST /runs?name=t HTTP/1.0\r\nHost: 127.0.0.1:8080\r\n"               \
	"Content-Length: 0\r\n\r\n"

/* Runs the pipeline once; then no more may be run. */
static void run_once(void)
{
	static const struct timeval pause = { .tv_usec = 1000 };
	struct input line = { (const uint8_t *)"t: true | true\n", 15 };
	struct allowed *list;
	struct af_future *f;
	size_t size;

	http_begin();
	need_scratch();
	scratch_file("pipelines", &line, &size);
	must(allowed_read(&list, "pipelines") == 0);
	site.loop = loop;
	site.allowed = list;
	site.limits.time.tv_sec = 100;
	site.limits.runs = 1;
	site_serve(&site, http);
	http_ask((const uint8_t *)START, strlen(START), 1000);
	must(site.runs);
	for (int i = 0; site.runs->pipe; i++) {
		must(i < 50000);
		f = af_sleep(loop, &pause);
		must(await_soon(f) == 0);
		af_future_unref(f);
	}
	site.limits.runs = 0;
}

/* A string of JSON, as it stands: with "..." around it, and in UTF-8. */
static void check_json(struct evbuffer *json)
{
	size_t len = evbuffer_get_length(json);
	const unsigned char *text = evbuffer_pullup(json, -1);

	for (size_t i = 0; i < len; i++)
		must(text[i] >= ' ' && text[i] != 0x7f);
}

static void write_string(struct input *in)
{
	struct evbuffer *json = evbuffer_new();
	size_t len, n = 0;
	const uint8_t *data = take_bytes(in, 4096, &len);
	const char *text;

	must(json_string(json, (const char *)data, len) == 0);
	check_json(json);
	text = (const char *)evbuffer_pullup(json, -1);
	n = evbuffer_get_length(json);
	must(n >= 2 && text[0] == '"' && text[n - 1] == '"');
	for (size_t i = 1; i < n - 1; i++) {
		must(text[i] != '"');
		if (text[i] != '\\')
			continue;
		must(i + 5 < n && text[i + 1] == 'u');
		i += 5;
	}
	evbuffer_free(json);
}

static void read_pipelines(struct input *in)
{
	struct evbuffer *json = evbuffer_new();
	struct allowed *list = NULL, *one;
	size_t size;
	int r;

	scratch_file("any", in, &size);
	complaints = 0;
	r = allowed_read(&list, "any");
	must(!list == (r < 0) && complaints == (r < 0));
	for (one = list; one; one = one->next) {
		must(*one->name && one->n_stages > 0);
		for (size_t i = 0; i < one->n_stages; i++)
			must(one->stages[i] && one->stages[i][0]);
		must(allowed_find(list, one->name) == one);
		must(allowed_json(json, one) == 0);
	}
	check_json(json);
	allowed_free(list);
	evbuffer_free(json);
}

static bool names_us(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);
	bool found;

	must(copy);
	memcpy(copy, data, size);
	copy[size] = '\0';
	for (size_t i = 0; i < size; i++)
		if (!copy[i])
			copy[i] = ' ';
	found = strstr(copy, "127.0.0.1:8080") ||
		strstr(copy, "localhost:8080");
	free(copy);
	return found;
}

static void ask(struct input *in)
{
	size_t piece = 1 + take_byte(in);

	http_ask(in->data, in->left, piece);
	site_tick(&site);
	must(!*http_answer || strncmp(http_answer, "HTTP/", 5) == 0);
	/* Nothing for who does not name us. */
	if (*http_answer && strncmp(http_answer + 8, " 20", 3) == 0)
		must(names_us(in->data, in->left));
	must(!site.runs->next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const ways[])(struct input *) = { ask, read_pipelines,
							write_string };
	struct input in = { data, size };

	if (!http)
		run_once();
	ways[take_below(&in, 3)](&in);
	return 0;
}
