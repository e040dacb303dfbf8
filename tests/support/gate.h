/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where threads wait for each other: barriers and semaphores, which not every
 * system has.
 */
#ifndef TESTS_GATE_H
#define TESTS_GATE_H

#include <pthread.h>

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned arrived;
};
#define GATE_INIT                                                              \
	{                                                                      \
		.lock = PTHREAD_MUTEX_INITIALIZER,                             \
		.changed = PTHREAD_COND_INITIALIZER                            \
	}

static inline void gate_arrive(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->arrived++;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

/* Until n have arrived since it was made. */
static inline void gate_await(struct gate *gate, unsigned n)
{
	pthread_mutex_lock(&gate->lock);
	while (gate->arrived < n)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

#endif
