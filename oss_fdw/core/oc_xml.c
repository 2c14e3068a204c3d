/*
 * oc_xml.c
 *	  The store's XML answers: lists, uploads, results, errors.  The only user of expat.
 *
 * bytes -> expat -> "leaf" events (path of local names below the root, text) -> the reader of one kind
 * of document -> texts and offsets -> a page in one piece of memory.
 *
 * The bytes come from the network: a document type, and with it every entity but the predefined,
 * is refused, and so are more than 16 MB, deep nesting, long texts and too many entries.  Unknown
 * elements are skipped.  With encoding-type=url the names are decoded at the end, since the element that
 * says so may stand anywhere.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <expat.h>

#include "oc_int.h"

#define DOCUMENT_BYTES_MAX ((size_t) 16 * 1024 * 1024)
#define DEPTH_MAX          16
#define PATH_BYTES_MAX     512
#define TEXT_BYTES_MAX     ((size_t) 64 * 1024)
#define TEXTS_BYTES_MAX    (2 * DOCUMENT_BYTES_MAX)
#define ENTRIES_MAX        100000
#define NO_TEXT            SIZE_MAX

typedef struct document document;

/* What one kind of document does with its leaves.  Both may call fail. */
typedef struct reader
{
	const char *root;
	/* an element ended: its path below the root, and its text */
	void (*leaf)(document *document, const char *path, const char *text);
} reader;

/* The fields of an <Error>. */
typedef struct store_error
{
	char code[80];
	char message[512];
	char ec[40];
	char request_id[80];
	char endpoint[160];
	char region[64];
	char argument[80];
	char key[160];
} store_error;

/* An object, a common prefix or an upload, its texts as offsets into document->texts. */
typedef struct entry
{
	size_t key;
	size_t id; /* upload id or ETag */
	size_t storage_class;
	uint64_t size;
	int64_t time;
	bool is_prefix;
} entry;

struct document
{
	XML_Parser parser;
	const reader *reader;
	bool is_error; /* the root is <Error> */
	oc_error *error;
	bool failed;
	int depth;               /* open elements */
	size_t marks[DEPTH_MAX]; /* length of path before each */
	oc_buf path;             /* below the root: "Contents/Key" */
	oc_buf text;             /* of the innermost element */
	store_error store;

	/* lists */
	oc_buf texts;   /* NUL-terminated, for the page */
	oc_buf entries; /* of entry */
	entry current;
	bool url_encoded;
	bool truncated;
	size_t next;
	size_t next_upload_id;

	/* single results */
	char *result;
	size_t result_size;
	bool refused; /* DeleteResult: store holds a key's error */
};

static bool parse(document *document, const reader *reader, const char *xml, size_t size,
				  oc_error *error);
static void skip_blanks(const char **xml, size_t *size);
static void run_parser(document *document, const char *xml, size_t size);
static void close_document(document *document);
static void fail(document *document, oc_error_class class, const char *what);
static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
							   const XML_Char *public, int internal);
static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes);
static void XMLCALL on_text(void *arg, const XML_Char *text, int size);
static void XMLCALL on_end(void *arg, const XML_Char *name);
static void leaf_of_error(store_error *store, const char *path, const char *text);
static void leaf_of_list(document *document, const char *path, const char *text);
static void leaf_of_uploads(document *document, const char *path, const char *text);
static void leaf_of_result(document *document, const char *path, const char *text);
static void leaf_of_delete(document *document, const char *path, const char *text);
static void no_leaf(document *document, const char *path, const char *text);
static void report_store_error(const store_error *store, oc_error *error);
static void copy_line(char *target, size_t size, const char *text);
static size_t keep_text(document *document, const char *text);
static void add_entry(document *document);
static uint64_t read_size(document *document, const char *text);
static bool make_page(document *document, oc_page *page, bool uploads);
static void fill_entries(const document *document, char *texts, oc_page *page, bool uploads);
static bool decode_names(document *document);
static bool decode_name(document *document, size_t offset);
static bool single_result(const reader *reader, const char *xml, size_t size, char *result,
						  size_t result_size, oc_error *error);

static const reader error_reader = {"Error", no_leaf};
static const reader list_reader = {"ListBucketResult", leaf_of_list};
static const reader uploads_reader = {"ListMultipartUploadsResult", leaf_of_uploads};
static const reader initiate_reader = {"InitiateMultipartUploadResult", leaf_of_result};
static const reader complete_reader = {"CompleteMultipartUploadResult", leaf_of_result};
static const reader delete_reader = {"DeleteResult", leaf_of_delete};

/* ---------------------------------------------------------------- the documents */

/* error stays as it was when the document is not an <Error>. */
bool
oc_xml_error(const char *xml, size_t size, oc_error *error)
{
	document document;
	oc_error ignored;
	bool found;

	parse(&document, &error_reader, xml, size, &ignored);
	found = !document.failed && document.is_error;
	if (found)
		report_store_error(&document.store, error);
	close_document(&document);
	return found;
}

bool
oc_xml_list(const char *xml, size_t size, oc_page *page, oc_error *error)
{
	document document;
	bool good;

	memset(page, 0, sizeof(*page));
	good = parse(&document, &list_reader, xml, size, error) && make_page(&document, page, false);
	close_document(&document);
	return good;
}

bool
oc_xml_uploads(const char *xml, size_t size, oc_page *page, oc_error *error)
{
	document document;
	bool good;

	memset(page, 0, sizeof(*page));
	good = parse(&document, &uploads_reader, xml, size, error) && make_page(&document, page, true);
	close_document(&document);
	return good;
}

bool
oc_xml_initiate(const char *xml, size_t size, char *upload_id, size_t upload_id_size,
				oc_error *error)
{
	if (!single_result(&initiate_reader, xml, size, upload_id, upload_id_size, error))
		return false;
	if (*upload_id)
		return true;
	oc_error_set(error, OC_ERR_PROTOCOL, "the store's answer names no upload id");
	return false;
}

/* The ETag with its quotes, as the store writes it; "" when the store tells none. */
bool
oc_xml_complete(const char *xml, size_t size, char *etag, size_t etag_size, oc_error *error)
{
	return single_result(&complete_reader, xml, size, etag, etag_size, error);
}

static bool
single_result(const reader *reader, const char *xml, size_t size, char *result, size_t result_size,
			  oc_error *error)
{
	document document;
	bool good;
	char text[1024] = "";

	good = parse(&document, reader, xml, size, error);
	if (good && document.result_size > 0)
		snprintf(text, sizeof(text), "%s", document.texts.data + document.next);
	close_document(&document);
	if (good && strlen(text) >= result_size)
	{
		oc_error_set(error, OC_ERR_PROTOCOL, "the store's answer has a too long ETag or upload id");
		return false;
	}
	if (good)
		memcpy(result, text, strlen(text) + 1);
	return good;
}

bool
oc_xml_delete(const char *xml, size_t size, oc_error *error)
{
	document document;
	store_error store;
	bool good;

	skip_blanks(&xml, &size);
	if (size == 0)
		return true;
	good = parse(&document, &delete_reader, xml, size, error);
	if (good && document.refused)
	{
		store = document.store;
		if (document.url_encoded)
			oc_percent_decode(store.key, true);
		snprintf(store.message, sizeof(store.message), "object \"%s\" was not deleted: %.300s",
				 store.key,
				 document.store.message[0] ? document.store.message : document.store.code);
		report_store_error(&store, error);
		good = false;
	}
	close_document(&document);
	return good;
}

void
oc_page_free(oc_page *page)
{
	free(page->objects);
	free(page->uploads);
	memset(page, 0, sizeof(*page));
}

/* false, and target fails, for control characters that XML 1.0 cannot express. */
bool
oc_xml_escape(oc_buf *target, const char *text)
{
	for (; *text; text++)
	{
		switch (*text)
		{
			case '&':
				oc_buf_append_string(target, "&amp;");
				break;
			case '<':
				oc_buf_append_string(target, "&lt;");
				break;
			case '>':
				oc_buf_append_string(target, "&gt;");
				break;
			case '"':
				oc_buf_append_string(target, "&quot;");
				break;
			case '\'':
				oc_buf_append_string(target, "&apos;");
				break;
			case '\t':
			case '\n':
			case '\r':
				/* as they are, a parser would take them for blanks or drop them */
				oc_buf_printf(target, "&#%d;", *text);
				break;
			default:
				if ((unsigned char) *text < ' ')
					target->failed = true;
				oc_buf_append_char(target, *text);
		}
	}
	return !target->failed;
}

/* ---------------------------------------------------------------- parsing */

/* Whatever it returns, close_document must follow.  An <Error> in place of the root is a failure with the store's words. */
static bool
parse(document *document, const reader *reader, const char *xml, size_t size, oc_error *error)
{
	memset(document, 0, sizeof(*document));
	document->reader = reader;
	document->error = error;
	document->next = NO_TEXT;
	document->next_upload_id = NO_TEXT;
	document->current = (entry){NO_TEXT, NO_TEXT, NO_TEXT, 0, 0, false};
	oc_buf_init(&document->path, PATH_BYTES_MAX);
	oc_buf_init(&document->text, TEXT_BYTES_MAX);
	oc_buf_init(&document->texts, TEXTS_BYTES_MAX);
	oc_buf_init(&document->entries, ENTRIES_MAX * sizeof(entry));

	skip_blanks(&xml, &size);
	if (size > DOCUMENT_BYTES_MAX)
		fail(document, OC_ERR_PROTOCOL, "the document is longer than 16 MB");
	else if (!oc_buf_append(&document->path, "", 0) || !oc_buf_append(&document->text, "", 0))
		fail(document, OC_ERR_MEMORY, "out of memory");
	else
		run_parser(document, xml, size);
	if (!document->failed && document->is_error && reader != &error_reader)
	{
		report_store_error(&document->store, error);
		return false;
	}
	return !document->failed;
}

/* S3 keeps a slow answer alive with blanks; expat wants the XML declaration first. */
static void
skip_blanks(const char **xml, size_t *size)
{
	while (*size > 0 && (**xml == ' ' || **xml == '\t' || **xml == '\r' || **xml == '\n'))
	{
		(*xml)++;
		(*size)--;
	}
}

static void
run_parser(document *document, const char *xml, size_t size)
{
	enum XML_Error code;

	document->parser = XML_ParserCreate(NULL);
	if (!document->parser)
	{
		fail(document, OC_ERR_MEMORY, "out of memory");
		return;
	}
	XML_SetUserData(document->parser, document);
	XML_SetStartDoctypeDeclHandler(document->parser, on_doctype);
	XML_SetElementHandler(document->parser, on_start, on_end);
	XML_SetCharacterDataHandler(document->parser, on_text);
	if (XML_Parse(document->parser, size ? xml : "", (int) size, 1) == XML_STATUS_OK ||
		document->failed)
		return;
	code = XML_GetErrorCode(document->parser);
	fail(document, code == XML_ERROR_NO_MEMORY ? OC_ERR_MEMORY : OC_ERR_PROTOCOL,
		 XML_ErrorString(code));
}

static void
close_document(document *document)
{
	if (document->parser)
		XML_ParserFree(document->parser);
	oc_buf_free(&document->path);
	oc_buf_free(&document->text);
	oc_buf_free(&document->texts);
	oc_buf_free(&document->entries);
}

/* The first failure counts; expat calls no handler afterwards. */
static void
fail(document *document, oc_error_class class, const char *what)
{
	if (document->failed)
		return;
	document->failed = true;
	if (class == OC_ERR_MEMORY)
		oc_error_set(document->error, class, "%s", what);
	else
		oc_error_set(document->error, class, "the store's answer is not the expected XML: %s",
					 what);
	if (document->parser)
		XML_StopParser(document->parser, XML_FALSE);
}

static void XMLCALL
on_doctype(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public,
		   int internal)
{
	(void) name;
	(void) system;
	(void) public;
	(void) internal;
	fail(arg, OC_ERR_PROTOCOL, "it has a document type");
}

static const char *
local_name(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

static void XMLCALL
on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	document *document = arg;

	(void) attributes;
	if (document->failed)
		return;
	name = local_name(name);
	if (document->depth == DEPTH_MAX)
	{
		fail(document, OC_ERR_PROTOCOL, "its elements are nested too deeply");
		return;
	}
	document->marks[document->depth] = document->path.size;
	if (document->depth == 0)
	{
		document->is_error = strcmp(name, "Error") == 0;
		if (!document->is_error && strcmp(name, document->reader->root) != 0)
			fail(document, OC_ERR_PROTOCOL, "its root is another element");
	}
	else
	{
		if (document->depth > 1)
			oc_buf_append_char(&document->path, '/');
		if (!oc_buf_append_string(&document->path, name))
			fail(document, OC_ERR_PROTOCOL, "its element names are too long");
	}
	document->depth++;
	oc_buf_reset(&document->text);
}

static void XMLCALL
on_text(void *arg, const XML_Char *text, int size)
{
	document *document = arg;

	if (!document->failed && !oc_buf_append(&document->text, text, (size_t) size))
		fail(document, OC_ERR_PROTOCOL, "it has too long a text");
}

static void XMLCALL
on_end(void *arg, const XML_Char *name)
{
	document *document = arg;

	(void) name;
	if (document->failed)
		return;
	document->depth--;
	if (document->depth > 0 && document->is_error)
		leaf_of_error(&document->store, document->path.data, document->text.data);
	else if (document->depth > 0)
		document->reader->leaf(document, document->path.data, document->text.data);
	document->path.size = document->marks[document->depth];
	document->path.data[document->path.size] = '\0';
	oc_buf_reset(&document->text);
}

/* ---------------------------------------------------------------- errors */

static void
leaf_of_error(store_error *store, const char *path, const char *text)
{
	if (strcmp(path, "Code") == 0)
		copy_line(store->code, sizeof(store->code), text);
	else if (strcmp(path, "Message") == 0)
		copy_line(store->message, sizeof(store->message), text);
	else if (strcmp(path, "EC") == 0)
		copy_line(store->ec, sizeof(store->ec), text);
	else if (strcmp(path, "RequestId") == 0)
		copy_line(store->request_id, sizeof(store->request_id), text);
	else if (strcmp(path, "Endpoint") == 0)
		copy_line(store->endpoint, sizeof(store->endpoint), text);
	else if (strcmp(path, "Region") == 0)
		copy_line(store->region, sizeof(store->region), text);
	else if (strcmp(path, "ArgumentName") == 0)
		copy_line(store->argument, sizeof(store->argument), text);
	else if (strcmp(path, "Key") == 0)
		copy_line(store->key, sizeof(store->key), text);
}

/* The text to the first byte that does not fit, control characters as blanks. */
static void
copy_line(char *target, size_t size, const char *text)
{
	size_t length = strlen(text);

	if (length >= size)
	{
		length = size - 1;
		while (length > 0 && ((unsigned char) text[length] & 0xc0) == 0x80)
			length--; /* not in the middle of a character */
	}
	for (size_t i = 0; i < length; i++)
		target[i] = (unsigned char) text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
	target[length] = '\0';
}

/* The HTTP status is not known here; who knows it may classify again. */
static void
report_store_error(const store_error *store, oc_error *error)
{
	oc_error_set(error, oc_error_classify(0, store->code), "%s",
				 store->message[0] ? store->message
				 : store->code[0]  ? store->code
								   : "the store gives no reason");
	error->retryable = oc_error_is_retryable(0, store->code);
	memcpy(error->code, store->code, sizeof(error->code));
	memcpy(error->ec, store->ec, sizeof(error->ec));
	memcpy(error->request_id, store->request_id, sizeof(error->request_id));
	if (store->endpoint[0])
		snprintf(error->detail, sizeof(error->detail), "the store asks for endpoint %s",
				 store->endpoint);
	else if (store->region[0])
		snprintf(error->detail, sizeof(error->detail), "the store asks for region %s",
				 store->region);
	else if (store->argument[0])
		snprintf(error->detail, sizeof(error->detail), "argument %s", store->argument);
}

static void
no_leaf(document *document, const char *path, const char *text)
{
	(void) document;
	(void) path;
	(void) text;
}

/* ---------------------------------------------------------------- single results */

static void
leaf_of_result(document *document, const char *path, const char *text)
{
	const char *wanted = document->reader == &initiate_reader ? "UploadId" : "ETag";

	if (strcmp(path, wanted) != 0)
		return;
	document->next = keep_text(document, text);
	document->result_size = strlen(text);
}

/* The first key that was not deleted; one that is not there is as good as deleted. */
static void
leaf_of_delete(document *document, const char *path, const char *text)
{
	if (strcmp(path, "EncodingType") == 0)
		document->url_encoded = strcmp(text, "url") == 0;
	else if (strncmp(path, "Error/", 6) == 0 && !document->refused)
		leaf_of_error(&document->store, path + 6, text);
	else if (strcmp(path, "Error") == 0 && !document->refused)
	{
		document->refused = strcmp(document->store.code, "NoSuchKey") != 0;
		if (!document->refused)
			memset(&document->store, 0, sizeof(document->store));
	}
}

/* ---------------------------------------------------------------- lists */

static void
leaf_of_list(document *document, const char *path, const char *text)
{
	entry *current = &document->current;

	if (strcmp(path, "Contents/Key") == 0)
		current->key = keep_text(document, text);
	else if (strcmp(path, "Contents/ETag") == 0)
		current->id = keep_text(document, text);
	else if (strcmp(path, "Contents/Size") == 0)
		current->size = read_size(document, text);
	else if (strcmp(path, "Contents/LastModified") == 0)
		oc_parse_iso_time(text, &current->time); /* what cannot be read stays 0, "not told" */
	else if (strcmp(path, "Contents/StorageClass") == 0)
		current->storage_class = keep_text(document, text);
	else if (strcmp(path, "Contents") == 0)
		add_entry(document);
	else if (strcmp(path, "CommonPrefixes/Prefix") == 0)
	{
		current->key = keep_text(document, text);
		current->is_prefix = true;
		add_entry(document);
	}
	else if (strcmp(path, "IsTruncated") == 0)
		document->truncated = strcmp(text, "true") == 0;
	else if (strcmp(path, "NextContinuationToken") == 0)
		document->next = keep_text(document, text);
	else if (strcmp(path, "EncodingType") == 0)
		document->url_encoded = strcmp(text, "url") == 0;
}

static void
leaf_of_uploads(document *document, const char *path, const char *text)
{
	entry *current = &document->current;

	if (strcmp(path, "Upload/Key") == 0)
		current->key = keep_text(document, text);
	else if (strcmp(path, "Upload/UploadId") == 0)
		current->id = keep_text(document, text);
	else if (strcmp(path, "Upload/Initiated") == 0)
		oc_parse_iso_time(text, &current->time);
	else if (strcmp(path, "Upload") == 0)
	{
		if (current->id == NO_TEXT)
			fail(document, OC_ERR_PROTOCOL, "an upload has no id");
		add_entry(document);
	}
	else if (strcmp(path, "IsTruncated") == 0)
		document->truncated = strcmp(text, "true") == 0;
	else if (strcmp(path, "NextKeyMarker") == 0)
		document->next = keep_text(document, text);
	else if (strcmp(path, "NextUploadIdMarker") == 0)
		document->next_upload_id = keep_text(document, text);
	else if (strcmp(path, "EncodingType") == 0)
		document->url_encoded = strcmp(text, "url") == 0;
}

/* Returns the text's offset. */
static size_t
keep_text(document *document, const char *text)
{
	size_t offset = document->texts.size;

	if (!oc_buf_append(&document->texts, text, strlen(text) + 1))
	{
		fail(document, OC_ERR_MEMORY, "out of memory for the store's answer");
		return NO_TEXT;
	}
	return offset;
}

static void
add_entry(document *document)
{
	entry *current = &document->current;

	if (current->key == NO_TEXT || document->texts.data[current->key] == '\0')
		fail(document, OC_ERR_PROTOCOL, "an entry of the list has no name");
	else if (!oc_buf_append(&document->entries, current, sizeof(*current)))
		fail(document, OC_ERR_PROTOCOL, "the list has too many entries");
	*current = (entry){NO_TEXT, NO_TEXT, NO_TEXT, 0, 0, false};
}

static uint64_t
read_size(document *document, const char *text)
{
	unsigned long long size;
	char *end;

	errno = 0;
	size = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno != 0)
		fail(document, OC_ERR_PROTOCOL, "the size of an object is not a number");
	return size;
}

/* ---------------------------------------------------------------- pages */

/* One allocation: the array of objects or uploads, and behind it their texts. */
static bool
make_page(document *document, oc_page *page, bool uploads)
{
	size_t count = document->entries.size / sizeof(entry);
	size_t array_size = count * (uploads ? sizeof(oc_upload) : sizeof(oc_object));
	char *block;

	if (document->url_encoded && !decode_names(document))
		return false;
	/* offset 0 of the copied texts is an empty text for what was not told */
	block = malloc(array_size + 1 + document->texts.size);
	if (!block)
	{
		oc_error_set(document->error, OC_ERR_MEMORY, "out of memory for the store's answer");
		return false;
	}
	block[array_size] = '\0';
	if (document->texts.size > 0)
		memcpy(block + array_size + 1, document->texts.data, document->texts.size);
	if (uploads)
		page->uploads = (oc_upload *) block;
	else
		page->objects = (oc_object *) block;
	page->count = count;
	page->truncated = document->truncated;
	fill_entries(document, block + array_size, page, uploads);
	return true;
}

static const char *
text_at(char *texts, size_t offset)
{
	return offset == NO_TEXT ? texts : texts + 1 + offset;
}

/* In place; an ETag is compared and sent back without its quotes. */
static const char *
without_quotes(char *texts, size_t offset)
{
	char *text = offset == NO_TEXT ? texts : texts + 1 + offset;
	size_t size = strlen(text);

	if (size < 2 || text[0] != '"' || text[size - 1] != '"')
		return text;
	text[size - 1] = '\0';
	return text + 1;
}

static void
fill_entries(const document *document, char *texts, oc_page *page, bool uploads)
{
	page->next = text_at(texts, document->next);
	page->next_upload_id = text_at(texts, document->next_upload_id);
	for (size_t i = 0; i < page->count; i++)
	{
		entry entry;

		memcpy(&entry, document->entries.data + i * sizeof(entry), sizeof(entry));
		if (uploads)
			page->uploads[i] = (oc_upload){.key = text_at(texts, entry.key),
										   .upload_id = text_at(texts, entry.id),
										   .initiated = entry.time};
		else
			page->objects[i] = (oc_object){.key = text_at(texts, entry.key),
										   .etag = without_quotes(texts, entry.id),
										   .size = entry.size,
										   .last_modified = entry.time,
										   .storage_class = text_at(texts, entry.storage_class),
										   .is_prefix = entry.is_prefix};
	}
}

/*
 * Names are decoded with plus as a blank, which suits all stores.  A continuation token is base64 in some of them,
 * where a plus is itself: it is decoded only when it shows by a percent sign that it was encoded.
 */
static bool
decode_names(document *document)
{
	size_t count = document->entries.size / sizeof(entry);
	bool list = document->reader == &list_reader;

	for (size_t i = 0; i < count; i++)
	{
		entry entry;

		memcpy(&entry, document->entries.data + i * sizeof(entry), sizeof(entry));
		if (!decode_name(document, entry.key))
			return false;
	}
	if (document->next == NO_TEXT)
		return true;
	if (list && !strchr(document->texts.data + document->next, '%'))
		return true;
	return decode_name(document, document->next);
}

static bool
decode_name(document *document, size_t offset)
{
	char *text = document->texts.data + offset;

	if (oc_percent_decode(text, true) == strlen(text))
		return true;
	fail(document, OC_ERR_PROTOCOL, "a name in the list has a NUL byte");
	return false;
}
