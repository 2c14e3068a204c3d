/*
 * oc_client.c
 *	  One store as one user sees it: configuration with its defaults, hosts, and what must never be contacted or told.
 *
 * A client is opened and closed by its owner's thread and read by the I/O thread; the only thing that changes
 * meanwhile is the clock skew.
 */
#include "oc_call_int.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define OR_DEFAULT(value, standard) ((value) != 0 ? (value) : (standard))

static bool copy_strings(oc_client *client, const oc_config *config, oc_error *error);
static bool copy_region(oc_client *client, const oc_config *config, oc_error *error);
static bool copy_text(char **target, const char *source);
static void free_secret(const char *secret);
static bool host_is_allowed(const char *patterns, const char *host);
static bool matches(const char *pattern, const char *end, const char *host);
static bool is_address(const char *host, bool *forbidden);
static bool ends_with(const char *text, const char *end);
static void redact_text(char *text, const char *secret, size_t size);

oc_client *
oc_client_open(oc_io *io, const oc_config *config, oc_error *error)
{
	oc_client *client;
	bool forbidden;

	if (!oc_config_check(config, error))
		return NULL;
	client = calloc(1, sizeof *client);
	if (client == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory");
		return NULL;
	}
	client->io = io;
	client->dialect = oc_dialect_of(config->provider);
	client->addressing = config->addressing;
	client->signature = config->signature;
	client->insecure_tls = config->insecure_tls;
	client->connect_timeout_ms = OR_DEFAULT(config->connect_timeout_ms, 10000);
	client->low_speed_limit = OR_DEFAULT(config->low_speed_limit, 1024);
	client->low_speed_time_s = OR_DEFAULT(config->low_speed_time_s, 30);
	client->dns_cache_timeout_s = OR_DEFAULT(config->dns_cache_timeout_s, 60);
	client->max_retries = config->max_retries < 0 ? 0 : OR_DEFAULT(config->max_retries, 5);
	client->retry_timeout_ms = OR_DEFAULT(config->retry_timeout_ms, 120000);
	if (!oc_endpoint_parse(config->endpoint, &client->endpoint, error) || !copy_strings(client, config, error) ||
		!copy_region(client, config, error))
	{
		oc_client_close(client);
		return NULL;
	}
	if ((config->allowed_hosts && !host_is_allowed(config->allowed_hosts, client->endpoint.host)) ||
		(is_address(client->endpoint.host, &forbidden) && forbidden))
	{
		oc_error_set(error, OC_ERR_FORBIDDEN_ADDRESS, "the endpoint host \"%s\" is not allowed", client->endpoint.host);
		oc_client_close(client);
		return NULL;
	}
	return client;
}

void
oc_client_close(oc_client *client)
{
	if (client == NULL)
		return;
	free_secret(client->credentials.access_key_id);
	free_secret(client->credentials.access_key_secret);
	free_secret(client->credentials.security_token);
	free_secret(client->proxy); /* may hold a password */
	free(client->ca_file);
	free(client->region);
	free(client);
}

const oc_limits *
oc_client_limits(const oc_client *client)
{
	return &client->dialect->limits;
}

oc_provider
oc_client_provider(const oc_client *client)
{
	return client->dialect->provider;
}

oc_io *
oc_client_io(const oc_client *client)
{
	return client->io;
}

bool
oc_client_target(const oc_client *client, const char *bucket, oc_target *target, oc_error *error)
{
	const oc_endpoint *endpoint = &client->endpoint;
	oc_addressing addressing = oc_addressing_of(client->addressing, client->dialect->provider, endpoint, bucket);
	bool colon = strchr(endpoint->host, ':') != NULL;
	int standard = endpoint->https ? 443 : 80;
	int port = endpoint->port ? endpoint->port : standard;
	char name[340];
	char number[16] = "";
	int size;

	target->own_domain = addressing == OC_ADDRESSING_CNAME;
	target->bucket_in_path = addressing == OC_ADDRESSING_PATH;
	if (addressing == OC_ADDRESSING_VIRTUAL)
		size = snprintf(name, sizeof name, "%s.%s", bucket, endpoint->host);
	else
		size = snprintf(name, sizeof name, colon ? "[%s]" : "%s", endpoint->host);
	if (size < 0 || (size_t) size >= sizeof name)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "bucket and endpoint make too long a host name");
		return false;
	}
	if (port != standard)
		snprintf(number, sizeof number, ":%d", port);
	snprintf(target->host, sizeof target->host, "%s%s", name, number);
	target->resolve[0] = '\0';
	if (ends_with(name, ".localhost"))
		snprintf(target->resolve, sizeof target->resolve, "%s:%d:127.0.0.1", name, port);
	return true;
}

bool
oc_address_is_forbidden(int family, const void *address)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	static const unsigned char nat64[12] = {0, 0x64, 0xff, 0x9b};
	static const unsigned char ec2[16] = {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54};
	const unsigned char *byte = address;

	if (family == AF_INET6)
	{
		if (memcmp(byte, mapped, 12) == 0 || memcmp(byte, nat64, 12) == 0)
			return oc_address_is_forbidden(AF_INET, byte + 12);
		return (byte[0] == 0xfe && (byte[1] & 0xc0) == 0x80) || memcmp(byte, ec2, 16) == 0;
	}
	return (byte[0] == 169 && byte[1] == 254) ||
		   (byte[0] == 100 && byte[1] == 100 && byte[2] == 100 && byte[3] == 200);
}

/* authorization: the header's line as sent, or NULL; its last part is the signature */
void
oc_client_redact(const oc_client *client, const char *authorization, oc_error *error)
{
	const char *secrets[3] = {client->credentials.access_key_secret, client->credentials.security_token, NULL};
	int i;

	if (authorization)
	{
		/* "OSS id:signature" or "...Signature=hex"; a base64 signature may end in '=' */
		const char *mark = strstr(authorization, "Signature=");

		secrets[2] = mark ? mark + 10 : strrchr(authorization, ':');
		if (secrets[2] && *secrets[2] == ':')
			secrets[2]++;
	}
	for (i = 0; i < 3; i++)
	{
		size_t size = secrets[i] ? strlen(secrets[i]) : 0;

		if (size < 4) /* would blot out innocent text */
			continue;
		redact_text(error->message, secrets[i], size);
		redact_text(error->detail, secrets[i], size);
		redact_text(error->code, secrets[i], size);
	}
}

/* ---------------------------------------------------------------- opening */

static bool
copy_strings(oc_client *client, const oc_config *config, oc_error *error)
{
	char *id = NULL, *secret = NULL, *token = NULL;
	bool good = copy_text(&id, config->access_key_id) && copy_text(&secret, config->access_key_secret) &&
				copy_text(&token, config->security_token) && copy_text(&client->proxy, config->proxy) &&
				copy_text(&client->ca_file, config->ca_file);

	client->credentials = (oc_credentials){id, secret, token};
	if (!good)
		oc_error_set(error, OC_ERR_MEMORY, "out of memory");
	return good;
}

/* Only the V4 signatures need a region. */
static bool
copy_region(oc_client *client, const oc_config *config, oc_error *error)
{
	oc_provider provider = client->dialect->provider;
	char derived[128] = "";
	const char *region = config->region;
	bool needed = client->credentials.access_key_id != NULL && provider == OC_PROVIDER_OSS &&
				  client->signature == OC_SIGNATURE_V4;

	if (region && provider == OC_PROVIDER_OSS && strncmp(region, "oss-", 4) == 0)
		region += 4; /* the store's own answers say "oss-cn-hangzhou", the signature wants the rest */
	if (region == NULL || *region == '\0')
	{
		if (!oc_region_of_endpoint(provider, config->endpoint, derived, sizeof derived))
			snprintf(derived, sizeof derived, "%s", provider == OC_PROVIDER_S3 ? "us-east-1" : "");
		region = derived;
	}
	if (needed && *region == '\0')
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "the region cannot be told from the endpoint \"%s\": the option \"region\" is needed",
					 client->endpoint.host);
		return false;
	}
	if (copy_text(&client->region, region))
		return true;
	oc_error_set(error, OC_ERR_MEMORY, "out of memory");
	return false;
}

/* An empty string counts as absent. */
static bool
copy_text(char **target, const char *source)
{
	*target = source && *source ? strdup(source) : NULL;
	return *target != NULL || source == NULL || *source == '\0';
}

static void
free_secret(const char *secret)
{
	if (secret)
		oc_wipe((char *) secret, strlen(secret));
	free((char *) secret);
}

/* ---------------------------------------------------------------- hosts */

static bool
host_is_allowed(const char *patterns, const char *host)
{
	while (*patterns)
	{
		const char *end = patterns + strcspn(patterns, ",");
		const char *from = patterns;
		const char *to = end;

		while (from < to && *from == ' ')
			from++;
		while (to > from && to[-1] == ' ')
			to--;
		if (from < to && matches(from, to, host))
			return true;
		patterns = *end ? end + 1 : end;
	}
	return false;
}

/* '*' stands for any run of bytes; on a mismatch the last star takes one byte more. */
static bool
matches(const char *pattern, const char *end, const char *host)
{
	const char *star = NULL;
	const char *resume = host;

	while (*host)
	{
		if (pattern < end && *pattern == '*')
		{
			star = pattern++;
			resume = host;
		}
		else if (pattern < end && strncasecmp(pattern, host, 1) == 0)
		{
			pattern++;
			host++;
		}
		else if (star)
		{
			pattern = star + 1;
			host = ++resume;
		}
		else
			return false;
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

static bool
is_address(const char *host, bool *forbidden)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, host, address) == 1)
		*forbidden = oc_address_is_forbidden(AF_INET, address);
	else if (inet_pton(AF_INET6, host, address) == 1)
		*forbidden = oc_address_is_forbidden(AF_INET6, address);
	else
		return false;
	return true;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t size = strlen(text);
	size_t end_size = strlen(end);

	return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static void
redact_text(char *text, const char *secret, size_t size)
{
	char *found;

	while ((found = strstr(text, secret)) != NULL)
	{
		memcpy(found, "***", 3);
		memmove(found + 3, found + size, strlen(found + size) + 1);
	}
}
