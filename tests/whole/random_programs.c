/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random programs of operations, chains, groups, cancels, timeouts, closes and
 * nested waits, against the model. AF_TEST_SEED=n runs one program again;
 * AF_TEST_SEEDS=n runs n of them rather than ten.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "support/harness.h"
#include "support/model.h"

#define STEPS 100000
#define MAX_LIVE 100
#define MAX_WAITS 3 /* nested */
#define N_STREAMS 4

static struct event_base *base;
static struct af_loop *loop;
static struct event raw;
static struct node *nodes; /* never reused, so that the model can look back */
static unsigned n_nodes;
static struct node *live[MAX_LIVE]; /* those that we hold references to */
static struct stream *streams[N_STREAMS];
static struct stream *all_streams[STEPS];
static unsigned n_streams;
static uint64_t state;
static unsigned depth; /* of waits */
static uintptr_t n_posted, n_posts_run;

static unsigned below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % n);
}

static bool one_in(unsigned n)
{
	return below(n) == 0;
}

static void act(void);

/* None, at once, or some milliseconds. */
static const struct timeval *some_time(void)
{
	static struct timeval times[2];
	unsigned choice = below(4);

	times[1].tv_usec = 500 * (1 + below(4));
	return choice < 2 ? NULL : &times[choice - 2];
}

static void drop(struct node *node)
{
	struct af_future *f = node->f;

	/* The model has to know what was written. */
	if (node->kind == WRITE || one_in(4)) {
		model_cancel(node);
		af_future_cancel(f);
	}
	model_forget(node);
	af_future_unref(f);
}

static struct node *node_new(enum kind_of kind)
{
	struct node *node = &nodes[n_nodes];

	must(n_nodes < 4 * STEPS, NULL);
	node->kind = kind;
	node->id = n_nodes++;
	return node;
}

/* The future is there: from now on it is watched. */
static struct node *node_start(struct node *node, struct af_future *f)
{
	struct node **slot = &live[below(MAX_LIVE)];

	must(f, node);
	node->f = f;
	node->added++;
	model.added++;
	if (node->kind == WRITE)
		model_wrote(node);
	af_on_done(af_future_ref(f), model_end, node);
	if (*slot)
		drop(*slot);
	*slot = node;
	return node;
}

static struct node *make_read(void)
{
	struct node *node = node_new(one_in(3) ? LINE : READ);
	const struct timeval *time = some_time();
	struct af_file *file;

	node->stream = streams[below(N_STREAMS)];
	node->timed = time;
	node->size = one_in(8) ? 0 : 1 + below(one_in(8) ? 200000 : 100);
	node->full = one_in(2);
	file = node->stream->reader;
	if (!file) {
		node->kind = SLEEP;
		return node_start(node, af_sleep(loop, MS(0)));
	}
	if (node->kind == LINE)
		return node_start(node,
				  af_file_readline(file, node->size, 0,
						   node->full ? AFIO_FULL : 0,
						   time));
	node->full |= node->size == 0;
	return node_start(node, af_file_read(file, node->size,
					     node->full ? AFIO_FULL : 0, time));
}

static struct node *make_write(void)
{
	struct node *node = node_new(WRITE);
	const struct timeval *time = some_time();
	struct stream *s = streams[below(N_STREAMS)];
	bool borrow = one_in(2);
	unsigned char *data;
	struct af_future *f;

	if (!s->writer) {
		node->kind = SLEEP;
		return node_start(node, af_sleep(loop, MS(0)));
	}
	node->stream = s;
	node->timed = time;
	node->size = below(one_in(30) ? 300000 : one_in(4) ? 5000 : 100);
	node->full = one_in(2);
	data = malloc(node->size + 1);
	for (size_t i = 0; i < node->size; i++)
		data[i] = model_byte(node, i);
	node->borrowed = borrow ? data : NULL;
	f = af_file_write(s->writer, data, node->size,
			  (node->full ? AFIO_FULL : 0) |
				  (borrow ? AFIO_BORROW : 0),
			  time);
	if (!borrow) {
		memset(data, '!', node->size);
		free(data);
	}
	return node_start(node, f);
}

static struct node *make_sleep(void)
{
	struct node *node = node_new(SLEEP);
	unsigned us = one_in(2) ? 0 : 100 * below(20);

	node->earliest = now_us() + us;
	return node_start(node, af_sleep(loop, &(struct timeval){ 0, us }));
}

static void on_cancel(struct af_future *f, void *arg)
{
	struct node *node = arg;

	must(!af_future_is_done(f) && node->cancels++ == 0, node);
	/* It may find an end of its own. */
	if (one_in(4)) {
		node->given = true;
		node->gift = -EPROTO;
		must(af_future_fail(f, -EPROTO) == 0, node);
	}
}

static struct node *make_maker(void)
{
	struct node *node = node_new(MAKER);

	return node_start(node, af_future_new(loop, on_cancel, node));
}

static struct node *make_operation(void)
{
	switch (below(7)) {
	case 0:
		return make_sleep();
	case 1:
		return make_maker();
	case 2:
	case 3:
	case 4:
		return make_write();
	default:
		return make_read();
	}
}

/* One that we have, or a new one. */
static struct node *pick(void)
{
	struct node *node = live[below(MAX_LIVE)];

	return node ? node : make_operation();
}

/* A continuation: does this and that, and returns nothing or something. */
static struct af_future *go_on(struct af_future *done, void *arg)
{
	struct node *node = arg, *next;

	must(af_future_is_done(done) && node->calls++ == 0, node);
	for (unsigned n = below(3); n > 0; n--)
		act();
	if (one_in(2))
		return NULL;
	next = pick();
	/* Nothing that may stand on this one. */
	if (next->kind >= LINK)
		next = make_operation();
	if (!next->f)
		return NULL;
	if (node->canceled)
		model_cancel(next);
	node->parts[node->n_parts++] = next;
	/* Done itself passes its outcome on, and no reference. */
	return next->f == done ? done : af_future_ref(next->f);
}

static void make_link(void)
{
	struct node *source = pick(), *node;
	struct af_future *f = source->f;

	if (!f)
		return;
	node = node_new(LINK);
	node->parts[node->n_parts++] = source;
	node->on = 1 + below(3);
	f = af_future_ref(f);
	if (node->on == ON_SUCCESS)
		f = af_then(f, go_on, node);
	else if (node->on == ON_FAILURE)
		f = af_catch(f, go_on, node);
	else
		f = af_finally(f, go_on, node);
	node_start(node, f);
}

static void make_group(void)
{
	struct node *node = node_new(ALL + below(3));
	struct af_future *futures[MAX_PARTS], *f;
	unsigned n = node->kind == TIMED ? 1 : 1 + below(MAX_PARTS);
	struct node *part;

	while (node->n_parts < n) {
		part = pick();
		if (!part->f)
			continue;
		/* Held, since to pick another one may drop it. */
		futures[node->n_parts] = af_future_ref(part->f);
		node->parts[node->n_parts++] = part;
	}
	if (node->kind != ALL)
		for (unsigned i = 0; i < n; i++)
			model_cancel(node->parts[i]);
	if (node->kind == ALL)
		f = af_all(loop, futures, n);
	else if (node->kind == ANY)
		f = af_race(loop, futures, n);
	else
		f = af_with_timeout(futures[0], one_in(2) ? MS(1) : MS(0));
	node_start(node, f);
}

static void end_maker(void)
{
	struct node *node = pick();
	int error = one_in(3) ? -EPROTO : 0;
	int r, expected;

	if (!node->f)
		return;
	expected = af_future_is_done(node->f) ? -EALREADY
		   : node->kind == MAKER      ? 0
					      : -EINVAL;
	r = error ? af_future_fail(node->f, error)
		  : af_future_resolve(node->f, node, NULL);
	must(r == expected, node);
	if (r < 0)
		return;
	node->given = true;
	node->gift = error;
}

static void cancel_one(void)
{
	struct node *node = pick();
	struct af_future *f = af_future_ref(node->f);
	bool pending = f && !af_future_is_done(f);

	model_cancel(node);
	af_future_cancel(f);
	af_future_cancel(f);
	if (pending && node->kind != LINK) {
		must(af_future_is_done(f), node);
		must(af_future_error(f) ==
			     (node->given ? node->gift : -ECANCELED),
		     node);
	}
	af_future_unref(f);
}

static void drop_one(void)
{
	struct node **slot = &live[below(MAX_LIVE)], *node = *slot;

	*slot = NULL;
	if (node)
		drop(node);
}

static void cancel_stream(const struct stream *s, bool writes)
{
	for (unsigned i = 0; i < n_nodes; i++)
		if (nodes[i].stream == s && (nodes[i].kind == WRITE) == writes)
			model_cancel(&nodes[i]);
}

static void close_end(struct stream *s, bool writes)
{
	struct af_file **end = writes ? &s->writer : &s->reader;
	struct af_file *file = *end;

	cancel_stream(s, writes);
	*end = NULL;
	must(af_file_close(file) == 0, NULL);
}

static struct stream *stream_new(void)
{
	struct stream *s = calloc(1, sizeof *s);
	int fds[2];

	make_pair(one_in(2) ? KIND_PIPE : KIND_SOCKETPAIR, fds);
	s->reader = af_file_new(loop, fds[0], 0);
	s->writer = af_file_new(loop, fds[1], 0);
	must(s->reader && s->writer, NULL);
	s->last = &s->first;
	all_streams[n_streams++] = s;
	return s;
}

/* One end, then the other, and a new one. */
static void close_one(void)
{
	struct stream **s = &streams[below(N_STREAMS)];

	if (model.freed || !one_in(30))
		return;
	if ((*s)->reader && (*s)->writer)
		close_end(*s, one_in(2));
	else
		close_end(*s, (*s)->writer);
	if (!(*s)->reader && !(*s)->writer)
		*s = stream_new();
}

static void run_post(void *arg)
{
	must((uintptr_t)arg == n_posts_run++, NULL);
	if (one_in(4))
		act();
}

static void post(void)
{
	must(af_loop_post(loop, run_post, (void *)n_posted++) == 0, NULL);
}

/* A wait that ends soon, from wherever we are. */
static void wait_for_one(void)
{
	struct node *node = pick();
	struct af_future *f = node->f;
	struct timeval time = { 0, one_in(20) ? 1000 : 0 };
	int r;

	if (depth == MAX_WAITS || !f || model.freed)
		return;
	depth++;
	af_future_ref(f);
	r = af_await_for(f, &time);
	if (af_future_is_done(f))
		must(r == af_future_error(f), node);
	else
		must(r == -ETIMEDOUT || r == -EDEADLK, node);
	af_future_unref(f);
	depth--;
}

static void on_raw(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	for (unsigned n = below(3); n > 0; n--)
		act();
	wait_for_one();
}

static void on_stop(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	af_loop_stop(loop);
}

/* One of the ways to drive a loop, from the outside. */
static void turn_once(void)
{
	int r;

	if (depth > 0 || model.freed)
		return;
	if (one_in(3))
		event_active(&raw, EV_TIMEOUT, 0);
	depth++;
	if (one_in(2)) {
		af_on_done(af_sleep(loop, one_in(20) ? MS(1) : MS(0)), on_stop,
			   NULL);
		r = af_loop_run(loop);
		must(r == 0, NULL);
	} else {
		r = event_base_loop(base, EVLOOP_NONBLOCK);
		must(r >= 0, NULL);
	}
	depth--;
}

static void act(void)
{
	static void (*const others[])(void) = {
		make_link, make_link, make_link,    make_group,
		end_maker, end_maker, cancel_one,   drop_one,
		close_one, post,      wait_for_one,
	};
	unsigned choice = below(24);
	struct node *node;

	/* What is drained at the end is left alone. */
	if (model.step >= STEPS)
		return;
	model.step++;
	if (choice < 11)
		others[choice]();
	else if (choice < 20)
		make_operation();
	else if ((node = pick())->f)
		model_watch(node);
}

/* All that was written and not read comes out; then the end. */
static void drain(struct stream *s)
{
	struct node *node;

	if (s->writer)
		close_end(s, true);
	cancel_stream(s, false);
	for (unsigned i = 0; i < n_nodes; i++)
		if (nodes[i].stream == s && nodes[i].f)
			af_future_cancel(nodes[i].f);
	if (!s->reader)
		return;
	node = node_new(READ);
	node->stream = s;
	node->full = true;
	node_start(node, af_file_read(s->reader, 0, 0, NULL));
	/* No continuation may return it, whose group could then cancel it. */
	for (unsigned i = 0; i < MAX_LIVE; i++)
		if (live[i] == node)
			live[i] = NULL;
	af_await(node->f);
	while (!node->ended)
		event_base_loop(base, EVLOOP_NONBLOCK);
	must(node->error == 0 && model_is_drained(s), node);
}

static void start(uint64_t seed)
{
	model = (struct model){ .seed = seed };
	state = seed * 0x9e3779b97f4a7c15u + 1;
	nodes = calloc(4 * STEPS, sizeof *nodes);
	base = event_base_new();
	loop = af_loop_new(base);
	ck_assert(nodes && loop);
	event_assign(&raw, base, -1, 0, on_raw, NULL);
	for (int i = 0; i < N_STREAMS; i++)
		streams[i] = stream_new();
}

static void finish(void)
{
	for (int i = 0; one_in(2) && i < N_STREAMS; i++)
		drain(streams[i]);
	event_del(&raw);
	model.freed = true;
	af_loop_free(loop);
	must(model.ran == model.added && n_posts_run == n_posted, NULL);
	for (unsigned i = 0; i < n_nodes; i++) {
		must(nodes[i].ended && nodes[i].ran == nodes[i].added,
		     &nodes[i]);
		must(nodes[i].kind != LINK || nodes[i].on != ON_BOTH ||
			     nodes[i].calls == 1,
		     &nodes[i]);
		af_future_unref(nodes[i].f);
	}
	for (unsigned i = 0; i < n_streams; i++) {
		must(af_file_close(all_streams[i]->reader) == 0, NULL);
		must(af_file_close(all_streams[i]->writer) == 0, NULL);
		free(all_streams[i]);
	}
	event_base_free(base);
	free(nodes);
}

START_TEST(random_program_does_as_the_model_says)
{
	const char *one = getenv("AF_TEST_SEED");

	start(one ? strtoull(one, NULL, 0) : (uint64_t)_i + 1);
	while (model.step < STEPS) {
		act();
		if (one_in(8))
			turn_once();
	}
	finish();
}
END_TEST

/* What such a program found: libevent has seen the bytes that go here. */
static struct rig rig;

static void read_before_libevent(evutil_socket_t fd, short what, void *arg)
{
	struct af_future *f;

	(void)fd;
	(void)what;
	af_future_cancel(arg);
	f = af_file_read(rig.reader, 3, AFIO_FULL, MS(0));
	ck_assert_int_eq(af_future_error(f), 0);
	af_future_unref(f);
}

START_TEST(read_that_libevent_was_about_to_do_does_not_block)
{
	struct af_future *f;
	struct event event;

	rig_open(&rig, WAY(KIND_SOCKETPAIR, DRIVE_DISPATCH));
	f = af_file_read(rig_reader(&rig), 3, 0, NULL);
	event_assign(&event, rig.base, -1, 0, read_before_libevent, f);
	put_text(rig.out, "abc");
	/* It comes before what the poll of the same turn finds. */
	event_active(&event, EV_TIMEOUT, 0);
	turn(&rig);
	expect_error(&rig, f, -ECANCELED);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	const char *many = getenv("AF_TEST_SEEDS");
	Suite *s = suite_create("whole/random_programs");
	TCase *tc = test_case(s, "found");

	tcase_add_test(tc, read_that_libevent_was_about_to_do_does_not_block);
	tc = test_case(s, "programs");
	tcase_set_timeout(tc, 2 * TEST_TIMEOUT);
	tcase_add_loop_test(tc, random_program_does_as_the_model_says, 0,
			    getenv("AF_TEST_SEED") ? 1
						   : (many ? atoi(many) : 10));
	return s;
}
