/*
 * test_error.c
 *	  Codes to classes, retries and hints.
 */
#include "oc_int.h"
#include "unit.h"

static void
classes(void)
{
	static const struct
	{
		int status;
		const char *code;
		oc_error_class class;
		bool retryable;
	} cases[] = {
		{403, "AccessDenied", OC_ERR_DENIED, false},
		{403, "InvalidAccessKeyId", OC_ERR_CREDENTIALS, false},
		{403, "SignatureDoesNotMatch", OC_ERR_CREDENTIALS, false},
		{403, "SecurityTokenExpired", OC_ERR_CREDENTIALS, false},
		{400, "ExpiredToken", OC_ERR_CREDENTIALS, false},
		{403, "RequestTimeTooSkewed", OC_ERR_CLOCK, false},
		{403, "InvalidObjectState", OC_ERR_ARCHIVED, false},
		{403, "SecondLevelDomainForbidden", OC_ERR_ARGUMENT, false},
		{403, "KMS.DisabledException", OC_ERR_DENIED, false},
		{404, "NoSuchBucket", OC_ERR_NO_BUCKET, false},
		{404, "NoSuchKey", OC_ERR_NOT_FOUND, false},
		{404, "NoSuchUpload", OC_ERR_NOT_FOUND, false},
		{409, "FileAlreadyExists", OC_ERR_EXISTS, false},
		{409, "OperationAborted", OC_ERR_STORE, true},
		{412, "PreconditionFailed", OC_ERR_CHANGED, false},
		{400, "InvalidDigest", OC_ERR_INTEGRITY, false},
		{400, "RequestTimeout", OC_ERR_TIMEOUT, true},
		{400, "BadRequest", OC_ERR_STORE, true},
		{400, "EntityTooSmall", OC_ERR_LIMIT, false},
		{500, "InternalError", OC_ERR_STORE, true},
		{503, "SlowDown", OC_ERR_THROTTLED, true},
		{503, "TotalQpsLimitExceeded", OC_ERR_THROTTLED, true},
		{429, "TooManyRequests", OC_ERR_THROTTLED, true},
		{400, "SomethingNew", OC_ERR_STORE, false},
		{503, "SomethingNew", OC_ERR_THROTTLED, true},
		{200, "InternalError", OC_ERR_STORE, true},
		/* no code: the status alone */
		{401, "", OC_ERR_DENIED, false},
		{403, NULL, OC_ERR_DENIED, false},
		{404, "", OC_ERR_NOT_FOUND, false},
		{408, "", OC_ERR_TIMEOUT, true},
		{412, "", OC_ERR_CHANGED, false},
		{416, "", OC_ERR_STORE, false},
		{429, "", OC_ERR_THROTTLED, true},
		{500, NULL, OC_ERR_STORE, true},
		{501, "", OC_ERR_STORE, false},
		{502, "", OC_ERR_STORE, true},
		{503, "", OC_ERR_THROTTLED, true},
		{504, "", OC_ERR_STORE, true},
		{505, "", OC_ERR_STORE, false},
		{301, "", OC_ERR_ARGUMENT, false},
		{307, NULL, OC_ERR_ARGUMENT, false},
		{304, "", OC_ERR_STORE, false},
		{0, "", OC_ERR_STORE, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		if (!CHECK_INT(oc_error_classify(cases[i].status, cases[i].code), cases[i].class) ||
			!CHECK_INT(oc_error_is_retryable(cases[i].status, cases[i].code), cases[i].retryable))
			fprintf(stderr, "for %d %s\n", cases[i].status, cases[i].code ? cases[i].code : "");
	}
}

/* The hint must have part in it; part NULL: no hint. */
static void
check_hint(oc_error_class class, const char *code, const char *operation, const char *host,
		   const char *message, const char *part)
{
	oc_error error = {.class = class};
	const char *hint;

	snprintf(error.code, sizeof(error.code), "%s", code);
	snprintf(error.operation, sizeof(error.operation), "%s", operation);
	snprintf(error.host, sizeof(error.host), "%s", host);
	snprintf(error.message, sizeof(error.message), "%s", message);
	hint = oc_error_hint(&error);
	if (part == NULL)
		CHECK(hint == NULL);
	else if (!CHECK(hint && strstr(hint, part)))
		fprintf(stderr, "hint for %s %s is [%s], expected [%s] in it\n", code, operation,
				hint ? hint : "(none)", part);
	if (hint)
		CHECK(hint[strlen(hint) - 1] == '.');
}

static void
hints(void)
{
	static const char internal[] = "b.oss-cn-hangzhou-internal.aliyuncs.com";

	check_hint(OC_ERR_CLOCK, "RequestTimeTooSkewed", "PutObject", "h", "m", "clock");
	check_hint(
		OC_ERR_DENIED, "AccessDenied", "ListObjectsV2", "h",
		"The bucket you are attempting to access must be addressed using the specified endpoint.",
		"endpoint");
	check_hint(OC_ERR_ARGUMENT, "SecondLevelDomainForbidden", "GetObject", "h", "m",
			   "addressing to virtual");
	check_hint(OC_ERR_ARGUMENT, "VirtualHostDomainRequired", "GetObject", "h", "m",
			   "addressing to virtual");
	check_hint(OC_ERR_RESOLVE, "", "GetObject", internal, "m", "Internal endpoints");
	check_hint(OC_ERR_CONNECT, "", "GetObject", internal, "m", "Internal endpoints");
	check_hint(OC_ERR_TIMEOUT, "", "GetObject", internal, "m", "Internal endpoints");
	check_hint(OC_ERR_RESOLVE, "", "GetObject", "b.oss-cn-hangzhou.aliyuncs.com", "m", "spelling");
	check_hint(OC_ERR_CONNECT, "", "GetObject", "h", "m", "firewall");
	check_hint(OC_ERR_TIMEOUT, "RequestTimeout", "GetObject", "h", "m", "retry_timeout");
	check_hint(OC_ERR_DENIED, "AccessDenied", "PutObject", "h", "m", "oss:PutObject");
	check_hint(OC_ERR_DENIED, "AccessDenied", "UploadPart", "h", "m", "oss:PutObject");
	check_hint(OC_ERR_DENIED, "AccessDenied", "GetObject", "h", "m", "oss:GetObject");
	check_hint(OC_ERR_DENIED, "", "HeadObject", "h", "HTTP status 403", "oss:GetObject");
	check_hint(OC_ERR_DENIED, "AccessDenied", "ListObjectsV2", "h", "m", "s3:ListBucket");
	check_hint(OC_ERR_DENIED, "AccessDenied", "ListMultipartUploads", "h", "m",
			   "oss:ListMultipartUploads");
	check_hint(OC_ERR_DENIED, "AccessDenied", "AbortMultipartUpload", "h", "m",
			   "oss:AbortMultipartUpload");
	check_hint(OC_ERR_DENIED, "AccessDenied", "DeleteMultipleObjects", "h", "m",
			   "oss:DeleteObject");
	check_hint(OC_ERR_DENIED, "AccessDenied", "Unheard", "h", "m", "permission");
	check_hint(OC_ERR_DENIED, "AccessDenied", "GetObject", "h",
			   "Anonymous access is forbidden for this operation.", "anonymous");
	check_hint(OC_ERR_CREDENTIALS, "SecurityTokenExpired", "GetObject", "h", "m",
			   "token has expired");
	check_hint(OC_ERR_CREDENTIALS, "InvalidAccessKeyId", "GetObject", "h", "m", "access_key_id");
	check_hint(OC_ERR_CREDENTIALS, "SignatureDoesNotMatch", "GetObject", "h", "m",
			   "access_key_secret");
	check_hint(OC_ERR_ARCHIVED, "InvalidObjectState", "GetObject", "h", "m", "restore");
	check_hint(OC_ERR_NO_BUCKET, "NoSuchBucket", "GetObject", "h", "m", "bucket");
	check_hint(OC_ERR_TLS, "", "GetObject", "h", "m", "ca_file");
	check_hint(OC_ERR_THROTTLED, "SlowDown", "GetObject", "h", "m", "max_connections");
	check_hint(OC_ERR_EXISTS, "FileAlreadyExists", "PutObject", "h", "m", "export_mode");
	check_hint(OC_ERR_STORE, "InvalidRequest", "PutObject", "h",
			   "The authorization mechanism you have provided is not supported. Please use "
			   "OSS4-HMAC-SHA256.",
			   "signature_version");
	check_hint(OC_ERR_DENIED, "KmsServiceNotEnabled", "PutObject", "h", "m", "sse_kms_key_id");
	check_hint(OC_ERR_DENIED, "KMS.NotFoundException", "PutObject", "h", "m", "sse_kms_key_id");
	check_hint(OC_ERR_STORE, "NotImplemented", "PutObject", "h", "m", "provider");
	check_hint(OC_ERR_ARGUMENT, "PermanentRedirect", "PutObject", "h", "m", "region");
	check_hint(OC_ERR_INTEGRITY, "InvalidDigest", "PutObject", "h", "m", "again");
	check_hint(OC_ERR_CHANGED, "PreconditionFailed", "GetObject", "h", "m", "again");
	check_hint(OC_ERR_PROTOCOL, "", "GetObject", "h", "m", "provider");
	check_hint(OC_ERR_CODEC, "", "", "", "m", "compression");
	check_hint(OC_ERR_DENIED, "InDebt", "PutObject", "h", "m", "balance");
	check_hint(OC_ERR_NOT_FOUND, "NoSuchUpload", "UploadPart", "h", "m", "aborted");
	check_hint(OC_ERR_DATA, "", "", "", "m", NULL);
	check_hint(OC_ERR_CANCELLED, "", "", "", "m", NULL);
}

static void
hints_elsewhere(void)
{
	oc_error error = {.class = OC_ERR_STORE, .http_status = 400};
	const char *hint;

	CHECK(oc_error_hint(&error) == NULL);
	snprintf(error.detail, sizeof(error.detail), "the bucket is in region eu-west-1");
	hint = oc_error_hint(&error);
	CHECK(hint && strstr(hint, "endpoint and region"));
	/* S3 tells the region in every answer: with a code it need not be the cause */
	snprintf(error.code, sizeof(error.code), "InvalidPart");
	CHECK(oc_error_hint(&error) == NULL);
	error = (oc_error){.class = OC_ERR_ARGUMENT,
					   .http_status = 403,
					   .ec = "0002-00000226",
					   .code = "InvalidArgument"};
	hint = oc_error_hint(&error);
	CHECK(hint && strstr(hint, "endpoint and region"));
	error = (oc_error){.class = OC_ERR_ARGUMENT, .http_status = 307};
	hint = oc_error_hint(&error);
	CHECK(hint && strstr(hint, "endpoint and region"));
}

int
main(void)
{
	classes();
	hints_elsewhere();
	hints();
	return unit_done();
}
