/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The descriptors of a child: those that it does not keep, those that get
 * another number, and the streams that it opens itself. Runs in the child, see
 * child_posix.c.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/childfds.h"

/* Numbers to try where the system does not say how many there may be. */
#define MAX_FDS 65536

/*
 * Marks each descriptor that a folder lists. False: there is none, or it does
 * not list all, as it lacks the descriptor with which it is read.
 */
static bool childfds_mark_listed(const char *folder, int from)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	bool complete = false;

	if (!dir)
		return false;
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (*entry->d_name < '0' || *entry->d_name > '9')
			continue;
		complete = complete || fd == dirfd(dir);
		if (fd >= from)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	closedir(dir);
	return complete;
}

/* Marks all from closefrom on, so that the exec closes them. */
bool afi_child_close_others(struct afi_child *child)
{
	int from = child->plan->options->closefrom;
	long max;

	from = from ? from : 3;
	if (childfds_mark_listed("/dev/fd", from))
		return true;
	max = sysconf(_SC_OPEN_MAX);
	max = max > 0 && max < INT_MAX ? max : MAX_FDS;
	for (int fd = from; fd < max; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return true;
}

/* Moves a descriptor to a number that no other will get. */
static bool childfds_move_aside(struct afi_child *child, int *fd)
{
	int copy = 2;

	if (!afi_child_is_target(child->plan, *fd))
		return true;
	do
		copy = fcntl(*fd, F_DUPFD_CLOEXEC, copy + 1);
	while (copy >= 0 && afi_child_is_target(child->plan, copy));
	if (copy < 0)
		return afi_child_failed(child, AFIO_STEP_FD, NULL, *fd);
	*fd = copy;
	return true;
}

/* Puts an open descriptor in the place of another one, to be inherited. */
static int childfds_place(int fd, int number)
{
	if (fd == number)
		return fcntl(fd, F_SETFD, 0);
	return fd < 0 ? fd : dup2(fd, number);
}

bool afi_child_place_fds(struct afi_child *child)
{
	const struct afi_child_plan *plan = child->plan;
	struct af_fd_map *map = plan->fds, *end = map + plan->n_fds;

	if (!childfds_move_aside(child, &child->error_fd) ||
	    !childfds_move_aside(child, &child->cwd_fd) ||
	    !childfds_move_aside(child, &child->program_fd))
		return false;
	for (; map < end; map++)
		if (map->fd != map->child_fd &&
		    !childfds_move_aside(child, &map->fd))
			return false;
	for (map = plan->fds; map < end; map++)
		if (childfds_place(map->fd, map->child_fd) < 0)
			return afi_child_failed(child, AFIO_STEP_FD, NULL,
						map->child_fd);
	for (int fd = 0; fd < 3; fd++)
		if (afi_child_is_late(&plan->streams[fd]))
			close(fd);
	return true;
}

/* Leaves errno alone. */
static void childfds_close_quietly(int fd)
{
	int before = errno;

	close(fd);
	errno = before;
}

static bool childfds_is_link(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode))
		return true;
	errno = ENOTDIR;
	return false;
}

/* Opens a path that must have no link, part by part. */
static int childfds_open_without_links(const struct afi_child_stream *stream)
{
	const char *rest = stream->path;
	const char *start = *rest == '/' ? "/" : *rest ? "." : "";
	int dir = open(start, O_RDONLY | O_CLOEXEC), next;
	char name[NAME_MAX + 1];
	size_t len;

	for (;;) {
		rest += strspn(rest, "/");
		len = strcspn(rest, "/");
		if (dir < 0 || !rest[len])
			break;
		if (len > NAME_MAX) {
			close(dir);
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(name, rest, len);
		name[len] = '\0';
		rest += len;
		next = openat(dir, name,
			      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 && errno == ENOTDIR && childfds_is_link(dir, name))
			errno = ELOOP;
		childfds_close_quietly(dir);
		dir = next;
	}
	next = dir < 0 ? -1
		       : openat(dir, *rest ? rest : ".",
				stream->flags | O_NOFOLLOW, stream->mode);
	if (dir >= 0)
		childfds_close_quietly(dir);
	return next;
}

/* With the rights of the child's user, and in its working directory. */
bool afi_child_open_streams(struct afi_child *child)
{
	const struct afi_child_stream *streams = child->plan->streams;

	for (int i = 0; i < 3; i++) {
		const struct afi_child_stream *stream = &streams[i];
		int fd;

		if (stream->is_stdout && childfds_place(1, i) < 0)
			return afi_child_failed(child, AFIO_STEP_FD, NULL, i);
		if (!stream->path)
			continue;
		fd = stream->no_links
			     ? childfds_open_without_links(stream)
			     : open(stream->path, stream->flags, stream->mode);
		if (childfds_place(fd, i) < 0)
			return afi_child_failed(child, AFIO_STEP_OPEN,
						stream->path, AFI_NO_NUMBER);
	}
	return true;
}
