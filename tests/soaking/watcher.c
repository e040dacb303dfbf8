/* SPDX-License-Identifier: BSD-3-Clause */
#include "soaking/watcher.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "soaking/soak.h"

static void watcher_pause(unsigned us)
{
	const struct timespec pause = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&pause, NULL);
}

/* Stops the program once; in between it runs. */
static void watcher_stop(pid_t pid, enum watch watch)
{
	watcher_pause(watch == WATCH_STOP ? 100000 + pick(1000000)
					  : 1000 + pick(3000));
	kill(pid, SIGSTOP);
	watcher_pause(watch == WATCH_STOP ? 1000 + pick(1000000)
					  : 5000 + pick(20000));
	kill(pid, SIGCONT);
}

void watcher_start(enum watch watch)
{
	unsigned long stops = 0;
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		soak_fail("fork: %s", strerror(errno));
	if (pid == 0) {
		if (watch == WATCH_STARVE && nice(19) < 0)
			soak_fail("nice: %s", strerror(errno));
		return;
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		watcher_stop(pid, watch);
		stops++;
	}
	printf("soak: was stopped %lu times\n", stops);
	fflush(stdout);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

#ifdef __linux__
static atomic_llong jump_s; /* what CLOCK_REALTIME is wrong by */

/*
 * These take the place of the C library's for all libraries of the program.
 * time namespaces do not cover CLOCK_REALTIME, and to set the system's own
 * clock would disturb everybody else.
 */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ts);

	if (r == 0 && clock == CLOCK_REALTIME)
		ts->tv_sec += (time_t)atomic_load(&jump_s);
	return r;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &ts) < 0)
		return -1;
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}

/* Hours, as certificates must stay valid; each 10 ms. */
static void *watcher_jump_on(void *arg)
{
	static const long long by[] = { 0, -1, 1800, -3600, 60, 1, -86400 };

	(void)arg;
	for (unsigned i = 0;; i++) {
		atomic_store(&jump_s, by[i % COUNT(by)]);
		watcher_pause(10000);
	}
	return NULL;
}

void watcher_jump(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, watcher_jump_on, NULL))
		soak_fail("no thread");
	pthread_detach(thread);
	printf("soak: CLOCK_REALTIME jumps each 10 ms\n");
}
#else
void watcher_jump(void)
{
	printf("soak: no jumps of the clock on this system\n");
	exit(77);
}
#endif
