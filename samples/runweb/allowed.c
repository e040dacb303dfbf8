/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <event2/buffer.h>

#include "../common.h"
#include "allowed.h"
#include "json.h"

static const char allowed_blanks[] = " \t";

/*
 * Takes the next word out of *rest, in place. Returns NULL at the end, or with
 * *bad set if a quote is not closed.
 */
static char *allowed_word(char **rest, bool *bad, bool *quoted)
{
	char *from = *rest + strspn(*rest, allowed_blanks), *word = from;
	char *to = from, quote = '\0';

	*quoted = false;
	if (*from == '\0')
		return NULL;
	for (; *from && (quote || !strchr(allowed_blanks, *from)); from++) {
		if (quote ? *from == quote : *from == '\'' || *from == '"') {
			quote = quote ? '\0' : *from;
			*quoted = true;
		} else {
			*to++ = *from;
		}
	}
	*bad = quote != '\0';
	*rest = *from ? from + 1 : from;
	*to = '\0';
	return *bad ? NULL : word;
}

/* Splits the commands. Returns NULL, or what is wrong with them. */
static const char *allowed_split(struct allowed *one, char *commands)
{
	size_t n = 0, room = strlen(commands) + 2;
	bool bad = false, quoted;
	char *word;

	one->words = calloc(room, sizeof(*one->words));
	one->stages = calloc(room, sizeof(*one->stages));
	if (!one->words || !one->stages)
		return strerror(ENOMEM);
	one->stages[one->n_stages++] = one->words;
	while ((word = allowed_word(&commands, &bad, &quoted)) != NULL) {
		if (quoted || strcmp(word, "|") != 0) {
			one->words[n++] = word;
			continue;
		}
		one->words[n++] = NULL;
		one->stages[one->n_stages++] = one->words + n;
	}
	for (n = 0; n < one->n_stages; n++)
		if (!one->stages[n][0])
			return "a command is empty";
	return bad ? "a quote is not closed" : NULL;
}

static void allowed_free_one(struct allowed *one)
{
	free(one->line);
	free(one->words);
	free(one->stages);
	free(one);
}

/* Takes the line over. Returns NULL after a failure, with *ret_why set. */
static struct allowed *allowed_parse(char *line, const char **ret_why)
{
	struct allowed *one = calloc(1, sizeof(*one));
	char *colon = strchr(line, ':');

	if (!one) {
		free(line);
		*ret_why = strerror(ENOMEM);
		return NULL;
	}
	one->line = line;
	one->name = line;
	*ret_why = "there is no name with a colon";
	if (colon && colon > line) {
		*colon = '\0';
		*ret_why = allowed_split(one, colon + 1);
	}
	if (!*ret_why)
		return one;
	allowed_free_one(one);
	return NULL;
}

/* Reads the next line that says something. Returns 1, or 0 at the end. */
static int allowed_line(FILE *in, char **ret_line, unsigned *number)
{
	size_t size = 0;
	ssize_t len;

	*ret_line = NULL;
	while ((len = getline(ret_line, &size, in)) >= 0) {
		++*number;
		if (len > 0 && (*ret_line)[len - 1] == '\n')
			(*ret_line)[--len] = '\0';
		if (len > 0 && **ret_line != '#')
			return 1;
	}
	free(*ret_line);
	return 0;
}

int allowed_read(struct allowed **ret_list, const char *path)
{
	struct allowed *list = NULL, **end = &list, *one;
	const char *why = NULL;
	unsigned number = 0;
	FILE *in = fopen(path, "re");
	char *line, place[256];

	if (!in) {
		complain(path, errno);
		return -1;
	}
	while (!why && allowed_line(in, &line, &number)) {
		one = allowed_parse(line, &why);
		if (one && allowed_find(list, one->name)) {
			allowed_free_one(one);
			why = "there are two of this name";
		} else if (one) {
			*end = one;
			end = &one->next;
		}
	}
	if (why) {
		snprintf(place, sizeof(place), "%s:%u", path, number);
		complain_text(place, why);
	} else if (ferror(in)) {
		complain(path, EIO);
	} else if (!list) {
		complain_text(path, "it is empty");
	}
	if (why || ferror(in) || !list) {
		allowed_free(list);
		list = NULL;
	}
	fclose(in);
	*ret_list = list;
	return list ? 0 : -1;
}

void allowed_free(struct allowed *list)
{
	struct allowed *next;

	for (; list; list = next) {
		next = list->next;
		allowed_free_one(list);
	}
}

const struct allowed *allowed_find(const struct allowed *list, const char *name)
{
	while (list && strcmp(list->name, name) != 0)
		list = list->next;
	return list;
}

int allowed_json(struct evbuffer *to, const struct allowed *one)
{
	const char *const *word;
	size_t i;
	int r = 0;

	for (i = 0; i < one->n_stages && r == 0; i++) {
		r = evbuffer_add(to, i ? ",[" : "[[", 2);
		for (word = one->stages[i]; *word && r == 0; word++) {
			if (word != one->stages[i])
				r = evbuffer_add(to, ",", 1);
			if (r == 0)
				r = json_string(to, *word, strlen(*word));
		}
		if (r == 0)
			r = evbuffer_add(to, "]", 1);
	}
	return r == 0 ? evbuffer_add(to, "]", 1) : r;
}
