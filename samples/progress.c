/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The progress bar. A repeating timer draws it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include <asyncfile.h>

#include "progress.h"

#define COLUMNS 79
#define BAR_COLUMNS 20

struct progress {
	struct event *timer;
	struct af_future *future;
	uint64_t total;
	struct timespec start;
};

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* Formats a number of bytes for people: "1.5 GiB". */
static const char *human(char *buf, size_t size, double bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t i = 0;

	while (bytes >= 1024 && i < sizeof(units) / sizeof(units[0]) - 1) {
		bytes /= 1024;
		i++;
	}
	snprintf(buf, size, "%.*f %s", i ? 1 : 0, bytes, units[i]);
	return buf;
}

/* Formats bar and time left. The total must be known, and not exceeded. */
static void format_left(uint64_t done, uint64_t total, double rate, char *buf,
			size_t size)
{
	double share = (double)done / (double)total;
	uint64_t left = (uint64_t)((double)(total - done) / rate + 0.5);
	int filled = (int)(share * BAR_COLUMNS), i;
	char bar[BAR_COLUMNS + 1];

	for (i = 0; i < BAR_COLUMNS; i++)
		bar[i] = i < filled ? '=' : i == filled ? '>' : ' ';
	bar[BAR_COLUMNS] = '\0';
	snprintf(buf, size,
		 "  [%s] %3d%%  %" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " left",
		 bar, (int)(share * 100), left / 3600, left / 60 % 60,
		 left % 60);
}

static void draw(evutil_socket_t fd, short what, void *arg)
{
	const struct progress *p = arg;
	uint64_t n = af_future_count(p->future);
	double rate = (double)n / seconds_since(&p->start);
	char done[32], speed[32], left[80] = "", line[160];

	(void)fd;
	(void)what;
	if (n > 0 && n <= p->total)
		format_left(n, p->total, rate, left, sizeof(left));
	snprintf(line, sizeof(line), "%10s  %10s/s%s",
		 human(done, sizeof(done), (double)n),
		 human(speed, sizeof(speed), rate), left);
	fprintf(stderr, "\r%-*s", COLUMNS, line);
}

struct progress *progress_new(struct event_base *base, struct af_future *future,
			      uint64_t total)
{
	static const struct timeval period = { .tv_usec = 100000 };
	struct progress *p;

	if (!isatty(STDERR_FILENO))
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->total = total;
	p->future = af_future_ref(future);
	clock_gettime(CLOCK_MONOTONIC, &p->start);
	p->timer = event_new(base, -1, EV_PERSIST, draw, p);
	if (!p->timer || event_add(p->timer, &period) < 0) {
		if (p->timer)
			event_free(p->timer);
		af_future_unref(p->future);
		free(p);
		return NULL;
	}
	return p;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	event_free(p->timer);
	af_future_unref(p->future);
	fprintf(stderr, "\r%*s\r", COLUMNS, "");
	free(p);
}
