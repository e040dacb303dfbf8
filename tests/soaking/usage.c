/* SPDX-License-Identifier: BSD-3-Clause */
#include "soaking/usage.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* With sanitizers, whose allocator it is. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

bool usage_is_exact(void)
{
#ifdef __GLIBC__
	const char *tunables = getenv("GLIBC_TUNABLES");

	return __sanitizer_get_current_allocated_bytes ||
	       (tunables && strstr(tunables, "malloc.tcache_count=0"));
#else
	return __sanitizer_get_current_allocated_bytes != NULL;
#endif
}

static size_t usage_heap(void)
{
	if (__sanitizer_get_current_allocated_bytes)
		return __sanitizer_get_current_allocated_bytes();
#ifdef __GLIBC__
	struct mallinfo2 all = mallinfo2();

	return all.uordblks + all.hblkhd;
#else
	return 0;
#endif
}

#ifdef __linux__
static long usage_entries(const char *path)
{
	DIR *dir = opendir(path);
	long n = 0;

	if (!dir)
		return -1;
	for (struct dirent *entry; (entry = readdir(dir));)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

static bool usage_is_zombie(long pid)
{
	char path[64], text[512];
	const char *end;
	FILE *file;
	size_t n;

	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	n = fread(text, 1, sizeof text - 1, file);
	text[n] = '\0';
	fclose(file);
	end = strrchr(text, ')');
	return end && end[1] && end[2] == 'Z';
}

static void usage_children_of(const char *thread, struct usage *usage)
{
	char path[64];
	FILE *file;
	long pid;

	snprintf(path, sizeof path, "/proc/self/task/%.20s/children", thread);
	file = fopen(path, "re");
	if (!file)
		return;
	while (fscanf(file, "%ld", &pid) == 1) {
		usage->children++;
		usage->zombies += usage_is_zombie(pid);
	}
	fclose(file);
}

static bool usage_is_keeper(const char *thread)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof path, "/proc/self/task/%.20s/comm", thread);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(name, sizeof name, file))
		name[0] = '\0';
	fclose(file);
	return strcmp(name, "asyncfile-keep\n") == 0;
}

static void usage_threads(struct usage *usage)
{
	DIR *dir = opendir("/proc/self/task");

	if (!dir) {
		usage->threads = usage->children = usage->zombies = -1;
		return;
	}
	for (struct dirent *entry; (entry = readdir(dir));)
		if (isdigit((unsigned char)entry->d_name[0])) {
			usage->threads += !usage_is_keeper(entry->d_name);
			usage_children_of(entry->d_name, usage);
		}
	closedir(dir);
}

static long usage_rss(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%*d %ld", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void usage_system(struct usage *usage)
{
	usage->fds = usage_entries("/proc/self/fd") - 1; /* opendir()'s own */
	usage->rss_kib = usage_rss();
	usage_threads(usage);
}
#else
static void usage_system(struct usage *usage)
{
	usage->threads = usage->children = usage->zombies = -1;
	for (int fd = 0; fd < 4096; fd++)
		usage->fds += fcntl(fd, F_GETFD) >= 0;
}
#endif

struct usage usage_now(void)
{
	struct usage usage = { .heap = usage_heap() };
	struct rlimit old, limit;

	getrlimit(RLIMIT_NOFILE, &old);
	limit = old;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	usage_system(&usage);
	setrlimit(RLIMIT_NOFILE, &old);
	return usage;
}
