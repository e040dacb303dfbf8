/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Children that are signalled, stopped, continued and killed, by any program of
 * operations. What waitid(2) says of a child, without taking it, is what the
 * library must say; and nobody ends but by what was sent or closed.
 */
#include <signal.h>

#include "fuzz/children.h"

#define MAX_CHILDREN 3
#define MAX_PENDING 6

enum kind { HOLD, PAUSE, DEFY, EXIT, DOZE, BROOD, LEAD, KINDS };
enum what { WAIT, CHANGE, STOP };

struct pending {
	struct af_future *f;
	enum what what;
	bool timed, cancelled;
};

struct child {
	struct af_process *process;
	int pidfd;
	enum kind kind;
	bool leads, closed, reaped, kills; /* kills: kill_on_free */
	bool killed;
	uint64_t sent; /* signals */
	int status;    /* how it has ended; -1: not, for all we know */
	unsigned n;
	struct pending pending[MAX_PENDING];
};

static struct child children[MAX_CHILDREN];
static struct input *program;

static uint64_t bit(int sig)
{
	return (uint64_t)1 << (sig - 1);
}

static int look(const struct child *c, int options, int *ret_status)
{
	return look_plainly(c->pidfd, options, ret_status);
}

static int has_ended(const struct child *c, int *ret_status)
{
	return look(c, WEXITED | WNOHANG | WNOWAIT, ret_status);
}

/* That it may end so, and that it has not ended otherwise before. */
static void check_end(struct child *c, int status)
{
	if (WIFSIGNALED(status)) {
		must(c->sent & bit(WTERMSIG(status)));
		must(WTERMSIG(status) != SIGTERM || c->kind != DEFY);
	} else {
		must(WIFEXITED(status) && (c->closed || c->kind == EXIT));
		must(WEXITSTATUS(status) == (c->kind == EXIT ? 7 : 0));
	}
	must(c->status < 0 || c->status == status);
	c->status = status;
}

static void read_line(struct child *c, const char *line)
{
	struct af_future *f =
		af_file_readline(af_process_stdout(c->process), 0, 0, 0, NULL);
	size_t len = 0;
	const char *data;

	must(await_soon(f) == 0);
	data = af_future_data(f, &len);
	must(strlen(line) == len && memcmp(data, line, len) == 0);
	af_future_unref(f);
}

/* Hands a child over to itself, as if the program had started it. */
static void adopt(struct child *c)
{
	int fds[3];
	pid_t pid;

	must(af_process_release(c->process, &pid, fds, NULL) == 0);
	must(fds[2] == -1);
	c->process = af_process_adopt(loop, pid, fds[0], fds[1], -1);
	must(c->process);
	c->kills = false;
}

static void start(struct child *c)
{
	static const char *const modes[] = { "hold", "pause", "defy", "exit",
					     "doze", "brood", "lead" };
	static const char *const first[] = { "0",  NULL, NULL,	"7",
					     NULL, NULL, "defy" };
	unsigned which = take_byte(program);
	struct af_spawn_options o = { .in.kind = AFIO_PIPE,
				      .out.kind = AFIO_PIPE,
				      .new_group = which & 1,
				      .new_session = which & 2,
				      .kill_on_free = which & 4,
				      .die_with_parent =
					      LINUX_FILES && which & 8 };
	struct af_future *f;

	memset(c, 0, sizeof(*c));
	c->kind = (enum kind)take_below(program, KINDS);
	/* Who leads a session cannot make a group. */
	o.new_session &= c->kind != LEAD;
	if (which & 16) {
		f = af_spawn_async(loop, HELPER(modes[c->kind], first[c->kind]),
				   &o);
		must(await_soon(f) == 0);
		c->process = af_future_take_process(f);
		af_future_unref(f);
	} else {
		c->process = af_spawn(
			loop, HELPER(modes[c->kind], first[c->kind]), &o);
	}
	must(c->process);
	c->kills = o.kill_on_free;
	c->leads = o.new_group || o.new_session || c->kind == LEAD;
	c->status = -1;
	c->pidfd = (int)syscall(SYS_pidfd_open, af_process_pid(c->process), 0);
	must(c->pidfd >= 0);
	/* So it has its handlers, and its group. */
	if (c->kind == DEFY || c->kind == LEAD || c->kind == BROOD)
		read_line(c, "up\n");
	if (c->kind == LEAD)
		c->kind = DEFY;
	if (which & 32 && c->kind != EXIT)
		adopt(c);
	if (c->kind == DOZE)
		c->sent = bit(SIGSTOP);
}

static void check_pending(struct child *c, const struct pending *p, bool freed)
{
	int r = af_future_error(p->f), status = af_future_status(p->f);

	if (r == -ECANCELED)
		must(p->cancelled || freed);
	else if (r == -ETIMEDOUT)
		must(p->timed && p->what != STOP);
	else if (p->what == CHANGE && r == 0 && WIFSTOPPED(status))
		must(c->sent & bit(WSTOPSIG(status)));
	else if (p->what == CHANGE && r == 0 && WIFCONTINUED(status))
		must(c->sent & bit(SIGCONT));
	else
		check_end(c, r == 0 ? status : -1);
}

/* Those that are done; freed: all of them must be. */
static void settle(struct child *c, bool freed)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n; i++) {
		if (!af_future_is_done(c->pending[i].f)) {
			must(!freed);
			c->pending[n++] = c->pending[i];
			continue;
		}
		check_pending(c, &c->pending[i], freed);
		af_future_unref(c->pending[i].f);
	}
	c->n = n;
}

/* A stop, or a look, is done at once if the child has ended. */
static void begin(struct child *c)
{
	static const struct timeval soon = { .tv_usec = 300 };
	enum what what = (enum what)take_below(program, STOP + 1);
	unsigned time = take_below(program, 4);
	struct pending *p = &c->pending[c->n];
	int status, was = has_ended(c, &status);
	const struct timeval *timeout = time == 1   ? &at_once
					: time == 2 ? &soon
						    : NULL;

	if (c->n == MAX_PENDING)
		return;
	c->n++;
	*p = (struct pending){ .what = what, .timed = timeout };
	if (what == WAIT)
		p->f = af_process_wait(c->process, timeout);
	else if (what == CHANGE)
		p->f = af_process_wait_change(c->process, timeout);
	else
		p->f = af_process_stop(c->process, timeout);
	if (was && (what == STOP || timeout == &at_once))
		must(af_future_is_done(p->f) && af_future_error(p->f) == 0);
	/* What it sends, or may yet send. */
	if (what == STOP && was == 0 && timeout != &at_once)
		c->sent |= bit(SIGTERM) | bit(SIGCONT);
	if (what == STOP && timeout)
		c->sent |= bit(SIGKILL);
	c->killed |= what == STOP && timeout == &at_once;
}

static void cancel(struct child *c)
{
	unsigned i = take_below(program, MAX_PENDING);

	if (i >= c->n)
		return;
	c->pending[i].cancelled = true;
	af_future_cancel(c->pending[i].f);
}

static void send_one(struct child *c)
{
	static const int signals[] = { SIGTERM, SIGKILL, SIGSTOP, SIGCONT,
				       SIGTERM, SIGINT,	 SIGUSR1, SIGSTOP,
				       SIGURG,	SIGHUP,	 0,	  65,
				       -1,	SIGCHLD, SIGCONT, SIGWINCH };
	int sig = signals[take_below(program, 16)], status, was, r;
	bool group = take_byte(program) & 1;

	was = has_ended(c, &status);
	if (sig > 0 && sig < 64 && (!group || c->leads))
		c->sent |= bit(sig);
	r = group ? af_process_signal_group(c->process, sig)
		  : af_process_signal(c->process, sig);
	if (sig < 0 || sig > 64)
		must(r == -EINVAL || r == -ESRCH);
	else if (group && !c->leads)
		must(r == -ESRCH);
	else if (was == 0 || (was > 0 && group))
		must(r == 0);
	else /* the library may not have looked yet */
		must(r == -ESRCH || (was > 0 && c->status < 0) ||
		     (group && c->kind == BROOD));
	c->killed |= sig == SIGKILL && r == 0;
}

static void poll_it(struct child *c)
{
	int status, said = -2, was = has_ended(c, &status);
	struct rusage usage;
	bool ended = af_process_poll(c->process, &said);
	int r;

	must(ended == (said != -2) && (ended || !was));
	if (ended)
		check_end(c, said);
	if (was > 0)
		must(said == status);
	r = af_process_usage(c->process, &usage);
	must(r == (ended ? 0 : -EINPROGRESS) ||
	     (r == -ECHILD && ended && (c->reaped || !LINUX_FILES)));
}

/* Waits for what must happen, without the library, which then knows it, too. */
static void await_plainly(struct child *c)
{
	struct af_future *f;
	int status, r;

	if (has_ended(c, &status) != 0)
		return;
	if (c->killed) {
		look(c, WEXITED | WNOWAIT, &status);
		poll_it(c);
	} else if (c->n == 0 && !(c->sent & bit(SIGSTOP))) {
		c->sent |= bit(SIGSTOP);
		must(af_process_signal(c->process, SIGSTOP) == 0);
		r = look(c, WEXITED | WSTOPPED | WNOWAIT, &status);
		f = af_process_wait_change(c->process, &at_once);
		must(r > 0 && af_future_error(f) == 0);
		must(WIFSTOPPED(af_future_status(f)) || !WIFSTOPPED(status));
		af_future_unref(f);
	}
}

/* The program reaps a child that has ended, and tells the library. */
static void reap(struct child *c)
{
	pid_t pid = af_process_pid(c->process);
	int status, r;

	if (has_ended(c, &status) <= 0) {
		if (c->status < 0 && LINUX_FILES)
			must(af_loop_reaped(loop, pid, 0) == 0 ||
			     has_ended(c, &status));
		return;
	}
	if (take_byte(program) & 1 && LINUX_FILES) {
		/* Not before it has been reaped. */
		r = af_process_set_status(c->process, status);
		must(r == -EBUSY || c->status >= 0);
	}
	must(look(c, WEXITED, &status) == 1);
	c->reaped = true;
	if (take_byte(program) & 1)
		must(af_process_set_status(c->process, status) == 0);
	else
		must(af_loop_reaped(loop, pid, status) == 1);
	check_end(c, status);
	poll_it(c);
}

static void close_input(struct child *c)
{
	c->closed = true;
	must(af_process_close_stdin(c->process) == 0);
	must(!af_process_stdin(c->process));
}

/* It ends, and with it all that waits for it. */
static void end(struct child *c)
{
	struct af_future *f = NULL;
	unsigned way = take_below(program, 4);
	int status;

	/* Freed with all that is pending; its end is nobody's then. */
	if (way == 1 && c->kills) {
		c->sent |= bit(SIGKILL);
		af_process_free(c->process);
		settle(c, true);
		look(c, WEXITED | WNOWAIT, &status);
	} else if (way == 2 && has_ended(c, &status) >= 0) {
		syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
		c->sent |= bit(SIGKILL);
		af_process_free(c->process);
		settle(c, true);
	} else {
		if (way == 3 && !(c->sent & bit(SIGSTOP)) && c->kind != PAUSE) {
			close_input(c);
			f = af_process_wait(c->process, NULL);
		} else {
			c->sent |= bit(SIGKILL);
			f = af_process_stop(c->process, &at_once);
		}
		must(await_soon(f) == 0);
		check_end(c, af_future_status(f));
		af_future_unref(f);
		for (unsigned i = 0; i < c->n; i++)
			await_soon(c->pending[i].f);
		settle(c, true);
		af_process_free(c->process);
	}
	close(c->pidfd);
	memset(c, 0, sizeof(*c));
}

static void pause_a_bit(struct child *c)
{
	(void)c;
	if (take_byte(program) & 1)
		turn_a_while();
	else
		turn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const acts[])(struct child *) = {
		begin,	 begin, begin,	       cancel, send_one,    send_one,
		poll_it, reap,	await_plainly, end,    pause_a_bit, close_input,
	};
	struct input in = { data, size };
	static int lowest;

	if (!loop) {
		need_children();
		lowest = lowest_fd();
	}
	program = &in;
	for (int n = 0; in.left > 0 && n < 60; n++) {
		struct child *c = &children[take_below(&in, MAX_CHILDREN)];

		if (!c->process) {
			start(c);
			continue;
		}
		acts[take_below(&in, 12)](c);
		settle(c, false);
	}
	for (int i = 0; i < MAX_CHILDREN; i++)
		if (children[i].process)
			end(&children[i]);
	expect_nothing_left(lowest);
	return 0;
}
