/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/version.h
 *
 * Which libasyncfile this is.
 */
#ifndef ASYNCFILE_VERSION_H
#define ASYNCFILE_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/** The version of the headers a program was compiled with. */
#define AFIO_VERSION "0.1.0"
#define AFIO_VERSION_MAJOR 0
#define AFIO_VERSION_MINOR 1
#define AFIO_VERSION_PATCH 0

/**
 * The version of the library a program runs with, as "MAJOR.MINOR.PATCH".
 *
 * @return a static string. Any thread.
 */
const char *af_version(void);

#ifdef __cplusplus
}
#endif

#endif
