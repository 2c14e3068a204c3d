/*
 * oc_request.c
 *	  One oc_call: attempts until it is done.
 *
 * owner:       oc_call_start -> checks, digests, XML body -> task to the I/O thread
 * I/O thread:  attempt = build (oc_object.c) + sign now + send (oc_http.c)
 *				-> good answer: finish
 *				-> clock skew: correct, once more
 *				-> may pass: wait (full jitter, Retry-After), next attempt
 *				-> may have happened although no good answer came: ask by HEAD whether the object is ours
 *				-> else finish with the error
 *
 * A PUT, COMPLETE or INITIATE whose answer is lost leaves "lost" set.  Retrying a PUT is harmless; but a guard
 * against overwriting then hits our own object, and a second COMPLETE no longer finds its upload.  Both are
 * settled by a HEAD: only an object of our length, our CRC-64 and our token counts as ours.  A retried INITIATE
 * may leave a second upload behind: it is looked for and aborted.
 *
 * After oc_call_start the call belongs to the I/O thread until its state is DONE.
 */
#include "oc_call_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define BACKOFF_FIRST_US 200000.0
#define BACKOFF_MAX_US 20000000.0
#define CHILD_TIMEOUT_MS 15000	 /* of a question asked after the deadline of the call itself */
#define SKEW_SUSPECT_S 600		 /* a HEAD cannot say RequestTimeTooSkewed: such a difference of clocks does */
#define SKEW_MAX_PLAIN_S 86400	 /* without TLS the Date may be forged: do not sign for the far future */
#define COMPLETE_PATIENCE 4		 /* joining thousands of parts takes the store a while, in silence */

static void call_begin(oc_task *task);
static void call_due(oc_task *task);
static void call_stop(oc_task *task);
static void attempt(oc_call *call);
static bool build_exchange(oc_call *call, oc_error *error);
static bool build_url(oc_call *call, const oc_message *message, const oc_target *target);
static int sign(oc_call *call, const oc_message *message, const oc_target *target, oc_buf *out);
static bool has_header(const oc_message *message, const char *name);
static void set_limits(oc_call *call);
static void attempt_done(oc_exchange *exchange);
static bool judge(oc_call *call, oc_error *error);
static void failed(oc_call *call, oc_error *error);
static void describe(oc_call *call, oc_error *error);
static bool never_answered(oc_error_class class);
static const char *sent_authorization(const oc_exchange *exchange);
static bool leaves_doubt(const oc_call *call, const oc_error *error);
static bool correct_skew(oc_call *call, const oc_error *error);
static bool retry_later(oc_call *call, const oc_error *error);
static void ask_by_head(oc_call *call, const oc_error *error);
static void head_done(oc_call *child, void *arg);
static bool object_is_ours(const oc_call *call, const oc_call *head);
static void seek_orphans(oc_call *call);
static void orphans_listed(oc_call *child, void *arg);
static void abort_next_orphan(oc_call *call);
static void orphan_aborted(oc_call *child, void *arg);
static oc_call *new_child(oc_call *call, oc_verb verb, void (*done)(oc_call *, void *));
static void start_child(oc_call *call, oc_call *child);
static void finish(oc_call *call, oc_status status, const oc_error *error);
static void count_traffic(oc_call *call, const oc_exchange *exchange);

static inline oc_call *
call_of(oc_task *task)
{
	return ((struct oc_call_private *) task)->call;
}

/* ---------------------------------------------------------------- the owner's side */

oc_call *
oc_call_new(oc_client *client, oc_verb verb)
{
	oc_call *call = calloc(1, sizeof *call);
	struct oc_call_private *private = calloc(1, sizeof *private);

	if (call == NULL || private == NULL)
	{
		free(call);
		free(private);
		return NULL;
	}
	call->verb = verb;
	call->private = private;
	private->call = call;
	private->client = client;
	private->task.begin = call_begin;
	private->task.due = call_due;
	private->task.stop = call_stop;
	oc_exchange_init(&private->exchange);
	private->has_key = verb != OC_LIST && verb != OC_LIST_UPLOADS && verb != OC_DELETE_MANY;
	private->exchange.client = client;
	private->exchange.owner = call;
	private->exchange.on_head = oc_verb_head;
	private->exchange.on_done = attempt_done;
	oc_buf_init(&private->document, 2 * 1024 * 1024);
	return call;
}

void
oc_call_free(oc_call *call)
{
	if (call == NULL)
		return;
	/* an owner that learnt of the end by its done callback may come a moment too early */
	if (atomic_load(&call->private->task.state) == OC_TASK_ACTIVE)
		oc_call_cancel(call);
	oc_exchange_free(&call->private->exchange);
	oc_buf_free(&call->private->document);
	oc_page_free(&call->page);
	oc_page_free(&call->private->orphans);
	free(call->private->resolve);
	free(call->private);
	free(call);
}

void
oc_call_start(oc_call *call)
{
	struct oc_call_private *private = call->private;
	const oc_client *client = private->client;
	int retries = call->max_retries < 0 ? 0 : call->max_retries > 0 ? call->max_retries : client->max_retries;
	long timeout_ms = call->timeout_ms > 0 ? call->timeout_ms : client->retry_timeout_ms;

	private->max_attempts = retries + 1;
	private->deadline_us = oc_now_us() + (int64_t) timeout_ms * 1000;
	private->deadline_is_hard = call->timeout_ms > 0;
	call->received = 0;
	/* here, not on the I/O thread: a digest takes milliseconds, in which no transfer would move */
	memset(&private->pending, 0, sizeof private->pending);
	oc_verb_prepare(call, &private->pending);
	if (private->internal)
		oc_io_submit_here(client->io, &private->task);
	else if (call->wait_follows)
		oc_io_submit_quietly(client->io, &private->task);
	else
		oc_io_submit(client->io, &private->task);
}

bool
oc_call_is_done(const oc_call *call)
{
	return atomic_load_explicit(&call->private->task.state, memory_order_acquire) == OC_TASK_DONE;
}

oc_status
oc_call_wait(oc_call *call, const oc_waiter *waiter)
{
	int64_t begun = oc_now_us();
	oc_status status = oc_io_wait_task(call->private->client->io, &call->private->task, waiter);

	if (call->stats)
		atomic_fetch_add_explicit(&call->stats->wait_us, (uint64_t) (oc_now_us() - begun), memory_order_relaxed);
	if (status == OC_OK)
		return call->status;
	oc_call_cancel(call);
	return OC_CANCELLED;
}

oc_status
oc_call_run(oc_call *call, const oc_waiter *waiter)
{
	oc_call_start(call);
	return oc_call_wait(call, waiter);
}

void
oc_call_cancel(oc_call *call)
{
	if (atomic_load(&call->private->task.state) != OC_TASK_ACTIVE)
		return;
	oc_io_cancel(call->private->client->io, &call->private->task);
	oc_io_await_done(call->private->client->io, &call->private->task);
}

/* ---------------------------------------------------------------- tasks; I/O thread from here on */

static void
call_begin(oc_task *task)
{
	oc_call *call = call_of(task);

	if (call->private->pending.class != OC_ERR_NONE)
	{
		oc_error error = call->private->pending;

		describe(call, &error);
		finish(call, OC_FAILED, &error);
		return;
	}
	attempt(call);
}

static void
call_due(oc_task *task)
{
	attempt(call_of(task));
}

static void
call_stop(oc_task *task)
{
	oc_call *call = call_of(task);
	oc_call *child = call->private->child;
	oc_error error;

	if (child)
	{
		atomic_store(&child->private->task.cancel, true);
		call_stop(&child->private->task); /* its done callback ends us */
		return;
	}
	if (call->private->exchange.transfer)
	{
		oc_exchange_abandon(oc_io_wire(call->private->client->io), &call->private->exchange);
		count_traffic(call, &call->private->exchange);
	}
	oc_error_set(&error, OC_ERR_CANCELLED, "the request was cancelled");
	describe(call, &error);
	finish(call, OC_CANCELLED, &error);
}

/* ---------------------------------------------------------------- an attempt */

static void
attempt(oc_call *call)
{
	struct oc_call_private *private = call->private;
	oc_exchange *exchange = &private->exchange;
	oc_error error;

	memset(&error, 0, sizeof error);
	if (!build_exchange(call, &error))
	{
		describe(call, &error);
		finish(call, OC_FAILED, &error);
		return;
	}
	set_limits(call);
	private->attempts++;
	if (call->stats)
		atomic_fetch_add_explicit(&call->stats->requests, 1, memory_order_relaxed);
	if (!oc_exchange_start(oc_io_wire(private->client->io), exchange))
	{
		error = exchange->error;
		describe(call, &error);
		finish(call, OC_FAILED, &error);
	}
}

static bool
build_exchange(oc_call *call, oc_error *error)
{
	struct oc_call_private *private = call->private;
	oc_exchange *exchange = &private->exchange;
	oc_target target;
	oc_message message;
	int i, added;

	if (!oc_verb_build(call, &message, error) || !oc_client_target(private->client, call->bucket, &target, error))
		return false;
	oc_buf_reset(&exchange->headers);
	for (i = 0; i < message.header_count; i++)
	{
		oc_buf_printf(&exchange->headers, "%s: %s", message.headers[i].name, message.headers[i].value);
		oc_buf_append_char(&exchange->headers, '\0');
	}
	exchange->header_count = message.header_count;
	/* libcurl's own additions: the first costs a round trip, the second would be signed wrongly */
	if (message.has_body)
	{
		exchange->header_count += 1 + !has_header(&message, "Content-Type");
		oc_buf_append(&exchange->headers, "Expect:", 8);
		if (!has_header(&message, "Content-Type"))
			oc_buf_append(&exchange->headers, "Content-Type:", 14);
	}
	added = private->client->credentials.access_key_id ? sign(call, &message, &target, &exchange->headers) : 0;
	if (added < 0 || exchange->headers.failed || !build_url(call, &message, &target))
	{
		oc_error_set(error, OC_ERR_LIMIT, "the request's headers or URL are too long");
		return false;
	}
	exchange->header_count += added;
	exchange->method = message.method;
	exchange->body = message.body;
	exchange->body_file = message.body_file;
	exchange->body_size = message.body_size;
	exchange->has_body = message.has_body;
	exchange->sink = NULL;
	exchange->skip = 0;
	exchange->stop_when_full = false;
	free(private->resolve);
	private->resolve = target.resolve[0] ? strdup(target.resolve) : NULL;
	exchange->resolve = private->resolve;
	return true;
}

/* The same encoding as the signers': unreserved bytes and, in the path, '/'. */
static bool
build_url(oc_call *call, const oc_message *message, const oc_target *target)
{
	oc_buf *url = &call->private->exchange.url;
	int i;

	oc_buf_reset(url);
	oc_buf_printf(url, "%s://%s/", call->private->client->endpoint.https ? "https" : "http", target->host);
	if (target->bucket_in_path)
		oc_buf_printf(url, "%s/", call->bucket);
	if (call->private->has_key)
		oc_percent_encode(url, call->key, strlen(call->key), true);
	for (i = 0; i < message->query_count; i++)
	{
		const oc_pair *pair = &message->query[i];

		oc_buf_append_char(url, i == 0 ? '?' : '&');
		oc_percent_encode(url, pair->name, strlen(pair->name), false);
		if (pair->value && *pair->value)
		{
			oc_buf_append_char(url, '=');
			oc_percent_encode(url, pair->value, strlen(pair->value), false);
		}
	}
	return !url->failed;
}

/*
 * Signed anew for every attempt, with the time of now.  S3 gets UNSIGNED-PAYLOAD over plain HTTP too: every server that we
 * know takes it, Content-MD5 and the returned ETag guard the body already, and SHA-256 would cost more than all
 * other digests together.
 */
static int
sign(oc_call *call, const oc_message *message, const oc_target *target, oc_buf *out)
{
	const oc_client *client = call->private->client;
	time_t when = oc_wall_seconds() + atomic_load(&client->skew_s);
	oc_sign_request request = {
		.method = message->method,
		.bucket = target->own_domain && client->dialect->provider == OC_PROVIDER_OBS ? client->endpoint.host : call->bucket,
		.key = call->private->has_key ? call->key : NULL,
		.host = target->host,
		.bucket_in_path = target->bucket_in_path,
		.query = message->query,
		.query_count = message->query_count,
		.headers = message->headers,
		.header_count = message->header_count,
	};

	if (client->dialect->provider == OC_PROVIDER_S3)
		return oc_sign_s3(&request, &client->credentials, client->region, when, out, NULL);
	if (client->dialect->provider == OC_PROVIDER_OBS)
		return oc_sign_obs(&request, &client->credentials, when, false, out, NULL);
	if (client->signature == OC_SIGNATURE_V1)
		return oc_sign_oss_v1(&request, &client->credentials, when, false, out, NULL);
	return oc_sign_oss_v4(&request, &client->credentials, client->region, "oss", when, out, NULL);
}

static bool
has_header(const oc_message *message, const char *name)
{
	int i;

	for (i = 0; i < message->header_count; i++)
	{
		if (strcasecmp(message->headers[i].name, name) == 0)
			return true;
	}
	return false;
}

/*
 * The deadline cuts an attempt off, except that a bulk transfer which still moves is judged by its speed alone: on a slow
 * line a healthy part may well take longer than the client's retry_timeout.  A deadline that the call itself names is hard.
 */
static void
set_limits(oc_call *call)
{
	struct oc_call_private *private = call->private;
	int64_t left_ms = (private->deadline_us - oc_now_us()) / 1000;
	bool bulk = call->verb == OC_GET || call->verb == OC_PUT || call->verb == OC_UPLOAD_PART;

	private->exchange.low_speed_time_s = private->client->low_speed_time_s;
	if (call->verb == OC_COMPLETE)
		private->exchange.low_speed_time_s *= COMPLETE_PATIENCE;
	private->exchange.timeout_ms = 0;
	if (private->deadline_is_hard || !bulk)
		private->exchange.timeout_ms = left_ms > 1 ? (long) left_ms : 1;
}

/* ---------------------------------------------------------------- the verdict */

static void
attempt_done(oc_exchange *exchange)
{
	oc_call *call = exchange->owner;
	oc_error error;

	memset(&error, 0, sizeof error);
	count_traffic(call, exchange);
	call->elapsed_us = exchange->elapsed_us;
	call->resolve_us = exchange->resolve_us;
	call->connect_us = exchange->connect_us;
	call->tls_us = exchange->tls_us;
	call->server_date = exchange->answer.date_known ? (int64_t) exchange->answer.date : 0;
	if (exchange->sink)
		call->received += exchange->stored;
	if (exchange->sends > 1)
		call->private->lost = true;
	/* a body in a file is too large for sending it to count: else it would never get a second attempt */
	if (exchange->body_file && !call->private->deadline_is_hard)
		call->private->deadline_us += exchange->elapsed_us;
	if (!judge(call, &error))
		failed(call, &error);
	else if (call->verb == OC_INITIATE && call->private->lost && call->token && strstr(call->key, call->token))
		seek_orphans(call);
	else
		finish(call, OC_OK, NULL);
}

static bool
judge(oc_call *call, oc_error *error)
{
	const oc_exchange *exchange = &call->private->exchange;
	bool all_there = exchange->sink && exchange->head_done && exchange->stored == exchange->sink_room;

	if (exchange->error.class == OC_ERR_NONE || (all_there && exchange->error.class == OC_ERR_NETWORK))
		return oc_verb_read(call, error);
	*error = exchange->error;
	return false;
}

static void
failed(oc_call *call, oc_error *error)
{
	struct oc_call_private *private = call->private;
	bool maybe_ours;

	describe(call, error);
	/*
	 * A guard that hits, or an upload that is gone: perhaps by our own earlier attempt.  "lost" is not asked for, since libcurl
	 * itself sends a request again when a kept connection breaks before the answer.
	 */
	maybe_ours = (call->verb == OC_PUT && error->class == OC_ERR_EXISTS) ||
				 (call->verb == OC_COMPLETE && (error->class == OC_ERR_EXISTS || error->class == OC_ERR_NOT_FOUND));
	if (leaves_doubt(call, error))
		private->lost = true;
	if (call->verb == OC_GET && error->class == OC_ERR_INTEGRITY)
	{
		/* the wrong bytes may be anywhere: begin anew */
		call->received = 0;
		private->get_started = false;
	}
	if (maybe_ours)
		ask_by_head(call, error);
	else if (correct_skew(call, error))
		attempt(call);
	else if (retry_later(call, error))
		return;
	else if (private->lost && (call->verb == OC_PUT || call->verb == OC_COMPLETE) && leaves_doubt(call, error))
		ask_by_head(call, error);
	else
		finish(call, OC_FAILED, error);
}

/* Completes an error with what the attempt knows.  Nothing secret leaves this function. */
static void
describe(oc_call *call, oc_error *error)
{
	const struct oc_call_private *private = call->private;
	const oc_answer *answer = &private->exchange.answer;
	const char *name = call->key && private->has_key ? call->key : call->prefix ? call->prefix : "";
	oc_target target;
	oc_error ignored;

	error->http_status = never_answered(private->exchange.error.class) ? 0 : answer->status;
	snprintf(error->operation, sizeof error->operation, "%s", oc_verb_operation(call->verb));
	if (call->bucket)
	{
		snprintf(error->object, sizeof error->object, "%.70s/%s", call->bucket, name);
		if (oc_client_target(private->client, call->bucket, &target, &ignored))
			snprintf(error->host, sizeof error->host, "%.263s", target.host);
	}
	if (error->request_id[0] == '\0')
		memcpy(error->request_id, answer->request_id, sizeof error->request_id);
	if (error->ec[0] == '\0')
		memcpy(error->ec, answer->ec, sizeof error->ec);
	oc_client_redact(private->client, sent_authorization(&private->exchange), error);
}

/* A broken connection may have told a status before; it would only mislead. */
static bool
never_answered(oc_error_class class)
{
	return class == OC_ERR_RESOLVE || class == OC_ERR_CONNECT || class == OC_ERR_TLS || class == OC_ERR_TIMEOUT ||
		   class == OC_ERR_NETWORK || class == OC_ERR_FORBIDDEN_ADDRESS || class == OC_ERR_CANCELLED;
}

static const char *
sent_authorization(const oc_exchange *exchange)
{
	const char *header = exchange->headers.data;
	int i;

	for (i = 0; header && i < exchange->header_count; i++, header += strlen(header) + 1)
	{
		if (strncasecmp(header, "Authorization:", 14) == 0)
			return header;
	}
	return NULL;
}

/* Did the store perhaps do what we asked for? */
static bool
leaves_doubt(const oc_call *call, const oc_error *error)
{
	if (call->verb != OC_PUT && call->verb != OC_COMPLETE && call->verb != OC_INITIATE)
		return false;
	switch (error->class)
	{
		case OC_ERR_TIMEOUT:
		case OC_ERR_NETWORK:
		case OC_ERR_PROTOCOL:
			return true;
		case OC_ERR_INTEGRITY:
			return call->verb == OC_PUT; /* the guard would then hit the wrong object that we made */
		default:
			return error->http_status >= 500 || strcmp(error->code, "InternalError") == 0;
	}
}

/* Takes the store's clock for ours, once per call. */
static bool
correct_skew(oc_call *call, const oc_error *error)
{
	struct oc_call_private *private = call->private;
	oc_client *client = private->client;
	const oc_answer *answer = &private->exchange.answer;
	bool told = error->class == OC_ERR_CLOCK;
	long skew, change;

	if (private->skew_corrected || !answer->date_known || client->credentials.access_key_id == NULL)
		return false;
	if (!told && !(call->verb == OC_HEAD && answer->status == 403 && error->code[0] == '\0'))
		return false;
	skew = (long) (answer->date - oc_wall_seconds());
	change = labs(skew - atomic_load(&client->skew_s));
	if (!told && change < SKEW_SUSPECT_S)
		return false;
	if (!client->endpoint.https && labs(skew) > SKEW_MAX_PLAIN_S)
		return false;
	atomic_store(&client->skew_s, skew);
	private->skew_corrected = true;
	if (call->stats)
		atomic_fetch_add_explicit(&call->stats->retries, 1, memory_order_relaxed);
	return true;
}

/* Sets the timer of the next attempt, if there shall be one. */
static bool
retry_later(oc_call *call, const oc_error *error)
{
	struct oc_call_private *private = call->private;
	int doublings = private->attempts < 20 ? private->attempts - 1 : 19;
	double longest = BACKOFF_FIRST_US * (double) (1 << doublings);
	int64_t now = oc_now_us();
	int64_t delay_us, told_us;
	bool glitch = error->http_status == 400 && !private->glitch_retried &&
				  (strcmp(error->code, "InvalidDigest") == 0 || strcmp(error->code, "IncompleteBody") == 0 ||
				   strcmp(error->code, "BadDigest") == 0);

	if ((!error->retryable && !glitch) || private->attempts >= private->max_attempts)
		return false;
	private->glitch_retried = private->glitch_retried || glitch;
	delay_us = (int64_t) (oc_io_random(private->client->io) * (longest < BACKOFF_MAX_US ? longest : BACKOFF_MAX_US));
	told_us = private->exchange.answer.retry_after_s * INT64_C(1000000); /* negative: not told */
	if (told_us > delay_us)
		delay_us = told_us;
	if (now + delay_us >= private->deadline_us)
		return false;
	private->task.due_us = now + delay_us + 1;
	if (call->stats)
		atomic_fetch_add_explicit(&call->stats->retries, 1, memory_order_relaxed);
	return true;
}

/* ---------------------------------------------------------------- lost answers */

static void
ask_by_head(oc_call *call, const oc_error *error)
{
	oc_call *child = call->token && *call->token ? new_child(call, OC_HEAD, head_done) : NULL;

	if (child == NULL) /* without a token nothing tells our object from another's */
	{
		finish(call, OC_FAILED, error);
		return;
	}
	call->private->pending = *error;
	child->key = call->key;
	start_child(call, child);
}

static void
head_done(oc_call *child, void *arg)
{
	oc_call *call = arg;
	oc_error error = call->private->pending;

	call->private->child = NULL;
	if (child->status == OC_CANCELLED)
	{
		call_stop(&call->private->task);
		return;
	}
	if (child->status != OC_OK || !object_is_ours(call, child))
	{
		finish(call, OC_FAILED, &error);
		return;
	}
	memcpy(call->etag, child->etag, sizeof call->etag);
	call->store_crc64_known = child->store_crc64_known;
	call->store_crc64 = child->store_crc64;
	finish(call, OC_OK, NULL);
}

static bool
object_is_ours(const oc_call *call, const oc_call *head)
{
	bool put = call->verb == OC_PUT;

	if (head->size != (put ? call->body_size : call->object_size) || strcmp(head->answer_token, call->token) != 0)
		return false;
	return !head->store_crc64_known || !(put || call->crc64_known) || head->store_crc64 == call->crc64;
}

/* An earlier INITIATE may have made an upload that nobody knows.  The key holds our token, so it is ours alone. */
static void
seek_orphans(oc_call *call)
{
	oc_call *child = new_child(call, OC_LIST_UPLOADS, orphans_listed);

	if (child == NULL)
	{
		finish(call, OC_OK, NULL);
		return;
	}
	child->prefix = call->key;
	start_child(call, child);
}

static void
orphans_listed(oc_call *child, void *arg)
{
	oc_call *call = arg;

	call->private->child = NULL;
	if (child->status == OC_CANCELLED)
	{
		call_stop(&call->private->task);
		return;
	}
	call->private->orphans = child->page; /* takes it over */
	memset(&child->page, 0, sizeof child->page);
	abort_next_orphan(call);
}

/* Best effort: an upload that stays is found by oss_fdw_uploads. */
static void
abort_next_orphan(oc_call *call)
{
	struct oc_call_private *private = call->private;

	while (private->orphan_next < private->orphans.count)
	{
		const oc_upload *upload = &private->orphans.uploads[private->orphan_next++];
		oc_call *child;

		if (strcmp(upload->key, call->key) != 0 || strcmp(upload->upload_id, call->answer_upload_id) == 0)
			continue;
		child = new_child(call, OC_ABORT, orphan_aborted);
		if (child == NULL)
			break;
		child->key = call->key;
		child->upload_id = upload->upload_id;
		start_child(call, child);
		return;
	}
	finish(call, OC_OK, NULL);
}

static void
orphan_aborted(oc_call *child, void *arg)
{
	oc_call *call = arg;

	call->private->child = NULL;
	if (child->status == OC_CANCELLED)
		call_stop(&call->private->task);
	else
		abort_next_orphan(call);
}

static oc_call *
new_child(oc_call *call, oc_verb verb, void (*done)(oc_call *, void *))
{
	oc_call *child = oc_call_new(call->private->client, verb);
	int64_t left_ms = (call->private->deadline_us - oc_now_us()) / 1000;

	if (child == NULL)
		return NULL;
	child->private->internal = true;
	child->bucket = call->bucket;
	child->timeout_ms = left_ms > CHILD_TIMEOUT_MS || call->private->deadline_is_hard ? (long) left_ms : CHILD_TIMEOUT_MS;
	if (child->timeout_ms < 1)
		child->timeout_ms = 1;
	child->max_retries = call->private->max_attempts > 1 ? call->private->max_attempts - 1 : -1;
	child->stats = call->stats;
	child->done = done;
	child->done_arg = call;
	return child;
}

/* The last thing that its caller does: the child may be over, and call with it, before this returns. */
static void
start_child(oc_call *call, oc_call *child)
{
	call->private->child = child;
	oc_call_start(child);
}

/* ---------------------------------------------------------------- the end */

/* error: described already.  The call must not be touched afterwards. */
static void
finish(oc_call *call, oc_status status, const oc_error *error)
{
	struct oc_call_private *private = call->private;
	oc_io *io = private->client->io;
	bool internal = private->internal;

	call->status = status;
	private->task.due_us = 0;
	if (error)
		call->error = *error;
	else
		memset(&call->error, 0, sizeof call->error);
	if (status == OC_FAILED && private->attempts > 1 && call->error.detail[0] == '\0')
		snprintf(call->error.detail, sizeof call->error.detail, "given up after %d attempts", private->attempts);
	oc_wipe(private->exchange.headers.data, private->exchange.headers.size);
	if (call->done)
		call->done(call, call->done_arg);
	oc_io_done(io, &private->task);
	if (internal)
		oc_call_free(call);
}

static void
count_traffic(oc_call *call, const oc_exchange *exchange)
{
	oc_stats *stats = call->stats;

	if (stats == NULL)
		return;
	if (exchange->sends > 1)
	{
		atomic_fetch_add_explicit(&stats->requests, (uint64_t) exchange->sends - 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&stats->retries, (uint64_t) exchange->sends - 1, memory_order_relaxed);
	}
	atomic_fetch_add_explicit(&stats->bytes_sent, exchange->bytes_sent, memory_order_relaxed);
	atomic_fetch_add_explicit(&stats->bytes_received, exchange->bytes_received, memory_order_relaxed);
}
