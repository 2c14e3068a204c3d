/*
 * test_split_other.c
 *	  The binary, fixed and JSON lines splitters, case by case, however the data are cut.
 */
#include "unit.h"

#include <stdlib.h>

#include "oc.h"

static oc_split_column columns[3];
static char all[20000]; /* fields joined by '|', NULL as <N>, rows ended by ';', then "!message@line.field" */

static oc_split_options
options_of(oc_format format, int count)
{
	static const char *const names[] = {"a", "b\"x", "c"};
	oc_split_options o = {.format = format, .columns = columns, .column_count = count, .null_string = "",
						  .validate_utf8 = format != OC_FORMAT_BINARY};

	for (uint32_t i = 0; i < 3; i++)
		columns[i] = (oc_split_column){.name = names[i], .needed = true, .position = 3 * i, .length = 3};
	return o;
}

static const char *
split(const oc_split_options *o, const char *data, size_t size, size_t chunk)
{
	oc_error error = {0};
	oc_splitter *s = oc_splitter_open(o, o->tolerate, &error);
	size_t at = 0;
	char *to = all;

	*to = 0;
	if (s == NULL)
	{
		snprintf(all, sizeof(all), "!%s", error.message);
		return all;
	}
	for (bool last = false; !last;)
	{
		size_t step = chunk < size - at ? chunk : size - at;
		size_t used;
		oc_batch batch;
		oc_status status;

		last = at + step == size;
		status = oc_splitter_next(s, data + at, step, last, 1000, &used, &batch, &error);
		for (size_t r = 0; r < batch.row_count; r++)
		{
			if (o->tolerate && batch.rows[r].error >= 0)
				to += sprintf(to, "BAD(%s)", batch.errors[batch.rows[r].error].message);
			else
				for (int f = 0; f < batch.field_count; f++)
				{
					const oc_field *field = &batch.fields[r * (size_t) batch.field_count + (size_t) f];

					to += sprintf(to, "%s%.*s", f ? "|" : "", field->size < 0 ? 3 : field->size,
								  field->size < 0 ? "<N>" : field->data);
				}
			to += sprintf(to, ";");
		}
		if (status != OC_OK)
		{
			sprintf(to, "!%s@%d.%d", error.message, (int) error.line, error.field);
			break;
		}
		at += used;
	}
	oc_splitter_close(s);
	return all;
}

#define CHECK_SPLIT(o, data, expected)                                            \
	do                                                                            \
	{                                                                             \
		for (size_t chunk_ = 1; chunk_ < 5; chunk_++)                             \
			CHECK_STR(split(&(o), (data), sizeof(data) - 1, chunk_), (expected)); \
		CHECK_STR(split(&(o), (data), sizeof(data) - 1, 100000), (expected));     \
	} while (0)

#define HEAD "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
#define ROW "\0\2\0\0\0\3abc\0\0\0\0"
#define END "\377\377"

static void
test_binary(void)
{
	oc_split_options o = options_of(OC_FORMAT_BINARY, 2);

	CHECK_SPLIT(o, HEAD ROW "\0\2\377\377\377\377\0\0\0\1\n" END, "abc|;<N>|\n;");
	CHECK_SPLIT(o, HEAD ROW, "abc|;");
	CHECK_SPLIT(o, HEAD END, "");
	CHECK_SPLIT(o, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\2xy" ROW END, "abc|;");
	CHECK_SPLIT(o, HEAD END "x", "!received copy data after EOF marker@2.0");
	CHECK_SPLIT(o, HEAD ROW "\0\2\0\0", "abc|;!unexpected EOF in COPY data@2.0");
	CHECK_SPLIT(o, HEAD ROW "\0\2\0\0\0\5abc", "abc|;!unexpected EOF in COPY data@2.0");
	CHECK_SPLIT(o, HEAD ROW "\0", "abc|;!unexpected EOF in COPY data@2.0");
	CHECK_SPLIT(o, HEAD "\0\3\0\0\0\3abc", "!row field count is 3, expected 2@1.0");
	CHECK_SPLIT(o, HEAD "\0\2\377\377\377\376", "!invalid field size@1.0");
	CHECK_SPLIT(o, "PGCOPX\n\377\r\n\0\0\0\0\0\0\0\0\0", "!COPY file signature not recognized@1.0");
	CHECK_SPLIT(o, "PGCOPY", "!COPY file signature not recognized@1.0");
	CHECK_SPLIT(o, "PGCOPY\n\377\r\n\0\0\0", "!invalid COPY file header (missing flags)@1.0");
	CHECK_SPLIT(o, "PGCOPY\n\377\r\n\0\0\1\0\0\0\0\0\0", "!invalid COPY file header (WITH OIDS)@1.0");
	CHECK_SPLIT(o, "PGCOPY\n\377\r\n\0\0\2\0\0\0\0\0\0", "!unrecognized critical flags in COPY file header@1.0");
	CHECK_SPLIT(o, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0", "!invalid COPY file header (missing length)@1.0");
	CHECK_SPLIT(o, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\2x", "!invalid COPY file header (wrong length)@1.0");
	columns[0].needed = false;
	CHECK_SPLIT(o, HEAD ROW END, ";");
	o.header = 1;
	CHECK_SPLIT(o, "", "!binary data have no header lines, no lines to skip and no rows to reject");
}

static void
test_fixed(void)
{
	oc_split_options o = options_of(OC_FORMAT_FIXED, 3);

	CHECK_SPLIT(o, "aaabbbccc\n a  b \xC3\xA4  \n", "aaa|bbb|ccc; a| b|\xC3\xA4;");
	CHECK_SPLIT(o, "aaabbbc\r\n         \r\n", "aaa|bbb|c;<N>|<N>|<N>;");
	CHECK_SPLIT(o, "aaabbb\n", "!missing data for column \"c\"@1.3");
	CHECK_SPLIT(o, "aaabbbccc  \naaabbbcccd\n", "aaa|bbb|ccc;!extra data after last expected column@2.0");
	o.fill_missing = o.ignore_extra = true;
	o.null_string = "nil";
	CHECK_SPLIT(o, "aaa\nnilbbbcccddd\n\n", "aaa|<N>|<N>;<N>|bbb|ccc;<N>|<N>|<N>;");
	o = options_of(OC_FORMAT_FIXED, 3);
	columns[0].position = 6;
	columns[2].position = 0;
	columns[1].needed = false;
	o.header = 1;
	CHECK_SPLIT(o, "any\naaabbbccc", "ccc|aaa;");
}

static void
test_json(void)
{
	oc_split_options o = options_of(OC_FORMAT_JSONL, 3);

	CHECK_SPLIT(o, "{\"a\":1,\"b\\\"x\":\"two\",\"c\":true}\n{}\r\n\n  \n{ \"c\" : [1, {\"x\":\"]\"}] , \"z\":0, \"a\":null }",
				"1|two|true;<N>|<N>|<N>;<N>|<N>|[1, {\"x\":\"]\"}];");
	CHECK_SPLIT(o, "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\u20AC\\uD83D\\uDE00\"}\n",
				"\"\\/\b\f\n\r\tA\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80|<N>|<N>;");
	CHECK_SPLIT(o, "{\"a\":1,\"a\":-0.5e+7}\n", "-0.5e+7|<N>|<N>;");
	columns[0].raw_json = true;
	CHECK_SPLIT(o, "{\"a\":\"x\\n\"}\n", "\"x\\n\"|<N>|<N>;");
	columns[0].raw_json = false;
	o.tolerate = true;
	CHECK_SPLIT(o, "[]\n{\"a\":01}\n{\"a\":1.}\n{\"a\":\"\\ud800\"}\n{\"a\":\"\\u0000\"}\n{\"a\":\"\\x\"}\n{\"a\":1} x\n{\"a\":1,}\n{\"a\"\n"
				"{\"a\":[1,2}\n{\"a\":\"\t\"}\n{\"a\":tru}\n{\"a\":2}\n",
				"BAD(invalid JSON at byte 1 of the line: an object is expected);"
				"BAD(invalid JSON at byte 8 of the line: a number begins with 0);"
				"BAD(invalid JSON at byte 8 of the line: a digit is expected);"
				"BAD(invalid JSON at byte 7 of the line: a surrogate stands alone);"
				"BAD(invalid JSON at byte 7 of the line: \\u0000 cannot be converted to text);"
				"BAD(invalid JSON at byte 8 of the line: an unknown escape sequence);"
				"BAD(invalid JSON at byte 9 of the line: nothing may follow the object);"
				"BAD(invalid JSON at byte 8 of the line: a string is expected);"
				"BAD(invalid JSON at byte 5 of the line: a colon is expected);"
				"BAD(invalid JSON at byte 10 of the line: a comma or ] is expected);"
				"BAD(invalid JSON at byte 7 of the line: a control character in a string must be escaped);"
				"BAD(invalid JSON at byte 6 of the line: a value is expected);2|<N>|<N>;");
	o = options_of(OC_FORMAT_JSONL, 1);
	{
		char deep[3000];

		memset(deep, '[', sizeof(deep));
		memcpy(deep, "{\"a\":", 5);
		CHECK_STR(split(&o, deep, sizeof(deep), 100000),
				  "!invalid JSON at byte 518 of the line: the nesting is too deep@1.0");
	}
	o.header = 1;
	CHECK_SPLIT(o, "", "!JSON lines have no header");
}

int
main(void)
{
	test_binary();
	test_fixed();
	test_json();
	return unit_done();
}
