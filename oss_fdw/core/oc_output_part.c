/*
 * oc_output_part.c
 *	  The part of an object that is being filled: in memory, or in a temporary file when memory may not hold it.
 *
 * Compressed blocks do not end where parts end, and blocks without compression are smaller than a part that memory may not hold: both
 * are copied here.  A part begins in memory, where most objects end, and moves into a file (oc_spill.c) when it has got too large; the
 * later parts of such an object are written to their files at once.
 *
 * A full part becomes a piece.  Only so many of those are in motion (may_send of oc_writer.c), so that an export needs the room of about
 * three parts on the disk for each stream of rows.  All files of a group count against spill_limit.  Owner's thread.
 */
#include <stdio.h>

#include "oc_export_int.h"

static bool store(oc_export *export, oc_output *output, const char *data, size_t size);
static bool is_file_due(const oc_export *export, const oc_output *output, size_t more);
static bool is_file_left(const oc_export *export);
static bool append_file(oc_export *export, oc_output *output, const void *data, size_t size);
static bool ensure_part_buffer(oc_export *export, oc_output *output, size_t need);
static void cut_part(oc_export *export, oc_output *output, bool last);
static void fail_file(oc_export *export, const oc_output *output, oc_error *error);

bool
oc_output_spills(const oc_export *export, const oc_output *output)
{
	return (output ? output->part_size : export->part_size) > export->memory_part;
}

void
oc_output_append(oc_export *export, oc_output *output, const void *data, size_t size)
{
	const char *from = data;

	while (size > 0 && !export->failed)
	{
		size_t take = output->part_size - output->part_fill;

		if (take > size)
			take = size;
		if (!store(export, output, from, take))
			return;
		output->part_fill += take;
		from += take;
		size -= take;
		if (output->part_fill == output->part_size)
			cut_part(export, output, false);
	}
}

void
oc_output_end_part(oc_export *export, oc_output *output)
{
	if (export->failed)
		return;
	if (output->part_fill > 0 || output->part_count == 0)
		cut_part(export, output, true);
	else
		oc_output_end(export, output);
}

static void
cut_part(oc_export *export, oc_output *output, bool last)
{
	oc_memory *part = output->part;
	oc_spill *file = output->file;
	size_t fill = output->part_fill;

	output->part = NULL;
	output->file = NULL;
	output->part_fill = 0;
	if (file)
		oc_output_cut_file(export, output, file, fill, last);
	else
		oc_output_cut(export, output, part, part ? part->data : "", fill, last);
}

/* Behind what the part has already.  false after oc_export_fail. */
static bool
store(oc_export *export, oc_output *output, const char *data, size_t size)
{
	if (is_file_due(export, output, size) && !oc_output_spill(export, output) && export->failed)
		return false;
	if (output->file)
		return append_file(export, output, data, size);
	if (!ensure_part_buffer(export, output, output->part_fill + size))
	{
		oc_export_fail_memory(export, "a part");
		return false;
	}
	memcpy(output->part->data + output->part_fill, data, size);
	return true;
}

/* ---------------------------------------------------------------- in memory */

/* The first part of an object grows with it (most objects of many partitions stay small); later ones are whole at once. */
static bool
ensure_part_buffer(oc_export *export, oc_output *output, size_t need)
{
	size_t capacity = output->part ? output->part->capacity : 0;
	size_t wanted = capacity + capacity / 4;

	if (need <= capacity)
		return true;
	if (wanted < need)
		wanted = need;
	if (output->part_count > 0 && !oc_output_spills(export, output) &&
		oc_memory_fits(export, output->part_size - capacity))
		wanted = output->part_size;
	if (wanted > output->part_size)
		wanted = output->part_size;
	if (output->part)
		return oc_memory_resize(export, output->part, wanted);
	output->part = oc_memory_get(export, wanted);
	return output->part != NULL;
}

/* ---------------------------------------------------------------- in a file */

static bool
is_file_due(const oc_export *export, const oc_output *output, size_t more)
{
	return oc_output_spills(export, output) && !output->file && !output->crowded &&
		   (output->part_count > 0 || output->part_fill + more > export->spill_from);
}

/* Many folders must not use up the descriptors of the process.  The one object of an export cannot end instead. */
static bool
is_file_left(const oc_export *export)
{
	return export->options.exact_key || export->group->file_count < OC_FILES_MAX;
}

size_t
oc_output_spillable(const oc_export *export, const oc_output *output)
{
	if (!output->part || !oc_output_spills(export, output) || output->crowded ||
		!is_file_left(export))
		return 0;
	return output->part->capacity;
}

bool
oc_output_spill(oc_export *export, oc_output *output)
{
	oc_error error = {0};

	if (!is_file_left(export))
	{
		output->crowded = true;
		return false;
	}
	output->file = oc_spill_open(export->options.spill_directory, &error);
	if (!output->file)
	{
		fail_file(export, output, &error);
		return false;
	}
	export->group->file_count++;
	if (!output->part)
		return true;
	if (!append_file(export, output, output->part->data, output->part_fill))
		return false;
	oc_memory_release(export, output->part);
	output->part = NULL;
	return true;
}

static bool
append_file(oc_export *export, oc_output *output, const void *data, size_t size)
{
	uint64_t limit = export->options.spill_limit;
	uint64_t before = oc_spill_size(output->file);
	oc_error error = {0};
	bool good = true;

	if (limit > 0 &&
		(export->group->file_bytes > limit || size > limit - export->group->file_bytes))
	{
		oc_error_set(&error, OC_ERR_SPILL_LIMIT, "temporary file size exceeds the limit of %llu kB",
					 (unsigned long long) limit / 1024);
		good = false;
	}
	else
		good = oc_spill_append(output->file, data, size, &error);
	export->group->file_bytes += oc_spill_size(output->file) - before;
	if (!good)
		fail_file(export, output, &error);
	return good;
}

static void
fail_file(oc_export *export, const oc_output *output, oc_error *error)
{
	snprintf(error->operation, sizeof(error->operation), "UploadPart");
	snprintf(error->object, sizeof(error->object), "%s/%s", export->options.bucket, output->key);
	oc_export_fail(export, error);
}

void
oc_part_file_free(oc_export *export, oc_spill *file)
{
	if (!file)
		return;
	export->group->file_bytes -= oc_spill_size(file);
	export->group->file_count--;
	oc_spill_close(file);
}

void
oc_export_unload_files(oc_export *export)
{
	for (size_t i = 0; i < export->output_count; i++)
	{
		oc_output *output = export->outputs[i];

		if (output->held && output->held->file)
			oc_output_unload(export, output);
	}
}
