/*
 * test_base.c
 *	  Errors are one line and never empty; threads get no signals; clocks advance.
 */
#include <signal.h>
#include <stdlib.h>

#include "oc_int.h"
#include "unit.h"

static void
messages(void)
{
	oc_error error;
	char tail[600];

	memset(&error, 0x55, sizeof(error)); /* whatever was there must be gone */
	oc_error_set(&error, OC_ERR_DATA, "row %d:\tbad\r\nvalue \"%s\"\n", 7, "x");
	CHECK_STR(error.message, "row 7: bad  value \"x\"");
	CHECK_INT(error.class, OC_ERR_DATA);
	CHECK(!error.retryable);
	CHECK_INT(error.http_status, 0);
	CHECK_STR(error.code, "");
	CHECK_STR(error.detail, "");
	CHECK_STR(error.operation, "");
	CHECK_INT(error.line, 0);

	for (int class = OC_ERR_MEMORY; class <= OC_ERR_CANCELLED; class ++)
	{
		oc_error_set(&error, (oc_error_class) class, "%s", "");
		CHECK(strlen(error.message) > 5);
	}
	oc_error_set(&error, OC_ERR_NETWORK, "gone");
	CHECK(error.retryable);
	oc_error_set(&error, OC_ERR_NETWORK, "again: %s", error.message);
	CHECK_STR(error.message, "again: gone");
	oc_error_set(NULL, OC_ERR_NETWORK, "nobody listens");

	/* cut at the buffer's end, but never inside a character; every alignment of 2, 3 and 4 bytes */
	static const char *const characters[] = {"\xc3\xa4", "\xe6\x95\xb0", "\xf0\x9f\x98\x80"};

	for (int kind = 0; kind < 3; kind++)
	{
		for (size_t lead = 0; lead < 4; lead++)
		{
			size_t width = strlen(characters[kind]);

			memset(tail, 'a', lead);
			tail[lead] = '\0';
			while (strlen(tail) + width < sizeof(tail))
				strcat(tail, characters[kind]);
			oc_error_set(&error, OC_ERR_STORE, "%s", tail);
			CHECK_INT((strlen(error.message) - lead) % width, 0);
			CHECK(strlen(error.message) > sizeof(error.message) - 1 - width);
		}
	}
}

static void *
look_at_mask(void *arg)
{
	sigset_t mask;
	int open = 0;

	(void) arg;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	for (int signal = 1; signal < 32; signal++)
		open += signal != SIGKILL && signal != SIGSTOP && !sigismember(&mask, signal);
	return (void *) (intptr_t) open;
}

static void
threads(void)
{
	pthread_t thread;
	sigset_t before;
	sigset_t after;
	void *open;
	int different = 0;

	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	CHECK_INT(
		oc_thread_start(&thread, look_at_mask, NULL, "a name that is too long for the kernel"), 0);
	pthread_join(thread, &open);
	CHECK_INT((intptr_t) open, 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int signal = 1; signal < 32; signal++)
		different += sigismember(&before, signal) != sigismember(&after, signal);
	CHECK_INT(different, 0);
	CHECK_INT(oc_thread_start(&thread, look_at_mask, NULL, NULL), 0);
	pthread_join(thread, &open);
	CHECK_INT((intptr_t) open, 0);
}

static void
clocks(void)
{
	int64_t first = oc_now_us();
	int64_t second;

	do
		second = oc_now_us();
	while (second == first);
	CHECK(second > first);
	CHECK(oc_wall_seconds() > 1700000000);
}

int
main(void)
{
	messages();
	threads();
	clocks();
	return unit_done();
}
