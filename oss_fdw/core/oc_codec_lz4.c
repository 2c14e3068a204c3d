/*
 * oc_codec_lz4.c
 *	  lz4 by liblz4's frame functions: one frame per block, with content size and content checksum.
 *
 * liblz4 checks the header checksum, block checksums, the content checksum and the content size where a frame has
 * them; it skips skippable frames.  The old "legacy" frame (lz4 -l) has no checksum at all and is refused.
 */
#include <lz4frame.h>

#include "oc_codec_int.h"

static size_t lz4_bound(size_t size);
static oc_status lz4_compress(int level, const unsigned char *source, size_t source_size,
							  unsigned char *target, size_t target_size, size_t *written,
							  uint32_t *adler32, oc_error *error);
static size_t compress_frame(LZ4F_cctx *context, int level, const unsigned char *source,
							 size_t source_size, unsigned char *target, size_t target_size);
static LZ4F_preferences_t preferences_of(int level, size_t size);
static void *lz4_open(oc_error *error);
static oc_status lz4_decode(void *state, oc_codec_io *io, oc_error *error);
static void lz4_close(void *state);
static void release_cctx(void *context);

/* magic, descriptor (independent, content checksum), 64 kB blocks, header checksum, end mark, checksum of nothing */
static const unsigned char lz4_empty[] = {0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7, 0x00,
										  0x00, 0x00, 0x00, 0x05, 0x5d, 0xcc, 0x02};

const oc_codec_ops oc_codec_lz4 = {
	.name = "lz4",
	.suffix = ".lz4",
	.level_min = 0,
	.level_max = 12,
	.level_default = 0,
	.empty = lz4_empty,
	.empty_size = sizeof(lz4_empty),
	.bound = lz4_bound,
	.compress = lz4_compress,
	.open = lz4_open,
	.decode = lz4_decode,
	.close = lz4_close,
};

static size_t
lz4_bound(size_t size)
{
	LZ4F_preferences_t preferences = preferences_of(0, size);

	return LZ4F_HEADER_SIZE_MAX + LZ4F_compressBound(size, &preferences);
}

static oc_status
lz4_compress(int level, const unsigned char *source, size_t source_size, unsigned char *target,
			 size_t target_size, size_t *written, uint32_t *adler32, oc_error *error)
{
	void **place = oc_codec_context(OC_SLOT_LZ4, release_cctx);
	LZ4F_cctx *context = place ? *place : NULL;
	size_t result;

	if (!place || (!context && LZ4F_isError(LZ4F_createCompressionContext(&context, LZ4F_VERSION))))
		return oc_codec_no_memory("lz4", error);
	result = compress_frame(context, level, source, source_size, target, target_size);
	*place = context;
	if (LZ4F_isError(result))
	{
		/* A context is of no further use after an error */
		release_cctx(context);
		*place = NULL;
		oc_error_set(error, OC_ERR_MEMORY, "lz4 could not compress a block: %s",
					 LZ4F_getErrorName(result));
		return OC_FAILED;
	}
	*written = result;
	return OC_OK;
}

/* Returns the size of the frame, or one of liblz4's errors. */
static size_t
compress_frame(LZ4F_cctx *context, int level, const unsigned char *source, size_t source_size,
			   unsigned char *target, size_t target_size)
{
	LZ4F_preferences_t preferences = preferences_of(level, source_size);
	size_t done = LZ4F_compressBegin(context, target, target_size, &preferences);
	size_t step;

	if (LZ4F_isError(done))
		return done;
	step =
		LZ4F_compressUpdate(context, target + done, target_size - done, source, source_size, NULL);
	if (LZ4F_isError(step))
		return step;
	done += step;
	step = LZ4F_compressEnd(context, target + done, target_size - done, NULL);
	return LZ4F_isError(step) ? step : done + step;
}

/* autoFlush: nothing is buffered inside, all input is there. */
static LZ4F_preferences_t
preferences_of(int level, size_t size)
{
	return (LZ4F_preferences_t){
		.frameInfo =
			{
				.blockSizeID = LZ4F_max1MB,
				.blockMode = LZ4F_blockIndependent,
				.contentChecksumFlag = LZ4F_contentChecksumEnabled,
				.contentSize = size,
			},
		.compressionLevel = level,
		.autoFlush = 1,
	};
}

static void *
lz4_open(oc_error *error)
{
	LZ4F_dctx *context;

	if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
	{
		oc_codec_no_memory("lz4", error);
		return NULL;
	}
	return context;
}

static oc_status
lz4_decode(void *state, oc_codec_io *io, oc_error *error)
{
	size_t result;
	size_t in_size;
	size_t out_size;

	do
	{
		in_size = io->in_size;
		out_size = io->out_size;
		result = LZ4F_decompress(state, io->out, &out_size, io->in, &in_size, NULL);
		if (LZ4F_isError(result))
		{
			oc_error_set(error, OC_ERR_CODEC, "lz4 data are corrupt: %s",
						 LZ4F_getErrorName(result));
			return OC_FAILED;
		}
		io->in += in_size;
		io->in_size -= in_size;
		io->out += out_size;
		io->out_size -= out_size;
	} while (result != 0 && in_size + out_size > 0 && io->in_size > 0 && io->out_size > 0);
	return result == 0 ? OC_END : OC_OK;
}

static void
lz4_close(void *state)
{
	LZ4F_freeDecompressionContext(state);
}

static void
release_cctx(void *context)
{
	LZ4F_freeCompressionContext(context);
}
