/*
 * oc_sign_common.c
 *	  Building blocks of the signers: sorted names and values, derived keys, strings to sign.
 *
 * request -> oc_sign_set (headers, queries) -> canonical text -> string to sign -> signature.
 * Pure functions: nothing is kept, nothing is sent, nothing is logged.
 */

#include "oc_int.h"

#include <stdio.h>

#define TEXT_CEILING  ((size_t) 256 * 1024)
#define MAX_EXPIRES_S 604800

static int compare_items(const oc_sign_set *set, int left, int right, bool by_value_too);
static void add_v1_headers(oc_sign_set *set, const oc_sign_v1_scheme *scheme,
						   const oc_pair *headers, int count);
static void write_v1_resource(const oc_sign_v1_scheme *scheme, const oc_sign_request *request,
							  const oc_pair *extra_query, oc_buf *target);

/* ---------------------------------------------------------------- sets */

void
oc_sign_set_init(oc_sign_set *set)
{
	set->count = 0;
	oc_buf_init(&set->texts, TEXT_CEILING);
}

void
oc_sign_set_free(oc_sign_set *set)
{
	oc_buf_free(&set->texts);
}

static bool
begin_item(oc_sign_set *set)
{
	if (set->count == OC_SIGN_SET_MAX)
		set->texts.failed = true;
	if (set->texts.failed)
		return false;
	set->items[set->count].name = set->texts.size;
	return true;
}

static void
end_name(oc_sign_set *set)
{
	oc_buf_append_char(&set->texts, '\0');
	set->items[set->count].value = set->texts.size;
}

static void
end_item(oc_sign_set *set)
{
	oc_buf_append_char(&set->texts, '\0');
	set->count++;
}

/* Both as they are. */
void
oc_sign_set_add(oc_sign_set *set, const char *name, const char *value)
{
	if (!begin_item(set))
		return;
	oc_buf_append_string(&set->texts, name);
	end_name(set);
	oc_buf_append_string(&set->texts, value ? value : "");
	end_item(set);
}

/* The name in lower case, the value without blanks at its ends; collapse: inner runs become one blank. */
void
oc_sign_set_add_header(oc_sign_set *set, const char *name, const char *value, bool collapse)
{
	const char *end;

	if (!begin_item(set))
		return;
	for (; *name; name++)
		oc_buf_append_char(&set->texts, *name >= 'A' && *name <= 'Z' ? (char) (*name + 32) : *name);
	end_name(set);
	if (!value)
		value = "";
	while (*value == ' ' || *value == '\t')
		value++;
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	for (; value < end; value++)
	{
		bool blank = *value == ' ' || *value == '\t';

		if (!collapse || !blank)
			oc_buf_append_char(&set->texts, *value);
		else if (value[1] != ' ' && value[1] != '\t')
			oc_buf_append_char(&set->texts, ' ');
	}
	end_item(set);
}

/* Both percent-encoded. */
void
oc_sign_set_add_query(oc_sign_set *set, const char *name, const char *value)
{
	if (!begin_item(set))
		return;
	oc_percent_encode(&set->texts, name, strlen(name), false);
	end_name(set);
	if (value)
		oc_percent_encode(&set->texts, value, strlen(value), false);
	end_item(set);
}

/* By bytes of the name; equal names keep their order or are sorted by value.  false: something did not fit. */
bool
oc_sign_set_sort(oc_sign_set *set, bool by_value_too)
{
	if (set->texts.failed)
		return false;
	for (int i = 1; i < set->count; i++)
	{
		for (int j = i; j > 0 && compare_items(set, j - 1, j, by_value_too) > 0; j--)
		{
			size_t name = set->items[j].name;
			size_t value = set->items[j].value;

			set->items[j] = set->items[j - 1];
			set->items[j - 1].name = name;
			set->items[j - 1].value = value;
		}
	}
	return true;
}

static int
compare_items(const oc_sign_set *set, int left, int right, bool by_value_too)
{
	int order = strcmp(oc_sign_set_name(set, left), oc_sign_set_name(set, right));

	if (order == 0 && by_value_too)
		order = strcmp(oc_sign_set_value(set, left), oc_sign_set_value(set, right));
	return order;
}

const char *
oc_sign_set_name(const oc_sign_set *set, int index)
{
	return set->texts.data + set->items[index].name;
}

const char *
oc_sign_set_value(const oc_sign_set *set, int index)
{
	return set->texts.data + set->items[index].value;
}

/* "name:value\n" each; values of one name are joined by a comma. */
void
oc_sign_write_headers(const oc_sign_set *set, oc_buf *target)
{
	for (int i = 0; i < set->count; i++)
	{
		bool same = i > 0 && strcmp(oc_sign_set_name(set, i - 1), oc_sign_set_name(set, i)) == 0;
		bool more = i + 1 < set->count &&
					strcmp(oc_sign_set_name(set, i + 1), oc_sign_set_name(set, i)) == 0;

		if (!same)
		{
			oc_buf_append_string(target, oc_sign_set_name(set, i));
			oc_buf_append_char(target, ':');
		}
		oc_buf_append_string(target, oc_sign_set_value(set, i));
		oc_buf_append_char(target, more ? ',' : '\n');
	}
}

/* "a;b;c", each name once */
void
oc_sign_write_names(const oc_sign_set *set, oc_buf *target)
{
	for (int i = 0; i < set->count; i++)
	{
		if (i > 0 && strcmp(oc_sign_set_name(set, i - 1), oc_sign_set_name(set, i)) == 0)
			continue;
		if (i > 0)
			oc_buf_append_char(target, ';');
		oc_buf_append_string(target, oc_sign_set_name(set, i));
	}
}

/* "a=1&b" */
void
oc_sign_write_query(const oc_sign_set *set, bool always_equals, oc_buf *target)
{
	for (int i = 0; i < set->count; i++)
	{
		const char *value = oc_sign_set_value(set, i);

		if (i > 0)
			oc_buf_append_char(target, '&');
		oc_buf_append_string(target, oc_sign_set_name(set, i));
		if (*value || always_equals)
			oc_buf_append_char(target, '=');
		oc_buf_append_string(target, value);
	}
}

const char *
oc_sign_find_header(const oc_sign_request *request, const char *name)
{
	for (int i = request->header_count - 1; i >= 0; i--)
		if (oc_same_name(request->headers[i].name, name))
			return request->headers[i].value ? request->headers[i].value : "";
	return NULL;
}

void
oc_sign_emit(oc_buf *out, const char *name, const char *value)
{
	oc_buf_append_string(out, name);
	oc_buf_append(out, ": ", 2);
	oc_buf_append_string(out, value);
	oc_buf_append_char(out, '\0');
}

void
oc_sign_keep(oc_signature_trace *trace, oc_buf *canonical, oc_buf *string_to_sign)
{
	if (trace)
	{
		trace->canonical = *canonical;
		trace->string_to_sign = *string_to_sign;
	}
	else
	{
		oc_buf_free(canonical);
		oc_buf_free(string_to_sign);
	}
}

/* ---------------------------------------------------------------- the V4 schemes */

/* iso: 20260102T030405Z */
bool
oc_sign_v4_scope(const oc_sign_v4_scheme *scheme, const char *iso, oc_buf *target)
{
	return oc_buf_printf(target, "%.8s/%s/%s/%s", iso, scheme->region, scheme->product,
						 scheme->terminator);
}

static bool
derive_key(const oc_sign_v4_scheme *scheme, const char *secret, const char *iso,
		   unsigned char key[32])
{
	char first[32 + OC_SIGN_SECRET_MAX];
	size_t prefix_size = strlen(scheme->key_prefix);
	size_t secret_size = strlen(secret);

	if (secret_size > OC_SIGN_SECRET_MAX || prefix_size + secret_size > sizeof(first))
		return false;
	memcpy(first, scheme->key_prefix, prefix_size);
	memcpy(first + prefix_size, secret, secret_size);
	oc_hmac_sha256(first, prefix_size + secret_size, iso, 8, key);
	oc_hmac_sha256(key, 32, scheme->region, strlen(scheme->region), key);
	oc_hmac_sha256(key, 32, scheme->product, strlen(scheme->product), key);
	oc_hmac_sha256(key, 32, scheme->terminator, strlen(scheme->terminator), key);
	oc_wipe(first, sizeof(first));
	return true;
}

bool
oc_sign_v4_finish(const oc_sign_v4_scheme *scheme, const char *secret, const char *iso,
				  const oc_buf *canonical, oc_buf *string_to_sign, char signature[65])
{
	unsigned char digest[32];
	unsigned char key[32];
	char hash[65];

	if (canonical->failed)
		return false;
	oc_sha256(canonical->data, canonical->size, digest);
	oc_hex(digest, sizeof(digest), hash);
	oc_buf_printf(string_to_sign, "%s\n%s\n", scheme->algorithm, iso);
	oc_sign_v4_scope(scheme, iso, string_to_sign);
	oc_buf_printf(string_to_sign, "\n%s", hash);
	if (string_to_sign->failed || !derive_key(scheme, secret, iso, key))
		return false;
	oc_hmac_sha256(key, sizeof(key), string_to_sign->data, string_to_sign->size, digest);
	oc_wipe(key, sizeof(key));
	oc_hex(digest, sizeof(digest), signature);
	return true;
}

/* ---------------------------------------------------------------- the V1 schemes */

bool
oc_sign_v1_finish(const oc_sign_v1_scheme *scheme, const oc_sign_request *request,
				  const char *secret, const char *date, const oc_pair *extra_headers,
				  int extra_header_count, const oc_pair *extra_query, oc_buf *string_to_sign,
				  char signature[32])
{
	const char *md5 = oc_sign_find_header(request, "Content-MD5");
	const char *type = oc_sign_find_header(request, "Content-Type");
	unsigned char digest[20];
	oc_sign_set headers;

	oc_sign_set_init(&headers);
	add_v1_headers(&headers, scheme, request->headers, request->header_count);
	add_v1_headers(&headers, scheme, extra_headers, extra_header_count);
	oc_buf_printf(string_to_sign, "%s\n%s\n%s\n%s\n", request->method, md5 ? md5 : "",
				  type ? type : "", date);
	if (oc_sign_set_sort(&headers, false))
		oc_sign_write_headers(&headers, string_to_sign);
	else
		string_to_sign->failed = true;
	oc_sign_set_free(&headers);
	write_v1_resource(scheme, request, extra_query, string_to_sign);
	if (string_to_sign->failed || strlen(secret) > OC_SIGN_SECRET_MAX)
		return false;
	oc_hmac_sha1(secret, strlen(secret), string_to_sign->data, string_to_sign->size, digest);
	oc_base64(digest, sizeof(digest), signature);
	return true;
}

static void
add_v1_headers(oc_sign_set *set, const oc_sign_v1_scheme *scheme, const oc_pair *headers, int count)
{
	for (int i = 0; i < count; i++)
		if (oc_has_prefix(headers[i].name, scheme->header_prefix))
			oc_sign_set_add_header(set, headers[i].name, headers[i].value, false);
}

/* "/bucket/key?acl&uploadId=1" with raw values; extra_query may be NULL */
static void
write_v1_resource(const oc_sign_v1_scheme *scheme, const oc_sign_request *request,
				  const oc_pair *extra_query, oc_buf *target)
{
	oc_sign_set query;

	oc_buf_append_char(target, '/');
	if (request->bucket)
	{
		oc_buf_append_string(target, request->bucket);
		oc_buf_append_char(target, '/');
	}
	if (request->key && scheme->encode_key)
		oc_percent_encode(target, request->key, strlen(request->key), true);
	else if (request->key)
		oc_buf_append_string(target, request->key);

	oc_sign_set_init(&query);
	for (int i = 0; i < request->query_count; i++)
		if (scheme->signs_query(request->query[i].name))
			oc_sign_set_add(&query, request->query[i].name, request->query[i].value);
	if (extra_query)
		oc_sign_set_add(&query, extra_query->name, extra_query->value);
	if (!oc_sign_set_sort(&query, true))
		target->failed = true;
	else if (query.count > 0)
	{
		oc_buf_append_char(target, '?');
		oc_sign_write_query(&query, false, target);
	}
	oc_sign_set_free(&query);
}

/* ---------------------------------------------------------------- presigned URLs */

/* V1 of OSS and OBS differ in two names.  token: name and value, value NULL = none. */
bool
oc_presign_v1(const oc_sign_v1_scheme *scheme, const oc_sign_request *request, const oc_credentials *credentials,
			  const char *key_id_name, const oc_pair *token, time_t when, long expires_s, oc_buf *out)
{
	oc_sign_set query;
	oc_buf string_to_sign;
	char number[24];
	char signature[32];
	bool good;

	snprintf(number, sizeof(number), "%lld", (long long) when + expires_s);
	oc_buf_init(&string_to_sign, TEXT_CEILING);
	oc_sign_set_init(&query);
	good = oc_sign_v1_finish(scheme, request, credentials->access_key_secret, number, NULL, 0,
							 token->value ? token : NULL, &string_to_sign, signature);
	for (int i = 0; i < request->query_count; i++)
		oc_sign_set_add_query(&query, request->query[i].name, request->query[i].value);
	oc_sign_set_add_query(&query, key_id_name, credentials->access_key_id);
	oc_sign_set_add_query(&query, "Expires", number);
	if (token->value)
		oc_sign_set_add_query(&query, token->name, token->value);
	if (good)
		oc_sign_set_add_query(&query, "Signature", signature);
	good = good && oc_sign_set_sort(&query, true);
	if (good)
		oc_sign_write_query(&query, false, out);
	oc_sign_set_free(&query);
	oc_buf_free(&string_to_sign);
	return good && !out->failed;
}

bool
oc_presign(oc_provider provider, oc_signature signature, const oc_sign_request *request,
		   const oc_credentials *credentials, const char *region, time_t when, long expires_s,
		   oc_buf *out)
{
	if (expires_s < 1 || expires_s > MAX_EXPIRES_S || !credentials->access_key_id)
		return false;
	switch (provider)
	{
		case OC_PROVIDER_OSS:
			if (signature == OC_SIGNATURE_V1)
				return oc_presign_oss_v1(request, credentials, when, expires_s, out);
			return region && oc_presign_oss_v4(request, credentials, region, when, expires_s, out);
		case OC_PROVIDER_OBS:
			return oc_presign_obs(request, credentials, when, expires_s, out);
		case OC_PROVIDER_S3:
			return region && oc_presign_s3(request, credentials, region, when, expires_s, out);
	}
	return false;
}
