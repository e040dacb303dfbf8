/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main() of a test program of Check, unless it has one of its own.
 */
#include <stdlib.h>

#include "support/harness.h"

int main(int argc, char **argv)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	(void)argc;
	harness_begin(argv[0]);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
