/*
 * oc_format_number.c
 *	  Integers and numerics as decimal text.
 *
 * Called for each value of each row on the way out, by any thread; pure functions.
 */
#include "oc_value_int.h"

/* The server's numeric header (numeric.c): the first 16 bits after the varlena header. */
#define NUMERIC_FORM_MASK		 0xC000
#define NUMERIC_FORM_NEGATIVE	 0x4000
#define NUMERIC_FORM_SHORT		 0x8000
#define NUMERIC_FORM_SPECIAL	 0xC000
#define NUMERIC_LONG_DSCALE_MASK 0x3FFF
#define NUMERIC_NAN				 0xC000
#define NUMERIC_PLUS_INFINITY	 0xD000
#define NUMERIC_MINUS_INFINITY	 0xF000
#define NUMERIC_SHORT_NEGATIVE	 0x2000
#define NUMERIC_SHORT_DSCALE(h)	 (((h) & 0x1F80) >> 7)
#define NUMERIC_SHORT_WEIGHT(h)	 ((int) ((h) & 0x3F) - (int) ((h) & 0x40))

typedef struct numeric_view
{
	const char *digits;	 /* base 10000, two bytes each, native order, any alignment */
	int digit_count;
	int weight;			 /* of the first digit: its value is digit * 10000^weight */
	int dscale;			 /* decimal digits after the point */
	bool negative;
	const char *special; /* NaN or an infinity: its text */
} numeric_view;

static bool numeric_open(const void *payload, size_t size, numeric_view *view);
static char *put_integer_part(const numeric_view *view, char *target);
static char *put_fraction(const numeric_view *view, char *target);

const char oc_digit_pairs[201] = "0001020304050607080910111213141516171819"
								 "2021222324252627282930313233343536373839"
								 "4041424344454647484950515253545556575859"
								 "6061626364656667686970717273747576777879"
								 "8081828384858687888990919293949596979899";

static const uint64_t powers_of_ten[20] = {1,
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
										   1000000000000000,
										   10000000000000000,
										   100000000000000000,
										   1000000000000000000,
										   10000000000000000000U};

/* ---------------------------------------------------------------- integers */

static inline int
digit_count32(uint32_t value)
{
	/* 1233/4096 approximates log10(2) well enough for 32 bits; the table corrects by one. */
	int guess = ((32 - __builtin_clz(value | 1)) * 1233) >> 12;

	return guess + (value >= powers_of_ten[guess]) + (value == 0);
}

static inline int
digit_count64(uint64_t value)
{
	int guess = ((64 - __builtin_clzll(value | 1)) * 1233) >> 12;

	return guess + (value >= powers_of_ten[guess]) + (value == 0);
}

static inline size_t
put_u32(uint32_t value, char *target)
{
	int count = digit_count32(value);
	char *at = target + count;

	while (value >= 100)
	{
		at -= 2;
		oc_put2(at, value % 100);
		value /= 100;
	}
	if (value >= 10)
		oc_put2(target, value);
	else
		*target = (char) ('0' + value);
	return (size_t) count;
}

/* Exactly eight digits of value < 10^8. */
static inline void
put8(char *target, uint32_t value)
{
	oc_put4(target, value / 10000);
	oc_put4(target + 4, value % 10000);
}

size_t
oc_put_u64(uint64_t value, char *target)
{
	if (value <= UINT32_MAX)
		return put_u32((uint32_t) value, target);

	int count = digit_count64(value);
	size_t head;

	if (count <= 16)
	{
		head = put_u32((uint32_t) (value / 100000000), target);
		put8(target + head, (uint32_t) (value % 100000000));
		return head + 8;
	}

	uint64_t low = value % 10000000000000000;

	head = put_u32((uint32_t) (value / 10000000000000000), target);
	put8(target + head, (uint32_t) (low / 100000000));
	put8(target + head + 8, (uint32_t) (low % 100000000));
	return head + 16;
}

/* has less room than eight digits at once need */
size_t
oc_format_int2(int16_t value, char *target)
{
	size_t sign = value < 0;

	*target = '-';
	return sign + put_u32(value < 0 ? (uint32_t) -value : (uint32_t) value, target + sign);
}

size_t
oc_format_int4(int32_t value, char *target)
{
	return oc_inline_int8(value, target);
}

size_t
oc_format_int8(int64_t value, char *target)
{
	return oc_inline_int8(value, target);
}

size_t
oc_format_oid(uint32_t value, char *target)
{
	return put_u32(value, target);
}

/* ---------------------------------------------------------------- numeric */

size_t
oc_format_numeric_bound(const void *payload, size_t size)
{
	numeric_view view;

	if (!numeric_open(payload, size, &view))
		return 0;
	/* sign, integer digits or one zero, point, whole groups of the fraction */
	return 16 + (view.weight > 0 ? (size_t) view.weight * 4 : 0) + (size_t) view.dscale;
}

int
oc_format_numeric(const void *payload, size_t size, char *target)
{
	numeric_view view;
	char *at = target;

	if (!numeric_open(payload, size, &view))
		return -1;
	if (view.special)
	{
		size_t length = strlen(view.special);

		memcpy(target, view.special, length);
		return (int) length;
	}
	if (view.negative)
		*at++ = '-';
	at = put_integer_part(&view, at);
	if (view.dscale > 0)
		at = put_fraction(&view, at);
	return (int) (at - target);
}

static inline unsigned
numeric_digit(const numeric_view *view, int index)
{
	uint16_t digit;

	if (index < 0 || index >= view->digit_count)
		return 0;
	memcpy(&digit, view->digits + 2 * index, 2);
	/* A damaged value must not reach beyond the table of digits. */
	return digit < 10000 ? digit : 0;
}

static const char *
special_text(uint16_t header)
{
	switch (header)
	{
		case NUMERIC_NAN:
			return "NaN";
		case NUMERIC_PLUS_INFINITY:
			return "Infinity";
		case NUMERIC_MINUS_INFINITY:
			return "-Infinity";
		default:
			return NULL;
	}
}

static bool
numeric_open(const void *payload, size_t size, numeric_view *view)
{
	uint16_t header;
	size_t header_size = 2;

	if (size < 2 || size % 2 != 0 || size > 1 << 20)
		return false;
	memcpy(&header, payload, 2);
	view->special = NULL;
	view->weight = view->dscale = view->digit_count = 0;
	if (header & NUMERIC_FORM_SHORT)
	{
		if ((header & NUMERIC_FORM_MASK) == NUMERIC_FORM_SPECIAL)
		{
			view->special = special_text(header);
			return view->special != NULL;
		}
		view->negative = (header & NUMERIC_SHORT_NEGATIVE) != 0;
		view->dscale = NUMERIC_SHORT_DSCALE(header);
		view->weight = NUMERIC_SHORT_WEIGHT(header);
	}
	else
	{
		int16_t weight;

		if (size < 4)
			return false;
		memcpy(&weight, (const char *) payload + 2, 2);
		header_size = 4;
		view->negative = (header & NUMERIC_FORM_NEGATIVE) != 0;
		view->dscale = header & NUMERIC_LONG_DSCALE_MASK;
		view->weight = weight;
	}
	view->digits = (const char *) payload + header_size;
	view->digit_count = (int) ((size - header_size) / 2);
	return true;
}

static char *
put_integer_part(const numeric_view *view, char *target)
{
	if (view->weight < 0)
	{
		*target = '0';
		return target + 1;
	}
	target += put_u32(numeric_digit(view, 0), target);
	for (int i = 1; i <= view->weight; i++, target += 4)
		oc_put4(target, numeric_digit(view, i));
	return target;
}

/* Whole groups of four are written, the excess over dscale is then given up, as the server does. */
static char *
put_fraction(const numeric_view *view, char *target)
{
	int index = view->weight + 1;
	char *end = target + 1 + view->dscale;

	*target++ = '.';
	for (; target < end; target += 4)
		oc_put4(target, numeric_digit(view, index++));
	return end;
}
