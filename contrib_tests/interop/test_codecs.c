/*
 * test_codecs.c
 *	  Our side of test_codecs.py: writes objects for other programs to read, and decodes what they wrote.
 *
 * usage: test_codecs write FOLDER		<rows>.csv and <rows>.<level>.csv<suffix> for each codec
 *		  test_codecs read CODEC FILE	to standard output
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oc.h"

#define BLOCK_SIZE 100000

/* The level that another library does, where one codec has several. */
static const struct
{
	oc_codec codec;
	int levels[4];
} plan[] = {
	{OC_CODEC_GZIP, {1, 2, 3, 9}},   {OC_CODEC_DEFLATE, {1, 2, 3, 9}},
	{OC_CODEC_ZSTD, {-5, 1, 3, 19}}, {OC_CODEC_LZ4, {0, 3, 9, 12}},
	{OC_CODEC_BZIP2, {1, 5, 8, 9}},  {OC_CODEC_XZ, {0, 1, 3, 9}},
};

static char *make_rows(size_t size, size_t *made);
static void write_all(const char *folder, const char *rows, const char *data, size_t size);
static FILE *create(const char *folder, const char *rows, const char *level, const char *suffix);
static void write_object(FILE *file, oc_codec codec, int level, const char *data, size_t size);
static int read_object(const char *codec_name, const char *path);
static void put(FILE *file, const void *data, size_t size);
static void die(const char *what);

int
main(int argc, char **argv)
{
	static const struct
	{
		const char *name;
		size_t size;
	} rows[] = {{"empty", 0}, {"one", 20}, {"block", BLOCK_SIZE / 2}, {"many", 1500000}};

	if (argc == 4 && strcmp(argv[1], "read") == 0)
		return read_object(argv[2], argv[3]);
	if (argc != 3 || strcmp(argv[1], "write") != 0)
		die("usage: test_codecs write FOLDER | read CODEC FILE");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		size_t size;
		char *data = make_rows(rows[i].size, &size);

		write_all(argv[2], rows[i].name, data, size);
		free(data);
	}
	return 0;
}

/* Whole rows of CSV, at least size bytes; without a header when size is 0. */
static char *
make_rows(size_t size, size_t *made)
{
	char *data = malloc(size + 200);
	unsigned number = 12345;

	*made = 0;
	if (!data)
		die("out of memory");
	if (size > 0)
		*made = (size_t) sprintf(data, "id,name,price\n");
	for (int i = 0; *made < size; i++)
	{
		number = number * 1103515245u + 12345u;
		*made += (size_t) sprintf(data + *made, "%d,\"item %u, \xc3\xa4\",%u.%02u\n", i,
								  number >> 20, number >> 16 & 0xfff, number >> 9 & 63);
	}
	return data;
}

static void
write_all(const char *folder, const char *rows, const char *data, size_t size)
{
	FILE *file = create(folder, rows, "", "");

	put(file, data, size);
	fclose(file);
	for (size_t i = 0; i < sizeof(plan) / sizeof(plan[0]); i++)
	{
		for (int j = 0; j < 4; j++)
		{
			char level[16];

			snprintf(level, sizeof(level), ".%d", plan[i].levels[j]);
			file = create(folder, rows, level, oc_codec_suffix(plan[i].codec));
			write_object(file, plan[i].codec, plan[i].levels[j], data, size);
			fclose(file);
		}
	}
}

static FILE *
create(const char *folder, const char *rows, const char *level, const char *suffix)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s%s.csv%s", folder, rows, level, suffix);
	file = fopen(path, "wb");
	if (!file)
		die(path);
	return file;
}

static void
write_object(FILE *file, oc_codec codec, int level, const char *data, size_t size)
{
	size_t room = oc_codec_bound(codec, BLOCK_SIZE);
	unsigned char *target = malloc(room);
	oc_codec_trailer trailer;
	oc_error error;
	unsigned char edge[64];

	if (!target)
		die("out of memory");
	oc_codec_trailer_init(&trailer);
	put(file, edge, oc_codec_prologue(codec, level, edge));
	while (size > 0)
	{
		size_t block = size < BLOCK_SIZE ? size : BLOCK_SIZE;
		size_t written;
		uint32_t adler32;

		if (oc_codec_compress(codec, level, data, block, target, room, &written, &adler32,
							  &error) != OC_OK)
			die(error.message);
		oc_codec_trailer_add(&trailer, codec, adler32, block);
		put(file, target, written);
		data += block;
		size -= block;
	}
	put(file, edge, oc_codec_epilogue(codec, &trailer, edge));
	free(target);
}

static int
read_object(const char *codec_name, const char *path)
{
	FILE *file = fopen(path, "rb");
	oc_codec codec;
	oc_error error;
	oc_decoder *decoder;
	unsigned char in[5000];
	unsigned char out[7000];
	oc_status status = OC_OK;

	if (!file || !oc_codec_by_name(codec_name, &codec))
		die("no such file or codec");
	decoder = oc_decoder_open(codec, &error);
	if (!decoder)
		die(error.message);
	while (status == OC_OK)
	{
		size_t size = fread(in, 1, sizeof(in), file);
		bool last = size < sizeof(in);
		const unsigned char *next = in;
		size_t written;

		do
		{
			status =
				oc_decoder_read(decoder, &next, &size, last, out, sizeof(out), &written, &error);
			put(stdout, out, written);
		} while (status == OC_OK && (size > 0 || written == sizeof(out) || last));
	}
	if (status == OC_FAILED)
		die(error.message);
	oc_decoder_close(decoder);
	fclose(file);
	return 0;
}

static void
put(FILE *file, const void *data, size_t size)
{
	if (size > 0 && fwrite(data, 1, size, file) != size)
		die("write failed");
}

static void
die(const char *what)
{
	fprintf(stderr, "test_codecs: %s\n", what);
	exit(2);
}
