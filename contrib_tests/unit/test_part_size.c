/*
 * test_part_size.c
 *	  How large parts are, by the store's limits alone: sizes that no test could write.
 */
#include "oc_export_int.h"
#include "unit.h"

#define MB       (1ull << 20)
#define GB       (1ull << 30)
#define TB       (1ull << 40)
#define LARGEST  (5 * GB)
#define LONG_ROW GB

static void
test_at(void)
{
	oc_limits limits = {.min_part = 100 << 10, .max_part = 5 * GB, .max_parts = 10000};
	size_t base = 8 * MB;

	CHECK_INT(oc_part_size_at(&limits, base, 5 * GB, 5000, 500, 1), base);
	CHECK_INT(oc_part_size_at(&limits, base, 5 * GB, 5000, 500, 5000), base);
	CHECK_INT(oc_part_size_at(&limits, base, 5 * GB, 5000, 500, 5001), 2 * base);
	CHECK_INT(oc_part_size_at(&limits, base, 5 * GB, 5000, 500, 5500), 2 * base);
	CHECK_INT(oc_part_size_at(&limits, base, 5 * GB, 5000, 500, 5501), 4 * base);
	CHECK_INT(oc_part_size_at(&limits, base, 5 * GB, 5000, 500, 9500), 512 * base);
	CHECK_INT(oc_part_size_at(&limits, base, 5 * GB, 5000, 500, 10000),
			  5 * GB); /* not 1,024 times */
	CHECK_INT(oc_part_size_at(&limits, base, 3 * base, 5000, 500, 9999), 3 * base);
	CHECK_INT(oc_part_size_at(&limits, base, 5 * GB, 0, 500, 10000), base);
	limits.max_part = 6 * MB;
	CHECK_INT(oc_part_size_at(&limits, 6 * MB, 5 * GB, 5000, 500, 9999), 6 * MB);
}

/* Bytes that the part numbers of an object without a limit hold. */
static uint64_t
capacity(const oc_limits *limits, uint64_t base)
{
	uint64_t sum = 0;

	for (int number = 1; number <= limits->max_parts; number++)
		sum +=
			oc_part_size_at(limits, base, limits->max_part, OC_PART_EQUAL, OC_PART_GROWTH, number);
	return sum;
}

/* The figures of README.md. */
static void
test_capacity(const oc_limits *limits)
{
	CHECK_INT(capacity(limits, 8 * MB) / MB,
			  5000 * 8 + 500 * (16 + 32 + 64 + 128 + 256 + 512 + 1024 + 2048 + 4096 + 5120));
	CHECK(capacity(limits, 8 * MB) > 6 * TB && capacity(limits, 8 * MB) < 7 * TB);
	CHECK(capacity(limits, 64 * MB) > 13 * TB);
	CHECK(capacity(limits, 5 * GB) == limits->max_object);
}

/*
 * An object grows by a block and a row at a time until it is full.  Returns the part numbers that it takes, and its bytes.  Only the last
 * gigabytes are gone through: before, nothing can be full.
 */
static uint64_t
parts_of_longest(const oc_limits *limits, uint64_t part, uint64_t limit, uint64_t row,
				 uint64_t *bytes)
{
	uint64_t most =
		part * (uint64_t) limits->max_parts < limit ? part * (uint64_t) limits->max_parts : limit;
	uint64_t total = most > 32 * GB ? most - 32 * GB : 0;

	CHECK(!oc_part_numbers_used(limits, (int) (total / part), part, total % part));
	do
		total += 8 * MB + row;
	while (total < limit &&
		   !oc_part_numbers_used(limits, (int) (total / part), part, total % part));
	*bytes = total;
	return total / part + (total % part != 0);
}

/* Equal parts suffice for an object of this limit, whatever its last row is. */
static void
limited(const oc_limits *limits, uint64_t part_size, uint64_t limit)
{
	uint64_t part = oc_part_size_for(limits, part_size, limit, 0);
	uint64_t bytes;

	CHECK(part >= part_size && part >= limits->min_part && part <= limits->max_part);
	CHECK(limit / part <= 10000);
	/* small rows: the object gets as large as it may */
	CHECK(parts_of_longest(limits, part, limit, 100, &bytes) <= 10000);
	if (limit <= 9990 * LARGEST)
		CHECK(bytes >= limit);
	else
		CHECK(bytes >= 9990 * LARGEST);
	/* a last row of 1 GB needs small parts to be no more than a tenth of the numbers */
	if (part >= 2 * MB)
		CHECK(parts_of_longest(limits, part, limit, LONG_ROW, &bytes) <= 10000);
}

static void
test_limited(const oc_limits *limits)
{
	static const uint64_t sizes[] = {MB,
									 256 * MB,
									 40 * GB,
									 72 * GB,
									 100 * GB,
									 700 * GB,
									 TB,
									 5 * TB,
									 20 * TB,
									 48 * TB,
									 TB * 488 / 10,
									 10000 * LARGEST - 1,
									 10000 * LARGEST};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		limited(limits, 0, sizes[i]);
		limited(limits, 8 * MB, sizes[i]);
		limited(limits, 64 * MB, sizes[i]);
		limited(limits, LARGEST, sizes[i]);
	}
	/* no larger than needed: a row and a block are kept back, not a tenth */
	CHECK_INT(oc_part_size_for(limits, 8 * MB, 256 * MB, 0), 8 * MB);
	CHECK_INT(oc_part_size_for(limits, 8 * MB, 70 * GB, 0), 8 * MB);
	CHECK_INT(oc_part_size_for(limits, 8 * MB, 100 * GB, 0), 11 * MB);
	CHECK_INT(oc_part_size_for(limits, 8 * MB, TB, 0), 106 * MB);
	CHECK_INT(oc_part_size_for(limits, 8 * MB, TB * 488 / 10, 0), LARGEST);
	CHECK_INT(oc_part_size_for(limits, 8 * MB, 10000 * LARGEST, 0), LARGEST);
	CHECK_INT(oc_part_size_for(limits, LARGEST, 256 * MB, 0), LARGEST);
	CHECK_INT(oc_part_size_for(limits, 9 * GB, 0, 0), LARGEST);
}

/* Without a limit what is expected fits into the half of the numbers that has parts of one size. */
static void
test_expected(const oc_limits *limits)
{
	CHECK_INT(oc_part_size_for(limits, 0, 0, 0), limits->min_part);
	CHECK_INT(oc_part_size_for(limits, 8 * MB, 0, 0), 8 * MB);
	CHECK_INT(oc_part_size_for(limits, 8 * MB, 0, 39 * GB), 8 * MB);
	CHECK_INT(oc_part_size_for(limits, 8 * MB, 0, 100 * GB), 21 * MB);
	CHECK_INT(oc_part_size_for(limits, 8 * MB, 0, TB), 210 * MB);
	CHECK_INT(oc_part_size_for(limits, 8 * MB, 0, 40 * TB), LARGEST);
	CHECK_INT(oc_part_size_for(limits, 8 * MB, 0, UINT64_MAX), LARGEST);
	for (uint64_t expected = GB; expected < 24 * TB; expected += expected / 3)
	{
		uint64_t part = oc_part_size_for(limits, 8 * MB, 0, expected);

		CHECK(part * OC_PART_EQUAL >= expected);
		CHECK(part % MB == 0);
	}
}

static void
test_used(const oc_limits *limits)
{
	/* small parts: the last tenth, as ever */
	CHECK(!oc_part_numbers_used(limits, 8999, 100 << 10, 50 << 10));
	CHECK(oc_part_numbers_used(limits, 9000, 100 << 10, 0));
	/* 8 MB: 136 and the two at the edges */
	CHECK(!oc_part_numbers_used(limits, 9862, 8 * MB, 0));
	CHECK(oc_part_numbers_used(limits, 9862, 8 * MB, 1));
	CHECK(oc_part_numbers_used(limits, 9863, 8 * MB, 0));
	/* 5 GB: one, and the edges */
	CHECK(!oc_part_numbers_used(limits, 9996, LARGEST, LARGEST));
	CHECK(oc_part_numbers_used(limits, 9997, LARGEST, LARGEST));
}

int
main(void)
{
	test_at();
	for (oc_provider provider = OC_PROVIDER_OSS; provider <= OC_PROVIDER_S3; provider++)
	{
		const oc_limits *limits = &oc_dialect_of(provider)->limits;

		CHECK_INT(limits->max_parts, 10000);
		test_capacity(limits);
		test_limited(limits);
		test_expected(limits);
		test_used(limits);
	}
	return unit_done();
}
