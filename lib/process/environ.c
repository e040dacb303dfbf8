/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An environment with changes, made of the strings of the old one.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "process/environ.h"

static size_t environ_count(const char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

/* An edit by its name: the last one of a name is the one that counts. */
struct environ_edit {
	const char *text;
	size_t len; /* of the name */
	size_t i;   /* its place */
};

static int environ_compare_names(const char *a, size_t a_len, const char *b,
				 size_t b_len)
{
	int r = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return r ? r : (a_len > b_len) - (a_len < b_len);
}

static int environ_compare(const void *a_, const void *b_)
{
	const struct environ_edit *a = a_, *b = b_;
	int r = environ_compare_names(a->text, a->len, b->text, b->len);

	return r ? r : (a->i > b->i) - (a->i < b->i);
}

static int environ_compare_name(const void *a_, const void *b_)
{
	const struct environ_edit *a = a_, *b = b_;

	return environ_compare_names(a->text, a->len, b->text, b->len);
}

static struct environ_edit environ_edit_of(const char *text, size_t i)
{
	return (struct environ_edit){ text, strcspn(text, "="), i };
}

/* The edits, sorted by name; NULL: no memory. */
static struct environ_edit *environ_sort(const char *const *edits, size_t n)
{
	struct environ_edit *sorted = malloc((n + 1) * sizeof(*sorted));

	for (size_t i = 0; sorted && i < n; i++)
		sorted[i] = environ_edit_of(edits[i], i);
	if (sorted)
		qsort(sorted, n, sizeof(*sorted), environ_compare);
	return sorted;
}

/* Copies each NAME=value without an edit; how many. */
static size_t environ_keep(const char **to, const char *const *env,
			   const struct environ_edit *edits, size_t n_edits)
{
	size_t n = 0;

	for (; *env; env++) {
		struct environ_edit key = environ_edit_of(*env, 0);

		if ((*env)[key.len] != '=' ||
		    !bsearch(&key, edits, n_edits, sizeof(*edits),
			     environ_compare_name))
			to[n++] = *env;
	}
	return n;
}

/* Adds the last NAME=value of each name, in the order of the edits. */
static size_t environ_add(const char **to, struct environ_edit *edits, size_t n)
{
	size_t added = 0;

	/* Each at its place, and then without the gaps. */
	memset(to, 0, n * sizeof(*to));
	for (size_t i = 0; i < n; i++)
		if (edits[i].text[edits[i].len] == '=' &&
		    (i + 1 == n ||
		     environ_compare_name(&edits[i], &edits[i + 1]) != 0))
			to[edits[i].i] = edits[i].text;
	for (size_t i = 0; i < n; i++)
		if (to[i])
			to[added++] = to[i];
	return added;
}

int afi_environ_edit(const char *const *env, const char *const *edits,
		     const char ***ret)
{
	size_t n = environ_count(env), n_edits = environ_count(edits);
	struct environ_edit *sorted;
	const char **result;

	for (size_t i = 0; i < n_edits; i++)
		if (!*edits[i] || *edits[i] == '=')
			return -EINVAL;
	sorted = environ_sort(edits, n_edits);
	if (!sorted)
		return -ENOMEM;
	result = malloc((n + n_edits + 1) * sizeof(*result));
	if (result) {
		n = environ_keep(result, env, sorted, n_edits);
		n += environ_add(result + n, sorted, n_edits);
		result[n] = NULL;
	}
	free(sorted);
	if (!result)
		return -ENOMEM;
	*ret = result;
	return 0;
}
