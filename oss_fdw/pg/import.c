/*
 * import.c
 *	  IMPORT FOREIGN SCHEMA "prefix/": one table per first-level folder or file.
 *
 * LIST with delimiter -> per folder its first object, per file itself -> the head of it, decoded -> import_infer.c -> the text of
 * CREATE FOREIGN TABLE.  Options of the statement are options of the tables; what is not given is found by looking.
 */
#include "import.h"

#include "commands/defrem.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define SAMPLE_STORED ((uint64) 512 * 1024) /* bytes fetched of an object */
#define SAMPLE_DECODED ((size_t) 2 * 1024 * 1024)

typedef struct Import
{
	ImportForeignSchemaStmt *stmt;
	OssOptions options;
	OssClient *client;
	List *names;	/* of the tables so far */
	List *commands;
	MemoryContext context;		 /* of names and commands */
	MemoryContext table_context; /* of the table being made: samples are large, and there may be thousands */
} Import;

static void import_entries(Import *import);
static void import_entry(Import *import, const char *key, bool is_folder, uint64 size);
static char *table_name(Import *import, const char *key, bool is_folder);
static OssObject *first_object(Import *import, const char *folder);
static char *read_sample(Import *import, const OssObject *object, size_t *size, bool *whole);
static char *fetch_head(Import *import, const OssObject *object, size_t *size);
static void guess_from_options(Import *import, Guess *guess);
static List *partition_columns(const char *key, size_t prefix_length);
static char *create_command(Import *import, const char *name, const char *key, bool is_folder, Guess *guess);

List *
ossImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid serverOid)
{
	Import import = {.stmt = stmt, .context = CurrentMemoryContext};

	import.table_context = AllocSetContextCreate(import.context, "oss_fdw import of a table", ALLOCSET_DEFAULT_SIZES);
	oss_options_init(&import.options);
	oss_options_for_server(serverOid, GetUserId(), &import.options);
	oss_options_require_bucket(&import.options);
	import.client = oss_client_acquire(&import.options);
	PG_TRY();
	{
		import_entries(&import);
	}
	PG_FINALLY();
	{
		oss_client_release(import.client);
	}
	PG_END_TRY();
	return import.commands;
}

/* "/" is the bucket itself: SQL has no empty name. */
static const char *
import_prefix(const ImportForeignSchemaStmt *stmt)
{
	return strcmp(stmt->remote_schema, "/") == 0 ? "" : stmt->remote_schema;
}

/* All pages of the first level below the prefix. */
static void
import_entries(Import *import)
{
	char *continuation = NULL;
	bool more = true;

	while (more)
	{
		oc_call *call = oc_call_new(oss_client_core(import->client), OC_LIST);
		oc_status status;
		oc_error error;
		List *entries = NIL;
		ListCell *lc;

		if (call == NULL)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
		call->bucket = import->options.bucket;
		call->prefix = import_prefix(import->stmt);
		call->delimiter = "/";
		call->continuation = continuation;
		status = oc_call_run(call, &oss_waiter);
		error = call->error;
		for (size_t i = 0; status == OC_OK && i < call->page.count; i++)
		{
			oc_object *copy = palloc(sizeof(oc_object));

			*copy = call->page.objects[i];
			copy->key = pstrdup(copy->key);
			entries = lappend(entries, copy);
		}
		more = status == OC_OK && call->page.truncated && call->page.next;
		continuation = more ? pstrdup(call->page.next) : NULL;
		oc_call_free(call);
		if (status != OC_OK)
			oss_report_status(status, &error, "could not list objects");
		foreach (lc, entries)
		{
			oc_object *entry = lfirst(lc);

			MemoryContextSwitchTo(import->table_context);
			import_entry(import, entry->key, entry->is_prefix, entry->size);
			MemoryContextSwitchTo(import->context);
			MemoryContextReset(import->table_context);
		}
	}
}

/* One folder or file -> one command, unless LIMIT TO or EXCEPT say otherwise.  In table_context. */
static void
import_entry(Import *import, const char *key, bool is_folder, uint64 size)
{
	Guess guess = {.format = -1, .header = -1, .quote = "\""};
	OssObject file = {.key = unconstify(char *, key), .etag = "", .size = size};
	OssObject *object = &file;
	const char *base = strrchr(key, '/');
	char *name;
	char *sample;
	char *command;
	size_t sample_size;
	bool whole;

	base = base ? base + 1 : key;
	if (!is_folder && (size == 0 || base[0] == '\0' || base[0] == '_' || base[0] == '.'))
		return;
	name = table_name(import, key, is_folder);
	if (!IsImportableForeignTable(name, import->stmt))
		return;
	if (is_folder && (object = first_object(import, key)) == NULL)
		return;
	guess_from_options(import, &guess);
	sample = read_sample(import, object, &sample_size, &whole);
	if (sample == NULL)
	{
		ereport(NOTICE, (errmsg("skipping \"%s\": it is not text", object->key)));
		return;
	}
	if (is_folder)
		guess.columns = partition_columns(object->key, strlen(key));
	oss_guess_columns(&guess, object->key, sample, sample_size, whole);
	command = create_command(import, name, key, is_folder, &guess);
	MemoryContextSwitchTo(import->context);
	import->names = lappend(import->names, pstrdup(name));
	import->commands = lappend(import->commands, pstrdup(command));
}

/* "p/orders/" -> orders, "p/oui.csv.gz" -> oui; names keep their case */
static char *
table_name(Import *import, const char *key, bool is_folder)
{
	char *name = pstrdup(key);
	size_t length = strlen(name);
	char *slash;
	char *dot;
	char *base;
	int suffix = 1;
	ListCell *lc;

	if (is_folder && length > 0)
		name[length - 1] = '\0';
	slash = strrchr(name, '/');
	base = slash ? slash + 1 : name;
	dot = is_folder ? NULL : strchr(base + 1, '.');
	if (dot)
		*dot = '\0';
	base[pg_mbcliplen(base, strlen(base), NAMEDATALEN - 6)] = '\0';
	name = base;
restart:
	foreach (lc, import->names)
		if (strcmp(lfirst(lc), name) == 0)
		{
			name = psprintf("%s_%d", base, ++suffix);
			goto restart;
		}
	return name;
}

/* The first object with content below a folder; NULL = there is none. */
static OssObject *
first_object(Import *import, const char *folder)
{
	OssOptions options = import->options;
	OssLister *lister;
	OssObject *object;
	OssObject *copy = NULL;

	options.dir = unconstify(char *, folder);
	options.recursive = true;
	lister = oss_lister_begin(&options, import->client, NULL);
	object = oss_lister_next(lister);
	if (object)
	{
		copy = palloc(sizeof(OssObject));
		*copy = *object;
		copy->key = pstrdup(object->key);
		copy->etag = pstrdup(object->etag ? object->etag : "");
	}
	oss_lister_end(lister);
	return copy;
}

static char *
fetch_head(Import *import, const OssObject *object, size_t *size)
{
	oc_call *call = oc_call_new(oss_client_core(import->client), OC_GET);
	oc_status status;
	oc_error error;

	if (call == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	call->bucket = import->options.bucket;
	call->key = object->key;
	call->range_size = Min(object->size, SAMPLE_STORED);
	call->sink_size = call->range_size;
	call->sink = palloc(call->sink_size);
	status = oc_call_run(call, &oss_waiter);
	error = call->error;
	*size = call->received;
	if (status == OC_OK)
	{
		char *data = call->sink;

		oc_call_free(call);
		return data;
	}
	oc_call_free(call);
	oss_report_status(status, &error, psprintf("could not read a sample of \"%s\"", object->key));
	return NULL;
}

/* The decoded head of the object in the server's encoding, NUL-terminated; NULL when it is no text. */
static char *
read_sample(Import *import, const OssObject *object, size_t *size, bool *whole)
{
	size_t stored;
	const unsigned char *source = (unsigned char *) fetch_head(import, object, &stored);
	bool last = stored == object->size;
	char *text = palloc(SAMPLE_DECODED + 1);
	oc_error error;
	oc_decoder *decoder = oc_decoder_open(OC_CODEC_AUTO, &error);
	oc_status status = OC_OK;
	size_t written = 1;
	size_t before;

	if (decoder == NULL)
		oss_report_status(OC_FAILED, &error, NULL);
	*size = 0;
	do
	{
		before = stored;
		status = oc_decoder_read(decoder, &source, &stored, last, text + *size, SAMPLE_DECODED - *size, &written, &error);
		*size += status == OC_FAILED ? 0 : written;
	} while (status == OC_OK && *size < SAMPLE_DECODED && (written > 0 || stored < before));
	oc_decoder_close(decoder);
	if (status == OC_FAILED && *size == 0)
		oss_report_status(OC_FAILED, &error, psprintf("could not read a sample of \"%s\"", object->key));
	*whole = status == OC_END;
	text[*size] = '\0';
	if (memchr(text, '\0', *size))
		return NULL;
	if (*whole == false)
		while (*size > 0 && text[*size - 1] != '\n')
			(*size)--;
	return pg_verify_mbstr(GetDatabaseEncoding(), text, *size, true) ? text : NULL;
}

/* What the statement's OPTIONS say of the format; the rest is found by looking. */
static void
guess_from_options(Import *import, Guess *guess)
{
	ListCell *lc;

	foreach (lc, import->stmt->options)
	{
		DefElem *option = lfirst(lc);
		const char *value = defGetString(option);
		bool header;

		if (strcmp(option->defname, "format") == 0)
			guess->format = pg_strcasecmp(value, "jsonl") == 0	? OC_FORMAT_JSONL
							: pg_strcasecmp(value, "text") == 0 ? OC_FORMAT_TEXT
																: OC_FORMAT_CSV;
		else if (strcmp(option->defname, "delimiter") == 0)
			guess->delimiter = pstrdup(value);
		else if (strcmp(option->defname, "quote") == 0 && strlen(value) == 1)
			guess->quote = value;
		else if (strcmp(option->defname, "null") == 0)
			guess->null_string = value;
		else if (strcmp(option->defname, "header") == 0)
			guess->header = parse_bool(value, &header) ? header : 1;
	}
}

/* a=1/b=x/ below the folder: text columns, since another folder may hold anything */
static List *
partition_columns(const char *key, size_t prefix_length)
{
	List *columns = NIL;
	const char *segment = key + prefix_length;
	const char *slash;

	while ((slash = strchr(segment, '/')) != NULL)
	{
		const char *equals = memchr(segment, '=', slash - segment);

		if (equals && equals > segment)
		{
			GuessedColumn *column = palloc0(sizeof(GuessedColumn));

			column->name = pnstrdup(segment, equals - segment);
			column->type = "text";
			column->partition = true;
			columns = lappend(columns, column);
		}
		segment = slash + 1;
	}
	return columns;
}

static void
append_option(StringInfo sql, const char *name, const char *value)
{
	appendStringInfo(sql, "%s%s %s", sql->data[sql->len - 1] == '(' ? "" : ", ", quote_identifier(name), quote_literal_cstr(value));
}

static bool
option_given(const Import *import, const char *name)
{
	ListCell *lc;

	foreach (lc, import->stmt->options)
		if (strcmp(((DefElem *) lfirst(lc))->defname, name) == 0)
			return true;
	return false;
}

static char *
create_command(Import *import, const char *name, const char *key, bool is_folder, Guess *guess)
{
	static const char *const formats[] = {[OC_FORMAT_CSV] = "csv", [OC_FORMAT_TEXT] = "text", [OC_FORMAT_JSONL] = "jsonl"};
	StringInfoData sql;
	ListCell *lc;
	bool partitioned = false;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE FOREIGN TABLE %s (", quote_qualified_identifier(import->stmt->local_schema, name));
	foreach (lc, guess->columns)
	{
		GuessedColumn *column = lfirst(lc);

		appendStringInfo(&sql, "%s%s %s", foreach_current_index(lc) ? ", " : "", quote_identifier(column->name), column->type);
		if (column->partition)
			appendStringInfoString(&sql, " OPTIONS (partition 'true')");
		else if (guess->format == OC_FORMAT_JSONL && strcmp(column->name, column->source_name) != 0)
			appendStringInfo(&sql, " OPTIONS (json_name %s)", quote_literal_cstr(column->source_name));
		partitioned |= column->partition;
	}
	appendStringInfo(&sql, ") SERVER %s OPTIONS (", quote_identifier(import->stmt->server_name));
	append_option(&sql, is_folder ? "dir" : "filepath", is_folder ? key : oss_glob_quote(key));
	if (is_folder && !partitioned && !option_given(import, "recursive"))
		append_option(&sql, "recursive", "true");
	if (!option_given(import, "format"))
		append_option(&sql, "format", formats[guess->format]);
	if (guess->format == OC_FORMAT_CSV && !option_given(import, "delimiter"))
		append_option(&sql, "delimiter", guess->delimiter);
	if (guess->format != OC_FORMAT_JSONL && !option_given(import, "header"))
		append_option(&sql, "header", guess->header ? "true" : "false");
	foreach (lc, import->stmt->options)
	{
		DefElem *option = lfirst(lc);

		append_option(&sql, option->defname, defGetString(option));
	}
	appendStringInfoString(&sql, ");");
	return sql.data;
}
