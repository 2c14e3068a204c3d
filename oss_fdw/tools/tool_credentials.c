/*
 * tool_credentials.c
 *	  Keys that need not stand on a command line: from the environment, or from the files that the stores' own tools use.
 *
 * In this order, the first that has a key id wins: the command line; a file named there; the environment; the provider's
 * files below $HOME.  A key id on the command line without its secret takes the secret of the first source that has the same id,
 * or none.  Endpoint and region are taken from the same places, where they are still open.
 *
 * All files are INI files, and one reader knows the names that the tools give to the same things.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* What one source tells; NULL = nothing. */
typedef struct source
{
	char *id;
	char *secret;
	char *token;
	char *endpoint;
	char *region;
} source;

/* Variables of a provider, alternatives in order; the first set is the store's own tools', the second the vendor's. */
typedef struct variable_set
{
	oc_provider provider;
	const char *id;
	const char *secret;
	const char *token;
	const char *endpoint;
	const char *region;
} variable_set;

static const variable_set variable_sets[] = {
	{OC_PROVIDER_OSS, "OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN", "OSS_ENDPOINT", "OSS_REGION"},
	{OC_PROVIDER_OSS, "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN", NULL,
	 "ALIBABA_CLOUD_REGION_ID"},
	{OC_PROVIDER_OBS, "OBS_ACCESS_KEY_ID", "OBS_SECRET_ACCESS_KEY", "OBS_SECURITY_TOKEN", "OBS_ENDPOINT", "OBS_REGION"},
	{OC_PROVIDER_S3, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION"},
};

/* Files below $HOME, and the variable that names another one. */
typedef struct file_name
{
	oc_provider provider;
	const char *name;
	const char *variable;
} file_name;

static const file_name file_names[] = {
	{OC_PROVIDER_OSS, ".ossutilconfig", "OSS_CONFIG_FILE"},
	{OC_PROVIDER_OSS, ".alibabacloud/credentials", "ALIBABA_CLOUD_CREDENTIALS_FILE"},
	{OC_PROVIDER_OBS, ".obsutilconfig", NULL},
	{OC_PROVIDER_S3, ".aws/credentials", "AWS_SHARED_CREDENTIALS_FILE"},
	{OC_PROVIDER_S3, ".aws/config", "AWS_CONFIG_FILE"},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *profile_of(const tool_access *access);
static void read_environment(tool_access *access);
static void read_usual_files(tool_access *access);
static bool read_file(const char *path, const char *profile, source *found);
static bool section_matches(const char *section, const char *profile);
static void read_line(char *line, bool *inside, const char *profile, source *found);
static void read_pair(const char *name, const char *value, source *found);
static char *trim(char *text);
static void take(tool_access *access, source *found);
static void set(char **target, const char *value);
static char *variable(const char *name);

bool
tool_credentials_find(tool_access *access, oc_error *error)
{
	if (access->credentials_file)
	{
		source found = {0};

		if (!read_file(access->credentials_file, profile_of(access), &found))
		{
			oc_error_set(error, OC_ERR_ARGUMENT, "could not read the credentials file \"%s\": %s", access->credentials_file,
						 strerror(errno));
			return false;
		}
		if (!found.id && !access->access_key_id)
		{
			oc_error_set(error, OC_ERR_ARGUMENT, "the credentials file \"%s\" has no key id for the profile \"%s\"",
						 access->credentials_file, profile_of(access));
			return false;
		}
		take(access, &found);
	}
	read_environment(access);
	if (!access->credentials_file)
		read_usual_files(access);
	return true;
}

static const char *
profile_of(const tool_access *access)
{
	const char *name = access->provider == OC_PROVIDER_OSS ? "ALIBABA_CLOUD_PROFILE" : "AWS_PROFILE";
	const char *value = access->profile;

	if (!value && access->provider == OC_PROVIDER_OSS)
		value = getenv("OSS_PROFILE");
	if (!value && access->provider != OC_PROVIDER_OBS)
		value = getenv(name);
	return value && *value ? value : "default";
}

/* Takes over what the source has and the access still lacks; id, secret and token only together. */
static void
take(tool_access *access, source *found)
{
	bool complete = access->access_key_id && access->access_key_secret;

	if (!access->endpoint)
		access->endpoint = found->endpoint;
	if (!access->region)
		access->region = found->region;
	if (complete || !found->secret)
		return;
	if (access->access_key_id && found->id && strcmp(access->access_key_id, found->id) != 0)
		return;
	if (!access->access_key_id && !found->id)
		return;
	if (!access->access_key_id)
		access->access_key_id = found->id;
	if (!access->access_key_secret)
		access->access_key_secret = found->secret;
	if (!access->security_token)
		access->security_token = found->token;
}

/* ---------------------------------------------------------------- environment */

static char *
variable(const char *name)
{
	const char *value = name ? getenv(name) : NULL;

	return value && *value ? tool_copy(value) : NULL;
}

static void
read_environment(tool_access *access)
{
	for (size_t i = 0; i < COUNT(variable_sets); i++)
	{
		const variable_set *names = &variable_sets[i];
		source found;

		if (names->provider != access->provider)
			continue;
		found = (source){variable(names->id), variable(names->secret), variable(names->token), variable(names->endpoint),
						 variable(names->region)};
		take(access, &found);
	}
	if (access->provider == OC_PROVIDER_S3 && !access->region)
		access->region = variable("AWS_DEFAULT_REGION");
}

/* ---------------------------------------------------------------- files */

static void
read_usual_files(tool_access *access)
{
	const char *home = getenv("HOME");

	for (size_t i = 0; i < COUNT(file_names); i++)
	{
		const char *other = file_names[i].variable ? getenv(file_names[i].variable) : NULL;
		source found = {0};
		char *path;

		if (file_names[i].provider != access->provider || (!other && !home))
			continue;
		path = other ? tool_copy(other) : tool_printf("%s/%s", home, file_names[i].name);
		if (read_file(path, profile_of(access), &found))
			take(access, &found);
		free(path);
	}
}

/* false: errno tells why the file cannot be read. */
static bool
read_file(const char *path, const char *profile, source *found)
{
	FILE *file = fopen(path, "re");
	bool inside = true; /* lines before any section belong to every profile (obsutil) */
	bool good;
	char *line = NULL;
	size_t capacity = 0;

	if (!file)
		return false;
	while (getline(&line, &capacity, file) >= 0)
		read_line(line, &inside, profile, found);
	good = !ferror(file);
	free(line);
	fclose(file);
	return good;
}

static void
read_line(char *line, bool *inside, const char *profile, source *found)
{
	char *text = trim(line);
	char *equals = strchr(text, '=');

	if (*text == '#' || *text == ';' || *text == '\0')
		return;
	if (*text == '[')
	{
		char *end = strchr(text, ']');

		if (end)
			*end = '\0';
		*inside = section_matches(trim(text + 1), profile);
		return;
	}
	if (!*inside || !equals)
		return;
	*equals = '\0';
	read_pair(trim(text), trim(equals + 1), found);
}

/* ossutil's first version has one section, [Credentials]; its second and AWS write [profile name]. */
static bool
section_matches(const char *section, const char *profile)
{
	if (strncmp(section, "profile ", 8) == 0)
		section += 8;
	while (*section == ' ')
		section++;
	return strcmp(section, profile) == 0 || (strcmp(profile, "default") == 0 && strcmp(section, "Credentials") == 0);
}

static void
read_pair(const char *name, const char *value, source *found)
{
	static const char *const ids[] = {"access_key_id", "accessKeyID", "aws_access_key_id", "ak"};
	static const char *const secrets[] = {"access_key_secret", "accessKeySecret", "aws_secret_access_key", "sk"};
	static const char *const tokens[] = {"security_token", "stsToken", "aws_session_token", "token"};
	static const char *const endpoints[] = {"endpoint", "endpoint_url", "endpoint", "endpoint"};
	static const char *const regions[] = {"region", "region_id", "region", "region"};

	for (size_t i = 0; i < COUNT(ids); i++)
	{
		if (tool_same_word(name, ids[i]))
			set(&found->id, value);
		else if (tool_same_word(name, secrets[i]))
			set(&found->secret, value);
		else if (tool_same_word(name, tokens[i]))
			set(&found->token, value);
		else if (tool_same_word(name, endpoints[i]))
			set(&found->endpoint, value);
		else if (tool_same_word(name, regions[i]))
			set(&found->region, value);
	}
}

static void
set(char **target, const char *value)
{
	if (!*target && *value)
		*target = tool_copy(value);
}

static char *
trim(char *text)
{
	char *end;

	while (*text == ' ' || *text == '\t')
		text++;
	end = text + strlen(text);
	while (end > text && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	return text;
}
