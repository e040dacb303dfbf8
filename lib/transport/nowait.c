/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads and writes on-disk files without waiting for the disk, and finds out
 * where that is not possible.
 */
#include "config.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/pool.h"
#include "base/refused.h"
#include "transport/nowait.h"

/*
 * The most bytes that one call reads. Copying from the page cache takes time,
 * too: with less than a full pipe, the file waits for its next turn.
 */
#define READ_MAX (AFI_READ_SIZE / 2)
/* The most bytes that one call writes: some 200 us. */
#define WRITE_MAX ((size_t)1 << 20)

/* The distance between probes for pages in the page cache. */
#define PROBE_STEP 65536

#ifdef HAVE_RWF
/* Linux 5.9 and 5.10 return 0 instead of EAGAIN: check for end of file. */
static bool nowait_is_at_end(int fd, off_t at)
{
	struct stat st;

	if (at == AFI_AT_POSITION)
		at = lseek(fd, 0, SEEK_CUR);
	return fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || at >= st.st_size;
}

/* Translates a call's result; -EAGAIN: a worker must make it. */
static ssize_t nowait_result(struct afi_nowait *nowait,
			     enum afi_direction direction, ssize_t r)
{
	if (r >= 0)
		return r;
	/* Refused to us; or else the worker gets the same error again. */
	if (errno == EOPNOTSUPP || errno == EINVAL || afi_refused(errno))
		nowait->slow[direction] = true;
	else if (errno != EAGAIN && errno != EINTR)
		return -errno;
	return -EAGAIN;
}

/* How many of them to write by one call; the first one alone may be too long. */
static int nowait_limit(const struct iovec *iov, int n)
{
	size_t len = iov->iov_len;
	int i = 1;

	while (i < n && len <= WRITE_MAX && iov[i].iov_len <= WRITE_MAX - len)
		len += iov[i++].iov_len;
	return i;
}

/* With a limit there may be a SIGXFSZ, which only workers block. */
static bool nowait_is_limited(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) < 0 ||
	       limit.rlim_cur != RLIM_INFINITY;
}

static ssize_t nowait_try_read(struct afi_nowait *nowait, void *buf, size_t len,
			       off_t at)
{
	struct iovec iov = { buf, len };
	ssize_t r;

	if (nowait->slow[AFI_READ])
		return -EAGAIN;
	r = preadv2(nowait->fd, &iov, 1, at, RWF_NOWAIT);
	r = nowait_result(nowait, AFI_READ, r);
	if (r == 0 && len > 0 && !nowait_is_at_end(nowait->fd, at))
		return -EAGAIN;
	return r;
}

static ssize_t nowait_try_write(struct afi_nowait *nowait,
				const struct iovec *iov, int n, off_t at)
{
	struct iovec first = *iov;
	ssize_t r;

	if (nowait->slow[AFI_WRITE] || nowait_is_limited())
		return -EAGAIN;
	n = nowait_limit(iov, n);
	if (first.iov_len > WRITE_MAX)
		first.iov_len = WRITE_MAX;
	r = pwritev2(nowait->fd, n == 1 ? &first : iov, n, at, RWF_NOWAIT);
	return nowait_result(nowait, AFI_WRITE, r);
}

int afi_nowait_in_memory(int fd, off_t from, off_t to)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	ssize_t r = 1;

	while (from < to && r == 1) {
		r = preadv2(fd, &iov, 1, from, RWF_NOWAIT);
		from += to - from < PROBE_STEP ? to - from : PROBE_STEP;
	}
	if (r < 0 &&
	    (errno == EOPNOTSUPP || errno == EINVAL || afi_refused(errno)))
		return -ENOTSUP;
	return r >= 0;
}
#else
static ssize_t nowait_try_read(struct afi_nowait *nowait, void *buf, size_t len,
			       off_t at)
{
	(void)buf;
	(void)len;
	(void)at;
	nowait->slow[AFI_READ] = true;
	return -EAGAIN;
}

static ssize_t nowait_try_write(struct afi_nowait *nowait,
				const struct iovec *iov, int n, off_t at)
{
	(void)iov;
	(void)n;
	(void)at;
	nowait->slow[AFI_WRITE] = true;
	return -EAGAIN;
}

int afi_nowait_in_memory(int fd, off_t from, off_t to)
{
	(void)fd;
	(void)from;
	(void)to;
	return -ENOTSUP;
}
#endif

ssize_t afi_nowait_read(struct afi_nowait *nowait, void *buf, size_t len,
			off_t at)
{
	ssize_t r;

	len = len < READ_MAX ? len : READ_MAX;
	if (!nowait->direct)
		return nowait_try_read(nowait, buf, len, at);
	r = at == AFI_AT_POSITION ? read(nowait->fd, buf, len)
				  : pread(nowait->fd, buf, len, at);
	return r < 0 ? -errno : r;
}

ssize_t afi_nowait_write(struct afi_nowait *nowait, const struct iovec *iov,
			 int n, off_t at)
{
	ssize_t r;

	if (nowait->direct) {
		r = at == AFI_AT_POSITION ? writev(nowait->fd, iov, n)
					  : pwrite(nowait->fd, iov->iov_base,
						   iov->iov_len, at);
		return r < 0 ? -errno : r;
	}
	r = nowait_try_write(nowait, iov, n, at);
	return r == 0 ? -EAGAIN : r;
}
