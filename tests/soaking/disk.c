/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files on disk: one is written at random places, flushed, copied to another
 * one, and both are read at random places; and one that grows is followed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "soaking/loads.h"
#include "support/pattern.h"

#define DISK_PIECE 8192

struct disk {
	struct task task;
	struct af_file *from, *to;
	char from_name[32], to_name[32];
	size_t len, written, copied;
	unsigned reads; /* still to do */
	bool is_followed;
	bool is_early;	 /* a write ended early: a worker may still write */
	size_t at;	 /* of the read that is pending */
	size_t followed; /* bytes that a follow has passed on */
	char buf[DISK_PIECE];
};

static unsigned last_name;

static void disk_end(struct task *task)
{
	struct disk *disk = (struct disk *)task;

	af_file_close(disk->from);
	af_file_close(disk->to);
	unlink(disk->from_name);
	unlink(disk->to_name);
	free(disk);
}

static struct disk *disk_new(const char *name)
{
	struct disk *disk = soak_alloc(sizeof *disk);

	task_begin(&disk->task, name, disk_end);
	disk->len = 1 + pick(chance(4) ? 300000 : 20000);
	snprintf(disk->from_name, sizeof disk->from_name, "from-%u",
		 ++last_name);
	snprintf(disk->to_name, sizeof disk->to_name, "to-%u", last_name);
	return disk;
}

static void disk_read(struct disk *disk);

static void disk_did_read(struct af_future *done, void *arg)
{
	struct disk *disk = arg;
	size_t len = 0, at = disk->at;
	const char *data = af_future_data(done, &len);

	if (data && pattern_match(data, len, at) != len)
		soak_fail("disk: another byte at %zu", at);
	tally.bytes += len;
	if (disk->reads-- > 0)
		disk_read(disk);
}

/* One at a time, as its offset is needed again. */
static void disk_read(struct disk *disk)
{
	size_t at = disk->at = pick((unsigned)disk->len);

	op_watch(&disk->task, "read at",
		 af_file_read_at(chance(2) ? disk->from : disk->to,
				 1 + pick(DISK_PIECE), (int64_t)at,
				 chance(2) ? AFIO_FULL : 0, deadline()),
		 0, disk_did_read, disk);
}

static void disk_compare(struct af_future *done, void *arg)
{
	struct disk *disk = arg;

	(void)done;
	if (af_file_size(disk->to) != (int64_t)disk->len)
		soak_fail("disk: %zu bytes were copied, the copy has %lld",
			  disk->len, (long long)af_file_size(disk->to));
	disk->reads = 4;
	disk_read(disk);
}

/*
 * What ends at its deadline or by a cancel, a success with its whole count, too,
 * may have counted bytes that a worker still writes. This waits for it.
 */
static void disk_sync(struct disk *disk, struct af_file *file, op_fn then)
{
	op_watch(&disk->task, "sync", af_file_sync(file, NULL), MAY_STAY, then,
		 disk);
}

static void disk_copy(struct disk *disk);

static void disk_copied(struct af_future *done, void *arg)
{
	struct disk *disk = arg;

	disk->copied += af_future_count(done);
	if (disk->copied > disk->len)
		soak_fail("disk: %zu of %zu bytes copied", disk->copied,
			  disk->len);
	if (disk->copied < disk->len)
		disk_copy(disk);
	else
		disk_sync(disk, disk->to, disk_compare);
}

static void disk_copy(struct disk *disk)
{
	op_watch(&disk->task, "copy",
		 af_file_copy(disk->from, disk->to,
			      (int64_t)(disk->len - disk->copied), deadline()),
		 0, disk_copied, disk);
}

static void disk_opened_to(struct af_future *done, void *arg)
{
	struct disk *disk = arg;

	disk->to = af_future_take_file(done);
	if (disk->to)
		disk_copy(disk);
}

static void disk_synced(struct af_future *done, void *arg)
{
	struct disk *disk = arg;

	(void)done;
	op_watch(&disk->task, "open",
		 af_file_open_async(soak.loop, disk->to_name, "w+"), MAY_LACK,
		 disk_opened_to, disk);
}

static void disk_write(struct disk *disk);

static void disk_wrote(struct af_future *done, void *arg)
{
	struct disk *disk = arg;

	disk->written += af_future_count(done);
	if (disk->written < disk->len)
		disk_write(disk);
	else if (!disk->is_followed)
		disk_sync(disk, disk->from, disk_synced);
}

static void disk_write(struct disk *disk)
{
	size_t left = disk->len - disk->written;
	size_t n = 1 + pick(DISK_PIECE);

	n = n < left ? n : left;
	pattern_fill(disk->buf, n, disk->written);
	if (disk->is_followed) /* in order, also after one that ended early */
		op_watch(&disk->task, "append",
			 af_file_write(disk->from, disk->buf, n, 0, deadline()),
			 0, disk_wrote, disk);
	else
		op_watch(&disk->task, "write at",
			 af_file_write_at(disk->from, disk->buf, n,
					  (int64_t)disk->written,
					  chance(2) ? AFIO_FULL : 0,
					  deadline()),
			 0, disk_wrote, disk);
}

void load_copy(void)
{
	struct disk *disk = disk_new("copy");

	disk->from = af_file_open(soak.loop, disk->from_name, "w+");
	if (disk->from)
		disk_write(disk);
	else
		op_lacked("af_file_open", errno);
	task_drop(&disk->task);
}

/* Pieces of lines come, too, as the pattern need not end with a newline. */
static int disk_line(const char *data, size_t len, unsigned flags, void *arg)
{
	struct disk *disk = arg;

	(void)flags;
	if (pattern_match(data, len, disk->followed) != len)
		soak_fail("follow: another byte after %zu", disk->followed);
	disk->followed += len;
	if (disk->followed > disk->len)
		soak_fail("follow: more than there is");
	return disk->followed == disk->len;
}

static void disk_did_follow(struct af_future *done, void *arg)
{
	struct disk *disk = arg;

	if (af_future_error(done) == 0 && disk->followed != disk->len)
		soak_fail("follow: %zu of %zu bytes", disk->followed,
			  disk->len);
}

void load_follow(void)
{
	struct disk *disk = disk_new("follow");

	disk->is_followed = true;
	disk->from = af_file_open(soak.loop, disk->from_name, "w+");
	if (disk->from) {
		const struct af_follow_options options = { .parts = true };

		op_watch(&disk->task, "follow",
			 af_file_follow(soak.loop, disk->from_name, &options,
					disk_line, disk),
			 MAY_LACK, disk_did_follow, disk);
		disk_write(disk);
	} else {
		op_lacked("af_file_open", errno);
	}
	task_drop(&disk->task);
}
