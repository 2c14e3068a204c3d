/*
 * tool_access.c
 *	  Which store, and as whom: from the command line, the environment and files to the core's configuration.
 *
 * What the command line says holds.  The rest comes from the environment (here) or from credential files (tool_credentials.c).
 * Then defaults that follow from what is known: the public endpoint of a region, and OSS' older signature, which needs no
 * region, where none is known.
 */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static void derive_endpoint(tool_access *access);

char *
tool_take_secret(char *argument)
{
	char *copy = tool_copy(argument);

	memset(argument, 'x', strlen(argument));
	return copy;
}

const char *
tool_provider_name(oc_provider provider)
{
	return provider == OC_PROVIDER_OSS ? "oss" : provider == OC_PROVIDER_OBS ? "obs" : "s3";
}

bool
tool_parse_provider(const char *text, oc_provider *provider)
{
	for (int i = OC_PROVIDER_OSS; i <= OC_PROVIDER_S3; i++)
	{
		if (!tool_same_word(text, tool_provider_name((oc_provider) i)))
			continue;
		*provider = (oc_provider) i;
		return true;
	}
	return false;
}

bool
tool_parse_addressing(const char *text, oc_addressing *addressing)
{
	static const char *const names[] = {"auto", "virtual", "path", "cname"};

	for (int i = 0; i < 4; i++)
	{
		if (!tool_same_word(text, names[i]))
			continue;
		*addressing = (oc_addressing) i;
		return true;
	}
	return false;
}

bool
tool_access_complete(tool_access *access, oc_error *error)
{
	char region[64];

	if (!tool_credentials_find(access, error))
		return false;
	derive_endpoint(access);
	/* the newer signature names the region: where none is known, the older one does */
	if (access->provider == OC_PROVIDER_OSS && !access->signature_given && !access->region && access->endpoint &&
		!oc_region_of_endpoint(OC_PROVIDER_OSS, access->endpoint, region, sizeof(region)))
		access->signature = OC_SIGNATURE_V1;
	return true;
}

static void
derive_endpoint(tool_access *access)
{
	if (access->endpoint || !access->region)
		return;
	switch (access->provider)
	{
		case OC_PROVIDER_OSS:
			access->endpoint = tool_printf("oss-%s.aliyuncs.com", access->region);
			break;
		case OC_PROVIDER_OBS:
			access->endpoint = tool_printf("obs.%s.myhuaweicloud.com", access->region);
			break;
		case OC_PROVIDER_S3:
			access->endpoint = tool_printf("s3.%s.amazonaws.com", access->region);
			break;
	}
}

oc_config
tool_access_config(const tool_access *access)
{
	oc_config config = {.provider = access->provider, .endpoint = access->endpoint, .region = access->region,
						.addressing = access->addressing, .signature = access->signature, .ca_file = access->ca_file};

	if (!access->anonymous)
	{
		config.access_key_id = access->access_key_id;
		config.access_key_secret = access->access_key_secret;
		config.security_token = access->security_token;
	}
	return config;
}
