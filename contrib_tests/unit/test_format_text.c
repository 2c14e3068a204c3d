/*
 * test_format_text.c
 *	  CSV, COPY text and JSON escaping: known answers, then random fields against byte-at-a-time models, at every size
 *	  around the vectors' and at every alignment.
 */
#include "value_util.h"

static char expected[4096];
static char actual[4096];

/* ---------------------------------------------------------------- models: straight from the rules of COPY */

static size_t
model_csv(const char *data, size_t size, const char *stops, char quote, char escape, const char *null_string, bool single,
		  bool force)
{
	bool quoted = force || (size == strlen(null_string) && memcmp(data, null_string, size) == 0) ||
				  (single && size == 2 && memcmp(data, "\\.", 2) == 0);
	size_t at = 0;

	for (size_t i = 0; i < size; i++)
		quoted |= data[i] == quote || (data[i] && strchr(stops, data[i]));
	if (quoted)
		expected[at++] = quote;
	for (size_t i = 0; i < size; i++)
	{
		if (quoted && (data[i] == quote || data[i] == escape))
			expected[at++] = escape;
		expected[at++] = data[i];
	}
	if (quoted)
		expected[at++] = quote;
	return at;
}

static size_t
model_text(const char *data, size_t size, char delimiter)
{
	size_t at = 0;

	for (size_t i = 0; i < size; i++)
	{
		const char *named = data[i] ? strchr("\bb\ff\nn\rr\tt\vv", data[i]) : NULL;

		if (named && data[i] < ' ')
		{
			expected[at++] = '\\';
			expected[at++] = named[1];
			continue;
		}
		if (data[i] == '\\' || data[i] == delimiter)
			expected[at++] = '\\';
		expected[at++] = data[i];
	}
	return at;
}

static size_t
model_json(const char *data, size_t size)
{
	size_t at = 0;

	expected[at++] = '"';
	for (size_t i = 0; i < size; i++)
	{
		const char *named = data[i] ? strchr("\bb\ff\nn\rr\tt", data[i]) : NULL;

		if (named && data[i] < ' ')
			at += (size_t) sprintf(expected + at, "\\%c", named[1]);
		else if ((unsigned char) data[i] < ' ')
			at += (size_t) sprintf(expected + at, "\\u%04x", data[i]);
		else if (data[i] == '"' || data[i] == '\\')
			at += (size_t) sprintf(expected + at, "\\%c", data[i]);
		else
			expected[at++] = data[i];
	}
	expected[at++] = '"';
	return at;
}

/* ---------------------------------------------------------------- comparison */

typedef size_t (*field_writer)(const oc_escaper *escaper, const char *data, size_t size, char *target);

static size_t
csv_unforced(const oc_escaper *escaper, const char *data, size_t size, char *target)
{
	return oc_csv_field(escaper, data, size, false, target);
}

static size_t
csv_forced(const oc_escaper *escaper, const char *data, size_t size, char *target)
{
	return oc_csv_field(escaper, data, size, true, target);
}

/* The target is exactly as large as the tight bound, so that a sanitizer sees scribbling beyond it. */
static void
compare(field_writer writer, const oc_escaper *escaper, const char *data, size_t size, size_t bound, size_t expected_size)
{
	char *copy = exact_copy(data, size);
	char *target = malloc(bound ? bound : 1);
	size_t written = writer(escaper, copy, size, target);

	CHECK(written <= bound);
	CHECK_INT(written, expected_size);
	if (!CHECK(memcmp(target, expected, expected_size) == 0))
		fprintf(stderr, "    field [%.*s] written as [%.*s]\n", (int) size, data, (int) written, target);
	free(copy);
	free(target);
}

static void
compare_all(const char *data, size_t size)
{
	oc_escaper escaper;

	CHECK(oc_escaper_csv(&escaper, ",", '"', '"', "", "", false));
	CHECK(oc_csv_bound(&escaper, data, size) <= OC_CSV_BOUND(size));
	CHECK(oc_escaper_text(&escaper, "\t", "", false));
	CHECK(oc_text_bound(&escaper, data, size) <= OC_TEXT_BOUND(size));
	oc_escaper_json(&escaper);
	CHECK(oc_json_bound(&escaper, data, size) <= OC_JSON_BOUND(size));
	CHECK(oc_escaper_csv(&escaper, ",", '"', '"', "", "", false));
	compare(csv_unforced, &escaper, data, size, oc_csv_bound(&escaper, data, size),
			model_csv(data, size, ",\n\r", '"', '"', "", false, false));
	compare(csv_forced, &escaper, data, size, oc_csv_bound(&escaper, data, size), model_csv(data, size, ",\n\r", '"', '"', "", false, true));
	CHECK(oc_escaper_csv(&escaper, "|", '\'', '\\', "NULL", "\n", true));
	compare(csv_unforced, &escaper, data, size, oc_csv_bound(&escaper, data, size),
			model_csv(data, size, "|\n\r", '\'', '\\', "NULL", true, false));
	/* several bytes: the first of each makes a field quoted */
	CHECK(oc_escaper_csv(&escaper, "||", '"', '"', "", "#END", false));
	compare(csv_unforced, &escaper, data, size, oc_csv_bound(&escaper, data, size),
			model_csv(data, size, "|#\n\r", '"', '"', "", false, false));
	CHECK(oc_escaper_text(&escaper, "\t", "", false));
	compare(oc_text_field, &escaper, data, size, oc_text_bound(&escaper, data, size), model_text(data, size, '\t'));
	CHECK(oc_escaper_text(&escaper, "\1", "\n", false));
	compare(oc_text_field, &escaper, data, size, oc_text_bound(&escaper, data, size), model_text(data, size, '\1'));
	CHECK(oc_escaper_text(&escaper, ",", "\r\n", true));
	memcpy(expected, data, size);
	compare(oc_text_field, &escaper, data, size, oc_text_bound(&escaper, data, size), size);
	oc_escaper_json(&escaper);
	compare(oc_json_string, &escaper, data, size, oc_json_bound(&escaper, data, size), model_json(data, size));
}

static void
check_random(void)
{
	static const char alphabet[] = "ab,\"\\\n\r\t\b\f\v\1\x1f|#'.~\x7f\x80\xff ";
	char data[300];

	for (int round = 0; round < 12000; round++)
	{
		size_t size = below(round % 4 == 0 ? 300 : 40);
		uint64_t rarity = 1 + below(60);

		for (size_t i = 0; i < size; i++)
			data[i] = below(rarity) == 0 ? alphabet[below(sizeof alphabet - 1)] : 'x';
		compare_all(data, size);
	}
	/* one special byte at each place of each size */
	for (size_t size = 1; size < 140; size++)
	{
		for (size_t place = 0; place < size; place++)
		{
			memset(data, 'x', size);
			data[place] = alphabet[(size + place) % (sizeof alphabet - 1)];
			compare_all(data, size);
		}
	}
	for (int byte = 1; byte < 256; byte++)
	{
		data[0] = (char) byte;
		compare_all(data, 1);
	}
	compare_all("NULL", 4);
	compare_all("\\.", 2);
	compare_all("", 0);
}

/* ---------------------------------------------------------------- preparation */

static void
check_preparation(void)
{
	oc_escaper escaper;

	CHECK(!oc_escaper_csv(&escaper, "", '"', '"', "", "", false));
	CHECK(!oc_escaper_csv(&escaper, "12345678901", '"', '"', "", "", false));
	CHECK(oc_escaper_csv(&escaper, "1234567890", '"', '"', "", "", false));
	CHECK(!oc_escaper_csv(&escaper, "\"", '"', '"', "", "", false));
	CHECK(!oc_escaper_csv(&escaper, ",", '"', '"', "", "a\"", false));
	CHECK(!oc_escaper_csv(&escaper, ",\n", '"', '"', "", "", false));
	CHECK(!oc_escaper_csv(&escaper, ",", '\0', '"', "", "", false));
	CHECK(!oc_escaper_text(&escaper, "", "", false));
	CHECK(!oc_escaper_text(&escaper, "n", "", false));
	CHECK(!oc_escaper_text(&escaper, "\\", "", false));
	CHECK(!oc_escaper_text(&escaper, "|", "end", false));
	CHECK(!oc_escaper_text(&escaper, "\r", "", false));
	CHECK(oc_escaper_text(&escaper, "n", "end", true));
	CHECK(oc_escaper_is_special(&escaper, "xxn", 3));
	CHECK(oc_escaper_is_special(&escaper, "xxe", 3));
	CHECK(oc_escaper_is_special(&escaper, "x\nx", 3));
	CHECK(oc_escaper_is_special(&escaper, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxn", 72));
	CHECK(!oc_escaper_is_special(&escaper, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 72));
	CHECK(!oc_escaper_is_special(&escaper, "x\\x\tx", 5));
	CHECK(!oc_escaper_is_special(&escaper, "", 0));
}

static void
check_plain(void)
{
	oc_escaper escaper;

	CHECK(oc_escaper_csv(&escaper, ",", '"', '"', "", "", false));
	for (int class = OC_CLASS_BOOL; class <= OC_CLASS_BYTEA; class++)
		CHECK(oc_class_is_plain((oc_class) class, &escaper));
	CHECK(!oc_class_is_plain(OC_CLASS_TEXT, &escaper));
	CHECK(!oc_class_is_plain(OC_CLASS_OTHER, &escaper));
	CHECK(oc_escaper_csv(&escaper, ",", '"', '"', "NULL", "", false));
	CHECK(oc_class_is_plain(OC_CLASS_NUMERIC, &escaper));
	CHECK(oc_escaper_csv(&escaper, ",", '"', '"', "NaN", "", false));
	CHECK(!oc_class_is_plain(OC_CLASS_NUMERIC, &escaper));
	CHECK(!oc_class_is_plain(OC_CLASS_FLOAT8, &escaper));
	CHECK(oc_class_is_plain(OC_CLASS_INT4, &escaper));
	CHECK(oc_escaper_csv(&escaper, "-", '"', '"', "0", "", false));
	CHECK(!oc_class_is_plain(OC_CLASS_INT4, &escaper));
	CHECK(!oc_class_is_plain(OC_CLASS_DATE, &escaper));
	CHECK(oc_class_is_plain(OC_CLASS_BOOL, &escaper));
	CHECK(oc_escaper_csv(&escaper, ",", 't', 't', "", "", false));
	CHECK(!oc_class_is_plain(OC_CLASS_BOOL, &escaper));
	CHECK(oc_escaper_text(&escaper, "\t", "", false));
	CHECK(!oc_class_is_plain(OC_CLASS_BYTEA, &escaper));
	CHECK(oc_class_is_plain(OC_CLASS_TIMESTAMPTZ, &escaper));
	CHECK(oc_escaper_text(&escaper, " ", "", false));
	CHECK(!oc_class_is_plain(OC_CLASS_TIMESTAMPTZ, &escaper));
	CHECK(oc_class_is_plain(OC_CLASS_UUID, &escaper));
	CHECK(oc_escaper_text(&escaper, " ", "", true));
	CHECK(oc_class_is_plain(OC_CLASS_TIMESTAMPTZ, &escaper));
	oc_escaper_json(&escaper);
	CHECK(oc_class_is_plain(OC_CLASS_TIMESTAMPTZ, &escaper));
	CHECK(!oc_class_is_plain(OC_CLASS_BYTEA, &escaper));
}

static void
check_known(void)
{
	oc_escaper escaper;

	CHECK(oc_escaper_csv(&escaper, ",", '"', '"', "", "", false));
	actual[oc_csv_field(&escaper, "say \"hi\", he said\n", 18, false, actual)] = '\0';
	CHECK_STR(actual, "\"say \"\"hi\"\", he said\n\"");
	actual[oc_csv_field(&escaper, "", 0, false, actual)] = '\0';
	CHECK_STR(actual, "\"\"");
	actual[oc_csv_field(&escaper, "\\.", 2, false, actual)] = '\0';
	CHECK_STR(actual, "\\.");
	CHECK(oc_escaper_text(&escaper, "\t", "", false));
	actual[oc_text_field(&escaper, "a\tb\\c\nd\1", 8, actual)] = '\0';
	CHECK_STR(actual, "a\\tb\\\\c\\nd\1");
	oc_escaper_json(&escaper);
	actual[oc_json_string(&escaper, "a\"b\\c\nd\1\x1f/\x7f", 11, actual)] = '\0';
	CHECK_STR(actual, "\"a\\\"b\\\\c\\nd\\u0001\\u001f/\x7f\"");
}

int
main(void)
{
	check_known();
	check_random();
	check_preparation();
	check_plain();
	return unit_done();
}
