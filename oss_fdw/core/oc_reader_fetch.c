/*
 * oc_reader_fetch.c
 *	  The ordered window of ranged GETs, and the memory of a reader.
 *
 * GETs are asked for in the order of the rows, so that memory held by later objects can never keep the first one from
 * going on.  The window opens with the batches that the owner takes: a LIMIT 1 costs two small GETs.
 */
#include "oc_reader_int.h"

#include <stdlib.h>

#define OC_OPENING 16 /* batches after which the window is fully open */
#define OC_RANGE_STEP 65536 /* chunk sizes are multiples of it */

static bool add_source(oc_reader *reader);
static oc_source *new_source(oc_reader *reader, const oc_unit *unit, oc_error *error);
static bool start_range(oc_reader *reader, oc_source *source);
static oc_chunk *take_chunk(oc_reader *reader, size_t size, bool must);
static void fail_source(oc_source *source);
static void free_done_ranges(oc_reader *reader);
static oc_source *next_to_fetch(oc_reader *reader);

void
oc_reader_fetch(oc_reader *reader)
{
	int room;

	free_done_ranges(reader);
	pthread_mutex_lock(&reader->lock);
	room = oc_reader_window_room(reader);
	pthread_mutex_unlock(&reader->lock);
	for (; room > 0; room--)
	{
		oc_source *source = next_to_fetch(reader);

		while (source == NULL && add_source(reader))
			source = next_to_fetch(reader);
		if (source == NULL || !start_range(reader, source))
			break;
	}
}

/* The first source with bytes that were not asked for. */
static oc_source *
next_to_fetch(oc_reader *reader)
{
	oc_source *source;

	pthread_mutex_lock(&reader->lock);
	for (source = reader->first_source; source != NULL; source = source->next)
		if (!source->finished && !source->no_memory && source->fetch_next < source->fetch_end)
			break;
	pthread_mutex_unlock(&reader->lock);
	return source;
}

/* Nothing was asked for, arrived or waits to be taken.  The caller holds the lock. */
static bool
is_dry(const oc_source *source)
{
	return source->first_range == NULL && source->first_slot == NULL && !source->active && source->range == NULL &&
		source->piece_size == 0;
}

int
oc_reader_window_room(oc_reader *reader)
{
	const oc_source *first = reader->first_source;
	int connections = reader->options.max_connections;
	int early = 2 * (reader->ramp + 1) - reader->ranges_started;
	int in_flight = 0;
	int room;

	for (const oc_source *source = first; source != NULL; source = source->next)
		for (const oc_range *range = source->first_range; range != NULL; range = range->next)
			in_flight += !oc_call_is_done(range->call);
	room = connections - in_flight;
	/* at first two for each batch that was taken: the owner may not want much */
	if (reader->ramp < OC_OPENING && early < room)
		room = early;
	/* whatever others hold, a first source that has run dry must be able to go on, and so must the search for one */
	if (room < 1 && in_flight < connections &&
		(first == NULL || (first->fetch_next < first->fetch_end && is_dry(first))))
		room = 1;
	return room;
}

static void
free_done_ranges(oc_reader *reader)
{
	oc_range *range;

	pthread_mutex_lock(&reader->lock);
	range = reader->done_ranges;
	reader->done_ranges = NULL;
	pthread_mutex_unlock(&reader->lock);
	while (range != NULL)
	{
		oc_range *next = range->next;

		oc_call_free(range->call);
		free(range);
		range = next;
	}
}

/* ---------------------------------------------------------------- sources */

/* Asks the owner for the next unit.  false: none, or not now. */
static bool
add_source(oc_reader *reader)
{
	oc_unit unit;
	oc_source *source;
	oc_error error = {0};
	oc_status status;

	while (!reader->units_over && reader->source_count < OC_MAX_SOURCES)
	{
		memset(&unit, 0, sizeof(unit));
		status = reader->options.next_unit(reader->options.next_unit_arg, &unit, &error);
		if (status != OC_OK)
		{
			reader->units_over = true;
			reader->unit_status = status;
			reader->unit_error = error;
			return false;
		}
		if (unit.object.size == 0 || unit.object.is_prefix || unit.start >= unit.object.size ||
			(unit.end > 0 && unit.end <= unit.start))
			continue;
		source = new_source(reader, &unit, &error);
		if (source == NULL)
		{
			reader->units_over = true;
			reader->unit_status = OC_FAILED;
			reader->unit_error = error;
			return false;
		}
		pthread_mutex_lock(&reader->lock);
		if (reader->last_source)
			reader->last_source->next = source;
		else
			reader->first_source = source;
		reader->last_source = source;
		reader->source_count++;
		pthread_mutex_unlock(&reader->lock);
		return true;
	}
	return false;
}

/* More backslashes than that before a unit are not worth a thought. */
#define OC_LOOK_BACK 4096

/*
 * Bytes before the start of a unit that tell whether a row begins exactly there: its line end, and in text with escapes the
 * backslashes before that.
 */
static size_t
look_back(const oc_reader *reader)
{
	const oc_split_options *split = &reader->options.split;

	if (split->eol[0])
		return strlen(split->eol);
	return split->format == OC_FORMAT_TEXT && !split->noescaping ? OC_LOOK_BACK : 1;
}

/* The unit's bounds, and what must be done about its first row. */
static void
set_bounds(oc_source *source, const oc_unit *unit)
{
	bool packed = unit->exact && unit->codec != OC_CODEC_NONE;
	bool binary = source->reader->options.split.format == OC_FORMAT_BINARY;
	size_t back = look_back(source->reader);

	source->exact = unit->exact;
	source->codec = unit->codec;
	source->end = unit->end > 0 && unit->end < unit->object.size ? unit->end : unit->object.size;
	source->to_object_end = source->end == unit->object.size;
	source->skip_partial = unit->start > 0 && !unit->exact;
	source->check_border = unit->start > 0 && unit->exact && !packed && !binary;
	source->whole = unit->start == 0 && source->to_object_end;
	source->start = unit->start;
	if (source->check_border && source->reader->options.split.eol[0] == '\0')
		back = 1;
	else if (!source->check_border && !source->skip_partial)
		back = 0;
	source->escape_known = unit->start <= back;
	source->fetch_next = source->position = unit->start > back ? unit->start - back : 0;
	source->fetch_end = source->end;
}

/* The splitter of a unit that begins in the middle does not know what it does not see. */
static void
begin_split(oc_source *source, const oc_unit *unit)
{
	oc_splitter_begin(source->splitter, unit->start == 0);
	if (!unit->exact)
		oc_splitter_learn_eol(source->splitter, unit->eol);
	else if (unit->start > 0 && unit->codec == OC_CODEC_NONE)
		source->splitter->offset = unit->start;
	else
		source->splitter->entry = unit->start;
}

static oc_source *
new_source(oc_reader *reader, const oc_unit *unit, oc_error *error)
{
	oc_source *source = calloc(1, sizeof(*source));

	if (source == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for an object to read");
		return NULL;
	}
	source->reader = reader;
	source->object = unit->object;
	source->object.key = strdup(unit->object.key);
	source->object.etag = strdup(unit->object.etag ? unit->object.etag : "");
	source->object.storage_class = strdup(unit->object.storage_class ? unit->object.storage_class : "");
	set_bounds(source, unit);
	if (source->object.key && source->object.etag && source->object.storage_class)
		source->splitter = oc_reader_splitter(reader, error);
	else
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for an object to read");
	if (source->splitter == NULL)
	{
		oc_source_close(source);
		return NULL;
	}
	source->splitter->converts_later = source->splitter->conversions != NULL;
	begin_split(source, unit);
	return source;
}

/* No job is active.  Calls in flight are cancelled. */
void
oc_source_close(oc_source *source)
{
	oc_reader *reader = source->reader;
	oc_range *range = source->first_range;

	while (range != NULL)
	{
		oc_range *next = range->next;

		oc_reader_free_range(reader, range);
		range = next;
	}
	if (source->range)
		oc_reader_free_range(reader, source->range);
	pthread_mutex_lock(&reader->lock);
	oc_reader_drop(reader, source->block);
	pthread_mutex_unlock(&reader->lock);
	oc_decoder_close(source->decoder);
	oc_splitter_close(source->splitter);
	free(source->converted.data);
	free((char *) source->object.key);
	free((char *) source->object.etag);
	free((char *) source->object.storage_class);
	free(source);
}

/* ---------------------------------------------------------------- ranges */

static bool
start_range(oc_reader *reader, oc_source *source)
{
	uint64_t left = source->fetch_end - source->fetch_next;
	size_t size = reader->range_max;
	oc_range *range;
	oc_call *call;
	bool must;

	pthread_mutex_lock(&reader->lock);
	must = source == reader->first_source && source->first_range == NULL;
	pthread_mutex_unlock(&reader->lock);
	if (reader->ramp < OC_OPENING && ((size_t) OC_FIRST_RANGE << reader->ramp) < size)
		size = (size_t) OC_FIRST_RANGE << reader->ramp;
	/* a small rest is taken along instead of costing a request */
	if (left < size + size / 4)
		size = (size_t) left;
	range = calloc(1, sizeof(*range));
	call = oc_call_new(reader->client, OC_GET);
	if (range && call)
		range->chunk = take_chunk(reader, size, must);
	if (range == NULL || call == NULL || range->chunk == NULL)
	{
		/* without memory for its next range the first object cannot go on; others can wait for what it gives back */
		if (must || range == NULL || call == NULL)
			fail_source(source);
		oc_call_free(call);
		free(range);
		return false;
	}
	range->call = call;
	range->start = source->fetch_next;
	range->size = size;
	call->bucket = reader->bucket;
	call->key = source->object.key;
	call->range_start = range->start;
	call->range_size = size;
	call->if_match = source->object.etag[0] ? source->object.etag : NULL;
	call->sink = range->chunk->data;
	call->sink_size = size;
	call->stats = reader->options.stats;
	source->fetch_next += size;
	if (reader->ramp < OC_OPENING)
		reader->ranges_started++;
	pthread_mutex_lock(&reader->lock);
	if (source->last_range)
		source->last_range->next = range;
	else
		source->first_range = range;
	source->last_range = range;
	pthread_mutex_unlock(&reader->lock);
	oc_call_start(call);
	return true;
}

/* The rows that are under way already are still delivered. */
static void
fail_source(oc_source *source)
{
	oc_reader *reader = source->reader;

	pthread_mutex_lock(&reader->lock);
	source->no_memory = true;
	pthread_mutex_unlock(&reader->lock);
}

void
oc_reader_free_range(oc_reader *reader, oc_range *range)
{
	if (!oc_call_is_done(range->call))
		oc_call_cancel(range->call);
	oc_call_free(range->call);
	pthread_mutex_lock(&reader->lock);
	oc_reader_drop(reader, range->chunk);
	pthread_mutex_unlock(&reader->lock);
	free(range);
}

/* ---------------------------------------------------------------- chunks */

static oc_chunk *
new_chunk(size_t capacity, bool is_range)
{
	oc_chunk *chunk = malloc(sizeof(*chunk));
	char *data = malloc(capacity + 1); /* a field that ends here has a readable byte behind it */

	if (chunk == NULL || data == NULL)
	{
		free(chunk);
		free(data);
		return NULL;
	}
	data[capacity] = 0;
	*chunk = (oc_chunk){.capacity = capacity, .references = 1, .is_range = is_range, .data = data};
	return chunk;
}

/* Takes a fitting one off the list of free chunks.  The caller holds the lock. */
static oc_chunk *
reuse_chunk(oc_reader *reader, size_t capacity, bool is_range)
{
	oc_chunk **best = NULL;
	oc_chunk *chunk;

	for (oc_chunk **link = &reader->free_chunks; *link != NULL; link = &(*link)->next)
		if ((*link)->is_range == is_range && (*link)->capacity >= capacity &&
			(best == NULL || (*link)->capacity < (*best)->capacity))
			best = link;
	if (best == NULL)
		return NULL;
	chunk = *best;
	*best = chunk->next;
	chunk->next = NULL;
	chunk->references = 1;
	return chunk;
}

/* Frees free range chunks until need more bytes fit in the budget.  The caller holds the lock. */
static void
trim_chunks(oc_reader *reader, size_t need)
{
	oc_chunk **link = &reader->free_chunks;

	while (*link != NULL && reader->range_memory + need > reader->range_limit)
	{
		oc_chunk *chunk = *link;

		if (!chunk->is_range)
		{
			link = &chunk->next;
			continue;
		}
		*link = chunk->next;
		reader->range_memory -= chunk->capacity;
		free(chunk->data);
		free(chunk);
	}
}

/* A chunk for a range.  must: nothing else can bring the scan on, so the budget does not count. */
static oc_chunk *
take_chunk(oc_reader *reader, size_t size, bool must)
{
	size_t capacity = (size + OC_RANGE_STEP - 1) / OC_RANGE_STEP * OC_RANGE_STEP;
	oc_chunk *chunk;
	bool fits;

	pthread_mutex_lock(&reader->lock);
	chunk = reuse_chunk(reader, capacity, true);
	if (chunk == NULL)
		trim_chunks(reader, capacity);
	fits = must || reader->range_memory + capacity <= reader->range_limit;
	if (chunk == NULL && fits)
		reader->range_memory += capacity;
	pthread_mutex_unlock(&reader->lock);
	if (chunk != NULL || !fits)
		return chunk;
	chunk = new_chunk(capacity, true);
	if (chunk == NULL)
	{
		pthread_mutex_lock(&reader->lock);
		reader->range_memory -= capacity;
		pthread_mutex_unlock(&reader->lock);
	}
	return chunk;
}

oc_chunk *
oc_reader_block(oc_reader *reader, size_t capacity)
{
	oc_chunk *chunk;

	pthread_mutex_lock(&reader->lock);
	chunk = reuse_chunk(reader, capacity, false);
	pthread_mutex_unlock(&reader->lock);
	return chunk ? chunk : new_chunk(capacity, false);
}

void
oc_reader_drop(oc_reader *reader, oc_chunk *chunk)
{
	if (chunk == NULL || --chunk->references > 0)
		return;
	chunk->next = reader->free_chunks;
	reader->free_chunks = chunk;
}
