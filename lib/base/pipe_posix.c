/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pipes by pipe(2) and fcntl(2), with a lock between the two.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/pipe.h"

static pthread_mutex_t pipe_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t pipe_once = PTHREAD_ONCE_INIT;

/* In a child by fork(2), where the thread that has it locked is not. */
static void pipe_reset(void)
{
	pthread_mutex_init(&pipe_mutex, NULL);
}

static void pipe_prepare(void)
{
	pthread_atfork(NULL, NULL, pipe_reset);
}

void afi_pipe_lock(void)
{
	pthread_once(&pipe_once, pipe_prepare);
	pthread_mutex_lock(&pipe_mutex);
}

void afi_pipe_unlock(void)
{
	pthread_mutex_unlock(&pipe_mutex);
}

int afi_pipe_open(int fds[2])
{
	int ends[2], r;

	afi_pipe_lock();
	r = pipe(ends) < 0 ? -errno : 0;
	if (r == 0) {
		fcntl(ends[0], F_SETFD, FD_CLOEXEC);
		fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	}
	afi_pipe_unlock();
	return r < 0 ? r : afi_fd_both_above_stdio(ends, fds);
}

/* All pipes without a name are on one device of their own. */
int afi_pipe_has_name(int fd)
{
	struct stat st, pipe_st;
	int ends[2], r = afi_pipe_open(ends);

	if (r < 0)
		return r;
	r = fstat(fd, &st) < 0 || fstat(ends[0], &pipe_st) < 0
		    ? -errno
		    : st.st_dev != pipe_st.st_dev;
	close(ends[0]);
	close(ends[1]);
	return r;
}
