/*
 * oc_codec_deflate.c
 *	  deflate in zlib's format, as Hadoop writes and reads it: an object is one zlib stream.
 *
 * Writing: a block is raw deflate ended by a full flush, so that blocks can be made apart; the prologue is zlib's header,
 * the epilogue a last empty block and the Adler-32 of the whole, combined from those of the blocks.  Levels 1 to 3 are
 * ISA-L's, 4 to 9 zlib's: libdeflate cannot flush.
 *
 * Reading is zlib's.  ISA-L would be twice as fast, but it reads ahead beyond the 4 bytes of the trailer and then cannot
 * always give back what it took, so that garbage behind the end may go unseen.
 */
#include <libdeflate.h>
#include <stdlib.h>
#include <zlib.h>

#include "oc_codec_int.h"

#define SLICE_MAX 0x40000000u /* bytes per call: zlib counts in 32 bits */

static oc_status deflate_compress(int level, const unsigned char *source, size_t source_size,
								  unsigned char *target, size_t target_size, size_t *written,
								  uint32_t *adler32, oc_error *error);
static oc_status run_zlib(int level, const unsigned char *source, size_t source_size,
						  unsigned char *target, size_t target_size, size_t *written,
						  oc_error *error);
static void *deflate_open(oc_error *error);
static oc_status deflate_decode(void *state, oc_codec_io *io, oc_error *error);
static const char *inflate_problem(int result, const z_stream *stream);
static void deflate_close(void *state);
static bool has_control(const unsigned char *data, size_t size);

/* An object without rows is prologue and epilogue: no empty member is needed. */
const oc_codec_ops oc_codec_deflate = {
	.name = "deflate",
	.suffix = ".deflate",
	.level_min = 1,
	.level_max = 9,
	.level_default = 1,
	.bound = oc_codec_deflate_bound,
	.compress = deflate_compress,
	.open = deflate_open,
	.decode = deflate_decode,
	.close = deflate_close,
};

/* ---------------------------------------------------------------- writing */

static oc_status
deflate_compress(int level, const unsigned char *source, size_t source_size, unsigned char *target,
				 size_t target_size, size_t *written, uint32_t *adler32, oc_error *error)
{
	*adler32 = libdeflate_adler32(1, source, source_size);
	if (level <= OC_ISAL_LEVELS)
	{
		oc_status status =
			oc_codec_isal(level, false, source, source_size, target, target_size, written, error);

		if (status != OC_AGAIN)
			return status;
		level = 1;
	}
	return run_zlib(level, source, source_size, target, target_size, written, error);
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

	if (deflateInit2(&stream, level, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) !=
		Z_OK)
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
		oc_error_set(error, OC_ERR_LIMIT,
					 "deflate could not compress a block of %zu bytes into %zu bytes", source_size,
					 target_size);
		return OC_FAILED;
	}
	return OC_OK;
}

/* RFC 1950: method and window of 32 kB, then the level as a hint, such that both are a multiple of 31. */
size_t
oc_codec_zlib_prologue(int level, unsigned char *target)
{
	target[0] = 0x78;
	target[1] = level <= OC_ISAL_LEVELS ? 0x01 : level < 9 ? 0x9c : 0xda;
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

/* ---------------------------------------------------------------- reading */

static void *
deflate_open(oc_error *error)
{
	z_stream *stream = calloc(1, sizeof(*stream));

	if (!stream || inflateInit(stream) != Z_OK)
	{
		free(stream);
		oc_codec_no_memory("deflate", error);
		return NULL;
	}
	return stream;
}

static oc_status
deflate_decode(void *state, oc_codec_io *io, oc_error *error)
{
	z_stream *stream = state;
	uInt in_slice = io->in_size < SLICE_MAX ? io->in_size : SLICE_MAX;
	uInt out_slice = io->out_size < SLICE_MAX ? io->out_size : SLICE_MAX;
	int result;

	stream->next_in = (unsigned char *) io->in; /* only read */
	stream->avail_in = in_slice;
	stream->next_out = io->out;
	stream->avail_out = out_slice;
	result = inflate(stream, Z_NO_FLUSH);
	io->in += in_slice - stream->avail_in;
	io->in_size -= in_slice - stream->avail_in;
	io->out += out_slice - stream->avail_out;
	io->out_size -= out_slice - stream->avail_out;
	switch (result)
	{
		case Z_OK:
		case Z_BUF_ERROR: /* no progress: wants input or room */
			return OC_OK;
		case Z_STREAM_END:
			inflateReset(stream);
			return OC_END;
		case Z_MEM_ERROR:
			return oc_codec_no_memory("deflate", error);
		default:
			oc_error_set(error, OC_ERR_CODEC, "deflate data are corrupt: %s",
						 inflate_problem(result, stream));
			return OC_FAILED;
	}
}

static const char *
inflate_problem(int result, const z_stream *stream)
{
	if (result == Z_NEED_DICT)
		return "they need a preset dictionary";
	return stream->msg ? stream->msg : "unknown problem";
}

static void
deflate_close(void *state)
{
	inflateEnd(state);
	free(state);
}

/*
 * Two bytes are little to know a format by, and "x^2" may well begin a text.  So the header's rule is not enough.  A
 * short object must be a whole stream with a right checksum.  Of a long one the sample must inflate and have a control
 * character, which text has not and hardly any 256 bytes of deflate lack.
 */
bool
oc_codec_zlib_plausible(const unsigned char *data, size_t size)
{
	void *state;
	oc_codec_io io = {.in = data, .in_size = size};
	unsigned char scrap[1024];
	oc_error ignored;
	oc_status status;

	if (size < 6 || data[0] != 0x78 || (data[0] * 256 + data[1]) % 31 != 0)
		return false;
	state = deflate_open(&ignored);
	if (!state)
		return false;
	do
	{
		io.out = scrap;
		io.out_size = sizeof(scrap);
		status = deflate_decode(state, &io, &ignored);
	} while (status == OC_OK && io.out_size == 0);
	deflate_close(state);
	if (status == OC_END)
		return true;
	return status == OC_OK && size >= OC_ZLIB_SAMPLE && has_control(data + 2, size - 2);
}

static bool
has_control(const unsigned char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
	{
		if ((data[i] < ' ' && data[i] != '\t' && data[i] != '\n' && data[i] != '\r') ||
			data[i] == 0x7f)
			return true;
	}
	return false;
}
