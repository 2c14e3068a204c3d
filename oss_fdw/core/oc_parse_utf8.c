/*
 * oc_parse_utf8.c
 *	  Is text valid UTF-8 by the server's rules, and how many characters has it?
 *
 * Runs of ASCII are passed by vectors, everything else character by character.  Called for whole blocks as well as for
 * single fields, by any thread; pure functions.
 */
#include "oc_value_int.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

static size_t skip_ascii(const uint8_t *data, size_t size);
static size_t character_size(const uint8_t *data, size_t size);

bool
oc_utf8_valid(const char *data, size_t size, size_t *bad_offset)
{
	const uint8_t *source = (const uint8_t *) data;
	size_t at = 0;

	while (at < size)
	{
		if (source[at] < 0x80)
		{
			at += skip_ascii(source + at, size - at);
			if (at == size)
				return true;
		}

		size_t length = character_size(source + at, size - at);

		if (length == 0)
		{
			if (bad_offset)
				*bad_offset = at;
			return false;
		}
		at += length;
	}
	return true;
}

/* Every byte that does not continue a character begins one. */
size_t
oc_utf8_length(const char *data, size_t size)
{
	size_t count = size;
	size_t at = 0;

	/* all bytes less those of the form 10xxxxxx, eight at a time */
	for (; size - at >= 8; at += 8)
	{
		uint64_t bytes;

		memcpy(&bytes, data + at, 8);
		bytes = bytes >> 7 & ~(bytes >> 6) & UINT64_C(0x0101010101010101);
		count -= bytes * UINT64_C(0x0101010101010101) >> 56;
	}
	for (; at < size; at++)
		count -= (int8_t) data[at] < -64;
	return count;
}

/* How many bytes of ASCII other than NUL stand here. */
static size_t
skip_ascii(const uint8_t *data, size_t size)
{
	size_t at = 0;

#ifdef __SSE2__
	const __m128i zero = _mm_setzero_si128();

	/* signed: NUL and everything from 0x80 on are not above zero */
	for (; size - at >= 64; at += 64)
	{
		__m128i a = _mm_loadu_si128((const __m128i *) (data + at));
		__m128i b = _mm_loadu_si128((const __m128i *) (data + at + 16));
		__m128i c = _mm_loadu_si128((const __m128i *) (data + at + 32));
		__m128i d = _mm_loadu_si128((const __m128i *) (data + at + 48));
		__m128i good = _mm_and_si128(_mm_and_si128(_mm_cmpgt_epi8(a, zero), _mm_cmpgt_epi8(b, zero)),
									 _mm_and_si128(_mm_cmpgt_epi8(c, zero), _mm_cmpgt_epi8(d, zero)));

		if (_mm_movemask_epi8(good) != 0xFFFF)
			break;
	}
	for (; size - at >= 16; at += 16)
	{
		__m128i bytes = _mm_loadu_si128((const __m128i *) (data + at));
		unsigned good = (unsigned) _mm_movemask_epi8(_mm_cmpgt_epi8(bytes, zero));

		if (good != 0xFFFF)
			return at + (unsigned) __builtin_ctz(~good);
	}
#else
	for (; size - at >= 8; at += 8)
	{
		uint64_t word;

		memcpy(&word, data + at, 8);
		/* a byte is zero exactly when 0x7F carries nothing into its high bit */
		if ((word & 0x8080808080808080) || ((word + 0x7F7F7F7F7F7F7F7F) & 0x8080808080808080) != 0x8080808080808080)
			break;
	}
#endif
	while (at < size && data[at] - 1u < 0x7F)
		at++;
	return at;
}

static inline bool
continues(uint8_t byte)
{
	return (byte & 0xC0) == 0x80;
}

/* Bytes of the valid character that begins here, 0 when there is none. */
static inline size_t
character_size(const uint8_t *data, size_t size)
{
	uint8_t first = data[0];

	if (first < 0x80)
		return first != 0;
	if (first >= 0xE0 && first < 0xF0)
	{
		if (size < 3 || !continues(data[1]) || !continues(data[2]))
			return 0;
		/* overlong, surrogates */
		if ((first == 0xE0 && data[1] < 0xA0) || (first == 0xED && data[1] > 0x9F))
			return 0;
		return 3;
	}
	if (first >= 0xC2 && first < 0xE0)
		return size >= 2 && continues(data[1]) ? 2 : 0;
	if (first >= 0xF0 && first < 0xF5)
	{
		if (size < 4 || !continues(data[1]) || !continues(data[2]) || !continues(data[3]))
			return 0;
		/* overlong, above U+10FFFF */
		if ((first == 0xF0 && data[1] < 0x90) || (first == 0xF4 && data[1] > 0x8F))
			return 0;
		return 4;
	}
	return 0;
}
