/*
 * oc_format_time.c
 *	  Dates, times and timestamps as ISO text.
 *
 * Rows that follow each other mostly share their day, so the context keeps the last day's string and a
 * timestamp costs one comparison, a copy and the time of day.  Called for each value, by the thread that owns the context.
 */
#include "oc_value_int.h"

#define US_PER_SECOND 1000000
#define US_PER_DAY	  INT64_C(86400000000)
#define DAYS_PER_ERA  146097 /* 400 Gregorian years */

static void remember_day(oc_format_context *context, int64_t day);
static char *put_day(oc_format_context *context, int64_t day, char *target);
static char *put_time(uint64_t us, char *target);
static char *put_offset(int32_t offset_s, char *target);
static size_t put_infinity(bool negative, char *target);

void
oc_format_context_init(oc_format_context *context)
{
	memset(context, 0, sizeof *context);
	context->shortest_double = oc_shortest_double;
	context->shortest_float = oc_shortest_float;
	context->day = INT64_MIN; /* no value has this day */
}

size_t
oc_format_date(oc_format_context *context, int32_t days, char *target)
{
	if (oc_is_common_day(days))
	{
		/* dates of one row differ: the last day's string would be made anew for each */
		oc_put_common_day(days, target);
		return 10;
	}
	if (days == INT32_MAX || days == INT32_MIN)
		return put_infinity(days < 0, target);

	char *at = put_day(context, days, target);

	if (context->day_bc)
	{
		memcpy(at, " BC", 3);
		at += 3;
	}
	return (size_t) (at - target);
}

size_t
oc_format_time(int64_t us, char *target)
{
	return (size_t) (put_time((uint64_t) us, target) - target);
}

size_t
oc_format_timetz(int64_t us, int32_t offset_s, char *target)
{
	return (size_t) (put_offset(offset_s, put_time((uint64_t) us, target)) - target);
}

/* Day and time of day; the caller adds what follows. */
static inline char *
put_instant(oc_format_context *context, int64_t us, char *target)
{
	int64_t day = us / US_PER_DAY;
	int64_t rest = us - day * US_PER_DAY;

	if (rest < 0)
	{
		day--;
		rest += US_PER_DAY;
	}
	target = put_day(context, day, target);
	*target = ' ';
	return put_time((uint64_t) rest, target + 1);
}

size_t
oc_format_timestamp(oc_format_context *context, int64_t us, char *target)
{
	if (us == INT64_MAX || us == INT64_MIN)
		return put_infinity(us < 0, target);

	char *at = put_instant(context, us, target);

	if (context->day_bc)
	{
		memcpy(at, " BC", 3);
		at += 3;
	}
	return (size_t) (at - target);
}

size_t
oc_format_timestamptz(oc_format_context *context, int64_t us, int32_t offset_s, char *target)
{
	if (us == INT64_MAX || us == INT64_MIN)
		return put_infinity(us < 0, target);

	/* unsigned: a value at the very end of int64 is no timestamp, but must not be undefined either */
	int64_t local = (int64_t) ((uint64_t) us + (uint64_t) ((int64_t) offset_s * US_PER_SECOND));
	char *at = put_offset(offset_s, put_instant(context, local, target));

	if (context->day_bc)
	{
		memcpy(at, " BC", 3);
		at += 3;
	}
	return (size_t) (at - target);
}

/* ---------------------------------------------------------------- pieces */

static size_t
put_infinity(bool negative, char *target)
{
	memcpy(target, negative ? "-infinity" : "infinity", 9);
	return negative ? 9 : 8;
}

static inline char *
put_day(oc_format_context *context, int64_t day, char *target)
{
	if (context->day != day)
		remember_day(context, day);
	memcpy(target, context->day_text, sizeof context->day_text);
	return target + context->day_size;
}

/*
 * Counts from 1 March, so that the leap day is the last of its year, and from an era far enough in the past for every int32.
 */
static void
remember_day(oc_format_context *context, int64_t day)
{
	enum
	{
		ERAS_BEFORE = 15000,
		MARCH_0_TO_2000 = 730425 /* days from 0000-03-01 to 2000-01-01 */
	};
	uint64_t count = (uint64_t) (day + MARCH_0_TO_2000 + (int64_t) ERAS_BEFORE * DAYS_PER_ERA);
	uint32_t era = (uint32_t) (count / DAYS_PER_ERA);
	uint32_t of_era = (uint32_t) (count % DAYS_PER_ERA);
	uint32_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint32_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint32_t shifted_month = (5 * of_year + 2) / 153; /* 0 = March */
	uint32_t month_day = of_year - (153 * shifted_month + 2) / 5 + 1;
	uint32_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
	int64_t year = (int64_t) year_of_era + ((int64_t) era - ERAS_BEFORE) * 400 + (month <= 2);
	char *at = context->day_text;

	context->day = day;
	context->day_bc = year <= 0;
	if (year <= 0)
		year = 1 - year;
	if (year < 10000)
	{
		oc_put4(at, (unsigned) year);
		at += 4;
	}
	else
		at += oc_put_u64((uint64_t) year, at);
	*at = '-';
	oc_put2(at + 1, month);
	at[3] = '-';
	oc_put2(at + 4, month_day);
	context->day_size = (uint8_t) (at + 6 - context->day_text);
}

/* HH:MM:SS and, when there is any, the fraction without trailing zeros. */
static inline char *
put_time(uint64_t us, char *target)
{
	/* a time of day is at most 24:00:00; the remainder keeps a damaged one within the table of digits */
	uint32_t seconds = (uint32_t) (us / US_PER_SECOND);
	uint32_t fraction = (uint32_t) (us % US_PER_SECOND);
	uint32_t minutes = seconds / 60;

	oc_put2(target, minutes / 60 % 100);
	target[2] = ':';
	oc_put2(target + 3, minutes % 60);
	target[5] = ':';
	oc_put2(target + 6, seconds % 60);
	target += 8;
	if (fraction == 0)
		return target;
	*target = '.';
	oc_put2(target + 1, fraction / 10000);
	oc_put4(target + 3, fraction % 10000);
	target += 7;
	while (target[-1] == '0')
		target--;
	return target;
}

/* +HH, +HH:MM or +HH:MM:SS */
static inline char *
put_offset(int32_t offset_s, char *target)
{
	uint32_t seconds = offset_s < 0 ? 0 - (uint32_t) offset_s : (uint32_t) offset_s;
	uint32_t minutes = seconds / 60;

	*target = offset_s < 0 ? '-' : '+';
	oc_put2(target + 1, minutes / 60 % 100);
	target += 3;
	minutes %= 60;
	seconds %= 60;
	if (minutes == 0 && seconds == 0)
		return target;
	*target = ':';
	oc_put2(target + 1, minutes);
	target += 3;
	if (seconds == 0)
		return target;
	*target = ':';
	oc_put2(target + 1, seconds);
	return target + 3;
}
