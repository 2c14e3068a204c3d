/*
 * report.c
 *	  oc_error -> ereport.  The only file that turns the core's errors into the server's.
 *
 * Message: one line that a person understands.  DETAIL: operation, object, HTTP status, the store's code, message and
 * request id.  HINT: what to do.  The core keeps secrets out of oc_error; nothing is added here that could hold one.
 */
#include "oss_fdw.h"

#include "miscadmin.h"

static int sqlstate_of(const oc_error *error);
static int add_place(const oc_error *error);
static const char *detail_of(const oc_error *error);

/* what: "could not export to foreign table \"x\"" or the like; NULL = the core's message alone. */
void
oss_report(int elevel, const oc_error *error, const char *what)
{
	const char *hint = oc_error_hint(error);
	const char *detail = detail_of(error);

	ereport(elevel, (errcode(sqlstate_of(error)),
					 what ? errmsg("%s: %s", what, error->message) : errmsg("%s", error->message),
					 detail ? errdetail_internal("%s", detail) : 0, hint ? errhint("%s", hint) : 0, add_place(error)));
}

/* Object and line of a bad row, as an error context; the name of its column stands in the message. */
static int
add_place(const oc_error *error)
{
	if (error->line > 0)
		errcontext("object \"%s\", line " UINT64_FORMAT, error->object, error->line);
	return 0;
}

/* Raises whatever made the core return this status; never returns. */
void
oss_report_status(oc_status status, const oc_error *error, const char *what)
{
	if (status == OC_CANCELLED || error->class == OC_ERR_CANCELLED)
	{
		CHECK_FOR_INTERRUPTS();
		ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED), errmsg("canceling the transfer due to user request")));
	}
	oss_report(ERROR, error, what);
	pg_unreachable();
}

static int
sqlstate_of(const oc_error *error)
{
	switch (error->class)
	{
		case OC_ERR_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case OC_ERR_ARGUMENT:
			return ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE;
		case OC_ERR_RESOLVE:
		case OC_ERR_CONNECT:
		case OC_ERR_TLS:
		case OC_ERR_TIMEOUT:
		case OC_ERR_NETWORK:
			return ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION;
		case OC_ERR_FORBIDDEN_ADDRESS:
		case OC_ERR_DENIED:
			return ERRCODE_INSUFFICIENT_PRIVILEGE;
		case OC_ERR_CREDENTIALS:
			return ERRCODE_INVALID_PASSWORD;
		case OC_ERR_NO_BUCKET:
			return ERRCODE_FDW_SCHEMA_NOT_FOUND;
		case OC_ERR_NOT_FOUND:
			return ERRCODE_FDW_TABLE_NOT_FOUND;
		case OC_ERR_EXISTS:
			return ERRCODE_DUPLICATE_OBJECT;
		case OC_ERR_THROTTLED:
			return ERRCODE_INSUFFICIENT_RESOURCES;
		case OC_ERR_LIMIT:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case OC_ERR_FILE:
			return ERRCODE_IO_ERROR;
		case OC_ERR_DISK_FULL:
			return ERRCODE_DISK_FULL;
		case OC_ERR_SPILL_LIMIT:
			return ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
		case OC_ERR_DATA:
			return ERRCODE_BAD_COPY_FILE_FORMAT;
		case OC_ERR_ENCODING:
			return ERRCODE_CHARACTER_NOT_IN_REPERTOIRE;
		case OC_ERR_UNTRANSLATABLE:
			return ERRCODE_UNTRANSLATABLE_CHARACTER;
		case OC_ERR_CODEC:
		case OC_ERR_INTEGRITY:
			return ERRCODE_DATA_CORRUPTED;
		case OC_ERR_CANCELLED:
			return ERRCODE_QUERY_CANCELED;
		default:
			return ERRCODE_FDW_ERROR;
	}
}

static void
append_item(StringInfo text, const char *label, const char *value)
{
	if (value && value[0] != '\0')
		appendStringInfo(text, "%s%s%s", text->len ? ", " : "", label, value);
}

static const char *
detail_of(const oc_error *error)
{
	StringInfoData text;

	initStringInfo(&text);
	append_item(&text, "operation ", error->operation);
	if (error->line == 0)
		append_item(&text, "object ", error->object);
	append_item(&text, "host ", error->host);
	if (error->http_status)
		appendStringInfo(&text, "%sHTTP status %d", text.len ? ", " : "", error->http_status);
	append_item(&text, "code ", error->code);
	append_item(&text, "EC ", error->ec);
	append_item(&text, "request id ", error->request_id);
	if (error->detail[0] != '\0')
		appendStringInfo(&text, "%s%s", text.len ? ", " : "", error->detail);
	if (text.len == 0)
		return NULL;
	text.data[0] = pg_toupper((unsigned char) text.data[0]);
	appendStringInfoChar(&text, '.');
	return text.data;
}
