/* SPDX-License-Identifier: BSD-3-Clause */
/* What is done to the whole program from outside. */
#ifndef TESTS_SOAKING_WATCHER_H
#define TESTS_SOAKING_WATCHER_H

enum watch {
	WATCH_NOT,
	WATCH_STOP,   /* SIGSTOP and SIGCONT, for up to a second */
	WATCH_STARVE, /* stopped most of the time, and nice */
};

/*
 * Goes on in a child; this process stops it and lets it go on, and exits with
 * its status.
 */
void watcher_start(enum watch watch);
/* From now on CLOCK_REALTIME jumps, as this process sees it. */
void watcher_jump(void);

#endif
