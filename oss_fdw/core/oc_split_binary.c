/*
 * oc_split_binary.c
 *	  COPY's binary format: a signature, then rows of length-prefixed fields, then a trailer.
 *
 * All numbers are big-endian.  The signature and the header extension are found as if they were the first row; the trailer
 * is a row that is none, and bytes behind it are an error, as the server has it.  A file without trailer is accepted.
 */
#include "oc_split.h"

#define SIGNATURE_SIZE 11
#define HEADER_SIZE (SIGNATURE_SIZE + 8)

static const char signature[SIGNATURE_SIZE] = "PGCOPY\n\377\r\n";

static bool binary_find(oc_splitter *s, oc_scan *scan, const char *data, size_t size, bool last, oc_row_end *end);
static bool binary_row(oc_splitter *s, const char *row, size_t size, const int *map, oc_field *out, oc_error *error);
static bool binary_header(oc_splitter *s, const char *row, size_t size, oc_error *error);

const oc_split_format oc_split_binary = {.find = binary_find, .row = binary_row, .header = binary_header};

static inline int32_t
read_int32(const char *data)
{
	const unsigned char *p = (const unsigned char *) data;

	return (int32_t) ((uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3]);
}

static inline int
read_int16(const char *data)
{
	const unsigned char *p = (const unsigned char *) data;

	return (int16_t) (p[0] << 8 | p[1]);
}

/* The data end inside a row or header, or more will come. */
static bool
incomplete(size_t size, bool last, const char *problem, oc_row_end *end)
{
	if (!last)
		return false;
	end->size = end->next = size;
	end->problem = problem;
	return true;
}

static bool
find_header(const char *data, size_t size, bool last, oc_row_end *end)
{
	int32_t extension;

	/* what is no signature needs no waiting for the rest */
	if (memcmp(data, signature, size < SIGNATURE_SIZE ? size : SIGNATURE_SIZE) != 0)
		return incomplete(size, true, NULL, end);
	if (size < HEADER_SIZE)
		return incomplete(size, last, NULL, end);
	extension = read_int32(data + HEADER_SIZE - 4);
	if (extension > 0 && size - HEADER_SIZE < (size_t) extension)
		return incomplete(size, last, NULL, end);
	end->size = end->next = HEADER_SIZE + (extension > 0 ? (size_t) extension : 0);
	return true;
}

static bool
binary_find(oc_splitter *s, oc_scan *scan, const char *data, size_t size, bool last, oc_row_end *end)
{
	static const char cut[] = "unexpected EOF in COPY data";
	size_t at = scan->position ? scan->position : 2;
	int count;

	if (s->header_due)
		return find_header(data, size, last, end);
	if (s->trailer)
		return incomplete(size, true, "received copy data after EOF marker", end);
	if (size < 2)
		return incomplete(size, last, cut, end);
	count = read_int16(data);
	if (count == -1)
	{
		s->trailer = true;
		end->no_row = true;
	}
	if (count == -1 || count != s->options.column_count)
	{
		end->size = end->next = 2;
		return true;
	}
	for (; scan->fields < count; scan->fields++)
	{
		int32_t length;

		scan->position = at;
		if (size - at < 4)
			return incomplete(size, last, cut, end);
		length = read_int32(data + at);
		if (length < -1)
		{
			end->problem = "invalid field size";
			end->size = end->next = at + 4;
			return true;
		}
		if (length > 0 && size - at - 4 < (size_t) length)
			return incomplete(size, last, cut, end);
		at += 4 + (length > 0 ? (size_t) length : 0);
	}
	end->size = end->next = at;
	return true;
}

static bool
binary_header(oc_splitter *s, const char *row, size_t size, oc_error *error)
{
	uint32_t flags;

	if (size < SIGNATURE_SIZE || memcmp(row, signature, SIGNATURE_SIZE) != 0)
		oc_split_error(s, -1, error, "COPY file signature not recognized");
	else if (size < SIGNATURE_SIZE + 4)
		oc_split_error(s, -1, error, "invalid COPY file header (missing flags)");
	else if ((flags = (uint32_t) read_int32(row + SIGNATURE_SIZE)) & (1u << 16))
		oc_split_error(s, -1, error, "invalid COPY file header (WITH OIDS)");
	else if (flags >> 16 != 0)
		oc_split_error(s, -1, error, "unrecognized critical flags in COPY file header");
	else if (size < HEADER_SIZE || read_int32(row + HEADER_SIZE - 4) < 0)
		oc_split_error(s, -1, error, "invalid COPY file header (missing length)");
	else if ((size_t) read_int32(row + HEADER_SIZE - 4) != size - HEADER_SIZE)
		oc_split_error(s, -1, error, "invalid COPY file header (wrong length)");
	else
		return true;
	return false;
}

static bool
binary_row(oc_splitter *s, const char *row, size_t size, const int *map, oc_field *out, oc_error *error)
{
	int count = read_int16(row);
	size_t at = 2;

	(void) size;
	if (count != s->options.column_count)
	{
		oc_split_error(s, -1, error, "row field count is %d, expected %d", count, s->options.column_count);
		return false;
	}
	for (int i = 0; i < count; i++)
	{
		int32_t length = read_int32(row + at);

		at += 4;
		if (map[i] >= 0)
			out[map[i]] = (oc_field){row + at, length};
		if (length > 0)
			at += (size_t) length;
	}
	return true;
}
