/*
 * ossobj_fetch.c
 *	  Objects -> their bytes, in order, by a window of range requests that reaches over the ends of objects.
 *
 * Small objects and large ones are the same here: as many requests as there are jobs are in flight, the oldest one is waited
 * for, its bytes go to the sink, and its slot asks for what comes next.  Each range carries If-Match, so an object that changes
 * meanwhile is an error; at the end of an object its CRC-64 is compared with the store's, where it tells one.
 */
#include <stdlib.h>
#include <string.h>

#include "ossobj.h"

#define RANGE_SIZE (4 * 1024 * 1024)

typedef struct slot
{
	oc_call *call;		/* NULL = free */
	size_t object;		/* index */
	uint64_t start;
	size_t size;
	char *buffer;
	size_t capacity;
} slot;

typedef struct fetch
{
	ossobj *self;
	const char *bucket;
	const ossobj_set *set;
	const ossobj_sink *sink;
	slot *slots;		/* a ring */
	size_t slot_count;
	size_t first;		/* the oldest in flight */
	size_t in_flight;
	size_t next_object; /* what is asked for next */
	uint64_t next_start;
	uint64_t crc64;		/* of the object that is being delivered */
} fetch;

static int start_some(fetch *fetch);
static int start_range(fetch *fetch, slot *slot);
static int finish_first(fetch *fetch);
static int deliver(fetch *fetch, slot *slot);
static int check_crc64(const fetch *fetch, const oc_object *object, const oc_call *call);
static int deliver_empty(fetch *fetch, const oc_object *object);

int
ossobj_fetch(ossobj *self, const char *bucket, const ossobj_set *set, const ossobj_sink *sink)
{
	fetch fetch = {.self = self, .bucket = bucket, .set = set, .sink = sink, .slot_count = (size_t) self->jobs};
	int code;

	fetch.slots = tool_alloc(fetch.slot_count * sizeof(*fetch.slots));
	do
	{
		code = start_some(&fetch);
		if (code == OSSOBJ_GOOD && fetch.in_flight > 0)
			code = finish_first(&fetch);
	} while (code == OSSOBJ_GOOD && (fetch.in_flight > 0 || fetch.next_object < set->count));
	for (size_t i = 0; i < fetch.slot_count; i++)
	{
		if (fetch.slots[i].call)
		{
			oc_call_cancel(fetch.slots[i].call);
			oc_call_free(fetch.slots[i].call);
		}
		free(fetch.slots[i].buffer);
	}
	free(fetch.slots);
	return code;
}

/* Fills the window.  An empty object needs no request, but its turn: it is told when nothing before it is in flight. */
static int
start_some(fetch *fetch)
{
	while (fetch->in_flight < fetch->slot_count && fetch->next_object < fetch->set->count)
	{
		const oc_object *object = &fetch->set->objects[fetch->next_object];
		slot *slot = &fetch->slots[(fetch->first + fetch->in_flight) % fetch->slot_count];
		int code;

		if (object->size == 0)
		{
			if (fetch->in_flight > 0)
				return OSSOBJ_GOOD;
			code = deliver_empty(fetch, object);
			fetch->next_object++;
		}
		else
			code = start_range(fetch, slot);
		if (code != OSSOBJ_GOOD)
			return code;
	}
	return OSSOBJ_GOOD;
}

static int
start_range(fetch *fetch, slot *slot)
{
	const oc_object *object = &fetch->set->objects[fetch->next_object];
	uint64_t left = object->size - fetch->next_start;
	oc_call *call = oc_call_new(fetch->self->client, OC_GET);

	if (!call)
	{
		tool_complain("out of memory");
		return OSSOBJ_FAILED;
	}
	slot->call = call;
	slot->object = fetch->next_object;
	slot->start = fetch->next_start;
	slot->size = left < RANGE_SIZE ? (size_t) left : RANGE_SIZE;
	if (slot->capacity < slot->size)
	{
		slot->capacity = slot->size;
		free(slot->buffer);
		slot->buffer = tool_alloc(slot->capacity);
	}
	call->bucket = fetch->bucket;
	call->key = object->key;
	call->range_start = slot->start;
	call->range_size = slot->size;
	call->if_match = object->etag[0] ? object->etag : NULL;
	call->sink = slot->buffer;
	call->sink_size = slot->size;
	oc_call_start(call);
	fetch->in_flight++;
	fetch->next_start += slot->size;
	if (fetch->next_start == object->size)
	{
		fetch->next_object++;
		fetch->next_start = 0;
	}
	return OSSOBJ_GOOD;
}

static int
finish_first(fetch *fetch)
{
	slot *slot = &fetch->slots[fetch->first];
	oc_status status = oc_call_wait(slot->call, &tool_waiter);
	int code;

	if (status == OC_OK)
		code = deliver(fetch, slot);
	else
		code = ossobj_report("could not read", &slot->call->error);
	oc_call_free(slot->call);
	slot->call = NULL;
	fetch->first = (fetch->first + 1) % fetch->slot_count;
	fetch->in_flight--;
	return code;
}

static int
deliver(fetch *fetch, slot *slot)
{
	const oc_object *object = &fetch->set->objects[slot->object];
	const ossobj_sink *sink = fetch->sink;
	bool last = slot->start + slot->size == object->size;
	int code = OSSOBJ_GOOD;

	if (slot->call->received != slot->size)
	{
		ossobj_progress_end();
		tool_complain("object %s/%s: the store gave %zu bytes instead of %zu", fetch->bucket, object->key, slot->call->received,
					  slot->size);
		return OSSOBJ_DAMAGED;
	}
	if (slot->start == 0)
	{
		fetch->crc64 = 0;
		code = sink->begin(sink->arg, object);
	}
	fetch->crc64 = oc_crc64(fetch->crc64, slot->buffer, slot->size);
	if (code == OSSOBJ_GOOD)
		code = sink->data(sink->arg, slot->buffer, slot->size, last);
	ossobj_progress_add(slot->size);
	if (code == OSSOBJ_GOOD && last)
		code = check_crc64(fetch, object, slot->call);
	if (code == OSSOBJ_GOOD && last)
		code = sink->end(sink->arg, object);
	return code;
}

static int
check_crc64(const fetch *fetch, const oc_object *object, const oc_call *call)
{
	if (!call->store_crc64_known || call->store_crc64 == fetch->crc64)
		return OSSOBJ_GOOD;
	ossobj_progress_end();
	tool_complain("object %s/%s: what was read does not have the checksum that the store tells", fetch->bucket, object->key);
	return OSSOBJ_DAMAGED;
}

static int
deliver_empty(fetch *fetch, const oc_object *object)
{
	const ossobj_sink *sink = fetch->sink;
	int code = sink->begin(sink->arg, object);

	if (code == OSSOBJ_GOOD)
		code = sink->data(sink->arg, "", 0, true);
	return code == OSSOBJ_GOOD ? sink->end(sink->arg, object) : code;
}
