/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starting a process: checks the options and puts together what they ask for,
 * makes files of our ends, and has the child created. All or nothing.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/container.h"
#include "base/reserved.h"
#include "transport/new.h"
#include "process/environ.h"
#include "process/process.h"
#include "process/spawn.h"
#include "process/starter.h"

bool afi_spawn_reserved_clear(const struct af_spawn_options *options)
{
	return AFI_RESERVED_CLEAR(&options->in) &&
	       AFI_RESERVED_CLEAR(&options->out) &&
	       AFI_RESERVED_CLEAR(&options->err) && AFI_RESERVED_CLEAR(options);
}

static bool spawn_wants_pty(const struct af_spawn_options *options)
{
	return options->in.kind == AFIO_PTY || options->out.kind == AFIO_PTY ||
	       options->err.kind == AFIO_PTY;
}

/* The name of an option that makes no sense, or NULL. */
static const char *spawn_find_nonsense(const struct af_spawn_options *options)
{
	if (!afi_spawn_reserved_clear(options))
		return "reserved";
	if (options->group < 0 ||
	    (options->group > 0 &&
	     (options->new_session || spawn_wants_pty(options))))
		return "group";
	if (options->closefrom && options->closefrom < 3)
		return "closefrom";
	if (options->n_fds && !options->fds)
		return "fds";
	/* To setresuid(2) and setresgid(2), -1 means unchanged. */
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

static int spawn_check_fds(const struct af_spawn_options *options,
			   struct afi_failure *failure)
{
	const struct af_fd_map *fds = options->fds;

	for (size_t i = 0; i < options->n_fds; i++) {
		if (fds[i].child_fd < 3)
			return afi_fail_number(failure, AFIO_STEP_FD,
					       fds[i].child_fd, EINVAL);
		for (size_t j = 0; j < i; j++)
			if (fds[j].child_fd == fds[i].child_fd)
				return afi_fail_number(failure, AFIO_STEP_FD,
						       fds[i].child_fd, EINVAL);
		if (fcntl(fds[i].fd, F_GETFD) < 0)
			return afi_fail_number(failure, AFIO_STEP_FD, fds[i].fd,
					       EBADF);
	}
	return 0;
}

/* Lists all that the child gets, standard streams first. */
static int spawn_list_fds(struct afi_child_plan *plan,
			  const struct afi_stdfds *fds)
{
	const struct af_spawn_options *options = plan->options;
	size_t n = 0;

	plan->fds = calloc(3 + options->n_fds, sizeof(*plan->fds));
	if (!plan->fds)
		return -ENOMEM;
	for (int i = 0; i < 3; i++)
		if (fds->child[i] >= 0)
			plan->fds[n++] = (struct af_fd_map){ fds->child[i], i };
	for (size_t i = 0; i < options->n_fds; i++)
		plan->fds[n++] = options->fds[i];
	plan->n_fds = n;
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

/* After clearenv(3), environ is NULL. */
static const char *const *spawn_old_env(const struct af_spawn_options *options)
{
	static const char *const spawn_no_env[] = { NULL };

	if (options->env)
		return options->env;
	return environ ? (const char *const *)environ : spawn_no_env;
}

/* The environment, and where the program may be. */
static int spawn_make_plan(struct afi_start *start, const char *const argv[])
{
	const struct af_spawn_options *options = start->options;
	struct afi_child_plan *plan = &start->plan;
	int r = 0;

	plan->argv = argv;
	plan->program = options->program ? options->program : argv[0];
	plan->env = spawn_old_env(options);
	plan->options = options;
	if (options->env_edits)
		r = afi_environ_edit(plan->env, options->env_edits,
				     &start->env);
	if (r == -EINVAL)
		return afi_fail(&start->failure, AFIO_STEP_OPTION, "env_edits",
				-r);
	if (start->env)
		plan->env = start->env;
	if (r == 0)
		r = afi_clone_find_paths(plan);
	return r < 0 ? afi_fail(&start->failure, AFIO_STEP_MEMORY, NULL, -r)
		     : 0;
}

/* Makes all that may fail before there is a child. */
static int spawn_make(struct afi_start *start, struct af_loop *loop,
		      const char *const argv[])
{
	const struct af_spawn_options *options = start->options;
	struct afi_failure *failure = &start->failure;
	const char *nonsense =
		argv && argv[0] ? spawn_find_nonsense(options) : "argv";
	int r;

	if (nonsense)
		return afi_fail(failure, AFIO_STEP_OPTION, nonsense, EINVAL);
	start->process = afi_process_new(loop);
	if (!start->process)
		return afi_fail(failure, AFIO_STEP_MEMORY, NULL, ENOMEM);
	r = spawn_check_fds(options, failure);
	if (r == 0)
		r = spawn_make_plan(start, argv);
	if (r == 0)
		r = afi_stdfds_open(&start->fds, options, failure);
	if (r < 0)
		return r;
	r = spawn_make_files(start->process, &start->fds);
	if (r == 0)
		return 0;
	afi_stdfds_abandon(&start->fds);
	return afi_fail(failure, AFIO_STEP_MEMORY, NULL, -r);
}

static void spawn_discard(struct afi_start *start)
{
	if (start->process) {
		afi_process_close_files(start->process);
		afi_process_discard(start->process);
	}
	start->process = NULL;
	afi_start_clear(start);
}

int afi_start_prepare(struct afi_start *start, struct af_loop *loop,
		      const char *const argv[],
		      const struct af_spawn_options *options)
{
	int r;

	*start = (struct afi_start){ .options = options, .pidfd = -1 };
	r = spawn_make(start, loop, argv);
	if (r < 0)
		spawn_discard(start);
	return r;
}

void afi_start_run(struct afi_start *start, struct afi_birth *birth)
{
	struct afi_child_plan *plan = &start->plan;
	struct afi_failure *failure = &start->failure;
	int r = afi_stdfds_open_paths(&start->fds, start->options, failure);

	plan->tty = start->fds.tty;
	if (r == 0) {
		r = spawn_list_fds(plan, &start->fds);
		if (r < 0)
			afi_fail(failure, AFIO_STEP_MEMORY, NULL, -r);
	}
	if (r == 0)
		r = afi_clone(plan, birth, &start->pidfd, failure);
	start->pid = r;
	free(plan->fds);
	plan->fds = NULL;
	afi_stdfds_close_child(&start->fds);
}

void afi_start_skip(struct afi_start *start, int error)
{
	start->pid = -error;
	afi_stdfds_close_child(&start->fds);
}

void afi_start_clear(struct afi_start *start)
{
	free(start->plan.paths);
	free(start->env);
	start->plan.paths = NULL;
	start->env = NULL;
}

struct af_process *afi_start_finish(struct afi_start *start)
{
	struct af_process *process = start->process;
	struct afi_stdfds *fds = &start->fds;

	if (start->pid < 0) {
		afi_stdfds_abandon(fds);
		spawn_discard(start);
		return NULL;
	}
	afi_exit_init(&process->exit, start->pid, start->pidfd);
	if (fds->taken) {
		af_file_close(fds->taken);
		start->options->in.process->files[1] = NULL;
	}
	afi_start_clear(start);
	return process;
}

struct spawn_kept {
	struct afi_starter_job job;
	struct afi_start *start;
};

static void spawn_run_kept(struct afi_starter_job *job)
{
	afi_start_run(AFI_CONTAINER(job, struct spawn_kept, job)->start, NULL);
}

/* By the thread that such a child dies with. */
static void spawn_run_by_keeper(struct afi_start *start)
{
	struct spawn_kept kept = { .job.work = spawn_run_kept, .start = start };

	afi_starter_keep(&kept.job);
}

/* The process, or NULL and what failed. */
static struct af_process *spawn_process(struct af_loop *loop,
					const char *const argv[],
					const struct af_spawn_options *options,
					struct afi_failure *failure)
{
	struct af_process *process = NULL;
	struct afi_start start;

	if (afi_start_prepare(&start, loop, argv, options) == 0) {
		if (options->die_with_parent)
			spawn_run_by_keeper(&start);
		else
			afi_start_run(&start, NULL);
		process = afi_start_finish(&start);
	}
	if (!process)
		*failure = start.failure;
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
