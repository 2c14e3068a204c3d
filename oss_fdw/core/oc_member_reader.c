/*
 * oc_member_reader.c
 *	  Rows of the members of tar and zip objects.
 *
 *	next_unit --> a few ranged GETs in flight, taken in order --> oc_archive (pulls) --> members that match
 *	     --> at most one codec inside a member --> the splitter --> one batch at a time
 *
 * Unlike oc_reader everything runs in the owner's thread: libarchive pulls its input, and archives are read in one pass.  Only the
 * transfers overlap.  The stored bytes' CRC-64 is compared when the archive was read to its end.
 */
#include "oc_int.h"

#include <stdio.h>
#include <stdlib.h>

#define RANGES 4						/* GETs in flight */
#define RANGE_SIZE ((size_t) 1024 * 1024) /* bytes of each */
#define PIECE_SIZE ((size_t) 256 * 1024)  /* decoded bytes of a batch */

struct oc_member_reader
{
	oc_client *client;
	oc_member_reader_options options;
	const oc_waiter *waiter; /* of the oc_member_reader_next that runs */

	/* the object being read */
	bool open;
	oc_object object; /* strings are ours */
	oc_call *calls[RANGES];
	void *buffers[RANGES];
	int first;
	int count;
	bool held;		/* calls[first] is what the archive reads from */
	uint64_t next;	/* first byte not asked for yet */
	uint64_t taken; /* bytes given to the archive */
	uint64_t crc64;
	bool store_crc64_known;
	uint64_t store_crc64;
	oc_archive *archive;

	/* the member being read */
	bool in_member;
	bool member_over; /* its last bytes were decoded */
	bool member_done; /* its last batch was handed out: it ends with the next call */
	oc_object member; /* key: archive!member */
	oc_decoder *decoder;
	oc_splitter *splitter;
	unsigned char *packed; /* as in the archive */
	const unsigned char *packed_next;
	size_t packed_size;
	bool packed_over;
	char *piece; /* decoded, being split */
	size_t piece_size;
	size_t piece_used;
	bool piece_last;
	uint64_t decoded;
};

static oc_status begin_object(oc_member_reader *reader, oc_error *error);
static void end_object(oc_member_reader *reader);
static oc_status begin_member(oc_member_reader *reader, oc_error *error);
static void end_member(oc_member_reader *reader);
static oc_status next_piece(oc_member_reader *reader, oc_error *error);
static oc_status refill_packed(oc_member_reader *reader, oc_error *error);
static oc_status split_piece(oc_member_reader *reader, oc_batch *batch, oc_error *error);
static oc_status read_stored(void *arg, const void **data, size_t *size, oc_error *error);
static bool ask(oc_member_reader *reader);
static oc_status check_object(const oc_member_reader *reader, oc_error *error);
static void name_place(const oc_member_reader *reader, oc_error *error);

oc_member_reader *
oc_member_reader_open(oc_client *client, const oc_member_reader_options *options, oc_error *error)
{
	oc_member_reader *reader = calloc(1, sizeof *reader);
	bool good = reader != NULL;

	if (good)
	{
		reader->client = client;
		reader->options = *options;
		reader->packed = malloc(PIECE_SIZE);
		reader->piece = malloc(PIECE_SIZE + 64); /* splitters may look at the byte behind */
		good = reader->packed && reader->piece;
		for (int i = 0; good && i < RANGES; i++)
			good = (reader->buffers[i] = malloc(RANGE_SIZE)) != NULL;
	}
	if (!good)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory");
		oc_member_reader_close(reader);
		return NULL;
	}
	reader->splitter = oc_splitter_open(&options->split, options->row_facts, error);
	if (reader->splitter == NULL)
	{
		oc_member_reader_close(reader);
		return NULL;
	}
	return reader;
}

oc_status
oc_member_reader_next(oc_member_reader *reader, const oc_waiter *waiter, oc_batch *batch, oc_error *error)
{
	oc_status status = OC_OK;

	reader->waiter = waiter;
	memset(error, 0, sizeof *error);
	for (;;)
	{
		if (reader->in_member && reader->member_done)
			end_member(reader);
		if (!reader->open)
			status = begin_object(reader, error);
		else if (!reader->in_member)
		{
			status = begin_member(reader, error);
			if (status == OC_END)
			{
				status = check_object(reader, error);
				if (status == OC_OK)
					end_object(reader);
			}
		}
		else if (reader->piece_used < reader->piece_size || reader->piece_last)
		{
			status = split_piece(reader, batch, error);
			if (status == OC_OK && batch->row_count > 0)
				return OC_OK;
		}
		else
			status = next_piece(reader, error);
		if (status != OC_OK)
		{
			if (status == OC_FAILED)
				name_place(reader, error);
			return status;
		}
	}
}

void
oc_member_reader_close(oc_member_reader *reader)
{
	if (reader == NULL)
		return;
	end_object(reader);
	oc_splitter_close(reader->splitter);
	for (int i = 0; i < RANGES; i++)
		free(reader->buffers[i]);
	free(reader->packed);
	free(reader->piece);
	free(reader);
}

/* ---- objects */

static oc_status
begin_object(oc_member_reader *reader, oc_error *error)
{
	oc_unit unit;
	oc_archive_options archive = {0};
	oc_status status;

	memset(&unit, 0, sizeof unit);
	status = reader->options.next_unit(reader->options.next_unit_arg, &unit, error);
	if (status != OC_OK)
		return status;
	reader->object = unit.object;
	reader->object.key = strdup(unit.object.key);
	reader->object.etag = strdup(unit.object.etag ? unit.object.etag : "");
	reader->object.storage_class = "";
	reader->open = true;
	if (reader->object.key == NULL || reader->object.etag == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory");
		return OC_FAILED;
	}
	reader->next = reader->taken = reader->crc64 = 0;
	reader->store_crc64_known = false;
	archive.format = oc_archive_by_name(reader->object.key);
	archive.codec = archive.format == OC_ARCHIVE_ZIP ? OC_CODEC_NONE : OC_CODEC_AUTO;
	archive.read = read_stored;
	archive.read_arg = reader;
	archive.max_bytes = reader->options.max_decompressed;
	if (archive.format == OC_ARCHIVE_NONE)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "\"%.200s\" is not named like an archive that can be read: .tar, also compressed, or .zip",
					 reader->object.key);
		return OC_FAILED;
	}
	reader->archive = oc_archive_open(&archive, error);
	return reader->archive ? OC_OK : OC_FAILED;
}

/* At any time: what is in flight is cancelled. */
static void
end_object(oc_member_reader *reader)
{
	if (!reader->open)
		return;
	end_member(reader);
	oc_archive_close(reader->archive);
	reader->archive = NULL;
	for (; reader->count > 0; reader->count--)
	{
		oc_call_cancel(reader->calls[reader->first]);
		oc_call_free(reader->calls[reader->first]);
		reader->first = (reader->first + 1) % RANGES;
	}
	reader->held = false;
	free((char *) reader->object.key);
	free((char *) reader->object.etag);
	memset(&reader->object, 0, sizeof reader->object);
	reader->open = false;
}

/* The archive ended as it should: the bytes behind its end mark are read too, so that all are checked. */
static oc_status
check_object(const oc_member_reader *reader, oc_error *error)
{
	if (reader->taken == reader->object.size && reader->store_crc64_known && reader->store_crc64 != reader->crc64)
	{
		oc_error_set(error, OC_ERR_INTEGRITY, "the CRC-64 of the bytes read differs from the store's");
		return OC_FAILED;
	}
	return OC_OK;
}

static bool
ask(oc_member_reader *reader)
{
	int slot = (reader->first + reader->count) % RANGES;
	uint64_t left = reader->object.size - reader->next;
	oc_call *call;

	if (reader->count == RANGES || left == 0)
		return true;
	call = oc_call_new(reader->client, OC_GET);
	if (call == NULL)
		return false;
	call->bucket = reader->options.bucket;
	call->key = reader->object.key;
	call->if_match = reader->object.etag[0] ? reader->object.etag : NULL;
	call->range_start = reader->next;
	call->range_size = left < RANGE_SIZE ? left : RANGE_SIZE;
	call->sink = reader->buffers[slot];
	call->sink_size = RANGE_SIZE;
	call->stats = reader->options.stats;
	reader->calls[slot] = call;
	reader->count++;
	reader->next += call->range_size;
	oc_call_start(call);
	return true;
}

/* oc_archive_options.read: the next range, in order */
static oc_status
read_stored(void *arg, const void **data, size_t *size, oc_error *error)
{
	oc_member_reader *reader = arg;
	oc_call *call;
	oc_status status;

	*size = 0;
	if (reader->held)
	{
		oc_call_free(reader->calls[reader->first]);
		reader->first = (reader->first + 1) % RANGES;
		reader->count--;
		reader->held = false;
	}
	for (int i = reader->count; i < RANGES; i++)
		if (!ask(reader))
		{
			oc_error_set(error, OC_ERR_MEMORY, "out of memory");
			return OC_FAILED;
		}
	if (reader->count == 0)
		return OC_OK;
	call = reader->calls[reader->first];
	status = oc_call_wait(call, reader->waiter);
	if (status != OC_OK)
	{
		*error = call->error;
		return status;
	}
	if (call->size != reader->object.size)
	{
		oc_error_set(error, OC_ERR_CHANGED, "the object changed since it was listed");
		return OC_FAILED;
	}
	reader->held = true;
	reader->crc64 = oc_crc64(reader->crc64, call->sink, call->received);
	reader->taken += call->received;
	reader->store_crc64_known = call->store_crc64_known;
	reader->store_crc64 = call->store_crc64;
	*data = call->sink;
	*size = call->received;
	return OC_OK;
}

/* ---- members */

/* The next member that matches; OC_END after the last. */
static oc_status
begin_member(oc_member_reader *reader, oc_error *error)
{
	oc_member member;
	oc_status status;
	char *key;
	size_t size;

	do
	{
		status = oc_archive_next(reader->archive, &member, error);
		if (status != OC_OK)
			return status;
	} while (!reader->options.match(reader->options.match_arg, member.name));
	size = strlen(reader->object.key) + 1 + strlen(member.name) + 1;
	key = malloc(size);
	if (key == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory");
		return OC_FAILED;
	}
	snprintf(key, size, "%s!%s", reader->object.key, member.name);
	reader->member = reader->object;
	reader->member.key = key;
	reader->in_member = true;
	reader->member_over = reader->member_done = reader->packed_over = reader->piece_last = false;
	reader->packed_size = reader->piece_size = reader->piece_used = 0;
	reader->decoded = 0;
	reader->decoder = oc_decoder_open(OC_CODEC_AUTO, error);
	if (reader->decoder == NULL)
		return OC_FAILED;
	oc_splitter_begin(reader->splitter, true);
	return OC_OK;
}

static void
end_member(oc_member_reader *reader)
{
	if (!reader->in_member)
		return;
	oc_decoder_close(reader->decoder);
	reader->decoder = NULL;
	free((char *) reader->member.key);
	memset(&reader->member, 0, sizeof reader->member);
	reader->in_member = false;
}

static oc_status
refill_packed(oc_member_reader *reader, oc_error *error)
{
	size_t written = 0;
	oc_status status;

	if (reader->packed_over || reader->packed_size > 0)
		return OC_OK;
	status = oc_archive_read(reader->archive, reader->packed, PIECE_SIZE, &written, error);
	if (status == OC_END)
	{
		reader->packed_over = true;
		status = OC_OK;
	}
	reader->packed_next = reader->packed;
	reader->packed_size = written;
	return status;
}

/* Decodes the next piece of the member. */
static oc_status
next_piece(oc_member_reader *reader, oc_error *error)
{
	size_t written = 0;
	oc_status status = OC_OK;

	reader->piece_used = reader->piece_size = 0;
	while (reader->piece_size < PIECE_SIZE && !reader->member_over && status == OC_OK)
	{
		status = refill_packed(reader, error);
		if (status != OC_OK)
			break;
		status = oc_decoder_read(reader->decoder, &reader->packed_next, &reader->packed_size, reader->packed_over,
								 reader->piece + reader->piece_size, PIECE_SIZE - reader->piece_size, &written, error);
		reader->piece_size += status == OC_FAILED ? 0 : written;
		if (status == OC_END)
		{
			reader->member_over = true;
			status = OC_OK;
		}
	}
	reader->decoded += reader->piece_size;
	if (status == OC_OK && reader->options.max_decompressed > 0 && reader->decoded > reader->options.max_decompressed)
	{
		oc_error_set(error, OC_ERR_LIMIT, "the member has more than %llu bytes",
					 (unsigned long long) reader->options.max_decompressed);
		return OC_FAILED;
	}
	reader->piece_last = reader->member_over;
	reader->piece[reader->piece_size] = '\0';
	return status;
}

static oc_status
split_piece(oc_member_reader *reader, oc_batch *batch, oc_error *error)
{
	size_t consumed = 0;
	oc_status status = oc_splitter_next(reader->splitter, reader->piece + reader->piece_used,
										reader->piece_size - reader->piece_used, reader->piece_last, SIZE_MAX, &consumed, batch,
										error);
	bool over = reader->piece_last && reader->piece_used + consumed >= reader->piece_size;

	reader->piece_used += consumed;
	if (status == OC_FAILED)
		return OC_FAILED;
	batch->object = &reader->member;
	if (status == OC_END || over)
	{
		/* the batch's object must outlive this call: the member is closed by the next one */
		reader->piece_last = false;
		reader->piece_used = reader->piece_size = 0;
		reader->member_done = true;
	}
	return OC_OK;
}

static void
name_place(const oc_member_reader *reader, oc_error *error)
{
	const char *key = reader->in_member ? reader->member.key : reader->open ? reader->object.key : "";

	if (error->object[0] == '\0' && key[0] != '\0')
		snprintf(error->object, sizeof error->object, "%.100s/%.900s", reader->options.bucket, key);
}
