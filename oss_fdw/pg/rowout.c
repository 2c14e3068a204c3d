/*
 * rowout.c
 *	  One row -> bytes in the writer's block: dispatch by format; csv and text.
 *
 * slot -> per column: the core's formatter straight into the block, or the type's output function for everything that has
 * none -> escaped where needed -> row end.  Nothing is allocated per row on the fast paths.  The bytes are what COPY TO
 * writes for the same row and options, with DateStyle and its like pinned.
 */
#include "rowout.h"

#include "oc_format_inline.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/date.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/varlena.h"

#define MAX_ROW ((size_t) MaxAllocSize) /* what COPY and we can read back */
#define ROW_MEMORY ((Size) 1 << 20)		/* what output functions and detoasting leave behind before it is freed */

static void setup_column(OssRowOut *out, OutColumn *column, const OssColumn *from);
static OutRoute route_of(const OssRowOut *out, const OutColumn *column);
static void setup_format(OssRowOut *out, const OssLayout *layout);
static void append_row(OssRowOut *out, const Datum *values, const bool *nulls, oc_block *block);
static void refuse_large_row(void);
static void append_converted(OssRowOut *out, const Datum *values, const bool *nulls, oc_block *block);
static void check_end_marker(const OssRowOut *out, const char *row, size_t size);
static void check_single_line(const OssRowOut *out, const OutColumn *column, const char *field, size_t size);
static void check_unescaped(OssRowOut *out, const OutColumn *column, const char *text, size_t size);
static int32 zone_offset(OssRowOut *out, TimestampTz value);
static void free_scratch(void *arg);

/* ---- set-up */

OssRowOut *
oss_rowout_begin(Relation rel, const OssOptions *options, const OssLayout *layout)
{
	OssRowOut *out = palloc0(sizeof(OssRowOut));

	out->rel = rel;
	out->on_reset.func = free_scratch;
	out->on_reset.arg = out;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &out->on_reset);
	out->options = options;
	out->row_context = AllocSetContextCreate(CurrentMemoryContext, "oss_fdw row", ALLOCSET_DEFAULT_SIZES);
	out->delimiter = options->delimiter;
	out->delimiter_size = strlen(options->delimiter);
	out->null_string = options->null_string;
	out->null_size = strlen(options->null_string);
	out->eol = options->eol ? options->eol : "\n";
	out->eol_size = strlen(out->eol);
	out->single_line = options->format == OC_FORMAT_CSV && !options->multi_line;
	out->may_end_data = options->format == OC_FORMAT_CSV && OSS_CSV_END_MARKER &&
						(options->delimiter[0] == '\\' || options->quote[0] == '\\' || options->null_string[0] == '\\');
	out->own_eol = strcmp(out->eol, "\n") != 0 && strcmp(out->eol, "\r\n") != 0 && strcmp(out->eol, "\r") != 0;
	out->converts = options->format != OC_FORMAT_BINARY && options->encoding_id != GetDatabaseEncoding() &&
					options->encoding_id != PG_SQL_ASCII && GetDatabaseEncoding() != PG_SQL_ASCII;
	oc_format_context_init(&out->format);
	out->format.shortest_double = double_to_shortest_decimal_bufn;
	out->format.shortest_float = float_to_shortest_decimal_bufn;
	setup_format(out, layout);

	out->all = palloc0(sizeof(OutColumn) * Max(layout->column_count, 1));
	out->columns = palloc0(sizeof(OutColumn) * Max(layout->file_count, 1));
	for (int i = 0; i < layout->column_count; i++)
		setup_column(out, &out->all[i], &layout->columns[i]);
	for (int i = 0; i < layout->file_count; i++)
	{
		OutColumn *column = &out->columns[out->count++];

		*column = out->all[layout->file_columns[i]];
		out->any_fallback |= !column->fast;
		out->fixed_room += OC_FIXED_MAX + 2 + out->delimiter_size + out->null_size;
		if (column->route == OUT_NUMERIC)
			out->fixed_room += OC_NUMERIC_SHORT_MAX;
	}
	out->fixed_room += out->eol_size + 16;
	return out;
}

/* force_quote, force_null, force_not_null: * or a list of column names, quoted and folded as in SQL. */
bool
oss_in_column_list(const char *list, const char *name)
{
	List *names;
	ListCell *lc;

	if (list == NULL)
		return false;
	if (strcmp(list, "*") == 0)
		return true;
	if (!SplitIdentifierString(pstrdup(list), ',', &names))
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME), errmsg("invalid list of columns \"%s\"", list),
						errhint("Separate the names by commas; put names with special characters in double quotes.")));
	foreach (lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

static void
setup_column(OssRowOut *out, OutColumn *column, const OssColumn *from)
{
	Oid base = getBaseType(from->type);
	Oid function;

	column->index = from->attnum - 1;
	column->name = from->name;
	column->type = from->type;
	column->class = oss_class_of(base);
	column->fast = oss_fast_paths && column->class != OC_CLASS_OTHER;
	column->is_bpchar = base == BPCHAROID;
	column->is_number = base == INT2OID || base == INT4OID || base == INT8OID || base == FLOAT4OID || base == FLOAT8OID ||
						base == NUMERICOID || base == OIDOID;
	column->offset = from->options.offset;
	column->length = from->options.length;
	column->force_quote = from->options.force_quote || oss_in_column_list(out->options->force_quote, from->name);
	if (out->options->format == OC_FORMAT_BINARY)
	{
		getTypeBinaryOutputInfo(from->type, &function, &column->varlena);
		column->fast = false;
	}
	else
		getTypeOutputInfo(from->type, &function, &column->varlena);
	fmgr_info(function, &column->output);
	if (out->options->format == OC_FORMAT_JSONL)
		oss_rowout_setup_json(out, column, from);
	column->plain = column->fast && oc_class_is_plain(column->class, &out->escaper) && !column->force_quote;
	/* a value could read like the null string */
	if ((out->options->format == OC_FORMAT_CSV && out->null_size > 0) || out->options->noescaping)
		column->plain = false;
	/* \x begins with a byte that text escapes; the formatter writes that escape itself */
	if (column->fast && column->class == OC_CLASS_BYTEA && out->options->format == OC_FORMAT_TEXT && !out->options->noescaping)
		column->plain = strpbrk(out->delimiter, "x\\0123456789abcdef") == NULL;
	column->route = route_of(out, column);
}

static OutRoute
route_of(const OssRowOut *out, const OutColumn *column)
{
	if (!column->fast)
		return OUT_GENERAL;
	if (column->class == OC_CLASS_TEXT)
		return out->options->noescaping ? OUT_GENERAL : OUT_TEXT;
	if (!column->plain)
		return OUT_GENERAL;
	switch (column->class)
	{
		case OC_CLASS_INT4:
			return OUT_INT4;
		case OC_CLASS_INT8:
			return OUT_INT8;
		case OC_CLASS_DATE:
			return OUT_DATE;
		case OC_CLASS_NUMERIC:
			return OUT_NUMERIC;
		default:
			return OUT_GENERAL;
	}
}

static void
setup_format(OssRowOut *out, const OssLayout *layout)
{
	const OssOptions *options = out->options;
	bool good = true;

	if (options->format == OC_FORMAT_CSV)
		good = oc_escaper_csv(&out->escaper, out->delimiter, options->quote[0], options->escape[0], out->null_string, out->eol,
							  layout->file_count == 1);
	else if (options->format == OC_FORMAT_TEXT)
		good = oc_escaper_text(&out->escaper, out->delimiter, out->eol, options->noescaping);
	else
		oc_escaper_json(&out->escaper);
	if (!good)
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("options \"delimiter\", \"eol\", \"quote\" and \"escape\" do not fit together")));
	for (int i = 0; i < layout->file_count; i++)
	{
		const OssColumn *column = &layout->columns[layout->file_columns[i]];

		out->row_length = Max(out->row_length, (size_t) column->options.offset + column->options.length);
	}
}

/* The core's class of a built-in type; domains are looked through by the caller. */
oc_class
oss_class_of(Oid type)
{
	switch (type)
	{
		case BOOLOID:
			return OC_CLASS_BOOL;
		case INT2OID:
			return OC_CLASS_INT2;
		case INT4OID:
			return OC_CLASS_INT4;
		case INT8OID:
			return OC_CLASS_INT8;
		case OIDOID:
			return OC_CLASS_OID;
		case FLOAT4OID:
			return OC_CLASS_FLOAT4;
		case FLOAT8OID:
			return OC_CLASS_FLOAT8;
		case NUMERICOID:
			return OC_CLASS_NUMERIC;
		case DATEOID:
			return OC_CLASS_DATE;
		case TIMEOID:
			return OC_CLASS_TIME;
		case TIMESTAMPOID:
			return OC_CLASS_TIMESTAMP;
		case TIMESTAMPTZOID:
			return OC_CLASS_TIMESTAMPTZ;
		case UUIDOID:
			return OC_CLASS_UUID;
		case BYTEAOID:
			return OC_CLASS_BYTEA;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case JSONOID:
			return OC_CLASS_TEXT;
		default:
			return OC_CLASS_OTHER;
	}
}

/* ---- rows */

/* Room for need more bytes, or an error; no row is larger than COPY could read. */
void
oss_reserve(oc_block *block, size_t need)
{
	if (block->capacity - block->size >= need)
		return;
	if (!oc_block_reserve(block, need))
		refuse_large_row();
}

static void
refuse_large_row(void)
{
	ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("a row is too large to be exported"),
					errdetail("A row of an object may have at most %zu bytes.", MAX_ROW)));
}

void
oss_rowout_append(OssRowOut *out, TupleTableSlot *slot, oc_block *block)
{
	MemoryContext old = MemoryContextSwitchTo(out->row_context);
	size_t before = block->size;
	int nest = 0;

	if (out->any_fallback)
		nest = oss_push_pins();
	if (out->converts)
		append_converted(out, slot->tts_values, slot->tts_isnull, block);
	else
		append_row(out, slot->tts_values, slot->tts_isnull, block);
	if (nest > 0)
		AtEOXact_GUC(true, nest);
	if (unlikely(out->may_end_data))
		check_end_marker(out, block->data + before, block->size - before);
	/* the block has room for a little more than the longest row */
	if (unlikely(block->size - before > MAX_ROW))
		refuse_large_row();
	MemoryContextSwitchTo(old);
	/* output functions leave their strings behind, and detoasting its copies: dropped now and then, not per row */
	if (!out->row_context->isReset &&
		(++out->rows_since_reset >= 100 || MemoryContextMemAllocated(out->row_context, false) > ROW_MEMORY))
	{
		MemoryContextReset(out->row_context);
		out->rows_since_reset = 0;
	}
}

/* COPY writes such a row, too, and loses all that follow when it reads them. */
static void
check_end_marker(const OssRowOut *out, const char *row, size_t size)
{
	if (size > 2 && memcmp(row, "\\.", 2) == 0 &&
		(row[2] == '\n' || row[2] == '\r' || (size == 2 + (size_t) out->eol_size && memcmp(row + 2, out->eol, out->eol_size) == 0)))
		ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
						errmsg("a row that reads like the end-of-copy marker cannot be written"),
						errhint("Set the table's option delimiter, quote or null to something without a backslash.")));
}

/*
 * Settings that change what output functions write: pinned while they run, if the session has others.  0 = nothing was pushed.
 */
int
oss_push_pins(void)
{
	int nest;

	if (DateStyle == USE_ISO_DATES && IntervalStyle == INTSTYLE_POSTGRES && extra_float_digits >= 1 &&
		bytea_output == BYTEA_OUTPUT_HEX)
		return 0;
	nest = NewGUCNestLevel();
	(void) set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("intervalstyle", "postgres", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (extra_float_digits < 1)
		(void) set_config_option("extra_float_digits", "1", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("bytea_output", "hex", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest;
}

/* The row in the server's encoding first, then converted: escapes are ASCII in every server encoding. */
static void
append_converted(OssRowOut *out, const Datum *values, const bool *nulls, oc_block *block)
{
	char *converted;
	size_t size;
	MemoryContext old = MemoryContextSwitchTo(out->row_context);

	out->scratch.size = 0;
	append_row(out, values, nulls, &out->scratch);
	if (out->scratch.size > MAX_ROW / MAX_CONVERSION_GROWTH)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("a row is too large to be converted")));
	converted = pg_server_to_any(out->scratch.data, out->scratch.size, out->options->encoding_id);
	size = converted == out->scratch.data ? out->scratch.size : strlen(converted);
	oss_reserve(block, size);
	memcpy(block->data + block->size, converted, size);
	block->size += size;
	MemoryContextReset(out->row_context);
	MemoryContextSwitchTo(old);
}

static inline char *
put(char *target, const char *data, int size)
{
	if (size == 1)
		*target = *data;
	else
		memcpy(target, data, size);
	return target + size;
}

/* Bytes that the fast formatter may need beyond OC_FIXED_MAX; *value is detoasted where it has to be. */
size_t
oss_fast_bound(const OutColumn *column, Datum *value)
{
	struct varlena *data;

	switch (column->class)
	{
		case OC_CLASS_NUMERIC:
			/* numerics may be packed; the core reads any alignment */
			data = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(*value));
			*value = PointerGetDatum(data);
			return oc_format_numeric_bound(VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data));
		case OC_CLASS_BYTEA:
			data = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(*value));
			*value = PointerGetDatum(data);
			return OC_BYTEA_MAX(VARSIZE_ANY_EXHDR(data));
		default:
			return 0;
	}
}

/* One value by the core; not for OC_CLASS_TEXT.  oss_fast_bound has made room and detoasted. */
size_t
oss_format_fast(OssRowOut *out, const OutColumn *column, Datum value, char *target)
{
	switch (column->class)
	{
		case OC_CLASS_BOOL:
			return oc_format_bool(DatumGetBool(value), target);
		case OC_CLASS_INT2:
			return oc_format_int2(DatumGetInt16(value), target);
		case OC_CLASS_INT4:
			return oc_format_int4(DatumGetInt32(value), target);
		case OC_CLASS_INT8:
			return oc_format_int8(DatumGetInt64(value), target);
		case OC_CLASS_OID:
			return oc_format_oid(DatumGetObjectId(value), target);
		case OC_CLASS_FLOAT4:
			return oc_format_float4(&out->format, DatumGetFloat4(value), target);
		case OC_CLASS_FLOAT8:
			return oc_format_float8(&out->format, DatumGetFloat8(value), target);
		case OC_CLASS_NUMERIC:
			return Max(oc_format_numeric(VARDATA_ANY(DatumGetPointer(value)), VARSIZE_ANY_EXHDR(DatumGetPointer(value)), target), 0);
		case OC_CLASS_DATE:
			return oc_format_date(&out->format, DatumGetDateADT(value), target);
		case OC_CLASS_TIME:
			return oc_format_time(DatumGetTimeADT(value), target);
		case OC_CLASS_TIMESTAMP:
			return oc_format_timestamp(&out->format, DatumGetTimestamp(value), target);
		case OC_CLASS_TIMESTAMPTZ:
			return oc_format_timestamptz(&out->format, DatumGetTimestampTz(value), zone_offset(out, DatumGetTimestampTz(value)),
										 target);
		case OC_CLASS_UUID:
			return oc_format_uuid(DatumGetUUIDP(value)->data, target);
		case OC_CLASS_BYTEA:
			return oc_format_bytea(VARDATA_ANY(DatumGetPointer(value)), VARSIZE_ANY_EXHDR(DatumGetPointer(value)),
								   out->options->format == OC_FORMAT_TEXT && !out->options->noescaping && column->plain, target);
		default:
			elog(ERROR, "no formatter for column \"%s\"", column->name);
	}
}

char *
oss_output_text(OssRowOut *out, OutColumn *column, Datum value)
{
	MemoryContext old = MemoryContextSwitchTo(out->row_context);
	char *text = OutputFunctionCall(&column->output, value);

	MemoryContextSwitchTo(old);
	return text;
}

/* Without escapes a special byte, or a value that reads like NULL, could not be read back. */
static void
check_unescaped(OssRowOut *out, const OutColumn *column, const char *text, size_t size)
{
	if (oc_escaper_is_special(&out->escaper, text, size))
		ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
						errmsg("value of column \"%s\" cannot be written with noescaping", column->name),
						errdetail("It holds the delimiter or a line end.")));
	if (size == (size_t) out->null_size && memcmp(text, out->null_string, size) == 0)
		ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
						errmsg("value of column \"%s\" cannot be written with noescaping", column->name),
						errdetail("It reads like the null string.")));
}

/* A field as it was written: with multi_line 'false' a line end within its quotes would end the row when it is read. */
static void
check_single_line(const OssRowOut *out, const OutColumn *column, const char *field, size_t size)
{
	bool found = out->own_eol ? memmem(field, size, out->eol, out->eol_size) != NULL
							  : memchr(field, '\n', size) != NULL || memchr(field, '\r', size) != NULL;

	if (found)
		ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
						errmsg("value of column \"%s\" holds a line end, which multi_line 'false' excludes", column->name),
						errdetail("It could not be read back."),
						errhint("Replace line ends in the query, or set the table's option multi_line to true.")));
}

/* What holds a line end is always quoted. */
static inline bool
may_hold_line_end(const OssRowOut *out, const char *field)
{
	return out->single_line && *field == out->escaper.quote;
}

/* What the escaped field takes at most.  A long one is looked at: nearly 1 GB fits, but not twice that. */
static pg_attribute_always_inline size_t
field_bound(const OssRowOut *out, const char *text, size_t size, bool csv)
{
	if (likely(size < OSS_LONG_FIELD))
		return csv ? OC_CSV_BOUND(size) : OC_TEXT_BOUND(size);
	return csv ? oc_csv_bound(&out->escaper, text, size) : oc_text_bound(&out->escaper, text, size);
}

/* One field's text, escaped.  Keeps the invariant that fixed_room bytes are free behind block->size. */
static pg_attribute_always_inline void
append_escaped(OssRowOut *out, const OutColumn *column, const char *text, size_t size, oc_block *block, bool csv)
{
	oss_reserve(block, field_bound(out, text, size, csv) + out->fixed_room);
	if (csv)
	{
		char *field = block->data + block->size;

		size = oc_csv_field(&out->escaper, text, size, column->force_quote, field);
		if (size > 0 && may_hold_line_end(out, field))
			check_single_line(out, column, field, size);
		block->size += size;
	}
	else
	{
		if (out->options->noescaping)
			check_unescaped(out, column, text, size);
		block->size += oc_text_field(&out->escaper, text, size, block->data + block->size);
	}
}

static pg_attribute_always_inline void
append_value(OssRowOut *out, OutColumn *column, Datum value, oc_block *block, bool csv)
{
	char small[OC_FIXED_MAX];
	size_t bound;

	if (!column->fast)
	{
		char *text = oss_output_text(out, column, value);

		append_escaped(out, column, text, strlen(text), block, csv);
		return;
	}
	if (column->class == OC_CLASS_TEXT)
	{
		struct varlena *data = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(value));

		append_escaped(out, column, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data), block, csv);
		if ((Pointer) data != DatumGetPointer(value))
			pfree(data);
		return;
	}
	bound = oss_fast_bound(column, &value);
	if (column->plain)
	{
		if (bound)
			oss_reserve(block, bound + out->fixed_room);
		block->size += oss_format_fast(out, column, value, block->data + block->size);
	}
	else
	{
		char *target = bound <= sizeof(small) ? small : MemoryContextAlloc(out->row_context, bound);

		append_escaped(out, column, target, oss_format_fast(out, column, value, target), block, csv);
		if (target != small)
			pfree(target);
	}
}

/* A value that is neither compressed nor out of line, nor a lone pointer to one. */
#define IS_INLINE(pointer) (!VARATT_IS_EXTERNAL(pointer) && !VARATT_IS_COMPRESSED(pointer))

/*
 * The usual types: written at "at", where fixed_room bytes are free before the row's first field and behind each
 * field of variable size.  Returns the end, or NULL when the value takes the general way.
 */
static pg_attribute_always_inline char *
put_common(OssRowOut *out, const OutColumn *column, Datum value, char *at, const char *limit, bool csv)
{
	const char *text;
	size_t size;

	switch (column->route)
	{
		case OUT_INT4:
			return at + oc_inline_int8(DatumGetInt32(value), at);
		case OUT_INT8:
			return at + oc_inline_int8(DatumGetInt64(value), at);
		case OUT_DATE:
			return at + oc_inline_date(&out->format, DatumGetDateADT(value), at);
		case OUT_NUMERIC:
			if (!IS_INLINE(DatumGetPointer(value)))
				return NULL;
			text = VARDATA_ANY(DatumGetPointer(value));
			size = VARSIZE_ANY_EXHDR(DatumGetPointer(value));
			return oc_numeric_is_short(text, size) ? at + oc_inline_numeric(text, size, at) : NULL;
		case OUT_TEXT:
			if (!IS_INLINE(DatumGetPointer(value)))
				return NULL;
			text = VARDATA_ANY(DatumGetPointer(value));
			size = VARSIZE_ANY_EXHDR(DatumGetPointer(value));
			if ((size_t) (limit - at) < (csv ? OC_CSV_BOUND(size) : OC_TEXT_BOUND(size)) + out->fixed_room)
				return NULL;
			size = csv ? oc_csv_field(&out->escaper, text, size, column->force_quote, at) : oc_text_field(&out->escaper, text, size, at);
			if (csv && size > 0 && may_hold_line_end(out, at))
				check_single_line(out, column, at, size);
			return at + size;
		default:
			return NULL;
	}
}

/* csv and text share the loop; the compiler makes two of it */
static pg_attribute_always_inline void
append_delimited(OssRowOut *out, const Datum *values, const bool *nulls, oc_block *block, bool csv)
{
	char *at;

	oss_reserve(block, out->fixed_room);
	at = block->data + block->size;
	for (int i = 0; i < out->count; i++)
	{
		OutColumn *column = &out->columns[i];
		char *end;

		if (i > 0)
			at = put(at, out->delimiter, out->delimiter_size);
		if (nulls[column->index])
		{
			at = put(at, out->null_string, out->null_size);
			continue;
		}
		end = put_common(out, column, values[column->index], at, block->data + block->capacity, csv);
		if (end == NULL)
		{
			block->size = at - block->data;
			append_value(out, column, values[column->index], block, csv);
			end = block->data + block->size;
		}
		at = end;
	}
	block->size = put(at, out->eol, out->eol_size) - block->data;
}

static void
append_row(OssRowOut *out, const Datum *values, const bool *nulls, oc_block *block)
{
	switch (out->options->format)
	{
		case OC_FORMAT_CSV:
			append_delimited(out, values, nulls, block, true);
			break;
		case OC_FORMAT_TEXT:
			append_delimited(out, values, nulls, block, false);
			break;
		case OC_FORMAT_JSONL:
			oss_rowout_json(out, values, nulls, block);
			break;
		case OC_FORMAT_FIXED:
			oss_rowout_fixed(out, values, nulls, block);
			break;
		default:
			oss_rowout_binary(out, values, nulls, block);
			break;
	}
}

/* ---- time zones */

static int32
offset_at(int64 unix_seconds)
{
	pg_time_t when = (pg_time_t) unix_seconds;
	struct pg_tm *tm = pg_localtime(&when, session_timezone);

	return tm ? (int32) tm->tm_gmtoff : 0;
}

/* Seconds east of Greenwich that the session's zone has at this instant. */
static int32
zone_offset(OssRowOut *out, TimestampTz value)
{
	const int64 epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	int64 seconds = value / USECS_PER_SEC - (value % USECS_PER_SEC < 0);
	int64 day = seconds / SECS_PER_DAY - (seconds % SECS_PER_DAY < 0);
	ZoneDay *entry;

	if (TIMESTAMP_NOT_FINITE(value))
		return 0;
	if (out->zones == NULL)
		out->zones = MemoryContextAllocZero(GetMemoryChunkContext(out), sizeof(ZoneDay) * OUT_ZONE_CACHE);
	entry = &out->zones[(uint64) day % OUT_ZONE_CACHE];
	if (!entry->valid || entry->day != day)
	{
		entry->day = day;
		entry->offset = offset_at(day * SECS_PER_DAY + epoch);
		entry->varies = offset_at((day + 1) * SECS_PER_DAY + epoch) != entry->offset;
		entry->valid = true;
	}
	return entry->varies ? offset_at(seconds + epoch) : entry->offset;
}

/* ---- headers, folders, the end */

static void
append_names(OssRowOut *out, StringInfo header)
{
	for (int i = 0; i < out->count; i++)
	{
		const char *name = out->columns[i].name;
		size_t size = strlen(name);
		char *field = palloc(Max(OC_CSV_BOUND(size), OC_TEXT_BOUND(size)) + 1);

		if (i > 0)
			appendStringInfoString(header, out->delimiter);
		size = out->options->format == OC_FORMAT_CSV ? oc_csv_field(&out->escaper, name, size, false, field)
													 : oc_text_field(&out->escaper, name, size, field);
		if (size > 0 && may_hold_line_end(out, field))
			check_single_line(out, &out->columns[i], field, size);
		appendBinaryStringInfo(header, field, size);
	}
	appendStringInfoString(header, out->eol);
}

void
oss_rowout_frame(OssRowOut *out, StringInfo header, StringInfo trailer)
{
	static const char signature[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";

	if (out->options->format == OC_FORMAT_BINARY)
	{
		appendBinaryStringInfo(header, signature, sizeof(signature) - 1);
		appendBinaryStringInfo(trailer, "\377\377", 2);
	}
	else if (out->options->header != OSS_HEADER_NONE)
	{
		append_names(out, header);
		if (out->converts)
		{
			char *converted = pg_server_to_any(header->data, header->len, out->options->encoding_id);

			if (converted != header->data)
			{
				resetStringInfo(header);
				appendStringInfoString(header, converted);
			}
		}
	}
}

char *
oss_rowout_text(OssRowOut *out, int column, Datum value)
{
	int nest = oss_push_pins();
	OutColumn *from = &out->all[column];
	Oid function;
	bool varlena;
	char *text;

	if (out->options->format == OC_FORMAT_BINARY || out->options->format == OC_FORMAT_JSONL)
	{
		getTypeOutputInfo(from->type, &function, &varlena);
		text = OidOutputFunctionCall(function, value);
	}
	else
		text = OutputFunctionCall(&from->output, value);
	if (nest > 0)
		AtEOXact_GUC(true, nest);
	return text;
}

/* The scratch block is malloc'ed by the core's oc_block_reserve; this is also the way out after an error. */
static void
free_scratch(void *arg)
{
	OssRowOut *out = arg;

	free(out->scratch.data);
	memset(&out->scratch, 0, sizeof(out->scratch));
}

void
oss_rowout_end(OssRowOut *out)
{
	free_scratch(out);
}
