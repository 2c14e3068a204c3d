/*
 * split_compare.h
 *	  Runs the core's splitter with pseudo-random chunk sizes and compares with the reference.
 *
 * Half of the runs take the code of the base machine instead of the best vector instructions.
 * Every chunk is copied to its own heap block, so that the sanitizer sees any byte read beyond it.
 */
#ifndef SPLIT_COMPARE_H
#define SPLIT_COMPARE_H

#include "oc_split.h"
#include "split_reference.h"

typedef struct compare_state
{
	const oc_split_options *options;
	const char *data;
	ref_result expected;
	size_t row; /* rows compared so far */
	bool facts;
	int ones; /* keeps reads from being optimised away */
	char difference[1200]; /* "" = equal */
} compare_state;

static unsigned
compare_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned) (*state >> 33);
}

static void
compare_fields(compare_state *c, const oc_batch *batch, size_t index, const ref_row *want)
{
	int place = 0;

	for (int i = 0; i < c->options->column_count; i++)
	{
		const oc_field *field;
		bool null = i >= want->count || want->data[i] == NULL;

		if (!c->options->columns[i].needed)
			continue;
		field = &batch->fields[index * (size_t) batch->field_count + (size_t) place++];
		if (null != (field->size < 0) ||
			(!null && ((size_t) field->size != want->size[i] || memcmp(field->data, want->data[i], want->size[i]) != 0)))
			snprintf(c->difference, sizeof(c->difference), "row %zu column %d: [%.*s] (%d), expected [%s]", c->row, i,
					 field->size > 0 && field->size < 200 ? field->size : 0, field->data ? field->data : "", field->size,
					 null ? "NULL" : want->data[i]);
		if (!null && field->data[field->size] == 1) /* must be readable */
			c->ones++;
	}
}

static void
compare_batch(compare_state *c, const oc_batch *batch)
{
	for (size_t r = 0; r < batch->row_count && c->difference[0] == 0; r++, c->row++)
	{
		const ref_row *want = &c->expected.rows[c->row];
		const char *error = "";

		if (c->row >= c->expected.count)
		{
			snprintf(c->difference, sizeof(c->difference), "more rows than %zu", c->expected.count);
			return;
		}
		if (c->facts && batch->rows[r].error >= 0)
			error = batch->errors[batch->rows[r].error].message;
		if (strcmp(error, want->error) != 0)
			snprintf(c->difference, sizeof(c->difference), "row %zu: error [%s], expected [%s]", c->row, error, want->error);
		else if (error[0] == 0)
			compare_fields(c, batch, r, want);
		if (c->facts && c->difference[0] == 0)
		{
			const oc_row *fact = &batch->rows[r];
			uint64_t line = 1;

			for (size_t i = 0; i < want->begin && c->options->eol[0] == 0; i++)
				line += c->data[i] == '\n';
			if (fact->offset != want->begin || fact->raw_size != want->end - want->begin ||
				memcmp(fact->raw, c->data + want->begin, fact->raw_size) != 0)
				snprintf(c->difference, sizeof(c->difference), "row %zu: raw at %llu size %u, expected %zu..%zu", c->row,
						 (unsigned long long) fact->offset, fact->raw_size, want->begin, want->end);
			else if (memchr(c->data, '\r', want->end) == NULL && c->options->eol[0] == 0 && fact->line != line)
				snprintf(c->difference, sizeof(c->difference), "row %zu: line %llu, expected %llu", c->row,
						 (unsigned long long) fact->line, (unsigned long long) line);
		}
	}
}

/* NULL: the same.  Else a static text that tells the difference. */
static const char *
compare_split(const oc_split_options *options, const char *data, size_t size, uint64_t seed, size_t max_chunk)
{
	static compare_state c;
	oc_error error = {0};
	bool facts = options->tolerate || (compare_random(&seed) & 1);
	oc_splitter *s = oc_splitter_open(options, facts, &error);
	size_t at = 0;
	oc_status status = OC_OK;

	if (s == NULL)
		return NULL; /* refused options have their own tests */
	if (compare_random(&seed) & 1)
		s->simd = OC_SIMD_BASE;
	memset(&c, 0, sizeof(c));
	c.options = options;
	c.data = data;
	c.facts = facts;
	c.expected = ref_split(options, data, size);
	do
	{
		size_t chunk = 1 + compare_random(&seed) % max_chunk;
		size_t max_rows = compare_random(&seed) % 3 ? 1000000 : 1 + compare_random(&seed) % 3;
		size_t used = 0;
		oc_batch batch;
		bool last;
		char *copy;

		if (chunk > size - at)
			chunk = size - at;
		last = at + chunk == size && (chunk == 0 || compare_random(&seed) % 4 != 0);
		copy = malloc(chunk);
		memcpy(copy, data + at, chunk);
		status = oc_splitter_next(s, copy, chunk, last, max_rows, &used, &batch, &error);
		if (used > chunk || (used < chunk && status == OC_OK && batch.row_count < max_rows &&
							 !(batch.row_count > 0 && options->tolerate)))
			snprintf(c.difference, sizeof(c.difference), "took %zu of %zu bytes", used, chunk);
		compare_batch(&c, &batch);
		free(copy);
		at += used;
		if (last && used == chunk)
			break;
	} while (status == OC_OK && c.difference[0] == 0);
	if (c.difference[0] == 0 && status != OC_OK &&
		(c.row >= c.expected.count || strcmp(c.expected.rows[c.row].error, error.message) != 0))
		snprintf(c.difference, sizeof(c.difference), "error [%s] at row %zu, expected [%s]", error.message, c.row,
				 c.row < c.expected.count ? c.expected.rows[c.row].error : "none");
	else if (c.difference[0] == 0 && status == OC_OK && c.row != c.expected.count)
		snprintf(c.difference, sizeof(c.difference), "%zu rows, expected %zu", c.row, c.expected.count);
	ref_free(&c.expected);
	oc_splitter_close(s);
	return c.difference[0] ? c.difference : NULL;
}

#endif
