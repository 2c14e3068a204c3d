/*
 * rowin_reject.c
 *	  Dirty rows under reject_limit: counted, logged, kept in a table.
 *
 * Counted is every row that the splitter or a conversion refuses, over the whole scan.  Still errors: what concerns the object as a
 * whole (header mismatch, corrupt compression, a changed object).  n: row n+1 fails the statement at once; n%: judged at
 * the end of the scan; unlimited: never.  Rejected rows go into error_table in the same transaction.
 */
#include "rowin.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/varlena.h"

struct RejectState
{
	int64 limit;		/* rows; -1 = no fixed number */
	int percent;		/* -1 = no percentage */
	int64 rejected;
	int64 seen;			/* all rows */
	SPIPlanPtr plan;	/* INSERT into the error table; freed with context */
	MemoryContext context;
	MemoryContextCallback on_reset;
};

static void refuse_parallel_mode(const OssRowIn *in);
static void keep_row(OssRowIn *in, const char *column, const char *message);
static void prepare_insert(OssRowIn *in);
static void free_insert(void *arg);

RejectState *
oss_reject_begin(OssRowIn *in)
{
	RejectState *reject = palloc0(sizeof(RejectState));
	const char *limit = in->options->reject_limit;

	reject->context = CurrentMemoryContext;
	reject->limit = -1;
	reject->percent = -1;
	if (pg_strcasecmp(limit, "unlimited") == 0)
		return reject;
	if (strchr(limit, '%'))
		reject->percent = atoi(limit);
	else
		reject->limit = strtol(limit, NULL, 10);
	return reject;
}

void
oss_reject_count(OssRowIn *in)
{
	in->reject->seen++;
}

/* Takes a bad row out of the scan, or ends the statement when there are too many. */
void
oss_reject_row(OssRowIn *in, const char *column, const char *message)
{
	RejectState *reject = in->reject;

	reject->rejected++;
	if (reject->limit >= 0 && reject->rejected > reject->limit)
		ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
						errmsg("more than " INT64_FORMAT " rows of foreign table \"%s\" were rejected", reject->limit,
							   RelationGetRelationName(in->rel)),
						errdetail("The last one: object \"%s/%s\", line " UINT64_FORMAT "%s%s: %s", in->bucket, in->key,
								  in->row->line, column ? ", column " : "", column ? column : "", message),
						errhint("Correct the rows, or raise reject_limit.")));
	if (in->options->log_errors)
		ereport(LOG, (errmsg("rejected a row of foreign table \"%s\": %s", RelationGetRelationName(in->rel), message),
					  errdetail("Object \"%s/%s\", line " UINT64_FORMAT "%s%s.", in->bucket, in->key, in->row->line,
								column ? ", column " : "", column ? column : "")));
	if (in->options->error_table)
		keep_row(in, column, message);
}

/*
 * The planner is told that a statement with reject_limit has no parallel part (scan.c), but a subquery that it planned before may have
 * one.  Neither subtransactions nor writes are possible then.
 */
static void
refuse_parallel_mode(const OssRowIn *in)
{
	if (IsInParallelMode())
		ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
						errmsg("rows of foreign table \"%s\" cannot be rejected in a parallel query", RelationGetRelationName(in->rel)),
						errhint("Set max_parallel_workers_per_gather to 0.")));
}

/*
 * Converts the row in a subtransaction of its own when the fast parsers do not suffice, since an input function's error leaves no other
 * way to go on.  false: the row was rejected.
 */
bool
oss_reject_convert(OssRowIn *in, const oc_field *fields, TupleTableSlot *slot)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorContextCallback *callbacks = error_context_stack;
	const char *volatile column = NULL;
	char *volatile message = NULL;

	if (oss_convert_row_fast(in, fields, slot))
		return true;
	refuse_parallel_mode(in);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		oss_convert_row(in, fields, 0, in->count, slot);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(in->row_context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		error_context_stack = callbacks;
		in->row_context_used = true;
		column = in->current ? in->current->column->name : NULL;
		in->current = NULL;
		/* what is not about the value must not be swallowed; the subtransaction is ours to end all the same */
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION &&
			ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION &&
			error->sqlerrcode != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			ReThrowError(error);
		message = error->message;
	}
	PG_END_TRY();
	if (message == NULL)
		return true;
	oss_reject_row(in, column, message);
	return false;
}

/* A percentage is judged when all rows were seen. */
void
oss_reject_finish(OssRowIn *in)
{
	RejectState *reject = in->reject;

	if (reject->percent >= 0 && reject->rejected * 100 > reject->seen * reject->percent)
		ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
						errmsg(INT64_FORMAT " of " INT64_FORMAT " rows of foreign table \"%s\" were rejected, more than %d%%",
							   reject->rejected, reject->seen, RelationGetRelationName(in->rel), reject->percent),
						errhint("Correct the rows, or raise reject_limit.")));
	if (reject->rejected > 0)
		ereport(NOTICE, (errmsg(INT64_FORMAT " rows of foreign table \"%s\" were rejected", reject->rejected,
								RelationGetRelationName(in->rel))));
	reject->rejected = reject->seen = 0;
}

/* ---- the error table */

/* The raw bytes may be what was wrong with the row: they are made valid text first. */
static char *
printable_raw(const OssRowIn *in)
{
	char *raw = palloc(in->row->raw_size + 1);
	size_t size = in->row->raw_size;

	memcpy(raw, in->row->raw, size);
	raw[size] = '\0';
	for (size_t i = 0; i < size;)
	{
		int good = pg_verify_mbstr_len(GetDatabaseEncoding(), raw + i, size - i, true) >= 0 ? (int) (size - i)
																						  : pg_encoding_verifymbstr(GetDatabaseEncoding(), raw + i, size - i);

		i += good;
		if (i < size)
			raw[i++] = '?';
	}
	return raw;
}

static void
keep_row(OssRowIn *in, const char *column, const char *message)
{
	Datum values[6];
	char nulls[7] = "      ";
	int code;
	Oid user;
	int security;

	if (XactReadOnly)
		ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
						errmsg("cannot write to the error_table in a read-only transaction")));
	refuse_parallel_mode(in);
	/* as the foreign table's owner, who chose the table: its triggers must not run with the rights of whoever reads */
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(in->rel->rd_rel->relowner, security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (in->reject->plan == NULL)
		prepare_insert(in);
	values[0] = CStringGetTextDatum(psprintf("%s/%s", in->bucket, in->key));
	values[1] = Int64GetDatum((int64) in->row->line);
	values[2] = Int64GetDatum((int64) in->row->offset);
	values[3] = column ? CStringGetTextDatum(column) : (Datum) 0;
	nulls[3] = column ? ' ' : 'n';
	values[4] = CStringGetTextDatum(message);
	values[5] = CStringGetTextDatum(printable_raw(in));
	code = SPI_execute_plan(in->reject->plan, values, nulls, false, 0);
	if (code != SPI_OK_INSERT)
		elog(ERROR, "could not write to the error_table: %s", SPI_result_code_string(code));
	SPI_finish();
	SetUserIdAndSecContext(user, security);
}

/* A name without a schema is of the foreign table's: the reader's search_path must not choose what its owner writes to. */
static void
prepare_insert(OssRowIn *in)
{
	Oid types[6] = {TEXTOID, INT8OID, INT8OID, TEXTOID, TEXTOID, TEXTOID};
	List *names = oss_qualified_name_list(in->options->error_table);
	RangeVar *range = makeRangeVarFromNameList(names);
	char *name = quote_qualified_identifier(
		range->schemaname ? range->schemaname : get_namespace_name(RelationGetNamespace(in->rel)), range->relname);
	SPIPlanPtr plan;

	plan = SPI_prepare(psprintf("INSERT INTO %s (object, line, byte_offset, column_name, message, raw) "
								"VALUES ($1, $2, $3, $4, $5, $6)",
								name),
					   6, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare the insert into the error_table: %s", SPI_result_code_string(SPI_result));
	SPI_keepplan(plan);
	in->reject->plan = plan;
	in->reject->on_reset.func = free_insert;
	in->reject->on_reset.arg = in->reject;
	MemoryContextRegisterResetCallback(in->reject->context, &in->reject->on_reset);
}

/* A kept plan lives until it is freed. */
static void
free_insert(void *arg)
{
	RejectState *reject = arg;

	SPI_freeplan(reject->plan);
	reject->plan = NULL;
}
