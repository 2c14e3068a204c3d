"""Puts one file into the local store with a signed PUT, as any client of OSS would.

usage: put_object.py KEY FILE		bucket, port and keys come from the OSS_TEST_* variables of with_store.sh
"""

import http.client
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "store"))
import signatures  # noqa: E402


def put(key, path):
    bucket, region = os.environ["OSS_TEST_BUCKET"], os.environ["OSS_TEST_REGION"]
    timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {"x-oss-date": timestamp, "x-oss-content-sha256": "UNSIGNED-PAYLOAD",
               "content-type": "application/octet-stream", "content-length": str(os.path.getsize(path))}
    canonical = signatures.oss_v4_canonical("PUT", bucket, key, [], headers, [])
    _, signature = signatures.oss_v4_sign(os.environ["OSS_TEST_KEY_SECRET"], timestamp, region, canonical)
    headers["authorization"] = "OSS4-HMAC-SHA256 Credential=%s/%s/%s/oss/aliyun_v4_request,Signature=%s" % (
        os.environ["OSS_TEST_KEY_ID"], timestamp[:8], region, signature)
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["OSS_TEST_PORT"]), timeout=60)
    with open(path, "rb") as body:
        connection.request("PUT", signatures.encode_path("/%s/%s" % (bucket, key)), body=body, headers=headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        sys.exit("PUT %s: HTTP %d %s" % (key, answer.status, text.decode("utf-8", "replace")))


if len(sys.argv) != 3:
    sys.exit(__doc__)
put(sys.argv[1], sys.argv[2])
