/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/process.h
 *
 * Processes: start a child, talk to it, wait for it.
 *
 * Exit and end of output are two things: a child's grandchild may hold its
 * output open long after it has exited, and a child may close its output and
 * live on. af_process_wait() is about the first, reads of af_process_stdout()
 * about the second.
 *
 * No handler for SIGCHLD is installed and none is needed.
 */
#ifndef ASYNCFILE_PROCESS_H
#define ASYNCFILE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct af_file;
struct af_future;
struct af_loop;
struct af_process;

/** Where one of a child's standard streams leads. */
enum af_stdio_kind {
	AFIO_INHERIT = 0, /**< where the parent's does */
	AFIO_PIPE,	  /**< to the parent, as a file of the process */
	AFIO_NULL,	  /**< /dev/null */
	AFIO_FD,	  /**< fd, which stays the caller's */
	AFIO_PATH,	  /**< path; an output is created (0666) or truncated */
	AFIO_PROCESS,	  /**< in only: the stdout of process, an AFIO_PIPE */
	AFIO_STDOUT	  /**< err only: where out leads */
};

/** One standard stream of a child; zero is AFIO_INHERIT. */
struct af_stdio {
	enum af_stdio_kind kind;
	int fd;			    /**< for AFIO_FD */
	const char *path;	    /**< for AFIO_PATH; as seen by the parent */
	struct af_process *process; /**< for AFIO_PROCESS */
};

/** How to start a child. Zero it first: zero is every field's default. */
struct af_spawn_options {
	struct af_stdio in, out, err;

	/** The program, when not argv[0]. Searched for in the same way. */
	const char *file;

	/** The environment, "NAME=value" and a NULL; NULL: the parent's. */
	const char *const *env;

	/** The working directory; NULL: the parent's. */
	const char *cwd;
};

/**
 * Starts a child.
 *
 * It gets default signal dispositions, an empty signal mask, its three standard
 * streams and no other descriptor. A program name without a slash is searched
 * for in the parent's PATH, as execvp(3) does, a script without "#!" run by
 * /bin/sh included; one with a slash is relative to cwd.
 *
 * With AFIO_PROCESS the other's stdout becomes this child's stdin; the parent's
 * copy is closed and af_process_stdout() of the other is NULL from then on.
 *
 * @param argv    the arguments and a NULL; argv[0] is the program
 * @param options NULL: inherit all
 * @return the process; or NULL with errno, nothing started and nothing leaked:
 *         EINVAL    NULL loop or argv, empty argv, a kind where it does not
 *                   belong, AFIO_PROCESS whose stdout is no pipe of ours
 *         EBADF     AFIO_FD with a descriptor that is not open
 *         EBUSY     AFIO_PROCESS whose output the parent has begun to read
 *         ENOENT, EACCES, ENOEXEC, E2BIG, … of execve(2), chdir(2) for cwd,
 *                   open(2) for AFIO_PATH
 *         EAGAIN, EMFILE, ENFILE, ENOMEM
 *         ECANCELED the loop was freed
 *
 * Works the same whether or not the parent's own 0, 1 and 2 are open.
 */
struct af_process *af_spawn(struct af_loop *loop, const char *const argv[],
			    const struct af_spawn_options *options);

/**
 * The parent's end of an AFIO_PIPE. Borrowed: lives as long as the process,
 * which closes it.
 *
 * @return the file, or NULL where the stream is not an AFIO_PIPE or was closed
 */
struct af_file *af_process_stdin(const struct af_process *process);
struct af_file *af_process_stdout(const struct af_process *process);
struct af_file *af_process_stderr(const struct af_process *process);

/**
 * Closes the parent's end of the child's stdin, so that the child sees the end
 * of its input. Pending writes fail with -ECANCELED.
 *
 * @return 0, also if it is closed already; -EINVAL for NULL
 */
int af_process_close_stdin(struct af_process *process);

/** The child's process id, also after its end. -EINVAL for NULL. */
pid_t af_process_pid(const struct af_process *process);

/**
 * Whether the child has ended; looks, without waiting.
 *
 * @param ret_status if not NULL and it has, set to its wait status, as of
 *                   waitpid(2); -1 if somebody else took it
 */
bool af_process_poll(struct af_process *process, int *ret_status);

/**
 * Waits for the child's end. Any number of waits may be pending.
 *
 * @return a future; af_future_status() is the wait status. -ETIMEDOUT at the
 *         deadline, and the child goes on. -ECHILD if the status cannot be
 *         known: somebody else waited for the child, or the program ignores
 *         SIGCHLD.
 */
struct af_future *af_process_wait(struct af_process *process,
				  const struct timeval *timeout);

/**
 * Sends the child a signal.
 *
 * @return 0; -ESRCH once the child has been reaped: never does a stranger get
 *         the signal; -EINVAL no such signal, or process is NULL; -EPERM
 */
int af_process_signal(struct af_process *process, int sig);

/**
 * Frees a process. Its files are closed; pending waits fail with -ECANCELED. A
 * live child is left running, and is reaped by the loop when it ends: if the
 * loop runs then, for this alone does not keep a base running, or else when it
 * next does. NULL is fine. Fine also after its loop was freed.
 */
void af_process_free(struct af_process *process);

#ifdef __cplusplus
}
#endif

#endif
