/*
 * parallel.c
 *	  Parallel scans: a list of units in shared memory, and one cursor that the leader and its workers share.
 *
 * EstimateDSM (leader): list the objects, cut large plain ones at byte ranges -> InitializeDSM: copy the units ->
 * every process takes the next unit until there is none (scan.c).  A unit is an object, or the rows of a plain text or jsonl
 * object that begin in a range of it; compressed objects and csv, whose quoted fields may hold line ends, stay whole.
 */
#include "oss_fdw.h"

#include "access/parallel.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/memutils.h"

#define SPLIT_BYTES ((uint64) 32 * 1024 * 1024) /* of a unit */

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
	SharedUnit units[FLEXIBLE_ARRAY_MEMBER];
	/* the strings follow */
};

static bool is_splittable(const OssOptions *options, OssClient *client, const OssObject *object, oc_stats *stats);
static void append_unit(List **units, const OssObject *object, uint64 start, uint64 end);

/* The work of a scan as a list of OssObject * with ranges, in the current memory context.  lines: line numbers are wanted. */
List *
oss_parallel_units(const OssOptions *options, OssClient *client, bool lines, oc_stats *stats)
{
	List *objects = oss_list_all(options, client, stats);
	List *units = NIL;
	ListCell *lc;

	foreach (lc, objects)
	{
		OssObject *object = lfirst(lc);

		if (lines || object->size < 2 * SPLIT_BYTES || !is_splittable(options, client, object, stats))
		{
			append_unit(&units, object, 0, 0);
			continue;
		}
		for (uint64 start = 0; start < object->size; start += SPLIT_BYTES)
			append_unit(&units, object, start, Min(start + SPLIT_BYTES, object->size));
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
 * Formats whose rows end at every line end, and content without a codec's magic: asked of the first bytes, because names may lie.
 */
static bool
is_splittable(const OssOptions *options, OssClient *client, const OssObject *object, oc_stats *stats)
{
	char head[16];
	oc_call *call;
	oc_status status;
	oc_error error;
	size_t size;

	if (options->format != OC_FORMAT_JSONL && !(options->format == OC_FORMAT_TEXT && options->noescaping))
		return false;
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
