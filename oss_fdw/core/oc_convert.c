/*
 * oc_convert.c
 *	  Text -> value as the server keeps it in memory: the parsers' results as words, or behind variable-length headers.
 *
 * Used by the splitter in the pool, and by the server's thread for single fields.
 */
#include "oc_value_int.h"

/* The server's variable-length headers: four bytes with the length of all, or one byte for up to 126 bytes of payload. */
#define SHORT_MAX 126
#define LONG_HEADER 4

static inline void
put_long_header(char *target, size_t total)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	uint32_t header = (uint32_t) total << 2;
#else
	uint32_t header = (uint32_t) total & 0x3FFFFFFF;
#endif

	memcpy(target, &header, sizeof(header));
}

static inline char
short_header(size_t total)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (char) (total << 1 | 1);
#else
	return (char) (total | 0x80);
#endif
}

static inline uint64_t
address(const void *value)
{
	return (uint64_t) (uintptr_t) value;
}

static inline size_t
aligned(size_t size)
{
	return (size + 3) & ~(size_t) 3;
}

size_t
oc_convert_room(const oc_conversion *how, size_t size)
{
	switch (how->class)
	{
		case OC_CLASS_TEXT:
			return aligned(size + LONG_HEADER);
		case OC_CLASS_NUMERIC:
			return LONG_HEADER + OC_NUMERIC_PAYLOAD_MAX;
		case OC_CLASS_UUID:
			return 16;
		case OC_CLASS_BYTEA:
			return aligned(LONG_HEADER + size / 2 + 1);
		default:
			return 0;
	}
}

/* varchar(n) and bpchar(n): only what fits as it is; varchar(n) may be cut when only blanks are lost, which is not for us */
static inline bool
fits(const oc_conversion *how, const char *data, size_t size)
{
	size_t characters = size;

	if (how->max_chars < 0)
		return true;
	if (how->utf8 && (size > (size_t) how->max_chars || how->is_bpchar))
		characters = oc_utf8_length(data, size);
	return how->is_bpchar ? characters == (size_t) how->max_chars : characters <= (size_t) how->max_chars;
}

static inline bool
convert_text(const oc_conversion *how, const char *data, size_t size, bool ahead, char *target, size_t *used, uint64_t *value)
{
	if (!fits(how, data, size))
		return false;
	if (size <= SHORT_MAX && ahead)
	{
		char *header = (char *) data - 1;

		*header = short_header(size + 1);
		*used = 0;
		*value = address(header);
		return true;
	}
	if (size <= SHORT_MAX)
	{
		*target = short_header(size + 1);
		memcpy(target + 1, data, size);
		*used = aligned(size + 1);
	}
	else
	{
		put_long_header(target, size + LONG_HEADER);
		memcpy(target + LONG_HEADER, data, size);
		*used = aligned(size + LONG_HEADER);
	}
	*value = address(target);
	return true;
}

static inline bool
convert_numeric(const oc_conversion *how, const char *data, size_t size, char *target, size_t *used, uint64_t *value)
{
	size_t payload;

	if (!oc_parse_numeric(data, size, how->precision, how->scale, target + LONG_HEADER, &payload))
		return false;
	put_long_header(target, payload + LONG_HEADER);
	*used = aligned(payload + LONG_HEADER);
	*value = address(target);
	return true;
}

static inline bool
convert_bytea(const char *data, size_t size, char *target, size_t *used, uint64_t *value)
{
	size_t payload;

	if (!oc_parse_bytea(data, size, target + LONG_HEADER, &payload))
		return false;
	put_long_header(target, payload + LONG_HEADER);
	*used = aligned(payload + LONG_HEADER);
	*value = address(target);
	return true;
}

static inline bool
convert_uuid(const char *data, size_t size, char *target, size_t *used, uint64_t *value)
{
	if (!oc_parse_uuid(data, size, (uint8_t *) target))
		return false;
	*used = 16;
	*value = address(target);
	return true;
}

/* The bits of a double or float as a word; a float's are sign-extended like an integer's. */
static inline uint64_t
word_of_double(double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	return bits;
}

static inline uint64_t
word_of_float(float number)
{
	int32_t bits;

	memcpy(&bits, &number, sizeof(bits));
	return (uint64_t) (int64_t) bits;
}

#define WORD_OF(type, parse, to_word)                                                                                          \
	{                                                                                                                          \
		type result;                                                                                                           \
                                                                                                                               \
		if (!(parse))                                                                                                          \
			return false;                                                                                                      \
		*used = 0;                                                                                                             \
		*value = to_word;                                                                                                      \
		return true;                                                                                                           \
	}
#define SIGNED_WORD (uint64_t) (int64_t) result

bool
oc_convert(const oc_conversion *how, const char *data, size_t size, bool ahead, char *target, size_t *used, uint64_t *value)
{
	switch (how->class)
	{
		case OC_CLASS_TEXT:
			return convert_text(how, data, size, ahead, target, used, value);
		case OC_CLASS_NUMERIC:
			return convert_numeric(how, data, size, target, used, value);
		case OC_CLASS_INT8:
			WORD_OF(int64_t, oc_parse_int8(data, size, &result), SIGNED_WORD);
		case OC_CLASS_INT4:
			WORD_OF(int32_t, oc_parse_int4(data, size, &result), SIGNED_WORD);
		case OC_CLASS_INT2:
			WORD_OF(int16_t, oc_parse_int2(data, size, &result), SIGNED_WORD);
		case OC_CLASS_OID:
			WORD_OF(uint32_t, oc_parse_oid(data, size, &result), result);
		case OC_CLASS_BOOL:
			WORD_OF(bool, oc_parse_bool(data, size, &result), result);
		case OC_CLASS_FLOAT8:
			WORD_OF(double, oc_parse_float8(data, size, &result), word_of_double(result));
		case OC_CLASS_FLOAT4:
			WORD_OF(float, oc_parse_float4(data, size, &result), word_of_float(result));
		case OC_CLASS_DATE:
			WORD_OF(int32_t, oc_parse_date(data, size, &result), SIGNED_WORD);
		case OC_CLASS_TIME:
			WORD_OF(int64_t, oc_parse_time(data, size, how->precision, &result), SIGNED_WORD);
		case OC_CLASS_TIMESTAMP:
			WORD_OF(int64_t, oc_parse_timestamp(data, size, how->precision, &result), SIGNED_WORD);
		case OC_CLASS_TIMESTAMPTZ:
			WORD_OF(int64_t, oc_parse_timestamptz(data, size, how->precision, &result), SIGNED_WORD);
		case OC_CLASS_UUID:
			return convert_uuid(data, size, target, used, value);
		case OC_CLASS_BYTEA:
			return convert_bytea(data, size, target, used, value);
		default:
			return false;
	}
}
