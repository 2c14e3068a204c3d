/*
 * oc_sign_oss.c
 *	  Alibaba OSS signatures: V4 (OSS4-HMAC-SHA256) and V1 (HMAC-SHA1), in headers and in URLs.
 *
 * Whatever form the URL has, the signed path begins with the bucket.  V4 signs every query
 * parameter and leaves the body unsigned; V1 signs only the parameters of a list.
 */
#include <stdio.h>

#include "oc_int.h"

#define TEXT_CEILING     ((size_t) 256 * 1024)
#define HEADER_PREFIX    "x-oss-"
#define UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"

static oc_sign_v4_scheme v4_scheme(const char *region, const char *product);
static bool signed_by_default(const char *name);
static void collect_additional(const oc_sign_request *request, oc_sign_set *names);
static void collect_v4_headers(const oc_sign_request *request, const oc_sign_set *additional,
							   oc_sign_set *headers);
static bool write_v4_canonical(const oc_sign_request *request, oc_sign_set *additional,
							   oc_sign_set *headers, oc_sign_set *query, oc_buf *target);
static bool signs_query(const char *name);

static const oc_sign_v1_scheme v1_scheme = {HEADER_PREFIX, false, signs_query};

/* ---------------------------------------------------------------- V4 */

int
oc_sign_oss_v4(const oc_sign_request *request, const oc_credentials *credentials,
			   const char *region, const char *product, time_t when, oc_buf *out,
			   oc_signature_trace *trace)
{
	oc_sign_v4_scheme scheme = v4_scheme(region, product);
	const char *token = credentials->security_token;
	oc_sign_set additional, headers, query;
	oc_buf canonical, string_to_sign;
	char iso[20];
	char signature[65];
	bool good;

	oc_iso_basic(when, iso);
	oc_buf_init(&canonical, TEXT_CEILING);
	oc_buf_init(&string_to_sign, TEXT_CEILING);
	oc_sign_set_init(&additional);
	oc_sign_set_init(&headers);
	oc_sign_set_init(&query);

	collect_additional(request, &additional);
	collect_v4_headers(request, &additional, &headers);
	oc_sign_set_add_header(&headers, "x-oss-date", iso, false);
	oc_sign_set_add_header(&headers, "x-oss-content-sha256", UNSIGNED_PAYLOAD, false);
	if (token)
		oc_sign_set_add_header(&headers, "x-oss-security-token", token, false);
	for (int i = 0; i < request->query_count; i++)
		oc_sign_set_add_query(&query, request->query[i].name, request->query[i].value);
	good = write_v4_canonical(request, &additional, &headers, &query, &canonical) &&
		   oc_sign_v4_finish(&scheme, credentials->access_key_secret, iso, &canonical,
							 &string_to_sign, signature);
	if (good)
	{
		oc_sign_emit(out, "x-oss-date", iso);
		oc_sign_emit(out, "x-oss-content-sha256", UNSIGNED_PAYLOAD);
		if (token)
			oc_sign_emit(out, "x-oss-security-token", token);
		oc_buf_printf(out, "Authorization: %s Credential=%s/", scheme.algorithm,
					  credentials->access_key_id);
		oc_sign_v4_scope(&scheme, iso, out);
		if (additional.count > 0)
		{
			oc_buf_append_string(out, ",AdditionalHeaders=");
			oc_sign_write_names(&additional, out);
		}
		oc_buf_printf(out, ",Signature=%s", signature);
		oc_buf_append_char(out, '\0');
	}
	oc_sign_set_free(&additional);
	oc_sign_set_free(&headers);
	oc_sign_set_free(&query);
	oc_sign_keep(trace, &canonical, &string_to_sign);
	return good && !out->failed ? (token ? 4 : 3) : -1;
}

static oc_sign_v4_scheme
v4_scheme(const char *region, const char *product)
{
	return (oc_sign_v4_scheme){.algorithm = "OSS4-HMAC-SHA256",
							   .key_prefix = "aliyun_v4",
							   .terminator = "aliyun_v4_request",
							   .region = region,
							   .product = product};
}

static bool
signed_by_default(const char *name)
{
	return oc_has_prefix(name, HEADER_PREFIX) || oc_same_name(name, "content-type") ||
		   oc_same_name(name, "content-md5");
}

/* The names of request->additional that need naming and are really sent. */
static void
collect_additional(const oc_sign_request *request, oc_sign_set *names)
{
	const char *name = request->additional;

	while (name && *name)
	{
		size_t size = strcspn(name, ";");
		char text[128];

		if (size >= sizeof(text))
			names->texts.failed = true;
		else if (size > 0)
		{
			memcpy(text, name, size);
			text[size] = '\0';
			if (!signed_by_default(text) &&
				(oc_same_name(text, "host") || oc_sign_find_header(request, text)))
				oc_sign_set_add_header(names, text, NULL, false);
		}
		name += size + (name[size] == ';');
	}
}

static void
collect_v4_headers(const oc_sign_request *request, const oc_sign_set *additional,
				   oc_sign_set *headers)
{
	for (int i = 0; i < request->header_count; i++)
	{
		bool wanted = signed_by_default(request->headers[i].name);

		for (int j = 0; j < additional->count; j++)
			wanted |= oc_same_name(request->headers[i].name, oc_sign_set_name(additional, j));
		if (wanted)
			oc_sign_set_add_header(headers, request->headers[i].name, request->headers[i].value,
								   false);
	}
	for (int j = 0; j < additional->count; j++)
		if (strcmp(oc_sign_set_name(additional, j), "host") == 0)
			oc_sign_set_add_header(headers, "host", request->host, false);
}

/* Sorts the sets. */
static bool
write_v4_canonical(const oc_sign_request *request, oc_sign_set *additional, oc_sign_set *headers,
				   oc_sign_set *query, oc_buf *target)
{
	if (!oc_sign_set_sort(additional, false) || !oc_sign_set_sort(headers, false) ||
		!oc_sign_set_sort(query, true))
		return false;
	oc_buf_printf(target, "%s\n/", request->method);
	if (request->bucket)
	{
		oc_percent_encode(target, request->bucket, strlen(request->bucket), true);
		oc_buf_append_char(target, '/');
	}
	if (request->key)
		oc_percent_encode(target, request->key, strlen(request->key), true);
	oc_buf_append_char(target, '\n');
	oc_sign_write_query(query, false, target);
	oc_buf_append_char(target, '\n');
	oc_sign_write_headers(headers, target);
	oc_buf_append_char(target, '\n');
	oc_sign_write_names(additional, target);
	oc_buf_append_string(target, "\n" UNSIGNED_PAYLOAD);
	return !target->failed;
}

/* The canonical query, which is a valid query string, and behind it the signature. */
bool
oc_presign_oss_v4(const oc_sign_request *request, const oc_credentials *credentials,
				  const char *region, time_t when, long expires_s, oc_buf *out)
{
	oc_sign_v4_scheme scheme = v4_scheme(region, "oss");
	oc_sign_set additional, headers, query;
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
	oc_sign_set_init(&additional);
	oc_sign_set_init(&headers);
	oc_sign_set_init(&query);

	collect_additional(request, &additional);
	collect_v4_headers(request, &additional, &headers);
	for (int i = 0; i < request->query_count; i++)
		oc_sign_set_add_query(&query, request->query[i].name, request->query[i].value);
	oc_sign_set_add_query(&query, "x-oss-signature-version", scheme.algorithm);
	oc_sign_set_add_query(&query, "x-oss-date", iso);
	oc_sign_set_add_query(&query, "x-oss-expires", number);
	oc_buf_printf(&text, "%s/", credentials->access_key_id);
	good = oc_sign_v4_scope(&scheme, iso, &text);
	if (good)
		oc_sign_set_add_query(&query, "x-oss-credential", text.data);
	if (credentials->security_token)
		oc_sign_set_add_query(&query, "x-oss-security-token", credentials->security_token);
	oc_buf_reset(&text);
	if (good && additional.count > 0 && oc_sign_set_sort(&additional, false))
	{
		oc_sign_write_names(&additional, &text);
		oc_sign_set_add_query(&query, "x-oss-additional-headers", text.data);
	}
	good = good && !text.failed &&
		   write_v4_canonical(request, &additional, &headers, &query, &canonical) &&
		   oc_sign_v4_finish(&scheme, credentials->access_key_secret, iso, &canonical,
							 &string_to_sign, signature);
	if (good)
	{
		oc_sign_write_query(&query, false, out);
		oc_buf_printf(out, "&x-oss-signature=%s", signature);
	}
	oc_sign_set_free(&additional);
	oc_sign_set_free(&headers);
	oc_sign_set_free(&query);
	oc_buf_free(&text);
	oc_sign_keep(NULL, &canonical, &string_to_sign);
	return good && !out->failed;
}

/* ---------------------------------------------------------------- V1 */

int
oc_sign_oss_v1(const oc_sign_request *request, const oc_credentials *credentials, time_t when,
			   bool send_x_date, oc_buf *out, oc_signature_trace *trace)
{
	oc_pair extra[2];
	int extra_count = 0;
	oc_buf canonical, string_to_sign;
	char date[32];
	char signature[32];
	bool good;

	oc_http_date(when, date);
	if (send_x_date)
		extra[extra_count++] = (oc_pair){"x-oss-date", date};
	if (credentials->security_token)
		extra[extra_count++] = (oc_pair){"x-oss-security-token", credentials->security_token};
	oc_buf_init(&canonical, TEXT_CEILING);
	oc_buf_init(&string_to_sign, TEXT_CEILING);
	good = oc_sign_v1_finish(&v1_scheme, request, credentials->access_key_secret, date, extra,
							 extra_count, NULL, &string_to_sign, signature);
	if (good)
	{
		oc_sign_emit(out, "Date", date);
		for (int i = 0; i < extra_count; i++)
			oc_sign_emit(out, extra[i].name, extra[i].value);
		oc_buf_printf(out, "Authorization: OSS %s:%s", credentials->access_key_id, signature);
		oc_buf_append_char(out, '\0');
	}
	oc_sign_keep(trace, &canonical, &string_to_sign);
	return good && !out->failed ? extra_count + 2 : -1;
}

bool
oc_presign_oss_v1(const oc_sign_request *request, const oc_credentials *credentials, time_t when,
				  long expires_s, oc_buf *out)
{
	oc_pair token = {"security-token", credentials->security_token};

	return oc_presign_v1(&v1_scheme, request, credentials, "OSSAccessKeyId", &token, when, expires_s, out);
}

/* Case matters here.  All other parameters (prefix, max-keys, ...) are not signed. */
static bool
signs_query(const char *name)
{
	static const char *const names[] = {"accessPoint",
										"accessPointPolicy",
										"acl",
										"append",
										"asyncFetch",
										"bucketArchiveDirectRead",
										"bucketInfo",
										"callback",
										"callback-var",
										"cloudboxes",
										"cname",
										"comp",
										"continuation-token",
										"cors",
										"delete",
										"encryption",
										"endTime",
										"group",
										"httpsConfig",
										"inventory",
										"inventoryId",
										"lifecycle",
										"link",
										"live",
										"location",
										"logging",
										"metaQuery",
										"objectInfo",
										"objectMeta",
										"partNumber",
										"policy",
										"position",
										"publicAccessBlock",
										"qos",
										"qosInfo",
										"qosRequester",
										"redundancyTransition",
										"referer",
										"regionList",
										"replication",
										"replicationLocation",
										"replicationProgress",
										"requestPayment",
										"requesterQosInfo",
										"resourceGroup",
										"resourcePool",
										"response-cache-control",
										"response-content-disposition",
										"response-content-encoding",
										"response-content-language",
										"response-content-type",
										"response-expires",
										"restore",
										"security-token",
										"sequential",
										"startTime",
										"stat",
										"status",
										"style",
										"styleName",
										"symlink",
										"tagging",
										"transferAcceleration",
										"uploadId",
										"uploads",
										"versionId",
										"versioning",
										"versions",
										"vod",
										"website",
										"worm",
										"wormExtend",
										"wormId"};

	if (strncmp(name, HEADER_PREFIX, sizeof(HEADER_PREFIX) - 1) == 0)
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}
