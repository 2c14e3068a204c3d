/*
 * export_util.h
 *	  What the tests of exports share: rows, the store, reading back, and the ways to run.
 *
 * Each program calls export_main with its tests: they run against a store of their own, first with threads, then without.
 */
#ifndef EXPORT_UTIL_H
#define EXPORT_UTIL_H

#include <stdlib.h>

#include "oc_export_int.h"
#include "store_process.h"
#include "unit.h"

#define PART 102400 /* the smallest that OSS allows */
#define BUCKET "export-test"
#define TOKEN "0123456789abcdef0123456789abcdef"
#define STEM "t_20260101T000000Z_" TOKEN
#define HEADER "number,text\n"
#define TRAILER "#end\n"

/* One way to run: threads of the I/O and workers of the codecs. */
typedef struct way
{
	const char *name;
	int io_threads;
	int workers;
} way;

static const way ways[] = {{"threads", 1, 2}, {"inline", 0, 0}, {"workers only", 0, 2}};

static struct store store;
static oc_io *io;
static oc_client *client;
static oc_pool *pool;
static const way *current;
static oc_error error;
static size_t part_of_objects = PART; /* what check_content expects */

/* ---------------------------------------------------------------- rows */

/* What should be in the store: the rows of one writer. */
typedef struct text
{
	char *data;
	size_t size;
	size_t capacity;
	uint64_t rows;
} text;

static inline void
text_add(text *t, const char *data, size_t size)
{
	if (size == 0)
		return;
	while (t->size + size > t->capacity)
	{
		t->capacity = t->capacity ? t->capacity * 2 : 65536;
		t->data = realloc(t->data, t->capacity);
	}
	memcpy(t->data + t->size, data, size);
	t->size += size;
}

static inline uint32_t
hash(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	x *= 0x846ca68bu;
	return x ^ x >> 16;
}

/* Row n: "n,hex\n"; half of the bytes are as good as random, so that it compresses to about a half. */
static inline size_t
make_row(char *row, uint32_t n)
{
	size_t size = (size_t) sprintf(row, "%u,", n);
	int words = 1 + hash(n) % 30;

	/* as "%08x", which the sanitizers make slow */
	for (int i = 0; i < words; i++)
	{
		uint32_t word = hash(n * 64 + i);

		for (int shift = 28; shift >= 0; shift -= 4)
			row[size++] = "0123456789abcdef"[word >> shift & 15];
	}
	row[size++] = '\n';
	return size;
}

/* Appends one row as the server does: into the block, flush when it asks, wait when the window is full. */
static inline oc_status
put_row(oc_export *export, oc_writer *writer, uint64_t *pending, const char *row, size_t size)
{
	oc_block *block = oc_writer_block(writer);
	oc_status status;

	if (!oc_block_reserve(block, size))
		return OC_FAILED;
	memcpy(block->data + block->size, row, size);
	block->size += size;
	(*pending)++;
	if (block->size < block->limit)
		return OC_OK;
	status = oc_writer_flush_rows(writer, *pending, &error);
	*pending = 0;
	while (status == OC_AGAIN)
	{
		status = oc_export_wait(export, NULL, &error);
		if (status == OC_OK)
			status = oc_writer_flush_rows(writer, 0, &error);
	}
	return status;
}

/* Writes rows until bytes are reached, all of them noted in t.  Closes the writer when close is set. */
static inline oc_status
put_rows(oc_export *export, const char *folder, size_t bytes, text *t)
{
	oc_writer *writer = oc_writer_open(export, folder, &error);
	uint64_t pending = 0;
	oc_status status = writer ? OC_OK : OC_FAILED;
	char row[400];

	while (status == OC_OK && t->size < bytes)
	{
		size_t size = make_row(row, (uint32_t) t->rows++);

		text_add(t, row, size);
		status = put_row(export, writer, &pending, row, size);
	}
	while (status == OC_OK && (status = oc_writer_flush_rows(writer, pending, &error)) == OC_AGAIN)
	{
		pending = 0;
		status = oc_export_wait(export, NULL, &error);
	}
	return status;
}

/* ---------------------------------------------------------------- the store */

static inline oc_export_options
options_for(oc_codec codec)
{
	return (oc_export_options){.bucket = BUCKET, .place = "place/", .stem = STEM, .suffix = ".csv", .token = TOKEN,
							   .codec = codec, .level = OC_LEVEL_DEFAULT, .header = HEADER,
							   .header_size = strlen(HEADER), .part_size = PART, .max_connections = 4,
							   .max_memory = 8 << 20};
}

static inline int
count_listed(oc_verb verb)
{
	oc_call *call = oc_call_new(client, verb);
	int count = -1;

	call->bucket = BUCKET;
	call->prefix = "";
	if (CHECK_INT(oc_call_run(call, NULL), OC_OK))
	{
		CHECK(!call->page.truncated);
		count = (int) call->page.count;
	}
	else
		fprintf(stderr, "%s\n", call->error.message);
	oc_call_free(call);
	return count;
}

/* Neither objects nor uploads. */
static inline void
check_store_empty(const char *what)
{
	int objects = count_listed(OC_LIST);
	int uploads = count_listed(OC_LIST_UPLOADS);

	if (!CHECK(objects == 0 && uploads == 0))
		fprintf(stderr, "%s (%s): %d objects, %d uploads are left\n", what, current->name, objects, uploads);
}

/* The decoded content of an object; stored bytes, CRC and ETag are compared with what the export told. */
static inline void
read_back(const oc_exported *object, oc_codec codec, text *t)
{
	oc_call *call = oc_call_new(client, OC_GET);
	char *stored = malloc(object->stored_bytes + 1);
	const unsigned char *source = (unsigned char *) stored;
	oc_decoder *decoder = oc_decoder_open(codec, &error);
	size_t left;
	oc_status status = OC_OK;
	char piece[65536];
	char quoted[80];

	call->bucket = BUCKET;
	call->key = object->key;
	call->sink = stored;
	call->sink_size = object->stored_bytes + 1;
	if (!CHECK_INT(oc_call_run(call, NULL), OC_OK))
		fprintf(stderr, "%s: %s\n", object->key, call->error.message);
	CHECK_INT(call->received, object->stored_bytes);
	CHECK(oc_crc64(0, stored, call->received) == object->crc64);
	snprintf(quoted, sizeof(quoted), "\"%s\"", object->etag);
	CHECK_STR(call->etag, quoted);
	left = call->received;
	while (status == OC_OK)
	{
		size_t written = 0;

		status = oc_decoder_read(decoder, &source, &left, true, piece, sizeof(piece), &written, &error);
		text_add(t, piece, written);
	}
	if (!CHECK_INT(status, OC_END))
		fprintf(stderr, "%s: %s\n", object->key, error.message);
	oc_decoder_close(decoder);
	oc_call_free(call);
	free(stored);
}

/* Objects one after the other give the rows in order; each has a header, ends with a row, and parts of one size. */
static inline void
check_content(oc_export *export, oc_codec codec, const text *expected, size_t trailer_size)
{
	text all = {0};
	uint64_t rows = 0;

	for (size_t i = 0; i < oc_export_object_count(export); i++)
	{
		oc_exported object = oc_export_object(export, i);
		const oc_output *output = export->outputs[i];
		text one = {0};

		read_back(&object, codec, &one);
		rows += object.rows;
		CHECK_INT(object.raw_bytes, one.size);
		if (CHECK(one.size > strlen(HEADER) + trailer_size && memcmp(one.data, HEADER, strlen(HEADER)) == 0))
		{
			CHECK_MEM(one.data + one.size - trailer_size, TRAILER, trailer_size);
			CHECK_INT(one.data[one.size - trailer_size - 1], '\n');
			text_add(&all, one.data + strlen(HEADER), one.size - strlen(HEADER) - trailer_size);
		}
		for (int part = 0; part + 1 < output->part_count; part++)
			CHECK_INT(output->parts[part].size, part_of_objects);
		CHECK(output->parts[output->part_count - 1].size <= part_of_objects);
		free(one.data);
	}
	CHECK_INT(rows, expected->rows);
	CHECK_INT(all.size, expected->size);
	CHECK(all.size == expected->size && memcmp(all.data, expected->data, all.size) == 0);
	free(all.data);
}

/* The only object of an export without compression is the header and the rows. */
static inline void
read_back_rows(oc_export *export, const text *expected)
{
	oc_exported object = oc_export_object(export, 0);
	text one = {0};

	read_back(&object, OC_CODEC_NONE, &one);
	if (CHECK_INT(one.size, strlen(HEADER) + expected->size))
		CHECK_MEM(one.data + strlen(HEADER), expected->data, expected->size);
	free(one.data);
}

/* ---------------------------------------------------------------- main */

static inline bool
open_client_of(oc_provider provider)
{
	oc_config config = {.provider = provider, .endpoint = store.endpoint, .region = STORE_REGION,
						.access_key_id = STORE_KEY_ID, .access_key_secret = STORE_KEY_SECRET,
						.retry_timeout_ms = 15000};

	io = oc_io_open(current->io_threads, &error);
	pool = oc_pool_open(current->workers, &error);
	client = io ? oc_client_open(io, &config, &error) : NULL;
	return CHECK(io && pool && client);
}

static inline void
close_client(void)
{
	oc_pool_close(pool);
	oc_client_close(client);
	oc_io_close(io);
}

typedef struct export_test
{
	const char *name;
	void (*run)(void);
} export_test;

/* word: only the tests whose name has it; NULL = all. */
static inline int
export_main(const export_test *tests, size_t count, const char *word)
{
	if (!CHECK(oc_library_open()))
		return unit_done();
	for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++)
	{
		current = &ways[w];
		if (!CHECK(store_start(&store, BUCKET)))
			break;
		if (open_client_of(OC_PROVIDER_OSS))
		{
			for (size_t i = 0; i < count; i++)
			{
				if (!word || strstr(tests[i].name, word))
					tests[i].run();
			}
			close_client();
		}
		store_stop(&store);
	}
	oc_library_close();
	return unit_done();
}

#endif
