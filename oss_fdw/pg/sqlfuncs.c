/*
 * sqlfuncs.c
 *	  SQL functions that look at a store: the objects of a table, unfinished uploads.
 *
 * They act as the calling user: USAGE on the server (or SELECT on the table) is needed, the user mapping is the caller's.
 */
#include "oss_fdw.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(oss_fdw_list_file);
PG_FUNCTION_INFO_V1(oss_fdw_uploads);
PG_FUNCTION_INFO_V1(oss_fdw_abort_uploads);

#define EPOCH_SHIFT ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* One upload as a page shows it, copied. */
typedef struct FoundUpload
{
	char *key;
	char *upload_id;
	TimestampTz initiated;
} FoundUpload;

static Oid open_table(text *relname, text *schema);
static OssClient *open_server(const char *name, OssOptions *options);
static List *list_uploads(OssClient *client, const OssOptions *options, const char *prefix);

/* SELECT on the table is needed, as for reading it. */
Datum
oss_fdw_list_file(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid relid = open_table(PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1));
	OssOptions options;
	ListCell *lc;

	InitMaterializedSRF(fcinfo, 0);
	oss_options_for_table(relid, GetUserId(), &options);
	oss_options_add_folders(relid, &options);
	foreach (lc, oss_list_table(&options))
	{
		OssObject *object = lfirst(lc);
		Datum values[4] = {CStringGetTextDatum(object->key), Int64GetDatum((int64) object->size),
						   TimestampTzGetDatum(object->last_modified - EPOCH_SHIFT), CStringGetTextDatum(object->etag)};
		bool nulls[4] = {false, false, object->last_modified == 0, object->etag[0] == '\0'};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
oss_fdw_uploads(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	OssOptions options;
	OssClient *client;

	InitMaterializedSRF(fcinfo, 0);
	client = open_server(NameStr(*PG_GETARG_NAME(0)), &options);
	PG_TRY();
	{
		ListCell *lc;

		foreach (lc, list_uploads(client, &options, text_to_cstring(PG_GETARG_TEXT_PP(1))))
		{
			FoundUpload *upload = lfirst(lc);
			Datum values[4] = {CStringGetTextDatum(options.bucket), CStringGetTextDatum(upload->key),
							   CStringGetTextDatum(upload->upload_id), TimestampTzGetDatum(upload->initiated)};
			bool nulls[4] = {false};

			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
	}
	PG_FINALLY();
	{
		oss_client_release(client);
	}
	PG_END_TRY();
	return (Datum) 0;
}

static bool
abort_upload(OssClient *client, const OssOptions *options, const FoundUpload *upload)
{
	oc_call *call = oc_call_new(oss_client_core(client), OC_ABORT);
	oc_status status;
	oc_error error;

	if (call == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	call->bucket = options->bucket;
	call->key = upload->key;
	call->upload_id = upload->upload_id;
	status = oc_call_run(call, &oss_waiter);
	error = call->error;
	oc_call_free(call);
	if (status != OC_OK)
		oss_report_status(status, &error, "could not abort an upload");
	return true;
}

Datum
oss_fdw_abort_uploads(PG_FUNCTION_ARGS)
{
	OssOptions options;
	OssClient *client;
	TimestampTz limit = DatumGetTimestampTz(DirectFunctionCall2(
		timestamptz_mi_interval, TimestampTzGetDatum(GetCurrentTimestamp()), IntervalPGetDatum(PG_GETARG_INTERVAL_P(2))));
	int64 aborted = 0;

	client = open_server(NameStr(*PG_GETARG_NAME(0)), &options);
	PG_TRY();
	{
		ListCell *lc;

		foreach (lc, list_uploads(client, &options, text_to_cstring(PG_GETARG_TEXT_PP(1))))
		{
			FoundUpload *upload = lfirst(lc);

			if (upload->initiated <= limit)
				aborted += abort_upload(client, &options, upload);
		}
	}
	PG_FINALLY();
	{
		oss_client_release(client);
	}
	PG_END_TRY();
	PG_RETURN_INT64(aborted);
}

/* ---- helpers */

static Oid
open_table(text *relname, text *schema)
{
	Oid namespace = LookupExplicitNamespace(text_to_cstring(schema), false);
	Oid relid = get_relname_relid(text_to_cstring(relname), namespace);
	AclResult acl;

	if (!OidIsValid(relid))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("foreign table \"%s.%s\" does not exist", text_to_cstring(schema),
																 text_to_cstring(relname))));
	oss_require_table(relid);
	acl = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FOREIGN_TABLE, text_to_cstring(relname));
	return relid;
}

/* Refuses what is not a foreign table of ours. */
void
oss_require_table(Oid relid)
{
	if (get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE || GetFdwRoutineByRelId(relid)->IterateForeignScan != ossIterateForeignScan)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a foreign table of oss_fdw", get_rel_name(relid))));
}

ForeignServer *
oss_require_server(const char *name)
{
	ForeignServer *server = GetForeignServerByName(name, false);
	AclResult acl = oss_server_aclcheck(server->serverid, GetUserId(), ACL_USAGE);

	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FOREIGN_SERVER, name);
	if (GetForeignDataWrapper(server->fdwid)->fdwhandler == InvalidOid ||
		GetFdwRoutineByServerId(server->serverid)->IterateForeignScan != ossIterateForeignScan)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("server \"%s\" is not a server of oss_fdw", name)));
	return server;
}

static OssClient *
open_server(const char *name, OssOptions *options)
{
	ForeignServer *server = oss_require_server(name);

	oss_options_init(options);
	oss_options_for_server(server->serverid, GetUserId(), options);
	oss_options_require_bucket(options);
	return oss_client_acquire(options);
}

/* All pages; the list changes while uploads are aborted, so it is taken first. */
static List *
list_uploads(OssClient *client, const OssOptions *options, const char *prefix)
{
	List *found = NIL;
	char *marker = NULL;
	char *id_marker = NULL;
	bool more = true;

	while (more)
	{
		oc_call *call = oc_call_new(oss_client_core(client), OC_LIST_UPLOADS);
		oc_status status;
		oc_error error;

		if (call == NULL)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
		call->bucket = options->bucket;
		call->prefix = prefix;
		call->continuation = marker;
		call->upload_id_marker = id_marker;
		status = oc_call_run(call, &oss_waiter);
		error = call->error;
		for (size_t i = 0; status == OC_OK && i < call->page.count; i++)
		{
			FoundUpload *upload = palloc(sizeof(FoundUpload));

			upload->key = pstrdup(call->page.uploads[i].key);
			upload->upload_id = pstrdup(call->page.uploads[i].upload_id);
			upload->initiated = call->page.uploads[i].initiated - EPOCH_SHIFT;
			found = lappend(found, upload);
		}
		more = status == OC_OK && call->page.truncated && call->page.count > 0;
		marker = more && call->page.next ? pstrdup(call->page.next) : NULL;
		id_marker = more && call->page.next_upload_id ? pstrdup(call->page.next_upload_id) : NULL;
		more = more && marker != NULL;
		oc_call_free(call);
		if (status != OC_OK)
			oss_report_status(status, &error, "could not list uploads");
	}
	return found;
}
