/*
 * ossobj_get.c
 *	  cat and get: objects to standard output, or to files.
 *
 * A file is written beside its place under another name and renamed when it is whole and its checksum good: what has the name
 * asked for is never half an object.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ossobj.h"

#define PLAIN_SIZE (1024 * 1024)

/* Where cat is. */
typedef struct cat
{
	ossobj *self;
	oc_decoder *decoder; /* of the current object; NULL without -z */
	const char *key;
	char *plain;
} cat;

/* Where get is. */
typedef struct get
{
	ossobj *self;
	const ossobj_url *url;
	const char *target;	/* file or folder */
	bool folder;
	char *path;			/* of the current object */
	char *partial;		/* what is written before it has that name */
	int fd;
} get;

static int cat_begin(void *arg, const oc_object *object);
static int cat_data(void *arg, const void *data, size_t size, bool last);
static int cat_end(void *arg, const oc_object *object);
static int decode(cat *cat, const void *data, size_t size, bool last);
static int get_begin(void *arg, const oc_object *object);
static int get_data(void *arg, const void *data, size_t size, bool last);
static int get_end(void *arg, const oc_object *object);
static int get_url(get *get, const char *word);
static char *path_of(const get *get, const char *key);
static bool is_safe(const char *name);
static bool make_folders(const char *path);
static bool is_folder(const char *path);
static bool write_all(int fd, const char *data, size_t size);
static int complain_write(const char *path);

/* ---------------------------------------------------------------- cat */

int
ossobj_cat(ossobj *self, int count, char **words)
{
	cat cat = {.self = self};
	ossobj_sink sink = {cat_begin, cat_data, cat_end, &cat};
	int code = OSSOBJ_GOOD;

	self->quiet = true; /* the terminal belongs to the objects */
	for (int i = 0; i < count && code == OSSOBJ_GOOD; i++)
	{
		ossobj_url url;
		ossobj_set set = {0};

		if (!ossobj_parse_url(words[i], &url))
			return OSSOBJ_USAGE;
		code = ossobj_open(self, &url);
		if (code == OSSOBJ_GOOD)
			code = ossobj_collect(self, &url, &set);
		if (code == OSSOBJ_GOOD)
			code = ossobj_fetch(self, url.bucket, &set, &sink);
		ossobj_set_free(&set);
	}
	oc_decoder_close(cat.decoder);
	free(cat.plain);
	return code;
}

static int
cat_begin(void *arg, const oc_object *object)
{
	cat *cat = arg;
	oc_error error = {0};

	cat->key = object->key;
	if (!cat->self->decompress || object->size == 0)
		return OSSOBJ_GOOD;
	if (!cat->plain)
		cat->plain = tool_alloc(PLAIN_SIZE);
	cat->decoder = oc_decoder_open(OC_CODEC_AUTO, &error);
	return cat->decoder ? OSSOBJ_GOOD : ossobj_report("could not decompress", &error);
}

static int
cat_data(void *arg, const void *data, size_t size, bool last)
{
	cat *cat = arg;

	if (cat->decoder)
		return decode(cat, data, size, last);
	if (write_all(STDOUT_FILENO, data, size))
		return OSSOBJ_GOOD;
	return complain_write(NULL);
}

static int
cat_end(void *arg, const oc_object *object)
{
	cat *cat = arg;

	(void) object;
	oc_decoder_close(cat->decoder);
	cat->decoder = NULL;
	return OSSOBJ_GOOD;
}

static int
decode(cat *cat, const void *data, size_t size, bool last)
{
	const unsigned char *source = data;
	oc_error error = {0};

	for (;;)
	{
		size_t before = size;
		size_t written = 0;
		oc_status status = oc_decoder_read(cat->decoder, &source, &size, last, cat->plain, PLAIN_SIZE, &written, &error);

		if (status == OC_FAILED)
		{
			char *what = tool_printf("object %s", cat->key);
			int code = ossobj_report(what, &error);

			free(what);
			return code;
		}
		if (!write_all(STDOUT_FILENO, cat->plain, written))
			return complain_write(NULL);
		if (status == OC_END || (size == 0 && written < PLAIN_SIZE && !last))
			return OSSOBJ_GOOD;
		if (size == before && written == 0)
		{
			tool_complain("object %s: the compressed data end too early", cat->key);
			return OSSOBJ_DAMAGED;
		}
		if (tool_stopped())
			return OSSOBJ_FAILED;
	}
}

/* ---------------------------------------------------------------- get */

int
ossobj_get(ossobj *self, int count, char **words)
{
	const char *target = words[count - 1];
	size_t size = strlen(target);
	get get = {.self = self, .target = target, .fd = -1};
	int code = OSSOBJ_GOOD;

	if (ossobj_is_url(target))
	{
		tool_complain("get: the last word is a file or folder, not a URL");
		return OSSOBJ_USAGE;
	}
	get.folder = is_folder(target) || (size > 0 && target[size - 1] == '/') || count > 2;
	for (int i = 0; i < count - 1 && code == OSSOBJ_GOOD; i++)
		code = get_url(&get, words[i]);
	return code;
}

static int
get_url(get *get, const char *word)
{
	ossobj_sink sink = {get_begin, get_data, get_end, get};
	ossobj_url url;
	ossobj_set set = {0};
	int code;

	if (!ossobj_parse_url(word, &url))
		return OSSOBJ_USAGE;
	get->url = &url;
	code = ossobj_open(get->self, &url);
	if (code == OSSOBJ_GOOD)
		code = ossobj_collect(get->self, &url, &set);
	if (code == OSSOBJ_GOOD && set.count > 1 && !get->folder)
	{
		tool_complain("get: %zu objects do not go into one file: name a folder, with a '/' at its end", set.count);
		code = OSSOBJ_USAGE;
	}
	if (code == OSSOBJ_GOOD)
	{
		ossobj_progress_begin(get->self, set.bytes);
		code = ossobj_fetch(get->self, url.bucket, &set, &sink);
		ossobj_progress_end();
	}
	if (get->fd >= 0)
		close(get->fd);
	if (get->partial)
		unlink(get->partial);
	free(get->path);
	free(get->partial);
	get->path = get->partial = NULL;
	get->fd = -1;
	ossobj_set_free(&set);
	return code;
}

static int
get_begin(void *arg, const oc_object *object)
{
	get *get = arg;
	char random[13];

	get->path = path_of(get, object->key);
	if (!get->path)
	{
		ossobj_progress_end();
		tool_complain("object \"%.300s\" has a name that would leave the folder \"%s\"", object->key, get->target);
		return OSSOBJ_FAILED;
	}
	oc_random_hex(random, sizeof(random));
	get->partial = tool_printf("%s.%s.part", get->path, random);
	if (!get->folder || make_folders(get->path))
		get->fd = open(get->partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (get->fd >= 0)
		return OSSOBJ_GOOD;
	ossobj_progress_end();
	tool_complain("could not make the file \"%s\": %s", get->partial, strerror(errno));
	free(get->partial);
	get->partial = NULL;
	return OSSOBJ_FAILED;
}

static int
get_data(void *arg, const void *data, size_t size, bool last)
{
	get *get = arg;

	(void) last;
	if (write_all(get->fd, data, size))
		return OSSOBJ_GOOD;
	return complain_write(get->partial);
}

static int
get_end(void *arg, const oc_object *object)
{
	get *get = arg;
	int fd = get->fd;

	get->fd = -1;
	if (close(fd) != 0 || rename(get->partial, get->path) != 0)
		return complain_write(get->path);
	if (get->self->json)
	{
		char *url = ossobj_url_text(get->url, object->key);

		fputs("{\"url\":", stdout);
		tool_json_string(stdout, url);
		fputs(",\"file\":", stdout);
		tool_json_string(stdout, get->path);
		printf(",\"size\":%llu}\n", (unsigned long long) object->size);
		free(url);
	}
	free(get->partial);
	free(get->path);
	get->partial = get->path = NULL;
	return OSSOBJ_GOOD;
}

/* ---------------------------------------------------------------- local names */

/* Below the folder, the key without the folder that the URL fixes; NULL when that is no safe name. */
static char *
path_of(const get *get, const char *key)
{
	size_t size = strlen(get->target);
	char *prefix;
	char *slash;
	size_t skip;

	if (!get->folder)
		return tool_copy(get->target);
	prefix = get->url->glob ? tool_glob_prefix(get->url->key) : tool_copy(get->url->key);
	if (!get->url->glob && strcmp(prefix, key) != 0 && *prefix && prefix[strlen(prefix) - 1] != '/')
		skip = strlen(prefix) + 1; /* a folder that was named without its '/' */
	else
	{
		slash = strrchr(prefix, '/');
		skip = slash ? (size_t) (slash - prefix) + 1 : 0;
	}
	free(prefix);
	if (!is_safe(key + skip))
		return NULL;
	return tool_printf("%s%s%s", get->target, size > 0 && get->target[size - 1] == '/' ? "" : "/", key + skip);
}

/* No part of the name is empty, "." or "..". */
static bool
is_safe(const char *name)
{
	for (;;)
	{
		size_t size = strcspn(name, "/");

		if (size == 0 || (size == 1 && name[0] == '.') || (size == 2 && name[0] == '.' && name[1] == '.'))
			return false;
		if (name[size] == '\0')
			return true;
		name += size + 1;
	}
}

/* All folders on the way to path. */
static bool
make_folders(const char *path)
{
	char *copy = tool_copy(path);
	bool good = true;

	for (char *slash = strchr(copy + 1, '/'); slash && good; slash = strchr(slash + 1, '/'))
	{
		*slash = '\0';
		good = mkdir(copy, 0777) == 0 || errno == EEXIST;
		*slash = '/';
	}
	free(copy);
	return good;
}

static bool
is_folder(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool
write_all(int fd, const char *data, size_t size)
{
	while (size > 0)
	{
		ssize_t written = write(fd, data, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0 || tool_stopped())
			return false;
		data += written;
		size -= (size_t) written;
	}
	return true;
}

/* path NULL: standard output.  Says nothing when a signal is the reason. */
static int
complain_write(const char *path)
{
	int reason = errno;

	ossobj_progress_end();
	if (!tool_stopped())
		tool_complain("could not write %s%s%s: %s", path ? "the file \"" : "to standard output", path ? path : "", path ? "\"" : "",
					  strerror(reason));
	return OSSOBJ_FAILED;
}
