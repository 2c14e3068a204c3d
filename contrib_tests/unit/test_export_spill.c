/*
 * test_export_spill.c
 *	  Exports whose parts are larger than memory may hold: they go through temporary files, in bounded memory, and nothing stays open.
 *
 * usage: test_export_spill [word]	only the tests whose name has the word
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "export_util.h"

#define MEMORY (4 << 20) /* the least there is: parts of more than 1 MB go through a file */
#define LARGE  ((size_t) 2 << 20)
#define FOLDER "/tmp"

static oc_export_options
large_options(oc_codec codec)
{
	oc_export_options options = options_for(codec);

	options.part_size = LARGE;
	options.max_memory = MEMORY;
	options.spill_directory = FOLDER;
	return options;
}

/* Open files without a name in the folder. */
static int
open_files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	int count = 0;

	while ((entry = readdir(directory)) != NULL)
	{
		char target[300] = "";

		if (readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1) > 0 &&
			strncmp(target, FOLDER "/", strlen(FOLDER) + 1) == 0 && strstr(target, "(deleted)"))
			count++;
	}
	closedir(directory);
	return count;
}

static void
report(const char *what, oc_codec codec)
{
	fprintf(stderr, "%s, %s (%s): %s\n", what, oc_codec_name(codec), current->name, error.message);
}

/* Aborts, which takes back what was committed too, and closes: no file and no object is left. */
static void
end_export(oc_export *export, const char *what)
{
	CHECK_INT(oc_export_abort(export, 10000, &error), 0);
	check_store_empty(what);
	oc_export_close(export);
	if (!CHECK_INT(open_files(), 0))
		fprintf(stderr, "%s (%s)\n", what, current->name);
}

static oc_status
finish_and_commit(oc_export *export)
{
	oc_status status = oc_export_finish(export, false, NULL, &error);

	return status == OC_OK ? oc_export_commit(export, NULL, &error) : status;
}

/* ---------------------------------------------------------------- content */

/* Splits of an object without compression: there a row begins, the one of that number. */
static void
check_splits(oc_export *export, size_t object_index, uint64_t rows_before)
{
	oc_exported object = oc_export_object(export, object_index);
	text content = {0};

	read_back(&object, OC_CODEC_NONE, &content);
	for (size_t i = 0; i < object.split_count; i++)
	{
		char row[400];
		size_t size = make_row(row, (uint32_t) (rows_before + object.splits[i].rows));

		if (CHECK(object.splits[i].offset + size <= content.size))
			CHECK_MEM(content.data + object.splits[i].offset, row, size);
	}
	free(content.data);
}

static void
export_large(oc_codec codec, size_t bytes, uint64_t max_file_size, bool exact, bool trailer,
			 const char *what)
{
	oc_export_options options = large_options(codec);
	text expected = {0};
	oc_export *export;
	uint64_t rows = 0;

	options.max_file_size = max_file_size;
	options.split_size = 500000;
	if (exact)
		options.exact_key = "one/object";
	if (trailer)
	{
		options.trailer = TRAILER;
		options.trailer_size = strlen(TRAILER);
	}
	export = oc_export_open(client, pool, &options, &error);
	CHECK_INT(export->part_size, LARGE);
	CHECK_INT(export->memory_part, MEMORY / 4);
	CHECK_INT(put_rows(export, "", bytes, &expected), OC_OK);
	CHECK(open_files() <= 1 + OC_FILES_MOVING + 1);
	if (!CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_OK))
		report(what, codec);
	CHECK_INT(count_listed(OC_LIST), 0); /* nothing before commit */
	CHECK(open_files() <= 1);
	if (!CHECK_INT(oc_export_commit(export, NULL, &error), OC_OK))
		report(what, codec);
	CHECK_INT(open_files(), 0);
	CHECK_INT(export->group->file_bytes, 0);
	CHECK_INT(export->group->file_count, 0);
	CHECK_INT(export->file_pieces, 0);
	check_content(export, codec, &expected, options.trailer_size);
	for (size_t i = 0; codec == OC_CODEC_NONE && i < oc_export_object_count(export); i++)
	{
		if (oc_export_object(export, i).stored_bytes > 1500000)
			CHECK(oc_export_object(export, i).split_count > 0);
		check_splits(export, i, rows);
		rows += oc_export_object(export, i).rows;
	}
	if (!CHECK(oc_export_peak_memory(export) <= options.max_memory))
		fprintf(stderr, "%s, %s: peak %" PRIu64 "\n", what, oc_codec_name(codec),
				oc_export_peak_memory(export));
	if (max_file_size > 0)
		CHECK(oc_export_object_count(export) > 2);
	else
		CHECK_INT(oc_export_object_count(export), 1);
	end_export(export, what);
	free(expected.data);
}

static void
test_content(void)
{
	static const oc_codec codecs[] = {OC_CODEC_NONE, OC_CODEC_GZIP, OC_CODEC_ZSTD};

	part_of_objects = LARGE;
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
	{
		size_t factor = codecs[i] == OC_CODEC_NONE ? 1 : 2;

		if (i > 0 && current->io_threads == 0 && current->workers > 0)
			break; /* the same code as with threads */
#ifdef __SANITIZE_THREAD__
		/* fifteen times as slow; what the threads do is the same in all of them */
		export_large(codecs[i], factor * 8 * LARGE, 7 * LARGE / 3, false, true, "split");
		continue;
#endif
		export_large(codecs[i], 400000, 0, false, true, "as much as fits into memory");
		export_large(codecs[i], factor * 10 * LARGE / 3, 0, false, true, "some parts");
		export_large(codecs[i], factor * 13 * LARGE / 3, 0, true, false, "an exact key");
		export_large(codecs[i], factor * 8 * LARGE, 7 * LARGE / 3, false, true, "split");
		export_large(codecs[i], factor * 4 * LARGE, 2 * LARGE / 3, false, true,
					 "split into less than parts");
	}
	part_of_objects = PART;
}

/* Less than a part: in memory, or as a file, until commit; then one PUT. */
static void
test_small(void)
{
	for (int codec = OC_CODEC_NONE; codec <= OC_CODEC_GZIP; codec++)
	{
		for (int filed = 0; filed <= 1; filed++)
		{
			oc_export_options options = large_options(codec);
			oc_export *export = oc_export_open(client, pool, &options, &error);
			/* half of what is compressed */
			size_t bytes = (filed ? 3 * LARGE / 4 : MEMORY / 20) * (codec == OC_CODEC_NONE ? 1 : 2);
			text expected = {0};

			part_of_objects = LARGE;
			CHECK_INT(put_rows(export, "", bytes, &expected), OC_OK);
			CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_OK);
			CHECK_INT(count_listed(OC_LIST_UPLOADS), 0);
			CHECK_INT(open_files(), filed);
			CHECK_INT(export->held_files, filed);
			CHECK(!export->outputs[0]->multipart);
			if (filed)
				CHECK(oc_export_memory(export) < 100000);
			if (!CHECK_INT(oc_export_commit(export, NULL, &error), OC_OK))
				report("small", codec);
			CHECK_INT(open_files(), 0);
			check_content(export, codec, &expected, 0);
			end_export(export, "small");
			free(expected.data);
			part_of_objects = PART;
		}
	}
}

/* Exactly one part, or exactly two. */
static void
test_exact_parts(void)
{
	for (int parts = 1; parts <= 2; parts++)
	{
		oc_export_options options = large_options(OC_CODEC_NONE);
		oc_export *export;
		oc_writer *writer;
		uint64_t pending = 0;
		char row[1024];

		options.header = NULL;
		options.header_size = 0;
		export = oc_export_open(client, pool, &options, &error);
		writer = oc_writer_open(export, "", &error);
		memset(row, 'a', sizeof(row));
		row[sizeof(row) - 1] = '\n';
		for (size_t i = 0; i < parts * LARGE / sizeof(row); i++)
			CHECK_INT(put_row(export, writer, &pending, row, sizeof(row)), OC_OK);
		CHECK_INT(finish_and_commit(export), OC_OK);
		CHECK_INT(export->outputs[0]->part_count, parts);
		CHECK_INT(oc_export_object(export, 0).stored_bytes, parts * LARGE);
		end_export(export, "exact parts");
	}
}

/* Parts that grow pass from memory to files; no row is lost on the way. */
static void
test_growth(void)
{
	for (int codec = OC_CODEC_NONE; codec <= OC_CODEC_GZIP; codec++)
	{
		oc_export_options options = large_options(codec);
		oc_export *export;
		text expected = {0}, one = {0};
		const oc_output *output;
		oc_exported object;

		options.part_size = 300000;
		options.split_size = 200000;
		export = oc_export_open(client, pool, &options, &error);
		export->part_equal = 4;
		export->part_growth = 2;
		CHECK_INT(put_rows(export, "", codec == OC_CODEC_NONE ? 14 << 20 : 28 << 20, &expected),
				  OC_OK);
		if (!CHECK_INT(finish_and_commit(export), OC_OK))
			report("growth", codec);
		CHECK_INT(export->output_count, 1);
		output = export->outputs[0];
		CHECK(output->part_count >= 10);
		for (int part = 0; part + 1 < output->part_count; part++)
			CHECK_INT(output->parts[part].size, 300000 << (part < 4 ? 0 : (part - 4) / 2 + 1));
		object = oc_export_object(export, 0);
		read_back(&object, codec, &one);
		if (CHECK_INT(one.size, strlen(HEADER) + expected.size))
			CHECK_MEM(one.data + strlen(HEADER), expected.data, expected.size);
		if (codec == OC_CODEC_NONE)
			check_splits(export, 0, 0);
		CHECK(oc_export_peak_memory(export) <= options.max_memory);
		end_export(export, "growth");
		free(expected.data);
		free(one.data);
	}
}

/* Rows longer than blocks, parts and the budget, among short ones. */
static void
test_long_rows(void)
{
	for (int codec = OC_CODEC_NONE; codec <= OC_CODEC_GZIP; codec++)
	{
		oc_export_options options = large_options(codec);
		oc_export *export = oc_export_open(client, pool, &options, &error);
		oc_writer *writer = oc_writer_open(export, "", &error);
		static const size_t sizes[] = {100,    1 << 20, 100,           11 << 20, 5000,
									   700000, 2 << 20, (2 << 20) - 1, 100};
		uint64_t pending = 0;
		text expected = {0};
		oc_status status = OC_OK;

		part_of_objects = LARGE;
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && status == OC_OK; i++)
		{
			char *row = malloc(sizes[i]);

			for (size_t at = 0; at < sizes[i]; at++)
				row[at] = "0123456789abcdef"[hash((uint32_t) (at / 2 + i * 77777777)) & 15];
			row[sizes[i] - 1] = '\n';
			text_add(&expected, row, sizes[i]);
			expected.rows++;
			status = put_row(export, writer, &pending, row, sizes[i]);
			free(row);
		}
		CHECK_INT(status, OC_OK);
		while ((status = oc_writer_flush_rows(writer, pending, &error)) == OC_AGAIN)
		{
			pending = 0;
			CHECK_INT(oc_export_wait(export, NULL, &error), OC_OK);
		}
		if (!CHECK_INT(finish_and_commit(export), OC_OK))
			report("long rows", codec);
		check_content(export, codec, &expected, 0);
		end_export(export, "long rows");
		free(expected.data);
		part_of_objects = PART;
	}
}

/* ---------------------------------------------------------------- several streams */

/* More folders than there may be files: objects end, and memory and files stay bounded. */
static void
test_many_folders(void)
{
	oc_export_options options = large_options(OC_CODEC_NONE);
	enum
	{
		COUNT = 90,
		ROWS = 45,
		ROW = 5000
	};
	oc_export *export;
	oc_writer *writers[COUNT];
	uint64_t pending[COUNT] = {0};
	static char row[ROW];
	size_t most_files = 0;
	uint64_t rows = 0;
	bool good = true;

	if (current->io_threads == 0)
		return; /* the same code, only slower */
	export = oc_export_open(client, pool, &options, &error);
	for (int i = 0; i < COUNT && good; i++)
	{
		char folder[20];

		snprintf(folder, sizeof(folder), "k=%d/", i);
		writers[i] = oc_writer_open(export, folder, &error);
		good = CHECK(writers[i] != NULL);
	}
	memset(row, 'r', sizeof(row));
	row[sizeof(row) - 1] = '\n';
	for (int r = 0; r < ROWS && good; r++)
	{
		for (int i = 0; i < COUNT && good; i++)
		{
			good = put_row(export, writers[i], &pending[i], row, sizeof(row)) == OC_OK;
			if (export->group->file_count > most_files)
				most_files = export->group->file_count;
		}
	}
	if (!CHECK(good))
		report("many folders", OC_CODEC_NONE);
	for (int i = 0; i < COUNT && good; i++)
	{
		oc_status status = oc_writer_flush_rows(writers[i], pending[i], &error);

		CHECK(status == OC_OK || status == OC_AGAIN);
	}
	CHECK_INT(finish_and_commit(export), OC_OK);
	CHECK(most_files <= OC_FILES_MAX);
	CHECK(oc_export_peak_memory(export) <= options.max_memory);
	for (size_t i = 0; i < oc_export_object_count(export); i++)
		rows += oc_export_object(export, i).rows;
	CHECK_INT(rows, COUNT * ROWS);
	end_export(export, "many folders");
}

/* One object after the other, each larger than memory may hold: only one waits as a file. */
static void
test_group(void)
{
	oc_export_group *group = oc_export_group_new(64 << 20);
	oc_export *exports[4];
	text expected[4] = {{0}};

	part_of_objects = LARGE;
	for (int i = 0; i < 4; i++)
	{
		oc_export_options options = large_options(OC_CODEC_NONE);
		char place[20];

		snprintf(place, sizeof(place), "place%d/", i);
		options.group = group;
		options.place = place;
		exports[i] = oc_export_open(client, pool, &options, &error);
		CHECK_INT(put_rows(exports[i], "", 2 * LARGE / 3, &expected[i]), OC_OK);
		CHECK_INT(oc_export_finish(exports[i], false, NULL, &error), OC_OK);
		CHECK(open_files() <= 1 + OC_FILES_MOVING);
	}
	for (int i = 0; i < 4; i++)
	{
		if (!CHECK_INT(oc_export_commit(exports[i], NULL, &error), OC_OK))
			report("group", OC_CODEC_NONE);
		check_content(exports[i], OC_CODEC_NONE, &expected[i], 0);
	}
	CHECK_INT(open_files(), 0);
	for (int i = 0; i < 4; i++)
	{
		CHECK_INT(oc_export_abort(exports[i], 10000, &error), 0);
		oc_export_close(exports[i]);
		free(expected[i].data);
	}
	check_store_empty("group");
	oc_export_group_free(group);
	part_of_objects = PART;
}

/* An export that keeps a file until commit can be asked to let it go. */
static void
test_unload(void)
{
	oc_export_options options = large_options(OC_CODEC_GZIP);
	oc_export *export = oc_export_open(client, pool, &options, &error);
	text expected = {0};

	part_of_objects = LARGE;
	CHECK_INT(put_rows(export, "", LARGE, &expected), OC_OK);
	CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_OK);
	CHECK_INT(export->held_files, 1);
	CHECK_INT(oc_export_unload(export, NULL, &error), OC_OK);
	CHECK_INT(open_files(), 0);
	CHECK_INT(count_listed(OC_LIST_UPLOADS), 1);
	CHECK_INT(oc_export_commit(export, NULL, &error), OC_OK);
	check_content(export, OC_CODEC_GZIP, &expected, 0);
	end_export(export, "unload");
	free(expected.data);
	part_of_objects = PART;
}

/* ---------------------------------------------------------------- faults */

/* expected OC_ERR_NONE: the export survives and its content is right.  small: a single PUT from a file. */
static void
with_fault(const char *rule, bool small, oc_error_class class, const char *what)
{
	oc_export_options options = large_options(OC_CODEC_NONE);
	oc_export *export;
	text expected = {0};
	oc_status status;

	part_of_objects = LARGE;
	CHECK(store_fault(&store, rule));
	memset(&error, 0, sizeof(error));
	export = oc_export_open(client, pool, &options, &error);
	status = put_rows(export, "", small ? 2 * LARGE / 3 : 5 * LARGE / 2, &expected);
	if (status == OC_OK)
		status = finish_and_commit(export);
	CHECK(store_fault_hits(&store) > 0);
	store_clear_faults(&store);
	if (class == OC_ERR_NONE)
	{
		if (CHECK_INT(status, OC_OK))
			check_content(export, OC_CODEC_NONE, &expected, 0);
		else
			report(what, OC_CODEC_NONE);
	}
	else
	{
		CHECK_INT(status, OC_FAILED);
		CHECK_INT(error.class, class);
	}
	end_export(export, what);
	free(expected.data);
	part_of_objects = PART;
}

static void
test_faults(void)
{
	with_fault("{\"op\": \"UploadPart\", \"action\": \"status\", \"status\": 500, \"count\": 2}",
			   false, OC_ERR_NONE, "500 for a part");
	with_fault("{\"op\": \"UploadPart\", \"action\": \"reset\", \"bytes\": 1000000, \"count\": 2}",
			   false, OC_ERR_NONE, "reset in the middle of a part");
	with_fault("{\"op\": \"UploadPart\", \"action\": \"lost_answer\", \"count\": 1}", false,
			   OC_ERR_NONE, "lost answer of a part");
	with_fault("{\"op\": \"PutObject\", \"action\": \"status\", \"status\": 503, \"count\": 1}",
			   true, OC_ERR_NONE, "503 for an object");
	with_fault("{\"op\": \"PutObject\", \"action\": \"reset\", \"bytes\": 1000000, \"count\": 1}",
			   true, OC_ERR_NONE, "reset in the middle of an object");
	with_fault("{\"op\": \"PutObject\", \"action\": \"lost_answer\", \"count\": 1}", true,
			   OC_ERR_NONE, "lost answer of an object");
	with_fault("{\"op\": \"UploadPart\", \"action\": \"status\", \"status\": 403, \"code\": "
			   "\"AccessDenied\", \"count\": 100}",
			   false, OC_ERR_DENIED, "403 for a part");
	with_fault("{\"op\": \"PutObject\", \"action\": \"status\", \"status\": 403, \"code\": "
			   "\"AccessDenied\", \"count\": 100}",
			   true, OC_ERR_DENIED, "403 for an object");
}

/* The file of a call is cut off before it is sent: an error at once, whatever the retries. */
static void
test_unreadable(void)
{
	int fd = open("/dev/null", O_RDONLY);
	oc_spill *file;
	oc_call *call;
	char *data = calloc(1, LARGE);

	close(fd); /* the next one that is opened */
	file = oc_spill_open(FOLDER, &error);
	CHECK(oc_spill_append(file, data, LARGE, &error));
	for (int round = 0; round < 3; round++)
	{
		oc_stats stats = {0};

		call = oc_call_new(client, OC_PUT);
		call->bucket = BUCKET;
		call->key = "unreadable";
		call->body_file = file;
		call->body_size = round == 2 ? LARGE - 1 : LARGE;
		call->stats = &stats;
		if (round == 1)
		{
			call->digests_known = true;
			CHECK_INT(ftruncate(fd, LARGE / 2), 0);
		}
		CHECK_INT(oc_call_run(call, NULL), round == 0 ? OC_OK : OC_FAILED);
		CHECK_INT(call->error.class, round == 0   ? OC_ERR_NONE
									 : round == 1 ? OC_ERR_FILE
												  : OC_ERR_ARGUMENT);
		CHECK_INT(stats.requests, round < 2);
		CHECK_INT(stats.retries, 0);
		if (round == 0)
			CHECK_INT(stats.bytes_sent, LARGE);
		if (round == 1)
			CHECK(strstr(call->error.message, FOLDER) != NULL);
		oc_call_free(call);
	}
	oc_spill_close(file);
	free(data);
	CHECK(store_clear(&store));
}

/* The files of an export's parts are cut off, or changed, behind its back. */
static void
test_damaged(void)
{
	for (int cut_off = 0; cut_off <= 1; cut_off++)
	{
		oc_export_options options = large_options(OC_CODEC_NONE);
		oc_export *export = oc_export_open(client, pool, &options, &error);
		int fd = open("/dev/null", O_RDONLY);
		oc_output *output = oc_output_begin(export, "");
		char *data = malloc(LARGE);

		memset(data, 'd', LARGE);
		close(fd);
		oc_output_append(export, output, data, LARGE - 1);
		CHECK(output->file != NULL);
		if (cut_off)
			CHECK_INT(ftruncate(fd, 1000), 0);
		else
			CHECK_INT(pwrite(fd, "x", 1, 1500000), 1);
		oc_output_append(export, output, data, 1);
		oc_output_end_part(export, output);
		memset(&error, 0, sizeof(error));
		CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_FAILED);
		CHECK_INT(error.class, OC_ERR_FILE);
		CHECK(strstr(error.object, output->key) != NULL);
		end_export(export, "damaged");
		free(data);
	}
}

/* ---------------------------------------------------------------- no room, no patience */

static void
fails_with(oc_export_options options, oc_error_class class, const char *word, const char *what)
{
	for (int exact = 0; exact <= 1; exact++)
	{
		oc_export *export;
		text expected = {0};
		oc_status status;

		options.exact_key = exact ? "one/object" : NULL;
		memset(&error, 0, sizeof(error));
		export = oc_export_open(client, pool, &options, &error);
		status = put_rows(export, "", 20 << 20, &expected);
		if (status == OC_OK)
			status = finish_and_commit(export);
		CHECK_INT(status, OC_FAILED);
		CHECK_INT(error.class, class);
		if (!CHECK(strstr(error.message, word) != NULL))
			fprintf(stderr, "%s\n", error.message);
		CHECK_STR(error.operation, "UploadPart");
		CHECK(oc_error_hint(&error) || class == OC_ERR_FILE);
		end_export(export, what);
		free(expected.data);
	}
}

static void
test_no_room(void)
{
	for (int codec = OC_CODEC_NONE; codec <= OC_CODEC_GZIP; codec++)
	{
		oc_export_options options = large_options(codec);
		struct rlimit before, small;

		options.spill_limit = 3 << 19; /* less than a part */
		fails_with(options, OC_ERR_SPILL_LIMIT, "exceeds the limit of 1536 kB", "limit");
		options.spill_limit = 1;
		fails_with(options, OC_ERR_SPILL_LIMIT, "exceeds", "limit of nothing");
		options.spill_limit = 0;
		options.spill_directory = "/nonexistent/folder";
		fails_with(options, OC_ERR_FILE, "/nonexistent/folder", "no folder");
		options.spill_directory = FOLDER;
		CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
		small = before;
		small.rlim_cur = 3 << 19;
		CHECK_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
		fails_with(options, OC_ERR_DISK_FULL, FOLDER, "full disk");
		CHECK_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
	}
}

/* The limit is of what is there at a time, not of what has gone through. */
static void
test_limit_is_enough(void)
{
	oc_export_options options = large_options(OC_CODEC_NONE);
	oc_export *export;
	text expected = {0};

	part_of_objects = LARGE;
	options.spill_limit = 4 * LARGE;
	export = oc_export_open(client, pool, &options, &error);
	CHECK_INT(put_rows(export, "", 10 * LARGE, &expected), OC_OK);
	if (!CHECK_INT(finish_and_commit(export), OC_OK))
		report("limit is enough", OC_CODEC_NONE);
	check_content(export, OC_CODEC_NONE, &expected, 0);
	end_export(export, "limit is enough");
	free(expected.data);
	part_of_objects = PART;
}

static int
give_up_after(void *arg, int fd, int timeout_ms)
{
	int *left = arg;

	store_poll(fd, timeout_ms < 0 || timeout_ms > 50 ? 50 : timeout_ms);
	return --*left < 0;
}

/* A request is held by the store, the owner gives up waiting. */
static void
cancelled(const char *rule, bool small, const char *what)
{
	oc_export_options options = large_options(OC_CODEC_NONE);
	oc_export *export;
	text expected = {0};
	int patience = 3;
	oc_waiter waiter = {give_up_after, &patience};
	oc_status status;

	CHECK(store_fault(&store, rule));
	export = oc_export_open(client, pool, &options, &error);
	status = put_rows(export, "", small ? 2 * LARGE / 3 : 3 * LARGE / 2, &expected);
	if (status == OC_OK)
		status = oc_export_finish(export, false, &waiter, &error);
	if (status == OC_OK)
		status = oc_export_commit(export, &waiter, &error);
	CHECK_INT(status, OC_CANCELLED);
	CHECK(open_files() > 0);
	store_clear_faults(&store);
	end_export(export, what);
	free(expected.data);
}

static void
test_cancel(void)
{
	cancelled(STORE_BLOCK("UploadPart", "start"), false, "part blocked");
	cancelled(STORE_BLOCK("UploadPart", "answer"), false, "part blocked, but done");
	cancelled(STORE_BLOCK("InitiateMultipartUpload", "start"), false, "initiate blocked");
	cancelled(STORE_BLOCK("PutObject", "start"), true, "put blocked");
}

/* Given up in the middle of a part, and closed without any abort. */
static void
test_give_up(void)
{
	for (int codec = OC_CODEC_NONE; codec <= OC_CODEC_GZIP; codec++)
	{
		oc_export_options options = large_options(codec);
		oc_export *export = oc_export_open(client, pool, &options, &error);
		text expected = {0};

		CHECK_INT(put_rows(export, "", 10 * LARGE, &expected), OC_OK);
		end_export(export, "give up");
		export = oc_export_open(client, pool, &options, &error);
		CHECK(oc_writer_open(export, "", &error) != NULL);
		expected.size = 0;
		CHECK_INT(put_rows(export, "", codec == OC_CODEC_NONE ? 2 * LARGE / 3 : LARGE, &expected),
				  OC_OK);
		oc_export_close(export);
		CHECK_INT(open_files(), 0);
		free(expected.data);
	}
}

/* ---------------------------------------------------------------- the other dialects */

static void
test_dialects(void)
{
	for (oc_provider provider = OC_PROVIDER_OBS; provider <= OC_PROVIDER_S3; provider++)
	{
		close_client();
		if (!open_client_of(provider))
			return;
		part_of_objects = 7 << 20;
		for (int small = 0; small <= 1; small++)
		{
			oc_export_options options = large_options(OC_CODEC_NONE);
			oc_export *export;
			text expected = {0};

			options.part_size = part_of_objects;
			export = oc_export_open(client, pool, &options, &error);
			CHECK(export->memory_part < part_of_objects);
			CHECK_INT(put_rows(export, "", small ? 6 << 20 : 17 << 20, &expected), OC_OK);
			if (!CHECK_INT(finish_and_commit(export), OC_OK))
				report("dialects", OC_CODEC_NONE);
			CHECK_INT(export->outputs[0]->part_count, small ? 1 : 3);
			CHECK_INT(export->outputs[0]->multipart, !small);
			check_content(export, OC_CODEC_NONE, &expected, 0);
			end_export(export, "dialects");
			free(expected.data);
		}
		part_of_objects = PART;
	}
	close_client();
	open_client_of(OC_PROVIDER_OSS);
}

int
main(int argc, char **argv)
{
	static const export_test tests[] = {{"content", test_content},
										{"small", test_small},
										{"exact_parts", test_exact_parts},
										{"growth", test_growth},
										{"long_rows", test_long_rows},
										{"many_folders", test_many_folders},
										{"group", test_group},
										{"unload", test_unload},
										{"faults", test_faults},
										{"unreadable", test_unreadable},
										{"damaged", test_damaged},
										{"no_room", test_no_room},
										{"limit_is_enough", test_limit_is_enough},
										{"cancel", test_cancel},
										{"give_up", test_give_up},
										{"dialects", test_dialects}};

	signal(SIGXFSZ, SIG_IGN);
	return export_main(tests, sizeof(tests) / sizeof(tests[0]), argc > 1 ? argv[1] : NULL);
}
