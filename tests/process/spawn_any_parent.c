/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of who starts a child: the first process of a pid namespace, one whose
 * children are in another namespace, and one with much memory.
 */
#include "config.h"

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/children.h"

/* What a namespace's first process does; 0, or which step went wrong. */
static int spawn_as_first(bool inside)
{
	const char *const cat[] = { "cat", NULL };
	const char *const no[] = { "./no", NULL };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *process;
	struct af_future *f;
	int status;

	if (inside && getpid() != 1)
		return 1;
	if (af_spawn(loop, no, WITH(ALL_PIPES)) || errno != ENOENT)
		return 2;
	process = af_spawn(loop, cat,
			   WITH(IN_OUT_PIPES, .new_session = true,
				.die_with_parent =
					have_linux("die_with_parent")));
	if (!process)
		return 3;
	f = af_file_write(af_process_stdin(process), "x", 1, 0, NULL);
	if (af_await(f) != 0)
		return 4;
	af_future_unref(f);
	f = af_file_read(af_process_stdout(process), 1, 0, NULL);
	if (af_await(f) != 0 || af_future_count(f) != 1)
		return 5;
	af_future_unref(f);
	af_process_close_stdin(process);
	f = af_process_wait(process, NULL);
	if (af_await(f) != 0)
		return 6;
	status = af_future_status(f);
	af_future_unref(f);
	af_process_free(process);
	/* Where no thread can be started, this one does it. */
	f = af_run(loop, cat, NULL);
	if (af_await(f) != 0 || af_future_status(f) != 0)
		return 8;
	af_future_unref(f);
	af_loop_free(loop);
	return status == 0 ? 0 : 7;
}

/*
 * As pid 1; and as one whose children are in a namespace of which it
 * is no part, the first of them being pid 1 there.
 */
START_TEST(spawn_in_a_pid_namespace_works)
{
	bool as_first = _i == 0;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0)
			_exit(77);
		if (!as_first) {
			/* One process keeps the namespace alive. */
			pid_t init = fork();

			if (init == 0)
				for (;;)
					pause();
			status = spawn_as_first(false);
			kill(init, SIGKILL);
			while (wait(NULL) > 0)
				;
			_exit(status);
		}
		pid = fork();
		if (pid == 0)
			_exit(spawn_as_first(true));
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			_exit(78);
		_exit(WEXITSTATUS(status));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		fprintf(stderr, "skipped: no namespace may be made here\n");
	else
		ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

#if defined(HAVE_CLONE_VFORK) && !defined(__SANITIZE_THREAD__)
#define SHARES_MEMORY

/* The best of some, as the machine may be busy. */
static int64_t time_spawns(struct rig *rig)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 20; i++) {
		int64_t since = now_us();
		struct af_process *process =
			start(rig, HELPER("exit", "0"),
			      WITH(.new_session = true, .nice = 1,
				   .die_with_parent = true,
				   .umask = &(mode_t){ 022 }));
		int64_t took = now_us() - since;

		best = took < best ? took : best;
		expect_exit(rig, process, 0);
	}
	return best;
}

START_TEST(spawn_of_a_large_parent_takes_as_long_as_a_small_ones)
{
	const size_t len = (size_t)512 << 20;
	int64_t small, large = 0;
	struct rig rig;
	char *memory;

	rig_open(&rig, 0);
	small = time_spawns(&rig);
	memory = mmap(NULL, len, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(memory, MAP_FAILED);
	/* Small pages, of which fork(2) would copy the tables. */
	madvise(memory, len, MADV_NOHUGEPAGE);
	memset(memory, 1, len);
	/* It may be busy for longer: only a copy takes that long each time. */
	for (int i = 0; i < 10; i++) {
		large = time_spawns(&rig);
		if (large < small * 4 + 1000)
			break;
	}
	munmap(memory, len);
	ck_assert_msg(large < small * 4 + 1000,
		      "%lld us, and %lld us with much memory", (long long)small,
		      (long long)large);
	rig_close(&rig);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("process/spawn_any_parent");
	TCase *tc = test_case(s, "namespace");

	/* Whoever has left its namespace can start no thread to wait. */
#ifdef HAVE_PIDFD
	tcase_add_loop_test(tc, spawn_in_a_pid_namespace_works, 0, 2);
#else
	tcase_add_loop_test(tc, spawn_in_a_pid_namespace_works, 0, 1);
#endif
#ifdef SHARES_MEMORY
	if (without_valgrind("copies the memory of a parent")) {
		tc = test_case(s, "time");
		tcase_add_test(
			tc,
			spawn_of_a_large_parent_takes_as_long_as_a_small_ones);
	}
#endif
	return s;
}
