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

/* Removes each NAME=value, as there may be several; the number left. */
static size_t environ_remove(const char **env, size_t n, const char *name,
			     size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (strncmp(env[i], name, len) != 0 || env[i][len] != '=')
			env[kept++] = env[i];
	return kept;
}

int afi_environ_edit(const char *const *env, const char *const *edits,
		     const char ***ret)
{
	size_t n = environ_count(env), n_edits = environ_count(edits), len;
	const char **result;

	for (size_t i = 0; i < n_edits; i++)
		if (!*edits[i] || *edits[i] == '=')
			return -EINVAL;
	result = malloc((n + n_edits + 1) * sizeof(*result));
	if (!result)
		return -ENOMEM;
	memcpy(result, env, n * sizeof(*result));
	for (size_t i = 0; i < n_edits; i++) {
		len = strcspn(edits[i], "=");
		n = environ_remove(result, n, edits[i], len);
		if (edits[i][len] == '=')
			result[n++] = edits[i];
	}
	result[n] = NULL;
	*ret = result;
	return 0;
}
