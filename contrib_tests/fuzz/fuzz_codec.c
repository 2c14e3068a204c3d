/*
 * fuzz_codec.c
 *	  Decoders on arbitrary bytes in arbitrary pieces.
 *
 * Input: codec, piece size of input, piece size of output, data.  What must hold, beside memory safety:
 * the same data give the same result in other pieces, a failure has a message, and a success has used up all input.
 */
#include <stdint.h>
#include <stdlib.h>

#include "oc.h"

#include <string.h>

#define OUTPUT_MAX (4u << 20)
#define CODECS     (OC_CODEC_AUTO + 1)

typedef struct outcome
{
	oc_status status;
	size_t size;  /* decoded */
	uint64_t sum; /* of what was decoded, FNV-1a */
	bool cut;     /* stopped at OUTPUT_MAX */
} outcome;

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static outcome run(oc_codec codec, const uint8_t *data, size_t size, size_t in_piece,
				   size_t out_piece);
static void add(outcome *result, const unsigned char *data, size_t size);
static void must(bool condition);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	oc_codec codec;
	outcome pieces;
	outcome whole;

	if (size < 3)
		return 0;
	codec = (oc_codec) (data[0] % CODECS);
	pieces = run(codec, data + 3, size - 3, data[1] % 64 + 1, (data[2] % 128 + 1) * 8);
	whole = run(codec, data + 3, size - 3, SIZE_MAX, 65536);
	if (!pieces.cut && !whole.cut)
	{
		must(pieces.status == whole.status);
		/* A failure may be noticed earlier or later */
		must(pieces.status != OC_END || (pieces.size == whole.size && pieces.sum == whole.sum));
	}
	return 0;
}

static outcome
run(oc_codec codec, const uint8_t *data, size_t size, size_t in_piece, size_t out_piece)
{
	outcome result = {.status = OC_OK, .sum = UINT64_C(14695981039346656037)};
	oc_error error = {0};
	oc_decoder *decoder = oc_decoder_open(codec, &error);
	unsigned char *out = malloc(out_piece);
	size_t done = 0;
	int still = 0;

	if (!decoder || !out)
		abort();
	while (result.status == OC_OK && !result.cut)
	{
		size_t piece = size - done < in_piece ? size - done : in_piece;
		const unsigned char *in = data + done;
		size_t left = piece;
		size_t written;

		result.status = oc_decoder_read(decoder, &in, &left, done + piece == size, out, out_piece,
										&written, &error);
		must(written <= out_piece && left <= piece && in == data + done + (piece - left));
		add(&result, out, written);
		done += piece - left;
		still = written == 0 && left == piece ? still + 1 : 0;
		must(still < 3);
		result.cut = result.size > OUTPUT_MAX;
	}
	must(result.status != OC_FAILED || (error.class != OC_ERR_NONE && error.message[0] != '\0'));
	must(result.status != OC_END || done == size);
	oc_decoder_close(decoder);
	free(out);
	return result;
}

static void
add(outcome *result, const unsigned char *data, size_t size)
{
	result->size += size;
	for (size_t i = 0; i < size; i++)
		result->sum = (result->sum ^ data[i]) * UINT64_C(1099511628211);
}

static void
must(bool condition)
{
	if (!condition)
		abort();
}
