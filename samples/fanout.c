/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fanout: a command for each line of stdin, N at a time, here or on other
 * hosts. This is the sample for continuations: see runner.c for how a line
 * becomes a job, and job.c for what becomes of the job. Here is its command
 * line.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "common.h"
#include "runner.h"
#include "words.h"

char program_name[] = "fanout";

static const char help_text[] =
	"Usage: fanout [OPTION]... COMMAND [ARG...]\n"
	"Runs COMMAND once for each line of stdin, several at a time. The "
	"line\n"
	"takes the place of every {} in COMMAND and ARGs, or is one more ARG "
	"if\n"
	"there is none. The output of a job is printed in one piece, when it "
	"has\n"
	"ended and nobody has its output open any more.\n"
	"\n"
	"  -j, --jobs N     how many at a time; with --host, on each host. As\n"
	"                   many as processors here if missing. Fewer, where\n"
	"                   descriptors, processes or memory are short\n"
	"  -t, --timeout S  stop a job that takes longer than S seconds, with\n"
	"                   all of its process group: SIGTERM, and SIGKILL 2 "
	"s\n"
	"                   later. It has failed. On a host only ssh is "
	"stopped\n"
	"  -H, --host HOST  run \"ssh HOST\" with the command, quoted for a "
	"POSIX\n"
	"                   shell. May be given more than once, and the jobs "
	"are\n"
	"                   spread. Nothing is asked: BatchMode=yes\n"
	"  -s, --ssh SSH    the words to use instead of \"ssh\", for instance\n"
	"                   \"ssh -p 2222 -i key\"\n"
	"  -h, --help       this text\n"
	"\n"
	"The jobs read /dev/null. SIGINT, SIGTERM and SIGHUP stop them all. On "
	"a\n"
	"terminal, stderr shows how many are done, running and failed; and "
	"the time\n"
	"left, once one is done, where stdin is a file, or its writer has "
	"ended and\n"
	"less than 1 MiB of it is still to be read.\n"
	"\n"
	"Exit status, as of xargs: 0; 123 if a job failed; 124 if one exited "
	"with\n"
	"255, as ssh does when it cannot reach its host; 125 if one was killed "
	"by a\n"
	"signal; 126 if COMMAND cannot be run, 127 if it is not found; 1 on "
	"other\n"
	"errors. But for 123 no more jobs are started then; those that run go "
	"on.\n";

/* A positive number of at most max; 0 if it is none. */
static double parse_number(const char *text, double max)
{
	char *end;
	double number = strtod(text, &end);

	return *text && !*end && number > 0 && number <= max ? number : 0;
}

static int parse(struct plan *plan, int argc, char *argv[])
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "host", required_argument, NULL, 'H' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "ssh", required_argument, NULL, 's' },
		{ "timeout", required_argument, NULL, 't' },
		{ 0 },
	};
	double number;
	int c;

	while ((c = getopt_long(argc, argv, "+hH:j:s:t:", options, NULL)) !=
	       -1) {
		switch (c) {
		case 'h':
			exit(print_help(help_text) < 0 ? EXIT_FAILURE : 0);
		case 'H':
			if (!*optarg)
				return usage_error("--host takes a name");
			plan->hosts[plan->n_hosts++] = optarg;
			break;
		case 'j':
			plan->jobs = (size_t)parse_number(optarg, 1e6);
			if (plan->jobs == 0)
				return usage_error("--jobs takes a number");
			break;
		case 's':
			if (!optarg[strspn(optarg, WORDS_BLANKS)])
				return usage_error("--ssh takes a command");
			plan->ssh = optarg;
			break;
		case 't':
			number = parse_number(optarg, 1e9);
			plan->timeout.tv_sec = (time_t)number;
			number -= (double)plan->timeout.tv_sec;
			plan->timeout.tv_usec = (suseconds_t)(number * 1e6);
			if (!timerisset(&plan->timeout))
				return usage_error("--timeout takes seconds");
			break;
		default:
			return usage_error(NULL);
		}
	}
	plan->command = argv + optind;
	return optind < argc ? 0 : usage_error("expected a COMMAND");
}

int main(int argc, char *argv[])
{
	char ssh[] = "ssh";
	struct plan plan = { .ssh = ssh };
	int r = EXIT_FAILURE, sig = 0;

	hold_standard_streams();
	plan.jobs = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
	plan.hosts = calloc((size_t)argc, sizeof(*plan.hosts));
	argv[0] = program_name;
	/* A message must not kill us, and a child's status not be lost. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	if (!plan.hosts)
		complain("hosts", ENOMEM);
	else if (parse(&plan, argc, argv) == 0)
		r = runner_run(&plan, &sig);
	free(plan.hosts);
	if (sig) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
	return r;
}
