/*
 * oc.h
 *	  The door of the core library: everything that pg/ and tools/ may use.
 *
 * The core moves bytes between memory and an object store.  It knows nothing of
 * PostgreSQL: no server header, no ereport, no global state except one library
 * init count.  Errors are values: a function returns an oc_status and fills the
 * caller's oc_error, whose message is never empty.
 *
 * Threads.  An oc_io owns one curl_multi, driven by one I/O thread (or, with
 * zero threads, by whoever waits).  An oc_pool owns codec workers (or, with zero
 * workers, runs each job inside oc_pool_submit).  Threads are created with all
 * signals blocked.  All other functions are called by one thread, the owner's.
 *
 * Waiting.  A blocking function takes an oc_waiter.  No lock is held and all
 * state is consistent while the waiter's callback runs, so a callback may even
 * leave by longjmp; the objects concerned are then still closed or aborted as usual.
 *
 * Export:  rows -> oc_writer block -> codec (pool) -> parts -> I/O thread
 * Import:  list -> ordered window of ranged GETs -> codec (pool) -> splitter -> batches
 */
#ifndef OC_H
#define OC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---------------------------------------------------------------- errors */

typedef enum oc_status
{
	OC_OK = 0,
	OC_AGAIN,	  /* nothing to do right now: wait, then call again */
	OC_END,		  /* no more objects, rows or bytes */
	OC_FAILED,	  /* see the oc_error */
	OC_CANCELLED, /* the waiter asked to stop */
} oc_status;

typedef enum oc_error_class
{
	OC_ERR_NONE = 0,
	OC_ERR_MEMORY,		/* malloc failed, or a budget is used up */
	OC_ERR_ARGUMENT,	/* a name, URL, size or option that cannot be right */
	OC_ERR_RESOLVE,		/* host name not found */
	OC_ERR_CONNECT,		/* refused, unreachable */
	OC_ERR_TLS,			/* handshake or certificate */
	OC_ERR_TIMEOUT,		/* connect, low speed, or the deadline over all attempts */
	OC_ERR_NETWORK,		/* reset or truncated */
	OC_ERR_FORBIDDEN_ADDRESS, /* a metadata address, or not in the allowed endpoints */
	OC_ERR_CREDENTIALS, /* key id, secret, token */
	OC_ERR_CLOCK,		/* clock skew that could not be corrected */
	OC_ERR_DENIED,		/* no permission */
	OC_ERR_NO_BUCKET,
	OC_ERR_NOT_FOUND,	/* object or upload */
	OC_ERR_EXISTS,		/* forbid-overwrite hit */
	OC_ERR_CHANGED,		/* If-Match failed: the object changed */
	OC_ERR_ARCHIVED,	/* must be restored before reading */
	OC_ERR_THROTTLED,	/* 429, 503 after all retries */
	OC_ERR_STORE,		/* any other answer of the store */
	OC_ERR_PROTOCOL,	/* an answer that is not of the protocol (HTML, bad XML, ...) */
	OC_ERR_INTEGRITY,	/* CRC, MD5, ETag or length differs */
	OC_ERR_CODEC,		/* compressed data are corrupt or truncated */
	OC_ERR_DATA,		/* a row is malformed */
	OC_ERR_ENCODING,	/* bytes that are no text in its encoding */
	OC_ERR_UNTRANSLATABLE, /* text that the server's encoding does not have */
	OC_ERR_LIMIT,		/* a limit of ours or of the store */
	OC_ERR_FILE,		/* a temporary file cannot be made or read */
	OC_ERR_DISK_FULL,	/* no room for a temporary file */
	OC_ERR_SPILL_LIMIT, /* spill_limit of an export */
	OC_ERR_CANCELLED,
} oc_error_class;

#define OC_KEY_MAX 1024		/* bytes of an object key, with the final NUL */

/*
 * What went wrong.  Plain data, copied freely, no pointer to free.  No field ever
 * holds a secret, a token, a signature or an Authorization header.
 */
typedef struct oc_error
{
	oc_error_class class;
	bool retryable;			/* another attempt may succeed */
	int http_status;		/* 0 when there was no answer */
	char operation[32];		/* GetObject, PutObject, ListObjectsV2, ... */
	char object[OC_KEY_MAX + 80]; /* bucket/key */
	char host[264];
	char code[80];			/* the store's error code */
	char message[512];		/* one line; never empty when class is set */
	char ec[40];			/* OSS' EC, for support */
	char request_id[80];
	char detail[256];		/* e.g. the endpoint that the store asks for */
	uint64_t line;			/* of a bad row: line in the object, from 1; else 0 */
	int field;				/* of a bad row: field from 1; 0 = none */
} oc_error;

extern void oc_error_set(oc_error *error, oc_error_class class, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* What the user should do about it: a sentence, or NULL when nothing helpful is known.  Static. */
extern const char *oc_error_hint(const oc_error *error);

/* ---------------------------------------------------------------- library, waiting */

/* Once per process before anything else, from its main thread; counted.  Returns false when libcurl fails. */
extern bool oc_library_open(void);
extern void oc_library_close(void);

typedef struct oc_waiter
{
	/*
	 * Sleeps until fd is readable or timeout_ms has passed (-1: no limit; the callback may
	 * return earlier as it likes).  Returns 0 to go on, anything else to give up (OC_CANCELLED).
	 */
	int (*wait)(void *arg, int fd, int timeout_ms);
	void *arg;
} oc_waiter;

/* Counters of a statement.  Updated by several threads with atomic adds, read at any time. */
typedef struct oc_stats
{
	_Atomic uint64_t requests;		/* attempts sent, retries included */
	_Atomic uint64_t retries;
	_Atomic uint64_t bytes_sent;	/* bodies */
	_Atomic uint64_t bytes_received;
	_Atomic uint64_t wait_us;		/* the owner slept for the store or the codecs */
} oc_stats;

/* ---------------------------------------------------------------- configuration */

typedef enum oc_provider
{
	OC_PROVIDER_OSS,
	OC_PROVIDER_OBS,
	OC_PROVIDER_S3,
} oc_provider;

typedef enum oc_addressing
{
	OC_ADDRESSING_AUTO, /* virtual, except path for IP literals and localhost */
	OC_ADDRESSING_VIRTUAL,
	OC_ADDRESSING_PATH,
	OC_ADDRESSING_CNAME, /* the endpoint host is the bucket's own domain */
} oc_addressing;

typedef enum oc_signature
{
	OC_SIGNATURE_V4,
	OC_SIGNATURE_V1, /* OSS only */
} oc_signature;

/*
 * One store as one user sees it.  Strings are the caller's and copied by oc_client_open.
 * All-zero plus endpoint is valid: zero means the default named in the comment.
 */
typedef struct oc_config
{
	oc_provider provider;
	const char *endpoint;		/* [http://|https://]host[:port]; https when no scheme */
	const char *region;			/* NULL: derived from the endpoint where it can be; S3: us-east-1 */
	oc_addressing addressing;
	oc_signature signature;
	const char *access_key_id;	/* NULL: anonymous */
	const char *access_key_secret;
	const char *security_token;
	long connect_timeout_ms;	/* 10,000 */
	long low_speed_limit;		/* bytes per second; 1,024 */
	long low_speed_time_s;		/* 30 */
	long dns_cache_timeout_s;	/* 60 */
	int max_retries;			/* attempts after the first; -1 = none; 0 = default of 5 */
	long retry_timeout_ms;		/* over all attempts of one request; 120,000 */
	const char *proxy;
	const char *ca_file;
	bool insecure_tls;			/* ssl_verify false */
	const char *allowed_hosts;	/* comma-separated patterns with '*', NULL = any */
} oc_config;

typedef struct oc_limits
{
	uint64_t min_part;	  /* bytes of a part that is not the last */
	uint64_t max_part;
	int max_parts;
	uint64_t max_put;	  /* bytes of a single PUT */
	uint64_t max_object;
} oc_limits;

typedef struct oc_io oc_io;			/* the I/O thread with its curl_multi */
typedef struct oc_client oc_client; /* one configuration on an oc_io */

/* threads: 1, or 0 = inline (whoever waits drives the transfers). */
extern oc_io *oc_io_open(int threads, oc_error *error);
/* Cancels what is in flight, joins the thread (at once), frees.  NULL is allowed. */
extern void oc_io_close(oc_io *io);

extern oc_client *oc_client_open(oc_io *io, const oc_config *config, oc_error *error);
/* No call of this client may be in flight.  Secrets are wiped. */
extern void oc_client_close(oc_client *client);
extern const oc_limits *oc_client_limits(const oc_client *client);
extern oc_provider oc_client_provider(const oc_client *client);
extern oc_io *oc_client_io(const oc_client *client); /* what to wait on */
/* Checks a configuration without network; false with an error of class OC_ERR_ARGUMENT. */
extern bool oc_config_check(const oc_config *config, oc_error *error);
/* "cn-hangzhou" from "oss-cn-hangzhou.aliyuncs.com"; false when it cannot be told. protocols.md 1.1, 5.1, 6.3 */
extern bool oc_region_of_endpoint(oc_provider provider, const char *endpoint, char *region, size_t size);
/* 1-1023 bytes, no leading / or \; see protocols.md 1.2.  Sets an OC_ERR_ARGUMENT. */
extern bool oc_key_check(const char *key, oc_error *error);
extern bool oc_bucket_check(oc_provider provider, const char *bucket, oc_error *error);

/*
 * A URL that is good for one method ("GET", "PUT") on one object for 1 second to 7 days, for anybody.  malloc'ed; NULL with an
 * error.  Sends nothing.
 */
extern char *oc_presign_url(const oc_client *client, const char *method, const char *bucket, const char *key, long expires_s,
							oc_error *error);

/* ---------------------------------------------------------------- calls: one operation with its retries */

typedef enum oc_verb
{
	OC_HEAD,
	OC_GET,
	OC_PUT,
	OC_LIST,		 /* ListObjectsV2, one page */
	OC_INITIATE,
	OC_UPLOAD_PART,
	OC_COMPLETE,
	OC_ABORT,
	OC_LIST_UPLOADS, /* one page */
	OC_DELETE,
	OC_DELETE_MANY,
} oc_verb;

typedef struct oc_header
{
	const char *name;
	const char *value;
} oc_header;

typedef struct oc_part
{
	int number;		 /* from 1 */
	uint64_t size;
	uint64_t crc64;
	char etag[72];	 /* as the store gave it, with its quotes */
} oc_part;

/* One object as a LIST shows it. */
typedef struct oc_object
{
	const char *key;
	const char *etag;		 /* without quotes */
	uint64_t size;
	int64_t last_modified;	 /* microseconds since 1970, UTC */
	const char *storage_class; /* "" when not told */
	bool is_prefix;			 /* a common prefix, not an object */
} oc_object;

typedef struct oc_upload
{
	const char *key;
	const char *upload_id;
	int64_t initiated;		 /* microseconds since 1970, UTC */
} oc_upload;

/* A page of a list; owned by the call until oc_call_free. */
typedef struct oc_page
{
	oc_object *objects;		 /* OC_LIST */
	oc_upload *uploads;		 /* OC_LIST_UPLOADS */
	size_t count;
	bool truncated;
	const char *next;		 /* OC_LIST: continuation token; OC_LIST_UPLOADS: key marker */
	const char *next_upload_id;
} oc_page;

typedef struct oc_call oc_call;
typedef struct oc_spill oc_spill; /* a temporary file, the core's own */

/*
 * The fields of the first group are set between oc_call_new and oc_call_start.  What they point to
 * stays valid, and the body unchanged, until the call is done: retries send it again.
 */
struct oc_call
{
	/* what to do */
	oc_verb verb;
	const char *bucket;
	const char *key;			/* raw bytes, not percent-encoded */
	const char *upload_id;		/* UPLOAD_PART, COMPLETE, ABORT */
	int part_number;
	const oc_part *parts;		/* COMPLETE, ascending */
	size_t part_count;
	const void *body;			/* PUT, UPLOAD_PART */
	size_t body_size;
	const oc_spill *body_file;	/* the body is there, all of it, and body is NULL; else NULL */
	bool digests_known;			/* crc64 and md5 below are the body's; else the core computes them */
	uint64_t crc64;				/* PUT, UPLOAD_PART: of the body.  COMPLETE: of the whole object */
	bool crc64_known;			/* COMPLETE: compare the store's CRC-64 with crc64 */
	unsigned char md5[16];
	uint64_t object_size;		/* COMPLETE: to recognise our object after a lost answer */
	const char *token;			/* PUT, INITIATE: sent as x-*-meta-oss-fdw-token; with it a lost answer is resolved by HEAD */
	bool forbid_overwrite;		/* PUT, INITIATE, COMPLETE, where the dialect has it */
	const oc_header *headers;	/* attributes, already in the dialect's names; PUT, INITIATE */
	size_t header_count;
	uint64_t range_start;		/* GET: bytes [range_start, range_start + range_size) */
	uint64_t range_size;		/* 0 = the whole object */
	const char *if_match;		/* GET: ETag without quotes, or NULL */
	void *sink;					/* GET: the body is stored here */
	size_t sink_size;			/* a longer body is an error */
	const char *prefix;			/* LIST, LIST_UPLOADS */
	const char *delimiter;
	const char *start_after;
	const char *continuation;	/* LIST: token; LIST_UPLOADS: key marker */
	const char *upload_id_marker;
	int max_keys;				/* 0 = 1000 */
	const char *const *keys;	/* DELETE_MANY, at most 1000 */
	size_t key_count;
	int max_retries;			/* 0 = the client's, -1 = none */
	long timeout_ms;			/* over all attempts; 0 = the client's */
	bool wait_follows;			/* the owner waits, or cancels, next: it may do the I/O thread's work for the first moments */
	oc_stats *stats;			/* may be NULL */
	void (*done)(oc_call *call, void *arg); /* on the I/O thread (inline: on the waiter's), may be NULL; short, starts no call synchronously waiting */
	void *done_arg;

	/* the answer, valid once the call is done */
	oc_status status;			/* OC_OK, OC_FAILED, OC_CANCELLED */
	oc_error error;
	size_t received;			/* GET: bytes in sink */
	uint64_t size;				/* HEAD, GET: of the whole object */
	int64_t last_modified;		/* HEAD, GET: microseconds since 1970 */
	char etag[72];				/* as sent by the store, quotes kept */
	bool store_crc64_known;
	uint64_t store_crc64;		/* x-*-hash-crc64ecma */
	char answer_upload_id[256]; /* INITIATE */
	char storage_class[32];		/* HEAD, GET */
	char answer_token[64];		/* HEAD, GET: our metadata token, or "" */
	oc_page page;				/* LIST, LIST_UPLOADS */
	long elapsed_us;			/* of the last attempt */
	long resolve_us;			/* of the last attempt, from its begin; 0 on a kept connection */
	long connect_us;
	long tls_us;				/* 0 without TLS */
	int64_t server_date;		/* the store's clock in its last answer, seconds since 1970; 0 = not told */

	struct oc_call_private *private; /* oc_request.c's */
};

extern oc_call *oc_call_new(oc_client *client, oc_verb verb);
/* The call must be done or never started. */
extern void oc_call_free(oc_call *call);
/* Queues the call.  Never blocks, never fails: failures are in the call once it is done. */
extern void oc_call_start(oc_call *call);
extern bool oc_call_is_done(const oc_call *call);
/* Waits until the call is done.  OC_CANCELLED: the waiter gave up, the call was cancelled and is done. */
extern oc_status oc_call_wait(oc_call *call, const oc_waiter *waiter);
/* start + wait */
extern oc_status oc_call_run(oc_call *call, const oc_waiter *waiter);
/* Asks a call in flight to end now with OC_CANCELLED; returns when it is done (milliseconds). */
extern void oc_call_cancel(oc_call *call);

/*
 * For owners that wait for "anything of mine": the descriptor becomes readable whenever a call on this oc_io is
 * done or oc_io_notify was called (pool workers do).  oc_io_wait sleeps for that (inline: drives transfers).
 */
extern oc_status oc_io_wait(oc_io *io, const oc_waiter *waiter, int timeout_ms);
extern void oc_io_notify(oc_io *io); /* any thread */

/* ---------------------------------------------------------------- worker pool */

typedef struct oc_pool oc_pool;
typedef void (*oc_job)(void *arg);

/* workers 0: oc_pool_submit runs the job at once.  Creation blocks all signals for the new threads. */
extern oc_pool *oc_pool_open(int workers, oc_error *error);
/* Waits for queued jobs; NULL allowed. */
extern void oc_pool_close(oc_pool *pool);
extern int oc_pool_workers(const oc_pool *pool);
/* Unbounded FIFO: owners bound what they have in flight.  Any thread. */
extern void oc_pool_submit(oc_pool *pool, oc_job job, void *arg);

/* ---------------------------------------------------------------- codecs */

typedef enum oc_codec
{
	OC_CODEC_NONE,
	OC_CODEC_GZIP,
	OC_CODEC_ZSTD,
	OC_CODEC_LZ4,
	OC_CODEC_BZIP2,
	OC_CODEC_XZ,
	OC_CODEC_DEFLATE, /* zlib format, as Hadoop's */
	OC_CODEC_SNAPPY,  /* framing format; reading only */
	OC_CODEC_AUTO,	  /* reading: by magic bytes */
} oc_codec;

#define OC_LEVEL_DEFAULT (-1000)

extern const char *oc_codec_name(oc_codec codec);		/* "gzip" */
extern const char *oc_codec_suffix(oc_codec codec);		/* ".gz", "" for none */
extern bool oc_codec_by_name(const char *name, oc_codec *codec); /* case-insensitive */
/* false + error when the level does not suit; OC_LEVEL_DEFAULT always does. */
extern bool oc_codec_level_check(oc_codec codec, int level, oc_error *error);
/* By the first bytes: 8 are enough for all but deflate, which takes 256 or the whole object.  OC_CODEC_NONE: no magic fits. */
extern oc_codec oc_codec_detect(const void *data, size_t size);

/*
 * Compresses one block on its own.  Blocks of one object are independent and may be made in any order on any
 * thread; the object is their concatenation, between oc_codec_prologue and oc_codec_epilogue.  For gzip, zstd, lz4,
 * bzip2 and xz each block is a whole member/frame/stream with its checksum, prologue and epilogue are empty.  For
 * deflate (one zlib stream) the block is raw deflate ended by a full flush; prologue is the 2-byte header, epilogue the
 * final empty block and the Adler-32 of the whole.
 */
typedef struct oc_codec_trailer
{
	uint32_t adler32; /* running, of all blocks in order; starts at 1 */
	bool any;		  /* a block was added: an object without any still gets one empty member */
} oc_codec_trailer;

/* Upper bound of the compressed size of size bytes. */
extern size_t oc_codec_bound(oc_codec codec, size_t size);
/* target has room for oc_codec_bound.  *adler32 is set for deflate.  Thread-safe. */
extern oc_status oc_codec_compress(oc_codec codec, int level, const void *source, size_t source_size,
								   void *target, size_t target_size, size_t *written,
								   uint32_t *adler32, oc_error *error);
extern void oc_codec_trailer_init(oc_codec_trailer *trailer);
/* Must be called for each block in object order. */
extern void oc_codec_trailer_add(oc_codec_trailer *trailer, oc_codec codec, uint32_t adler32, size_t source_size);
/* At most 64 bytes each. */
extern size_t oc_codec_prologue(oc_codec codec, int level, void *target);
extern size_t oc_codec_epilogue(oc_codec codec, const oc_codec_trailer *trailer, void *target);

/*
 * Streaming decompression, any chunking.  Checks every checksum and length of the format; truncation and
 * trailing garbage are errors (OC_ERR_CODEC); several members or frames follow each other.
 */
typedef struct oc_decoder oc_decoder;
/* codec AUTO: decided by the first bytes; OC_CODEC_NONE passes through. */
extern oc_decoder *oc_decoder_open(oc_codec codec, oc_error *error);
/*
 * Consumes from *source (advances source and source_size) and appends at most target_size bytes to target.
 * OC_OK: call again when there is more input or room.  OC_END: only with last == true, all input consumed and the
 * format is complete.  last says that no input follows *source.
 */
extern oc_status oc_decoder_read(oc_decoder *decoder, const unsigned char **source, size_t *source_size, bool last,
								 void *target, size_t target_size, size_t *written, oc_error *error);
extern void oc_decoder_close(oc_decoder *decoder);

/* ---------------------------------------------------------------- archives */

typedef enum oc_archive_format
{
	OC_ARCHIVE_NONE,
	OC_ARCHIVE_TAR, /* also compressed as a whole: .tar.gz, .tgz, ... */
	OC_ARCHIVE_ZIP,
} oc_archive_format;

/* By the end of an object's name, whatever its case. */
extern oc_archive_format oc_archive_by_name(const char *name);
/* What archive begins with these bytes ("zip", "tar", "7z", "rar"), or NULL; a tar needs its first 512. */
extern const char *oc_archive_by_content(const void *data, size_t size);

typedef struct oc_archive_options
{
	oc_archive_format format;
	oc_codec codec;			/* of the whole archive: NONE, AUTO, ... (a zip has its own inside) */
	/*
	 * Called inside oc_archive_next and oc_archive_read, by their thread: the next stored bytes, valid until the next call;
	 * *size 0 = no more.  OC_FAILED and OC_CANCELLED become the result of the caller.  Must return, not jump out.
	 */
	oc_status (*read)(void *arg, const void **data, size_t *size, oc_error *error);
	void *read_arg;
	uint64_t max_members;	/* of any kind; 0 = 100,000 */
	uint64_t max_bytes;		/* decompressed; 0 = no limit */
} oc_archive_options;

/* A regular file in an archive.  Its name is data: no local file is ever opened or made. */
typedef struct oc_member
{
	const char *name;		/* as stored, UTF-8 where the archive says so; valid until the next oc_archive_next */
	bool size_known;		/* a zip that was streamed tells sizes afterwards */
	uint64_t size;
	int64_t last_modified;	/* microseconds since 1970; 0 = not told */
} oc_member;

/* One pass through an archive as it arrives, in bounded memory.  One thread at a time. */
typedef struct oc_archive oc_archive;
extern oc_archive *oc_archive_open(const oc_archive_options *options, oc_error *error);
/*
 * Goes to the next regular file, passing over the rest of the current one, folders and links.  OC_END: the archive ended as
 * it should; its end mark and the codec's checksums were there.
 */
extern oc_status oc_archive_next(oc_archive *archive, oc_member *member, oc_error *error);
/* Reads on in the current member.  OC_OK with *written > 0 (unless target_size is 0); OC_END: the member ended, *written is 0. */
extern oc_status oc_archive_read(oc_archive *archive, void *target, size_t target_size, size_t *written, oc_error *error);
extern void oc_archive_close(oc_archive *archive);

/* ---------------------------------------------------------------- digests */

extern uint64_t oc_crc64(uint64_t crc, const void *data, size_t size); /* CRC-64/XZ; start with 0; chains */
extern uint64_t oc_crc64_combine(uint64_t crc1, uint64_t crc2, uint64_t size2);
/* cryptographically random, lower-case hex; size includes the NUL */
extern void oc_random_hex(char *target, size_t size);

/* ---------------------------------------------------------------- export: rows to objects */

/*
 * An oc_export is one statement's set of objects; an oc_writer in it is one stream of rows (one partition).  Nothing is
 * visible in the store before oc_export_commit.  An object is a multipart upload or, when smaller than one part, kept in
 * memory for a single PUT.  The owner's thread calls everything; compression and digests run in the pool, transfers on the
 * I/O thread.
 */
typedef enum oc_export_mode
{
	OC_EXPORT_APPEND,
	OC_EXPORT_ERROR_IF_EXISTS,
	OC_EXPORT_OVERWRITE,
} oc_export_mode;

/*
 * Exports of one owner that share memory and connections: however many are open at once, all their buffers together take at most
 * max_memory bytes, and an export starts no transfer of rows while the group has as many in flight as it may have itself.  When
 * memory is short, the members' idle writers end their objects.  Outlives its exports.
 */
typedef struct oc_export_group oc_export_group;
extern oc_export_group *oc_export_group_new(uint64_t max_memory); /* NULL: out of memory */
extern void oc_export_group_limit(oc_export_group *group, uint64_t max_memory);
extern void oc_export_group_free(oc_export_group *group);

typedef struct oc_export_options
{
	oc_export_group *group;		/* NULL = shares with none */
	const char *bucket;
	const char *exact_key;		/* filepath: the one object's key; else NULL and */
	const char *place;			/* key prefix of all objects, e.g. "dir/" or "pre" */
	const char *stem;			/* "<relation>_<UTC timestamp>_<token>" */
	const char *suffix;			/* ".csv"; the codec's is added */
	const char *token;			/* random per transaction; metadata of each object */
	oc_codec codec;
	int level;
	const void *header;			/* bytes at the start of every object (csv header, binary signature), or NULL */
	size_t header_size;
	const void *trailer;		/* bytes at the end of every object (binary trailer), or NULL */
	size_t trailer_size;
	uint64_t max_file_size;		/* stored bytes; 0 = one object for each folder, as long as part numbers and memory last */
	uint64_t split_size;		/* stored bytes between the places of an object that are noted as splits, at least; 0 = none are noted */
	uint64_t part_size;			/* bytes, raised to the dialect's minimum; 0 = 8 MB, or less where memory is short */
	int max_connections;		/* transfers in flight */
	uint64_t max_memory;		/* bytes of blocks and parts together; 0 = 64 MB, at least 4 MB and 4 parts of the dialect's minimum */
	/*
	 * Parts that memory may not hold (a quarter of max_memory) are collected in temporary files in this folder, about three at a time for
	 * each stream of rows.  NULL = there are none: parts are never larger than that.
	 */
	const char *spill_directory;
	uint64_t spill_limit;		/* bytes of the group's temporary files together; 0 = no limit */
	/*
	 * About so many stored bytes will come: sizes the parts of an object that has no max_file_size.  0 = unknown, or the export has many
	 * folders.
	 */
	uint64_t expected_bytes;
	bool forbid_overwrite;		/* error_if_exists: ask the store to refuse */
	const oc_header *headers;	/* attributes */
	size_t header_count;
	oc_stats *stats;
} oc_export_options;

/* A place where an object can be entered: a row begins there, and in compressed objects a member. */
typedef struct oc_split_point
{
	uint64_t offset;			/* in the stored bytes */
	uint64_t rows;				/* before it */
} oc_split_point;

#define OC_SPLITS_MAX 1024 /* of one object */

/* One object of an export, for the manifest, EXPLAIN and messages. */
typedef struct oc_exported
{
	const char *key;
	uint64_t rows;
	uint64_t raw_bytes;
	uint64_t stored_bytes;
	uint64_t crc64;
	const char *etag;			/* without quotes; "" before commit */
	oc_codec codec;
	const oc_split_point *splits;		/* ascending, inside the object; the export's */
	size_t split_count;
} oc_exported;

typedef struct oc_export oc_export;
typedef struct oc_writer oc_writer;

/* The block that rows are appended to.  Text is written at data + size; the owner of the rows grows it by oc_block_reserve. */
typedef struct oc_block
{
	char *data;
	size_t size;
	size_t capacity;
	size_t limit;	/* after a row, size >= limit means: call oc_writer_flush_rows */
} oc_block;

/* pool and client outlive the export.  Strings and headers are copied. */
extern oc_export *oc_export_open(oc_client *client, oc_pool *pool, const oc_export_options *options, oc_error *error);
/* folder: "" or "col=value/..." below the place.  NULL with an error when memory does not suffice. */
extern oc_writer *oc_writer_open(oc_export *export, const char *folder, oc_error *error);
extern oc_block *oc_writer_block(oc_writer *writer); /* changes with every oc_writer_flush_rows */
/* Makes room for need more bytes behind size.  false: out of memory or over 1 GB - 1 for one row. */
extern bool oc_block_reserve(oc_block *block, size_t need);
/*
 * At a row boundary: hands over what the block holds.  rows: how many rows were added since the last call.
 * Returns OC_AGAIN when the window is full: oc_export_wait, then call again with rows = 0.
 */
extern oc_status oc_writer_flush_rows(oc_writer *writer, uint64_t rows, oc_error *error);
/*
 * Ends the writer's current object (its parts go out) and frees the writer's memory; a later oc_writer_open of the same folder
 * begins a new object.  May return OC_AGAIN: oc_export_wait, then call again.  Call oc_writer_flush_rows first: rows that it was not
 * told of are written but not counted.  oc_export_finish does the same for all writers.
 */
extern oc_status oc_writer_close(oc_writer *writer, oc_error *error);
/*
 * Looks at what has ended and starts what can be started; never waits.  All functions of an export do it; an owner that makes rows
 * for a while calls it in between, for nobody else sends what became ready meanwhile.  A failure is kept for the next call.
 */
extern void oc_export_pump(oc_export *export);
/* Sleeps until the window may have room or something failed, be it of another export of the group. */
extern oc_status oc_export_wait(oc_export *export, const oc_waiter *waiter, oc_error *error);
/* Closes all writers, waits for all parts.  force_object: an export without rows still makes one object (header only). */
extern oc_status oc_export_finish(oc_export *export, bool force_object, const oc_waiter *waiter, oc_error *error);
/* Bytes of all buffers: of a finished export, the small objects that it keeps until commit. */
extern uint64_t oc_export_memory(const oc_export *export);
/* After finish: sends what is kept as uploads of one part and waits for them, so that next to no memory is needed until commit. */
extern oc_status oc_export_unload(oc_export *export, const oc_waiter *waiter, oc_error *error);
/* Completes uploads and puts small objects, several at once; checks CRC and ETag of each. */
extern oc_status oc_export_commit(oc_export *export, const oc_waiter *waiter, oc_error *error);
/*
 * Undoes everything: transfers cancelled, uploads aborted, objects completed by this export deleted.  At most deadline_ms in
 * total; needs no waiter (not cancellable).  Returns how many things could not be removed, the first problem in error.
 */
extern int oc_export_abort(oc_export *export, long deadline_ms, oc_error *error);
extern size_t oc_export_object_count(const oc_export *export);
extern oc_exported oc_export_object(const oc_export *export, size_t index);
/* Totals so far, also while running: rows handed over, raw bytes, stored bytes. */
extern void oc_export_progress(const oc_export *export, uint64_t *rows, uint64_t *raw_bytes, uint64_t *stored_bytes);
/* Frees memory.  Only after finish+commit, or abort, or before the first row. */
extern void oc_export_close(oc_export *export);

/* ---------------------------------------------------------------- import: objects to rows */

#include "oc_value.h" /* formatters and parsers of values */

typedef enum oc_format
{
	OC_FORMAT_CSV,
	OC_FORMAT_TEXT,
	OC_FORMAT_BINARY,
	OC_FORMAT_FIXED,
	OC_FORMAT_JSONL,
} oc_format;

#define OC_DELIMITER_MAX 10

typedef struct oc_split_column
{
	const char *name;			/* column name: header match, jsonl key */
	bool needed;				/* fields of other columns are skipped, not stored */
	bool force_null;			/* csv: a quoted null string is NULL too */
	bool force_not_null;		/* csv: an unquoted null string is not NULL */
	uint32_t position;			/* fixed: byte offset */
	uint32_t length;			/* fixed: bytes */
	bool raw_json;				/* jsonl: the field is the value's JSON text, a string with its quotes; else strings are decoded */
	oc_conversion conversion;	/* of needed columns: a field in its plain form becomes a value (OC_FIELD_VALUE) */
} oc_split_column;

typedef struct oc_split_options
{
	oc_format format;
	const oc_split_column *columns; /* the data columns in file order */
	int column_count;
	char delimiter[OC_DELIMITER_MAX + 1];
	char eol[OC_DELIMITER_MAX + 1]; /* "" = as COPY: LF, CRLF or CR, whichever the first line has */
	const char *null_string;
	char quote;
	char escape;
	int header;					/* 0 none, 1 skip, 2 match */
	uint64_t skip;				/* physical lines to skip at the head of each object, before the header; quotes do not count */
	bool noescaping;			/* text: backslash is an ordinary byte */
	bool single_line;			/* csv: a line end within quotes ends its row, too, and that row is malformed */
	bool csv_end_marker;		/* csv: a line of backslash and dot ends the data, as for COPY before PostgreSQL 18 */
	bool marker_alone;			/* text: nothing may stand before that marker, as for COPY from PostgreSQL 18 on */
	bool ignore_extra;			/* more fields than columns are dropped */
	bool fill_missing;			/* missing trailing fields are NULL */
	bool replace_illegal;		/* NUL to space, bytes that are not UTF-8 to '?' */
	bool validate_utf8;			/* the text must be valid UTF-8 (the server's encoding is) */
	bool any_bytes;				/* but not as it stands, only what its escapes make: COPY takes SQL_ASCII so */
	bool may_overwrite;			/* the bytes given to oc_splitter_next may be changed: values are made in place */
	bool tolerate;				/* a malformed row is returned as a bad row, not as an error; implies row facts; not for binary */
	bool late_missing;			/* csv, text with row facts: a row that lacks fields is a bad row that keeps those that it has */
	uint64_t max_row;			/* bytes; 0 = 1 GB - 1 */
} oc_split_options;

#define OC_FIELD_NULL (-1)
#define OC_FIELD_VALUE (-2)		/* converted: oc_field_value, which lives as long as the batch */

typedef struct oc_field
{
	const char *data;			/* not NUL-terminated, but data[size] is readable */
	int32_t size;				/* or one of the above */
} oc_field;

/* The value of a converted field (oc_conversion). */
static inline uint64_t
oc_field_value(const oc_field *field)
{
	return (uint64_t) (uintptr_t) field->data;
}

typedef struct oc_row
{
	uint64_t line;				/* of its first line in the object, from 1; binary: row number; 0 in a unit that begins in the middle */
	uint64_t offset;			/* of its first byte in the decompressed object, or behind the batch's entry */
	const char *raw;			/* the raw row without its line end (for rejected rows and messages) */
	uint32_t raw_size;
	int32_t error;				/* -1 = good; else index into the batch's errors (tolerate) */
} oc_row;

/* Rows of one object, valid until the next call that makes a batch. */
typedef struct oc_batch
{
	size_t row_count;
	int field_count;			/* needed columns, in column order */
	const oc_field *fields;		/* row_count x field_count; NULL when field_count is 0 */
	const oc_row *rows;			/* row_count entries; NULL when the splitter was opened without row facts */
	const oc_error *errors;
	const oc_object *object;	/* set by the reader */
	uint64_t entry;				/* set by the reader: stored byte of a compressed object where offsets begin to count */
} oc_batch;

typedef struct oc_splitter oc_splitter;
/* row_facts: fill oc_batch.rows (line, offset, raw). Without, only what errors need is kept. */
extern oc_splitter *oc_splitter_open(const oc_split_options *options, bool row_facts, oc_error *error);
/* A new object begins: line 1, header expected. at_start false: a byte range in the middle, its first row is complete. */
extern void oc_splitter_begin(oc_splitter *splitter, bool at_start);
/*
 * Takes the next bytes of the object and makes a batch of the complete rows among them (at most max_rows).  The splitter
 * keeps what is left of an incomplete row by itself.  *consumed tells how many bytes of data were taken (all, unless max_rows
 * stopped it).  Fields point into data or into the splitter's memory: both must stay until the next call.  last: no bytes follow.
 */
extern oc_status oc_splitter_next(oc_splitter *splitter, const char *data, size_t size, bool last, size_t max_rows,
								  size_t *consumed, oc_batch *batch, oc_error *error);
extern void oc_splitter_close(oc_splitter *splitter);

/* A piece of an object to read: rows that begin in [start, end) of the stored bytes. */
typedef struct oc_unit
{
	oc_object object;			/* key and etag are copied by the reader */
	uint64_t start;
	uint64_t end;				/* 0 = the object's end */
	/*
	 * exact: a row begins at start and none goes on behind end, as somebody noted who should know; what contradicts that is an error.
	 * codec (exact units only) is the object's: of a compressed one start and end are borders between its members as well.
	 */
	bool exact;
	oc_codec codec;
	/* Not exact, csv and text without an eol of their own: "\n", "\r\n" or "\r" as the object's first line has it; "" = not known. */
	char eol[3];
} oc_unit;

typedef struct oc_reader_options
{
	const char *bucket;
	oc_codec codec;				/* AUTO */
	oc_split_options split;
	bool row_facts;
	size_t range_size;			/* bytes per GET; 0 = 8 MB */
	int max_connections;
	uint64_t max_memory;		/* 0 = 64 MB */
	uint64_t max_decompressed;	/* bytes of one object; 0 = no limit */
	/*
	 * Called by the owner's thread inside oc_reader_next: the next unit, OC_END, or a failure.  May wait (LIST).
	 */
	oc_status (*next_unit)(void *arg, oc_unit *unit, oc_error *error);
	void *next_unit_arg;
	/*
	 * If set, decoded bytes are converted before they are split, by the owner's thread: file encoding to server encoding.
	 * Takes from source what is complete, appends to *target (malloc'ed, grown by the callback).
	 */
	oc_status (*convert)(void *arg, const char *source, size_t size, bool last, size_t *consumed,
						 char **target, size_t *target_size, size_t *target_capacity, oc_error *error);
	void *convert_arg;
	oc_stats *stats;
} oc_reader_options;

typedef struct oc_reader oc_reader;
extern oc_reader *oc_reader_open(oc_client *client, oc_pool *pool, const oc_reader_options *options, oc_error *error);
/* The next batch (never empty), OC_END, or a failure that names object, line and field.  The batch lives until the next call. */
extern oc_status oc_reader_next(oc_reader *reader, const oc_waiter *waiter, oc_batch *batch, oc_error *error);
/* Cancels what is in flight and frees, at any time. */
extern void oc_reader_close(oc_reader *reader);
/* For progress: stored bytes and objects finished so far. */
extern void oc_reader_progress(const oc_reader *reader, uint64_t *bytes, uint64_t *objects);

/* ---------------------------------------------------------------- import: members of archives */

typedef struct oc_member_reader_options
{
	const char *bucket;			/* the caller's, as are the callbacks' arguments, until close */
	oc_split_options split;
	bool row_facts;
	bool (*match)(void *arg, const char *member); /* is this member wanted? */
	void *match_arg;
	uint64_t max_decompressed;	/* bytes of one archive, and of one member; 0 = no limit */
	oc_status (*next_unit)(void *arg, oc_unit *unit, oc_error *error); /* as oc_reader_options; ranges are ignored */
	void *next_unit_arg;
	oc_stats *stats;
} oc_member_reader_options;

/*
 * Rows of the matching members of tar (also compressed) and zip objects, each member an input of its own with its header; a member may
 * be compressed once more.  As oc_reader, but everything except the transfers runs in the caller's thread; the waiter must return.  The
 * batch's object is named archive!member.
 */
typedef struct oc_member_reader oc_member_reader;
extern oc_member_reader *oc_member_reader_open(oc_client *client, const oc_member_reader_options *options, oc_error *error);
extern oc_status oc_member_reader_next(oc_member_reader *reader, const oc_waiter *waiter, oc_batch *batch, oc_error *error);
extern void oc_member_reader_close(oc_member_reader *reader);

/* ---------------------------------------------------------------- manifest: which objects an export consists of */

typedef struct oc_manifest_column
{
	const char *name;
	const char *type;			/* as the database spells it */
} oc_manifest_column;

typedef struct oc_manifest_entry
{
	const char *bucket;
	const char *key;
	uint64_t rows;
	uint64_t bytes;				/* stored */
	uint64_t crc64;
	const char *etag;			/* without quotes, "" when not told */
	bool rows_known;			/* the next three are false in manifests of other products */
	bool bytes_known;
	bool crc64_known;
	bool mandatory;				/* reading fails when the object is missing; true unless the manifest says otherwise */
	oc_codec codec;				/* when there are splits */
	oc_split_point *splits;			/* ascending, inside the object, at most OC_SPLITS_MAX */
	size_t split_count;
} oc_manifest_entry;

/* All memory belongs to the manifest until oc_manifest_free. */
typedef struct oc_manifest
{
	oc_manifest_column *columns;
	size_t column_count;
	uint64_t rows;				/* sums of the entries when the manifest has none */
	uint64_t bytes;
	oc_manifest_entry *entries;
	size_t entry_count;
	void *memory;
} oc_manifest;

/*
 * The text of a manifest (design: version 1), malloc'ed and NUL-terminated, or NULL with an error.  Objects may come from
 * several exports.  All names must be UTF-8.
 */
extern char *oc_manifest_write(oc_provider provider, const char *bucket, const oc_manifest_column *columns, size_t column_count,
							   const oc_exported *objects, size_t object_count, size_t *size, oc_error *error);
/*
 * Reads ours, and the shorter {"entries":[{"url":...,"mandatory":true}]} of other products; unknown members are ignored.
 * false: an OC_ERR_PROTOCOL that names what is wrong.
 */
extern bool oc_manifest_parse(const char *text, size_t size, oc_manifest *manifest, oc_error *error);
extern void oc_manifest_free(oc_manifest *manifest);

#endif
