"""The control: what tests tell the store and ask it, as JSON over /__control__/, from this machine only.

README.md is its reference.
"""

import json
import time
from urllib.parse import parse_qs

from bodies import receive
from dialects import DIALECTS
from http_server import Response, read_all
from objects import StoredObject
from service import Key
from signatures import Identity

LARGEST = 16 << 20


class Refused(Exception):
    pass


class Control:
    def __init__(self, service):
        self.service = service
        self.model = service.model
        self.pages = {
            ("GET", "health"): lambda p, d: {"ok": True},
            ("GET", "faults"): lambda p, d: {"rules": [r.view() for r in service.faults.rules]},
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): lambda p, d: service.faults.remove(p.get("id")) or {},
            ("POST", "release"): self._release,
            ("GET", "wait"): self._wait,
            ("GET", "counters"): lambda p, d: service.counters.view(),
            ("POST", "reset"): self._reset,
            ("GET", "log"): lambda p, d: {"requests": list(service.log)},
            ("GET", "objects"): self._objects,
            ("GET", "uploads"): self._uploads,
            ("GET", "configure"): self._configuration,
            ("POST", "configure"): self._configure,
            ("POST", "clear"): self._clear,
        }

    def handle(self, request):
        """The HTTP server's entry; an error is {"error": text} with status 400."""
        if not request.peer[0].startswith("127."):
            return self._json({"error": "only from this machine"}, 403)
        name = request.path[len("/__control__/"):].rstrip("/")
        params = {n: v[-1] for n, v in parse_qs(request.target.partition("?")[2], keep_blank_values=True).items()}
        try:
            if name == "data":
                return self._data(request, params)
            page = self.pages.get((request.verb, name))
            if page is None:
                raise Refused("no such page: %s %s" % (request.verb, name))
            body = read_all(request.body, LARGEST)
            return self._json(page(params, json.loads(body) if body else {}))
        except (Refused, ValueError, KeyError, TypeError) as error:
            return self._json({"error": "%s: %s" % (type(error).__name__, error)}, 400)

    @staticmethod
    def _json(value, status=200):
        return Response(status, {"Content-Type": "application/json"}, json.dumps(value).encode() + b"\n")

    # ------------------------------------------------------------ faults

    def _add_faults(self, params, data):
        rules = data if isinstance(data, list) else [data]
        return {"ids": [self.service.faults.add(fields).id for fields in rules]}

    def _release(self, params, data):
        return {"rules": self.service.faults.release(data.get("id"), data.get("name"), data.get("number"))}

    def _wait(self, params, data):
        """Until rule `id` has `hits`, or `waiting` requests stand in it."""
        number = {n: int(params[n]) for n in ("hits", "waiting") if n in params}
        if not number:
            raise Refused("say hits or waiting")
        rule = self.service.faults.wait(params["id"], number.get("hits"), number.get("waiting"), float(params.get("timeout", 30)))
        return {"reached": rule is not None, "rule": rule.view() if rule is not None else None}

    # ------------------------------------------------------------ what there is

    def _reset(self, params, data):
        """Counters and log start anew."""
        self.service.counters.reset()
        self.service.log.clear()
        return {}

    def _chosen(self, params):
        if "bucket" in params:
            if params["bucket"] not in self.model.buckets:
                raise Refused("no bucket %s" % params["bucket"])
            return [self.model.buckets[params["bucket"]]]
        return list(self.model.buckets.values())

    def _objects(self, params, data):
        found = []
        with self.model.lock:
            for bucket in self._chosen(params):
                for key in bucket.keys:
                    if key.startswith(params.get("prefix", "")):
                        o = bucket.objects[key]
                        found.append({"bucket": bucket.name, "key": key, "size": o.size, "crc64": str(o.crc), "etag": o.etag,
                                      "modified": o.modified, **o.attributes})
        return {"objects": found}

    def _uploads(self, params, data):
        found = []
        with self.model.lock:
            for bucket in self._chosen(params):
                for upload in bucket.uploads.values():
                    if upload.key.startswith(params.get("prefix", "")):
                        parts = [{"number": p.number, "size": p.size, "etag": p.etag} for _, p in sorted(upload.parts.items())]
                        found.append({"bucket": bucket.name, "key": upload.key, "upload_id": upload.id,
                                      "initiated": upload.initiated, "parts": parts})
        return {"uploads": found}

    def _clear(self, params, data):
        """Removes every object and upload (of one bucket, below one prefix)."""
        objects = uploads = 0
        with self.model.lock:
            for bucket in self._chosen(data):
                for key in [k for k in bucket.keys if k.startswith(data.get("prefix", ""))]:
                    objects += self.model.delete_object(bucket, key)
                for upload in [u for u in bucket.uploads.values() if u.key.startswith(data.get("prefix", ""))]:
                    self.model.end_upload(bucket, upload)
                    uploads += 1
        return {"objects": objects, "uploads": uploads}

    # ------------------------------------------------------------ data without a signature

    def _data(self, request, params):
        """GET and PUT of an object's bytes."""
        bucket = self._chosen({"bucket": params["bucket"]})[0]
        if request.verb == "PUT":
            return self._put_data(request, bucket, params["key"])
        if request.verb != "GET":
            raise Refused("GET or PUT")
        with self.model.lock:
            stored = bucket.objects.get(params["key"])
            if stored is None:
                return self._json({"error": "no object %s" % params["key"]}, 404)
            self.model.hold(stored.segments)
        response = Response(200, {"Content-Type": "application/octet-stream"}, None,
                            [(self.model.path(s.blob), s.offset, s.size) for s in stored.segments])
        response.done = lambda: self.model.let_go(stored.segments)
        return response

    def _put_data(self, request, bucket, key):
        request.dialect, request.identity = DIALECTS["oss"], Identity(None, "control")
        request.now = int(time.time())
        received = receive(request, self.model, self.service.config)
        attributes = {"headers": {}, "meta": {}, "storage": "standard", "type": "Normal", "md5": received.md5}
        with self.model.lock:
            self.model.put_object(bucket, StoredObject(key, received.size, received.crc, received.md5, request.now,
                                                       received.segments, attributes))
        return self._json({"size": received.size, "crc64": str(received.crc)})

    # ------------------------------------------------------------ settings

    def _configuration(self, params, data):
        config = self.service.config
        with self.model.lock:
            buckets = {b.name: b.facts() for b in self.model.buckets.values()}
        return {"buckets": buckets, "keys": sorted(config.keys), **{n: getattr(config, n) for n in config.FIELDS}}

    def _configure(self, params, data):
        """{"keys": [..], "remove_keys": [..], "buckets": {name: facts}, setting: value, ...}"""
        config = self.service.config
        keys = [Key(facts) for facts in data.pop("keys", [])]
        for name in data.pop("remove_keys", []):
            config.keys.pop(name, None)
        for key in keys:
            config.keys[key.name] = key
        with self.model.lock:
            for name, facts in data.pop("buckets", {}).items():
                if set(facts) - {"acl", "region", "archived"}:
                    raise Refused("a bucket has acl, region and archived")
                if name in self.model.buckets:
                    self.model.change_bucket(self.model.buckets[name], facts)
                else:
                    self.model.put_bucket(name, int(time.time()), facts)
        for name, value in data.items():
            config.set(name, value)
        return self._configuration(params, data)
