/*
 * oc_split.c
 *	  The splitter: options, the head of an object, rows from call to call, and the dispatch to the formats.
 *
 * oc_split.h draws the way of the bytes.  One thread at a time uses a splitter.
 */
#include <ctype.h>
#include "oc_split.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define OC_WINDOW 32768 /* bytes that are checked, then walked while they are still in the cache */

static bool copy_options(oc_splitter *s, const oc_split_options *options, oc_error *error);
static bool check_options(const oc_split_options *options, oc_error *error);
static bool check_text_options(const oc_split_options *o, oc_error *error);
static const oc_split_format *format_of(oc_format format);
static oc_status split_carry(oc_splitter *s, const char *data, size_t size, bool last, size_t *taken, oc_error *error);
static oc_status split_data(oc_splitter *s, const char *data, size_t size, bool last, size_t *taken, oc_error *error);
static oc_status split_last(oc_splitter *s, const char *data, size_t size, oc_error *error);
static oc_status split_careful(oc_splitter *s, const char *data, size_t size, size_t bad, size_t *taken,
							   oc_error *error);
static oc_status take_row(oc_splitter *s, const char *row, const oc_row_end *end, size_t bad, oc_error *error);
static bool check_row(oc_splitter *s, const char *row, const oc_row_end *end, size_t bad, oc_error *error);
static oc_status take_header(oc_splitter *s, const char *row, const oc_row_end *end, oc_error *error);
static bool split_row(oc_splitter *s, const char *row, const oc_row_end *end, size_t bad, oc_error *error);
static bool match_header(oc_splitter *s, const oc_field *fields, oc_error *error);
static void advance(oc_splitter *s, const char *row, size_t bytes);
static bool find_line(oc_splitter *s, oc_scan *scan, const char *data, size_t size, bool last, oc_row_end *end);
static oc_status skip_mark(oc_splitter *s, const char *data, size_t size, bool last, size_t *taken, oc_error *error);

static bool
is_full(const oc_splitter *s)
{
	return s->memory->row_count >= s->max_rows || s->memory->error_count >= OC_SPLIT_ERRORS;
}

/* ---------------------------------------------------------------- open, begin, close */

oc_splitter *
oc_splitter_open(const oc_split_options *options, bool row_facts, oc_error *error)
{
	oc_splitter *s;

	if (!check_options(options, error))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a splitter");
		return NULL;
	}
	oc_split_memory_init(&s->own);
	s->memory = &s->own;
	s->row_facts = row_facts || options->tolerate; /* bad rows are told by them */
	s->format = format_of(options->format);
	s->simd = oc_simd_detect();
	s->max_row = options->max_row ? options->max_row : OC_ROW_MAX;
	if (s->max_row > OC_ROW_MAX)
		s->max_row = OC_ROW_MAX;
	oc_buf_init(&s->carry, (size_t) s->max_row * 2 + 2 * OC_WINDOW);
	if (!copy_options(s, options, error))
	{
		oc_splitter_close(s);
		return NULL;
	}
	s->counting = s->needed == 0 && !row_facts;
	if (!oc_split_convert_open(s))
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a splitter");
		oc_splitter_close(s);
		return NULL;
	}
	oc_splitter_begin(s, true);
	return s;
}

static bool
copy_options(oc_splitter *s, const oc_split_options *options, oc_error *error)
{
	int count = options->column_count;

	s->options = *options;
	s->options.columns = NULL;
	s->options.null_string = strdup(options->null_string ? options->null_string : "");
	s->columns = calloc((size_t) count + 1, sizeof(oc_split_column));
	s->map = calloc((size_t) count + 1, sizeof(int));
	if (s->options.null_string == NULL || s->columns == NULL || s->map == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a splitter");
		return false;
	}
	s->options.columns = s->columns;
	for (int i = 0; i < count; i++)
	{
		s->columns[i] = options->columns[i];
		s->columns[i].name = strdup(options->columns[i].name ? options->columns[i].name : "");
		s->map[i] = s->columns[i].needed ? s->needed++ : -1;
		if (s->columns[i].name == NULL)
		{
			oc_error_set(error, OC_ERR_MEMORY, "out of memory for a splitter");
			return false;
		}
	}
	s->null_size = strlen(s->options.null_string);
	s->delimiter_size = strlen(options->delimiter);
	s->eol_size = strlen(options->eol);
	s->walkable = (options->format == OC_FORMAT_CSV && options->quote == options->escape) ||
		options->format == OC_FORMAT_TEXT;
	s->walkable = s->walkable && s->delimiter_size == 1 && s->eol_size <= 2 && count > 0;
	if (s->eol_size == 2 && strcmp(options->eol, "\r\n") != 0)
		s->walkable = false;
	/* "\x4A" holds no delimiter A */
	if (options->format == OC_FORMAT_TEXT && !options->noescaping && isxdigit((unsigned char) options->delimiter[0]))
		s->walkable = false;
	/* the marker would look like a sound row, or like the begin of one */
	if (options->format == OC_FORMAT_CSV && options->csv_end_marker &&
		(options->column_count == 1 || options->fill_missing || options->delimiter[0] == '\\' || options->quote == '\\'))
		s->walkable = false;
	return true;
}

static oc_eol
eol_of(const char *eol)
{
	return strcmp(eol, "") == 0 ? OC_EOL_UNKNOWN
		: strcmp(eol, "\n") == 0 ? OC_EOL_LF
		: strcmp(eol, "\r\n") == 0 ? OC_EOL_CRLF
		: strcmp(eol, "\r") == 0 ? OC_EOL_CR
								 : OC_EOL_CUSTOM;
}

void
oc_splitter_begin(oc_splitter *s, bool at_start)
{
	s->at_start = at_start && s->options.validate_utf8 && s->format != &oc_split_binary;
	s->known_lines = at_start;
	s->header_due = at_start && (s->options.header != 0 || s->format->header != NULL);
	s->skip_left = at_start ? s->options.skip : 0;
	s->ended = s->ignored = false;
	s->only_pending = false;
	s->trailer = false;
	s->line = at_start ? 1 : 0;
	s->offset = s->entry = 0;
	s->eol = eol_of(s->options.eol);
	oc_buf_reset(&s->carry);
	memset(&s->scan, 0, sizeof(s->scan));
}

void
oc_splitter_close(oc_splitter *s)
{
	if (s == NULL)
		return;
	if (s->columns)
		for (int i = 0; i < s->options.column_count; i++)
			free((char *) s->columns[i].name);
	free(s->columns);
	free(s->map);
	free(s->conversions);
	free((char *) s->options.null_string);
	oc_buf_free(&s->carry);
	oc_split_memory_free(&s->own);
	free(s);
}

void
oc_splitter_use(oc_splitter *s, oc_split_memory *memory)
{
	s->memory = memory ? memory : &s->own;
}

bool
oc_splitter_pending(const oc_splitter *s)
{
	return s->carry.size > 0;
}

bool
oc_splitter_ended(const oc_splitter *s)
{
	return s->ended;
}

bool
oc_splitter_at_row_end(const oc_splitter *s)
{
	if (s->carry.size == 0)
		return true;
	/* a first row that ends with CR waits for the LF that may follow */
	return s->eol == OC_EOL_UNKNOWN && !s->scan.in_quote && s->scan.position + 1 == s->carry.size &&
		s->carry.data[s->carry.size - 1] == '\r';
}

void
oc_splitter_learn_eol(oc_splitter *s, const char *eol)
{
	if (s->eol == OC_EOL_UNKNOWN)
		s->eol = eol_of(eol);
}

static const oc_split_format *
format_of(oc_format format)
{
	switch (format)
	{
		case OC_FORMAT_CSV:
			return &oc_split_csv;
		case OC_FORMAT_TEXT:
			return &oc_split_text;
		case OC_FORMAT_BINARY:
			return &oc_split_binary;
		case OC_FORMAT_FIXED:
			return &oc_split_fixed;
		case OC_FORMAT_JSONL:
			return &oc_split_jsonl;
	}
	return NULL;
}

static bool
check_options(const oc_split_options *o, oc_error *error)
{
	if (format_of(o->format) == NULL || o->column_count < 0 || (o->column_count > 0 && o->columns == NULL))
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "the splitter has no such format, or no columns");
		return false;
	}
	if (o->header < 0 || o->header > 2)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "header must be 0, 1 or 2");
		return false;
	}
	if (memchr(o->delimiter, 0, sizeof(o->delimiter)) == NULL || memchr(o->eol, 0, sizeof(o->eol)) == NULL)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "delimiter and eol have at most %d bytes", OC_DELIMITER_MAX);
		return false;
	}
	if (o->format == OC_FORMAT_CSV || o->format == OC_FORMAT_TEXT)
		return check_text_options(o, error);
	if (o->format == OC_FORMAT_BINARY && (o->header || o->skip || o->tolerate))
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "binary data have no header lines, no lines to skip and no rows to reject");
		return false;
	}
	if (o->format == OC_FORMAT_JSONL && (o->header == 2 || o->header == 1))
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "JSON lines have no header");
		return false;
	}
	return true;
}

static bool
check_text_options(const oc_split_options *o, oc_error *error)
{
	const char *null_string = o->null_string ? o->null_string : "";
	size_t delimiter_size = strlen(o->delimiter);

	if (delimiter_size == 0)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "the delimiter must not be empty");
		return false;
	}
	if (strpbrk(o->delimiter, "\r\n") != NULL)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "the delimiter cannot be newline or carriage return");
		return false;
	}
	if (strpbrk(null_string, "\r\n") != NULL || strstr(null_string, o->delimiter) != NULL)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "the null string cannot hold the delimiter, newline or carriage return");
		return false;
	}
	if (o->eol[0] && (strstr(o->eol, o->delimiter) || strstr(o->delimiter, o->eol)))
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "delimiter and eol must not hold each other");
		return false;
	}
	if (o->format == OC_FORMAT_TEXT)
	{
		if (!o->noescaping && (strchr(o->delimiter, '\\') || strchr(o->eol, '\\')))
		{
			oc_error_set(error, OC_ERR_ARGUMENT, "delimiter and eol cannot hold a backslash in text format");
			return false;
		}
		return true;
	}
	if (o->quote == 0 || o->escape == 0)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "quote and escape must be one byte each");
		return false;
	}
	if (strchr(o->delimiter, o->quote) || strchr(o->eol, o->quote) || strchr(null_string, o->quote))
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "the quote cannot be part of the delimiter, the eol or the null string");
		return false;
	}
	return true;
}

/* ---------------------------------------------------------------- one call */

oc_status
oc_splitter_next(oc_splitter *s, const char *data, size_t size, bool last, size_t max_rows, size_t *consumed,
				 oc_batch *batch, oc_error *error)
{
	oc_split_memory *memory = s->memory;
	oc_status status = OC_OK;
	size_t taken = 0;

	oc_split_memory_reset(memory);
	*consumed = 0;
	s->max_rows = max_rows ? max_rows : 1;
	if (s->at_start)
		status = skip_mark(s, data, size, last, &taken, error);
	*consumed = taken;
	if (status == OC_OK && s->carry.size > 0 && !s->at_start && !s->ended)
	{
		status = split_carry(s, data + *consumed, size - *consumed, last, &taken, error);
		*consumed += taken;
	}
	if (status == OC_OK && s->carry.size == 0 && !s->ended && !s->only_pending)
	{
		status = split_data(s, data + *consumed, size - *consumed, last, &taken, error);
		*consumed += taken;
	}
	if (s->ended)
	{
		s->ignored |= *consumed < size;
		*consumed = size; /* whatever follows the end-of-data marker */
	}
	memory->data = data;
	memory->data_size = size;
	if (status == OC_OK && !s->converts_later && !oc_split_convert(s, memory))
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a batch of values");
		status = OC_FAILED;
	}
	memset(batch, 0, sizeof(*batch));
	batch->row_count = memory->row_count;
	batch->field_count = s->needed;
	batch->fields = s->needed ? memory->fields : NULL;
	batch->rows = s->row_facts ? memory->rows : NULL;
	batch->errors = memory->errors;
	return status;
}

/*
 * Completes the row in carry from data.  Afterwards either carry is empty, *taken bytes of data belonged to it, or all of data
 * was appended and the row goes on.
 */
static oc_status
split_carry(oc_splitter *s, const char *data, size_t size, bool last, size_t *taken, oc_error *error)
{
	size_t before = s->carry.size;
	size_t added = 0;
	size_t slice = 4096;
	oc_row_end end;
	oc_buf swap;

	do
	{
		/* a little at first: most rows end soon; doubling, so that a giant row is not looked at again and again */
		if (slice > size - added)
			slice = size - added;
		if (before + added > s->max_row + OC_DELIMITER_MAX)
		{
			oc_error_set(error, OC_ERR_LIMIT, "a row is longer than %llu bytes", (unsigned long long) s->max_row);
			error->line = s->line;
			return OC_FAILED;
		}
		if (!oc_buf_append(&s->carry, data + added, slice))
		{
			oc_error_set(error, OC_ERR_MEMORY, "out of memory for a row of more than %zu bytes", before + added);
			return OC_FAILED;
		}
		added += slice;
		slice = added * 2;
		if (find_line(s, &s->scan, s->carry.data, s->carry.size, last && added == size, &end))
		{
			*taken = end.next - before;
			/* the row's memory must outlive the next carry: it moves to the batch */
			swap = s->memory->held;
			s->memory->held = s->carry;
			s->carry = swap;
			s->carry.ceiling = s->memory->held.ceiling;
			oc_buf_reset(&s->carry);
			memset(&s->scan, 0, sizeof(s->scan));
			return take_row(s, s->memory->held.data, &end, oc_split_bad_byte(s, s->memory->held.data, end.size), error);
		}
	} while (added < size);
	*taken = size;
	return OC_OK;
}

/* Splits data, which begin with a row; what is left of an incomplete row goes to carry. */
static oc_status
split_data(oc_splitter *s, const char *data, size_t size, bool last, size_t *taken, oc_error *error)
{
	size_t window = OC_WINDOW;
	size_t at = 0;
	oc_status status = OC_OK;

	while (at < size && !s->ended && !is_full(s))
	{
		size_t sight = size - at < window ? size - at : window;
		bool all = sight == size - at;
		size_t bad = oc_split_bad_byte(s, data + at, sight);
		size_t begin = at;
		oc_walk_result result = OC_WALK_ODD;
		size_t step = 0;

		if (s->walkable && s->eol != OC_EOL_UNKNOWN && !s->header_due && s->skip_left == 0)
		{
			result = oc_walk(s, data + at, bad, &step);
			at += step;
			bad -= step;
			sight -= step;
			if (result == OC_WALK_MORE && bad < sight)
				result = OC_WALK_ODD;
		}
		if (result == OC_WALK_MEMORY)
		{
			oc_error_set(error, OC_ERR_MEMORY, "out of memory for a batch of rows");
			return OC_FAILED;
		}
		if (result == OC_WALK_FULL)
			break;
		if (result == OC_WALK_ODD)
		{
			status = split_careful(s, data + at, sight, bad, &step, error);
			if (status != OC_OK)
				break;
			at += step;
		}
		if (at > begin)
			window = OC_WINDOW;
		else if (all)
			break; /* no whole row is left */
		else
			window *= 2;
	}
	if (status == OC_OK && at < size && !s->ended && !is_full(s))
	{
		/* the rest: the last row without a line end, or an incomplete row */
		status = last ? split_last(s, data + at, size - at, error)
					  : split_carry(s, data + at, size - at, false, &(size_t){0}, error);
		at = size;
	}
	*taken = at;
	return status;
}

/*
 * The last row without a line end.  It is copied, because nothing readable may stand behind data.  (A row that came out of
 * carry may still occupy the batch's memory for such rows.)
 */
static oc_status
split_last(oc_splitter *s, const char *data, size_t size, oc_error *error)
{
	char *copy = oc_arena_take(&s->memory->arena, size);
	size_t at = 0;

	if (copy == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a row of %zu bytes", size);
		return OC_FAILED;
	}
	memcpy(copy, data, size);
	copy[size] = 0;
	while (at < size && !s->ended)
	{
		oc_scan scan = {0};
		oc_row_end end;
		oc_status status;

		find_line(s, &scan, copy + at, size - at, true, &end);
		status = take_row(s, copy + at, &end, oc_split_bad_byte(s, copy + at, end.size), error);
		if (status != OC_OK)
			return status;
		at += end.next;
	}
	return OC_OK;
}

/*
 * Takes rows by the careful path: one when the walker will go on after it, else all whole rows in data.  bad: offset of the
 * first byte with a wrong encoding.
 */
static oc_status
split_careful(oc_splitter *s, const char *data, size_t size, size_t bad, size_t *taken, oc_error *error)
{
	size_t at = 0;

	*taken = 0;
	while (at < size && !s->ended && !is_full(s))
	{
		oc_scan scan = {0};
		oc_row_end end;
		oc_status status;

		/* the last row without a line end has no readable byte behind it: carry gives it one */
		if (!find_line(s, &scan, data + at, size - at, false, &end))
			break;
		status = take_row(s, data + at, &end, bad - at, error);
		if (status != OC_OK)
			return status;
		at += end.next;
		*taken = at;
		if (s->walkable)
			break;
		if (bad < at)
			bad = at + oc_split_bad_byte(s, data + at, size - at);
	}
	return OC_OK;
}

/* Is there a whole row, or a whole line to skip? */
static bool
find_line(oc_splitter *s, oc_scan *scan, const char *data, size_t size, bool last, oc_row_end *end)
{
	memset(end, 0, sizeof(*end));
	if (s->skip_left > 0)
	{
		const char *eol = NULL;
		size_t eol_size = 1;

		/* physical lines: an unbalanced quote in a title must not swallow the data */
		if (s->eol == OC_EOL_CUSTOM)
		{
			eol = memmem(data, size, s->options.eol, s->eol_size);
			eol_size = s->eol_size;
		}
		else
			for (size_t i = 0; i < size && eol == NULL; i++)
				if (data[i] == '\n' || (data[i] == '\r' && (i + 1 < size ? data[i + 1] != '\n' : last)))
					eol = data + i;
		if (eol == NULL && !last)
			return false;
		end->size = eol ? (size_t) (eol - data) : size;
		end->next = eol ? end->size + eol_size : size;
		return true;
	}
	return s->format->find(s, scan, data, size, last, end);
}

/*
 * A byte order mark at the head of an object is no data.  While fewer than three bytes are there, they wait in carry.
 */
static oc_status
skip_mark(oc_splitter *s, const char *data, size_t size, bool last, size_t *taken, oc_error *error)
{
	static const char mark[] = "\xEF\xBB\xBF";

	while (s->carry.size < 3 && *taken < size && data[*taken] == mark[s->carry.size])
		if (!oc_buf_append(&s->carry, data + (*taken)++, 1))
		{
			oc_error_set(error, OC_ERR_MEMORY, "out of memory for a splitter");
			return OC_FAILED;
		}
	if (s->carry.size == 3)
	{
		oc_buf_reset(&s->carry);
		s->offset += 3;
		s->at_start = false;
	}
	else if (*taken < size || last)
		s->at_start = false;
	return OC_OK;
}

/* ---------------------------------------------------------------- one row */

/* Counts lines and bytes of what was taken. */
static void
advance(oc_splitter *s, const char *row, size_t bytes)
{
	char eol = s->eol == OC_EOL_CR ? '\r' : s->eol == OC_EOL_CUSTOM ? s->options.eol[s->eol_size - 1] : '\n';
	const char *at = row;
	size_t left = bytes;
	uint64_t lines = 0;

	s->offset += bytes;
	if (!s->known_lines)
		return;
	if (s->format == &oc_split_binary)
	{
		s->line += s->offset > bytes; /* rows are the lines here; the head is none */
		return;
	}
	while (left > 0 && (at = memchr(at, eol, left)) != NULL)
	{
		lines++;
		at++;
		left = bytes - (size_t) (at - row);
	}
	s->line += lines;
}

/* Gives one found row (or line to skip, or header) to its taker.  bad: offset of the first byte with a wrong encoding. */
static oc_status
take_row(oc_splitter *s, const char *row, const oc_row_end *end, size_t bad, oc_error *error)
{
	oc_split_memory *memory = s->memory;
	/* COPY goes on behind a row that the marker ends, but not behind such a header */
	bool stop = end->stop || (end->marked && s->header_due);
	oc_status status = OC_OK;

	if (end->size > s->max_row)
	{
		oc_error_set(error, OC_ERR_LIMIT, "a row is longer than %llu bytes", (unsigned long long) s->max_row);
		error->line = s->line;
		return OC_FAILED;
	}
	if (s->skip_left > 0)
		s->skip_left--;
	else if (s->header_due)
		status = check_row(s, row, end, bad, error) ? take_header(s, row, end, error) : OC_FAILED;
	else if (!end->no_row && !(end->stop && end->size == 0) && !(s->format->blank_is_no_row && strspn(row, " \t\r") >= end->size))
	{
		if (!oc_split_memory_room(memory, s->needed, s->row_facts))
		{
			oc_error_set(error, OC_ERR_MEMORY, "out of memory for a batch of rows");
			return OC_FAILED;
		}
		if (s->row_facts)
			memory->rows[memory->row_count] =
				(oc_row){s->line, s->offset, row, (uint32_t) end->size, -1};
		if (!split_row(s, row, end, bad, error))
			status = OC_FAILED;
		else
			memory->row_count++;
	}
	if (status != OC_OK)
		return status;
	s->ended = stop;
	advance(s, row, end->next);
	return OC_OK;
}

/* What can be wrong with a row before it is split.  What COPY would come to first is told. */
static bool
check_row(oc_splitter *s, const char *row, const oc_row_end *end, size_t bad, oc_error *error)
{
	bool no_text = bad < end->size && !s->options.replace_illegal;

	if (no_text && !(end->problem && end->problem_at < bad))
		oc_split_bad_error(s, -1, row + bad, end->next - bad, false, error);
	else if (end->problem)
		oc_split_error(s, -1, error, "%s", end->problem);
	else
		return true;
	return false;
}

/* Splits one row into the batch; a malformed one is an error or, when tolerated, a bad row. */
static bool
split_row(oc_splitter *s, const char *row, const oc_row_end *end, size_t bad, oc_error *error)
{
	oc_split_memory *memory = s->memory;
	oc_field *out = s->needed ? memory->fields + memory->row_count * (size_t) s->needed : NULL;
	bool late;

	if (bad < end->size && s->options.replace_illegal)
	{
		char *repaired = oc_arena_take(&memory->arena, end->size);

		if (repaired == NULL)
		{
			oc_error_set(error, OC_ERR_MEMORY, "out of memory for a row of %zu bytes", end->size);
			return false;
		}
		memcpy(repaired, row, end->size);
		repaired[end->size] = 0;
		oc_split_repair(s, repaired, end->size);
		row = repaired;
	}
	s->lacks_fields = false;
	if (check_row(s, row, end, bad, error) && s->format->row(s, row, end->size, s->map, out, error))
		return true;
	late = s->lacks_fields && s->options.late_missing && !s->options.tolerate;
	if ((!s->options.tolerate && !late) || (error->class != OC_ERR_DATA && error->class != OC_ERR_ENCODING) || !s->row_facts)
		return false;
	if (memory->errors == NULL)
		memory->errors = calloc(OC_SPLIT_ERRORS, sizeof(oc_error));
	if (memory->errors == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for the errors of a batch");
		return false;
	}
	for (int i = 0; i < s->needed && !late; i++)
		out[i] = (oc_field){"", -1};
	memory->rows[memory->row_count].error = (int32_t) memory->error_count;
	memory->errors[memory->error_count++] = *error;
	return true;
}

void
oc_split_error(oc_splitter *s, int column, oc_error *error, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	oc_error_set(error, OC_ERR_DATA, "%s", text);
	error->line = s->line;
	error->field = column + 1;
	if (!s->known_lines && s->entry > 0)
		snprintf(error->detail, sizeof(error->detail), "in the row at byte %llu of what is packed from byte %llu of the object on",
				 (unsigned long long) s->offset, (unsigned long long) s->entry);
	else if (!s->known_lines)
		snprintf(error->detail, sizeof(error->detail), "in the row at byte %llu of the object",
				 (unsigned long long) s->offset);
}

bool
oc_split_finish(oc_splitter *s, int count, const int *map, oc_field *out, oc_error *error)
{
	for (int i = count; i < s->options.column_count; i++)
		if (map[i] >= 0)
			out[map[i]] = (oc_field){"", -1};
	if (count >= s->options.column_count || s->options.fill_missing)
		return true;
	oc_split_error(s, count, error, "missing data for column \"%s\"", s->columns[count].name);
	s->lacks_fields = true;
	return false;
}

/* ---------------------------------------------------------------- header */

/* The header line: skipped, or compared with the columns' names. */
static oc_status
take_header(oc_splitter *s, const char *row, const oc_row_end *end, oc_error *error)
{
	int count = s->options.column_count;
	oc_split_options options = s->options;
	oc_field *fields;
	int *map;
	bool good;

	s->header_due = false;
	if (s->format->header)
		return s->format->header(s, row, end->size, error) ? OC_OK : OC_FAILED;
	if (options.header != 2)
		return OC_OK;
	fields = malloc((size_t) (count + 1) * sizeof(*fields));
	map = malloc((size_t) (count + 1) * sizeof(*map));
	good = fields != NULL && map != NULL;
	if (!good)
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a header line");
	else
	{
		for (int i = 0; i < count; i++)
		{
			map[i] = i;
			fields[i] = (oc_field){NULL, -1};
		}
		/* the same splitting with every field wanted and any number of them accepted */
		s->options.fill_missing = true;
		s->options.ignore_extra = true;
		good = s->format->row(s, row, end->size, map, fields, error);
		s->options.fill_missing = options.fill_missing;
		s->options.ignore_extra = options.ignore_extra;
		good = good && match_header(s, fields, error);
	}
	free(fields);
	free(map);
	return good ? OC_OK : OC_FAILED;
}

static bool
match_header(oc_splitter *s, const oc_field *fields, oc_error *error)
{
	int count = s->options.column_count;

	if (s->fields_seen != count)
	{
		oc_split_error(s, -1, error, "wrong number of fields in header line: got %d, expected %d", s->fields_seen, count);
		return false;
	}
	for (int i = 0; i < count; i++)
	{
		const char *name = s->columns[i].name;
		size_t size = fields[i].size < 0 ? 0 : (size_t) fields[i].size;

		if (fields[i].size < 0)
			oc_split_error(s, i, error, "column name mismatch in header line field %d: got null value (\"%s\"), expected \"%s\"",
						   i + 1, s->options.null_string, name);
		else if (size != strlen(name) || memcmp(fields[i].data, name, size) != 0)
			oc_split_error(s, i, error, "column name mismatch in header line field %d: got \"%.*s\", expected \"%s\"", i + 1,
						   (int) (size > 100 ? 100 : size), fields[i].data, name);
		else
			continue;
		return false;
	}
	return true;
}
