/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The position and the size of on-disk files.
 */
#include "config.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/file.h"

/* 0, or the error if the file has no position. */
static int seek_check(const struct af_file *file)
{
	int r = afi_file_check(file);

	if (r < 0)
		return r;
	return file->transport->put_back ? 0 : -ESPIPE;
}

int64_t af_file_seek(struct af_file *file, int64_t offset, int whence)
{
	int64_t r = seek_check(file);

	if (r < 0)
		return r;
	if (!TAILQ_EMPTY(&file->ops[AFI_READ]) ||
	    !TAILQ_EMPTY(&file->ops[AFI_WRITE]))
		return -EBUSY;
	if ((off_t)offset != offset)
		return -EOVERFLOW;
	r = file->transport->put_back(file);
	if (r < 0)
		return r;
	r = lseek(file->fd, (off_t)offset, whence);
	if (r < 0)
		return -errno;
	file->read_error = 0;
	return r;
}

int64_t af_file_size(struct af_file *file)
{
	struct stat st;
	int r = seek_check(file);

	if (r < 0)
		return r;
	if (fstat(file->fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? st.st_size : -ESPIPE;
}
