/*
 * import_infer.c
 *	  Columns from a sample: names from the header or the JSON keys, types from the values.
 *
 * sample text -> the core's splitter (csv, text) or jsonb (jsonl) -> each value narrows its column's possible types -> the narrowest
 * that all values fit.  In doubt the type is text, which always reads.
 */
#include "import.h"

#include <ctype.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#define SAMPLE_ROWS 10000
#define SAMPLE_JSON_ROWS 1000

/* types that all values seen so far fit */
enum
{
	FITS_BOOL = 1,
	FITS_BIGINT = 2,
	FITS_NUMERIC = 4,
	FITS_DOUBLE = 8,
	FITS_DATE = 16,
	FITS_TIMESTAMP = 32,
	FITS_TIMESTAMPTZ = 64,
	FITS_JSON = 128,	/* jsonl: an object or array was seen, or nothing else was */
	FITS_ALL = 127,
};

typedef struct Candidate
{
	char *name;		/* jsonl: the key */
	int fits;
	bool any;		/* a value other than NULL was seen */
} Candidate;

static void guess_delimited(Guess *guess, char *text, size_t size, bool whole);
static void guess_jsonl(Guess *guess, const char *text, size_t size, bool whole);
static char *guess_delimiter(const char *text, size_t size, char quote);
static int count_fields(const Guess *guess, const char *text, size_t size);
static int fits_of(const char *data, size_t size);
static const char *type_of(const Candidate *candidate);
static bool looks_like_header(const oc_batch *batch, const Candidate *candidates);
static char *valid_name(const char *source, List *columns);
static int format_of_name(const char *key);

void
oss_guess_columns(Guess *guess, const char *key, char *text, size_t size, bool whole)
{
	if (guess->format < 0)
		guess->format = format_of_name(key);
	/* a cut last line would look like anything */
	if (!whole)
		while (size > 0 && text[size - 1] != '\n')
			size--;
	if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
	{
		text += 3;
		size -= 3;
	}
	if (guess->format == OC_FORMAT_JSONL)
		guess_jsonl(guess, text, size, whole);
	else
		guess_delimited(guess, text, size, whole);
}

/* x.csv.gz -> csv; what is not known is csv */
static int
format_of_name(const char *key)
{
	static const char *const codecs[] = {".gz", ".zst", ".lz4", ".bz2", ".xz", ".deflate", ".sz", NULL};
	char *name = pstrdup(key);
	char *dot = strrchr(name, '.');

	for (int i = 0; dot && codecs[i]; i++)
		if (pg_strcasecmp(dot, codecs[i]) == 0)
		{
			*dot = '\0';
			dot = strrchr(name, '.');
			break;
		}
	if (dot == NULL)
		return OC_FORMAT_CSV;
	if (pg_strcasecmp(dot, ".txt") == 0 || pg_strcasecmp(dot, ".tsv") == 0 || pg_strcasecmp(dot, ".tab") == 0)
		return OC_FORMAT_TEXT;
	if (pg_strcasecmp(dot, ".jsonl") == 0 || pg_strcasecmp(dot, ".ndjson") == 0 || pg_strcasecmp(dot, ".json") == 0)
		return OC_FORMAT_JSONL;
	return OC_FORMAT_CSV;
}

/* ---- csv and text */

static void
guess_delimited(Guess *guess, char *text, size_t size, bool whole)
{
	bool csv = guess->format == OC_FORMAT_CSV;
	oc_split_options split = {0};
	oc_split_column *columns;
	oc_splitter *splitter;
	Candidate *candidates;
	oc_batch batch;
	oc_error error;
	oc_status status;
	size_t consumed;
	int count;

	if (guess->delimiter == NULL)
		guess->delimiter = csv ? guess_delimiter(text, size, guess->quote[0]) : pstrdup("\t");
	count = count_fields(guess, text, size);
	columns = palloc0(sizeof(oc_split_column) * count);
	candidates = palloc0(sizeof(Candidate) * count);
	for (int i = 0; i < count; i++)
	{
		columns[i].name = "";
		columns[i].needed = true;
		candidates[i].fits = FITS_ALL;
	}
	split.format = guess->format;
	split.columns = columns;
	split.column_count = count;
	strlcpy(split.delimiter, guess->delimiter, sizeof(split.delimiter));
	split.null_string = guess->null_string ? guess->null_string : csv ? "" : "\\N";
	split.quote = split.escape = csv ? guess->quote[0] : '\0';
	split.fill_missing = split.ignore_extra = split.tolerate = true;
	splitter = oc_splitter_open(&split, true, &error);
	if (splitter == NULL)
		oss_report_status(OC_FAILED, &error, "could not look into a sample");
	oc_splitter_begin(splitter, true);
	status = oc_splitter_next(splitter, text, size, true, SAMPLE_ROWS, &consumed, &batch, &error);
	if (status == OC_OK || status == OC_END)
		for (size_t row = 1; row < batch.row_count; row++)
			for (int i = 0; i < count; i++)
			{
				const oc_field *field = &batch.fields[row * count + i];

				if (batch.rows[row].error >= 0 || field->size < 0)
					continue;
				candidates[i].fits &= fits_of(field->data, field->size);
				candidates[i].any = true;
			}
	if (status != OC_FAILED && batch.row_count > 0 && guess->header < 0)
		guess->header = looks_like_header(&batch, candidates);
	if (guess->header < 0)
		guess->header = 0;
	for (int i = 0; i < count; i++)
	{
		GuessedColumn *column = palloc0(sizeof(GuessedColumn));
		const oc_field *first = status != OC_FAILED && batch.row_count > 0 ? &batch.fields[i] : NULL;

		if (guess->header && first && first->size >= 0)
			column->source_name = pnstrdup(first->data, first->size);
		else if (first && first->size >= 0)
		{
			candidates[i].fits &= fits_of(first->data, first->size);
			candidates[i].any = true;
		}
		column->name = valid_name(column->source_name ? column->source_name : psprintf("column%d", i + 1), guess->columns);
		column->type = type_of(&candidates[i]);
		guess->columns = lappend(guess->columns, column);
	}
	oc_splitter_close(splitter);
}

/* The most frequent of the usual ones in the first line, outside quotes. */
static char *
guess_delimiter(const char *text, size_t size, char quote)
{
	static const char usual[] = ",\t;|";
	int counts[4] = {0};
	int best = 0;
	bool quoted = false;

	for (size_t i = 0; i < size && (quoted || (text[i] != '\n' && text[i] != '\r')); i++)
	{
		const char *found = text[i] ? strchr(usual, text[i]) : NULL;

		if (text[i] == quote)
			quoted = !quoted;
		else if (!quoted && found)
			counts[found - usual]++;
	}
	for (int i = 1; i < 4; i++)
		if (counts[i] > counts[best])
			best = i;
	return pnstrdup(usual + best, 1);
}

static int
count_fields(const Guess *guess, const char *text, size_t size)
{
	size_t length = strlen(guess->delimiter);
	char quote = guess->format == OC_FORMAT_CSV ? guess->quote[0] : '\0';
	bool quoted = false;
	int count = 1;

	for (size_t i = 0; i < size && (quoted || (text[i] != '\n' && text[i] != '\r')); i++)
	{
		if (quote && text[i] == quote)
			quoted = !quoted;
		else if (!quoted && i + length <= size && memcmp(text + i, guess->delimiter, length) == 0)
		{
			count++;
			i += length - 1;
		}
	}
	return Min(count, MaxAttrNumber / 2);
}

/* All fields filled and distinct, none of them a number or a date, and some column below is not text (or all are names). */
static bool
looks_like_header(const oc_batch *batch, const Candidate *candidates)
{
	bool typed = false;
	bool names = true;

	for (int i = 0; i < batch->field_count; i++)
	{
		const oc_field *field = &batch->fields[i];

		if (field->size <= 0 || fits_of(field->data, field->size) != 0)
			return false;
		for (int j = 0; j < i; j++)
			if (batch->fields[j].size == field->size && memcmp(batch->fields[j].data, field->data, field->size) == 0)
				return false;
		typed |= candidates[i].any && candidates[i].fits != 0;
		for (int j = 0; j < field->size; j++)
			names &= isalnum((unsigned char) field->data[j]) || strchr(" _-.", field->data[j]) != NULL || (field->data[j] & 0x80);
	}
	return typed || (names && batch->row_count > 1);
}

/* ---- values */

static int
fits_of(const char *data, size_t size)
{
	int fits = 0;
	int64_t integer;
	double number;
	int32_t date;
	int64_t instant;
	char payload[OC_NUMERIC_PAYLOAD_MAX];
	size_t payload_size;
	bool leading_zero = size > 1 && data[0] == '0' && isdigit((unsigned char) data[1]);

	if (size == 0)
		return 0;
	if ((size == 1 && (*data == 't' || *data == 'f')) || (size == 4 && memcmp(data, "true", 4) == 0) ||
		(size == 5 && memcmp(data, "false", 5) == 0))
		return FITS_BOOL;
	/* 007 is a code, not a number */
	if (!leading_zero && oc_parse_int8(data, size, &integer))
		fits |= FITS_BIGINT;
	if (!leading_zero && oc_parse_numeric(data, size, 0, 0, payload, &payload_size))
		fits |= FITS_NUMERIC;
	if (!leading_zero && isdigit((unsigned char) data[size - 1]) && oc_parse_float8(data, size, &number))
		fits |= FITS_DOUBLE;
	if (oc_parse_date(data, size, &date))
		fits |= FITS_DATE;
	if (oc_parse_timestamp(data, size, -1, &instant))
		fits |= FITS_TIMESTAMP;
	if (oc_parse_timestamptz(data, size, -1, &instant))
		fits |= FITS_TIMESTAMPTZ;
	return fits;
}

static const char *
type_of(const Candidate *candidate)
{
	int fits = candidate->fits;

	if (!candidate->any)
		return "text";
	if (fits & FITS_BOOL)
		return "boolean";
	if (fits & FITS_BIGINT)
		return "bigint";
	if (fits & FITS_NUMERIC)
		return "numeric";
	if (fits & FITS_DOUBLE)
		return "double precision";
	if (fits & FITS_DATE)
		return "date";
	if (fits & FITS_TIMESTAMP)
		return "timestamp";
	if (fits & FITS_TIMESTAMPTZ)
		return "timestamptz";
	return "text";
}

/* Lower case, everything but letters, digits and non-ASCII becomes '_'; distinct and within a name's length. */
static char *
valid_name(const char *source, List *columns)
{
	char *base = pstrdup(source);
	char *name;
	int suffix = 1;

	for (char *c = base; *c; c++)
		*c = isalnum((unsigned char) *c) ? pg_tolower((unsigned char) *c) : (*c & 0x80) ? *c : '_';
	if (base[0] == '\0')
		base = pstrdup("column");
	base[pg_mbcliplen(base, strlen(base), NAMEDATALEN - 6)] = '\0';
	name = base;
	for (;;)
	{
		ListCell *lc;
		bool taken = false;

		foreach (lc, columns)
			taken |= strcmp(((GuessedColumn *) lfirst(lc))->name, name) == 0;
		if (!taken)
			return name;
		name = psprintf("%s_%d", base, ++suffix);
	}
}

/* ---- jsonl */

static Candidate *
candidate_for_key(List **candidates, const char *key, int length)
{
	ListCell *lc;
	Candidate *candidate;

	foreach (lc, *candidates)
	{
		candidate = lfirst(lc);
		if ((int) strlen(candidate->name) == length && memcmp(candidate->name, key, length) == 0)
			return candidate;
	}
	candidate = palloc0(sizeof(Candidate));
	candidate->name = pnstrdup(key, length);
	candidate->fits = FITS_ALL | FITS_JSON;
	*candidates = lappend(*candidates, candidate);
	return candidate;
}

static void
narrow_json(Candidate *candidate, const JsonbValue *value)
{
	char *text;

	switch (value->type)
	{
		case jbvNull:
			return;
		case jbvBool:
			candidate->fits &= FITS_BOOL;
			break;
		case jbvNumeric:
			text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
			candidate->fits &= fits_of(text, strlen(text)) & (FITS_BIGINT | FITS_NUMERIC);
			break;
		case jbvString:
			candidate->fits &=
				fits_of(value->val.string.val, value->val.string.len) & (FITS_DATE | FITS_TIMESTAMP | FITS_TIMESTAMPTZ);
			break;
		default:
			candidate->fits &= FITS_JSON;
			break;
	}
	candidate->any = true;
}

/* One line's members; false = it is no object. */
static bool
narrow_by_line(List **candidates, char *line)
{
	Jsonb *json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(line)));
	JsonbIterator *iterator;
	JsonbValue value;
	JsonbIteratorToken token;

	if (!JB_ROOT_IS_OBJECT(json))
		return false;
	iterator = JsonbIteratorInit(&json->root);
	token = JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) == WJB_KEY)
	{
		Candidate *candidate = candidate_for_key(candidates, value.val.string.val, value.val.string.len);

		token = JsonbIteratorNext(&iterator, &value, true);
		narrow_json(candidate, &value);
	}
	return true;
}

static void
guess_jsonl(Guess *guess, const char *text, size_t size, bool whole)
{
	List *candidates = NIL;
	const char *end = text + size;
	ListCell *lc;

	for (int row = 0; text < end && row < SAMPLE_JSON_ROWS; row++)
	{
		const char *stop = memchr(text, '\n', end - text);
		size_t length = (stop ? stop : end) - text;

		if (strspn(text, " \t\r") < length && !narrow_by_line(&candidates, pnstrdup(text, length)))
			ereport(ERROR, (errcode(ERRCODE_FDW_ERROR), errmsg("line %d of the sample is not a JSON object", row + 1)));
		text = stop ? stop + 1 : end;
	}
	foreach (lc, candidates)
	{
		Candidate *candidate = lfirst(lc);
		GuessedColumn *column = palloc0(sizeof(GuessedColumn));

		column->source_name = candidate->name;
		column->name = valid_name(candidate->name, guess->columns);
		column->type = candidate->any && (candidate->fits & FITS_JSON) ? "jsonb" : type_of(candidate);
		guess->columns = lappend(guess->columns, column);
	}
	guess->header = 0;
}
