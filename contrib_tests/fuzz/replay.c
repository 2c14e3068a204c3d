/*
 * replay.c
 *	  Feeds files, or all files of folders, to a fuzz target without a fuzzing engine.
 *
 * usage: fuzz_x file-or-folder...
 * The target's crash is the failure; the file in work is printed first when several are given.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path, int verbose);
static int replay_folder(const char *path);
static int replay_file(const char *path);

int
main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed += replay(argv[i], argc > 2);
	return failed ? 1 : 0;
}

/* Returns how many files could not be read. */
static int
replay(const char *path, int verbose)
{
	struct stat facts;

	if (stat(path, &facts) != 0)
	{
		perror(path);
		return 1;
	}
	if (S_ISDIR(facts.st_mode))
		return replay_folder(path);
	if (verbose)
	{
		printf("%s\n", path);
		fflush(stdout);
	}
	return replay_file(path);
}

static int
replay_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int failed = 0;

	if (!folder)
	{
		perror(path);
		return 1;
	}
	while ((entry = readdir(folder)) != NULL)
	{
		char name[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		failed += replay(name, 1);
	}
	closedir(folder);
	return failed;
}

static int
replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size = 0;
	size_t got;

	if (!file)
	{
		perror(path);
		return 1;
	}
	do
	{
		data = realloc(data, size + 65536);
		if (!data)
			abort();
		got = fread(data + size, 1, 65536, file);
		size += got;
	} while (got > 0);
	fclose(file);
	/* A block of just this size, so that a sanitizer sees reads beyond it */
	data = realloc(data, size > 0 ? size : 1);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}
