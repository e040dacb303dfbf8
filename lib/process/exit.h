/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of a child: a descriptor that turns readable when it comes, and its
 * status. By pidfd; where there is none, by a thread that waits.
 */
#ifndef AFI_PROCESS_EXIT_H
#define AFI_PROCESS_EXIT_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

struct afi_exit {
	pid_t pid;
	bool gone;   /* reaped, or never was: the number may be a stranger's */
	int pidfd;   /* -1: there is none */
	int eventfd; /* -1: no thread */
	pthread_t thread;
};

/* How a child ended. */
struct afi_end {
	int status; /* of waitpid(2); -1: nobody told us */
	bool has_usage;
	struct rusage usage;
};

/* Takes the pidfd. pid 0: there is no child yet. */
void afi_exit_init(struct afi_exit *e, pid_t pid, int pidfd);
/* The same, of a child that somebody else started; 0, -ECHILD, -errno. */
int afi_exit_adopt(struct afi_exit *e, pid_t pid);
/* A descriptor that is readable once the child has ended, or -errno. */
int afi_exit_fd(struct afi_exit *e);
/* Stops watching; the descriptor is gone, afi_exit_fd() makes a new one. */
void afi_exit_unwatch(struct afi_exit *e);
/*
 * Whether the child has ended: 1, with *ret_end; 0: not yet. It is reaped then;
 * but if it leads a process group not before afi_exit_close(), because until
 * then nobody else can get its number, which is the group's, too.
 */
int afi_exit_look(struct afi_exit *e, struct afi_end *ret_end);
/* Whether it is still to be reaped, by us. */
bool afi_exit_is_ours(const struct afi_exit *e);
/* Whether it leads a process group. Ask only while it is ours. */
bool afi_exit_leads_group(const struct afi_exit *e);
/* Sends a signal to the child, if it is not gone; 0 or -errno. */
int afi_exit_signal(const struct afi_exit *e, int sig);
/*
 * To all that are in the group with the child's number; also when the child is
 * gone, where that can be told from a stranger's. -ESRCH: there is none.
 */
int afi_exit_signal_group(const struct afi_exit *e, int sig);
/* Waits for the end of one that is about to end, and reaps it. */
void afi_exit_await(struct afi_exit *e);
/* Reaps it, if it has ended, and lets go of it. */
void afi_exit_close(struct afi_exit *e);
/* Lets go of it: it is somebody else's to reap. */
void afi_exit_release(struct afi_exit *e);

#endif
