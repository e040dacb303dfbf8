/* SPDX-License-Identifier: BSD-3-Clause */
/* The path of a request: which program, and what is left for it. */
#ifndef CGI_PATH_H
#define CGI_PATH_H

struct path {
	char *name; /* of the program, without a slash */
	char *info; /* PATH_INFO: empty, or it begins with a slash */
};

/*
 * Takes a path apart, as it stands in the request. Returns 0; -ENOMEM; or
 * -ENOENT if no program can be meant: a name that begins with a dot, "..",
 * encoded slashes and NULs.
 */
int path_parse(struct path *ret, const char *text);
void path_clear(struct path *path);

#endif
