/*
 * oc_http.c
 *	  Exchanges over the wire: one HTTP request and its answer each, on one curl_multi.  The only user of libcurl.
 *
 *	  oc_exchange_start -> easy handle from the idle ones -> libcurl (driven by oc_wire_perform)
 *	  -> headers (oc_answer.c) -> on_head -> body into the sink or the document -> on_done
 *
 * All of it runs on the thread that drives the oc_io.  Connections, addresses and TLS sessions are kept for
 * the life of the wire and need no locks, for nobody else has them.
 */
#include "oc_call_int.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

#define IDLE_MAX 64				   /* easy handles and connections kept */
#define HOST_CONNECTIONS 64
#define TRANSFER_BUFFER (512L * 1024)
#define CONNECTION_LIFETIME_S 900L /* then certificates and addresses are looked at again */

/* An easy handle with what one transfer needs; recycled. */
struct oc_transfer
{
	CURL *easy;
	struct curl_slist *headers;
	struct curl_slist *resolve;
	oc_exchange *exchange;
	int64_t started_us;
	bool interim; /* these headers are of a 1xx answer */
	char errors[CURL_ERROR_SIZE];
};

struct oc_wire
{
	CURLM *multi;
	CURLSH *share; /* TLS sessions; one thread, so without lock functions */
	oc_transfer *idle[IDLE_MAX];
	int idle_count;
};

static int library_count; /* oc_library_open is called from the main thread only */

static oc_transfer *transfer_take(oc_wire *wire);
static void transfer_put(oc_wire *wire, oc_transfer *transfer);
static void transfer_free(oc_transfer *transfer);
static bool transfer_headers(oc_transfer *transfer, const oc_exchange *exchange);
static void set_fixed_options(CURL *easy);
static void set_client_options(CURL *easy, const oc_client *client);
static void set_request_options(oc_transfer *transfer, const oc_exchange *exchange);
static void set_file_options(oc_transfer *transfer);
static void transfer_finish(oc_wire *wire, oc_transfer *transfer, CURLcode code);
static void transfer_measure(const oc_transfer *transfer, oc_exchange *exchange);
static void transfer_error(const oc_transfer *transfer, oc_exchange *exchange, CURLcode code);
static oc_error_class classify(CURLcode code, bool *retryable);
static size_t on_header(char *data, size_t one, size_t size, void *arg);
static size_t on_body(char *data, size_t one, size_t size, void *arg);
static size_t on_read(char *target, size_t one, size_t room, void *arg);
static int on_seek(void *arg, curl_off_t offset, int origin);
static bool store_in_sink(oc_exchange *exchange, const char *data, size_t size);
static bool store_in_document(oc_exchange *exchange, const char *data, size_t size);
#if LIBCURL_VERSION_NUM >= 0x075000
static int on_send(void *arg, char *address, char *local_address, int port, int local_port);
#endif
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address);

/* ---------------------------------------------------------------- library, wire */

bool
oc_library_open(void)
{
	if (library_count == 0 && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	library_count++;
	return true;
}

void
oc_library_close(void)
{
	if (library_count > 0 && --library_count == 0)
		curl_global_cleanup();
}

oc_wire *
oc_wire_open(void)
{
	oc_wire *wire = calloc(1, sizeof *wire);

	if (wire == NULL)
		return NULL;
	wire->multi = curl_multi_init();
	wire->share = curl_share_init();
	if (wire->multi == NULL || wire->share == NULL)
	{
		oc_wire_close(wire);
		return NULL;
	}
	curl_share_setopt(wire->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	curl_multi_setopt(wire->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long) HOST_CONNECTIONS);
	curl_multi_setopt(wire->multi, CURLMOPT_MAXCONNECTS, (long) IDLE_MAX);
	curl_multi_setopt(wire->multi, CURLMOPT_PIPELINING, (long) CURLPIPE_NOTHING);
	return wire;
}

/* No exchange is in flight. */
void
oc_wire_close(oc_wire *wire)
{
	if (wire == NULL)
		return;
	while (wire->idle_count > 0)
		transfer_free(wire->idle[--wire->idle_count]);
	if (wire->multi)
		curl_multi_cleanup(wire->multi);
	if (wire->share)
		curl_share_cleanup(wire->share);
	free(wire);
}

void
oc_wire_perform(oc_wire *wire)
{
	CURLMsg *message;
	int count;

	curl_multi_perform(wire->multi, &count);
	while ((message = curl_multi_info_read(wire->multi, &count)) != NULL)
	{
		char *private = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		transfer_finish(wire, (oc_transfer *) private, message->data.result);
	}
}

void
oc_wire_sleep(oc_wire *wire, int timeout_ms)
{
	curl_multi_poll(wire->multi, NULL, 0, timeout_ms, NULL);
}

void
oc_wire_wake(oc_wire *wire)
{
	curl_multi_wakeup(wire->multi);
}

/* ---------------------------------------------------------------- exchanges */

void
oc_exchange_init(oc_exchange *exchange)
{
	memset(exchange, 0, sizeof *exchange);
	oc_buf_init(&exchange->url, 8192);
	oc_buf_init(&exchange->headers, 64 * 1024);
	oc_buf_init(&exchange->document, OC_XML_BODY_MAX);
	oc_answer_init(&exchange->answer, 0);
}

void
oc_exchange_free(oc_exchange *exchange)
{
	oc_wipe(exchange->headers.data, exchange->headers.size);
	oc_buf_free(&exchange->url);
	oc_buf_free(&exchange->headers);
	oc_buf_free(&exchange->document);
}

bool
oc_exchange_start(oc_wire *wire, oc_exchange *exchange)
{
	oc_transfer *transfer = transfer_take(wire);

	oc_buf_reset(&exchange->document);
	oc_answer_init(&exchange->answer, 0);
	exchange->head_done = exchange->full = exchange->forbidden = false;
	exchange->error.class = OC_ERR_NONE;
	exchange->stored = 0;
	exchange->sends = 0;
	exchange->body_offset = 0;
	exchange->bytes_sent = exchange->bytes_received = 0;
	if (transfer == NULL || !transfer_headers(transfer, exchange))
	{
		if (transfer)
			transfer_put(wire, transfer);
		oc_error_set(&exchange->error, OC_ERR_MEMORY, "out of memory");
		return false;
	}
	transfer->exchange = exchange;
	transfer->interim = false;
	transfer->errors[0] = '\0';
	transfer->started_us = oc_now_us();
	set_fixed_options(transfer->easy);
	curl_easy_setopt(transfer->easy, CURLOPT_SHARE, wire->share);
	set_client_options(transfer->easy, exchange->client);
	set_request_options(transfer, exchange);
	if (curl_multi_add_handle(wire->multi, transfer->easy) != CURLM_OK)
	{
		transfer_put(wire, transfer);
		oc_error_set(&exchange->error, OC_ERR_MEMORY, "the HTTP library refused the request");
		return false;
	}
	exchange->transfer = transfer;
	return true;
}

void
oc_exchange_abandon(oc_wire *wire, oc_exchange *exchange)
{
	oc_transfer *transfer = exchange->transfer;

	if (transfer == NULL)
		return;
	transfer_measure(transfer, exchange);
	curl_multi_remove_handle(wire->multi, transfer->easy);
	transfer_put(wire, transfer);
}

static oc_transfer *
transfer_take(oc_wire *wire)
{
	oc_transfer *transfer;

	if (wire->idle_count > 0)
		return wire->idle[--wire->idle_count];
	transfer = calloc(1, sizeof *transfer);
	if (transfer == NULL)
		return NULL;
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
	{
		free(transfer);
		return NULL;
	}
	return transfer;
}

static void
transfer_put(oc_wire *wire, oc_transfer *transfer)
{
	struct curl_slist *item;

	/* reset first: the handle still points to the lists */
	curl_easy_reset(transfer->easy);
	for (item = transfer->headers; item; item = item->next)
		oc_wipe(item->data, strlen(item->data));
	curl_slist_free_all(transfer->headers);
	curl_slist_free_all(transfer->resolve);
	transfer->headers = transfer->resolve = NULL;
	transfer->exchange = NULL;
	if (wire->idle_count < IDLE_MAX)
		wire->idle[wire->idle_count++] = transfer;
	else
		transfer_free(transfer);
}

static void
transfer_free(oc_transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	free(transfer);
}

static bool
transfer_headers(oc_transfer *transfer, const oc_exchange *exchange)
{
	const char *header = exchange->headers.data;
	int i;

	for (i = 0; i < exchange->header_count; i++, header += strlen(header) + 1)
	{
		struct curl_slist *list = curl_slist_append(transfer->headers, header);

		if (list == NULL)
			return false;
		transfer->headers = list;
	}
	if (exchange->resolve)
		transfer->resolve = curl_slist_append(NULL, exchange->resolve);
	return exchange->resolve == NULL || transfer->resolve != NULL;
}

/* What is the same for every request: safety first, then speed. */
static void
set_fixed_options(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS, 0L);
#endif
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L); /* a signature does not survive it, and must not leak */
	curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* else "a/../b" is signed differently from what is sent */
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	/* HTTP/2 degrades large uploads, and separate connections scale better anyway */
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, TRANSFER_BUFFER);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, TRANSFER_BUFFER);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_TRANSFER_DECODING, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L); /* stored bytes are what we want */
#if LIBCURL_VERSION_NUM >= 0x075000
	curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, CONNECTION_LIFETIME_S);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* never join a hanging resolver thread */
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CONNECTION_LIFETIME_S);
#endif
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "oss_fdw/1.0");
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
}

static void
set_client_options(CURL *easy, const oc_client *client)
{
	/* an empty string, not NULL: the environment must not choose a proxy */
	curl_easy_setopt(easy, CURLOPT_PROXY, client->proxy ? client->proxy : "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, client->insecure_tls ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, client->insecure_tls ? 0L : 2L);
	if (client->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, client->connect_timeout_ms);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, client->low_speed_limit);
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, client->dns_cache_timeout_s);
}

/*
 * Bodies go as POSTFIELDS under another method name: libcurl then reads our memory itself, rewinds it when a kept
 * connection turns out dead, and sends a small body in one packet with the headers.  A body in a file makes the same request; libcurl
 * asks for its bytes, and for a rewind.
 */
static void
set_request_options(oc_transfer *transfer, const oc_exchange *exchange)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->errors);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
#if LIBCURL_VERSION_NUM >= 0x075000
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
#endif
	curl_easy_setopt(easy, CURLOPT_URL, exchange->url.data);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	if (transfer->resolve)
		curl_easy_setopt(easy, CURLOPT_RESOLVE, transfer->resolve);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, exchange->low_speed_time_s);
	if (exchange->timeout_ms > 0)
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, exchange->timeout_ms);
	if (exchange->has_body)
	{
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) exchange->body_size);
		if (exchange->body_file)
			set_file_options(transfer);
		else
			curl_easy_setopt(easy, CURLOPT_POSTFIELDS, exchange->body_size > 0 ? exchange->body : "");
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->method);
	}
	else if (strcmp(exchange->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else
	{
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->method);
	}
}

static void
set_file_options(oc_transfer *transfer)
{
	curl_easy_setopt(transfer->easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(transfer->easy, CURLOPT_READDATA, transfer);
	curl_easy_setopt(transfer->easy, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(transfer->easy, CURLOPT_SEEKDATA, transfer);
}

static void
transfer_finish(oc_wire *wire, oc_transfer *transfer, CURLcode code)
{
	oc_exchange *exchange = transfer->exchange;

	transfer_measure(transfer, exchange);
	if (code == CURLE_OK && !exchange->head_done && exchange->answer.status != 0)
	{
		/* no byte of a body came */
		exchange->head_done = true;
		exchange->on_head(exchange); /* may set the error */
	}
	if (exchange->error.class == OC_ERR_NONE && code != CURLE_OK && !exchange->full)
		transfer_error(transfer, exchange, code);
	else if (exchange->error.class == OC_ERR_NONE && exchange->answer.status == 0)
	{
		oc_error_set(&exchange->error, OC_ERR_PROTOCOL, "the answer has no HTTP status");
		exchange->error.retryable = true;
	}
	curl_multi_remove_handle(wire->multi, transfer->easy);
	transfer_put(wire, transfer);
	exchange->on_done(exchange);
}

static void
transfer_measure(const oc_transfer *transfer, oc_exchange *exchange)
{
	curl_off_t sent = 0;
	curl_off_t since_start = 0;

	exchange->transfer = NULL;
	if (curl_easy_getinfo(transfer->easy, CURLINFO_NAMELOOKUP_TIME_T, &since_start) == CURLE_OK)
		exchange->resolve_us = (long) since_start;
	if (curl_easy_getinfo(transfer->easy, CURLINFO_CONNECT_TIME_T, &since_start) == CURLE_OK)
		exchange->connect_us = (long) since_start;
	if (curl_easy_getinfo(transfer->easy, CURLINFO_APPCONNECT_TIME_T, &since_start) == CURLE_OK)
		exchange->tls_us = (long) since_start;
	exchange->elapsed_us = (long) (oc_now_us() - transfer->started_us);
	curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	exchange->bytes_sent = (uint64_t) sent;
}

static void
transfer_error(const oc_transfer *transfer, oc_exchange *exchange, CURLcode code)
{
	const char *text = transfer->errors[0] ? transfer->errors : curl_easy_strerror(code);
	bool retryable;
	oc_error_class class = classify(code, &retryable);

	if (exchange->forbidden)
	{
		class = OC_ERR_FORBIDDEN_ADDRESS;
		retryable = false;
		text = "the host resolves to a link-local or metadata address, which is never contacted";
	}
	oc_error_set(&exchange->error, class, "%s", text);
	exchange->error.retryable = retryable;
}

static oc_error_class
classify(CURLcode code, bool *retryable)
{
	*retryable = true;
	switch (code)
	{
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_RESOLVE_PROXY:
			return OC_ERR_RESOLVE;
		case CURLE_COULDNT_CONNECT:
			return OC_ERR_CONNECT;
		case CURLE_OPERATION_TIMEDOUT:
			return OC_ERR_TIMEOUT;
		case CURLE_SSL_CONNECT_ERROR: /* also a reset during the handshake */
			return OC_ERR_TLS;
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_SSL_CERTPROBLEM:
		case CURLE_SSL_ISSUER_ERROR:
		case CURLE_SSL_CIPHER:
			*retryable = false;
			return OC_ERR_TLS;
		case CURLE_OUT_OF_MEMORY:
			*retryable = false;
			return OC_ERR_MEMORY;
		case CURLE_URL_MALFORMAT:
			*retryable = false;
			return OC_ERR_ARGUMENT;
		case CURLE_WEIRD_SERVER_REPLY:
		case CURLE_UNSUPPORTED_PROTOCOL: /* an answer without an HTTP head */
		case CURLE_BAD_CONTENT_ENCODING:
			*retryable = false;
			return OC_ERR_PROTOCOL;
		default:
			return OC_ERR_NETWORK;
	}
}

/* ---------------------------------------------------------------- libcurl's callbacks; I/O thread */

static size_t
on_header(char *data, size_t one, size_t size, void *arg)
{
	oc_transfer *transfer = arg;
	oc_exchange *exchange = transfer->exchange;
	const oc_dialect *dialect = exchange->client->dialect;

	(void) one;
	if (size > 5 && strncasecmp(data, "HTTP/", 5) == 0)
	{
		long status = 0;

		curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
		transfer->interim = status < 200; /* 100 Continue, or the proxy's tunnel */
		oc_buf_reset(&exchange->document);
		oc_answer_init(&exchange->answer, transfer->interim ? 0 : (int) status);
	}
	else if (!transfer->interim)
		oc_answer_header(&exchange->answer, dialect->header_prefix, data, size, &exchange->document);
	return size;
}

static size_t
on_body(char *data, size_t one, size_t size, void *arg)
{
	oc_transfer *transfer = arg;
	oc_exchange *exchange = transfer->exchange;

	(void) one;
	if (!exchange->head_done)
	{
		exchange->head_done = true;
		if (!exchange->on_head(exchange))
			return 0;
	}
	exchange->bytes_received += size;
	if (exchange->sink)
		return store_in_sink(exchange, data, size) ? size : 0;
	return store_in_document(exchange, data, size) ? size : 0;
}

/* Of an error only the beginning matters; of a good answer every byte. */
static bool
store_in_document(oc_exchange *exchange, const char *data, size_t size)
{
	bool good = exchange->answer.status >= 200 && exchange->answer.status < 300;
	size_t room = (good ? OC_XML_BODY_MAX : OC_ERROR_BODY_MAX) - exchange->document.size;

	if (oc_buf_append(&exchange->document, data, size < room ? size : room) && size <= room)
		return true;
	if (good)
		oc_error_set(&exchange->error, OC_ERR_LIMIT, "the store's answer is longer than %zu bytes", OC_XML_BODY_MAX);
	else
		exchange->full = true;
	return false;
}

static bool
store_in_sink(oc_exchange *exchange, const char *data, size_t size)
{
	if (exchange->skip > 0)
	{
		size_t dropped = exchange->skip < size ? (size_t) exchange->skip : size;

		exchange->skip -= dropped;
		data += dropped;
		size -= dropped;
	}
	if (size > exchange->sink_room - exchange->stored)
	{
		if (!exchange->stop_when_full)
		{
			oc_error_set(&exchange->error, OC_ERR_PROTOCOL, "the store sent more than the %zu bytes asked for",
						 exchange->sink_room);
			return false;
		}
		size = exchange->sink_room - exchange->stored;
	}
	if (size > 0)
		memcpy(exchange->sink + exchange->stored, data, size);
	exchange->stored += size;
	if (exchange->stop_when_full && exchange->stored == exchange->sink_room)
	{
		exchange->full = true;
		return false;
	}
	return true;
}

/* The next bytes of a body in a file.  A file that cannot be read ends the request for good. */
static size_t
on_read(char *target, size_t one, size_t room, void *arg)
{
	oc_exchange *exchange = ((oc_transfer *) arg)->exchange;
	uint64_t left = exchange->body_size - exchange->body_offset;
	size_t size = one * room;
	int failure;

	if (size > left)
		size = (size_t) left;
	failure = oc_spill_read(exchange->body_file, exchange->body_offset, target, size);
	if (failure != 0)
	{
		oc_spill_fail(exchange->body_file, "read", failure, &exchange->error);
		return CURL_READFUNC_ABORT;
	}
	exchange->body_offset += size;
	return size;
}

static int
on_seek(void *arg, curl_off_t offset, int origin)
{
	oc_exchange *exchange = ((oc_transfer *) arg)->exchange;

	if (origin != SEEK_SET || offset < 0 || (uint64_t) offset > exchange->body_size)
		return CURL_SEEKFUNC_CANTSEEK;
	exchange->body_offset = (uint64_t) offset;
	return CURL_SEEKFUNC_OK;
}

#if LIBCURL_VERSION_NUM >= 0x075000
static int
on_send(void *arg, char *address, char *local_address, int port, int local_port)
{
	oc_transfer *transfer = arg;

	(void) address;
	(void) local_address;
	(void) port;
	(void) local_port;
	transfer->exchange->sends++;
	return CURL_PREREQFUNC_OK;
}
#endif

/* Names can resolve anywhere, so the address itself is judged. */
static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	oc_transfer *transfer = arg;
	const void *bytes = NULL;

	if (address->family == AF_INET)
		bytes = &((const struct sockaddr_in *) &address->addr)->sin_addr;
	else if (address->family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *) &address->addr)->sin6_addr;
	if (purpose != CURLSOCKTYPE_IPCXN || bytes == NULL || oc_address_is_forbidden(address->family, bytes))
	{
		transfer->exchange->forbidden = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}
