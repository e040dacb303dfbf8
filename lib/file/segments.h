/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * evbuffers that hold parts of files, which are not in memory. Knows no file
 * of ours.
 */
#ifndef AFI_FILE_SEGMENTS_H
#define AFI_FILE_SEGMENTS_H

struct evbuffer;

/*
 * Reads the parts of files in buf into memory, so that evbuffer_peek() shows
 * all bytes. 0; or -errno, and the bytes are still in buf.
 */
int afi_segments_load(struct evbuffer *buf);

#endif
