#!/usr/bin/python3
"""The local store refuses what the real stores refuse, and its signatures are the published ones.

Standard library only.  The other side of the proof, that the store takes what real clients send, is in test_sdk_*.py.
"""

import base64
import hashlib
import json
import unittest

from store_fixture import BUCKET, DOT_KEYS, HERE, ODD_KEYS, OPEN_BUCKET, Client, StoreCase, run

import checksums
import signatures
from dialects import DIALECTS, ApiError
from http_server import Request
from service import Config, Key

SCHEMES = ("oss-v4", "oss-v1", "obs", "s3-v4")
VECTORS = json.loads((HERE.parent / "unit" / "vectors.json").read_text())


class Vectors(unittest.TestCase):
    """Published strings and signatures, and those of our own."""

    def test_own_strings(self):
        for name, v in VECTORS["ops"].items():
            query = list(v["query"].items())
            key = v["key"] or ""
            lower = {n.lower(): x for n, x in v["headers"].items()}
            with self.subTest(name):
                self.assertEqual(signatures.oss_v1_string(v["verb"], v["bucket"], key, query, lower, v["date"]), v["v1"]["sts"])
                v4 = dict(lower, **{"x-oss-content-sha256": "UNSIGNED-PAYLOAD", "x-oss-date": v["iso"]})
                canonical = signatures.oss_v4_canonical(v["verb"], v["bucket"], key, query, v4, [])
                self.assertEqual(canonical, v["v4"]["canonical"])
                self.assertEqual(signatures.oss_v4_sign(VECTORS["sk"], v["iso"], VECTORS["region_oss"], canonical)[0], v["v4"]["sts"])
                obs = {n.lower(): x for n, x in v["obs"]["headers"].items()}
                self.assertEqual(signatures.obs_string(v["verb"], v["bucket"], key, query, obs, v["date"]), v["obs"]["sts"])
                s3 = {n.lower(): x for n, x in v["s3v4"]["headers"].items()}
                canonical = signatures.s3_canonical(v["verb"], "/" + key, query, s3, sorted(s3), "UNSIGNED-PAYLOAD")
                self.assertEqual(canonical, v["s3v4"]["canonical"])

    @staticmethod
    def request(v, scheme):
        """The vector as the store would see it on the wire, at the vector's time."""
        request = Request()
        request.verb, request.bucket, request.key = v["verb"], v["bucket"], v["key"] or ""
        request.query = list(v["query"].items())
        request.params = dict(request.query)
        source = v["obs"]["headers"] if scheme == "obs" else v["s3v4"]["headers"] if scheme == "s3v4" else v["headers"]
        request.headers = {n.lower(): x for n, x in source.items()}
        request.headers["authorization"] = v[scheme]["auth"]
        if scheme == "v4":
            request.headers.update({"x-oss-content-sha256": "UNSIGNED-PAYLOAD", "x-oss-date": v["iso"]})
        elif scheme != "s3v4":
            request.headers["date"] = v["date"]
        request.path = "/" + request.key
        request.now = signatures.parse_basic_date(v["iso"])
        dialect, request.scheme = signatures.scheme_of(request.headers, request.params)
        request.dialect = DIALECTS[dialect]
        return request

    def test_accepted_by_the_verifier(self):
        for name, v in VECTORS["ops"].items():
            for scheme in ("v1", "v4", "obs", "s3v4"):
                config = Config()
                facts = {"access_key": VECTORS["ak"], "secret": VECTORS["sk"]}
                if name == "sts":
                    facts["token"] = "CAIS-fake-token"
                config.keys[VECTORS["ak"]] = Key(facts)
                config.region = VECTORS["region_s3"] if scheme == "s3v4" else VECTORS["region_oss"]
                with self.subTest(name=name, scheme=scheme):
                    self.assertEqual(signatures.authenticate(self.request(v, scheme), config).key.name, VECTORS["ak"])
                    spoiled = self.request(v, scheme)
                    spoiled.key = spoiled.key + "x"
                    spoiled.path = "/" + spoiled.key
                    with self.assertRaises(ApiError) as caught:
                        signatures.authenticate(spoiled, config)
                    self.assertEqual(caught.exception.code, "SignatureDoesNotMatch")

    def test_published_v1(self):
        date = "Wed, 28 Dec 2022 10:27:41 GMT"
        headers = {"x-oss-date": date, "x-oss-meta-author": "alice", "x-oss-meta-magic": "abracadabra",
                   "content-md5": "eB5eJF1ptWaXm4bijSPyxw==", "content-type": "text/html"}
        only = {"x-oss-date": date}
        for verb, key, query, sent, stamp, wanted in (
                ("PUT", "nelson", [], headers, date, "kSHKmLxlyEAKtZPkJhG9bZb5k7M="),
                ("PUT", "nelson", [("acl", "")], headers, date, "/afkugFbmWDQ967j1vr6zygBLQk="),
                ("GET", "", [("resourceGroup", ""), ("non-resousce", "null")], only, date, "vkQmfuUDyi1uDi3bKt67oemssIs="),
                ("GET", "", [("resourceGroup", ""), ("acl", "")], only, date, "x3E5TgOvl/i7PN618s5mEvpJDYk=")):
            text = signatures.oss_v1_string(verb, "examplebucket", key, query, sent, stamp)
            self.assertEqual(signatures._hmac_sha1("sk", text), wanted)
        for key, query, expires, wanted in (
                ("key", [("versionId", "versionId")], "1699807420", "dcLTea+Yh9ApirQ8o8dOPqtvJXQ="),
                ("key+123", [("versionId", "versionId"), ("security-token", "token")], "1699808204", "jzKYRrM5y6Br0dRFPaTGOsbrDhY=")):
            text = signatures.oss_v1_string("GET", "bucket", key, query, {}, expires)
            self.assertEqual(signatures._hmac_sha1("sk", text), wanted)

    def test_published_v4(self):
        query = [("param1", "value1"), ("+param1", "value3"), ("|param1", "value4"), ("+param2", ""), ("|param2", ""), ("param2", "")]
        for stamp, more, additional, region, product, wanted in (
                ("20231216T162057Z", {}, [], "cn-hangzhou", "oss", "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe"),
                ("20231217T034736Z", {"x-oss-security-token": "token"}, [], "cn-hangzhou", "oss",
                 "b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea"),
                ("20231216T172512Z", {}, ["abc", "zabc"], "cn-hangzhou", "oss",
                 "4a4183c187c07c8947db7620deb0a6b38d9fbdd34187b6dbaccb316fa251212f"),
                ("20231216T162057Z", {}, [], "cb-123", "oss-cloudbox", "94ce1f12c17d148ea681030275a94449d3357f5b5b21133996eec80af3e08a43")):
            headers = dict({"x-oss-head1": "value", "abc": "value", "zabc": "value", "xyz": "value", "content-type": "text/plain",
                            "x-oss-content-sha256": "UNSIGNED-PAYLOAD", "x-oss-date": stamp}, **more)
            canonical = signatures.oss_v4_canonical("PUT", "bucket", "1234+-/123/1.txt", query, headers, additional)
            self.assertEqual(signatures.oss_v4_sign("sk", stamp, region, canonical, product)[1], wanted)

    def test_published_s3(self):
        secret, host, stamp = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "examplebucket.s3.amazonaws.com", "20130524T000000Z"
        empty = hashlib.sha256(b"").hexdigest()
        body = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()
        for verb, path, query, more, payload, wanted in (
                ("GET", "/test.txt", [], {"range": "bytes=0-9"}, empty, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
                ("PUT", "/test$file.text", [], {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
                 body, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
                ("GET", "/", [("lifecycle", "")], {}, empty, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
                ("GET", "/", [("max-keys", "2"), ("prefix", "J")], {}, empty, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")):
            headers = dict({"host": host, "x-amz-date": stamp, "x-amz-content-sha256": payload}, **more)
            canonical = signatures.s3_canonical(verb, path, query, headers, sorted(headers), payload)
            self.assertEqual(signatures.s3_sign(secret, stamp, "us-east-1", canonical)[1], wanted)

    def test_checksums(self):
        data = {"empty": b"", "a": b"a", "123456789": b"123456789", "hello world": b"hello world", "100KiB zeros": bytes(102400),
                "0..255 x 1024": bytes(range(256)) * 1024}
        for name, content in data.items():
            wanted = VECTORS["checksums"][name]
            self.assertEqual(str(checksums.crc64(content)), wanted["crc64ecma"])
            for algorithm, column in (("crc64nvme", "crc64nvme_b64"), ("crc32c", "crc32c_b64"), ("sha256", "sha256_b64")):
                found = checksums.S3_ALGORITHMS[algorithm]()
                found.update(content)
                self.assertEqual(base64.b64encode(found.digest()).decode(), wanted[column])
        first, second = bytes(range(256)) * 400, b"123456789"
        joined = checksums.crc64_combine(checksums.crc64(first), checksums.crc64(second), len(second))
        self.assertEqual(str(joined), VECTORS["checksums"]["multipart(102400+9)"]["object_crc64ecma"])


class Refusals(StoreCase):
    def each(self):
        return [(scheme, Client(self.store, scheme)) for scheme in SCHEMES]

    def test_right_requests_pass(self):
        for scheme, client in self.each():
            body = scheme.encode() * 100
            self.assertEqual(client.put("right", body).status, 200)
            self.assertEqual(client.get("right").body, body)

    def test_wrong_secret_and_key(self):
        for scheme in SCHEMES:
            with self.subTest(scheme):
                self.refused(Client(self.store, scheme, secret="wrong").put("x", b"1"), 403, "SignatureDoesNotMatch")
                self.refused(Client(self.store, scheme, key="nobody").put("x", b"1"), 403, "InvalidAccessKeyId")
        self.assertEqual(self.store.control("GET", "objects")["objects"], [])

    def test_tampered(self):
        def header(name, value):
            def spoil(headers):
                headers[name] = value
            return spoil

        for scheme, client in self.each():
            sent = {"content-type": "text/csv", client.prefix + "meta-a": "1"}
            for name, value in (("content-type", "text/plain"), (client.prefix + "meta-a", "2"), (client.prefix + "meta-b", "1")):
                answer = client.put("x", b"1", headers=sent, spoil=header(name, value))
                self.assertEqual(answer.status, 403, answer.body)
                self.assertIn(answer.code, ("SignatureDoesNotMatch", "AccessDenied"))
        answer = Client(self.store, "s3-v4").put("x", b"1", spoil=header("x-amz-content-sha256", "0" * 64))
        self.refused(answer, 403, "SignatureDoesNotMatch")
        wrong = {"x-amz-content-sha256": hashlib.sha256(b"2").hexdigest()}
        self.refused(Client(self.store, "s3-v4").put("x", b"1", headers=wrong), 400, "XAmzContentSHA256Mismatch")

    def test_stale_dates(self):
        for scheme in SCHEMES:
            for offset in (-1000, 1000):
                answer = Client(self.store, scheme, offset=offset).put("x", b"1")
                self.refused(answer, 403, "RequestTimeTooSkewed")
                self.assertIn("date", answer.headers)
            self.assertEqual(Client(self.store, scheme, offset=-600).put("x", b"1").status, 200)

    def test_no_date(self):
        for scheme, name in (("oss-v1", "date"), ("oss-v4", "x-oss-date"), ("obs", "date"), ("s3-v4", "x-amz-date")):
            answer = Client(self.store, scheme).get("x", spoil=lambda h, name=name: h.pop(name))
            self.refused(answer, 403, "AccessDenied")

    def test_malformed_authorization(self):
        for text in ("OSS nothing", "OSS4-HMAC-SHA256 Credential=a", "Basic YTpi", "OSS4-HMAC-SHA256 Signature=a,Credential=b,Extra=c"):
            answer = Client(self.store).get("x", spoil=lambda h, text=text: h.update(authorization=text))
            self.refused(answer, 400, "InvalidArgument")

    def test_region(self):
        self.refused(Client(self.store, region="cn-beijing").get("x"), 400, "InvalidArgument")
        self.refused(Client(self.store, region="oss-cn-hangzhou").get("x"), 400, "InvalidArgument")
        answer = Client(self.store, "s3-v4", region="us-east-1").get("x")
        self.refused(answer, 400, "AuthorizationHeaderMalformed")
        self.assertEqual(answer.find("Region"), "cn-hangzhou")
        self.store.configure(buckets={"far-away": {"region": "cn-beijing"}})
        answer = Client(self.store).get("x", bucket="far-away")
        self.refused(answer, 403, "AccessDenied")
        self.assertEqual(answer.find("Endpoint"), "oss-cn-beijing.aliyuncs.com")

    def test_payload_value(self):
        def spoil(headers):
            headers["x-oss-content-sha256"] = hashlib.sha256(b"").hexdigest()
        answer = Client(self.store).get("x", spoil=spoil)
        self.refused(answer, 400, "InvalidArgument")
        self.assertEqual(answer.headers["x-oss-ec"], "0002-00000214")

    def test_content_md5(self):
        right = base64.b64encode(hashlib.md5(b"data").digest()).decode()
        wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
        for scheme, client in self.each():
            self.assertEqual(client.put("md5", b"data", headers={"content-md5": right}).status, 200)
            code = "InvalidDigest" if scheme.startswith("oss") else "BadDigest"
            self.refused(client.put("md5", b"other data", headers={"content-md5": wrong}), 400, code)
            self.refused(client.put("md5", b"data", headers={"content-md5": "nonsense"}), 400, "InvalidDigest")
            self.assertEqual(client.get("md5").body, b"data")

    def test_unknown_headers_and_values(self):
        for scheme, client in self.each():
            p = client.prefix
            for name, value in ((p + "nonsense", "1"), (p + "storage-class", "Hot"), (p + "traffic-limit", "5"),
                                (p + "server-side-encryption", "ROT13"), (p + "tagging", "a=1&a=2"),
                                (p + "tagging", "&".join("k%d=v" % n for n in range(11)))):
                answer = client.put("x", b"1", headers={name: value})
                self.assertEqual(answer.status, 400, (name, value, answer.body))
            self.assertEqual(client.get("x", headers={p + "storage-class": "Standard"}).status, 400)
            self.assertEqual(client.get("x", query={"nonsense": "1"}).status, 400)
        answer = Client(self.store).put("x", b"1", headers={"x-oss-forbid-overwrite": "yes"})
        self.refused(answer, 400, "InvalidArgument")
        self.assertEqual(answer.headers["x-oss-ec"], "0017-00000279")
        self.assertEqual(Client(self.store).put("x", b"1", headers={"x-amz-acl": "private"}).status, 400)
        self.assertEqual(Client(self.store, "obs").put("x", b"1", headers={"x-obs-forbid-overwrite": "true"}).status, 400)

    def test_unknown_operation(self):
        for scheme, client in self.each():
            self.refused(client.request("POST", "x"), 405, "MethodNotAllowed")
            self.refused(client.request("PATCH", "x"), 405, "MethodNotAllowed")
        self.refused(Client(self.store, "s3-v4").request("POST", "x", {"append": "", "position": "0"}), 405, "MethodNotAllowed")

    def test_lengths(self):
        for scheme, client in self.each():
            self.refused(client.request("PUT", "x", length=False), 411, "MissingContentLength")

    def test_names(self):
        client = Client(self.store)
        self.refused(client.put("/x", b"1"), 400, "InvalidObjectName")
        self.refused(client.put("k" * 1024, b"1"), 400, "InvalidObjectName")
        self.assertEqual(client.put("k" * 1023, b"1").status, 200)
        self.refused(Client(self.store, "s3-v4").put("k" * 1025, b"1"), 400, "KeyTooLongError")
        self.refused(client.get("x", bucket="no-such-bucket"), 404, "NoSuchBucket")
        self.refused(client.request("PUT", bucket="Bad_Name"), 400, "InvalidBucketName")

    def test_path_style_can_be_refused(self):
        self.store.configure(path_style=False)
        self.refused(Client(self.store).get("x"), 403, "SecondLevelDomainForbidden")
        self.refused(Client(self.store, "obs").get("x"), 403, "VirtualHostDomainRequired")

    def test_unknown_host(self):
        answer = Client(self.store).get("x", spoil=lambda h: h.update(host="elsewhere.example.test"))
        self.refused(answer, 403, "NonStandardHostForbidden")

    def test_cname_and_switched_off_scheme(self):
        self.store.configure(cnames={"data.example.test": BUCKET}, schemes=["oss-v4"])
        client = Client(self.store)
        headers = client.sign("PUT", BUCKET, "x", [], {"content-length": "1"}, b"1")
        self.assertEqual(client.send("PUT", "/x", dict(headers, host="data.example.test"), b"1").status, 200)
        self.assertEqual(client.get("x").body, b"1")
        self.refused(Client(self.store, "oss-v1").get("x"), 403, "AccessDenied")


class Credentials(StoreCase):
    def setUp(self):
        super().setUp()
        self.store.configure(keys=[
            {"access_key": "temporary", "secret": "s1", "token": "the-token", "token_expires": 4102444800},
            {"access_key": "expired", "secret": "s2", "token": "old-token", "token_expires": 1},
            {"access_key": "reader", "secret": "s3", "allow": ["Get*", "Head*", "List*"]},
            {"access_key": "no-list", "secret": "s4", "deny": ["List*", "Abort*"]},
            {"access_key": "elsewhere", "secret": "s5", "buckets": [OPEN_BUCKET]}])

    def test_tokens(self):
        codes = {"oss-v4": ("InvalidSecurityToken", "SecurityTokenExpired", 403), "obs": ("InvalidSecurityToken", "SecurityTokenExpired", 403),
                 "s3-v4": ("InvalidToken", "ExpiredToken", 400)}
        codes["oss-v1"] = codes["oss-v4"]
        for scheme, (bad, expired, status) in codes.items():
            with self.subTest(scheme):
                self.assertEqual(Client(self.store, scheme, "temporary", "s1", "the-token").put("x", b"1").status, 200)
                self.assertEqual(Client(self.store, scheme, "temporary", "s1", "other").put("x", b"1").code, bad)
                self.refused(Client(self.store, scheme, "temporary", "s1").put("x", b"1"), 403, "InvalidAccessKeyId")
                answer = Client(self.store, scheme, "expired", "s2", "old-token").put("x", b"1")
                self.assertEqual((answer.code, answer.status), (expired, 403 if status == 403 else 400))

    def test_permissions(self):
        Client(self.store).put("x", b"1")
        reader = Client(self.store, key="reader", secret="s3")
        self.assertEqual(reader.get("x").status, 200)
        self.refused(reader.put("x", b"2"), 403, "AccessDenied")
        self.refused(reader.request("DELETE", "x"), 403, "AccessDenied")
        limited = Client(self.store, key="no-list", secret="s4")
        self.assertEqual(limited.put("x", b"3").status, 200)
        self.refused(limited.request("GET", "", {"list-type": "2"}), 403, "AccessDenied")
        self.refused(Client(self.store, key="elsewhere", secret="s5").get("x"), 403, "AccessDenied")

    def test_anonymous(self):
        client, nobody = Client(self.store), Client(self.store, None)
        for bucket in (BUCKET, OPEN_BUCKET):
            client.put("x", b"1", bucket=bucket)
        self.refused(nobody.get("x"), 403, "AccessDenied")
        self.assertEqual(nobody.get("x", bucket=OPEN_BUCKET).body, b"1")
        self.assertEqual(nobody.request("GET", "", {"list-type": "2"}, bucket=OPEN_BUCKET).status, 200)
        self.refused(nobody.put("x", b"2", bucket=OPEN_BUCKET), 403, "AccessDenied")
        self.refused(nobody.request("DELETE", "x", bucket=OPEN_BUCKET), 403, "AccessDenied")
        client.put("shown", b"2", headers={"x-oss-object-acl": "public-read"})
        self.assertEqual(nobody.get("shown").body, b"2")


class Multipart(StoreCase):
    PIECE = bytes(range(256)) * 400     # 102,400 bytes

    def start(self, client, sizes):
        """An upload with parts of these sizes: its id and [(number, etag)]."""
        upload = client.initiate("m")
        etags = []
        for number, size in enumerate(sizes, 1):
            etags.append((number, client.part("m", upload, number, b"p" * size).headers["etag"]))
        return upload, etags

    def test_whole(self):
        client = Client(self.store)
        upload = client.initiate("m")
        one = client.part("m", upload, 1, self.PIECE)
        two = client.part("m", upload, 7, b"123456789")
        self.assertEqual(one.headers["etag"], '"44D088CEF136D178E9C8BA84C3FDF6CA"')
        self.assertEqual((one.headers["x-oss-hash-crc64ecma"], two.headers["x-oss-hash-crc64ecma"]),
                         ("7233985612489857427", "11051210869376104954"))
        self.assertEqual(client.get("m").status, 404)
        done = client.complete("m", upload, [(1, one.headers["etag"]), (7, two.headers["etag"])])
        self.assertEqual((done.status, done.headers["x-oss-hash-crc64ecma"]), (200, "619894907701716951"))
        answer = client.get("m")
        self.assertEqual(answer.body, self.PIECE + b"123456789")
        self.assertEqual(answer.headers["x-oss-object-type"], "Multipart")
        self.assertRegex(answer.headers["etag"], r'^"[0-9A-F]{32}-2"$')
        self.refused(client.complete("m", upload, [(1, one.headers["etag"])]), 404, "NoSuchUpload")
        self.assertEqual(self.store.control("GET", "uploads")["uploads"], [])

    def test_s3_etag(self):
        self.store.configure(min_part=1)
        client = Client(self.store, "s3-v4")
        upload = client.initiate("m")
        etags = [client.part("m", upload, n, p).headers["etag"] for n, p in ((1, self.PIECE), (2, b"123456789"))]
        client.complete("m", upload, list(enumerate(etags, 1)))
        self.assertEqual(client.get("m").headers["etag"], '"64eb9f5d03932434de069cf0a44f9d38-2"')

    def test_small_parts(self):
        for scheme, smallest in (("oss-v4", 102400), ("oss-v1", 102400), ("obs", 102400), ("s3-v4", 5 << 20)):
            with self.subTest(scheme):
                client = Client(self.store, scheme)
                upload, etags = self.start(client, [smallest - 1, 1])
                self.refused(client.complete("m", upload, etags), 400, "EntityTooSmall")
                upload, etags = self.start(client, [smallest, 1])
                self.assertEqual(client.complete("m", upload, etags).status, 200)

    def test_wrong_lists(self):
        for scheme in SCHEMES:
            with self.subTest(scheme):
                client = Client(self.store, scheme)
                self.store.configure(min_part=1)
                upload, etags = self.start(client, [10, 11, 12])
                self.refused(client.complete("m", upload, etags[::-1]), 400, "InvalidPartOrder")
                self.refused(client.complete("m", upload, [etags[0], etags[0]]), 400, "InvalidPartOrder")
                self.refused(client.complete("m", upload, [etags[0], (2, etags[2][1])]), 400, "InvalidPart")
                self.refused(client.complete("m", upload, etags + [(4, etags[2][1])]), 400, "InvalidPart")
                self.refused(client.complete("m", upload, []), 400, "MalformedXML")
                self.refused(client.request("POST", "m", {"uploadId": upload}, body=b"<nonsense"), 400, "MalformedXML")
                self.refused(client.complete("other", upload, etags), 404, "NoSuchUpload")
                self.assertEqual(client.complete("m", upload, [etags[0], etags[2]]).status, 200)
                self.assertEqual(len(client.get("m").body), 22)

    def test_part_numbers(self):
        client = Client(self.store)
        upload = client.initiate("m")
        for number in (0, 10001, -1):
            self.refused(client.part("m", upload, number, b"1"), 400, "InvalidArgument")
        self.assertEqual(client.part("m", upload, 10000, b"1").status, 200)
        self.refused(client.part("m", "0" * 32, 1, b"1"), 404, "NoSuchUpload")

    def test_abort(self):
        client = Client(self.store)
        upload, etags = self.start(client, [10])
        self.assertEqual(len(self.store.control("GET", "uploads")["uploads"]), 1)
        self.assertEqual(client.request("DELETE", "m", {"uploadId": upload}).status, 204)
        self.refused(client.request("DELETE", "m", {"uploadId": upload}), 404, "NoSuchUpload")
        self.refused(client.part("m", upload, 1, b"1"), 404, "NoSuchUpload")
        self.refused(client.complete("m", upload, etags), 404, "NoSuchUpload")

    def test_complete_all(self):
        client = Client(self.store)
        upload, _ = self.start(client, [102400, 5])
        answer = client.request("POST", "m", {"uploadId": upload}, headers={"x-oss-complete-all": "yes"}, body=b"<x/>")
        self.refused(answer, 400, "InvalidArgument")
        self.assertEqual(client.request("POST", "m", {"uploadId": upload}, headers={"x-oss-complete-all": "yes"}).status, 200)
        self.assertEqual(len(client.get("m").body), 102405)


class Overwriting(StoreCase):
    def test_forbid(self):
        client = Client(self.store)
        forbid = {"x-oss-forbid-overwrite": "true"}
        self.assertEqual(client.put("x", b"1", headers=forbid).status, 200)
        self.refused(client.put("x", b"2", headers=forbid), 409, "FileAlreadyExists")
        self.assertEqual(client.put("x", b"3", headers={"x-oss-forbid-overwrite": "false"}).status, 200)
        upload = client.initiate("x")
        etag = client.part("x", upload, 1, b"4").headers["etag"]
        self.refused(client.complete("x", upload, [(1, etag)], headers=forbid), 409, "FileAlreadyExists")
        self.refused(client.request("POST", "x", {"uploads": ""}, headers=forbid), 409, "FileAlreadyExists")
        client.put("y", b"5")
        copy = dict(forbid, **{"x-oss-copy-source": "/%s/x" % BUCKET})
        self.refused(client.put("y", headers=copy), 409, "FileAlreadyExists")
        self.assertEqual(client.get("x").body, b"3")
        self.refused(client.put("x", b"6", headers={"if-none-match": "*"}), 400, "NotImplemented")

    def test_s3_conditions(self):
        client = Client(self.store, "s3-v4")
        none = {"if-none-match": "*"}
        first = client.put("x", b"1", headers=none)
        self.assertEqual(first.status, 200)
        self.refused(client.put("x", b"2", headers=none), 412, "PreconditionFailed")
        self.refused(client.put("x", b"2", headers={"if-match": '"%s"' % ("0" * 32)}), 412, "PreconditionFailed")
        self.refused(client.put("new", b"2", headers={"if-match": first.headers["etag"]}), 404, "NoSuchKey")
        self.assertEqual(client.put("x", b"2", headers={"if-match": first.headers["etag"]}).status, 200)
        upload = client.initiate("x")
        etag = client.part("x", upload, 1, b"4").headers["etag"]
        self.refused(client.complete("x", upload, [(1, etag)], headers=none), 412, "PreconditionFailed")
        self.assertEqual(client.complete("x", upload, [(1, etag)]).status, 200)

    def test_reading_conditions(self):
        for scheme in SCHEMES:
            with self.subTest(scheme):
                client = Client(self.store, scheme)
                etag = client.put("x", b"abc").headers["etag"]
                client.put("y", b"abd")
                self.assertEqual(client.get("x", headers={"if-match": etag}).body, b"abc")
                self.refused(client.get("y", headers={"if-match": etag}), 412, "PreconditionFailed")
                self.assertEqual(client.get("x", headers={"if-none-match": etag}).status, 304)
                self.assertEqual(client.get("y", headers={"if-none-match": etag}).status, 200)
                early, late = "Fri, 01 Jan 2021 00:00:00 GMT", "Thu, 01 Jan 2099 00:00:00 GMT"
                self.refused(client.get("x", headers={"if-unmodified-since": early}), 412, "PreconditionFailed")
                self.assertEqual(client.get("x", headers={"if-unmodified-since": late}).status, 200)
                self.assertEqual(client.get("x", headers={"if-modified-since": late}).status, 304)
                self.assertEqual(client.get("x", headers={"if-modified-since": early}).status, 200)


class Reading(StoreCase):
    DATA = bytes(range(200))

    def ranged(self, client, text, **headers):
        return client.get("r", headers=dict({"range": text}, **headers))

    def test_standard_ranges(self):
        for scheme in SCHEMES:
            client = Client(self.store, scheme)
            client.put("r", self.DATA)
            more = {"x-oss-range-behavior": "standard"} if scheme.startswith("oss") else {}
            for text, start, end in (("bytes=0-9", 0, 10), ("bytes=190-", 190, 200), ("bytes=-5", 195, 200), ("bytes=150-500", 150, 200),
                                     ("bytes=199-199", 199, 200), ("bytes=-500", 0, 200)):
                with self.subTest(scheme=scheme, range=text):
                    answer = self.ranged(client, text, **more)
                    self.assertEqual((answer.status, answer.body), (206, self.DATA[start:end]))
                    self.assertEqual(answer.headers["content-range"], "bytes %d-%d/200" % (start, end - 1))
            for text in ("bytes=200-", "bytes=500-600"):
                self.refused(self.ranged(client, text, **more), 416, "InvalidRange")
            for text in ("bytes=9-1", "lines=1-2", "bytes=0-1,3-4", "bytes=x-y"):
                self.assertEqual(self.ranged(client, text, **more).status, 200)

    def test_old_ranges_of_oss(self):
        client = Client(self.store)
        client.put("r", self.DATA)
        for text in ("bytes=150-500", "bytes=200-", "bytes=-500", "bytes=500-600"):
            answer = self.ranged(client, text)
            self.assertEqual((answer.status, answer.body), (200, self.DATA), text)
        answer = self.ranged(client, "bytes=10-19")
        self.assertEqual((answer.status, answer.body), (206, self.DATA[10:20]))
        self.assertEqual(answer.headers["x-oss-hash-crc64ecma"], str(checksums.crc64(self.DATA)))

    def test_head_errors(self):
        answer = Client(self.store).request("HEAD", "none")
        self.assertEqual((answer.status, answer.body), (404, b""))
        self.assertIn(b"<Code>NoSuchKey</Code>", base64.b64decode(answer.headers["x-oss-err"]))
        self.assertEqual(len(answer.headers["x-oss-request-id"]), 24)

    def test_attributes(self):
        sent = {"content-type": "text/csv", "content-encoding": "gzip", "cache-control": "no-cache", "content-disposition": "attachment",
                "expires": "Thu, 01 Jan 2099 00:00:00 GMT", "content-language": "de", "x-oss-meta-who": "中文", "x-oss-storage-class": "IA",
                "x-oss-server-side-encryption": "KMS", "x-oss-server-side-encryption-key-id": "k1", "x-oss-object-acl": "private",
                "x-oss-tagging": "a=1&b=%20"}
        client = Client(self.store)
        client.put("x", b"1", headers=sent)
        answer = client.request("HEAD", "x")
        for name, value in sent.items():
            if name == "x-oss-meta-who":
                self.assertEqual(answer.headers[name].encode("latin-1").decode(), value)
            elif name not in ("x-oss-object-acl", "x-oss-tagging"):
                self.assertEqual(answer.headers[name], value)
        self.assertEqual(answer.headers["x-oss-tagging-count"], "2")
        self.assertEqual(client.request("GET", "x", {"acl": ""}).find("Grant"), "private")
        self.assertEqual([n.text for n in client.request("GET", "x", {"tagging": ""}).xml().iter("Value")], ["1", " "])
        self.assertEqual(Client(self.store, "s3-v4").request("HEAD", "x").headers["x-amz-storage-class"], "STANDARD_IA")
        self.assertEqual(Client(self.store, "obs").request("HEAD", "x").headers["x-obs-storage-class"], "WARM")

    def test_archived(self):
        client = Client(self.store)
        client.put("cold", b"1", headers={"x-oss-storage-class": "Archive"})
        self.refused(client.get("cold"), 403, "InvalidObjectState")
        self.assertEqual(client.request("HEAD", "cold").status, 200)
        self.store.configure(restore_seconds=100)
        self.assertEqual(client.request("POST", "cold", {"restore": ""}).status, 202)
        self.refused(client.request("POST", "cold", {"restore": ""}), 409, "RestoreAlreadyInProgress")
        self.assertIn('ongoing-request="true"', client.request("HEAD", "cold").headers["x-oss-restore"])
        self.refused(client.get("cold"), 403, "InvalidObjectState")
        self.store.configure(clock_offset=200)
        late = Client(self.store, offset=200)
        self.assertEqual(late.get("cold").body, b"1")
        self.assertEqual(late.request("POST", "cold", {"restore": ""}).status, 200)

    def test_odd_keys(self):
        for scheme in SCHEMES:
            client = Client(self.store, scheme)
            for key in ODD_KEYS + DOT_KEYS:
                with self.subTest(scheme=scheme, key=key):
                    self.assertEqual(client.put(key, key.encode()).status, 200)
                    self.assertEqual(client.get(key).body, key.encode())
        listed = [o["key"] for o in self.store.control("GET", "objects")["objects"]]
        self.assertEqual(listed, sorted(ODD_KEYS + DOT_KEYS, key=lambda k: k.encode()))


if __name__ == "__main__":
    run()
