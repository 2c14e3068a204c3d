/*
 * test_export.c
 *	  Exports that succeed: what is read back from the local store, and what is visible when.
 *
 * usage: test_export [word]	only the tests whose name has the word
 */
#include "export_util.h"

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

/* The stored bytes of an object. */
static char *
stored_bytes(const oc_exported *object)
{
	oc_call *call = oc_call_new(client, OC_GET);
	char *bytes = malloc(object->stored_bytes + 1);

	call->bucket = BUCKET;
	call->key = object->key;
	call->sink = bytes;
	call->sink_size = object->stored_bytes + 1;
	CHECK_INT(oc_call_run(call, NULL), OC_OK);
	CHECK_INT(call->received, object->stored_bytes);
	oc_call_free(call);
	return bytes;
}

/* Decodes a range of the stored bytes by itself: it must be the rows from number on, and nothing else. */
static void
check_range(oc_codec codec, const char *stored, uint64_t start, uint64_t end, uint64_t first_row, uint64_t next_row)
{
	oc_decoder *decoder = oc_decoder_open(codec, &error);
	const unsigned char *source = (const unsigned char *) stored + start;
	size_t left = end - start;
	text rows = {0};
	size_t at = 0;
	oc_status status = OC_OK;
	char row[400];

	while (status == OC_OK)
	{
		char piece[65536];
		size_t written = 0;

		status = oc_decoder_read(decoder, &source, &left, true, piece, sizeof(piece), &written, &error);
		text_add(&rows, piece, written);
	}
	CHECK_INT(status, OC_END);
	for (uint64_t n = first_row; n < next_row; n++)
	{
		size_t size = make_row(row, (uint32_t) n);

		if (at + size > rows.size || memcmp(rows.data + at, row, size) != 0)
			break;
		at += size;
	}
	CHECK_INT(at, rows.size);
	oc_decoder_close(decoder);
	free(rows.data);
}

/* What an export notes as splits of its objects are places where reading can begin, and they are not too close. */
static void
split_bytes(oc_codec codec, uint64_t max_file_size, size_t split_size)
{
	oc_export_options options = options_for(codec);
	text expected = {0};
	oc_export *export;
	size_t splits = 0;
	uint64_t row = 0;

	options.max_file_size = max_file_size;
	options.split_size = split_size;
	options.max_memory = 4 << 20;
	options.trailer = "";
	export = oc_export_open(client, pool, &options, &error);
	CHECK_INT(put_rows(export, "", 20 * PART, &expected), OC_OK);
	CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_OK);
	CHECK_INT(oc_export_commit(export, NULL, &error), OC_OK);
	for (size_t i = 0; i < oc_export_object_count(export); i++)
	{
		oc_exported object = oc_export_object(export, i);
		char *stored = stored_bytes(&object);

		for (size_t k = 0; k < object.split_count; k++, splits++)
		{
			const oc_split_point *split = &object.splits[k];
			bool last = k + 1 == object.split_count;

			CHECK(split->offset >= (k > 0 ? split[-1].offset : 0) + split_size && split->offset < object.stored_bytes);
			check_range(codec, stored, split->offset, last ? object.stored_bytes : split[1].offset, row + split->rows,
						row + (last ? object.rows : split[1].rows));
		}
		row += object.rows;
		free(stored);
	}
	CHECK(codec == OC_CODEC_DEFLATE || split_size == 0 ? splits == 0 : splits > 4);
	CHECK_INT(oc_export_abort(export, 10000, &error), 0);
	oc_export_close(export);
	free(expected.data);
}

static void
test_splits(void)
{
	for (int codec = OC_CODEC_NONE; codec <= OC_CODEC_DEFLATE; codec++)
	{
		split_bytes(codec, 0, 50000);
		split_bytes(codec, 4 * PART, 20000);
		split_bytes(codec, 0, 0);
	}
}

/* When there would be too many, every second one stays. */
static void
test_many_splits(void)
{
	oc_export_options options = options_for(OC_CODEC_NONE);
	oc_export *export;
	oc_output *output;

	options.split_size = 10;
	export = oc_export_open(client, pool, &options, &error);
	output = oc_output_begin(export, "");
	for (int i = 1; i <= 100000; i++)
	{
		output->rows = (uint64_t) i;
		oc_output_note_split(export, output, (uint64_t) i * 7);
		if (output->split_count > OC_SPLITS_MAX)
			break;
	}
	CHECK(output->split_count > OC_SPLITS_MAX / 2 && output->split_count <= OC_SPLITS_MAX);
	for (size_t i = 1; i < output->split_count; i++)
	{
		if (output->splits[i].offset != output->splits[i].rows * 7 ||
			output->splits[i].offset - output->splits[i - 1].offset > 2 * output->split_size)
			CHECK_INT(i, -1);
	}
	CHECK(700000 - output->splits[output->split_count - 1].offset <= 2 * output->split_size);
	oc_export_abort(export, 1000, &error);
	oc_export_close(export);
}

/* A finished export keeps its small objects and nothing else; unloaded, it keeps next to nothing and commits the same. */
static void
test_unload(void)
{
	for (int codec = OC_CODEC_NONE; codec <= OC_CODEC_GZIP; codec++)
	{
		oc_export_options options = options_for(codec);
		text expected = {0};
		oc_export *export = oc_export_open(client, pool, &options, &error);

		CHECK_INT(put_rows(export, "", PART - 20000, &expected), OC_OK);
		CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_OK);
		CHECK_INT(count_listed(OC_LIST_UPLOADS), 0);
		CHECK(oc_export_memory(export) > 10000 && oc_export_memory(export) < PART);
		CHECK_INT(oc_export_unload(export, NULL, &error), OC_OK);
		CHECK(oc_export_memory(export) < 1000);
		CHECK_INT(count_listed(OC_LIST_UPLOADS), 1);
		CHECK_INT(count_listed(OC_LIST), 0);
		CHECK_INT(oc_export_unload(export, NULL, &error), OC_OK); /* nothing is left to do */
		CHECK_INT(oc_export_commit(export, NULL, &error), OC_OK);
		CHECK_INT(count_listed(OC_LIST_UPLOADS), 0);
		check_content(export, codec, &expected, options.trailer_size);
		CHECK_INT(oc_export_abort(export, 10000, &error), 0);
		check_store_empty("unload");
		oc_export_close(export);
		free(expected.data);
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

/* Objects without a size limit have parts that grow; the store takes them. */
static void
test_growing_parts(void)
{
	for (int codec = OC_CODEC_NONE; codec <= OC_CODEC_GZIP; codec++)
	{
		oc_export_options options = options_for(codec);
		oc_export *export = oc_export_open(client, pool, &options, &error);
		text expected = {0};
		const oc_output *output;

		export->part_equal = export->part_growth = 2; /* not 5,000 and 500 */
		CHECK_INT(put_rows(export, "", 30 * PART, &expected), OC_OK);
		CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_OK);
		CHECK_INT(oc_export_commit(export, NULL, &error), OC_OK);
		output = export->outputs[0];
		CHECK_INT(export->output_count, 1);
		CHECK(output->part_count >= 6);
		for (int part = 0; part + 1 < output->part_count; part++)
			CHECK_INT(output->parts[part].size, PART << (part / 2));
		if (codec == OC_CODEC_NONE)
			read_back_rows(export, &expected);
		CHECK_INT(oc_export_abort(export, 10000, &error), 0);
		check_store_empty("growing parts");
		oc_export_close(export);
		free(expected.data);
	}
}

/* An object that runs out of part numbers ends; one with an exact key is an error. */
static void
test_part_numbers(void)
{
	for (int exact = 0; exact <= 1; exact++)
	{
		oc_export_options options = options_for(OC_CODEC_NONE);
		oc_limits limits = *oc_client_limits(client);
		oc_export *export;
		text expected = {0};
		oc_status status;

		limits.max_parts = 20;
		if (exact)
			options.exact_key = "one/object.csv";
		export = oc_export_open(client, pool, &options, &error);
		export->limits = &limits;
		status = put_rows(export, "", 45 * PART, &expected);
		if (status == OC_OK)
			status = oc_export_finish(export, false, NULL, &error);
		if (exact)
		{
			CHECK_INT(status, OC_FAILED);
			CHECK_INT(error.class, OC_ERR_LIMIT);
		}
		else
		{
			CHECK_INT(status, OC_OK);
			CHECK_INT(oc_export_commit(export, NULL, &error), OC_OK);
			CHECK_INT(oc_export_object_count(export), 3);
			CHECK_INT(export->outputs[0]->part_count, 20); /* 18, and what the last block held */
			check_content(export, OC_CODEC_NONE, &expected, 0);
		}
		CHECK_INT(oc_export_abort(export, 10000, &error), 0);
		check_store_empty("part numbers");
		oc_export_close(export);
		free(expected.data);
	}
}

/* ---------------------------------------------------------------- the other dialects */

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

/* ---------------------------------------------------------------- main */

int
main(int argc, char **argv)
{
	static const export_test tests[] = {
		{"codecs", test_codecs},
		{"splits", test_splits},
		{"thinned", test_many_splits},
		{"unload", test_unload},
		{"exact_parts", test_exact_parts},
		{"empty", test_empty},
		{"no_byte", test_no_byte},
		{"exact_key", test_exact_key},
		{"growing_parts", test_growing_parts},
		{"part_numbers", test_part_numbers},
		{"dialects", test_dialects},
		{"many_writers", test_many_writers}};

	return export_main(tests, sizeof(tests) / sizeof(tests[0]), argc > 1 ? argv[1] : NULL);
}
