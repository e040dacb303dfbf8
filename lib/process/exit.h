/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of a child, its stops, its status, and signals: what the kernel tells
 * of it, by a pidfd or, where there is none, by its number.
 */
#ifndef AFI_PROCESS_EXIT_H
#define AFI_PROCESS_EXIT_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

struct afi_exit {
	pid_t pid;
	bool gone; /* reaped, or never was: the number may be a stranger's */
	int pidfd; /* -1: there is none */
};

/* How a child ended. */
struct afi_end {
	int status; /* of waitpid(2); -1: it cannot be known */
	bool has_usage;
	struct rusage usage;
};

/* Takes the pidfd. pid 0: there is no child yet. */
void afi_exit_init(struct afi_exit *e, pid_t pid, int pidfd);
/* Of a child that the program started; 0, -ECHILD or -errno. */
int afi_exit_adopt(struct afi_exit *e, pid_t pid);
/* Whether its pidfd is readable: all threads of the child have ended. */
bool afi_exit_is_readable(const struct afi_exit *e);
/*
 * Whether the child has ended: 1, with *ret_end; 0: not yet, or a tracer holds
 * it at its end. Reaps the child, unless it leads a process group: then its
 * number, which is the group's, stays taken until afi_exit_close(). readable:
 * its pidfd is, which saves a system call.
 */
int afi_exit_look(struct afi_exit *e, bool readable, struct afi_end *ret_end);
/*
 * Whether a signal has stopped or continued the child, which is not gone: 1, with
 * *ret_status, and the notice is taken; 0. Stops of a child that we trace are its
 * tracer's.
 */
int afi_exit_look_for_change(const struct afi_exit *e, int *ret_status);
/*
 * Whether a signal has stopped the child, which is not gone, and nobody has taken
 * notice yet, as this does not. Of a child that we trace: no.
 */
bool afi_exit_is_stopped(const struct afi_exit *e);
/* Whether the child is still ours to reap. */
bool afi_exit_is_ours(const struct afi_exit *e);
/* Whether it leads a process group. Ask only while it is ours. */
bool afi_exit_leads_group(const struct afi_exit *e);
/* Sends a signal to the child, if it is not gone; 0 or -errno. */
int afi_exit_signal(const struct afi_exit *e, int sig);
/*
 * Sends a signal to the group with the child's number; also when the child is
 * gone, if the group is known to be its own. 0 or -errno; -ESRCH: none is.
 */
int afi_exit_signal_group(const struct afi_exit *e, int sig);
/*
 * To the group if the child leads one, else to the child; 0 or -errno. -EPERM:
 * the child may not be signalled; others of its group may have got it.
 */
int afi_exit_signal_all(const struct afi_exit *e, int sig);
/* Waits for a child that is about to end, and is not gone, and reaps it. */
void afi_exit_await(struct afi_exit *e);
/*
 * The same of one that was killed, for a moment only: something may hold it at
 * its end. Whether it is gone.
 */
bool afi_exit_await_killed(struct afi_exit *e);
/* Reaps the child if it has ended, and stops knowing it. */
void afi_exit_close(struct afi_exit *e);
/* Reaps a child that has ended and was kept for its number. */
void afi_exit_reap(struct afi_exit *e);
/* Stops knowing the child, without reaping it. */
void afi_exit_release(struct afi_exit *e);

#endif
