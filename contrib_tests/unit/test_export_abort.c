/*
 * test_export_abort.c
 *	  Exports that are given up, or meet a store that fails: nothing may be left behind.
 *
 * usage: test_export_abort [word]	only the tests whose name has the word
 */
#include <setjmp.h>

#include "export_util.h"

/* ---------------------------------------------------------------- abort */

static int
give_up_after(void *arg, int fd, int timeout_ms)
{
	int *left = arg;

	store_poll(fd, timeout_ms < 0 || timeout_ms > 50 ? 50 : timeout_ms);
	return --*left < 0;
}

/* Aborts after: 0 nothing, 1 unflushed rows, 2 some parts, 3 finish, 4 a cancelled finish. */
static void
test_abort_stages(void)
{
	for (int codec = OC_CODEC_NONE; codec <= OC_CODEC_GZIP; codec++)
	{
		for (int stage = 0; stage <= 4; stage++)
		{
			oc_export_options options = options_for(codec);
			oc_export *export;
			text expected = {0};
			int patience = 0;
			oc_waiter waiter = {give_up_after, &patience};

			options.max_file_size = 5 * PART / 2;
			export = oc_export_open(client, pool, &options, &error);
			if (stage > 0)
				CHECK_INT(put_rows(export, "", stage == 1 ? 2000 : 12 * PART, &expected), OC_OK);
			if (stage == 3)
				CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_OK);
			if (stage == 4)
			{
				oc_status status = oc_export_finish(export, false, &waiter, &error);

				CHECK(status == OC_CANCELLED || status == OC_OK);
			}
			CHECK_INT(oc_export_abort(export, 10000, &error), 0);
			check_store_empty("abort stages");
			if (stage == 2)
				CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_FAILED);
			oc_export_close(export);
			free(expected.data);
		}
	}
}

/* A call of the kind is held by the store, the owner gives up waiting, and the abort cleans up around it. */
static void
abort_while_blocked(const char *rule, bool small, bool exact, const char *what)
{
	oc_export_options options = options_for(OC_CODEC_NONE);
	oc_export *export;
	text expected = {0};
	int patience = 3;
	oc_waiter waiter = {give_up_after, &patience};
	oc_status status;

	if (exact)
		options.exact_key = "fixed/" TOKEN;
	store_fault(&store, rule);
	export = oc_export_open(client, pool, &options, &error);
	status = put_rows(export, "", small ? 2000 : 3 * PART, &expected);
	if (status == OC_OK)
		status = oc_export_finish(export, false, &waiter, &error);
	if (status == OC_OK)
		status = oc_export_commit(export, &waiter, &error);
	CHECK_INT(status, OC_CANCELLED);
	CHECK_INT(error.class, OC_ERR_CANCELLED);
	store_clear_faults(&store);
	CHECK_INT(oc_export_abort(export, 10000, &error), 0);
	check_store_empty(what);
	oc_export_close(export);
	free(expected.data);
}

static void
test_abort_blocked(void)
{
	abort_while_blocked(STORE_BLOCK("InitiateMultipartUpload", "start"), false, false, "initiate blocked");
	abort_while_blocked(STORE_BLOCK("InitiateMultipartUpload", "answer"), false, false, "initiate blocked, but done");
	abort_while_blocked(STORE_BLOCK("InitiateMultipartUpload", "answer"), false, true, "initiate of an exact key");
	abort_while_blocked(STORE_BLOCK("UploadPart", "start"), false, false, "part blocked");
	abort_while_blocked(STORE_BLOCK("UploadPart", "answer"), false, false, "part blocked, but done");
	abort_while_blocked(STORE_BLOCK("CompleteMultipartUpload", "start"), false, false, "complete blocked");
	abort_while_blocked(STORE_BLOCK("CompleteMultipartUpload", "answer"), false, false, "complete blocked, but done");
	abort_while_blocked(STORE_BLOCK("CompleteMultipartUpload", "answer"), false, true, "complete of an exact key");
	abort_while_blocked(STORE_BLOCK("PutObject", "start"), true, false, "put blocked");
	abort_while_blocked(STORE_BLOCK("PutObject", "answer"), true, false, "put blocked, but done");
	abort_while_blocked(STORE_BLOCK("PutObject", "answer"), true, true, "put of an exact key");
}

static jmp_buf escape;

static int
jump_away(void *arg, int fd, int timeout_ms)
{
	int *left = arg;

	if (--*left < 0)
		longjmp(escape, 1);
	store_poll(fd, timeout_ms < 0 || timeout_ms > 50 ? 50 : timeout_ms);
	return 0;
}

/* The owner's callback never returns, as PostgreSQL's errors do: abort and close work as usual. */
static void
test_jump(void)
{
	for (volatile int patience = 0; patience < 6; patience++)
	{
		oc_export_options options = options_for(OC_CODEC_GZIP);
		oc_export *volatile export = NULL;
		text expected = {0};
		int left = patience;
		oc_waiter waiter = {jump_away, &left};

		CHECK(store_fault(&store, STORE_BLOCK("CompleteMultipartUpload", "start")));
		export = oc_export_open(client, pool, &options, &error);
		if (setjmp(escape) == 0)
		{
			CHECK_INT(put_rows(export, "", 9 * PART, &expected), OC_OK);
			CHECK_INT(oc_export_finish(export, false, &waiter, &error), OC_OK);
			oc_export_commit(export, &waiter, &error);
			CHECK(!"commit came back although the store does not answer");
		}
		CHECK(store_clear_faults(&store));
		CHECK_INT(oc_export_abort(export, 10000, &error), 0);
		check_store_empty("jump");
		oc_export_close(export);
		free(expected.data);
	}
}

/* ---------------------------------------------------------------- faults */

/* expected class OC_ERR_NONE: the export survives the fault and its content is right. */
static void
with_fault(const char *rule, size_t bytes, oc_error_class class, const char *what)
{
	oc_export_options options = options_for(OC_CODEC_NONE);
	oc_export *export;
	text expected = {0};
	oc_status status;

	CHECK(store_fault(&store, rule));
	memset(&error, 0, sizeof(error));
	export = oc_export_open(client, pool, &options, &error);
	status = put_rows(export, "", bytes, &expected);
	if (status == OC_OK)
		status = oc_export_finish(export, false, NULL, &error);
	if (status == OC_OK)
		status = oc_export_commit(export, NULL, &error);
	CHECK(store_fault_hits(&store) > 0);
	store_clear_faults(&store);
	if (class == OC_ERR_NONE)
	{
		if (CHECK_INT(status, OC_OK))
			check_content(export, OC_CODEC_NONE, &expected, 0);
		else
			fprintf(stderr, "%s: %s\n", what, error.message);
		CHECK_INT(count_listed(OC_LIST), 1);
		CHECK_INT(count_listed(OC_LIST_UPLOADS), 0);
	}
	else
	{
		CHECK_INT(status, OC_FAILED);
		if (!CHECK_INT(error.class, class))
			fprintf(stderr, "%s: %s\n", what, error.message);
		CHECK(error.message[0] != '\0');
		CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_FAILED);
		CHECK_INT(oc_export_commit(export, NULL, &error), OC_FAILED);
		CHECK_INT(error.class, class);
	}
	if (!CHECK_INT(oc_export_abort(export, 20000, &error), 0))
		fprintf(stderr, "%s: %s\n", what, error.message);
	check_store_empty(what);
	oc_export_close(export);
	free(expected.data);
}

static void
test_faults(void)
{
	if (current->io_threads == 0 && current->workers > 0)
		return; /* the two others have all of it */
	with_fault("{\"action\":\"status\",\"op\":\"UploadPart\",\"status\":503,\"count\":4}", 4 * PART, OC_ERR_NONE, "503");
	with_fault("{\"action\":\"status\",\"op\":\"*\",\"status\":500,\"count\":4}", 4 * PART, OC_ERR_NONE, "500 everywhere");
	with_fault("{\"action\":\"reset\",\"op\":\"UploadPart\",\"bytes\":50000,\"count\":2}", 4 * PART, OC_ERR_NONE, "reset");
	with_fault("{\"action\":\"lost_answer\",\"op\":\"UploadPart\",\"count\":2}", 4 * PART, OC_ERR_NONE, "lost part answer");
	with_fault("{\"action\":\"lost_answer\",\"op\":\"InitiateMultipartUpload\"}", 4 * PART, OC_ERR_NONE,
			   "lost answer to Initiate");
	with_fault("{\"action\":\"lost_answer\",\"op\":\"CompleteMultipartUpload\"}", 4 * PART, OC_ERR_NONE,
			   "lost answer to Complete");
	with_fault("{\"action\":\"lost_answer\",\"op\":\"PutObject\"}", 4000, OC_ERR_NONE, "lost answer to Put");
	with_fault("{\"action\":\"wrong_crc\",\"op\":\"CompleteMultipartUpload\",\"count\":null}", 4 * PART, OC_ERR_INTEGRITY,
			   "wrong CRC at Complete");
	with_fault("{\"action\":\"wrong_crc\",\"op\":[\"PutObject\",\"HeadObject\"],\"count\":null}", 4000, OC_ERR_INTEGRITY,
			   "wrong CRC at Put");
	with_fault("{\"action\":\"wrong_crc\",\"op\":\"UploadPart\",\"count\":null}", 4 * PART, OC_ERR_INTEGRITY, "wrong CRC of a part");
	/* without a CRC-64 to compare, parts are sent again with an MD5 */
	with_fault("{\"action\":\"header\",\"op\":\"UploadPart\",\"header\":\"x-oss-hash-crc64ecma\",\"value\":null,\"count\":null}",
			   6 * PART, OC_ERR_NONE, "no CRC of parts");
	with_fault("{\"action\":\"deny\",\"op\":\"UploadPart\",\"after\":2,\"count\":null}", 8 * PART, OC_ERR_DENIED, "part denied");
	with_fault("{\"action\":\"deny\",\"op\":\"InitiateMultipartUpload\",\"count\":null}", 4 * PART, OC_ERR_DENIED,
			   "initiate denied");
	with_fault("{\"action\":\"deny\",\"op\":\"CompleteMultipartUpload\",\"count\":null}", 4 * PART, OC_ERR_DENIED,
			   "complete denied");
	with_fault("{\"action\":\"deny\",\"op\":\"PutObject\",\"count\":null}", 4000, OC_ERR_DENIED, "put denied");
}

/* Some objects are completed, one is not: the abort takes all of them back. */
static void
test_half_committed(void)
{
	oc_export_options options = options_for(OC_CODEC_NONE);
	oc_export *export;
	text expected = {0};

	options.max_file_size = 3 * PART / 2;
	options.max_connections = 2;
	export = oc_export_open(client, pool, &options, &error);
	CHECK_INT(put_rows(export, "", 15 * PART, &expected), OC_OK);
	CHECK_INT(oc_export_finish(export, false, NULL, &error), OC_OK);
	store_fault(&store, "{\"action\":\"deny\",\"op\":\"CompleteMultipartUpload\",\"after\":5,\"count\":null}");
	CHECK_INT(oc_export_commit(export, NULL, &error), OC_FAILED);
	CHECK_INT(error.class, OC_ERR_DENIED);
	store_clear_faults(&store);
	CHECK(count_listed(OC_LIST) > 0);
	CHECK_INT(oc_export_abort(export, 10000, &error), 0);
	check_store_empty("half committed");
	oc_export_close(export);
	free(expected.data);
}

/* ---------------------------------------------------------------- a store that is gone */

static void
test_killed_store(void)
{
	oc_export_options options = options_for(OC_CODEC_NONE);
	oc_export *export = oc_export_open(client, pool, &options, &error);
	text expected = {0};
	oc_status status;
	int64_t start;

	CHECK(export != NULL);
	CHECK_INT(put_rows(export, "", 6 * PART, &expected), OC_OK);
	store_kill(&store);
	memset(&error, 0, sizeof(error));
	status = put_rows(export, "more/", 40 * PART, &expected);
	if (status == OC_OK)
		status = oc_export_finish(export, false, NULL, &error);
	CHECK_INT(status, OC_FAILED);
	CHECK(error.class == OC_ERR_CONNECT || error.class == OC_ERR_NETWORK || error.class == OC_ERR_TIMEOUT);
	CHECK(error.message[0] != '\0');
	start = oc_now_us();
	memset(&error, 0, sizeof(error));
	CHECK(oc_export_abort(export, 2000, &error) > 0);
	CHECK(error.message[0] != '\0');
	CHECK(oc_now_us() - start < 2000000 + 5000000); /* the deadline, and much time for a busy machine */
	oc_export_close(export);
	free(expected.data);
}

/* ---------------------------------------------------------------- main */

int
main(int argc, char **argv)
{
	static const export_test tests[] = {
		{"abort_stages", test_abort_stages},
		{"abort_blocked", test_abort_blocked},
		{"jump", test_jump},
		{"faults", test_faults},
		{"half_committed", test_half_committed},
		{"killed_store", test_killed_store}};

	return export_main(tests, sizeof(tests) / sizeof(tests[0]), argc > 1 ? argv[1] : NULL);
}
