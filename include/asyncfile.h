/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile.h
 *
 * Asynchronous files and process pipelines for programs that live on
 * libevent. This header includes all the others.
 *
 * Three rules hold everywhere:
 *
 * - Every operation returns a `struct af_future *`, never NULL, and the caller
 *   owns one reference to it. Whatever goes wrong is the future's error: 0 or
 *   a negative errno. Only constructors (`_new`, `af_spawn`,
 *   `af_pipe_spawn`) return NULL, with errno set.
 * - Timeouts are deadlines of one operation: a `const struct timeval *`, NULL
 *   for none, relative to the call. A zero timeval means "what can be done
 *   now, without waiting". A negative one is -EINVAL.
 * - A loop and all that was made with it belong to one thread.
 */
#ifndef ASYNCFILE_H
#define ASYNCFILE_H

#include <asyncfile/version.h>
#include <asyncfile/loop.h>
#include <asyncfile/future.h>
#include <asyncfile/file.h>
#include <asyncfile/process.h>
#include <asyncfile/pipe.h>

#endif
