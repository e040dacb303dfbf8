/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Launching: what the options say is checked, opened and put together, files
 * are made of our ends, and the child is started. All or nothing.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "transport/new.h"
#include "process/clone.h"
#include "process/environ.h"
#include "process/spawn.h"
#include "process/stdfds.h"

static bool wants_pty(const struct af_spawn_options *options)
{
	return options->in.kind == AFIO_PTY || options->out.kind == AFIO_PTY ||
	       options->err.kind == AFIO_PTY;
}

/* The name of an option that makes no sense, or NULL. */
static const char *find_nonsense(const struct af_spawn_options *options)
{
	if (options->group < 0 ||
	    (options->group > 0 &&
	     (options->new_session || wants_pty(options))))
		return "group";
	if (options->closefrom && options->closefrom < 3)
		return "closefrom";
	if (options->n_fds && !options->fds)
		return "fds";
	/* setresuid(2) takes it for "as it is". */
	if (options->uid && *options->uid == (uid_t)-1)
		return "uid";
	if (options->gid && *options->gid == (gid_t)-1)
		return "gid";
	if (options->n_groups && !options->groups)
		return "groups";
	if (options->n_limits && !options->limits)
		return "limits";
	return NULL;
}

static int check_fds(const struct af_spawn_options *options,
		     struct afi_failure *failure)
{
	const struct af_fd_map *fds = options->fds;

	for (size_t i = 0; i < options->n_fds; i++) {
		if (fds[i].child_fd < 3)
			return afi_fail_number(failure, "fd", fds[i].child_fd,
					       EINVAL);
		for (size_t j = 0; j < i; j++)
			if (fds[j].child_fd == fds[i].child_fd)
				return afi_fail_number(failure, "fd",
						       fds[i].child_fd, EINVAL);
		if (fcntl(fds[i].fd, F_GETFD) < 0)
			return afi_fail_number(failure, "fd", fds[i].fd, EBADF);
	}
	return 0;
}

/* All that the child gets, standard streams first, in one list. */
static int list_fds(struct afi_spawn *spawn, const struct afi_stdfds *fds)
{
	const struct af_spawn_options *options = spawn->options;
	size_t n = 0;

	spawn->fds = calloc(3 + options->n_fds, sizeof(*spawn->fds));
	if (!spawn->fds)
		return -ENOMEM;
	for (int i = 0; i < 3; i++)
		if (fds->child[i] >= 0)
			spawn->fds[n++] =
				(struct af_fd_map){ fds->child[i], i };
	for (size_t i = 0; i < options->n_fds; i++)
		spawn->fds[n++] = options->fds[i];
	spawn->n_fds = n;
	return 0;
}

/* Of a terminal there is one file, which is read and maybe written. */
static int make_pty_file(struct af_process *process, struct afi_stdfds *fds)
{
	struct af_file *file;

	if (fds->master < 0)
		return 0;
	file = afi_file_new_pty(process->loop, fds->master);
	if (!file)
		return -errno;
	fds->master = -1;
	process->pty = file;
	if (fds->child[0] == fds->tty)
		process->files[0] = file;
	if (fds->child[1] == fds->tty)
		process->files[1] = file;
	else if (fds->child[2] == fds->tty)
		process->files[2] = file;
	return 0;
}

/* Files of our ends of the pipes; each takes its descriptor. */
static int make_files(struct af_process *process, struct afi_stdfds *fds)
{
	for (int i = 0; i < 3; i++) {
		if (fds->parent[i] < 0)
			continue;
		process->files[i] =
			afi_file_new_pipe(process->loop, fds->parent[i],
					  i == 0 ? AFI_WRITE : AFI_READ);
		if (!process->files[i])
			return -errno;
		fds->parent[i] = -1;
	}
	return make_pty_file(process, fds);
}

/* With the environment made: the rest. */
static int start(struct af_process *process, struct afi_spawn *spawn,
		 struct afi_failure *failure)
{
	const struct af_spawn_options *options = spawn->options;
	struct afi_stdfds fds;
	int pidfd = -1, r;

	r = afi_stdfds_open(&fds, options, failure);
	if (r < 0)
		return r;
	/* First what can fail here, so that a child is never in vain. */
	r = make_files(process, &fds);
	if (r == 0)
		r = list_fds(spawn, &fds);
	if (r < 0)
		afi_fail(failure, "memory", NULL, -r);
	spawn->tty = fds.tty;
	if (r == 0)
		r = afi_spawn(spawn, &pidfd, failure);
	free(spawn->fds);
	if (r < 0) {
		afi_stdfds_abandon(&fds);
		return r;
	}
	afi_exit_init(&process->exit, r, pidfd);
	afi_stdfds_close_child(&fds);
	if (fds.taken) {
		af_file_close(fds.taken);
		options->in.process->files[1] = NULL;
	}
	return 0;
}

/* After clearenv(3) there is none at all. */
static const char *const *old_env(const struct af_spawn_options *options)
{
	static const char *const none[] = { NULL };

	if (options->env)
		return options->env;
	return environ ? (const char *const *)environ : none;
}

int afi_launch(struct af_process *process, const char *const argv[],
	       const struct af_spawn_options *options,
	       struct afi_failure *failure)
{
	struct afi_spawn spawn = {
		.argv = argv,
		.file = options->file ? options->file : argv[0],
		.env = old_env(options),
		.options = options,
	};
	const char *nonsense = find_nonsense(options);
	const char **env = NULL;
	int r;

	if (nonsense)
		return afi_fail(failure, "option", nonsense, EINVAL);
	r = check_fds(options, failure);
	if (r < 0)
		return r;
	if (options->env_edits) {
		r = afi_environ_edit(spawn.env, options->env_edits, &env);
		if (r == -EINVAL)
			return afi_fail(failure, "option", "env_edits", -r);
		if (r < 0)
			return afi_fail(failure, "memory", NULL, -r);
		spawn.env = env;
	}
	r = start(process, &spawn, failure);
	free(env);
	return r;
}
