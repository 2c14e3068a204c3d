/*
 * fuzz_uri.c
 *	  Any text as endpoint, region, bucket, key, date, base64 and percent-encoded text.
 *
 * Properties: a parsed endpoint holds a clean host, encoding and decoding are inverse, printed dates are
 * read back.
 */
#include <stdlib.h>

#include "oc_int.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool good)
{
	if (!good)
		abort();
}

static void
names(const char *text)
{
	oc_endpoint endpoint;
	oc_error error;
	char region[64];

	if (oc_endpoint_parse(text, &endpoint, &error))
	{
		require(endpoint.host[0] && strlen(endpoint.host) <= 253);
		require(strspn(endpoint.host, "abcdefghijklmnopqrstuvwxyz0123456789-_.:") ==
				strlen(endpoint.host));
		require(endpoint.port >= 0 && endpoint.port <= 65535);
	}
	else
		require(error.class == OC_ERR_ARGUMENT && error.message[0]);
	for (int provider = OC_PROVIDER_OSS; provider <= OC_PROVIDER_S3; provider++)
	{
		oc_config config = {.provider = (oc_provider) provider,
							.endpoint = text,
							.access_key_id = "i",
							.access_key_secret = "s"};

		if (oc_region_of_endpoint((oc_provider) provider, text, region, sizeof(region)))
			require(region[0] && !strchr(region, '.'));
		if (!oc_config_check(&config, &error))
			require(error.message[0]);
		if (oc_bucket_check((oc_provider) provider, text, &error))
			require(strlen(text) >= 3 && strlen(text) <= 63);
	}
	if (oc_key_check(text, &error))
		require(strlen(text) <= 1023);
}

static void
codes(const char *text, size_t size)
{
	unsigned char *bytes = malloc(size + 1);
	char *back = malloc(size + 1);
	char *encoded = malloc((size + 2) / 3 * 4 + 1);
	size_t decoded;
	oc_buf buf;

	require(bytes && back && encoded);
	if (oc_base64_decode(text, bytes, size, &decoded))
	{
		oc_base64(bytes, decoded, encoded);
		require(strcmp(encoded, text) == 0);
	}
	oc_buf_init(&buf, 3 * size);
	require(oc_percent_encode(&buf, text, strlen(text), size % 2));
	if (buf.data)
	{
		require(oc_percent_decode(buf.data, size % 3) == strlen(text));
		require(strcmp(buf.data, text) == 0);
	}
	memcpy(back, text, strlen(text) + 1);
	require(oc_percent_decode(back, size % 2) <= size);
	oc_buf_free(&buf);
	free(bytes);
	free(back);
	free(encoded);
}

static void
dates(const char *text)
{
	char printed[32];
	time_t when;
	time_t again;
	int64_t microseconds;

	if (oc_parse_http_date(text, &when) && when >= 0)
	{
		oc_http_date(when, printed);
		require(oc_parse_http_date(printed, &again) && again == when);
	}
	oc_parse_iso_time(text, &microseconds);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	require(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	names(text);
	codes(text, size);
	dates(text);
	free(text);
	return 0;
}
