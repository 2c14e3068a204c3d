/*
 * oc_codec_gzip.c
 *	  gzip and deflate (zlib format): ISA-L for low levels and all reading, libdeflate and zlib for high levels.
 *
 * gzip: each block is a member of its own, with mtime 0 so that equal rows make equal objects.  Levels 1 to 3 are
 * ISA-L's, 4 to 9 libdeflate's of the same number, which packs better than zlib in a third of the time.
 *
 * deflate: an object is one zlib stream, as Hadoop reads it.  A block is raw deflate ended by a full flush; oc_codec.c
 * puts prologue and epilogue around.  Levels 1 to 3 are ISA-L's, 4 to 9 zlib's: libdeflate always ends its streams.
 *
 * Reading: ISA-L verifies CRC-32 and length of gzip, Adler-32 of zlib, and the header's CRC where there is one.
 * Its counters have 32 bits, so input and output are passed in slices.
 */
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <zlib.h>

#include "oc_codec_int.h"

#define ISAL_LEVELS 3	  /* our levels that ISA-L does */
#define SLICE_MAX 0x40000000u /* bytes per call of a library that counts in 32 bits */
#define MEMBER_OVERHEAD 64	  /* header, trailer, flush */

typedef struct isal_context
{
	struct isal_zstream stream;
	unsigned char level_buf[ISAL_DEF_LVL3_DEFAULT]; /* the largest of levels 1 to 3 */
} isal_context;

typedef struct deflate_context
{
	struct libdeflate_compressor *compressor;
	int level;
} deflate_context;

static size_t deflated_bound(size_t size);
static oc_status gzip_compress(int level, const unsigned char *source, size_t source_size,
							   unsigned char *target, size_t target_size, size_t *written,
							   uint32_t *adler32, oc_error *error);
static oc_status deflate_compress(int level, const unsigned char *source, size_t source_size,
								  unsigned char *target, size_t target_size, size_t *written,
								  uint32_t *adler32, oc_error *error);
static bool run_isal(isal_context *context, int level, int wrapper, const unsigned char *source,
					 size_t source_size, unsigned char *target, size_t target_size, size_t *written);
static isal_context *isal_of_thread(void);
static oc_status run_libdeflate(int level, const unsigned char *source, size_t source_size,
								unsigned char *target, size_t target_size, size_t *written,
								oc_error *error);
static struct libdeflate_compressor *libdeflate_of_thread(int level);
static void release_libdeflate(void *arg);
static oc_status run_zlib(int level, const unsigned char *source, size_t source_size,
						  unsigned char *target, size_t target_size, size_t *written, oc_error *error);
static bool has_control(const unsigned char *data, size_t size);
static void *gzip_open(oc_error *error);
static void *zlib_open(oc_error *error);
static void *inflate_open(uint32_t wrapper, const char *codec, oc_error *error);
static oc_status gzip_decode(void *state, oc_codec_io *io, oc_error *error);
static oc_status zlib_decode(void *state, oc_codec_io *io, oc_error *error);
static oc_status inflate_some(struct inflate_state *state, oc_codec_io *io, const char *codec, oc_error *error);
static const char *inflate_problem(int result);

static const unsigned char gzip_empty[] = {0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff,
										   0x03, 0x00, 0, 0, 0, 0, 0, 0, 0, 0};

const oc_codec_ops oc_codec_gzip = {
	.name = "gzip",
	.suffix = ".gz",
	.level_min = 1,
	.level_max = 9,
	.level_default = 1,
	.empty = gzip_empty,
	.empty_size = sizeof(gzip_empty),
	.bound = deflated_bound,
	.compress = gzip_compress,
	.open = gzip_open,
	.decode = gzip_decode,
	.close = free,
};

/* An object without rows is prologue and epilogue: no empty member is needed. */
const oc_codec_ops oc_codec_deflate = {
	.name = "deflate",
	.suffix = ".deflate",
	.level_min = 1,
	.level_max = 9,
	.level_default = 1,
	.bound = deflated_bound,
	.compress = deflate_compress,
	.open = zlib_open,
	.decode = zlib_decode,
	.close = free,
};

/* Data that cannot be packed are stored: 5 bytes per stored piece, and no library makes pieces below 10,000 bytes. */
static size_t
deflated_bound(size_t size)
{
	return size + (size / 10000 + 1) * 5 + MEMBER_OVERHEAD;
}

static oc_status
gzip_compress(int level, const unsigned char *source, size_t source_size, unsigned char *target,
			  size_t target_size, size_t *written, uint32_t *adler32, oc_error *error)
{
	if (level <= ISAL_LEVELS && source_size <= SLICE_MAX)
	{
		isal_context *context = isal_of_thread();

		if (!context)
			return oc_codec_no_memory("gzip", error);
		if (run_isal(context, level, IGZIP_GZIP, source, source_size, target, target_size, written))
			return OC_OK;
		level = 1; /* ISA-L needed more room than the bound: libdeflate stores what cannot be packed */
	}
	return run_libdeflate(level, source, source_size, target, target_size, written, error);
}

static oc_status
deflate_compress(int level, const unsigned char *source, size_t source_size, unsigned char *target,
				 size_t target_size, size_t *written, uint32_t *adler32, oc_error *error)
{
	*adler32 = libdeflate_adler32(1, source, source_size);
	if (level <= ISAL_LEVELS && source_size <= SLICE_MAX)
	{
		isal_context *context = isal_of_thread();

		if (!context)
			return oc_codec_no_memory("deflate", error);
		if (run_isal(context, level, IGZIP_DEFLATE, source, source_size, target, target_size, written))
			return OC_OK;
		level = 1;
	}
	return run_zlib(level, source, source_size, target, target_size, written, error);
}

/* One call does it all: a whole gzip member, or a raw block ended by a full flush.  false: no room. */
static bool
run_isal(isal_context *context, int level, int wrapper, const unsigned char *source,
		 size_t source_size, unsigned char *target, size_t target_size, size_t *written)
{
	struct isal_zstream *stream = &context->stream;
	uint32_t room = target_size < UINT32_MAX ? target_size : UINT32_MAX;

	isal_deflate_init(stream);
	stream->level = level;
	stream->level_buf = context->level_buf;
	stream->level_buf_size = sizeof(context->level_buf);
	stream->gzip_flag = wrapper;
	stream->end_of_stream = wrapper == IGZIP_GZIP;
	stream->flush = wrapper == IGZIP_GZIP ? NO_FLUSH : FULL_FLUSH;
	stream->next_in = (uint8_t *) source; /* only read */
	stream->avail_in = source_size;
	stream->next_out = target;
	stream->avail_out = room;
	if (isal_deflate(stream) != COMP_OK || stream->avail_in > 0)
		return false;
	/* A full flush is complete when room is left; a member when the trailer is written */
	if (wrapper == IGZIP_GZIP ? stream->internal_state.state != ZSTATE_END : stream->avail_out == 0)
		return false;
	*written = room - stream->avail_out;
	return true;
}

static isal_context *
isal_of_thread(void)
{
	void **place = oc_codec_context(OC_SLOT_ISAL, free);

	if (place && !*place)
		*place = malloc(sizeof(isal_context));
	return place ? *place : NULL;
}

static oc_status
run_libdeflate(int level, const unsigned char *source, size_t source_size, unsigned char *target,
			   size_t target_size, size_t *written, oc_error *error)
{
	struct libdeflate_compressor *compressor = libdeflate_of_thread(level);

	if (!compressor)
		return oc_codec_no_memory("gzip", error);
	*written = libdeflate_gzip_compress(compressor, source, source_size, target, target_size);
	if (*written == 0)
	{
		oc_error_set(error, OC_ERR_LIMIT, "gzip could not compress a block of %zu bytes into %zu bytes",
					 source_size, target_size);
		return OC_FAILED;
	}
	return OC_OK;
}

/* A thread keeps the compressor of the level that it used last. */
static struct libdeflate_compressor *
libdeflate_of_thread(int level)
{
	void **place = oc_codec_context(OC_SLOT_LIBDEFLATE, release_libdeflate);
	deflate_context *context;

	if (place && !*place)
		*place = calloc(1, sizeof(deflate_context));
	if (!place || !*place)
		return NULL;
	context = *place;
	if (context->compressor && context->level != level)
	{
		libdeflate_free_compressor(context->compressor);
		context->compressor = NULL;
	}
	if (!context->compressor)
		context->compressor = libdeflate_alloc_compressor(level);
	context->level = level;
	return context->compressor;
}

static void
release_libdeflate(void *arg)
{
	deflate_context *context = arg;

	libdeflate_free_compressor(context->compressor);
	free(context);
}

static oc_status
run_zlib(int level, const unsigned char *source, size_t source_size, unsigned char *target,
		 size_t target_size, size_t *written, oc_error *error)
{
	z_stream stream = {0};
	size_t left = source_size;
	unsigned char *out = target;
	unsigned char *out_end = target + target_size;
	bool complete;

	if (deflateInit2(&stream, level, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return oc_codec_no_memory("deflate", error);
	stream.next_in = (unsigned char *) source; /* only read */
	do
	{
		uInt in_slice = left < SLICE_MAX ? left : SLICE_MAX;
		uInt out_slice = out_end - out < SLICE_MAX ? out_end - out : SLICE_MAX;

		stream.avail_in = in_slice;
		stream.next_out = out;
		stream.avail_out = out_slice;
		if (deflate(&stream, in_slice == left ? Z_FULL_FLUSH : Z_NO_FLUSH) != Z_OK)
			break;
		left -= in_slice - stream.avail_in;
		out += out_slice - stream.avail_out;
	} while ((left > 0 || stream.avail_out == 0) && out < out_end);
	complete = left == 0 && stream.avail_out > 0;
	deflateEnd(&stream);
	*written = out - target;
	if (!complete)
	{
		oc_error_set(error, OC_ERR_LIMIT, "deflate could not compress a block of %zu bytes into %zu bytes",
					 source_size, target_size);
		return OC_FAILED;
	}
	return OC_OK;
}

/* RFC 1950: method and window of 32 kB, then the level as a hint, such that both are a multiple of 31. */
size_t
oc_codec_zlib_prologue(int level, unsigned char *target)
{
	target[0] = 0x78;
	target[1] = level <= ISAL_LEVELS ? 0x01 : level < 9 ? 0x9c : 0xda;
	return 2;
}

/* A last block with nothing in it, then the Adler-32, high byte first. */
size_t
oc_codec_zlib_epilogue(uint32_t adler32, unsigned char *target)
{
	target[0] = 0x03;
	target[1] = 0x00;
	for (int i = 0; i < 4; i++)
		target[2 + i] = (unsigned char) (adler32 >> (24 - 8 * i));
	return 6;
}

uint32_t
oc_codec_zlib_combine(uint32_t adler1, uint32_t adler2, size_t size2)
{
	return (uint32_t) adler32_combine(adler1, adler2, (z_off_t) size2);
}

/*
 * Two bytes are little to know a format by, and "x^2" may well begin a text.  So the header's rule is not enough.  A
 * short object must be a whole stream with a right checksum.  Of a long one the sample must inflate and have a control
 * character, which text has not and hardly any 256 bytes of deflate lack.
 */
bool
oc_codec_zlib_plausible(const unsigned char *data, size_t size)
{
	struct inflate_state *state;
	oc_codec_io io = {.in = data, .in_size = size};
	unsigned char scrap[1024];
	oc_error ignored;
	oc_status status;

	if (size < 6 || data[0] != 0x78 || (data[0] * 256 + data[1]) % 31 != 0)
		return false;
	state = zlib_open(&ignored);
	if (!state)
		return false;
	do
	{
		io.out = scrap;
		io.out_size = sizeof(scrap);
		status = inflate_some(state, &io, "deflate", &ignored);
	} while (status == OC_OK && io.out_size == 0);
	free(state);
	if (status == OC_END)
		return true;
	return status == OC_OK && size >= OC_ZLIB_SAMPLE && has_control(data + 2, size - 2);
}

static bool
has_control(const unsigned char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
	{
		if ((data[i] < ' ' && data[i] != '\t' && data[i] != '\n' && data[i] != '\r') || data[i] == 0x7f)
			return true;
	}
	return false;
}

static void *
gzip_open(oc_error *error)
{
	return inflate_open(ISAL_GZIP, "gzip", error);
}

static void *
zlib_open(oc_error *error)
{
	return inflate_open(ISAL_ZLIB, "deflate", error);
}

static void *
inflate_open(uint32_t wrapper, const char *codec, oc_error *error)
{
	struct inflate_state *state = malloc(sizeof(*state));

	if (!state)
	{
		oc_codec_no_memory(codec, error);
		return NULL;
	}
	isal_inflate_init(state);
	state->crc_flag = wrapper;
	return state;
}

static oc_status
gzip_decode(void *state, oc_codec_io *io, oc_error *error)
{
	return inflate_some(state, io, "gzip", error);
}

static oc_status
zlib_decode(void *state, oc_codec_io *io, oc_error *error)
{
	return inflate_some(state, io, "deflate", error);
}

static oc_status
inflate_some(struct inflate_state *state, oc_codec_io *io, const char *codec, oc_error *error)
{
	uint32_t in_slice = io->in_size < SLICE_MAX ? io->in_size : SLICE_MAX;
	uint32_t out_slice = io->out_size < SLICE_MAX ? io->out_size : SLICE_MAX;
	int result;

	state->next_in = (uint8_t *) io->in; /* only read */
	state->avail_in = in_slice;
	state->next_out = io->out;
	state->avail_out = out_slice;
	result = isal_inflate(state);
	if (result != ISAL_DECOMP_OK && result != ISAL_END_INPUT && result != ISAL_OUT_OVERFLOW)
	{
		oc_error_set(error, OC_ERR_CODEC, "%s data are corrupt: %s", codec, inflate_problem(result));
		return OC_FAILED;
	}
	io->in += in_slice - state->avail_in;
	io->in_size -= in_slice - state->avail_in;
	io->out += out_slice - state->avail_out;
	io->out_size -= out_slice - state->avail_out;
	if (state->block_state != ISAL_BLOCK_FINISH)
		return OC_OK;
	isal_inflate_reset(state);
	return OC_END;
}

static const char *
inflate_problem(int result)
{
	switch (result)
	{
		case ISAL_NEED_DICT:
			return "they need a preset dictionary";
		case ISAL_INVALID_BLOCK:
			return "invalid block";
		case ISAL_INVALID_SYMBOL:
			return "invalid symbol";
		case ISAL_INVALID_LOOKBACK:
			return "invalid distance";
		case ISAL_INVALID_WRAPPER:
			return "invalid header";
		case ISAL_UNSUPPORTED_METHOD:
			return "unknown compression method";
		case ISAL_INCORRECT_CHECKSUM:
			return "checksum or length differs";
		default:
			return "unknown problem";
	}
}
