/*
 * place.c
 *	  Where a table's objects are: filepath, dir, prefix or glob -> LIST parameters and key tests.
 *
 * A lister walks the place page by page (lists of any length at flat memory), skips empty objects, folder markers and
 * manifests, and asks for the next page when half of the current one is used, so that a LIMIT touches one page only.
 */
#include "oss_fdw.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

struct OssLister
{
	MemoryContext context;		/* the lister's own, child of the caller's */
	OssClient *client;
	OssPlace *place;
	oc_stats *stats;
	const OssOptions *options;
	List *listed;				/* by manifest: OssObject *; NIL otherwise */
	int listed_next;
	bool by_manifest;
	oc_call *current;			/* the page being walked */
	oc_call *ahead;				/* the next page, in flight; or NULL */
	size_t position;
	bool done;
	bool quick;
	char *only;					/* oss_fdw.read_one_file */
	OssObject object;			/* what next returns */
	MemoryContextCallback on_reset;
};

static bool match_here(const char *pattern, const char *text);
static bool match_class(const char **pattern, const char **text);
static bool match_braces(const char *pattern, const char *text);
static oc_call *start_page(OssLister *lister, const oc_page *previous);
static oc_status next_page(OssLister *lister, oc_error *error);
static oc_status next_listed(OssLister *lister, OssObject **object);
static void set_patience(const OssLister *lister, oc_call *call);
static bool take(OssLister *lister, const oc_object *object);
static oc_status head_exact(OssLister *lister, oc_error *error);
static void release_lister(void *arg);
static char *fixed_part(const char *glob);
static char *split_archive(const char *filepath, char **member);

/* From the table's options; strings in the current memory context. */
OssPlace *
oss_place(const OssOptions *options)
{
	OssPlace *place = palloc0(sizeof(OssPlace));

	oss_options_require_bucket(options);
	place->bucket = options->bucket;
	if (options->filepath)
	{
		char *path = split_archive(options->filepath, &place->archive_member);

		if (!oss_has_glob(path))
			place->exact = fixed_part(path);
		else
		{
			place->glob = path;
			place->list_prefix = fixed_part(path);
		}
	}
	else if (options->dir)
	{
		place->list_prefix = options->dir;
		place->write_place = options->dir;
		if (!options->recursive && !options->partition_by)
			place->delimiter = "/";
	}
	else
	{
		place->list_prefix = options->prefix;
		place->write_place = options->prefix;
	}
	return place;
}

/* "x.tar.gz", "*.zip", "*.{tar,zip}": the end of the pattern says that it is archives */
static bool
names_archives(const char *path)
{
	size_t length = strlen(path);
	const char *brace = length > 0 && path[length - 1] == '}' ? strrchr(path, '{') : NULL;

	if (brace == NULL)
		return oc_archive_by_name(path) != OC_ARCHIVE_NONE;
	/* the first alternative stands for all: an object that is none is refused when it is read */
	return oc_archive_by_name(psprintf("%.*s%.*s", (int) (brace - path), path, (int) strcspn(brace + 1, ",}"), brace + 1)) !=
		   OC_ARCHIVE_NONE;
}

/* "dir/x.tar.gz!*.csv" -> the archive's path, and the pattern of its members; any other '!' is part of the name */
static char *
split_archive(const char *filepath, char **member)
{
	for (const char *mark = strchr(filepath, '!'); mark; mark = strchr(mark + 1, '!'))
	{
		char *path = pnstrdup(filepath, mark - filepath);

		if (mark[1] != '\0' && names_archives(path))
		{
			*member = pstrdup(mark + 1);
			return path;
		}
		pfree(path);
	}
	return pstrdup(filepath);
}

/* Patterns and members of archives can only be read. */
bool
oss_path_is_read_only(const char *filepath)
{
	char *member = NULL;

	return oss_has_glob(split_archive(filepath, &member)) || member != NULL;
}

/* For messages: oss://bucket/key */
char *
oss_object_url(const OssOptions *options, const char *key)
{
	const char *scheme = options->provider == OC_PROVIDER_OSS ? "oss" : options->provider == OC_PROVIDER_OBS ? "obs" : "s3";

	return psprintf("%s://%s/%s", scheme, options->bucket ? options->bucket : "", key);
}

/* ---- globs: * ? [a-z] {a,b} stay within a folder, ** crosses folders; a backslash quotes one of *?[{\ */

static inline bool
is_quoted(const char *pattern)
{
	return *pattern == '\\' && pattern[1] != '\0' && strchr("*?[{\\", pattern[1]) != NULL;
}

/* The pattern that matches just this key. */
char *
oss_glob_quote(const char *key)
{
	StringInfoData quoted;

	initStringInfo(&quoted);
	for (const char *c = key; *c; c++)
	{
		if (strchr("*?[{", *c) || is_quoted(c))
			appendStringInfoChar(&quoted, '\\');
		appendStringInfoChar(&quoted, *c);
	}
	return quoted.data;
}

bool
oss_has_glob(const char *pattern)
{
	for (const char *c = pattern; *c; c++)
	{
		if (is_quoted(c))
			c++;
		else if (strchr("*?[{", *c))
			return true;
	}
	return false;
}

static char *
fixed_part(const char *glob)
{
	StringInfoData fixed;

	initStringInfo(&fixed);
	for (const char *c = glob; *c && !strchr("*?[{", *c); c++)
	{
		if (is_quoted(c))
			c++;
		appendStringInfoChar(&fixed, *c);
	}
	return fixed.data;
}

bool
oss_glob_match(const char *pattern, const char *key)
{
	return match_here(pattern, key);
}

static bool
match_here(const char *pattern, const char *text)
{
	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	for (; *pattern; pattern++)
	{
		if (*pattern == '*')
		{
			bool cross = pattern[1] == '*';

			while (*pattern == '*')
				pattern++;
			/* "**" followed by "/" also matches no folder at all */
			if (cross && *pattern == '/' && match_here(pattern + 1, text))
				return true;
			for (;; text++)
			{
				if (match_here(pattern, text))
					return true;
				if (*text == '\0' || (!cross && *text == '/'))
					return false;
			}
		}
		if (*pattern == '{')
			return match_braces(pattern, text);
		if (*text == '\0')
			return false;
		if (*pattern == '?')
		{
			if (*text == '/')
				return false;
			/* one character, not one byte */
			do
				text++;
			while ((*text & 0xC0) == 0x80);
			continue;
		}
		if (*pattern == '[')
		{
			if (*text == '/' || !match_class(&pattern, &text))
				return false;
			continue;
		}
		if (is_quoted(pattern))
			pattern++;
		if (*pattern != *text)
			return false;
		text++;
	}
	return *text == '\0';
}

/* The character at *text, which it passes over; a byte that begins no whole UTF-8 character counts as one. */
static uint32
next_character(const char **text)
{
	const unsigned char *c = (const unsigned char *) *text;
	int length = c[0] < 0xC0 ? 1 : c[0] < 0xE0 ? 2 : c[0] < 0xF0 ? 3 : 4;
	uint32 code = length == 1 ? c[0] : c[0] & (0x7F >> length);

	for (int i = 1; i < length; i++)
	{
		if ((c[i] & 0xC0) != 0x80)
		{
			(*text)++;
			return c[0];
		}
		code = code << 6 | (c[i] & 0x3F);
	}
	*text += length;
	return code;
}

/*
 * [a-z], [!a-z] against the character at *text, which is passed over; *pattern is left on the closing bracket.  An unclosed bracket
 * matches nothing.
 */
static bool
match_class(const char **pattern, const char **text)
{
	const char *p = *pattern + 1;
	bool negated = *p == '!' || *p == '^';
	bool found = false;
	uint32 c = next_character(text);

	if (negated)
		p++;
	do
	{
		uint32 low;
		uint32 high;

		if (*p == '\0')
			return false;
		low = high = next_character(&p);
		if (p[0] == '-' && p[1] != ']' && p[1] != '\0')
		{
			p++;
			high = next_character(&p);
		}
		found |= c >= low && c <= high;
	} while (*p != ']');
	*pattern = p;
	return found != negated;
}

/* {a,b}: each alternative with the rest of the pattern; braces may nest */
static bool
match_braces(const char *pattern, const char *text)
{
	const char *end = pattern;
	const char *start = pattern + 1;
	int depth = 0;

	for (; *end; end++)
	{
		if (*end == '{')
			depth++;
		if (*end == '}' && --depth == 0)
			break;
	}
	if (*end == '\0')
		return false;
	for (const char *c = start;; c++)
	{
		if (*c == '{')
			depth++;
		if (depth > 0 && *c == '}')
			depth--;
		else if (depth == 0 && (*c == ',' || c == end))
		{
			char *branch = psprintf("%.*s%s", (int) (c - start), start, end + 1);
			bool matched = match_here(branch, text);

			pfree(branch);
			if (matched)
				return true;
			start = c + 1;
		}
		if (c == end)
			return false;
	}
}

/* ---- the lister */

OssLister *
oss_lister_begin(const OssOptions *options, OssClient *client, oc_stats *stats)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "oss_fdw lister", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OssLister *lister = palloc0(sizeof(OssLister));

	lister->context = context;
	lister->client = client;
	lister->stats = stats;
	lister->place = oss_place(options);
	lister->only = oss_read_one_file && oss_read_one_file[0] ? pstrdup(oss_read_one_file) : NULL;
	lister->options = options;
	lister->by_manifest = options->manifest;
	lister->listed_next = -1;
	lister->on_reset.func = release_lister;
	lister->on_reset.arg = lister;
	MemoryContextRegisterResetCallback(context, &lister->on_reset);
	MemoryContextSwitchTo(old);
	return lister;
}

OssLister *
oss_lister_of(const OssOptions *options, OssClient *client, List *objects)
{
	OssLister *lister = oss_lister_begin(options, client, NULL);

	lister->by_manifest = true;
	lister->listed = objects;
	lister->listed_next = 0;
	return lister;
}

void
oss_lister_be_quick(OssLister *lister)
{
	lister->quick = true;
}

static void
set_patience(const OssLister *lister, oc_call *call)
{
	if (lister->quick)
	{
		call->max_retries = -1;
		call->timeout_ms = 3000;
	}
}

void
oss_lister_end(OssLister *lister)
{
	if (lister)
		MemoryContextDelete(lister->context);
}

static void
release_lister(void *arg)
{
	OssLister *lister = arg;

	if (lister->ahead)
	{
		oc_call_cancel(lister->ahead);
		oc_call_free(lister->ahead);
	}
	if (lister->current)
	{
		if (!oc_call_is_done(lister->current))
			oc_call_cancel(lister->current);
		oc_call_free(lister->current);
	}
	lister->ahead = lister->current = NULL;
}

/* The next object to read, valid until the next call; NULL at the end. */
OssObject *
oss_lister_next(OssLister *lister)
{
	OssObject *object;
	oc_error error;
	oc_status status = oss_lister_step(lister, &object, &error);

	if (status == OC_END)
		return NULL;
	if (status != OC_OK)
		oss_report_status(status, &error, "could not list objects");
	return object;
}

oc_status
oss_lister_step(OssLister *lister, OssObject **object, oc_error *error)
{
	*object = &lister->object;
	if (lister->by_manifest)
		return next_listed(lister, object);
	if (lister->place->exact)
		return head_exact(lister, error);
	for (;;)
	{
		const oc_page *page;
		oc_status status;

		if (lister->current != NULL)
		{
			page = &lister->current->page;
			if (page->truncated && lister->ahead == NULL && lister->position >= page->count / 2)
				lister->ahead = start_page(lister, page);
			while (lister->position < page->count)
				if (take(lister, &page->objects[lister->position++]))
					return OC_OK;
			if (!page->truncated)
				return OC_END;
		}
		status = next_page(lister, error);
		if (status != OC_OK)
			return status;
	}
}

/* The manifests are read at the first call. */
static oc_status
next_listed(OssLister *lister, OssObject **object)
{
	if (lister->listed_next < 0)
	{
		MemoryContext old = MemoryContextSwitchTo(lister->context);

		lister->listed = oss_manifest_objects(lister->options, lister->client, lister->stats);
		lister->listed_next = 0;
		MemoryContextSwitchTo(old);
	}
	while (lister->listed_next < list_length(lister->listed))
	{
		*object = list_nth(lister->listed, lister->listed_next++);
		if (lister->only == NULL || strcmp(lister->only, (*object)->key) == 0)
			return OC_OK;
	}
	return OC_END;
}

static oc_call *
start_page(OssLister *lister, const oc_page *previous)
{
	oc_call *call = oc_call_new(oss_client_core(lister->client), OC_LIST);

	if (call == NULL)
		return NULL;
	call->bucket = lister->place->bucket;
	call->prefix = lister->place->list_prefix;
	call->delimiter = lister->place->delimiter;
	if (previous && previous->next)
		call->continuation = MemoryContextStrdup(lister->context, previous->next);
	call->stats = lister->stats;
	set_patience(lister, call);
	oc_call_start(call);
	return call;
}

/* Moves on to the next page, waiting for it. */
static oc_status
next_page(OssLister *lister, oc_error *error)
{
	oc_call *call = lister->ahead ? lister->ahead : start_page(lister, lister->current ? &lister->current->page : NULL);
	oc_status status;

	if (call == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory");
		return OC_FAILED;
	}
	lister->ahead = call; /* so that it is freed whatever happens while waiting */
	status = oc_call_wait(call, &oss_waiter);
	*error = call->error;
	if (status != OC_OK)
		return status;
	/* a marker that stands still would list for ever (protocols.md 11) */
	if (call->page.truncated &&
		(call->page.next == NULL || (call->continuation && strcmp(call->page.next, call->continuation) == 0)))
	{
		oc_error_set(error, OC_ERR_PROTOCOL, "the store repeats a page of the list");
		return OC_FAILED;
	}
	if (lister->current)
		oc_call_free(lister->current);
	lister->current = call;
	lister->ahead = NULL;
	lister->position = 0;
	return OC_OK;
}

/* Our manifests, and the claim of an export with error_if_exists, lie beside the data. */
static bool
is_ours(const OssPlace *place, const char *key)
{
	const char *rest = key + strlen(place->list_prefix);
	size_t length = strlen(rest);

	return (strncmp(rest, "_manifest_", 10) == 0 && length > 5 && strcmp(rest + length - 5, ".json") == 0) ||
		   strcmp(rest, OSS_CLAIM_NAME) == 0;
}

static bool
take(OssLister *lister, const oc_object *object)
{
	const OssPlace *place = lister->place;
	size_t length = strlen(object->key);

	if (object->is_prefix || object->size == 0 || (length > 0 && object->key[length - 1] == '/'))
		return false;
	if (place->glob ? !oss_glob_match(place->glob, object->key) : is_ours(place, object->key))
		return false;
	if (lister->only && strcmp(lister->only, object->key) != 0)
		return false;
	lister->object.key = (char *) object->key;
	lister->object.etag = (char *) object->etag;
	lister->object.size = object->size;
	lister->object.last_modified = object->last_modified;
	lister->object.start = lister->object.end = 0;
	lister->object.crc64_known = false;
	lister->object.rows = -1;
	return true;
}

/* filepath without globs: a missing object is an error, an empty one is no rows */
static oc_status
head_exact(OssLister *lister, oc_error *error)
{
	oc_call *call;
	oc_status status;
	size_t length;

	if (lister->done)
		return OC_END;
	lister->done = true;
	call = lister->current = oc_call_new(oss_client_core(lister->client), OC_HEAD);
	if (call == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory");
		return OC_FAILED;
	}
	call->bucket = lister->place->bucket;
	call->key = lister->place->exact;
	call->stats = lister->stats;
	set_patience(lister, call);
	status = oc_call_run(call, &oss_waiter);
	*error = call->error;
	if (status != OC_OK)
		return status;
	if (call->size == 0)
		return OC_END;
	lister->object.key = lister->place->exact;
	lister->object.etag = MemoryContextStrdup(lister->context, call->etag + (call->etag[0] == '"'));
	length = strlen(lister->object.etag);
	if (length > 0 && lister->object.etag[length - 1] == '"')
		lister->object.etag[length - 1] = '\0';
	lister->object.size = call->size;
	lister->object.last_modified = call->last_modified;
	lister->object.rows = -1;
	return OC_OK;
}

/* ---- whole lists, in the current memory context */

/* Everything the table reads, as OssObject *. */
List *
oss_list_all(const OssOptions *options, OssClient *client, oc_stats *stats)
{
	OssLister *lister = oss_lister_begin(options, client, stats);
	List *volatile list = NIL;
	OssObject *object;

	/* a page may be on its way when an error comes, and the client is the caller's to release */
	PG_TRY();
	{
		while ((object = oss_lister_next(lister)) != NULL)
		{
			OssObject *copy = palloc(sizeof(OssObject));

			*copy = *object;
			copy->key = pstrdup(object->key);
			copy->etag = pstrdup(object->etag ? object->etag : "");
			if (object->split_count > 0)
			{
				copy->splits = palloc(sizeof(oc_split_point) * object->split_count);
				memcpy(copy->splits, object->splits, sizeof(oc_split_point) * object->split_count);
			}
			list = lappend(list, copy);
		}
	}
	PG_FINALLY();
	{
		oss_lister_end(lister);
	}
	PG_END_TRY();
	return list;
}

/* The same with a client of its own, for callers that need no other. */
List *
oss_list_table(const OssOptions *options)
{
	OssClient *client = oss_client_acquire(options);
	List *volatile objects = NIL;

	PG_TRY();
	{
		objects = oss_list_all(options, client, NULL);
	}
	PG_FINALLY();
	{
		oss_client_release(client);
	}
	PG_END_TRY();
	return objects;
}

/*
 * Keys below a prefix, as char *, everything included (empty objects, manifests); at most limit (0 = all).  For the
 * checks and deletes of exports.
 */
List *
oss_list_prefix(OssClient *client, const char *bucket, const char *prefix, const char *delimiter, int limit, oc_stats *stats)
{
	List *keys = NIL;
	char *continuation = NULL;
	bool more = true;

	while (more && (limit == 0 || list_length(keys) < limit))
	{
		oc_call *call = oc_call_new(oss_client_core(client), OC_LIST);
		oc_status status;
		oc_error error;

		if (call == NULL)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
		call->bucket = bucket;
		call->prefix = prefix;
		call->delimiter = delimiter;
		call->continuation = continuation;
		call->max_keys = limit;
		call->stats = stats;
		status = oc_call_run(call, &oss_waiter);
		error = call->error;
		for (size_t i = 0; status == OC_OK && i < call->page.count; i++)
			if (!call->page.objects[i].is_prefix)
				keys = lappend(keys, pstrdup(call->page.objects[i].key));
		more = status == OC_OK && call->page.truncated && call->page.next != NULL;
		if (more && continuation && strcmp(continuation, call->page.next) == 0)
			more = false;
		continuation = more ? pstrdup(call->page.next) : NULL;
		oc_call_free(call);
		if (status != OC_OK)
			oss_report_status(status, &error, "could not list objects");
	}
	return keys;
}
