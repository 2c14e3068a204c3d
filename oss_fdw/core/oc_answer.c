/*
 * oc_answer.c
 *	  The head of an HTTP answer: header lines into an oc_answer.
 *
 * oc_http.c gives each line as it comes; the three dialects differ only in the
 * prefix of their own headers.  Runs on the I/O thread.
 */
#include "oc_call_int.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

static void read_dialect_header(oc_answer *answer, const char *name, const char *value, oc_buf *document);
static void read_error_document(const char *value, oc_buf *document);
static bool read_range(oc_answer *answer, const char *value);
static void read_retry_after(oc_answer *answer, const char *value);
static bool read_number(const char *text, const char **end, uint64_t *number);
static void copy_text(char *target, size_t size, const char *value);

void
oc_answer_init(oc_answer *answer, int status)
{
	memset(answer, 0, sizeof *answer);
	answer->status = status;
	answer->content_length = -1;
	answer->retry_after_s = -1;
}

void
oc_answer_header(oc_answer *answer, const char *prefix, const char *line, size_t size, oc_buf *document)
{
	char text[8192];
	char *value;
	size_t prefix_size = strlen(prefix);
	uint64_t number;

	while (size > 0 && (line[size - 1] == '\r' || line[size - 1] == '\n' || line[size - 1] == ' '))
		size--;
	if (size >= sizeof text) /* none that we read is that long */
		return;
	memcpy(text, line, size);
	text[size] = '\0';
	value = strchr(text, ':');
	if (value == NULL)
		return;
	*value++ = '\0';
	while (*value == ' ' || *value == '\t')
		value++;

	if (strncasecmp(text, prefix, prefix_size) == 0)
		read_dialect_header(answer, text + prefix_size, value, document);
	else if (strcasecmp(text, "ETag") == 0)
		copy_text(answer->etag, sizeof answer->etag, value);
	else if (strcasecmp(text, "Content-Length") == 0 && read_number(value, NULL, &number) && number <= INT64_MAX)
		answer->content_length = (int64_t) number;
	else if (strcasecmp(text, "Content-Range") == 0)
		answer->range_known = read_range(answer, value);
	else if (strcasecmp(text, "Content-Type") == 0)
		copy_text(answer->content_type, sizeof answer->content_type, value);
	else if (strcasecmp(text, "Date") == 0)
		answer->date_known = oc_parse_http_date(value, &answer->date);
	else if (strcasecmp(text, "Last-Modified") == 0)
	{
		time_t when;

		if (oc_parse_http_date(value, &when))
			answer->last_modified = (int64_t) when * 1000000;
	}
	else if (strcasecmp(text, "Retry-After") == 0)
		read_retry_after(answer, value);
}

bool
oc_etag_is_md5(const char *etag)
{
	if (*etag == '"')
		etag++;
	return strspn(etag, "0123456789abcdefABCDEF") == 32 && (etag[32] == '\0' || etag[32] == '"');
}

bool
oc_etag_equals_md5(const char *etag, const unsigned char md5[16])
{
	char hex[33];

	oc_hex(md5, 16, hex);
	return strncasecmp(*etag == '"' ? etag + 1 : etag, hex, 32) == 0;
}

/* name: behind the prefix */
static void
read_dialect_header(oc_answer *answer, const char *name, const char *value, oc_buf *document)
{
	if (strcasecmp(name, "request-id") == 0)
		copy_text(answer->request_id, sizeof answer->request_id, value);
	else if (strcasecmp(name, "ec") == 0)
		copy_text(answer->ec, sizeof answer->ec, value);
	else if (strcasecmp(name, "storage-class") == 0)
		copy_text(answer->storage_class, sizeof answer->storage_class, value);
	else if (strcasecmp(name, "meta-oss-fdw-token") == 0)
		copy_text(answer->token, sizeof answer->token, value);
	else if (strncasecmp(name, "server-side-encryption", 22) == 0 && strcasecmp(name + 22, "-key-id") != 0)
		copy_text(answer->encryption, sizeof answer->encryption, value);
	else if (strcasecmp(name, "bucket-region") == 0)
		copy_text(answer->region, sizeof answer->region, value);
	else if (strcasecmp(name, "hash-crc64ecma") == 0 || strcasecmp(name, "checksum-crc64ecma") == 0)
		answer->crc64_known = read_number(value, NULL, &answer->crc64);
	else if (strcasecmp(name, "err") == 0)
		read_error_document(value, document);
}

static void
read_error_document(const char *value, oc_buf *document)
{
	unsigned char decoded[6144];
	size_t size;

	if (document->size == 0 && oc_base64_decode(value, decoded, sizeof decoded, &size))
		oc_buf_append(document, decoded, size);
}

/* "bytes 0-99/1000"; a total of "*" is of no use to us */
static bool
read_range(oc_answer *answer, const char *value)
{
	const char *at;

	if (strncasecmp(value, "bytes ", 6) != 0)
		return false;
	return read_number(value + 6, &at, &answer->range_start) && *at == '-' &&
		   read_number(at + 1, &at, &answer->range_end) && *at == '/' &&
		   read_number(at + 1, &at, &answer->range_total) && answer->range_start <= answer->range_end &&
		   answer->range_end < answer->range_total;
}

/* seconds or an HTTP date */
static void
read_retry_after(oc_answer *answer, const char *value)
{
	uint64_t number;
	time_t when;

	if (read_number(value, NULL, &number))
		answer->retry_after_s = number < 86400 ? (long) number : 86400;
	else if (oc_parse_http_date(value, &when))
	{
		time_t now = oc_wall_seconds();

		answer->retry_after_s = when <= now ? 0 : when - now < 86400 ? (long) (when - now) : 86400;
	}
}

/* end NULL: the number must be all there is */
static bool
read_number(const char *text, const char **end, uint64_t *number)
{
	char *stop;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &stop, 10);
	if (end)
		*end = stop;
	return errno == 0 && (end || *stop == '\0');
}

/* A value that does not fit is dropped: half an ETag is worse than none. */
static void
copy_text(char *target, size_t size, const char *value)
{
	size_t length = strlen(value);

	if (length < size)
		memcpy(target, value, length + 1);
}
