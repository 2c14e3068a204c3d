/*
 * test_archive.c
 *	  Members of archives that other programs made, in any pieces; damaged and cut archives; limits; failing input.
 */
#include <locale.h>

#include "archive_samples.h"
#include "codec_util.h"

/* What the archive's read callback serves from. */
typedef struct source
{
	const unsigned char *data;
	size_t size;
	size_t piece;
	size_t done;
	unsigned char
		*last; /* the piece that was given last: freed with the next call, as the contract allows */
	int fail_after; /* calls; -1 = never */
	oc_status failure;
} source;

static oc_status
read_piece(void *arg, const void **data, size_t *size, oc_error *error)
{
	source *from = arg;

	free(from->last);
	from->last = NULL;
	if (from->fail_after-- == 0)
	{
		oc_error_set(error, OC_ERR_NETWORK, "the connection was reset");
		return from->failure;
	}
	*size = from->size - from->done < from->piece ? from->size - from->done : from->piece;
	from->last = malloc(*size + 1);
	memcpy(from->last, from->data + from->done, *size);
	from->done += *size;
	*data = from->last;
	return OC_OK;
}

static unsigned
nibble(char c)
{
	return c <= '9' ? (unsigned) (c - '0') : (unsigned) (c - 'a' + 10);
}

static bytes
of_hex(const char *hex)
{
	bytes made = {0};

	for (; *hex; hex += 2)
	{
		unsigned char byte = (unsigned char) (nibble(hex[0]) << 4 | nibble(hex[1]));

		bytes_add(&made, &byte, 1);
	}
	return made;
}

/* x_N.csv holds N lines */
static bool
content_is_right(const char *name, const bytes *content)
{
	const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	int lines = strchr(base, '_') ? atoi(strchr(base, '_') + 1) : 0;
	bytes expected = {0};
	bool same;

	for (int i = 0; i < lines; i++)
	{
		char line[300];

		bytes_add(&expected, line, (size_t) snprintf(line, sizeof(line), "%s %d\n", base, i));
	}
	same = expected.size == content->size &&
		   (content->size == 0 || memcmp(expected.data, content->data, content->size) == 0);
	bytes_free(&expected);
	return same;
}

/* Reads the current member; its end must be where its size says. */
static oc_status
read_member(oc_archive *archive, const oc_member *member, size_t room, bytes *content,
			oc_error *error)
{
	unsigned char *target = malloc(room);
	oc_status status;
	size_t written;

	while ((status = oc_archive_read(archive, target, room, &written, error)) == OC_OK)
	{
		CHECK(written > 0 && written <= room);
		bytes_add(content, target, written);
	}
	CHECK_INT(written, 0);
	if (status == OC_END && member->size_known)
		CHECK_INT(content->size, member->size);
	free(target);
	return status;
}

/* Names of the members, each ended by a line feed, go to names; every content that ended well is checked. */
static oc_status
walk(const oc_archive_options *options, size_t room, bytes *names, oc_error *error)
{
	oc_archive *archive = oc_archive_open(options, error);
	oc_member member;
	oc_status status;

	if (!CHECK(archive != NULL))
		return OC_FAILED;
	while ((status = oc_archive_next(archive, &member, error)) == OC_OK)
	{
		bytes content = {0};

		bytes_add(names, member.name, strlen(member.name));
		bytes_add(names, "\n", 1);
		if (room > 0)
		{
			status = read_member(archive, &member, room, &content, error);
			if (status == OC_END)
				CHECK(content_is_right(member.name, &content));
			bytes_free(&content);
			if (status != OC_END)
				break;
		}
	}
	/* What ended, ended */
	CHECK_INT(oc_archive_next(archive, &member, error), status);
	oc_archive_close(archive);
	return status;
}

/* room 0: members are passed over. */
static oc_status
walk_bytes(oc_archive_format format, const bytes *data, size_t piece, size_t room, bytes *names,
		   oc_error *error)
{
	source from = {.data = data->data, .size = data->size, .piece = piece, .fail_after = -1};
	oc_archive_options options = {
		.format = format,
		.codec = format == OC_ARCHIVE_TAR ? OC_CODEC_AUTO : OC_CODEC_NONE,
		.read = read_piece,
		.read_arg = &from,
	};
	oc_status status = walk(&options, room, names, error);

	free(from.last);
	return status;
}

static void
test_sample(const archive_sample *sample, size_t piece, size_t room)
{
	bytes data = of_hex(sample->hex);
	bytes names = {0};
	oc_error error = {0};
	oc_status status = walk_bytes(sample->format, &data, piece, room, &names, &error);
	int good = sample->good ? status == OC_END : status == OC_FAILED && error.message[0] != '\0';

	if (sample->good || room > 0)
		good &= names.size <= strlen(sample->members) &&
				(names.size == 0 || memcmp(names.data, sample->members, names.size) == 0);
	if (sample->good)
		good &= names.size == strlen(sample->members);
	/* A damaged member that nobody reads does no harm */
	if (!CHECK(good || (!sample->good && room == 0)))
		fprintf(stderr,
				"sample \"%s\" in pieces of %zu to %zu: status %d, %zu of %zu bytes of names: %s\n",
				sample->name, piece, room, status, names.size, strlen(sample->members),
				error.message);
	bytes_free(&data);
	bytes_free(&names);
}

static void
test_samples(void)
{
	for (size_t i = 0; i < sizeof(archive_samples) / sizeof(archive_samples[0]); i++)
	{
		test_sample(&archive_samples[i], SIZE_MAX, 100000);
		test_sample(&archive_samples[i], 1, 100);
		test_sample(&archive_samples[i], 511, 3);
		test_sample(&archive_samples[i], 777, 0);
	}
}

/* A cut anywhere is an error, or at least no member's content is wrong. */
static void
test_cuts(const archive_sample *sample)
{
	bytes data = of_hex(sample->hex);
	size_t step = data.size / 300 + 1;
	size_t refused = 0;
	size_t tried = 0;

	for (size_t size = 0; size < data.size; size += step, tried++)
	{
		bytes cut = {data.data, size, 0};
		bytes names = {0};
		oc_error error = {0};

		refused += walk_bytes(sample->format, &cut, 1000, 4096, &names, &error) == OC_FAILED &&
				   error.message[0] != '\0';
		bytes_free(&names);
	}
	if (!CHECK_INT(refused, tried))
		fprintf(stderr, "sample \"%s\"\n", sample->name);
	bytes_free(&data);
}

/* The same of a tar that is not compressed, whose blocks are its only structure. */
static void
test_plain_tar_cuts(const archive_sample *sample)
{
	bytes packed = of_hex(sample->hex);
	bytes tar = {0};
	oc_error error = {0};
	size_t refused = 0;
	size_t tried = 0;
	size_t end;

	CHECK_INT(decode(OC_CODEC_AUTO, packed.data, packed.size, SIZE_MAX, 65536, 0, &tar, &error),
			  OC_END);
	for (end = tar.size; end > 0 && tar.data[end - 1] == 0;)
		end--;
	end = (end + 511) / 512 * 512;
	for (size_t size = 0; size <= end; size += 64, tried++)
	{
		bytes cut = {tar.data, size, 0};
		bytes names = {0};

		refused += walk_bytes(OC_ARCHIVE_TAR, &cut, 1000, 4096, &names, &error) == OC_FAILED;
		bytes_free(&names);
	}
	CHECK_INT(refused, tried);
	bytes_free(&tar);
	bytes_free(&packed);
}

static void
test_limits(void)
{
	const archive_sample *sample = &archive_samples[0];
	bytes data = of_hex(sample->hex);
	source from = {.data = data.data, .size = data.size, .piece = 1000, .fail_after = -1};
	oc_archive_options options = {
		.format = OC_ARCHIVE_TAR, .codec = OC_CODEC_AUTO, .read = read_piece, .read_arg = &from};
	bytes names = {0};
	oc_error error = {0};

	options.max_members = 2;
	CHECK_INT(walk(&options, 1000, &names, &error), OC_FAILED);
	CHECK_INT(error.class, OC_ERR_LIMIT);
	CHECK_STR(error.message, "tar archive cannot be read: it has more members than allowed");
	from.done = 0;
	options.max_members = 0;
	options.max_bytes = 2000;
	CHECK_INT(walk(&options, 1000, &names, &error), OC_FAILED);
	CHECK_INT(error.class, OC_ERR_LIMIT);
	CHECK_STR(error.message,
			  "tar archive cannot be read: it has more decompressed bytes than allowed");
	free(from.last);
	bytes_free(&names);
	bytes_free(&data);
}

/* The cause of a failed read comes through libarchive unchanged. */
static void
test_failing_source(oc_status failure)
{
	const archive_sample *sample = &archive_samples[0];
	bytes data = of_hex(sample->hex);

	for (int calls = 0; calls < 5; calls++)
	{
		source from = {.data = data.data,
					   .size = data.size,
					   .piece = 50,
					   .fail_after = calls,
					   .failure = failure};
		oc_archive_options options = {.format = OC_ARCHIVE_TAR,
									  .codec = OC_CODEC_GZIP,
									  .read = read_piece,
									  .read_arg = &from};
		bytes names = {0};
		oc_error error = {0};

		CHECK_INT(walk(&options, 1000, &names, &error), failure);
		CHECK_INT(error.class, OC_ERR_NETWORK);
		CHECK_STR(error.message, "the connection was reset");
		free(from.last);
		bytes_free(&names);
	}
	bytes_free(&data);
}

static void
test_names(void)
{
	CHECK_INT(oc_archive_by_name("a.tar"), OC_ARCHIVE_TAR);
	CHECK_INT(oc_archive_by_name("dir/a.TAR.Gz"), OC_ARCHIVE_TAR);
	CHECK_INT(oc_archive_by_name("a.tgz"), OC_ARCHIVE_TAR);
	CHECK_INT(oc_archive_by_name("a.tar.zst"), OC_ARCHIVE_TAR);
	CHECK_INT(oc_archive_by_name("a.csv.zip"), OC_ARCHIVE_ZIP);
	CHECK_INT(oc_archive_by_name("a.csv.gz"), OC_ARCHIVE_NONE);
	CHECK_INT(oc_archive_by_name(".zip"), OC_ARCHIVE_NONE);
	CHECK_INT(oc_archive_by_name(""), OC_ARCHIVE_NONE);
}

static const char *
kind_of(const void *data, size_t size)
{
	const char *kind = oc_archive_by_content(data, size);

	return kind ? kind : "none";
}

/* The first bytes tell an archive; text that only looks a little like one is none. */
static void
test_content(void)
{
	char block[512] = "a.csv";

	memcpy(block + 257, "ustar", 5);
	CHECK_STR(kind_of(block, 512), "tar");
	CHECK_STR(kind_of(block, 511), "none");
	memset(block, 'x', 257);
	CHECK_STR(kind_of(block, 512), "none");
	CHECK_STR(kind_of("PK\3\4...", 7), "zip");
	CHECK_STR(kind_of("PK\5\6", 4), "zip");
	CHECK_STR(kind_of("PK\3\4", 3), "none");
	CHECK_STR(kind_of("PK,id", 5), "none");
	CHECK_STR(kind_of("7z\xbc\xaf\x27\x1c", 6), "7z");
	CHECK_STR(kind_of("7z,1,2", 6), "none");
	CHECK_STR(kind_of("Rar!\x1a\x07\x01", 7), "rar");
	CHECK_STR(kind_of("Rar!", 4), "none");
	CHECK_STR(kind_of("", 0), "none");
}

static void
test_arguments(void)
{
	oc_archive_options options = {.format = OC_ARCHIVE_NONE, .read = read_piece};
	oc_error error = {0};

	CHECK(oc_archive_open(&options, &error) == NULL);
	CHECK_INT(error.class, OC_ERR_ARGUMENT);
	oc_archive_close(NULL);
}

/* A time and a size, as tar stored them. */
static void
test_facts(void)
{
	bytes data = of_hex(archive_samples[0].hex);
	source from = {.data = data.data, .size = data.size, .piece = 1000, .fail_after = -1};
	oc_archive_options options = {
		.format = OC_ARCHIVE_TAR, .codec = OC_CODEC_AUTO, .read = read_piece, .read_arg = &from};
	oc_error error = {0};
	oc_archive *archive = oc_archive_open(&options, &error);
	oc_member member;
	size_t written;
	char target[10];

	CHECK_INT(oc_archive_read(archive, target, 10, &written, &error), OC_END); /* no member yet */
	CHECK_INT(oc_archive_next(archive, &member, &error), OC_OK);
	CHECK(member.size_known && member.size == 0);
	CHECK_INT(oc_archive_next(archive, &member, &error), OC_OK);
	CHECK_STR(member.name, "rows_1.csv");
	CHECK_INT(member.size, 13);
	CHECK_INT(member.last_modified, INT64_C(1700000000000000));
	CHECK_INT(oc_archive_read(archive, target, 0, &written, &error), OC_OK);
	CHECK_INT(oc_archive_read(archive, target, 10, &written, &error), OC_OK);
	CHECK_INT(written, 10);
	oc_archive_close(archive);
	free(from.last);
	bytes_free(&data);
}

int
main(void)
{
	test_names();
	test_content();
	test_arguments();
	test_samples();
	test_facts();
	for (size_t i = 0; i < sizeof(archive_samples) / sizeof(archive_samples[0]); i++)
	{
		if (archive_samples[i].good)
			test_cuts(&archive_samples[i]);
	}
	test_plain_tar_cuts(&archive_samples[0]);
	test_limits();
	test_failing_source(OC_FAILED);
	test_failing_source(OC_CANCELLED);
	/* Names are bytes to us, whatever the locale */
	setlocale(LC_ALL, "C.UTF-8");
	test_samples();
	return unit_done();
}
