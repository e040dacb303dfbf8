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
 * The library installs no handler for SIGCHLD, needs none, and runs no thread
 * to wait for children. A program may itself reap every child with waitpid(-1),
 * or ignore SIGCHLD: the library still notices the end of its own children.
 * Whether it also gets their wait status depends on the kernel:
 *
 * | the child is reaped by                   | Linux 6.15 | earlier, or   |
 * |                                          | or later   | other systems |
 * |------------------------------------------|------------|---------------|
 * | the library                              | known      | known         |
 * | the program, which hands the status over | known      | known         |
 * | the program, without handing it over     | known      | -ECHILD       |
 * | the kernel, because SIGCHLD is ignored   | known      | -ECHILD       |
 *
 * To hand a status over, a program that reaps calls af_loop_reaped() or
 * af_process_set_status() on the loop's thread, preferably right after
 * waitpid(2). Another thread that reaps must post that call, with
 * af_loop_post(). If the library notices that a child was reaped before it has
 * the status, waits for that child stay pending for up to 20 ms (500 ms once
 * the program has handed over any status) and then fail with -ECHILD.
 *
 * Where the kernel has pidfds, the end of a child is an event. On a kernel, or
 * in a sandbox, without them, a timer of the loop checks each child that is
 * waited for: first after 1 ms, then at growing intervals of up to 50 ms.
 * Without pidfds, the library confuses two children if a new one gets the pid
 * of a reaped one before the library has noticed its end.
 *
 * The program, or a debugger, may trace a child. A stop of a traced child is
 * not its end, and the library leaves the tracer's notifications to it. While
 * another process traces a child that has ended, the end is reported once that
 * process has waited for the child or has detached.
 *
 * A child that leads a process group or a session stays a zombie from its end
 * until af_process_free(). So no unrelated group can get its number while the
 * group can still be signalled.
 *
 * Children are not killed when the program exits. Stop those that must not
 * outlive it.
 *
 * A process belongs to its loop's thread. On another thread these functions
 * fail with EPERM: af_spawn(), af_process_adopt(), af_spawn_async(),
 * af_process_wait(), af_process_wait_change(), af_process_stop(),
 * af_process_close_stdin(), af_process_finish_stdin(), af_process_take(),
 * af_process_release(), af_process_set_status() and af_loop_reaped(). No other
 * function of a process may be called there.
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
struct termios;

/** Where one of a child's standard streams leads. */
enum af_stdio_kind {
	AFIO_DEFAULT = 0, /**< AFIO_INHERIT, except in af_run() */
	AFIO_INHERIT,	  /**< where the parent's stream leads */
	AFIO_PIPE,	  /**< to the parent, as a file of the process */
	AFIO_NULL,	  /**< to /dev/null */
	AFIO_FD,	  /**< to fd, which remains the caller's */
	AFIO_PATH,	  /**< to path; outputs: created, truncated */
	AFIO_PTY,	  /**< to a terminal of its own, see af_spawn() */
	/** In only: from the stdout of process, which must be an AFIO_PIPE. */
	AFIO_PROCESS,
	AFIO_STDOUT,	/**< err only: where out leads */
	AFIO_PIPE_EACH, /**< err of af_pipe_spawn() only: a pipe per stage */
	AFIO_CLOSED	/**< nowhere: the child has no such descriptor */
};

/** How an AFIO_PATH is opened. Bits of path_flags. */
enum af_path_flags {
	AFIO_PATH_APPEND = 1,	/**< outputs: all writes at the end, O_APPEND */
	AFIO_PATH_EXCL = 2,	/**< outputs: it must not exist yet, O_EXCL */
	AFIO_PATH_NOFOLLOW = 4, /**< last part must not be a link: O_NOFOLLOW */
	AFIO_PATH_FOLLOW = 8,	/**< even root follows every link */
	AFIO_PATH_AS_CHILD = 16 /**< the child opens it, with its rights */
};

/** Modes that an AFIO_PTY starts with. Bits of pty_flags. */
enum af_pty_flags {
	/** Bytes pass unchanged in both directions, see cfmakeraw(3). */
	AFIO_PTY_RAW = 1,
	AFIO_PTY_NO_ECHO = 2 /**< input is not echoed into the output */
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
	 *
	 * If the parent's effective user is root, it follows a symbolic link in
	 * any part of the path only if no other user can have made it: the link
	 * and its directory belong to root, and no other user may write to the
	 * directory, unless it is sticky, such as /tmp. Any other link fails
	 * with ELOOP (EACCES if the kernel itself refuses it, see
	 * protected_symlinks in proc(5)). AFIO_PATH_FOLLOW disables this check.
	 *
	 * With AFIO_PATH_AS_CHILD the child opens it instead, after it has
	 * changed to its cwd and its user. The path is then relative to that
	 * cwd, and is opened with the rights of that user, who follows links as
	 * usual and owns a file that is created. A child that is root follows
	 * no link at all, except with AFIO_PATH_FOLLOW (before Linux 5.6 the
	 * start fails with ENOSYS). af_spawn() waits for this open, too, even
	 * if the user has put a FIFO there.
	 */
	const char *path;
	struct af_process *process; /**< for AFIO_PROCESS */
	unsigned path_flags;	    /**< AFIO_PATH_…, for AFIO_PATH only */
	/**
	 * For outputs that are an AFIO_PATH: the permissions of a file that is
	 * created, 0 to 07777, less the child's umask. NULL: 0666.
	 */
	const mode_t *mode;
	uint64_t reserved[2]; /**< must be zero */
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

/** Where a program name without a slash is looked for. */
enum af_search {
	AFIO_SEARCH_CHILD = 0, /**< in the PATH that the child will have */
	AFIO_SEARCH_PARENT,    /**< in the parent's PATH */
	AFIO_SEARCH_NONE       /**< in the child's working directory only */
};

/**
 * A function of the program that runs in the child before its exec: see
 * before_identity in struct af_spawn_options.
 *
 * @return 0; or a negative errno, with which the start fails
 */
typedef int (*af_child_fn)(void *arg);

/** How to start a child. Zero it first: zero is the default of every field. */
struct af_spawn_options {
	struct af_stdio in, out, err;

	/**
	 * The program, if it is not argv[0]. It is searched for in the same
	 * way.
	 */
	const char *program;

	/**
	 * The program as a descriptor, see execveat(2), in place of a search.
	 * Excludes program, search, search_path and sh_fallback. The child does
	 * not keep it, so a script with "#!", which its interpreter has to
	 * open, fails with ENOENT. NULL: none.
	 */
	const int *program_fd;

	/** Where a program name without a slash is looked for. */
	enum af_search search;

	/**
	 * Whether /bin/sh also runs a script without "#!" that is given by its
	 * path. Without this, /bin/sh runs only a script that a search has
	 * found, as execvp(3) does; others fail with ENOEXEC.
	 */
	bool sh_fallback;

	/**
	 * Directories with colons between them, to search in place of the
	 * child's PATH. Excludes a search other than AFIO_SEARCH_CHILD. NULL:
	 * none.
	 */
	const char *search_path;

	/** "NAME=value" strings and a NULL at the end. NULL: the parent's. */
	const char *const *env;

	/**
	 * Changes to the environment, applied in order, with a NULL at the end:
	 * "NAME=value" sets a variable, "NAME" alone removes it. NULL: none.
	 */
	const char *const *env_edits;

	/** The working directory, entered with uid's rights. NULL: inherit. */
	const char *cwd;
	/** The working directory, as a descriptor. Excludes cwd. NULL: none. */
	const int *cwd_fd;

	/**
	 * The directory of a cgroup (version 2) that the child starts in, as a
	 * descriptor. af_process_stop() then also kills everything else in the
	 * cgroup, so give each child, or pipeline, one of its own. The child
	 * gets a copy of the parent's memory first, so the start of a large
	 * program takes longer. Needs Linux 5.14, and the parent must be
	 * allowed to write to the file cgroup.kill in that directory. NULL:
	 * none.
	 */
	const int *cgroup_fd;

	/** The child leads a new process group, see setpgid(2). */
	bool new_group;

	/** If not 0, the child joins this group of the parent's session. */
	pid_t group;

	/** The child leads a new session without a terminal, see setsid(2). */
	bool new_session;

	/**
	 * Before its exec, the child's group becomes the foreground group of
	 * the program's controlling terminal, as a shell does for a job in the
	 * foreground. This needs new_group or group; in a pipeline with
	 * new_group, the group is that of all stages. When the child stops or
	 * ends, the program's own group gets the terminal back, see
	 * tcsetpgrp(3). Below, "another" and "no other" refer to children with
	 * this option:
	 *
	 * | happens                              | the terminal              |
	 * |--------------------------------------|---------------------------|
	 * | the start fails                      | stays with the program    |
	 * | af_spawn_async() is cancelled        | returns                   |
	 * | a signal stops the child             | returns within 50 ms      |
	 * | it ends; no other is in its group    | returns                   |
	 * | it ends; another is in its group     | stays with that group     |
	 * | another is started meanwhile         | stays with that one       |
	 * | af_process_free() of a live child    | returns as above          |
	 * | af_process_release(), af_loop_free() | does not return by itself |
	 *
	 * The terminal returns while the loop runs, or in a call that looks for
	 * the end, such as af_process_poll(). A stop that the program's own
	 * waitpid(2) has returned may go unnoticed. The modes of the terminal
	 * are not restored. To continue a child in the foreground, call
	 * tcsetpgrp(3) with SIGTTOU blocked, and send SIGCONT to the group.
	 */
	bool foreground;

	/**
	 * A terminal, as a descriptor, that becomes the controlling terminal of
	 * the child, which leads a new session. It does not change in, out and
	 * err, nor the owner and the modes of the terminal. If it is the
	 * controlling terminal of another session, the start fails with EPERM.
	 * Excludes group, foreground and AFIO_PTY. In a pipeline, only one
	 * stage can have it, by its own options. NULL: none.
	 */
	const int *tty_fd;

	/**
	 * The child gets SIGKILL when the program ends, whichever thread
	 * started it. The kernel takes the thread that creates a child for its
	 * parent. So these children are created by a thread of the library that
	 * never ends, "asyncfile-keep"; by up to 16 such threads if several
	 * starts wait at the same time. The first such child starts that
	 * thread, and again in a child of fork(2). So these children inherit
	 * the attributes of that thread (namespaces, nice value, processors,
	 * capabilities, filters of system calls) as they were when it was
	 * started. If no thread can be started, the child dies with the calling
	 * thread.
	 *
	 * This does not cover programs that are set-user-ID or have file
	 * capabilities, nor the child's own children.
	 */
	bool die_with_parent;

	/**
	 * af_process_free(), and so af_pipe_close(), sends SIGKILL to the child
	 * if it is alive, and to its group if it leads one. If the child has
	 * ended already, the rest of its group goes on. The loop reaps it, at
	 * the latest when the loop itself is freed, which may then take up to a
	 * second. A child that may not be signalled is left running.
	 */
	bool kill_on_free;

	/**
	 * No exec, such as of a set-user-ID program, gives the child or its
	 * children privileges. See PR_SET_NO_NEW_PRIVS.
	 */
	bool no_new_privs;

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

	/** Confirms that uid is set without gid, see uid. Excludes gid. */
	bool keep_gid;

	/**
	 * A child with uid, gid or reset_ids has no ambient capabilities. With
	 * this option it keeps those of the parent, even if its user changes
	 * from root, see capabilities(7).
	 */
	bool keep_ambient;

	/**
	 * The child's user and group are the parent's real ones, even if the
	 * parent's effective or saved ids differ: so a set-user-ID program
	 * drops its privileges in the child. The supplementary groups stay.
	 * Excludes uid, gid and keep_gid.
	 */
	bool reset_ids;

	/**
	 * The user, group and supplementary groups to run as. NULL: unchanged.
	 * Real, effective and saved ids are set.
	 *
	 * With uid or gid but without groups, the child has no supplementary
	 * groups. If the parent has any and may not drop them, the start fails
	 * with EPERM.
	 *
	 * uid does not imply a gid. Therefore a parent with CAP_SETUID must set
	 * gid as well, or keep_gid.
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
	/** Its size in pixels, for a child that draws. 0: not known. */
	unsigned short pty_xpixel, pty_ypixel;

	/**
	 * The modes that an AFIO_PTY has when the child starts, see termios(3).
	 * They are those of *pty_modes, or the kernel's default if that is
	 * NULL: canonical mode with echo. pty_flags, of AFIO_PTY_… bits, then
	 * changes them. Like the size, they have no effect without AFIO_PTY.
	 */
	const struct termios *pty_modes;
	unsigned pty_flags;

	/**
	 * Signals that the child ignores, see nohup(1); 1 to 64, except SIGKILL
	 * and SIGSTOP. All others have their default action.
	 */
	const int *ignored_signals;
	size_t n_ignored_signals;

	/**
	 * Functions that run in the child, for what no option does: namespaces,
	 * capabilities, filters of system calls. NULL: none.
	 *
	 * before_identity runs before the child's ids and working directory
	 * change. before_exec runs immediately before the exec, so a filter
	 * that it installs must allow execve (execveat with program_fd), write
	 * and exit_group. With uid, gid or reset_ids it is allowed only in
	 * af_spawn_async(), because the new user could block af_spawn(). Unless
	 * that user is root, it has no effective capabilities by then.
	 *
	 * A child with such a function has a copy of the parent's memory, as
	 * after fork(2). Other threads of the parent may have been in the
	 * middle of any call. So the functions must be async-signal-safe, see
	 * signal-safety(7), and the parent does not see what they store in
	 * memory. Their stack has 64 KiB. All signals have their default
	 * action, or are ignored as above; while before_identity runs, all are
	 * blocked. The start of a large program takes longer.
	 */
	af_child_fn before_identity;
	void *before_identity_arg; /**< passed to before_identity */
	af_child_fn before_exec;
	void *before_exec_arg; /**< passed to before_exec */

	uint64_t reserved[5]; /**< must be zero */
};

/* Needed by AFIO_MALLOC; described below. */
void af_process_free(struct af_process *process);

/**
 * Starts a child.
 *
 * The child gets default signal dispositions, an empty signal mask, its three
 * standard streams, the descriptors in fds, and no other descriptors (but see
 * closefrom).
 *
 * A program name without a slash is searched for as execvp(3) does, in the PATH
 * that the child will have (without one, in that of confstr(3)), or as search
 * and search_path require. Relative directories in it are relative to the
 * child's cwd, and empty ones are skipped. If the program found is a script
 * without "#!", /bin/sh runs it. A relative name with a slash is relative to
 * the child's cwd.
 *
 * A child with a uid or gid owns the pipes of its AFIO_PIPE and its AFIO_PTY,
 * so that it can open /dev/stdin, /dev/stdout and /dev/stderr. Pipes remain the
 * parent's if it may not give them away.
 *
 * With AFIO_PROCESS, the stdout of the other process becomes this child's
 * stdin. The parent's copy is closed, and from then on af_process_stdout() of
 * the other process is NULL.
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
 * That file reports end of file when no process has the terminal open any more.
 * When the process is freed, the terminal hangs up: its foreground group gets
 * SIGHUP.
 *
 * In canonical mode, a terminal keeps at most 4,095 bytes of a line, and drops
 * the rest of the line. A write does not fail then: it succeeds with the full
 * count, and the child reads the first 4,095 bytes. For longer lines use
 * AFIO_PTY_RAW, which drops nothing.
 *
 * @param argv    the arguments and a NULL; argv[0] is the program
 * @param options NULL: inherit the parent's streams, change nothing else
 * @return the process; or NULL with errno, and then nothing was started or
 *         leaked. af_spawn_error() names the step that failed, except for EPERM
 *         on another thread:
 *         EINVAL    NULL loop or argv, empty argv, a kind that the stream does
 *                   not allow, AFIO_PROCESS whose stdout is no AFIO_PIPE, a
 *                   child_fd below 3 or used twice, an element of env_edits
 *                   without a name, a uid or gid of -1, group with a session or
 *                   a terminal, foreground without a group, a number out of
 *                   range, options that exclude each other, uid without gid,
 *                   before_exec with a uid, a reserved field that is not zero
 *         EBADF     AFIO_FD, fds, cwd_fd, program_fd, cgroup_fd or tty_fd with
 *                   a descriptor that is not open, a cgroup_fd that is no
 *                   cgroup, a child_fd above the limit of open files
 *         EBUSY     AFIO_PROCESS whose output the parent has begun to read
 *         EPERM     uid, gid, groups or limits that need privileges; groups
 *                   that cannot be dropped; a group that does not exist; a
 *                   tty_fd of another session; foreground, if the terminal
 *                   belongs to a group that is neither the program's nor that
 *                   of another foreground child of the loop; loop belongs to
 *                   another thread
 *         ENOTTY    tty_fd is no terminal; foreground, if the program has no
 *                   controlling terminal
 *         ELOOP     AFIO_PATH with a link that must not be followed
 *         ENOSYS    cgroup_fd, if the kernel cannot start a child in a cgroup,
 *                   or cannot kill that cgroup as a whole, such as the root
 *                   cgroup
 *         EACCES    a negative nice that needs privileges
 *         ENOENT, EACCES, ENOEXEC, E2BIG and others of execve(2), of chdir(2)
 *                   for cwd, or of open(2) for AFIO_PATH
 *         EAGAIN, EMFILE, ENFILE, ENOMEM, ENOSPC (no terminal is left)
 *         ECANCELED the loop was freed
 *
 * Descriptors 0, 1 and 2 of the parent may be closed.
 *
 * The size of the parent's memory does not slow down the start. Exception: with
 * uid or gid the child gets a copy until its exec, because its new user could
 * otherwise try to access the shared memory (cgroup_fd, before_identity and
 * before_exec need a copy, too). That costs some 10 to 20 ms for each GiB in
 * pages of 4 KiB.
 *
 * The call returns once the child runs its program. It blocks while cwd, the
 * program or an AFIO_PATH is on a file system that does not respond. With uid,
 * it also blocks if the user stops the child (SIGSTOP) after its last system
 * call before the exec; before that, the user may not signal it. Meanwhile
 * setuid(3), setegid(3) and the like in another thread may block as well. A
 * program that must not block calls af_spawn_async().
 */
AFIO_MUST_USE
struct af_process *af_spawn(struct af_loop *loop, const char *const argv[],
			    const struct af_spawn_options *options)
	AFIO_MALLOC(af_process_free);

/**
 * Starts a child as af_spawn() does, but in another thread: opening an
 * AFIO_PATH, searching for the program and creating the child may take any
 * time.
 *
 * @param argv, options as for af_spawn(), copied: they and what they point to
 *         may be freed after the call. Descriptors (AFIO_FD, fds, and streams
 *         that are inherited) must stay open until the future is done. The
 *         stdout of an AFIO_PROCESS is taken at the call, and is closed if the
 *         start fails.
 * @return a future. On success af_future_take_process() is the process. If the
 *         program has not taken it when the future is freed, the child is
 *         killed, and the loop reaps it:
 *
 * | happens                       | outcome                                  |
 * |-------------------------------|------------------------------------------|
 * | the child runs its program    | success                                  |
 * | the start fails               | the errno of af_spawn(), negated         |
 * | cancelled, or the loop freed  | -ECANCELED; no child is left             |
 *
 * If the start fails, af_future_spawn_error() and af_future_spawn_step() report
 * why. For a deadline use af_with_timeout().
 *
 * A child that exists when the future is cancelled gets SIGKILL, and so does
 * everything in its cgroup (cgroup_fd). The loop or the library's thread reaps
 * it. Nothing waits for that: a thread that is stuck in the kernel goes on by
 * itself, and cleans up when its system call returns. A child that the parent may not kill keeps running.
 *
 * Errors of the options, of pipes and of terminals are found at once: the
 * future is done when the call returns. Starts run at the same time, each in a
 * thread of the library that the loop's thread has started, with signals
 * blocked. If 16 starts of one loop are stuck, its further starts wait. With
 * die_with_parent the limit is 16 for the program. A start that waits does not
 * hold up other threads. If no thread can be started at all, the call itself
 * blocks, as af_spawn() does.
 */
AFIO_MUST_USE
struct af_future *af_spawn_async(struct af_loop *loop, const char *const argv[],
				 const struct af_spawn_options *options);

/**
 * Takes the process out of a future of af_spawn_async(), or of a chain that has
 * its outcome. From then on the caller owns it, and must call
 * af_process_free().
 *
 * @return the process; NULL if it was taken before, or if the future is
 *         pending, has failed, is of another kind or is NULL
 */
struct af_process *af_future_take_process(struct af_future *f);

/**
 * Makes a process of a child that the program has started itself, by fork(2) or
 * otherwise. The child may have ended. From then on only the library should
 * reap it (but see af_process_set_status()).
 *
 * @param pid    the child; not one that already belongs to a struct af_process
 * @param in_fd  becomes af_process_stdin(); out_fd and err_fd become
 *               af_process_stdout() and af_process_stderr(). The process owns
 *               them on success. -1: none. Any descriptor that af_file_new()
 *               accepts. Pass a descriptor for both directions, such as a
 *               terminal or a socket, only once.
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
 * The child is not affected. Pending operations fail with -ECANCELED.
 *
 * @param ret_pid set to the child's process id. NULL: not wanted
 * @param ret_fds set to the parent's ends of its stdin, stdout and stderr, -1
 *                where there is none. The caller must close them. They are
 *                close-on-exec, and in the blocking mode that they had first.
 *                An AFIO_PTY is returned once: as the stdout or stderr that it
 *                is read from, or else as the stdin. NULL: the library closes
 *                them.
 * @param unread  NULL, or three evbuffers, any of which may be NULL. Bytes that
 *                were read from a descriptor, and that no operation has
 *                returned, are appended to its evbuffer.
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
 * Returns why the last start on the loop failed, by af_spawn(),
 * af_pipe_spawn(), af_run() or one of their siblings, as a text for users: the
 * step, its subject, and the error. An asynchronous start becomes the last one
 * when it ends.
 *
 *     chdir /nowhere: No such file or directory
 *     stage 2: exec nosuch: No such file or directory
 *
 * The stages of a pipeline are numbered from 0, as in af_pipe_process().
 *
 * @return the text. It belongs to the loop and is valid until the loop starts
 *         another child or is freed. "" if the last start succeeded, if there
 *         was none, if loop is NULL, or if there was no memory for the text.
 */
const char *af_spawn_error(const struct af_loop *loop);

/** The steps of a start, as in the text of af_spawn_error(). */
enum af_spawn_step {
	AFIO_STEP_NONE = 0,	  /**< nothing has failed */
	AFIO_STEP_OPTION = 1,	  /**< an option, or argv, is not valid */
	AFIO_STEP_MEMORY = 2,	  /**< no memory was left, also for an event */
	AFIO_STEP_PIPE = 3,	  /**< a pipe, see pipe(2) */
	AFIO_STEP_TERMINAL = 4,	  /**< AFIO_PTY, tty_fd, foreground */
	AFIO_STEP_OPEN = 5,	  /**< open(2), for AFIO_PATH or AFIO_NULL */
	AFIO_STEP_FD = 6,	  /**< a descriptor, of AFIO_FD or fds */
	AFIO_STEP_CLONE = 7,	  /**< the child itself, see fork(2) */
	AFIO_STEP_SETSID = 8,	  /**< new_session */
	AFIO_STEP_SETPGID = 9,	  /**< new_group, group */
	AFIO_STEP_SETGROUPS = 10, /**< setting groups, or dropping them */
	AFIO_STEP_SETGID = 11,	  /**< gid */
	AFIO_STEP_SETUID = 12,	  /**< uid */
	AFIO_STEP_LIMIT = 13,	  /**< limits */
	AFIO_STEP_NICE = 14,	  /**< nice */
	AFIO_STEP_CHDIR = 15,	  /**< cwd, cwd_fd */
	AFIO_STEP_DIE_WITH_PARENT = 16, /**< die_with_parent */
	AFIO_STEP_SIGNALS = 17,		/**< the child's signal mask */
	AFIO_STEP_EXEC = 18,		/**< execve(2) */
	AFIO_STEP_NO_NEW_PRIVS = 19,	/**< no_new_privs */
	AFIO_STEP_AMBIENT = 20,		/**< keep_ambient */
	AFIO_STEP_CGROUP = 21,		/**< cgroup_fd */
	AFIO_STEP_BEFORE_IDENTITY = 22, /**< before_identity */
	AFIO_STEP_BEFORE_EXEC = 23	/**< before_exec */
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
 * Return this text and step for the start of one future: one of
 * af_spawn_async(), af_pipe_spawn_async() or af_run(). Later starts do not
 * change them. A chain has those of the future whose outcome it has.
 *
 * @return "" and AFIO_STEP_NONE for any other future, for one whose child was
 *         started, while it is pending, for NULL, and if there was no memory.
 *         The text lives as long as the future.
 */
const char *af_future_spawn_error(const struct af_future *f);
enum af_spawn_step af_future_spawn_step(const struct af_future *f);

/**
 * Returns the loop that the process was made with. After af_loop_free() of that
 * loop, the pointer may only be compared. NULL for NULL.
 */
struct af_loop *af_process_loop(const struct af_process *process);

/**
 * A pointer of the program's own, such as the object that the process belongs
 * to. The library only stores it. NULL before it is set, and for NULL.
 */
void af_process_set_data(struct af_process *process, void *data);
void *af_process_data(const struct af_process *process);

/**
 * The parent's end of an AFIO_PIPE, its side of an AFIO_PTY, or the file of a
 * descriptor passed to af_process_adopt(). Borrowed: the process closes it.
 *
 * @return the file; NULL if the stream is none of these, or was closed or taken
 */
struct af_file *af_process_stdin(struct af_process *process);
struct af_file *af_process_stdout(struct af_process *process);
struct af_file *af_process_stderr(struct af_process *process);

/**
 * Closes the parent's end of the child's stdin, so that the child reads the end
 * of its input. Pending writes fail with -ECANCELED. From then on
 * af_process_stdin() is NULL.
 *
 * A terminal stays open. Instead its VEOF character (^D) is written twice,
 * after all pending writes, because the first may only end an unfinished line.
 * This works as if it were typed: a child that does not read by lines does not
 * take it for the end of its input.
 *
 * @return 0, also if stdin was closed before; -EINVAL for NULL; -EPERM if its
 *         loop belongs to another thread; -ENOMEM for a terminal, whose input
 *         has then not ended; otherwise as af_file_close()
 */
int af_process_close_stdin(struct af_process *process);

/**
 * Closes the parent's end of the child's stdin once all pending writes are
 * done, as af_process_close_stdin() does at once. A write that is started later
 * waits for that: when stdin is closed, that write fails with -ECANCELED, and
 * none of its bytes were sent.
 *
 * @param timeout for the pending writes. NULL: none; zero: closes stdin only if
 *                no write is pending
 * @return a future. If a write fails, its own future reports that:
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
 * Changes the size of a child's AFIO_PTY. If the size changes, the terminal's
 * foreground group gets SIGWINCH.
 *
 * @param rows, columns 1 to 65535 each
 * @return 0; -EINVAL if process is NULL or a size is out of range; -ENOTTY if
 *         the child has no AFIO_PTY
 */
int af_process_resize(struct af_process *process, unsigned rows,
		      unsigned columns);

/**
 * Also sets the size in pixels, which af_process_resize() sets to 0.
 *
 * @param xpixel, ypixel width and height in pixels, 0 to 65535 each; 0: not
 *                       known
 * @return as af_process_resize()
 */
int af_process_resize_pixels(struct af_process *process, unsigned rows,
			     unsigned columns, unsigned xpixel,
			     unsigned ypixel);

/**
 * Returns the path of a child's AFIO_PTY, such as /dev/pts/3, see ptsname_r(3).
 *
 * @param buf gets the path and a NUL; unchanged on failure
 * @param len the size of buf in bytes
 * @return 0; -ERANGE if len is too small; -ENOTTY if the child has no AFIO_PTY,
 *         or its file was taken; -EINVAL if process or buf is NULL
 */
int af_process_pty_name(struct af_process *process, char *buf, size_t len);

/**
 * Takes one file out of the process, which otherwise works as before. From then
 * on the caller owns the file, and must close it with af_file_close(), which
 * may be after af_process_free(). Pending operations continue, including that
 * of af_process_finish_stdin(). Bytes that were read ahead stay in the file.
 * The process no longer has that stream: af_process_stdin(),
 * af_process_stdout() or af_process_stderr() returns NULL, and operations of a
 * pipeline on it fail with -EBADF.
 *
 * An AFIO_PTY is one file, so it is taken from all streams that lead to it.
 * Closing it hangs up the terminal.
 *
 * @param stream 0, 1 or 2: that of af_process_stdin(), af_process_stdout() or
 *               af_process_stderr()
 * @return the file; or NULL with errno, and nothing has changed:
 *         EBADF  there is no such file, or it was closed or taken; the stderr
 *                that all stages of a pipeline share belongs to none of them
 *         EBUSY  an af_pipe_communicate(), af_pipe_each_line() or
 *                af_pipe_each_chunk() of its pipeline is pending
 *         EINVAL process is NULL, or no such stream
 *         EPERM  its loop belongs to another thread
 */
AFIO_MUST_USE
struct af_file *af_process_take(struct af_process *process, int stream);

/** Returns the child's process id, also after its end. -EINVAL for NULL. */
pid_t af_process_pid(const struct af_process *process);

/**
 * Returns whether the child has ended; false for NULL. Does not wait.
 *
 * @param ret_status if the child has ended and this is not NULL, set to its
 *                   wait status, see waitpid(2); or to -1 if that is not known,
 *                   because another part of the program reaped the child and
 *                   has not handed the status over
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
 *                    another part of the program reaped it, and has not handed
 *                    the status over, or the program ignores SIGCHLD
 *         -EINVAL    process is NULL, or timeout is negative
 *         -EPERM     its loop belongs to another thread
 *         -ECANCELED the future was cancelled, or the process or loop freed
 */
AFIO_MUST_USE
struct af_future *af_process_wait(struct af_process *process,
				  const struct timeval *timeout);

/**
 * Waits until the child stops, continues or ends, as a shell does for its jobs.
 * It also reports an earlier change that no waitpid(2) and no earlier wait has
 * returned. Any number of waits may be pending; one change ends all of them.
 *
 * No event reports that a child stops or continues. So a timer checks every 1
 * to 50 ms while such a wait is pending; if the child stops and continues
 * between two checks, only "continued" is reported. While the program traces
 * the child, its stops belong to the tracer, and are not reported.
 *
 * @param timeout NULL: none; zero: checks without waiting
 * @return a future; af_future_status() is the wait status that waitpid(2)
 *         returns with WUNTRACED and WCONTINUED:
 *
 * | happens                              | outcome                            |
 * |--------------------------------------|------------------------------------|
 * | a signal stops the child             | success, WIFSTOPPED()              |
 * | SIGCONT continues it                 | success, WIFCONTINUED()            |
 * | it ends, or has ended before         | success, as from af_process_wait() |
 * | it ends; its status is not known     | -ECHILD                            |
 * | it stops while the program traces it | the wait stays pending             |
 * | deadline                             | -ETIMEDOUT                         |
 * | cancelled; process or loop freed     | -ECANCELED                         |
 *
 * -EINVAL if process is NULL or timeout is negative, -EPERM on another thread,
 * -ENOMEM.
 */
AFIO_MUST_USE
struct af_future *af_process_wait_change(struct af_process *process,
					 const struct timeval *timeout);

/**
 * Hands the library the wait status of a child that the program has reaped
 * itself. A program that reaps by waitpid(-1), such as in an evsignal callback
 * for SIGCHLD, must call this for each of the library's children that
 * waitpid(2) returns; af_loop_reaped() finds the process. This works even if
 * the library has noticed the end before. Do not hand over stops.
 *
 * | the process                            | result                         |
 * |----------------------------------------|--------------------------------|
 * | has not noticed the end, or the status | 0; waits are done with it      |
 * | knows the status already               | 0; the known status is kept    |
 * | has failed waits with -ECHILD          | 0; later waits get this status |
 * | has a child that was not reaped        | -EBUSY; nothing changes        |
 *
 * Without pidfds, a child that was not reaped cannot be distinguished from a
 * newer one with the same pid, so the status is accepted.
 *
 * @param status of waitpid(2): WIFEXITED() or WIFSIGNALED()
 * @return 0; -EBUSY; -EINVAL process is NULL, or status is not that of an ended
 *         child; -EPERM its loop belongs to another thread; -ECANCELED the loop
 *         was freed
 */
int af_process_set_status(struct af_process *process, int status);

/**
 * Does the same for the process of the loop that has child pid. While a child
 * is being started, by af_spawn_async() or the like, a status for an unknown
 * pid is kept, because it may be that of the new child.
 *
 * @return 1 if the child belongs to the loop, and the status was handed over; 0
 *         if it does not, or is not known yet, or has not been reaped (the pid
 *         then belongs to another child); -ENOMEM if the status cannot be kept;
 *         -EINVAL loop is NULL, pid is not positive, or status is not that of
 *         an ended child; -EPERM on another thread; -ECANCELED the loop was
 *         freed
 */
int af_loop_reaped(struct af_loop *loop, pid_t pid, int status);

/**
 * Returns what the child has used: processor time, memory and so on, including
 * what the children that it has waited for have used; see getrusage(2).
 *
 * @param ret_usage set on success
 * @return 0; -EINPROGRESS before a wait, a stop or af_process_poll() has seen
 *         the end; -ECHILD if it cannot be known, because another part of the
 *         program reaped the child, or the system has no pidfds and the child
 *         leads a process group; -EINVAL if either is NULL
 */
int af_process_usage(const struct af_process *process,
		     struct rusage *ret_usage);

/**
 * Sends the child a signal, as kill(2) does, but never sends it to an unrelated
 * process that has since been given the child's pid.
 *
 * @return 0; -ESRCH once the child has been reaped; -EINVAL no such signal, or
 *         process is NULL; -EPERM
 */
int af_process_signal(struct af_process *process, int sig);

/**
 * Sends a signal to the process group that the child leads, even after the
 * child has ended.
 *
 * @return 0; -ESRCH if there is no such group, or it can no longer be
 *         distinguished from an unrelated group; -EINVAL no such signal, or
 *         process is NULL; -EPERM
 */
int af_process_signal_group(struct af_process *process, int sig);

/**
 * Makes a child end: sends SIGTERM, and SIGKILL if it is alive after grace.
 *
 * If the child leads a process group or a session, by an option or by its own
 * doing, signals go to the whole group. The grace period is that of the leader:
 * when it has ended, the rest of the group gets SIGKILL at once, unless grace
 * is NULL. So a shell should exec a program that needs time to clean up; or
 * send SIGTERM by af_process_signal_group(), and stop later. A child that is
 * stopped (SIGSTOP) gets SIGCONT, so that it sees the SIGTERM. If the child was
 * started in a cgroup of its own (cgroup_fd), SIGKILL goes to everything in the
 * cgroup or below it, even after the child has ended.
 *
 * A child that is the first process of a pid namespace cannot end while the
 * namespace has zombies. So, once it has got SIGKILL, children of the loop that
 * ended in that namespace are reaped, even if they led a group.
 *
 * Cancelling the future sends nothing more; signals already sent may still end
 * the child. Several stops may be pending; each sends its own signals.
 *
 * @param grace NULL: SIGTERM only, and no SIGKILL however long it takes; zero:
 *              SIGKILL at once, without SIGTERM
 * @return a future that is done when the child has ended, at once if it has
 *         already. Its outcome is that of af_process_wait(); or -EPERM if the
 *         parent may not signal the child, because it now runs as another user:
 *         it goes on, and the rest of its group has got the signal
 */
AFIO_MUST_USE
struct af_future *af_process_stop(struct af_process *process,
				  const struct timeval *grace);

/**
 * Frees a process. Its files are closed; pending waits fail with -ECANCELED.
 * Unless kill_on_free was set, a live child keeps running, and the loop reaps
 * it when it ends. Such a child alone does not keep a base running: if the loop
 * does not run at that time, it reaps the child when it next runs. May be
 * called after af_loop_free(); a child that is alive then must be reaped by the
 * program. NULL is fine.
 */
void af_process_free(struct af_process *process);

#ifdef __cplusplus
}
#endif

#endif
