/*
 * test_http.c
 *	  The wire against a scripted server: heads of requests, broken answers, ranges, limits, addresses, proxies, secrets.
 *
 * Every test runs with the I/O thread and inline.
 */
#include "http_util.h"

#define SECRET "a-most-secret-key"
#define TOKEN "a-session-token"

/* ---------------------------------------------------------------- good answers, kept connections */

static void
test_connection_is_kept(void)
{
	fixture *f = fixture_open(SCRIPT({GOOD_HEAD, RAW_KEEP}), NULL);
	int i;

	for (i = 0; i < 5; i++)
	{
		oc_call *call = run_verb(f, OC_HEAD);

		CHECK_INT(call->status, OC_OK);
		CHECK_INT(call->size, 10);
		CHECK_STR(call->etag, "\"abc\"");
		CHECK_INT(call->last_modified, INT64_C(1767323045000000));
		oc_call_free(call);
	}
	CHECK_INT(f->server->connections, 1);
	CHECK_INT(f->stats.requests, 5);
	CHECK_INT(f->stats.retries, 0);
	fixture_close(f);
}

/* The server ends a kept connection between two requests: libcurl notices and opens another one. */
static void
test_dead_connection(void)
{
	fixture *f = fixture_open(SCRIPT({GOOD_HEAD, RAW_CLOSE}), NULL);
	int i;

	for (i = 0; i < 3; i++)
	{
		oc_call *call = run_verb(f, OC_HEAD);

		CHECK_INT(call->status, OC_OK);
		oc_call_free(call);
	}
	CHECK_INT(f->server->connections, 3);
	fixture_close(f);
}

static void
test_head_of_requests(void)
{
	oc_config config = {.provider = OC_PROVIDER_S3, .access_key_id = "id", .access_key_secret = SECRET, .addressing = OC_ADDRESSING_PATH};
	fixture *f = fixture_open(SCRIPT({"HTTP/1.1 100 Continue\r\nETag: \"no\"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
									  "ETag: \"xyz\"\r\n\r\n", RAW_KEEP}), &config);
	oc_call *call = new_call(f, OC_PUT);
	char line[64];

	call->key = "a/../b c+\xe4\xb8\xad";
	call->body = "hello";
	call->body_size = 5;
	oc_call_run(call, NULL);
	CHECK_INT(call->status, OC_OK);
	CHECK_STR(call->etag, "\"xyz\"");
	CHECK(strstr(request_text(f, 0), "PUT /bucket/a/../b%20c%2B%E4%B8%AD HTTP/1.1\r\n") == request_text(f, 0));
	snprintf(line, sizeof line, "\r\nHost: 127.0.0.1:%d\r\n", f->server->port);
	CHECK(strstr(request_text(f, 0), line) != NULL);
	CHECK(strstr(request_text(f, 0), "\r\nContent-Length: 5\r\n") != NULL);
	CHECK(strstr(request_text(f, 0), "\r\nContent-MD5: XUFAKrxLKna5cZ2REBfFkg==\r\n") != NULL);
	CHECK(strcasestr(request_text(f, 0), "\r\nExpect:") == NULL);
	CHECK(strcasestr(request_text(f, 0), "\r\nAccept-Encoding:") == NULL);
	CHECK(strcasestr(request_text(f, 0), "\r\nContent-Type:") == NULL);
	CHECK(strcasestr(request_text(f, 0), "\r\nAuthorization: AWS4-HMAC-SHA256 ") != NULL);
	CHECK(strstr(request_text(f, 0), "\r\n\r\nhello") != NULL);
	CHECK_INT(f->stats.bytes_sent, 5);
	oc_call_free(call);
	fixture_close(f);
}

static void
test_anonymous_and_localhost(void)
{
	oc_config config = {.provider = OC_PROVIDER_OBS, .addressing = OC_ADDRESSING_VIRTUAL};
	raw_server *server = raw_open(SCRIPT({GOOD_HEAD, RAW_KEEP}));
	char endpoint[64], line[64];
	fixture *f;
	oc_call *call;

	snprintf(endpoint, sizeof endpoint, "http://localhost:%d", server->port);
	config.endpoint = endpoint;
	f = fixture_open(SCRIPT({GOOD_HEAD, RAW_KEEP}), &config);
	call = run_verb(f, OC_HEAD);
	CHECK_INT(call->status, OC_OK);
	CHECK(strncmp(server->texts[0], "HEAD /key HTTP/1.1\r\n", 20) == 0);
	snprintf(line, sizeof line, "\r\nHost: bucket.localhost:%d\r\n", server->port);
	CHECK(strstr(server->texts[0], line) != NULL);
	CHECK(strcasestr(server->texts[0], "\r\nAuthorization:") == NULL);
	oc_call_free(call);
	fixture_close(f);
	raw_close(server);
}

/* ---------------------------------------------------------------- answers that are not of the protocol */

static void
check_failure(fixture *f, oc_call *call, oc_error_class class, int http_status)
{
	int before = unit_failed;

	CHECK_INT(call->status, OC_FAILED);
	CHECK_INT(call->error.class, class);
	CHECK_INT(call->error.http_status, http_status);
	CHECK(call->error.message[0] != '\0');
	CHECK(strcmp(call->error.operation, "") != 0);
	CHECK(strncmp(call->error.object, "bucket/", 7) == 0);
	CHECK(strncmp(call->error.host, "127.0.0.1", 9) == 0);
	if (unit_failed > before)
		fprintf(stderr, "  (%s)\n", call->error.message);
	oc_call_free(call);
	if (f)
		fixture_close(f);
}

static void
test_broken_answers(void)
{
	char sink[64];
	fixture *f;

	f = fixture_open(SCRIPT({"this is not HTTP at all\r\n\r\n", RAW_CLOSE}), NULL);
	check_failure(f, run_verb(f, OC_HEAD), OC_ERR_PROTOCOL, 0);
	f = fixture_open(SCRIPT({"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 20\r\n\r\n<html>log in</html> ", RAW_KEEP}), NULL);
	check_failure(f, run_verb(f, OC_LIST), OC_ERR_PROTOCOL, 200);
	f = fixture_open(SCRIPT({"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", RAW_KEEP}), NULL);
	check_failure(f, run_verb(f, OC_PUT), OC_ERR_PROTOCOL, 200);
	f = fixture_open(SCRIPT({"HTTP/1.1 200 OK\r\n\r\n", RAW_CLOSE}), NULL);
	check_failure(f, run_verb(f, OC_HEAD), OC_ERR_PROTOCOL, 200);
	f = fixture_open(SCRIPT({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123", RAW_CLOSE}), NULL);
	check_failure(f, run_get(f, 0, 0, sink, sizeof sink), OC_ERR_NETWORK, 0);
	f = fixture_open(SCRIPT({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123", RAW_RESET}), NULL);
	check_failure(f, run_get(f, 0, 0, sink, sizeof sink), OC_ERR_NETWORK, 0);
	f = fixture_open(SCRIPT({"", RAW_CLOSE}), NULL);
	check_failure(f, run_verb(f, OC_HEAD), OC_ERR_NETWORK, 0);
}

static void
test_error_bodies(void)
{
	static const char long_error[] = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n<html>";
	fixture *f;
	oc_call *call;

	/* an error body without end is cut, a good one is refused */
	f = fixture_open(SCRIPT({long_error, RAW_ENDLESS}), NULL);
	check_failure(f, run_verb(f, OC_LIST), OC_ERR_DENIED, 403);
	f = fixture_open(SCRIPT({"HTTP/1.1 200 OK\r\n\r\n<ListBucketResult>", RAW_ENDLESS}), NULL);
	call = run_verb(f, OC_LIST);
	CHECK_INT(call->error.class, OC_ERR_LIMIT);
	oc_call_free(call);
	fixture_close(f);

	f = fixture_open(SCRIPT({"HTTP/1.1 404 Not Found\r\nContent-Length: 98\r\nx-amz-request-id: RID7\r\n\r\n"
							 "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>Gone  for\never</Message></Error>        ", RAW_KEEP}), NULL);
	call = run_verb(f, OC_GET);
	CHECK_INT(call->error.class, OC_ERR_ARGUMENT); /* no sink */
	oc_call_free(call);
	call = run_get(f, 0, 0, (char[8]){0}, 8);
	CHECK_STR(call->error.code, "NoSuchKey");
	CHECK_STR(call->error.request_id, "RID7");
	CHECK_STR(call->error.operation, "GetObject");
	CHECK_STR(call->error.object, "bucket/key");
	CHECK(strchr(call->error.message, '\n') == NULL);
	check_failure(f, call, OC_ERR_NOT_FOUND, 404);
}

static void
test_deletes(void)
{
	static const char partly[] = "HTTP/1.1 200 OK\r\nContent-Length: 129\r\n\r\n<DeleteResult><Error><Key>b</Key>"
		"<Code>AccessDenied</Code><Message>protected</Message></Error></DeleteResult>                                 ";
	const char *keys[] = {"a", "b"};
	const char *bad[] = {"a\x01"};
	fixture *f = fixture_open(SCRIPT({"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", RAW_KEEP},
									 {"HTTP/1.1 404 Not Found\r\nContent-Length: 41\r\n\r\n<Error><Code>NoSuchBucket</Code></Error>  ", RAW_KEEP},
									 {partly, RAW_KEEP}), NULL);
	oc_call *call = run_verb(f, OC_DELETE);

	CHECK_INT(call->status, OC_OK);
	oc_call_free(call);
	check_failure(NULL, run_verb(f, OC_DELETE), OC_ERR_NO_BUCKET, 404);
	call = new_call(f, OC_DELETE_MANY);
	call->keys = keys;
	call->key_count = 2;
	oc_call_run(call, NULL);
	CHECK(strstr(request_text(f, 2), "<Quiet>true</Quiet><Object><Key>a</Key></Object><Object><Key>b</Key></Object>") != NULL);
	CHECK(strcasestr(request_text(f, 2), "\r\nContent-MD5: ") != NULL);
	CHECK(strstr(call->error.message, "\"b\"") != NULL);
	check_failure(NULL, call, OC_ERR_DENIED, 200);
	call = new_call(f, OC_DELETE_MANY);
	call->keys = bad;
	call->key_count = 1;
	oc_call_run(call, NULL);
	check_failure(f, call, OC_ERR_ARGUMENT, 0);
}

static void
test_ranges(void)
{
	char sink[64] = "";
	fixture *f;
	oc_call *call;

	f = fixture_open(SCRIPT({GOOD_GET, RAW_KEEP}), NULL); /* a server that ignores Range */
	call = run_get(f, 3, 4, sink, sizeof sink);
	CHECK_INT(call->status, OC_OK);
	CHECK_INT(call->received, 4);
	CHECK_INT(call->size, 10);
	CHECK_MEM(sink, "3456", 4);
	CHECK(strstr(request_text(f, 0), "\r\nRange: bytes=3-6\r\n") != NULL);
	oc_call_free(call);
	call = run_get(f, 8, 10, sink, sizeof sink);
	CHECK_INT(call->received, 2);
	CHECK_MEM(sink, "89", 2);
	oc_call_free(call);
	check_failure(NULL, run_get(f, 10, 4, sink, sizeof sink), OC_ERR_PROTOCOL, 200);
	check_failure(NULL, run_get(f, 0, 0, sink, 9), OC_ERR_LIMIT, 200);
	call = run_get(f, 0, 0, sink, 10);
	CHECK_INT(call->status, OC_OK);
	CHECK_INT(call->received, 10);
	oc_call_free(call);
	fixture_close(f);

	f = fixture_open(SCRIPT({"HTTP/1.1 206 Partial Content\r\nContent-Length: 4\r\nContent-Range: bytes 2-5/10\r\n\r\n2345", RAW_KEEP}), NULL);
	check_failure(NULL, run_get(f, 3, 4, sink, sizeof sink), OC_ERR_PROTOCOL, 206);
	check_failure(NULL, run_get(f, 2, 3, sink, sizeof sink), OC_ERR_PROTOCOL, 206);
	check_failure(NULL, run_get(f, 2, 5, sink, sizeof sink), OC_ERR_PROTOCOL, 206);
	call = run_get(f, 2, 4, sink, sizeof sink);
	CHECK_INT(call->status, OC_OK);
	CHECK_MEM(sink, "2345", 4);
	oc_call_free(call);
	fixture_close(f);

	/* more bytes than Content-Range says */
	f = fixture_open(SCRIPT({"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-5/10\r\n\r\n23456", RAW_CLOSE}), NULL);
	check_failure(f, run_get(f, 2, 4, sink, sizeof sink), OC_ERR_PROTOCOL, 206);
}

/* A broken GET goes on at the byte reached, of the same version. */
static void
test_get_continues(void)
{
	char sink[10];
	fixture *f = fixture_open(SCRIPT({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nETag: \"v1\"\r\n\r\n0123", RAW_CLOSE},
									 {"HTTP/1.1 206 Partial\r\nContent-Length: 6\r\nContent-Range: bytes 4-9/10\r\nETag: \"v1\"\r\n\r\n45", RAW_RESET},
									 {"HTTP/1.1 206 Partial\r\nContent-Length: 4\r\nContent-Range: bytes 6-9/10\r\nETag: \"v1\"\r\n\r\n6789", RAW_KEEP}), NULL);
	oc_call *call = new_call(f, OC_GET);

	call->max_retries = 5;
	call->sink = sink;
	call->sink_size = sizeof sink;
	oc_call_run(call, NULL);
	CHECK_INT(call->status, OC_OK);
	CHECK_MEM(sink, "0123456789", 10);
	CHECK_INT(f->stats.retries, 2);
	CHECK_INT(f->stats.bytes_received, 10);
	CHECK(strstr(request_text(f, 1), "\r\nRange: bytes=4-\r\n") != NULL);
	CHECK(strstr(request_text(f, 1), "\r\nIf-Match: \"v1\"\r\n") != NULL);
	CHECK(strstr(request_text(f, 2), "\r\nRange: bytes=6-\r\n") != NULL);
	oc_call_free(call);
	fixture_close(f);

	f = fixture_open(SCRIPT({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nETag: \"v1\"\r\n\r\n0123", RAW_CLOSE},
							{"HTTP/1.1 206 Partial\r\nContent-Length: 6\r\nContent-Range: bytes 4-9/10\r\nETag: \"v2\"\r\n\r\n456789", RAW_KEEP}), NULL);
	call = new_call(f, OC_GET);
	call->max_retries = 5;
	call->sink = sink;
	call->sink_size = sizeof sink;
	oc_call_run(call, NULL);
	check_failure(f, call, OC_ERR_CHANGED, 206);
}

/* ---------------------------------------------------------------- retries and their limits */

static void
test_retry_after(void)
{
	fixture *f = fixture_open(SCRIPT({"HTTP/1.1 503 Slow Down\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n", RAW_KEEP}), NULL);
	oc_call *call = new_call(f, OC_HEAD);

	call->max_retries = 5;
	oc_call_run(call, NULL); /* an hour is beyond the deadline: no second attempt, no wait */
	CHECK_INT(f->server->requests, 1);
	check_failure(f, call, OC_ERR_THROTTLED, 503);
}

static void
test_attempts_are_counted(void)
{
	fixture *f = fixture_open(SCRIPT({"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", RAW_KEEP}), NULL);
	oc_call *call = new_call(f, OC_HEAD);

	call->max_retries = 2;
	oc_call_run(call, NULL);
	CHECK_INT(f->server->requests, 3);
	CHECK_INT(f->stats.requests, 3);
	CHECK_INT(f->stats.retries, 2);
	CHECK_STR(call->error.detail, "given up after 3 attempts");
	check_failure(f, call, OC_ERR_STORE, 500);
}

static void
test_deadline(void)
{
	fixture *f = fixture_open(SCRIPT({NULL, RAW_KEEP}), NULL);
	oc_call *call = new_call(f, OC_HEAD);

	call->timeout_ms = 50;
	oc_call_run(call, NULL);
	check_failure(f, call, OC_ERR_TIMEOUT, 0);
}

static void
test_low_speed(void)
{
	oc_config config = {.provider = OC_PROVIDER_S3, .low_speed_limit = 1000, .low_speed_time_s = 1};
	fixture *f = fixture_open(SCRIPT({NULL, RAW_KEEP}), &config);

	check_failure(f, run_verb(f, OC_HEAD), OC_ERR_TIMEOUT, 0);
}

static void
test_refused(void)
{
	oc_config config = {.provider = OC_PROVIDER_S3};
	raw_server *server = raw_open(SCRIPT({GOOD_HEAD, RAW_KEEP}));
	char endpoint[64];
	fixture *f;

	snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", server->port);
	raw_close(server); /* nobody listens there any more */
	config.endpoint = endpoint;
	f = fixture_open(SCRIPT({GOOD_HEAD, RAW_KEEP}), &config);
	check_failure(f, run_verb(f, OC_HEAD), OC_ERR_CONNECT, 0);
}

/* ---------------------------------------------------------------- redirects, proxies, addresses */

static void
test_redirect_is_not_followed(void)
{
	raw_server *other = raw_open(SCRIPT({GOOD_HEAD, RAW_KEEP}));
	char answer[200];
	raw_reply script[1] = {{answer, RAW_KEEP}};
	fixture *f;
	oc_call *call;

	snprintf(answer, sizeof answer, "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:%d/bucket/key\r\nContent-Length: 0\r\n\r\n",
			 other->port);
	f = fixture_open(script, 1, NULL);
	call = run_get(f, 0, 0, (char[8]){0}, 8);
	CHECK_INT(call->status, OC_FAILED);
	CHECK_INT(call->error.http_status, 307);
	CHECK_INT(other->connections, 0);
	oc_call_free(call);
	fixture_close(f);
	raw_close(other);
}

static void
test_proxies(void)
{
	raw_server *proxy = raw_open(SCRIPT({GOOD_HEAD, RAW_KEEP}));
	oc_config config = {.provider = OC_PROVIDER_S3};
	char url[64];
	fixture *f;
	oc_call *call;

	snprintf(url, sizeof url, "http://127.0.0.1:%d", proxy->port);
	setenv("http_proxy", url, 1);
	setenv("all_proxy", url, 1);
	setenv("no_proxy", "*", 1);
	f = fixture_open(SCRIPT({GOOD_HEAD, RAW_KEEP}), NULL);
	call = run_verb(f, OC_HEAD);
	CHECK_INT(call->status, OC_OK);
	CHECK_INT(proxy->connections, 0);
	oc_call_free(call);
	fixture_close(f);

	config.proxy = url;
	config.endpoint = "http://nowhere.test";
	f = fixture_open(SCRIPT({GOOD_HEAD, RAW_KEEP}), &config);
	call = new_call(f, OC_HEAD);
	oc_call_run(call, NULL);
	CHECK_INT(call->status, OC_OK);
	CHECK_INT(proxy->connections, 1);
	CHECK(strncmp(proxy->texts[0], "HEAD http://", 12) == 0);
	oc_call_free(call);
	fixture_close(f);
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	unsetenv("no_proxy");
	raw_close(proxy);
}

static oc_error_class
class_of_endpoint(const char *endpoint)
{
	oc_config config = {.provider = OC_PROVIDER_S3, .endpoint = endpoint, .addressing = OC_ADDRESSING_PATH};
	fixture *f = fixture_open(SCRIPT({GOOD_HEAD, RAW_KEEP}), &config);
	oc_call *call = run_verb(f, OC_HEAD);
	oc_error_class class = call->error.class;

	oc_call_free(call);
	fixture_close(f);
	return class;
}

static void
test_addresses(void)
{
	static const char *const literals[] = {"http://169.254.169.254", "http://100.100.100.200", "http://[fe80::1]",
										   "http://[fd00:ec2::254]", "http://[::ffff:169.254.1.1]"};
	oc_io *io = oc_io_open(threads, NULL);
	oc_error error;
	size_t i;

	CHECK_INT(class_of_endpoint("http://metadata.test"), OC_ERR_FORBIDDEN_ADDRESS);
	CHECK_INT(class_of_endpoint("http://mapped.test"), OC_ERR_FORBIDDEN_ADDRESS);
	CHECK_INT(class_of_endpoint("http://linklocal.test"), OC_ERR_FORBIDDEN_ADDRESS);
	CHECK_INT(class_of_endpoint("http://alibaba.test"), OC_ERR_FORBIDDEN_ADDRESS);
	CHECK_INT(class_of_endpoint("http://nowhere.test"), OC_ERR_RESOLVE);
	for (i = 0; i < sizeof literals / sizeof *literals; i++)
	{
		oc_config config = {.provider = OC_PROVIDER_S3, .endpoint = literals[i]};

		CHECK(oc_client_open(io, &config, &error) == NULL);
		CHECK_INT(error.class, OC_ERR_FORBIDDEN_ADDRESS);
	}
	oc_io_close(io);
	CHECK_INT(open_signals, 0);
}

static bool
is_allowed(const char *patterns, const char *endpoint)
{
	oc_io *io = oc_io_open(0, NULL);
	oc_config config = {.provider = OC_PROVIDER_S3, .endpoint = endpoint, .allowed_hosts = patterns};
	oc_error error = {.class = OC_ERR_NONE};
	oc_client *client = oc_client_open(io, &config, &error);
	bool allowed = client != NULL;

	CHECK_INT(error.class, allowed ? OC_ERR_NONE : OC_ERR_FORBIDDEN_ADDRESS);
	oc_client_close(client);
	oc_io_close(io);
	return allowed;
}

static void
test_allowed_hosts(void)
{
	CHECK(is_allowed("*.aliyuncs.com", "https://oss-cn-hangzhou.aliyuncs.com"));
	CHECK(is_allowed("*.ALIYUNCS.com", "https://OSS-cn-hangzhou.aliyuncs.com:8443"));
	CHECK(is_allowed("minio, *.example.org", "http://minio:9000"));
	CHECK(is_allowed("minio,*.example.org ", "http://a.example.org"));
	CHECK(is_allowed("*", "http://anything"));
	CHECK(is_allowed("a*c*e", "http://abcde"));
	CHECK(!is_allowed("*.aliyuncs.com", "https://aliyuncs.com.evil.org"));
	CHECK(!is_allowed("*.aliyuncs.com", "https://aliyuncs.com"));
	CHECK(!is_allowed("minio", "http://minio2"));
	CHECK(!is_allowed("", "http://minio"));
	CHECK(!is_allowed("a*c*e", "http://abcdef"));
}

/* ---------------------------------------------------------------- secrets */

static bool
tells(const oc_error *error, const char *secret)
{
	return strstr(error->message, secret) || strstr(error->detail, secret) || strstr(error->code, secret) ||
		   strstr(error->object, secret) || strstr(error->host, secret);
}

static void
test_secrets_stay_secret(void)
{
	static const char echo[] = "<Error><Code>InvalidArgument</Code><Message>got @AUTHORIZATION@ with " SECRET " and " TOKEN
							   "</Message></Error>";
	static const struct
	{
		oc_provider provider;
		oc_signature signature;
		const char *mark;
	} rows[] = {{OC_PROVIDER_OSS, OC_SIGNATURE_V4, "Signature="},
				{OC_PROVIDER_OSS, OC_SIGNATURE_V1, "OSS the-id:"},
				{OC_PROVIDER_OBS, OC_SIGNATURE_V4, "OBS the-id:"},
				{OC_PROVIDER_S3, OC_SIGNATURE_V4, "Signature="}};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++)
	{
		oc_config config = {.provider = rows[i].provider, .signature = rows[i].signature, .region = "cn-hangzhou",
							.access_key_id = "the-id", .access_key_secret = SECRET, .security_token = TOKEN,
							.addressing = OC_ADDRESSING_PATH};
		fixture *f = fixture_open(SCRIPT({echo, RAW_ECHO}), &config);
		oc_call *call = run_get(f, 0, 0, (char[8]){0}, 8);
		const char *mark = strstr(request_text(f, 0), rows[i].mark);
		char signature[128] = "";

		CHECK_INT(call->status, OC_FAILED);
		CHECK_STR(call->error.code, "InvalidArgument");
		CHECK(strncmp(call->error.message, "got ", 4) == 0);
		if (CHECK(mark != NULL))
			sscanf(mark + strlen(rows[i].mark), "%127[^\r]", signature);
		CHECK(strlen(signature) >= 20);
		CHECK(!tells(&call->error, signature));
		CHECK(!tells(&call->error, SECRET));
		CHECK(!tells(&call->error, TOKEN));
		oc_call_free(call);
		fixture_close(f);
	}
}

static void
test_arguments(void)
{
	fixture *f = fixture_open(SCRIPT({GOOD_HEAD, RAW_KEEP}), NULL);
	oc_header bad[3] = {{"x-amz-meta-a", "v\r\nEvil: 1"}, {"x: y", "v"}, {"", "v"}};
	oc_call *call;
	int i;

	for (i = 0; i < 3; i++)
	{
		call = new_call(f, OC_PUT);
		call->headers = &bad[i];
		call->header_count = 1;
		oc_call_run(call, NULL);
		check_failure(NULL, call, OC_ERR_ARGUMENT, 0);
	}
	check_failure(NULL, run_verb(f, OC_COMPLETE), OC_ERR_ARGUMENT, 0);
	check_failure(NULL, run_verb(f, OC_ABORT), OC_ERR_ARGUMENT, 0);
	check_failure(NULL, run_verb(f, OC_DELETE_MANY), OC_ERR_ARGUMENT, 0);
	call = new_call(f, OC_UPLOAD_PART);
	call->upload_id = "u";
	call->part_number = 10001;
	oc_call_run(call, NULL);
	check_failure(NULL, call, OC_ERR_ARGUMENT, 0);
	call = new_call(f, OC_HEAD);
	call->key = "";
	oc_call_run(call, NULL);
	check_failure(NULL, call, OC_ERR_ARGUMENT, 0);
	CHECK_INT(f->server->requests, 0);
	CHECK_INT(f->stats.requests, 0);
	fixture_close(f);
}

static void
run_all(void)
{
	test_connection_is_kept();
	test_dead_connection();
	test_head_of_requests();
	test_anonymous_and_localhost();
	test_broken_answers();
	test_error_bodies();
	test_deletes();
	test_ranges();
	test_get_continues();
	test_retry_after();
	test_attempts_are_counted();
	test_deadline();
	test_low_speed();
	test_refused();
	test_redirect_is_not_followed();
	test_proxies();
	test_addresses();
	test_secrets_stay_secret();
	test_arguments();
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	alarm(300); /* a hang is a failure, not a wait */
	main_thread = pthread_self();
	CHECK(oc_library_open());
	for (threads = 1; threads >= 0; threads--)
		run_all();
	test_allowed_hosts();
	oc_library_close();
	return unit_done();
}
