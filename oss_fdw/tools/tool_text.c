/*
 * tool_text.c
 *	  Small things of both programs: memory, messages, and numbers as people write them.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tool.h"

static void end_without_memory(void) __attribute__((noreturn));
static void complain_parts(const char *what, const oc_error *error, FILE *file);
static void write_hint(const char *hint, FILE *file);

const char *tool_name = "";

/* ---------------------------------------------------------------- memory */

static void
end_without_memory(void)
{
	fprintf(stderr, "%s: out of memory\n", tool_name);
	exit(1);
}

void *
tool_alloc(size_t size)
{
	void *memory = calloc(1, size > 0 ? size : 1);

	if (!memory)
		end_without_memory();
	return memory;
}

void *
tool_realloc(void *memory, size_t size)
{
	void *more = realloc(memory, size > 0 ? size : 1);

	if (!more)
		end_without_memory();
	return more;
}

char *
tool_copy(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		end_without_memory();
	return copy;
}

char *
tool_printf(const char *format, ...)
{
	va_list args;
	char *text;
	int size;

	va_start(args, format);
	size = vasprintf(&text, format, args);
	va_end(args);
	if (size < 0)
		end_without_memory();
	return text;
}

/* ---------------------------------------------------------------- messages */

/* The line is written at once, so that lines of several processes in one log do not mix. */
void
tool_complain(const char *format, ...)
{
	char line[2048];
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (size >= (int) sizeof(line))
		memcpy(line + sizeof(line) - 4, "...", 4);
	fprintf(stderr, "%s: %s\n", tool_name, line);
}

void
tool_complain_error(const char *what, const oc_error *error)
{
	char *line = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&line, &size);

	if (!file)
		end_without_memory();
	complain_parts(what, error, file);
	if (fclose(file) != 0)
		end_without_memory();
	tool_complain("%s", line);
	free(line);
}

static void
complain_parts(const char *what, const oc_error *error, FILE *file)
{
	const char *hint = oc_error_hint(error);
	size_t size = strlen(error->message);
	bool store = error->code[0] || error->http_status || error->request_id[0];

	if (what)
		fprintf(file, "%s: ", what);
	/* no full stop inside the line */
	fprintf(file, "%.*s", (int) (size > 0 && error->message[size - 1] == '.' ? size - 1 : size), error->message);
	if (error->object[0] && !strstr(error->message, error->object))
		fprintf(file, ", object %s", error->object);
	if (store)
	{
		fputs(" (", file);
		if (error->operation[0])
			fprintf(file, "%s: ", error->operation);
		fprintf(file, "%s%sHTTP status %d", error->code, error->code[0] ? ", " : "", error->http_status);
		if (error->request_id[0])
			fprintf(file, ", request id %s", error->request_id);
		fputs(")", file);
	}
	if (error->detail[0])
		fprintf(file, "; %s", error->detail);
	if (hint)
	{
		fputs(". ", file);
		write_hint(hint, file);
	}
}

/* The core's hints speak to users of foreign tables: here there are neither user mappings nor options of tables. */
static void
write_hint(const char *hint, FILE *file)
{
	static const char *const words[] = {" in the user mapping", "server options ", "server option ", "table options ",
										"table option ", "option "};

	while (*hint)
	{
		size_t skip = 0;

		for (size_t i = 0; i < sizeof(words) / sizeof(*words) && skip == 0; i++)
		{
			if (strncmp(hint, words[i], strlen(words[i])) == 0)
				skip = strlen(words[i]);
		}
		if (skip > 0)
			hint += skip;
		else
			fputc(*hint++, file);
	}
}

/* ---------------------------------------------------------------- words and numbers */

bool
tool_same_word(const char *left, const char *right)
{
	for (;; left++, right++)
	{
		char a = *left >= 'A' && *left <= 'Z' ? *left + 32 : *left;
		char b = *right >= 'A' && *right <= 'Z' ? *right + 32 : *right;

		if (a != b)
			return false;
		if (a == '\0')
			return true;
	}
}

/* Digits and a unit; the value is limited so that no product overflows. */
static bool
parse_with_unit(const char *text, const char *const *units, const uint64_t *factors, uint64_t *value)
{
	uint64_t number = 0;
	const char *c = text;

	for (; *c >= '0' && *c <= '9'; c++)
	{
		if (number > UINT64_C(1) << 50)
			return false;
		number = number * 10 + (uint64_t) (*c - '0');
	}
	if (c == text)
		return false;
	while (*c == ' ')
		c++;
	for (int i = 0; units[i]; i++)
	{
		if (!tool_same_word(c, units[i]))
			continue;
		if (number > (UINT64_C(1) << 62) / factors[i])
			return false;
		*value = number * factors[i];
		return true;
	}
	return false;
}

bool
tool_parse_size(const char *text, uint64_t *bytes)
{
	static const char *const units[] = {"", "b", "k", "kb", "m", "mb", "g", "gb", "t", "tb", NULL};
	static const uint64_t factors[] = {1,          1,          1 << 10,    1 << 10,            1 << 20,
									   1 << 20,    1 << 30,    1 << 30,    UINT64_C(1) << 40,  UINT64_C(1) << 40};

	return parse_with_unit(text, units, factors, bytes);
}

bool
tool_parse_seconds(const char *text, long *seconds)
{
	static const char *const units[] = {"", "s", "min", "m", "h", "d", NULL};
	static const uint64_t factors[] = {1, 1, 60, 60, 3600, 86400};
	uint64_t value;

	if (!parse_with_unit(text, units, factors, &value) || value > 1000000000)
		return false;
	*seconds = (long) value;
	return true;
}

bool
tool_parse_count(const char *text, long least, long most, long *value)
{
	static const char *const units[] = {"", NULL};
	static const uint64_t factors[] = {1};
	uint64_t number;

	if (!parse_with_unit(text, units, factors, &number) || number > (uint64_t) most || (long) number < least)
		return false;
	*value = (long) number;
	return true;
}

const char *
tool_bytes_text(uint64_t bytes, char target[24])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double) bytes;
	int unit = 0;

	for (; value >= 1024; unit++)
		value /= 1024;
	snprintf(target, 24, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
	return target;
}

const char *
tool_time_text(int64_t microseconds, char target[32])
{
	time_t seconds = (time_t) (microseconds / 1000000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || strftime(target, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		target[0] = '\0';
	return target;
}

void
tool_json_string(FILE *file, const char *text)
{
	fputc('"', file);
	for (const unsigned char *c = (const unsigned char *) text; *c; c++)
	{
		if (*c == '"' || *c == '\\')
			fprintf(file, "\\%c", *c);
		else if (*c < ' ' || *c == 0x7f)
			fprintf(file, "\\u%04x", *c);
		else
			fputc(*c, file);
	}
	fputc('"', file);
}

double
tool_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

const char *
tool_temp_folder(void)
{
	const char *folder = getenv("TMPDIR");

	return folder && *folder ? folder : "/tmp";
}
