/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attempts to connect to one of several addresses, as RFC 8305 says: the next
 * one begins after a delay, or at once when one has failed; the first that is
 * connected wins. Knows no future and no file.
 */
#ifndef AFI_NET_RACE_H
#define AFI_NET_RACE_H

#include "loop/deadline.h"
#include "net/attempt.h"
#include "net/names.h"
#include "net/report.h"

/*
 *  zeroed --afi_race_start()--> running --> ended(), perhaps inside the call
 *                                  |
 *                                  +--afi_race_stop()--> stopped
 */
struct afi_race {
	struct af_loop *loop;
	const struct afi_names *peers;	 /* in the order to try them */
	const struct afi_names *sources; /* the first of a family; NULL: any */
	int type;			 /* of the sockets */
	bool no_delay, keep_alive;
	bool at_once;		/* all of them are tried in the call */
	struct timeval between; /* two attempts */
	/*
	 * The winner is connected, and the others still exist; or it is NULL,
	 * and all have failed: the error is that of the one that says most. May
	 * be called by libevent.
	 */
	void (*ended)(struct afi_race *race, struct afi_attempt *winner,
		      int error);

	struct afi_attempt *attempts;
	size_t started, pending;
	struct afi_deadline delay; /* before the next one, if delayed */
	bool delayed;
	int error;
};

/* Begins, of the fields above the line: 0 or -ENOMEM. */
int afi_race_start(struct afi_race *race);
/*
 * The deadline: calls ended if an attempt has won by now, or all have failed,
 * and returns true.
 */
bool afi_race_look(struct afi_race *race);
/* Adds each address that was tried and what became of it, in order. */
void afi_race_report(const struct afi_race *race, struct afi_report *report);
/* Ends it in any state, also twice, with all attempts that were not given away. */
void afi_race_stop(struct afi_race *race);

#endif
