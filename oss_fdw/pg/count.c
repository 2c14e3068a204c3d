/*
 * count.c
 *	  SELECT count(*): planned as one scan that yields the number of rows, not the rows.
 *
 * The planner offers the step that aggregates (ossGetForeignUpperPaths).  Where nothing but rows of one of our tables is counted, the
 * splitters' own counts are added up (scan.c): no row is made, and the rows are checked as in any scan that needs no column.
 * In a parallel plan each process counts the units that it takes, and the executor adds the counts up (Finalize Aggregate).
 * Everything else keeps the ordinary plan.
 */
#include "oss_fdw.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/planmain.h"
#include "optimizer/tlist.h"
#include "utils/fmgroids.h"

#define COUNT_COST_FACTOR 0.1 /* counting a row, in units of cpu_operator_cost */

/* count(*), or count of a constant that is not NULL, and no condition of its own; of a process' share in a parallel plan, too */
static bool
counts_rows(const Node *node)
{
	const Aggref *aggregate = (const Aggref *) node;
	const Const *constant;

	if (!IsA(node, Aggref) || aggregate->aggfilter || aggregate->aggorder ||
		aggregate->aggdistinct || aggregate->agglevelsup != 0 ||
		(aggregate->aggsplit != AGGSPLIT_SIMPLE && aggregate->aggsplit != AGGSPLIT_INITIAL_SERIAL))
		return false;
	if (aggregate->aggfnoid == F_COUNT_)
		return true;
	if (aggregate->aggfnoid != F_COUNT_ANY || list_length(aggregate->args) != 1)
		return false;
	constant = (const Const *) ((TargetEntry *) linitial(aggregate->args))->expr;
	return IsA(constant, Const) && !constant->constisnull;
}

/* The aggregates of a target list that needs nothing but counts of rows; NIL = it needs something else. */
static List *
row_counts(const PathTarget *target)
{
	List *nodes =
		pull_var_clause((Node *) target->exprs, PVC_INCLUDE_AGGREGATES | PVC_INCLUDE_WINDOWFUNCS |
													PVC_INCLUDE_PLACEHOLDERS);
	ListCell *lc;

	foreach (lc, nodes)
		if (!counts_rows(lfirst(lc)))
			return NIL;
	return nodes;
}

/* Rows that may be rejected are counted only when all their columns are looked at. */
static bool
counts_all_rows(PlannerInfo *root, RelOptInfo *rel)
{
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
	OssOptions options;

	oss_options_for_table(rte->relid, OidIsValid(rel->userid) ? rel->userid : GetUserId(),
						  &options);
	return !oss_may_reject(&options);
}

/* Is the query nothing but a count of this relation's rows? */
static bool
is_plain_count(PlannerInfo *root, RelOptInfo *rel, const PathTarget *target)
{
	const Query *parse = root->parse;

	return rel->reloptkind == RELOPT_BASEREL && !IS_DUMMY_REL(rel) && parse->hasAggs &&
		   parse->groupClause == NIL && parse->groupingSets == NIL && parse->havingQual == NULL &&
		   !parse->hasTargetSRFs && rel->baserestrictinfo == NIL &&
		   bms_is_empty(rel->lateral_relids) &&
		   !planner_rt_fetch(rel->relid, root)->inh && /* rows of children count, too */
		   row_counts(target) != NIL && counts_all_rows(root, rel);
}

/* workers 0: the whole count */
static ForeignPath *
make_path(PlannerInfo *root, RelOptInfo *input_rel, RelOptInfo *output_rel, PathTarget *target,
		  int workers)
{
	double share = oss_parallel_share(workers);
	Cost cost = oss_request_cost() + (seq_page_cost * input_rel->pages +
									  cpu_operator_cost * COUNT_COST_FACTOR * input_rel->tuples) /
										 share;
	ForeignPath *path = oss_create_foreign_upper_path(root, output_rel, target, 1, cost, cost, NIL);

	path->path.parallel_aware = workers > 0;
	path->path.parallel_workers = workers;
	return path;
}

void
ossGetForeignUpperPaths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input_rel,
						RelOptInfo *output_rel, void *extra)
{
	PathTarget *target =
		stage == UPPERREL_GROUP_AGG ? root->upper_targets[stage] : output_rel->reltarget;
	Path *partial;

	if ((stage != UPPERREL_GROUP_AGG && stage != UPPERREL_PARTIAL_GROUP_AGG) ||
		!is_plain_count(root, input_rel, target))
		return;
	if (stage == UPPERREL_GROUP_AGG)
	{
		add_path(output_rel, (Path *) make_path(root, input_rel, output_rel, target, 0));
		return;
	}
	if (input_rel->partial_pathlist == NIL || !output_rel->consider_parallel)
		return;
	partial = linitial(input_rel->partial_pathlist);
	add_partial_path(output_rel, (Path *) make_path(root, input_rel, output_rel, target,
													partial->parallel_workers));
}

/* The plan of such a path: the scan yields one column for each aggregate. */
ForeignScan *
oss_count_plan(const ForeignPath *path, List *tlist)
{
	List *counts = row_counts(path->path.pathtarget);
	List *scan_tlist = add_to_flat_tlist(NIL, counts);

	return make_foreignscan(tlist, NIL, 0, NIL, NIL, scan_tlist, NIL, NULL);
}

/* Is this plan node one of them? */
bool
oss_plan_counts(const ForeignScan *plan)
{
	return plan->scan.scanrelid == 0;
}

/* The range table entry whose rows are counted. */
Index
oss_counted_relid(const ForeignScan *plan)
{
	return bms_singleton_member(plan->fs_relids);
}
