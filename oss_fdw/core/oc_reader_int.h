/*
 * oc_reader_int.h
 *	  What the files oc_reader*.c share: the inside of a reader.
 *
 *	next_unit --> sources, in order --> ranged GETs (oc_reader_fetch.c), each into a recycled chunk
 *	     --> one job per source at a time (oc_reader_work.c): CRC, decode, split --> slots, each with one batch
 *	     --> fields become values: by the same job as long as enough batches wait for the owner, else by the owner
 *	     --> oc_reader_next hands out the slots of the first source, then those of the next (oc_reader.c)
 *
 * Threads.  The owner's thread makes sources, starts and frees calls, and hands out batches.  A job owns the part of its
 * source named below while source->active is set.  Everything else is guarded by reader->lock, which is never held while
 * bytes are looked at, nor while a callback of the owner runs.
 */
#ifndef OC_READER_INT_H
#define OC_READER_INT_H

#include <stdatomic.h>

#include "oc_split.h"

#define OC_PIECE 262144			/* bytes that are split into one batch */
#define OC_BATCH_ROWS 4096		/* at most; unlimited when rows are only counted */
#define OC_FIRST_RANGE 262144	/* bytes of the first GETs: a LIMIT may need no more */
#define OC_HEAD_SLOTS 5			/* batches of the first source that may wait */
#define OC_READY_SLOTS 2		/* while fewer wait, a job splits and leaves the values to the owner */
#define OC_MAX_SOURCES 64

/* A buffer of a range or of decoded bytes.  references: slots, and the source that still reads it. */
typedef struct oc_chunk
{
	struct oc_chunk *next; /* in the list of free ones */
	size_t capacity;
	int references;
	bool is_range; /* counts against the memory of ranges */
	char *data;
} oc_chunk;

/* One GET. */
typedef struct oc_range
{
	struct oc_range *next;
	oc_call *call;
	oc_chunk *chunk;
	uint64_t start; /* in the object */
	size_t size;
} oc_range;

/* Are a batch's fields values yet?  Under the lock. */
typedef enum oc_values_state
{
	OC_VALUES_PENDING,
	OC_VALUES_BUSY, /* a job makes them */
	OC_VALUES_THERE,
} oc_values_state;

/* One batch on its way. */
typedef struct oc_slot
{
	struct oc_slot *next;
	oc_values_state values;
	bool no_memory; /* for the values */
	oc_split_memory memory;
	oc_batch batch;
	oc_chunk *chunk; /* what the fields point into */
} oc_slot;

typedef struct oc_bytes
{
	char *data;
	size_t size;
	size_t capacity;
} oc_bytes;

/* A unit being read. */
typedef struct oc_source
{
	struct oc_source *next;
	struct oc_reader *reader;
	oc_object object; /* strings are ours */
	uint64_t end;	  /* rows that begin before it are ours */
	bool to_object_end;
	bool whole; /* all bytes of the object are read: its CRC can be compared */
	bool exact; /* start and end are borders between rows: none is looked for, and none may go on behind end */
	oc_codec codec; /* of an exact unit: the object's */

	/* the owner's thread */
	uint64_t fetch_next; /* the next byte to ask for */

	/* under the lock */
	oc_range *first_range; /* in order; done ones first, mostly */
	oc_range *last_range;
	uint64_t fetch_end;	 /* how far to ask; grows when the last row goes on behind end */
	oc_slot *first_slot; /* batches in order */
	oc_slot *last_slot;
	int slots;
	bool active;	/* a job runs or is queued */
	bool finished;	/* no more batches will come */
	bool failed;	/* after the queued batches: error */
	bool no_memory; /* a range could not be asked for */
	oc_error error;

	/* the job's (inline: the owner's) */
	oc_splitter *splitter;
	oc_decoder *decoder; /* NULL: plain */
	bool codec_known;
	uint64_t position;	  /* stored bytes taken from ranges so far, as offset in the object */
	uint64_t decoded;	  /* bytes given to the splitter so far */
	uint64_t crc64;
	bool store_crc64_known;
	uint64_t store_crc64;
	oc_range *range;	  /* being read, out of the list */
	size_t range_used;
	oc_chunk *block;	  /* decoded bytes, or the range's chunk */
	const char *piece;	  /* what the splitter gets next, inside block or converted */
	size_t piece_size;
	bool piece_last;	  /* nothing follows the piece */
	bool input_over;	  /* the last piece was made */
	bool skip_partial;	  /* the first row belongs to the unit before */
	bool check_border;	  /* a line end must stand before start */
	bool behind_end;	  /* only the pending row is still wanted */
	bool skipped_cr;	  /* skip_partial: the last byte was a CR */
	uint64_t start;		  /* rows that begin before it are not ours */
	bool escaped;		  /* skip_partial, text: a backslash stands before the next byte */
	bool escape_known;	  /* that is certain: a byte other than a backslash was seen before */
	char history[OC_DELIMITER_MAX];
	size_t history_size;

	/* the owner's thread, with a convert callback */
	oc_bytes converted;
	char leftover[64];	  /* an incomplete character */
	size_t leftover_size;
	bool ends_badly; /* what follows the piece cannot be converted: bad_text */
	oc_error bad_text;
} oc_source;

struct oc_reader
{
	oc_client *client;
	oc_io *io;
	oc_pool *pool;
	oc_reader_options options; /* strings are ours */
	char *bucket;
	bool is_inline; /* work is done in the owner's thread */

	/* the owner's thread */
	oc_slot *given;		 /* the batch that the owner holds */
	int ramp;			 /* grows with each batch: few small GETs first */
	int ranges_started; /* while the window opens */
	size_t range_max;
	uint64_t range_limit; /* memory of all range chunks */
	int slot_limit;
	bool units_over;
	oc_status unit_status; /* why next_unit gave no more: OC_END or a failure */
	oc_error unit_error;

	_Atomic bool stop;

	pthread_mutex_t lock;
	pthread_cond_t idle;
	pthread_cond_t converted; /* a slot left OC_VALUES_BUSY */
	oc_source *first_source;
	oc_source *last_source;
	int source_count;
	int active_jobs;
	bool waiting; /* the owner sleeps for a batch */
	oc_chunk *free_chunks;
	uint64_t range_memory;
	oc_slot *free_slots;
	int slots_used;
	oc_range *done_ranges; /* their calls are freed by the owner */
	uint64_t bytes_done;
	uint64_t objects_done;
};

/* ---- oc_reader.c */

extern oc_splitter *oc_reader_splitter(oc_reader *reader, oc_error *error);
/* Names the object in an error that has none. */
extern void oc_reader_name(const oc_source *source, oc_error *error);

/* ---- oc_reader_fetch.c: the owner's thread, but for the last two */

/* Starts as many GETs as the window allows; asks for units.  Never waits, but next_unit may. */
extern void oc_reader_fetch(oc_reader *reader);
/* How many more GETs may be in flight.  The caller holds the lock. */
extern int oc_reader_window_room(oc_reader *reader);
extern void oc_reader_free_range(oc_reader *reader, oc_range *range);
extern void oc_source_close(oc_source *source);
/* A chunk for decoded bytes; NULL: out of memory.  Takes the lock. */
extern oc_chunk *oc_reader_block(oc_reader *reader, size_t capacity);
/* Drops one reference.  The caller holds the lock. */
extern void oc_reader_drop(oc_reader *reader, oc_chunk *chunk);

/* ---- oc_reader_work.c: a job, or the owner's thread inline */

/* Makes batches until input or slots run out.  one: stop after one batch. */
extern void oc_source_work(oc_source *source, bool one);
/* Could it make progress now?  The caller holds the lock. */
extern bool oc_source_ready(oc_source *source);

#endif
