/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The holes of a command, with the names and the meanings that GNU parallel
 * gives them. Knows nothing of quoting.
 */
#include <string.h>

#include "holes.h"
#include "words.h"

static void print_item(FILE *out, const struct filling *filling)
{
	fputs(filling->item, out);
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Prints text without its extension: a dot, and something without a slash. */
static void print_stem(FILE *out, const char *text)
{
	const char *dot = strrchr(base(text), '.');

	if (dot && dot[1])
		fwrite(text, 1, (size_t)(dot - text), out);
	else
		fputs(text, out);
}

static void print_item_stem(FILE *out, const struct filling *filling)
{
	print_stem(out, filling->item);
}

static void print_base(FILE *out, const struct filling *filling)
{
	fputs(base(filling->item), out);
}

static void print_base_stem(FILE *out, const struct filling *filling)
{
	print_stem(out, base(filling->item));
}

/* As dirname(3) without a slash at the end. */
static void print_directory(FILE *out, const struct filling *filling)
{
	const char *path = filling->item, *end = base(path);

	while (end > path && end[-1] == '/')
		end--;
	if (end > path)
		fwrite(path, 1, (size_t)(end - path), out);
	else
		fputc(*path == '/' ? '/' : '.', out);
}

static void print_number(FILE *out, const struct filling *filling)
{
	fprintf(out, "%zu", filling->number);
}

static void print_slot(FILE *out, const struct filling *filling)
{
	fprintf(out, "%zu", filling->slot);
}

static const struct hole holes[] = {
	{ "{}", print_item },	     { "{.}", print_item_stem },
	{ "{/}", print_base },	     { "{/.}", print_base_stem },
	{ "{//}", print_directory }, { "{#}", print_number },
	{ "{%}", print_slot },
};

const char *hole_find(const char *text, const struct hole **ret_hole)
{
	size_t i;

	for (; (text = strchr(text, '{')); text++) {
		for (i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
			if (strncmp(text, holes[i].name,
				    strlen(holes[i].name)) == 0) {
				*ret_hole = &holes[i];
				return text;
			}
		}
	}
	return NULL;
}
