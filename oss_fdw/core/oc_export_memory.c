/*
 * oc_export_memory.c
 *	  The memory of an export: buffers that are counted, recycled and, when the budget is short, given back.
 *
 * Who needs a buffer asks oc_memory_room first.  An eighth of a budget is kept back for what cannot wait: compressed bytes
 * that must be put into a part, a row longer than its block.  When room is short, spare buffers go first; then one waits for what
 * is in flight; only when nothing is in flight do idle writers have to end their objects (thousands of partitions), or, where
 * parts are larger than memory may hold, to put into files what they have so far.  Small objects that wait for commit become
 * uploads as soon as they take a quarter of the budget.  There are two budgets: the export's own, and that of its group, for which
 * the same is done in all members.
 *
 * Buffers are recycled because touching new pages costs more than filling them.  All of this runs on the owner's thread.
 */
#include <stdio.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "oc_export_int.h"

#define SMALLEST_SPARE (64 * 1024)

static oc_memory *take_spare(oc_export *export, size_t capacity);
static void count_used(oc_export *export, size_t before, size_t after);
static bool has_room(uint64_t used, uint64_t limit, uint64_t need);
static bool own_room(oc_export *export, uint64_t need, const oc_writer *except);
static void give_back_holes(oc_export_group *group);
static bool group_room(oc_export *export, uint64_t need, const oc_writer *except);
static void make_room(oc_export *first, bool all, uint64_t goal, const oc_writer *except);
static uint64_t spill_writers(oc_export *export, uint64_t least, uint64_t goal, const oc_writer *except);
static uint64_t largest_spillable(const oc_export *export, const oc_writer *except);
static uint64_t largest_held(const oc_export *export);

oc_memory *
oc_memory_get(oc_export *export, size_t capacity)
{
	oc_memory *memory = take_spare(export, capacity);

	if (memory)
		return memory;
	if (!oc_memory_fits(export, capacity))
		oc_memory_free_spare(export->group);
	memory = calloc(1, sizeof(*memory));
	if (!memory)
		return NULL;
	memory->data = malloc(capacity > 0 ? capacity : 1);
	if (!memory->data)
	{
		free(memory);
		return NULL;
	}
	memory->capacity = capacity;
	memory->references = 1;
	count_used(export, 0, capacity);
	return memory;
}

/* The smallest spare buffer that is large enough and not wastefully large. */
static oc_memory *
take_spare(oc_export *export, size_t capacity)
{
	oc_export_group *group = export->group;
	oc_memory **best = NULL;
	oc_memory *memory;

	if (capacity < SMALLEST_SPARE)
		return NULL;
	for (oc_memory **link = &group->spare; *link; link = &(*link)->next)
	{
		size_t has = (*link)->capacity;

		if (has >= capacity && has <= capacity + capacity / 4 + SMALLEST_SPARE &&
			(!best || has < (*best)->capacity))
			best = link;
	}
	if (!best)
		return NULL;
	memory = *best;
	*best = memory->next;
	memory->next = NULL;
	memory->references = 1;
	group->spare_bytes -= memory->capacity;
	count_used(export, 0, memory->capacity);
	return memory;
}

bool
oc_memory_resize(oc_export *export, oc_memory *memory, size_t capacity)
{
	char *data = realloc(memory->data, capacity > 0 ? capacity : 1);

	if (!data)
		return false;
	oc_memory_follow(export, memory, data, capacity);
	return true;
}

void
oc_memory_follow(oc_export *export, oc_memory *memory, char *data, size_t capacity)
{
	memory->data = data;
	count_used(export, memory->capacity, capacity);
	memory->capacity = capacity;
}

static void
count_used(oc_export *export, size_t before, size_t after)
{
	oc_export_group *group = export->group;

	export->used += after;
	export->used -= before;
	group->used += after;
	group->used -= before;
	if (group->used + group->spare_bytes > group->peak)
		group->peak = group->used + group->spare_bytes;
}

void
oc_memory_release(oc_export *export, oc_memory *memory)
{
	oc_export_group *group = export->group;

	if (!memory || --memory->references > 0)
		return;
	count_used(export, memory->capacity, 0);
	if (memory->capacity >= SMALLEST_SPARE && group->spare_bytes + memory->capacity <= group->limit / 4)
	{
		memory->next = group->spare;
		group->spare = memory;
		group->spare_bytes += memory->capacity;
		return;
	}
	free(memory->data);
	free(memory);
}

void
oc_memory_free_spare(oc_export_group *group)
{
	while (group->spare)
	{
		oc_memory *memory = group->spare;

		group->spare = memory->next;
		free(memory->data);
		free(memory);
	}
	group->spare_bytes = 0;
}

bool
oc_memory_room(oc_export *export, uint64_t need, const oc_writer *except)
{
	return own_room(export, need, except) && (export->group == &export->own_group || group_room(export, need, except));
}

/* Spare buffers do not count: oc_memory_get hands them out, or frees them. */
static bool
has_room(uint64_t used, uint64_t limit, uint64_t need)
{
	return used + need <= limit - limit / 8;
}

static bool
own_room(oc_export *export, uint64_t need, const oc_writer *except)
{
	uint64_t goal = export->budget / (export->options.codec == OC_CODEC_NONE ? 4 : 16);

	if (has_room(export->used, export->budget, need))
		return true;
	if (oc_export_in_flight(export))
		return false;
	make_room(export, false, goal > need ? goal : need, except);
	return !oc_export_in_flight(export) || oc_memory_fits(export, need);
}

static bool
group_room(oc_export *export, uint64_t need, const oc_writer *except)
{
	oc_export_group *group = export->group;
	uint64_t goal = group->limit / (export->options.codec == OC_CODEC_NONE ? 4 : 16);
	oc_error error = {0};

	if (has_room(group->used, group->limit, need))
	{
		if (group->was_short)
			give_back_holes(group);
		return true;
	}
	group->was_short = true;
	if (oc_group_in_flight(group))
		return false;
	make_room(group->members, true, goal > need ? goal : need, except);
	if (oc_memory_fits(export, need))
		return true;
	if (oc_group_in_flight(group))
		return false;
	/* one long row may take what it needs; but here are too many objects that must not end */
	if (group->used - export->used > group->limit / 2)
	{
		oc_error_set(&error, OC_ERR_LIMIT, "too many named objects are written at once for the memory allowed");
		snprintf(error.detail, sizeof(error.detail),
				 "a higher oss_fdw.max_memory helps, and so does a dir or prefix, where objects may end early");
		oc_export_fail(export, &error);
	}
	return true;
}

/*
 * What was sent has left holes of many sizes between buffers that live on.  Their pages go back to the system, since the next buffers
 * will not fit into all of them.
 */
static void
give_back_holes(oc_export_group *group)
{
	group->was_short = false;
	oc_memory_free_spare(group);
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

bool
oc_memory_fits(const oc_export *export, uint64_t need)
{
	const oc_export_group *group = export->group;

	return has_room(export->used, export->budget, need) && has_room(group->used + group->spare_bytes, group->limit, need);
}

/*
 * In one export, or in first and all members of the group behind it: ends objects of idle writers, those with the most memory
 * first, until goal bytes are on their way.  Small objects that wait for commit go, too.
 */
static void
make_room(oc_export *first, bool all, uint64_t goal, const oc_writer *except)
{
	uint64_t spilled = 0;

	while (spilled < goal)
	{
		uint64_t largest = 0;

		for (const oc_export *export = first; export; export = all ? export->next_member : NULL)
		{
			uint64_t bytes = largest_spillable(export, except);

			if (bytes > largest)
				largest = bytes;
		}
		if (largest == 0)
			break;
		/* everything of at least half that size in one pass: passes over thousands of writers stay few */
		for (oc_export *export = first; export && spilled < goal; export = all ? export->next_member : NULL)
			spilled += spill_writers(export, largest / 2, goal - spilled, except);
	}
	for (oc_export *export = first; export; export = all ? export->next_member : NULL)
		if (!export->failed)
			oc_memory_unload_held(export, 0);
}

/* Ends the objects of writers that have at least least bytes, until goal bytes are on their way; returns how many are. */
static uint64_t
spill_writers(oc_export *export, uint64_t least, uint64_t goal, const oc_writer *except)
{
	uint64_t spilled = 0;
	oc_writer *next;

	for (oc_writer *writer = export->writers; writer && spilled < goal && !export->failed; writer = next)
	{
		uint64_t bytes = writer == except ? 0 : oc_writer_spillable(writer);

		next = writer->next;
		if (bytes == 0 || bytes < least)
			continue;
		oc_writer_spill(writer);
		spilled += bytes;
	}
	return spilled;
}

static uint64_t
largest_spillable(const oc_export *export, const oc_writer *except)
{
	uint64_t largest = 0;

	for (const oc_writer *writer = export->failed ? NULL : export->writers; writer; writer = writer->next)
	{
		uint64_t bytes = writer == except ? 0 : oc_writer_spillable(writer);

		if (bytes > largest)
			largest = bytes;
	}
	return largest;
}

void
oc_memory_unload_held(oc_export *export, uint64_t keep)
{
	while (export->held_bytes > keep)
	{
		uint64_t largest = largest_held(export);

		if (largest == 0)
			return;
		for (size_t i = 0; i < export->output_count && export->held_bytes > keep; i++)
		{
			oc_output *output = export->outputs[i];

			if (output->held && !output->held->file && output->held->size > 0 && output->held->size >= largest / 2)
				oc_output_unload(export, output);
		}
	}
}

static uint64_t
largest_held(const oc_export *export)
{
	uint64_t largest = 0;

	for (size_t i = 0; i < export->output_count; i++)
	{
		const oc_piece *held = export->outputs[i]->held;

		if (held && !held->file && held->size > largest)
			largest = held->size;
	}
	return largest;
}

uint64_t
oc_export_memory(const oc_export *export)
{
	return export->used;
}

uint64_t
oc_export_peak_memory(const oc_export *export)
{
	return export->group->peak;
}
