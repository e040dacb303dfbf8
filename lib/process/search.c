/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a child's program may be. Starts nothing, and looks at no file: the
 * child tries one path after the other.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/search.h"

/* Where to look if there is no PATH, by POSIX. */
static const char *search_usual(char *buf, size_t size)
{
	size_t n = confstr(_CS_PATH, buf, size);

	return n > 0 && n <= size ? buf : "/bin:/usr/bin";
}

/* The PATH in env, or NULL. */
static const char *search_env(const char *const *env)
{
	for (; *env; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return NULL;
}

/*
 * The next part of *rest that is neither empty nor longer than max, or NULL.
 * *rest is then what follows it.
 */
static const char *search_part(const char **rest, size_t *ret_len, size_t max)
{
	const char *part;
	size_t len;

	do {
		if (!**rest)
			return NULL;
		part = *rest;
		len = (size_t)(strchrnul(part, ':') - part);
		*rest = part + len + (part[len] == ':');
	} while (len == 0 || len > max);
	*ret_len = len;
	return part;
}

/*
 * Makes room for n_paths, their text and, if wanted, the arguments of sh, of
 * which the path of the script is left out; the text, or NULL.
 */
static char *search_make(struct afi_child_plan *plan, size_t n_paths,
			 size_t text, bool sh)
{
	const char *const *argv = plan->argv;
	size_t argc = 0, n = n_paths + 1;

	if (sh) {
		while (argv[argc])
			argc++;
		n += argc + 2;
	}
	plan->paths = malloc(n * sizeof(char *) + text);
	if (!plan->paths)
		return NULL;
	plan->paths[n_paths] = NULL;
	if (sh) {
		plan->sh_argv = plan->paths + n_paths + 1;
		plan->sh_argv[0] = (char *)"sh";
		for (size_t i = 1; i <= argc; i++)
			plan->sh_argv[i + 1] = (char *)argv[i];
	}
	return (char *)(plan->paths + n);
}

/* To sh, a name that begins with "-" would be an option. */
static char *search_begin(char *text, const char *path)
{
	return *path == '-' ? mempcpy(text, "./", 2) : text;
}

/* The program is where it says. A long name is not copied without need. */
static int search_named(struct afi_child_plan *plan)
{
	const char *program = plan->program;
	bool sh = plan->options->sh_fallback;
	bool copy = sh && *program == '-';
	char *text = search_make(plan, 1, copy ? strlen(program) + 3 : 0, sh);

	if (!text)
		return -ENOMEM;
	plan->paths[0] = copy ? text : (char *)program;
	if (copy)
		strcpy(search_begin(text, program), program);
	return 0;
}

/* Lists the program in each part of search; len is its length, with the NUL. */
static int search_list(struct afi_child_plan *plan, const char *search,
		       size_t len)
{
	const char *part, *rest = search;
	size_t max = PATH_MAX - len - 1, n_paths = 0, size = 0, n, i = 0;
	char *text;

	while (search_part(&rest, &n, max)) {
		n_paths++;
		size += n + len + 3;
	}
	text = search_make(plan, n_paths, size, true);
	if (!text)
		return -ENOMEM;
	rest = search;
	while ((part = search_part(&rest, &n, max))) {
		plan->paths[i++] = text;
		text = mempcpy(search_begin(text, part), part, n);
		*text++ = '/';
		text = mempcpy(text, plan->program, len);
	}
	return 0;
}

int afi_search_paths(struct afi_child_plan *plan)
{
	const struct af_spawn_options *options = plan->options;
	const char *search = options->search_path;
	size_t len = strnlen(plan->program, NAME_MAX + 1) + 1;
	char usual[256];

	if (options->program_fd)
		return 0;
	if (len > 1 &&
	    (options->search == AFIO_SEARCH_NONE || strchr(plan->program, '/')))
		return search_named(plan);
	if (len > NAME_MAX + 1)
		return -ENAMETOOLONG;
	if (len == 1)
		search = "";
	else if (options->search == AFIO_SEARCH_PARENT)
		search = getenv("PATH");
	else if (!search)
		search = search_env(plan->env);
	if (!search)
		search = search_usual(usual, sizeof(usual));
	return search_list(plan, search, len);
}
