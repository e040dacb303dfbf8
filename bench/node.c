/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Node.js: runs node.js, which does the work and prints the seconds it took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* node.js KIND N SIZE CHILD FILE COPY */
static double run_node(const char *kind, size_t n, size_t size)
{
	const char *mode = strcmp(kind, "tls-in") == 0 ? "tls" : "lines";
	char command[8192];
	double seconds;
	FILE *out;

	snprintf(command, sizeof(command), "exec %s '%s' %s %zu %zu '%s' %s %s",
		 NODE, NODE_SCRIPT, kind, n, size, bench_argv(mode, 0, 0)[0],
		 bench_file_path, bench_copy_path);
	out = popen(command, "re");
	if (!out || fscanf(out, "%lf", &seconds) != 1)
		bench_die(command);
	bench_expect("status of node", (size_t)pclose(out), 0);
	return seconds;
}

static double pipe_in(size_t n, size_t size)
{
	return run_node("pipe-in", n, size);
}

static double through_memory(size_t n, size_t size)
{
	return run_node("through-memory", n, size);
}

static double through_file(size_t n, size_t size)
{
	close(bench_file(n));
	return run_node("through-file", n, size);
}

static double lines(size_t n, size_t size)
{
	return run_node("lines", n, size);
}

static double ping_pong(size_t n, size_t size)
{
	return run_node("ping-pong", n, size);
}

static double spawn(size_t n, size_t at_once)
{
	return run_node("spawn", n, at_once);
}

double file_read(size_t n, size_t size)
{
	close(bench_cold_file(n));
	return run_node("file-read", n, size);
}

double file_copy(size_t n, size_t size)
{
	double seconds;

	close(bench_cold_file(n));
	seconds = run_node("file-copy", n, size);
	bench_copied(n);
	return seconds;
}

#ifdef WITH_TLS
double tls_in(size_t n, size_t size)
{
	return run_node("tls-in", n, size);
}
#endif

int main(int argc, char **argv)
{
	static const struct bench_kind kinds[] = {
		{ "pipe-in", pipe_in, 0 },
		{ "through-memory", through_memory, 0 },
		{ "through-file", through_file, 0 },
		{ "lines", lines, 4 },
		{ "ping-pong", ping_pong, 4 },
		{ "spawn", spawn, 0 },
		{ "file-read", file_read, 0 },
		{ "file-copy", file_copy, 0 },
#ifdef WITH_TLS
		{ "tls-in", tls_in, 0 },
#endif
		{ NULL, NULL, 0 },
	};

	/* It is Node that would have to be fat. */
	if (argc > 1 && strcmp(argv[1], "spawn-fat") == 0)
		return 77;
	return bench_main(argc, argv, kinds);
}
