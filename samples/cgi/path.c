/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/http.h>

#include "path.h"

/* After decoding, it could not be told from a slash of the path itself. */
static bool path_has_encoded_slash(const char *text)
{
	while ((text = strchr(text, '%')) != NULL)
		if (strncasecmp(++text, "2f", 2) == 0)
			return true;
	return false;
}

/* Whether ".." is between two slashes, or at the end. */
static bool path_goes_up(const char *text)
{
	size_t len;

	for (; *text == '/'; text += len) {
		len = strcspn(++text, "/");
		if (len == 2 && memcmp(text, "..", 2) == 0)
			return true;
	}
	return false;
}

static int path_split(struct path *ret, const char *text)
{
	size_t len;

	if (*text != '/' || path_goes_up(text))
		return -ENOENT;
	len = strcspn(++text, "/");
	if (len == 0 || *text == '.')
		return -ENOENT;
	ret->name = strndup(text, len);
	ret->info = strdup(text + len);
	if (ret->name && ret->info)
		return 0;
	path_clear(ret);
	return -ENOMEM;
}

int path_parse(struct path *ret, const char *text)
{
	size_t len;
	char *decoded;
	int r;

	if (!text || path_has_encoded_slash(text))
		return -ENOENT;
	decoded = evhttp_uridecode(text, 0, &len);
	if (!decoded)
		return -ENOMEM;
	r = strlen(decoded) == len ? path_split(ret, decoded) : -ENOENT;
	free(decoded);
	return r;
}

void path_clear(struct path *path)
{
	free(path->name);
	free(path->info);
	path->name = path->info = NULL;
}
