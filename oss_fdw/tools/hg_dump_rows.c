/*
 * hg_dump_rows.c
 *	  Where a row of COPY's output ends.
 *
 * text: at a newline that no odd number of backslashes stands before.  csv: at a newline outside quotes.  binary: after as
 * many fields as the row's head tells.  A row that is not complete is not looked at twice: the state remembers how far it
 * was read.
 */
#include <string.h>

#include "hg_dump.h"

#define SIGNATURE "PGCOPY\n\377\r\n"
#define SIGNATURE_SIZE 11 /* with its NUL */
#define FIXED_HEADER_SIZE (SIGNATURE_SIZE + 8)

static ssize_t text_row(hg_dump_rows *rows, const char *data, size_t size);
static ssize_t csv_row(hg_dump_rows *rows, const char *data, size_t size);
static ssize_t binary_row(hg_dump_rows *rows, const char *data, size_t size);
static const char *skip_quoted(hg_dump_rows *rows, const char *from, const char *end);
static uint32_t big_endian(const char *data, int bytes);

void
hg_dump_rows_init(hg_dump_rows *rows, hg_dump_format format, char quote, char escape)
{
	*rows = (hg_dump_rows){.format = format, .quote = quote, .escape = escape, .fields = -1};
}

ssize_t
hg_dump_row_size(hg_dump_rows *rows, const char *data, size_t size)
{
	ssize_t found = rows->format == HG_DUMP_CSV      ? csv_row(rows, data, size)
					: rows->format == HG_DUMP_BINARY ? binary_row(rows, data, size)
													 : text_row(rows, data, size);

	if (found > 0)
	{
		rows->seen = 0;
		rows->quoted = false;
		rows->fields = -1;
	}
	return found;
}

static ssize_t
text_row(hg_dump_rows *rows, const char *data, size_t size)
{
	while (rows->seen < size)
	{
		const char *newline = memchr(data + rows->seen, '\n', size - rows->seen);
		const char *before = newline;

		if (!newline)
			break;
		while (before > data && before[-1] == '\\')
			before--;
		if ((newline - before) % 2 == 0)
			return newline - data + 1;
		rows->seen = (size_t) (newline - data) + 1;
	}
	rows->seen = size;
	return 0;
}

static ssize_t
csv_row(hg_dump_rows *rows, const char *data, size_t size)
{
	const char *end = data + size;
	const char *from = data + rows->seen;

	while (from < end)
	{
		const char *newline;
		const char *quote;

		if (rows->quoted)
		{
			from = skip_quoted(rows, from, end);
			continue;
		}
		newline = memchr(from, '\n', (size_t) (end - from));
		quote = memchr(from, rows->quote, (size_t) ((newline ? newline : end) - from));
		if (quote)
		{
			rows->quoted = true;
			from = quote + 1;
		}
		else if (newline)
			return newline - data + 1;
		else
			from = end;
		rows->seen = (size_t) (from - data);
	}
	return 0;
}

/* Goes behind the closing quote, or as far as there are bytes.  A doubled quote closes and opens again. */
static const char *
skip_quoted(hg_dump_rows *rows, const char *from, const char *end)
{
	const char *start = from;

	while (from < end)
	{
		if (*from == rows->escape && rows->escape != rows->quote)
		{
			if (end - from < 2)
				break; /* what it escapes is to come */
			from += 2;
			continue;
		}
		if (*from++ == rows->quote)
		{
			rows->quoted = false;
			break;
		}
	}
	rows->seen += (size_t) (from - start);
	return rows->quoted ? end : from;
}

static ssize_t
binary_row(hg_dump_rows *rows, const char *data, size_t size)
{
	if (rows->fields < 0)
	{
		if (size < 2)
			return 0;
		rows->fields = (int16_t) big_endian(data, 2);
		rows->seen = 2;
		if (rows->fields == -1)
		{
			rows->ended = true;
			return 2;
		}
		if (rows->fields < 0)
			return -1;
	}
	for (; rows->fields > 0; rows->fields--)
	{
		int32_t length;

		if (rows->seen > size || size - rows->seen < 4)
			return 0;
		length = (int32_t) big_endian(data + rows->seen, 4);
		if (length < -1)
			return -1;
		if (length > 0 && size - rows->seen - 4 < (size_t) length)
			return 0;
		rows->seen += 4 + (length > 0 ? (size_t) length : 0);
	}
	return (ssize_t) rows->seen;
}

static uint32_t
big_endian(const char *data, int bytes)
{
	uint32_t value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | (unsigned char) data[i];
	return value;
}

/* ---------------------------------------------------------------- the head of a binary file */

bool
hg_dump_is_binary(const char *data, size_t size)
{
	return size >= SIGNATURE_SIZE && memcmp(data, SIGNATURE, SIGNATURE_SIZE) == 0;
}

ssize_t
hg_dump_binary_header(const char *data, size_t size)
{
	size_t compared = size < SIGNATURE_SIZE ? size : SIGNATURE_SIZE;
	uint32_t extension;

	if (memcmp(data, SIGNATURE, compared) != 0)
		return -1;
	if (size < FIXED_HEADER_SIZE)
		return 0;
	extension = big_endian(data + SIGNATURE_SIZE + 4, 4);
	if (extension > 1 << 20)
		return -1;
	return size < FIXED_HEADER_SIZE + extension ? 0 : (ssize_t) (FIXED_HEADER_SIZE + extension);
}
