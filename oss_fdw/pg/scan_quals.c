/*
 * scan_quals.c
 *	  Conditions of a scan that are tried before the executor tries them: on an object before any byte of it is read, on a row before its
 *	  other columns are converted.
 */
#include "scan.h"

#include "access/sysattr.h"
#include "miscadmin.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"

/* ---- pruning by facts of the object */

/* Picks the conditions that need nothing but partition and metadata columns. */
void
oss_scan_init_prune(ForeignScanState *node, OssScanState *state)
{
	/* behind a security barrier: rows that it hides must not be shown to functions that may tell of them */
	bool guarded = linitial_int(lsecond(((ForeignScan *) node->ss.ps.plan)->fdw_private));
	Bitmapset *facts = NULL;
	List *quals = NIL;
	ListCell *lc;

	for (int i = 0; i < state->layout->column_count; i++)
	{
		const OssColumn *column = &state->layout->columns[i];

		if ((column->options.partition || column->partition_index >= 0 ||
			 column->options.metadata != OSS_METADATA_NONE) &&
			column->options.metadata != OSS_METADATA_LINE)
			facts = bms_add_member(facts, column->attnum - FirstLowInvalidHeapAttributeNumber);
	}
	if (facts == NULL)
		return;
	foreach (lc, node->ss.ps.plan->qual)
	{
		Expr *clause = lfirst(lc);
		Bitmapset *used = NULL;

		pull_varattnos((Node *) clause, ((ForeignScan *) node->ss.ps.plan)->scan.scanrelid, &used);
		if (used != NULL && bms_is_subset(used, facts) &&
			!contain_volatile_functions((Node *) clause) && !contain_subplans((Node *) clause) &&
			!(guarded && contain_leaked_vars((Node *) clause)))
			quals = lappend(quals, clause);
	}
	if (quals == NIL)
		return;
	state->prune_at_run_time = !bms_is_empty(pull_paramids((Expr *) quals));
	state->prune_qual = ExecInitQual(quals, &node->ss.ps);
	state->prune_context = CreateExprContext(node->ss.ps.state);
	state->prune_slot = MakeSingleTupleTableSlot(RelationGetDescr(state->rel), &TTSOpsVirtual);
}

bool
oss_scan_passes_prune(OssScanState *state, const OssObject *object)
{
	oc_object facts = {.key = object->key,
					   .etag = object->etag,
					   .size = object->size,
					   .last_modified = object->last_modified};
	bool passes;

	if (state->prune_qual == NULL)
		return true;
	/* the time is not known yet (learn_mtime): the rows' own condition will tell */
	if (object->last_modified == 0 && oss_rowin_needs_mtime(state->in))
		return true;
	ResetExprContext(state->prune_context);
	ExecClearTuple(state->prune_slot);
	oss_rowin_facts(state->in, state->options.bucket, &facts, state->prune_slot,
					state->prune_context->ecxt_per_tuple_memory);
	ExecStoreVirtualTuple(state->prune_slot);
	state->prune_context->ecxt_scantuple = state->prune_slot;
	passes = ExecQual(state->prune_qual, state->prune_context);
	if (!passes && object->start == 0)
		state->pruned++;
	return passes;
}

/* ---- conditions before the other columns */

/*
 * The leading conditions that can be tried twice, when the planner expects them to drop most rows: then the other columns are
 * converted only for the rest.  Their order stays, since the planner has put those of a security barrier first.
 */
void
oss_scan_init_filter(ForeignScanState *node, OssScanState *state)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	Bitmapset *used = NULL;
	Bitmapset *attnums = NULL;
	List *quals = NIL;
	ListCell *lc;
	int attnum = -1;

	if (!lsecond_int(lsecond(plan->fdw_private)) || oss_may_reject(&state->options))
		return;
	foreach (lc, plan->scan.plan.qual)
	{
		if (contain_volatile_functions(lfirst(lc)) || contain_subplans(lfirst(lc)))
			break;
		pull_varattnos(lfirst(lc), plan->scan.scanrelid, &used);
		quals = lappend(quals, lfirst(lc));
	}
	if (quals == NIL)
		return;
	if (bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used)) /* the whole row */
		return;
	while ((attnum = bms_next_member(used, attnum)) >= 0)
		if (attnum + FirstLowInvalidHeapAttributeNumber > 0)
			attnums = bms_add_member(attnums, attnum + FirstLowInvalidHeapAttributeNumber);
	if (oss_generated_has(state->generated, attnums)) /* they are made when all the others are there */
		return;
	oss_rowin_filter(state->in, attnums);
	state->node = &node->ss;
	if (list_length(quals) < list_length(plan->scan.plan.qual) || node->ss.ps.state->es_epq_active)
		state->filter = ExecInitQual(quals, &node->ss.ps);
	else
	{
		/* all of them: the executor need not try them again */
		state->filter = node->ss.ps.qual;
		node->ss.ps.qual = NULL;
	}
}

/* The columns of the filter are there.  As ExecScan does it, which then has nothing left to try or tries it once more. */
bool
oss_scan_passes_filter(OssScanState *state, TupleTableSlot *slot)
{
	ExprContext *context = state->node->ps.ps_ExprContext;
	bool passes;

	CHECK_FOR_INTERRUPTS(); /* a condition may take its time, and all rows may fail it */
	ResetExprContext(context);
	ExecStoreVirtualTuple(slot);
	context->ecxt_scantuple = slot;
	passes = ExecQual(state->filter, context);
	if (!passes)
		InstrCountFiltered1(state->node, 1);
	ExecClearTuple(slot);
	return passes;
}
