/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * No questions beside those that each system answers.
 */
#include <stddef.h>

#include "support/questions.h"

const struct question system_questions[] = { { NULL, NULL } };
