/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kinds of load. Each call begins one task, or does one thing and ends.
 */
#ifndef TESTS_SOAKING_LOADS_H
#define TESTS_SOAKING_LOADS_H

#include "soaking/soak.h"

void load_pipe(void);
void load_socket(void);
void load_bufferevent(void);
void load_child(void);
void load_pipeline(void);
void load_run(void);
void load_terminal(void);
void load_stopped_child(void);
void load_connection(void);
void load_tls(void);
void load_copy(void);
void load_follow(void);
void load_datagrams(void);
void load_passed(void);
void load_wait(void);
void load_work(void);
void load_fork(void);
void load_loop(void);
void load_group(void);

/* A wait in a raw callback of libevent. */
void wait_in_callback(void);

/* What the loads of connections and TLS have for all of their tasks. */
void connections_open(void);
void connections_close(void);
void tls_prepare(void); /* certificates, which are valid from now on */
void tls_open(void);
void tls_close(void);
void posts_open(void);
bool posts_are_quiet(void);
void posts_close(void);

#endif
