/*
 * test_export.c
 *	  Exports against the local store: what is read back, what is visible when, and what is left after a failure.
 *
 * usage: test_export [word]	only the tests whose name has the word
 */
#include <setjmp.h>
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

/* ---------------------------------------------------------------- rows */

/* What should be in the store: the rows of one writer. */
typedef struct text
{
	char *data;
	size_t size;
	size_t capacity;
	uint64_t rows;
} text;

static void
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

static uint32_t
hash(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	x *= 0x846ca68bu;
	return x ^ x >> 16;
}

/* Row n: "n,hex\n"; half of the bytes are as good as random, so that it compresses to about a half. */
static size_t
make_row(char *row, uint32_t n)
{
	size_t size = (size_t) sprintf(row, "%u,", n);
	int words = 1 + hash(n) % 30;

	for (int i = 0; i < words; i++)
		size += (size_t) sprintf(row + size, "%08x", hash(n * 64 + i));
	row[size++] = '\n';
	return size;
}

/* Appends one row as the server does: into the block, flush when it asks, wait when the window is full. */
static oc_status
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
static oc_status
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

static oc_export_options
options_for(oc_codec codec)
{
	return (oc_export_options){.bucket = BUCKET, .place = "place/", .stem = STEM, .suffix = ".csv", .token = TOKEN,
							   .codec = codec, .level = OC_LEVEL_DEFAULT, .header = HEADER,
							   .header_size = strlen(HEADER), .part_size = PART, .max_connections = 4,
							   .max_memory = 8 << 20};
}

static int
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
static void
check_store_empty(const char *what)
{
	int objects = count_listed(OC_LIST);
	int uploads = count_listed(OC_LIST_UPLOADS);

	if (!CHECK(objects == 0 && uploads == 0))
		fprintf(stderr, "%s (%s): %d objects, %d uploads are left\n", what, current->name, objects, uploads);
}

/* The decoded content of an object; stored bytes, CRC and ETag are compared with what the export told. */
static void
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
static void
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
			CHECK_INT(output->parts[part].size, PART);
		CHECK(output->parts[output->part_count - 1].size <= PART);
		free(one.data);
	}
	CHECK_INT(rows, expected->rows);
	CHECK_INT(all.size, expected->size);
	CHECK(all.size == expected->size && memcmp(all.data, expected->data, all.size) == 0);
	free(all.data);
}

/* The only object of an export without compression is the header and the rows. */
static void
read_back_rows(oc_export *export, const text *expected)
{
	oc_exported object = oc_export_object(export, 0);
	text one = {0};

	read_back(&object, OC_CODEC_NONE, &one);
	if (CHECK_INT(one.size, strlen(HEADER) + expected->size))
		CHECK_MEM(one.data + strlen(HEADER), expected->data, expected->size);
	free(one.data);
}

/* ---------------------------------------------------------------- what goes right */

static void
check_names(oc_export *export, oc_codec codec)
{
	char key[200];

	for (size_t i = 0; i < oc_export_object_count(export); i++)
	{
		snprintf(key, sizeof(key), "place/" STEM "_%zu.csv%s", i + 1, oc_codec_suffix(codec));
		CHECK_STR(oc_export_object(export, i).key, key);
	}
}

static void
export_bytes(oc_codec codec, size_t bytes, uint64_t max_file_size, bool trailer, const char *what)
{
	oc_export_options options = options_for(codec);
	text expected = {0};
	oc_export *export;
	uint64_t progress[3];

	options.max_file_size = max_file_size;
	if (trailer)
	{
		options.trailer = TRAILER;
		options.trailer_size = strlen(TRAILER);
	}
	export = oc_export_open(client, pool, &options, &error);
	CHECK_INT(put_rows(export, "", bytes, &expected), OC_OK);
	CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_OK);
	CHECK_INT(count_listed(OC_LIST), 0); /* nothing before commit */
	CHECK_STR(oc_export_object(export, 0).etag, "");
	if (!CHECK_INT(oc_export_commit(export, NULL, &error), OC_OK))
		fprintf(stderr, "%s %s (%s): %s\n", oc_codec_name(codec), what, current->name, error.message);
	CHECK_INT(count_listed(OC_LIST_UPLOADS), 0);
	CHECK_INT(count_listed(OC_LIST), oc_export_object_count(export));
	check_names(export, codec);
	check_content(export, codec, &expected, options.trailer_size);
	oc_export_progress(export, &progress[0], &progress[1], &progress[2]);
	CHECK_INT(progress[0], expected.rows);
	CHECK_INT(progress[1], expected.size);
	CHECK(oc_export_peak_memory(export) <= options.max_memory);
	if (max_file_size > 0)
		CHECK(oc_export_object_count(export) > 2);
	else
		CHECK_INT(oc_export_object_count(export), 1);
	/* after a commit, too, everything can be taken back */
	CHECK_INT(oc_export_abort(export, 10000, &error), 0);
	check_store_empty(what);
	oc_export_close(export);
	free(expected.data);
}

static void
test_codecs(void)
{
	for (int codec = OC_CODEC_NONE; codec <= OC_CODEC_DEFLATE; codec++)
	{
		export_bytes(codec, 3000, 0, true, "small");
		export_bytes(codec, 5 * PART, 0, false, "several parts");
		export_bytes(codec, 15 * PART, 0, true, "many parts");
		export_bytes(codec, 8 * PART, 120000, true, "split");
		export_bytes(codec, 3 * PART, 30000, false, "split into small objects");
	}
}

/* One object of exactly one part, or of exactly two. */
static void
test_exact_parts(void)
{
	for (int parts = 1; parts <= 2; parts++)
	{
		oc_export_options options = options_for(OC_CODEC_NONE);
		oc_export *export;
		oc_writer *writer;
		uint64_t pending = 0;
		char row[100];

		options.header = NULL;
		options.header_size = 0;
		export = oc_export_open(client, pool, &options, &error);
		writer = oc_writer_open(export, "", &error);
		memset(row, 'a', sizeof(row));
		row[99] = '\n';
		for (int i = 0; i < parts * PART / 100; i++)
			CHECK_INT(put_row(export, writer, &pending, row, sizeof(row)), OC_OK);
		CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_OK);
		CHECK_INT(oc_export_commit(export, NULL, &error), OC_OK);
		CHECK_INT(oc_export_object_count(export), 1);
		CHECK_INT(export->outputs[0]->part_count, parts);
		CHECK_INT(oc_export_object(export, 0).stored_bytes, parts * PART);
		CHECK_INT(oc_export_abort(export, 10000, &error), 0);
		oc_export_close(export);
	}
}

static void
test_empty(void)
{
	for (int codec = OC_CODEC_NONE; codec <= OC_CODEC_DEFLATE; codec++)
	{
		for (int force = 0; force <= 1; force++)
		{
			oc_export_options options = options_for(codec);
			oc_export *export = oc_export_open(client, pool, &options, &error);
			text content = {0};

			CHECK(oc_writer_open(export, "", &error) != NULL);
			CHECK_INT(oc_export_finish(export, force, NULL, &error), OC_OK);
			CHECK_INT(oc_export_commit(export, NULL, &error), OC_OK);
			CHECK_INT(oc_export_object_count(export), force);
			if (force)
			{
				oc_exported object = oc_export_object(export, 0);

				read_back(&object, codec, &content);
				CHECK_INT(content.size, strlen(HEADER));
				CHECK_INT(object.rows, 0);
			}
			CHECK_INT(oc_export_abort(export, 10000, &error), 0);
			check_store_empty("empty");
			oc_export_close(export);
			free(content.data);
		}
	}
}

/* Without a header, a forced object has no byte at all. */
static void
test_no_byte(void)
{
	oc_export_options options = options_for(OC_CODEC_NONE);
	oc_export *export;

	options.header_size = 0;
	export = oc_export_open(client, pool, &options, &error);
	CHECK_INT(oc_export_finish(export, true, NULL, &error), OC_OK);
	CHECK_INT(oc_export_commit(export, NULL, &error), OC_OK);
	CHECK_INT(count_listed(OC_LIST), 1);
	CHECK_INT(oc_export_object(export, 0).stored_bytes, 0);
	CHECK_INT(oc_export_abort(export, 10000, &error), 0);
	check_store_empty("no byte");
	oc_export_close(export);
}

/* An object that exists is not replaced when the store is asked to refuse; and it is not deleted by the abort. */
static void
test_exact_key(void)
{
	oc_export_options options = options_for(OC_CODEC_NONE);

	options.exact_key = "fixed/name.csv";
	for (int round = 0; round < 3; round++)
	{
		oc_export *export;
		text expected = {0};
		size_t bytes = round == 2 ? 3 * PART : 5000;
		oc_status status;

		options.forbid_overwrite = round > 0;
		options.token = round == 0 ? TOKEN : "another";
		export = oc_export_open(client, pool, &options, &error);
		status = put_rows(export, "", bytes, &expected);
		if (status == OC_OK)
			status = oc_export_finish(export, false, NULL, &error);
		if (status == OC_OK)
			status = oc_export_commit(export, NULL, &error);
		CHECK_INT(status, round == 0 ? OC_OK : OC_FAILED);
		if (round > 0)
		{
			CHECK_INT(error.class, OC_ERR_EXISTS);
			CHECK_INT(oc_export_abort(export, 10000, &error), 0);
		}
		oc_export_close(export);
		free(expected.data);
		CHECK_INT(count_listed(OC_LIST), 1);
		CHECK_INT(count_listed(OC_LIST_UPLOADS), 0);
	}
	CHECK(store_clear(&store));
}

/* ---------------------------------------------------------------- abort */

static int
give_up_after(void *arg, int fd, int timeout_ms)
{
	int *left = arg;

	store_poll(fd, timeout_ms < 0 || timeout_ms > 50 ? 50 : timeout_ms);
	return --*left < 0;
}

/* Aborts after: 0 nothing, 1 unflushed rows, 2 some parts, 3 finish, 4 a cancelled finish. */
static void
test_abort_stages(void)
{
	for (int codec = OC_CODEC_NONE; codec <= OC_CODEC_GZIP; codec++)
	{
		for (int stage = 0; stage <= 4; stage++)
		{
			oc_export_options options = options_for(codec);
			oc_export *export;
			text expected = {0};
			int patience = 0;
			oc_waiter waiter = {give_up_after, &patience};

			options.max_file_size = 5 * PART / 2;
			export = oc_export_open(client, pool, &options, &error);
			if (stage > 0)
				CHECK_INT(put_rows(export, "", stage == 1 ? 2000 : 12 * PART, &expected), OC_OK);
			if (stage == 3)
				CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_OK);
			if (stage == 4)
			{
				oc_status status = oc_export_finish(export, false, &waiter, &error);

				CHECK(status == OC_CANCELLED || status == OC_OK);
			}
			CHECK_INT(oc_export_abort(export, 10000, &error), 0);
			check_store_empty("abort stages");
			if (stage == 2)
				CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_FAILED);
			oc_export_close(export);
			free(expected.data);
		}
	}
}

/* A call of the kind is held by the store, the owner gives up waiting, and the abort cleans up around it. */
static void
abort_while_blocked(const char *rule, bool small, bool exact, const char *what)
{
	oc_export_options options = options_for(OC_CODEC_NONE);
	oc_export *export;
	text expected = {0};
	int patience = 3;
	oc_waiter waiter = {give_up_after, &patience};
	oc_status status;

	if (exact)
		options.exact_key = "fixed/" TOKEN;
	store_fault(&store, rule);
	export = oc_export_open(client, pool, &options, &error);
	status = put_rows(export, "", small ? 2000 : 3 * PART, &expected);
	if (status == OC_OK)
		status = oc_export_finish(export, false, &waiter, &error);
	if (status == OC_OK)
		status = oc_export_commit(export, &waiter, &error);
	CHECK_INT(status, OC_CANCELLED);
	CHECK_INT(error.class, OC_ERR_CANCELLED);
	store_clear_faults(&store);
	CHECK_INT(oc_export_abort(export, 10000, &error), 0);
	check_store_empty(what);
	oc_export_close(export);
	free(expected.data);
}

static void
test_abort_blocked(void)
{
	abort_while_blocked(STORE_BLOCK("InitiateMultipartUpload", "start"), false, false, "initiate blocked");
	abort_while_blocked(STORE_BLOCK("InitiateMultipartUpload", "answer"), false, false, "initiate blocked, but done");
	abort_while_blocked(STORE_BLOCK("InitiateMultipartUpload", "answer"), false, true, "initiate of an exact key");
	abort_while_blocked(STORE_BLOCK("UploadPart", "start"), false, false, "part blocked");
	abort_while_blocked(STORE_BLOCK("UploadPart", "answer"), false, false, "part blocked, but done");
	abort_while_blocked(STORE_BLOCK("CompleteMultipartUpload", "start"), false, false, "complete blocked");
	abort_while_blocked(STORE_BLOCK("CompleteMultipartUpload", "answer"), false, false, "complete blocked, but done");
	abort_while_blocked(STORE_BLOCK("CompleteMultipartUpload", "answer"), false, true, "complete of an exact key");
	abort_while_blocked(STORE_BLOCK("PutObject", "start"), true, false, "put blocked");
	abort_while_blocked(STORE_BLOCK("PutObject", "answer"), true, false, "put blocked, but done");
	abort_while_blocked(STORE_BLOCK("PutObject", "answer"), true, true, "put of an exact key");
}

static jmp_buf escape;

static int
jump_away(void *arg, int fd, int timeout_ms)
{
	int *left = arg;

	if (--*left < 0)
		longjmp(escape, 1);
	store_poll(fd, timeout_ms < 0 || timeout_ms > 50 ? 50 : timeout_ms);
	return 0;
}

/* The owner's callback never returns, as PostgreSQL's errors do: abort and close work as usual. */
static void
test_jump(void)
{
	for (volatile int patience = 0; patience < 6; patience++)
	{
		oc_export_options options = options_for(OC_CODEC_GZIP);
		oc_export *volatile export = NULL;
		text expected = {0};
		int left = patience;
		oc_waiter waiter = {jump_away, &left};

		CHECK(store_fault(&store, STORE_BLOCK("CompleteMultipartUpload", "start")));
		export = oc_export_open(client, pool, &options, &error);
		if (setjmp(escape) == 0)
		{
			CHECK_INT(put_rows(export, "", 9 * PART, &expected), OC_OK);
			CHECK_INT(oc_export_finish(export, false, &waiter, &error), OC_OK);
			oc_export_commit(export, &waiter, &error);
			CHECK(!"commit came back although the store does not answer");
		}
		CHECK(store_clear_faults(&store));
		CHECK_INT(oc_export_abort(export, 10000, &error), 0);
		check_store_empty("jump");
		oc_export_close(export);
		free(expected.data);
	}
}

/* ---------------------------------------------------------------- faults */

/* expected class OC_ERR_NONE: the export survives the fault and its content is right. */
static void
with_fault(const char *rule, size_t bytes, oc_error_class class, const char *what)
{
	oc_export_options options = options_for(OC_CODEC_NONE);
	oc_export *export;
	text expected = {0};
	oc_status status;

	CHECK(store_fault(&store, rule));
	memset(&error, 0, sizeof(error));
	export = oc_export_open(client, pool, &options, &error);
	status = put_rows(export, "", bytes, &expected);
	if (status == OC_OK)
		status = oc_export_finish(export, false, NULL, &error);
	if (status == OC_OK)
		status = oc_export_commit(export, NULL, &error);
	CHECK(store_fault_hits(&store) > 0);
	store_clear_faults(&store);
	if (class == OC_ERR_NONE)
	{
		if (CHECK_INT(status, OC_OK))
			check_content(export, OC_CODEC_NONE, &expected, 0);
		else
			fprintf(stderr, "%s: %s\n", what, error.message);
		CHECK_INT(count_listed(OC_LIST), 1);
		CHECK_INT(count_listed(OC_LIST_UPLOADS), 0);
	}
	else
	{
		CHECK_INT(status, OC_FAILED);
		if (!CHECK_INT(error.class, class))
			fprintf(stderr, "%s: %s\n", what, error.message);
		CHECK(error.message[0] != '\0');
		CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_FAILED);
		CHECK_INT(oc_export_commit(export, NULL, &error), OC_FAILED);
		CHECK_INT(error.class, class);
	}
	if (!CHECK_INT(oc_export_abort(export, 20000, &error), 0))
		fprintf(stderr, "%s: %s\n", what, error.message);
	check_store_empty(what);
	oc_export_close(export);
	free(expected.data);
}

static void
test_faults(void)
{
	with_fault("{\"action\":\"status\",\"op\":\"UploadPart\",\"status\":503,\"count\":4}", 4 * PART, OC_ERR_NONE, "503");
	with_fault("{\"action\":\"status\",\"op\":\"*\",\"status\":500,\"count\":4}", 4 * PART, OC_ERR_NONE, "500 everywhere");
	with_fault("{\"action\":\"reset\",\"op\":\"UploadPart\",\"bytes\":50000,\"count\":2}", 4 * PART, OC_ERR_NONE, "reset");
	with_fault("{\"action\":\"lost_answer\",\"op\":\"UploadPart\",\"count\":2}", 4 * PART, OC_ERR_NONE, "lost part answer");
	with_fault("{\"action\":\"lost_answer\",\"op\":\"InitiateMultipartUpload\"}", 4 * PART, OC_ERR_NONE,
			   "lost answer to Initiate");
	with_fault("{\"action\":\"lost_answer\",\"op\":\"CompleteMultipartUpload\"}", 4 * PART, OC_ERR_NONE,
			   "lost answer to Complete");
	with_fault("{\"action\":\"lost_answer\",\"op\":\"PutObject\"}", 4000, OC_ERR_NONE, "lost answer to Put");
	with_fault("{\"action\":\"wrong_crc\",\"op\":\"CompleteMultipartUpload\",\"count\":null}", 4 * PART, OC_ERR_INTEGRITY,
			   "wrong CRC at Complete");
	with_fault("{\"action\":\"wrong_crc\",\"op\":[\"PutObject\",\"HeadObject\"],\"count\":null}", 4000, OC_ERR_INTEGRITY,
			   "wrong CRC at Put");
	with_fault("{\"action\":\"wrong_crc\",\"op\":\"UploadPart\",\"count\":null}", 4 * PART, OC_ERR_INTEGRITY, "wrong CRC of a part");
	/* without a CRC-64 to compare, parts are sent again with an MD5 */
	with_fault("{\"action\":\"header\",\"op\":\"UploadPart\",\"header\":\"x-oss-hash-crc64ecma\",\"value\":null,\"count\":null}",
			   6 * PART, OC_ERR_NONE, "no CRC of parts");
	with_fault("{\"action\":\"deny\",\"op\":\"UploadPart\",\"after\":2,\"count\":null}", 8 * PART, OC_ERR_DENIED, "part denied");
	with_fault("{\"action\":\"deny\",\"op\":\"InitiateMultipartUpload\",\"count\":null}", 4 * PART, OC_ERR_DENIED,
			   "initiate denied");
	with_fault("{\"action\":\"deny\",\"op\":\"CompleteMultipartUpload\",\"count\":null}", 4 * PART, OC_ERR_DENIED,
			   "complete denied");
	with_fault("{\"action\":\"deny\",\"op\":\"PutObject\",\"count\":null}", 4000, OC_ERR_DENIED, "put denied");
}

/* Some objects are completed, one is not: the abort takes all of them back. */
static void
test_half_committed(void)
{
	oc_export_options options = options_for(OC_CODEC_NONE);
	oc_export *export;
	text expected = {0};

	options.max_file_size = 3 * PART / 2;
	options.max_connections = 2;
	export = oc_export_open(client, pool, &options, &error);
	CHECK_INT(put_rows(export, "", 15 * PART, &expected), OC_OK);
	CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_OK);
	store_fault(&store, "{\"action\":\"deny\",\"op\":\"CompleteMultipartUpload\",\"after\":5,\"count\":null}");
	CHECK_INT(oc_export_commit(export, NULL, &error), OC_FAILED);
	CHECK_INT(error.class, OC_ERR_DENIED);
	store_clear_faults(&store);
	CHECK(count_listed(OC_LIST) > 0);
	CHECK_INT(oc_export_abort(export, 10000, &error), 0);
	check_store_empty("half committed");
	oc_export_close(export);
	free(expected.data);
}

/* ---------------------------------------------------------------- the other dialects */

static bool open_client_of(oc_provider provider);
static void close_client(void);

/* S3 has larger parts and, like OBS, tells no CRC-64 by itself. */
static void
test_dialects(void)
{
	for (oc_provider provider = OC_PROVIDER_OBS; provider <= OC_PROVIDER_S3; provider++)
	{
		size_t part = provider == OC_PROVIDER_S3 ? 5 << 20 : PART;

		close_client();
		if (!open_client_of(provider))
			return;
		for (int small = 0; small <= 1; small++)
		{
			oc_export_options options = options_for(OC_CODEC_NONE);
			oc_export *export;
			text expected = {0};

			options.max_memory = 32 << 20;
			export = oc_export_open(client, pool, &options, &error);
			CHECK_INT(put_rows(export, "", small ? 3000 : 2 * part + 5000, &expected), OC_OK);
			CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_OK);
			if (!CHECK_INT(oc_export_commit(export, NULL, &error), OC_OK))
				fprintf(stderr, "%s\n", error.message);
			CHECK_INT(export->outputs[0]->part_count, small ? 1 : 3);
			CHECK_INT(export->outputs[0]->parts[0].size, small ? oc_export_object(export, 0).stored_bytes : part);
			read_back_rows(export, &expected);
			CHECK_INT(oc_export_abort(export, 10000, &error), 0);
			check_store_empty("dialects");
			oc_export_close(export);
			free(expected.data);
		}
	}
	close_client();
	open_client_of(OC_PROVIDER_OSS);
}

/* ---------------------------------------------------------------- many writers */

/* Round robin over all writers.  Each row names its writer and its number there. */
static void
many_writers(int count, int rows, int row_size, uint64_t memory, bool must_spill, oc_codec codec)
{
	oc_export_options options = options_for(codec);
	oc_writer **writers = calloc(count, sizeof(*writers));
	uint64_t *pending = calloc(count, sizeof(*pending));
	int *seen = calloc(count, sizeof(*seen));
	oc_export *export;
	uint64_t total = 0;
	char row[2000];
	bool good = true;

	options.max_memory = memory;
	options.max_connections = 8;
	options.part_size = 8 << 20;
	export = oc_export_open(client, pool, &options, &error);
	for (int i = 0; i < count && good; i++)
	{
		char folder[40];

		snprintf(folder, sizeof(folder), "k=%d/", i);
		writers[i] = oc_writer_open(export, folder, &error);
		good = CHECK(writers[i] != NULL);
	}
	for (int r = 0; r < rows && good; r++)
	{
		for (int i = 0; i < count && good; i++)
		{
			snprintf(row, sizeof(row), "%05d,%05d,", i, r);
			for (int at = 12; at < row_size - 1; at++)
				row[at] = "0123456789abcdef"[hash(at + r * 977 + i * 7919) & 15];
			row[row_size - 1] = '\n';
			good = put_row(export, writers[i], &pending[i], row, row_size) == OC_OK;
		}
	}
	if (!CHECK(good))
		fprintf(stderr, "many writers: %s\n", error.message);
	for (int i = 0; i < count && good; i++)
	{
		oc_status status = oc_writer_flush_rows(writers[i], pending[i], &error);

		CHECK(status == OC_OK || status == OC_AGAIN);
	}
	if (!CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_OK) ||
		!CHECK_INT(oc_export_commit(export, NULL, &error), OC_OK))
		fprintf(stderr, "many writers: %s\n", error.message);
	if (must_spill)
		CHECK(oc_export_object_count(export) > (size_t) count);
	else
		CHECK_INT(oc_export_object_count(export), count);
	if (!CHECK(oc_export_peak_memory(export) <= memory))
		fprintf(stderr, "peak %" PRIu64 " of %" PRIu64 "\n", oc_export_peak_memory(export), memory);
	for (size_t i = 0; i < oc_export_object_count(export); i++)
	{
		oc_exported object = oc_export_object(export, i);
		text t = {0};
		int writer = atoi(strstr(object.key, "k=") + 2);

		read_back(&object, codec, &t);
		CHECK_INT((t.size - strlen(HEADER)) % row_size, 0);
		CHECK_INT((t.size - strlen(HEADER)) / row_size, object.rows);
		for (size_t at = strlen(HEADER); at + 12 < t.size; at += row_size)
		{
			if (atoi(t.data + at) != writer || atoi(t.data + at + 6) != seen[writer]++)
				good = false;
		}
		total += object.rows;
		free(t.data);
	}
	CHECK(good);
	CHECK_INT(total, (uint64_t) count * rows);
	CHECK_INT(oc_export_abort(export, 60000, &error), 0);
	check_store_empty("many writers");
	oc_export_close(export);
	free(writers);
	free(pending);
	free(seen);
}

static void
test_many_writers(void)
{
	if (current->io_threads == 0)
		return; /* the same code, only slower */
	many_writers(3000, 6, 1000, 64 << 20, false, OC_CODEC_NONE);
	many_writers(300, 60, 1500, 8 << 20, true, OC_CODEC_NONE);
	many_writers(300, 60, 1500, 8 << 20, true, OC_CODEC_ZSTD);
}

/* ---------------------------------------------------------------- a store that is gone */

static void
test_killed_store(void)
{
	oc_export_options options = options_for(OC_CODEC_NONE);
	oc_export *export = oc_export_open(client, pool, &options, &error);
	text expected = {0};
	oc_status status;
	int64_t start;

	CHECK_INT(put_rows(export, "", 6 * PART, &expected), OC_OK);
	store_kill(&store);
	memset(&error, 0, sizeof(error));
	status = put_rows(export, "more/", 40 * PART, &expected);
	if (status == OC_OK)
		status = oc_export_finish(export, false, NULL, &error);
	CHECK_INT(status, OC_FAILED);
	CHECK(error.class == OC_ERR_CONNECT || error.class == OC_ERR_NETWORK || error.class == OC_ERR_TIMEOUT);
	CHECK(error.message[0] != '\0');
	start = oc_now_us();
	memset(&error, 0, sizeof(error));
	CHECK(oc_export_abort(export, 2000, &error) > 0);
	CHECK(error.message[0] != '\0');
	CHECK(oc_now_us() - start < 2000000 + 5000000); /* the deadline, and much time for a busy machine */
	oc_export_close(export);
	free(expected.data);
}

/* ---------------------------------------------------------------- main */

static bool
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

static void
close_client(void)
{
	oc_pool_close(pool);
	oc_client_close(client);
	oc_io_close(io);
}

int
main(int argc, char **argv)
{
	static const struct
	{
		const char *name;
		void (*run)(void);
	} tests[] = {{"codecs", test_codecs},
				 {"exact_parts", test_exact_parts},
				 {"empty", test_empty},
				 {"no_byte", test_no_byte},
				 {"exact_key", test_exact_key},
				 {"abort_stages", test_abort_stages},
				 {"abort_blocked", test_abort_blocked},
				 {"jump", test_jump},
				 {"faults", test_faults},
				 {"dialects", test_dialects},
				 {"half_committed", test_half_committed},
				 {"many_writers", test_many_writers},
				 {"killed_store", test_killed_store}};

	if (!CHECK(oc_library_open()))
		return unit_done();
	for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++)
	{
		current = &ways[w];
		if (!CHECK(store_start(&store, BUCKET)))
			break;
		if (open_client_of(OC_PROVIDER_OSS))
		{
			for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
			{
				if (argc < 2 || strstr(tests[i].name, argv[1]))
					tests[i].run();
			}
			close_client();
		}
		store_stop(&store);
	}
	oc_library_close();
	return unit_done();
}
