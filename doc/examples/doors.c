/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a function of the program can do in the child, just before the exec:
 * doc/children.md explains it.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <asyncfile.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A network of its own, in which there is nothing but a loopback device. */
static int without_network(void *arg)
{
	(void)arg;
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 ? -errno : 0;
}

/* No program that it executes can get a capability that it has not. */
static int without_capabilities(void *arg)
{
	(void)arg;
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	return 0;
}

/* mkdir(2) and mkdirat(2) fail with EPERM. Needs no_new_privs. */
static int without_mkdir(void *arg)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
#ifdef SYS_mkdir
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 1, 0),
#endif
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(*filter),
		.filter = filter,
	};

	(void)arg;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno
									: 0;
}

/* No regular file can be made anywhere (Landlock). Needs no_new_privs. */
static int without_new_files(void *arg)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_REG,
	};
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attr,
				 sizeof(attr), 0);

	(void)arg;
	if (rules < 0 || syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		return -errno;
	return close(rules);
}

static int on_one_processor(void *arg)
{
	cpu_set_t set, one;

	(void)arg;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return -errno;
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &set))
			CPU_SET(i, &one);
	return sched_setaffinity(0, sizeof(one), &one) < 0 ? -errno : 0;
}

/* It runs, and reads the disk, only when nobody else wants to. */
static int when_idle(void *arg)
{
	enum { WHO_PROCESS = 1, CLASS_IDLE = 3, CLASS_SHIFT = 13 };
	const struct sched_param none = { 0 };

	(void)arg;
	if (sched_setscheduler(0, SCHED_IDLE, &none) < 0 ||
	    syscall(SYS_ioprio_set, WHO_PROCESS, 0,
		    CLASS_IDLE << CLASS_SHIFT) < 0)
		return -errno;
	return 0;
}

/* Where memory runs out, it is the first to be killed. */
static int killed_first(void *arg)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	ssize_t n = write(fd, "1000", 4);

	(void)arg;
	return n < 0 ? -errno : close(fd);
}

static const struct door {
	const char *name;
	af_child_fn fn;
	const char *command; /* says what the child sees of it */
} doors[] = {
	{ "without network", without_network, "grep -c : /proc/net/dev" },
	{ "without capabilities", without_capabilities,
	  "grep CapBnd /proc/self/status" },
	{ "without mkdir", without_mkdir, "mkdir scratch.dir || true" },
	{ "without new files", without_new_files, "touch scratch.file || true" },
	{ "on one processor", on_one_processor, "nproc" },
	{ "when idle", when_idle, "ionice" },
	{ "killed first", killed_first, "cat /proc/self/oom_score_adj" },
};

static void run(struct af_loop *loop, const struct door *door)
{
	const char *const argv[] = { "sh", "-c", door->command, NULL };
	const struct af_run_options options = {
		.spawn = { .err.kind = AFIO_STDOUT,
			   .no_new_privs = true,
			   .before_exec = door->fn },
	};
	struct af_future *run = af_run(loop, argv, &options);

	if (af_await(run) == 0)
		printf("%s: %s", door->name, af_future_output(run)->out);
	else
		printf("%s: %s\n", door->name, af_future_spawn_error(run));
	af_future_unref(run);
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);

	for (size_t i = 0; i < sizeof(doors) / sizeof(*doors); i++)
		run(loop, &doors[i]);
	af_loop_free(loop);
	return 0;
}
