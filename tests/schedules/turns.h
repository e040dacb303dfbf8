/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the library calls instead of the system, see names.h. Each call is a
 * point at which another thread may have its turn.
 */
#ifndef TESTS_SCHEDULES_TURNS_H
#define TESTS_SCHEDULES_TURNS_H

#include <pthread.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

struct event_base;

int turns_mutex_init(pthread_mutex_t *mutex);
int turns_mutex_destroy(pthread_mutex_t *mutex, const char *at);
int turns_mutex_lock(pthread_mutex_t *mutex, const char *at);
int turns_mutex_unlock(pthread_mutex_t *mutex, const char *at);
int turns_cond_init(pthread_cond_t *cond);
int turns_cond_destroy(pthread_cond_t *cond, const char *at);
int turns_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex,
		    const char *at);
/* Its time is up whenever the scheduler chooses so. */
int turns_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
			 const char *at);
int turns_cond_signal(pthread_cond_t *cond, const char *at);
int turns_cond_broadcast(pthread_cond_t *cond, const char *at);
int turns_create(pthread_t *id, void *(*fn)(void *), void *arg, const char *at);
int turns_atfork(void (*child)(void));
int turns_base_loop(struct event_base *base, int flags, const char *at);
void turns_step(const char *what, const char *at);
/* What may be left unused, unlike an expression. */
static inline unsigned long turns_result(unsigned long result)
{
	return result;
}

ssize_t turns_read(int fd, void *buf, size_t len);
ssize_t turns_write(int fd, const void *buf, size_t len);
/* Fail: so bytes of files on disk are moved by workers. */
ssize_t turns_preadv2(int fd, const struct iovec *iov, int n, off_t at,
		      int flags);
ssize_t turns_pwritev2(int fd, const struct iovec *iov, int n, off_t at,
		       int flags);
/* Stands still. */
int turns_clock_gettime(clockid_t clock, struct timespec *ret);
int turns_setname(pthread_t thread, const char *name);

/* Counted; what is freed is overwritten. */
void *turns_malloc(size_t size);
void *turns_calloc(size_t n, size_t size);
void *turns_realloc(void *before, size_t size);
void turns_free(void *block);

#endif
