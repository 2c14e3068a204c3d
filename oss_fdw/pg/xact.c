/*
 * xact.c
 *	  The one door for transaction work: exports and deletes are registered here until COMMIT.
 *
 * modify.c registers an OssExport at the current subtransaction level; its parts travel while the statement runs.
 * PRE_COMMIT completes the objects of all exports, then puts the manifests, then deletes what overwrite and TRUNCATE
 * replace.  It may be cancelled and may fail; what it had completed is deleted again in ABORT, as is everything else of
 * this transaction.  ABORT never raises, and is bounded in time.
 */
#include "oss_fdw.h"

#include <sys/time.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define ABORT_DEADLINE_MS 30000 /* for all exports of a transaction together */
#define DELETE_BATCH 1000		/* keys of one DeleteMultipleObjects */

static List *exports = NIL; /* OssExport *, in TopTransactionContext */
static char token[33];		/* of this transaction; "" = not made yet */
static int64 last_stamp;	/* microseconds; timestamps in names never repeat within a backend */

static void xact_callback(XactEvent event, void *arg);
static void subxact_callback(SubXactEvent event, SubTransactionId mySubid, SubTransactionId parentSubid, void *arg);
static void drop_truncated(void);
static void commit_exports(void);
static void put_manifests(void);
static void delete_replaced(bool with_manifest, int elevel);
static void abort_exports(int nest_level);
static void close_export(OssExport *export);
static void forget_all(void);

void
oss_xact_init(void)
{
	RegisterXactCallback(xact_callback, NULL);
	RegisterSubXactCallback(subxact_callback, NULL);
}

/* Random per transaction; part of every object's name and metadata. */
const char *
oss_xact_token(void)
{
	if (token[0] == '\0')
		oc_random_hex(token, 17);
	return token;
}

/* UTC with microseconds, as in names: 20261121T080723123456Z */
char *
oss_xact_timestamp(void)
{
	struct timeval now;
	struct tm tm;
	int64 stamp;
	time_t seconds;

	gettimeofday(&now, NULL);
	stamp = (int64) now.tv_sec * 1000000 + now.tv_usec;
	if (stamp <= last_stamp)
		stamp = last_stamp + 1;
	last_stamp = stamp;
	seconds = stamp / 1000000;
	gmtime_r(&seconds, &tm);
	return psprintf("%04d%02d%02dT%02d%02d%02d%06dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
					tm.tm_sec, (int) (stamp % 1000000));
}

/* A new export of the current subtransaction; takes over the client's reference. */
OssExport *
oss_xact_add(OssClient *client, const OssOptions *options, Relation rel)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	OssExport *export = palloc0(sizeof(OssExport));

	export->client = client;
	export->options = palloc(sizeof(OssOptions));
	*export->options = *options;
	if (options->bucket)
		export->options->bucket = pstrdup(options->bucket);
	export->relation_name = pstrdup(RelationGetRelationName(rel));
	export->relid = RelationGetRelid(rel);
	export->nest_level = GetCurrentTransactionNestLevel();
	exports = lappend(exports, export);
	MemoryContextSwitchTo(old);
	return export;
}

/* Memory of the transaction's exports: what finished ones keep until commit, and what was promised to those that still get rows. */
void
oss_xact_memory(uint64 *kept, uint64 *promised)
{
	ListCell *lc;

	*kept = *promised = 0;
	foreach (lc, exports)
	{
		const OssExport *export = lfirst(lc);

		if (export->core && export->finished)
			*kept += oc_export_memory(export->core);
		else if (export->core)
			*promised += export->budget;
	}
}

/*
 * What all exports of this backend share: their memory together stays within oss_fdw.max_memory.  A quarter of it is for what
 * buffers of many sizes leave unused between them, and for what each export takes besides.
 */
oc_export_group *
oss_xact_group(void)
{
	static oc_export_group *group = NULL;
	uint64 limit = (uint64) oss_max_memory_kb * 1024 / 4 * 3;

	if (group == NULL)
		group = oc_export_group_new(limit);
	if (group == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	oc_export_group_limit(group, limit);
	return group;
}

/* ---- top-level transactions */

static void
xact_callback(XactEvent event, void *arg)
{
	if (exports == NIL)
	{
		token[0] = '\0';
		return;
	}
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			drop_truncated();
			commit_exports();
			put_manifests();
			delete_replaced(false, ERROR);
			break;
		case XACT_EVENT_COMMIT:
			delete_replaced(true, WARNING);
			forget_all();
			break;
		case XACT_EVENT_ABORT:
			abort_exports(0);
			forget_all();
			break;
		case XACT_EVENT_PRE_PREPARE:
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("cannot PREPARE a transaction that has written to oss_fdw foreign tables"),
							errhint("Use COMMIT instead.")));
			break;
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			break;
	}
}

/*
 * What was exported before a TRUNCATE of the same table never becomes visible.  Not done by TRUNCATE itself, which may be rolled
 * back to a savepoint.
 */
static void
drop_truncated(void)
{
	for (int i = 0; i < list_length(exports); i++)
	{
		const OssExport *truncate = list_nth(exports, i);

		for (int j = 0; truncate->truncates && j < i; j++)
		{
			OssExport *earlier = list_nth(exports, j);
			oc_error error;

			if (earlier->core == NULL || earlier->relid != truncate->relid || !earlier->finished)
				continue;
			if (oc_export_abort(earlier->core, ABORT_DEADLINE_MS, &error) > 0)
				oss_report(WARNING, &error,
						   psprintf("could not remove everything of the truncated export to foreign table \"%s\"",
									earlier->relation_name));
			oc_export_close(earlier->core);
			earlier->core = NULL;
		}
	}
}

/* All objects of all exports become visible, each export several at once. */
static void
commit_exports(void)
{
	ListCell *lc;

	foreach (lc, exports)
	{
		OssExport *export = lfirst(lc);
		oc_error error;
		oc_status status;

		if (export->core == NULL)
			continue;
		if (!export->finished)
			elog(ERROR, "an export to foreign table \"%s\" is still open", export->relation_name);
		oss_claim_place(export, token);
		status = oc_export_commit(export->core, &oss_waiter, &error);
		if (status != OC_OK)
			oss_report_status(status, &error, psprintf("could not complete the export to foreign table \"%s\"",
													   export->relation_name));
		oss_claim_release(export);
	}
}

/* Runs one call and raises what went wrong. */
static void
run_or_raise(oc_call *call, const char *what)
{
	oc_status status = oc_call_run(call, &oss_waiter);
	oc_error error = call->error;

	oc_call_free(call);
	if (status != OC_OK)
		oss_report_status(status, &error, what);
}

/* After all objects of all exports: a reader that goes by manifests sees all or nothing. */
static void
put_manifests(void)
{
	ListCell *lc;

	foreach (lc, exports)
	{
		OssExport *export = lfirst(lc);
		oc_call *call;

		if (export->core == NULL || export->manifest_key == NULL)
			continue;
		oss_manifest_build(export);
		call = oc_call_new(oss_client_core(export->client), OC_PUT);
		if (call == NULL)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
		call->bucket = export->options->bucket;
		call->key = export->manifest_key;
		call->body = export->manifest_body;
		call->body_size = strlen(export->manifest_body);
		call->headers = export->helper_headers;
		call->header_count = export->helper_header_count;
		call->token = token;
		call->stats = &export->stats;
		export->manifest_put = true; /* from now on it may exist */
		run_or_raise(call, "could not write the manifest");
	}
}

/* keys[first .. first + count) in one request; false after a problem, which was reported at elevel */
static bool
delete_some(OssExport *export, const char **keys, int count, int elevel)
{
	oc_call *call = oc_call_new(oss_client_core(export->client), OC_DELETE_MANY);
	oc_status status;
	oc_error error;

	if (call == NULL)
		return false;
	call->bucket = export->options->bucket;
	call->keys = keys;
	call->key_count = count;
	call->stats = &export->stats;
	if (elevel < ERROR)
		call->timeout_ms = ABORT_DEADLINE_MS;
	status = oc_call_run(call, elevel < ERROR ? NULL : &oss_waiter);
	error = call->error;
	oc_call_free(call);
	if (status == OC_OK)
		return true;
	if (elevel >= ERROR)
		oss_report_status(status, &error, "could not delete replaced objects");
	oss_report(elevel, &error, "could not delete replaced objects");
	return false;
}

/* TRUNCATE, then INSERT into the one object of a filepath: the object is the new one by now. */
static bool
is_written_later(const OssExport *export, const char *key)
{
	bool later = false;
	ListCell *lc;

	foreach (lc, exports)
	{
		const OssExport *other = lfirst(lc);

		if (later && other->core && other->place == NULL && other->options->serverid == export->options->serverid &&
			strcmp(other->options->bucket, export->options->bucket) == 0)
			for (size_t i = 0; i < oc_export_object_count(other->core); i++)
				if (strcmp(oc_export_object(other->core, i).key, key) == 0)
					return true;
		later = later || other == export;
	}
	return false;
}

/*
 * What overwrite and TRUNCATE replace.  Without a manifest this is the last thing before the commit record; with one,
 * readers already follow the new manifest, so it waits for the commit and only warns.
 */
static void
delete_replaced(bool with_manifest, int elevel)
{
	ListCell *lc;

	foreach (lc, exports)
	{
		OssExport *export = lfirst(lc);
		const char **keys;
		int count = 0;

		if (export->deletes == NIL || (export->manifest_key != NULL) != with_manifest)
			continue;
		keys = palloc(sizeof(char *) * list_length(export->deletes));
		for (int i = 0; i < list_length(export->deletes); i++)
			if (!is_written_later(export, list_nth(export->deletes, i)))
				keys[count++] = list_nth(export->deletes, i);
		for (int i = 0; i < count; i += DELETE_BATCH)
			if (!delete_some(export, keys + i, Min(DELETE_BATCH, count - i), elevel))
				break;
	}
}

/* ---- the way back */

static void
delete_quietly(OssExport *export, const char *key, long timeout_ms)
{
	oc_call *call = oc_call_new(oss_client_core(export->client), OC_DELETE);

	if (call == NULL)
		return;
	call->bucket = export->options->bucket;
	call->key = key;
	call->timeout_ms = timeout_ms;
	if (oc_call_run(call, NULL) != OC_OK)
		oss_report(WARNING, &call->error, "could not remove an object of an aborted export");
	oc_call_free(call);
}

/* Undoes all exports at this level and deeper.  No ERROR may leave from here. */
static void
abort_exports(int nest_level)
{
	TimestampTz start = GetCurrentTimestamp();
	ListCell *lc;

	foreach (lc, exports)
	{
		OssExport *export = lfirst(lc);
		long left = ABORT_DEADLINE_MS - (long) ((GetCurrentTimestamp() - start) / 1000);
		oc_error error;

		if (export->nest_level < nest_level)
			continue;
		left = Max(left, 1000);
		if (export->manifest_put)
			delete_quietly(export, export->manifest_key, left);
		if (export->claimed)
			delete_quietly(export, export->claim_key, left);
		if (export->core && oc_export_abort(export->core, left, &error) > 0)
			oss_report(WARNING, &error,
					   psprintf("could not remove everything of the aborted export to foreign table \"%s\"",
								export->relation_name));
		close_export(export);
		exports = foreach_delete_current(exports, lc);
	}
}

static void
close_export(OssExport *export)
{
	if (export->core)
		oc_export_close(export->core);
	export->core = NULL;
	oss_client_release(export->client);
	export->client = NULL;
}

/* The list itself is freed with TopTransactionContext. */
static void
forget_all(void)
{
	ListCell *lc;

	foreach (lc, exports)
		close_export(lfirst(lc));
	exports = NIL;
	token[0] = '\0';
}

/* ---- savepoints and PL/pgSQL blocks */

static void
subxact_callback(SubXactEvent event, SubTransactionId mySubid, SubTransactionId parentSubid, void *arg)
{
	int level;
	ListCell *lc;

	if (exports == NIL)
		return;
	level = GetCurrentTransactionNestLevel();
	if (event == SUBXACT_EVENT_ABORT_SUB)
		abort_exports(level);
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		foreach (lc, exports)
		{
			OssExport *export = lfirst(lc);

			if (export->nest_level >= level)
				export->nest_level = level - 1;
		}
}
