/*
 * ossobj_list.c
 *	  ls and du.
 */
#include <stdlib.h>
#include <string.h>

#include "ossobj.h"

typedef struct listing
{
	const ossobj *self;
	const ossobj_url *url;
	uint64_t count;
	uint64_t bytes;
} listing;

static int show_object(void *arg, const oc_object *object);
static void show_object_json(const char *url, const oc_object *object);
static int count_object(void *arg, const oc_object *object);

int
ossobj_ls(ossobj *self, int count, char **words)
{
	int code = OSSOBJ_GOOD;

	for (int i = 0; i < count && code == OSSOBJ_GOOD; i++)
	{
		ossobj_url url;
		listing listing = {.self = self, .url = &url};

		if (!ossobj_parse_url(words[i], &url))
			return OSSOBJ_USAGE;
		code = ossobj_open(self, &url);
		if (code == OSSOBJ_GOOD)
			code = ossobj_walk(self, &url, self->recursive, !self->recursive, false, show_object, &listing);
	}
	return code;
}

static int
show_object(void *arg, const oc_object *object)
{
	listing *listing = arg;
	char *url = ossobj_url_text(listing->url, object->key);
	char time[32];

	if (listing->self->json)
		show_object_json(url, object);
	else if (object->is_prefix)
		printf("%15s  %-20s  %s\n", "-", "-", url);
	else
		printf("%15llu  %s  %s\n", (unsigned long long) object->size, tool_time_text(object->last_modified, time), url);
	free(url);
	return ferror(stdout) ? OSSOBJ_FAILED : OSSOBJ_GOOD;
}

static void
show_object_json(const char *url, const oc_object *object)
{
	char time[32];

	fputs("{\"url\":", stdout);
	tool_json_string(stdout, url);
	if (object->is_prefix)
		fputs(",\"folder\":true}\n", stdout);
	else
	{
		printf(",\"size\":%llu,\"last_modified\":\"%s\",\"etag\":", (unsigned long long) object->size,
			   tool_time_text(object->last_modified, time));
		tool_json_string(stdout, object->etag ? object->etag : "");
		if (object->storage_class && *object->storage_class)
		{
			fputs(",\"storage_class\":", stdout);
			tool_json_string(stdout, object->storage_class);
		}
		fputs("}\n", stdout);
	}
}

int
ossobj_du(ossobj *self, int count, char **words)
{
	int code = OSSOBJ_GOOD;

	for (int i = 0; i < count && code == OSSOBJ_GOOD; i++)
	{
		ossobj_url url;
		listing listing = {.self = self, .url = &url};
		char text[24];

		if (!ossobj_parse_url(words[i], &url))
			return OSSOBJ_USAGE;
		code = ossobj_open(self, &url);
		if (code == OSSOBJ_GOOD)
			code = ossobj_walk(self, &url, true, false, *url.key == '\0', count_object, &listing);
		if (code == OSSOBJ_NOT_FOUND && *url.key == '\0')
			code = OSSOBJ_GOOD; /* an empty bucket is there */
		if (code != OSSOBJ_GOOD)
			return code;
		if (self->json)
		{
			fputs("{\"url\":", stdout);
			tool_json_string(stdout, words[i]);
			printf(",\"objects\":%llu,\"bytes\":%llu}\n", (unsigned long long) listing.count, (unsigned long long) listing.bytes);
		}
		else
			printf("%15llu  %10llu objects  %10s  %s\n", (unsigned long long) listing.bytes, (unsigned long long) listing.count,
				   tool_bytes_text(listing.bytes, text), words[i]);
	}
	return code;
}

static int
count_object(void *arg, const oc_object *object)
{
	listing *listing = arg;

	listing->count++;
	listing->bytes += object->size;
	return OSSOBJ_GOOD;
}
