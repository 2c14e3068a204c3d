/*
 * oc_codec_archive.c
 *	  Members of tar and zip archives, read as the archive arrives; the only user of libarchive.
 *
 * stored bytes (the caller's read) -> our decoder -> libarchive, exactly one format and no filter -> member after member
 *
 * libarchive's own filters stay off: they do not check gzip's checksums, take garbage in silence and may stack or even
 * run programs.  What libarchive does not check of the archive itself is checked here once it says that all members were
 * read: that the input was read to its end, that a tar has its end mark, and that a zip has its end record, which
 * counts as many members as were seen.  A cut archive is thus never taken for a whole one.
 *
 * A zip is read from its front by its local headers, so no seeking is needed; what was deleted from it by rewriting the
 * central directory alone makes the count differ and is an error.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>

#include "oc_int.h"

#define BUFFER_SIZE         262144
#define DEFAULT_MAX_MEMBERS 100000
#define TAR_BLOCK           512
#define ZIP_END_SIZE        22                          /* the end record without its comment */
#define TAIL_SIZE           (ZIP_END_SIZE + UINT16_MAX) /* the end record begins in here */

struct oc_archive
{
	oc_archive_options options;
	struct archive *reader; /* libarchive's */
	oc_decoder *decoder;
	bool opened;             /* reader was given feed */
	bool inside;             /* there is a current member */
	oc_status status;        /* not OC_OK: final, OC_END or a failure */
	const unsigned char *in; /* what the caller's read gave and the decoder has not taken */
	size_t in_size;
	bool in_last;     /* no more will come */
	bool fed_all;     /* the decoder has come to its end */
	uint64_t members; /* headers seen, of any kind */
	uint64_t fed;     /* bytes passed to libarchive */
	uint64_t given;   /* bytes of members passed to the caller */
	uint64_t zeros;   /* zero bytes that what was fed ends with */
	oc_error problem; /* why feed failed, or the final failure */
	size_t tail_size;
	unsigned char tail[TAIL_SIZE]; /* zip: the last bytes that were fed */
	unsigned char buffer[BUFFER_SIZE];
};

static bool ends_with(const char *name, const char *suffix);
static bool prepare(oc_archive *archive, oc_error *error);
static la_ssize_t feed(struct archive *reader, void *arg, const void **data);
static oc_status fill(oc_archive *archive, size_t *size);
static bool account(oc_archive *archive, const unsigned char *data, size_t size);
static void keep_tail(oc_archive *archive, const unsigned char *data, size_t size);
static size_t zeros_at_end(const unsigned char *data, size_t size);
static oc_status next_header(oc_archive *archive, struct archive_entry **entry);
static oc_status describe(oc_archive *archive, struct archive_entry *entry, oc_member *member);
static oc_status finish(oc_archive *archive);
static oc_status check_zip_end(oc_archive *archive);
static oc_status fail(oc_archive *archive, oc_error_class class, const char *message);
static oc_status reader_failed(oc_archive *archive);
static const char *format_name(const oc_archive *archive);

oc_archive_format
oc_archive_by_name(const char *name)
{
	static const char *const tars[] = {".tar",  ".tar.gz",  ".tgz",     ".tar.zst",
									   ".tzst", ".tar.lz4", ".tar.bz2", ".tbz2",
									   ".tbz",  ".tar.xz",  ".txz",     ".tar.deflate"};

	for (size_t i = 0; i < sizeof(tars) / sizeof(tars[0]); i++)
	{
		if (ends_with(name, tars[i]))
			return OC_ARCHIVE_TAR;
	}
	return ends_with(name, ".zip") ? OC_ARCHIVE_ZIP : OC_ARCHIVE_NONE;
}

const char *
oc_archive_by_content(const void *data, size_t size)
{
	static const struct
	{
		const char *name;
		size_t size;
		const char *magic;
	} magics[] = {{"zip", 4, "PK\3\4"}, {"zip", 4, "PK\5\6"}, {"7z", 6, "7z\xbc\xaf\x27\x1c"}, {"rar", 6, "Rar!\x1a\x07"}};

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
	{
		if (size >= magics[i].size && memcmp(data, magics[i].magic, magics[i].size) == 0)
			return magics[i].name;
	}
	/* the name in front is filled with zeros, which no text has */
	if (size >= TAR_BLOCK && memcmp((const char *) data + 257, "ustar", 5) == 0 && memchr(data, 0, 257))
		return "tar";
	return NULL;
}

/* suffix is in lower case; a name that is nothing but the suffix does not count. */
static bool
ends_with(const char *name, const char *suffix)
{
	size_t name_size = strlen(name);
	size_t size = strlen(suffix);

	if (name_size <= size)
		return false;
	name += name_size - size;
	for (size_t i = 0; i < size; i++)
	{
		char lower = name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i];

		if (lower != suffix[i])
			return false;
	}
	return true;
}

oc_archive *
oc_archive_open(const oc_archive_options *options, oc_error *error)
{
	oc_archive *archive;

	if (options->format != OC_ARCHIVE_TAR && options->format != OC_ARCHIVE_ZIP)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "only tar and zip archives can be read");
		return NULL;
	}
	archive = malloc(sizeof(*archive));
	if (!archive)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory while opening an archive");
		return NULL;
	}
	memset(archive, 0, offsetof(oc_archive, tail));
	archive->options = *options;
	if (options->max_members == 0)
		archive->options.max_members = DEFAULT_MAX_MEMBERS;
	if (!prepare(archive, error))
	{
		oc_archive_close(archive);
		return NULL;
	}
	return archive;
}

/* Nothing is read yet: that begins with the first oc_archive_next. */
static bool
prepare(oc_archive *archive, oc_error *error)
{
	struct archive *reader = archive_read_new();
	int result;

	archive->reader = reader;
	archive->decoder = oc_decoder_open(archive->options.codec, error);
	if (!archive->decoder)
		return false;
	if (!reader)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory while opening an archive");
		return false;
	}
	if (archive->options.format == OC_ARCHIVE_ZIP)
		result = archive_read_support_format_zip_streamable(reader);
	else
	{
		result = archive_read_support_format_tar(reader);
		/* What "cat a.tar b.tar" made is read to its end, and garbage behind an end mark is noticed */
		if (result == ARCHIVE_OK)
			result =
				archive_read_set_format_option(reader, "tar", "read_concatenated_archives", "1");
	}
	if (result == ARCHIVE_OK)
		return true;
	oc_error_set(error, OC_ERR_MEMORY, "libarchive cannot read %s archives: %s",
				 format_name(archive),
				 archive_error_string(reader) ? archive_error_string(reader) : "unknown reason");
	return false;
}

void
oc_archive_close(oc_archive *archive)
{
	if (!archive)
		return;
	if (archive->reader)
		archive_read_free(archive->reader);
	oc_decoder_close(archive->decoder);
	free(archive);
}

oc_status
oc_archive_next(oc_archive *archive, oc_member *member, oc_error *error)
{
	struct archive_entry *entry = NULL;

	archive->inside = false;
	while (archive->status == OC_OK && !archive->inside)
	{
		archive->status = next_header(archive, &entry);
		/* A link of either kind has no data of its own */
		if (archive->status == OC_OK && archive_entry_filetype(entry) == AE_IFREG &&
			!archive_entry_hardlink(entry))
			archive->inside = true;
	}
	if (archive->inside)
		archive->status = describe(archive, entry, member);
	if (archive->status == OC_FAILED || archive->status == OC_CANCELLED)
		*error = archive->problem;
	return archive->status;
}

oc_status
oc_archive_read(oc_archive *archive, void *target, size_t target_size, size_t *written,
				oc_error *error)
{
	la_ssize_t result = 0;

	*written = 0;
	if (archive->status == OC_OK && !archive->inside)
		return OC_END;
	if (archive->status == OC_OK && target_size > 0)
	{
		result = archive_read_data(archive->reader, target, target_size);
		/* Warnings too: of data, libarchive warns where a size or checksum differs */
		if (result < 0)
			archive->status = reader_failed(archive);
		else
			archive->given += (uint64_t) result;
	}
	if (archive->status == OC_OK && archive->options.max_bytes > 0 &&
		archive->given > archive->options.max_bytes)
		archive->status =
			fail(archive, OC_ERR_LIMIT, "it has more decompressed bytes than allowed");
	if (archive->status != OC_OK)
	{
		*error = archive->problem;
		return archive->status;
	}
	*written = (size_t) result;
	if (result > 0 || target_size == 0)
		return OC_OK;
	archive->inside = false;
	return OC_END;
}

/* ---------------------------------------------------------------- bytes in */

/* libarchive's read callback: the next decoded bytes, 0 at the end. */
static la_ssize_t
feed(struct archive *reader, void *arg, const void **data)
{
	oc_archive *archive = arg;
	size_t size;

	if (fill(archive, &size) != OC_OK)
	{
		archive_set_error(reader, EIO, "%s", "the input could not be read");
		return ARCHIVE_FATAL;
	}
	*data = archive->buffer;
	return (la_ssize_t) size;
}

/* Fills the buffer; *size 0 means that the end was reached.  A failure is in archive->problem. */
static oc_status
fill(oc_archive *archive, size_t *size)
{
	*size = 0;
	while (*size == 0 && !archive->fed_all)
	{
		oc_status status = OC_OK;

		if (archive->in_size == 0 && !archive->in_last)
		{
			const void *data = NULL;

			status = archive->options.read(archive->options.read_arg, &data, &archive->in_size,
										   &archive->problem);
			archive->in = data;
			archive->in_last = archive->in_size == 0;
		}
		if (status == OC_OK)
			status =
				oc_decoder_read(archive->decoder, &archive->in, &archive->in_size, archive->in_last,
								archive->buffer, BUFFER_SIZE, size, &archive->problem);
		archive->fed_all = status == OC_END;
		if (status != OC_OK && status != OC_END)
		{
			archive->status = status;
			return status;
		}
	}
	return account(archive, archive->buffer, *size) ? OC_OK : OC_FAILED;
}

/* Keeps what the checks at the end need.  false: over the limit. */
static bool
account(oc_archive *archive, const unsigned char *data, size_t size)
{
	size_t zeros;

	archive->fed += size;
	if (archive->options.max_bytes > 0 && archive->fed > archive->options.max_bytes)
	{
		archive->status =
			fail(archive, OC_ERR_LIMIT, "it has more decompressed bytes than allowed");
		return false;
	}
	if (archive->options.format == OC_ARCHIVE_ZIP)
		keep_tail(archive, data, size);
	else
	{
		zeros = zeros_at_end(data, size);
		archive->zeros = zeros == size ? archive->zeros + zeros : zeros;
	}
	return true;
}

static size_t
zeros_at_end(const unsigned char *data, size_t size)
{
	size_t zeros = 0;

	while (zeros < size && data[size - 1 - zeros] == 0)
		zeros++;
	return zeros;
}

static void
keep_tail(oc_archive *archive, const unsigned char *data, size_t size)
{
	size_t keep;

	if (size > TAIL_SIZE)
	{
		data += size - TAIL_SIZE;
		size = TAIL_SIZE;
	}
	keep = TAIL_SIZE - size < archive->tail_size ? TAIL_SIZE - size : archive->tail_size;
	memmove(archive->tail, archive->tail + archive->tail_size - keep, keep);
	memcpy(archive->tail + keep, data, size);
	archive->tail_size = keep + size;
}

/* ---------------------------------------------------------------- members out */

static oc_status
next_header(oc_archive *archive, struct archive_entry **entry)
{
	int result;

	if (!archive->opened)
	{
		archive->opened = true;
		if (archive_read_open(archive->reader, archive, NULL, feed, NULL) != ARCHIVE_OK)
			return reader_failed(archive);
	}
	result = archive_read_next_header(archive->reader, entry);
	if (result == ARCHIVE_EOF)
		return finish(archive);
	/* Warnings of headers are about names in strange character sets and unknown attributes */
	if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
		return reader_failed(archive);
	if (++archive->members > archive->options.max_members)
		return fail(archive, OC_ERR_LIMIT, "it has more members than allowed");
	return OC_OK;
}

static oc_status
describe(oc_archive *archive, struct archive_entry *entry, oc_member *member)
{
	const char *name = archive_entry_pathname_utf8(entry);

	if (!name)
		name = archive_entry_pathname(entry);
	if (!name)
		return fail(archive, OC_ERR_CODEC, "a member's name cannot be read");
	*member = (oc_member){
		.name = name,
		.size_known = archive_entry_size_is_set(entry),
	};
	if (member->size_known)
		member->size = (uint64_t) archive_entry_size(entry);
	if (archive_entry_mtime_is_set(entry))
		member->last_modified =
			(int64_t) archive_entry_mtime(entry) * 1000000 + archive_entry_mtime_nsec(entry) / 1000;
	return OC_OK;
}

/* libarchive saw the last member: reads the rest of the input, for its checksums, and checks the end. */
static oc_status
finish(oc_archive *archive)
{
	size_t size;

	do
	{
		if (fill(archive, &size) != OC_OK)
			return archive->status;
	} while (size > 0);
	if (archive->options.format == OC_ARCHIVE_ZIP)
		return check_zip_end(archive);
	if (archive->zeros < TAR_BLOCK)
		return fail(archive, OC_ERR_CODEC, "it is truncated: no end mark");
	return OC_END;
}

/* Looks for the end record (APPNOTE 4.3.16) whose comment reaches just to the end. */
static oc_status
check_zip_end(oc_archive *archive)
{
	for (size_t comment = 0; comment + ZIP_END_SIZE <= archive->tail_size; comment++)
	{
		const unsigned char *record = archive->tail + archive->tail_size - comment - ZIP_END_SIZE;
		unsigned entries;

		if (memcmp(record, "PK\5\6", 4) != 0 ||
			(record[20] | (unsigned) record[21] << 8) != comment)
			continue;
		entries = record[10] | (unsigned) record[11] << 8;
		/* 65,535 stands for "see the zip64 record" */
		if (entries != UINT16_MAX && entries != (archive->members & UINT16_MAX))
			return fail(archive, OC_ERR_CODEC,
						"its directory lists another number of members than it has");
		return OC_END;
	}
	return fail(archive, OC_ERR_CODEC, "it is truncated: no end record");
}

/* ---------------------------------------------------------------- failures */

static oc_status
fail(oc_archive *archive, oc_error_class class, const char *message)
{
	oc_error_set(&archive->problem, class, "%s archive cannot be read: %s", format_name(archive),
				 message);
	return OC_FAILED;
}

/* The cause is our own when feed failed, else libarchive's. */
static oc_status
reader_failed(oc_archive *archive)
{
	const char *message = archive_error_string(archive->reader);

	if (archive->status != OC_OK)
		return archive->status;
	return fail(archive, archive_errno(archive->reader) == ENOMEM ? OC_ERR_MEMORY : OC_ERR_CODEC,
				message ? message : "it is corrupt");
}

static const char *
format_name(const oc_archive *archive)
{
	return archive->options.format == OC_ARCHIVE_ZIP ? "zip" : "tar";
}
