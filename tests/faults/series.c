/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/run.h"
#include "faults/series.h"

/* Where calls are made: all, and what was tried at each. */
static struct site {
	const void *at;
	enum faults_call call;
	uint32_t tried;
} sites[2000];
static unsigned n_sites;

/* Left out, by name, from this index of the call on. */
static const struct {
	const char *act;
	enum faults_call call;
	unsigned from;
	uint32_t faults;
} left_out[] = {
	/*
	 * libevent 2.1.12 does not survive it: it ignores that it could not add
	 * an event of a bufferevent, which then never moves a byte.
	 */
	{ "copy_away", CALL_epoll_ctl, 2, ~UINT32_C(0) },
	/* The kernel drops what a short read leaves of a packet. */
	{ "packets", CALL_read, 0, ON(SHORT) },
};

/* Of the faults that an entry may have, those that are tried. */
static uint32_t faults_to_try(const struct act *act,
			      const struct faults_entry *entry)
{
	uint32_t set = entry->faults;

	for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
		if (left_out[i].call == entry->call &&
		    left_out[i].from <= entry->index &&
		    strcmp(left_out[i].act, act->name) == 0)
			set &= ~left_out[i].faults;
	return set;
}

/* One call and one fault. */
struct single {
	struct faults_plan plan;
	struct site *site;
};

static struct single *singles;
static size_t n_singles;

static struct site *find_site(const struct faults_entry *entry)
{
	unsigned i = 0;

	while (i < n_sites &&
	       (sites[i].at != entry->site || sites[i].call != entry->call))
		i++;
	if (i == n_sites) {
		if (n_sites == sizeof sites / sizeof *sites)
			abort();
		sites[n_sites++] =
			(struct site){ .at = entry->site, .call = entry->call };
	}
	return &sites[i];
}

/* What can go wrong, after a run in which nothing did. */
static void list_singles(const struct act *act, struct series_totals *totals)
{
	unsigned n = faults->n_entries;

	if (n > ENTRIES_MAX)
		n = ENTRIES_MAX;
	free(singles);
	singles = calloc((size_t)n * FAULT_COUNT + 1, sizeof *singles);
	if (!singles)
		abort();
	n_singles = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct faults_entry *entry = &faults->entries[i];
		uint32_t set = faults_to_try(act, entry);

		for (int f = 0; f < FAULT_COUNT; f++) {
			totals->skipped += (entry->faults & ~set) >> f & 1;
			if (set >> f & 1)
				singles[n_singles++] = (struct single){
					{ entry->call, entry->index,
					  (enum fault)f },
					find_site(entry),
				};
		}
	}
}

static void print_failure(const struct act *act,
			  const struct faults_plan *plans, unsigned n)
{
	printf("failed: tests/faults/faults %s", act->name);
	for (unsigned i = 0; i < n; i++)
		printf(" %s:%u:%s", faults_call_name(plans[i].call),
		       plans[i].index, faults_name(plans[i].fault));
	printf("\n\t%s\n", faults->failure);
}

static void play(const struct act *act, const struct faults_plan *plans,
		 unsigned n, struct series_totals *totals)
{
	bool good = run_act(act, plans, n);

	totals->runs++;
	totals->injected += faults->injected;
	if (good)
		return;
	totals->failures++;
	print_failure(act, plans, n);
}

static void play_singles(const struct act *act, bool all,
			 struct series_totals *totals)
{
	for (size_t i = 0; i < n_singles; i++) {
		struct single *single = &singles[i];
		uint32_t fault = UINT32_C(1) << single->plan.fault;

		if (!all && single->site->tried & fault)
			continue;
		play(act, &single->plan, 1, totals);
		if (faults->injected > 0)
			single->site->tried |= fault;
	}
}

static void play_pair(const struct act *act, size_t i, size_t j,
		      struct series_totals *totals)
{
	const struct faults_plan pair[] = { singles[i].plan, singles[j].plan };

	if (pair[0].call != pair[1].call || pair[0].index != pair[1].index)
		play(act, pair, 2, totals);
}

static void play_pairs(const struct act *act,
		       const struct series_options *options,
		       struct series_totals *totals)
{
	unsigned short seed[3] = { (unsigned short)options->seed,
				   (unsigned short)(options->seed >> 16),
				   (unsigned short)n_singles };

	if (options->pairs == SERIES_ALL) {
		for (size_t i = 0; i < n_singles; i++)
			for (size_t j = i + 1; j < n_singles; j++)
				play_pair(act, i, j, totals);
		return;
	}
	for (unsigned long n = 0; n < options->pairs; n++) {
		size_t i = (size_t)nrand48(seed) % n_singles;
		size_t j = (size_t)nrand48(seed) % n_singles;

		play_pair(act, i < j ? i : j, i < j ? j : i, totals);
	}
}

void series_play(const struct act *act, const struct series_options *options,
		 struct series_totals *totals)
{
	struct series_totals before = *totals;

	play(act, NULL, 0, totals);
	list_singles(act, totals);
	if (n_singles == 0 || totals->failures > before.failures)
		return;
	play_singles(act, options->all, totals);
	play_pairs(act, options, totals);
	if (options->verbose)
		printf("%s: %lu runs, %lu faults, %lu failures\n", act->name,
		       totals->runs - before.runs,
		       totals->injected - before.injected,
		       totals->failures - before.failures);
	fflush(stdout);
}

unsigned series_sites(unsigned *ret_hit)
{
	*ret_hit = 0;
	for (unsigned i = 0; i < n_sites; i++)
		*ret_hit += sites[i].tried != 0;
	return n_sites;
}

void series_print_sites(void)
{
	for (unsigned i = 0; i < n_sites; i++)
		if (sites[i].tried)
			printf("site %s %+td\n",
			       faults_call_name(sites[i].call),
			       (const char *)sites[i].at -
				       (const char *)(intptr_t)series_play);
}
