#!/usr/bin/python3
"""Every fault that can be scripted does what it says, the counters count, and the store keeps what it has over a restart.

Standard library only.
"""

import http.client
import os
import socket
import subprocess
import threading
import time
import urllib.error

from store_fixture import BUCKET, STORE, Client, StoreCase, run

import checksums
import signatures

BROKEN = (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected, http.client.IncompleteRead)
DATA = bytes(range(256)) * 4096     # 1 MB


class Faults(StoreCase):
    def setUp(self):
        super().setUp()
        self.client = Client(self.store)
        self.client.put("x", DATA)

    def hits(self, id):
        return next(r for r in self.store.control("GET", "faults")["rules"] if r["id"] == id)["hits"]

    def test_refuse(self):
        id = self.store.fault("refuse", op="GetObject")
        with self.assertRaises(BROKEN):
            self.client.get("x")
        self.assertEqual(self.client.get("x").body, DATA)
        self.assertEqual(self.hits(id), 1)

    def test_reset_of_a_request(self):
        self.store.fault("reset", op="PutObject", bytes=100000)
        with self.assertRaises(BROKEN):
            self.client.put("y", DATA)
        self.assertEqual(self.client.get("y").status, 404)

    def test_reset_of_an_answer(self):
        self.store.fault("reset", op="GetObject", bytes=100000)
        with self.assertRaises(BROKEN):
            self.client.get("x")

    def test_truncated(self):
        self.store.fault("truncate", op="GetObject", bytes=1000)
        with self.assertRaises(http.client.IncompleteRead) as caught:
            self.client.get("x")
        self.assertEqual(caught.exception.partial, DATA[:1000])
        self.store.fault("truncate", op="GetObject", bytes=1000, declared="short")
        answer = self.client.get("x")
        self.assertEqual((answer.status, answer.body), (200, DATA[:1000]))
        self.assertEqual(answer.headers["x-oss-hash-crc64ecma"], str(checksums.crc64(DATA)))

    def test_stall(self):
        for fields in ({"op": "GetObject"}, {"op": "GetObject", "bytes": 5000}, {"op": "GetObject", "stage": "answer"}):
            self.store.fault("stall", seconds=0.3, **fields)
            start = time.monotonic()
            self.assertEqual(self.client.get("x").body, DATA)
            self.assertGreaterEqual(time.monotonic() - start, 0.3)
        self.store.fault("stall", seconds=0.3, op="PutObject", bytes=5000)
        start = time.monotonic()
        self.assertEqual(self.client.put("y", DATA).status, 200)
        self.assertGreaterEqual(time.monotonic() - start, 0.3)
        self.assertEqual(self.client.get("y").body, DATA)

    def test_drip(self):
        self.client.put("small", bytes(300))
        self.store.fault("drip", op="GetObject", key="small", rate=1000)
        self.store.fault("drip", op="PutObject", rate=1000)
        for act in (lambda: self.client.get("small"), lambda: self.client.put("y", bytes(300))):
            start = time.monotonic()
            self.assertEqual(act().status, 200)
            self.assertGreaterEqual(time.monotonic() - start, 0.15)

    def test_status(self):
        for status, code in ((500, "InternalError"), (503, "ServiceUnavailable"), (429, "TooManyRequests"), (403, "AccessDenied")):
            self.store.fault("status", op="PutObject", status=status, retry_after=7)
            answer = self.client.put("y", DATA)
            self.refused(answer, status, code)
            self.assertEqual(answer.headers["retry-after"], "7")
        self.assertEqual(self.client.get("y").status, 404)
        self.store.fault("status", op="PutObject", status=503, code="SlowDown", message="slower", stage="answer")
        answer = self.client.put("y", DATA)
        self.refused(answer, 503, "SlowDown")
        self.assertEqual(answer.find("Message"), "slower")
        self.assertEqual(self.client.get("y").status, 200)

    def test_wrong_sums(self):
        right = self.client.put("y", b"1").headers
        self.store.fault("wrong_crc", op="PutObject")
        self.assertEqual(int(self.client.put("y", b"1").headers["x-oss-hash-crc64ecma"]), int(right["x-oss-hash-crc64ecma"]) ^ 1)
        self.store.fault("wrong_etag", op="PutObject")
        self.assertNotEqual(self.client.put("y", b"1").headers["etag"], right["etag"])
        self.store.fault("wrong_content_range", op="GetObject", value="bytes 5-9/10")
        self.assertEqual(self.client.get("x", headers={"range": "bytes=0-4"}).headers["content-range"], "bytes 5-9/10")
        self.store.fault("header", op="GetObject", header="x-oss-hash-crc64ecma", value=None)
        self.assertNotIn("x-oss-hash-crc64ecma", self.client.get("x").headers)
        self.store.fault("header", op="GetObject", header="x-oss-new", value="1")
        self.assertEqual(self.client.get("x").headers["x-oss-new"], "1")

    def test_credentials_and_clock(self):
        self.store.fault("expired_token", op="GetObject")
        self.refused(self.client.get("x"), 403, "SecurityTokenExpired")
        self.store.fault("clock_skew", op="GetObject", seconds=3600)
        answer = self.client.get("x")
        self.refused(answer, 403, "RequestTimeTooSkewed")
        self.assertGreater(signatures.parse_http_date(answer.headers["date"]), time.time() + 3000)
        self.store.fault("deny", op=["GetObject", "HeadObject"], count=None)
        self.refused(self.client.get("x"), 403, "AccessDenied")
        self.assertEqual(self.client.request("HEAD", "x").status, 403)
        self.store.control("DELETE", "faults")
        self.store.configure(clock_offset=3600)
        self.refused(self.client.get("x"), 403, "RequestTimeTooSkewed")
        self.assertEqual(Client(self.store, offset=3600).get("x").status, 200)

    def test_lost_answer(self):
        self.store.fault("lost_answer", op="PutObject")
        with self.assertRaises(BROKEN):
            self.client.put("y", b"1")
        self.assertEqual(self.client.get("y").body, b"1")
        upload = self.client.initiate("m")
        etag = self.client.part("m", upload, 1, b"2").headers["etag"]
        self.store.fault("lost_answer", op="CompleteMultipartUpload", reset=True)
        with self.assertRaises(BROKEN):
            self.client.complete("m", upload, [(1, etag)])
        self.refused(self.client.complete("m", upload, [(1, etag)]), 404, "NoSuchUpload")
        self.assertEqual(self.client.get("m").body, b"2")

    def test_200_with_an_error(self):
        for stage, exists in (("start", 404), ("answer", 200)):
            upload = self.client.initiate("m")
            etag = self.client.part("m", upload, 1, b"2").headers["etag"]
            self.store.fault("error_200", op="CompleteMultipartUpload", stage=stage)
            self.refused(self.client.complete("m", upload, [(1, etag)]), 200, "InternalError")
            self.assertEqual(self.client.get("m").status, exists)

    def test_html(self):
        self.store.fault("html", op="GetObject")
        answer = self.client.get("x")
        self.assertEqual((answer.status, answer.headers["content-type"]), (502, "text/html"))
        self.assertTrue(answer.body.startswith(b"<html>"))

    def test_which_requests(self):
        self.store.fault("status", op="Upload*", key="m*", part=2, after=1, count=1, status=503)
        upload = self.client.initiate("m")
        answers = [self.client.part("m", upload, n, b"x").status for n in (1, 2, 2, 2, 3)]
        self.assertEqual(answers, [200, 200, 503, 200, 200])
        self.store.fault("status", range="bytes=5-*", status=500)
        self.assertEqual(self.client.get("x", headers={"range": "bytes=0-4"}).status, 206)
        self.assertEqual(self.client.get("x", headers={"range": "bytes=5-9"}).status, 500)

    def test_wrong_rules(self):
        for rule in ({"action": "explode"}, {"action": "stall", "colour": "red"}, {"action": "refuse", "stage": "answer"}, {}):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                self.store.control("POST", "faults", rule)
            self.assertEqual(caught.exception.code, 400)
        for wrong in ({"region": 5}, {"nonsense": 1}, {"keys": [{"access_key": "a"}]}):
            with self.assertRaises(urllib.error.HTTPError):
                self.store.configure(**wrong)

    def test_block(self):
        for stage, exists in (("start", 404), ("request", 404), ("answer", 200)):
            with self.subTest(stage):
                self.store.clean()
                id = self.store.fault("block", op="PutObject", stage=stage, name="gate")
                done = []
                thread = threading.Thread(target=lambda: done.append(self.client.put("y", DATA).status))
                thread.start()
                self.assertTrue(self.store.control("GET", "wait", id=id, waiting=1, timeout=20)["reached"])
                self.assertEqual(self.client.get("y").status, exists)
                self.assertEqual(done, [])
                self.assertEqual(self.store.counters("PutObject")["open"], 1)
                self.assertEqual(self.store.control("POST", "release", {"name": "gate"}), {"rules": 1})
                thread.join(20)
                self.assertEqual(done, [200])
                self.assertEqual(self.client.get("y").body, DATA)
        self.assertFalse(self.store.control("GET", "wait", id=id, hits=5, timeout=0.1)["reached"])

    def test_release_one_by_one(self):
        id = self.store.fault("block", op="GetObject", count=None)
        threads = [threading.Thread(target=self.client.get, args=("x",)) for _ in range(3)]
        for thread in threads:
            thread.start()
        self.assertTrue(self.store.control("GET", "wait", id=id, waiting=3, timeout=20)["reached"])
        self.assertEqual(self.store.counters("GetObject")["peak"], 3)
        self.store.control("POST", "release", {"id": id, "number": 1})
        while self.store.counters("GetObject")["open"] > 2:
            time.sleep(0.01)
        self.store.control("DELETE", "faults")
        for thread in threads:
            thread.join(20)
            self.assertFalse(thread.is_alive())

    def test_counters(self):
        self.store.control("POST", "reset", {})
        self.client.put("y", DATA)
        self.client.get("y")
        self.client.get("y", headers={"range": "bytes=0-9"})
        self.client.get("none")
        counters = self.store.control("GET", "counters")
        put, get = counters["PutObject"], counters["GetObject"]
        self.assertEqual((put["requests"], put["bytes_in"], put["errors"], put["open"]), (1, len(DATA), 0, 0))
        self.assertEqual((get["requests"], get["errors"]), (3, 1))
        self.assertGreaterEqual(get["bytes_out"], len(DATA) + 10)
        self.assertEqual(counters["total"]["requests"], 4)
        log = self.store.control("GET", "log")["requests"]
        self.assertEqual([r["op"] for r in log], ["PutObject", "GetObject", "GetObject", "GetObject"])
        self.assertEqual([r["status"] for r in log], [200, 200, 206, 404])

    def test_data(self):
        self.store.control("PUT", "data", b"put by the control", bucket=BUCKET, key="a b")
        self.assertEqual(self.client.get("a b").body, b"put by the control")
        self.assertEqual(self.store.control("GET", "data", bucket=BUCKET, key="a b"), b"put by the control")


class Restart(StoreCase):
    def test_after_a_kill(self):
        client = Client(self.store)
        client.put("kept", DATA, headers={"x-oss-meta-a": "1"})
        client.put("replaced", b"old")
        client.put("replaced", b"new")
        client.put("gone", b"x")
        client.request("DELETE", "gone")
        upload = client.initiate("m")
        one = client.part("m", upload, 1, DATA).headers["etag"]
        self.store.end(kill=True)
        self.store.start()
        answer = client.get("kept")
        self.assertEqual((answer.body, answer.headers["x-oss-meta-a"]), (DATA, "1"))
        self.assertEqual(client.get("replaced").body, b"new")
        self.assertEqual(client.get("gone").status, 404)
        two = client.part("m", upload, 2, b"end").headers["etag"]
        done = client.complete("m", upload, [(1, one), (2, two)])
        self.assertEqual(done.headers["x-oss-hash-crc64ecma"], str(checksums.crc64(DATA + b"end")))
        self.assertEqual(self.store.end(), 0)
        self.store.start()
        self.assertEqual(client.get("m").body, DATA + b"end")
        self.assertEqual([o["key"] for o in self.store.control("GET", "objects")["objects"]], ["kept", "m", "replaced"])

    def test_ends_with_its_parent(self):
        parent = subprocess.Popen(["/usr/bin/python3", "-c", "input()"], stdin=subprocess.PIPE)
        ports = os.path.join(self.store.folder, "other-ports")
        child = subprocess.Popen(["/usr/bin/python3", "-B", str(STORE / "oss_store.py"), "--port-file", ports, "--parent", str(parent.pid)],
                                 stdout=subprocess.DEVNULL)
        while not os.path.exists(ports):
            time.sleep(0.02)
        self.assertIsNone(child.poll())
        parent.communicate(b"\n")
        self.assertEqual(child.wait(30), 0)

    def test_replaced_while_read(self):
        client = Client(self.store)
        client.put("x", DATA)
        id = self.store.fault("block", op="GetObject", stage="response", bytes=1000)
        found = []
        thread = threading.Thread(target=lambda: found.append(client.get("x").body))
        thread.start()
        self.store.control("GET", "wait", id=id, waiting=1)
        client.put("x", b"other")
        client.request("DELETE", "x")
        self.store.control("DELETE", "faults")
        thread.join(20)
        self.assertEqual(found, [DATA])

    def test_short_body(self):
        """A client that goes away within its body leaves nothing."""
        client = Client(self.store)
        headers = client.sign("PUT", BUCKET, "x", [], {"content-length": "1000"}, b"")
        headers["host"] = client.host
        with socket.create_connection(("127.0.0.1", self.store.port)) as sock:
            head = "PUT /%s/x HTTP/1.1\r\n%s\r\n\r\n" % (BUCKET, "\r\n".join("%s: %s" % h for h in headers.items()))
            sock.sendall(head.encode() + b"x" * 500)
        while self.store.counters("PutObject")["open"] or not self.store.counters("PutObject")["requests"]:
            time.sleep(0.01)
        self.assertEqual(client.get("x").status, 404)


if __name__ == "__main__":
    run()
