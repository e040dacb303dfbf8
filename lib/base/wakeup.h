/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A descriptor that any thread can make readable: on Linux by eventfd(2), else
 * by a pipe.
 */
#ifndef AFI_BASE_WAKEUP_H
#define AFI_BASE_WAKEUP_H

struct afi_wakeup {
	int fd;	    /* readable while it is raised */
	int raiser; /* the writing end of a pipe; -1: fd itself */
};

/* 0, -EMFILE, -ENFILE or -ENOMEM. */
int afi_wakeup_open(struct afi_wakeup *wakeup);
void afi_wakeup_close(struct afi_wakeup *wakeup);
/* Neither can fail. */
void afi_wakeup_raise(const struct afi_wakeup *wakeup);
void afi_wakeup_clear(const struct afi_wakeup *wakeup);

#endif
