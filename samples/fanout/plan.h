/* SPDX-License-Identifier: BSD-3-Clause */
/* The plan: what to run, and how, as the command line says. */
#ifndef FANOUT_PLAN_H
#define FANOUT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>

/** When to start no more jobs: after so many of a kind. */
struct halt_rule {
	enum halt_what {
		HALT_NEVER,
		HALT_FAILED,
		HALT_SUCCEEDED,
		HALT_DONE
	} what;
	size_t count;
	bool now; /* running jobs are stopped, too */
};

/** Zero is the default of every field, except where it says otherwise. */
struct plan {
	char **command; /* ends with NULL; empty only with shell */
	bool shell;	/* command is text for sh(1) */

	/* The input: the items of files, then those of args. */
	char **files; /* "-" is stdin */
	size_t n_files;
	char **args;
	size_t n_args;
	bool nul; /* items in files end with a NUL, not with a newline */

	/* With pipe, the input is cut into blocks instead. */
	bool pipe;
	size_t block; /* the least size of a block; not 0 */
	const char *record_end;
	size_t record_end_len;

	/* The jobs */
	size_t jobs;		/* at a time, on each host; not 0 */
	bool jobs_given;	/* jobs is not the default */
	size_t tries;		/* not 0 */
	struct timeval timeout; /* of a job; 0: none */
	struct timeval grace;	/* from SIGTERM to SIGKILL */
	struct halt_rule halt;
	char **hosts;
	size_t n_hosts; /* 0: this host */
	char *ssh;	/* the command, which is split in place */
	bool slurm;
	bool batch;	     /* slurm, outside of an allocation */
	char *slurm_options; /* more words for srun or sbatch, likewise */

	/* The log */
	const char *joblog; /* NULL: none */
	bool resume;	    /* without the jobs that it lists */
	bool resume_failed; /* without those that succeeded */

	/* The output */
	bool dry_run;
	bool keep_order;
	bool tag;
	bool raw;
	bool json;
	const char *results;
	enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER } colour, progress;
};

#endif
