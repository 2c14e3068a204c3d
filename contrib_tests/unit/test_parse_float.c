/*
 * test_parse_float.c
 *	  Floats from text against strtod and strtof: whatever is accepted must have the very same bits, and the common
 *	  forms must be accepted.
 */
#include <float.h>
#include <math.h>

#include "value_util.h"

/* Returns whether both were accepted. */
static bool
compare(const char *text)
{
	double number = -77;
	float single = -77;
	double expected = strtod(text, NULL);
	float expected_single = strtof(text, NULL);
	bool accepted;
	bool accepted_single;

	TRY_PARSE(accepted, oc_parse_float8, text, &number);
	TRY_PARSE(accepted_single, oc_parse_float4, text, &single);
	if (!CHECK(accepted ? memcmp(&number, &expected, 8) == 0 : number == -77))
		fprintf(stderr, "    [%s] read as %a, not %a\n", text, number, expected);
	if (!CHECK(accepted_single ? memcmp(&single, &expected_single, 4) == 0 : single == -77))
		fprintf(stderr, "    [%s] read as %a, not %a\n", text, (double) single, (double) expected_single);
	/* what the server calls out of range is never accepted */
	CHECK(!accepted || isfinite(number));
	CHECK(!accepted_single || isfinite(single));
	return accepted && accepted_single;
}

static void
check_forms(void)
{
	static const char *const good[] = {"0", "-0", "0.0", "1", "-1.5", "+2", "1.", ".5", "-.5", "1e5", "1E5", "1e+5", "1e-5", "1.5e0005",
									   "0e9999", "-0e-9999", "00001.5", "0.0000000000000000000000000000000000001", "3.4028235e38",
									   "1.1754944e-38", "123456789012345678901234567890", "9007199254740993", "16777217",
									   "1.00000000000000000000000000000000000000"};
	static const char *const bad[] = {"", "-", "+", ".", "-.", "e5", ".e5", "1e", "1e+", "1e-", "1e5.", "1 ", " 1", "1d5", "0x10", "1_0",
									  "--1", "1..2", "1e99999", "nan", "inf", "infinity", "+Infinity", "-NaN", "NaN ", "1e400", "1e309",
									  "-1e309", "1e-330", "1e-400", "2e-308", "5e-324", "1.7976931348623159e308"};
	double number;
	float single;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
	{
		if (!CHECK(compare(good[i])))
			fprintf(stderr, "    refused [%s]\n", good[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
	{
		CHECK_REFUSED(oc_parse_float8, bad[i], &number);
		CHECK_REFUSED(oc_parse_float4, bad[i], &single);
	}
	CHECK_REFUSED(oc_parse_float4, "3.4028236e38", &single);
	CHECK_REFUSED(oc_parse_float4, "1e-40", &single);
	CHECK_ACCEPTED(oc_parse_float8, "NaN", &number);
	CHECK(isnan(number));
	CHECK_ACCEPTED(oc_parse_float8, "-Infinity", &number);
	CHECK(isinf(number) && number < 0);
	CHECK_ACCEPTED(oc_parse_float4, "Infinity", &single);
	CHECK(isinf(single) && single > 0);
	CHECK_ACCEPTED(oc_parse_float4, "NaN", &single);
	CHECK(isnan(single));
}

static void
random_number(char *text)
{
	int digits = 1 + (int) below(30);
	int point = (int) below((uint64_t) digits + 6);

	if (below(2))
		*text++ = '-';
	for (int i = 0; i < digits; i++)
	{
		if (i == point)
			*text++ = '.';
		*text++ = (char) ('0' + below(10));
	}
	*text = '\0';
	if (below(2))
		sprintf(text, "e%d", (int) below(below(2) ? 40 : 640) - (below(2) ? 20 : 320));
}

static void
check_random(void)
{
	char text[800];
	int accepted = 0;
	const int rounds = 60000;

	for (int i = 0; i < rounds; i++)
	{
		random_number(text);
		accepted += compare(text);
	}
	/* most are in float4's range and none of them is a tie */
	CHECK(accepted > rounds / 2);
	/* ties between two floats, written out in full, and their neighbours */
	for (int i = 0; i < 3000; i++)
	{
		float lower = ldexpf((float) (below(1 << 24) | 1 << 23), (int) below(60) - 40);
		double middle = ((double) lower + (double) nextafterf(lower, INFINITY)) / 2;

		snprintf(text, sizeof text, "%.60f", middle);
		compare(text);
		strcat(text, "1");
		compare(text);
		snprintf(text, sizeof text, "%.17g", middle);
		compare(text);
		snprintf(text, sizeof text, "%.17g", nextafter(middle, 0));
		compare(text);
		snprintf(text, sizeof text, "%" PRIu64 "5e-1", (random64() >> 11) | UINT64_C(1) << 52);
		compare(text);
	}
}

int
main(void)
{
	check_forms();
	check_random();
	return unit_done();
}
