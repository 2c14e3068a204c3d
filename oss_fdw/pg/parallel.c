/*
 * parallel.c
 *	  Parallel scans: a list of units in shared memory, and one cursor that the leader and its workers share.
 *
 * EstimateDSM (leader): list the objects, cut large plain ones at byte ranges -> InitializeDSM: copy the units ->
 * every process takes the next unit until there is none (scan.c).  A unit is an object, or the rows of a plain text or jsonl
 * object that begin in a range of it; compressed objects and csv, whose quoted fields may hold line ends, stay whole.
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

static bool may_split(const OssOptions *options);
static bool is_plain(const OssOptions *options, OssClient *client, const OssObject *object, oc_stats *stats);
static void append_unit(List **units, const OssObject *object, uint64 start, uint64 end);

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
	uint64 piece = (uint64) oss_split_size_kb * 1024;
	ListCell *lc;

	foreach (lc, objects)
	{
		OssObject *object = lfirst(lc);

		if (!takes(arg, object))
			continue;
		if (lines || object->size < 2 * piece || !may_split(options) || !is_plain(options, client, object, stats))
		{
			append_unit(&units, object, 0, 0);
			continue;
		}
		for (uint64 start = 0; start < object->size; start += piece)
			append_unit(&units, object, start, Min(start + piece, object->size));
	}
	return units;
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

static void
append_unit(List **units, const OssObject *object, uint64 start, uint64 end)
{
	OssObject *unit = palloc(sizeof(OssObject));

	*unit = *object;
	unit->start = start;
	unit->end = end;
	*units = lappend(*units, unit);
}

/*
 * Formats of which a piece tells where its rows begin.  In text a line end is data when an odd number of backslashes stands before
 * it; encodings in which a backslash may be half of a character, and line ends of one's own, leave that open.
 */
static bool
may_split(const OssOptions *options)
{
	if (options->skip > 0 || oss_place(options)->archive_member)
		return false;
	if (options->format == OC_FORMAT_TEXT)
		return options->noescaping || (options->eol == NULL && !PG_ENCODING_IS_CLIENT_ONLY(options->encoding_id));
	return options->format == OC_FORMAT_JSONL;
}

/* Content without a codec's magic: asked of the first bytes, because names may lie. */
static bool
is_plain(const OssOptions *options, OssClient *client, const OssObject *object, oc_stats *stats)
{
	char head[256]; /* what oc_codec_detect wants */
	oc_call *call;
	oc_status status;
	oc_error error;
	size_t size;

	call = oc_call_new(oss_client_core(client), OC_GET);
	if (call == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	call->bucket = options->bucket;
	call->key = object->key;
	call->if_match = object->etag[0] ? object->etag : NULL;
	call->range_size = call->sink_size = sizeof(head);
	call->sink = head;
	call->stats = stats;
	status = oc_call_run(call, &oss_waiter);
	error = call->error;
	size = call->received;
	oc_call_free(call);
	if (status != OC_OK)
		oss_report_status(status, &error, "could not look at an object");
	return oc_codec_detect(head, size) == OC_CODEC_NONE;
}
