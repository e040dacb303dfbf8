/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whom the child runs as: groups and ids. Runs in the child, see child_posix.c.
 */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <unistd.h>

#include "process/identity.h"

/* POSIX has no call for it; every Unix has this one. */
#if HAVE_DECL_SETGROUPS
static int identity_call_setgroups(size_t n, const gid_t *groups)
{
	return setgroups((int)n, groups);
}
#else
static int identity_call_setgroups(size_t n, const gid_t *groups)
{
	(void)n;
	(void)groups;
	errno = ENOSYS;
	return -1;
}
#endif

bool afi_identity_may_change(void)
{
	return geteuid() == 0;
}

static bool identity_set_groups(struct afi_child *child)
{
	const struct af_spawn_options *options = child->plan->options;
	int r = 0;

	if (options->groups)
		r = identity_call_setgroups(options->n_groups, options->groups);
	else if (options->uid || options->gid)
		r = identity_call_setgroups(0, NULL);
	/* To drop what it does not have, it needs no privileges. */
	return r == 0 ||
	       (!options->groups && errno == EPERM &&
		getgroups(0, NULL) == 0) ||
	       afi_child_failed(child, AFIO_STEP_SETGROUPS, NULL,
				AFI_NO_NUMBER);
}

bool afi_child_take_rights(struct afi_child *child)
{
	const uid_t *uid = child->plan->uid;
	const gid_t *gid = child->plan->gid;

	if (!identity_set_groups(child))
		return false;
	/* With both ids set, the saved one is set, too. */
	if (gid && setregid(*gid, *gid) < 0)
		return afi_child_failed(child, AFIO_STEP_SETGID, NULL,
					(long)*gid);
	if (uid && seteuid(*uid) < 0)
		return afi_child_failed(child, AFIO_STEP_SETUID, NULL,
					(long)*uid);
	return true;
}

bool afi_child_become_user(struct afi_child *child)
{
	const uid_t *uid = child->plan->uid;

	return !uid || setreuid(*uid, *uid) == 0 ||
	       afi_child_failed(child, AFIO_STEP_SETUID, NULL, (long)*uid);
}
