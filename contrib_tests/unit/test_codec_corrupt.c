/*
 * test_codec_corrupt.c
 *	  Damaged objects: every flipped byte, every cut, garbage behind, bombs.  Never wrong data without an error.
 */
#include "codec_util.h"

static const oc_codec packed_codecs[] = {OC_CODEC_GZIP,  OC_CODEC_ZSTD, OC_CODEC_LZ4,
										 OC_CODEC_BZIP2, OC_CODEC_XZ,   OC_CODEC_DEFLATE};

#define PACKED (sizeof(packed_codecs) / sizeof(packed_codecs[0]))

/*
 * A flip is either refused or harmless: a gzip header's time, padding bits, a match that now points to an earlier copy
 * of the same bytes.
 */
static void
check_flips(oc_codec codec, const bytes *source, size_t in_chunk)
{
	static const unsigned char masks[] = {0x01, 0x80, 0x10, 0xff};
	bytes object = compress_object(codec, OC_LEVEL_DEFAULT, source, 1 << 20);
	size_t errors = 0;
	size_t same = 0;
	size_t bad = 0;

	for (size_t i = 0; i < object.size; i++)
	{
		for (size_t j = 0; j < sizeof(masks); j++)
		{
			bytes result = {0};
			oc_error error = {0};
			oc_status status;

			object.data[i] ^= masks[j];
			status = decode(codec, object.data, object.size, in_chunk, 4096, 0, &result, &error);
			object.data[i] ^= masks[j];
			if (status == OC_FAILED)
				errors += error.class == OC_ERR_CODEC || error.class == OC_ERR_LIMIT;
			else if (result.size == source->size &&
					 memcmp(result.data, source->data, result.size) == 0)
				same++;
			else
			{
				bad++;
				fprintf(stderr, "%s: byte %zu of %zu xor %02x gave %zu bytes\n",
						oc_codec_name(codec), i, object.size, masks[j], result.size);
			}
			bytes_free(&result);
		}
	}
	CHECK_INT(bad, 0);
	CHECK_INT(errors + same, object.size * sizeof(masks));
	CHECK(same <= 8 * sizeof(masks));
	bytes_free(&object);
}

static void
check_cuts(oc_codec codec, const bytes *source, size_t in_chunk)
{
	bytes object = compress_object(codec, OC_LEVEL_DEFAULT, source, 1 << 20);
	size_t refused = 0;

	for (size_t size = 0; size < object.size; size++)
	{
		bytes result = {0};
		oc_error error = {0};

		if (decode(codec, object.data, size, in_chunk, 4096, 0, &result, &error) == OC_FAILED &&
			error.class == OC_ERR_CODEC && strstr(error.message, "truncated"))
			refused++;
		else
			fprintf(stderr, "%s cut at %zu of %zu: %s\n", oc_codec_name(codec), size, object.size,
					error.message);
		bytes_free(&result);
	}
	CHECK_INT(refused, object.size);
	bytes_free(&object);
}

static void
check_garbage(oc_codec codec, const bytes *source, const void *garbage, size_t size,
			  oc_status expected)
{
	static const size_t chunks[] = {1, 7, 1 << 20};

	for (int i = 0; i < 3; i++)
	{
		bytes object = compress_object(codec, OC_LEVEL_DEFAULT, source, 1000);
		bytes result = {0};
		oc_error error = {0};

		bytes_add(&object, garbage, size);
		if (!CHECK_INT(decode(codec, object.data, object.size, chunks[i], 4096, 0, &result, &error),
					   expected))
			fprintf(stderr, "%s with %zu bytes behind: %s\n", oc_codec_name(codec), size,
					error.message);
		if (expected == OC_FAILED)
			CHECK(strstr(error.message, "garbage") || strstr(error.message, "truncated") ||
				  strstr(error.message, "corrupt"));
		bytes_free(&object);
		bytes_free(&result);
	}
}

static void
test_garbage(oc_codec codec, const bytes *source)
{
	unsigned char zeros[512] = {0};
	oc_codec other = codec == OC_CODEC_GZIP ? OC_CODEC_ZSTD : OC_CODEC_GZIP;
	bytes member = compress_object(other, OC_LEVEL_DEFAULT, source, 1000);

	check_garbage(codec, source, "x", 1, OC_FAILED);
	check_garbage(codec, source, "garbage behind the end", 22, OC_FAILED);
	check_garbage(codec, source, member.data, member.size, OC_FAILED);
	/* gzip is padded by tapes, xz allows padding by fours; others know no padding */
	check_garbage(codec, source, zeros, 1, codec == OC_CODEC_GZIP ? OC_END : OC_FAILED);
	check_garbage(codec, source, zeros, 512,
				  codec == OC_CODEC_GZIP || codec == OC_CODEC_XZ ? OC_END : OC_FAILED);
	zeros[511] = 1;
	check_garbage(codec, source, zeros, 512, OC_FAILED);
	bytes_free(&member);
}

/* Data that say they are of a codec and are not. */
static void
test_not_this_codec(oc_codec codec)
{
	static const char *const texts[] = {"a,b,c\n1,2,3\n",
										"\x1f\x8b",
										"BZh",
										"(",
										"\xfd"
										"7z",
										"\x04\"M"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		bytes result = {0};
		oc_error error = {0};

		CHECK_INT(decode(codec, (const unsigned char *) texts[i], strlen(texts[i]), 2, 100, 0,
						 &result, &error),
				  OC_FAILED);
		CHECK_INT(error.class, OC_ERR_CODEC);
		CHECK_INT(result.size, 0);
		bytes_free(&result);
	}
}

/* 200 MB of one byte: comes out piece by piece, and the reader stops when it has seen enough. */
static void
test_bomb(oc_codec codec)
{
	size_t block_size = 20 << 20;
	bytes source = {calloc(1, block_size), block_size, block_size};
	bytes block = compress_object(codec, OC_LEVEL_DEFAULT, &source, block_size);
	bytes object = {0};
	bytes result = {0};
	oc_error error = {0};

	for (int i = 0; i < 10; i++)
		bytes_add(&object, block.data, block.size);
	CHECK_INT(decode(codec, object.data, object.size, SIZE_MAX, 65536, 5000000, &result, &error),
			  OC_OK);
	CHECK(result.size >= 5000000 && result.size <= 5000000 + 65536);
	bytes_free(&source);
	bytes_free(&block);
	bytes_free(&object);
	bytes_free(&result);
}

/* A decoder that failed stays failed. */
static void
test_sticky(void)
{
	oc_error error = {0};
	oc_decoder *decoder = oc_decoder_open(OC_CODEC_GZIP, &error);
	const unsigned char *bad = (const unsigned char *) "nonsense";
	size_t size = 8;
	char target[10];
	size_t written;

	CHECK_INT(oc_decoder_read(decoder, &bad, &size, false, target, 10, &written, &error),
			  OC_FAILED);
	CHECK_STR(error.message, "not gzip data");
	CHECK_INT(oc_decoder_read(decoder, &bad, &size, true, target, 10, &written, &error), OC_FAILED);
	CHECK_STR(error.message, "gzip data could not be decoded before");
	oc_decoder_close(decoder);
	oc_decoder_close(NULL);
}

/* No room and no input are allowed and change nothing. */
static void
test_nothing(oc_codec codec, const bytes *source)
{
	bytes object = compress_object(codec, OC_LEVEL_DEFAULT, source, 1 << 20);
	oc_error error = {0};
	oc_decoder *decoder = oc_decoder_open(codec, &error);
	const unsigned char *in = NULL;
	size_t left = 0;
	size_t written = 1;
	size_t total = 0;
	unsigned char target[64];
	oc_status status;

	CHECK_INT(oc_decoder_read(decoder, &in, &left, false, NULL, 0, &written, &error), OC_OK);
	CHECK_INT(written, 0);
	in = object.data;
	left = object.size;
	CHECK_INT(oc_decoder_read(decoder, &in, &left, true, NULL, 0, &written, &error), OC_OK);
	CHECK_INT(written, 0);
	do
	{
		status =
			oc_decoder_read(decoder, &in, &left, true, target, sizeof(target), &written, &error);
		total += written;
	} while (status == OC_OK);
	CHECK_INT(status, OC_END);
	CHECK_INT(total, source->size);
	oc_decoder_close(decoder);
	bytes_free(&object);
}

int
main(void)
{
	bytes text = make_csv(700, 3);
	bytes noise = make_noise(300, 3);

	for (size_t i = 0; i < PACKED; i++)
	{
		check_flips(packed_codecs[i], &text, SIZE_MAX);
		check_flips(packed_codecs[i], &text, 1);
		check_flips(packed_codecs[i], &noise, SIZE_MAX);
		check_cuts(packed_codecs[i], &text, SIZE_MAX);
		check_cuts(packed_codecs[i], &text, 1);
		test_garbage(packed_codecs[i], &text);
		test_not_this_codec(packed_codecs[i]);
		test_bomb(packed_codecs[i]);
		test_nothing(packed_codecs[i], &text);
	}
	test_not_this_codec(OC_CODEC_SNAPPY);
	test_sticky();
	bytes_free(&text);
	bytes_free(&noise);
	return unit_done();
}
