/*
 * test_format_float.c
 *	  Floats to text and back: the server's known answers, the table of powers by big integers, and random bits against the
 *	  C library (reads back, no shorter decimal does, and nothing nearer of that length).
 */
#include <float.h>
#include <math.h>

#include "value_util.h"

static oc_format_context context;

static void
check_known(void)
{
	static const struct
	{
		double value;
		const char *text;
	} doubles[] = {
		{0, "0"}, {-0.0, "-0"}, {1, "1"}, {-1, "-1"}, {0.1, "0.1"}, {-0.25, "-0.25"}, {100, "100"}, {123456.789, "123456.789"},
		{1e14, "100000000000000"}, {999999999999999, "999999999999999"}, {1e15, "1e+15"}, {-1e15, "-1e+15"},
		{123456789012345680, "1.2345678901234568e+17"}, {99999999999999.98, "99999999999999.98"}, {0.0001, "0.0001"},
		{0.00001, "1e-05"}, {0.00012345, "0.00012345"}, {1e22, "1e+22"}, {1e23, "9.999999999999999e+22"}, {1e100, "1e+100"},
		{5e-324, "5e-324"}, {2.2250738585072014e-308, "2.2250738585072014e-308"}, {DBL_MAX, "1.7976931348623157e+308"},
		{9007199254740993.0, "9.007199254740992e+15"}, {0.3, "0.3"}, {0.1 + 0.2, "0.30000000000000004"},
		{5.6843418860808015e-14, "5.684341886080802e-14"}, {3.141592653589793, "3.141592653589793"},
		{(double) NAN, "NaN"}, {(double) INFINITY, "Infinity"}, {-(double) INFINITY, "-Infinity"},
	};
	static const struct
	{
		float value;
		const char *text;
	} floats[] = {
		{0, "0"}, {-0.0f, "-0"}, {1, "1"}, {0.1f, "0.1"}, {100000, "100000"}, {999999, "999999"}, {1e6f, "1e+06"},
		{-1234567, "-1.234567e+06"}, {16777216, "1.6777216e+07"}, {0.0001f, "0.0001"}, {0.00001f, "1e-05"},
		{FLT_MAX, "3.4028235e+38"}, {FLT_MIN, "1.1754944e-38"}, {1e-45f, "1e-45"}, {3.14159265f, "3.1415927"},
		{9.5367431640625e-07f, "9.536743e-07"}, {NAN, "NaN"}, {INFINITY, "Infinity"}, {-INFINITY, "-Infinity"},
	};

	for (size_t i = 0; i < sizeof doubles / sizeof doubles[0]; i++)
	{
		CHECK_FORMAT(OC_FLOAT8_MAX, oc_format_float8(&context, doubles[i].value, out), doubles[i].text);
		CHECK_FORMAT(OC_FLOAT8_MAX, oc_shortest_double(doubles[i].value, out), doubles[i].text);
	}
	for (size_t i = 0; i < sizeof floats / sizeof floats[0]; i++)
	{
		CHECK_FORMAT(OC_FLOAT4_MAX, oc_format_float4(&context, floats[i].value, out), floats[i].text);
		CHECK_FORMAT(OC_FLOAT4_MAX, oc_shortest_float(floats[i].value, out), floats[i].text);
	}
}

/* Little-endian big integer: enough for 10^342 and some shifts. */
#define LIMBS 64

typedef struct big
{
	uint32_t limb[LIMBS];
} big;

static void
big_multiply(big *number, uint32_t factor)
{
	uint64_t carry = 0;

	for (int i = 0; i < LIMBS; i++)
	{
		carry += (uint64_t) number->limb[i] * factor;
		number->limb[i] = (uint32_t) carry;
		carry >>= 32;
	}
}

static int
big_compare(const big *a, const big *b)
{
	for (int i = LIMBS - 1; i >= 0; i--)
	{
		if (a->limb[i] != b->limb[i])
			return a->limb[i] < b->limb[i] ? -1 : 1;
	}
	return 0;
}

static big
big_make(oc_u128 value, int shift)
{
	big number = {{0}};

	for (int bit = 0; bit < 128; bit++)
	{
		if ((value >> bit) & 1 && bit + shift >= 0)
			number.limb[(bit + shift) / 32] |= (uint32_t) 1 << ((bit + shift) % 32);
	}
	return number;
}

/* 10^e lies in [table, table + 1) * 2^(log2 - 127), exactly on it where the header says so. */
static void
check_powers(void)
{
	for (int e = OC_POW10_MIN; e <= OC_POW10_MAX; e++)
	{
		oc_pow10 entry = oc_pow10_table[e - OC_POW10_MIN];
		oc_u128 value = (oc_u128) entry.hi << 64 | entry.lo;
		int shift = oc_pow10_log2(e) - 127;
		big low;
		big high;
		big one = big_make(1, 0);
		int times = e < 0 ? -e : e;

		CHECK(entry.hi >> 63 == 1);
		CHECK(entry.lo != UINT64_MAX);
		/* both sides times 2^-shift, and for negative e times 10^-e */
		if (e >= 0 && shift < 0)
		{
			one = big_make(1, -shift);
			low = big_make(value, 0);
			high = big_make(value + 1, 0);
		}
		else
		{
			one = big_make(1, e < 0 ? -shift : 0);
			low = big_make(value, e < 0 ? 0 : shift);
			high = big_make(value + 1, e < 0 ? 0 : shift);
		}
		for (int i = 0; i < times; i++)
		{
			big_multiply(e >= 0 ? &one : &low, 10);
			if (e < 0)
				big_multiply(&high, 10);
		}
		CHECK(big_compare(&low, &one) <= 0);
		CHECK(big_compare(&high, &one) > 0);
		CHECK_INT(big_compare(&low, &one) == 0, e >= 0 && e <= OC_POW10_EXACT);
	}
}

static int
count_digits(const char *text)
{
	int count = 0;
	int zeros = 0;

	/* significant ones: without leading and trailing zeros */
	for (; *text && *text != 'e'; text++)
	{
		if (*text < '0' || *text > '9' || (count + zeros == 0 && *text == '0'))
			continue;
		if (*text == '0')
			zeros++;
		else
		{
			count += zeros + 1;
			zeros = 0;
		}
	}
	return count;
}

static void
check_double(uint64_t bits)
{
	double value;
	double back = 0;
	char text[OC_FLOAT8_MAX + 1];
	char other[64];

	memcpy(&value, &bits, 8);
	if (!isfinite(value))
		return;
	text[oc_format_float8(&context, value, text)] = '\0';
	back = strtod(text, NULL);
	CHECK(memcmp(&back, &value, 8) == 0);

	int digits = count_digits(text);

	/* one digit less never reads back (1e23 and its like apart: there the shorter one is a tie) */
	snprintf(other, sizeof other, "%.*e", digits > 1 ? digits - 2 : 0, value);
	if (digits > 1 && strtod(other, NULL) == value)
		CHECK((bits & 1) == 0);
	/* of this length it is the nearest, if the nearest reads back at all */
	snprintf(other, sizeof other, "%.*e", digits > 0 ? digits - 1 : 0, value);
	if (strtod(other, NULL) == value && (bits & 0xFFFFFFFFFFFFF) != 0)
		CHECK(strtold(other, NULL) == strtold(text, NULL));

	double parsed;
	bool accepted;

	TRY_PARSE(accepted, oc_parse_float8, text, &parsed);
	CHECK(accepted || fabs(value) < DBL_MIN);
	if (accepted)
		CHECK(memcmp(&parsed, &value, 8) == 0);
}

static void
check_float(uint32_t bits)
{
	float value;
	float back;
	char text[OC_FLOAT4_MAX + 1];
	char other[64];

	memcpy(&value, &bits, 4);
	if (!isfinite(value))
		return;
	text[oc_format_float4(&context, value, text)] = '\0';
	back = strtof(text, NULL);
	CHECK(memcmp(&back, &value, 4) == 0);

	int digits = count_digits(text);

	snprintf(other, sizeof other, "%.*e", digits > 1 ? digits - 2 : 0, (double) value);
	if (digits > 1 && strtof(other, NULL) == value)
		CHECK((bits & 1) == 0);

	float parsed;
	bool accepted;

	TRY_PARSE(accepted, oc_parse_float4, text, &parsed);
	CHECK(accepted || fabsf(value) < FLT_MIN);
	if (accepted)
		CHECK(memcmp(&parsed, &value, 4) == 0);
}

static void
check_random(void)
{
	for (int i = 0; i < 30000; i++)
	{
		double value = (double) ((int64_t) random64() >> below(64)) / (double) (i % 3 == 0 ? 1 : i % 3 == 1 ? 100 : 4096);
		uint64_t bits;

		check_double(random64());
		memcpy(&bits, &value, 8);
		check_double(bits);
		check_float((uint32_t) random64());
	}
	for (uint64_t exponent = 0; exponent < 2047; exponent++)
	{
		for (int step = -2; step <= 2; step++)
			check_double((exponent << 52) + (uint64_t) step);
	}
	for (uint32_t exponent = 0; exponent < 255; exponent++)
	{
		for (int step = -2; step <= 2; step++)
			check_float((exponent << 23) + (uint32_t) step);
	}
}

int
main(void)
{
	oc_format_context_init(&context);
	check_known();
	check_powers();
	check_random();
	return unit_done();
}
