/*
 * compat.h
 *	  Every difference between the server versions that we support (14 to 18).
 *
 * The only file that tests PG_VERSION_NUM.
 */
#ifndef OSS_FDW_COMPAT_H
#define OSS_FDW_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 140000
#error "oss_fdw needs PostgreSQL 14 or later"
#endif

#include "commands/explain.h"
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif
#include "executor/executor.h"
#include "foreign/fdwapi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "optimizer/pathnode.h"
#include "parser/parsetree.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/sampling.h"
#include "utils/tuplestore.h"
#include "utils/wait_event.h"

/* libpq/libpq.h has it, but needs the GSSAPI headers that a build of an extension has not */
extern bool pq_check_connection(void);

/* 15 made prefix reservation a hard rule under a new name */
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* the user whose mapping and privileges count: the view owner's where a view is used */
#if PG_VERSION_NUM >= 160000
#define oss_scan_check_as_user(plan, rte) ((void) (rte), (plan)->checkAsUser)
#define oss_result_check_as_user(rri, estate) ExecGetResultRelCheckAsUser((rri), (estate))
#else
#define oss_scan_check_as_user(plan, rte) ((void) (plan), (rte)->checkAsUser)
static inline Oid
oss_result_check_as_user(ResultRelInfo *rri, EState *estate)
{
	ResultRelInfo *root = rri->ri_RootResultRelInfo ? rri->ri_RootResultRelInfo : rri;

	/* a routed partition may have no range table entry of its own: the root's counts */
	return root->ri_RangeTableIndex > 0 ? exec_rt_fetch(root->ri_RangeTableIndex, estate)->checkAsUser : InvalidOid;
}
#endif

static inline ForeignPath *
oss_create_foreignscan_path(PlannerInfo *root, RelOptInfo *rel, double rows, Cost startup, Cost total, List *pathkeys,
							Relids required_outer, Path *outer_path, List *fdw_private)
{
	return create_foreignscan_path(root, rel, NULL, rows,
#if PG_VERSION_NUM >= 180000
								   0,
#endif
								   startup, total, pathkeys, required_outer, outer_path,
#if PG_VERSION_NUM >= 170000
								   NIL,
#endif
								   fdw_private);
}

static inline ForeignPath *
oss_create_foreign_upper_path(PlannerInfo *root, RelOptInfo *rel, PathTarget *target, double rows, Cost startup, Cost total,
							  List *fdw_private)
{
	return create_foreign_upper_path(root, rel, target, rows,
#if PG_VERSION_NUM >= 180000
									 0,
#endif
									 startup, total, NIL, NULL,
#if PG_VERSION_NUM >= 170000
									 NIL,
#endif
									 fdw_private);
}

/* 16 tells indexes that only summarize apart */
#if PG_VERSION_NUM >= 160000
#define oss_insert_index_tuples(target, slot, estate) ExecInsertIndexTuples((target), (slot), (estate), false, false, NULL, NIL, false)
#else
#define oss_insert_index_tuples(target, slot, estate) ExecInsertIndexTuples((target), (slot), (estate), false, false, NULL, NIL)
#endif

/* named wait events exist since 17; before, all extensions share one */
#if PG_VERSION_NUM >= 170000
#define OSS_WAIT_EVENT_NEW(name) WaitEventExtensionNew(name)
#else
#define OSS_WAIT_EVENT_NEW(name) PG_WAIT_EXTENSION
#endif

/* columns computed on read (18) are not stored */
#if PG_VERSION_NUM >= 180000
#define oss_attribute_is_virtual(attribute) ((attribute)->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL)
#else
#define oss_attribute_is_virtual(attribute) false
#endif

/* 15 changed the sampler's random state from an array to a struct */
#if PG_VERSION_NUM >= 150000
#define oss_reservoir_random(state) (&(state)->randstate)
#else
#define oss_reservoir_random(state) ((state)->randstate)
#endif

#include "utils/acl.h"
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_class.h"
#include "catalog/pg_foreign_server.h"
#define oss_server_aclcheck(oid, role, mode) object_aclcheck(ForeignServerRelationId, (oid), (role), (mode))
#else
#define oss_server_aclcheck(oid, role, mode) pg_foreign_server_aclcheck((oid), (role), (mode))
#endif

/* 16 gave the function a place for soft errors: NULL raises */
#include "utils/regproc.h"
#if PG_VERSION_NUM >= 160000
#define oss_qualified_name_list(string) stringToQualifiedNameList((string), NULL)
#else
#define oss_qualified_name_list(string) stringToQualifiedNameList(string)
#endif

/* 18 has the word that stands before a declaration, and none that may follow it */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* a materialized result set; 15 has the function */
#if PG_VERSION_NUM < 150000
static inline void
InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;
	TupleDesc desc;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) || !(rsinfo->allowedModes & SFRM_Materialize))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("set-valued function called in a context that cannot accept a set")));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = tuplestore_begin_heap(true, false, work_mem);
	rsinfo->setDesc = CreateTupleDescCopy(desc);
	MemoryContextSwitchTo(old);
}
#endif

/* COPY takes a csv line of backslash and dot for the end of the data */
#define OSS_CSV_END_MARKER (PG_VERSION_NUM < 180000)
/* and in text nothing may stand before it on its line */
#define OSS_MARKER_ALONE (PG_VERSION_NUM >= 180000)

#endif
