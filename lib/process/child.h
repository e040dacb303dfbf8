/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The child, from its creation to its program.
 */
#ifndef AFI_PROCESS_CHILD_H
#define AFI_PROCESS_CHILD_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <asyncfile/process.h>

#include "process/failure.h"

/* As the kernel has them: 64 signals, all bits of a signal set. */
#define AFI_KERNEL_SIGNALS 64
#define AFI_KERNEL_SIGSET_SIZE (AFI_KERNEL_SIGNALS / 8)

/* One standard stream of a child, where no descriptor is given for it. */
struct afi_child_stream {
	const char *path; /* the child opens it; or NULL */
	int flags;	  /* for open(2) */
	mode_t mode;
	bool no_links;	/* the path must have none */
	bool closed;	/* it has none */
	bool is_stdout; /* stderr only: what stdout is */
};

/* What to make of a child. Its streams and environment are made already. */
struct afi_child_plan {
	const char *const *argv;
	const char *program; /* without a slash: searched for in PATH */
	const char *const *env;
	const struct af_spawn_options *options; /* for the attributes */
	struct af_fd_map *fds; /* all that it gets; the child changes them */
	size_t n_fds;
	int *targets; /* numbers that another one gets, sorted; with fds */
	size_t n_targets;
	const struct afi_child_stream *streams; /* three */
	const uid_t *uid; /* to become; NULL: what we are */
	const gid_t *gid;
	uint64_t ignored; /* signals that stay so: bit 0 is signal 1 */
	int tty;	  /* becomes its controlling terminal; -1: none */
	int foreground;	  /* our terminal, for its group; -1: not given */
	char **paths;	  /* where the program may be; NULL-ended */
	char **sh_argv;	  /* for a script without "#!"; NULL: an error */
	/* Set once nobody wants the child any more; NULL: never. */
	const atomic_bool *unwanted;
};

/* All that the child needs, made before it exists. */
struct afi_child {
	const struct afi_child_plan *plan;
	pid_t parent;
	int cwd_fd, program_fd; /* -1: not asked for */
	int error_fd;		/* takes the failure, if memory is not shared */
	volatile int shared;	/* set by a child that shares our memory */
	/* Capabilities to raise again, see identity_linux.c. */
	uint64_t ambient;
	bool committed; /* the next step is the exec */
	struct afi_failure failure;
};

/*
 * For what runs in the child: it shares our memory, and so the bookkeeping of a
 * sanitizer.
 */
#define AFI_IN_CHILD                                                           \
	__attribute__((no_sanitize("address", "thread", "undefined")))

/* Records why a step failed, by errno. Steps return whether to go on. */
AFI_IN_CHILD static inline bool afi_child_failed(struct afi_child *child,
						 enum af_spawn_step step,
						 const char *name, long number)
{
	child->failure.step = step;
	child->failure.name = name;
	child->failure.number = number;
	child->failure.error = errno;
	return false;
}

/*
 * Whether the next part of a PATH is tried after this error, which is not EACCES,
 * as by execvp(3).
 */
AFI_IN_CHILD static inline bool afi_child_may_be_elsewhere(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ESTALE ||
	       error == ENODEV || error == ETIMEDOUT || error == ENAMETOOLONG;
}

/* Whether the child needs a copy of our memory, as it runs our functions. */
static inline bool afi_child_runs_ours(const struct af_spawn_options *options)
{
	return options->before_identity || options->before_exec;
}

/* Becomes the program, or says why not and exits. For clone(2). */
int afi_child_main(void *child);

#endif
