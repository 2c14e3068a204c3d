/*
 * oc_buf.c
 *	  A growable byte buffer with a ceiling.
 *
 * Failure is sticky: after the first append that did not fit, or found no memory, all later ones
 * fail too and the contents stay what they were.  So a caller may append many times and look at
 * the result, or at buf->failed, once.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "oc_int.h"

#define SMALLEST_CAPACITY 64

static bool make_room(oc_buf *buf, size_t size);

/* ceiling: bytes of data, the final NUL not counted */
void
oc_buf_init(oc_buf *buf, size_t ceiling)
{
	*buf = (oc_buf){.ceiling = ceiling < SIZE_MAX / 4 ? ceiling : SIZE_MAX / 4};
}

/* The buffer is empty and usable afterwards. */
void
oc_buf_free(oc_buf *buf)
{
	free(buf->data);
	oc_buf_init(buf, buf->ceiling);
}

/* Empties the buffer, keeps its memory and forgets a failure. */
void
oc_buf_reset(oc_buf *buf)
{
	buf->size = 0;
	buf->failed = false;
	if (buf->data)
		buf->data[0] = '\0';
}

bool
oc_buf_append(oc_buf *buf, const void *data, size_t size)
{
	if (!make_room(buf, size))
		return false;
	if (size > 0)
		memcpy(buf->data + buf->size, data, size);
	buf->size += size;
	buf->data[buf->size] = '\0';
	return true;
}

bool
oc_buf_append_string(oc_buf *buf, const char *string)
{
	return oc_buf_append(buf, string, strlen(string));
}

bool
oc_buf_append_char(oc_buf *buf, char c)
{
	return oc_buf_append(buf, &c, 1);
}

bool
oc_buf_printf(oc_buf *buf, const char *format, ...)
{
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (size < 0)
		buf->failed = true;
	if (buf->failed || !make_room(buf, (size_t) size))
		return false;
	va_start(args, format);
	vsnprintf(buf->data + buf->size, (size_t) size + 1, format, args);
	va_end(args);
	buf->size += (size_t) size;
	return true;
}

/* Room for size more bytes and a NUL. */
static bool
make_room(oc_buf *buf, size_t size)
{
	size_t capacity = buf->capacity ? buf->capacity : SMALLEST_CAPACITY;
	char *data;

	if (buf->failed || size > buf->ceiling - buf->size)
	{
		buf->failed = true;
		return false;
	}
	if (buf->data && buf->size + size < buf->capacity)
		return true;
	while (capacity <= buf->size + size)
		capacity *= 2;
	if (capacity > buf->ceiling + 1)
		capacity = buf->ceiling + 1;
	data = realloc(buf->data, capacity);
	if (!data)
	{
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->capacity = capacity;
	return true;
}
