/*
 * truncate.c
 *	  TRUNCATE: the objects that are there now are deleted at commit, and what the transaction exported before is dropped.
 *
 * Only with truncatable, because deletes in a store cannot be undone.  The list is taken when the statement runs; what the
 * same transaction exports afterwards stays.
 */
#include "oss_fdw.h"

#include "access/table.h"
#include "miscadmin.h"
#include "utils/memutils.h"

void
ossExecForeignTruncate(List *rels, DropBehavior behavior, bool restart_seqs)
{
	ListCell *lc;

	foreach (lc, rels)
	{
		Relation rel = lfirst(lc);
		OssOptions options;
		OssPlace *place;
		OssClient *client;
		OssExport *export;
		MemoryContext old;

		oss_options_for_table(RelationGetRelid(rel), GetUserId(), &options);
		oss_options_add_folders(RelationGetRelid(rel), &options);
		if (!options.truncatable)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("foreign table \"%s\" does not allow truncates", RelationGetRelationName(rel)),
							errhint("Set its option \"truncatable\"; TRUNCATE then deletes the table's objects at commit.")));
		place = oss_place(&options);
		client = oss_client_acquire(&options);
		export = oss_xact_add(client, &options, rel);
		export->truncates = true;
		old = MemoryContextSwitchTo(TopTransactionContext);
		if (place->exact)
			export->deletes = list_make1(pstrdup(place->exact));
		else
		{
			List *keys = oss_list_prefix(client, options.bucket, place->list_prefix, place->delimiter, 0, &export->stats);
			ListCell *key;

			foreach (key, keys)
				if (place->glob && !oss_glob_match(place->glob, lfirst(key)))
					keys = foreach_delete_current(keys, key);
			export->deletes = keys;
		}
		MemoryContextSwitchTo(old);
	}
}
