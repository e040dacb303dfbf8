/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state of a turn, in a page that the kernel zeroes in a child by fork(2).
 */
#include "config.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "loop/pace.h"

int afi_turn_open(struct afi_turn *turn)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	char *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -ENOMEM;
	/* Where this fails, a child cannot tell that it is one. */
	madvise(page, size, MADV_WIPEONFORK);
	*page = AFI_TURN_ON;
	turn->state = page;
	return 0;
}

void afi_turn_close(struct afi_turn *turn)
{
	if (turn->state && turn->state != &turn->last)
		munmap(turn->state, (size_t)sysconf(_SC_PAGESIZE));
	turn->last = AFI_TURN_ON;
	turn->state = &turn->last;
}
