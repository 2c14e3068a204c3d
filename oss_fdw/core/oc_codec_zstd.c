/*
 * oc_codec_zstd.c
 *	  zstd by libzstd: one frame per block, with content size and checksum.
 *
 * Levels above 19 would ask for windows up to 128 MB; ours end at 8 MB, which is more than a block has.  Reading
 * takes windows up to 128 MB (windowLog 27, the limit of the zstd program as well), so memory stays bounded
 * whatever a frame's header claims.
 */
#include <zstd.h>

#include "oc_codec_int.h"

#define WINDOW_LOG_WRITE 23
#define WINDOW_LOG_READ  27
#define KEEP_LEVEL       12 /* contexts of higher levels are large: not kept */

static size_t zstd_bound(size_t size);
static oc_status zstd_compress(int level, const unsigned char *source, size_t source_size,
							   unsigned char *target, size_t target_size, size_t *written,
							   uint32_t *adler32, oc_error *error);
static void *zstd_open(oc_error *error);
static oc_status zstd_decode(void *state, oc_codec_io *io, oc_error *error);
static void zstd_close(void *state);
static void release_cctx(void *context);

/* magic, descriptor (single segment, checksum), content size 0, last raw block of 0 bytes, checksum */
static const unsigned char zstd_empty[] = {0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x00, 0x01,
										   0x00, 0x00, 0x99, 0xe9, 0xd8, 0x51};

const oc_codec_ops oc_codec_zstd = {
	.name = "zstd",
	.suffix = ".zst",
	.level_min = -5,
	.level_max = 22,
	.level_default = 1,
	.empty = zstd_empty,
	.empty_size = sizeof(zstd_empty),
	.bound = zstd_bound,
	.compress = zstd_compress,
	.open = zstd_open,
	.decode = zstd_decode,
	.close = zstd_close,
};

static size_t
zstd_bound(size_t size)
{
	return ZSTD_compressBound(size);
}

static oc_status
zstd_compress(int level, const unsigned char *source, size_t source_size, unsigned char *target,
			  size_t target_size, size_t *written, uint32_t *adler32, oc_error *error)
{
	void **place = oc_codec_context(OC_SLOT_ZSTD, release_cctx);
	ZSTD_CCtx *context;
	size_t result;

	if (place && !*place)
		*place = ZSTD_createCCtx();
	if (!place || !*place)
		return oc_codec_no_memory("zstd", error);
	context = *place;
	/* Resets cannot fail; setting one of these cannot either, the level has been checked */
	ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
	ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	if (level > 19)
		ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, WINDOW_LOG_WRITE);
	result = ZSTD_compress2(context, target, target_size, source, source_size);
	if (level > KEEP_LEVEL)
	{
		release_cctx(context);
		*place = NULL;
	}
	if (ZSTD_isError(result))
	{
		oc_error_set(error, OC_ERR_MEMORY, "zstd could not compress a block: %s",
					 ZSTD_getErrorName(result));
		return OC_FAILED;
	}
	*written = result;
	return OC_OK;
}

static void *
zstd_open(oc_error *error)
{
	ZSTD_DCtx *context = ZSTD_createDCtx();

	if (!context)
	{
		oc_codec_no_memory("zstd", error);
		return NULL;
	}
	ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_LOG_READ);
	return context;
}

/* Skippable frames are frames without output to libzstd. */
static oc_status
zstd_decode(void *state, oc_codec_io *io, oc_error *error)
{
	ZSTD_inBuffer in = {io->in, io->in_size, 0};
	ZSTD_outBuffer out = {io->out, io->out_size, 0};
	size_t result;

	do
	{
		size_t before = in.pos + out.pos;

		result = ZSTD_decompressStream(state, &out, &in);
		if (ZSTD_isError(result))
		{
			oc_error_set(error, OC_ERR_CODEC, "zstd data are corrupt: %s",
						 ZSTD_getErrorName(result));
			return OC_FAILED;
		}
		if (in.pos + out.pos == before)
			break;
	} while (result != 0 && (in.pos < in.size && out.pos < out.size));
	io->in += in.pos;
	io->in_size -= in.pos;
	io->out += out.pos;
	io->out_size -= out.pos;
	return result == 0 ? OC_END : OC_OK;
}

static void
zstd_close(void *state)
{
	ZSTD_freeDCtx(state);
}

static void
release_cctx(void *context)
{
	ZSTD_freeCCtx(context);
}
