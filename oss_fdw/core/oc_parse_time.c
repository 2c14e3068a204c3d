/*
 * oc_parse_time.c
 *	  Dates, times and timestamps from ISO text.
 *
 * Only the fixed-width form with a four-digit year, which the server reads alike under every DateStyle.  Called for each needed
 * field of each row, by any thread; pure functions.
 */
#include "oc_value_int.h"

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_DAY	  INT64_C(86400000000)

static bool take_date(const char *data, int64_t *days);
static bool take_time(const char **cursor, const char *end, int precision, int64_t *us);
static bool take_offset(const char *at, const char *end, int64_t *seconds);
static bool take_infinity(const char *data, size_t size, bool *negative);

bool
oc_parse_date(const char *data, size_t size, int32_t *days)
{
	int64_t value;
	bool negative;

	if (size == 10 && take_date(data, &value))
		*days = (int32_t) value;
	else if (take_infinity(data, size, &negative))
		*days = negative ? INT32_MIN : INT32_MAX;
	else
		return false;
	return true;
}

bool
oc_parse_time(const char *data, size_t size, int precision, int64_t *us)
{
	const char *at = data;
	int64_t value;

	if (!take_time(&at, data + size, precision, &value) || at != data + size)
		return false;
	*us = value;
	return true;
}

bool
oc_parse_timestamp(const char *data, size_t size, int precision, int64_t *us)
{
	const char *at;
	int64_t days;
	int64_t time = 0;
	bool negative;

	if (size < 10 || !take_date(data, &days))
	{
		if (!take_infinity(data, size, &negative))
			return false;
		*us = negative ? INT64_MIN : INT64_MAX;
		return true;
	}
	if (size > 10)
	{
		at = data + 11;
		if ((data[10] != ' ' && data[10] != 'T') || !take_time(&at, data + size, precision, &time) || at != data + size)
			return false;
	}
	*us = days * US_PER_DAY + time;
	return true;
}

bool
oc_parse_timestamptz(const char *data, size_t size, int precision, int64_t *us)
{
	const char *at;
	int64_t days;
	int64_t time;
	int64_t offset_s;
	bool negative;

	if (size < 17 || !take_date(data, &days))
	{
		if (!take_infinity(data, size, &negative))
			return false;
		*us = negative ? INT64_MIN : INT64_MAX;
		return true;
	}
	at = data + 11;
	if ((data[10] != ' ' && data[10] != 'T') || !take_time(&at, data + size, precision, &time) ||
		!take_offset(at, data + size, &offset_s))
		return false;
	*us = days * US_PER_DAY + time - offset_s * US_PER_SECOND;
	return true;
}

/* ---------------------------------------------------------------- pieces */

static bool
take_infinity(const char *data, size_t size, bool *negative)
{
	*negative = size == 9 && data[0] == '-';
	return (size == 8 || *negative) && memcmp(data + *negative, "infinity", 8) == 0;
}

/* Two digits, or a number above 99. */
static inline unsigned
two_digits(const char *data)
{
	unsigned tens = (unsigned char) (data[0] - '0');
	unsigned ones = (unsigned char) (data[1] - '0');

	return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

/* Days since 2000-01-01 of ten bytes YYYY-MM-DD, years 0001 to 9999. */
static bool
take_date(const char *data, int64_t *days)
{
	static const uint8_t month_days[13] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	uint32_t year_month = oc_take_pattern8(data, '-', 4, 7);
	uint32_t day = two_digits(data + 8);

	if (year_month == UINT32_MAX)
		return false;

	uint32_t year = year_month / 10000;
	uint32_t month = year_month / 10 % 1000;

	if (year < 1 || month < 1 || month > 12 || day < 1 || day > month_days[month])
		return false;
	if (month == 2 && day == 29 && (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0)))
		return false;

	/* count from March, so that the leap day is the last of its year */
	uint32_t march_year = year - (month <= 2);
	uint32_t march_month = month > 2 ? month - 3 : month + 9;
	uint32_t of_year = (153 * march_month + 2) / 5 + day - 1;

	*days = (int64_t) (365 * march_year + march_year / 4 - march_year / 100 + march_year / 400 + of_year) - 730425;
	return true;
}

/* Exactly six digits, the common number of them; there are two bytes of the same field in front. */
static inline bool
take_six(const char **cursor, const char *end, uint64_t *value)
{
#ifdef OC_SWAR_DIGITS
	uint64_t word;

	if (end - *cursor < 6)
		return false;
	memcpy(&word, *cursor - 2, 8);
	word = (word & ~UINT64_C(0xFFFF)) | 0x3030;
	if (!oc_all_digits8(word))
		return false;
	*value = oc_value_digits8(word);
	*cursor += 6;
	return true;
#else
	(void) cursor;
	(void) end;
	(void) value;
	return false;
#endif
}

/* One to six digits after the point, as microseconds; beyond precision only zeros. */
static bool
take_fraction(const char **cursor, const char *end, int precision, int64_t *us)
{
	static const uint32_t unit[7] = {1000000, 100000, 10000, 1000, 100, 10, 1};
	uint64_t value = 0;

	if (!take_six(cursor, end, &value))
	{
		int count = oc_take_digits(cursor, end, 6, &value);

		if (count == 0)
			return false;
		value *= unit[count];
	}
	if (precision >= 0 && precision < 6 && value % unit[precision] != 0)
		return false;
	*us += (int64_t) value;
	return true;
}

/* HH:MM[:SS[.f]], below 24:00:00 and without leap second; leaves the cursor behind it. */
static bool
take_time(const char **cursor, const char *end, int precision, int64_t *us)
{
	const char *at = *cursor;
	unsigned hour;
	unsigned minute;
	unsigned second = 0;

	if (end - at >= 8 && at[5] == ':')
	{
		uint32_t value = oc_take_pattern8(at, ':', 2, 5);

		if (value == UINT32_MAX)
			return false;
		hour = value / 1000000;
		minute = value / 1000 % 1000;
		second = value % 100;
		at += 8;
	}
	else
	{
		if (end - at < 5 || at[2] != ':')
			return false;
		hour = two_digits(at);
		minute = two_digits(at + 3);
		at += 5;
		if (at < end && (*at == ':' || *at == '.'))
			return false;
	}
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	*us = (int64_t) (hour * 3600 + minute * 60 + second) * US_PER_SECOND;
	if (at < end && *at == '.')
	{
		at++;
		if (!take_fraction(&at, end, precision, us))
			return false;
	}
	*cursor = at;
	return true;
}

/* Seconds east of Greenwich; the server's limit is 15:59:59. */
static bool
take_offset(const char *at, const char *end, int64_t *seconds)
{
	size_t size = (size_t) (end - at);
	unsigned minute = 0;
	unsigned second = 0;

	if (size == 1 && *at == 'Z')
	{
		*seconds = 0;
		return true;
	}
	if (size < 3 || (*at != '+' && *at != '-'))
		return false;

	unsigned hour = two_digits(at + 1);

	if (size == 5)
		minute = two_digits(at + 3);
	else if (size == 6 || size == 9)
	{
		if (at[3] != ':' || (size == 9 && at[6] != ':'))
			return false;
		minute = two_digits(at + 4);
		if (size == 9)
			second = two_digits(at + 7);
	}
	else if (size != 3)
		return false;
	if (hour > 15 || minute > 59 || second > 59)
		return false;

	int64_t value = (int64_t) (hour * 3600 + minute * 60 + second);

	*seconds = *at == '-' ? -value : value;
	return true;
}
