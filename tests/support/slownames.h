/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Included before each source of the library for tests/support/libslow.a, which
 * calls slow.c instead of the system. The system's headers come first: what they
 * declare may have another name for the linker, such as open64.
 */
#ifndef TESTS_SLOWNAMES_H
#define TESTS_SLOWNAMES_H

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/sendfile.h>
#endif

ssize_t slow_readv(int fd, const struct iovec *iov, int n);
ssize_t slow_writev(int fd, const struct iovec *iov, int n);
ssize_t slow_pread(int fd, void *buf, size_t len, off_t at);
ssize_t slow_pwrite(int fd, const void *buf, size_t len, off_t at);
int slow_fsync(int fd);
int slow_open(const char *path, int flags, ...);
int slow_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			void *(*fn)(void *), void *arg);
#ifdef __linux__
ssize_t slow_preadv2(int fd, const struct iovec *iov, int n, off_t at,
		     int flags);
ssize_t slow_pwritev2(int fd, const struct iovec *iov, int n, off_t at,
		      int flags);
ssize_t slow_splice(int in, int64_t *in_at, int out, int64_t *out_at,
		    size_t len, unsigned flags);
ssize_t slow_sendfile(int out, int in, off_t *at, size_t len);
int slow_posix_fadvise(int fd, off_t at, off_t len, int advice);
#endif

#ifndef SLOW_ITSELF
#define readv slow_readv
#define writev slow_writev
#define preadv2 slow_preadv2
#define pwritev2 slow_pwritev2
#define pread slow_pread
#define pwrite slow_pwrite
#define fsync slow_fsync
#define open slow_open
#define splice slow_splice
#define sendfile slow_sendfile
#define posix_fadvise slow_posix_fadvise
#define pthread_create slow_pthread_create
#endif

#endif
