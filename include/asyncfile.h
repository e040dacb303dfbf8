/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile.h
 *
 * Asynchronous files and process pipelines for programs that live on
 * libevent. This header includes all the others.
 *
 * Three rules hold everywhere:
 *
 * - Every operation, such as a read or a wait, returns a `struct af_future *`,
 *   never NULL, and the caller owns one reference to it. The future's error is
 *   0 or a negative errno. Constructors of loops, files, processes and
 *   pipelines return NULL on failure, with errno set.
 * - A timeout is a `const struct timeval *`. It limits one operation, counted
 *   from the call; NULL means no limit. Zero means "what can be done now,
 *   without waiting". If it is negative or not normalised, the operation fails
 *   with -EINVAL.
 * - A loop and all that was made with it belong to one thread.
 */
#ifndef ASYNCFILE_H
#define ASYNCFILE_H

#include <asyncfile/version.h>
#include <asyncfile/loop.h>
#include <asyncfile/future.h>
#include <asyncfile/file.h>
#include <asyncfile/layer.h>
#include <asyncfile/net.h>
#include <asyncfile/listener.h>
#include <asyncfile/datagram.h>
#include <asyncfile/passfd.h>
#include <asyncfile/process.h>
#include <asyncfile/pipe.h>

#endif
