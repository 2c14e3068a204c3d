"""The three dialects: names of headers, their legal values, spellings of storage classes, error documents.

A header that begins with a dialect's prefix and is not in its table, or has a value the store would refuse, is an
error, so that a client that sends nonsense fails here and not in production.
"""

import base64
import re
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

# code -> (HTTP status, message, EC of OSS)
ERRORS = {
    "AccessDenied": (403, "You have no right to access this object because of bucket acl.", "0003-00000001"),
    "AccessForbidden": (403, "The operation is not allowed.", "0003-00000001"),
    "AuthorizationHeaderMalformed": (400, "The authorization header is malformed.", ""),
    "AuthorizationQueryParametersError": (400, "The query parameters of the presigned request are wrong.", ""),
    "BadDigest": (400, "The Content-MD5 or checksum value that you specified did not match what the server received.", ""),
    "BadRequest": (400, "The request is malformed.", "0017-00000001"),
    "BucketAlreadyExists": (409, "The requested bucket name is not available.", "0015-00000104"),
    "BucketAlreadyOwnedByYou": (409, "Your previous request to create the named bucket succeeded and you already own it.", ""),
    "BucketNotEmpty": (409, "The bucket has objects. Please delete them first.", "0015-00000301"),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed object size.", "0017-00000005"),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed size.", "0042-00000013"),
    "ExpiredToken": (400, "The provided token has expired.", ""),
    "FileAlreadyExists": (409, "The object you specified already exists and can not be overwritten.", "0026-00000002"),
    "IncompleteBody": (400, "The request body is shorter than its Content-Length.", "0017-00000009"),
    "InternalError": (500, "We encountered an internal error, please try again.", "0009-00000001"),
    "InvalidAccessKeyId": (403, "The Access Key Id you provided does not exist in our records.", "0002-00000902"),
    "InvalidArgument": (400, "Invalid Argument.", "0017-00000011"),
    "InvalidBucketName": (400, "The specified bucket is not valid.", "0015-00000001"),
    "InvalidDigest": (400, "The Content-MD5 you specified was invalid.", "0017-00000003"),
    "InvalidEncryptionAlgorithmError": (400, "The encryption request that you specified is not valid.", "0017-00000051"),
    "InvalidObjectName": (400, "The specified object is not valid.", "0017-00000061"),
    "InvalidObjectState": (403, "The operation is not valid for the object's state", "0026-00000061"),
    "InvalidPart": (400, "One or more of the specified parts could not be found or the specified entity tag might not have matched the part's entity tag.", "0042-00000005"),
    "InvalidPartOrder": (400, "The list of parts was not in ascending order.", "0042-00000007"),
    "InvalidRange": (416, "The requested range cannot be satisfied.", "0026-00000031"),
    "InvalidRequest": (400, "The request is not valid.", ""),
    "InvalidSecurityToken": (403, "The security token you provided is invalid.", "0002-00000026"),
    "InvalidStorageClass": (400, "The storage class you specified is not valid.", ""),
    "InvalidTag": (400, "The tag you provided is not valid.", "0017-00000071"),
    "InvalidToken": (400, "The provided token is malformed or otherwise not valid.", ""),
    "KeyTooLongError": (400, "Your key is too long.", ""),
    "MalformedXML": (400, "The XML you provided was not well-formed or did not validate.", "0017-00000501"),
    "MetadataTooLarge": (400, "Your metadata headers exceed the maximum allowed metadata size.", "0017-00000081"),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource.", "0017-00000901"),
    "MissingArgument": (400, "A required argument is missing.", "0017-00000013"),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header.", "0017-00000007"),
    "NoSuchBucket": (404, "The specified bucket does not exist.", "0015-00000101"),
    "NoSuchKey": (404, "The specified key does not exist.", "0026-00000001"),
    "NoSuchUpload": (404, "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.", "0042-00000002"),
    "NonStandardHostForbidden": (403, "The host of the request is not a standard one and is bound to no bucket.", "0016-00000901"),
    "NotImplemented": (400, "A header you provided implies functionality that is not implemented.", "0017-00000401"),
    "ObjectNotAppendable": (409, "The object is not appendable", "0026-00000041"),
    "PermanentRedirect": (301, "The bucket you are attempting to access must be addressed using the specified endpoint.", ""),
    "PositionNotEqualToLength": (409, "Position is not equal to file length", "0026-00000042"),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold.", "0026-00000021"),
    "RequestTimeTooSkewed": (403, "The difference between the request time and the current time is too large.", "0002-00000504"),
    "RestoreAlreadyInProgress": (409, "The restore operation is in progress.", "0026-00000062"),
    "SecondLevelDomainForbidden": (403, "The bucket you are attempting to access must be addressed using OSS third level domain.", "0016-00000902"),
    "SecurityTokenExpired": (403, "The security token you provided has expired.", "0002-00000027"),
    "ServiceUnavailable": (503, "Service is temporarily unavailable, please try again.", "0009-00000002"),
    "SignatureDoesNotMatch": (403, "The request signature we calculated does not match the signature you provided. Check your key and signing method.", "0002-00000040"),
    "SlowDown": (503, "Please reduce your request rate.", ""),
    "TooManyRequests": (429, "Please reduce your request rate.", ""),
    "VirtualHostDomainRequired": (403, "Virtual host domain is required to access this bucket.", ""),
    "XAmzContentSHA256Mismatch": (400, "The provided 'x-amz-content-sha256' header does not match what was computed.", ""),
}


class ApiError(Exception):
    """An error document on its way.  extra: further elements; headers: further response headers."""

    def __init__(self, code, message=None, status=None, extra=None, headers=None, ec=None):
        known = ERRORS.get(code, (400, code, ""))
        super().__init__(code)
        self.code = code
        self.status = status or known[0]
        self.message = message or known[1]
        self.ec = known[2] if ec is None else ec
        self.extra = extra or {}
        self.headers = headers or {}


# ---------------------------------------------------------------- values of headers


def one_of(*values):
    return lambda text: text in values


def matches(pattern):
    compiled = re.compile(pattern, re.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None


def number(low, high):
    return lambda text: text.isascii() and text.isdigit() and low <= int(text) <= high


def tags(text):
    """k1=v1&k2=v2, at most ten, each key once."""
    pairs = parse_qsl(text, keep_blank_values=True)
    names = [n for n, _ in pairs]
    return (0 < len(pairs) <= 10 and len(set(names)) == len(names) and len(text.split("&")) == len(pairs)
            and all(0 < len(n) <= 128 and len(v) <= 256 for n, v in pairs))


anything = matches(r".+")
etags = matches(r'\*|(W/)?"?[0-9A-Za-z-]+"?(\s*,\s*"?[0-9A-Za-z-]+"?)*')
traffic = number(819200, 838860800)
yes = one_of("requester")
TOKEN = (anything, None)

WRITES = frozenset(("PutObject", "InitiateMultipartUpload", "CopyObject", "AppendObject"))
COPIES = frozenset(("CopyObject", "UploadPartCopy"))
FLOWS = frozenset(("PutObject", "AppendObject", "UploadPart", "UploadPartCopy", "CopyObject", "GetObject"))
ENDS = WRITES | {"CompleteMultipartUpload"}
ACLS = ENDS | {"PutObjectAcl"}
BODIES = frozenset(("PutObject", "UploadPart", "AppendObject", "CompleteMultipartUpload", "DeleteMultipleObjects"))
DOCUMENTS = BODIES | {"PutObjectAcl", "PutObjectTagging", "RestoreObject", "PutBucket"}
COPY = frozenset(("CopyObject",))


def _copy_headers(prefix):
    return {
        prefix + "copy-source": (anything, COPIES),
        prefix + "copy-source-range": (matches(r"bytes=\d+-\d+"), frozenset(("UploadPartCopy",))),
        prefix + "copy-source-if-match": (etags, COPIES),
        prefix + "copy-source-if-none-match": (etags, COPIES),
        prefix + "copy-source-if-modified-since": (anything, COPIES),
        prefix + "copy-source-if-unmodified-since": (anything, COPIES),
        prefix + "metadata-directive": (one_of("COPY", "REPLACE"), COPY),
        prefix + "tagging": (tags, WRITES),
        prefix + "request-payer": (yes, None),
    }


OSS_HEADERS = dict(_copy_headers("x-oss-"), **{
    "x-oss-date": (anything, None),
    "x-oss-content-sha256": (one_of("UNSIGNED-PAYLOAD"), None),
    "x-oss-security-token": TOKEN,
    "x-oss-forbid-overwrite": (one_of("true", "false"), ENDS),
    "x-oss-object-acl": (one_of("default", "private", "public-read", "public-read-write"), ACLS),
    "x-oss-acl": (one_of("private", "public-read", "public-read-write"), frozenset(("PutBucket",))),
    "x-oss-resource-group-id": (anything, frozenset(("PutBucket",))),
    "x-oss-storage-class": (one_of("Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive"), WRITES),
    "x-oss-server-side-encryption": (one_of("AES256", "KMS", "SM4"), WRITES),
    "x-oss-server-side-encryption-key-id": (anything, WRITES),
    "x-oss-server-side-data-encryption": (one_of("SM4"), WRITES),
    "x-oss-traffic-limit": (traffic, FLOWS),
    "x-oss-range-behavior": (one_of("standard"), frozenset(("GetObject",))),
    "x-oss-complete-all": (one_of("yes"), frozenset(("CompleteMultipartUpload",))),
    "x-oss-tagging-directive": (one_of("Copy", "Replace", "COPY", "REPLACE"), COPY),
})

OBS_HEADERS = dict(_copy_headers("x-obs-"), **{
    "x-obs-date": (anything, None),
    "x-obs-location": (one_of("true", "false"), frozenset(("ListBuckets",))),
    "x-obs-security-token": TOKEN,
    "x-obs-acl": (one_of("private", "public-read", "public-read-write", "public-read-delivered",
                         "public-read-write-delivered", "bucket-owner-full-control"), WRITES | {"PutBucket", "PutObjectAcl"}),
    "x-obs-storage-class": (one_of("STANDARD", "WARM", "COLD", "DEEP_ARCHIVE", "INTELLIGENT_TIERING"), WRITES | {"PutBucket"}),
    "x-obs-server-side-encryption": (one_of("kms", "AES256"), WRITES),
    "x-obs-server-side-encryption-kms-key-id": (anything, WRITES),
    "x-obs-expires": (number(1, 36500), WRITES),
    "x-obs-traffic-limit": (traffic, FLOWS),
    "x-obs-checksum-crc64ecma": (number(0, (1 << 64) - 1), BODIES),
})

S3_HEADERS = dict(_copy_headers("x-amz-"), **{
    "x-amz-date": (matches(r"\d{8}T\d{6}Z"), None),
    "x-amz-content-sha256": (matches(r"[0-9a-f]{64}|UNSIGNED-PAYLOAD|STREAMING-UNSIGNED-PAYLOAD-TRAILER|"
                                     r"STREAMING-AWS4-HMAC-SHA256-PAYLOAD(-TRAILER)?"), None),
    "x-amz-security-token": TOKEN,
    "x-amz-user-agent": (anything, None),
    "x-amz-acl": (one_of("private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read",
                         "bucket-owner-read", "bucket-owner-full-control"), WRITES | {"PutBucket", "PutObjectAcl"}),
    "x-amz-storage-class": (one_of("STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
                                   "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"), WRITES),
    "x-amz-server-side-encryption": (one_of("AES256", "aws:kms", "aws:kms:dsse"), WRITES),
    "x-amz-server-side-encryption-aws-kms-key-id": (anything, WRITES),
    "x-amz-tagging-directive": (one_of("COPY", "REPLACE"), COPY),
    "x-amz-decoded-content-length": (number(0, 5 << 40), BODIES),
    "x-amz-trailer": (matches(r"x-amz-checksum-(crc32|crc32c|crc64nvme|sha1|sha256)"), BODIES),
    "x-amz-sdk-checksum-algorithm": (one_of("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"), DOCUMENTS),
    "x-amz-checksum-algorithm": (one_of("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"), WRITES),
    "x-amz-checksum-type": (one_of("FULL_OBJECT", "COMPOSITE"), ENDS),
    "x-amz-checksum-mode": (one_of("ENABLED"), frozenset(("GetObject", "HeadObject"))),
    "x-amz-mp-object-size": (number(0, 5 << 40), frozenset(("CompleteMultipartUpload",))),
    "x-amz-expected-bucket-owner": (anything, None),
    "x-amz-optional-object-attributes": (one_of("RestoreStatus"), None),
})
for _name, _length in (("crc32", 8), ("crc32c", 8), ("crc64nvme", 12), ("sha1", 28), ("sha256", 44)):
    S3_HEADERS["x-amz-checksum-" + _name] = (matches("[A-Za-z0-9+/=]{%d}(-[0-9]+)?" % _length), DOCUMENTS)

_META_NAME = re.compile(r"[a-z0-9._-]+")

# our class -> how OSS, OBS and S3 spell it
CLASSES = {
    "standard": ("Standard", "STANDARD", "STANDARD"),
    "ia": ("IA", "WARM", "STANDARD_IA"),
    "archive": ("Archive", "COLD", "GLACIER"),
    "coldarchive": ("ColdArchive", "COLD", "GLACIER"),
    "deeparchive": ("DeepColdArchive", "DEEP_ARCHIVE", "DEEP_ARCHIVE"),
    "tiering": ("Standard", "INTELLIGENT_TIERING", "INTELLIGENT_TIERING"),
    "onezone": ("IA", "WARM", "ONEZONE_IA"),
    "instant": ("IA", "WARM", "GLACIER_IR"),
    "reduced": ("Standard", "STANDARD", "REDUCED_REDUNDANCY"),
}
ARCHIVED = frozenset(("archive", "coldarchive", "deeparchive"))


class Dialect:
    def __init__(self, name, column, prefix, headers, **facts):
        self.name = name
        self.column = column
        self.prefix = prefix
        self.headers = headers
        self.meta = prefix + "meta-"
        self.acl_header = "x-oss-object-acl" if name == "oss" else prefix + "acl"
        self.request_id = "x-amz-request-id" if name == "s3" else prefix + "request-id"
        self.sse_key = {"oss": "x-oss-server-side-encryption-key-id", "obs": "x-obs-server-side-encryption-kms-key-id",
                        "s3": "x-amz-server-side-encryption-aws-kms-key-id"}[name]
        self.classes = {}
        for own, spelled in CLASSES.items():
            self.classes.setdefault(spelled[column], own)
        for fact, value in facts.items():
            setattr(self, fact, value)

    def etag(self, etag):
        """Our etags are lower-case; OSS shows them upper-case.  Quoted."""
        return '"%s"' % (etag.upper() if self.name == "oss" else etag)

    def storage_class(self, own):
        return CLASSES[own][self.column]

    def check_headers(self, headers, op):
        """Every header with this dialect's prefix is known, fits the operation and has a legal value."""
        meta_size = 0
        for name, value in headers.items():
            if not name.startswith("x-"):
                continue
            if name.startswith(self.meta):
                if op not in WRITES or not _META_NAME.fullmatch(name[len(self.meta):]):
                    raise ApiError("InvalidArgument", "The header %s is not allowed here." % name,
                                   extra={"ArgumentName": name, "ArgumentValue": value})
                meta_size += len(name) - len(self.meta) + len(value.encode("utf-8", "surrogateescape"))
            elif name.startswith(("x-oss-", "x-obs-", "x-amz-")):
                self._check_header(name, value, op)
        if meta_size > self.longest_meta:
            raise ApiError("MetadataTooLarge" if self.name == "s3" else "InvalidArgument",
                           "The metadata is larger than %d bytes." % self.longest_meta)

    def _check_header(self, name, value, op):
        rule = self.headers.get(name)
        if rule is None:
            raise ApiError("InvalidArgument", "The header %s is not known." % name,
                           extra={"ArgumentName": name, "ArgumentValue": value})
        check, ops = rule
        if ops is not None and op not in ops:
            raise ApiError("InvalidArgument", "The header %s is not allowed for %s." % (name, op),
                           extra={"ArgumentName": name, "ArgumentValue": value})
        if check(value):
            return
        if name.endswith("server-side-encryption"):
            raise ApiError("InvalidEncryptionAlgorithmError")
        if name.endswith("-tagging"):
            raise ApiError("InvalidTag")
        if name.endswith("storage-class") and self.name != "oss":
            raise ApiError("InvalidStorageClass")
        raise ApiError("InvalidArgument", "The value of the header %s is not legal." % name,
                       extra={"ArgumentName": name, "ArgumentValue": value},
                       ec="0017-00000279" if name.endswith("forbid-overwrite") else None)


DIALECTS = {
    "oss": Dialect("oss", 0, "x-oss-", OSS_HEADERS, server="AliyunOSS", min_part=102400, longest_meta=8192,
                   key_element="OSSAccessKeyId", bad_token="InvalidSecurityToken", expired_token="SecurityTokenExpired",
                   bad_scope="InvalidArgument", bad_query_auth="InvalidArgument", bad_md5="InvalidDigest", list_default=100,
                   namespace="", longest_key=1023),
    "obs": Dialect("obs", 1, "x-obs-", OBS_HEADERS, server="OBS", min_part=102400, longest_meta=8192,
                   key_element="AccessKeyId", bad_token="InvalidSecurityToken", expired_token="SecurityTokenExpired",
                   bad_scope="InvalidArgument", bad_query_auth="InvalidArgument", bad_md5="BadDigest", list_default=1000,
                   namespace="http://obs.myhwclouds.com/doc/2015-06-30/", longest_key=1024),
    "s3": Dialect("s3", 2, "x-amz-", S3_HEADERS, server="AmazonS3", min_part=5 << 20, longest_meta=2048,
                  key_element="AWSAccessKeyId", bad_token="InvalidToken", expired_token="ExpiredToken",
                  bad_scope="AuthorizationHeaderMalformed", bad_query_auth="AuthorizationQueryParametersError",
                  bad_md5="BadDigest", list_default=1000, namespace="http://s3.amazonaws.com/doc/2006-03-01/",
                  longest_key=1024),
}

# ---------------------------------------------------------------- documents

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def text_of(value):
    """Escaped text of an element; what XML 1.0 cannot carry goes as a (strictly speaking illegal) reference, as stores do."""
    safe = escape(str(value), {'"': "&quot;", "\r": "&#13;"})
    return _ILLEGAL.sub(lambda m: "&#%d;" % ord(m[0]) if ord(m[0]) < 0xD800 else "?", safe)


def element(name, value):
    return "<%s>%s</%s>" % (name, text_of(value), name)


def document(root, content, namespace=""):
    attribute = ' xmlns="%s"' % namespace if namespace else ""
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<%s%s>%s</%s>' % (root, attribute, content, root)).encode(
        "utf-8", "replace")


def error_document(error, dialect, request_id, host):
    items = [("Code", error.code), ("Message", error.message), ("RequestId", request_id), ("HostId", host)]
    items += list(error.extra.items())
    if dialect.name == "oss" and error.ec:
        items += [("EC", error.ec), ("RecommendDoc", "https://api.aliyun.com/troubleshoot?q=" + error.ec)]
    return document("Error", "".join(element(n, v) for n, v in items))


def error_header(body):
    """The x-oss-err header of HEAD."""
    return base64.b64encode(body).decode()
