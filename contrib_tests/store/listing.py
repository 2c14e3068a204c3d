"""Lists of objects and facts about buckets; deleting many objects at once.

A list walks the bucket's sorted keys by bisection, so a page costs its own length, whatever the bucket's."""

import base64
import binascii
import bisect
import re
from urllib.parse import quote

from bodies import has_checksum, receive_document
from dialects import ApiError, document, element
from http_server import Response
from operations import acl_document, child_text, iso, local, owner, parse_xml

XML = {"Content-Type": "application/xml"}
BUCKET_NAME = {"oss": re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"), "obs": re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")}
BUCKET_NAME["s3"] = BUCKET_NAME["obs"]


def encoded(text, url):
    return quote(text.encode("utf-8", "surrogateescape"), safe="/-_.~") if url else text


def number_parameter(request, name, default, high, low=1):
    text = request.params.get(name, "")
    if text == "":
        return default
    if not (text.isascii() and text.isdigit() and int(text) >= low):
        raise ApiError("InvalidArgument", "Argument %s must be an integer between %d and %d." % (name, low, high),
                       extra={"ArgumentName": name, "ArgumentValue": text})
    if int(text) > high and request.dialect.name == "oss":
        raise ApiError("InvalidArgument", "Argument %s must be an integer between %d and %d." % (name, low, high),
                       extra={"ArgumentName": name, "ArgumentValue": text})
    return min(int(text), high)


class Page:
    """Items and common prefixes, both counting towards the limit."""

    def __init__(self, limit):
        self.limit = limit
        self.items = []
        self.groups = []
        self.truncated = False
        self.last = None

    @staticmethod
    def group_of(key, prefix, delimiter):
        """The common prefix that a key disappears in, or None."""
        if not delimiter:
            return None
        end = key.find(delimiter, len(prefix))
        return key[:end + len(delimiter)] if end >= 0 else None

    def add(self, group, position, item):
        """False when the page is full (and something is left)."""
        if group is not None and self.groups and self.groups[-1] == group:
            return True
        if len(self.items) + len(self.groups) >= self.limit:
            self.truncated = True
            return False
        self.last = position
        if group is not None:
            self.groups.append(group)
        else:
            self.items.append(item)
        return True


def _after(text):
    """The smallest string greater than every string that begins with text, or None."""
    while text:
        if text[-1] < "\U0010ffff":
            following = ord(text[-1]) + 1
            return text[:-1] + chr(following)
        text = text[:-1]
    return None


def walk(bucket, prefix, delimiter, marker, limit):
    """A Page of objects after the marker."""
    keys, page = bucket.keys, Page(limit)
    if marker > prefix:
        at = bisect.bisect_right(keys, marker)
        if delimiter and marker.endswith(delimiter) and marker.startswith(prefix) \
                and Page.group_of(marker, prefix, delimiter) == marker:
            beyond = _after(marker)
            at = bisect.bisect_left(keys, beyond) if beyond is not None else len(keys)
    elif marker == prefix and marker:
        at = bisect.bisect_right(keys, marker)
    else:
        at = bisect.bisect_left(keys, prefix)
    while at < len(keys) and keys[at].startswith(prefix):
        key = keys[at]
        group = page.group_of(key, prefix, delimiter)
        if not page.add(group, group if group is not None else key, bucket.objects[key]):
            break
        if group is None:
            at += 1
        else:
            beyond = _after(group)
            at = bisect.bisect_left(keys, beyond, at) if beyond is not None else len(keys)
    return page


def _contents(request, page, url, with_owner):
    dialect = request.dialect
    parts = []
    for stored in page.items:
        a = stored.attributes
        item = element("Key", encoded(stored.key, url)) + element("LastModified", iso(stored.modified))
        item += element("ETag", dialect.etag(stored.etag))
        if dialect.name == "oss":
            item += element("Type", a["type"])
        item += element("Size", stored.size) + element("StorageClass", dialect.storage_class(a["storage"]))
        if "restored" in a and dialect.name == "oss":
            item += element("RestoreInfo", 'ongoing-request="%s"' % ("true" if request.now < a["restored"] else "false"))
        if with_owner:
            item += owner()
        parts.append("<Contents>%s</Contents>" % item)
    parts += ["<CommonPrefixes>%s</CommonPrefixes>" % element("Prefix", encoded(g, url)) for g in page.groups]
    return "".join(parts)


def _common(request, bucket, url):
    p = request.params
    content = element("Name", bucket.name) + element("Prefix", encoded(p.get("prefix", ""), url))
    if "delimiter" in p:
        content += element("Delimiter", encoded(p["delimiter"], url))
    if url:
        content += element("EncodingType", "url")
    return content


def list_objects(service, request, bucket):
    p, dialect = request.params, request.dialect
    limit = number_parameter(request, "max-keys", dialect.list_default, 1000, low=1 if dialect.name == "oss" else 0)
    url = p.get("encoding-type") == "url"
    marker = p.get("marker", "")
    with service.model.lock:
        page = walk(bucket, p.get("prefix", ""), p.get("delimiter", ""), marker, limit)
    page.truncated = page.truncated and limit > 0
    content = _common(request, bucket, url) + element("Marker", encoded(marker, url)) + element("MaxKeys", limit)
    content += element("IsTruncated", "true" if page.truncated else "false")
    if page.truncated and (dialect.name != "s3" or p.get("delimiter")):
        content += element("NextMarker", encoded(page.last, url))
    content += _contents(request, page, url, True)
    return Response(200, dict(XML), document("ListBucketResult", content, dialect.namespace))


def _token(text):
    return base64.b64encode(b"T" + text.encode("utf-8", "surrogateescape")).decode().replace("=", "-")


def _untoken(text):
    try:
        raw = base64.b64decode(text.replace("-", "="), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not raw.startswith(b"T"):
        raise ApiError("InvalidArgument", "The continuation token provided is incorrect.",
                       extra={"ArgumentName": "continuation-token"})
    return raw[1:].decode("utf-8", "surrogateescape")


def list_objects_v2(service, request, bucket):
    p, dialect = request.params, request.dialect
    if p["list-type"] != "2":
        raise ApiError("InvalidArgument", "list-type must be 2.", extra={"ArgumentName": "list-type"})
    limit = number_parameter(request, "max-keys", dialect.list_default, 1000, low=1 if dialect.name == "oss" else 0)
    if p.get("fetch-owner", "false") not in ("true", "false"):
        raise ApiError("InvalidArgument", "fetch-owner must be true or false.")
    url = p.get("encoding-type") == "url"
    token = p.get("continuation-token", "")
    start = _untoken(token) if token else p.get("start-after", "")
    with service.model.lock:
        page = walk(bucket, p.get("prefix", ""), p.get("delimiter", ""), start, limit)
    page.truncated = page.truncated and limit > 0
    content = _common(request, bucket, url) + element("MaxKeys", limit)
    content += element("KeyCount", len(page.items) + len(page.groups))
    content += element("IsTruncated", "true" if page.truncated else "false")
    if "start-after" in p:
        content += element("StartAfter", encoded(p["start-after"], url))
    if token:
        content += element("ContinuationToken", token)
    if page.truncated:
        content += element("NextContinuationToken", _token(page.last))
    content += _contents(request, page, url, p.get("fetch-owner") == "true")
    return Response(200, dict(XML), document("ListBucketResult", content, dialect.namespace))


# ---------------------------------------------------------------- deleting many


def delete_multiple(service, request, bucket):
    data = receive_document(request, 2 << 20)
    if "content-md5" not in request.headers and not has_checksum(request):
        raise ApiError("MissingArgument" if request.dialect.name == "oss" else "InvalidRequest",
                       "Missing Some Required Arguments: Content-MD5.")
    root = parse_xml(data, "Delete")
    quiet = child_text(root, "Quiet").strip().lower() == "true"
    keys = [child_text(node, "Key") for node in root if local(node) == "Object"]
    if not 1 <= len(keys) <= 1000 or "" in keys:
        raise ApiError("MalformedXML")
    with service.model.lock:
        for key in keys:
            service.model.delete_object(bucket, key)
    if quiet and request.dialect.name == "oss":
        return Response(200)
    url = request.params.get("encoding-type") == "url" or child_text(root, "EncodingType") == "url"
    content = element("EncodingType", "url") if url else ""
    if not quiet:
        content += "".join("<Deleted>%s</Deleted>" % element("Key", encoded(key, url)) for key in keys)
    return Response(200, dict(XML), document("DeleteResult", content, request.dialect.namespace))


# ---------------------------------------------------------------- buckets


def put_bucket(service, request, bucket):
    name, dialect = request.bucket, request.dialect
    if not BUCKET_NAME[dialect.name].fullmatch(name):
        raise ApiError("InvalidBucketName", extra={"BucketName": name})
    data = receive_document(request)
    if data:
        parse_xml(data, "CreateBucketConfiguration")
    header = "x-oss-acl" if dialect.name == "oss" else dialect.acl_header
    acl = request.headers.get(header, "private")
    with service.model.lock:
        if name in service.model.buckets:
            if dialect.name != "oss":
                raise ApiError("BucketAlreadyOwnedByYou", extra={"BucketName": name})
            service.model.change_bucket(service.model.buckets[name], {"acl": acl})
        else:
            service.model.put_bucket(name, request.now, {"acl": acl})
    return Response(200, {"Location": "/" + name})


def delete_bucket(service, request, bucket):
    with service.model.lock:
        if bucket.objects or bucket.uploads:
            raise ApiError("BucketNotEmpty", extra={"BucketName": bucket.name})
        service.model.delete_bucket(bucket)
    return Response(204)


def head_bucket(service, request, bucket):
    headers = {}
    if request.dialect.name == "s3":
        headers["x-amz-bucket-region"] = service.region_of(bucket)
    elif request.dialect.name == "obs":
        headers["x-obs-bucket-location"] = service.region_of(bucket)
    return Response(200, headers)


def get_location(service, request, bucket):
    region = service.region_of(bucket)
    if request.dialect.name == "oss":
        body = document("LocationConstraint", "oss-" + region)
    elif request.dialect.name == "obs":
        body = document("Location", region, request.dialect.namespace)
    else:
        body = document("LocationConstraint", "" if region == "us-east-1" else region, request.dialect.namespace)
    return Response(200, dict(XML), body)


def get_info(service, request, bucket):
    region = service.region_of(bucket)
    content = element("Name", bucket.name) + element("Location", "oss-" + region) + element("CreationDate", iso(bucket.created))
    content += element("ExtranetEndpoint", "oss-%s.aliyuncs.com" % region)
    content += element("IntranetEndpoint", "oss-%s-internal.aliyuncs.com" % region)
    content += element("StorageClass", "Archive" if bucket.archived else "Standard") + element("DataRedundancyType", "LRS")
    content += "<AccessControlList>%s</AccessControlList>" % element("Grant", bucket.acl) + owner()
    content += element("BlockPublicAccess", "false") + element("TransferAcceleration", "Disabled")
    content += element("CrossRegionReplication", "Disabled")
    content += "<ServerSideEncryptionRule>%s</ServerSideEncryptionRule>" % element("SSEAlgorithm", "None")
    return Response(200, dict(XML), document("BucketInfo", "<Bucket>%s</Bucket>" % content))


def get_bucket_acl(service, request, bucket):
    return Response(200, dict(XML), acl_document(request, bucket.acl))


def get_stat(service, request, bucket):
    with service.model.lock:
        size = sum(o.size for o in bucket.objects.values())
        count, uploads = len(bucket.objects), len(bucket.uploads)
    return Response(200, dict(XML), document("BucketStat", element("Storage", size) + element("ObjectCount", count)
                                             + element("MultipartUploadCount", uploads)))


def get_versioning(service, request, bucket):
    return Response(200, dict(XML), document("VersioningConfiguration", "", request.dialect.namespace))


def list_buckets(service, request, bucket):
    dialect = request.dialect
    content = owner() + "<Buckets>"
    with service.model.lock:
        for name, found in sorted(service.model.buckets.items()):
            item = element("Name", name) + element("CreationDate", iso(found.created))
            if dialect.name == "oss":
                region = service.region_of(found)
                item = element("Location", "oss-" + region) + item + element("Region", region) + element("StorageClass", "Standard")
                item += element("ExtranetEndpoint", "oss-%s.aliyuncs.com" % region)
                item += element("IntranetEndpoint", "oss-%s-internal.aliyuncs.com" % region)
            content += "<Bucket>%s</Bucket>" % item
    return Response(200, dict(XML), document("ListAllMyBucketsResult", content + "</Buckets>", dialect.namespace))


def api_version(service, request, bucket):
    """What Huawei's SDKs ask first, without a signature."""
    return Response(200, {"x-obs-api": "3.0"})
