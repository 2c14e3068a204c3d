/*
 * test_writer.c
 *	  Blocks, parts, names and the budget of an export, without any store: the I/O is inline and nobody waits, so that
 *	  every transfer stays in the queue and can be looked at.
 */
#include <stdlib.h>

#include "oc_export_int.h"
#include "unit.h"

#define PART (128 * 1024)

static oc_io *io;
static oc_client *client;
static oc_pool *pool;
static oc_error error;

static oc_export_options
options_for(oc_codec codec)
{
	return (oc_export_options){.bucket = "examplebucket", .place = "dir/", .stem = "t_20260101T000000Z_0123456789abcdef",
							   .suffix = ".csv", .token = "0123456789abcdef", .codec = codec, .level = OC_LEVEL_DEFAULT,
							   .part_size = PART, .max_connections = 4, .max_memory = 8 << 20};
}

static void
add_bytes(oc_writer *writer, size_t size, char fill)
{
	oc_block *block = oc_writer_block(writer);

	if (!CHECK(oc_block_reserve(block, size)))
		return;
	memset(block->data + block->size, fill, size - 1);
	block->data[block->size + size - 1] = '\n';
	block->size += size;
}

/* A row of size bytes, and a flush when the block asks for it. */
static oc_status
add_row(oc_writer *writer, size_t size)
{
	oc_block *block = oc_writer_block(writer);
	oc_status status = OC_OK;

	add_bytes(writer, size, 'x');
	if (block->size >= block->limit)
		status = oc_writer_flush_rows(writer, 1, &error);
	else
		writer->flushed_rows++; /* the test's owner counts on its own */
	return status;
}

static const char *spill_directory;

static size_t
chosen_part_size(uint64_t max_file_size, uint64_t part_size, uint64_t memory)
{
	oc_export_options options = options_for(OC_CODEC_NONE);
	oc_export *export;
	size_t size;

	options.max_file_size = max_file_size;
	options.part_size = part_size;
	options.max_memory = memory;
	options.spill_directory = spill_directory;
	export = oc_export_open(client, pool, &options, &error);
	if (!CHECK(export != NULL))
		return 0;
	size = export->part_size;
	CHECK_INT(export->part_equal, max_file_size > 0 ? 0 : OC_PART_EQUAL);
	oc_export_close(export);
	return size;
}

static void
test_chosen_sizes(void)
{
	CHECK_INT(chosen_part_size(0, 0, 0), 8 << 20);
	CHECK_INT(chosen_part_size(256 << 20, 0, 0), 8 << 20);
	CHECK_INT(chosen_part_size(256 << 20, 1000, 0), 102400);			 /* the dialect's minimum */
	CHECK_INT(chosen_part_size(100ull << 30, 1 << 20, 1ull << 30), 11 << 20); /* 101 GB / 9996 */
	CHECK_INT(chosen_part_size(0, 64 << 20, 64 << 20), 16 << 20);		 /* a quarter of the memory */
	spill_directory = "/tmp";
	CHECK_INT(chosen_part_size(0, 64 << 20, 64 << 20), 64 << 20); /* as asked, through files */
	CHECK_INT(chosen_part_size(256 << 20, 5ull << 30, 4 << 20), 5ull << 30);
	CHECK_INT(chosen_part_size(0, 0, 4 << 20), 1 << 20); /* nobody asked: what memory holds */
	CHECK_INT(chosen_part_size(10000 * (5ull << 30), 0, 4 << 20), 5ull << 30);
	spill_directory = NULL;
}

static void
test_reserve(void)
{
	oc_block block = {0};

	CHECK(oc_block_reserve(&block, 100));
	CHECK(block.capacity >= 100);
	block.size = 100;
	CHECK(oc_block_reserve(&block, 1));
	CHECK(oc_block_reserve(&block, 0));
	CHECK(!oc_block_reserve(&block, 0x40000000));
	CHECK(!oc_block_reserve(&block, (size_t) -1));
	block.limit = 1000;
	block.size = block.capacity;
	CHECK(!oc_block_reserve(&block, (size_t) 0x3fffffff + 2000));
	free(block.data);
}

/* Parts of one size, cut where the part ends and not where a row ends; the rest of the row goes on. */
static void
test_plain_parts(void)
{
	oc_export_options options = options_for(OC_CODEC_NONE);
	oc_export *export = oc_export_open(client, pool, &options, &error);
	oc_writer *writer = oc_writer_open(export, "", &error);
	size_t rows = 0;
	uint64_t progress[3];
	oc_exported object;

	while (export->output_count == 0 || export->outputs[0]->part_count < 3)
	{
		CHECK_INT(add_row(writer, 1000), OC_OK);
		rows++;
	}
	CHECK_INT(rows, (3 * PART + 999) / 1000);
	CHECK_INT(writer->block.size, rows * 1000 - 3 * PART);
	CHECK_INT(oc_export_object_count(export), 1);
	for (int i = 0; i < 3; i++)
	{
		CHECK_INT(export->outputs[0]->parts[i].size, PART);
		CHECK_INT(export->outputs[0]->parts[i].number, i + 1);
	}
	CHECK_INT(oc_writer_close(writer, &error), OC_OK);
	object = oc_export_object(export, 0);
	CHECK_STR(object.key, "dir/t_20260101T000000Z_0123456789abcdef_1.csv");
	CHECK_INT(object.rows, rows);
	CHECK_INT(object.stored_bytes, rows * 1000);
	CHECK_INT(object.raw_bytes, rows * 1000);
	CHECK_STR(object.etag, "");
	oc_export_progress(export, &progress[0], &progress[1], &progress[2]);
	CHECK_INT(progress[1], rows * 1000);
	CHECK_INT(progress[2], rows * 1000);
	oc_export_close(export);
}

/* A row of many parts is cut in place, without moving it part by part. */
static void
test_giant_row(void)
{
	oc_export_options options = options_for(OC_CODEC_NONE);
	oc_export *export = oc_export_open(client, pool, &options, &error);
	oc_writer *writer = oc_writer_open(export, "", &error);

	CHECK_INT(add_row(writer, 10), OC_OK);
	CHECK_INT(add_row(writer, 7 * PART), OC_OK);
	CHECK_INT(export->output_count, 1);
	CHECK_INT(export->outputs[0]->part_count, 7);
	CHECK_INT(writer->block.size, 10);
	CHECK_INT(oc_writer_close(writer, &error), OC_OK);
	CHECK_INT(export->outputs[0]->part_count, 8);
	CHECK_INT(export->outputs[0]->cut_bytes, 7 * PART + 10);
	oc_export_close(export);
}

/* Without compression an object ends exactly at the first row boundary at or after max_file_size. */
static void
test_plain_roll(void)
{
	static const uint64_t sizes[] = {1, 1000, 1001, 50000, PART - 1, PART, PART + 1, PART + 70000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		oc_export_options options = options_for(OC_CODEC_NONE);
		oc_export *export;
		oc_writer *writer;
		uint64_t expected;

		options.max_file_size = sizes[i];
		options.header = "head\n";
		options.header_size = 5;
		options.trailer = "END";
		options.trailer_size = 3;
		export = oc_export_open(client, pool, &options, &error);
		writer = oc_writer_open(export, "", &error);
		/* rows of 1,000 bytes until two objects are ended */
		for (int row = 0; row < 2000 && export->output_count < 3 && !export->failed; row++)
		{
			add_row(writer, 1000);
			if (export->output_count == 2 && export->outputs[1]->ended)
				break;
		}
		expected = 5 + 3 + (sizes[i] <= 5 ? 1 : (sizes[i] - 5 + 999) / 1000) * 1000;
		CHECK_INT(export->outputs[0]->cut_bytes, expected);
		CHECK_INT(export->outputs[1]->cut_bytes, expected);
		CHECK_INT(export->outputs[0]->rows, (expected - 8) / 1000);
		oc_export_close(export);
	}
}

/* No rows, no object, whatever the header; and rows that were never flushed are written too. */
static void
test_empty_and_unflushed(oc_codec codec)
{
	oc_export_options options = options_for(codec);
	oc_export *export;
	oc_writer *writer;

	options.header = "a,b\n";
	options.header_size = 4;
	export = oc_export_open(client, pool, &options, &error);
	writer = oc_writer_open(export, "", &error);
	CHECK_INT(oc_writer_flush_rows(writer, 0, &error), OC_OK);
	CHECK_INT(oc_writer_close(writer, &error), OC_OK);
	CHECK_INT(oc_export_object_count(export), 0);
	writer = oc_writer_open(export, "k=1/", &error);
	add_bytes(writer, 10, 'y');
	CHECK_INT(oc_writer_close(writer, &error), OC_OK);
	oc_export_pump(export);
	if (CHECK_INT(oc_export_object_count(export), 1))
		CHECK_INT(oc_export_object(export, 0).raw_bytes, 14);
	oc_export_close(export);
}

static void
test_names(void)
{
	oc_export_options options = options_for(OC_CODEC_GZIP);
	oc_export *export = oc_export_open(client, pool, &options, &error);
	static const char *const folders[] = {"", "day=1/", "day=2"};
	char long_folder[1100];
	oc_writer *writer;

	for (int i = 0; i < 3; i++)
	{
		writer = oc_writer_open(export, folders[i], &error);
		add_bytes(writer, 10, 'y');
		CHECK_INT(oc_writer_close(writer, &error), OC_OK);
	}
	oc_export_pump(export);
	CHECK_STR(oc_export_object(export, 0).key, "dir/t_20260101T000000Z_0123456789abcdef_1.csv.gz");
	CHECK_STR(oc_export_object(export, 1).key, "dir/day=1/t_20260101T000000Z_0123456789abcdef_2.csv.gz");
	CHECK_STR(oc_export_object(export, 2).key, "dir/day=2/t_20260101T000000Z_0123456789abcdef_3.csv.gz");
	memset(long_folder, 'f', sizeof(long_folder) - 1);
	long_folder[sizeof(long_folder) - 1] = '\0';
	memset(&error, 0, sizeof(error));
	writer = oc_writer_open(export, long_folder, &error);
	CHECK(writer == NULL);
	CHECK_INT(error.class, OC_ERR_ARGUMENT);
	oc_export_close(export);
}

static void
test_exact_key(void)
{
	oc_export_options options = options_for(OC_CODEC_NONE);
	oc_export *export;
	oc_writer *writer;

	options.exact_key = "some/object.txt";
	options.place = options.stem = options.suffix = NULL;
	options.max_file_size = 1000; /* one object all the same */
	export = oc_export_open(client, pool, &options, &error);
	if (!CHECK(export != NULL))
		return;
	writer = oc_writer_open(export, "", &error);
	for (int i = 0; i < 300; i++)
		CHECK_INT(add_row(writer, 1000), OC_OK);
	CHECK_INT(oc_writer_close(writer, &error), OC_OK);
	CHECK_INT(oc_export_object_count(export), 1);
	CHECK_STR(oc_export_object(export, 0).key, "some/object.txt");
	CHECK_INT(oc_export_object(export, 0).stored_bytes, 300000);
	writer = oc_writer_open(export, "", &error);
	if (writer)
	{
		add_bytes(writer, 10, 'y');
		CHECK_INT(oc_writer_close(writer, &error), OC_FAILED);
	}
	CHECK_INT(error.class, OC_ERR_ARGUMENT);
	oc_export_close(export);
}

/* The window is full when nobody sends: flush says so and takes nothing until somebody waits. */
static void
test_window(oc_codec codec)
{
	oc_export_options options = options_for(codec);
	oc_export *export = oc_export_open(client, pool, &options, &error);
	oc_writer *writer = oc_writer_open(export, "", &error);
	oc_status status = OC_OK;
	uint64_t rows[3];
	char row[1000];

	for (int i = 0; i < 40000 && status == OC_OK; i++)
	{
		oc_random_hex(row, sizeof(row)); /* hardly compressible */
		CHECK(oc_block_reserve(&writer->block, sizeof(row)));
		memcpy(writer->block.data + writer->block.size, row, sizeof(row));
		writer->block.size += sizeof(row);
		if (writer->block.size >= writer->block.limit)
			status = oc_writer_flush_rows(writer, 1, &error);
	}
	CHECK_INT(status, OC_AGAIN);
	CHECK_INT(oc_writer_flush_rows(writer, 0, &error), OC_AGAIN);
	CHECK(oc_export_peak_memory(export) <= options.max_memory);
	oc_export_progress(export, &rows[0], &rows[1], &rows[2]);
	CHECK(rows[1] > 4 * PART);
	oc_export_close(export);
}

static void
test_bad_options(void)
{
	oc_export_options options = options_for(OC_CODEC_NONE);

	options.bucket = "No_Such Bucket";
	memset(&error, 0, sizeof(error));
	CHECK(oc_export_open(client, pool, &options, &error) == NULL);
	CHECK_INT(error.class, OC_ERR_ARGUMENT);
	options = options_for(OC_CODEC_NONE);
	options.part_size = (5ull << 30) + 1;
	memset(&error, 0, sizeof(error));
	CHECK(oc_export_open(client, pool, &options, &error) == NULL);
	CHECK_INT(error.class, OC_ERR_ARGUMENT);
	options = options_for(OC_CODEC_NONE);
	options.max_file_size = 10000 * (5ull << 30) + 1;
	memset(&error, 0, sizeof(error));
	CHECK(oc_export_open(client, pool, &options, &error) == NULL);
	CHECK_INT(error.class, OC_ERR_ARGUMENT);
	options = options_for(OC_CODEC_SNAPPY);
	memset(&error, 0, sizeof(error));
	CHECK(oc_export_open(client, pool, &options, &error) == NULL);
	CHECK(strstr(error.message, "snappy") != NULL);
	options = options_for(OC_CODEC_GZIP);
	options.level = 77;
	memset(&error, 0, sizeof(error));
	CHECK(oc_export_open(client, pool, &options, &error) == NULL);
	CHECK_INT(error.class, OC_ERR_ARGUMENT);
	options = options_for(OC_CODEC_GZIP);
	options.stem = NULL;
	memset(&error, 0, sizeof(error));
	CHECK(oc_export_open(client, pool, &options, &error) == NULL);
	CHECK_INT(error.class, OC_ERR_ARGUMENT);
}

int
main(void)
{
	oc_config config = {.provider = OC_PROVIDER_OSS, .endpoint = "http://127.0.0.1:9", .region = "cn-hangzhou"};

	if (!CHECK(oc_library_open()))
		return unit_done();
	io = oc_io_open(0, &error);
	client = io ? oc_client_open(io, &config, &error) : NULL;
	if (!CHECK(client != NULL))
		return unit_done();
	for (int workers = 0; workers <= 2; workers += 2)
	{
		pool = oc_pool_open(workers, &error);
		test_chosen_sizes();
		test_reserve();
		test_plain_parts();
		test_giant_row();
		test_plain_roll();
		test_empty_and_unflushed(OC_CODEC_NONE);
		test_empty_and_unflushed(OC_CODEC_GZIP);
		test_names();
		test_exact_key();
		test_window(OC_CODEC_NONE);
		test_window(OC_CODEC_ZSTD);
		test_bad_options();
		oc_pool_close(pool);
	}
	oc_client_close(client);
	oc_io_close(io);
	oc_library_close();
	return unit_done();
}
