/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Children for fuzz targets: the program tests/support/helper, which is beside
 * the target's folder, and what the kernel says of a child without the library.
 */
#ifndef TESTS_FUZZ_CHILDREN_H
#define TESTS_FUZZ_CHILDREN_H

#include "config.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fuzz/loop.h"

/*
 * Whether a child can die with its parent, and is known from a newer one with
 * its number.
 */
#ifdef AFI_LINUX
#define LINUX_FILES true
#else
#define LINUX_FILES false
#endif

#define HELPER(...) ((const char *const[]){ helper_path(), __VA_ARGS__, NULL })

static inline const char *helper_path(void)
{
	static char path[PATH_MAX + sizeof("/support/helper")];
	ssize_t n;

	if (*path)
		return path;
	n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	must(n > 0);
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	/* As libtool has it. */
	if (strcmp(strrchr(path, '/'), "/.libs") == 0)
		*strrchr(path, '/') = '\0';
	strcpy(strrchr(path, '/'), "/support/helper");
	must(access(path, X_OK) == 0);
	return path;
}

/* What the first child leaves in the loop is there before others count. */
static inline void need_children(void)
{
	static const struct af_spawn_options plain = { .die_with_parent =
							       LINUX_FILES };
	struct af_future *f;
	struct af_process *process;

	need_loop();
	process = af_spawn(loop, HELPER("exit", "0"), &plain);
	must(process);
	f = af_process_wait(process, NULL);
	must(await_soon(f) == 0);
	af_future_unref(f);
	af_process_free(process);
	f = af_spawn_async(loop, HELPER("exit", "0"), &plain);
	must(await_soon(f) == 0);
	af_future_unref(f);
}

/* As the kernel has it: 1, with the wait status; 0: not yet; -1: reaped. */
static inline int look_plainly(int pidfd, int options, int *ret_status)
{
	siginfo_t info = { .si_pid = 0 };
	int r;

	do
		r = waitid(P_PIDFD, (id_t)pidfd, &info, options);
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		must(errno == ECHILD);
		return -1;
	}
	*ret_status = info.si_code == CLD_EXITED    ? info.si_status << 8
		      : info.si_code == CLD_STOPPED ? info.si_status << 8 | 0x7f
		      : info.si_code == CLD_CONTINUED ? 0xffff
						      : info.si_status;
	return info.si_pid != 0;
}

static inline bool has_children(void)
{
	siginfo_t info;
	int r = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);

	must(r == 0 || errno == ECHILD);
	return r == 0;
}

/* No child and no descriptor is left, as soon as the loop has seen to them. */
static inline void expect_nothing_left(int lowest)
{
	for (int tries = 0; has_children() || lowest_fd() != lowest; tries++) {
		must(tries < 50000);
		turn_a_while();
	}
}

#endif
