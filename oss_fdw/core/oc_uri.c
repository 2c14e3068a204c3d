/*
 * oc_uri.c
 *	  Endpoints, regions, addressing, names of buckets and keys: what a user may write, checked without network.
 *
 * A text that is refused is never repeated in a message when it could hold a password (an endpoint
 * with "user:password@", a secret).
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "oc_int.h"

#define KEY_BYTES_MAX   1023
#define HOST_BYTES_MAX  253
#define LABEL_BYTES_MAX 63
#define TOKEN_BYTES_MAX 16384

static const char *take_scheme(const char *text, bool *https);
static bool parse_bracketed(const char **text, oc_endpoint *endpoint, oc_error *error);
static bool parse_host(const char **text, oc_endpoint *endpoint, oc_error *error);
static bool check_labels(const char *host, oc_error *error);
static bool looks_like_number(const char *label);
static bool parse_port(const char *text, oc_endpoint *endpoint, oc_error *error);
static bool copy_label(const char *start, const char *end, char *region, size_t size);
static bool region_of_oss(const char *host, char *region, size_t size);
static bool region_of_obs(const char *host, char *region, size_t size);
static bool region_of_s3(const char *host, char *region, size_t size);
static bool is_utf8(const char *text);
static bool check_enums(const oc_config *config, oc_error *error);
static bool check_region(const oc_config *config, oc_error *error);
static bool check_credentials(const oc_config *config, oc_error *error);
static bool check_numbers(const oc_config *config, oc_error *error);
static bool check_word(const char *name, const char *value, size_t size_max, oc_error *error);
static bool check_line(const char *name, const char *value, oc_error *error);

/* ---------------------------------------------------------------- endpoints */

bool
oc_endpoint_parse(const char *text, oc_endpoint *endpoint, oc_error *error)
{
	memset(endpoint, 0, sizeof(*endpoint));
	if (!text || !*text)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "the endpoint is empty");
		return false;
	}
	for (const char *c = text; *c; c++)
	{
		if ((unsigned char) *c <= ' ' || *c == 0x7f)
		{
			oc_error_set(error, OC_ERR_ARGUMENT, "the endpoint has a blank or control character");
			return false;
		}
	}
	if (strchr(text, '@'))
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "the endpoint must not hold a user name or password");
		return false;
	}
	text = take_scheme(text, &endpoint->https);
	if (!text)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "the endpoint's scheme is neither http nor https");
		return false;
	}
	if (strpbrk(text, "/\\?#"))
	{
		oc_error_set(error, OC_ERR_ARGUMENT,
					 "the endpoint has something behind host and port: "
					 "[http://|https://]host[:port] is expected");
		return false;
	}
	if (*text == '[' ? !parse_bracketed(&text, endpoint, error)
					 : !parse_host(&text, endpoint, error))
		return false;
	return parse_port(text, endpoint, error);
}

/* Returns what stands behind the scheme; NULL when it is an unknown one. */
static const char *
take_scheme(const char *text, bool *https)
{
	*https = true;
	if (oc_has_prefix(text, "https://"))
		return text + 8;
	if (oc_has_prefix(text, "http://"))
	{
		*https = false;
		return text + 7;
	}
	return strstr(text, "://") ? NULL : text;
}

/* "[::1]" */
static bool
parse_bracketed(const char **text, oc_endpoint *endpoint, oc_error *error)
{
	const char *start = *text + 1;
	size_t size = strcspn(start, "]");
	unsigned char address[16];

	if (start[size] == ']' && size < sizeof(endpoint->host))
	{
		for (size_t i = 0; i < size; i++)
			endpoint->host[i] =
				start[i] >= 'A' && start[i] <= 'F' ? (char) (start[i] + 32) : start[i];
		endpoint->host[size] = '\0';
		if (inet_pton(AF_INET6, endpoint->host, address) == 1)
		{
			endpoint->is_ip = true;
			*text = start + size + 1;
			return true;
		}
	}
	oc_error_set(error, OC_ERR_ARGUMENT, "the endpoint has no valid IPv6 address in its brackets");
	return false;
}

static bool
parse_host(const char **text, oc_endpoint *endpoint, oc_error *error)
{
	size_t size = strcspn(*text, ":");
	unsigned char address[4];

	if (size == 0 || size > HOST_BYTES_MAX)
	{
		oc_error_set(error, OC_ERR_ARGUMENT,
					 size ? "the endpoint's host name is too long"
						  : "the endpoint has no host name");
		return false;
	}
	if (strchr(*text + size + ((*text)[size] == ':'), ':'))
	{
		oc_error_set(error, OC_ERR_ARGUMENT,
					 "the endpoint has more than one colon: an IPv6 address must be in brackets, "
					 "as in [::1]:8080");
		return false;
	}
	for (size_t i = 0; i < size; i++)
	{
		char c = (*text)[i];

		endpoint->host[i] = c >= 'A' && c <= 'Z' ? (char) (c + 32) : c;
	}
	endpoint->host[size] = '\0';
	*text += size;
	if (!check_labels(endpoint->host, error))
		return false;
	if (inet_pton(AF_INET, endpoint->host, address) == 1)
		endpoint->is_ip = true;
	else if (looks_like_number(strrchr(endpoint->host, '.') ? strrchr(endpoint->host, '.') + 1
															: endpoint->host))
	{
		/* "127.1" or "0x7f000001": some resolvers take these for addresses */
		oc_error_set(error, OC_ERR_ARGUMENT,
					 "the endpoint's host \"%s\" is not a valid IPv4 address", endpoint->host);
		return false;
	}
	return true;
}

static bool
check_labels(const char *host, oc_error *error)
{
	size_t length = 0;

	for (const char *c = host;; c++)
	{
		bool end = *c == '.' || *c == '\0';

		if (!end && strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", *c) == NULL)
		{
			oc_error_set(error, OC_ERR_ARGUMENT,
						 "the endpoint's host name has a character other than letters, digits, "
						 "'-', '_' and '.'");
			return false;
		}
		if (end && (length == 0 || length > LABEL_BYTES_MAX))
		{
			oc_error_set(error, OC_ERR_ARGUMENT,
						 "the endpoint's host name \"%s\" has an empty or too long part", host);
			return false;
		}
		if (*c == '\0')
			return true;
		length = end ? 0 : length + 1;
	}
}

static bool
looks_like_number(const char *label)
{
	return strspn(label, "0123456789") == strlen(label) ||
		   (label[0] == '0' && label[1] == 'x' &&
			strspn(label + 2, "0123456789abcdef") == strlen(label + 2));
}

static bool
parse_port(const char *text, oc_endpoint *endpoint, oc_error *error)
{
	if (*text == '\0')
		return true;
	if (*text == ':' && strlen(text) <= 6 && text[1] != '\0' &&
		strspn(text + 1, "0123456789") == strlen(text + 1))
	{
		endpoint->port = atoi(text + 1);
		if (endpoint->port >= 1 && endpoint->port <= 65535)
			return true;
	}
	oc_error_set(error, OC_ERR_ARGUMENT, "the endpoint's port is not a number from 1 to 65535");
	return false;
}

/* ---------------------------------------------------------------- regions */

bool
oc_region_of_endpoint(oc_provider provider, const char *text, char *region, size_t size)
{
	oc_endpoint endpoint;
	oc_error error;

	if (!oc_endpoint_parse(text, &endpoint, &error) || endpoint.is_ip)
		return false;
	switch (provider)
	{
		case OC_PROVIDER_OSS:
			return region_of_oss(endpoint.host, region, size);
		case OC_PROVIDER_OBS:
			return region_of_obs(endpoint.host, region, size);
		case OC_PROVIDER_S3:
			return region_of_s3(endpoint.host, region, size) ||
				   region_of_oss(endpoint.host, region, size) ||
				   region_of_obs(endpoint.host, region, size);
	}
	return false;
}

/* One label of a host name; false when it is empty or does not fit. */
static bool
copy_label(const char *start, const char *end, char *region, size_t size)
{
	size_t length = end > start ? (size_t) (end - start) : 0;

	if (length == 0 || length >= size)
		return false;
	memcpy(region, start, length);
	region[length] = '\0';
	return true;
}

/*
 * oss-<region>[-internal].aliyuncs.com, also behind "s3." or a bucket; <region>.oss.aliyuncs.com;
 * oss.aliyuncs.com is Hangzhou.
 */
static bool
region_of_oss(const char *host, char *region, size_t size)
{
	static const char hangzhou[] = "cn-hangzhou";
	const char *domain = strstr(host, ".aliyuncs.com");
	const char *label = domain;

	if (!domain || strcmp(domain, ".aliyuncs.com") != 0)
		return false;
	while (label > host && label[-1] != '.')
		label--;
	if (domain - label == 3 && strncmp(label, "oss", 3) == 0)
	{
		const char *before = label;

		if (label == host)
			return copy_label(hangzhou, hangzhou + strlen(hangzhou), region, size);
		for (before--; before > host && before[-1] != '.';)
			before--;
		return copy_label(before, label - 1, region, size);
	}
	if (strncmp(label, "oss-", 4) != 0 || strncmp(label, "oss-accelerate", 14) == 0)
		return false;
	label += 4;
	if (domain - label >= 9 && strncmp(domain - 9, "-internal", 9) == 0)
		domain -= 9;
	return copy_label(label, domain, region, size);
}

/* obs.<region>.<domain>, also behind a bucket; the domain has at least two labels */
static bool
region_of_obs(const char *host, char *region, size_t size)
{
	const char *label = strncmp(host, "obs.", 4) == 0 ? host : strstr(host, ".obs.");
	const char *end;

	if (!label)
		return false;
	label += *label == '.' ? 5 : 4;
	end = strchr(label, '.');
	return end && strchr(end + 1, '.') && copy_label(label, end, region, size);
}

/* s3.<region>.amazonaws.com[.cn], s3.dualstack.<region>.…, s3-<region>.…, s3.amazonaws.com; also behind a bucket */
static bool
region_of_s3(const char *host, char *region, size_t size)
{
	static const char standard[] = "us-east-1";
	const char *domain = strstr(host, ".amazonaws.com");
	const char *label = domain;

	if (!domain ||
		(strcmp(domain, ".amazonaws.com") != 0 && strcmp(domain, ".amazonaws.com.cn") != 0))
		return false;
	while (label > host && label[-1] != '.')
		label--;
	if (domain - label == 2 && strncmp(label, "s3", 2) == 0)
		return copy_label(standard, standard + strlen(standard), region, size);
	if (strncmp(label, "s3-", 3) == 0)
		return strncmp(label, "s3-accelerate", 13) != 0 &&
			   copy_label(label + 3, domain, region, size);
	if (strncmp(label, "dualstack.", 10) == 0)
		return false;
	return copy_label(label, domain, region, size);
}

/* ---------------------------------------------------------------- addressing */

/* bucket may be NULL.  A dot in the bucket would not match a certificate for "*.endpoint". */
oc_addressing
oc_addressing_of(oc_addressing wanted, oc_provider provider, const oc_endpoint *endpoint,
				 const char *bucket)
{
	bool dotted = bucket && strchr(bucket, '.');

	if (wanted != OC_ADDRESSING_AUTO)
		return wanted;
	if (endpoint->is_ip || strcmp(endpoint->host, "localhost") == 0 ||
		(dotted && endpoint->https && provider != OC_PROVIDER_OSS))
		return OC_ADDRESSING_PATH;
	return OC_ADDRESSING_VIRTUAL;
}

/* ---------------------------------------------------------------- buckets and keys */

bool
oc_bucket_check(oc_provider provider, const char *bucket, oc_error *error)
{
	size_t size = bucket ? strlen(bucket) : 0;
	const char *allowed = provider == OC_PROVIDER_OSS ? "abcdefghijklmnopqrstuvwxyz0123456789-"
													  : "abcdefghijklmnopqrstuvwxyz0123456789-.";
	unsigned char address[4];

	if (size < 3 || size > 63)
		oc_error_set(error, OC_ERR_ARGUMENT, "a bucket name has 3 to 63 characters, not %zu", size);
	else if (strspn(bucket, allowed) != size)
		oc_error_set(error, OC_ERR_ARGUMENT,
					 "bucket name \"%s\": only lower-case letters, digits%s '-' are allowed",
					 bucket, provider == OC_PROVIDER_OSS ? " and" : ", '.' and");
	else if (strchr("-.", bucket[0]) || strchr("-.", bucket[size - 1]))
		oc_error_set(error, OC_ERR_ARGUMENT,
					 "bucket name \"%s\" does not begin and end with a letter or digit", bucket);
	else if (strstr(bucket, "..") || inet_pton(AF_INET, bucket, address) == 1)
		oc_error_set(error, OC_ERR_ARGUMENT,
					 "bucket name \"%s\" has two dots in a row or looks like an IP address",
					 bucket);
	else
		return true;
	return false;
}

bool
oc_key_check(const char *key, oc_error *error)
{
	size_t size = key ? strlen(key) : 0;

	if (size == 0)
		oc_error_set(error, OC_ERR_ARGUMENT, "an object name is empty");
	else if (size > KEY_BYTES_MAX)
		oc_error_set(error, OC_ERR_ARGUMENT,
					 "an object name has %zu bytes, but at most %d are allowed", size,
					 KEY_BYTES_MAX);
	else if (key[0] == '/' || key[0] == '\\')
		oc_error_set(error, OC_ERR_ARGUMENT, "object name \"%.200s\" begins with '%c'", key,
					 key[0]);
	else if (!is_utf8(key))
		oc_error_set(error, OC_ERR_ARGUMENT, "an object name is not valid UTF-8");
	else
		return true;
	return false;
}

/* The shortest form only, no surrogates, nothing beyond U+10FFFF. */
static bool
is_utf8(const char *text)
{
	const unsigned char *c = (const unsigned char *) text;

	while (*c)
	{
		int more = *c < 0x80                  ? 0
				   : *c >= 0xf0 && *c <= 0xf4 ? 3
				   : *c >= 0xe0 && *c < 0xf0  ? 2
				   : *c >= 0xc2 && *c < 0xe0  ? 1
											  : -1;

		if (more < 0 || (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
			(c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
			return false;
		for (c++; more > 0; more--, c++)
			if ((*c & 0xc0) != 0x80)
				return false;
	}
	return true;
}

/* ---------------------------------------------------------------- configuration */

bool
oc_config_check(const oc_config *config, oc_error *error)
{
	oc_endpoint endpoint;

	return check_enums(config, error) && oc_endpoint_parse(config->endpoint, &endpoint, error) &&
		   check_credentials(config, error) && check_region(config, error) &&
		   check_numbers(config, error) && check_line("proxy", config->proxy, error) &&
		   check_line("ca_file", config->ca_file, error) &&
		   check_line("allowed_hosts", config->allowed_hosts, error);
}

static bool
check_enums(const oc_config *config, oc_error *error)
{
	if (!oc_dialect_of(config->provider))
		oc_error_set(error, OC_ERR_ARGUMENT, "there is no provider number %d",
					 (int) config->provider);
	else if ((unsigned) config->addressing > OC_ADDRESSING_CNAME)
		oc_error_set(error, OC_ERR_ARGUMENT, "there is no addressing number %d",
					 (int) config->addressing);
	else if ((unsigned) config->signature > OC_SIGNATURE_V1)
		oc_error_set(error, OC_ERR_ARGUMENT, "there is no signature version number %d",
					 (int) config->signature);
	else if (config->signature == OC_SIGNATURE_V1 && config->provider != OC_PROVIDER_OSS)
		oc_error_set(error, OC_ERR_ARGUMENT, "only the provider \"oss\" has signature version v1");
	else
		return true;
	return false;
}

/* An empty string counts as absent. */
static bool
check_credentials(const oc_config *config, oc_error *error)
{
	bool id = config->access_key_id && *config->access_key_id;
	bool secret = config->access_key_secret && *config->access_key_secret;
	bool token = config->security_token && *config->security_token;

	if (id && !secret)
		oc_error_set(error, OC_ERR_ARGUMENT, "access_key_id is given without access_key_secret");
	else if (secret && !id)
		oc_error_set(error, OC_ERR_ARGUMENT, "access_key_secret is given without access_key_id");
	else if (token && !id)
		oc_error_set(error, OC_ERR_ARGUMENT, "security_token is given without access_key_id");
	else
		return check_word("access_key_id", config->access_key_id, 256, error) &&
			   check_word("access_key_secret", config->access_key_secret, OC_SIGN_SECRET_MAX,
						  error) &&
			   check_word("security_token", config->security_token, TOKEN_BYTES_MAX, error);
	return false;
}

static bool
check_region(const oc_config *config, oc_error *error)
{
	char derived[64];
	bool given = config->region && *config->region;
	bool needed = config->access_key_id && *config->access_key_id &&
				  config->provider == OC_PROVIDER_OSS && config->signature == OC_SIGNATURE_V4;

	if (given && strspn(config->region,
						"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") !=
					 strlen(config->region))
		oc_error_set(error, OC_ERR_ARGUMENT,
					 "region has a character other than letters, digits, '-', '_' and '.'");
	else if (given && strlen(config->region) >= sizeof(derived))
		oc_error_set(error, OC_ERR_ARGUMENT, "region is too long");
	else if (!given && needed &&
			 !oc_region_of_endpoint(config->provider, config->endpoint, derived, sizeof(derived)))
		oc_error_set(
			error, OC_ERR_ARGUMENT,
			"the region cannot be told from the endpoint: the option \"region\" is needed");
	else
		return true;
	return false;
}

static bool
check_numbers(const oc_config *config, oc_error *error)
{
	const struct
	{
		const char *name;
		long value;
	} numbers[] = {{"connect_timeout", config->connect_timeout_ms},
				   {"low_speed_limit", config->low_speed_limit},
				   {"low_speed_time", config->low_speed_time_s},
				   {"dns_cache_timeout", config->dns_cache_timeout_s},
				   {"retry_timeout", config->retry_timeout_ms}};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
	{
		if (numbers[i].value < 0)
		{
			oc_error_set(error, OC_ERR_ARGUMENT, "%s must not be negative", numbers[i].name);
			return false;
		}
	}
	if (config->max_retries < -1 || config->max_retries > 1000)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "max_retries is not within -1 to 1000");
		return false;
	}
	return true;
}

/* Visible ASCII only: a blank or newline comes from careless copying and would break the header it goes into. */
static bool
check_word(const char *name, const char *value, size_t size_max, oc_error *error)
{
	for (const char *c = value; c && *c; c++)
	{
		if (*c <= ' ' || *c >= 0x7f)
		{
			oc_error_set(error, OC_ERR_ARGUMENT,
						 "%s has a blank, a control character or a character that is not ASCII",
						 name);
			return false;
		}
	}
	if (value && strlen(value) > size_max)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "%s has more than %zu characters", name, size_max);
		return false;
	}
	return true;
}

static bool
check_line(const char *name, const char *value, oc_error *error)
{
	for (const char *c = value; c && *c; c++)
	{
		if ((unsigned char) *c < ' ' || *c == 0x7f)
		{
			oc_error_set(error, OC_ERR_ARGUMENT, "%s has a control character", name);
			return false;
		}
	}
	return true;
}
