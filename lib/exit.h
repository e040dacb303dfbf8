/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of a child: a descriptor that turns readable when it comes, and its
 * status. By pidfd; where there is none, by a thread that waits.
 */
#ifndef AFI_EXIT_H
#define AFI_EXIT_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

struct afi_exit {
	pid_t pid;
	int pidfd;   /* -1: there is none */
	int eventfd; /* -1: no thread */
	pthread_t thread;
};

/* Takes the pidfd. */
void afi_exit_init(struct afi_exit *e, pid_t pid, int pidfd);
/* A descriptor that is readable once the child has ended, or -errno. */
int afi_exit_fd(struct afi_exit *e);
/* Stops watching; the descriptor is gone, afi_exit_fd() makes a new one. */
void afi_exit_unwatch(struct afi_exit *e);
/*
 * Reaps the child if it has ended. 1, with *ret_status; 0: it has not; -ECHILD:
 * it has, and somebody else knows how.
 */
int afi_exit_reap(struct afi_exit *e, int *ret_status);
/* Sends a signal to a child that was not reaped by us. 0 or -errno. */
int afi_exit_signal(struct afi_exit *e, int sig);
void afi_exit_close(struct afi_exit *e);

#endif
