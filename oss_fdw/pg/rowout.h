/*
 * rowout.h
 *	  Shared by rowout.c (dispatch, csv and text) and rowout_more.c (jsonl, fixed, binary).
 */
#ifndef OSS_ROWOUT_H
#define OSS_ROWOUT_H

#include "oss_fdw.h"

#include "fmgr.h"

/* How a column's values get into a csv or text row. */
typedef enum OutRoute
{
	OUT_GENERAL,
	OUT_INT4,			/* the next four straight into the row, nothing to escape */
	OUT_INT8,
	OUT_DATE,
	OUT_NUMERIC,
	OUT_TEXT,			/* escaped */
} OutRoute;

typedef struct OutColumn
{
	int index;			/* into the slot's arrays */
	char *name;
	Oid type;			/* the column's own */
	oc_class class;
	bool fast;			/* formatted by the core */
	bool plain;			/* what the formatter writes never needs an escape */
	OutRoute route;		/* csv and text */
	bool force_quote;
	bool varlena;
	bool is_number;		/* jsonl: unquoted; fixed: left-aligned */
	bool is_bpchar;
	FmgrInfo output;	/* text output function; binary: send function; jsonl: to_json for the odd types */
	char *json_key;		/* jsonl: "name": with the quotes and the colon */
	int json_key_size;
	uint32 offset;		/* fixed */
	uint32 length;
} OutColumn;

/* the day's offset, direct-mapped by day: timestamps come in runs */
#define OUT_ZONE_CACHE 512

typedef struct ZoneDay
{
	int64 day;		/* days since 2000-01-01 UTC */
	int32 offset;	/* seconds east */
	bool varies;	/* the offset changes within this day */
	bool valid;
} ZoneDay;

struct OssRowOut
{
	Relation rel;
	const OssOptions *options;
	OutColumn *columns;
	int count;
	OutColumn *all;			/* by layout index, for folders */
	bool any_fallback;		/* some column goes through an output function */
	oc_escaper escaper;
	oc_format_context format;
	const char *delimiter;
	int delimiter_size;
	const char *null_string;
	int null_size;
	const char *eol;
	int eol_size;
	bool single_line;		/* csv whose fields must not hold line ends */
	bool may_end_data;		/* csv: a row may look like the end-of-copy marker */
	bool own_eol;			/* rows end with something else than CR, LF or both */
	size_t fixed_room;		/* bytes that all fixed-size columns, delimiters and null strings of a row may need */
	size_t row_length;		/* fixed: bytes of a row */
	bool converts;			/* rows are made in scratch, then converted to the file's encoding */
	oc_block scratch;
	MemoryContextCallback on_reset; /* frees scratch */
	MemoryContext row_context;	/* of output functions and detoasted values; reset when it has grown */
	int rows_since_reset;
	ZoneDay *zones;
};

#define OSS_LONG_FIELD ((size_t) 64 << 20) /* from here on a field's bytes are counted before it is written */

/* rowout.c */
extern void oss_reserve(oc_block *block, size_t need);
extern size_t oss_format_fast(OssRowOut *out, const OutColumn *column, Datum value, char *target);
extern size_t oss_fast_bound(const OutColumn *column, Datum *value);
extern char *oss_output_text(OssRowOut *out, OutColumn *column, Datum value);

/* rowout_more.c */
extern void oss_rowout_json(OssRowOut *out, const Datum *values, const bool *nulls, oc_block *block);
extern void oss_rowout_fixed(OssRowOut *out, const Datum *values, const bool *nulls, oc_block *block);
extern void oss_rowout_binary(OssRowOut *out, const Datum *values, const bool *nulls, oc_block *block);
extern void oss_rowout_setup_json(OssRowOut *out, OutColumn *column, const OssColumn *from);

#endif
