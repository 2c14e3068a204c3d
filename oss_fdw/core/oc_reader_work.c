/*
 * oc_reader_work.c
 *	  From ranges to batches: CRC, decode, split.  One job per object at a time, so that its bytes stay in order.
 *
 *	range -> [decoder -> block of 256 kB] -> piece -> splitter -> slot
 *
 * Plain objects are split where they arrived, without a copy; the slot keeps the range's chunk alive.
 */
#include "oc_reader_int.h"

#include <stdio.h>
#include <stdlib.h>

typedef enum oc_step
{
	OC_STEP_OK,	   /* there is a piece, or a batch was made */
	OC_STEP_WAIT,  /* input or a slot is missing */
	OC_STEP_OVER,  /* the unit is complete */
	OC_STEP_FAILED /* source->error */
} oc_step;

static oc_step make_piece(oc_source *source);
static oc_step take_range(oc_source *source);
static oc_step check_range(oc_source *source, const oc_range *range);
static bool is_archive(oc_source *source, const char *data, size_t size);
static bool open_decoder(oc_source *source, const char *data, size_t size);
static oc_step plain_piece(oc_source *source);
static oc_step decode_piece(oc_source *source);
static oc_step end_of_input(oc_source *source);
static oc_step end_of_unit(oc_source *source);
static oc_step skip_partial(oc_source *source);
static oc_step check_border(oc_source *source);
static oc_step after_piece(oc_source *source);
static oc_step convert_piece(oc_source *source);
static oc_step give_converted(oc_source *source);
static oc_step give_good_text(oc_source *source);
static oc_step refuse_text(oc_source *source);
static void tell_line(oc_source *source);
static oc_step convert_joined(oc_source *source, const char **from, size_t *size, bool last);
static oc_step split_piece(oc_source *source, bool *made);
static void queue_slot(oc_source *source, oc_slot *slot);
static void convert_ahead(oc_source *source, int enough);
static oc_slot *pending_slot(const oc_source *source, int enough);
static oc_slot *take_slot(oc_source *source);
static void release_range(oc_source *source);
static void finish(oc_source *source, oc_step step);

/* ---------------------------------------------------------------- the job */

void
oc_source_work(oc_source *source, bool one)
{
	oc_step step = OC_STEP_OK;
	bool made = false;

	while (step == OC_STEP_OK && !(one && made) && !atomic_load_explicit(&source->reader->stop, memory_order_relaxed))
	{
		if (source->piece_size == 0 && !source->piece_last)
			step = make_piece(source);
		if (step == OC_STEP_OK && (source->piece_size > 0 || source->piece_last))
			step = split_piece(source, &made);
		if (!one)
			convert_ahead(source, step == OC_STEP_OK ? OC_READY_SLOTS : 0);
	}
	finish(source, step);
}

/* In the pool: makes values of batches as long as more than enough of them wait. */
static void
convert_ahead(oc_source *source, int enough)
{
	oc_reader *reader = source->reader;
	oc_slot *slot;

	if (!source->splitter->converts_later)
		return;
	pthread_mutex_lock(&reader->lock);
	while ((slot = pending_slot(source, enough)) != NULL)
	{
		bool good;

		slot->values = OC_VALUES_BUSY;
		pthread_mutex_unlock(&reader->lock);
		good = oc_split_convert(source->splitter, &slot->memory);
		pthread_mutex_lock(&reader->lock);
		slot->no_memory = !good;
		slot->values = OC_VALUES_THERE;
		pthread_cond_signal(&reader->converted);
	}
	pthread_mutex_unlock(&reader->lock);
}

/* The first batch without values that the owner will not take at once.  The caller holds the lock. */
static oc_slot *
pending_slot(const oc_source *source, int enough)
{
	oc_slot *slot = source->first_slot;

	if (source == source->reader->first_source && source->slots < enough)
		return NULL;
	/* the owner is about to come for the first one */
	if (source == source->reader->first_source && enough > 0 && slot != NULL)
		slot = slot->next;
	while (slot != NULL && slot->values != OC_VALUES_PENDING)
		slot = slot->next;
	return slot;
}

static void
finish(oc_source *source, oc_step step)
{
	oc_reader *reader = source->reader;

	if (step == OC_STEP_FAILED)
		oc_reader_name(source, &source->error);
	pthread_mutex_lock(&reader->lock);
	if (step == OC_STEP_OVER || step == OC_STEP_FAILED)
	{
		source->finished = true;
		source->failed = step == OC_STEP_FAILED;
	}
	pthread_mutex_unlock(&reader->lock);
}

bool
oc_source_ready(oc_source *source)
{
	oc_reader *reader = source->reader;
	bool first = source == reader->first_source;
	oc_range *next = source->first_range;

	if (source->finished || source->active)
		return false;
	if (first ? source->slots >= OC_HEAD_SLOTS : reader->slots_used + OC_HEAD_SLOTS >= reader->slot_limit)
		return false;
	/* the job's own fields may be read: none is active */
	if (source->piece_size > 0 || source->piece_last || source->range != NULL || source->input_over)
		return true;
	return next != NULL ? oc_call_is_done(next->call) : source->no_memory;
}

static oc_slot *
take_slot(oc_source *source)
{
	oc_reader *reader = source->reader;
	bool first;
	oc_slot *slot = NULL;

	pthread_mutex_lock(&reader->lock);
	first = source == reader->first_source;
	if (first ? source->slots < OC_HEAD_SLOTS : reader->slots_used + OC_HEAD_SLOTS < reader->slot_limit)
	{
		slot = reader->free_slots;
		if (slot != NULL)
			reader->free_slots = slot->next;
		reader->slots_used++;
	}
	pthread_mutex_unlock(&reader->lock);
	return slot;
}

/* An end-of-data marker ends the object, not just the unit that has it: the other units could not know. */
static bool
may_end_here(oc_source *source)
{
	if (source->whole || !source->splitter->ended || (!source->splitter->ignored && source->position >= source->object.size))
		return true;
	oc_error_set(&source->error, OC_ERR_DATA, "rows follow an end-of-copy marker: such an object cannot be read in pieces");
	return false;
}

/* The batch waits for the owner; an empty one frees its slot. */
static void
queue_slot(oc_source *source, oc_slot *slot)
{
	oc_reader *reader = source->reader;

	pthread_mutex_lock(&reader->lock);
	slot->next = NULL;
	if (source->splitter->counting && source->last_slot)
	{
		/* nobody looks at single batches: the owner is not woken for each */
		source->last_slot->batch.row_count += slot->batch.row_count;
		slot->batch.row_count = 0;
	}
	if (slot->batch.row_count > 0)
	{
		slot->values = source->splitter->converts_later ? OC_VALUES_PENDING : OC_VALUES_THERE;
		slot->no_memory = false;
		slot->chunk = source->splitter->counting ? NULL : source->block;
		if (slot->chunk)
			slot->chunk->references++;
		if (source->last_slot)
			source->last_slot->next = slot;
		else
			source->first_slot = slot;
		source->last_slot = slot;
		source->slots++;
		if (reader->waiting && source == reader->first_source && !source->splitter->counting)
		{
			reader->waiting = false;
			oc_io_notify(reader->io);
		}
	}
	else
	{
		slot->next = reader->free_slots;
		reader->free_slots = slot;
		reader->slots_used--;
	}
	pthread_mutex_unlock(&reader->lock);
}

/* Splits what it can of the piece into one slot. */
static oc_step
split_piece(oc_source *source, bool *made)
{
	oc_slot *slot = take_slot(source);
	size_t max_rows = source->splitter->counting ? SIZE_MAX : OC_BATCH_ROWS;
	oc_status status;
	size_t used;

	if (slot == NULL)
		return OC_STEP_WAIT;
	oc_splitter_use(source->splitter, &slot->memory);
	source->splitter->only_pending = source->behind_end;
	status = oc_splitter_next(source->splitter, source->piece, source->piece_size, source->piece_last, max_rows, &used,
							  &slot->batch, &source->error);
	slot->batch.object = &source->object;
	slot->batch.entry = source->splitter->entry;
	/* what counts lines in a unit that begins in the middle counts from there: nobody wants to know */
	for (size_t i = 0; source->start > 0 && slot->batch.rows && i < slot->batch.row_count; i++)
		slot->memory.rows[i].line = 0;
	for (size_t i = 0; i < slot->memory.error_count; i++)
		oc_reader_name(source, &slot->memory.errors[i]);
	source->piece += used;
	source->piece_size -= used;
	*made |= slot->batch.row_count > 0;
	queue_slot(source, slot);
	if (status != OC_OK || !may_end_here(source))
		return OC_STEP_FAILED;
	if (source->behind_end && !oc_splitter_pending(source->splitter))
		return OC_STEP_OVER;
	return source->piece_size > 0 ? OC_STEP_OK : after_piece(source);
}

/* ---------------------------------------------------------------- pieces */

/* The next bytes for the splitter; the last one was used up. */
static oc_step
make_piece(oc_source *source)
{
	oc_reader *reader = source->reader;
	oc_step step;

	if (source->ends_badly && !source->splitter->ended)
		return refuse_text(source);
	if (source->input_over)
		return end_of_unit(source);
	if (source->range == NULL && (source->decoder == NULL || source->position < source->end))
	{
		step = take_range(source);
		if (step != OC_STEP_OK)
			return step;
	}
	step = source->decoder ? decode_piece(source) : plain_piece(source);
	if (step != OC_STEP_OK)
		return step;
	source->decoded += source->piece_size;
	if (reader->options.max_decompressed > 0 && source->decoded > reader->options.max_decompressed)
	{
		oc_error_set(&source->error, OC_ERR_LIMIT, "the object has more than %llu bytes after decompression",
					 (unsigned long long) reader->options.max_decompressed);
		return OC_STEP_FAILED;
	}
	if (source->skip_partial)
	{
		step = skip_partial(source);
		if (step == OC_STEP_WAIT)
			return source->input_over ? OC_STEP_OVER : OC_STEP_OK;
		if (step == OC_STEP_FAILED)
			return step;
	}
	if (source->check_border)
	{
		step = check_border(source);
		if (step != OC_STEP_OK)
			return step;
	}
	if (source->input_over && (source->to_object_end || !source->exact))
		source->piece_last = true;
	/* nobody looks at what follows an end-of-data marker */
	if (!reader->options.convert || source->splitter->ended)
		return OC_STEP_OK;
	return convert_piece(source);
}

/* Takes the next range off the list once its call is done, and checks what the store said. */
static oc_step
take_range(oc_source *source)
{
	oc_reader *reader = source->reader;
	oc_range *range;
	bool no_memory = false;

	pthread_mutex_lock(&reader->lock);
	range = source->first_range;
	if (range != NULL && oc_call_is_done(range->call))
	{
		source->first_range = range->next;
		if (range->next == NULL)
			source->last_range = NULL;
		source->range = range;
		source->range_used = 0;
	}
	else
	{
		no_memory = source->no_memory && range == NULL;
		range = NULL;
	}
	pthread_mutex_unlock(&reader->lock);
	if (no_memory)
	{
		oc_error_set(&source->error, OC_ERR_MEMORY, "out of memory while reading");
		return OC_STEP_FAILED;
	}
	if (range == NULL)
		return OC_STEP_WAIT;
	return check_range(source, range);
}

/* What the store said with a range must fit the object as it was listed. */
static oc_step
check_range(oc_source *source, const oc_range *range)
{
	if (range->call->status != OC_OK)
	{
		source->error = range->call->error;
		if (source->error.class == OC_ERR_CHANGED)
			snprintf(source->error.message, sizeof(source->error.message), "the object changed while it was read");
		if (source->error.class == OC_ERR_NONE)
			oc_error_set(&source->error, OC_ERR_CANCELLED, "reading was cancelled");
		return OC_STEP_FAILED;
	}
	if (range->call->size != source->object.size)
	{
		oc_error_set(&source->error, OC_ERR_CHANGED, "the object changed while it was read: it had %llu bytes, now it has %llu",
					 (unsigned long long) source->object.size, (unsigned long long) range->call->size);
		return OC_STEP_FAILED;
	}
	if (range->call->received != range->size)
	{
		oc_error_set(&source->error, OC_ERR_INTEGRITY, "the store sent %zu bytes instead of %zu", range->call->received, range->size);
		return OC_STEP_FAILED;
	}
	if (range->call->store_crc64_known)
	{
		source->store_crc64_known = true;
		source->store_crc64 = range->call->store_crc64;
	}
	if (!source->codec_known && !open_decoder(source, range->chunk->data, range->size))
		return OC_STEP_FAILED;
	if (source->decoder && source->whole)
		source->crc64 = oc_crc64(source->crc64, range->chunk->data, range->size);
	return OC_STEP_OK;
}

/* An archive was taken for rows: no splitter's complaint would tell a person that. */
static bool
is_archive(oc_source *source, const char *data, size_t size)
{
	const char *kind = oc_archive_by_content(data, size);

	if (!kind)
		return false;
	if (strcmp(kind, "zip") == 0 || strcmp(kind, "tar") == 0)
		oc_error_set(&source->error, OC_ERR_ARGUMENT,
					 "the object is a %s archive: the filepath must name its members, as in \"x.%s!*.csv\"", kind, kind);
	else
		oc_error_set(&source->error, OC_ERR_ARGUMENT, "the object is a %s archive; of archives only tar and zip can be read", kind);
	return true;
}

/* The first bytes of an object decide about its codec; of an exact unit it was told, and they must agree where they can. */
static bool
open_decoder(oc_source *source, const char *data, size_t size)
{
	oc_codec codec = source->reader->options.codec;

	source->codec_known = true;
	if (source->skip_partial) /* a range in the middle is plain by contract */
		codec = OC_CODEC_NONE;
	else if (source->exact && (source->start > 0 || oc_codec_detect(data, size) == source->codec))
		codec = source->codec;
	else if (source->exact)
	{
		oc_error_set(&source->error, OC_ERR_CODEC, "the object's compression is not \"%s\", as its manifest says",
					 oc_codec_name(source->codec));
		return false;
	}
	else if (codec == OC_CODEC_AUTO)
	{
		codec = oc_codec_detect(data, size);
		if (codec == OC_CODEC_NONE && is_archive(source, data, size))
			return false;
	}
	if (codec == OC_CODEC_NONE)
		return true;
	if (!source->whole && !source->exact)
	{
		oc_error_set(&source->error, OC_ERR_ARGUMENT, "a compressed object cannot be read in pieces");
		return false;
	}
	source->decoder = oc_decoder_open(codec, &source->error);
	return source->decoder != NULL;
}

/* The piece is a part of the range itself. */
static oc_step
plain_piece(oc_source *source)
{
	oc_range *range = source->range;
	size_t left = range->size - source->range_used;
	size_t size = left < OC_PIECE + OC_PIECE / 2 ? left : OC_PIECE; /* no crumbs */
	oc_reader *reader = source->reader;

	source->piece = range->chunk->data + source->range_used;
	source->piece_size = size;
	if (source->block != range->chunk)
	{
		pthread_mutex_lock(&reader->lock);
		oc_reader_drop(reader, source->block);
		range->chunk->references++;
		pthread_mutex_unlock(&reader->lock);
		source->block = range->chunk;
	}
	if (source->whole)
		source->crc64 = oc_crc64(source->crc64, source->piece, size);
	source->range_used += size;
	source->position += size;
	if (source->range_used == range->size)
		release_range(source);
	if (source->position >= (source->exact ? source->end : source->object.size))
		return end_of_input(source);
	return OC_STEP_OK;
}

/* Fills a block with decoded bytes. */
static oc_step
decode_piece(oc_source *source)
{
	oc_reader *reader = source->reader;
	size_t filled = 0;
	oc_step step = OC_STEP_OK;

	if (source->block)
	{
		pthread_mutex_lock(&reader->lock);
		oc_reader_drop(reader, source->block);
		pthread_mutex_unlock(&reader->lock);
	}
	source->block = oc_reader_block(reader, OC_PIECE);
	if (source->block == NULL)
	{
		oc_error_set(&source->error, OC_ERR_MEMORY, "out of memory while decompressing");
		return OC_STEP_FAILED;
	}
	while (filled < OC_PIECE && step == OC_STEP_OK && !source->input_over)
	{
		oc_range *range = source->range;
		const unsigned char *from = (const unsigned char *) (range ? range->chunk->data + source->range_used : "");
		size_t size = range ? range->size - source->range_used : 0;
		size_t before = size;
		bool last = source->position + size >= source->end;
		size_t written = 0;
		oc_status status = oc_decoder_read(source->decoder, &from, &size, last, source->block->data + filled, OC_PIECE - filled,
										   &written, &source->error);

		source->range_used += before - size;
		source->position += before - size;
		filled += written;
		if (status == OC_END)
			step = end_of_input(source);
		else if (status != OC_OK)
			return OC_STEP_FAILED;
		if (range && size == 0)
		{
			release_range(source);
			if (!last)
				step = take_range(source);
		}
		else if (status == OC_OK && written == 0 && before == size && filled < OC_PIECE)
		{
			oc_error_set(&source->error, OC_ERR_CODEC, "the compressed data end too early");
			return OC_STEP_FAILED;
		}
	}
	source->piece = source->block->data;
	source->piece_size = filled;
	return step == OC_STEP_WAIT && filled > 0 ? OC_STEP_OK : step;
}

/* All stored bytes were taken: are they what the store has? */
static oc_step
end_of_input(oc_source *source)
{
	source->input_over = true;
	if (source->whole && source->store_crc64_known && source->crc64 != source->store_crc64)
	{
		oc_error_set(&source->error, OC_ERR_INTEGRITY, "the CRC-64 of the object's bytes is %016llx, the store says %016llx",
					 (unsigned long long) source->crc64, (unsigned long long) source->store_crc64);
		return OC_STEP_FAILED;
	}
	return OC_STEP_OK;
}

/* The range was used up; its call is freed by the owner. */
static void
release_range(oc_source *source)
{
	oc_reader *reader = source->reader;
	oc_range *range = source->range;

	source->range = NULL;
	pthread_mutex_lock(&reader->lock);
	reader->bytes_done += range->size;
	oc_reader_drop(reader, range->chunk);
	range->chunk = NULL;
	range->next = reader->done_ranges;
	reader->done_ranges = range;
	pthread_mutex_unlock(&reader->lock);
}

/* ---------------------------------------------------------------- units that are not the whole object */

/*
 * A line end as COPY knows them: *row is where the next row begins.  A backslash before it makes it data in text with escapes.  When the
 * object's kind of line end is known, only that one counts, as for the splitter.
 */
static bool
ends_line(oc_source *source, char c, size_t i, size_t *row)
{
	const oc_split_options *split = &source->reader->options.split;
	oc_eol eol = split->format == OC_FORMAT_JSONL ? OC_EOL_LF : source->splitter->eol;
	bool escaping = split->format == OC_FORMAT_TEXT && !split->noescaping;
	bool escaped = escaping && source->escaped;
	bool found = c == (eol == OC_EOL_CR ? '\r' : '\n') && !escaped;

	*row = i + 1;
	if (source->skipped_cr && c != '\n')
	{
		found = true;
		*row = i;
	}
	source->skipped_cr = eol == OC_EOL_UNKNOWN && c == '\r' && !escaped;
	source->escaped = c == '\\' && !escaped;
	return found;
}

/* The same for a line end of its own. */
static bool
ends_custom_line(oc_source *source, char c, size_t i, size_t *row)
{
	const char *eol = source->reader->options.split.eol;
	size_t eol_size = strlen(eol);

	*row = i + 1;
	if (source->history_size == eol_size)
		memmove(source->history, source->history + 1, --source->history_size);
	source->history[source->history_size++] = c;
	return source->history_size == eol_size && memcmp(source->history, eol, eol_size) == 0;
}

/* Drops bytes up to the first row begin at or behind the unit's start.  OC_STEP_WAIT: there is none in this piece. */
static oc_step
skip_partial(oc_source *source)
{
	bool custom = source->reader->options.split.eol[0] != '\0';
	uint64_t begin = source->position - source->piece_size; /* plain: decoded bytes are stored bytes */

	for (size_t i = 0; i < source->piece_size; i++)
	{
		char c = source->piece[i];
		bool known = source->escape_known;
		size_t row;
		bool found = custom ? ends_custom_line(source, c, i, &row) : ends_line(source, c, i, &row);

		source->escape_known |= c != '\\';
		if (begin + row < source->start || (!found && (known || c != '\n')))
			continue;
		if (!known && !custom && source->reader->options.split.format == OC_FORMAT_TEXT && !source->reader->options.split.noescaping)
		{
			oc_error_set(&source->error, OC_ERR_DATA, "the object cannot be read in pieces: too many backslashes at byte %llu",
						 (unsigned long long) (begin + i));
			return OC_STEP_FAILED;
		}
		if (!found)
			continue;
		source->skip_partial = false;
		source->piece += row;
		source->piece_size -= row;
		source->splitter->offset = begin + row;
		if (begin + row < source->end)
			return OC_STEP_OK;
		source->input_over = true; /* the first row begins behind our end */
		break;
	}
	source->piece_size = 0;
	if (source->position >= source->end)
		source->input_over = true;
	return OC_STEP_WAIT;
}

/*
 * The manifest says that a row begins at the unit's start: then a line end stands before it, and those bytes were fetched along to see it.
 * (Its last byte for any kind of line end, a wrong place within quotes included: the unit before ours tells such, see end_of_unit.)
 */
static oc_step
check_border(oc_source *source)
{
	const char *eol = source->reader->options.split.eol;
	size_t back = eol[0] ? strlen(eol) : 1;

	source->check_border = false;
	if (source->start < back || source->piece_size < back ||
		(eol[0] ? memcmp(source->piece, eol, back) != 0 : source->piece[0] != '\n' && source->piece[0] != '\r'))
	{
		oc_error_set(&source->error, OC_ERR_DATA, "no row begins at byte %llu of the object, as its manifest says",
					 (unsigned long long) source->start);
		return OC_STEP_FAILED;
	}
	source->piece += back;
	source->piece_size -= back;
	return OC_STEP_OK;
}

/* All bytes of the unit were split.  A row that would go on, or binary's end of all rows, shows that the border is none. */
static oc_step
end_of_unit(oc_source *source)
{
	oc_splitter *splitter = source->splitter;

	if (source->piece_last || source->to_object_end || !source->exact)
		return OC_STEP_OVER;
	if (source->leftover_size == 0 && !splitter->trailer && !oc_splitter_pending(splitter))
		return OC_STEP_OVER;
	if (source->leftover_size == 0 && !splitter->trailer && oc_splitter_at_row_end(splitter))
	{
		source->piece_last = true;
		return OC_STEP_OK;
	}
	oc_error_set(&source->error, OC_ERR_DATA, "no row ends at byte %llu of the object, as its manifest says",
				 (unsigned long long) source->end);
	return OC_STEP_FAILED;
}

/*
 * The piece was split.  At the unit's end only the row that began before it is still wanted: a little more is asked for, then
 * twice as much.
 */
static oc_step
after_piece(oc_source *source)
{
	oc_reader *reader = source->reader;
	uint64_t more = source->position - source->end;

	if (source->piece_last)
		return OC_STEP_OVER;
	/* there is more of our own rows, which cannot be read: make_piece says so */
	if (source->ends_badly && !source->behind_end && !source->splitter->ended)
		return OC_STEP_OK;
	if (source->exact)
		return source->input_over ? end_of_unit(source) : OC_STEP_OK;
	if (source->to_object_end || source->position < source->end)
		return OC_STEP_OK;
	if (!oc_splitter_pending(source->splitter))
		return OC_STEP_OVER;
	source->behind_end = true;
	pthread_mutex_lock(&reader->lock);
	source->fetch_end = source->position + (more < 65536 ? 65536 : more);
	if (source->fetch_end > source->object.size)
		source->fetch_end = source->object.size;
	pthread_mutex_unlock(&reader->lock);
	return OC_STEP_OK;
}

/* ---------------------------------------------------------------- encodings, in the owner's thread */

/* Replaces the piece by its conversion.  What is incomplete at its end waits in leftover. */
static oc_step
convert_piece(oc_source *source)
{
	const oc_reader_options *options = &source->reader->options;
	const char *from = source->piece;
	size_t size = source->piece_size;
	bool last = source->piece_last;
	size_t consumed = 1;

	source->converted.size = 0;
	if (source->leftover_size > 0 && convert_joined(source, &from, &size, last) != OC_STEP_OK)
		return give_good_text(source);
	while (size > 0 && consumed > 0)
	{
		oc_status status = options->convert(options->convert_arg, from, size, last, &consumed, &source->converted.data,
											&source->converted.size, &source->converted.capacity, &source->error);

		if (status != OC_OK)
			return give_good_text(source);
		from += consumed;
		size -= consumed;
	}
	if (size > sizeof(source->leftover) / 2 || (size > 0 && last))
	{
		oc_error_set(&source->error, OC_ERR_ENCODING, "the object's text cannot be converted: an incomplete character");
		return give_good_text(source);
	}
	if (size > 0)
	{
		memcpy(source->leftover + source->leftover_size, from, size);
		source->leftover_size += size;
	}
	return give_converted(source);
}

/* The piece is what was converted. */
static oc_step
give_converted(oc_source *source)
{
	/* a byte behind the text must be readable */
	if (source->converted.size == source->converted.capacity)
	{
		char *grown = realloc(source->converted.data, source->converted.capacity + 64);

		if (grown == NULL)
		{
			oc_error_set(&source->error, OC_ERR_MEMORY, "out of memory while converting the encoding");
			return OC_STEP_FAILED;
		}
		source->converted.data = grown;
		source->converted.capacity += 64;
	}
	source->piece = source->converted.data;
	source->piece_size = source->converted.size;
	return OC_STEP_OK;
}

/* The rest cannot be converted.  What was converted comes first: rows that are wrong in themselves, or an end-of-data marker. */
static oc_step
give_good_text(oc_source *source)
{
	if (source->error.class != OC_ERR_ENCODING && source->error.class != OC_ERR_UNTRANSLATABLE)
		return OC_STEP_FAILED;
	source->bad_text = source->error;
	source->ends_badly = true;
	source->piece_last = false;
	source->leftover_size = 0;
	return source->converted.size > 0 ? give_converted(source) : refuse_text(source);
}

static oc_step
refuse_text(oc_source *source)
{
	source->error = source->bad_text;
	tell_line(source);
	return OC_STEP_FAILED;
}

static size_t
count_bytes(const char *data, size_t size, char c)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++)
		count += data[i] == c;
	return count;
}

/* The line whose text cannot be converted: behind those of the splitter and of its unfinished row. */
static void
tell_line(oc_source *source)
{
	const oc_splitter *s = source->splitter;
	bool cr = s->eol == OC_EOL_CR ||
			  (s->eol == OC_EOL_UNKNOWN && s->carry.size > 0 && memchr(s->carry.data, '\n', s->carry.size) == NULL);

	if (s->known_lines)
		source->error.line = s->line + count_bytes(s->carry.data, s->carry.size, cr ? '\r' : '\n');
}

/* Converts leftover together with the first bytes that follow. */
static oc_step
convert_joined(oc_source *source, const char **from, size_t *size, bool last)
{
	const oc_reader_options *options = &source->reader->options;
	size_t old = source->leftover_size;
	size_t room = sizeof(source->leftover) - old;
	size_t added = *size < room ? *size : room;
	size_t joined = old + added;
	size_t consumed = 0;
	oc_status status;

	memcpy(source->leftover + old, *from, added);
	status = options->convert(options->convert_arg, source->leftover, joined, last && added == *size, &consumed,
							  &source->converted.data, &source->converted.size, &source->converted.capacity, &source->error);
	if (status != OC_OK)
		return OC_STEP_FAILED;
	if (consumed < old)
	{
		/* still incomplete: all that followed is in leftover now, or the text is wrong */
		if (added < *size || last)
		{
			oc_error_set(&source->error, OC_ERR_ENCODING, "the object's text cannot be converted: an incomplete character");
			return OC_STEP_FAILED;
		}
		memmove(source->leftover, source->leftover + consumed, joined - consumed);
		source->leftover_size = joined - consumed;
		*from += added;
		*size = 0;
		return OC_STEP_OK;
	}
	source->leftover_size = 0;
	*from += consumed - old;
	*size -= consumed - old;
	return OC_STEP_OK;
}
