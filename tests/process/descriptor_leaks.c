/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests that a start and an end close each descriptor once, that no other child
 * inherits it, and that a failed start leaves none open.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/nobody.h"
#include "support/scratch.h"

/*
 * A descriptor closed twice. Whatever number became free, a canary
 * gets; a second close of that number kills it.
 */
#define MAX_CANARIES 100

struct canaries {
	int fds[MAX_CANARIES];
	int n;
};

static void plant(struct canaries *canaries)
{
	for (int i = 0; i < 10; i++) {
		int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

		ck_assert_int_lt(canaries->n, MAX_CANARIES);
		ck_assert_int_ge(fd, 0);
		canaries->fds[canaries->n++] = fd;
	}
}

static void expect_alive(struct canaries *canaries)
{
	struct stat null, status;

	ck_assert_int_eq(stat("/dev/null", &null), 0);
	for (int i = 0; i < canaries->n; i++) {
		ck_assert_int_eq(fstat(canaries->fds[i], &status), 0);
		ck_assert(S_ISCHR(status.st_mode));
		ck_assert_uint_eq(status.st_rdev, null.st_rdev);
		ck_assert_int_eq(fcntl(canaries->fds[i], F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(close(canaries->fds[i]), 0);
	}
}

START_TEST(close_of_everything_closes_each_descriptor_once)
{
	struct af_process *first, *second;
	struct canaries canaries = { .n = 0 };
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	ck_assert_ptr_null(af_spawn(rig.loop,
				    (const char *const[]){ "./no", NULL },
				    WITH(ALL_PIPES)));
	plant(&canaries);
	first = start(&rig, HELPER("cat"), WITH(ALL_PIPES));
	plant(&canaries);
	second = start(&rig, HELPER("cat"),
		       WITH(.in = { .kind = AFIO_PROCESS, .process = first },
			    .out.kind = AFIO_PIPE));
	plant(&canaries);
	pipe = af_pipe_new(first, second);
	ck_assert_ptr_nonnull(pipe);
	expect_count(&rig, af_pipe_write(pipe, "text", 4, AFIO_FULL, NULL), 4,
		     0);
	af_pipe_close_stdin(pipe);
	plant(&canaries);
	expect_text(&rig, af_pipe_read(pipe, 0, 0, NULL), "text", AFIO_EOF);
	plant(&canaries);
	expect_status(&rig, af_pipe_wait(pipe, NULL), 0);
	plant(&canaries);
	af_pipe_close(pipe);
	plant(&canaries);
	event_base_loop(af_loop_base(rig.loop), EVLOOP_NONBLOCK);
	plant(&canaries);
	rig_close(&rig);
	expect_alive(&canaries);
}
END_TEST

/*
 * A pipe that another thread's child inherits. Two threads start at
 * the same moment: one a few children that live until the round is over, the
 * other quick ones, whose streams end at once unless a long one has them, too.
 */
#define ROUNDS 50
#define EACH 4

struct race {
	const char *helper;
	pthread_barrier_t go, over;
	atomic_int failures;
};

static void *start_long_ones(void *arg)
{
	struct race *race = arg;
	const char *const argv[] = { race->helper, "hold", "0", NULL };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *held[EACH];

	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&race->go);
		for (int i = 0; i < EACH; i++)
			held[i] = af_spawn(loop, argv,
					   WITH(.in.kind = AFIO_PIPE));
		pthread_barrier_wait(&race->over);
		for (int i = 0; i < EACH; i++) {
			struct af_future *wait = af_process_wait(held[i], NULL);

			af_process_close_stdin(held[i]);
			race->failures += af_await(wait) != 0;
			af_future_unref(wait);
			af_process_free(held[i]);
		}
	}
	af_loop_free(loop);
	return NULL;
}

static void start_quick_one(struct race *race, struct af_loop *loop)
{
	const char *const argv[] = { race->helper, "echo", NULL };
	struct af_process *process =
		af_spawn(loop, argv, WITH(.out.kind = AFIO_PIPE));
	struct af_future *wait = af_process_wait(process, NULL);
	struct af_future *read =
		af_file_read(af_process_stdout(process), 0, 0, MS(10000));

	race->failures += af_await(read) != 0;
	race->failures += af_future_flags(read) != AFIO_EOF;
	race->failures += af_await(wait) != 0;
	af_future_unref(read);
	af_future_unref(wait);
	af_process_free(process);
}

static void *start_quick_ones(void *arg)
{
	struct race *race = arg;
	struct af_loop *loop = af_loop_new(NULL);

	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&race->go);
		for (int i = 0; i < EACH && race->failures == 0; i++)
			start_quick_one(race, loop);
		pthread_barrier_wait(&race->over);
	}
	af_loop_free(loop);
	return NULL;
}

START_TEST(read_while_another_thread_spawns_sees_eof_at_once)
{
	struct race race = { .helper = helper_path() };
	pthread_t threads[2];

	pthread_barrier_init(&race.go, NULL, 2);
	pthread_barrier_init(&race.over, NULL, 2);
	ck_assert_int_eq(
		pthread_create(&threads[0], NULL, start_long_ones, &race), 0);
	ck_assert_int_eq(
		pthread_create(&threads[1], NULL, start_quick_ones, &race), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&race.go);
	pthread_barrier_destroy(&race.over);
	ck_assert_int_eq(race.failures, 0);
}
END_TEST

/* A later child that holds an earlier one's pipes. */
START_TEST(close_stdin_with_later_sibling_alive_is_seen)
{
	struct af_process *first, *later;
	struct rig rig;

	rig_open(&rig, _i);
	first = start(&rig, HELPER("wait-eof"), WITH(ALL_PIPES));
	later = start(&rig, HELPER("hold", "0"), WITH(ALL_PIPES));
	af_process_close_stdin(first);
	expect_text(&rig,
		    af_file_read(af_process_stdout(first), 0, 0, MS(30000)),
		    "eof\n", AFIO_EOF);
	expect_exit(&rig, first, 0);
	ck_assert(!af_process_poll(later, NULL));
	af_process_close_stdin(later);
	expect_exit(&rig, later, 0);
	rig_close(&rig);
}
END_TEST

/* What is left of a program that could not be run. */
START_TEST(spawn_failing_often_leaves_neither_zombie_nor_descriptor)
{
	static const char *const programs[] = { "./missing", "./",
						"./bad-interpreter" };
	static const int errors[] = { ENOENT, EACCES, ENOENT };
	int unused, n = 2 + without_valgrind("dies of an execve() that fails");
	struct rig rig;

	rig_open(&rig, 0);
	make_file("bad-interpreter", "#!/nowhere/interpreter\n", 0700);
	unused = dup(rig.in);
	close(unused);
	for (int i = 0; i < 99; i++) {
		const char *const argv[] = { programs[i % n], NULL };

		expect_refused(&rig, argv, WITH(ALL_PIPES), errors[i % n]);
		ck_assert_int_eq(dup(rig.in), unused);
		close(unused);
	}
	expect_exit(&rig, start(&rig, HELPER("exit", "0"), NULL), 0);
	rig_close(&rig);
}
END_TEST

/* Were the error's way back open in the child, this would never return. */
START_TEST(spawn_of_long_lived_child_returns_while_it_lives)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, 0);
	process = start_held(&rig);
	ck_assert(!af_process_poll(process, NULL));
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

static void add_case(Suite *s, const char *name, const TTest *test, int n)
{
	tcase_add_loop_test(scratch_case(s, name), test, 0, n);
}

static bool forbid_close_range(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int try_in_planted_root(void)
{
	const char *const *argv = HELPER("exit", "0");
	struct rig rig;
	int root;

	rig_open(&rig, 0);
	root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || !forbid_close_range())
		return 1;
	expect_says(&rig, HELPER("dump-fds"), NULL, "0\n1\n2\n");
	if (mkdir("proc", 0755) < 0 || mkdir("proc/self", 0755) < 0 ||
	    mkdir("proc/self/fd", 0755) < 0 || chroot(".") < 0)
		return 2;
	expect_reason(&rig, argv, NULL, ENOENT,
		      "open /proc/self/fd: No such file or directory");
	if (fchdir(root) < 0 || chroot(".") < 0)
		return 3;
	close(root);
	rig_close(&rig);
	return 0;
}

/* Where descriptors are listed may be a directory that lists nothing. */
START_TEST(list_of_descriptors_that_is_planted_is_not_believed)
{
	if (is_root() && have_linux("/proc in a chroot"))
		expect_in_fork(try_in_planted_root);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/descriptor_leaks");
	TCase *tc;

	add_case(s, "descriptor closed twice",
		 close_of_everything_closes_each_descriptor_once, DRIVE_COUNT);
	add_case(s, "inherited by another thread's child",
		 read_while_another_thread_spawns_sees_eof_at_once, 1);
	add_case(s, "inherited by a later child",
		 close_stdin_with_later_sibling_alive_is_seen, DRIVE_COUNT);
	add_case(s, "program that cannot run",
		 spawn_failing_often_leaves_neither_zombie_nor_descriptor, 1);
	add_case(s, "error descriptor inherited",
		 spawn_of_long_lived_child_returns_while_it_lives, 1);
	tc = scratch_case(s, "list of descriptors");
	tcase_add_test(tc, list_of_descriptors_that_is_planted_is_not_believed);
	return s;
}
