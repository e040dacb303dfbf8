/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options to start a child with, of any kind: the start fails with an error and
 * a text, or there is a child, which ends. No descriptor and no child is left.
 * The program is true(1), or none.
 */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>

#include "fuzz/loop.h"

#define MAX_LIST 4

/* What options point to. */
struct pointed {
	struct af_fd_map fds[MAX_LIST];
	struct af_limit limits[MAX_LIST];
	gid_t groups[MAX_LIST];
	int signals[MAX_LIST];
	char *env[MAX_LIST + 1], *edits[MAX_LIST + 1];
	int program_fd, cwd_fd, cgroup_fd, tty_fd;
	mode_t modes[3], umask;
	uid_t uid;
	gid_t gid;
	struct termios termios;
	char *argv[MAX_LIST + 1];
};

static struct pointed pointed;
static bool invalid; /* the options must be refused with EINVAL */
static int some_fd;  /* of /dev/null */
static int lowest;

static int take_fd(struct input *in)
{
	unsigned choice = take_below(in, 8);

	return choice < 4    ? some_fd
	       : choice == 4 ? STDERR_FILENO
	       : choice == 5 ? -1
			     : take_int(in);
}

/* Nothing that is not there yet, so that nothing is made or lost. */
static const char *take_path(struct input *in)
{
	static const char *const paths[] = {
		"/dev/null",
		"/",
		"",
		"/nowhere/at/all",
		"/dev/null/file",
		".",
		"relative/nowhere",
	};

	return paths[take_below(in, sizeof(paths) / sizeof(*paths))];
}

static const char *take_program(struct input *in)
{
	static const char *const programs[] = {
		"/bin/true", "true",	    "/bin/true", "no-such-program",
		"/dev/null", "/nowhere/at", "",		 "/etc/passwd",
	};

	return programs[take_below(in, sizeof(programs) / sizeof(*programs))];
}

static uint64_t take_reserved(struct input *in)
{
	uint64_t value = take_byte(in) == 255 ? 1 + take_32(in) : 0;

	invalid |= value != 0;
	return value;
}

static void take_stdio(struct input *in, struct af_stdio *stdio, mode_t *mode)
{
	stdio->kind = (enum af_stdio_kind)take_below(in, AFIO_CLOSED + 2);
	stdio->fd = take_fd(in);
	if (stdio->kind != AFIO_PATH) {
		stdio->reserved[take_bool(in)] = take_reserved(in);
		return;
	}
	stdio->path = take_path(in);
	/* O_TRUNC of a device has no effect. */
	stdio->path_flags = take_byte(in) & 63;
	*mode = take_32(in) & 017777;
	if (take_bool(in))
		stdio->mode = mode;
}

/* A list of up to MAX_LIST elements, or a length without one. */
static size_t take_count(struct input *in, bool *ret_list)
{
	unsigned choice = take_byte(in);

	*ret_list = choice != 255;
	invalid |= choice == 255;
	return choice == 255 ? 1 + take_byte(in) : choice % (MAX_LIST + 1);
}

static void take_fds(struct input *in, struct af_spawn_options *o)
{
	bool list;

	o->n_fds = take_count(in, &list);
	o->fds = list ? pointed.fds : NULL;
	for (size_t i = 0; list && i < o->n_fds; i++) {
		pointed.fds[i].fd = take_fd(in);
		pointed.fds[i].child_fd = take_int(in);
		invalid |= pointed.fds[i].child_fd < 3;
		for (size_t k = 0; k < i; k++)
			invalid |= pointed.fds[i].child_fd ==
				   pointed.fds[k].child_fd;
	}
	o->closefrom = take_bool(in) ? take_int(in) : 0;
	invalid |= o->closefrom && o->closefrom < 3;
}

static void take_limits(struct input *in, struct af_spawn_options *o)
{
	bool list;

	o->n_limits = take_count(in, &list);
	o->limits = list ? pointed.limits : NULL;
	for (size_t i = 0; list && i < o->n_limits; i++)
		pointed.limits[i] =
			(struct af_limit){ take_int(in), take_64(in),
					   take_64(in) };
	o->n_ignored_signals = take_count(in, &list);
	o->ignored_signals = list ? pointed.signals : NULL;
	for (size_t i = 0; list && i < o->n_ignored_signals; i++) {
		pointed.signals[i] = take_int(in);
		invalid |= pointed.signals[i] < 1 ||
			   pointed.signals[i] == SIGKILL ||
			   pointed.signals[i] == SIGSTOP;
	}
	o->nice = take_bool(in) ? take_int(in) : 0;
}

static void take_identity(struct input *in, struct af_spawn_options *o)
{
	unsigned which = take_byte(in);
	bool list = false;

	pointed.uid = (uid_t)take_int(in);
	pointed.gid = (gid_t)take_int(in);
	o->uid = which & 1 ? &pointed.uid : NULL;
	o->gid = which & 2 ? &pointed.gid : NULL;
	o->keep_gid = which & 4;
	o->reset_ids = which & 8;
	o->keep_ambient = which & 16;
	o->no_new_privs = which & 32;
	if (which & 64) {
		o->n_groups = take_count(in, &list);
		o->groups = list ? pointed.groups : NULL;
	}
	for (size_t i = 0; list && i < o->n_groups; i++)
		pointed.groups[i] = (gid_t)take_int(in);
	pointed.umask = (mode_t)take_32(in) & 07777;
	o->umask = which & 128 ? &pointed.umask : NULL;
	invalid |= o->umask && pointed.umask > 0777;
	invalid |= (o->uid && pointed.uid == (uid_t)-1) ||
		   (o->gid && pointed.gid == (gid_t)-1);
	invalid |= o->reset_ids && (o->uid || o->gid || o->keep_gid);
}

static void take_descriptors(struct input *in, struct af_spawn_options *o)
{
	unsigned which = take_byte(in);

	pointed.program_fd = take_fd(in);
	pointed.cwd_fd = take_fd(in);
	pointed.cgroup_fd = take_fd(in);
	pointed.tty_fd = take_fd(in);
	o->program_fd = which & 1 ? &pointed.program_fd : NULL;
	o->cwd_fd = which & 2 ? &pointed.cwd_fd : NULL;
	o->cgroup_fd = which & 4 ? &pointed.cgroup_fd : NULL;
	o->tty_fd = which & 8 ? &pointed.tty_fd : NULL;
	o->cwd = which & 16 ? take_path(in) : NULL;
	o->program = which & 32 ? take_program(in) : NULL;
	o->search = (enum af_search)(which & 64 ? take_int(in) : 0);
	o->search_path = which & 128 ? take_path(in) : NULL;
	invalid |= o->cwd && o->cwd_fd;
	invalid |= (unsigned)o->search > AFIO_SEARCH_NONE;
}

static void take_strings(struct input *in, char *list[])
{
	size_t n = take_below(in, MAX_LIST + 1);

	for (size_t i = 0; i < n; i++)
		list[i] = take_string(in, 20);
	list[n] = NULL;
}

static void take_environment(struct input *in, struct af_spawn_options *o)
{
	unsigned which = take_byte(in);

	if (which & 1)
		take_strings(in, pointed.env);
	if (which & 2)
		take_strings(in, pointed.edits);
	o->env = which & 1 ? (const char *const *)pointed.env : NULL;
	o->env_edits = which & 2 ? (const char *const *)pointed.edits : NULL;
	for (size_t i = 0; o->env_edits && o->env_edits[i]; i++)
		invalid |= !*o->env_edits[i] || *o->env_edits[i] == '=';
	o->sh_fallback = which & 4;
	/* Of no group but our own children's, which there is none of. */
	o->new_group = which & 8;
	o->new_session = which & 16;
	o->foreground = which & 32;
	o->kill_on_free = which & 64;
	o->die_with_parent = which & 128;
	o->group = take_byte(in) < 64 ? take_int(in) : 0;
	invalid |= o->group < 0;
}

static void take_terminal(struct input *in, struct af_spawn_options *o)
{
	unsigned which = take_byte(in);

	o->pty_rows = (unsigned short)take_int(in);
	o->pty_columns = (unsigned short)take_int(in);
	o->pty_xpixel = (unsigned short)take_int(in);
	o->pty_flags = which & 1 ? (unsigned)take_int(in) : 0;
	invalid |= o->pty_flags & ~3u;
	if (which & 2) {
		pointed.termios.c_lflag = take_32(in);
		pointed.termios.c_iflag = take_32(in);
		o->pty_modes = &pointed.termios;
	}
	o->reserved[which % 5] = take_reserved(in);
}

static struct af_spawn_options take_options(struct input *in)
{
	static void (*const parts[])(struct input *,
				     struct af_spawn_options *) = {
		take_fds,	  take_limits,	    take_identity,
		take_descriptors, take_environment, take_terminal,
	};
	struct af_spawn_options o = { .nice = 0 };
	unsigned which = take_byte(in);

	memset(&pointed, 0, sizeof(pointed));
	invalid = false;
	take_stdio(in, &o.in, &pointed.modes[0]);
	take_stdio(in, &o.out, &pointed.modes[1]);
	take_stdio(in, &o.err, &pointed.modes[2]);
	/* Few at once, or nearly all would be refused. */
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (which & 1u << i)
			parts[i](in, &o);
	pointed.argv[0] = strdup(take_program(in));
	for (size_t i = 1; i < MAX_LIST && take_byte(in) > 200; i++)
		pointed.argv[i] = take_string(in, 20);
	return o;
}

static void free_list(char *list[])
{
	for (size_t i = 0; list[i]; i++)
		free(list[i]);
}

/* The child ends by itself, once it reads the end of its input. */
static void end_child(struct af_process *process)
{
	struct af_future *f = af_process_wait(process, NULL);
	int r;

	r = await_soon(f);
	must(r == 0);
	must(WIFEXITED(af_future_status(f)) ||
	     WIFSIGNALED(af_future_status(f)));
	af_future_unref(f);
	af_process_free(process);
}

static void spawn(const struct af_spawn_options *options)
{
	struct af_process *process =
		af_spawn(loop, (const char *const *)pointed.argv, options);
	int error = errno;

	if (process) {
		must(!invalid && !*af_spawn_error(loop));
		end_child(process);
		return;
	}
	must(error > 0 && (!invalid || error == EINVAL || error == EBADF));
	must(*af_spawn_error(loop) &&
	     af_spawn_error_step(loop) != AFIO_STEP_NONE);
}

static void spawn_async(const struct af_spawn_options *options, bool cancel)
{
	struct af_future *f = af_spawn_async(
		loop, (const char *const *)pointed.argv, options);
	struct af_process *process;

	if (cancel)
		af_future_cancel(f);
	await_soon(f);
	process = af_future_take_process(f);
	must(!process == (af_future_error(f) < 0));
	if (process)
		must(!invalid);
	else
		must(cancel || *af_future_spawn_error(f));
	af_future_unref(f);
	if (process)
		end_child(process);
}

static bool has_children(void)
{
	siginfo_t info;
	int r = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);

	must(r == 0 || errno == ECHILD);
	return r == 0;
}

/*
 * No child and no descriptor is left. After a cancel the library's thread may
 * still have to make the child, and then reaps it; otherwise it is so at once.
 */
static void expect_nothing_left(bool cancelled)
{
	int tries = 0;

	while (has_children() || lowest_fd() != lowest) {
		must(cancelled && tries++ < 50000);
		turn_a_while();
	}
}

/* What is opened by the first start, and kept, is there before the others. */
static void begin(void)
{
	static const struct af_spawn_options plain = { .die_with_parent =
							       true };

	need_loop();
	some_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	must(some_fd > 0);
	pointed.argv[0] = strdup("/bin/true");
	pointed.argv[1] = NULL;
	spawn(&plain);
	spawn_async(&plain, false);
	free(pointed.argv[0]);
	lowest = lowest_fd();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct af_spawn_options options;
	static bool cancelled;
	unsigned way;

	if (!loop)
		begin();
	way = take_below(&in, 8);
	options = take_options(&in);
	/* Another starter may be late, so it counts from then on. */
	cancelled |= way == 7;
	if (way >= 6)
		spawn_async(&options, way == 7);
	else
		spawn(&options);
	expect_nothing_left(cancelled);
	free_list(pointed.argv);
	free_list(pointed.env);
	free_list(pointed.edits);
	return 0;
}
