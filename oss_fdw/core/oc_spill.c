/*
 * oc_spill.c
 *	  A temporary file that holds one part which is too large for memory: create, append, read, free.
 *
 * The file has no name from the start, or loses it at once, so that nothing is left of it whatever happens; where it must have
 * one for a moment, that begins with pgsql_tmp, and the server removes such files when it starts after a crash.  It is read with
 * pread and never mapped: a failing disk is an error value, not a signal.  What comes back is compared with the CRC-64 of what was
 * appended, for a file system may lose what it has accepted.
 *
 * The owner's thread creates, appends and frees; while nothing is appended any thread may read.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_TMPFILE, mkostemp, and the strerror_r that returns a string */
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "oc_int.h"

#define NAME_TEMPLATE "pgsql_tmp_oss_XXXXXX"
#define READ_SIZE     ((size_t) 1 << 20)   /* of a digest's steps; whole blocks of MD5 */
#define WRITE_MAX     ((size_t) 256 << 20) /* of one write: Linux takes no more than 2 GB */

struct oc_spill
{
	int fd;
	uint64_t size;
	uint64_t crc64; /* of what was appended */
	char directory[];
};

static int make_file(const char *directory);

oc_spill *
oc_spill_open(const char *directory, oc_error *error)
{
	size_t length = strlen(directory);
	oc_spill *spill = calloc(1, sizeof(*spill) + length + 1);

	if (!spill)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a temporary file");
		return NULL;
	}
	memcpy(spill->directory, directory, length + 1);
	spill->fd = make_file(directory);
	if (spill->fd < 0)
	{
		oc_spill_fail(spill, "create", errno, error);
		free(spill);
		return NULL;
	}
	return spill;
}

/* Not every file system has files without a name.  -1: see errno. */
static int
make_file(const char *directory)
{
	size_t size = strlen(directory) + sizeof("/" NAME_TEMPLATE);
	char *name;
	int fd, saved;

#ifdef O_TMPFILE
	fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (fd >= 0)
		return fd;
#endif
	name = malloc(size);
	if (!name)
		return -1;
	snprintf(name, size, "%s/" NAME_TEMPLATE, directory);
	fd = mkostemp(name, O_CLOEXEC);
	saved = errno;
	if (fd >= 0)
		unlink(name);
	free(name);
	errno = saved;
	return fd;
}

bool
oc_spill_append(oc_spill *spill, const void *data, size_t size, oc_error *error)
{
	const char *from = data;
	size_t left = size;

	while (left > 0)
	{
		ssize_t written = pwrite(spill->fd, from, left < WRITE_MAX ? left : WRITE_MAX,
								 (off_t) (spill->size + (size - left)));

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
		{
			/* a file system that takes nothing and gives no reason is full */
			oc_spill_fail(spill, "write", written < 0 ? errno : ENOSPC, error);
			return false;
		}
		from += written;
		left -= (size_t) written;
	}
	spill->crc64 = oc_crc64(spill->crc64, data, size);
	spill->size += size;
	return true;
}

uint64_t
oc_spill_size(const oc_spill *spill)
{
	return spill->size;
}

/* Any thread.  Exactly size bytes: 0, or an errno. */
int
oc_spill_read(const oc_spill *spill, uint64_t offset, void *data, size_t size)
{
	char *to = data;

	while (size > 0)
	{
		ssize_t got = pread(spill->fd, to, size, (off_t) offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (got == 0)
			return EIO; /* somebody has cut it off */
		to += got;
		offset += (uint64_t) got;
		size -= (size_t) got;
	}
	return 0;
}

/*
 * Any thread: CRC-64 and MD5 of the whole file, as it is on the disk.  0 or an errno: ECANCELED when *stop became true, EBADMSG when the
 * file is not what was appended.
 */
int
oc_spill_digest(const oc_spill *spill, const _Atomic bool *stop, uint64_t *crc64,
				unsigned char md5[16])
{
	oc_md5_stream *stream = oc_md5_open();
	char *block = malloc(READ_SIZE);
	int failure = stream && block ? 0 : ENOMEM;
	uint64_t crc = 0;

	for (uint64_t at = 0; at < spill->size && failure == 0; at += READ_SIZE)
	{
		size_t size = spill->size - at < READ_SIZE ? (size_t) (spill->size - at) : READ_SIZE;

		failure = stop && atomic_load_explicit(stop, memory_order_relaxed)
					  ? ECANCELED
					  : oc_spill_read(spill, at, block, size);
		if (failure != 0)
			break;
		crc = oc_crc64(crc, block, size);
		oc_md5_add(stream, block, size);
	}
	if (failure == 0 && crc != spill->crc64)
		failure = EBADMSG;
	oc_md5_close(stream, md5);
	free(block);
	*crc64 = crc;
	return failure;
}

/* what: "create", "write" or "read" */
void
oc_spill_fail(const oc_spill *spill, const char *what, int code, oc_error *error)
{
	char text[128];

	switch (code)
	{
		case ENOSPC:
		case EDQUOT:
		case EFBIG:
			oc_error_set(error, OC_ERR_DISK_FULL,
						 "could not %s a temporary file for a part in \"%.300s\": %s", what,
						 spill->directory, strerror_r(code, text, sizeof(text)));
			break;
		case EBADMSG:
			oc_error_set(
				error, OC_ERR_FILE,
				"a temporary file in \"%.300s\" does not have the bytes that were written to it",
				spill->directory);
			break;
		case ECANCELED:
			oc_error_set(error, OC_ERR_CANCELLED, "reading a temporary file was cancelled");
			break;
		case ENOMEM:
			oc_error_set(error, OC_ERR_MEMORY, "out of memory for a temporary file");
			break;
		default:
			oc_error_set(error, OC_ERR_FILE,
						 "could not %s a temporary file for a part in \"%.300s\": %s", what,
						 spill->directory, strerror_r(code, text, sizeof(text)));
			break;
	}
}

void
oc_spill_close(oc_spill *spill)
{
	if (!spill)
		return;
	close(spill->fd);
	free(spill);
}
