/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copies arguments and options into one allocation: once to measure, and once
 * more to fill it.
 */
#include "config.h"

#include <limits.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "process/spawn_copy.h"

struct spawn_copy {
	char *memory; /* NULL: only measure */
	size_t used;
};

/* The copy; NULL for NULL, and while measuring. */
static void *spawn_copy_bytes(struct spawn_copy *copy, const void *from,
			      size_t len)
{
	void *to = copy->memory && from ? copy->memory + copy->used : NULL;

	if (to)
		memcpy(to, from, len);
	if (from)
		copy->used += (len + alignof(max_align_t) - 1) /
			      alignof(max_align_t) * alignof(max_align_t);
	return to;
}

static const char *spawn_copy_text(struct spawn_copy *copy, const char *text)
{
	return spawn_copy_bytes(copy, text, text ? strlen(text) + 1 : 0);
}

/* Of texts, and a NULL. */
static const char *const *spawn_copy_list(struct spawn_copy *copy,
					  const char *const *list)
{
	const char **to, *text;
	size_t n = 0;

	while (list && list[n])
		n++;
	to = spawn_copy_bytes(copy, list, (n + 1) * sizeof(*list));
	for (size_t i = 0; i < n; i++) {
		text = spawn_copy_text(copy, list[i]);
		if (to)
			to[i] = text;
	}
	return to;
}

static void spawn_copy_stdio(struct spawn_copy *copy, struct af_stdio *to,
			     const struct af_stdio *from)
{
	to->path = spawn_copy_text(copy, from->path);
	to->mode = spawn_copy_bytes(copy, from->mode, sizeof(*from->mode));
}

static void spawn_copy_descriptors(struct spawn_copy *copy,
				   struct af_spawn_options *to,
				   const struct af_spawn_options *from)
{
	to->program_fd = spawn_copy_bytes(copy, from->program_fd, sizeof(int));
	to->cwd_fd = spawn_copy_bytes(copy, from->cwd_fd, sizeof(int));
	to->tty_fd = spawn_copy_bytes(copy, from->tty_fd, sizeof(int));
	to->cgroup_fd = spawn_copy_bytes(copy, from->cgroup_fd, sizeof(int));
	to->fds = spawn_copy_bytes(copy, from->fds,
				   from->n_fds * sizeof(*from->fds));
}

static void spawn_copy_options(struct spawn_copy *copy,
			       struct af_spawn_options *to,
			       const struct af_spawn_options *from)
{
	static const char *const spawn_copy_no_env[] = { NULL };
	const char *const *env = from->env;

	if (!env)
		env = environ ? (const char *const *)environ
			      : spawn_copy_no_env;
	*to = *from;
	spawn_copy_stdio(copy, &to->in, &from->in);
	spawn_copy_stdio(copy, &to->out, &from->out);
	spawn_copy_stdio(copy, &to->err, &from->err);
	spawn_copy_descriptors(copy, to, from);
	to->search_path = spawn_copy_text(copy, from->search_path);
	to->program = spawn_copy_text(copy, from->program);
	to->env = spawn_copy_list(copy, env);
	to->env_edits = spawn_copy_list(copy, from->env_edits);
	to->cwd = spawn_copy_text(copy, from->cwd);
	to->uid = spawn_copy_bytes(copy, from->uid, sizeof(*from->uid));
	to->gid = spawn_copy_bytes(copy, from->gid, sizeof(*from->gid));
	/* The kernel refuses more, and does not look at them. */
	if (from->n_groups <= NGROUPS_MAX)
		to->groups = spawn_copy_bytes(copy, from->groups,
					      from->n_groups *
						      sizeof(*from->groups));
	to->ignored_signals = spawn_copy_bytes(
		copy, from->ignored_signals,
		from->n_ignored_signals * sizeof(*from->ignored_signals));
	to->pty_modes = spawn_copy_bytes(copy, from->pty_modes,
					 sizeof(*from->pty_modes));
	to->umask = spawn_copy_bytes(copy, from->umask, sizeof(*from->umask));
	to->limits = spawn_copy_bytes(copy, from->limits,
				      from->n_limits * sizeof(*from->limits));
}

struct afi_spawn_copy *afi_spawn_copy(const char *const argv[],
				      const struct af_spawn_options *options)
{
	struct afi_spawn_copy head = { .argv = NULL }, *result;
	struct spawn_copy copy = { .memory = NULL };

	spawn_copy_bytes(&copy, &head, sizeof(head));
	spawn_copy_options(&copy, &head.options, options);
	spawn_copy_list(&copy, argv);
	copy.memory = malloc(copy.used);
	if (!copy.memory)
		return NULL;
	copy.used = 0;
	result = spawn_copy_bytes(&copy, &head, sizeof(head));
	spawn_copy_options(&copy, &result->options, options);
	result->argv = spawn_copy_list(&copy, argv);
	return result;
}
