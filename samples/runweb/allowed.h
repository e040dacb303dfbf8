/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pipelines that may be run: a file with a line for each,
 *
 *     NAME: COMMAND [| COMMAND]...
 *
 * Words are separated by blanks; '...' and "..." group. There is no shell.
 * Empty lines, and lines that begin with #, are skipped.
 */
#ifndef RUNWEB_ALLOWED_H
#define RUNWEB_ALLOWED_H

#include <stddef.h>

struct evbuffer;

struct allowed {
	struct allowed *next;
	char *line; /* all strings below are in it */
	const char *name;
	const char **words;	    /* of all stages; a NULL after each */
	const char *const **stages; /* as for af_pipe_spawn() */
	size_t n_stages;
};

/* Reads the file. Returns 0; or -1 after a message. */
int allowed_read(struct allowed **ret_list, const char *path);
void allowed_free(struct allowed *list);
/* NULL if there is none of this name. */
const struct allowed *allowed_find(const struct allowed *list,
				   const char *name);
/* Appends a JSON array with the words of each stage. */
int allowed_json(struct evbuffer *to, const struct allowed *one);

#endif
