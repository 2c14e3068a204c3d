/*
 * manifest.c
 *	  Manifests: what an export writes last, and what a table with the option manifest reads by.
 *
 * Writing: names and types are noted when the export begins; xact.c asks for the text once all objects are complete.
 * Reading: the manifests of the place are listed and fetched, and their entries are the objects of the scan, with the sizes, ETags
 * and CRCs that the export saw, and the places where parallel scans can enter them; whatever else lies in the place is ignored.
 */
#include "oss_fdw.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define MANIFEST_MAX ((size_t) 64 * 1024 * 1024) /* bytes of one manifest */

static void fetch_manifest(const OssOptions *options, OssClient *client, const char *key, oc_stats *stats, List **objects);
static OssObject *entry_to_object(const OssOptions *options, OssClient *client, const oc_manifest_entry *entry, const char *key,
								  oc_stats *stats);

/* ---- writing */

/* UTF-8 whatever the database has: JSON is UTF-8. */
static char *
utf8_copy(const char *text)
{
	char *converted = (char *) pg_do_encoding_conversion((unsigned char *) text, strlen(text), GetDatabaseEncoding(), PG_UTF8);

	return MemoryContextStrdup(TopTransactionContext, converted);
}

/* Notes what the manifest will say of the columns; nothing happens without the option. */
void
oss_manifest_prepare(OssExport *export, const OssPlace *place, const OssLayout *layout, const char *timestamp)
{
	if (!export->options->manifest)
		return;
	export->manifest_key = MemoryContextStrdup(
		TopTransactionContext, psprintf("%s_manifest_%s_%s.json", place->write_place, timestamp, oss_xact_token()));
	export->column_names = MemoryContextAlloc(TopTransactionContext, sizeof(char *) * Max(layout->column_count, 1));
	export->column_types = MemoryContextAlloc(TopTransactionContext, sizeof(char *) * Max(layout->column_count, 1));
	for (int i = 0; i < layout->column_count; i++)
	{
		const OssColumn *column = &layout->columns[i];

		if (column->options.metadata != OSS_METADATA_NONE || column->generated)
			continue;
		export->column_names[export->column_count] = utf8_copy(column->name);
		export->column_types[export->column_count++] = utf8_copy(format_type_with_typemod(column->type, column->typmod));
	}
}

/* Called in PRE_COMMIT, when all objects are complete: sets manifest_body. */
void
oss_manifest_build(OssExport *export)
{
	size_t count = oc_export_object_count(export->core);
	oc_exported *objects = palloc(sizeof(oc_exported) * Max(count, 1));
	oc_manifest_column *columns = palloc(sizeof(oc_manifest_column) * Max(export->column_count, 1));
	size_t size;
	oc_error error;
	char *text;

	for (size_t i = 0; i < count; i++)
		objects[i] = oc_export_object(export->core, i);
	for (int i = 0; i < export->column_count; i++)
		columns[i] = (oc_manifest_column) {export->column_names[i], export->column_types[i]};
	text = oc_manifest_write(export->options->provider, export->options->bucket, columns, export->column_count, objects, count,
							 &size, &error);
	if (text == NULL)
		oss_report_status(OC_FAILED, &error, "could not write the manifest");
	export->manifest_body = MemoryContextAllocHuge(TopTransactionContext, size + 1);
	memcpy(export->manifest_body, text, size + 1);
	free(text);
}

/* ---- reading */

/* The entries of all manifests in the place, as OssObject *, in the current memory context. */
List *
oss_manifest_objects(const OssOptions *options, OssClient *client, oc_stats *stats)
{
	OssPlace *place = oss_place(options);
	List *keys = oss_list_prefix(client, options->bucket, psprintf("%s_manifest_", place->write_place), "/", 0, stats);
	List *objects = NIL;
	ListCell *lc;

	foreach (lc, keys)
	{
		const char *key = lfirst(lc);
		size_t length = strlen(key);

		if (length > 5 && strcmp(key + length - 5, ".json") == 0)
			fetch_manifest(options, client, key, stats, &objects);
	}
	return objects;
}

static void
fetch_manifest(const OssOptions *options, OssClient *client, const char *key, oc_stats *stats, List **objects)
{
	oc_call *head = oc_call_new(oss_client_core(client), OC_HEAD);
	oc_call *get = oc_call_new(oss_client_core(client), OC_GET);
	oc_manifest manifest;
	oc_error error;
	oc_status status;

	if (head == NULL || get == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	head->bucket = get->bucket = options->bucket;
	head->key = get->key = key;
	head->stats = get->stats = stats;
	status = oc_call_run(head, &oss_waiter);
	error = head->error;
	if (status == OC_OK && head->size > MANIFEST_MAX)
	{
		oc_error_set(&error, OC_ERR_LIMIT, "the manifest \"%s\" has more than %zu bytes", key, MANIFEST_MAX);
		status = OC_FAILED;
	}
	if (status == OC_OK)
	{
		get->sink_size = head->size;
		get->sink = MemoryContextAllocHuge(CurrentMemoryContext, head->size + 1);
		status = oc_call_run(get, &oss_waiter);
		error = get->error;
	}
	if (status == OC_OK && !oc_manifest_parse(get->sink, get->received, &manifest, &error))
		status = OC_FAILED;
	oc_call_free(head);
	oc_call_free(get);
	if (status != OC_OK)
		oss_report_status(status, &error, psprintf("could not read the manifest \"%s\"", key));
	PG_TRY();
	{
		for (size_t i = 0; i < manifest.entry_count; i++)
		{
			OssObject *object = entry_to_object(options, client, &manifest.entries[i], key, stats);

			if (object)
				*objects = lappend(*objects, object);
		}
	}
	PG_FINALLY();
	{
		oc_manifest_free(&manifest);
	}
	PG_END_TRY();
}

/* NULL: nothing to read there.  Other products' manifests name only the object: its facts are asked for. */
static OssObject *
entry_to_object(const OssOptions *options, OssClient *client, const oc_manifest_entry *entry, const char *key, oc_stats *stats)
{
	OssObject *object = palloc0(sizeof(OssObject));

	if (entry->bucket && strcmp(entry->bucket, options->bucket) != 0)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("the manifest \"%s\" lists an object of another bucket, \"%s\"", key, entry->bucket),
						errhint("Read it by a foreign table of that bucket.")));
	object->key = pstrdup(entry->key);
	object->etag = pstrdup(entry->etag ? entry->etag : "");
	object->size = entry->bytes;
	object->crc64_known = entry->crc64_known;
	object->crc64 = entry->crc64;
	object->rows = entry->rows_known ? (int64) entry->rows : -1;
	object->codec = entry->codec;
	object->split_count = (int) entry->split_count;
	object->splits = palloc(sizeof(oc_split_point) * Max(entry->split_count, 1));
	if (entry->split_count > 0)
		memcpy(object->splits, entry->splits, sizeof(oc_split_point) * entry->split_count);
	if (!entry->bytes_known)
	{
		oc_call *call = oc_call_new(oss_client_core(client), OC_HEAD);
		oc_status status;
		oc_error error;

		if (call == NULL)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
		call->bucket = options->bucket;
		call->key = object->key;
		call->stats = stats;
		status = oc_call_run(call, &oss_waiter);
		error = call->error;
		object->size = call->size;
		object->last_modified = call->last_modified;
		oc_call_free(call);
		if (status != OC_OK && error.class == OC_ERR_NOT_FOUND && !entry->mandatory)
			return NULL;
		if (status != OC_OK)
			oss_report_status(status, &error, psprintf("could not read what the manifest \"%s\" lists", key));
	}
	return object->size == 0 ? NULL : object;
}
