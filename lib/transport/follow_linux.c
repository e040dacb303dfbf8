/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Following a path by inotify. Each file that is put at the path is opened, in
 * order. It may have been renamed before that, so renames in its directory are
 * traced. Knows no line.
 *
 *   named --(opened)--> open --(no event has touched its name)--> sure
 *     ^                  |
 *     +---(it has)-------+
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/container.h"
#include "base/evbase.h"
#include "base/fd.h"
#include "base/queue.h"
#include "loop/loop.h"
#include "transport/follow.h"

/* Rounds of opening and asking what has been moved meanwhile. */
#define ROUNDS_MAX 64

/* A file that was put at the path. */
struct follow_found {
	TAILQ_ENTRY(follow_found) entry;
	int fd; /* -1: not open; -EMFILE, -ENFILE: none was left for it */
	bool sure;
	bool missed;	 /* there was no such file: perhaps it is moving */
	uint32_t cookie; /* of its last move */
	char name[NAME_MAX + 1]; /* in its directory; "": moving, or sure */
};

struct afi_follow_watch {
	struct af_loop *loop;
	const char *path, *name;
	char *directory;
	int fd;
	int directory_wd; /* -1: not watched */
	int wds[2];	  /* of the file and the next one; -1: not watched */
	bool lost;	  /* events, or memory for them: look at the path */
	bool unwatched;	  /* a file that should be watched is not */
	bool is_link;	  /* its target may change in another directory */
	bool news;
	TAILQ_HEAD(, follow_found) found;
	struct event event;
	struct afi_watch watch;
	void (*changed)(void *arg);
	void *arg;
};

static void follow_drop(struct afi_follow_watch *watch,
			struct follow_found *found)
{
	TAILQ_REMOVE(&watch->found, found, entry);
	if (found->fd >= 0)
		close(found->fd);
	free(found);
}

static void follow_set_name(struct follow_found *found, const char *name)
{
	snprintf(found->name, sizeof(found->name), "%s", name);
}

static void follow_note(struct afi_follow_watch *watch)
{
	struct follow_found *found = calloc(1, sizeof(*found));

	watch->news = true;
	if (!found) {
		watch->lost = true;
		return;
	}
	found->fd = -1;
	follow_set_name(found, watch->name);
	TAILQ_INSERT_TAIL(&watch->found, found, entry);
}

static struct follow_found *follow_by_name(struct afi_follow_watch *watch,
					   const char *name)
{
	struct follow_found *found;

	TAILQ_FOREACH (found, &watch->found, entry)
		if (strcmp(found->name, name) == 0)
			return found;
	return NULL;
}

static struct follow_found *follow_by_cookie(struct afi_follow_watch *watch,
					     uint32_t cookie)
{
	struct follow_found *found;

	TAILQ_FOREACH (found, &watch->found, entry)
		if (!found->sure && !*found->name && found->cookie == cookie)
			return found;
	return NULL;
}

/* Another file may have been opened by the name: it has to be opened again. */
static void follow_reopen(struct follow_found *found)
{
	if (found->fd >= 0)
		close(found->fd);
	found->fd = -1;
	found->missed = false;
	follow_set_name(found, "");
}

static void follow_on_leave(struct afi_follow_watch *watch,
			    const struct inotify_event *event)
{
	struct follow_found *found = follow_by_name(watch, event->name);

	if (found && event->mask & IN_DELETE) {
		follow_drop(watch, found);
	} else if (found) {
		follow_reopen(found);
		found->cookie = event->cookie;
	}
}

static void follow_on_arrive(struct afi_follow_watch *watch,
			     const struct inotify_event *event)
{
	struct follow_found *found = follow_by_name(watch, event->name);

	if (found) /* overwritten by a move */
		follow_drop(watch, found);
	found = event->mask & IN_MOVED_TO
			? follow_by_cookie(watch, event->cookie)
			: NULL;
	if (found)
		follow_set_name(found, event->name);
	else if (strcmp(event->name, watch->name) == 0)
		follow_note(watch);
}

static void follow_forget_directory(struct afi_follow_watch *watch)
{
	inotify_rm_watch(watch->fd, watch->directory_wd);
	watch->directory_wd = -1;
	watch->news = watch->lost = true;
}

static void follow_on_event(struct afi_follow_watch *watch,
			    const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		watch->news = watch->lost = true;
	else if (event->wd == watch->wds[0] || event->wd == watch->wds[1])
		watch->news |= !(event->mask & IN_IGNORED);
	else if (event->wd != watch->directory_wd)
		;
	else if (event->mask & (IN_MOVED_FROM | IN_DELETE))
		follow_on_leave(watch, event);
	else if (event->mask & (IN_MOVED_TO | IN_CREATE))
		follow_on_arrive(watch, event);
	else
		follow_forget_directory(watch);
}

static void follow_read_events(struct afi_follow_watch *watch)
{
	union {
		struct inotify_event event;
		char bytes[4096];
	} buf;
	const struct inotify_event *event;
	ssize_t n;

	while ((n = read(watch->fd, &buf, sizeof(buf))) > 0 ||
	       (n < 0 && errno == EINTR)) {
		for (const char *p = buf.bytes; p < buf.bytes + n;
		     p += sizeof(*event) + event->len) {
			event = (const void *)p;
			follow_on_event(watch, event);
		}
	}
}

static int follow_open(const struct afi_follow_watch *watch, const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", watch->directory, name);

	if (n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return afi_follow_open(path);
}

/* Whether to ask for events again, since it was opened or may be moving. */
static bool follow_try_open(struct afi_follow_watch *watch,
			    struct follow_found *found)
{
	int fd = *found->name ? follow_open(watch, found->name) : -ENOENT;

	if (fd >= 0) {
		found->fd = fd;
		return true;
	}
	if (fd == -EMFILE || fd == -ENFILE) {
		found->fd = fd;
		return false;
	}
	if (!found->missed && (fd == -ENOENT || fd == -ENOTDIR)) {
		found->missed = true;
		return true;
	}
	/* Whoever looks at the path gets the error, if it is still there. */
	watch->lost |= fd != -ENOENT;
	follow_drop(watch, found);
	return false;
}

/* Opens all that was found; reads events until their names are certain. */
static void follow_settle(struct afi_follow_watch *watch)
{
	struct follow_found *found, *next;
	bool again = true;

	for (int rounds = 0; again && rounds < ROUNDS_MAX; rounds++) {
		follow_read_events(watch);
		again = false;
		for (found = TAILQ_FIRST(&watch->found); found; found = next) {
			next = TAILQ_NEXT(found, entry);
			if (found->fd < 0) {
				again |= follow_try_open(watch, found);
			} else if (!found->sure) {
				found->sure = true;
				follow_set_name(found, "");
			}
		}
	}
}

static void follow_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct afi_follow_watch *watch = arg;

	(void)fd;
	(void)what;
	/* In a child by fork(2) the events are its parent's. */
	if (!afi_loop_is_here(watch->loop)) {
		event_del(&watch->event);
		return;
	}
	follow_settle(watch);
	/*
	 * The news stay until a read has found the end: one that is under way
	 * may have found it before.
	 */
	if (watch->news)
		watch->changed(watch->arg);
}

static int follow_move(struct afi_watch *moved)
{
	struct afi_follow_watch *watch =
		AFI_CONTAINER(moved, struct afi_follow_watch, watch);

	event_del(&watch->event);
	event_base_set(watch->loop->base, &watch->event);
	return event_add(&watch->event, NULL) < 0 ? -ENOMEM : 0;
}

void afi_follow_watch_retry(struct afi_follow_watch *watch)
{
	watch->lost = false;
	if (watch->directory_wd < 0)
		watch->directory_wd = inotify_add_watch(
			watch->fd, watch->directory,
			IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE |
				IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
}

/* Splits the path; false: out of memory. */
static bool follow_split(struct afi_follow_watch *watch)
{
	const char *slash = strrchr(watch->path, '/');
	size_t len = slash ? (size_t)(slash - watch->path) : 0;

	watch->name = slash ? slash + 1 : watch->path;
	if (!slash)
		watch->directory = afi_follow_copy(".", 1);
	else
		watch->directory = afi_follow_copy(watch->path, len ? len : 1);
	return watch->directory;
}

struct afi_follow_watch *afi_follow_watch_new(struct af_loop *loop,
					      const char *path,
					      void (*changed)(void *arg),
					      void *arg)
{
	struct afi_follow_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	TAILQ_INIT(&watch->found);
	watch->loop = loop;
	watch->path = path;
	watch->changed = changed;
	watch->arg = arg;
	watch->directory_wd = watch->wds[0] = watch->wds[1] = -1;
	watch->fd = follow_split(watch)
			    ? inotify_init1(IN_NONBLOCK | IN_CLOEXEC)
			    : -1;
	if (watch->fd >= 0)
		watch->fd = afi_fd_above_stdio(watch->fd);
	if (watch->fd < 0) {
		free(watch->directory);
		free(watch);
		return NULL;
	}
	afi_event_assign(&watch->event, loop->base, watch->fd,
			 EV_READ | EV_PERSIST, follow_on_readable, watch);
	if (event_add(&watch->event, NULL) < 0) {
		afi_follow_watch_free(watch);
		return NULL;
	}
	afi_loop_watch(loop, &watch->watch, follow_move);
	afi_follow_watch_retry(watch);
	return watch;
}

void afi_follow_watch_free(struct afi_follow_watch *watch)
{
	if (!watch)
		return;
	afi_watch_stop(&watch->watch);
	event_del(&watch->event);
	while (!TAILQ_EMPTY(&watch->found))
		follow_drop(watch, TAILQ_FIRST(&watch->found));
	close(watch->fd);
	free(watch->directory);
	free(watch);
}

int afi_follow_watch_next(struct afi_follow_watch *watch)
{
	struct follow_found *found;
	int fd;

	follow_settle(watch);
	found = TAILQ_FIRST(&watch->found);
	if (!found || (!found->sure && found->fd >= -1))
		return -EAGAIN;
	/* Nothing comes before it whose end would leave it a descriptor. */
	if (found->fd < 0)
		return found->fd;
	fd = found->fd;
	found->fd = -1;
	follow_drop(watch, found);
	return fd;
}

bool afi_follow_watch_has_more(const struct afi_follow_watch *watch)
{
	return !TAILQ_EMPTY(&watch->found);
}

/* The inode, wherever it has been moved; -1: it cannot be watched. */
static int follow_watch_inode(struct afi_follow_watch *watch, int fd)
{
	char path[40];
	int wd;

	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	wd = inotify_add_watch(watch->fd, path, IN_MODIFY);
	watch->unwatched |= wd < 0;
	return wd;
}

void afi_follow_watch_files(struct afi_follow_watch *watch, int fd, int next)
{
	int before[2] = { watch->wds[0], watch->wds[1] };
	struct stat st;

	watch->is_link = lstat(watch->path, &st) == 0 && S_ISLNK(st.st_mode);
	watch->unwatched = false;
	watch->wds[0] = follow_watch_inode(watch, fd);
	watch->wds[1] = follow_watch_inode(watch, next);
	for (int i = 0; i < 2; i++)
		if (before[i] >= 0 && before[i] != watch->wds[0])
			inotify_rm_watch(watch->fd, before[i]);
}

bool afi_follow_watch_has_news(struct afi_follow_watch *watch)
{
	bool news = watch->news;

	watch->news = false;
	return news;
}

bool afi_follow_watch_is_sure(const struct afi_follow_watch *watch)
{
	const struct follow_found *first = TAILQ_FIRST(&watch->found);

	return watch->directory_wd >= 0 && !watch->lost && !watch->unwatched &&
	       !watch->is_link && (!first || first->sure);
}
