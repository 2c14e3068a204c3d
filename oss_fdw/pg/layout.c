/*
 * layout.c
 *	  Which columns of a relation are in its objects, in which order, and what the others are.
 *
 * Columns with the option metadata are facts of the object, columns with the option partition and those that partition_by
 * names (unless kept) come from the col=value/ folders; stored generated columns are computed (generated.c); dropped and virtual
 * generated ones do not exist for us.
 */
#include "oss_fdw.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

static int partition_index(const OssOptions *options, const char *column);
static void check_layout(Relation rel, const OssOptions *options, const OssLayout *layout);
static void check_partition_names(Relation rel, const OssOptions *options, OssLayout *layout);
static void check_metadata_type(const OssColumn *column);
static void check_column_list(Relation rel, const OssLayout *layout, const char *option, const char *text);

/* In the current memory context. */
OssLayout *
oss_layout(Relation rel, const OssOptions *options)
{
	TupleDesc desc = RelationGetDescr(rel);
	OssLayout *layout = palloc0(sizeof(OssLayout));

	layout->columns = palloc0(sizeof(OssColumn) * Max(desc->natts, 1));
	layout->file_columns = palloc0(sizeof(int) * Max(desc->natts, 1));
	layout->partition_columns = palloc0(sizeof(int) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		OssColumn *column;

		if (attribute->attisdropped || oss_attribute_is_virtual(attribute))
			continue;
		column = &layout->columns[layout->column_count++];
		column->attnum = attribute->attnum;
		column->name = pstrdup(NameStr(attribute->attname));
		column->type = attribute->atttypid;
		column->typmod = attribute->atttypmod;
		oss_options_for_column(RelationGetRelid(rel), attribute->attnum, &column->options);
		column->partition_index = partition_index(options, column->name);
		if (column->options.metadata != OSS_METADATA_NONE)
			layout->has_metadata = true;
		if (column->partition_index >= 0 || column->options.partition)
			layout->partition_columns[layout->partition_count++] = layout->column_count - 1;
		column->in_file = column->options.metadata == OSS_METADATA_NONE && !column->options.partition &&
						  (column->partition_index < 0 || options->keep_partition_columns) && !attribute->attgenerated;
		column->generated = column->options.metadata == OSS_METADATA_NONE && !column->options.partition &&
							column->partition_index < 0 && attribute->attgenerated;
		if (column->in_file)
			layout->file_columns[layout->file_count++] = layout->column_count - 1;
	}
	check_partition_names(rel, options, layout);
	check_layout(rel, options, layout);
	return layout;
}

/* ---- helpers */

/* partition_by as a list of names; SplitIdentifierString's rules, so quoting works as everywhere */
static List *
partition_names(const OssOptions *options)
{
	List *names;

	if (options->partition_by == NULL)
		return NIL;
	if (!SplitIdentifierString(pstrdup(options->partition_by), ',', &names) || names == NIL)
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("invalid value \"%s\" for option \"partition_by\"", options->partition_by),
						errhint("Give column names separated by commas.")));
	return names;
}

static int
partition_index(const OssOptions *options, const char *column)
{
	ListCell *lc;
	int index = 0;

	foreach (lc, partition_names(options))
	{
		if (strcmp(lfirst(lc), column) == 0)
			return index;
		index++;
	}
	return -1;
}

/* Orders the partition columns as partition_by does, and refuses names that are no columns. */
static void
check_partition_names(Relation rel, const OssOptions *options, OssLayout *layout)
{
	List *names = partition_names(options);
	ListCell *lc;
	int count = 0;

	foreach (lc, names)
	{
		int found = -1;

		for (int i = 0; i < layout->column_count; i++)
			if (strcmp(layout->columns[i].name, lfirst(lc)) == 0)
				found = i;
		if (found < 0)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
							errmsg("column \"%s\" of option \"partition_by\" does not exist", (char *) lfirst(lc)),
							errdetail("Foreign table \"%s\" has no such column.", RelationGetRelationName(rel))));
		for (int i = 0; i < count; i++)
			if (layout->partition_columns[i] == found)
				ereport(ERROR, (errcode(ERRCODE_DUPLICATE_COLUMN),
								errmsg("column \"%s\" appears twice in option \"partition_by\"", (char *) lfirst(lc))));
		layout->partition_columns[count++] = found;
	}
	if (names != NIL)
		layout->partition_count = count;
}

static void
check_layout(Relation rel, const OssOptions *options, const OssLayout *layout)
{
	if (layout->partition_count > 0 && layout->file_count == 0)
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("foreign table \"%s\" has no column besides its partition columns", RelationGetRelationName(rel)),
						errhint("Set keep_partition_columns, or partition by fewer columns.")));
	check_column_list(rel, layout, "force_quote", options->force_quote);
	check_column_list(rel, layout, "force_not_null", options->force_not_null);
	check_column_list(rel, layout, "force_null", options->force_null);
	for (int i = 0; i < layout->column_count; i++)
	{
		const OssColumn *column = &layout->columns[i];

		if (column->options.metadata != OSS_METADATA_NONE)
			check_metadata_type(column);
		if (options->format == OC_FORMAT_FIXED && column->in_file && column->options.position == NULL)
			ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
							errmsg("column \"%s\" of foreign table \"%s\" needs the option \"position\"", column->name,
								   RelationGetRelationName(rel)),
							errhint("The format \"fixed\" takes each column from its own bytes, for example position '0,10'.")));
	}
}

static void
check_metadata_type(const OssColumn *column)
{
	Oid base = getBaseType(column->type);
	bool good;

	switch (column->options.metadata)
	{
		case OSS_METADATA_SIZE:
		case OSS_METADATA_LINE:
			good = base == INT8OID;
			break;
		case OSS_METADATA_MTIME:
			good = base == TIMESTAMPTZOID;
			break;
		default:
			good = base == TEXTOID || base == VARCHAROID;
			break;
	}
	if (!good)
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
						errmsg("metadata column \"%s\" has the wrong type %s", column->name, format_type_be(column->type)),
						errhint("path, file and etag are text, size and line are bigint, mtime is timestamptz.")));
}

/* A list may name only columns that there are. */
static void
check_column_list(Relation rel, const OssLayout *layout, const char *option, const char *text)
{
	List *names;
	ListCell *lc;

	if (text == NULL || strcmp(text, "*") == 0)
		return;
	if (!SplitIdentifierString(pstrdup(text), ',', &names))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE), errmsg("invalid value \"%s\" for option \"%s\"", text, option),
						errhint("Give column names separated by commas, or * for all.")));
	foreach (lc, names)
	{
		bool found = false;

		for (int i = 0; i < layout->column_count && !found; i++)
			found = strcmp(layout->columns[i].name, lfirst(lc)) == 0;
		if (!found)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
							errmsg("column \"%s\" of option \"%s\" does not exist", (char *) lfirst(lc), option),
							errdetail("Foreign table \"%s\" has no such column.", RelationGetRelationName(rel))));
	}
}
