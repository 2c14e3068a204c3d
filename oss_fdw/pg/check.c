/*
 * check.c
 *	  oss_fdw_check(): tries what exports and scans need, one row per step, with a plain hint.
 *
 * One signed LIST answers for resolve, connect, tls, clock, signature and list: the class of its error tells how far it came.
 * Then a small object is put below the place, read back and compared, an upload is begun and aborted, and the object is deleted.
 * A step that could not be tried because an earlier one failed has no verdict (NULL).
 */
#include "oss_fdw.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(oss_fdw_check);

typedef enum Step
{
	STEP_RESOLVE,
	STEP_CONNECT,
	STEP_TLS,
	STEP_CLOCK,
	STEP_SIGNATURE,
	STEP_LIST,
	STEP_GET,
	STEP_PUT,
	STEP_ABORT,
	STEP_DELETE,
	STEP_COUNT,
} Step;

static const char *const step_names[] = {"resolve",	  "connect", "tls", "clock", "signature",
										 "list",	  "get",	 "put", "abort", "delete"};

#define MAX_SKEW_S 60 /* a clock that is further off is worth a word, though requests are corrected */

typedef struct StepResult
{
	bool tried;
	bool ok;
	double ms;
	char *detail;
	const char *hint;
} StepResult;

typedef struct Check
{
	OssOptions options;
	OssClient *client;
	const char *prefix;		/* where the test object goes */
	char *key;
	StepResult steps[STEP_COUNT];
} Check;

static void run_steps(Check *check);
static void check_list(Check *check);
static void judge_answer(Check *check, const oc_call *call);
static void check_put_get_delete(Check *check);
static void check_abort(Check *check);
static oc_status run(Check *check, oc_call *call, Step step);
static oc_call *new_call(Check *check, oc_verb verb);
static void set_step(Check *check, Step step, bool ok, double ms, const char *detail, const char *hint);

Datum
oss_fdw_check(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ForeignServer *server;
	Check *check = palloc0(sizeof(Check));

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the server must not be null")));
	server = oss_require_server(NameStr(*PG_GETARG_NAME(0)));
	InitMaterializedSRF(fcinfo, 0);
	oss_options_init(&check->options);
	check->prefix = "";
	if (PG_ARGISNULL(1))
		oss_options_for_server(server->serverid, GetUserId(), &check->options);
	else
	{
		Oid relid = PG_GETARG_OID(1);
		OssPlace *place;

		oss_require_table(relid);
		if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
			aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FOREIGN_TABLE, get_rel_name(relid));
		oss_options_for_table(relid, GetUserId(), &check->options);
		if (check->options.serverid != server->serverid)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("foreign table \"%s\" is not on server \"%s\"", get_rel_name(relid), server->servername)));
		place = oss_place(&check->options);
		check->prefix = place->write_place ? place->write_place : place->list_prefix ? place->list_prefix : place->exact;
	}
	oss_options_require_bucket(&check->options);
	check->client = oss_client_acquire(&check->options);
	PG_TRY();
	{
		run_steps(check);
	}
	PG_FINALLY();
	{
		oss_client_release(check->client);
	}
	PG_END_TRY();
	for (int i = 0; i < STEP_COUNT; i++)
	{
		StepResult *step = &check->steps[i];
		Datum values[5] = {CStringGetTextDatum(step_names[i]), BoolGetDatum(step->ok), Float8GetDatum(step->ms),
						   CStringGetTextDatum(step->detail ? step->detail : ""), CStringGetTextDatum(step->hint ? step->hint : "")};
		bool nulls[5] = {false, !step->tried, !step->tried, step->detail == NULL, step->hint == NULL};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static void
run_steps(Check *check)
{
	char random[17];

	oc_random_hex(random, sizeof(random));
	check->key = psprintf("%soss_fdw_check_%s", check->prefix, random);
	check_list(check);
	if (!check->steps[STEP_SIGNATURE].ok)
		return;
	check_put_get_delete(check);
	check_abort(check);
}

/* ---- the steps */

/* Any answer that is not about the way there or the signature proves those. */
static void
check_list(Check *check)
{
	oc_call *call = new_call(check, OC_LIST);
	oc_status status;

	call->prefix = check->prefix;
	call->max_keys = 1;
	status = run(check, call, STEP_LIST);
	if (status == OC_OK)
		set_step(check, STEP_LIST, true, call->elapsed_us / 1000.0, NULL, NULL);
	judge_answer(check, call);
	oc_call_free(call);
}

/* The way to the store, the clock and the signature, by what the LIST met. */
static void
judge_answer(Check *check, const oc_call *call)
{
	oc_error_class class = call->status == OC_OK ? OC_ERR_NONE : call->error.class;
	const char *hint = call->status == OC_OK ? NULL : oc_error_hint(&call->error);
	const char *message = call->status == OC_OK ? NULL : pstrdup(call->error.message);
	bool https = pg_strncasecmp(check->options.endpoint, "http://", 7) != 0;
	Step failed = STEP_COUNT;

	if (class == OC_ERR_RESOLVE || class == OC_ERR_FORBIDDEN_ADDRESS)
		failed = STEP_RESOLVE;
	else if (class == OC_ERR_CONNECT || class == OC_ERR_TIMEOUT || class == OC_ERR_NETWORK)
		failed = STEP_CONNECT;
	else if (class == OC_ERR_TLS)
		failed = STEP_TLS;
	else if (class == OC_ERR_CLOCK)
		failed = STEP_CLOCK;
	else if (class == OC_ERR_CREDENTIALS)
		failed = STEP_SIGNATURE;

	if (failed >= STEP_RESOLVE)
		set_step(check, STEP_RESOLVE, true, call->resolve_us / 1000.0, NULL, NULL);
	if (failed > STEP_RESOLVE)
		set_step(check, STEP_CONNECT, true, Max(call->connect_us - call->resolve_us, 0) / 1000.0,
				 call->connect_us == 0 ? "kept connection" : NULL, NULL);
	if (failed > STEP_CONNECT)
		set_step(check, STEP_TLS, true, Max(call->tls_us - call->connect_us, 0) / 1000.0, https ? NULL : "plain http", NULL);
	if (failed > STEP_TLS && call->server_date != 0)
	{
		long skew = (long) (call->server_date - (int64) time(NULL));
		bool good = labs(skew) <= MAX_SKEW_S;

		set_step(check, STEP_CLOCK, true, 0, psprintf("this machine's clock is %ld s %s the store's", labs(skew), skew >= 0 ? "behind" : "ahead of"),
				 good ? NULL : "Requests are corrected for it, but the clock of the database server should be set.");
	}
	if (failed > STEP_CLOCK)
		set_step(check, STEP_SIGNATURE, true, 0, check->options.access_key_id ? NULL : "anonymous requests", NULL);
	if (failed < STEP_COUNT)
	{
		set_step(check, failed, false, call->elapsed_us / 1000.0, message, hint);
		check->steps[STEP_LIST].tried = false; /* it never came to that */
	}
}

static void
check_put_get_delete(Check *check)
{
	static const char body[] = "oss_fdw_check\n";
	char sink[sizeof(body)];
	oc_call *call = new_call(check, OC_PUT);
	bool there;

	call->key = check->key;
	call->body = body;
	call->body_size = strlen(body);
	there = run(check, call, STEP_PUT) == OC_OK;
	oc_call_free(call);
	if (!there)
		return;
	call = new_call(check, OC_GET);
	call->key = check->key;
	call->sink = sink;
	call->sink_size = sizeof(sink);
	if (run(check, call, STEP_GET) == OC_OK &&
		(call->received != strlen(body) || memcmp(sink, body, strlen(body)) != 0))
		set_step(check, STEP_GET, false, call->elapsed_us / 1000.0, "the object that was read is not the one that was written", NULL);
	oc_call_free(call);
	call = new_call(check, OC_DELETE);
	call->key = check->key;
	if (run(check, call, STEP_DELETE) != OC_OK)
		check->steps[STEP_DELETE].detail = psprintf("%s; the object \"%s\" is still there", check->steps[STEP_DELETE].detail, check->key);
	oc_call_free(call);
}

static void
check_abort(Check *check)
{
	oc_call *initiate = new_call(check, OC_INITIATE);
	oc_call *abort;

	initiate->key = check->key;
	if (run(check, initiate, STEP_ABORT) == OC_OK)
	{
		abort = new_call(check, OC_ABORT);
		abort->key = check->key;
		abort->upload_id = initiate->answer_upload_id;
		if (run(check, abort, STEP_ABORT) != OC_OK)
			check->steps[STEP_ABORT].detail =
				psprintf("%s; an upload of \"%s\" is left", check->steps[STEP_ABORT].detail, check->key);
		oc_call_free(abort);
	}
	oc_call_free(initiate);
}

/* ---- helpers */

static oc_call *
new_call(Check *check, oc_verb verb)
{
	oc_call *call = oc_call_new(oss_client_core(check->client), verb);

	if (call == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	call->bucket = check->options.bucket;
	call->max_retries = -1; /* a check tells what is, it does not paper over it */
	return call;
}

/* Runs the call and notes the step's verdict; only a cancel leaves by an error. */
static oc_status
run(Check *check, oc_call *call, Step step)
{
	oc_status status = oc_call_run(call, &oss_waiter);

	if (status == OC_CANCELLED)
	{
		oc_error error = call->error;

		oc_call_free(call);
		oss_report_status(status, &error, NULL);
	}
	if (status == OC_OK)
		set_step(check, step, true, call->elapsed_us / 1000.0, NULL, NULL);
	else
		set_step(check, step, false, call->elapsed_us / 1000.0,
				 call->error.code[0] ? psprintf("%s (HTTP status %d, code %s, request id %s)", call->error.message,
												call->error.http_status, call->error.code, call->error.request_id)
									 : pstrdup(call->error.message),
				 oc_error_hint(&call->error));
	return status;
}

static void
set_step(Check *check, Step step, bool ok, double ms, const char *detail, const char *hint)
{
	check->steps[step] = (StepResult) {true, ok, ms, detail ? pstrdup(detail) : NULL, hint};
}
