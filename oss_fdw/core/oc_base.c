/*
 * oc_base.c
 *	  What everything else stands on: setting an error, starting a thread, reading clocks.
 *
 * What the store's error codes mean, and what a user can do about them, is in oc_error.c.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "oc_int.h"

#define THREAD_STACK_SIZE (512 * 1024)

static const char *class_message(oc_error_class class);
static bool class_is_retryable(oc_error_class class);
static void make_one_line(char *text, size_t size);

/* ---------------------------------------------------------------- errors */

/*
 * Starts a new error: every other field is cleared, so callers fill them afterwards.  retryable
 * is set for the classes that usually pass by themselves; who knows better overrides it.
 */
void
oc_error_set(oc_error *error, oc_error_class class, const char *format, ...)
{
	oc_error fresh = {.class = class, .retryable = class_is_retryable(class)};
	va_list args;

	if (!error)
		return;
	/* the arguments may point into *error, so it is replaced only when the text is ready */
	va_start(args, format);
	if (vsnprintf(fresh.message, sizeof(fresh.message), format, args) < 0)
		fresh.message[0] = '\0';
	va_end(args);
	make_one_line(fresh.message, sizeof(fresh.message));
	if (!fresh.message[0])
		snprintf(fresh.message, sizeof(fresh.message), "%s", class_message(class));
	*error = fresh;
}

static const char *
class_message(oc_error_class class)
{
	switch (class)
	{
		case OC_ERR_MEMORY:
			return "out of memory";
		case OC_ERR_RESOLVE:
			return "the host name was not found";
		case OC_ERR_CONNECT:
			return "the host could not be reached";
		case OC_ERR_TLS:
			return "the TLS connection failed";
		case OC_ERR_TIMEOUT:
			return "the store did not answer in time";
		case OC_ERR_NETWORK:
			return "the connection broke";
		case OC_ERR_CANCELLED:
			return "cancelled";
		default:
			return "the operation failed";
	}
}

static bool
class_is_retryable(oc_error_class class)
{
	return class == OC_ERR_RESOLVE || class == OC_ERR_CONNECT || class == OC_ERR_TIMEOUT ||
		   class == OC_ERR_NETWORK || class == OC_ERR_THROTTLED;
}

/* Control characters become blanks; a UTF-8 character that the buffer's end cut in two goes away. */
static void
make_one_line(char *text, size_t size)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char) text[i] < ' ' || text[i] == 0x7f)
			text[i] = ' ';
	if (length + 1 == size)
	{
		size_t start = length;
		size_t back = 0;

		while (start > 0 && back < 4 && ((unsigned char) text[start - 1] & 0xc0) == 0x80)
			start--, back++;
		if (start > 0 && (unsigned char) text[start - 1] >= 0xc0)
		{
			unsigned char lead = (unsigned char) text[start - 1];
			size_t want = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;

			if (back < want)
				length = start - 1;
		}
		text[length] = '\0';
	}
	while (length > 0 && text[length - 1] == ' ')
		text[--length] = '\0';
}

/* ---------------------------------------------------------------- threads */

/*
 * A new thread inherits the creator's mask, so everything is blocked just around the creation:
 * the server's signals must never be delivered to a thread of ours.
 */
int
oc_thread_start(pthread_t *thread, void *(*main)(void *), void *arg, const char *name)
{
	pthread_attr_t attributes;
	sigset_t all;
	sigset_t before;
	char short_name[16]; /* the kernel's limit */
	int status;

	status = pthread_attr_init(&attributes);
	if (status != 0)
		return status;
	status = pthread_attr_setstacksize(&attributes, THREAD_STACK_SIZE);
	if (status == 0)
	{
		sigfillset(&all);
		status = pthread_sigmask(SIG_SETMASK, &all, &before);
	}
	if (status == 0)
	{
		status = pthread_create(thread, &attributes, main, arg);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (status == 0 && name)
		{
			snprintf(short_name, sizeof(short_name), "%.15s", name);
			pthread_setname_np(*thread, short_name);
		}
	}
	pthread_attr_destroy(&attributes);
	return status;
}

/* ---------------------------------------------------------------- clocks */

int64_t
oc_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

time_t
oc_wall_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}
