/*
 * oss_fdw.h
 *	  What the files of pg/ share: state structs, and prototypes under the name of the file that owns them.
 */
#ifndef OSS_FDW_H
#define OSS_FDW_H

#include "compat.h"

#include "access/tupdesc.h"
#include "foreign/foreign.h"
#include "nodes/pathnodes.h"
#include "utils/hsearch.h"
#include "utils/rel.h"

#include "oc.h"

/* ---- oss_fdw.c: module, settings, handler */

extern int oss_max_memory_kb;			/* oss_fdw.max_memory */
extern int oss_split_size_kb;			/* oss_fdw.split_size */
extern bool oss_fast_paths;				/* oss_fdw.fast_paths */
extern bool oss_export_summary;			/* oss_fdw.export_summary */
extern char *oss_allowed_endpoints;		/* oss_fdw.allowed_endpoints */
extern char *oss_read_one_file;			/* oss_fdw.read_one_file */
extern bool oss_use_threads;			/* oss_fdw.use_threads */

/* ---- option.c: the options table; strings -> OssOptions */

typedef enum OssHeader
{
	OSS_HEADER_NONE,
	OSS_HEADER_WRITE,
	OSS_HEADER_MATCH,
} OssHeader;

typedef enum OssWriteEmpty
{
	OSS_WRITE_EMPTY_AUTO,
	OSS_WRITE_EMPTY_ALWAYS,
	OSS_WRITE_EMPTY_NEVER,
} OssWriteEmpty;

/*
 * All options of a server, a user mapping and a foreign table, merged and parsed.  Strings live in the memory context
 * that was current when they were read; NULL means "not given".
 */
typedef struct OssOptions
{
	/* server */
	char *endpoint;
	int provider;				/* oc_provider */
	char *region;
	char *bucket;				/* the table's, else the server's */
	int addressing;				/* oc_addressing */
	int signature_version;		/* oc_signature */
	bool use_ssl;
	bool use_ssl_given;
	int64 connect_timeout;		/* ms */
	int64 low_speed_limit;		/* bytes per second */
	int64 low_speed_time;		/* s */
	int64 dns_cache_timeout;	/* s */
	int max_retries;
	int64 retry_timeout;		/* ms */
	int max_connections;
	char *proxy;
	char *ca_file;
	bool ssl_verify;
	bool use_remote_estimate;

	/* user mapping */
	char *access_key_id;
	char *access_key_secret;
	char *security_token;

	/* place */
	char *filepath;
	char *dir;					/* ends in '/' (or is empty: the whole bucket) */
	char *prefix;
	char *location;
	bool recursive;

	/* format */
	int format;					/* oc_format */
	char *delimiter;
	char *null_string;
	char *quote;
	char *escape;
	int header;					/* OssHeader */
	char *encoding;
	char *force_quote;			/* table level: '*' or a list of columns */
	char *force_not_null;
	char *force_null;
	char *eol;
	bool multi_line;			/* csv: quoted fields may hold line ends */
	bool multi_line_given;
	bool noescaping;
	int64 skip;
	char *date_format;
	char *time_format;
	char *timestamp_format;
	bool ignore_extra_data;
	bool fill_missing_fields;
	bool compatible_illegal_chars;
	char *reject_limit;
	bool log_errors;
	char *error_table;
	int compression;			/* oc_codec */
	int compression_level;

	/* writing */
	int export_mode;			/* oc_export_mode */
	int64 max_file_size;
	bool max_file_size_given;
	int64 part_size;
	bool part_size_given;
	int batch_size;
	bool manifest;
	int write_empty;			/* OssWriteEmpty */
	char *partition_by;
	bool keep_partition_columns;
	char *storage_class;
	char *acl;
	char *sse;
	char *sse_kms_key_id;
	char *tagging;
	char *metadata;
	char *content_type;
	bool truncatable;
	bool updatable;
	int compression_threads;
	int64 max_decompressed_bytes;

	/* derived */
	int encoding_id;			/* of the objects */
	Oid serverid;
	Oid userid;
} OssOptions;

typedef enum OssMetadataKind
{
	OSS_METADATA_NONE,
	OSS_METADATA_PATH,
	OSS_METADATA_FILE,
	OSS_METADATA_SIZE,
	OSS_METADATA_MTIME,
	OSS_METADATA_ETAG,
	OSS_METADATA_LINE,
} OssMetadataKind;

typedef struct OssColumnOptions
{
	bool force_null;
	bool force_not_null;
	bool force_quote;
	bool partition;				/* value comes from the col=value/ folder */
	int metadata;				/* OssMetadataKind */
	char *position;				/* as given: 'offset,length' */
	uint32 offset;				/* from position, bytes, from 0 */
	uint32 length;
	char *json_name;
} OssColumnOptions;

extern void oss_options_init(OssOptions *options);
extern void oss_options_for_server(Oid serverid, Oid userid, OssOptions *options);
extern void oss_options_for_table(Oid relid, Oid userid, OssOptions *options);
/* partition columns make a dir recursive */
extern void oss_options_add_folders(Oid relid, OssOptions *options);
extern void oss_options_for_column(Oid relid, AttrNumber attnum, OssColumnOptions *options);

/* Rows may be rejected: which are bad must then not depend on the columns or rows that a query asks for. */
static inline bool
oss_may_reject(const OssOptions *options)
{
	return options->reject_limit && strcmp(options->reject_limit, "0") != 0;
}

/* ---- option_check.c: what must hold among the options of one object */

extern void oss_options_check_table(OssOptions *options);
extern void oss_options_check_server(OssOptions *options);

/* ---- layout.c: which columns of a relation are in the file, and how */

typedef struct OssColumn
{
	AttrNumber attnum;
	char *name;
	Oid type;
	int32 typmod;
	bool in_file;				/* part of the row's text */
	bool generated;				/* computed when read */
	int partition_index;		/* of partition_by, from 0; -1 = none */
	OssColumnOptions options;
} OssColumn;

typedef struct OssLayout
{
	int column_count;			/* live columns */
	OssColumn *columns;
	int file_count;				/* columns in the file, in order */
	int *file_columns;			/* indexes into columns */
	int partition_count;
	int *partition_columns;		/* in the order of partition_by, or of the columns */
	bool has_metadata;
} OssLayout;

extern OssLayout *oss_layout(Relation rel, const OssOptions *options);

/* ---- bind.c: options -> core clients; the only file that hands secrets on */

typedef struct OssClient OssClient;	/* a cached oc_client with a reference count */

extern OssClient *oss_client_acquire(const OssOptions *options);
extern void oss_client_release(OssClient *client);
extern oc_client *oss_client_core(OssClient *client);
extern oc_io *oss_io(void);
extern oc_pool *oss_pool(int workers);
extern void oss_config_fill(const OssOptions *options, oc_config *config);
extern void oss_options_require_bucket(const OssOptions *options);
extern void oss_bind_forget(void);

/* ---- wait.c: the only place where the backend sleeps */

extern const oc_waiter oss_waiter;
extern void oss_wait_init(void);

/* ---- report.c: oc_error -> ereport */

extern void oss_report(int elevel, const oc_error *error, const char *what);
pg_noreturn extern void oss_report_status(oc_status status, const oc_error *error, const char *what);

/* ---- place.c: which objects a table reads */

typedef struct OssPlace
{
	char *bucket;
	char *list_prefix;			/* what LIST is asked for */
	char *delimiter;			/* "/" or NULL */
	char *exact;				/* the one key, no LIST */
	char *glob;					/* pattern that keys must match, or NULL */
	char *write_place;			/* key prefix of new objects; NULL when only exact can be written */
	char *archive_member;		/* pattern behind '!' of an archive; NULL = none */
} OssPlace;

extern OssPlace *oss_place(const OssOptions *options);
extern bool oss_glob_match(const char *pattern, const char *key);
extern bool oss_has_glob(const char *pattern);
extern bool oss_path_is_read_only(const char *filepath);
extern char *oss_glob_quote(const char *key);

/* An object as the scan takes it; strings in the lister's context. */
typedef struct OssObject
{
	char *key;
	char *etag;
	uint64 size;
	int64 last_modified;		/* microseconds since 1970 */
	uint64 start;				/* first byte of the unit */
	uint64 end;					/* 0 = whole */
	bool crc64_known;			/* from a manifest */
	uint64 crc64;
	int64 rows;					/* from a manifest, -1 = unknown */
	oc_split_point *splits;		/* from a manifest: where the object can be entered */
	int split_count;
	int codec;					/* oc_codec; known when there are splits */
	bool exact;					/* the unit's bounds are splits, see oc_unit */
	char eol[3];				/* of the object's first line, see oc_unit */
} OssObject;

typedef struct OssLister OssLister;

extern OssLister *oss_lister_begin(const OssOptions *options, OssClient *client, oc_stats *stats);
/* a lister of a list that the caller has */
extern OssLister *oss_lister_of(const OssOptions *options, OssClient *client, List *objects);
extern OssObject *oss_lister_next(OssLister *lister); /* NULL at the end; waits, may ereport */
/* as above with errors as values: OC_OK, OC_END, OC_FAILED, OC_CANCELLED */
extern oc_status oss_lister_step(OssLister *lister, OssObject **object, oc_error *error);
/* one attempt of a few seconds, for looks that may fail */
extern void oss_lister_be_quick(OssLister *lister);
extern void oss_lister_end(OssLister *lister);
extern List *oss_list_all(const OssOptions *options, OssClient *client, oc_stats *stats);
extern List *oss_list_table(const OssOptions *options);
extern List *oss_list_prefix(OssClient *client, const char *bucket, const char *prefix, const char *delimiter,
							 int limit, oc_stats *stats);
extern char *oss_object_url(const OssOptions *options, const char *key);

/* ---- rowout.c: one slot -> bytes in a block */

typedef struct OssRowOut OssRowOut;

extern OssRowOut *oss_rowout_begin(Relation rel, const OssOptions *options, const OssLayout *layout);
extern void oss_rowout_append(OssRowOut *out, TupleTableSlot *slot, oc_block *block);
/* header and trailer bytes of every object, in the objects' encoding; size 0 = none */
extern void oss_rowout_frame(OssRowOut *out, StringInfo header, StringInfo trailer);
/* text form of a value, for folders; in the current memory context */
extern char *oss_rowout_text(OssRowOut *out, int column, Datum value);
extern void oss_rowout_end(OssRowOut *out);

extern oc_class oss_class_of(Oid type);
extern bool oss_in_column_list(const char *list, const char *name);
/* pins DateStyle and its like while input and output functions run; 0 = nothing pushed, else for AtEOXact_GUC */
extern int oss_push_pins(void);

/* ---- generated.c: stored generated columns, which are not in the file */

typedef struct OssGenerated OssGenerated;

extern OssGenerated *oss_generated_begin(Relation rel, const OssLayout *layout, Bitmapset **needed);
extern bool oss_generated_has(const OssGenerated *generated, Bitmapset *attnums);
extern void oss_generated_compute(OssGenerated *generated, TupleTableSlot *slot);
extern bool oss_generated_parallel_safe(Oid relid);

/* ---- rowin.c: fields -> datums */

typedef struct OssRowIn OssRowIn;

extern OssRowIn *oss_rowin_begin(Relation rel, const OssOptions *options, const OssLayout *layout, Bitmapset *needed);
extern void oss_rowin_filter(OssRowIn *in, Bitmapset *attnums);
extern int oss_rowin_fill(OssRowIn *in, oc_split_options *split);
extern void oss_rowin_object(OssRowIn *in, const char *bucket, const oc_object *object);
extern bool oss_rowin_row(OssRowIn *in, const oc_batch *batch, size_t row, TupleTableSlot *slot);
extern void oss_rowin_rest(OssRowIn *in, const oc_batch *batch, size_t row, TupleTableSlot *slot);
/* partition and metadata columns of an object, for pruning; values in the given context */
extern void oss_rowin_facts(OssRowIn *in, const char *bucket, const oc_object *object, TupleTableSlot *slot,
							MemoryContext context);
/* all rows were read: a percentage limit is judged, rejected rows are counted */
extern void oss_rowin_finish(OssRowIn *in);
extern bool oss_rowin_needs_row_facts(const OssRowIn *in);
extern bool oss_rowin_takes_any_bytes(const OssOptions *options); /* but NUL: SQL_ASCII, as COPY takes it */
extern void oss_rowin_context(void *arg); /* an error context callback: the current row */
extern bool oss_rowin_needs_lines(const OssRowIn *in); /* a line column is read */
extern bool oss_rowin_needs_mtime(const OssRowIn *in); /* an mtime column is read */

/* ---- xact.c: exports until COMMIT, by subtransaction */

typedef struct OssExport
{
	OssClient *client;
	oc_export *core;			/* NULL: only deletes */
	OssOptions *options;		/* in TopTransactionContext */
	char *relation_name;
	Oid relid;
	bool truncates;				/* TRUNCATE: what the transaction exported to relid before goes, too */
	char *place;				/* key prefix of its objects; NULL when it writes one exact object */
	char *manifest_body;		/* NULL: no manifest */
	char *manifest_key;
	bool manifest_put;
	char *columns_json;
	bool finished;
	List *deletes;				/* keys to delete after completion */
	int nest_level;
	int64 rows;
	uint64 budget;				/* bytes that core may take until it is finished */
	char *claim_key;			/* name of our claim on an error_if_exists place; NULL = none */
	bool claimed;				/* the claim may exist */
	const oc_header *helper_headers; /* attributes of manifest and claim */
	size_t helper_header_count;
	oc_stats stats;
	char **column_names;		/* for the manifest */
	char **column_types;
	int column_count;
} OssExport;

extern void oss_xact_init(void);
extern const char *oss_xact_token(void);
extern char *oss_xact_timestamp(void);
extern void oss_xact_memory(uint64 *kept, uint64 *promised);
extern oc_export_group *oss_xact_group(void);
extern OssExport *oss_xact_add(OssClient *client, const OssOptions *options, Relation rel);

/* ---- claim.c */

#define OSS_CLAIM_NAME "_exporting" /* behind the place */

extern char *oss_claim_key(const OssPlace *place);
extern void oss_claim_place(OssExport *export, const char *token);
extern void oss_claim_release(OssExport *export);

/* ---- manifest.c */

extern void oss_manifest_prepare(OssExport *export, const OssPlace *place, const OssLayout *layout, const char *timestamp);
extern void oss_manifest_build(OssExport *export);
extern List *oss_manifest_objects(const OssOptions *options, OssClient *client, oc_stats *stats);

/* ---- sqlfuncs.c */

extern void oss_require_table(Oid relid);
extern ForeignServer *oss_require_server(const char *name); /* one of ours, USAGE checked */

/* ---- attributes.c: storage class, ACL, ... in the dialect's headers */

extern void oss_attributes(const OssOptions *options, bool helper, const oc_header **headers, size_t *count);

/* ---- explain.c */

extern void oss_explain_stats(const oc_stats *stats, ExplainState *es);
extern char *oss_codec_and_format(const OssOptions *options);

/* ---- parallel.c */

typedef struct OssSharedScan OssSharedScan;

typedef struct OssCounters OssCounters;	/* what workers did */

extern List *oss_parallel_units(const OssOptions *options, OssClient *client, bool lines,
								bool (*takes)(void *arg, const OssObject *object), void *arg, oc_stats *stats);
extern Size oss_parallel_size(List *units);
extern void oss_parallel_fill(OssSharedScan *shared, List *units);
extern void oss_parallel_reset(OssSharedScan *shared);
extern bool oss_parallel_next(OssSharedScan *shared, OssObject *object);
extern OssCounters *oss_counters_create(void);
extern void oss_counters_share(OssSharedScan *shared, const OssCounters *counters);
extern void oss_counters_end(OssCounters *counters);
extern void oss_counters_add(const OssSharedScan *shared, int64 objects, int64 pruned, uint64 object_bytes, oc_stats *stats);
extern void oss_counters_take(OssCounters *counters, int64 *objects, int64 *pruned, uint64 *object_bytes, oc_stats *stats);

/* ---- plan.c */

extern double oss_parallel_share(int workers); /* 0 = serial */
extern Cost oss_request_cost(void);

/* ---- count.c: plans that yield the number of rows */

extern ForeignScan *oss_count_plan(const ForeignPath *path, List *tlist);
extern bool oss_plan_counts(const ForeignScan *plan);
extern Index oss_counted_relid(const ForeignScan *plan);

/* ---- insert.c: exports and loads without the executor's detours */

extern void oss_insert_init(void);

/* ---- scan.c: rows without an executor node */

typedef struct OssPlainScan OssPlainScan;

/* objects: NIL = all that the table reads, else only these (OssObject *, which must live as long) */
extern OssPlainScan *oss_plain_scan_begin(Relation rel, List *objects);
extern TupleTableSlot *oss_plain_scan_next(OssPlainScan *scan); /* NULL at the end */
extern void oss_plain_scan_end(OssPlainScan *scan, uint64 *bytes);

/* ---- scan.c, modify.c, plan.c, explain.c: FDW callbacks */

extern void ossGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid);
extern void ossGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid);
extern ForeignScan *ossGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid, ForeignPath *best_path,
									  List *tlist, List *scan_clauses, Plan *outer_plan);
extern void ossGetForeignUpperPaths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input_rel, RelOptInfo *output_rel,
									void *extra);
extern bool ossAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func, BlockNumber *totalpages);

extern void ossBeginForeignScan(ForeignScanState *node, int eflags);
extern TupleTableSlot *ossIterateForeignScan(ForeignScanState *node);
extern void ossReScanForeignScan(ForeignScanState *node);
extern bool ossRecheckForeignScan(ForeignScanState *node, TupleTableSlot *slot);
extern void ossEndForeignScan(ForeignScanState *node);
extern bool ossIsForeignScanParallelSafe(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte);
extern Size ossEstimateDSMForeignScan(ForeignScanState *node, ParallelContext *pcxt);
extern void ossInitializeDSMForeignScan(ForeignScanState *node, ParallelContext *pcxt, void *coordinate);
extern void ossReInitializeDSMForeignScan(ForeignScanState *node, ParallelContext *pcxt, void *coordinate);
extern void ossInitializeWorkerForeignScan(ForeignScanState *node, shm_toc *toc, void *coordinate);
extern void ossShutdownForeignScan(ForeignScanState *node);
extern void ossExplainForeignScan(ForeignScanState *node, ExplainState *es);

extern List *ossPlanForeignModify(PlannerInfo *root, ModifyTable *plan, Index resultRelation, int subplan_index);
extern void ossBeginForeignModify(ModifyTableState *mtstate, ResultRelInfo *rinfo, List *fdw_private, int subplan_index,
								  int eflags);
extern TupleTableSlot *ossExecForeignInsert(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
											TupleTableSlot *planSlot);
extern void ossEndForeignModify(EState *estate, ResultRelInfo *rinfo);
extern void ossBeginForeignInsert(ModifyTableState *mtstate, ResultRelInfo *rinfo);
extern void ossEndForeignInsert(EState *estate, ResultRelInfo *rinfo);
extern int ossIsForeignRelUpdatable(Relation rel);
extern void ossExplainForeignModify(ModifyTableState *mtstate, ResultRelInfo *rinfo, List *fdw_private, int subplan_index,
									ExplainState *es);
extern List *ossImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid serverOid);
extern void ossExecForeignTruncate(List *rels, DropBehavior behavior, bool restart_seqs);

#endif
