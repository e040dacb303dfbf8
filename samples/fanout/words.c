/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Words: makes an argv from a template, and a string for a shell from an argv.
 */
#include <stdlib.h>
#include <string.h>

#include "holes.h"
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

size_t words_count(char *const words[])
{
	size_t n = 0;

	while (words[n])
		n++;
	return n;
}

bool words_have_hole(char *const words[])
{
	const struct hole *hole;

	for (; *words; words++)
		if (hole_find(*words, &hole))
			return true;
	return false;
}

/* Filling */

/* Prints what replaces a hole. Nothing else in a script is quoted. */
static void print_hole(FILE *out, const struct hole *hole,
		       const struct filling *filling, bool quoted)
{
	char *text = NULL;
	size_t len;
	FILE *memory;

	if (!quoted) {
		hole->print(out, filling);
		return;
	}
	memory = open_memstream(&text, &len);
	if (memory) {
		hole->print(memory, filling);
		if (finish(memory, &text))
			words_print_quoted(out, text);
		free(text);
	}
}

static void print_filled(FILE *out, const char *word,
			 const struct filling *filling, bool quoted)
{
	const struct hole *hole;
	const char *place;

	for (; (place = hole_find(word, &hole));
	     word = place + strlen(hole->name)) {
		fwrite(word, 1, (size_t)(place - word), out);
		print_hole(out, hole, filling, quoted);
	}
	fputs(word, out);
}

static char *fill(const char *word, const struct filling *filling)
{
	const struct hole *hole;
	char *text = NULL;
	size_t len;
	FILE *out;

	if (!hole_find(word, &hole))
		return strdup(word);
	if (strcmp(word, "{}") == 0)
		return strdup(filling->item);
	out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	print_filled(out, word, filling, false);
	return finish(out, &text);
}

char **words_fill(char *const words[], const struct filling *filling,
		  bool append)
{
	size_t n = words_count(words), i;
	char **filled = calloc(n + 2, sizeof(*filled));

	if (!filled)
		return NULL;
	for (i = 0; i < n + append; i++) {
		filled[i] = fill(i < n ? words[i] : "{}", filling);
		if (!filled[i]) {
			words_free(filled);
			return NULL;
		}
	}
	return filled;
}

static char *fill_script(char *const words[], const struct filling *filling,
			 bool append)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	char *const *word;

	if (!out)
		return NULL;
	for (word = words; *word; word++) {
		if (word > words)
			fputc(' ', out);
		print_filled(out, *word, filling, true);
	}
	if (word == words) {
		fputs(filling->item, out);
	} else if (append) {
		fputc(' ', out);
		words_print_quoted(out, filling->item);
	}
	return finish(out, &text);
}

char **words_fill_script(char *const words[], const struct filling *filling,
			 bool append)
{
	char **argv = calloc(4, sizeof(*argv));

	if (!argv)
		return NULL;
	argv[0] = strdup("sh");
	argv[1] = strdup("-c");
	argv[2] = fill_script(words, filling, append);
	if (argv[0] && argv[1] && argv[2])
		return argv;
	free(argv[0]);
	free(argv[1]);
	free(argv[2]);
	free(argv);
	return NULL;
}

void words_free(char **words)
{
	char **word;

	for (word = words; word && *word; word++)
		free(*word);
	free(words);
}

/* Quoting */

static bool is_plain(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+:,./-";

	return *text && !text[strspn(text, plain)];
}

void words_print_quoted(FILE *out, const char *text)
{
	if (is_plain(text)) {
		fputs(text, out);
		return;
	}
	fputc('\'', out);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	fputc('\'', out);
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == '\177';
}

static void print_shown(FILE *out, const char *text)
{
	const char *c = text;

	while (*c && !is_control(*c))
		c++;
	if (!*c) {
		words_print_quoted(out, text);
		return;
	}
	fputs("$'", out);
	for (c = text; *c; c++)
		if (is_control(*c))
			fprintf(out, "\\%03o", (unsigned char)*c);
		else if (*c == '\'' || *c == '\\')
			fprintf(out, "\\%c", *c);
		else
			fputc(*c, out);
	fputc('\'', out);
}

static char *join(char *const words[], void (*print)(FILE *, const char *))
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	char *const *word;

	if (!out)
		return NULL;
	for (word = words; *word; word++) {
		if (word > words)
			fputc(' ', out);
		print(out, *word);
	}
	return finish(out, &text);
}

char *words_quote(char *const words[])
{
	return join(words, words_print_quoted);
}

char *words_show(char *const words[])
{
	return join(words, print_shown);
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
