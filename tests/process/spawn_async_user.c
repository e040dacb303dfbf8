/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of starts as another user, who does to the child what may be done: the
 * parent and its loop go on.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "support/children.h"
#include "support/inside.h"

/* Nobody's: it stops all processes of that user. */
static const uid_t hostile = 64123;
static const gid_t hostiles = 64123;

static const char *const true_argv[] = { "true", NULL };

/* Stops all that the user may, again and again, until it is killed. */
static pid_t start_storm(int sig)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (setresgid(hostiles, hostiles, hostiles) < 0 ||
	    setresuid(hostile, hostile, hostile) < 0)
		_exit(1);
	for (;;)
		kill(-1, sig);
}

static void end_storm(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

struct pulse {
	struct af_loop *loop;
	int64_t last, longest; /* between two beats */
	bool over;
};

static void beat(struct af_future *done, void *arg)
{
	struct pulse *pulse = arg;
	int64_t now = now_us();

	(void)done;
	if (now - pulse->last > pulse->longest)
		pulse->longest = now - pulse->last;
	pulse->last = now;
	if (!pulse->over)
		af_on_done(af_sleep(pulse->loop, MS(10)), beat, pulse);
}

/* A child that was stopped, before or after its exec, does not end by itself. */
static void end_child(struct rig *rig, struct af_future *f)
{
	int r = drive(rig, f);
	struct af_process *process = af_future_take_process(f);

	ck_assert_int_eq(r, process ? 0 : -ETIMEDOUT);
	af_future_unref(f);
	if (!process)
		return;
	ck_assert_int_eq(af_process_signal(process, SIGKILL), 0);
	f = af_process_wait(process, NULL);
	ck_assert_int_eq(drive(rig, f), 0);
	af_future_unref(f);
	af_process_free(process);
}

START_TEST(user_that_stops_its_children_does_not_stop_the_loop)
{
	enum { N = 8, ROUNDS = 5 };
	struct af_future *f[N];
	struct pulse pulse = { .last = now_us() };
	struct rig rig;
	pid_t storm;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	pulse.loop = rig.loop;
	storm = start_storm(SIGSTOP);
	beat(NULL, &pulse);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < N; i++)
			f[i] = af_with_timeout(
				af_spawn_async(
					rig.loop,
					(const char *const[]){ "sleep", "1000",
							       NULL },
					WITH(.uid = &hostile, .gid = &hostiles,
					     .cwd = "/")),
				MS(500));
		for (int i = 0; i < N; i++)
			end_child(&rig, f[i]);
	}
	pulse.over = true;
	expect_error(&rig, af_sleep(rig.loop, MS(20)), 0);
	end_storm(storm);
	/* It was 3 s and more. */
	if (without_valgrind("runs one thread at a time"))
		ck_assert_int_lt(pulse.longest, 1500000);
	rig_close(&rig);
}
END_TEST

/* Tells for each pid whether the user may signal it, as an errno. */
static pid_t start_prober(int ask, int answer)
{
	pid_t pid = fork(), asked;
	int error;

	if (pid != 0)
		return pid;
	if (setresgid(hostiles, hostiles, hostiles) < 0 ||
	    setresuid(hostile, hostile, hostile) < 0)
		_exit(1);
	while (read(ask, &asked, sizeof asked) == sizeof asked) {
		error = kill(asked, 0) < 0 ? errno : 0;
		put(answer, &error, sizeof error);
	}
	_exit(0);
}

/* The real and the effective user of a process; false: it is gone. */
static bool look_at_user(pid_t pid, unsigned *real, unsigned *effective)
{
	char path[64], line[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof line, file))
		found = sscanf(line, "Uid: %u %u", real, effective) == 2;
	if (file)
		fclose(file);
	return found;
}

/* A search that takes long: through very many directories. */
static const char *const *long_search(void)
{
	static char path[100000] = "PATH=";
	static const char *const env[] = { path, NULL };

	if (!path[5]) {
		for (size_t i = 5; i + 20 < sizeof path; i += 2)
			memcpy(path + i, "/:", 2);
		strcat(path, "/usr/bin:/bin");
	}
	setenv("PATH", path + 5, 1);
	return env;
}

/* How often it was seen, with the user's rights, to refuse signals. */
static int probe(pid_t pid, int ask, int answer)
{
	unsigned real, effective;
	int error, seen = 0;

	while (look_at_user(pid, &real, &effective) && real != hostile) {
		if (effective != hostile)
			continue;
		put(ask, &pid, sizeof pid);
		get(answer, &error, sizeof error);
		/* It may have become the user meanwhile. */
		if (!look_at_user(pid, &real, &effective) || real == hostile)
			break;
		ck_assert_int_eq(error, EPERM);
		seen++;
	}
	return seen;
}

START_TEST(user_cannot_signal_a_child_that_looks_for_its_program)
{
	int ask[2], answer[2], seen = 0;
	struct af_process *process;
	struct af_future *f;
	struct rig rig;
	pid_t prober, pid;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	make_pair(KIND_PIPE, ask);
	make_pair(KIND_PIPE, answer);
	for (int i = 0; i < 20 && seen == 0; i++) {
		f = af_spawn_async(rig.loop, true_argv,
				   WITH(.uid = &hostile, .gid = &hostiles,
					.env = long_search()));
		pid = find_child();
		/* It is no child of the library's, and comes second. */
		prober = start_prober(ask[0], answer[1]);
		seen = probe(pid, ask[1], answer[0]);
		end_storm(prober);
		ck_assert_int_eq(drive(&rig, f), 0);
		process = af_future_take_process(f);
		af_future_unref(f);
		expect_exit(&rig, process, 0);
	}
	ck_assert_int_gt(seen, 0);
	for (int i = 0; i < 2; i++) {
		close(ask[i]);
		close(answer[i]);
	}
	rig_close(&rig);
}
END_TEST

static atomic_bool spawning;

/* What another thread sets while children become users stays set. */
static void *set_dumpable(void *arg)
{
	bool *kept = arg;

	*kept = true;
	while (atomic_load(&spawning)) {
		prctl(PR_SET_DUMPABLE, 0);
		for (int i = 0; i < 1000; i++)
			*kept &= prctl(PR_GET_DUMPABLE) == 0;
		prctl(PR_SET_DUMPABLE, 1);
		for (int i = 0; i < 1000; i++)
			*kept &= prctl(PR_GET_DUMPABLE) == 1;
	}
	return NULL;
}

START_TEST(dumpable_stays_as_another_thread_sets_it)
{
	pthread_t thread;
	struct rig rig;
	bool kept;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	atomic_store(&spawning, true);
	pthread_create(&thread, NULL, set_dumpable, &kept);
	for (int i = 0; i < 50; i++)
		expect_exit(&rig,
			    start(&rig, true_argv,
				  WITH(.uid = &hostile, .gid = &hostiles)),
			    0);
	atomic_store(&spawning, false);
	pthread_join(thread, NULL);
	ck_assert(kept);
	rig_close(&rig);
}
END_TEST

START_TEST(child_of_another_user_has_all_ids_of_that_user)
{
	static const char *const grep[] = { "grep",
					    "^[UG]id:", "/proc/self/status",
					    NULL };
	struct af_process *process;
	char text[512] = "";
	struct rig rig;
	int fds[2];

	if (!is_root())
		return;
	rig_open(&rig, 0);
	make_pair(KIND_PIPE, fds);
	process = start(
		&rig, grep,
		WITH(.uid = &hostile, .gid = &hostiles, .out = TO_FD(fds[1])));
	close(fds[1]);
	expect_exit(&rig, process, 0);
	ck_assert_int_gt(read(fds[0], text, sizeof text - 1), 0);
	ck_assert_str_eq(text, "Uid:\t64123\t64123\t64123\t64123\n"
			       "Gid:\t64123\t64123\t64123\t64123\n");
	close(fds[0]);
	rig_close(&rig);
}
END_TEST

/* By then it is the user. */
static int say_user(void *arg)
{
	char byte = getuid() == hostile && geteuid() == hostile ? 'u' : 'r';

	return write(*(int *)arg, &byte, 1) == 1 ? 0 : -EIO;
}

START_TEST(before_exec_with_a_user_runs_in_an_asynchronous_start)
{
	struct af_future *f;
	struct rig rig;
	int fds[2];
	char byte;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	make_pair(KIND_PIPE, fds);
	f = af_spawn_async(rig.loop, true_argv,
			   WITH(.uid = &hostile, .gid = &hostiles,
				.before_exec = say_user,
				.before_exec_arg = &fds[1]));
	ck_assert_int_eq(drive(&rig, f), 0);
	expect_exit(&rig, af_future_take_process(f), 0);
	af_future_unref(f);
	get(fds[0], &byte, 1);
	ck_assert_int_eq(byte, 'u');
	close(fds[0]);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/spawn_async_user");
	TCase *tc = test_case(s, "user");

	tcase_add_test(tc, user_that_stops_its_children_does_not_stop_the_loop);
	tcase_add_test(tc,
		       user_cannot_signal_a_child_that_looks_for_its_program);
	tcase_add_test(tc, dumpable_stays_as_another_thread_sets_it);
	tcase_add_test(tc, child_of_another_user_has_all_ids_of_that_user);
	tcase_add_test(tc,
		       before_exec_with_a_user_runs_in_an_asynchronous_start);
	return s;
}
