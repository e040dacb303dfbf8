/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Notices which files a path names, one after the other, and when they grow.
 * follow_linux.c uses inotify. follow_posix.c notices nothing, so follow.c must
 * look at the path from time to time.
 */
#ifndef AFI_TRANSPORT_FOLLOW_H
#define AFI_TRANSPORT_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>

struct af_loop;
struct afi_follow_watch;
struct stat;

/* A string of the first len bytes; NULL: out of memory. */
char *afi_follow_copy(const char *text, size_t len);
/* A descriptor for reading, above 2; or -errno. Never waits for a FIFO. */
int afi_follow_open(const char *path);
/*
 * Opens the file at a path, unless it is the known one (NULL: none is).
 * -EAGAIN: it is the known one, or there is none; another negative errno.
 */
int afi_follow_look(const char *path, const struct stat *known);
bool afi_follow_is_same(const struct stat *known, const struct stat *st);
/* Whether the file is shorter than its position. */
bool afi_follow_is_truncated(int fd);
/* Returns fd if it is a regular file; else closes it and returns -errno. */
int afi_follow_check(int fd, struct stat *ret_st);

/*
 * Watches a path, a string that must remain valid. Calls changed from a
 * libevent callback when a file was put there, or a file that is watched was
 * modified. NULL: it cannot be watched.
 */
struct afi_follow_watch *afi_follow_watch_new(struct af_loop *loop,
					      const char *path,
					      void (*changed)(void *arg),
					      void *arg);
void afi_follow_watch_free(struct afi_follow_watch *watch);
/*
 * Opens the next file that was put at the path, even if it has been moved
 * within its directory since. -EAGAIN: none; another negative errno.
 */
int afi_follow_watch_next(struct afi_follow_watch *watch);
/* Whether another file comes after those that were opened. */
bool afi_follow_watch_has_more(const struct afi_follow_watch *watch);
/* Watches these files from now on, and no others; -1: none. */
void afi_follow_watch_files(struct afi_follow_watch *watch, int fd, int next);
/* Whether there is a change for which `changed` was not called. */
bool afi_follow_watch_has_news(struct afi_follow_watch *watch);
/* Whether every change is noticed; if not, look from time to time. */
bool afi_follow_watch_is_sure(const struct afi_follow_watch *watch);
/* Tries again what could not be watched, when the path is looked at. */
void afi_follow_watch_retry(struct afi_follow_watch *watch);

#endif
