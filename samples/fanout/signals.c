/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signals: the first one stops the jobs, the second one kills them, a third one
 * has its default action. A timer draws the tally.
 */
#include <signal.h>
#include <stdlib.h>

#include <event2/event.h>

#include <asyncfile.h>

#include "items.h"
#include "run.h"
#include "signals.h"

#define N_SIGNALS 3

struct signals {
	struct run *run;
	struct event *events[N_SIGNALS], *timer;
	int count;
};

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct signals *signals = arg;
	size_t i;

	(void)what;
	if (++signals->count == 1) {
		signals->run->signal = (int)sig;
		run_abandon(signals->run);
		return;
	}
	run_kill(signals->run);
	for (i = 0; i < N_SIGNALS; i++)
		if (signals->events[i])
			event_del(signals->events[i]);
}

/* Does not draw while a task is being printed. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	const struct run *run = arg;
	uint64_t total;

	(void)fd;
	(void)what;
	if (run->printing)
		return;
	total = items_total(run->in);
	tally_draw(&run->tally,
		   total > run->skipped ? total - run->skipped : 0);
}

/* A signal that is ignored, for example by nohup, stays ignored. */
static int add_events(struct signals *signals)
{
	static const int numbers[N_SIGNALS] = { SIGINT, SIGTERM, SIGHUP };
	static const struct timeval period = { .tv_usec = 100000 };
	struct run *run = signals->run;
	struct event_base *base = af_loop_base(run->loop);
	struct event **event;
	struct sigaction old;
	size_t i;

	for (i = 0; i < N_SIGNALS; i++) {
		sigaction(numbers[i], NULL, &old);
		if (old.sa_handler == SIG_IGN)
			continue;
		event = &signals->events[i];
		*event = evsignal_new(base, numbers[i], on_signal, signals);
		if (!*event || evsignal_add(*event, NULL) < 0)
			return -1;
	}
	if (!run->tally.is_shown)
		return 0;
	signals->timer = event_new(base, -1, EV_PERSIST, on_tick, run);
	return signals->timer ? event_add(signals->timer, &period) : -1;
}

struct signals *signals_new(struct run *run)
{
	struct signals *signals = calloc(1, sizeof(*signals));

	if (!signals)
		return NULL;
	signals->run = run;
	if (add_events(signals) == 0)
		return signals;
	signals_free(signals);
	return NULL;
}

void signals_free(struct signals *signals)
{
	size_t i;

	if (!signals)
		return;
	for (i = 0; i < N_SIGNALS; i++)
		if (signals->events[i])
			event_free(signals->events[i]);
	if (signals->timer)
		event_free(signals->timer);
	tally_clear(&signals->run->tally);
	free(signals);
}
