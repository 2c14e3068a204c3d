/*
 * oc_split_memory.c
 *	  Where a batch lives: its field and row arrays, its errors and its arena.
 *
 * All is kept from batch to batch, because fresh pages cost more than splitting does; only what one giant row
 * needed is given back.
 */
#include "oc_split.h"

#include <stdlib.h>

#define OC_ARENA_BLOCK 65536	 /* bytes of an ordinary block */
#define OC_ARENA_KEEP (1 << 20) /* a larger block or buffer is freed at reset */

void
oc_split_memory_init(oc_split_memory *memory)
{
	memset(memory, 0, sizeof(*memory));
	oc_buf_init(&memory->held, OC_ROW_MAX);
}

void
oc_split_memory_free(oc_split_memory *memory)
{
	oc_arena_block *block = memory->arena.first;

	while (block != NULL)
	{
		oc_arena_block *next = block->next;

		free(block);
		block = next;
	}
	free(memory->fields);
	free(memory->rows);
	free(memory->errors);
	oc_buf_free(&memory->held);
	memset(memory, 0, sizeof(*memory));
}

void
oc_split_memory_reset(oc_split_memory *memory)
{
	oc_arena_block **link = &memory->arena.first;

	while (*link != NULL)
	{
		oc_arena_block *block = *link;

		if (block->capacity > OC_ARENA_KEEP)
		{
			*link = block->next;
			free(block);
		}
		else
		{
			block->size = 0;
			link = &block->next;
		}
	}
	if (memory->held.capacity > OC_ARENA_KEEP)
	{
		size_t ceiling = memory->held.ceiling;

		oc_buf_free(&memory->held);
		oc_buf_init(&memory->held, ceiling);
	}
	memory->row_count = 0;
	memory->error_count = 0;
	memory->room = NULL;
	memory->room_size = 0;
}

bool
oc_split_memory_room(oc_split_memory *memory, int count, bool row_facts)
{
	if (count > 0 && (memory->row_count + 1) * (size_t) count > memory->field_capacity)
	{
		size_t capacity = memory->field_capacity * 2 + (size_t) count * 64;
		oc_field *fields = realloc(memory->fields, capacity * sizeof(oc_field));

		if (fields == NULL)
			return false;
		memory->fields = fields;
		memory->field_capacity = capacity;
	}
	if (row_facts && memory->row_count + 1 > memory->row_capacity)
	{
		size_t capacity = memory->row_capacity * 2 + 64;
		oc_row *rows = realloc(memory->rows, capacity * sizeof(oc_row));

		if (rows == NULL)
			return false;
		memory->rows = rows;
		memory->row_capacity = capacity;
	}
	return true;
}

char *
oc_arena_take(oc_arena *arena, size_t size)
{
	oc_arena_block *block = arena->first;
	size_t need = size + 1;

	if (block == NULL || block->capacity - block->size < need)
	{
		/* an emptied block further down may do */
		oc_arena_block **link = block ? &block->next : &arena->first;

		while (*link != NULL && ((*link)->size != 0 || (*link)->capacity < need))
			link = &(*link)->next;
		block = *link;
		if (block != NULL)
			*link = block->next;
		else
		{
			size_t capacity = need > OC_ARENA_BLOCK ? need : OC_ARENA_BLOCK;

			block = malloc(sizeof(*block) + capacity);
			if (block == NULL)
				return NULL;
			block->size = 0;
			block->capacity = capacity;
		}
		block->next = arena->first;
		arena->first = block;
	}
	block->size += need;
	return block->data + block->size - need;
}

void
oc_arena_trim(oc_arena *arena, size_t unused)
{
	arena->first->size -= unused;
}

size_t
oc_split_memory_size(const oc_split_memory *memory)
{
	size_t size = memory->field_capacity * sizeof(oc_field) + memory->row_capacity * sizeof(oc_row) +
		memory->held.capacity;

	for (const oc_arena_block *block = memory->arena.first; block != NULL; block = block->next)
		size += block->capacity;
	return size;
}
