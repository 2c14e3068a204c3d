/*
 * hg_dump_place.c
 *	  What is in the place of a dump before it: asked for, claimed, or replaced.
 *
 * The first request of a dump is a list of its place, so that wrong keys or names are told before the query runs for hours.
 * Who may write but not list can still append.
 *
 * error_if_exists: just before the commit a claim is put, a small object of a fixed name that only one can create where
 * the store can refuse to overwrite (the foreign tables use the same one), then the place is listed once more.
 */
#include <stdlib.h>
#include <string.h>

#include "hg_dump.h"

static bool keep_key(hg_dump_place *place, const char *key);
static bool list_place(hg_dump_place *place, bool *empty, int *code, oc_error *error);
static bool try_store(hg_dump_place *place, int *code, oc_error *error);
static bool fail_not_empty(const hg_dump_place *place, const char *key, int *code, oc_error *error);
static const char *place_of(const hg_dump_place *place);

/* Below which all objects of the place are. */
static const char *
place_of(const hg_dump_place *place)
{
	return place->options->exact_key ? place->options->exact_key : place->options->dir;
}

bool
hg_dump_place_begin(hg_dump_place *place, int *code, oc_error *error)
{
	bool empty = true;

	if (place->options->mode == OC_EXPORT_APPEND ||
		(place->options->mode == OC_EXPORT_OVERWRITE && place->options->exact_key))
		return try_store(place, code, error);
	return list_place(place, &empty, code, error);
}

/* A list of one object, for what its failure tells. */
static bool
try_store(hg_dump_place *place, int *code, oc_error *error)
{
	oc_call *call = oc_call_new(place->client, OC_LIST);
	bool good;

	if (!call)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a list");
		*code = HG_DUMP_FAILED;
		return false;
	}
	call->bucket = place->options->bucket;
	call->prefix = place_of(place);
	call->max_keys = 1;
	good = oc_call_run(call, &tool_waiter) == OC_OK || call->error.class == OC_ERR_DENIED;
	if (!good)
	{
		*error = call->error;
		*code = hg_dump_code(error);
	}
	oc_call_free(call);
	return good;
}

/* overwrite: keeps what is there.  error_if_exists: fails when it is anything that is not ours. */
static bool
list_place(hg_dump_place *place, bool *empty, int *code, oc_error *error)
{
	tool_list list = {.client = place->client, .bucket = place->options->bucket, .prefix = place_of(place)};
	const oc_object *object;
	oc_status status;
	bool good = true;

	while (good && (status = tool_list_next(&list, &object, error)) == OC_OK)
	{
		if (!keep_key(place, object->key))
			continue;
		*empty = false;
		if (place->options->mode == OC_EXPORT_ERROR_IF_EXISTS)
			good = fail_not_empty(place, object->key, code, error);
		else
		{
			if (place->count % 1024 == 0)
				place->keys = tool_realloc(place->keys, (place->count + 1024) * sizeof(*place->keys));
			place->keys[place->count++] = tool_copy(object->key);
		}
	}
	if (good && status != OC_END)
	{
		*code = hg_dump_code(error);
		good = false;
	}
	tool_list_close(&list);
	return good;
}

/* Neither a folder's marker nor something of this very dump. */
static bool
keep_key(hg_dump_place *place, const char *key)
{
	const char *exact = place->options->exact_key;

	if (exact)
		return strcmp(key, exact) == 0;
	return strcmp(key, place->options->dir) != 0 && !strstr(key, place->token) &&
		!(place->claim && strcmp(key, place->claim) == 0);
}

static bool
fail_not_empty(const hg_dump_place *place, const char *key, int *code, oc_error *error)
{
	oc_error_set(error, OC_ERR_EXISTS, "it is not empty: there is an object \"%.300s\" in bucket \"%s\"", key,
				 place->options->bucket);
	*code = HG_DUMP_EXISTS;
	return false;
}

bool
hg_dump_place_claim(hg_dump_place *place, int *code, oc_error *error)
{
	oc_call *call;
	oc_status status;
	bool empty = true;

	if (place->options->mode != OC_EXPORT_ERROR_IF_EXISTS || place->options->exact_key)
		return true; /* one name: the store itself refuses */
	place->claim = tool_printf("%s_exporting", place->options->dir);
	call = oc_call_new(place->client, OC_PUT);
	if (!call)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a claim");
		*code = HG_DUMP_FAILED;
		return false;
	}
	call->bucket = place->options->bucket;
	call->key = place->claim;
	call->body = place->token;
	call->body_size = strlen(place->token);
	call->token = place->token;
	call->forbid_overwrite = true;
	status = oc_call_run(call, &tool_waiter);
	if (status != OC_OK)
	{
		*error = call->error;
		*code = hg_dump_code(error);
	}
	if (status == OC_FAILED && call->error.class == OC_ERR_EXISTS)
	{
		free(place->claim); /* not ours to delete */
		place->claim = NULL;
	}
	oc_call_free(call);
	return status == OC_OK && list_place(place, &empty, code, error);
}

bool
hg_dump_place_replace(hg_dump_place *place, oc_error *error)
{
	return place->count == 0 || tool_delete_keys(place->client, place->options->bucket, (const char *const *) place->keys,
												 place->count, NULL, error);
}

void
hg_dump_place_end(hg_dump_place *place)
{
	oc_error error = {0};

	if (place->claim &&
		!tool_delete_keys(place->client, place->options->bucket, (const char *const *) &place->claim, 1, NULL, &error))
		tool_complain_error("could not remove the claim of the place", &error);
	free(place->claim);
	for (size_t i = 0; i < place->count; i++)
		free(place->keys[i]);
	free(place->keys);
	*place = (hg_dump_place){0};
}
