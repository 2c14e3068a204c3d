/*
 * plan.c
 *	  Estimates, the path and the plan of a scan; ANALYZE.
 *
 * Planning asks the network nothing unless use_remote_estimate is set: row counts come from ANALYZE, or from the size
 * that the last ANALYZE saw, or from a guess.  The plan carries the attribute numbers that the query needs.
 */
#include "oss_fdw.h"

#include "access/sysattr.h"
#include "access/htup_details.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/plancat.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/sampling.h"

#define GUESSED_BYTES (10.0 * 1024 * 1024) /* a table of which nothing is known */
#define REQUEST_COST 100.0				   /* a round trip, in units of seq_page_cost */
#define SAMPLE_BYTES (64.0 * 1024 * 1024)  /* stored bytes that ANALYZE reads */
#define FILTER_FIRST_SELECTIVITY 0.25	   /* below it, conditions are tried before the other columns are converted */
#define FIELD_COST_FACTOR 0.2			   /* parsing a field, in units of cpu_operator_cost */

static double stored_bytes(Oid relid, const RelOptInfo *baserel, OssOptions *options);
static void add_parallel_path(PlannerInfo *root, RelOptInfo *baserel, Cost startup, Cost per_row);
static List *needed_attributes(RelOptInfo *baserel);
static bool filters_first(const RelOptInfo *baserel);
static int acquire_sample_rows(Relation relation, int elevel, HeapTuple *rows, int targrows, double *totalrows,
							   double *totaldeadrows);

void
ossGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	OssOptions options;
	double bytes;
	double width;

	oss_options_for_table(foreigntableid, OidIsValid(baserel->userid) ? baserel->userid : GetUserId(), &options);
	bytes = stored_bytes(foreigntableid, baserel, &options);
	if (baserel->tuples < 0 || baserel->pages == 0)
	{
		/* a text row is about as wide as its values */
		width = Max(get_relation_data_width(foreigntableid, NULL), 10);
		baserel->tuples = clamp_row_est(bytes / width);
	}
	else if (options.use_remote_estimate && baserel->pages > 0)
		baserel->tuples = clamp_row_est(baserel->tuples * bytes / ((double) baserel->pages * BLCKSZ));
	baserel->pages = (BlockNumber) Min(bytes / BLCKSZ + 1, (double) MaxBlockNumber - 1);
	set_baserel_size_estimates(root, baserel);
}

void
ossGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	double fields = list_length(needed_attributes(baserel));
	Cost startup = REQUEST_COST + baserel->baserestrictcost.startup;
	Cost per_row = cpu_tuple_cost + baserel->baserestrictcost.per_tuple + fields * cpu_operator_cost * FIELD_COST_FACTOR;
	Cost total = startup + seq_page_cost * baserel->pages + per_row * baserel->tuples;

	add_path(baserel, (Path *) oss_create_foreignscan_path(root, baserel, baserel->rows, startup, total, NIL,
														   baserel->lateral_relids, NULL, NIL));
	if (baserel->consider_parallel && baserel->lateral_relids == NULL)
		add_parallel_path(root, baserel, startup, per_row);
}

/* By how many processes the work is divided, as core reckons it. */
double
oss_parallel_share(int workers)
{
	return workers == 0 ? 1 : workers + (parallel_leader_participation ? Max(1.0 - 0.3 * workers, 0) : 0);
}

Cost
oss_request_cost(void)
{
	return REQUEST_COST;
}

/* Leader and workers share the objects; each object, or range of one, is read by one of them. */
static void
add_parallel_path(PlannerInfo *root, RelOptInfo *baserel, Cost startup, Cost per_row)
{
	int workers = compute_parallel_worker(baserel, baserel->pages, -1, max_parallel_workers_per_gather);
	ForeignPath *path;
	double share;

	if (workers <= 0)
		return;
	share = oss_parallel_share(workers);
	path = oss_create_foreignscan_path(root, baserel, clamp_row_est(baserel->rows / share), startup,
									   startup + seq_page_cost * baserel->pages / share + per_row * baserel->tuples / share, NIL,
									   NULL, NULL, NIL);
	path->path.parallel_aware = true;
	path->path.parallel_workers = workers;
	add_partial_path(baserel, (Path *) path);
}

ForeignScan *
ossGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid, ForeignPath *best_path, List *tlist,
				  List *scan_clauses, Plan *outer_plan)
{
	if (IS_UPPER_REL(baserel))
		return oss_count_plan(best_path, tlist);
	return make_foreignscan(tlist, extract_actual_clauses(scan_clauses, false), baserel->relid, NIL,
							list_make2(needed_attributes(baserel),
									   list_make2_int(root->qual_security_level > 0, filters_first(baserel))),
							NIL, NIL, outer_plan);
}

/* Do the conditions drop so many rows that their columns should be converted first? */
static bool
filters_first(const RelOptInfo *baserel)
{
	return baserel->baserestrictinfo != NIL && baserel->rows < baserel->tuples * FILTER_FIRST_SELECTIVITY;
}

bool
ossAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func, BlockNumber *totalpages)
{
	OssOptions options;
	double bytes = 0;
	ListCell *lc;

	/* as the owner, like the sampling that follows */
	oss_options_for_table(RelationGetRelid(relation), relation->rd_rel->relowner, &options);
	oss_options_add_folders(RelationGetRelid(relation), &options);
	foreach (lc, oss_list_table(&options))
		bytes += ((OssObject *) lfirst(lc))->size;
	*func = acquire_sample_rows;
	*totalpages = (BlockNumber) Min(bytes / BLCKSZ + 1, (double) MaxBlockNumber - 1);
	return true;
}

/* ---- helpers */

/* Bytes of all objects: asked, known from ANALYZE, or guessed. */
static double
stored_bytes(Oid relid, const RelOptInfo *baserel, OssOptions *options)
{
	double bytes = 0;
	ListCell *lc;

	if (!options->use_remote_estimate || options->bucket == NULL)
		return baserel->pages > 0 ? (double) baserel->pages * BLCKSZ : GUESSED_BYTES;
	oss_options_add_folders(relid, options);
	foreach (lc, oss_list_table(options))
		bytes += ((OssObject *) lfirst(lc))->size;
	return bytes;
}

/* Attribute numbers that the query reads, ascending; a whole-row reference needs all. */
static List *
needed_attributes(RelOptInfo *baserel)
{
	Bitmapset *used = NULL;
	List *needed = NIL;
	ListCell *lc;
	bool all;

	pull_varattnos((Node *) baserel->reltarget->exprs, baserel->relid, &used);
	foreach (lc, baserel->baserestrictinfo)
		pull_varattnos((Node *) ((RestrictInfo *) lfirst(lc))->clause, baserel->relid, &used);
	all = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used);
	for (int attnum = 1; attnum <= baserel->max_attr; attnum++)
		if (all || bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, used))
			needed = lappend_int(needed, attnum);
	return needed;
}

/* Objects chosen at random until SAMPLE_BYTES are reached; *fraction = their share of all bytes. */
static List *
sample_objects(Relation relation, double *fraction)
{
	OssOptions options;
	List *objects;
	List *chosen = NIL;
	double total = 0;
	double taken = 0;
	ReservoirStateData random;

	oss_options_for_table(RelationGetRelid(relation), GetUserId(), &options);
	oss_options_add_folders(RelationGetRelid(relation), &options);
	objects = oss_list_table(&options);
	for (int i = 0; i < list_length(objects); i++)
		total += ((OssObject *) list_nth(objects, i))->size;
	reservoir_init_selection_state(&random, 1);
	/* Fisher and Yates, as far as needed */
	for (int i = 0; i < list_length(objects) && taken < SAMPLE_BYTES; i++)
	{
		int j = i + (int) (sampler_random_fract(oss_reservoir_random(&random)) * (list_length(objects) - i));
		void *swap = list_nth(objects, j);

		lfirst(list_nth_cell(objects, j)) = list_nth(objects, i);
		lfirst(list_nth_cell(objects, i)) = swap;
		chosen = lappend(chosen, swap);
		taken += ((OssObject *) swap)->size;
	}
	*fraction = total > 0 ? taken / total : 1;
	return chosen;
}

/*
 * Rows of the chosen objects, sampled with Vitter's algorithm in one pass; the total is extrapolated by bytes.
 */
static int
acquire_sample_rows(Relation relation, int elevel, HeapTuple *rows, int targrows, double *totalrows, double *totaldeadrows)
{
	double fraction;
	List *objects = sample_objects(relation, &fraction);
	OssPlainScan *scan;
	ReservoirStateData reservoir;
	double seen = 0;
	double skip = -1;
	int kept = 0;
	TupleTableSlot *slot;

	*totalrows = *totaldeadrows = 0;
	if (objects == NIL)
		return 0;
	scan = oss_plain_scan_begin(relation, objects);
	reservoir_init_selection_state(&reservoir, targrows);
	while ((slot = oss_plain_scan_next(scan)) != NULL)
	{
		if (kept < targrows)
			rows[kept++] = ExecCopySlotHeapTuple(slot);
		else
		{
			if (skip < 0)
				skip = reservoir_get_next_S(&reservoir, seen, targrows);
			if (skip <= 0)
			{
				int victim = (int) (targrows * sampler_random_fract(oss_reservoir_random(&reservoir)));

				heap_freetuple(rows[victim]);
				rows[victim] = ExecCopySlotHeapTuple(slot);
			}
			skip -= 1;
		}
		seen += 1;
	}
	oss_plain_scan_end(scan, NULL);
	*totalrows = seen / fraction;
	ereport(elevel, (errmsg("\"%s\": read %.0f rows of %d objects, sampled %d, estimated %.0f rows in all",
							RelationGetRelationName(relation), seen, list_length(objects), kept, *totalrows)));
	return kept;
}
