/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads and writes at offsets of one file on disk, others at its position, and
 * syncs of it: the instructions, and their model, which has a cell for each byte.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "model/world.h"

#define CELLS 100000

/*
 * A byte is known unless a write of it is pending, two have overlapped, or one
 * ended early, as a worker thread may write its bytes later.
 */
struct cell {
	unsigned char byte;
	bool known, before;  /* before the write that is pending */
	bool alone;	     /* no other write has overlapped the one pending */
	unsigned pending;    /* writes */
	unsigned long since; /* the time when it became known */
	unsigned long late;  /* the time when a write of it ended early; or 0 */
};

static struct {
	struct af_file *file;
	struct cell *cells;
	size_t least, most; /* its size */
	unsigned long now;  /* a time: how many operations there were */
	size_t here;	    /* the position */
	struct node
		*using; /* the operation at the position, until it is done */
	bool busy; /* since the last seek, one may have ended early, or a sync begun */
	unsigned long dropped; /* when there were no buffered bytes */
} disk;

static bool disk_open(void)
{
	char path[] = P_tmpdir "/asyncfile-XXXXXX";
	int fd;

	if (disk.file || model_freed)
		return disk.file;
	fd = mkstemp(path);
	must(fd >= 0, NULL);
	disk.file = af_file_open(world.loop, path, "w+");
	disk.cells = calloc(CELLS, sizeof *disk.cells);
	must(disk.file && disk.cells, NULL);
	must(close(fd) == 0 && unlink(path) == 0, NULL);
	for (size_t i = 0; i < CELLS; i++)
		disk.cells[i].known = true;
	return true;
}

void disk_close(void)
{
	must(af_file_close(disk.file) == 0, NULL);
	free(disk.cells);
	disk.file = NULL;
	disk.cells = NULL;
	disk.least = disk.most = disk.now = disk.here = disk.dropped = 0;
	disk.using = NULL;
	disk.busy = false;
}

static struct node *disk_node(enum kind_of kind, const struct timeval *time)
{
	struct node *node = world_node(kind);

	node->timed = time;
	node->when = ++disk.now;
	return node;
}

/* Operands 0 and 1 are a place and a size. */
static void set_range(struct node *node, const uint32_t *arg)
{
	node->offset = arg[0] * 3000;
	node->size = arg[1] % (CELLS - node->offset);
}

bool act_read_at(const uint32_t *arg)
{
	const struct timeval *time = act_time(arg[3]);
	struct node *node;

	if (!disk_open())
		return false;
	node = disk_node(READ_AT, time);
	set_range(node, arg);
	node->full = arg[2] || node->size == 0;
	node->known = disk.least;
	world_start(node, af_file_read_at(disk.file, node->size,
					  (int64_t)node->offset,
					  arg[2] ? AFIO_FULL : 0, time));
	return true;
}

/* Its bytes; they are not known any more, until it is done. */
static unsigned char *begin_write(const struct node *node)
{
	unsigned char *data = malloc(node->size + 1);

	must(data, node);
	for (size_t i = 0; i < node->size; i++) {
		struct cell *cell = &disk.cells[node->offset + i];

		data[i] = stream_byte(node, i);
		if (cell->pending == 0)
			cell->before = cell->known;
		cell->known = false;
		cell->alone = cell->pending++ == 0 && cell->late == 0;
	}
	if (node->size > 0 && disk.most < node->offset + node->size)
		disk.most = node->offset + node->size;
	return data;
}

bool act_write_at(const uint32_t *arg)
{
	const struct timeval *time = act_time(arg[4]);
	unsigned char *data;
	struct af_future *f;
	struct node *node;

	if (!disk_open())
		return false;
	node = disk_node(WRITE_AT, time);
	set_range(node, arg);
	node->full = arg[2];
	data = begin_write(node);
	node->borrowed = arg[3] ? data : NULL;
	f = af_file_write_at(disk.file, data, node->size, (int64_t)node->offset,
			     (node->full ? AFIO_FULL : 0) |
				     (arg[3] ? AFIO_BORROW : 0),
			     time);
	if (!arg[3])
		free(data);
	world_start(node, f);
	return true;
}

/* The operation at the position is done: that has moved. */
static void move_here(void)
{
	struct node *node = disk.using;

	if (!node || (!node->ended && model_is_pending(node)))
		return;
	disk.using = NULL;
	disk.busy |= node->timed || node->canceled;
	/* What a read that failed had gathered is read again. */
	disk.here +=
		node->ended ? node->count : af_future_count(model_handle(node));
}

/* Its end is to be known, whatever the program drops. */
static void start_here(struct node *node, struct af_future *f)
{
	disk.using = node;
	world_start(node, f);
	if (!node->keep)
		node->keep = af_future_ref(f);
}

static void read_here(const uint32_t *arg, const struct timeval *time)
{
	struct node *node = disk_node(READ_AT, time);

	node->offset = disk.here;
	node->size = arg[2] % (CELLS - disk.here);
	node->full = arg[3] || node->size == 0;
	node->known = disk.least;
	/* It may have been read ahead. */
	node->when = disk.dropped;
	start_here(node, af_file_read(disk.file, node->size,
				      arg[3] ? AFIO_FULL : 0, time));
}

static void write_here(const uint32_t *arg, const struct timeval *time)
{
	struct node *node = disk_node(WRITE_AT, time);
	unsigned char *data;

	node->offset = disk.here;
	node->size = arg[2] % (CELLS - disk.here);
	node->full = arg[3];
	data = begin_write(node);
	if (node->size > 0)
		disk.dropped = node->when;
	start_here(node, af_file_write(disk.file, data, node->size,
				       node->full ? AFIO_FULL : 0, time));
	free(data);
}

/* Not while something is pending. */
static void seek_here(int64_t offset, int whence)
{
	int64_t r = af_file_seek(disk.file, offset, whence), least, most;

	if (r == -EBUSY) {
		must(disk.using || disk.busy, disk.using);
		return;
	}
	least = whence == SEEK_CUR ? (int64_t)disk.here : 0;
	most = least + offset;
	if (whence == SEEK_END)
		most = (int64_t)disk.most;
	least = whence == SEEK_END ? (int64_t)disk.least : most;
	must(!disk.using && r >= least && r <= most, disk.using);
	disk.here = (size_t)r;
	disk.busy = false;
	disk.dropped = ++disk.now;
}

bool act_here(const uint32_t *arg)
{
	const struct timeval *time = act_time(arg[4]);

	if (model_freed || !disk_open())
		return false;
	move_here();
	if (arg[0] == 0)
		seek_here(arg[1] * 3000, SEEK_SET);
	else if (arg[0] == 1)
		seek_here(0, SEEK_CUR);
	else if (arg[0] == 2)
		seek_here(0, SEEK_END);
	else if (disk.using)
		return false;
	else if (arg[0] < 7)
		read_here(arg, time);
	else
		write_here(arg, time);
	return true;
}

bool act_sync(const uint32_t *arg)
{
	const struct timeval *time = act_time(arg[0]);

	if (!disk_open())
		return false;
	world_start(disk_node(SYNC, time), af_file_sync(disk.file, time));
	disk.busy = true;
	return true;
}

static void end_read_at(const struct node *node, struct af_future *done)
{
	size_t len = SIZE_MAX, end;
	const char *data = af_future_data(done, &len);
	unsigned flags = af_future_flags(done);

	must(data && len == node->count && data[len] == '\0', node);
	must(node->size == 0 || len <= node->size, node);
	end = node->offset + len;
	must(end <= disk.most || len == 0, node);
	for (size_t i = 0; i < len; i++) {
		const struct cell *cell = &disk.cells[node->offset + i];

		must(!cell->known || cell->since > node->when ||
			     (unsigned char)data[i] == cell->byte,
		     node);
	}
	if (flags == AFIO_EOF)
		must(end >= node->known && (node->full || len == 0), node);
	else if (flags == AFIO_TIMEDOUT)
		must(node->timed && node->full && len > 0, node);
	else
		must(flags == 0 && len > 0 &&
			     (!node->full || len == node->size),
		     node);
}

static void end_write_at(struct node *node, struct af_future *done)
{
	/* At a deadline, too, it may be the last bytes that are still out. */
	bool early = node->error || node->timed;
	bool part = node->error || af_future_flags(done);
	size_t end = node->offset + node->count;

	must(node->count <= node->size, node);
	must(part || !node->full || node->count == node->size, node);
	must(part || node->size == 0 || node->count > 0, node);
	must(node->error != -ETIMEDOUT || node->count == 0, node);
	if (!early && node->count > 0 && disk.least < end)
		disk.least = end;
	model_spoil(node);
	disk.now++;
	for (size_t i = 0; i < node->size; i++) {
		struct cell *cell = &disk.cells[node->offset + i];

		cell->pending--;
		if (early && i < node->count)
			cell->late = disk.now;
		if (!cell->alone || cell->pending > 0 || cell->late > 0)
			continue;
		cell->known = cell->before || i < node->count;
		cell->since = disk.now;
		if (i < node->count)
			cell->byte = stream_byte(node, i);
	}
}

/* It has waited for the threads of all writes that had ended early. */
static void end_sync(const struct node *node)
{
	for (size_t i = 0; i < CELLS; i++)
		if (disk.cells[i].late < node->when)
			disk.cells[i].late = 0;
}

void disk_end(struct node *node, struct af_future *done)
{
	if (node->kind == WRITE_AT)
		end_write_at(node, done);
	else if (node->kind == READ_AT && node->error == 0)
		end_read_at(node, done);
	else if (node->kind == SYNC && node->error == 0)
		end_sync(node);
	if (node == disk.using)
		move_here();
}
