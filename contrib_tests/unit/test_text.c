/*
 * test_text.c
 *	  Hex, base64, percent-encoding and times: published values, round trips, refusals.
 */
#include "oc_int.h"
#include "unit.h"

static void
hex_and_base64(void)
{
	static const struct
	{
		const char *plain;
		const char *encoded;
	} rfc4648[] = {{"", ""},
				   {"f", "Zg=="},
				   {"fo", "Zm8="},
				   {"foo", "Zm9v"},
				   {"foob", "Zm9vYg=="},
				   {"fooba", "Zm9vYmE="},
				   {"foobar", "Zm9vYmFy"}};
	static const char *const bad[] = {"Z",    "Zg", "Zg=",      "Zg===",  "Zh==", "Zm9=", "Zm 9",
									  "====", "=",  "Zg==Zg==", "Zm9v\n", "Z===", "Zm9-", "Zm=v"};
	unsigned char all[256];
	unsigned char back[300];
	char text[520];
	size_t size;

	oc_hex((const unsigned char *) "\x00\x0f\xa9\xff", 4, text);
	CHECK_STR(text, "000fa9ff");
	oc_hex(NULL, 0, text);
	CHECK_STR(text, "");
	for (size_t i = 0; i < sizeof(rfc4648) / sizeof(rfc4648[0]); i++)
	{
		size_t length = strlen(rfc4648[i].plain);

		CHECK_INT(oc_base64((const unsigned char *) rfc4648[i].plain, length, text),
				  strlen(rfc4648[i].encoded));
		CHECK_STR(text, rfc4648[i].encoded);
		CHECK(oc_base64_decode(text, back, length, &size));
		CHECK_INT(size, length);
		CHECK_MEM(back, rfc4648[i].plain, length);
		if (length > 0)
			CHECK(!oc_base64_decode(text, back, length - 1, &size));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!CHECK(!oc_base64_decode(bad[i], back, sizeof(back), &size)))
			fprintf(stderr, "accepted \"%s\"\n", bad[i]);
	for (size_t length = 0; length <= 256; length++)
	{
		for (size_t i = 0; i < length; i++)
			all[i] = (unsigned char) (i * 7 + length);
		CHECK_INT(oc_base64(all, length, text), 4 * ((length + 2) / 3));
		CHECK(oc_base64_decode(text, back, sizeof(back), &size) && size == length);
		CHECK_MEM(back, all, length);
	}
}

static void
names(void)
{
	CHECK(oc_same_name("Content-MD5", "content-md5"));
	CHECK(oc_same_name("IF-MATCH", "if-match"));
	CHECK(oc_same_name("", ""));
	CHECK(!oc_same_name("a", ""));
	CHECK(!oc_same_name("", "a"));
	CHECK(!oc_same_name("ab", "abc"));
	CHECK(!oc_same_name("@", "`"));
	CHECK(!oc_same_name("[", "{"));
	CHECK(!oc_same_name("\xc4", "\xe4"));
	CHECK(oc_has_prefix("X-OSS-Meta-I", "x-oss-meta-i"));
	CHECK(oc_has_prefix("abc", ""));
	CHECK(!oc_has_prefix("ab", "abc"));
	CHECK(!oc_has_prefix("", "a"));
}

static void
percent_known(void)
{
	oc_buf buf;
	char plus[] = "a+b%20c%2Bd";
	char kept[] = "a+b%zz%4%";
	char nul[] = "a%00b";

	oc_buf_init(&buf, 1000);
	CHECK(oc_percent_encode(&buf, "a b/c+d%e~", 10, true));
	CHECK_STR(buf.data, "a%20b/c%2Bd%25e~");
	oc_buf_reset(&buf);
	CHECK(oc_percent_encode(&buf, "exp/\xe6\x95\xb0", 7, false));
	CHECK_STR(buf.data, "exp%2F%E6%95%B0");
	oc_buf_reset(&buf);
	CHECK(oc_percent_encode(&buf, "test-sign-V4/-!@#$%^&*()/", 25, true));
	CHECK_STR(buf.data, "test-sign-V4/-%21%40%23%24%25%5E%26%2A%28%29/");
	oc_buf_free(&buf);

	oc_buf_init(&buf, 4);
	CHECK(!oc_percent_encode(&buf, "a  ", 3, false));
	oc_buf_free(&buf);

	CHECK_INT(oc_percent_decode(plus, true), 7);
	CHECK_STR(plus, "a b c+d");
	CHECK_INT(oc_percent_decode(kept, false), 9);
	CHECK_STR(kept, "a+b%zz%4%");
	CHECK_INT(oc_percent_decode(nul, false), 3);
	CHECK_MEM(nul, "a\0b", 4);
}

static void
percent_round_trip(void)
{
	for (int keep_slash = 0; keep_slash < 2; keep_slash++)
	{
		for (int first = 0; first < 256; first++)
		{
			char raw[3] = {(char) first, (char) (255 - first), 'x'};
			oc_buf buf;

			oc_buf_init(&buf, 100);
			CHECK(oc_percent_encode(&buf, raw, 3, keep_slash));
			for (size_t i = 0; i < buf.size; i++)
				CHECK(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%/",
							 buf.data[i]) != NULL);
			CHECK(keep_slash || !strchr(buf.data, '/'));
			CHECK_INT(oc_percent_decode(buf.data, first & 1), 3);
			CHECK_MEM(buf.data, raw, 3);
			oc_buf_free(&buf);
		}
	}
}

static void
dates_known(void)
{
	char text[32];
	time_t when;

	oc_http_date(1767323045, text);
	CHECK_STR(text, "Fri, 02 Jan 2026 03:04:05 GMT");
	oc_iso_basic(1767323045, text);
	CHECK_STR(text, "20260102T030405Z");
	CHECK(oc_parse_http_date("Fri, 02 Jan 2026 03:04:05 GMT", &when) && when == 1767323045);
	oc_http_date(0, text);
	CHECK_STR(text, "Thu, 01 Jan 1970 00:00:00 GMT");
	oc_http_date(-5, text);
	CHECK_STR(text, "Thu, 01 Jan 1970 00:00:00 GMT");
	oc_http_date(253402300799, text);
	CHECK_STR(text, "Fri, 31 Dec 9999 23:59:59 GMT");
	oc_http_date(253402300800, text);
	CHECK_STR(text, "Thu, 01 Jan 1970 00:00:00 GMT");
	oc_http_date(951782400, text);
	CHECK_STR(text, "Tue, 29 Feb 2000 00:00:00 GMT");
}

/* Every noon from 1970 to 2120, and the second before and after each midnight, compared with the C library. */
static void
dates_of_all_days(void)
{
	int wrong = 0;

	for (int64_t day = 0; day < 150 * 365; day++)
	{
		static const int64_t seconds[] = {0, 43200, 86399};

		for (int i = 0; i < 3; i++)
		{
			time_t when = (time_t) (day * 86400 + seconds[i]);
			time_t back;
			int64_t microseconds;
			char text[32];
			char expected[64];
			char iso[64];
			struct tm parts;

			gmtime_r(&when, &parts);
			strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &parts);
			strftime(iso, sizeof(iso), "%Y-%m-%dT%H:%M:%S.125Z", &parts);
			oc_http_date(when, text);
			wrong += strcmp(text, expected) != 0;
			wrong += !oc_parse_http_date(text, &back) || back != when;
			wrong += !oc_parse_iso_time(iso, &microseconds) ||
					 microseconds != (int64_t) when * 1000000 + 125000;
			strftime(iso, sizeof(iso), "%Y%m%dT%H%M%SZ", &parts);
			oc_iso_basic(when, text);
			wrong += strcmp(text, iso) != 0;
		}
	}
	CHECK_INT(wrong, 0);
}

static void
dates_refused(void)
{
	static const char *const http[] = {"",
									   "Fri",
									   "Fri, 02 Jan 2026 03:04:05",
									   "Fri, 02 Jan 2026 03:04:05 UTC",
									   "Fri, 2 Jan 2026 03:04:05 GMT",
									   "Fri, 02 jan 2026 03:04:05 GMT",
									   "Fri, 30 Feb 2026 03:04:05 GMT",
									   "Fri, 29 Feb 2100 03:04:05 GMT",
									   "Fri, 02 Jan 2026 24:04:05 GMT",
									   "Fri, 02 Jan 2026 03:60:05 GMT",
									   "Fri, 02 Jan 2026 03:04:61 GMT",
									   "Xxx, 02 Jan 2026 03:04:05 GMT",
									   "Fri, 02 Jan 2026 03:04:05 GMT ",
									   "Fri, 00 Jan 2026 03:04:05 GMT",
									   "Friday, 02-Jan-26 03:04:05 GMT",
									   "Fri, 02 Jan 0000 03:04:05 GMT"};
	static const char *const iso[] = {"",
									  "2012-02-24",
									  "2012-02-24T08:43:27",
									  "2012-02-24T08:43:27.Z",
									  "2012-02-24 08:43:27Z",
									  "2012-13-24T08:43:27Z",
									  "2012-02-30T08:43:27Z",
									  "2011-02-29T08:43:27Z",
									  "1900-02-29T00:00:00Z",
									  "2012-02-24T25:43:27Z",
									  "2012-02-24T08:43:27Zx",
									  "2012-02-24T08:43:27+8:00",
									  "2012-02-24T08:43:27+0800",
									  "2012-2-24T08:43:27Z",
									  "2012-02-24T08:43:27+99:00",
									  "-012-02-24T08:43:27Z",
									  "2012-00-10T00:00:00Z"};
	time_t when;
	int64_t microseconds;

	for (size_t i = 0; i < sizeof(http) / sizeof(http[0]); i++)
		if (!CHECK(!oc_parse_http_date(http[i], &when)))
			fprintf(stderr, "accepted \"%s\"\n", http[i]);
	for (size_t i = 0; i < sizeof(iso) / sizeof(iso[0]); i++)
		if (!CHECK(!oc_parse_iso_time(iso[i], &microseconds)))
			fprintf(stderr, "accepted \"%s\"\n", iso[i]);
}

static void
iso_known(void)
{
	int64_t at;

	CHECK(oc_parse_iso_time("2012-02-24T08:43:27.000Z", &at));
	CHECK_INT(at, INT64_C(1330073007000000));
	CHECK(oc_parse_iso_time("2012-02-24T08:43:27Z", &at));
	CHECK_INT(at, INT64_C(1330073007000000));
	CHECK(oc_parse_iso_time("2012-02-24T08:43:27.123456789Z", &at));
	CHECK_INT(at, INT64_C(1330073007123456));
	CHECK(oc_parse_iso_time("2012-02-24T16:43:27.5+08:00", &at));
	CHECK_INT(at, INT64_C(1330073007500000));
	CHECK(oc_parse_iso_time("2012-02-24T03:13:27-05:30", &at));
	CHECK_INT(at, INT64_C(1330073007000000));
	CHECK(oc_parse_iso_time("2016-12-31T23:59:60Z", &at));
	CHECK_INT(at, INT64_C(1483228800000000));
	CHECK(oc_parse_iso_time("1969-12-31T23:59:59.25Z", &at));
	CHECK_INT(at, -750000);
	CHECK(oc_parse_iso_time("0001-01-01T00:00:00Z", &at));
	CHECK_INT(at, INT64_C(-62135596800000000));
}

int
main(void)
{
	names();
	hex_and_base64();
	percent_known();
	percent_round_trip();
	dates_known();
	dates_of_all_days();
	dates_refused();
	iso_known();
	return unit_done();
}
