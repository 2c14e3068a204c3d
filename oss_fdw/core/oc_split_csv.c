/*
 * oc_split_csv.c
 *	  The careful path of the csv format: the rules of the server's COPY, byte by byte.
 *
 * A quote may open and close anywhere in a field.  Inside quotes the escape byte makes a following quote or escape ordinary.
 * "\." is data, unless it stands alone on a line and the table says that this ends them.  Line ends inside quotes belong to the field, unless the table says that there are none
 * (single_line): then every line end ends a row, wherever one begins to look, and the row whose quote it leaves open is bad.
 */
#include "oc_split.h"

static bool csv_find(oc_splitter *s, oc_scan *scan, const char *data, size_t size, bool last, oc_row_end *end);
static bool csv_row(oc_splitter *s, const char *row, size_t size, const int *map, oc_field *out, oc_error *error);

static const char open_quote[] = "unterminated CSV quoted field";

const oc_split_format oc_split_csv = {.find = csv_find, .row = csv_row};

static inline bool
at_delimiter(const oc_splitter *s, const char *data, size_t size)
{
	return data[0] == s->options.delimiter[0] &&
		(s->delimiter_size == 1 ||
		 (size >= s->delimiter_size && memcmp(data, s->options.delimiter, s->delimiter_size) == 0));
}

static bool
csv_find(oc_splitter *s, oc_scan *scan, const char *data, size_t size, bool last, oc_row_end *end)
{
	char quote = s->options.quote;
	bool own_escape = s->options.escape != quote;
	bool single_line = s->options.single_line;

	/* before any byte counts as a quote: that may be the backslash */
	if (scan->position == 0 && s->options.csv_end_marker && size > 0 && data[0] == '\\')
	{
		oc_eol_result result = size == 1 ? last ? OC_EOL_NOT_HERE : OC_EOL_NEED_MORE
							   : data[1] == '.' ? oc_split_marker(s, scan, data, 0, size, last, end)
												: OC_EOL_NOT_HERE;

		if (result != OC_EOL_NOT_HERE)
			return result == OC_EOL_HERE;
	}
	for (size_t i = scan->position; i < size; i++)
	{
		char c = data[i];

		if (own_escape && scan->in_quote && c == s->options.escape)
			scan->escaped = !scan->escaped;
		if (c == quote && !scan->escaped)
			scan->in_quote = !scan->in_quote;
		if (!own_escape || c != s->options.escape)
			scan->escaped = false;
		if ((!scan->in_quote || single_line) && (c == '\n' || c == '\r' || s->eol == OC_EOL_CUSTOM))
		{
			/* of CR and LF also the one that does not end the rows of this object */
			if (scan->in_quote && s->eol != OC_EOL_CUSTOM)
				oc_note_problem(scan, open_quote, i);
			switch (oc_split_eol(s, scan, data, i, size, last, end))
			{
				case OC_EOL_HERE:
					if (scan->in_quote && end->problem == NULL)
					{
						end->problem = open_quote;
						end->problem_at = i;
					}
					return true;
				case OC_EOL_NEED_MORE:
					scan->position = i;
					return false;
				case OC_EOL_NOT_HERE:
					break;
			}
		}
	}
	scan->position = size;
	if (!last)
		return false;
	end->size = end->next = size;
	/* COPY comes to the end of the data before it sees the quote */
	if (scan->in_quote)
		oc_note_problem(scan, open_quote, size);
	end->problem = scan->problem;
	end->problem_at = scan->problem_at;
	return true;
}

oc_eol_result
oc_split_eol(oc_splitter *s, oc_scan *scan, const char *data, size_t at, size_t size, bool last, oc_row_end *end)
{
	bool csv = s->options.format == OC_FORMAT_CSV;
	size_t left = size - at;
	size_t length = 1;

	if (s->eol == OC_EOL_CUSTOM)
	{
		length = s->eol_size;
		if (memcmp(data + at, s->options.eol, left < length ? left : length) != 0)
			return OC_EOL_NOT_HERE;
		if (left < length)
			return last ? OC_EOL_NOT_HERE : OC_EOL_NEED_MORE;
	}
	else if (data[at] == '\r')
	{
		bool pair = left > 1 && data[at + 1] == '\n';

		if ((s->eol == OC_EOL_UNKNOWN || s->eol == OC_EOL_CRLF) && left == 1 && !last)
			return OC_EOL_NEED_MORE;
		if (s->eol == OC_EOL_UNKNOWN)
			s->eol = pair ? OC_EOL_CRLF : OC_EOL_CR;
		if (s->eol == OC_EOL_LF || (s->eol == OC_EOL_CRLF && !pair))
		{
			/* with CRLF it takes the next byte to see it */
			oc_note_problem(scan, csv ? "unquoted carriage return found in data" : "literal carriage return found in data",
							s->eol == OC_EOL_CRLF ? at + 1 : at);
			return OC_EOL_NOT_HERE;
		}
		length = s->eol == OC_EOL_CRLF ? 2 : 1;
	}
	else if (data[at] == '\n')
	{
		if (s->eol == OC_EOL_CR || s->eol == OC_EOL_CRLF)
			oc_note_problem(scan, csv ? "unquoted newline found in data" : "literal newline found in data", at);
		if (s->eol == OC_EOL_CR)
			return OC_EOL_NOT_HERE;
		if (s->eol == OC_EOL_UNKNOWN)
			s->eol = OC_EOL_LF;
	}
	else
		return OC_EOL_NOT_HERE;
	end->size = at;
	end->next = at + length;
	end->problem = scan->problem;
	end->problem_at = scan->problem_at;
	return OC_EOL_HERE;
}

/* The end of the field that begins at from; size when a quote stays open. */
static size_t
field_end(const oc_splitter *s, const char *row, size_t size, size_t from, bool *open)
{
	char quote = s->options.quote;
	char escape = s->options.escape;
	size_t at = from;

	*open = false;
	while (at < size)
	{
		char c = row[at];

		if (!*open)
		{
			if (c == quote)
				*open = true;
			else if (at_delimiter(s, row + at, size - at))
				return at;
		}
		else if (c == escape && at + 1 < size && (row[at + 1] == escape || row[at + 1] == quote))
			at++;
		else if (c == quote)
			*open = false;
		at++;
	}
	return size;
}

static bool
csv_row(oc_splitter *s, const char *row, size_t size, const int *map, oc_field *out, oc_error *error)
{
	int count = s->options.column_count;
	int column = 0;
	size_t at = 0;

	for (;; at += s->delimiter_size)
	{
		size_t begin = at;
		bool open;

		at = field_end(s, row, size, begin, &open);
		if (open)
		{
			oc_split_error(s, column < count ? column : -1, error, "%s", open_quote);
			return false;
		}
		if (column < count)
		{
			if (map[column] >= 0 && !oc_csv_store(s, column, row + begin, at - begin, &out[map[column]], error))
				return false;
		}
		else if (!s->options.ignore_extra && (count > 0 || size > 0))
		{
			oc_split_error(s, -1, error, "extra data after last expected column");
			return false;
		}
		column++;
		if (at >= size)
			break;
	}
	s->fields_seen = column;
	return oc_split_finish(s, column, map, out, error);
}

/* Writes the field without its quotes and escapes to target; returns the size. */
static size_t
unquote(const oc_splitter *s, const char *data, size_t size, char *target)
{
	char quote = s->options.quote;
	char escape = s->options.escape;
	char *to = target;
	bool open = false;

	for (size_t i = 0; i < size; i++)
	{
		char c = data[i];

		if (open && c == escape && i + 1 < size && (data[i + 1] == escape || data[i + 1] == quote))
			*to++ = data[++i];
		else if (c == quote)
			open = !open;
		else
			*to++ = c;
	}
	return (size_t) (to - target);
}

bool
oc_csv_store(oc_splitter *s, int column, const char *data, size_t size, oc_field *out, oc_error *error)
{
	const oc_split_column *facts = &s->columns[column];
	char quote = s->options.quote;

	if (size == 0 || memchr(data, quote, size) == NULL)
	{
		bool null = oc_split_is_null(s, data, size) && !facts->force_not_null;

		*out = (oc_field){data, null ? -1 : (int32_t) size};
		return true;
	}
	if (size >= 2 && data[0] == quote && data[size - 1] == quote && memchr(data + 1, quote, size - 2) == NULL &&
		(s->options.escape == quote || memchr(data + 1, s->options.escape, size - 2) == NULL))
	{
		data++;
		size -= 2;
	}
	else
	{
		char *target = oc_arena_take(&s->memory->arena, size);
		size_t used;

		if (target == NULL)
		{
			oc_error_set(error, OC_ERR_MEMORY, "out of memory for a field of %zu bytes", size);
			return false;
		}
		used = unquote(s, data, size, target);
		target[used] = 0;
		oc_arena_trim(&s->memory->arena, size - used);
		data = target;
		size = used;
	}
	*out = (oc_field){data, facts->force_null && oc_split_is_null(s, data, size) ? -1 : (int32_t) size};
	return true;
}
