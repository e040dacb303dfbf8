/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading and writing on-disk files as far as that can be done without waiting
 * for a disk, and finding out where it cannot.
 */
#include "config.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/pool.h"
#include "transport/nowait.h"

/*
 * The most that one call reads. To copy a large file out of memory takes long,
 * too, and others are to have their turn meanwhile: after less than a pipe holds
 * the file waits for its next one.
 */
#define READ_MAX (AFI_READ_SIZE / 2)

/* How far apart it is looked whether pages are in memory. */
#define PROBE_STEP 65536

bool afi_nowait_always(const struct stat *st)
{
	if (!S_ISCHR(st->st_mode) || major(st->st_rdev) != 1)
		return false;
	switch (minor(st->st_rdev)) {
	case 3: /* null */
	case 5: /* zero */
	case 7: /* full */
	case 9: /* urandom */
		return true;
	}
	return false;
}

#ifdef HAVE_RWF
/* Linux 5.9 and 5.10 say that here is the end when they mean EAGAIN. */
static bool nowait_is_at_end(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	       lseek(fd, 0, SEEK_CUR) >= st.st_size;
}

/* What a call without waiting says: -EAGAIN if it is one for a worker. */
static ssize_t nowait_result(struct afi_nowait *nowait,
			     enum afi_direction direction, ssize_t r)
{
	if (r >= 0)
		return r;
	/* EINVAL: not known to this kernel; or it is found out once more. */
	if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)
		nowait->slow[direction] = true;
	else if (errno != EAGAIN && errno != EINTR)
		return -errno;
	return -EAGAIN;
}

/* Past that limit there would be a SIGXFSZ, which a worker cannot be hit by. */
static bool nowait_is_limited(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) < 0 ||
	       limit.rlim_cur != RLIM_INFINITY;
}
#endif

ssize_t afi_nowait_read(struct afi_nowait *nowait, void *buf, size_t len)
{
	ssize_t r = -EAGAIN;

	len = len < READ_MAX ? len : READ_MAX;
	if (nowait->direct) {
		r = read(nowait->fd, buf, len);
		return r < 0 ? -errno : r;
	}
#ifdef HAVE_RWF
	if (!nowait->slow[AFI_READ]) {
		struct iovec iov = { buf, len };

		r = preadv2(nowait->fd, &iov, 1, -1, RWF_NOWAIT);
		r = nowait_result(nowait, AFI_READ, r);
		if (r == 0 && len > 0 && !nowait_is_at_end(nowait->fd))
			r = -EAGAIN;
	}
#endif
	return r;
}

ssize_t afi_nowait_write(struct afi_nowait *nowait, const struct iovec *iov,
			 int n)
{
	ssize_t r = -EAGAIN;

	if (nowait->direct) {
		r = writev(nowait->fd, iov, n);
		return r < 0 ? -errno : r;
	}
#ifdef HAVE_RWF
	if (!nowait->slow[AFI_WRITE] && !nowait_is_limited()) {
		r = pwritev2(nowait->fd, iov, n, -1, RWF_NOWAIT);
		r = nowait_result(nowait, AFI_WRITE, r);
	}
#endif
	return r == 0 ? -EAGAIN : r;
}

#ifdef HAVE_RWF
bool afi_nowait_in_memory(const struct afi_nowait *nowait, off_t from, off_t to)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	ssize_t r = 1;

	for (; from < to && r == 1; from += PROBE_STEP)
		r = preadv2(nowait->fd, &iov, 1, from, RWF_NOWAIT);
	return r >= 0;
}
#else
bool afi_nowait_in_memory(const struct afi_nowait *nowait, off_t from, off_t to)
{
	(void)nowait;
	(void)from;
	(void)to;
	return false;
}
#endif
