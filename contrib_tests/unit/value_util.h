/*
 * value_util.h
 *	  For the tests of formatters and parsers: texts in buffers of their exact size, so that a sanitizer sees every byte too
 *	  many, and random numbers with a fixed seed.
 */
#ifndef VALUE_UTIL_H
#define VALUE_UTIL_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oc_value_int.h"
#include "unit.h"

static uint64_t random_state = 20260101;

static inline uint64_t
random64(void)
{
	uint64_t z = random_state += 0x9E3779B97F4A7C15;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return z ^ z >> 31;
}

static inline uint64_t
below(uint64_t limit)
{
	return random64() % limit;
}

/* size bytes of data on the heap, nothing behind them; the caller frees */
static inline char *
exact_copy(const void *data, size_t size)
{
	char *copy = malloc(size ? size : 1);

	if (size)
		memcpy(copy, data, size);
	return copy;
}

/* CHECK_STR for what a formatter appended: result is its expression with "out" as the target, room its documented maximum */
#define CHECK_FORMAT(room, result, expected) \
	do \
	{ \
		char *out = malloc(room); \
		size_t format_size = (size_t) (result); \
		char *format_text = calloc(1, (room) + 1); \
		CHECK(format_size <= (size_t) (room)); \
		memcpy(format_text, out, format_size); \
		CHECK_STR(format_text, expected); \
		free(format_text); \
		free(out); \
	} while (0)

/* call(text, size, &value) on an exact copy */
#define TRY_PARSE(accepted, call, text, ...) \
	do \
	{ \
		size_t parse_size = strlen(text); \
		char *parse_copy = exact_copy(text, parse_size); \
		accepted = call(parse_copy, parse_size, __VA_ARGS__); \
		free(parse_copy); \
	} while (0)

#define CHECK_REFUSED(call, text, ...) \
	do \
	{ \
		bool parse_accepted; \
		TRY_PARSE(parse_accepted, call, text, __VA_ARGS__); \
		if (!CHECK(!parse_accepted)) \
			fprintf(stderr, "    " #call " accepted [%s]\n", text); \
	} while (0)

#define CHECK_ACCEPTED(call, text, ...) \
	do \
	{ \
		bool parse_accepted; \
		TRY_PARSE(parse_accepted, call, text, __VA_ARGS__); \
		if (!CHECK(parse_accepted)) \
			fprintf(stderr, "    " #call " refused [%s]\n", text); \
	} while (0)

#endif
