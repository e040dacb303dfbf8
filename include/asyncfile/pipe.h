/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/pipe.h
 *
 * Pipes: one process or a chain of them, `a | b | c`, seen as one thing that is
 * written to at its front and read from at its end.
 */
#ifndef ASYNCFILE_PIPE_H
#define ASYNCFILE_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>
#include <sys/types.h>

#include <asyncfile/attributes.h>
#include <asyncfile/process.h>

#ifdef __cplusplus
extern "C" {
#endif

struct af_pipe;

/**
 * Makes a pipe of processes that are connected already.
 *
 * @param first written to; owned by the pipe from success on
 * @param last  read from; NULL: the same as first; owned, too
 * @return the pipe, or NULL with errno EINVAL or ENOMEM
 */
struct af_pipe *af_pipe_new(struct af_process *first, struct af_process *last);

/**
 * Starts a whole chain, each stage's stdout being the next one's stdin.
 *
 * @param stages  one argv for each stage, and a NULL
 * @param options in is the first stage's, out the last one's, and err every
 *                stage's:
 *
 *                | err            | the stderr of each stage               |
 *                |----------------|----------------------------------------|
 *                | AFIO_PIPE      | one pipe for all: af_pipe_stderr()     |
 *                | AFIO_PIPE_EACH | a pipe of its own: af_process_stderr() |
 *                | AFIO_STDOUT    | its own stdout                         |
 *                | AFIO_PATH      | the file, opened once for all          |
 *                | AFIO_PTY       | of a single stage only                 |
 *                | others         | as of af_spawn()                       |
 *
 *                file is not allowed. With new_group all stages are in one
 *                group, but for one that has a terminal. The rest holds for
 *                every stage, each with a session of its own if it is to have
 *                one. NULL: inherit all.
 * @return the pipe; or NULL with errno as of af_spawn(), and af_spawn_error():
 *         all or nothing, the stages already started are killed and reaped,
 *         but for one that the parent may not kill: that is left as by
 *         af_process_free().
 *         EINVAL also for no stages, or an empty one.
 *
 * With AFIO_PIPE_EACH somebody must read every stage's stderr, or a stage that
 * has much to say is blocked: af_pipe_communicate() does, and
 * af_pipe_each_line().
 */
struct af_pipe *af_pipe_spawn(struct af_loop *loop,
			      const char *const *const stages[],
			      const struct af_spawn_options *options);

/**
 * Reads and writes, as of af_file: write goes to the first stage's stdin, read
 * and readline come from the last one's stdout, _stderr from the pipe's stderr,
 * or the last stage's where each has its own. -EBADF where that is not an
 * AFIO_PIPE or was closed.
 */
struct af_future *af_pipe_write(struct af_pipe *pipe, const void *buf,
				size_t len, unsigned flags,
				const struct timeval *timeout);
struct af_future *af_pipe_read(struct af_pipe *pipe, size_t size,
			       unsigned flags, const struct timeval *timeout);
struct af_future *af_pipe_readline(struct af_pipe *pipe, size_t size,
				   size_t sizehint, unsigned flags,
				   const struct timeval *timeout);
struct af_future *af_pipe_read_stderr(struct af_pipe *pipe, size_t size,
				      unsigned flags,
				      const struct timeval *timeout);
struct af_future *af_pipe_readline_stderr(struct af_pipe *pipe, size_t size,
					  size_t sizehint, unsigned flags,
					  const struct timeval *timeout);

/**
 * The files behind those: what af_process_stdin() and its friends say of the
 * first and the last stage. Borrowed. NULL where there is none.
 */
struct af_file *af_pipe_stdin(const struct af_pipe *pipe);
struct af_file *af_pipe_stdout(const struct af_pipe *pipe);
struct af_file *af_pipe_stderr(const struct af_pipe *pipe);

/** Where af_pipe_communicate() takes the input from. */
enum af_input_kind {
	AFIO_INPUT_NONE = 0, /**< nothing: once all is written, stdin closes */
	AFIO_INPUT_MEMORY,   /**< input_len bytes at input */
	AFIO_INPUT_FD,	     /**< input_fd, up to its end; stays the caller's */
	AFIO_INPUT_FILE,     /**< input_file, up to its end; borrowed */
	AFIO_INPUT_CALLBACK  /**< what input_fn gives, until it gives no more */
};

/**
 * What AFIO_INPUT_CALLBACK calls for the next bytes, from the loop, as
 * continuations are called, whenever what it gave before is written: it may do
 * anything, also af_await(), close the pipe or cancel the communicate.
 *
 * @param buf valid during the call
 * @param len how many bytes fit, 64 KiB; that much at a time is the quickest
 * @return how many bytes were put at buf; 0: that was all; a negative errno:
 *         the communicate fails with it
 *
 * What was given and stdin did not take, one buf at most, is gone.
 */
typedef ssize_t (*af_input_fn)(void *buf, size_t len, void *arg);

/** What to do when a stream brings more than max_output bytes. */
enum af_overflow {
	AFIO_OVERFLOW_FAIL = 0, /**< fail with -EMSGSIZE */
	AFIO_OVERFLOW_TRUNCATE	/**< read on, drop the rest, AFIO_TRUNCATED */
};

/** How to communicate. Zero it first: zero is every field's default. */
struct af_communicate_options {
	enum af_input_kind input_kind;
	const void *input; /**< must stay as it is until the future is done */
	size_t input_len;
	int input_fd;
	struct af_file *input_file; /**< must stay open until then */
	af_input_fn input_fn;
	void *input_arg; /**< for input_fn */

	/** Bounds the whole, from the call on; NULL: none. */
	const struct timeval *timeout;

	/**
	 * How long, after every stage has exited, to go on reading from a
	 * stream that a grandchild keeps open; NULL: as long as it does.
	 */
	const struct timeval *linger;

	/** For each stream that is read, in bytes; 0: no limit. */
	size_t max_output;
	enum af_overflow overflow;
};

/** What a stage wrote to a stderr of its own; a NUL follows. */
struct af_stage_output {
	const char *err; /**< empty if it has no pipe of its own */
	size_t err_len;
};

/** What af_pipe_communicate() brought. */
struct af_output {
	const char *out; /**< stdout; a NUL follows that does not count */
	size_t out_len;
	const char *err; /**< likewise that of af_pipe_stderr(), or empty */
	size_t err_len;
	size_t input_taken; /**< bytes of the input that stdin took */
	/** As af_pipe_wait(); -1 if not all have ended, or it is not known. */
	int status;
	const struct af_stage_output *stages; /**< n_stages of them */
	size_t n_stages;
};

/**
 * Feeds the input, reads stdout and every stderr to their ends, all at once,
 * closes stdin when the input ends (also when there is none) and waits for
 * every stage; as Python's Popen.communicate().
 *
 * A child that needs no more input and closes its stdin is no error: see
 * input_taken.
 *
 * @param options NULL: no input, no limits
 * @return a future; see af_future_output(), also after failure:
 *
 * | happens                                 | outcome                        |
 * |-----------------------------------------|--------------------------------|
 * | every stage and stream ended            | success, whatever the status   |
 * | streams still open after linger         | success, AFIO_TIMEDOUT         |
 * | timeout                                 | -ETIMEDOUT; the stages go on   |
 * | more than max_output, OVERFLOW_FAIL     | -EMSGSIZE, max_output bytes, the rest is left to be read; the stages go on |
 * | more than max_output, OVERFLOW_TRUNCATE | success, AFIO_TRUNCATED        |
 * | reading the input or a stream fails     | that error; the stages go on   |
 * | there is input, stdin is no AFIO_PIPE   | -EBADF; the stages go on       |
 * | cancelled, or the pipe closed           | -ECANCELED; the stages go on   |
 *
 * -EINVAL for a NULL pipe, and for an input that is NULL where its kind needs
 * one. Stages that go on may wait for more input for ever: af_pipe_stop() them,
 * or close the pipe for those that end with their input.
 */
struct af_future *
af_pipe_communicate(struct af_pipe *pipe,
		    const struct af_communicate_options *options);

/** A longer line comes in pieces of this many bytes from af_pipe_each_line(). */
#define AFIO_MAX_LINE 65536

/** A line that a stage has written. */
struct af_line {
	int stage;	  /**< from 0; -1: of several that share a stderr */
	int stream;	  /**< 1: stdout, of the last stage; 2: stderr */
	const char *data; /**< valid during the call; no NUL follows */
	size_t len;	  /**< with the newline */
	/** When its end was read, as of gettimeofday(2). */
	struct timeval time;
	/**
	 * AFIO_EOF: the stream ended without a newline; AFIO_TRUNCATED: a piece,
	 * and the rest is the next line of the stream
	 */
	unsigned flags;
};

/**
 * What af_pipe_each_line() calls, from the loop, as continuations are called: it
 * may do anything, also af_await(), close the pipe or cancel the operation. It
 * is not called again before it has returned.
 *
 * @return 0 to go on; 1 to stop, with success, and the rest stays in the files;
 *         a negative errno to fail with it
 */
typedef int (*af_line_fn)(const struct af_line *line, void *arg);

/**
 * Calls fn for every line of stdout and of every stderr as it comes, in place:
 * for a log, or to show what a chain says while it works. For a process alone,
 * there is af_pipe_new(process, NULL).
 *
 * Lines of one stream come in their order. Between streams it is the order in
 * which they were read: what was written to two of them in the same moment may
 * come either way round. While fn works nothing more is read: a slow one holds
 * the stages back.
 *
 * Stdin is left alone: write to it meanwhile, or af_pipe_close_stdin() first.
 *
 * @return a future; af_future_count() is how many bytes fn was given, and
 *         af_future_status() as of af_pipe_wait(), -1 if not all have ended or
 *         it cannot be known:
 *
 * | happens                      | outcome                                    |
 * |------------------------------|--------------------------------------------|
 * | every stream and stage ended | success, AFIO_EOF, whatever the status     |
 * | fn stopped                   | success; the rest stays in the files       |
 * | fn failed, or read(2)        | that error; the rest stays in the files    |
 * | cancelled                    | -ECANCELED; the rest stays in the files    |
 * | the pipe closed              | -ECANCELED                                 |
 *
 * A grandchild that keeps a stream open keeps this going. Where that is not
 * wanted, af_with_timeout(), or cancel it once af_pipe_wait() is done.
 */
struct af_future *af_pipe_each_line(struct af_pipe *pipe, af_line_fn fn,
				    void *arg);

/**
 * Waits for the end of every stage.
 *
 * @return a future; af_future_status() is the wait status of the rightmost
 *         stage that failed, or 0 when none did (the shell's pipefail). A stage
 *         other than the last that died of SIGPIPE has not failed: its reader
 *         left. -ETIMEDOUT at the deadline, and the stages go on. -ECHILD, when
 *         all have ended, if the status of one cannot be known.
 */
struct af_future *af_pipe_wait(struct af_pipe *pipe,
			       const struct timeval *timeout);

/**
 * Makes every stage end, all at once, as af_process_stop() does with one.
 * Whoever is left of their groups is killed when the last stage has ended.
 *
 * @param grace NULL: SIGTERM only; zero: SIGKILL at once
 * @return a future that is done when every stage has ended; outcome as of
 *         af_pipe_wait(), or -EPERM
 */
struct af_future *af_pipe_stop(struct af_pipe *pipe,
			       const struct timeval *grace);

/**
 * Whether every stage has ended; looks, without waiting.
 *
 * @param ret_status if not NULL and they have, set as by af_pipe_wait()
 */
bool af_pipe_poll(struct af_pipe *pipe, int *ret_status);

/** As af_process_close_stdin(), of the first stage. */
int af_pipe_close_stdin(struct af_pipe *pipe);

/** How many stages the pipe knows. */
size_t af_pipe_stages(const struct af_pipe *pipe);

/** A stage's process, borrowed; NULL if there is no such stage. */
struct af_process *af_pipe_process(const struct af_pipe *pipe, size_t stage);

/** A stage's wait status; -1 while it runs or if there is no such stage. */
int af_pipe_status(const struct af_pipe *pipe, size_t stage);

/**
 * Closes a pipe: frees its processes, as af_process_free() does, and itself.
 * NULL is fine.
 */
void af_pipe_close(struct af_pipe *pipe);

#ifdef __cplusplus
}
#endif

#endif
