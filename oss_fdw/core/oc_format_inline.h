/*
 * oc_format_inline.h
 *	  The formatters that most values of most tables go through, to be inlined into a loop over columns.
 *	  oc_format_number.c and oc_format_time.c make the general formatters of the same pieces.
 *
 * Without branches on the value where it can be done: values of a column differ from row to row, and a wrongly
 * predicted branch costs as much as all of the arithmetic here.  Bounds are as in oc_value.h; everything may scribble
 * over target up to them.
 */
#ifndef OC_FORMAT_INLINE_H
#define OC_FORMAT_INLINE_H

#include <string.h>

#include "oc_value.h"

/* "00" "01" ... "99"; oc_format_number.c */
extern const char oc_digit_pairs[201];
/* Decimal digits of value without leading zeros, at most 20; returns their number. */
extern size_t oc_put_u64(uint64_t value, char *target);

/* Two digits of value < 100. */
static inline void
oc_put2(char *target, unsigned value)
{
	memcpy(target, oc_digit_pairs + 2 * value, 2);
}

/* Four digits of value < 10000. */
static inline void
oc_put4(char *target, unsigned value)
{
	oc_put2(target, value / 100);
	oc_put2(target + 2, value % 100);
}

/*
 * Decimal digits of value < 10^8 without leading zeros; writes eight bytes.
 */
static inline size_t
oc_put_upto8(uint32_t value, char *target)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	/* halves, then pairs, then digits, each step for all lanes at once; the first digit in the lowest byte */
	uint32_t high = value / 10000;
	uint64_t halves = high | (uint64_t) (value - high * 10000) << 32;
	uint64_t hundreds = ((halves * 10486) >> 20) & UINT64_C(0x0000007F0000007F);
	uint64_t pairs = hundreds | (halves - hundreds * 100) << 16;
	uint64_t tens = ((pairs * 103) >> 10) & UINT64_C(0x000F000F000F000F);
	uint64_t digits = tens | (pairs - tens * 10) << 8;
	/* the last digit is written even when it is zero */
	unsigned zeros = (unsigned) __builtin_ctzll(digits | UINT64_C(1) << 56) / 8;

	digits = (digits | UINT64_C(0x3030303030303030)) >> (8 * zeros);
	memcpy(target, &digits, 8);
	return 8 - zeros;
#else
	return oc_put_u64(value, target);
#endif
}

static inline size_t
oc_inline_u64(uint64_t value, char *target)
{
	return value < 100000000 ? oc_put_upto8((uint32_t) value, target) : oc_put_u64(value, target);
}

static inline size_t
oc_inline_int8(int64_t value, char *target)
{
	size_t sign = value < 0;

	*target = '-';
	return sign + oc_inline_u64(value < 0 ? 0 - (uint64_t) value : (uint64_t) value, target + sign);
}

/*
 * The year (from 1 March), month (3 .. 14) and day of the month (from 0) of a day counted from 0000-03-01.
 * By Neri and Schneider's method: each division by a year, a century or a month is one multiplication.
 */
static inline uint32_t
oc_civil_day(uint32_t count, uint32_t *month, uint32_t *month_day)
{
	uint32_t quarters = 4 * count + 3;
	uint32_t century = quarters / 146097;
	uint64_t product = UINT64_C(2939745) * (quarters % 146097 | 3);
	uint32_t of_year = (uint32_t) product / 2939745 / 4;
	uint32_t scaled = 2141 * of_year + 197913;

	*month = scaled >> 16;
	*month_day = (scaled & 0xFFFF) / 2141;
	return 100 * century + (uint32_t) (product >> 32);
}

#define OC_DAYS_BEFORE_2000 730425u /* from 0000-03-01 */

/* Is this a day of the years 1 to 9999? */
static inline bool
oc_is_common_day(int64_t days)
{
	return (uint64_t) (days + OC_DAYS_BEFORE_2000 - 306) <= 3652059 - 1;
}

/* YYYY-MM-DD of a common day. */
static inline void
oc_put_common_day(int64_t days, char *target)
{
	uint32_t month;
	uint32_t month_day;
	uint32_t year = oc_civil_day((uint32_t) (days + OC_DAYS_BEFORE_2000), &month, &month_day);
	uint32_t next = month > 12;

	oc_put4(target, year + next);
	target[4] = '-';
	oc_put2(target + 5, month - 12 * next);
	target[7] = '-';
	oc_put2(target + 8, month_day + 1);
}

static inline size_t
oc_inline_date(oc_format_context *context, int32_t days, char *target)
{
	if (!oc_is_common_day(days))
		return oc_format_date(context, days, target);
	oc_put_common_day(days, target);
	return 10;
}

/* Bytes that a numeric of the short form may need, whatever its value. */
#define OC_NUMERIC_SHORT_MAX 336
/* Is this numeric's payload of the short form? */
static inline bool
oc_numeric_is_short(const void *payload, size_t size)
{
	uint16_t header;

	if (size < 2)
		return false;
	memcpy(&header, payload, 2);
	return (header & 0xC000) == 0x8000;
}

/* The digit group at an index, 0 where the value has none (also one that no numeric has). */
static inline unsigned
oc_numeric_group(const char *digits, int count, int index)
{
	static const char zero[2] = {0, 0};
	uint16_t group;

	memcpy(&group, (unsigned) index < (unsigned) count ? digits + 2 * index : zero, 2);
	return group < 10000 ? group : 0;
}

/*
 * A numeric of the short form; target has OC_NUMERIC_SHORT_MAX bytes.  Here those below 10^8 with at most four digits
 * behind the point, i.e. amounts; the others by oc_format_numeric.
 */
static inline size_t
oc_inline_numeric(const void *payload, size_t size, char *target)
{
	uint16_t header;
	int weight;
	int dscale;
	int count = (int) (size / 2) - 1;
	const char *digits = (const char *) payload + 2;
	uint32_t whole;
	char *at = target;
	int length;

	memcpy(&header, payload, 2);
	weight = (int) (header & 0x3F) - (int) (header & 0x40);
	dscale = (header & 0x1F80) >> 7;
	if (weight > 1 || weight < -1 || dscale > 4 || size % 2 != 0)
	{
		length = oc_format_numeric(payload, size, target);
		return length > 0 ? (size_t) length : 0;
	}
	whole = oc_numeric_group(digits, count, weight - 1) * 10000 + oc_numeric_group(digits, count, weight);
	*at = '-';
	at += (header & 0x2000) != 0;
	at += oc_put_upto8(whole, at);
	*at = '.';
	oc_put4(at + 1, oc_numeric_group(digits, count, weight + 1));
	return (size_t) (at - target) + (dscale > 0 ? 1 + (size_t) dscale : 0);
}

#endif
