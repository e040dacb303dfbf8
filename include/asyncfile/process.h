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
 * No handler for SIGCHLD is installed and none is needed. A program that reaps
 * every child with waitpid(-1), or ignores SIGCHLD, may go on doing so: an end
 * is noticed all the same, and since Linux 6.15 its status is known, too;
 * before, and where there are no pidfds, that is -ECHILD. Without pidfds such a
 * program must not reuse a child's number for another child before the
 * library has noticed that the first is gone.
 *
 * A child that leads a process group or session is kept as a zombie from its
 * end until af_process_free(), so that the group's number is nobody else's
 * while it can be signalled.
 *
 * A program's end ends no child. Stop those that are not to outlive it.
 */
#ifndef ASYNCFILE_PROCESS_H
#define ASYNCFILE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>

#include <asyncfile/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

struct af_file;
struct af_future;
struct af_loop;
struct af_process;
struct evbuffer;
struct rusage;

/** Where one of a child's standard streams leads. */
enum af_stdio_kind {
	AFIO_INHERIT = 0, /**< where the parent's does */
	AFIO_PIPE,	  /**< to the parent, as a file of the process */
	AFIO_NULL,	  /**< /dev/null */
	AFIO_FD,	  /**< fd, which stays the caller's */
	AFIO_PATH,	  /**< path; an output is created (0666) or truncated */
	AFIO_PTY,	  /**< to a terminal of its own, see below */
	AFIO_PROCESS,	  /**< in only: the stdout of process, an AFIO_PIPE */
	AFIO_STDOUT,	  /**< err only: where out leads */
	AFIO_PIPE_EACH	  /**< err of af_pipe_spawn() only: a pipe a stage */
};

/** One standard stream of a child; zero is AFIO_INHERIT. */
struct af_stdio {
	enum af_stdio_kind kind;
	int fd; /**< for AFIO_FD */
	/**
	 * For AFIO_PATH; as seen by the parent, and opened there, before it is
	 * known whether the program can be executed: a FIFO that nobody has
	 * open at its other end holds af_spawn() up.
	 */
	const char *path;
	struct af_process *process; /**< for AFIO_PROCESS */
};

/** A descriptor of the parent and its number in the child. */
struct af_fd_map {
	int fd;	      /**< stays the caller's, and as it is */
	int child_fd; /**< 3 or more */
};

/** A resource limit, as of setrlimit(2). */
struct af_limit {
	int resource; /**< RLIMIT_… */
	rlim_t soft, hard;
};

/** How to start a child. Zero it first: zero is every field's default. */
struct af_spawn_options {
	struct af_stdio in, out, err;

	/** The program, when not argv[0]. Searched for in the same way. */
	const char *file;

	/** The environment, "NAME=value" and a NULL; NULL: the parent's. */
	const char *const *env;

	/**
	 * Changes to that, in order, and a NULL: "NAME=value" sets, "NAME"
	 * alone removes. NULL: none.
	 */
	const char *const *env_edits;

	/** The working directory; NULL: the parent's. Entered as uid. */
	const char *cwd;

	/** The child leads a new process group, as of setpgid(2). */
	bool new_group;

	/** If not 0: joins this group of the parent's session instead. */
	pid_t group;

	/** The child leads a new session without terminal, as of setsid(2). */
	bool new_session;

	/**
	 * SIGKILL for the child when its parent dies. The parent is the
	 * *thread* that called af_spawn(): a thread that ends takes the child
	 * with it, though the program goes on. A program that is
	 * set-user-ID or has file capabilities is not covered; nor are the
	 * child's own children.
	 */
	bool die_with_parent;

	/**
	 * More descriptors, each with a number of its own. Any order will do,
	 * also where an fd is another one's child_fd, and the same fd twice.
	 */
	const struct af_fd_map *fds;
	size_t n_fds;

	/**
	 * The child has no other descriptor from this number on; a lower one it
	 * inherits, unless that is close-on-exec. At least 3; 0: 3.
	 */
	int closefrom;

	/**
	 * The user, the group and the supplementary groups to run as; NULL:
	 * unchanged. With uid or gid and without groups the child has no
	 * supplementary groups, if the parent may drop its own. A gid does not
	 * follow from a uid: say both.
	 */
	const uid_t *uid;
	const gid_t *gid;
	const gid_t *groups;
	size_t n_groups;

	/** The file mode creation mask; NULL: the parent's. */
	const mode_t *umask;

	/** Resource limits to change. */
	const struct af_limit *limits;
	size_t n_limits;

	/** Added to the nice value, as by nice(2). */
	int nice;

	/** The size of an AFIO_PTY; 0: 24 rows, 80 columns. */
	unsigned short pty_rows, pty_columns;
};

/**
 * Starts a child.
 *
 * It gets default signal dispositions, an empty signal mask, its three standard
 * streams, those of fds and no other descriptor. A program name without a slash
 * is searched for in the parent's PATH, as execvp(3) does, a script without
 * "#!" run by /bin/sh included; one with a slash is relative to cwd.
 *
 * With AFIO_PROCESS the other's stdout becomes this child's stdin; the parent's
 * copy is closed and af_process_stdout() of the other is NULL from then on.
 *
 * With AFIO_PTY, all streams that say so are one new pseudo-terminal, the
 * controlling terminal of the child, which leads a session of its own. What the
 * child writes to any of them, and the echo of what it is sent, is read from
 * one file: af_process_stdout(), or af_process_stderr() if out is not a
 * terminal, or af_process_stdin() if err is not, either. That file is for both
 * directions; af_process_stdin() gives the same one if in is a terminal. The
 * end of file comes when nobody has the terminal open any more. When the
 * process is freed the terminal hangs up: SIGHUP for its foreground group.
 *
 * @param argv    the arguments and a NULL; argv[0] is the program
 * @param options NULL: inherit all
 * @return the process; or NULL with errno, nothing started and nothing leaked;
 *         af_spawn_error() says more:
 *         EINVAL    NULL loop or argv, empty argv, a kind where it does not
 *                   belong, AFIO_PROCESS whose stdout is no pipe of ours, a
 *                   child_fd below 3 or twice, an edit without a name, a
 *                   uid or gid of -1, group with a session or a terminal
 *         EBADF     AFIO_FD or fds with a descriptor that is not open, a
 *                   child_fd beyond the limit
 *         EBUSY     AFIO_PROCESS whose output the parent has begun to read
 *         EPERM     what only root may: uid, gid, groups, limits; no such group
 *         EACCES    a negative nice
 *         ENOENT, EACCES, ENOEXEC, E2BIG, … of execve(2), chdir(2) for cwd,
 *                   open(2) for AFIO_PATH
 *         EAGAIN, EMFILE, ENFILE, ENOMEM, ENOSPC (no terminal left)
 *         ECANCELED the loop was freed
 *
 * Works the same whether or not the parent's own 0, 1 and 2 are open, and takes
 * no longer in a large parent than in a small one.
 */
struct af_process *af_spawn(struct af_loop *loop, const char *const argv[],
			    const struct af_spawn_options *options);

/**
 * Takes charge of a child that the program has started itself, with fork(2) or
 * by other means, ended or not. Nobody else is to wait for it from then on.
 *
 * @param pid    the child; not one that a process has already
 * @param in_fd  becomes af_process_stdin(); out_fd and err_fd likewise. Owned
 *               by the process from success on. -1: none. Anything that
 *               af_file_new() takes; one for both directions, such as a pty or
 *               a socket, is given once.
 * @return the process; or NULL with errno, and child and descriptors are still
 *         the caller's:
 *         EINVAL    loop is NULL, pid is not positive, a descriptor given twice
 *         ECHILD    no such child of this program, or it was reaped already
 *         EBADF, EISDIR, EMFILE, ENFILE, ENOMEM
 *         ECANCELED the loop was freed
 */
struct af_process *af_process_adopt(struct af_loop *loop, pid_t pid, int in_fd,
				    int out_fd, int err_fd);

/**
 * Hands a child over to the caller, whose it is to reap, and frees the process.
 * Nothing happens to the child. Pending operations fail with -ECANCELED.
 *
 * @param ret_fds our ends of its stdin, stdout and stderr, -1 where there is
 *                none; the caller's to close, in the blocking mode that they
 *                were made with, and close-on-exec. An AFIO_PTY is given once,
 *                where it is read if it is. NULL: they are closed.
 * @param unread  NULL, or three, each NULL or appended the bytes that were read
 *                from that descriptor but by no operation
 * @return its pid; or, and the process stays as it is:
 *         -EINVAL for NULL
 *         -ESRCH  it has ended and been reaped: there is nothing to hand over
 *         -ENOMEM unread could not hold the bytes
 *         -EBUSY  a thread waits for one that is an on-disk file, see
 *                 af_file_detach()
 */
pid_t af_process_release(struct af_process *process, int ret_fds[3],
			 struct evbuffer *unread[3]);

/**
 * Why the loop's last af_spawn() or af_pipe_spawn() failed, for people to read:
 * the step, what it was about, and the error.
 *
 *     chdir /nowhere: No such file or directory
 *     stage 2: exec nosuch: No such file or directory
 *
 * Stages of a chain count from 0, as in af_pipe_process().
 *
 * @return the text, which is the loop's and good until it spawns again or is
 *         freed; "" if the last one succeeded, there was none, or loop is NULL
 */
const char *af_spawn_error(const struct af_loop *loop);

/**
 * The parent's end of an AFIO_PIPE, its side of an AFIO_PTY, or what an adopted
 * child came with. Borrowed: lives as long as the process, which closes it.
 *
 * @return the file, or NULL where the stream is neither or was closed
 */
struct af_file *af_process_stdin(struct af_process *process);
struct af_file *af_process_stdout(struct af_process *process);
struct af_file *af_process_stderr(struct af_process *process);

/**
 * Closes the parent's end of the child's stdin, so that the child sees the end
 * of its input. Pending writes fail with -ECANCELED.
 *
 * A terminal stays open. There the child is sent, after what pending writes
 * have still to send, what ends a terminal's input, its VEOF character (^D):
 * twice, as the first only ends a line that was begun. It is as if typed, and
 * an end of input only to a child that reads lines. af_process_stdin() is NULL
 * from then on.
 *
 * @return 0, also if it is closed already; -EINVAL for NULL; -ENOMEM, and the
 *         terminal's input goes on
 */
int af_process_close_stdin(struct af_process *process);

/**
 * Changes the size of a child's AFIO_PTY. Its foreground group gets SIGWINCH if
 * that is a change.
 *
 * @param rows, columns 1 to 65535 each
 * @return 0; -EINVAL; -ENOTTY the child has no AFIO_PTY
 */
int af_process_resize(struct af_process *process, unsigned rows,
		      unsigned columns);

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
 * What the child has used: its processor time, its memory and so on, with that
 * of the children it has waited for; see getrusage(2).
 *
 * @param ret_usage set on success
 * @return 0; -EINPROGRESS before a wait, a stop or af_process_poll() has seen
 *         the end; -ECHILD if it cannot be known, as somebody else waited for
 *         the child; -EINVAL for NULL
 */
int af_process_usage(const struct af_process *process,
		     struct rusage *ret_usage);

/**
 * Sends the child a signal.
 *
 * @return 0; -ESRCH once the child has been reaped: never does a stranger get
 *         the signal; -EINVAL no such signal, or process is NULL; -EPERM
 */
int af_process_signal(struct af_process *process, int sig);

/**
 * Sends a signal to the process group that the child leads, also when the child
 * itself has ended.
 *
 * @return 0; -ESRCH if there is no such group, or it cannot be told any more
 *         from a stranger's; -EINVAL no such signal, or process is NULL; -EPERM
 */
int af_process_signal_group(struct af_process *process, int sig);

/**
 * Makes a child end: SIGTERM, and SIGKILL if it has not ended after grace. If it
 * leads a process group or a session, by an option or by its own doing, signals
 * go to all of the group, and whoever is left in there when the child has ended
 * gets SIGKILL. A child that is stopped (SIGSTOP) gets SIGCONT, so that it sees
 * the SIGTERM.
 *
 * Cancelling it sends nothing more; what was sent may still end the child.
 * Several stops at once each take their own steps.
 *
 * @param grace NULL: SIGTERM only, however long it takes, and never SIGKILL;
 *              zero: SIGKILL at once, without SIGTERM
 * @return a future that is done when the child has ended, at once if it has
 *         already; outcome as of af_process_wait(). -EPERM: it is another
 *         user's now, and goes on.
 */
struct af_future *af_process_stop(struct af_process *process,
				  const struct timeval *grace);

/**
 * Frees a process. Its files are closed; pending waits fail with -ECANCELED. A
 * live child is left running, and is reaped by the loop when it ends: if the
 * loop runs then, for this alone does not keep a base running, or else when it
 * next does. NULL is fine. Fine also after its loop was freed: a child that
 * lives then is the program's to reap.
 */
void af_process_free(struct af_process *process);

#ifdef __cplusplus
}
#endif

#endif
