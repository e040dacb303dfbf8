/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several attempts, each with its address: which one is next, and when.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/container.h"
#include "net/race.h"

static void race_end_delay(struct afi_race *race)
{
	if (race->delayed)
		afi_deadline_stop(&race->delay);
	race->delayed = false;
}

void afi_race_stop(struct afi_race *race)
{
	race_end_delay(race);
	for (size_t i = 0; i < race->started; i++)
		afi_attempt_stop(&race->attempts[i]);
	free(race->attempts);
	race->attempts = NULL;
	race->started = race->pending = 0;
}

void afi_race_report(const struct afi_race *race, struct afi_report *report)
{
	const struct afi_attempt *attempt;
	const struct afi_address *at;
	const char *text;

	for (size_t i = 0; i < race->started; i++) {
		attempt = &race->attempts[i];
		at = attempt->to;
		text = NULL;
		if (attempt->error == -EINPROGRESS)
			text = "no answer";
		else if (attempt->at_source && !attempt->from)
			text = "no source address of this family";
		else if (attempt->at_source)
			at = attempt->from;
		afi_report_address(report, at, attempt->error, text);
	}
}

/* That there is no way from here says less than what a peer has done. */
static bool race_says_little(int error)
{
	return error == 0 || error == -ENETUNREACH || error == -EHOSTUNREACH ||
	       error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT;
}

static void race_note(struct afi_race *race, struct afi_attempt *attempt,
		      int error)
{
	attempt->error = error;
	if (race_says_little(race->error) || !race_says_little(error))
		race->error = error;
}

static const struct afi_address *race_source(const struct afi_names *sources,
					     const struct afi_address *to)
{
	for (size_t i = 0; i < sources->n; i++)
		if (sources->addresses[i].sa.sa_family == to->sa.sa_family)
			return &sources->addresses[i];
	return NULL;
}

static void race_on_ended(struct afi_attempt *attempt, int error);

/* Begins with the next address; the result of afi_attempt_start(). */
static int race_start_next(struct afi_race *race)
{
	size_t i = race->started++;
	struct afi_attempt *attempt = &race->attempts[i];

	attempt->loop = race->loop;
	attempt->to = &race->peers->addresses[i];
	attempt->type = race->type;
	attempt->no_delay = race->no_delay;
	attempt->keep_alive = race->keep_alive;
	attempt->ended = race_on_ended;
	attempt->arg = race;
	if (race->sources) {
		attempt->from = race_source(race->sources, attempt->to);
		attempt->at_source = !attempt->from;
	}
	return attempt->at_source ? -EADDRNOTAVAIL : afi_attempt_start(attempt);
}

static void race_go_on(struct afi_race *race);

static void race_on_delay(struct afi_deadline *deadline)
{
	struct afi_race *race = AFI_CONTAINER(deadline, struct afi_race, delay);

	race->delayed = false;
	race_go_on(race);
}

/* Whether the next address has to wait; without memory it does not. */
static bool race_delay(struct afi_race *race)
{
	if (race->at_once || race->started == race->peers->n ||
	    afi_timeout_zero(&race->between))
		return false;
	race->delayed = afi_deadline_start(&race->delay, race->loop,
					   &race->between, race_on_delay) == 0;
	return race->delayed;
}

/* Tries addresses until one is connected, or the next one has to wait. */
static void race_go_on(struct afi_race *race)
{
	struct afi_attempt *attempt;
	int r;

	while (race->started < race->peers->n) {
		attempt = &race->attempts[race->started];
		r = race_start_next(race);
		if (r == 0) {
			race->ended(race, attempt, 0);
			return;
		}
		if (r != -EINPROGRESS) {
			race_note(race, attempt, r);
			continue;
		}
		attempt->error = r;
		race->pending++;
		if (race_delay(race))
			return;
	}
	if (race->pending == 0)
		race->ended(race, NULL, race->error);
}

static void race_on_ended(struct afi_attempt *attempt, int error)
{
	struct afi_race *race = attempt->arg;

	race->pending--;
	if (error == 0) {
		race->ended(race, attempt, 0);
		return;
	}
	race_note(race, attempt, error);
	race_end_delay(race);
	race_go_on(race);
}

bool afi_race_look(struct afi_race *race)
{
	struct afi_attempt *attempt;
	int r;

	for (size_t i = 0; i < race->started; i++) {
		attempt = &race->attempts[i];
		if (attempt->error != -EINPROGRESS)
			continue;
		r = afi_attempt_look(attempt);
		if (r == -EINPROGRESS)
			continue;
		race->pending--;
		if (r == 0) {
			race->ended(race, attempt, 0);
			return true;
		}
		race_note(race, attempt, r);
	}
	if (race->pending > 0 || race->started < race->peers->n)
		return false;
	race->ended(race, NULL, race->error);
	return true;
}

int afi_race_start(struct afi_race *race)
{
	race->attempts = calloc(race->peers->n, sizeof(*race->attempts));
	if (!race->attempts)
		return -ENOMEM;
	race_go_on(race);
	return 0;
}
