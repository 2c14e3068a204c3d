/*
 * test_reader.c
 *	  The reader against the local store: order, codecs, ranges, faults, limits, closing early; with and without threads.
 */
#include "unit.h"

#include <stdlib.h>

#include "oc_int.h"
#include "store_process.h"

#define BUCKET "bucket1"

static struct store store;
static oc_io *io;
static oc_client *client;
static oc_pool *pool;
static oc_stats stats;

static int
wait_fd(void *arg, int fd, int timeout_ms)
{
	int *turns = arg;

	store_poll(fd, timeout_ms < 0 || timeout_ms > 1000 ? 1000 : timeout_ms);
	return turns && --*turns <= 0;
}

static oc_waiter waiter = {wait_fd, NULL};

/* ---------------------------------------------------------------- objects */

typedef struct test_object
{
	char key[64];
	char etag[72];
	uint64_t size;
	uint64_t start;
	uint64_t end;
	bool exact;
	oc_codec codec;
	char eol[3];
} test_object;

static test_object objects[300];
static int object_count;
static int object_next;

static oc_status
next_unit(void *arg, oc_unit *unit, oc_error *error)
{
	const test_object *object = &objects[object_next];

	(void) arg;
	(void) error;
	if (object_next == object_count)
		return OC_END;
	object_next++;
	memset(unit, 0, sizeof(*unit));
	unit->object.key = object->key;
	unit->object.etag = object->etag;
	unit->object.size = object->size;
	unit->start = object->start;
	unit->end = object->end;
	unit->exact = object->exact;
	unit->codec = object->codec;
	memcpy(unit->eol, object->eol, sizeof(unit->eol));
	return OC_OK;
}

static test_object *
put(const char *key, const void *data, size_t size)
{
	test_object *object = &objects[object_count++];
	oc_call *call = oc_call_new(client, OC_PUT);
	char *quote;

	memset(object, 0, sizeof(*object));
	snprintf(object->key, sizeof(object->key), "%s", key);
	call->bucket = BUCKET;
	call->key = object->key;
	call->body = data;
	call->body_size = size;
	if (!CHECK_INT(oc_call_run(call, &waiter), OC_OK))
		fprintf(stderr, "%s\n", call->error.message);
	snprintf(object->etag, sizeof(object->etag), "%s", call->etag[0] == '"' ? call->etag + 1 : call->etag);
	if ((quote = strchr(object->etag, '"')) != NULL)
		*quote = 0;
	object->size = size;
	oc_call_free(call);
	return object;
}

/* Rows "<number>,<text of varying length>"; returns the size. */
static size_t
make_rows(char *target, uint64_t first, uint64_t count)
{
	char *to = target;

	for (uint64_t i = first; i < first + count; i++)
	{
		to += sprintf(to, "%llu,", (unsigned long long) i);
		memset(to, 'a' + (int) (i % 26), i % 50);
		to += i % 50;
		*to++ = '\n';
	}
	return (size_t) (to - target);
}

/* ---------------------------------------------------------------- reading */

static oc_split_column columns[2];

static oc_reader_options
reader_options(void)
{
	oc_reader_options o = {.bucket = BUCKET, .codec = OC_CODEC_AUTO, .max_connections = 4, .next_unit = next_unit,
						   .stats = &stats};

	columns[0] = (oc_split_column){.name = "n", .needed = true};
	columns[1] = (oc_split_column){.name = "t", .needed = true};
	o.split = (oc_split_options){.format = OC_FORMAT_CSV, .columns = columns, .column_count = 2, .delimiter = ",",
								 .null_string = "", .quote = '"', .escape = '"', .validate_utf8 = true};
	object_next = 0;
	return o;
}

/* Are fields those of row number? */
static bool
is_row(const oc_field *fields, uint64_t number)
{
	char text[24];
	int size = snprintf(text, sizeof(text), "%llu", (unsigned long long) number);

	if (fields[0].size != size || memcmp(fields[0].data, text, (size_t) size) != 0)
		return false;
	if (number % 50 == 0)
		return fields[1].size == -1;
	for (int i = 0; i < fields[1].size; i++)
		if (fields[1].data[i] != 'a' + (int) (number % 26))
			return false;
	return fields[1].size == (int) (number % 50);
}

/* Reads all; rows must be first, first + 1, ...  Returns how many came. */
static uint64_t
read_rows(const oc_reader_options *options, uint64_t first, oc_status *status, oc_error *error)
{
	oc_reader *reader = oc_reader_open(client, pool, options, error);
	uint64_t count = 0;
	bool good = true;
	oc_batch batch;

	*status = OC_FAILED;
	if (!CHECK(reader != NULL))
		return 0;
	while ((*status = oc_reader_next(reader, &waiter, &batch, error)) == OC_OK)
	{
		CHECK(batch.row_count > 0 && batch.object != NULL);
		for (size_t i = 0; i < batch.row_count; i++, count++)
			if (batch.field_count == 2)
				good = good && is_row(&batch.fields[2 * i], first + count);
	}
	CHECK(good);
	oc_reader_close(reader);
	return count;
}

/* Reads all, whatever the rows are. */
static oc_status
read_any(const oc_reader_options *options, oc_error *error)
{
	oc_reader *reader = oc_reader_open(client, pool, options, error);
	oc_status status;
	oc_batch batch;

	do
		status = oc_reader_next(reader, &waiter, &batch, error);
	while (status == OC_OK);
	oc_reader_close(reader);
	return status;
}

static void
check_all(const oc_reader_options *options, uint64_t expected)
{
	oc_status status;
	oc_error error = {0};

	CHECK_INT(read_rows(options, 0, &status, &error), expected);
	if (!CHECK_INT(status, OC_END))
		fprintf(stderr, "%s: %s\n", error.object, error.message);
}

static void
check_failure(const oc_reader_options *options, oc_error_class class, const char *object)
{
	oc_status status;
	oc_error error = {0};

	read_rows(options, 0, &status, &error);
	CHECK_INT(status, OC_FAILED);
	if (!CHECK_INT(error.class, class))
		fprintf(stderr, "%s\n", error.message);
	CHECK_STR(error.object, object);
}

/* ---------------------------------------------------------------- tests */

static char *data;

static void
test_plain(void)
{
	oc_reader_options o = reader_options();
	size_t size = make_rows(data, 0, 300000);

	object_count = 0;
	put("big.csv", data, size);
	check_all(&o, 300000);
	o = reader_options();
	o.max_memory = 2 << 20;
	o.range_size = 300000;
	o.row_facts = true;
	check_all(&o, 300000);
	o = reader_options();
	columns[0].needed = columns[1].needed = false;
	check_all(&o, 300000);
}

/* Many small objects, some empty, and one larger in the middle. */
static void
test_many(void)
{
	oc_reader_options o = reader_options();
	uint64_t row = 0;

	object_count = 0;
	for (int i = 0; i < 60; i++)
	{
		char key[64];
		uint64_t count = i % 7 == 3 ? 0 : i == 30 ? 40000 : (uint64_t) i;
		size_t size = make_rows(data, row, count);

		snprintf(key, sizeof(key), "many/%03d.csv", i);
		if (i % 5 == 0 && size > 0)
			size--; /* the last line end may be missing */
		put(key, data, size);
		row += count;
	}
	check_all(&o, row);
	o = reader_options();
	o.split.header = 0;
	o.max_connections = 1;
	check_all(&o, row);
}

static size_t
compress(oc_codec codec, const char *from, size_t size, char *to, size_t room)
{
	oc_error error = {0};
	size_t written = 0;
	uint32_t adler;

	CHECK_INT(oc_codec_compress(codec, OC_LEVEL_DEFAULT, from, size, to, room, &written, &adler, &error), OC_OK);
	return written;
}

static void
test_codecs(void)
{
	static const oc_codec codecs[] = {OC_CODEC_GZIP, OC_CODEC_ZSTD, OC_CODEC_LZ4, OC_CODEC_BZIP2, OC_CODEC_XZ};
	oc_reader_options o = reader_options();
	size_t size = make_rows(data, 0, 60000);
	size_t half = size / 2;
	size_t room = oc_codec_bound(OC_CODEC_BZIP2, size) + oc_codec_bound(OC_CODEC_GZIP, size) + 65536;
	char *packed = malloc(room);

	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
	{
		size_t used = compress(codecs[i], data, half, packed, room);

		used += compress(codecs[i], data + half, size - half, packed + used, room - used);
		object_count = 0;
		put("packed", packed, used);
		o = reader_options();
		check_all(&o, 60000);
		o = reader_options();
		o.max_decompressed = size;
		check_all(&o, 60000);
		o = reader_options();
		o.max_decompressed = size - 1;
		check_failure(&o, OC_ERR_LIMIT, BUCKET "/packed");
		object_count = 0;
		put("cut", packed, used - 3);
		o = reader_options();
		check_failure(&o, OC_ERR_CODEC, BUCKET "/cut");
		objects[0].end = 100;
		o = reader_options();
		check_failure(&o, OC_ERR_ARGUMENT, BUCKET "/cut");
	}
	free(packed);
}

/* However an object is cut into units, every row comes once. */
static void
test_units(void)
{
	oc_reader_options o = reader_options();
	static const char *eols[] = {"\n", "\r\n", "\r"};

	for (int e = 0; e < 3; e++)
	{
		char *text = malloc(1 << 20);
		size_t plain = make_rows(data, 0, 5000);
		size_t size = 0;
		char etag[72];

		for (size_t i = 0; i < plain; i++)
			if (data[i] != '\n')
				text[size++] = data[i];
			else
				size += (size_t) sprintf(text + size, "%s", eols[e]);
		object_count = 0;
		put("units.csv", text, size);
		strcpy(etag, objects[0].etag);
		for (size_t step = size / 61 - 3; step < size / 61 + 5; step++)
		{
			object_count = 0;
			for (size_t at = 0; at < size; at += step)
			{
				objects[object_count] = (test_object){.size = size, .start = at, .end = at + step};
				strcpy(objects[object_count].key, "units.csv");
				strcpy(objects[object_count++].etag, etag);
			}
			o = reader_options();
			check_all(&o, 5000);
		}
		free(text);
	}
	/* one row that is longer than several units, and a header that is */
	memset(data, 'a', 500000);
	memcpy(data, "n,t\n1,", 6);
	data[500000] = '\n';
	object_count = 0;
	put("long.csv", data, 500001);
	for (int i = 0; i < 5; i++)
	{
		objects[i] = objects[0];
		objects[i].start = (uint64_t) i * 100000 + (i > 0 ? 2 : 0);
		objects[i].end = i == 4 ? 0 : (uint64_t) (i + 1) * 100000 + 2;
	}
	object_count = 5;
	o = reader_options();
	columns[0].needed = columns[1].needed = false;
	o.split.header = 1;
	check_all(&o, 1);
	objects[0].end = objects[1].start = 2;
	o = reader_options();
	columns[0].needed = columns[1].needed = false;
	o.split.header = 1;
	check_all(&o, 1);
}

/* The object as units from border to border. */
static void
cut_exactly(const char *key, const char *etag, uint64_t size, oc_codec codec, const uint64_t *borders, int count)
{
	object_count = 0;
	for (int i = 0; i <= count; i++)
	{
		test_object *object = &objects[object_count++];

		*object = (test_object){.size = size, .start = i > 0 ? borders[i - 1] : 0, .end = i < count ? borders[i] : 0,
								.exact = true, .codec = codec};
		strcpy(object->key, key);
		strcpy(object->etag, etag);
	}
}

#define BORDERS 7

/* A header and rows in members of their own; a unit may end at each.  *size: of all. */
static void
pack_members(oc_codec codec, char *packed, size_t room, size_t *size, uint64_t *borders)
{
	uint64_t row = 0;

	*size = compress(codec, "n,t\n", 4, packed, room);
	for (int i = 0; i <= BORDERS; i++)
	{
		uint64_t rows = 1000 + 3000 * (uint64_t) (i % 3);

		*size += compress(codec, data, make_rows(data, row, rows), packed + *size, room - *size);
		row += rows;
		if (i < BORDERS)
			borders[i] = *size;
	}
}

/* Units that begin and end at recorded borders, plain and compressed; and borders that are none. */
static void
test_exact_units(void)
{
	static const oc_codec codecs[] = {OC_CODEC_NONE, OC_CODEC_GZIP, OC_CODEC_ZSTD, OC_CODEC_LZ4, OC_CODEC_BZIP2, OC_CODEC_XZ};
	size_t room = 8 << 20;
	char *packed = malloc(room);

	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
	{
		oc_codec codec = codecs[i];
		uint64_t borders[BORDERS];
		oc_reader_options o;
		size_t size;
		char etag[72];
		uint64_t rows = 0;

		for (int k = 0; k <= BORDERS; k++)
			rows += 1000 + 3000 * (uint64_t) (k % 3);
		pack_members(codec, packed, room, &size, borders);
		object_count = 0;
		put("exact", packed, size);
		strcpy(etag, objects[0].etag);
		cut_exactly("exact", etag, size, codec, borders, BORDERS);
		o = reader_options();
		o.split.header = 1;
		check_all(&o, rows);
		/* a few bytes off, a border is none */
		for (int off = -2; off <= 2; off++)
		{
			borders[3] += (uint64_t) off;
			cut_exactly("exact", etag, size, codec, borders, BORDERS);
			o = reader_options();
			o.split.header = 1;
			if (off != 0)
				check_failure(&o, codec == OC_CODEC_NONE ? OC_ERR_DATA : OC_ERR_CODEC, BUCKET "/exact");
			borders[3] -= (uint64_t) off;
		}
		/* nor is the codec another one */
		cut_exactly("exact", etag, size, codec == OC_CODEC_ZSTD ? OC_CODEC_GZIP : OC_CODEC_ZSTD, borders, BORDERS);
		o = reader_options();
		o.split.header = 1;
		check_failure(&o, OC_ERR_CODEC, BUCKET "/exact");
	}
	free(packed);
}

/* Line ends within quotes: a border behind one is no border, and which row is bad is told by its byte. */
static void
test_exact_errors(void)
{
	static const char text[] = "0,\n1,\"b\n\"\n2,cc\n3\n";
	oc_reader_options o = reader_options();
	oc_error error = {0};
	uint64_t border = 8; /* behind the line end in quotes */
	char etag[72];

	object_count = 0;
	put("quoted.csv", text, sizeof(text) - 1);
	strcpy(etag, objects[0].etag);
	cut_exactly("quoted.csv", etag, sizeof(text) - 1, OC_CODEC_NONE, &border, 1);
	check_failure(&o, OC_ERR_DATA, BUCKET "/quoted.csv");
	border = 9; /* in a row; its unit alone sees that no line end stands before it */
	cut_exactly("quoted.csv", etag, sizeof(text) - 1, OC_CODEC_NONE, &border, 1);
	objects[0] = objects[1];
	object_count = 1;
	o = reader_options();
	CHECK_INT(read_any(&o, &error), OC_FAILED);
	CHECK_STR(error.message, "no row begins at byte 9 of the object, as its manifest says");
	error = (oc_error){0};
	border = 10;
	cut_exactly("quoted.csv", etag, sizeof(text) - 1, OC_CODEC_NONE, &border, 1);
	o = reader_options();
	CHECK_INT(read_any(&o, &error), OC_FAILED);
	CHECK_STR(error.message, "missing data for column \"t\"");
	CHECK_STR(error.detail, "in the row at byte 15 of the object");
	CHECK_INT(error.line, 0);
}

/* One row per unit, ended by CR, which could be the first half of a line end. */
static void
test_exact_cr(void)
{
	static const uint64_t borders[] = {3, 7};
	oc_reader_options o = reader_options();
	char etag[72];

	object_count = 0;
	put("cr.csv", "0,\r1,b\r2,cc\r", 12);
	strcpy(etag, objects[0].etag);
	cut_exactly("cr.csv", etag, 12, OC_CODEC_NONE, borders, 2);
	check_all(&o, 3);
}

/* A lone CR is an error wherever units begin, when they know how the object's lines end. */
static void
test_known_eol(void)
{
	static const char *kinds[] = {"\n", "\r\n", "\r"};

	for (int kind = 0; kind < 3; kind++)
	{
		const char *wrong = kind == 2 ? "\n" : "\r";
		char text[600];
		size_t size = 0;
		char etag[72];

		for (int i = 0; i < 40; i++)
			size += (size_t) sprintf(text + size, "%d,%.*s%s", i, i % 26 > 2 ? 0 : i, "aabbcc", i == 20 ? wrong : kinds[kind]);
		object_count = 0;
		put("eol.csv", text, size);
		strcpy(etag, objects[0].etag);
		for (size_t step = 2; step < 40; step++)
		{
			oc_reader_options o = reader_options();
			oc_error error = {0};

			o.split.single_line = true;
			object_count = 0;
			for (size_t at = 0; at < size; at += step)
			{
				objects[object_count] = (test_object){.size = size, .start = at, .end = at + step};
				strcpy(objects[object_count].eol, kinds[kind]);
				strcpy(objects[object_count].key, "eol.csv");
				strcpy(objects[object_count++].etag, etag);
			}
			CHECK_INT(read_any(&o, &error), OC_FAILED);
			if (!CHECK(strstr(error.message, "found in data") != NULL))
				fprintf(stderr, "kind %d, step %zu: %s\n", kind, step, error.message);
		}
	}
}

/* How the first line ends, as a scan's leader would tell the units. */
static const char *
first_line_end(const char *text, size_t size, bool escapes)
{
	for (size_t i = 0; i < size; i++)
	{
		if (escapes && text[i] == '\\')
			i++;
		else if (text[i] == '\n')
			return "\n";
		else if (text[i] == '\r')
			return i + 1 < size && text[i + 1] == '\n' ? "\r\n" : "\r";
	}
	return "";
}

/* All rows as text, or "" when reading failed; malloc'ed. */
static char *
rows_text(const oc_reader_options *options, oc_error *error)
{
	oc_reader *reader = oc_reader_open(client, pool, options, error);
	char *rows = calloc(1, 20000);
	char *to = rows;
	oc_status status;
	oc_batch batch;

	while ((status = oc_reader_next(reader, &waiter, &batch, error)) == OC_OK)
		for (size_t i = 0; i < 2 * batch.row_count; i++)
			to += sprintf(to, "%.*s%s", batch.fields[i].size > 0 ? batch.fields[i].size : 0, batch.fields[i].data,
						  batch.fields[i].size < 0 ? "<N>|" : i % 2 ? ";" : "|");
	if (status != OC_END)
		rows[0] = '\0';
	oc_reader_close(reader);
	return rows;
}

/* Random csv without line ends in fields, and text: in units of any size the same rows as whole, or a refusal in both ways. */
static void
test_random_units(void)
{
	static const char *pieces[] = {"\n", "\n", "\n", "a,b\n", "a,b\n", "\"a\",b\n", "x\ty\n", "x\ty\n", ",", "\t", "\"", "\r", "\r\n", "\\", "abc"};
	uint32_t seed = 20260103;
	int read = 0;

	for (int round = 0; round < 40; round++)
	{
		bool csv = round % 2 == 0;
		bool clean = round % 3 != 0;
		oc_reader_options o = reader_options();
		oc_error error = {0};
		char text[800];
		size_t size = 0;
		char etag[72];
		char *expected;

		for (int i = 0; i < 60; i++)
		{
			uint32_t kind = (seed = seed * 1664525 + 1013904223) >> 16;
			const char *piece = pieces[kind % (sizeof(pieces) / sizeof(pieces[0]))];

			if (clean && kind % 200 != 0)
				piece = csv ? pieces[3 + kind % 3] : pieces[6];
			if (clean && csv && kind % 97 == 0)
				piece = "\"a\nb\",c\n";
			size += (size_t) sprintf(text + size, "%s", piece);
		}
		object_count = 0;
		put("random", text, size);
		strcpy(etag, objects[0].etag);
		o.split.single_line = csv;
		o.split.fill_missing = o.split.ignore_extra = !clean;
		if (!csv)
		{
			o.split.format = OC_FORMAT_TEXT;
			strcpy(o.split.delimiter, "\t");
			o.split.null_string = "\\N";
		}
		expected = rows_text(&o, &error);
		read += expected[0] != '\0';
		for (size_t step = 3 + (size_t) round % 5; step < size; step += 1 + step)
		{
			char *got;

			object_count = object_next = 0;
			for (size_t at = 0; at < size && object_count < 300; at += step)
			{
				objects[object_count] = (test_object){.size = size, .start = at, .end = object_count < 299 ? at + step : 0};
				strcpy(objects[object_count].eol, first_line_end(text, size, !csv));
				strcpy(objects[object_count].key, "random");
				strcpy(objects[object_count++].etag, etag);
			}
			got = rows_text(&o, &error);
			if (!CHECK_STR(got, expected))
				fprintf(stderr, "round %d, step %zu, %s: %s\n[%.*s]\n", round, step, csv ? "csv" : "text", error.message, (int) size, text);
			free(got);
		}
		free(expected);
	}
	CHECK(read > 8 && read < 35);
}

static void
test_row_errors(void)
{
	oc_reader_options o = reader_options();
	oc_status status;
	oc_error error = {0};
	oc_reader *reader;
	oc_batch batch;

	object_count = 0;
	put("good.csv", "0,\n1,b\n", 7);
	put("bad.csv", "2,cc\n3,ddd\n4\n5,f\n", 17);
	CHECK_INT(read_rows(&o, 0, &status, &error), 4);
	CHECK_INT(status, OC_FAILED);
	CHECK_STR(error.message, "missing data for column \"t\"");
	CHECK_STR(error.object, BUCKET "/bad.csv");
	CHECK_INT(error.line, 3);
	CHECK_INT(error.field, 2);
	o = reader_options();
	o.row_facts = o.split.tolerate = true;
	reader = oc_reader_open(client, pool, &o, &error);
	CHECK_INT(oc_reader_next(reader, &waiter, &batch, &error), OC_OK);
	CHECK_INT(oc_reader_next(reader, &waiter, &batch, &error), OC_OK);
	CHECK_INT(batch.row_count, 4);
	CHECK_INT(batch.rows[2].error, 0);
	CHECK_INT(batch.rows[3].error, -1);
	CHECK_STR(batch.errors[0].object, BUCKET "/bad.csv");
	CHECK_INT(batch.rows[2].raw_size, 1);
	CHECK_INT(oc_reader_next(reader, &waiter, &batch, &error), OC_END);
	CHECK_INT(oc_reader_next(reader, &waiter, &batch, &error), OC_END);
	oc_reader_close(reader);
}

static void
test_faults(void)
{
	oc_reader_options o = reader_options();
	size_t size = make_rows(data, 0, 200000);

	object_count = 0;
	put("fault.csv", data, size);
	/* passing troubles are not seen */
	CHECK(store_fault(&store, "{\"op\":\"GetObject\",\"action\":\"reset\",\"stage\":\"response\",\"bytes\":50000,\"count\":2}"));
	CHECK(store_fault(&store, "{\"op\":\"GetObject\",\"action\":\"status\",\"status\":503,\"after\":3,\"count\":2}"));
	check_all(&o, 200000);
	CHECK(store_clear_faults(&store));
	/* the whole object's CRC, as told with every range, must be that of the bytes */
	CHECK(store_fault(&store, "{\"op\":\"GetObject\",\"action\":\"wrong_crc\",\"count\":null}"));
	o = reader_options();
	check_failure(&o, OC_ERR_INTEGRITY, BUCKET "/fault.csv");
	CHECK(store_clear_faults(&store));
	/* another object under the same key */
	make_rows(data, 7, 200000);
	put("fault.csv", data, size);
	object_count = 1;
	o = reader_options();
	check_failure(&o, OC_ERR_CHANGED, BUCKET "/fault.csv");
	objects[0].etag[0] = 0;
	objects[0].size--;
	o = reader_options();
	check_failure(&o, OC_ERR_CHANGED, BUCKET "/fault.csv");
	strcpy(objects[0].key, "nothing");
	o = reader_options();
	check_failure(&o, OC_ERR_NOT_FOUND, BUCKET "/nothing");
}

/* A LIMIT touches little, and closing at any time leaves nothing behind. */
static void
test_early_close(void)
{
	size_t size = make_rows(data, 0, 400000);
	oc_error error = {0};

	object_count = 0;
	put("early1.csv", data, size);
	put("early2.csv", data, size);
	for (int batches = 0; batches < 12; batches++)
	{
		oc_reader_options o = reader_options();
		oc_reader *reader;
		oc_batch batch;
		uint64_t bytes, count;
		uint64_t before = stats.bytes_received;

		if (batches == 11) /* a stalled store */
			CHECK(store_fault(&store, "{\"op\":\"GetObject\",\"action\":\"stall\",\"seconds\":30,\"after\":3,\"count\":null}"));
		reader = oc_reader_open(client, pool, &o, &error);
		for (int i = 0; i < (batches == 11 ? 1 : batches); i++)
			CHECK_INT(oc_reader_next(reader, &waiter, &batch, &error), OC_OK);
		oc_reader_progress(reader, &bytes, &count);
		CHECK(bytes <= size && count == 0);
		oc_reader_close(reader);
		if (batches == 1)
			CHECK(stats.bytes_received - before <= 2 * 262144);
	}
	CHECK(store_clear_faults(&store));
}

static void
test_cancel(void)
{
	oc_reader_options o = reader_options();
	oc_error error = {0};
	int turns = 2;
	oc_waiter impatient = {wait_fd, &turns};
	oc_reader *reader = oc_reader_open(client, pool, &o, &error);
	oc_batch batch;

	CHECK(store_fault(&store, STORE_BLOCK("GetObject", "start")));
	CHECK_INT(oc_reader_next(reader, &impatient, &batch, &error), OC_CANCELLED);
	CHECK_INT(error.class, OC_ERR_CANCELLED);
	oc_reader_close(reader);
	CHECK(store_clear_faults(&store));
}

/* Latin 1 without its last character to UTF-8, never the last characters of a chunk: leftovers must work. */
static oc_status
convert(void *arg, const char *source, size_t size, bool last, size_t *consumed, char **target, size_t *target_size,
		size_t *target_capacity, oc_error *error)
{
	size_t take = last || size < 3 ? size : size - 2;
	const char *bad = memchr(source, 0xFF, size);

	++*(int *) arg;
	if (!last && size < 3)
		take = 0;
	if (bad == source && size > 0)
	{
		oc_error_set(error, OC_ERR_ENCODING, "no such character");
		return OC_FAILED;
	}
	if (bad && take > (size_t) (bad - source))
		take = (size_t) (bad - source);
	if (*target_capacity - *target_size < 2 * take)
	{
		*target_capacity = *target_size + 2 * take;
		*target = realloc(*target, *target_capacity);
	}
	for (size_t i = 0; i < take; i++)
	{
		unsigned char c = (unsigned char) source[i];

		if (c >= 0x80)
			(*target)[(*target_size)++] = (char) (0xC0 | c >> 6);
		(*target)[(*target_size)++] = (char) (c >= 0x80 ? 0x80 | (c & 0x3F) : c);
	}
	*consumed = take;
	return OC_OK;
}

static void
test_convert(void)
{
	oc_reader_options o = reader_options();
	oc_error error = {0};
	oc_reader *reader;
	oc_batch batch;
	int calls = 0;
	uint64_t rows = 0;
	bool good = true;
	size_t size = 0;

	for (int i = 0; i < 100000; i++)
		size += (size_t) sprintf(data + size, "%d,\xE4\xF6\xFC\n", i);
	object_count = 0;
	put("latin1.csv", data, size);
	o.convert = convert;
	o.convert_arg = &calls;
	reader = oc_reader_open(client, pool, &o, &error);
	while (oc_reader_next(reader, &waiter, &batch, &error) == OC_OK)
		for (size_t i = 0; i < batch.row_count; i++, rows++)
			good = good && atoi(batch.fields[2 * i].data) == (int) rows && batch.fields[2 * i + 1].size == 6 &&
				memcmp(batch.fields[2 * i + 1].data, "\xC3\xA4\xC3\xB6\xC3\xBC", 6) == 0;
	CHECK_INT(error.class, OC_ERR_NONE);
	CHECK_INT(rows, 100000);
	CHECK(good && calls > 0);
	oc_reader_close(reader);
}

/* What stands before text that cannot be converted comes first: rows, their errors, an end-of-data marker. */
static void
test_bad_text(void)
{
	static const struct
	{
		const char *object;
		oc_error_class class;
		uint64_t rows, line;
	} cases[] = {{"1,a\n2,b\n3,\xFF\n4,d\n", OC_ERR_ENCODING, 2, 3}, {"1,a\n2,\"x\ny\xFF\"\n", OC_ERR_ENCODING, 1, 3},
				 {"1,a\n2,b\n\xFF", OC_ERR_ENCODING, 2, 3},		  {"\xFF,a\n", OC_ERR_ENCODING, 0, 1},
				 {"1,a\n2\n3,\xFF\n", OC_ERR_DATA, 1, 2},			  {"1,a\n\\.\n\xFF\n", OC_ERR_NONE, 1, 0},
				 {"1,\xE4\n2,b", OC_ERR_NONE, 2, 0}};
	oc_reader_options o = reader_options();

	o.convert = convert;
	o.convert_arg = &(int){0};
	o.split.csv_end_marker = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		oc_error error = {0};
		oc_reader *reader;
		oc_batch batch;
		oc_status status;
		uint64_t rows = 0;

		object_count = object_next = 0;
		put("bad_text.csv", cases[i].object, strlen(cases[i].object));
		reader = oc_reader_open(client, pool, &o, &error);
		while ((status = oc_reader_next(reader, &waiter, &batch, &error)) == OC_OK)
			rows += batch.row_count;
		CHECK_INT(status, cases[i].class == OC_ERR_NONE ? OC_END : OC_FAILED);
		CHECK_INT(error.class, cases[i].class);
		CHECK_INT(error.line, cases[i].line);
		CHECK_INT(rows, cases[i].rows);
		oc_reader_close(reader);
	}
}

static void
run(int io_threads, int workers)
{
	oc_error error = {0};
	oc_config config = {.endpoint = store.endpoint, .region = STORE_REGION, .access_key_id = STORE_KEY_ID,
						.access_key_secret = STORE_KEY_SECRET};

	io = oc_io_open(io_threads, &error);
	pool = oc_pool_open(workers, &error);
	client = oc_client_open(io, &config, &error);
	if (CHECK(io && pool && client))
	{
		test_plain();
		test_many();
		test_codecs();
		test_units();
		test_exact_units();
		test_exact_errors();
		test_exact_cr();
		test_known_eol();
		test_random_units();
		test_row_errors();
		test_faults();
		test_early_close();
		test_cancel();
		test_convert();
		test_bad_text();
	}
	oc_client_close(client);
	oc_pool_close(pool);
	oc_io_close(io);
}

int
main(void)
{
	if (!CHECK(oc_library_open()) || !CHECK(store_start(&store, BUCKET)))
		return unit_done();
	data = malloc(32 << 20);
	run(1, 2);
	run(0, 0);
	run(1, 0);
	run(0, 2);
	free(data);
	store_stop(&store);
	oc_library_close();
	return unit_done();
}
