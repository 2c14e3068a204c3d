/*
 * test_parse_time.c
 *	  Dates, times and timestamps from text: what is taken and what is left to the input functions.  (Every day and
 *	  random instants round trip in test_format_time.c.)
 */
#include "value_util.h"

#define DAY	   INT64_C(86400000000)
#define SECOND INT64_C(1000000)

static void
check_dates(void)
{
	static const char *const bad[] = {
		"", "2023-02-29", "1900-02-29", "2024-02-30", "2024-04-31", "2024-13-01", "2024-00-10", "2024-01-00", "2024-01-32", "0000-01-01",
		"2024-1-01", "20240101", "2024/01/01", "01-02-2024", "2024-01-01 ", " 2024-01-01", "10000-01-01", "2024-01-01 BC", "-024-01-01",
		"2024-01-0a", "202a-01-01", "2024-a1-01", "2024:01-01", "2024-01:01", "Infinity", "+infinity", "infinit", "infinityy", "-infinit"};
	int32_t days = 77;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK_REFUSED(oc_parse_date, bad[i], &days);
	CHECK_INT(days, 77);
	CHECK_ACCEPTED(oc_parse_date, "2000-01-01", &days);
	CHECK_INT(days, 0);
	CHECK_ACCEPTED(oc_parse_date, "2000-02-29", &days);
	CHECK_INT(days, 59);
	CHECK_ACCEPTED(oc_parse_date, "0001-01-01", &days);
	CHECK_INT(days, -730119);
	CHECK_ACCEPTED(oc_parse_date, "9999-12-31", &days);
	CHECK_INT(days, 2921939);
	CHECK_ACCEPTED(oc_parse_date, "infinity", &days);
	CHECK_INT(days, INT32_MAX);
	CHECK_ACCEPTED(oc_parse_date, "-infinity", &days);
	CHECK_INT(days, INT32_MIN);
}

static void
check_times(void)
{
	static const char *const bad[] = {"", "24:00:00", "23:59:60", "23:60:00", "12:30:00.", "12:30:00.1234567", "12:30.5", "1:02:03",
									  "12:3:00", "12:30:0", "12:30:00 ", " 12:30:00", "12:30:00Z", "12:30:00+08", "12-30-00", "12:30:",
									  "12:30:aa", "a2:30:00", "12:30:00.a", "12:30:00,5", "12:3", "123000", "-1:30:00", "99:99:99"};
	int64_t us = 77;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK_REFUSED(oc_parse_time, bad[i], -1, &us);
	CHECK_INT(us, 77);
	CHECK_ACCEPTED(oc_parse_time, "00:00:00", -1, &us);
	CHECK_INT(us, 0);
	CHECK_ACCEPTED(oc_parse_time, "23:59:59.999999", -1, &us);
	CHECK_INT(us, DAY - 1);
	CHECK_ACCEPTED(oc_parse_time, "12:34", -1, &us);
	CHECK_INT(us, 45240 * SECOND);
	CHECK_ACCEPTED(oc_parse_time, "00:00:01.5", -1, &us);
	CHECK_INT(us, 1500000);
	CHECK_ACCEPTED(oc_parse_time, "00:00:01.00005", -1, &us);
	CHECK_INT(us, 1000050);
	/* typmods: what would be rounded is refused */
	CHECK_ACCEPTED(oc_parse_time, "00:00:01.500000", 1, &us);
	CHECK_INT(us, 1500000);
	CHECK_ACCEPTED(oc_parse_time, "00:00:01.000", 0, &us);
	CHECK_INT(us, 1000000);
	CHECK_ACCEPTED(oc_parse_time, "00:00:01.123456", 6, &us);
	CHECK_REFUSED(oc_parse_time, "00:00:01.51", 1, &us);
	CHECK_REFUSED(oc_parse_time, "00:00:01.5", 0, &us);
	CHECK_REFUSED(oc_parse_time, "00:00:01.123456", 5, &us);
}

static void
check_timestamps(void)
{
	static const char *const bad[] = {
		"", "2024-02-29 ", "2024-02-29T", "2024-02-29 12", "2024-02-29 12:34:56 ", "2024-02-29 12:34:56+08", "2024-02-29 12:34:56Z",
		"2024-02-29  12:34:56", "2024-02-29t12:34:56", "2024-02-29_12:34:56", "2024-02-29 24:00:00", "2023-02-29 00:00:00",
		"2024-02-29 12:34:56 BC", "10000-02-28 12:34:56", "2024-02-29 12:34:56.1234567"};
	int64_t us = 77;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK_REFUSED(oc_parse_timestamp, bad[i], -1, &us);
	CHECK_INT(us, 77);
	CHECK_ACCEPTED(oc_parse_timestamp, "2000-01-01 00:00:00", -1, &us);
	CHECK_INT(us, 0);
	CHECK_ACCEPTED(oc_parse_timestamp, "2000-01-02T00:00:00.5", -1, &us);
	CHECK_INT(us, DAY + 500000);
	CHECK_ACCEPTED(oc_parse_timestamp, "2000-01-03", -1, &us);
	CHECK_INT(us, 2 * DAY);
	CHECK_ACCEPTED(oc_parse_timestamp, "1999-12-31 23:59", -1, &us);
	CHECK_INT(us, -60 * SECOND);
	CHECK_ACCEPTED(oc_parse_timestamp, "infinity", -1, &us);
	CHECK(us == INT64_MAX);
	CHECK_ACCEPTED(oc_parse_timestamp, "-infinity", 0, &us);
	CHECK(us == INT64_MIN);
	CHECK_REFUSED(oc_parse_timestamp, "2000-01-02 00:00:00.5", 0, &us);
	CHECK_ACCEPTED(oc_parse_timestamp, "2000-01-02 00:00:00.120", 2, &us);
	CHECK_INT(us, DAY + 120000);
}

static void
check_offsets(void)
{
	static const char *const bad[] = {
		"", "2024-02-29", "2024-02-29 12:34:56", "2024-02-29+08", "2024-02-29 12:34:56+", "2024-02-29 12:34:56+8", "2024-02-29 12:34:56+083",
		"2024-02-29 12:34:56+16", "2024-02-29 12:34:56+08:60", "2024-02-29 12:34:56+08:30:60", "2024-02-29 12:34:56+080000",
		"2024-02-29 12:34:56 +08", "2024-02-29 12:34:56z", "2024-02-29 12:34:56ZZ", "2024-02-29 12:34:56+08:3", "2024-02-29 12:34:56+a8",
		"2024-02-29 12:34:56+08-30", "2024-02-29 12:34:56+08:30-15", "2024-02-29 12:34:56UTC", "2024-02-29 12:34:56+08 BC"};
	int64_t us = 77;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK_REFUSED(oc_parse_timestamptz, bad[i], -1, &us);
	CHECK_INT(us, 77);
	CHECK_ACCEPTED(oc_parse_timestamptz, "2000-01-01 08:00:00+08", -1, &us);
	CHECK_INT(us, 0);
	CHECK_ACCEPTED(oc_parse_timestamptz, "2000-01-01T00:00:01Z", -1, &us);
	CHECK_INT(us, SECOND);
	CHECK_ACCEPTED(oc_parse_timestamptz, "2000-01-01 05:30:00.000001+05:30", -1, &us);
	CHECK_INT(us, 1);
	CHECK_ACCEPTED(oc_parse_timestamptz, "2000-01-01 00:00-0330", -1, &us);
	CHECK_INT(us, 12600 * SECOND);
	CHECK_ACCEPTED(oc_parse_timestamptz, "1999-12-31 20:29:08-03:30:52", -1, &us);
	CHECK_INT(us, 0);
	CHECK_ACCEPTED(oc_parse_timestamptz, "0001-01-01 00:00:00+15:59:59", -1, &us);
	CHECK_INT(us, -730119 * DAY - 57599 * SECOND);
	CHECK_ACCEPTED(oc_parse_timestamptz, "infinity", -1, &us);
	CHECK(us == INT64_MAX);
	CHECK_REFUSED(oc_parse_timestamptz, "2000-01-01 08:00:00.5+08", 0, &us);
}

int
main(void)
{
	check_dates();
	check_times();
	check_timestamps();
	check_offsets();
	return unit_done();
}
