/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The options to start a child with: whether they make sense, each by itself
 * and beside the others. What only the kernel can tell is left to it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/reserved.h"
#include "process/child.h"
#include "process/fdmap.h"
#include "process/options.h"
#include "process/stdfds.h"

bool afi_options_reserved_clear(const struct af_spawn_options *options)
{
	return AFI_RESERVED_CLEAR(&options->in) &&
	       AFI_RESERVED_CLEAR(&options->out) &&
	       AFI_RESERVED_CLEAR(&options->err) && AFI_RESERVED_CLEAR(options);
}

bool afi_options_change_user(const struct af_spawn_options *options)
{
	return options->uid || options->gid || options->reset_ids;
}

static bool options_want_pty(const struct af_spawn_options *options)
{
	return options->in.kind == AFIO_PTY || options->out.kind == AFIO_PTY ||
	       options->err.kind == AFIO_PTY;
}

/* Whether the parent may become any user. */
static bool options_parent_may_change_user(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {
		{ 0 }
	};

	if (syscall(SYS_capget, &header, sets) < 0)
		return geteuid() == 0;
	return sets[0].effective & (1u << CAP_SETUID);
}

/* The option that makes no sense, of those about users; or NULL. */
static const char *options_check_user(const struct af_spawn_options *options)
{
	/* To setresuid(2) and setresgid(2), -1 means unchanged. */
	if (options->uid && *options->uid == (uid_t)-1)
		return "uid";
	if (options->gid && *options->gid == (gid_t)-1)
		return "gid";
	if (options->n_groups && !options->groups)
		return "groups";
	if (options->keep_gid && options->gid)
		return "keep_gid";
	if (options->reset_ids &&
	    (options->uid || options->gid || options->keep_gid))
		return "reset_ids";
	/* It would keep the group of the parent, which may be root's. */
	if (options->uid && !options->gid && !options->keep_gid &&
	    options_parent_may_change_user())
		return "uid";
	return NULL;
}

/* The same, of those that say what to run. */
static const char *options_check_program(const struct af_spawn_options *options)
{
	if ((unsigned)options->search > AFIO_SEARCH_NONE)
		return "search";
	if (options->search_path && options->search != AFIO_SEARCH_CHILD)
		return "search_path";
	if (options->program_fd &&
	    (options->program || options->search || options->search_path ||
	     options->sh_fallback))
		return "program_fd";
	return options->cwd && options->cwd_fd ? "cwd_fd" : NULL;
}

static const char *options_check_streams(const struct af_spawn_options *options)
{
	if (!afi_stdfds_path_valid(&options->in, false))
		return "in";
	if (!afi_stdfds_path_valid(&options->out, true))
		return "out";
	return afi_stdfds_path_valid(&options->err, true) ? NULL : "err";
}

/* The same, of those about sessions, groups and terminals. */
static const char *options_check_group(const struct af_spawn_options *options)
{
	bool pty = options_want_pty(options);
	bool session = options->new_session || pty;

	if (options->tty_fd && (pty || options->group || options->foreground))
		return "tty_fd";
	if (options->group < 0 || (options->group > 0 && session))
		return "group";
	if (options->foreground &&
	    (session || (!options->new_group && options->group == 0)))
		return "foreground";
	return options->pty_flags & ~(AFIO_PTY_RAW | AFIO_PTY_NO_ECHO)
		       ? "pty_flags"
		       : NULL;
}

static const char *options_check_signals(const struct af_spawn_options *options)
{
	const int *signals = options->ignored_signals;

	if (options->n_ignored_signals && !signals)
		return "ignored_signals";
	for (size_t i = 0; i < options->n_ignored_signals; i++)
		if (signals[i] < 1 || signals[i] > AFI_KERNEL_SIGNALS ||
		    signals[i] == SIGKILL || signals[i] == SIGSTOP)
			return "ignored_signals";
	return NULL;
}

static const char *options_check_rest(const struct af_spawn_options *options)
{
	if (!afi_options_reserved_clear(options))
		return "reserved";
	if (options->closefrom && options->closefrom < 3)
		return "closefrom";
	if (options->n_fds && !options->fds)
		return "fds";
	if (options->umask && *options->umask > 0777)
		return "umask";
	return options->n_limits && !options->limits ? "limits" : NULL;
}

/* A descriptor that is asked for must be open. */
static int options_check_fd(const int *fd, const char *name,
			    struct afi_failure *failure)
{
	if (!fd || fcntl(*fd, F_GETFD) >= 0)
		return 0;
	return afi_fail(failure, AFIO_STEP_OPTION, name, EBADF);
}

int afi_options_check(const struct af_spawn_options *options,
		      struct afi_failure *failure)
{
	const char *(*const checks[])(const struct af_spawn_options *) = {
		options_check_rest,    options_check_group,
		options_check_program, options_check_streams,
		options_check_user,    options_check_signals
	};
	const char *nonsense;
	int r = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		nonsense = checks[i](options);
		if (nonsense)
			return afi_fail(failure, AFIO_STEP_OPTION, nonsense,
					EINVAL);
	}
	r = options_check_fd(options->cwd_fd, "cwd_fd", failure);
	if (r == 0)
		r = options_check_fd(options->program_fd, "program_fd",
				     failure);
	if (r == 0)
		r = options_check_fd(options->cgroup_fd, "cgroup_fd", failure);
	if (r == 0)
		r = options_check_fd(options->tty_fd, "tty_fd", failure);
	return r < 0 ? r : afi_fdmap_check(options, failure);
}

uint64_t afi_options_ignored(const struct af_spawn_options *options)
{
	uint64_t set = 0;

	for (size_t i = 0; i < options->n_ignored_signals; i++)
		set |= UINT64_C(1) << (options->ignored_signals[i] - 1);
	return set;
}
