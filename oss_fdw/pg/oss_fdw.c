/*
 * oss_fdw.c
 *	  The door of the extension: module, settings, handler table.
 *
 * Nothing here starts a thread: _PG_init may run in the postmaster.
 */
#include "oss_fdw.h"

#include "miscadmin.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(oss_fdw_handler);
PG_FUNCTION_INFO_V1(oss_fdw_version);

#define OSS_FDW_VERSION "1.0.0"

int oss_max_memory_kb = 256 * 1024;
int oss_split_size_kb = 32 * 1024;
bool oss_fast_paths = true;
bool oss_export_summary = false;
char *oss_allowed_endpoints = NULL;
char *oss_read_one_file = NULL;
bool oss_use_threads = true;

void _PG_init(void);

static void
forget_clients(const char *newval, void *extra)
{
	oss_bind_forget();
}

void
_PG_init(void)
{
	DefineCustomStringVariable("oss_fdw.allowed_endpoints", "Host patterns that servers may have as endpoint.",
							   "Separated by commas, with * as wildcard; empty allows any.", &oss_allowed_endpoints, "",
							   PGC_SUSET, 0, NULL, forget_clients, NULL);
	DefineCustomBoolVariable("oss_fdw.export_summary", "Shows a NOTICE with rows, bytes and objects at the end of an export.",
							 NULL, &oss_export_summary, false, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("oss_fdw.fast_paths", "Formats and parses common types without their input and output functions, and loads many rows at a time.",
							 "The result is the same; off is slower.", &oss_fast_paths, true, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("oss_fdw.max_memory", "Memory for blocks and parts of one backend.", NULL, &oss_max_memory_kb,
							256 * 1024, 16 * 1024, MAX_KILOBYTES, PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomStringVariable("oss_fdw.read_one_file", "Narrows every scan to the object of this name.", NULL,
							   &oss_read_one_file, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("oss_fdw.split_size", "Size of the pieces in which parallel scans read large objects.",
							"Objects smaller than two pieces stay whole. Manifests record places that are at least so far apart.", &oss_split_size_kb, 32 * 1024, 16, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomBoolVariable("oss_fdw.use_threads", "Transfers and compresses in threads of the backend.",
							 "Off does everything in the backend's own thread; it counts for new sessions.", &oss_use_threads,
							 true, PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("oss_fdw");
	oss_xact_init();
	oss_insert_init();
}

Datum
oss_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = ossGetForeignRelSize;
	routine->GetForeignPaths = ossGetForeignPaths;
	routine->GetForeignPlan = ossGetForeignPlan;
	routine->GetForeignUpperPaths = ossGetForeignUpperPaths;
	routine->BeginForeignScan = ossBeginForeignScan;
	routine->IterateForeignScan = ossIterateForeignScan;
	routine->ReScanForeignScan = ossReScanForeignScan;
	routine->RecheckForeignScan = ossRecheckForeignScan;
	routine->EndForeignScan = ossEndForeignScan;
	routine->ExplainForeignScan = ossExplainForeignScan;
	routine->AnalyzeForeignTable = ossAnalyzeForeignTable;

	routine->IsForeignScanParallelSafe = ossIsForeignScanParallelSafe;
	routine->EstimateDSMForeignScan = ossEstimateDSMForeignScan;
	routine->InitializeDSMForeignScan = ossInitializeDSMForeignScan;
	routine->ReInitializeDSMForeignScan = ossReInitializeDSMForeignScan;
	routine->InitializeWorkerForeignScan = ossInitializeWorkerForeignScan;
	routine->ShutdownForeignScan = ossShutdownForeignScan;

	routine->PlanForeignModify = ossPlanForeignModify;
	routine->BeginForeignModify = ossBeginForeignModify;
	routine->ExecForeignInsert = ossExecForeignInsert;
	routine->EndForeignModify = ossEndForeignModify;
	routine->BeginForeignInsert = ossBeginForeignInsert;
	routine->EndForeignInsert = ossEndForeignInsert;
	routine->IsForeignRelUpdatable = ossIsForeignRelUpdatable;
	routine->ExplainForeignModify = ossExplainForeignModify;
	routine->ImportForeignSchema = ossImportForeignSchema;
	routine->ExecForeignTruncate = ossExecForeignTruncate;

	PG_RETURN_POINTER(routine);
}

Datum
oss_fdw_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(OSS_FDW_VERSION));
}
