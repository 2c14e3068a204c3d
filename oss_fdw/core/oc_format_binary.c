/*
 * oc_format_binary.c
 *	  uuid and bytea as hex digits.
 */
#include "oc_value_int.h"

/* Sixteen nibbles' worth: the eight hex digits of four bytes, most significant first in memory. */
static inline uint64_t
hex_of_4(const uint8_t *data)
{
	uint32_t bytes;
	uint64_t spread;

	memcpy(&bytes, data, 4);
	/* one byte in every two */
	spread = bytes;
	spread = (spread | spread << 16) & 0x0000FFFF0000FFFF;
	spread = (spread | spread << 8) & 0x00FF00FF00FF00FF;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	spread = ((spread >> 4) | (spread << 8)) & 0x0F0F0F0F0F0F0F0F;
#else
	spread = ((spread << 4) | spread) & 0x0F0F0F0F0F0F0F0F;
#endif
	/* 'a' - '0' - 10 = 39 more where the nibble is above 9 */
	return spread + 0x3030303030303030 + (((spread + 0x0606060606060606) >> 4) & 0x0101010101010101) * 39;
}

static inline void
put_hex4(const uint8_t *data, char *target)
{
	uint64_t digits = hex_of_4(data);

	memcpy(target, &digits, 8);
}

static inline void
put_hex1(uint8_t byte, char *target)
{
	target[0] = "0123456789abcdef"[byte >> 4];
	target[1] = "0123456789abcdef"[byte & 15];
}

size_t
oc_format_uuid(const uint8_t value[16], char *target)
{
	char digits[32];

	for (int i = 0; i < 4; i++)
		put_hex4(value + 4 * i, digits + 8 * i);
	memcpy(target, digits, 8);
	target[8] = '-';
	memcpy(target + 9, digits + 8, 4);
	target[13] = '-';
	memcpy(target + 14, digits + 12, 4);
	target[18] = '-';
	memcpy(target + 19, digits + 16, 4);
	target[23] = '-';
	memcpy(target + 24, digits + 20, 12);
	return 36;
}

size_t
oc_format_bytea(const void *data, size_t size, bool double_backslash, char *target)
{
	const uint8_t *source = data;
	char *at = target;
	size_t i = 0;

	*at++ = '\\';
	if (double_backslash)
		*at++ = '\\';
	*at++ = 'x';
	for (; i + 4 <= size; i += 4, at += 8)
		put_hex4(source + i, at);
	for (; i < size; i++, at += 2)
		put_hex1(source[i], at);
	return (size_t) (at - target);
}
