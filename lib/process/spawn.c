/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starting a process: puts together what the options ask for, makes files of
 * our ends, and creates the child. All or nothing.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "transport/new.h"
#include "process/cgroup.h"
#include "process/clone.h"
#include "process/environ.h"
#include "process/fdmap.h"
#include "process/foreground.h"
#include "process/notice.h"
#include "process/options.h"
#include "process/process.h"
#include "process/stdfds.h"

/* Lists all that the child gets, standard streams first. */
static int spawn_list_fds(struct afi_child_plan *plan,
			  const struct afi_stdfds *fds)
{
	const struct af_spawn_options *options = plan->options;
	size_t n = 3 + options->n_fds;

	plan->fds = calloc(n, sizeof(*plan->fds) + sizeof(*plan->targets));
	if (!plan->fds)
		return -ENOMEM;
	plan->targets = (int *)(plan->fds + n);
	n = 0;
	for (int i = 0; i < 3; i++)
		if (fds->child[i] >= 0)
			plan->fds[n++] = (struct af_fd_map){ fds->child[i], i };
	for (size_t i = 0; i < options->n_fds; i++)
		plan->fds[n++] = options->fds[i];
	plan->n_fds = n;
	afi_fdmap_list_targets(plan);
	return 0;
}

/* A terminal has one file, for both directions. */
static int spawn_make_pty_file(struct af_process *process,
			       struct afi_stdfds *fds)
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

/* Makes files of our ends; each takes its descriptor. */
static int spawn_make_files(struct af_process *process, struct afi_stdfds *fds)
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
	return spawn_make_pty_file(process, fds);
}

/* Keeps what a stop needs to kill all that is in the child's cgroup. */
static int spawn_keep_cgroup(struct af_process *process, const int *cgroup,
			     struct afi_failure *failure)
{
	int fd = cgroup ? afi_cgroup_open(*cgroup) : -1;

	process->cgroup = fd < 0 ? -1 : fd;
	return !cgroup || fd >= 0 ? 0
				  : afi_fail_number(failure, AFIO_STEP_CGROUP,
						    *cgroup, -fd);
}

/* The terminals that the child is concerned with. */
static int spawn_plan_terminals(struct af_process *process,
				struct afi_child_plan *plan, int tty,
				struct afi_failure *failure)
{
	const struct af_spawn_options *options = plan->options;
	int r;

	plan->tty = options->tty_fd ? *options->tty_fd : tty;
	plan->foreground = -1;
	if (!options->foreground)
		return 0;
	r = afi_foreground_open(process, options->group);
	if (r < 0)
		return afi_fail(failure, AFIO_STEP_TERMINAL, NULL, -r);
	plan->foreground = process->tty;
	r = afi_process_look_for(process, AFI_LOOK_TERMINAL);
	return r < 0 ? afi_fail(failure, AFIO_STEP_MEMORY, NULL, -r) : 0;
}

/* The rest, once the environment is made. */
static int spawn_start(struct af_process *process, struct afi_child_plan *plan,
		       struct afi_failure *failure)
{
	const struct af_spawn_options *options = plan->options;
	struct afi_stdfds fds;
	int pidfd = -1, r;

	r = afi_stdfds_open(&fds, plan, failure);
	if (r < 0)
		return r;
	/* Do everything that can fail before creating the child. */
	r = spawn_make_files(process, &fds);
	if (r == 0)
		r = spawn_list_fds(plan, &fds);
	if (r < 0)
		afi_fail(failure, AFIO_STEP_MEMORY, NULL, -r);
	if (r == 0)
		r = spawn_keep_cgroup(process, options->cgroup_fd, failure);
	plan->streams = fds.late;
	if (r == 0)
		r = spawn_plan_terminals(process, plan, fds.tty, failure);
	if (r == 0)
		r = afi_clone(plan, &pidfd, failure);
	free(plan->fds);
	if (r < 0) {
		/* The child may have had it already. */
		afi_foreground_end(process);
		afi_stdfds_abandon(&fds);
		return r;
	}
	afi_exit_init(&process->exit, r, pidfd);
	process->kill_on_free = options->kill_on_free;
	process->tty_group = options->group ? options->group : r;
	afi_stdfds_close_child(&fds);
	if (fds.taken) {
		af_file_close(fds.taken);
		options->in.process->files[1] = NULL;
	}
	return 0;
}

/* After clearenv(3), environ is NULL. */
static const char *const *spawn_old_env(const struct af_spawn_options *options)
{
	static const char *const spawn_no_env[] = { NULL };

	if (options->env)
		return options->env;
	return environ ? (const char *const *)environ : spawn_no_env;
}

/* Creates the child of a process that has none; its files may stay behind. */
static int spawn_child(struct af_process *process, const char *const argv[],
		       const struct af_spawn_options *options,
		       struct afi_failure *failure)
{
	struct afi_child_plan plan = {
		.argv = argv,
		.program = options->program ? options->program : argv[0],
		.env = spawn_old_env(options),
		.options = options,
		.uid = options->uid,
		.gid = options->gid,
	};
	const uid_t uid = options->reset_ids ? getuid() : 0;
	const gid_t gid = options->reset_ids ? getgid() : 0;
	const char **env = NULL;
	int r = afi_options_check(options, failure);

	if (r < 0)
		return r;
	if (options->reset_ids) {
		plan.uid = &uid;
		plan.gid = &gid;
	}
	plan.ignored = afi_options_ignored(options);
	if (options->env_edits) {
		r = afi_environ_edit(plan.env, options->env_edits, &env);
		if (r == -EINVAL)
			return afi_fail(failure, AFIO_STEP_OPTION, "env_edits",
					-r);
		if (r < 0)
			return afi_fail(failure, AFIO_STEP_MEMORY, NULL, -r);
		plan.env = env;
	}
	r = spawn_start(process, &plan, failure);
	free(env);
	return r;
}

/* The process, or NULL and what failed. */
static struct af_process *spawn_process(struct af_loop *loop,
					const char *const argv[],
					const struct af_spawn_options *options,
					struct afi_failure *failure)
{
	struct af_process *process;

	if (!argv || !argv[0]) {
		afi_fail(failure, AFIO_STEP_OPTION, "argv", EINVAL);
		return NULL;
	}
	/* The user could stop the child there, and us with it. */
	if (options->before_exec && afi_options_change_user(options)) {
		afi_fail(failure, AFIO_STEP_OPTION, "before_exec", EINVAL);
		return NULL;
	}
	process = afi_process_new(loop);
	if (!process) {
		afi_fail(failure, AFIO_STEP_MEMORY, NULL, ENOMEM);
		return NULL;
	}
	if (spawn_child(process, argv, options, failure) < 0) {
		afi_process_close_files(process);
		afi_process_discard(process);
		return NULL;
	}
	return process;
}

struct af_process *af_spawn(struct af_loop *loop, const char *const argv[],
			    const struct af_spawn_options *options)
{
	static const struct af_spawn_options spawn_defaults;
	struct afi_failure failure;
	struct af_process *process;
	int r = afi_process_check_loop(loop);

	if (r < 0) {
		errno = -r;
		return NULL;
	}
	process = spawn_process(loop, argv, options ? options : &spawn_defaults,
				&failure);
	afi_failure_keep(loop, process ? NULL : &failure);
	if (!process)
		errno = failure.error;
	return process;
}
