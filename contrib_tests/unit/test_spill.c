/*
 * test_spill.c
 *	  Temporary files of parts: what was appended comes back, nothing is left, and a disk that is full or loses bytes is told.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oc_int.h"
#include "unit.h"

#define SIZE ((size_t) 3 * 1024 * 1024 + 17)

static char folder[] = "/tmp/oc_spill_XXXXXX";
static char *pattern; /* SIZE bytes */
static oc_error error;

/* The descriptor that the next open gives. */
static int
next_fd(void)
{
	int fd = open("/dev/null", O_RDONLY);

	close(fd);
	return fd;
}

static int
files_in_folder(void)
{
	DIR *directory = opendir(folder);
	int count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count - 2;
}

static void
test_append_and_read(void)
{
	static const size_t steps[] = {1, 7, 4096, 1000003, SIZE};

	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++)
	{
		int fd = next_fd();
		oc_spill *spill = oc_spill_open(folder, &error);
		size_t total = s < 2 ? 5000 : SIZE;
		char *back = malloc(total);
		unsigned char md5[16], expected[16];
		uint64_t crc64 = 1;

		if (!CHECK(spill != NULL))
			return;
		CHECK_INT(files_in_folder(), 0); /* without a name */
		CHECK_INT(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		for (size_t at = 0; at < total; at += steps[s])
			CHECK(oc_spill_append(spill, pattern + at,
								  steps[s] < total - at ? steps[s] : total - at, &error));
		CHECK_INT(oc_spill_size(spill), total);
		CHECK_INT(oc_spill_read(spill, 0, back, total), 0);
		CHECK_MEM(back, pattern, total);
		CHECK_INT(oc_spill_read(spill, 1234, back, 777), 0);
		CHECK_MEM(back, pattern + 1234, 777);
		CHECK_INT(oc_spill_read(spill, total, back, 0), 0);
		CHECK_INT(oc_spill_read(spill, total - 1, back, 2), EIO);
		CHECK_INT(oc_spill_digest(spill, NULL, &crc64, md5), 0);
		CHECK(crc64 == oc_crc64(0, pattern, total));
		CHECK(oc_md5(pattern, total, expected));
		CHECK_MEM(md5, expected, 16);
		oc_spill_close(spill);
		CHECK_INT(next_fd(), fd);
		free(back);
	}
}

static void
test_empty(void)
{
	oc_spill *spill = oc_spill_open(folder, &error);
	unsigned char md5[16], expected[16];
	uint64_t crc64 = 1;

	CHECK_INT(oc_spill_size(spill), 0);
	CHECK_INT(oc_spill_digest(spill, NULL, &crc64, md5), 0);
	CHECK_INT(crc64, 0);
	CHECK(oc_md5("", 0, expected));
	CHECK_MEM(md5, expected, 16);
	oc_spill_close(spill);
	oc_spill_close(NULL);
}

static void
test_no_folder(void)
{
	int fd = next_fd();

	memset(&error, 0, sizeof(error));
	CHECK(oc_spill_open("/nonexistent/place", &error) == NULL);
	CHECK_INT(error.class, OC_ERR_FILE);
	CHECK(strstr(error.message, "\"/nonexistent/place\"") != NULL);
	CHECK_INT(next_fd(), fd);
}

/* A disk without room, as far as one process can see it. */
static void
test_full(void)
{
	struct rlimit before, small;
	oc_spill *spill = oc_spill_open(folder, &error);

	signal(SIGXFSZ, SIG_IGN);
	CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 1 << 20;
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
	memset(&error, 0, sizeof(error));
	CHECK(!oc_spill_append(spill, pattern, SIZE, &error));
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
	CHECK_INT(error.class, OC_ERR_DISK_FULL);
	CHECK(strstr(error.message, folder) != NULL);
	CHECK(oc_error_hint(&error) && strstr(oc_error_hint(&error), "part_size") &&
		  strstr(oc_error_hint(&error), "temp_tablespaces"));
	CHECK(!error.retryable);
	oc_spill_close(spill);
	memset(&error, 0, sizeof(error));
	spill = oc_spill_open(folder, &error);
	oc_spill_fail(spill, "write", ENOSPC, &error);
	CHECK_INT(error.class, OC_ERR_DISK_FULL);
	oc_spill_close(spill);
}

/* Somebody else changes the file, as a failing disk would. */
static void
test_damaged(void)
{
	int fd = next_fd();
	oc_spill *spill = oc_spill_open(folder, &error);
	unsigned char md5[16];
	uint64_t crc64;

	CHECK(oc_spill_append(spill, pattern, SIZE, &error));
	CHECK_INT(pwrite(fd, "x", 1, SIZE / 2) == 1 && pattern[SIZE / 2] != 'x', 1);
	CHECK_INT(oc_spill_digest(spill, NULL, &crc64, md5), EBADMSG);
	CHECK_INT(pwrite(fd, pattern + SIZE / 2, 1, SIZE / 2), 1);
	CHECK_INT(oc_spill_digest(spill, NULL, &crc64, md5), 0);
	CHECK_INT(ftruncate(fd, SIZE / 2), 0);
	CHECK_INT(oc_spill_digest(spill, NULL, &crc64, md5), EIO);
	for (int code = 1; code < 130; code++)
	{
		memset(&error, 0, sizeof(error));
		oc_spill_fail(spill, "read", code, &error);
		CHECK(error.class != OC_ERR_NONE && error.message[0] != '\0');
	}
	oc_spill_close(spill);
}

static void
test_stop(void)
{
	oc_spill *spill = oc_spill_open(folder, &error);
	_Atomic bool stop = true;
	unsigned char md5[16];
	uint64_t crc64;

	CHECK(oc_spill_append(spill, pattern, SIZE, &error));
	CHECK_INT(oc_spill_digest(spill, &stop, &crc64, md5), ECANCELED);
	oc_spill_close(spill);
}

/* Where OpenSSL refuses MD5, our own goes on by blocks: the stream without its context is compared with the whole. */
static void
test_md5_stream(void)
{
	static const size_t sizes[] = {0, 1, 55, 56, 63, 64, 65, 119, 128, 100000, SIZE};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		oc_md5_stream *ours = oc_md5_open();
		void **context = (void **) ours; /* its first member */
		unsigned char md5[16], expected[16];

		if (*context)
			oc_md5_context_free(*context, md5);
		*context = NULL;
		for (size_t at = 0; at < sizes[i]; at += 6400)
			oc_md5_add(ours, pattern + at, sizes[i] - at < 6400 ? sizes[i] - at : 6400);
		oc_md5_close(ours, md5);
		CHECK(oc_md5(pattern, sizes[i], expected));
		CHECK_MEM(md5, expected, 16);
	}
	oc_md5_close(NULL, NULL);
}

int
main(void)
{
	if (!CHECK(mkdtemp(folder) != NULL))
		return unit_done();
	pattern = malloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		pattern[i] = (char) (i * 2654435761u >> 13);
	pattern[SIZE / 2] = 'a';
	test_append_and_read();
	test_empty();
	test_no_folder();
	test_full();
	test_damaged();
	test_stop();
	test_md5_stream();
	CHECK_INT(rmdir(folder), 0);
	free(pattern);
	return unit_done();
}
