/*
 * oc_writer.c
 *	  Writers: blocks of rows on their way to objects.
 *
 * Without compression the block is the part: when it holds at least one part, the first bytes of it become pieces where they
 * are, and the rest (the end of the last row) moves to the head of the next block.  Where a part is larger than memory may hold,
 * blocks are copied to where it is collected (oc_output_part.c).  With compression a full block becomes a chunk that the pool
 * compresses on its own; finished chunks are appended to the object in the order of their rows.
 *
 * A block begins small and grows, because there may be thousands of writers; each step of its growth is a flush, so that
 * the budget knows.  Objects end at row boundaries only: at the bytes that a flush has declared to be whole rows.
 *
 * All of this runs on the owner's thread; only pack_chunk runs in the pool.
 */
#include <stdlib.h>

#include "oc_export_int.h"

#define MAX_ROW 0x3fffffffu /* 1 GB - 1 */
#define MIN_BLOCK 4096
#define MAX_FIRST_BLOCK (64 * 1024)
#define SLACK (64 * 1024)		 /* room behind a full block for the end of the last row */
#define SPILL_BLOCK (8 * 1024 * 1024) /* at most, without compression, when parts are collected in files */
#define INLINE_CHUNK (16 * 1024) /* smaller chunks are compressed at once: waking a worker takes longer */

static size_t first_capacity(const oc_export *export);
static size_t full_size(const oc_writer *writer);
static size_t full_capacity(const oc_writer *writer);
static bool begin_block(oc_writer *writer, size_t capacity, const char *rest, size_t rest_size);
static void replace_block(oc_writer *writer, size_t capacity, size_t from);
static void release_block(oc_writer *writer);
static void set_limit(oc_writer *writer);
static void count_flushed(oc_writer *writer, uint64_t rows);
static bool grow_block(oc_writer *writer);
static bool flush_plain(oc_writer *writer);
static bool flush_packed(oc_writer *writer);
static void continue_object(oc_writer *writer, size_t next_capacity);
static void end_object(oc_writer *writer, size_t next_capacity);
static bool begin_output(oc_writer *writer);
static void send_end(oc_export *export, oc_output *output, oc_memory *memory, size_t size);
static size_t fill_parts(oc_export *export, oc_output *output, oc_memory *memory, size_t size);
static size_t cut_pieces(oc_export *export, oc_output *output, oc_memory *memory, size_t cut, size_t size, bool keep_last);
static bool may_send(const oc_export *export);
static void submit_chunk(oc_writer *writer, bool end_object, size_t next_capacity);
static void queue_chunk(oc_writer *writer, oc_chunk *chunk);
static void pack_chunk(void *arg);
static void place_chunk(oc_writer *writer, oc_chunk *chunk);
static void end_packed(oc_writer *writer);
static void free_chunk(oc_export *export, oc_chunk *chunk);

oc_writer *
oc_writer_open(oc_export *export, const char *folder, oc_error *error)
{
	oc_writer *writer;

	if (export->failed)
	{
		oc_export_failure(export, error);
		return NULL;
	}
	if (!oc_output_check_folder(export, folder, error))
		return NULL;
	writer = calloc(1, sizeof(*writer));
	if (writer)
	{
		writer->export = export;
		writer->folder = strdup(folder);
	}
	if (!writer || !writer->folder || !begin_block(writer, first_capacity(export), NULL, 0))
	{
		if (writer)
			free(writer->folder);
		free(writer);
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a writer");
		return NULL;
	}
	writer->next = export->writers;
	if (writer->next)
		writer->next->previous = writer;
	export->writers = writer;
	export->writer_count++;
	export->group->writer_count++;
	return writer;
}

oc_block *
oc_writer_block(oc_writer *writer)
{
	return &writer->block;
}

/* Knows nothing of the writer: what the block has grown is counted at the next flush. */
bool
oc_block_reserve(oc_block *block, size_t need)
{
	size_t capacity;
	char *data;

	if (need <= block->capacity - block->size)
		return true;
	if (need > MAX_ROW || block->size > block->limit + (size_t) MAX_ROW - need)
		return false;
	capacity = block->capacity + block->capacity / 2;
	if (capacity < block->size + need)
		capacity = block->size + need;
	data = realloc(block->data, capacity);
	if (!data)
		return false;
	block->data = data;
	block->capacity = capacity;
	return true;
}

oc_status
oc_writer_flush_rows(oc_writer *writer, uint64_t rows, oc_error *error)
{
	oc_export *export = writer->export;
	bool done = true;

	count_flushed(writer, rows);
	oc_export_pump(export);
	if (!export->failed && writer->block.size >= writer->block.limit)
	{
		if (writer->block.size < full_size(writer))
			done = grow_block(writer);
		else if (export->options.codec == OC_CODEC_NONE)
			done = flush_plain(writer);
		else
			done = flush_packed(writer);
		oc_export_pump(export);
	}
	if (export->failed)
		return oc_export_failure(export, error);
	return done ? OC_OK : OC_AGAIN;
}

oc_status
oc_writer_close(oc_writer *writer, oc_error *error)
{
	oc_export *export = writer->export;

	if (export->failed)
		return oc_export_failure(export, error);
	count_flushed(writer, 0);
	if (!oc_writer_finish(writer))
		return OC_AGAIN;
	oc_export_pump(export);
	return export->failed ? oc_export_failure(export, error) : OC_OK;
}

/* Ends the writer's last object.  The writer is gone, or goes with its last chunk, when this returns true. */
bool
oc_writer_finish(oc_writer *writer)
{
	oc_export *export = writer->export;

	if (writer->closing)
		return true;
	if (export->options.codec == OC_CODEC_NONE)
	{
		end_object(writer, 0);
		oc_writer_free(writer);
		return true;
	}
	if (writer->flushed > 0)
	{
		if (!oc_memory_room(export, oc_codec_bound(export->options.codec, writer->flushed), writer))
			return false;
		submit_chunk(writer, true, 0);
	}
	release_block(writer);
	writer->closing = true;
	if (!writer->chunks)
	{
		end_packed(writer);
		oc_writer_free(writer);
	}
	return true;
}

void
oc_writer_free(oc_writer *writer)
{
	oc_export *export = writer->export;

	while (writer->chunks)
	{
		oc_chunk *chunk = writer->chunks;

		writer->chunks = chunk->next;
		free_chunk(export, chunk);
	}
	release_block(writer);
	if (writer->previous)
		writer->previous->next = writer->next;
	else
		export->writers = writer->next;
	if (writer->next)
		writer->next->previous = writer->previous;
	export->writer_count--;
	export->group->writer_count--;
	free(writer->folder);
	free(writer);
}

/* ---------------------------------------------------------------- the block */

static size_t
first_capacity(const oc_export *export)
{
	size_t share = export->budget / 16 / (export->writer_count + 1);
	size_t group_share = export->group->limit / 16 / (export->group->writer_count + 1);

	if (share > group_share)
		share = group_share;
	return share < MIN_BLOCK ? MIN_BLOCK : share > MAX_FIRST_BLOCK ? MAX_FIRST_BLOCK : share;
}

/* At this size the block is handed over: a whole part, or as much as fits, the rest of an object, or a whole chunk. */
static size_t
full_size(const oc_writer *writer)
{
	const oc_export *export = writer->export;
	size_t part = writer->output ? writer->output->part_size : export->part_size;
	uint64_t most = export->options.max_file_size;
	uint64_t cut = writer->output ? writer->output->cut_bytes + writer->output->part_fill : 0;

	if (export->options.codec != OC_CODEC_NONE)
		return export->block_size;
	if (oc_output_spills(export, writer->output))
		part = export->memory_part < SPILL_BLOCK ? export->memory_part : SPILL_BLOCK;
	if (most > 0 && most - cut < part)
		return most - cut;
	return part;
}

static size_t
full_capacity(const oc_writer *writer)
{
	size_t full = full_size(writer);

	return full + (full / 4 < SLACK ? full / 4 : SLACK) + 256;
}

/* Makes a new block: the header, when a new object begins, then the rest of the last block, which stays the caller's. */
static bool
begin_block(oc_writer *writer, size_t capacity, const char *rest, size_t rest_size)
{
	const oc_export_options *options = &writer->export->options;
	size_t head = 0;
	oc_memory *memory;

	if (options->codec == OC_CODEC_NONE && !writer->output)
		head = options->header_size;
	if (capacity < head + rest_size + 256)
		capacity = head + rest_size + 256;
	memory = oc_memory_get(writer->export, capacity);
	if (!memory)
		return false;
	if (head > 0)
		memcpy(memory->data, options->header, head);
	if (rest_size > 0)
		memcpy(memory->data + head, rest, rest_size);
	writer->memory = memory;
	writer->block.data = memory->data;
	writer->block.capacity = memory->capacity;
	writer->block.size = head + rest_size;
	writer->head = head;
	writer->flushed = head;
	set_limit(writer);
	return true;
}

/* Flush when the block is full, or when it should grow. */
static void
set_limit(oc_writer *writer)
{
	size_t capacity = writer->block.capacity;
	size_t slack = capacity / 4 < SLACK ? capacity / 4 : SLACK;
	size_t full = full_size(writer);

	writer->block.limit = capacity - slack < full ? capacity - slack : full;
}

/* The owner says: what the block holds now are whole rows. */
static void
count_flushed(oc_writer *writer, uint64_t rows)
{
	oc_export *export = writer->export;

	if (writer->memory)
		oc_memory_follow(export, writer->memory, writer->block.data, writer->block.capacity);
	atomic_fetch_add_explicit(&export->rows, rows, memory_order_relaxed);
	atomic_fetch_add_explicit(&export->raw_bytes, writer->block.size - writer->flushed, memory_order_relaxed);
	writer->flushed = writer->block.size;
	writer->flushed_rows += rows;
}

/* The block is not full, only its buffer is.  false: wait. */
static bool
grow_block(oc_writer *writer)
{
	size_t capacity = writer->block.capacity * 2;
	size_t most = full_capacity(writer);

	if (capacity > most)
		capacity = most;
	if (capacity > writer->block.capacity)
	{
		if (!oc_memory_room(writer->export, capacity - writer->block.capacity, writer))
			return false;
		if (!oc_memory_resize(writer->export, writer->memory, capacity))
		{
			oc_export_fail_memory(writer->export, "a block");
			return true;
		}
		writer->block.data = writer->memory->data;
		writer->block.capacity = capacity;
	}
	set_limit(writer);
	if (writer->block.limit <= writer->block.size)
		writer->block.limit = full_size(writer);
	return true;
}

static void
release_block(oc_writer *writer)
{
	if (writer->memory)
		oc_memory_follow(writer->export, writer->memory, writer->block.data, writer->block.capacity);
	oc_memory_release(writer->export, writer->memory);
	writer->memory = NULL;
	memset(&writer->block, 0, sizeof(writer->block));
	writer->flushed = writer->head = 0;
}

/* Puts a new block in the place of the old one, whose bytes behind from it takes along.  The old memory is the caller's now. */
static void
replace_block(oc_writer *writer, size_t capacity, size_t from)
{
	oc_block old = writer->block;
	size_t flushed = writer->flushed;

	writer->memory = NULL;
	memset(&writer->block, 0, sizeof(writer->block));
	if (begin_block(writer, capacity, old.data + from, old.size - from))
		writer->flushed = writer->head + (flushed - from);
	else
		oc_export_fail_memory(writer->export, "a block");
}

/* ---------------------------------------------------------------- without compression */

/* The block holds at least a part, or the end of an object.  false: wait. */
static bool
flush_plain(oc_writer *writer)
{
	oc_export *export = writer->export;
	bool full = oc_output_is_full(export, writer->output, writer->block.size + (writer->output ? writer->output->part_fill : 0));
	size_t capacity = full_capacity(writer);

	/* the next object's blocks will be about as large as this one was */
	if (full && writer->block.capacity < capacity)
		capacity = writer->block.capacity;
	if (!may_send(export) || !oc_memory_room(export, capacity, writer))
		return false;
	if (full)
		end_object(writer, capacity);
	else
		continue_object(writer, capacity);
	return true;
}

/* More parts than this waiting for a free connection would only cost memory, or room on the disk. */
static bool
may_send(const oc_export *export)
{
	size_t part = export->part_size < export->memory_part ? export->part_size : export->memory_part;

	return export->digesting.bytes + export->queue.bytes < 4 * (uint64_t) part &&
		export->file_pieces - export->held_files < OC_FILES_MOVING;
}

/* Cuts whole parts off the block, the rest moves to a new block; or copies all of it into the part being filled. */
static void
continue_object(oc_writer *writer, size_t next_capacity)
{
	oc_export *export = writer->export;
	oc_memory *memory = writer->memory;
	size_t cut;

	if (!begin_output(writer))
		return;
	oc_output_note_split(export, writer->output, writer->output->cut_bytes + writer->output->part_fill + writer->flushed);
	if (oc_output_spills(export, writer->output))
		cut = fill_parts(export, writer->output, memory, writer->flushed);
	else
		cut = cut_pieces(export, writer->output, memory, 0, writer->flushed, false);
	replace_block(writer, next_capacity, cut);
	oc_memory_release(export, memory);
}

/*
 * The object ends behind the flushed rows; what the block holds behind them is the start of the next object, in a new block of
 * next_capacity bytes.  0: the writer ends too, and so do bytes that were never flushed.
 */
static void
end_object(oc_writer *writer, size_t next_capacity)
{
	oc_memory *memory = writer->memory;
	size_t size = writer->flushed;
	oc_output *output;

	if (!writer->output && size <= writer->head)
		return; /* nothing but a header: no object */
	if (!begin_output(writer))
		return;
	output = writer->output;
	writer->output = NULL;
	if (next_capacity > 0)
		replace_block(writer, next_capacity, size);
	else
	{
		writer->memory = NULL;
		memset(&writer->block, 0, sizeof(writer->block));
	}
	send_end(writer->export, output, memory, size);
}

/* The writer has an object to put its flushed rows into. */
static bool
begin_output(oc_writer *writer)
{
	if (!writer->output)
		writer->output = oc_output_begin(writer->export, writer->folder);
	if (!writer->output)
		return false;
	writer->output->rows += writer->flushed_rows;
	writer->flushed_rows = 0;
	return true;
}

/* Sends size bytes of memory and the trailer as the object's end.  Takes over the reference. */
static void
send_end(oc_export *export, oc_output *output, oc_memory *memory, size_t size)
{
	const oc_export_options *options = &export->options;
	size_t cut;

	if (output->part_fill > 0)
	{
		fill_parts(export, output, memory, size);
		oc_memory_release(export, memory);
		oc_output_append(export, output, options->trailer, options->trailer_size);
		oc_output_end_part(export, output);
		return;
	}
	if (options->trailer_size > 0)
	{
		if (memory->capacity < size + options->trailer_size &&
			!oc_memory_resize(export, memory, size + options->trailer_size))
		{
			oc_export_fail_memory(export, "the end of an object");
			oc_memory_release(export, memory);
			return;
		}
		memcpy(memory->data + size, options->trailer, options->trailer_size);
		size += options->trailer_size;
	}
	cut = cut_pieces(export, output, memory, 0, size, true);
	if (size > cut || output->part_count == 0)
		oc_output_cut(export, output, memory, memory->data + cut, size - cut, true);
	else
	{
		oc_memory_release(export, memory);
		oc_output_end(export, output);
	}
}

/* Copies size bytes behind what the part being filled has.  Whole parts between its end and theirs (a very long row) are cut in place. */
static size_t
fill_parts(oc_export *export, oc_output *output, oc_memory *memory, size_t size)
{
	size_t cut = 0;

	if (output->part_fill > 0)
		cut = size < output->part_size - output->part_fill ? size : output->part_size - output->part_fill;
	oc_output_append(export, output, memory->data, cut);
	if (output->part_fill == 0)
		cut = cut_pieces(export, output, memory, cut, size, false);
	oc_output_append(export, output, memory->data + cut, size - cut);
	return size;
}

/* Cuts whole parts off the bytes from cut to size; a whole part at the very end is left when keep_last.  Returns where it ended. */
static size_t
cut_pieces(oc_export *export, oc_output *output, oc_memory *memory, size_t cut, size_t size, bool keep_last)
{
	while (!export->failed &&
		   (size - cut > output->part_size || (!keep_last && size - cut == output->part_size)))
	{
		size_t part = output->part_size;

		memory->references++;
		oc_output_cut(export, output, memory, memory->data + cut, part, false);
		cut += part;
	}
	return cut;
}

/* ---------------------------------------------------------------- with compression */

/* The block is full.  false: wait. */
static bool
flush_packed(oc_writer *writer)
{
	oc_export *export = writer->export;
	size_t capacity = full_capacity(writer);
	size_t bound = oc_codec_bound(export->options.codec, writer->flushed);

	/* two for each worker: one in its hands, one ready to be taken */
	if (export->chunk_count > 2 * oc_pool_workers(export->pool) + 2 || !may_send(export) ||
		!oc_memory_room(export, capacity + bound, writer))
		return false;
	submit_chunk(writer, false, capacity);
	return true;
}

/* Hands the flushed rows over to the codec.  end_object: the object ends behind them.  next_capacity 0: no block follows. */
static void
submit_chunk(oc_writer *writer, bool end_object, size_t next_capacity)
{
	oc_export *export = writer->export;
	size_t bound = oc_codec_bound(export->options.codec, writer->flushed);
	oc_chunk *chunk = calloc(1, sizeof(*chunk));

	if (chunk)
		chunk->packed = oc_memory_get(export, bound);
	if (!chunk || !chunk->packed)
	{
		free(chunk);
		oc_export_fail_memory(export, "a compressed block");
		return;
	}
	chunk->export = export;
	chunk->raw = writer->memory;
	chunk->raw_size = writer->flushed;
	chunk->rows = writer->flushed_rows;
	chunk->end_object = end_object;
	writer->flushed_rows = 0;
	if (next_capacity > 0)
		replace_block(writer, next_capacity, writer->flushed);
	else
	{
		writer->memory = NULL;
		memset(&writer->block, 0, sizeof(writer->block));
	}
	queue_chunk(writer, chunk);
	oc_export_job_begin(export);
	if (chunk->raw_size < INLINE_CHUNK)
		pack_chunk(chunk);
	else
		oc_pool_submit(export->pool, pack_chunk, chunk);
}

static void
queue_chunk(oc_writer *writer, oc_chunk *chunk)
{
	oc_export *export = writer->export;

	if (writer->chunks)
		writer->last_chunk->next = chunk;
	else
		writer->chunks = chunk;
	writer->last_chunk = chunk;
	export->chunk_count++;
	if (!writer->busy)
	{
		writer->busy = true;
		writer->next_busy = export->busy_writers;
		export->busy_writers = writer;
	}
}

/* In the pool. */
static void
pack_chunk(void *arg)
{
	oc_chunk *chunk = arg;
	oc_export *export = chunk->export;

	chunk->status = OC_CANCELLED;
	if (!atomic_load_explicit(&export->stop, memory_order_relaxed))
		chunk->status = oc_codec_compress(export->options.codec, export->options.level, chunk->raw->data, chunk->raw_size,
										  chunk->packed->data, chunk->packed->capacity, &chunk->packed_size,
										  &chunk->adler32, &chunk->error);
	atomic_store_explicit(&chunk->ready, true, memory_order_release);
	oc_export_job_end(export);
}

void
oc_writers_advance(oc_export *export)
{
	oc_writer **link = &export->busy_writers;

	while (*link)
	{
		oc_writer *writer = *link;

		while (writer->chunks && atomic_load_explicit(&writer->chunks->ready, memory_order_acquire))
		{
			oc_chunk *chunk = writer->chunks;

			writer->chunks = chunk->next;
			export->group->events++;
			place_chunk(writer, chunk);
		}
		if (writer->chunks)
		{
			link = &writer->next_busy;
			continue;
		}
		*link = writer->next_busy;
		writer->busy = false;
		if (writer->closing)
		{
			end_packed(writer);
			oc_writer_free(writer);
		}
	}
}

/* Appends a compressed chunk to the writer's object.  Takes over the chunk. */
static void
place_chunk(oc_writer *writer, oc_chunk *chunk)
{
	oc_export *export = writer->export;

	if (chunk->status == OC_FAILED)
		oc_export_fail(export, &chunk->error);
	if (chunk->status == OC_OK && !export->failed && !writer->output)
	{
		writer->output = oc_output_begin(export, writer->folder);
		if (writer->output)
			oc_output_append_packed_header(export, writer->output);
	}
	if (chunk->status == OC_OK && !export->failed)
	{
		oc_output_note_split(export, writer->output, writer->output->cut_bytes + writer->output->part_fill);
		oc_output_append(export, writer->output, chunk->packed->data, chunk->packed_size);
		oc_codec_trailer_add(&writer->output->trailer, export->options.codec, chunk->adler32, chunk->raw_size);
		writer->output->rows += chunk->rows;
		writer->output->raw_bytes += chunk->raw_size;
		if (chunk->end_object || oc_output_is_full(export, writer->output, writer->output->part_fill))
			end_packed(writer);
	}
	free_chunk(export, chunk);
}

static void
end_packed(oc_writer *writer)
{
	if (writer->output && !writer->export->failed)
		oc_output_finish_packed(writer->export, writer->output);
	writer->output = NULL;
}

static void
free_chunk(oc_export *export, oc_chunk *chunk)
{
	oc_memory_release(export, chunk->raw);
	oc_memory_release(export, chunk->packed);
	free(chunk);
	export->chunk_count--;
}

/* ---------------------------------------------------------------- when memory is short */

uint64_t
oc_writer_spillable(const oc_writer *writer)
{
	uint64_t bytes = writer->flushed > writer->head ? writer->block.capacity : 0;
	uint64_t part = writer->output ? oc_output_spillable(writer->export, writer->output) : 0;

	if (writer->closing)
		return 0;
	/* where there are files, this comes first: the object goes on */
	if (part > 0 || writer->export->options.exact_key)
		return part;
	/* told to end already: it does when its last chunk is there */
	if (writer->chunks && writer->last_chunk->end_object && writer->flushed <= writer->head)
		return 0;
	if (writer->output && writer->output->part)
		bytes += writer->output->part->capacity;
	return bytes;
}

void
oc_writer_spill(oc_writer *writer)
{
	oc_export *export = writer->export;
	size_t capacity = first_capacity(export);

	if (writer->output && oc_output_spillable(export, writer->output) > 0)
	{
		oc_output_spill(export, writer->output);
		return;
	}
	oc_memory_follow(export, writer->memory, writer->block.data, writer->block.capacity);
	if (export->options.codec == OC_CODEC_NONE)
		end_object(writer, capacity);
	else if (writer->flushed > 0)
		submit_chunk(writer, true, capacity);
	else if (writer->chunks)
		writer->last_chunk->end_object = true;
	else
		end_packed(writer);
}
