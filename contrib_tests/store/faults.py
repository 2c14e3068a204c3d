"""Scripted faults and the counters.

A rule names operations (and keys, buckets, part numbers), lets its first `after` matches pass, then acts on `count`
of them.  The service asks matching() once per request and then runs the rules by stage: "start" (before anything is
checked), "request" (in the middle of the request's body), "answer" (executed, before the answer goes out), "response"
(in the middle of the answer's body).
"""

import fnmatch
import threading
import time

from dialects import ApiError
from http_server import Drop, Flow

# action -> the stages it may act at, the usual one first
ACTIONS = {
    "refuse": ("start",),
    "reset": ("request", "response", "start", "answer"),
    "stall": ("start", "request", "answer", "response"),
    "drip": ("request", "response"),
    "block": ("start", "request", "answer", "response"),
    "status": ("start", "answer"),
    "html": ("start", "answer"),
    "deny": ("start",),
    "expired_token": ("start",),
    "clock_skew": ("start",),
    "wrong_crc": ("answer",),
    "wrong_etag": ("answer",),
    "wrong_content_range": ("answer",),
    "header": ("answer",),
    "truncate": ("answer",),
    "lost_answer": ("answer",),
    "error_200": ("answer", "start"),
    "count": ("start",),
}

# what a rule may say besides the names of its matches
FIELDS = {"action", "op", "bucket", "key", "part", "method", "after", "count", "stage", "name", "id", "bytes", "seconds",
          "status", "code", "message", "retry_after", "declared", "rate", "reset", "body", "header", "value", "range",
          "access_key"}
LONGEST_BLOCK = 600


class Rule:
    def __init__(self, id, fields):
        unknown = set(fields) - FIELDS
        if unknown:
            raise ValueError("unknown field of a rule: %s" % ", ".join(sorted(unknown)))
        if fields.get("action") not in ACTIONS:
            raise ValueError("unknown action %r; known: %s" % (fields.get("action"), ", ".join(sorted(ACTIONS))))
        self.id = id
        self.fields = fields
        self.action = fields["action"]
        stages = ACTIONS[self.action]
        self.stage = fields.get("stage")
        if self.stage is not None and self.stage not in stages:
            raise ValueError("%s acts at %s only" % (self.action, ", ".join(stages)))
        ops = fields.get("op", "*")
        self.ops = [ops] if isinstance(ops, str) else ops
        self.after = int(fields.get("after", 0))
        count = fields.get("count", 1)
        self.count = None if count is None else int(count)
        self.seen = 0       # matches
        self.hits = 0       # of them, acted on
        self.waiting = 0    # requests that stand in a block
        self.released = 0   # how many of those may go; -1: all
        self.let_through = 0

    def number(self, name, default=0):
        return self.fields.get(name, default)

    def fits(self, request):
        f = self.fields
        if not any(fnmatch.fnmatchcase(request.op, op) for op in self.ops):
            return False
        if "bucket" in f and request.bucket != f["bucket"]:
            return False
        if "key" in f and not fnmatch.fnmatchcase(request.key, f["key"]):
            return False
        if "part" in f and request.params.get("partNumber") != str(f["part"]):
            return False
        if "method" in f and request.verb != f["method"]:
            return False
        if "range" in f and not fnmatch.fnmatchcase(request.headers.get("range", ""), f["range"]):
            return False
        return "access_key" not in f or f["access_key"] in request.headers.get("authorization", "")

    def stage_for(self, request):
        """Without a stage of its own: where a body is; where the request has one, there."""
        if self.stage is not None:
            return self.stage
        usual = ACTIONS[self.action][0]
        if self.action in ("stall", "block") and "bytes" in self.fields:
            usual = "request"
        if usual == "request":
            return "request" if request.verb in ("PUT", "POST") else "response"
        return usual

    def view(self):
        return dict(self.fields, id=self.id, seen=self.seen, hits=self.hits, waiting=self.waiting)


class Faults:
    def __init__(self):
        self.changed = threading.Condition()
        self.rules = []
        self._next = 1

    # ------------------------------------------------------------ the control's side

    def add(self, fields):
        with self.changed:
            rule = Rule(str(fields.get("id") or self._next), fields)
            self._next += 1
            self.rules = [r for r in self.rules if r.id != rule.id] + [rule]
            return rule

    def remove(self, id=None):
        """One rule, or all; what they block goes on."""
        with self.changed:
            for rule in self.rules:
                if id is None or rule.id == id:
                    rule.released = -1
            self.rules = [r for r in self.rules if id is not None and r.id != id]
            self.changed.notify_all()

    def release(self, id=None, name=None, number=None):
        """Lets blocked requests go: all now and later, or the next `number` of them.  How many rules were meant."""
        with self.changed:
            meant = [r for r in self.rules if r.action == "block" and (id is None or r.id == id)
                     and (name is None or r.fields.get("name") == name)]
            for rule in meant:
                if number is None:
                    rule.released = -1
                elif rule.released >= 0:
                    rule.released += number
            self.changed.notify_all()
            return len(meant)

    def wait(self, id, hits, waiting, seconds):
        """Until a rule has that many hits, or that many requests stand in it: the rule, or None when time is over."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                rule = next((r for r in self.rules if r.id == id), None)
                if rule is None:
                    raise ValueError("no rule has the id %s" % id)
                if (hits is not None and rule.hits >= hits) or (waiting is not None and rule.waiting >= waiting):
                    return rule
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self.changed.wait(left)

    # ------------------------------------------------------------ the request's side

    def matching(self, request):
        """The rules that act on this request, as (stage, rule)."""
        if not self.rules:
            return ()
        found = []
        with self.changed:
            for rule in self.rules:
                if not rule.fits(request):
                    continue
                rule.seen += 1
                if rule.seen <= rule.after or (rule.count is not None and rule.hits >= rule.count):
                    continue
                rule.hits += 1
                found.append((rule.stage_for(request), rule))
            self.changed.notify_all()
        return found

    def block(self, rule):
        deadline = time.monotonic() + rule.number("seconds", LONGEST_BLOCK)
        with self.changed:
            rule.waiting += 1
            self.changed.notify_all()
            try:
                while rule.released >= 0 and rule.let_through >= rule.released:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise Drop()
                    self.changed.wait(left)
                rule.let_through += 1
            finally:
                rule.waiting -= 1
                self.changed.notify_all()

    def _act(self, rule):
        """An action that means the same wherever it happens."""
        if rule.action == "stall":
            time.sleep(rule.number("seconds", 1))
        elif rule.action == "block":
            self.block(rule)
        elif rule.action == "reset":
            raise Drop(reset=True)

    def start(self, request):
        for stage, rule in request.rules:
            if stage != "start":
                continue
            if rule.action in ("stall", "block", "reset"):
                self._act(rule)
            elif rule.action == "refuse":
                raise Drop(reset=bool(rule.number("reset", False)))
            elif rule.action == "deny":
                raise ApiError("AccessDenied", rule.fields.get("message", "You have no right to do this."))
            elif rule.action == "expired_token":
                raise ApiError(request.dialect.expired_token)
            elif rule.action == "clock_skew":
                request.now += rule.number("seconds", 3600)
            elif rule.action in ("status", "html", "error_200"):
                raise Replaced(rule)

    def flows(self, request):
        """Puts the events of the bodies' stages where they happen."""
        for stage, rule in request.rules:
            if stage == "request":
                if request.body.flow is None:
                    request.body.flow = Flow()
                flow = request.body.flow
            elif stage == "response":
                if request.response_flow is None:
                    request.response_flow = Flow()
                flow = request.response_flow
            else:
                continue
            if rule.action == "drip":
                flow.rate = max(1, int(rule.number("rate", 1000)))
            else:
                flow.at(int(rule.number("bytes", 0)), lambda rule=rule: self._act(rule))

    def answer(self, request, response):
        """Executed; now the answer may be lost, late or another one."""
        for stage, rule in request.rules:
            if stage == "answer":
                self._answer(rule, request, response)

    def _answer(self, rule, request, response):
        if rule.action in ("stall", "block", "reset"):
            self._act(rule)
        elif rule.action == "lost_answer":
            raise Drop(reset=bool(rule.number("reset", False)))
        elif rule.action in ("status", "html", "error_200"):
            raise Replaced(rule)
        elif response.status >= 300:
            return
        elif rule.action == "wrong_crc":
            for name in ("x-oss-hash-crc64ecma", "x-obs-checksum-crc64ecma"):
                if name in response.headers:
                    response.headers[name] = str(int(response.headers[name]) ^ 1)
        elif rule.action == "wrong_etag" and "ETag" in response.headers:
            digit = response.headers["ETag"][1]
            response.headers["ETag"] = response.headers["ETag"].replace(digit, "1" if digit == "0" else "0", 1)
        elif rule.action == "wrong_content_range" and "Content-Range" in response.headers:
            response.headers["Content-Range"] = rule.fields.get("value", "bytes 7-8/9")
        elif rule.action == "header":
            self._header(rule, response)
        elif rule.action == "truncate":
            self._truncate(rule, response)

    @staticmethod
    def _header(rule, response):
        if rule.fields.get("value") is None:
            response.headers.pop(rule.fields["header"], None)
        else:
            response.headers[rule.fields["header"]] = rule.fields["value"]

    @staticmethod
    def _truncate(rule, response):
        """declared "right": Content-Length tells the whole size, then the connection ends early; "short": it tells
        the shortened size, so that only the object's own size or CRC can give it away."""
        keep = min(int(rule.number("bytes", response.size() // 2)), response.size())
        if rule.fields.get("declared", "right") == "right":
            response.early_end = keep
        elif response.pieces is None:
            response.body = response.body[:keep]
        else:
            pieces, left = [], keep
            for path, offset, size in response.pieces:
                if left > 0:
                    pieces.append((path, offset, min(size, left)))
                left -= size
            response.pieces = pieces


class Replaced(Exception):
    """Another answer stands in for the real one."""

    def __init__(self, rule):
        super().__init__()
        self.rule = rule


# ---------------------------------------------------------------- counters


class Counter:
    __slots__ = ("requests", "errors", "bytes_in", "bytes_out", "open", "peak")

    def __init__(self):
        self.requests = self.errors = self.bytes_in = self.bytes_out = self.open = self.peak = 0

    def view(self):
        return {name: getattr(self, name) for name in self.__slots__}


class Counters:
    """Per operation, and "total".  peak: how many requests were open at the same time."""

    def __init__(self):
        self.lock = threading.Lock()
        self.ops = {"total": Counter()}

    def enter(self, op):
        with self.lock:
            if op not in self.ops:
                self.ops[op] = Counter()
            for counter in (self.ops[op], self.ops["total"]):
                counter.requests += 1
                counter.open += 1
                counter.peak = max(counter.peak, counter.open)

    def leave(self, op, status, bytes_in, bytes_out):
        with self.lock:
            for counter in (self.ops.setdefault(op, Counter()), self.ops["total"]):
                counter.open -= 1
                counter.bytes_in += bytes_in
                counter.bytes_out += bytes_out
                if status >= 400 or status == 0:
                    counter.errors += 1

    def view(self):
        with self.lock:
            return {op: counter.view() for op, counter in sorted(self.ops.items())}

    def reset(self):
        """Requests that are open stay counted as open."""
        with self.lock:
            for counter in self.ops.values():
                still = counter.open
                counter.requests = counter.errors = counter.bytes_in = counter.bytes_out = 0
                counter.peak = still
