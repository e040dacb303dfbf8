/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/attributes.h
 *
 * Attributes of functions, with which a compiler can warn of a mistake. For a
 * compiler that does not support one, it is empty.
 */
#ifndef ASYNCFILE_ATTRIBUTES_H
#define ASYNCFILE_ATTRIBUTES_H

/** Warns if a caller ignores the result, which would leak it. */
#if defined(__GNUC__)
#define AFIO_MUST_USE __attribute__((__warn_unused_result__))
#else
#define AFIO_MUST_USE
#endif

/**
 * Warns if the result is freed by a function other than release, for example by
 * free(3), and if it is used after release. Unlike a malloc attribute without
 * arguments, it does not tell the optimizer that the result points to no other
 * object, which would be wrong here.
 */
#if defined(__GNUC__) && __GNUC__ >= 11 && !defined(__clang__)
#define AFIO_MALLOC(release) __attribute__((__malloc__(release, 1)))
#else
#define AFIO_MALLOC(release)
#endif

#endif
