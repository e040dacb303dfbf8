/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Masters of ptys: only they have the name of a terminal. ptsname(3) is not for
 * several threads at once; nobody here reads what it returns.
 */
#include "config.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/tty.h"

static pthread_mutex_t tty_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t tty_once = PTHREAD_ONCE_INIT;

/* In a child by fork(2), where the thread that has it locked is not. */
static void tty_reset(void)
{
	pthread_mutex_init(&tty_mutex, NULL);
}

static void tty_prepare(void)
{
	pthread_atfork(NULL, NULL, tty_reset);
}

bool afi_tty_is_master(int fd)
{
	bool result;

	pthread_once(&tty_once, tty_prepare);
	pthread_mutex_lock(&tty_mutex);
	result = ptsname(fd);
	pthread_mutex_unlock(&tty_mutex);
	return result;
}
