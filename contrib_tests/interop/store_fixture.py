"""What the tests of the local store share: a store of their own, its control, a plain signing client, and the last line.

A test file ends with store_fixture.run(): it runs the file's unittest cases and prints "N passed, N failed".  A file that
needs an SDK is run again under INTEROP_PYTHON when this Python does not have it.
"""

import hashlib
import http.client
import importlib.util
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).resolve().parent
STORE = HERE.parent / "store"
sys.dont_write_bytecode = True
sys.path.insert(0, str(STORE))

import signatures  # noqa: E402

KEY, SECRET = "test-access-key", "test-secret-key"
REGION = "cn-hangzhou"
BUCKET = "test-bucket"
OPEN_BUCKET = "public-bucket"

# keys that have gone wrong somewhere, for somebody
ODD_KEYS = ["plain", "with space", "plus+plus", "per%cent", "per%20cent", "中文/数据.csv", "a/b/c//d", "q?x=y&z", "hash#tag",
            "semi;colon", "quote'\"<&>", "tilde~", "new\nline", "tab\tkey", "star*", "back\\slash",
            "é-combining-é", "emoji-😀", "=equals=", "a:b@c,d!e$f(g)"]
# and those that libraries below the SDKs (urllib3) change on their way
DOT_KEYS = ["dots/../up", "dots/./here", "./dot", "dots/.."]

patched = []


def localhost_names():
    """*.localhost is this machine, also where the resolver does not know it."""
    if patched:
        return
    original = socket.getaddrinfo

    def getaddrinfo(host, *arguments, **options):
        name = host.decode() if isinstance(host, bytes) else host
        if isinstance(name, str) and name.endswith(".localhost"):
            host = "127.0.0.1"
        return original(host, *arguments, **options)

    socket.getaddrinfo = getaddrinfo
    patched.append(original)


class Store:
    """A store process in a temporary folder."""

    def __init__(self, *arguments):
        self.folder = tempfile.mkdtemp(prefix="oss_store_test_")
        self.arguments = list(arguments)
        self.port = self.tls_port = 0
        self.start()

    def start(self):
        ports = os.path.join(self.folder, "ports")
        if os.path.exists(ports):
            os.unlink(ports)
        command = ["/usr/bin/python3", "-B", str(STORE / "oss_store.py"), "--root", os.path.join(self.folder, "root"), "--control",
                   "--parent", str(os.getpid()), "--tls", "--make-certificates", os.path.join(self.folder, "tls"),
                   "--port-file", ports, "--port", str(self.port), "--tls-port", str(self.tls_port), "--access-key", KEY,
                   "--secret", SECRET, "--region", REGION, "--bucket", BUCKET, "--public-bucket", OPEN_BUCKET] + self.arguments
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        while not os.path.exists(ports):
            if self.process.poll() is not None:
                raise RuntimeError(pathlib.Path(self.folder, "log").read_text())
            time.sleep(0.02)
        told = json.loads(pathlib.Path(ports).read_text())
        self.port, self.tls_port = told["port"], told["tls_port"]
        self.endpoint = "http://127.0.0.1:%d" % self.port
        self.tls_endpoint = "https://127.0.0.1:%d" % self.tls_port
        self.ca = os.path.join(self.folder, "tls", "ca.pem")

    def end(self, kill=False):
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        code = self.process.wait(20)
        self.log.close()
        return code

    def remove(self):
        self.end()
        log = pathlib.Path(self.folder, "log").read_text()
        shutil.rmtree(self.folder)
        if "Traceback" in log:
            raise AssertionError("the store's log has a traceback:\n" + log)

    # ------------------------------------------------------------ the control

    def control(self, method, page, data=None, **params):
        url = "%s/__control__/%s" % (self.endpoint, page)
        if params:
            url += "?" + urllib.parse.urlencode(params)
        body = data if isinstance(data, bytes) or data is None else json.dumps(data).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data=body, method=method), timeout=120) as answer:
            text = answer.read()
            return json.loads(text) if answer.headers["Content-Type"] == "application/json" else text

    def fault(self, action, **fields):
        return self.control("POST", "faults", dict(fields, action=action))["ids"][0]

    def configure(self, **fields):
        return self.control("POST", "configure", fields)

    def counters(self, op):
        return self.control("GET", "counters").get(op, {"requests": 0, "open": 0, "peak": 0, "errors": 0})

    def clean(self):
        """As new: no rule, no object, counters at zero, settings as they were."""
        self.control("DELETE", "faults")
        self.control("POST", "clear", {})
        self.control("POST", "reset", {})
        self.configure(clock_offset=0, path_style=True, schemes=list(ALL_SCHEMES), s3_flavour="aws", min_part=0,
                       restore_seconds=0, cnames={}, region=REGION)


ALL_SCHEMES = ("oss-v4", "oss-v1", "obs", "s3-v4", "oss-v4-query", "oss-v1-query", "obs-query", "s3-v4-query")


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {n.lower(): v for n, v in headers}
        self.body = body

    def xml(self):
        return ElementTree.fromstring(self.body)

    def find(self, name):
        """Text of the first element of that local name."""
        for node in self.xml().iter():
            if node.tag.rpartition("}")[2] == name:
                return node.text or ""
        return None

    @property
    def code(self):
        return self.find("Code") if self.body else ""


class Client:
    """Signs by the scheme and sends one request; hooks let a test spoil it after signing."""

    def __init__(self, store, scheme="oss-v4", key=KEY, secret=SECRET, token=None, region=REGION, offset=0):
        self.store, self.scheme, self.key, self.secret = store, scheme, key, secret
        self.token, self.region, self.offset = token, region, offset
        self.prefix = {"oss-v4": "x-oss-", "oss-v1": "x-oss-", "obs": "x-obs-", "s3-v4": "x-amz-", None: "x-oss-"}[scheme]
        self.host = "127.0.0.1:%d" % store.port

    def sign(self, verb, bucket, key, query, headers, body):
        now = time.time() + self.offset
        headers = {n.lower(): v for n, v in headers.items()}
        if self.token:
            headers[self.prefix + "security-token"] = self.token
        if self.scheme == "oss-v4":
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
            headers.update({"x-oss-date": stamp, "x-oss-content-sha256": "UNSIGNED-PAYLOAD"})
            canonical = signatures.oss_v4_canonical(verb, bucket, key, query, headers, [])
            _, signature = signatures.oss_v4_sign(self.secret, stamp, self.region, canonical)
            headers["authorization"] = "OSS4-HMAC-SHA256 Credential=%s/%s/%s/oss/aliyun_v4_request,Signature=%s" % (
                self.key, stamp[:8], self.region, signature)
        elif self.scheme in ("oss-v1", "obs"):
            headers["date"] = signatures.http_date(now)
            build = signatures.oss_v1_string if self.scheme == "oss-v1" else signatures.obs_string
            text = build(verb, bucket, key, query, headers, headers["date"])
            headers["authorization"] = "%s %s:%s" % (self.scheme[:3].upper(), self.key, signatures._hmac_sha1(self.secret, text))
        elif self.scheme == "s3-v4":
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
            headers.setdefault("x-amz-content-sha256", hashlib.sha256(body).hexdigest())
            headers.update({"x-amz-date": stamp, "host": self.host})
            signed = sorted(headers)
            path = "/" + (bucket + "/" if bucket else "") + key
            canonical = signatures.s3_canonical(verb, path, query, headers, signed, headers["x-amz-content-sha256"])
            _, signature = signatures.s3_sign(self.secret, stamp, self.region, canonical)
            headers["authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s/%s/s3/aws4_request,SignedHeaders=%s,Signature=%s" % (
                self.key, stamp[:8], self.region, ";".join(signed), signature)
        return headers

    def request(self, verb, key="", query=(), headers=None, body=b"", bucket=BUCKET, spoil=None, length=True):
        """spoil(headers) changes what was signed."""
        query = list(query.items()) if isinstance(query, dict) else list(query)
        if length and (body or verb in ("PUT", "POST")):
            headers = dict(headers or {}, **{"content-length": str(len(body))})
        signed = self.sign(verb, bucket, key, query, headers or {}, body)
        if spoil is not None:
            spoil(signed)
        signed["host"] = signed.get("host", self.host)
        target = signatures.encode_path("/" + (bucket + "/" if bucket else "") + key)
        if query:
            target += "?" + "&".join(signatures.encode(n) + ("=" + signatures.encode(v) if v else "") for n, v in query)
        return self.send(verb, target, signed, body)

    def send(self, verb, target, headers, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.store.port, timeout=60)
        try:
            connection.putrequest(verb, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value.encode())
            connection.endheaders()
            if body:
                try:
                    connection.send(body)
                except (BrokenPipeError, ConnectionResetError):
                    pass
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    # ------------------------------------------------------------ usual requests

    def put(self, key, body=b"", **options):
        return self.request("PUT", key, body=body, **options)

    def get(self, key, **options):
        return self.request("GET", key, **options)

    def initiate(self, key, **options):
        return self.request("POST", key, {"uploads": ""}, **options).find("UploadId")

    def part(self, key, upload, number, body, **options):
        return self.request("PUT", key, {"partNumber": str(number), "uploadId": upload}, body=body, **options)

    def complete(self, key, upload, parts, **options):
        """parts: [(number, etag)]"""
        text = "".join("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>" % p for p in parts)
        return self.request("POST", key, {"uploadId": upload},
                            body=("<CompleteMultipartUpload>%s</CompleteMultipartUpload>" % text).encode(), **options)


class StoreCase(unittest.TestCase):
    """A test class with one store, clean before every test."""

    maxDiff = 2000
    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.store = Store(*cls.arguments)

    @classmethod
    def tearDownClass(cls):
        cls.store.remove()

    def setUp(self):
        self.store.clean()

    def refused(self, answer, status, code):
        self.assertEqual((answer.status, answer.code), (status, code), answer.body)


def needs(module):
    """Goes on under INTEROP_PYTHON when this Python lacks an SDK."""
    if importlib.util.find_spec(module) is not None:
        return
    python = os.environ.get("INTEROP_PYTHON")
    if python and os.environ.get("INTEROP_AGAIN") != python:
        os.environ["INTEROP_AGAIN"] = python
        os.execv(python, [python, "-B"] + sys.argv)
    print("%s is missing: run this with a Python that has interop/requirements.txt, or name one in INTEROP_PYTHON" % module)
    print("0 passed, 1 failed")
    sys.exit(1)


def run():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(suite)
    bad = [test for test, _ in result.failures + result.errors] + list(result.unexpectedSuccesses)
    failed = len({getattr(test, "test_case", test).id() for test in bad})
    print("%d passed, %d failed" % (max(0, result.testsRun - failed - len(result.skipped)), failed))
    sys.exit(1 if failed else 0)
