/*
 * oc_split_walk.c
 *	  The fast path of csv and text: rows are found 64 bytes at a time.
 *
 * Each block becomes bit masks: where delimiters, line ends, quotes or backslashes stand.  Quoted stretches fall out of a
 * prefix-xor over the quote bits, escaped bytes out of a walk over the backslash bits.  What is left are the real field and
 * row ends; the walk visits only those.  The same source (oc_split_walk.h) is compiled for AVX2 and for the base machine, and
 * chosen at run time.
 *
 * The walker only emits rows that are right in every respect.  Anything odd (a wrong number of fields, a stray CR, "\.")
 * makes it stop before that row: the careful path then takes it and words the error.
 */
#include "oc_split.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* What both instances need of a splitter, in registers. */
typedef struct oc_walk_state
{
	oc_splitter *s;
	const char *row;	 /* begin of the current row */
	const char *field;	 /* begin of the current field */
	oc_field *out;		 /* of the current row */
	uint64_t line;		 /* of the current row */
	uint64_t lines_before; /* line of the current block's first byte */
	int column;
	bool dirty;			 /* the current field holds escapes or odd quotes */
} oc_walk_state;

/* All masks of one block; bit i is byte i. */
typedef struct oc_masks
{
	uint64_t delimiter; /* outside quotes, not escaped */
	uint64_t eol;		/* the same */
	uint64_t dirty;		/* the field around it needs the careful store */
	uint64_t odd;		/* the row around it needs the careful path */
	uint64_t lines;		/* every line end byte: counts lines */
} oc_masks;

/* What goes from block to block. */
typedef struct oc_mask_carry
{
	uint64_t in_quote;	 /* all ones: the block begins inside quotes */
	uint64_t structural; /* 1: the byte before the block was a field or row end */
	uint64_t closing;	 /* 1: the byte before was a closing quote */
	uint64_t cr;		 /* 1: the byte before was a CR outside quotes */
	uint64_t escape;	 /* 1: the byte before was an active backslash */
} oc_mask_carry;

static oc_walk_result store_field(oc_walk_state *w, const char *end);
static void add_row_facts(oc_splitter *s, const oc_walk_state *w, const char *data, size_t size);

#define OC_NAME(name) name##_base
#define OC_TARGET
#include "oc_split_walk.h"
#undef OC_NAME
#undef OC_TARGET

#if defined(__x86_64__)
#define OC_AVX2
#define OC_NAME(name) name##_avx2
#define OC_TARGET __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt,pclmul")))
#include "oc_split_walk.h"
#undef OC_NAME
#undef OC_TARGET
#undef OC_AVX2
#endif

oc_simd_level
oc_simd_detect(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
		__builtin_cpu_supports("popcnt") && __builtin_cpu_supports("pclmul"))
		return OC_SIMD_AVX2;
#endif
	return OC_SIMD_BASE;
}

oc_walk_result
oc_walk(oc_splitter *s, const char *data, size_t size, size_t *taken)
{
#if defined(__x86_64__)
	if (s->simd == OC_SIMD_AVX2)
		return s->counting ? count_avx2(s, data, size, taken) : walk_avx2(s, data, size, taken);
#endif
	return s->counting ? count_base(s, data, size, taken) : walk_base(s, data, size, taken);
}

bool
oc_simd_is_plain(oc_simd_level level, const char *data, size_t size)
{
#if defined(__x86_64__)
	if (level == OC_SIMD_AVX2)
		return is_plain_avx2(data, size);
#endif
	(void) level;
	return is_plain_base(data, size);
}

/* The field with escapes or odd quotes ends at end: the careful store of its format. */
static oc_walk_result
store_field(oc_walk_state *w, const char *end)
{
	oc_splitter *s = w->s;
	oc_error error;
	oc_field *out = &w->out[s->map[w->column]];
	size_t size = (size_t) (end - w->field);
	bool good = s->options.format == OC_FORMAT_CSV ? oc_csv_store(s, w->column, w->field, size, out, &error)
												   : oc_text_store(s, w->column, w->field, size, out, &error);

	/* the careful path finds the same error again, and reports it */
	return good ? OC_WALK_MORE : OC_WALK_ODD;
}

static void
add_row_facts(oc_splitter *s, const oc_walk_state *w, const char *data, size_t size)
{
	s->memory->rows[s->memory->row_count] =
		(oc_row){w->line, s->offset + (uint64_t) (w->row - data), w->row, (uint32_t) size, -1};
}
