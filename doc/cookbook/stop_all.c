/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stop_all SECONDS CGROUP COMMAND [ARGUMENT]...: runs a command for so long at
 * most, in a cgroup unless CGROUP is "", and then stops everything that it has
 * started.
 */

#include <asyncfile.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* One of this process's children, or 0. Those that end are reaped. */
static pid_t next_child(void)
{
	FILE *list;
	int pid = 0;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	list = fopen("/proc/thread-self/children", "re");
	if (!list || fscanf(list, "%d", &pid) != 1)
		pid = 0;
	if (list)
		fclose(list);
	return pid;
}

/* What has left the group is this process's child once its parent is gone. */
static int kill_orphans(void)
{
	pid_t pid;

	while ((pid = next_child()) > 0) {
		if (kill(pid, SIGKILL) < 0)
			return -errno;
		waitpid(pid, NULL, 0);
	}
	return 0;
}

static int run(struct af_loop *loop, const char *const command[],
	       const struct timeval *limit, const int *cgroup)
{
	const struct timeval grace = { .tv_sec = 1 };
	const struct af_spawn_options options = { .new_group = true,
						  .cgroup_fd = cgroup };
	struct af_process *child = af_spawn(loop, command, &options);
	struct af_future *end;
	int r;

	if (!child) {
		fprintf(stderr, "%s\n", af_spawn_error(loop));
		return -1;
	}
	end = af_process_wait(child, limit);
	r = af_await(end);
	af_future_unref(end);
	printf("%s\n", r < 0 ? strerror(-r) : "it has ended");
	end = af_process_stop(child, &grace); /* also what it left behind */
	r = af_await(end);
	af_future_unref(end);
	af_process_free(child);
	if (r == 0 && !cgroup)
		r = kill_orphans();
	if (r < 0)
		fprintf(stderr, "not all is stopped: %s\n", strerror(-r));
	return r;
}

int main(int argc, char *argv[])
{
	const struct timeval limit = { .tv_sec = argc > 1 ? atoi(argv[1]) : 0 };
	struct af_loop *loop;
	int cgroup = -1, r;

	if (argc < 4) {
		fprintf(stderr, "usage: stop_all SECONDS CGROUP COMMAND...\n");
		return 2;
	}
	if (*argv[2])
		r = cgroup = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	else
		r = prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (r < 0) {
		perror("stop_all");
		return 2;
	}
	loop = af_loop_new(NULL);
	r = run(loop, (const char *const *)argv + 3, &limit,
		cgroup < 0 ? NULL : &cgroup);
	af_loop_free(loop);
	if (cgroup >= 0)
		close(cgroup);
	return r != 0;
}
