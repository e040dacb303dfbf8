/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One socket on its way to one address. Knows nothing of other addresses, and
 * no name.
 */
#ifndef AFI_NET_ATTEMPT_H
#define AFI_NET_ATTEMPT_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "loop/loop.h"
#include "net/address.h"

/*
 *  zeroed --afi_attempt_start()--> connected --afi_attempt_give()--> stopped
 *               |      |              ^   |                            ^
 *               |      +--> pending --+   +------afi_attempt_stop()----+
 *               |              |                                       |
 *               +--------------+---------------> failed ---------------+
 */
struct afi_attempt {
	struct af_loop *loop;
	const struct afi_address *to;
	const struct afi_address *from; /* NULL: the system's choice */
	int type;			/* of the socket */
	bool no_delay, keep_alive;
	/*
	 * It is connected (0), or has failed and holds nothing. May be called
	 * by libevent.
	 */
	void (*ended)(struct afi_attempt *attempt, int error);
	void *arg;
	int error; /* the owner's, to keep what became of it */

	int fd;		    /* 0: none; it is always above 2 */
	bool at_source;	    /* it failed because of from */
	bool has_path;	    /* from is a path that it has made */
	struct event event; /* while watch is started */
	struct afi_watch watch;
	struct afi_looked again; /* connect(2) has to be called again */
};

/*
 * Begins, of the fields above the line. 0: connected; -EINPROGRESS: pending, and
 * ended is called later; or failed.
 */
int afi_attempt_start(struct afi_attempt *attempt);
/* Looks at a pending one, as at a deadline; the result is as above. */
int afi_attempt_look(struct afi_attempt *attempt);
/* Its descriptor is somebody else's from here on. */
void afi_attempt_give(struct afi_attempt *attempt);
/* Ends one in any state, also twice, and undoes what it did. */
void afi_attempt_stop(struct afi_attempt *attempt);

#endif
