/* SPDX-License-Identifier: BSD-3-Clause */
/* af_version(3): whether the library is the one that was compiled with. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	if (strcmp(af_version(), AFIO_VERSION) != 0)
		printf("compiled for %s, running with %s\n", AFIO_VERSION,
		       af_version());
	else
		printf("compiled for and running with the same version\n");
	return 0;
}
