/*
 * test_manifest.c
 *	  Manifests: what is written is what is read, and what is malformed is named.
 */
#include <stdlib.h>

#include "oc.h"
#include "unit.h"

static void
test_write(void)
{
	static const oc_manifest_column columns[] = {{"id", "bigint"}, {"a \"quoted\" \\ name", "numeric(10,2)"}};
	static const oc_exported objects[] = {
		{.key = "d/t_1.csv", .rows = 3, .stored_bytes = 77, .crc64 = 11051210869376104954u, .etag = "5D41402A"},
		{.key = "d/k=\xc3\xa9/t_2.csv", .rows = 0, .stored_bytes = 0, .crc64 = 0, .etag = "X-2"}};
	oc_error error = {0};
	oc_manifest manifest;
	size_t size = 0;
	char *text = oc_manifest_write(OC_PROVIDER_OSS, "bucket-1", columns, 2, objects, 2, &size, &error);

	CHECK_STR(text,
			  "{\"version\":1,\"columns\":[{\"name\":\"id\",\"type\":\"bigint\"},"
			  "{\"name\":\"a \\\"quoted\\\" \\\\ name\",\"type\":\"numeric(10,2)\"}],\"rows\":3,\"bytes\":77,\"entries\":["
			  "{\"url\":\"oss://bucket-1/d/t_1.csv\",\"rows\":3,\"bytes\":77,\"crc64\":\"11051210869376104954\",\"etag\":\"5D41402A\"},"
			  "{\"url\":\"oss://bucket-1/d/k=\xc3\xa9/t_2.csv\",\"rows\":0,\"bytes\":0,\"crc64\":\"0\",\"etag\":\"X-2\"}]}");
	if (!text)
		return;
	CHECK_INT(size, strlen(text));
	if (!CHECK(oc_manifest_parse(text, size, &manifest, &error)))
		return;
	CHECK_INT(manifest.column_count, 2);
	CHECK_STR(manifest.columns[1].name, "a \"quoted\" \\ name");
	CHECK_STR(manifest.columns[0].type, "bigint");
	CHECK_INT(manifest.rows, 3);
	CHECK_INT(manifest.bytes, 77);
	CHECK_INT(manifest.entry_count, 2);
	CHECK_STR(manifest.entries[0].bucket, "bucket-1");
	CHECK_STR(manifest.entries[0].key, "d/t_1.csv");
	CHECK(manifest.entries[0].crc64_known && manifest.entries[0].crc64 == 11051210869376104954u);
	CHECK_STR(manifest.entries[1].key, "d/k=\xc3\xa9/t_2.csv");
	CHECK_STR(manifest.entries[1].etag, "X-2");
	CHECK(manifest.entries[1].rows_known && manifest.entries[1].bytes_known && manifest.entries[1].mandatory);
	oc_manifest_free(&manifest);
	free(text);
}

/* Where objects can be entered: written when there is such a place, read back, and left alone by who does not know of it. */
static void
test_splits(void)
{
	static const oc_split_point splits[] = {{100, 3}, {200, 5}, {1000000000000, 7}};
	static const oc_exported objects[] = {
		{.key = "a", .rows = 9, .stored_bytes = 2000000000000, .etag = "E", .codec = OC_CODEC_ZSTD, .splits = splits, .split_count = 3},
		{.key = "b", .rows = 9, .stored_bytes = 5, .etag = "E", .codec = OC_CODEC_ZSTD}};
	oc_error error = {0};
	oc_manifest manifest;
	size_t size = 0;
	char *text = oc_manifest_write(OC_PROVIDER_OSS, "bucket-1", NULL, 0, objects, 2, &size, &error);

	if (!CHECK(text != NULL))
		return;
	CHECK(strstr(text, "\"etag\":\"E\",\"codec\":\"zstd\",\"splits\":[[100,3],[200,5],[1000000000000,7]]},{") != NULL);
	CHECK(strstr(text, "\"etag\":\"E\"}]}") != NULL);
	if (CHECK(oc_manifest_parse(text, size, &manifest, &error)))
	{
		CHECK_INT(manifest.entries[0].split_count, 3);
		CHECK_INT(manifest.entries[0].codec, OC_CODEC_ZSTD);
		CHECK_MEM(manifest.entries[0].splits, splits, sizeof(splits));
		CHECK_INT(manifest.entries[1].split_count, 0);
		oc_manifest_free(&manifest);
	}
	free(text);
}

/* Too many splits are refused, as many as there may be are not. */
static void
test_split_count(void)
{
	static char text[OC_SPLITS_MAX * 16 + 1000];

	for (int count = OC_SPLITS_MAX; count <= OC_SPLITS_MAX + 1; count++)
	{
		char *to = text + sprintf(text, "{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":100000,\"codec\":\"none\",\"splits\":[[1,0]");
		oc_error error = {0};
		oc_manifest manifest;

		for (int i = 2; i <= count; i++)
			to += sprintf(to, ",[%d,%d]", i, i);
		to += sprintf(to, "]}]}");
		if (!CHECK_INT(oc_manifest_parse(text, to - text, &manifest, &error), count == OC_SPLITS_MAX))
			fprintf(stderr, "%s\n", error.message);
		if (count == OC_SPLITS_MAX)
			oc_manifest_free(&manifest);
	}
}

/* So many of them that the manifest could become too large to be read: left out. */
static void
test_splits_left_out(void)
{
	static oc_exported objects[1000];
	static oc_split_point splits[OC_SPLITS_MAX];
	oc_error error = {0};
	size_t size = 0;
	char *text;

	for (size_t i = 0; i < OC_SPLITS_MAX; i++)
		splits[i] = (oc_split_point){i + 1, i};
	for (int i = 0; i < 1000; i++)
		objects[i] = (oc_exported){.key = "a", .rows = OC_SPLITS_MAX, .stored_bytes = 2 * OC_SPLITS_MAX, .etag = "", .splits = splits,
								   .split_count = OC_SPLITS_MAX};
	text = oc_manifest_write(OC_PROVIDER_OSS, "bucket-1", NULL, 0, objects, 1000, &size, &error);
	CHECK(text != NULL && strstr(text, "splits") == NULL);
	free(text);
	text = oc_manifest_write(OC_PROVIDER_OSS, "bucket-1", NULL, 0, objects, 10, &size, &error);
	CHECK(text != NULL && strstr(text, "splits") != NULL);
	free(text);
}

static void
test_write_bad(void)
{
	static const oc_exported latin1 = {.key = "d/\xe9.csv", .etag = ""};
	static const oc_manifest_column column = {"\xff", "text"};
	oc_error error = {0};
	size_t size;

	CHECK(oc_manifest_write(OC_PROVIDER_OSS, "bucket-1", NULL, 0, &latin1, 1, &size, &error) == NULL);
	CHECK_INT(error.class, OC_ERR_ARGUMENT);
	CHECK(oc_manifest_write(OC_PROVIDER_S3, "bucket-1", &column, 1, NULL, 0, &size, &error) == NULL);
}

static void
test_others(void)
{
	static const char text[] = "{\"entries\":[{\"url\":\"oss://b-1/p/a.csv\",\"mandatory\":true,\"meta\":{\"content_length\":5}},"
							   "{\"url\":\"S3A://b-1/p/b.csv\",\"mandatory\":false}]}";
	static const char empty[] = " {\"entries\" : [ ] } ";
	oc_error error = {0};
	oc_manifest manifest;

	if (CHECK(oc_manifest_parse(text, sizeof(text) - 1, &manifest, &error)))
	{
		CHECK_INT(manifest.entry_count, 2);
		CHECK_INT(manifest.column_count, 0);
		CHECK(manifest.entries[0].mandatory && !manifest.entries[1].mandatory);
		CHECK(!manifest.entries[0].rows_known && !manifest.entries[0].bytes_known && !manifest.entries[0].crc64_known);
		CHECK_STR(manifest.entries[0].etag, "");
		oc_manifest_free(&manifest);
	}
	if (CHECK(oc_manifest_parse(empty, sizeof(empty) - 1, &manifest, &error)))
		oc_manifest_free(&manifest);
}

static void
test_malformed(void)
{
	static const struct
	{
		const char *text;
		const char *says;
	} cases[] = {
		{"", "JSON"},
		{"{\"entries\":[]", "JSON"},
		{"{\"entries\":[]} x", "JSON"},
		{"{\"entries\":[],\"entries\":[]}", "uplicate"},
		{"{\"entries\":[{\"url\":\"oss://b-1/\\u0000\"}]}", "JSON"},
		{"{\"entries\":[{\"url\":\"oss://b-1/\xff\"}]}", "decode byte"},
		{"[]", "not a JSON object"},
		{"{\"version\":1}", "\"entries\""},
		{"{\"version\":2,\"entries\":[]}", "\"version\""},
		{"{\"version\":\"1\",\"entries\":[]}", "\"version\""},
		{"{\"entries\":{}}", "\"entries\""},
		{"{\"entries\":[1]}", "entry 1 "},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\"},{}]}", "entry 2 "},
		{"{\"entries\":[{\"url\":\"http://b-1/a\"}]}", "oss://bucket/key"},
		{"{\"entries\":[{\"url\":\"oss://b-1\"}]}", "oss://bucket/key"},
		{"{\"entries\":[{\"url\":\"oss://b-1/\"}]}", "no possible object"},
		{"{\"entries\":[{\"url\":\"oss:///a\"}]}", "no possible object"},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"rows\":-1}]}", "\"rows\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":1.5}]}", "\"bytes\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":99999999999999999999}]}", "JSON"},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"crc64\":5}]}", "\"crc64\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"crc64\":\"\"}]}", "\"crc64\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"crc64\":\"18446744073709551616\"}]}", "\"crc64\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"mandatory\":1}]}", "\"mandatory\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"etag\":1}]}", "\"etag\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":9,\"codec\":\"gzip\",\"splits\":5}]}", "\"splits\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":9,\"codec\":\"gzip\",\"splits\":[5]}]}", "\"splits\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":9,\"codec\":\"gzip\",\"splits\":[[5]]}]}", "\"splits\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":9,\"codec\":\"gzip\",\"splits\":[[5,1,1]]}]}", "\"splits\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":9,\"codec\":\"gzip\",\"splits\":[[5,\"1\"]]}]}", "\"splits\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":9,\"codec\":\"gzip\",\"splits\":[[-5,1]]}]}", "\"splits\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":9,\"codec\":\"gzip\",\"splits\":[[0,1]]}]}", "\"splits\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":9,\"codec\":\"gzip\",\"splits\":[[9,1]]}]}", "\"splits\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":9,\"codec\":\"gzip\",\"splits\":[[5,1],[5,1]]}]}", "\"splits\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":9,\"codec\":\"gzip\",\"splits\":[[5,2],[6,1]]}]}", "\"splits\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":9,\"rows\":3,\"codec\":\"gzip\",\"splits\":[[5,4]]}]}", "\"splits\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"codec\":\"gzip\",\"splits\":[[5,1]]}]}", "\"splits\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":9,\"splits\":[[5,1]]}]}", "\"splits\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":9,\"codec\":\"deflate\",\"splits\":[[5,1]]}]}", "\"splits\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":9,\"codec\":\"auto\",\"splits\":[[5,1]]}]}", "\"splits\""},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"bytes\":9,\"codec\":\"none\",\"splits\":[[5,1],[4,1]]}]}", "\"splits\""},
		{"{\"entries\":[],\"columns\":{}}", "\"columns\""},
		{"{\"entries\":[],\"columns\":[{\"name\":\"a\"}]}", "column 1 "},
		{"{\"entries\":[{\"url\":\"oss://b-1/a\",\"rows\":1,\"bytes\":1}],\"rows\":2}", "sum"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		oc_error error = {0};
		oc_manifest manifest;

		if (!CHECK(!oc_manifest_parse(cases[i].text, strlen(cases[i].text), &manifest, &error)))
		{
			oc_manifest_free(&manifest);
			fprintf(stderr, "accepted: %s\n", cases[i].text);
			continue;
		}
		CHECK_INT(error.class, OC_ERR_PROTOCOL);
		if (!CHECK(strstr(error.message, cases[i].says) != NULL))
			fprintf(stderr, "%s: %s\n", cases[i].text, error.message);
		CHECK(manifest.entries == NULL && manifest.memory == NULL);
	}
}

/* Deep nesting is an error, not a crash; so is a document that is too large. */
static void
test_limits(void)
{
	size_t depth = 200000;
	char *text = malloc(depth + 1);
	oc_error error = {0};
	oc_manifest manifest;

	memset(text, '[', depth);
	CHECK(!oc_manifest_parse(text, depth, &manifest, &error));
	CHECK_INT(error.class, OC_ERR_PROTOCOL);
	CHECK(!oc_manifest_parse(text, (size_t) 1 << 40, &manifest, &error));
	CHECK_INT(error.class, OC_ERR_LIMIT);
	free(text);
}

static void
test_many_entries(void)
{
	static oc_exported objects[20000];
	static char keys[20000][32];
	oc_error error = {0};
	oc_manifest manifest;
	size_t size = 0;
	char *text;

	for (int i = 0; i < 20000; i++)
	{
		snprintf(keys[i], sizeof(keys[i]), "d/object_%d.csv", i);
		objects[i] = (oc_exported){.key = keys[i], .rows = i, .stored_bytes = 2 * i, .crc64 = i, .etag = "E"};
	}
	text = oc_manifest_write(OC_PROVIDER_OBS, "bucket-1", NULL, 0, objects, 20000, &size, &error);
	if (CHECK(text != NULL) && CHECK(oc_manifest_parse(text, size, &manifest, &error)))
	{
		CHECK_INT(manifest.entry_count, 20000);
		CHECK_INT(manifest.rows, 20000 / 2 * 19999);
		CHECK_STR(manifest.entries[19999].key, "d/object_19999.csv");
		oc_manifest_free(&manifest);
	}
	free(text);
}

int
main(void)
{
	test_write();
	test_splits();
	test_split_count();
	test_splits_left_out();
	test_write_bad();
	test_others();
	test_malformed();
	test_limits();
	test_many_entries();
	return unit_done();
}
