/*
 * claim.c
 *	  error_if_exists under concurrency: who may fill an empty place.
 *
 * Names of new objects are random, so the store alone cannot see that two exporters meet.  Sessions of one database server take turns by
 * a lock (modify.c).  Exporters of other servers are kept out by a claim: a small object of a fixed name that only
 * one can create (x-oss-forbid-overwrite, If-None-Match), put in PRE_COMMIT before the place is looked at for the last time
 * and deleted when our objects are there.  OBS has no such guard: there the last look is all there is (README, limits).
 */
#include "oss_fdw.h"

#include "utils/memutils.h"

static void put_claim(OssExport *export, const char *token);

/* The fixed name of a place's claim, in TopTransactionContext. */
char *
oss_claim_key(const OssPlace *place)
{
	return MemoryContextStrdup(TopTransactionContext, psprintf("%s%s", place->write_place, OSS_CLAIM_NAME));
}

/* In PRE_COMMIT, before the first object is completed. */
void
oss_claim_place(OssExport *export, const char *token)
{
	List *keys;
	ListCell *lc;

	if (export->claim_key == NULL)
		return;
	put_claim(export, token);
	keys = oss_list_prefix(export->client, export->options->bucket, export->place, NULL, 0, &export->stats);
	foreach (lc, keys)
	{
		const char *key = lfirst(lc);

		if (strcmp(key, export->claim_key) != 0 && strstr(key, token) == NULL)
			ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
							errmsg("cannot export to foreign table \"%s\": its place is not empty any more", export->relation_name),
							errdetail("There is now an object \"%s\".", oss_object_url(export->options, key))));
	}
}

static void
put_claim(OssExport *export, const char *token)
{
	oc_call *call = oc_call_new(oss_client_core(export->client), OC_PUT);
	oc_status status;
	oc_error error;

	if (call == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	call->bucket = export->options->bucket;
	call->key = export->claim_key;
	call->body = token;
	call->body_size = strlen(token);
	call->token = token;
	call->forbid_overwrite = true;
	call->headers = export->helper_headers;
	call->header_count = export->helper_header_count;
	call->stats = &export->stats;
	status = oc_call_run(call, &oss_waiter);
	error = call->error;
	oc_call_free(call);
	if (status == OC_OK)
	{
		export->claimed = true;
		return;
	}
	if (status == OC_FAILED && error.class == OC_ERR_EXISTS)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("cannot export to foreign table \"%s\": another session is exporting to its place",
							   export->relation_name),
						errdetail("It holds the claim \"%s\".", oss_object_url(export->options, export->claim_key)),
						errhint("Delete the claim if its owner is gone.")));
	/* it may be there all the same: abort looks after it */
	export->claimed = true;
	oss_report_status(status, &error, "could not claim the place of the export");
}

/* Our objects are complete: nobody can take the place for empty any more. */
void
oss_claim_release(OssExport *export)
{
	oc_call *call;
	oc_status status;
	oc_error error;

	if (!export->claimed)
		return;
	call = oc_call_new(oss_client_core(export->client), OC_DELETE);
	if (call == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	call->bucket = export->options->bucket;
	call->key = export->claim_key;
	call->stats = &export->stats;
	status = oc_call_run(call, &oss_waiter);
	error = call->error;
	oc_call_free(call);
	if (status != OC_OK)
		oss_report_status(status, &error, "could not release the claim on the place of the export");
	export->claimed = false;
}
