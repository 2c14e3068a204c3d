"""HTTP/1.1 on plain sockets: one thread per connection, keep-alive, bodies that stream.

A connection reads a request's head into a Request, gives it to the application's handle() and sends the Response.
The body is read by the application through request.body.readinto(); data files go out with sendfile().  Faults come
in as Flow objects, which act when a body has reached an offset; without one, nothing slows the way.
"""

import os
import socket
import ssl
import struct
import threading
import time
from urllib.parse import unquote_to_bytes

from checksums import Buffer

HEAD_LIMIT = 65536
PIECE = 256 * 1024
INLINE = 64 * 1024          # bodies up to here are sent together with the head
IDLE_SECONDS = 300
DRAIN_LIMIT = 64 << 20

REASONS = {200: "OK", 202: "Accepted", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently",
           304: "Not Modified", 307: "Temporary Redirect", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict", 411: "Length Required",
           412: "Precondition Failed", 413: "Payload Too Large", 416: "Range Not Satisfiable",
           429: "Too Many Requests", 500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
           503: "Service Unavailable", 504: "Gateway Timeout"}


class Drop(Exception):
    """Ends the connection without an answer; reset: with RST, and so without what is still in its buffers."""

    def __init__(self, reset=False):
        super().__init__()
        self.reset = reset


class BadHead(Exception):
    pass


class ShortBody(Exception):
    """The client ended its body early."""


class Flow:
    """What is to happen to one body on its way: events at offsets, a rate in bytes per second, an early end."""

    def __init__(self):
        self.events = []
        self.rate = None
        self.position = 0

    def at(self, offset, action):
        self.events.append((offset, action))
        self.events.sort(key=lambda event: event[0])

    def allow(self, size):
        """How many of size bytes may go now; runs the events that are due."""
        while self.events and self.events[0][0] <= self.position:
            self.events.pop(0)[1]()
        if self.events:
            size = min(size, self.events[0][0] - self.position)
        if self.rate:
            size = min(size, max(1, self.rate // 10))
        return size

    def passed(self, size):
        self.position += size
        if self.rate:
            time.sleep(size / self.rate)

    def finish(self):
        """Events at the very end of a body."""
        self.allow(0)


class Request:
    """verb, target, headers (lower-case names), query (pairs), params (dict), path (decoded), body; the application
    adds bucket, key, op, dialect, identity and now."""

    __slots__ = ("verb", "target", "headers", "query", "params", "path", "body", "host", "peer", "connection", "bucket",
                 "key", "op", "dialect", "scheme", "identity", "now", "id", "response_flow", "rules", "status", "buffer",
                 "close", "sent", "leave")

    def __init__(self):
        self.response_flow = None
        self.rules = ()
        self.op = None
        self.bucket = self.key = ""
        self.identity = None
        self.close = False
        self.sent = 0
        self.leave = None       # tells the counters; called once, just before the last bytes of the answer go out


class Response:
    """body: bytes, or None with pieces = [(path, offset, size)] of data files.  length: what Content-Length shall say
    when that is not the truth."""

    __slots__ = ("status", "headers", "body", "pieces", "length", "done", "close", "early_end")

    def __init__(self, status=200, headers=None, body=b"", pieces=None):
        self.status = status
        self.headers = headers if headers is not None else {}
        self.body = body
        self.pieces = pieces
        self.length = None
        self.done = None        # called when the body is out, or failed
        self.close = False
        self.early_end = None   # close after that many bytes of the body

    def size(self):
        return sum(p[2] for p in self.pieces) if self.pieces is not None else len(self.body)


def decode(data):
    return data.decode("utf-8", "surrogateescape")


def parse_query(text):
    """Pairs in the order of the query; '+' is a blank, as the stores read it."""
    pairs = []
    for item in text.split("&"):
        if item:
            name, _, value = item.partition("=")
            pairs.append((decode(unquote_to_bytes(name.replace("+", " "))),
                          decode(unquote_to_bytes(value.replace("+", " ")))))
    return pairs


def parse_head(head):
    """A Request out of the bytes before the blank line."""
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadHead("request line")
    request = Request()
    request.verb, request.target = words[0], words[1]
    headers = request.headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadHead("header line")
        name = name.lower()
        value = value.strip(" \t")
        headers[name] = headers[name] + "," + value if name in headers else value
    connection = headers.get("connection", "").lower()
    request.close = connection == "close" or (words[2] == "HTTP/1.0" and connection != "keep-alive")
    target = request.target
    if target.startswith(("http://", "https://")):      # asked as a proxy: the same, with the host in the target
        rest = target.split("://", 1)[1]
        host, slash, path = rest.partition("/")
        headers["host"] = host
        target = "/" + path
    path, _, query = target.partition("?")
    if not path.startswith("/"):
        raise BadHead("target")
    request.path = decode(unquote_to_bytes(path))
    request.query = parse_query(query)
    request.params = dict(request.query)
    request.host = headers.get("host", "")
    if not request.host:
        raise BadHead("no Host")
    return request


# ---------------------------------------------------------------- bodies of requests


class FixedBody:
    """Content-Length bytes."""

    def __init__(self, connection, size, expect):
        self.connection = connection
        self.size = size
        self.left = size
        self.received = 0
        self.expect = expect
        self.flow = None

    def readinto(self, view):
        """Fills the view as far as the body goes; 0 at the end."""
        if self.expect:
            self.connection.go_on()
            self.expect = False
        size = min(len(view), self.left)
        if self.flow is not None:
            size = self.flow.allow(size)
        if size <= 0:
            return 0
        got = self.connection.read(view[:size])
        self.left -= got
        self.received += got
        if self.flow is not None:
            self.flow.passed(got)
        return got


class ChunkedBody:
    """Transfer-Encoding: chunked."""

    def __init__(self, connection, expect):
        self.connection = connection
        self.size = None
        self.in_chunk = 0
        self.ended = False
        self.received = 0
        self.expect = expect
        self.flow = None

    @property
    def left(self):
        return 0 if self.ended else 1

    def _next_chunk(self):
        line = self.connection.read_line()
        try:
            self.in_chunk = int(line.split(b";")[0], 16)
        except ValueError:
            raise ShortBody() from None
        if self.in_chunk == 0:
            while self.connection.read_line():
                pass
            self.ended = True

    def readinto(self, view):
        if self.expect:
            self.connection.go_on()
            self.expect = False
        if not self.ended and self.in_chunk == 0:
            self._next_chunk()
        size = min(len(view), self.in_chunk)
        if self.flow is not None:
            size = self.flow.allow(size)
        if self.ended or size <= 0:
            return 0
        got = self.connection.read(view[:size])
        self.received += got
        self.in_chunk -= got
        if self.in_chunk == 0:
            self.connection.read_line()
        if self.flow is not None:
            self.flow.passed(got)
        return got


def read_all(body, limit):
    """The whole of a small body, or None when it has more than limit bytes."""
    data = bytearray(min(limit + 1, body.size if body.size is not None else 65536) or 1)
    used = 0
    while True:
        if used == len(data):
            if used > limit:
                return None
            data.extend(bytes(min(65536, limit + 1 - used)))
        got = body.readinto(memoryview(data)[used:])
        if got == 0:
            return bytes(data[:used])
        used += got


# ---------------------------------------------------------------- a connection


class Connection:
    def __init__(self, server, sock, peer):
        self.server = server
        self.sock = sock
        self.peer = peer
        self.waiting = bytearray()      # received, not yet used
        self.tls = isinstance(sock, ssl.SSLSocket)
        self.buffer = None
        self._answered = False

    def run(self):
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            limit = struct.pack("ll", IDLE_SECONDS, 0)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            if self.tls:
                self.sock.do_handshake()
            while self._one_request():
                pass
        except Drop as drop:
            if drop.reset:
                self._reset()
        except (OSError, ssl.SSLError, ShortBody):
            pass
        finally:
            try:
                self.sock.close()
            except OSError:
                pass
            self.server.forget(self)

    def _reset(self):
        """RST instead of FIN."""
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass

    # ------------------------------------------------------------ reading

    def _receive(self):
        data = self.sock.recv(65536)
        if data:
            self.waiting += data
        return bool(data)

    def _read_head(self):
        """The bytes of the next head; None when the client went away between two requests."""
        searched = 0
        while True:
            end = self.waiting.find(b"\r\n\r\n", searched)
            if end >= 0:
                head = bytes(self.waiting[:end])
                del self.waiting[:end + 4]
                return head
            if len(self.waiting) > HEAD_LIMIT:
                raise BadHead("too long")
            searched = max(0, len(self.waiting) - 3)
            if not self._receive():
                return None

    def read_line(self):
        while True:
            end = self.waiting.find(b"\r\n")
            if end >= 0:
                line = bytes(self.waiting[:end])
                del self.waiting[:end + 2]
                return line
            if len(self.waiting) > HEAD_LIMIT or not self._receive():
                raise ShortBody()

    def read(self, view):
        """At least one byte into the view; as many as it holds where that is cheap."""
        size = len(view)
        if self.waiting:
            got = min(size, len(self.waiting))
            view[:got] = self.waiting[:got]
            del self.waiting[:got]
            return got
        got = self.sock.recv_into(view, size) if self.tls else self.sock.recv_into(view, size, socket.MSG_WAITALL)
        if got == 0:
            raise ShortBody()
        return got

    def go_on(self):
        self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _body(self, request):
        expect = request.headers.get("expect", "").lower() == "100-continue"
        if request.headers.get("transfer-encoding", "").lower() == "chunked":
            return ChunkedBody(self, expect)
        length = request.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise BadHead("Content-Length")
        return FixedBody(self, int(length), expect and int(length) > 0)

    # ------------------------------------------------------------ one request

    def _one_request(self):
        """Whether the connection goes on."""
        try:
            head = self._read_head()
            if head is None:
                return False
            request = parse_head(head)
            request.body = self._body(request)
        except BadHead as bad:
            text = ("Bad request: %s\n" % bad).encode()
            self.sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(text) + text)
            return False
        request.connection = self
        request.peer = self.peer
        request.sent = 0
        if self.buffer is None and (request.body.size is None or request.body.size > 0):
            self.buffer = Buffer(PIECE)
        request.buffer = self.buffer
        response = self.server.application.handle(request)
        if request.body.left and (request.body.expect or request.body.size is None or request.body.left > DRAIN_LIMIT
                                  or response.status >= 400 and request.body.left > PIECE):
            response.close = True
        try:
            if not response.close:
                self._drain(request.body, DRAIN_LIMIT)
            self._send(request, response)
        finally:
            if response.done is not None:
                response.done()
            self._leave(request, 0)
        if response.close:
            self._linger(request.body)
        return not (request.close or response.close)

    def _drain(self, body, limit):
        """What the application left of a body."""
        body.flow = None
        while body.left and limit > 0:
            if self.buffer is None:
                self.buffer = Buffer(PIECE)
            got = body.readinto(self.buffer.view)
            if got == 0:
                return
            limit -= got

    def _linger(self, body):
        """Before a close with an unread body: lets the client read the answer, which a RST would destroy."""
        if not body.left:
            return
        try:
            if not self.tls:
                self.sock.shutdown(socket.SHUT_WR)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 2, 0))
            limit = DRAIN_LIMIT
            while limit > 0:
                got = len(self.sock.recv(PIECE))
                if got == 0:
                    return
                limit -= got
        except OSError:
            pass

    # ------------------------------------------------------------ the answer

    @staticmethod
    def _leave(request, status):
        """Who has the whole answer must find it counted, so this comes before the last bytes."""
        leave, request.leave = request.leave, None
        if leave is not None:
            leave(status)

    def _head(self, request, response, size):
        lines = ["HTTP/1.1 %d %s" % (response.status, REASONS.get(response.status, "Unknown"))]
        lines += ["%s: %s" % pair for pair in response.headers.items()]
        if response.status not in (204, 304):
            lines.append("Content-Length: %d" % (size if response.length is None else response.length))
        if request.close or response.close:
            lines.append("Connection: close")
        else:
            lines.append("Connection: keep-alive")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")

    def _send(self, request, response):
        size = response.size()
        if response.early_end is not None:
            response.close = True
        head = self._head(request, response, size)
        if request.verb == "HEAD" or response.status in (204, 304):
            self._leave(request, response.status)
            self.sock.sendall(head)
            return
        if request.response_flow is not None or response.early_end is not None:
            self._send_slowly(request, response, head)
        elif response.pieces is None:
            request.sent = size
            self._leave(request, response.status)
            self.sock.sendall(head + response.body)
        elif size <= INLINE or self.tls:
            self._send_read(request, response, head, size)
        else:
            self.sock.sendall(head, socket.MSG_MORE)
            self._send_files(request, response, size)

    def _send_files(self, request, response, total):
        """With sendfile; the last bytes apart, see _leave."""
        out = self.sock.fileno()
        before_end = total - 1024
        for path, offset, size in response.pieces:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                while size > 0:
                    if request.sent >= before_end:
                        so_far, request.sent = request.sent, total
                        self._leave(request, response.status)
                        request.sent = so_far
                        before_end = total
                    wanted = min(size, 1 << 30)
                    if request.sent < before_end:
                        wanted = min(wanted, before_end - request.sent)
                    sent = os.sendfile(out, descriptor, offset, wanted)
                    if sent == 0:
                        raise Drop()
                    offset += sent
                    size -= sent
                    request.sent += sent
            finally:
                os.close(descriptor)

    @staticmethod
    def _read_pieces(response, piece):
        """The body in pieces of at most that many bytes."""
        if response.pieces is None:
            view = memoryview(response.body)
            for start in range(0, len(view), piece):
                yield view[start:start + piece]
            return
        for path, offset, size in response.pieces:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                while size > 0:
                    data = os.pread(descriptor, min(size, piece), offset)
                    if not data:
                        raise Drop()
                    offset += len(data)
                    size -= len(data)
                    yield data
            finally:
                os.close(descriptor)

    def _send_read(self, request, response, head, total):
        for data in self._read_pieces(response, PIECE):
            request.sent += len(data)
            if request.sent == total:
                self._leave(request, response.status)
            self.sock.sendall(head + data if head else data)
            head = b""
        if head:
            self._leave(request, response.status)
            self.sock.sendall(head)

    def _send_slowly(self, request, response, head):
        """With a Flow, or an early end."""
        flow = request.response_flow or Flow()
        if response.early_end is not None:
            flow.at(response.early_end, self._end_early)
        self.sock.sendall(head)
        for data in self._read_pieces(response, 65536):
            view = memoryview(data)
            while len(view):
                size = flow.allow(len(view))
                self.sock.sendall(view[:size])
                request.sent += size
                flow.passed(size)
                view = view[size:]
        flow.finish()
        self._leave(request, response.status)

    def _end_early(self):
        self.sock.shutdown(socket.SHUT_WR)
        raise Drop()


# ---------------------------------------------------------------- the listener


class Server:
    """A listening socket and its connections.  application.handle(request) gives a Response or raises Drop."""

    def __init__(self, application, address, port, context=None):
        self.application = application
        self.context = context
        self.connections = set()
        self.lock = threading.Lock()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((address, port))
        self.sock.listen(1024)
        self.port = self.sock.getsockname()[1]

    def start(self):
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, peer = self.sock.accept()
            except OSError:
                return
            if self.context is not None:
                sock = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            connection = Connection(self, sock, peer)
            with self.lock:
                self.connections.add(connection)
            threading.Thread(target=connection.run, daemon=True).start()

    def forget(self, connection):
        with self.lock:
            self.connections.discard(connection)

    def stop(self):
        self.sock.close()
        with self.lock:
            for connection in self.connections:
                try:
                    connection.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
