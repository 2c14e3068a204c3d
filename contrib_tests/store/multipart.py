"""Multipart uploads: Initiate, UploadPart, UploadPartCopy, ListParts, Complete, Abort, ListMultipartUploads."""

import base64
import hashlib
import re

from bodies import Received, receive, receive_document, reread
from checksums import S3_ALGORITHMS, crc64_combine
from dialects import ApiError, document, element
from http_server import Response
from listing import Page, encoded, number_parameter
from objects import Part, Segment, StoredObject
from operations import (attributes_of, check_write_conditions, child_text, copy_source, encryption_headers, iso, local,
                        parse_xml, slice_segments, write_headers)

MOST_PARTS = 10000
XML = {"Content-Type": "application/xml"}


def find_upload(request, bucket):
    upload = bucket.uploads.get(request.params["uploadId"])
    if upload is None or upload.key != request.key:
        raise ApiError("NoSuchUpload", extra={"UploadId": request.params["uploadId"]})
    return upload


def initiate(service, request, bucket):
    attributes = attributes_of(request)
    check_write_conditions(request, bucket, request.key)
    if receive_document(request):
        raise ApiError("MalformedXML", "The body must be empty.")
    algorithm = request.headers.get("x-amz-checksum-algorithm")
    if algorithm is not None:
        attributes["algorithm"] = algorithm.lower()
        attributes["checksum_type"] = request.headers.get("x-amz-checksum-type", "COMPOSITE")
    with service.model.lock:
        upload = service.model.new_upload(bucket, request.key, request.now, attributes)
    url = request.params.get("encoding-type") == "url"
    content = element("Bucket", bucket.name) + element("Key", encoded(request.key, url)) + element("UploadId", upload.id)
    if url:
        content += element("EncodingType", "url")
    headers = dict(XML)
    if algorithm is not None:
        headers["x-amz-checksum-algorithm"] = algorithm
        headers["x-amz-checksum-type"] = attributes["checksum_type"]
    headers.update(encryption_headers(request.dialect, attributes))
    return Response(200, headers, document("InitiateMultipartUploadResult", content, request.dialect.namespace))


# ---------------------------------------------------------------- parts


def _part_number(request):
    text = request.params["partNumber"]
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_PARTS):
        raise ApiError("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive",
                       extra={"ArgumentName": "partNumber", "ArgumentValue": text})
    return int(text)


def _keep_part(service, request, bucket, received):
    """The part in its upload, if that still stands."""
    part = Part(_part_number(request), received.size, received.crc, received.md5, request.now, received.segments,
                received.checksums)
    with service.model.lock:
        upload = bucket.uploads.get(request.params["uploadId"])
        if upload is None or upload.busy:
            service.model.let_go(received.segments)
            raise ApiError("NoSuchUpload", extra={"UploadId": request.params["uploadId"]})
        service.model.put_part(bucket, upload, part)
    return part


def upload_part(service, request, bucket):
    _part_number(request)
    find_upload(request, bucket)
    received = receive(request, service.model, service.config)
    part = _keep_part(service, request, bucket, received)
    headers = {"ETag": request.dialect.etag(part.etag)}
    headers.update(write_headers(request, part.crc, received))
    return Response(200, headers)


def upload_part_copy(service, request, bucket):
    _part_number(request)
    find_upload(request, bucket)
    _, source = copy_source(service, request)
    start, size = 0, source.size
    text = request.headers.get(request.dialect.prefix + "copy-source-range")
    if text is not None:
        first, last = (int(n) for n in re.findall(r"\d+", text))
        if first > last or last >= source.size:
            raise ApiError("InvalidRange" if request.dialect.name != "s3" else "InvalidArgument",
                           "The range of the source is not within its %d bytes." % source.size)
        start, size = first, last - first + 1
    with service.model.lock:
        segments = slice_segments(source.segments, start, size)
        service.model.hold(segments)
    digest = reread(service.model, segments)
    part = _keep_part(service, request, bucket, Received(segments, size, digest.crc, digest.md5_hex(), {}))
    content = element("LastModified", iso(part.modified)) + element("ETag", request.dialect.etag(part.etag))
    headers = dict(XML, ETag=request.dialect.etag(part.etag)) if request.dialect.name == "oss" else dict(XML)
    return Response(200, headers, document("CopyPartResult", content, request.dialect.namespace))


def list_parts(service, request, bucket):
    limit = number_parameter(request, "max-parts", 1000, 1000)
    marker = number_parameter(request, "part-number-marker", 0, 1 << 31, low=0)
    url = request.params.get("encoding-type") == "url"
    with service.model.lock:
        upload = find_upload(request, bucket)
        numbers = sorted(n for n in upload.parts if n > marker)
        parts = [upload.parts[n] for n in numbers[:limit]]
    content = element("Bucket", bucket.name) + element("Key", encoded(upload.key, url)) + element("UploadId", upload.id)
    content += element("StorageClass", request.dialect.storage_class(upload.attributes["storage"]))
    content += element("PartNumberMarker", marker)
    content += element("NextPartNumberMarker", parts[-1].number if parts else 0) + element("MaxParts", limit)
    content += element("IsTruncated", "true" if len(numbers) > limit else "false")
    if url:
        content += element("EncodingType", "url")
    for part in parts:
        item = element("PartNumber", part.number) + element("LastModified", iso(part.modified))
        item += element("ETag", request.dialect.etag(part.etag)) + element("Size", part.size)
        if request.dialect.name == "oss":
            item += element("HashCrc64ecma", part.crc)
        content += "<Part>%s</Part>" % item
    return Response(200, dict(XML), document("ListPartsResult", content, request.dialect.namespace))


# ---------------------------------------------------------------- the end


def _wanted_parts(request, data):
    """[(number, etag, {checksum name: value})] of the body."""
    root = parse_xml(data, "CompleteMultipartUpload")
    wanted = []
    for node in root:
        if local(node) != "Part":
            raise ApiError("MalformedXML")
        number, etag = child_text(node, "PartNumber").strip(), child_text(node, "ETag").strip().strip('"')
        if not (number.isascii() and number.isdigit()) or not etag:
            raise ApiError("MalformedXML")
        if not 1 <= int(number) <= MOST_PARTS:
            raise ApiError("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
        sums = {n: child_text(node, "Checksum" + n.upper()) for n in S3_ALGORITHMS}
        wanted.append((int(number), etag, {n: v for n, v in sums.items() if v}))
    if not wanted:
        raise ApiError("MalformedXML", "At least one part is needed.")
    return wanted


def _check_parts(request, upload, wanted, smallest):
    """The Parts meant, in order; every rule of Complete."""
    parts = []
    for number, etag, sums in wanted:
        if parts and number <= parts[-1].number:
            raise ApiError("InvalidPartOrder", extra={"UploadId": upload.id})
        part = upload.parts.get(number)
        if part is None or (etag is not None and part.etag.lower() != etag.lower()) \
                or any(part.checksums.get(n, v) != v for n, v in sums.items()):
            raise ApiError("InvalidPart", extra={"UploadId": upload.id, "PartNumber": str(number)})
        parts.append(part)
    for part in parts[:-1]:
        if part.size < smallest:
            raise ApiError("EntityTooSmall", extra={"PartNumber": str(part.number), "ProposedSize": str(part.size),
                                                    "MinSizeAllowed": str(smallest), "ETag": part.etag})
    return parts


def multipart_etag(dialect, parts):
    """S3 (and OBS): the MD5 of the parts' MD5s.  OSS keeps its way secret, so ours must not be S3's."""
    joined = b"".join(bytes.fromhex(p.etag) for p in parts)
    return "%s-%d" % (hashlib.md5((b"oss" if dialect.name == "oss" else b"") + joined).hexdigest(), len(parts))


def _whole_checksums(service, request, upload, parts):
    """S3 checksums of the whole: COMPOSITE of the parts' ones, or FULL_OBJECT of the data."""
    name = upload.attributes.get("algorithm")
    if name is None or any(name not in p.checksums for p in parts):
        return {}
    algorithm = S3_ALGORITHMS[name]()
    if upload.attributes.get("checksum_type") == "FULL_OBJECT":
        value = reread(service.model, [s for p in parts for s in p.segments], (name,)).extra_base64(name)
    else:
        for part in parts:
            algorithm.update(base64.b64decode(part.checksums[name]))
        value = base64.b64encode(algorithm.digest()).decode() + "-%d" % len(parts)
    given = request.headers.get("x-amz-checksum-" + name)
    if given is not None and given != value:
        raise ApiError("BadDigest", "The %s you specified did not match the calculated checksum." % name.upper())
    return {name: value}


def _wanted(request, upload, data):
    if request.headers.get("x-oss-complete-all") != "yes":
        return _wanted_parts(request, data)
    if data:
        raise ApiError("InvalidArgument", "x-oss-complete-all allows no body.")
    if not upload.parts:
        raise ApiError("InvalidPart")
    return [(number, None, {}) for number in sorted(upload.parts)]


def complete(service, request, bucket):
    model, dialect = service.model, request.dialect
    data = receive_document(request)
    with model.lock:
        upload = find_upload(request, bucket)
        if upload.busy:
            raise ApiError("NoSuchUpload", extra={"UploadId": upload.id})
        check_write_conditions(request, bucket, request.key)
        parts = _check_parts(request, upload, _wanted(request, upload, data), service.config.min_part or dialect.min_part)
        upload.busy = True
    try:
        sums = _whole_checksums(service, request, upload, parts)
        stored = _join(dialect, request, upload, parts, sums)
        given = request.headers.get("x-obs-checksum-crc64ecma")
        if given is not None:
            if int(given) != stored.crc:
                raise ApiError("BadDigest", "The CRC64 you specified did not match what was received.")
            stored.attributes["crc_asked"] = True
        with model.lock:
            check_write_conditions(request, bucket, request.key)
            model.put_object(bucket, stored)
            model.end_upload(bucket, upload, {p.number for p in parts})
    finally:
        upload.busy = False
    return _completed(request, bucket, stored, sums)


def _join(dialect, request, upload, parts, sums):
    crc, size = 0, 0
    for part in parts:
        crc = crc64_combine(crc, part.crc, part.size)
        size += part.size
    attributes = dict(upload.attributes, type="Multipart")
    if dialect.acl_header in request.headers:
        attributes["acl"] = request.headers[dialect.acl_header]
    if sums:
        attributes["checksums"] = sums
    segments = [Segment(s.blob, s.offset, s.size) for p in parts for s in p.segments]
    return StoredObject(upload.key, size, crc, multipart_etag(dialect, parts), request.now, segments, attributes)


def _completed(request, bucket, stored, sums):
    dialect = request.dialect
    url = request.params.get("encoding-type") == "url"
    content = element("EncodingType", "url") if url else ""
    content += element("Location", "http://%s/%s" % (request.host, encoded(stored.key, True)))
    content += element("Bucket", bucket.name) + element("Key", encoded(stored.key, url))
    content += element("ETag", dialect.etag(stored.etag))
    for name, value in sums.items():
        content += element("Checksum" + name.upper(), value)
    headers = dict(XML, ETag=dialect.etag(stored.etag))
    if dialect.name == "oss":
        headers["x-oss-hash-crc64ecma"] = str(stored.crc)
    elif dialect.name == "obs" and stored.attributes.get("crc_asked"):
        headers["x-obs-checksum-crc64ecma"] = str(stored.crc)
    headers.update(encryption_headers(dialect, stored.attributes))
    return Response(200, headers, document("CompleteMultipartUploadResult", content, dialect.namespace))


def abort(service, request, bucket):
    with service.model.lock:
        upload = find_upload(request, bucket)
        if upload.busy:
            raise ApiError("NoSuchUpload", extra={"UploadId": upload.id})
        service.model.end_upload(bucket, upload)
    return Response(204)


# ---------------------------------------------------------------- the list of uploads


def list_uploads(service, request, bucket):
    limit = number_parameter(request, "max-uploads", 1000, 1000)
    p = request.params
    url = p.get("encoding-type") == "url"
    prefix, delimiter = p.get("prefix", ""), p.get("delimiter", "")
    key_marker, id_marker = p.get("key-marker", ""), p.get("upload-id-marker", "")
    with service.model.lock:
        uploads = sorted(((u.key, u.id, u) for u in bucket.uploads.values() if u.key.startswith(prefix)))
    page = Page(limit)
    for key, id, upload in uploads:
        if key < key_marker or (key == key_marker and (not id_marker or id <= id_marker)):
            continue
        group = page.group_of(key, prefix, delimiter)
        if group is not None and group == key_marker:
            continue
        if not page.add(group, (group or key, "" if group else id), upload):
            break
    content = element("Bucket", bucket.name) + element("KeyMarker", encoded(key_marker, url))
    content += element("UploadIdMarker", id_marker)
    if page.truncated or request.dialect.name == "oss":
        last = page.last or ("", "")
        content += element("NextKeyMarker", encoded(last[0], url)) + element("NextUploadIdMarker", last[1])
    content += element("Delimiter", encoded(delimiter, url)) + element("Prefix", encoded(prefix, url))
    content += element("MaxUploads", limit) + element("IsTruncated", "true" if page.truncated else "false")
    if url:
        content += element("EncodingType", "url")
    for upload in page.items:
        content += "<Upload>%s%s%s%s</Upload>" % (
            element("Key", encoded(upload.key, url)), element("UploadId", upload.id), element("Initiated", iso(upload.initiated)),
            element("StorageClass", request.dialect.storage_class(upload.attributes["storage"])))
    content += "".join("<CommonPrefixes>%s</CommonPrefixes>" % element("Prefix", encoded(g, url)) for g in page.groups)
    return Response(200, dict(XML), document("ListMultipartUploadsResult", content, request.dialect.namespace))
