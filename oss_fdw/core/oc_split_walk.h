/*
 * oc_split_walk.h
 *	  The body of oc_split_walk.c, included once per instruction set.  OC_NAME and OC_TARGET are set by the includer.
 */

#define OC_INLINE static inline OC_TARGET __attribute__((always_inline))

#if defined(OC_AVX2)

/* Which of the 64 bytes at p are c. */
OC_INLINE uint64_t
OC_NAME(bytes)(const char *p, char c)
{
	__m256i key = _mm256_set1_epi8(c);
	__m256i low = _mm256_loadu_si256((const __m256i *) p);
	__m256i high = _mm256_loadu_si256((const __m256i *) (p + 32));
	uint32_t a = (uint32_t) _mm256_movemask_epi8(_mm256_cmpeq_epi8(low, key));
	uint32_t b = (uint32_t) _mm256_movemask_epi8(_mm256_cmpeq_epi8(high, key));

	return a | (uint64_t) b << 32;
}

/* Is any of the 64 bytes NUL or over 127? */
OC_INLINE bool
OC_NAME(special)(const char *p)
{
	__m256i low = _mm256_loadu_si256((const __m256i *) p);
	__m256i high = _mm256_loadu_si256((const __m256i *) (p + 32));
	__m256i zero = _mm256_cmpeq_epi8(_mm256_min_epu8(low, high), _mm256_setzero_si256());

	return _mm256_movemask_epi8(_mm256_or_si256(zero, _mm256_or_si256(low, high))) != 0;
}

/* Bit i of the result: xor of bits 0..i. */
OC_INLINE uint64_t
OC_NAME(prefix_xor)(uint64_t bits)
{
	__m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t) bits), _mm_set1_epi8((char) 0xFF), 0);

	return (uint64_t) _mm_cvtsi128_si64(product);
}

#else

#if defined(__SSE2__)

OC_INLINE uint64_t
OC_NAME(bytes)(const char *p, char c)
{
	__m128i key = _mm_set1_epi8(c);
	uint64_t bits = 0;

	for (int i = 0; i < 4; i++)
	{
		__m128i chunk = _mm_loadu_si128((const __m128i *) (p + 16 * i));

		bits |= (uint64_t) (uint32_t) _mm_movemask_epi8(_mm_cmpeq_epi8(chunk, key)) << (16 * i);
	}
	return bits;
}

OC_INLINE bool
OC_NAME(special)(const char *p)
{
	__m128i all = _mm_setzero_si128();

	for (int i = 0; i < 4; i++)
	{
		__m128i chunk = _mm_loadu_si128((const __m128i *) (p + 16 * i));

		all = _mm_or_si128(all, _mm_or_si128(chunk, _mm_cmpeq_epi8(chunk, _mm_setzero_si128())));
	}
	return _mm_movemask_epi8(all) != 0;
}

#else

/* 0x80 in each byte of word that is zero, exactly. */
OC_INLINE uint64_t
OC_NAME(zero_bytes)(uint64_t word)
{
	const uint64_t low7 = UINT64_C(0x7F7F7F7F7F7F7F7F);

	return ~(((word & low7) + low7) | word | low7);
}

OC_INLINE uint64_t
OC_NAME(bytes)(const char *p, char c)
{
	uint64_t key = (unsigned char) c * UINT64_C(0x0101010101010101);
	uint64_t bits = 0;

	for (int i = 0; i < 8; i++)
	{
		uint64_t word;

		memcpy(&word, p + 8 * i, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		word = __builtin_bswap64(word);
#endif
		bits |= ((OC_NAME(zero_bytes)(word ^ key) >> 7) * UINT64_C(0x0102040810204080) >> 56) << (8 * i);
	}
	return bits;
}

OC_INLINE bool
OC_NAME(special)(const char *p)
{
	uint64_t all = 0;

	for (int i = 0; i < 8; i++)
	{
		uint64_t word;

		memcpy(&word, p + 8 * i, 8);
		all |= (word & UINT64_C(0x8080808080808080)) | OC_NAME(zero_bytes)(word);
	}
	return all != 0;
}

#endif

OC_INLINE uint64_t
OC_NAME(prefix_xor)(uint64_t bits)
{
	for (int shift = 1; shift < 64; shift *= 2)
		bits ^= bits << shift;
	return bits;
}

#endif

static OC_TARGET bool
OC_NAME(is_plain)(const char *data, size_t size)
{
	size_t at = 0;

	for (; at + 64 <= size; at += 64)
		if (OC_NAME(special)(data + at))
			return false;
	if (at < size)
	{
		char rest[64];

		memset(rest, ' ', sizeof(rest));
		memcpy(rest, data + at, size - at);
		return !OC_NAME(special)(rest);
	}
	return true;
}

/* Wrong CR and LF: a row that holds one is odd. */
OC_INLINE uint64_t
OC_NAME(odd_line_ends)(const oc_splitter *s, const char *p, uint64_t eol, uint64_t outside, oc_mask_carry *carry)
{
	uint64_t other;

	if (s->eol == OC_EOL_CUSTOM)
		return 0;
	other = OC_NAME(bytes)(p, s->eol == OC_EOL_CR ? '\n' : '\r') & outside;
	if (s->eol == OC_EOL_CRLF)
	{
		/* each CR is followed by LF, each LF stands behind a CR */
		uint64_t behind = other << 1 | carry->cr;

		carry->cr = other >> 63;
		return behind ^ eol;
	}
	return other;
}

/* Line ends of any kind, of which eol are the object's own: none of them may stand within quotes (single_line). */
OC_INLINE uint64_t
OC_NAME(any_line_ends)(const oc_splitter *s, const char *p, uint64_t eol)
{
	return s->eol == OC_EOL_CUSTOM ? eol : eol | OC_NAME(bytes)(p, s->eol == OC_EOL_CR ? '\n' : '\r');
}

OC_INLINE void
OC_NAME(masks_csv)(const oc_splitter *s, const char *p, oc_mask_carry *carry, oc_masks *m)
{
	uint64_t quote = OC_NAME(bytes)(p, s->options.quote);
	uint64_t eol = OC_NAME(bytes)(p, s->eol == OC_EOL_CUSTOM ? s->options.eol[0] : s->eol == OC_EOL_CR ? '\r' : '\n');
	uint64_t inside = carry->in_quote;
	uint64_t outside;

	m->lines = eol;
	if (quote != 0)
		inside ^= OC_NAME(prefix_xor)(quote);
	outside = ~inside;
	m->eol = eol & outside;
	m->delimiter = OC_NAME(bytes)(p, s->options.delimiter[0]) & outside;
	m->odd = OC_NAME(odd_line_ends)(s, p, m->eol, outside, carry);
	if (s->options.single_line && inside != 0)
		m->odd |= OC_NAME(any_line_ends)(s, p, eol) & inside;
	m->dirty = 0;
	if ((quote | carry->in_quote | carry->closing) != 0)
	{
		/* an opening quote must follow a field or row end, a closing one must stand before one */
		uint64_t ends = m->eol | m->delimiter;
		uint64_t opening = quote & inside;
		uint64_t closing = quote & outside;
		uint64_t behind = closing << 1 | carry->closing;

		if (s->eol == OC_EOL_CRLF)
			behind &= ~(OC_NAME(bytes)(p, '\r') & outside);
		m->dirty = (opening & ~(ends << 1 | carry->structural)) | (behind & ~ends);
		carry->closing = closing >> 63;
		carry->in_quote = (uint64_t) ((int64_t) inside >> 63);
	}
	carry->structural = (m->eol | m->delimiter) >> 63;
}

/* Bytes behind an active backslash.  *starts: the active backslashes.  "\." makes its row odd. */
OC_INLINE uint64_t
OC_NAME(escaped)(const char *p, uint64_t backslash, oc_mask_carry *carry, uint64_t *starts, uint64_t *odd)
{
	uint64_t escaped = carry->escape;
	uint64_t left = backslash & ~carry->escape;

	*starts = 0;
	carry->escape = 0;
	while (left != 0)
	{
		int i = __builtin_ctzll(left);

		*starts |= UINT64_C(1) << i;
		if (i == 63)
		{
			carry->escape = 1;
			break;
		}
		escaped |= UINT64_C(2) << i;
		left &= ~(UINT64_C(3) << i);
	}
	*odd |= escaped & OC_NAME(bytes)(p, '.');
	return escaped;
}

OC_INLINE void
OC_NAME(masks_text)(const oc_splitter *s, const char *p, oc_mask_carry *carry, oc_masks *m)
{
	uint64_t backslash = s->options.noescaping ? 0 : OC_NAME(bytes)(p, '\\');
	uint64_t plain = ~UINT64_C(0);

	m->lines = OC_NAME(bytes)(p, s->eol == OC_EOL_CUSTOM ? s->options.eol[0] : s->eol == OC_EOL_CR ? '\r' : '\n');
	m->odd = 0;
	m->dirty = 0;
	if ((backslash | carry->escape) != 0)
		plain = ~OC_NAME(escaped)(p, backslash, carry, &m->dirty, &m->odd);
	m->eol = m->lines & plain;
	m->delimiter = OC_NAME(bytes)(p, s->options.delimiter[0]) & plain;
	m->odd |= OC_NAME(odd_line_ends)(s, p, m->eol, plain, carry);
}

/* One field ends at end. */
OC_INLINE oc_walk_result
OC_NAME(end_field)(oc_walk_state *w, bool csv, char quote, const char *end)
{
	const oc_splitter *s = w->s;
	int place = w->column < s->options.column_count ? s->map[w->column] : -1;

	if (place >= 0)
	{
		oc_field *out = &w->out[place];
		size_t size = (size_t) (end - w->field);

		if (w->dirty)
			return store_field(w, end);
		if (csv && *w->field == quote && size != 0)
		{
			out->data = w->field + 1;
			out->size = (int32_t) (size - 2);
			if (s->columns[w->column].force_null && oc_split_is_null(s, out->data, size - 2))
				out->size = -1;
		}
		else
		{
			out->data = w->field;
			out->size = (int32_t) size;
			if (size == s->null_size && oc_split_is_null(s, w->field, size) &&
				!(csv && s->columns[w->column].force_not_null))
				out->size = -1;
		}
	}
	return OC_WALK_MORE;
}

/* The rows that end in one block at p; bit i of the masks is p[i]. */
OC_INLINE oc_walk_result
OC_NAME(walk_block)(oc_walk_state *w, const oc_masks *m, bool csv, const char *data, const char *p)
{
	oc_splitter *s = w->s;
	const char quote = s->options.quote;
	const int columns = s->options.column_count;
	const size_t cr = s->eol == OC_EOL_CRLF ? 1 : 0;
	uint64_t bits = m->delimiter | m->eol | m->dirty | m->odd;

	for (; bits != 0; bits &= bits - 1)
	{
		uint64_t bit = bits & -bits;
		const char *at = p + __builtin_ctzll(bits);

		if (__builtin_expect(((m->odd | m->dirty) & bit) != 0, 0))
		{
			if (m->odd & bit)
				return OC_WALK_ODD;
			w->dirty = true;
			if (((m->delimiter | m->eol) & bit) == 0)
				continue;
		}
		if ((m->eol & bit) == 0)
		{
			if (OC_NAME(end_field)(w, csv, quote, at) != OC_WALK_MORE)
				return OC_WALK_ODD;
			w->column++;
		}
		else
		{
			oc_split_memory *memory = s->memory;
			const char *end = at - cr;

			if (OC_NAME(end_field)(w, csv, quote, end) != OC_WALK_MORE)
				return OC_WALK_ODD;
			if (w->column != columns - 1 || (uint64_t) (end - w->row) > s->max_row)
				return OC_WALK_ODD;
			if (s->row_facts)
				add_row_facts(s, w, data, (size_t) (end - w->row));
			memory->row_count++;
			w->row = at + 1;
			w->line = w->lines_before + (uint64_t) __builtin_popcountll(m->lines & (bit | (bit - 1)));
			w->field = at + 1;
			w->dirty = false;
			w->column = 0;
			if (memory->row_count >= s->max_rows)
				return OC_WALK_FULL;
			if (!oc_split_memory_room(memory, s->needed, s->row_facts))
				return OC_WALK_MEMORY;
			w->out = s->needed ? memory->fields + memory->row_count * (size_t) s->needed : NULL;
			continue;
		}
		w->field = at + 1;
		w->dirty = false;
	}
	w->lines_before += (uint64_t) __builtin_popcountll(m->lines);
	return OC_WALK_MORE;
}

OC_INLINE oc_walk_result
OC_NAME(walk_as)(oc_splitter *s, const char *data, size_t size, size_t *taken, bool csv)
{
	oc_walk_state w = {.s = s, .row = data, .field = data, .line = s->line, .lines_before = s->line};
	oc_mask_carry carry = {.structural = 1};
	oc_walk_result result = OC_WALK_MORE;
	char rest[64];

	if (!oc_split_memory_room(s->memory, s->needed, s->row_facts))
		return OC_WALK_MEMORY;
	w.out = s->needed ? s->memory->fields + s->memory->row_count * (size_t) s->needed : NULL;
	for (size_t at = 0; at < size && result == OC_WALK_MORE; at += 64)
	{
		const char *p = data + at;
		oc_masks m;

		if (size - at < 64)
		{
			memset(rest, 0, sizeof(rest));
			memcpy(rest, p, size - at);
			p = rest;
		}
		if (csv)
			OC_NAME(masks_csv)(s, p, &carry, &m);
		else
			OC_NAME(masks_text)(s, p, &carry, &m);
		result = OC_NAME(walk_block)(&w, &m, csv, data, data + at);
	}
	*taken = (size_t) (w.row - data);
	s->offset += *taken;
	if (s->known_lines)
		s->line = w.line;
	return result;
}

static OC_TARGET oc_walk_result
OC_NAME(walk)(oc_splitter *s, const char *data, size_t size, size_t *taken)
{
	*taken = 0;
	if (s->options.format == OC_FORMAT_CSV)
		return OC_NAME(walk_as)(s, data, size, taken, true);
	return OC_NAME(walk_as)(s, data, size, taken, false);
}

/* The counting mode: nothing is stored, only the number of fields of each row is checked. */
OC_INLINE oc_walk_result
OC_NAME(count_as)(oc_splitter *s, const char *data, size_t size, size_t *taken, bool csv)
{
	const uint64_t wanted = (uint64_t) s->options.column_count - 1;
	const uint64_t max_row = s->max_row;
	const size_t room = s->max_rows - s->memory->row_count;
	oc_mask_carry carry = {.structural = 1};
	size_t rows = 0;
	size_t row = 0;			   /* offset of the current row */
	uint64_t delimiters = 0;   /* in the current row, before this block */
	uint64_t line = s->line;
	uint64_t lines_before = s->line;
	oc_walk_result result = OC_WALK_MORE;
	char rest[64];

	for (size_t at = 0; at < size && result == OC_WALK_MORE; at += 64)
	{
		const char *p = data + at;
		oc_masks m;

		if (size - at < 64)
		{
			memset(rest, 0, sizeof(rest));
			memcpy(rest, p, size - at);
			p = rest;
		}
		if (csv)
			OC_NAME(masks_csv)(s, p, &carry, &m);
		else
			OC_NAME(masks_text)(s, p, &carry, &m);
		for (uint64_t ends = m.eol; ends != 0; ends &= ends - 1)
		{
			uint64_t upto = ends ^ (ends - 1); /* the row end and all before it */
			size_t next = at + (size_t) __builtin_ctzll(ends) + 1;

			delimiters += (uint64_t) __builtin_popcountll(m.delimiter & upto);
			if (delimiters != wanted || (m.odd & upto) != 0 || next - row > max_row)
			{
				result = OC_WALK_ODD;
				break;
			}
			m.delimiter &= ~upto;
			delimiters = 0;
			row = next;
			line = lines_before + (uint64_t) __builtin_popcountll(m.lines & upto);
			if (++rows == room)
			{
				result = OC_WALK_FULL;
				break;
			}
		}
		if (result == OC_WALK_MORE && m.odd != 0)
			result = OC_WALK_ODD;
		delimiters += (uint64_t) __builtin_popcountll(m.delimiter);
		lines_before += (uint64_t) __builtin_popcountll(m.lines);
	}
	*taken = row;
	s->memory->row_count += rows;
	s->offset += row;
	if (s->known_lines)
		s->line = line;
	return result;
}

static OC_TARGET oc_walk_result
OC_NAME(count)(oc_splitter *s, const char *data, size_t size, size_t *taken)
{
	*taken = 0;
	if (s->options.format == OC_FORMAT_CSV)
		return OC_NAME(count_as)(s, data, size, taken, true);
	return OC_NAME(count_as)(s, data, size, taken, false);
}

#undef OC_INLINE
