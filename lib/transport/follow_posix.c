/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Following a path where the system does not report changes: watches nothing.
 */
#include "config.h"

#include <errno.h>
#include <stddef.h>

#include "transport/follow.h"

struct afi_follow_watch *afi_follow_watch_new(struct af_loop *loop,
					      const char *path,
					      void (*changed)(void *arg),
					      void *arg)
{
	(void)loop;
	(void)path;
	(void)changed;
	(void)arg;
	return NULL;
}

void afi_follow_watch_free(struct afi_follow_watch *watch)
{
	(void)watch;
}

int afi_follow_watch_next(struct afi_follow_watch *watch)
{
	(void)watch;
	return -EAGAIN;
}

bool afi_follow_watch_has_more(const struct afi_follow_watch *watch)
{
	(void)watch;
	return false;
}

void afi_follow_watch_files(struct afi_follow_watch *watch, int fd, int next)
{
	(void)watch;
	(void)fd;
	(void)next;
}

bool afi_follow_watch_has_news(struct afi_follow_watch *watch)
{
	(void)watch;
	return false;
}

bool afi_follow_watch_is_sure(const struct afi_follow_watch *watch)
{
	(void)watch;
	return false;
}

void afi_follow_watch_retry(struct afi_follow_watch *watch)
{
	(void)watch;
}
