/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server under load: one event base. A timer of it, a raw callback, begins
 * tasks, cancels operations, waits, and makes descriptors scarce. Now and then
 * the load stops until all has ended: a quiet point.
 */
#include "soaking/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "soaking/loads.h"
#include "soaking/memory.h"
#include "soaking/usage.h"

#define MOST_TASKS 32
/* Longer than anything should take, on a machine that does much else. */
#define PATIENCE_S 60

static void (*const loads[])(void) = {
	load_pipe,	  load_pipe,	      load_socket,     load_socket,
	load_bufferevent, load_child,	      load_pipeline,   load_run,
	load_terminal,	  load_stopped_child, load_connection, load_connection,
	load_tls,	  load_copy,	      load_copy,       load_follow,
	load_datagrams,	  load_passed,	      load_wait,       load_wait,
	load_work,	  load_fork,	      load_loop,       load_group,
};

static struct {
	struct event *tick, *second;
	int64_t began, end, quiet_at, scarce_until, scarce_at;
	int64_t quiet_every;
	bool is_over;
	unsigned rounds;
} server;

/* The base is not run: in a wait that does not end. */
static void server_on_alarm(int sig)
{
	static const char text[] = "soak: FAILED: the base stands still\n";

	(void)sig;
	_exit(write(STDOUT_FILENO, text, sizeof text - 1) < 0 ? 2 : 1);
}

static double server_seconds(void)
{
	return (double)(soak_now_us() - server.began) / 1e6;
}

static void server_report(const char *what)
{
	struct usage usage = usage_now();

	printf("%s %.0f s: %llu ops, %llu ok, %llu canceled, %llu timed out, "
	       "%llu lacked, %llu broken, %llu refused; %llu MiB, %llu waits, "
	       "%llu posts, %llu forks, %llu children; now %ld fds, %ld "
	       "threads, %ld children, %ld zombies, %ld KiB rss, %zu bytes "
	       "heap, %zu ops, %zu tasks\n",
	       what, server_seconds(), (unsigned long long)tally.ops,
	       (unsigned long long)tally.ok, (unsigned long long)tally.canceled,
	       (unsigned long long)tally.timedout,
	       (unsigned long long)tally.lacked,
	       (unsigned long long)tally.broken,
	       (unsigned long long)tally.refused,
	       (unsigned long long)tally.bytes >> 20,
	       (unsigned long long)tally.waits, (unsigned long long)tally.posts,
	       (unsigned long long)tally.forks,
	       (unsigned long long)tally.children, usage.fds, usage.threads,
	       usage.children, usage.zombies, usage.rss_kib, usage.heap,
	       op_pending(), soak.tasks);
	fflush(stdout);
}

static void server_on_second(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	if (soak.is_child)
		return;
	server_report("at");
	if (op_oldest_s() > PATIENCE_S)
		soak_fail("an operation has been pending for %d s", PATIENCE_S);
}

/* Lowers the limit to little more than what is open, or raises it again. */
static void server_limit(bool is_scarce)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = is_scarce ? (rlim_t)usage_now().fds + 4 + pick(12)
				   : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		soak_fail("setrlimit: %s", strerror(errno));
	soak.is_scarce = is_scarce;
	if (is_scarce)
		op_now_scarce();
}

static void server_scarcity(int64_t now)
{
	if (soak.is_scarce && now >= server.scarce_until) {
		server_limit(false);
		server.scarce_at = now + 500000 + pick(3000000);
	} else if (!soak.is_scarce && soak.is_loading &&
		   now >= server.scarce_at) {
		server_limit(true);
		server.scarce_until = now + 20000 + pick(200000);
	}
}

static void server_stop(void)
{
	soak.is_loading = false;
	if (soak.is_scarce)
		server_limit(false);
	if (soak.tasks > 0 || op_pending() > 0 || !posts_are_quiet())
		return;
	af_loop_stop(soak.loop);
	event_base_loopexit(soak.base, NULL);
}

static void server_on_tick(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval next = { 0, 500 + (int)pick(2000) };
	int64_t now = soak_now_us();

	(void)fd;
	(void)what;
	(void)arg;
	if (soak.is_child)
		return;
	event_add(server.tick, &next);
	alarm(PATIENCE_S);
	if (now >= server.quiet_at || server.is_over) {
		server_stop();
		return;
	}
	server_scarcity(now);
	for (unsigned n = pick(4); n > 0 && soak.tasks < MOST_TASKS; n--)
		loads[pick(COUNT(loads))]();
	if (chance(2))
		op_cancel_any();
	if (chance(8))
		wait_in_callback();
}

/* Until the next quiet point; the base is driven in both ways, in turns. */
static void server_round(void)
{
	int r;

	server.quiet_at = soak_now_us() + server.quiet_every;
	if (server.quiet_at > server.end)
		server.quiet_at = server.end;
	soak.is_loading = true;
	posts_are_quiet();
	if (server.rounds++ % 2 == 0)
		r = af_loop_run(soak.loop);
	else
		r = event_base_dispatch(soak.base);
	if (r < 0)
		soak_fail("the base was not run: %d", r);
	if (soak.tasks > 0 || op_pending() > 0)
		soak_fail("the base ended with tasks");
	memory_sample(server_seconds(), usage_now().heap);
}

void server_run(unsigned seconds)
{
	const struct timeval second = { 1, 0 }, now = { 0, 0 };

	signal(SIGALRM, server_on_alarm);
	memset(&server, 0, sizeof server);
	server.began = soak_now_us();
	server.end = server.began + (int64_t)seconds * 1000000;
	server.quiet_every = (int64_t)seconds * 1000000 / 16;
	if (server.quiet_every > 5000000)
		server.quiet_every = 5000000;
	server.scarce_at = server.began + server.quiet_every;
	server.tick = event_new(soak.base, -1, 0, server_on_tick, NULL);
	server.second =
		event_new(soak.base, -1, EV_PERSIST, server_on_second, NULL);
	if (!server.tick || !server.second)
		soak_fail("event_new");
	event_add(server.tick, &now);
	event_add(server.second, &second);
	for (size_t i = 0; i < COUNT(loads); i++)
		loads[i]();
	while (soak_now_us() < server.end)
		server_round();
	alarm(0);
	server_report("end");
	event_free(server.tick);
	event_free(server.second);
}
