/*
 * oc_value.h
 *	  Values as text and back: per-type formatters, field escapers, per-type parsers.
 *	  Included by oc.h, part of the public door.
 *
 * A value comes as (type class, raw value): plain C integers and doubles in the units of the server's
 * binary types, or bytes without their varlena header.  Nothing here allocates, locks, reads a locale or
 * a session setting, and nothing keeps state outside of the structs that the caller owns: any thread may
 * call anything, as long as one oc_format_context is used by one thread at a time.
 *
 * Formatters append at target, write no NUL and return the bytes written.  They may scribble over target up to the
 * documented maximum, so the caller guarantees room for the maximum, not for the result.  The text is what
 * the server's output function writes with DateStyle ISO, extra_float_digits >= 1 and bytea_output hex.
 *
 * Escapers take a field's bytes to the file's bytes; target needs the documented bound and must not overlap the source.
 *
 * Parsers return true only when the text has the plain form and the value is exactly what the type's input function
 * would make of it.  False means "not sure": the caller asks the input function, which accepts the odd forms and makes the
 * error messages.  *value is untouched when false is returned.  No byte at or after data[size] is read.
 */
#ifndef OC_VALUE_H
#define OC_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---------------------------------------------------------------- type classes */

typedef enum oc_class
{
	OC_CLASS_OTHER,		/* the text of an output function, any bytes */
	OC_CLASS_BOOL,
	OC_CLASS_INT2,
	OC_CLASS_INT4,
	OC_CLASS_INT8,
	OC_CLASS_OID,
	OC_CLASS_FLOAT4,
	OC_CLASS_FLOAT8,
	OC_CLASS_NUMERIC,
	OC_CLASS_DATE,
	OC_CLASS_TIME,
	OC_CLASS_TIMETZ,
	OC_CLASS_TIMESTAMP,
	OC_CLASS_TIMESTAMPTZ,
	OC_CLASS_UUID,
	OC_CLASS_BYTEA,
	OC_CLASS_TEXT,		/* text, varchar, bpchar, json: the payload is the text */
} oc_class;

/* Bytes that a formatter may write at most. */
#define OC_BOOL_MAX			1
#define OC_INT2_MAX			8
#define OC_INT4_MAX			16
#define OC_INT8_MAX			24
#define OC_OID_MAX			16
#define OC_FLOAT4_MAX		40
#define OC_FLOAT8_MAX		40
#define OC_DATE_MAX			16
#define OC_TIME_MAX			16
#define OC_TIMETZ_MAX		32
#define OC_TIMESTAMP_MAX	40
#define OC_TIMESTAMPTZ_MAX	48
#define OC_UUID_MAX			36
#define OC_BYTEA_MAX(size)	(2 * (size_t) (size) + 3)
/* Of every class above but numeric, bytea, text and other. */
#define OC_FIXED_MAX		48

/* ---------------------------------------------------------------- formatters */

/*
 * What formatters remember between calls: the last day's string, and the float hooks.  One per stream, owned by the
 * caller, initialised by oc_format_context_init; no pointer to free.
 */
typedef struct oc_format_context
{
	/*
	 * Shortest decimal that reads back as value, in the server's layout, finite values only: writes at most OC_FLOAT8_MAX bytes
	 * without NUL, returns their number.  pg/ may set the server's double_to_shortest_decimal_bufn; the
	 * initial oc_shortest_double gives the same bytes.
	 */
	int (*shortest_double)(double value, char *target);
	int (*shortest_float)(float value, char *target);
	int64_t day;				/* the day whose date stands in day_text; days since 2000-01-01 */
	bool day_bc;				/* " BC" follows at the end of the value */
	uint8_t day_size;
	char day_text[16];			/* "2026-01-31", without " BC" */
} oc_format_context;

extern void oc_format_context_init(oc_format_context *context);

/* The hooks' initial values: shortest round-trip decimals by the core's own means, without locale. */
extern int oc_shortest_double(double value, char *target);
extern int oc_shortest_float(float value, char *target);

static inline size_t
oc_format_bool(bool value, char *target)
{
	*target = value ? 't' : 'f';
	return 1;
}

extern size_t oc_format_int2(int16_t value, char *target);
extern size_t oc_format_int4(int32_t value, char *target);
extern size_t oc_format_int8(int64_t value, char *target);
extern size_t oc_format_oid(uint32_t value, char *target);
extern size_t oc_format_float4(oc_format_context *context, float value, char *target);
extern size_t oc_format_float8(oc_format_context *context, double value, char *target);

/*
 * A numeric's payload: what follows the varlena header, short or long form, any alignment.  The bound is the room that
 * oc_format_numeric needs for this value, 0 when the payload is malformed.  oc_format_numeric returns the
 * bytes written, or -1 (nothing written) for a malformed payload.
 */
extern size_t oc_format_numeric_bound(const void *payload, size_t size);
extern int oc_format_numeric(const void *payload, size_t size, char *target);

/* Days since 2000-01-01; INT32_MAX and INT32_MIN are infinity and -infinity. */
extern size_t oc_format_date(oc_format_context *context, int32_t days, char *target);
/* Microseconds of the day, 0 .. 86400000000. */
extern size_t oc_format_time(int64_t us, char *target);
/* offset_s: seconds EAST of Greenwich (+08 is 28800); the server's TimeTzADT.zone and pg_tm arithmetic count westward: negate. */
extern size_t oc_format_timetz(int64_t us, int32_t offset_s, char *target);
/* Microseconds since 2000-01-01 00:00; INT64_MAX and INT64_MIN are infinity and -infinity. */
extern size_t oc_format_timestamp(oc_format_context *context, int64_t us, char *target);
/* us is UTC; offset_s is the offset that holds at this instant, seconds EAST.  Ignored for infinities. */
extern size_t oc_format_timestamptz(oc_format_context *context, int64_t us, int32_t offset_s, char *target);

extern size_t oc_format_uuid(const uint8_t value[16], char *target);
/* \x and hex.  double_backslash: writes \\x, i.e. already escaped for the text format. */
extern size_t oc_format_bytea(const void *data, size_t size, bool double_backslash, char *target);

/* ---------------------------------------------------------------- escapers */

/*
 * Which bytes are special, prepared once per table by one of the functions below.  Plain data: may be copied, and read by any
 * number of threads.
 */
typedef struct oc_escaper
{
	uint8_t special[256];		/* nonzero: csv = the field must be quoted; text = the byte after the backslash; json = likewise, or 'u' */
	uint8_t needle[5][16];		/* for the vector scan: special bytes, each 16 times; the fifth is csv's escape */
	uint8_t range_first[16];	/* and a range of special bytes: first, and last - first */
	uint8_t range_span[16];
	bool avx2;					/* the CPU has it */
	bool raw;					/* text with noescaping: nothing is escaped */
	bool single_column;
	char quote;					/* csv */
	char escape;
	const char *null_string;	/* csv, else NULL; the caller's, lives as long as the escaper */
	size_t null_size;
} oc_escaper;

/*
 * CSV as the server's COPY writes it.  delimiter: 1 to 10 bytes; eol: what ends a row, "" or "\n" as usual.  With a delimiter or
 * eol of several bytes a field is quoted when it has the first byte of one, so that the concatenation cannot be misread.
 * Returns false when the parameters cannot work: delimiter empty, over 10 bytes or with a line end in it, quote within delimiter or eol.
 */
extern bool oc_escaper_csv(oc_escaper *escaper, const char *delimiter, char quote, char escape, const char *null_string,
						   const char *eol, bool single_column);
/*
 * Text as the server's COPY writes it.  The first byte of delimiter and eol is escaped wherever it stands.
 * noescaping: the bytes as they are (oc_escaper_is_special tells which values then cannot be read back).
 * Returns false when the parameters cannot work: delimiter empty, over 10 bytes or with a line end in it, or (unless noescaping) a first
 * byte of delimiter or eol that means something else after a backslash: lower-case letters, digits, '.', backslash.
 */
extern bool oc_escaper_text(oc_escaper *escaper, const char *delimiter, const char *eol, bool noescaping);
/* JSON strings as the server's escape_json writes them. */
extern void oc_escaper_json(oc_escaper *escaper);

#define OC_CSV_BOUND(size)	(2 * (size_t) (size) + 2)
#define OC_TEXT_BOUND(size)	(2 * (size_t) (size))
#define OC_JSON_BOUND(size) (6 * (size_t) (size) + 2)
/* The same bounds, tight, by a look at the data: for fields so long that the others would refuse what fits. */
extern size_t oc_csv_bound(const oc_escaper *escaper, const char *data, size_t size);
extern size_t oc_text_bound(const oc_escaper *escaper, const char *data, size_t size);
extern size_t oc_json_bound(const oc_escaper *escaper, const char *data, size_t size);

/* One field, without delimiter.  A field that is NULL is not given here: the caller writes the null string itself. */
extern size_t oc_csv_field(const oc_escaper *escaper, const char *data, size_t size, bool force_quote, char *target);
extern size_t oc_text_field(const oc_escaper *escaper, const char *data, size_t size, char *target);
/* With the quotes around. */
extern size_t oc_json_string(const oc_escaper *escaper, const char *data, size_t size, char *target);

/* Does the field hold any special byte (also with noescaping)? */
extern bool oc_escaper_is_special(const oc_escaper *escaper, const char *data, size_t size);

/*
 * True when no value that the class's formatter writes can need quoting or escaping: the formatter may then write straight
 * into the row.  Asked once per column.  Always false for OC_CLASS_OTHER and OC_CLASS_TEXT.  Force_quote is the caller's business;
 * so are JSON's quotes around non-numbers (there the answer is true when the text between the quotes needs no escape).
 */
extern bool oc_class_is_plain(oc_class class, const oc_escaper *escaper);

/* ---------------------------------------------------------------- parsers */

extern bool oc_parse_bool(const char *data, size_t size, bool *value); /* t f true false 1 0 and their upper case */
extern bool oc_parse_int2(const char *data, size_t size, int16_t *value);
extern bool oc_parse_int4(const char *data, size_t size, int32_t *value);
extern bool oc_parse_int8(const char *data, size_t size, int64_t *value);
extern bool oc_parse_oid(const char *data, size_t size, uint32_t *value);
/* Correctly rounded as strtof and strtod; overflow, underflow and long digit strings that need more care give false. */
extern bool oc_parse_float4(const char *data, size_t size, float *value);
extern bool oc_parse_float8(const char *data, size_t size, double *value);

/*
 * Makes a numeric's payload (to be put behind a varlena header) at target, which has OC_NUMERIC_PAYLOAD_MAX bytes and even alignment.
 * precision 0: no typmod, scale is ignored.  Otherwise the value must fit numeric(precision, scale) without rounding
 * (else false), and gets scale as its display scale.  Text over 256 bytes, exponents and infinities give false.
 */
#define OC_NUMERIC_PAYLOAD_MAX 160
extern bool oc_parse_numeric(const char *data, size_t size, int precision, int scale, void *target, size_t *payload_size);

/* YYYY-MM-DD, infinity, -infinity. */
extern bool oc_parse_date(const char *data, size_t size, int32_t *days);
/*
 * HH:MM[:SS[.f]] with 1 to 6 digits, below 24:00.  precision: -1 or 0..6 of the column's typmod; more fraction digits than that (if
 * any of them is not 0) give false, since they would have to be rounded.
 */
extern bool oc_parse_time(const char *data, size_t size, int precision, int64_t *us);
/* YYYY-MM-DD, then nothing or a blank or T and HH:MM[:SS[.f]]; infinity, -infinity. */
extern bool oc_parse_timestamp(const char *data, size_t size, int precision, int64_t *us);
/*
 * The same with a time and an offset: Z, +HH, +HHMM, +HH:MM, +HH:MM:SS (or -); *us is UTC.  Without an offset: false.
 * Z is taken as UTC, as in every set of timezone_abbreviations that PostgreSQL ships.
 */
extern bool oc_parse_timestamptz(const char *data, size_t size, int precision, int64_t *us);
/* 8-4-4-4-12 hex digits. */
extern bool oc_parse_uuid(const char *data, size_t size, uint8_t value[16]);
/* \x and an even number of hex digits; target has (size - 2) / 2 bytes, may be scribbled on when false is returned. */
extern bool oc_parse_bytea(const char *data, size_t size, void *target, size_t *target_size);

/*
 * Is this valid UTF-8 as the server sees it: no NUL, no overlong form, no surrogate, nothing above U+10FFFF?  When not, *bad_offset (if not
 * NULL) is the offset of the first byte of the first bad character.
 */
extern bool oc_utf8_valid(const char *data, size_t size, size_t *bad_offset);
/* Characters in valid UTF-8, for varchar(n) and bpchar(n). */
extern size_t oc_utf8_length(const char *data, size_t size);

/* ---------------------------------------------------------------- values as the server keeps them */

/*
 * How a field becomes a Datum: the server's word for a value, or the address of one.  Words are sign-extended as the server's
 * macros do it; variable-length values have its little- or big-endian headers of one or four bytes.  Only for servers with words of 64 bits.
 */
typedef struct oc_conversion
{
	oc_class class;			/* OC_CLASS_OTHER: the field stays as it is */
	int precision;			/* as oc_parse_numeric, oc_parse_time and oc_parse_timestamp want it */
	int scale;
	int32_t max_chars;		/* varchar(n), bpchar(n); -1 = no limit */
	bool is_bpchar;			/* only what is padded already */
	bool utf8;				/* what characters are counted in; false: bytes */
} oc_conversion;

/* Bytes at target that oc_convert may need for a field of size bytes, alignment included; 0: none. */
extern size_t oc_convert_room(const oc_conversion *how, size_t size);
/*
 * Makes the value of a field.  target: room of oc_convert_room, 4-byte alignment; *used tells how much of it the value takes (a
 * multiple of 4).  ahead: the byte before data may be overwritten, and then a short text becomes a value where it stands.
 * false: the text needs the type's input function; nothing was taken.
 */
extern bool oc_convert(const oc_conversion *how, const char *data, size_t size, bool ahead, char *target, size_t *used, uint64_t *value);

#endif
