/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Work on other threads, and waits for a descriptor: the instructions, and
 * their model.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "model/world.h"
#include "support/system.h"

/* What a thread uses. It may outlive the future, but not the world. */
struct job {
	atomic_uint calls, frees;
	unsigned turns;
};

static void *work(void *arg)
{
	struct job *job = arg;

	atomic_fetch_add(&job->calls, 1);
	for (unsigned i = 0; i < job->turns; i++)
		sched_yield();
	return job;
}

static void free_value(void *value)
{
	struct job *job = value;

	atomic_fetch_add(&job->frees, 1);
}

bool act_work(const uint32_t *arg)
{
	struct node *node = world_node(WORK);

	node->job = calloc(1, sizeof *node->job);
	must(node->job, node);
	node->job->turns = arg[0] * arg[0];
	world_start(node, af_work(world.loop, work, node->job, free_value));
	return true;
}

void work_end(const struct node *node, struct af_future *done)
{
	if (node->error == 0) {
		must(node->count == 1 && af_future_value(done) == node->job,
		     node);
		must(atomic_load(&node->job->calls) == 1, node);
		must(atomic_load(&node->job->frees) == 0, node);
	} else {
		must(node->count <= 1 && !af_future_value(done), node);
	}
}

/* All futures and the loop are gone: it was called and freed once, or never. */
void work_free(struct node *node)
{
	struct job *job = node->job;

	while (node->count == 1 && atomic_load(&job->frees) == 0)
		sched_yield();
	must(atomic_load(&job->calls) == node->count, node);
	must(atomic_load(&job->frees) == node->count, node);
	free(job);
}

/* A pipe that no file has: [0] reads. */
static int fds[2] = { -1, -1 };
static bool ready;	    /* there are bytes in it */
static unsigned long kicks; /* how often it became ready */

static void open_fds(void)
{
	if (fds[0] >= 0)
		return;
	must(cloexec_pipe(fds) == 0, NULL);
	for (int i = 0; i < 2; i++)
		must(fcntl(fds[i], F_SETFL, O_NONBLOCK) == 0, NULL);
}

void wait_close(void)
{
	for (int i = 0; i < 2 && fds[i] >= 0; i++) {
		must(close(fds[i]) == 0, NULL);
		fds[i] = -1;
	}
	ready = false;
}

bool act_wait(const uint32_t *arg)
{
	const struct timeval *time = act_time(arg[1]);
	struct node *node = world_node(WAIT);
	bool writes = arg[0];

	open_fds();
	node->timed = time;
	node->ready = writes || ready;
	node->when = kicks;
	world_start(node, af_wait_fd(world.loop, fds[writes],
				     writes ? EV_WRITE : EV_READ, time));
	return true;
}

void wait_end(const struct node *node)
{
	if (node->error == 0)
		must(node->ready || node->when < kicks, node);
	else
		must(!node->ready || node->error != -ETIMEDOUT, node);
}

bool act_kick(const uint32_t *arg)
{
	char buf[64];

	open_fds();
	if (arg[0]) {
		while (read(fds[0], buf, sizeof buf) > 0)
			;
		ready = false;
	} else if (!ready) {
		must(write(fds[1], "x", 1) == 1, NULL);
		ready = true;
		kicks++;
	}
	return true;
}
