/*
 * ossobj_walk.c
 *	  The objects that a URL means.
 *
 * A name without glob: the object of that name, or, when there is none, the folder of that name.  A name that ends with '/', or
 * the bucket alone: the folder.  A glob: all keys that match, of the whole bucket behind its fixed part.
 */
#include <stdlib.h>
#include <string.h>

#include "ossobj.h"

static int walk_one(ossobj *self, const ossobj_url *url, ossobj_visit visit, void *arg, bool *found);
static int walk_list(ossobj *self, const ossobj_url *url, const char *folder, bool recursive, bool folders, ossobj_visit visit,
					 void *arg, bool *found);
static int keep_object(void *arg, const oc_object *object);

int
ossobj_walk(ossobj *self, const ossobj_url *url, bool recursive, bool folders, bool quiet, ossobj_visit visit, void *arg)
{
	size_t size = strlen(url->key);
	bool folder = size == 0 || url->key[size - 1] == '/';
	bool found = false;
	int code = OSSOBJ_GOOD;

	if (url->glob)
		code = walk_list(self, url, NULL, true, false, visit, arg, &found);
	else if (!folder)
		code = walk_one(self, url, visit, arg, &found);
	if (code == OSSOBJ_GOOD && !found && !url->glob && (recursive || folders || folder))
	{
		char *name = folder ? tool_copy(url->key) : tool_printf("%s/", url->key);

		code = walk_list(self, url, name, recursive, folders, visit, arg, &found);
		free(name);
	}
	if (code == OSSOBJ_GOOD && !found && !(folders && size == 0))
	{
		char *text = ossobj_url_text(url, url->key);

		if (!quiet)
			tool_complain("there is nothing at %s", text);
		free(text);
		return OSSOBJ_NOT_FOUND;
	}
	return code;
}

/* The object of just this name, if there is one. */
static int
walk_one(ossobj *self, const ossobj_url *url, ossobj_visit visit, void *arg, bool *found)
{
	oc_call *call = oc_call_new(self->client, OC_HEAD);
	oc_object object = {.key = url->key, .storage_class = ""};
	char etag[72];
	int code;

	if (!call)
	{
		tool_complain("out of memory");
		return OSSOBJ_FAILED;
	}
	call->bucket = url->bucket;
	call->key = url->key;
	if (oc_call_run(call, &tool_waiter) == OC_OK)
	{
		const char *from = call->etag[0] == '"' ? call->etag + 1 : call->etag;

		snprintf(etag, sizeof(etag), "%.*s", (int) strcspn(from, "\""), from);
		object.etag = etag;
		object.size = call->size;
		object.last_modified = call->last_modified;
		object.storage_class = call->storage_class;
		*found = true;
		code = visit(arg, &object);
	}
	else if (call->error.class == OC_ERR_NOT_FOUND)
		code = OSSOBJ_GOOD;
	else
		code = ossobj_report("could not ask for the object", &call->error);
	oc_call_free(call);
	return code;
}

/* folder NULL: by the glob. */
static int
walk_list(ossobj *self, const ossobj_url *url, const char *folder, bool recursive, bool folders, ossobj_visit visit, void *arg,
		  bool *found)
{
	char *prefix = folder ? tool_copy(folder) : tool_glob_prefix(url->key);
	tool_list list = {.client = self->client, .bucket = url->bucket, .prefix = prefix,
					  .delimiter = recursive ? NULL : "/"};
	const oc_object *object;
	oc_error error = {0};
	oc_status status = OC_OK;
	int code = OSSOBJ_GOOD;

	while (code == OSSOBJ_GOOD && (status = tool_list_next(&list, &object, &error)) == OC_OK)
	{
		if (object->is_prefix && !folders)
			continue;
		if (!folder && !tool_glob_match(url->key, object->key))
			continue;
		*found = true;
		code = visit(arg, object);
	}
	if (code == OSSOBJ_GOOD && status != OC_END)
		code = ossobj_report("could not list objects", &error);
	tool_list_close(&list);
	free(prefix);
	return code;
}

/* ---------------------------------------------------------------- sets */

int
ossobj_collect(ossobj *self, const ossobj_url *url, ossobj_set *set)
{
	return ossobj_walk(self, url, self->recursive, false, false, keep_object, set);
}

static int
keep_object(void *arg, const oc_object *object)
{
	ossobj_set *set = arg;
	oc_object *kept;
	size_t size = strlen(object->key);

	if (object->size == 0 && size > 0 && object->key[size - 1] == '/')
		return OSSOBJ_GOOD; /* a folder's marker */
	if (set->count % 1024 == 0)
		set->objects = tool_realloc(set->objects, (set->count + 1024) * sizeof(*set->objects));
	kept = &set->objects[set->count++];
	*kept = *object;
	kept->key = tool_copy(object->key);
	kept->etag = tool_copy(object->etag ? object->etag : "");
	kept->storage_class = "";
	set->bytes += object->size;
	return OSSOBJ_GOOD;
}

void
ossobj_set_free(ossobj_set *set)
{
	for (size_t i = 0; i < set->count; i++)
	{
		free((char *) set->objects[i].key);
		free((char *) set->objects[i].etag);
	}
	free(set->objects);
	*set = (ossobj_set){0};
}
