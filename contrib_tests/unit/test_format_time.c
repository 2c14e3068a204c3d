/*
 * test_format_time.c
 *	  Dates and times to text: known answers at the edges, every day of 800 years against a day counter, round trips.
 */
#include "value_util.h"

#define DAY INT64_C(86400000000)

static oc_format_context context;

static void
check_dates(void)
{
	static const int month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int32_t day = -146097; /* 1600-01-01 */
	char expected[32];

	for (int year = 1600; year < 2400; year++)
	{
		bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

		for (int month = 0; month < 12; month++)
		{
			for (int number = 1; number <= month_days[month] + (leap && month == 1); number++, day++)
			{
				int32_t back = ~day;

				snprintf(expected, sizeof expected, "%04d-%02d-%02d", year, month + 1, number);
				CHECK_FORMAT(OC_DATE_MAX, oc_format_date(&context, day, out), expected);
				CHECK_ACCEPTED(oc_parse_date, expected, &back);
				CHECK_INT(back, day);
			}
		}
	}
	CHECK_FORMAT(OC_DATE_MAX, oc_format_date(&context, 0, out), "2000-01-01");
	CHECK_FORMAT(OC_DATE_MAX, oc_format_date(&context, INT32_MAX, out), "infinity");
	CHECK_FORMAT(OC_DATE_MAX, oc_format_date(&context, INT32_MIN, out), "-infinity");
	CHECK_FORMAT(OC_DATE_MAX, oc_format_date(&context, -730119, out), "0001-01-01");
	CHECK_FORMAT(OC_DATE_MAX, oc_format_date(&context, -730120, out), "0001-12-31 BC");
	CHECK_FORMAT(OC_DATE_MAX, oc_format_date(&context, -2451545, out), "4714-11-24 BC");
	CHECK_FORMAT(OC_DATE_MAX, oc_format_date(&context, 2921939, out), "9999-12-31");
	CHECK_FORMAT(OC_DATE_MAX, oc_format_date(&context, 2921940, out), "10000-01-01");
	CHECK_FORMAT(OC_DATE_MAX, oc_format_date(&context, 2145031948, out), "5874897-12-31");
	/* the least and the greatest number, though no date */
	char target[OC_DATE_MAX];

	CHECK(oc_format_date(&context, INT32_MIN + 1, target) <= OC_DATE_MAX);
	CHECK(oc_format_date(&context, INT32_MAX - 1, target) <= OC_DATE_MAX);
}

static void
check_times(void)
{
	CHECK_FORMAT(OC_TIME_MAX, oc_format_time(0, out), "00:00:00");
	CHECK_FORMAT(OC_TIME_MAX, oc_format_time(DAY, out), "24:00:00");
	CHECK_FORMAT(OC_TIME_MAX, oc_format_time(DAY - 1, out), "23:59:59.999999");
	CHECK_FORMAT(OC_TIME_MAX, oc_format_time(1, out), "00:00:00.000001");
	CHECK_FORMAT(OC_TIME_MAX, oc_format_time(500000, out), "00:00:00.5");
	CHECK_FORMAT(OC_TIME_MAX, oc_format_time(45296120000, out), "12:34:56.12");
	CHECK_FORMAT(OC_TIMETZ_MAX, oc_format_timetz(45296000000, 28800, out), "12:34:56+08");
	CHECK_FORMAT(OC_TIMETZ_MAX, oc_format_timetz(45296000000, -12652, out), "12:34:56-03:30:52");
	CHECK_FORMAT(OC_TIMETZ_MAX, oc_format_timetz(DAY - 1, 57599, out), "23:59:59.999999+15:59:59");
	for (int i = 0; i < 86400; i++)
	{
		char expected[16];

		snprintf(expected, sizeof expected, "%02d:%02d:%02d", i / 3600, i / 60 % 60, i % 60);
		CHECK_FORMAT(OC_TIME_MAX, oc_format_time(i * INT64_C(1000000), out), expected);
	}
}

static void
check_timestamps(void)
{
	CHECK_FORMAT(OC_TIMESTAMP_MAX, oc_format_timestamp(&context, 0, out), "2000-01-01 00:00:00");
	CHECK_FORMAT(OC_TIMESTAMP_MAX, oc_format_timestamp(&context, -1, out), "1999-12-31 23:59:59.999999");
	CHECK_FORMAT(OC_TIMESTAMP_MAX, oc_format_timestamp(&context, INT64_MAX, out), "infinity");
	CHECK_FORMAT(OC_TIMESTAMP_MAX, oc_format_timestamp(&context, INT64_MIN, out), "-infinity");
	CHECK_FORMAT(OC_TIMESTAMP_MAX, oc_format_timestamp(&context, INT64_C(-211813488000000000), out),
				 "4714-11-24 00:00:00 BC");
	CHECK_FORMAT(OC_TIMESTAMP_MAX, oc_format_timestamp(&context, INT64_C(9223371331199999999), out),
				 "294276-12-31 23:59:59.999999");
	CHECK_FORMAT(OC_TIMESTAMPTZ_MAX, oc_format_timestamptz(&context, 0, 28800, out), "2000-01-01 08:00:00+08");
	CHECK_FORMAT(OC_TIMESTAMPTZ_MAX, oc_format_timestamptz(&context, 0, 0, out), "2000-01-01 00:00:00+00");
	CHECK_FORMAT(OC_TIMESTAMPTZ_MAX, oc_format_timestamptz(&context, 0, 19800, out), "2000-01-01 05:30:00+05:30");
	CHECK_FORMAT(OC_TIMESTAMPTZ_MAX, oc_format_timestamptz(&context, 0, -12652, out), "1999-12-31 20:29:08-03:30:52");
	CHECK_FORMAT(OC_TIMESTAMPTZ_MAX, oc_format_timestamptz(&context, INT64_MAX, 28800, out), "infinity");
	CHECK_FORMAT(OC_TIMESTAMPTZ_MAX, oc_format_timestamptz(&context, INT64_C(-211813488000000000), 57599, out),
				 "4714-11-24 15:59:59+15:59:59 BC");

	/* damaged values stay inside the buffer */
	char target[OC_TIMESTAMPTZ_MAX];

	CHECK(oc_format_timestamptz(&context, INT64_MAX - 1, INT32_MAX, target) <= OC_TIMESTAMPTZ_MAX);
	CHECK(oc_format_timestamptz(&context, INT64_MIN + 1, INT32_MIN, target) <= OC_TIMESTAMPTZ_MAX);
	CHECK(oc_format_timestamp(&context, INT64_MIN + 1, target) <= OC_TIMESTAMP_MAX);
	CHECK(oc_format_timetz(INT64_MIN, INT32_MIN, target) <= OC_TIMETZ_MAX);
	CHECK(oc_format_time(-1, target) <= OC_TIME_MAX);
}

/* The remembered day must not leak from one value to the next: a fresh context says the same as a used one. */
static void
check_memory(void)
{
	for (int i = 0; i < 20000; i++)
	{
		int64_t us = (int64_t) below(UINT64_C(315000000000000000)) - INT64_C(63000000000000000);
		int32_t offset_s = (int32_t) below(115199) - 57599;
		char used[OC_TIMESTAMPTZ_MAX + 1];
		char fresh[OC_TIMESTAMPTZ_MAX + 1];
		oc_format_context other;
		int64_t back = ~us;

		if (i % 3 == 0)
			us = (int64_t) below(3 * DAY) - DAY;
		oc_format_context_init(&other);
		used[oc_format_timestamptz(&context, us, offset_s, used)] = '\0';
		fresh[oc_format_timestamptz(&other, us, offset_s, fresh)] = '\0';
		CHECK_STR(used, fresh);
		/* years 1 to 9999 read back */
		if (us < INT64_C(252455615999999999) - 2 * DAY && us > INT64_C(-63082281600000000) + 2 * DAY)
		{
			CHECK_ACCEPTED(oc_parse_timestamptz, used, -1, &back);
			CHECK_INT(back, us);
			used[oc_format_timestamp(&context, us, used)] = '\0';
			CHECK_ACCEPTED(oc_parse_timestamp, used, -1, &back);
			CHECK_INT(back, us);
		}
	}
}

int
main(void)
{
	oc_format_context_init(&context);
	check_dates();
	check_times();
	check_timestamps();
	check_memory();
	return unit_done();
}
