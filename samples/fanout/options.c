/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line. Options have the names that GNU parallel gives them, where
 * it has them.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common.h"
#include "halt.h"
#include "message.h"
#include "number.h"
#include "options.h"
#include "plan.h"
#include "step.h"
#include "usage.h"
#include "words.h"

/* Those without a letter have a number of their own. */
enum {
	BLOCK = 256,
	COLOUR,
	DRY_RUN,
	GRACE,
	HALT,
	JOBLOG,
	JSON,
	NO_PROGRESS,
	PIPE,
	PROGRESS,
	RAW,
	RECEND,
	RESULTS,
	RESUME,
	RESUME_FAILED,
	RETRIES,
	SHELL,
	SLURM,
	SLURM_OPTIONS,
	SSH,
	TAG,
	TIMEOUT,
	VERSION
};

static const struct option options[] = {
	{ "arg-file", required_argument, NULL, 'a' },
	{ "bar", no_argument, NULL, PROGRESS },
	{ "block", required_argument, NULL, BLOCK },
	{ "color", optional_argument, NULL, COLOUR },
	{ "dry-run", no_argument, NULL, DRY_RUN },
	{ "eta", no_argument, NULL, PROGRESS },
	{ "grace", required_argument, NULL, GRACE },
	{ "halt", required_argument, NULL, HALT },
	{ "help", no_argument, NULL, 'h' },
	{ "host", required_argument, NULL, 'H' },
	{ "joblog", required_argument, NULL, JOBLOG },
	{ "jobs", required_argument, NULL, 'j' },
	{ "json", no_argument, NULL, JSON },
	{ "keep-order", no_argument, NULL, 'k' },
	{ "no-progress", no_argument, NULL, NO_PROGRESS },
	{ "null", no_argument, NULL, '0' },
	{ "pipe", no_argument, NULL, PIPE },
	{ "progress", no_argument, NULL, PROGRESS },
	{ "raw", no_argument, NULL, RAW },
	{ "recend", required_argument, NULL, RECEND },
	{ "results", required_argument, NULL, RESULTS },
	{ "resume", no_argument, NULL, RESUME },
	{ "resume-failed", no_argument, NULL, RESUME_FAILED },
	{ "retries", required_argument, NULL, RETRIES },
	{ "shell", no_argument, NULL, SHELL },
	{ "slurm", no_argument, NULL, SLURM },
	{ "slurm-options", required_argument, NULL, SLURM_OPTIONS },
	{ "ssh", required_argument, NULL, SSH },
	{ "tag", no_argument, NULL, TAG },
	{ "timeout", required_argument, NULL, TIMEOUT },
	{ "version", no_argument, NULL, VERSION },
	{ 0 },
};

static int refuse(const char *reason)
{
	usage_error(reason);
	return -1;
}

/* Options with a value. Returns 0; -1 after a complaint; 1: it is another. */
static int parse_value(struct plan *plan, int c, char *value)
{
	switch (c) {
	case 'a':
		plan->files[plan->n_files++] = value;
		return 0;
	case 'H':
		plan->hosts[plan->n_hosts++] = value;
		return *value ? 0 : refuse("--host takes a name");
	case 'j':
		plan->jobs = number_parse(value);
		return plan->jobs ? 0 : refuse("--jobs takes a number");
	case BLOCK:
		plan->block = number_parse_size(value);
		return plan->block ? 0 : refuse("--block takes a size");
	case GRACE:
		return number_parse_seconds(value, true, &plan->grace)
			       ? 0
			       : refuse("--grace takes seconds");
	case HALT:
		return halt_parse(value, &plan->halt)
			       ? 0
			       : refuse("--halt takes never, or soon or now,"
					" then ,fail=N or ,success=N or"
					" ,done=N");
	case JOBLOG:
		plan->joblog = value;
		return 0;
	case RECEND:
		plan->record_end = value;
		plan->record_end_len = text_unescape(value);
		return 0;
	case RESULTS:
		plan->results = value;
		return *value ? 0 : refuse("--results takes a folder");
	case RETRIES:
		plan->tries = number_parse(value);
		return plan->tries ? 0 : refuse("--retries takes a number");
	case SLURM_OPTIONS:
		plan->slurm_options = value;
		return 0;
	case SSH:
		plan->ssh = value;
		return value[strspn(value, WORDS_BLANKS)]
			       ? 0
			       : refuse("--ssh takes a command");
	case TIMEOUT:
		return number_parse_seconds(value, false, &plan->timeout)
			       ? 0
			       : refuse("--timeout takes seconds");
	}
	return 1;
}

static int parse_colour(struct plan *plan, const char *value)
{
	if (!value || strcmp(value, "always") == 0)
		plan->colour = WHEN_ALWAYS;
	else if (strcmp(value, "never") == 0)
		plan->colour = WHEN_NEVER;
	else if (strcmp(value, "auto") == 0)
		plan->colour = WHEN_AUTO;
	else
		return refuse("--color takes auto, always or never");
	return 0;
}

static void set_switch(struct plan *plan, int c)
{
	plan->nul |= c == '0';
	plan->keep_order |= c == 'k';
	plan->dry_run |= c == DRY_RUN;
	plan->json |= c == JSON;
	plan->pipe |= c == PIPE;
	plan->raw |= c == RAW;
	plan->resume |= c == RESUME;
	plan->resume_failed |= c == RESUME_FAILED;
	plan->shell |= c == SHELL;
	plan->slurm |= c == SLURM;
	plan->tag |= c == TAG;
	if (c == PROGRESS)
		plan->progress = WHEN_ALWAYS;
	else if (c == NO_PROGRESS)
		plan->progress = WHEN_NEVER;
}

/* The command ends at ":::", and arguments follow. Else stdin is read. */
static void split_command(struct plan *plan, char **words)
{
	char **word;

	plan->command = words;
	for (word = words; *word && strcmp(*word, ":::") != 0; word++)
		;
	if (*word) {
		*word = NULL;
		plan->args = word + 1;
		plan->n_args = words_count(plan->args);
	} else if (plan->n_files == 0) {
		plan->files[plan->n_files++] = "-";
	}
}

/* Returns what does not go together; NULL: nothing. */
static const char *find_conflict(const struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan->n_args; i++)
		if (strcmp(plan->args[i], ":::") == 0)
			return "there can be only one :::";
	if (!*plan->command && !(plan->shell && !plan->pipe))
		return "expected a COMMAND";
	if (plan->pipe && plan->args)
		return "--pipe takes no :::";
	if (plan->pipe && plan->nul)
		return "with --pipe, use --recend '\\0' in place of --null";
	if ((plan->resume || plan->resume_failed) && !plan->joblog)
		return "--resume and --resume-failed need --joblog";
	if (plan->slurm && plan->n_hosts > 0)
		return "--slurm excludes --host";
	if (plan->batch && (plan->pipe || timerisset(&plan->timeout)))
		return "--slurm has --pipe and --timeout only inside an"
		       " allocation";
	if (plan->json && (plan->tag || plan->raw))
		return "--json excludes --tag and --raw";
	return NULL;
}

static char ssh[] = "ssh", none[] = "";

/* Every word may be a host or a file. */
static int prepare(struct plan *plan, int argc)
{
	plan->ssh = ssh;
	plan->slurm_options = none;
	plan->tries = 1;
	plan->grace.tv_sec = 2;
	plan->block = (size_t)1024 * 1024;
	plan->record_end = "\n";
	plan->record_end_len = 1;
	plan->hosts = calloc((size_t)argc + 1, sizeof(*plan->hosts));
	plan->files = calloc((size_t)argc + 1, sizeof(*plan->files));
	if (plan->hosts && plan->files)
		return 0;
	message_error("start", ENOMEM);
	return -1;
}

static size_t default_jobs(const struct plan *plan)
{
	long here = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = plan->slurm ? step_processors() : 0;

	if (n > 0)
		return n;
	return here > 0 ? (size_t)here : 1;
}

int options_parse(struct plan *plan, int argc, char *argv[])
{
	const char *conflict;
	int c, r = prepare(plan, argc);

	while (r == 0 && (c = getopt_long(argc, argv, "+0a:hH:j:k", options,
					  NULL)) != -1) {
		switch (c) {
		case 'h':
			exit(print_help(usage_text) < 0 ? STATUS_ERROR : 0);
		case VERSION:
			exit(print_help(usage_version) < 0 ? STATUS_ERROR : 0);
		case '?':
			return refuse(NULL);
		case COLOUR:
			r = parse_colour(plan, optarg);
			break;
		default:
			r = parse_value(plan, c, optarg);
			if (r > 0) {
				set_switch(plan, c);
				r = 0;
			}
		}
	}
	if (r < 0)
		return r;
	plan->jobs_given = plan->jobs > 0;
	if (!plan->jobs_given)
		plan->jobs = default_jobs(plan);
	plan->batch = plan->slurm && !step_is_possible();
	split_command(plan, argv + optind);
	conflict = find_conflict(plan);
	return conflict ? refuse(conflict) : 0;
}

void options_free(struct plan *plan)
{
	free(plan->hosts);
	free(plan->files);
}
