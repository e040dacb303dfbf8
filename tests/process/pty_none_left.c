/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A terminal for a child where there is no more of them.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "support/denied.h"
#include "support/inside.h"

#define PTY                                                                    \
	{                                                                      \
		.kind = AFIO_PTY                                               \
	}
#define ALL_PTY .in = PTY, .out = PTY, .err = PTY

/* In a place of our own where there is room for one, which is taken. */
START_TEST(pty_where_none_is_left_is_enospc)
{
	struct rig rig;
	int taken;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("devpts", "/dev/pts", "devpts", 0,
		  "newinstance,ptmxmode=0666,max=1") < 0 ||
	    mount("/dev/pts/ptmx", "/dev/ptmx", "none", MS_BIND, NULL) < 0) {
		fprintf(stderr, "skipped: %s\n", strerror(errno));
		return;
	}
	rig_open(&rig, 0);
	taken = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(taken, 0);
	errno = 0;
	ck_assert_ptr_null(
		af_spawn(rig.loop, HELPER("exit", "0"), WITH(ALL_PTY)));
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_str_eq(af_spawn_error(rig.loop),
			 reason_of("terminal", ENOSPC));
	expect_no_child();
	close(taken);
	rig_close(&rig);
}
END_TEST

/* As POSIX has it. */
START_TEST(pty_of_a_system_that_says_again_is_enospc)
{
	const struct denied ptmx = { "openat, O_NOCTTY", SYS_openat, 3,
				     O_NOCTTY, O_NOCTTY };
	struct rig rig;

	if (!deny(&ptmx, 1, EAGAIN))
		return;
	rig_open(&rig, 0);
	expect_reason(&rig, HELPER("exit", "0"), WITH(ALL_PTY), ENOSPC,
		      reason_of("terminal", ENOSPC));
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/pty_none_left");
	TCase *tc = test_case(s, "terminal");

	tcase_add_test(tc, pty_where_none_is_left_is_enospc);
	tcase_add_test(tc, pty_of_a_system_that_says_again_is_enospc);
	return s;
}
