/*
 * verify.c
 *	  oss_fdw_verify(): reads every object of a table again and compares what can be compared.
 *
 * Per object the bytes are fetched in ranges, a few at once and taken in order, and their CRC-64 is compared with the store's and,
 * for a table with manifests, with the manifest's.  A difference is a row of the result, not an error; only trouble with the
 * store itself ends the statement.
 */
#include "oss_fdw.h"

#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(oss_fdw_verify);

#define WINDOW 4
#define RANGE ((uint64) 4 * 1024 * 1024) /* bytes of one GET; WINDOW of them are held */

/* The ranged GETs of one object, oldest first. */
typedef struct Window
{
	OssClient *client;
	const char *bucket;
	const OssObject *object;
	oc_call *calls[WINDOW];
	void *buffers[WINDOW];
	uint64 next;		/* first byte not asked for yet */
	int first;			/* ring index of the oldest call */
	int count;
	MemoryContextCallback on_reset;
} Window;

typedef struct Verdict
{
	uint64 crc64;
	bool complete;
	const char *state;	/* static text */
} Verdict;

static void verify_object(Window *window, const OssObject *object, Verdict *verdict);
static bool ask_next(Window *window);
static void release_window(void *arg);

Datum
oss_fdw_verify(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid relid = PG_GETARG_OID(0);
	MemoryContext context;
	MemoryContext old;
	OssOptions options;
	Window *window;
	ListCell *lc;

	oss_require_table(relid);
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FOREIGN_TABLE, get_rel_name(relid));
	InitMaterializedSRF(fcinfo, 0);

	context = AllocSetContextCreate(CurrentMemoryContext, "oss_fdw verify", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	oss_options_for_table(relid, GetUserId(), &options);
	oss_options_add_folders(relid, &options);
	window = palloc0(sizeof(Window));
	window->client = oss_client_acquire(&options);
	window->bucket = options.bucket;
	for (int i = 0; i < WINDOW; i++)
		window->buffers[i] = palloc(RANGE);
	window->on_reset.func = release_window;
	window->on_reset.arg = window;
	MemoryContextRegisterResetCallback(context, &window->on_reset);

	foreach (lc, oss_list_all(&options, window->client, NULL))
	{
		OssObject *object = lfirst(lc);
		Verdict verdict = {0};
		Datum values[4];
		bool nulls[4] = {false};

		verify_object(window, object, &verdict);
		values[0] = CStringGetTextDatum(object->key);
		values[1] = Int64GetDatum((int64) object->size);
		values[2] = CStringGetTextDatum(psprintf(UINT64_FORMAT, verdict.crc64));
		values[3] = CStringGetTextDatum(verdict.state);
		nulls[2] = !verdict.complete;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* The memory context's way out: after an error calls may be in flight. */
static void
release_window(void *arg)
{
	Window *window = arg;

	for (; window->count > 0; window->count--)
	{
		oc_call *call = window->calls[window->first];

		oc_call_cancel(call);
		oc_call_free(call);
		window->first = (window->first + 1) % WINDOW;
	}
	oss_client_release(window->client);
	window->client = NULL;
}

static bool
ask_next(Window *window)
{
	int slot = (window->first + window->count) % WINDOW;
	uint64 size = Min(RANGE, window->object->size - window->next);
	oc_call *call;

	if (window->count == WINDOW || window->next >= window->object->size)
		return false;
	call = oc_call_new(oss_client_core(window->client), OC_GET);
	if (call == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	call->bucket = window->bucket;
	call->key = window->object->key;
	call->if_match = window->object->etag[0] ? window->object->etag : NULL;
	call->range_start = window->next;
	call->range_size = size;
	call->sink = window->buffers[slot];
	call->sink_size = RANGE;
	window->calls[slot] = call;
	window->count++;
	window->next += size;
	oc_call_start(call);
	return true;
}

/* What a failed GET says about the object; NULL = it is about the store. */
static const char *
state_of_error(const oc_error *error)
{
	switch (error->class)
	{
		case OC_ERR_NOT_FOUND:
			return "missing";
		case OC_ERR_CHANGED:
			return "changed";
		case OC_ERR_INTEGRITY:
			return "checksum differs";
		case OC_ERR_ARCHIVED:
			return "archived";
		case OC_ERR_DENIED:
			return "not permitted";
		default:
			return NULL;
	}
}

static void
judge(const OssObject *object, Verdict *verdict, bool store_known, uint64 store_crc64)
{
	verdict->complete = true;
	if (object->crc64_known && object->crc64 != verdict->crc64)
		verdict->state = "differs from the manifest";
	else if (store_known && store_crc64 != verdict->crc64)
		verdict->state = "checksum differs";
	else
		verdict->state = store_known || object->crc64_known ? "ok" : "read, no checksum to compare";
}

static void
verify_object(Window *window, const OssObject *object, Verdict *verdict)
{
	uint64 done = 0;
	bool store_known = false;
	uint64 store_crc64 = 0;

	window->object = object;
	window->next = 0;
	while (done < object->size)
	{
		oc_call *call;
		oc_status status;
		oc_error error;

		while (ask_next(window))
			;
		call = window->calls[window->first];
		status = oc_call_wait(call, &oss_waiter);
		error = call->error;
		if (status != OC_OK)
		{
			verdict->state = status == OC_FAILED ? state_of_error(&error) : NULL;
			if (verdict->state == NULL)
				oss_report_status(status, &error, "could not verify an object");
		}
		else
		{
			verdict->crc64 = oc_crc64(verdict->crc64, call->sink, call->received);
			done += call->received;
			store_known = call->store_crc64_known;
			store_crc64 = call->store_crc64;
			if (call->size != object->size)
				verdict->state = "size differs";
		}
		if (status == OC_OK)
		{
			oc_call_free(call);
			window->first = (window->first + 1) % WINDOW;
			window->count--;
		}
		if (verdict->state != NULL)
			break;
	}
	while (window->count > 0)
	{
		oc_call *call = window->calls[window->first];

		oc_call_cancel(call);
		oc_call_free(call);
		window->first = (window->first + 1) % WINDOW;
		window->count--;
	}
	if (verdict->state == NULL)
		judge(object, verdict, store_known, store_crc64);
}
