/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fanout: runs a command for each line of stdin, N at a time, on this host or
 * on others. It shows a larger program made of continuations: runner.c starts a
 * job for each line, and job.c collects and prints its output. This file parses
 * the command line.
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
	"Runs COMMAND once for each line of stdin, several jobs at a time.\n"
	"The line replaces each {} in COMMAND and ARGs; if there is no {}, it\n"
	"is added as the last ARG. The output of a job is printed in one\n"
	"piece, after the job has exited and no process has its output open.\n"
	"\n"
	"  -j, --jobs N     run N jobs at a time; with --host, on each host.\n"
	"                   The default is the number of processors. Fewer\n"
	"                   run if descriptors, processes or memory are\n"
	"                   short.\n"
	"  -t, --timeout S  stop a job and its process group after S seconds:\n"
	"                   SIGTERM, and SIGKILL 2 s later. Such a job counts\n"
	"                   as failed. With --host, only ssh is stopped.\n"
	"  -H, --host HOST  run the command by \"ssh HOST\", quoted for a\n"
	"                   POSIX shell. With several hosts, the jobs are\n"
	"                   distributed among them. ssh never asks for a\n"
	"                   password (BatchMode=yes).\n"
	"  -s, --ssh SSH    use these words instead of \"ssh\", for example\n"
	"                   \"ssh -p 2222 -i key\"\n"
	"  -h, --help       print this text\n"
	"\n"
	"The stdin of jobs is /dev/null. SIGINT, SIGTERM and SIGHUP stop all\n"
	"jobs. If stderr is a terminal, it shows how many jobs are done,\n"
	"running and failed. After the first job it also shows the time left,\n"
	"if the size of stdin is known: stdin is a file, or all of it has\n"
	"arrived and less than 1 MiB of it is left to read.\n"
	"\n"
	"Exit status, like that of xargs:\n"
	"    0  all jobs succeeded\n"
	"  123  a job failed\n"
	"  124  a job exited with 255, as ssh does if it cannot connect\n"
	"  125  a signal killed a job\n"
	"  126  COMMAND cannot be executed\n"
	"  127  COMMAND was not found\n"
	"    1  another error\n"
	"After any of these except 0 and 123, no more jobs are started;\n"
	"running jobs finish.\n";

/* Returns a positive number up to max; 0 if text is not one. */
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
	/* No message may kill us, and no child's status may be lost. */
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
