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

bool afi_tty_is_master(int fd)
{
	bool result;

	pthread_mutex_lock(&tty_mutex);
	result = ptsname(fd);
	pthread_mutex_unlock(&tty_mutex);
	return result;
}
