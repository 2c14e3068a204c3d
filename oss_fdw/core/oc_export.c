/*
 * oc_export.c
 *	  An export as a whole: its options, the calls in flight, finish and commit.
 *
 * oc_export_pump is the heart: it looks at the calls and jobs that have ended, moves compressed chunks and digested pieces
 * one step on, and starts the next calls.  Every function that the owner calls pumps; nothing else moves an export.  The
 * first error stays in the export: nothing new is started after it, and every later call of the owner reports it.
 *
 * Nothing becomes visible in the store before oc_export_commit: until then there are only parts of uploads.
 */
#include <stdio.h>
#include <stdlib.h>

#include "oc_export_int.h"

#define SMALL_OBJECT (64 * 1024)

static void harvest_slot(oc_export *export, oc_slot *slot);
static bool may_have_happened(const oc_call *call);
static void harvest_initiate(oc_export *export, const oc_slot *slot);
static void harvest_part(oc_export *export, oc_slot *slot);
static void harvest_object(oc_export *export, const oc_slot *slot);
static void harvest_digests(oc_export *export);
static void fail_piece(oc_export *export, const oc_piece *piece);
static void start_calls(oc_export *export);
static oc_slot *start_call(oc_export *export, oc_slot_kind kind, oc_verb verb, oc_output *output);
static void start_initiate(oc_export *export, oc_output *output);
static void start_part(oc_export *export, oc_piece *piece);
static bool start_next_object(oc_export *export);
static void start_complete(oc_export *export, oc_output *output);
static void start_put(oc_export *export, oc_output *output);
static bool all_parts_known(oc_export *export, const oc_output *output);
static void set_call_object(oc_export *export, oc_call *call);
static bool close_writers(oc_export *export);
static bool is_finished(const oc_export *export);
static void force_object(oc_export *export);

/* ---------------------------------------------------------------- moving on */

void
oc_export_pump(oc_export *export)
{
	if (export->busy_slots > 0)
		oc_export_harvest_calls(export);
	if (export->busy_writers)
		oc_writers_advance(export);
	if (export->digesting.count > 0)
		harvest_digests(export);
	if (export->held_bytes > export->budget / 4)
		oc_memory_unload_held(export, export->budget / 8);
	/* one file of the group may wait for commit */
	if (export->held_files > 0 && !export->failed && (export->output_count > 1 || export->group->file_count > 1))
		oc_export_unload_files(export);
	if (!export->failed && export->queue.count > 0)
		start_calls(export);
	oc_output_digest_waiting(export, false);
}

bool
oc_export_in_flight(const oc_export *export)
{
	return export->busy_slots > 0 || export->chunk_count > 0 || export->digesting.count > 0 || export->queue.count > 0;
}

oc_status
oc_export_sleep(oc_export *export, const oc_waiter *waiter, int timeout_ms)
{
	int64_t start = oc_now_us();
	oc_status status = oc_io_wait(export->io, waiter, timeout_ms);

	if (export->options.stats)
		atomic_fetch_add_explicit(&export->options.stats->wait_us, (uint64_t) (oc_now_us() - start),
								  memory_order_relaxed);
	return status;
}

/* Sleeps once; the status is the waiter's or the export's. */
static oc_status
sleep_and_pump(oc_export *export, const oc_waiter *waiter, oc_error *error)
{
	oc_status status = oc_export_sleep(export, waiter, 1000);

	if (status == OC_CANCELLED)
	{
		oc_error_set(error, OC_ERR_CANCELLED, "the export was cancelled");
		return OC_CANCELLED;
	}
	if (status == OC_FAILED)
	{
		oc_error_set(error, OC_ERR_NETWORK, "waiting for the store failed");
		oc_export_fail(export, error);
	}
	oc_group_pump(export->group);
	return export->failed ? oc_export_failure(export, error) : OC_OK;
}

void
oc_export_harvest_calls(oc_export *export)
{
	for (int i = 0; i < export->slot_count; i++)
	{
		oc_slot *slot = &export->slots[i];

		if (slot->kind != OC_SLOT_FREE && oc_call_is_done(slot->call))
			harvest_slot(export, slot);
	}
}

static void
harvest_slot(oc_export *export, oc_slot *slot)
{
	const oc_call *call = slot->call;

	export->group->events++;
	if (call->status != OC_OK)
	{
		if (slot->kind == OC_SLOT_INITIATE)
			slot->output->upload_uncertain = may_have_happened(call);
		else if (slot->kind == OC_SLOT_PART)
			slot->output->part_cut_short = true;
		else
			slot->output->attempted = may_have_happened(call);
		oc_export_fail(export, &call->error);
	}
	else if (slot->kind == OC_SLOT_INITIATE)
		harvest_initiate(export, slot);
	else if (slot->kind == OC_SLOT_PART)
		harvest_part(export, slot);
	else
		harvest_object(export, slot);
	oc_slot_free(export, slot);
}

/* A call has failed.  false: certainly nothing was made in the store. */
static bool
may_have_happened(const oc_call *call)
{
	switch (call->error.class)
	{
		case OC_ERR_ARGUMENT:
		case OC_ERR_RESOLVE:
		case OC_ERR_TLS:
		case OC_ERR_FORBIDDEN_ADDRESS:
		case OC_ERR_CREDENTIALS:
		case OC_ERR_CLOCK:
		case OC_ERR_DENIED:
		case OC_ERR_NO_BUCKET:
		case OC_ERR_EXISTS:
			return false;
		default:
			return true;
	}
}

static void
harvest_initiate(oc_export *export, const oc_slot *slot)
{
	oc_output *output = slot->output;

	if (slot->call->answer_upload_id[0] == '\0')
	{
		output->upload_uncertain = true;
		oc_export_fail_output(export, output, OC_ERR_PROTOCOL, "InitiateMultipartUpload",
							  "the store began an upload without telling its id");
		return;
	}
	output->upload_id = strdup(slot->call->answer_upload_id);
	if (!output->upload_id)
	{
		output->upload_uncertain = true;
		oc_export_fail_memory(export, "an upload");
	}
}

static void
harvest_part(oc_export *export, oc_slot *slot)
{
	const oc_call *call = slot->call;
	oc_output *output = slot->output;
	oc_part *part = &output->parts[slot->piece->number - 1];

	if (call->etag[0] == '\0')
	{
		oc_export_fail_output(export, output, OC_ERR_PROTOCOL, "UploadPart", "the store took a part without an ETag");
		return;
	}
	if (call->store_crc64_known && call->store_crc64 != slot->piece->crc64)
	{
		oc_export_fail_output(export, output, OC_ERR_INTEGRITY, "UploadPart",
							  "the store's checksum of a part differs from that of what was sent");
		return;
	}
	part->crc64 = slot->piece->crc64;
	memcpy(part->etag, call->etag, sizeof(part->etag));
	output->parts_sent++;
	oc_output_try_settle(export, output);
}

/* A COMPLETE or PUT has succeeded. */
static void
harvest_object(oc_export *export, const oc_slot *slot)
{
	const oc_call *call = slot->call;
	oc_output *output = slot->output;

	output->done = true;
	oc_strip_quotes(output->etag, sizeof(output->etag), call->etag);
	if (call->store_crc64_known && call->store_crc64 != output->crc64)
	{
		oc_export_fail_output(export, output, OC_ERR_INTEGRITY,
							  slot->kind == OC_SLOT_PUT ? "PutObject" : "CompleteMultipartUpload",
							  "the store's checksum of the object differs from that of what was sent");
		return;
	}
	if (output->held)
	{
		if (output->held->file)
			export->held_files--;
		else
			export->held_bytes -= output->held->size;
		oc_piece_free(export, output->held);
		output->held = NULL;
	}
}

static void
harvest_digests(oc_export *export)
{
	oc_piece *previous = NULL;
	oc_piece *next;

	for (oc_piece *piece = export->digesting.first; piece; piece = next)
	{
		next = piece->next;
		if (!atomic_load_explicit(&piece->ready, memory_order_acquire))
		{
			previous = piece;
			continue;
		}
		oc_piece_list_take(&export->digesting, previous, piece);
		export->group->events++;
		if (piece->failure != 0)
			fail_piece(export, piece);
		if (piece->output->held == piece)
			oc_output_try_settle(export, piece->output);
		else
			oc_piece_list_add(&export->queue, piece);
	}
}

/* Its file could not be read. */
static void
fail_piece(oc_export *export, const oc_piece *piece)
{
	oc_error error = {0};

	oc_spill_fail(piece->file, "read", piece->failure, &error);
	oc_export_fail_output(export, piece->output, error.class, "UploadPart", error.message);
}

/* ---------------------------------------------------------------- calls */

/* Sends queued pieces in order; those whose upload is not there yet let others pass. */
static void
start_calls(oc_export *export)
{
	oc_piece *previous = NULL;
	oc_piece *next;

	/* not its own number for the group: an export that may have few would wait for ever for one that keeps many busy */
	for (oc_piece *piece = export->queue.first;
		 piece && export->group->busy_slots < export->group->slot_count && export->busy_slots < export->slot_count && !export->failed;
		 piece = next)
	{
		next = piece->next;
		if (piece->output->upload_id)
		{
			oc_piece_list_take(&export->queue, previous, piece);
			start_part(export, piece);
			continue;
		}
		if (!piece->output->initiating)
			start_initiate(export, piece->output);
		previous = piece;
	}
}

/* Takes a free slot (the caller has made sure that there is one) and prepares a call.  NULL after oc_export_fail. */
static oc_slot *
start_call(oc_export *export, oc_slot_kind kind, oc_verb verb, oc_output *output)
{
	oc_slot *slot = export->slots;
	oc_call *call = oc_call_new(export->client, verb);

	if (!call)
	{
		oc_export_fail_memory(export, "a request");
		return NULL;
	}
	while (slot->kind != OC_SLOT_FREE)
		slot++;
	slot->kind = kind;
	slot->call = call;
	slot->output = output;
	slot->piece = NULL;
	export->busy_slots++;
	export->group->busy_slots++;
	call->bucket = export->options.bucket;
	call->key = output->key;
	call->upload_id = output->upload_id;
	call->stats = export->options.stats;
	return slot;
}

/* What belongs to the calls that make an object. */
static void
set_call_object(oc_export *export, oc_call *call)
{
	call->token = export->options.token;
	call->forbid_overwrite = export->options.forbid_overwrite;
	call->headers = export->options.headers;
	call->header_count = export->options.header_count;
}

static void
start_initiate(oc_export *export, oc_output *output)
{
	oc_slot *slot = start_call(export, OC_SLOT_INITIATE, OC_INITIATE, output);

	if (!slot)
		return;
	output->initiating = true;
	set_call_object(export, slot->call);
	oc_call_start(slot->call);
}

static void
set_call_body(oc_call *call, const oc_piece *piece)
{
	call->body = piece->data;
	call->body_file = piece->file;
	call->body_size = piece->size;
	call->digests_known = true;
	call->crc64 = piece->crc64;
	memcpy(call->md5, piece->md5, sizeof(call->md5));
}

/* Takes over the piece, which is in no list. */
static void
start_part(oc_export *export, oc_piece *piece)
{
	oc_slot *slot = start_call(export, OC_SLOT_PART, OC_UPLOAD_PART, piece->output);

	if (!slot)
	{
		oc_piece_free(export, piece);
		return;
	}
	slot->piece = piece;
	slot->call->part_number = piece->number;
	set_call_body(slot->call, piece);
	oc_call_start(slot->call);
}

void
oc_slot_free(oc_export *export, oc_slot *slot)
{
	oc_call_free(slot->call);
	if (slot->kind == OC_SLOT_INITIATE)
		slot->output->initiating = false;
	if (slot->piece)
		oc_piece_free(export, slot->piece);
	memset(slot, 0, sizeof(*slot));
	export->busy_slots--;
	export->group->busy_slots--;
}

/* ---------------------------------------------------------------- finish, commit */

oc_status
oc_export_wait(oc_export *export, const oc_waiter *waiter, oc_error *error)
{
	oc_export_group *group = export->group;
	uint64_t events = group->events;

	oc_group_pump(group);
	if (oc_group_failed(group))
		return oc_export_failure(export->failed ? export : oc_group_failed(group), error);
	if (group->events != events || !oc_group_in_flight(group))
		return OC_OK;
	return sleep_and_pump(export, waiter, error);
}

oc_status
oc_export_finish(oc_export *export, bool force_empty, const oc_waiter *waiter, oc_error *error)
{
	for (;;)
	{
		oc_status status;
		bool closed = export->failed || close_writers(export);

		if (closed)
			oc_output_digest_waiting(export, true); /* no more will come */
		oc_export_pump(export);
		/* the failure of another member ends the transaction, too, and what it holds is not given back before */
		if (oc_group_failed(export->group))
			return oc_export_failure(export->failed ? export : oc_group_failed(export->group), error);
		if (closed && !export->writers && export->output_count == 0 && force_empty)
		{
			force_object(export);
			continue;
		}
		if (closed && is_finished(export))
		{
			/* until commit there may be other exports, which need memory of their own */
			oc_memory_free_spare(export->group);
			return OC_OK;
		}
		status = sleep_and_pump(export, waiter, error);
		if (status != OC_OK)
			return status;
	}
}

oc_status
oc_export_unload(oc_export *export, const oc_waiter *waiter, oc_error *error)
{
	oc_memory_unload_held(export, 0);
	oc_export_unload_files(export);
	return oc_export_finish(export, false, waiter, error);
}

/* false: memory is short, wait. */
static bool
close_writers(oc_export *export)
{
	oc_writer *next;

	for (oc_writer *writer = export->writers; writer; writer = next)
	{
		next = writer->next;
		if (!oc_writer_finish(writer))
			return false;
	}
	return true;
}

static bool
is_finished(const oc_export *export)
{
	return !export->writers && !oc_export_in_flight(export) && export->settled_count == export->output_count;
}

/* An export without rows makes one object all the same: header and trailer. */
static void
force_object(oc_export *export)
{
	const oc_export_options *options = &export->options;
	oc_output *output = oc_output_begin(export, "");
	size_t size = options->header_size + options->trailer_size;
	oc_memory *memory;

	if (!output)
		return;
	if (options->codec != OC_CODEC_NONE)
	{
		oc_output_append_packed_header(export, output);
		oc_output_finish_packed(export, output);
		return;
	}
	memory = oc_memory_get(export, size);
	if (!memory)
	{
		oc_export_fail_memory(export, "an object");
		return;
	}
	if (options->header_size > 0)
		memcpy(memory->data, options->header, options->header_size);
	if (options->trailer_size > 0)
		memcpy(memory->data + options->header_size, options->trailer, options->trailer_size);
	oc_output_cut(export, output, memory, memory->data, size, true);
}

oc_status
oc_export_commit(oc_export *export, const oc_waiter *waiter, oc_error *error)
{
	oc_export_pump(export);
	/* other exports of the group may have needed the memory of what was kept for now: it is on its way */
	while (!export->failed && !export->writers && oc_export_in_flight(export))
	{
		oc_status status = sleep_and_pump(export, waiter, error);

		if (status != OC_OK)
			return status;
	}
	if (!export->failed && !is_finished(export))
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "an export can be committed only after it was finished");
		return OC_FAILED;
	}
	for (;;)
	{
		oc_status status;

		while (!export->failed && export->busy_slots < export->slot_count && start_next_object(export))
			;
		if (export->failed)
			return oc_export_failure(export, error);
		if (export->busy_slots == 0)
			return OC_OK;
		status = sleep_and_pump(export, waiter, error);
		if (status != OC_OK)
			return status;
	}
}

/* false: there is none left. */
static bool
start_next_object(oc_export *export)
{
	oc_output *output;

	if (export->commit_next == export->output_count)
		return false;
	output = export->outputs[export->commit_next++];
	if (output->held)
		start_put(export, output);
	else if (all_parts_known(export, output))
		start_complete(export, output);
	return true;
}

/* Trusts no counter: an object is never completed from anything but all of its parts. */
static bool
all_parts_known(oc_export *export, const oc_output *output)
{
	uint64_t bytes = 0;
	bool known = output->upload_id && output->part_count > 0;

	for (int i = 0; i < output->part_count; i++)
	{
		bytes += output->parts[i].size;
		if (output->parts[i].etag[0] == '\0' || output->parts[i].number != i + 1)
			known = false;
	}
	if (known && bytes == output->cut_bytes)
		return true;
	oc_export_fail_output(export, output, OC_ERR_INTEGRITY, "CompleteMultipartUpload", "parts of the object are missing");
	return false;
}

static void
start_complete(oc_export *export, oc_output *output)
{
	oc_slot *slot = start_call(export, OC_SLOT_COMPLETE, OC_COMPLETE, output);

	if (!slot)
		return;
	output->attempted = true;
	slot->call->token = export->options.token;
	slot->call->forbid_overwrite = export->options.forbid_overwrite;
	slot->call->parts = output->parts;
	slot->call->part_count = output->part_count;
	slot->call->crc64 = output->crc64;
	slot->call->crc64_known = true;
	slot->call->object_size = output->cut_bytes;
	oc_call_start(slot->call);
}

static void
start_put(oc_export *export, oc_output *output)
{
	oc_slot *slot = start_call(export, OC_SLOT_PUT, OC_PUT, output);

	if (!slot)
		return;
	output->attempted = true;
	set_call_object(export, slot->call);
	set_call_body(slot->call, output->held);
	/* a small transaction is this one request: waking threads would take longer than all else that is done here */
	slot->call->wait_follows = output->held->size <= SMALL_OBJECT && export->group->busy_slots == 1 &&
		export->commit_next == export->output_count;
	oc_call_start(slot->call);
}

/* ---------------------------------------------------------------- what an export tells */

size_t
oc_export_object_count(const oc_export *export)
{
	return export->output_count;
}

oc_exported
oc_export_object(const oc_export *export, size_t index)
{
	oc_exported exported = {0};

	if (index < export->output_count)
	{
		const oc_output *output = export->outputs[index];

		exported.key = output->key;
		exported.rows = output->rows;
		exported.stored_bytes = output->cut_bytes + output->part_fill;
		exported.raw_bytes = export->options.codec == OC_CODEC_NONE ? output->cut_bytes : output->raw_bytes;
		exported.crc64 = output->crc64;
		exported.etag = output->etag;
		exported.codec = export->options.codec;
		exported.splits = output->splits;
		exported.split_count = output->split_count;
		/* one that was noted before no other row came is none */
		while (exported.split_count > 0 && output->splits[exported.split_count - 1].rows >= output->rows)
			exported.split_count--;
	}
	return exported;
}

void
oc_export_progress(const oc_export *export, uint64_t *rows, uint64_t *raw_bytes, uint64_t *stored_bytes)
{
	*rows = atomic_load_explicit(&export->rows, memory_order_relaxed);
	*raw_bytes = atomic_load_explicit(&export->raw_bytes, memory_order_relaxed);
	*stored_bytes = atomic_load_explicit(&export->stored_bytes, memory_order_relaxed);
}

/* ---------------------------------------------------------------- errors, jobs, lists */

void
oc_export_fail(oc_export *export, const oc_error *error)
{
	if (export->failed)
		return;
	export->failed = true;
	export->error = *error;
	if (export->error.class == OC_ERR_NONE || export->error.message[0] == '\0')
		oc_error_set(&export->error, OC_ERR_STORE, "the export failed without a reason given");
}

/* A failure of one object.  operation: as in the calls' errors, or "" */
void
oc_export_fail_output(oc_export *export, const oc_output *output, oc_error_class class, const char *operation,
					  const char *message)
{
	oc_error error = {0};

	oc_error_set(&error, class, "%s", message);
	snprintf(error.operation, sizeof(error.operation), "%s", operation);
	snprintf(error.object, sizeof(error.object), "%s/%s", export->options.bucket, output->key);
	oc_export_fail(export, &error);
}

void
oc_export_fail_memory(oc_export *export, const char *what)
{
	oc_error error = {0};

	oc_error_set(&error, OC_ERR_MEMORY, "out of memory for %s", what);
	oc_export_fail(export, &error);
}

oc_status
oc_export_failure(const oc_export *export, oc_error *error)
{
	*error = export->error;
	return OC_FAILED;
}

void
oc_export_job_begin(oc_export *export)
{
	pthread_mutex_lock(&export->job_lock);
	export->jobs++;
	pthread_mutex_unlock(&export->job_lock);
}

/* The export may be freed as soon as the lock is released. */
void
oc_export_job_end(oc_export *export)
{
	oc_io_notify(export->io);
	pthread_mutex_lock(&export->job_lock);
	if (--export->jobs == 0)
		pthread_cond_signal(&export->job_done);
	pthread_mutex_unlock(&export->job_lock);
}

void
oc_piece_list_add(oc_piece_list *list, oc_piece *piece)
{
	piece->next = NULL;
	piece->listed = true;
	if (list->last)
		list->last->next = piece;
	else
		list->first = piece;
	list->last = piece;
	list->count++;
	list->bytes += piece->file ? 0 : piece->size;
}

void
oc_piece_list_take(oc_piece_list *list, oc_piece *previous, oc_piece *piece)
{
	if (previous)
		previous->next = piece->next;
	else
		list->first = piece->next;
	if (list->last == piece)
		list->last = previous;
	list->count--;
	list->bytes -= piece->file ? 0 : piece->size;
	piece->next = NULL;
	piece->listed = false;
}

void
oc_piece_free(oc_export *export, oc_piece *piece)
{
	oc_memory_release(export, piece->memory);
	if (piece->file)
	{
		oc_part_file_free(export, piece->file);
		export->file_pieces--;
	}
	free(piece);
}

void
oc_strip_quotes(char *output, size_t size, const char *etag)
{
	size_t length = strlen(etag);

	if (length >= 2 && etag[0] == '"' && etag[length - 1] == '"')
	{
		etag++;
		length -= 2;
	}
	if (length >= size)
		length = size - 1;
	memcpy(output, etag, length);
	output[length] = '\0';
}
