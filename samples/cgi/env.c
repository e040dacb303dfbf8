/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>

#include <asyncfile/version.h>

#include "env.h"
#include "path.h"

#define ENV_PATH "/usr/local/bin:/usr/bin:/bin"
#define ENV_FIELDS_MAX 100
#define ENV_HOST_MAX 255

struct env {
	char **variables; /* a NULL at the end, once there is one */
	size_t n;
	int error;
};

/* Adds NAME=VALUE. After a failure, nothing more is added. */
static void env_add(struct env *env, const char *name, const char *value)
{
	size_t len = strlen(name) + strlen(value) + 2;
	char **larger, *variable;

	if (env->error)
		return;
	variable = malloc(len);
	larger = realloc(env->variables, (env->n + 2) * sizeof(*larger));
	if (larger)
		env->variables = larger;
	if (!variable || !larger) {
		free(variable);
		env->error = ENOMEM;
		return;
	}
	snprintf(variable, len, "%s=%s", name, value);
	larger[env->n++] = variable;
	larger[env->n] = NULL;
}

/* Appends to a variable that another field of the same name has made. */
static void env_append(struct env *env, char **variable, const char *value)
{
	const char *between =
		strncmp(*variable, "HTTP_COOKIE=", 12) == 0 ? "; " : ", ";
	size_t old = strlen(*variable), len = old + strlen(value) + 3;
	char *longer = realloc(*variable, len);

	if (!longer) {
		env->error = ENOMEM;
		return;
	}
	*variable = longer;
	snprintf(longer + old, len - old, "%s%s", between, value);
}

static char **env_find(const struct env *env, const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < env->n; i++)
		if (strncmp(env->variables[i], name, len) == 0 &&
		    env->variables[i][len] == '=')
			return &env->variables[i];
	return NULL;
}

static bool env_is_hidden(const char *field)
{
	static const char *const hidden[] = {
		"Authorization",
		"Connection",
		"Content-Length",
		"Content-Type",
		"Expect",
		"Keep-Alive",
		"Proxy",
		"TE",
		"Proxy-Authorization",
		"Proxy-Connection",
		"Trailer",
		"Transfer-Encoding",
		"Upgrade",
	};
	size_t i;

	for (i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
		if (strcasecmp(field, hidden[i]) == 0)
			return true;
	return false;
}

/* Writes HTTP_NAME. False if the field has no variable. */
static bool env_name(char *name, size_t size, const char *field)
{
	size_t i;

	if (!*field || strlen(field) >= size - 5 || env_is_hidden(field))
		return false;
	memcpy(name, "HTTP_", 5);
	for (i = 0; field[i]; i++) {
		if (field[i] != '-' && !isalnum((unsigned char)field[i]))
			return false;
		name[5 + i] = field[i] == '-'
				      ? '_'
				      : (char)toupper((unsigned char)field[i]);
	}
	name[5 + i] = '\0';
	return true;
}

static void env_add_fields(struct env *env, struct evhttp_request *req)
{
	const struct evkeyval *field =
		evhttp_request_get_input_headers(req)->tqh_first;
	size_t n = 0;
	char name[128], **variable;

	for (; field; field = field->next.tqe_next) {
		if (++n > ENV_FIELDS_MAX)
			env->error = E2BIG;
		if (env->error)
			return;
		if (!env_name(name, sizeof(name), field->key))
			continue;
		variable = env_find(env, name);
		if (variable)
			env_append(env, variable, field->value);
		else
			env_add(env, name, field->value);
	}
}

/* evhttp has read the whole body, and put its chunks together. */
static void env_add_body(struct env *env, struct evhttp_request *req)
{
	struct evkeyvalq *fields = evhttp_request_get_input_headers(req);
	const char *type = evhttp_find_header(fields, "Content-Type");
	size_t len = evbuffer_get_length(evhttp_request_get_input_buffer(req));
	char text[32];

	if (len > 0 || evhttp_find_header(fields, "Content-Length")) {
		snprintf(text, sizeof(text), "%zu", len);
		env_add(env, "CONTENT_LENGTH", text);
	}
	if (type)
		env_add(env, "CONTENT_TYPE", type);
}

static const char *env_method(struct evhttp_request *req)
{
	switch (evhttp_request_get_command(req)) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_HEAD:
		return "HEAD";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	case EVHTTP_REQ_OPTIONS:
		return "OPTIONS";
	case EVHTTP_REQ_PATCH:
		return "PATCH";
	default:
		return "";
	}
}

/* What the client calls the server, if it is a host. */
static const char *env_host(struct evhttp_request *req)
{
	const char *host = evhttp_request_get_host(req);

	if (!host || !*host || strlen(host) > ENV_HOST_MAX ||
	    host[strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz"
			      "0123456789.-_:[]")])
		return NULL;
	return host;
}

static void env_add_script(struct env *env, const struct path *path)
{
	size_t size = strlen(path->name) + 2;
	char *script = malloc(size);

	if (!script) {
		env->error = ENOMEM;
		return;
	}
	snprintf(script, size, "/%s", path->name);
	env_add(env, "SCRIPT_NAME", script);
	free(script);
	if (*path->info)
		env_add(env, "PATH_INFO", path->info);
}

const char *const *env_new(struct evhttp_request *req, const struct path *path,
			   const struct env_server *server)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *query = evhttp_uri_get_query(uri), *host = env_host(req);
	struct env env = { .error = 0 };
	char protocol[16];

	snprintf(protocol, sizeof(protocol), "HTTP/%d.%d", req->major,
		 req->minor);
	env_add(&env, "PATH", ENV_PATH);
	env_add(&env, "GATEWAY_INTERFACE", "CGI/1.1");
	env_add(&env, "SERVER_SOFTWARE", "libasyncfile/" AFIO_VERSION);
	env_add(&env, "SERVER_NAME", host ? host : server->name);
	env_add(&env, "SERVER_PORT", server->port);
	env_add(&env, "SERVER_PROTOCOL", protocol);
	env_add(&env, "REMOTE_ADDR", req->remote_host);
	env_add(&env, "REMOTE_HOST", req->remote_host);
	env_add(&env, "REQUEST_METHOD", env_method(req));
	env_add(&env, "QUERY_STRING", query ? query : "");
	env_add_script(&env, path);
	env_add_body(&env, req);
	env_add_fields(&env, req);
	if (env.error == 0)
		return (const char *const *)env.variables;
	env_free((const char *const *)env.variables);
	errno = env.error;
	return NULL;
}

void env_free(const char *const *env)
{
	const char *const *variable;

	for (variable = env; variable && *variable; variable++)
		free((void *)*variable);
	free((void *)env);
}
