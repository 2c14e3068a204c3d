/*
 * fuzz_split.c
 *	  Splitters on arbitrary bytes, options and pieces.
 *
 * Input: 8 bytes of options, then the object.  csv and text must agree with the slow reference; the other formats must give
 * the same rows and the same error whole and in pieces.  Fields made into values must be the same whether they may take the byte in
 * front of them or not.
 */
#include <stdint.h>
#include <stdlib.h>

#include "split_compare.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static uint64_t digest(const oc_split_options *options, const char *data, size_t size, size_t piece);
static void compare_values(oc_split_options *o, oc_split_column *columns, uint8_t choice, const char *data, size_t size, size_t piece);
static void options_of(const uint8_t *bytes, oc_split_options *o, oc_split_column *columns);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	oc_split_column columns[5];
	oc_split_options o;
	const char *object = (const char *) data + 8;
	size_t piece;

	if (size < 8)
		return 0;
	options_of(data, &o, columns);
	size -= 8;
	piece = 1 + data[7] % 100;
	if (o.format == OC_FORMAT_CSV || o.format == OC_FORMAT_TEXT)
	{
		const char *difference = compare_split(&o, object, size, data[6], piece);

		if (difference)
		{
			fprintf(stderr, "%s\n", difference);
			abort();
		}
	}
	else if (digest(&o, object, size, piece) != digest(&o, object, size, size + 1))
	{
		fprintf(stderr, "format %d: pieces of %zu give another result\n", (int) o.format, piece);
		abort();
	}
	compare_values(&o, columns, data[5], object, size, piece);
	return 0;
}

static void
options_of(const uint8_t *bytes, oc_split_options *o, oc_split_column *columns)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	static const char *const delimiters[] = {",", "\t", "|", "ab"};
	static const char *const eols[] = {"", "", "\n", "\r\n", "\r", "x", "$$"};
	static const char *const nulls[] = {"", "\\N", "nil"};

	memset(o, 0, sizeof(*o));
	memset(columns, 0, 5 * sizeof(*columns));
	for (uint32_t i = 0; i < 5; i++)
		columns[i] = (oc_split_column){.name = names[i], .needed = bytes[1] >> i & 1, .force_null = bytes[2] >> i & 1,
									   .force_not_null = bytes[3] >> i & 1, .raw_json = bytes[2] >> i & 1,
									   .position = i * 4, .length = 4};
	o->format = (oc_format) (bytes[0] % 5);
	o->columns = columns;
	o->column_count = bytes[0] / 5 % 6;
	strcpy(o->delimiter, delimiters[bytes[4] & 3]);
	strcpy(o->eol, eols[bytes[4] / 4 % 7]);
	o->null_string = nulls[bytes[4] / 28 % 3];
	o->quote = (bytes[6] & 0x1C) == 0x1C ? '\\' : '"';
	o->escape = bytes[1] & 0x20 ? '\\' : '"';
	o->header = o->format != OC_FORMAT_JSONL && o->format != OC_FORMAT_BINARY && (bytes[1] & 0x40);
	o->skip = o->format != OC_FORMAT_BINARY && (bytes[1] & 0x80);
	o->noescaping = bytes[2] & 0x20;
	o->single_line = o->noescaping && o->format == OC_FORMAT_CSV; /* the one is of text, the other of csv */
	o->ignore_extra = bytes[2] & 0x40;
	o->fill_missing = bytes[2] & 0x80;
	o->replace_illegal = bytes[3] & 0x20;
	o->validate_utf8 = bytes[3] & 0x40;
	o->csv_end_marker = bytes[6] & 1;
	o->marker_alone = bytes[6] & 2;
	o->any_bytes = (bytes[6] & 0x60) == 0x60 && !o->replace_illegal;
	o->tolerate = o->format != OC_FORMAT_BINARY && (bytes[3] & 0x80);
	o->max_row = o->format == OC_FORMAT_CSV || o->format == OC_FORMAT_TEXT ? 0 : 1000;
}

static uint64_t
add(uint64_t sum, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ ((const unsigned char *) data)[i]) * UINT64_C(1099511628211);
	return sum;
}

/* A field, or the value that was made of it: the word, or what stands at the address behind the header. */
static uint64_t
add_field(uint64_t sum, const oc_split_options *options, const oc_field *field, int place)
{
	const unsigned char *value = (const unsigned char *) (uintptr_t) oc_field_value(field);
	oc_class class = OC_CLASS_OTHER;
	uint32_t header;

	sum = add(sum, &field->size, sizeof(field->size));
	if (field->size != OC_FIELD_VALUE)
		return add(sum, field->data, field->size > 0 ? (size_t) field->size : 0);
	for (int i = 0; i < options->column_count; i++)
		if (options->columns[i].needed && place-- == 0)
			class = options->columns[i].conversion.class;
	if (class == OC_CLASS_UUID)
		return add(sum, value, 16);
	if (class != OC_CLASS_TEXT && class != OC_CLASS_NUMERIC && class != OC_CLASS_BYTEA)
		return add(sum, &field->data, sizeof(field->data));
	if (*value & 1)
		return add(sum, value + 1, (*value >> 1) - 1u);
	memcpy(&header, value, sizeof(header));
	return add(sum, value + 4, (header >> 2) - 4);
}

static void
compare_values(oc_split_options *o, oc_split_column *columns, uint8_t choice, const char *data, size_t size, size_t piece)
{
	uint64_t sums[2];

	for (int i = 0; i < 5; i++)
		columns[i].conversion = (oc_conversion){.class = (oc_class) ((choice + i * 3) % (OC_CLASS_TEXT + 1)), .precision = -1,
												.max_chars = choice & 0x80 ? 4 : -1, .utf8 = choice & 0x40, .is_bpchar = choice & 0x20};
	for (int i = 0; i < 5; i++)
		if (columns[i].conversion.class == OC_CLASS_NUMERIC)
			columns[i].conversion.precision = choice & 0x10 ? 5 : 0;
	for (int i = 0; i < 2; i++)
	{
		o->may_overwrite = i == 1;
		sums[i] = digest(o, data, size, piece);
	}
	if (sums[0] != sums[1])
	{
		fprintf(stderr, "format %d: values made in place differ\n", (int) o->format);
		abort();
	}
}

/* Of all rows and the error. */
static uint64_t
digest(const oc_split_options *options, const char *data, size_t size, size_t piece)
{
	oc_error error = {0};
	oc_splitter *s = oc_splitter_open(options, true, &error);
	uint64_t sum = UINT64_C(14695981039346656037);
	oc_status status = OC_OK;
	size_t at = 0;
	bool done = false;
	bool values = false;

	if (s == NULL)
		return 0;
	for (int i = 0; i < options->column_count; i++)
		values |= options->columns[i].conversion.class != OC_CLASS_OTHER;
	while (!done && status == OC_OK)
	{
		size_t step = size - at < piece ? size - at : piece;
		char *copy = malloc(step ? step : 1);
		oc_batch batch;
		size_t used;

		memcpy(copy, data + at, step);
		status = oc_splitter_next(s, copy, step, at + step == size, 1000, &used, &batch, &error);
		for (size_t r = 0; r < batch.row_count; r++)
		{
			const oc_row *row = &batch.rows[r];

			sum = add(sum, &row->line, sizeof(row->line));
			sum = add(sum, &row->offset, sizeof(row->offset));
			if (!values) /* what is made in place changes it */
				sum = add(sum, row->raw, row->raw_size);
			if (row->error >= 0)
				sum = add(sum, batch.errors[row->error].message, strlen(batch.errors[row->error].message));
			for (int f = 0; f < batch.field_count; f++)
				sum = add_field(sum, options, &batch.fields[r * (size_t) batch.field_count + (size_t) f], f);
		}
		done = at + step == size && used == step;
		at += used;
		free(copy);
	}
	if (status != OC_OK)
		sum = add(sum, error.message, strlen(error.message));
	oc_splitter_close(s);
	return sum;
}
