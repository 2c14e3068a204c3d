/*
 * insert.c
 *	  INSERT ... SELECT without what the executor does in between: export and load at their full speed.
 *
 * For each row the executor's ModifyTable node copies the row into a slot of the target's kind, looks whether triggers, views, partitions or
 * RETURNING want it, and inserts it: into a local table with a page lock and a WAL record of its own.  When a statement
 * starts that has none of these wishes (ExecutorStart_hook), its node gets one of the functions below instead:
 *
 *	any plan --> ossExecForeignInsert, straight from the plan's slot		(export_rows: the target is ours)
 *	our scan --> [slots: up to 1000 rows or 64 kB] --> table_multi_insert --> index entries		(load_rows: a local table, as COPY does it)
 *
 * Everything else stays with the executor.  oss_fdw.fast_paths = off turns both off.
 */
#include "oss_fdw.h"

#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* as COPY has them: more rows do not save more, and memory stays small */
#define MOST_ROWS  1000
#define MOST_BYTES 65536

static ExecutorStart_hook_type next_executor_start;

static void executor_start(QueryDesc *query, int eflags);
static bool is_plain_insert(const QueryDesc *query, const ModifyTableState *node);
static bool fits_target(const Plan *source, TupleDesc target);
static bool is_export(const ResultRelInfo *target);
static bool is_load(const ResultRelInfo *target, PlanState *source);
static bool checks_are_plain(const TupleConstr *constraints);
static TupleTableSlot *export_rows(PlanState *state);
static TupleTableSlot *load_rows(PlanState *state);
static void flush_rows(ModifyTableState *node, TupleTableSlot **slots, int count);

void
oss_insert_init(void)
{
	next_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
}

static void
executor_start(QueryDesc *query, int eflags)
{
	ModifyTableState *node;

	if (next_executor_start)
		next_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
	node = (ModifyTableState *) query->planstate;
	if (!oss_fast_paths || (eflags & EXEC_FLAG_EXPLAIN_ONLY) || query->operation != CMD_INSERT ||
		node == NULL || !IsA(node, ModifyTableState) || !is_plain_insert(query, node))
		return;
	if (is_export(node->resultRelInfo))
		ExecSetExecProcNode(&node->ps, export_rows);
	else if (is_load(node->resultRelInfo, outerPlanState(node)))
		ExecSetExecProcNode(&node->ps, load_rows);
}

/* Rows of the plan go into one table as they are, and nobody else wants to see them. */
static bool
is_plain_insert(const QueryDesc *query, const ModifyTableState *node)
{
	const ModifyTable *plan = (const ModifyTable *) node->ps.plan;
	const ResultRelInfo *target = node->resultRelInfo;

	return node->operation == CMD_INSERT && node->canSetTag &&
		   list_length(plan->resultRelations) == 1 && plan->returningLists == NIL &&
		   plan->withCheckOptionLists == NIL && plan->onConflictAction == ONCONFLICT_NONE &&
		   plan->rowMarks == NIL && !query->plannedstmt->hasModifyingCTE &&
		   target->ri_TrigDesc == NULL && target->ri_WithCheckOptions == NIL &&
		   fits_target(outerPlan(plan), RelationGetDescr(target->ri_RelationDesc));
}

static bool
fits_target(const Plan *source, TupleDesc target)
{
	ListCell *lc;

	if (list_length(source->targetlist) != target->natts)
		return false;
	foreach (lc, source->targetlist)
	{
		TargetEntry *entry = lfirst(lc);
		Form_pg_attribute attribute = TupleDescAttr(target, foreach_current_index(lc));

		if (entry->resjunk || attribute->attgenerated ||
			(!attribute->attisdropped && exprType((Node *) entry->expr) != attribute->atttypid))
			return false;
	}
	return true;
}

static bool
is_export(const ResultRelInfo *target)
{
	return target->ri_FdwRoutine &&
		   target->ri_FdwRoutine->ExecForeignInsert == ossExecForeignInsert && target->ri_FdwState;
}

/* A scan of ours, and nothing that could look at the table or care when a row gets there. */
static bool
is_load(const ResultRelInfo *target, PlanState *source)
{
	Relation rel = target->ri_RelationDesc;

	return rel->rd_rel->relkind == RELKIND_RELATION && !rel->rd_rel->relispartition &&
		   table_slot_callbacks(rel) == &TTSOpsBufferHeapTuple && IsA(source, ForeignScanState) &&
		   ((ForeignScanState *) source)->fdwroutine->IterateForeignScan == ossIterateForeignScan &&
		   source->state->es_plannedstmt->subplans == NIL &&
		   !contain_volatile_functions((Node *) source->plan->targetlist) &&
		   !contain_volatile_functions((Node *) source->plan->qual) &&
		   checks_are_plain(rel->rd_att->constr);
}

/* A CHECK constraint may look at the table, too. */
static bool
checks_are_plain(const TupleConstr *constraints)
{
	for (int i = 0; constraints && i < constraints->num_check; i++)
		if (contain_volatile_functions(stringToNode(constraints->check[i].ccbin)))
			return false;
	return true;
}

/* ---- in place of ExecModifyTable: all rows at the first call */

static TupleTableSlot *
export_rows(PlanState *state)
{
	ModifyTableState *node = castNode(ModifyTableState, state);
	EState *estate = state->state;
	PlanState *source = outerPlanState(state);

	if (node->mt_done)
		return NULL;
	for (;;)
	{
		TupleTableSlot *row;

		ResetPerTupleExprContext(estate);
		row = ExecProcNode(source);
		if (TupIsNull(row))
			break;
		ossExecForeignInsert(estate, node->resultRelInfo, row, row);
		estate->es_processed++;
	}
	node->mt_done = true;
	return NULL;
}

static TupleTableSlot *
load_rows(PlanState *state)
{
	ModifyTableState *node = castNode(ModifyTableState, state);
	EState *estate = state->state;
	ResultRelInfo *target = node->resultRelInfo;
	PlanState *scan = outerPlanState(state);
	TupleTableSlot *slots[MOST_ROWS];
	int made = 0;
	int count = 0;
	Size bytes = 0;

	if (node->mt_done)
		return NULL;
	if (target->ri_RelationDesc->rd_rel->relhasindex && target->ri_IndexRelationDescs == NULL)
		ExecOpenIndices(target, false);
	for (;;)
	{
		TupleTableSlot *row;

		ResetPerTupleExprContext(estate);
		row = ExecProcNode(scan);
		if (TupIsNull(row))
			break;
		if (count == made)
			slots[made++] = table_slot_create(target->ri_RelationDesc, NULL);
		ExecCopySlot(slots[count], row);
		slots[count]->tts_tableOid = RelationGetRelid(target->ri_RelationDesc);
		/* a row that is refused ends the statement: those before it need not be in the table */
		if (target->ri_RelationDesc->rd_att->constr)
			ExecConstraints(target, slots[count], estate);
		bytes += ((HeapTupleTableSlot *) slots[count])->tuple->t_len;
		if (++count == MOST_ROWS || bytes >= MOST_BYTES)
		{
			flush_rows(node, slots, count);
			count = 0;
			bytes = 0;
		}
	}
	flush_rows(node, slots, count);
	for (int i = 0; i < made; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
	node->mt_done = true;
	return NULL;
}

static void
flush_rows(ModifyTableState *node, TupleTableSlot **slots, int count)
{
	EState *estate = node->ps.state;
	ResultRelInfo *target = node->resultRelInfo;
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));

	if (count > 0)
		table_multi_insert(target->ri_RelationDesc, slots, count, estate->es_output_cid, 0, NULL);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < count; i++)
	{
		if (target->ri_NumIndices > 0)
		{
			ResetPerTupleExprContext(estate);
			list_free(oss_insert_index_tuples(target, slots[i], estate));
		}
		ExecClearTuple(slots[i]);
	}
	estate->es_processed += count;
}
