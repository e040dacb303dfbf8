/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/process.h
 *
 * Processes: start a child, talk to it, wait for it.
 *
 * The exit of a child and the end of its output are two things. A grandchild
 * may hold the output open long after the child has exited, and a child may
 * close its output and live on. af_process_wait() reports the exit; reads of
 * af_process_stdout() report the end of the output.
 *
 * The library installs no handler for SIGCHLD and needs none. A program may go
 * on reaping every child with waitpid(-1), or ignoring SIGCHLD: the library
 * still notices the end of its own children. Their wait status is then known on
 * Linux 6.15 and later; elsewhere a wait fails with -ECHILD. On a kernel
 * without pidfds, if a new child gets the pid of a reaped one before the
 * library has noticed that the old one is gone, it confuses the two.
 *
 * A child that leads a process group or a session stays a zombie from its end
 * until af_process_free(). So the number of its group cannot pass to strangers
 * while the group can still be signalled.
 *
 * Children are not killed when the program exits. Stop those that must not
 * outlive it.
 *
 * A process belongs to its loop's thread. On another thread af_spawn() and
 * af_process_adopt() fail with EPERM, and so do af_spawn_async(),
 * af_process_wait(), af_process_stop(), af_process_close_stdin(),
 * af_process_finish_stdin() and af_process_release(); nothing else of a process
 * may be called there.
 */
#ifndef ASYNCFILE_PROCESS_H
#define ASYNCFILE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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
	AFIO_DEFAULT = 0, /**< the default, which is AFIO_INHERIT */
	AFIO_INHERIT,	  /**< where the parent's stream leads */
	AFIO_PIPE,	  /**< to the parent, as a file of the process */
	AFIO_NULL,	  /**< to /dev/null */
	AFIO_FD,	  /**< to fd, which remains the caller's */
	AFIO_PATH,	  /**< to path; outputs: created (0666), truncated */
	AFIO_PTY,	  /**< to a terminal of its own, see af_spawn() */
	AFIO_PROCESS,  /**< in only: the AFIO_PIPE that is process's stdout */
	AFIO_STDOUT,   /**< err only: where out leads */
	AFIO_PIPE_EACH /**< err of af_pipe_spawn() only: a pipe per stage */
};

/** One standard stream of a child. Zero it first. */
struct af_stdio {
	enum af_stdio_kind kind;
	int fd; /**< for AFIO_FD */
	/**
	 * For AFIO_PATH. The parent opens it, relative to its own working
	 * directory, before it knows whether the program can be executed.
	 * Opening a FIFO that has no other end blocks af_spawn(), but not
	 * af_spawn_async().
	 */
	const char *path;
	struct af_process *process; /**< for AFIO_PROCESS */
	uint64_t reserved[4];	    /**< must be zero */
};

/** A descriptor of the parent and its number in the child. */
struct af_fd_map {
	int fd;	      /**< remains the caller's, unchanged */
	int child_fd; /**< 3 or more */
};

/** No limit, in struct af_limit. RLIM_INFINITY and above mean the same. */
#define AFIO_NO_LIMIT UINT64_MAX

/** A resource limit, see setrlimit(2). */
struct af_limit {
	int resource; /**< RLIMIT_… */
	uint64_t soft, hard;
};

/** How to start a child. Zero it first: zero is the default of every field. */
struct af_spawn_options {
	struct af_stdio in, out, err;

	/** The program, if it is not argv[0]. Searched for in the same way. */
	const char *program;

	/** "NAME=value" strings and a NULL at the end. NULL: the parent's. */
	const char *const *env;

	/**
	 * Changes to the environment, applied in order, and a NULL:
	 * "NAME=value" sets a variable, "NAME" alone removes it. NULL: none.
	 */
	const char *const *env_edits;

	/** The working directory, entered with uid's rights. NULL: inherit. */
	const char *cwd;

	/** The child leads a new process group, see setpgid(2). */
	bool new_group;

	/** If not 0, the child joins this group of the parent's session. */
	pid_t group;

	/** The child leads a new session without terminal, see setsid(2). */
	bool new_session;

	/**
	 * The child gets SIGKILL when the program ends, whichever thread
	 * started it. To the kernel the parent is a thread, so these children
	 * are created by a thread of the library, "asyncfile-keep", which never
	 * ends; by up to 16 if starts wait at the same time. It is started with
	 * the first such child, anew after fork(2). So these children inherit
	 * what belongs to a thread (namespaces, nice value, processors,
	 * capabilities, filters of system calls) as it was at that time. If no
	 * thread can be started, the child dies with the calling thread.
	 *
	 * This does not cover programs that are set-user-ID or have file
	 * capabilities, nor the child's own children.
	 */
	bool die_with_parent;

	/**
	 * More descriptors, each with its number in the child. The order does
	 * not matter. An fd may be the child_fd of another element, and may
	 * occur twice.
	 */
	const struct af_fd_map *fds;
	size_t n_fds;

	/**
	 * Descriptors from this number on are closed in the child, except those
	 * in fds; lower ones are inherited unless they are close-on-exec. 3 or
	 * more; 0 means 3.
	 */
	int closefrom;

	/**
	 * The user, group and supplementary groups to run as. NULL: unchanged.
	 * With uid or gid but without groups, the child has no supplementary
	 * groups, provided that the parent may drop its own. uid does not imply
	 * a gid: set both.
	 */
	const uid_t *uid;
	const gid_t *gid;
	const gid_t *groups;
	size_t n_groups;

	/** The file mode creation mask. NULL: the parent's. */
	const mode_t *umask;

	/** Resource limits to change. */
	const struct af_limit *limits;
	size_t n_limits;

	/** Added to the nice value, see nice(2). */
	int nice;

	/** The size of an AFIO_PTY. 0: 24 rows, 80 columns. */
	unsigned short pty_rows, pty_columns;

	uint64_t reserved[16]; /**< must be zero */
};

/* Needed by AFIO_MALLOC; described below. */
void af_process_free(struct af_process *process);

/**
 * Starts a child.
 *
 * The child gets default signal dispositions, an empty signal mask, its three
 * standard streams, the descriptors in fds, and no others, except by closefrom.
 * A program name without a slash is searched for in the parent's PATH, as
 * execvp(3) does; /bin/sh runs a script without "#!", as there. A relative name
 * with a slash is relative to cwd.
 *
 * With AFIO_PROCESS, the stdout of the other process becomes this child's
 * stdin. The parent's copy is closed, and af_process_stdout() of the other
 * process is NULL from then on.
 *
 * With AFIO_PTY, the child leads a session of its own, whose controlling
 * terminal is a new pseudo-terminal. All streams that ask for AFIO_PTY lead to
 * it. One file reads what the child writes to any of them, and the echo of its
 * input:
 *
 * | AFIO_PTY      | the file, for both directions                        |
 * |---------------|------------------------------------------------------|
 * | out           | af_process_stdout()                                  |
 * | err, not out  | af_process_stderr()                                  |
 * | in            | af_process_stdin(); the same file as above, if any   |
 *
 * It reports end of file when no process has the terminal open any more. When
 * the process is freed, the terminal hangs up: its foreground group gets
 * SIGHUP.
 *
 * @param argv    the arguments and a NULL; argv[0] is the program
 * @param options NULL: inherit the parent's streams, change nothing else
 * @return the process; or NULL with errno, and then nothing was started or
 *         leaked. af_spawn_error() tells the step that failed, except for
 *         EPERM on another thread:
 *         EINVAL    NULL loop or argv, empty argv, a kind that its stream does
 *                   not allow, AFIO_PROCESS whose stdout is no AFIO_PIPE, a
 *                   child_fd below 3 or used twice, an edit without a name, a
 *                   uid or gid of -1, group with a session or a terminal, a
 *                   reserved field that is not zero
 *         EBADF     AFIO_FD or fds with a descriptor that is not open, a
 *                   child_fd above the limit of open files
 *         EBUSY     AFIO_PROCESS whose output the parent has begun to read
 *         EPERM     uid, gid, groups or limits that need privileges; no such
 *                   group; loop belongs to another thread
 *         EACCES    a negative nice that needs privileges
 *         ENOENT, EACCES, ENOEXEC, E2BIG and others of execve(2), of chdir(2)
 *                   for cwd, or of open(2) for AFIO_PATH
 *         EAGAIN, EMFILE, ENFILE, ENOMEM, ENOSPC (no terminal is left)
 *         ECANCELED the loop was freed
 *
 * Descriptors 0, 1 and 2 of the parent may be closed. The size of the parent's
 * memory does not slow down the start; except with uid or gid, when the child
 * has a copy of it until it executes, and not the memory itself, which its user
 * could otherwise try to reach. That costs some 10 to 20 ms for each GiB in
 * pages of 4 KiB.
 *
 * The call returns once the child runs its program. It waits for cwd, program
 * and AFIO_PATH on a file system that does not answer. With uid, it also waits
 * for a child that its user stops (SIGSTOP) between its last system call before
 * the exec and the exec; before that, the user may not signal it. Meanwhile
 * another thread's setuid(3), setegid(3) and the like may wait, too. A program
 * that must not be held up calls af_spawn_async().
 */
AFIO_MUST_USE
struct af_process *af_spawn(struct af_loop *loop, const char *const argv[],
			    const struct af_spawn_options *options)
	AFIO_MALLOC(af_process_free);

/**
 * Starts a child as af_spawn() does, but off the loop's thread: opening
 * AFIO_PATH, the search for the program, the creation of the child and its way
 * to the program may take as long as they will.
 *
 * @param argv, options as for af_spawn(), copied: they and what they point to
 *         may be freed after the call. Descriptors (AFIO_FD, fds, and streams
 *         that are inherited) must stay open until the future is done.
 *         The stdout of an AFIO_PROCESS is taken with the call: it is closed if
 *         the start fails.
 * @return a future. On success af_future_take_process() is the process; if
 *         nobody has taken it when the future is freed, the child is killed,
 *         and reaped by the loop:
 *
 * | happens                       | outcome                                  |
 * |-------------------------------|------------------------------------------|
 * | the child runs its program    | success                                  |
 * | the start fails               | the errno of af_spawn(), negated; see
 *                                   af_future_spawn_error() and
 *                                   af_future_spawn_step()                   |
 * | cancelled, or the loop freed  | -ECANCELED; no child is left             |
 *
 * For a deadline use af_with_timeout(). A child that exists when the future is
 * cancelled gets SIGKILL, and is reaped, by the loop or by the library's thread.
 * Nothing waits for that: a thread that is stuck in the kernel goes on alone,
 * and cleans up when it is let go. A child that the parent may not kill goes on.
 *
 * Errors of the options, of pipes and terminals are found at once: the future is
 * done when the call returns. Starts run at the same time, each in a thread of
 * the library that the loop's thread has started, with signals blocked. If 16 of
 * one loop are stuck, its others wait for one of them; likewise 16 of the
 * program with die_with_parent. A start that waits does not hold up other
 * threads. If no thread can be started at all, the call itself waits, as
 * af_spawn() does.
 */
AFIO_MUST_USE
struct af_future *af_spawn_async(struct af_loop *loop, const char *const argv[],
				 const struct af_spawn_options *options);

/**
 * Takes the process out of a future of af_spawn_async(), or of a chain that has
 * its outcome. It is the caller's from then on, for af_process_free().
 *
 * @return the process; NULL if it was taken before, for a future that is
 *         pending, that failed or that is of another kind, and for NULL
 */
struct af_process *af_future_take_process(struct af_future *f);

/**
 * Makes a process of a child that the program has started itself, by fork(2) or
 * otherwise. The child may have ended. From then on only the library may wait
 * for it.
 *
 * @param pid    the child; not one that already belongs to a struct af_process
 * @param in_fd  becomes af_process_stdin(), and out_fd and err_fd the other
 *               two. The process owns them on success. -1: none. Anything that
 *               af_file_new() takes. Pass a descriptor for both directions,
 *               such as a terminal or a socket, only once.
 * @return the process; or NULL with errno, and the child and the descriptors
 *         remain the caller's:
 *         EINVAL    loop is NULL, pid is not positive, a descriptor given twice
 *         ECHILD    no such child of this program, or it has been reaped
 *         EPERM     loop belongs to another thread
 *         EBADF, EISDIR, EMFILE, ENFILE, ENOMEM
 *         ECANCELED the loop was freed
 */
AFIO_MUST_USE
struct af_process *af_process_adopt(struct af_loop *loop, pid_t pid, int in_fd,
				    int out_fd, int err_fd)
	AFIO_MALLOC(af_process_free);

/**
 * Hands a child over to the caller, who must reap it, and frees the process.
 * Nothing happens to the child. Pending operations fail with -ECANCELED.
 *
 * @param ret_pid set to the child's process id. NULL: not wanted
 * @param ret_fds set to the parent's ends of its stdin, stdout and stderr, -1
 *                where there is none. The caller must close them. They are
 *                close-on-exec, and blocking or not as they were first made. An
 *                AFIO_PTY is returned once: as the stdout or stderr that it is
 *                read from, or else as the stdin. NULL: the library closes them.
 * @param unread  NULL, or three evbuffers, of which any may be NULL. The bytes
 *                that were read from a descriptor and that no operation has
 *                returned are appended to its evbuffer.
 * @return 0; or an error, and the process, ret_pid, ret_fds and the contents of
 *         unread are unchanged:
 *         -EINVAL process is NULL
 *         -ESRCH  the child has ended and been reaped: nothing is left to hand
 *                 over
 *         -ENOMEM unread could not hold the bytes
 *         -EBUSY  a worker thread is using a stream that is an on-disk file,
 *                 see af_file_detach()
 *         -EPERM  its loop belongs to another thread
 */
int af_process_release(struct af_process *process, pid_t *ret_pid,
		       int ret_fds[3], struct evbuffer *unread[3]);

/**
 * Why the last start on the loop failed, by af_spawn(), af_pipe_spawn(),
 * af_run() or one of their siblings, as text for people: the step, its subject,
 * and the error. An asynchronous start counts from its end on.
 *
 *     chdir /nowhere: No such file or directory
 *     stage 2: exec nosuch: No such file or directory
 *
 * Stages of a pipeline count from 0, as in af_pipe_process().
 *
 * @return the text. It belongs to the loop and is valid until the loop starts
 *         another child or is freed. "" if the last start succeeded, if there
 *         was none, if loop is NULL, or if there was no memory for the text.
 */
const char *af_spawn_error(const struct af_loop *loop);

/** The steps of a start, as in the text of af_spawn_error(). */
enum af_spawn_step {
	AFIO_STEP_NONE = 0,	  /**< nothing has failed */
	AFIO_STEP_OPTION = 1,	  /**< an option, or argv, makes no sense */
	AFIO_STEP_MEMORY = 2,	  /**< there is no memory, or no event */
	AFIO_STEP_PIPE = 3,	  /**< a pipe, see pipe(2) */
	AFIO_STEP_TERMINAL = 4,	  /**< a terminal for AFIO_PTY */
	AFIO_STEP_OPEN = 5,	  /**< open(2), for AFIO_PATH or AFIO_NULL */
	AFIO_STEP_FD = 6,	  /**< a descriptor, of AFIO_FD or fds */
	AFIO_STEP_CLONE = 7,	  /**< the child itself, see fork(2) */
	AFIO_STEP_SETSID = 8,	  /**< new_session */
	AFIO_STEP_SETPGID = 9,	  /**< new_group, group */
	AFIO_STEP_SETGROUPS = 10, /**< groups */
	AFIO_STEP_SETGID = 11,	  /**< gid */
	AFIO_STEP_SETUID = 12,	  /**< uid */
	AFIO_STEP_LIMIT = 13,	  /**< limits */
	AFIO_STEP_NICE = 14,	  /**< nice */
	AFIO_STEP_CHDIR = 15,	  /**< cwd */
	AFIO_STEP_DIE_WITH_PARENT = 16, /**< die_with_parent */
	AFIO_STEP_SIGNALS = 17,		/**< the child's signal mask */
	AFIO_STEP_EXEC = 18		/**< execve(2) */
};

/**
 * Returns which step of the loop's last start failed, to act on it: another
 * directory after AFIO_STEP_CHDIR, another program after AFIO_STEP_EXEC. Later
 * versions may return steps that are not listed here.
 *
 * @return the step; AFIO_STEP_NONE where af_spawn_error() is ""
 */
enum af_spawn_step af_spawn_error_step(const struct af_loop *loop);

/**
 * The same text and step, of the start that a future stands for: one of
 * af_spawn_async(), af_pipe_spawn_async() or af_run(). No later start changes
 * them. A chain has those of the future whose
 * outcome it has.
 *
 * @return "" and AFIO_STEP_NONE for any other future, for one whose child was
 *         started, while it is pending, for NULL, and if there was no memory.
 *         The text lives as long as the future.
 */
const char *af_future_spawn_error(const struct af_future *f);
enum af_spawn_step af_future_spawn_step(const struct af_future *f);

/**
 * The loop that the process was made with. After af_loop_free() of that loop,
 * only compare the pointer. NULL for NULL.
 */
struct af_loop *af_process_loop(const struct af_process *process);

/**
 * A pointer of the program's own, such as the object that the process belongs
 * to. The library only keeps it. NULL before it is set, and for NULL.
 */
void af_process_set_data(struct af_process *process, void *data);
void *af_process_data(const struct af_process *process);

/**
 * The parent's end of an AFIO_PIPE, its side of an AFIO_PTY, or the file of a
 * descriptor passed to af_process_adopt(). Borrowed: the process closes it.
 *
 * @return the file; NULL where the stream is none of these, or was closed
 */
struct af_file *af_process_stdin(struct af_process *process);
struct af_file *af_process_stdout(struct af_process *process);
struct af_file *af_process_stderr(struct af_process *process);

/**
 * Closes the parent's end of the child's stdin, so that the child reads the end
 * of its input. Pending writes fail with -ECANCELED. af_process_stdin() is NULL
 * from then on.
 *
 * A terminal stays open. Instead its VEOF character (^D) is written twice,
 * after all pending writes, because the first may only end an unfinished line.
 * This works as if it were typed: a child that does not read by lines does not
 * take it for the end of its input.
 *
 * @return 0, also if stdin was closed before; -EINVAL for NULL; -EPERM if its
 *         loop belongs to another thread; -ENOMEM for a terminal, whose input
 *         goes on; otherwise as af_file_close()
 */
int af_process_close_stdin(struct af_process *process);

/**
 * Closes the parent's end of the child's stdin once all pending writes are done,
 * as af_process_close_stdin() does at once. Do not write after it: such a write
 * fails with -ECANCELED when stdin is closed, and some of it may have been sent.
 *
 * @param timeout for the pending writes. NULL: none; zero: closes stdin only if
 *                no write is pending
 * @return a future. A write that fails reports that itself:
 *
 * | happens                               | outcome                          |
 * |---------------------------------------|----------------------------------|
 * | the writes before it are done         | success; stdin is closed         |
 * | there is no stdin, or it was closed   | success, at once                 |
 * | the close fails, as af_file_close()   | that error; stdin is closed      |
 * | deadline                              | -ETIMEDOUT; stdin stays open     |
 * | cancelled                             | -ECANCELED; stdin stays open     |
 * | stdin closed otherwise, process freed | -ECANCELED                       |
 *
 * -EINVAL if process is NULL or timeout is negative, -EPERM on another thread.
 */
AFIO_MUST_USE
struct af_future *af_process_finish_stdin(struct af_process *process,
					  const struct timeval *timeout);

/**
 * Changes the size of a child's AFIO_PTY. If it differs from the old one, the
 * terminal's foreground group gets SIGWINCH.
 *
 * @param rows, columns 1 to 65535 each
 * @return 0; -EINVAL if process is NULL or a size is out of range; -ENOTTY if
 *         the child has no AFIO_PTY
 */
int af_process_resize(struct af_process *process, unsigned rows,
		      unsigned columns);

/** The child's process id, also after its end. -EINVAL for NULL. */
pid_t af_process_pid(const struct af_process *process);

/**
 * Whether the child has ended; false for NULL. Checks without waiting.
 *
 * @param ret_status if the child has ended and this is not NULL, set to its
 *                   wait status, see waitpid(2); or to -1 if that cannot be
 *                   known, as another part of the program reaped the child
 */
bool af_process_poll(struct af_process *process, int *ret_status);

/**
 * Waits for the child's end. Any number of waits may be pending.
 *
 * @param timeout NULL: none; zero: checks without waiting
 * @return a future; af_future_status() is the wait status, see waitpid(2). It
 *         fails with
 *         -ETIMEDOUT at the deadline; the child goes on
 *         -ECHILD    when the child has ended and its status cannot be known:
 *                    another part of the program reaped it, or the program
 *                    ignores SIGCHLD
 *         -EINVAL    process is NULL, or timeout is negative
 *         -EPERM     its loop belongs to another thread
 *         -ECANCELED the future was cancelled, or the process or loop freed
 */
AFIO_MUST_USE
struct af_future *af_process_wait(struct af_process *process,
				  const struct timeval *timeout);

/**
 * What the child has used: processor time, memory and so on, including that of
 * the children it has waited for; see getrusage(2).
 *
 * @param ret_usage set on success
 * @return 0; -EINPROGRESS before a wait, a stop or af_process_poll() has seen
 *         the end; -ECHILD if it cannot be known, as another part of the
 *         program reaped the child; -EINVAL if either is NULL
 */
int af_process_usage(const struct af_process *process,
		     struct rusage *ret_usage);

/**
 * Sends the child a signal, as kill(2) does, but never sends it to an unrelated
 * process that has got the child's pid since.
 *
 * @return 0; -ESRCH once the child has been reaped; -EINVAL no such signal, or
 *         process is NULL; -EPERM
 */
int af_process_signal(struct af_process *process, int sig);

/**
 * Sends a signal to the process group that the child leads, also after the
 * child itself has ended.
 *
 * @return 0; -ESRCH if there is no such group, or it can no longer be told from
 *         a stranger's; -EINVAL no such signal, or process is NULL; -EPERM
 */
int af_process_signal_group(struct af_process *process, int sig);

/**
 * Makes a child end: sends SIGTERM, and SIGKILL if it is alive after grace.
 *
 * If the child leads a process group or a session, by an option or by its own
 * doing, signals go to the whole group, and what is left of the group when the
 * child has ended gets SIGKILL. A child that is stopped (SIGSTOP) gets SIGCONT,
 * so that it sees the SIGTERM.
 *
 * Cancelling the future sends nothing more; signals already sent may still end
 * the child. Several stops may be pending; each sends its own signals.
 *
 * @param grace NULL: SIGTERM only, and no SIGKILL however long it takes; zero:
 *              SIGKILL at once, without SIGTERM
 * @return a future that is done when the child has ended, at once if it has
 *         already; its outcome is that of af_process_wait(), or -EPERM if the
 *         parent may not signal the child, which then goes on
 */
AFIO_MUST_USE
struct af_future *af_process_stop(struct af_process *process,
				  const struct timeval *grace);

/**
 * Frees a process. Its files are closed; pending waits fail with -ECANCELED. A
 * live child is left running, and the loop reaps it when it ends. This alone
 * does not keep a base running: if the loop does not run at that time, it reaps
 * the child when it next runs. May be called after af_loop_free(); a child that
 * is alive then is the program's to reap. NULL is fine.
 */
void af_process_free(struct af_process *process);

#ifdef __cplusplus
}
#endif

#endif
