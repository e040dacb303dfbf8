/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The descriptors that a child is given besides its streams: whether the list of
 * them makes sense, and which numbers it needs. Starts nothing.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "process/fdmap.h"

/* A number that is asked for, and by which of the maps. */
struct fdmap_target {
	int fd;
	size_t i;
};

static int fdmap_compare_targets(const void *a_, const void *b_)
{
	const struct fdmap_target *a = a_, *b = b_;

	if (a->fd != b->fd)
		return a->fd < b->fd ? -1 : 1;
	return (a->i > b->i) - (a->i < b->i);
}

/* The first map whose number an earlier one has; n_fds: none. 0 or -ENOMEM. */
static int fdmap_find_twice(const struct af_spawn_options *options,
			    size_t *ret_twice)
{
	size_t n = options->n_fds, twice = n;
	struct fdmap_target *all = malloc((n + 1) * sizeof(*all));

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		all[i] = (struct fdmap_target){ options->fds[i].child_fd, i };
	qsort(all, n, sizeof(*all), fdmap_compare_targets);
	for (size_t i = 1; i < n; i++)
		if (all[i].fd == all[i - 1].fd && all[i].i < twice)
			twice = all[i].i;
	free(all);
	*ret_twice = twice;
	return 0;
}

int afi_fdmap_check(const struct af_spawn_options *options,
		    struct afi_failure *failure)
{
	const struct af_fd_map *fds = options->fds;
	size_t twice = 0;

	if (options->n_fds > 0 && fdmap_find_twice(options, &twice) < 0)
		return afi_fail(failure, AFIO_STEP_MEMORY, NULL, ENOMEM);
	for (size_t i = 0; i < options->n_fds; i++) {
		if (fds[i].child_fd < 3 || i == twice)
			return afi_fail_number(failure, AFIO_STEP_FD,
					       fds[i].child_fd, EINVAL);
		if (fcntl(fds[i].fd, F_GETFD) < 0)
			return afi_fail_number(failure, AFIO_STEP_FD, fds[i].fd,
					       EBADF);
	}
	return 0;
}

static int fdmap_compare_numbers(const void *a_, const void *b_)
{
	const int *a = a_, *b = b_;

	return (*a > *b) - (*a < *b);
}

/* For the child, which may be given many, and cannot sort them itself. */
void afi_fdmap_list_targets(struct afi_child_plan *plan)
{
	for (size_t i = 0; i < plan->n_fds; i++)
		if (plan->fds[i].fd != plan->fds[i].child_fd)
			plan->targets[plan->n_targets++] =
				plan->fds[i].child_fd;
	qsort(plan->targets, plan->n_targets, sizeof(*plan->targets),
	      fdmap_compare_numbers);
}
