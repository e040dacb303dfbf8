/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport of what is always ready. There is nothing to wait for, so
 * whoever wants to be woken is woken from the ready queue.
 */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include "disk.h"
#include "sigpipe.h"

static ssize_t disk_read(struct af_file *file, void *buf, size_t len)
{
	ssize_t r = read(file->fd, buf, len);

	return r < 0 ? -errno : r;
}

static ssize_t disk_write(struct af_file *file, const struct iovec *iov, int n)
{
	return afi_sigpipe_writev(file->fd, iov, n);
}

static void on_task(struct afi_task *task)
{
	struct af_file *file =
		(void *)((char *)task - offsetof(struct af_file, disk.task));

	for (int i = AFI_READ; i <= AFI_WRITE; i++) {
		if (!file->wanted[i])
			continue;
		file->wanted[i] = false;
		file->drained[i] = false;
		if (file->transport)
			afi_file_step(file, i);
	}
}

static int disk_want(struct af_file *file, enum afi_direction direction)
{
	(void)direction;
	if (!file->disk.task.run)
		afi_loop_ready(file->loop, &file->disk.task, on_task);
	return 0;
}

static void disk_unwant(struct af_file *file, enum afi_direction direction)
{
	file->wanted[direction] = false;
}

static size_t disk_held(const struct af_file *file)
{
	(void)file;
	return 0;
}

static int disk_unread(struct af_file *file, struct evbuffer *buf)
{
	(void)file;
	(void)buf;
	return 0;
}

static void disk_release(struct af_file *file)
{
	afi_task_cancel(&file->loop->ready, &file->disk.task);
}

void afi_disk_attach(struct af_file *file)
{
	static const struct afi_transport transport = {
		.read = disk_read,
		.write = disk_write,
		.want = disk_want,
		.unwant = disk_unwant,
		.held = disk_held,
		.unread = disk_unread,
		.release = disk_release,
	};

	file->transport = &transport;
}
