/*
 * oc_parse_binary.c
 *	  uuid and bytea from hex digits.
 *
 * Called for each needed field of each row, by any thread; pure functions.
 */
#include "oc_value_int.h"

static bool take_hex8(const char *first, const char *second, uint8_t *target);
static bool take_hex(const char *digits, size_t byte_count, uint8_t *target);

bool
oc_parse_uuid(const char *data, size_t size, uint8_t value[16])
{
	uint8_t bytes[16];

	if (size != 36 || data[8] != '-' || data[13] != '-' || data[18] != '-' || data[23] != '-')
		return false;
	if (!take_hex8(data, data + 4, bytes) || !take_hex8(data + 9, data + 14, bytes + 4) ||
		!take_hex8(data + 19, data + 24, bytes + 8) || !take_hex8(data + 28, data + 32, bytes + 12))
		return false;
	memcpy(value, bytes, 16);
	return true;
}

bool
oc_parse_bytea(const char *data, size_t size, void *target, size_t *target_size)
{
	if (size < 2 || size % 2 != 0 || data[0] != '\\' || data[1] != 'x')
		return false;

	size_t byte_count = (size - 2) / 2;

	if (!take_hex(data + 2, byte_count, target))
		return false;
	*target_size = byte_count;
	return true;
}

/* Value of a hex digit, 0xFF for any other byte. */
static inline uint8_t
hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return (uint8_t) (digit - '0');
	if (digit >= 'a' && digit <= 'f')
		return (uint8_t) (digit - 'a' + 10);
	if (digit >= 'A' && digit <= 'F')
		return (uint8_t) (digit - 'A' + 10);
	return 0xFF;
}

/*
 * Eight hex digits, four at first and four at second, to four bytes.  False when one of them is none.
 */
static inline bool
take_hex8(const char *first, const char *second, uint8_t *target)
{
#ifdef OC_SWAR_DIGITS
	const uint64_t ones = 0x0101010101010101;
	const uint64_t high = 0x8080808080808080;
	uint32_t head;
	uint32_t tail;

	memcpy(&head, first, 4);
	memcpy(&tail, second, 4);

	uint64_t word = head | (uint64_t) tail << 32;

	if (word & high)
		return false;

	/* per byte, in 7 bits, so that no sum carries: the high bit tells "at least" */
	uint64_t lower = word | 0x20 * ones;
	uint64_t digit = (word + (0x80 - '0') * ones) & ~(word + (0x80 - '9' - 1) * ones) & high;
	uint64_t letter = (lower + (0x80 - 'a') * ones) & ~(lower + (0x80 - 'f' - 1) * ones) & high;

	if ((digit | letter) != high)
		return false;

	uint64_t nibbles = (word & 0x0F * ones) + (letter >> 7) * 9;
	uint64_t pairs = (nibbles << 4 | nibbles >> 8) & 0x00FF00FF00FF00FF;

	pairs = (pairs | pairs >> 8) & 0x0000FFFF0000FFFF;

	uint32_t bytes = (uint32_t) (pairs | pairs >> 16);

	memcpy(target, &bytes, 4);
	return true;
#else
	return take_hex(first, 2, target) && take_hex(second, 2, target + 2);
#endif
}

static bool
take_hex(const char *digits, size_t byte_count, uint8_t *target)
{
	size_t i = 0;

#ifdef OC_SWAR_DIGITS
	for (; i + 4 <= byte_count; i += 4)
	{
		if (!take_hex8(digits + 2 * i, digits + 2 * i + 4, target + i))
			return false;
	}
#endif
	for (; i < byte_count; i++)
	{
		uint8_t high = hex_value(digits[2 * i]);
		uint8_t low = hex_value(digits[2 * i + 1]);

		if ((high | low) > 15)
			return false;
		target[i] = (uint8_t) (high << 4 | low);
	}
	return true;
}
