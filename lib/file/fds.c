/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The descriptors that came with a file's bytes, by their places: which of all
 * bytes of the file, counted as they are read. What operations take does not
 * change that, so that they need not tell.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "file/fds.h"
#include "file/file.h"

/* What a file keeps at most: a peer may send what nobody receives. */
#define SETS_MAX 16
#define FDS_MAX (2 * AFI_FDS_MAX)

/* The place of the first byte: what is unread has a place before it. */
#define FIRST (UINT64_C(1) << 62)

struct afi_fds *afi_fds_new(void)
{
	struct afi_fds *fds = calloc(1, sizeof(*fds));

	if (!fds)
		return NULL;
	TAILQ_INIT(&fds->sets);
	fds->total = FIRST;
	return fds;
}

void afi_fdset_close(struct afi_fdset *set, unsigned i)
{
	for (unsigned k = i; k < set->n; k++)
		if (set->fds[k] >= 0)
			close(set->fds[k]);
	if (i < set->n)
		set->n = i;
}

void afi_fdset_free(struct afi_fdset *set)
{
	if (set)
		afi_fdset_close(set, 0);
	free(set);
}

void afi_fds_free(struct afi_fds *fds)
{
	struct afi_fdset *set;

	if (!fds)
		return;
	while ((set = TAILQ_FIRST(&fds->sets))) {
		TAILQ_REMOVE(&fds->sets, set, entry);
		afi_fdset_free(set);
	}
	free(fds->spare);
	free(fds);
}

int afi_fds_prepare(struct af_file *file)
{
	struct afi_fds *fds = file->fds;

	/* Of what took bytes without asking for their descriptors. */
	afi_fds_drop(file, false);
	if (!fds->spare)
		fds->spare = malloc(sizeof(*fds->spare));
	return fds->spare ? 0 : -ENOMEM;
}

/* Puts the spare one, with no descriptors yet, at the end of the list. */
static struct afi_fdset *fds_append(struct afi_fds *fds, size_t len)
{
	struct afi_fdset *set = fds->spare;

	fds->spare = NULL;
	fds->n_sets++;
	set->at = fds->total;
	set->end = fds->total + len;
	set->lost = false;
	set->alone = len == 0;
	set->error = 0;
	set->n = 0;
	TAILQ_INSERT_TAIL(&fds->sets, set, entry);
	return set;
}

/* Notes that a set was lost. Several in a row need no memory for each. */
static void fds_note_lost(struct afi_fds *fds, size_t len, int error)
{
	struct afi_fdset *set = NULL, *last;

	TAILQ_FOREACH (last, &fds->sets, entry)
		set = last;
	if (!set || !set->lost)
		set = fds_append(fds, len);
	set->lost = true;
	set->end = fds->total + len;
	if (error)
		set->error = error;
}

static void fds_count(struct afi_fds *fds, size_t len, bool came)
{
	fds->total += len;
	fds->came = came;
}

void afi_fds_add(struct af_file *file, size_t len, const int *numbers,
		 unsigned n)
{
	struct afi_fds *fds = file->fds;
	struct afi_fdset *set;

	if (n > 0 && (fds->n_sets >= SETS_MAX || fds->n_fds + n > FDS_MAX)) {
		for (unsigned i = 0; i < n; i++)
			close(numbers[i]);
		fds_note_lost(fds, len, 0);
	} else if (n > 0) {
		set = fds_append(fds, len);
		for (unsigned i = 0; i < n; i++)
			set->fds[i] = numbers[i];
		set->n = n;
		fds->n_fds += n;
	}
	fds_count(fds, len, n > 0);
}

void afi_fds_add_lost(struct af_file *file, size_t len)
{
	fds_note_lost(file->fds, len, -EMFILE);
	fds_count(file->fds, len, true);
}

struct afi_fdset *afi_fds_first(const struct af_file *file)
{
	return TAILQ_FIRST(&file->fds->sets);
}

/* The place of the next byte that an operation takes. */
static uint64_t fds_front(const struct af_file *file)
{
	return file->fds->total - file->in.len;
}

size_t afi_fds_before(const struct af_file *file, const struct afi_fdset *set)
{
	uint64_t front = fds_front(file);

	return set->at > front ? (size_t)(set->at - front) : 0;
}

void afi_fds_remove(struct af_file *file, struct afi_fdset *set)
{
	struct afi_fds *fds = file->fds;

	TAILQ_REMOVE(&fds->sets, set, entry);
	fds->n_sets--;
	fds->n_fds -= set->n;
}

/* Whether what came with a set was taken; empty: also what is in front. */
static bool fds_is_taken(const struct afi_fdset *set, uint64_t front,
			 bool empty)
{
	/* Each byte of a lost one may have been the one. */
	if (!set->lost && !set->alone)
		return set->end <= front;
	return set->at < front || (empty && set->alone && set->at == front);
}

unsigned afi_fds_drop(struct af_file *file, bool empty)
{
	uint64_t front = fds_front(file);
	struct afi_fdset *set;
	unsigned flags = 0;

	while ((set = afi_fds_first(file)) && fds_is_taken(set, front, empty)) {
		flags = AFIO_FDS_DROPPED;
		/* There are more bytes of it. */
		if (set->end > front) {
			set->at = front;
			set->alone = false;
			break;
		}
		afi_fds_remove(file, set);
		afi_fdset_free(set);
	}
	return flags;
}
