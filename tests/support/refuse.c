/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * refuse ENOSYS|EPERM CALL... -- COMMAND [ARG...]: runs a command for which
 * these system calls fail, as on an older kernel or in a sandbox. What it
 * starts inherits that.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support/denied.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif
#ifndef TIOCGDEV
#define TIOCGDEV 0x80045432u
#endif

static const struct denied known[] = {
	DENIED_PIDFDS,
	DENIED_FACTS,
	{ "pidfd_send_signal", SYS_pidfd_send_signal, 0, 0, 0 },
	{ "CLONE_VFORK", SYS_clone, DENIED_CLONE_FLAGS, 0x4000, 0x4000 },
	{ "P_PIDFD", SYS_waitid, 1, ~0u, 3 },
	{ "clone3", SYS_clone3, 0, 0, 0 },
	{ "close_range", SYS_close_range, 0, 0, 0 },
	{ "execveat", SYS_execveat, 0, 0, 0 },
	{ "inotify_init1", SYS_inotify_init1, 0, 0, 0 },
	{ "kcmp", SYS_kcmp, 0, 0, 0 },
	{ "openat2", SYS_openat2, 0, 0, 0 },
	{ "preadv2", SYS_preadv2, 0, 0, 0 },
	{ "pwritev2", SYS_pwritev2, 0, 0, 0 },
	{ "recvmmsg", SYS_recvmmsg, 0, 0, 0 },
#ifdef SYS_sendfile64
	{ "sendfile", SYS_sendfile64, 0, 0, 0 },
#else
	{ "sendfile", SYS_sendfile, 0, 0, 0 },
#endif
	{ "splice", SYS_splice, 0, 0, 0 },
	{ "tee", SYS_tee, 0, 0, 0 },
	{ "TIOCGDEV", SYS_ioctl, 2, ~0u, TIOCGDEV },
	{ "TIOCGPTPEER", SYS_ioctl, 2, ~0u, TIOCGPTPEER },
};
#define N_KNOWN (sizeof known / sizeof known[0])

static const struct denied *find(const char *name)
{
	for (size_t i = 0; i < N_KNOWN; i++)
		if (strcmp(known[i].name, name) == 0)
			return &known[i];
	return NULL;
}

/* The number of arguments up to "--", or 0: one is not known, or none. */
static int read_calls(char *args[], struct denied *calls)
{
	int n = 0;

	for (; args[n] && strcmp(args[n], "--") != 0; n++) {
		const struct denied *call = find(args[n]);

		if (!call || n == DENIED_MAX)
			return 0;
		calls[n] = *call;
	}
	return args[n] ? n : 0;
}

int main(int argc, char *argv[])
{
	struct denied calls[DENIED_MAX];
	int error = 0, n = 0;

	if (argc > 4) {
		error = strcmp(argv[1], "ENOSYS") == 0	? ENOSYS
			: strcmp(argv[1], "EPERM") == 0 ? EPERM
							: 0;
		n = read_calls(argv + 2, calls);
	}
	if (error == 0 || n == 0 || !argv[n + 3]) {
		fputs("usage: refuse ENOSYS|EPERM CALL... -- COMMAND...\n",
		      stderr);
		return 2;
	}
	if (!deny(calls, (size_t)n, error))
		return 77;
	execvp(argv[n + 3], argv + n + 3);
	perror(argv[n + 3]);
	return 127;
}
