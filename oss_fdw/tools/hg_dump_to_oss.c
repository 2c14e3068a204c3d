/*
 * hg_dump_to_oss.c
 *	  Reads rows from standard input, as COPY ... TO PROGRAM writes them, and puts them into objects.
 *
 * Here: the command line, and checks that need no network.  Each wrong parameter has the exit code that the product of this
 * name has for it, and one line on standard error.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "hg_dump.h"

enum
{
	OPT_ID = 256, OPT_SECRET, OPT_TOKEN, OPT_ENDPOINT, OPT_BUCKET, OPT_DIR, OPT_BATCH, OPT_PROVIDER, OPT_REGION, OPT_COMPRESSION,
	OPT_LEVEL, OPT_MAX_FILE_SIZE, OPT_HEADER, OPT_FORMAT, OPT_QUOTE, OPT_ESCAPE, OPT_FILE_NAME, OPT_MODE, OPT_MANIFEST,
	OPT_CREDENTIALS, OPT_PROFILE, OPT_ADDRESSING, OPT_SIGNATURE, OPT_CA_FILE, OPT_HELP, OPT_VERSION,
};

static const struct option long_options[] = {
	{"AccessKeyId", required_argument, NULL, OPT_ID},
	{"AccessKeySecret", required_argument, NULL, OPT_SECRET},
	{"SecurityToken", required_argument, NULL, OPT_TOKEN},
	{"Endpoint", required_argument, NULL, OPT_ENDPOINT},
	{"BucketName", required_argument, NULL, OPT_BUCKET},
	{"DirName", required_argument, NULL, OPT_DIR},
	{"BatchSize", required_argument, NULL, OPT_BATCH},
	{"Provider", required_argument, NULL, OPT_PROVIDER},
	{"Region", required_argument, NULL, OPT_REGION},
	{"Compression", required_argument, NULL, OPT_COMPRESSION},
	{"CompressionLevel", required_argument, NULL, OPT_LEVEL},
	{"MaxFileSize", required_argument, NULL, OPT_MAX_FILE_SIZE},
	{"Header", no_argument, NULL, OPT_HEADER},
	{"Format", required_argument, NULL, OPT_FORMAT},
	{"Quote", required_argument, NULL, OPT_QUOTE},
	{"Escape", required_argument, NULL, OPT_ESCAPE},
	{"FileName", required_argument, NULL, OPT_FILE_NAME},
	{"Mode", required_argument, NULL, OPT_MODE},
	{"Manifest", no_argument, NULL, OPT_MANIFEST},
	{"CredentialsFile", required_argument, NULL, OPT_CREDENTIALS},
	{"Profile", required_argument, NULL, OPT_PROFILE},
	{"Addressing", required_argument, NULL, OPT_ADDRESSING},
	{"SignatureVersion", required_argument, NULL, OPT_SIGNATURE},
	{"CaFile", required_argument, NULL, OPT_CA_FILE},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

/* As given; what is not given is NULL. */
typedef struct command_line
{
	hg_dump_options options;
	const char *dir;
	const char *file_name;
	bool mode_given;
	bool quote_given;
	bool escape_given;
} command_line;

static int parse(int argc, char **argv, command_line *line);
static bool parse_access(command_line *line, int option, char *value);
static bool parse_dump(command_line *line, int option, const char *value);
static bool parse_format(const char *text, hg_dump_format *format);
static bool parse_mode(const char *text, oc_export_mode *mode);
static bool parse_char(const char *text, char *c);
static int check(command_line *line);
static int check_given(const command_line *line);
static int check_access(const tool_access *access);
static int check_combination(const command_line *line);
static int check_names(command_line *line);
static void print_help(void);

int
main(int argc, char **argv)
{
	command_line line = {.options = {.quote = '"', .escape = '"', .batch_size = 1000, .level = OC_LEVEL_DEFAULT}};
	int code;

	tool_name = "hg_dump_to_oss";
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
	{
		print_help();
		return HG_DUMP_GOOD;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
	{
		puts("hg_dump_to_oss (oss_fdw) " TOOL_VERSION);
		return HG_DUMP_GOOD;
	}
	code = parse(argc, argv, &line);
	if (code == HG_DUMP_GOOD)
		code = check(&line);
	if (code != HG_DUMP_GOOD)
		return code;
	tool_signals_catch(false);
	code = hg_dump_run(&line.options);
	tool_end_by_signal();
	return code;
}

/* ---------------------------------------------------------------- the command line */

static int
parse(int argc, char **argv, command_line *line)
{
	int option;
	int index = 0;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", long_options, &index)) != -1)
	{
		if (option == '?' || option == ':')
		{
			bool missing = option == ':';

			tool_complain("option \"%s\" %s; --help lists the options", argv[optind - 1],
						  missing ? "needs a value" : "is unknown or given in a wrong way");
			return missing ? HG_DUMP_MISSING : HG_DUMP_USAGE;
		}
		if (option == OPT_HELP || option == OPT_VERSION)
		{
			tool_complain("--help and --version stand alone");
			return HG_DUMP_USAGE;
		}
		if (!parse_access(line, option, optarg) && !parse_dump(line, option, optarg))
		{
			tool_complain("invalid value \"%.100s\" of --%s; --help lists the values", optarg, long_options[index].name);
			return HG_DUMP_USAGE;
		}
	}
	if (optind < argc)
	{
		tool_complain("unexpected argument \"%.100s\"; --help lists the options", argv[optind]);
		return HG_DUMP_USAGE;
	}
	return HG_DUMP_GOOD;
}

/* The store and the keys.  false: not one of these options, or a wrong value. */
static bool
parse_access(command_line *line, int option, char *value)
{
	tool_access *access = &line->options.access;

	switch (option)
	{
		case OPT_ID:
			access->access_key_id = value;
			return true;
		case OPT_SECRET:
			access->access_key_secret = tool_take_secret(value);
			return true;
		case OPT_TOKEN:
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
		case OPT_PROVIDER:
			return tool_parse_provider(value, &access->provider);
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

/* What becomes of the rows. */
static bool
parse_dump(command_line *line, int option, const char *value)
{
	hg_dump_options *options = &line->options;
	long level;

	switch (option)
	{
		case OPT_BUCKET:
			options->bucket = value;
			return true;
		case OPT_DIR:
			line->dir = value;
			return true;
		case OPT_FILE_NAME:
			line->file_name = value;
			return true;
		case OPT_HEADER:
			options->header = true;
			return true;
		case OPT_MANIFEST:
			options->manifest = true;
			return true;
		case OPT_BATCH:
			return tool_parse_count(value, 1, 1000000000, &options->batch_size);
		case OPT_MAX_FILE_SIZE:
			return tool_parse_size(value, &options->max_file_size);
		case OPT_FORMAT:
			return parse_format(value, &options->format);
		case OPT_MODE:
			line->mode_given = true;
			return parse_mode(value, &options->mode);
		case OPT_QUOTE:
			line->quote_given = true;
			return parse_char(value, &options->quote);
		case OPT_ESCAPE:
			line->escape_given = true;
			return parse_char(value, &options->escape);
		case OPT_COMPRESSION:
			return oc_codec_by_name(value, &options->codec) && options->codec <= OC_CODEC_DEFLATE;
		case OPT_LEVEL:
			if (!tool_parse_count(value[0] == '-' ? value + 1 : value, 0, 100, &level))
				return false;
			options->level = (int) (value[0] == '-' ? -level : level);
			return true;
		default:
			return false;
	}
}

static bool
parse_format(const char *text, hg_dump_format *format)
{
	static const char *const names[] = {"auto", "text", "csv", "binary"};

	for (int i = 0; i < 4; i++)
	{
		if (!tool_same_word(text, names[i]))
			continue;
		*format = (hg_dump_format) i;
		return true;
	}
	return false;
}

static bool
parse_mode(const char *text, oc_export_mode *mode)
{
	static const char *const names[] = {"append", "error_if_exists", "overwrite"};

	for (int i = 0; i < 3; i++)
	{
		if (!tool_same_word(text, names[i]))
			continue;
		*mode = (oc_export_mode) i;
		return true;
	}
	return false;
}

static bool
parse_char(const char *text, char *c)
{
	*c = text[0];
	return strlen(text) == 1 && *c != '\n' && *c != '\r';
}

/* ---------------------------------------------------------------- checks */

static int
check(command_line *line)
{
	hg_dump_options *options = &line->options;
	oc_error error = {0};
	int code;

	code = check_given(line);
	if (code != HG_DUMP_GOOD)
		return code;
	if (!tool_access_complete(&options->access, &error))
	{
		tool_complain_error(NULL, &error);
		return HG_DUMP_MISSING;
	}
	if (line->quote_given && !line->escape_given)
		options->escape = options->quote;
	if (line->file_name && !line->mode_given)
		options->mode = OC_EXPORT_ERROR_IF_EXISTS;
	code = check_access(&options->access);
	if (code == HG_DUMP_GOOD)
		code = check_combination(line);
	return code == HG_DUMP_GOOD ? check_names(line) : code;
}

/* An empty value is a wrong one. */
static int
check_given(const command_line *line)
{
	const struct
	{
		const char *name;
		const char *value;
		int code;
	} values[] = {{"AccessKeyId", line->options.access.access_key_id, HG_DUMP_KEY_ID},
				  {"AccessKeySecret", line->options.access.access_key_secret, HG_DUMP_SECRET},
				  {"Endpoint", line->options.access.endpoint, HG_DUMP_ENDPOINT},
				  {"BucketName", line->options.bucket, HG_DUMP_BUCKET}};

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
	{
		if (!values[i].value || *values[i].value)
			continue;
		tool_complain("--%s is empty", values[i].name);
		return values[i].code;
	}
	return HG_DUMP_GOOD;
}

/* Each value on its own, so that the exit code names it. */
static int
check_access(const tool_access *access)
{
	oc_config config = tool_access_config(access);
	oc_config part = config;
	oc_error error = {0};
	int code = HG_DUMP_GOOD;

	if (!access->access_key_id || !access->access_key_secret || !access->endpoint)
	{
		tool_complain("%s is missing: give --%s, or see --help for the environment and files",
					  !access->access_key_id ? "the key id" : !access->access_key_secret ? "the key's secret" : "the endpoint",
					  !access->access_key_id ? "AccessKeyId" : !access->access_key_secret ? "AccessKeySecret" : "Endpoint");
		return HG_DUMP_MISSING;
	}
	part.access_key_id = part.access_key_secret = part.security_token = part.region = NULL;
	if (!oc_config_check(&part, &error))
		code = HG_DUMP_ENDPOINT;
	part = config;
	part.access_key_secret = "secret";
	part.security_token = NULL;
	if (code == HG_DUMP_GOOD && !part.region)
		part.region = "region";
	if (code == HG_DUMP_GOOD && !oc_config_check(&part, &error))
		code = HG_DUMP_KEY_ID;
	part.access_key_secret = config.access_key_secret;
	if (code == HG_DUMP_GOOD && !oc_config_check(&part, &error))
		code = HG_DUMP_SECRET;
	if (code == HG_DUMP_GOOD && !oc_config_check(&config, &error))
		code = config.security_token ? HG_DUMP_KEY_ID : HG_DUMP_USAGE;
	if (code != HG_DUMP_GOOD)
		tool_complain_error(NULL, &error);
	return code;
}

static int
check_combination(const command_line *line)
{
	const hg_dump_options *options = &line->options;
	oc_error error = {0};
	const char *wrong = NULL;

	if (line->file_name && options->mode == OC_EXPORT_APPEND)
		wrong = "--FileName names one object, to which nothing can be appended: use --Mode overwrite or error_if_exists";
	else if (line->file_name && options->max_file_size > 0)
		wrong = "--FileName names one object, which --MaxFileSize cannot split";
	else if (options->header && options->format == HG_DUMP_BINARY)
		wrong = "COPY's binary format has no --Header";
	else if ((line->quote_given || line->escape_given) && options->format != HG_DUMP_CSV)
		wrong = "--Quote and --Escape need --Format csv";
	if (wrong)
		tool_complain("%s", wrong);
	else if (!oc_codec_level_check(options->codec, options->level, &error))
		tool_complain_error("--CompressionLevel", &error);
	else
		return HG_DUMP_GOOD;
	return HG_DUMP_USAGE;
}

static int
check_names(command_line *line)
{
	hg_dump_options *options = &line->options;
	oc_error error = {0};

	if (!options->bucket || !line->dir)
	{
		tool_complain("--%s is missing", !options->bucket ? "BucketName" : "DirName");
		return HG_DUMP_MISSING;
	}
	if (!oc_bucket_check(options->access.provider, options->bucket, &error))
	{
		tool_complain_error("--BucketName", &error);
		return HG_DUMP_BUCKET;
	}
	options->dir = *line->dir && line->dir[strlen(line->dir) - 1] != '/' ? tool_printf("%s/", line->dir) : tool_copy(line->dir);
	if (line->file_name)
		options->exact_key = tool_printf("%s%s", options->dir, line->file_name);
	if ((*options->dir && !oc_key_check(options->dir, &error)) ||
		(options->exact_key && (!*line->file_name || !oc_key_check(options->exact_key, &error))))
	{
		if (error.class == OC_ERR_NONE)
			oc_error_set(&error, OC_ERR_ARGUMENT, "the name is empty");
		tool_complain_error(line->file_name ? "--DirName, --FileName" : "--DirName", &error);
		return HG_DUMP_USAGE;
	}
	return HG_DUMP_GOOD;
}

static void
print_help(void)
{
	puts("hg_dump_to_oss reads rows from standard input and writes them into objects.\n"
		 "\n"
		 "usage: COPY (query) TO PROGRAM 'hg_dump_to_oss OPTION...' [(FORMAT ..., DELIMITER ...)]\n"
		 "\n"
		 "  --AccessKeyId ID          key; better in the environment or a file, see below\n"
		 "  --AccessKeySecret SECRET  its secret\n"
		 "  --SecurityToken TOKEN     of temporary keys\n"
		 "  --Endpoint HOST           [http://|https://]host[:port]\n"
		 "  --BucketName BUCKET\n"
		 "  --DirName DIR/            where the objects go; a missing last '/' is added\n"
		 "  --BatchSize N             rows that are handed over at a time (1000)\n"
		 "\n"
		 "  --Provider oss|obs|s3     (oss)\n"
		 "  --Region REGION           where the endpoint does not tell it\n"
		 "  --Addressing auto|virtual|path|cname\n"
		 "  --SignatureVersion v4|v1  oss: v4, or v1 where no region is known\n"
		 "  --CaFile FILE             certificates that are trusted\n"
		 "  --CredentialsFile FILE    the file with the keys, --Profile NAME its section (default)\n"
		 "\n"
		 "  --Format auto|text|csv|binary  what COPY writes; auto: binary is recognised, else text\n"
		 "  --Quote C, --Escape C     of csv, where they are not '\"'\n"
		 "  --Compression none|gzip|zstd|lz4|bzip2|xz|deflate, --CompressionLevel N\n"
		 "  --MaxFileSize SIZE        begin a new object at the first end of a row after so many bytes;\n"
		 "                            csv needs --Format csv (0 = one object)\n"
		 "  --Header                  the first line is repeated at the start of each object\n"
		 "  --FileName NAME           write exactly this one object\n"
		 "  --Mode append|error_if_exists|overwrite  (append; with --FileName error_if_exists)\n"
		 "  --Manifest                put a list of the objects beside them\n"
		 "  --help, --version         alone\n"
		 "\n"
		 "Without key on the command line: OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET, OSS_SESSION_TOKEN (or\n"
		 "ALIBABA_CLOUD_..., OBS_..., AWS_...), then ~/.ossutilconfig, ~/.alibabacloud/credentials, ~/.obsutilconfig or\n"
		 "~/.aws/credentials, as the provider is.\n"
		 "Parts that memory may not hold (objects of more than 46 GB) are collected in TMPDIR, else /tmp.\n"
		 "\n"
		 "exit codes: 0 good, 101 key id, 102 secret, 103 endpoint, 104 bucket, 105 parameter missing, 255 network,\n"
		 "2 wrong option, 3 input cut off, 4 the place is not empty, 1 anything else");
}
