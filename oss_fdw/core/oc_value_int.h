/*
 * oc_value_int.h
 *	  What the oc_format_*.c and oc_parse_*.c files share: decimal digits, powers of ten, days and dates.
 *	  Nobody else includes it.
 */
#ifndef OC_VALUE_INT_H
#define OC_VALUE_INT_H

#include <string.h>

#include "oc.h"
#include "oc_format_inline.h"

__extension__ typedef unsigned __int128 oc_u128;

/* ---- oc_pow10.c: 10^e, truncated to 128 bits with the highest bit set */

#define OC_POW10_MIN (-342)
#define OC_POW10_MAX 324
/* Exact for exponents 0 .. OC_POW10_EXACT; all others lie less than one unit of lo below the true value. */
#define OC_POW10_EXACT 55

typedef struct oc_pow10
{
	uint64_t hi;
	uint64_t lo;
} oc_pow10;

extern const oc_pow10 oc_pow10_table[OC_POW10_MAX - OC_POW10_MIN + 1];

/* floor(log2(10^e)): 10^e = (hi:lo) * 2^(that - 127).  Good for |e| <= 1233. */
static inline int
oc_pow10_log2(int e)
{
	return (e * 1741647) >> 19;
}

/* ---- parsers: eight digits at a time */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OC_SWAR_DIGITS 1

/* Are all eight bytes digits? */
static inline bool
oc_all_digits8(uint64_t bytes)
{
	return ((bytes & 0xF0F0F0F0F0F0F0F0) | (((bytes + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) >> 4)) ==
		   0x3333333333333333;
}

/* The high bit of each byte that is no digit; exact up to the first of them, which is all that is used. */
static inline uint64_t
oc_not_digits8(uint64_t bytes)
{
	uint64_t values = bytes ^ 0x3030303030303030;

	return (values | (values + 0x7676767676767676)) & 0x8080808080808080;
}

/* The number that eight digits make. */
static inline uint32_t
oc_value_digits8(uint64_t bytes)
{
	bytes -= 0x3030303030303030;
	bytes = bytes * 10 + (bytes >> 8);
	return (uint32_t) (((bytes & 0x000000FF000000FF) * 0x000F424000000064 +
						((bytes >> 16) & 0x000000FF000000FF) * 0x0000271000000001) >>
					   32);
}
#endif

/*
 * Takes digits from *cursor up to end into *value (which keeps what it has in front) and returns how many there were; stops after
 * max.  Everything taken into one value must be at most 19 digits, or it wraps.
 */
static inline int
oc_take_digits(const char **cursor, const char *end, int max, uint64_t *value)
{
	const char *at = *cursor;
	const char *limit = end - at > max ? at + max : end;
	uint64_t result = *value;

#ifdef OC_SWAR_DIGITS
	static const uint32_t shifts[8] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};

	while (limit - at >= 8)
	{
		uint64_t bytes;
		uint64_t others;

		memcpy(&bytes, at, 8);
		others = oc_not_digits8(bytes);
		if (others != 0)
		{
			/* the digits in front of the first other byte, moved behind as many zeros as are missing */
			int count = __builtin_ctzll(others) / 8;

			if (count > 0)
				result = result * shifts[count] +
						 oc_value_digits8(bytes << (64 - 8 * count) | UINT64_C(0x3030303030303030) >> (8 * count));
			limit = at += count;
			break;
		}
		result = result * 100000000 + oc_value_digits8(bytes);
		at += 8;
	}
#endif
	while (at < limit && (unsigned char) (*at - '0') <= 9)
		result = result * 10 + (unsigned char) (*at++ - '0');
	*value = result;

	int count = (int) (at - *cursor);

	*cursor = at;
	return count;
}

/*
 * The number in eight bytes of the shape 99-99-99 or 9999-99-, separator at the offsets first and second: the separators count
 * as zero digits.  UINT32_MAX when the bytes do not have that shape.
 */
static inline uint32_t
oc_take_pattern8(const char *data, char separator, int first, int second)
{
	if (data[first] != separator || data[second] != separator)
		return UINT32_MAX;
#ifdef OC_SWAR_DIGITS
	/* in a register: bytes patched in memory would have to wait for the stores */
	const uint64_t patch = (uint8_t) (separator ^ '0');
	uint64_t word;

	memcpy(&word, data, 8);
	word ^= patch << (8 * first) | patch << (8 * second);
	return oc_all_digits8(word) ? oc_value_digits8(word) : UINT32_MAX;
#else
	char bytes[8];
	const char *cursor = bytes;
	uint64_t value = 0;

	memcpy(bytes, data, 8);
	bytes[first] = bytes[second] = '0';
	return oc_take_digits(&cursor, bytes + 8, 8, &value) == 8 ? (uint32_t) value : UINT32_MAX;
#endif
}

#endif
