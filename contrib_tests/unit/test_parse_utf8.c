/*
 * test_parse_utf8.c
 *	  UTF-8: every code point, every pair and many triples of bytes against the definition, bad bytes at every place around the vectors' size.
 */
#include "value_util.h"

static size_t
encode(uint32_t code, char *target)
{
	if (code < 0x80)
	{
		target[0] = (char) code;
		return 1;
	}
	if (code < 0x800)
	{
		target[0] = (char) (0xC0 | code >> 6);
		target[1] = (char) (0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000)
	{
		target[0] = (char) (0xE0 | code >> 12);
		target[1] = (char) (0x80 | (code >> 6 & 0x3F));
		target[2] = (char) (0x80 | (code & 0x3F));
		return 3;
	}
	target[0] = (char) (0xF0 | code >> 18);
	target[1] = (char) (0x80 | (code >> 12 & 0x3F));
	target[2] = (char) (0x80 | (code >> 6 & 0x3F));
	target[3] = (char) (0x80 | (code & 0x3F));
	return 4;
}

static bool
valid(const char *data, size_t size, size_t *bad_offset)
{
	char *copy = exact_copy(data, size);
	bool result = oc_utf8_valid(copy, size, bad_offset);

	free(copy);
	return result;
}

/* Of the first character: decode leniently, then ask whether encoding gives the same bytes back. */
static bool
model_first(const uint8_t *data, size_t size, size_t *length)
{
	uint32_t code;
	char again[4];

	*length = data[0] < 0x80 ? 1 : data[0] < 0xE0 ? 2 : data[0] < 0xF0 ? 3 : 4;
	if (data[0] == 0 || (data[0] >= 0x80 && data[0] < 0xC0) || data[0] >= 0xF8 || *length > size)
		return false;
	code = *length == 1 ? data[0] : data[0] & (0x7Fu >> *length);
	for (size_t i = 1; i < *length; i++)
	{
		if ((data[i] & 0xC0) != 0x80)
			return false;
		code = code << 6 | (data[i] & 0x3F);
	}
	if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
		return false;
	return encode(code, again) == *length;
}

static void
compare(const char *data, size_t size)
{
	size_t at = 0;
	size_t bad = SIZE_MAX;
	bool expected = true;

	for (size_t length; at < size && expected; at += expected ? length : 0)
		expected = model_first((const uint8_t *) data + at, size - at, &length);
	if (!CHECK(valid(data, size, &bad) == expected))
		fprintf(stderr, "    first bytes %02x %02x, size %zu\n", (uint8_t) data[0], (uint8_t) data[1], size);
	if (!expected)
		CHECK_INT(bad, at);
}

static void
check_code_points(void)
{
	for (uint32_t code = 0; code < 0x120000; code++)
	{
		char text[4];
		size_t size = encode(code, text);
		bool expected = code != 0 && code <= 0x10FFFF && !(code >= 0xD800 && code < 0xE000);

		if (oc_utf8_valid(text, size, NULL) != expected)
			CHECK_INT(code, -1);
	}
	CHECK_INT(oc_utf8_length("a\xc3\xbc\xe6\xbc\xa2\xf0\x9f\x98\x80", 10), 4);
	CHECK_INT(oc_utf8_length("", 0), 0);
	CHECK(oc_utf8_valid("", 0, NULL));
}

static void
check_bytes(void)
{
	char data[4];

	for (int first = 0; first < 256; first++)
	{
		data[0] = (char) first;
		compare(data, 1);
		for (int second = 0; second < 256; second++)
		{
			data[1] = (char) second;
			compare(data, 2);
			if (first >= 0xE0)
			{
				data[2] = (char) 0x80;
				data[3] = (char) 0xBF;
				compare(data, 3);
				compare(data, 4);
				data[2] = 'x';
				compare(data, 3);
				data[2] = (char) 0xBF;
				data[3] = (char) 0xC0;
				compare(data, 4);
			}
		}
	}
}

static void
check_places(void)
{
	char data[200];

	for (size_t size = 1; size <= sizeof data; size += 1 + size / 40)
	{
		for (size_t place = 0; place < size; place++)
		{
			static const char odd[] = {0, (char) 0x80, (char) 0xFF, (char) 0xE6};

			memset(data, 'x', size);
			data[place] = odd[place % 4];
			compare(data, size);
		}
	}
	for (int i = 0; i < 20000; i++)
	{
		size_t size = 0;
		uint64_t rarity = 1 + below(30);

		while (size + 4 <= sizeof data)
			size += encode(below(rarity) ? 'a' : 1 + (uint32_t) below(below(2) ? 0x900 : 0x110000), data + size);
		compare(data, below(size));
		data[below(size)] = (char) random64();
		compare(data, size);
	}
}

int
main(void)
{
	check_code_points();
	check_bytes();
	check_places();
	return unit_done();
}
