/*
 * oc_format_float.c
 *	  float4 and float8 as the shortest decimal that reads back as the same value, in the server's layout.
 *
 * The digits come from Giulietti's Schubfach method: scale the value and the ends of its rounding interval by one
 * power of ten with a 128-bit (float: 64-bit) factor, keeping sticky bits, then take the shortest decimal inside.  The ends
 * themselves are not taken as inside, since the server's printer does not either (1e23 is 9.999999999999999e+22).
 */
#include <float.h>

#include "oc_value_int.h"

/* digits * 10^exponent */
typedef struct decimal
{
	uint64_t digits;
	int exponent;
} decimal;

static decimal shortest64(uint64_t significand, int exponent, bool irregular);
static decimal shortest32(uint32_t significand, int exponent, bool irregular);
static int put_decimal(decimal value, int fixed_limit, char *target);
static size_t put_scaled(int64_t scaled, int decimals, char *target);
static size_t put_nonfinite(bool nan, bool negative, char *target);

size_t
oc_format_float8(oc_format_context *context, double value, char *target)
{
	/* Whole numbers, which are common, need no search; -0 and everything from 1e15 on do. */
	if (value > -1e15 && value < 1e15)
	{
		int64_t whole = (int64_t) value;

		if ((double) whole == value && (whole != 0 || !__builtin_signbit(value)))
			return oc_format_int8(whole, target);

		/*
		 * So are a few decimals.  A decimal of at most 15 digits that reads back is the only one, so it is the shortest;
		 * and the division reads it back, being correctly rounded.
		 */
		if (FLT_EVAL_METHOD == 0 && value > -1e11 && value < 1e11)
		{
			int64_t scaled = (int64_t) (value * 1e4 + (value < 0 ? -0.5 : 0.5));

			if ((double) scaled / 1e4 == value && scaled != 0)
				return put_scaled(scaled, 4, target);
		}
	}
	else if (!__builtin_isfinite(value))
		return put_nonfinite(__builtin_isnan(value), value < 0, target);
	return (size_t) context->shortest_double(value, target);
}

size_t
oc_format_float4(oc_format_context *context, float value, char *target)
{
	if (value > -1e6f && value < 1e6f)
	{
		int32_t whole = (int32_t) value;

		if ((float) whole == value && (whole != 0 || !__builtin_signbit(value)))
			return oc_format_int4(whole, target);

		/* likewise with at most 6 digits */
		int32_t scaled = (int32_t) (value * 1e2f + (value < 0 ? -0.5f : 0.5f));

		if (FLT_EVAL_METHOD == 0 && scaled < 1000000 && scaled > -1000000 && (float) scaled / 1e2f == value && scaled != 0)
			return put_scaled(scaled, 2, target);
	}
	else if (!__builtin_isfinite(value))
		return put_nonfinite(__builtin_isnan(value), value < 0, target);
	return (size_t) context->shortest_float(value, target);
}

/* scaled / 10^decimals, which is no whole number; decimals 2 or 4. */
static size_t
put_scaled(int64_t scaled, int decimals, char *target)
{
	uint64_t magnitude = scaled < 0 ? 0 - (uint64_t) scaled : (uint64_t) scaled;
	unsigned unit = decimals == 4 ? 10000 : 100;
	char *at = target;

	*at = '-';
	at += scaled < 0;
	at += oc_put_u64(magnitude / unit, at);
	*at++ = '.';
	if (decimals == 4)
		oc_put4(at, (unsigned) (magnitude % unit));
	else
		oc_put2(at, (unsigned) (magnitude % unit));
	at += decimals;
	while (at[-1] == '0')
		at--;
	return (size_t) (at - target);
}

static size_t
put_nonfinite(bool nan, bool negative, char *target)
{
	const char *text = nan ? "NaN" : negative ? "-Infinity" : "Infinity";
	size_t size = strlen(text);

	memcpy(target, text, size);
	return size;
}

int
oc_shortest_double(double value, char *target)
{
	uint64_t bits;

	memcpy(&bits, &value, 8);

	uint64_t fraction = bits & 0x000FFFFFFFFFFFFF;
	int biased = (int) (bits >> 52) & 0x7FF;
	int sign = (int) (bits >> 63);

	if (biased == 0x7FF)
		return (int) put_nonfinite(fraction != 0, sign, target);
	*target = '-';
	target += sign;
	if (biased == 0 && fraction == 0)
	{
		*target = '0';
		return sign + 1;
	}

	decimal shortest = biased == 0 ? shortest64(fraction, -1074, false)
								   : shortest64(fraction | 0x0010000000000000, biased - 1075,
												fraction == 0 && biased > 1);

	return sign + put_decimal(shortest, 15, target);
}

int
oc_shortest_float(float value, char *target)
{
	uint32_t bits;

	memcpy(&bits, &value, 4);

	uint32_t fraction = bits & 0x007FFFFF;
	int biased = (int) (bits >> 23) & 0xFF;
	int sign = (int) (bits >> 31);

	if (biased == 0xFF)
		return (int) put_nonfinite(fraction != 0, sign, target);
	*target = '-';
	target += sign;
	if (biased == 0 && fraction == 0)
	{
		*target = '0';
		return sign + 1;
	}

	decimal shortest = biased == 0 ? shortest32(fraction, -149, false)
								   : shortest32(fraction | 0x00800000, biased - 150, fraction == 0 && biased > 1);

	return sign + put_decimal(shortest, 6, target);
}

/* ---------------------------------------------------------------- digits */

/*
 * floor(log10(2^q)), or of 3/4 * 2^q for a power of two, whose lower neighbour is nearer.  Arithmetic shift.
 */
static inline int
decimal_exponent(int q, bool irregular)
{
	return (q * 1262611 - (irregular ? 524031 : 0)) >> 22;
}

/* The shortest decimal in the open interval between lower and upper; all three are scaled by 4, low bits sticky. */
static inline decimal
choose(uint64_t lower, uint64_t value, uint64_t upper, int k)
{
	uint64_t below = value / 4;

	if (below >= 10)
	{
		uint64_t tens = below / 10;
		bool down_inside = lower < 40 * tens;
		bool up_inside = 40 * tens + 40 < upper;

		if (down_inside != up_inside)
			return (decimal) {tens + up_inside, k + 1};
	}

	bool down_inside = lower < 4 * below;
	bool up_inside = 4 * below + 4 < upper;

	if (down_inside != up_inside)
		return (decimal) {below + up_inside, k};

	/* both or none: the nearer one, the even one on a tie */
	uint64_t middle = 4 * below + 2;
	bool up = value > middle || (value == middle && (below & 1));

	return (decimal) {below + up, k};
}

/* High 64 bits of the 192-bit product, the lowest of them set when anything below is left. */
static inline uint64_t
scale64(uint64_t hi, uint64_t lo, uint64_t factor)
{
	oc_u128 low = (oc_u128) lo * factor;
	oc_u128 high = (oc_u128) hi * factor + (uint64_t) (low >> 64);

	return (uint64_t) (high >> 64) | ((uint64_t) high > 1);
}

static decimal
shortest64(uint64_t significand, int exponent, bool irregular)
{
	int k = decimal_exponent(exponent, irregular);
	int shift = exponent + oc_pow10_log2(-k) + 1;
	const oc_pow10 *power = &oc_pow10_table[-k - OC_POW10_MIN];
	/* The method wants the factor rounded up; no lo is so high that this carries. */
	uint64_t lo = power->lo + !(-k >= 0 && -k <= OC_POW10_EXACT);
	uint64_t value = 4 * significand;

	return choose(scale64(power->hi, lo, (value - (irregular ? 1 : 2)) << shift),
				  scale64(power->hi, lo, value << shift), scale64(power->hi, lo, (value + 2) << shift), k);
}

static inline uint64_t
scale32(uint64_t factor, uint32_t value)
{
	oc_u128 product = (oc_u128) factor * value;

	return (uint64_t) (product >> 64) | ((uint32_t) (product >> 32) > 1);
}

static decimal
shortest32(uint32_t significand, int exponent, bool irregular)
{
	int k = decimal_exponent(exponent, irregular);
	int shift = exponent + oc_pow10_log2(-k) + 1;
	const oc_pow10 *power = &oc_pow10_table[-k - OC_POW10_MIN];
	uint64_t factor = power->hi + (power->lo != 0);
	uint32_t value = 4 * significand;

	return choose(scale32(factor, (value - (irregular ? 1 : 2)) << shift), scale32(factor, value << shift),
				  scale32(factor, (value + 2) << shift), k);
}

/* ---------------------------------------------------------------- layout */

static inline decimal
without_trailing_zeros(decimal value)
{
	if (value.digits % 100000000 == 0)
	{
		value.digits /= 100000000;
		value.exponent += 8;
	}
	if (value.digits % 10000 == 0)
	{
		value.digits /= 10000;
		value.exponent += 4;
	}
	if (value.digits % 100 == 0)
	{
		value.digits /= 100;
		value.exponent += 2;
	}
	while (value.digits % 10 == 0)
	{
		value.digits /= 10;
		value.exponent++;
	}
	return value;
}

/* d.ddde+XX from digits that stand at target + 1 */
static int
put_scientific(char *target, int count, int scientific)
{
	char *at;

	target[0] = target[1];
	target[1] = '.';
	at = target + (count > 1 ? count + 1 : 1);
	*at++ = 'e';
	*at++ = scientific < 0 ? '-' : '+';
	if (scientific < 0)
		scientific = -scientific;
	if (scientific >= 100)
	{
		*at++ = (char) ('0' + scientific / 100);
		scientific %= 100;
	}
	oc_put2(at, (unsigned) scientific);
	return (int) (at + 2 - target);
}

/* As printf's %g with unlimited precision: plain from 1e-4 up to below 10^fixed_limit, scientific otherwise. */
static int
put_decimal(decimal value, int fixed_limit, char *target)
{
	value = without_trailing_zeros(value);

	char digits[40];
	int count = (int) oc_put_u64(value.digits, digits);
	int point = count + value.exponent; /* digits before the point */

	if (point <= -4 || point > fixed_limit)
	{
		memcpy(target + 1, digits, 24);
		return put_scientific(target, count, point - 1);
	}
	if (point <= 0)
	{
		memcpy(target, "0.0000", 6);
		memcpy(target + 2 - point, digits, 24);
		return 2 - point + count;
	}
	memcpy(target, digits, 24);
	if (point >= count)
	{
		memset(target + count, '0', (size_t) (point - count));
		return point;
	}
	memcpy(target + point + 1, digits + point, 16);
	target[point] = '.';
	return count + 1;
}
