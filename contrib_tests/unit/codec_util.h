/*
 * codec_util.h
 *	  What the codec tests share: CSV-like data, whole-object compression and chunked decoding.
 */
#ifndef CODEC_UTIL_H
#define CODEC_UTIL_H

#include <stdlib.h>

#include "oc.h"
#include "unit.h"

typedef struct bytes
{
	unsigned char *data;
	size_t size;
	size_t capacity;
} bytes;

static inline void
bytes_add(bytes *target, const void *data, size_t size)
{
	if (target->size + size > target->capacity)
	{
		target->capacity = (target->size + size) * 2;
		target->data = realloc(target->data, target->capacity);
	}
	if (size > 0)
		memcpy(target->data + target->size, data, size);
	target->size += size;
}

static inline void
bytes_free(bytes *target)
{
	free(target->data);
	*target = (bytes){0};
}

static inline uint32_t
next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t) (*state >> 33);
}

/* Rows as an export makes them; the same for the same seed. */
static inline bytes
make_csv(size_t size, uint64_t seed)
{
	static const char *const words[] = {"furiously", "ironic", "deposits", "sleep",
										"carefully", "TRUCK",  "NONE",     "DELIVER IN PERSON"};
	bytes made = {malloc(size + 256), 0, size + 256};

	while (made.size < size)
	{
		uint32_t r = next_random(&seed);

		made.size += (size_t) snprintf(
			(char *) made.data + made.size, 256, "%u,%u,%u.%02u,199%u-%02u-%02u,%s,%s %s\n",
			r % 1000000, r % 200000, r % 90000, r % 100, r % 8, r % 12 + 1, r % 28 + 1,
			words[r % 8], words[next_random(&seed) % 8], words[next_random(&seed) % 8]);
	}
	made.size = size;
	return made;
}

static inline bytes
make_noise(size_t size, uint64_t seed)
{
	bytes made = {malloc(size + 1), size, size + 1};

	for (size_t i = 0; i < size; i++)
		made.data[i] = (unsigned char) next_random(&seed);
	return made;
}

/* An object as the writer makes it: blocks of block_size between prologue and epilogue. */
static inline bytes
compress_object(oc_codec codec, int level, const bytes *source, size_t block_size)
{
	bytes object = {0};
	oc_codec_trailer trailer;
	unsigned char edge[64];
	size_t room = oc_codec_bound(codec, block_size);
	unsigned char *target = malloc(room + 1);
	oc_error error = {0};

	oc_codec_trailer_init(&trailer);
	bytes_add(&object, edge, oc_codec_prologue(codec, level, edge));
	for (size_t done = 0; done < source->size;)
	{
		size_t size = source->size - done < block_size ? source->size - done : block_size;
		size_t written = 0;
		uint32_t adler32 = 0;

		if (!CHECK_INT(oc_codec_compress(codec, level, source->data + done, size, target,
										 oc_codec_bound(codec, size), &written, &adler32, &error),
					   OC_OK))
		{
			fprintf(stderr, "%s level %d: %s\n", oc_codec_name(codec), level, error.message);
			break;
		}
		CHECK(written <= oc_codec_bound(codec, size));
		oc_codec_trailer_add(&trailer, codec, adler32, size);
		bytes_add(&object, target, written);
		done += size;
	}
	bytes_add(&object, edge, oc_codec_epilogue(codec, &trailer, edge));
	free(target);
	return object;
}

/*
 * Decodes in pieces of in_chunk and out_chunk bytes.  Fails the test when the decoder writes beyond its room, stands
 * still, or fails without a message.  limit: stop after that many bytes (a bomb), 0 = none.
 */
static inline oc_status
decode(oc_codec codec, const unsigned char *data, size_t size, size_t in_chunk, size_t out_chunk,
	   size_t limit, bytes *target, oc_error *error)
{
	oc_decoder *decoder = oc_decoder_open(codec, error);
	unsigned char *out = malloc(out_chunk + 1);
	oc_status status = OC_OK;
	size_t done = 0;
	int still = 0;
	bool tidy = true;

	if (!decoder)
	{
		free(out);
		return OC_FAILED;
	}
	while (status == OC_OK && still < 3 && (limit == 0 || target->size < limit))
	{
		size_t piece = size - done < in_chunk ? size - done : in_chunk;
		/* A copy of just these bytes, so that a sanitizer sees any read beyond them */
		unsigned char *copy = malloc(piece + (piece == 0));
		const unsigned char *in = copy;
		size_t left = piece;
		size_t written = 0;

		if (piece > 0)
			memcpy(copy, data + done, piece);
		*error = (oc_error){0};
		out[out_chunk] = 0xa5;
		status = oc_decoder_read(decoder, &in, &left, done + piece == size, out, out_chunk,
								 &written, error);
		tidy &= written <= out_chunk && out[out_chunk] == 0xa5 && in == copy + (piece - left);
		bytes_add(target, out, written);
		done += piece - left;
		still = written == 0 && left == piece ? still + 1 : 0;
		free(copy);
	}
	CHECK(tidy && still < 3);
	if (status == OC_FAILED)
		CHECK(error->class != OC_ERR_NONE && error->message[0] != '\0');
	if (status == OC_END)
		CHECK(done == size);
	oc_decoder_close(decoder);
	free(out);
	return status;
}

/* Decodes in the given pieces and compares. */
static inline bool
decodes_to(oc_codec codec, const bytes *object, size_t in_chunk, size_t out_chunk,
		   const bytes *expected)
{
	bytes result = {0};
	oc_error error = {0};
	oc_status status =
		decode(codec, object->data, object->size, in_chunk, out_chunk, 0, &result, &error);
	bool same = status == OC_END && result.size == expected->size &&
				(result.size == 0 || memcmp(result.data, expected->data, result.size) == 0);

	if (!same)
		fprintf(stderr, "%s, %zu bytes in pieces of %zu to %zu: status %d, %zu bytes of %zu: %s\n",
				oc_codec_name(codec), object->size, in_chunk, out_chunk, status, result.size,
				expected->size, error.message);
	bytes_free(&result);
	return same;
}

#endif
