/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/http.h>

#include "head.h"

struct head_parser {
	struct head head;
	struct evkeyvalq *fields;
	bool has_type, has_location;
};

static bool head_is_dropped(const char *name)
{
	static const char *const dropped[] = {
		"Connection",
		"Content-Length",
		"Keep-Alive",
		"Proxy-Connection",
		"TE",
		"Trailer",
		"Transfer-Encoding",
		"Upgrade",
	};
	size_t i;

	for (i = 0; i < sizeof(dropped) / sizeof(*dropped); i++)
		if (strcasecmp(name, dropped[i]) == 0)
			return true;
	return false;
}

/* Whether it is a token of RFC 9110. */
static bool head_is_name(const char *name)
{
	const char *c = name;

	while (isalnum((unsigned char)*c) ||
	       (*c && strchr("!#$%&'*+-.^_`|~", *c)))
		c++;
	return c > name && !*c;
}

static bool head_is_value(const char *value)
{
	for (; *value; value++)
		if (iscntrl((unsigned char)*value) && *value != '\t')
			return false;
	return true;
}

/* "404", or "404 Not Found". */
static int head_status(struct head *head, const char *value)
{
	char *end;
	long status = strtol(value, &end, 10);

	if (head->status || end != value + 3 || (*end && *end != ' ') ||
	    status < 200 || status > 599)
		return -EBADMSG;
	head->status = (int)status;
	snprintf(head->reason, sizeof(head->reason), "%s",
		 end + strspn(end, " "));
	return 0;
}

static int head_field(struct head_parser *parser, const char *name,
		      const char *value)
{
	if (strcasecmp(name, "Status") == 0)
		return head_status(&parser->head, value);
	if (strcasecmp(name, "Content-Type") == 0) {
		if (parser->has_type)
			return -EBADMSG;
		parser->has_type = true;
	} else if (strcasecmp(name, "Location") == 0) {
		if (parser->has_location)
			return -EBADMSG;
		parser->has_location = true;
	} else if (head_is_dropped(name)) {
		return 0;
	}
	return evhttp_add_header(parser->fields, name, value) < 0 ? -ENOMEM : 0;
}

/* A line without its end. */
static int head_line(struct head_parser *parser, char *line)
{
	char *value = strchr(line, ':'), *end;

	if (!value)
		return -EBADMSG;
	*value++ = '\0';
	value += strspn(value, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return head_is_name(line) && head_is_value(value)
		       ? head_field(parser, line, value)
		       : -EBADMSG;
}

/* All lines up to the empty one. */
static int head_lines(struct head_parser *parser, char *line)
{
	char *end;
	int r = 0;

	for (; r == 0; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			return -EBADMSG;
		*end = '\0';
		if (end > line && end[-1] == '\r')
			end[-1] = '\0';
		if (!*line)
			return 0;
		r = head_line(parser, line);
	}
	return r;
}

int head_parse(const char *text, size_t len, struct evkeyvalq *fields,
	       struct head *ret)
{
	struct head_parser parser = { .fields = fields };
	char *copy = malloc(len + 1);
	int r;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';
	r = strlen(copy) == len ? head_lines(&parser, copy) : -EBADMSG;
	free(copy);
	if (r < 0)
		return r;
	if (!parser.head.status && !parser.has_type && !parser.has_location)
		return -EBADMSG;
	if (!parser.head.status)
		parser.head.status = parser.has_location ? 302 : 200;
	*ret = parser.head;
	return 0;
}
