/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/loop.h
 *
 * The loop: a libevent base together with the operations that wait on it and
 * the queue of continuations that are ready to run.
 *
 * There are two ways to drive one. af_loop_run() and af_await() turn the base
 * themselves and run continuations between two turns. Or the program runs its
 * own base, with event_base_dispatch(), and continuations run from one event
 * of the loop. Nothing else differs.
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

/** How deep af_await() may nest, unless set for a loop. */
#define AFIO_MAX_DEPTH 64

/** How many threads a loop may have for on-disk files, unless set for it. */
#define AFIO_MAX_WORKERS 4

/**
 * Makes a loop.
 *
 * @param base the program's event base, which must outlive the loop; or NULL,
 *             and the loop makes one and owns it
 * @return the loop, or NULL with errno ENOMEM, EMFILE or ENFILE
 *
 * It belongs to the thread that makes it: nothing that is made with it may be
 * used in another. Several loops in several threads are fine, and so are
 * several on one base, as long as no wait for one of them is inside a wait for
 * another.
 *
 * A child by fork(2) makes a loop of its own and leaves this one alone, with all
 * that is of it: no call, no close, no free. They share one epoll(7) instance,
 * and what the child takes out of it the parent waits for in vain. So daemon(3)
 * comes first. A child that goes on with the base, by event_reinit(3), leaves no
 * file of the loop with an operation pending on it.
 */
struct af_loop *af_loop_new(struct event_base *base);

/**
 * Frees a loop. NULL is fine.
 *
 * Every pending operation fails with -ECANCELED, and every continuation has
 * been told so, before this returns; operations those start fail with
 * -ECANCELED at once. Files, processes and pipes made with the loop are still
 * to be closed or freed by their owner, and futures to be unreferenced; any
 * further operation on them is -ECANCELED. Children that run go on running;
 * they are reaped no more.
 *
 * A base the loop made is freed, so a program that runs that base itself must
 * not do this from inside one of its callbacks; a borrowed one stays as it is.
 */
void af_loop_free(struct af_loop *loop);

/**
 * The loop's event base: the one given to af_loop_new(), or the loop's own.
 * Add whatever you like to it. NULL for NULL.
 */
struct event_base *af_loop_base(const struct af_loop *loop);

/**
 * Runs the base, and the continuations of futures that are done, until
 * af_loop_stop() is called or nothing is left that could happen: no operation
 * pending, no continuation ready, no event of the program on the base.
 * event_base_loopexit() and event_base_loopbreak() on the base end it, too.
 *
 * @return 0, or: -EINVAL loop is NULL; -EBUSY called from inside a callback or
 *         a continuation of this loop (use af_await() there); -EPERM another
 *         thread's loop; -EBADF the parent's loop, in a child by fork(2); -EIO
 *         libevent could not poll, or runs the base already and that was not
 *         to be seen: with EVENT_BASE_FLAG_NO_CACHE_TIME, or in a callback of a
 *         base that a continuation turns by hand
 */
int af_loop_run(struct af_loop *loop);

/**
 * Makes af_loop_run() return before it waits again; an af_await() under way
 * inside it ends first, in its own time. Nothing is cancelled: a later
 * af_loop_run() goes on where this one left. Without a run under way it has no
 * effect.
 */
void af_loop_stop(struct af_loop *loop);

/**
 * Calls fn(arg) from the loop, as continuations are called. The one function
 * that any thread may call; the loop must not have been freed. Posts of one
 * thread run in their order. What was posted before a loop is freed still runs,
 * after what was pending has been cancelled.
 *
 * af_loop_run() and af_await() run what was posted, whatever else there is; so
 * does the program's own dispatch of the base, but for posts of other threads
 * while the base has no event at all: then it returns at once, as it always
 * does. That somebody may yet post does not keep a base running; a future that
 * is pending keeps af_loop_run() and af_await() waiting for it in a program with
 * threads.
 *
 * @return 0, -EINVAL or -ENOMEM
 */
int af_loop_post(struct af_loop *loop, void (*fn)(void *), void *arg);

/**
 * Sets how deep af_await() may nest before it fails with -ELOOP. Each level
 * takes the stack of whatever called it, some kilobytes as a rule.
 *
 * @param depth at least 1; AFIO_MAX_DEPTH to begin with
 * @return 0 or -EINVAL
 */
int af_loop_set_max_depth(struct af_loop *loop, unsigned depth);

/**
 * Sets how many threads there may be for what would have to wait for a disk.
 * They are started when they are needed, end after some seconds without work,
 * have all signals blocked and run nothing of the program's. A loop that is
 * freed does not wait for one that hangs in a dead file system; it ends when
 * the kernel lets it go.
 *
 * @param max_threads AFIO_MAX_WORKERS to begin with. With 0 the loop waits for
 *                    the disk itself, as it also does when not one thread can
 *                    be started. Fewer than there are: the others end when they
 *                    have done what they are at.
 * @return 0 or -EINVAL
 */
int af_loop_set_workers(struct af_loop *loop, unsigned max_threads);

/**
 * Writes what is pending: a line for each operation, with its descriptor or
 * process and the time since it began, and below it who waits for it; then the
 * waits on the stack, the innermost first. For people to read; the format may
 * change.
 *
 * @return 0, -EINVAL for NULL, or -EIO if out could not be written
 */
int af_loop_dump(struct af_loop *loop, FILE *out);

#ifdef __cplusplus
}
#endif

#endif
