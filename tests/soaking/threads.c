/* SPDX-License-Identifier: BSD-3-Clause */
/* Work on other threads, posts from four of them, and forks of the program. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "soaking/loads.h"
#include "support/pattern.h"
#include "support/system.h"

#define POSTERS 4

struct work {
	struct task task;
	uint32_t *number; /* belongs to the thread from its call on */
	uint32_t expected;
};

static void work_end(struct task *task)
{
	free(task);
}

static uint32_t work_mix(uint32_t n)
{
	for (int i = 0; i < 20000; i++)
		n = n * 1664525 + 1013904223;
	return n;
}

static void *work_do(void *arg)
{
	uint32_t *number = arg;

	*number = work_mix(*number);
	return number;
}

static void work_done(struct af_future *done, void *arg)
{
	struct work *work = arg;
	uint32_t *value = af_future_value(done);

	if (af_future_count(done) == 0)
		free(work->number);
	else if (value && *value != work->expected)
		soak_fail("work: another value");
}

void load_work(void)
{
	struct work *work = soak_alloc(sizeof *work);

	task_begin(&work->task, "work", work_end);
	work->number = soak_alloc(sizeof *work->number);
	*work->number = pick(1u << 30);
	work->expected = work_mix(*work->number);
	op_watch(&work->task, "af_work",
		 af_work(soak.loop, work_do, work->number, free), 0, work_done,
		 work);
	task_drop(&work->task);
}

static struct {
	pthread_t threads[POSTERS];
	struct af_post_handle *handle;
	atomic_bool is_quiet, is_over;
	atomic_uint_fast64_t posted;
	uint64_t ran;
	uint64_t next[POSTERS]; /* the number that each has to post next */
} posts;

struct post {
	unsigned thread;
	uint64_t number;
};

static void post_run(void *arg)
{
	struct post *post = arg;

	if (posts.next[post->thread] != post->number)
		soak_fail("posts: %llu of thread %u came for %llu",
			  (unsigned long long)post->number, post->thread,
			  (unsigned long long)posts.next[post->thread]);
	posts.next[post->thread]++;
	posts.ran++;
	tally.posts++;
	free(post);
}

static void *post_thread(void *arg)
{
	unsigned thread = (unsigned)(uintptr_t)arg;
	uint64_t number = 0;
	struct timespec pause = { 0, 1000000 + thread * 300000 };

	while (!atomic_load(&posts.is_over)) {
		for (unsigned n = 0; n < 1 + (number + thread) % 5; n++) {
			struct post *post;

			if (atomic_load(&posts.is_quiet))
				break;
			post = soak_alloc(sizeof *post);
			*post = (struct post){ thread, number++ };
			atomic_fetch_add(&posts.posted, 1);
			if (af_post_handle_post(posts.handle, post_run, post))
				soak_fail("posts: not taken");
		}
		nanosleep(&pause, NULL);
	}
	return NULL;
}

void posts_open(void)
{
	memset(&posts, 0, sizeof posts);
	posts.handle = af_post_handle_new(soak.loop);
	for (uintptr_t i = 0; i < POSTERS; i++)
		if (!posts.handle || pthread_create(&posts.threads[i], NULL,
						    post_thread, (void *)i))
			soak_fail("posts: no thread");
}

bool posts_are_quiet(void)
{
	atomic_store(&posts.is_quiet, !soak.is_loading);
	return atomic_load(&posts.posted) == posts.ran;
}

void posts_close(void)
{
	atomic_store(&posts.is_over, true);
	for (int i = 0; i < POSTERS; i++)
		pthread_join(posts.threads[i], NULL);
	af_post_handle_unref(posts.handle);
}

struct fork {
	struct task task;
	struct af_process *process;
	struct af_future *pending; /* of the parent, which the child sees */
};

static void fork_end(struct task *task)
{
	struct fork *forked = (struct fork *)task;

	af_process_free(forked->process);
	free(forked);
}

/* The child's life: a loop of its own; perhaps on the base of its parent. */
static int fork_live(struct fork *forked, bool with_base)
{
	static const struct timeval soon = { 0, 1000 };
	struct af_future *f;
	struct af_loop *loop;

	if (with_base && event_reinit(soak.base) < 0)
		return 10;
	if (af_await(forked->pending) != -EBADF)
		return 11;
	if (af_loop_run(soak.loop) == 0)
		return 12;
	loop = af_loop_new(with_base ? soak.base : NULL);
	if (!loop)
		return 13;
	f = af_sleep(loop, &soon);
	if (af_await(f) != 0)
		return 14;
	af_future_unref(f);
	af_loop_free(loop);
	return 0;
}

static _Noreturn void fork_child(struct fork *forked, bool with_base)
{
	struct rlimit limit;

	soak.is_child = true;
	signal(SIGALRM, SIG_DFL);
	alarm(60);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	_exit(fork_live(forked, with_base));
}

static void fork_ended(struct af_future *done, void *arg)
{
	struct fork *forked = arg;
	int status = af_future_status(done);

	if (af_future_error(done) < 0)
		op_watch(&forked->task, "wait",
			 af_process_wait(forked->process, deadline()), 0,
			 fork_ended, forked);
	else if (status != 0)
		soak_fail("fork: the child's status is %#x", (unsigned)status);
}

static void fork_now(struct af_future *done, void *arg)
{
	static const struct timeval later = { 0, 20000 };
	struct fork *forked = arg;
	bool with_base = soak.foreign == 0 && chance(2);
	pid_t pid;

	(void)done;
	forked->pending = af_sleep(soak.loop, &later);
	pid = fork();
	if (pid < 0)
		soak_fail("fork: %s", strerror(errno));
	if (pid == 0)
		fork_child(forked, with_base);
	tally.forks++;
	af_future_cancel(forked->pending);
	af_future_unref(forked->pending);
	forked->process = af_process_adopt(soak.loop, pid, -1, -1, -1);
	if (forked->process) {
		op_watch(&forked->task, "wait",
			 af_process_wait(forked->process, NULL), 0, fork_ended,
			 forked);
	} else {
		op_lacked("af_process_adopt", errno);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

void load_fork(void)
{
	static const struct timeval soon = { 0, 1000 };
	struct fork *forked = soak_alloc(sizeof *forked);

	task_begin(&forked->task, "fork", fork_end);
	op_watch(&forked->task, "sleep", af_sleep(soak.loop, &soon), 0,
		 fork_now, forked);
	task_drop(&forked->task);
}
