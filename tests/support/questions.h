/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The questions that the program inside.c answers.
 */
#ifndef TESTS_QUESTIONS_H
#define TESTS_QUESTIONS_H

#include <stdbool.h>

struct question {
	const char *word; /* NULL: the end */
	void (*say)(const char *arg);
};

/* Those about what only some systems have: inside_linux.c, inside_posix.c. */
extern const struct question system_questions[];

/* Exits with 99 and a message. */
_Noreturn void die(const char *what);

#endif
