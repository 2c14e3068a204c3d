/*
 * oc_presign.c
 *	  URLs that let whoever has them do one thing with one object for a while, without a key.
 *
 * No request is sent.  The URL goes to the host that a request of the client would go to; the dialect's signer makes its query.
 */
#include <stdlib.h>

#include "oc_call_int.h"

#define URL_MAX ((size_t) 64 * 1024)
#define EXPIRES_MOST (7L * 24 * 3600)

static bool check_arguments(const oc_client *client, const char *bucket, const char *key, long expires_s, oc_error *error);

char *
oc_presign_url(const oc_client *client, const char *method, const char *bucket, const char *key, long expires_s,
			   oc_error *error)
{
	oc_provider provider = client->dialect->provider;
	oc_target target;
	oc_sign_request request = {.method = method, .bucket = bucket, .key = key};
	oc_buf url;

	if (!check_arguments(client, bucket, key, expires_s, error) || !oc_client_target(client, bucket, &target, error))
		return NULL;
	if (target.own_domain && provider == OC_PROVIDER_OBS)
		request.bucket = client->endpoint.host;
	request.host = target.host;
	request.bucket_in_path = target.bucket_in_path;
	oc_buf_init(&url, URL_MAX);
	oc_buf_printf(&url, "%s://%s/", client->endpoint.https ? "https" : "http", target.host);
	if (target.bucket_in_path)
		oc_buf_printf(&url, "%s/", bucket);
	oc_percent_encode(&url, key, strlen(key), true);
	oc_buf_append_char(&url, '?');
	if (!oc_presign(provider, client->signature, &request, &client->credentials, client->region,
					oc_wall_seconds() + atomic_load(&client->skew_s), expires_s, &url) ||
		url.failed)
	{
		oc_error_set(error, OC_ERR_LIMIT, "the URL cannot be signed: a key or name is too long, or memory is short");
		oc_buf_free(&url);
		return NULL;
	}
	return url.data;
}

static bool
check_arguments(const oc_client *client, const char *bucket, const char *key, long expires_s, oc_error *error)
{
	if (!client->credentials.access_key_id)
		oc_error_set(error, OC_ERR_ARGUMENT, "a URL cannot be signed without an access key");
	else if (expires_s < 1 || expires_s > EXPIRES_MOST)
		oc_error_set(error, OC_ERR_ARGUMENT, "a signed URL is good for 1 second to 7 days");
	else
		return oc_bucket_check(client->dialect->provider, bucket, error) && oc_key_check(key, error);
	return false;
}
