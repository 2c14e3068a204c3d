/*
 * rowout_more.c
 *	  One row as a JSON object, as fixed-width text, or as a tuple of COPY BINARY.
 *
 * rowout.c calls these once per row with the block to append to.
 */
#include "rowout.h"

#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/memutils.h"

/* ---- jsonl: types as to_json writes them */

/* Types whose JSON is a plain number, boolean, string or themselves; the rest goes through to_json(). */
static bool
json_is_simple(Oid type)
{
	switch (getBaseType(type))
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case UUIDOID:
		case BYTEAOID:
		case TIMEOID:
		case DATEOID:
			return true;
		default:
			return false;
	}
}

void
oss_rowout_setup_json(OssRowOut *out, OutColumn *column, const OssColumn *from)
{
	const char *name = from->options.json_name ? from->options.json_name : from->name;
	size_t size = strlen(name);

	column->json_key = palloc(OC_JSON_BOUND(size) + 2);
	column->json_key_size = oc_json_string(&out->escaper, name, size, column->json_key);
	column->json_key[column->json_key_size++] = ':';
	if (json_is_simple(from->type))
		return;
	/* to_json asks for its argument's type through the call's expression */
	column->fast = false;
	fmgr_info(F_TO_JSON, &column->output);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSON, JSONOID, list_make1(makeNullConst(from->type, from->typmod, InvalidOid)),
											 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL),
					   &column->output);
}

static void
append_bytes(oc_block *block, const char *data, size_t size)
{
	oss_reserve(block, size);
	memcpy(block->data + block->size, data, size);
	block->size += size;
}

static void
append_json_string(OssRowOut *out, const char *text, size_t size, oc_block *block)
{
	oss_reserve(block, size < OSS_LONG_FIELD ? OC_JSON_BOUND(size) : oc_json_bound(&out->escaper, text, size));
	block->size += oc_json_string(&out->escaper, text, size, block->data + block->size);
}

/* to_json's result may hold line ends between tokens (json columns keep their layout): they become blanks */
static void
append_to_json(OssRowOut *out, OutColumn *column, Datum value, oc_block *block)
{
	MemoryContext old = MemoryContextSwitchTo(out->row_context);
	text *json = DatumGetTextPP(FunctionCall1(&column->output, value));
	size_t size = VARSIZE_ANY_EXHDR(json);
	char *target;

	oss_reserve(block, size);
	target = block->data + block->size;
	memcpy(target, VARDATA_ANY(json), size);
	for (size_t i = 0; i < size; i++)
		if (target[i] == '\n' || target[i] == '\r')
			target[i] = ' ';
	block->size += size;
	MemoryContextSwitchTo(old);
}

/* Numbers are written bare when JSON has them: not NaN and not the infinities. */
static bool
is_json_number(const char *text, size_t size)
{
	return size > 0 && (text[size - 1] >= '0' && text[size - 1] <= '9');
}

static void
append_json_value(OssRowOut *out, OutColumn *column, Datum value, oc_block *block)
{
	char small[OC_FIXED_MAX];
	char *text = small;
	size_t size;
	size_t bound;

	if (getBaseType(column->type) == BOOLOID)
	{
		append_bytes(block, DatumGetBool(value) ? "true" : "false", DatumGetBool(value) ? 4 : 5);
		return;
	}
	if (!json_is_simple(column->type))
	{
		append_to_json(out, column, value, block);
		return;
	}
	if (column->fast && column->class == OC_CLASS_TEXT)
	{
		struct varlena *data = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(value));

		append_json_string(out, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data), block);
		return;
	}
	if (column->fast)
	{
		bound = oss_fast_bound(column, &value);
		if (bound > sizeof(small))
			text = MemoryContextAlloc(out->row_context, bound);
		size = oss_format_fast(out, column, value, text);
	}
	else
	{
		text = oss_output_text(out, column, value);
		size = strlen(text);
	}
	if (column->is_number && is_json_number(text, size))
		append_bytes(block, text, size);
	else
		append_json_string(out, text, size, block);
}

void
oss_rowout_json(OssRowOut *out, const Datum *values, const bool *nulls, oc_block *block)
{
	for (int i = 0; i < out->count; i++)
	{
		OutColumn *column = &out->columns[i];

		append_bytes(block, i ? "," : "{", 1);
		append_bytes(block, column->json_key, column->json_key_size);
		if (nulls[column->index])
			append_bytes(block, "null", 4);
		else
			append_json_value(out, column, values[column->index], block);
	}
	append_bytes(block, out->count ? "}" : "{}", out->count ? 1 : 2);
	append_bytes(block, out->eol, out->eol_size);
	out->any_fallback = true; /* detoasted values and strings are dropped now and then */
}

/* ---- fixed: numbers left, everything else right in its field, blanks around (GaussDB's FIXED) */

static void
put_fixed(OssRowOut *out, const OutColumn *column, const char *text, size_t size, bool is_null, char *row)
{
	if (column->is_bpchar)
		while (size > 0 && text[size - 1] == ' ')
			size--;
	if (size > column->length)
		ereport(ERROR, (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
						errmsg("value of column \"%s\" does not fit its position", column->name),
						errdetail("It has %zu bytes, the position %u.", size, column->length)));
	if (!is_null && (memchr(text, '\n', size) || memchr(text, '\r', size) ||
					 (size > 0 && (text[0] == ' ' || text[size - 1] == ' ')) ||
					 (size == (size_t) out->null_size && memcmp(text, out->null_string, size) == 0)))
		ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
						errmsg("value of column \"%s\" cannot be written in the format fixed", column->name),
						errdetail("It is empty or reads like NULL, begins or ends with a blank, or holds a line end.")));
	memcpy(row + column->offset + (column->is_number ? 0 : column->length - size), text, size);
}

void
oss_rowout_fixed(OssRowOut *out, const Datum *values, const bool *nulls, oc_block *block)
{
	char *row;

	oss_reserve(block, out->row_length + out->eol_size);
	row = block->data + block->size;
	memset(row, ' ', out->row_length);
	for (int i = 0; i < out->count; i++)
	{
		OutColumn *column = &out->columns[i];
		char *text = nulls[column->index] ? NULL : oss_output_text(out, column, values[column->index]);

		put_fixed(out, column, text ? text : out->null_string, text ? strlen(text) : (size_t) out->null_size, text == NULL, row);
	}
	memcpy(row + out->row_length, out->eol, out->eol_size);
	block->size += out->row_length + out->eol_size;
	out->any_fallback = true;
}

/* ---- binary: int16 count of fields, then int32 length (-1 = NULL) and bytes of each */

static void
append_int32(oc_block *block, int32 value)
{
	uint32 network = pg_hton32((uint32) value);

	append_bytes(block, (char *) &network, 4);
}

void
oss_rowout_binary(OssRowOut *out, const Datum *values, const bool *nulls, oc_block *block)
{
	uint16 count = pg_hton16((uint16) out->count);

	append_bytes(block, (char *) &count, 2);
	for (int i = 0; i < out->count; i++)
	{
		OutColumn *column = &out->columns[i];
		MemoryContext old;
		bytea *sent;

		if (nulls[column->index])
		{
			append_int32(block, -1);
			continue;
		}
		old = MemoryContextSwitchTo(out->row_context);
		sent = SendFunctionCall(&column->output, values[column->index]);
		append_int32(block, VARSIZE(sent) - VARHDRSZ);
		append_bytes(block, VARDATA(sent), VARSIZE(sent) - VARHDRSZ);
		MemoryContextSwitchTo(old);
	}
	out->any_fallback = true;
}
