/*
 * oc_error.c
 *	  What the stores' error codes mean: a class, whether to try again, and what the user can do.
 *
 * One table for all dialects, since they share most names.  A code that is not in it counts by its
 * HTTP status.  Hints are static sentences: what is particular stands in the error's other fields.
 */
#include "oc_int.h"

typedef struct code_fact
{
	const char *code;
	oc_error_class class;
	bool retryable;
	const char *hint; /* NULL: the hint of the class */
} code_fact;

static const code_fact *fact_of(const char *code);
static oc_error_class class_of_status(int http_status);
static bool points_elsewhere(const oc_error *error);
static const char *hint_of_denial(const oc_error *error);
static const char *hint_of_operation(const char *operation);
static const char *hint_of_class(const oc_error *error);
static bool is_kms(const char *code);

#define HINT_TOKEN                                                                     \
	"The security token has expired or does not belong to this access key: set a new " \
	"access_key_id, "                                                                  \
	"access_key_secret and security_token together in the user mapping."
#define HINT_PATH_STYLE                                                                            \
	"The store does not accept the bucket in the URL's path: set the server option addressing to " \
	"virtual."
#define HINT_ENDPOINT                                                                           \
	"Set the server options endpoint and region to those of the bucket; the detail names what " \
	"the store asks for."
#define HINT_ACCOUNT                                                                         \
	"The store has suspended the account or the bucket: check its balance and state in the " \
	"console."
#define HINT_THROTTLED                                                                             \
	"The store limits the request rate or bandwidth: lower the server option max_connections, or " \
	"raise "                                                                                       \
	"max_retries and retry_timeout."
#define HINT_KMS                                                                                 \
	"Check the options sse and sse_kms_key_id, that the key service is enabled in the bucket's " \
	"region and that the "                                                                       \
	"access key may use the key."
#define HINT_ARCHIVED "The object is archived: restore it in the store first, then read it."
#define HINT_UNSUPPORTED                                                                        \
	"The store does not support this request: check the server option provider, and the table " \
	"options that are passed through "                                                          \
	"to the store."
#define HINT_READ                                                                \
	"The access key needs the permission oss:GetObject (S3: s3:GetObject, OBS: " \
	"obs:object:GetObject) there.  Without the "                                 \
	"permission to list, a store denies access also when the object does not exist."
#define HINT_SECRET                                                                             \
	"Check access_key_secret in the user mapping, and the server options region, provider and " \
	"signature_version."
#define HINT_EXISTS \
	"Objects are there already: remove them, or use export_mode 'append' or 'overwrite'."

static const code_fact facts[] = {
	/* who asks */
	{"InvalidAccessKeyId", OC_ERR_CREDENTIALS, false,
	 "The store does not know this access key: check access_key_id in the user mapping, that the "
	 "key is enabled and that the "
	 "endpoint is one of the provider that issued it."},
	{"SignatureDoesNotMatch", OC_ERR_CREDENTIALS, false, HINT_SECRET},
	{"TooManyWrongSignature", OC_ERR_CREDENTIALS, false, HINT_SECRET},
	{"AccessKeyIdAndSecurityTokenNotMatch", OC_ERR_CREDENTIALS, false, HINT_TOKEN},
	{"SecurityTokenNotSupported", OC_ERR_CREDENTIALS, false, HINT_TOKEN},
	{"InvalidSecurityToken", OC_ERR_CREDENTIALS, false, HINT_TOKEN},
	{"SecurityTokenExpired", OC_ERR_CREDENTIALS, false, HINT_TOKEN},
	{"ExpiredToken", OC_ERR_CREDENTIALS, false, HINT_TOKEN},
	{"InvalidToken", OC_ERR_CREDENTIALS, false, HINT_TOKEN},
	{"TokenRefreshRequired", OC_ERR_CREDENTIALS, false, HINT_TOKEN},
	{"RequestTimeTooSkewed", OC_ERR_CLOCK, false, NULL},
	{"RequestExpired", OC_ERR_CLOCK, false, NULL},
	/* what is allowed */
	{"AccessDenied", OC_ERR_DENIED, false, NULL},
	{"AllAccessDisabled", OC_ERR_DENIED, false, HINT_ACCOUNT},
	{"UserDisable", OC_ERR_DENIED, false, HINT_ACCOUNT},
	{"BucketDisable", OC_ERR_DENIED, false, HINT_ACCOUNT},
	{"InDebt", OC_ERR_DENIED, false, HINT_ACCOUNT},
	{"InArrearOrInsufficientBalance", OC_ERR_DENIED, false, HINT_ACCOUNT},
	{"RequestPayerDenied", OC_ERR_DENIED, false,
	 "The bucket lets the requester pay, and this access key may not."},
	{"FileImmutable", OC_ERR_DENIED, false,
	 "A retention policy of the bucket protects the object."},
	{"KmsServiceNotEnabled", OC_ERR_DENIED, false, HINT_KMS},
	{"InvalidObjectState", OC_ERR_ARCHIVED, false, NULL},
	{"RestoreAlreadyInProgress", OC_ERR_ARCHIVED, false,
	 "The object is being restored: try again later."},
	/* where */
	{"SecondLevelDomainForbidden", OC_ERR_ARGUMENT, false, HINT_PATH_STYLE},
	{"VirtualHostDomainRequired", OC_ERR_ARGUMENT, false, HINT_PATH_STYLE},
	{"NonStandardHostForbidden", OC_ERR_ARGUMENT, false,
	 "The store does not accept this host name: use a regular endpoint, or addressing 'cname' for "
	 "the bucket's own domain."},
	{"PublicEndpointForbidden", OC_ERR_ARGUMENT, false,
	 "The account may not use public endpoints for data: use the internal endpoint, or bind a "
	 "domain of your own to the bucket "
	 "and set addressing to cname."},
	{"TransferAccelerationDisabled", OC_ERR_ARGUMENT, false,
	 "Transfer acceleration is off for this bucket: switch it on, or use the endpoint of the "
	 "bucket's region."},
	{"PermanentRedirect", OC_ERR_ARGUMENT, false, HINT_ENDPOINT},
	{"TemporaryRedirect", OC_ERR_ARGUMENT, false, HINT_ENDPOINT},
	{"Redirect", OC_ERR_ARGUMENT, false, HINT_ENDPOINT},
	{"AuthorizationHeaderMalformed", OC_ERR_ARGUMENT, false, HINT_ENDPOINT},
	{"NoSuchBucket", OC_ERR_NO_BUCKET, false, NULL},
	{"InvalidBucketName", OC_ERR_ARGUMENT, false, "Check the option bucket."},
	/* objects and uploads */
	{"NoSuchKey", OC_ERR_NOT_FOUND, false, NULL},
	{"NoSuchVersion", OC_ERR_NOT_FOUND, false, NULL},
	{"SymlinkTargetNotExist", OC_ERR_NOT_FOUND, false, NULL},
	{"NoSuchUpload", OC_ERR_NOT_FOUND, false,
	 "The unfinished upload was aborted meanwhile, perhaps by another session or a lifecycle rule "
	 "of the bucket."},
	{"FileAlreadyExists", OC_ERR_EXISTS, false, HINT_EXISTS},
	{"ObjectAlreadyExists", OC_ERR_EXISTS, false, HINT_EXISTS},
	{"PreconditionFailed", OC_ERR_CHANGED, false, NULL},
	{"ConditionalRequestConflict", OC_ERR_STORE, true, NULL},
	{"OperationAborted", OC_ERR_STORE, true, NULL},
	/* how */
	{"InvalidArgument", OC_ERR_ARGUMENT, false, NULL},
	{"InvalidObjectName", OC_ERR_ARGUMENT, false, NULL},
	{"KeyTooLongError", OC_ERR_ARGUMENT, false, NULL},
	{"InvalidStorageClass", OC_ERR_ARGUMENT, false, "Check the table option storage_class."},
	{"InvalidTag", OC_ERR_ARGUMENT, false, "Check the table option tagging."},
	{"InvalidEncryptionAlgorithmError", OC_ERR_ARGUMENT, false, "Check the table option sse."},
	{"AccessControlListNotSupported", OC_ERR_ARGUMENT, false,
	 "The bucket refuses ACLs: remove the table option acl."},
	{"InvalidTargetType", OC_ERR_ARGUMENT, false, HINT_UNSUPPORTED},
	{"EntityTooLarge", OC_ERR_LIMIT, false, "Lower the table option part_size or max_file_size."},
	{"EntityTooSmall", OC_ERR_LIMIT, false, "Raise the table option part_size."},
	{"NotImplemented", OC_ERR_STORE, false, HINT_UNSUPPORTED},
	{"OperationNotSupported", OC_ERR_STORE, false, HINT_UNSUPPORTED},
	{"MethodNotAllowed", OC_ERR_STORE, false, HINT_UNSUPPORTED},
	/* on the way */
	{"InvalidDigest", OC_ERR_INTEGRITY, false, NULL},
	{"BadDigest", OC_ERR_INTEGRITY, false, NULL},
	{"InvalidCRC64", OC_ERR_INTEGRITY, false, NULL},
	{"XAmzContentSHA256Mismatch", OC_ERR_INTEGRITY, false, NULL},
	{"IncompleteBody", OC_ERR_INTEGRITY, false, NULL},
	{"RequestTimeout", OC_ERR_TIMEOUT, true, NULL},
	{"BadRequest", OC_ERR_STORE, true, NULL},
	{"InternalError", OC_ERR_STORE, true, NULL},
	/* how much */
	{"ServiceUnavailable", OC_ERR_THROTTLED, true, NULL},
	{"SlowDown", OC_ERR_THROTTLED, true, NULL},
	{"SlowDownRead", OC_ERR_THROTTLED, true, NULL},
	{"SlowDownWrite", OC_ERR_THROTTLED, true, NULL},
	{"Throttling", OC_ERR_THROTTLED, true, NULL},
	{"ThrottlingException", OC_ERR_THROTTLED, true, NULL},
	{"TooManyRequests", OC_ERR_THROTTLED, true, NULL},
	{"RequestLimitExceeded", OC_ERR_THROTTLED, true, NULL},
	{"BandwidthLimitExceeded", OC_ERR_THROTTLED, true, NULL},
	{"TotalQpsLimitExceeded", OC_ERR_THROTTLED, true, NULL},
	{"QpsLimitExceeded", OC_ERR_THROTTLED, true, NULL},
	{"MetaOperationQpsLimitExceeded", OC_ERR_THROTTLED, true, NULL},
	{"DownloadTrafficRateLimitExceeded", OC_ERR_THROTTLED, true, NULL},
	{"UploadTrafficRateLimitExceeded", OC_ERR_THROTTLED, true, NULL},
	{"ActiveRequestLimitExceeded", OC_ERR_THROTTLED, true, NULL},
	{"CpuLimitExceeded", OC_ERR_THROTTLED, true, NULL},
};

/* ---------------------------------------------------------------- classes */

oc_error_class
oc_error_classify(int http_status, const char *code)
{
	const code_fact *fact = fact_of(code);

	if (fact)
		return fact->class;
	if (is_kms(code))
		return OC_ERR_DENIED;
	return class_of_status(http_status);
}

bool
oc_error_is_retryable(int http_status, const char *code)
{
	const code_fact *fact = fact_of(code);

	if (fact)
		return fact->retryable;
	return http_status == 408 || http_status == 429 || http_status == 500 || http_status == 502 ||
		   http_status == 503 || http_status == 504;
}

static const code_fact *
fact_of(const char *code)
{
	for (size_t i = 0; code && i < sizeof(facts) / sizeof(facts[0]); i++)
		if (strcmp(facts[i].code, code) == 0)
			return &facts[i];
	return NULL;
}

/* "KMS.DisabledException" and the like */
static bool
is_kms(const char *code)
{
	return code && strncmp(code, "KMS.", 4) == 0;
}

static oc_error_class
class_of_status(int http_status)
{
	switch (http_status)
	{
		case 301:
		case 302:
		case 307:
		case 308:
			return OC_ERR_ARGUMENT; /* another endpoint: never followed, a signature is good for one host */
		case 401:
		case 403:
			return OC_ERR_DENIED;
		case 404:
			return OC_ERR_NOT_FOUND;
		case 408:
			return OC_ERR_TIMEOUT;
		case 412:
			return OC_ERR_CHANGED;
		case 429:
		case 503:
			return OC_ERR_THROTTLED;
		default:
			return OC_ERR_STORE;
	}
}

/* ---------------------------------------------------------------- hints */

const char *
oc_error_hint(const oc_error *error)
{
	const code_fact *fact = fact_of(error->code);

	if (strstr(error->message, "OSS4-HMAC-SHA256") ||
		strstr(error->message, "authorization mechanism") ||
		strstr(error->message, "signature version"))
		return "The store refuses this signature version: set the server option signature_version "
			   "to v4.";
	if (points_elsewhere(error))
		return HINT_ENDPOINT;
	if (fact && fact->hint)
		return fact->hint;
	if (is_kms(error->code))
		return HINT_KMS;
	if (error->class == OC_ERR_DENIED)
		return hint_of_denial(error);
	return hint_of_class(error);
}

/* A redirect, OSS' complaints about the region of a V4 signature, and S3's bare 400 to a HEAD that was signed for another region. */
static bool
points_elsewhere(const oc_error *error)
{
	return (error->http_status > 300 && error->http_status < 309 && error->http_status != 304) ||
		   strcmp(error->ec, "0002-00000226") == 0 || strcmp(error->ec, "0002-00000228") == 0 ||
		   (error->http_status == 400 && error->code[0] == '\0' && strstr(error->detail, "region"));
}

/* AccessDenied has many causes; the message tells some of them. */
static const char *
hint_of_denial(const oc_error *error)
{
	if (strstr(error->message, "specified endpoint"))
		return HINT_ENDPOINT;
	if (strstr(error->message, "nonymous"))
		return "The request was anonymous: create a user mapping with access_key_id and "
			   "access_key_secret, or make the "
			   "bucket public.";
	return hint_of_operation(error->operation);
}

static const char *
hint_of_operation(const char *operation)
{
	static const struct
	{
		const char *operation;
		const char *hint;
	} permissions[] = {
		{"HeadObject", HINT_READ},
		{"GetObject", HINT_READ},
#define PERMISSION(operation, oss, s3, obs) \
	{operation, "The access key needs the permission " oss " (S3: " s3 ", OBS: " obs ") there."}
		PERMISSION("PutObject", "oss:PutObject", "s3:PutObject", "obs:object:PutObject"),
		PERMISSION("InitiateMultipartUpload", "oss:PutObject", "s3:PutObject",
				   "obs:object:PutObject"),
		PERMISSION("UploadPart", "oss:PutObject", "s3:PutObject", "obs:object:PutObject"),
		PERMISSION("CompleteMultipartUpload", "oss:PutObject", "s3:PutObject",
				   "obs:object:PutObject"),
		PERMISSION("AbortMultipartUpload", "oss:AbortMultipartUpload", "s3:AbortMultipartUpload",
				   "obs:object:AbortMultipartUpload"),
		PERMISSION("ListObjectsV2", "oss:ListObjects", "s3:ListBucket", "obs:bucket:ListBucket"),
		PERMISSION("ListMultipartUploads", "oss:ListMultipartUploads",
				   "s3:ListBucketMultipartUploads", "obs:bucket:ListBucketMultipartUploads"),
		PERMISSION("DeleteObject", "oss:DeleteObject", "s3:DeleteObject",
				   "obs:object:DeleteObject"),
		PERMISSION("DeleteMultipleObjects", "oss:DeleteObject", "s3:DeleteObject",
				   "obs:object:DeleteObject"),
#undef PERMISSION
	};

	for (size_t i = 0; i < sizeof(permissions) / sizeof(permissions[0]); i++)
		if (strcmp(permissions[i].operation, operation) == 0)
			return permissions[i].hint;
	return "The access key lacks a permission for this operation.";
}

static const char *
hint_of_class(const oc_error *error)
{
	bool unreachable = error->class == OC_ERR_RESOLVE || error->class == OC_ERR_CONNECT ||
					   error->class == OC_ERR_TIMEOUT;

	if (unreachable && error->http_status == 0 && strstr(error->host, "-internal"))
		return "Internal endpoints answer only inside the provider's network of the same region: "
			   "use the public endpoint, "
			   "without \"-internal\".";
	switch (error->class)
	{
		case OC_ERR_MEMORY:
			return "Lower the table option part_size or the server option max_connections.";
		case OC_ERR_RESOLVE:
			return "Check the spelling of the server option endpoint and of the bucket, and this "
				   "machine's name service.";
		case OC_ERR_CONNECT:
			return "Check host and port of the server option endpoint, and that no firewall or "
				   "missing proxy is in the way.";
		case OC_ERR_TLS:
			return "Check that the endpoint speaks https and that its certificate is trusted: name "
				   "a private certificate "
				   "authority by the server option ca_file.";
		case OC_ERR_TIMEOUT:
			return "Check the network, or raise connect_timeout, low_speed_time or retry_timeout "
				   "of the server.";
		case OC_ERR_FORBIDDEN_ADDRESS:
			return "Only endpoints that the administrator allows can be used, and metadata "
				   "addresses never.";
		case OC_ERR_CREDENTIALS:
			return "Check access_key_id, access_key_secret and security_token in the user mapping.";
		case OC_ERR_CLOCK:
			return "The clocks of this machine and of the store differ by more than 15 minutes: "
				   "synchronise this machine's "
				   "clock.";
		case OC_ERR_NO_BUCKET:
			return "Check the option bucket, and that the endpoint is the one of the bucket's "
				   "region.";
		case OC_ERR_EXISTS:
			return HINT_EXISTS;
		case OC_ERR_CHANGED:
			return "The object was replaced while it was being read: run the statement again.";
		case OC_ERR_ARCHIVED:
			return HINT_ARCHIVED;
		case OC_ERR_THROTTLED:
			return HINT_THROTTLED;
		case OC_ERR_PROTOCOL:
			return "Check that the endpoint is an object store's and that the server option "
				   "provider names its dialect.";
		case OC_ERR_INTEGRITY:
			return "The bytes changed on their way or in the store: run the statement again, and "
				   "check the network path if it "
				   "happens again.";
		case OC_ERR_DISK_FULL:
			return "Make room there or let temp_tablespaces (programs: TMPDIR) name another place. A smaller "
				   "part_size or max_file_size makes smaller temporary files.";
		case OC_ERR_SPILL_LIMIT:
			return "Raise temp_file_limit. A smaller part_size or max_file_size makes smaller temporary files.";
		case OC_ERR_CODEC:
			return "The object is damaged, or not compressed as the table option compression says.";
		default:
			return NULL;
	}
}
