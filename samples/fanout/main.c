/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fanout: runs a command for each item of an input, N at a time, on this host
 * or on others. It shows a larger program made of continuations: runner.c makes
 * the tasks, task.c has the life of one, and job.c collects and prints output.
 */
#include <signal.h>
#include <stdlib.h>

#include "../common.h"
#include "options.h"
#include "plan.h"
#include "runner.h"

char program_name[] = "fanout";

int main(int argc, char *argv[])
{
	struct plan plan = { 0 };
	int r = STATUS_ERROR, sig = 0;

	hold_standard_streams();
	argv[0] = program_name;
	/* No message may kill us, and no child's status may be lost. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	if (options_parse(&plan, argc, argv) == 0)
		r = runner_run(&plan, &sig);
	options_free(&plan);
	if (sig) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
	return r;
}
