/*
 * option_check.c
 *	  What must hold among the options of one server or one table, and between a table's options and its columns.
 *
 * option.c has read each value by itself; here are the rules that need several.  The format rules are COPY's, with
 * COPY's words where there is a COPY rule.
 */
#include "oss_fdw.h"

#include <ctype.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

static void check_place(OssOptions *options);
static void split_location(OssOptions *options);
static void check_format(OssOptions *options);
static void check_format_defaults(OssOptions *options);
static void check_csv_only(const OssOptions *options);
static void check_delimiter(const OssOptions *options);
static void check_binary(const OssOptions *options);
static void check_reading(const OssOptions *options);
static void check_writing(OssOptions *options);
static void check_attributes(const OssOptions *options);
static void check_codec(const OssOptions *options);

#define OPTION_ERROR(...) ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE), __VA_ARGS__))
#define COMBINATION_ERROR(...) ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), __VA_ARGS__))

void
oss_options_check_server(OssOptions *options)
{
	oc_config config;
	oc_error error;

	if (options->endpoint == NULL)
		ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND), errmsg("option \"endpoint\" is required"),
						errhint("For example: OPTIONS (endpoint 'oss-cn-hangzhou.aliyuncs.com').")));
	oss_config_fill(options, &config);
	if (!oc_config_check(&config, &error))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE), errmsg("%s", error.message)));
	if (options->bucket && !oc_bucket_check(options->provider, options->bucket, &error))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE), errmsg("%s", error.message)));
	if (options->signature_version == OC_SIGNATURE_V1 && options->provider != OC_PROVIDER_OSS)
		COMBINATION_ERROR(errmsg("option \"signature_version\" is only for provider \"oss\""));
}

/* Also fills in what has another default by format, and the place from location. */
void
oss_options_check_table(OssOptions *options)
{
	check_place(options);
	check_format(options);
	check_reading(options);
	check_writing(options);
	check_attributes(options);
	check_codec(options);
}

/* ---- place */

static void
check_place(OssOptions *options)
{
	int places;
	oc_error error;

	if (options->location)
		split_location(options);
	places = (options->filepath != NULL) + (options->dir != NULL) + (options->prefix != NULL);
	if (places != 1)
		COMBINATION_ERROR(errmsg(places == 0 ? "one of the options \"filepath\", \"dir\", \"prefix\" and \"location\" is required"
											 : "only one of the options \"filepath\", \"dir\", \"prefix\" and \"location\" may be given"),
						  errhint("filepath names one object or a pattern, dir a folder, prefix the beginning of names, location a URL."));
	if (options->bucket && !oc_bucket_check(options->provider, options->bucket, &error))
		OPTION_ERROR(errmsg("%s", error.message));
	if (options->recursive && options->dir == NULL)
		COMBINATION_ERROR(errmsg("option \"recursive\" is only for \"dir\""));
	if (options->dir && options->dir[0] != '\0' && options->dir[strlen(options->dir) - 1] != '/')
		options->dir = psprintf("%s/", options->dir);
	if (options->filepath && !oc_key_check(options->filepath, &error))
		OPTION_ERROR(errmsg("%s", error.message));
	if ((options->dir && strlen(options->dir) > 900) || (options->prefix && strlen(options->prefix) > 900))
		OPTION_ERROR(errmsg("option \"%s\" is too long", options->dir ? "dir" : "prefix"),
					 errdetail("The names of objects may have at most 1023 bytes in all."));
	if ((options->dir && (options->dir[0] == '/' || options->dir[0] == '\\')) ||
		(options->prefix && (options->prefix[0] == '/' || options->prefix[0] == '\\')))
		OPTION_ERROR(errmsg("option \"%s\" must not begin with a slash or backslash", options->dir ? "dir" : "prefix"),
					 errhint("Names in a bucket have no leading slash."));
}

/* oss://bucket/path: a path that ends in '/' (or is empty) is a dir, another one a filepath */
static void
split_location(OssOptions *options)
{
	static const char *const schemes[] = {"oss://", "obs://", "s3://", "s3a://", NULL};
	const char *rest = NULL;
	const char *slash;
	char *bucket;
	size_t length;

	for (int i = 0; schemes[i]; i++)
		if (pg_strncasecmp(options->location, schemes[i], strlen(schemes[i])) == 0)
			rest = options->location + strlen(schemes[i]);
	if (rest == NULL)
		OPTION_ERROR(errmsg("invalid location \"%s\"", options->location),
					 errhint("A location looks like oss://bucket/path/, obs://..., s3://... or s3a://..."));
	if (options->filepath || options->dir || options->prefix)
		COMBINATION_ERROR(errmsg("only one of the options \"filepath\", \"dir\", \"prefix\" and \"location\" may be given"),
						  errhint("filepath names one object or a pattern, dir a folder, prefix the beginning of names, location a URL."));
	slash = strchr(rest, '/');
	bucket = slash ? pnstrdup(rest, slash - rest) : pstrdup(rest);
	if (bucket[0] == '\0')
		OPTION_ERROR(errmsg("location \"%s\" names no bucket", options->location));
	options->bucket = bucket;
	rest = slash ? slash + 1 : "";
	length = strlen(rest);
	if (length == 0 || rest[length - 1] == '/')
		options->dir = pstrdup(rest);
	else
		options->filepath = pstrdup(rest);
}

/* ---- format */

static void
check_format(OssOptions *options)
{
	if (options->encoding)
	{
		options->encoding_id = pg_char_to_encoding(options->encoding);
		if (options->encoding_id < 0)
			OPTION_ERROR(errmsg("argument to option \"encoding\" must be a valid encoding name"));
	}
	else
		options->encoding_id = GetDatabaseEncoding();
	check_format_defaults(options);
	check_binary(options);
	check_csv_only(options);
	if (options->format == OC_FORMAT_CSV || options->format == OC_FORMAT_TEXT)
		check_delimiter(options);
	if (options->eol && strlen(options->eol) > OC_DELIMITER_MAX)
		OPTION_ERROR(errmsg("option \"eol\" may have at most %d bytes", OC_DELIMITER_MAX));
	if (options->eol && options->eol[0] == '\0')
		OPTION_ERROR(errmsg("option \"eol\" must not be empty"));
	if (strlen(options->null_string) > 100)
		OPTION_ERROR(errmsg("option \"null\" may have at most 100 bytes"));
	if (strpbrk(options->null_string, "\r\n"))
		OPTION_ERROR(errmsg("COPY null representation cannot use newline or carriage return"));
	if (options->header != OSS_HEADER_NONE && options->format != OC_FORMAT_CSV && options->format != OC_FORMAT_TEXT)
		COMBINATION_ERROR(errmsg("option \"header\" is only for the formats csv and text"));
}

static void
check_format_defaults(OssOptions *options)
{
	bool csv = options->format == OC_FORMAT_CSV;

	if (options->delimiter && options->format != OC_FORMAT_CSV && options->format != OC_FORMAT_TEXT)
		COMBINATION_ERROR(errmsg("option \"delimiter\" is only for the formats csv and text"));
	if (options->null_string && options->format != OC_FORMAT_CSV && options->format != OC_FORMAT_TEXT &&
		options->format != OC_FORMAT_FIXED)
		COMBINATION_ERROR(errmsg("option \"null\" is only for the formats csv, text and fixed"));
	if (options->delimiter == NULL)
		options->delimiter = pstrdup(csv ? "," : "\t");
	if (options->null_string == NULL)
		options->null_string = pstrdup(csv || options->format == OC_FORMAT_FIXED ? "" : "\\N");
	if (csv && options->quote == NULL)
		options->quote = pstrdup("\"");
	if (csv && options->escape == NULL)
		options->escape = pstrdup(options->quote);
}

static void
check_binary(const OssOptions *options)
{
	if (options->format != OC_FORMAT_BINARY)
		return;
	if (options->encoding && options->encoding_id != GetDatabaseEncoding())
		COMBINATION_ERROR(errmsg("option \"encoding\" must be the database's for the format binary"));
	if (options->eol || options->skip)
		COMBINATION_ERROR(errmsg("option \"%s\" is not for the format binary", options->eol ? "eol" : "skip"));
}

static void
check_csv_only(const OssOptions *options)
{
	if (options->format == OC_FORMAT_CSV)
	{
		if (strlen(options->quote) != 1)
			OPTION_ERROR(errmsg("COPY quote must be a single one-byte character"));
		if (strlen(options->escape) != 1)
			OPTION_ERROR(errmsg("COPY escape must be a single one-byte character"));
		if (strchr(options->delimiter, options->quote[0]))
			OPTION_ERROR(errmsg("COPY delimiter and quote must be different"));
		if (strchr(options->null_string, options->quote[0]))
			OPTION_ERROR(errmsg("CSV quote character must not appear in the NULL specification"));
		if (options->noescaping)
			COMBINATION_ERROR(errmsg("option \"noescaping\" is only for the format text"));
		return;
	}
	if (options->quote || options->escape)
		COMBINATION_ERROR(errmsg("option \"%s\" is only for the format csv", options->quote ? "quote" : "escape"));
	if (options->force_quote || options->force_null || options->force_not_null)
		COMBINATION_ERROR(errmsg("option \"%s\" is only for the format csv", options->force_quote  ? "force_quote"
																			: options->force_null ? "force_null"
																								  : "force_not_null"));
	if (options->multi_line_given)
		COMBINATION_ERROR(errmsg("option \"multi_line\" is only for the format csv"));
	if (options->noescaping && options->format != OC_FORMAT_TEXT)
		COMBINATION_ERROR(errmsg("option \"noescaping\" is only for the format text"));
}

static void
check_delimiter(const OssOptions *options)
{
	const char *delimiter = options->delimiter;
	size_t length = strlen(delimiter);

	if (length == 0 || length > OC_DELIMITER_MAX)
		OPTION_ERROR(errmsg("option \"delimiter\" must have 1 to %d bytes", OC_DELIMITER_MAX));
	if (strpbrk(delimiter, "\r\n"))
		OPTION_ERROR(errmsg("COPY delimiter cannot be newline or carriage return"));
	if (options->format == OC_FORMAT_TEXT && strpbrk(delimiter, "\\.abcdefghijklmnopqrstuvwxyz0123456789"))
		OPTION_ERROR(errmsg("COPY delimiter cannot be \"%s\"", delimiter));
	if (strcmp(delimiter, options->null_string) == 0 || strstr(options->null_string, delimiter))
		OPTION_ERROR(errmsg("COPY delimiter must not appear in the NULL specification"));
	if (options->eol && (strstr(options->eol, delimiter) || strstr(delimiter, options->eol)))
		OPTION_ERROR(errmsg("options \"delimiter\" and \"eol\" must not contain each other"));
	if (options->eol && options->quote && strchr(options->eol, options->quote[0]))
		OPTION_ERROR(errmsg("option \"eol\" must not contain the quote character"));
	if (options->eol && !options->multi_line && strchr(options->eol, options->escape[0]))
		OPTION_ERROR(errmsg("option \"eol\" must not contain the escape character when multi_line is false"));
	if (options->eol && options->null_string[0] && strstr(options->null_string, options->eol))
		OPTION_ERROR(errmsg("option \"eol\" must not appear in the NULL specification"));
}

/* ---- reading and writing */

static void
check_reading(const OssOptions *options)
{
	const char *limit = options->reject_limit;

	if (limit && pg_strcasecmp(limit, "unlimited") != 0)
	{
		char *end;
		long value;

		errno = 0;
		value = strtol(limit, &end, 10);
		if (end == limit || errno != 0 || value < 0 || (*end != '\0' && strcmp(end, "%") != 0) ||
			(*end == '%' && value > 100))
			OPTION_ERROR(errmsg("invalid value \"%s\" for option \"reject_limit\"", limit),
						 errhint("Give a number of rows, a percentage like 5%%, or unlimited."));
	}
	if (limit && options->format == OC_FORMAT_BINARY)
		COMBINATION_ERROR(errmsg("option \"reject_limit\" is not for the format binary"));
	if ((options->log_errors || options->error_table) && (limit == NULL || strcmp(limit, "0") == 0))
		COMBINATION_ERROR(errmsg("option \"%s\" needs a \"reject_limit\"", options->error_table ? "error_table" : "log_errors"));
}

static void
check_writing(OssOptions *options)
{
	if (options->partition_by && options->partition_by[strspn(options->partition_by, " ")] == '\0')
		OPTION_ERROR(errmsg("option \"partition_by\" must not be empty"), errhint("Give column names separated by commas."));
	if (options->filepath && options->partition_by)
		COMBINATION_ERROR(errmsg("option \"partition_by\" needs \"dir\" or \"prefix\", not \"filepath\""));
	if (options->filepath && options->manifest)
		COMBINATION_ERROR(errmsg("option \"manifest\" needs \"dir\" or \"prefix\", not \"filepath\""));
	if (options->keep_partition_columns && options->partition_by == NULL)
		COMBINATION_ERROR(errmsg("option \"keep_partition_columns\" needs \"partition_by\""));
	if (options->max_file_size > 0 && options->max_file_size < 1024)
		OPTION_ERROR(errmsg("value " INT64_FORMAT " is out of range for option \"max_file_size\"", options->max_file_size),
					 errdetail("It must be 0 or at least 1 kB."));
	if (options->sse_kms_key_id && options->sse == NULL)
		COMBINATION_ERROR(errmsg("option \"sse_kms_key_id\" needs \"sse\""));
}

/* Attributes that a dialect does not have are refused in bind of an export, where the provider is known. */
static void
check_attributes(const OssOptions *options)
{
	if (options->metadata && strchr(options->metadata, '=') == NULL)
		OPTION_ERROR(errmsg("invalid value \"%s\" for option \"metadata\"", options->metadata),
					 errhint("Give name=value pairs separated by commas."));
	if (options->tagging && strchr(options->tagging, '=') == NULL)
		OPTION_ERROR(errmsg("invalid value \"%s\" for option \"tagging\"", options->tagging),
					 errhint("Give name=value pairs separated by &."));
}

static void
check_codec(const OssOptions *options)
{
	oc_error error;

	if (options->compression_level == OC_LEVEL_DEFAULT)
		return;
	if (options->compression == OC_CODEC_AUTO || options->compression == OC_CODEC_NONE)
		COMBINATION_ERROR(errmsg("option \"compression_level\" needs \"compression\""));
	if (!oc_codec_level_check(options->compression, options->compression_level, &error))
		OPTION_ERROR(errmsg("%s", error.message));
}
