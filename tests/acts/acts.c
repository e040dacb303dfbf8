/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is common to the acts: how they wait, and what is there before and after.
 */
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/children.h"
#include "support/pattern.h"
#include "support/system.h"
#include "acts/acts.h"

void *made(void *object)
{
	ck_assert_msg(object || excused(-errno), "not made: %s",
		      strerror(errno));
	return object;
}

void tell(struct af_future *done, void *arg)
{
	ck_assert(af_future_is_done(done));
	++*(unsigned *)arg;
}

void watch_end(struct scene *s, struct af_future *f)
{
	s->to_tell++;
	af_on_done(f, tell, &s->told);
}

int end(struct scene *s, struct af_future *f, int error)
{
	const char *data;
	size_t len;
	int r;

	watch_end(s, af_future_ref(f));
	do
		r = af_await(f);
	while (excused(r) && !af_future_is_done(f));
	ck_assert_int_eq(r, af_future_error(f));
	ck_assert_msg(r == error || excused(r) ||
			      (disturbed() && r == s->follows),
		      "error is %d (%s), not %d", r, strerror(-r), error);
	data = af_future_data(f, &len);
	if (data && s->n_got + len <= sizeof s->got) {
		memcpy(s->got + s->n_got, data, len);
		s->n_got += len;
	}
	af_future_unref(f);
	return r;
}

void end_write(struct scene *s, struct af_future *f, size_t *total)
{
	af_future_ref(f);
	end(s, f, 0);
	*total += af_future_count(f);
	af_future_unref(f);
}

void expect_sunk(struct scene *s, size_t total)
{
	int left;

	expect_pattern(s->sink, total, 0);
	ck_assert_int_eq(ioctl(s->sink, FIONREAD, &left), 0);
	ck_assert_int_eq(left, 0);
}

struct af_future *then_sleep(struct af_future *done, void *arg)
{
	struct scene *s = arg;

	(void)done;
	return af_sleep(s->loop, MS(1));
}

struct af_future *sleeping(struct scene *s, int ms)
{
	struct af_future *f = af_sleep(s->loop, MS(ms));

	watch_end(s, af_future_ref(f));
	return f;
}

void expect_end(struct scene *s, struct af_process *process)
{
	while (end(s, af_process_wait(process, MS(20000)), 0) < 0)
		;
}

const struct act acts[] = {
	{ "loop", act_loop, true },
	{ "reads", act_reads, false },
	{ "writes", act_writes, false },
	{ "copy", act_copy, true },
	{ "bulk", act_bulk, false },
	{ "chains", act_chains, true },
	{ "groups", act_groups, false },
	{ "makers", act_makers, false },
	{ "spawn", act_spawn, true },
	{ "attributes", act_attributes, false },
	{ "communicate", act_communicate, false },
	{ "dispatch", act_dispatch, false },
	{ "callback", act_callback, false },
	{ "move", act_move, false },
	{ "ends", act_ends, false },
	{ "bufferevent", act_bufferevent, true },
	{ "disk", act_disk, true },
	{ "orphan", act_orphan, true },
	{ "look", act_look, false },
	{ "look_own", act_look, true },
	{ "take", act_take, false },
	{ "take_own", act_take, true },
	{ "stop", act_stop, false },
	{ "release", act_release, true },
	{ "capture", act_capture, false },
	{ "copy_away", act_copy_away, true },
	{ "front", act_front, false },
	{ "leave", act_leave, false },
	{ "run", act_run, false },
	{ "stages", act_stages, true },
	{ "spawn_async", act_spawn_async, true },
	{ "stages_async", act_stages_async, true },
	{ "options", act_options, true },
	{ "work", act_work, true },
	{ "wait_fd", act_wait_fd, false },
	{ "post_handle", act_post_handle, true },
	{ "open_async", act_open_async, true },
	{ "each_async", act_each_async, false },
	{ "copy_both", act_copy_both, true },
	{ "follow", act_follow, true },
	{ "map", act_map, true },
	{ "shields", act_shields, false },
	{ "layer", act_layer, true },
	{ "file_maker", act_file_maker, false },
	{ "resolve", act_resolve, true },
	{ "connect_own", act_connect, true },
	{ "connect", act_connect, false },
	{ "connect_again", act_connect_again, true },
	{ "datagrams", act_datagrams, false },
	{ "send_to", act_send_to, true },
	{ "listen_own", act_listen, true },
	{ "listen", act_listen, false },
	{ "disk_at", act_disk_at, true },
	{ "pass", act_pass, true },
	{ "each", act_each, true },
	{ "terminal", act_terminal, true },
	{ "copy_disk", act_copy_disk, true },
	{ "listen_path", act_listen_path, false },
	{ "pipe_ends", act_pipe_ends, true },
	{ "group", act_group, true },
	{ "packets", act_packets, true },
	{ "choices", act_choices, true },
	{ "all_options", act_all_options, true },
	{ "late_paths", act_late_paths, false },
	{ "crowded", act_crowded, true },
	{ "user", act_user, false },
	{ "reaped", act_reaped, true },
	{ "signals", act_signals, true },
	{ "cgroup", act_cgroup, true },
	{ "foreground", act_foreground, true },
	{ "own_terminal", act_own_terminal, true },
	{ "programs", act_programs, true },
	{ "identity", act_identity, true },
	{ "joined", act_joined, true },
	{ "pipe_new", act_pipe_new, true },
	{ "pipe_signals", act_pipe_signals, false },
	{ "inherited", act_inherited, true },
	{ "listen_one", act_listen_one, true },
	{ "dual_stack", act_dual_stack, true },
	{ "limits", act_limits, true },
	{ "follow_parts", act_follow_parts, true },
	{ "fifo", act_fifo, true },
	{ "records", act_records, false },
	{ "linger", act_linger, true },
	{ "over_socket", act_over_socket, true },
	{ "disk_late", act_disk_late, true },
	{ "pieces", act_pieces, true },
	{ "pass_messages", act_pass_messages, true },
	{ "bounds", act_bounds, true },
	{ "deferred", act_deferred, false },
	{ NULL, NULL, false },
};
#define N_ACTS (int)(sizeof acts / sizeof *acts - 1)

int acts_count(void)
{
	return N_ACTS;
}

static void close_end(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Whether a thread is one that never ends. */
static bool is_keeper(const char *task)
{
	char path[300], name[32] = "";
	FILE *comm;

	snprintf(path, sizeof path, "/proc/self/task/%s/comm", task);
	comm = fopen(path, "re");
	if (!comm)
		return false;
	(void)!fgets(name, sizeof name, comm);
	fclose(comm);
	return strcmp(name, "asyncfile-keep\n") == 0;
}

/* Lists all threads; how many of them are keepers, or are none. */
static int threads(bool keepers)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.' &&
		     is_keeper(entry->d_name) == keepers;
	closedir(dir);
	return n;
}

/* What is there before an act: an emulator has a thread of its own. */
static struct {
	int threads;
	nlink_t tasks;
} idle;

static nlink_t tasks(void)
{
	struct stat st;

	ck_assert_int_eq(stat("/proc/self/task", &st), 0);
	return st.st_nlink - (nlink_t)threads(true);
}

int acts_keepers(void)
{
	return threads(true);
}

void acts_begin(void)
{
	idle.threads = threads(false);
	idle.tasks = tasks();
}

/* Whatever failed: all are told, and all is given back. */
static void play(struct scene *s, act_fn act)
{
	int in[2], out[2];

	make_pair(KIND_PIPE, in);
	make_pair(KIND_SOCKETPAIR, out);
	s->source = in[1];
	s->sink = out[0];
	s->loop = made(af_loop_new(s->base));
	if (s->loop)
		s->in = made(af_file_new(s->loop, in[0], 0));
	if (s->in)
		s->out = made(af_file_new(s->loop, out[1], 0));
	else
		close(in[0]);
	if (s->out)
		act(s);
	else
		close(out[1]);
	ck_assert_int_eq(af_file_close(s->in), 0);
	ck_assert_int_eq(af_file_close(s->out), 0);
	close_end(s->source);
	close_end(s->sink);
	af_loop_free(s->loop);
	while (threads(false) > idle.threads)
		sched_yield();
	ck_assert_uint_eq(s->told, s->to_tell);
	ck_assert_uint_eq(s->freed, s->values);
}

void acts_play(const struct act *act)
{
	struct scene s = { .base = NULL };

	if (!act->own_base)
		s.base = event_base_new();
	disturb(true);
	play(&s, act->act);
	/* Also those that have not begun, and have no name yet. */
	while (tasks() > idle.tasks)
		sched_yield();
	disturb(false);
	if (s.base)
		event_base_free(s.base);
}
