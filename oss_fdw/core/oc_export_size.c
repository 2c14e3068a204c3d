/*
 * oc_export_size.c
 *	  How large the parts of an object are: pure functions of the store's limits.
 *
 * An object that ends at max_file_size has parts of one size (some stores insist), large enough for the part numbers that there are.
 * Numbers are kept back only for what may come behind the limit: the rest of a block, and a last row of up to 1 GB.  Where a tenth of the
 * numbers is less than that (small parts), a tenth has to do.
 *
 * An object without a limit has parts of one size, too, as long as it is not larger than expected: the first half of the numbers.  Behind
 * that they double, up to the largest that the store takes.
 */
#include "oc_export_int.h"

#define MEGABYTE (1ull << 20)
#define LAST_ROW (1024 * MEGABYTE)
#define LAST_BLOCK \
	(64 *          \
	 MEGABYTE)  /* what is under way when an object is full, and what a codec may add to a row */
#define EDGES 2 /* the parts at either end are not whole */

static uint64_t divide_up(uint64_t bytes, uint64_t size);
static uint64_t numbers_kept(const oc_limits *limits, uint64_t part);

size_t
oc_part_size_at(const oc_limits *limits, size_t base, size_t most, int equal, int growth,
				int number)
{
	size_t size = base;
	int doubled = equal > 0 && number > equal ? (number - equal - 1) / growth + 1 : 0;

	if (most > limits->max_part)
		most = limits->max_part;
	for (; doubled > 0 && size < most; doubled--)
		size = size > most / 2 ? most : size * 2;
	return size;
}

uint64_t
oc_part_size_for(const oc_limits *limits, uint64_t part, uint64_t max_file_size, uint64_t expected)
{
	uint64_t parts = (uint64_t) limits->max_parts;
	uint64_t needed;

	if (max_file_size > 0)
	{
		uint64_t by_row = divide_up(max_file_size + LAST_ROW + LAST_BLOCK, parts - 2 * EDGES);

		needed = divide_up(max_file_size, parts - parts / 10);
		if (by_row < needed)
			needed = by_row;
	}
	else
		/* twice, because estimates are what they are */
		needed = divide_up(expected, parts / 2);
	if (part < limits->min_part)
		part = limits->min_part;
	if (part < needed)
		part = divide_up(needed, MEGABYTE) * MEGABYTE;
	/* the object then ends before its limit, at the last row that surely fits: oc_part_numbers_used */
	return part > limits->max_part ? limits->max_part : part;
}

bool
oc_part_numbers_used(const oc_limits *limits, int part_count, size_t part_size, uint64_t uncut)
{
	uint64_t used = (uint64_t) part_count;
	uint64_t kept = numbers_kept(limits, part_size);

	/* a tenth is not enough for the longest row, but has always done for others */
	if (kept == (uint64_t) limits->max_parts / 10)
		return used + kept >= (uint64_t) limits->max_parts;
	return used + divide_up(uncut, part_size) + kept > (uint64_t) limits->max_parts;
}

static uint64_t
numbers_kept(const oc_limits *limits, uint64_t part)
{
	uint64_t kept = divide_up(LAST_ROW + LAST_BLOCK, part) + EDGES;
	uint64_t tenth = (uint64_t) limits->max_parts / 10;

	return kept < tenth ? kept : tenth;
}

static uint64_t
divide_up(uint64_t bytes, uint64_t size)
{
	return bytes / size + (bytes % size != 0);
}
