/*
 * unit.h
 *	  The whole test framework of the core: count, print, go on.
 *
 * Each test program includes it once, calls CHECK* from main (or functions main calls) and ends with
 * "return unit_done();".  Safe to use from several threads.
 */
#ifndef UNIT_H
#define UNIT_H

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static _Atomic int unit_passed;
static _Atomic int unit_failed;

#define CHECK(condition) unit_check((condition), #condition, __FILE__, __LINE__)
#define CHECK_INT(actual, expected) unit_check_int((intmax_t) (actual), (intmax_t) (expected), #actual, __FILE__, __LINE__)
#define CHECK_STR(actual, expected) unit_check_str((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_MEM(actual, expected, size) unit_check(memcmp((actual), (expected), (size)) == 0, #actual, __FILE__, __LINE__)

static inline int
unit_check(int good, const char *what, const char *file, int line)
{
	if (good)
		unit_passed++;
	else
	{
		unit_failed++;
		fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
	}
	return good;
}

static inline int
unit_check_int(intmax_t actual, intmax_t expected, const char *what, const char *file, int line)
{
	if (actual != expected)
		fprintf(stderr, "%s:%d: %s is %jd, expected %jd\n", file, line, what, actual, expected);
	return unit_check(actual == expected, what, file, line);
}

static inline int
unit_check_str(const char *actual, const char *expected, const char *what, const char *file, int line)
{
	int same = actual && expected && strcmp(actual, expected) == 0;

	if (!same)
		fprintf(stderr, "%s:%d: %s is\n  [%s], expected\n  [%s]\n", file, line, what, actual ? actual : "(null)",
				expected ? expected : "(null)");
	return unit_check(same, what, file, line);
}

static inline int
unit_done(void)
{
	printf("%d passed, %d failed\n", unit_passed, unit_failed);
	return unit_failed ? 1 : 0;
}

#endif
