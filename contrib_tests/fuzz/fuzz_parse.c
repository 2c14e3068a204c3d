/*
 * fuzz_parse.c
 *	  Parsers, escapers and the UTF-8 check on arbitrary fields.
 *
 * Input: one byte that says which, then the field.  What must hold, beside memory safety: what a parser accepts,
 * formatted and parsed again is the same value; an escaped field stays in its bound and, read by the rules of its format, is the
 * field again; UTF-8 that is called valid stays valid in two halves cut at its length's middle character.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oc.h"

#define TARGETS 17
#define FIELD_MAX 65536

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void must(bool condition);
static void fuzz_integer(int which, const char *field, size_t size);
static void fuzz_float(const char *field, size_t size);
static void fuzz_numeric(const char *field, size_t size, int precision, int scale);
static void fuzz_time(int which, const char *field, size_t size);
static void fuzz_binary(const char *field, size_t size);
static void fuzz_csv(const char *field, size_t size, char escape);
static void fuzz_text(const char *field, size_t size, char delimiter);
static void fuzz_json(const char *field, size_t size);
static void fuzz_utf8(const char *field, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > FIELD_MAX)
		return 0;

	int which = data[0] % TARGETS;
	char *field = malloc(size); /* of exactly its size, behind which nothing may be read */

	must(field != NULL);
	size--;
	memcpy(field, data + 1, size);
	if (which < 5)
		fuzz_integer(which, field, size);
	else if (which == 5)
		fuzz_float(field, size);
	else if (which == 6)
		fuzz_numeric(field, size, 0, 0);
	else if (which == 7)
		fuzz_numeric(field, size, 12, 3);
	else if (which < 12)
		fuzz_time(which, field, size);
	else if (which == 12)
		fuzz_binary(field, size);
	else if (which == 13)
		fuzz_csv(field, size, size % 2 ? '"' : '\\');
	else if (which == 14)
		fuzz_text(field, size, size % 2 ? '\t' : '|');
	else if (which == 15)
		fuzz_json(field, size);
	else
		fuzz_utf8(field, size);
	free(field);
	return 0;
}

static void
must(bool condition)
{
	if (!condition)
		abort();
}

/* ---------------------------------------------------------------- parsers */

static void
fuzz_integer(int which, const char *field, size_t size)
{
	char text[OC_FIXED_MAX];
	bool flag;
	bool flag_again;
	int16_t i2;
	int16_t i2_again;
	int32_t i4;
	int32_t i4_again;
	int64_t i8;
	int64_t i8_again;
	uint32_t oid;
	uint32_t oid_again;

	if (which == 0 && oc_parse_bool(field, size, &flag))
		must(oc_parse_bool(text, oc_format_bool(flag, text), &flag_again) && flag_again == flag);
	if (which == 1 && oc_parse_int2(field, size, &i2))
		must(oc_parse_int2(text, oc_format_int2(i2, text), &i2_again) && i2_again == i2);
	if (which == 2 && oc_parse_int4(field, size, &i4))
		must(oc_parse_int4(text, oc_format_int4(i4, text), &i4_again) && i4_again == i4);
	if (which == 3 && oc_parse_int8(field, size, &i8))
		must(oc_parse_int8(text, oc_format_int8(i8, text), &i8_again) && i8_again == i8);
	if (which == 4 && oc_parse_oid(field, size, &oid))
		must(oc_parse_oid(text, oc_format_oid(oid, text), &oid_again) && oid_again == oid);
}

static void
fuzz_float(const char *field, size_t size)
{
	oc_format_context context;
	char text[OC_FLOAT8_MAX];
	double number;
	double number_again;
	float single;
	float single_again;

	oc_format_context_init(&context);
	if (oc_parse_float8(field, size, &number))
		must(oc_parse_float8(text, oc_format_float8(&context, number, text), &number_again) &&
			 memcmp(&number, &number_again, sizeof number) == 0);
	if (oc_parse_float4(field, size, &single))
		must(oc_parse_float4(text, oc_format_float4(&context, single, text), &single_again) &&
			 memcmp(&single, &single_again, sizeof single) == 0);
}

static void
fuzz_numeric(const char *field, size_t size, int precision, int scale)
{
	uint16_t payload[OC_NUMERIC_PAYLOAD_MAX / 2];
	uint16_t again[OC_NUMERIC_PAYLOAD_MAX / 2];
	size_t payload_size;
	size_t again_size;

	/* any bytes as a payload: formatted within the bound or refused */
	size_t bound = oc_format_numeric_bound(field, size);
	char *text = malloc(bound + 1);

	must(text != NULL);
	if (bound > 0)
		must((size_t) oc_format_numeric(field, size, text) <= bound);
	else
		must(oc_format_numeric(field, size, text) == -1);
	free(text);

	if (!oc_parse_numeric(field, size, precision, scale, payload, &payload_size))
		return;
	bound = oc_format_numeric_bound(payload, payload_size);
	must(bound > 0 && bound < 1024);
	text = malloc(bound);
	must(text != NULL);

	int length = oc_format_numeric(payload, payload_size, text);

	must(length > 0 && (size_t) length <= bound);
	/* a leading zero before the point may make it longer than the parser takes */
	if (length <= 256)
		must(oc_parse_numeric(text, (size_t) length, precision, scale, again, &again_size) && again_size == payload_size &&
			 memcmp(again, payload, payload_size) == 0);
	free(text);
}

static void
fuzz_time(int which, const char *field, size_t size)
{
	oc_format_context context;
	char text[OC_FIXED_MAX];
	int32_t days;
	int32_t days_again;
	int64_t us;
	int64_t us_again;

	oc_format_context_init(&context);
	if (which == 8 && oc_parse_date(field, size, &days))
		must(oc_parse_date(text, oc_format_date(&context, days, text), &days_again) && days_again == days);
	if (which == 9 && oc_parse_time(field, size, -1, &us))
		must(oc_parse_time(text, oc_format_time(us, text), -1, &us_again) && us_again == us);
	if (which == 10 && oc_parse_timestamp(field, size, 3, &us))
		must(oc_parse_timestamp(text, oc_format_timestamp(&context, us, text), 3, &us_again) && us_again == us);
	if (which == 11 && oc_parse_timestamptz(field, size, -1, &us))
	{
		/* an offset can carry the first and the last day out of the years that the parser takes */
		size_t length = oc_format_timestamptz(&context, us, size % 2 ? 20712 : 0, text);

		must(length <= OC_TIMESTAMPTZ_MAX);
		if (us > INT64_C(-63082000000000000) && us < INT64_C(252455000000000000))
			must(oc_parse_timestamptz(text, length, -1, &us_again) && us_again == us);
	}
}

static void
fuzz_binary(const char *field, size_t size)
{
	uint8_t uuid[16];
	uint8_t uuid_again[16];
	char text[OC_UUID_MAX];
	char *bytes = malloc(size + 1);
	char *again = malloc(size + 1);
	char *hex = malloc(OC_BYTEA_MAX(size));
	size_t byte_count;
	size_t again_count;

	must(bytes && again && hex);
	if (oc_parse_uuid(field, size, uuid))
		must(oc_parse_uuid(text, oc_format_uuid(uuid, text), uuid_again) && memcmp(uuid, uuid_again, 16) == 0);
	if (oc_parse_bytea(field, size, bytes, &byte_count))
		must(oc_parse_bytea(hex, oc_format_bytea(bytes, byte_count, false, hex), again, &again_count) &&
			 again_count == byte_count && memcmp(again, bytes, byte_count) == 0);
	/* and any bytes as a value */
	must(oc_parse_bytea(hex, oc_format_bytea(field, size, false, hex), again, &again_count) && again_count == size &&
		 memcmp(again, field, size) == 0);
	free(bytes);
	free(again);
	free(hex);
}

/* ---------------------------------------------------------------- escapers */

static void
fuzz_csv(const char *field, size_t size, char escape)
{
	oc_escaper escaper;
	char *target = malloc(OC_CSV_BOUND(size));
	size_t written;
	size_t at = 0;

	must(target && oc_escaper_csv(&escaper, ",", '"', escape, "", "", true));
	written = oc_csv_field(&escaper, field, size, false, target);
	must(written <= OC_CSV_BOUND(size));
	if (written == 0 || target[0] != '"')
	{
		must(size > 0 && written == size && memcmp(target, field, size) == 0);
		must(!memchr(field, ',', size) && !memchr(field, '"', size) && !memchr(field, '\n', size) && !memchr(field, '\r', size));
	}
	else
	{
		must(target[written - 1] == '"');
		for (size_t i = 1; i < written - 1; i++, at++)
		{
			if (target[i] == '"' || target[i] == escape)
			{
				must(target[i] == escape && i + 1 < written - 1);
				i++;
			}
			must(at < size && target[i] == field[at]);
		}
		must(at == size);
	}
	free(target);
}

static void
fuzz_text(const char *field, size_t size, char delimiter)
{
	static const char names[] = "btnvfr";
	oc_escaper escaper;
	char delimiters[2] = {delimiter, '\0'};
	char *target = malloc(OC_TEXT_BOUND(size) + 1);
	size_t written;
	size_t at = 0;

	must(target && oc_escaper_text(&escaper, delimiters, "", false));
	written = oc_text_field(&escaper, field, size, target);
	must(written <= OC_TEXT_BOUND(size));
	for (size_t i = 0; i < written; i++, at++)
	{
		char byte = target[i];

		must(byte != delimiter && byte != '\n' && byte != '\r');
		if (byte == '\\')
		{
			const char *name;

			must(++i < written);
			byte = target[i];
			name = byte ? strchr(names, byte) : NULL;
			if (name)
				byte = (char) (8 + (name - names));
		}
		must(at < size && byte == field[at]);
	}
	must(at == size);
	free(target);
}

static void
fuzz_json(const char *field, size_t size)
{
	oc_escaper escaper;
	char *target = malloc(OC_JSON_BOUND(size));
	size_t written;

	oc_escaper_json(&escaper);
	must(target != NULL);
	written = oc_json_string(&escaper, field, size, target);
	must(written >= size + 2 && written <= OC_JSON_BOUND(size) && target[0] == '"' && target[written - 1] == '"');
	for (size_t i = 1; i < written - 1; i++)
	{
		must((uint8_t) target[i] >= 0x20 && target[i] != '"');
		if (target[i] == '\\')
			must(++i < written - 1 && strchr("\"\\bfnrtu", target[i]));
	}
	must((written == size + 2) == !oc_escaper_is_special(&escaper, field, size));
	free(target);
}

static void
fuzz_utf8(const char *field, size_t size)
{
	size_t bad = SIZE_MAX;
	size_t middle = size / 2;

	if (!oc_utf8_valid(field, size, &bad))
	{
		must(bad < size && oc_utf8_valid(field, bad, NULL));
		return;
	}
	must(oc_utf8_length(field, size) <= size);
	while (middle > 0 && ((uint8_t) field[middle] & 0xC0) == 0x80)
		middle--;
	must(oc_utf8_valid(field, middle, NULL) && oc_utf8_valid(field + middle, size - middle, NULL));
	must(oc_utf8_length(field, middle) + oc_utf8_length(field + middle, size - middle) == oc_utf8_length(field, size));
}
