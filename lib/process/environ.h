/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An environment with changes.
 */
#ifndef AFI_PROCESS_ENVIRON_H
#define AFI_PROCESS_ENVIRON_H

/*
 * Applies env_edits of struct af_spawn_options to env. *ret is a new array, to
 * be freed, of the strings of both. 0, -EINVAL or -ENOMEM.
 */
int afi_environ_edit(const char *const *env, const char *const *edits,
		     const char ***ret);
/* Our own; never NULL. */
const char *const *afi_environ_own(void);

#endif
