/*
 * test_values_server.c
 *	  The core's formatters and parsers as a filter, for test_values_server.py, which compares them with a server.
 *
 *	make ROWS SEED		writes COPY BINARY rows of random values, one column of each class
 *	format FORM OFFSET	COPY BINARY on stdin to what COPY TO writes; timestamptz get OFFSET seconds; FORM is csv, text, or one
 *						of them with unusual options: csv_odd, text_odd
 *	json			COPY BINARY on stdin to the last column as a JSON string a line
 *	parse			COPY text on stdin to COPY BINARY; a field that a parser refuses becomes empty
 *	judge			lines "class<TAB>text", class perhaps with (precision[,scale]), to what the value reads back as, or "!" where the parser refuses
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oc_value_int.h"

#define FIELD_MAX (1 << 20)

static const struct
{
	const char *name;
	oc_class class;
} columns[] = {
	{"bool", OC_CLASS_BOOL},	   {"int2", OC_CLASS_INT2},			  {"int4", OC_CLASS_INT4},
	{"int8", OC_CLASS_INT8},	   {"oid", OC_CLASS_OID},			  {"float4", OC_CLASS_FLOAT4},
	{"float8", OC_CLASS_FLOAT8},   {"numeric", OC_CLASS_NUMERIC},	  {"date", OC_CLASS_DATE},
	{"time", OC_CLASS_TIME},	   {"timetz", OC_CLASS_TIMETZ},		  {"timestamp", OC_CLASS_TIMESTAMP},
	{"timestamptz", OC_CLASS_TIMESTAMPTZ}, {"uuid", OC_CLASS_UUID},	  {"bytea", OC_CLASS_BYTEA},
	{"text", OC_CLASS_TEXT},
};
#define COLUMNS ((int) (sizeof columns / sizeof columns[0]))

static const char signature[19] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
static char source[FIELD_MAX];
static char value_text[3 * FIELD_MAX];
static char field_text[6 * FIELD_MAX];
static int offset_s;
/* of the type that judge looks at: numeric(precision,scale), time(precision) */
static int type_precision = -1;
static int type_scale;

static void
fail(const char *what)
{
	fprintf(stderr, "test_values_server: %s\n", what);
	exit(1);
}

/* ---------------------------------------------------------------- network order */

static uint64_t
get_be(const char *data, int size)
{
	uint64_t value = 0;

	for (int i = 0; i < size; i++)
		value = value << 8 | (uint8_t) data[i];
	return value;
}

static void
put_be(char *target, uint64_t value, int size)
{
	for (int i = size - 1; i >= 0; i--, value >>= 8)
		target[i] = (char) value;
}

static uint64_t
read_be(int size)
{
	char bytes[8];

	if (fread(bytes, 1, (size_t) size, stdin) != (size_t) size)
		fail("input ends too early");
	return get_be(bytes, size);
}

static void
write_be(uint64_t value, int size)
{
	char bytes[8];

	put_be(bytes, value, size);
	fwrite(bytes, 1, (size_t) size, stdout);
}

/* ---------------------------------------------------------------- numeric: wire form and stored form */

static size_t
numeric_store(const char *wire, uint16_t *target)
{
	int count = (int) get_be(wire, 2);
	int weight = (int16_t) get_be(wire + 2, 2);
	unsigned sign = (unsigned) get_be(wire + 4, 2);
	unsigned dscale = (unsigned) get_be(wire + 6, 2);
	size_t at = 0;

	if (sign >= 0xC000)
		target[at++] = (uint16_t) sign;
	else if (dscale <= 63 && weight <= 63 && weight >= -64)
		target[at++] = (uint16_t) (0x8000 | (sign ? 0x2000 : 0) | dscale << 7 | (weight & 0x7F));
	else
	{
		target[at++] = (uint16_t) (sign | dscale);
		target[at++] = (uint16_t) weight;
	}
	for (int i = 0; i < count; i++)
		target[at++] = (uint16_t) get_be(wire + 8 + 2 * i, 2);
	return at * 2;
}

static size_t
numeric_wire(const uint16_t *payload, size_t size, char *target)
{
	unsigned header = payload[0];
	bool is_short = (header & 0xC000) == 0x8000;
	bool special = (header & 0xC000) == 0xC000;
	size_t first = is_short || special ? 1 : 2;
	size_t count = size / 2 - first;
	int weight = is_short ? (int) (header & 0x3F) - (int) (header & 0x40) : special ? 0 : (int16_t) payload[1];
	unsigned sign = special ? header : is_short ? (header & 0x2000) << 1 : header & 0x4000;
	unsigned dscale = is_short ? (header & 0x1F80) >> 7 : special ? 0 : header & 0x3FFF;

	put_be(target, count, 2);
	put_be(target + 2, (uint16_t) weight, 2);
	put_be(target + 4, sign, 2);
	put_be(target + 6, dscale, 2);
	for (size_t i = 0; i < count; i++)
		put_be(target + 8 + 2 * i, payload[first + i], 2);
	return 8 + 2 * count;
}

/* ---------------------------------------------------------------- make */

static uint64_t state;

static uint64_t
random64(void)
{
	state += 0x9E3779B97F4A7C15;

	uint64_t z = state;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return z ^ z >> 31;
}

static uint64_t
below(uint64_t limit)
{
	return random64() % limit;
}

/* Random width, so that small numbers are as likely as large ones. */
static uint64_t
random_bits(int size)
{
	uint64_t value = random64() >> (64 - size * 8);

	return below(4) == 0 ? value : (uint64_t) ((int64_t) (value << (64 - size * 8)) >> (64 - size * 8 + below((uint64_t) size * 8)));
}

static uint64_t
random_double(void)
{
	double value;
	uint64_t bits;

	switch (below(6))
	{
		case 0:
			return random64();
		case 1: /* around powers of two */
			return ((random64() & 0xFFF) << 52) + below(5) - 2;
		case 2:
			value = (double) (int64_t) random_bits(8) / 100.0;
			break;
		case 3: /* around powers of ten */
			snprintf(value_text, 64, "%de%d", (int) below(100), (int) below(620) - 310);
			value = strtod(value_text, NULL);
			break;
		case 4:
			value = (double) (int32_t) random_bits(4) / 1000.0;
			break;
		default:
			value = (double) (int64_t) random_bits(8);
	}
	memcpy(&bits, &value, 8);
	return bits + below(3) - 1;
}

static uint32_t
random_float(void)
{
	float value;
	uint32_t bits;

	switch (below(4))
	{
		case 0:
			return (uint32_t) random64();
		case 1:
			return (uint32_t) (((random64() & 0x1FF) << 23) + below(5) - 2);
		case 2:
			value = (float) (int32_t) random_bits(4) / 100.0f;
			break;
		default:
			value = (float) (int32_t) random_bits(4);
	}
	memcpy(&bits, &value, 4);
	return bits;
}

static int
random_numeric(char *target)
{
	int count = (int) below(below(10) == 0 ? 90 : 6);
	int weight = (int) below(12) - 5;
	unsigned dscale = (unsigned) (count - weight > 0 ? (count - weight) * 4 : 0);

	if (below(20) == 0)
	{
		memset(target, 0, 8);
		put_be(target + 4, below(3) == 0 ? 0xC000 : below(2) ? 0xD000 : 0xF000, 2);
		return 8;
	}
	if (below(20) == 0)
		weight = (int) below(400) - 100;
	put_be(target, (uint64_t) count, 2);
	put_be(target + 2, (uint16_t) weight, 2);
	put_be(target + 4, below(2) ? 0x4000 : 0, 2);
	put_be(target + 6, dscale > 3 ? dscale - below(6) % dscale : below(5), 2);
	for (int i = 0; i < count; i++)
		put_be(target + 8 + 2 * i, below(3) == 0 ? below(10) * 1000 : below(10000), 2);
	return 8 + 2 * count;
}

static uint64_t
random_instant(void)
{
	switch (below(8))
	{
		case 0:
			return below(2) ? (uint64_t) INT64_MAX : (uint64_t) INT64_MIN;
		case 1: /* anything that a timestamp can be */
			return below(UINT64_C(9435184819200000000)) - UINT64_C(211813488000000000);
		case 2: /* around midnight */
			return (uint64_t) (((int64_t) below(80000) - 40000) * INT64_C(86400000000) + (int64_t) below(3) - 1);
		case 3:
			return (uint64_t) (((int64_t) below(4000000000) - 2000000000) * 1000000);
		default:
			return (uint64_t) ((int64_t) below(UINT64_C(2000000000000000)) - 1000000000000000);
	}
}

static uint32_t
random_day(void)
{
	switch (below(4))
	{
		case 0:
			return below(2) ? (uint32_t) INT32_MAX : (uint32_t) INT32_MIN;
		case 1:
			return (uint32_t) ((int64_t) below(2147483494) - 2451545);
		default:
			return (uint32_t) ((int64_t) below(100000) - 50000);
	}
}

static int64_t
random_zone(void)
{
	static const int units[] = {1, 60, 900, 3600};
	int unit = units[below(4)];

	return ((int64_t) below(115199) - 57599) / unit * unit;
}

static int
random_text(char *target)
{
	static const char *const pieces[] = {"a",  "bc", ",",  "\"", "\\", "\n", "\r", "\t", "\b", "\f",   "\v",
										 "\1", "\x7f", "ü", "漢", "😀", "|",  "'",  ".",  "N",	"0123456789abcdef"};
	int count = (int) below(below(10) == 0 ? 100 : 8);
	bool plain = below(2);
	int size = 0;

	for (int i = 0; i < count; i++)
	{
		const char *piece = plain ? "xyz" : pieces[below(sizeof pieces / sizeof pieces[0])];

		strcpy(target + size, piece);
		size += (int) strlen(piece);
	}
	return size;
}

static void
write_random(oc_class class)
{
	int size;

	switch (class)
	{
		case OC_CLASS_BOOL:
			write_be(1, 4);
			write_be(below(2), 1);
			return;
		case OC_CLASS_INT2:
			write_be(2, 4);
			write_be(random_bits(2), 2);
			return;
		case OC_CLASS_INT4:
		case OC_CLASS_OID:
			write_be(4, 4);
			write_be(random_bits(4), 4);
			return;
		case OC_CLASS_FLOAT4:
			write_be(4, 4);
			write_be(random_float(), 4);
			return;
		case OC_CLASS_DATE:
			write_be(4, 4);
			write_be(random_day(), 4);
			return;
		case OC_CLASS_INT8:
			write_be(8, 4);
			write_be(random_bits(8), 8);
			return;
		case OC_CLASS_FLOAT8:
			write_be(8, 4);
			write_be(random_double(), 8);
			return;
		case OC_CLASS_TIME:
		case OC_CLASS_TIMETZ:
			write_be(class == OC_CLASS_TIME ? 8 : 12, 4);
			write_be(below(3) == 0 ? below(86401) * 1000000 : below(86400000001), 8);
			if (class == OC_CLASS_TIMETZ)
				write_be((uint64_t) random_zone(), 4);
			return;
		case OC_CLASS_TIMESTAMP:
		case OC_CLASS_TIMESTAMPTZ:
			write_be(8, 4);
			write_be(random_instant(), 8);
			return;
		case OC_CLASS_NUMERIC:
			size = random_numeric(value_text);
			break;
		case OC_CLASS_UUID:
		case OC_CLASS_BYTEA:
			size = class == OC_CLASS_UUID ? 16 : (int) below(40);
			for (int i = 0; i < size; i++)
				value_text[i] = (char) random64();
			break;
		default:
			size = random_text(value_text);
	}
	write_be((uint64_t) size, 4);
	fwrite(value_text, 1, (size_t) size, stdout);
}

static void
make(long rows, uint64_t seed)
{
	state = seed;
	fwrite(signature, 1, sizeof signature, stdout);
	for (long row = 0; row < rows; row++)
	{
		write_be((uint64_t) COLUMNS, 2);
		for (int i = 0; i < COLUMNS; i++)
			write_random(columns[i].class);
	}
	write_be(0xFFFF, 2);
}

/* ---------------------------------------------------------------- format */

static size_t
format_value(oc_format_context *context, oc_class class, const char *data, size_t size, char *target)
{
	uint64_t word = size <= 8 ? get_be(data, (int) size) : 0;
	uint32_t half = (uint32_t) word;
	float single;
	double number;
	int result;

	switch (class)
	{
		case OC_CLASS_BOOL:
			return oc_format_bool(word != 0, target);
		case OC_CLASS_INT2:
			return oc_format_int2((int16_t) word, target);
		case OC_CLASS_INT4:
			return oc_format_int4((int32_t) word, target);
		case OC_CLASS_INT8:
			return oc_format_int8((int64_t) word, target);
		case OC_CLASS_OID:
			return oc_format_oid(half, target);
		case OC_CLASS_FLOAT4:
			memcpy(&single, &half, 4);
			return oc_format_float4(context, single, target);
		case OC_CLASS_FLOAT8:
			memcpy(&number, &word, 8);
			return oc_format_float8(context, number, target);
		case OC_CLASS_DATE:
			return oc_format_date(context, (int32_t) half, target);
		case OC_CLASS_TIME:
			return oc_format_time((int64_t) word, target);
		case OC_CLASS_TIMETZ:
			return oc_format_timetz((int64_t) get_be(data, 8), -(int32_t) get_be(data + 8, 4), target);
		case OC_CLASS_TIMESTAMP:
			return oc_format_timestamp(context, (int64_t) word, target);
		case OC_CLASS_TIMESTAMPTZ:
			return oc_format_timestamptz(context, (int64_t) word, offset_s, target);
		case OC_CLASS_UUID:
			return oc_format_uuid((const uint8_t *) data, target);
		case OC_CLASS_BYTEA:
			return oc_format_bytea(data, size, false, target);
		case OC_CLASS_NUMERIC:
		{
			uint16_t payload[4096];
			size_t stored = numeric_store(data, payload);
			size_t bound = oc_format_numeric_bound(payload, stored);

			result = oc_format_numeric(payload, stored, target);
			if (result < 0 || (size_t) result > bound)
				fail("numeric");
			return (size_t) result;
		}
		default:
			memcpy(target, data, size);
			return size;
	}
}

static bool
prepare_escaper(oc_escaper *escaper, const char *form)
{
	if (strcmp(form, "csv") == 0)
		return oc_escaper_csv(escaper, ",", '"', '"', "", "", false);
	if (strcmp(form, "csv_odd") == 0)
		return oc_escaper_csv(escaper, "|", '\'', '\\', "N", "", false);
	if (strcmp(form, "text") == 0)
		return oc_escaper_text(escaper, "\t", "", false);
	if (strcmp(form, "text_odd") == 0)
		return oc_escaper_text(escaper, "|", "", false);
	oc_escaper_json(escaper);
	return strcmp(form, "json") == 0;
}

/* One field in the form of the row. */
static void
write_field(const oc_escaper *escaper, const char *form, oc_class class, const char *text, size_t length)
{
	if (form[0] == 'j')
		length = oc_json_string(escaper, text, length, field_text);
	else if (oc_class_is_plain(class, escaper))
		memcpy(field_text, text, length);
	else
		length = form[0] == 'c' ? oc_csv_field(escaper, text, length, false, field_text)
								: oc_text_field(escaper, text, length, field_text);
	fwrite(field_text, 1, length, stdout);
}

static void
format(const char *form)
{
	bool json = strcmp(form, "json") == 0;
	char delimiter = strstr(form, "_odd") ? '|' : form[0] == 'c' ? ',' : '\t';
	oc_format_context context;
	oc_escaper escaper;
	char head[19];

	oc_format_context_init(&context);
	if (!prepare_escaper(&escaper, form))
		fail("escaper");
	if (fread(head, 1, 19, stdin) != 19 || memcmp(head, signature, 19) != 0)
		fail("not COPY BINARY");
	for (int count; (count = (int) (int16_t) read_be(2)) >= 0; putchar('\n'))
	{
		for (int i = 0; i < count; i++)
		{
			oc_class class = columns[i].class;
			size_t size = read_be(4);
			size_t length;

			if (size > FIELD_MAX || fread(source, 1, size, stdin) != size)
				fail("field");
			length = format_value(&context, class, source, size, value_text);
			if (json && i < count - 1)
				continue;
			if (i > 0 && !json)
				putchar(delimiter);
			write_field(&escaper, form, class, value_text, length);
		}
	}
}

/* ---------------------------------------------------------------- parse */

/* To the value's wire form; returns its size or -1. */
static long
parse_value(oc_class class, const char *text, size_t size, char *target)
{
	union
	{
		bool b;
		int16_t i2;
		int32_t i4;
		int64_t i8;
		uint32_t u4;
		float f4;
		double f8;
		uint16_t payload[OC_NUMERIC_PAYLOAD_MAX / 2];
	} value;
	size_t bytes;

	memset(&value, 0, sizeof value);
	switch (class)
	{
#define SCALAR(call, member, wire) \
	if (!(call)) \
		return -1; \
	put_be(target, (uint64_t) value.member, wire); \
	return wire
		case OC_CLASS_BOOL:
			SCALAR(oc_parse_bool(text, size, &value.b), b, 1);
		case OC_CLASS_INT2:
			SCALAR(oc_parse_int2(text, size, &value.i2), i2, 2);
		case OC_CLASS_INT4:
			SCALAR(oc_parse_int4(text, size, &value.i4), i4, 4);
		case OC_CLASS_INT8:
			SCALAR(oc_parse_int8(text, size, &value.i8), i8, 8);
		case OC_CLASS_OID:
			SCALAR(oc_parse_oid(text, size, &value.u4), u4, 4);
		case OC_CLASS_FLOAT4:
			SCALAR(oc_parse_float4(text, size, &value.f4), u4, 4);
		case OC_CLASS_FLOAT8:
			SCALAR(oc_parse_float8(text, size, &value.f8), i8, 8);
		case OC_CLASS_DATE:
			SCALAR(oc_parse_date(text, size, &value.i4), i4, 4);
		case OC_CLASS_TIME:
			SCALAR(oc_parse_time(text, size, type_precision, &value.i8), i8, 8);
		case OC_CLASS_TIMESTAMP:
			SCALAR(oc_parse_timestamp(text, size, type_precision, &value.i8), i8, 8);
		case OC_CLASS_TIMESTAMPTZ:
			SCALAR(oc_parse_timestamptz(text, size, type_precision, &value.i8), i8, 8);
#undef SCALAR
		case OC_CLASS_UUID:
			return oc_parse_uuid(text, size, (uint8_t *) target) ? 16 : -1;
		case OC_CLASS_BYTEA:
			return oc_parse_bytea(text, size, target, &bytes) ? (long) bytes : -1;
		case OC_CLASS_NUMERIC:
			if (!oc_parse_numeric(text, size, type_precision > 0 ? type_precision : 0, type_scale, value.payload, &bytes))
				return -1;
			return (long) numeric_wire(value.payload, bytes, target);
		default:
			return -1;
	}
}

static oc_class
class_of(const char *name, size_t size)
{
	const char *open = memchr(name, '(', size);

	type_precision = -1;
	type_scale = 0;
	if (open)
	{
		sscanf(open, "(%d,%d)", &type_precision, &type_scale);
		size = (size_t) (open - name);
	}
	for (int i = 0; i < COLUMNS; i++)
	{
		if (strlen(columns[i].name) == size && memcmp(columns[i].name, name, size) == 0)
			return columns[i].class;
	}
	fail("unknown class");
	return OC_CLASS_OTHER;
}

static void
judge(void)
{
	oc_format_context context;
	char *line = NULL;
	size_t capacity = 0;

	oc_format_context_init(&context);
	for (ssize_t size; (size = getline(&line, &capacity, stdin)) > 0; putchar('\n'))
	{
		char *tab = strchr(line, '\t');
		oc_class class = tab ? class_of(line, (size_t) (tab - line)) : OC_CLASS_OTHER;
		size_t length = tab ? (size_t) (line + size - tab - 2) : 0;
		char *copy = malloc(length + 1); /* so that a sanitizer sees a read beyond the field */
		long wire;

		if (!copy || !tab)
			fail("line");
		memcpy(copy, tab + 1, length);
		wire = parse_value(class, copy, length, source);
		free(copy);
		if (wire < 0)
		{
			putchar('!');
			continue;
		}
		fwrite(value_text, 1, format_value(&context, class, source, (size_t) wire, value_text), stdout);
	}
	free(line);
}

/* Each line has one field of each class in argv. */
static void
parse(int argc, char **argv)
{
	char *line = NULL;
	size_t capacity = 0;

	fwrite(signature, 1, sizeof signature, stdout);
	for (ssize_t size; (size = getline(&line, &capacity, stdin)) > 0;)
	{
		char *at = line;

		write_be((uint64_t) argc, 2);
		for (int i = 0; i < argc; i++)
		{
			size_t length = strcspn(at, "\t\n");
			/* the text format doubles the backslash, the only escape that these columns have */
			bool doubled = length > 1 && at[0] == '\\' && at[1] == '\\';
			long wire = parse_value(class_of(argv[i], strlen(argv[i])), at + doubled, length - doubled, source);

			if (wire < 0)
				wire = 0;
			write_be((uint64_t) wire, 4);
			fwrite(source, 1, (size_t) wire, stdout);
			at += length + 1;
		}
	}
	write_be(0xFFFF, 2);
	free(line);
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "make") == 0)
		make(atol(argv[2]), strtoull(argv[3], NULL, 10));
	else if (argc == 4 && strcmp(argv[1], "format") == 0)
	{
		offset_s = atoi(argv[3]);
		format(argv[2]);
	}
	else if (argc > 2 && strcmp(argv[1], "parse") == 0)
		parse(argc - 2, argv + 2);
	else if (argc == 2 && strcmp(argv[1], "json") == 0)
		format("json");
	else if (argc == 2 && strcmp(argv[1], "judge") == 0)
		judge();
	else
		fail("usage: make ROWS SEED | format FORM OFFSET | json | parse CLASS... | judge");
	return fflush(stdout) == 0 ? 0 : 1;
}
