"""Bodies of writes: from the socket into a data file, through every checksum that the client asked for.

receive() returns a Received, or raises before the data become part of anything.  S3's aws-chunked coding (signed
chunks and trailers) is taken off here.
"""

import base64
import binascii
import hashlib
import hmac
import os

from checksums import S3_ALGORITHMS, Buffer, Digest
from dialects import ApiError
from http_server import Drop, ShortBody, read_all
from objects import Segment
from signatures import EMPTY_SHA256

LARGEST = 5 << 30
DOCUMENT_LIMIT = 8 << 20


class Received:
    """What came: its segments (held once for the caller), size, crc, md5 (hex) and S3 checksums {name: base64}."""

    def __init__(self, segments, size, crc, md5, checksums):
        self.segments = segments
        self.size = size
        self.crc = crc
        self.md5 = md5
        self.checksums = checksums


# ---------------------------------------------------------------- aws-chunked


class AwsChunkedBody:
    """Takes `size[;chunk-signature=...]` framing off; verifies chunk signatures when there is a seed."""

    def __init__(self, body, request, signed, trailer):
        self.body = body
        self.pending = bytearray()
        self.in_chunk = 0
        self.ended = False
        self.identity = request.identity
        self.signed = signed
        self.trailer = trailer
        self.trailers = {}
        self.previous = request.identity.seed
        self.chunk_hash = None
        self.chunk_signature = None
        self.piece = bytearray(65536)

    def _more(self):
        got = self.body.readinto(memoryview(self.piece))
        if got == 0:
            raise ApiError("IncompleteBody")
        self.pending += self.piece[:got]

    def _line(self):
        while True:
            end = self.pending.find(b"\r\n")
            if end >= 0:
                line = bytes(self.pending[:end])
                del self.pending[:end + 2]
                return line.decode("ascii", "replace")
            if len(self.pending) > 65536:
                raise ApiError("InvalidRequest", "A chunk's head is too long.")
            self._more()

    def _check_chunk(self):
        if not self.signed:
            return
        text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", self.identity.timestamp, self.identity.scope, self.previous,
                          EMPTY_SHA256, self.chunk_hash.hexdigest()])
        expected = hmac.digest(self.identity.signing_key, text.encode(), "sha256").hex()
        if not hmac.compare_digest(expected, self.chunk_signature or ""):
            raise ApiError("SignatureDoesNotMatch", "A chunk's signature does not match.")
        self.previous = expected

    def _next_chunk(self):
        head, _, extension = self._line().partition(";")
        try:
            self.in_chunk = int(head, 16)
        except ValueError:
            raise ApiError("InvalidRequest", "A chunk's size is no number.") from None
        name, _, value = extension.partition("=")
        self.chunk_signature = value if name == "chunk-signature" else None
        self.chunk_hash = hashlib.sha256() if self.signed else None
        if self.in_chunk == 0:
            self._check_chunk()
            self._read_trailers()
            self.ended = True

    def _read_trailers(self):
        lines = []
        while True:
            line = self._line()
            if not line:
                break
            name, colon, value = line.partition(":")
            if not colon:
                raise ApiError("InvalidRequest", "A trailer is malformed.")
            if name.lower() != "x-amz-trailer-signature":
                lines.append("%s:%s\n" % (name.lower(), value.strip()))
            self.trailers[name.lower()] = value.strip()
        if self.trailer and self.signed:
            text = "\n".join(["AWS4-HMAC-SHA256-TRAILER", self.identity.timestamp, self.identity.scope, self.previous,
                              hashlib.sha256("".join(lines).encode()).hexdigest()])
            expected = hmac.digest(self.identity.signing_key, text.encode(), "sha256").hex()
            if not hmac.compare_digest(expected, self.trailers.get("x-amz-trailer-signature", "")):
                raise ApiError("SignatureDoesNotMatch", "The trailer's signature does not match.")

    def readinto(self, view):
        if not self.ended and self.in_chunk == 0:
            self._next_chunk()
        if self.ended:
            return 0
        if not self.pending:
            self._more()
        got = min(len(view), self.in_chunk, len(self.pending))
        view[:got] = self.pending[:got]
        if self.chunk_hash is not None:
            self.chunk_hash.update(view[:got])
        del self.pending[:got]
        self.in_chunk -= got
        if self.in_chunk == 0:
            if self._line():
                raise ApiError("InvalidRequest", "A chunk is longer than it says.")
            self._check_chunk()
        return got


def _aws_chunked(request, config, payload):
    if config.s3_flavour == "oss" and payload != "STREAMING-AWS4-HMAC-SHA256-PAYLOAD":
        raise ApiError("InvalidArgument", "aws-chunked encoding is not supported with the specified x-amz-content-sha256 value.",
                       ec="0017-00000804")
    if "x-amz-decoded-content-length" not in request.headers:
        raise ApiError("MissingContentLength")
    if "aws-chunked" not in request.headers.get("content-encoding", ""):
        raise ApiError("InvalidRequest", "A streaming payload needs Content-Encoding: aws-chunked.")
    trailer = payload.endswith("TRAILER")
    if trailer != ("x-amz-trailer" in request.headers):
        raise ApiError("InvalidRequest", "x-amz-trailer does not fit x-amz-content-sha256.")
    return AwsChunkedBody(request.body, request, "AWS4" in payload, trailer)


# ---------------------------------------------------------------- what the client promised


def decode_md5(text):
    """Raw bytes of a Content-MD5 value; raises InvalidDigest."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 16:
        raise ApiError("InvalidDigest", extra={"Content-MD5": text})
    return raw


def _promised_checksums(request):
    """{algorithm: base64 or None}: None when the value comes in the trailer."""
    promised = {}
    for name in S3_ALGORITHMS:
        value = request.headers.get("x-amz-checksum-" + name)
        if value is not None:
            promised[name] = value
    trailer = request.headers.get("x-amz-trailer")
    if trailer is not None:
        promised[trailer[len("x-amz-checksum-"):]] = None
    return promised


def _check(request, digest, promised, body):
    """Compares what came with what was promised."""
    md5 = request.headers.get("content-md5")
    if md5 is not None and decode_md5(md5) != digest.md5.digest():
        raise ApiError(request.dialect.bad_md5, extra={"Content-MD5": md5})
    payload = request.headers.get("x-amz-content-sha256", "")
    if digest.sha256 is not None and digest.sha256.hexdigest() != payload:
        raise ApiError("XAmzContentSHA256Mismatch")
    crc = request.headers.get("x-obs-checksum-crc64ecma")
    if crc is not None and int(crc) != digest.crc:
        raise ApiError("BadDigest", "The CRC64 you specified did not match what was received.")
    checksums = {}
    for name, value in promised.items():
        value = value if value is not None else body.trailers.get("x-amz-checksum-" + name)
        checksums[name] = digest.extra_base64(name)
        if value != checksums[name]:
            raise ApiError("BadDigest", "The %s you specified did not match the calculated checksum." % name.upper())
    return checksums


def _payload_kind(request):
    """x-amz-content-sha256 of a request of the S3 dialect, "" otherwise."""
    if request.identity.scheme != "s3-v4":
        return ""
    return request.headers["x-amz-content-sha256"]


def check_length(request, largest=LARGEST):
    """Before anything is read: is the length given, and legal."""
    if request.body.size is None:
        if request.dialect.name == "s3" and "x-amz-decoded-content-length" not in request.headers:
            raise ApiError("NotImplemented", "Transfer-Encoding: chunked is not implemented.", status=501)
    elif "content-length" not in request.headers:
        raise ApiError("MissingContentLength")
    elif request.body.size > largest:
        raise ApiError("EntityTooLarge", extra={"MaxSizeAllowed": str(largest), "ProposedSize": str(request.body.size)})


def receive(request, model, config):
    """The body as a data file.  The data file is gone when anything is wrong with it."""
    check_length(request)
    payload = _payload_kind(request)
    body = _aws_chunked(request, config, payload) if payload.startswith("STREAMING") else request.body
    promised = _promised_checksums(request)
    needs_md5 = config.etag == "md5" or "content-md5" in request.headers
    if "content-md5" in request.headers:
        decode_md5(request.headers["content-md5"])
    digest = Digest(md5=needs_md5, sha256=len(payload) == 64, extra=promised)
    blob, descriptor = model.new_blob(request.body.size)
    try:
        try:
            _pump(request, body, digest, descriptor)
            model.sync(descriptor)
        finally:
            os.close(descriptor)
        decoded = request.headers.get("x-amz-decoded-content-length")
        if payload.startswith("STREAMING") and int(decoded) != digest.size:
            raise ApiError("IncompleteBody")
        checksums = _check(request, digest, promised, body)
    except BaseException:
        model.release_blob(blob)
        raise
    if digest.size == 0:
        model.release_blob(blob)
        return Received([], 0, digest.crc, digest.md5_hex(), checksums)
    return Received([Segment(blob, 0, digest.size)], digest.size, digest.crc, digest.md5_hex(), checksums)


def _pump(request, body, digest, descriptor):
    buffer = request.buffer
    if buffer is None:
        return
    while True:
        got = body.readinto(buffer.view)
        if got == 0:
            break
        digest.update(buffer, got)
        view = buffer.view[:got]
        while len(view):
            view = view[os.write(descriptor, view):]
        if digest.size > LARGEST:
            raise ApiError("EntityTooLarge")
    if request.body.left and request.body.readinto(buffer.view) > 0:    # the end of a chunked coding is still to come
        raise ApiError("InvalidRequest", "The body goes on after its end.")
    if request.body.left:
        raise ShortBody()
    if request.body.flow is not None:
        request.body.flow.finish()


def receive_document(request, limit=DOCUMENT_LIMIT):
    """A small body (an XML document), checked as receive() does."""
    payload = _payload_kind(request)
    if payload.startswith("STREAMING"):
        raise ApiError("NotImplemented", status=501)
    data = read_all(request.body, limit)
    if request.body.flow is not None:
        request.body.flow.finish()
    if data is None:
        raise ApiError("EntityTooLarge")
    md5 = request.headers.get("content-md5")
    if md5 is not None and decode_md5(md5) != hashlib.md5(data).digest():
        raise ApiError(request.dialect.bad_md5, extra={"Content-MD5": md5})
    if len(payload) == 64 and hashlib.sha256(data).hexdigest() != payload:
        raise ApiError("XAmzContentSHA256Mismatch")
    if request.op != "CompleteMultipartUpload":     # where they mean the object
        _check_document_checksums(request, data)
    return data


def has_checksum(request):
    """Whether S3's x-amz-checksum-* guards the body."""
    return bool(_promised_checksums(request))


def _check_document_checksums(request, data):
    promised = _promised_checksums(request)
    for name, value in promised.items():
        algorithm = S3_ALGORITHMS[name]()
        algorithm.update(data)
        if base64.b64encode(algorithm.digest()).decode() != value:
            raise ApiError("BadDigest", "The %s you specified did not match the calculated checksum." % name.upper())


def reread(model, segments, extra=()):
    """A Digest of stored data."""
    digest = Digest(extra=extra)
    buffer = Buffer(256 * 1024)
    for segment in segments:
        descriptor = model.open_blob(segment.blob)
        try:
            offset, left = segment.offset, segment.size
            while left > 0:
                got = os.preadv(descriptor, [buffer.view[:min(left, len(buffer.view))]], offset)
                if got == 0:
                    raise Drop()
                digest.update(buffer, got)
                offset += got
                left -= got
        finally:
            os.close(descriptor)
    return digest
