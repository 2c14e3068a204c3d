/*
 * oc_reader.c
 *	  Objects to batches of rows: what the owner sees.  oc_reader_int.h draws the way of the bytes.
 *
 * oc_reader_next never holds a lock, nor leaves anything half done, while it waits or calls the owner back: a callback may leave
 * by longjmp, and oc_reader_close is right at any time.
 */
#include "oc_reader_int.h"

#include <stdio.h>
#include <stdlib.h>

#define OC_MEMORY_DEFAULT (64u << 20)
#define OC_RANGE_DEFAULT (8u << 20)
#define OC_RAMP_MAX 1000
#define OC_RANGE_MIN (128u << 10)

static bool copy_options(oc_reader *reader, const oc_reader_options *options);
static bool make_slots(oc_reader *reader);
static void give_back(oc_reader *reader);
static void schedule(oc_reader *reader);
static void job(void *arg);
static bool take_batch(oc_reader *reader, oc_batch *batch);
static bool drop_finished(oc_reader *reader, oc_status *status, oc_error *error);
static oc_status sleep_for_work(oc_reader *reader, const oc_waiter *waiter);

/* ---------------------------------------------------------------- open */

oc_reader *
oc_reader_open(oc_client *client, oc_pool *pool, const oc_reader_options *options, oc_error *error)
{
	oc_reader *reader;
	oc_splitter *probe = oc_splitter_open(&options->split, options->row_facts, error);

	if (probe == NULL)
		return NULL;
	oc_splitter_close(probe);
	if (options->bucket == NULL || options->next_unit == NULL)
	{
		oc_error_set(error, OC_ERR_ARGUMENT, "a reader needs a bucket and a source of units");
		return NULL;
	}
	reader = calloc(1, sizeof(*reader));
	if (reader == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a reader");
		return NULL;
	}
	pthread_mutex_init(&reader->lock, NULL);
	pthread_cond_init(&reader->idle, NULL);
	pthread_cond_init(&reader->converted, NULL);
	reader->client = client;
	reader->io = oc_client_io(client);
	reader->pool = pool;
	reader->unit_status = OC_END;
	reader->is_inline = options->convert != NULL || pool == NULL || oc_pool_workers(pool) == 0;
	if (!copy_options(reader, options) || !make_slots(reader))
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a reader");
		oc_reader_close(reader);
		return NULL;
	}
	return reader;
}

/* The caller's strings and columns need not outlive the call. */
static bool
copy_options(oc_reader *reader, const oc_reader_options *options)
{
	oc_split_options *split = &reader->options.split;
	oc_split_column *columns = calloc((size_t) options->split.column_count + 1, sizeof(*columns));
	bool good = columns != NULL;
	uint64_t memory = options->max_memory ? options->max_memory : OC_MEMORY_DEFAULT;
	uint64_t share;

	reader->options = *options;
	reader->bucket = strdup(options->bucket);
	split->columns = columns;
	split->null_string = strdup(options->split.null_string ? options->split.null_string : "");
	for (int i = 0; good && i < split->column_count; i++)
	{
		columns[i] = options->split.columns[i];
		columns[i].name = strdup(columns[i].name ? columns[i].name : "");
		good = columns[i].name != NULL;
	}
	if (reader->options.max_connections < 1)
		reader->options.max_connections = 8;
	/* three quarters for what arrives, the rest for decoded blocks and batches */
	reader->range_limit = memory / 4 * 3;
	share = reader->range_limit / ((uint64_t) reader->options.max_connections + 2);
	reader->range_max = options->range_size ? options->range_size : OC_RANGE_DEFAULT;
	if (reader->range_max > share)
		reader->range_max = (size_t) share;
	if (reader->range_max < OC_RANGE_MIN)
		reader->range_max = OC_RANGE_MIN;
	return good && reader->bucket != NULL && split->null_string != NULL;
}

static bool
make_slots(oc_reader *reader)
{
	int workers = reader->is_inline ? 0 : oc_pool_workers(reader->pool);

	reader->slot_limit = 2 * OC_HEAD_SLOTS + 2 * (workers < 8 ? workers : 8);
	for (int i = 0; i < reader->slot_limit; i++)
	{
		oc_slot *slot = calloc(1, sizeof(*slot));

		if (slot == NULL)
			return false;
		oc_split_memory_init(&slot->memory);
		slot->next = reader->free_slots;
		reader->free_slots = slot;
	}
	return true;
}

oc_splitter *
oc_reader_splitter(oc_reader *reader, oc_error *error)
{
	return oc_splitter_open(&reader->options.split, reader->options.row_facts, error);
}

void
oc_reader_name(const oc_source *source, oc_error *error)
{
	if (error->object[0] == 0)
		snprintf(error->object, sizeof(error->object), "%s/%s", source->reader->bucket, source->object.key);
	error->object[sizeof(error->object) - 1] = 0;
}

/* ---------------------------------------------------------------- the next batch */

oc_status
oc_reader_next(oc_reader *reader, const oc_waiter *waiter, oc_batch *batch, oc_error *error)
{
	oc_status status;

	give_back(reader);
	for (;;)
	{
		if (drop_finished(reader, &status, error))
			return status;
		oc_reader_fetch(reader);
		schedule(reader);
		if (take_batch(reader, batch))
		{
			if (!reader->given->no_memory)
				return OC_OK;
			oc_error_set(error, OC_ERR_MEMORY, "out of memory for a batch of values");
			return OC_FAILED;
		}
		status = sleep_for_work(reader, waiter);
		if (status != OC_OK)
		{
			oc_error_set(error, OC_ERR_CANCELLED, "reading was cancelled");
			return status;
		}
	}
}

/* The owner goes on: more GETs, and larger ones. */
static inline void
open_window(oc_reader *reader)
{
	if (reader->ramp < OC_RAMP_MAX)
		reader->ramp++;
}

/* The batch of the last call is over. */
static void
give_back(oc_reader *reader)
{
	oc_slot *slot = reader->given;

	if (slot == NULL)
		return;
	reader->given = NULL;
	open_window(reader);
	pthread_mutex_lock(&reader->lock);
	oc_reader_drop(reader, slot->chunk);
	slot->chunk = NULL;
	slot->next = reader->free_slots;
	reader->free_slots = slot;
	reader->slots_used--;
	pthread_mutex_unlock(&reader->lock);
}

/* Removes complete sources from the head.  true: there is nothing more to wait for. */
static bool
drop_finished(oc_reader *reader, oc_status *status, oc_error *error)
{
	for (;;)
	{
		oc_source *source;
		bool over = false;
		bool failed = false;

		pthread_mutex_lock(&reader->lock);
		source = reader->first_source;
		if (source != NULL && source->finished && !source->active && source->first_slot == NULL)
		{
			over = true;
			failed = source->failed;
			if (!failed)
			{
				reader->first_source = source->next;
				if (source->next == NULL)
					reader->last_source = NULL;
				reader->source_count--;
				reader->objects_done++;
			}
		}
		pthread_mutex_unlock(&reader->lock);
		if (failed)
		{
			/* it stays: the next call says the same */
			*error = source->error;
			*status = OC_FAILED;
			return true;
		}
		if (over)
		{
			open_window(reader);
			oc_source_close(source);
		}
		else if (source == NULL && reader->units_over)
		{
			*status = reader->unit_status;
			if (*status != OC_END)
				*error = reader->unit_error;
			return true;
		}
		else
			return false;
	}
}

/* Gives work to the pool, or does a little of it here. */
static void
schedule(oc_reader *reader)
{
	for (;;)
	{
		oc_source *source;

		pthread_mutex_lock(&reader->lock);
		for (source = reader->first_source; source != NULL; source = source->next)
		{
			if (oc_source_ready(source))
				break;
			if (reader->is_inline)
			{
				source = NULL;
				break;
			}
		}
		if (source != NULL && reader->is_inline && source->first_slot != NULL)
			source = NULL;
		if (source != NULL && !reader->is_inline)
		{
			source->active = true;
			reader->active_jobs++;
		}
		pthread_mutex_unlock(&reader->lock);
		if (source == NULL)
			return;
		if (!reader->is_inline)
			oc_pool_submit(reader->pool, job, source);
		else
		{
			oc_source_work(source, true);
			return;
		}
	}
}

/* Runs in the pool. */
static void
job(void *arg)
{
	oc_source *source = arg;
	oc_reader *reader = source->reader;
	oc_io *io = reader->io;

	oc_source_work(source, false);
	pthread_mutex_lock(&reader->lock);
	source->active = false;
	reader->active_jobs--;
	if (reader->waiting)
	{
		reader->waiting = false;
		oc_io_notify(io);
	}
	/* the last touch of the reader: oc_reader_close may be waiting for it */
	pthread_cond_signal(&reader->idle);
	pthread_mutex_unlock(&reader->lock);
}

/* The next batch with its values, which are made here when no job has come to it. */
static bool
take_batch(oc_reader *reader, oc_batch *batch)
{
	oc_source *source;
	oc_slot *slot = NULL;

	pthread_mutex_lock(&reader->lock);
	source = reader->first_source;
	if (source != NULL && source->first_slot != NULL)
	{
		slot = source->first_slot;
		/* not long: nothing but computing */
		while (slot->values == OC_VALUES_BUSY)
			pthread_cond_wait(&reader->converted, &reader->lock);
		source->first_slot = slot->next;
		if (slot->next == NULL)
			source->last_slot = NULL;
		source->slots--;
	}
	pthread_mutex_unlock(&reader->lock);
	if (slot == NULL)
		return false;
	if (slot->values == OC_VALUES_PENDING)
		slot->no_memory = !oc_split_convert(source->splitter, &slot->memory);
	reader->given = slot;
	*batch = slot->batch;
	return true;
}

/* Sleeps until a batch, a job's end or a call's end, unless there is already something to do. */
static oc_status
sleep_for_work(oc_reader *reader, const oc_waiter *waiter)
{
	oc_source *source;
	int64_t begun;
	oc_status status;
	bool busy;

	pthread_mutex_lock(&reader->lock);
	source = reader->first_source;
	busy = source == NULL || source->first_slot != NULL || (source->finished && !source->active) ||
		oc_source_ready(source) ||
		/* the work here has just found that it needs more */
		(!source->active && source->fetch_next < source->fetch_end && source->first_range == NULL && oc_reader_window_room(reader) > 0);
	reader->waiting = !busy;
	pthread_mutex_unlock(&reader->lock);
	if (busy)
		return OC_OK;
	begun = oc_now_us();
	status = oc_io_wait(reader->io, waiter, -1);
	if (reader->options.stats)
		atomic_fetch_add_explicit(&reader->options.stats->wait_us, (uint64_t) (oc_now_us() - begun), memory_order_relaxed);
	return status;
}

/* ---------------------------------------------------------------- close, progress */

void
oc_reader_close(oc_reader *reader)
{
	if (reader == NULL)
		return;
	atomic_store(&reader->stop, true);
	pthread_mutex_lock(&reader->lock);
	while (reader->active_jobs > 0)
		pthread_cond_wait(&reader->idle, &reader->lock);
	pthread_mutex_unlock(&reader->lock);
	give_back(reader);
	while (reader->first_source != NULL)
	{
		oc_source *source = reader->first_source;

		reader->first_source = source->next;
		while (source->first_slot != NULL)
		{
			reader->given = source->first_slot;
			source->first_slot = source->first_slot->next;
			give_back(reader);
		}
		oc_source_close(source);
	}
	while (reader->done_ranges != NULL)
	{
		oc_range *range = reader->done_ranges;

		reader->done_ranges = range->next;
		oc_call_free(range->call);
		free(range);
	}
	while (reader->free_slots != NULL)
	{
		oc_slot *slot = reader->free_slots;

		reader->free_slots = slot->next;
		oc_split_memory_free(&slot->memory);
		free(slot);
	}
	while (reader->free_chunks != NULL)
	{
		oc_chunk *chunk = reader->free_chunks;

		reader->free_chunks = chunk->next;
		free(chunk->data);
		free(chunk);
	}
	if (reader->options.split.columns)
		for (int i = 0; i < reader->options.split.column_count; i++)
			free((char *) reader->options.split.columns[i].name);
	free((void *) reader->options.split.columns);
	free((char *) reader->options.split.null_string);
	free(reader->bucket);
	pthread_cond_destroy(&reader->idle);
	pthread_cond_destroy(&reader->converted);
	pthread_mutex_destroy(&reader->lock);
	free(reader);
}

void
oc_reader_progress(const oc_reader *reader, uint64_t *bytes, uint64_t *objects)
{
	pthread_mutex_t *lock = (pthread_mutex_t *) &reader->lock;

	pthread_mutex_lock(lock);
	*bytes = reader->bytes_done;
	*objects = reader->objects_done;
	pthread_mutex_unlock(lock);
}
