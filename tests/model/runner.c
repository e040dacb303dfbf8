/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The runner: a child of its own for programs, with a deadline, and memory in
 * which the child says what it is doing. It knows no instruction.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/runner.h"
#include "model/world.h"
#include "support/harness.h"

#define FAILED 9 /* the exit status of a program that the model refutes */

static struct report {
	unsigned long operations;
	uint64_t seed;
	char place[200];
	char detail[200];
} * report; /* shared with the child */

_Noreturn void model_fail(const char *file, int line, const char *condition,
			  const struct node *node)
{
	static const char *const names[] = {
		"read",	   "readline", "read_until", "peek",   "each",
		"write",   "copy",     "finish",     "unread", "empty",
		"read_at", "write_at", "sync",	     "work",   "wait",
		"hangup",  "idle",     "copy_both",  "sleep",  "maker",
		"chain",   "all",      "settled",    "race",   "any",
		"timed",   "shield",   "map"
	};

	snprintf(report->place, sizeof report->place, "%s:%d: %s",
		 strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line,
		 condition);
	if (node)
		snprintf(report->detail, sizeof report->detail,
			 "%s %u: error %d, count %zu, size %zu",
			 names[node->kind], node->id, node->error, node->count,
			 node->size);
	_exit(FAILED);
}

static void on_log(int severity, const char *message)
{
	snprintf(report->detail, sizeof report->detail, "%d: %s", severity,
		 message);
	must(severity < 0 && "libevent has logged something", NULL);
}

/* The lowest number that is free: any descriptor left takes it. */
static int lowest_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void run_checked(const struct program *program, unsigned limit)
{
	int before = lowest_fd();
	int64_t since = now_us();

	report->seed = program->seed;
	alarm(limit);
	world_run(program);
	/* A worker thread may be closing the last one. */
	while (lowest_fd() != before) {
		must(now_us() - since < 20000000, NULL);
		sched_yield();
	}
	alarm(0);
	report->operations += world.operations;
	world.operations = 0;
}

/* The line in which a sanitizer says what it has found. */
static void find_summary(FILE *errors, char *place, size_t size)
{
	char line[300];

	rewind(errors);
	while (fgets(line, sizeof line, errors)) {
		if (getenv("AF_TEST_PROGRAM"))
			fputs(line, stderr);
		if (strncmp(line, "SUMMARY: ", 9) != 0)
			continue;
		/* How many bytes differs from program to program. */
		if (strstr(line, " leaked "))
			strcpy(line, "SUMMARY: memory was leaked");
		line[strcspn(line, "\n")] = '\0';
		snprintf(place, size, "%.*s", (int)size - 1, line + 9);
	}
}

static void child_begin(FILE *errors)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	dup2(fileno(errors), STDERR_FILENO);
	signal(SIGALRM, SIG_DFL);
	event_set_log_callback(on_log);
}

static bool child_end(pid_t pid, FILE *errors, struct failure *ret_failure)
{
	struct failure failure = { 0 };
	bool failed;

	while (waitpid(pid, &failure.status, 0) < 0)
		ck_assert_int_eq(errno, EINTR);
	failed = failure.status != 0;
	failure.seed = report->seed;
	memcpy(failure.place, report->place, sizeof failure.place);
	memcpy(failure.detail, report->detail, sizeof failure.detail);
	if (failed && failure.place[0] == '\0')
		find_summary(errors, failure.place, sizeof failure.place);
	fclose(errors);
	if (failed)
		*ret_failure = failure;
	return failed;
}

static pid_t child_fork(FILE **ret_errors)
{
	pid_t pid;

	if (!report) {
		report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		ck_assert(report != MAP_FAILED);
	}
	memset(report, 0, sizeof *report);
	*ret_errors = tmpfile();
	ck_assert_ptr_nonnull(*ret_errors);
	fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		child_begin(*ret_errors);
	return pid;
}

bool runner_run(const struct program *program, unsigned limit,
		struct failure *ret_failure)
{
	FILE *errors;
	pid_t pid = child_fork(&errors);

	if (pid == 0) {
		run_checked(program, limit);
		exit(0);
	}
	return child_end(pid, errors, ret_failure);
}

bool runner_run_seeds(uint64_t first, unsigned n, unsigned long *operations,
		      struct failure *ret_failure)
{
	struct program program;
	FILE *errors;
	pid_t pid = child_fork(&errors);
	bool failed;

	if (pid == 0) {
		for (unsigned i = 0; i < n; i++) {
			program_generate(&program, first + i);
			run_checked(&program, RUNNER_LIMIT);
			program_free(&program);
		}
		exit(0);
	}
	failed = child_end(pid, errors, ret_failure);
	*operations += report->operations;
	return failed;
}

bool runner_is_same(const struct failure *a, const struct failure *b)
{
	return a->status == b->status && strcmp(a->place, b->place) == 0;
}

void runner_describe(const struct failure *failure, char *text, size_t size)
{
	if (WIFSIGNALED(failure->status) &&
	    WTERMSIG(failure->status) == SIGALRM)
		snprintf(text, size, "hung");
	else if (WIFSIGNALED(failure->status))
		snprintf(text, size, "died of signal %d (%s)",
			 WTERMSIG(failure->status), failure->place);
	else if (WEXITSTATUS(failure->status) == FAILED)
		snprintf(text, size, "not true: %s (%s)", failure->place,
			 failure->detail);
	else
		snprintf(text, size, "exited with %d (%s)",
			 WEXITSTATUS(failure->status), failure->place);
}
