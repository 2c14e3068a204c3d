/*
 * rowin_facts.c
 *	  Columns whose value is a fact of the object: metadata columns, and col=value/ folders.
 *
 * Computed once per object.  scan.c also asks for them before an object is read, to skip it.
 */
#include "rowin.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

static Datum metadata_value(OssMetadataKind kind, const char *bucket, const oc_object *object);
static char *folder_value(const char *key, const char *name, bool *found);
static void decode_folder(char *text);
static char *server_text(const char *text);

/* A new object begins (object NULL: none). */
void
oss_rowin_object(OssRowIn *in, const char *bucket, const oc_object *object)
{
	MemoryContext old;

	if (object == NULL)
	{
		in->key = NULL;
		in->prepared = NULL;
		return;
	}
	if (in->key != NULL && strcmp(in->key, object->key) == 0)
		return;
	in->key = NULL; /* its memory goes now */
	MemoryContextReset(in->object_context);
	old = MemoryContextSwitchTo(in->object_context);
	in->bucket = pstrdup(bucket);
	oss_compute_facts(in, in->facts, in->fact_count, bucket, object, in->fact_values, in->fact_nulls);
	in->key = pstrdup(object->key);
	MemoryContextSwitchTo(old);
}

/* All facts of an object into a slot whose other columns are NULL. */
void
oss_rowin_facts(OssRowIn *in, const char *bucket, const oc_object *object, TupleTableSlot *slot, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Datum *values = palloc0(sizeof(Datum) * Max(in->all_fact_count, 1));
	bool *nulls = palloc0(sizeof(bool) * Max(in->all_fact_count, 1));

	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	oss_compute_facts(in, in->all_facts, in->all_fact_count, bucket, object, values, nulls);
	for (int i = 0; i < in->all_fact_count; i++)
	{
		slot->tts_values[in->all_facts[i].index] = values[i];
		slot->tts_isnull[in->all_facts[i].index] = nulls[i];
	}
	MemoryContextSwitchTo(old);
}

bool
oss_rowin_needs_mtime(const OssRowIn *in)
{
	for (int i = 0; i < in->fact_count; i++)
		if (in->facts[i].column->options.metadata == OSS_METADATA_MTIME)
			return true;
	return false;
}

/* Values in the current memory context. */
void
oss_compute_facts(OssRowIn *in, InColumn *facts, int count, const char *bucket, const oc_object *object, Datum *values, bool *nulls)
{
	for (int i = 0; i < count; i++)
	{
		InColumn *fact = &facts[i];
		bool found;
		char *text;

		nulls[i] = false;
		if (fact->column->options.metadata != OSS_METADATA_NONE)
		{
			/* what the store did not tell */
			nulls[i] = (fact->column->options.metadata == OSS_METADATA_MTIME && object->last_modified == 0) ||
					   (fact->column->options.metadata == OSS_METADATA_ETAG && (object->etag == NULL || object->etag[0] == '\0'));
			values[i] = metadata_value(fact->column->options.metadata, bucket, object);
			continue;
		}
		text = folder_value(object->key, fact->column->name, &found);
		if (!found)
			ereport(ERROR, (errcode(ERRCODE_FDW_ERROR),
							errmsg("object \"%s/%s\" has no folder \"%s=\"", bucket, object->key, fact->column->name),
							errhint("A partition column takes its value from a folder like %s=value/.", fact->column->name)));
		nulls[i] = text == NULL;
		/* NULL, too: a domain may refuse it */
		values[i] = InputFunctionCall(&fact->input, text, fact->typioparam, fact->column->typmod);
	}
}

static Datum
metadata_value(OssMetadataKind kind, const char *bucket, const oc_object *object)
{
	const char *slash;

	switch (kind)
	{
		case OSS_METADATA_PATH:
			return CStringGetTextDatum(server_text(psprintf("%s/%s", bucket, object->key)));
		case OSS_METADATA_FILE:
			slash = strrchr(object->key, '/');
			return CStringGetTextDatum(server_text(slash ? slash + 1 : object->key));
		case OSS_METADATA_SIZE:
			return Int64GetDatum((int64) object->size);
		case OSS_METADATA_MTIME:
			return TimestampTzGetDatum(object->last_modified -
									   (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY);
		default:
			return CStringGetTextDatum(object->etag ? object->etag : "");
	}
}

/* "x" from ".../name=x/..."; NULL for Hive's NULL */
static char *
folder_value(const char *key, const char *name, bool *found)
{
	const char *segment = key;
	const char *slash;

	while ((slash = strchr(segment, '/')) != NULL)
	{
		char *text = pnstrdup(segment, slash - segment);
		char *equals = strchr(text, '=');

		if (equals)
		{
			*equals++ = '\0';
			decode_folder(text);
			if (strcmp(text, name) == 0)
			{
				*found = true;
				if (strcmp(equals, "__HIVE_DEFAULT_PARTITION__") == 0)
					return NULL;
				decode_folder(equals);
				return server_text(equals);
			}
		}
		segment = slash + 1;
	}
	*found = false;
	return NULL;
}

/* Names of objects are not checked by anybody else, and %XX may stand for any byte. */
static char *
server_text(const char *text)
{
	(void) pg_verifymbstr(text, strlen(text), false);
	return unconstify(char *, text);
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX in place; anything else stays as it is */
static void
decode_folder(char *text)
{
	char *target = text;

	for (char *c = text; *c; c++)
	{
		if (*c == '%' && hex_digit(c[1]) >= 0 && hex_digit(c[2]) >= 0)
		{
			*target++ = (char) (hex_digit(c[1]) * 16 + hex_digit(c[2]));
			c += 2;
		}
		else
			*target++ = *c;
	}
	*target = '\0';
}
