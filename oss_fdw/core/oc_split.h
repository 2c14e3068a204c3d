/*
 * oc_split.h
 *	  What the files oc_split*.c and oc_reader*.c share: the inside of a splitter.
 *
 * The way of the bytes through a splitter, one call of oc_splitter_next:
 *
 *	data --> [carry: a row cut by the last call, completed] --> row by row, careful path
 *	     --> windows of 32 kB: check the encoding, then walk whole rows 64 bytes at a time (oc_split_walk.c)
 *	     --> a row that the walker does not understand: careful path of the format, one row
 *	     --> the rest, an incomplete row --> carry
 *
 * A format gives three functions: find the end of a row, split one row with all its errors, and (csv, text) the
 * store of one field, which both paths use.  The walker emits only rows that are known to be right.
 */
#ifndef OC_SPLIT_H
#define OC_SPLIT_H

#include "oc_int.h"

#define OC_ROW_MAX 1073741823 /* 1 GB - 1: what the server can hold in one value or line */
#define OC_SPLIT_ERRORS 64	  /* a batch ends early at this many bad rows */

/* Memory whose addresses stay: blocks are chained, never moved. */
typedef struct oc_arena_block
{
	struct oc_arena_block *next;
	size_t size;
	size_t capacity;
	char data[];
} oc_arena_block;

typedef struct oc_arena
{
	oc_arena_block *first; /* newest first */
} oc_arena;

/* Where one batch lives.  The reader has several, so that batches can queue. */
typedef struct oc_split_memory
{
	oc_field *fields;
	size_t field_capacity;
	oc_row *rows;
	size_t row_capacity;
	oc_error *errors;
	size_t error_count;
	oc_arena arena;	 /* de-escaped fields, values */
	oc_buf held;	 /* the row that came out of carry */
	size_t row_count;
	const char *data;	/* what the batch was split from */
	size_t data_size;
	char *room;			/* for values, in the arena */
	size_t room_size;
} oc_split_memory;

typedef enum oc_eol
{
	OC_EOL_UNKNOWN, /* the first line decides */
	OC_EOL_LF,
	OC_EOL_CRLF,
	OC_EOL_CR,
	OC_EOL_CUSTOM,
} oc_eol;

/* Where a row ends. */
typedef struct oc_row_end
{
	size_t size;   /* bytes of the row without its line end */
	size_t next;   /* bytes with its line end */
	const char *problem; /* a literal CR or LF, a corrupt end marker: the row is malformed */
	size_t problem_at;	 /* the byte that showed it */
	bool marked;   /* the end-of-data marker ended the row */
	bool stop;	   /* and nothing after this row counts */
	bool no_row;   /* binary: the trailer */
} oc_row_end;

/* The finder's state inside an incomplete row, valid at offset position of it. */
typedef struct oc_scan
{
	size_t position;
	bool in_quote;
	int fields;			 /* binary: fields before position */
	bool escaped;		 /* csv with its own escape byte: the last byte was one */
	const char *problem; /* seen so far */
	size_t problem_at;	 /* the byte that showed it */
} oc_scan;

typedef struct oc_split_format oc_split_format;

struct oc_splitter
{
	oc_split_options options; /* strings and columns are ours */
	oc_split_column *columns;
	const oc_split_format *format;
	int *map;			/* column -> place among the needed ones, or -1 */
	int needed;			/* how many are needed */
	bool row_facts;
	bool counting;		/* nothing is stored: neither fields nor row facts */
	bool walkable;		/* the fast path can serve these options */
	oc_conversion *conversions; /* by needed column; NULL: nothing is converted */
	bool overwrites;	/* a value may take the byte in front of its field */
	bool converts_later; /* the owner calls oc_split_convert */
	int simd;			/* enum oc_simd_level */
	size_t delimiter_size;
	size_t eol_size;
	size_t null_size;
	uint64_t max_row;

	/* position in the object */
	oc_eol eol;
	bool at_start;		/* nothing of the object was taken yet */
	bool known_lines;	/* false: a range in the middle, line numbers are 0 */
	bool header_due;
	bool ended;			/* the end-of-data marker was seen */
	bool trailer;		/* binary: the trailer was seen */
	int fields_seen;	/* of the row that format->row split last */
	bool lacks_fields;	/* it was refused for too few of them */
	uint64_t skip_left;
	uint64_t line;		/* of the next row */
	uint64_t offset;	/* of the next row's first byte */
	uint64_t entry;		/* stored byte that offset counts from; 0 = the object's begin */

	oc_buf carry;		/* an incomplete row */
	oc_scan scan;		/* of carry */

	oc_split_memory own;
	oc_split_memory *memory;
	size_t max_rows;	/* of this call */
	bool ignored;		/* bytes followed the end-of-data marker */
	bool only_pending;	/* stop after the row in carry */
};

struct oc_split_format
{
	/* Is there a whole row at data?  Continues from scan.  last: the end of data ends the row, too. */
	bool (*find)(oc_splitter *s, oc_scan *scan, const char *data, size_t size, bool last, oc_row_end *end);
	/* Splits one row into out (needed columns by map, all others skipped).  false: malformed, error filled. */
	bool (*row)(oc_splitter *s, const char *row, size_t size, const int *map, oc_field *out, oc_error *error);
	/* The head of each object, found as a row; NULL: lines, as the option header says. */
	bool (*header)(oc_splitter *s, const char *row, size_t size, oc_error *error);
	bool blank_is_no_row; /* jsonl: a line of white space is no row */
};

extern const oc_split_format oc_split_csv, oc_split_text, oc_split_fixed, oc_split_jsonl, oc_split_binary;

/* ---- oc_split.c */

/* Which memory the next batches go to; NULL: the splitter's own.  Changes nothing else. */
extern void oc_splitter_use(oc_splitter *s, oc_split_memory *memory);
/* Is there an incomplete row? */
extern bool oc_splitter_pending(const oc_splitter *s);
extern bool oc_splitter_ended(const oc_splitter *s);
/* Is what it holds no row that goes on?  Then more bytes could only be the other half of a line end. */
extern bool oc_splitter_at_row_end(const oc_splitter *s);
/* After oc_splitter_begin: how lines end, when the options leave that to the object's first line. */
extern void oc_splitter_learn_eol(oc_splitter *s, const char *eol);
/* Class OC_ERR_DATA at the row now being split; column -1: none. */
extern void oc_split_error(oc_splitter *s, int column, oc_error *error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The common end of a row: fields 0..count-1 were there.  Fills or refuses the missing ones. */
extern bool oc_split_finish(oc_splitter *s, int count, const int *map, oc_field *out, oc_error *error);

/* ---- oc_split_memory.c */

extern void oc_split_memory_init(oc_split_memory *memory);
extern void oc_split_memory_free(oc_split_memory *memory);
extern void oc_split_memory_reset(oc_split_memory *memory);
/* Room for one more row of count fields; false: out of memory. */
extern bool oc_split_memory_room(oc_split_memory *memory, int count, bool row_facts);
/* size + 1 bytes, or NULL. */
extern char *oc_arena_take(oc_arena *arena, size_t size);
/* Gives back what the last take did not use. */
extern void oc_arena_trim(oc_arena *arena, size_t unused);
/* How much memory a batch holds. */
extern size_t oc_split_memory_size(const oc_split_memory *memory);

/* ---- oc_split_convert.c: fields to values */

/* Copies what the columns say about it.  false: out of memory. */
extern bool oc_split_convert_open(oc_splitter *s);
/*
 * Converts the fields of a batch, once.  Any thread may do it, also while the splitter makes the next batch: of the splitter only
 * constants are read, and of its data only bytes of these rows.  false: out of memory.
 */
extern bool oc_split_convert(const oc_splitter *s, oc_split_memory *memory);

/* ---- oc_split_check.c: encoding */

/* The first byte of data that cannot stay: NUL, or not UTF-8 when that is asked.  size: all is well. */
extern size_t oc_split_bad_byte(const oc_splitter *s, const char *data, size_t size);
/* The same for what escapes have made, whatever the encoding of the object. */
extern size_t oc_split_bad_escape(const oc_splitter *s, const char *data, size_t size);
/* Class OC_ERR_ENCODING, "invalid byte sequence for encoding ...: 0x.."; column as above. */
extern void oc_split_bad_error(oc_splitter *s, int column, const char *data, size_t size, bool escaped, oc_error *error);
/* NUL to blank, other bad bytes to '?', in place. */
extern void oc_split_repair(const oc_splitter *s, char *data, size_t size);

/* ---- oc_split_csv.c, oc_split_text.c: one field [data, data + size) of column into *out */

extern bool oc_csv_store(oc_splitter *s, int column, const char *data, size_t size, oc_field *out, oc_error *error);
extern bool oc_text_store(oc_splitter *s, int column, const char *data, size_t size, oc_field *out, oc_error *error);

/* ---- oc_split_walk.c: the fast path */

typedef enum oc_simd_level
{
	OC_SIMD_BASE, /* SSE2 or plain words */
	OC_SIMD_AVX2,
} oc_simd_level;

typedef enum oc_walk_result
{
	OC_WALK_MORE,	/* no further whole row in sight */
	OC_WALK_ODD,	/* the next row needs the careful path */
	OC_WALK_FULL,	/* the batch is full */
	OC_WALK_MEMORY, /* out of memory */
} oc_walk_result;

extern oc_simd_level oc_simd_detect(void);
/* Takes whole rows from [data, data + size), adds them to s->memory, advances line and offset; *taken: bytes. */
extern oc_walk_result oc_walk(oc_splitter *s, const char *data, size_t size, size_t *taken);
extern bool oc_simd_is_plain(oc_simd_level level, const char *data, size_t size); /* ASCII without NUL */

typedef enum oc_eol_result
{
	OC_EOL_NOT_HERE,
	OC_EOL_HERE,	  /* end is filled */
	OC_EOL_NEED_MORE, /* the next byte decides */
} oc_eol_result;

/* Does the row end at data[at]?  Learns the line end from the first line, notes wrong ones in scan->problem. */
extern oc_eol_result oc_split_eol(oc_splitter *s, oc_scan *scan, const char *data, size_t at, size_t size, bool last,
								  oc_row_end *end);

/*
 * "\." stands at data[at]: is it the end of the data?  COPY's rules: which line end must follow it, and what is said of another one (noted
 * in scan; csv mostly takes it for data then).
 */
extern oc_eol_result oc_split_marker(oc_splitter *s, oc_scan *scan, const char *data, size_t at, size_t size, bool last,
									 oc_row_end *end);

/* The first problem of a row is the one to tell. */
static inline void
oc_note_problem(oc_scan *scan, const char *problem, size_t at)
{
	if (scan->problem)
		return;
	scan->problem = problem;
	scan->problem_at = at;
}

static inline bool
oc_split_is_null(const oc_splitter *s, const char *data, size_t size)
{
	return size == s->null_size && (size == 0 || memcmp(data, s->options.null_string, size) == 0);
}

#endif
