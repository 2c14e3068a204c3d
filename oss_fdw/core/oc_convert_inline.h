/*
 * oc_convert_inline.h
 *	  Text -> value as the server keeps it in memory: the parsers' results as words, or behind variable-length headers.
 *
 * To be inlined into the loop over a batch's fields (oc_split_convert.c); oc_convert.c makes functions of the same pieces.
 */
#ifndef OC_CONVERT_INLINE_H
#define OC_CONVERT_INLINE_H

#include "oc_value_int.h"

/* The server's variable-length headers: four bytes with the length of all, or one byte for up to 126 bytes of payload. */
#define OC_SHORT_MAX   126
#define OC_LONG_HEADER 4
#define OC_LONG_MAX    (0x3FFFFFFF - OC_LONG_HEADER)

static inline void
oc_put_long_header(char *target, size_t total)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	uint32_t header = (uint32_t) total << 2;
#else
	uint32_t header = (uint32_t) total & 0x3FFFFFFF;
#endif

	memcpy(target, &header, sizeof(header));
}

static inline char
oc_short_header(size_t total)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (char) (total << 1 | 1);
#else
	return (char) (total | 0x80);
#endif
}

static inline uint64_t
oc_address(const void *value)
{
	return (uint64_t) (uintptr_t) value;
}

static inline size_t
oc_aligned(size_t size)
{
	return (size + 3) & ~(size_t) 3;
}

static inline size_t
oc_inline_convert_room(const oc_conversion *how, size_t size)
{
	switch (how->class)
	{
		case OC_CLASS_TEXT:
			return oc_aligned(size + OC_LONG_HEADER);
		case OC_CLASS_NUMERIC:
			return OC_LONG_HEADER + OC_NUMERIC_PAYLOAD_MAX;
		case OC_CLASS_UUID:
			return 16;
		case OC_CLASS_BYTEA:
			return oc_aligned(OC_LONG_HEADER + size / 2 + 1);
		default:
			return 0;
	}
}

/* varchar(n) and bpchar(n): only what fits as it is; varchar(n) may be cut when only blanks are lost, which is not for us */
static inline bool
oc_fits(const oc_conversion *how, const char *data, size_t size)
{
	size_t characters = size;

	if (how->max_chars < 0)
		return true;
	if (how->utf8 && (size > (size_t) how->max_chars || how->is_bpchar))
		characters = oc_utf8_length(data, size);
	return how->is_bpchar ? characters == (size_t) how->max_chars
						  : characters <= (size_t) how->max_chars;
}

static inline bool
oc_inline_convert_text(const oc_conversion *how, const char *data, size_t size, bool ahead,
					   char *target, size_t *used, uint64_t *value)
{
	/* a header has 30 bits for the length; the input function says what is too long */
	if (size > OC_LONG_MAX || !oc_fits(how, data, size))
		return false;
	if (size <= OC_SHORT_MAX && ahead)
	{
		char *header = (char *) data - 1;

		*header = oc_short_header(size + 1);
		*used = 0;
		*value = oc_address(header);
		return true;
	}
	if (size <= OC_SHORT_MAX)
	{
		*target = oc_short_header(size + 1);
		memcpy(target + 1, data, size);
		*used = oc_aligned(size + 1);
	}
	else
	{
		oc_put_long_header(target, size + OC_LONG_HEADER);
		memcpy(target + OC_LONG_HEADER, data, size);
		*used = oc_aligned(size + OC_LONG_HEADER);
	}
	*value = oc_address(target);
	return true;
}

static inline bool
oc_inline_convert_numeric(const oc_conversion *how, const char *data, size_t size, char *target,
						  size_t *used, uint64_t *value)
{
	size_t payload;

	if (!oc_parse_numeric(data, size, how->precision, how->scale, target + OC_LONG_HEADER,
						  &payload))
		return false;
	oc_put_long_header(target, payload + OC_LONG_HEADER);
	*used = oc_aligned(payload + OC_LONG_HEADER);
	*value = oc_address(target);
	return true;
}

static inline bool
oc_inline_convert_bytea(const char *data, size_t size, char *target, size_t *used, uint64_t *value)
{
	size_t payload;

	if (!oc_parse_bytea(data, size, target + OC_LONG_HEADER, &payload))
		return false;
	oc_put_long_header(target, payload + OC_LONG_HEADER);
	*used = oc_aligned(payload + OC_LONG_HEADER);
	*value = oc_address(target);
	return true;
}

static inline bool
oc_inline_convert_uuid(const char *data, size_t size, char *target, size_t *used, uint64_t *value)
{
	if (!oc_parse_uuid(data, size, (uint8_t *) target))
		return false;
	*used = 16;
	*value = oc_address(target);
	return true;
}

/* The bits of a double or float as a word; a float's are sign-extended like an integer's. */
static inline uint64_t
oc_word_of_double(double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	return bits;
}

static inline uint64_t
oc_word_of_float(float number)
{
	int32_t bits;

	memcpy(&bits, &number, sizeof(bits));
	return (uint64_t) (int64_t) bits;
}

#define OC_WORD_OF(type, parse, to_word) \
	{                                    \
		type result;                     \
                                         \
		if (!(parse))                    \
			return false;                \
		*used = 0;                       \
		*value = to_word;                \
		return true;                     \
	}
#define OC_SIGNED_WORD (uint64_t)(int64_t) result

static inline bool
oc_inline_convert(const oc_conversion *how, const char *data, size_t size, bool ahead, char *target,
				  size_t *used, uint64_t *value)
{
	switch (how->class)
	{
		case OC_CLASS_TEXT:
			return oc_inline_convert_text(how, data, size, ahead, target, used, value);
		case OC_CLASS_NUMERIC:
			return oc_inline_convert_numeric(how, data, size, target, used, value);
		case OC_CLASS_INT8:
			OC_WORD_OF(int64_t, oc_parse_int8(data, size, &result), OC_SIGNED_WORD);
		case OC_CLASS_INT4:
			OC_WORD_OF(int32_t, oc_parse_int4(data, size, &result), OC_SIGNED_WORD);
		case OC_CLASS_INT2:
			OC_WORD_OF(int16_t, oc_parse_int2(data, size, &result), OC_SIGNED_WORD);
		case OC_CLASS_OID:
			OC_WORD_OF(uint32_t, oc_parse_oid(data, size, &result), result);
		case OC_CLASS_BOOL:
			OC_WORD_OF(bool, oc_parse_bool(data, size, &result), result);
		case OC_CLASS_FLOAT8:
			OC_WORD_OF(double, oc_parse_float8(data, size, &result), oc_word_of_double(result));
		case OC_CLASS_FLOAT4:
			OC_WORD_OF(float, oc_parse_float4(data, size, &result), oc_word_of_float(result));
		case OC_CLASS_DATE:
			OC_WORD_OF(int32_t, oc_parse_date(data, size, &result), OC_SIGNED_WORD);
		case OC_CLASS_TIME:
			OC_WORD_OF(int64_t, oc_parse_time(data, size, how->precision, &result), OC_SIGNED_WORD);
		case OC_CLASS_TIMESTAMP:
			OC_WORD_OF(int64_t, oc_parse_timestamp(data, size, how->precision, &result),
					   OC_SIGNED_WORD);
		case OC_CLASS_TIMESTAMPTZ:
			OC_WORD_OF(int64_t, oc_parse_timestamptz(data, size, how->precision, &result),
					   OC_SIGNED_WORD);
		case OC_CLASS_UUID:
			return oc_inline_convert_uuid(data, size, target, used, value);
		case OC_CLASS_BYTEA:
			return oc_inline_convert_bytea(data, size, target, used, value);
		default:
			return false;
	}
}

#undef OC_WORD_OF
#undef OC_SIGNED_WORD

#endif
