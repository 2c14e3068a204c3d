/*
 * oc_parse_float.c
 *	  float4 and float8 from decimal text, correctly rounded.
 *
 * Few digits and a small power of ten: one exact multiplication or division (Clinger).  Otherwise the digits times a 128-bit power
 * of ten, once rounded down and once up (after Eisel and Lemire): when both ends round to the same float, that is it.  When
 * not, or the result is not a normal number, the caller asks the server's own input function.
 */
#include <float.h>

#include "oc_value_int.h"

/* value = digits * 10^exponent; when truncated, up to (digits + 1) * 10^exponent */
typedef struct scientific
{
	uint64_t digits;
	int exponent;
	bool negative;
	bool truncated;
} scientific;

/* What makes a float of a format: bits of its significand with the hidden one, and the bias of that as an integer. */
typedef struct float_format
{
	int significand_bits;
	int bias;
	int max_exponent; /* biased, of the largest finite */
} float_format;

static const float_format double_format = {53, 1075, 2046};
static const float_format single_format = {24, 150, 254};

static bool cut_number(const char *data, size_t size, scientific *number);
static bool take_special(const char *data, size_t size, double *value);
static bool nearest(const scientific *number, const float_format *format, uint64_t *bits);

bool
oc_parse_float8(const char *data, size_t size, double *value)
{
	static const double powers[] = {1e0,  1e1,	1e2,  1e3,	1e4,  1e5,	1e6,  1e7,	1e8,  1e9,	1e10, 1e11,
									1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	scientific number;
	uint64_t bits;

	if (!cut_number(data, size, &number))
		return take_special(data, size, value);
	if (FLT_EVAL_METHOD == 0 && number.digits <= UINT64_C(1) << 53 && number.exponent >= -22 && number.exponent <= 22 &&
		!number.truncated)
	{
		double result = (double) number.digits;

		if (number.exponent < 0)
			result /= powers[-number.exponent];
		else
			result *= powers[number.exponent];
		*value = number.negative ? -result : result;
		return true;
	}
	if (!nearest(&number, &double_format, &bits))
		return false;
	bits |= (uint64_t) number.negative << 63;
	memcpy(value, &bits, 8);
	return true;
}

bool
oc_parse_float4(const char *data, size_t size, float *value)
{
	static const float powers[] = {1e0f, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f, 1e6f, 1e7f, 1e8f, 1e9f, 1e10f};
	scientific number;
	uint64_t bits;

	if (!cut_number(data, size, &number))
	{
		double special;

		if (!take_special(data, size, &special))
			return false;
		*value = (float) special;
		return true;
	}
	if (FLT_EVAL_METHOD == 0 && number.digits <= UINT64_C(1) << 24 && number.exponent >= -10 && number.exponent <= 10 &&
		!number.truncated)
	{
		float result = (float) number.digits;

		if (number.exponent < 0)
			result /= powers[-number.exponent];
		else
			result *= powers[number.exponent];
		*value = number.negative ? -result : result;
		return true;
	}
	if (!nearest(&number, &single_format, &bits))
		return false;

	uint32_t word = (uint32_t) bits | (uint32_t) number.negative << 31;

	memcpy(value, &word, 4);
	return true;
}

/* The names that the output functions write. */
static bool
take_special(const char *data, size_t size, double *value)
{
	if (size == 3 && memcmp(data, "NaN", 3) == 0)
		*value = __builtin_nan("");
	else if (size == 8 && memcmp(data, "Infinity", 8) == 0)
		*value = __builtin_inf();
	else if (size == 9 && memcmp(data, "-Infinity", 9) == 0)
		*value = -__builtin_inf();
	else
		return false;
	return true;
}

/* ---------------------------------------------------------------- text to digits and exponent */

static inline const char *
skip_zeros(const char *at, const char *end)
{
	while (at < end && *at == '0')
		at++;
	return at;
}

/* Digits that no longer fit: skipped, but the caller must know whether all were zeros. */
static const char *
skip_excess(const char *at, const char *end, bool *truncated)
{
	for (; at < end && (unsigned char) (*at - '0') <= 9; at++)
		*truncated |= *at != '0';
	return at;
}

/* e[sign]digits, up to four of them. */
static bool
take_exponent(const char *at, const char *end, int *exponent)
{
	uint64_t value = 0;
	bool negative = at < end && *at == '-';

	if (at < end && (*at == '-' || *at == '+'))
		at++;
	if (oc_take_digits(&at, end, 4, &value) == 0 || at != end)
		return false;
	*exponent += negative ? -(int) value : (int) value;
	return true;
}

/* [sign] digits [. digits] [exponent] with a digit before or after the point.  At most 1000 bytes, so no int overflows. */
static bool
cut_number(const char *data, size_t size, scientific *number)
{
	const char *at = data;
	const char *end = data + size;

	if (size == 0 || size > 1000)
		return false;
	*number = (scientific) {.negative = *at == '-'};
	if (*at == '-' || *at == '+')
		at++;

	const char *start = at;
	bool has_digits;

	at = skip_zeros(at, end);

	int count = oc_take_digits(&at, end, 19, &number->digits);
	const char *kept = at;

	at = skip_excess(at, end, &number->truncated);
	number->exponent = (int) (at - kept);
	has_digits = at > start;
	if (at < end && *at == '.')
	{
		start = ++at;
		if (count == 0)
			at = skip_zeros(at, end);
		/* whole digits that did not fit leave no room here either */
		oc_take_digits(&at, end, 19 - count, &number->digits);
		if (number->exponent == 0)
			number->exponent = -(int) (at - start);
		at = skip_excess(at, end, &number->truncated);
		has_digits |= at > start;
	}
	if (!has_digits)
		return false;
	if (at < end && (*at == 'e' || *at == 'E'))
		return take_exponent(at + 1, end, &number->exponent);
	return at == end;
}

/* ---------------------------------------------------------------- digits and exponent to bits */

/*
 * Rounds value * 2^exponent, value having one of its two highest bits set, to the nearest float, ties to even; sticky: something
 * more than value was there.  False when that is not a normal number.
 */
static bool
round_to(oc_u128 value, bool sticky, int exponent, const float_format *format, uint64_t *bits)
{
	int shift = !(value >> 127);
	uint64_t high;

	value <<= shift;
	exponent -= shift;
	high = (uint64_t) (value >> 64);
	sticky |= (uint64_t) value != 0;

	int drop = 64 - format->significand_bits;
	uint64_t significand = high >> drop;
	uint64_t rest = high & ((UINT64_C(1) << drop) - 1);
	uint64_t half = UINT64_C(1) << (drop - 1);

	if (rest > half || (rest == half && (sticky || (significand & 1))))
		significand++;

	int biased = exponent + 64 + drop + format->bias;

	/* a carry out of the significand goes into the exponent by itself */
	if (biased < 1 || biased > format->max_exponent)
		return false;
	*bits = ((uint64_t) (biased - 1) << (format->significand_bits - 1)) + significand;
	return *bits < (uint64_t) (format->max_exponent + 1) << (format->significand_bits - 1);
}

static bool
nearest(const scientific *number, const float_format *format, uint64_t *bits)
{
	if (number->digits == 0)
	{
		*bits = 0;
		return !number->truncated;
	}
	if (number->exponent < OC_POW10_MIN || number->exponent > 308)
		return false;

	const oc_pow10 *power = &oc_pow10_table[number->exponent - OC_POW10_MIN];
	int shift = __builtin_clzll(number->digits);
	uint64_t digits = number->digits << shift;
	oc_u128 low = (oc_u128) power->lo * digits;
	oc_u128 lower = (oc_u128) power->hi * digits + (uint64_t) (low >> 64);
	bool sticky = (uint64_t) low != 0;
	int exponent = oc_pow10_log2(number->exponent) - 127 - shift + 64;
	bool exact = number->exponent >= 0 && number->exponent <= OC_POW10_EXACT && !number->truncated;

	if (!round_to(lower, sticky, exponent, format, bits))
		return false;
	if (exact)
		return true;

	/* the true product is below this: one unit of the power, and one of the digits when they were cut */
	oc_u128 upper = lower + 2;
	uint64_t upper_bits;

	if (number->truncated)
		upper += ((oc_u128) power->hi + 1) << shift;
	return upper > lower && round_to(upper, false, exponent, format, &upper_bits) && upper_bits == *bits;
}
