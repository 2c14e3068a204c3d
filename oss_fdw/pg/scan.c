/*
 * scan.c
 *	  SELECT from a foreign table: objects -> the core's reader -> batches of fields -> rowin.c -> virtual slots.
 *
 * Begin reads options only; the store is asked at the first row, so EXPLAIN and never-executed nodes cost nothing.  Conditions on
 * partition and metadata columns are tried on each object before any byte of it is read.  What is in flight hangs on a
 * memory context's reset callback: an error, a LIMIT or a closed cursor releases everything.
 */
#include "scan.h"

#include "access/parallel.h"
#include "catalog/namespace.h"
#include "commands/progress.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define EXPLAIN_OBJECTS 100000 /* counted at most */

static OssScanState *make_scan_state(Relation rel, const OssOptions *options, Bitmapset *needed, MemoryContext parent);
static void start_pass(OssScanState *state);
static void start_members(OssScanState *state, const oc_reader_options *from);
static void end_pass(OssScanState *state);
static void release_scan(void *arg);
static void compute_generated(OssScanState *state, TupleTableSlot *slot);
static bool next_batch(OssScanState *state);
static TupleTableSlot *count_rows(OssScanState *state, TupleTableSlot *slot);
static oc_status next_unit(void *arg, oc_unit *unit, oc_error *error);
static oc_status learn_mtime(OssScanState *state, OssObject *object, oc_error *error);
static oc_status convert_encoding(void *arg, const char *source, size_t size, bool last, size_t *consumed, char **target,
								  size_t *target_size, size_t *target_capacity, oc_error *error);
static void setup_conversion(OssScanState *state);
static void start_progress(OssScanState *state);
static void explain_counted(const OssScanState *state, ExplainState *es);
static void explain_objects(OssScanState *state, ExplainState *es);
static bool next_row(OssScanState *state, TupleTableSlot *slot);

/* ---- callbacks */

void
ossBeginForeignScan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	EState *estate = node->ss.ps.state;
	bool counts = oss_plan_counts(plan);
	Index relid = counts ? oss_counted_relid(plan) : plan->scan.scanrelid;
	Relation rel = counts ? ExecOpenScanRelation(estate, relid, eflags) : node->ss.ss_currentRelation;
	Oid user = oss_scan_check_as_user(plan, exec_rt_fetch(relid, estate));
	OssOptions options;
	Bitmapset *needed = NULL;
	ListCell *lc;

	oss_options_for_table(RelationGetRelid(rel), OidIsValid(user) ? user : GetUserId(), &options);
	if (counts)
	{
		node->fdw_state = make_scan_state(rel, &options, NULL, estate->es_query_cxt);
		return;
	}
	foreach (lc, linitial(plan->fdw_private))
		needed = bms_add_member(needed, lfirst_int(lc));
	/* which rows are bad must not depend on the columns that the query asks for */
	if (oss_may_reject(&options))
		needed = bms_add_range(needed, 1, RelationGetDescr(rel)->natts);
	node->fdw_state = make_scan_state(rel, &options, needed, estate->es_query_cxt);
	oss_scan_init_prune(node, node->fdw_state);
	oss_scan_init_filter(node, node->fdw_state);
}

TupleTableSlot *
ossIterateForeignScan(ForeignScanState *node)
{
	OssScanState *state = node->fdw_state;
	TupleTableSlot *slot = state->slot;

	if (oss_plan_counts((ForeignScan *) node->ss.ps.plan))
		return count_rows(state, node->ss.ss_ScanTupleSlot);
	ExecClearTuple(slot);
	if (next_row(state, slot))
		ExecStoreVirtualTuple(slot);
	return slot;
}

void
ossReScanForeignScan(ForeignScanState *node)
{
	end_pass(node->fdw_state);
}

/*
 * While a row is tried anew after a concurrent update.  Rows of ours do not change; a count, which has no base row that could be kept, is
 * counted once more (servers without the correction of autumn 2025 come here instead of asking for the next row).
 */
bool
ossRecheckForeignScan(ForeignScanState *node, TupleTableSlot *slot)
{
	return !oss_plan_counts((ForeignScan *) node->ss.ps.plan) || !TupIsNull(count_rows(node->fdw_state, slot));
}

void
ossEndForeignScan(ForeignScanState *node)
{
	OssScanState *state = node->fdw_state;

	if (state == NULL)
		return;
	end_pass(state);
	if (state->progress)
		pgstat_progress_end_command();
	if (state->prune_slot)
		ExecDropSingleTupleTableSlot(state->prune_slot);
	ExecDropSingleTupleTableSlot(state->slot);
	MemoryContextDelete(state->context);
	node->fdw_state = NULL;
}

void
ossExplainForeignScan(ForeignScanState *node, ExplainState *es)
{
	OssScanState *state = node->fdw_state;
	const OssOptions *options = &state->options;

	if (oss_plan_counts((ForeignScan *) node->ss.ps.plan))
		explain_counted(state, es);
	ExplainPropertyText("Foreign Place",
						oss_object_url(options, options->filepath ? options->filepath : options->dir ? options->dir : options->prefix),
						es);
	ExplainPropertyText("Foreign Format", oss_codec_and_format(options), es);
	ExplainPropertyInteger("Codec Workers", NULL, options->compression_threads, es);
	if (!es->analyze)
	{
		explain_objects(state, es);
		return;
	}
	if (state->counters)
		oss_counters_take(state->counters, &state->objects, &state->pruned, &state->object_bytes, &state->stats);
	ExplainPropertyInteger("Objects", NULL, state->objects, es);
	if (state->prune_qual)
		ExplainPropertyInteger("Objects Pruned", NULL, state->pruned, es);
	ExplainPropertyInteger("Object Bytes", NULL, state->object_bytes, es);
	oss_explain_stats(&state->stats, es);
}

/* The plan node has no relation of its own. */
static void
explain_counted(const OssScanState *state, ExplainState *es)
{
	const char *name = RelationGetRelationName(state->rel);

	if (es->verbose)
		name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(state->rel)), name);
	else
		name = quote_identifier(name);
	ExplainPropertyText("Relations", psprintf("Aggregate on (%s)", name), es);
}

/*
 * Without ANALYZE: what the scan would read, by one look at the list.  Asked only when somebody reads the plan, never while planning; a
 * store that does not answer at once is no error here.
 */
static void
explain_objects(OssScanState *state, ExplainState *es)
{
	OssLister *lister;
	OssObject *object;
	oc_error error;
	oc_status status;
	int64 objects = 0;
	int64 pruned = 0;
	uint64 bytes = 0;

	if (state->options.bucket == NULL)
		return;
	state->client = oss_client_acquire(&state->options);
	lister = oss_lister_begin(&state->options, state->client, NULL);
	oss_lister_be_quick(lister);
	while ((status = oss_lister_step(lister, &object, &error)) == OC_OK && objects < EXPLAIN_OBJECTS)
	{
		if (!state->prune_at_run_time && !oss_scan_passes_prune(state, object))
		{
			pruned++;
			continue;
		}
		objects++;
		bytes += object->size;
	}
	oss_lister_end(lister);
	if (status == OC_CANCELLED)
		oss_report_status(status, &error, NULL);
	if (status == OC_FAILED)
	{
		ExplainPropertyText("Objects", psprintf("unknown (%s)", error.message), es);
		return;
	}
	ExplainPropertyText("Objects", psprintf(INT64_FORMAT "%s", objects, status == OC_OK ? " or more" : ""), es);
	if (state->prune_qual && !state->prune_at_run_time)
		ExplainPropertyInteger("Objects Pruned", NULL, pruned, es);
	ExplainPropertyInteger("Object Bytes", NULL, bytes, es);
}

/* ---- parallel: the leader lists, everybody takes units */

/*
 * Rows that are counted against a limit, or kept in a table, are one process' business.  Rejecting needs subtransactions and writes, which
 * no part of a parallel query may have: the rest of the statement stays serial, too.  Called before any path is made.
 */
bool
ossIsForeignScanParallelSafe(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte)
{
	OssOptions options;

	oss_options_for_table(rte->relid, OidIsValid(rel->userid) ? rel->userid : GetUserId(), &options);
	if (!oss_may_reject(&options))
		return oss_generated_parallel_safe(rte->relid);
	root->glob->parallelModeOK = false;
	for (; root; root = root->parent_root)
		for (int i = 1; i < root->simple_rel_array_size; i++)
			if (root->simple_rel_array[i])
				root->simple_rel_array[i]->consider_parallel = false;
	return false;
}

/* Objects that are never read need no unit; what a run must tell first is tried by whoever takes the unit. */
static bool
takes_unit(void *arg, const OssObject *object)
{
	OssScanState *state = arg;

	return state->prune_at_run_time || oss_scan_passes_prune(state, object);
}

Size
ossEstimateDSMForeignScan(ForeignScanState *node, ParallelContext *pcxt)
{
	OssScanState *state = node->fdw_state;
	MemoryContext old = MemoryContextSwitchTo(state->context);

	if (state->client == NULL)
		state->client = oss_client_acquire(&state->options);
	state->units = oss_parallel_units(&state->options, state->client, oss_rowin_needs_lines(state->in), takes_unit, state,
									  &state->stats);
	MemoryContextSwitchTo(old);
	return oss_parallel_size(state->units);
}

void
ossInitializeDSMForeignScan(ForeignScanState *node, ParallelContext *pcxt, void *coordinate)
{
	OssScanState *state = node->fdw_state;

	oss_parallel_fill(coordinate, state->units);
	state->shared = coordinate;
	/* a rescan may come here again: its workers add to the same counters */
	if (node->ss.ps.instrument && state->counters == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(state->context);

		state->counters = oss_counters_create();
		MemoryContextSwitchTo(old);
	}
	if (state->counters)
		oss_counters_share(coordinate, state->counters);
}

void
ossReInitializeDSMForeignScan(ForeignScanState *node, ParallelContext *pcxt, void *coordinate)
{
	oss_parallel_reset(coordinate);
}

void
ossInitializeWorkerForeignScan(ForeignScanState *node, shm_toc *toc, void *coordinate)
{
	((OssScanState *) node->fdw_state)->shared = coordinate;
}

/*
 * The shared memory goes away: nothing more is fetched.  A scan of its own must go on: the executor calls this after
 * every FETCH from a cursor that cannot scroll, and the next FETCH wants the rows that follow.
 */
void
ossShutdownForeignScan(ForeignScanState *node)
{
	OssScanState *state = node->fdw_state;

	if (state == NULL || state->shared == NULL)
		return;
	end_pass(state);
	if (IsParallelWorker())
		oss_counters_add(state->shared, state->objects, state->pruned, state->object_bytes, &state->stats);
	state->at_end = true;
	state->shared = NULL;
}

/* ---- rows */

/* Fills the slot's arrays with the next row; false at the end. */
static bool
next_row(OssScanState *state, TupleTableSlot *slot)
{
	if (state->at_end)
		return false;
	if (state->reader == NULL && state->members == NULL)
		start_pass(state);
	for (;;)
	{
		while (state->row >= state->batch.row_count)
			if (!next_batch(state))
				return false;
		if (!oss_rowin_row(state->in, &state->batch, state->row++, slot))
			continue;
		state->rows++;
		if (state->filter)
		{
			if (!oss_scan_passes_filter(state, slot))
				continue;
			oss_rowin_rest(state->in, &state->batch, state->row - 1, slot);
		}
		if (state->generated)
			compute_generated(state, slot);
		return true;
	}
}

static void
compute_generated(OssScanState *state, TupleTableSlot *slot)
{
	ErrorContextCallback callback = {.previous = error_context_stack, .callback = oss_rowin_context, .arg = state->in};

	error_context_stack = &callback;
	oss_generated_compute(state->generated, slot);
	error_context_stack = callback.previous;
}

static bool
next_batch(OssScanState *state)
{
	oc_error error;
	oc_status status;

	CHECK_FOR_INTERRUPTS();
	state->row = 0;
	state->batch.row_count = 0;
	status = state->members ? oc_member_reader_next(state->members, &oss_waiter, &state->batch, &error)
							: oc_reader_next(state->reader, &oss_waiter, &state->batch, &error);
	if (status == OC_END)
	{
		oss_rowin_finish(state->in);
		state->at_end = true;
		return false;
	}
	if (status != OC_OK)
		oss_report_status(status, &error, psprintf("could not read foreign table \"%s\"", RelationGetRelationName(state->rel)));
	oss_rowin_object(state->in, state->options.bucket, state->batch.object);
	if (state->progress)
	{
		uint64_t bytes = state->stats.bytes_received, objects;

		if (state->reader)
			oc_reader_progress(state->reader, &bytes, &objects);
		pgstat_progress_update_param(PROGRESS_COPY_TUPLES_PROCESSED, state->rows);
		pgstat_progress_update_param(PROGRESS_COPY_BYTES_PROCESSED, bytes);
	}
	return true;
}

/* count.c: one tuple, whose columns are all the number of rows. */
static TupleTableSlot *
count_rows(OssScanState *state, TupleTableSlot *slot)
{
	int64 rows = 0;

	ExecClearTuple(slot);
	if (state->at_end)
		return slot;
	start_pass(state);
	while (next_batch(state))
	{
		rows += state->batch.row_count;
		state->rows += state->batch.row_count;
		state->row = state->batch.row_count;
	}
	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		slot->tts_values[i] = Int64GetDatum(rows);
		slot->tts_isnull[i] = false;
	}
	return ExecStoreVirtualTuple(slot);
}

/* ---- a pass over the objects */

static OssScanState *
make_scan_state(Relation rel, const OssOptions *options, Bitmapset *needed, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "oss_fdw scan", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OssScanState *state = palloc0(sizeof(OssScanState));

	state->rel = rel;
	state->options = *options;
	state->context = context;
	state->pass_context = AllocSetContextCreate(context, "oss_fdw scan pass", ALLOCSET_DEFAULT_SIZES);
	state->layout = oss_layout(rel, &state->options);
	for (int i = 0; i < state->layout->partition_count; i++)
		state->options.recursive |= state->options.dir != NULL; /* the values are folders below dir */
	state->generated = oss_generated_begin(rel, state->layout, &needed);
	state->needed = needed;
	state->in = oss_rowin_begin(rel, &state->options, state->layout, needed);
	state->slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsVirtual);
	state->slot->tts_tableOid = RelationGetRelid(rel); /* a filter may ask for it before the executor knows */
	state->on_reset.func = release_scan;
	state->on_reset.arg = state;
	MemoryContextRegisterResetCallback(context, &state->on_reset);
	setup_conversion(state);
	MemoryContextSwitchTo(old);
	return state;
}

static void
start_pass(OssScanState *state)
{
	MemoryContext old = MemoryContextSwitchTo(state->pass_context);
	const OssOptions *options = &state->options;
	oc_reader_options core = {0};
	oc_error error;

	if (state->client == NULL)
		state->client = oss_client_acquire(options);
	state->place = oss_place(options);
	state->lister = state->given ? oss_lister_of(options, state->client, state->given)
								 : oss_lister_begin(options, state->client, &state->stats);
	core.bucket = options->bucket;
	core.codec = OC_CODEC_AUTO;
	oss_rowin_fill(state->in, &core.split);
	core.split.may_overwrite = true; /* the reader's buffers are its own */
	core.row_facts = oss_rowin_needs_row_facts(state->in);
	core.max_connections = options->max_connections;
	core.max_memory = Min((uint64) oss_max_memory_kb * 1024, (uint64) 64 * 1024 * 1024);
	core.max_decompressed = options->max_decompressed_bytes;
	core.next_unit = next_unit;
	core.next_unit_arg = state;
	if (state->converts)
	{
		core.convert = convert_encoding;
		core.convert_arg = state;
	}
	core.stats = &state->stats;
	if (state->place->archive_member)
	{
		start_members(state, &core);
		MemoryContextSwitchTo(old);
		return;
	}
	state->reader = oc_reader_open(oss_client_core(state->client), oss_pool(options->compression_threads), &core, &error);
	if (state->reader == NULL)
		oss_report_status(OC_FAILED, &error, NULL);
	start_progress(state);
	MemoryContextSwitchTo(old);
}

static bool
member_matches(void *arg, const char *member)
{
	OssScanState *state = arg;

	return oss_glob_match(state->place->archive_member, member);
}

/* "x.tar.gz!*.csv": the members are the inputs */
static void
start_members(OssScanState *state, const oc_reader_options *from)
{
	oc_member_reader_options core = {.bucket = from->bucket,
									 .split = from->split,
									 .row_facts = from->row_facts,
									 .match = member_matches,
									 .match_arg = state,
									 .max_decompressed = from->max_decompressed,
									 .next_unit = from->next_unit,
									 .next_unit_arg = from->next_unit_arg,
									 .stats = from->stats};
	oc_error error;

	if (state->converts)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("members of archives can only be read in the database's encoding, and that must be UTF8")));
	state->members = oc_member_reader_open(oss_client_core(state->client), &core, &error);
	if (state->members == NULL)
		oss_report_status(OC_FAILED, &error, NULL);
	start_progress(state);
}

/* Everything in flight is cancelled; the next row would begin a new pass. */
static void
end_pass(OssScanState *state)
{
	oc_reader_close(state->reader);
	state->reader = NULL;
	oc_member_reader_close(state->members);
	state->members = NULL;
	oss_lister_end(state->lister);
	state->lister = NULL;
	oss_client_release(state->client);
	state->client = NULL;
	MemoryContextReset(state->pass_context);
	oss_rowin_object(state->in, NULL, NULL);
	state->batch.row_count = state->row = 0;
	state->at_end = false;
}

/* Reset callback of the scan's context: the way out after an error.  The lister is a child context with its own. */
static void
release_scan(void *arg)
{
	OssScanState *state = arg;

	oc_reader_close(state->reader);
	state->reader = NULL;
	oc_member_reader_close(state->members);
	state->members = NULL;
	oss_client_release(state->client);
	state->client = NULL;
	oss_counters_end(state->counters);
	state->counters = NULL;
}

/* Manifests do not tell when an object was written: asked for when the query wants to know. */
static oc_status
learn_mtime(OssScanState *state, OssObject *object, oc_error *error)
{
	oc_call *call;
	oc_status status;

	if (object->last_modified != 0 || !oss_rowin_needs_mtime(state->in))
		return OC_OK;
	call = oc_call_new(oss_client_core(state->client), OC_HEAD);
	if (call == NULL)
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory");
		return OC_FAILED;
	}
	call->bucket = state->options.bucket;
	call->key = object->key;
	call->stats = &state->stats;
	status = oc_call_run(call, &oss_waiter);
	*error = call->error;
	object->last_modified = call->last_modified;
	oc_call_free(call);
	return status;
}

/* Called by the core, in our thread, inside oc_reader_next. */
static oc_status
next_unit(void *arg, oc_unit *unit, oc_error *error)
{
	OssScanState *state = arg;
	OssObject *object;

	do
	{
		oc_status status = OC_OK;

		object = &state->unit;
		if (state->shared == NULL)
			status = oss_lister_step(state->lister, &object, error);
		else if (!oss_parallel_next(state->shared, object))
			status = OC_END;

		if (status == OC_OK)
			status = learn_mtime(state, object, error);
		if (status != OC_OK)
			return status;
	} while (!oss_scan_passes_prune(state, object));

	memset(unit, 0, sizeof(*unit));
	unit->object.key = object->key;
	unit->object.etag = object->etag;
	unit->object.size = object->size;
	unit->object.last_modified = object->last_modified;
	unit->start = object->start;
	unit->end = object->end;
	unit->exact = object->exact;
	unit->codec = object->codec;
	strlcpy(unit->eol, object->eol, sizeof(unit->eol));
	if (object->start == 0)
	{
		state->objects++;
		state->object_bytes += object->size;
	}
	return OC_OK;
}

/* ---- encodings */

/*
 * UTF-8 to UTF-8 is checked by the splitter; everything else is converted or verified here, by the server's own routines.  SQL_ASCII is any
 * bytes: COPY takes it as it stands, into every database, and so do the formats that are COPY's.
 */
static void
setup_conversion(OssScanState *state)
{
	int file = state->options.encoding_id;
	int server = GetDatabaseEncoding();
	Oid function;

	if (state->options.format == OC_FORMAT_BINARY)
		return;
	if (file == server && (server == PG_UTF8 || server == PG_SQL_ASCII))
		return;
	if (file == PG_SQL_ASCII && oss_rowin_takes_any_bytes(&state->options))
		return;
	state->converts = true;
	if (file == server || file == PG_SQL_ASCII || server == PG_SQL_ASCII)
		return; /* verified only */
	function = FindDefaultConversionProc(file, server);
	if (!OidIsValid(function))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("default conversion function for encoding \"%s\" to \"%s\" does not exist",
							   pg_encoding_to_char(file), pg_encoding_to_char(server))));
	fmgr_info_cxt(function, &state->conversion, state->context);
}

static void
set_encoding_error(const OssScanState *state, const char *source, size_t size, int length, oc_error *error)
{
	char bytes[32] = "";

	for (int i = 0; i < Min(Max(length, 1), (int) Min(size, 6)); i++)
		snprintf(bytes + strlen(bytes), sizeof(bytes) - strlen(bytes), "%s0x%02x", i ? " " : "", (unsigned char) source[i]);
	oc_error_set(error, OC_ERR_ENCODING, "invalid byte sequence for encoding \"%s\": %s",
				 pg_encoding_to_char(state->options.encoding_id), bytes);
}

/* What does not move is tried again by the routine that raises, as COPY does: it knows what is wrong.  Nothing but memory is to clean up. */
static void
set_conversion_error(OssScanState *state, const char *source, size_t size, oc_error *error)
{
	int length = Min(size, MAX_MULTIBYTE_CHAR_LEN);
	unsigned char target[MAX_MULTIBYTE_CHAR_LEN * MAX_CONVERSION_GROWTH + 1];
	MemoryContext context = CurrentMemoryContext;

	set_encoding_error(state, source, size, pg_encoding_mblen(state->options.encoding_id, source), error);
	PG_TRY();
	{
		(void) pg_do_encoding_conversion_buf(state->conversion.fn_oid, state->options.encoding_id, GetDatabaseEncoding(),
											 (unsigned char *) source, length, target, sizeof(target), false);
	}
	PG_CATCH();
	{
		ErrorData *told;

		MemoryContextSwitchTo(context);
		told = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(told->sqlerrcode) != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		FlushErrorState();
		oc_error_set(error, told->sqlerrcode == ERRCODE_UNTRANSLATABLE_CHARACTER ? OC_ERR_UNTRANSLATABLE : OC_ERR_ENCODING, "%s",
					 told->message);
		FreeErrorData(told);
	}
	PG_END_TRY();
}

#define CONVERT_CHUNK (256 * 1024)

/* oc_reader_options.convert: whole characters of source are appended to *target in the server's encoding */
static oc_status
convert_encoding(void *arg, const char *source, size_t size, bool last, size_t *consumed, char **target, size_t *target_size,
				 size_t *target_capacity, oc_error *error)
{
	OssScanState *state = arg;
	int file = state->options.encoding_id;
	size_t chunk = Min(size, CONVERT_CHUNK);
	size_t need = chunk * MAX_CONVERSION_GROWTH + 1;
	int done;

	*consumed = 0;
	if (size == 0)
		return OC_OK;
	if (*target_capacity - *target_size < need)
	{
		char *grown = realloc(*target, *target_size + need);

		if (grown == NULL)
		{
			oc_error_set(error, OC_ERR_MEMORY, "out of memory while converting the encoding");
			return OC_FAILED;
		}
		*target = grown;
		*target_capacity = *target_size + need;
	}
	if (OidIsValid(state->conversion.fn_oid))
	{
		done = pg_do_encoding_conversion_buf(state->conversion.fn_oid, file, GetDatabaseEncoding(), (unsigned char *) source,
											 chunk, (unsigned char *) *target + *target_size, need, true);
		*target_size += strlen(*target + *target_size);
	}
	else
	{
		int verify = file == PG_SQL_ASCII ? GetDatabaseEncoding() : file;

		done = pg_encoding_verifymbstr(verify, source, chunk);
		memcpy(*target + *target_size, source, done);
		*target_size += done;
	}
	*consumed = done;
	/* nothing moved: a bad byte, unless it is a character that goes on in the next piece */
	if (done == 0 && (last || size >= MAX_MULTIBYTE_CHAR_LEN))
	{
		if (OidIsValid(state->conversion.fn_oid))
			set_conversion_error(state, source, size, error);
		else
			set_encoding_error(state, source, size, pg_encoding_mblen(file, source), error);
		return OC_FAILED;
	}
	return OC_OK;
}

/* ---- progress */

static void
start_progress(OssScanState *state)
{
	if (state->progress || !pgstat_track_activities || MyBEEntry == NULL ||
		MyBEEntry->st_progress_command != PROGRESS_COMMAND_INVALID)
		return;
	pgstat_progress_start_command(PROGRESS_COMMAND_COPY, RelationGetRelid(state->rel));
	pgstat_progress_update_param(PROGRESS_COPY_COMMAND, PROGRESS_COPY_COMMAND_FROM);
	pgstat_progress_update_param(PROGRESS_COPY_TYPE, PROGRESS_COPY_TYPE_PROGRAM);
	state->progress = true;
}

/* ---- a scan without an executor node, for ANALYZE and oss_fdw_verify */

struct OssPlainScan
{
	OssScanState *state;
};

OssPlainScan *
oss_plain_scan_begin(Relation rel, List *objects)
{
	OssPlainScan *scan = palloc0(sizeof(OssPlainScan));
	OssOptions options;
	Bitmapset *needed = NULL;

	oss_options_for_table(RelationGetRelid(rel), GetUserId(), &options);
	/* a sample judges no limit and keeps no rows */
	if (oss_may_reject(&options))
		options.reject_limit = "unlimited";
	options.log_errors = false;
	options.error_table = NULL;
	for (int i = 1; i <= RelationGetDescr(rel)->natts; i++)
		needed = bms_add_member(needed, i);
	scan->state = make_scan_state(rel, &options, needed, CurrentMemoryContext);
	scan->state->given = objects;
	return scan;
}

TupleTableSlot *
oss_plain_scan_next(OssPlainScan *scan)
{
	TupleTableSlot *slot = scan->state->slot;

	ExecClearTuple(slot);
	return next_row(scan->state, slot) ? ExecStoreVirtualTuple(slot) : NULL;
}

void
oss_plain_scan_end(OssPlainScan *scan, uint64 *bytes)
{
	if (bytes)
		*bytes = scan->state->object_bytes;
	end_pass(scan->state);
	if (scan->state->progress)
		pgstat_progress_end_command();
	ExecDropSingleTupleTableSlot(scan->state->slot);
	MemoryContextDelete(scan->state->context);
}
