/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sockets that a service manager has opened for this process, by the variables
 * that sd_listen_fds(3) describes. Reads the environment, and does not change
 * it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/listen_fds.h"

/* The number of the first one. */
#define FIRST_FD 3
/* More than a process can have. */
#define FDS_MAX (1 << 24)

static int inherited_fail(struct afi_listen_failure *failure, int error,
			  const char *text)
{
	return afi_listen_fail_text(failure, "listen_fds", NULL, error, text);
}

/* A number from 1 to INT_MAX, and nothing else; or -1. */
static int inherited_number(const char *text)
{
	char *end;
	long n;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	n = strtol(text, &end, 10);
	return *end || errno || n < 1 || n > INT_MAX ? -1 : (int)n;
}

/* How many were passed; or -errno. */
static int inherited_count(struct afi_listen_failure *failure)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int n;

	if (!pid)
		return inherited_fail(failure, ENOENT, "LISTEN_PID is not set");
	if (!fds)
		return inherited_fail(failure, ENOENT, "LISTEN_FDS is not set");
	n = inherited_number(pid);
	if (n < 0)
		return inherited_fail(failure, EINVAL,
				      "LISTEN_PID is not a process");
	if (n != getpid())
		return inherited_fail(failure, ENOENT,
				      "LISTEN_PID is not this process");
	n = inherited_number(fds);
	if (n < 0 || n > FDS_MAX)
		return inherited_fail(failure, EINVAL,
				      "LISTEN_FDS is not a number of sockets");
	return n;
}

/* All of them, also those of other names; 0 or -errno. */
static int inherited_mark(int n, struct afi_listen_failure *failure)
{
	int flags, fd;

	for (int i = 0; i < n; i++) {
		fd = FIRST_FD + i;
		flags = fcntl(fd, F_GETFD);
		if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
			return inherited_fail(failure, errno,
					      "a descriptor is not open");
	}
	return 0;
}

/* Whether the name at the beginning of a list is this one; moves to the next. */
static bool inherited_is_named(const char **names, const char *name)
{
	size_t len = strcspn(*names, ":");
	bool same = len == strlen(name) && memcmp(*names, name, len) == 0;

	*names += len;
	if (**names == ':')
		++*names;
	return same;
}

/* How many of n have a name (NULL: all do), and which. */
static size_t inherited_choose(int n, const char *name, int *fds)
{
	/* sd_listen_fds_with_names(3) gives this name, too. */
	const char *names = getenv("LISTEN_FDNAMES"), *unknown;
	size_t chosen = 0;

	for (int i = 0; i < n; i++) {
		unknown = "unknown";
		if (!name ||
		    inherited_is_named(names ? &names : &unknown, name))
			fds[chosen++] = FIRST_FD + i;
	}
	return chosen;
}

static int inherited_listen(struct af_loop *loop, const char *name,
			    const struct af_listen_options *options,
			    struct af_listener **ret,
			    struct afi_listen_failure *failure)
{
	int r = inherited_count(failure), n = r, *fds;
	size_t chosen;

	if (r > 0)
		r = inherited_mark(n, failure);
	if (r < 0)
		return r;
	fds = calloc((size_t)n, sizeof(*fds));
	if (!fds)
		return afi_listen_fail(failure, "memory", NULL, ENOMEM);
	chosen = inherited_choose(n, name, fds);
	if (chosen > 0)
		r = afi_listen_fds(loop, fds, chosen, options, ret, failure);
	else
		r = afi_listen_fail_text(failure, "listen_fds", name, ENOENT,
					 "no socket has this name");
	free(fds);
	return r;
}

struct af_listener *af_listen_inherited(struct af_loop *loop, const char *name,
					const struct af_listen_options *options)
{
	const struct af_listen_options defaults = { 0 };
	struct afi_listen_failure failure;
	struct af_listener *listener = NULL;
	int r = afi_loop_usable(loop);

	if (r == 0) {
		r = inherited_listen(loop, name, options ? options : &defaults,
				     &listener, &failure);
		afi_listen_error_keep(loop, r < 0 ? &failure : NULL);
	}
	if (r < 0)
		errno = -r;
	return listener;
}
