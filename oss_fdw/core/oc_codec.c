/*
 * oc_codec.c
 *	  Names, levels, detection and the drivers that all codecs share.
 *
 * Writing: blocks -> oc_codec_compress, on any thread -> the object is their concatenation between prologue and epilogue.
 *
 * Reading: bytes -> (AUTO: the first ones are held back until the codec is known) -> member after member -> bytes.
 * A member is gzip's member, zstd's and lz4's frame, bzip2's and zlib's stream, snappy's chunk; for xz it is all of
 * them.  Between two members the input may end; anywhere else its end is a truncation.  What follows a member must
 * begin as one, or, for gzip, be zeros to the end (tapes and some tools pad).
 */
#include <stdlib.h>

#include "oc_codec_int.h"

#define MAGIC_MAX 8
#define HELD_MAX  OC_ZLIB_SAMPLE /* bytes looked at before AUTO decides */

typedef struct codec_magic
{
	oc_codec codec;
	int size;
	unsigned char bytes[MAGIC_MAX];
} codec_magic;

struct oc_decoder
{
	oc_codec codec;               /* AUTO until decided */
	const oc_codec_ops *ops;      /* NULL: bytes pass through */
	void *state;                  /* of ops */
	unsigned char held[HELD_MAX]; /* AUTO: what was taken from the caller before the decision */
	size_t held_size;
	size_t held_given;              /* of these, passed to the codec */
	unsigned char start[MAGIC_MAX]; /* the first bytes of the current member, already decoded */
	size_t start_size;
	uint64_t members; /* complete ones */
	bool inside;      /* of a member */
	bool padding;     /* only zeros may follow */
	bool failed;      /* stays so */
};

static const oc_codec_ops *ops_of(oc_codec codec);
static bool same_name(const char *a, const char *b);
static bool may_begin(oc_codec codec, const unsigned char *data, size_t size);
static bool magic_fits(const codec_magic *magic, const unsigned char *data, size_t size);
static bool decide(oc_decoder *decoder, oc_codec codec, oc_error *error);
static oc_status hold(oc_decoder *decoder, const unsigned char **source, size_t *source_size,
					  bool last, oc_error *error);
static oc_status run(oc_decoder *decoder, oc_codec_io *io, oc_error *error);
static oc_status run_member(oc_decoder *decoder, oc_codec_io *io, oc_error *error);
static oc_status run_padding(oc_decoder *decoder, oc_codec_io *io, oc_error *error);
static oc_status input_ended(oc_decoder *decoder, oc_error *error);
static bool check_start(oc_decoder *decoder, const oc_codec_io *io, oc_error *error);
static void remember_start(oc_decoder *decoder, const unsigned char *data, size_t size);
static oc_status pass_through(oc_codec_io *io);

/*
 * In the order of detection.  A skippable frame may begin both zstd and lz4 data; only tools of zstd (pzstd) begin with one.
 * The second half-byte of its first byte is free, see magic_fits.
 */
static const codec_magic magics[] = {
	{OC_CODEC_GZIP, 3, {0x1f, 0x8b, 0x08}},
	{OC_CODEC_ZSTD, 4, {0x28, 0xb5, 0x2f, 0xfd}},
	{OC_CODEC_ZSTD, 4, {0x50, 0x2a, 0x4d, 0x18}},
	{OC_CODEC_LZ4, 4, {0x04, 0x22, 0x4d, 0x18}},
	{OC_CODEC_LZ4, 4, {0x50, 0x2a, 0x4d, 0x18}},
	{OC_CODEC_BZIP2, 8, {'B', 'Z', 'h', '0', 0x31, 0x41, 0x59, 0x26}},
	{OC_CODEC_BZIP2, 8, {'B', 'Z', 'h', '0', 0x17, 0x72, 0x45, 0x38}},
	{OC_CODEC_XZ, 6, {0xfd, '7', 'z', 'X', 'Z', 0x00}},
	{OC_CODEC_SNAPPY, 8, {0xff, 0x06, 0x00, 0x00, 's', 'N', 'a', 'P'}},
};

#define MAGIC_COUNT (sizeof(magics) / sizeof(magics[0]))

/* ---------------------------------------------------------------- names and levels */

static const oc_codec_ops *
ops_of(oc_codec codec)
{
	switch (codec)
	{
		case OC_CODEC_GZIP:
			return &oc_codec_gzip;
		case OC_CODEC_ZSTD:
			return &oc_codec_zstd;
		case OC_CODEC_LZ4:
			return &oc_codec_lz4;
		case OC_CODEC_BZIP2:
			return &oc_codec_bzip2;
		case OC_CODEC_XZ:
			return &oc_codec_xz;
		case OC_CODEC_DEFLATE:
			return &oc_codec_deflate;
		case OC_CODEC_SNAPPY:
			return &oc_codec_snappy;
		case OC_CODEC_NONE:
		case OC_CODEC_AUTO:
			break;
	}
	return NULL;
}

const char *
oc_codec_name(oc_codec codec)
{
	const oc_codec_ops *ops = ops_of(codec);

	return ops ? ops->name : codec == OC_CODEC_AUTO ? "auto" : "none";
}

const char *
oc_codec_suffix(oc_codec codec)
{
	const oc_codec_ops *ops = ops_of(codec);

	return ops ? ops->suffix : "";
}

bool
oc_codec_by_name(const char *name, oc_codec *codec)
{
	for (int i = OC_CODEC_NONE; i <= OC_CODEC_AUTO; i++)
	{
		if (same_name(name, oc_codec_name((oc_codec) i)))
		{
			*codec = (oc_codec) i;
			return true;
		}
	}
	return false;
}

/* Case-insensitive in ASCII, whatever the locale; b is in lower case. */
static bool
same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
	{
		char lower = *a >= 'A' && *a <= 'Z' ? *a + ('a' - 'A') : *a;

		if (lower != *b)
			return false;
	}
	return *a == *b;
}

bool
oc_codec_level_check(oc_codec codec, int level, oc_error *error)
{
	const oc_codec_ops *ops = ops_of(codec);

	if (level == OC_LEVEL_DEFAULT)
		return true;
	if (!ops || ops->level_max < ops->level_min)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "compression \"%s\" has no levels",
					 oc_codec_name(codec));
		return false;
	}
	if (level < ops->level_min || level > ops->level_max)
	{
		oc_error_set(error, OC_ERR_ARGUMENT,
					 "compression level %d is out of range for %s: must be between %d and %d",
					 level, ops->name, ops->level_min, ops->level_max);
		return false;
	}
	return true;
}

oc_status
oc_codec_no_memory(const char *codec, oc_error *error)
{
	oc_error_set(error, OC_ERR_MEMORY, "out of memory in the %s codec", codec);
	return OC_FAILED;
}

/* ---------------------------------------------------------------- detection */

oc_codec
oc_codec_detect(const void *data, size_t size)
{
	for (size_t i = 0; i < MAGIC_COUNT; i++)
	{
		if (size >= (size_t) magics[i].size && magic_fits(&magics[i], data, size))
			return magics[i].codec;
	}
	return oc_codec_zlib_plausible(data, size) ? OC_CODEC_DEFLATE : OC_CODEC_NONE;
}

/* Whether as much as there is of data agrees with the magic. */
static bool
magic_fits(const codec_magic *magic, const unsigned char *data, size_t size)
{
	for (size_t i = 0; i < size && i < (size_t) magic->size; i++)
	{
		if (magic->codec == OC_CODEC_BZIP2 && i == 3)
		{
			if (data[i] < '1' || data[i] > '9')
				return false;
		}
		else if (magic->bytes[0] == 0x50 && i == 0)
		{
			if ((data[i] & 0xf0) != 0x50)
				return false;
		}
		else if (data[i] != magic->bytes[i])
			return false;
	}
	return true;
}

/* Whether data can be the first bytes of a member. */
static bool
may_begin(oc_codec codec, const unsigned char *data, size_t size)
{
	bool known = false;

	for (size_t i = 0; i < MAGIC_COUNT; i++)
	{
		if (magics[i].codec != codec)
			continue;
		if (magic_fits(&magics[i], data, size))
			return true;
		known = true;
	}
	return !known;
}

/* ---------------------------------------------------------------- writing */

size_t
oc_codec_bound(oc_codec codec, size_t size)
{
	const oc_codec_ops *ops = ops_of(codec);

	return ops && ops->bound ? ops->bound(size) : size;
}

oc_status
oc_codec_compress(oc_codec codec, int level, const void *source, size_t source_size, void *target,
				  size_t target_size, size_t *written, uint32_t *adler32, oc_error *error)
{
	const oc_codec_ops *ops = ops_of(codec);
	uint32_t ignored;

	if (codec == OC_CODEC_NONE && source_size <= target_size)
	{
		if (source_size > 0)
			memcpy(target, source, source_size);
		*written = source_size;
		return OC_OK;
	}
	if (!ops || !ops->compress)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "compression \"%s\" cannot be written",
					 oc_codec_name(codec));
		return OC_FAILED;
	}
	if (!oc_codec_level_check(codec, level, error))
		return OC_FAILED;
	if (level == OC_LEVEL_DEFAULT)
		level = ops->level_default;
	/* Some libraries do not take NULL, even for no bytes */
	return ops->compress(level, source ? source : "", source_size, target, target_size, written,
						 adler32 ? adler32 : &ignored, error);
}

void
oc_codec_trailer_init(oc_codec_trailer *trailer)
{
	*trailer = (oc_codec_trailer){.adler32 = 1};
}

void
oc_codec_trailer_add(oc_codec_trailer *trailer, oc_codec codec, uint32_t adler32,
					 size_t source_size)
{
	if (codec == OC_CODEC_DEFLATE)
		trailer->adler32 = oc_codec_zlib_combine(trailer->adler32, adler32, source_size);
	trailer->any = true;
}

size_t
oc_codec_prologue(oc_codec codec, int level, void *target)
{
	if (codec != OC_CODEC_DEFLATE)
		return 0;
	return oc_codec_zlib_prologue(
		level == OC_LEVEL_DEFAULT ? oc_codec_deflate.level_default : level, target);
}

size_t
oc_codec_epilogue(oc_codec codec, const oc_codec_trailer *trailer, void *target)
{
	const oc_codec_ops *ops = ops_of(codec);

	if (codec == OC_CODEC_DEFLATE)
		return oc_codec_zlib_epilogue(trailer->adler32, target);
	if (!ops || !ops->empty || trailer->any)
		return 0;
	memcpy(target, ops->empty, ops->empty_size);
	return ops->empty_size;
}

/* ---------------------------------------------------------------- reading */

oc_decoder *
oc_decoder_open(oc_codec codec, oc_error *error)
{
	oc_decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
	{
		oc_codec_no_memory(oc_codec_name(codec), error);
		return NULL;
	}
	decoder->codec = OC_CODEC_AUTO;
	if (codec != OC_CODEC_AUTO && !decide(decoder, codec, error))
	{
		free(decoder);
		return NULL;
	}
	return decoder;
}

void
oc_decoder_close(oc_decoder *decoder)
{
	if (!decoder)
		return;
	if (decoder->state)
		decoder->ops->close(decoder->state);
	free(decoder);
}

static bool
decide(oc_decoder *decoder, oc_codec codec, oc_error *error)
{
	const oc_codec_ops *ops = ops_of(codec);

	if (ops)
	{
		decoder->state = ops->open(error);
		if (!decoder->state)
			return false;
	}
	decoder->codec = codec;
	decoder->ops = ops;
	return true;
}

oc_status
oc_decoder_read(oc_decoder *decoder, const unsigned char **source, size_t *source_size, bool last,
				void *target, size_t target_size, size_t *written, oc_error *error)
{
	unsigned char nothing[1];
	oc_codec_io io = {.out = target ? target : nothing, .out_size = target ? target_size : 0};
	oc_status status = OC_OK;

	*written = 0;
	if (decoder->failed)
	{
		oc_error_set(error, OC_ERR_CODEC, "%s data could not be decoded before",
					 oc_codec_name(decoder->codec));
		return OC_FAILED;
	}
	if (decoder->codec == OC_CODEC_AUTO)
		status = hold(decoder, source, source_size, last, error);
	if (status == OC_OK && decoder->codec != OC_CODEC_AUTO &&
		decoder->held_given < decoder->held_size)
	{
		io.in = decoder->held + decoder->held_given;
		io.in_size = decoder->held_size - decoder->held_given;
		io.last = last && *source_size == 0;
		status = run(decoder, &io, error);
		decoder->held_given = decoder->held_size - io.in_size;
	}
	if (status == OC_OK && decoder->codec != OC_CODEC_AUTO &&
		decoder->held_given == decoder->held_size)
	{
		io.in = *source ? *source : nothing;
		io.in_size = *source ? *source_size : 0;
		io.last = last;
		status = run(decoder, &io, error);
		if (*source)
			*source = io.in;
		*source_size = io.in_size;
	}
	decoder->failed = status == OC_FAILED;
	*written = target ? target_size - io.out_size : 0;
	return status;
}

/* Takes bytes until there are enough to know the codec. */
static oc_status
hold(oc_decoder *decoder, const unsigned char **source, size_t *source_size, bool last,
	 oc_error *error)
{
	size_t size = HELD_MAX - decoder->held_size;

	if (size > *source_size)
		size = *source_size;
	if (size > 0)
	{
		memcpy(decoder->held + decoder->held_size, *source, size);
		decoder->held_size += size;
		*source += size;
		*source_size -= size;
	}
	if (decoder->held_size < HELD_MAX && !last)
		return OC_OK;
	return decide(decoder, oc_codec_detect(decoder->held, decoder->held_size), error) ? OC_OK
																					  : OC_FAILED;
}

/* Goes on until input or room is used up. */
static oc_status
run(oc_decoder *decoder, oc_codec_io *io, oc_error *error)
{
	if (!decoder->ops)
		return pass_through(io);
	for (;;)
	{
		size_t in_size = io->in_size;
		size_t out_size = io->out_size;
		oc_status status;

		if (decoder->padding)
			return run_padding(decoder, io, error);
		if (!decoder->inside && in_size == 0)
			return io->last ? input_ended(decoder, error) : OC_OK;
		status = run_member(decoder, io, error);
		if (status == OC_FAILED)
			return OC_FAILED;
		if (status == OC_END)
			continue;
		if (io->out_size == 0)
			return OC_OK;
		if (io->in_size == in_size && io->out_size == out_size)
			return io->last ? input_ended(decoder, error) : OC_OK;
	}
}

static oc_status
pass_through(oc_codec_io *io)
{
	size_t size = io->in_size < io->out_size ? io->in_size : io->out_size;

	memcpy(io->out, io->in, size);
	io->in += size;
	io->in_size -= size;
	io->out += size;
	io->out_size -= size;
	return io->last && io->in_size == 0 ? OC_END : OC_OK;
}

/* One call of the codec.  OC_END: a member ended. */
static oc_status
run_member(oc_decoder *decoder, oc_codec_io *io, oc_error *error)
{
	const unsigned char *begin = io->in;
	oc_status status;

	if (!decoder->inside && decoder->codec == OC_CODEC_GZIP && decoder->members > 0 &&
		io->in[0] == 0)
	{
		decoder->padding = true;
		return OC_END;
	}
	if (!check_start(decoder, io, error))
		return OC_FAILED;
	status = decoder->ops->decode(decoder->state, io, error);
	decoder->inside = status != OC_END;
	if (status == OC_END)
	{
		decoder->members++;
		decoder->start_size = 0;
	}
	else
		remember_start(decoder, begin, io->in - begin);
	return status;
}

/* A member that does not begin as one is no member: says so before the codec finds less helpful words. */
static bool
check_start(oc_decoder *decoder, const oc_codec_io *io, oc_error *error)
{
	unsigned char start[MAGIC_MAX];
	size_t size = MAGIC_MAX - decoder->start_size;

	if (size == 0 || (decoder->codec == OC_CODEC_SNAPPY && decoder->members > 0))
		return true;
	memcpy(start, decoder->start, decoder->start_size);
	if (size > io->in_size)
		size = io->in_size;
	memcpy(start + decoder->start_size, io->in, size);
	if (may_begin(decoder->codec, start, decoder->start_size + size))
		return true;
	if (decoder->members > 0)
		oc_error_set(error, OC_ERR_CODEC, "garbage after the end of the %s data",
					 decoder->ops->name);
	else
		oc_error_set(error, OC_ERR_CODEC, "not %s data", decoder->ops->name);
	return false;
}

static void
remember_start(oc_decoder *decoder, const unsigned char *data, size_t size)
{
	if (size > MAGIC_MAX - decoder->start_size)
		size = MAGIC_MAX - decoder->start_size;
	memcpy(decoder->start + decoder->start_size, data, size);
	decoder->start_size += size;
}

static oc_status
run_padding(oc_decoder *decoder, oc_codec_io *io, oc_error *error)
{
	for (; io->in_size > 0; io->in++, io->in_size--)
	{
		if (*io->in != 0)
		{
			oc_error_set(error, OC_ERR_CODEC, "garbage after the end of the %s data",
						 decoder->ops->name);
			return OC_FAILED;
		}
	}
	return io->last ? OC_END : OC_OK;
}

static oc_status
input_ended(oc_decoder *decoder, oc_error *error)
{
	if (!decoder->inside && decoder->members > 0)
		return OC_END;
	oc_error_set(error, OC_ERR_CODEC, "%s data are truncated", decoder->ops->name);
	return OC_FAILED;
}
