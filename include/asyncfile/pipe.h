/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/pipe.h
 *
 * Pipelines: one process, or several in a row as in `a | b | c`. A program
 * writes to the first stage and reads from the last one, as if they were one
 * process. To run one child from its start to its end, call af_run().
 *
 * A pipeline belongs to its loop's thread. On another thread af_pipe_new(),
 * af_pipe_from(), af_pipe_spawn() and af_pipe_spawn_stages() fail with EPERM,
 * and af_pipe_spawn_async(), af_pipe_spawn_stages_async(), af_run(),
 * af_pipe_wait(), af_pipe_stop(), af_pipe_communicate(), af_pipe_each_line(),
 * af_pipe_each_chunk() and af_pipe_finish_stdin() with -EPERM; nothing else of
 * a pipeline may be called there.
 */
#ifndef ASYNCFILE_PIPE_H
#define ASYNCFILE_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/types.h>

#include <asyncfile/attributes.h>
#include <asyncfile/process.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A pipeline. */
struct af_pipe;

/* Needed by AFIO_MALLOC; described below. */
void af_pipe_close(struct af_pipe *pipeline);

/**
 * Makes a pipeline of one process, or of two that are already connected.
 *
 * @param first the stage that is written to; the pipeline owns it on success
 * @param last  the stage that is read from, owned likewise; NULL: first
 * @return the pipeline; or NULL with errno, and the processes remain the
 *         caller's: EINVAL first is NULL, or they are of different loops; EPERM
 *         their loop belongs to another thread; ENOMEM
 */
AFIO_MUST_USE
struct af_pipe *af_pipe_new(struct af_process *first, struct af_process *last)
	AFIO_MALLOC(af_pipe_close);

/**
 * Starts all stages of a pipeline. The stdout of each is the stdin of the next.
 *
 * @param stages  one argv for each stage, and a NULL
 * @param options `in` is for the first stage, `out` for the last one, and `err`
 *                for every stage:
 *
 *                | err            | the stderr of each stage               |
 *                |----------------|----------------------------------------|
 *                | AFIO_PIPE      | one pipe for all: af_pipe_stderr()     |
 *                | AFIO_PIPE_EACH | a pipe of its own: af_process_stderr() |
 *                | AFIO_STDOUT    | its own stdout                         |
 *                | AFIO_PATH      | the file, opened once for all stages;  |
 *                |                | with AFIO_PATH_AS_CHILD, allowed only  |
 *                |                | if there is one stage                  |
 *                | AFIO_PTY       | allowed only if there is one stage     |
 *                | others         | see af_spawn()                         |
 *
 *                A file that all stages share is created with the umask of
 *                these options; a shared pipe is owned by their uid and gid.
 *                program and program_fd are not allowed, and tty_fd only if
 *                there is one stage. With new_group, all stages are in one
 *                group, except a stage that has a terminal of its own.
 *                With new_session, each stage has a session of its own. All
 *                other options apply to every stage. NULL: inherit the
 *                parent's streams.
 * @return the pipeline; or NULL with the errno of af_spawn(); for details see
 *         af_spawn_error(). In that case no stage is left: those already
 *         started are killed and reaped. A stage that the parent may not kill
 *         is left running, as after af_process_free(). EINVAL also if there is
 *         no stage, or the argv of one is empty.
 *
 * With AFIO_PIPE_EACH the program must read the stderr of every stage, or a
 * stage that writes much to it blocks. af_pipe_communicate() and
 * af_pipe_each_line() read all of them.
 */
AFIO_MUST_USE
struct af_pipe *af_pipe_spawn(struct af_loop *loop,
			      const char *const *const stages[],
			      const struct af_spawn_options *options)
	AFIO_MALLOC(af_pipe_close);

/**
 * Makes a pipeline of any number of processes, in their order. They are already
 * connected, or the program connects them.
 *
 * @param processes n of them; on success the pipeline owns them, but not the
 *                  array
 * @return as af_pipe_new(); EINVAL also if n is 0, one is NULL or two are the
 *         same
 */
AFIO_MUST_USE
struct af_pipe *af_pipe_from(struct af_process *const processes[], size_t n)
	AFIO_MALLOC(af_pipe_close);

/** A stage with options of its own. Zero it first. */
struct af_stage {
	const char *const *argv; /**< as for af_spawn() */
	/**
	 * NULL: the options of all stages. Otherwise they apply to this stage
	 * in place of those, with these exceptions:
	 *
	 * | option               | of the stage                               |
	 * |----------------------|--------------------------------------------|
	 * | in, out              | must be AFIO_DEFAULT                       |
	 * | err                  | AFIO_DEFAULT: that of all stages           |
	 * | new_group, group,    | if none of these is set: those of all      |
	 * | new_session, tty_fd, | stages                                     |
	 * | foreground           |                                            |
	 */
	const struct af_spawn_options *options;
	uint64_t reserved[2]; /**< must be zero */
};

/**
 * Starts all stages of a pipeline like af_pipe_spawn(), but each stage may have
 * options of its own: a directory, a user, a program, a stderr.
 *
 *     const struct af_spawn_options in_tmp = { .cwd = "/tmp" };
 *     const struct af_stage stages[] = {
 *             { .argv = tar, .options = &in_tmp },
 *             { .argv = gzip },
 *     };
 *
 * @param stages n of them
 * @param ends   like options of af_pipe_spawn(): `in` of the first stage, `out`
 *               of the last one, `err` of every stage, and the options of
 *               stages that have none. NULL: inherit the parent's streams.
 * @return as af_pipe_spawn()
 */
AFIO_MUST_USE
struct af_pipe *af_pipe_spawn_stages(struct af_loop *loop,
				     const struct af_stage *stages, size_t n,
				     const struct af_spawn_options *ends)
	AFIO_MALLOC(af_pipe_close);

/**
 * Start all stages of a pipeline, one after the other, as af_pipe_spawn() and
 * af_pipe_spawn_stages() do, but in another thread, see af_spawn_async().
 *
 * @param stages, options, ends as for these two; copied as by af_spawn_async().
 *               The descriptors in them must stay open until the future is
 *               done. An AFIO_PATH of `err` is opened when the first stage that
 *               uses it is started
 * @return a future. On success af_future_take_pipe() returns the pipeline. If
 *         the program has not taken it when the future is freed, every stage is
 *         killed, and the loop reaps it:
 *
 * | happens                         | outcome                                |
 * |---------------------------------|----------------------------------------|
 * | every stage runs its program    | success                                |
 * | the start of a stage fails      | the errno of af_spawn(), negated; see
 *                                     af_future_spawn_error(). The stages that
 *                                     were started get SIGKILL               |
 * | cancelled, or the loop freed    | -ECANCELED; those stages get SIGKILL   |
 *
 * It also fails with -EINVAL in the same cases as these two, and with -EPERM on
 * another thread.
 */
AFIO_MUST_USE
struct af_future *af_pipe_spawn_async(struct af_loop *loop,
				      const char *const *const stages[],
				      const struct af_spawn_options *options);
AFIO_MUST_USE
struct af_future *
af_pipe_spawn_stages_async(struct af_loop *loop, const struct af_stage *stages,
			   size_t n, const struct af_spawn_options *ends);

/**
 * Takes the pipeline out of a future of af_pipe_spawn_async() or
 * af_pipe_spawn_stages_async(), or of a chain that has its outcome. From then
 * on the caller owns it and must call af_pipe_close().
 *
 * @return the pipeline; NULL if it was taken before, if the future is pending,
 *         has failed or is of another kind, and for NULL
 */
struct af_pipe *af_future_take_pipe(struct af_future *f);

/**
 * Sets and returns a pointer of the program's own, such as to the object that
 * the pipeline belongs to. The library only stores it. NULL before it is set,
 * and for NULL.
 */
void af_pipe_set_data(struct af_pipe *pipeline, void *data);
void *af_pipe_data(const struct af_pipe *pipeline);

/**
 * Returns the loop that the pipeline was made with. After af_loop_free() of
 * that loop, the pointer may only be compared. NULL for NULL.
 */
struct af_loop *af_pipe_loop(const struct af_pipe *pipeline);

/**
 * Read and write, see af_file_read(), af_file_readline() and af_file_write().
 * Writes are sent to the first stage's stdin. af_pipe_read() and
 * af_pipe_readline() read the last stage's stdout; the two with _stderr read
 * the file of af_pipe_stderr().
 *
 * @return the operation's future; it fails with -EBADF if there is no such
 *         file, or it was closed
 */
AFIO_MUST_USE
struct af_future *af_pipe_write(struct af_pipe *pipeline, const void *buf,
				size_t len, unsigned flags,
				const struct timeval *timeout);
AFIO_MUST_USE
struct af_future *af_pipe_read(struct af_pipe *pipeline, size_t size,
			       unsigned flags, const struct timeval *timeout);
AFIO_MUST_USE
struct af_future *af_pipe_readline(struct af_pipe *pipeline, size_t size,
				   size_t sizehint, unsigned flags,
				   const struct timeval *timeout);
AFIO_MUST_USE
struct af_future *af_pipe_read_stderr(struct af_pipe *pipeline, size_t size,
				      unsigned flags,
				      const struct timeval *timeout);
AFIO_MUST_USE
struct af_future *af_pipe_readline_stderr(struct af_pipe *pipeline, size_t size,
					  size_t sizehint, unsigned flags,
					  const struct timeval *timeout);

/**
 * Return the files that these operations use: af_process_stdin() of the first
 * stage; af_process_stdout() of the last one; and the stderr that all stages
 * share or, if they do not share one, af_process_stderr() of the last stage.
 * Borrowed: the pipeline closes them.
 *
 * @return the file, or NULL if there is none
 */
struct af_file *af_pipe_stdin(struct af_pipe *pipeline);
struct af_file *af_pipe_stdout(struct af_pipe *pipeline);
struct af_file *af_pipe_stderr(struct af_pipe *pipeline);

/** Where the input of af_pipe_communicate() is read from. */
enum af_input_kind {
	AFIO_INPUT_NONE = 0, /**< no input: stdin closes after pending writes */
	AFIO_INPUT_MEMORY,   /**< input_len bytes at input; 0: no input */
	AFIO_INPUT_FD,	     /**< input_fd up to its end; stays the caller's. Of
				  record locks see af_file_new() */
	AFIO_INPUT_FILE,     /**< input_file up to its end; borrowed */
	AFIO_INPUT_CALLBACK  /**< what input_fn returns, until it returns 0 */
};

/**
 * Provides the next bytes of an AFIO_INPUT_CALLBACK. It is called from the
 * loop, like a continuation, each time the bytes of the previous call have been
 * written. It may call anything, including af_await(); it may close the
 * pipeline, or cancel the operation.
 *
 * @param buf put the bytes here; valid during the call
 * @param len the size of buf, 64 KiB; it is fastest to fill it
 * @return the number of bytes in buf; 0 at the end of the input; or a negative
 *         errno, with which the operation fails
 *
 * If the child closes stdin before it has taken all bytes of a call, the rest
 * of them is lost.
 */
typedef ssize_t (*af_input_fn)(void *buf, size_t len, void *arg);

/** What to do when a stream has more than max_output bytes. */
enum af_overflow {
	AFIO_OVERFLOW_FAIL = 0, /**< fail with -EMSGSIZE */
	AFIO_OVERFLOW_TRUNCATE	/**< read on, drop the rest, AFIO_TRUNCATED */
};

/** How to communicate. Zero it first: zero is the default of every field. */
struct af_communicate_options {
	enum af_input_kind input_kind;
	const void *input; /**< must not change until the future is done */
	size_t input_len;
	int input_fd;
	struct af_file *input_file; /**< must stay open until then */
	af_input_fn input_fn;
	void *input_arg; /**< for input_fn */

	/** Bounds the whole operation, from the call on. NULL: no bound. */
	const struct timeval *timeout;

	/**
	 * How long to read on, after every stage has exited, from a stream that
	 * a grandchild keeps open. NULL: until it is closed.
	 */
	const struct timeval *linger;

	/**
	 * The most bytes to keep of each stream. 0: the limit of the stream's
	 * file, with the same outcome if there is more. That limit is set by
	 * af_file_set_limit(), or else by af_loop_set_file_limit(); by default
	 * there is none.
	 */
	size_t max_output;
	enum af_overflow overflow;

	uint64_t reserved[8]; /**< must be zero */
};

/** What a stage wrote to a stderr of its own. A NUL follows the bytes. */
struct af_stage_output {
	const char *err; /**< empty if the stage has no such pipe */
	size_t err_len;
};

/**
 * The result of af_pipe_communicate() and af_run(). The library makes it; do
 * not copy it. It and all that it points to live as long as the future.
 */
struct af_output {
	const char *out; /**< stdout; a NUL follows that is not counted */
	size_t out_len;
	const char *err; /**< of af_pipe_stderr() likewise, or empty */
	size_t err_len;
	size_t input_taken; /**< how many input bytes were written to stdin */
	/** As from af_pipe_wait(); -1: not all have ended, or it is unknown. */
	int status;
	size_t n_stages; /**< for af_output_stage() */
};

/**
 * Returns what one stage of the pipeline wrote to a stderr of its own.
 *
 * @param output the result of af_future_output()
 * @param stage  from 0
 * @return a part of output; NULL if stage is n_stages or more, or output is
 *         NULL
 */
const struct af_stage_output *af_output_stage(const struct af_output *output,
					      size_t stage);

/**
 * Writes the input to stdin and then closes stdin, reads stdout and every
 * stderr to their ends at the same time, and waits for every stage. Python's
 * Popen.communicate() does the same. Without input, stdin is closed once all
 * earlier writes are done.
 *
 * It is no error if a child closes its stdin early: see input_taken.
 *
 * @param options NULL: no input, no limits
 * @return a future; af_future_output() is the result, even after a failure, and
 *         af_future_count() is how many bytes of the input stdin has taken,
 *         even while the future is pending:
 *
 * | happens                                 | outcome                        |
 * |-----------------------------------------|--------------------------------|
 * | every stage and stream ended            | success, whatever the status   |
 * | streams still open after linger         | success, AFIO_TIMEDOUT         |
 * | timeout                                 | -ETIMEDOUT; the stages go on   |
 * | more than max_output, OVERFLOW_FAIL     | -EMSGSIZE, max_output bytes; the
 *                                             rest can still be read; the
 *                                             stages go on                   |
 * | more than max_output, OVERFLOW_TRUNCATE | success, AFIO_TRUNCATED        |
 * | reading the input or a stream fails     | that error; the stages go on   |
 * | there is input, stdin is no AFIO_PIPE   | -EBADF; the stages go on       |
 * | cancelled, or the pipeline closed       | -ECANCELED; the stages go on   |
 *
 * -EINVAL if pipeline is NULL, if the input is NULL but its kind needs one, or
 * if a reserved field is not zero. -EPERM on another thread. Stages that go on
 * may wait for more input for ever: stop them with af_pipe_stop(), or, if they
 * exit at the end of their input, close the pipeline.
 */
AFIO_MUST_USE
struct af_future *
af_pipe_communicate(struct af_pipe *pipeline,
		    const struct af_communicate_options *options);

/** How to run a child. Zero it first: zero is the default of every field. */
struct af_run_options {
	/** As for af_spawn(), but AFIO_DEFAULT differs, see af_run(). */
	struct af_spawn_options spawn;
	/** As for af_pipe_communicate(), but a failure stops the child. */
	struct af_communicate_options communicate;
	/**
	 * How long a child that is being stopped has after SIGTERM, before it
	 * gets SIGKILL. NULL: one second; zero: SIGKILL at once.
	 */
	const struct timeval *grace;
	uint64_t reserved[8]; /**< must be zero */
};

/**
 * Runs a child from its start to its end: af_spawn_async(),
 * af_pipe_communicate() and, if that fails, af_process_stop(), like Python's
 * subprocess.run(). When the future is done, the child is gone or, after a
 * cancel, about to be. Nothing waits on the loop's thread.
 *
 * Where a stream of options->spawn is AFIO_DEFAULT:
 *
 * | stream   | leads to                                                      |
 * |----------|---------------------------------------------------------------|
 * | in       | a pipe that carries the input; /dev/null if there is none     |
 * | out, err | two pipes: what is written to them is in af_future_output()   |
 *
 * Of the other kinds, only AFIO_PIPE and AFIO_PTY are captured and take input.
 *
 * @param argv    as for af_spawn_async()
 * @param options NULL: no input, stdout and stderr captured, no limits. Copied,
 *                as by af_spawn_async(), except for the input
 * @return a future. af_future_output() is the result, even after a failure, and
 *         af_future_status() is the child's wait status, or -1 if it is unknown
 *         or no child was started. af_future_count() is how many bytes of the
 *         input stdin has taken, even while the future is pending:
 *
 * | happens                                 | outcome                        |
 * |-----------------------------------------|--------------------------------|
 * | the start fails                         | the errno of af_spawn(),
 *                                             negated; for details see
 *                                             af_future_spawn_error() and
 *                                             af_future_spawn_step()         |
 * | the child and its streams ended         | success, whatever the status   |
 * | streams still open after linger         | success, AFIO_TIMEDOUT         |
 * | timeout                                 | -ETIMEDOUT, after a stop       |
 * | timeout before the child runs           | -ETIMEDOUT, SIGKILL            |
 * | more than max_output, OVERFLOW_FAIL     | -EMSGSIZE, max_output bytes,
 *                                             after a stop                   |
 * | more than max_output, OVERFLOW_TRUNCATE | success, AFIO_TRUNCATED        |
 * | reading the input or a stream fails     | that error, after a stop       |
 * | cancelled, or the loop freed            | -ECANCELED, SIGKILL            |
 *
 * To stop the child means: SIGTERM, then SIGKILL after the grace period, to its
 * whole group if it leads one; when the child has ended, the rest of the group
 * gets SIGKILL at once, see af_process_stop(). After a timeout, output is read
 * until the child has ended; output that a grandchild writes later is not
 * waited for. After the other failures the parent's ends of the streams are
 * closed. A child that now runs as another user and may not be signalled goes
 * on, and the loop reaps it.
 *
 * A cancel sends SIGKILL in the same way and does not wait: the loop reaps the
 * child when it runs. af_loop_free() waits until that child is gone, unless it
 * does not run its program yet, see af_spawn_async().
 *
 * -EINVAL, and AFIO_STEP_OPTION, also if an option of af_pipe_communicate() is
 * not valid, if there is input but `in` is a kind that takes none, or if a
 * reserved field is not zero. A future for a NULL loop, or on another thread
 * (-EPERM), has no output.
 */
AFIO_MUST_USE
struct af_future *af_run(struct af_loop *loop, const char *const argv[],
			 const struct af_run_options *options);

/** The most bytes that af_pipe_each_line() or _chunk() passes in one call. */
#define AFIO_MAX_LINE 65536

/** A line, or a chunk, that a stage has written. */
struct af_line {
	int stage;	  /**< from 0; -1: unknown, as all share one stderr */
	int stream;	  /**< 1: stdout, of the last stage; 2: stderr */
	const char *data; /**< valid during the call; no NUL follows */
	size_t len;	  /**< with the newline */
	/** When its end was read, as from gettimeofday(2). */
	struct timeval time;
	/**
	 * AFIO_EOF: the stream ended without a newline; AFIO_TRUNCATED: a piece
	 * of a line, whose rest is the next line of the stream. 0 for a chunk.
	 */
	unsigned flags;
};

/**
 * A function that af_pipe_each_line() and af_pipe_each_chunk() call. It is
 * called from the loop, like a continuation, and not again before it has
 * returned. It may call anything, including af_await(); it may close the
 * pipeline, or cancel the operation.
 *
 * @return 0 to go on; 1 to stop with success; a negative errno to fail with it.
 *         After a stop or a failure, the rest stays in the files.
 */
typedef int (*af_line_fn)(const struct af_line *line, void *arg);

/**
 * Calls fn for every line of stdout and of every stderr as it arrives, without
 * copying it: to write a log, or to show progress while the stages work. For a
 * single process, use af_pipe_new(process, NULL).
 *
 * Lines of one stream keep their order. Lines of different streams are passed
 * in the order in which they were read: two that were written at the same
 * moment may be passed in either order. While fn runs, nothing more is read, so
 * a slow fn slows down the stages.
 *
 * A line longer than AFIO_MAX_LINE, or than the limit of its stream's file, see
 * af_file_set_limit(), is passed in pieces of that size, with AFIO_TRUNCATED.
 *
 * Stdin is left alone: write to it meanwhile, or call af_pipe_close_stdin()
 * first.
 *
 * @return a future; when it is done, af_future_count() is how many bytes fn
 *         got, and af_future_status() is that of af_pipe_wait(), or -1 if not
 *         all stages have ended or it is unknown:
 *
 * | happens                      | outcome                                    |
 * |------------------------------|--------------------------------------------|
 * | every stream and stage ended | success, AFIO_EOF, whatever the status     |
 * | fn stopped                   | success; the rest stays in the files       |
 * | fn or a read failed          | that error; the rest stays in the files    |
 * | cancelled                    | -ECANCELED; the rest stays in the files    |
 * | the pipeline closed          | -ECANCELED                                 |
 *
 * -EINVAL if pipeline or fn is NULL. -EPERM on another thread. The operation
 * goes on while a grandchild keeps a stream open. If that is not wanted, use
 * af_with_timeout(), or an af_race() with an af_pipe_wait() that is followed by
 * an af_sleep(). At the end of af_pipe_wait() itself, a pipe may still hold
 * what the stages wrote last.
 */
AFIO_MUST_USE
struct af_future *af_pipe_each_line(struct af_pipe *pipeline, af_line_fn fn,
				    void *arg);

/**
 * Like af_pipe_each_line(), but calls fn with whatever has arrived, in chunks
 * of up to AFIO_MAX_LINE bytes, without regard to lines.
 */
AFIO_MUST_USE
struct af_future *af_pipe_each_chunk(struct af_pipe *pipeline, af_line_fn fn,
				     void *arg);

/**
 * Waits until every stage has ended.
 *
 * @param timeout NULL: none; zero: checks without waiting
 * @return a future; af_future_status() is the wait status of the rightmost
 *         stage that failed, or 0 if none did, like the shell's pipefail. A
 *         stage other than the last one that SIGPIPE killed has not failed,
 *         because its reader has left. The future fails with
 *         -ETIMEDOUT at the deadline; the stages go on
 *         -ECHILD    when all have ended, but the status of one is unknown
 *         -EINVAL    pipeline is NULL, or timeout is negative
 *         -EPERM     its loop belongs to another thread
 *         -ECANCELED the future was cancelled, or the pipeline closed
 */
AFIO_MUST_USE
struct af_future *af_pipe_wait(struct af_pipe *pipeline,
			       const struct timeval *timeout);

/**
 * Stops all stages together, each as af_process_stop() does. When the last
 * stage has ended, the remaining processes of their groups are killed, unless
 * grace is NULL.
 *
 * @param grace NULL: SIGTERM only; zero: SIGKILL at once
 * @return a future that is done when every stage has ended; its outcome is that
 *         of af_pipe_wait(), or -EPERM if the parent may not signal a stage
 */
AFIO_MUST_USE
struct af_future *af_pipe_stop(struct af_pipe *pipeline,
			       const struct timeval *grace);

/**
 * Returns whether every stage has ended; false for NULL. Checks without
 * waiting.
 *
 * @param ret_status if all have ended and this is not NULL, set to the status
 *                   that af_pipe_wait() would report
 */
bool af_pipe_poll(struct af_pipe *pipeline, int *ret_status);

/** Calls af_process_close_stdin() for the first stage. -EINVAL for NULL. */
int af_pipe_close_stdin(struct af_pipe *pipeline);

/** Calls af_process_finish_stdin() for the first stage. -EINVAL for NULL. */
AFIO_MUST_USE
struct af_future *af_pipe_finish_stdin(struct af_pipe *pipeline,
				       const struct timeval *timeout);

/**
 * Sends every stage a signal, as af_process_signal() does.
 *
 * @return 0 if a stage got it, and there was no other error; -ESRCH once all
 *         have been reaped; -EINVAL if there is no such signal, or pipeline is
 *         NULL; -EPERM if a stage may not be signalled; the others got it
 */
int af_pipe_signal(struct af_pipe *pipeline, int sig);

/**
 * Sends a signal to every process group that a stage leads, even after that
 * stage has ended, as af_process_signal_group() does. With new_group that is
 * the one group of all stages.
 *
 * @return as af_pipe_signal(); -ESRCH if no stage leads a group
 */
int af_pipe_signal_group(struct af_pipe *pipeline, int sig);

/** Returns how many stages the pipeline has. 0 for NULL. */
size_t af_pipe_stages(const struct af_pipe *pipeline);

/** Returns a stage's process, borrowed. NULL if there is no such stage. */
struct af_process *af_pipe_process(struct af_pipe *pipeline, size_t stage);

/** Returns a stage's wait status; -1: it runs, no such stage, or unknown. */
int af_pipe_status(const struct af_pipe *pipeline, size_t stage);

/**
 * Closes a pipeline: frees its processes, as af_process_free() does, and the
 * pipeline. Stages that were started with kill_on_free are killed. Pending
 * operations fail with -ECANCELED. NULL is fine.
 */
void af_pipe_close(struct af_pipe *pipeline);

#ifdef __cplusplus
}
#endif

#endif
