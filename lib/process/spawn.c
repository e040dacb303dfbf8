/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starting a process: puts together what the options ask for, makes files of
 * our ends, and has the child created. All or nothing.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/container.h"
#include "transport/new.h"
#include "process/cgroup.h"
#include "process/environ.h"
#include "process/fdmap.h"
#include "process/foreground.h"
#include "process/notice.h"
#include "process/options.h"
#include "process/process.h"
#include "process/reaped.h"
#include "process/search.h"
#include "process/spawn.h"
#include "process/starter.h"

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
static int spawn_plan_terminals(struct afi_start *start)
{
	const struct af_spawn_options *options = start->options;
	struct afi_child_plan *plan = &start->plan;
	struct af_process *process = start->process;
	int r;

	plan->tty = options->tty_fd ? *options->tty_fd : start->fds.tty;
	plan->foreground = -1;
	if (!options->foreground)
		return 0;
	r = afi_foreground_open(process, options->group);
	if (r < 0)
		return afi_fail(&start->failure, AFIO_STEP_TERMINAL, NULL, -r);
	plan->foreground = process->tty;
	r = afi_process_look_for(process, AFI_LOOK_TERMINAL);
	return r < 0 ? afi_fail(&start->failure, AFIO_STEP_MEMORY, NULL, -r)
		     : 0;
}

static void spawn_plan(struct afi_start *start, const char *const argv[])
{
	const struct af_spawn_options *options = start->options;

	start->plan = (struct afi_child_plan){
		.argv = argv,
		.program = options->program ? options->program : argv[0],
		.env = options->env ? options->env : afi_environ_own(),
		.options = options,
		.uid = options->uid,
		.gid = options->gid,
		.ignored = afi_options_ignored(options),
		.streams = start->fds.late,
	};
	if (options->reset_ids) {
		start->uid = getuid();
		start->gid = getgid();
		start->plan.uid = &start->uid;
		start->plan.gid = &start->gid;
	}
}

/* The environment, and then where the program may be. */
static int spawn_plan_program(struct afi_start *start)
{
	const struct af_spawn_options *options = start->options;
	struct afi_failure *failure = &start->failure;
	struct afi_child_plan *plan = &start->plan;
	int r = 0;

	if (options->env_edits)
		r = afi_environ_edit(plan->env, options->env_edits,
				     &start->env);
	if (r == -EINVAL)
		return afi_fail(failure, AFIO_STEP_OPTION, "env_edits", -r);
	if (start->env)
		plan->env = start->env;
	if (r == 0)
		r = afi_search_paths(plan);
	if (r < 0 && r != -ENOMEM)
		return afi_fail(failure, AFIO_STEP_EXEC, plan->program, -r);
	return r < 0 ? afi_fail(failure, AFIO_STEP_MEMORY, NULL, -r) : 0;
}

static int spawn_make_ends(struct afi_start *start)
{
	struct afi_failure *failure = &start->failure;
	int r = afi_stdfds_open(&start->fds, &start->plan, failure);

	if (r < 0)
		return r;
	r = spawn_make_files(start->process, &start->fds);
	if (r < 0)
		afi_fail(failure, AFIO_STEP_MEMORY, NULL, -r);
	else
		r = spawn_keep_cgroup(start->process, start->options->cgroup_fd,
				      failure);
	if (r == 0)
		r = spawn_plan_terminals(start);
	if (r < 0)
		afi_stdfds_abandon(&start->fds);
	return r;
}

/* Makes all that may fail before there is a child. */
static int spawn_make(struct afi_start *start, struct af_loop *loop,
		      const char *const argv[])
{
	struct afi_failure *failure = &start->failure;
	int r;

	if (!argv || !argv[0])
		return afi_fail(failure, AFIO_STEP_OPTION, "argv", EINVAL);
	r = afi_options_check(start->options, failure);
	if (r < 0)
		return r;
	start->process = afi_process_new(loop);
	if (!start->process)
		return afi_fail(failure, AFIO_STEP_MEMORY, NULL, ENOMEM);
	start->process->kill_on_free = start->options->kill_on_free;
	spawn_plan(start, argv);
	r = spawn_plan_program(start);
	return r == 0 ? spawn_make_ends(start) : r;
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
	int r = afi_stdfds_open_paths(&start->fds, plan, failure);

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
		/* The child may have had it already. */
		afi_foreground_end(process);
		afi_stdfds_abandon(fds);
		spawn_discard(start);
		return NULL;
	}
	afi_exit_init(&process->exit, start->pid, start->pidfd);
	process->tty_group =
		start->options->group ? start->options->group : start->pid;
	afi_reaped_look(process);
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

	/* The user could stop the child there, and us with it. */
	if (options->before_exec && afi_options_change_user(options)) {
		afi_fail(failure, AFIO_STEP_OPTION, "before_exec", EINVAL);
		return NULL;
	}
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
	int r = afi_loop_usable(loop);

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
