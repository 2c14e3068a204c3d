/*
 * hg_dump.h
 *	  What the files of hg_dump_to_oss share.
 *
 *	  hg_dump_to_oss.c	main: options, exit codes
 *	  hg_dump_run.c		the whole dump: place, export, commit, manifest, undoing
 *	  hg_dump_place.c	what is in the place before, and removing it afterwards
 *	  hg_dump_input.c	standard input -> blocks of whole rows
 *	  hg_dump_rows.c	where a row ends
 */
#ifndef HG_DUMP_H
#define HG_DUMP_H

#include "tool.h"

/* Exit codes: those of the product that the program stands in for, and what it had no number for. */
enum
{
	HG_DUMP_GOOD = 0,
	HG_DUMP_FAILED = 1,	/* anything else: no permission, the store's refusal, the disk of the store, damaged data */
	HG_DUMP_USAGE = 2,	/* an option that does not exist, or a value that cannot be */
	HG_DUMP_INPUT = 3,	/* the input is cut off or not of its format */
	HG_DUMP_EXISTS = 4, /* error_if_exists: something is there */
	HG_DUMP_KEY_ID = 101,
	HG_DUMP_SECRET = 102,
	HG_DUMP_ENDPOINT = 103,
	HG_DUMP_BUCKET = 104,
	HG_DUMP_MISSING = 105,
	HG_DUMP_NETWORK = 255,
};

typedef enum hg_dump_format
{
	HG_DUMP_AUTO, /* binary by its signature, else rows end as in text */
	HG_DUMP_TEXT,
	HG_DUMP_CSV,
	HG_DUMP_BINARY,
} hg_dump_format;

typedef struct hg_dump_options
{
	tool_access access;
	const char *bucket;
	char *dir;				/* with its final '/' */
	char *exact_key;		/* --FileName below dir; NULL: names are made */
	hg_dump_format format;
	char quote;
	char escape;
	bool header;
	long batch_size;		/* rows */
	uint64_t max_file_size;
	oc_codec codec;
	int level;
	oc_export_mode mode;
	bool manifest;
} hg_dump_options;

/* ---- hg_dump_rows.c */

/* Looks for the ends of rows; knows nothing of where the bytes come from. */
typedef struct hg_dump_rows
{
	hg_dump_format format;
	char quote;
	char escape;
	size_t seen;		/* bytes of the current row that were looked at */
	bool quoted;		/* csv: inside quotes behind those */
	int fields;			/* binary: still to come in this row; -1 = the row's head is to come */
	bool ended;			/* binary: the trailer was met */
} hg_dump_rows;

extern void hg_dump_rows_init(hg_dump_rows *rows, hg_dump_format format, char quote, char escape);
/*
 * data holds the current row from its first byte on, and perhaps more.  Returns the size of the row, 0 when its end is not
 * there yet (call again with more), or -1 when this is no row of the format.  The binary trailer is a row that sets ended.
 */
extern ssize_t hg_dump_row_size(hg_dump_rows *rows, const char *data, size_t size);
/* The size of a binary file's header; 0 = more bytes are needed, -1 = it is none. */
extern ssize_t hg_dump_binary_header(const char *data, size_t size);
extern bool hg_dump_is_binary(const char *data, size_t size);

/* ---- hg_dump_input.c */

typedef struct hg_dump_input
{
	const hg_dump_options *options;
	hg_dump_rows rows;
	hg_dump_format format; /* decided */
	char *head;			   /* what was read before the export began */
	size_t head_size;
	size_t head_capacity;
	size_t header_size;	   /* first bytes of head: at the start of every object */
	bool end;			   /* of the input */
	oc_export *export;
	oc_writer *writer;
	char *tail;			   /* kept while a block is handed over */
	size_t tail_capacity;
	uint64_t unflushed;	   /* rows in the block that were not handed over */
	uint64_t bytes;		   /* read so far */
} hg_dump_input;

/* Reads until the format is known and the header is whole.  Returns an exit code, having complained. */
extern int hg_dump_input_begin(hg_dump_input *input, const hg_dump_options *options);
/* Reads everything else into the export.  An exit code; *error is set when it comes from the export, and nothing was said then. */
extern int hg_dump_input_run(hg_dump_input *input, oc_export *export, oc_error *error);
extern void hg_dump_input_end(hg_dump_input *input);

/* ---- hg_dump_place.c */

typedef struct hg_dump_place
{
	const hg_dump_options *options;
	oc_client *client;
	const char *token;	/* of this dump: its own objects are told by it */
	char **keys;		/* overwrite: what was there at the start */
	size_t count;
	char *claim;		/* error_if_exists: the key of the claim that is ours; NULL = none */
} hg_dump_place;

/* Before the input is read: is the store there, are the keys good, is the place as the mode wants it?  false: *code, *error. */
extern bool hg_dump_place_begin(hg_dump_place *place, int *code, oc_error *error);
/* Before the commit: error_if_exists makes sure that nobody else was faster. */
extern bool hg_dump_place_claim(hg_dump_place *place, int *code, oc_error *error);
/* After the commit, not to be interrupted: overwrite deletes what was there. */
extern bool hg_dump_place_replace(hg_dump_place *place, oc_error *error);
/* In any case, at the end. */
extern void hg_dump_place_end(hg_dump_place *place);

/* ---- hg_dump_run.c */

/* The exit code that stands for an error. */
extern int hg_dump_code(const oc_error *error);

extern int hg_dump_run(const hg_dump_options *options);
/* Says what failed and returns the exit code that stands for it. */
extern int hg_dump_report(const char *what, const oc_error *error);

#endif
