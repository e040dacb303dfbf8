/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "faults/run.h"
#include "support/harness.h"
#include "support/scarce.h"

/* Seconds after which a run hangs. */
#define RUN_LIMIT 45

static const struct act *run_now;

bool disturbed(void)
{
	return faults->disturbed != 0;
}

bool excused(int error)
{
	for (int i = 0; i < FAULT_COUNT; i++)
		if (faults->disturbed >> i & 1 &&
		    error == -faults_errno((enum fault)i))
			return true;
	return false;
}

void disturb(bool on)
{
	faults->on = on;
}

/* libevent complains of what fails, but of nothing else. */
static void on_log(int severity, const char *message)
{
	(void)severity;
	ck_assert_msg(faults->injected > 0, "libevent logged %s", message);
}

START_TEST(play)
{
	long lost;

	/* Check's handler would kill the group of all runs. */
	signal(SIGALRM, SIG_DFL);
	alarm(RUN_LIMIT);
	event_set_mem_functions(faults_event_malloc, faults_event_realloc,
				scarce_free);
	event_set_log_callback(on_log);
	faults->player = getpid();
	acts_begin();
	acts_play(run_now);
	lost = faults->live - acts_keepers();
	ck_assert_msg(lost == 0, "%ld blocks were lost", lost);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("faults");

	tcase_add_test(test_case(s, run_now->name), play);
	return s;
}

static void say(const char *text)
{
	snprintf(faults->failure, sizeof faults->failure, "%s", text);
}

static int play_here(void)
{
	SRunner *runner = srunner_create(suite());
	TestResult **results;
	int failed;

	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	if (failed > 0) {
		results = srunner_failures(runner);
		snprintf(faults->failure, sizeof faults->failure, "%s:%d: %s",
			 tr_lfile(results[0]), tr_lno(results[0]),
			 tr_msg(results[0]));
	}
	return failed > 0;
}

void run_prepare(const char *argv0)
{
	faults = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (faults == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	harness_begin(argv0);
	acts_prepare();
	/* What a run leaves behind comes to us. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* By select(2), libevent allocates to wait, and fails without. */
	unsetenv("EVENT_NOEPOLL");
	unsetenv("EVENT_NOPOLL");
}

/* Children that a run which failed left behind. */
static void kill_rest(void)
{
	char path[64];
	FILE *list;
	int pid;

	snprintf(path, sizeof path, "/proc/self/task/%d/children",
		 (int)getpid());
	list = fopen(path, "re");
	while (list && fscanf(list, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	if (list)
		fclose(list);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static bool ended_well(int status)
{
	char text[100];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		say("it hangs");
	else if (faults->failure[0] == '\0') {
		snprintf(text, sizeof text, "it ended with status %#x",
			 (unsigned)status);
		say(text);
	}
	return false;
}

bool run_act(const struct act *act, const struct faults_plan *plans,
	     unsigned n_plans)
{
	int status;
	bool good;
	pid_t pid;

	memset((void *)faults, 0, offsetof(struct faults_state, entries));
	memset((void *)&faults->injected, 0,
	       sizeof *faults - offsetof(struct faults_state, injected));
	for (unsigned i = 0; i < n_plans; i++)
		faults->plans[i] = plans[i];
	faults->n_plans = n_plans;
	run_now = act;
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (pid == 0)
		_exit(play_here());
	while (waitpid(pid, &status, 0) < 0)
		;
	good = ended_well(status);
	if (!good)
		kill_rest();
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return good;
}
