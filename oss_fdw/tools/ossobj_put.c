/*
 * ossobj_put.c
 *	  put: files, folders or standard input to objects.
 *
 * Files of at most SMALL_SIZE bytes go as single requests, several at once.  Larger ones, and standard input, go one after the
 * other as multipart uploads whose parts go several at once; nothing of them is visible before their end, and a signal or
 * failure takes the upload back.  All files are found before the first is sent.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ossobj.h"

#define SMALL_SIZE (8 * 1024 * 1024)
#define UNDO_MS 30000

typedef struct file
{
	char *path;		/* NULL: standard input */
	char *key;
	uint64_t size;
} file;

/* A small file on its way. */
typedef struct slot
{
	oc_call *call;	/* NULL = free */
	size_t file;
	char *data;
} slot;

typedef struct put
{
	ossobj *self;
	const ossobj_url *url;
	file *files;
	size_t count;
	uint64_t bytes;
	slot *slots;
	char token[17];
} put;

static int find_files(put *put, int count, char **words);
static int add_file(put *put, const char *path, const char *name, bool exact);
static int add_folder(put *put, const char *path, const char *name, int depth);
static int add_entry(put *put, const char *path, const char *name, bool exact, int depth);
static const char *base_name(const char *path);
static int put_files(put *put);
static int put_small(put *put, size_t index);
static int read_small(const file *file, char **data);
static int harvest(put *put, slot *slot);
static slot *free_slot(put *put, int *code);
static int put_large(put *put, size_t index);
static int send_stream(oc_export *export, int fd, oc_error *error);
static oc_status hand_over(oc_export *export, oc_writer *writer, oc_error *error);
static bool wait_for_input(int fd);
static void tell(const put *put, const file *file);

int
ossobj_put(ossobj *self, int count, char **words)
{
	ossobj_url url;
	put put = {.self = self, .url = &url};
	int code;

	if (!ossobj_is_url(words[count - 1]))
	{
		tool_complain("put: the last word is a URL, where the files go");
		return OSSOBJ_USAGE;
	}
	if (!ossobj_parse_url(words[count - 1], &url))
		return OSSOBJ_USAGE;
	oc_random_hex(put.token, sizeof(put.token));
	code = find_files(&put, count - 1, words);
	if (code == OSSOBJ_GOOD)
		code = ossobj_open(self, &url);
	if (code == OSSOBJ_GOOD)
		code = put_files(&put);
	for (size_t i = 0; i < put.count; i++)
	{
		free(put.files[i].path);
		free(put.files[i].key);
	}
	free(put.files);
	return code;
}

/* ---------------------------------------------------------------- which files */

static int
find_files(put *put, int count, char **words)
{
	size_t size = strlen(put->url->key);
	bool into = size == 0 || put->url->key[size - 1] == '/';
	int code = OSSOBJ_GOOD;

	if (count > 1 && !into)
	{
		tool_complain("put: several files go into a folder: end the URL with '/'");
		return OSSOBJ_USAGE;
	}
	for (int i = 0; i < count && code == OSSOBJ_GOOD; i++)
	{
		bool input = strcmp(words[i], "-") == 0;

		if (input && (into || count > 1))
		{
			tool_complain("put: standard input goes into one object: the URL must name it");
			return OSSOBJ_USAGE;
		}
		if (input)
			code = add_file(put, NULL, "", true);
		else
			code = add_entry(put, words[i], into ? base_name(words[i]) : "", !into, 0);
	}
	return code;
}

/* The last part of the path, whatever slashes it ends with. */
static const char *
base_name(const char *path)
{
	char *copy = tool_copy(path);
	size_t size = strlen(copy);
	const char *slash;

	while (size > 1 && copy[size - 1] == '/')
		copy[--size] = '\0';
	slash = strrchr(copy, '/');
	return slash && slash[1] ? slash + 1 : copy; /* lives as long as the program */
}

/* name: of the object behind the URL's key; exact: the URL is the object's name. */
static int
add_entry(put *put, const char *path, const char *name, bool exact, int depth)
{
	struct stat status;

	if (stat(path, &status) != 0)
	{
		tool_complain("could not look at \"%s\": %s", path, strerror(errno));
		return OSSOBJ_FAILED;
	}
	if (S_ISDIR(status.st_mode) && !put->self->recursive)
	{
		tool_complain("put: \"%s\" is a folder: -r puts what is in it", path);
		return OSSOBJ_USAGE;
	}
	if (S_ISDIR(status.st_mode))
		return add_folder(put, path, exact ? "" : name, depth);
	return add_file(put, path, name, exact);
}

static int
add_folder(put *put, const char *path, const char *name, int depth)
{
	struct dirent **entries;
	int count = depth < 100 ? scandir(path, &entries, NULL, alphasort) : -1;
	int code = OSSOBJ_GOOD;

	if (count < 0)
	{
		tool_complain("could not read the folder \"%s\": %s", path, depth < 100 ? strerror(errno) : "too deep");
		return OSSOBJ_FAILED;
	}
	for (int i = 0; i < count; i++)
	{
		const char *entry = entries[i]->d_name;

		if (code == OSSOBJ_GOOD && strcmp(entry, ".") != 0 && strcmp(entry, "..") != 0)
		{
			char *below = tool_printf("%s/%s", path, entry);
			char *below_name = tool_printf("%s/%s", name, entry);

			code = add_entry(put, below, below_name, false, depth + 1);
			free(below);
			free(below_name);
		}
		free(entries[i]);
	}
	free(entries);
	return code;
}

static int
add_file(put *put, const char *path, const char *name, bool exact)
{
	struct stat status = {0};
	oc_error error = {0};
	file *file;

	/* "dir" and "/sub/file" make "dir/sub/file", "" and "/sub/file" make "sub/file" */
	if (*name == '/' && (*put->url->key == '\0' || put->url->key[strlen(put->url->key) - 1] == '/'))
		name++;
	if (path && stat(path, &status) != 0)
	{
		tool_complain("could not look at \"%s\": %s", path, strerror(errno));
		return OSSOBJ_FAILED;
	}
	if (put->count % 1024 == 0)
		put->files = tool_realloc(put->files, (put->count + 1024) * sizeof(*put->files));
	file = &put->files[put->count++];
	file->path = path ? tool_copy(path) : NULL;
	file->key = tool_printf("%s%s", put->url->key, exact ? "" : name);
	file->size = path && S_ISREG(status.st_mode) ? (uint64_t) status.st_size : UINT64_MAX; /* pipes and the like: not known */
	if (file->size != UINT64_MAX)
		put->bytes += file->size;
	if (oc_key_check(file->key, &error))
		return OSSOBJ_GOOD;
	tool_complain("\"%s\": %s", path ? path : "-", error.message);
	return OSSOBJ_USAGE;
}

/* ---------------------------------------------------------------- sending */

static int
put_files(put *put)
{
	size_t jobs = (size_t) put->self->jobs;
	int code = OSSOBJ_GOOD;

	put->slots = tool_alloc(jobs * sizeof(*put->slots));
	ossobj_progress_begin(put->self, put->bytes);
	for (size_t i = 0; i < put->count && code == OSSOBJ_GOOD; i++)
	{
		if (put->self->dry_run)
			tell(put, &put->files[i]);
		else
			code = put->files[i].size <= SMALL_SIZE ? put_small(put, i) : put_large(put, i);
	}
	for (size_t i = 0; i < jobs; i++)
	{
		slot *slot = &put->slots[i];

		if (!slot->call)
			continue;
		if (code != OSSOBJ_GOOD)
			oc_call_cancel(slot->call);
		if (code == OSSOBJ_GOOD)
			code = harvest(put, slot);
		else
			oc_call_free(slot->call);
		free(slot->data);
	}
	ossobj_progress_end();
	free(put->slots);
	return code;
}

static int
put_small(put *put, size_t index)
{
	int code = OSSOBJ_GOOD;
	slot *slot = free_slot(put, &code);
	file *file = &put->files[index];
	oc_call *call;

	if (!slot)
		return code;
	code = read_small(file, &slot->data);
	if (code != OSSOBJ_GOOD)
		return code;
	call = oc_call_new(put->self->client, OC_PUT);
	if (!call)
	{
		tool_complain("out of memory");
		return OSSOBJ_FAILED;
	}
	slot->call = call;
	slot->file = index;
	call->bucket = put->url->bucket;
	call->key = file->key;
	call->body = slot->data;
	call->body_size = file->size;
	call->token = put->token;
	call->forbid_overwrite = put->self->no_overwrite;
	oc_call_start(call);
	return OSSOBJ_GOOD;
}

/* A file that shrinks meanwhile is an error. */
static int
read_small(const file *file, char **data)
{
	int fd = open(file->path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;

	*data = tool_alloc(file->size);
	while (fd >= 0 && done < file->size)
	{
		ssize_t got = read(fd, *data + done, file->size - done);

		if (got <= 0)
			break;
		done += (size_t) got;
	}
	if (fd < 0 || done < file->size)
	{
		ossobj_progress_end();
		tool_complain("could not read the file \"%s\": %s", file->path, fd < 0 || errno ? strerror(errno) : "it became shorter");
		free(*data);
		*data = NULL;
	}
	if (fd >= 0)
		close(fd);
	return *data ? OSSOBJ_GOOD : OSSOBJ_FAILED;
}

/* Waits until one has a place.  NULL: *code. */
static slot *
free_slot(put *put, int *code)
{
	for (;;)
	{
		for (long i = 0; i < put->self->jobs; i++)
		{
			slot *slot = &put->slots[i];

			if (slot->call && oc_call_is_done(slot->call))
				*code = harvest(put, slot);
			if (*code != OSSOBJ_GOOD)
				return NULL;
			if (!slot->call)
				return slot;
		}
		if (oc_io_wait(put->self->io, &tool_waiter, 1000) == OC_CANCELLED)
		{
			*code = OSSOBJ_FAILED;
			return NULL;
		}
	}
}

static int
harvest(put *put, slot *slot)
{
	oc_status status = oc_call_wait(slot->call, &tool_waiter);
	const file *file = &put->files[slot->file];
	int code = OSSOBJ_GOOD;

	if (status == OC_OK)
	{
		ossobj_progress_add(file->size);
		tell(put, file);
	}
	else
		code = ossobj_report("could not put", &slot->call->error);
	oc_call_free(slot->call);
	free(slot->data);
	slot->call = NULL;
	slot->data = NULL;
	return code;
}

static void
tell(const put *put, const file *file)
{
	char *url;

	if (!put->self->json && !put->self->dry_run)
		return;
	url = ossobj_url_text(put->url, file->key);
	if (put->self->json)
	{
		fputs("{\"file\":", stdout);
		tool_json_string(stdout, file->path ? file->path : "-");
		fputs(",\"url\":", stdout);
		tool_json_string(stdout, url);
		if (file->size != UINT64_MAX)
			printf(",\"size\":%llu", (unsigned long long) file->size);
		fputs("}\n", stdout);
	}
	else
		printf("%s -> %s\n", file->path ? file->path : "-", url);
	free(url);
}

/* ---------------------------------------------------------------- large files */

static int
put_large(put *put, size_t index)
{
	file *file = &put->files[index];
	oc_export_options options = {.bucket = put->url->bucket, .exact_key = file->key, .token = put->token, .level = OC_LEVEL_DEFAULT,
								 .max_connections = (int) put->self->jobs, .spill_directory = tool_temp_folder(),
								 .forbid_overwrite = put->self->no_overwrite};
	int fd = file->path ? open(file->path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	oc_error error = {0};
	oc_export *export;
	int code;

	if (fd < 0)
	{
		ossobj_progress_end();
		tool_complain("could not read the file \"%s\": %s", file->path, strerror(errno));
		return OSSOBJ_FAILED;
	}
	export = oc_export_open(put->self->client, put->self->pool, &options, &error);
	if (!export)
		code = ossobj_report("could not begin", &error);
	else
		code = send_stream(export, fd, &error);
	if (export && code == OSSOBJ_GOOD &&
		(oc_export_finish(export, true, &tool_waiter, &error) != OC_OK || oc_export_commit(export, &tool_waiter, &error) != OC_OK))
		code = ossobj_report("could not put", &error);
	if (export && code != OSSOBJ_GOOD && oc_export_abort(export, UNDO_MS, &error) > 0)
		tool_complain_error("an unfinished upload is left (ossobj abort-uploads)", &error);
	oc_export_close(export);
	if (file->path)
		close(fd);
	if (code == OSSOBJ_GOOD)
		tell(put, file);
	return code;
}

static int
send_stream(oc_export *export, int fd, oc_error *error)
{
	oc_writer *writer = oc_writer_open(export, "", error);
	oc_status status = writer ? OC_OK : OC_FAILED;

	while (status == OC_OK)
	{
		oc_block *block = oc_writer_block(writer);
		ssize_t got;

		if (!wait_for_input(fd))
			return OSSOBJ_FAILED;
		got = read(fd, block->data + block->size, block->capacity - block->size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
		{
			ossobj_progress_end();
			tool_complain("could not read the input: %s", strerror(errno));
			return OSSOBJ_FAILED;
		}
		block->size += (size_t) got;
		ossobj_progress_add((uint64_t) got);
		if (got == 0 || block->size >= block->limit)
			status = hand_over(export, writer, error);
		if (got == 0 && status == OC_OK)
			return OSSOBJ_GOOD;
	}
	return ossobj_report("could not put", error);
}

static oc_status
hand_over(oc_export *export, oc_writer *writer, oc_error *error)
{
	oc_status status = oc_writer_flush_rows(writer, 0, error);

	while (status == OC_AGAIN)
	{
		status = oc_export_wait(export, &tool_waiter, error);
		if (status == OC_OK)
			status = oc_writer_flush_rows(writer, 0, error);
	}
	return status;
}

/* false: a signal came. */
static bool
wait_for_input(int fd)
{
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = tool_stop_fd(), .events = POLLIN}};

	while (!tool_stopped())
	{
		if (poll(fds, 2, -1) > 0 && fds[0].revents)
			return !tool_stopped();
	}
	return false;
}
