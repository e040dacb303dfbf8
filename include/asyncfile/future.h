/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/future.h
 *
 * Futures: what every operation returns, how to wait for one, and how to say
 * what comes after it.
 *
 * A future is pending, then done, once and for good. Being done, it either
 * succeeded (error 0) or failed (a negative errno).
 *
 * **Ownership.** Whoever calls an operation owns one reference to the future
 * it returns. af_await() and the accessors borrow. af_then(), af_catch(),
 * af_finally() and af_on_done() consume the reference they are given, also
 * when they fail. So
 *
 *     af_on_done(af_then(af_file_read(file, 100, 0, NULL), parse, ctx),
 *                report, ctx);
 *
 * leaks nothing. Dropping the last reference of a pending operation does not
 * cancel it; af_future_cancel() does.
 *
 * **When continuations run.** Never inside the call that made them and never
 * inside a libevent callback of an operation: the future that is done goes on
 * its loop's queue and the loop runs its continuations from there, in the
 * order in which they were added. (A future without a living loop, such as the
 * -EINVAL of an operation on NULL, has nobody to do that: there continuations
 * run at once.)
 */
#ifndef ASYNCFILE_FUTURE_H
#define ASYNCFILE_FUTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>

#include <asyncfile/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evbuffer;
struct af_future;
struct af_loop;
struct af_output;

/** The stream ended; no more bytes will come. */
#define AFIO_EOF 0x1u
/** The deadline came; the result is what there was until then. */
#define AFIO_TIMEDOUT 0x2u
/** The result was cut at its size limit. */
#define AFIO_TRUNCATED 0x4u
/** A read error comes after these bytes; the next read reports it. */
#define AFIO_ERROR 0x8u

/**
 * Waits until a future is done, running the loop meanwhile. The future is
 * borrowed. This works wherever it is called:
 *
 * | called from                         | what runs meanwhile                 |
 * |-------------------------------------|-------------------------------------|
 * | outside any loop, the loop's own base | all that is on the base           |
 * | a continuation, under af_loop_run() or af_await() | the same              |
 * | a libevent callback; or a base that the program gave and that
 *   af_loop_run() does not drive        | every operation of this loop; the
 *                                         program's own events wait           |
 *
 * Waits nest, and an inner one must end before an outer one can: a wait that
 * takes long holds up all those below it on the stack, though theirs may be
 * done. Where that matters, chain with af_then() instead.
 *
 * Awaiting a future that is done returns at once and runs nothing. Waiting does
 * not change the future's fate: whether it is cancelled, its file closed, its
 * last other reference dropped or the loop freed meanwhile, the wait ends with
 * the future, and what it says is the future's error. af_loop_stop() lets waits
 * end in their own time.
 *
 * @return 0 or the future's error; or, and then the future is still pending:
 *         -EINVAL  f is NULL
 *         -EDEADLK nothing can end this wait: nothing is pending that could,
 *                  or the future waits for a continuation that is running now,
 *                  below on this very stack. (In a program with threads one of
 *                  them may post what ends it: there the wait goes on.)
 *         -ELOOP   af_loop_set_max_depth()
 *         -EPERM   the loop belongs to another thread
 *         -EBADF   this is a child by fork(2), and the loop is its parent's
 *         -ENOTSUP something of the loop cannot wait apart from the program's
 *                  base, which is where it would have to
 *         -EMFILE  -ENFILE  no descriptor for a base of the wait's own, which
 *                  a first wait in a libevent callback takes
 *         -ENOMEM  no memory for it
 *         -EIO     libevent could not poll, or runs the base already and that
 *                  was not to be seen, see af_loop_run()
 */
int af_await(struct af_future *f);

/**
 * As af_await(), but not for longer than timeout. It is the wait that ends then;
 * the operation goes on.
 *
 * @param timeout NULL: no limit; zero: look once, without waiting
 * @return as af_await(); -ETIMEDOUT also if the wait ran out (test with
 *         af_future_is_done()); -EINVAL also for a timeout that makes no sense
 */
int af_await_for(struct af_future *f, const struct timeval *timeout);

/** Takes one more reference. @return f. NULL is fine. */
struct af_future *af_future_ref(struct af_future *f);

/** Drops a reference. NULL is fine. Never cancels. */
void af_future_unref(struct af_future *f);

/** Whether the future is done. */
bool af_future_is_done(const struct af_future *f);

/**
 * How it went.
 *
 * @return 0 for success, a negative errno for failure, -EINPROGRESS while the
 *         future is pending, -EINVAL for NULL
 */
int af_future_error(const struct af_future *f);

/** AFIO_EOF, AFIO_TIMEDOUT and AFIO_TRUNCATED, or'ed; 0 while pending. */
unsigned af_future_flags(const struct af_future *f);

/**
 * The bytes that a read read.
 *
 * @param ret_len if not NULL, set to how many there are
 * @return the bytes, followed by a NUL that does not count; valid as long as
 *         the future. NULL, with ret_len untouched, if this is not a read that
 *         succeeded.
 */
const char *af_future_data(const struct af_future *f, size_t *ret_len);

/**
 * The same bytes as an evbuffer, without a copy (small results are copied).
 * Move them on with evbuffer_add_buffer() and they outlive the future.
 *
 * Of af_file_write_buffer(), what was not written.
 *
 * @return an evbuffer that belongs to the future, empty where nothing was read;
 *         NULL where af_future_data() is NULL, or memory ran out
 */
struct evbuffer *af_future_buffer(struct af_future *f);

/**
 * How many bytes were read or written. For a write this also holds when it
 * failed: the kernel took so many and no more.
 */
size_t af_future_count(const struct af_future *f);

/**
 * The wait status of a process, as waitpid(2) gives it: see WIFEXITED and its
 * friends. Of a pipe, that of the stage that speaks for it: see af_pipe_wait().
 * -1 if there is none.
 */
int af_future_status(const struct af_future *f);

/**
 * What af_pipe_communicate() collected; also after a timeout or a cancel.
 * NULL for any other future and while it is pending. Valid as long as the
 * future.
 */
const struct af_output *af_future_output(const struct af_future *f);

/**
 * Cancels what a future stands for: it fails with -ECANCELED. In a chain the
 * operation at its root is cancelled, and the chain's continuations are told.
 * What had been read so far stays in the file; what had been written is in the
 * count. No effect on a future that is done.
 */
void af_future_cancel(struct af_future *f);

/**
 * What comes after a future.
 *
 * @param done the future that is done, borrowed for the length of the call;
 *             take a reference to keep it
 * @return a future, whose reference passes to the library and whose outcome
 *         becomes the chain's; or NULL for "the same outcome as done"
 */
typedef struct af_future *(*af_continuation_fn)(struct af_future *done,
						void *arg);

/** What ends a chain. The future is borrowed for the length of the call. */
typedef void (*af_done_fn)(struct af_future *done, void *arg);

/**
 * Calls fn after success; failure passes by.
 *
 * @param f consumed
 * @return a new future, the caller's, for the outcome of the whole: of what fn
 *         returns, or of f where fn is not called
 */
struct af_future *af_then(struct af_future *f, af_continuation_fn fn,
			  void *arg);

/** As af_then(), but fn is called after failure, and success passes by. */
struct af_future *af_catch(struct af_future *f, af_continuation_fn fn,
			   void *arg);

/** As af_then(), but fn is called after success and after failure. */
struct af_future *af_finally(struct af_future *f, af_continuation_fn fn,
			     void *arg);

/** Calls fn after success or failure; the end of a chain. Consumes f. */
void af_on_done(struct af_future *f, af_done_fn fn, void *arg);

/**
 * Waits for all: success when all have succeeded, or the first failure, with
 * the others going on.
 *
 * @param futures n of them, of this loop; all are consumed, the array is not
 * @param n       0: success at once
 * @return a new future; see af_future_part(). Cancelling it cancels all.
 *         -EINVAL for a NULL among them or one of another loop
 */
struct af_future *af_all(struct af_loop *loop, struct af_future **futures,
			 size_t n);

/**
 * Waits for the first to be done, success or failure: its outcome and its
 * result are the whole's. The others are cancelled.
 *
 * @param futures n of them, of this loop; all are consumed, the array is not
 * @param n       at least 1
 * @return as af_all()
 */
struct af_future *af_any(struct af_loop *loop, struct af_future **futures,
			 size_t n);

/**
 * One of the futures that an af_all() or af_any() was made of, whatever the
 * whole has come to.
 *
 * @return the i-th, borrowed; it lives as long as the whole does. NULL if
 *         there is no such one
 */
struct af_future *af_future_part(const struct af_future *f, size_t i);

/**
 * Bounds a future: when the timeout runs out first, the outcome is -ETIMEDOUT,
 * and f is cancelled. Otherwise it is f's. Where an operation takes a timeout of
 * its own that tells more: what was read, or how much was written until then.
 *
 * @param f       consumed
 * @param timeout NULL: f itself is returned
 */
struct af_future *af_with_timeout(struct af_future *f,
				  const struct timeval *timeout);

/**
 * A future that succeeds after some time; zero: it is done already, so that to
 * wait for it lets nobody else have a turn. Those of the same time end in any
 * order. Cancel it to be done earlier. -EINVAL for NULL or a time that makes no
 * sense.
 */
struct af_future *af_sleep(struct af_loop *loop, const struct timeval *time);

/**
 * Called when a future of af_future_new() is cancelled, once at most, before it
 * fails with -ECANCELED: to stop whatever would have resolved it. It may end
 * the future itself, too.
 */
typedef void (*af_cancel_fn)(struct af_future *f, void *arg);

/**
 * Makes a future that the program ends itself, by af_future_resolve() or
 * af_future_fail(). Until then it is pending, and alive also when nobody holds
 * a reference. To end it from another thread, use af_loop_post().
 *
 * @param cancel NULL: nothing to be done
 * @return a future, the caller's; a failed one (-EINVAL, -ECANCELED, -ENOMEM)
 *         where none can be made
 */
struct af_future *af_future_new(struct af_loop *loop, af_cancel_fn cancel,
				void *arg);

/**
 * Ends a future with success.
 *
 * @param value      what af_future_value() will be
 * @param free_value called with it when the future goes; NULL: nothing to do
 * @return 0; -EALREADY if it is done; -EINVAL if it is not of af_future_new().
 *         value stays the caller's then.
 */
int af_future_resolve(struct af_future *f, void *value,
		      void (*free_value)(void *));

/**
 * Ends a future with failure.
 *
 * @param error a negative errno, but for -EINPROGRESS
 * @return 0, -EALREADY or -EINVAL, as af_future_resolve()
 */
int af_future_fail(struct af_future *f, int error);

/** What af_future_resolve() was given, also through a chain; else NULL. */
void *af_future_value(const struct af_future *f);

#ifdef __cplusplus
}
#endif

#endif
