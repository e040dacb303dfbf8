/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs of operations, read from bytes: files, futures, chains, groups,
 * cancels, closes, nested waits, in any order. Checks what holds for all of
 * them: futures end once, with errors that can be; continuations run once; the
 * bytes of a stream stay in order; nothing is left.
 */
#include <errno.h>

#include "fuzz/programs.h"

#define MAX_FUTURES 16
#define MAX_NODES 256
#define MAX_ACTS 250
#define MAX_DEPTH 4

static const struct timeval at_once;

/* A continuation, or a callback at the end. */
struct node {
	unsigned calls;
	bool must_run;
};

struct af_loop *loop;
struct input *program;

static struct event_base *base;
static struct af_future *futures[MAX_FUTURES];
static struct node nodes[MAX_NODES];
static unsigned n_nodes, n_acts, depth, posts_sent, posts_run;
static bool freed, forgotten;

static void act(void);

void act_inside(void)
{
	if (depth >= MAX_DEPTH)
		return;
	depth++;
	act();
	depth--;
}

static struct af_future *pick(void)
{
	return futures[take_below(program, MAX_FUTURES)];
}

const struct timeval *pick_time(void)
{
	static const struct timeval soon = { .tv_usec = 300 };
	unsigned choice = take_below(program, 4);

	return choice == 0 ? &at_once : choice == 1 ? &soon : NULL;
}

static struct node *node_new(bool must_run)
{
	struct node *node = &nodes[n_nodes % MAX_NODES];

	must(n_nodes++ < MAX_NODES);
	node->must_run = must_run;
	return node;
}

static void check_error(const struct af_future *f)
{
	static const int allowed[] = {
		0,	 -ECANCELED, -ETIMEDOUT,  -EPIPE,
		-EINVAL, -EBUSY,     -EBADF,	  -EDEADLK,
		-EPROTO, -ENOTSUP,   -ECONNRESET, -EALREADY,
		-ENOENT, -ENOTSOCK,  -EMSGSIZE,	  -ENOTCONN,
	};
	size_t i = 0, n = sizeof(allowed) / sizeof(*allowed);

	while (i < n && af_future_error(f) != allowed[i])
		i++;
	must(i < n);
}

static void on_done(struct af_future *done, void *arg)
{
	struct node *node = arg;

	must(node->calls++ == 0 && af_future_is_done(done));
	check_error(done);
}

void keep(struct af_future *f)
{
	struct af_future **slot = &futures[take_below(program, MAX_FUTURES)];

	must(f);
	if (n_nodes < MAX_NODES - 8)
		af_on_done(af_future_ref(f), on_done, node_new(true));
	af_future_unref(*slot);
	*slot = f;
}

static void on_cancel(struct af_future *f, void *arg)
{
	struct node *node = arg;

	must(!af_future_is_done(f) && node->calls++ == 0);
	if (take_bool(program))
		must(af_future_fail(f, -EPROTO) == 0);
}

static void make_future(void)
{
	if (n_nodes >= MAX_NODES - 8 || take_bool(program))
		keep(af_sleep(loop, take_bool(program)
					    ? &at_once
					    : &(struct timeval){ 0, 200 }));
	else
		keep(af_future_new(loop, on_cancel, node_new(false)));
}

static struct af_future *go_on(struct af_future *done, void *arg)
{
	struct node *node = arg;
	struct af_future *next;

	must(node->calls++ == 0 && af_future_is_done(done));
	act_inside();
	if (take_bool(program))
		return NULL;
	next = pick();
	return next == done || !next || !af_future_is_done(next)
		       ? af_sleep(loop, &at_once)
		       : af_future_ref(next);
}

static void chain(void)
{
	struct af_future *f = pick();
	unsigned way = take_below(program, 4);

	if (!f || n_nodes >= MAX_NODES - 8)
		return;
	f = af_future_ref(f);
	if (way == 0)
		f = af_then(f, go_on, node_new(false));
	else if (way == 1)
		f = af_catch(f, go_on, node_new(false));
	else if (way == 2)
		f = af_finally(f, go_on, node_new(true));
	else
		f = af_shield(f);
	keep(f);
}

static void group(void)
{
	struct af_future *parts[4], *f;
	unsigned way = take_below(program, 5), n = 1 + take_below(program, 4);

	for (unsigned i = 0; i < n; i++) {
		parts[i] = pick();
		parts[i] = parts[i] ? af_future_ref(parts[i])
				    : af_sleep(loop, &at_once);
	}
	if (way == 4) {
		while (n > 1)
			af_future_unref(parts[--n]);
		f = af_with_timeout(parts[0], &at_once);
	} else {
		f = way == 0   ? af_all(loop, parts, n)
		    : way == 1 ? af_any(loop, parts, n)
		    : way == 2 ? af_race(loop, parts, n)
			       : af_all_settled(loop, parts, n);
	}
	keep(f);
}

static void end_future(void)
{
	struct af_future *f = pick();
	unsigned way = take_below(program, 4);
	struct af_future **slot = &futures[take_below(program, MAX_FUTURES)];

	if (way == 0) {
		af_future_cancel(f);
		af_future_cancel(f);
	} else if (way == 1 && f) {
		af_future_resolve(f, NULL, NULL);
	} else if (way == 2 && f) {
		af_future_fail(f, -EPROTO);
	} else {
		f = *slot;
		*slot = NULL;
		if (take_byte(program) == 'F') {
			forgotten = true;
			af_future_forget(f);
		} else {
			af_future_unref(f);
		}
	}
}

static void wait_one(void)
{
	struct af_future *f = pick();
	int r;

	if (!f || freed || depth > MAX_DEPTH)
		return;
	f = af_future_ref(f);
	depth++;
	r = af_await_for(f, &at_once);
	depth--;
	if (af_future_is_done(f))
		must(r == af_future_error(f));
	else
		must(r == -ETIMEDOUT || r == -EDEADLK);
	af_future_unref(f);
}

static void run_post(void *arg)
{
	(void)arg;
	posts_run++;
	act_inside();
}

static void turn_once(void)
{
	if (depth > 0 || freed)
		return;
	depth++;
	must(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
	depth--;
}

static void other(void)
{
	static FILE *sink;
	unsigned what = take_below(program, 4);

	if (what == 0) {
		posts_sent++;
		must(af_loop_post(loop, run_post, NULL) == 0);
	} else if (what == 1) {
		if (!sink)
			sink = fopen("/dev/null", "we");
		must(sink && af_loop_dump(loop, sink) == 0);
	} else if (what == 2) {
		af_loop_stop(loop);
	} else {
		turn_once();
	}
}

static void act(void)
{
	static void (*const acts[])(void) = {
		new_stream,  new_stream, read_one,  read_one,
		write_one,   write_one,	 use_file,  close_one,
		make_future, chain,	 chain,	    group,
		end_future,  wait_one,	 turn_once, other,
	};

	if (n_acts++ >= MAX_ACTS || program->left == 0 || freed)
		return;
	acts[take_below(program, sizeof(acts) / sizeof(*acts))]();
}

static void finish(void)
{
	bool early = take_bool(program);

	freed = true;
	if (early)
		af_loop_free(loop);
	streams_end();
	if (!early)
		af_loop_free(loop);
	for (int i = 0; i < MAX_FUTURES; i++) {
		must(!futures[i] || af_future_is_done(futures[i]));
		af_future_unref(futures[i]);
		futures[i] = NULL;
	}
	for (unsigned i = 0; i < n_nodes; i++)
		must(nodes[i].calls == 1 ||
		     (nodes[i].calls == 0 &&
		      (forgotten || !nodes[i].must_run)));
	must(posts_run == posts_sent);
	event_base_free(base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	int lowest = lowest_fd();

	program = &in;
	streams_begin();
	memset(nodes, 0, sizeof(nodes));
	n_nodes = n_acts = depth = posts_sent = posts_run = 0;
	freed = forgotten = false;
	base = event_base_new();
	loop = af_loop_new(base);
	must(base && loop);
	while (in.left > 0 && n_acts < MAX_ACTS)
		act();
	finish();
	must(lowest_fd() == lowest);
	return 0;
}
