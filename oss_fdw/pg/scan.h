/*
 * scan.h
 *	  Shared by scan.c (objects to rows) and scan_quals.c (conditions that are tried early): the state of a scan.
 */
#ifndef OSS_SCAN_H
#define OSS_SCAN_H

#include "oss_fdw.h"

typedef struct OssScanState
{
	Relation rel;
	OssOptions options;
	OssLayout *layout;
	Bitmapset *needed; /* attribute numbers */
	OssRowIn *in;
	OssGenerated *generated; /* NULL: none is needed */
	TupleTableSlot *slot; /* virtual: nothing is formed that nobody asks for */

	/* conditions that are tried before the other columns are converted */
	ExprState *filter; /* NULL: none */
	ScanState *node;   /* its expression context and instrumentation */

	/* pruning */
	ExprState *prune_qual;  /* NULL: no condition on object facts */
	bool prune_at_run_time; /* it needs values that only a run has */
	ExprContext *prune_context;
	TupleTableSlot *prune_slot;
	int64 objects; /* taken */
	int64 pruned;
	uint64 object_bytes; /* stored bytes of the objects taken */

	/* one pass over the objects */
	OssClient *client;
	OssSharedScan *shared; /* parallel: where units come from */
	List *units;           /* parallel leader: what EstimateDSM found */
	OssCounters *counters; /* parallel leader: what the workers did; NULL = nobody asks */
	OssObject unit;        /* parallel: the one taken last */
	List *given;           /* read these instead of listing; NIL = list */
	OssLister *lister;
	oc_reader *reader;
	oc_member_reader *members; /* instead of reader: members of archives */
	OssPlace *place;
	oc_batch batch;
	size_t row; /* next row of the batch */
	bool at_end;
	FmgrInfo conversion; /* file encoding -> server encoding */
	bool converts;

	int64 rows;
	bool progress;
	oc_stats stats;
	MemoryContext context; /* of the scan; its reset callback releases core handles */
	MemoryContext pass_context;
	MemoryContextCallback on_reset;
} OssScanState;

/* scan_quals.c */
extern void oss_scan_init_prune(ForeignScanState *node, OssScanState *state);
extern bool oss_scan_passes_prune(OssScanState *state, const OssObject *object);
extern void oss_scan_init_filter(ForeignScanState *node, OssScanState *state);
extern bool oss_scan_passes_filter(OssScanState *state, TupleTableSlot *slot);

#endif
