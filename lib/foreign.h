/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport over a bufferevent of the program: TLS, a filter, one end of a
 * pair, a rate-limited socket.
 */
#ifndef AFI_FOREIGN_H
#define AFI_FOREIGN_H

#include "file.h"

/* Makes it the transport of a file; 0 or -ENOMEM. */
int afi_foreign_attach(struct af_file *file, struct bufferevent *bev);
/* Whether it can be told that no more will be written; and telling it. */
bool afi_foreign_can_end(const struct af_file *file);
void afi_foreign_end(struct af_file *file);

#endif
