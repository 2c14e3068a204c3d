/*
 * http_util.h
 *	  What the tests of the HTTP client share: names that resolve as a test wants, a fixture of scripted server, oc_io and
 *	  client, and calls on it.
 */
#ifndef HTTP_UTIL_H
#define HTTP_UTIL_H

#include "../../oss_fdw/core/oc.h"

#include <dlfcn.h>
#include <netdb.h>
#include <signal.h>

#include "raw_server.h"
#include "unit.h"

static int threads;				 /* of the current round */
static _Atomic bool name_asked;	 /* hang.test is being looked up */
static _Atomic bool name_free;	 /* and may return now */
static _Atomic bool name_returned;
static _Atomic int open_signals; /* signals that a resolver thread had unblocked */
static pthread_t main_thread;

/* ---------------------------------------------------------------- names */

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	/* looked up each time: several threads come here */
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
		(int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **)) dlsym(RTLD_NEXT, "getaddrinfo");
	sigset_t mask;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	if (!pthread_equal(pthread_self(), main_thread))
		open_signals += !sigismember(&mask, SIGTERM) + !sigismember(&mask, SIGURG) + !sigismember(&mask, SIGALRM);
	if (node && strcmp(node, "hang.test") == 0)
	{
		atomic_store(&name_asked, true);
		while (!atomic_load(&name_free))
			usleep(1000);
		atomic_store(&name_returned, true);
		return EAI_AGAIN;
	}
	if (node && strcmp(node, "metadata.test") == 0)
		node = "169.254.169.254";
	else if (node && strcmp(node, "mapped.test") == 0)
		node = "::ffff:169.254.169.254";
	else if (node && strcmp(node, "linklocal.test") == 0)
		node = "fe80::1";
	else if (node && strcmp(node, "alibaba.test") == 0)
		node = "100.100.100.200";
	else if (node && strcmp(node, "here.test") == 0)
		node = "127.0.0.1";
	else if (node && strcmp(node, "nowhere.test") == 0)
		return EAI_NONAME;
	return real(node, service, hints, result);
}

/* ---------------------------------------------------------------- small helpers */

typedef struct fixture
{
	raw_server *server;
	oc_io *io;
	oc_client *client;
	char endpoint[128];
	oc_stats stats;
} fixture;

static inline fixture *
fixture_open(const raw_reply *script, int size, const oc_config *more)
{
	fixture *f = calloc(1, sizeof *f);
	oc_config config = more ? *more : (oc_config){.provider = OC_PROVIDER_S3};
	oc_error error;

	f->server = raw_open(script, size);
	snprintf(f->endpoint, sizeof f->endpoint, "http://127.0.0.1:%d", f->server->port);
	if (config.endpoint == NULL)
		config.endpoint = f->endpoint;
	f->io = oc_io_open(threads, &error);
	f->client = oc_client_open(f->io, &config, &error);
	if (!CHECK(f->io != NULL && f->client != NULL))
	{
		fprintf(stderr, "%s\n", error.message);
		exit(1);
	}
	return f;
}

static inline void
fixture_close(fixture *f)
{
	oc_client_close(f->client);
	oc_io_close(f->io);
	raw_close(f->server);
	free(f);
}

static inline oc_call *
new_call(fixture *f, oc_verb verb)
{
	oc_call *call = oc_call_new(f->client, verb);

	call->bucket = "bucket";
	call->key = "key";
	call->max_retries = -1;
	call->stats = &f->stats;
	return call;
}

static inline oc_call *
run_verb(fixture *f, oc_verb verb)
{
	oc_call *call = new_call(f, verb);

	oc_call_run(call, NULL);
	return call;
}

static inline oc_call *
run_get(fixture *f, uint64_t start, uint64_t size, char *sink, size_t sink_size)
{
	oc_call *call = new_call(f, OC_GET);

	call->range_start = start;
	call->range_size = size;
	call->sink = sink;
	call->sink_size = sink_size;
	oc_call_run(call, NULL);
	return call;
}

#define GOOD_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nETag: \"abc\"\r\nLast-Modified: Fri, 02 Jan 2026 03:04:05 GMT\r\n\r\n"
#define GOOD_GET "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nETag: \"abc\"\r\n\r\n0123456789"
#define SCRIPT(...) (const raw_reply[]){__VA_ARGS__}, (int) (sizeof((raw_reply[]){__VA_ARGS__}) / sizeof(raw_reply))

static inline int
gives_up(void *arg, int fd, int timeout_ms)
{
	int *times = arg;

	(void) fd;
	(void) timeout_ms;
	return --*times <= 0;
}

static inline const char *
request_text(const fixture *f, int index)
{
	const char *text = f->server->texts[index];

	return text ? text : "";
}

#endif
