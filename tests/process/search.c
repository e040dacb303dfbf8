/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of where a program is looked for: which PATH counts, which parts of it,
 * and who runs a script without "#!".
 */
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/inside.h"
#include "support/scratch.h"

#define ENV(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const char *const found[] = { "found", "echo", "found", NULL };

/* The helper under a name in a directory, which may be there. */
static void plant(const char *dir, const char *name)
{
	char path[PATH_MAX];

	if (mkdir(dir, 0700) < 0)
		ck_assert_int_eq(errno, EEXIST);
	snprintf(path, sizeof path, "%s/%s", dir, name);
	ck_assert_int_eq(symlink(helper_path(), path), 0);
}

START_TEST(search_looks_in_the_path_that_the_child_will_have)
{
	struct rig rig;

	rig_open(&rig, 0);
	plant("a", "found");
	setenv("PATH", "/nowhere", 1);
	expect_says(&rig, found, WITH(.env = ENV("PATH=a")), "found\n");
	expect_says(&rig, found, WITH(.env_edits = ENV("PATH=a")), "found\n");
	expect_says(&rig, found,
		    WITH(.env = ENV("PATH=x"), .env_edits = ENV("PATH=x:a")),
		    "found\n");
	/* As getenv(3) has it, the first one counts. */
	expect_refused(&rig, found, WITH(.env = ENV("PATH=x", "PATH=a")),
		       ENOENT);
	setenv("PATH", "a", 1);
	expect_says(&rig, found, NULL, "found\n");
	expect_refused(&rig, found, WITH(.env_edits = ENV("PATH=x")), ENOENT);
	expect_reason(&rig, found, WITH(.env = ENV("A=1")), ENOENT,
		      "exec found: No such file or directory");
	rig_close(&rig);
}
END_TEST

START_TEST(search_without_a_path_is_that_of_confstr)
{
	const char *const argv[] = { "echo", "usual", NULL };
	struct rig rig;

	rig_open(&rig, 0);
	setenv("PATH", "/nowhere", 1);
	expect_says(&rig, argv, WITH(.env = ENV("A=1")), "usual\n");
	expect_says(&rig, argv, WITH(.env_edits = ENV("PATH")), "usual\n");
	unsetenv("PATH");
	expect_says(
		&rig, argv,
		WITH(.env = ENV("PATH=/nowhere"), .search = AFIO_SEARCH_PARENT),
		"usual\n");
	rig_close(&rig);
}
END_TEST

START_TEST(search_of_the_parents_path_if_asked)
{
	struct rig rig;

	rig_open(&rig, 0);
	plant("b", "found");
	setenv("PATH", "b", 1);
	expect_says(&rig, found,
		    WITH(.env = ENV("PATH=x"), .search = AFIO_SEARCH_PARENT),
		    "found\n");
	setenv("PATH", "x", 1);
	expect_refused(&rig, found,
		       WITH(.env = ENV("PATH=b"), .search = AFIO_SEARCH_PARENT),
		       ENOENT);
	rig_close(&rig);
}
END_TEST

START_TEST(search_path_is_searched_instead)
{
	struct rig rig;

	rig_open(&rig, 0);
	plant("c", "found");
	setenv("PATH", "x", 1);
	expect_says(&rig, found, WITH(.search_path = "y:c"), "found\n");
	setenv("PATH", "c", 1);
	expect_refused(&rig, found, WITH(.search_path = "y"), ENOENT);
	expect_refused(&rig, found, WITH(.search_path = ""), ENOENT);
	rig_close(&rig);
}
END_TEST

START_TEST(search_none_takes_the_name_as_a_path)
{
	struct rig rig;

	rig_open(&rig, 0);
	plant("d", "found");
	setenv("PATH", "d", 1);
	expect_refused(&rig, found, WITH(.search = AFIO_SEARCH_NONE), ENOENT);
	expect_says(&rig, found, WITH(.search = AFIO_SEARCH_NONE, .cwd = "d"),
		    "found\n");
	rig_close(&rig);
}
END_TEST

START_TEST(search_is_relative_to_the_childs_cwd)
{
	struct rig rig;

	rig_open(&rig, 0);
	ck_assert_int_eq(mkdir("cwd", 0700), 0);
	plant("cwd/e", "found");
	expect_says(&rig, found, WITH(.env = ENV("PATH=e"), .cwd = "cwd"),
		    "found\n");
	expect_refused(&rig, found, WITH(.env = ENV("PATH=e")), ENOENT);
	rig_close(&rig);
}
END_TEST

/* execvp(3) takes it for the working directory. */
START_TEST(search_skips_empty_parts)
{
	static const char *const paths[] = {
		"", ":", "::", "x:", ":x", "x::y"
	};
	const char *const of_root[] = { "tmp", NULL };
	struct rig rig;

	rig_open(&rig, 0);
	plant(".", "found");
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		setenv("PATH", paths[i], 1);
		expect_refused(&rig, found, NULL, ENOENT);
		expect_refused(&rig, found, WITH(.search_path = paths[i]),
			       ENOENT);
		/* There, it would be EACCES. */
		expect_refused(&rig, of_root, NULL, ENOENT);
	}
	setenv("PATH", ".", 1);
	expect_says(&rig, found, NULL, "found\n");
	rig_close(&rig);
}
END_TEST

/* Too long as a whole, and in one component. */
START_TEST(search_goes_on_where_the_name_is_too_long)
{
	char path[3 * PATH_MAX], name[400];
	struct rig rig;

	rig_open(&rig, 0);
	plant("f", "found");
	memset(path, 'x', sizeof path);
	strcpy(path + sizeof path - 3, ":f");
	setenv("PATH", path, 1);
	expect_says(&rig, found, NULL, "found\n");
	strcpy(path + 300, ":f");
	setenv("PATH", path, 1);
	expect_says(&rig, found, NULL, "found\n");
	memset(path, 'x', sizeof path);
	strcpy(path + PATH_MAX - 7, ":f");
	for (size_t i = 10; i < PATH_MAX - 7; i += 10)
		path[i] = '/';
	setenv("PATH", path, 1);
	expect_says(&rig, found, NULL, "found\n");

	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = '\0';
	expect_refused(&rig, (const char *const[]){ name, NULL }, NULL,
		       ENAMETOOLONG);
	ck_assert_int_eq(af_spawn_error_step(rig.loop), AFIO_STEP_EXEC);
	rig_close(&rig);
}
END_TEST

/* It would be 64 GiB, if it were copied for each part. */
START_TEST(search_does_not_copy_a_name_for_each_part)
{
	const size_t len = 64 << 20, parts = 1000;
	char *name = malloc(len + 1), *path = malloc(2 * parts + 1);
	const char *argv[] = { name, NULL };
	struct rig rig;

	rig_open(&rig, 0);
	for (size_t i = 0; i < parts; i++)
		memcpy(path + 2 * i, "x:", 3);
	setenv("PATH", path, 1);
	memset(name, 'n', len);
	name[len] = '\0';
	expect_refused(&rig, argv, NULL, ENAMETOOLONG);
	name[1] = '/';
	expect_refused(&rig, argv, NULL, ENAMETOOLONG);
	ck_assert_uint_lt(strlen(af_spawn_error(rig.loop)), 5000);
	/* As an argument, it is too long for the kernel only. */
	expect_refused(&rig, argv,
		       WITH(.program = "true", .search_path = "/bin:/usr/bin"),
		       E2BIG);
	free(name);
	free(path);
	rig_close(&rig);
}
END_TEST

/* To sh, a name that begins with "-" is none of its options. */
START_TEST(search_of_a_script_is_never_an_option_of_sh)
{
	const char *const argv[] = { "-c", "a b", NULL };
	struct rig rig;

	rig_open(&rig, 0);
	ck_assert_int_eq(mkdir("-dir", 0700), 0);
	make_file("-dir/-c", "echo \"$#: $1\"\n", 0700);
	make_file("-c", "echo \"named: $1\"\n", 0700);
	expect_says(&rig, argv, WITH(.search_path = "-dir"), "1: a b\n");
	expect_says(&rig, argv,
		    WITH(.search = AFIO_SEARCH_NONE, .sh_fallback = true),
		    "named: a b\n");
	expect_says(&rig, (const char *const[]){ "x", "a b", NULL },
		    WITH(.program = "-dir/-c", .sh_fallback = true),
		    "1: a b\n");
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/search");
	TCase *tc = scratch_case(s, "path");

	tcase_add_test(tc, search_looks_in_the_path_that_the_child_will_have);
	tcase_add_test(tc, search_without_a_path_is_that_of_confstr);
	tcase_add_test(tc, search_of_the_parents_path_if_asked);
	tcase_add_test(tc, search_path_is_searched_instead);
	tcase_add_test(tc, search_none_takes_the_name_as_a_path);
	tcase_add_test(tc, search_is_relative_to_the_childs_cwd);
	tcase_add_test(tc, search_skips_empty_parts);
	tcase_add_test(tc, search_of_a_script_is_never_an_option_of_sh);
	if (!without_valgrind("dies of an execve() that fails"))
		return s;

	tc = scratch_case(s, "length");
	tcase_add_test(tc, search_goes_on_where_the_name_is_too_long);
	tcase_add_test(tc, search_does_not_copy_a_name_for_each_part);
	return s;
}
