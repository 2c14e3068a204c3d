/*
 * hg_dump_run.c
 *	  A dump from its first request to its last.
 *
 * The place is looked at, the input read into an export, the export committed when the input has ended as it should, a manifest
 * put, and what was there before deleted.  Whatever fails on the way, or a signal, undoes all that the dump has made in
 * the store; only the deletions at the very end are not interrupted any more.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "hg_dump.h"

#define UNDO_MS 30000
#define MEMORY (UINT64_C(64) << 20)
#define CONNECTIONS 8

typedef struct dump
{
	const hg_dump_options *options;
	oc_io *io;
	oc_pool *pool;
	oc_client *client;
	oc_export *export;
	hg_dump_input input;
	hg_dump_place place;
	char token[17];
	char timestamp[32];
	char *manifest_key;	/* NULL until its PUT is begun */
} dump;

static int open_all(dump *dump);
static void close_all(dump *dump);
static int dump_input(dump *dump);
static bool open_export(dump *dump, oc_error *error);
static bool commit(dump *dump, int *code, oc_error *error);
static bool put_manifest(dump *dump, oc_error *error);
static void undo(dump *dump);
static int fail(dump *dump, int code, const char *what, const oc_error *error);
static void make_timestamp(char *target, size_t size);

int
hg_dump_run(const hg_dump_options *options)
{
	dump dump = {.options = options, .place = {.options = options}};
	int code = open_all(&dump);

	if (code == HG_DUMP_GOOD)
		code = dump_input(&dump);
	close_all(&dump);
	return code;
}

static int
open_all(dump *dump)
{
	oc_config config = tool_access_config(&dump->options->access);
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	oc_error error = {0};

	if (!oc_library_open())
	{
		tool_complain("libcurl cannot be initialised");
		return HG_DUMP_FAILED;
	}
	oc_random_hex(dump->token, sizeof(dump->token));
	make_timestamp(dump->timestamp, sizeof(dump->timestamp));
	dump->io = oc_io_open(1, &error);
	if (dump->io)
		dump->pool = oc_pool_open(processors < 2 ? 2 : processors > 8 ? 8 : (int) processors, &error);
	if (dump->pool)
		dump->client = oc_client_open(dump->io, &config, &error);
	dump->place.client = dump->client;
	dump->place.token = dump->token;
	return dump->client ? HG_DUMP_GOOD : hg_dump_report("could not begin", &error);
}

static void
close_all(dump *dump)
{
	hg_dump_input_end(&dump->input);
	if (dump->place.client)
		hg_dump_place_end(&dump->place);
	oc_export_close(dump->export);
	if (dump->client)
		oc_client_close(dump->client);
	oc_pool_close(dump->pool);
	oc_io_close(dump->io);
	oc_library_close();
	free(dump->manifest_key);
}

/* UTC with microseconds, as in the names that foreign tables give */
static void
make_timestamp(char *target, size_t size)
{
	struct timeval now;
	struct tm tm;
	char seconds[20];

	gettimeofday(&now, NULL);
	gmtime_r(&now.tv_sec, &tm);
	strftime(seconds, sizeof(seconds), "%Y%m%dT%H%M%S", &tm);
	snprintf(target, size, "%s%06ldZ", seconds, (long) now.tv_usec);
}

/* ---------------------------------------------------------------- the steps */

static int
dump_input(dump *dump)
{
	oc_error error = {0};
	bool force;
	int code;

	if (!hg_dump_place_begin(&dump->place, &code, &error))
		return fail(dump, code, "could not look at the place of the dump", &error);
	code = hg_dump_input_begin(&dump->input, dump->options);
	if (code != HG_DUMP_GOOD)
		return code;
	if (!open_export(dump, &error))
		return fail(dump, hg_dump_code(&error), "could not begin", &error);
	code = hg_dump_input_run(&dump->input, dump->export, &error);
	if (code != HG_DUMP_GOOD)
		return fail(dump, code, "could not write", error.class != OC_ERR_NONE ? &error : NULL);
	force = dump->options->exact_key || (dump->input.header_size > 0 && dump->options->header);
	if (oc_export_finish(dump->export, force, &tool_waiter, &error) != OC_OK)
		return fail(dump, hg_dump_code(&error), "could not write", &error);
	if (!commit(dump, &code, &error))
		return fail(dump, code, "could not complete the dump", &error);
	if (!hg_dump_place_replace(&dump->place, &error))
	{
		hg_dump_report("the dump is complete, but not all of what was there before could be deleted", &error);
		return HG_DUMP_FAILED;
	}
	return HG_DUMP_GOOD;
}

static bool
open_export(dump *dump, oc_error *error)
{
	const hg_dump_options *options = dump->options;
	hg_dump_format format = dump->input.format;
	char *stem = tool_printf("dump_%s_%s", dump->timestamp, dump->token);
	oc_export_options export = {
		.bucket = options->bucket,
		.exact_key = options->exact_key,
		.place = options->dir,
		.stem = stem,
		.suffix = format == HG_DUMP_CSV ? ".csv" : format == HG_DUMP_BINARY ? ".bin" : ".txt",
		.token = dump->token,
		.codec = options->codec,
		.level = options->level,
		.header = dump->input.head,
		.header_size = dump->input.header_size,
		.max_file_size = options->max_file_size,
		.max_connections = CONNECTIONS,
		.max_memory = MEMORY,
		.spill_directory = tool_temp_folder(),
		.forbid_overwrite = options->mode == OC_EXPORT_ERROR_IF_EXISTS,
	};

	if (format == HG_DUMP_BINARY)
	{
		export.trailer = "\377\377";
		export.trailer_size = 2;
	}
	dump->export = oc_export_open(dump->client, dump->pool, &export, error);
	free(stem);
	return dump->export != NULL;
}

static bool
commit(dump *dump, int *code, oc_error *error)
{
	if (!hg_dump_place_claim(&dump->place, code, error))
		return false;
	if (oc_export_commit(dump->export, &tool_waiter, error) == OC_OK &&
		(!dump->options->manifest || oc_export_object_count(dump->export) == 0 || put_manifest(dump, error)))
		return true;
	*code = hg_dump_code(error);
	return false;
}

static bool
put_manifest(dump *dump, oc_error *error)
{
	size_t count = oc_export_object_count(dump->export);
	oc_exported *objects = tool_alloc(count * sizeof(*objects));
	oc_call *call = oc_call_new(dump->client, OC_PUT);
	bool good = false;
	size_t size = 0;
	char *text;

	for (size_t i = 0; i < count; i++)
		objects[i] = oc_export_object(dump->export, i);
	text = oc_manifest_write(dump->options->access.provider, dump->options->bucket, NULL, 0, objects, count, &size, error);
	if (!call)
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for the manifest");
	if (text && call)
	{
		dump->manifest_key = tool_printf("%s_manifest_%s_%s.json", dump->options->dir, dump->timestamp, dump->token);
		call->bucket = dump->options->bucket;
		call->key = dump->manifest_key;
		call->body = text;
		call->body_size = size;
		call->token = dump->token;
		good = oc_call_run(call, &tool_waiter) == OC_OK;
		if (!good)
			*error = call->error;
	}
	if (call)
		oc_call_free(call);
	free(text);
	free(objects);
	return good;
}

/* ---------------------------------------------------------------- when something fails */

/* Undoes what was done, then says why, unless a signal is the reason.  error NULL: it was said already. */
static int
fail(dump *dump, int code, const char *what, const oc_error *error)
{
	undo(dump);
	if (tool_stopped())
	{
		tool_complain("interrupted: nothing was written");
		return HG_DUMP_FAILED;
	}
	if (error)
		tool_complain_error(what, error);
	return code == HG_DUMP_GOOD ? HG_DUMP_FAILED : code;
}

static void
undo(dump *dump)
{
	oc_error error = {0};
	int left = dump->export ? oc_export_abort(dump->export, UNDO_MS, &error) : 0;

	if (dump->manifest_key && !tool_delete_keys(dump->client, dump->options->bucket,
												(const char *const *) &dump->manifest_key, 1, NULL, &error))
		left++;
	if (left > 0)
	{
		char *what = tool_printf("%d things could not be removed from the store, whose names have %s", left, dump->token);

		tool_complain_error(what, &error);
		free(what);
	}
}

/* ---------------------------------------------------------------- exit codes */

int
hg_dump_code(const oc_error *error)
{
	switch (error->class)
	{
		case OC_ERR_CREDENTIALS:
			return strcmp(error->code, "SignatureDoesNotMatch") == 0 || strcmp(error->code, "TooManyWrongSignature") == 0
					   ? HG_DUMP_SECRET
					   : HG_DUMP_KEY_ID;
		case OC_ERR_RESOLVE:
		case OC_ERR_FORBIDDEN_ADDRESS:
			return HG_DUMP_ENDPOINT;
		case OC_ERR_PROTOCOL: /* what answers is no store */
			return error->http_status ? HG_DUMP_ENDPOINT : HG_DUMP_FAILED;
		case OC_ERR_ARGUMENT:
			if (strcmp(error->code, "InvalidBucketName") == 0)
				return HG_DUMP_BUCKET;
			return error->http_status == 301 || error->http_status == 307 || strstr(error->code, "Forbidden") ||
						   strstr(error->code, "Redirect") || strstr(error->code, "HostDomain")
					   ? HG_DUMP_ENDPOINT
					   : HG_DUMP_FAILED;
		case OC_ERR_NO_BUCKET:
			return HG_DUMP_BUCKET;
		case OC_ERR_CONNECT:
		case OC_ERR_TLS:
		case OC_ERR_TIMEOUT:
		case OC_ERR_NETWORK:
		case OC_ERR_THROTTLED:
			return HG_DUMP_NETWORK;
		case OC_ERR_EXISTS:
			return HG_DUMP_EXISTS;
		case OC_ERR_DATA:
			return HG_DUMP_INPUT;
		default:
			return HG_DUMP_FAILED;
	}
}

int
hg_dump_report(const char *what, const oc_error *error)
{
	tool_complain_error(what, error);
	return hg_dump_code(error);
}
