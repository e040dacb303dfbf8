/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/loop.h
 *
 * The loop: a libevent base, the operations that wait on it, and the queue of
 * continuations that are ready to run.
 *
 * There are two ways to drive a loop. Either af_loop_run() and af_await() run
 * the base one turn at a time, and the continuations between two turns. Or the
 * program runs its own base, with event_base_dispatch(), and an event of the
 * loop runs the continuations. The only other difference is what runs during an
 * af_await(); see there.
 *
 * **Threads.** A loop belongs to the thread that made it. Only af_loop_post(),
 * and the functions on a post handle except af_post_handle_new(), may be
 * called from another thread. Every other function that takes a loop, or
 * something made with a loop, must be called from the loop's own thread. If
 * called from another one, functions that can detect it at no cost fail with
 * -EPERM and change nothing.
 */
#ifndef ASYNCFILE_LOOP_H
#define ASYNCFILE_LOOP_H

#include <stdio.h>

#include <asyncfile/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct af_loop;
struct af_post_handle;

/** How deep af_await() may nest by default; see af_loop_set_max_depth(). */
#define AFIO_DEFAULT_DEPTH 64

/** How many workers a loop may have by default; see af_loop_set_workers(). */
#define AFIO_DEFAULT_WORKERS 4

/** How many threads af_work() may have; see af_loop_set_work_threads(). */
#define AFIO_DEFAULT_WORK_THREADS 4

/** Older names of AFIO_DEFAULT_DEPTH and AFIO_DEFAULT_WORKERS. */
#define AFIO_MAX_DEPTH AFIO_DEFAULT_DEPTH
#define AFIO_MAX_WORKERS AFIO_DEFAULT_WORKERS

/** A function for af_loop_post() and af_post_handle_post(). */
typedef void (*af_post_fn)(void *arg);

/**
 * Makes a loop, which belongs to the calling thread.
 *
 * @param base an event base of the program, which must outlive the loop; or
 *             NULL, and the loop makes a base of its own
 * @return the loop, which the caller must free with af_loop_free(); or NULL
 *         with errno ENOMEM, EMFILE or ENFILE
 *
 * Several threads may each have a loop. One base may have several loops, as
 * long as no wait for one of them is inside a wait for another.
 *
 * If descriptor 0, 1 or 2 is closed, a descriptor of the base or of the loop
 * gets its number. Open /dev/null on it first.
 *
 * After fork(2), the child must not use its parent's loop, nor anything made
 * with it, but to close and free it. The two processes share one epoll(7)
 * instance, and the child would consume the parent's events. To close and free
 * in the child, files first, only closes the child's descriptors: nothing is
 * sent, moved, removed or killed, no continuation runs, and the parent's
 * operations go on. It calls event_reinit() for the base. The child can make a
 * loop of its own. Call daemon(3) before making a loop. A child that was
 * forked in a continuation may continue to use the parent's base, after
 * event_reinit(): no continuation, sleep, wait or post of the parent's loop
 * runs in it, af_loop_run() and af_await() calls on its stack end with -EBADF,
 * and an af_loop_free() call on its stack leaves everything to the parent. This
 * is not allowed while an operation is pending on a file that
 * af_file_from_bufferevent() made with the loop.
 *
 * The loop runs continuations for about a millisecond at a time and then polls
 * the base, so the program's own events are served however much is ready. It
 * cannot interrupt a callback that takes longer.
 */
AFIO_MUST_USE
struct af_loop *af_loop_new(struct event_base *base);

/**
 * Frees a loop. NULL is fine.
 *
 * Every pending operation fails with -ECANCELED, and every continuation runs,
 * before this returns. Operations started by those continuations fail with
 * -ECANCELED at once.
 *
 * The caller must still close or free the files, processes and pipelines made
 * with the loop, and drop the references to futures; any other operation on
 * them fails with -ECANCELED. Running children go on, and are no longer reaped.
 *
 * A base that the loop made is freed as well. A program that runs such a base
 * itself must therefore not call this from one of its callbacks. The program's
 * own base stays as it is.
 */
void af_loop_free(struct af_loop *loop);

/**
 * Returns the loop's event base: the one given to af_loop_new(), or the loop's
 * own. Ownership does not change. The program may add any events to it.
 *
 * @return the base; NULL for NULL and for a loop that is being freed
 */
struct event_base *af_loop_base(struct af_loop *loop);

/**
 * Runs the base, and the continuations of futures that are done. Returns after
 * af_loop_stop(), or after event_base_loopexit() or event_base_loopbreak() on
 * the base; or when nothing is left to happen: no operation is pending, no
 * continuation is ready and the base has no event.
 *
 * @return 0, or:
 *         -EINVAL    loop is NULL
 *         -EBUSY     called from a callback or a continuation of this loop; use
 *                    af_await() there
 *         -ECANCELED the loop is being freed
 *         -EPERM     another thread's loop
 *         -EBADF     called in a child of fork(2): the loop is its parent's
 *         -EIO       libevent could not poll; or the base is already running,
 *                    where the loop cannot detect it: if the base was made with
 *                    EVENT_BASE_FLAG_NO_CACHE_TIME, or in a callback while a
 *                    continuation runs the base with event_base_loop()
 */
int af_loop_run(struct af_loop *loop);

/**
 * Makes af_loop_run() return before it waits again. It does not cut short an
 * af_await() nested in that run: the run returns after that wait. Nothing is
 * cancelled: another af_loop_run() continues where this one left off. If no run
 * is under way, this has no effect.
 */
void af_loop_stop(struct af_loop *loop);

/**
 * Calls fn(arg) from the loop, in the loop's thread, in the same way as a
 * continuation. Any thread may call this. The loop must not have been freed; a
 * thread that cannot be sure of that must use a handle, see
 * af_post_handle_new(). A signal handler must not call this, because it takes a
 * lock and allocates memory: use libevent's evsignal_new() on af_loop_base()
 * instead.
 *
 * The posts of one thread run in the order in which they were made. Posts that
 * are made before af_loop_free() still run, after the pending operations have
 * been cancelled.
 *
 * af_loop_run() and af_await() run every post. So does the program's own
 * event_base_dispatch() while it runs; but it returns when the base has no
 * event, even if another thread is going to post, and that post runs only when
 * the base is next run. In a program with threads, af_loop_run() and af_await()
 * wait for posts while any future is pending.
 *
 * @return 0; -EINVAL if loop or fn is NULL; -ENOMEM
 */
int af_loop_post(struct af_loop *loop, af_post_fn fn, void *arg);

/**
 * Makes a handle with which other threads can post to a loop. It stays valid
 * after the loop was freed. Call this in the loop's thread, and give each
 * thread a reference. Several calls for one loop may return the same handle.
 *
 * @return a reference, which the caller must drop with af_post_handle_unref();
 *         or NULL with errno EINVAL if loop is NULL, ECANCELED if it is being
 *         freed, EPERM if it is another thread's, or ENOMEM
 */
AFIO_MUST_USE
struct af_post_handle *af_post_handle_new(struct af_loop *loop);

/**
 * Like af_loop_post(), on the handle's loop. Any thread may call this at any
 * time, even while the loop is being freed and after that.
 *
 * | happens                                | outcome                          |
 * |----------------------------------------|----------------------------------|
 * | af_loop_free() has not been called     | 0; fn runs, at the latest before
 *                                            af_loop_free() returns           |
 * | it has been called, whichever thread
 *   calls this                             | -ECANCELED; fn never runs, and
 *                                            arg remains the caller's         |
 *
 * @return 0; -ECANCELED; -EINVAL if handle or fn is NULL; -ENOMEM. If it is not
 *         0, fn never runs.
 */
int af_post_handle_post(struct af_post_handle *handle, af_post_fn fn,
			void *arg);

/**
 * Takes one more reference, in any thread, even after the loop was freed.
 * Returns handle. NULL is fine.
 */
struct af_post_handle *af_post_handle_ref(struct af_post_handle *handle);

/**
 * Drops a reference, in any thread, even after the loop was freed. Posts that
 * were made before still run. NULL is fine.
 */
void af_post_handle_unref(struct af_post_handle *handle);

/**
 * Sets how deep af_await() may nest before it fails with -ELOOP. Each level
 * keeps the stack of its callers, usually a few kilobytes.
 *
 * @param depth at least 1; initially AFIO_DEFAULT_DEPTH
 * @return 0; -EINVAL if loop is NULL or depth is 0; -EPERM
 */
int af_loop_set_max_depth(struct af_loop *loop, unsigned depth);

/** Returns how deep af_await() may nest; 0 for NULL. */
unsigned af_loop_max_depth(const struct af_loop *loop);

/**
 * Sets how many worker threads the loop may have. Workers make the calls that
 * may block on a disk. A worker starts when it is needed and ends after a short
 * time without work. It has all signals blocked and never runs code of the
 * program. af_loop_free() does not wait for a worker that hangs in a dead file
 * system; that thread ends when its system call returns.
 *
 * @param max_threads initially AFIO_DEFAULT_WORKERS. With 0, or when no thread
 *                    can be started, the loop's own thread waits for the disk.
 *                    If more workers are running than this, the surplus ones
 *                    end after their present jobs.
 * @return 0; -EINVAL if loop is NULL; -EPERM
 */
int af_loop_set_workers(struct af_loop *loop, unsigned max_threads);

/** Returns how many workers the loop may have; 0 for NULL. */
unsigned af_loop_workers(const struct af_loop *loop);

/**
 * Sets how many threads may run functions for af_work() at the same time. Calls
 * beyond that wait in a queue, in order. These threads are not the workers of
 * af_loop_set_workers(), so on-disk files are served even while all of these
 * hang. Like workers, they start when needed, end when idle, may outlive the
 * loop if they hang, and have all signals blocked.
 *
 * @param max_threads at least 1; initially AFIO_DEFAULT_WORK_THREADS. If more
 *                    are running than this, the surplus ones end after their
 *                    present calls. A higher limit takes effect at once.
 * @return 0; -EINVAL if loop is NULL or max_threads is 0; -EPERM
 */
int af_loop_set_work_threads(struct af_loop *loop, unsigned max_threads);

/** Returns how many threads af_work() may have; 0 for NULL. */
unsigned af_loop_work_threads(const struct af_loop *loop);

/**
 * Sets the initial limit of files that are made on this loop from now on, see
 * af_file_set_limit(): how many bytes an operation without a size of its own
 * may gather. Existing files keep their limits. The streams of children have
 * this limit, too, so af_pipe_communicate() and af_run() without a max_output
 * keep no more than that of each stream.
 *
 * @param bytes the limit; 0: none, which is the default
 * @return 0; -EINVAL if loop is NULL or bytes is SIZE_MAX; -EPERM
 */
int af_loop_set_file_limit(struct af_loop *loop, size_t bytes);

/** Returns the initial limit of files; 0 if there is none, and for NULL. */
size_t af_loop_file_limit(const struct af_loop *loop);

/**
 * Prints what is pending, for debugging: a line for each operation, with its
 * descriptor or process and how long it has been waiting; below it, what waits
 * for it; then the waits on the stack, the innermost first. The format may
 * change.
 *
 * @return 0; -EINVAL if loop or out is NULL, or the loop is being freed;
 *         -EPERM;
 *         -EIO if writing failed
 */
int af_loop_dump(struct af_loop *loop, FILE *out);

#ifdef __cplusplus
}
#endif

#endif
