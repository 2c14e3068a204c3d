"""What the store keeps: buckets, objects, unfinished uploads, on disk and in memory.

Data lie in files under data/, named by number; an object is a list of segments (file, offset, size), so that Complete
and Copy move no data.  A file is counted by its users and goes with the last of them, readers included: large ones are
kept aside for the next large body, since writing pages that exist costs a fraction of making new ones.  Every
change is a line of journal.jsonl, which is read (and rewritten) at the start.  All changes of the model happen under
Model.lock; data are written and read outside of it.
"""

import bisect
import json
import os
import threading


SPARE_LEAST = 1 << 20   # bytes: a smaller file is not worth keeping
SPARE_MOST = 1 << 30    # bytes of all spare files


class Blob:
    """A file under data/ and how many segments, uploads and readers need it."""

    __slots__ = ("name", "users")

    def __init__(self, name):
        self.name = name
        self.users = 0


class Segment:
    __slots__ = ("blob", "offset", "size")

    def __init__(self, blob, offset, size):
        self.blob = blob
        self.offset = offset
        self.size = size


class StoredObject:
    """size, crc, etag (lower-case, bare), segments, modified (seconds) and the attributes dict:
    headers, meta, storage, acl, sse, sse_key, tags, type, md5, checksums, restored, next."""

    __slots__ = ("key", "size", "crc", "etag", "modified", "segments", "attributes")

    def __init__(self, key, size, crc, etag, modified, segments, attributes):
        self.key = key
        self.size = size
        self.crc = crc
        self.etag = etag
        self.modified = modified
        self.segments = segments
        self.attributes = attributes


class Part:
    __slots__ = ("number", "size", "crc", "etag", "modified", "segments", "checksums")

    def __init__(self, number, size, crc, etag, modified, segments, checksums=None):
        self.number = number
        self.size = size
        self.crc = crc
        self.etag = etag
        self.modified = modified
        self.segments = segments
        self.checksums = checksums or {}


class Upload:
    __slots__ = ("id", "key", "initiated", "attributes", "parts", "busy")

    def __init__(self, id, key, initiated, attributes):
        self.id = id
        self.key = key
        self.initiated = initiated
        self.attributes = attributes
        self.parts = {}
        self.busy = False       # being completed


class Bucket:
    def __init__(self, name, created, facts=None):
        self.name = name
        self.created = created
        self.acl = "private"
        self.region = None      # None: the store's
        self.archived = False   # every object counts as archived
        self.objects = {}
        self.keys = []          # sorted; code points sort as UTF-8 bytes do
        self.uploads = {}
        self.set_facts(facts or {})

    def set_facts(self, facts):
        for name in ("acl", "region", "archived"):
            if name in facts:
                setattr(self, name, facts[name])

    def facts(self):
        return {"acl": self.acl, "region": self.region, "archived": self.archived}


class Model:
    def __init__(self, root, fsync=False):
        self.lock = threading.RLock()
        self.fsync = fsync
        self.root = root
        self.data = os.path.join(root, "data")
        self.journal_path = os.path.join(root, "journal.jsonl")
        self.buckets = {}
        self.blobs = {}
        self._spare = []        # (name, size) of files without users, content of no meaning
        self._spare_bytes = 0
        self._next_blob = 1
        self._next_upload = 1
        self._salt = os.urandom(8).hex().upper()
        os.makedirs(self.data, exist_ok=True)
        self._load()
        self._compact()
        self._journal = os.open(self.journal_path, os.O_WRONLY | os.O_APPEND)

    # ------------------------------------------------------------ data files

    def new_blob(self, size=None):
        """A data file to be written from its start, counted once for its writer: (Blob, descriptor).  size: if known."""
        with self.lock:
            name = "%08x" % self._next_blob
            self._next_blob += 1
            blob = self.blobs[name] = Blob(name)
            blob.users = 1
            if size is not None and size >= SPARE_LEAST and self._spare:
                spare, spare_size = self._spare.pop()
                self._spare_bytes -= spare_size
                os.rename(os.path.join(self.data, spare), self.path(blob))
        return blob, os.open(self.path(blob), os.O_RDWR | os.O_CREAT, 0o600)

    def path(self, blob):
        return os.path.join(self.data, blob.name)

    def open_blob(self, blob):
        return os.open(self.path(blob), os.O_RDONLY)

    def _release_blob(self, blob):
        """Under the lock: one user less; the file goes with the last one."""
        blob.users -= 1
        if blob.users <= 0 and self.blobs.pop(blob.name, None) is not None:
            try:
                size = os.path.getsize(self.path(blob))
                if size >= SPARE_LEAST and self._spare_bytes + size <= SPARE_MOST:
                    self._spare.append((blob.name, size))
                    self._spare_bytes += size
                else:
                    os.unlink(self.path(blob))
            except FileNotFoundError:
                pass

    def release_blob(self, blob):
        with self.lock:
            self._release_blob(blob)

    def hold(self, segments):
        """For readers and copies: these data stay until let_go."""
        with self.lock:
            for segment in segments:
                segment.blob.users += 1

    def let_go(self, segments):
        with self.lock:
            for segment in segments:
                self._release_blob(segment.blob)

    def sync(self, descriptor):
        if self.fsync:
            os.fsync(descriptor)

    # ------------------------------------------------------------ changes, all under the lock

    def put_bucket(self, name, now, facts=None):
        bucket = self.buckets[name] = Bucket(name, now, facts)
        self._note({"do": "bucket", "b": name, "t": now, "facts": bucket.facts()})
        return bucket

    def change_bucket(self, bucket, facts):
        bucket.set_facts(facts)
        self._note({"do": "facts", "b": bucket.name, "facts": bucket.facts()})

    def delete_bucket(self, bucket):
        del self.buckets[bucket.name]
        self._note({"do": "unbucket", "b": bucket.name})

    def put_object(self, bucket, stored):
        """Makes it visible in place of a former one.  Takes over the caller's count of the segments."""
        former = bucket.objects.get(stored.key)
        bucket.objects[stored.key] = stored
        if former is None:
            bisect.insort(bucket.keys, stored.key)
        self._note(dict(self._object_record(stored), do="put", b=bucket.name))
        if former is not None:
            self.let_go(former.segments)

    def delete_object(self, bucket, key):
        """False when there is none."""
        former = bucket.objects.pop(key, None)
        if former is None:
            return False
        del bucket.keys[bisect.bisect_left(bucket.keys, key)]
        self._note({"do": "del", "b": bucket.name, "k": key})
        self.let_go(former.segments)
        return True

    def new_upload(self, bucket, key, now, attributes):
        id = "%s%s%08X" % (self._salt, os.urandom(4).hex().upper(), self._next_upload)
        self._next_upload += 1
        upload = bucket.uploads[id] = Upload(id, key, now, attributes)
        self._note({"do": "upload", "b": bucket.name, "k": key, "u": id, "t": now, "a": attributes})
        return upload

    def put_part(self, bucket, upload, part):
        former = upload.parts.get(part.number)
        upload.parts[part.number] = part
        self._note(dict(self._part_record(part), do="part", b=bucket.name, u=upload.id))
        if former is not None:
            self.let_go(former.segments)

    def end_upload(self, bucket, upload, used=()):
        """Forgets an upload; the parts in used passed their segments on to an object."""
        bucket.uploads.pop(upload.id, None)
        self._note({"do": "end", "b": bucket.name, "u": upload.id})
        for number, part in upload.parts.items():
            if number not in used:
                self.let_go(part.segments)

    def note_attributes(self, bucket, stored):
        """After a change of an object's attributes in place."""
        self._note({"do": "attributes", "b": bucket.name, "k": stored.key, "a": stored.attributes})

    # ------------------------------------------------------------ the journal

    def _note(self, record):
        os.write(self._journal, json.dumps(record, separators=(",", ":")).encode() + b"\n")
        self.sync(self._journal)

    @staticmethod
    def _segments_record(segments):
        return [[s.blob.name, s.offset, s.size] for s in segments]

    def _object_record(self, stored):
        return {"k": stored.key, "n": stored.size, "c": stored.crc, "e": stored.etag, "t": stored.modified,
                "s": self._segments_record(stored.segments), "a": stored.attributes}

    def _part_record(self, part):
        return {"p": part.number, "n": part.size, "c": part.crc, "e": part.etag, "t": part.modified,
                "s": self._segments_record(part.segments), "x": part.checksums}

    def _segments(self, record):
        segments = []
        for name, offset, size in record:
            blob = self.blobs.get(name)
            if blob is None:
                blob = self.blobs[name] = Blob(name)
            blob.users += 1
            segments.append(Segment(blob, offset, size))
        return segments

    def _load(self):
        """Replays the journal; a torn last line (the store was killed) is ignored."""
        try:
            with open(self.journal_path, "rb") as journal:
                lines = journal.read().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            getattr(self, "_replay_" + record["do"])(record)
        for name in self.blobs:
            self._next_blob = max(self._next_blob, int(name, 16) + 1)
        for bucket in self.buckets.values():
            bucket.keys = sorted(bucket.objects)

    def _replay_bucket(self, r):
        self.buckets[r["b"]] = Bucket(r["b"], r["t"], r["facts"])

    def _replay_facts(self, r):
        self.buckets[r["b"]].set_facts(r["facts"])

    def _replay_unbucket(self, r):
        self.buckets.pop(r["b"], None)

    def _replay_put(self, r):
        self.buckets[r["b"]].objects[r["k"]] = StoredObject(r["k"], r["n"], r["c"], r["e"], r["t"],
                                                            self._segments(r["s"]), r["a"])

    def _replay_del(self, r):
        self.buckets[r["b"]].objects.pop(r["k"], None)

    def _replay_upload(self, r):
        self.buckets[r["b"]].uploads[r["u"]] = Upload(r["u"], r["k"], r["t"], r["a"])

    def _replay_part(self, r):
        self.buckets[r["b"]].uploads[r["u"]].parts[r["p"]] = Part(r["p"], r["n"], r["c"], r["e"], r["t"],
                                                                  self._segments(r["s"]), r["x"])

    def _replay_end(self, r):
        self.buckets[r["b"]].uploads.pop(r["u"], None)

    def _replay_attributes(self, r):
        self.buckets[r["b"]].objects[r["k"]].attributes = r["a"]

    def _compact(self):
        """Writes what is there now as a new journal, recounts the users of files, removes files without any."""
        for blob in self.blobs.values():
            blob.users = 0
        records = []
        for bucket in self.buckets.values():
            records.append({"do": "bucket", "b": bucket.name, "t": bucket.created, "facts": bucket.facts()})
            for key in bucket.keys:
                self._count(bucket.objects[key].segments)
                records.append(dict(self._object_record(bucket.objects[key]), do="put", b=bucket.name))
            for upload in bucket.uploads.values():
                records.append({"do": "upload", "b": bucket.name, "k": upload.key, "u": upload.id,
                                "t": upload.initiated, "a": upload.attributes})
                for part in upload.parts.values():
                    self._count(part.segments)
                    records.append(dict(self._part_record(part), do="part", b=bucket.name, u=upload.id))
        self.blobs = {name: blob for name, blob in self.blobs.items() if blob.users}
        with open(self.journal_path + ".new", "w", encoding="ascii") as journal:
            journal.writelines(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
        os.replace(self.journal_path + ".new", self.journal_path)
        for name in os.listdir(self.data):
            if name not in self.blobs:
                os.unlink(os.path.join(self.data, name))

    @staticmethod
    def _count(segments):
        for segment in segments:
            segment.blob.users += 1
