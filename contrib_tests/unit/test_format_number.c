/*
 * test_format_number.c
 *	  Integers and numerics to text and back: all of int2, the boundaries of the others, random values against the C library.
 */
#include "value_util.h"

#include <stdlib.h>

#include "oc_format_inline.h"

static void
check_int8(int64_t value)
{
	char expected[32];
	int64_t back = ~value;

	snprintf(expected, sizeof expected, "%" PRId64, value);
	CHECK_FORMAT(OC_INT8_MAX, oc_format_int8(value, out), expected);
	CHECK_ACCEPTED(oc_parse_int8, expected, &back);
	CHECK_INT(back, value);
}

static void
check_int4(int32_t value)
{
	char expected[32];
	int32_t back = ~value;
	uint32_t oid = (uint32_t) ~value;

	snprintf(expected, sizeof expected, "%" PRId32, value);
	CHECK_FORMAT(OC_INT4_MAX, oc_format_int4(value, out), expected);
	CHECK_ACCEPTED(oc_parse_int4, expected, &back);
	CHECK_INT(back, value);
	snprintf(expected, sizeof expected, "%" PRIu32, (uint32_t) value);
	CHECK_FORMAT(OC_OID_MAX, oc_format_oid((uint32_t) value, out), expected);
	CHECK_ACCEPTED(oc_parse_oid, expected, &oid);
	CHECK_INT(oid, (uint32_t) value);
}

static void
check_integers(void)
{
	for (int i = INT16_MIN; i <= INT16_MAX; i++)
	{
		char expected[16];
		int16_t back = (int16_t) ~i;

		snprintf(expected, sizeof expected, "%d", i);
		CHECK_FORMAT(OC_INT2_MAX, oc_format_int2((int16_t) i, out), expected);
		CHECK_ACCEPTED(oc_parse_int2, expected, &back);
		CHECK_INT(back, i);
	}
	for (uint64_t power = 1;; power *= 10)
	{
		for (int64_t step = -2; step <= 2; step++)
		{
			check_int8((int64_t) (power + (uint64_t) step));
			check_int8((int64_t) (0 - power + (uint64_t) step));
			check_int4((int32_t) (power + (uint64_t) step));
		}
		if (power > UINT64_MAX / 10)
			break;
	}
	check_int8(INT64_MIN);
	check_int8(INT64_MAX);
	check_int4(INT32_MIN);
	check_int4(INT32_MAX);
	for (int i = 0; i < 20000; i++)
	{
		check_int8((int64_t) random64() >> below(64));
		check_int4((int32_t) random64() >> below(32));
	}
	CHECK_FORMAT(OC_BOOL_MAX, oc_format_bool(true, out), "t");
	CHECK_FORMAT(OC_BOOL_MAX, oc_format_bool(false, out), "f");
}

static void
check_u64(void)
{
	char target[24] = "";

	CHECK_INT(oc_put_u64(UINT64_MAX, target), 20);
	CHECK_STR(target, "18446744073709551615");
}

/* A payload of header words and digits. */
static void
check_numeric(const uint16_t *payload, size_t words, const char *expected)
{
	/* odd address, as behind a short varlena header */
	char *raw = malloc(words * 2 + 1);
	size_t bound;

	memcpy(raw + 1, payload, words * 2);
	bound = oc_format_numeric_bound(raw + 1, words * 2);
	CHECK(bound >= strlen(expected));
	CHECK_FORMAT(bound, oc_format_numeric(raw + 1, words * 2, out), expected);
	free(raw);
}

#define CHECK_NUMERIC(expected, ...) \
	check_numeric((const uint16_t[]) {__VA_ARGS__}, sizeof((const uint16_t[]) {__VA_ARGS__}) / 2, expected)
#define SHORT(negative, dscale, weight) (uint16_t) (0x8000 | (negative) << 13 | (dscale) << 7 | ((weight) & 0x7F))

static void
check_numerics(void)
{
	CHECK_NUMERIC("0", SHORT(0, 0, 0));
	CHECK_NUMERIC("0.00", SHORT(0, 2, 0));
	CHECK_NUMERIC("1", SHORT(0, 0, 0), 1);
	CHECK_NUMERIC("-12345.6700", SHORT(1, 4, 1), 1, 2345, 6700);
	CHECK_NUMERIC("-12345.67", SHORT(1, 2, 1), 1, 2345, 6700);
	CHECK_NUMERIC("1000000000000", SHORT(0, 0, 3), 1);
	CHECK_NUMERIC("0.00000012", SHORT(0, 8, -2), 12);
	CHECK_NUMERIC("0.0000001", SHORT(0, 7, -2), 12);
	CHECK_NUMERIC("10000.5", SHORT(0, 1, 1), 1, 0, 5000);
	CHECK_NUMERIC("NaN", 0xC000);
	CHECK_NUMERIC("Infinity", 0xD000);
	CHECK_NUMERIC("-Infinity", 0xF000);
	/* the long form */
	CHECK_NUMERIC("42.0", 1, 0, 42);
	CHECK_NUMERIC("-42.0", 0x4001, 0, 42);
	CHECK_NUMERIC("0.0000000000000000000000000000000000000000000000000000000000000000000001", 70, (uint16_t) -18, 100);

	char target[64];
	uint16_t damaged[2] = {SHORT(0, 0, 0), 60000};

	/* malformed: odd, empty, long form without weight, unknown special */
	CHECK_INT(oc_format_numeric("\0\0\0", 3, target), -1);
	CHECK_INT(oc_format_numeric("", 0, target), -1);
	CHECK_INT(oc_format_numeric("\0\0", 2, target), -1);
	CHECK_INT(oc_format_numeric_bound("\0\0", 2), 0);
	CHECK_INT(oc_format_numeric((const uint16_t[]) {0xE000}, 2, target), -1);
	/* a digit that cannot be does not reach outside of memory */
	CHECK(oc_format_numeric(damaged, 4, target) > 0);
}

/* The inlined way against the general one: every shape of a small numeric, digits at random. */
static void
check_inlined(void)
{
	uint64_t state = 1;

	CHECK(!oc_numeric_is_short("", 0));
	CHECK(!oc_numeric_is_short("\0\xC0", 2));
	for (int round = 0; round < 200000; round++)
	{
		uint16_t payload[7];
		char *exact = malloc(sizeof(payload)); /* a read behind the payload is seen by the sanitizer */
		char inlined[OC_NUMERIC_SHORT_MAX];
		char general[OC_NUMERIC_SHORT_MAX];
		int digits;

		state = state * 6364136223846793005 + 1442695040888963407;
		digits = (int) (state >> 33) % 6;
		/* no numeric begins or is stored with a zero group */
		for (int i = 0; i < 6; i++)
			payload[1 + i] = (uint16_t) (1 + (state >> (i * 8)) % 9999);
		payload[0] = (uint16_t) (SHORT(state >> 62 & 1, (state >> 56) % 9, (int) ((state >> 50) % 7) - 3));
		memcpy(exact, payload, 2 + 2 * digits);
		exact = realloc(exact, 2 + 2 * digits);
		CHECK(oc_numeric_is_short(exact, 2 + 2 * digits));
		if (digits > 0)
		{
			size_t size = oc_inline_numeric(exact, 2 + 2 * digits, inlined);

			CHECK_INT(size, oc_format_numeric(exact, 2 + 2 * digits, general));
			CHECK_MEM(inlined, general, size);
		}
		free(exact);
	}
}

int
main(void)
{
	check_integers();
	check_u64();
	check_numerics();
	check_inlined();
	return unit_done();
}
