/*
 * oc_object.c
 *	  The verbs: what a call asks for becomes a request in words, what the store answers becomes the call's result.
 *
 * oc_request.c calls in this order: oc_verb_prepare once (owner's thread), then per attempt oc_verb_build,
 * oc_verb_head when the answer's headers are there, oc_verb_read when all is there (I/O thread).  No network here,
 * no retries, no clock.
 */
#include "oc_call_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define DOCUMENT_MAX ((size_t) 2 * 1024 * 1024) /* of what we send; the stores' limit for DELETE_MANY */
#define SKIP_MAX ((uint64_t) 64 * 1024 * 1024)	/* bytes to drop when a store ignores Range */
#define DELETE_MAX 1000
#define PART_NUMBER_MAX 10000

static bool check_names(const oc_call *call, oc_error *error);
static bool digest_body(oc_call *call, oc_error *error);
static bool check_arguments(const oc_call *call, oc_error *error);
static bool check_headers(const oc_call *call, oc_error *error);
static bool make_complete_document(oc_call *call, oc_error *error);
static bool make_delete_document(oc_call *call, oc_error *error);
static bool document_done(oc_call *call, oc_error *error);

static void build_list(const oc_call *call, oc_message *message);
static void build_uploads(const oc_call *call, oc_message *message);
static void build_get(const oc_call *call, oc_message *message);
static void build_body(const oc_call *call, oc_message *message);
static void build_document(const oc_call *call, oc_message *message);
static void build_checksum(const oc_call *call, oc_message *message);
static void build_guard(const oc_call *call, oc_message *message);
static void build_attributes(const oc_call *call, oc_message *message);
static void add_query(oc_message *message, const char *name, const char *value);
static void add_header(oc_message *message, const char *name, const char *value);
static const char *text(oc_message *message, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool get_head(oc_call *call, oc_exchange *exchange);
static bool get_place(oc_call *call, oc_exchange *exchange, uint64_t *first);
static bool read_get(oc_call *call, oc_error *error);
static bool read_head(oc_call *call, oc_error *error);
static bool read_stored(oc_call *call, oc_error *error);
static bool read_complete(oc_call *call, oc_error *error);
static bool read_list(oc_call *call, oc_error *error);
static bool read_failure(oc_call *call, oc_error *error);
static bool is_error_document(const oc_exchange *exchange, oc_error *error);
static const char *document_text(const oc_exchange *exchange, size_t *size);
static void copy_answer(oc_call *call);

const char *
oc_verb_operation(oc_verb verb)
{
	static const char *const names[] = {
		[OC_HEAD] = "HeadObject",
		[OC_GET] = "GetObject",
		[OC_PUT] = "PutObject",
		[OC_LIST] = "ListObjectsV2",
		[OC_INITIATE] = "InitiateMultipartUpload",
		[OC_UPLOAD_PART] = "UploadPart",
		[OC_COMPLETE] = "CompleteMultipartUpload",
		[OC_ABORT] = "AbortMultipartUpload",
		[OC_LIST_UPLOADS] = "ListMultipartUploads",
		[OC_DELETE] = "DeleteObject",
		[OC_DELETE_MANY] = "DeleteMultipleObjects",
	};

	return names[verb];
}

/* ---------------------------------------------------------------- before the first attempt */

bool
oc_verb_prepare(oc_call *call, oc_error *error)
{
	struct oc_call_private *private = call->private;

	if (!check_names(call, error) || !check_arguments(call, error) || !check_headers(call, error))
		return false;
	if (call->verb == OC_COMPLETE)
		return make_complete_document(call, error);
	if (call->verb == OC_DELETE_MANY)
		return make_delete_document(call, error);
	if (call->verb != OC_PUT && call->verb != OC_UPLOAD_PART)
		return true;
	private->md5_known = true;
	return call->digests_known || digest_body(call, error);
}

static bool
digest_body(oc_call *call, oc_error *error)
{
	int failure = 0;

	if (call->body_file)
		failure = oc_spill_digest(call->body_file, NULL, &call->crc64, call->md5);
	else
	{
		call->crc64 = oc_crc64(0, call->body, call->body_size);
		oc_md5_many(&call->body, &call->body_size, 1, &call->md5);
	}
	if (failure != 0)
		oc_spill_fail(call->body_file, "read", failure, error);
	return failure == 0;
}

static bool
check_names(const oc_call *call, oc_error *error)
{
	bool needs_upload = call->verb == OC_UPLOAD_PART || call->verb == OC_COMPLETE || call->verb == OC_ABORT;
	size_t i;

	if (call->bucket == NULL || *call->bucket == '\0')
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "no bucket is given");
		return false;
	}
	if (!oc_bucket_check(call->private->client->dialect->provider, call->bucket, error))
		return false;
	if (call->private->has_key && !oc_key_check(call->key ? call->key : "", error))
		return false;
	for (i = 0; call->verb == OC_DELETE_MANY && i < call->key_count; i++)
	{
		if (!oc_key_check(call->keys[i], error))
			return false;
	}
	if (needs_upload && (call->upload_id == NULL || *call->upload_id == '\0'))
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "no upload id is given");
		return false;
	}
	return true;
}

static bool
check_arguments(const oc_call *call, oc_error *error)
{
	const oc_limits *limits = &call->private->client->dialect->limits;

	if (call->verb == OC_UPLOAD_PART && (call->part_number < 1 || call->part_number > PART_NUMBER_MAX))
		oc_error_set(error, OC_ERR_ARGUMENT, "part number %d is not within 1 to %d", call->part_number, PART_NUMBER_MAX);
	else if (call->verb == OC_PUT && call->body_size > limits->max_put)
		oc_error_set(error, OC_ERR_LIMIT, "%zu bytes are too many for one request", call->body_size);
	else if (call->verb == OC_UPLOAD_PART && call->body_size > limits->max_part)
		oc_error_set(error, OC_ERR_LIMIT, "%zu bytes are too many for one part", call->body_size);
	else if ((call->verb == OC_PUT || call->verb == OC_UPLOAD_PART) && call->body == NULL && !call->body_file && call->body_size > 0)
		oc_error_set(error, OC_ERR_ARGUMENT, "the body is missing");
	else if (call->body_file && call->body_size != oc_spill_size(call->body_file))
		oc_error_set(error, OC_ERR_ARGUMENT, "the body's size is not that of its file");
	else if (call->verb == OC_GET && call->sink == NULL)
		oc_error_set(error, OC_ERR_ARGUMENT, "there is no room for the object's bytes");
	else if (call->verb == OC_COMPLETE && (call->part_count == 0 || call->parts == NULL))
		oc_error_set(error, OC_ERR_ARGUMENT, "an upload without parts cannot be completed");
	else if (call->verb == OC_DELETE_MANY && (call->key_count == 0 || call->key_count > DELETE_MAX))
		oc_error_set(error, OC_ERR_ARGUMENT, "%zu keys are not within 1 to %d", call->key_count, DELETE_MAX);
	else
		return true;
	return false;
}

/* Nothing may smuggle a line into the head of a request. */
static bool
check_headers(const oc_call *call, oc_error *error)
{
	size_t i;

	for (i = 0; i < call->header_count; i++)
	{
		const unsigned char *at;

		for (at = (const unsigned char *) call->headers[i].name; *at > ' ' && *at < 0x7f && *at != ':'; at++)
			;
		if (*at != '\0' || call->headers[i].name[0] == '\0')
		{
			oc_error_set(error, OC_ERR_ARGUMENT, "the name of header %zu has a forbidden character", i + 1);
			return false;
		}
		for (at = (const unsigned char *) call->headers[i].value; *at >= ' ' && *at != 0x7f; at++)
			;
		if (*at != '\0')
		{
			oc_error_set(error, OC_ERR_ARGUMENT, "the value of header \"%s\" has a control character", call->headers[i].name);
			return false;
		}
	}
	return true;
}

static bool
make_complete_document(oc_call *call, oc_error *error)
{
	oc_buf *document = &call->private->document;
	size_t i;

	oc_buf_append_string(document, "<CompleteMultipartUpload>");
	for (i = 0; i < call->part_count; i++)
	{
		oc_buf_printf(document, "<Part><PartNumber>%d</PartNumber><ETag>", call->parts[i].number);
		oc_xml_escape(document, call->parts[i].etag);
		oc_buf_append_string(document, "</ETag></Part>");
	}
	oc_buf_append_string(document, "</CompleteMultipartUpload>");
	return document_done(call, error);
}

static bool
make_delete_document(oc_call *call, oc_error *error)
{
	oc_buf *document = &call->private->document;
	size_t i;

	oc_buf_append_string(document, "<Delete><Quiet>true</Quiet>");
	for (i = 0; i < call->key_count; i++)
	{
		oc_buf_append_string(document, "<Object><Key>");
		if (!oc_xml_escape(document, call->keys[i]) && document->size < DOCUMENT_MAX / 2)
		{
			oc_error_set(error, OC_ERR_ARGUMENT, "the name of object %zu has a control character that XML cannot express", i + 1);
			return false;
		}
		oc_buf_append_string(document, "</Key></Object>");
	}
	oc_buf_append_string(document, "</Delete>");
	return document_done(call, error);
}

static bool
document_done(oc_call *call, oc_error *error)
{
	struct oc_call_private *private = call->private;

	if (private->document.failed)
	{
		oc_error_set(error, OC_ERR_LIMIT, "the request's document would be longer than %zu bytes", DOCUMENT_MAX);
		return false;
	}
	private->md5_known = oc_md5(private->document.data, private->document.size, private->document_md5);
	return true;
}

/* ---------------------------------------------------------------- building a request */

bool
oc_verb_build(oc_call *call, oc_message *message, oc_error *error)
{
	static const char *const methods[] = {
		[OC_HEAD] = "HEAD",	   [OC_GET] = "GET",		[OC_PUT] = "PUT",	   [OC_LIST] = "GET",
		[OC_INITIATE] = "POST", [OC_UPLOAD_PART] = "PUT", [OC_COMPLETE] = "POST", [OC_ABORT] = "DELETE",
		[OC_LIST_UPLOADS] = "GET", [OC_DELETE] = "DELETE", [OC_DELETE_MANY] = "POST",
	};

	memset(message, 0, offsetof(oc_message, arena));
	message->arena_used = 0;
	message->method = methods[call->verb];
	switch (call->verb)
	{
		case OC_HEAD:
		case OC_DELETE:
			break;
		case OC_GET:
			build_get(call, message);
			break;
		case OC_LIST:
			build_list(call, message);
			break;
		case OC_LIST_UPLOADS:
			build_uploads(call, message);
			break;
		case OC_UPLOAD_PART:
			add_query(message, "partNumber", text(message, "%d", call->part_number));
			add_query(message, "uploadId", call->upload_id);
			build_body(call, message);
			break;
		case OC_PUT:
			build_guard(call, message);
			build_attributes(call, message);
			build_body(call, message);
			break;
		case OC_INITIATE:
			add_query(message, "uploads", NULL);
			build_guard(call, message);
			build_attributes(call, message);
			message->has_body = true; /* an empty one: Content-Length must be sent */
			break;
		case OC_COMPLETE:
			add_query(message, "uploadId", call->upload_id);
			build_guard(call, message);
			build_document(call, message);
			break;
		case OC_ABORT:
			add_query(message, "uploadId", call->upload_id);
			break;
		case OC_DELETE_MANY:
			add_query(message, "delete", NULL);
			build_document(call, message);
			break;
	}
	if (message->failed)
		oc_error_set(error, OC_ERR_LIMIT, "the request has too many or too long headers");
	return !message->failed;
}

static void
build_list(const oc_call *call, oc_message *message)
{
	add_query(message, "list-type", "2");
	add_query(message, "encoding-type", "url"); /* XML 1.0 cannot carry every byte of a key */
	add_query(message, "max-keys", text(message, "%d", call->max_keys > 0 ? call->max_keys : 1000));
	if (call->prefix && *call->prefix)
		add_query(message, "prefix", call->prefix);
	if (call->delimiter && *call->delimiter)
		add_query(message, "delimiter", call->delimiter);
	if (call->start_after && *call->start_after)
		add_query(message, "start-after", call->start_after);
	if (call->continuation && *call->continuation)
		add_query(message, "continuation-token", call->continuation);
}

static void
build_uploads(const oc_call *call, oc_message *message)
{
	add_query(message, "uploads", NULL);
	add_query(message, "encoding-type", "url");
	add_query(message, "max-uploads", text(message, "%d", call->max_keys > 0 ? call->max_keys : 1000));
	if (call->prefix && *call->prefix)
		add_query(message, "prefix", call->prefix);
	if (call->delimiter && *call->delimiter)
		add_query(message, "delimiter", call->delimiter);
	if (call->continuation && *call->continuation)
		add_query(message, "key-marker", call->continuation);
	if (call->upload_id_marker && *call->upload_id_marker)
		add_query(message, "upload-id-marker", call->upload_id_marker);
}

/* A later attempt asks for the rest only, of the same version of the object. */
static void
build_get(const oc_call *call, oc_message *message)
{
	const struct oc_call_private *private = call->private;
	uint64_t first = call->range_start + call->received;

	if (call->range_size > 0)
	{
		add_header(message, "Range", text(message, "bytes=%llu-%llu", (unsigned long long) first,
										  (unsigned long long) (call->range_start + call->range_size - 1)));
	}
	else if (first > 0)
		add_header(message, "Range", text(message, "bytes=%llu-", (unsigned long long) first));
	if (message->header_count > 0 && private->client->dialect->provider == OC_PROVIDER_OSS)
		add_header(message, "x-oss-range-behavior", "standard"); /* without it OSS ignores a range beyond the end */
	if (call->if_match && *call->if_match)
		add_header(message, "If-Match", text(message, "\"%s\"", call->if_match));
	else if (private->get_etag[0])
		add_header(message, "If-Match", private->get_etag);
}

static void
build_body(const oc_call *call, oc_message *message)
{
	char md5[32];

	message->has_body = true;
	message->body = call->body;
	message->body_file = call->body_file;
	message->body_size = call->body_size;
	build_checksum(call, message);
	if (!call->private->md5_known)
		return;
	oc_base64(call->md5, 16, md5);
	add_header(message, "Content-MD5", text(message, "%s", md5));
}

static void
build_document(const oc_call *call, oc_message *message)
{
	const struct oc_call_private *private = call->private;
	char digest[48];

	message->has_body = true;
	message->body = private->document.data;
	message->body_size = private->document.size;
	add_header(message, "Content-Type", "application/xml");
	if (call->verb == OC_COMPLETE && call->crc64_known)
		build_checksum(call, message);
	if (call->verb != OC_DELETE_MANY)
		return;
	if (private->md5_known)
	{
		oc_base64(private->document_md5, 16, digest);
		add_header(message, "Content-MD5", text(message, "%s", digest));
	}
	else if (private->client->dialect->provider == OC_PROVIDER_S3)
	{
		unsigned char sha256[32];

		oc_sha256(private->document.data, private->document.size, sha256);
		oc_base64(sha256, 32, digest);
		add_header(message, "x-amz-checksum-sha256", text(message, "%s", digest));
	}
}

/* OBS compares the body (COMPLETE: the whole object) with the CRC-64 that it is told, and tells it again later only then. */
static void
build_checksum(const oc_call *call, oc_message *message)
{
	if (call->private->client->dialect->provider == OC_PROVIDER_OBS)
		add_header(message, "x-obs-checksum-crc64ecma", text(message, "%llu", (unsigned long long) call->crc64));
}

/* "Do not overwrite", where the dialect can say it. */
static void
build_guard(const oc_call *call, oc_message *message)
{
	const oc_dialect *dialect = call->private->client->dialect;

	if (!call->forbid_overwrite || !dialect->forbid_overwrite)
		return;
	if (dialect->provider == OC_PROVIDER_OSS)
		add_header(message, "x-oss-forbid-overwrite", "true");
	else if (dialect->provider == OC_PROVIDER_S3 && call->verb != OC_INITIATE)
		add_header(message, "If-None-Match", "*");
}

static void
build_attributes(const oc_call *call, oc_message *message)
{
	size_t i;

	for (i = 0; i < call->header_count; i++)
		add_header(message, call->headers[i].name, call->headers[i].value);
	if (call->token && *call->token)
	{
		add_header(message, text(message, "%smeta-oss-fdw-token", call->private->client->dialect->header_prefix),
				   call->token);
	}
}

static void
add_query(oc_message *message, const char *name, const char *value)
{
	/* at most seven by construction */
	message->query[message->query_count++] = (oc_pair){name, value};
}

static void
add_header(oc_message *message, const char *name, const char *value)
{
	if (message->header_count == OC_SIGN_MAX_HEADERS || name == NULL || value == NULL)
		message->failed = true;
	else
		message->headers[message->header_count++] = (oc_pair){name, value};
}

/* A text that lives as long as the message; NULL when it does not fit. */
static const char *
text(oc_message *message, const char *format, ...)
{
	char *target = message->arena + message->arena_used;
	size_t room = sizeof message->arena - message->arena_used;
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vsnprintf(target, room, format, arguments);
	va_end(arguments);
	if (size < 0 || (size_t) size >= room)
	{
		message->failed = true;
		return NULL;
	}
	message->arena_used += (size_t) size + 1;
	return target;
}

/* ---------------------------------------------------------------- the head of an answer */

bool
oc_verb_head(oc_exchange *exchange)
{
	oc_call *call = exchange->owner;
	int status = exchange->answer.status;

	if (call->verb == OC_GET && status >= 200 && status < 300)
		return get_head(call, exchange);
	return true;
}

/* Decides where the bytes go: the sink is the caller's memory, so every bound is checked here. */
static bool
get_head(oc_call *call, oc_exchange *exchange)
{
	struct oc_call_private *private = call->private;
	const oc_answer *answer = &exchange->answer;
	uint64_t first, wanted;

	if (!get_place(call, exchange, &first))
		return false;
	if (private->get_started && (private->get_etag[0] ? strcmp(private->get_etag, answer->etag) != 0 : false))
	{
		oc_error_set(&exchange->error, OC_ERR_CHANGED, "the object changed while it was read");
		return false;
	}
	wanted = call->size > first ? call->size - first : 0;
	if (call->range_size > 0 && call->range_start + call->range_size - first < wanted)
		wanted = call->range_start + call->range_size - first;
	if (wanted > call->sink_size - call->received)
	{
		oc_error_set(&exchange->error, OC_ERR_LIMIT, "the object's %llu bytes do not fit into the %zu bytes of room",
					 (unsigned long long) (wanted + call->received), call->sink_size);
		return false;
	}
	exchange->sink = (char *) call->sink + call->received;
	exchange->sink_room = (size_t) wanted;
	memcpy(private->get_etag, answer->etag, sizeof private->get_etag);
	private->get_started = true;
	return true;
}

/* Which byte of the object the body begins with, and how large the object is. */
static bool
get_place(oc_call *call, oc_exchange *exchange, uint64_t *first)
{
	struct oc_call_private *private = call->private;
	const oc_answer *answer = &exchange->answer;
	uint64_t asked = call->range_start + call->received;
	uint64_t total;

	*first = asked;
	if (answer->status == 206)
	{
		uint64_t last = call->range_start + call->range_size - 1;

		total = answer->range_total;
		if (call->range_size == 0 || last >= total)
			last = total - 1;
		if (!answer->range_known || answer->range_start != asked || answer->range_end != last)
		{
			oc_error_set(&exchange->error, OC_ERR_PROTOCOL, "the store answered with another range than asked for");
			return false;
		}
	}
	else
	{
		/* a store or proxy that knows no ranges: the whole object from its first byte */
		if (answer->content_length < 0)
		{
			oc_error_set(&exchange->error, OC_ERR_PROTOCOL, "the store did not tell the length of the object");
			return false;
		}
		total = (uint64_t) answer->content_length;
		if (asked > SKIP_MAX || (asked >= total && asked > 0))
		{
			oc_error_set(&exchange->error, OC_ERR_PROTOCOL, "the store ignored the range asked for");
			return false;
		}
		exchange->skip = asked;
		exchange->stop_when_full = call->range_size > 0 && call->range_start + call->range_size < total;
	}
	if (private->get_started && total != call->size)
	{
		oc_error_set(&exchange->error, OC_ERR_CHANGED, "the object changed while it was read");
		return false;
	}
	call->size = total;
	return true;
}

/* ---------------------------------------------------------------- the whole answer */

bool
oc_verb_read(oc_call *call, oc_error *error)
{
	const oc_exchange *exchange = &call->private->exchange;
	int status = exchange->answer.status;

	if ((call->verb == OC_DELETE || call->verb == OC_ABORT) && status == 404)
	{
		/* done already: but a missing bucket is a mistake that the owner should hear of */
		if (!is_error_document(exchange, error) || strcmp(error->code, "NoSuchBucket") != 0)
		{
			memset(error, 0, sizeof *error);
			return true;
		}
	}
	if (status < 200 || status >= 300)
		return read_failure(call, error);
	copy_answer(call);
	switch (call->verb)
	{
		case OC_HEAD:
			return read_head(call, error);
		case OC_GET:
			return read_get(call, error);
		case OC_PUT:
		case OC_UPLOAD_PART:
			return read_stored(call, error);
		case OC_DELETE:
		case OC_ABORT:
			return true;
		default:
			break;
	}
	if (is_error_document(exchange, error)) /* S3 may begin a 200 before it knows the outcome */
		return read_failure(call, error);
	memset(error, 0, sizeof *error);
	if (call->verb == OC_COMPLETE)
		return read_complete(call, error);
	return read_list(call, error);
}

static bool
read_get(oc_call *call, oc_error *error)
{
	const oc_exchange *exchange = &call->private->exchange;

	if (exchange->stored < exchange->sink_room)
	{
		oc_error_set(error, OC_ERR_NETWORK, "the answer ended after %zu of %zu bytes", exchange->stored, exchange->sink_room);
		error->retryable = true;
		return false;
	}
	/* the store's checksum is of the whole object, so only a whole object can be compared */
	if (call->store_crc64_known && call->range_start == 0 && call->received == call->size &&
		oc_crc64(0, call->sink, call->received) != call->store_crc64)
	{
		oc_error_set(error, OC_ERR_INTEGRITY, "the CRC-64 of the received bytes differs from the store's");
		error->retryable = true;
		return false;
	}
	return true;
}

static bool
read_head(oc_call *call, oc_error *error)
{
	const oc_answer *answer = &call->private->exchange.answer;

	if (answer->content_length < 0)
	{
		oc_error_set(error, OC_ERR_PROTOCOL, "the store did not tell the length of the object");
		return false;
	}
	call->size = (uint64_t) answer->content_length;
	return true;
}

/* PUT and UPLOAD_PART: what the store says it has must be what we sent. */
static bool
read_stored(oc_call *call, oc_error *error)
{
	const struct oc_call_private *private = call->private;
	const char *encryption = private->exchange.answer.encryption;
	bool plain = *encryption == '\0' || strcasecmp(encryption, "AES256") == 0; /* else the ETag is no MD5 */

	if (call->etag[0] == '\0')
	{
		oc_error_set(error, OC_ERR_PROTOCOL, "the answer has no ETag: it is not from an object store");
		return false;
	}
	if (call->store_crc64_known && call->store_crc64 != call->crc64)
		oc_error_set(error, OC_ERR_INTEGRITY, "the CRC-64 of the stored bytes differs from ours");
	else if (private->md5_known && plain && oc_etag_is_md5(call->etag) && !oc_etag_equals_md5(call->etag, call->md5))
		oc_error_set(error, OC_ERR_INTEGRITY, "the MD5 of the stored bytes differs from ours");
	else
		return true;
	error->retryable = true;
	return false;
}

static bool
read_complete(oc_call *call, oc_error *error)
{
	size_t size;
	const char *document = document_text(&call->private->exchange, &size);

	if (!oc_xml_complete(document, size, call->etag, sizeof call->etag, error))
		return false;
	if (call->crc64_known && call->store_crc64_known && call->crc64 != call->store_crc64)
	{
		oc_error_set(error, OC_ERR_INTEGRITY, "the CRC-64 of the completed object differs from ours");
		return false;
	}
	return true;
}

/* the other verbs with a document */
static bool
read_list(oc_call *call, oc_error *error)
{
	size_t size;
	const char *document = document_text(&call->private->exchange, &size);
	oc_page *page = &call->page;

	if (call->verb == OC_INITIATE)
		return oc_xml_initiate(document, size, call->answer_upload_id, sizeof call->answer_upload_id, error);
	if (call->verb == OC_DELETE_MANY)
	{
		if (oc_xml_delete(document, size, error))
			return true;
		error->retryable = oc_error_is_retryable(0, error->code);
		return false;
	}
	oc_page_free(page);
	memset(page, 0, sizeof *page);
	if (call->verb == OC_LIST ? !oc_xml_list(document, size, page, error) : !oc_xml_uploads(document, size, page, error))
		return false;
	if (page->truncated && (page->next == NULL || *page->next == '\0'))
		oc_error_set(error, OC_ERR_PROTOCOL, "the list goes on, but the store does not say where");
	else if (call->verb == OC_LIST && page->truncated && call->continuation && strcmp(page->next, call->continuation) == 0)
		oc_error_set(error, OC_ERR_PROTOCOL, "the list does not advance");
	else
		return true;
	return false;
}

/* Fills error from the document, else from the status; always returns false. */
static bool
read_failure(oc_call *call, oc_error *error)
{
	const oc_exchange *exchange = &call->private->exchange;
	const oc_answer *answer = &exchange->answer;
	int status = answer->status;
	char message[sizeof error->message];

	if (!is_error_document(exchange, error))
	{
		memset(error, 0, sizeof *error);
		if (call->verb == OC_HEAD && status == 404)
			snprintf(error->code, sizeof error->code, "NoSuchKey"); /* a HEAD has no body to say so */
	}
	if (error->message[0])
		snprintf(message, sizeof message, "%s", error->message);
	else if (exchange->document.size > 0)
		snprintf(message, sizeof message, "HTTP status %d with a body that is not of the protocol (%s)", status,
				 answer->content_type[0] ? answer->content_type : "no content type");
	else
		snprintf(message, sizeof message, "HTTP status %d", status);
	if (status >= 200 && status < 300) /* the document decides; what it does not name is the store's own trouble */
		status = strcmp(error->code, "InternalError") == 0 ? 500 : 400;
	error->class = oc_error_classify(status, error->code);
	error->retryable = oc_error_is_retryable(status, error->code);
	if (error->class == OC_ERR_NONE)
		error->class = OC_ERR_STORE;
	snprintf(error->message, sizeof error->message, "%s", message);
	if (call->forbid_overwrite && (call->verb == OC_PUT || call->verb == OC_COMPLETE) && status == 412)
		error->class = OC_ERR_EXISTS; /* S3 says it by If-None-Match */
	if (error->detail[0] == '\0' && answer->region[0])
		snprintf(error->detail, sizeof error->detail, "the bucket is in region %s", answer->region);
	return false;
}

/* error is filled only when it is one */
static bool
is_error_document(const oc_exchange *exchange, oc_error *error)
{
	size_t size;
	const char *document = document_text(exchange, &size);

	return size > 0 && oc_xml_error(document, size, error);
}

/* S3 keeps a slow answer alive with blanks before the document. */
static const char *
document_text(const oc_exchange *exchange, size_t *size)
{
	const char *document = exchange->document.data ? exchange->document.data : "";

	*size = exchange->document.size;
	while (*size > 0 && (*document == ' ' || *document == '\t' || *document == '\r' || *document == '\n'))
	{
		document++;
		(*size)--;
	}
	return document;
}

static void
copy_answer(oc_call *call)
{
	const oc_answer *answer = &call->private->exchange.answer;

	memcpy(call->etag, answer->etag, sizeof call->etag);
	memcpy(call->storage_class, answer->storage_class, sizeof call->storage_class);
	memcpy(call->answer_token, answer->token, sizeof call->answer_token);
	call->last_modified = answer->last_modified;
	call->store_crc64_known = answer->crc64_known;
	call->store_crc64 = answer->crc64;
}
