/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Acts: short programs that together use almost every operation, for tests that make
 * something fail while one is played. Each says what must hold whatever fails,
 * and an error must be excused by what the test made fail.
 */
#ifndef TESTS_ACTS_H
#define TESTS_ACTS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <event2/event.h>

#include "support/harness.h"

/* More than a pipe holds, and than one chunk of the library. */
#define BULK 300000

/*
 * The test program defines these: whether something failed that may show,
 * whether that may lead to this error, and whether something may fail now.
 */
bool disturbed(void);
bool excused(int error);
void disturb(bool on);

struct scene {
	struct event_base *base; /* the program's */
	struct af_loop *loop;
	struct af_file *in, *out;
	int source, sink; /* the other ends of in and of out */
	unsigned told, to_tell;
	struct af_future *gift; /* to be resolved by a post */
	unsigned values, freed; /* given to makers, and taken back */
	int follows;		/* an error that a failure may lead to */
	int naps;		/* that are still to be made */
	char got[200];		/* what was read, all together */
	size_t n_got;
};

typedef void (*act_fn)(struct scene *s);

struct act {
	const char *name;
	act_fn act;
	bool own_base; /* the loop makes it */
};

/* All of them, until one without a name. */
extern const struct act acts[];
int acts_count(void);

/*
 * Threads that never end, once an act has needed one. Each has one block of
 * memory.
 */
int acts_keepers(void);

/*
 * Keeps the descriptor free that an act passes as a service manager does, before
 * Check has one of its own there.
 */
void acts_prepare(void);

/* Remembers which threads there are before the first act. */
void acts_begin(void);

/*
 * Plays one on a loop of its own. Then all have been told, and nothing of the
 * loop is left, not even a thread.
 */
void acts_play(const struct act *act);

/* What a constructor made; nothing only for an error that is excused. */
void *made(void *object);

/* An empty file of which each read and write is a job; or as made(). */
struct af_file *direct_file(struct scene *s);

/* Counts f's end in *arg, which is an unsigned. */
void tell(struct af_future *done, void *arg);

/* To be told of f's end before the loop is gone; takes the reference. */
void watch_end(struct scene *s, struct af_future *f);

/* Waits for f, which ends with error or one that is excused; drops it. */
int end(struct scene *s, struct af_future *f, int error);

/* Waits for a write, and counts what it says that it wrote. */
void end_write(struct scene *s, struct af_future *f, size_t *total);

/* All that was written, and nothing else, has arrived at the sink. */
void expect_sunk(struct scene *s, size_t total);

/* Waits until a process has ended, however often it takes. */
void expect_end(struct scene *s, struct af_process *process);

/* A sleep whose end is watched, and a continuation that sleeps. */
struct af_future *sleeping(struct scene *s, int ms);
struct af_future *then_sleep(struct af_future *done, void *arg);

void act_all_options(struct scene *s);
void act_attributes(struct scene *s);
void act_bounds(struct scene *s);
void act_bufferevent(struct scene *s);
void act_bulk(struct scene *s);
void act_callback(struct scene *s);
void act_capture(struct scene *s);
void act_cgroup(struct scene *s);
void act_chains(struct scene *s);
void act_choices(struct scene *s);
void act_communicate(struct scene *s);
void act_connect(struct scene *s);
void act_connect_again(struct scene *s);
void act_copy(struct scene *s);
void act_copy_away(struct scene *s);
void act_copy_both(struct scene *s);
void act_copy_disk(struct scene *s);
void act_crowded(struct scene *s);
void act_datagrams(struct scene *s);
void act_deferred(struct scene *s);
void act_disk(struct scene *s);
void act_disk_at(struct scene *s);
void act_dispatch(struct scene *s);
void act_disk_late(struct scene *s);
void act_dual_stack(struct scene *s);
void act_each(struct scene *s);
void act_each_async(struct scene *s);
void act_ends(struct scene *s);
void act_fifo(struct scene *s);
void act_file_maker(struct scene *s);
void act_follow(struct scene *s);
void act_follow_parts(struct scene *s);
void act_foreground(struct scene *s);
void act_front(struct scene *s);
void act_group(struct scene *s);
void act_groups(struct scene *s);
void act_identity(struct scene *s);
void act_inherited(struct scene *s);
void act_joined(struct scene *s);
void act_late_paths(struct scene *s);
void act_layer(struct scene *s);
void act_leave(struct scene *s);
void act_limits(struct scene *s);
void act_linger(struct scene *s);
void act_listen(struct scene *s);
void act_listen_one(struct scene *s);
void act_listen_path(struct scene *s);
void act_look(struct scene *s);
void act_loop(struct scene *s);
void act_makers(struct scene *s);
void act_map(struct scene *s);
void act_move(struct scene *s);
void act_open_async(struct scene *s);
void act_options(struct scene *s);
void act_orphan(struct scene *s);
void act_own_terminal(struct scene *s);
void act_packets(struct scene *s);
void act_over_socket(struct scene *s);
void act_pass(struct scene *s);
void act_pieces(struct scene *s);
void act_pass_messages(struct scene *s);
void act_pipe_ends(struct scene *s);
void act_pipe_new(struct scene *s);
void act_pipe_signals(struct scene *s);
void act_post_handle(struct scene *s);
void act_programs(struct scene *s);
void act_reads(struct scene *s);
void act_reaped(struct scene *s);
void act_records(struct scene *s);
void act_release(struct scene *s);
void act_resolve(struct scene *s);
void act_run(struct scene *s);
void act_send_to(struct scene *s);
void act_shields(struct scene *s);
void act_signals(struct scene *s);
void act_spawn(struct scene *s);
void act_spawn_async(struct scene *s);
void act_stages(struct scene *s);
void act_stages_async(struct scene *s);
void act_stop(struct scene *s);
void act_take(struct scene *s);
void act_terminal(struct scene *s);
void act_user(struct scene *s);
void act_wait_fd(struct scene *s);
void act_work(struct scene *s);
void act_writes(struct scene *s);

#endif
