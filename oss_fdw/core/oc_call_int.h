/*
 * oc_call_int.h
 *	  What the files of the HTTP client share: oc_client.c, oc_io.c, oc_http.c, oc_answer.c,
 *	  oc_request.c, oc_object.c.  Nobody else includes it.
 *
 * A call goes down   oc_call_start -> task (oc_http.c's thread) -> attempt (oc_request.c)
 *					  -> message (oc_object.c) -> exchange (oc_http.c) -> libcurl
 * and comes back up  libcurl -> exchange + answer (oc_answer.c) -> verdict (oc_object.c)
 *					  -> finish, wait for a timer, or ask by HEAD (oc_request.c) -> the owner
 */
#ifndef OC_CALL_INT_H
#define OC_CALL_INT_H

#include "oc_int.h"

#include <stdatomic.h>

typedef struct oc_wire oc_wire; /* a curl_multi with its kept connections */

/* ---- oc_io.c: tasks on the I/O thread */

typedef enum oc_task_state
{
	OC_TASK_NEW,
	OC_TASK_ACTIVE,
	OC_TASK_DONE,
} oc_task_state;

/* Something that lives on the I/O thread for a while; embedded in its owner.  The three functions run there. */
typedef struct oc_task
{
	struct oc_task *next; /* in the inbox (locked) or in the live list (I/O thread only) */
	struct oc_task *previous;
	_Atomic int state;	  /* oc_task_state; DONE is stored under the lock, read without */
	_Atomic bool cancel;  /* any thread sets it */
	int64_t due_us;		  /* timer on oc_now_us's clock; 0 = none */
	void (*begin)(struct oc_task *task);
	void (*due)(struct oc_task *task);
	void (*stop)(struct oc_task *task); /* cancelled: must lead to oc_io_done before it returns */
} oc_task;

extern void oc_io_submit(oc_io *io, oc_task *task);		   /* any thread */
/*
 * The same, from an owner that will call oc_io_wait or oc_io_wait_task next (or oc_io_cancel): a parked thread is not woken, the owner drives
 * the task there for its first moments.
 */
extern void oc_io_submit_quietly(oc_io *io, oc_task *task);
extern void oc_io_submit_here(oc_io *io, oc_task *task);   /* I/O thread: begins it at once */
extern void oc_io_cancel(oc_io *io, oc_task *task);		   /* any thread; does not wait */
extern void oc_io_await_done(oc_io *io, oc_task *task);	   /* not on the I/O thread; milliseconds after a cancel */
/* I/O thread: the last touch; whoever waits for the task may free it while this returns. */
extern void oc_io_done(oc_io *io, oc_task *task);
/* Sleeps until the task is done; OC_CANCELLED: the waiter gave up, the task goes on. */
extern oc_status oc_io_wait_task(oc_io *io, const oc_task *task, const oc_waiter *waiter);
extern oc_wire *oc_io_wire(oc_io *io);
extern double oc_io_random(oc_io *io); /* [0, 1); I/O thread */

/* ---- oc_answer.c: the head of an answer */

typedef struct oc_answer
{
	int status;				/* HTTP status; 0 = none yet */
	char etag[72];			/* quotes kept */
	char request_id[80];
	char ec[40];
	char storage_class[32];
	char token[64];
	char encryption[32];
	char content_type[64];
	char region[64];		/* the region that the store says the bucket has */
	int64_t content_length; /* -1 = not told */
	bool range_known;
	uint64_t range_start;
	uint64_t range_end;		/* inclusive, as in Content-Range */
	uint64_t range_total;
	bool date_known;
	time_t date;
	int64_t last_modified;	/* microseconds since 1970; 0 = not told */
	bool crc64_known;
	uint64_t crc64;
	long retry_after_s;		/* -1 = not told */
} oc_answer;

extern void oc_answer_init(oc_answer *answer, int status);
/* document receives the decoded x-oss-err, which stands for the body that a HEAD cannot have. */
extern void oc_answer_header(oc_answer *answer, const char *prefix, const char *line, size_t size, oc_buf *document);
/* 32 hexadecimal digits, with or without quotes */
extern bool oc_etag_is_md5(const char *etag);
extern bool oc_etag_equals_md5(const char *etag, const unsigned char md5[16]);

/* ---- oc_http.c: one HTTP request and its answer */

#define OC_ERROR_BODY_MAX ((size_t) 64 * 1024)
#define OC_XML_BODY_MAX ((size_t) 16 * 1024 * 1024)

extern oc_wire *oc_wire_open(void); /* NULL: no memory */
extern void oc_wire_close(oc_wire *wire);
extern void oc_wire_perform(oc_wire *wire); /* all that can be done without waiting */
extern void oc_wire_sleep(oc_wire *wire, int timeout_ms); /* until a socket, a timer or oc_wire_wake */
extern void oc_wire_wake(oc_wire *wire);	/* any thread */

typedef struct oc_transfer oc_transfer; /* an easy handle and what belongs to it */

typedef struct oc_exchange
{
	/* request; all memory stays until done */
	const oc_client *client;
	const char *method;
	oc_buf url;
	oc_buf headers;			/* "Name: value" strings, NUL-separated; "Name:" suppresses what libcurl would add */
	int header_count;
	const char *resolve;	/* "host:port:address" for names that need no DNS, or NULL */
	const void *body;
	const oc_spill *body_file; /* or here */
	size_t body_size;
	bool has_body;
	long timeout_ms;		/* of this attempt; 0 = only the low-speed limit */
	long low_speed_time_s;
	/* called once, before the first byte of the body; may set sink and skip.  false: error is set, stop */
	bool (*on_head)(struct oc_exchange *exchange);
	/* called on the I/O thread when all is over; may start the exchange again */
	void (*on_done)(struct oc_exchange *exchange);
	void *owner;

	/* where the body goes: sink when not NULL, else document */
	char *sink;
	size_t sink_room;
	uint64_t skip;			/* bytes to drop first */
	bool stop_when_full;	/* the rest is not wanted: end the transfer as a success */
	size_t stored;			/* bytes put into sink */
	oc_buf document;

	/* the answer */
	oc_answer answer;
	bool head_done;
	bool full;				/* stopped by stop_when_full */
	bool forbidden;			/* an address was refused */
	oc_error error;			/* class OC_ERR_NONE: there is an answer */
	uint64_t body_offset;	/* of body_file: read so far */
	int sends;				/* more than one: libcurl sent it again when a kept connection broke */
	uint64_t bytes_sent;
	uint64_t bytes_received;
	long elapsed_us;
	long resolve_us; /* as in oc_call */
	long connect_us;
	long tls_us;
	oc_transfer *transfer;	/* while in flight */
} oc_exchange;

extern void oc_exchange_init(oc_exchange *exchange);
extern void oc_exchange_free(oc_exchange *exchange);
/* I/O thread.  false: exchange->error is set, on_done is not called. */
extern bool oc_exchange_start(oc_wire *wire, oc_exchange *exchange);
/* I/O thread: ends it without on_done. */
extern void oc_exchange_abandon(oc_wire *wire, oc_exchange *exchange);

/* ---- oc_client.c */

struct oc_client
{
	oc_io *io;
	const oc_dialect *dialect;
	oc_endpoint endpoint;
	oc_addressing addressing;
	oc_signature signature;
	char *region;
	oc_credentials credentials; /* all NULL: anonymous; strings owned */
	char *proxy;
	char *ca_file;
	bool insecure_tls;
	long connect_timeout_ms;
	long low_speed_limit;
	long low_speed_time_s;
	long dns_cache_timeout_s;
	int max_retries;			/* attempts after the first */
	long retry_timeout_ms;
	_Atomic long skew_s;		/* added to the local clock when signing */
};

/* Where a request goes. */
typedef struct oc_target
{
	char host[400];		/* as in the Host header: bucket, brackets and port included */
	bool bucket_in_path;
	bool own_domain;	/* the endpoint is the bucket's own */
	char resolve[420];	/* "" or "host:port:127.0.0.1" for names below .localhost */
} oc_target;

extern bool oc_client_target(const oc_client *client, const char *bucket, oc_target *target, oc_error *error);
/* link-local and metadata addresses; address is an in_addr or in6_addr */
extern bool oc_address_is_forbidden(int family, const void *address);
/* Replaces what is secret by *** in the message and detail. */
extern void oc_client_redact(const oc_client *client, const char *authorization, oc_error *error);

/* ---- oc_object.c: verbs */

#define OC_MESSAGE_ARENA 2048

/* A request in words: what the verbs make of a call, before it is signed and encoded. */
typedef struct oc_message
{
	const char *method;
	oc_pair query[OC_SIGN_MAX_QUERY];
	int query_count;
	oc_pair headers[OC_SIGN_MAX_HEADERS];
	int header_count;
	const void *body;
	const oc_spill *body_file;
	size_t body_size;
	bool has_body;
	bool failed;				 /* too many headers */
	char arena[OC_MESSAGE_ARENA]; /* texts of this message */
	size_t arena_used;
} oc_message;

struct oc_call_private
{
	oc_task task; /* first: a task is cast to this */
	oc_call *call;
	oc_client *client;
	oc_exchange exchange;
	int attempts;		   /* sent so far */
	int max_attempts;
	int64_t deadline_us;
	bool deadline_is_hard; /* asked for by the call: cuts bulk transfers too */
	bool lost;			   /* a PUT, COMPLETE or INITIATE may have happened although we saw no good answer */
	bool skew_corrected;
	bool glitch_retried;   /* a 400 that may come from a network glitch gets one more try */
	bool md5_known;
	bool has_key;		   /* the verb is about call->key */
	char *resolve;		   /* owned; exchange.resolve */
	bool internal;		   /* a child: freed by the I/O thread */
	oc_call *child;		   /* a HEAD, LIST_UPLOADS or ABORT that this call waits for */
	oc_error pending;	   /* what will be reported if the child brings no better news */
	oc_page orphans;	   /* uploads of a lost INITIATE */
	size_t orphan_next;
	char get_etag[72];	   /* of the first answer: later ranges must match */
	bool get_started;
	oc_buf document;	   /* XML body of COMPLETE and DELETE_MANY, made once */
	unsigned char document_md5[16];
};

extern const char *oc_verb_operation(oc_verb verb);
/* Checks the call's arguments, makes XML bodies and digests; owner's thread, before the first attempt. */
extern bool oc_verb_prepare(oc_call *call, oc_error *error);
/* One attempt's request; GET continues where the last attempt ended. */
extern bool oc_verb_build(oc_call *call, oc_message *message, oc_error *error);
/* exchange's on_head for all verbs */
extern bool oc_verb_head(oc_exchange *exchange);
/* The answer is complete: fills the call's fields, or error and returns false. */
extern bool oc_verb_read(oc_call *call, oc_error *error);

#endif
