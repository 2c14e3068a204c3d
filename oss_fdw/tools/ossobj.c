/*
 * ossobj.c
 *	  Objects on the command line: ls, cat, put, get, rm, du, uploads, abort-uploads, check, sign.
 *
 * Here: the command line, URLs, opening the store, exit codes.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "ossobj.h"

typedef struct command
{
	const char *name;
	int (*run)(ossobj *self, int count, char **words);
	const char *options; /* of its own: letters as below */
	int least;			 /* words */
	int most;			 /* -1 = any number */
	const char *usage;
} command;

/* What getopt_long returns is the option's letter; capitals have no short form. */
static const command commands[] = {
	{"ls", ossobj_ls, "rj", 1, -1, "ls [-r] URL...                     objects and folders: size, time, name"},
	{"du", ossobj_du, "j", 1, -1, "du URL...                          number and bytes of all objects below"},
	{"cat", ossobj_cat, "rzJ", 1, -1, "cat [-r] [-z] URL...               to standard output; -z decompresses, whatever the names say"},
	{"get", ossobj_get, "rjqJ", 2, -1, "get [-r] URL... FILE|FOLDER        to files"},
	{"put", ossobj_put, "rjqnOJ", 2, -1, "put [-r] [--no-overwrite] FILE... URL   from files, '-' is standard input"},
	{"rm", ossobj_rm, "rfjn", 1, -1, "rm [-r] [-f] [-n] URL...           -n only shows what it would delete"},
	{"uploads", ossobj_uploads, "jT", 1, -1, "uploads [--older-than TIME] URL... unfinished multipart uploads"},
	{"abort-uploads", ossobj_abort_uploads, "jTn", 1, -1, "abort-uploads [--older-than TIME] [-n] URL..."},
	{"check", ossobj_check, "j", 1, 1, "check URL                          tries each step from the host name to a deletion"},
	{"sign", ossobj_sign, "jXM", 1, -1, "sign [--expires TIME] [--method GET|PUT] URL...   URLs that need no key"},
};

enum
{
	OPT_ENDPOINT = 256, OPT_REGION, OPT_CREDENTIALS, OPT_PROFILE, OPT_CA_FILE, OPT_ADDRESSING, OPT_SIGNATURE, OPT_ANONYMOUS,
	OPT_HELP, OPT_VERSION,
};

static const struct option long_options[] = {
	{"endpoint", required_argument, NULL, OPT_ENDPOINT},
	{"region", required_argument, NULL, OPT_REGION},
	{"credentials-file", required_argument, NULL, OPT_CREDENTIALS},
	{"profile", required_argument, NULL, OPT_PROFILE},
	{"ca-file", required_argument, NULL, OPT_CA_FILE},
	{"addressing", required_argument, NULL, OPT_ADDRESSING},
	{"signature-version", required_argument, NULL, OPT_SIGNATURE},
	{"anonymous", no_argument, NULL, OPT_ANONYMOUS},
	{"access-key-id", required_argument, NULL, 'I'},
	{"access-key-secret", required_argument, NULL, 'S'},
	{"security-token", required_argument, NULL, 'K'},
	{"json", no_argument, NULL, 'j'},
	{"recursive", no_argument, NULL, 'r'},
	{"decompress", no_argument, NULL, 'z'},
	{"force", no_argument, NULL, 'f'},
	{"dry-run", no_argument, NULL, 'n'},
	{"quiet", no_argument, NULL, 'q'},
	{"no-overwrite", no_argument, NULL, 'O'},
	{"jobs", required_argument, NULL, 'J'},
	{"older-than", required_argument, NULL, 'T'},
	{"expires", required_argument, NULL, 'X'},
	{"method", required_argument, NULL, 'M'},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

static const command *find_command(const char *name);
static int parse(ossobj *self, const command *command, int argc, char **argv);
static bool set_access(tool_access *access, int option, char *value);
static bool set_option(ossobj *self, int option, const char *value);
static bool set_flag(ossobj *self, int option);
static void close_store(ossobj *self);
static void print_help(void);

int
main(int argc, char **argv)
{
	ossobj self = {.jobs = 4, .expires = 3600, .method = "GET"};
	const command *command;
	int code;

	tool_name = "ossobj";
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
	{
		print_help();
		return OSSOBJ_GOOD;
	}
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
	{
		puts("ossobj (oss_fdw) " TOOL_VERSION);
		return OSSOBJ_GOOD;
	}
	command = argc > 1 ? find_command(argv[1]) : NULL;
	if (!command)
	{
		tool_complain(argc > 1 ? "there is no command \"%.100s\"; --help lists them" : "a command is missing%s; --help lists them",
					  argc > 1 ? argv[1] : "");
		return OSSOBJ_USAGE;
	}
	code = parse(&self, command, argc - 1, argv + 1);
	if (code != OSSOBJ_GOOD)
		return code < 0 ? OSSOBJ_GOOD : code;
	tool_signals_catch(true);
	code = command->run(&self, argc - 1 - optind, argv + 1 + optind);
	if (fflush(stdout) != 0 && code == OSSOBJ_GOOD)
	{
		tool_complain("could not write to standard output");
		code = OSSOBJ_FAILED;
	}
	close_store(&self);
	tool_end_by_signal();
	return code;
}

static const command *
find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
	{
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

/* ---------------------------------------------------------------- the command line */

/* An exit code, or -1: everything is done. */
static int
parse(ossobj *self, const command *command, int argc, char **argv)
{
	int index = -1;
	int option;
	int words;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":rzfnqj", long_options, &index)) != -1)
	{
		if (option == OPT_HELP)
		{
			printf("usage: ossobj %s\n\n`ossobj --help` lists the options of all commands.\n", command->usage);
			return -1;
		}
		if (option == '?' || option == ':' || option == OPT_VERSION ||
			(option < 256 && !strchr("ISK", option) && !strchr(command->options, option)))
		{
			tool_complain("%s: option \"%s\" %s", command->name, argv[optind - 1],
						  option == ':' ? "needs a value" : "is not one of this command; --help lists the options");
			return OSSOBJ_USAGE;
		}
		if (!set_access(&self->access, option, optarg) && !set_flag(self, option) && !set_option(self, option, optarg))
		{
			tool_complain("%s: invalid value \"%.100s\" of --%s", command->name, optarg, long_options[index].name);
			return OSSOBJ_USAGE;
		}
	}
	words = argc - optind;
	if (words < command->least || (command->most >= 0 && words > command->most))
	{
		tool_complain("usage: ossobj %s", command->usage);
		return OSSOBJ_USAGE;
	}
	return OSSOBJ_GOOD;
}

/* false: not one of these options, or a wrong value. */
static bool
set_access(tool_access *access, int option, char *value)
{
	switch (option)
	{
		case 'I':
			access->access_key_id = value;
			return true;
		case 'S':
			access->access_key_secret = tool_take_secret(value);
			return true;
		case 'K':
			access->security_token = tool_take_secret(value);
			return true;
		case OPT_ENDPOINT:
			access->endpoint = value;
			return true;
		case OPT_REGION:
			access->region = value;
			return true;
		case OPT_CREDENTIALS:
			access->credentials_file = value;
			return true;
		case OPT_PROFILE:
			access->profile = value;
			return true;
		case OPT_CA_FILE:
			access->ca_file = value;
			return true;
		case OPT_ANONYMOUS:
			access->anonymous = true;
			return true;
		case OPT_ADDRESSING:
			return tool_parse_addressing(value, &access->addressing);
		case OPT_SIGNATURE:
			access->signature = tool_same_word(value, "v1") ? OC_SIGNATURE_V1 : OC_SIGNATURE_V4;
			access->signature_given = true;
			return tool_same_word(value, "v1") || tool_same_word(value, "v4");
		default:
			return false;
	}
}

static bool
set_flag(ossobj *self, int option)
{
	bool *flag = option == 'j'	 ? &self->json
				 : option == 'r' ? &self->recursive
				 : option == 'z' ? &self->decompress
				 : option == 'f' ? &self->force
				 : option == 'n' ? &self->dry_run
				 : option == 'q' ? &self->quiet
				 : option == 'O' ? &self->no_overwrite
								 : NULL;

	if (flag)
		*flag = true;
	return flag != NULL;
}

static bool
set_option(ossobj *self, int option, const char *value)
{
	switch (option)
	{
		case 'J':
			return tool_parse_count(value, 1, 64, &self->jobs);
		case 'T':
			return tool_parse_seconds(value, &self->older_than);
		case 'X':
			return tool_parse_seconds(value, &self->expires);
		case 'M':
			self->method = tool_same_word(value, "PUT") ? "PUT" : tool_same_word(value, "HEAD") ? "HEAD" : "GET";
			return tool_same_word(value, self->method);
		default:
			return false;
	}
}

/* ---------------------------------------------------------------- URLs */

bool
ossobj_is_url(const char *text)
{
	return strstr(text, "://") != NULL;
}

bool
ossobj_parse_url(const char *text, ossobj_url *url)
{
	const char *colon = strstr(text, "://");
	char *scheme = tool_printf("%.*s", colon ? (int) (colon - text) : 0, text);
	bool known = colon && (tool_parse_provider(scheme, &url->provider) || tool_same_word(scheme, "s3a"));
	const char *slash;
	oc_error error = {0};

	if (known && tool_same_word(scheme, "s3a"))
		url->provider = OC_PROVIDER_S3;
	free(scheme);
	if (!known)
	{
		tool_complain("\"%.200s\" is not of the form oss://bucket/name, obs://bucket/name or s3://bucket/name", text);
		return false;
	}
	slash = strchr(colon + 3, '/');
	url->bucket = slash ? tool_printf("%.*s", (int) (slash - colon - 3), colon + 3) : tool_copy(colon + 3);
	url->key = tool_copy(slash ? slash + 1 : "");
	url->glob = tool_has_glob(url->key);
	if (!url->glob)
	{
		char *plain = tool_glob_prefix(url->key); /* without the quoting */

		free(url->key);
		url->key = plain;
	}
	if (oc_bucket_check(url->provider, url->bucket, &error) && (!*url->key || oc_key_check(url->key, &error)))
		return true;
	tool_complain("\"%.200s\": %s", text, error.message);
	return false;
}

char *
ossobj_url_text(const ossobj_url *url, const char *key)
{
	return tool_printf("%s://%s/%s", tool_provider_name(url->provider), url->bucket, key);
}

/* ---------------------------------------------------------------- the store */

int
ossobj_open(ossobj *self, const ossobj_url *url)
{
	oc_error error = {0};
	oc_config config;

	if (self->client)
	{
		if (self->access.provider == url->provider)
			return OSSOBJ_GOOD;
		tool_complain("all URLs of one command are of one store");
		return OSSOBJ_USAGE;
	}
	self->access.provider = url->provider;
	if (!tool_access_complete(&self->access, &error))
	{
		tool_complain_error(NULL, &error);
		return OSSOBJ_USAGE;
	}
	if (!self->access.endpoint)
	{
		tool_complain("the endpoint is missing: give --endpoint or --region, or set %s",
					  url->provider == OC_PROVIDER_OSS	 ? "OSS_ENDPOINT"
					  : url->provider == OC_PROVIDER_OBS ? "OBS_ENDPOINT"
														 : "AWS_ENDPOINT_URL");
		return OSSOBJ_USAGE;
	}
	if (!self->access.anonymous && (!self->access.access_key_id || !self->access.access_key_secret))
	{
		tool_complain("no access key was found in the environment or a file; --anonymous sends unsigned requests");
		return OSSOBJ_DENIED;
	}
	config = tool_access_config(&self->access);
	if (!oc_config_check(&config, &error))
	{
		tool_complain_error(NULL, &error);
		return OSSOBJ_USAGE;
	}
	if (!oc_library_open())
	{
		tool_complain("libcurl cannot be initialised");
		return OSSOBJ_FAILED;
	}
	self->io = oc_io_open(1, &error);
	if (self->io)
		self->pool = oc_pool_open(2, &error);
	if (self->pool)
		self->client = oc_client_open(self->io, &config, &error);
	return self->client ? OSSOBJ_GOOD : ossobj_report("could not begin", &error);
}

static void
close_store(ossobj *self)
{
	if (self->client)
		oc_client_close(self->client);
	oc_pool_close(self->pool);
	oc_io_close(self->io);
}

/* ---------------------------------------------------------------- exit codes */

int
ossobj_code(const oc_error *error)
{
	switch (error->class)
	{
		case OC_ERR_NOT_FOUND:
		case OC_ERR_NO_BUCKET:
			return OSSOBJ_NOT_FOUND;
		case OC_ERR_CREDENTIALS:
		case OC_ERR_DENIED:
		case OC_ERR_CLOCK:
		case OC_ERR_FORBIDDEN_ADDRESS:
			return OSSOBJ_DENIED;
		case OC_ERR_RESOLVE:
		case OC_ERR_CONNECT:
		case OC_ERR_TLS:
		case OC_ERR_TIMEOUT:
		case OC_ERR_NETWORK:
		case OC_ERR_THROTTLED:
			return OSSOBJ_NETWORK;
		case OC_ERR_INTEGRITY:
		case OC_ERR_CODEC:
		case OC_ERR_CHANGED:
			return OSSOBJ_DAMAGED;
		case OC_ERR_EXISTS:
			return OSSOBJ_EXISTS;
		default:
			return OSSOBJ_FAILED;
	}
}

int
ossobj_report(const char *what, const oc_error *error)
{
	ossobj_progress_end();
	if (!tool_stopped())
		tool_complain_error(what, error);
	return ossobj_code(error);
}

static void
print_help(void)
{
	puts("ossobj works with objects in Alibaba OSS, Huawei OBS and S3-compatible stores.\n"
		 "\n"
		 "usage: ossobj COMMAND [OPTION...] WORD...\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		printf("  %s\n", commands[i].usage);
	puts("\n"
		 "A URL is oss://bucket/name, obs://bucket/name or s3://bucket/name.  The name may have globs: * ? [a-z] {a,b} within\n"
		 "a folder, ** across folders; \\ quotes one of them.\n"
		 "\n"
		 "  --endpoint HOST, --region REGION  one of them; also OSS_ENDPOINT, OSS_REGION and the like\n"
		 "  --access-key-id ID, --access-key-secret SECRET, --security-token TOKEN, --anonymous\n"
		 "  --credentials-file FILE, --profile NAME\n"
		 "  --addressing auto|virtual|path|cname, --signature-version v4|v1, --ca-file FILE\n"
		 "  -j, --json          one JSON object a line (ls, du, get, put, rm, uploads, abort-uploads, check, sign)\n"
		 "  -r, --recursive     what is below a folder as well\n"
		 "  -z, --decompress    cat: gzip, zstd, lz4, bzip2, xz, deflate, snappy, seen by the content\n"
		 "  -f, --force         rm: nothing to delete is no failure\n"
		 "  -n, --dry-run       rm, put, abort-uploads: only show\n"
		 "  -q, --quiet         no progress bar\n"
		 "  --jobs N            transfers at once (4)\n"
		 "  --no-overwrite      put: an object that exists is a failure\n"
		 "  --older-than TIME   90s, 15min, 6h, 7d\n"
		 "  --expires TIME, --method GET|PUT|HEAD   sign: 1h, GET\n"
		 "\n"
		 "Without key on the command line: OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET, OSS_SESSION_TOKEN (or\n"
		 "ALIBABA_CLOUD_..., OBS_..., AWS_...), then ~/.ossutilconfig, ~/.alibabacloud/credentials, ~/.obsutilconfig or\n"
		 "~/.aws/credentials, as the URL is.\n"
		 "\n"
		 "exit codes: 0 good, 2 wrong usage, 3 not found, 4 keys or permission, 5 network, 6 damaged or changed data,\n"
		 "7 exists already, 1 anything else");
}
