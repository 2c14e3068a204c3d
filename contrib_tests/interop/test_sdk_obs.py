#!/usr/bin/python3
"""Huawei's SDK esdk-obs-python, unchanged, against the local store: the OBS protocol over http and https.

Virtual-hosted only: in path style this SDK falls back to the signature of S3 version 2.  test_store.py has OBS in path style.
"""

from store_fixture import BUCKET, KEY, ODD_KEYS, OPEN_BUCKET, REGION, SECRET, StoreCase, localhost_names, needs, run

needs("obs")
import obs  # noqa: E402

import checksums  # noqa: E402

BODY = bytes(range(256)) * 1200
CRC = str(checksums.crc64(BODY))


class Operations:
    def server(self):
        return "http://localhost:%d" % self.store.port

    def client(self, key=KEY, secret=SECRET, token=None):
        return obs.ObsClient(access_key_id=key, secret_access_key=secret, security_token=token, server=self.server(), path_style=False,
                             is_signature_negotiation=False, ssl_verify=self.store.ca, max_retry_count=0, timeout=60)

    def setUp(self):
        super().setUp()
        localhost_names()
        self.c = self.client()

    def ok(self, answer, status=200):
        self.assertEqual(answer.status, status, (answer.errorCode, answer.errorMessage))
        return answer

    def fails(self, status, code, answer):
        self.assertEqual((answer.status, answer.errorCode), (status, code), answer.errorMessage)

    def get(self, key, **more):
        return self.ok(self.c.getObject(BUCKET, key, loadStreamInMemory=True, **more), more.pop("status", 200)).body.buffer

    def test_put_get_odd_keys(self):
        for key in ODD_KEYS:
            with self.subTest(key):
                self.ok(self.c.putContent(BUCKET, key, key.encode()))
                self.assertEqual(self.get(key), key.encode())
        found, marker = [], None
        while True:
            page = self.ok(self.c.listObjects(BUCKET, marker=marker, max_keys=4, encoding_type="url")).body
            found += [o.key for o in page.contents]
            if not page.is_truncated:
                break
            marker = page.next_marker
        self.assertEqual(found, sorted(ODD_KEYS, key=lambda k: k.encode()))
        page = self.ok(self.c.listObjects(BUCKET, prefix="per%")).body
        self.assertEqual([o.key for o in page.contents], ["per%20cent", "per%cent"])

    def test_range_and_conditions(self):
        etag = self.ok(self.c.putContent(BUCKET, "r", BODY)).body.etag.strip('"')     # it sends quotes as %22
        header = obs.GetObjectHeader(range="5-9")
        self.assertEqual(self.ok(self.c.getObject(BUCKET, "r", headers=header, loadStreamInMemory=True), 206).body.buffer, BODY[5:10])
        header = obs.GetObjectHeader(range="%d-" % len(BODY))
        self.fails(416, "InvalidRange", self.c.getObject(BUCKET, "r", headers=header))
        self.ok(self.c.getObject(BUCKET, "r", headers=obs.GetObjectHeader(if_match=etag), loadStreamInMemory=True))
        self.fails(412, "PreconditionFailed", self.c.getObject(BUCKET, "r", headers=obs.GetObjectHeader(if_match='"x"')))
        self.fails(404, "NoSuchKey", self.c.getObject(BUCKET, "none"))

    def test_attributes(self):
        headers = obs.PutObjectHeader(contentType="text/csv", acl="public-read", storageClass="WARM", sseHeader=obs.SseKmsHeader.getInstance())
        self.ok(self.c.putContent(BUCKET, "x", BODY, metadata={"who": "pg", "name": "中文"}, headers=headers))
        answer = self.ok(self.c.getObjectMetadata(BUCKET, "x"))
        self.assertEqual((answer.body.contentLength, answer.body.contentType, answer.body.storageClass), (len(BODY), "text/csv", "WARM"))
        self.assertEqual((answer.body.sseKms, dict(answer.header)["who"]), ("kms", "pg"))
        self.assertTrue(self.ok(self.c.getObjectAcl(BUCKET, "x")).body.grants)
        self.ok(self.c.setObjectAcl(BUCKET, "x", aclControl="private"))
        shown = self.store.control("GET", "objects")["objects"][0]
        self.assertEqual((shown["acl"], shown["storage"]), ("private", "ia"))

    def test_md5_and_crc(self):
        self.ok(self.c.putContent(BUCKET, "x", BODY, headers=obs.PutObjectHeader(isAttachCrc64=True)))
        answer = self.ok(self.c.getObject(BUCKET, "x", loadStreamInMemory=True, isAttachCrc64=True))
        self.assertEqual(dict(answer.header)["checksum-crc64ecma"], CRC)
        wrong = self.c.putContent(BUCKET, "x", BODY, headers=obs.PutObjectHeader(crc64="1"))
        self.assertEqual(wrong.status, 400)
        wrong = self.c.putContent(BUCKET, "x", BODY, headers=obs.PutObjectHeader(md5="DMF1ucDxtqgxw5niaXcmYQ=="))
        self.fails(400, "BadDigest", wrong)

    def test_multipart(self):
        key = "multi/中 +"
        upload = self.ok(self.c.initiateMultipartUpload(BUCKET, key, contentType="text/csv", metadata={"a": "b"})).body.uploadId
        parts = []
        for number in (1, 2, 3):
            done = self.ok(self.c.uploadPart(BUCKET, key, number, upload, content=BODY, isAttachMd5=True))
            parts.append(obs.CompletePart(number, done.body.etag))
        listed = self.ok(self.c.listParts(BUCKET, key, upload, maxParts=2)).body
        self.assertEqual([(p.partNumber, p.size) for p in listed.parts], [(1, len(BODY)), (2, len(BODY))])
        self.assertTrue(listed.isTruncated)
        uploads = self.ok(self.c.listMultipartUploads(BUCKET, obs.ListMultipartUploadsRequest(prefix="multi/"))).body
        self.assertEqual([(u.key, u.uploadId) for u in uploads.upload], [(key, upload)])
        self.ok(self.c.completeMultipartUpload(BUCKET, key, upload, obs.CompleteMultipartUploadRequest(parts)))
        self.assertEqual(self.get(key), BODY * 3)
        self.assertEqual(dict(self.c.getObjectMetadata(BUCKET, key).header)["a"], "b")

    def test_part_copy_and_abort(self):
        self.ok(self.c.putContent(BUCKET, "source 中+", BODY))
        upload = self.ok(self.c.initiateMultipartUpload(BUCKET, "m")).body.uploadId
        copied = self.ok(self.c.copyPart(BUCKET, "m", 1, upload, BUCKET + "/source 中+", copySourceRange="0-149999"))
        self.ok(self.c.completeMultipartUpload(BUCKET, "m", upload, obs.CompleteMultipartUploadRequest([obs.CompletePart(1, copied.body.etag)])))
        self.assertEqual(self.get("m"), BODY[:150000])
        upload = self.ok(self.c.initiateMultipartUpload(BUCKET, "m")).body.uploadId
        parts = [obs.CompletePart(n, self.c.uploadPart(BUCKET, "m", n, upload, content=b"small").body.etag) for n in (1, 2)]
        self.fails(400, "EntityTooSmall", self.c.completeMultipartUpload(BUCKET, "m", upload, obs.CompleteMultipartUploadRequest(parts)))
        self.ok(self.c.abortMultipartUpload(BUCKET, "m", upload), 204)
        self.fails(404, "NoSuchUpload", self.c.abortMultipartUpload(BUCKET, "m", upload))
        self.assertEqual(self.store.control("GET", "uploads")["uploads"], [])

    def test_delete_copy_append(self):
        for key in ODD_KEYS:
            self.ok(self.c.putContent(BUCKET, key, b"1"))
        self.ok(self.c.copyObject(BUCKET, "plus+plus", BUCKET, "copied 中"))
        self.assertEqual(self.get("copied 中"), b"1")
        self.ok(self.c.deleteObject(BUCKET, "copied 中"), 204)
        wanted = [obs.Object(key=key) for key in ODD_KEYS]
        done = self.ok(self.c.deleteObjects(BUCKET, obs.DeleteObjectsRequest(quiet=False, objects=wanted))).body
        self.assertEqual([d.key for d in done.deleted], ODD_KEYS)
        self.assertEqual(self.store.control("GET", "objects", bucket=BUCKET)["objects"], [])
        first = self.ok(self.c.appendObject(BUCKET, "log", obs.AppendObjectContent(content=b"ab", position=0)))
        self.assertEqual(first.body.nextPosition, 2)
        self.ok(self.c.appendObject(BUCKET, "log", obs.AppendObjectContent(content=b"cd", position=2)))
        self.assertEqual(self.get("log"), b"abcd")
        self.fails(409, "PositionNotEqualToLength", self.c.appendObject(BUCKET, "log", obs.AppendObjectContent(content=b"x", position=1)))

    def test_list_delimiter(self):
        for key in ("a/1", "a/2", "b/1", "c"):
            self.ok(self.c.putContent(BUCKET, key, b""))
        page = self.ok(self.c.listObjects(BUCKET, delimiter="/")).body
        self.assertEqual(([o.key for o in page.contents], [p.prefix for p in page.commonPrefixs]), (["c"], ["a/", "b/"]))

    def test_archive(self):
        self.ok(self.c.putContent(BUCKET, "cold", b"1", headers=obs.PutObjectHeader(storageClass="COLD")))
        self.fails(403, "InvalidObjectState", self.c.getObject(BUCKET, "cold"))
        self.ok(self.c.restoreObject(BUCKET, "cold", 1), 202)
        self.assertEqual(self.get("cold"), b"1")

    def test_credentials(self):
        self.fails(403, "SignatureDoesNotMatch", self.client(secret="wrong").putContent(BUCKET, "x", b"1"))
        self.fails(403, "InvalidAccessKeyId", self.client(key="nobody").putContent(BUCKET, "x", b"1"))
        self.store.configure(keys=[{"access_key": "sts", "secret": "s", "token": "to+ken/=", "token_expires": 4102444800},
                                   {"access_key": "old", "secret": "s", "token": "t", "token_expires": 1}])
        self.ok(self.client("sts", "s", "to+ken/=").putContent(BUCKET, "x", b"1"))
        self.fails(403, "SecurityTokenExpired", self.client("old", "s", "t").putContent(BUCKET, "x", b"1"))

    def test_signed_url(self):
        import requests
        signed = self.c.createSignedUrl("PUT", BUCKET, "dir/u 中+", expires=60)
        self.assertEqual(requests.put(signed.signedUrl, data=b"by url", headers=signed.actualSignedRequestHeaders, verify=self.store.ca, timeout=60).status_code, 200)
        signed = self.c.createSignedUrl("GET", BUCKET, "dir/u 中+", expires=60)
        answer = requests.get(signed.signedUrl, headers=signed.actualSignedRequestHeaders, verify=self.store.ca, timeout=60)
        self.assertEqual(answer.content, b"by url")

    def test_buckets(self):
        self.ok(self.c.createBucket("made-bucket", location=REGION))
        self.ok(self.c.headBucket("made-bucket"))
        self.assertEqual(self.ok(self.c.getBucketLocation("made-bucket")).body.location, REGION)
        self.assertEqual([b.name for b in self.ok(self.c.listBuckets()).body.buckets], ["made-bucket", OPEN_BUCKET, BUCKET])
        self.ok(self.c.deleteBucket("made-bucket"), 204)
        self.assertEqual(self.c.headBucket("made-bucket").status, 404)


class Http(Operations, StoreCase):
    def test_negotiation(self):
        """The SDK asks HEAD ?apiversion, unsigned, and takes the OBS protocol by the answer."""
        self.c = obs.ObsClient(access_key_id=KEY, secret_access_key=SECRET, server=self.server(), path_style=False,
                               is_signature_negotiation=True, max_retry_count=0)
        self.ok(self.c.putContent(BUCKET, "x", b"1"))
        log = self.store.control("GET", "log")["requests"]
        self.assertEqual([(r["op"], r["scheme"]) for r in log], [("ApiVersion", None), ("PutObject", "obs")])


class Tls(Operations, StoreCase):
    def server(self):
        return "https://store.localhost:%d" % self.store.tls_port


if __name__ == "__main__":
    run()
