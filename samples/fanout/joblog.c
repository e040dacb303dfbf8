/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The job log. A line is appended by one write. A run that was killed may have
 * left an incomplete line, which is cut off when the log is opened again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <asyncfile.h>

#include "joblog.h"
#include "message.h"
#include "report.h"
#include "words.h"

static const char header[] = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\t"
			     "Exitval\tSignal\tCommand\n";

struct entry {
	size_t number;
	size_t line; /* a later line is about a later try */
	bool succeeded;
};

struct joblog {
	struct af_file *file;
	struct entry *entries; /* sorted by number */
	size_t n;
};

/* Reading an old log */

static int add_entry(struct joblog *log, const struct entry *entry)
{
	struct entry *larger;

	/* The room doubles whenever n is a power of two. */
	if ((log->n & (log->n - 1)) == 0) {
		larger = realloc(log->entries,
				 (log->n ? 2 * log->n : 1) * sizeof(*larger));
		if (!larger)
			return -ENOMEM;
		log->entries = larger;
	}
	log->entries[log->n++] = *entry;
	return 0;
}

/* Reads a line: whether it is that of a job. */
static bool parse(const char *line, struct entry *entry)
{
	int exit, signal;

	if (sscanf(line,
		   "%zu\t%*[^\t]\t%*[^\t]\t%*[^\t]\t%*[^\t]\t%*[^\t]\t%d"
		   "\t%d\t",
		   &entry->number, &exit, &signal) != 3)
		return false;
	entry->succeeded = exit == 0 && signal == 0;
	return true;
}

/* Returns the length of the complete lines, or an error. */
static off_t read_entries(struct joblog *log, FILE *in)
{
	struct entry entry;
	char *line = NULL;
	size_t size = 0, n_lines = 0;
	off_t whole = 0;
	ssize_t len;
	int r = 0;

	while (r == 0 && (len = getline(&line, &size, in)) > 0 &&
	       line[len - 1] == '\n') {
		whole += len;
		entry.line = n_lines++;
		if (parse(line, &entry))
			r = add_entry(log, &entry);
	}
	if (ferror(in))
		r = -EIO;
	free(line);
	return r < 0 ? r : whole;
}

static int compare(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

/* Of several entries with one number, the last one counts. */
static void sort_entries(struct joblog *log)
{
	size_t i, n = 0;

	if (log->n > 0)
		qsort(log->entries, log->n, sizeof(*log->entries), compare);
	for (i = 0; i < log->n; i++) {
		if (n > 0 &&
		    log->entries[n - 1].number == log->entries[i].number)
			n--;
		log->entries[n++] = log->entries[i];
	}
	log->n = n;
}

/* This happens once, before there are jobs, so it may block. */
static int read_old(struct joblog *log, const char *path)
{
	FILE *in = fopen(path, "re");
	off_t whole;
	int r;

	if (!in)
		return errno == ENOENT ? 0 : -errno;
	whole = read_entries(log, in);
	fclose(in);
	if (whole < 0)
		return (int)whole;
	sort_entries(log);
	r = truncate(path, whole);
	/* A device has no length. */
	return r < 0 && errno != EINVAL ? -errno : 0;
}

/* The log */

static int open_file(struct joblog *log, struct af_loop *loop, const char *path,
		     bool keep)
{
	struct af_future *written;
	int r = keep ? read_old(log, path) : 0;

	if (r < 0)
		return r;
	log->file = af_file_open(loop, path, keep ? "a" : "w");
	if (!log->file)
		return -errno;
	if (af_file_size(log->file) > 0)
		return 0;
	written = af_file_write(log->file, header, sizeof(header) - 1,
				AFIO_FULL, NULL);
	r = af_await(written);
	af_future_unref(written);
	return r;
}

struct joblog *joblog_open(struct af_loop *loop, const char *path, bool keep)
{
	struct joblog *log = calloc(1, sizeof(*log));
	int r = -ENOMEM;

	if (log)
		r = open_file(log, loop, path, keep);
	if (r == 0)
		return log;
	message_error(path, r);
	joblog_close(log);
	return NULL;
}

bool joblog_has(const struct joblog *log, size_t number, bool succeeded)
{
	size_t low = 0, high = log ? log->n : 0, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (log->entries[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return log && low < log->n && log->entries[low].number == number &&
	       (log->entries[low].succeeded || !succeeded);
}

struct af_future *joblog_write(struct joblog *log, struct af_loop *loop,
			       const struct report *report)
{
	char *command = words_show(report->argv), *text = NULL;
	struct af_future *written;
	int len = -1;

	if (command)
		len = asprintf(&text,
			       "%zu\t%s\t%.3f\t%10.3f\t%" PRIu64 "\t%" PRIu64
			       "\t%d\t%d\t%s\n",
			       report->number, report->host, report->start,
			       report->runtime, report->sent, report->received,
			       report->exit, report->signal, command);
	free(command);
	if (len < 0)
		return af_failed(loop, -ENOMEM);
	written = af_file_write(log->file, text, (size_t)len, AFIO_FULL, NULL);
	free(text);
	return written;
}

void joblog_close(struct joblog *log)
{
	if (!log)
		return;
	af_file_close(log->file);
	free(log->entries);
	free(log);
}
