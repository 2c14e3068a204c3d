"""The store itself: takes a Request through address, route, faults, signature, permission and checks to its operation.

Config is what can be changed while it runs: keys, regions, hosts, clock.  Service.handle() is what the HTTP server
calls, on the connection's thread.
"""

import fnmatch
import itertools
import os
import re
import threading
import time
from collections import deque

import listing
import multipart
import operations
from dialects import DIALECTS, ApiError, error_document, error_header
from faults import Counters, Faults, Replaced
from http_server import Drop, Response, ShortBody
from signatures import authenticate, http_date, scheme_of

ALL_SCHEMES = ("oss-v4", "oss-v1", "obs", "s3-v4", "oss-v4-query", "oss-v1-query", "obs-query", "s3-v4-query")
AUTH_QUERY = {
    "oss-v4-query": ("x-oss-signature-version", "x-oss-credential", "x-oss-date", "x-oss-expires", "x-oss-signature",
                     "x-oss-additional-headers", "x-oss-security-token"),
    "oss-v1-query": ("OSSAccessKeyId", "Expires", "Signature", "security-token"),
    "obs-query": ("AccessKeyId", "Expires", "Signature", "x-obs-security-token"),
    "s3-v4-query": ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
                    "X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Content-Sha256"),
}
KNOWN_HOSTS = re.compile(r"(?:s3\.)?oss-[a-z0-9-]+\.aliyuncs\.com|[a-z0-9-]+\.oss\.aliyuncs\.com|obs\.[a-z0-9-]+\.myhuaweicloud\.com|"
                         r"s3\.(?:[a-z0-9-]+\.)?amazonaws\.com")
LITERAL = re.compile(r"\d+\.\d+\.\d+\.\d+|\[[0-9a-fA-F:]+\]")


class Key:
    """An access key; allow and deny are patterns of operation names, buckets limits it to some."""

    FIELDS = ("access_key", "secret", "token", "token_expires", "allow", "deny", "buckets")

    def __init__(self, facts):
        unknown = set(facts) - set(self.FIELDS)
        if unknown or "access_key" not in facts or "secret" not in facts:
            raise ValueError("a key has the fields %s" % ", ".join(self.FIELDS))
        self.name = facts["access_key"]
        self.secret = facts["secret"]
        self.token = facts.get("token")
        self.token_expires = facts.get("token_expires")
        self.allow = facts.get("allow", ["*"])
        self.deny = facts.get("deny", [])
        self.buckets = facts.get("buckets")

    def may(self, op, bucket):
        if self.buckets is not None and bucket is not None and bucket.name not in self.buckets:
            return False
        return any(fnmatch.fnmatchcase(op, p) for p in self.allow) and not any(fnmatch.fnmatchcase(op, p) for p in self.deny)


class Config:
    """FIELDS may be set by the control's configure."""

    FIELDS = {"region": str, "clock_offset": (int, float), "path_style": bool, "base_hosts": list, "cnames": dict,
              "schemes": list, "s3_flavour": str, "min_part": int, "restore_seconds": (int, float), "default_dialect": str,
              "etag": str}

    def __init__(self):
        self.keys = {}
        self.region = "cn-hangzhou"
        self.clock_offset = 0
        self.path_style = True          # False: refused, as the real OSS does
        self.base_hosts = ["localhost", "store.localhost"]
        self.cnames = {}                # host -> bucket
        self.schemes = list(ALL_SCHEMES)
        self.s3_flavour = "aws"         # "oss": aws-chunked with trailers is refused
        self.min_part = 0               # 0: the dialect's
        self.restore_seconds = 0
        self.default_dialect = "oss"    # of anonymous requests
        self.etag = "md5"               # "crc": a cheaper name of the content, for measuring

    def set(self, name, value):
        wanted = self.FIELDS.get(name)
        if wanted is None or not isinstance(value, wanted):
            raise ValueError("%s is not a setting, or its value has the wrong type" % name)
        setattr(self, name, value)


# ---------------------------------------------------------------- routes: sub-resource -> (operation, function, query names)

LIST = ("prefix", "delimiter", "max-keys", "encoding-type")
OVERRIDE = tuple(operations.OVERRIDES)
OBJECT_ROUTES = {
    "PUT": [("partNumber", "UploadPart", multipart.upload_part, ("partNumber", "uploadId")),
            ("acl", "PutObjectAcl", operations.put_object_acl, ("acl",)),
            ("tagging", "PutObjectTagging", operations.put_object_tagging, ("tagging",)),
            (None, "PutObject", operations.put_object, ())],
    "POST": [("uploads", "InitiateMultipartUpload", multipart.initiate, ("uploads", "encoding-type")),
             ("uploadId", "CompleteMultipartUpload", multipart.complete, ("uploadId", "encoding-type")),
             ("append", "AppendObject", operations.append_object, ("append", "position")),
             ("restore", "RestoreObject", operations.restore_object, ("restore",))],
    "GET": [("uploadId", "ListParts", multipart.list_parts, ("uploadId", "max-parts", "part-number-marker", "encoding-type")),
            ("acl", "GetObjectAcl", operations.get_object_acl, ("acl",)),
            ("tagging", "GetObjectTagging", operations.get_object_tagging, ("tagging",)),
            (None, "GetObject", operations.get_object, OVERRIDE)],
    "HEAD": [("objectMeta", "GetObjectMeta", operations.get_object_meta, ("objectMeta",)),
             (None, "HeadObject", operations.head_object, OVERRIDE)],
    "DELETE": [("uploadId", "AbortMultipartUpload", multipart.abort, ("uploadId",)),
               ("tagging", "DeleteObjectTagging", operations.delete_object_tagging, ("tagging",)),
               (None, "DeleteObject", operations.delete_object, ())],
}
BUCKET_ROUTES = {
    "PUT": [(None, "PutBucket", listing.put_bucket, ())],
    "POST": [("delete", "DeleteMultipleObjects", listing.delete_multiple, ("delete", "encoding-type"))],
    "GET": [("uploads", "ListMultipartUploads", multipart.list_uploads,
             ("uploads", "prefix", "delimiter", "key-marker", "upload-id-marker", "max-uploads", "encoding-type")),
            ("location", "GetBucketLocation", listing.get_location, ("location",)),
            ("bucketInfo", "GetBucketInfo", listing.get_info, ("bucketInfo",)),
            ("acl", "GetBucketAcl", listing.get_bucket_acl, ("acl",)),
            ("stat", "GetBucketStat", listing.get_stat, ("stat",)),
            ("versioning", "GetBucketVersioning", listing.get_versioning, ("versioning",)),
            ("list-type", "ListObjectsV2", listing.list_objects_v2,
             LIST + ("list-type", "start-after", "continuation-token", "fetch-owner")),
            (None, "ListObjects", listing.list_objects, LIST + ("marker",))],
    "HEAD": [("apiversion", "ApiVersion", listing.api_version, ("apiversion",)),
             (None, "HeadBucket", listing.head_bucket, ())],
    "DELETE": [(None, "DeleteBucket", listing.delete_bucket, ())],
}
SERVICE_ROUTES = {
    "GET": [(None, "ListBuckets", listing.list_buckets, ("prefix", "marker", "max-keys", "max-buckets", "continuation-token"))],
    "HEAD": [("apiversion", "ApiVersion", listing.api_version, ("apiversion",))],
}
ONLY_OSS = ("bucketInfo", "stat", "objectMeta")
COPIES = {"PutObject": ("CopyObject", operations.copy_object), "UploadPart": ("UploadPartCopy", multipart.upload_part_copy)}
READS = frozenset(("GetObject", "HeadObject", "GetObjectMeta"))
LISTS = frozenset(("ListObjects", "ListObjectsV2", "HeadBucket", "GetBucketLocation"))
WRITES = frozenset(("PutObject", "UploadPart", "InitiateMultipartUpload", "CompleteMultipartUpload", "AbortMultipartUpload",
                    "ListParts", "AppendObject", "DeleteObject", "DeleteMultipleObjects"))


class Service:
    def __init__(self, model, config):
        self.model = model
        self.config = config
        self.faults = Faults()
        self.counters = Counters()
        self.log = deque(maxlen=2000)
        self.control = None                 # function of a request, for /__control__/
        self._numbers = itertools.count(1)
        self._salt = os.urandom(8).hex().upper()
        self._date = (0, "")
        self._lock = threading.Lock()

    # ------------------------------------------------------------ small services for operations

    def bucket(self, name):
        found = self.model.buckets.get(name)
        if found is None:
            raise ApiError("NoSuchBucket", extra={"BucketName": name})
        return found

    def region_of(self, bucket):
        return bucket.region or self.config.region

    def check_permission(self, request, op, bucket):
        key = request.identity.key
        if key is not None:
            if not key.may(op, bucket):
                raise ApiError("AccessDenied", "You have no right to do %s." % op)
            return
        acl = bucket.acl if bucket is not None else "private"
        if op in READS:
            stored = bucket.objects.get(request.key)
            own = stored.attributes.get("acl", "default") if stored is not None else "default"
            acl = acl if own == "default" else own
        if acl == "public-read-write" and op in READS | LISTS | WRITES:
            return
        if not (acl == "public-read" and op in READS | LISTS):
            raise ApiError("AccessDenied")

    # ------------------------------------------------------------ address and route

    def _address(self, request):
        """Bucket and key from the Host header and the path."""
        host = request.host
        if not host.endswith("]"):
            host = host.rsplit(":", 1)[0] if ":" in host else host
        host = host.lower()
        path = request.path[1:]
        bucket = self.config.cnames.get(host)
        if bucket is None and not self._is_base(host):
            first, _, rest = host.partition(".")
            if not self._is_base(rest):
                raise ApiError("NonStandardHostForbidden", extra={"Host": host})
            bucket = first
        if bucket is not None:
            request.bucket, request.key = bucket, path
            return
        if path and not self.config.path_style:
            raise ApiError("VirtualHostDomainRequired" if request.dialect.name == "obs" else "SecondLevelDomainForbidden")
        request.bucket, _, request.key = path.partition("/")

    def _is_base(self, host):
        return (host in self.config.base_hosts or LITERAL.fullmatch(host) is not None or KNOWN_HOSTS.fullmatch(host) is not None)

    def _route(self, request):
        """The operation's function and the query names it knows; sets request.op."""
        routes = OBJECT_ROUTES if request.key else BUCKET_ROUTES if request.bucket else SERVICE_ROUTES
        for sub, op, function, names in routes.get(request.verb, ()):
            if sub is not None and sub not in request.params:
                continue
            if sub in ONLY_OSS and request.dialect.name != "oss" or (sub == "append" and request.dialect.name == "s3"):
                continue
            if op in COPIES and request.dialect.prefix + "copy-source" in request.headers:
                op, function = COPIES[op]
            request.op = op
            return function, names
        request.op = "Unknown"
        return None, ()

    def _check_query(self, request, names):
        allowed = set(names) | set(AUTH_QUERY.get(request.scheme, ()))
        if request.dialect.name == "s3":
            allowed.add("x-id")
        if request.scheme == "oss-v1":
            allowed.add("security-token")
        if request.op in ("GetObject", "PutObject", "UploadPart"):
            allowed.add("x-oss-traffic-limit")
        seen = set()
        for name, value in request.query:
            if name not in allowed or name in seen:
                raise ApiError("InvalidArgument", "The query parameter %s is unknown here, or given twice." % name,
                               extra={"ArgumentName": name, "ArgumentValue": value})
            seen.add(name)
        if request.params.get("encoding-type", "url") != "url":
            raise ApiError("InvalidArgument", "Invalid Encoding Method specified in Request",
                           extra={"ArgumentName": "encoding-type", "ArgumentValue": request.params["encoding-type"]})

    @staticmethod
    def _check_key(request):
        try:
            size = len(request.key.encode())
        except UnicodeEncodeError:
            raise ApiError("InvalidObjectName") from None
        if size > request.dialect.longest_key:
            raise ApiError("InvalidObjectName" if request.dialect.name == "oss" else "KeyTooLongError")
        if request.dialect.name == "oss" and request.key[:1] in ("/", "\\"):
            raise ApiError("InvalidObjectName", extra={"ObjectName": request.key})

    # ------------------------------------------------------------ one request

    def _prepare(self, request):
        request.id = "%s%08X" % (self._salt, next(self._numbers))
        request.now = int(time.time() + self.config.clock_offset)
        request.rules = ()
        dialect, request.scheme = scheme_of(request.headers, request.params)
        if not dialect:
            dialect = next((n for n, d in DIALECTS.items() if any(h.startswith(d.prefix) for h in request.headers)),
                           self.config.default_dialect)
        request.dialect = DIALECTS[dialect]

    def handle(self, request):
        if request.path.startswith("/__control__/") and self.control is not None:
            return self.control(request)
        self._prepare(request)
        function, names, early = None, (), None
        try:
            self._address(request)
            function, names = self._route(request)
        except ApiError as error:
            request.op, early = "Unknown", error
        self.counters.enter(request.op)
        try:
            response = self._answer(request, function, names, early)
        except BaseException:
            self._leave(request, 0)
            raise
        request.leave = lambda status: self._leave(request, status)
        self._common_headers(request, response)
        return response

    def _answer(self, request, function, names, early):
        try:
            if early is not None:
                raise early
            return self._perform(request, function, names)
        except ApiError as error:
            return self._error(request, error)
        except Replaced as replaced:
            return self._replaced(request, replaced.rule)
        except ShortBody:
            raise Drop() from None

    def _perform(self, request, function, names):
        request.rules = self.faults.matching(request)
        if request.rules:
            self.faults.start(request)
            self.faults.flows(request)
        if function is None:
            raise ApiError("MethodNotAllowed")
        if request.op == "ApiVersion":
            return function(self, request, None)
        self._check_key(request)
        request.identity = authenticate(request, self.config)
        self._check_query(request, names)
        request.dialect.check_headers(request.headers, request.op)
        bucket = self._target(request)
        self.check_permission(request, request.op, bucket)
        response = function(self, request, bucket)
        if request.rules:
            try:
                self.faults.answer(request, response)
            except BaseException:
                if response.done is not None:
                    response.done()
                raise
        return response

    def _target(self, request):
        if not request.bucket or request.op == "PutBucket":
            return None
        bucket = self.bucket(request.bucket)
        if bucket.region is None or bucket.region == self.config.region:
            return bucket
        if request.dialect.name == "s3":
            raise ApiError("PermanentRedirect", extra={"Bucket": bucket.name, "Endpoint": "s3.%s.amazonaws.com" % bucket.region},
                           headers={"x-amz-bucket-region": bucket.region})
        raise ApiError("AccessDenied", "The bucket you are attempting to access must be addressed using the specified endpoint. "
                       "Please send all future requests to this endpoint.", ec="0003-00001403",
                       extra={"Bucket": bucket.name, "Endpoint": "oss-%s.aliyuncs.com" % bucket.region})

    # ------------------------------------------------------------ answers

    def _error(self, request, error):
        response = Response(error.status, dict(error.headers))
        if error.status == 304:
            return response
        body = error_document(error, request.dialect, request.id, request.host)
        response.headers["Content-Type"] = "application/xml"
        if request.dialect.name == "oss" and error.ec:
            response.headers["x-oss-ec"] = error.ec
        if request.dialect.name == "obs" and request.verb == "HEAD":
            response.headers["x-obs-error-code"] = error.code
        if request.verb != "HEAD":
            response.body = body
        else:
            if request.dialect.name == "oss":
                response.headers["x-oss-err"] = error_header(body)
            response.length = 0
        return response

    def _replaced(self, request, rule):
        f = rule.fields
        if rule.action == "html":
            body = f.get("body", "<html><head><title>Bad Gateway</title></head><body>proxy error</body></html>").encode()
            response = Response(f.get("status", 502), {"Content-Type": "text/html"}, body)
        elif rule.action == "error_200":
            error = ApiError(f.get("code", "InternalError"), f.get("message"), status=200)
            response = self._error(request, error)
            response.headers.pop("x-oss-ec", None)
        else:
            status = f.get("status", 500)
            code = f.get("code", {500: "InternalError", 503: "ServiceUnavailable", 429: "TooManyRequests"}.get(status, "AccessDenied"))
            response = self._error(request, ApiError(code, f.get("message"), status=status))
        if "retry_after" in f:
            response.headers["Retry-After"] = str(f["retry_after"])
        return response

    def _common_headers(self, request, response):
        with self._lock:
            if self._date[0] != request.now:
                self._date = (request.now, http_date(request.now))
            date = self._date[1]
        headers = response.headers
        headers["Server"] = request.dialect.server
        headers["Date"] = date
        headers[request.dialect.request_id] = request.id
        if request.dialect.name == "oss":
            headers["x-oss-server-time"] = "1"
        else:
            headers["x-obs-id-2" if request.dialect.name == "obs" else "x-amz-id-2"] = request.id

    def _leave(self, request, status):
        self.counters.leave(request.op, status, request.body.received, request.sent)
        self.log.append({"op": request.op, "bucket": request.bucket, "key": request.key, "status": status, "id": request.id,
                         "range": request.headers.get("range"), "part": request.params.get("partNumber"),
                         "in": request.body.received, "out": request.sent, "scheme": request.scheme,
                         "prefix": request.params.get("prefix"),
                         "headers": [n for n in request.headers if n.startswith("x-") or n == "content-md5"]})
