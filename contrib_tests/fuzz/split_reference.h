/*
 * split_reference.h
 *	  A slow, obvious splitter of csv and text: one byte at a time, the whole object in memory, every field copied.
 *
 * It shares no code with the core's splitter.  The fuzz target and the unit test compare the two.
 */
#ifndef SPLIT_REFERENCE_H
#define SPLIT_REFERENCE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oc.h"

#define REF_MAX_FIELDS 64

typedef struct ref_row
{
	int count;				  /* fields found, also those that are too many */
	char *data[REF_MAX_FIELDS]; /* NULL = NULL */
	size_t size[REF_MAX_FIELDS];
	size_t begin, end;		  /* of the raw row */
	char error[300];		  /* "" = good */
	int marked;				  /* the end-of-data marker ended it */
	size_t error_at;		  /* of a line end or marker that is wrong: the byte that showed it */
} ref_row;

typedef struct ref_result
{
	ref_row *rows;
	size_t count;
} ref_result;

/* 0 = not yet known, 'n' LF, 'r' CR, 'w' CRLF, 'c' custom */
typedef struct ref_input
{
	const oc_split_options *o;
	const char *data;
	size_t size;
	size_t at;
	char eol;
} ref_input;

static int
ref_is(const ref_input *in, size_t at, const char *what)
{
	size_t n = strlen(what);

	return at + n <= in->size && memcmp(in->data + at, what, n) == 0;
}

static int
ref_utf8(const unsigned char *p, size_t left)
{
	unsigned value;
	int n = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;

	if (n == 0 || (size_t) n > left)
		return 0;
	value = n == 1 ? p[0] : p[0] & (0xFF >> (n + 1));
	for (int i = 1; i < n; i++)
	{
		if (p[i] >> 6 != 2)
			return 0;
		value = value << 6 | (p[i] & 63);
	}
	if ((n == 2 && value < 0x80) || (n == 3 && value < 0x800) || (n == 4 && value < 0x10000))
		return 0;
	return value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF) ? 0 : n;
}

/* The first wrong byte, worded, or "".  Of the size bytes behind which so many are shown as there are up to shown. */
static size_t
ref_check(const oc_split_options *o, int raw, const char *data, size_t size, size_t shown, char *error)
{
	int utf8 = o->validate_utf8 && !(raw && o->any_bytes);

	for (size_t i = 0; i < size;)
	{
		const unsigned char *p = (const unsigned char *) data + i;
		int n = utf8 ? ref_utf8(p, size - i) : 1;

		if (p[0] == 0 || n == 0)
		{
			size_t want = p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 1;

			sprintf(error, "invalid byte sequence%s:", raw && o->any_bytes ? " for encoding \"SQL_ASCII\""
					: o->validate_utf8 ? " for encoding \"UTF8\"" : "");
			for (size_t k = 0; k < want && i + k < shown; k++)
				sprintf(error + strlen(error), " 0x%02x", p[k]);
			return i;
		}
		i += (size_t) n;
	}
	return size;
}

static void
ref_mend(const oc_split_options *o, char *data, size_t size)
{
	for (size_t i = 0; i < size;)
	{
		int n = o->validate_utf8 ? ref_utf8((unsigned char *) data + i, size - i) : 1;

		if (data[i] == 0)
			data[i] = ' ';
		else if (n == 0)
			data[i] = '?';
		i += n ? (size_t) n : 1;
	}
}

/* Is a line end at this place, and how long?  Notes a wrong one in problem. */
static size_t
ref_line_end(ref_input *in, size_t at, char *problem, size_t *problem_at)
{
	int csv = in->o->format == OC_FORMAT_CSV;
	char c = in->data[at];
	int pair = ref_is(in, at, "\r\n");

	if (in->eol == 'c')
		return ref_is(in, at, in->o->eol) ? strlen(in->o->eol) : 0;
	if (c != '\r' && c != '\n')
		return 0;
	if (in->eol == 0)
		in->eol = c == '\n' ? 'n' : pair ? 'w' : 'r';
	if (c == '\r' && in->eol == 'r')
		return 1;
	if (c == '\r' && in->eol == 'w' && pair)
		return 2;
	if (c == '\n' && in->eol == 'n')
		return 1;
	if (problem[0]) /* the first one counts */
		return c == '\n' && in->eol == 'w' ? 1 : 0;
	*problem_at = c == '\r' && in->eol == 'w' ? at + 1 : at;
	if (c == '\r')
		strcpy(problem, csv ? "unquoted carriage return found in data" : "literal carriage return found in data");
	else
		strcpy(problem, csv ? "unquoted newline found in data" : "literal newline found in data");
	return c == '\n' && in->eol == 'w' ? 1 : 0;
}

/* "\." is at this place: the length of the line end that makes it the end of the data; 0: it does not, and that may be wrong. */
static size_t
ref_marker(ref_input *in, size_t at, ref_row *row)
{
	int csv = in->o->format == OC_FORMAT_CSV;
	char first = at + 2 < in->size ? in->data[at + 2] : 0;
	char second = at + 3 < in->size ? in->data[at + 3] : 0;
	int style = 0;
	size_t n = 0;

	if (in->eol == 'c')
		n = ref_is(in, at + 2, in->o->eol) ? strlen(in->o->eol) : 0;
	else if (in->eol == 'w')
	{
		n = first == '\r' && second == '\n' ? 2 : 0;
		style = (first == '\n' && !csv) || (first == '\r' && second == '\r');
	}
	else
	{
		n = (first == '\n' && in->eol != 'r') || (first == '\r' && in->eol != 'n');
		style = n == 0 && (first == '\n' || first == '\r');
	}
	if (n > 0 && at > row->begin && in->o->marker_alone)
		n = 0;
	if (n == 0 && row->error[0] == 0 && (style || !csv))
	{
		row->error_at = in->eol == 'w' && first == '\r' ? at + 3 : at + 2;
		strcpy(row->error, style ? "end-of-copy marker does not match previous newline style"
			   : in->o->marker_alone ? "end-of-copy marker is not alone on its line" : "end-of-copy marker corrupt");
	}
	return n;
}

/* Finds the next row: begin, end, problem.  0: no more. */
static int
ref_next_row(ref_input *in, ref_row *row, int *stop)
{
	const oc_split_options *o = in->o;
	int quoted = 0;
	size_t i;

	*stop = 0;
	row->begin = in->at;
	if (in->at >= in->size)
		return 0;
	if (o->format == OC_FORMAT_CSV && o->csv_end_marker && ref_is(in, in->at, "\\.") && ref_marker(in, in->at, row) > 0)
	{
		row->end = in->at;
		in->at = in->size;
		*stop = 1;
		return 0;
	}
	for (i = in->at; i < in->size; i++)
	{
		char c = in->data[i];
		size_t n;

		if (o->format == OC_FORMAT_TEXT && c == '\\' && !o->noescaping)
		{
			if (ref_is(in, i, "\\.") && (n = ref_marker(in, i, row)) > 0)
			{
				row->end = i;
				row->marked = 1;
				*stop = i == row->begin;
				in->at = *stop ? in->size : i + 2 + n;
				return !*stop;
			}
			i++;
			continue;
		}
		if (o->format == OC_FORMAT_CSV)
		{
			if (quoted && o->escape != o->quote && c == o->escape && i + 1 < in->size &&
				(in->data[i + 1] == o->quote || in->data[i + 1] == o->escape))
			{
				i++;
				continue;
			}
			if (c == o->quote)
				quoted = !quoted;
			if (quoted && !o->single_line)
				continue;
			if (quoted && in->eol != 'c' && (c == '\n' || c == '\r') && row->error[0] == 0)
			{
				row->error_at = i;
				strcpy(row->error, "unterminated CSV quoted field");
			}
		}
		n = ref_line_end(in, i, row->error, &row->error_at);
		if (n > 0)
		{
			if (quoted && row->error[0] == 0)
			{
				row->error_at = i;
				strcpy(row->error, "unterminated CSV quoted field");
			}
			row->end = i;
			in->at = i + n;
			return 1;
		}
	}
	row->end = in->at = in->size;
	if (quoted && row->error[0] == 0)
	{
		row->error_at = in->size;
		strcpy(row->error, "unterminated CSV quoted field");
	}
	return 1;
}

static size_t
ref_unescape(const char *p, size_t left, char *c, int *numeric)
{
	static const char from[] = "bfnrtv", to[] = "\b\f\n\r\t\v";
	const char *known = strchr(from, p[0]);
	char digits[4] = "";
	size_t n = 0;

	*numeric = 0;
	if (p[0] != 0 && known)
	{
		*c = to[known - from];
		return 1;
	}
	if (p[0] >= '0' && p[0] <= '7')
	{
		while (n < 3 && n < left && p[n] >= '0' && p[n] <= '7')
			digits[n] = p[n], n++;
		*c = (char) strtol(digits, NULL, 8);
		*numeric = 1;
		return n;
	}
	if (p[0] == 'x')
	{
		while (n < 2 && n + 1 < left && p[n + 1] && strchr("0123456789abcdefABCDEF", p[n + 1]))
			digits[n] = p[n + 1], n++;
		if (n > 0)
		{
			*c = (char) strtol(digits, NULL, 16);
			*numeric = 1;
			return n + 1;
		}
	}
	*c = p[0];
	return 1;
}

static void
ref_split_row(const oc_split_options *o, const char *row, size_t size, ref_row *out)
{
	int csv = o->format == OC_FORMAT_CSV;
	size_t dl = strlen(o->delimiter);
	size_t nl = strlen(o->null_string);
	size_t i = 0;

	for (;;)
	{
		char *value = malloc(size + 1);
		size_t n = 0, begin = i;
		int quoted = 0, saw_quote = 0, more = 0, column = out->count, suspect = 0, null;

		while (i < size)
		{
			char c = row[i];

			if (!quoted && i + dl <= size && memcmp(row + i, o->delimiter, dl) == 0)
			{
				more = 1;
				break;
			}
			if (csv && quoted && c == o->escape && i + 1 < size && (row[i + 1] == o->quote || row[i + 1] == o->escape))
			{
				value[n++] = row[i + 1];
				i += 2;
				continue;
			}
			if (csv && c == o->quote)
			{
				quoted = !quoted;
				saw_quote = 1;
				i++;
				continue;
			}
			if (!csv && c == '\\' && !o->noescaping)
			{
				int numeric = 0;

				if (++i < size)
				{
					i += ref_unescape(row + i, size - i, &c, &numeric);
					value[n++] = c;
					if (numeric && (c == 0 || c & 0x80))
						suspect = 1;
				}
				continue;
			}
			value[n++] = c;
			i++;
		}
		null = !saw_quote && i - begin == nl && memcmp(row + begin, o->null_string, nl) == 0;
		if (csv && column < o->column_count)
		{
			if (null && o->columns[column].force_not_null)
				null = 0;
			else if (saw_quote && o->columns[column].force_null && n == nl && memcmp(value, o->null_string, nl) == 0)
				null = 1;
		}
		if (!null && suspect && column < o->column_count && o->columns[column].needed)
		{
			if (o->replace_illegal)
				ref_mend(o, value, n);
			else if (out->error[0] == 0)
				ref_check(o, 0, value, n, n, out->error);
		}
		value[n] = 0;
		if (column < REF_MAX_FIELDS)
		{
			out->data[column] = null ? NULL : value;
			out->size[column] = n;
		}
		if (null || column >= REF_MAX_FIELDS)
			free(value);
		out->count++;
		if (out->count > o->column_count && !o->ignore_extra && (o->column_count > 0 || size > 0))
			if (out->error[0] == 0)
				strcpy(out->error, "extra data after last expected column");
		if (!more)
			break;
		i += dl;
	}
	if (out->count < o->column_count && !o->fill_missing && out->error[0] == 0)
		sprintf(out->error, "missing data for column \"%s\"", o->columns[out->count].name);
}

/* Splits a whole object; stops after the first malformed row unless tolerate. */
static ref_result
ref_split(const oc_split_options *o, const char *data, size_t size)
{
	ref_input in = {o, data, size, 0, o->eol[0] == 0 ? 0 : 'c'};
	ref_result result = {0};
	uint64_t skip = o->skip;
	int header = o->header;
	int stop = 0;

	if (strcmp(o->eol, "\n") == 0)
		in.eol = 'n';
	else if (strcmp(o->eol, "\r\n") == 0)
		in.eol = 'w';
	else if (strcmp(o->eol, "\r") == 0)
		in.eol = 'r';
	if (o->validate_utf8 && ref_is(&in, 0, "\xEF\xBB\xBF"))
		in.at = 3;
	for (; skip > 0 && in.at < size; skip--)
	{
		size_t n = 0;

		for (; in.at < size && n == 0; in.at++)
		{
			if (in.eol == 'c')
				n = ref_is(&in, in.at, o->eol) ? strlen(o->eol) : 0;
			else
				n = data[in.at] == '\n' || (data[in.at] == '\r' && !ref_is(&in, in.at, "\r\n"));
		}
		if (n > 1)
			in.at += n - 1;
	}
	while (!stop)
	{
		ref_row row = {0};
		char *copy;

		if (!ref_next_row(&in, &row, &stop))
			break;
		copy = malloc(row.end - row.begin + 1);
		memcpy(copy, data + row.begin, row.end - row.begin);
		if (o->replace_illegal)
			ref_mend(o, copy, row.end - row.begin);
		else
		{
			char problem[300] = "";

			size_t bad = row.begin + ref_check(o, 1, data + row.begin, row.end - row.begin, in.at - row.begin, problem);

			if (problem[0] && !(row.error[0] && row.error_at < bad))
				strcpy(row.error, problem);
		}
		if (header && row.error[0] == 0)
		{
			header = 0;
			free(copy);
			stop = row.marked;
			continue;
		}
		if (row.error[0] == 0)
			ref_split_row(o, copy, row.end - row.begin, &row);
		free(copy);
		result.rows = realloc(result.rows, (result.count + 1) * sizeof(ref_row));
		result.rows[result.count++] = row;
		if (row.error[0] && (!o->tolerate || header)) /* a bad header is never tolerated */
			break;
	}
	return result;
}

static void
ref_free(ref_result *result)
{
	for (size_t i = 0; i < result->count; i++)
		for (int k = 0; k < result->rows[i].count && k < REF_MAX_FIELDS; k++)
			free(result->rows[i].data[k]);
	free(result->rows);
}

#endif
