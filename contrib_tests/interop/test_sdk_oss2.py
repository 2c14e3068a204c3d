#!/usr/bin/python3
"""Alibaba's older SDK oss2, unchanged, against the local store: V4, V1 and STS, path and virtual style, CRC checks on."""

import os

from store_fixture import BUCKET, KEY, ODD_KEYS, OPEN_BUCKET, REGION, SECRET, StoreCase, localhost_names, needs, run

needs("oss2")
import oss2  # noqa: E402

import checksums  # noqa: E402

BODY = bytes(range(256)) * 1200


class Operations:
    v4 = True

    def endpoint(self):
        return self.store.endpoint

    def auth(self, key=KEY, secret=SECRET):
        return oss2.AuthV4(key, secret) if self.v4 else oss2.Auth(key, secret)

    def sts(self, key, secret, token):
        return oss2.StsAuth(key, secret, token, auth_version=oss2.AUTH_VERSION_4 if self.v4 else oss2.AUTH_VERSION_1)

    def bucket(self, auth=None, name=BUCKET):
        return oss2.Bucket(auth or self.auth(), self.endpoint(), name, region=REGION, enable_crc=True)

    def setUp(self):
        super().setUp()
        self.b = self.bucket()

    def fails(self, status, code, function, *arguments, **more):
        with self.assertRaises(oss2.exceptions.OssError) as caught:
            function(*arguments, **more)
        self.assertEqual((caught.exception.status, caught.exception.code), (status, code))
        return caught.exception

    def keys(self):
        return [o["key"] for o in self.store.control("GET", "objects", bucket=BUCKET)["objects"]]

    def test_put_get_odd_keys(self):
        for key in ODD_KEYS:
            with self.subTest(key):
                put = self.b.put_object(key, key.encode())
                self.assertEqual(put.crc, checksums.crc64(key.encode()))
                self.assertEqual(self.b.get_object(key).read(), key.encode())
        wanted = sorted(ODD_KEYS, key=lambda k: k.encode())
        self.assertEqual([o.key for o in oss2.ObjectIterator(self.b, max_keys=4)], wanted)
        self.assertEqual([o.key for o in oss2.ObjectIteratorV2(self.b, max_keys=4)], wanted)
        self.assertEqual([o.key for o in oss2.ObjectIteratorV2(self.b, prefix="per%")], ["per%20cent", "per%cent"])
        self.assertEqual([o.key for o in oss2.ObjectIteratorV2(self.b, prefix="with s")], ["with space"])

    def test_range_and_conditions(self):
        etag = self.b.put_object("r", BODY).etag
        standard = {"x-oss-range-behavior": "standard"}
        self.assertEqual(self.b.get_object("r", byte_range=(5, 9), headers=standard).read(), BODY[5:10])
        self.assertEqual(self.b.get_object("r", byte_range=(None, 9)).read(), BODY[-9:])
        self.assertEqual(self.b.get_object("r", headers={"If-Match": etag}).read(), BODY)
        self.fails(412, "PreconditionFailed", self.b.get_object, "r", headers={"If-Match": '"x"'})
        with self.assertRaises(oss2.exceptions.NotModified):
            self.b.get_object("r", headers={"If-None-Match": '"%s"' % etag})
        self.fails(409, "FileAlreadyExists", self.b.put_object, "r", b"", headers={"x-oss-forbid-overwrite": "true"})

    def test_attributes(self):
        headers = {"x-oss-meta-a": "1", "x-oss-storage-class": "IA", "Content-Type": "text/csv", "x-oss-object-acl": "public-read",
                   "x-oss-tagging": "k=v", "x-oss-server-side-encryption": "KMS"}
        self.b.put_object("x", BODY, headers=headers)
        head = self.b.head_object("x")
        self.assertEqual((head.content_length, head.content_type, head.headers["x-oss-meta-a"], head.headers["x-oss-storage-class"]),
                         (len(BODY), "text/csv", "1", "IA"))
        self.assertEqual(self.b.get_object_acl("x").acl, "public-read")
        self.b.put_object_acl("x", oss2.OBJECT_ACL_PRIVATE)
        self.assertEqual(self.b.get_object_acl("x").acl, "private")
        self.assertEqual(self.b.get_object_tagging("x").tag_set.tagging_rule, {"k": "v"})
        self.assertEqual(self.b.get_object_meta("x").content_length, len(BODY))
        self.assertFalse(self.b.object_exists("none"))
        self.fails(404, "NoSuchKey", self.b.get_object, "none")

    def test_chunked_body(self):
        """A generator has no length, so the SDK sends Transfer-Encoding: chunked."""
        self.b.put_object("gen", (BODY[i:i + 1000] for i in range(0, len(BODY), 1000)))
        self.assertEqual(self.b.get_object("gen").read(), BODY)

    def test_multipart(self):
        key = "multi/中 +"
        upload = self.b.init_multipart_upload(key, headers={"Content-Type": "text/csv"}).upload_id
        parts = []
        for number in (1, 2):
            done = self.b.upload_part(key, upload, number, BODY)
            parts.append(oss2.models.PartInfo(number, done.etag, size=len(BODY), part_crc=done.crc))
        self.assertEqual([(p.part_number, p.size) for p in self.b.list_parts(key, upload).parts], [(1, len(BODY)), (2, len(BODY))])
        self.assertEqual([(u.key, u.upload_id) for u in oss2.MultipartUploadIterator(self.b)], [(key, upload)])
        self.b.complete_multipart_upload(key, upload, parts)    # compares the CRC of the whole
        self.assertEqual(self.b.get_object(key).read(), BODY * 2)
        self.fails(404, "NoSuchUpload", self.b.abort_multipart_upload, key, upload)

    def test_part_copy_and_abort(self):
        self.b.put_object("source +中", BODY)
        upload = self.b.init_multipart_upload("m").upload_id
        copied = self.b.upload_part_copy(BUCKET, "source +中", (0, 149999), "m", upload, 1)
        self.b.complete_multipart_upload("m", upload, [oss2.models.PartInfo(1, copied.etag)])
        self.assertEqual(self.b.get_object("m").read(), BODY[:150000])
        uploads = sorted(("u%d" % n, self.b.init_multipart_upload("u%d" % n).upload_id) for n in range(3))
        self.assertEqual([(u.key, u.upload_id) for u in oss2.MultipartUploadIterator(self.b, max_uploads=2)], uploads)
        for key, upload in uploads:
            self.b.abort_multipart_upload(key, upload)
        self.assertEqual(self.store.control("GET", "uploads")["uploads"], [])

    def test_resumable(self):
        path = os.path.join(self.store.folder, "file")
        with open(path, "wb") as file:
            file.write(BODY * 10)
        store = oss2.ResumableStore(root=self.store.folder)
        oss2.resumable_upload(self.b, "big", path, store=store, multipart_threshold=1, part_size=500 * 1024, num_threads=3)
        oss2.resumable_download(self.b, "big", path + ".back", multiget_threshold=1, part_size=500 * 1024, num_threads=3,
                                store=oss2.ResumableDownloadStore(root=self.store.folder))
        with open(path + ".back", "rb") as file:
            self.assertEqual(file.read(), BODY * 10)

    def test_delete_copy_append(self):
        for key in ODD_KEYS:
            self.b.put_object(key, b"1")
        self.b.copy_object(BUCKET, "plus+plus", "copied 中")
        self.assertEqual(self.b.get_object("copied 中").read(), b"1")
        self.b.delete_object("copied 中")
        self.assertEqual(sorted(self.b.batch_delete_objects(ODD_KEYS).deleted_keys), sorted(ODD_KEYS))
        self.assertEqual(self.keys(), [])
        first = self.b.append_object("log", 0, b"ab", init_crc=0)
        self.assertEqual(first.next_position, 2)
        second = self.b.append_object("log", 2, b"cd", init_crc=first.crc)
        self.assertEqual((second.next_position, second.crc), (4, checksums.crc64(b"abcd")))
        error = self.fails(409, "PositionNotEqualToLength", self.b.append_object, "log", 1, b"x")
        self.assertEqual(error.headers["x-oss-next-append-position"], "4")

    def test_list_delimiter(self):
        for key in ("a/1", "a/2", "b/1", "c"):
            self.b.put_object(key, b"")
        for limit in (1, 2, 100):
            found = [(o.key, o.is_prefix()) for o in oss2.ObjectIterator(self.b, delimiter="/", max_keys=limit)]
            self.assertEqual(found, [("a/", True), ("b/", True), ("c", False)])

    def test_credentials(self):
        self.fails(403, "SignatureDoesNotMatch", self.bucket(self.auth(secret="wrong")).put_object, "x", b"1")
        self.fails(403, "InvalidAccessKeyId", self.bucket(self.auth(key="nobody")).get_object, "x")
        self.store.configure(keys=[{"access_key": "sts", "secret": "s", "token": "to+ken/=", "token_expires": 4102444800},
                                   {"access_key": "old", "secret": "s", "token": "t", "token_expires": 1}])
        temporary = self.bucket(self.sts("sts", "s", "to+ken/="))
        temporary.put_object("x y", b"1")
        self.assertEqual(temporary.get_object("x y").read(), b"1")
        self.fails(403, "SecurityTokenExpired", self.bucket(self.sts("old", "s", "t")).get_object, "x y")
        url = temporary.sign_url("GET", "x y", 60, slash_safe=True)
        self.assertEqual(self.b.get_object_with_url(url).read(), b"1")

    def test_signed_url(self):
        url = self.b.sign_url("PUT", "dir/u 中+", 60, slash_safe=True)
        self.b.put_object_with_url(url, b"by url")
        url = self.b.sign_url("GET", "dir/u 中+", 60, slash_safe=True)
        self.assertEqual(self.b.get_object_with_url(url).read(), b"by url")
        self.fails(403, "SignatureDoesNotMatch", self.b.put_object_with_url, url, b"x")
        self.store.configure(clock_offset=120)
        self.fails(403, "AccessDenied", self.b.get_object_with_url, url)

    def test_crc_is_checked(self):
        self.store.fault("wrong_crc", op="PutObject")
        with self.assertRaises(oss2.exceptions.InconsistentError):
            self.b.put_object("x", BODY)
        self.b.put_object("x", BODY)
        self.store.fault("wrong_crc", op="GetObject")
        with self.assertRaises(oss2.exceptions.InconsistentError):
            self.b.get_object_to_file("x", os.path.join(self.store.folder, "x"))

    def test_buckets(self):
        made = self.bucket(name="made-bucket")
        made.create_bucket(oss2.BUCKET_ACL_PUBLIC_READ)
        self.assertEqual(made.get_bucket_acl().acl, "public-read")
        self.assertEqual(made.get_bucket_info().location, "oss-" + REGION)
        self.assertEqual(made.get_bucket_location().location, "oss-" + REGION)
        names = [b.name for b in oss2.BucketIterator(oss2.Service(self.auth(), self.endpoint(), region=REGION))]
        self.assertEqual(names, ["made-bucket", OPEN_BUCKET, BUCKET])
        made.delete_bucket()
        self.fails(404, "NoSuchBucket", made.get_bucket_info)


class V4Path(Operations, StoreCase):
    pass


class V1Path(Operations, StoreCase):
    v4 = False


class V4Virtual(Operations, StoreCase):
    def endpoint(self):
        localhost_names()
        return "http://localhost:%d" % self.store.port


class V1Virtual(V4Virtual):
    v4 = False


if __name__ == "__main__":
    run()
