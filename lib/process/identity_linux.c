/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whom the child runs as: groups, ids and ambient capabilities. Runs in the
 * child, see child_linux.c.
 */
#include "config.h"

#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/identity.h"

/* Where the plain calls take ids of 16 bits. */
#ifdef SYS_setresuid32
#define SETRESUID SYS_setresuid32
#define SETRESGID SYS_setresgid32
#define SETGROUPS SYS_setgroups32
#define GETGROUPS SYS_getgroups32
#else
#define SETRESUID SYS_setresuid
#define SETRESGID SYS_setresgid
#define SETGROUPS SYS_setgroups
#define GETGROUPS SYS_getgroups
#endif

/* Capabilities have the numbers from 0 up to less than this. */
#define CAPABILITIES 64

/* For capget(2) and capset(2); linux/capability.h is not installed everywhere. */
struct identity_caps_header {
	uint32_t version;
	int pid;
};
struct identity_caps {
	uint32_t effective, permitted, inheritable;
};
#define CAPS_VERSION_3 0x20080522
#define MAY_SET_UID 7

bool afi_identity_may_change(void)
{
	struct identity_caps_header header = { .version = CAPS_VERSION_3 };
	struct identity_caps sets[2] = { { 0 } };

	if (syscall(SYS_capget, &header, sets) < 0)
		return geteuid() == 0;
	return sets[0].effective & (1u << MAY_SET_UID);
}

/*
 * What is kept of the ambient capabilities, one bit each, to be raised again by
 * identity_raise_ambient(): a change from root to another user drops them.
 */
AFI_IN_CHILD static bool identity_save_ambient(struct afi_child *child,
					       uint64_t *ret_kept)
{
	uint64_t kept = 0;
	long r;

	if (!child->plan->options->keep_ambient) {
		r = syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL,
			    0, 0, 0);
		/* EINVAL: the kernel has none. */
		return r == 0 || errno == EINVAL ||
		       afi_child_failed(child, AFIO_STEP_AMBIENT, NULL,
					AFI_NO_NUMBER);
	}
	for (int i = 0; i < CAPABILITIES; i++)
		if (syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i,
			    0, 0) == 1)
			kept |= UINT64_C(1) << i;
	*ret_kept = kept;
	return kept == 0 || syscall(SYS_prctl, PR_SET_KEEPCAPS, 1) == 0 ||
	       afi_child_failed(child, AFIO_STEP_AMBIENT, NULL, AFI_NO_NUMBER);
}

AFI_IN_CHILD static bool identity_raise_ambient(struct afi_child *child,
						uint64_t kept)
{
	for (int i = 0; i < CAPABILITIES; i++)
		if (kept >> i & 1 && syscall(SYS_prctl, PR_CAP_AMBIENT,
					     PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return afi_child_failed(child, AFIO_STEP_AMBIENT, NULL,
						i);
	return true;
}

AFI_IN_CHILD static bool identity_set_groups(struct afi_child *child)
{
	const struct af_spawn_options *options = child->plan->options;
	long r = 0;

	if (options->groups)
		r = syscall(SETGROUPS, options->n_groups, options->groups);
	else if (options->uid || options->gid)
		r = syscall(SETGROUPS, 0, NULL);
	/* To drop what it does not have, it needs no privileges. */
	return r == 0 ||
	       (!options->groups && errno == EPERM &&
		syscall(GETGROUPS, 0, NULL) == 0) ||
	       afi_child_failed(child, AFIO_STEP_SETGROUPS, NULL,
				AFI_NO_NUMBER);
}

/*
 * Clears the effective capabilities. The kernel does so only when the effective
 * id changes from root, but the program may have them as another user, too. What
 * the steps that follow do to files must need no more than the user's rights.
 */
AFI_IN_CHILD static bool identity_drop_effective(struct afi_child *child,
						 uid_t uid)
{
	struct identity_caps_header header = { .version = CAPS_VERSION_3 };
	struct identity_caps sets[2] = { { 0 } };
	long r = syscall(SYS_capget, &header, sets);

	if (r == 0 && (sets[0].effective || sets[1].effective)) {
		sets[0].effective = sets[1].effective = 0;
		r = syscall(SYS_capset, &header, sets);
	}
	return r == 0 ||
	       afi_child_failed(child, AFIO_STEP_SETUID, NULL, (long)uid);
}

/*
 * While the real and the saved user id are the parent's, the user may not send
 * us signals: a child that is stopped here would hold up its parent. The C
 * library's calls would change all threads of the parent, too.
 */
AFI_IN_CHILD bool afi_child_take_rights(struct afi_child *child)
{
	const uid_t *uid = child->plan->uid;
	const gid_t *gid = child->plan->gid;

	if (!identity_set_groups(child))
		return false;
	if (!uid && !gid)
		return true;
	if (!identity_save_ambient(child, &child->ambient))
		return false;
	if (gid && syscall(SETRESGID, *gid, *gid, *gid) < 0)
		return afi_child_failed(child, AFIO_STEP_SETGID, NULL,
					(long)*gid);
	if (uid && syscall(SETRESUID, -1, *uid, -1) < 0)
		return afi_child_failed(child, AFIO_STEP_SETUID, NULL,
					(long)*uid);
	/* Those of root are its rights. */
	return !uid || *uid == 0 || identity_drop_effective(child, *uid);
}

AFI_IN_CHILD bool afi_child_become_user(struct afi_child *child)
{
	const uid_t *uid = child->plan->uid;

	/* It is the effective id already, so no capability is needed. */
	if (uid && syscall(SETRESUID, *uid, *uid, *uid) < 0)
		return afi_child_failed(child, AFIO_STEP_SETUID, NULL,
					(long)*uid);
	return identity_raise_ambient(child, child->ambient);
}
