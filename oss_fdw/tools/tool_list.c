/*
 * tool_list.c
 *	  Objects below a prefix, page by page at flat memory; and many deletions at once.
 */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define DELETE_MOST 1000 /* keys in one request */

static oc_status next_page(tool_list *list, oc_error *error);
static bool delete_some(oc_client *client, const char *bucket, const char *const *keys, size_t count,
						const oc_waiter *waiter, oc_error *error);

oc_status
tool_list_next(tool_list *list, const oc_object **object, oc_error *error)
{
	while (!list->done)
	{
		if (list->call && list->position < list->call->page.count)
		{
			*object = &list->call->page.objects[list->position++];
			return OC_OK;
		}
		if (list->call && !list->call->page.truncated)
			list->done = true;
		else
		{
			oc_status status = next_page(list, error);

			if (status != OC_OK)
				return status;
		}
	}
	return OC_END;
}

static oc_status
next_page(tool_list *list, oc_error *error)
{
	oc_call *call = oc_call_new(list->client, OC_LIST);
	oc_status status;

	if (!call)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a list");
		return OC_FAILED;
	}
	call->bucket = list->bucket;
	call->prefix = list->prefix;
	call->delimiter = list->delimiter;
	if (list->call)
		call->continuation = list->call->page.next;
	status = oc_call_run(call, &tool_waiter);
	tool_list_close(list);
	list->call = call;
	list->position = 0;
	if (status != OC_OK)
	{
		*error = call->error;
		if (status == OC_CANCELLED)
			oc_error_set(error, OC_ERR_CANCELLED, "interrupted");
	}
	return status;
}

void
tool_list_close(tool_list *list)
{
	if (list->call)
		oc_call_free(list->call);
	list->call = NULL;
}

/* ---------------------------------------------------------------- deletions */

bool
tool_delete_keys(oc_client *client, const char *bucket, const char *const *keys, size_t count,
				 const oc_waiter *waiter, oc_error *error)
{
	for (size_t done = 0; done < count; done += DELETE_MOST)
	{
		if (!delete_some(client, bucket, keys + done, count - done < DELETE_MOST ? count - done : DELETE_MOST,
						 waiter, error))
			return false;
	}
	return true;
}

static bool
delete_some(oc_client *client, const char *bucket, const char *const *keys, size_t count, const oc_waiter *waiter,
			oc_error *error)
{
	oc_call *call = oc_call_new(client, count == 1 ? OC_DELETE : OC_DELETE_MANY);
	oc_status status;

	if (!call)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a deletion");
		return false;
	}
	call->bucket = bucket;
	if (count == 1)
		call->key = keys[0];
	call->keys = keys;
	call->key_count = count;
	status = oc_call_run(call, waiter);
	if (status != OC_OK)
		*error = call->error;
	if (status == OC_CANCELLED)
		oc_error_set(error, OC_ERR_CANCELLED, "interrupted");
	oc_call_free(call);
	return status == OC_OK;
}
