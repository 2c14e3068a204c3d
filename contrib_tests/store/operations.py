"""Operations on one object: Put, Append, Get, Head, Delete, Copy, Restore, its ACL and its tags.

Each operation is a function of (service, request, bucket) and returns a Response.
"""

import base64
import hashlib
import time
import xml.etree.ElementTree as ElementTree
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from bodies import receive, receive_document, reread
from checksums import crc64_combine
from dialects import ARCHIVED, ApiError, document, element, tags
from http_server import Response, decode
from objects import Segment, StoredObject
from signatures import http_date, parse_http_date

CONTENT_HEADERS = ("content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires")
SHOWN = {"content-type": "Content-Type", "cache-control": "Cache-Control", "content-disposition": "Content-Disposition",
         "content-encoding": "Content-Encoding", "content-language": "Content-Language", "expires": "Expires"}


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def find(bucket, key):
    stored = bucket.objects.get(key)
    if stored is None:
        raise ApiError("NoSuchKey", extra={"Key": key})
    return stored


# ---------------------------------------------------------------- attributes


def attributes_of(request):
    """What a write's headers say about the object to be."""
    headers, dialect = request.headers, request.dialect
    attributes = {"headers": {}, "meta": {}, "storage": "standard", "type": "Normal"}
    for name in CONTENT_HEADERS:
        if name in headers:
            attributes["headers"][name] = headers[name]
    coding = attributes["headers"].get("content-encoding")
    if coding is not None and "aws-chunked" in coding:
        rest = ",".join(c.strip() for c in coding.split(",") if c.strip() != "aws-chunked")
        attributes["headers"].pop("content-encoding")
        if rest:
            attributes["headers"]["content-encoding"] = rest
    for name, value in headers.items():
        if name.startswith(dialect.meta):
            attributes["meta"][name[len(dialect.meta):]] = value
    if dialect.prefix + "storage-class" in headers:
        attributes["storage"] = dialect.classes[headers[dialect.prefix + "storage-class"]]
    for name, header in (("acl", dialect.acl_header), ("sse", dialect.prefix + "server-side-encryption"),
                         ("sse_key", dialect.sse_key), ("tags", dialect.prefix + "tagging"),
                         ("sse_data", "x-oss-server-side-data-encryption")):
        if header in headers:
            attributes[name] = headers[header]
    if "sse_key" in attributes and attributes.get("sse", "").lower() not in ("kms", "aws:kms", "aws:kms:dsse"):
        raise ApiError("InvalidArgument", "A KMS key needs the encryption KMS.")
    return attributes


def object_headers(request, stored, full=True):
    """Headers of Get and Head."""
    dialect, a = request.dialect, stored.attributes
    default = "binary/octet-stream" if dialect.name == "s3" else "application/octet-stream"
    headers = {"Content-Type": a["headers"].get("content-type", default), "ETag": dialect.etag(stored.etag),
               "Last-Modified": http_date(stored.modified), "Accept-Ranges": "bytes"}
    for name, value in a["headers"].items():
        headers[SHOWN[name]] = value
    for name, value in a["meta"].items():
        headers[dialect.meta + name] = value
    headers.update(encryption_headers(dialect, a))
    if "tags" in a:
        headers[dialect.prefix + "tagging-count"] = str(len(parse_qsl(a["tags"], keep_blank_values=True)))
    if "restored" in a:
        ongoing = request.now < a["restored"]
        headers[dialect.prefix + "restore"] = 'ongoing-request="true"' if ongoing else \
            'ongoing-request="false", expiry-date="%s"' % http_date(a["restored"] + 86400)
    if dialect.name != "s3":
        headers[dialect.prefix + "object-type"] = a["type"]
        if a["type"] == "Appendable":
            headers[dialect.prefix + "next-append-position"] = str(stored.size)
    storage = dialect.storage_class(a["storage"])
    if dialect.name == "oss" or storage != "STANDARD":
        headers[dialect.prefix + "storage-class"] = storage
    headers.update(checksum_headers(request, stored, full))
    return headers


def checksum_headers(request, stored, full):
    dialect, a = request.dialect, stored.attributes
    if dialect.name == "oss":
        headers = {"x-oss-hash-crc64ecma": str(stored.crc)}
        if full and a["type"] == "Normal" and "md5" in a:
            headers["Content-MD5"] = md5_base64(a["md5"])
        return headers
    if dialect.name == "obs":
        return {"x-obs-checksum-crc64ecma": str(stored.crc)} if a.get("crc_asked") else {}
    if full and request.headers.get("x-amz-checksum-mode") == "ENABLED":
        return {"x-amz-checksum-" + name: value for name, value in a.get("checksums", {}).items()}
    return {}


def md5_base64(digits):
    return base64.b64encode(bytes.fromhex(digits)).decode()


def encryption_headers(dialect, attributes):
    headers = {}
    if "sse" in attributes:
        headers[dialect.prefix + "server-side-encryption"] = attributes["sse"]
    if "sse_key" in attributes:
        headers[dialect.sse_key] = attributes["sse_key"]
    if "sse_data" in attributes and dialect.name == "oss":
        headers["x-oss-server-side-data-encryption"] = attributes["sse_data"]
    return headers


# ---------------------------------------------------------------- conditions


def _same_etag(etag, text):
    given = [t.strip().removeprefix("W/").strip('"').lower() for t in text.split(",")]
    return "*" in given or etag.lower() in given


def check_conditions(headers, stored, prefix=""):
    """If-* of a read (or of a copy's source): 412 as an ApiError, True for 304."""
    match, none_match = headers.get(prefix + "if-match"), headers.get(prefix + "if-none-match")
    unmodified = parse_http_date(headers.get(prefix + "if-unmodified-since", ""))
    modified = parse_http_date(headers.get(prefix + "if-modified-since", ""))
    if match is not None:
        if not _same_etag(stored.etag, match):
            raise ApiError("PreconditionFailed", extra={"Condition": "If-Match"})
    elif unmodified is not None and int(stored.modified) > unmodified:
        raise ApiError("PreconditionFailed", extra={"Condition": "If-Unmodified-Since"})
    if none_match is not None:
        return _same_etag(stored.etag, none_match)
    return modified is not None and int(stored.modified) <= modified


def check_write_conditions(request, bucket, key):
    """Overwriting forbidden? Called before the body is read and again, under the lock, before the object appears."""
    headers, stored = request.headers, bucket.objects.get(key)
    if headers.get("x-oss-forbid-overwrite") == "true" and stored is not None:
        raise ApiError("FileAlreadyExists", extra={"Key": key})
    conditions = [n for n in ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since") if n in headers]
    if not conditions:
        return
    if request.dialect.name != "s3":
        raise ApiError("NotImplemented", extra={"Header": conditions[0]})
    if "if-none-match" in headers:
        if headers["if-none-match"] != "*":
            raise ApiError("NotImplemented", status=501, extra={"Header": "If-None-Match"})
        if stored is not None:
            raise ApiError("PreconditionFailed", extra={"Condition": "If-None-Match"})
    if "if-match" in headers:
        if stored is None:
            raise ApiError("NoSuchKey", extra={"Key": key})
        if not _same_etag(stored.etag, headers["if-match"]):
            raise ApiError("PreconditionFailed", extra={"Condition": "If-Match"})


def check_readable(request, bucket, stored):
    a = stored.attributes
    if a["storage"] in ARCHIVED or bucket.archived:
        if "restored" not in a or request.now < a["restored"]:
            raise ApiError("InvalidObjectState", extra={"ObjectName": stored.key})


# ---------------------------------------------------------------- writing


def put_object(service, request, bucket):
    attributes = attributes_of(request)
    check_write_conditions(request, bucket, request.key)
    received = receive(request, service.model, service.config)
    attributes["md5"] = received.md5
    if received.checksums:
        attributes["checksums"] = received.checksums
    if "x-obs-checksum-crc64ecma" in request.headers:
        attributes["crc_asked"] = True
    stored = StoredObject(request.key, received.size, received.crc, received.md5, request.now, received.segments, attributes)
    publish(service, request, bucket, stored)
    headers = {"ETag": request.dialect.etag(stored.etag)}
    headers.update(write_headers(request, stored.crc, received))
    headers.update(encryption_headers(request.dialect, attributes))
    return Response(200, headers)


def write_headers(request, crc, received):
    """Checksums in the answer to a write of data."""
    if request.dialect.name == "oss":
        return {"x-oss-hash-crc64ecma": str(crc), "Content-MD5": md5_base64(received.md5)}
    if request.dialect.name == "obs":
        return {"x-obs-checksum-crc64ecma": str(crc)} if "x-obs-checksum-crc64ecma" in request.headers else {}
    return {"x-amz-checksum-" + name: value for name, value in received.checksums.items()}


def publish(service, request, bucket, stored):
    """Makes the object visible, if nothing forbids it now; gives its data up otherwise."""
    with service.model.lock:
        try:
            if service.model.buckets.get(bucket.name) is not bucket:
                raise ApiError("NoSuchBucket", extra={"BucketName": bucket.name})
            check_write_conditions(request, bucket, stored.key)
        except ApiError:
            service.model.let_go(stored.segments)
            raise
        service.model.put_object(bucket, stored)


def append_object(service, request, bucket):
    position = request.params.get("position", "")
    if not (position.isascii() and position.isdigit()):
        raise ApiError("InvalidArgument", "The position must be a number.")
    attributes = attributes_of(request)
    _check_append(request, bucket, int(position))
    received = receive(request, service.model, service.config)
    with service.model.lock:
        try:
            former = _check_append(request, bucket, int(position))
        except ApiError:
            service.model.let_go(received.segments)
            raise
        if former is None:
            attributes.update(type="Appendable", appends=1)
            crc, size, segments = received.crc, received.size, received.segments
        else:
            attributes = dict(former.attributes, appends=former.attributes["appends"] + 1)
            crc = crc64_combine(former.crc, received.crc, received.size)
            size, segments = former.size + received.size, former.segments + received.segments
            service.model.hold(former.segments)
        etag = hashlib.md5(("append %d %d" % (crc, size)).encode()).hexdigest()
        stored = StoredObject(request.key, size, crc, etag, request.now, segments, attributes)
        service.model.put_object(bucket, stored)
    prefix = request.dialect.prefix
    headers = {"ETag": request.dialect.etag(etag), prefix + "next-append-position": str(size)}
    if request.dialect.name == "oss":
        headers["x-oss-hash-crc64ecma"] = str(crc)
    return Response(200, headers)


def _check_append(request, bucket, position):
    """The object to append to (None: a new one)."""
    former = bucket.objects.get(request.key)
    header = request.dialect.prefix + "next-append-position"
    if former is not None and former.attributes["type"] != "Appendable":
        raise ApiError("ObjectNotAppendable", extra={"Key": request.key})
    size = former.size if former is not None else 0
    if position != size:
        raise ApiError("PositionNotEqualToLength", headers={header: str(size)}, extra={"Key": request.key})
    if former is None:
        check_write_conditions(request, bucket, request.key)
    elif request.dialect.name == "obs" and former.attributes["appends"] >= 10000:
        raise ApiError("ObjectNotAppendable", "The object was appended to too often.")
    return former


# ---------------------------------------------------------------- copying


def copy_source(service, request):
    """(bucket, object) that x-<prefix>-copy-source names, readable by the asking key and unarchived."""
    text = request.headers[request.dialect.prefix + "copy-source"]
    path, _, version = text.partition("?")
    if version:
        raise ApiError("NotImplemented", "Versions are not kept.")
    name, slash, key = decode(unquote_to_bytes(path.lstrip("/"))).partition("/")
    if not slash or not key:
        raise ApiError("InvalidArgument", "Copy Source must be /bucket/key.")
    bucket = service.bucket(name)
    service.check_permission(request, "GetObject", bucket)
    stored = find(bucket, key)
    if check_conditions(request.headers, stored, request.dialect.prefix + "copy-source-"):
        raise ApiError("PreconditionFailed" if request.dialect.name != "oss" else "NotModified", status=412
                       if request.dialect.name != "oss" else 304)
    check_readable(request, bucket, stored)
    if stored.attributes["type"] == "Appendable" and request.dialect.name == "oss":
        raise ApiError("OperationNotSupported", "An appendable object can not be copied.")
    return bucket, stored


def slice_segments(segments, start, size):
    """The segments of a range."""
    found = []
    for segment in segments:
        if start < segment.size and size > 0:
            take = min(segment.size - start, size)
            found.append(Segment(segment.blob, segment.offset + start, take))
            size -= take
            start = 0
        else:
            start -= min(start, segment.size)
    return found


def copy_object(service, request, bucket):
    model, dialect = service.model, request.dialect
    source_bucket, source = copy_source(service, request)
    if source.size > 5 << 30:
        raise ApiError("EntityTooLarge")
    check_write_conditions(request, bucket, request.key)
    attributes = attributes_of(request)
    own = source.attributes
    replace = request.headers.get(dialect.prefix + "metadata-directive") == "REPLACE"
    if source_bucket is bucket and source.key == request.key and not replace and dialect.name == "s3":
        raise ApiError("InvalidRequest", "This copy request is illegal because it changes nothing.")
    if not replace:
        attributes["headers"], attributes["meta"] = dict(own["headers"]), dict(own["meta"])
    if request.headers.get(dialect.prefix + "tagging-directive", "COPY").upper() == "COPY":
        attributes.pop("tags", None)
        if "tags" in own:
            attributes["tags"] = own["tags"]
    with model.lock:
        segments = [Segment(s.blob, s.offset, s.size) for s in source.segments]
        model.hold(segments)
    attributes["md5"] = own.get("md5") or reread(model, segments).md5_hex()
    for name in ("checksums", "crc_asked"):
        if name in own:
            attributes[name] = own[name]
    stored = StoredObject(request.key, source.size, source.crc, attributes["md5"], request.now, segments, attributes)
    publish(service, request, bucket, stored)
    headers = {"Content-Type": "application/xml"}
    if dialect.name == "oss":
        headers.update({"x-oss-hash-crc64ecma": str(stored.crc), "ETag": dialect.etag(stored.etag)})
    headers.update(encryption_headers(dialect, attributes))
    content = element("LastModified", iso(stored.modified)) + element("ETag", dialect.etag(stored.etag))
    return Response(200, headers, document("CopyObjectResult", content, dialect.namespace))


# ---------------------------------------------------------------- reading


def range_of(request, size):
    """(start, length) of the Range header, or None when the whole object is meant."""
    text = request.headers.get("range")
    if text is None:
        return None
    strict = request.dialect.name == "oss" and request.headers.get("x-oss-range-behavior") != "standard"
    unit, _, spec = text.partition("=")
    first, dash, last = spec.strip().partition("-")
    if unit.strip() != "bytes" or not dash or (first + last) == "" or not (first + last).isdigit():
        return None
    if first == "":
        length = min(int(last), size)
        if length == 0 or (strict and int(last) > size):
            return None if strict else _beyond(size)
        return size - length, length
    start, end = int(first), int(last) if last else max(size - 1, int(first))
    if end < start:
        return None
    if strict and end >= size:
        return None
    if start >= size:
        return _beyond(size)
    return start, min(end, size - 1) - start + 1


def _beyond(size):
    raise ApiError("InvalidRange", extra={"ActualObjectSize": str(size)}, headers={"Content-Range": "bytes */%d" % size})


OVERRIDES = {"response-content-type": "Content-Type", "response-content-language": "Content-Language",
             "response-expires": "Expires", "response-cache-control": "Cache-Control",
             "response-content-disposition": "Content-Disposition", "response-content-encoding": "Content-Encoding"}


def _overridden(request, headers):
    for name, header in OVERRIDES.items():
        if name in request.params:
            if request.identity.key is None:
                raise ApiError("InvalidRequest", "Anonymous requests can not override response headers.")
            headers[header] = request.params[name]


def get_object(service, request, bucket):
    model = service.model
    with model.lock:
        stored = find(bucket, request.key)
        model.hold(stored.segments)
    try:
        return _get_object(service, request, bucket, stored)
    except BaseException:
        model.let_go(stored.segments)
        raise


def _get_object(service, request, bucket, stored):
    model = service.model

    def done():
        model.let_go(stored.segments)

    unchanged = check_conditions(request.headers, stored)
    check_readable(request, bucket, stored)
    if unchanged:
        response = Response(304, {"ETag": request.dialect.etag(stored.etag), "Last-Modified": http_date(stored.modified)})
        response.done = done
        return response
    part = range_of(request, stored.size)
    headers = object_headers(request, stored, full=part is None)
    _overridden(request, headers)
    start, size = part if part is not None else (0, stored.size)
    pieces = [(model.path(s.blob), s.offset, s.size) for s in slice_segments(stored.segments, start, size)]
    if part is not None:
        headers["Content-Range"] = "bytes %d-%d/%d" % (start, start + size - 1, stored.size)
    response = Response(206 if part is not None else 200, headers, None, pieces)
    response.done = done
    return response


def head_object(service, request, bucket):
    stored = find(bucket, request.key)
    if check_conditions(request.headers, stored):
        return Response(304, {"ETag": request.dialect.etag(stored.etag)})
    part = range_of(request, stored.size) if request.dialect.name == "s3" else None
    headers = object_headers(request, stored, full=part is None)
    _overridden(request, headers)
    response = Response(200, headers)
    response.length = stored.size
    if part is not None:
        response.status, response.length = 206, part[1]
        headers["Content-Range"] = "bytes %d-%d/%d" % (part[0], part[0] + part[1] - 1, stored.size)
    return response


def get_object_meta(service, request, bucket):
    """HEAD ?objectMeta: size, ETag, date and nothing else."""
    stored = find(bucket, request.key)
    response = Response(200, {"ETag": request.dialect.etag(stored.etag), "Last-Modified": http_date(stored.modified),
                              "x-oss-hash-crc64ecma": str(stored.crc)})
    response.length = stored.size
    return response


# ---------------------------------------------------------------- the rest


def delete_object(service, request, bucket):
    with service.model.lock:
        service.model.delete_object(bucket, request.key)
    return Response(204)


def restore_object(service, request, bucket):
    data = receive_document(request)
    if data:
        parse_xml(data, "RestoreRequest")
    with service.model.lock:
        stored = find(bucket, request.key)
        a = stored.attributes
        if a["storage"] not in ARCHIVED and not bucket.archived:
            raise ApiError("OperationNotSupported", "The operation is not supported for this object")
        if "restored" in a:
            if request.now < a["restored"]:
                raise ApiError("RestoreAlreadyInProgress")
            return Response(200)
        stored.attributes = dict(a, restored=request.now + service.config.restore_seconds)
        service.model.note_attributes(bucket, stored)
    return Response(202)


def owner(name="Owner"):
    return "<%s>%s%s</%s>" % (name, element("ID", "1000000000000000"), element("DisplayName", "1000000000000000"), name)


def acl_document(request, acl):
    namespace = request.dialect.namespace
    if request.dialect.name == "oss":
        return document("AccessControlPolicy", owner() + "<AccessControlList>%s</AccessControlList>" % element("Grant", acl))
    grants = "<Grant><Grantee>%s</Grantee>%s</Grant>" % (element("ID", "1000000000000000"), element("Permission", "FULL_CONTROL"))
    if acl.startswith("public-read"):
        grants += "<Grant><Grantee>%s</Grantee>%s</Grant>" % (element("Canned", "Everyone"), element("Permission", "READ"))
    return document("AccessControlPolicy", owner() + "<AccessControlList>%s</AccessControlList>" % grants, namespace)


def get_object_acl(service, request, bucket):
    acl = find(bucket, request.key).attributes.get("acl", "default" if request.dialect.name == "oss" else "private")
    return Response(200, {"Content-Type": "application/xml"}, acl_document(request, acl))


def put_object_acl(service, request, bucket):
    acl = request.headers.get(request.dialect.acl_header)
    if receive_document(request):
        raise ApiError("NotImplemented", "An ACL document is not implemented; say it in the header.", status=501)
    if acl is None:
        raise ApiError("MissingArgument", "The ACL is missing.")
    return _change(service, request, bucket, {"acl": acl})


def _change(service, request, bucket, changes, status=200):
    """Sets attributes (None removes one)."""
    with service.model.lock:
        stored = find(bucket, request.key)
        attributes = dict(stored.attributes, **changes)
        stored.attributes = {n: v for n, v in attributes.items() if v is not None}
        service.model.note_attributes(bucket, stored)
    return Response(status)


def get_object_tagging(service, request, bucket):
    pairs = parse_qsl(find(bucket, request.key).attributes.get("tags", ""), keep_blank_values=True)
    content = "".join("<Tag>%s%s</Tag>" % (element("Key", n), element("Value", v)) for n, v in pairs)
    return Response(200, {"Content-Type": "application/xml"},
                    document("Tagging", "<TagSet>%s</TagSet>" % content, request.dialect.namespace))


def put_object_tagging(service, request, bucket):
    root = parse_xml(receive_document(request), "Tagging")
    pairs = [(child_text(t, "Key"), child_text(t, "Value")) for t in root.iter() if local(t) == "Tag"]
    text = "&".join(quote(n, safe="") + "=" + quote(v, safe="") for n, v in pairs)
    if not tags(text):
        raise ApiError("InvalidTag")
    return _change(service, request, bucket, {"tags": text})


def delete_object_tagging(service, request, bucket):
    return _change(service, request, bucket, {"tags": None}, 204)


# ---------------------------------------------------------------- XML of requests


def local(node):
    return node.tag.rpartition("}")[2]


def parse_xml(data, root_name):
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError):
        raise ApiError("MalformedXML") from None
    if local(root) != root_name:
        raise ApiError("MalformedXML")
    return root


def child_text(node, name, default=""):
    for child in node:
        if local(child) == name:
            return child.text or ""
    return default
