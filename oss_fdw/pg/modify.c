/*
 * modify.c
 *	  INSERT, COPY FROM and routed rows into a foreign table: rows -> rowout.c -> blocks -> the core's export.
 *
 * Begin reads the options and looks at the place (export_mode); no object is begun before the first row.  Exec checks
 * what core does not check on foreign tables, formats the row into the writer's block and hands full blocks over.  End waits
 * for the parts, not for completion: that is xact.c's, in PRE_COMMIT.  One state serves INSERT, COPY and tuple routing; with
 * partition_by it holds one writer per folder.
 */
#include "oss_fdw.h"

#include "access/xact.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/progress.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "common/hashfn.h"
#include "storage/fd.h"
#include "storage/lock.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define MB ((uint64) 1 << 20)
#define SMALLEST_BUDGET (4 * MB) /* with less the core does not work */
#define MOST_EXPECTED (5000 * 256 * MB)

/* One folder of partition_by, or the only stream. */
typedef struct WriterEntry
{
	char *folder;		/* hash key; "" without partition_by */
	uint32 hash;
	char status;
	oc_writer *writer;
	uint64 rows;		/* in the block, not yet handed over */
} WriterEntry;

#define SH_PREFIX writers
#define SH_ELEMENT_TYPE WriterEntry
#define SH_KEY_TYPE char *
#define SH_KEY folder
#define SH_HASH_KEY(table, key) string_hash(key, strlen(key) + 1)
#define SH_EQUAL(table, a, b) (strcmp(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

typedef struct OssModifyState
{
	Relation rel;
	OssOptions options;
	OssLayout *layout;
	OssPlace *place;
	OssRowOut *out;
	OssExport *export;		/* registered in xact.c */
	writers_hash *writers;	/* partition_by */
	WriterEntry only;		/* without it */
	WriterEntry *last;		/* of the previous row: rows often come in order */
	FmgrInfo *partition_out; /* output functions of the partition columns */
	StringInfoData folder;	/* of the current row */
	bool check_constraints;
	bool check_partition;
	bool may_read_plan;		/* the plan's own slot has the same row: no need to deform the copy */
	bool plan_checked;		/* and its row type was compared */
	bool finished;
	bool progress;			/* we own the progress report */
	int64 rows;
	int64 next_look;		/* row count at which to look at the transfers */
	MemoryContext context;
	MemoryContext row_context;
} OssModifyState;

static OssModifyState *begin_modify(EState *estate, ResultRelInfo *rinfo, const Plan *source);
static void refuse_if_not_writable(const OssOptions *options, Relation rel, const OssPlace *place);
static void look_at_place(OssModifyState *state, OssClient *client);
static void lock_place(const OssModifyState *state);
static void open_export(OssModifyState *state, OssClient *client, const Plan *source);
static char *temp_folder(void);
static uint64 expected_bytes(const OssModifyState *state, const Plan *source);
static void prepare_helpers(OssExport *export, const OssOptions *options);
static uint64 memory_budget(const OssOptions *options);
static void row_to_folder(OssModifyState *state, TupleTableSlot *slot);
static WriterEntry *writer_for(OssModifyState *state, TupleTableSlot *slot);
static TupleTableSlot *row_source(OssModifyState *state, TupleTableSlot *slot, TupleTableSlot *plan_slot);
static bool plan_may_be_read(ResultRelInfo *rinfo);
static void open_writer(OssModifyState *state, WriterEntry *entry);
static void hand_over(OssModifyState *state, WriterEntry *entry);
static void look_at_transfers(OssModifyState *state);
static void finish_modify(OssModifyState *state);
static void bound_kept_memory(OssExport *export);
static void start_progress(OssModifyState *state);
static void summarize(const OssModifyState *state);

/* ---- callbacks */

List *
ossPlanForeignModify(PlannerInfo *root, ModifyTable *plan, Index resultRelation, int subplan_index)
{
	if (plan->operation != CMD_INSERT)
		return NIL; /* core refuses the rest, in its own words, when it is run */
	/* without an arbiter the clause passes the parser, and would silently do nothing */
	if (plan->onConflictAction != ONCONFLICT_NONE)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("INSERT with ON CONFLICT clause is not supported for oss_fdw foreign tables")));
	return NIL;
}

void
ossBeginForeignModify(ModifyTableState *mtstate, ResultRelInfo *rinfo, List *fdw_private, int subplan_index, int eflags)
{
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	rinfo->ri_FdwState = begin_modify(mtstate->ps.state, rinfo, outerPlan(mtstate->ps.plan));
	((OssModifyState *) rinfo->ri_FdwState)->may_read_plan = plan_may_be_read(rinfo);
}

/* COPY FROM, and a partition that gets its first routed row */
void
ossBeginForeignInsert(ModifyTableState *mtstate, ResultRelInfo *rinfo)
{
	ModifyTable *plan = castNode(ModifyTable, mtstate->ps.plan);

	if (plan && plan->onConflictAction != ONCONFLICT_NONE)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("INSERT with ON CONFLICT clause is not supported for oss_fdw foreign tables")));
	/* a plain INSERT's own target was begun by ossBeginForeignModify */
	if (rinfo->ri_FdwState == NULL)
		rinfo->ri_FdwState = begin_modify(mtstate->ps.state, rinfo, NULL);
}

TupleTableSlot *
ossExecForeignInsert(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot, TupleTableSlot *planSlot)
{
	OssModifyState *state = rinfo->ri_FdwState;
	TupleTableSlot *source;
	WriterEntry *entry;
	oc_block *block;

	if (state->check_constraints)
		ExecConstraints(rinfo, slot, estate);
	if (state->check_partition)
		ExecPartitionCheck(rinfo, slot, estate, true);

	source = row_source(state, slot, planSlot);
	slot_getallattrs(source);
	if (state->rows == 0)
		start_progress(state);
	entry = state->writers ? writer_for(state, source) : &state->only;
	if (entry->writer == NULL)
		open_writer(state, entry);
	block = oc_writer_block(entry->writer);
	oss_rowout_append(state->out, source, block);
	entry->rows++;
	if (block->size >= block->limit)
		hand_over(state, entry);
	if (++state->rows >= state->next_look)
		look_at_transfers(state);
	return slot;
}

void
ossEndForeignModify(EState *estate, ResultRelInfo *rinfo)
{
	OssModifyState *state = rinfo->ri_FdwState;

	if (state == NULL)
		return;
	finish_modify(state);
	summarize(state);
	oss_rowout_end(state->out);
	rinfo->ri_FdwState = NULL;
}

void
ossEndForeignInsert(EState *estate, ResultRelInfo *rinfo)
{
	ossEndForeignModify(estate, rinfo);
}

/*
 * Asked by information_schema for every table there is, so nothing may be raised here: options that do not fit together are the
 * statement's to refuse.
 */
int
ossIsForeignRelUpdatable(Relation rel)
{
	ListCell *lc;

	foreach (lc, GetForeignTable(RelationGetRelid(rel))->options)
	{
		DefElem *option = lfirst_node(DefElem, lc);
		bool updatable;

		if (pg_strcasecmp(option->defname, "updatable") == 0 && parse_bool(defGetString(option), &updatable) && !updatable)
			return 0;
		if (pg_strcasecmp(option->defname, "filepath") == 0 && oss_path_is_read_only(defGetString(option)))
			return 0;
	}
	return 1 << CMD_INSERT;
}

/*
 * Called after the run but before End: under ANALYZE the export is finished here, so that its figures are complete.
 */
void
ossExplainForeignModify(ModifyTableState *mtstate, ResultRelInfo *rinfo, List *fdw_private, int subplan_index, ExplainState *es)
{
	OssModifyState *state = rinfo->ri_FdwState;
	OssOptions options;
	uint64 rows, raw, stored;
	oc_stats *stats;

	oss_options_for_table(RelationGetRelid(rinfo->ri_RelationDesc), GetUserId(), &options);
	ExplainPropertyText("Export Place",
						oss_object_url(&options, options.filepath ? options.filepath : options.dir ? options.dir : options.prefix),
						es);
	ExplainPropertyText("Export Format", oss_codec_and_format(&options), es);
	ExplainPropertyInteger("Compression Workers", NULL, options.compression_threads, es);
	if (!es->analyze || state == NULL)
		return;
	finish_modify(state);
	oc_export_progress(state->export->core, &rows, &raw, &stored);
	stats = &state->export->stats;
	ExplainPropertyInteger("Exported Objects", NULL, oc_export_object_count(state->export->core), es);
	ExplainPropertyInteger("Exported Rows", NULL, rows, es);
	ExplainPropertyInteger("Raw Bytes", NULL, raw, es);
	ExplainPropertyInteger("Stored Bytes", NULL, stored, es);
	oss_explain_stats(stats, es);
}

/* ---- begin */

/* source: the plan of the rows, if all of them come here; else NULL. */
static OssModifyState *
begin_modify(EState *estate, ResultRelInfo *rinfo, const Plan *source)
{
	MemoryContext context = AllocSetContextCreate(estate->es_query_cxt, "oss_fdw export", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OssModifyState *state = palloc0(sizeof(OssModifyState));
	Relation rel = rinfo->ri_RelationDesc;
	TupleConstr *constraints = RelationGetDescr(rel)->constr;
	Oid user = oss_result_check_as_user(rinfo, estate);
	OssClient *client;

	state->rel = rel;
	state->context = context;
	state->row_context = AllocSetContextCreate(context, "oss_fdw export row", ALLOCSET_SMALL_SIZES);
	oss_options_for_table(RelationGetRelid(rel), OidIsValid(user) ? user : GetUserId(), &state->options);
	state->place = oss_place(&state->options);
	refuse_if_not_writable(&state->options, rel, state->place);
	state->layout = oss_layout(rel, &state->options);
	state->out = oss_rowout_begin(rel, &state->options, state->layout);
	state->check_constraints = constraints && (constraints->has_not_null || constraints->num_check > 0);
	state->check_partition = rel->rd_rel->relispartition && rinfo->ri_RootResultRelInfo == NULL;
	state->next_look = state->options.batch_size;
	initStringInfo(&state->folder);
	if (state->layout->partition_count > 0)
		state->writers = writers_create(context, 64, NULL);
	state->only.folder = "";

	client = oss_client_acquire(&state->options);
	state->export = oss_xact_add(client, &state->options, rel);
	look_at_place(state, client);
	open_export(state, client, source);
	MemoryContextSwitchTo(old);
	return state;
}

static void
refuse_if_not_writable(const OssOptions *options, Relation rel, const OssPlace *place)
{
	const char *name = RelationGetRelationName(rel);

	if (!options->updatable)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("foreign table \"%s\" does not allow inserts", name),
						errhint("Its option \"updatable\" is false.")));
	if (place->glob || place->archive_member)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("foreign table \"%s\" does not allow inserts", name),
						errdetail(place->archive_member ? "Members of archives can only be read."
														: "A filepath with wildcards can only be read.")));
	if (place->exact && options->export_mode == OC_EXPORT_APPEND)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("cannot append to the one object of foreign table \"%s\"", name),
						errhint("Set export_mode to overwrite or error_if_exists, or use dir or prefix.")));
	if (options->compression == OC_CODEC_SNAPPY)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("snappy can only be read")));
}

/* What export_mode asks for: an empty place, or the list of what will be replaced. */
static void
look_at_place(OssModifyState *state, OssClient *client)
{
	const OssOptions *options = &state->options;
	bool empty = options->export_mode == OC_EXPORT_ERROR_IF_EXISTS;
	const char *delimiter = NULL;
	List *keys;
	MemoryContext old;

	if (options->export_mode == OC_EXPORT_APPEND)
		return;
	lock_place(state);
	/* one object: overwriting is the PUT itself */
	if (state->place->exact && options->export_mode == OC_EXPORT_OVERWRITE)
		return;
	old = MemoryContextSwitchTo(TopTransactionContext);
	/* what is replaced is the table's own: folders that it does not read are not */
	if (!empty && state->layout->partition_count == 0)
		delimiter = state->place->delimiter;
	keys = oss_list_prefix(client, options->bucket, state->place->exact ? state->place->exact : state->place->write_place,
						   delimiter, empty ? 10 : 0, &state->export->stats);
	MemoryContextSwitchTo(old);
	if (options->export_mode == OC_EXPORT_OVERWRITE)
	{
		state->export->deletes = keys;
		return;
	}
	if (state->place->exact)
	{
		ListCell *lc;

		foreach (lc, keys)
			if (strcmp(lfirst(lc), state->place->exact) != 0)
				keys = foreach_delete_current(keys, lc);
	}
	if (keys != NIL)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("cannot export to foreign table \"%s\": its place is not empty", RelationGetRelationName(state->rel)),
						errdetail("There is an object \"%s\".", oss_object_url(options, linitial(keys))),
						errhint("Set export_mode to append or overwrite, or export to another place.")));
}

/*
 * Sessions of this server that export to one place with error_if_exists or overwrite take turns: an advisory lock of our own class, held
 * until the end of the transaction.  Other servers are kept out by the claim in xact.c.
 */
static void
lock_place(const OssModifyState *state)
{
	const char *name = oss_object_url(&state->options, state->place->exact ? state->place->exact : state->place->write_place);
	uint64 hash = oc_crc64(oc_crc64(0, name, strlen(name)), state->options.endpoint, strlen(state->options.endpoint));
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, InvalidOid, (uint32) (hash >> 32), (uint32) hash, 3);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

/* '/' and control characters of a relation's name would change the place */
static char *
safe_name(const char *name)
{
	char *safe = pstrdup(name);

	for (char *c = safe; *c; c++)
		if (*c == '/' || *c == '\\' || (unsigned char) *c < 0x20 || *c == 0x7f)
			*c = '_';
	return safe;
}

static void
open_export(OssModifyState *state, OssClient *client, const Plan *source)
{
	static const char *const suffixes[] = {
		[OC_FORMAT_CSV] = ".csv", [OC_FORMAT_TEXT] = ".txt", [OC_FORMAT_BINARY] = ".bin",
		[OC_FORMAT_FIXED] = ".txt", [OC_FORMAT_JSONL] = ".jsonl"};
	const OssOptions *options = &state->options;
	oc_export_options core = {0};
	StringInfoData header, trailer;
	oc_error error;
	const char *timestamp = oss_xact_timestamp();

	initStringInfo(&header);
	initStringInfo(&trailer);
	oss_rowout_frame(state->out, &header, &trailer);
	core.bucket = options->bucket;
	core.exact_key = state->place->exact;
	core.place = state->place->write_place;
	core.stem = psprintf("%s_%s_%s", safe_name(RelationGetRelationName(state->rel)), timestamp, oss_xact_token());
	core.suffix = suffixes[options->format];
	core.token = oss_xact_token();
	core.codec = options->compression == OC_CODEC_AUTO ? OC_CODEC_NONE : options->compression;
	core.level = options->compression_level;
	core.header = header.len ? header.data : NULL;
	core.header_size = header.len;
	core.trailer = trailer.len ? trailer.data : NULL;
	core.trailer_size = trailer.len;
	core.max_file_size = state->place->exact ? 0 : options->max_file_size;
	core.split_size = options->manifest ? (uint64) oss_split_size_kb * 1024 : 0;
	core.part_size = options->part_size_given ? options->part_size : 0;
	core.spill_directory = temp_folder();
	core.spill_limit = temp_file_limit < 0 ? 0 : Max((uint64) temp_file_limit * 1024, 1);
	core.expected_bytes = expected_bytes(state, source);
	core.max_connections = options->max_connections;
	core.max_memory = state->export->budget = memory_budget(options);
	core.group = oss_xact_group();
	core.forbid_overwrite = options->export_mode == OC_EXPORT_ERROR_IF_EXISTS;
	oss_attributes(options, false, &core.headers, &core.header_count);
	core.stats = &state->export->stats;
	state->export->core = oc_export_open(oss_client_core(client), oss_pool(options->compression_threads), &core, &error);
	if (state->export->core == NULL)
		oss_report_status(OC_FAILED, &error, NULL);
	if (state->place->write_place)
		state->export->place = MemoryContextStrdup(TopTransactionContext, state->place->write_place);
	if (core.forbid_overwrite && state->place->write_place)
		state->export->claim_key = oss_claim_key(state->place);
	oss_manifest_prepare(state->export, state->place, state->layout, timestamp);
	prepare_helpers(state->export, options);
}

/* Manifest and claim are encrypted and owned as the objects are: a bucket's policy may insist. */
static void
prepare_helpers(OssExport *export, const OssOptions *options)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	oc_header *headers;

	if (export->manifest_key || export->claim_key)
	{
		oss_attributes(options, true, &export->helper_headers, &export->helper_header_count);
		headers = unconstify(oc_header *, export->helper_headers);
		for (size_t i = 0; i < export->helper_header_count; i++)
			headers[i].value = pstrdup(headers[i].value); /* options live as long as the statement */
	}
	MemoryContextSwitchTo(old);
}

/*
 * Where parts that memory may not hold are collected: as the server's own temporary files, in temp_tablespaces or with the database.
 * The core has them open without a name, so that nothing is left to the resource owners; they are not counted by AcquireExternalFD,
 * being two or three of an export.
 */
static char *
temp_folder(void)
{
	char *path = palloc(MAXPGPATH);
	Oid tablespace;

	PrepareTempTablespaces();
	tablespace = GetNextTempTableSpace();
	if (!OidIsValid(tablespace))
		tablespace = OidIsValid(MyDatabaseTableSpace) ? MyDatabaseTableSpace : DEFAULTTABLESPACE_OID;
	TempTablespacePath(path, tablespace);
	/* mostly it is there; what is wrong with it, the first file will tell */
	(void) MakePGDirectory(path);
	return path;
}

/*
 * How large the one object will be, so that its parts can be of one size: as the planner has it, or as the owner of a filepath says by
 * max_file_size, which cannot end that object.  0 = unknown, or there will be many objects.  The planner is not believed beyond
 * MOST_EXPECTED: when it is wrong, parts of 256 MB in files cost little, those of 5 GB would hold up an object that fits into memory.
 */
static uint64
expected_bytes(const OssModifyState *state, const Plan *source)
{
	const OssOptions *options = &state->options;
	double bytes;

	if (state->place->exact && options->max_file_size_given && options->max_file_size > 0)
		return options->max_file_size;
	if (source == NULL || state->writers)
		return 0;
	bytes = source->plan_rows * source->plan_width;
	return bytes < MOST_EXPECTED ? (uint64) bytes : MOST_EXPECTED;
}

/*
 * Of one export; a part should fit several times, or else goes through a file and needs no memory.  What earlier ones keep until commit
 * is bounded (bound_kept_memory), the first open one gets what it wants of the rest, each further one at most half of what is left.  The
 * core makes do with little: parts and blocks become smaller.  Where the smallest budgets add up to more than oss_fdw.max_memory, the
 * group that all exports of the backend are in keeps them within it.
 */
static uint64
memory_budget(const OssOptions *options)
{
	uint64 cap = (uint64) oss_max_memory_kb * 1024;
	uint64 wanted = 4 * (uint64) options->part_size;
	uint64 kept, promised, left;

	oss_xact_memory(&kept, &promised);
	left = cap - Min(kept + promised, cap);
	if (promised > 0)
		left /= 2;
	if (wanted < 64 * MB || wanted > left)
		wanted = 64 * MB;
	if (options->partition_by)
		wanted = Max(wanted, cap * 3 / 4);
	wanted = Min(wanted, left);
	return Max(wanted, SMALLEST_BUDGET);
}

/* ---- rows */

/* Triggers and generated columns change the row between the plan and us. */
static bool
plan_may_be_read(ResultRelInfo *rinfo)
{
	TupleConstr *constraints = RelationGetDescr(rinfo->ri_RelationDesc)->constr;

	return rinfo->ri_RootResultRelInfo == NULL && !(constraints && constraints->has_generated_stored) &&
		   !(rinfo->ri_TrigDesc && rinfo->ri_TrigDesc->trig_insert_before_row);
}

/*
 * Core copies the row into a heap tuple for us.  Where the plan computed it (a virtual slot), reading the plan's values saves
 * taking the copy apart again.
 */
static TupleTableSlot *
row_source(OssModifyState *state, TupleTableSlot *slot, TupleTableSlot *plan_slot)
{
	if (!state->may_read_plan || plan_slot == NULL || !TTS_IS_VIRTUAL(plan_slot))
		return slot;
	if (!state->plan_checked)
	{
		TupleDesc target = slot->tts_tupleDescriptor;
		TupleDesc source = plan_slot->tts_tupleDescriptor;

		state->plan_checked = true;
		state->may_read_plan = source->natts >= target->natts;
		for (int i = 0; state->may_read_plan && i < target->natts; i++)
			if (!TupleDescAttr(target, i)->attisdropped &&
				TupleDescAttr(source, i)->atttypid != TupleDescAttr(target, i)->atttypid)
				state->may_read_plan = false;
		if (!state->may_read_plan)
			return slot;
	}
	return plan_slot;
}

/*
 * Hive's escapes (and '.' alone, which would climb): bytes that mean something in a path are written as %XX.  NULL is
 * __HIVE_DEFAULT_PARTITION__; a value that reads like it gets its first byte escaped.
 */
static void
append_folder_value(StringInfo folder, const char *value)
{
	if (value == NULL)
	{
		appendStringInfoString(folder, "__HIVE_DEFAULT_PARTITION__");
		return;
	}
	for (const char *c = value; *c; c++)
	{
		unsigned char byte = (unsigned char) *c;
		bool first = c == value;

		if (byte < 0x20 || byte == 0x7f || strchr("\"#%'*/:=?\\{[]^", byte) ||
			(first && (byte == '.' || strcmp(value, "__HIVE_DEFAULT_PARTITION__") == 0)))
			appendStringInfo(folder, "%%%02X", byte);
		else
			appendStringInfoChar(folder, *c);
	}
}

/* "a=1/b=x/" for the slot's row, into state->folder */
static void
row_to_folder(OssModifyState *state, TupleTableSlot *slot)
{
	MemoryContext old = MemoryContextSwitchTo(state->row_context);

	resetStringInfo(&state->folder);
	for (int i = 0; i < state->layout->partition_count; i++)
	{
		const OssColumn *column = &state->layout->columns[state->layout->partition_columns[i]];
		bool isnull = slot->tts_isnull[column->attnum - 1];

		append_folder_value(&state->folder, column->name);
		appendStringInfoChar(&state->folder, '=');
		append_folder_value(&state->folder, isnull ? NULL : oss_rowout_text(state->out, state->layout->partition_columns[i],
																			 slot->tts_values[column->attnum - 1]));
		appendStringInfoChar(&state->folder, '/');
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->row_context);
}

static WriterEntry *
writer_for(OssModifyState *state, TupleTableSlot *slot)
{
	WriterEntry *entry;
	bool found;

	row_to_folder(state, slot);
	if (state->last && strcmp(state->last->folder, state->folder.data) == 0)
		return state->last;
	entry = writers_lookup(state->writers, state->folder.data);
	if (entry == NULL)
	{
		char *folder = MemoryContextStrdup(state->context, state->folder.data);

		state->last = NULL; /* the table may move */
		entry = writers_insert(state->writers, folder, &found);
		entry->writer = NULL;
		entry->rows = 0;
	}
	state->last = entry;
	return entry;
}

static void
open_writer(OssModifyState *state, WriterEntry *entry)
{
	oc_error error;

	entry->writer = oc_writer_open(state->export->core, entry->folder, &error);
	if (entry->writer == NULL)
		oss_report_status(OC_FAILED, &error, NULL);
}

/* Hands a full block over, waiting while the window is full. */
static void
hand_over(OssModifyState *state, WriterEntry *entry)
{
	const char *what = "could not export";
	oc_error error;
	oc_status status;

	while ((status = oc_writer_flush_rows(entry->writer, entry->rows, &error)) == OC_AGAIN)
	{
		entry->rows = 0;
		status = oc_export_wait(state->export->core, &oss_waiter, &error);
		if (status != OC_OK)
			break;
	}
	entry->rows = 0;
	if (status != OC_OK)
		oss_report_status(status, &error, what);
}

/*
 * Every batch_size rows: what has ended makes room for what waits, long before the block is full; and progress.  Failures of
 * transfers come up when blocks are handed over.
 */
static void
look_at_transfers(OssModifyState *state)
{
	uint64 rows, raw, stored;

	state->next_look = state->rows + state->options.batch_size;
	oc_export_pump(state->export->core);
	if (!state->progress)
		return;
	oc_export_progress(state->export->core, &rows, &raw, &stored);
	pgstat_progress_update_param(PROGRESS_COPY_TUPLES_PROCESSED, state->rows);
	pgstat_progress_update_param(PROGRESS_COPY_BYTES_PROCESSED, raw);
}

/* ---- end */

static void
finish_modify(OssModifyState *state)
{
	OssExport *export = state->export;
	bool force = state->rows == 0 && (state->options.write_empty == OSS_WRITE_EMPTY_ALWAYS ||
									  (state->options.write_empty == OSS_WRITE_EMPTY_AUTO &&
									   state->options.header != OSS_HEADER_NONE));
	oc_error error;
	oc_status status;

	if (state->finished)
		return;
	if (state->writers)
	{
		writers_iterator iterator;
		WriterEntry *entry;

		writers_start_iterate(state->writers, &iterator);
		while ((entry = writers_iterate(state->writers, &iterator)) != NULL)
			if (entry->writer && entry->rows > 0)
				hand_over(state, entry);
	}
	else if (state->only.writer && state->only.rows > 0)
		hand_over(state, &state->only);
	status = oc_export_finish(export->core, force, &oss_waiter, &error);
	if (status != OC_OK)
		oss_report_status(status, &error, "could not export");
	export->finished = true;
	bound_kept_memory(export);
	export->rows = state->rows;
	state->finished = true;
	if (state->progress)
		pgstat_progress_end_command();
	state->progress = false;
}

/*
 * Small objects wait for commit in memory.  Many statements in one transaction have many of them: beyond a quarter of
 * oss_fdw.max_memory they go to the store at once, as uploads of one part.
 */
static void
bound_kept_memory(OssExport *export)
{
	uint64 kept, promised;
	oc_error error;
	oc_status status;

	oss_xact_memory(&kept, &promised);
	if (kept <= (uint64) oss_max_memory_kb * 1024 / 4)
		return;
	status = oc_export_unload(export->core, &oss_waiter, &error);
	if (status != OC_OK)
		oss_report_status(status, &error, "could not export");
}

/* COPY reports by itself; others get a line of pg_stat_progress_copy from us. */
static void
start_progress(OssModifyState *state)
{
	if (!pgstat_track_activities || MyBEEntry == NULL || MyBEEntry->st_progress_command != PROGRESS_COMMAND_INVALID)
		return;
	pgstat_progress_start_command(PROGRESS_COMMAND_COPY, RelationGetRelid(state->rel));
	pgstat_progress_update_param(PROGRESS_COPY_COMMAND, PROGRESS_COPY_COMMAND_TO);
	pgstat_progress_update_param(PROGRESS_COPY_TYPE, PROGRESS_COPY_TYPE_PROGRAM);
	state->progress = true;
}

static void
summarize(const OssModifyState *state)
{
	uint64 rows, raw, stored;

	if (!oss_export_summary)
		return;
	oc_export_progress(state->export->core, &rows, &raw, &stored);
	ereport(NOTICE, (errmsg("exported " INT64_FORMAT " rows, " UINT64_FORMAT " bytes (" UINT64_FORMAT
							" before compression) in %zu objects to \"%s\"",
							state->rows, stored, raw, oc_export_object_count(state->export->core),
							oss_object_url(&state->options, state->place->exact ? state->place->exact : state->place->write_place))));
}
