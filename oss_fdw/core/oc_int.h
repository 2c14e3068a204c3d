/*
 * oc_int.h
 *	  What the files of core/ share among themselves.  Nobody else includes it.
 *
 * Prototypes stand under the name of the file that owns them.
 */
#ifndef OC_INT_H
#define OC_INT_H

#include <string.h>
#include <time.h>

#include "oc.h"

/* ---- oc_base.c: errors, hints, library count, signals */

/* Starts a thread with every signal blocked and a name for top and gdb; 512 kB stack.  0 or an errno. */
#include <pthread.h>
extern int oc_thread_start(pthread_t *thread, void *(*main)(void *), void *arg, const char *name);
extern int64_t oc_now_us(void);		 /* monotonic */
extern time_t oc_wall_seconds(void); /* real time */

/* ---- oc_buf.c: growable buffer with a ceiling */

typedef struct oc_buf
{
	char *data; /* always NUL-terminated once something was appended */
	size_t size;
	size_t capacity;
	size_t ceiling;
	bool failed; /* sticky: out of memory or over the ceiling */
} oc_buf;

extern void oc_buf_init(oc_buf *buf, size_t ceiling);
extern void oc_buf_free(oc_buf *buf);
extern void oc_buf_reset(oc_buf *buf);
extern bool oc_buf_append(oc_buf *buf, const void *data, size_t size);
extern bool oc_buf_append_string(oc_buf *buf, const char *string);
extern bool oc_buf_append_char(oc_buf *buf, char c);
extern bool oc_buf_printf(oc_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- oc_text.c: hex, base64, percent-encoding, times; no locale */

/* ASCII letters only, unlike strcasecmp in a Turkish locale */
extern bool oc_same_name(const char *left, const char *right);
extern bool oc_has_prefix(const char *text, const char *prefix);
extern void oc_hex(const unsigned char *data, size_t size, char *target); /* 2*size + NUL, lower case */
extern size_t oc_base64(const unsigned char *data, size_t size, char *target); /* 4*((size+2)/3) + NUL */
extern bool oc_base64_decode(const char *text, unsigned char *target, size_t capacity, size_t *size);
/* protocols.md 1.2: all but A-Za-z0-9-._~ (and '/', when keep_slash) as %XX upper case */
extern bool oc_percent_encode(oc_buf *target, const char *data, size_t size, bool keep_slash);
/* in place; plus means blank when plus_is_blank */
extern size_t oc_percent_decode(char *text, bool plus_is_blank);
extern void oc_http_date(time_t when, char target[32]);	  /* Fri, 02 Jan 2026 03:04:05 GMT */
extern void oc_iso_basic(time_t when, char target[20]);	  /* 20260102T030405Z */
extern bool oc_parse_http_date(const char *text, time_t *when);
extern bool oc_parse_iso_time(const char *text, int64_t *microseconds); /* 2012-02-24T08:43:27.000Z */

/* ---- oc_digest.c: the only user of OpenSSL; CRC-64 by ISA-L */

extern void oc_hmac_sha256(const void *key, size_t key_size, const void *data, size_t size, unsigned char target[32]);
extern void oc_hmac_sha1(const void *key, size_t key_size, const void *data, size_t size, unsigned char target[20]);
extern void oc_sha256(const void *data, size_t size, unsigned char target[32]);
extern bool oc_md5(const void *data, size_t size, unsigned char target[16]); /* false: not available (FIPS) */
/* The same of count buffers, OC_MD5_LANES at a time (oc_md5.c); always succeeds. */
#define OC_MD5_LANES 4
extern void oc_md5_many(const void *const *data, const size_t *sizes, int count, unsigned char (*targets)[16]);
/*
 * MD5 of what comes in pieces (oc_md5.c), of which all but the last are whole blocks of 64 bytes.  NULL: out of memory; the other two
 * allow NULL.
 */
typedef struct oc_md5_stream oc_md5_stream;
extern oc_md5_stream *oc_md5_open(void);
extern void oc_md5_add(oc_md5_stream *stream, const void *data, size_t size);
extern void oc_md5_close(oc_md5_stream *stream, unsigned char target[16]);
/* OpenSSL's part in it.  NULL: not available (FIPS). */
extern void *oc_md5_context_new(void);
extern void oc_md5_context_add(void *context, const void *data, size_t size);
extern void oc_md5_context_free(void *context, unsigned char target[16]);
extern void oc_wipe(void *data, size_t size);

/* ---- oc_spill.c: a temporary file that holds one part */

extern oc_spill *oc_spill_open(const char *directory, oc_error *error);
extern bool oc_spill_append(oc_spill *spill, const void *data, size_t size, oc_error *error);
extern uint64_t oc_spill_size(const oc_spill *spill);
/* The next two: any thread, while nothing is appended; 0, or an errno for oc_spill_fail. */
extern int oc_spill_read(const oc_spill *spill, uint64_t offset, void *data, size_t size);
extern int oc_spill_digest(const oc_spill *spill, const _Atomic bool *stop, uint64_t *crc64, unsigned char md5[16]);
extern void oc_spill_fail(const oc_spill *spill, const char *what, int code, oc_error *error);
extern void oc_spill_close(oc_spill *spill);

/* ---- oc_provider.c: one const row per dialect */

typedef struct oc_dialect
{
	oc_provider provider;
	const char *name;			/* "oss" */
	const char *header_prefix;	/* "x-oss-" */
	oc_limits limits;
	bool forbid_overwrite;		/* has a store-side guard */
} oc_dialect;

extern const oc_dialect *oc_dialect_of(oc_provider provider);

/* ---- oc_uri.c: endpoints, addressing, keys */

typedef struct oc_endpoint
{
	bool https;
	char host[256];		/* lower case, no brackets */
	int port;			/* 0 = the scheme's default */
	bool is_ip;			/* literal */
} oc_endpoint;

extern bool oc_endpoint_parse(const char *text, oc_endpoint *endpoint, oc_error *error);
/* auto resolved for this endpoint and bucket */
extern oc_addressing oc_addressing_of(oc_addressing wanted, oc_provider provider, const oc_endpoint *endpoint, const char *bucket);

/* ---- oc_sign_*.c: pure functions (request, credentials, time) -> headers */

#define OC_SIGN_MAX_QUERY 16
#define OC_SIGN_MAX_HEADERS 48

typedef struct oc_pair
{
	const char *name;
	const char *value; /* NULL or "" = no value */
} oc_pair;

/* A request as the signers and oc_http see it. */
typedef struct oc_sign_request
{
	const char *method;
	const char *bucket;			/* NULL: service level.  OBS behind a custom domain signs the domain in its place */
	const char *key;			/* NULL: bucket level; raw bytes */
	const char *host;			/* as in the Host header, with :port when it is not the default */
	bool bucket_in_path;		/* path style: S3 signs the URL's own path */
	const oc_pair *query;		/* raw, not encoded */
	int query_count;
	const oc_pair *headers;		/* all that will be sent, without Authorization, Host and dates */
	int header_count;
	const char *additional;		/* OSS V4 AdditionalHeaders, sorted, ';'-joined; NULL mostly */
	const char *payload_sha256; /* S3: hex, or NULL = UNSIGNED-PAYLOAD */
} oc_sign_request;

typedef struct oc_credentials
{
	const char *access_key_id;
	const char *access_key_secret;
	const char *security_token; /* or NULL */
} oc_credentials;

/*
 * Headers that a signer adds (date, content-sha256, token, Authorization), one "Name: value" per entry, appended to out as
 * NUL-separated strings; returns how many, or -1 when out failed.  canonical and string_to_sign, if not NULL, receive the
 * intermediate texts for tests (never logged).
 */
typedef struct oc_signature_trace
{
	oc_buf canonical; /* initialised by the signer, freed by the caller, like the next; empty in the V1 schemes */
	oc_buf string_to_sign;
} oc_signature_trace;

extern int oc_sign_oss_v4(const oc_sign_request *request, const oc_credentials *credentials, const char *region,
						  const char *product /* "oss" */, time_t when, oc_buf *out, oc_signature_trace *trace);
/* send_x_date: x-oss-date / x-obs-date is sent and signed beside Date */
extern int oc_sign_oss_v1(const oc_sign_request *request, const oc_credentials *credentials, time_t when, bool send_x_date,
						  oc_buf *out, oc_signature_trace *trace);
extern int oc_sign_obs(const oc_sign_request *request, const oc_credentials *credentials, time_t when, bool send_x_date,
					   oc_buf *out, oc_signature_trace *trace);
extern int oc_sign_s3(const oc_sign_request *request, const oc_credentials *credentials, const char *region, time_t when,
					  oc_buf *out, oc_signature_trace *trace);
/*
 * Presigned URLs (ossobj sign): appends the complete query string (without '?') to out.  Host etc. as in the request.
 * false: out failed, a secret or query that is too long, or expires_s not in 1 to 604800 (seven days).
 */
extern bool oc_presign(oc_provider provider, oc_signature signature, const oc_sign_request *request,
					   const oc_credentials *credentials, const char *region, time_t when, long expires_s, oc_buf *out);

/* ---- oc_sign_common.c: what the canonical texts of the schemes have in common */

#define OC_SIGN_SECRET_MAX 512 /* bytes of an access key secret */
#define OC_SIGN_SET_MAX (OC_SIGN_MAX_HEADERS + 8)

/* Names with values, to be sorted and joined.  A failure (too many, no memory) is remembered until oc_sign_set_sort. */
typedef struct oc_sign_set
{
	struct
	{
		size_t name; /* offsets into texts */
		size_t value;
	} items[OC_SIGN_SET_MAX];
	int count;
	oc_buf texts;
} oc_sign_set;

extern void oc_sign_set_init(oc_sign_set *set);
extern void oc_sign_set_free(oc_sign_set *set);
extern void oc_sign_set_add(oc_sign_set *set, const char *name, const char *value);
extern void oc_sign_set_add_header(oc_sign_set *set, const char *name, const char *value, bool collapse);
extern void oc_sign_set_add_query(oc_sign_set *set, const char *name, const char *value);
extern bool oc_sign_set_sort(oc_sign_set *set, bool by_value_too);
extern const char *oc_sign_set_name(const oc_sign_set *set, int index);
extern const char *oc_sign_set_value(const oc_sign_set *set, int index);
extern void oc_sign_write_headers(const oc_sign_set *set, oc_buf *target);
extern void oc_sign_write_names(const oc_sign_set *set, oc_buf *target);
extern void oc_sign_write_query(const oc_sign_set *set, bool always_equals, oc_buf *target);
/* The last header of that name, in any case; NULL when there is none. */
extern const char *oc_sign_find_header(const oc_sign_request *request, const char *name);
/* Appends "Name: value" and a NUL. */
extern void oc_sign_emit(oc_buf *out, const char *name, const char *value);

/* The V4 schemes: a key derived in four steps, a scope, a hash of the canonical request. */
typedef struct oc_sign_v4_scheme
{
	const char *algorithm;	/* OSS4-HMAC-SHA256 */
	const char *key_prefix; /* aliyun_v4 */
	const char *terminator; /* aliyun_v4_request */
	const char *region;
	const char *product;
} oc_sign_v4_scheme;

extern bool oc_sign_v4_scope(const oc_sign_v4_scheme *scheme, const char *iso, oc_buf *target);
/* Fills string_to_sign and signature.  false: no memory, or the secret is too long. */
extern bool oc_sign_v4_finish(const oc_sign_v4_scheme *scheme, const char *secret, const char *iso,
							  const oc_buf *canonical, oc_buf *string_to_sign, char signature[65]);

/* The older schemes of OSS and OBS: HMAC-SHA1 over lines. */
typedef struct oc_sign_v1_scheme
{
	const char *header_prefix; /* x-oss- */
	bool encode_key;
	bool (*signs_query)(const char *name);
} oc_sign_v1_scheme;

/* extra: headers and queries that the signer adds itself */
extern bool oc_sign_v1_finish(const oc_sign_v1_scheme *scheme, const oc_sign_request *request, const char *secret,
							  const char *date, const oc_pair *extra_headers, int extra_header_count,
							  const oc_pair *extra_query, oc_buf *string_to_sign, char signature[32]);
extern bool oc_presign_v1(const oc_sign_v1_scheme *scheme, const oc_sign_request *request, const oc_credentials *credentials,
						  const char *key_id_name, const oc_pair *token, time_t when, long expires_s, oc_buf *out);
/* Hands the texts to the trace, or frees them when there is none. */
extern void oc_sign_keep(oc_signature_trace *trace, oc_buf *canonical, oc_buf *string_to_sign);

/* ---- the presigning half of each signer, for oc_presign (oc_sign_common.c) */

extern bool oc_presign_oss_v4(const oc_sign_request *request, const oc_credentials *credentials, const char *region,
							  time_t when, long expires_s, oc_buf *out);
extern bool oc_presign_oss_v1(const oc_sign_request *request, const oc_credentials *credentials, time_t when,
							  long expires_s, oc_buf *out);
extern bool oc_presign_obs(const oc_sign_request *request, const oc_credentials *credentials, time_t when,
						   long expires_s, oc_buf *out);
extern bool oc_presign_s3(const oc_sign_request *request, const oc_credentials *credentials, const char *region,
						  time_t when, long expires_s, oc_buf *out);

/* ---- oc_error.c: the stores' error codes (protocols.md 4.2, 5.4, 6) */

/* code NULL or "": by the HTTP status alone */
extern oc_error_class oc_error_classify(int http_status, const char *code);
extern bool oc_error_is_retryable(int http_status, const char *code);

/* ---- oc_xml.c: expat, no DTD, no entities but the predefined, depth and size limits; fuzzed */

/* Each parses a whole document of at most 16 MB.  Local element names only, unknown elements ignored (protocols.md 2). */
extern bool oc_xml_error(const char *xml, size_t size, oc_error *error); /* false: not an <Error> document; fills code, message, ec, request_id, detail */
extern bool oc_xml_list(const char *xml, size_t size, oc_page *page, oc_error *error);
extern bool oc_xml_uploads(const char *xml, size_t size, oc_page *page, oc_error *error);
extern bool oc_xml_initiate(const char *xml, size_t size, char *upload_id, size_t upload_id_size, oc_error *error);
extern bool oc_xml_complete(const char *xml, size_t size, char *etag, size_t etag_size, oc_error *error);
/* DeleteResult: the first per-key <Error>, if any, into error (returns false); empty body is fine. */
extern bool oc_xml_delete(const char *xml, size_t size, oc_error *error);
extern void oc_page_free(oc_page *page);
extern bool oc_xml_escape(oc_buf *target, const char *text);

#endif
