#!/usr/bin/python3
"""Writes vectors.h, the C form of vectors.json, for test_sign.c.

usage: contrib_tests/unit/make_vectors.py     (both files stand beside this script)
"""
import hashlib
import json
import os


def c_string(text):
    if text is None:
        return "NULL"
    out = ""
    for byte in text.encode():
        char = chr(byte)
        if char in '"\\':
            out += "\\" + char
        elif 32 <= byte < 127:
            out += char
        else:
            out += "\\%03o" % byte
    return '"' + out + '"'


def c_pairs(pairs):
    items = ["{%s, %s}" % (c_string(name), c_string(value)) for name, value in pairs.items()]
    return "{%s}" % ", ".join(items + ["{NULL, NULL}"])


def c_vector(name, op):
    fields = [
        ("name", c_string(name)),
        ("method", c_string(op["verb"])),
        ("bucket", c_string(op["bucket"])),
        ("key", c_string(op["key"])),
        ("date", c_string(op["date"])),
        ("iso", c_string(op["iso"])),
        ("query", c_pairs(op["query"])),
        ("oss_headers", c_pairs(op["headers"])),
        ("obs_headers", c_pairs(op["obs"]["headers"])),
        ("s3_headers", c_pairs(op["s3v4"]["headers"])),
        ("v1_text", c_string(op["v1"]["sts"])),
        ("v1_authorization", c_string(op["v1"]["auth"])),
        ("v4_canonical", c_string(op["v4"]["canonical"])),
        ("v4_text", c_string(op["v4"]["sts"])),
        ("v4_authorization", c_string(op["v4"]["auth"])),
        ("obs_text", c_string(op["obs"]["sts"])),
        ("obs_authorization", c_string(op["obs"]["auth"])),
        ("s3_canonical", c_string(op["s3v4"]["canonical"])),
        ("s3_text", c_string(op["s3v4"]["sts"])),
        ("s3_authorization", c_string(op["s3v4"]["auth"])),
    ]
    return "\t{" + ",\n\t ".join(".%s = %s" % field for field in fields) + "}"


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "vectors.json"), "rb") as file:
        source = file.read()
    data = json.loads(source)
    vectors = ",\n".join(c_vector(name, op) for name, op in data["ops"].items())
    text = f"""/* Made by make_vectors.py from vectors.json; do not edit. */
#define VECTORS_SHA256 "{hashlib.sha256(source).hexdigest()}"

static const char *const vector_access_key_id = {c_string(data["ak"])};
static const char *const vector_access_key_secret = {c_string(data["sk"])};
static const char *const vector_region_oss = {c_string(data["region_oss"])};
static const char *const vector_region_s3 = {c_string(data["region_s3"])};

static const vector vectors[] = {{
{vectors}}};
"""
    with open(os.path.join(here, "vectors.h"), "w", encoding="ascii") as file:
        file.write(text)


if __name__ == "__main__":
    main()
