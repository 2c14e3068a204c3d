/*
 * test_codec_foreign.c
 *	  What other programs compressed is decoded to the same bytes in every chunking, or refused with a reason.
 */
#include "codec_samples.h"
#include "codec_util.h"

static unsigned
nibble(char c)
{
	return c <= '9' ? (unsigned) (c - '0') : (unsigned) (c - 'a' + 10);
}

static bytes
of_hex(const char *hex)
{
	bytes made = {0};

	for (; *hex; hex += 2)
	{
		unsigned char byte = (unsigned char) (nibble(hex[0]) << 4 | nibble(hex[1]));

		bytes_add(&made, &byte, 1);
	}
	return made;
}

/*
 * AUTO knows zlib's usual window only (the first byte of others is too weak), and takes a skippable frame, which zstd and
 * lz4 have in common, for zstd's.
 */
static bool
is_known(oc_codec codec, const bytes *object)
{
	if (codec == OC_CODEC_DEFLATE)
		return object->data[0] == 0x78;
	return codec != OC_CODEC_LZ4 || (object->data[0] & 0xf0) != 0x50;
}

static void
check_good(const codec_sample *sample, const bytes *object)
{
	static const size_t chunks[] = {1, 3, 64, 100000};
	bytes text = {(unsigned char *) sample_text, sizeof(sample_text) - 1, 0};
	bool all = true;

	for (int i = 0; i < 4; i++)
	{
		for (int j = 0; j < 4; j++)
			all &= decodes_to(sample->codec, object, chunks[i], chunks[j], &text);
		if (is_known(sample->codec, object))
			all &= decodes_to(OC_CODEC_AUTO, object, chunks[i], 777, &text);
	}
	if (!CHECK(all))
		fprintf(stderr, "sample \"%s\"\n", sample->name);
}

static void
check_bad(const codec_sample *sample, const bytes *object)
{
	static const size_t chunks[] = {1, 3, 100000};
	bool all = true;

	for (int i = 0; i < 3; i++)
	{
		bytes result = {0};
		oc_error error = {0};

		all &= decode(sample->codec, object->data, object->size, chunks[i], 4096, 0, &result,
					  &error) == OC_FAILED;
		all &= strncmp(error.message, "", 1) != 0 &&
			   strstr(error.message, oc_codec_name(sample->codec)) != NULL;
		bytes_free(&result);
	}
	if (!CHECK(all))
		fprintf(stderr, "sample \"%s\" was not refused\n", sample->name);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(codec_samples) / sizeof(codec_samples[0]); i++)
	{
		bytes object = of_hex(codec_samples[i].hex);

		if (codec_samples[i].good)
			check_good(&codec_samples[i], &object);
		else
			check_bad(&codec_samples[i], &object);
		bytes_free(&object);
	}
	return unit_done();
}
