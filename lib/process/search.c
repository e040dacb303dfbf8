/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a child's program may be. Starts nothing, and looks at no file: the
 * child tries one path after the other.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "process/search.h"

int afi_search_paths(struct afi_child *child)
{
	const char *program = child->plan->program;
	const char *search = getenv("PATH");
	size_t argc = 0, n_paths = 1, len, i;
	const char *end;
	char *text;

	while (child->plan->argv[argc])
		argc++;
	if (!search)
		search = "/bin:/usr/bin";
	if (strchr(program, '/'))
		search = "";
	len = strlen(program) + 1;
	for (i = 0; search[i]; i++)
		n_paths += search[i] == ':';
	child->paths = malloc((n_paths + 1 + argc + 2) * sizeof(char *) + i +
			      n_paths * (len + 1));
	if (!child->paths)
		return -ENOMEM;
	child->sh_argv = child->paths + n_paths + 1;
	text = (char *)(child->sh_argv + argc + 2);
	for (i = 0; i < n_paths; i++, search = end + 1) {
		end = strchrnul(search, ':');
		child->paths[i] = text;
		text = mempcpy(text, search, (size_t)(end - search));
		if (end > search)
			*text++ = '/';
		text = mempcpy(text, program, len);
	}
	child->paths[*program ? n_paths : 0] = NULL;
	child->sh_argv[0] = (char *)"sh";
	for (i = 1; i <= argc; i++)
		child->sh_argv[i + 1] = (char *)child->plan->argv[i];
	return 0;
}
