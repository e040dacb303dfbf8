/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * soak [OPTION]... SECONDS: a server under mixed, random load. See usage() and
 * tests/TRUST.md. Exit status 0: each outcome was allowed, each byte right, all
 * ended, nothing is left and memory was flat.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "soaking/crowd.h"
#include "soaking/loads.h"
#include "soaking/memory.h"
#include "soaking/place.h"
#include "soaking/server.h"
#include "soaking/usage.h"
#include "soaking/watcher.h"

struct soak soak;

static uint64_t state; /* of the random numbers */

_Noreturn void soak_fail(const char *format, ...)
{
	va_list args;

	printf("soak: FAILED (--seed %llu): ", (unsigned long long)soak.seed);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	if (soak.loop)
		af_loop_dump(soak.loop, stdout);
	fflush(stdout);
	_exit(1);
}

int64_t soak_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void *soak_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		soak_fail("no memory");
	return p;
}

unsigned pick(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 32) % n);
}

bool chance(unsigned n)
{
	return pick(n) == 0;
}

static _Noreturn void usage(int status)
{
	fputs("usage: tests/soak [OPTION]... SECONDS\n"
	      "  --seed N      the random numbers; else another seed each "
	      "time\n"
	      "  --stopped     SIGSTOP and SIGCONT to all of it at random "
	      "times\n"
	      "  --starved     SIGSTOP in short bursts, at the lowest "
	      "priority\n"
	      "  --jumps       CLOCK_REALTIME jumps back and forth\n"
	      "  --children N  instead: N children at once\n",
	      status ? stderr : stdout);
	exit(status);
}

/*
 * Without the caches and arenas of threads, malloc's count of the bytes in use is
 * exact. The library reads the variable before main().
 */
static void be_exact(char **argv)
{
#ifdef __GLIBC__
	if (usage_is_exact() || getenv("GLIBC_TUNABLES"))
		return;
	setenv("GLIBC_TUNABLES",
	       "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1", 1);
	execv("/proc/self/exe", argv);
#endif
	(void)argv;
}

/* Waits until threads that are idle have ended, and children are reaped. */
static struct usage settle(const struct usage *first)
{
	static const struct timespec pause = { 0, 20000000 };
	int64_t until = soak_now_us() + 60000000;
	struct usage last;

	do {
		nanosleep(&pause, NULL);
		last = usage_now();
	} while ((last.fds != first->fds || last.threads != first->threads ||
		  last.children != first->children) &&
		 soak_now_us() < until);
	return last;
}

static bool is_same(const char *what, long first, long last)
{
	printf("%s: %ld at the start, %ld at the end\n", what, first, last);
	return first == last;
}

static void *do_nothing(void *arg)
{
	return arg;
}

/* The thread sanitizer's own thread begins with the program's first one. */
static void start_a_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, do_nothing, NULL) == 0)
		pthread_join(thread, NULL);
}

/* The server, from the first thing that it opens to the last one it closes. */
static void live(unsigned seconds)
{
	soak.base = event_base_new();
	soak.loop = soak.base ? af_loop_new(soak.base) : NULL;
	if (!soak.loop)
		soak_fail("no loop");
	tls_open();
	connections_open();
	posts_open();
	server_run(seconds);
	posts_close();
	connections_close();
	tls_close();
	af_loop_free(soak.loop);
	soak.loop = NULL;
	event_base_free(soak.base);
	op_forget_all();
}

/* A server's whole life; then all must be as it was at first. */
static struct usage live_and_settle(unsigned seconds, const struct usage *first)
{
	struct usage last;
	bool good;

	live(seconds);
	last = settle(first);
	good = is_same("descriptors", first->fds, last.fds);
	good = is_same("threads", first->threads, last.threads) && good;
	good = is_same("children", first->children, last.children) && good;
	if (!good)
		soak_fail("something is left");
	return last;
}

static int run(unsigned seconds, bool jumps)
{
	struct usage first, last;
	bool good;

	place_enter();
	start_a_thread();
	tls_prepare();
	if (jumps)
		watcher_jump();
	first = usage_now();
	/* What the libraries allocate once, they allocate in this second. */
	last = live_and_settle(1, &first);
	memory_forget();
	first.heap = last.heap;
	last = live_and_settle(seconds, &first);
	good = memory_is_freed(first.heap, last.heap);
	good = memory_is_flat() && good;
	if (!good)
		soak_fail("memory is left");
	printf("soak: passed (--seed %llu)\n", (unsigned long long)soak.seed);
	return 0;
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || end == text || *end || n > 100000000)
		usage(2);
	return n;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "stopped", no_argument, NULL, 't' },
		{ "starved", no_argument, NULL, 'v' },
		{ "jumps", no_argument, NULL, 'j' },
		{ "children", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	enum watch watch = WATCH_NOT;
	unsigned long children = 0;
	bool jumps = false;

	be_exact(argv);
	soak.seed = (uint64_t)time(NULL) * 1000 + (uint64_t)getpid() % 1000;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 's')
			soak.seed = strtoull(optarg, NULL, 10);
		else if (c == 't')
			watch = WATCH_STOP;
		else if (c == 'v')
			watch = WATCH_STARVE;
		else if (c == 'j')
			jumps = true;
		else if (c == 'c')
			children = number(optarg);
		else
			usage(c == 'h' ? 0 : 2);
	}
	if (optind != argc - (children ? 0 : 1))
		usage(2);
	state = soak.seed * 2654435761u + 88172645463325252u;
	soak.helper = place_helper(argv[0]);
	if (children)
		return crowd_run(children);
	if (watch)
		watcher_start(watch);
	return run((unsigned)number(argv[optind]), jumps);
}
