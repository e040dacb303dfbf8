/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * samples/cgi: the header that a program writes, the path of a request, and the
 * environment that is made of a request.
 */
#include <ctype.h>

#include "../../samples/cgi/env.h"
#include "../../samples/cgi/head.h"
#include "../../samples/cgi/path.h"
#include "fuzz/http.h"

static void check_path(const struct path *path)
{
	must(*path->name && *path->name != '.' && !strchr(path->name, '/'));
	must(!*path->info || *path->info == '/');
	must(!strstr(path->info, "/../"));
	must(strlen(path->info) < 3 ||
	     strcmp(path->info + strlen(path->info) - 3, "/..") != 0);
}

static void parse_path(struct input *in)
{
	char *text = take_string(in, 300);
	struct path path = { NULL, NULL };

	if (path_parse(&path, text) == 0)
		check_path(&path);
	else
		must(!path.name && !path.info);
	path_clear(&path);
	free(text);
}

/* No field ends the header early, or says how long the reply is. */
static void parse_head(struct input *in)
{
	struct evkeyvalq fields = { NULL, &fields.tqh_first };
	struct head head = { .status = -1 };
	size_t len;
	const uint8_t *data = take_bytes(in, 4096, &len);
	int r = head_parse((const char *)data, len, &fields, &head);

	must(r == 0 || (r == -EBADMSG && head.status == -1));
	if (r == 0) {
		must(head.status >= 200 && head.status <= 599);
		must(memchr(head.reason, '\0', sizeof(head.reason)));
		must(!strpbrk(head.reason, "\r\n"));
		must(!evhttp_find_header(&fields, "Content-Length"));
		must(!evhttp_find_header(&fields, "Transfer-Encoding"));
	}
	for (struct evkeyval *field = fields.tqh_first; field;
	     field = field->next.tqe_next)
		must(!strpbrk(field->key, "\r\n: ") &&
		     !strpbrk(field->value, "\r\n"));
	evhttp_clear_headers(&fields);
}

/* Names are those of variables, and each is there once. */
static void check_environment(const char *const *env)
{
	for (size_t i = 0; env[i]; i++) {
		size_t len = strcspn(env[i], "=");

		must(len > 0 && env[i][len] == '=');
		for (size_t k = 0; k < len; k++)
			must(env[i][k] == '_' ||
			     isupper((unsigned char)env[i][k]) ||
			     isdigit((unsigned char)env[i][k]));
		must(strncmp(env[i], "HTTP_PROXY=", 11) != 0);
		must(strncmp(env[i], "HTTP_AUTHORIZATION=", 19) != 0);
		for (size_t k = 0; k < i; k++)
			must(strncmp(env[i], env[k], len + 1) != 0);
	}
}

static void on_request(struct evhttp_request *req, void *arg)
{
	static const struct env_server server = { "here.test", "80" };
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	struct path path = { NULL, NULL };
	const char *const *env;

	(void)arg;
	if (path_parse(&path, evhttp_uri_get_path(uri)) == 0) {
		check_path(&path);
		env = env_new(req, &path, &server);
		must(env || errno == E2BIG);
		if (env)
			check_environment(env);
		env_free(env);
	}
	path_clear(&path);
	evhttp_send_reply(req, HTTP_OK, NULL, NULL);
}

static void ask(struct input *in)
{
	size_t piece = 1 + take_byte(in);

	http_ask(in->data, in->left, piece);
	must(!*http_answer || strncmp(http_answer, "HTTP/", 5) == 0);
}

static void begin(void)
{
	http_begin();
	evhttp_set_gencb(http, on_request, NULL);
	evhttp_set_max_headers_size(http, 16384);
	evhttp_set_max_body_size(http, 4096);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const ways[])(struct input *) = { ask, parse_head,
							parse_path };
	struct input in = { data, size };

	if (!http)
		begin();
	ways[take_below(&in, 3)](&in);
	return 0;
}
