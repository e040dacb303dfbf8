/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of AFIO_PATH: its flags and mode, the child's mask, links that root
 * does not follow, and paths that the child opens itself.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/nobody.h"
#include "support/offers.h"
#include "support/scratch.h"

static const char *const say_hi[] = { "echo", "hi", NULL };

#define TO_PATH(name, ...)                                                     \
	{                                                                      \
		.kind = AFIO_PATH, .path = (name), __VA_ARGS__                 \
	}
#define FLAGS(flags) .path_flags = (flags)

static void expect_written(struct rig *rig,
			   const struct af_spawn_options *options,
			   const char *name, const char *text)
{
	expect_exit(rig, start(rig, say_hi, options), 0);
	expect_file(name, text);
}

static void expect_mode(const char *name, unsigned mode, uid_t owner)
{
	struct stat status;

	ck_assert_int_eq(lstat(name, &status), 0);
	ck_assert_msg((status.st_mode & 07777) == mode, "%s: %o, not %o", name,
		      status.st_mode & 07777, mode);
	ck_assert_uint_eq(status.st_uid, owner);
}

START_TEST(path_is_truncated_or_appended_to)
{
	struct rig rig;

	rig_open(&rig, 0);
	make_file("old", "12345\n", 0600);
	expect_written(&rig,
		       WITH(.out = TO_PATH("old", FLAGS(AFIO_PATH_APPEND))),
		       "old", "12345\nhi\n");
	expect_written(&rig,
		       WITH(.out = TO_PATH("new", FLAGS(AFIO_PATH_APPEND))),
		       "new", "hi\n");
	expect_written(&rig, WITH(.out = TO_PATH("old", .fd = 0)), "old",
		       "hi\n");
	rig_close(&rig);
}
END_TEST

START_TEST(path_that_must_be_new_is_not_opened_if_it_is_there)
{
	struct rig rig;

	rig_open(&rig, 0);
	make_file("there", "kept\n", 0600);
	expect_reason(&rig, say_hi,
		      WITH(.out = TO_PATH("there", FLAGS(AFIO_PATH_EXCL))),
		      EEXIST, "open there: File exists");
	expect_reason(&rig, say_hi,
		      WITH(.out = TO_PATH("there", FLAGS(AFIO_PATH_EXCL)),
			   .umask = &(mode_t){ 0 }),
		      EEXIST, "open there: File exists");
	expect_file("there", "kept\n");
	expect_written(&rig,
		       WITH(.out = TO_PATH("fresh", FLAGS(AFIO_PATH_EXCL))),
		       "fresh", "hi\n");
	rig_close(&rig);
}
END_TEST

START_TEST(path_that_is_a_link_is_not_followed_if_asked)
{
	struct rig rig;

	rig_open(&rig, 0);
	make_file("target", "kept\n", 0600);
	ck_assert_int_eq(symlink("target", "link"), 0);
	expect_reason(&rig, say_hi,
		      WITH(.out = TO_PATH("link", FLAGS(AFIO_PATH_NOFOLLOW))),
		      ELOOP, reason_of("open link", ELOOP));
	expect_refused(&rig, say_hi,
		       WITH(.in = TO_PATH("link", FLAGS(AFIO_PATH_NOFOLLOW))),
		       ELOOP);
	expect_file("target", "kept\n");
	expect_written(
		&rig, WITH(.out = TO_PATH("target", FLAGS(AFIO_PATH_NOFOLLOW))),
		"target", "hi\n");
	expect_written(&rig, WITH(.out = TO_PATH("link", .fd = 0)), "target",
		       "hi\n");
	rig_close(&rig);
}
END_TEST

START_TEST(path_gets_its_mode_less_the_childs_mask)
{
	const mode_t private = 0600, most = 0777;
	mode_t before;
	struct rig rig;

	rig_open(&rig, 0);
	before = umask(022);
	expect_written(&rig, WITH(.out = TO_PATH("a", .fd = 0)), "a", "hi\n");
	expect_mode("a", 0644, geteuid());
	expect_written(&rig, WITH(.out = TO_PATH("b", .mode = &private)), "b",
		       "hi\n");
	expect_mode("b", 0600, geteuid());
	expect_written(
		&rig,
		WITH(.out = TO_PATH("c", .fd = 0), .umask = &(mode_t){ 077 }),
		"c", "hi\n");
	expect_mode("c", 0600, geteuid());
	/* Also where ours takes more away. */
	umask(077);
	expect_written(&rig,
		       WITH(.out = TO_PATH("d", .mode = &most),
			    .umask = &(mode_t){ 022 }),
		       "d", "hi\n");
	expect_mode("d", 0755, geteuid());
	/* One that was there keeps its own. */
	ck_assert_int_eq(chmod("d", 0640), 0);
	expect_written(&rig,
		       WITH(.out = TO_PATH("d", .mode = &most),
			    .umask = &(mode_t){ 0 }),
		       "d", "hi\n");
	expect_mode("d", 0640, geteuid());
	ck_assert_int_eq(symlink("e", "dangling"), 0);
	expect_written(&rig,
		       WITH(.out = TO_PATH("dangling", .fd = 0),
			    .umask = &(mode_t){ 0 }),
		       "e", "hi\n");
	umask(before);
	rig_close(&rig);
}
END_TEST

static void make_directory_of(const char *name, uid_t uid, mode_t mode)
{
	ck_assert_int_eq(mkdir(name, 0700), 0);
	ck_assert_int_eq(chown(name, uid, uid), 0);
	ck_assert_int_eq(chmod(name, mode), 0);
}

static void make_link_of(const char *target, const char *name, uid_t uid)
{
	ck_assert_int_eq(symlink(target, name), 0);
	ck_assert_int_eq(lchown(name, uid, uid), 0);
}

static const struct trap {
	const char *path;
	bool followed;
} traps[] = {
	{ "theirs/link", false },
	{ "theirs/roots-link", false }, /* it may have been moved there */
	{ "theirs/../theirs/link", false },
	{ "theirs/up/secret", false },
	{ "theirs/./absolute", false },
	{ "shared/link", false },
	{ "sticky/link", false }, /* the kernel itself may say EACCES */
	{ "to-theirs/link", false },
	{ "to-link", false },
	{ "sticky/roots-link", true },
	{ "ours/link", true },
	{ "ours/up/secret", true },
	{ "ours/up//./ours/../secret", true },
	{ "ours/absolute", true },
	{ "to-ours", true },
	{ "circle", false },
};

static void make_traps(void)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof path, "%s/secret", directory);
	make_file("secret", "kept\n", 0600);
	if (mkdir("theirs", 0700) < 0)
		return;
	remove("theirs");
	make_directory_of("theirs", nobody, 0755);
	make_directory_of("shared", 0, 0775);
	make_directory_of("sticky", 0, 01777);
	make_directory_of("ours", 0, 0755);
	make_link_of("../secret", "theirs/link", nobody);
	make_link_of("../secret", "theirs/roots-link", 0);
	make_link_of("..", "theirs/up", nobody);
	make_link_of(path, "theirs/absolute", nobody);
	make_link_of("../secret", "shared/link", 0);
	make_link_of("../secret", "sticky/link", nobody);
	make_link_of("../secret", "sticky/roots-link", 0);
	make_link_of("../secret", "ours/link", 0);
	make_link_of("..", "ours/up", 0);
	make_link_of(path, "ours/absolute", 0);
	make_link_of("theirs", "to-theirs", 0);
	make_link_of("theirs/link", "to-link", 0);
	make_link_of("ours/up/ours/link", "to-ours", 0);
	make_link_of("circle", "circle", 0);
}

static void expect_trap(struct rig *rig, const struct af_spawn_options *options)
{
	errno = 0;
	ck_assert_ptr_null(af_spawn(rig->loop, say_hi, options));
	ck_assert(errno == ELOOP || errno == EACCES);
	ck_assert_int_eq(af_spawn_error_step(rig->loop), AFIO_STEP_OPEN);
	expect_no_child();
}

START_TEST(path_as_root_follows_no_link_of_others)
{
	const struct trap *trap = &traps[_i];
	struct af_stdio path = TO_PATH(trap->path, .fd = 0);
	struct rig rig;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	make_traps();
	if (trap->followed) {
		expect_written(&rig, WITH(.out = path), "secret", "hi\n");
		expect_exit(&rig,
			    start(&rig, say_hi,
				  WITH(.in = path, .out.kind = AFIO_NULL)),
			    0);
	} else {
		expect_trap(&rig, WITH(.out = path));
		expect_trap(&rig, WITH(.in = path));
		expect_trap(&rig, WITH(.out = path, .umask = &(mode_t){ 0 }));
		expect_trap(&rig, WITH(.err = path, AS_NOBODY));
		ck_assert_ptr_null(af_pipe_spawn(
			rig.loop, CHAIN(say_hi, say_hi), WITH(.err = path)));
		expect_file("secret", "kept\n");
	}
	rig_close(&rig);
}
END_TEST

START_TEST(path_as_root_follows_links_of_others_if_asked)
{
	struct rig rig;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	make_traps();
	expect_written(
		&rig,
		WITH(.out = TO_PATH("theirs/link", FLAGS(AFIO_PATH_FOLLOW))),
		"secret", "hi\n");
	rig_close(&rig);
}
END_TEST

static void expect_links_of_proc_lead_on(struct rig *rig)
{
	struct af_process *process;
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", rig->out);
	process = start(rig, say_hi, WITH(.out = TO_PATH(path, .fd = 0)));
	expect_exit(rig, process, 0);
	get(rig->in, path, 3);
	ck_assert_int_eq(strncmp(path, "hi\n", 3), 0);
	expect_written(rig, WITH(.out = TO_PATH("/proc/self/cwd/new", .fd = 0)),
		       "new", "hi\n");
}

/* What is no link is opened, wherever it is; and links of /proc lead on. */
START_TEST(path_as_root_without_a_link_of_others_is_opened)
{
	struct rig rig;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	make_traps();
	expect_written(&rig, WITH(.out = TO_PATH("theirs/new", .fd = 0)),
		       "theirs/new", "hi\n");
	expect_written(&rig, WITH(.out = TO_PATH("ours/up/new", .fd = 0)),
		       "new", "hi\n");
	make_link_of("not-yet", "ours/dangling", 0);
	expect_written(&rig, WITH(.out = TO_PATH("ours/dangling", .fd = 0)),
		       "ours/not-yet", "hi\n");
	if (have_linux("links in /proc"))
		expect_links_of_proc_lead_on(&rig);
	expect_refused(&rig, say_hi, WITH(.out = TO_PATH("", .fd = 0)), ENOENT);
	expect_refused(&rig, say_hi, WITH(.out = TO_PATH("/", .fd = 0)),
		       EISDIR);
	expect_refused(&rig, say_hi, WITH(.out = TO_PATH("ours/up/", .fd = 0)),
		       EISDIR);
	expect_refused(&rig, say_hi,
		       WITH(.out = TO_PATH("ours/link/x", .fd = 0)), ENOTDIR);
	rig_close(&rig);
}
END_TEST

static int try_own_links(void)
{
	struct rig rig;

	become_nobody();
	rig_open(&rig, 0);
	expect_exit(&rig,
		    start(&rig, say_hi,
			  WITH(.out = TO_PATH("users/link", .fd = 0))),
		    0);
	rig_close(&rig);
	return 0;
}

START_TEST(path_as_a_user_follows_links)
{
	if (!is_root())
		return;
	ck_assert_int_eq(chmod(".", 0755), 0);
	make_directory_of("users", nobody, 0755);
	make_link_of("target", "users/link", nobody);
	expect_in_fork(try_own_links);
	expect_file("users/target", "hi\n");
}
END_TEST

/* TO_PATH(), which stays one argument of start(). */
#define AS_CHILD(name, flags)                                                  \
	((struct af_stdio)TO_PATH(name, FLAGS(AFIO_PATH_AS_CHILD | (flags))))

/* The path is relative to its directory, and what is made is its own. */
START_TEST(path_of_the_child_is_opened_with_its_rights)
{
	const char *const cat[] = { "cat", NULL };
	const char *const both[] = { "sh", "-c", "echo out; echo err >&2",
				     NULL };
	struct rig rig;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	ck_assert_int_eq(chmod(".", 0755), 0);
	make_directory_of("box", nobody, 0755);
	make_directory_of("shut", 0, 0700);
	expect_exit(
		&rig,
		start(&rig, both,
		      WITH(AS_NOBODY, .cwd = "box", .out = AS_CHILD("made", 0),
			   .err.kind = AFIO_STDOUT, .umask = &(mode_t){ 027 })),
		0);
	expect_file("box/made", "out\nerr\n");
	expect_mode("box/made", 0640, nobody);
	expect_exit(
		&rig,
		start(&rig, cat,
		      WITH(AS_NOBODY, .cwd = "box", .in = AS_CHILD("made", 0),
			   .out = AS_CHILD("copy", AFIO_PATH_EXCL),
			   .err = AS_CHILD("errors", AFIO_PATH_APPEND))),
		0);
	expect_file("box/copy", "out\nerr\n");
	expect_file("box/errors", "");
	rig_close(&rig);
}
END_TEST

START_TEST(path_of_the_child_that_cannot_be_opened_is_an_error)
{
	struct rig rig;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	ck_assert_int_eq(chmod(".", 0755), 0);
	make_directory_of("private", 0, 0700);
	make_directory_of("open", 0, 0777);
	make_file("open/there", "", 0644);
	expect_reason(&rig, say_hi,
		      WITH(AS_NOBODY, .out = AS_CHILD("private/x", 0)), EACCES,
		      "open private/x: Permission denied");
	expect_reason(&rig, say_hi,
		      WITH(AS_NOBODY, .out = AS_CHILD("open/there", 0)), EACCES,
		      "open open/there: Permission denied");
	expect_reason(
		&rig, say_hi,
		WITH(AS_NOBODY, .out = AS_CHILD("open/there", AFIO_PATH_EXCL)),
		EEXIST, "open open/there: File exists");
	expect_reason(&rig, say_hi, WITH(.out = AS_CHILD(NULL, 0)), EINVAL,
		      "open: Invalid argument");
	/* stderr has no number left. */
	if (have_linux("few numbers") &&
	    without_valgrind("refuses a hard limit of descriptors"))
		expect_reason(&rig, say_hi,
			      WITH(.out = AS_CHILD("made", 0),
				   .err.kind = AFIO_STDOUT,
				   .limits = &(struct af_limit){ RLIMIT_NOFILE,
								 2, 2 },
				   .n_limits = 1),
			      EBADF, "fd 2: Bad file descriptor");
	rig_close(&rig);
}
END_TEST

START_TEST(path_of_a_child_that_is_root_has_no_link)
{
	struct rig rig;

	if (!is_root())
		return;
	rig_open(&rig, 0);
	make_traps();
	expect_trap(&rig, WITH(.out = AS_CHILD("theirs/link", 0)));
	expect_trap(&rig, WITH(.out = AS_CHILD("ours/link", 0)));
	expect_trap(&rig, WITH(.gid = &nogroup,
			       .out = AS_CHILD("theirs/up/secret", 0)));
	expect_trap(&rig, WITH(.uid = &(uid_t){ 0 }, .gid = &nogroup,
			       .in = AS_CHILD("theirs/link", 0)));
	expect_file("secret", "kept\n");
	expect_written(&rig,
		       WITH(.out = AS_CHILD("theirs/link", AFIO_PATH_FOLLOW)),
		       "secret", "hi\n");
	rig_close(&rig);
}
END_TEST

/* Also where the parent's own three are closed, or ask for each other. */
START_TEST(path_of_the_child_gets_its_number)
{
	const struct af_fd_map more[] = { { 0, 5 }, { 1, 6 } };
	struct rig rig;
	int old[3];

	rig_open(&rig, 0);
	make_file("input", "in", 0600);
	for (int i = 0; i < 3; i++)
		old[i] = fcntl(i, F_DUPFD_CLOEXEC, 100);
	expect_exit(&rig,
		    start(&rig, HELPER("dump-fds"),
			  WITH(.in = AS_CHILD("input", 0),
			       .out = AS_CHILD("output", 0), .fds = more,
			       .n_fds = 2)),
		    0);
	expect_file("output", "0\n1\n2\n5\n6\n");
	close(0);
	close(1);
	expect_exit(&rig,
		    start(&rig, HELPER("dump-fds"),
			  WITH(.in.kind = AFIO_CLOSED,
			       .out = AS_CHILD("output", 0))),
		    0);
	expect_file("output", "1\n2\n");
	expect_exit(&rig,
		    start(&rig, HELPER("cat"),
			  WITH(.in = AS_CHILD("input", 0),
			       .out = AS_CHILD("output", 0))),
		    0);
	expect_file("output", "in");
	for (int i = 0; i < 3; i++) {
		dup2(old[i], i);
		close(old[i]);
	}
	rig_close(&rig);
}
END_TEST

/* Several would truncate what the others have written. */
START_TEST(path_of_the_child_is_for_one_stage_only)
{
	struct rig rig;

	rig_open(&rig, 0);
	ck_assert_ptr_null(af_pipe_spawn(rig.loop, CHAIN(say_hi, say_hi),
					 WITH(.err = AS_CHILD("errors", 0))));
	ck_assert_int_eq(errno, EINVAL);
	expect_spawn_error(&rig, "option err: Invalid argument");
	expect_success(&rig, start_chain(&rig, CHAIN(say_hi),
					 WITH(.out = AS_CHILD("output", 0),
					      .err = AS_CHILD("errors", 0))));
	expect_file("output", "hi\n");
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/paths");
	TCase *tc = scratch_case(s, "flags");

	tcase_add_test(tc, path_is_truncated_or_appended_to);
	tcase_add_test(tc, path_that_must_be_new_is_not_opened_if_it_is_there);
	tcase_add_test(tc, path_that_is_a_link_is_not_followed_if_asked);
	tcase_add_test(tc, path_gets_its_mode_less_the_childs_mask);

	tc = scratch_case(s, "links");
	tcase_add_loop_test(tc, path_as_root_follows_no_link_of_others, 0,
			    sizeof traps / sizeof *traps);
	tcase_add_test(tc, path_as_root_follows_links_of_others_if_asked);
	tcase_add_test(tc, path_as_root_without_a_link_of_others_is_opened);
	tcase_add_test(tc, path_as_a_user_follows_links);

	tc = scratch_case(s, "child");
	tcase_add_test(tc, path_of_the_child_is_opened_with_its_rights);
	tcase_add_test(tc, path_of_the_child_that_cannot_be_opened_is_an_error);
	if (geteuid() == 0 && !offers_openat2())
		return s;
	tcase_add_test(tc, path_of_a_child_that_is_root_has_no_link);
	tcase_add_test(tc, path_of_the_child_gets_its_number);
	tcase_add_test(tc, path_of_the_child_is_for_one_stage_only);
	return s;
}
