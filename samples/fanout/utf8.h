/* SPDX-License-Identifier: BSD-3-Clause */
/* UTF-8: where a character ends. */
#ifndef FANOUT_UTF8_H
#define FANOUT_UTF8_H

#include <stddef.h>
#include <stdint.h>

/**
 * Looks at the first character.
 *
 * @param len    how many bytes there are; not 0
 * @param ret_c  set to the character if it is complete
 * @return its length in bytes; 0 if more bytes are needed; -1 if the first byte
 *         begins no character
 */
int utf8_next(const unsigned char *data, size_t len, uint32_t *ret_c);

#endif
