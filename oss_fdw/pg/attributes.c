/*
 * attributes.c
 *	  Options that describe new objects -> headers in the dialect's names (protocols.md 8).
 *
 * An attribute that a dialect does not have is refused, never dropped.  The core sends these headers on PutObject and
 * InitiateMultipartUpload only.
 */
#include "oss_fdw.h"

#include "utils/builtins.h"
#include "utils/varlena.h"

typedef struct HeaderList
{
	const char *prefix; /* x-oss-, x-obs-, x-amz- */
	oc_header *headers;
	int count;
} HeaderList;

#define MAX_HEADERS 32

static void add_header(HeaderList *list, const char *name, const char *value);
static void add_metadata(HeaderList *list, const char *text, int limit);
static void check_word(const OssOptions *options, const char *option, const char *value, const char *const *words);
static void check_kms_key(const OssOptions *options);
static const char *default_content_type(const OssOptions *options);

static const char *const dialect_names[] = {[OC_PROVIDER_OSS] = "oss", [OC_PROVIDER_OBS] = "obs", [OC_PROVIDER_S3] = "s3"};

/* Allowed words by dialect; matched without case, sent as written here. */
static const char *const storage_classes[][9] = {
	[OC_PROVIDER_OSS] = {"Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive", NULL},
	[OC_PROVIDER_OBS] = {"STANDARD", "WARM", "COLD", "DEEP_ARCHIVE", "INTELLIGENT_TIERING", NULL},
	[OC_PROVIDER_S3] = {"STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER",
						"DEEP_ARCHIVE", "REDUCED_REDUNDANCY", NULL}};
static const char *const acls[][9] = {
	[OC_PROVIDER_OSS] = {"default", "private", "public-read", "public-read-write", NULL},
	[OC_PROVIDER_OBS] = {"private", "public-read", "public-read-write", "public-read-delivered",
						 "public-read-write-delivered", "bucket-owner-full-control", NULL},
	[OC_PROVIDER_S3] = {"private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read",
						"bucket-owner-read", "bucket-owner-full-control", NULL}};
static const char *const encryptions[][4] = {[OC_PROVIDER_OSS] = {"AES256", "KMS", "SM4", NULL},
											 [OC_PROVIDER_OBS] = {"AES256", "kms", NULL},
											 [OC_PROVIDER_S3] = {"AES256", "aws:kms", NULL}};

/* In the current memory context.  helper: of a manifest or claim, which is JSON or a word, and wanted at once. */
void
oss_attributes(const OssOptions *options, bool helper, const oc_header **headers, size_t *count)
{
	static const char *const prefixes[] = {[OC_PROVIDER_OSS] = "x-oss-", [OC_PROVIDER_OBS] = "x-obs-", [OC_PROVIDER_S3] = "x-amz-"};
	static const char *const acl_headers[] = {[OC_PROVIDER_OSS] = "object-acl", [OC_PROVIDER_OBS] = "acl", [OC_PROVIDER_S3] = "acl"};
	static const char *const kms_headers[] = {[OC_PROVIDER_OSS] = "server-side-encryption-key-id",
											  [OC_PROVIDER_OBS] = "server-side-encryption-kms-key-id",
											  [OC_PROVIDER_S3] = "server-side-encryption-aws-kms-key-id"};
	HeaderList list = {.prefix = prefixes[options->provider], .headers = palloc0(sizeof(oc_header) * MAX_HEADERS)};

	list.headers[list.count++] = (oc_header) {"Content-Type", helper ? "application/json" : options->content_type
																   ? options->content_type : default_content_type(options)};
	check_word(options, "storage_class", options->storage_class, storage_classes[options->provider]);
	check_word(options, "acl", options->acl, acls[options->provider]);
	check_word(options, "sse", options->sse, encryptions[options->provider]);
	check_kms_key(options);
	if (!helper)
		add_header(&list, "storage-class", options->storage_class);
	add_header(&list, acl_headers[options->provider], options->acl);
	add_header(&list, "server-side-encryption", options->sse);
	add_header(&list, kms_headers[options->provider], options->sse_kms_key_id);
	add_header(&list, "tagging", options->tagging);
	if (options->metadata)
		add_metadata(&list, options->metadata, options->provider == OC_PROVIDER_S3 ? 2048 : 8192);
	*headers = list.headers;
	*count = list.count;
}

static void
add_header(HeaderList *list, const char *name, const char *value)
{
	if (value == NULL)
		return;
	if (list->count == MAX_HEADERS)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many attributes for an object")));
	list->headers[list->count++] = (oc_header) {psprintf("%s%s", list->prefix, name), value};
}

/* "origin=pg, owner=team": names are letters, digits and hyphens; values go as they are */
static void
add_metadata(HeaderList *list, const char *text, int limit)
{
	char *rest = pstrdup(text);
	char *pair;
	int total = 0;

	while ((pair = strsep(&rest, ",")) != NULL)
	{
		char *value = strchr(pair, '=');

		while (*pair == ' ')
			pair++;
		if (value == NULL || value == pair || strspn(pair, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != (size_t) (value - pair))
			ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
							errmsg("invalid value \"%s\" for option \"metadata\"", text),
							errhint("Give name=value pairs separated by commas; names have letters, digits and hyphens.")));
		*value++ = '\0';
		total += strlen(pair) + strlen(value);
		for (const char *c = value; *c; c++)
			if ((unsigned char) *c >= 0x80)
				ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
								errmsg("value of metadata \"%s\" is not ASCII", pair), errhint("Percent-encode it.")));
		add_header(list, psprintf("meta-%s", pair), value);
	}
	if (total > limit)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("option \"metadata\" has %d bytes, this provider allows %d", total, limit)));
}

static void
check_word(const OssOptions *options, const char *option, const char *value, const char *const *words)
{
	StringInfoData list;

	if (value == NULL)
		return;
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], value) == 0)
			return;
	initStringInfo(&list);
	for (int i = 0; words[i]; i++)
		appendStringInfo(&list, "%s%s", i ? ", " : "", words[i]);
	ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
					errmsg("invalid value \"%s\" for option \"%s\" with provider \"%s\"", value, option,
						   dialect_names[options->provider]),
					errdetail("Valid values are: %s.", list.data)));
}

/* Without the encryption that uses it a key would do nothing. */
static void
check_kms_key(const OssOptions *options)
{
	static const char *const kms[] = {[OC_PROVIDER_OSS] = "KMS", [OC_PROVIDER_OBS] = "kms", [OC_PROVIDER_S3] = "aws:kms"};

	if (options->sse_kms_key_id && (options->sse == NULL || strcmp(options->sse, kms[options->provider]) != 0))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("option \"sse_kms_key_id\" needs \"sse\" to be \"%s\" with provider \"%s\"", kms[options->provider],
							   dialect_names[options->provider])));
}

static const char *
default_content_type(const OssOptions *options)
{
	switch (options->compression)
	{
		case OC_CODEC_AUTO:
		case OC_CODEC_NONE:
			break;
		case OC_CODEC_GZIP:
			return "application/gzip";
		case OC_CODEC_ZSTD:
			return "application/zstd";
		default:
			return "application/octet-stream";
	}
	switch (options->format)
	{
		case OC_FORMAT_CSV:
			return "text/csv";
		case OC_FORMAT_TEXT:
		case OC_FORMAT_FIXED:
			return "text/plain";
		case OC_FORMAT_JSONL:
			return "application/x-ndjson";
		default:
			return "application/octet-stream";
	}
}
