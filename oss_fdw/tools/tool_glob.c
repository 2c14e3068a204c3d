/*
 * tool_glob.c
 *	  Globs over object names, as in the foreign tables: * ? [a-z] {a,b} stay within a folder, ** crosses folders; a backslash
 *	  quotes one of *?[{ and itself.
 */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define DEPTH_MOST 200 /* of nested stars and braces */

static bool is_quoted(const char *pattern);
static bool match(const char *pattern, const char *text, int depth);
static bool match_star(const char *pattern, const char *text, int depth);
static bool match_class(const char **pattern, unsigned char c);
static bool match_braces(const char *pattern, const char *text, int depth);

static bool
is_quoted(const char *pattern)
{
	return *pattern == '\\' && pattern[1] != '\0' && strchr("*?[{\\", pattern[1]) != NULL;
}

bool
tool_has_glob(const char *pattern)
{
	for (const char *c = pattern; *c; c++)
	{
		if (is_quoted(c))
			c++;
		else if (strchr("*?[{", *c))
			return true;
	}
	return false;
}

char *
tool_glob_prefix(const char *pattern)
{
	char *prefix = tool_copy(pattern);
	size_t size = 0;

	for (const char *c = pattern; *c && !strchr("*?[{", *c); c++)
	{
		if (is_quoted(c))
			c++;
		prefix[size++] = *c;
	}
	prefix[size] = '\0';
	return prefix;
}

bool
tool_glob_match(const char *pattern, const char *key)
{
	return match(pattern, key, 0);
}

static bool
match(const char *pattern, const char *text, int depth)
{
	if (depth > DEPTH_MOST)
		return false;
	for (; *pattern; pattern++)
	{
		if (*pattern == '*')
			return match_star(pattern, text, depth + 1);
		if (*pattern == '{')
			return match_braces(pattern, text, depth + 1);
		if (*text == '\0')
			return false;
		if (*pattern == '?' || *pattern == '[')
		{
			if (*text == '/' || (*pattern == '[' && !match_class(&pattern, (unsigned char) *text)))
				return false;
			/* '?' is one character, not one byte */
			do
				text++;
			while (*pattern == '?' && (*text & 0xc0) == 0x80);
			continue;
		}
		if (is_quoted(pattern))
			pattern++;
		if (*pattern != *text++)
			return false;
	}
	return *text == '\0';
}

/* "**" before a "/" stands for no folder as well. */
static bool
match_star(const char *pattern, const char *text, int depth)
{
	bool cross = pattern[1] == '*';

	while (*pattern == '*')
		pattern++;
	if (cross && *pattern == '/' && match(pattern + 1, text, depth))
		return true;
	for (;; text++)
	{
		if (match(pattern, text, depth))
			return true;
		if (*text == '\0' || (!cross && *text == '/'))
			return false;
	}
}

/* *pattern is left on the closing bracket.  A bracket that is not closed matches nothing. */
static bool
match_class(const char **pattern, unsigned char c)
{
	const unsigned char *p = (const unsigned char *) *pattern + 1;
	bool negated = *p == '!' || *p == '^';
	bool found = false;

	if (negated)
		p++;
	do
	{
		if (*p == '\0')
			return false;
		if (p[1] == '-' && p[2] != ']' && p[2] != '\0')
		{
			found |= c >= p[0] && c <= p[2];
			p += 3;
		}
		else
			found |= c == *p++;
	} while (*p != ']');
	*pattern = (const char *) p;
	return found != negated;
}

/* Each alternative, followed by the rest of the pattern. */
static bool
match_braces(const char *pattern, const char *text, int depth)
{
	const char *start = pattern + 1;
	const char *end = NULL;
	int open = 0;

	for (const char *c = pattern; *c && !end; c++)
	{
		open += *c == '{' ? 1 : *c == '}' ? -1 : 0;
		if (open == 0)
			end = c;
	}
	for (const char *c = start; end && c <= end; c++)
	{
		open += *c == '{' ? 1 : *c == '}' && c != end ? -1 : 0;
		if (open == 0 && (*c == ',' || c == end))
		{
			char *branch = tool_printf("%.*s%s", (int) (c - start), start, end + 1);
			bool matched = match(branch, text, depth);

			free(branch);
			if (matched)
				return true;
			start = c + 1;
		}
	}
	return false;
}
