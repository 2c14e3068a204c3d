/*
 * oc_export_open.c
 *	  Makes an export from its options, and frees it.
 *
 * Here the sizes are chosen that stay fixed while the export runs: the budget, the part size and the block size.
 */
#include <stdlib.h>

#include "oc_export_int.h"

#define DEFAULT_MEMORY (64ull << 20)
#define MIN_MEMORY (4ull << 20)
#define DEFAULT_PART (8ull << 20)
#define MEGABYTE (1ull << 20)
#define MIN_BLOCK (64 * 1024)	 /* for the compression's sake */
#define SMALLEST_BLOCK 4096
#define MOST_IN_MEMORY (64 * MEGABYTE) /* of a part that may go to a file: writing it there must not take long */
#define CROWD 16					   /* streams of rows from which on a wish for large parts is not met */

static bool check_options(oc_client *client, const oc_export_options *options, oc_error *error);
static bool check_sizes(const oc_limits *limits, const oc_export_options *options, oc_error *error);
static bool copy_options(oc_export *export, const oc_export_options *options);
static bool copy_string(const char **copy, const char *text);
static bool copy_bytes(const void **copy, const void *bytes, size_t size);
static bool copy_headers(oc_export *export, const oc_export_options *options);
static void choose_budget(oc_export *export);
static uint64_t crowded_size(const oc_export *export);
static void choose_part_size(oc_export *export);
static void choose_block_size(oc_export *export);
static bool pack_constants(oc_export *export, oc_error *error);
static bool pack_constant(const oc_export *export, const void *data, size_t size, char **packed, size_t *packed_size,
						  uint32_t *adler32, oc_error *error);
static void wait_for_jobs(oc_export *export);
static void free_list(oc_export *export, oc_piece_list *list);
static void free_options(oc_export_options *options);

oc_export *
oc_export_open(oc_client *client, oc_pool *pool, const oc_export_options *options, oc_error *error)
{
	oc_export *export;

	if (!check_options(client, options, error))
		return NULL;
	export = calloc(1, sizeof(*export));
	if (!export)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for an export");
		return NULL;
	}
	export->client = client;
	export->io = oc_client_io(client);
	export->pool = pool;
	export->limits = oc_client_limits(client);
	pthread_mutex_init(&export->job_lock, NULL);
	pthread_cond_init(&export->job_done, NULL);
	export->slot_count = options->max_connections > 0 ? options->max_connections : 8;
	export->slots = calloc(export->slot_count, sizeof(*export->slots));
	if (!export->slots || !copy_options(export, options))
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for an export");
		oc_export_close(export);
		return NULL;
	}
	choose_budget(export);
	oc_group_join(export, options->group);
	choose_part_size(export);
	choose_block_size(export);
	if (!pack_constants(export, error))
	{
		oc_export_close(export);
		return NULL;
	}
	return export;
}

static bool
check_options(oc_client *client, const oc_export_options *options, oc_error *error)
{
	if (!options->bucket || !oc_bucket_check(oc_client_provider(client), options->bucket, error))
	{
		if (!options->bucket)
			oc_error_set(error, OC_ERR_ARGUMENT, "an export needs a bucket");
		return false;
	}
	if (options->codec > OC_CODEC_DEFLATE)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "compression \"%s\" cannot be written", oc_codec_name(options->codec));
		return false;
	}
	if (!oc_codec_level_check(options->codec, options->level, error) ||
		!check_sizes(oc_client_limits(client), options, error))
		return false;
	if (options->exact_key)
		return oc_key_check(options->exact_key, error);
	if (!options->place || !options->stem || !options->suffix)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "an export needs the place, the stem and the suffix of its objects' names");
		return false;
	}
	return true;
}

/* What the store cannot take is refused, not silently made smaller. */
static bool
check_sizes(const oc_limits *limits, const oc_export_options *options, oc_error *error)
{
	if (options->part_size > limits->max_part)
		oc_error_set(error, OC_ERR_ARGUMENT, "parts of %llu bytes are too large: the store takes %llu",
					 (unsigned long long) options->part_size, (unsigned long long) limits->max_part);
	else if (!options->exact_key && options->max_file_size > limits->max_object)
		oc_error_set(error, OC_ERR_ARGUMENT, "objects of %llu bytes are too large: the store takes %llu",
					 (unsigned long long) options->max_file_size, (unsigned long long) limits->max_object);
	else
		return true;
	return false;
}

static bool
copy_options(oc_export *export, const oc_export_options *options)
{
	oc_export_options *own = &export->options;

	*own = *options;
	own->bucket = own->exact_key = own->place = own->stem = own->suffix = own->token = own->spill_directory = NULL;
	own->header = own->trailer = NULL;
	own->headers = NULL;
	own->header_count = 0;
	if (options->exact_key)
		own->max_file_size = 0; /* one object, whatever its size */
	return copy_string(&own->bucket, options->bucket) && copy_string(&own->exact_key, options->exact_key) &&
		copy_string(&own->place, options->place) && copy_string(&own->stem, options->stem) &&
		copy_string(&own->suffix, options->suffix) && copy_string(&own->token, options->token) &&
		copy_string(&own->spill_directory, options->spill_directory) &&
		copy_bytes(&own->header, options->header, options->header_size) &&
		copy_bytes(&own->trailer, options->trailer, options->trailer_size) && copy_headers(export, options);
}

static bool
copy_string(const char **copy, const char *text)
{
	if (text)
		*copy = strdup(text);
	return !text || *copy;
}

static bool
copy_bytes(const void **copy, const void *bytes, size_t size)
{
	void *own;

	if (size == 0)
		return true;
	own = malloc(size);
	if (own)
		memcpy(own, bytes, size);
	*copy = own;
	return own != NULL;
}

static bool
copy_headers(oc_export *export, const oc_export_options *options)
{
	oc_header *headers;

	if (options->header_count == 0)
		return true;
	headers = calloc(options->header_count, sizeof(*headers));
	if (!headers)
		return false;
	export->options.headers = headers;
	export->options.header_count = options->header_count;
	for (size_t i = 0; i < options->header_count; i++)
	{
		if (!copy_string(&headers[i].name, options->headers[i].name) ||
			!copy_string(&headers[i].value, options->headers[i].value))
			return false;
	}
	return true;
}

/* ---------------------------------------------------------------- sizes */

static void
choose_budget(oc_export *export)
{
	export->budget = export->options.max_memory > 0 ? export->options.max_memory : DEFAULT_MEMORY;
	if (export->budget < MIN_MEMORY)
		export->budget = MIN_MEMORY;
	/* one part being filled, one being sent, one in between, and room for what cannot wait */
	if (export->budget < 4 * export->limits->min_part)
		export->budget = 4 * export->limits->min_part;
}

/* What one more stream of rows may have for its block or its part, so that the group's streams can all have that much. */
static uint64_t
crowded_size(const oc_export *export)
{
	const oc_export_group *group = export->group;

	return group->writer_count > 0 ? group->limit / 8 / (group->writer_count + 1) : UINT64_MAX;
}

/*
 * Parts of up to a quarter of the budget are collected in memory, larger ones in temporary files if the owner allows them; else that
 * quarter is the largest part, and an object that runs out of part numbers ends, and the next one begins.
 *
 * The size that the owner asks for is kept, at whatever budget.  When it asks for none, or has very many streams of rows, parts begin
 * the smaller the less memory there is, so that each stream can send what it has without a file and without ending its object.
 */
static void
choose_part_size(oc_export *export)
{
	const oc_export_options *options = &export->options;
	const oc_limits *limits = export->limits;
	bool files = options->spill_directory != NULL;
	uint64_t memory = export->budget / 4;
	uint64_t part = options->part_size > 0 ? options->part_size : DEFAULT_PART;

	if (memory > limits->max_part)
		memory = limits->max_part;
	if (memory < limits->min_part)
		memory = limits->min_part;
	if (!files || options->part_size == 0 || export->group->writer_count >= CROWD)
	{
		if (part > crowded_size(export))
			part = crowded_size(export);
		if (part > memory)
			part = memory;
	}
	part = oc_part_size_for(limits, part, options->max_file_size, options->expected_bytes);
	if (!files && part > memory)
		part = memory;
	export->part_size = part;
	export->memory_part = memory;
	export->spill_from = memory < MOST_IN_MEMORY ? memory : MOST_IN_MEMORY;
	export->max_part = files ? limits->max_part : memory;
	export->part_equal = options->max_file_size > 0 ? 0 : OC_PART_EQUAL;
	export->part_growth = OC_PART_GROWTH;
}

/* Raw bytes that are compressed at a time. */
static void
choose_block_size(oc_export *export)
{
	/* xz gains from a longer look back; for the others a block that stays in the cache is better */
	uint64_t block = export->options.codec == OC_CODEC_XZ ? 4 * MEGABYTE : MEGABYTE;

	if (block > export->budget / 32)
		block = export->budget / 32;
	if (block > crowded_size(export))
		block = crowded_size(export);
	if (block < MIN_BLOCK)
		block = MIN_BLOCK;
	/* an object ends where a block ends: small objects need small ones */
	if (export->options.max_file_size > 0 && block > export->options.max_file_size / 4)
		block = export->options.max_file_size / 4 > SMALLEST_BLOCK ? export->options.max_file_size / 4 : SMALLEST_BLOCK;
	export->block_size = block;
}

/* Header and trailer are the same in all objects: compressed here, once. */
static bool
pack_constants(oc_export *export, oc_error *error)
{
	const oc_export_options *options = &export->options;

	if (options->codec == OC_CODEC_NONE)
		return true;
	return pack_constant(export, options->header, options->header_size, &export->packed_header,
						 &export->packed_header_size, &export->header_adler32, error) &&
		pack_constant(export, options->trailer, options->trailer_size, &export->packed_trailer,
					  &export->packed_trailer_size, &export->trailer_adler32, error);
}

static bool
pack_constant(const oc_export *export, const void *data, size_t size, char **packed, size_t *packed_size,
			  uint32_t *adler32, oc_error *error)
{
	size_t bound;

	if (size == 0)
		return true;
	bound = oc_codec_bound(export->options.codec, size);
	*packed = malloc(bound);
	if (!*packed)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for an export");
		return false;
	}
	return oc_codec_compress(export->options.codec, export->options.level, data, size, *packed, bound, packed_size,
							 adler32, error) == OC_OK;
}

/* ---------------------------------------------------------------- the end */

void
oc_export_close(oc_export *export)
{
	if (!export)
		return;
	atomic_store(&export->stop, true);
	for (int i = 0; export->slots && i < export->slot_count; i++)
	{
		if (export->slots[i].kind == OC_SLOT_FREE)
			continue;
		oc_call_cancel(export->slots[i].call);
		oc_slot_free(export, &export->slots[i]);
	}
	wait_for_jobs(export);
	while (export->writers)
		oc_writer_free(export->writers);
	for (size_t i = 0; i < export->output_count; i++)
		oc_output_free(export, export->outputs[i]);
	free_list(export, &export->digesting);
	free_list(export, &export->queue);
	oc_group_leave(export);
	free(export->outputs);
	free(export->slots);
	free(export->packed_header);
	free(export->packed_trailer);
	free_options(&export->options);
	pthread_cond_destroy(&export->job_done);
	pthread_mutex_destroy(&export->job_lock);
	free(export);
}

/* Jobs that have not begun only pass through, since stop is set. */
static void
wait_for_jobs(oc_export *export)
{
	pthread_mutex_lock(&export->job_lock);
	while (export->jobs > 0)
		pthread_cond_wait(&export->job_done, &export->job_lock);
	pthread_mutex_unlock(&export->job_lock);
}

static void
free_list(oc_export *export, oc_piece_list *list)
{
	while (list->first)
	{
		oc_piece *piece = list->first;

		oc_piece_list_take(list, NULL, piece);
		oc_piece_free(export, piece);
	}
}

static void
free_options(oc_export_options *options)
{
	for (size_t i = 0; i < options->header_count; i++)
	{
		free((char *) options->headers[i].name);
		free((char *) options->headers[i].value);
	}
	free((oc_header *) options->headers);
	free((char *) options->bucket);
	free((char *) options->exact_key);
	free((char *) options->place);
	free((char *) options->stem);
	free((char *) options->suffix);
	free((char *) options->token);
	free((char *) options->spill_directory);
	free((void *) options->header);
	free((void *) options->trailer);
}
