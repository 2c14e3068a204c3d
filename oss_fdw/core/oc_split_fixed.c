/*
 * oc_split_fixed.c
 *	  Lines with fields at fixed byte positions.
 *
 * Blanks at the end of a field are padding.  What is left is NULL when it equals the null string.  A line may end inside a
 * field (editors strip blanks), but not before one, unless missing fields are to be filled.
 */
#include "oc_split.h"

static bool fixed_find(oc_splitter *s, oc_scan *scan, const char *data, size_t size, bool last, oc_row_end *end);
static bool fixed_row(oc_splitter *s, const char *row, size_t size, const int *map, oc_field *out, oc_error *error);

const oc_split_format oc_split_fixed = {.find = fixed_find, .row = fixed_row};

static bool
fixed_find(oc_splitter *s, oc_scan *scan, const char *data, size_t size, bool last, oc_row_end *end)
{
	for (size_t i = scan->position; i < size; i++)
	{
		if (s->eol != OC_EOL_CUSTOM && data[i] != '\n' && data[i] != '\r')
			continue;
		switch (oc_split_eol(s, scan, data, i, size, last, end))
		{
			case OC_EOL_HERE:
				return true;
			case OC_EOL_NEED_MORE:
				scan->position = i;
				return false;
			case OC_EOL_NOT_HERE:
				break;
		}
	}
	scan->position = size;
	if (!last)
		return false;
	end->size = end->next = size;
	end->problem = scan->problem;
	return true;
}

static bool
fixed_row(oc_splitter *s, const char *row, size_t size, const int *map, oc_field *out, oc_error *error)
{
	int count = s->options.column_count;
	size_t width = 0;

	for (int i = 0; i < count; i++)
	{
		const oc_split_column *column = &s->columns[i];
		size_t begin = column->position;
		size_t end = begin + column->length;

		if (end > width)
			width = end;
		if (begin > size || (begin == size && column->length > 0))
		{
			if (!s->options.fill_missing)
			{
				oc_split_error(s, i, error, "missing data for column \"%s\"", column->name);
				return false;
			}
			if (map[i] >= 0)
				out[map[i]] = (oc_field){"", -1};
			continue;
		}
		if (map[i] < 0)
			continue;
		if (end > size)
			end = size;
		while (end > begin && row[end - 1] == ' ')
			end--;
		out[map[i]] = (oc_field){row + begin, oc_split_is_null(s, row + begin, end - begin) ? -1 : (int32_t) (end - begin)};
	}
	s->fields_seen = count;
	while (size > width && row[size - 1] == ' ')
		size--;
	if (size > width && !s->options.ignore_extra)
	{
		oc_split_error(s, -1, error, "extra data after last expected column");
		return false;
	}
	return true;
}
