/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * faults: plays the acts of tests/acts again and again, and has the system
 * calls and allocations of the library and of libevent fail in turn, alone and
 * in pairs.
 */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/run.h"
#include "faults/series.h"
#include "faults/tls.h"
#include "support/scratch.h"

static const char usage[] =
	"usage: faults [OPTION...] [ACT...]\n"
	"       faults ACT CALL:INDEX:FAULT [CALL:INDEX:FAULT]\n"
	"Has the calls of the library fail in turn while acts are played; or\n"
	"plays one act with one fault, or two.\n"
	"  --all        each call of each act, not each place in the library "
	"once\n"
	"  --pairs=N    so many pairs of faults for each act, or \"all\"\n"
	"  --seed=N     chooses the pairs; 1 otherwise\n"
	"  --check      what make check does: --all --pairs=2, or, with\n"
	"               sanitizers, --pairs=10\n"
	"  --list       prints the names of the acts\n"
	"  --calls      prints the calls of an act, and what can go wrong\n"
	"  --verbose    prints what was done for each act, and the places\n";

/* A run takes five times as long. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SLOW true
#else
#define SLOW false
#endif

static struct series_options options = { .seed = 1 };
static bool list, calls;

/* The next one of both tables, or NULL; act: NULL for the first. */
static const struct act *next_act(const struct act *act)
{
	act = act ? act + 1 : acts;
	if (act == &acts[acts_count()])
		act = tls_acts;
	return act->name ? act : NULL;
}

static const struct act *find_act(const char *name)
{
	const struct act *act = NULL;

	while ((act = next_act(act)))
		if (strcmp(act->name, name) == 0)
			return act;
	fprintf(stderr, "faults: no act is named %s\n", name);
	exit(2);
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 0);

	if (strcmp(text, "all") == 0)
		return SERIES_ALL;
	if (*text == '\0' || *end != '\0') {
		fputs(usage, stderr);
		exit(2);
	}
	return n;
}

static void read_options(int argc, char *argv[])
{
	static const struct option known[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "pairs", required_argument, NULL, 'p' },
		{ "seed", required_argument, NULL, 's' },
		{ "check", no_argument, NULL, 'k' },
		{ "list", no_argument, NULL, 'l' },
		{ "calls", no_argument, NULL, 'c' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'a')
			options.all = true;
		else if (c == 'p')
			options.pairs = number(optarg);
		else if (c == 's')
			options.seed = number(optarg);
		else if (c == 'k')
			options.all = !SLOW, options.pairs = SLOW ? 10 : 2;
		else if (c == 'l')
			list = true;
		else if (c == 'c')
			calls = true;
		else if (c == 'v')
			options.verbose = true;
		else
			fputs(usage, c == 'h' ? stdout : stderr),
				exit(c == 'h' ? 0 : 2);
	}
}

static void print_acts(void)
{
	for (const struct act *act = NULL; (act = next_act(act));)
		puts(act->name);
}

static void print_calls(void)
{
	for (unsigned i = 0; i < faults->n_entries && i < ENTRIES_MAX; i++) {
		const struct faults_entry *entry = &faults->entries[i];

		printf("%s:%u", faults_call_name(entry->call), entry->index);
		for (int f = 0; f < FAULT_COUNT; f++)
			if (entry->faults >> f & 1)
				printf(" %s", faults_name((enum fault)f));
		putchar('\n');
	}
}

/* One run, with the faults that are named. */
static int play_once(const struct act *act, char *args[], int n)
{
	struct faults_plan plans[PLANS_MAX];
	bool good;

	for (int i = 0; i < n; i++) {
		if (i < PLANS_MAX && faults_parse(args[i], &plans[i]))
			continue;
		fputs(usage, stderr);
		return 2;
	}
	good = run_act(act, plans, (unsigned)n);
	if (calls)
		print_calls();
	printf("%s: %u faults, %s\n", act->name, faults->injected,
	       good ? "ok" : faults->failure);
	return !good;
}

static int play_series(char *names[])
{
	struct series_totals totals = { 0 };
	unsigned n = 0, n_sites, hit;

	if (*names)
		for (; *names; names++, n++)
			series_play(find_act(*names), &options, &totals);
	else
		for (const struct act *act = NULL; (act = next_act(act)); n++)
			series_play(act, &options, &totals);
	n_sites = series_sites(&hit);
	if (options.verbose)
		series_print_sites();
	printf("faults: %u acts, %lu runs, %lu faults at %u of %u places, "
	       "%lu skipped, %lu failures\n",
	       n, totals.runs, totals.injected, hit, n_sites, totals.skipped,
	       totals.failures);
	return totals.failures > 0;
}

int main(int argc, char *argv[])
{
	read_options(argc, argv);
	argv += optind;
	argc -= optind;
	if (list) {
		print_acts();
		return 0;
	}
	run_prepare(argv[-optind]);
	make_directory();
	atexit(remove_directory);
	if (chdir(directory) < 0)
		abort();
	tls_acts_prepare();
	if (argc > 0 && (calls || (argc > 1 && strchr(argv[1], ':'))))
		return play_once(find_act(argv[0]), argv + 1, argc - 1);
	return play_series(argv);
}
