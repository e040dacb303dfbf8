/* SPDX-License-Identifier: BSD-3-Clause */
/* What each stage of a pipeline does and has used. */
#ifndef RUNWEB_STAGES_H
#define RUNWEB_STAGES_H

struct af_pipe;
struct evbuffer;

/*
 * Appends a JSON array with an object for each stage: pid; status, a text, or
 * null while it runs; cpu, in seconds; memory, in KiB; written, in bytes. Of a
 * stage that runs, the last three come from /proc, and are null where there is
 * none. Returns 0, or -1 if memory is short.
 */
int stages_json(struct evbuffer *to, struct af_pipe *pipe);

/* Writes what a wait status says, as a shell would tell it. */
void stages_status_text(char *text, size_t size, int status);

#endif
