/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A flow: bytes of the pattern that go into one file and come out of another
 * one, by all kinds of reads and writes. It checks that each byte comes once.
 */
#ifndef TESTS_SOAKING_FLOW_H
#define TESTS_SOAKING_FLOW_H

#include "soaking/soak.h"

#define FLOW_PIECE 16384

struct flow {
	struct task *task;
	struct af_file *in;  /* is written to; NULL: nothing is written */
	struct af_file *out; /* is read from */
	size_t total, sent, got;
	bool is_lossy;	 /* the bytes may end early, and so may the writing */
	bool has_no_end; /* `out` does not end by itself: stop at the total */
	bool is_unbuffered; /* `out` has AFIO_UNBUFFERED: no peeks */
	unsigned may;	    /* errors of reads and writes */
	/* Ends what is written, so that `out` ends. Not called if it broke. */
	void (*sent_all)(struct flow *flow);
	/* The last byte was read, or the flow broke. */
	void (*got_all)(struct flow *flow);
	void *arg;
	char buf[FLOW_PIECE];
};

/* Begins. The caller has set all above got. */
void flow_begin(struct flow *flow);

#endif
