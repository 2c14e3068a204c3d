/*
 * oc_split_convert.c
 *	  Fields of a batch -> values.
 *
 * A converted field is marked OC_FIELD_VALUE and holds its value instead of its place; a field in any other form than the plain one
 * stays as it is, for the type's input function.  Values that have an address live in the batch's arena, or, short texts of csv and text,
 * where they stand in the data: the byte in front of them, a delimiter, quote or line end that nobody will look at again,
 * becomes their header.
 */
#include "oc_convert_inline.h"
#include "oc_split.h"

#include <stdlib.h>

#define OC_ROOM_CHUNK 16384 /* bytes taken from the arena at a time */

static inline bool convert_field(oc_split_memory *memory, const oc_conversion *how, oc_field *field,
								 bool ahead);
static bool make_room(oc_split_memory *memory, size_t need);

bool
oc_split_convert_open(oc_splitter *s)
{
	bool any = false;

	for (int i = 0; i < s->options.column_count; i++)
		any |= s->columns[i].needed && s->columns[i].conversion.class != OC_CLASS_OTHER;
	if (!any)
		return true;
	s->conversions = calloc((size_t) s->needed, sizeof(*s->conversions));
	if (s->conversions == NULL)
		return false;
	for (int i = 0; i < s->options.column_count; i++)
		if (s->columns[i].needed)
			s->conversions[s->map[i]] = s->columns[i].conversion;
	/* in the other formats fields may touch or share bytes; a rejected row is kept as it was */
	s->overwrites = s->options.may_overwrite && !s->options.tolerate &&
					(s->options.format == OC_FORMAT_CSV || s->options.format == OC_FORMAT_TEXT);
	return true;
}

bool
oc_split_convert(const oc_splitter *s, oc_split_memory *memory)
{
	const oc_conversion *how = s->conversions;
	const int needed = s->needed;
	oc_field *fields = memory->fields;
	/* nothing in front of the data is ours */
	uintptr_t first = (uintptr_t) memory->data + 1;
	uintptr_t count = s->overwrites && memory->data_size > 0 ? memory->data_size - 1 : 0;

	if (how == NULL)
		return true;
	for (size_t row = 0; row < memory->row_count; row++, fields += needed)
		for (int i = 0; i < needed; i++)
			if (fields[i].size >= 0 && how[i].class != OC_CLASS_OTHER &&
				!convert_field(memory, &how[i], &fields[i],
							   (uintptr_t) fields[i].data - first < count))
				return false;
	return true;
}

static inline bool
convert_field(oc_split_memory *memory, const oc_conversion *how, oc_field *field, bool ahead)
{
	size_t need = oc_inline_convert_room(how, (size_t) field->size);
	size_t used = 0;
	uint64_t value;

	if (need > memory->room_size && !make_room(memory, need))
		return false;
	if (!oc_inline_convert(how, field->data, (size_t) field->size, ahead, memory->room, &used,
						   &value))
		return true;
	if (used > 0) /* else there may be no room at all */
	{
		memory->room += used;
		memory->room_size -= used;
	}
	field->data = (const char *) (uintptr_t) value;
	field->size = OC_FIELD_VALUE;
	return true;
}

/* What is left of the last chunk is lost: little, since a value longer than a chunk has one of its own. */
static bool
make_room(oc_split_memory *memory, size_t need)
{
	size_t size = need > OC_ROOM_CHUNK ? need : OC_ROOM_CHUNK;
	char *room = oc_arena_take(&memory->arena, size + 7);

	if (room == NULL)
		return false;
	memory->room = room + (-(uintptr_t) room & 7);
	memory->room_size = size;
	return true;
}
