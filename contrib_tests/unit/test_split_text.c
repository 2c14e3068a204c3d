/*
 * test_split_text.c
 *	  The csv and text splitters: COPY's rules case by case, and against the slow reference with fixed seeds.
 */
#include "unit.h"

#include "../fuzz/split_compare.h"

static oc_split_column columns[16];
static char all[20000]; /* the rows as text: fields joined by '|', NULL as <N>, rows ended by ';' */

static oc_split_options
options_of(oc_format format, int count)
{
	oc_split_options o = {.format = format, .columns = columns, .column_count = count, .quote = '"', .escape = '"',
						  .validate_utf8 = true};
	static const char *names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"};

	memset(columns, 0, sizeof(columns));
	for (int i = 0; i < 16; i++)
		columns[i] = (oc_split_column){.name = names[i], .needed = true};
	strcpy(o.delimiter, format == OC_FORMAT_CSV ? "," : "\t");
	o.null_string = format == OC_FORMAT_CSV ? "" : "\\N";
	return o;
}

/* Splits data in chunks of the given size; the result, or the error as "!message@line.field". */
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

/* The same result however the data are cut. */
#define CHECK_SPLIT(o, data, expected)                                            \
	do                                                                            \
	{                                                                             \
		for (size_t chunk_ = 1; chunk_ < 5; chunk_++)                             \
			CHECK_STR(split(&(o), (data), sizeof(data) - 1, chunk_), (expected)); \
		CHECK_STR(split(&(o), (data), sizeof(data) - 1, 100000), (expected));     \
	} while (0)

static void
test_csv(void)
{
	oc_split_options o = options_of(OC_FORMAT_CSV, 2);

	CHECK_SPLIT(o, "", "");
	CHECK_SPLIT(o, "1,2\n3,4\n", "1|2;3|4;");
	CHECK_SPLIT(o, "1,2\n3,4", "1|2;3|4;");
	CHECK_SPLIT(o, "1,2\r\n3,4\r\n", "1|2;3|4;");
	CHECK_SPLIT(o, "1,2\r3,4\r", "1|2;3|4;");
	CHECK_SPLIT(o, ",\"\"\n\"\",\n", "<N>|;|<N>;");
	CHECK_SPLIT(o, "\"a,b\",\"c\nd\"\n\"e\"\"f\",g\"h\"i\n", "a,b|c\nd;e\"f|ghi;");
	CHECK_SPLIT(o, "\\.,x\n\\.\n", "\\.|x;!missing data for column \"b\"@2.2");
	CHECK_SPLIT(o, "1,2,3\n", "!extra data after last expected column@1.0");
	CHECK_SPLIT(o, "1,2\n\n", "1|2;!missing data for column \"b\"@2.2");
	CHECK_SPLIT(o, "1,\"2\n3,4\n", "!unterminated CSV quoted field@1.0");
	CHECK_SPLIT(o, "1,2\n3\r,4\n", "1|2;!unquoted carriage return found in data@2.0");
	CHECK_SPLIT(o, "1,2\r\n3\n,4\r\n", "1|2;!unquoted newline found in data@2.0");
	CHECK_SPLIT(o, "1,\"x\ny\"\n3\n", "1|x\ny;!missing data for column \"b\"@3.2");
	CHECK_SPLIT(o, "\xEF\xBB\xBF" "1,2\n", "1|2;");
	CHECK_SPLIT(o, "\xEF\xBB", "!invalid byte sequence for encoding \"UTF8\": 0xef 0xbb@1.0");
	CHECK_SPLIT(o, "1,\xC3\xA4\n3,\xC3,\n", "1|\xC3\xA4;!invalid byte sequence for encoding \"UTF8\": 0xc3 0x2c@2.0");
	CHECK_SPLIT(o, "1,a\0b\n", "!invalid byte sequence for encoding \"UTF8\": 0x00@1.0");
	o.null_string = "nil";
	columns[1].force_null = true;
	columns[0].force_not_null = true;
	CHECK_SPLIT(o, "nil,\"nil\"\n\"nil\",nil\n\"nil\",\"nilx\"\n,\n", "nil|<N>;nil|<N>;nil|nilx;|;");
	o = options_of(OC_FORMAT_CSV, 2);
	o.escape = '\\';
	CHECK_SPLIT(o, "\"a\\\"b\",\"c\\\\\"\n\"\\x\",\\\n", "a\"b|c\\;\\x|\\;");
	o = options_of(OC_FORMAT_CSV, 1);
	CHECK_SPLIT(o, "\n\"\"\nx\n", "<N>;;x;");
	o = options_of(OC_FORMAT_CSV, 0);
	CHECK_SPLIT(o, "\n\n", ";;");
	CHECK_SPLIT(o, "\nx\n", ";!extra data after last expected column@2.0");
}

/* Where COPY takes a line of backslash and dot for the end of the data; with the wrong line end it is no such line. */
static void
test_csv_marker(void)
{
	oc_split_options o = options_of(OC_FORMAT_CSV, 2);

	o.csv_end_marker = true;
	CHECK_SPLIT(o, "1,2\n\\.\n3,4\n", "1|2;");
	CHECK_SPLIT(o, "1,2\r\n\\.\r\n3,4\r\n", "1|2;");
	CHECK_SPLIT(o, "1,2\n\"\\.\",x\n3,4\n", "1|2;\\.|x;3|4;");
	CHECK_SPLIT(o, "1,2\r\n\\.\n3,4\r\n", "1|2;!unquoted newline found in data@2.0");
	o = options_of(OC_FORMAT_CSV, 1);
	o.csv_end_marker = true;
	CHECK_SPLIT(o, "1\r\n\\.\n3\r\n", "1;!unquoted newline found in data@2.0");
	CHECK_SPLIT(o, "1\n\\.\r\n3\n", "1;!end-of-copy marker does not match previous newline style@2.0");
	CHECK_SPLIT(o, "1\r\\.\n3\r", "1;!end-of-copy marker does not match previous newline style@2.0");
	CHECK_SPLIT(o, "1\r\n\\.\r\r\n", "1;!end-of-copy marker does not match previous newline style@2.0");
	CHECK_SPLIT(o, "1\n\\.", "1;\\.;");
	CHECK_SPLIT(o, "1\n\\.x\n\\", "1;\\.x;\\;");
	/* the marker comes before what a quote or a delimiter makes of it */
	o.quote = o.escape = '\\';
	CHECK_SPLIT(o, "1\n\\.\n3\n", "1;");
	CHECK_SPLIT(o, "1\n\\x\n\\\n", "1;x\n;");
	o = options_of(OC_FORMAT_CSV, 2);
	o.csv_end_marker = true;
	strcpy(o.delimiter, "\\");
	CHECK_SPLIT(o, "1\\2\n\\.\n3\\4\n", "1|2;");
	o.csv_end_marker = false;
	CHECK_SPLIT(o, "1\\2\n\\.\n3\\4\n", "1|2;<N>|.;3|4;");
	o = options_of(OC_FORMAT_CSV, 2);
	o.csv_end_marker = true;
	o.header = 1;
	CHECK_SPLIT(o, "\\.\n1,2\n", "");
	o.skip = 1;
	CHECK_SPLIT(o, "\\.\na,b\n1,2\n", "1|2;");
}

/* What COPY comes to first is told: a wrong line end, or a byte that is no text. */
static void
test_first_problem(void)
{
	oc_split_options o = options_of(OC_FORMAT_CSV, 2);

	CHECK_SPLIT(o, "1,2\n3\r,\xFF\n", "1|2;!unquoted carriage return found in data@2.0");
	CHECK_SPLIT(o, "1,2\n\xFF\r,3\n", "1|2;!invalid byte sequence for encoding \"UTF8\": 0xff@2.0");
	CHECK_SPLIT(o, "1,2\r\n3\r\xFF,3\r\n", "1|2;!invalid byte sequence for encoding \"UTF8\": 0xff@2.0");
	CHECK_SPLIT(o, "1,\"2\xFF\n", "!invalid byte sequence for encoding \"UTF8\": 0xff@1.0");
	CHECK_SPLIT(o, "1,2\n3,\xE2\x82\n5,6\n", "1|2;!invalid byte sequence for encoding \"UTF8\": 0xe2 0x82 0x0a@2.0");
	o = options_of(OC_FORMAT_TEXT, 1);
	CHECK_SPLIT(o, "1\n\\.x\xFF\n", "1;!end-of-copy marker corrupt@2.0");
	CHECK_SPLIT(o, "1\n\\.\xFF\n", "1;!invalid byte sequence for encoding \"UTF8\": 0xff@2.0");
}

/* COPY takes SQL_ASCII as it stands, but what escapes make of it must be text. */
static void
test_any_bytes(void)
{
	oc_split_options o = options_of(OC_FORMAT_TEXT, 2);

	o.any_bytes = true;
	CHECK_SPLIT(o, "\xFF\tb\n\xC3\t\\x41\n", "\xFF|b;\xC3|A;");
	CHECK_SPLIT(o, "a\t\xFF\\x41\n", "a|\xFF" "A;");
	CHECK_SPLIT(o, "a\t\xFF\\303\\251\n", "!invalid byte sequence for encoding \"UTF8\": 0xff@1.2");
	CHECK_SPLIT(o, "a\0\tb\n", "!invalid byte sequence for encoding \"SQL_ASCII\": 0x00@1.0");
}

/* A row that lacks fields comes with those that it has: what is wrong with them is told first. */
static void
test_late_missing(void)
{
	oc_split_options o = options_of(OC_FORMAT_CSV, 3);
	oc_error error = {0};
	oc_splitter *s;
	oc_batch batch;
	size_t used;

	o.late_missing = true;
	columns[1].needed = false;
	s = oc_splitter_open(&o, true, &error);
	CHECK_INT(oc_splitter_next(s, "1,2,3\nx,y\n4,5,6\n7,8,9,0\n", 24, true, 100, &used, &batch, &error), OC_FAILED);
	CHECK_STR(error.message, "extra data after last expected column");
	CHECK_INT(batch.row_count, 3);
	CHECK_INT(batch.rows[0].error, -1);
	CHECK_INT(batch.rows[1].error, 0);
	CHECK_INT(batch.fields[2].data[0], 'x');
	CHECK_INT(batch.fields[3].size, -1);
	CHECK_STR(batch.errors[0].message, "missing data for column \"c\"");
	CHECK_INT(batch.errors[0].line, 2);
	CHECK_INT(batch.errors[0].field, 3);
	CHECK_INT(batch.rows[2].error, -1);
	oc_splitter_close(s);
	/* nobody could tell which row it was */
	CHECK_SPLIT(o, "1,2,3\nx,y\n", "1|3;!missing data for column \"c\"@2.3");
}

/* A table that says that fields hold no line ends: each line end ends a row, and a quote that it leaves open is an error. */
static void
test_single_line(void)
{
	oc_split_options o = options_of(OC_FORMAT_CSV, 2);

	o.single_line = true;
	CHECK_SPLIT(o, "1,\"2\"\n\"3\"\"\",4", "1|2;3\"|4;");
	CHECK_SPLIT(o, "1,2\n3,\"x\ny\"\n5,6\n", "1|2;!unterminated CSV quoted field@2.0");
	CHECK_SPLIT(o, "\"x\ny\",2\n3,4\n", "!unterminated CSV quoted field@1.0");
	CHECK_SPLIT(o, "1,2\r\n3,\"x\r\ny\"\r\n", "1|2;!unterminated CSV quoted field@2.0");
	CHECK_SPLIT(o, "1,2\r3,\"x\ry\"\r", "1|2;!unterminated CSV quoted field@2.0");
	/* any kind of line end, not just the object's */
	CHECK_SPLIT(o, "1,2\n3,\"x\ry\"\n", "1|2;!unterminated CSV quoted field@2.0");
	CHECK_SPLIT(o, "1,2\r\n3,\"x\ny\"\r\n", "1|2;!unterminated CSV quoted field@2.0");
	CHECK_SPLIT(o, "1,2\r3,\"x\ny\"\r", "1|2;!unterminated CSV quoted field@2.0");
	CHECK_SPLIT(o, "1,2\n3,\"x", "1|2;!unterminated CSV quoted field@2.0");
	o.tolerate = true;
	CHECK_SPLIT(o, "1,2\n3,\"x\ny,5\n6,\"7\"\n", "1|2;BAD(unterminated CSV quoted field);y|5;6|7;");
	o.tolerate = false;
	o.escape = '\\';
	CHECK_SPLIT(o, "1,\"a\\\"b\"\n3,\"x\\\ny\"\n", "1|a\"b;!unterminated CSV quoted field@2.0");
	o.escape = '"';
	strcpy(o.eol, "$");
	CHECK_SPLIT(o, "1,\"x\n\ry\"$3,4$5,\"a$b\"$", "1|x\n\ry;3|4;!unterminated CSV quoted field@3.0");
	strcpy(o.eol, "$#");
	CHECK_SPLIT(o, "1,\"x$\ny\"$#3,4$#5,\"a$#b\"$#", "1|x$\ny;3|4;!unterminated CSV quoted field@3.0");
	o.header = 1;
	CHECK_SPLIT(o, "\"a$#b\",c$#1,2$#", "!unterminated CSV quoted field@1.0");
	o = options_of(OC_FORMAT_CSV, 2);
	o.single_line = true;
	columns[0].needed = columns[1].needed = false;
	CHECK_SPLIT(o, "1,2\n3,\"x\ny\"\n", ";!unterminated CSV quoted field@2.0");
}

static void
test_text(void)
{
	oc_split_options o = options_of(OC_FORMAT_TEXT, 2);

	CHECK_SPLIT(o, "1\t2\n\\N\t\\\\N\n", "1|2;<N>|\\N;");
	CHECK_SPLIT(o, "a\\tb\tc\\nd\n\\b\\f\\r\\v\\q\t\\101\\x41\\x4g\\0601\n", "a\tb|c\nd;\b\f\r\vq|AA\004g01;");
	strcpy(o.delimiter, "A"); /* the digits of a number are not delimiters */
	CHECK_SPLIT(o, "x\\x4AAb\n", "xJ|b;");
	CHECK_SPLIT(o, "x\\Abc\n\\xAAy\n", "!missing data for column \"b\"@1.2");
	strcpy(o.delimiter, "\t");
	CHECK_SPLIT(o, "a\\\tb\tc\\\nd\nx\ty\n", "a\tb|c\nd;x|y;");
	CHECK_SPLIT(o, "1\t2\n\\.\ngarbage\n", "1|2;");
	CHECK_SPLIT(o, "1\t2\n\\.", "1|2;!end-of-copy marker corrupt@2.0");
	CHECK_SPLIT(o, "\\.", "!end-of-copy marker corrupt@1.0");
	CHECK_SPLIT(o, "\\.\r1\t2\r", "");
	o.header = 1;
	CHECK_SPLIT(o, "a\\.\n1\t2\n", "");
	CHECK_SPLIT(o, "a\n1\t2\\.\n3\t4\n", "1|2;3|4;");
	o.header = 0;
	CHECK_SPLIT(o, "1\t2\r\n\\.\r3\t4\r\n", "1|2;!end-of-copy marker corrupt@2.0");
	CHECK_SPLIT(o, "1\t2\r\n\\.\r\r3\t4\r\n", "1|2;!end-of-copy marker does not match previous newline style@2.0");
	CHECK_SPLIT(o, "1\t2\\.\n3\t4\n", "1|2;3|4;"); /* COPY goes on behind a row that ends so */
	CHECK_SPLIT(o, "1\t2\n\\.x\n", "1|2;!end-of-copy marker corrupt@2.0");
	CHECK_SPLIT(o, "1\t2\r\n\\.\n", "1|2;!end-of-copy marker does not match previous newline style@2.0");
	CHECK_SPLIT(o, "1\t2\r\n\\.\r\n", "1|2;");
	CHECK_SPLIT(o, "1\t2\n3\r\t4\n", "1|2;!literal carriage return found in data@2.0");
	CHECK_SPLIT(o, "1\t2\r\n3\n", "1|2;!literal newline found in data@2.0");
	CHECK_SPLIT(o, "1\t\\000\n", "!invalid byte sequence for encoding \"UTF8\": 0x00@1.2");
	CHECK_SPLIT(o, "1\t\\xc3\\xa4\n", "1|\xC3\xA4;");
	CHECK_SPLIT(o, "1\t\\xc3\n", "!invalid byte sequence for encoding \"UTF8\": 0xc3@1.2");
	CHECK_SPLIT(o, "1\t2\\", "1|2;");
	o.marker_alone = true;
	CHECK_SPLIT(o, "1\t2\\.\n3\t4\n", "!end-of-copy marker is not alone on its line@1.0");
	CHECK_SPLIT(o, "1\t2\n\\.", "1|2;!end-of-copy marker is not alone on its line@2.0");
	CHECK_SPLIT(o, "1\t2\n\\.\n", "1|2;");
	o.marker_alone = false;
	o.noescaping = true;
	CHECK_SPLIT(o, "\\N\t\\\\t\n\\.\t\\\n", "<N>|\\\\t;\\.|\\;");
	o = options_of(OC_FORMAT_TEXT, 2);
	strcpy(o.delimiter, "|@|");
	strcpy(o.eol, "$$");
	CHECK_SPLIT(o, "1|@|2$$a|@\\|b|@|$\n$$x|@|y", "1|2;a|@|b|$\n;x|y;");
	o = options_of(OC_FORMAT_TEXT, 2);
	strcpy(o.eol, ";");
	strcpy(o.delimiter, ",");
	CHECK_SPLIT(o, "1,2;3\n,\r4;", "1|2;3\n|\r4;");
}

static void
test_head(void)
{
	oc_split_options o = options_of(OC_FORMAT_CSV, 2);

	o.header = 1;
	CHECK_SPLIT(o, "x,y,z\n1,2\n", "1|2;");
	CHECK_SPLIT(o, "\"x\ny\"\n1,2\n", "1|2;");
	o.header = 2;
	CHECK_SPLIT(o, "a,\"b\"\n1,2\n", "1|2;");
	CHECK_SPLIT(o, "a,c\n1,2\n", "!column name mismatch in header line field 2: got \"c\", expected \"b\"@1.2");
	CHECK_SPLIT(o, "a,b,c\n", "!wrong number of fields in header line: got 3, expected 2@1.0");
	CHECK_SPLIT(o, "a\n", "!wrong number of fields in header line: got 1, expected 2@1.0");
	CHECK_SPLIT(o, "a,\n", "!column name mismatch in header line field 2: got null value (\"\"), expected \"b\"@1.2");
	o.skip = 2;
	CHECK_SPLIT(o, "\"title\r\n\r\na,b\r\n1,2\r\n3\r\n", "1|2;!missing data for column \"b\"@5.2");
	columns[0].needed = false;
	o.skip = 0;
	CHECK_SPLIT(o, "a,b\n1,2\n", "2;");
	columns[1].needed = false;
	CHECK_SPLIT(o, "a,b\n1,2\n3,4", ";;");
	CHECK_SPLIT(o, "a,b\n1,2\n3,4,5\n", ";!extra data after last expected column@3.0");
}

static void
test_dirty(void)
{
	oc_split_options o = options_of(OC_FORMAT_CSV, 2);

	o.tolerate = true;
	CHECK_SPLIT(o, "1,2\n3\n4,5\n6,7,8\n\xFF,1\n9,0\n",
				"1|2;BAD(missing data for column \"b\");4|5;BAD(extra data after last expected column);"
				"BAD(invalid byte sequence for encoding \"UTF8\": 0xff);9|0;");
	o.fill_missing = o.ignore_extra = o.replace_illegal = true;
	CHECK_SPLIT(o, "1,2\n3\n4,5\n6,7,8\n\xFF\xC3\xA4,1\n9,\0\n", "1|2;3|<N>;4|5;6|7;?\xC3\xA4|1;9| ;");
	o = options_of(OC_FORMAT_CSV, 1);
	o.max_row = 10;
	CHECK_SPLIT(o, "1234567890\n12345678901\n", "1234567890;!a row is longer than 10 bytes@2.0");
	CHECK_SPLIT(o, "\"123456789\n12345678901\n", "!a row is longer than 10 bytes@1.0");
}

static void
test_options(void)
{
	oc_split_options o = options_of(OC_FORMAT_CSV, 1);

	o.quote = ',';
	CHECK_SPLIT(o, "", "!the quote cannot be part of the delimiter, the eol or the null string");
	o = options_of(OC_FORMAT_CSV, 1);
	o.null_string = "a,b";
	CHECK_SPLIT(o, "", "!the null string cannot hold the delimiter, newline or carriage return");
	o = options_of(OC_FORMAT_TEXT, 1);
	o.null_string = "";
	strcpy(o.delimiter, "\\");
	CHECK_SPLIT(o, "", "!delimiter and eol cannot hold a backslash in text format");
	o.delimiter[0] = 0;
	CHECK_SPLIT(o, "", "!the delimiter must not be empty");
}

/* Random objects of few, special bytes, random options, random chunks, compared with the reference. */
static void
test_random(void)
{
	static const char *pieces[] = {",", ",", "\n", "\n", "a", "bc", "\"", "\"\"", "\"x\"", "\\", "\\N", "\\.", "\\.\n", "\r",
								   "\r\n", "\t", "\t", "12345678", "\xC3\xA4", "\xE4", "\\x41", "\\303", "\\n", ",\n",
								   "1,2,3\n", "1\t2\t3\n", "long long long long long long long long text"};
	uint64_t seed = 42;
	const char *difference = NULL;

	for (int round = 0; round < 60000 && difference == NULL; round++)
	{
		bool csv = compare_random(&seed) % 2;
		oc_split_options o = options_of(csv ? OC_FORMAT_CSV : OC_FORMAT_TEXT, (int) (compare_random(&seed) % 5));
		unsigned bits = compare_random(&seed);
		/* without the odd pieces the fast path gets its turn */
		unsigned kinds = bits & 1 ? sizeof(pieces) / sizeof(pieces[0]) : bits & 2 ? 9 : 6;
		size_t size = 0;
		static char data[60000];
		int count = (int) (compare_random(&seed) % (bits & 4 ? 400 : 20));

		for (int i = 0; i < count; i++)
		{
			const char *piece = pieces[compare_random(&seed) % kinds];

			if (!csv && kinds < 10 && piece[0] == ',')
				piece = "\t";
			if (bits & 8) /* rows of the right width, mostly */
				piece = i % 2 == 0 ? pieces[4 + compare_random(&seed) % (kinds - 4)]
					: o.column_count && i / 2 % o.column_count == o.column_count - 1 ? "\n" : csv ? "," : "\t";
			memcpy(data + size, piece, strlen(piece));
			size += strlen(piece);
		}
		o.tolerate = (bits & 0x10) != 0;
		o.fill_missing = (bits & 0x20) != 0;
		o.ignore_extra = (bits & 0x40) != 0;
		o.replace_illegal = (bits & 0x180) == 0;
		o.validate_utf8 = (bits & 0x600) != 0;
		o.header = (bits & 0x3800) == 0;
		o.skip = (bits & 0x1C000) == 0;
		o.noescaping = (bits & 0xE0000) == 0;
		o.single_line = csv && (bits >> 5) % 3 == 0;
		o.csv_end_marker = (bits >> 6) % 3 == 0;
		o.marker_alone = (bits >> 7) % 3 == 0;
		o.any_bytes = (bits >> 8) % 5 == 0 && !o.replace_illegal;
		if (csv && (bits >> 9) % 11 == 0)
			o.quote = o.escape = '\\';
		if ((bits & 0x700000) == 0)
			o.escape = '\\';
		if ((bits & 0x3800000) == 0)
			strcpy(o.delimiter, "bc");
		if ((bits & 0x1C000000) == 0)
			strcpy(o.eol, bits & 0x20000000 ? "\r\n" : bits & 0x40000000 ? "x" : "aa");
		for (int i = 0; i < o.column_count; i++)
		{
			columns[i].needed = compare_random(&seed) % 4 != 0 && !(bits & 0x80000000);
			columns[i].force_null = compare_random(&seed) % 4 == 0;
			columns[i].force_not_null = compare_random(&seed) % 4 == 0;
		}
		if (compare_random(&seed) % 8 == 0)
			for (int i = 0; i < o.column_count; i++)
				columns[i].needed = false;
		difference = compare_split(&o, data, size, seed, compare_random(&seed) % 2 ? 7 : 100000);
		if (difference)
			fprintf(stderr, "round %d: %s\n%s delimiter [%s] eol [%s] escape %c columns %d tolerate %d noescaping %d\n[%.*s]\n",
					round, difference, csv ? "csv" : "text", o.delimiter, o.eol, o.escape, o.column_count, o.tolerate,
					o.noescaping, (int) size, data);
	}
	CHECK(difference == NULL);
}

/* A row larger than any buffer, cut into small chunks. */
static void
test_giant(void)
{
	oc_split_options o = options_of(OC_FORMAT_CSV, 2);
	oc_error error = {0};
	oc_splitter *s = oc_splitter_open(&o, false, &error);
	size_t size = 20 << 20;
	size_t total = 0;
	char *chunk = malloc(65536);
	oc_batch batch;
	size_t used;

	memset(chunk, 'x', 65536);
	CHECK_INT(oc_splitter_next(s, "\"", 1, false, 100, &used, &batch, &error), OC_OK);
	for (; total < size; total += 65536)
	{
		chunk[100] = total % 3 ? '\n' : ',';
		if (oc_splitter_next(s, chunk, 65536, false, 100, &used, &batch, &error) != OC_OK || batch.row_count || used != 65536)
			break;
	}
	CHECK_INT(total, size);
	CHECK_INT(oc_splitter_next(s, "\",2\n3,4\n", 8, true, 100, &used, &batch, &error), OC_OK);
	CHECK_INT(batch.row_count, 2);
	CHECK_INT(batch.fields[0].size, size);
	CHECK_INT(batch.fields[1].size, 1);
	CHECK_INT(batch.fields[3].data[0], '4');
	free(chunk);
	oc_splitter_close(s);
}

int
main(void)
{
	test_csv();
	test_csv_marker();
	test_first_problem();
	test_any_bytes();
	test_late_missing();
	test_single_line();
	test_text();
	test_head();
	test_dirty();
	test_options();
	test_giant();
	test_random();
	return unit_done();
}
