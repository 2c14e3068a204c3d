/*
 * oc_manifest.c
 *	  Manifests: JSON documents that list the objects of an export.  The only user of libjansson.
 *
 * Written last, read first: a reader that follows manifests never sees a part of an export.  A CRC-64 is a string of decimal
 * digits, because many JSON readers keep numbers as doubles.  A manifest comes from a bucket that others may write to, so
 * nothing in it is trusted: sizes and counts are limited, names are checked, members of a wrong type are errors.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "oc_int.h"

#define MAX_SIZE (64u << 20)	/* bytes of a manifest: about 300,000 entries */
#define MAX_COLUMNS 1664
#define MAX_SPLITS 1000000		/* in all that is written: a reader can do without, but not with a manifest that is too large */
#define MAX_COLUMN_TEXT 1024

static json_t *write_columns(const oc_manifest_column *columns, size_t count);
static json_t *write_entries(const char *scheme, const char *bucket, const oc_exported *objects, size_t count);
static json_t *write_entry(const char *scheme, const char *bucket, const oc_exported *object, bool with_splits);
static json_t *write_splits(const oc_exported *object);
static bool read_document(json_t *root, oc_manifest *manifest, oc_error *error);
static bool read_version(json_t *root, oc_error *error);
static bool read_columns(json_t *root, oc_manifest *manifest, oc_error *error);
static bool read_entries(json_t *root, oc_manifest *manifest, oc_error *error);
static bool read_entry(json_t *item, size_t index, oc_manifest *manifest, oc_error *error);
static bool read_url(json_t *item, const char *where, oc_manifest_entry *entry, oc_error *error);
static bool provider_of_scheme(const char *url, size_t length, oc_provider *provider);
static bool read_totals(json_t *root, oc_manifest *manifest, oc_error *error);
static bool read_count(json_t *item, const char *name, const char *where, uint64_t *count, bool *known, oc_error *error);
static bool read_crc64(json_t *item, const char *where, oc_manifest_entry *entry, oc_error *error);
static bool read_splits(json_t *item, const char *where, oc_manifest_entry *entry, oc_error *error);
static bool read_split(json_t *pair, const oc_manifest_entry *entry, oc_split_point *split);

char *
oc_manifest_write(oc_provider provider, const char *bucket, const oc_manifest_column *columns, size_t column_count,
				  const oc_exported *objects, size_t object_count, size_t *size, oc_error *error)
{
	const char *scheme = oc_dialect_of(provider)->name;
	uint64_t rows = 0;
	uint64_t bytes = 0;
	json_t *root;
	char *text = NULL;

	for (size_t i = 0; i < object_count; i++)
	{
		rows += objects[i].rows;
		bytes += objects[i].stored_bytes;
	}
	root = json_pack("{s:i, s:o, s:I, s:I, s:o}", "version", 1, "columns", write_columns(columns, column_count),
					 "rows", (json_int_t) rows, "bytes", (json_int_t) bytes,
					 "entries", write_entries(scheme, bucket, objects, object_count));
	if (root)
		text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (!text)
		oc_error_set(error, OC_ERR_ARGUMENT, "the manifest cannot be written: a name in it is not UTF-8, or memory is short");
	else
		*size = strlen(text);
	return text;
}

/* NULL when a text is not UTF-8; json_pack then fails as a whole. */
static json_t *
write_columns(const oc_manifest_column *columns, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < count; i++)
	{
		json_t *item = json_pack("{s:s, s:s}", "name", columns[i].name, "type", columns[i].type);

		if (json_array_append_new(array, item) != 0)
		{
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static json_t *
write_entries(const char *scheme, const char *bucket, const oc_exported *objects, size_t count)
{
	json_t *array = json_array();
	size_t splits = 0;

	for (size_t i = 0; i < count; i++)
		splits += objects[i].split_count;
	for (size_t i = 0; array && i < count; i++)
	{
		if (json_array_append_new(array, write_entry(scheme, bucket, &objects[i], splits <= MAX_SPLITS)) != 0)
		{
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static json_t *
write_entry(const char *scheme, const char *bucket, const oc_exported *object, bool with_splits)
{
	oc_buf url;
	char crc64[24];
	json_t *entry = NULL;

	oc_buf_init(&url, 4 * OC_KEY_MAX);
	snprintf(crc64, sizeof(crc64), "%" PRIu64, object->crc64);
	if (oc_buf_printf(&url, "%s://%s/%s", scheme, bucket, object->key))
		entry = json_pack("{s:s, s:I, s:I, s:s, s:s}", "url", url.data, "rows", (json_int_t) object->rows, "bytes",
						  (json_int_t) object->stored_bytes, "crc64", crc64, "etag", object->etag);
	oc_buf_free(&url);
	if (entry && with_splits && object->split_count > 0 &&
		(json_object_set_new(entry, "codec", json_string(oc_codec_name(object->codec))) != 0 ||
		 json_object_set_new(entry, "splits", write_splits(object)) != 0))
	{
		json_decref(entry);
		entry = NULL;
	}
	return entry;
}

/* [[stored offset, rows before it], ...] */
static json_t *
write_splits(const oc_exported *object)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < object->split_count; i++)
	{
		const oc_split_point *split = &object->splits[i];

		if (json_array_append_new(array, json_pack("[I, I]", (json_int_t) split->offset, (json_int_t) split->rows)) != 0)
		{
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

/* ---------------------------------------------------------------- reading */

bool
oc_manifest_parse(const char *text, size_t size, oc_manifest *manifest, oc_error *error)
{
	json_error_t problem;
	json_t *root;

	memset(manifest, 0, sizeof(*manifest));
	if (size > MAX_SIZE)
	{
		oc_error_set(error, OC_ERR_LIMIT, "the manifest has %zu bytes; at most %u are read", size, MAX_SIZE);
		return false;
	}
	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
	if (!root)
	{
		oc_error_set(error, OC_ERR_PROTOCOL, "the manifest is not valid JSON: %s (line %d, column %d)", problem.text,
					 problem.line, problem.column);
		return false;
	}
	manifest->memory = root;
	if (read_document(root, manifest, error))
		return true;
	oc_manifest_free(manifest);
	return false;
}

void
oc_manifest_free(oc_manifest *manifest)
{
	for (size_t i = 0; i < manifest->entry_count; i++)
	{
		free((char *) manifest->entries[i].bucket);
		free(manifest->entries[i].splits);
	}
	free(manifest->entries);
	free(manifest->columns);
	json_decref(manifest->memory);
	memset(manifest, 0, sizeof(*manifest));
}

static bool
read_document(json_t *root, oc_manifest *manifest, oc_error *error)
{
	if (!json_is_object(root))
	{
		oc_error_set(error, OC_ERR_PROTOCOL, "the manifest is not a JSON object");
		return false;
	}
	return read_version(root, error) && read_columns(root, manifest, error) && read_entries(root, manifest, error) &&
		read_totals(root, manifest, error);
}

static bool
read_version(json_t *root, oc_error *error)
{
	json_t *version = json_object_get(root, "version");

	if (!version || (json_is_integer(version) && json_integer_value(version) == 1))
		return true;
	oc_error_set(error, OC_ERR_PROTOCOL, "the manifest's \"version\" is not 1, the only one known");
	return false;
}

static bool
read_columns(json_t *root, oc_manifest *manifest, oc_error *error)
{
	json_t *columns = json_object_get(root, "columns");
	size_t count = json_array_size(columns);

	if (!columns)
		return true;
	if (!json_is_array(columns) || count > MAX_COLUMNS)
	{
		oc_error_set(error, OC_ERR_PROTOCOL, "the manifest's \"columns\" is not an array of at most %d", MAX_COLUMNS);
		return false;
	}
	manifest->columns = calloc(count + 1, sizeof(*manifest->columns));
	if (!manifest->columns)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a manifest");
		return false;
	}
	for (size_t i = 0; i < count; i++)
	{
		json_t *item = json_array_get(columns, i);
		json_t *name = json_object_get(item, "name");
		json_t *type = json_object_get(item, "type");

		if (!json_is_string(name) || !json_is_string(type) || json_string_length(name) > MAX_COLUMN_TEXT ||
			json_string_length(type) > MAX_COLUMN_TEXT)
		{
			oc_error_set(error, OC_ERR_PROTOCOL, "column %zu of the manifest has no proper \"name\" and \"type\"", i + 1);
			return false;
		}
		manifest->columns[i] = (oc_manifest_column){json_string_value(name), json_string_value(type)};
		manifest->column_count++;
	}
	return true;
}

static bool
read_entries(json_t *root, oc_manifest *manifest, oc_error *error)
{
	json_t *entries = json_object_get(root, "entries");
	size_t count = json_array_size(entries);

	if (!json_is_array(entries))
	{
		oc_error_set(error, OC_ERR_PROTOCOL, "the manifest has no array \"entries\"");
		return false;
	}
	manifest->entries = calloc(count + 1, sizeof(*manifest->entries));
	if (!manifest->entries)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a manifest");
		return false;
	}
	for (size_t i = 0; i < count; i++)
	{
		if (!read_entry(json_array_get(entries, i), i, manifest, error))
			return false;
	}
	return true;
}

static bool
read_entry(json_t *item, size_t index, oc_manifest *manifest, oc_error *error)
{
	oc_manifest_entry *entry = &manifest->entries[index];
	json_t *mandatory = json_object_get(item, "mandatory");
	json_t *etag = json_object_get(item, "etag");
	char where[64];

	snprintf(where, sizeof(where), "entry %zu of the manifest", index + 1);
	if (!read_url(item, where, entry, error))
		return false;
	manifest->entry_count++; /* from here on oc_manifest_free frees it */
	if ((mandatory && !json_is_boolean(mandatory)) || (etag && !json_is_string(etag)))
	{
		oc_error_set(error, OC_ERR_PROTOCOL, "%s has a \"mandatory\" or \"etag\" of a wrong type", where);
		return false;
	}
	entry->mandatory = !mandatory || json_is_true(mandatory);
	entry->etag = etag ? json_string_value(etag) : "";
	return read_count(item, "rows", where, &entry->rows, &entry->rows_known, error) &&
		read_count(item, "bytes", where, &entry->bytes, &entry->bytes_known, error) &&
		read_crc64(item, where, entry, error) && read_splits(item, where, entry, error);
}

/* "oss://bucket/key".  Allocates entry->bucket; the key stands behind its NUL. */
static bool
read_url(json_t *item, const char *where, oc_manifest_entry *entry, oc_error *error)
{
	const char *url = json_string_value(json_object_get(item, "url"));
	const char *colon = url ? strstr(url, "://") : NULL;
	const char *slash = colon ? strchr(colon + 3, '/') : NULL;
	oc_provider provider;
	char *bucket;

	if (!slash || !provider_of_scheme(url, colon - url, &provider))
	{
		oc_error_set(error, OC_ERR_PROTOCOL, "%s has no \"url\" of the form oss://bucket/key", where);
		return false;
	}
	bucket = strdup(colon + 3);
	if (!bucket)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a manifest");
		return false;
	}
	bucket[slash - (colon + 3)] = '\0';
	if (!oc_bucket_check(provider, bucket, error) || !oc_key_check(slash + 1, error))
	{
		free(bucket);
		oc_error_set(error, OC_ERR_PROTOCOL, "%s has a \"url\" that names no possible object: \"%.200s\"", where, url);
		return false;
	}
	entry->bucket = bucket;
	entry->key = bucket + (slash + 1 - (colon + 3));
	return true;
}

static bool
provider_of_scheme(const char *url, size_t length, oc_provider *provider)
{
	static const struct
	{
		const char *scheme;
		oc_provider provider;
	} schemes[] = {{"oss", OC_PROVIDER_OSS}, {"obs", OC_PROVIDER_OBS}, {"s3", OC_PROVIDER_S3}, {"s3a", OC_PROVIDER_S3}};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
	{
		if (strlen(schemes[i].scheme) == length && strncasecmp(url, schemes[i].scheme, length) == 0)
		{
			*provider = schemes[i].provider;
			return true;
		}
	}
	return false;
}

/* The manifest's own sums, which must be those of the entries; without them the entries are added up. */
static bool
read_totals(json_t *root, oc_manifest *manifest, oc_error *error)
{
	uint64_t rows = 0;
	uint64_t bytes = 0;
	bool all_known = true;
	bool rows_known;
	bool bytes_known;

	for (size_t i = 0; i < manifest->entry_count; i++)
	{
		rows += manifest->entries[i].rows;
		bytes += manifest->entries[i].bytes;
		all_known &= manifest->entries[i].rows_known && manifest->entries[i].bytes_known;
	}
	if (!read_count(root, "rows", "the manifest", &manifest->rows, &rows_known, error) ||
		!read_count(root, "bytes", "the manifest", &manifest->bytes, &bytes_known, error))
		return false;
	if (all_known && ((rows_known && rows != manifest->rows) || (bytes_known && bytes != manifest->bytes)))
	{
		oc_error_set(error, OC_ERR_PROTOCOL, "the manifest's \"rows\" or \"bytes\" is not the sum of its entries");
		return false;
	}
	manifest->rows = rows_known ? manifest->rows : rows;
	manifest->bytes = bytes_known ? manifest->bytes : bytes;
	return true;
}

/* A number of things: absent, or an integer that is not negative. */
static bool
read_count(json_t *item, const char *name, const char *where, uint64_t *count, bool *known, oc_error *error)
{
	json_t *value = json_object_get(item, name);

	*known = value != NULL;
	if (!value)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
	{
		oc_error_set(error, OC_ERR_PROTOCOL, "%s has \"%s\" that is not a number of %s", where, name, name);
		return false;
	}
	*count = (uint64_t) json_integer_value(value);
	return true;
}

/* A string of decimal digits: absent, or at most 2^64 - 1. */
static bool
read_crc64(json_t *item, const char *where, oc_manifest_entry *entry, oc_error *error)
{
	json_t *value = json_object_get(item, "crc64");
	const char *digits = json_string_value(value);
	uint64_t crc64 = 0;
	bool good = digits && *digits;

	if (!value)
		return true;
	for (; good && *digits; digits++)
	{
		unsigned int digit = (unsigned char) *digits - (unsigned int) '0';

		good = digit <= 9 && crc64 <= (UINT64_MAX - digit) / 10;
		crc64 = crc64 * 10 + digit;
	}
	if (!good)
	{
		oc_error_set(error, OC_ERR_PROTOCOL, "%s has a \"crc64\" that is not a string of decimal digits", where);
		return false;
	}
	entry->crc64 = crc64;
	entry->crc64_known = true;
	return true;
}

/*
 * Where the object can be entered: absent, or as write_splits has it.  What is not ascending, or outside of the object, is an error: a reader
 * makes ranges of it.
 */
static bool
read_splits(json_t *item, const char *where, oc_manifest_entry *entry, oc_error *error)
{
	json_t *splits = json_object_get(item, "splits");
	const char *codec = json_string_value(json_object_get(item, "codec"));
	size_t count = json_array_size(splits);
	bool good = json_is_array(splits) && count <= OC_SPLITS_MAX && codec && oc_codec_by_name(codec, &entry->codec) &&
		entry->codec < OC_CODEC_DEFLATE;

	if (!splits)
		return true;
	entry->splits = calloc(count + 1, sizeof(*entry->splits));
	if (!entry->splits)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a manifest");
		return false;
	}
	for (size_t i = 0; good && i < count; i++)
	{
		good = read_split(json_array_get(splits, i), entry, &entry->splits[i]);
		entry->split_count++;
	}
	if (!good)
		oc_error_set(error, OC_ERR_PROTOCOL, "%s has \"splits\" that are no ascending places inside an object of a known codec", where);
	return good;
}

/* One pair, behind those that the entry has. */
static bool
read_split(json_t *pair, const oc_manifest_entry *entry, oc_split_point *split)
{
	static const oc_split_point none;
	const oc_split_point *last = entry->split_count > 0 ? &entry->splits[entry->split_count - 1] : &none;
	json_t *offset = json_array_get(pair, 0);
	json_t *rows = json_array_get(pair, 1);

	if (json_array_size(pair) != 2 || !json_is_integer(offset) || !json_is_integer(rows) || json_integer_value(offset) < 0 ||
		json_integer_value(rows) < 0)
		return false;
	split->offset = (uint64_t) json_integer_value(offset);
	split->rows = (uint64_t) json_integer_value(rows);
	return split->offset > last->offset && split->rows >= last->rows && entry->bytes_known && split->offset < entry->bytes &&
		(!entry->rows_known || split->rows <= entry->rows);
}
