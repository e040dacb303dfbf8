/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that wait and wake.
 */
#include "config.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <time.h>

#include "faults/wrap.h"

WRAP(int, epoll_create, (int n), (n), NO_DESCRIPTOR, 0)
WRAP(int, epoll_create1, (int flags), (flags), NO_DESCRIPTOR, 0)
/* What is changed or taken away was there, which needs no memory. */
WRAP(int, epoll_ctl, (int set, int op, int fd, struct epoll_event *event),
     (set, op, fd, event), op == EPOLL_CTL_ADD ? ON(ENOMEM) | ON(ENOSPC) : 0, 0)
WRAP(int, epoll_wait, (int set, struct epoll_event *events, int n, int timeout),
     (set, events, n, timeout), 0, ON(EINTR))
WRAP(int, poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout),
     0, ON(EINTR))
WRAP(int, eventfd, (unsigned value, int flags), (value, flags), NO_DESCRIPTOR,
     0)
WRAP(int, timerfd_create, (int clock, int flags), (clock, flags), NO_DESCRIPTOR,
     0)
WRAP(int, timerfd_settime,
     (int fd, int flags, const struct itimerspec *to, struct itimerspec *was),
     (fd, flags, to, was), 0, 0)
/* A file can be followed without. */
WRAP(int, inotify_init1, (int flags), (flags), 0, NO_DESCRIPTOR | ON(ENOSYS))
WRAP(int, inotify_add_watch, (int fd, const char *path, uint32_t mask),
     (fd, path, mask), 0, ON(ENOSPC) | ON(ENOMEM))
WRAP(int, inotify_rm_watch, (int fd, int wd), (fd, wd), 0, ON(EINVAL))
WRAP(int, sigtimedwait,
     (const sigset_t *set, siginfo_t *info, const struct timespec *time),
     (set, info, time), 0, ON(EINTR))
WRAP(int, nanosleep, (const struct timespec *time, struct timespec *left),
     (time, left), 0, ON(EINTR))
