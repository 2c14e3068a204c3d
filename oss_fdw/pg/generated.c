/*
 * generated.c
 *	  Stored generated columns: as with COPY they are not in the objects, and are made from the other columns when rows are read.
 *
 * A generated column that names a folder (partition_by) is none of ours: its value is there.
 */
#include "oss_fdw.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/lsyscache.h"

typedef struct GeneratedColumn
{
	AttrNumber attnum;
	ExprState *value;
} GeneratedColumn;

struct OssGenerated
{
	GeneratedColumn *columns;
	int count;
	ExprContext *context;
};

/* NULL when none of the needed columns is generated.  needed gains what their expressions read. */
OssGenerated *
oss_generated_begin(Relation rel, const OssLayout *layout, Bitmapset **needed)
{
	OssGenerated *generated = NULL;
	Bitmapset *used = NULL;
	int attnum = -1;

	for (int i = 0; i < layout->column_count; i++)
	{
		const OssColumn *column = &layout->columns[i];
		Expr *value;

		if (!column->generated || !bms_is_member(column->attnum, *needed))
			continue;
		if (generated == NULL)
		{
			generated = palloc0(sizeof(OssGenerated));
			generated->columns = palloc0(sizeof(GeneratedColumn) * layout->column_count);
			generated->context = CreateStandaloneExprContext();
		}
		value = (Expr *) build_column_default(rel, column->attnum);
		if (value == NULL)
			elog(ERROR, "no generation expression found for column number %d of table \"%s\"",
				 column->attnum, RelationGetRelationName(rel));
		pull_varattnos((Node *) value, 1, &used);
		generated->columns[generated->count].attnum = column->attnum;
		generated->columns[generated->count++].value =
			ExecInitExpr(expression_planner(value), NULL);
	}
	while ((attnum = bms_next_member(used, attnum)) >= 0)
		if (attnum + FirstLowInvalidHeapAttributeNumber > 0)
			*needed = bms_add_member(*needed, attnum + FirstLowInvalidHeapAttributeNumber);
	return generated;
}

bool
oss_generated_has(const OssGenerated *generated, Bitmapset *attnums)
{
	for (int i = 0; generated && i < generated->count; i++)
		if (bms_is_member(generated->columns[i].attnum, attnums))
			return true;
	return false;
}

/* The slot's arrays have the other columns; the values live until the next row. */
void
oss_generated_compute(OssGenerated *generated, TupleTableSlot *slot)
{
	ExprContext *context = generated->context;

	ResetExprContext(context);
	ExecStoreVirtualTuple(slot);
	context->ecxt_scantuple = slot;
	for (int i = 0; i < generated->count; i++)
	{
		GeneratedColumn *column = &generated->columns[i];

		slot->tts_values[column->attnum - 1] = ExecEvalExprSwitchContext(
			column->value, context, &slot->tts_isnull[column->attnum - 1]);
	}
	ExecClearTuple(slot);
}

static bool
is_not_safe(Oid function, void *context)
{
	return func_parallel(function) != PROPARALLEL_SAFE;
}

static bool
has_unsafe(Node *node, void *context)
{
	/* a domain's constraints may call anything */
	if (node == NULL || IsA(node, CoerceToDomain))
		return node != NULL;
	return check_functions_in_node(node, is_not_safe, context) ||
		   expression_tree_walker(node, has_unsafe, context);
}

/* The planner does not know these expressions, so it has not looked for functions that may not run in a worker. */
bool
oss_generated_parallel_safe(Oid relid)
{
	Relation rel = table_open(relid, NoLock);
	TupleDesc desc = RelationGetDescr(rel);
	bool safe = true;

	for (int i = 0; i < desc->natts && safe && desc->constr && desc->constr->has_generated_stored;
		 i++)
		if (TupleDescAttr(desc, i)->attgenerated == ATTRIBUTE_GENERATED_STORED)
			safe = !has_unsafe(build_column_default(rel, i + 1), NULL);
	table_close(rel, NoLock);
	return safe;
}
