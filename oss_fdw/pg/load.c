/*
 * load.c
 *	  INSERT INTO local_table SELECT ... FROM foreign_table: rows go into the table many at a time, as COPY puts them there.
 *
 * The executor inserts row by row: a page is locked, a WAL record is written for each.  Tables take arrays of rows
 * (table_multi_insert), which only COPY uses.  When a statement starts that does nothing but move rows of a scan of ours into an
 * ordinary table, its ModifyTable node gets the function below instead of the executor's own (ExecutorStart_hook):
 *
 *	our scan -> [slots: up to 1000 rows or 64 kB] -> table_multi_insert -> index entries
 *
 * Everything else (triggers, RETURNING, ON CONFLICT, views, partitions, generated columns, functions that might look at the table)
 * stays with the executor.  oss_fdw.fast_paths = off turns it off.
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
#define MOST_ROWS 1000
#define MOST_BYTES 65536

static ExecutorStart_hook_type next_executor_start;

static void executor_start(QueryDesc *query, int eflags);
static bool can_load(const QueryDesc *query, const ModifyTableState *node);
static bool is_plain_scan(PlanState *state, TupleDesc target);
static bool is_plain_target(const ResultRelInfo *target);
static TupleTableSlot *load_rows(PlanState *state);
static void flush_rows(ModifyTableState *node, TupleTableSlot **slots, int count);

void
oss_load_init(void)
{
	next_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
}

static void
executor_start(QueryDesc *query, int eflags)
{
	if (next_executor_start)
		next_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
	if (oss_fast_paths && (eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0 && query->operation == CMD_INSERT && query->planstate &&
		IsA(query->planstate, ModifyTableState) && can_load(query, (ModifyTableState *) query->planstate))
		ExecSetExecProcNode(query->planstate, load_rows);
}

static bool
can_load(const QueryDesc *query, const ModifyTableState *node)
{
	const ModifyTable *plan = (const ModifyTable *) node->ps.plan;
	const ResultRelInfo *target = node->resultRelInfo;

	return node->operation == CMD_INSERT && node->canSetTag && list_length(plan->resultRelations) == 1 && plan->returningLists == NIL &&
		   plan->withCheckOptionLists == NIL && plan->onConflictAction == ONCONFLICT_NONE && plan->rowMarks == NIL &&
		   !query->plannedstmt->hasModifyingCTE && query->plannedstmt->subplans == NIL && is_plain_target(target) &&
		   is_plain_scan(outerPlanState(&node->ps), RelationGetDescr(target->ri_RelationDesc));
}

/* A scan of ours whose columns are those of the table, made by nothing that could look at the table or care when a row is inserted. */
static bool
is_plain_scan(PlanState *state, TupleDesc target)
{
	List *targets = state->plan->targetlist;
	ListCell *lc;

	if (!IsA(state, ForeignScanState) || ((ForeignScanState *) state)->fdwroutine->IterateForeignScan != ossIterateForeignScan)
		return false;
	if (list_length(targets) != target->natts || contain_volatile_functions((Node *) targets) ||
		contain_volatile_functions((Node *) state->plan->qual))
		return false;
	foreach (lc, targets)
	{
		TargetEntry *entry = lfirst(lc);
		Form_pg_attribute attribute = TupleDescAttr(target, foreach_current_index(lc));

		if (entry->resjunk || attribute->attgenerated || (!attribute->attisdropped && exprType((Node *) entry->expr) != attribute->atttypid))
			return false;
	}
	return true;
}

static bool
is_plain_target(const ResultRelInfo *target)
{
	Relation rel = target->ri_RelationDesc;

	return rel->rd_rel->relkind == RELKIND_RELATION && !rel->rd_rel->relispartition && target->ri_TrigDesc == NULL &&
		   target->ri_WithCheckOptions == NIL && table_slot_callbacks(rel) == &TTSOpsBufferHeapTuple;
}

/* In place of ExecModifyTable: all rows at the first call. */
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
