#!/usr/bin/python3
"""Amazon's SDK boto3, unchanged, against the local store: SigV4, path and virtual style, http and https.

Over http it signs the real hash of a body; over https it sends aws-chunked bodies with checksum trailers.
"""

import io
import os

from store_fixture import BUCKET, KEY, ODD_KEYS, OPEN_BUCKET, REGION, SECRET, StoreCase, localhost_names, needs, run

needs("boto3")
import boto3  # noqa: E402
from boto3.s3.transfer import TransferConfig  # noqa: E402
from botocore import UNSIGNED  # noqa: E402
from botocore.client import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

MIB = 1 << 20
BODY = bytes(range(256)) * 1200
PART = bytes(range(256)) * (5 * MIB // 256)


class Operations:
    style = "path"
    checksums = "when_supported"

    def endpoint(self):
        return self.store.endpoint

    def client(self, key=KEY, secret=SECRET, token=None, region=REGION, **more):
        more = dict({"signature_version": "s3v4"}, **more)
        config = Config(s3={"addressing_style": self.style}, retries={"total_max_attempts": 1},
                        request_checksum_calculation=self.checksums, response_checksum_validation=self.checksums, **more)
        return boto3.session.Session().client("s3", endpoint_url=self.endpoint(), aws_access_key_id=key, aws_secret_access_key=secret,
                                              aws_session_token=token, region_name=region, verify=self.store.ca, config=config)

    def setUp(self):
        super().setUp()
        localhost_names()
        self.c = self.client()

    def fails(self, status, code, function, *arguments, **more):
        with self.assertRaises(ClientError) as caught:
            function(*arguments, **more)
        answer = caught.exception.response
        self.assertEqual((answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]), (status, code))

    def put(self, key, body=BODY, **more):
        return self.c.put_object(Bucket=BUCKET, Key=key, Body=body, **more)

    def get(self, key, **more):
        return self.c.get_object(Bucket=BUCKET, Key=key, **more)["Body"].read()

    def test_put_get_odd_keys(self):
        for key in ODD_KEYS:
            with self.subTest(key):
                self.put(key, key.encode())
                self.assertEqual(self.get(key), key.encode())
        for name in ("list_objects_v2", "list_objects"):
            pages = self.c.get_paginator(name).paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 4})
            self.assertEqual([o["Key"] for page in pages for o in page["Contents"]], sorted(ODD_KEYS, key=lambda k: k.encode()))
        self.assertEqual(self.c.list_objects_v2(Bucket=BUCKET, Prefix="per%")["KeyCount"], 2)

    def test_range_and_conditions(self):
        etag = self.put("r")["ETag"]
        self.assertEqual(self.get("r", Range="bytes=5-9"), BODY[5:10])
        self.assertEqual(self.get("r", Range="bytes=-5"), BODY[-5:])
        self.fails(416, "InvalidRange", self.get, "r", Range="bytes=%d-" % len(BODY))
        self.assertEqual(self.get("r", IfMatch=etag), BODY)
        self.fails(412, "PreconditionFailed", self.get, "r", IfMatch='"x"')
        self.fails(304, "304", self.get, "r", IfNoneMatch=etag)
        self.fails(412, "PreconditionFailed", self.put, "r", b"", IfNoneMatch="*")
        self.put("new", b"", IfNoneMatch="*")
        self.fails(404, "NoSuchKey", self.get, "none")

    def test_attributes(self):
        self.put("x", Metadata={"who": "pg"}, StorageClass="STANDARD_IA", ContentType="text/csv", Tagging="a=1&b=2", ACL="public-read",
                 ServerSideEncryption="AES256", CacheControl="no-cache", ContentEncoding="gzip")
        head = self.c.head_object(Bucket=BUCKET, Key="x")
        self.assertEqual((head["ContentLength"], head["ContentType"], head["Metadata"], head["StorageClass"], head["ServerSideEncryption"]),
                         (len(BODY), "text/csv", {"who": "pg"}, "STANDARD_IA", "AES256"))
        self.assertEqual((head["CacheControl"], head["ContentEncoding"]), ("no-cache", "gzip"))
        self.assertEqual(self.c.get_object_tagging(Bucket=BUCKET, Key="x")["TagSet"], [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        self.assertEqual(len(self.c.get_object_acl(Bucket=BUCKET, Key="x")["Grants"]), 2)
        self.c.put_object_acl(Bucket=BUCKET, Key="x", ACL="private")
        self.assertEqual(len(self.c.get_object_acl(Bucket=BUCKET, Key="x")["Grants"]), 1)
        self.c.put_object_tagging(Bucket=BUCKET, Key="x", Tagging={"TagSet": [{"Key": "c", "Value": "3"}]})
        self.assertEqual(self.c.get_object_tagging(Bucket=BUCKET, Key="x")["TagSet"], [{"Key": "c", "Value": "3"}])
        self.fails(404, "404", self.c.head_object, Bucket=BUCKET, Key="none")

    def test_checksums(self):
        for algorithm in ("CRC32", "SHA1", "SHA256"):
            put = self.put("x", ChecksumAlgorithm=algorithm)
            got = self.c.get_object(Bucket=BUCKET, Key="x", ChecksumMode="ENABLED")
            self.assertEqual(got["Checksum" + algorithm], put["Checksum" + algorithm])
            self.assertEqual(got["Body"].read(), BODY)      # compared by the SDK
        self.fails(400, "BadDigest", self.put, "x", ChecksumCRC32="AAAAAA==")
        self.fails(400, "BadDigest", self.put, "x", ContentMD5="DMF1ucDxtqgxw5niaXcmYQ==")

    def test_multipart(self):
        key = "multi/中 +"
        upload = self.c.create_multipart_upload(Bucket=BUCKET, Key=key, ContentType="text/csv", Metadata={"a": "b"})["UploadId"]
        parts = []
        for number, body in ((1, PART), (2, b"end")):
            done = self.c.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=body)
            parts.append({"PartNumber": number, "ETag": done["ETag"]})
        pages = self.c.get_paginator("list_parts").paginate(Bucket=BUCKET, Key=key, UploadId=upload, PaginationConfig={"PageSize": 1})
        self.assertEqual([p["Size"] for page in pages for p in page["Parts"]], [len(PART), 3])
        listed = self.c.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
        self.assertEqual([(u["Key"], u["UploadId"]) for u in listed], [(key, upload)])
        done = self.c.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
        self.assertRegex(done["ETag"], r'^"[0-9a-f]{32}-2"$')
        self.assertEqual(self.get(key), PART + b"end")
        self.fails(404, "NoSuchUpload", self.c.abort_multipart_upload, Bucket=BUCKET, Key=key, UploadId=upload)

    def test_transfer_manager(self):
        data = PART * 3 + b"tail"
        config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=3)
        self.c.upload_fileobj(io.BytesIO(data), BUCKET, "big", Config=config)
        back = io.BytesIO()
        self.c.download_fileobj(BUCKET, "big", back, Config=config)
        self.assertEqual(back.getvalue(), data)
        self.assertEqual(self.store.counters("CompleteMultipartUpload")["requests"], 1)

    def test_part_rules_and_abort(self):
        self.put("source 中+", PART)
        upload = self.c.create_multipart_upload(Bucket=BUCKET, Key="m")["UploadId"]
        copied = self.c.upload_part_copy(Bucket=BUCKET, Key="m", UploadId=upload, PartNumber=1, CopySourceRange="bytes=0-99999",
                                         CopySource={"Bucket": BUCKET, "Key": "source 中+"})["CopyPartResult"]
        small = self.c.upload_part(Bucket=BUCKET, Key="m", UploadId=upload, PartNumber=2, Body=b"small")
        parts = [{"PartNumber": 1, "ETag": copied["ETag"]}, {"PartNumber": 2, "ETag": small["ETag"]}]
        complete = dict(Bucket=BUCKET, Key="m", UploadId=upload)
        self.fails(400, "EntityTooSmall", self.c.complete_multipart_upload, MultipartUpload={"Parts": parts}, **complete)
        self.fails(400, "InvalidPartOrder", self.c.complete_multipart_upload, MultipartUpload={"Parts": parts[::-1]}, **complete)
        self.c.complete_multipart_upload(MultipartUpload={"Parts": parts[:1]}, **complete)
        self.assertEqual(self.get("m"), PART[:100000])
        upload = self.c.create_multipart_upload(Bucket=BUCKET, Key="m")["UploadId"]
        self.c.abort_multipart_upload(Bucket=BUCKET, Key="m", UploadId=upload)
        self.assertEqual(self.store.control("GET", "uploads")["uploads"], [])

    def test_delete_and_copy(self):
        for key in ODD_KEYS:
            self.put(key, b"1")
        self.c.copy_object(Bucket=BUCKET, Key="copied 中", CopySource={"Bucket": BUCKET, "Key": "plus+plus"})
        self.assertEqual(self.get("copied 中"), b"1")
        self.c.delete_object(Bucket=BUCKET, Key="copied 中")
        done = self.c.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in ODD_KEYS]})
        self.assertEqual([d["Key"] for d in done["Deleted"]], ODD_KEYS)
        self.assertNotIn("Contents", self.c.list_objects_v2(Bucket=BUCKET))

    def test_list_delimiter(self):
        for key in ("a/1", "a/2", "b/1", "c"):
            self.put(key, b"")
        for size in (1, 2, 100):
            pages = list(self.c.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Delimiter="/", PaginationConfig={"PageSize": size}))
            self.assertEqual([p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])], ["a/", "b/"])
            self.assertEqual([o["Key"] for page in pages for o in page.get("Contents", [])], ["c"])

    def test_archive(self):
        self.put("cold", b"1", StorageClass="GLACIER")
        self.fails(403, "InvalidObjectState", self.get, "cold")
        self.c.restore_object(Bucket=BUCKET, Key="cold", RestoreRequest={"Days": 1})
        self.assertEqual(self.get("cold"), b"1")

    def test_credentials(self):
        def put(client):
            client.put_object(Bucket=BUCKET, Key="x", Body=b"1")

        self.fails(403, "SignatureDoesNotMatch", put, self.client(secret="wrong"))
        self.fails(403, "InvalidAccessKeyId", put, self.client(key="nobody"))
        self.store.control("POST", "reset", {})
        put(self.client(region="us-west-2"))        # it takes the region out of our answer and tries again
        log = [(r["op"], r["status"]) for r in self.store.control("GET", "log")["requests"]]
        self.assertEqual((log[0], log[-1]), (("PutObject", 400), ("PutObject", 200)))
        self.store.configure(keys=[{"access_key": "sts", "secret": "s", "token": "to+ken/=", "token_expires": 4102444800},
                                   {"access_key": "old", "secret": "s", "token": "t", "token_expires": 1}])
        put(self.client("sts", "s", "to+ken/="))
        self.fails(400, "ExpiredToken", put, self.client("old", "s", "t"))
        self.fails(400, "InvalidToken", put, self.client("sts", "s", "other"))

    def test_signed_url(self):
        import requests
        url = self.c.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "dir/u 中+"}, 60)
        self.assertEqual(requests.put(url, data=b"by url", verify=self.store.ca, timeout=60).status_code, 200)
        url = self.c.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "dir/u 中+"}, 60)
        self.assertEqual(requests.get(url, verify=self.store.ca, timeout=60).content, b"by url")
        self.store.configure(clock_offset=120)
        self.assertEqual(requests.get(url, verify=self.store.ca, timeout=60).status_code, 403)

    def test_buckets(self):
        self.c.create_bucket(Bucket="made-bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
        self.assertEqual(self.c.get_bucket_location(Bucket="made-bucket")["LocationConstraint"], REGION)
        self.c.head_bucket(Bucket="made-bucket")
        self.assertEqual([b["Name"] for b in self.c.list_buckets()["Buckets"]], ["made-bucket", OPEN_BUCKET, BUCKET])
        self.c.delete_bucket(Bucket="made-bucket")
        self.fails(404, "404", self.c.head_bucket, Bucket="made-bucket")

    def test_200_with_an_error(self):
        """The SDK takes it for a 500, as we must."""
        upload = self.c.create_multipart_upload(Bucket=BUCKET, Key="m")["UploadId"]
        etag = self.c.upload_part(Bucket=BUCKET, Key="m", UploadId=upload, PartNumber=1, Body=b"1")["ETag"]
        self.store.fault("error_200", op="CompleteMultipartUpload", stage="start")
        with self.assertRaises(ClientError) as caught:
            self.c.complete_multipart_upload(Bucket=BUCKET, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        self.assertEqual(caught.exception.response["Error"]["Code"], "InternalError")


class Path(Operations, StoreCase):
    def test_anonymous(self):
        self.c.put_object(Bucket=OPEN_BUCKET, Key="x", Body=b"1")
        self.put("x", b"1")
        self.store.configure(default_dialect="s3")
        anybody = self.client(signature_version=UNSIGNED)
        self.assertEqual(anybody.get_object(Bucket=OPEN_BUCKET, Key="x")["Body"].read(), b"1")
        self.fails(403, "AccessDenied", anybody.get_object, Bucket=BUCKET, Key="x")
        self.store.configure(default_dialect="oss")


class PathWithoutChecksums(Operations, StoreCase):
    checksums = "when_required"


class Virtual(Operations, StoreCase):
    style = "virtual"

    def endpoint(self):
        return "http://localhost:%d" % self.store.port


class Tls(Operations, StoreCase):
    def endpoint(self):
        return self.store.tls_endpoint

    def test_trailers(self):
        """The body came aws-chunked; the flavour of OSS refuses that."""
        self.put("x")
        self.assertIn("x-amz-trailer", self.store.control("GET", "log")["requests"][-1]["headers"])
        self.store.configure(s3_flavour="oss")
        self.fails(400, "InvalidArgument", self.put, "x")


class TlsVirtual(Operations, StoreCase):
    style = "virtual"

    def endpoint(self):
        return "https://store.localhost:%d" % self.store.tls_port


if __name__ == "__main__":
    os.environ.pop("AWS_PROFILE", None)
    run()
