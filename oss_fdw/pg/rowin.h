/*
 * rowin.h
 *	  Shared by rowin.c (fields to datums), rowin_facts.c (partition and metadata columns) and rowin_reject.c (dirty rows).
 */
#ifndef OSS_ROWIN_H
#define OSS_ROWIN_H

#include "oss_fdw.h"

#include "fmgr.h"

typedef struct InColumn
{
	int index;			/* into the slot's arrays */
	const OssColumn *column;
	oc_conversion conversion;
	bool fast;			/* the core may convert */
	bool early;			/* and does so where rows are split */
	Oid base;			/* below domains */
	FmgrInfo input;		/* text input or receive function */
	Oid typioparam;
	const char *format_pattern; /* date_format and its like; NULL = ISO */
	bool by_json;		/* jsonl: array, composite, json: the value's JSON text */
	FmgrInfo populate;	/* json_to_record of one column, for by_json */
	TupleDesc populate_desc;
} InColumn;

typedef struct RejectState RejectState;

struct OssRowIn
{
	Relation rel;
	const OssOptions *options;
	const OssLayout *layout;
	Bitmapset *needed;

	InColumn *columns;	/* needed columns of the file, in file order */
	int count;
	int *order;			/* the same by number: those that the scan's filter needs come first */
	int filter_count;	/* how many these are; count when there is no filter */
	InColumn *facts;	/* needed partition and metadata columns */
	int fact_count;
	InColumn *all_facts;	/* all of them, for pruning */
	int all_fact_count;
	int line_index;		/* slot index of a needed line column, -1 = none */

	/* the current object */
	char *bucket;
	char *key;
	Datum *fact_values;	/* by fact */
	bool *fact_nulls;
	MemoryContext object_context;

	/* the current row */
	bool verify;		/* escapes of the text format may have made bytes that nobody has checked */
	const oc_row *row;	/* NULL without row facts */
	uint64 entry;		/* as in its batch */
	const InColumn *current;	/* column being converted, for the error context */
	const oc_field *current_field;
	TupleTableSlot *prepared;	/* slot whose unneeded columns are NULL already */
	char *arena;		/* by-reference values of the row */
	size_t arena_used;
	size_t arena_size;
	size_t arena_wanted;	/* size for the next row */
	MemoryContext row_context;	/* input functions; reset with every row that used it */
	bool row_context_used;

	RejectState *reject;	/* NULL: the first bad row is an error */
};

/* rowin.c */
extern Datum oss_convert_field(OssRowIn *in, InColumn *column, const char *data, size_t size);
extern void oss_setup_in_column(OssRowIn *in, InColumn *column, const OssColumn *from);

/* rowin_facts.c */
extern void oss_compute_facts(OssRowIn *in, InColumn *facts, int count, const char *bucket, const oc_object *object, Datum *values,
							  bool *nulls);

/* rowin_reject.c */
extern RejectState *oss_reject_begin(OssRowIn *in);
extern void oss_reject_row(OssRowIn *in, const char *column, const char *message);
extern bool oss_reject_convert(OssRowIn *in, const oc_field *fields, TupleTableSlot *slot);
extern void oss_reject_finish(OssRowIn *in);
extern void oss_reject_count(OssRowIn *in);

/* rowin.c, for rowin_reject.c: by the core alone; columns order[first] to order[last - 1], raising what is wrong */
extern bool oss_convert_row_fast(OssRowIn *in, const oc_field *fields, TupleTableSlot *slot);
extern void oss_convert_row(OssRowIn *in, const oc_field *fields, int first, int last, TupleTableSlot *slot);

#endif
