/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk that is as slow as a test wants it.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "support/slow.h"

ssize_t slow_readv(int fd, const struct iovec *iov, int n);
ssize_t slow_writev(int fd, const struct iovec *iov, int n);
ssize_t slow_preadv2(int fd, const struct iovec *iov, int n, off_t at,
		     int flags);
ssize_t slow_pwritev2(int fd, const struct iovec *iov, int n, off_t at,
		      int flags);
ssize_t slow_pread(int fd, void *buf, size_t len, off_t at);
int slow_fsync(int fd);
int slow_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			void *(*fn)(void *), void *arg);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct slow now;
static bool stopped;
static unsigned pass, waiting, most, calls;

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

void slow_go(void)
{
	pthread_mutex_lock(&lock);
	stopped = false;
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

unsigned slow_calls(void)
{
	return look(&calls);
}

static bool is_disk(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Waits as long as it has to. Whether to fail, with errno. */
static bool pass_through(struct slow_failure *failure)
{
	bool fails = false;

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
	if (failure->error && failure->skip-- == 0) {
		errno = failure->error;
		failure->error = 0;
		fails = true;
	}
	pthread_mutex_unlock(&lock);
	return fails;
}

ssize_t slow_readv(int fd, const struct iovec *iov, int n)
{
	if (is_disk(fd) && pass_through(&now.read))
		return -1;
	return readv(fd, iov, n);
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

ssize_t slow_pread(int fd, void *buf, size_t len, off_t at)
{
	if (is_disk(fd) && pass_through(&now.read))
		return -1;
	return pread(fd, buf, len, at);
}

int slow_fsync(int fd)
{
	if (is_disk(fd) && pass_through(&now.sync))
		return -1;
	return fsync(fd);
}

#ifdef RWF_NOWAIT
/* Whether a call that is not to wait has its answer, in errno. */
static bool refused(int fd)
{
	enum slow_now what;

	pthread_mutex_lock(&lock);
	what = now.now;
	pthread_mutex_unlock(&lock);
	if (what == NOW_AS_EVER || !is_disk(fd))
		return false;
	errno = what == NOW_COLD ? EAGAIN : EOPNOTSUPP;
	return true;
}

ssize_t slow_preadv2(int fd, const struct iovec *iov, int n, off_t at,
		     int flags)
{
	return refused(fd) ? -1 : preadv2(fd, iov, n, at, flags);
}

ssize_t slow_pwritev2(int fd, const struct iovec *iov, int n, off_t at,
		      int flags)
{
	return refused(fd) ? -1 : pwritev2(fd, iov, n, at, flags);
}
#endif

int slow_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			void *(*fn)(void *), void *arg)
{
	return now.no_threads ? EAGAIN : pthread_create(thread, attr, fn, arg);
}
