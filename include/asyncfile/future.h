/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/future.h
 *
 * Futures: what every operation returns, how to wait for one, and how to set
 * what happens after it.
 *
 * A future is pending first, then done, and it stays done. A future that is
 * done has either succeeded (error 0) or failed (a negative errno).
 *
 * **Ownership.** The caller of an operation owns one reference to the future
 * that it returns. af_await() and the accessors borrow. af_then(), af_catch(),
 * af_finally(), af_on_done(), af_shield(), af_with_timeout() and the functions
 * for several futures consume the references that they are given, even when
 * they fail. So
 *
 *     af_on_done(af_then(af_file_read(file, 100, 0, NULL), parse, ctx),
 *                report, ctx);
 *
 * leaks nothing. Dropping the last reference to a pending operation does not
 * cancel it; af_future_cancel() does.
 *
 * **When continuations run.** A continuation never runs inside the call that
 * added it, nor inside the libevent callback that ends an operation. When a
 * future is done it is put on its loop's queue, and the loop runs its
 * continuations from there, in the order in which they were added. There is one
 * exception: if the future has no loop, or its loop was freed, there is no
 * queue to wait in, so a continuation runs at once, inside the call that adds
 * it. An example is the failed future of an operation on NULL.
 *
 * **Threads.** A future belongs to its loop's thread, see asyncfile/loop.h.
 * A function that detects a loop or a future of another thread fails with
 * -EPERM. This is the only failure in which it consumes no reference.
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

/** The stream has ended; no more bytes will come. */
#define AFIO_EOF 0x1u
/** The deadline passed; the result is what had been read or written by then. */
#define AFIO_TIMEDOUT 0x2u
/** The result was cut at its size limit. */
#define AFIO_TRUNCATED 0x4u
/** A read error comes after these bytes; the next read reports it. */
#define AFIO_ERROR 0x8u
/**
 * Descriptors came with these bytes and were closed, because nobody took them or
 * the process had no room: see asyncfile/passfd.h.
 */
#define AFIO_FDS_DROPPED 0x20u

/** An option of af_map(): go on after a failure. */
#define AFIO_SETTLE 0x10000u

/**
 * Waits until a future is done, and runs the loop meanwhile. Borrows the
 * future. It may be called anywhere:
 *
 * | called from                           | what runs meanwhile               |
 * |---------------------------------------|-----------------------------------|
 * | outside any loop, with the loop's own base | everything on the base       |
 * | a continuation, under af_loop_run() or af_await() | the same              |
 * | a libevent callback; or any place, when the program gave the base and
 *   af_loop_run() does not drive it       | every operation of this loop; the
 *                                           program's own events wait         |
 *
 * Waits nest, and an inner wait must end before an outer one can. A long wait
 * therefore delays the return of all waits below it on the stack, even of those
 * whose future is done. Where that matters, chain with af_then() instead.
 *
 * Awaiting a future that is done returns at once and runs nothing. The wait
 * holds a reference of its own, so all others may be dropped meanwhile. If the
 * future is cancelled, its file closed, or the loop freed, then the future is
 * done, and the wait returns its error. af_loop_stop() does not end a wait.
 *
 * @return 0 or the future's error; or, while the future is still pending:
 *         -EINVAL  f is NULL
 *         -EDEADLK nothing can end this wait: no pending operation can, or the
 *                  future depends on a continuation that is running now, with
 *                  this call inside it. (In a program with threads a post may
 *                  end it, so the wait goes on while any operation is pending.)
 *         -ELOOP   waits are nested too deep, see af_loop_set_max_depth()
 *         -EPERM   the loop belongs to another thread
 *         -EBADF   called in a child of fork(2): the loop is its parent's
 *         -ENOTSUP the wait must move the loop's operations off the program's
 *                  base, and one of them cannot leave it
 *         -EMFILE  -ENFILE  no descriptor for the wait's private base, which
 *                  the first wait in a libevent callback makes
 *         -ENOMEM  no memory for it
 *         -EIO     libevent could not poll, or the base is already running
 *                  where the loop cannot detect it, see af_loop_run()
 */
int af_await(struct af_future *f);

/**
 * Like af_await(), for a limited time. When the time runs out only the wait
 * ends; the operation goes on.
 *
 * @param timeout from now; NULL: no limit; zero: look once, without waiting
 * @return as af_await(); -ETIMEDOUT if the time ran out; -EINVAL for a timeout
 *         that is negative or not normalised. A future can itself fail with
 *         -ETIMEDOUT: check af_future_is_done()
 */
int af_await_for(struct af_future *f, const struct timeval *timeout);

/** Takes one more reference. Returns f. NULL is fine. */
struct af_future *af_future_ref(struct af_future *f);

/** Drops a reference. Never cancels. NULL is fine. */
void af_future_unref(struct af_future *f);

/** Returns whether the future is done. False for NULL. */
bool af_future_is_done(const struct af_future *f);

/**
 * Returns the outcome of an operation.
 *
 * @return 0 for success, a negative errno for failure, -EINPROGRESS while the
 *         future is pending, -EINVAL for NULL
 */
int af_future_error(const struct af_future *f);

/**
 * Returns AFIO_EOF, AFIO_TIMEDOUT, AFIO_TRUNCATED, AFIO_ERROR and
 * AFIO_FDS_DROPPED, or'ed. 0 while the future is pending, and for NULL.
 */
unsigned af_future_flags(const struct af_future *f);

/**
 * Returns the loop of a future, so that a continuation can start its next
 * operation without another way to the loop.
 *
 * @return the loop, borrowed; NULL for NULL, after the loop was freed, and for
 *         a failed future that has no loop, for example that of an operation on
 *         NULL, or one for which there was no memory
 */
struct af_loop *af_future_loop(const struct af_future *f);

/**
 * Returns the bytes that a read has read. Like all results below, they are also
 * available from a chain that passed the read's outcome on.
 *
 * @param ret_len if not NULL, set to their number
 * @return the bytes, followed by a NUL that is not counted, valid as long as
 *         the future. NULL, with *ret_len unchanged, if the future is not a
 *         read that has succeeded
 */
const char *af_future_data(const struct af_future *f, size_t *ret_len);

/**
 * Returns the same bytes as an evbuffer. Only small results are copied into it.
 * To keep them longer than the future, move them to another buffer with
 * evbuffer_add_buffer().
 *
 * For af_file_write_buffer() this returns the bytes that were not written.
 *
 * @return an evbuffer that belongs to the future, empty if nothing was read;
 *         NULL where af_future_data() returns NULL, or if memory ran out
 */
struct evbuffer *af_future_buffer(struct af_future *f);

/**
 * Returns how many bytes were read or written. For a write, this is the number
 * of bytes that the kernel took, even if the write failed. For af_work() it
 * is 1 if the function was called, see there. While a future is pending:
 *
 * | the future is of                         | how many so far               |
 * |------------------------------------------|-------------------------------|
 * | af_file_write(), af_file_write_buffer()  | bytes were written            |
 * | af_file_copy(), af_file_copy_both()      | bytes were written            |
 * | af_file_each_async(), af_file_each_line(),
 *   af_file_each_chunk(), af_file_follow()   | bytes the function got        |
 * | af_pipe_communicate(), af_run()          | bytes of the input were taken |
 * | af_map(), also when it is done           | futures have succeeded        |
 * | any other, such as a chain               | 0                             |
 */
size_t af_future_count(const struct af_future *f);

/**
 * Returns which of its texts an af_file_read_until_any() has found.
 *
 * @return the index of the text; -1 if there is none: the future is pending,
 *         has failed, has ended without finding a text (AFIO_EOF,
 *         AFIO_TRUNCATED, AFIO_TIMEDOUT, AFIO_ERROR), or is of another
 *         operation
 */
int af_future_match(const struct af_future *f);

/**
 * Returns the wait status of a process, as waitpid(2) gives it: see WIFEXITED()
 * and similar macros. For a pipeline, it is the status of the stage that
 * decides, see af_pipe_wait(). -1 if the future has no status.
 */
int af_future_status(const struct af_future *f);

/**
 * Returns what af_pipe_communicate() or af_run() has collected, even after a
 * timeout or a cancel. Valid as long as the future.
 *
 * @return NULL for any other future, and while the future is pending
 */
const struct af_output *af_future_output(const struct af_future *f);

/**
 * Cancels the operation that a future stands for: it fails with -ECANCELED. For
 * a chain this is the operation at its root, and the chain's continuations then
 * see -ECANCELED. Bytes read so far stay in the file; the bytes written so far
 * are in the count. No effect on NULL, or on a future that is done.
 *
 * A cancel does not undo what is done. If the operation at the root is done,
 * but its continuation has not run yet, the continuation still runs and sees
 * the operation's own outcome, with its bytes:
 *
 * | the continuation of a cancelled chain | outcome                           |
 * |---------------------------------------|-----------------------------------|
 * | returns NULL                          | as without the cancel: the chain
 *                                           may succeed                       |
 * | of af_then(), returns a future        | that future is cancelled          |
 * | of af_catch() or af_finally(), returns
 *   a future                              | that future is not cancelled      |
 * | of any of them, has run before the
 *   cancel; its future is pending         | that future is cancelled          |
 *
 * The same holds for the continuations after it, until one of the chain's
 * futures has failed with -ECANCELED. File operations that such a continuation
 * starts move no byte before it returns or awaits, so one that is cancelled
 * then leaves all bytes where they are. For clean-up that must go on, return an
 * af_shield() of its future.
 *
 * A group that is cancelled ends at once with -ECANCELED, and each of its parts
 * is cancelled. A part whose continuation is due still runs it, as above;
 * af_future_part() returns the part.
 */
void af_future_cancel(struct af_future *f);

/**
 * Drops the caller's reference and everything that was to follow f, so that the
 * object that the continuations' arg points to can be freed while an operation
 * goes on.
 *
 * It reaches the futures that af_future_cancel() would reach: f, those before
 * it in the chain, the operation at its root and, if that is a group or an
 * af_map(), each part and its chain, and so on; but nothing behind an
 * af_shield(). Everything that waits for one of these futures is removed from
 * it, whoever added it:
 *
 * | on one of these futures                  | afterwards                     |
 * |------------------------------------------|--------------------------------|
 * | a continuation, or an af_on_done()       | never runs, even if it was due;
 *                                              its arg is no longer used      |
 * | a continuation that is running           | finishes. If it returns a
 *                                              future, that goes on, and its
 *                                              outcome is dropped             |
 * | a chain, shield, group or map made of it | fails with -ECANCELED; other
 *                                              parts of a group or map go on  |
 * | the make function of a map               | is not called again            |
 * | an af_await() that is waiting for it     | returns -ECANCELED             |
 * | an operation, or a future of
 *   af_future_new()                          | goes on, and its result is
 *                                              dropped. It is not cancelled   |
 *
 * If such a chain, shield, group or map is not itself one of these futures, its
 * own continuations still run, and see -ECANCELED.
 *
 * A read that goes on takes bytes out of its file. To keep them there, cancel
 * it first and then forget it. Functions that an operation itself calls, such
 * as that of af_file_each_line() or the cancel function of af_future_new(), are
 * still called.
 *
 * @param f consumed; NULL is fine. If f is another thread's, nothing happens,
 *          and nothing is consumed
 */
void af_future_forget(struct af_future *f);

/**
 * A continuation: a function to call when a future is done.
 *
 * @param done the future that is done, borrowed during the call. To keep it
 *             longer, take a reference.
 * @return a future, whose reference passes to the library and whose outcome
 *         becomes the chain's; or NULL to pass on the outcome of done. done
 *         itself means the same as NULL: return it without taking a reference.
 *
 * It must return. Neither a C++ exception nor longjmp(3) may leave a function
 * that the library calls, this one or any other: the library and libevent are
 * C, and cannot clean up after it. If one does, the loop cannot be run, awaited
 * or freed any more. A C++ function should catch what it may throw, store it
 * (std::current_exception()) and return; if it is declared noexcept, an
 * exception that it does not catch ends the program at the place of the
 * mistake.
 */
typedef struct af_future *(*af_continuation_fn)(struct af_future *done,
						void *arg);

/** A callback at the end of a chain. done is borrowed during the call. */
typedef void (*af_done_fn)(struct af_future *done, void *arg);

/**
 * Calls fn(f, arg) after f has succeeded. A failure is passed on instead.
 *
 * @param f consumed
 * @return a new future, owned by the caller, with the outcome of the future
 *         that fn returns; or with f's outcome, if fn returns NULL or is not
 *         called. It fails with -EINVAL if fn is NULL, and with -EDEADLK if the
 *         future that fn returns depends on the new one, or is a group that has
 *         ended before it and has it as a part. The same is true of af_catch()
 *         and af_finally().
 */
AFIO_MUST_USE
struct af_future *af_then(struct af_future *f, af_continuation_fn fn,
			  void *arg);

/** Like af_then(), but calls fn after a failure, and passes a success on. */
AFIO_MUST_USE
struct af_future *af_catch(struct af_future *f, af_continuation_fn fn,
			   void *arg);

/** Like af_then(), but calls fn after a success and after a failure. */
AFIO_MUST_USE
struct af_future *af_finally(struct af_future *f, af_continuation_fn fn,
			     void *arg);

/**
 * Calls fn(f, arg) when f is done, after a success and after a failure.
 * Consumes f. If f is NULL or there is no memory, fn is called at once with a
 * future that has failed with -EINVAL or -ENOMEM. If fn is NULL, only the
 * reference is dropped.
 */
void af_on_done(struct af_future *f, af_done_fn fn, void *arg);

/**
 * Combines several futures, the parts, into one, the whole. When the whole is
 * done depends on the function. af_future_part() returns each part.
 *
 * | function         | succeeds                 | fails                       |
 * |------------------|--------------------------|-----------------------------|
 * | af_all()         | when all have succeeded  | with the first failure; the
 *                                                 others go on                |
 * | af_all_settled() | when all are done        | never                       |
 * | af_race()        | if the first part that
 *                      is done has succeeded;
 *                      the others are cancelled | if that part has failed; the
 *                                                 others are cancelled        |
 * | af_any()         | with the first success;
 *                      the others are cancelled | when all have failed, with
 *                                                 the last failure            |
 *
 * The result of af_race() and af_any(), such as the data of a read, is that of
 * the part that decided. Cancelling the whole cancels all parts.
 *
 * Parts that lost are done, too, with -ECANCELED. So the part that decided is
 * one whose af_future_error() is neither that nor -EINPROGRESS; after a success
 * of af_any(), one without an error. Parts that had ended by then, too, keep
 * their own outcomes.
 *
 * Where a part that lost is a chain whose continuation is due, or is waiting in
 * af_await(), that continuation still runs, or goes on, maybe after those of
 * the whole; until then the part is pending. So do not free what it uses in a
 * continuation of the whole, but in an af_on_done() of the part. If it is not
 * running, af_future_forget(af_future_ref(part)) removes it. Parts that are
 * plain operations or shields need none of this; but the function of an
 * af_work() goes on.
 *
 * @param loop    the loop of all parts
 * @param futures n references, all consumed. The array remains the caller's.
 * @param n       0: af_all() and af_all_settled() succeed at once; af_race()
 *                and af_any() fail with -EINVAL
 * @return a new future, owned by the caller. It fails at once with -EINVAL if
 *         loop or a part is NULL, or if a part is of another loop; with
 *         -ECANCELED if the loop is being freed; with -ENOMEM; and with -EPERM,
 *         consuming nothing, if loop is another thread's.
 */
AFIO_MUST_USE
struct af_future *af_all(struct af_loop *loop, struct af_future **futures,
			 size_t n);

/** Succeeds when all are done, whatever their outcomes: see af_all(). */
AFIO_MUST_USE
struct af_future *af_all_settled(struct af_loop *loop,
				 struct af_future **futures, size_t n);

/** Has the outcome of the first that is done: see af_all(). */
AFIO_MUST_USE
struct af_future *af_race(struct af_loop *loop, struct af_future **futures,
			  size_t n);

/** Has the outcome of the first success, or the last failure: see af_all(). */
AFIO_MUST_USE
struct af_future *af_any(struct af_loop *loop, struct af_future **futures,
			 size_t n);

/**
 * Returns one of the parts of an af_all(), af_all_settled(), af_race(),
 * af_any() or af_file_copy_both(), whether the whole is done or not.
 *
 * An af_with_timeout() has one part, the future that it limits. Once it is done,
 * a chain or an af_shield() has the parts of the af_all() or af_all_settled()
 * whose outcome it passed on; not those of a race, as its outcome is its
 * winner's.
 *
 * @return the i-th part, borrowed, valid as long as f; NULL if there is no such
 *         part, and for an af_map(), whose parts come and go
 */
AFIO_MUST_USE
struct af_future *af_future_part(const struct af_future *f, size_t i);

/**
 * A function that makes the next future of an af_map().
 *
 * @return a future, whose reference passes to the library; NULL: no more
 */
typedef struct af_future *(*af_make_fn)(void *arg);

/**
 * Calls make(arg) again and again, until it returns NULL, and keeps at most n
 * of the futures that it returns pending at a time. When one is done, make is
 * called for the next. The map itself has only an error, and a count, see
 * af_future_count(): let make return a chain that handles each result. The loop
 * calls make as it calls continuations: never inside af_map(), and never while
 * another call of it is running.
 *
 * | happens                              | the map                            |
 * |--------------------------------------|------------------------------------|
 * | make has returned NULL               | succeeds, when all are done        |
 * | one of the futures fails             | does not call make any more, and
 *                                          when all are done, fails with the
 *                                          first failure                      |
 * | the same, with AFIO_SETTLE           | goes on as after a success         |
 * | make returns a future of another
 *   loop                                 | as if it had failed with -EINVAL,
 *                                          whether or not AFIO_SETTLE is set  |
 * | make returns a future that depends
 *   on the map itself                    | likewise, with -EDEADLK            |
 * | memory runs out                      | likewise, with -ENOMEM; the last
 *                                          future is cancelled                |
 * | cancelled, or the loop is freed      | fails at once with -ECANCELED; the
 *                                          pending futures are cancelled, and
 *                                          so is one that make returns later  |
 *
 * The count is how many futures have succeeded, while the map is pending and
 * after any outcome. make may await other futures, cancel or forget the map,
 * and free the loop. An af_await() of the map itself inside make fails with
 * -EDEADLK.
 *
 * @param n     at least 1
 * @param flags 0 or AFIO_SETTLE
 * @return a new future, owned by the caller. It fails at once with -EINVAL if
 *         loop or make is NULL, n is 0 or flags has another bit; -EPERM for
 *         another thread's loop; -ECANCELED if the loop is being freed; or
 *         -ENOMEM
 */
AFIO_MUST_USE
struct af_future *af_map(struct af_loop *loop, af_make_fn make, void *arg,
			 size_t n, unsigned flags);

/**
 * Makes a future with f's outcome and result that can be cancelled without
 * cancelling f. Use it for a shared future, such as one that is done when the
 * program must shut down: pass each af_race() a shield of its own.
 *
 * | happens                                    | the shield                   |
 * |--------------------------------------------|------------------------------|
 * | f is done                                  | has its outcome and result   |
 * | the shield is cancelled: directly, through
 *   a chain, or as a part of a group           | fails with -ECANCELED, and
 *                                                lets go of f                 |
 * | the shield is cancelled after f is done,
 *   or what f is a shield of                   | keeps that outcome, see
 *                                                af_future_cancel()           |
 * | the shield is cancelled, and f is a chain
 *   whose continuation is due                  | fails with -ECANCELED, as f
 *                                                is pending; the continuation
 *                                                still runs                   |
 * | the shield has no reference and no
 *   continuation any more                      | lets go of f, and is freed   |
 *
 * A shield that lets go of f drops its reference to f at once, and no longer
 * waits for it. f is not cancelled.
 *
 * @param f consumed
 * @return a new future, owned by the caller. It fails with -EINVAL if f is
 *         NULL; -EPERM, consuming nothing, if f is another thread's; or -ENOMEM
 */
AFIO_MUST_USE
struct af_future *af_shield(struct af_future *f);

/**
 * Limits the time of a future. If the timeout passes before f is done, f is
 * cancelled and the outcome is -ETIMEDOUT. Otherwise the outcome is f's. If an
 * operation has a timeout parameter, prefer that: its outcome includes how much
 * was read or written by then.
 *
 * What arrived in time counts, even if the program was busy or stopped at the
 * deadline: ready descriptors are served once more before f is cancelled. If a
 * continuation of f is due at that time, see af_future_cancel(), it runs first,
 * and the outcome is f's, or -ETIMEDOUT if f fails with -ECANCELED.
 *
 * @param f       consumed
 * @param timeout from now; NULL: f itself is returned
 * @return a new future, owned by the caller. It fails with -EINVAL if f is NULL
 *         or the timeout is negative or not normalised; with -EPERM, consuming
 *         nothing, if f is another thread's; or with -ENOMEM, and f is cancelled
 */
AFIO_MUST_USE
struct af_future *af_with_timeout(struct af_future *f,
				  const struct timeval *timeout);

/**
 * Makes a future that succeeds after some time. A zero time gives a future that
 * is already done; awaiting it does not run the loop. Sleeps of equal length
 * may end in any order. To end one early, cancel it.
 *
 * @return a new future, owned by the caller. It fails with -EINVAL if loop or
 *         time is NULL, or time is negative or not normalised; with -EPERM for
 *         another thread's loop; or with -ECANCELED or -ENOMEM as for
 *         af_future_new()
 */
AFIO_MUST_USE
struct af_future *af_sleep(struct af_loop *loop, const struct timeval *time);

/**
 * Makes a future that succeeds when a descriptor is ready. Nothing is read or
 * written, and no flag of the descriptor or of its open file description is
 * changed, so this is for a descriptor that other code reads or writes, for
 * example another library.
 *
 * | happens                                     | outcome                     |
 * |---------------------------------------------|-----------------------------|
 * | fd is ready at the call, or becomes ready
 *   before the deadline                         | success                     |
 * | it has hung up, or has an error             | success, as with poll(2);
 *                                                 the next read(2) or write(2)
 *                                                 reports it                  |
 * | it is an on-disk file, a directory or
 *   another kind that poll(2) cannot wait for   | success, at once            |
 * | the deadline passes before it is ready      | -ETIMEDOUT                  |
 * | cancelled, or the loop was freed            | -ECANCELED                  |
 *
 * If other code uses the descriptor, too, it may no longer be ready when a
 * continuation runs. Any number of futures may wait for one descriptor, in both
 * directions, and the program may have libevent events on it; but none with
 * EV_ET, which libevent cannot mix with others on one descriptor. Do not wait
 * for the descriptor of an af_file: the file may have bytes buffered.
 *
 * **Cancel the future before closing fd.** A descriptor that is closed is never
 * ready, and a new one may get its number.
 *
 * @param fd      remains the caller's
 * @param what    libevent's EV_READ or EV_WRITE, not both
 * @param timeout from now; NULL: no limit; zero: fd is polled once, and the
 *                future is done
 * @return a new future, owned by the caller, which may be done already. It
 *         fails with -EBADF if fd is not open; -EINVAL if loop is NULL, `what`
 *         is not valid, or the timeout is negative or not normalised; or
 *         -ECANCELED, -EPERM or -ENOMEM as for af_future_new()
 */
AFIO_MUST_USE
struct af_future *af_wait_fd(struct af_loop *loop, int fd, short what,
			     const struct timeval *timeout);

/**
 * A callback that stops the work behind a future of af_future_new(). It is
 * called at most once: when the future is cancelled, before the future fails
 * with -ECANCELED. It may end the future itself, with another outcome.
 */
typedef void (*af_cancel_fn)(struct af_future *f, void *arg);

/** A callback that frees a value, see af_future_resolve(). */
typedef void (*af_free_fn)(void *value);

/**
 * Makes a future that the program itself ends, with af_future_resolve() or
 * af_future_fail(). Until then it is pending, and exists even if the program
 * has no reference to it. To end it from another thread, use af_loop_post().
 *
 * @param cancel may be NULL
 * @return a new future, owned by the caller; or one that has failed with
 *         -EINVAL if loop is NULL, -ECANCELED if it is being freed, -EPERM if
 *         it is another thread's, or -ENOMEM
 */
AFIO_MUST_USE
struct af_future *af_future_new(struct af_loop *loop, af_cancel_fn cancel,
				void *arg);

/**
 * Ends a future of af_future_new() with success.
 *
 * @param value      what af_future_value() will return
 * @param free_value called with value when the future is freed; may be NULL
 * @return 0; -EALREADY if the future is done; -EINVAL if it was not made by
 *         af_future_new(). On failure the value remains the caller's.
 */
int af_future_resolve(struct af_future *f, void *value, af_free_fn free_value);

/**
 * Ends a future of af_future_new() with failure.
 *
 * @param error a negative errno other than -EINPROGRESS
 * @return 0; -EALREADY if the future is done; -EINVAL if it was not made by
 *         af_future_new(), or if error is anything else
 */
int af_future_fail(struct af_future *f, int error);

/**
 * Like af_future_fail(), with a text for users that af_connect_error() returns:
 * what failed, and why.
 *
 * @param text copied; NULL: none. Without memory for it the future fails, too,
 *             and has no text
 * @return as from af_future_fail()
 */
int af_future_fail_text(struct af_future *f, int error, const char *text);

/**
 * Makes a future that has succeeded already, for a function that must return a
 * future and already has the result.
 *
 * @param value      what af_future_value() will return. It belongs to the
 *                   library from this call on, even if the call fails
 * @param free_value called with value when the future is freed, or at once if
 *                   the future cannot be made; may be NULL
 * @return a new future, owned by the caller; or one that has failed with
 *         -EINVAL if loop is NULL, -ECANCELED if it is being freed, -EPERM if
 *         it is another thread's, or -ENOMEM
 */
AFIO_MUST_USE
struct af_future *af_succeeded(struct af_loop *loop, void *value,
			       af_free_fn free_value);

/**
 * Makes a future that has failed already.
 *
 * @param error a negative errno other than -EINPROGRESS; for any other number
 *              the future has failed with -EINVAL
 * @return a new future, owned by the caller; if it cannot be made, one that has
 *         failed with an error of af_succeeded()
 */
AFIO_MUST_USE
struct af_future *af_failed(struct af_loop *loop, int error);

/**
 * Returns the value given to af_future_resolve() or af_succeeded(), or what the
 * function of af_work() returned, even through a chain. NULL if there is none.
 */
void *af_future_value(const struct af_future *f);

/**
 * A function for af_work(). It runs on a thread that is not the loop's, so it
 * may call no function of this library except those that any thread may call,
 * see asyncfile/loop.h. All signals are blocked there. It must return: it must
 * not end its thread, nor return in a child that it has made with fork(2).
 */
typedef void *(*af_work_fn)(void *arg);

/**
 * Calls fn(arg) on another thread. What fn returns is the future's value, see
 * af_future_value(). As many calls run at once as af_loop_set_work_threads()
 * allows; others wait for their turn, in order. Like any operation, a pending
 * call keeps af_loop_run() and af_await() going.
 *
 * | happens                    | outcome     | fn and its value             |
 * |----------------------------|-------------|------------------------------|
 * | fn has returned            | success     | the value is freed with the
 *                                              future, in the loop's thread   |
 * | cancelled before fn begins | -ECANCELED  | fn is never called           |
 * | cancelled after that       | -ECANCELED  | fn goes on; the value is freed
 *                                              in the loop's thread, once the
 *                                              loop runs or is freed after fn
 *                                              has returned                   |
 * | af_loop_free() while fn
 *   runs, cancelled or not     | -ECANCELED  | fn goes on, and is not waited
 *                                              for; the value is freed in fn's
 *                                              thread, when fn returns        |
 *
 * arg remains the caller's. It must stay valid until fn has returned, which may
 * be after the future was cancelled and after the loop was freed. Once the
 * future is done, af_future_count() is 0 if fn is never called, so that the
 * caller can free arg. Otherwise it is 1, and fn itself must free arg, or
 * return it as the value. To ask fn to return early, use an atomic variable in
 * what arg points to.
 *
 * After fork(2) the child has none of these threads and runs none of these
 * functions.
 *
 * @param free_value called once with what fn returned, even if that is NULL. It
 *                   may itself be NULL.
 * @return a new future, owned by the caller; or one that has failed, and fn is
 *         not called, with -EINVAL if loop or fn is NULL; -EAGAIN if no thread
 *         can be started; or -ECANCELED, -EPERM or -ENOMEM as for
 *         af_future_new()
 */
AFIO_MUST_USE
struct af_future *af_work(struct af_loop *loop, af_work_fn fn, void *arg,
			  af_free_fn free_value);

#ifdef __cplusplus
}
#endif

#endif
