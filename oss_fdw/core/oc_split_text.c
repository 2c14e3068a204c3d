/*
 * oc_split_text.c
 *	  The careful path of the text format: the rules of the server's COPY, byte by byte.
 *
 * A backslash makes the next byte part of the field: delimiters and line ends, too.  "\." before a line end ends the
 * data.  The null string is compared before escapes are resolved.
 * With noescaping a backslash is an ordinary byte, and there is no end-of-data marker.
 */
#include <ctype.h>

#include "oc_split.h"

static bool text_find(oc_splitter *s, oc_scan *scan, const char *data, size_t size, bool last, oc_row_end *end);
static bool text_row(oc_splitter *s, const char *row, size_t size, const int *map, oc_field *out, oc_error *error);
static oc_eol_result custom_marker(oc_splitter *s, const char *data, size_t next, size_t size, bool last);
static size_t escape_size(const oc_splitter *s, const char *data, size_t size);
static char unescape_one(const char *data, size_t size, size_t *used, bool *numeric);
static bool take_byte(const char *data, size_t size, bool last, size_t *next, char *c);

static const char wrong_style[] = "end-of-copy marker does not match previous newline style";

const oc_split_format oc_split_text = {.find = text_find, .row = text_row};

static bool
text_find(oc_splitter *s, oc_scan *scan, const char *data, size_t size, bool last, oc_row_end *end)
{
	bool escaping = !s->options.noescaping;

	for (size_t i = scan->position; i < size; i++)
	{
		char c = data[i];
		oc_eol_result result = OC_EOL_NOT_HERE;

		if (c == '\\' && escaping)
		{
			if (i + 1 == size)
				result = last ? OC_EOL_NOT_HERE : OC_EOL_NEED_MORE;
			else if (data[i + 1] == '.')
				result = oc_split_marker(s, scan, data, i, size, last, end);
		}
		else if (c == '\n' || c == '\r' || s->eol == OC_EOL_CUSTOM)
			result = oc_split_eol(s, scan, data, i, size, last, end);
		if (result == OC_EOL_HERE)
			return true;
		if (result == OC_EOL_NEED_MORE)
		{
			scan->position = i;
			return false;
		}
		if (c == '\\' && escaping)
			i++;
	}
	scan->position = size;
	if (!last)
		return false;
	end->size = end->next = size;
	end->problem = scan->problem;
	end->problem_at = scan->problem_at;
	return true;
}

oc_eol_result
oc_split_marker(oc_splitter *s, oc_scan *scan, const char *data, size_t at, size_t size, bool last, oc_row_end *end)
{
	const char *corrupt = s->options.marker_alone ? "end-of-copy marker is not alone on its line" : "end-of-copy marker corrupt";
	bool csv = s->options.format == OC_FORMAT_CSV;
	const char *problem = NULL;
	size_t next = at + 2;
	char c = 0;

	if (s->eol == OC_EOL_CUSTOM)
	{
		oc_eol_result result = custom_marker(s, data, next, size, last);

		if (result == OC_EOL_NEED_MORE)
			return result;
		problem = result == OC_EOL_HERE ? NULL : corrupt;
		next += problem ? 1 : s->eol_size;
	}
	else
	{
		if (s->eol == OC_EOL_CRLF)
		{
			if (!take_byte(data, size, last, &next, &c))
				return OC_EOL_NEED_MORE;
			if (c != '\r' && csv)
				return OC_EOL_NOT_HERE;
			if (c != '\r')
				problem = c == '\n' ? wrong_style : corrupt;
		}
		if (problem == NULL)
		{
			if (!take_byte(data, size, last, &next, &c))
				return OC_EOL_NEED_MORE;
			if (c != '\r' && c != '\n')
				problem = corrupt;
			else if (s->eol != OC_EOL_UNKNOWN && (c == '\r') != (s->eol == OC_EOL_CR))
				problem = wrong_style;
		}
	}
	if (problem == corrupt && csv)
		return OC_EOL_NOT_HERE;
	/* before 18, COPY takes the row that stands before the marker, and goes on */
	if (problem == NULL && at > 0 && s->options.marker_alone)
		problem = corrupt;
	if (problem)
	{
		oc_note_problem(scan, problem, next - 1);
		return OC_EOL_NOT_HERE;
	}
	end->size = at;
	end->next = next;
	end->problem = scan->problem;
	end->problem_at = scan->problem_at;
	end->marked = true;
	end->stop = at == 0;
	return OC_EOL_HERE;
}

/* The byte at *next, or a NUL behind the last one.  false: it has not come yet. */
static bool
take_byte(const char *data, size_t size, bool last, size_t *next, char *c)
{
	if (*next >= size && !last)
		return false;
	*c = *next < size ? data[*next] : 0;
	if (*next < size)
		(*next)++;
	return true;
}

/* A line end of the table's own stands at next. */
static oc_eol_result
custom_marker(oc_splitter *s, const char *data, size_t next, size_t size, bool last)
{
	size_t left = size - next;

	if (memcmp(data + next, s->options.eol, left < s->eol_size ? left : s->eol_size) != 0)
		return OC_EOL_NOT_HERE;
	if (left < s->eol_size)
		return last ? OC_EOL_NOT_HERE : OC_EOL_NEED_MORE;
	return OC_EOL_HERE;
}

/* Bytes behind a backslash that are no delimiter: one, or the digits of a number when a delimiter may look like them, as for COPY. */
static size_t
escape_size(const oc_splitter *s, const char *data, size_t size)
{
	size_t used = 1;
	bool numeric;

	if (size > 0 && isxdigit((unsigned char) s->options.delimiter[0]))
		(void) unescape_one(data, size, &used, &numeric);
	return used;
}

static bool
text_row(oc_splitter *s, const char *row, size_t size, const int *map, oc_field *out, oc_error *error)
{
	const char *delimiter = s->options.delimiter;
	size_t delimiter_size = s->delimiter_size;
	bool escaping = !s->options.noescaping;
	int count = s->options.column_count;
	int column = 0;
	size_t at = 0;

	for (;; at += delimiter_size)
	{
		size_t begin = at;

		for (; at < size; at++)
		{
			if (row[at] == '\\' && escaping)
				at += escape_size(s, row + at + 1, size - at - 1);
			else if (row[at] == delimiter[0] &&
					 (delimiter_size == 1 ||
					  (size - at >= delimiter_size && memcmp(row + at, delimiter, delimiter_size) == 0)))
				break;
		}
		if (at > size) /* a lone backslash at the end */
			at = size;
		if (column < count)
		{
			if (map[column] >= 0 && !oc_text_store(s, column, row + begin, at - begin, &out[map[column]], error))
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

static inline int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline bool
is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* One escape sequence whose backslash is before data; *used: bytes taken.  *numeric: the byte was given by its number. */
static char
unescape_one(const char *data, size_t size, size_t *used, bool *numeric)
{
	int value = 0;
	size_t i = 0;

	*used = 1;
	*numeric = false;
	switch (data[0])
	{
		case 'b':
			return '\b';
		case 'f':
			return '\f';
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		case 'v':
			return '\v';
		case 'x':
			if (size < 2 || hex_digit(data[1]) < 0)
				return 'x';
			for (i = 1; i < size && i < 3 && hex_digit(data[i]) >= 0; i++)
				value = value * 16 + hex_digit(data[i]);
			break;
		default:
			if (!is_octal(data[0]))
				return data[0];
			for (i = 0; i < size && i < 3 && is_octal(data[i]); i++)
				value = value * 8 + (data[i] - '0');
			break;
	}
	*used = i;
	*numeric = true;
	return (char) (value & 0xFF);
}

/* Resolves escapes into target; returns the size.  *suspect: a number gave a NUL or a byte over 127. */
static size_t
unescape(const char *data, size_t size, char *target, bool *suspect)
{
	char *to = target;
	size_t i = 0;

	*suspect = false;
	while (i < size)
	{
		const char *backslash = memchr(data + i, '\\', size - i);
		size_t run = backslash ? (size_t) (backslash - data) - i : size - i;
		size_t used;
		bool numeric;
		char c;

		memcpy(to, data + i, run);
		to += run;
		i += run + 1;
		if (i >= size) /* a lone backslash at the end vanishes */
			break;
		c = unescape_one(data + i, size - i, &used, &numeric);
		if (numeric && (c == 0 || (c & 0x80)))
			*suspect = true;
		*to++ = c;
		i += used;
	}
	return (size_t) (to - target);
}

bool
oc_text_store(oc_splitter *s, int column, const char *data, size_t size, oc_field *out, oc_error *error)
{
	char *target;
	size_t used;
	size_t bad;
	bool suspect;

	if (oc_split_is_null(s, data, size))
	{
		*out = (oc_field){data, -1};
		return true;
	}
	*out = (oc_field){data, (int32_t) size};
	if (s->options.noescaping || size == 0 || memchr(data, '\\', size) == NULL)
		return true;
	target = oc_arena_take(&s->memory->arena, size);
	if (target == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a field of %zu bytes", size);
		return false;
	}
	used = unescape(data, size, target, &suspect);
	target[used] = 0;
	oc_arena_trim(&s->memory->arena, size - used);
	*out = (oc_field){target, (int32_t) used};
	if (!suspect || (bad = oc_split_bad_escape(s, target, used)) == used)
		return true;
	if (!s->options.replace_illegal)
	{
		oc_split_bad_error(s, column, target + bad, used - bad, true, error);
		return false;
	}
	oc_split_repair(s, target, used);
	return true;
}
