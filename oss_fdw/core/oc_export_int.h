/*
 * oc_export_int.h
 *	  What the files of the export share: oc_writer.c, oc_output.c, oc_output_part.c, oc_export.c, oc_export_open.c,
 *	  oc_export_size.c, oc_export_group.c, oc_export_memory.c and oc_export_undo.c.
 *
 * One thread owns an export, its group and everything in them: no field is locked.  Two things are done elsewhere, and each tells the
 * owner by an atomic flag that it is ready: a job of the pool (oc_chunk.ready, oc_piece.ready) and a call
 * (oc_call_is_done).  Until then the owner leaves the chunk's or piece's memory alone.
 *
 * The way of a row:  block of a writer -> [chunk: compressed by the pool -> part buffer of the output] -> piece: digested by
 * the pool -> slot: one of at most max_connections calls in flight.
 *
 * A part that memory may not hold is collected in a temporary file, whatever the codec; the piece is then that file.
 */
#ifndef OC_EXPORT_INT_H
#define OC_EXPORT_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "oc_int.h"

/* In objects without a size limit: parts at the base size, and then how many before the size doubles, each time. */
#define OC_PART_EQUAL 5000
#define OC_PART_GROWTH 500

/* Pieces in files that an export may have in motion, besides the ones being filled. */
#define OC_FILES_MOVING 2
/* Files that the exports of a group may have open before objects end instead. */
#define OC_FILES_MAX 64

/* A buffer.  Several pieces may be cut from one, which lives until the last is sent. */
typedef struct oc_memory
{
	char *data;
	size_t capacity;		/* as counted in the export's budget */
	int references;
	struct oc_memory *next; /* in the list of spare buffers */
} oc_memory;

/* One object being made. */
typedef struct oc_output
{
	char *key;
	uint64_t rows;
	uint64_t raw_bytes;		/* of the object when decompressed: with header and trailer */
	uint64_t cut_bytes;		/* stored bytes handed to pieces */
	uint64_t crc64;			/* of the whole object; valid when settled */
	size_t part_size;		/* of the next part */
	size_t base_part_size;
	oc_memory *part;		/* compressed objects, and parts that may go to a file: the part being filled, or NULL */
	oc_spill *file;			/* or the part is here */
	size_t part_fill;
	bool crowded;			/* no file was left for its part: it ends at the next row boundary */
	oc_codec_trailer trailer;
	oc_split_point *splits;		/* OC_SPLITS_MAX of them at most: when there would be more, every second one stays */
	size_t split_count;
	size_t split_capacity;
	uint64_t split_size;	/* bytes from one to the next, at least */
	bool ended;				/* no byte follows */
	bool multipart;			/* pieces go out as parts; else held is the whole object */
	bool settled;			/* ended, all parts are sent, crc64 is valid */
	bool initiating;		/* an INITIATE is in flight */
	bool upload_uncertain;	/* an INITIATE ended without an answer: the store may have made an upload */
	bool upload_gone;		/* abort: the store knows no such upload: it was, or is being, completed */
	bool part_cut_short;	/* an UPLOAD_PART was cancelled: the store may still be taking it */
	bool attempted;			/* PUT or COMPLETE was started: the object may exist */
	bool done;				/* PUT or COMPLETE succeeded */
	char *upload_id;
	oc_part *parts;			/* part_count entries; an etag of "" means not sent yet */
	int part_count;
	int part_capacity;
	int parts_sent;
	struct oc_piece *held;	/* small object: its only piece, kept for commit */
	char etag[72];			/* without quotes */
} oc_output;

/* A part, or a whole small object. */
typedef struct oc_piece
{
	struct oc_export *export;
	oc_output *output;
	oc_memory *memory;		/* one reference; NULL for an empty object, and with a file */
	const char *data;
	oc_spill *file;			/* owned; NULL = the bytes are at data */
	size_t size;
	int number;				/* of the part, from 1 */
	uint64_t crc64;			/* by the job */
	unsigned char md5[16];
	int failure;			/* by the job: an errno of the file, or 0 */
	_Atomic bool ready;		/* the digests are there */
	bool listed;			/* in digesting or queue */
	struct oc_piece *next;
} oc_piece;

/* A block of raw rows on its way through the codec. */
typedef struct oc_chunk
{
	struct oc_export *export;
	oc_memory *raw;
	size_t raw_size;
	uint64_t rows;
	oc_memory *packed;
	size_t packed_size;		/* by the job, like the next three */
	uint32_t adler32;
	oc_status status;
	oc_error error;
	bool end_object;		/* the object ends behind this chunk */
	_Atomic bool ready;
	struct oc_chunk *next;
} oc_chunk;

/*
 * One stream of rows.  block comes first: the owner of the rows holds its address as long as the writer is open.
 */
struct oc_writer
{
	oc_block block;
	oc_memory *memory;		/* block.data, as last counted */
	struct oc_export *export;
	char *folder;
	oc_output *output;		/* the object being made, or NULL */
	size_t head;			/* bytes of header at the start of the block (uncompressed objects only) */
	size_t flushed;			/* bytes of the block that were there at the last flush: whole, counted rows */
	uint64_t flushed_rows;	/* rows among them (compressed objects: not yet in a chunk) */
	bool closing;			/* by the caller; freed when the last chunk is placed */
	oc_chunk *chunks;		/* in order */
	oc_chunk *last_chunk;
	bool busy;				/* in the export's list of writers with chunks */
	struct oc_writer *next_busy;
	struct oc_writer *previous; /* all writers of the export */
	struct oc_writer *next;
};

typedef enum oc_slot_kind
{
	OC_SLOT_FREE,
	OC_SLOT_INITIATE,
	OC_SLOT_PART,
	OC_SLOT_COMPLETE,
	OC_SLOT_PUT,
} oc_slot_kind;

/* One call in flight. */
typedef struct oc_slot
{
	oc_slot_kind kind;
	oc_call *call;
	oc_output *output;
	oc_piece *piece; /* PART */
} oc_slot;

typedef struct oc_piece_list
{
	oc_piece *first;
	oc_piece *last;
	size_t count;
	uint64_t bytes;			/* in memory */
} oc_piece_list;

/* What several exports share.  An export that was given no group is the only member of its own. */
struct oc_export_group
{
	uint64_t limit;			/* bytes of all buffers, spare ones included */
	uint64_t used;			/* of the members' buffers */
	uint64_t peak;			/* highest sum of used and spare_bytes */
	oc_memory *spare;
	uint64_t spare_bytes;
	bool was_short;			/* of memory, since it last had room */
	uint64_t file_bytes;	/* in all temporary files */
	size_t file_count;
	size_t writer_count;
	int busy_slots;
	int slot_count;			/* the most that a member may have busy, while there are members: so many may all have together */
	uint64_t events;		/* things that have ended so far: tells whether a pump moved anything */
	oc_export *members;
};

struct oc_export
{
	oc_export_group *group;
	oc_export_group own_group; /* when it was given none */
	oc_export *previous_member;
	oc_export *next_member;
	oc_client *client;
	oc_io *io;
	oc_pool *pool;
	const oc_limits *limits;
	oc_export_options options; /* strings are copies, owned */

	/* constant after oc_export_open */
	size_t part_size;
	size_t max_part;		/* growth ends here */
	int part_equal;			/* parts of the first size; 0 = all, parts do not grow */
	int part_growth;		/* parts before the size doubles again */
	size_t memory_part;		/* larger parts go through a file */
	size_t spill_from;		/* and do so when they have got so large; less stays in memory */
	size_t block_size;		/* raw bytes of a chunk */
	uint64_t budget;
	char *packed_header;	/* compressed once, the same in every object */
	size_t packed_header_size;
	uint32_t header_adler32;
	char *packed_trailer;
	size_t packed_trailer_size;
	uint32_t trailer_adler32;

	/* memory */
	uint64_t used;			/* bytes of all buffers */
	uint64_t held_bytes;	/* of small objects waiting for commit */
	size_t held_files;		/* of objects waiting for commit in a file */
	size_t file_pieces;		/* pieces that are files, those included */

	/* the things in motion */
	oc_writer *writers;
	size_t writer_count;
	oc_writer *busy_writers;
	oc_output **outputs;	/* by number */
	size_t output_count;
	size_t output_capacity;
	size_t settled_count;
	oc_piece_list digesting; /* not digested, or not noticed */
	oc_piece *undigested[OC_MD5_LANES]; /* the ones among them that no job has yet */
	int undigested_count;
	oc_piece_list queue;	/* digested, waiting for an upload id or a slot */
	oc_slot *slots;
	int slot_count;
	int busy_slots;
	int chunk_count;		/* not yet placed */
	size_t commit_next;		/* first output that commit has not looked at */

	bool failed;
	oc_error error;			/* the first one */

	/* jobs in the pool; freeing an export waits for them */
	pthread_mutex_t job_lock;
	pthread_cond_t job_done;
	int jobs;
	_Atomic bool stop;		/* jobs that have not begun do nothing */

	_Atomic uint64_t rows;
	_Atomic uint64_t raw_bytes;
	_Atomic uint64_t stored_bytes;
};

/* ---- oc_export_memory.c: the budget */

/* Returns NULL when malloc fails; the budget is counted, not enforced. */
extern oc_memory *oc_memory_get(oc_export *export, size_t capacity);
/* Changes the size of a buffer that has one reference. */
extern bool oc_memory_resize(oc_export *export, oc_memory *memory, size_t capacity);
/* Follows a block that oc_block_reserve has grown. */
extern void oc_memory_follow(oc_export *export, oc_memory *memory, char *data, size_t capacity);
extern void oc_memory_release(oc_export *export, oc_memory *memory);
extern void oc_memory_free_spare(oc_export_group *group);
/*
 * May need more bytes be allocated now?  Both the export's budget and its group's count.  Gives up spare buffers and ends
 * objects of idle writers (never those of except) to make room.  false: wait for what is in flight.  true also when there is
 * nothing to wait for, unless other members hold what is missing: then the export has failed.
 */
extern bool oc_memory_room(oc_export *export, uint64_t need, const oc_writer *except);
/* Would need more bytes fit into both budgets, as things are? */
extern bool oc_memory_fits(const oc_export *export, uint64_t need);
/* Turns small objects that wait for commit into uploads, the largest first, until they take at most keep bytes. */
extern void oc_memory_unload_held(oc_export *export, uint64_t keep);
/* For tests: the highest sum of all buffers of the group so far. */
extern uint64_t oc_export_peak_memory(const oc_export *export);

/* ---- oc_export_group.c: exports that share memory and connections */

extern void oc_group_join(oc_export *export, oc_export_group *group);
/* Buffers that nobody can use any more are freed. */
extern void oc_group_leave(oc_export *export);
/* oc_export_pump for all members. */
extern void oc_group_pump(oc_export_group *group);
/* Is there anything in any member that will end without the owner's doing? */
extern bool oc_group_in_flight(const oc_export_group *group);
/* A member that has failed, or NULL. */
extern const oc_export *oc_group_failed(const oc_export_group *group);

/* ---- oc_writer.c: blocks and chunks */

/* Places what the codec has finished, in order; ends objects and frees closing writers. */
extern void oc_writers_advance(oc_export *export);
/* Puts the writer's part into a file, or ends its object behind the last counted row, to free its memory. */
extern void oc_writer_spill(oc_writer *writer);
/* Bytes that oc_writer_spill would free (or send on their way). */
extern uint64_t oc_writer_spillable(const oc_writer *writer);
extern void oc_writer_free(oc_writer *writer);
/* Ends the last object and the writer (at once, or with its last chunk).  false = wait, then call again. */
extern bool oc_writer_finish(oc_writer *writer);

/* ---- oc_output.c: objects, their parts and pieces */

/* Would the names of objects in this folder be possible? */
extern bool oc_output_check_folder(const oc_export *export, const char *folder, oc_error *error);
/* NULL after oc_export_fail. */
extern oc_output *oc_output_begin(oc_export *export, const char *folder);
/* Cuts one piece off memory, taking over one reference to it.  last: the object ends with it. */
extern void oc_output_cut(oc_export *export, oc_output *output, oc_memory *memory, const char *data, size_t size, bool last);
/* The same of a file, which it takes over. */
extern void oc_output_cut_file(oc_export *export, oc_output *output, oc_spill *file, size_t size, bool last);
extern void oc_output_append_packed_header(oc_export *export, oc_output *output);
/* No byte follows; the pieces cut so far are the whole object. */
extern void oc_output_end(oc_export *export, oc_output *output);
/* A small object that waits for commit becomes an upload of one part, so that its memory can go. */
extern void oc_output_unload(oc_export *export, oc_output *output);
/* Has the pool compute what the piece's call will need, alone or with the next ones. */
extern void oc_output_digest(oc_export *export, oc_piece *piece);
/* Lets the pool begin with what waits for more of its kind.  force: even if there is enough to send meanwhile. */
extern void oc_output_digest_waiting(oc_export *export, bool force);
/* Called when a piece was digested or sent: computes the object's CRC-64 when it was the last. */
extern void oc_output_try_settle(oc_export *export, oc_output *output);
/* Compressed objects: adds trailer and epilogue and cuts the last part. */
extern void oc_output_finish_packed(oc_export *export, oc_output *output);
/* What comes next in the object begins a row (and a member): notes that as a split, when the last one is far enough. */
extern void oc_output_note_split(oc_export *export, oc_output *output, uint64_t offset);
/* Must the object end at this row boundary, with size bytes not cut yet? */
extern bool oc_output_is_full(const oc_export *export, const oc_output *output, uint64_t uncut);
extern void oc_output_free(oc_export *export, oc_output *output);

/* ---- oc_output_part.c: the part being filled, in memory or in a file */

/* Is the next part of the object (NULL: of one that is not begun) larger than memory may hold? */
extern bool oc_output_spills(const oc_export *export, const oc_output *output);
/* Copies bytes into parts. */
extern void oc_output_append(oc_export *export, oc_output *output, const void *data, size_t size);
/* Cuts what is in the part being filled; the object ends with it. */
extern void oc_output_end_part(oc_export *export, oc_output *output);
/* Bytes of memory that oc_output_spill would free. */
extern size_t oc_output_spillable(const oc_export *export, const oc_output *output);
/* Moves the part being filled into a file.  false: the export has failed, or (crowded) there are files enough. */
extern bool oc_output_spill(oc_export *export, oc_output *output);
/* Objects that wait for commit in a file become uploads of one part, so that the file can go. */
extern void oc_export_unload_files(oc_export *export);
/* No bytes are left to this; NULL allowed. */
extern void oc_part_file_free(oc_export *export, oc_spill *file);

/* ---- oc_export_size.c: part sizes, pure functions */

/* The size of part number (from 1) of an object whose first part has base bytes; equal 0 = all have that. */
extern size_t oc_part_size_at(const oc_limits *limits, size_t base, size_t most, int equal, int growth, int number);
/*
 * A part of at least part bytes such that the store's part numbers hold an object of max_file_size, which ends with a row; 0: no limit,
 * but expected bytes will come (0: unknown).
 */
extern uint64_t oc_part_size_for(const oc_limits *limits, uint64_t part, uint64_t max_file_size, uint64_t expected);
/* Could the next row, after uncut bytes that are in no part yet, need more part numbers than there are? */
extern bool oc_part_numbers_used(const oc_limits *limits, int part_count, size_t part_size, uint64_t uncut);

/* ---- oc_export.c: calls, states */

/* Keeps the first error. */
extern void oc_export_fail(oc_export *export, const oc_error *error);
extern void oc_export_fail_output(oc_export *export, const oc_output *output, oc_error_class class, const char *operation,
								  const char *message);
extern void oc_export_fail_memory(oc_export *export, const char *what);
extern oc_status oc_export_failure(const oc_export *export, oc_error *error);
/* Takes over what calls that are done have brought; oc_export_pump does it too. */
extern void oc_export_harvest_calls(oc_export *export);
/* Sleeps until something may have changed. */
extern oc_status oc_export_sleep(oc_export *export, const oc_waiter *waiter, int timeout_ms);
/* Is there anything that will end without the owner's doing? */
extern bool oc_export_in_flight(const oc_export *export);
/* Before a job is submitted, and the last thing that the job does (it wakes the owner). */
extern void oc_export_job_begin(oc_export *export);
extern void oc_export_job_end(oc_export *export);
extern void oc_piece_list_add(oc_piece_list *list, oc_piece *piece);
extern void oc_piece_list_take(oc_piece_list *list, oc_piece *previous, oc_piece *piece);
extern void oc_piece_free(oc_export *export, oc_piece *piece);
extern void oc_slot_free(oc_export *export, oc_slot *slot);
extern void oc_strip_quotes(char *output, size_t size, const char *etag);

#endif
