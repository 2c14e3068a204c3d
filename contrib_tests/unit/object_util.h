/*
 * object_util.h
 *	  What the tests of the verbs share: the dialects to test, a world (store, oc_io, client) and calls in it.
 */
#ifndef OBJECT_UTIL_H
#define OBJECT_UTIL_H

#include "../../oss_fdw/core/oc.h"

#include <stdbool.h>
#include <strings.h>

#include "store_util.h"
#include "unit.h"

#define PART_SIZE ((size_t) 5 * 1024 * 1024) /* the smallest that every dialect takes */

typedef struct flavour
{
	const char *name;
	oc_provider provider;
	oc_signature signature;
	oc_addressing addressing;
	bool https;
	int threads;
} flavour;

typedef struct world
{
	store *store;
	flavour flavour;
	oc_io *io;
	oc_client *client;
	oc_stats stats;
	int max_retries; /* of new calls */
	char endpoint[64];
	char token[33];
} world;

static char *pattern; /* 2 * PART_SIZE + 1000 bytes */
#define PATTERN_SIZE (2 * PART_SIZE + 1000)

/* ---------------------------------------------------------------- a world to test in */

static inline oc_config
config_of(world *w)
{
	return (oc_config){
		.provider = w->flavour.provider,
		.endpoint = w->endpoint,
		.region = STORE_REGION,
		.addressing = w->flavour.addressing,
		.signature = w->flavour.signature,
		.access_key_id = STORE_KEY_ID,
		.access_key_secret = STORE_SECRET,
		.ca_file = w->flavour.https ? w->store->ca_file : NULL,
	};
}

static inline void
world_open(world *w, store *store, const flavour *flavour)
{
	oc_error error = {.message = ""};
	oc_config config;

	memset(w, 0, sizeof *w);
	w->store = store;
	w->flavour = *flavour;
	w->max_retries = 3;
	snprintf(w->endpoint, sizeof w->endpoint, "%s://localhost:%d", flavour->https ? "https" : "http",
			 flavour->https ? store->tls_port : store->port);
	oc_random_hex(w->token, sizeof w->token);
	config = config_of(w);
	w->io = oc_io_open(flavour->threads, &error);
	w->client = oc_client_open(w->io, &config, &error);
	if (!CHECK(w->client != NULL))
	{
		fprintf(stderr, "%s\n", error.message);
		exit(1);
	}
	store_reset(store);
	free(store_control(store, "POST", "clear", "{}"));
}

static inline void
world_close(world *w)
{
	oc_client_close(w->client);
	oc_io_close(w->io);
}

static inline oc_call *
new_call(world *w, oc_verb verb, const char *key)
{
	oc_call *call = oc_call_new(w->client, verb);

	call->bucket = STORE_BUCKET;
	call->key = key;
	call->stats = &w->stats;
	call->max_retries = w->max_retries;
	return call;
}

static inline void
check_good(const world *w, const oc_call *call)
{
	if (!CHECK_INT(call->status, OC_OK))
	{
		fprintf(stderr, "  %s threads=%d: %s %s: %s %s\n", w->flavour.name, w->flavour.threads, call->error.operation,
				call->error.object, call->error.code, call->error.message);
	}
}

static inline void
check_bad(const world *w, const oc_call *call, oc_error_class class)
{
	bool good = CHECK_INT(call->status, OC_FAILED) & CHECK_INT(call->error.class, class);

	CHECK(call->error.message[0] != '\0');
	CHECK(strstr(call->error.message, STORE_SECRET) == NULL);
	if (!good)
	{
		fprintf(stderr, "  %s threads=%d: %s: %d %s %s\n", w->flavour.name, w->flavour.threads, call->error.operation,
				call->error.http_status, call->error.code, call->error.message);
	}
}

static inline oc_call *
start_put(world *w, const char *key, const void *body, size_t size)
{
	oc_call *call = new_call(w, OC_PUT, key);

	call->body = body;
	call->body_size = size;
	call->token = w->token;
	oc_call_start(call);
	return call;
}

static inline oc_call *
run_put(world *w, const char *key, const void *body, size_t size)
{
	oc_call *call = start_put(w, key, body, size);

	oc_call_wait(call, NULL);
	return call;
}

static inline oc_call *
run_get(world *w, const char *key, uint64_t start, uint64_t size, void *sink, size_t sink_size)
{
	oc_call *call = new_call(w, OC_GET, key);

	call->range_start = start;
	call->range_size = size;
	call->sink = sink;
	call->sink_size = sink_size;
	oc_call_run(call, NULL);
	return call;
}

static inline oc_call *
run_verb(world *w, oc_verb verb, const char *key)
{
	oc_call *call = new_call(w, verb, key);

	oc_call_run(call, NULL);
	return call;
}

static inline void
good_put(world *w, const char *key, const void *body, size_t size)
{
	oc_call *call = run_put(w, key, body, size);

	check_good(w, call);
	oc_call_free(call);
}

static inline void
good_get(world *w, const char *key, const void *body, size_t size)
{
	char *sink = malloc(size + 1);
	oc_call *call = run_get(w, key, 0, 0, sink, size);

	check_good(w, call);
	CHECK_INT(call->received, size);
	CHECK_MEM(sink, body, size);
	oc_call_free(call);
	free(sink);
}

static inline bool
exists(world *w, const char *key)
{
	oc_call *call = run_verb(w, OC_HEAD, key);
	bool good = call->status == OC_OK;

	if (!good)
		check_bad(w, call, OC_ERR_NOT_FOUND);
	oc_call_free(call);
	return good;
}

/* One multipart upload as the writer does it. */
typedef struct upload
{
	const char *key;
	char id[256];
	oc_part parts[3];
	size_t count;
	uint64_t crc64;
	uint64_t size;
} upload;

static inline void
upload_initiate(world *w, upload *u, const char *key)
{
	oc_call *call = new_call(w, OC_INITIATE, key);

	memset(u, 0, sizeof *u);
	u->key = key;
	call->token = w->token;
	oc_call_run(call, NULL);
	check_good(w, call);
	snprintf(u->id, sizeof u->id, "%s", call->answer_upload_id);
	CHECK(u->id[0] != '\0');
	oc_call_free(call);
}

static inline oc_call *
new_part(world *w, upload *u, const char *body, size_t size)
{
	oc_call *call = new_call(w, OC_UPLOAD_PART, u->key);

	call->upload_id = u->id;
	call->part_number = (int) u->count + 1;
	call->body = body;
	call->body_size = size;
	return call;
}

static inline void
upload_part(world *w, upload *u, const char *body, size_t size)
{
	oc_call *call = new_part(w, u, body, size);
	oc_part *part = &u->parts[u->count];

	oc_call_run(call, NULL);
	check_good(w, call);
	*part = (oc_part){.number = call->part_number, .size = size, .crc64 = call->crc64};
	memcpy(part->etag, call->etag, sizeof part->etag);
	u->crc64 = u->count == 0 ? call->crc64 : oc_crc64_combine(u->crc64, call->crc64, size);
	u->size += size;
	u->count++;
	oc_call_free(call);
}

static inline oc_call *
run_complete(world *w, upload *u, bool guard)
{
	oc_call *call = new_call(w, OC_COMPLETE, u->key);

	call->upload_id = u->id;
	call->parts = u->parts;
	call->part_count = u->count;
	call->crc64 = u->crc64;
	call->crc64_known = true;
	call->object_size = u->size;
	call->token = w->token;
	call->forbid_overwrite = guard;
	oc_call_run(call, NULL);
	return call;
}

static inline void
upload_three(world *w, upload *u, const char *key)
{
	upload_initiate(w, u, key);
	upload_part(w, u, pattern, PART_SIZE);
	upload_part(w, u, pattern + PART_SIZE, PART_SIZE);
	upload_part(w, u, pattern + 2 * PART_SIZE, 1000);
}

static inline int
count_uploads(world *w, const char *prefix)
{
	oc_call *call = new_call(w, OC_LIST_UPLOADS, NULL);
	int count;

	call->prefix = prefix;
	oc_call_run(call, NULL);
	check_good(w, call);
	count = (int) call->page.count;
	oc_call_free(call);
	return count;
}

static inline oc_call *
run_with(world *w, const oc_config *config, oc_verb verb, const char *bucket, oc_client **client)
{
	oc_call *call;

	*client = oc_client_open(w->io, config, NULL);
	call = oc_call_new(*client, verb);
	call->bucket = bucket;
	call->key = "some/key";
	call->sink = malloc(100);
	call->sink_size = 100;
	call->body = "x";
	call->body_size = 1;
	oc_call_run(call, NULL);
	free(call->sink);
	return call;
}

static const flavour flavours[] = {
	{"oss-v4", OC_PROVIDER_OSS, OC_SIGNATURE_V4, OC_ADDRESSING_PATH, false, 1},
	{"oss-v1", OC_PROVIDER_OSS, OC_SIGNATURE_V1, OC_ADDRESSING_PATH, false, 1},
	{"obs", OC_PROVIDER_OBS, OC_SIGNATURE_V4, OC_ADDRESSING_PATH, false, 1},
	{"s3", OC_PROVIDER_S3, OC_SIGNATURE_V4, OC_ADDRESSING_PATH, false, 1},
	{"oss-v4-virtual", OC_PROVIDER_OSS, OC_SIGNATURE_V4, OC_ADDRESSING_VIRTUAL, false, 1},
	{"oss-v1-virtual", OC_PROVIDER_OSS, OC_SIGNATURE_V1, OC_ADDRESSING_VIRTUAL, false, 1},
	{"obs-virtual", OC_PROVIDER_OBS, OC_SIGNATURE_V4, OC_ADDRESSING_VIRTUAL, false, 1},
	{"s3-virtual", OC_PROVIDER_S3, OC_SIGNATURE_V4, OC_ADDRESSING_VIRTUAL, false, 1},
};

/* Calls test for each dialect with the I/O thread and inline, and after each round test_round. */
static inline int
run_flavours(void (*test)(store *, const flavour *), void (*test_round)(store *, int))
{
	store *store;
	size_t i;
	int threads;

	signal(SIGPIPE, SIG_IGN);
	alarm(500); /* a hang is a failure, not a wait */
	CHECK(oc_library_open());
	pattern = malloc(PATTERN_SIZE);
	for (i = 0; i < PATTERN_SIZE; i++)
		pattern[i] = (char) (i * 2654435761u >> 13);
	store = store_start();
	for (threads = 1; threads >= 0; threads--)
	{
		for (i = 0; i < sizeof flavours / sizeof *flavours; i++)
		{
			flavour one = flavours[i];

			one.threads = threads;
			test(store, &one);
		}
		test_round(store, threads);
	}
	store_stop(store);
	free(pattern);
	oc_library_close();
	return unit_done();
}

#endif
