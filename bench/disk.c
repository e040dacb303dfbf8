/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * On-disk files, in the page cache and not in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

#define MB ((size_t)1 << 20)

const char bench_file_path[] = "bench-file.tmp";
const char bench_copy_path[] = "bench-copy.tmp";

int bench_file(size_t n)
{
	int fd = open(bench_file_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	char *block = bench_bytes(MB);
	struct stat st;
	size_t len;

	if (fd < 0 || fstat(fd, &st) < 0)
		bench_die(bench_file_path);
	for (size_t at = 0; (size_t)st.st_size != n && at < n; at += len) {
		len = n - at < MB ? n - at : MB;
		if (pwrite(fd, block, len, (off_t)at) != (ssize_t)len)
			bench_die(bench_file_path);
	}
	/* Or it would be written to the disk during the measurement. */
	if (ftruncate(fd, (off_t)n) < 0 || fdatasync(fd) < 0)
		bench_die(bench_file_path);
	for (size_t at = 0; at < n; at += MB)
		if (pread(fd, block, MB, (off_t)at) <= 0)
			bench_die(bench_file_path);
	munmap(block, MB);
	return fd;
}

/* How many pages of a file are in the page cache. */
static size_t resident(int fd, size_t n)
{
	size_t pages = n / (size_t)sysconf(_SC_PAGESIZE), count = 0;
	unsigned char *seen = malloc(pages + 1);
	void *map = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);

	if (!seen || map == MAP_FAILED || mincore(map, n, seen) < 0)
		bench_die("mincore");
	for (size_t i = 0; i < pages; i++)
		count += seen[i] & 1;
	munmap(map, n);
	free(seen);
	return count;
}

int bench_cold_file(size_t n)
{
	size_t pages;
	int fd;

	/* Read it first, so that a cache below this one has it each time. */
	close(bench_file(n));
	fd = open(bench_file_path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		bench_die(bench_file_path);
	errno = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (errno != 0)
		bench_die("posix_fadvise");
	pages = resident(fd, n);
	if (pages <= n / (size_t)sysconf(_SC_PAGESIZE) / 100)
		return fd;
	if (!getenv("BENCH_QUIET"))
		fprintf(stderr,
			"%s: skipped, %zu pages of the file stay in the "
			"cache\n",
			program_invocation_short_name, pages);
	exit(77);
}

void bench_copied(size_t n)
{
	struct stat st;

	if (stat(bench_copy_path, &st) < 0)
		bench_die(bench_copy_path);
	bench_expect("bytes of the copy", (size_t)st.st_size, n);
	/* Or it would be written to the disk during the next work. */
	unlink(bench_copy_path);
}
