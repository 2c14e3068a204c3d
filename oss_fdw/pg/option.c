/*
 * option.c
 *	  The options table: every option, where it may stand, how its text becomes a value.
 *
 * CREATE/ALTER ... OPTIONS -> oss_fdw_validator -> parse each -> option_check.c for what must hold together.
 * Later, at plan and run time, the same table reads server, user mapping and table into one OssOptions
 * (table beats server).  Other vendors' names stand in the alias table (features.md b20).
 */
#include "oss_fdw.h"

#include <ctype.h>
#include <math.h>

#include "access/relation.h"
#include "access/reloptions.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(oss_fdw_validator);

/* where an option may stand; one bit each so that bucket can stand on two */
enum
{
	ON_SERVER = 1,
	ON_MAPPING = 2,
	ON_TABLE = 4,
	ON_COLUMN = 8,
};

typedef enum OptionKind
{
	KIND_STRING,	/* char * */
	KIND_BOOL,		/* bool */
	KIND_INT,		/* int, between minimum and maximum */
	KIND_SIZE,		/* int64 bytes, with units */
	KIND_SECONDS,	/* int64 */
	KIND_MS,		/* int64 */
	KIND_ENUM,		/* int */
} OptionKind;

typedef struct EnumName
{
	const char *name;
	int value;
} EnumName;

static const EnumName provider_names[] = {
	{"oss", OC_PROVIDER_OSS}, {"obs", OC_PROVIDER_OBS}, {"s3", OC_PROVIDER_S3}, {NULL, 0}};
static const EnumName addressing_names[] = {{"auto", OC_ADDRESSING_AUTO},
											{"virtual", OC_ADDRESSING_VIRTUAL},
											{"path", OC_ADDRESSING_PATH},
											{"cname", OC_ADDRESSING_CNAME},
											{NULL, 0}};
static const EnumName signature_names[] = {{"v4", OC_SIGNATURE_V4}, {"v1", OC_SIGNATURE_V1}, {NULL, 0}};
static const EnumName format_names[] = {{"csv", OC_FORMAT_CSV},		{"text", OC_FORMAT_TEXT},
										{"binary", OC_FORMAT_BINARY}, {"fixed", OC_FORMAT_FIXED},
										{"jsonl", OC_FORMAT_JSONL},	{NULL, 0}};
static const EnumName header_names[] = {
	{"false", OSS_HEADER_NONE}, {"true", OSS_HEADER_WRITE}, {"match", OSS_HEADER_MATCH}, {"off", OSS_HEADER_NONE},
	{"on", OSS_HEADER_WRITE},	{"no", OSS_HEADER_NONE},	{"yes", OSS_HEADER_WRITE},	 {"0", OSS_HEADER_NONE},
	{"1", OSS_HEADER_WRITE},	{NULL, 0}};
static const EnumName compression_names[] = {
	{"auto", OC_CODEC_AUTO}, {"none", OC_CODEC_NONE},	{"gzip", OC_CODEC_GZIP}, {"zstd", OC_CODEC_ZSTD},
	{"lz4", OC_CODEC_LZ4},	 {"bzip2", OC_CODEC_BZIP2}, {"xz", OC_CODEC_XZ},	 {"deflate", OC_CODEC_DEFLATE},
	{"plain", OC_CODEC_NONE}, {"snappy", OC_CODEC_SNAPPY}, {NULL, 0}};
static const EnumName export_mode_names[] = {{"append", OC_EXPORT_APPEND},
											 {"error_if_exists", OC_EXPORT_ERROR_IF_EXISTS},
											 {"overwrite", OC_EXPORT_OVERWRITE},
											 {NULL, 0}};
static const EnumName write_empty_names[] = {{"auto", OSS_WRITE_EMPTY_AUTO},
											 {"always", OSS_WRITE_EMPTY_ALWAYS},
											 {"never", OSS_WRITE_EMPTY_NEVER},
											 {NULL, 0}};
static const EnumName metadata_names[] = {{"path", OSS_METADATA_PATH},	 {"file", OSS_METADATA_FILE},
										  {"size", OSS_METADATA_SIZE},	 {"mtime", OSS_METADATA_MTIME},
										  {"etag", OSS_METADATA_ETAG},	 {"line", OSS_METADATA_LINE},
										  {NULL, 0}};

typedef struct OptionDef
{
	const char *name;
	int places;				/* ON_* bits */
	OptionKind kind;
	size_t offset;			/* into OssOptions, or OssColumnOptions for columns */
	const EnumName *names;	/* KIND_ENUM */
	int64 minimum;
	int64 maximum;
	bool superuser_only;
	bool secret;
} OptionDef;

#define OPT(field) offsetof(OssOptions, field)
#define COL(field) offsetof(OssColumnOptions, field)
#define GB ((int64) 1 << 30)

/* In the order of the tables of README.md, which is the order of the list in the error message. */
static const OptionDef option_defs[] = {
	{"endpoint", ON_SERVER, KIND_STRING, OPT(endpoint)},
	{"provider", ON_SERVER, KIND_ENUM, OPT(provider), provider_names},
	{"region", ON_SERVER, KIND_STRING, OPT(region)},
	{"bucket", ON_SERVER | ON_TABLE, KIND_STRING, OPT(bucket)},
	{"addressing", ON_SERVER, KIND_ENUM, OPT(addressing), addressing_names},
	{"signature_version", ON_SERVER, KIND_ENUM, OPT(signature_version), signature_names},
	{"use_ssl", ON_SERVER, KIND_BOOL, OPT(use_ssl)},
	{"connect_timeout", ON_SERVER, KIND_MS, OPT(connect_timeout), NULL, 1, 3600 * 1000},
	{"low_speed_limit", ON_SERVER, KIND_SIZE, OPT(low_speed_limit), NULL, 1, GB},
	{"low_speed_time", ON_SERVER, KIND_SECONDS, OPT(low_speed_time), NULL, 1, 3600},
	{"dns_cache_timeout", ON_SERVER, KIND_SECONDS, OPT(dns_cache_timeout), NULL, 0, 86400},
	{"max_retries", ON_SERVER, KIND_INT, OPT(max_retries), NULL, 0, 100},
	{"retry_timeout", ON_SERVER, KIND_MS, OPT(retry_timeout), NULL, 1, 86400 * (int64) 1000},
	{"max_connections", ON_SERVER, KIND_INT, OPT(max_connections), NULL, 1, 64},
	{"proxy", ON_SERVER, KIND_STRING, OPT(proxy), NULL, 0, 0, true},
	{"ca_file", ON_SERVER, KIND_STRING, OPT(ca_file), NULL, 0, 0, true},
	{"ssl_verify", ON_SERVER, KIND_BOOL, OPT(ssl_verify), NULL, 0, 0, true},
	{"use_remote_estimate", ON_SERVER, KIND_BOOL, OPT(use_remote_estimate)},

	{"access_key_id", ON_MAPPING, KIND_STRING, OPT(access_key_id), NULL, 0, 0, false, true},
	{"access_key_secret", ON_MAPPING, KIND_STRING, OPT(access_key_secret), NULL, 0, 0, false, true},
	{"security_token", ON_MAPPING, KIND_STRING, OPT(security_token), NULL, 0, 0, false, true},

	{"filepath", ON_TABLE, KIND_STRING, OPT(filepath)},
	{"dir", ON_TABLE, KIND_STRING, OPT(dir)},
	{"prefix", ON_TABLE, KIND_STRING, OPT(prefix)},
	{"location", ON_TABLE, KIND_STRING, OPT(location)},
	{"recursive", ON_TABLE, KIND_BOOL, OPT(recursive)},

	{"format", ON_TABLE, KIND_ENUM, OPT(format), format_names},
	{"delimiter", ON_TABLE, KIND_STRING, OPT(delimiter)},
	{"null", ON_TABLE, KIND_STRING, OPT(null_string)},
	{"quote", ON_TABLE, KIND_STRING, OPT(quote)},
	{"escape", ON_TABLE, KIND_STRING, OPT(escape)},
	{"header", ON_TABLE, KIND_ENUM, OPT(header), header_names},
	{"encoding", ON_TABLE, KIND_STRING, OPT(encoding)},
	{"force_quote", ON_TABLE, KIND_STRING, OPT(force_quote)},
	{"force_not_null", ON_TABLE, KIND_STRING, OPT(force_not_null)},
	{"force_null", ON_TABLE, KIND_STRING, OPT(force_null)},
	{"eol", ON_TABLE, KIND_STRING, OPT(eol)},
	{"multi_line", ON_TABLE, KIND_BOOL, OPT(multi_line)},
	{"noescaping", ON_TABLE, KIND_BOOL, OPT(noescaping)},
	{"skip", ON_TABLE, KIND_SIZE, OPT(skip), NULL, 0, INT_MAX},
	{"date_format", ON_TABLE, KIND_STRING, OPT(date_format)},
	{"time_format", ON_TABLE, KIND_STRING, OPT(time_format)},
	{"timestamp_format", ON_TABLE, KIND_STRING, OPT(timestamp_format)},
	{"ignore_extra_data", ON_TABLE, KIND_BOOL, OPT(ignore_extra_data)},
	{"fill_missing_fields", ON_TABLE, KIND_BOOL, OPT(fill_missing_fields)},
	{"compatible_illegal_chars", ON_TABLE, KIND_BOOL, OPT(compatible_illegal_chars)},
	{"reject_limit", ON_TABLE, KIND_STRING, OPT(reject_limit)},
	{"log_errors", ON_TABLE, KIND_BOOL, OPT(log_errors)},
	{"error_table", ON_TABLE, KIND_STRING, OPT(error_table)},
	{"compression", ON_TABLE, KIND_ENUM, OPT(compression), compression_names},
	{"compression_level", ON_TABLE, KIND_INT, OPT(compression_level), NULL, -100, 100},
	{"max_decompressed_bytes", ON_TABLE, KIND_SIZE, OPT(max_decompressed_bytes), NULL, 0, PG_INT64_MAX},

	{"export_mode", ON_TABLE, KIND_ENUM, OPT(export_mode), export_mode_names},
	{"max_file_size", ON_TABLE, KIND_SIZE, OPT(max_file_size), NULL, 0, 10000 * 5 * GB},
	{"part_size", ON_TABLE, KIND_SIZE, OPT(part_size), NULL, 102400, 5 * GB},
	{"batch_size", ON_TABLE, KIND_INT, OPT(batch_size), NULL, 1, INT_MAX},
	{"manifest", ON_TABLE, KIND_BOOL, OPT(manifest)},
	{"write_empty", ON_TABLE, KIND_ENUM, OPT(write_empty), write_empty_names},
	{"partition_by", ON_TABLE, KIND_STRING, OPT(partition_by)},
	{"keep_partition_columns", ON_TABLE, KIND_BOOL, OPT(keep_partition_columns)},
	{"storage_class", ON_TABLE, KIND_STRING, OPT(storage_class)},
	{"acl", ON_TABLE, KIND_STRING, OPT(acl)},
	{"sse", ON_TABLE, KIND_STRING, OPT(sse)},
	{"sse_kms_key_id", ON_TABLE, KIND_STRING, OPT(sse_kms_key_id)},
	{"tagging", ON_TABLE, KIND_STRING, OPT(tagging)},
	{"metadata", ON_TABLE, KIND_STRING, OPT(metadata)},
	{"content_type", ON_TABLE, KIND_STRING, OPT(content_type)},
	{"truncatable", ON_TABLE, KIND_BOOL, OPT(truncatable)},
	{"updatable", ON_TABLE, KIND_BOOL, OPT(updatable)},
	{"compression_threads", ON_TABLE, KIND_INT, OPT(compression_threads), NULL, 0, 64},

	{"force_null", ON_COLUMN, KIND_BOOL, COL(force_null)},
	{"force_not_null", ON_COLUMN, KIND_BOOL, COL(force_not_null)},
	{"force_quote", ON_COLUMN, KIND_BOOL, COL(force_quote)},
	{"partition", ON_COLUMN, KIND_BOOL, COL(partition)},
	{"metadata", ON_COLUMN, KIND_ENUM, COL(metadata), metadata_names},
	{"position", ON_COLUMN, KIND_STRING, COL(position)},
	{"json_name", ON_COLUMN, KIND_STRING, COL(json_name)},
	{NULL},
};

/*
 * Other products' names.  unit: what a number without a unit means there, in bytes (sizes) or ms (times);
 * 0 = as in ours.  transform: how the text is to be read.
 */
typedef enum AliasTransform
{
	ALIAS_PLAIN,
	ALIAS_VIRTUAL_STYLE, /* boolean: true = addressing virtual, false = path */
	ALIAS_PATH_STYLE,	 /* boolean: true = addressing path, false = virtual */
	ALIAS_OVERWRITE,	 /* boolean: true = export_mode overwrite, false = error_if_exists */
} AliasTransform;

typedef struct OptionAlias
{
	const char *alias;
	int place;
	const char *name;
	int64 unit;
	AliasTransform transform;
} OptionAlias;

#define MB ((int64) 1 << 20)

static const OptionAlias option_aliases[] = {
	{"host", ON_SERVER, "endpoint"},
	{"ossendpoint", ON_SERVER, "endpoint"},
	{"address", ON_SERVER, "endpoint"},
	{"protocol", ON_SERVER, "provider"},
	{"isvirtual", ON_SERVER, "addressing", 0, ALIAS_VIRTUAL_STYLE},
	{"use_path_style", ON_SERVER, "addressing", 0, ALIAS_PATH_STYLE},
	{"ishttps", ON_SERVER, "use_ssl"},
	{"encrypt", ON_SERVER, "use_ssl"},
	{"oss_connect_timeout", ON_SERVER, "connect_timeout"},
	{"oss_dns_cache_timeout", ON_SERVER, "dns_cache_timeout"},
	{"oss_speed_limit", ON_SERVER, "low_speed_limit"},
	{"speed_limit", ON_SERVER, "low_speed_limit"},
	{"oss_speed_time", ON_SERVER, "low_speed_time"},
	{"speed_time", ON_SERVER, "low_speed_time"},
	{"id", ON_MAPPING, "access_key_id"},
	{"accesskey", ON_MAPPING, "access_key_id"},
	{"access_key", ON_MAPPING, "access_key_id"},
	{"user", ON_MAPPING, "access_key_id"},
	{"key", ON_MAPPING, "access_key_secret"},
	{"secretkey", ON_MAPPING, "access_key_secret"},
	{"secret_access_key", ON_MAPPING, "access_key_secret"},
	{"password", ON_MAPPING, "access_key_secret"},
	{"session_token", ON_MAPPING, "security_token"},
	{"sts_token", ON_MAPPING, "security_token"},
	{"foldername", ON_TABLE, "dir"},
	{"dirname", ON_TABLE, "dir"},
	{"path", ON_TABLE, "location"},
	{"data_path", ON_TABLE, "location"},
	{"compressiontype", ON_TABLE, "compression"},
	{"filetype", ON_TABLE, "compression"},
	{"compress", ON_TABLE, "compression"},
	{"compressionlevel", ON_TABLE, "compression_level"},
	{"oss_file_max_size", ON_TABLE, "max_file_size", MB},
	{"file_size_bytes", ON_TABLE, "max_file_size"},
	{"target_max_file_size", ON_TABLE, "max_file_size"},
	{"oss_flush_block_size", ON_TABLE, "part_size", MB},
	{"chunksize", ON_TABLE, "part_size", MB},
	{"batchsize", ON_TABLE, "batch_size"},
	{"num_parallel_worker", ON_TABLE, "compression_threads"},
	{"threadnum", ON_TABLE, "compression_threads"},
	{"overwrite", ON_TABLE, "export_mode", 0, ALIAS_OVERWRITE},
	{"allowoverwrite", ON_TABLE, "export_mode", 0, ALIAS_OVERWRITE},
	{"cleanpath", ON_TABLE, "export_mode", 0, ALIAS_OVERWRITE},
	{"with_column_header", ON_TABLE, "header"},
	{"multiline", ON_TABLE, "multi_line"},
	{"parse_errors", ON_TABLE, "reject_limit"},
	{"segment_reject_limit", ON_TABLE, "reject_limit"},
	{NULL},
};

static const OptionDef *find_option(const char *name, int place);
static const OptionAlias *find_alias(const char *name, int place);
static void apply_options(List *list, int place, void *target, OssOptions *options, bool ddl);
static void apply_option(const OptionDef *def, const OptionAlias *alias, const char *given, const char *text, void *target);
static const char *transformed_text(const OptionAlias *alias, const char *given, const char *text);
static void refuse_unknown(const char *name, int place);
static void check_superuser_only(const OptionDef *def);
static int64 parse_quantity(const OptionDef *def, const char *given, const char *text, int64 default_unit);
static int parse_enum(const OptionDef *def, const char *given, const char *text);
static void check_header_safe(const char *name, const char *text);
static void parse_position(OssColumnOptions *options);
static int place_of_catalog(Oid catalog);

/*
 * oss_fdw_validator
 *		Checks the whole option list of one server, user mapping, table or column.
 */
Datum
oss_fdw_validator(PG_FUNCTION_ARGS)
{
	List *list = untransformRelOptions(PG_GETARG_DATUM(0));
	int place = place_of_catalog(PG_GETARG_OID(1));

	if (place == ON_COLUMN)
	{
		OssColumnOptions column = {0};

		apply_options(list, place, &column, NULL, true);
		parse_position(&column);
		if (column.partition && column.metadata != OSS_METADATA_NONE)
			ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("options \"partition\" and \"metadata\" exclude each other")));
	}
	else
	{
		OssOptions options;

		oss_options_init(&options);
		apply_options(list, place, &options, &options, true);
		if (place == ON_SERVER)
			oss_options_check_server(&options);
		if (place == ON_TABLE)
			oss_options_check_table(&options);
		if (place == ON_MAPPING && (options.access_key_id == NULL) != (options.access_key_secret == NULL))
			ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
							errmsg("access_key_id and access_key_secret must be given together"),
							errhint("Leave out both for anonymous requests.")));
	}
	PG_RETURN_VOID();
}

/* The defaults of design: everything not named here is zero or NULL. */
void
oss_options_init(OssOptions *options)
{
	memset(options, 0, sizeof(*options));
	options->connect_timeout = 10 * 1000;
	options->low_speed_limit = 1024;
	options->low_speed_time = 30;
	options->dns_cache_timeout = 60;
	options->max_retries = 5;
	options->retry_timeout = 120 * 1000;
	options->max_connections = 8;
	options->ssl_verify = true;
	options->use_ssl = true;
	options->format = OC_FORMAT_CSV;
	options->multi_line = true;
	options->compression = OC_CODEC_AUTO;
	options->compression_level = OC_LEVEL_DEFAULT;
	options->max_file_size = 256 * MB;
	options->part_size = 8 * MB;
	options->batch_size = 1000;
	options->updatable = true;
	options->compression_threads = 2;
	options->encoding_id = -1;
}

/* Server and user mapping (if any), for functions that need no table. */
void
oss_options_for_server(Oid serverid, Oid userid, OssOptions *options)
{
	ForeignServer *server = GetForeignServer(serverid);
	HeapTuple mapping;
	bool isnull;

	apply_options(server->options, ON_SERVER, options, options, false);
	options->serverid = serverid;
	options->userid = userid;

	/* GetUserMapping() would make a missing mapping an error; for us it means anonymous requests */
	mapping = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(userid), ObjectIdGetDatum(serverid));
	if (!HeapTupleIsValid(mapping))
		mapping = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid), ObjectIdGetDatum(serverid));
	if (HeapTupleIsValid(mapping))
	{
		Datum datum = SysCacheGetAttr(USERMAPPINGUSERSERVER, mapping, Anum_pg_user_mapping_umoptions, &isnull);
		List *list = isnull ? NIL : untransformRelOptions(datum);

		ReleaseSysCache(mapping);
		apply_options(list, ON_MAPPING, options, options, false);
	}
}

/* Everything that concerns a foreign table, checked again: ALTER of the server may have made it invalid. */
void
oss_options_for_table(Oid relid, Oid userid, OssOptions *options)
{
	ForeignTable *table = GetForeignTable(relid);

	oss_options_init(options);
	oss_options_for_server(table->serverid, userid, options);
	apply_options(table->options, ON_TABLE, options, options, false);
	oss_options_check_table(options);
}

/* The values of partition columns are folders below dir. */
void
oss_options_add_folders(Oid relid, OssOptions *options)
{
	Relation rel;
	int natts;

	if (options->dir == NULL)
		return;
	rel = relation_open(relid, AccessShareLock);
	natts = RelationGetNumberOfAttributes(rel);
	relation_close(rel, NoLock);
	for (AttrNumber attnum = 1; attnum <= natts; attnum++)
	{
		OssColumnOptions column;

		oss_options_for_column(relid, attnum, &column);
		options->recursive |= column.partition;
	}
}

void
oss_options_for_column(Oid relid, AttrNumber attnum, OssColumnOptions *options)
{
	memset(options, 0, sizeof(*options));
	apply_options(GetForeignColumnOptions(relid, attnum), ON_COLUMN, options, NULL, false);
	parse_position(options);
}

/* ---- helpers, in the order of use */

static int
place_of_catalog(Oid catalog)
{
	switch (catalog)
	{
		case ForeignServerRelationId:
			return ON_SERVER;
		case UserMappingRelationId:
			return ON_MAPPING;
		case ForeignTableRelationId:
			return ON_TABLE;
		case AttributeRelationId:
			return ON_COLUMN;
		default:
			return 0; /* the wrapper itself takes none */
	}
}

/*
 * Reads a list into target; options is NULL for columns.  Two names of one option together are an error.
 * ddl: the list is being set now, by the current user.
 */
static void
apply_options(List *list, int place, void *target, OssOptions *options, bool ddl)
{
	const char *seen[lengthof(option_defs)] = {NULL};
	ListCell *lc;

	foreach (lc, list)
	{
		DefElem *element = lfirst_node(DefElem, lc);
		const OptionAlias *alias = NULL;
		const OptionDef *def = find_option(element->defname, place);

		if (def == NULL && (alias = find_alias(element->defname, place)) != NULL)
			def = find_option(alias->name, place);
		if (def == NULL)
			refuse_unknown(element->defname, place);
		if (seen[def - option_defs] != NULL)
			ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
							errmsg("options \"%s\" and \"%s\" are two names of one option", seen[def - option_defs],
								   element->defname),
							errhint("Keep one of them.")));
		seen[def - option_defs] = element->defname;
		if (ddl)
			check_superuser_only(def);
		apply_option(def, alias, element->defname, defGetString(element), target);
		if (options != NULL && def->offset == OPT(use_ssl))
			options->use_ssl_given = true;
		if (options != NULL && def->offset == OPT(multi_line))
			options->multi_line_given = true;
		if (options != NULL && def->offset == OPT(max_file_size))
			options->max_file_size_given = true;
		if (options != NULL && def->offset == OPT(part_size))
			options->part_size_given = true;
	}
}

static const OptionDef *
find_option(const char *name, int place)
{
	for (const OptionDef *def = option_defs; def->name; def++)
		if ((def->places & place) && pg_strcasecmp(def->name, name) == 0)
			return def;
	return NULL;
}

static const OptionAlias *
find_alias(const char *name, int place)
{
	for (const OptionAlias *alias = option_aliases; alias->alias; alias++)
		if ((alias->place & place) && pg_strcasecmp(alias->alias, name) == 0)
			return alias;
	return NULL;
}

/* Closest valid name, or NULL when nothing is near. */
static const char *
closest_name(const char *name, int place)
{
	const char *best = NULL;
	int best_distance = 4;

	if (strlen(name) > NAMEDATALEN)
		return NULL;
	for (const OptionDef *def = option_defs; def->name; def++)
	{
		int distance;

		if (!(def->places & place))
			continue;
		distance = varstr_levenshtein_less_equal(name, strlen(name), def->name, strlen(def->name), 1, 1, 1,
												 best_distance, false);
		if (distance < best_distance)
		{
			best_distance = distance;
			best = def->name;
		}
	}
	return best;
}

static const char *
place_name(int place)
{
	return place == ON_SERVER	 ? "server"
		   : place == ON_MAPPING ? "user mapping"
		   : place == ON_TABLE	 ? "foreign table"
		   : place == ON_COLUMN	 ? "column"
								 : "foreign-data wrapper";
}

/* Says what is valid here; a secret in the wrong place gets its own words. */
static void
refuse_unknown(const char *name, int place)
{
	StringInfoData list;
	const char *close;
	const OptionAlias *alias = find_alias(name, ON_MAPPING);

	if (place != ON_MAPPING && (alias != NULL || find_option(name, ON_MAPPING) != NULL))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
						errmsg("option \"%s\" belongs on a user mapping, not on a %s", name, place_name(place)),
						errdetail("Options of servers and tables can be read by everybody."),
						errhint("Use CREATE USER MAPPING ... OPTIONS (%s '...').", alias ? alias->name : name)));

	initStringInfo(&list);
	for (const OptionDef *def = option_defs; def->name; def++)
		if (def->places & place)
			appendStringInfo(&list, "%s%s", list.len ? ", " : "", def->name);
	close = place ? closest_name(name, place) : NULL;
	ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					errmsg("invalid option \"%s\" for a %s", name, place_name(place)),
					list.len ? errdetail("Valid options are: %s.", list.data) : errdetail("There are no valid options here."),
					close ? errhint("Perhaps you meant the option \"%s\".", close) : 0));
}

/* These borrow the server's identity or weaken TLS.  Checked when they are set, not when they are used. */
static void
check_superuser_only(const OptionDef *def)
{
	if (def->superuser_only && !superuser())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("only a superuser may set option \"%s\"", def->name)));
}

/* One option's text into its field. */
static void
apply_option(const OptionDef *def, const OptionAlias *alias, const char *given, const char *text, void *target)
{
	char *field = (char *) target + def->offset;

	if (alias)
		text = transformed_text(alias, given, text);
	switch (def->kind)
	{
		case KIND_STRING:
			check_header_safe(given, text);
			*(char **) field = pstrdup(text);
			break;
		case KIND_BOOL:
			if (!parse_bool(text, (bool *) field))
				ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
								errmsg("option \"%s\" needs a boolean, not \"%s\"", given, text),
								errhint("Valid values are true and false, on and off, yes and no, 1 and 0.")));
			break;
		case KIND_INT:
			*(int *) field = (int) parse_quantity(def, given, text, 0);
			break;
		case KIND_SIZE:
			*(int64 *) field = parse_quantity(def, given, text, alias && alias->unit ? alias->unit : 1);
			break;
		case KIND_SECONDS:
		case KIND_MS:
			*(int64 *) field = parse_quantity(def, given, text, def->kind == KIND_MS ? 1000 : 1);
			break;
		case KIND_ENUM:
			*(int *) field = parse_enum(def, given, text);
			break;
	}
}

/* Some products say with a boolean what we say with a word. */
static const char *
transformed_text(const OptionAlias *alias, const char *given, const char *text)
{
	bool value;

	if (alias->transform == ALIAS_PLAIN)
		return text;
	if (!parse_bool(text, &value))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("option \"%s\" needs a boolean, not \"%s\"", given, text),
								errhint("Valid values are true and false, on and off, yes and no, 1 and 0.")));
	switch (alias->transform)
	{
		case ALIAS_VIRTUAL_STYLE:
			return value ? "virtual" : "path";
		case ALIAS_PATH_STYLE:
			return value ? "path" : "virtual";
		case ALIAS_OVERWRITE:
			return value ? "overwrite" : "error_if_exists";
		default:
			return text;
	}
}

typedef struct UnitName
{
	const char *name;
	int64 factor;
} UnitName;

/*
 * A number with an optional unit; sizes in bytes, seconds in s, ms in ms.  default_unit is what a bare number counts in
 * (0: no units at all).
 */
static int64
parse_quantity(const OptionDef *def, const char *given, const char *text, int64 default_unit)
{
	static const UnitName sizes[] = {{"B", 1},		  {"kB", 1024},		{"MB", MB},
									 {"GB", 1024 * MB}, {"TB", MB * MB}, {NULL, 0}};
	static const UnitName ms[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {NULL, 0}};
	static const UnitName seconds[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {NULL, 0}};
	const UnitName *unit = def->kind == KIND_SIZE ? sizes : def->kind == KIND_MS ? ms : seconds;
	char *end;
	double number;
	int64 factor = default_unit ? default_unit : 1;

	errno = 0;
	number = strtod(text, &end);
	/* decimal only: strtod also takes 0x10, 1e3 and inf */
	if (end != text + strspn(text, " +-.0123456789"))
		goto invalid;
	if (end == text || errno != 0 || isnan(number))
		goto invalid;
	while (isspace((unsigned char) *end))
		end++;
	if (*end != '\0')
	{
		while (default_unit && unit->name && pg_strcasecmp(unit->name, end) != 0)
			unit++;
		if (default_unit == 0 || unit->name == NULL)
			goto invalid;
		factor = unit->factor;
	}
	number *= (double) factor;
	if (number != rint(number) && factor == 1)
		goto invalid;
	if (number < (double) def->minimum || number > (double) def->maximum || number >= 9.2e18)
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("value \"%s\" is out of range for option \"%s\"", text, given),
						errdetail("It must be between " INT64_FORMAT " and " INT64_FORMAT "%s.", def->minimum, def->maximum,
								  def->kind == KIND_SIZE	  ? " bytes"
								  : def->kind == KIND_MS	  ? " milliseconds"
								  : def->kind == KIND_SECONDS ? " seconds"
															  : "")));
	return (int64) number;

invalid:
	ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
					errmsg("invalid value \"%s\" for option \"%s\"", text, given),
					def->kind == KIND_SIZE	 ? errhint("Valid units are \"B\", \"kB\", \"MB\", \"GB\" and \"TB\".")
					: def->kind == KIND_INT	 ? errhint("Give a whole number.")
											 : errhint("Valid units are \"s\", \"min\" and \"h\".")));
	return 0;
}

static int
parse_enum(const OptionDef *def, const char *given, const char *text)
{
	StringInfoData list;

	for (const EnumName *name = def->names; name->name; name++)
		if (pg_strcasecmp(name->name, text) == 0)
			return name->value;

	initStringInfo(&list);
	for (const EnumName *name = def->names; name->name; name++)
		appendStringInfo(&list, "%s%s", list.len ? ", " : "", name->name);
	ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
					errmsg("invalid value \"%s\" for option \"%s\"", text, given),
					errdetail("Valid values are: %s.", list.data)));
	return 0;
}

/*
 * Whatever may reach a header or a URL must not hold control characters (protocols.md 7.5).  The few options that are
 * file content may.
 */
static void
check_header_safe(const char *name, const char *text)
{
	static const char *const content[] = {"delimiter", "null", "quote", "escape", "eol", NULL};

	for (int i = 0; content[i]; i++)
		if (strcmp(content[i], name) == 0)
			return;
	for (const char *c = text; *c; c++)
		if ((unsigned char) *c < 0x20 || *c == 0x7f)
			ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
							errmsg("option \"%s\" must not contain control characters", name)));
}

/* 'offset,length' in bytes, offset from 0 */
static void
parse_position(OssColumnOptions *options)
{
	int used = 0;

	if (options->position == NULL)
		return;
	if (sscanf(options->position, " %u , %u %n", &options->offset, &options->length, &used) != 2 ||
		options->position[used] != '\0' || strchr(options->position, '-') != NULL || options->length == 0 ||
		options->offset > 1000000 || options->length > 1000000)
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("invalid value \"%s\" for option \"position\"", options->position),
						errhint("Give \"offset,length\" in bytes, the offset counted from 0, for example '0,10'.")));
}
