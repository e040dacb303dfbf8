/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Words: makes an argv from a template, and a string for a shell from an argv.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

/* Closes out. Returns the text written to it; NULL if memory ran out. */
static char *finish(FILE *out, char **text)
{
	bool failed = ferror(out);

	if (fclose(out) == 0 && !failed)
		return *text;
	free(*text);
	return NULL;
}

static char *fill(const char *word, const char *line)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	const char *hole;

	if (!out)
		return NULL;
	for (; (hole = strstr(word, WORDS_HOLE));
	     word = hole + strlen(WORDS_HOLE)) {
		fwrite(word, 1, (size_t)(hole - word), out);
		fputs(line, out);
	}
	fputs(word, out);
	return finish(out, &text);
}

char **words_fill(char *const words[], const char *line)
{
	bool has_hole = false;
	char **filled;
	size_t n, i;

	for (n = 0; words[n]; n++)
		has_hole |= strstr(words[n], WORDS_HOLE) != NULL;
	filled = calloc(n + 2, sizeof(*filled));
	if (!filled)
		return NULL;
	if (!has_hole)
		n++;
	for (i = 0; i < n; i++) {
		filled[i] = fill(words[i] ? words[i] : WORDS_HOLE, line);
		if (!filled[i]) {
			words_free(filled);
			return NULL;
		}
	}
	return filled;
}

void words_free(char **words)
{
	char **word;

	for (word = words; word && *word; word++)
		free(*word);
	free(words);
}

char *words_quote(char *const words[])
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	const char *c;

	if (!out)
		return NULL;
	for (; *words; words++) {
		fputs(" '", out);
		for (c = *words; *c; c++)
			if (*c == '\'')
				fputs("'\\''", out);
			else
				fputc(*c, out);
		fputc('\'', out);
	}
	return finish(out, &text);
}

char **words_split(char *text, size_t room)
{
	char **words = calloc(strlen(text) / 2 + 1 + room + 1, sizeof(*words));
	char *word, *state;
	size_t n = 0;

	for (word = strtok_r(text, WORDS_BLANKS, &state); words && word;
	     word = strtok_r(NULL, WORDS_BLANKS, &state))
		words[n++] = word;
	return words;
}
