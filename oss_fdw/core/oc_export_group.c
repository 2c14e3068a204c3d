/*
 * oc_export_group.c
 *	  Exports that share memory and connections, because one statement or transaction writes them all.
 *
 * A group has a list of its members and the sums of what they use.  Who waits, waits for all of them: the memory that one member
 * needs may be in another's parts on their way.  Everything runs on the owner's thread.
 */
#include <stdlib.h>

#include "oc_export_int.h"

oc_export_group *
oc_export_group_new(uint64_t max_memory)
{
	oc_export_group *group = calloc(1, sizeof(*group));

	if (group)
		group->limit = max_memory;
	return group;
}

void
oc_export_group_limit(oc_export_group *group, uint64_t max_memory)
{
	group->limit = max_memory;
}

void
oc_export_group_free(oc_export_group *group)
{
	if (group)
		oc_memory_free_spare(group);
	free(group);
}

void
oc_group_join(oc_export *export, oc_export_group *group)
{
	if (!group)
	{
		group = &export->own_group;
		group->limit = export->budget;
	}
	export->group = group;
	export->next_member = group->members;
	if (group->members)
		group->members->previous_member = export;
	group->members = export;
	if (group->slot_count < export->slot_count)
		group->slot_count = export->slot_count;
}

void
oc_group_leave(oc_export *export)
{
	oc_export_group *group = export->group;

	if (!group)
		return;
	if (export->previous_member)
		export->previous_member->next_member = export->next_member;
	else
		group->members = export->next_member;
	if (export->next_member)
		export->next_member->previous_member = export->previous_member;
	if (group->members)
		return;
	oc_memory_free_spare(group);
	group->slot_count = 0;
}

void
oc_group_pump(oc_export_group *group)
{
	for (oc_export *export = group->members; export; export = export->next_member)
		if (oc_export_in_flight(export))
			oc_export_pump(export);
}

bool
oc_group_in_flight(const oc_export_group *group)
{
	for (const oc_export *export = group->members; export; export = export->next_member)
	{
		/* what a failed export has queued is never sent */
		if (export->busy_slots > 0 || export->chunk_count > 0 || export->digesting.count > 0 ||
			(export->queue.count > 0 && !export->failed))
			return true;
	}
	return false;
}

const oc_export *
oc_group_failed(const oc_export_group *group)
{
	for (const oc_export *export = group->members; export; export = export->next_member)
		if (export->failed)
			return export;
	return NULL;
}
