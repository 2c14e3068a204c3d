/*
 * oc_format_text.c
 *	  Fields as CSV, as COPY text, and as JSON strings.
 *
 * Most fields are short and have nothing to escape.  So each escaper first tries to copy and to look for
 * special bytes in the same pass: up to 15 bytes by two overlapping loads, more by vectors.  What has special bytes goes on run
 * by run.  An oc_escaper, made once per table, holds the set of special bytes as a table and as vectors.  Pure functions, any thread.
 */
#include "oc_value_int.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

/* Fields from this size on are worth the wider vectors. */
#define AVX2_MIN 64

static bool copy_short(const oc_escaper *escaper, const char *data, size_t size, char *target);
static size_t copy_clean(const oc_escaper *escaper, const char *data, size_t size, char *target);
static size_t csv_quoted(const oc_escaper *escaper, const char *data, size_t size, char *target);
static size_t scan_clean(const oc_escaper *escaper, const char *data, size_t size);
static void set_vectors(oc_escaper *escaper, const char *needles, uint8_t first, uint8_t last);

/* ---------------------------------------------------------------- preparation */

static bool
delimiter_is_sane(const char *delimiter, const char *eol)
{
	size_t size = strlen(delimiter);

	return size >= 1 && size <= OC_DELIMITER_MAX && strlen(eol) <= OC_DELIMITER_MAX && !strpbrk(delimiter, "\r\n");
}

bool
oc_escaper_csv(oc_escaper *escaper, const char *delimiter, char quote, char escape, const char *null_string,
			   const char *eol, bool single_column)
{
	if (!delimiter_is_sane(delimiter, eol) || quote == '\0' || escape == '\0' || strchr(delimiter, quote) ||
		strchr(eol, quote))
		return false;

	char needles[6] = {quote, delimiter[0], '\n', '\r', escape, '\0'};
	char end = eol[0] ? eol[0] : '\n';

	memset(escaper, 0, sizeof *escaper);
	for (int i = 0; i < 4; i++)
		escaper->special[(uint8_t) needles[i]] = 1;
	escaper->special[(uint8_t) end] = 1;
	set_vectors(escaper, needles, (uint8_t) end, (uint8_t) end);
	escaper->quote = quote;
	escaper->escape = escape;
	escaper->null_string = null_string;
	escaper->null_size = strlen(null_string);
	escaper->single_column = single_column;
	return true;
}

bool
oc_escaper_text(oc_escaper *escaper, const char *delimiter, const char *eol, bool noescaping)
{
	static const char taken[] = "\\.abcdefghijklmnopqrstuvwxyz0123456789";
	static const char names[] = "btnvfr"; /* of the bytes 8 to 13 */

	if (!delimiter_is_sane(delimiter, eol))
		return false;
	if (!noescaping && (strchr(taken, delimiter[0]) || (eol[0] && strchr(taken, eol[0]))))
		return false;

	memset(escaper, 0, sizeof *escaper);
	if (noescaping)
	{
		char breaks[6] = {delimiter[0], eol[0] ? eol[0] : '\n', '\n', '\r', '\r', '\0'};

		for (int i = 0; i < 4; i++)
			escaper->special[(uint8_t) breaks[i]] = 1;
		set_vectors(escaper, breaks, '\r', '\r');
		escaper->raw = true;
		return true;
	}

	char needles[6] = {'\\', delimiter[0], eol[0] ? eol[0] : '\\', '\\', '\\', '\0'};

	for (int i = 0; i < 4; i++)
		escaper->special[(uint8_t) needles[i]] = (uint8_t) needles[i];
	/* the names win: a tab is \t, also as delimiter */
	for (int i = 0; i < 6; i++)
		escaper->special[8 + i] = (uint8_t) names[i];
	set_vectors(escaper, needles, 8, 13);
	return true;
}

void
oc_escaper_json(oc_escaper *escaper)
{
	memset(escaper, 0, sizeof *escaper);
	memset(escaper->special, 'u', 0x20);
	escaper->special['\b'] = 'b';
	escaper->special['\f'] = 'f';
	escaper->special['\n'] = 'n';
	escaper->special['\r'] = 'r';
	escaper->special['\t'] = 't';
	escaper->special['"'] = '"';
	escaper->special['\\'] = '\\';
	set_vectors(escaper, "\"\\\"\"\"", 0, 0x1F);
}

static void
set_vectors(oc_escaper *escaper, const char *needles, uint8_t first, uint8_t last)
{
	for (int i = 0; i < 5; i++)
		memset(escaper->needle[i], needles[i], 16);
	memset(escaper->range_first, first, 16);
	memset(escaper->range_span, last - first, 16);
#ifdef __SSE2__
	escaper->avx2 = __builtin_cpu_supports("avx2") != 0;
#endif
}

/* What the formatter of each class may write; NULL: anything. */
static const char *
class_bytes(oc_class class)
{
	switch (class)
	{
		case OC_CLASS_BOOL:
			return "tf";
		case OC_CLASS_INT2:
		case OC_CLASS_INT4:
		case OC_CLASS_INT8:
		case OC_CLASS_OID:
			return "-0123456789";
		case OC_CLASS_FLOAT4:
		case OC_CLASS_FLOAT8:
			return "+-.0123456789eINafinty";
		case OC_CLASS_NUMERIC:
			return "-.0123456789INafinty";
		case OC_CLASS_DATE:
		case OC_CLASS_TIME:
		case OC_CLASS_TIMETZ:
		case OC_CLASS_TIMESTAMP:
		case OC_CLASS_TIMESTAMPTZ:
			return "+-.0123456789: BCinfty";
		case OC_CLASS_UUID:
			return "-0123456789abcdef";
		case OC_CLASS_BYTEA:
			return "\\0123456789abcdefx";
		case OC_CLASS_OTHER:
		case OC_CLASS_TEXT:
			break;
	}
	return NULL;
}

bool
oc_class_is_plain(oc_class class, const oc_escaper *escaper)
{
	const char *bytes = class_bytes(class);

	if (bytes == NULL)
		return false;
	if (escaper->raw)
		return true;
	for (const char *at = bytes; *at; at++)
	{
		if (escaper->special[(uint8_t) *at])
			return false;
	}
	/* might a value look like the null string? */
	return escaper->null_size == 0 || strspn(escaper->null_string, bytes) < escaper->null_size;
}

/* ---------------------------------------------------------------- fields */

/* Must the field be quoted, whatever its bytes? */
static inline bool
csv_looks_reserved(const oc_escaper *escaper, const char *data, size_t size)
{
	if (size == escaper->null_size && memcmp(data, escaper->null_string, size) == 0)
		return true;
	return escaper->single_column && size == 2 && data[0] == '\\' && data[1] == '.';
}

size_t
oc_csv_field(const oc_escaper *escaper, const char *data, size_t size, bool force_quote, char *target)
{
	if (force_quote || csv_looks_reserved(escaper, data, size))
		return csv_quoted(escaper, data, size, target);
	if (size < 16)
	{
		if (copy_short(escaper, data, size, target))
			return size;
	}
	else if (copy_clean(escaper, data, size, target) == size)
		return size;
	return csv_quoted(escaper, data, size, target);
}

size_t
oc_csv_bound(const oc_escaper *escaper, const char *data, size_t size)
{
	size_t bound = size + 2;

	for (size_t i = 0; i < size; i++)
		bound += data[i] == escaper->quote || data[i] == escaper->escape;
	return bound;
}

size_t
oc_text_bound(const oc_escaper *escaper, const char *data, size_t size)
{
	size_t bound = size;

	for (size_t i = 0; i < size && !escaper->raw; i++)
		bound += escaper->special[(uint8_t) data[i]] != 0;
	return bound;
}

size_t
oc_json_bound(const oc_escaper *escaper, const char *data, size_t size)
{
	size_t bound = size + 2;

	for (size_t i = 0; i < size; i++)
	{
		uint8_t special = escaper->special[(uint8_t) data[i]];

		bound += special == 'u' ? 5 : special != 0;
	}
	return bound;
}

size_t
oc_text_field(const oc_escaper *escaper, const char *data, size_t size, char *target)
{
	size_t done = 0;
	char *at = target;

	if (escaper->raw)
	{
		memcpy(target, data, size);
		return size;
	}
	if (size < 16 && copy_short(escaper, data, size, target))
		return size;
	for (;;)
	{
		size_t run = copy_clean(escaper, data + done, size - done, at);

		done += run;
		at += run;
		if (done == size)
			return (size_t) (at - target);
		at[0] = '\\';
		at[1] = (char) escaper->special[(uint8_t) data[done++]];
		at += 2;
	}
}

size_t
oc_json_string(const oc_escaper *escaper, const char *data, size_t size, char *target)
{
	size_t done = 0;
	char *at = target + 1;

	*target = '"';
	if (size < 16 && copy_short(escaper, data, size, at))
	{
		at[size] = '"';
		return size + 2;
	}
	for (;;)
	{
		size_t run = copy_clean(escaper, data + done, size - done, at);

		done += run;
		at += run;
		if (done == size)
			break;

		uint8_t byte = (uint8_t) data[done++];

		at[0] = '\\';
		at[1] = (char) escaper->special[byte];
		at += 2;
		if (at[-1] == 'u')
		{
			memcpy(at, byte < 16 ? "000" : "001", 3);
			at[3] = "0123456789abcdef"[byte & 15];
			at += 4;
		}
	}
	*at = '"';
	return (size_t) (at + 1 - target);
}

bool
oc_escaper_is_special(const oc_escaper *escaper, const char *data, size_t size)
{
	return scan_clean(escaper, data, size) < size;
}

/* ---------------------------------------------------------------- vectors */

#ifdef __SSE2__

static inline __m128i
load16(const void *data)
{
	return _mm_loadu_si128((const __m128i *) data);
}

/* One bit for each special byte among the 16. */
static inline unsigned
special_mask(const oc_escaper *escaper, __m128i bytes)
{
	__m128i hits = _mm_or_si128(_mm_cmpeq_epi8(bytes, load16(escaper->needle[0])),
								_mm_cmpeq_epi8(bytes, load16(escaper->needle[1])));
	__m128i more = _mm_or_si128(_mm_cmpeq_epi8(bytes, load16(escaper->needle[2])),
								_mm_cmpeq_epi8(bytes, load16(escaper->needle[3])));
	__m128i above = _mm_sub_epi8(bytes, load16(escaper->range_first));
	__m128i range = _mm_cmpeq_epi8(_mm_min_epu8(above, load16(escaper->range_span)), above);

	return (unsigned) _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(hits, more), range));
}

/* Likewise for csv's quote and escape. */
static inline unsigned
quote_mask(const oc_escaper *escaper, __m128i bytes)
{
	return (unsigned) _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, load16(escaper->needle[0])),
													 _mm_cmpeq_epi8(bytes, load16(escaper->needle[4]))));
}

/* Whole 32-byte blocks up to the first that has a special byte; target NULL: only looks. */
__attribute__((target("avx2"))) static size_t
clean_blocks_avx2(const oc_escaper *escaper, const char *data, size_t size, char *target)
{
	__m256i needle0 = _mm256_set1_epi8((char) escaper->needle[0][0]);
	__m256i needle1 = _mm256_set1_epi8((char) escaper->needle[1][0]);
	__m256i needle2 = _mm256_set1_epi8((char) escaper->needle[2][0]);
	__m256i needle3 = _mm256_set1_epi8((char) escaper->needle[3][0]);
	__m256i first = _mm256_set1_epi8((char) escaper->range_first[0]);
	__m256i span = _mm256_set1_epi8((char) escaper->range_span[0]);
	size_t done = 0;

	for (; size - done >= 32; done += 32)
	{
		__m256i bytes = _mm256_loadu_si256((const __m256i *) (data + done));
		__m256i above = _mm256_sub_epi8(bytes, first);
		__m256i hits = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, needle0), _mm256_cmpeq_epi8(bytes, needle1));
		__m256i more = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, needle2), _mm256_cmpeq_epi8(bytes, needle3));

		more = _mm256_or_si256(more, _mm256_cmpeq_epi8(_mm256_min_epu8(above, span), above));
		if (_mm256_movemask_epi8(_mm256_or_si256(hits, more)) != 0)
			break;
		if (target)
			_mm256_storeu_si256((__m256i *) (target + done), bytes);
	}
	return done;
}

/*
 * Copies up to the first special byte and returns how many bytes stand before it.  May write up to size bytes.
 */
static size_t
copy_clean(const oc_escaper *escaper, const char *data, size_t size, char *target)
{
	size_t done = 0;

	if (size >= AVX2_MIN && escaper->avx2)
		done = clean_blocks_avx2(escaper, data, size, target);
	for (; size - done >= 16; done += 16)
	{
		__m128i bytes = load16(data + done);
		unsigned hits = special_mask(escaper, bytes);

		_mm_storeu_si128((__m128i *) (target + done), bytes);
		if (hits)
			return done + (unsigned) __builtin_ctz(hits);
	}
	if (size >= 16 && done < size)
	{
		/* the last 16 bytes again: those before done are known to be clean */
		__m128i bytes = load16(data + size - 16);
		unsigned hits = special_mask(escaper, bytes);

		_mm_storeu_si128((__m128i *) (target + size - 16), bytes);
		return hits ? size - 16 + (unsigned) __builtin_ctz(hits) : size;
	}
	for (; done < size && !escaper->special[(uint8_t) data[done]]; done++)
		target[done] = data[done];
	return done;
}

static size_t
scan_clean(const oc_escaper *escaper, const char *data, size_t size)
{
	size_t done = 0;

	if (size >= AVX2_MIN && escaper->avx2)
		done = clean_blocks_avx2(escaper, data, size, NULL);
	for (; size - done >= 16; done += 16)
	{
		unsigned hits = special_mask(escaper, load16(data + done));

		if (hits)
			return done + (unsigned) __builtin_ctz(hits);
	}
	while (done < size && !escaper->special[(uint8_t) data[done]])
		done++;
	return done;
}

/*
 * Copies at most 15 bytes and tells whether none of them is special.
 */
static inline bool
copy_short(const oc_escaper *escaper, const char *data, size_t size, char *target)
{
	if (size >= 8)
	{
		__m128i head = _mm_loadl_epi64((const __m128i *) data);
		__m128i tail = _mm_loadl_epi64((const __m128i *) (data + size - 8));

		_mm_storel_epi64((__m128i *) target, head);
		_mm_storel_epi64((__m128i *) (target + size - 8), tail);
		return special_mask(escaper, _mm_unpacklo_epi64(head, tail)) == 0;
	}
	if (size >= 4)
	{
		uint32_t head;
		uint32_t tail;

		memcpy(&head, data, 4);
		memcpy(&tail, data + size - 4, 4);
		memcpy(target, &head, 4);
		memcpy(target + size - 4, &tail, 4);
		return (special_mask(escaper, _mm_cvtsi64_si128((int64_t) (head | (uint64_t) tail << 32))) & 0xFF) == 0;
	}

	uint8_t special = 0;

	for (size_t i = 0; i < size; i++)
	{
		target[i] = data[i];
		special |= escaper->special[(uint8_t) data[i]];
	}
	return special == 0;
}

#else

static size_t
scan_clean(const oc_escaper *escaper, const char *data, size_t size)
{
	const uint8_t *special = escaper->special;
	const uint8_t *source = (const uint8_t *) data;
	size_t done = 0;

	for (; size - done >= 8; done += 8)
	{
		const uint8_t *at = source + done;

		if (special[at[0]] | special[at[1]] | special[at[2]] | special[at[3]] | special[at[4]] | special[at[5]] |
			special[at[6]] | special[at[7]])
			break;
	}
	while (done < size && !special[source[done]])
		done++;
	return done;
}

static size_t
copy_clean(const oc_escaper *escaper, const char *data, size_t size, char *target)
{
	size_t done = scan_clean(escaper, data, size);

	memcpy(target, data, done);
	return done;
}

static inline bool
copy_short(const oc_escaper *escaper, const char *data, size_t size, char *target)
{
	return copy_clean(escaper, data, size, target) == size;
}

#endif

#ifdef __SSE2__
/*
 * Blocks of 16 bytes as long as 32 are left, with an escape before each quote and escape; returns how many bytes of data were
 * taken.  Each run is stored as a whole vector, of which the next store overwrites what was too much.
 */
static size_t
quoted_blocks(const oc_escaper *escaper, const char *data, size_t size, char **target)
{
	size_t done = 0;
	char *at = *target;

	for (; size - done >= 32; done += 16)
	{
		__m128i bytes = load16(data + done);
		unsigned hits = quote_mask(escaper, bytes);
		unsigned taken = 0;

		_mm_storeu_si128((__m128i *) at, bytes);
		for (; hits; hits &= hits - 1)
		{
			unsigned place = (unsigned) __builtin_ctz(hits);

			at += place - taken;
			*at++ = escaper->escape;
			_mm_storeu_si128((__m128i *) at, load16(data + done + place));
			taken = place;
		}
		at += 16 - taken;
	}
	*target = at;
	return done;
}
#endif

/*
 * The field between quotes, with an escape before each quote and escape.
 */
static size_t
csv_quoted(const oc_escaper *escaper, const char *data, size_t size, char *target)
{
	const char quote = escaper->quote;
	const char escape = escaper->escape;
	size_t done = 0;
	char *at = target;

	*at++ = quote;
#ifdef __SSE2__
	done = quoted_blocks(escaper, data, size, &at);
	if (size - done >= 16)
	{
		__m128i bytes = load16(data + done);

		if (quote_mask(escaper, bytes) == 0)
		{
			_mm_storeu_si128((__m128i *) at, bytes);
			at += 16;
			done += 16;
		}
	}
#endif
	while (done < size)
	{
		if (data[done] == quote || data[done] == escape)
			*at++ = escape;
		*at++ = data[done++];
	}
	*at++ = quote;
	return (size_t) (at - target);
}
