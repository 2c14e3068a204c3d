/*
 * test_split_convert.c
 *	  Fields that become values where rows are split: the same rows through a splitter that converts and one that does not.
 *
 * Each piece of data lies in a buffer of its exact size, so that a sanitizer sees a header written in front of it; pieces are kept until
 * the batch was compared, as the reader keeps them.
 */
#include "value_util.h"

#define COLUMNS 8
#define MOST_ROWS 400

static oc_split_column columns[COLUMNS];
static char data[200000];
static size_t data_size;

static const oc_conversion conversions[COLUMNS] = {
	{.class = OC_CLASS_TEXT, .max_chars = -1, .utf8 = true},
	{.class = OC_CLASS_INT4},
	{.class = OC_CLASS_TEXT, .max_chars = 5, .utf8 = true},
	{.class = OC_CLASS_NUMERIC, .precision = 12, .scale = 3},
	{.class = OC_CLASS_OTHER},
	{.class = OC_CLASS_TEXT, .max_chars = 3, .is_bpchar = true, .utf8 = true},
	{.class = OC_CLASS_BYTEA},
	{.class = OC_CLASS_FLOAT8},
};

static oc_split_options
options_of(oc_format format, bool converts, bool may_overwrite, bool tolerate)
{
	oc_split_options o = {.format = format, .columns = columns, .column_count = COLUMNS, .quote = '"', .escape = '"',
						  .validate_utf8 = true, .may_overwrite = may_overwrite, .tolerate = tolerate};

	for (int i = 0; i < COLUMNS; i++)
	{
		columns[i] = (oc_split_column){.name = "c", .needed = true};
		if (converts)
			columns[i].conversion = conversions[i];
	}
	strcpy(o.delimiter, format == OC_FORMAT_CSV ? "," : "\t");
	o.null_string = format == OC_FORMAT_CSV ? "" : "\\N";
	return o;
}

static void
add(const char *text)
{
	size_t size = strlen(text);

	memcpy(data + data_size, text, size);
	data_size += size;
}

static void
add_field(oc_format format, int column)
{
	static const char *texts[] = {"a", "", "two words", "\xC3\xA4\xC3\xB6\xC3\xBC", "abc", "abcde", "abcdef", "12", "-7", "12.5", "1e3", "0x10",
								  "\\\\x00ff", "NaN", "99999999999", "3.14159265358979"};
	char number[40];

	switch (below(8))
	{
		case 0:
			add(format == OC_FORMAT_CSV ? "" : "\\N");
			break;
		case 1: /* something that must be unescaped */
			add(format == OC_FORMAT_CSV ? "\"say \"\"hi\"\", \n now\"" : "say\\thi\\n");
			break;
		case 2:
			add(format == OC_FORMAT_CSV ? "\"quoted\"" : "unquoted");
			break;
		case 3:
			for (uint64_t i = below(3) * 60 + below(20); i > 0; i--)
				add("x");
			break;
		case 4:
			snprintf(number, sizeof(number), column == 3 ? "%d.%03d" : "%d", (int) below(2000000000), (int) below(1000));
			add(number);
			break;
		default:
			add(format == OC_FORMAT_CSV && texts[below(16)][0] == '\\' ? "x" : texts[below(16)]);
			break;
	}
}

static void
make_data(oc_format format, int rows)
{
	data_size = 0;
	for (int row = 0; row < rows; row++)
		for (int i = 0; i < COLUMNS; i++)
		{
			add_field(format, i);
			data[data_size++] = i == COLUMNS - 1 ? '\n' : format == OC_FORMAT_CSV ? ',' : '\t';
		}
}

/* The payload behind a header of one or four bytes. */
static const char *
payload_of(const char *value, size_t *size)
{
	unsigned char first = (unsigned char) *value;
	uint32_t header;

	if (first & 1)
	{
		*size = (first >> 1) - 1u;
		return value + 1;
	}
	CHECK(((uintptr_t) value & 3) == 0);
	memcpy(&header, value, 4);
	*size = (header >> 2) - 4;
	return value + 4;
}

/* Is the field's value what its text means? */
static void
check_value(const oc_conversion *how, const oc_field *plain, const oc_field *field)
{
	const char *value = (const char *) (uintptr_t) oc_field_value(field);
	char target[OC_NUMERIC_PAYLOAD_MAX];
	int32_t number;
	double real;
	size_t size;
	size_t expected;

	switch (how->class)
	{
		case OC_CLASS_TEXT:
			value = payload_of(value, &size);
			CHECK(size == (size_t) plain->size && memcmp(value, plain->data, size) == 0);
			break;
		case OC_CLASS_INT4:
			CHECK(oc_parse_int4(plain->data, (size_t) plain->size, &number) && (uint64_t) (int64_t) number == oc_field_value(field));
			break;
		case OC_CLASS_FLOAT8:
			CHECK(oc_parse_float8(plain->data, (size_t) plain->size, &real) && memcmp(&real, &field->data, 8) == 0);
			break;
		case OC_CLASS_NUMERIC:
			value = payload_of(value, &size);
			CHECK(oc_parse_numeric(plain->data, (size_t) plain->size, how->precision, how->scale, target, &expected) &&
				  expected == size && memcmp(value, target, size) == 0);
			break;
		case OC_CLASS_BYTEA:
			value = payload_of(value, &size);
			CHECK(oc_parse_bytea(plain->data, (size_t) plain->size, target, &expected) && expected == size && memcmp(value, target, size) == 0);
			break;
		default:
			CHECK(false);
	}
}

static bool
would_convert(const oc_conversion *how, const oc_field *plain)
{
	char *room = malloc(oc_convert_room(how, (size_t) plain->size) + 1);
	size_t used;
	uint64_t value;
	bool converts = oc_convert(how, plain->data, (size_t) plain->size, false, room, &used, &value);

	free(room);
	return converts;
}

static void
check_field(const oc_conversion *how, const oc_field *plain, const oc_field *field)
{
	if (field->size == OC_FIELD_VALUE)
		check_value(how, plain, field);
	else
	{
		CHECK_INT(field->size, plain->size);
		CHECK(plain->size <= 0 || memcmp(field->data, plain->data, (size_t) plain->size) == 0);
		CHECK(plain->size < 0 || !would_convert(how, plain));
	}
}

/* Splits data in pieces of random sizes and compares with the rows of the whole. */
static void
compare(oc_format format, bool may_overwrite, bool tolerate, size_t most)
{
	oc_split_options plain_options = options_of(format, false, false, tolerate);
	oc_error error = {0};
	oc_splitter *plain = oc_splitter_open(&plain_options, tolerate, &error);
	oc_split_options options = options_of(format, true, may_overwrite, tolerate);
	oc_splitter *s = oc_splitter_open(&options, tolerate, &error);
	oc_batch all;
	size_t used;
	size_t row = 0;
	size_t at = 0;

	if (!CHECK(plain && s) || !CHECK_INT(oc_splitter_next(plain, data, data_size, true, MOST_ROWS + 1, &used, &all, &error), OC_OK))
		return;
	while (at < data_size)
	{
		size_t size = 1 + below(most);
		char *piece;
		oc_batch batch;

		if (size > data_size - at)
			size = data_size - at;
		piece = exact_copy(data + at, size);
		at += size;
		CHECK_INT(oc_splitter_next(s, piece, size, at == data_size, MOST_ROWS + 1, &used, &batch, &error), OC_OK);
		CHECK_INT(used, size);
		for (size_t i = 0; i < batch.row_count; i++, row++)
			for (int column = 0; column < COLUMNS; column++)
				check_field(&conversions[column], &all.fields[row * COLUMNS + column], &batch.fields[i * COLUMNS + column]);
		if (!may_overwrite || tolerate)
			CHECK(memcmp(piece, data + at - size, size) == 0);
		free(piece);
	}
	CHECK_INT(row, all.row_count);
	oc_splitter_close(plain);
	oc_splitter_close(s);
}

/* Fixed fields stand side by side: the byte before one is another's. */
static void
test_fixed(void)
{
	oc_split_options o = options_of(OC_FORMAT_FIXED, true, true, false);
	oc_error error = {0};
	oc_splitter *s;
	oc_batch batch;
	size_t used;
	size_t size;
	char text[] = "abcdef\nghijkl\n";

	o.column_count = 2;
	for (int i = 0; i < 2; i++)
	{
		columns[i].position = 3 * (uint32_t) i;
		columns[i].length = 3;
		columns[i].conversion = conversions[0];
	}
	s = oc_splitter_open(&o, false, &error);
	CHECK_INT(oc_splitter_next(s, text, strlen(text), true, 10, &used, &batch, &error), OC_OK);
	CHECK_INT(batch.row_count, 2);
	for (int i = 0; i < 4; i++)
	{
		CHECK_INT(batch.fields[i].size, OC_FIELD_VALUE);
		CHECK(memcmp(payload_of((const char *) (uintptr_t) oc_field_value(&batch.fields[i]), &size), "abcdefghijkl" + 3 * i, 3) == 0 && size == 3);
	}
	CHECK_STR(text, "abcdef\nghijkl\n");
	oc_splitter_close(s);
}

/* Words as the server's macros make them of small and negative numbers. */
static void
test_words(void)
{
	static const struct
	{
		oc_class class;
		const char *text;
		uint64_t word;
	} cases[] = {
		{OC_CLASS_INT2, "-1", UINT64_MAX},
		{OC_CLASS_INT4, "-2147483648", UINT64_C(0xFFFFFFFF80000000)},
		{OC_CLASS_INT8, "-9223372036854775808", UINT64_C(0x8000000000000000)},
		{OC_CLASS_OID, "4294967295", UINT64_C(0xFFFFFFFF)},
		{OC_CLASS_BOOL, "t", 1},
		{OC_CLASS_BOOL, "f", 0},
		{OC_CLASS_DATE, "1999-12-31", UINT64_MAX},
		{OC_CLASS_TIME, "00:00:01", 1000000},
		{OC_CLASS_TIMESTAMP, "1999-12-31 23:59:59", (uint64_t) -1000000},
		{OC_CLASS_TIMESTAMPTZ, "2000-01-01 01:00:00+01", 0},
		{OC_CLASS_FLOAT4, "-2", UINT64_C(0xFFFFFFFFC0000000)},
		{OC_CLASS_FLOAT8, "-2", UINT64_C(0xC000000000000000)},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		oc_conversion how = {.class = cases[i].class, .precision = -1, .max_chars = -1};
		uint64_t word = 12345;
		size_t used = 99;

		CHECK_INT(oc_convert_room(&how, strlen(cases[i].text)), 0);
		CHECK(oc_convert(&how, cases[i].text, strlen(cases[i].text), false, NULL, &used, &word));
		CHECK_INT(word, cases[i].word);
		CHECK_INT(used, 0);
		CHECK(!oc_convert(&how, "what?", 5, false, NULL, &used, &word));
	}
}

static void
test_uuid(void)
{
	oc_conversion how = {.class = OC_CLASS_UUID};
	char target[16];
	uint64_t word;
	size_t used;

	CHECK_INT(oc_convert_room(&how, 36), 16);
	CHECK(oc_convert(&how, "00112233-4455-6677-8899-aabbccddeeff", 36, false, target, &used, &word));
	CHECK(word == (uint64_t) (uintptr_t) target && used == 16);
	CHECK_MEM(target, "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16);
}

int
main(void)
{
	static const oc_format formats[] = {OC_FORMAT_CSV, OC_FORMAT_TEXT};
	static const size_t sizes[] = {1, 7, 100, 5000, 200000};

	for (int format = 0; format < 2; format++)
		for (int mode = 0; mode < 4; mode++)
			for (int i = 0; i < 5; i++)
			{
				make_data(formats[format], i == 0 ? 20 : MOST_ROWS);
				compare(formats[format], mode & 1, mode & 2, sizes[i]);
			}
	test_fixed();
	test_words();
	test_uuid();
	return unit_done();
}
