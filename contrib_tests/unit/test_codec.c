/*
 * test_codec.c
 *	  Names, levels, detection, and that everything we compress comes back: sizes, levels, blocks, chunkings.
 */
#include "codec_util.h"

static const oc_codec written_codecs[] = {OC_CODEC_NONE,   OC_CODEC_GZIP,  OC_CODEC_ZSTD,
										  OC_CODEC_LZ4,    OC_CODEC_BZIP2, OC_CODEC_XZ,
										  OC_CODEC_DEFLATE};

#define WRITTEN (sizeof(written_codecs) / sizeof(written_codecs[0]))

static void
test_names(void)
{
	static const char *const names[] = {"none", "gzip",    "zstd",   "lz4", "bzip2",
										"xz",   "deflate", "snappy", "auto"};
	static const char *const suffixes[] = {"",    ".gz",      ".zst", ".lz4", ".bz2",
										   ".xz", ".deflate", ".sz",  ""};
	oc_codec codec;

	for (int i = 0; i <= OC_CODEC_AUTO; i++)
	{
		CHECK_STR(oc_codec_name((oc_codec) i), names[i]);
		CHECK_STR(oc_codec_suffix((oc_codec) i), suffixes[i]);
		CHECK(oc_codec_by_name(names[i], &codec) && codec == (oc_codec) i);
	}
	CHECK(oc_codec_by_name("GZip", &codec) && codec == OC_CODEC_GZIP);
	CHECK(!oc_codec_by_name("gz", &codec));
	CHECK(!oc_codec_by_name("gzipp", &codec));
	CHECK(!oc_codec_by_name("", &codec));
}

static void
check_level(oc_codec codec, int level, const char *message)
{
	oc_error error = {0};
	bool good = oc_codec_level_check(codec, level, &error);

	CHECK_INT(good, message == NULL);
	if (message)
	{
		CHECK_INT(error.class, OC_ERR_ARGUMENT);
		CHECK_STR(error.message, message);
	}
}

static void
test_levels(void)
{
	for (int i = 0; i <= OC_CODEC_AUTO; i++)
		check_level((oc_codec) i, OC_LEVEL_DEFAULT, NULL);
	check_level(OC_CODEC_GZIP, 1, NULL);
	check_level(OC_CODEC_GZIP, 9, NULL);
	check_level(OC_CODEC_GZIP, 0,
				"compression level 0 is out of range for gzip: must be between 1 and 9");
	check_level(OC_CODEC_GZIP, 10,
				"compression level 10 is out of range for gzip: must be between 1 and 9");
	check_level(OC_CODEC_ZSTD, -5, NULL);
	check_level(OC_CODEC_ZSTD, 22, NULL);
	check_level(OC_CODEC_ZSTD, 23,
				"compression level 23 is out of range for zstd: must be between -5 and 22");
	check_level(OC_CODEC_LZ4, 0, NULL);
	check_level(OC_CODEC_LZ4, 13,
				"compression level 13 is out of range for lz4: must be between 0 and 12");
	check_level(OC_CODEC_BZIP2, 0,
				"compression level 0 is out of range for bzip2: must be between 1 and 9");
	check_level(OC_CODEC_XZ, 10,
				"compression level 10 is out of range for xz: must be between 0 and 9");
	check_level(OC_CODEC_DEFLATE, -1,
				"compression level -1 is out of range for deflate: must be between 1 and 9");
	check_level(OC_CODEC_NONE, 1, "compression \"none\" has no levels");
	check_level(OC_CODEC_SNAPPY, 1, "compression \"snappy\" has no levels");
}

static void
test_refusals(void)
{
	unsigned char target[256];
	size_t written;
	oc_error error = {0};

	CHECK_INT(oc_codec_compress(OC_CODEC_SNAPPY, OC_LEVEL_DEFAULT, "x", 1, target, sizeof(target),
								&written, NULL, &error),
			  OC_FAILED);
	CHECK_STR(error.message, "compression \"snappy\" cannot be written");
	error = (oc_error){0};
	CHECK_INT(oc_codec_compress(OC_CODEC_AUTO, OC_LEVEL_DEFAULT, "x", 1, target, sizeof(target),
								&written, NULL, &error),
			  OC_FAILED);
	CHECK_STR(error.message, "compression \"auto\" cannot be written");
	for (size_t i = 1; i < WRITTEN; i++)
	{
		error = (oc_error){0};
		CHECK_INT(oc_codec_compress(written_codecs[i], 99, "x", 1, target, sizeof(target), &written,
									NULL, &error),
				  OC_FAILED);
		CHECK_INT(error.class, OC_ERR_ARGUMENT);
		/* Too little room is an error, not an overrun */
		error = (oc_error){0};
		CHECK_INT(oc_codec_compress(written_codecs[i], OC_LEVEL_DEFAULT, "abcdefgh", 8, target, 4,
									&written, NULL, &error),
				  OC_FAILED);
		CHECK(error.message[0] != '\0');
	}
}

/* Text that begins like zlib's header passes through AUTO. */
static void
check_text(const char *text)
{
	bytes source = {0};

	for (int i = 0; i < 20; i++)
	{
		bytes_add(&source, text, strlen(text));
		CHECK_INT(oc_codec_detect(source.data, source.size), OC_CODEC_NONE);
		CHECK(decodes_to(OC_CODEC_AUTO, &source, 3, 100, &source));
	}
	bytes_free(&source);
}

static void
test_detection(void)
{
	bytes text = make_csv(1000, 1);

	for (size_t i = 0; i < WRITTEN; i++)
	{
		oc_codec codec = written_codecs[i];
		bytes object = compress_object(codec, OC_LEVEL_DEFAULT, &text, 300);
		bytes nothing = {0};
		bytes empty = compress_object(codec, OC_LEVEL_DEFAULT, &nothing, 300);

		CHECK_INT(oc_codec_detect(object.data, object.size), codec);
		if (codec != OC_CODEC_DEFLATE)
			CHECK_INT(oc_codec_detect(object.data, 8), codec);
		CHECK_INT(oc_codec_detect(empty.data, empty.size), codec);
		bytes_free(&object);
		bytes_free(&empty);
	}
	CHECK_INT(oc_codec_detect("\xff\x06\0\0sNaPpY", 10), OC_CODEC_SNAPPY);
	CHECK_INT(oc_codec_detect("\x5a\x2a\x4d\x18\4\0\0\0", 8), OC_CODEC_ZSTD);
	CHECK_INT(oc_codec_detect("", 0), OC_CODEC_NONE);
	CHECK_INT(oc_codec_detect("\x1f", 1), OC_CODEC_NONE);
	CHECK_INT(oc_codec_detect("BZh9,text\n", 10), OC_CODEC_NONE);
	CHECK_INT(oc_codec_detect("PGCOPY\n\xff\r\n", 11), OC_CODEC_NONE);
	check_text("x^2,y^2\n1,4\n");
	check_text("x\001,1,2,3\n");
	check_text("x\xda\xba\xba,\xb9\xfa\n1");
	check_text("x\x9c\xb9\xfa,1\n");
	check_text("a");
	bytes_free(&text);
}

static void
check_round_trip(oc_codec codec, int level, const bytes *source, size_t block_size, size_t in_chunk,
				 size_t out_chunk)
{
	bytes object = compress_object(codec, level, source, block_size);

	CHECK(decodes_to(codec, &object, in_chunk, out_chunk, source));
	CHECK(decodes_to(OC_CODEC_AUTO, &object, in_chunk, out_chunk, source));
	bytes_free(&object);
}

static void
test_sizes(void)
{
	static const size_t sizes[] = {0, 1, 2, 100, 4095, 63 * 1024, 1024 * 1024 + 1};

	for (size_t i = 0; i < WRITTEN; i++)
	{
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++)
		{
			bytes text = make_csv(sizes[j], sizes[j]);
			bytes noise = make_noise(sizes[j], sizes[j]);
			size_t block_size = sizes[j] < 5 ? 1 : sizes[j] / 3;

			check_round_trip(written_codecs[i], OC_LEVEL_DEFAULT, &text, block_size, SIZE_MAX,
							 1 << 20);
			check_round_trip(written_codecs[i], OC_LEVEL_DEFAULT, &text, 1 << 22, 65536, 65536);
			check_round_trip(written_codecs[i], OC_LEVEL_DEFAULT, &noise, block_size, 100003,
							 50021);
			bytes_free(&text);
			bytes_free(&noise);
		}
	}
}

static void
test_levels_round_trip(void)
{
	static const int ranges[WRITTEN][2] = {{1, 0}, {1, 9}, {-5, 22}, {0, 12},
										   {1, 9}, {0, 9}, {1, 9}};
	bytes text = make_csv(300000, 7);
	bytes noise = make_noise(70000, 7);

	for (size_t i = 0; i < WRITTEN; i++)
	{
		for (int level = ranges[i][0]; level <= ranges[i][1]; level++)
		{
			check_round_trip(written_codecs[i], level, &text, 130000, 65536, 65536);
			check_round_trip(written_codecs[i], level, &noise, 70000, 65536, 65536);
		}
	}
	bytes_free(&text);
	bytes_free(&noise);
}

static void
test_chunkings(void)
{
	static const size_t chunks[] = {1, 2, 3, 7, 13, 61, 251, 1021, 65536, 1 << 20};
	bytes text = make_csv(40000, 11);
	size_t count = sizeof(chunks) / sizeof(chunks[0]);

	for (size_t i = 0; i < WRITTEN; i++)
	{
		oc_codec codec = written_codecs[i];
		bytes object = compress_object(codec, OC_LEVEL_DEFAULT, &text, 11111);

		for (size_t j = 0; j < count; j++)
		{
			CHECK(decodes_to(codec, &object, chunks[j], 1 << 20, &text));
			CHECK(decodes_to(codec, &object, 1 << 20, chunks[j], &text));
			CHECK(decodes_to(codec, &object, chunks[j], chunks[count - 1 - j], &text));
			CHECK(decodes_to(OC_CODEC_AUTO, &object, chunks[j], chunks[j], &text));
		}
		bytes_free(&object);
	}
	bytes_free(&text);
}

static void
test_large(void)
{
	bytes text = make_csv(20 * 1000 * 1000, 13);

	for (size_t i = 0; i < WRITTEN; i++)
	{
		int level = written_codecs[i] == OC_CODEC_XZ ? 0 : OC_LEVEL_DEFAULT;
		bytes object = compress_object(written_codecs[i], level, &text, 4 << 20);

		CHECK(decodes_to(written_codecs[i], &object, 1 << 20, 1 << 18, &text));
		bytes_free(&object);
	}
	bytes_free(&text);
}

/* Data of 0xff and of long runs: the places where bounds and checksums overflow first. */
static void
test_extremes(void)
{
	bytes ones = {malloc(3000000), 3000000, 3000000};

	memset(ones.data, 0xff, ones.size);
	for (size_t i = 0; i < WRITTEN; i++)
	{
		check_round_trip(written_codecs[i], OC_LEVEL_DEFAULT, &ones, 1000000, 4099, 65536);
		check_round_trip(written_codecs[i], OC_LEVEL_DEFAULT, &ones, 3000000, 1, 100000);
	}
	bytes_free(&ones);
}

/* Equal rows make equal objects, whatever a thread did before. */
static void
test_reproducible(void)
{
	bytes text = make_csv(100000, 17);
	bytes other = make_noise(50000, 17);

	for (size_t i = 0; i < WRITTEN; i++)
	{
		bytes first = compress_object(written_codecs[i], OC_LEVEL_DEFAULT, &text, 40000);
		bytes between = compress_object(written_codecs[i], OC_LEVEL_DEFAULT, &other, 40000);
		bytes second = compress_object(written_codecs[i], OC_LEVEL_DEFAULT, &text, 40000);

		CHECK(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
		bytes_free(&first);
		bytes_free(&between);
		bytes_free(&second);
	}
	bytes_free(&text);
	bytes_free(&other);
}

static void
test_gzip_header(void)
{
	static const int levels[] = {1, 2, 3, 4, 6, 9};
	bytes text = make_csv(1000, 19);

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
	{
		bytes object = compress_object(OC_CODEC_GZIP, levels[i], &text, 1000);

		/* no name, mtime 0, system unknown or unix */
		CHECK_MEM(object.data, "\x1f\x8b\x08\0\0\0\0\0", 8);
		CHECK(object.data[9] == 0xff || object.data[9] == 3);
		bytes_free(&object);
	}
	bytes_free(&text);
}

/* A block of no bytes among others. */
static void
test_empty_block(void)
{
	bytes text = make_csv(500, 23);

	for (size_t i = 0; i < WRITTEN; i++)
	{
		oc_codec codec = written_codecs[i];
		bytes object = {0};
		unsigned char edge[64];
		unsigned char target[4096];
		oc_codec_trailer trailer;
		oc_error error;

		oc_codec_trailer_init(&trailer);
		bytes_add(&object, edge, oc_codec_prologue(codec, OC_LEVEL_DEFAULT, edge));
		for (int block = 0; block < 3; block++)
		{
			size_t size = block == 1 ? 0 : text.size / 2;
			size_t written;
			uint32_t adler32;

			CHECK_INT(oc_codec_compress(codec, OC_LEVEL_DEFAULT,
										size ? text.data + (block == 2 ? text.size / 2 : 0) : NULL,
										size, target, sizeof(target), &written, &adler32, &error),
					  OC_OK);
			oc_codec_trailer_add(&trailer, codec, adler32, size);
			bytes_add(&object, target, written);
		}
		bytes_add(&object, edge, oc_codec_epilogue(codec, &trailer, edge));
		CHECK(decodes_to(codec, &object, 5, 64, &text));
		bytes_free(&object);
	}
	bytes_free(&text);
}

int
main(void)
{
	test_names();
	test_levels();
	test_refusals();
	test_detection();
	test_sizes();
	test_levels_round_trip();
	test_chunkings();
	test_large();
	test_extremes();
	test_reproducible();
	test_gzip_header();
	test_empty_block();
	return unit_done();
}
