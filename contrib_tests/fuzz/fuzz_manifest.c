/*
 * fuzz_manifest.c
 *	  Any bytes as a manifest: an error with a message, or entries that can be written and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

/* Splits of objects whose sums cannot overflow. */
static bool
keeps_splits(const oc_manifest_entry *entry)
{
	return entry->split_count > 0 && entry->bytes < (uint64_t) 1 << 40 && entry->rows < (uint64_t) 1 << 40 &&
		entry->splits[entry->split_count - 1].rows <= entry->rows;
}

static void
check_splits(const oc_manifest_entry *entry, const oc_manifest_entry *again)
{
	size_t count = keeps_splits(entry) ? entry->split_count : 0;

	require(again->split_count == count && (count == 0 || again->codec == entry->codec));
	for (size_t i = 0; i < count; i++)
		require(again->splits[i].offset == entry->splits[i].offset && again->splits[i].rows == entry->splits[i].rows);
	for (size_t i = 0; i < entry->split_count; i++)
		require(entry->splits[i].offset > (i > 0 ? entry->splits[i - 1].offset : 0) && entry->splits[i].offset < entry->bytes);
}

/* What was accepted must survive being written, as far as our own form has it. */
static void
write_again(const oc_manifest *manifest)
{
	oc_exported *objects = calloc(manifest->entry_count + 1, sizeof(*objects));
	oc_error error = {0};
	oc_manifest again;
	size_t size = 0;
	char *text;

	for (size_t i = 0; i < manifest->entry_count; i++)
	{
		const oc_manifest_entry *entry = &manifest->entries[i];

		objects[i] = (oc_exported){.key = entry->key, .crc64 = entry->crc64, .etag = entry->etag};
		if (!keeps_splits(entry))
			continue;
		objects[i].rows = entry->rows;
		objects[i].stored_bytes = entry->bytes;
		objects[i].codec = entry->codec;
		objects[i].splits = entry->splits;
		objects[i].split_count = entry->split_count;
	}
	text = oc_manifest_write(OC_PROVIDER_OSS, "bucket", manifest->columns, manifest->column_count, objects,
							 manifest->entry_count, &size, &error);
	require(text != NULL);
	require(oc_manifest_parse(text, size, &again, &error));
	require(again.entry_count == manifest->entry_count && again.column_count == manifest->column_count);
	for (size_t i = 0; i < again.entry_count; i++)
	{
		require(strcmp(again.entries[i].key, manifest->entries[i].key) == 0 &&
				again.entries[i].crc64 == manifest->entries[i].crc64);
		check_splits(&manifest->entries[i], &again.entries[i]);
	}
	oc_manifest_free(&again);
	free(text);
	free(objects);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	oc_error error = {0};
	oc_manifest manifest;

	if (oc_manifest_parse((const char *) data, size, &manifest, &error))
	{
		write_again(&manifest);
		oc_manifest_free(&manifest);
	}
	else
		require(error.class != OC_ERR_NONE && error.message[0] != '\0');
	return 0;
}
