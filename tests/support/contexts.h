/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The contexts from which a program may wait. A stage is a loop and its base. A
 * test's body is called on it from one context; then the loop is driven until
 * nothing is left, as a program in that context would do.
 */
#ifndef TESTS_CONTEXTS_H
#define TESTS_CONTEXTS_H

#include <unistd.h>

#include <event2/event.h>

#include "support/harness.h"

enum context {
	TOP_OWN,	   /* outside, the loop's own base */
	TOP_SHARED,	   /* outside, own base, which the program knows */
	TOP_BORROWED,	   /* outside, the program's base */
	CONT_AWAIT,	   /* a continuation, under af_await() */
	CONT_RUN,	   /* a continuation, under af_loop_run() */
	CONT_RUN_BORROWED, /* a continuation, likewise, the program's base */
	RAW_AWAIT,	   /* a libevent callback, under af_await() */
	RAW_RUN,	   /* a callback, under af_loop_run() */
	RAW_RUN_BORROWED,  /* a callback, likewise, the program's base */
	RAW_DISPATCH,	   /* a callback, under event_base_dispatch() */
	RAW_DISPATCH_OWN,  /* a callback, likewise, the loop's own base */
	CONT_DISPATCH,	   /* a continuation, under event_base_dispatch() */
	CONT_DISPATCH_OWN, /* a continuation, likewise, the loop's own base */
	CONTEXT_COUNT
};

enum place { AT_TOP, IN_CONTINUATION, IN_CALLBACK };
enum turned_by { BY_NOBODY, BY_AWAIT, BY_RUN, BY_DISPATCH };

static const struct {
	const char *name;
	enum place place;
	enum turned_by by;
	bool borrowed; /* the base is the program's */
	bool private;  /* the program's own events wait meanwhile */
} contexts[CONTEXT_COUNT] = {
	[TOP_OWN] = { "top, own base", AT_TOP, BY_NOBODY, false, false },
	[TOP_SHARED] = { "top, own base known", AT_TOP, BY_NOBODY, false,
			 false },
	[TOP_BORROWED] = { "top, borrowed base", AT_TOP, BY_NOBODY, true,
			   true },
	[CONT_AWAIT] = { "continuation, await", IN_CONTINUATION, BY_AWAIT,
			 false, false },
	[CONT_RUN] = { "continuation, run", IN_CONTINUATION, BY_RUN, false,
		       false },
	[CONT_RUN_BORROWED] = { "continuation, run, borrowed", IN_CONTINUATION,
				BY_RUN, true, false },
	[RAW_AWAIT] = { "callback, await", IN_CALLBACK, BY_AWAIT, false, true },
	[RAW_RUN] = { "callback, run", IN_CALLBACK, BY_RUN, false, true },
	[RAW_RUN_BORROWED] = { "callback, run, borrowed", IN_CALLBACK, BY_RUN,
			       true, true },
	[RAW_DISPATCH] = { "callback, dispatch, borrowed", IN_CALLBACK,
			   BY_DISPATCH, true, true },
	[RAW_DISPATCH_OWN] = { "callback, dispatch, own", IN_CALLBACK,
			       BY_DISPATCH, false, true },
	[CONT_DISPATCH] = { "continuation, dispatch, borrowed", IN_CONTINUATION,
			    BY_DISPATCH, true, true },
	[CONT_DISPATCH_OWN] = { "continuation, dispatch, own", IN_CONTINUATION,
				BY_DISPATCH, false, true },
};

struct stage {
	enum context context;
	struct event_base
		*program; /* the program's base; NULL: there is none */
	struct af_loop *loop;
	struct af_file *door; /* its read starts a continuation */
	int door_out;
	void (*body)(void *arg);
	void *arg;
	int cue; /* a callback comes when this is readable, not at once; or 0 */
	int calls; /* calls of the body that have returned */
};

static inline struct af_file *stage_file(struct stage *stage, enum kind kind,
					 int *ret_out)
{
	struct af_file *file;
	int fds[2];

	make_pair(kind, fds);
	file = af_file_new(stage->loop, fds[0], 0);
	ck_assert_ptr_nonnull(file);
	*ret_out = fds[1];
	return file;
}

static inline void stage_open(struct stage *stage, enum context context)
{
	*stage = (struct stage){ .context = context };
	if (contexts[context].borrowed) {
		stage->program = event_base_new();
		ck_assert_ptr_nonnull(stage->program);
	}
	stage->loop = af_loop_new(stage->program);
	ck_assert_ptr_nonnull(stage->loop);
	if (context != TOP_OWN)
		ck_assert_ptr_nonnull(af_loop_base(stage->loop));
	stage->door = stage_file(stage, KIND_PIPE, &stage->door_out);
}

static inline void stage_close(struct stage *stage)
{
	ck_assert_int_eq(af_file_close(stage->door), 0);
	ck_assert_int_eq(close(stage->door_out), 0);
	af_loop_free(stage->loop);
	if (stage->program)
		event_base_free(stage->program);
}

static inline void stage_call(struct stage *stage)
{
	stage->body(stage->arg);
	stage->calls++;
	if (contexts[stage->context].by == BY_AWAIT)
		put_text(stage->door_out, "x");
}

static inline void stage_call_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	stage_call(arg);
}

static inline void stage_call_done(struct af_future *done, void *arg)
{
	ck_assert_int_eq(af_future_error(done), 0);
	stage_call(arg);
}

/* Drives until nothing is left, as a program in that context does. */
static inline void stage_finish(struct stage *stage)
{
	if (contexts[stage->context].by == BY_DISPATCH ||
	    stage->context == TOP_SHARED || stage->context == TOP_BORROWED)
		ck_assert_int_ge(event_base_dispatch(af_loop_base(stage->loop)),
				 0);
	else
		ck_assert_int_eq(af_loop_run(stage->loop), 0);
}

/* Calls the body once from the stage's context, and drives to the end. */
static inline void stage_play(struct stage *stage, void (*body)(void *),
			      void *arg)
{
	struct af_future *left;

	stage->body = body;
	stage->arg = arg;
	stage->calls = 0;
	if (contexts[stage->context].place == AT_TOP) {
		stage_call(stage);
	} else if (contexts[stage->context].place == IN_CALLBACK &&
		   stage->cue > 0) {
		event_base_once(af_loop_base(stage->loop), stage->cue, EV_READ,
				stage_call_cb, stage, NULL);
	} else if (contexts[stage->context].place == IN_CALLBACK) {
		event_base_once(af_loop_base(stage->loop), -1, EV_TIMEOUT,
				stage_call_cb, stage, MS(0));
	} else {
		af_on_done(af_file_read(stage->door, 1, 0, NULL),
			   stage_call_done, stage);
		put_text(stage->door_out, "x");
	}
	if (contexts[stage->context].by == BY_AWAIT) {
		left = af_file_read(stage->door, 1, 0, NULL);
		ck_assert_int_eq(af_await(left), 0);
		af_future_unref(left);
		ck_assert_int_eq(stage->calls, 1);
	}
	stage_finish(stage);
	ck_assert_int_eq(stage->calls, 1);
}

#endif
