/*
 * oc_split_check.c
 *	  The encoding of what is split: no NUL byte, and valid UTF-8 where that is asked.
 *
 * Nearly all data are plain ASCII, which a vector pass proves at memory speed; only other data are looked at in detail.
 */
#include "oc_split.h"

#include <stdio.h>

static size_t bad_byte(const oc_splitter *s, const char *data, size_t size, bool utf8);
static size_t valid_prefix(const char *data, size_t size);
static size_t sequence_size(const unsigned char *data, size_t size);

size_t
oc_split_bad_byte(const oc_splitter *s, const char *data, size_t size)
{
	return bad_byte(s, data, size, s->options.validate_utf8 && !s->options.any_bytes);
}

size_t
oc_split_bad_escape(const oc_splitter *s, const char *data, size_t size)
{
	return bad_byte(s, data, size, s->options.validate_utf8);
}

static size_t
bad_byte(const oc_splitter *s, const char *data, size_t size, bool utf8)
{
	const char *nul;
	size_t limit;

	if (size == 0 || s->options.format == OC_FORMAT_BINARY || oc_simd_is_plain(s->simd, data, size))
		return size;
	nul = memchr(data, 0, size);
	limit = nul ? (size_t) (nul - data) : size;
	return utf8 ? valid_prefix(data, limit) : limit;
}

void
oc_split_bad_error(oc_splitter *s, int column, const char *data, size_t size, bool escaped, oc_error *error)
{
	const unsigned char *bytes = (const unsigned char *) data;
	const char *encoding = s->options.any_bytes && !escaped ? " for encoding \"SQL_ASCII\""
						   : s->options.validate_utf8		? " for encoding \"UTF8\""
															: "";
	size_t count = 1;
	char list[4 * 5 + 1] = "";

	/* as many bytes as the first one promises */
	if ((bytes[0] & 0xE0) == 0xC0)
		count = 2;
	else if ((bytes[0] & 0xF0) == 0xE0)
		count = 3;
	else if ((bytes[0] & 0xF8) == 0xF0)
		count = 4;
	if (count > size)
		count = size;
	for (size_t i = 0; i < count; i++)
		snprintf(list + i * 5, sizeof(list) - i * 5, " 0x%02x", bytes[i]);
	oc_split_error(s, column, error, "invalid byte sequence%s:%s", encoding, list);
	error->class = OC_ERR_ENCODING;
}

void
oc_split_repair(const oc_splitter *s, char *data, size_t size)
{
	size_t at = 0;

	while (at < size)
	{
		at += oc_split_bad_escape(s, data + at, size - at);
		if (at < size)
		{
			data[at] = data[at] == 0 ? ' ' : '?';
			at++;
		}
	}
}

/* How many bytes of data are whole, valid UTF-8 sequences. */
static size_t
valid_prefix(const char *data, size_t size)
{
	size_t valid = 0;

	while (valid < size)
	{
		uint64_t word;
		size_t step;

		if (size - valid >= 8)
		{
			memcpy(&word, data + valid, 8);
			if ((word & UINT64_C(0x8080808080808080)) == 0)
			{
				valid += 8;
				continue;
			}
		}
		step = sequence_size((const unsigned char *) data + valid, size - valid);
		if (step == 0)
			break;
		valid += step;
	}
	return valid;
}

/* Bytes of the valid UTF-8 sequence at data, or 0.  Overlong forms, surrogates and values over U+10FFFF are not valid. */
static size_t
sequence_size(const unsigned char *data, size_t size)
{
	unsigned char c = data[0];
	unsigned char low = 0x80;
	unsigned char high = 0xBF;
	size_t count;

	if (c < 0x80)
		return 1;
	if (c < 0xC2 || c > 0xF4)
		return 0;
	count = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
	if (c == 0xE0)
		low = 0xA0;
	else if (c == 0xED)
		high = 0x9F;
	else if (c == 0xF0)
		low = 0x90;
	else if (c == 0xF4)
		high = 0x8F;
	if (count > size || data[1] < low || data[1] > high)
		return 0;
	for (size_t i = 2; i < count; i++)
		if ((data[i] & 0xC0) != 0x80)
			return 0;
	return count;
}
