/*
 * rowin.c
 *	  Fields of a batch -> datums in a virtual slot.
 *
 * Only the columns that the query needs have fields.  A field in its type's plain form was converted by the core already, in the thread
 * that split its row: its datum is taken as it is.  What is converted only for rows that pass the scan's filter goes through
 * the core's parser here.  Everything else goes to the type's input function, which also words the errors.  By-reference values live in
 * the batch, or in an arena until the next row.  A bad value names object, line, column and an excerpt (error context),
 * or becomes a rejected row.
 */
#include "rowin.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* the core's words for values are datums; small layouts are what it writes */
#define WORDS_HOLD_VALUES (SIZEOF_DATUM == 8)
StaticAssertDecl(VARHDRSZ == 4 && VARHDRSZ_SHORT == 1 && VARATT_SHORT_MAX == 0x7F, "oc_convert_inline.h writes these headers");
StaticAssertDecl(sizeof(pg_uuid_t) == 16 && sizeof(DateADT) == 4 && sizeof(TimeADT) == 8 && sizeof(Timestamp) == 8,
				 "oc_convert_inline.h makes these values");

#define ARENA_FIRST ((size_t) 8192)
#define ARENA_MAX ((size_t) 1 << 20)

static void setup_typmod(InColumn *column, int encoding);
pg_noreturn static void raise_row(OssRowIn *in, const oc_error *told, const oc_field *fields, TupleTableSlot *slot);
static bool convert_fast(OssRowIn *in, InColumn *column, const char *data, size_t size, Datum *value);
static Datum convert_slow(OssRowIn *in, InColumn *column, const char *data, size_t size);
static Datum convert_by_pattern(InColumn *column, const char *text);
static void setup_json(InColumn *column);
static Datum convert_json(OssRowIn *in, InColumn *column, const char *data, size_t size);
static Datum convert_binary(OssRowIn *in, InColumn *column, const char *data, size_t size);
static char *arena_take(OssRowIn *in, size_t size);
static void arena_reset(OssRowIn *in);

/* ---- set-up */

OssRowIn *
oss_rowin_begin(Relation rel, const OssOptions *options, const OssLayout *layout, Bitmapset *needed)
{
	OssRowIn *in = palloc0(sizeof(OssRowIn));
	int width = Max(layout->column_count, 1);

	in->rel = rel;
	in->options = options;
	in->layout = layout;
	in->needed = needed;
	in->line_index = -1;
	/* UTF-8 is checked by the splitter, in one-byte encodings every byte is good */
	in->verify = options->format == OC_FORMAT_TEXT && !options->noescaping && GetDatabaseEncoding() != PG_UTF8 &&
				 pg_database_encoding_max_length() > 1;
	in->columns = palloc0(sizeof(InColumn) * width);
	in->facts = palloc0(sizeof(InColumn) * width);
	in->all_facts = palloc0(sizeof(InColumn) * width);
	in->fact_values = palloc0(sizeof(Datum) * width);
	in->fact_nulls = palloc0(sizeof(bool) * width);
	in->order = palloc0(sizeof(int) * width);
	in->object_context = AllocSetContextCreate(CurrentMemoryContext, "oss_fdw object", ALLOCSET_SMALL_SIZES);
	in->row_context = AllocSetContextCreate(CurrentMemoryContext, "oss_fdw row", ALLOCSET_DEFAULT_SIZES);
	in->arena_size = ARENA_FIRST;
	in->arena = palloc(in->arena_size);
	for (int i = 0; i < layout->column_count; i++)
	{
		const OssColumn *column = &layout->columns[i];
		bool wanted = bms_is_member(column->attnum, needed);
		bool from_folder = column->options.partition || column->partition_index >= 0;

		if (column->in_file)
		{
			if (wanted)
				oss_setup_in_column(in, &in->columns[in->count++], column);
			continue;
		}
		if (column->options.metadata == OSS_METADATA_LINE)
		{
			if (wanted)
				in->line_index = column->attnum - 1;
			continue;
		}
		if (from_folder || column->options.metadata != OSS_METADATA_NONE)
		{
			oss_setup_in_column(in, &in->all_facts[in->all_fact_count++], column);
			if (wanted)
				oss_setup_in_column(in, &in->facts[in->fact_count++], column);
		}
	}
	for (int i = 0; i < in->count; i++)
		in->order[i] = i;
	in->filter_count = in->count;
	if (oss_may_reject(options))
		in->reject = oss_reject_begin(in);
	return in;
}

/*
 * Only these columns are converted by oss_rowin_row; the others by oss_rowin_rest, for rows that are wanted.  Called before
 * oss_rowin_fill.
 */
void
oss_rowin_filter(OssRowIn *in, Bitmapset *attnums)
{
	int rest;

	in->filter_count = 0;
	for (int i = 0; i < in->count; i++)
		if (bms_is_member(in->columns[i].column->attnum, attnums))
			in->order[in->filter_count++] = i;
	rest = in->filter_count;
	for (int i = 0; i < in->count; i++)
		if (!bms_is_member(in->columns[i].column->attnum, attnums))
		{
			in->columns[i].early = false;
			in->order[rest++] = i;
		}
}

/* Input side of one column; also for folder values. */
void
oss_setup_in_column(OssRowIn *in, InColumn *column, const OssColumn *from)
{
	const OssOptions *options = in->options;
	Oid function;

	column->index = from->attnum - 1;
	column->column = from;
	column->base = getBaseType(from->type);
	/* json's input function checks the text */
	column->conversion.class = column->base == JSONOID ? OC_CLASS_OTHER : oss_class_of(column->base);
	/* a domain may have constraints: its input function checks them */
	column->fast = oss_fast_paths && WORDS_HOLD_VALUES && column->conversion.class != OC_CLASS_OTHER && column->base == from->type;
	setup_typmod(column, options->encoding_id);
	if (options->format == OC_FORMAT_BINARY && from->in_file)
	{
		getTypeBinaryInputInfo(from->type, &function, &column->typioparam);
		column->fast = false;
	}
	else
		getTypeInputInfo(from->type, &function, &column->typioparam);
	fmgr_info(function, &column->input);
	if (column->base == DATEOID)
		column->format_pattern = options->date_format;
	else if (column->base == TIMEOID)
		column->format_pattern = options->time_format;
	else if (column->base == TIMESTAMPOID || column->base == TIMESTAMPTZOID)
		column->format_pattern = options->timestamp_format;
	if (!from->in_file)
		column->format_pattern = NULL;
	column->fast = column->fast && column->format_pattern == NULL;
	/* what the text format's escapes have made must be checked by the server's routine */
	column->early = column->fast && !(in->verify && column->conversion.class == OC_CLASS_TEXT);
	column->by_json = options->format == OC_FORMAT_JSONL && from->in_file &&
					  (column->base == JSONOID || column->base == JSONBOID || type_is_array(column->base) ||
					   type_is_rowtype(column->base));
	if (column->by_json)
		setup_json(column);
}

static void
setup_typmod(InColumn *column, int encoding)
{
	oc_conversion *conversion = &column->conversion;
	int32 typmod = column->column->typmod;

	conversion->max_chars = -1;
	conversion->precision = conversion->class == OC_CLASS_NUMERIC ? 0 : -1;
	conversion->is_bpchar = column->base == BPCHAROID;
	conversion->utf8 = GetDatabaseEncoding() == PG_UTF8;
	if (typmod < 0)
		return;
	switch (conversion->class)
	{
		case OC_CLASS_TEXT:
			conversion->max_chars = typmod - VARHDRSZ;
			/* the core counts characters of one byte, and those of UTF-8 */
			if (conversion->is_bpchar && !conversion->utf8 && pg_database_encoding_max_length() > 1)
				column->fast = false;
			/* in bytes that nobody has checked the server counts them its own way */
			if (encoding == PG_SQL_ASCII && pg_database_encoding_max_length() > 1)
				column->fast = false;
			break;
		case OC_CLASS_NUMERIC:
			conversion->precision = ((typmod - VARHDRSZ) >> 16) & 0xffff;
			/* 15 has negative and large scales in 11 signed bits */
			conversion->scale = (((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
			break;
		case OC_CLASS_TIME:
		case OC_CLASS_TIMESTAMP:
		case OC_CLASS_TIMESTAMPTZ:
			conversion->precision = typmod;
			break;
		default:
			break;
	}
}

/* What the core's splitter must know; returns the number of needed fields. */
int
oss_rowin_fill(OssRowIn *in, oc_split_options *split)
{
	const OssOptions *options = in->options;
	oc_split_column *columns = palloc0(sizeof(oc_split_column) * Max(in->layout->file_count, 1));

	for (int i = 0; i < in->layout->file_count; i++)
	{
		const OssColumn *from = &in->layout->columns[in->layout->file_columns[i]];

		columns[i].name = options->format == OC_FORMAT_JSONL && from->options.json_name ? from->options.json_name : from->name;
		columns[i].needed = bms_is_member(from->attnum, in->needed);
		columns[i].force_null = from->options.force_null || oss_in_column_list(options->force_null, from->name);
		columns[i].force_not_null = from->options.force_not_null || oss_in_column_list(options->force_not_null, from->name);
		columns[i].position = from->options.offset;
		columns[i].length = from->options.length;
	}
	for (int i = 0; i < in->count; i++)
		for (int j = 0; j < in->layout->file_count; j++)
			if (&in->layout->columns[in->layout->file_columns[j]] == in->columns[i].column)
			{
				columns[j].raw_json = in->columns[i].by_json;
				if (in->columns[i].early)
					columns[j].conversion = in->columns[i].conversion;
			}
	split->format = options->format;
	split->columns = columns;
	split->column_count = in->layout->file_count;
	strlcpy(split->delimiter, options->delimiter, sizeof(split->delimiter));
	strlcpy(split->eol, options->eol ? options->eol : "", sizeof(split->eol));
	split->null_string = options->null_string;
	split->quote = options->quote ? options->quote[0] : '\0';
	split->escape = options->escape ? options->escape[0] : '\0';
	split->header = options->header == OSS_HEADER_MATCH ? 2 : options->header == OSS_HEADER_WRITE ? 1 : 0;
	split->skip = options->skip;
	split->noescaping = options->noescaping;
	split->single_line = options->format == OC_FORMAT_CSV && !options->multi_line;
	split->csv_end_marker = OSS_CSV_END_MARKER;
	split->marker_alone = OSS_MARKER_ALONE;
	split->ignore_extra = options->ignore_extra_data;
	split->fill_missing = options->fill_missing_fields;
	split->replace_illegal = options->compatible_illegal_chars;
	split->validate_utf8 = GetDatabaseEncoding() == PG_UTF8 && options->format != OC_FORMAT_BINARY;
	split->any_bytes = oss_rowin_takes_any_bytes(options) && !options->compatible_illegal_chars;
	split->tolerate = in->reject != NULL;
	split->late_missing = in->reject == NULL && (options->format == OC_FORMAT_CSV || options->format == OC_FORMAT_TEXT);
	return in->count;
}

bool
oss_rowin_takes_any_bytes(const OssOptions *options)
{
	return options->encoding_id == PG_SQL_ASCII && (options->format == OC_FORMAT_CSV || options->format == OC_FORMAT_TEXT);
}

/* Lines are wanted for messages as soon as a value is converted. */
bool
oss_rowin_needs_row_facts(const OssRowIn *in)
{
	return in->count > 0 || in->line_index >= 0 || in->reject != NULL;
}

bool
oss_rowin_needs_lines(const OssRowIn *in)
{
	return in->line_index >= 0;
}

/* ---- rows */

/* Fills the slot's arrays; false when the row was rejected. */
bool
oss_rowin_row(OssRowIn *in, const oc_batch *batch, size_t row, TupleTableSlot *slot)
{
	const oc_field *fields = batch->fields + row * in->count;

	in->row = batch->rows ? &batch->rows[row] : NULL;
	in->entry = batch->entry;
	arena_reset(in);
	if (in->row_context_used)
	{
		MemoryContextReset(in->row_context);
		in->row_context_used = false;
	}
	if (in->prepared != slot)
	{
		memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
		memset(slot->tts_values, 0, slot->tts_tupleDescriptor->natts * sizeof(Datum));
		in->prepared = slot;
	}
	if (in->reject)
	{
		oss_reject_count(in);
		if (in->row->error >= 0)
		{
			const oc_error *error = &batch->errors[in->row->error];

			oss_reject_row(in, error->field > 0 && error->field <= in->layout->file_count
								   ? in->layout->columns[in->layout->file_columns[error->field - 1]].name
								   : NULL,
						   error->message);
			return false;
		}
		if (!oss_reject_convert(in, fields, slot))
			return false;
	}
	else if (unlikely(batch->errors != NULL) && in->row && in->row->error >= 0)
		raise_row(in, &batch->errors[in->row->error], fields, slot);
	else
		oss_convert_row(in, fields, 0, in->filter_count, slot);
	for (int i = 0; i < in->fact_count; i++)
	{
		slot->tts_values[in->facts[i].index] = in->fact_values[i];
		slot->tts_isnull[in->facts[i].index] = in->fact_nulls[i];
	}
	if (in->line_index >= 0)
	{
		slot->tts_values[in->line_index] = Int64GetDatum((int64) in->row->line);
		slot->tts_isnull[in->line_index] = false;
	}
	return true;
}

/* A row that lacks fields: first what is wrong with those that it has, from left to right, as COPY tells it. */
static void
raise_row(OssRowIn *in, const oc_error *told, const oc_field *fields, TupleTableSlot *slot)
{
	const OssLayout *layout = in->layout;
	oc_error error = *told;
	int there = 0;

	for (int i = 0; i < in->count; i++)
		in->order[i] = i; /* nothing comes after this row */
	for (int i = 0; i < error.field - 1 && there < in->count; i++)
		if (in->columns[there].column == &layout->columns[layout->file_columns[i]])
			there++;
	oss_convert_row(in, fields, 0, there, slot);
	if (error.object[0] == '\0')
		snprintf(error.object, sizeof(error.object), "%s/%s", in->bucket, in->key);
	oss_report_status(OC_FAILED, &error, psprintf("could not read foreign table \"%s\"", RelationGetRelationName(in->rel)));
}

/* The columns that oss_rowin_filter has put off. */
void
oss_rowin_rest(OssRowIn *in, const oc_batch *batch, size_t row, TupleTableSlot *slot)
{
	oss_convert_row(in, batch->fields + row * in->count, in->filter_count, in->count, slot);
}

/* The columns order[first] to order[last - 1]. */
void
oss_convert_row(OssRowIn *in, const oc_field *fields, int first, int last, TupleTableSlot *slot)
{
	Datum *values = slot->tts_values;
	bool *nulls = slot->tts_isnull;

	for (int i = first; i < last; i++)
	{
		InColumn *column = &in->columns[in->order[i]];
		const oc_field *field = &fields[in->order[i]];

		nulls[column->index] = false;
		if (likely(field->size == OC_FIELD_VALUE))
		{
			values[column->index] = (Datum) oc_field_value(field);
			continue;
		}
		in->current_field = field;
		if (field->size == OC_FIELD_NULL)
		{
			nulls[column->index] = true;
			values[column->index] = (Datum) 0;
			/* a domain may refuse NULL */
			if (column->base != column->column->type)
				(void) oss_convert_field(in, column, NULL, 0);
			continue;
		}
		/* what the core has refused once it would refuse again */
		if (column->fast && !column->early && convert_fast(in, column, field->data, field->size, &values[column->index]))
			continue;
		values[column->index] = oss_convert_field(in, column, field->data, field->size);
	}
}

/* As above for all columns with the core's parsers alone; false = some field needs its input function, the slot is in between. */
bool
oss_convert_row_fast(OssRowIn *in, const oc_field *fields, TupleTableSlot *slot)
{
	for (int i = 0; i < in->count; i++)
	{
		InColumn *column = &in->columns[i];
		Datum *value = &slot->tts_values[column->index];
		bool is_null = fields[i].size == OC_FIELD_NULL;

		slot->tts_isnull[column->index] = is_null;
		*value = fields[i].size == OC_FIELD_VALUE ? (Datum) oc_field_value(&fields[i]) : (Datum) 0;
		if (fields[i].size == OC_FIELD_VALUE)
			continue;
		if (is_null ? column->base != column->column->type
					: !column->fast || column->early || !convert_fast(in, column, fields[i].data, fields[i].size, value))
			return false;
	}
	return true;
}

/* By the type's own functions, under an error context.  data NULL = a NULL value. */
Datum
oss_convert_field(OssRowIn *in, InColumn *column, const char *data, size_t size)
{
	ErrorContextCallback callback = {.previous = error_context_stack, .callback = oss_rowin_context, .arg = in};
	MemoryContext old = MemoryContextSwitchTo(in->row_context);
	Datum value;

	in->current = column;
	in->row_context_used = true;
	error_context_stack = &callback;
	if (data == NULL)
		value = in->options->format == OC_FORMAT_BINARY && column->column->in_file
					? ReceiveFunctionCall(&column->input, NULL, column->typioparam, column->column->typmod)
					: InputFunctionCall(&column->input, NULL, column->typioparam, column->column->typmod);
	else if (in->options->format == OC_FORMAT_BINARY && column->column->in_file)
		value = convert_binary(in, column, data, size);
	else if (column->by_json)
		value = convert_json(in, column, data, size);
	else
		value = convert_slow(in, column, data, size);
	error_context_stack = callback.previous;
	in->current = NULL;
	MemoryContextSwitchTo(old);
	return value;
}

/*
 * "line 7"; "row 7" of binary; "byte 700" in a piece of an object, which does not know its lines; in a piece of a compressed one also where
 * in the object it begins, because nobody knows what is before
 */
static const char *
row_place(const OssRowIn *in, char *target, size_t size)
{
	if (in->row == NULL || in->row->line > 0)
		snprintf(target, size, "%s " UINT64_FORMAT, in->options->format == OC_FORMAT_BINARY ? "row" : "line",
				 in->row ? in->row->line : (uint64) 0);
	else if (in->entry == 0)
		snprintf(target, size, "byte " UINT64_FORMAT, in->row->offset);
	else
		snprintf(target, size, "byte " UINT64_FORMAT " of what is packed from byte " UINT64_FORMAT " on", in->row->offset, in->entry);
	return target;
}

/* Says where: object, line, column, an excerpt.  No catalog look-ups here. */
void
oss_rowin_context(void *arg)
{
	OssRowIn *in = arg;
	char excerpt[101];
	char place[100];
	int size;

	if (in->key == NULL)
		return;
	row_place(in, place, sizeof(place));
	if (in->current == NULL || in->current_field == NULL || in->current_field->size == OC_FIELD_VALUE)
	{
		errcontext("object \"%s/%s\", %s", in->bucket, in->key, place);
		return;
	}
	if (in->current_field->size == OC_FIELD_NULL)
	{
		errcontext("object \"%s/%s\", %s, column %s: null input", in->bucket, in->key, place, in->current->column->name);
		return;
	}
	size = Min(in->current_field->size, (int) sizeof(excerpt) - 1);
	size = pg_mbcliplen(in->current_field->data, in->current_field->size, size);
	memcpy(excerpt, in->current_field->data, size);
	excerpt[size] = '\0';
	if (in->options->format == OC_FORMAT_BINARY)
		errcontext("object \"%s/%s\", %s, column %s", in->bucket, in->key, place, in->current->column->name);
	else
		errcontext("object \"%s/%s\", %s, column %s: \"%s\"", in->bucket, in->key, place, in->current->column->name, excerpt);
}

/* ---- values */

/* The core's parsers; false = ask the input function. */
static bool
convert_fast(OssRowIn *in, InColumn *column, const char *data, size_t size, Datum *value)
{
	char *target = arena_take(in, oc_convert_room(&column->conversion, size));
	size_t used;
	uint64_t word;

	if (in->verify && column->conversion.class == OC_CLASS_TEXT && !pg_verifymbstr(data, (int) size, true))
		return false;
	if (!oc_convert(&column->conversion, data, size, false, target, &used, &word))
		return false;
	*value = (Datum) word;
	return true;
}

/* Memory for a by-reference value, aligned, until the next row.  What does not fit makes the arena larger for later rows. */
static char *
arena_take(OssRowIn *in, size_t size)
{
	char *data = in->arena + in->arena_used;

	size = MAXALIGN(size);
	if (in->arena_used + size <= in->arena_size)
	{
		in->arena_used += size;
		return data;
	}
	in->arena_wanted = Min(in->arena_size * 2, ARENA_MAX);
	in->row_context_used = true;
	return MemoryContextAlloc(in->row_context, size);
}

static void
arena_reset(OssRowIn *in)
{
	in->arena_used = 0;
	if (in->arena_wanted > in->arena_size)
	{
		pfree(in->arena);
		in->arena = MemoryContextAlloc(GetMemoryChunkContext(in), in->arena_wanted);
		in->arena_size = in->arena_wanted;
	}
}

/* The input function, on a NUL-terminated copy, with IntervalStyle and its like as they were written. */
static Datum
convert_slow(OssRowIn *in, InColumn *column, const char *data, size_t size)
{
	char *text = palloc(size + 1);
	int nest = oss_push_pins();
	Datum value;

	memcpy(text, data, size);
	text[size] = '\0';
	if (in->verify)
		(void) pg_verifymbstr(text, (int) size, false);
	if (column->format_pattern)
		value = convert_by_pattern(column, text);
	else
		value = InputFunctionCall(&column->input, text, column->typioparam, column->column->typmod);
	if (nest > 0)
		AtEOXact_GUC(true, nest);
	return value;
}

/* date_format, time_format, timestamp_format: to_timestamp's patterns */
static Datum
convert_by_pattern(InColumn *column, const char *text)
{
	Datum input = CStringGetTextDatum(text);
	Datum pattern = CStringGetTextDatum(column->format_pattern);
	Datum instant;

	if (column->base == DATEOID)
		return OidFunctionCall2Coll(F_TO_DATE, DEFAULT_COLLATION_OID, input, pattern);
	instant = OidFunctionCall2Coll(F_TO_TIMESTAMP_TEXT_TEXT, DEFAULT_COLLATION_OID, input, pattern);
	if (column->base == TIMESTAMPTZOID)
		return instant;
	if (column->base == TIMESTAMPOID)
		return DirectFunctionCall1(timestamptz_timestamp, instant);
	return DirectFunctionCall1(timestamp_time, DirectFunctionCall1(timestamptz_timestamp, instant));
}

/*
 * A JSON value into an array or a composite, as json_to_record does it: the value is the only member of an object, the
 * column the only one of the record.
 */
static Datum
convert_json(OssRowIn *in, InColumn *column, const char *data, size_t size)
{
	LOCAL_FCINFO(fcinfo, 1);
	ReturnSetInfo rsinfo = {.type = T_ReturnSetInfo, .expectedDesc = column->populate_desc};
	HeapTupleData tuple;
	Datum record;
	bool isnull;

	if (column->base == JSONOID || column->base == JSONBOID)
		return InputFunctionCall(&column->input, pnstrdup(data, size), column->typioparam, column->column->typmod);
	InitFunctionCallInfoData(*fcinfo, &column->populate, 1, InvalidOid, NULL, (Node *) &rsinfo);
	fcinfo->args[0].value = DirectFunctionCall1(json_in, CStringGetDatum(psprintf("{\"v\":%.*s}", (int) size, data)));
	fcinfo->args[0].isnull = false;
	record = FunctionCallInvoke(fcinfo);
	tuple.t_data = DatumGetHeapTupleHeader(record);
	tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
	return heap_getattr(&tuple, 1, column->populate_desc, &isnull);
}

static void
setup_json(InColumn *column)
{
	fmgr_info(F_JSON_TO_RECORD, &column->populate);
	column->populate_desc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(column->populate_desc, 1, "v", column->column->type, column->column->typmod, 0);
	column->populate_desc = BlessTupleDesc(column->populate_desc);
}

/* COPY BINARY: the receive function must use all bytes of the field */
static Datum
convert_binary(OssRowIn *in, InColumn *column, const char *data, size_t size)
{
	StringInfoData buffer;
	Datum value;

	buffer.data = palloc(size + 1);
	memcpy(buffer.data, data, size);
	buffer.data[size] = '\0';
	buffer.len = size;
	buffer.maxlen = size + 1;
	buffer.cursor = 0;
	value = ReceiveFunctionCall(&column->input, &buffer, column->typioparam, column->column->typmod);
	if (buffer.cursor != buffer.len)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("incorrect binary data format")));
	return value;
}

void
oss_rowin_finish(OssRowIn *in)
{
	if (in->reject)
		oss_reject_finish(in);
}
