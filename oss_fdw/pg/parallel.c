/*
 * parallel.c
 *	  Parallel scans: a list of units in shared memory, and one cursor that the leader and its workers share.
 *
 * EstimateDSM (leader): list the objects, cut large ones into pieces -> InitializeDSM: copy the units ->
 * every process takes the next unit until there is none (scan.c).  A unit is one of
 *	  - a whole object;
 *	  - what lies between two places that the object's manifest records (any format, plain or compressed);
 *	  - the rows that begin in a range of a plain object whose rows can be found from anywhere: text, jsonl, and csv when the table
 *		says that quoted fields hold no line ends.
 *
 * Under EXPLAIN ANALYZE the workers' counters are added up in a segment of their own, because the executor's is gone
 * when the plan is shown.
 */
#include "oss_fdw.h"

#include "access/parallel.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/dsm.h"
#include "utils/memutils.h"

#define HEAD_MAX ((size_t) 1024 * 1024) /* bytes of an object in which the end of its first line is looked for */

typedef struct SharedUnit
{
	OssObject object;	/* key and etag are offsets, not pointers */
	Size key_offset;
	Size etag_offset;
} SharedUnit;

struct OssSharedScan
{
	pg_atomic_uint64 next;	/* unit that nobody took yet */
	uint64 count;
	dsm_handle counters;	/* of an OssCounters; DSM_HANDLE_INVALID = nobody will ask */
	SharedUnit units[FLEXIBLE_ARRAY_MEMBER];
	/* the strings follow */
};

static void append_object(List **units, const OssOptions *options, OssClient *client, const OssObject *object, oc_stats *stats);
static bool may_split(const OssOptions *options);
static bool finds_rows(const OssOptions *options);
static bool look_at_head(const OssOptions *options, OssClient *client, OssObject *object, oc_stats *stats);
static size_t fetch_head(const OssOptions *options, OssClient *client, const OssObject *object, char *head, size_t size, oc_stats *stats);
static bool find_line_end(const OssOptions *options, const char *head, size_t size, char *eol);
static bool is_without_border(const char *eol);
static OssObject *append_unit(List **units, const OssObject *object, uint64 start, uint64 end);

/*
 * The work of a scan as a list of OssObject * with ranges, in the current memory context.  lines: line numbers are wanted; takes tells
 * whether an object is read at all.
 */
List *
oss_parallel_units(const OssOptions *options, OssClient *client, bool lines, bool (*takes)(void *arg, const OssObject *object),
				   void *arg, oc_stats *stats)
{
	List *objects = oss_list_all(options, client, stats);
	List *units = NIL;
	ListCell *lc;

	foreach (lc, objects)
	{
		OssObject *object = lfirst(lc);

		if (!takes(arg, object))
			continue;
		if (lines || !may_split(options))
			append_unit(&units, object, 0, 0);
		else
			append_object(&units, options, client, object, stats);
	}
	return units;
}

/* The object's units: pieces of about split_size, if that can be. */
static void
append_object(List **units, const OssOptions *options, OssClient *client, const OssObject *object, oc_stats *stats)
{
	uint64 piece = (uint64) oss_split_size_kb * 1024;
	uint64 start = 0;
	OssObject with_eol = *object;

	if (object->size < 2 * piece)
		append_unit(units, object, 0, 0);
	else if (object->split_count > 0)
	{
		for (int i = 0; i < object->split_count; i++)
		{
			uint64 end = object->splits[i].offset;

			if (end < start + piece)
				continue;
			append_unit(units, object, start, end)->exact = true;
			start = end;
		}
		append_unit(units, object, start, 0)->exact = start > 0;
	}
	else if (finds_rows(options) && look_at_head(options, client, &with_eol, stats))
		for (; start < object->size; start += piece)
		{
			CHECK_FOR_INTERRUPTS();
			append_unit(units, &with_eol, start, Min(start + piece, object->size));
		}
	else
		append_unit(units, object, 0, 0);
}

Size
oss_parallel_size(List *units)
{
	Size size = offsetof(OssSharedScan, units) + sizeof(SharedUnit) * list_length(units);
	ListCell *lc;

	foreach (lc, units)
	{
		OssObject *object = lfirst(lc);

		size += strlen(object->key) + 1 + strlen(object->etag) + 1;
	}
	return size;
}

void
oss_parallel_fill(OssSharedScan *shared, List *units)
{
	Size offset = offsetof(OssSharedScan, units) + sizeof(SharedUnit) * list_length(units);
	ListCell *lc;

	pg_atomic_init_u64(&shared->next, 0);
	shared->count = list_length(units);
	shared->counters = DSM_HANDLE_INVALID;
	foreach (lc, units)
	{
		OssObject *object = lfirst(lc);
		SharedUnit *unit = &shared->units[foreach_current_index(lc)];

		unit->object = *object;
		unit->object.key = unit->object.etag = NULL;
		unit->object.splits = NULL;
		unit->object.split_count = 0;
		unit->key_offset = offset;
		strcpy((char *) shared + offset, object->key);
		offset += strlen(object->key) + 1;
		unit->etag_offset = offset;
		strcpy((char *) shared + offset, object->etag);
		offset += strlen(object->etag) + 1;
	}
}

void
oss_parallel_reset(OssSharedScan *shared)
{
	pg_atomic_write_u64(&shared->next, 0);
}

/* The next unit for this process, valid while the segment is mapped; false = none is left. */
bool
oss_parallel_next(OssSharedScan *shared, OssObject *object)
{
	uint64 index = pg_atomic_fetch_add_u64(&shared->next, 1);

	if (index >= shared->count)
		return false;
	*object = shared->units[index].object;
	object->key = (char *) shared + shared->units[index].key_offset;
	object->etag = (char *) shared + shared->units[index].etag_offset;
	return true;
}

/* ---- what the workers did, for EXPLAIN ANALYZE */

enum
{
	COUNTED_OBJECTS,
	COUNTED_PRUNED,
	COUNTED_OBJECT_BYTES,
	COUNTED_REQUESTS,
	COUNTED_RETRIES,
	COUNTED_SENT,
	COUNTED_RECEIVED,
	COUNTED_WAIT,
	COUNTED
};

struct OssCounters
{
	dsm_segment *segment;
	pg_atomic_uint64 *values; /* in it */
};

/*
 * Leader: makes the counters, in the current memory context; NULL = the server has no segment left.  The mapping is the
 * caller's until oss_counters_end.
 */
OssCounters *
oss_counters_create(void)
{
	OssCounters *counters = palloc(sizeof(OssCounters));

	counters->segment = dsm_create(sizeof(pg_atomic_uint64) * COUNTED, DSM_CREATE_NULL_IF_MAXSEGMENTS);
	if (counters->segment == NULL)
		return NULL;
	dsm_pin_mapping(counters->segment);
	counters->values = dsm_segment_address(counters->segment);
	for (int i = 0; i < COUNTED; i++)
		pg_atomic_init_u64(&counters->values[i], 0);
	return counters;
}

/* Tells the workers about them. */
void
oss_counters_share(OssSharedScan *shared, const OssCounters *counters)
{
	shared->counters = dsm_segment_handle(counters->segment);
}

void
oss_counters_end(OssCounters *counters)
{
	if (counters)
		dsm_detach(counters->segment);
}

/* Worker: adds what it did.  Once for each worker. */
void
oss_counters_add(const OssSharedScan *shared, int64 objects, int64 pruned, uint64 object_bytes, oc_stats *stats)
{
	uint64 values[COUNTED] = {
		[COUNTED_OBJECTS] = objects,			   [COUNTED_PRUNED] = pruned,
		[COUNTED_OBJECT_BYTES] = object_bytes,	   [COUNTED_REQUESTS] = stats->requests,
		[COUNTED_RETRIES] = stats->retries,		   [COUNTED_SENT] = stats->bytes_sent,
		[COUNTED_RECEIVED] = stats->bytes_received, [COUNTED_WAIT] = stats->wait_us,
	};
	dsm_segment *segment = shared->counters == DSM_HANDLE_INVALID ? NULL : dsm_attach(shared->counters);
	pg_atomic_uint64 *shared_values;

	if (segment == NULL)
		return;
	shared_values = dsm_segment_address(segment);
	for (int i = 0; i < COUNTED; i++)
		pg_atomic_fetch_add_u64(&shared_values[i], values[i]);
	dsm_detach(segment);
}

/* Leader, when the workers are gone: takes what they added. */
void
oss_counters_take(OssCounters *counters, int64 *objects, int64 *pruned, uint64 *object_bytes, oc_stats *stats)
{
	uint64 values[COUNTED];

	for (int i = 0; i < COUNTED; i++)
		values[i] = pg_atomic_exchange_u64(&counters->values[i], 0);
	*objects += values[COUNTED_OBJECTS];
	*pruned += values[COUNTED_PRUNED];
	*object_bytes += values[COUNTED_OBJECT_BYTES];
	stats->requests += values[COUNTED_REQUESTS];
	stats->retries += values[COUNTED_RETRIES];
	stats->bytes_sent += values[COUNTED_SENT];
	stats->bytes_received += values[COUNTED_RECEIVED];
	stats->wait_us += values[COUNTED_WAIT];
}

/* ---- helpers */

static OssObject *
append_unit(List **units, const OssObject *object, uint64 start, uint64 end)
{
	OssObject *unit = palloc(sizeof(OssObject));

	*unit = *object;
	unit->start = start;
	unit->end = end;
	*units = lappend(*units, unit);
	return unit;
}

/* Lines to skip are counted, and so are bytes against a limit: that is one process' business. */
static bool
may_split(const OssOptions *options)
{
	return options->skip == 0 && options->max_decompressed_bytes == 0 && !oss_place(options)->archive_member;
}

/*
 * Formats of which a piece tells where its rows begin.  In text a line end is data when an odd number of backslashes stands before it;
 * encodings in which a backslash, or a byte of a line end of one's own, may be a part of a character leave that open.
 */
static bool
finds_rows(const OssOptions *options)
{
	bool bytes_are_safe = !PG_ENCODING_IS_CLIENT_ONLY(options->encoding_id);

	if (options->eol && !(bytes_are_safe && is_without_border(options->eol)))
		return false;
	switch (options->format)
	{
		case OC_FORMAT_CSV:
			return !options->multi_line;
		case OC_FORMAT_TEXT:
			return options->noescaping || (options->eol == NULL && bytes_are_safe);
		default:
			return options->format == OC_FORMAT_JSONL;
	}
}

/* No end of it is its begin: two of them cannot overlap, so that each is found wherever the search begins. */
static bool
is_without_border(const char *eol)
{
	size_t size = strlen(eol);

	for (size_t shift = 1; shift < size; shift++)
		if (memcmp(eol, eol + shift, size - shift) == 0)
			return false;
	return true;
}

/*
 * Is the content plain?  Asked of the first bytes, because names may lie.  They also tell how lines end, which all pieces must see in the same
 * way; an object whose first line is longer than what is fetched at most stays whole.
 */
static bool
look_at_head(const OssOptions *options, OssClient *client, OssObject *object, oc_stats *stats)
{
	bool wants_eol = options->format != OC_FORMAT_JSONL && options->eol == NULL;
	bool plain = true;
	bool found = !wants_eol;

	for (size_t size = 4096; plain; size *= 16)
	{
		char *head = palloc(size);
		size_t received = fetch_head(options, client, object, head, Min(size, object->size), stats);

		plain = oc_codec_detect(head, received) == OC_CODEC_NONE;
		found = found || find_line_end(options, head, received, object->eol);
		pfree(head);
		if (found || size >= HEAD_MAX)
			break;
	}
	return plain && found;
}

/* The first bytes of an object; how many came. */
static size_t
fetch_head(const OssOptions *options, OssClient *client, const OssObject *object, char *head, size_t size, oc_stats *stats)
{
	oc_call *call = oc_call_new(oss_client_core(client), OC_GET);
	oc_status status;
	oc_error error;

	if (call == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	call->bucket = options->bucket;
	call->key = object->key;
	call->if_match = object->etag[0] ? object->etag : NULL;
	call->range_size = call->sink_size = size;
	call->sink = head;
	call->stats = stats;
	status = oc_call_run(call, &oss_waiter);
	error = call->error;
	/* a manifest may say anything: ranges are not made of a size that is not the object's */
	if (status == OC_OK && call->size != object->size)
	{
		oc_error_set(&error, OC_ERR_CHANGED, "the object \"%s\" has %llu bytes now, not %llu", object->key,
					 (unsigned long long) call->size, (unsigned long long) object->size);
		status = OC_FAILED;
	}
	size = call->received;
	oc_call_free(call);
	if (status != OC_OK)
		oss_report_status(status, &error, "could not look at an object");
	return size;
}

/* The first line's end into eol, as COPY would learn it; false: it is not there. */
static bool
find_line_end(const OssOptions *options, const char *head, size_t size, char *eol)
{
	bool escaping = options->format == OC_FORMAT_TEXT && !options->noescaping;

	for (size_t i = 0; i + 1 < size; i++)
	{
		if (escaping && head[i] == '\\')
			i++;
		else if (head[i] == '\n' || head[i] == '\r')
		{
			strcpy(eol, head[i] == '\n' ? "\n" : head[i + 1] == '\n' ? "\r\n" : "\r");
			return true;
		}
	}
	return false;
}
