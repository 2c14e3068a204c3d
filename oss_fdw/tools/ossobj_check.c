/*
 * ossobj_check.c
 *	  check: every step that exports and reads need, one line each.  sign: URLs for whoever has no key.
 *
 * One signed list answers for the way to the store, the clock and the signature: the class of its failure tells how far it came.
 * Then a small object is put, read back and deleted, and an upload begun and aborted, below the folder of the URL.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ossobj.h"

#define MAX_SKEW_S 60 /* more is worth a word, though requests are corrected */
#define BODY "oss_fdw check\n"

typedef struct check
{
	ossobj *self;
	const ossobj_url *url;
	char *key;			/* of the test object */
	int code;			/* the first failure's */
} check;

static bool check_way(check *check);
static size_t steps_done(oc_error_class class);
static void check_object(check *check);
static bool check_get(check *check);
static void check_upload(check *check);
static oc_call *new_call(check *check, oc_verb verb);
static bool run(check *check, oc_call *call, const char *step);
static void step_good(const check *check, const char *step, double ms, const char *detail);
static void step_failed(check *check, const char *step, const oc_error *error);

int
ossobj_check(ossobj *self, int count, char **words)
{
	ossobj_url url;
	check check = {.self = self, .url = &url};
	char random[17];
	char *slash;
	int code;

	(void) count;
	if (!ossobj_parse_url(words[0], &url))
		return OSSOBJ_USAGE;
	slash = strrchr(url.key, '/');
	if (slash)
		slash[1] = '\0';
	else
		url.key[0] = '\0';
	code = ossobj_open(self, &url);
	if (code != OSSOBJ_GOOD)
		return code;
	oc_random_hex(random, sizeof(random));
	check.key = tool_printf("%sossobj_check_%s", url.key, random);
	if (check_way(&check))
	{
		check_object(&check);
		check_upload(&check);
	}
	free(check.key);
	return check.code;
}

static oc_call *
new_call(check *check, oc_verb verb)
{
	oc_call *call = oc_call_new(check->self->client, verb);

	if (!call)
	{
		tool_complain("out of memory");
		exit(OSSOBJ_FAILED);
	}
	call->bucket = check->url->bucket;
	call->key = check->key;
	return call;
}

/* false: the rest makes no sense. */
static bool
check_way(check *check)
{
	static const char *const steps[] = {"resolve", "connect", "tls", "clock", "signature", "list"};
	oc_call *call = new_call(check, OC_LIST);
	bool good;
	size_t done;
	double ms[6] = {0};
	char skew[64] = "";

	call->prefix = check->url->key;
	call->key = NULL;
	call->max_keys = 1;
	good = oc_call_run(call, &tool_waiter) == OC_OK;
	done = good ? 6 : steps_done(call->error.class);
	ms[0] = (double) call->resolve_us / 1000;
	ms[1] = (double) call->connect_us / 1000;
	ms[2] = (double) call->tls_us / 1000;
	ms[5] = (double) call->elapsed_us / 1000;
	if (call->server_date && llabs((long long) call->server_date - (long long) time(NULL)) > MAX_SKEW_S)
		snprintf(skew, sizeof(skew), "this clock differs from the store's by %lld s",
				 (long long) time(NULL) - (long long) call->server_date);
	for (size_t i = 0; i < done; i++)
		step_good(check, steps[i], ms[i], i == 3 ? skew : "");
	if (!good)
		step_failed(check, steps[done], &call->error);
	oc_call_free(call);
	return done >= 5; /* who may not list may still read and write */
}

/* How many of the six steps a LIST that failed so has passed. */
static size_t
steps_done(oc_error_class class)
{
	switch (class)
	{
		case OC_ERR_RESOLVE:
			return 0;
		case OC_ERR_CONNECT:
		case OC_ERR_FORBIDDEN_ADDRESS:
		case OC_ERR_TIMEOUT:
		case OC_ERR_NETWORK:
		case OC_ERR_CANCELLED:
			return 1;
		case OC_ERR_TLS:
			return 2;
		case OC_ERR_CLOCK:
			return 3;
		case OC_ERR_CREDENTIALS:
		case OC_ERR_PROTOCOL:
			return 4;
		default:
			return 5;
	}
}

static void
check_object(check *check)
{
	oc_call *put = new_call(check, OC_PUT);
	bool there;

	put->body = BODY;
	put->body_size = strlen(BODY);
	there = run(check, put, "put");
	oc_call_free(put);
	if (!there)
		return;
	check_get(check);
	put = new_call(check, OC_DELETE);
	run(check, put, "delete");
	oc_call_free(put);
}

static bool
check_get(check *check)
{
	oc_call *get = new_call(check, OC_GET);
	char body[64];
	oc_error error = {0};
	bool good;

	get->sink = body;
	get->sink_size = sizeof(body);
	good = oc_call_run(get, &tool_waiter) == OC_OK;
	error = get->error;
	if (good && (get->received != strlen(BODY) || memcmp(body, BODY, get->received) != 0))
	{
		oc_error_set(&error, OC_ERR_INTEGRITY, "what was read is not what was written");
		good = false;
	}
	if (good)
		step_good(check, "get", (double) get->elapsed_us / 1000, "");
	else
		step_failed(check, "get", &error);
	oc_call_free(get);
	return good;
}

static void
check_upload(check *check)
{
	oc_call *begin = new_call(check, OC_INITIATE);
	oc_call *abort = new_call(check, OC_ABORT);

	if (run(check, begin, "upload"))
	{
		abort->upload_id = begin->answer_upload_id;
		run(check, abort, "abort");
	}
	oc_call_free(begin);
	oc_call_free(abort);
}

static bool
run(check *check, oc_call *call, const char *step)
{
	bool good = oc_call_run(call, &tool_waiter) == OC_OK;

	if (good)
		step_good(check, step, (double) call->elapsed_us / 1000, "");
	else
		step_failed(check, step, &call->error);
	return good;
}

static void
step_good(const check *check, const char *step, double ms, const char *detail)
{
	if (check->self->json)
	{
		printf("{\"step\":\"%s\",\"ok\":true,\"ms\":%.1f,\"detail\":", step, ms);
		tool_json_string(stdout, detail);
		fputs("}\n", stdout);
	}
	else
		printf("ok      %-10s %8.1f ms  %s\n", step, ms, detail);
}

static void
step_failed(check *check, const char *step, const oc_error *error)
{
	const char *hint = oc_error_hint(error);

	if (check->code == OSSOBJ_GOOD)
		check->code = ossobj_code(error);
	if (check->self->json)
	{
		printf("{\"step\":\"%s\",\"ok\":false,\"detail\":", step);
		tool_json_string(stdout, error->message);
		fputs(",\"code\":", stdout);
		tool_json_string(stdout, error->code);
		fputs(",\"request_id\":", stdout);
		tool_json_string(stdout, error->request_id);
		fputs(",\"hint\":", stdout);
		tool_json_string(stdout, hint ? hint : "");
		fputs("}\n", stdout);
		return;
	}
	printf("FAILED  %s\n", step);
	fflush(stdout);
	ossobj_report(step, error);
}

/* ---------------------------------------------------------------- sign */

int
ossobj_sign(ossobj *self, int count, char **words)
{
	int code = OSSOBJ_GOOD;

	for (int i = 0; i < count && code == OSSOBJ_GOOD; i++)
	{
		oc_error error = {0};
		ossobj_url url;
		char *signed_url;

		if (!ossobj_parse_url(words[i], &url))
			return OSSOBJ_USAGE;
		code = ossobj_open(self, &url);
		if (code != OSSOBJ_GOOD)
			return code;
		signed_url = oc_presign_url(self->client, self->method, url.bucket, url.key, self->expires, &error);
		if (!signed_url)
		{
			tool_complain_error(words[i], &error);
			return error.class == OC_ERR_ARGUMENT ? OSSOBJ_USAGE : ossobj_code(&error);
		}
		if (self->json)
		{
			fputs("{\"url\":", stdout);
			tool_json_string(stdout, words[i]);
			fputs(",\"signed_url\":", stdout);
			tool_json_string(stdout, signed_url);
			printf(",\"method\":\"%s\",\"expires_in\":%ld}\n", self->method, self->expires);
		}
		else
			puts(signed_url);
		free(signed_url);
	}
	return code;
}
