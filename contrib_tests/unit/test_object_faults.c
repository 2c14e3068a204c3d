/*
 * test_object_faults.c
 *	  Retries, lost answers, damage, skewed clocks and cancelling against the local store's scripted faults.
 */
#include "object_util.h"

/* ---------------------------------------------------------------- faults that pass */

static uint64_t
retries(world *w)
{
	return atomic_exchange(&w->stats.retries, 0);
}

static void
test_passing_faults(world *w)
{
	static const char *const rules[] = {
		"{\"action\":\"refuse\",\"op\":\"%s\",\"count\":1}",
		"{\"action\":\"status\",\"op\":\"%s\",\"status\":500,\"code\":\"InternalError\",\"count\":1}",
		"{\"action\":\"status\",\"op\":\"%s\",\"status\":503,\"code\":\"ServiceUnavailable\",\"count\":2}",
		"{\"action\":\"status\",\"op\":\"%s\",\"status\":429,\"code\":\"TooManyRequests\",\"count\":1,\"retry_after\":0}",
		"{\"action\":\"reset\",\"op\":\"%s\",\"count\":1,\"bytes\":20000}",
		"{\"action\":\"html\",\"op\":\"%s\",\"status\":502,\"count\":1}",
		"{\"action\":\"lost_answer\",\"op\":\"%s\",\"count\":1}",
		"{\"action\":\"wrong_crc\",\"op\":\"%s\",\"count\":1}",
		"{\"action\":\"wrong_etag\",\"op\":\"%s\",\"count\":1}",
		"{\"action\":\"truncate\",\"op\":\"%s\",\"count\":1,\"bytes\":20000}",
		"{\"action\":\"truncate\",\"op\":\"%s\",\"count\":1,\"bytes\":20000,\"declared\":\"short\"}",
	};
	size_t i;

	for (i = 0; i < sizeof rules / sizeof *rules; i++)
	{
		bool put_only = strstr(rules[i], "wrong_etag") != NULL;
		bool get_only = strstr(rules[i], "truncate") != NULL;
		int times = strstr(rules[i], "\"count\":2") ? 2 : 1;
		bool needs_crc = strstr(rules[i], "wrong_crc") || strstr(rules[i], "short");

		if (needs_crc && w->flavour.provider == OC_PROVIDER_S3)
			continue;
		retries(w);
		if (!get_only)
		{
			store_fault(w->store, rules[i], "PutObject");
			good_put(w, "faulty", pattern, 200000);
			CHECK_INT(retries(w), times);
			store_reset(w->store);
		}
		else
			good_put(w, "faulty", pattern, 200000);
		if (!put_only)
		{
			store_fault(w->store, rules[i], "GetObject");
			good_get(w, "faulty", pattern, 200000);
			CHECK_INT(retries(w), times);
			store_reset(w->store);
		}
	}
}

/* A part goes out again with the same bytes; its digests are compared like an object's. */
static void
test_faults_of_parts(world *w)
{
	static const char *const rules[] = {
		"{\"action\":\"lost_answer\",\"op\":\"%s\"}",
		"{\"action\":\"reset\",\"op\":\"%s\",\"bytes\":100000}",
		"{\"action\":\"wrong_etag\",\"op\":\"%s\"}",
		"{\"action\":\"wrong_crc\",\"op\":\"%s\"}",
		"{\"action\":\"status\",\"op\":\"%s\",\"status\":503,\"code\":\"SlowDown\"}",
	};
	size_t i;

	for (i = 0; i < sizeof rules / sizeof *rules; i++)
	{
		upload u;
		oc_call *call;

		if (strstr(rules[i], "wrong_crc") && w->flavour.provider == OC_PROVIDER_S3)
			continue;
		upload_initiate(w, &u, "parts/faulty");
		store_fault(w->store, rules[i], "UploadPart");
		retries(w);
		upload_part(w, &u, pattern, 200000);
		CHECK_INT(retries(w), 1);
		store_reset(w->store);
		call = run_complete(w, &u, false);
		check_good(w, call);
		oc_call_free(call);
		good_get(w, "parts/faulty", pattern, 200000);
	}
	CHECK_INT(count_uploads(w, "parts/"), 0);
}

/* With every attempt faulty the last error is reported, and no attempt too many is made. */
static void
test_lasting_faults(world *w)
{
	static const struct
	{
		const char *rule;
		oc_error_class class;
	} rows[] = {
		{"{\"action\":\"status\",\"op\":\"%s\",\"status\":500,\"code\":\"InternalError\",\"count\":null}", OC_ERR_STORE},
		{"{\"action\":\"status\",\"op\":\"%s\",\"status\":503,\"code\":\"SlowDown\",\"count\":null}", OC_ERR_THROTTLED},
		{"{\"action\":\"refuse\",\"op\":\"%s\",\"count\":null}", OC_ERR_NETWORK},
		{"{\"action\":\"deny\",\"op\":\"%s\",\"count\":null}", OC_ERR_DENIED},
	};
	char sink[16];
	size_t i;

	good_put(w, "lasting", "x", 1);
	w->max_retries = 1;
	for (i = 0; i < sizeof rows / sizeof *rows; i++)
	{
		oc_call *call;

		store_fault(w->store, rows[i].rule, "GetObject");
		retries(w);
		call = run_get(w, "lasting", 0, 0, sink, sizeof sink);
		check_bad(w, call, rows[i].class);
		if (rows[i].class == OC_ERR_NETWORK) /* libcurl once repeats on its own what a kept connection lost */
			CHECK(atomic_load(&w->stats.retries) - 1 <= 1);
		else
			CHECK_INT(atomic_load(&w->stats.retries), rows[i].class == OC_ERR_DENIED ? 0 : 1);
		oc_call_free(call);
		store_reset(w->store);
	}
	if (w->flavour.provider != OC_PROVIDER_S3)
	{
		oc_call *call;

		store_fault(w->store, "{\"action\":\"wrong_crc\",\"op\":\"%s\",\"count\":null}", "*Object");
		call = run_get(w, "lasting", 0, 0, sink, sizeof sink);
		check_bad(w, call, OC_ERR_INTEGRITY);
		oc_call_free(call);
		call = run_put(w, "lasting", "x", 1);
		check_bad(w, call, OC_ERR_INTEGRITY);
		oc_call_free(call);
		store_reset(w->store);
	}
	store_fault(w->store, "{\"action\":\"wrong_etag\",\"op\":\"%s\",\"count\":null}", "PutObject");
	{
		oc_call *call = new_call(w, OC_PUT, "lasting");

		call->body = "x";
		call->body_size = 1;
		oc_call_run(call, NULL);
		check_bad(w, call, OC_ERR_INTEGRITY);
		oc_call_free(call);
	}
	store_reset(w->store);
	w->max_retries = 3;
}

static void
test_content_range(world *w)
{
	char sink[16];
	oc_call *call;

	good_put(w, "range", "0123456789", 10);
	store_fault(w->store, "{\"action\":\"wrong_content_range\",\"op\":\"%s\"}", "GetObject");
	call = run_get(w, "range", 2, 5, sink, sizeof sink);
	check_bad(w, call, OC_ERR_PROTOCOL);
	oc_call_free(call);
	store_reset(w->store);
}

static void
test_stall(world *w)
{
	oc_config config = config_of(w);
	oc_client *client;
	oc_call *call;

	config.low_speed_limit = 100000;
	config.low_speed_time_s = 1;
	config.max_retries = 1;
	store_fault(w->store, "{\"action\":\"block\",\"op\":\"%s\",\"count\":null}", "PutObject");
	call = run_with(w, &config, OC_PUT, STORE_BUCKET, &client);
	check_bad(w, call, OC_ERR_TIMEOUT);
	oc_call_free(call);
	oc_client_close(client);
	store_reset(w->store);
}

static void
test_cancel_in_block(world *w)
{
	oc_call *call;
	char *sink = malloc(PATTERN_SIZE);

	store_fault(w->store, "{\"action\":\"block\",\"id\":\"b\",\"op\":\"%s\",\"bytes\":1000,\"count\":null}", "PutObject");
	call = start_put(w, "blocked", pattern, PATTERN_SIZE);
	if (w->flavour.threads == 0)
		oc_io_wait(w->io, NULL, 200);
	else
		store_await(w->store, "b");
	oc_call_cancel(call);
	CHECK_INT(call->status, OC_CANCELLED);
	oc_call_free(call);
	store_reset(w->store);
	CHECK(!exists(w, "blocked"));
	good_put(w, "blocked", pattern, PATTERN_SIZE);
	store_fault(w->store, "{\"action\":\"block\",\"id\":\"b\",\"op\":\"%s\",\"bytes\":1000,\"stage\":\"response\",\"count\":null}", "GetObject");
	call = new_call(w, OC_GET, "blocked");
	call->sink = sink;
	call->sink_size = PATTERN_SIZE;
	oc_call_start(call);
	if (w->flavour.threads == 0)
		oc_io_wait(w->io, NULL, 200);
	else
		store_await(w->store, "b");
	oc_call_cancel(call);
	CHECK_INT(call->status, OC_CANCELLED);
	oc_call_free(call);
	store_reset(w->store);
	free(sink);
}

static void
test_clock_skew(world *w)
{
	oc_config config = config_of(w);
	oc_client *client;
	oc_call *call;

	store_fault(w->store, "{\"action\":\"clock_skew\",\"op\":\"%s\",\"seconds\":7200,\"count\":null}", "*");
	call = run_with(w, &config, OC_PUT, STORE_BUCKET, &client);
	check_good(w, call);
	oc_call_free(call);
	/* the correction stays with the client */
	call = oc_call_new(client, OC_HEAD);
	call->bucket = STORE_BUCKET;
	call->key = "some/key";
	call->stats = &w->stats;
	retries(w);
	oc_call_run(call, NULL);
	check_good(w, call);
	CHECK_INT(retries(w), 0);
	oc_call_free(call);
	oc_client_close(client);
	/* a HEAD as the first request cannot be told by code */
	call = run_with(w, &config, OC_HEAD, STORE_BUCKET, &client);
	check_good(w, call);
	oc_call_free(call);
	oc_client_close(client);
	store_reset(w->store);
}

static void
test_tokens(world *w)
{
	char sink[8];
	oc_call *call;

	store_fault(w->store, "{\"action\":\"expired_token\",\"op\":\"%s\",\"count\":null}", "GetObject");
	call = run_get(w, "any", 0, 0, sink, sizeof sink);
	check_bad(w, call, OC_ERR_CREDENTIALS);
	oc_call_free(call);
	store_reset(w->store);
}

/* ---------------------------------------------------------------- lost answers */

static void
test_lost_put(world *w)
{
	oc_call *call;

	if (w->flavour.provider == OC_PROVIDER_OBS)
		return; /* no guard: a retry simply writes again, see test_passing_faults */
	store_fault(w->store, "{\"action\":\"lost_answer\",\"op\":\"%s\",\"count\":1}", "PutObject");
	call = new_call(w, OC_PUT, "lost/put");
	call->body = "mine";
	call->body_size = 4;
	call->token = w->token;
	call->forbid_overwrite = true;
	oc_call_run(call, NULL);
	check_good(w, call);
	CHECK(call->etag[0] == '"');
	oc_call_free(call);
	store_reset(w->store);

	/* another's object must not be taken for ours */
	store_fault(w->store, "{\"action\":\"status\",\"op\":\"%s\",\"status\":500,\"code\":\"InternalError\",\"count\":1}", "PutObject");
	call = new_call(w, OC_PUT, "lost/put");
	call->body = "mine";
	call->body_size = 4;
	call->token = "another token";
	call->forbid_overwrite = true;
	oc_call_run(call, NULL);
	check_bad(w, call, OC_ERR_EXISTS);
	oc_call_free(call);
	store_reset(w->store);
}

/* Every answer is lost: the HEAD finds what the first attempt made. */
static void
test_lost_for_good(world *w)
{
	oc_call *call;

	w->max_retries = 1;
	store_fault(w->store, "{\"action\":\"lost_answer\",\"op\":\"%s\",\"count\":null}", "PutObject");
	call = run_put(w, "lost/for-good", "mine", 4);
	check_good(w, call);
	oc_call_free(call);
	store_reset(w->store);
	store_fault(w->store, "{\"action\":\"refuse\",\"op\":\"%s\",\"count\":null}", "PutObject");
	call = run_put(w, "lost/never-there", "mine", 4);
	check_bad(w, call, OC_ERR_NETWORK);
	oc_call_free(call);
	store_reset(w->store);
	CHECK(!exists(w, "lost/never-there"));
	w->max_retries = 3;
}

static void
test_lost_complete(world *w)
{
	upload u;
	oc_call *call;

	upload_three(w, &u, "lost/complete");
	store_fault(w->store, "{\"action\":\"lost_answer\",\"op\":\"%s\",\"count\":1}", "CompleteMultipartUpload");
	call = run_complete(w, &u, true);
	check_good(w, call);
	CHECK(strchr(call->etag, '-') != NULL);
	oc_call_free(call);
	store_reset(w->store);
	good_get(w, "lost/complete", pattern, PATTERN_SIZE);

	/* gone, and not by our doing */
	upload_three(w, &u, "lost/aborted");
	call = new_call(w, OC_ABORT, "lost/aborted");
	call->upload_id = u.id;
	oc_call_run(call, NULL);
	oc_call_free(call);
	store_fault(w->store, "{\"action\":\"refuse\",\"op\":\"%s\",\"count\":1}", "CompleteMultipartUpload");
	call = run_complete(w, &u, false);
	check_bad(w, call, OC_ERR_NOT_FOUND);
	CHECK_STR(call->error.code, "NoSuchUpload");
	oc_call_free(call);
	store_reset(w->store);
}

static void
test_error_in_200(world *w)
{
	upload u;
	oc_call *call;

	upload_three(w, &u, "error/in-200");
	store_fault(w->store, "{\"action\":\"error_200\",\"op\":\"%s\",\"code\":\"InternalError\",\"count\":1,\"stage\":\"start\"}",
				"CompleteMultipartUpload");
	retries(w);
	call = run_complete(w, &u, false);
	check_good(w, call);
	CHECK_INT(retries(w), 1);
	oc_call_free(call);
	store_reset(w->store);
	upload_three(w, &u, "error/in-200-too");
	store_fault(w->store, "{\"action\":\"error_200\",\"op\":\"%s\",\"code\":\"AccessDenied\",\"count\":null,\"stage\":\"start\"}",
				"CompleteMultipartUpload");
	retries(w);
	call = run_complete(w, &u, false);
	check_bad(w, call, OC_ERR_DENIED);
	CHECK_INT(retries(w), 0);
	oc_call_free(call);
	store_reset(w->store);
	call = new_call(w, OC_ABORT, "error/in-200-too");
	call->upload_id = u.id;
	oc_call_run(call, NULL);
	oc_call_free(call);
}

/* Each lost INITIATE made an upload that nobody knows. */
static void
test_lost_initiate(world *w)
{
	char key[100];
	upload u;
	oc_call *call;

	snprintf(key, sizeof key, "lost/%s_1.csv", w->token);
	store_fault(w->store, "{\"action\":\"lost_answer\",\"op\":\"%s\",\"count\":2}", "InitiateMultipartUpload");
	upload_initiate(w, &u, key);
	store_reset(w->store);
	CHECK_INT(count_uploads(w, "lost/"), 1);
	upload_part(w, &u, pattern, 1000);
	call = run_complete(w, &u, false);
	check_good(w, call);
	oc_call_free(call);
	CHECK_INT(count_uploads(w, "lost/"), 0);
}

static void
test_html(world *w)
{
	oc_call *call;
	char sink[8];

	store_fault(w->store, "{\"action\":\"html\",\"op\":\"%s\",\"status\":200,\"count\":null}", "ListObjectsV2");
	call = new_call(w, OC_LIST, NULL);
	oc_call_run(call, NULL);
	check_bad(w, call, OC_ERR_PROTOCOL);
	oc_call_free(call);
	store_reset(w->store);
	store_fault(w->store, "{\"action\":\"html\",\"op\":\"%s\",\"status\":403,\"count\":null}", "GetObject");
	call = run_get(w, "any", 0, 0, sink, sizeof sink);
	check_bad(w, call, OC_ERR_DENIED);
	CHECK(strstr(call->error.message, "not of the protocol") != NULL);
	oc_call_free(call);
	store_reset(w->store);
}

static void
test_flavour(store *store, const flavour *flavour)
{
	world w;

	if (flavour->addressing != OC_ADDRESSING_PATH) /* faults do not depend on it */
		return;
	world_open(&w, store, flavour);
	test_passing_faults(&w);
	test_faults_of_parts(&w);
	test_lasting_faults(&w);
	test_content_range(&w);
	test_clock_skew(&w);
	test_tokens(&w);
	test_lost_put(&w);
	test_lost_for_good(&w);
	test_lost_complete(&w);
	test_lost_initiate(&w);
	test_error_in_200(&w);
	test_html(&w);
	test_cancel_in_block(&w);
	world_close(&w);
}

static void
test_stall_once(store *store, int threads)
{
	flavour one = flavours[0];
	world w;

	one.threads = threads;
	world_open(&w, store, &one);
	test_stall(&w);
	world_close(&w);
}

int
main(void)
{
	return run_flavours(test_flavour, test_stall_once);
}
