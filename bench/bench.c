/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Used by all contenders: the list of works with their sizes, and the children,
 * files and sockets that the works need.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define KB ((size_t)1024)
#define MB (1024 * KB)
#define GB (1024 * MB)

extern char **environ;

struct unit {
	const char *name;
	double factor;
	bool rate; /* per second; else seconds or bytes for each */
};
static const struct unit mb_s = { "MB/s", 1e-6, true };
static const struct unit per_s = { "/s", 1, true };
static const struct unit ns = { "ns", 1e9, false };
static const struct unit wakes = { "wakes", BENCH_BURST, false };
static const struct unit bytes = { "B", 1, false };

static const struct work {
	const char *name, *kind;
	size_t n, size;
	const struct unit *unit;
	size_t descriptors; /* needed for each of size */
	size_t fat;	    /* bytes to allocate and touch first */
} works[] = {
	{ "pipe-in", "pipe-in", GB, 0, &mb_s, 0, 0 },
	{ "through-memory", "through-memory", GB, 0, &mb_s, 0, 0 },
	{ "through-file", "through-file", GB, 0, &mb_s, 0, 0 },
	{ "through-file-splice", "through-splice", GB, 0, &mb_s, 0, 0 },
	{ "lines", "lines", 20000000, 40, &per_s, 0, 0 },
	{ "lines-getline", "getline", 20000000, 40, &per_s, 0, 0 },
	{ "lines-chain", "lines-chain", 20000000, 40, &per_s, 0, 0 },
	{ "lines-await", "lines-await", 20000000, 40, &per_s, 0, 0 },
	{ "long-lines", "lines", 200000, 4 * KB, &per_s, 0, 0 },
	{ "ping-pong-1", "ping-pong", 200000, 1, &per_s, 0, 0 },
	{ "ping-pong-1k", "ping-pong", 200000, KB, &per_s, 0, 0 },
	{ "spawn", "spawn", 1000, 1, &per_s, 0, 0 },
	{ "spawn-64", "spawn", 1000, BENCH_AT_ONCE, &per_s, 0, 0 },
	{ "spawn-fat", "spawn", 200, 1, &per_s, 0, 2 * GB },
	{ "many", "many", 400000, 5000, &per_s, 2, 0 },
	{ "accept", "accept", 50000, 0, &per_s, 0, 0 },
	{ "file-cold-read", "file-read", GB, 0, &mb_s, 0, 0 },
	{ "file-cold-copy", "file-copy", GB, 0, &mb_s, 0, 0 },
	{ "tls-in", "tls-in", GB / 4, 0, &mb_s, 0, 0 },
	{ "threads-1", "threads", 400000, 1, &per_s, 1100, 0 },
	{ "threads-2", "threads", 400000, 2, &per_s, 1100, 0 },
	{ "post", "post", 1000000, 1, &ns, 0, 0 },
	{ "post-wakes", "post-wakes", 1000000, 1, &wakes, 0, 0 },
	{ "post-apart", "post", 1000000, 2, &ns, 0, 0 },
	{ "post-apart-wakes", "post-wakes", 1000000, 2, &wakes, 0, 0 },
	{ "idle-memory", "idle", 1, 10000, &bytes, 2, 0 },
	{ "future-resolve", "future-resolve", 5000000, 100, &ns, 0, 0 },
	{ "future-then", "future-then", 5000000, 100, &ns, 0, 0 },
	{ "future-await", "future-await", 50000000, 0, &ns, 0, 0 },
	{ "growth-idle-10", "growth-idle", 200000, 10, &per_s, 2, 0 },
	{ "growth-idle-1000", "growth-idle", 200000, 1000, &per_s, 2, 0 },
	{ "growth-idle-10000", "growth-idle", 200000, 10000, &per_s, 2, 0 },
	{ "growth-queue-1", "growth-queue", 5000000, 1, &per_s, 0, 0 },
	{ "growth-queue-100", "growth-queue", 5000000, 100, &per_s, 0, 0 },
	{ "growth-queue-100000", "growth-queue", 5000000, 100000, &per_s, 0,
	  0 },
};

static size_t descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		bench_die("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return (size_t)limit.rlim_cur;
}

static size_t scaled(size_t n)
{
	const char *scale = getenv("BENCH_SCALE");
	size_t less = (size_t)((double)n * (scale ? atof(scale) : 1));

	return less > 0 ? less : 1;
}

static size_t allowed(const struct work *work)
{
	size_t most;

	if (work->descriptors == 0)
		return work->size;
	most = (descriptor_limit() - 64) / work->descriptors;
	if (work->size <= most)
		return work->size;
	if (!getenv("BENCH_QUIET"))
		fprintf(stderr,
			"%s: %zu instead of %zu, by the descriptor limit\n",
			work->name, most, work->size);
	return most;
}

static void run(const struct work *work, const struct bench_kind *kind,
		size_t n)
{
	const struct unit *unit = work->unit;
	double result;

	if (kind->less && n > kind->less)
		n /= kind->less;
	if (work->fat)
		bench_bytes(work->fat);
	result = kind->run(n, allowed(work));
	result = unit->rate ? (double)n * unit->factor / result
			    : result * unit->factor / (double)n;
	printf("%s %.4g %s\n", work->name, result, unit->name);
}

int bench_main(int argc, char **argv, const struct bench_kind *kinds)
{
	const struct work *work = works;
	const struct work *end = works + sizeof(works) / sizeof(works[0]);

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: %s WORK [N]\n", argv[0]);
		return 2;
	}
	while (work < end && strcmp(work->name, argv[1]) != 0)
		work++;
	if (work == end) {
		fprintf(stderr, "%s: no such work: %s\n", argv[0], argv[1]);
		return 2;
	}
	for (; kinds->name; kinds++) {
		if (strcmp(kinds->name, work->kind) != 0)
			continue;
		run(work, kinds,
		    argc == 3 ? strtoul(argv[2], NULL, 10) : scaled(work->n));
		return 0;
	}
	return 77;
}

double bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

double bench_memory(void)
{
	FILE *statm = fopen("/proc/self/statm", "re");
	unsigned long pages;

	if (!statm || fscanf(statm, "%*u %lu", &pages) != 1)
		bench_die("/proc/self/statm");
	fclose(statm);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

void bench_die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
		strerror(errno));
	exit(1);
}

void bench_expect(const char *what, size_t seen, size_t expected)
{
	if (seen == expected)
		return;
	fprintf(stderr, "%s: %s: %zu, expected %zu\n",
		program_invocation_short_name, what, seen, expected);
	exit(1);
}

char *bench_true[] = { "/bin/true", NULL };

char **bench_argv(const char *mode, size_t n, size_t size)
{
	static char path[4096], words[3][32];
	static char *argv[] = { path, words[0], words[1], words[2], NULL };
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 16);

	if (len < 0)
		bench_die("/proc/self/exe");
	path[len] = '\0';
	strcpy(strrchr(path, '/'),
	       strcmp(mode, "tls") == 0 ? "/child-tls" : "/child");
	snprintf(words[0], sizeof(words[0]), "%s", mode);
	snprintf(words[1], sizeof(words[1]), "%zu", n);
	snprintf(words[2], sizeof(words[2]), "%zu", size);
	return argv;
}

void bench_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		bench_die("pipe2");
}

/* Starts a child with these as its stdin (-1: the parent's) and stdout. */
static pid_t start(char **argv, int in, int out)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	if (in >= 0)
		posix_spawn_file_actions_adddup2(&actions, in, 0);
	if (out >= 0)
		posix_spawn_file_actions_adddup2(&actions, out, 1);
	errno = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
	if (errno != 0)
		bench_die(argv[0]);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

void bench_spawn(struct bench_child *child, char **argv, bool with_stdin)
{
	int in[2] = { -1, -1 }, out[2];

	bench_pipe(out);
	if (with_stdin)
		bench_pipe(in);
	child->pid = start(argv, in[0], out[1]);
	close(out[1]);
	child->out = out[0];
	if (with_stdin)
		close(in[0]);
	child->in = in[1];
}

void bench_spawn_on_socket(struct bench_child *child, char **argv)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		bench_die("socketpair");
	child->pid = start(argv, pair[1], -1);
	close(pair[1]);
	child->in = -1;
	child->out = pair[0];
}

void bench_reap(const struct bench_child *child)
{
	int status;

	if (waitpid(child->pid, &status, 0) != child->pid)
		bench_die("waitpid");
	bench_expect("status of the child", (size_t)status, 0);
}

void bench_nonblock(int fd)
{
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		bench_die("fcntl");
}

char *bench_bytes(size_t n)
{
	char *data = mmap(NULL, n, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (data == MAP_FAILED)
		bench_die("mmap");
	/* No huge pages: they would make fork(2) faster, but not always. */
	madvise(data, n, MADV_NOHUGEPAGE);
	return memset(data, 'x', n);
}

int *bench_pairs(size_t n, struct bench_child *child)
{
	int *ours = calloc(n, sizeof(*ours)), *theirs = calloc(n, sizeof(int));
	int pair[2];

	if (!ours || !theirs)
		bench_die("calloc");
	for (size_t i = 0; i < n; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
			bench_die("socketpair");
		fcntl(pair[0], F_SETFD, FD_CLOEXEC);
		ours[i] = pair[0];
		theirs[i] = pair[1];
	}
	bench_spawn(child, bench_argv("many", 0, 0), false);
	for (size_t i = 0; i < n; i++)
		close(theirs[i]);
	free(theirs);
	return ours;
}

int *bench_silent(size_t n)
{
	int *fds = calloc(n, sizeof(*fds));
	int ends[2];

	if (!fds)
		bench_die("calloc");
	bench_pipe(ends);
	for (size_t i = 0; i < n; i++) {
		fds[i] = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
		if (fds[i] < 0)
			bench_die("F_DUPFD_CLOEXEC");
	}
	return fds;
}

char *bench_split_at(struct bench_split *split)
{
	return split->buf + split->len;
}

void bench_split(struct bench_split *split, size_t n)
{
	char *line = split->buf, *end = line + split->len + n, *newline;
	char *from = line + split->len;

	while ((newline = memchr(from, '\n', (size_t)(end - from)))) {
		newline++;
		bench_line(line, (size_t)(newline - line), &split->count);
		line = from = newline;
	}
	split->len = (size_t)(end - line);
	memmove(split->buf, line, split->len);
}
