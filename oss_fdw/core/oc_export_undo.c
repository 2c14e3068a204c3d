/*
 * oc_export_undo.c
 *	  Takes back everything that an export has done in the store.
 *
 * First the calls in flight are cancelled; those that make something get a moment to end by themselves, because their answer
 * tells more than a search can.  Then, several at once: uploads are aborted, those whose INITIATE got no answer are
 * looked for by the object's key; after that, objects whose PUT or COMPLETE was begun are deleted.  A store may finish such a
 * call after we gave up on it, so one that is not there is looked for a few times.  An object under a key that others
 * may write as well is deleted only when its metadata show our token.
 *
 * All of it ends at the deadline, whatever the store does: each call gets what is left of the time.  Owner's thread.
 */
#include <stdio.h>
#include <stdlib.h>

#include "oc_export_int.h"

#define GRACE_MS 300		/* for calls in flight that make something */
#define GRACE_SHARED_MS 1000 /* the same, under a key that is not ours alone */
#define LOOKS 4				/* for an object that the store may still be making, */
#define LOOK_PAUSE_US 100000 /* with pauses of this, twice this, ... */

typedef struct undo_task
{
	oc_verb verb;		/* ABORT, LIST_UPLOADS, HEAD or DELETE */
	oc_output *output;
	char *upload_id;	/* ABORT; owned */
	bool started;
	int looks;			/* HEAD: that found nothing so far */
	int64_t due_us;		/* not to be started before */
} undo_task;

typedef struct undo
{
	oc_export *export;
	int64_t deadline_us;
	undo_task *tasks;	/* grows while it runs */
	size_t count;
	size_t capacity;
	size_t next;		/* all before it are started */
	oc_call **calls;	/* in flight: slot_count entries, NULL = free */
	size_t *call_tasks; /* index of each call's task */
	int busy;
	int left;			/* things that could not be removed */
	oc_error error;		/* the first problem */
} undo;

static void cancel_calls(undo *undo);
static void await_calls(undo *undo);
static undo_task *add_task(undo *undo, oc_verb verb, oc_output *output, const char *upload_id);
static void plan_uploads(undo *undo);
static void plan_objects(undo *undo);
static void run_tasks(undo *undo);
static void start_tasks(undo *undo);
static void start_task(undo *undo, int slot, size_t index);
static void harvest_tasks(undo *undo, bool cancel);
static void harvest_task(undo *undo, const oc_call *call, size_t index);
static void look_again(undo *undo, const undo_task *task);
static void note_listed(undo *undo, const oc_call *call, oc_output *output);
static void note_left(undo *undo, const oc_error *error);
static long remaining_ms(const undo *undo);

int
oc_export_abort(oc_export *export, long deadline_ms, oc_error *error)
{
	undo undo = {.export = export, .deadline_us = oc_now_us() + deadline_ms * 1000};
	oc_error aborted = {0};

	atomic_store(&export->stop, true);
	oc_error_set(&aborted, OC_ERR_CANCELLED, "the export was aborted");
	oc_export_fail(export, &aborted);
	cancel_calls(&undo);
	undo.calls = calloc(export->slot_count, sizeof(*undo.calls));
	undo.call_tasks = calloc(export->slot_count, sizeof(*undo.call_tasks));
	if (undo.calls && undo.call_tasks)
	{
		plan_uploads(&undo);
		run_tasks(&undo);
		plan_objects(&undo);
		run_tasks(&undo);
	}
	else
	{
		oc_error_set(&aborted, OC_ERR_MEMORY, "out of memory for the requests that would remove the export");
		undo.left = (int) export->output_count;
		undo.error = aborted;
	}
	for (size_t i = 0; i < undo.count; i++)
		free(undo.tasks[i].upload_id);
	free(undo.tasks);
	free(undo.calls);
	free(undo.call_tasks);
	if (undo.left > 0)
		*error = undo.error;
	return undo.left;
}

static long
remaining_ms(const undo *undo)
{
	int64_t left = undo->deadline_us - oc_now_us();

	return left > 0 ? (long) (left / 1000) : 0;
}

static void
cancel_calls(undo *undo)
{
	oc_export *export = undo->export;

	await_calls(undo);
	for (int i = 0; i < export->slot_count; i++)
	{
		if (export->slots[i].kind != OC_SLOT_FREE)
			oc_call_cancel(export->slots[i].call);
	}
	oc_export_harvest_calls(export);
}

/* Lets INITIATE, PUT and COMPLETE end by themselves, for a short time. */
static void
await_calls(undo *undo)
{
	oc_export *export = undo->export;
	int64_t now = oc_now_us();
	int64_t until = now + (export->options.exact_key ? GRACE_SHARED_MS : GRACE_MS) * 1000;

	if (until > now + (undo->deadline_us - now) / 4)
		until = now + (undo->deadline_us - now) / 4;
	for (;;)
	{
		bool waiting = false;
		int64_t left = until - oc_now_us();

		for (int i = 0; i < export->slot_count; i++)
		{
			const oc_slot *slot = &export->slots[i];

			waiting |= slot->kind != OC_SLOT_FREE && slot->kind != OC_SLOT_PART && !oc_call_is_done(slot->call);
		}
		if (!waiting || left <= 0)
			return;
		oc_export_sleep(export, NULL, (int) (left / 1000) + 1);
	}
}

/* upload_id is copied.  NULL: without memory the thing counts as left. */
static undo_task *
add_task(undo *undo, oc_verb verb, oc_output *output, const char *upload_id)
{
	char *copy = upload_id ? strdup(upload_id) : NULL;
	oc_error error = {0};

	if (undo->count == undo->capacity)
	{
		size_t capacity = undo->capacity > 0 ? undo->capacity * 2 : 16;
		undo_task *tasks = realloc(undo->tasks, capacity * sizeof(*tasks));

		if (tasks)
		{
			undo->tasks = tasks;
			undo->capacity = capacity;
		}
	}
	if (undo->count == undo->capacity || (upload_id && !copy))
	{
		free(copy);
		oc_error_set(&error, OC_ERR_MEMORY, "out of memory for the requests that would remove the export");
		note_left(undo, &error);
		return NULL;
	}
	undo->tasks[undo->count] = (undo_task){.verb = verb, .output = output, .upload_id = copy};
	return &undo->tasks[undo->count++];
}

static void
plan_uploads(undo *undo)
{
	for (size_t i = 0; i < undo->export->output_count; i++)
	{
		oc_output *output = undo->export->outputs[i];

		if (output->upload_id && !output->done)
			add_task(undo, OC_ABORT, output, output->upload_id);
		else if (output->upload_uncertain)
			add_task(undo, OC_LIST_UPLOADS, output, NULL);
	}
}

static void
plan_objects(undo *undo)
{
	bool shared_key = undo->export->options.exact_key != NULL;

	for (size_t i = 0; i < undo->export->output_count; i++)
	{
		oc_output *output = undo->export->outputs[i];

		/* the store may have gone on with a part that we cut short, and kept it after the first abort */
		if (output->part_cut_short && output->upload_id && !output->done)
			add_task(undo, OC_ABORT, output, output->upload_id);
		if (output->attempted)
			add_task(undo, output->done && !shared_key ? OC_DELETE : OC_HEAD, output, NULL);
	}
}

/* Starts and awaits all tasks, also those that are added on the way. */
static void
run_tasks(undo *undo)
{
	while (undo->next < undo->count || undo->busy > 0)
	{
		long left = remaining_ms(undo);

		if (left <= 0)
			break;
		start_tasks(undo);
		oc_export_sleep(undo->export, NULL, left < 50 ? (int) left : 50);
		harvest_tasks(undo, false);
	}
	harvest_tasks(undo, true);
	for (; undo->next < undo->count; undo->next++)
	{
		oc_error error = {0};

		if (undo->tasks[undo->next].started)
			continue;
		oc_error_set(&error, OC_ERR_TIMEOUT, "no time was left to remove \"%.300s\"",
					 undo->tasks[undo->next].output->key);
		note_left(undo, &error);
	}
}

static void
start_tasks(undo *undo)
{
	int64_t now = oc_now_us();
	int slot = 0;

	for (size_t i = undo->next; i < undo->count && undo->busy < undo->export->slot_count; i++)
	{
		if (undo->tasks[i].started || undo->tasks[i].due_us > now)
			continue;
		while (undo->calls[slot])
			slot++;
		undo->tasks[i].started = true;
		start_task(undo, slot, i);
	}
	while (undo->next < undo->count && undo->tasks[undo->next].started)
		undo->next++;
}

static void
start_task(undo *undo, int slot, size_t index)
{
	const undo_task *task = &undo->tasks[index];
	oc_export *export = undo->export;
	oc_call *call = oc_call_new(export->client, task->verb);
	oc_error error = {0};

	if (!call)
	{
		oc_error_set(&error, OC_ERR_MEMORY, "out of memory for the requests that would remove the export");
		note_left(undo, &error);
		return;
	}
	call->bucket = export->options.bucket;
	if (task->verb == OC_LIST_UPLOADS)
		call->prefix = task->output->key;
	else
		call->key = task->output->key;
	call->upload_id = task->upload_id;
	call->stats = export->options.stats;
	call->timeout_ms = remaining_ms(undo);
	if (call->timeout_ms < 1)
		call->timeout_ms = 1;
	call->max_retries = 3;
	undo->calls[slot] = call;
	undo->call_tasks[slot] = index;
	undo->busy++;
	oc_call_start(call);
}

/* cancel: the time is over. */
static void
harvest_tasks(undo *undo, bool cancel)
{
	for (int i = 0; i < undo->export->slot_count; i++)
	{
		oc_call *call = undo->calls[i];

		if (call && cancel)
			oc_call_cancel(call);
		if (!call || !oc_call_is_done(call))
			continue;
		harvest_task(undo, call, undo->call_tasks[i]);
		oc_call_free(call);
		undo->calls[i] = NULL;
		undo->busy--;
	}
}

static void
harvest_task(undo *undo, const oc_call *call, size_t index)
{
	undo_task task = undo->tasks[index];
	bool shared_key = undo->export->options.exact_key != NULL;
	const char *token = undo->export->options.token;

	if (call->status != OC_OK && call->error.class == OC_ERR_NOT_FOUND)
	{
		if (task.verb == OC_ABORT)
			task.output->upload_gone = true;
		else if (task.verb == OC_HEAD)
			look_again(undo, &task);
	}
	else if (call->status != OC_OK)
	{
		if (task.verb == OC_HEAD && !shared_key && call->status == OC_FAILED)
			add_task(undo, OC_DELETE, task.output, NULL); /* may write, but not read */
		else
			note_left(undo, &call->error);
	}
	else if (task.verb == OC_LIST_UPLOADS)
		note_listed(undo, call, task.output);
	else if (task.verb == OC_HEAD)
	{
		if (!shared_key || (token && strcmp(call->answer_token, token) == 0))
			add_task(undo, OC_DELETE, task.output, NULL);
		else
			look_again(undo, &task); /* somebody else's, which ours may yet replace */
	}
}

/* An object that we may have made is not there.  If the store may still be at it, look again a little later. */
static void
look_again(undo *undo, const undo_task *task)
{
	undo_task *again;

	if (task->looks + 1 >= LOOKS || task->output->done || (task->output->multipart && !task->output->upload_gone))
		return;
	again = add_task(undo, OC_HEAD, task->output, NULL);
	if (!again)
		return;
	again->looks = task->looks + 1;
	again->due_us = oc_now_us() + again->looks * LOOK_PAUSE_US;
}

/* The uploads of an object whose INITIATE got no answer. */
static void
note_listed(undo *undo, const oc_call *call, oc_output *output)
{
	for (size_t i = 0; i < call->page.count; i++)
	{
		const oc_upload *upload = &call->page.uploads[i];
		oc_error error = {0};

		if (strcmp(upload->key, output->key) != 0)
			continue;
		if (!undo->export->options.exact_key)
			add_task(undo, OC_ABORT, output, upload->upload_id);
		else
		{
			oc_error_set(&error, OC_ERR_STORE, "an unfinished upload of \"%.300s\" may be of this export", output->key);
			note_left(undo, &error);
		}
	}
}

static void
note_left(undo *undo, const oc_error *error)
{
	if (undo->left++ > 0)
		return;
	undo->error = *error;
	if (undo->error.class == OC_ERR_NONE || undo->error.message[0] == '\0')
		oc_error_set(&undo->error, OC_ERR_TIMEOUT, "the store did not answer in time");
}
