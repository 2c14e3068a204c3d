/*
 * fuzz_archive.c
 *	  Archive members out of arbitrary bytes in arbitrary pieces.
 *
 * Input: format (and whether a tar is compressed), piece size, data.  What must hold, beside memory safety: every walk
 * ends within the limits, a failure has a message, and a member never gives more bytes than asked for.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oc.h"

#define BYTES_MAX   (4u << 20)
#define MEMBERS_MAX 1000

typedef struct source
{
	const uint8_t *data;
	size_t size;
	size_t piece;
} source;

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static oc_status read_piece(void *arg, const void **data, size_t *size, oc_error *error);
static oc_status read_member(oc_archive *archive, uint64_t *total, oc_error *error);
static void must(bool condition);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	source from;
	oc_archive_options options = {
		.read = read_piece, .read_arg = &from, .max_members = MEMBERS_MAX, .max_bytes = BYTES_MAX};
	oc_archive *archive;
	oc_error error = {0};
	oc_member member;
	oc_status status;
	uint64_t total = 0;
	int members = 0;

	if (size < 2)
		return 0;
	from = (source){.data = data + 2, .size = size - 2, .piece = data[1] * 16 + 1};
	options.format = data[0] & 1 ? OC_ARCHIVE_ZIP : OC_ARCHIVE_TAR;
	options.codec = data[0] & 1 ? OC_CODEC_NONE : OC_CODEC_AUTO;
	archive = oc_archive_open(&options, &error);
	must(archive != NULL);
	while ((status = oc_archive_next(archive, &member, &error)) == OC_OK)
	{
		must(member.name != NULL && strlen(member.name) < SIZE_MAX && ++members <= MEMBERS_MAX);
		/* Every third member is passed over */
		if (members % 3 != 0 && (status = read_member(archive, &total, &error)) != OC_END)
			break;
	}
	must(status == OC_END ||
		 (status == OC_FAILED && error.class != OC_ERR_NONE && error.message[0] != '\0'));
	oc_archive_close(archive);
	return 0;
}

static oc_status
read_piece(void *arg, const void **data, size_t *size, oc_error *error)
{
	source *from = arg;

	(void) error;
	*size = from->size < from->piece ? from->size : from->piece;
	*data = from->data;
	from->data += *size;
	from->size -= *size;
	return OC_OK;
}

static oc_status
read_member(oc_archive *archive, uint64_t *total, oc_error *error)
{
	unsigned char target[5000];
	oc_status status;
	size_t written;

	while ((status = oc_archive_read(archive, target, sizeof(target), &written, error)) == OC_OK)
	{
		must(written > 0 && written <= sizeof(target));
		*total += written;
		must(*total <= BYTES_MAX);
	}
	must(written == 0);
	return status;
}

static void
must(bool condition)
{
	if (!condition)
		abort();
}
