/*
 * ossobj_remove.c
 *	  rm, and unfinished uploads: uploads shows them, abort-uploads removes them.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ossobj.h"

#define BATCH 1000

typedef struct removal
{
	ossobj *self;
	const ossobj_url *url;
	char *keys[BATCH];
	size_t count;
} removal;

/* What abort-uploads keeps of an upload, since aborting while listing would move the pages. */
typedef struct found_upload
{
	char *key;
	char *id;
} found_upload;

typedef struct upload_walk
{
	ossobj *self;
	const ossobj_url *url;
	bool keep;
	int64_t newest;		/* microseconds since 1970: later ones are left alone */
	found_upload *found;
	size_t count;
} upload_walk;

static int remove_object(void *arg, const oc_object *object);
static int remove_batch(removal *removal);
static void tell(const removal *removal);
static int walk_uploads(upload_walk *walk);
static int visit_page(upload_walk *walk, const oc_page *page);
static bool wants_upload(const upload_walk *walk, const oc_upload *upload);
static void show_upload(const upload_walk *walk, const oc_upload *upload);
static int abort_found(upload_walk *walk);
static int abort_one(upload_walk *walk, const found_upload *upload);
static int begin_walk(ossobj *self, const char *word, ossobj_url *url, upload_walk *walk);

/* ---------------------------------------------------------------- rm */

int
ossobj_rm(ossobj *self, int count, char **words)
{
	int code = OSSOBJ_GOOD;

	for (int i = 0; i < count && code == OSSOBJ_GOOD; i++)
	{
		ossobj_url url;
		removal removal = {.self = self, .url = &url};
		size_t size;

		if (!ossobj_parse_url(words[i], &url))
			return OSSOBJ_USAGE;
		size = strlen(url.key);
		if (!self->recursive && (size == 0 || (url.key[size - 1] == '/' && !url.glob)))
		{
			tool_complain("rm: \"%s\" is a folder: -r deletes what is below it", words[i]);
			return OSSOBJ_USAGE;
		}
		code = ossobj_open(self, &url);
		if (code == OSSOBJ_GOOD)
			code = ossobj_walk(self, &url, self->recursive, false, self->force, remove_object, &removal);
		if (code == OSSOBJ_NOT_FOUND && self->force && !tool_stopped())
			code = OSSOBJ_GOOD;
		if (code == OSSOBJ_GOOD)
			code = remove_batch(&removal);
	}
	return code;
}

static int
remove_object(void *arg, const oc_object *object)
{
	removal *removal = arg;

	removal->keys[removal->count++] = tool_copy(object->key);
	return removal->count == BATCH ? remove_batch(removal) : OSSOBJ_GOOD;
}

static int
remove_batch(removal *removal)
{
	oc_error error = {0};
	int code = OSSOBJ_GOOD;

	if (removal->count > 0 && !removal->self->dry_run &&
		!tool_delete_keys(removal->self->client, removal->url->bucket, (const char *const *) removal->keys, removal->count,
						  &tool_waiter, &error))
		code = ossobj_report("could not delete", &error);
	else
		tell(removal);
	for (size_t i = 0; i < removal->count; i++)
		free(removal->keys[i]);
	removal->count = 0;
	return code;
}

static void
tell(const removal *removal)
{
	if (!removal->self->json && !removal->self->dry_run)
		return;
	for (size_t i = 0; i < removal->count; i++)
	{
		char *url = ossobj_url_text(removal->url, removal->keys[i]);

		if (removal->self->json)
		{
			fputs("{\"url\":", stdout);
			tool_json_string(stdout, url);
			fputs(removal->self->dry_run ? ",\"deleted\":false}\n" : ",\"deleted\":true}\n", stdout);
		}
		else
			puts(url);
		free(url);
	}
}

/* ---------------------------------------------------------------- uploads */

int
ossobj_uploads(ossobj *self, int count, char **words)
{
	int code = OSSOBJ_GOOD;

	for (int i = 0; i < count && code == OSSOBJ_GOOD; i++)
	{
		ossobj_url url;
		upload_walk walk;

		code = begin_walk(self, words[i], &url, &walk);
		if (code == OSSOBJ_GOOD)
			code = walk_uploads(&walk);
	}
	return code;
}

int
ossobj_abort_uploads(ossobj *self, int count, char **words)
{
	int code = OSSOBJ_GOOD;

	for (int i = 0; i < count && code == OSSOBJ_GOOD; i++)
	{
		ossobj_url url;
		upload_walk walk;

		code = begin_walk(self, words[i], &url, &walk);
		if (code != OSSOBJ_GOOD)
			return code;
		walk.keep = !self->dry_run;
		code = walk_uploads(&walk);
		if (code == OSSOBJ_GOOD)
			code = abort_found(&walk);
	}
	return code;
}

static int
begin_walk(ossobj *self, const char *word, ossobj_url *url, upload_walk *walk)
{
	if (!ossobj_parse_url(word, url))
		return OSSOBJ_USAGE;
	*walk = (upload_walk){.self = self, .url = url, .newest = INT64_MAX};
	if (self->older_than > 0)
		walk->newest = ((int64_t) time(NULL) - self->older_than) * 1000000;
	return ossobj_open(self, url);
}

/* All uploads whose key begins with the URL's name, or matches its glob. */
static int
walk_uploads(upload_walk *walk)
{
	char *prefix = tool_glob_prefix(walk->url->key);
	oc_call *previous = NULL;
	bool more = true;
	int code = OSSOBJ_GOOD;

	while (more && code == OSSOBJ_GOOD)
	{
		oc_call *call = oc_call_new(walk->self->client, OC_LIST_UPLOADS);

		if (!call)
		{
			tool_complain("out of memory");
			code = OSSOBJ_FAILED;
			break;
		}
		call->bucket = walk->url->bucket;
		call->prefix = prefix;
		if (previous)
		{
			call->continuation = previous->page.next;
			call->upload_id_marker = previous->page.next_upload_id;
		}
		if (oc_call_run(call, &tool_waiter) == OC_OK)
			code = visit_page(walk, &call->page);
		else
			code = ossobj_report("could not list unfinished uploads", &call->error);
		more = code == OSSOBJ_GOOD && call->page.truncated;
		if (previous)
			oc_call_free(previous);
		previous = call;
	}
	if (previous)
		oc_call_free(previous);
	free(prefix);
	return code;
}

static int
visit_page(upload_walk *walk, const oc_page *page)
{
	for (size_t i = 0; i < page->count; i++)
	{
		const oc_upload *upload = &page->uploads[i];

		if (!wants_upload(walk, upload))
			continue;
		if (!walk->keep)
		{
			show_upload(walk, upload);
			continue;
		}
		if (walk->count % 256 == 0)
			walk->found = tool_realloc(walk->found, (walk->count + 256) * sizeof(*walk->found));
		walk->found[walk->count++] = (found_upload){tool_copy(upload->key), tool_copy(upload->upload_id)};
	}
	return OSSOBJ_GOOD;
}

static bool
wants_upload(const upload_walk *walk, const oc_upload *upload)
{
	return upload->initiated <= walk->newest && (!walk->url->glob || tool_glob_match(walk->url->key, upload->key));
}

static void
show_upload(const upload_walk *walk, const oc_upload *upload)
{
	char *url = ossobj_url_text(walk->url, upload->key);
	char begun[32];

	tool_time_text(upload->initiated, begun);
	if (walk->self->json)
	{
		fputs("{\"url\":", stdout);
		tool_json_string(stdout, url);
		fputs(",\"upload_id\":", stdout);
		tool_json_string(stdout, upload->upload_id);
		printf(",\"initiated\":\"%s\"}\n", begun);
	}
	else
		printf("%s  %s  %s\n", begun, upload->upload_id, url);
	free(url);
}

static int
abort_found(upload_walk *walk)
{
	int code = OSSOBJ_GOOD;

	for (size_t i = 0; i < walk->count; i++)
	{
		if (code == OSSOBJ_GOOD)
			code = abort_one(walk, &walk->found[i]);
		free(walk->found[i].key);
		free(walk->found[i].id);
	}
	free(walk->found);
	if (code == OSSOBJ_GOOD && !walk->self->json && !walk->self->dry_run)
		printf("%zu unfinished uploads were aborted\n", walk->count);
	return code;
}

/* One that is gone meanwhile is as good. */
static int
abort_one(upload_walk *walk, const found_upload *upload)
{
	oc_call *call = oc_call_new(walk->self->client, OC_ABORT);
	int code = OSSOBJ_GOOD;

	if (!call)
	{
		tool_complain("out of memory");
		return OSSOBJ_FAILED;
	}
	call->bucket = walk->url->bucket;
	call->key = upload->key;
	call->upload_id = upload->id;
	if (oc_call_run(call, &tool_waiter) != OC_OK && call->error.class != OC_ERR_NOT_FOUND)
		code = ossobj_report("could not abort an upload", &call->error);
	else if (walk->self->json)
	{
		char *url = ossobj_url_text(walk->url, upload->key);

		fputs("{\"url\":", stdout);
		tool_json_string(stdout, url);
		fputs(",\"upload_id\":", stdout);
		tool_json_string(stdout, upload->id);
		fputs(",\"aborted\":true}\n", stdout);
		free(url);
	}
	oc_call_free(call);
	return code;
}
