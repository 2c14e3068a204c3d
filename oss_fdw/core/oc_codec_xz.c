/*
 * oc_codec_xz.c
 *	  xz by liblzma: one stream per block, with CRC-64.
 *
 * liblzma directly, not libarchive, for the reasons told in oc_codec_bzip2.c.  The dictionary is never larger than
 * the block, since the rest of it would only cost memory (a preset 9 takes 674 MB otherwise).  Reading is refused
 * above READ_MEMORY, which a file of xz -9 (65 MB) is far from.
 */
#include <lzma.h>
#include <stdlib.h>

#include "oc_codec_int.h"

#define READ_MEMORY (160 * UINT64_C(1048576))

static size_t xz_bound(size_t size);
static oc_status xz_compress(int level, const unsigned char *source, size_t source_size,
							 unsigned char *target, size_t target_size, size_t *written,
							 uint32_t *adler32, oc_error *error);
static void *xz_open(oc_error *error);
static oc_status xz_decode(void *state, oc_codec_io *io, oc_error *error);
static oc_status xz_failed(lzma_ret result, oc_error *error);
static void xz_close(void *state);

/* stream header (CRC-64), empty index, footer */
static const unsigned char xz_empty[] = {
	0xfd, '7',  'z',  'X',  'Z',  0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x00, 0x00, 0x00, 0x00,
	0x1c, 0xdf, 0x44, 0x21, 0x1f, 0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 'Y',  'Z'};

const oc_codec_ops oc_codec_xz = {
	.name = "xz",
	.suffix = ".xz",
	.level_min = 0,
	.level_max = 9,
	.level_default = 3,
	.empty = xz_empty,
	.empty_size = sizeof(xz_empty),
	.bound = xz_bound,
	.compress = xz_compress,
	.open = xz_open,
	.decode = xz_decode,
	.close = xz_close,
};

static size_t
xz_bound(size_t size)
{
	return lzma_stream_buffer_bound(size);
}

static oc_status
xz_compress(int level, const unsigned char *source, size_t source_size, unsigned char *target,
			size_t target_size, size_t *written, uint32_t *adler32, oc_error *error)
{
	lzma_options_lzma options;
	lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
	lzma_ret result;

	*written = 0;
	if (lzma_lzma_preset(&options, level))
		return xz_failed(LZMA_OPTIONS_ERROR, error);
	if (options.dict_size > source_size)
		options.dict_size = source_size < LZMA_DICT_SIZE_MIN ? LZMA_DICT_SIZE_MIN : source_size;
	result = lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC64, NULL, source, source_size, target,
									   written, target_size);
	return result == LZMA_OK ? OC_OK : xz_failed(result, error);
}

static void *
xz_open(oc_error *error)
{
	lzma_stream *stream = malloc(sizeof(*stream));

	if (stream)
	{
		*stream = (lzma_stream) LZMA_STREAM_INIT;
		if (lzma_stream_decoder(stream, READ_MEMORY,
								LZMA_CONCATENATED | LZMA_TELL_UNSUPPORTED_CHECK) == LZMA_OK)
			return stream;
		free(stream);
	}
	oc_codec_no_memory("xz", error);
	return NULL;
}

/* To us all concatenated streams with the padding between them are one member, which ends with the input. */
static oc_status
xz_decode(void *state, oc_codec_io *io, oc_error *error)
{
	lzma_stream *stream = state;
	lzma_ret result;

	stream->next_in = io->in;
	stream->avail_in = io->in_size;
	stream->next_out = io->out;
	stream->avail_out = io->out_size;
	result = lzma_code(stream, io->last ? LZMA_FINISH : LZMA_RUN);
	io->in = stream->next_in;
	io->in_size = stream->avail_in;
	io->out = stream->next_out;
	io->out_size = stream->avail_out;
	/* LZMA_BUF_ERROR is no progress: the caller knows whether more input or room will come */
	if (result == LZMA_OK || result == LZMA_BUF_ERROR)
		return OC_OK;
	return result == LZMA_STREAM_END ? OC_END : xz_failed(result, error);
}

static oc_status
xz_failed(lzma_ret result, oc_error *error)
{
	switch (result)
	{
		case LZMA_MEM_ERROR:
			return oc_codec_no_memory("xz", error);
		case LZMA_MEMLIMIT_ERROR:
			oc_error_set(error, OC_ERR_LIMIT,
						 "xz data need more than %d MB of memory to decompress",
						 (int) (READ_MEMORY >> 20));
			break;
		case LZMA_FORMAT_ERROR:
			oc_error_set(error, OC_ERR_CODEC, "xz data are corrupt: invalid header");
			break;
		case LZMA_DATA_ERROR:
			oc_error_set(error, OC_ERR_CODEC,
						 "xz data are corrupt: checksum differs or invalid block");
			break;
		case LZMA_UNSUPPORTED_CHECK:
		case LZMA_OPTIONS_ERROR:
			oc_error_set(error, OC_ERR_CODEC,
						 "xz data use a filter or check that is not supported");
			break;
		default:
			oc_error_set(error, OC_ERR_CODEC, "xz failed with code %d", (int) result);
			break;
	}
	return OC_FAILED;
}

static void
xz_close(void *state)
{
	lzma_end(state);
	free(state);
}
