/*
 * oc_output.c
 *	  One object of an export: its name, its parts, its checksum.
 *
 * Bytes come in as blocks that become parts as they are (oc_output_cut) or are copied into a part (oc_output_part.c).  A piece is
 * digested in the pool and then queued as a part of an upload, except when it is the whole object: such a piece is held for a
 * single PUT at commit.
 *
 * All of this runs on the owner's thread; only digest_pieces runs in the pool.
 */
#include <stdio.h>
#include <stdlib.h>

#include "oc_export_int.h"

/* Digests of less than this are computed at once: waking a worker takes longer. */
#define INLINE_DIGEST (64 * 1024)

typedef struct digest_job
{
	oc_export *export;
	oc_piece *pieces[OC_MD5_LANES];
	int count;
} digest_job;

static bool name_output(const oc_export *export, const char *folder, size_t number, char *key, size_t size, oc_error *error);
static bool list_output(oc_export *export, oc_output *output);
static bool grow_parts(oc_output *output);
static oc_piece *new_piece(oc_export *export, oc_output *output, size_t size);
static void cut_piece(oc_piece *piece, bool last);
static void hold_piece(oc_export *export, oc_piece *piece);
static void submit_digests(oc_export *export, oc_piece *const *pieces, int count);
static void run_digest_job(void *arg);
static void digest_memory(oc_piece *const *pieces, int count);
static void digest_pieces(oc_export *export, oc_piece *const *pieces, int count);
static bool grow_splits(oc_output *output);
static void thin_splits(oc_output *output);

/* Returns NULL after oc_export_fail. */
oc_output *
oc_output_begin(oc_export *export, const char *folder)
{
	char key[OC_KEY_MAX + 1];
	oc_error error = {0};
	oc_output *output;

	if (!name_output(export, folder, export->output_count + 1, key, sizeof(key), &error))
	{
		oc_export_fail(export, &error);
		return NULL;
	}
	if (export->options.exact_key && export->output_count > 0)
	{
		oc_error_set(&error, OC_ERR_ARGUMENT, "an export into one named object cannot begin a second one");
		oc_export_fail(export, &error);
		return NULL;
	}
	output = calloc(1, sizeof(*output));
	if (output)
		output->key = strdup(key);
	if (!output || !output->key || !list_output(export, output))
	{
		if (output)
			free(output->key);
		free(output);
		oc_export_fail_memory(export, "an object");
		return NULL;
	}
	output->base_part_size = export->part_size;
	output->part_size = output->base_part_size;
	output->split_size = export->options.split_size;
	oc_codec_trailer_init(&output->trailer);
	return output;
}

bool
oc_output_check_folder(const oc_export *export, const char *folder, oc_error *error)
{
	char key[OC_KEY_MAX + 1];

	return name_output(export, folder, 1000000, key, sizeof(key), error);
}

/* "<place><folder><stem>_<n><suffix><codec suffix>", or the exact key. */
static bool
name_output(const oc_export *export, const char *folder, size_t number, char *key, size_t size, oc_error *error)
{
	const oc_export_options *options = &export->options;
	size_t length = strlen(folder);
	const char *slash = length > 0 && folder[length - 1] != '/' ? "/" : "";
	int printed;

	if (options->exact_key)
		printed = snprintf(key, size, "%s", options->exact_key);
	else
		printed = snprintf(key, size, "%s%s%s%s_%zu%s%s", options->place, folder, slash, options->stem,
						   number, options->suffix, oc_codec_suffix(options->codec));
	if (printed >= 0 && (size_t) printed < size)
		return oc_key_check(key, error);
	oc_error_set(error, OC_ERR_ARGUMENT, "the name of an object would be longer than %d bytes, below \"%.100s%.100s\"",
				 OC_KEY_MAX - 1, options->place, folder);
	return false;
}

static bool
list_output(oc_export *export, oc_output *output)
{
	if (export->output_count == export->output_capacity)
	{
		size_t capacity = export->output_capacity > 0 ? export->output_capacity * 2 : 8;
		oc_output **outputs = realloc(export->outputs, capacity * sizeof(*outputs));

		if (!outputs)
			return false;
		export->outputs = outputs;
		export->output_capacity = capacity;
	}
	export->outputs[export->output_count++] = output;
	return true;
}

bool
oc_output_is_full(const oc_export *export, const oc_output *output, uint64_t uncut)
{
	uint64_t cut = output ? output->cut_bytes : 0;

	if (export->options.exact_key)
		return false; /* one object, whatever its size; oc_output_cut reports too many parts */
	if (export->options.max_file_size > 0 && cut + uncut >= export->options.max_file_size)
		return true;
	return output && (output->crowded || oc_part_numbers_used(export->limits, output->part_count, output->part_size, uncut));
}

void
oc_output_cut(oc_export *export, oc_output *output, oc_memory *memory, const char *data, size_t size, bool last)
{
	oc_piece *piece = new_piece(export, output, size);

	if (!piece)
	{
		oc_memory_release(export, memory);
		return;
	}
	piece->memory = memory;
	piece->data = data;
	cut_piece(piece, last);
}

void
oc_output_cut_file(oc_export *export, oc_output *output, oc_spill *file, size_t size, bool last)
{
	oc_piece *piece = new_piece(export, output, size);

	if (!piece)
	{
		oc_part_file_free(export, file);
		return;
	}
	piece->file = file;
	export->file_pieces++;
	cut_piece(piece, last);
}

/* The object has one more part.  NULL after oc_export_fail. */
static oc_piece *
new_piece(oc_export *export, oc_output *output, size_t size)
{
	oc_piece *piece = calloc(1, sizeof(*piece));

	if (!piece || !grow_parts(output))
	{
		free(piece);
		oc_export_fail_memory(export, "a part");
		return NULL;
	}
	piece->export = export;
	piece->output = output;
	piece->size = size;
	piece->number = ++output->part_count;
	memset(&output->parts[piece->number - 1], 0, sizeof(oc_part));
	output->parts[piece->number - 1].number = piece->number;
	output->parts[piece->number - 1].size = size;
	output->cut_bytes += size;
	output->part_size = oc_part_size_at(export->limits, output->base_part_size, export->max_part, export->part_equal,
										export->part_growth, piece->number + 1);
	atomic_fetch_add(&export->stored_bytes, size);
	return piece;
}

/* Sends it on its way. */
static void
cut_piece(oc_piece *piece, bool last)
{
	oc_export *export = piece->export;
	oc_output *output = piece->output;
	char message[100];

	if (piece->number > export->limits->max_parts)
	{
		snprintf(message, sizeof(message), "the object would need more than %d parts; a larger part_size helps",
				 export->limits->max_parts);
		oc_export_fail_output(export, output, OC_ERR_LIMIT, "UploadPart", message);
	}
	if (last && piece->number == 1 && piece->size <= export->limits->max_put)
		hold_piece(export, piece);
	else
		output->multipart = true;
	if (last)
		output->ended = true;
	oc_output_digest(export, piece);
}

static bool
grow_parts(oc_output *output)
{
	int capacity = output->part_capacity > 0 ? output->part_capacity * 4 : 1;
	oc_part *parts;

	if (output->part_count < output->part_capacity)
		return true;
	parts = realloc(output->parts, capacity * sizeof(*parts));
	if (!parts)
		return false;
	output->parts = parts;
	output->part_capacity = capacity;
	return true;
}

/* The piece is a whole object: keep it for commit, without the unused end of its buffer. */
static void
hold_piece(oc_export *export, oc_piece *piece)
{
	oc_memory *memory = piece->memory;

	piece->output->held = piece;
	if (memory && memory->references == 1 && piece->data == memory->data &&
		memory->capacity > piece->size + piece->size / 8 + 64 &&
		oc_memory_resize(export, memory, piece->size))
		piece->data = memory->data;
	if (piece->file)
		export->held_files++;
	else
		export->held_bytes += piece->size;
}

void
oc_output_unload(oc_export *export, oc_output *output)
{
	oc_piece *piece = output->held;

	output->held = NULL;
	output->multipart = true;
	if (piece->file)
		export->held_files--;
	else
		export->held_bytes -= piece->size;
	if (output->settled)
	{
		output->settled = false;
		export->settled_count--;
	}
	/* else it is still being digested and will be queued from there */
	if (!piece->listed)
		oc_piece_list_add(&export->queue, piece);
}

/*
 * Every part carries its MD5, so that the store refuses it when it was damaged on the way; the store's CRC-64 of it is compared, too.
 * Several MD5s together cost little more than one (oc_md5.c): pieces wait for each other as long as there is enough to send.  A file is
 * read by a job of its own.
 */
void
oc_output_digest(oc_export *export, oc_piece *piece)
{
	atomic_store_explicit(&piece->ready, false, memory_order_relaxed);
	oc_piece_list_add(&export->digesting, piece);
	if (piece->size < INLINE_DIGEST)
	{
		digest_pieces(export, &piece, 1);
		return;
	}
	if (piece->file)
	{
		submit_digests(export, &piece, 1);
		return;
	}
	export->undigested[export->undigested_count++] = piece;
	oc_output_digest_waiting(export, false);
}

void
oc_output_digest_waiting(oc_export *export, bool force)
{
	/* all pieces that the store, or a job, has now or soon */
	size_t ahead = (size_t) export->busy_slots + export->queue.count + export->digesting.count - (size_t) export->undigested_count;

	/* of a failed export nothing is sent that would end later: nothing may wait for that */
	if (export->undigested_count == 0 || (!force && export->undigested_count < OC_MD5_LANES && ahead > 0 && !export->failed))
		return;
	submit_digests(export, export->undigested, export->undigested_count);
	export->undigested_count = 0;
}

static void
submit_digests(oc_export *export, oc_piece *const *pieces, int count)
{
	digest_job *job = malloc(sizeof(*job));

	if (!job)
	{
		digest_pieces(export, pieces, count);
		return;
	}
	job->export = export;
	job->count = count;
	memcpy(job->pieces, pieces, (size_t) count * sizeof(*pieces));
	oc_export_job_begin(export);
	oc_pool_submit(export->pool, run_digest_job, job);
}

/* In the pool. */
static void
run_digest_job(void *arg)
{
	digest_job *job = arg;
	oc_export *export = job->export;

	digest_pieces(export, job->pieces, job->count);
	free(job);
	oc_export_job_end(export);
}

/* In the pool, or on the owner's thread.  A file is the only piece of its job. */
static void
digest_pieces(oc_export *export, oc_piece *const *pieces, int count)
{
	if (pieces[0]->file)
		pieces[0]->failure = oc_spill_digest(pieces[0]->file, &export->stop, &pieces[0]->crc64, pieces[0]->md5);
	else if (!atomic_load_explicit(&export->stop, memory_order_relaxed))
		digest_memory(pieces, count);
	/* from here on a piece may be gone */
	for (int i = 0; i < count; i++)
		atomic_store_explicit(&pieces[i]->ready, true, memory_order_release);
}

static void
digest_memory(oc_piece *const *pieces, int count)
{
	const void *data[OC_MD5_LANES] = {0};
	size_t sizes[OC_MD5_LANES] = {0};
	unsigned char digests[OC_MD5_LANES][16];

	for (int i = 0; i < count; i++)
	{
		data[i] = pieces[i]->data;
		sizes[i] = pieces[i]->size;
		pieces[i]->crc64 = oc_crc64(0, data[i], sizes[i]);
	}
	oc_md5_many(data, sizes, count, digests);
	for (int i = 0; i < count; i++)
		memcpy(pieces[i]->md5, digests[i], sizeof(pieces[i]->md5));
}

void
oc_output_end(oc_export *export, oc_output *output)
{
	output->ended = true;
	oc_output_try_settle(export, output);
}

void
oc_output_try_settle(oc_export *export, oc_output *output)
{
	if (output->settled || !output->ended)
		return;
	if (output->held)
	{
		if (!atomic_load_explicit(&output->held->ready, memory_order_acquire))
			return;
		output->crc64 = output->held->crc64;
	}
	else
	{
		if (output->parts_sent < output->part_count)
			return;
		output->crc64 = 0;
		for (int i = 0; i < output->part_count; i++)
			output->crc64 = oc_crc64_combine(output->crc64, output->parts[i].crc64, output->parts[i].size);
	}
	output->settled = true;
	export->settled_count++;
}

/* ---------------------------------------------------------------- splits */

void
oc_output_note_split(oc_export *export, oc_output *output, uint64_t offset)
{
	uint64_t last = output->split_count > 0 ? output->splits[output->split_count - 1].offset : 0;

	/* deflate is one stream, whatever its blocks are; before the first row there is nothing to pass over */
	if (export->options.split_size == 0 || export->options.codec == OC_CODEC_DEFLATE || output->rows == 0 ||
		offset < last + output->split_size)
		return;
	if (output->split_count == OC_SPLITS_MAX)
	{
		thin_splits(output);
		oc_output_note_split(export, output, offset);
		return;
	}
	if (grow_splits(output))
		output->splits[output->split_count++] = (oc_split_point) {.offset = offset, .rows = output->rows};
	else
		oc_export_fail_memory(export, "the splits of an object");
}

static bool
grow_splits(oc_output *output)
{
	size_t capacity = output->split_capacity > 0 ? output->split_capacity * 2 : 8;
	oc_split_point *splits;

	if (output->split_count < output->split_capacity)
		return true;
	splits = realloc(output->splits, capacity * sizeof(*splits));
	if (!splits)
		return false;
	output->splits = splits;
	output->split_capacity = capacity;
	return true;
}

/* Every second one goes; from here on they are twice as far from each other. */
static void
thin_splits(oc_output *output)
{
	size_t kept = 0;

	for (size_t i = 1; i < output->split_count; i += 2)
		output->splits[kept++] = output->splits[i];
	output->split_count = kept;
	output->split_size *= 2;
}

/* ---------------------------------------------------------------- compressed objects */

void
oc_output_append_packed_header(oc_export *export, oc_output *output)
{
	const oc_export_options *options = &export->options;
	char prologue[64];

	oc_output_append(export, output, prologue, oc_codec_prologue(options->codec, options->level, prologue));
	if (options->header_size == 0)
		return;
	oc_output_append(export, output, export->packed_header, export->packed_header_size);
	oc_codec_trailer_add(&output->trailer, options->codec, export->header_adler32, options->header_size);
	output->raw_bytes += options->header_size;
}

void
oc_output_finish_packed(oc_export *export, oc_output *output)
{
	const oc_export_options *options = &export->options;
	char epilogue[64];

	if (options->trailer_size > 0)
	{
		oc_output_append(export, output, export->packed_trailer, export->packed_trailer_size);
		oc_codec_trailer_add(&output->trailer, options->codec, export->trailer_adler32, options->trailer_size);
		output->raw_bytes += options->trailer_size;
	}
	oc_output_append(export, output, epilogue, oc_codec_epilogue(options->codec, &output->trailer, epilogue));
	oc_output_end_part(export, output);
}

void
oc_output_free(oc_export *export, oc_output *output)
{
	if (output->held && !output->held->listed)
		oc_piece_free(export, output->held);
	oc_memory_release(export, output->part);
	oc_part_file_free(export, output->file);
	free(output->upload_id);
	free(output->splits);
	free(output->parts);
	free(output->key);
	free(output);
}
