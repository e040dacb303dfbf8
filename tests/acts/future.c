/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Futures: chains, groups, those of the program, and work for threads.
 */
#include <unistd.h>

#include "acts/acts.h"

static struct af_future *then_fail(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return af_file_read(NULL, 0, 0, NULL);
}

static struct af_future *then_count(struct af_future *done, void *arg)
{
	tell(done, arg);
	return NULL;
}

void act_chains(struct scene *s)
{
	struct af_future *f = af_sleep(s->loop, MS(1));

	for (int i = 0; i < 3; i++)
		watch_end(s, af_then(af_future_ref(f), then_sleep, s));
	f = af_then(f, then_sleep, s);
	f = af_finally(af_finally(f, then_fail, s), then_count, &s->told);
	end(s, af_catch(f, then_sleep, s), 0);
	f = af_finally(af_sleep(s->loop, MS(100000)), then_count, &s->told);
	af_future_cancel(f);
	end(s, f, -ECANCELED);
	/* A continuation for whose link there was no memory is told, too. */
	s->to_tell += 2;
}

void act_groups(struct scene *s)
{
	struct af_future *parts[3], *f, *limited;

	for (int i = 0; i < 3; i++)
		parts[i] = sleeping(s, 1);
	end(s, af_all(s->loop, parts, 3), 0);
	for (int i = 0; i < 3; i++)
		parts[i] = sleeping(s, i == 1 ? 1 : 100000);
	end(s, af_race(s->loop, parts, 3), 0);
	end(s, af_with_timeout(sleeping(s, 1), MS(10000)), 0);
	end(s, af_with_timeout(sleeping(s, 100000), MS(1)), -ETIMEDOUT);
	/* What cannot be limited does not go on. */
	f = sleeping(s, 100000);
	limited = af_with_timeout(af_future_ref(f), MS(100000));
	ck_assert(!af_future_is_done(limited) || af_future_is_done(f));
	af_future_cancel(limited);
	ck_assert(af_future_is_done(f));
	af_future_unref(limited);
	af_future_unref(f);
}

static struct af_future *make_nap(void *arg)
{
	struct scene *s = arg;

	return s->naps-- > 0 ? af_sleep(s->loop, MS(1)) : NULL;
}

/* More than a map has room for at first. */
void act_map(struct scene *s)
{
	struct af_future *f;

	s->naps = 9;
	f = af_future_ref(af_map(s->loop, make_nap, s, 100, AFIO_SETTLE));
	if (end(s, f, 0) == 0)
		ck_assert(af_future_count(f) == 9 || disturbed());
	af_future_unref(f);
}

/* Shields that end, are cancelled, dropped and forgotten. */
void act_shields(struct scene *s)
{
	struct af_future *f = sleeping(s, 1);
	struct af_future *late = af_sleep(s->loop, MS(100000));
	unsigned never = 0;

	end(s, af_shield(af_future_ref(f)), 0);
	end(s, af_shield(f), 0);
	f = af_shield(af_future_ref(late));
	watch_end(s, af_future_ref(f));
	af_future_cancel(f);
	end(s, f, -ECANCELED);
	af_future_unref(af_shield(af_future_ref(late)));
	f = af_finally(af_future_ref(late), then_count, &never);
	af_future_forget(af_future_ref(late));
	end(s, f, -ECANCELED);
	/* Without memory, it runs at once. */
	ck_assert(never == 0 || disturbed());
	af_future_cancel(late);
	af_future_unref(late);
}

static void take_back(void *value)
{
	((struct scene *)value)->freed++;
}

static void give(struct scene *s, struct af_future *f)
{
	int r = af_future_resolve(f, s, take_back);

	s->values += r == 0;
	/* A static one, or given already. */
	ck_assert(r == 0 || disturbed());
}

static void give_posted(void *arg)
{
	struct scene *s = arg;

	give(s, s->gift);
	af_future_unref(s->gift);
}

static void on_cancel(struct af_future *f, void *arg)
{
	(void)f;
	++*(unsigned *)arg;
}

void act_makers(struct scene *s)
{
	struct af_future *f = af_future_new(s->loop, NULL, NULL);
	unsigned canceled = 0;
	int r, error;

	s->gift = af_future_ref(f);
	r = af_loop_post(s->loop, give_posted, s);
	ck_assert(r == 0 || excused(r));
	if (r < 0)
		give_posted(s);
	end(s, af_then(f, then_sleep, s), 0);
	f = af_future_new(s->loop, on_cancel, &canceled);
	error = af_future_error(f);
	af_future_cancel(f);
	ck_assert_uint_eq(canceled, error == -EINPROGRESS);
	end(s, f, -ECANCELED);
	s->values++;
	end(s, af_succeeded(s->loop, s, take_back), 0);
	end(s, af_failed(s->loop, -EIO), -EIO);
}

static unsigned *values_freed;

static void *find_length(void *arg)
{
	return (void *)strlen(arg);
}

static void count_value(void *value)
{
	ck_assert_uint_eq((size_t)value, 3);
	++*values_freed;
}

/* On threads, which have left when the loop was freed: see play(). */
void act_work(struct scene *s)
{
	static char text[] = "abc";
	struct af_future *f;

	values_freed = &s->freed;
	for (int i = 0; i < 3; i++) {
		f = af_work(s->loop, find_length, text, count_value);
		af_future_ref(f);
		end(s, f, 0);
		s->values += (unsigned)af_future_count(f);
		af_future_unref(f);
	}
	end(s, af_work(s->loop, NULL, text, NULL), -EINVAL);
}

void act_file_maker(struct scene *s)
{
	struct af_future *f = af_future_new(s->loop, NULL, NULL);
	int fds[2];

	make_pair(KIND_PIPE, fds);
	close(fds[1]);
	if (!af_future_is_done(f)) {
		struct af_file *file = made(af_file_new(s->loop, fds[0], 0));
		int error = -errno;

		if (file)
			ck_assert_int_eq(af_future_resolve_file(f, file), 0);
		else
			ck_assert_int_eq(af_future_fail(f, error), 0);
		if (!file)
			close(fds[0]);
	} else {
		close(fds[0]);
	}
	end(s, f, 0);
	f = af_future_new(s->loop, NULL, NULL);
	if (!af_future_is_done(f)) {
		ck_assert_int_eq(af_future_fail_text(f, -EIO, "a text"), 0);
		ck_assert(disturbed() || *af_connect_error(f));
	}
	end(s, f, -EIO);
}

/* The first success counts; or all, however they end. */
void act_choices(struct scene *s)
{
	struct af_future *parts[3];

	parts[0] = af_failed(s->loop, -EIO);
	parts[1] = sleeping(s, 1);
	parts[2] = sleeping(s, 5);
	end(s, af_any(s->loop, parts, 3), 0);
	parts[0] = af_failed(s->loop, -EIO);
	parts[1] = sleeping(s, 1);
	end(s, af_all_settled(s->loop, parts, 2), 0);
}
