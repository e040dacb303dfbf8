/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk that is as slow as a test wants it.
 */
#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "support/slow.h"
#define SLOW_ITSELF
#include "support/slownames.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct slow now;
static bool stopped, opens_stopped;
static unsigned pass, waiting, most, calls, bypassed, ahead;
static size_t longest;
/* What has been read into the page cache: of one file, up to there. */
static ino_t warm_file;
static off_t warm;

void slow_set(const struct slow *slow)
{
	pthread_mutex_lock(&lock);
	now = *slow;
	pthread_mutex_unlock(&lock);
}

void slow_stop(unsigned but_for)
{
	pthread_mutex_lock(&lock);
	stopped = true;
	pass = but_for;
	pthread_mutex_unlock(&lock);
}

void slow_stop_opens(void)
{
	pthread_mutex_lock(&lock);
	opens_stopped = true;
	pthread_mutex_unlock(&lock);
}

void slow_go(void)
{
	pthread_mutex_lock(&lock);
	stopped = opens_stopped = false;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void slow_expect(unsigned n)
{
	pthread_mutex_lock(&lock);
	while (waiting < n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static unsigned look(const unsigned *value)
{
	unsigned copy;

	pthread_mutex_lock(&lock);
	copy = *value;
	pthread_mutex_unlock(&lock);
	return copy;
}

unsigned slow_most(void)
{
	return look(&most);
}

unsigned slow_ahead(void)
{
	return look(&ahead);
}

unsigned slow_bypassed(void)
{
	return look(&bypassed);
}

size_t slow_longest(void)
{
	size_t copy;

	pthread_mutex_lock(&lock);
	copy = longest;
	pthread_mutex_unlock(&lock);
	return copy;
}

unsigned slow_calls(void)
{
	return look(&calls);
}

static bool is_disk(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Whether this call fails, with errno; under the lock. */
static bool fails_now(struct slow_failure *failure)
{
	if (!failure->error || failure->skip-- > 0)
		return false;
	errno = failure->error;
	failure->error = 0;
	return true;
}

/* Waits as long as it has to. Whether to fail, with errno. */
static bool pass_through(struct slow_failure *failure)
{
	bool fails;

	pthread_mutex_lock(&lock);
	calls++;
	waiting++;
	most = waiting > most ? waiting : most;
	pthread_cond_broadcast(&changed);
	if (stopped && pass > 0)
		pass--;
	else
		while (stopped)
			pthread_cond_wait(&changed, &lock);
	waiting--;
	fails = fails_now(failure);
	pthread_mutex_unlock(&lock);
	return fails;
}

ssize_t slow_readv(int fd, const struct iovec *iov, int n)
{
	ssize_t r = 0;

	if (!is_disk(fd))
		return readv(fd, iov, n);
	if (now.read_before)
		r = readv(fd, iov, n);
	if (pass_through(&now.read))
		return -1;
	return now.read_before ? r : readv(fd, iov, n);
}

ssize_t slow_writev(int fd, const struct iovec *iov, int n)
{
	struct iovec first = *iov;

	if (!is_disk(fd))
		return writev(fd, iov, n);
	if (pass_through(&now.write))
		return -1;
	if (now.write_max == 0 || first.iov_len <= now.write_max)
		return writev(fd, iov, n);
	first.iov_len = now.write_max;
	return writev(fd, &first, 1);
}

static ino_t number_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static void keep(int fd, off_t end)
{
	ino_t number = number_of(fd);

	pthread_mutex_lock(&lock);
	warm_file = number;
	warm = end;
	pthread_mutex_unlock(&lock);
}

ssize_t slow_pread(int fd, void *buf, size_t len, off_t at)
{
	ssize_t r;

	if (is_disk(fd) && pass_through(&now.read))
		return -1;
	r = pread(fd, buf, len, at);
	if (r > 0)
		keep(fd, at + r);
	return r;
}

ssize_t slow_pwrite(int fd, const void *buf, size_t len, off_t at)
{
	if (!is_disk(fd))
		return pwrite(fd, buf, len, at);
	if (pass_through(&now.write))
		return -1;
	if (now.write_max > 0 && len > now.write_max)
		len = now.write_max;
	return pwrite(fd, buf, len, at);
}

int slow_fsync(int fd)
{
	if (is_disk(fd) && pass_through(&now.sync))
		return -1;
	return fsync(fd);
}

int slow_open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = (mode_t)va_arg(args, unsigned); /* as it is passed */
	va_end(args);
	/* The disk is where the tests are. */
	pthread_mutex_lock(&lock);
	if (*path != '/' && opens_stopped) {
		waiting++;
		pthread_cond_broadcast(&changed);
		while (opens_stopped)
			pthread_cond_wait(&changed, &lock);
		waiting--;
	}
	pthread_mutex_unlock(&lock);
	return open(path, flags, mode);
}

int slow_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			void *(*fn)(void *), void *arg)
{
	return now.no_threads ? EAGAIN : pthread_create(thread, attr, fn, arg);
}

/* What only Linux has */

#ifdef RWF_NOWAIT
/* Whether a call that is not to wait has its answer, in errno. */
static bool refused(int fd, off_t at)
{
	ino_t number = number_of(fd);
	enum slow_now what;
	bool kept;

	pthread_mutex_lock(&lock);
	what = now.now;
	kept = what == NOW_COLD && at >= 0 && at < warm && number == warm_file;
	pthread_mutex_unlock(&lock);
	if (what == NOW_AS_EVER || what == NOW_AT_ONCE || kept || !is_disk(fd))
		return false;
	errno = what == NOW_UNSUPPORTED ? EOPNOTSUPP : EAGAIN;
	return true;
}

ssize_t slow_preadv2(int fd, const struct iovec *iov, int n, off_t at,
		     int flags)
{
	bool fails;

	pthread_mutex_lock(&lock);
	fails = fails_now(&now.now_read);
	pthread_mutex_unlock(&lock);
	return fails || refused(fd, at) ? -1
					: preadv2(fd, iov, n, at, flags);
}

ssize_t slow_pwritev2(int fd, const struct iovec *iov, int n, off_t at,
		      int flags)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	pthread_mutex_lock(&lock);
	longest = len > longest ? len : longest;
	if (now.now == NOW_AT_ONCE)
		flags = 0;
	pthread_mutex_unlock(&lock);
	return refused(fd, -1) ? -1 : pwritev2(fd, iov, n, at, flags);
}
#endif

#ifdef __linux__
/* These would wait for the disk, if what they read is not in memory. */
static void note_bypass(int fd)
{
	pthread_mutex_lock(&lock);
	if (now.now == NOW_BYPASSED || now.now == NOW_UNSUPPORTED)
		bypassed += is_disk(fd);
	pthread_mutex_unlock(&lock);
}

int slow_posix_fadvise(int fd, off_t at, off_t len, int advice)
{
	pthread_mutex_lock(&lock);
	ahead += advice == POSIX_FADV_WILLNEED;
	pthread_mutex_unlock(&lock);
	return posix_fadvise(fd, at, len, advice);
}

ssize_t slow_splice(int in, int64_t *in_at, int out, int64_t *out_at,
		    size_t len, unsigned flags)
{
	note_bypass(in);
	return splice(in, in_at, out, out_at, len, flags);
}

ssize_t slow_sendfile(int out, int in, off_t *at, size_t len)
{
	note_bypass(in);
	return sendfile(out, in, at, len);
}
#endif
