/*
 * test_parse_number.c
 *	  bool, integers and numerics from text: what is taken, what is left to the input function, and typmods.  (Round trips of all
 *	  magnitudes are in test_format_number.c.)
 */
#include "value_util.h"

static const char *const never_numbers[] = {"",	  "-",	 "+",	"--1", "+-1", "-+1",  " 1",	  "1 ", "1\t", "1_000", "0x10",	  "1a",
											"a1", "1,0", "1-2", "0b1", "0o7", "1:2", "1/2", "1;", "12345678:", "/2345678", "1234567a",
											"123456a8", "\xb1", "1\x80"};

static void
check_integers(void)
{
	bool flag = true;
	int16_t i2 = 77;
	int32_t i4 = 77;
	int64_t i8 = 77;
	uint32_t oid = 77;

	for (size_t i = 0; i < sizeof never_numbers / sizeof never_numbers[0]; i++)
	{
		CHECK_REFUSED(oc_parse_bool, never_numbers[i], &flag);
		CHECK_REFUSED(oc_parse_int2, never_numbers[i], &i2);
		CHECK_REFUSED(oc_parse_int4, never_numbers[i], &i4);
		CHECK_REFUSED(oc_parse_int8, never_numbers[i], &i8);
		CHECK_REFUSED(oc_parse_oid, never_numbers[i], &oid);
	}
	CHECK_REFUSED(oc_parse_int4, "1.0", &i4);
	CHECK_REFUSED(oc_parse_int4, "1e2", &i4);
	CHECK_REFUSED(oc_parse_int2, "32768", &i2);
	CHECK_REFUSED(oc_parse_int2, "-32769", &i2);
	CHECK_REFUSED(oc_parse_int4, "2147483648", &i4);
	CHECK_REFUSED(oc_parse_int4, "-2147483649", &i4);
	CHECK_REFUSED(oc_parse_int8, "9223372036854775808", &i8);
	CHECK_REFUSED(oc_parse_int8, "-9223372036854775809", &i8);
	CHECK_REFUSED(oc_parse_int8, "18446744073709551616", &i8);
	CHECK_REFUSED(oc_parse_int8, "9999999999999999999", &i8);
	CHECK_REFUSED(oc_parse_oid, "4294967296", &oid);
	CHECK_REFUSED(oc_parse_oid, "-1", &oid);
	/* nothing was written by a refusal */
	CHECK(i2 == 77 && i4 == 77 && i8 == 77 && oid == 77 && flag);
	CHECK_ACCEPTED(oc_parse_int4, "+0012", &i4);
	CHECK_INT(i4, 12);
	CHECK_ACCEPTED(oc_parse_int8, "-0", &i8);
	CHECK_INT(i8, 0);
	CHECK_ACCEPTED(oc_parse_int8, "-9223372036854775808", &i8);
	CHECK(i8 == INT64_MIN);
	CHECK_ACCEPTED(oc_parse_int8, "0009223372036854775", &i8);
	CHECK(i8 == INT64_C(9223372036854775));
}

static void
check_bool(void)
{
	static const char *const yes[] = {"t", "T", "true", "TRUE", "1"};
	static const char *const no[] = {"f", "F", "false", "FALSE", "0"};
	bool value;

	for (int i = 0; i < 5; i++)
	{
		value = false;
		CHECK_ACCEPTED(oc_parse_bool, yes[i], &value);
		CHECK(value);
		CHECK_ACCEPTED(oc_parse_bool, no[i], &value);
		CHECK(!value);
	}
	CHECK_REFUSED(oc_parse_bool, "tru", &value);
	CHECK_REFUSED(oc_parse_bool, "truE", &value);
	CHECK_REFUSED(oc_parse_bool, "falsy", &value);
	CHECK_REFUSED(oc_parse_bool, "x", &value);
}

/* Accepted, and written by the formatter as expected. */
static void
check_numeric(const char *text, int precision, int scale, const char *expected)
{
	uint16_t *payload = malloc(OC_NUMERIC_PAYLOAD_MAX);
	char target[700];
	size_t size = 0;

	CHECK_ACCEPTED(oc_parse_numeric, text, precision, scale, payload, &size);
	CHECK(size >= 2 && size <= OC_NUMERIC_PAYLOAD_MAX);
	CHECK(oc_format_numeric_bound(payload, size) < sizeof target);
	target[oc_format_numeric(payload, size, target)] = '\0';
	CHECK_STR(target, expected);
	/* the server keeps no zero digits at either end */
	if (size > 2)
	{
		size_t first = (payload[0] & 0xC000) == 0x8000 ? 1 : 2;

		CHECK(size == first * 2 || (payload[first] != 0 && payload[size / 2 - 1] != 0));
	}
	free(payload);
}

static void
check_numerics(void)
{
	static const char *const same[] = {"0", "0.00", "1", "-1", "12345.6700", "10000", "100000000", "0.0001", "0.00012", "-0.000000012",
									   "99999999.99999999", "1000000000000.0001", "NaN", "123456789012345678901234567890"};
	uint16_t payload[OC_NUMERIC_PAYLOAD_MAX / 2];
	size_t size;
	char text[300];

	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
		check_numeric(same[i], 0, 0, same[i]);
	check_numeric("-0.00", 0, 0, "0.00");
	check_numeric("+007.50", 0, 0, "7.50");
	check_numeric(".5", 0, 0, "0.5");
	check_numeric("5.", 0, 0, "5");
	check_numeric("1.5", 10, 3, "1.500");
	check_numeric("1.5000", 10, 2, "1.50");
	check_numeric("99999.99", 7, 2, "99999.99");
	check_numeric("0.99", 2, 2, "0.99");
	check_numeric("NaN", 7, 2, "NaN");
	CHECK_REFUSED(oc_parse_numeric, "100000.00", 7, 2, payload, &size);
	CHECK_REFUSED(oc_parse_numeric, "1.505", 7, 2, payload, &size);
	CHECK_REFUSED(oc_parse_numeric, "0.1", 3, 5, payload, &size);
	CHECK_REFUSED(oc_parse_numeric, "10", 3, -1, payload, &size);
	for (size_t i = 0; i < sizeof never_numbers / sizeof never_numbers[0]; i++)
		CHECK_REFUSED(oc_parse_numeric, never_numbers[i], 0, 0, payload, &size);
	CHECK_REFUSED(oc_parse_numeric, ".", 0, 0, payload, &size);
	CHECK_REFUSED(oc_parse_numeric, "-.", 0, 0, payload, &size);
	CHECK_REFUSED(oc_parse_numeric, "1..2", 0, 0, payload, &size);
	CHECK_REFUSED(oc_parse_numeric, "1e5", 0, 0, payload, &size);
	CHECK_REFUSED(oc_parse_numeric, "Infinity", 0, 0, payload, &size);
	CHECK_REFUSED(oc_parse_numeric, "nan", 0, 0, payload, &size);

	/* the longest, digits everywhere; one more is left to the server */
	memset(text, '9', sizeof text);
	text[256] = '\0';
	check_numeric(text, 0, 0, text);
	text[1] = '.';
	check_numeric(text, 0, 0, text);
	text[256] = '9';
	text[257] = '\0';
	CHECK_REFUSED(oc_parse_numeric, text, 0, 0, payload, &size);
}

/* Any digits with a point anywhere keep their text. */
static void
check_random_numerics(void)
{
	for (int i = 0; i < 20000; i++)
	{
		char text[80];
		int size = 0;
		int whole = 1 + (int) below(i % 10 == 0 ? 40 : 12);
		int fraction = (int) below(i % 10 == 1 ? 30 : 8);

		if (below(2))
			text[size++] = '-';
		text[size++] = (char) ('1' + below(9));
		for (int digit = 1; digit < whole; digit++)
			text[size++] = (char) ('0' + (below(3) ? below(10) : 0));
		if (fraction)
			text[size++] = '.';
		for (int digit = 0; digit < fraction; digit++)
			text[size++] = (char) ('0' + (below(3) ? below(10) : 0));
		text[size] = '\0';
		check_numeric(text, 0, 0, text);
		check_numeric(text, whole + fraction, fraction, text);
	}
}

int
main(void)
{
	check_bool();
	check_integers();
	check_numerics();
	check_random_numerics();
	return unit_done();
}
