/*
 * oc_codec_snappy.c
 *	  snappy framing format, reading only: chunks with masked CRC-32C, unpacked by libsnappy.
 *
 * A stream is an identifier chunk, then chunks of at most 64 kB of data each: type, length (3 bytes, low first),
 * body.  The body of a data chunk begins with its checksum.  Chunks that the format calls skippable are passed over,
 * others are refused.  The format has no end mark, so an object cut between two chunks cannot be told from a whole one;
 * the store's length and checksum guard against that.
 *
 * collect header -> collect or skip body -> check and unpack -> hand out
 */
#include <isa-l/crc.h>
#include <snappy-c.h>
#include <stdlib.h>

#include "oc_codec_int.h"

#define CHUNK_HEADER 4
#define CHUNK_DATA   65536 /* unpacked bytes of a chunk */
#define CHUNK_BODY \
	(4 + CHUNK_DATA + CHUNK_DATA / 6 + 32) /* checksum and what libsnappy may make of the data */

enum
{
	TYPE_COMPRESSED = 0x00,
	TYPE_PLAIN = 0x01,
	TYPE_SKIPPABLE = 0x80, /* and all above */
	TYPE_IDENTIFIER = 0xff,
};

typedef struct snappy_state
{
	bool identified;    /* the identifier was seen */
	size_t header_size; /* bytes in header */
	size_t body_wanted; /* bytes of the body in all */
	size_t body_size;   /* bytes of the body seen */
	size_t data_size;   /* unpacked bytes */
	size_t data_given;  /* of these, handed out */
	unsigned char header[CHUNK_HEADER];
	unsigned char body[CHUNK_BODY];
	unsigned char data[CHUNK_DATA];
} snappy_state;

static void *snappy_open(oc_error *error);
static oc_status snappy_decode(void *state, oc_codec_io *io, oc_error *error);
static size_t take(oc_codec_io *io, unsigned char *target, size_t have, size_t want);
static oc_status check_header(snappy_state *state, oc_error *error);
static oc_status finish_chunk(snappy_state *state, oc_error *error);
static oc_status unpack(snappy_state *state, oc_error *error);
static void give(snappy_state *state, oc_codec_io *io);
static oc_status corrupt(oc_error *error, const char *what);

static const unsigned char identifier[] = {'s', 'N', 'a', 'P', 'p', 'Y'};

const oc_codec_ops oc_codec_snappy = {
	.name = "snappy",
	.suffix = ".sz",
	.level_min = 0,
	.level_max = -1,
	.open = snappy_open,
	.decode = snappy_decode,
	.close = free,
};

static void *
snappy_open(oc_error *error)
{
	snappy_state *state = malloc(sizeof(*state));

	if (!state)
	{
		oc_codec_no_memory("snappy", error);
		return NULL;
	}
	memset(state, 0, offsetof(snappy_state, header));
	return state;
}

/* Every chunk is a member to oc_codec.c: an object may end behind each. */
static oc_status
snappy_decode(void *arg, oc_codec_io *io, oc_error *error)
{
	snappy_state *state = arg;

	if (state->data_given == state->data_size)
	{
		if (state->header_size < CHUNK_HEADER)
		{
			state->header_size = take(io, state->header, state->header_size, CHUNK_HEADER);
			if (state->header_size < CHUNK_HEADER)
				return OC_OK;
			if (check_header(state, error) != OC_OK)
				return OC_FAILED;
		}
		/* Bodies of skippable chunks may have 16 MB and are not kept */
		state->body_size = take(
			io,
			state->header[0] >= TYPE_SKIPPABLE && state->header[0] != TYPE_IDENTIFIER ? NULL
																					  : state->body,
			state->body_size, state->body_wanted);
		if (state->body_size < state->body_wanted)
			return OC_OK;
		if (finish_chunk(state, error) != OC_OK)
			return OC_FAILED;
	}
	give(state, io);
	if (state->data_given < state->data_size)
		return OC_OK;
	state->header_size = 0;
	return OC_END;
}

/* Moves input to target (NULL: nowhere) until it has want bytes; returns how many it has. */
static size_t
take(oc_codec_io *io, unsigned char *target, size_t have, size_t want)
{
	size_t size = io->in_size < want - have ? io->in_size : want - have;

	if (target)
		memcpy(target + have, io->in, size);
	io->in += size;
	io->in_size -= size;
	return have + size;
}

static oc_status
check_header(snappy_state *state, oc_error *error)
{
	int type = state->header[0];

	state->body_size = 0;
	state->body_wanted = state->header[1] | state->header[2] << 8 | state->header[3] << 16;
	if (type == TYPE_IDENTIFIER)
		return state->body_wanted == sizeof(identifier)
				   ? OC_OK
				   : corrupt(error, "invalid stream identifier");
	if (!state->identified)
		return corrupt(error, "no stream identifier");
	if (type >= TYPE_SKIPPABLE)
		return OC_OK;
	if (type != TYPE_COMPRESSED && type != TYPE_PLAIN)
		return corrupt(error, "unknown chunk type");
	if (state->body_wanted < 4 || state->body_wanted > CHUNK_BODY)
		return corrupt(error, "invalid chunk length");
	return OC_OK;
}

/* The whole body is there. */
static oc_status
finish_chunk(snappy_state *state, oc_error *error)
{
	state->data_size = state->data_given = 0;
	if (state->header[0] == TYPE_IDENTIFIER)
	{
		if (memcmp(state->body, identifier, sizeof(identifier)) != 0)
			return corrupt(error, "invalid stream identifier");
		state->identified = true;
		return OC_OK;
	}
	return state->header[0] >= TYPE_SKIPPABLE ? OC_OK : unpack(state, error);
}

static oc_status
unpack(snappy_state *state, oc_error *error)
{
	const char *packed = (const char *) state->body + 4;
	size_t packed_size = state->body_wanted - 4;
	size_t size = packed_size;
	uint32_t wanted = state->body[0] | state->body[1] << 8 | state->body[2] << 16 |
					  (uint32_t) state->body[3] << 24;
	uint32_t crc;

	if (state->header[0] == TYPE_COMPRESSED &&
		snappy_uncompressed_length(packed, packed_size, &size) != SNAPPY_OK)
		return corrupt(error, "invalid chunk");
	if (size > CHUNK_DATA)
		return corrupt(error, "invalid chunk length");
	if (state->header[0] == TYPE_PLAIN)
		memcpy(state->data, packed, size);
	else if (snappy_uncompress(packed, packed_size, (char *) state->data, &size) != SNAPPY_OK)
		return corrupt(error, "invalid chunk");
	crc = ~crc32_iscsi(state->data, (int) size, UINT32_MAX);
	/* The format's mask, so that data which hold checksums do not check themselves */
	if (((crc >> 15 | crc << 17) + 0xa282ead8u) != wanted)
		return corrupt(error, "checksum differs");
	state->data_size = size;
	return OC_OK;
}

static void
give(snappy_state *state, oc_codec_io *io)
{
	size_t size = state->data_size - state->data_given;

	if (size > io->out_size)
		size = io->out_size;
	memcpy(io->out, state->data + state->data_given, size);
	state->data_given += size;
	io->out += size;
	io->out_size -= size;
}

static oc_status
corrupt(oc_error *error, const char *what)
{
	oc_error_set(error, OC_ERR_CODEC, "snappy data are corrupt: %s", what);
	return OC_FAILED;
}
