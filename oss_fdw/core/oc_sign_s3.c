/*
 * oc_sign_s3.c
 *	  AWS Signature Version 4 for S3 and compatible stores, in headers and in URLs.
 *
 * Signs the path as it is in the URL, every query parameter and every header that the request
 * carries but those that libcurl and proxies handle.  The body is signed only when the caller
 * gives its hash.
 */
#include <stdio.h>

#include "oc_int.h"

#define TEXT_CEILING     ((size_t) 256 * 1024)
#define UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"

static oc_sign_v4_scheme scheme_of(const char *region);
static void collect_headers(const oc_sign_request *request, oc_sign_set *headers);
static bool write_canonical(const oc_sign_request *request, oc_sign_set *headers,
							oc_sign_set *query, const char *payload, oc_buf *target);

int
oc_sign_s3(const oc_sign_request *request, const oc_credentials *credentials, const char *region,
		   time_t when, oc_buf *out, oc_signature_trace *trace)
{
	oc_sign_v4_scheme scheme = scheme_of(region);
	const char *token = credentials->security_token;
	const char *payload = request->payload_sha256 ? request->payload_sha256 : UNSIGNED_PAYLOAD;
	oc_sign_set headers, query;
	oc_buf canonical, string_to_sign;
	char iso[20];
	char signature[65];
	bool good;

	oc_iso_basic(when, iso);
	oc_buf_init(&canonical, TEXT_CEILING);
	oc_buf_init(&string_to_sign, TEXT_CEILING);
	oc_sign_set_init(&headers);
	oc_sign_set_init(&query);

	collect_headers(request, &headers);
	oc_sign_set_add_header(&headers, "x-amz-date", iso, true);
	oc_sign_set_add_header(&headers, "x-amz-content-sha256", payload, true);
	if (token)
		oc_sign_set_add_header(&headers, "x-amz-security-token", token, true);
	for (int i = 0; i < request->query_count; i++)
		oc_sign_set_add_query(&query, request->query[i].name, request->query[i].value);
	good = write_canonical(request, &headers, &query, payload, &canonical) &&
		   oc_sign_v4_finish(&scheme, credentials->access_key_secret, iso, &canonical,
							 &string_to_sign, signature);
	if (good)
	{
		oc_sign_emit(out, "x-amz-date", iso);
		oc_sign_emit(out, "x-amz-content-sha256", payload);
		if (token)
			oc_sign_emit(out, "x-amz-security-token", token);
		oc_buf_printf(out, "Authorization: %s Credential=%s/", scheme.algorithm,
					  credentials->access_key_id);
		oc_sign_v4_scope(&scheme, iso, out);
		oc_buf_append_string(out, ",SignedHeaders=");
		oc_sign_write_names(&headers, out);
		oc_buf_printf(out, ",Signature=%s", signature);
		oc_buf_append_char(out, '\0');
	}
	oc_sign_set_free(&headers);
	oc_sign_set_free(&query);
	oc_sign_keep(trace, &canonical, &string_to_sign);
	return good && !out->failed ? (token ? 4 : 3) : -1;
}

static oc_sign_v4_scheme
scheme_of(const char *region)
{
	return (oc_sign_v4_scheme){.algorithm = "AWS4-HMAC-SHA256",
							   .key_prefix = "AWS4",
							   .terminator = "aws4_request",
							   .region = region,
							   .product = "s3"};
}

/* The host and all headers but those that may change on the way. */
static void
collect_headers(const oc_sign_request *request, oc_sign_set *headers)
{
	static const char *const unsigned_names[] = {"accept",
												 "accept-encoding",
												 "authorization",
												 "connection",
												 "content-length",
												 "expect",
												 "host",
												 "te",
												 "transfer-encoding",
												 "user-agent"};

	oc_sign_set_add_header(headers, "host", request->host, true);
	for (int i = 0; i < request->header_count; i++)
	{
		bool wanted = true;

		for (size_t j = 0; j < sizeof(unsigned_names) / sizeof(unsigned_names[0]); j++)
			wanted &= !oc_same_name(request->headers[i].name, unsigned_names[j]);
		if (wanted)
			oc_sign_set_add_header(headers, request->headers[i].name, request->headers[i].value,
								   true);
	}
}

/* Sorts the sets. */
static bool
write_canonical(const oc_sign_request *request, oc_sign_set *headers, oc_sign_set *query,
				const char *payload, oc_buf *target)
{
	if (!oc_sign_set_sort(headers, false) || !oc_sign_set_sort(query, true))
		return false;
	oc_buf_printf(target, "%s\n/", request->method);
	if (request->bucket && request->bucket_in_path)
	{
		oc_percent_encode(target, request->bucket, strlen(request->bucket), true);
		oc_buf_append_char(target, '/');
	}
	if (request->key)
		oc_percent_encode(target, request->key, strlen(request->key), true);
	oc_buf_append_char(target, '\n');
	oc_sign_write_query(query, true, target);
	oc_buf_append_char(target, '\n');
	oc_sign_write_headers(headers, target);
	oc_buf_append_char(target, '\n');
	oc_sign_write_names(headers, target);
	oc_buf_append_char(target, '\n');
	oc_buf_append_string(target, payload);
	return !target->failed;
}

bool
oc_presign_s3(const oc_sign_request *request, const oc_credentials *credentials, const char *region,
			  time_t when, long expires_s, oc_buf *out)
{
	oc_sign_v4_scheme scheme = scheme_of(region);
	oc_sign_set headers, query;
	oc_buf canonical, string_to_sign, text;
	char iso[20];
	char number[24];
	char signature[65];
	bool good;

	oc_iso_basic(when, iso);
	snprintf(number, sizeof(number), "%ld", expires_s);
	oc_buf_init(&canonical, TEXT_CEILING);
	oc_buf_init(&string_to_sign, TEXT_CEILING);
	oc_buf_init(&text, TEXT_CEILING);
	oc_sign_set_init(&headers);
	oc_sign_set_init(&query);

	collect_headers(request, &headers);
	for (int i = 0; i < request->query_count; i++)
		oc_sign_set_add_query(&query, request->query[i].name, request->query[i].value);
	oc_sign_set_add_query(&query, "X-Amz-Algorithm", scheme.algorithm);
	oc_sign_set_add_query(&query, "X-Amz-Date", iso);
	oc_sign_set_add_query(&query, "X-Amz-Expires", number);
	if (credentials->security_token)
		oc_sign_set_add_query(&query, "X-Amz-Security-Token", credentials->security_token);
	oc_buf_printf(&text, "%s/", credentials->access_key_id);
	good = oc_sign_v4_scope(&scheme, iso, &text);
	if (good)
		oc_sign_set_add_query(&query, "X-Amz-Credential", text.data);
	oc_buf_reset(&text);
	if (good && oc_sign_set_sort(&headers, false))
	{
		oc_sign_write_names(&headers, &text);
		oc_sign_set_add_query(&query, "X-Amz-SignedHeaders", text.data);
	}
	good = good && !text.failed &&
		   write_canonical(request, &headers, &query, UNSIGNED_PAYLOAD, &canonical) &&
		   oc_sign_v4_finish(&scheme, credentials->access_key_secret, iso, &canonical,
							 &string_to_sign, signature);
	if (good)
	{
		oc_sign_write_query(&query, true, out);
		oc_buf_printf(out, "&X-Amz-Signature=%s", signature);
	}
	oc_sign_set_free(&headers);
	oc_sign_set_free(&query);
	oc_buf_free(&text);
	oc_sign_keep(NULL, &canonical, &string_to_sign);
	return good && !out->failed;
}
