/*
 * oc_codec_gzip.c
 *	  gzip: ISA-L for low levels and for reading, libdeflate for high levels.
 *
 * Writing: each block is a member of its own, with mtime 0 so that equal rows make equal objects.  Levels 1 to 3 are
 * ISA-L's, 4 to 9 libdeflate's of the same number, which packs better than zlib in less than half the time.
 *
 * Reading: header (here) -> deflate data -> CRC-32 and length (both ISA-L).  ISA-L could read the header as well, but its
 * CRC is then wrong when the header comes in pieces.  ISA-L reads ahead by at most 8 bytes, which is what the trailer has,
 * so that nothing of the next member is ever taken.
 */
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <stdlib.h>

#include "oc_codec_int.h"

#define SLICE_MAX       0x40000000u /* bytes per call: ISA-L counts in 32 bits */
#define MEMBER_OVERHEAD 64          /* header, trailer, flush */

/* Header flags, RFC 1952 */
enum
{
	FLAG_HEADER_CRC = 2,
	FLAG_EXTRA = 4,
	FLAG_NAME = 8,
	FLAG_COMMENT = 16,
	FLAG_RESERVED = 0xe0,
};

/* What of a member comes next */
typedef enum gzip_part
{
	PART_FIXED,
	PART_EXTRA_SIZE,
	PART_EXTRA,
	PART_NAME,
	PART_COMMENT,
	PART_HEADER_CRC,
	PART_DATA,
} gzip_part;

typedef struct gzip_state
{
	struct inflate_state inflate;
	gzip_part part;
	uint32_t count; /* bytes of this part seen */
	uint32_t extra_size;
	uint32_t header_crc; /* of the bytes before the header's CRC */
	uint32_t header_crc_read;
	int flags;
} gzip_state;

typedef struct isal_context
{
	struct isal_zstream stream;
	unsigned char level_buf[ISAL_DEF_LVL3_DEFAULT]; /* the largest of levels 1 to 3 */
} isal_context;

typedef struct libdeflate_context
{
	struct libdeflate_compressor *compressor;
	int level;
} libdeflate_context;

static oc_status gzip_compress(int level, const unsigned char *source, size_t source_size,
							   unsigned char *target, size_t target_size, size_t *written,
							   uint32_t *adler32, oc_error *error);
static isal_context *isal_of_thread(void);
static bool run_isal(isal_context *context, int level, bool member, const unsigned char *source,
					 size_t source_size, unsigned char *target, size_t target_size,
					 size_t *written);
static oc_status run_libdeflate(int level, const unsigned char *source, size_t source_size,
								unsigned char *target, size_t target_size, size_t *written,
								oc_error *error);
static struct libdeflate_compressor *libdeflate_of_thread(int level);
static void release_libdeflate(void *arg);
static void *gzip_open(oc_error *error);
static void begin_member(gzip_state *state);
static oc_status gzip_decode(void *state, oc_codec_io *io, oc_error *error);
static const char *take_header_byte(gzip_state *state, unsigned char byte);
static const char *take_fixed_byte(gzip_state *state, unsigned char byte);
static void next_part(gzip_state *state);
static oc_status inflate_some(struct inflate_state *state, oc_codec_io *io, oc_error *error);
static const char *inflate_problem(int result);

static const unsigned char gzip_empty[] = {0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff,
										   0x03, 0x00, 0,    0, 0, 0, 0, 0, 0, 0};

const oc_codec_ops oc_codec_gzip = {
	.name = "gzip",
	.suffix = ".gz",
	.level_min = 1,
	.level_max = 9,
	.level_default = 1,
	.empty = gzip_empty,
	.empty_size = sizeof(gzip_empty),
	.bound = oc_codec_deflate_bound,
	.compress = gzip_compress,
	.open = gzip_open,
	.decode = gzip_decode,
	.close = free,
};

/* ---------------------------------------------------------------- writing */

/* Data that cannot be packed are stored: 5 bytes per stored piece, and no library makes pieces below 10,000 bytes. */
size_t
oc_codec_deflate_bound(size_t size)
{
	return size + (size / 10000 + 1) * 5 + MEMBER_OVERHEAD;
}

static oc_status
gzip_compress(int level, const unsigned char *source, size_t source_size, unsigned char *target,
			  size_t target_size, size_t *written, uint32_t *adler32, oc_error *error)
{
	if (level <= OC_ISAL_LEVELS)
	{
		oc_status status =
			oc_codec_isal(level, true, source, source_size, target, target_size, written, error);

		if (status != OC_AGAIN)
			return status;
		level = 1;
	}
	return run_libdeflate(level, source, source_size, target, target_size, written, error);
}

oc_status
oc_codec_isal(int level, bool member, const unsigned char *source, size_t source_size,
			  unsigned char *target, size_t target_size, size_t *written, oc_error *error)
{
	isal_context *context = isal_of_thread();

	if (!context)
		return oc_codec_no_memory("gzip", error);
	if (source_size > SLICE_MAX ||
		!run_isal(context, level, member, source, source_size, target, target_size, written))
		return OC_AGAIN;
	return OC_OK;
}

static isal_context *
isal_of_thread(void)
{
	void **place = oc_codec_context(OC_SLOT_ISAL, free);

	if (place && !*place)
		*place = malloc(sizeof(isal_context));
	return place ? *place : NULL;
}

/* One call does it all: a whole gzip member, or a raw block ended by a full flush.  false: no room. */
static bool
run_isal(isal_context *context, int level, bool member, const unsigned char *source,
		 size_t source_size, unsigned char *target, size_t target_size, size_t *written)
{
	struct isal_zstream *stream = &context->stream;
	uint32_t room = target_size < UINT32_MAX ? target_size : UINT32_MAX;

	isal_deflate_init(stream);
	stream->level = level;
	stream->level_buf = context->level_buf;
	stream->level_buf_size = sizeof(context->level_buf);
	stream->gzip_flag = member ? IGZIP_GZIP : IGZIP_DEFLATE;
	stream->end_of_stream = member;
	stream->flush = member ? NO_FLUSH : FULL_FLUSH;
	stream->next_in = (uint8_t *) source; /* only read */
	stream->avail_in = source_size;
	stream->next_out = target;
	stream->avail_out = room;
	if (isal_deflate(stream) != COMP_OK || stream->avail_in > 0)
		return false;
	/* A full flush is complete when room is left; a member when the trailer is written */
	if (member ? stream->internal_state.state != ZSTATE_END : stream->avail_out == 0)
		return false;
	*written = room - stream->avail_out;
	return true;
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
		oc_error_set(error, OC_ERR_LIMIT,
					 "gzip could not compress a block of %zu bytes into %zu bytes", source_size,
					 target_size);
		return OC_FAILED;
	}
	return OC_OK;
}

/* A thread keeps the compressor of the level that it used last. */
static struct libdeflate_compressor *
libdeflate_of_thread(int level)
{
	void **place = oc_codec_context(OC_SLOT_LIBDEFLATE, release_libdeflate);
	libdeflate_context *context;

	if (place && !*place)
		*place = calloc(1, sizeof(libdeflate_context));
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
	libdeflate_context *context = arg;

	libdeflate_free_compressor(context->compressor);
	free(context);
}

/* ---------------------------------------------------------------- reading */

static void *
gzip_open(oc_error *error)
{
	gzip_state *state = malloc(sizeof(*state));

	if (!state)
	{
		oc_codec_no_memory("gzip", error);
		return NULL;
	}
	isal_inflate_init(&state->inflate);
	begin_member(state);
	return state;
}

static void
begin_member(gzip_state *state)
{
	isal_inflate_reset(&state->inflate);
	state->inflate.crc_flag = ISAL_GZIP_NO_HDR_VER;
	state->part = PART_FIXED;
	state->count = 0;
	state->header_crc = 0;
	state->header_crc_read = 0;
}

static oc_status
gzip_decode(void *arg, oc_codec_io *io, oc_error *error)
{
	gzip_state *state = arg;
	oc_status status;

	while (state->part != PART_DATA)
	{
		const char *problem;

		if (io->in_size == 0)
			return OC_OK;
		problem = take_header_byte(state, *io->in);
		if (problem)
		{
			oc_error_set(error, OC_ERR_CODEC, "gzip data are corrupt: %s", problem);
			return OC_FAILED;
		}
		io->in++;
		io->in_size--;
	}
	status = inflate_some(&state->inflate, io, error);
	if (status == OC_END)
		begin_member(state);
	return status;
}

/* Returns what is wrong, or NULL. */
static const char *
take_header_byte(gzip_state *state, unsigned char byte)
{
	bool done = false;

	if (state->part != PART_HEADER_CRC)
		state->header_crc = libdeflate_crc32(state->header_crc, &byte, 1);
	state->count++;
	switch (state->part)
	{
		case PART_FIXED:
			return take_fixed_byte(state, byte);
		case PART_EXTRA_SIZE:
			state->extra_size = state->count == 1 ? byte : state->extra_size | (uint32_t) byte << 8;
			done = state->count == 2;
			break;
		case PART_EXTRA:
			done = state->count == state->extra_size;
			break;
		case PART_NAME:
		case PART_COMMENT:
			done = byte == 0;
			break;
		case PART_HEADER_CRC:
			state->header_crc_read |= (uint32_t) byte << (8 * (state->count - 1));
			done = state->count == 2;
			if (done && state->header_crc_read != (state->header_crc & 0xffff))
				return "header checksum differs";
			break;
		case PART_DATA:
			break;
	}
	if (done)
		next_part(state);
	return NULL;
}

static const char *
take_fixed_byte(gzip_state *state, unsigned char byte)
{
	if ((state->count == 1 && byte != 0x1f) || (state->count == 2 && byte != 0x8b))
		return "invalid header";
	if (state->count == 3 && byte != 8)
		return "unknown compression method";
	if (state->count == 4)
	{
		if (byte & FLAG_RESERVED)
			return "unknown flags";
		state->flags = byte;
	}
	if (state->count == 10)
		next_part(state);
	return NULL;
}

/* Goes on to the next part that this header has. */
static void
next_part(gzip_state *state)
{
	static const int needs[] = {
		[PART_EXTRA_SIZE] = FLAG_EXTRA,
		[PART_EXTRA] = FLAG_EXTRA,
		[PART_NAME] = FLAG_NAME,
		[PART_COMMENT] = FLAG_COMMENT,
		[PART_HEADER_CRC] = FLAG_HEADER_CRC,
	};

	state->count = 0;
	do
		state->part++;
	while (state->part != PART_DATA && (!(state->flags & needs[state->part]) ||
										(state->part == PART_EXTRA && state->extra_size == 0)));
}

static oc_status
inflate_some(struct inflate_state *state, oc_codec_io *io, oc_error *error)
{
	uint32_t in_slice = io->in_size < SLICE_MAX ? io->in_size : SLICE_MAX;
	uint32_t out_slice = io->out_size < SLICE_MAX ? io->out_size : SLICE_MAX;
	int result;

	state->next_in = (uint8_t *) io->in; /* only read */
	state->avail_in = in_slice;
	state->next_out = io->out;
	state->avail_out = out_slice;
	result = isal_inflate(state);
	if (result != ISAL_DECOMP_OK)
	{
		oc_error_set(error, OC_ERR_CODEC, "gzip data are corrupt: %s", inflate_problem(result));
		return OC_FAILED;
	}
	io->in += in_slice - state->avail_in;
	io->in_size -= in_slice - state->avail_in;
	io->out += out_slice - state->avail_out;
	io->out_size -= out_slice - state->avail_out;
	return state->block_state == ISAL_BLOCK_FINISH ? OC_END : OC_OK;
}

static const char *
inflate_problem(int result)
{
	switch (result)
	{
		case ISAL_INVALID_BLOCK:
			return "invalid block";
		case ISAL_INVALID_SYMBOL:
			return "invalid symbol";
		case ISAL_INVALID_LOOKBACK:
			return "invalid distance";
		case ISAL_INCORRECT_CHECKSUM:
			return "checksum or length differs";
		default:
			return "unknown problem";
	}
}
