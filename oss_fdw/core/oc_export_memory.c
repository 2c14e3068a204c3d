/*
 * oc_export_memory.c
 *	  The memory of an export: buffers that are counted, recycled and, when the budget is short, given back.
 *
 * Who needs a buffer asks oc_memory_room first.  An eighth of the budget is kept back for what cannot wait: compressed bytes
 * that must be put into a part, a row longer than its block.  When room is short, spare buffers go first; then one waits for what
 * is in flight; only when nothing is in flight do idle writers have to end their objects (thousands of partitions).  Small
 * objects that wait for commit become uploads as soon as they take a quarter of the budget.
 *
 * Buffers are recycled because touching new pages costs more than filling them.  All of this runs on the owner's thread.
 */
#include <stdlib.h>

#include "oc_export_int.h"

#define SMALLEST_SPARE (64 * 1024)

static oc_memory *take_spare(oc_export *export, size_t capacity);
static void count_used(oc_export *export, size_t before, size_t after);
static void spill_writers(oc_export *export, uint64_t goal, const oc_writer *except);
static uint64_t largest_spillable(const oc_export *export, const oc_writer *except);
static uint64_t largest_held(const oc_export *export);

oc_memory *
oc_memory_get(oc_export *export, size_t capacity)
{
	oc_memory *memory = take_spare(export, capacity);

	if (memory)
		return memory;
	if (!oc_memory_fits(export, capacity))
		oc_memory_free_spare(export);
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
	oc_memory **best = NULL;
	oc_memory *memory;

	if (capacity < SMALLEST_SPARE)
		return NULL;
	for (oc_memory **link = &export->spare; *link; link = &(*link)->next)
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
	export->spare_bytes -= memory->capacity;
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
	export->used += after;
	export->used -= before;
	if (export->used > export->peak)
		export->peak = export->used;
}

void
oc_memory_release(oc_export *export, oc_memory *memory)
{
	if (!memory || --memory->references > 0)
		return;
	if (memory->capacity >= SMALLEST_SPARE && export->spare_bytes + memory->capacity <= export->budget / 4)
	{
		memory->next = export->spare;
		export->spare = memory;
		export->spare_bytes += memory->capacity;
		return;
	}
	count_used(export, memory->capacity, 0);
	free(memory->data);
	free(memory);
}

void
oc_memory_free_spare(oc_export *export)
{
	while (export->spare)
	{
		oc_memory *memory = export->spare;

		export->spare = memory->next;
		count_used(export, memory->capacity, 0);
		free(memory->data);
		free(memory);
	}
	export->spare_bytes = 0;
}

bool
oc_memory_room(oc_export *export, uint64_t need, const oc_writer *except)
{
	uint64_t goal = export->budget / (export->options.codec == OC_CODEC_NONE ? 4 : 16);

	/* spare buffers do not count: oc_memory_get hands them out, or frees them */
	if (export->used - export->spare_bytes + need <= export->budget - export->budget / 8)
		return true;
	if (oc_export_in_flight(export))
		return false;
	spill_writers(export, goal > need ? goal : need, except);
	oc_memory_unload_held(export, 0);
	return !oc_export_in_flight(export) || oc_memory_fits(export, need);
}

bool
oc_memory_fits(const oc_export *export, uint64_t need)
{
	return export->used + need <= export->budget - export->budget / 8;
}

/* Ends objects of idle writers, those with the most memory first, until goal bytes are on their way. */
static void
spill_writers(oc_export *export, uint64_t goal, const oc_writer *except)
{
	uint64_t spilled = 0;

	while (spilled < goal && !export->failed)
	{
		uint64_t largest = largest_spillable(export, except);
		oc_writer *next;

		if (largest == 0)
			return;
		/* everything of at least half that size in one pass: passes over thousands of writers stay few */
		for (oc_writer *writer = export->writers; writer && spilled < goal; writer = next)
		{
			uint64_t bytes = writer == except ? 0 : oc_writer_spillable(writer);

			next = writer->next;
			if (bytes == 0 || bytes < largest / 2)
				continue;
			oc_writer_spill(writer);
			spilled += bytes;
		}
	}
}

static uint64_t
largest_spillable(const oc_export *export, const oc_writer *except)
{
	uint64_t largest = 0;

	for (const oc_writer *writer = export->writers; writer; writer = writer->next)
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

			if (output->held && output->held->size > 0 && output->held->size >= largest / 2)
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

		if (held && held->size > largest)
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
	return export->peak;
}
