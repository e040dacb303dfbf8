/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds the newlines of 64 bytes at once: for short lines that costs less than a
 * memchr(3) for each.
 */
#ifndef AFI_FILE_NEWLINES_H
#define AFI_FILE_NEWLINES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
#include <arm_neon.h>
#endif

#define AFI_NEWLINES 64

/* The byte at the lowest address becomes the lowest one. */
static inline uint64_t newlines_load(const char *data)
{
	uint64_t word;

	memcpy(&word, data, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* afi_newlines() for every machine. */
static inline uint64_t afi_newlines_portable(const char *data)
{
	const uint64_t low = 0x7f7f7f7f7f7f7f7f, ones = 0x0101010101010101;
	uint64_t found = 0, word;

	for (unsigned i = 0; i < AFI_NEWLINES; i += 8) {
		word = newlines_load(data + i) ^ ones * '\n';
		/* The highest bit of each byte that is now zero ... */
		word = ~(((word & low) + low) | word | low);
		/* ... and then all eight in one byte. */
		word = (word >> 7) * 0x0102040810204080 >> 56;
		found |= word << i;
	}
	return found;
}

/* Bit i says whether data[i] is a newline, of 64 bytes. */
#if defined(__SSE2__)
static inline uint64_t afi_newlines(const char *data)
{
	const __m128i newline = _mm_set1_epi8('\n');
	const __m128i *bytes = (const void *)data;
	uint64_t found = 0;

#pragma GCC unroll 4
	for (unsigned i = 0; i < 4; i++) {
		__m128i equal =
			_mm_cmpeq_epi8(_mm_loadu_si128(bytes + i), newline);

		found |= (uint64_t)(unsigned)_mm_movemask_epi8(equal) << 16 * i;
	}
	return found;
}
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
static inline uint64_t afi_newlines(const char *data)
{
	static const uint8_t bits[16] = { 1, 2, 4, 8, 16, 32, 64, 128,
					  1, 2, 4, 8, 16, 32, 64, 128 };
	const uint8x16_t newline = vdupq_n_u8('\n'), bit = vld1q_u8(bits);
	uint8x16_t found[4];

	for (unsigned i = 0; i < 4; i++) {
		uint8x16_t bytes = vld1q_u8((const uint8_t *)data + 16 * i);

		found[i] = vandq_u8(vceqq_u8(bytes, newline), bit);
	}
	/* Adding neighbours three times leaves a byte of each eight bits. */
	found[0] = vpaddq_u8(found[0], found[1]);
	found[2] = vpaddq_u8(found[2], found[3]);
	found[0] = vpaddq_u8(found[0], found[2]);
	found[0] = vpaddq_u8(found[0], found[0]);
	return vgetq_lane_u64(vreinterpretq_u64_u8(found[0]), 0);
}
#else
static inline uint64_t afi_newlines(const char *data)
{
	return afi_newlines_portable(data);
}
#endif

#endif
