/*
 * test_export_group.c
 *	  Exports of one group: together they keep to the group's memory and connections, whichever of them gets rows.
 */
#include <stdlib.h>

#include "export_util.h"

#define ROW 1500

typedef struct member
{
	oc_export *export;
	oc_writer *writer;
	uint64_t pending;
	text expected;
	char place[40];
} member;

static oc_export_options
member_options(member *m, int number, oc_export_group *group, oc_codec codec)
{
	oc_export_options options = options_for(codec);

	snprintf(m->place, sizeof(m->place), "place/%d/", number);
	options.place = m->place;
	options.group = group;
	options.part_size = 8 << 20;
	options.max_memory = 4 << 20;
	return options;
}

/* One more row for a member, made from its number and the row's. */
static bool
add_row(member *m, int number, int r)
{
	char row[ROW];

	snprintf(row, sizeof(row), "%05d,%05d,", number, r);
	for (int at = 12; at < ROW - 1; at++)
		row[at] = "0123456789abcdef"[hash(at + r * 977 + number * 7919) & 15];
	row[ROW - 1] = '\n';
	text_add(&m->expected, row, ROW);
	m->expected.rows++;
	return put_row(m->export, m->writer, &m->pending, row, ROW) == OC_OK;
}

/* Hands the last rows over, waits for the parts. */
static void
finish(member *m)
{
	oc_status status = oc_writer_flush_rows(m->writer, m->pending, &error);

	m->pending = 0;
	CHECK(status == OC_OK || status == OC_AGAIN);
	if (!CHECK_INT(oc_export_finish(m->export, false, NULL, &error), OC_OK))
		fprintf(stderr, "%s: %s\n", m->place, error.message);
}

/* The member's objects, one after the other, have its rows in order. */
static void
check_rows(const member *m, oc_codec codec)
{
	text all = {0};

	for (size_t i = 0; i < oc_export_object_count(m->export); i++)
	{
		oc_exported object = oc_export_object(m->export, i);
		text one = {0};

		read_back(&object, codec, &one);
		if (CHECK(one.size > strlen(HEADER)))
			text_add(&all, one.data + strlen(HEADER), one.size - strlen(HEADER));
		free(one.data);
	}
	CHECK_INT(all.size, m->expected.size);
	CHECK(all.size == m->expected.size && memcmp(all.data, m->expected.data, all.size) == 0);
	free(all.data);
}

/* The largest number of calls that all members have in flight. */
static void
note_busy(const oc_export_group *group, int *most)
{
	int busy = 0;

	for (const oc_export *export = group->members; export; export = export->next_member)
		busy += export->busy_slots;
	CHECK_INT(busy, group->busy_slots);
	*most = busy > *most ? busy : *most;
}

static void
close_members(member *members, int count)
{
	for (int i = 0; i < count; i++)
	{
		CHECK_INT(oc_export_abort(members[i].export, 60000, &error), 0);
		oc_export_close(members[i].export);
		free(members[i].expected.data);
	}
	check_store_empty("group");
	free(members);
}

/* Round robin over many exports.  The first one was finished before, and its small object is kept in memory for as long as there is room. */
static void
many_members(int count, int rows, uint64_t memory, oc_codec codec)
{
	oc_export_group *group = oc_export_group_new(memory);
	member *members = calloc(count, sizeof(*members));
	bool good = true;
	int busy = 0;

	for (int i = 0; i < count && good; i++)
	{
		oc_export_options options = member_options(&members[i], i, group, codec);

		members[i].export = oc_export_open(client, pool, &options, &error);
		members[i].writer = members[i].export ? oc_writer_open(members[i].export, "", &error) : NULL;
		good = CHECK(members[i].writer != NULL);
		if (good && i == 0)
		{
			good = add_row(&members[i], i, 0);
			finish(&members[i]);
		}
	}
	for (int r = 0; r < rows && good; r++)
	{
		for (int i = 1; i < count && good; i++)
			good = add_row(&members[i], i, r);
		note_busy(group, &busy);
	}
	if (!CHECK(good))
		fprintf(stderr, "many members: %s\n", error.message);
	CHECK(busy <= options_for(codec).max_connections);
	for (int i = 1; i < count && good; i++)
		finish(&members[i]);
	CHECK_INT(count_listed(OC_LIST), 0);
	for (int i = 0; i < count && good; i++)
	{
		if (!CHECK_INT(oc_export_commit(members[i].export, NULL, &error), OC_OK))
			fprintf(stderr, "%s: %s\n", members[i].place, error.message);
		check_rows(&members[i], codec);
	}
	if (!CHECK(group->peak <= memory))
		fprintf(stderr, "peak %" PRIu64 " of %" PRIu64 "\n", group->peak, memory);
	close_members(members, count);
	CHECK_INT(group->used, 0);
	CHECK_INT(group->writer_count, 0);
	CHECK_INT(group->busy_slots, 0);
	oc_export_group_free(group);
}

static void
test_many_members(void)
{
	many_members(50, 60, 2 << 20, OC_CODEC_NONE);
	many_members(50, 60, 4 << 20, OC_CODEC_ZSTD);
}

/* Objects with a name of their own must not end: too many of them at once are an error, not more memory. */
static void
test_named_objects(void)
{
	oc_export_group *group = oc_export_group_new(2 << 20);
	member *members = calloc(50, sizeof(*members));
	bool good = true;

	for (int i = 0; i < 50; i++)
	{
		oc_export_options options = member_options(&members[i], i, group, OC_CODEC_NONE);

		options.exact_key = members[i].place;
		snprintf(members[i].place, sizeof(members[i].place), "named/%d.csv", i);
		members[i].export = oc_export_open(client, pool, &options, &error);
		members[i].writer = members[i].export ? oc_writer_open(members[i].export, "", &error) : NULL;
		CHECK(members[i].writer != NULL);
	}
	for (int r = 0; r < 60 && good; r++)
		for (int i = 0; i < 50 && good; i++)
			good = add_row(&members[i], i, r);
	CHECK(!good);
	CHECK_INT(error.class, OC_ERR_LIMIT);
	CHECK(strstr(error.message, "too many named objects") != NULL);
	CHECK(group->peak <= 2 << 20);
	close_members(members, 50);
	oc_export_group_free(group);
}

/* Who waits for memory is told when another member has failed, and does not wait for what is never sent. */
static void
test_failed_member(void)
{
	oc_export_group *group = oc_export_group_new(2 << 20);
	member *members = calloc(2, sizeof(*members));
	oc_error failure = {0};
	bool good = true;

	for (int i = 0; i < 2; i++)
	{
		oc_export_options options = member_options(&members[i], i, group, OC_CODEC_NONE);

		options.part_size = PART;
		members[i].export = oc_export_open(client, pool, &options, &error);
		members[i].writer = members[i].export ? oc_writer_open(members[i].export, "", &error) : NULL;
		CHECK(members[i].writer != NULL);
	}
	for (int r = 0; r < 200; r++)
		CHECK(add_row(&members[0], 0, r));
	oc_error_set(&failure, OC_ERR_STORE, "the first one failed");
	oc_export_fail(members[0].export, &failure);
	for (int r = 0; r < 3000 && good; r++)
		good = add_row(&members[1], 1, r);
	/* it may also come through, if it never had to wait */
	CHECK(good || strcmp(error.message, "the first one failed") == 0);
	close_members(members, 2);
	oc_export_group_free(group);
}

/* An export that may have two calls in flight gets its turn while another one keeps three busy. */
static void
test_few_connections(void)
{
	oc_export_group *group = oc_export_group_new(8 << 20);
	member *members = calloc(2, sizeof(*members));

	for (int i = 0; i < 2; i++)
	{
		oc_export_options options = member_options(&members[i], i, group, OC_CODEC_NONE);

		options.part_size = PART;
		options.max_connections = i == 0 ? 4 : 2;
		members[i].export = oc_export_open(client, pool, &options, &error);
		members[i].writer = members[i].export ? oc_writer_open(members[i].export, "", &error) : NULL;
		CHECK(members[i].writer != NULL);
	}
	group->busy_slots += 3; /* as if the first one had them, and they took for ever */
	for (int r = 0; r < 2000; r++)
		CHECK(add_row(&members[1], 1, r));
	finish(&members[1]);
	group->busy_slots -= 3;
	CHECK_INT(oc_export_commit(members[1].export, NULL, &error), OC_OK);
	check_rows(&members[1], OC_CODEC_NONE);
	close_members(members, 2);
	oc_export_group_free(group);
}

int
main(int argc, char **argv)
{
	static const export_test tests[] = {
		{"few_connections", test_few_connections},
		{"many_members", test_many_members},
		{"named_objects", test_named_objects},
		{"failed_member", test_failed_member}};

	return export_main(tests, sizeof(tests) / sizeof(tests[0]), argc > 1 ? argv[1] : NULL);
}
