/*
 * oc_codec_bzip2.c
 *	  bzip2 by libbz2: one stream per block.
 *
 * libbz2 directly, not libarchive: an object is decoded as its bytes arrive from the store, pushed in whatever pieces,
 * while libarchive pulls and cannot be told "later"; and libarchive takes garbage behind a stream in silence.  It
 * uses the same libbz2, so nothing more is loaded.
 */
#include <bzlib.h>
#include <stdlib.h>

#include "oc_codec_int.h"

#define SLICE_MAX 0x40000000u /* libbz2 counts in 32 bits */

typedef struct bzip2_state
{
	bz_stream stream;
	bool open; /* stream holds memory of libbz2 */
} bzip2_state;

static size_t bzip2_bound(size_t size);
static oc_status bzip2_compress(int level, const unsigned char *source, size_t source_size,
								unsigned char *target, size_t target_size, size_t *written,
								uint32_t *adler32, oc_error *error);
static void *bzip2_open(oc_error *error);
static oc_status bzip2_decode(void *state, oc_codec_io *io, oc_error *error);
static oc_status bzip2_failed(int result, oc_error *error);
static void bzip2_close(void *state);

static const unsigned char bzip2_empty[] = {'B',  'Z',  'h',  '9', 0x17, 0x72, 0x45,
											0x38, 0x50, 0x90, 0,   0,    0,    0};

const oc_codec_ops oc_codec_bzip2 = {
	.name = "bzip2",
	.suffix = ".bz2",
	.level_min = 1,
	.level_max = 9,
	.level_default = 9,
	.empty = bzip2_empty,
	.empty_size = sizeof(bzip2_empty),
	.bound = bzip2_bound,
	.compress = bzip2_compress,
	.open = bzip2_open,
	.decode = bzip2_decode,
	.close = bzip2_close,
};

/* libbz2's manual: one percent and 600 bytes */
static size_t
bzip2_bound(size_t size)
{
	return size + size / 100 + 601;
}

static oc_status
bzip2_compress(int level, const unsigned char *source, size_t source_size, unsigned char *target,
			   size_t target_size, size_t *written, uint32_t *adler32, oc_error *error)
{
	unsigned int size = target_size < UINT32_MAX ? target_size : UINT32_MAX;
	int result;

	if (source_size > SLICE_MAX)
	{
		oc_error_set(error, OC_ERR_LIMIT, "bzip2 cannot compress a block of %zu bytes",
					 source_size);
		return OC_FAILED;
	}
	result =
		BZ2_bzBuffToBuffCompress((char *) target, &size, (char *) source, source_size, level, 0, 0);
	if (result != BZ_OK)
		return bzip2_failed(result, error);
	*written = size;
	return OC_OK;
}

static void *
bzip2_open(oc_error *error)
{
	bzip2_state *state = calloc(1, sizeof(*state));

	if (!state)
		oc_codec_no_memory("bzip2", error);
	return state;
}

/* The stream is opened with its first byte: what it needs (4 MB) is not held between streams. */
static oc_status
bzip2_decode(void *arg, oc_codec_io *io, oc_error *error)
{
	bzip2_state *state = arg;
	bz_stream *stream = &state->stream;
	unsigned int in_slice = io->in_size < SLICE_MAX ? io->in_size : SLICE_MAX;
	unsigned int out_slice = io->out_size < SLICE_MAX ? io->out_size : SLICE_MAX;
	int result;

	if (!state->open)
	{
		if (BZ2_bzDecompressInit(stream, 0, 0) != BZ_OK)
			return oc_codec_no_memory("bzip2", error);
		state->open = true;
	}
	stream->next_in = (char *) io->in; /* only read */
	stream->avail_in = in_slice;
	stream->next_out = (char *) io->out;
	stream->avail_out = out_slice;
	result = BZ2_bzDecompress(stream);
	if (result != BZ_OK && result != BZ_STREAM_END)
		return bzip2_failed(result, error);
	io->in += in_slice - stream->avail_in;
	io->in_size -= in_slice - stream->avail_in;
	io->out += out_slice - stream->avail_out;
	io->out_size -= out_slice - stream->avail_out;
	if (result == BZ_OK)
		return OC_OK;
	BZ2_bzDecompressEnd(stream);
	*state = (bzip2_state){.open = false};
	return OC_END;
}

static oc_status
bzip2_failed(int result, oc_error *error)
{
	if (result == BZ_MEM_ERROR)
		return oc_codec_no_memory("bzip2", error);
	if (result == BZ_DATA_ERROR)
		oc_error_set(error, OC_ERR_CODEC,
					 "bzip2 data are corrupt: checksum differs or invalid block");
	else if (result == BZ_DATA_ERROR_MAGIC)
		oc_error_set(error, OC_ERR_CODEC, "bzip2 data are corrupt: invalid header");
	else
		oc_error_set(error, OC_ERR_CODEC, "bzip2 failed with code %d", result);
	return OC_FAILED;
}

static void
bzip2_close(void *arg)
{
	bzip2_state *state = arg;

	if (state->open)
		BZ2_bzDecompressEnd(&state->stream);
	free(state);
}
