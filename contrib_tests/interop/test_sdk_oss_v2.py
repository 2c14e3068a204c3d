#!/usr/bin/python3
"""Alibaba's SDK alibabacloud-oss-v2, unchanged, against the local store: V4 and V1, path and virtual style, http and https."""

import os

from store_fixture import BUCKET, KEY, ODD_KEYS, OPEN_BUCKET, REGION, SECRET, StoreCase, localhost_names, needs, run

needs("alibabacloud_oss_v2")
import alibabacloud_oss_v2 as oss  # noqa: E402

import checksums  # noqa: E402

BODY = bytes(range(256)) * 1200     # 300 KB


class Operations:
    """Every operation; the subclasses say by which signature and address."""

    version = "v4"

    def endpoint(self):
        return self.store.endpoint

    def client(self, key=KEY, secret=SECRET, token=None, region=REGION):
        config = oss.config.load_default()
        config.credentials_provider = oss.credentials.StaticCredentialsProvider(key, secret, token)
        config.region = region
        config.endpoint = self.endpoint()
        config.signature_version = self.version
        config.retry_max_attempts = 1
        return oss.Client(config)

    def setUp(self):
        super().setUp()
        self.c = self.client()

    def fails(self, status, code, function, *arguments):
        with self.assertRaises(oss.exceptions.OperationError) as caught:
            function(*arguments)
        error = caught.exception.unwrap()
        self.assertIsInstance(error, oss.exceptions.ServiceError)
        self.assertEqual((error.status_code, error.code), (status, code))
        self.assertEqual(len(error.request_id), 24)
        return error

    def put(self, key, body=BODY, **more):
        return self.c.put_object(oss.PutObjectRequest(bucket=BUCKET, key=key, body=body, **more))

    def get(self, key, **more):
        with self.c.get_object(oss.GetObjectRequest(bucket=BUCKET, key=key, **more)).body as body:
            return body.content

    # ------------------------------------------------------------ one object

    def test_put_get_odd_keys(self):
        for key in ODD_KEYS:
            with self.subTest(key):
                put = self.put(key, key.encode())
                self.assertEqual(put.hash_crc64, str(checksums.crc64(key.encode())))
                self.assertEqual(self.get(key), key.encode())
        pages = self.c.list_objects_v2_paginator().iter_page(oss.ListObjectsV2Request(bucket=BUCKET, max_keys=5))
        listed = [o.key for page in pages for o in page.contents]
        self.assertEqual(listed, sorted(ODD_KEYS, key=lambda k: k.encode()))

    def test_ranges(self):
        self.put("r")
        self.assertEqual(self.get("r", range_header="bytes=1000-1999", range_behavior="standard"), BODY[1000:2000])
        self.assertEqual(self.get("r", range_header="bytes=-10", range_behavior="standard"), BODY[-10:])
        self.fails(416, "InvalidRange", lambda: self.get("r", range_header="bytes=%d-" % len(BODY), range_behavior="standard"))

    def test_head_and_meta(self):
        etag = self.put("h", metadata={"origin": "pg"}, storage_class="IA", content_type="text/csv", tagging="a=1&b=2",
                        server_side_encryption="AES256").etag
        head = self.c.head_object(oss.HeadObjectRequest(bucket=BUCKET, key="h"))
        self.assertEqual((head.content_length, head.etag, head.storage_class, head.content_type, head.object_type, head.tagging_count),
                         (len(BODY), etag, "IA", "text/csv", "Normal", 2))
        self.assertEqual((head.metadata["origin"], head.server_side_encryption), ("pg", "AES256"))
        meta = self.c.get_object_meta(oss.GetObjectMetaRequest(bucket=BUCKET, key="h"))
        self.assertEqual((meta.content_length, meta.etag), (len(BODY), etag))
        tags = self.c.get_object_tagging(oss.GetObjectTaggingRequest(bucket=BUCKET, key="h"))
        self.assertEqual([(t.key, t.value) for t in tags.tag_set.tags], [("a", "1"), ("b", "2")])
        self.fails(404, "NoSuchKey", self.c.head_object, oss.HeadObjectRequest(bucket=BUCKET, key="none"))

    def test_conditions(self):
        etag = self.put("c").etag
        self.assertEqual(self.get("c", if_match=etag), BODY)
        self.fails(412, "PreconditionFailed", lambda: self.get("c", if_match='"0000"'))
        self.fails(409, "FileAlreadyExists", lambda: self.put("c", forbid_overwrite=True))

    def test_acl(self):
        self.put("a", acl="public-read")
        self.assertEqual(self.c.get_object_acl(oss.GetObjectAclRequest(bucket=BUCKET, key="a")).acl, "public-read")
        self.c.put_object_acl(oss.PutObjectAclRequest(bucket=BUCKET, key="a", acl="private"))
        self.assertEqual(self.c.get_object_acl(oss.GetObjectAclRequest(bucket=BUCKET, key="a")).acl, "private")

    def test_delete(self):
        for key in ODD_KEYS:
            self.put(key, b"1")
        self.c.delete_object(oss.DeleteObjectRequest(bucket=BUCKET, key=ODD_KEYS[0]))
        rest = ODD_KEYS[1:]
        done = self.c.delete_multiple_objects(oss.DeleteMultipleObjectsRequest(
            bucket=BUCKET, encoding_type="url", objects=[oss.DeleteObject(key=key) for key in rest]))
        self.assertEqual([d.key for d in done.deleted_objects], rest)
        self.assertEqual(self.store.control("GET", "objects")["objects"], [])

    def test_copy(self):
        self.put("source 中+", metadata={"a": "1"})
        self.c.copy_object(oss.CopyObjectRequest(bucket=BUCKET, key="target", source_key="source 中+"))
        self.assertEqual(self.get("target"), BODY)
        head = self.c.head_object(oss.HeadObjectRequest(bucket=BUCKET, key="target"))
        self.assertEqual(head.metadata["a"], "1")
        self.c.copy_object(oss.CopyObjectRequest(bucket=BUCKET, key="target", source_key="source 中+", metadata={"b": "2"},
                                                 metadata_directive="REPLACE"))
        head = self.c.head_object(oss.HeadObjectRequest(bucket=BUCKET, key="target"))
        self.assertEqual(dict(head.metadata), {"b": "2"})

    def test_append(self):
        first = self.c.append_object(oss.AppendObjectRequest(bucket=BUCKET, key="log", position=0, body=b"one,"))
        self.assertEqual(first.next_position, 4)
        second = self.c.append_object(oss.AppendObjectRequest(bucket=BUCKET, key="log", position=4, body=b"two"))
        self.assertEqual((second.next_position, second.hash_crc64), (7, str(checksums.crc64(b"one,two"))))
        self.assertEqual(self.get("log"), b"one,two")
        self.fails(409, "PositionNotEqualToLength", self.c.append_object,
                   oss.AppendObjectRequest(bucket=BUCKET, key="log", position=3, body=b"x"))
        self.put("normal")
        self.fails(409, "ObjectNotAppendable", self.c.append_object,
                   oss.AppendObjectRequest(bucket=BUCKET, key="normal", position=len(BODY), body=b"x"))

    def test_archive(self):
        self.put("cold", storage_class="Archive")
        self.fails(403, "InvalidObjectState", lambda: self.get("cold"))
        self.assertEqual(self.c.restore_object(oss.RestoreObjectRequest(bucket=BUCKET, key="cold")).status_code, 202)
        self.assertEqual(self.get("cold"), BODY)

    # ------------------------------------------------------------ multipart

    def initiate(self, key, **more):
        return self.c.initiate_multipart_upload(oss.InitiateMultipartUploadRequest(bucket=BUCKET, key=key, **more)).upload_id

    def part(self, key, upload, number, body=BODY):
        done = self.c.upload_part(oss.UploadPartRequest(bucket=BUCKET, key=key, upload_id=upload, part_number=number, body=body))
        return oss.UploadPart(part_number=number, etag=done.etag)

    def complete(self, key, upload, parts, **more):
        return self.c.complete_multipart_upload(oss.CompleteMultipartUploadRequest(
            bucket=BUCKET, key=key, upload_id=upload, complete_multipart_upload=oss.CompleteMultipartUpload(parts=parts), **more))

    def test_multipart(self):
        key = "multi/中 +.csv"
        upload = self.initiate(key, content_type="text/csv", metadata={"a": "b"})
        parts = [self.part(key, upload, n) for n in (1, 2, 3)]
        listed = self.c.list_parts(oss.ListPartsRequest(bucket=BUCKET, key=key, upload_id=upload, max_parts=2))
        self.assertEqual([(p.part_number, p.size) for p in listed.parts], [(1, len(BODY)), (2, len(BODY))])
        self.assertTrue(listed.is_truncated)
        pages = self.c.list_parts_paginator().iter_page(oss.ListPartsRequest(bucket=BUCKET, key=key, upload_id=upload, max_parts=2))
        self.assertEqual([p.part_number for page in pages for p in page.parts], [1, 2, 3])
        done = self.complete(key, upload, parts)
        self.assertEqual(done.hash_crc64, str(checksums.crc64(BODY * 3)))
        self.assertEqual(self.get(key), BODY * 3)
        head = self.c.head_object(oss.HeadObjectRequest(bucket=BUCKET, key=key))
        self.assertEqual((head.content_type, head.metadata["a"], head.etag, head.object_type), ("text/csv", "b", done.etag, "Multipart"))

    def test_part_copy(self):
        self.put("source")
        upload = self.initiate("m")
        copied = self.c.upload_part_copy(oss.UploadPartCopyRequest(bucket=BUCKET, key="m", upload_id=upload, part_number=1,
                                                                   source_key="source", source_range="bytes=0-199999"))
        parts = [oss.UploadPart(part_number=1, etag=copied.etag), self.part("m", upload, 2, b"end")]
        self.complete("m", upload, parts)
        self.assertEqual(self.get("m"), BODY[:200000] + b"end")

    def test_uploads_listed_and_aborted(self):
        wanted = sorted((key, self.initiate(key)) for key in ("u/1", "u/2", "v 中"))
        pages = self.c.list_multipart_uploads_paginator().iter_page(oss.ListMultipartUploadsRequest(bucket=BUCKET, max_uploads=2))
        self.assertEqual([(u.key, u.upload_id) for page in pages for u in page.uploads or []], wanted)
        listed = self.c.list_multipart_uploads(oss.ListMultipartUploadsRequest(bucket=BUCKET, prefix="u/"))
        self.assertEqual([u.key for u in listed.uploads], ["u/1", "u/2"])
        for key, upload in wanted:
            self.c.abort_multipart_upload(oss.AbortMultipartUploadRequest(bucket=BUCKET, key=key, upload_id=upload))
            self.fails(404, "NoSuchUpload", self.c.abort_multipart_upload,
                       oss.AbortMultipartUploadRequest(bucket=BUCKET, key=key, upload_id=upload))
        self.assertEqual(self.store.control("GET", "uploads")["uploads"], [])

    def test_part_rules(self):
        upload = self.initiate("m")
        parts = [self.part("m", upload, 1, b"small"), self.part("m", upload, 2, b"small")]
        self.fails(400, "EntityTooSmall", self.complete, "m", upload, parts)
        wrong = [oss.UploadPart(part_number=1, etag='"' + "0" * 32 + '"')]
        self.fails(400, "InvalidPart", self.complete, "m", upload, wrong)

    def test_uploader_and_downloader(self):
        """The SDK's own managers, in parallel, with their CRC checks on."""
        path = os.path.join(self.store.folder, "big")
        data = BODY * 20
        with open(path, "wb") as file:
            file.write(data)
        self.c.uploader(part_size=1 << 20, parallel_num=3).upload_file(oss.PutObjectRequest(bucket=BUCKET, key="big"), path)
        self.c.downloader(part_size=1 << 20, parallel_num=3).download_file(oss.GetObjectRequest(bucket=BUCKET, key="big"), path + ".back")
        with open(path + ".back", "rb") as file:
            self.assertEqual(file.read(), data)

    # ------------------------------------------------------------ lists and buckets

    def test_list(self):
        keys = ["a/1", "a/2", "b/1", "b/c/1", "d"]
        for key in keys:
            self.put(key, b"1")
        for limit in (1, 2, 3, 100):
            found, prefixes = [], []
            pages = self.c.list_objects_v2_paginator().iter_page(
                oss.ListObjectsV2Request(bucket=BUCKET, delimiter="/", max_keys=limit, fetch_owner=True))
            for page in pages:
                found += [o.key for o in page.contents or []]
                prefixes += [p.prefix for p in page.common_prefixes or []]
            self.assertEqual((found, prefixes), (["d"], ["a/", "b/"]))
            pages = self.c.list_objects_paginator().iter_page(oss.ListObjectsRequest(bucket=BUCKET, prefix="b/", max_keys=limit))
            self.assertEqual([o.key for page in pages for o in page.contents], ["b/1", "b/c/1"])
        after = self.c.list_objects_v2(oss.ListObjectsV2Request(bucket=BUCKET, start_after="a/2"))
        self.assertEqual([o.key for o in after.contents], ["b/1", "b/c/1", "d"])

    def test_bucket(self):
        self.c.put_bucket(oss.PutBucketRequest(bucket="made-bucket"))
        info = self.c.get_bucket_info(oss.GetBucketInfoRequest(bucket="made-bucket")).bucket_info
        self.assertEqual((info.name, info.location), ("made-bucket", "oss-" + REGION))
        self.assertEqual(self.c.get_bucket_location(oss.GetBucketLocationRequest(bucket=BUCKET)).location, "oss-" + REGION)
        self.assertTrue(self.c.is_bucket_exist("made-bucket"))
        self.assertFalse(self.c.is_bucket_exist("no-such-bucket"))
        self.assertIn("made-bucket", [b.name for b in self.c.list_buckets(oss.ListBucketsRequest()).buckets])
        self.c.delete_bucket(oss.DeleteBucketRequest(bucket="made-bucket"))
        self.fails(404, "NoSuchBucket", self.c.get_bucket_info, oss.GetBucketInfoRequest(bucket="made-bucket"))
        self.put("x", b"1")
        self.fails(409, "BucketNotEmpty", self.c.delete_bucket, oss.DeleteBucketRequest(bucket=BUCKET))

    # ------------------------------------------------------------ credentials

    def test_wrong_secret(self):
        self.c = self.client(secret="wrong")
        self.fails(403, "SignatureDoesNotMatch", lambda: self.put("x"))
        self.c = self.client(key="nobody")
        self.fails(403, "InvalidAccessKeyId", lambda: self.put("x"))

    def test_presigned(self):
        import requests
        address = self.c.presign(oss.PutObjectRequest(bucket=BUCKET, key="pre 中"))
        self.assertEqual(requests.put(address.url, data=b"by url", headers=address.signed_headers, timeout=60).status_code, 200)
        address = self.c.presign(oss.GetObjectRequest(bucket=BUCKET, key="pre 中"))
        self.assertEqual(requests.get(address.url, headers=address.signed_headers, timeout=60).content, b"by url")
        self.assertEqual(requests.get(address.url + "x", timeout=60).status_code, 403)

    def test_crc_is_checked(self):
        """The SDK must find a wrong CRC of ours, or the test of its agreement means nothing."""
        self.store.fault("wrong_crc", op="PutObject")
        with self.assertRaises(oss.exceptions.OperationError) as caught:
            self.put("x")
        self.assertIn("crc", str(caught.exception).lower())


class V4Path(Operations, StoreCase):
    # with V1 this SDK sends the token as a header "security-token", which no document of OSS knows; see test_sdk_oss2.py
    def test_tokens(self):
        self.store.configure(keys=[{"access_key": "sts", "secret": "s", "token": "good/token+=", "token_expires": 4102444800},
                                   {"access_key": "old", "secret": "s", "token": "t", "token_expires": 1}])
        self.c = self.client("sts", "s", "good/token+=")
        self.put("x")
        self.assertEqual(self.get("x"), BODY)
        self.c = self.client("old", "s", "t")
        self.fails(403, "SecurityTokenExpired", lambda: self.get("x"))
        self.c = self.client("sts", "s", "bad")
        self.fails(403, "InvalidSecurityToken", lambda: self.get("x"))

    def test_skewed_clock(self):
        self.store.configure(clock_offset=3600)
        self.fails(403, "RequestTimeTooSkewed", lambda: self.put("x"))

    def test_wrong_region(self):
        self.c = self.client(region="cn-beijing")
        self.fails(400, "InvalidArgument", lambda: self.put("x"))

    def test_anonymous(self):
        config = oss.config.load_default()
        config.credentials_provider = oss.credentials.AnonymousCredentialsProvider()
        config.region, config.endpoint = REGION, self.endpoint()
        anybody = oss.Client(config)
        self.c.put_object(oss.PutObjectRequest(bucket=OPEN_BUCKET, key="x", body=b"1"))
        self.assertEqual(anybody.get_object(oss.GetObjectRequest(bucket=OPEN_BUCKET, key="x")).body.content, b"1")
        self.put("x")
        self.fails(403, "AccessDenied", anybody.get_object, oss.GetObjectRequest(bucket=BUCKET, key="x"))


class V4Virtual(Operations, StoreCase):
    def endpoint(self):
        localhost_names()
        return "http://localhost:%d" % self.store.port


class V1Path(Operations, StoreCase):
    version = "v1"


class V1Virtual(V4Virtual):
    version = "v1"


class V4Tls(Operations, StoreCase):
    def setUp(self):
        os.environ["REQUESTS_CA_BUNDLE"] = self.store.ca
        super().setUp()

    def tearDown(self):
        del os.environ["REQUESTS_CA_BUNDLE"]

    def endpoint(self):
        return self.store.tls_endpoint


if __name__ == "__main__":
    run()
