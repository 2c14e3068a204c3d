/*
 * oc_parse_number.c
 *	  bool, integers and numerics from text.
 *
 * Called for each needed field of each row on the way in, by any thread; pure functions.  Everything unusual is refused, so that
 * the type's input function decides (and words the error).
 */
#include "oc_value_int.h"

/* The server's numeric header (numeric.c): the first 16 bits after the varlena header. */
#define NUMERIC_NEGATIVE		 0x4000
#define NUMERIC_NAN				 0xC000
#define NUMERIC_SHORT			 0x8000
#define NUMERIC_SHORT_NEGATIVE	 0x2000
#define NUMERIC_SHORT_DSCALE_MAX 63
#define NUMERIC_SHORT_WEIGHT_MAX 63
#define NUMERIC_SHORT_WEIGHT_MIN (-64)

#define NUMERIC_TEXT_MAX 256

/* A decimal as text, cut into its pieces; none of them is checked twice. */
typedef struct decimal_text
{
	const char *whole;	  /* digits before the point, without leading zeros */
	int whole_size;
	const char *fraction; /* digits after it */
	int fraction_size;
	bool negative;
} decimal_text;

static bool take_number(const char *data, size_t size, uint64_t *magnitude, bool *negative);
static size_t take_short_decimal(const char *data, size_t size, int precision, int scale, uint16_t *target);
static bool cut_decimal(const char *data, size_t size, decimal_text *text);
static bool fit_typmod(decimal_text *text, int precision, int scale);
static size_t make_payload(const decimal_text *text, int dscale, uint16_t *target);

bool
oc_parse_bool(const char *data, size_t size, bool *value)
{
	if (size == 1)
	{
		switch (data[0])
		{
			case 't':
			case 'T':
			case '1':
				*value = true;
				return true;
			case 'f':
			case 'F':
			case '0':
				*value = false;
				return true;
			default:
				return false;
		}
	}
	if (size == 4 && (memcmp(data, "true", 4) == 0 || memcmp(data, "TRUE", 4) == 0))
	{
		*value = true;
		return true;
	}
	if (size == 5 && (memcmp(data, "false", 5) == 0 || memcmp(data, "FALSE", 5) == 0))
	{
		*value = false;
		return true;
	}
	return false;
}

/* ---------------------------------------------------------------- integers */

bool
oc_parse_int2(const char *data, size_t size, int16_t *value)
{
	uint64_t magnitude;
	bool negative;

	if (!take_number(data, size, &magnitude, &negative) || magnitude > (uint64_t) INT16_MAX + negative)
		return false;
	*value = (int16_t) (negative ? -(int64_t) magnitude : (int64_t) magnitude);
	return true;
}

bool
oc_parse_int4(const char *data, size_t size, int32_t *value)
{
	uint64_t magnitude;
	bool negative;

	if (!take_number(data, size, &magnitude, &negative) || magnitude > (uint64_t) INT32_MAX + negative)
		return false;
	*value = (int32_t) (negative ? -(int64_t) magnitude : (int64_t) magnitude);
	return true;
}

bool
oc_parse_int8(const char *data, size_t size, int64_t *value)
{
	uint64_t magnitude;
	bool negative;

	if (!take_number(data, size, &magnitude, &negative) || magnitude > (uint64_t) INT64_MAX + negative)
		return false;
	*value = (int64_t) (negative ? 0 - magnitude : magnitude);
	return true;
}

bool
oc_parse_oid(const char *data, size_t size, uint32_t *value)
{
	uint64_t magnitude;
	bool negative;

	/* the server takes -1 as 4294967295; that is for its own function */
	if (!take_number(data, size, &magnitude, &negative) || negative || magnitude > UINT32_MAX || data[0] == '+')
		return false;
	*value = (uint32_t) magnitude;
	return true;
}

#ifdef OC_SWAR_DIGITS
/* The eight bytes whose last size (4 to 7) are data, the rest zero digits. */
static inline uint64_t
load_short_number(const char *data, size_t size)
{
	uint32_t head;
	uint32_t tail;

	memcpy(&head, data, 4);
	memcpy(&tail, data + size - 4, 4);
	return (uint64_t) tail << 32 | (uint64_t) head << (64 - 8 * size) | UINT64_C(0x3030303030303030) >> (8 * size);
}
#endif

/* [sign] and 1 to 19 digits, nothing else. */
static inline bool
take_number(const char *data, size_t size, uint64_t *magnitude, bool *negative)
{
	const char *at = data;
	const char *end = data + size;

	*negative = size > 0 && *at == '-';
	if (size > 0 && (*at == '-' || *at == '+'))
		at++;

	size_t count = (size_t) (end - at);

	if (count == 0 || count > 19)
		return false;
	*magnitude = 0;
#ifdef OC_SWAR_DIGITS
	if (count >= 4 && count < 8)
	{
		uint64_t bytes = load_short_number(at, count);

		*magnitude = oc_value_digits8(bytes);
		return oc_all_digits8(bytes);
	}
#endif
	return oc_take_digits(&at, end, 19, magnitude) == (int) count;
}

/* ---------------------------------------------------------------- numeric */

/* 10^n: the least whole number that numeric(n, 0) cannot hold. */
static const uint64_t whole_limits[16] = {1,
										  10,
										  100,
										  1000,
										  10000,
										  100000,
										  1000000,
										  10000000,
										  100000000,
										  1000000000,
										  10000000000,
										  100000000000,
										  1000000000000,
										  10000000000000,
										  100000000000000,
										  1000000000000000};

bool
oc_parse_numeric(const char *data, size_t size, int precision, int scale, void *target, size_t *payload_size)
{
	decimal_text text;

	if (size == 3 && memcmp(data, "NaN", 3) == 0)
	{
		uint16_t header = NUMERIC_NAN;

		memcpy(target, &header, 2);
		*payload_size = 2;
		return true;
	}
	*payload_size = take_short_decimal(data, size, precision, scale, target);
	if (*payload_size > 0)
		return true;
	if (!cut_decimal(data, size, &text))
		return false;

	int dscale = text.fraction_size;

	if (precision > 0)
	{
		if (!fit_typmod(&text, precision, scale))
			return false;
		dscale = scale;
	}
	*payload_size = make_payload(&text, dscale, target);
	return true;
}

/*
 * The common numerics: at most 16 digits before the point and 8 after it, in two machine words.  Returns the payload's size, or 0
 * when the long way must decide.
 */
static inline size_t
take_short_decimal(const char *data, size_t size, int precision, int scale, uint16_t *target)
{
	static const uint32_t units[9] = {100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1};
	const char *at = data;
	const char *end = data + size;
	uint64_t whole = 0;
	uint64_t fraction = 0;
	bool negative = size > 0 && *at == '-';
	int decimals = 0;

	at += negative;
	if (oc_take_digits(&at, end, 16, &whole) == 0)
		return 0;
	if (at < end && *at == '.')
	{
		at++;
		decimals = oc_take_digits(&at, end, 8, &fraction);
	}
	if (at != end)
		return 0;
	if (precision > 0)
	{
		if (decimals > scale || scale > precision || scale > NUMERIC_SHORT_DSCALE_MAX ||
			(precision - scale < 16 && whole >= whole_limits[precision - scale]))
			return 0;
	}
	else
		scale = decimals;

	uint16_t digits[6];
	uint32_t parts[2] = {(uint32_t) (whole / 100000000), (uint32_t) (whole % 100000000)};
	uint32_t tail = (uint32_t) fraction * units[decimals];
	int first = 0;
	int last = 5;

	digits[0] = (uint16_t) (parts[0] / 10000);
	digits[1] = (uint16_t) (parts[0] % 10000);
	digits[2] = (uint16_t) (parts[1] / 10000);
	digits[3] = (uint16_t) (parts[1] % 10000);
	digits[4] = (uint16_t) (tail / 10000);
	digits[5] = (uint16_t) (tail % 10000);
	while (first < 6 && digits[first] == 0)
		first++;
	while (last >= first && digits[last] == 0)
		last--;

	int weight = first < 6 ? 3 - first : 0;

	target[0] = (uint16_t) (NUMERIC_SHORT | (negative && first < 6 ? NUMERIC_SHORT_NEGATIVE : 0) | scale << 7 | (weight & 0x7F));
	for (int i = first; i <= last; i++)
		target[1 + i - first] = digits[i];
	return (size_t) (2 + last - first) * 2;
}

static const char *
skip_digits(const char *at, const char *end)
{
#ifdef OC_SWAR_DIGITS
	for (uint64_t bytes; end - at >= 8; at += 8)
	{
		memcpy(&bytes, at, 8);
		if (!oc_all_digits8(bytes))
			break;
	}
#endif
	while (at < end && (unsigned char) (*at - '0') <= 9)
		at++;
	return at;
}

/* [sign] digits [. digits], at least one digit on one side. */
static bool
cut_decimal(const char *data, size_t size, decimal_text *text)
{
	const char *at = data;
	const char *end = data + size;

	if (size == 0 || size > NUMERIC_TEXT_MAX)
		return false;
	text->negative = *at == '-';
	if (*at == '-' || *at == '+')
		at++;

	const char *whole = at;

	at = skip_digits(at, end);

	bool has_digits = at > whole;

	while (whole < at && *whole == '0')
		whole++;
	text->whole = whole;
	text->whole_size = (int) (at - whole);
	text->fraction = at;
	text->fraction_size = 0;
	if (at < end && *at == '.')
	{
		text->fraction = ++at;
		at = skip_digits(at, end);
		text->fraction_size = (int) (at - text->fraction);
		has_digits |= text->fraction_size > 0;
	}
	return at == end && has_digits;
}

/* Does the number fit numeric(precision, scale) as it stands?  Zeros beyond scale are given up. */
static bool
fit_typmod(decimal_text *text, int precision, int scale)
{
	if (scale < 0 || scale > precision || text->whole_size > precision - scale)
		return false;
	while (text->fraction_size > scale)
	{
		if (text->fraction[text->fraction_size - 1] != '0')
			return false;
		text->fraction_size--;
	}
	return true;
}

static inline unsigned
group_value(const char *digits, int count)
{
	unsigned value = 0;

	for (int i = 0; i < count; i++)
		value = value * 10 + (unsigned char) (digits[i] - '0');
	return value;
}

static inline unsigned
group_of_4(const char *digits)
{
	return (unsigned) (digits[0] * 1000 + digits[1] * 100 + digits[2] * 10 + digits[3]) - '0' * 1111u;
}

/* Base-10000 digits of the text at digits[0..], most significant first; returns their number. */
static int
make_digits(const decimal_text *text, uint16_t *digits)
{
	static const unsigned missing[4] = {1, 1000, 100, 10};
	int count = 0;
	int at = text->whole_size % 4;

	if (at > 0)
		digits[count++] = (uint16_t) group_value(text->whole, at);
	for (; at < text->whole_size; at += 4)
		digits[count++] = (uint16_t) group_of_4(text->whole + at);
	for (at = 0; at + 4 <= text->fraction_size; at += 4)
		digits[count++] = (uint16_t) group_of_4(text->fraction + at);

	int rest = text->fraction_size - at;

	if (rest > 0)
		digits[count++] = (uint16_t) (group_value(text->fraction + at, rest) * missing[rest]);
	return count;
}

static size_t
make_payload(const decimal_text *text, int dscale, uint16_t *target)
{
	uint16_t digits[NUMERIC_TEXT_MAX / 4 + 2];
	int count = make_digits(text, digits);
	int weight = (text->whole_size + 3) / 4 - 1;
	int skip = 0;
	bool negative = text->negative;

	while (count > 0 && digits[count - 1] == 0)
		count--;
	while (skip < count && digits[skip] == 0)
		skip++;
	count -= skip;
	weight -= skip;
	if (count == 0)
	{
		weight = 0;
		negative = false;
	}

	int header = 1;

	if (dscale <= NUMERIC_SHORT_DSCALE_MAX && weight <= NUMERIC_SHORT_WEIGHT_MAX && weight >= NUMERIC_SHORT_WEIGHT_MIN)
		target[0] = (uint16_t) (NUMERIC_SHORT | (negative ? NUMERIC_SHORT_NEGATIVE : 0) | dscale << 7 | (weight & 0x7F));
	else
	{
		target[0] = (uint16_t) ((negative ? NUMERIC_NEGATIVE : 0) | dscale);
		target[1] = (uint16_t) (int16_t) weight;
		header = 2;
	}
	memcpy(target + header, digits + skip, (size_t) count * 2);
	return (size_t) (header + count) * 2;
}
