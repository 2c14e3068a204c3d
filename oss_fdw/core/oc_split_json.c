/*
 * oc_split_json.c
 *	  JSON lines: one object per line, its members matched with the columns by name.
 *
 * A missing member, or null, is NULL; members that are no column are passed over; of members with one name the last counts.
 * Strings become their text, everything else keeps its JSON text; a raw_json column keeps the quotes of strings, too.  Lines of white
 * space are no rows.  The whole line must be valid JSON.
 */
#include "oc_split.h"

#define MAX_DEPTH 512

typedef struct oc_json
{
	oc_splitter *s;
	const char *row;
	const char *at;
	const char *end;
	const char *problem; /* first error, with at where it is */
} oc_json;

static bool json_find(oc_splitter *s, oc_scan *scan, const char *data, size_t size, bool last, oc_row_end *end);
static bool json_row(oc_splitter *s, const char *row, size_t size, const int *map, oc_field *out, oc_error *error);
static bool read_members(oc_json *j, const int *map, oc_field *out, oc_error *error);
static bool store_value(oc_json *j, int column, const char *data, size_t size, oc_field *out, oc_error *error);
static bool decode(oc_json *j, const char *data, size_t size, oc_field *out, oc_error *error);
static int find_column(const oc_json *j, const char *name, size_t size, int likely);
static bool skip_value(oc_json *j, int depth);
static bool skip_string(oc_json *j);
static bool skip_number(oc_json *j);
static bool skip_word(oc_json *j, const char *word);
static bool skip_list(oc_json *j, char closing, int depth);
static int put_utf8(uint32_t code, char *target);

const oc_split_format oc_split_jsonl = {.find = json_find, .row = json_row, .blank_is_no_row = true};

static bool
json_find(oc_splitter *s, oc_scan *scan, const char *data, size_t size, bool last, oc_row_end *end)
{
	const char *eol = memchr(data + scan->position, '\n', size - scan->position);

	(void) s;
	scan->position = size;
	if (eol == NULL && !last)
		return false;
	end->size = eol ? (size_t) (eol - data) : size;
	end->next = eol ? end->size + 1 : size;
	return true;
}

static inline void
skip_blanks(oc_json *j)
{
	while (j->at < j->end && (*j->at == ' ' || *j->at == '\t' || *j->at == '\r' || *j->at == '\n'))
		j->at++;
}

static inline bool
fail(oc_json *j, const char *problem)
{
	if (j->problem == NULL)
		j->problem = problem;
	return false;
}

/* Takes c, with blanks before it. */
static inline bool
take(oc_json *j, char c)
{
	skip_blanks(j);
	if (j->at >= j->end || *j->at != c)
		return false;
	j->at++;
	return true;
}

static bool
json_row(oc_splitter *s, const char *row, size_t size, const int *map, oc_field *out, oc_error *error)
{
	oc_json j = {.s = s, .row = row, .at = row, .end = row + size};

	for (int i = 0; i < s->needed; i++)
		out[i] = (oc_field){"", -1};
	error->class = OC_ERR_NONE;
	if (!take(&j, '{'))
		fail(&j, "an object is expected");
	else if (read_members(&j, map, out, error))
	{
		skip_blanks(&j);
		if (j.at == j.end)
			return true;
		fail(&j, "nothing may follow the object");
	}
	if (j.problem != NULL)
		oc_split_error(s, -1, error, "invalid JSON at byte %zu of the line: %s", (size_t) (j.at - row) + 1, j.problem);
	return false;
}

static bool
read_members(oc_json *j, const int *map, oc_field *out, oc_error *error)
{
	int column = -1;

	if (take(j, '}'))
		return true;
	do
	{
		const char *name;
		const char *value;
		oc_field field;

		skip_blanks(j);
		name = j->at;
		if (!skip_string(j))
			return false;
		field = (oc_field){name + 1, (int32_t) (j->at - name - 2)};
		if (memchr(field.data, '\\', (size_t) field.size) && !decode(j, field.data, (size_t) field.size, &field, error))
			return false;
		if (!take(j, ':'))
			return fail(j, "a colon is expected");
		skip_blanks(j);
		value = j->at;
		if (!skip_value(j, 0))
			return false;
		column = find_column(j, field.data, (size_t) field.size, column + 1);
		if (column >= 0 && map[column] >= 0 &&
			!store_value(j, column, value, (size_t) (j->at - value), &out[map[column]], error))
			return false;
	} while (take(j, ','));
	return take(j, '}') || fail(j, "a comma or } is expected");
}

/* The columns mostly come in their order. */
static int
find_column(const oc_json *j, const char *name, size_t size, int likely)
{
	const oc_splitter *s = j->s;
	int count = s->options.column_count;

	for (int i = 0; i < count; i++)
	{
		int column = (likely + i) % count;
		const char *own = s->columns[column].name;

		if (strncmp(own, name, size) == 0 && own[size] == 0)
			return column;
	}
	return -1;
}

static bool
store_value(oc_json *j, int column, const char *data, size_t size, oc_field *out, oc_error *error)
{
	*out = (oc_field){data, (int32_t) size};
	if (size == 4 && memcmp(data, "null", 4) == 0)
		out->size = -1;
	else if (data[0] == '"' && !j->s->columns[column].raw_json)
	{
		*out = (oc_field){data + 1, (int32_t) size - 2};
		if (memchr(data, '\\', size))
			return decode(j, data + 1, size - 2, out, error);
	}
	return true;
}

/* ---------------------------------------------------------------- strings */

static int
hex4(const char *data)
{
	int value = 0;

	for (int i = 0; i < 4; i++)
	{
		char c = data[i];
		int digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* One \uXXXX or surrogate pair at data, which was checked by skip_string; returns bytes taken, 0: no character. */
static size_t
read_code(const char *data, size_t size, uint32_t *code)
{
	int low;

	*code = (uint32_t) hex4(data + 2);
	if (*code == 0 || (*code >= 0xDC00 && *code <= 0xDFFF))
		return 0;
	if (*code < 0xD800 || *code > 0xDFFF)
		return 6;
	if (size < 12 || data[6] != '\\' || data[7] != 'u')
		return 0;
	low = hex4(data + 8);
	if (low < 0xDC00 || low > 0xDFFF)
		return 0;
	*code = 0x10000 + ((*code - 0xD800) << 10) + (uint32_t) (low - 0xDC00);
	return 12;
}

/* Resolves the escapes of a string's inside into the arena. */
static bool
decode(oc_json *j, const char *data, size_t size, oc_field *out, oc_error *error)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char *target = oc_arena_take(&j->s->memory->arena, size);
	char *put = target;

	if (target == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a field of %zu bytes", size);
		return false;
	}
	for (size_t i = 0; i < size;)
	{
		uint32_t code;
		size_t used;

		if (data[i] != '\\')
		{
			*put++ = data[i++];
			continue;
		}
		if (data[i + 1] != 'u')
		{
			*put++ = to[strchr(from, data[i + 1]) - from];
			i += 2;
			continue;
		}
		used = read_code(data + i, size - i, &code);
		if (used == 0)
		{
			j->at = data + i;
			return fail(j, code == 0 ? "\\u0000 cannot be converted to text" : "a surrogate stands alone");
		}
		put += put_utf8(code, put);
		i += used;
	}
	*put = 0;
	*out = (oc_field){target, (int32_t) (put - target)};
	oc_arena_trim(&j->s->memory->arena, size - (size_t) (put - target));
	return true;
}

static int
put_utf8(uint32_t code, char *target)
{
	int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};

	target[0] = (char) (lead[more] | code >> (6 * more));
	for (int i = 1; i <= more; i++)
		target[i] = (char) (0x80 | (code >> (6 * (more - i)) & 0x3F));
	return more + 1;
}

static bool
skip_string(oc_json *j)
{
	if (j->at >= j->end || *j->at != '"')
		return fail(j, "a string is expected");
	for (j->at++; j->at < j->end; j->at++)
	{
		unsigned char c = (unsigned char) *j->at;

		if (c == '"')
		{
			j->at++;
			return true;
		}
		if (c < 0x20)
			return fail(j, "a control character in a string must be escaped");
		if (c != '\\')
			continue;
		j->at++;
		if (j->at < j->end && *j->at == 'u')
		{
			if (j->end - j->at < 5 || hex4(j->at + 1) < 0)
				return fail(j, "\\u must be followed by four hexadecimal digits");
			j->at += 4;
		}
		else if (j->at >= j->end || *j->at == 0 || strchr("\"\\/bfnrt", *j->at) == NULL)
			return fail(j, "an unknown escape sequence");
	}
	return fail(j, "a string is not closed");
}

/* ---------------------------------------------------------------- other values */

static bool
skip_value(oc_json *j, int depth)
{
	skip_blanks(j);
	if (j->at >= j->end)
		return fail(j, "a value is expected");
	if (depth >= MAX_DEPTH)
		return fail(j, "the nesting is too deep");
	switch (*j->at)
	{
		case '"':
			return skip_string(j);
		case '{':
			return skip_list(j, '}', depth);
		case '[':
			return skip_list(j, ']', depth);
		case 't':
			return skip_word(j, "true");
		case 'f':
			return skip_word(j, "false");
		case 'n':
			return skip_word(j, "null");
		default:
			return skip_number(j);
	}
}

/* An object or array. */
static bool
skip_list(oc_json *j, char closing, int depth)
{
	j->at++;
	if (take(j, closing))
		return true;
	do
	{
		skip_blanks(j);
		if (closing == '}')
		{
			if (!skip_string(j))
				return false;
			if (!take(j, ':'))
				return fail(j, "a colon is expected");
		}
		if (!skip_value(j, depth + 1))
			return false;
	} while (take(j, ','));
	return take(j, closing) || fail(j, closing == '}' ? "a comma or } is expected" : "a comma or ] is expected");
}

static bool
skip_word(oc_json *j, const char *word)
{
	size_t size = strlen(word);

	if ((size_t) (j->end - j->at) < size || memcmp(j->at, word, size) != 0)
		return fail(j, "a value is expected");
	j->at += size;
	return true;
}

static bool
skip_digits(oc_json *j)
{
	const char *begin = j->at;

	while (j->at < j->end && *j->at >= '0' && *j->at <= '9')
		j->at++;
	return j->at > begin;
}

static bool
skip_number(oc_json *j)
{
	const char *digits;

	if (*j->at == '-')
		j->at++;
	digits = j->at;
	if (!skip_digits(j))
		return fail(j, "a value is expected");
	if (*digits == '0' && j->at - digits > 1)
		return fail(j, "a number begins with 0");
	if (j->at < j->end && *j->at == '.')
	{
		j->at++;
		if (!skip_digits(j))
			return fail(j, "a digit is expected");
	}
	if (j->at < j->end && (*j->at | 0x20) == 'e')
	{
		j->at++;
		if (j->at < j->end && (*j->at == '+' || *j->at == '-'))
			j->at++;
		if (!skip_digits(j))
			return fail(j, "a digit is expected");
	}
	return true;
}
